from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from django.template import engines

from activities.domain.metrics import metric_of
from activities.domain.parsed import STREAM_UNITS
from activities.models import Activity, SourceActivity
from activities.templatetags import units
from trainstack.accounts.models import AthleteProfile

METRIC = AthleteProfile(units="metric", time_zone="Europe/Berlin")
IMPERIAL = AthleteProfile(units="imperial", time_zone="America/New_York")


def plain(shown):
    """With ordinary spaces, for the eye."""
    return shown.replace("\u202f", " ")


@pytest.mark.parametrize(
    ("metres", "profile", "sport", "shown"),
    [
        (None, METRIC, "running", ""),
        (0, METRIC, "running", "0 m"),
        (999.4, METRIC, "running", "999 m"),
        (10_400, METRIC, "running.trail", "10.40 km"),
        (123_456, METRIC, "cycling", "123.5 km"),
        (1500, METRIC, "swimming.pool", "1,500 m"),
        (10_400, IMPERIAL, "running", "6.46 mi"),
        (400, IMPERIAL, "running", "437 yd"),
        (1500, IMPERIAL, "swimming", "1,640 yd"),
        (10_400, None, "running", "10.40 km"),
    ],
)
def test_distance(metres, profile, sport, shown):
    assert plain(units.distance(metres, profile, sport)) == shown


@pytest.mark.parametrize(
    ("speed_mps", "profile", "sport", "shown"),
    [
        (None, METRIC, "running", ""),
        (0, METRIC, "running", ""),
        (0, METRIC, "cycling", "0.0 km/h"),
        (3.5, METRIC, "running", "4:46 /km"),
        (3.5, IMPERIAL, "running.trail", "7:40 /mi"),
        (1.25, METRIC, "swimming.pool", "1:20 /100 m"),
        (1.25, IMPERIAL, "swimming.pool", "1:13 /100 yd"),
        (4, METRIC, "rowing+stationary", "2:05 /500 m"),
        (10, METRIC, "cycling", "36.0 km/h"),
        (10, IMPERIAL, "cycling", "22.4 mph"),
    ],
)
def test_pace(speed_mps, profile, sport, shown):
    assert plain(units.pace(speed_mps, profile, sport)) == shown


def test_pace_of_an_activity_is_its_way_over_its_time_without_pauses():
    source = SourceActivity(distance_m=10_000, timer_s=3000, elapsed_s=3600, avg_speed_mps=5)

    assert plain(units.pace_of(source, METRIC, "running")) == "5:00 /km"


def test_pace_of_an_activity_without_a_way_is_what_was_told():
    assert plain(units.pace_of(SourceActivity(timer_s=3000, avg_speed_mps=4), METRIC, "running")) == "4:10 /km"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, ""),
        (0, "0:00"),
        (59.6, "1:00"),
        (2823, "47:03"),
        (3599.5, "1:00:00"),
        (3725, "1:02:05"),
        (90_000, "25:00:00"),
    ],
)
def test_duration(seconds, shown):
    assert units.duration(seconds) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, ""),
        (0, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (3599, "1 h"),
        (27_720, "7 h 42 min"),
        (7500, "2 h 05 min"),
    ],
)
def test_hours(seconds, shown):
    assert plain(units.hours(seconds)) == shown


@pytest.mark.parametrize(
    ("slug", "value", "metric_shown", "imperial_shown"),
    [
        ("weight", 70, "70.0 kg", "154.3 lb"),
        ("wrist_temperature", 36.5, "36.50 °C", "97.70 °F"),
        ("steps", 12_345, "12,345", "12,345"),
        ("distance_cycling", 42_195, "42.20 km", "26.22 mi"),
        ("distance_swimming", 1500, "1,500 m", "1,640 yd"),
        ("walking_speed", 1.4, "5.0 km/h", "3.1 mph"),
        ("vo2max", 48.25, "48.2 ml/kg/min", "48.2 ml/kg/min"),
        ("HKQuantityTypeIdentifierNovelThing", 1.5, "1.50", "1.50"),
    ],
)
def test_metric_value(slug, value, metric_shown, imperial_shown):
    shown = [plain(units.metric_value(value, metric_of(slug), profile)) for profile in (METRIC, IMPERIAL)]

    assert shown == [metric_shown, imperial_shown]


@pytest.mark.parametrize(
    ("offset_s", "profile", "clock"),
    [
        (9 * 3600, METRIC, datetime.fromisoformat("2026-05-02 16:30")),
        (-12_600, METRIC, datetime.fromisoformat("2026-05-02 04:00")),
        (0, METRIC, datetime.fromisoformat("2026-05-02 07:30")),
        (None, METRIC, datetime.fromisoformat("2026-05-02 09:30")),
        (None, None, datetime.fromisoformat("2026-05-02 07:30")),
    ],
    ids=["east", "west of it by half an hour", "told zero", "not told: the athlete's zone", "not told, no athlete"],
)
def test_local_start_is_the_clock_on_the_wall(offset_s, profile, clock):
    source = SourceActivity(start_time=datetime(2026, 5, 2, 7, 30, tzinfo=UTC), utc_offset_s=offset_s)
    activity = Activity(start_time=source.start_time)
    activity.primary = source

    assert (units.local_start(source, profile), units.local_start(activity, profile)) == (clock, clock)


@pytest.mark.parametrize(("seconds", "name"), [(None, ""), (0, "UTC+0"), (7200, "UTC+2"), (-12_600, "UTC−3:30")])
def test_offset_name(seconds, name):
    assert units.offset_name(seconds) == name


def test_quantity_sets_its_units_smaller_in_a_page_and_escapes_them():
    template = engines["django"].from_string("{{ shown }}|{{ shown.text }}")
    shown = units.Quantity(("3", "h"), ("<5", "&"))

    assert template.render({"shown": shown}) == (
        '3<span class="unit">h</span> &lt;5<span class="unit">&amp;</span>|3\u202fh &lt;5\u202f&amp;'
    )


def test_scale_of_stream_follows_the_sport():
    streams = [("speed", "m/s", "running"), ("speed", "m/s", "cycling"), ("cadence", "rpm", "running")]

    scales = [units.scale_of_stream(name, unit, sport, METRIC) for name, unit, sport in streams]

    assert scales == [
        units.Scale("/km", pace_m=1000),
        units.Scale("km/h", decimals=1, factor=3.6),
        units.Scale("spm"),
    ]


def test_map_units_are_the_athletes():
    assert [units.map_units(profile) for profile in (METRIC, IMPERIAL)] == [
        units.MapUnits(1000, "km", 1, "m"),
        units.MapUnits(1609.344, "mi", 0.3048, "ft"),
    ]


def test_pace_of_a_lap_takes_its_own_time():
    lap = SimpleNamespace(timer_s=None, elapsed_s=250, distance_m=1000)

    assert plain(units.pace_of(lap, METRIC, "running")) == "4:10 /km"


@pytest.mark.parametrize(("profile", "shown"), [(METRIC, "720 m/h"), (IMPERIAL, "2,362 ft/h")])
def test_climbing_speed_is_told_by_the_hour(profile, shown):
    assert plain(units.scale_of_stream("vertical_speed", "m/s", "running", profile).show(0.2)) == shown


def test_every_stream_that_has_a_chart_has_a_label():
    assert STREAM_UNITS.keys() - units.STREAM_LABELS.keys() == {"latitude", "longitude"}
