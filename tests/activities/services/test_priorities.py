"""The athlete's order: a preview that says what will switch, and everything switched when it is saved."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activities.domain.matching import Record
from activities.domain.priority import KINDS, Order
from activities.models import Activity, SleepSession, SourceActivity, SourcePriority
from activities.selectors.metrics import metric_days
from activities.services.deciding import NotPossible, make_primary
from activities.services.grouping import rebuild
from activities.services.priorities import preview_priority, reset_priority, set_priority
from activities.services.telling import elect_nights
from tests.activities.domain.strategies import PROVIDERS, clusters, orders
from tests.activities.services.grouping_account import account, expected_of, file, state_of
from tests.factories.activities import DailyMetricFactory, DeviceFactory, SleepSessionFactory
from trainstack.accounts.models import User

pytestmark = pytest.mark.django_db

HOUR_MS = 3_600_000
START_MS = 1_780_000_000_000
DAY = date(2026, 5, 2)
METRICS = ("steps", "weight", "hrv_sdnn")


def run(provider: str, start_s: float = 0) -> Record:
    start_ms = START_MS + round(start_s * 1000)
    return Record(provider, f"{provider} {start_s}", "running", start_ms, elapsed_ms=HOUR_MS)


def shown(user: User) -> list[str]:
    """The providers shown, by start."""
    return [it.primary.provider for it in user.activities.order_by("start_time") if it.primary]


def test_an_order_switches_what_the_preview_says_and_no_order_switches_back(user: User) -> None:
    file(user, [run("garmin"), run("strava", 5), run("garmin", 9000), run("strava", 9005), run("polar", 20_000)])
    assert shown(user) == ["garmin", "garmin", "polar"]

    preview = preview_priority(user, "activities", [["strava"], ["garmin"]])
    assert (preview.total, preview.by_provider, len(preview.activities)) == (2, {"strava": 2}, 2)
    assert shown(user) == ["garmin", "garmin", "polar"]

    saved = set_priority(user, "activities", [["strava"], ["garmin"]])
    assert (saved.kind, saved.ranks, saved.devices) == ("activities", [["strava"], ["garmin"]], {})
    assert shown(user) == ["strava", "strava", "polar"]
    assert preview_priority(user, "activities", [["strava"], ["garmin"]]).total == 0

    reset_priority(user, "activities")
    assert shown(user) == ["garmin", "garmin", "polar"]
    assert not SourcePriority.objects.exists()


def test_what_arrives_later_follows_the_order(user: User) -> None:
    set_priority(user, "activities", [["strava"]])
    file(user, [run("garmin")])
    file(user, [run("strava", 5)])

    assert shown(user) == ["strava"]


def test_a_pin_stands_above_every_order(user: User) -> None:
    file(user, [run("garmin"), run("strava", 5)])
    make_primary(user, SourceActivity.objects.get(provider="garmin"))

    assert preview_priority(user, "activities", [["strava"]]).total == 0
    set_priority(user, "activities", [["strava"]])

    assert shown(user) == ["garmin"]


def test_an_order_touches_nobody_else(user: User, other_user: User) -> None:
    file(user, [run("garmin"), run("strava", 5)])
    file(other_user, [run("garmin"), run("strava", 5)])

    set_priority(user, "activities", [["strava"]])

    assert (shown(user), shown(other_user)) == (["strava"], ["garmin"])


def test_more_activities_than_one_transaction_takes_all_follow(user: User) -> None:
    for number in range(0, 120, 30):
        file(user, [run(name, day * 86_400) for day in range(number, number + 30) for name in ("garmin", "strava")])
    assert preview_priority(user, "activities", [["strava"]]).total == 120

    set_priority(user, "activities", [["strava"]])

    assert set(shown(user)) == {"strava"}
    assert not rebuild(user)


@given(st.data())
@settings(max_examples=25)
def test_the_preview_counts_what_switches_on_save(data: st.DataObject) -> None:
    with account() as user:
        for number in range(3):
            file(user, data.draw(clusters(START_MS + number * 86_400_000, f"{number} ")))
        for _ in range(2):
            order = data.draw(orders())
            told = order.to_json()
            before = state_of(user)

            preview = preview_priority(user, "activities", told["ranks"], told["devices"])
            set_priority(user, "activities", told["ranks"], told["devices"])

            after = state_of(user)
            switched = [after[group] for group in after if after[group] != before[group]]
            assert (preview.total, sum(preview.by_provider.values())) == (len(switched), len(switched))
            assert preview.by_provider == {name: [it[0] for it in switched].count(name) for name in preview.by_provider}
            assert after == expected_of(user)
            assert not rebuild(user)


@pytest.mark.parametrize(
    ("kind", "ranks", "devices", "words"),
    [
        ("naps", [], {}, "There is no order for 'naps'"),
        ("sleep", [["garmin"], ["garmin"]], {}, "one place"),
        ("sleep", [["garmin", "garmin"]], {}, "one place"),
        ("sleep", [[3]], {}, "a list of ranks"),
        ("sleep", 3, {}, "a list of ranks"),
        ("sleep", [], {"garmin": [["kettle"]]}, "no kind of device 'kettle'"),
        ("sleep", [[f"p{number}" for number in range(101)]], {}, "a list of ranks"),
    ],
)
def test_what_is_no_order_is_refused(user: User, kind: str, ranks: object, devices: object, words: str) -> None:
    with pytest.raises(NotPossible, match=words):
        set_priority(user, kind, ranks, devices)  # type: ignore[arg-type]
    with pytest.raises(NotPossible, match=words):
        preview_priority(user, kind, ranks, devices)  # type: ignore[arg-type]
    assert not SourcePriority.objects.exists()


# --- nights and days ------------------------------------------------------------------------


def night(user: User, provider: str, day: int) -> SleepSession:
    return SleepSessionFactory(
        user=user,
        provider=provider,
        device=DeviceFactory(user=user, provider=provider),
        external_id=f"{provider} {day}",
        start_time=datetime(2026, 5, 1, 22, tzinfo=UTC) + timedelta(days=day),
        date=DAY + timedelta(days=day),
    )


def shown_nights(user: User) -> list[str]:
    rows = SleepSession.objects.filter(user=user, is_shown=True, is_main=True).order_by("start_time")
    return [row.provider for row in rows]


def test_nights_follow_the_order_as_the_preview_says(user: User) -> None:
    nights = [night(user, name, day) for day in range(3) for name in ("garmin", "oura")]
    nights.append(night(user, "polar", 5))
    elect_nights(user, {it.date for it in nights})
    assert shown_nights(user) == ["garmin", "garmin", "garmin", "polar"]

    preview = preview_priority(user, "sleep", [["oura"]])
    assert (preview.total, preview.by_provider) == (3, {"oura": 3})
    assert shown_nights(user) == ["garmin", "garmin", "garmin", "polar"]

    set_priority(user, "sleep", [["oura"]])
    assert shown_nights(user) == ["oura", "oura", "oura", "polar"]
    reset_priority(user, "sleep")
    assert shown_nights(user) == ["garmin", "garmin", "garmin", "polar"]


@given(st.data())
@settings(max_examples=20)
def test_daily_figures_follow_the_order_as_the_preview_says(data: st.DataObject) -> None:
    with account() as user:
        told = data.draw(st.sets(st.tuples(st.sampled_from(METRICS), st.integers(0, 2), st.sampled_from(PROVIDERS))))
        for metric, day, provider in sorted(told):
            count = data.draw(st.sampled_from((None, 3, 9)))
            DailyMetricFactory(
                user=user, provider=provider, metric=metric, date=DAY + timedelta(days=day),
                detail={"count": count} if count else {},
            )  # fmt: skip
        kind = data.draw(st.sampled_from(("daily", "body", "recovery")))
        order = data.draw(orders()).to_json()
        before = days_of(user)

        preview = preview_priority(user, kind, order["ranks"], order["devices"])
        set_priority(user, kind, order["ranks"], order["devices"])

        after = days_of(user)
        switched = [after[day] for day in after if after[day] != before[day]]
        assert preview.total == len(switched)
        assert preview.by_provider == {name: switched.count(name) for name in set(switched)}


def days_of(user: User) -> dict[tuple[str, date], str]:
    return {
        (metric, day.date): day.provider
        for metric in METRICS
        for day in metric_days(user, metric, DAY, DAY + timedelta(days=3)).days
    }


def test_of_a_day_told_by_several_the_highest_in_the_order_is_shown(user: User) -> None:
    for provider in ("apple_health", "garmin"):
        DailyMetricFactory(user=user, provider=provider, date=DAY, value=len(provider))
    assert [it.provider for it in metric_days(user, "steps", DAY, DAY).days] == ["apple_health"]

    set_priority(user, "daily", [["garmin"]])

    assert [(it.provider, it.value) for it in metric_days(user, "steps", DAY, DAY).days] == [("garmin", 6.0)]


def test_every_kind_of_data_has_an_order(user: User) -> None:
    for kind in KINDS:
        set_priority(user, kind, [["garmin", "polar"], ["strava"]], {"garmin": [["watch"], ["phone", "other"]]})

    assert {it.kind for it in SourcePriority.objects.all()} == set(KINDS)
    assert Order.from_json(SourcePriority.objects.values().first() or {}) == Order(
        (("garmin", "polar"), ("strava",)), {"garmin": (("watch",), ("phone", "other"))}
    )
    assert not Activity.objects.exists()
