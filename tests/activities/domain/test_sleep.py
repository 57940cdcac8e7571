from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.domain.sleep import (
    SESSION_GAP_MS,
    STAGES,
    Candidate,
    Elected,
    ParsedSleep,
    StageSample,
    elect,
    sessions_of,
)

BERLIN = ZoneInfo("Europe/Berlin")
DENVER = ZoneInfo("America/Denver")
EVENING = datetime(2026, 3, 1, 22, 0, tzinfo=UTC)
MINUTE = 60_000


def stage(start: float, end: float, word: str, zone: ZoneInfo | None = None) -> StageSample:
    """A stage from minute to minute after 22:00 UTC on 1 March 2026."""
    begin = round(EVENING.timestamp() * 1000)
    return StageSample(begin + round(start * MINUTE), begin + round(end * MINUTE), word, zone)


def night(*samples: StageSample) -> ParsedSleep:
    [sleep] = sessions_of(samples, BERLIN)
    return sleep


def test_sessions_of_a_watch_with_stages() -> None:
    sleep = night(stage(0, 30, "light"), stage(30, 90, "deep"), stage(90, 100, "awake"), stage(100, 130, "rem"))

    zone = timezone(timedelta(hours=1))
    assert sleep == ParsedSleep(
        start_time=datetime(2026, 3, 1, 23, 0, tzinfo=zone),
        end_time=datetime(2026, 3, 2, 1, 10, tzinfo=zone),
        utc_offset_s=3600,
        date=date(2026, 3, 2),
        stages=((0.0, 1800.0, "light"), (1800.0, 3600.0, "deep"), (5400.0, 600.0, "awake"), (6000.0, 1800.0, "rem")),
        in_bed_s=None,
        asleep_s=7200.0,
        awake_s=600.0,
        light_s=1800.0,
        deep_s=3600.0,
        rem_s=1800.0,
        efficiency_ratio=7200 / 7800,
    )


def test_sessions_of_a_phone_that_knows_only_bed_and_asleep() -> None:
    sleep = night(stage(0, 480, "in_bed"), stage(20, 200, "asleep"), stage(220, 470, "asleep"))

    assert (sleep.in_bed_s, sleep.asleep_s, sleep.awake_s, sleep.deep_s) == (28_800.0, 25_800.0, None, None)
    assert sleep.efficiency_ratio == 430 / 480
    assert sleep.stages == (
        (0.0, 1200.0, "in_bed"),
        (1200.0, 10_800.0, "asleep"),
        (12_000.0, 1200.0, "in_bed"),
        (13_200.0, 15_000.0, "asleep"),
        (28_200.0, 600.0, "in_bed"),
    )


def test_sessions_of_mere_time_in_bed_tell_no_sleep() -> None:
    sleep = night(stage(0, 60, "in_bed"))

    assert (sleep.in_bed_s, sleep.asleep_s, sleep.efficiency_ratio) == (3600.0, None, None)


def test_sessions_of_let_the_finer_word_win() -> None:
    sleep = night(stage(0, 100, "asleep"), stage(10, 50, "light"), stage(40, 60, "deep"), stage(90, 110, "awake"))

    assert sleep.stages == (
        (0.0, 600.0, "asleep"),
        (600.0, 1800.0, "light"),
        (2400.0, 1200.0, "deep"),
        (3600.0, 1800.0, "asleep"),
        (5400.0, 1200.0, "awake"),
    )


@pytest.mark.parametrize(("gap_ms", "sleeps"), [(SESSION_GAP_MS, 1), (SESSION_GAP_MS + 1, 2)])
def test_sessions_of_part_after_two_hours(gap_ms: int, sleeps: int) -> None:
    gap = gap_ms / MINUTE

    assert len(sessions_of([stage(0, 60, "light"), stage(60 + gap, 90 + gap, "rem")], BERLIN)) == sleeps


def test_sessions_of_belong_to_the_day_of_waking_up_where_it_happened() -> None:
    told = [stage(0, 400, "light", DENVER), stage(400, 420, "rem")]

    [there], [here] = sessions_of(told, BERLIN), sessions_of([told[1]], BERLIN)

    assert (there.date, there.utc_offset_s, there.start_time.hour) == (date(2026, 3, 1), -25_200, 15)
    assert (here.date, here.utc_offset_s) == (date(2026, 3, 2), 3600)


def test_sessions_of_leave_out_what_is_no_stage() -> None:
    assert sessions_of([stage(0, 0, "light"), stage(20, 10, "deep"), stage(0, 10, "dreaming")], BERLIN) == []


stage_samples = st.lists(
    st.tuples(st.integers(0, 1200), st.integers(1, 300), st.sampled_from(STAGES)).map(
        lambda row: stage(row[0], row[0] + row[1], row[2])
    ),
    max_size=15,
)


@given(stage_samples, st.randoms(use_true_random=False))
def test_sessions_of_know_no_order_and_no_repetition(samples: list[StageSample], random) -> None:
    shuffled = random.sample(samples * 2, len(samples) * 2)

    assert sessions_of(shuffled, BERLIN) == sessions_of(samples, BERLIN)


@given(stage_samples)
def test_sessions_of_count_no_second_twice(samples: list[StageSample]) -> None:
    sleeps = sessions_of(samples, BERLIN)

    for sleep in sleeps:
        span = (sleep.end_time - sleep.start_time).total_seconds()
        ends = [start + length for start, length, _ in sleep.stages]
        assert all(end <= begin for end, (begin, _, _) in zip(ends, sleep.stages[1:], strict=False))
        assert sleep.stages[0][0] == 0
        assert ends[-1] == span
        assert (sleep.asleep_s or 0) + (sleep.awake_s or 0) <= span
        assert (sleep.in_bed_s or 0) <= span
        assert 0 <= (sleep.efficiency_ratio or 0) <= 1
    assert all(one.end_time < other.start_time for one, other in itertools.pairwise(sleeps))


WATCH_NIGHT = night(stage(0, 240, "light"), stage(240, 420, "deep"))
PHONE_NIGHT = night(stage(-30, 450, "in_bed"))
APP_NIGHT = night(stage(0, 430, "asleep"))
EVENING_IN_BED = night(stage(-200, -100, "in_bed"))
NAP = night(stage(900, 960, "asleep"))

ELECTIONS = {
    "the watch's stages before the phone's bed": (
        [Candidate("phone", 1, PHONE_NIGHT), Candidate("watch", 0, WATCH_NIGHT)],
        [Elected(False, True), Elected(True, True)],
    ),
    "stages before mere sleep, whoever wears it": (
        [Candidate("watch", 0, APP_NIGHT), Candidate("app", 2, WATCH_NIGHT)],
        [Elected(False, True), Elected(True, True)],
    ),
    "among equals the one that is worn": (
        [Candidate("a phone", 1, WATCH_NIGHT), Candidate("watch", 0, WATCH_NIGHT)],
        [Elected(False, True), Elected(True, True)],
    ),
    "among equals the one that saw more": (
        [Candidate("a", 0, night(stage(0, 200, "light"), stage(200, 210, "deep"))), Candidate("b", 0, WATCH_NIGHT)],
        [Elected(False, True), Elected(True, True)],
    ),
    "a nap that only the phone saw": (
        [Candidate("watch", 0, WATCH_NIGHT), Candidate("phone", 1, NAP)],
        [Elected(True, True), Elected(True, False)],
    ),
    "time in bed beside a night is not shown": (
        [Candidate("phone", 1, EVENING_IN_BED), Candidate("watch", 0, replace(WATCH_NIGHT, date=EVENING_IN_BED.date))],
        [Elected(False, False), Elected(True, True)],
    ),
    "time in bed on a day that knows nothing better": (
        [Candidate("phone", 1, PHONE_NIGHT)],
        [Elected(True, True)],
    ),
    "an hour is no night": ([Candidate("watch", 0, NAP)], [Elected(True, False)]),
    "nobody slept": ([], []),
}


@pytest.mark.parametrize(("candidates", "expected"), ELECTIONS.values(), ids=ELECTIONS.keys())
def test_elect_shows_one_source_a_night(candidates: list[Candidate], expected: list[Elected]) -> None:
    assert elect(candidates) == expected
    assert elect(candidates[::-1]) == expected[::-1]


@st.composite
def some_candidates(draw: st.DrawFn) -> list[Candidate]:
    return [
        Candidate(source, preference, sleep)
        for source, preference in (("watch", 0), ("phone", 1), ("app", 2))
        for sleep in sessions_of(draw(stage_samples), BERLIN)
    ]


@given(some_candidates(), st.randoms(use_true_random=False))
def test_elect_knows_no_order(candidates: list[Candidate], random) -> None:
    order = random.sample(range(len(candidates)), len(candidates))

    elected = elect([candidates[index] for index in order])

    assert [elected[order.index(index)] for index in range(len(candidates))] == elect(candidates)


@given(some_candidates())
def test_elect_shows_no_moment_twice_and_one_main_sleep_a_day(candidates: list[Candidate]) -> None:
    elected = elect(candidates)

    shown = sorted(
        (each.sleep.start_time, each.sleep.end_time)
        for each, (is_shown, _) in zip(candidates, elected, strict=True)
        if is_shown
    )
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(shown))
    mains = [each.sleep.date for each, verdict in zip(candidates, elected, strict=True) if verdict == (True, True)]
    assert len(set(mains)) == len(mains)
    days = {each.sleep.date for each in candidates}
    assert days == set() or shown != []
