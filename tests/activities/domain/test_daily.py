from __future__ import annotations

import time
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.domain.daily import WORN_GAP_MS, DayStats, Part, day_edges, merge_totals, stats_by_day

BERLIN = ZoneInfo("Europe/Berlin")
MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
EDGES = np.array([0, DAY, 2 * DAY, 3 * DAY], np.int64)


def part(rank: int, *samples: tuple[float, float, float]) -> Part:
    """Samples as (start, end, value), times in minutes."""
    rows = np.array(samples, np.float64).reshape(-1, 3)
    times = np.round(rows[:, :2] * MINUTE).astype(np.int64)
    return Part(rank, times[:, 0], times[:, 1], rows[:, 2])


def ms(*when: int) -> int:
    return round(datetime(*when, tzinfo=UTC).timestamp() * 1000)  # type: ignore[misc]


def test_day_edges_follow_summer_time() -> None:
    edges = day_edges(date(2026, 3, 28), date(2026, 3, 30), BERLIN)

    assert edges.tolist() == [ms(2026, 3, 27, 23), ms(2026, 3, 28, 23), ms(2026, 3, 29, 22), ms(2026, 3, 30, 22)]


def test_day_edges_where_midnight_does_not_exist() -> None:
    edges = day_edges(date(2018, 11, 4), date(2018, 11, 4), ZoneInfo("America/Sao_Paulo"))

    assert edges.tolist() == [ms(2018, 11, 4, 3), ms(2018, 11, 5, 2)]


def test_stats_by_day_reads_samples_in_any_order() -> None:
    start = np.array([DAY + 5, 10, DAY, 20, 30, -1, 3 * DAY], np.int64)
    value = np.array([7.0, 2.0, 5.0, np.nan, 4.0, 99.0, 99.0])

    stats = stats_by_day(start, value, EDGES)

    nan = np.nan
    for got, expected in zip(
        (stats.count, stats.mean, stats.min, stats.max, stats.sum, stats.last),
        ([2, 2, 0], [3, 6, nan], [2, 5, nan], [4, 7, nan], [6, 12, nan], [4, 7, nan]),
        strict=True,
    ):
        np.testing.assert_array_equal(got, np.array(expected))


@pytest.mark.parametrize("edges", [EDGES, EDGES[:1]], ids=["three days", "no day"])
def test_stats_by_day_of_nothing(edges: np.ndarray) -> None:
    stats = stats_by_day(np.empty(0, np.int64), np.empty(0), edges)

    days = len(edges) - 1
    assert isinstance(stats, DayStats)
    assert stats.count.tolist() == [0] * days
    assert np.isnan(stats.mean).tolist() == [True] * days


PHONE_FILLS = {
    "equal stretches count once": ([part(0, (0, 10, 100)), part(1, (0, 10, 90))], [100, 0, 0]),
    "the phone fills the hours without a watch": (
        [part(0, (0, 10, 100)), part(1, (0, 10, 90), (300, 310, 50))],
        [150, 0, 0],
    ),
    "a short gap is time that the watch was worn": (
        [part(0, (0, 10, 100), (20, 30, 100)), part(1, (12, 18, 40))],
        [200, 0, 0],
    ),
    "a longer gap is the phone's": (
        [part(0, (0, 10, 100), (21, 30, 100)), part(1, (10, 20, 40))],
        [240, 0, 0],
    ),
    "what is half covered counts half": ([part(0, (0, 10, 100)), part(1, (5, 15, 40))], [120, 0, 0]),
    "midnight divides in proportion": ([part(0, (1430, 1470, 40))], [10, 30, 0]),
    "the third source fills what two left": (
        [part(0, (0, 10, 1)), part(1, (100, 110, 2)), part(2, (0, 10, 4), (100, 110, 4), (200, 210, 4))],
        [7, 0, 0],
    ),
    "moments count where nothing covers them": (
        [part(0, (0, 10, 100)), part(1, (5, 5, 3), (10, 10, 3), (50, 50, 3), (50, 50, 4))],
        [107, 0, 0],
    ),
    "one source that overlaps itself": ([part(0, (0, 10, 100), (5, 15, 100))], [150, 0, 0]),
    "before the first day and after the last": (
        [part(0, (-10, 10, 20), (4310, 4330, 20), (9000, 9010, 5))],
        [10, 0, 10],
    ),
    "a value that was not told": ([part(0, (0, 10, np.nan)), part(1, (0, 10, 90))], [90, 0, 0]),
    "an end before the start": ([part(0, (10, 0, 7), (20, 30, 5))], [5, 0, 0]),
    "no samples": ([part(0)], [0, 0, 0]),
    "no sources": ([], [0, 0, 0]),
}


@pytest.mark.parametrize(("parts", "expected"), PHONE_FILLS.values(), ids=PHONE_FILLS.keys())
def test_merge_totals_counts_each_moment_once(parts: list[Part], expected: list[float]) -> None:
    assert merge_totals(parts, EDGES).total.tolist() == expected


def test_merge_totals_says_what_each_source_gave() -> None:
    merged = merge_totals([part(1, (0, 10, 90), (300, 310, 50)), part(0, (0, 10, 100))], EDGES)

    assert merged.by_part.tolist() == [[50, 0, 0], [100, 0, 0]]


minutes = st.integers(-200, 4500)
samples = st.lists(
    st.tuples(minutes, st.sampled_from([0, 1, 5, 30, 90, 1500]), st.integers(0, 500)).map(
        lambda row: (row[0], row[0] + row[1], float(row[2]))
    ),
    max_size=12,
)
some_parts = st.lists(st.tuples(st.integers(0, 2), samples), max_size=4).map(
    lambda told: [part(rank, *rows) for rank, rows in told]
)
WIDE = np.array([-30 * DAY, 40 * DAY], np.int64)


@given(some_parts)
def test_merge_totals_never_exceeds_the_plain_sum(parts: list[Part]) -> None:
    total = merge_totals(parts, WIDE).total[0]

    assert total <= sum(each.value.sum() for each in parts) + 1e-6


@given(some_parts, st.randoms(use_true_random=False))
def test_merge_totals_knows_no_order(parts: list[Part], random) -> None:
    shuffled = []
    for each in random.sample(parts, len(parts)):
        order = np.array(random.sample(range(len(each.value)), len(each.value)), np.int64)
        shuffled.append(Part(each.rank, each.start_ms[order], each.end_ms[order], each.value[order]))

    np.testing.assert_allclose(
        merge_totals(shuffled, EDGES).total, merge_totals(parts, EDGES).total, rtol=1e-12, atol=1e-9
    )


@given(some_parts)
def test_merge_totals_of_the_days_is_that_of_the_whole(parts: list[Part]) -> None:
    edges = np.arange(-30 * DAY, 41 * DAY, DAY, dtype=np.int64)

    assert merge_totals(parts, edges).total.sum() == pytest.approx(merge_totals(parts, WIDE).total[0], abs=1e-6)


@given(some_parts)
def test_merge_totals_gives_no_moment_more_than_its_length(parts: list[Part]) -> None:
    """Where each sample's value is its length, a day's total is the time that is told in it: no more than all of it."""
    timed = [Part(each.rank, each.start_ms, each.end_ms, (each.end_ms - each.start_ms) / 1.0) for each in parts]
    stretches = sorted((start, end) for each in parts for start, end in zip(each.start_ms, each.end_ms, strict=True))
    told, reach = 0, -(10**12)
    for start, end in stretches:
        told += max(0, end - max(start, reach))
        reach = max(reach, end)

    total = merge_totals(timed, WIDE).total[0]

    assert total <= told + 1e-6
    # What is missing lies in gaps in which a better source was worn and told nothing.
    assert told - total <= WORN_GAP_MS * sum(len(each.value) for each in parts)


@given(samples, some_parts)
def test_merge_totals_leaves_the_best_source_whole(best: list[tuple[float, float, float]], others: list[Part]) -> None:
    watch = part(-1, *best)

    merged = merge_totals([*others, watch], EDGES)

    np.testing.assert_allclose(merged.by_part[-1], merge_totals([watch], EDGES).total)
    assert (merged.total >= merged.by_part[-1] - 1e-9).all()


def test_merge_totals_of_a_year_is_quick() -> None:
    """Two sources of 100,000 samples. Measured at 45 ms; the bound leaves room for slower machines."""
    random = np.random.default_rng(1)
    edges = day_edges(date(2025, 1, 1), date(2025, 12, 31), BERLIN)
    parts = []
    for rank in range(2):
        start = np.sort(random.integers(edges[0], edges[-1], 100_000))
        parts.append(Part(rank, start, start + random.integers(0, 600_000, 100_000), random.random(100_000)))
    merge_totals(parts, edges)

    began = time.process_time()
    merge_totals(parts, edges)

    assert time.process_time() - began < 0.5
