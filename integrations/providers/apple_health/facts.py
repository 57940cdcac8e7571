"""What stands inside a Workout or a WorkoutActivity, and the numbers, times and zones that its texts tell."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from activities.formats.apple_health import Element, date_of
from trainstack.units import convert

QUANTITY_TYPE = "HKQuantityTypeIdentifier"
_QUANTITY = re.compile(r"\s*([-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)\s*(.*?)\s*")


@dataclass(frozen=True)
class Facts:
    """Metadata, statistics and events of one element."""

    # The first value of each key, and every value of the keys that are told more than once.
    metadata: Mapping[str, str]
    all_metadata: Mapping[str, str | list[str]]
    # WorkoutStatistics as told: the first of each type by its name without prefix, and all of them.
    statistics: Mapping[str, Mapping[str, str]]
    all_statistics: Sequence[Mapping[str, str]]
    events: Sequence[Element]

    @classmethod
    def of(cls, element: Element, others: Iterable[Element] = ()) -> Facts:
        """The element's own facts, and those of others that it does not tell itself."""
        values: dict[str, list[str]] = {}
        statistics: dict[str, Mapping[str, str]] = {}
        rows: list[Mapping[str, str]] = []
        events: list[Element] = []
        for part in (element, *others):
            for entry in part.all("MetadataEntry"):
                told = values.setdefault(entry.get("key"), [])
                if entry.get("value") not in told:
                    told.append(entry.get("value"))
            known = set(statistics)
            for row in part.all("WorkoutStatistics"):
                name = row.get("type").removeprefix(QUANTITY_TYPE)
                statistics.setdefault(name, row.attributes)
                if name not in known:
                    rows.append(row.attributes)
            events = events or part.all("WorkoutEvent")
        return cls(
            metadata={key: told[0] for key, told in values.items()},
            all_metadata={key: told[0] if len(told) == 1 else told for key, told in values.items()},
            statistics=statistics,
            all_statistics=rows,
            events=events,
        )

    def statistic(self, names: str | Sequence[str], figure: str, unit: str) -> float | None:
        """The `sum`, `average`, `minimum` or `maximum` of the first of these quantities that tells it, in our unit."""
        for name in (names,) if isinstance(names, str) else names:
            told = self.statistics.get(name)
            value = convert(number(told.get(figure)), told.get("unit", ""), unit) if told else None
            if value is not None:
                return value
        return None

    def distances(self) -> dict[str, float]:
        """Metres by kind of distance."""
        metres = {name: self.statistic(name, "sum", "m") for name in self.statistics if name.startswith("Distance")}
        return {name: told for name, told in metres.items() if told is not None}

    def quantity(self, key: str, unit: str) -> float | None:
        """A metadata quantity, "418 cm", in our unit."""
        value, told = quantity(self.metadata.get(key))
        return convert(value, told, unit)

    def whole(self, key: str) -> int | None:
        """A metadata number, "1"."""
        value = number(self.metadata.get(key))
        return None if value is None else int(value)


def number(told: str | None) -> float | None:
    """The finite number that the text is."""
    try:
        value = float(told) if told else None
    except ValueError:
        return None
    return value if value is not None and math.isfinite(value) else None


def quantity(told: str | None) -> tuple[float | None, str]:
    """The number and the unit of "418 cm"."""
    match = _QUANTITY.fullmatch(told or "")
    return (number(match.group(1)), match.group(2)) if match else (None, "")


def duration_s(element: Element) -> float | None:
    return convert(number(element.get("duration")), element.get("durationUnit") or "min", "s")


def end_of(element: Element, start: datetime) -> datetime | None:
    """When it ended; where that is not told, its start and its duration."""
    end, seconds = date_of(element.get("endDate")), duration_s(element)
    if end or seconds is None:
        return end
    try:
        return start + timedelta(seconds=seconds)
    except OverflowError:
        return None


def zone_named(name: str) -> ZoneInfo | None:
    """The time zone of this name; None where there is none."""
    try:
        return ZoneInfo(name) if name else None
    except (ValueError, OSError, LookupError):
        return None
