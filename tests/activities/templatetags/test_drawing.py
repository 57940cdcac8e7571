from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from activities.domain.metrics import metric_of
from activities.models import Activity, SleepSession, SourceActivity
from activities.selectors.metrics import MetricDay
from activities.templatetags import drawing
from trainstack.accounts.models import AthleteProfile

BERLIN = AthleteProfile(time_zone="Europe/Berlin")
MONDAY = date(2026, 5, 4)


def activity(sport, day, seconds):
    made = Activity(sport=sport, local_date=day, elapsed_s=seconds + 60)
    made.primary = SourceActivity(timer_s=seconds)
    return made


def night(stages, hours=8, offset_s=7200):
    start = datetime(2026, 5, 3, 20, 30, tzinfo=UTC)
    return SleepSession(
        start_time=start,
        end_time=start + timedelta(hours=hours),
        utc_offset_s=offset_s,
        date=date(2026, 5, 4),
        stages=stages,
    )


def test_week_days_stack_the_time_without_pauses_by_family():
    days = drawing.week_days(
        [activity("running", MONDAY, 3600), activity("running.trail", MONDAY, 1800), activity("yoga", MONDAY, 1800)],
        MONDAY,
        MONDAY + timedelta(days=2),
    )

    assert days[0] == drawing.WeekDay(
        MONDAY,
        is_today=False,
        seconds=7200,
        blocks=(
            drawing.Block(25.0, 75.0, "running", "Running", 5400),
            drawing.Block(0.0, 25.0, "mind", "Yoga", 1800),
        ),
    )
    assert [(day.date.day, day.is_today, day.blocks) for day in days[1:]] == [(4 + n, n == 2, ()) for n in range(1, 7)]


def test_hypnogram_places_stages_in_lanes_and_joins_them():
    picture = drawing.hypnogram(night([[0, 7200, "awake"], [7200, 14_400, "deep"], [21_600, 7200, "awake"]]), BERLIN)

    assert picture.lanes == ("awake", "deep")
    assert [(bar.x, bar.width, bar.y, bar.stage, bar.start) for bar in picture.bars] == [
        (0, 25, 8, "awake", datetime.fromisoformat("2026-05-03 22:30")),
        (25, 50, 52, "deep", datetime.fromisoformat("2026-05-04 00:30")),
        (75, 25, 8, "awake", datetime.fromisoformat("2026-05-04 04:30")),
    ]
    assert picture.steps == ((25, 22, 66), (75, 22, 66))
    assert [tick.name for tick in picture.ticks] == ["00:00", "02:00", "04:00", "06:00"]


def test_hypnogram_leaves_out_the_bed_where_something_finer_was_told():
    picture = drawing.hypnogram(night([[0, 28_800, "in_bed"], [600, 20_000, "asleep"]]), BERLIN)

    assert (picture.lanes, [bar.stage for bar in picture.bars]) == (("asleep",), ["asleep"])
    assert drawing.hypnogram(night([[0, 28_800, "in_bed"]]), BERLIN).lanes == ("in_bed",)


def test_hypnogram_of_a_night_without_stages_is_none():
    assert drawing.hypnogram(night([]), BERLIN) is None


def test_nights_share_one_clock():
    one = night([[0, 28_800, "asleep"]])

    shown = drawing.nights([one], BERLIN)

    # From 22:30 to 06:30, on a clock from 22:00 to 07:00.
    assert shown.rows[0].bars[0].x == round(0.5 / 9 * 100, 3)
    assert shown.rows[0].bars[0].width == round(8 / 9 * 100, 3)
    assert [tick.name for tick in shown.ticks] == ["00:00", "02:00", "04:00", "06:00"]


def test_nights_of_nobody_are_none():
    assert drawing.nights([], BERLIN) is None


def test_stage_shares_are_parts_of_what_was_told():
    session = SleepSession(deep_s=3600, light_s=7200, rem_s=None, awake_s=0)

    assert drawing.stage_shares(session) == [
        drawing.Share("deep", "Deep", 3600, 1 / 3),
        drawing.Share("light", "Light", 7200, 2 / 3),
    ]


def test_spark_needs_two_days():
    assert drawing.spark([MetricDay(MONDAY, 50)], metric_of("weight")) is None


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30))
def test_spark_stays_in_its_box(values):
    days = [MetricDay(MONDAY + timedelta(days=n), value) for n, value in enumerate(values)]

    line = drawing.spark(days, metric_of("weight"))

    points = [tuple(map(float, point.split())) for point in line.path[1:].split("L")]
    assert len(points) == len(values)
    assert all(0 <= x <= 100 and 0 <= y <= drawing.SPARK_HEIGHT for x, y in points)
    assert line.end == points[-1]


def test_spark_of_sums_is_bars_from_the_ground():
    days = [MetricDay(MONDAY, 5000), MetricDay(MONDAY + timedelta(days=1), 10_000)]

    line = drawing.spark(days, metric_of("steps"))

    assert line.path == ""
    assert [(round(y, 1), round(y + height, 1)) for _, y, _, height in line.bars] == [(20.0, 40.0), (3.0, 40.0)]
