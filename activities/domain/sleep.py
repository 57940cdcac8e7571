"""Stage samples -> sleeps, and which source's sleep is shown for a night.

Our stages: awake, light, deep, rem, asleep (no finer word told), in_bed.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import pairwise
from typing import NamedTuple

STAGES: tuple[str, ...] = ("awake", "rem", "light", "deep", "asleep", "in_bed")
FINE_STAGES = frozenset({"light", "deep", "rem"})
ASLEEP_STAGES = FINE_STAGES | {"asleep"}

# A night with an hour awake in the kitchen is one sleep; a nap after lunch is another.
SESSION_GAP_MS = 2 * 3600 * 1000
# The longest sleep of a day is its main one unless it is shorter than this: then the night was not recorded.
MAIN_SLEEP_S = 2 * 3600

# Where records overlap, the finer word is shown.
_FINENESS = {"in_bed": 0, "asleep": 1, "awake": 2, "light": 3, "deep": 3, "rem": 3}


class StageSample(NamedTuple):
    """One stage as one source tells it; `zone` where it tells that too."""

    start_ms: int
    end_ms: int
    stage: str
    zone: tzinfo | None = None


@dataclass(frozen=True)
class ParsedSleep:
    """One sleep as one source tells it. `stages` holds (seconds from start, length, stage), which never overlap.

    Totals in seconds; None is "not told": a source that only knows in bed and asleep tells no deep sleep.
    """

    start_time: datetime
    end_time: datetime
    utc_offset_s: int
    # The day of waking up, where it happened.
    date: date
    stages: tuple[tuple[float, float, str], ...]
    in_bed_s: float | None = None
    asleep_s: float | None = None
    awake_s: float | None = None
    light_s: float | None = None
    deep_s: float | None = None
    rem_s: float | None = None
    efficiency_ratio: float | None = None
    # The provider's own id and score of it, on the provider's own scale, where it tells them.
    external_id: str = ""
    score: float | None = None


class Candidate(NamedTuple):
    """A sleep and who tells it: `preference` is low for what is worn at night, `source` any stable key."""

    source: str
    preference: int
    sleep: ParsedSleep


class Elected(NamedTuple):
    """Whether the sleep is shown, and whether it is its source's main sleep of the day and not a nap."""

    is_shown: bool
    is_main: bool


def sessions_of(samples: Iterable[StageSample], zone: tzinfo) -> list[ParsedSleep]:
    """The sleeps of one source, by start, whatever the order of its samples; `zone` where a sample tells none."""
    known = {sample for sample in samples if sample.stage in _FINENESS and sample.end_ms > sample.start_ms}
    ordered = sorted(known, key=lambda sample: (sample.start_ms, sample.end_ms, sample.stage, str(sample.zone)))
    groups: list[list[StageSample]] = []
    reach = 0
    for sample in ordered:
        if not groups or sample.start_ms - reach > SESSION_GAP_MS:
            groups.append([])
            reach = sample.end_ms
        groups[-1].append(sample)
        reach = max(reach, sample.end_ms)
    return [_session(group, zone) for group in groups]


def _session(samples: Sequence[StageSample], zone: tzinfo) -> ParsedSleep:
    start_ms, end_ms = samples[0].start_ms, max(sample.end_ms for sample in samples)
    timeline = _timeline(samples)
    told = {sample.stage for sample in samples}
    totals: dict[str, float] = defaultdict(float)
    for begin, end, stage in timeline:
        totals[stage] += (end - begin) / 1000

    def total(stage: str, is_told: bool) -> float | None:
        return totals[stage] if is_told else None

    fine = bool(told & FINE_STAGES)
    asleep = sum(totals[stage] for stage in sorted(ASLEEP_STAGES)) if told & ASLEEP_STAGES else None
    in_bed = sum(
        end - begin for begin, end, _ in _timeline([sample for sample in samples if sample.stage == "in_bed"])
    ) / 1000 if "in_bed" in told else None  # fmt: skip
    # Some bands close "in bed" before the last stage: then the whole span is the time in bed.
    abed = in_bed if in_bed is not None and asleep is not None and in_bed >= asleep else (end_ms - start_ms) / 1000

    zoned = [(sample.end_ms, str(sample.zone), sample.zone) for sample in samples if sample.zone]
    where = max(zoned, key=lambda item: item[:2])[2] if zoned else zone
    start_time, end_time = (datetime.fromtimestamp(ms / 1000, UTC).astimezone(where) for ms in (start_ms, end_ms))
    return ParsedSleep(
        start_time=start_time,
        end_time=end_time,
        utc_offset_s=round((start_time.utcoffset() or timedelta()).total_seconds()),
        date=end_time.date(),
        stages=tuple(((begin - start_ms) / 1000, (end - begin) / 1000, stage) for begin, end, stage in timeline),
        in_bed_s=in_bed,
        asleep_s=asleep,
        awake_s=total("awake", fine or "awake" in told),
        light_s=total("light", fine),
        deep_s=total("deep", fine),
        rem_s=total("rem", fine),
        efficiency_ratio=asleep / abed if asleep is not None else None,
    )


def _timeline(samples: Sequence[StageSample]) -> list[tuple[int, int, str]]:
    """(start, end, stage) without overlaps: the finest word of each moment, among equals the one that began last."""
    waiting = sorted(samples, key=lambda sample: sample.start_ms)
    moments = sorted({moment for sample in samples for moment in (sample.start_ms, sample.end_ms)})
    told: list[tuple[int, int, int, str]] = []
    pieces: list[tuple[int, int, str]] = []
    upcoming = 0
    for begin, end in pairwise(moments):
        while upcoming < len(waiting) and waiting[upcoming].start_ms <= begin:
            sample = waiting[upcoming]
            heapq.heappush(told, (-_FINENESS[sample.stage], -sample.start_ms, -sample.end_ms, sample.stage))
            upcoming += 1
        while told and -told[0][2] <= begin:
            heapq.heappop(told)
        if not told:
            continue
        stage = told[0][3]
        if pieces and pieces[-1][1] == begin and pieces[-1][2] == stage:
            pieces[-1] = (pieces[-1][0], end, stage)
        else:
            pieces.append((begin, end, stage))
    return pieces


def elect(candidates: Sequence[Candidate]) -> list[Elected]:
    """For each candidate whether it is shown and whether it is main, whatever their order.

    Of sleeps that overlap, those of one source are shown: the one that tells most stages, then the one worn at night,
    then the one that saw most sleep. Another source's sleep is shown beside it where it overlaps nothing shown; mere
    time in bed only on a day that knows nothing better.
    """
    shown: set[int] = set()
    for night in _overlapping(candidates):
        by_source: dict[str, list[int]] = defaultdict(list)
        for index in night:
            by_source[candidates[index].source].append(index)
        for _, indices in sorted(by_source.items(), key=lambda item: _standing(item[0], item[1], candidates)):
            taken = [candidates[index].sleep for index in shown.intersection(night)]
            shown.update(
                index for index in indices if not any(_overlap(candidates[index].sleep, other) for other in taken)
            )
    slept = {candidates[index].sleep.date for index in shown if candidates[index].sleep.asleep_s is not None}
    shown = {
        index
        for index in shown
        if candidates[index].sleep.asleep_s is not None or candidates[index].sleep.date not in slept
    }
    main = _main(candidates, shown)
    return [Elected(index in shown, index in main) for index in range(len(candidates))]


def _overlapping(candidates: Sequence[Candidate]) -> list[list[int]]:
    """Indices in groups that hang together by overlaps."""
    order = sorted(range(len(candidates)), key=lambda index: _place(candidates[index]))
    groups: list[list[int]] = []
    reach: datetime | None = None
    for index in order:
        sleep = candidates[index].sleep
        if reach is None or sleep.start_time >= reach:
            groups.append([])
            reach = sleep.end_time
        groups[-1].append(index)
        reach = max(reach, sleep.end_time)
    return groups


def _place(candidate: Candidate) -> tuple[datetime, datetime, str]:
    return candidate.sleep.start_time, candidate.sleep.end_time, candidate.source


def _standing(source: str, indices: Sequence[int], candidates: Sequence[Candidate]) -> tuple[int, int, float, str]:
    sleeps = [candidates[index].sleep for index in indices]
    stages = {stage for sleep in sleeps for _, _, stage in sleep.stages}
    asleep = sum(sleep.asleep_s or 0 for sleep in sleeps)
    return -len(stages - {"in_bed"}), min(candidates[index].preference for index in indices), -asleep, source


def _overlap(one: ParsedSleep, other: ParsedSleep) -> bool:
    return one.start_time < other.end_time and other.start_time < one.end_time


def _main(candidates: Sequence[Candidate], shown: set[int]) -> set[int]:
    """One a day among the shown, one a day and source among the others: the longest, if it is long enough."""
    best: dict[tuple[date, str], tuple[float, datetime, str, int]] = {}
    for index, (source, _, sleep) in enumerate(candidates):
        length = sleep.asleep_s if sleep.asleep_s is not None else sleep.in_bed_s or 0
        if length < MAIN_SLEEP_S:
            continue
        key = (sleep.date, "" if index in shown else source)
        standing = (length, sleep.start_time, source, index)
        best[key] = max(best.get(key, standing), standing)
    return {index for *_, index in best.values()}
