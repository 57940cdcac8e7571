"""The pure core of deduplication: records grouped a second, of a million by two thousand athletes, all on one core.

Seconds are those of the processor, so that the figure says the same beside other work; the clock's stand beside them.

python -m benchmarks.grouping [--athletes 2000] [--records 500]
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable
from typing import TypeVar

from activities.domain.matching import Decision, Neighbourhood, Record, components_of, groups_of, suggestions_of

GOAL = 50_000
PROVIDERS = ("apple_health", "garmin", "polar", "strava", "zwift")
SPORTS = ("running", "running.trail", "cycling.road", "walking.hiking", "swimming")
START_MS = 1_500_000_000_000
SECOND, HOUR = 1_000, 3_600_000

T = TypeVar("T")


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--athletes", type=int, default=2_000)
    arguments.add_argument("--records", type=int, default=500, help="of each athlete")
    chosen = arguments.parse_args()

    records = groups = suggestions = 0
    grouping = suggesting = waiting = 0.0
    sizes: Counter[int] = Counter()
    for number in range(chosen.athletes):
        mine, decisions = _athlete(_random(number), chosen.records)
        since = time.perf_counter()
        found, took = _timed(lambda mine=mine, decisions=decisions: groups_of(mine, decisions))
        waiting += time.perf_counter() - since
        grouping += took
        sizes.update(map(len, found))
        misses, took = _timed(
            lambda mine=mine, found=found, decisions=decisions: suggestions_of(mine, found, decisions)
        )
        suggesting += took
        records, groups, suggestions = records + len(mine), groups + len(found), suggestions + len(misses)
    speed = records / grouping
    print(
        f"{records:,} records of {chosen.athletes:,} athletes into {groups:,} groups: {grouping:.1f} s "
        f"({waiting:.1f} s by the clock), {speed:,.0f} records a second (at least {GOAL:,})"
    )
    print("  groups by size: " + ", ".join(f"{size}: {count:,}" for size, count in sorted(sizes.items())))
    print(f"  {suggestions:,} suggestions: {suggesting:.1f} s, {records / suggesting:,.0f} records a second")
    _large_account()
    _dense()
    return 0 if speed >= GOAL else 1


def _athlete(rng: random.Random, count: int) -> tuple[list[Record], list[Decision]]:
    """Years of training, two efforts in five told by several; laps one by one, unknown sports, a decision in fifty."""
    records: list[Record] = []
    decisions: list[Decision] = []
    start_ms = START_MS
    while len(records) < count:
        start_ms += rng.randint(5 * HOUR, 50 * HOUR)
        length_ms = rng.randint(900, 10_800) * SECOND
        metres = length_ms / SECOND * rng.uniform(1.5, 8)
        sport = rng.choice(SPORTS)
        tellers = rng.sample(PROVIDERS, rng.choices((1, 2, 3, 4), (60, 25, 10, 5))[0])
        for provider in tellers:
            elapsed_ms = length_ms + rng.randint(0, 30 * SECOND)
            records.append(
                Record(
                    provider=provider,
                    external_id=str(rng.getrandbits(60)),
                    sport="generic" if rng.random() < 0.05 else sport,
                    start_ms=start_ms
                    + (rng.randint(0, 10 * SECOND) if rng.random() < 0.9 else rng.randint(0, 200_000)),
                    elapsed_ms=elapsed_ms if rng.random() < 0.9 else None,
                    timer_ms=round(elapsed_ms * rng.uniform(0.85, 1)) if rng.random() < 0.7 else None,
                    moving_ms=round(elapsed_ms * rng.uniform(0.7, 0.9)) if provider == "strava" else None,
                    distance_m=metres * rng.uniform(0.99, 1.01) if rng.random() < 0.8 else None,
                )
            )
        if rng.random() < 0.02 and len(records) > 1:
            one, other = rng.sample(records[-6:], 2)
            decisions.append(Decision(len(decisions) + 1, rng.random() < 0.5, one.key, other.key))
        if rng.random() < 0.01:
            records += [
                Record("polar", f"lap {start_ms} {lap}", sport, start_ms + lap * 90 * SECOND, 90 * SECOND)
                for lap in range(8)
            ]
    rng.shuffle(records)
    return records, decisions


def _large_account() -> None:
    """One athlete of 20,000: all at once, and what one more record asks of the core."""
    records, decisions = _athlete(_random("large"), 20_000)
    groups, took = _timed(lambda: groups_of(records, decisions))
    print(f"one athlete of {len(records):,}: {len(groups):,} groups in {took * 1000:,.0f} ms")

    ordered = sorted(records, key=_start)

    def one_more(record: Record) -> None:
        search = Neighbourhood([record], decisions=decisions)
        while wanted := search.wanted():
            for first, last in wanted.spans:
                search.add(ordered[bisect_left(ordered, first, key=_start) : bisect_right(ordered, last, key=_start)])
        groups_of(search.component, decisions)

    _, took = _timed(lambda: [one_more(record) for record in records[:1_000]])
    print(f"  one more record, with {len(decisions)} decisions: {took:.3f} ms")


def _start(record: Record) -> int:
    return record.start_ms


def _random(seed: int | str) -> random.Random:
    return random.Random(seed)  # noqa: S311


def _dense() -> None:
    """Clusters as only broken clocks make them: all at one start; of many lengths, and of one."""
    rng = _random("dense")
    for count in (100, 1_000):
        mixed = [
            Record(rng.choice(PROVIDERS), str(number), "running", START_MS, rng.randint(600, 12_000) * SECOND)
            for number in range(count)
        ]
        groups, took = _timed(lambda mixed=mixed: groups_of(mixed))
        _, asked = _timed(lambda mixed=mixed, groups=groups: suggestions_of(mixed, groups))
        print(
            f"{count:,} records at one moment, of all lengths: {len(groups)} groups in "
            f"{len(components_of(mixed))} components in {took * 1000:,.0f} ms, suggestions in {asked * 1000:,.0f} ms"
        )
    copies = [Record("file", str(number), "running", START_MS, HOUR) for number in range(10_000)]
    groups, took = _timed(lambda: groups_of(copies))
    print(f"{len(copies):,} copies of one file: {len(groups)} group in {took * 1000:,.0f} ms")


def _timed(run: Callable[[], T]) -> tuple[T, float]:
    """What it gives, and the processor's seconds for it."""
    started = time.process_time()
    result = run()
    return result, time.process_time() - started


if __name__ == "__main__":
    sys.exit(main())
