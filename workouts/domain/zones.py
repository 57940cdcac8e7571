"""Zones as shares of an athlete's number. One continuous table each: where a zone ends the next begins.

Where the tables come from: power, Coggan's seven levels (an open top ends at 200 %); heart rate by maximum, the five
zones of Garmin's manuals; heart rate by threshold, Friel's five zones for runners, whose upper three are cut together
at 106 % and whose first begins at 65 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

Base = Literal["ftp", "max_heart_rate", "threshold_heart_rate"]


class Zone(NamedTuple):
    """Per cent of the base."""

    low: float
    high: float


def _table(*bounds: float) -> tuple[Zone, ...]:
    return tuple(Zone(low, high) for low, high in pairwise(bounds))


TABLES: dict[Base, tuple[Zone, ...]] = {
    "ftp": _table(0, 55, 75, 90, 105, 120, 150, 200),
    "max_heart_rate": _table(50, 60, 70, 80, 90, 100),
    "threshold_heart_rate": _table(65, 81, 90, 95, 100, 106),
}


def zone_range(base: Base, low: float, high: float, own: Sequence[Zone] | None = None) -> Zone:
    """Per cent of the base from the beginning of zone `low` to the end of zone `high`; `own` is the athlete's table."""
    table = own or TABLES[base]
    return Zone(table[int(low) - 1].low, table[int(high) - 1].high)
