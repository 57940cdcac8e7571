"""Nights and days that raw records tell: a function of the records, and whose night is shown."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from activities.domain.parsed import DayValue
from activities.domain.priority import Order
from activities.domain.sleep import ParsedSleep
from activities.models import DailyMetric, RawRecord, SleepSession, SourcePriority
from activities.services.raw import store_raw
from activities.services.telling import ToldDays, elect_nights, forget, night_elections, tell
from tests.factories.accounts import UserFactory
from trainstack.accounts.models import User

pytestmark = pytest.mark.django_db(transaction=True)

DAY = date(2026, 6, 14)
KINDS = ("daily", "sleep")


def record(user: User, *, provider: str = "tempo", kind: str = "daily", name: str = "a", stated: int = 0) -> RawRecord:
    stated_at = datetime(2026, 6, stated, tzinfo=UTC) if stated else None
    data = f"{provider} {kind} {name} {stated}".encode()
    return store_raw(user, provider, kind, name, data, "text/plain", stated_at=stated_at)[0]


def night(hours: float = 8, *, name: str = "", starts: int = 22, stages: tuple[Any, ...] = ()) -> ParsedSleep:
    start = datetime(2026, 6, 13, starts, tzinfo=UTC)
    return ParsedSleep(
        start, start + timedelta(hours=hours), 0, DAY, stages, asleep_s=hours * 3600, external_id=name, score=80.0
    )


def days(user: User) -> dict[str, tuple[float, str]]:
    rows = DailyMetric.objects.filter(user=user).select_related("raw")
    return {row.metric: (row.value, row.raw.external_id if row.raw else "") for row in rows}


def test_tell_makes_rows_that_hang_on_their_record(user: User) -> None:
    raw = record(user)

    filed = tell(user, [ToldDays(raw, [night(name="n1")], [DayValue("steps", DAY, 9000, {"goal": 8000})])], KINDS)

    sleep, steps = SleepSession.objects.get(), DailyMetric.objects.get()
    assert (sleep.provider, sleep.external_id, sleep.raw, sleep.score, sleep.asleep_s) == (
        "tempo",
        "n1",
        raw,
        80.0,
        28800.0,
    )
    assert (steps.metric, steps.date, steps.value, steps.detail, steps.raw, steps.device) == (
        "steps",
        DAY,
        9000.0,
        {"goal": 8000},
        raw,
        None,
    )
    assert (filed.sleeps, filed.nights, filed.days, filed.dates) == (1, 1, 1, {DAY})


def test_tell_twice_changes_nothing_and_a_new_version_replaces_the_old(user: User) -> None:
    first = record(user, stated=1)
    told = ToldDays(first, [night(name="n1")], [DayValue("steps", DAY, 9000), DayValue("weight", DAY, 70)])
    tell(user, [told], KINDS)
    ids = set(DailyMetric.objects.values_list("pk", flat=True))

    again = tell(user, [told], KINDS)
    second = record(user, stated=2)
    changed = tell(user, [ToldDays(second, [], [DayValue("steps", DAY, 9500)])], KINDS)
    late = tell(user, [told], KINDS)

    assert (again.sleeps, again.days, again.updated, again.removed) == (0, 0, 0, 0)
    assert (changed.days, changed.updated, changed.removed) == (0, 1, 2)
    assert (late.days, late.updated, late.removed) == (0, 0, 0)
    assert DailyMetric.objects.get().pk in ids
    assert (DailyMetric.objects.get().value, SleepSession.objects.count()) == (9500.0, 0)


def test_of_several_records_the_latest_stated_counts_then_the_later_kind_whatever_came_first(user: User) -> None:
    told = {
        ("daily", "a", 1): 1.0,
        ("daily", "b", 3): 3.0,
        ("sleep", "c", 3): 4.0,
        ("sleep", "d", 0): 5.0,
    }
    found = []
    for order in itertools.permutations(told):
        person = UserFactory()
        for kind, name, stated in order:
            raw = record(person, kind=kind, name=name, stated=stated)
            tell(person, [ToldDays(raw, [], [DayValue("resting_heart_rate", DAY, told[kind, name, stated])])], KINDS)
        found.append(days(person))

    assert found == [{"resting_heart_rate": (4.0, "c")}] * len(found)


def test_the_provider_s_own_figure_stands_before_what_was_worked_out(user: User) -> None:
    DailyMetric.objects.create(user=user, provider="tempo", metric="steps", date=DAY, value=5.0)

    filed = tell(user, [ToldDays(record(user), [], [DayValue("steps", DAY, 9000)])], KINDS)

    assert days(user) == {"steps": (9000.0, "a")}
    assert (filed.days, filed.updated) == (0, 1)


def test_forget_removes_what_hangs_on_the_records_and_says_what_that_touches(user: User) -> None:
    raw, other = record(user), record(user, name="b")
    tell(user, [ToldDays(raw, [night(name="n1")], [DayValue("steps", DAY, 1)])], KINDS)
    tell(user, [ToldDays(other, [], [DayValue("weight", DAY, 70)])], KINDS)

    filed = forget(user, [raw.pk])

    assert (filed.removed, filed.dates, dict(filed.by_metric)) == (2, {DAY}, {"steps": {DAY}})
    assert days(user) == {"weight": (70.0, "b")}


def test_one_athlete_s_records_leave_another_s_rows_alone(user: User, other_user: User) -> None:
    tell(other_user, [ToldDays(record(other_user), [night(name="n1")], [DayValue("steps", DAY, 1)])], KINDS)
    raw = record(user)

    tell(user, [ToldDays(raw, [night(4, name="n1")], [DayValue("steps", DAY, 2)])], KINDS)
    forget(user, [raw.pk])
    elect_nights(user, [DAY])

    assert days(other_user) == {"steps": (1.0, "a")}
    assert SleepSession.objects.get().asleep_s == 28800.0


# --- whose night is shown -------------------------------------------------------------------


def nights(user: User) -> dict[str, tuple[bool, bool]]:
    rows = SleepSession.objects.filter(user=user)
    return {f"{row.provider} {row.external_id}": (row.is_shown, row.is_main) for row in rows}


@pytest.fixture
def three_sources(user: User) -> User:
    staged = ((0.0, 3600.0, "light"), (3600.0, 3600.0, "deep"), (7200.0, 3600.0, "rem"))
    tell(user, [ToldDays(record(user, provider="plain"), [night(8, name="n")])], KINDS)
    tell(user, [ToldDays(record(user, provider="staged"), [night(7, name="n", stages=staged)])], KINDS)
    tell(user, [ToldDays(record(user, provider="naps"), [night(1, name="nap", starts=12)])], KINDS)
    return user


def test_the_source_that_tells_most_is_shown_where_nothing_is_said(three_sources: User) -> None:
    elect_nights(three_sources, [DAY])

    assert nights(three_sources) == {"plain n": (False, True), "staged n": (True, True), "naps nap": (True, False)}
    assert elect_nights(three_sources, [DAY]) == 0


def test_the_athlete_s_order_goes_first(three_sources: User) -> None:
    SourcePriority.objects.create(user=three_sources, kind="sleep", ranks=[["plain"]], devices={})

    elect_nights(three_sources, [DAY])

    assert nights(three_sources) == {"plain n": (True, True), "staged n": (False, True), "naps nap": (True, False)}


def test_night_elections_only_look(three_sources: User) -> None:
    elect_nights(three_sources, [DAY])
    before = nights(three_sources)

    [(rows, differing)] = night_elections(three_sources, [DAY], Order(ranks=(("plain",),)))

    assert {row.provider: differing.get(row.pk) for row in rows} == {
        "plain": (True, True),
        "staged": (False, True),
        "naps": None,
    }
    assert nights(three_sources) == before
