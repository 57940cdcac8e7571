"""All-day samples by the athlete's own days: edges, statistics, and totals that count each moment once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

# A watch writes steps and energy in stretches of up to some ten minutes, and none for minutes without any. A gap no
# longer than this between two of its samples is time that it was worn, so the phone's steps in it are not added; a
# longer one is time that the phone may fill.
WORN_GAP_MS = 10 * 60 * 1000


@dataclass(frozen=True, eq=False)
class Part:
    """One source's samples of a total, in any order; where sources overlap, the lowest rank counts."""

    rank: int
    start_ms: Ints
    end_ms: Ints
    value: Floats


@dataclass(frozen=True, eq=False)
class Merged:
    """Totals by day, and what each part gave to them: `by_part[i]` belongs to `parts[i]`."""

    total: Floats
    by_part: Floats


@dataclass(frozen=True, eq=False)
class DayStats:
    """One figure a day; NaN (count 0) on days without a sample."""

    count: Ints
    mean: Floats
    min: Floats
    max: Floats
    sum: Floats
    last: Floats


@lru_cache(maxsize=16)
def day_edges(first: date, last: date, zone: ZoneInfo) -> Ints:
    """Where the days from first to last begin in that zone, in ms since 1970 UTC, and where the last one ends."""
    days = (last - first).days + 2
    midnights = (datetime.combine(first + timedelta(days=day), datetime.min.time(), zone) for day in range(days))
    edges = np.fromiter((round(midnight.timestamp() * 1000) for midnight in midnights), np.int64, days)
    edges.flags.writeable = False  # whoever asks next gets the same ones
    return edges


def stats_by_day(start_ms: Ints, value: Floats, edges: Ints) -> DayStats:
    """Statistics of the samples that start in each day; a value that was not told (NaN) counts for nothing."""
    days = max(len(edges) - 1, 0)
    told = ~np.isnan(value)
    order = np.argsort(start_ms[told], kind="stable")
    start, value = start_ms[told][order], value[told][order]
    bounds = np.searchsorted(start, edges)
    count = np.diff(bounds)
    some = count > 0
    first = bounds[:-1][some]
    inside = value[: bounds[-1]] if days else value[:0]

    def by_day(figures: Floats) -> Floats:
        result = np.full(days, np.nan)
        result[some] = figures
        return result

    if not some.any():
        empty = by_day(np.empty(0))
        return DayStats(count, empty, empty, empty, empty, empty)
    total = np.add.reduceat(inside, first)
    return DayStats(
        count=count,
        mean=by_day(total / count[some]),
        min=by_day(np.minimum.reduceat(inside, first)),
        max=by_day(np.maximum.reduceat(inside, first)),
        sum=by_day(total),
        last=by_day(inside[bounds[1:][some] - 1]),
    )


def merge_totals(parts: Sequence[Part], edges: Ints) -> Merged:
    """Totals by day that count each moment once, whatever the order of the parts.

    Moments that a better part covers count for it alone: what another part tells of a stretch counts in proportion to
    its uncovered share, a sample without length where its moment is not covered. Two samples of one part that overlap
    share their time in the same way. A stretch over midnight is divided in proportion.
    """
    by_part = np.zeros((len(parts), len(edges) - 1))
    usable = [_usable(part) for part in parts]
    ranks = [part.rank for part in parts]

    def precedence(index: int) -> tuple[int, float, int, bytes]:
        """Rank first; among equals something of the samples themselves, so that no order of arrival decides."""
        if ranks.count(ranks[index]) == 1:
            return ranks[index], 0.0, 0, b""
        start, _, value = usable[index]
        return ranks[index], -float(value.sum()), -len(start), b"".join(column.tobytes() for column in usable[index])

    cover = _Cover(np.empty(0, np.int64), np.empty(0, np.int64))
    for index in sorted(range(len(parts)), key=precedence):
        start, end, value = usable[index]
        by_part[index] = _uncovered_by_day(start, end, value, cover, edges)
        cover = cover.with_worn(start, end)
    return Merged(by_part.sum(axis=0), by_part)


def _usable(part: Part) -> tuple[Ints, Ints, Floats]:
    """The samples by start, without those that tell no value or end before they start."""
    start, end, value = part.start_ms, part.end_ms, part.value
    good = (end >= start) & ~np.isnan(value)
    if not good.all():
        start, end, value = start[good], end[good], value[good]
    order = np.arange(len(start)) if (start[1:] >= start[:-1]).all() else np.argsort(start, kind="stable")
    # Samples come by start; only those that share one want a closer look.
    tied = np.zeros(len(start), bool)
    tied[1:] = start[order[1:]] == start[order[:-1]]
    tied[:-1] |= tied[1:]
    rows = order[tied]
    order[tied] = rows[np.lexsort((value[rows], end[rows], start[rows]))]
    return start[order], end[order], value[order]


class _Cover:
    """Stretches that do not touch, in order, and how much of the time before any moment they cover."""

    def __init__(self, start: Ints, end: Ints) -> None:
        self.start, self.end = start, end
        self.before = np.concatenate([np.zeros(1, np.int64), np.cumsum(end - start)])

    def until(self, moment: Ints) -> Ints:
        """Covered ms before each moment."""
        index = np.searchsorted(self.start, moment, side="right")
        if not len(self.start):
            return np.zeros(len(moment), np.int64)
        latest = np.maximum(index - 1, 0)
        inside = np.minimum(moment, self.end[latest]) - self.start[latest]
        return np.where(index > 0, self.before[latest] + inside, 0)

    def holds(self, moment: Ints) -> NDArray[np.bool_]:
        if not len(self.start):
            return np.zeros(len(moment), bool)
        index = np.searchsorted(self.start, moment, side="right") - 1
        return (index >= 0) & (moment <= self.end[np.maximum(index, 0)])

    def with_worn(self, start: Ints, end: Ints) -> _Cover:
        """This and the stretches in which a source was worn: its samples (by start), short gaps between them closed."""
        if not len(start):
            return self
        worn = _joined(start, end, WORN_GAP_MS)
        starts, ends = np.concatenate([self.start, worn[0]]), np.concatenate([self.end, worn[1]])
        order = np.lexsort((ends, starts))
        return _Cover(*_joined(starts[order], ends[order], 0))


def _joined(start: Ints, end: Ints, gap_ms: int) -> tuple[Ints, Ints]:
    """Stretches (by start) as fewer that do not touch, gaps of at most gap_ms closed."""
    reach = np.maximum.accumulate(end)
    opens = np.concatenate([[True], start[1:] - reach[:-1] > gap_ms])
    closes = np.concatenate([opens[1:], [True]])
    return start[opens], reach[closes]


def _uncovered_by_day(start: Ints, end: Ints, value: Floats, cover: _Cover, edges: Ints) -> Floats:
    days = len(edges) - 1
    totals = np.zeros(days)
    if not days or not len(start):
        return totals

    moments = start == end
    free = moments & ~cover.holds(start)
    totals += _added(np.searchsorted(edges, start[free], side="right") - 1, value[free], days)

    # An earlier sample of the same part has told the time up to its end: by start, what is left begins there.
    reach = np.maximum.accumulate(end)
    begin = np.maximum(start, np.concatenate([start[:1], reach[:-1]]))
    long = ~moments & (begin < end)
    begin, finish, length, value = begin[long], end[long], (end - start)[long], value[long]

    first = np.searchsorted(edges, begin, side="right") - 1
    pieces = np.searchsorted(edges, finish, side="left") - first
    row = np.repeat(np.arange(len(begin)), pieces)
    day = np.arange(len(row)) - np.repeat(np.cumsum(pieces) - pieces, pieces) + first[row]
    inside = (day >= 0) & (day < days)
    row, day = row[inside], day[inside]
    left, right = np.maximum(begin[row], edges[day]), np.minimum(finish[row], edges[day + 1])
    uncovered = (right - left) - (cover.until(right) - cover.until(left))
    return totals + _added(day, value[row] * (uncovered / length[row]), days)


def _added(day: Ints, value: Floats, days: int) -> Floats:
    inside = (day >= 0) & (day < days)
    return np.bincount(day[inside], weights=value[inside], minlength=days).astype(np.float64)
