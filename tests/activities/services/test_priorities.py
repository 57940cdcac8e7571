"""The athlete's order: a preview that says what will switch, and everything switched when it is saved."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import transaction
from hypothesis import event, given, settings
from hypothesis import strategies as st

from activities.domain.matching import Record
from activities.domain.priority import KINDS, Order
from activities.domain.reading import DeviceFacts, SampleTable
from activities.models import Activity, DailyMetric, SleepSession, SourceActivity, SourcePriority
from activities.selectors.metrics import metric_days
from activities.selectors.sources import Choice, choices_of
from activities.services.deciding import NotPossible, make_primary
from activities.services.derive import refresh_daily
from activities.services.grouping import rebuild
from activities.services.priorities import preview_priority, reset_priority, set_priority
from activities.services.series import SampleWriter
from activities.services.telling import elect_nights
from integrations.registry import PROVIDERS
from tests.activities.domain.sampling import sample_table
from tests.activities.domain.strategies import PROVIDERS as SLUGS
from tests.activities.domain.strategies import clusters, orders
from tests.activities.services.grouping_account import account, expected_of, file, state_of
from tests.factories.activities import DailyMetricFactory, DeviceFactory, RawRecordFactory, SleepSessionFactory
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


def test_nights_in_one_long_row_are_each_counted_once(user: User) -> None:
    """More of them than are looked at together."""
    nights = [night(user, name, day) for day in range(130) for name in ("garmin", "oura")]
    elect_nights(user, {it.date for it in nights})

    preview = preview_priority(user, "sleep", [["oura"]])
    set_priority(user, "sleep", [["oura"]])

    assert preview.total == 130
    assert set(shown_nights(user)) == {"oura"}


@given(st.data())
@settings(max_examples=40)
def test_nights_follow_the_order_as_the_preview_says_whatever_they_are(data: st.DataObject) -> None:
    """Nights that overlap each other, naps, time in bed alone, several devices of one provider, gaps between."""
    with account() as user:
        devices = {
            (provider, kind): DeviceFactory(user=user, provider=provider, kind=kind)
            for provider in ("apple_health", "garmin")
            for kind in ("watch", "phone", "ring")
        }
        told = st.tuples(
            st.sampled_from([*sorted(devices), ("oura", ""), ("polar", "")]),
            st.sampled_from((0, 1, 1, 2, 9)),
            st.sampled_from((0, 0, 90, 300, 960)),
            st.sampled_from((40, 400, 480)),
            st.booleans(),
        )
        nights = data.draw(st.lists(told, min_size=4, max_size=12, unique_by=lambda it: it[:3]))
        for (provider, kind), day, late_min, lasts_min, is_asleep in nights:
            start = datetime(2026, 5, 1, 22, tzinfo=UTC) + timedelta(days=day, minutes=late_min)
            end = start + timedelta(minutes=lasts_min)
            SleepSessionFactory(
                user=user, provider=provider, device=devices.get((provider, kind)), start_time=start, end_time=end,
                external_id=f"{provider} {kind} {start}", date=end.date(), stages=[],
                asleep_s=60.0 * lasts_min if is_asleep else None, in_bed_s=60.0 * lasts_min,
            )  # fmt: skip
        elect_nights(user, set(SleepSession.objects.values_list("date", flat=True)))
        for _ in range(2):
            ranks = data.draw(st.permutations([["apple_health"], ["garmin", "polar"], ["oura"]]))
            kinds = st.permutations([["watch"], ["phone", "ring"]])
            orders_of_kinds = {"apple_health": data.draw(kinds), "garmin": data.draw(kinds)}
            before = main_nights(user)

            preview = preview_priority(user, "sleep", ranks, orders_of_kinds)
            set_priority(user, "sleep", ranks, orders_of_kinds)

            after = main_nights(user)
            switched = [row.provider for day, row in after.items() if before.get(day) != row]
            event(f"switched: {len(switched)}")
            assert preview.total == len(switched)
            assert preview.by_provider == {name: switched.count(name) for name in set(switched)}
            every = {day + timedelta(days=beside) for day in after for beside in (-1, 0, 1)}
            assert elect_nights(user, every) == 0


def main_nights(user: User) -> dict[date, SleepSession]:
    """The sleep that is shown as the night of each date."""
    rows = list(SleepSession.objects.filter(user=user, is_shown=True, is_main=True))
    found = {row.date: row for row in rows}
    assert len(found) == len(rows)
    return found


@given(st.data())
@settings(max_examples=20)
def test_daily_figures_follow_the_order_as_the_preview_says(data: st.DataObject) -> None:
    with account() as user:
        told = data.draw(st.sets(st.tuples(st.sampled_from(METRICS), st.integers(0, 2), st.sampled_from(SLUGS))))
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


# --- several kinds of device of one provider --------------------------------------------------

DEVICES = {
    "watch": DeviceFacts("watch", "Kim's Watch", "watch"),
    "phone": DeviceFacts("phone", "Kim's Phone", "phone"),
    "scale": DeviceFacts("scale", "Scale", "scale"),
}
NOON = datetime(2026, 5, 2, 12, tzinfo=UTC)
# A metric that is added up, one that is averaged, the last of a day, the least of a day, one that is counted, a time.
SAMPLED = ("steps", "hrv_sdnn", "weight", "HKCategoryTypeIdentifierHeadache", "mindful_time")
APPLE = PROVIDERS["apple_health"]

# Device, minutes after noon of the first day, minutes that it lasts, value.
Sample = tuple[str, int, int, float]


def keep(user: User, metric: str, samples: Iterable[Sample]) -> None:
    """Stores the samples and works out their days."""
    writer = SampleWriter(user, APPLE.slug)
    raw = RawRecordFactory(user=user, kind="export").pk
    for device, facts in DEVICES.items():
        rows = []
        for name, minute, lasts, value in samples:
            start_ms = round((NOON + timedelta(minutes=minute)).timestamp() * 1000)
            if name == device:
                rows.append({"start_ms": start_ms, "end_ms": start_ms + lasts * 60_000, "value": value})
        if rows:
            writer.add(SampleTable(metric, facts, sample_table(rows)), raw)
    prepared = writer.prepare()
    with transaction.atomic():
        writer.commit(prepared)
    refresh_daily(user, APPLE, metric, ["2026-04", "2026-05"])


def figures(user: User, metric: str) -> dict[date, tuple[float, int | None]]:
    found = metric_days(user, metric, DAY - timedelta(days=1), DAY + timedelta(days=5))
    assert found.from_series is False
    return {day.date: (day.value, day.count) for day in found.days}


@pytest.mark.parametrize(
    ("metric", "kind", "usual", "phone_first"),
    [
        # Both tell ten minutes; five of them are the same ones.
        pytest.param("steps", "daily", (1400.0, 2), (1300.0, 2), id="added up, each moment once"),
        pytest.param("hrv_sdnn", "recovery", (900.0, 2), (800.0, 1), id="averaged"),
        pytest.param("weight", "body", (800.0, 2), (800.0, 1), id="the last"),
        pytest.param("HKCategoryTypeIdentifierHeadache", "daily", (2.0, 2), (1.0, 1), id="counted"),
        pytest.param("mindful_time", "daily", (15.0, 2), (15.0, 2), id="a time"),
    ],
)
def test_a_day_follows_the_order_of_device_kinds(
    user: User, metric: str, kind: str, usual: tuple[float, int], phone_first: tuple[float, int]
) -> None:
    keep(user, metric, [("watch", 0, 10, 1000.0), ("phone", 5, 10, 800.0)])
    keep(user, metric, [("watch", 2880, 10, 50.0)])
    alone = figures(user, metric)[DAY + timedelta(days=2)]
    assert figures(user, metric)[DAY] == usual

    preview = preview_priority(user, kind, [], {"apple_health": [["phone"], ["watch"]]})
    assert preview.by_provider == ({"apple_health": 1} if phone_first[0] != usual[0] else {})
    assert figures(user, metric)[DAY] == usual

    set_priority(user, kind, [], {"apple_health": [["phone"], ["watch"]]})
    assert figures(user, metric) == {DAY: phone_first, DAY + timedelta(days=2): alone}
    # What is brought later follows it as well.
    refresh_daily(user, APPLE, metric, ["2026-05"])
    assert figures(user, metric)[DAY] == phone_first

    reset_priority(user, kind)
    assert figures(user, metric)[DAY] == usual


def test_an_order_of_device_kinds_touches_its_own_kind_of_data_and_provider_only(user: User) -> None:
    keep(user, "steps", [("watch", 0, 10, 1000.0), ("phone", 5, 10, 800.0)])
    phone_first = {"apple_health": [["phone"], ["watch"]]}

    for kind, devices in (("body", phone_first), ("daily", {"garmin": [["phone"]]}), ("daily", {"apple_health": []})):
        assert preview_priority(user, kind, [], devices).total == 0
        set_priority(user, kind, [], devices)

    assert figures(user, "steps")[DAY] == (1400.0, 2)


def test_a_figure_that_the_provider_told_itself_stands_above_its_devices(user: User) -> None:
    keep(user, "steps", [("watch", 0, 10, 1000.0), ("phone", 5, 10, 800.0)])
    DailyMetric.objects.update(raw=RawRecordFactory(user=user), value=7.0)

    assert preview_priority(user, "daily", [], {"apple_health": [["phone"]]}).total == 0
    set_priority(user, "daily", [], {"apple_health": [["phone"]]})

    assert figures(user, "steps")[DAY][0] == 7.0


def test_kinds_of_device_are_offered_where_several_tell_of_a_day(user: User) -> None:
    keep(user, "steps", [("watch", 0, 10, 1000.0), ("phone", 5, 10, 800.0)])
    keep(user, "weight", [("scale", 0, 10, 70.0)])

    assert choices_of(user, "daily") == [Choice("apple_health", 1, ("watch", "phone"))]
    assert choices_of(user, "body") == [Choice("apple_health", 1, ("other",))]
    assert choices_of(user, "recovery") == []


SAMPLES = st.lists(
    st.tuples(
        st.sampled_from(sorted(DEVICES)),
        st.integers(-800, 4000),
        st.sampled_from((0, 10, 60)),
        st.sampled_from((1.0, 8.0)),
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda sample: sample[:2],
)


@given(st.data())
@settings(max_examples=20)
def test_daily_figures_of_several_devices_follow_the_order_as_the_preview_says(data: st.DataObject) -> None:
    with account() as user:
        for metric in data.draw(st.sets(st.sampled_from(SAMPLED), min_size=1, max_size=3)):
            keep(user, metric, data.draw(SAMPLES))
            if data.draw(st.booleans()):
                DailyMetricFactory(user=user, provider="garmin", metric=metric, date=DAY, detail={"count": 3})
        for _ in range(2):
            kind = data.draw(st.sampled_from(("daily", "body", "recovery")))
            ranks = data.draw(orders()).to_json()["ranks"]
            devices = {"apple_health": data.draw(st.permutations([["watch"], ["phone"], ["other"]]))}
            before = shown_figures(user)

            preview = preview_priority(user, kind, ranks, devices)
            set_priority(user, kind, ranks, devices)

            after = shown_figures(user)
            switched = [after[day][0] for day in after if after[day] != before[day]]
            assert preview.total == len(switched)
            assert preview.by_provider == {name: switched.count(name) for name in set(switched)}
            again = list(DailyMetric.objects.order_by("pk").values())
            for metric in SAMPLED:
                refresh_daily(user, APPLE, metric, ["2026-04", "2026-05"])
            assert list(DailyMetric.objects.order_by("pk").values()) == again


def shown_figures(user: User) -> dict[tuple[str, date], tuple[str, float]]:
    """Provider and value shown, by metric and day."""
    return {
        (metric, day.date): (day.provider, day.value)
        for metric in SAMPLED
        for day in metric_days(user, metric, DAY - timedelta(days=2), DAY + timedelta(days=5)).days
    }


def test_every_kind_of_data_has_an_order(user: User) -> None:
    for kind in KINDS:
        set_priority(user, kind, [["garmin", "polar"], ["strava"]], {"garmin": [["watch"], ["phone", "other"]]})

    assert {it.kind for it in SourcePriority.objects.all()} == set(KINDS)
    assert Order.from_json(SourcePriority.objects.values().first() or {}) == Order(
        (("garmin", "polar"), ("strava",)), {"garmin": (("watch",), ("phone", "other"))}
    )
    assert not Activity.objects.exists()
