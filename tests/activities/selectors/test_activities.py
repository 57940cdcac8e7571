from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from activities.domain.parsed import Lap, Pause, Stream
from activities.domain.zones import heart_rate_zones
from activities.models import Activity
from activities.selectors.activities import (
    SourceCount,
    SportCount,
    SportTotal,
    StreamFacts,
    Summary,
    ZoneReport,
    ZoneTime,
    activities_of,
    activity_detail,
    month_summary,
    sources_of,
    sports_of,
    streams_of,
    summary,
    week_summary,
    year_summary,
)
from tests.activities.keeping import keep_streams
from tests.factories.accounts import UserFactory
from tests.factories.activities import ActivityFactory, RawRecordFactory, SourceActivityFactory
from tests.factories.integrations import ImportFactory
from trainstack.accounts.services import set_parameter
from trainstack.storage import stream_store

pytestmark = pytest.mark.django_db

START = datetime(2026, 5, 2, 7, 30, tzinfo=UTC)


# --- lists ------------------------------------------------------------------------------------


def test_activities_of_are_the_users_own_newest_first():
    user = UserFactory()
    at = [START + timedelta(days=day) for day in (0, 2, 1)]
    first, third, second = (SourceActivityFactory(user=user, start_time=start).activity for start in at)
    SourceActivityFactory()

    assert list(activities_of(user)) == [third, second, first]


@pytest.mark.parametrize("rows", [1, 3])
def test_activities_of_costs_the_same_whatever_its_length(rows, django_assert_num_queries):
    user = UserFactory()
    for _ in range(rows):
        activity = SourceActivityFactory(user=user).activity
        SourceActivityFactory(user=user, provider="tempo", activity=activity)

    with django_assert_num_queries(2):
        told = [(one.primary.provider, len(one.sources.all())) for one in activities_of(user)]

    assert told == [("apple_health", 2)] * rows


@pytest.mark.parametrize(
    ("sport", "codes"),
    [
        ("running", ["running", "running.trail", "running+stationary"]),
        ("running.trail", ["running.trail"]),
        ("running+stationary", ["running+stationary"]),
        ("cycling", []),
        ("run", []),
        ("", ["running", "running.trail", "running+stationary", "runningish", "walking.hiking"]),
    ],
)
def test_activities_of_a_sport_are_a_family_or_an_exact_code(sport, codes):
    user = UserFactory()
    for code in ["walking.hiking", "runningish", "running+stationary", "running.trail", "running"]:
        SourceActivityFactory(user=user, sport=code)

    assert [activity.sport for activity in activities_of(user, sport=sport)] == codes


def test_activities_of_a_source_are_those_that_it_told_of_once_each():
    user = UserFactory()
    both = SourceActivityFactory(user=user).activity
    SourceActivityFactory(user=user, provider="tempo", activity=both)
    SourceActivityFactory(user=user, provider="tempo", activity=both)
    SourceActivityFactory(user=user)
    SourceActivityFactory(provider="tempo")

    assert list(activities_of(user, source="tempo")) == [both]


def test_activities_of_days_are_by_the_date_on_the_wall_with_both_ends():
    user = UserFactory()
    days = [date(2026, 5, day) for day in (4, 3, 2, 1)]
    for day in days:
        ActivityFactory(user=user, start_time=datetime(2026, 4, day.day, tzinfo=UTC), local_date=day)

    found = activities_of(user, first=date(2026, 5, 2), last=date(2026, 5, 3))

    assert [activity.local_date for activity in found] == days[1:3]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("morning", ["Morning run"]),
        ("MORNING trail", ["Morning run"]),
        ("trail", ["Morning run"]),
        ("über", ["Über den Pass"]),
        ("Pass über", ["Über den Pass"]),
        ("hiking", ["Über den Pass"]),
        ("forerunner", ["Über den Pass"]),
        ("lena", ["Morning run"]),
        ("morning hiking", []),
        ("100%", []),
        ("", ["Über den Pass", "Morning run"]),
    ],
)
def test_activities_of_a_search_hold_every_word_in_name_sport_or_source(search, found):
    user = UserFactory()
    run = SourceActivityFactory(user=user, sport="running.trail", source_name="Lena’s Watch")
    Activity.objects.filter(pk=run.activity_id).update(name="Morning run")
    hike = SourceActivityFactory(
        user=user, sport="walking.hiking", device="Forerunner", provider_type="HKWorkoutActivityTypeHiking"
    )
    Activity.objects.filter(pk=hike.activity_id).update(name="Über den Pass")

    assert [activity.name for activity in activities_of(user, search=search)] == found


def test_activities_of_a_search_bear_any_number_of_words():
    user = UserFactory()
    SourceActivityFactory(user=user)

    assert list(activities_of(user, search=" ".join(f"word{number}" for number in range(5000)))) == []


def test_sports_and_sources_of_are_counted_the_most_frequent_first():
    user = UserFactory()
    for code in ("running", "walking.hiking", "running.trail", "cycling"):
        activity = SourceActivityFactory(user=user, sport=code).activity
    SourceActivityFactory(user=user, provider="tempo", activity=activity)
    SourceActivityFactory(sport="yoga")

    assert sports_of(user) == [
        SportCount("running", "Running", 2),
        SportCount("cycling", "Cycling", 1),
        SportCount("walking", "Walking", 1),
    ]
    assert sources_of(user) == [SourceCount("apple_health", 4), SourceCount("tempo", 1)]


# --- one activity -------------------------------------------------------------------------------


def test_activity_detail_holds_all_that_its_page_shows():
    user = UserFactory()
    whole = b"PK, all of it"
    brought = ImportFactory(user=user, sha256=hashlib.sha256(whole).hexdigest())
    export = RawRecordFactory(user=user, kind="export", external_id="export.zip", data=whole, import_file=brought)
    RawRecordFactory(kind="export", external_id="export.zip", data=whole)
    RawRecordFactory(user=user, kind="export", external_id="other.zip", import_file=ImportFactory(user=user))
    route = RawRecordFactory(user=user, kind="route", external_id="/workout-routes/a.gpx", import_file=brought)
    RawRecordFactory(user=user, kind="route", external_id="/workout-routes/b.gpx", import_file=brought)
    RawRecordFactory(kind="route", external_id="/workout-routes/a.gpx")
    raw = RawRecordFactory(user=user, external_id="w1", import_file=brought)
    primary = SourceActivityFactory(
        user=user,
        raw=raw,
        start_time=START,
        elapsed_s=100,
        laps=[{"start_time": "2026-05-02T09:30:00+02:00", "elapsed_s": 60.0, "distance_m": 200.0, "told_since": 1}],
        pauses=[{"start_time": "2026-05-02T09:31:00+02:00", "elapsed_s": 10.0, "automatic": True}],
        extra={"routes": ["/workout-routes/a.gpx"]},
    )
    keep_streams(primary, heart_rate=([0, 50, 100], [120, 140, 200]), altitude=([0], [310]))
    other = SourceActivityFactory(user=user, provider="a_first_by_name", activity=primary.activity)
    leg = SourceActivityFactory(user=user, external_id="w1#1", activity=None, parent=primary)

    detail = activity_detail(user, primary.activity_id)

    assert (detail.activity, detail.source, detail.sources) == (primary.activity, primary, (primary, other))
    assert detail.laps == (Lap(start_time=START, elapsed_s=60.0, distance_m=200.0),)
    assert detail.pauses == (Pause(start_time=START + timedelta(seconds=60), elapsed_s=10.0, automatic=True),)
    assert detail.children == (leg,)
    assert detail.streams == (StreamFacts("altitude", "m", 1), StreamFacts("heart_rate", "bpm", 3))
    assert detail.raws == (raw, route, export)
    one, two, three, four, five = heart_rate_zones(190)
    assert detail.zones == ZoneReport(
        zones=(
            ZoneTime(one, 0.0, 0.0),
            ZoneTime(two, 25.0, 25 / 90),
            ZoneTime(three, 40.0, 40 / 90),
            ZoneTime(four, 0.0, 0.0),
            ZoneTime(five, 25.0, 25 / 90),
        ),
        below_s=0.0,
        covered_s=90.0,
        coverage_ratio=1.0,
        max_heart_rate_bpm=190.0,
        assumed=True,
    )


def test_activity_detail_takes_the_maximum_heart_rate_of_its_day():
    user = UserFactory()
    source = keep_streams(SourceActivityFactory(user=user, start_time=START), heart_rate=([0], [150]))
    set_parameter(user, name="max_heart_rate_bpm", value=180, effective_from=date(2026, 5, 2))
    set_parameter(user, name="max_heart_rate_bpm", value=150, effective_from=date(2026, 5, 3))

    zones = activity_detail(user, source.activity_id).zones

    assert (zones.max_heart_rate_bpm, zones.assumed) == (180.0, False)
    assert [spent.seconds for spent in zones.zones] == [0.0, 0.0, 0.0, 30.0, 0.0]


@pytest.mark.parametrize("streams", [{}, {"altitude": ([0], [1])}], ids=["none", "no heart rate"])
def test_activity_detail_without_heart_rate_has_no_zones(streams):
    source = keep_streams(SourceActivityFactory(), **streams)

    assert activity_detail(source.user, source.activity_id).zones is None


def test_activity_detail_of_another_or_of_none_is_not_found():
    source = SourceActivityFactory()
    without_source = ActivityFactory()

    for user, pk in [(UserFactory(), source.activity_id), (source.user, 0), (without_source.user, without_source.pk)]:
        with pytest.raises(Activity.DoesNotExist):
            activity_detail(user, pk)


@pytest.mark.parametrize("rows", [1, 3])
def test_activity_detail_costs_the_same_whatever_it_holds(rows, django_assert_num_queries):
    user = UserFactory()
    brought = ImportFactory(user=user)
    routes = [f"/workout-routes/{number}.gpx" for number in range(rows)]
    for route in routes:
        RawRecordFactory(user=user, kind="route", external_id=route, import_file=brought)
    source = SourceActivityFactory(
        user=user, raw=RawRecordFactory(user=user, import_file=brought), extra={"routes": routes}
    )
    keep_streams(source, heart_rate=([0], [150]))
    for number in range(rows):
        SourceActivityFactory(user=user, provider=f"tempo{number}", activity=source.activity)
        SourceActivityFactory(user=user, activity=None, parent=source)
    user.profile  # noqa: B018  every page has it by then

    with django_assert_num_queries(6):
        detail = activity_detail(user, source.activity_id)
        assert {(raw.import_file.name, hasattr(raw, "reading")) for raw in detail.raws} == {(brought.name, False)}

    assert (len(detail.sources), len(detail.children), len(detail.raws)) == (rows + 1, rows, rows + 1)


# --- streams ------------------------------------------------------------------------------------


def test_streams_of_are_the_named_ones_between_two_moments():
    source = keep_streams(
        SourceActivityFactory(), heart_rate=([0, 5, 10, 15], [100, 110, 120, 130]), power=([0, 1], [200, 210])
    )

    assert streams_of(source) == {
        "heart_rate": Stream(np.array([0.0, 5, 10, 15]), np.array([100.0, 110, 120, 130])),
        "power": Stream(np.array([0.0, 1]), np.array([200.0, 210])),
    }
    assert streams_of(source, ["heart_rate", "cadence"], start_s=5, end_s=10) == {
        "heart_rate": Stream(np.array([5.0, 10]), np.array([110.0, 120])),
    }
    assert streams_of(source, ["power"], start_s=5) == {"power": Stream(np.empty(0), np.empty(0))}


def test_streams_of_a_source_without_streams_are_none():
    assert streams_of(SourceActivityFactory()) == {}


def test_streams_of_keep_the_extremes_when_thinned_out():
    values = np.zeros(10_000)
    values[1234], values[8765] = -7, 9
    source = keep_streams(SourceActivityFactory(), power=(list(range(10_000)), list(values)))

    thinned = streams_of(source, points=100)["power"]

    assert len(thinned) <= 100
    assert (thinned.values.min(), thinned.values.max()) == (-7, 9)
    assert set(thinned.time_s) >= {1234.0, 8765.0}


def test_streams_of_keep_positions_in_pairs_when_thinned_out():
    seconds = list(range(1000))
    source = keep_streams(
        SourceActivityFactory(),
        latitude=(seconds, [48 + (second * 7919 % 1000) / 1e5 for second in seconds]),
        longitude=(seconds, [second / 1e5 for second in seconds]),
    )

    thinned = streams_of(source, points=50)

    assert len(thinned["latitude"]) == 50
    assert np.array_equal(thinned["latitude"].time_s, thinned["longitude"].time_s)
    assert (thinned["latitude"].time_s[0], thinned["latitude"].time_s[-1]) == (0, 999)
    assert np.allclose(thinned["longitude"].values, thinned["longitude"].time_s / 1e5)


def test_streams_of_finds_streams_that_were_rewritten_since_the_row_was_read():
    source = keep_streams(SourceActivityFactory(), power=([0], [200]))
    read_before = type(source).objects.get(pk=source.pk)
    stream_store().delete(source.streams_key)
    keep_streams(source, power=([0], [250]))

    assert streams_of(read_before) == {"power": Stream(np.array([0.0]), np.array([250.0]))}


# --- totals -------------------------------------------------------------------------------------


def test_week_summary_adds_monday_to_sunday_by_sport_family():
    user = UserFactory()
    for day, sport, told in [
        ((2026, 4, 26), "running", {"distance_m": 1.0}),
        ((2026, 4, 27), "running", {"distance_m": 5e3, "elapsed_s": 1800.0, "timer_s": 1700.0, "energy_kcal": 400.0}),
        ((2026, 5, 3), "running.trail", {"distance_m": 9000.0, "elapsed_s": 4000.0, "active_energy_kcal": 500.0}),
        ((2026, 5, 2), "strength", {"distance_m": None, "elapsed_s": 3000.0, "energy_kcal": 0.0}),
        ((2026, 5, 4), "running", {"distance_m": 2.0}),
    ]:
        SourceActivityFactory(user=user, sport=sport, start_time=datetime(*day, 8, tzinfo=UTC), **told)
    SourceActivityFactory(start_time=datetime(2026, 5, 1, 8, tzinfo=UTC))

    told = Summary(
        first=date(2026, 4, 27),
        last=date(2026, 5, 3),
        count=3,
        time_s=8700.0,
        distance_m=14000.0,
        energy_kcal=400.0,
        active_energy_kcal=500.0,
        sports=(
            SportTotal("running", "Running", 2, 5700.0, 14000.0, 400.0, 500.0),
            SportTotal("strength", "Strength", 1, 3000.0, None, 0.0, None),
        ),
    )
    assert [week_summary(user, day) for day in (date(2026, 4, 27), date(2026, 5, 3))] == [told, told]


def test_summary_of_nothing_is_zero_and_not_told():
    day = date(2026, 5, 2)

    assert summary(UserFactory(), day, day) == Summary(day, day, 0, 0.0, None, None, None, ())


@pytest.mark.parametrize(
    ("today", "month", "year"),
    [
        (date(2026, 12, 31), (date(2026, 12, 1), date(2026, 12, 31)), (date(2026, 1, 1), date(2026, 12, 31))),
        (date(2028, 2, 29), (date(2028, 2, 1), date(2028, 2, 29)), (date(2028, 1, 1), date(2028, 12, 31))),
        (date(2027, 2, 1), (date(2027, 2, 1), date(2027, 2, 28)), (date(2027, 1, 1), date(2027, 12, 31))),
    ],
)
def test_month_and_year_summary_are_those_of_the_calendar(today, month, year):
    user = UserFactory()

    spans = [(told.first, told.last) for told in (month_summary(user, today), year_summary(user, today))]

    assert spans == [month, year]
