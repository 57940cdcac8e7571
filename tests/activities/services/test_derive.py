"""Streams, nights and days follow from what is stored, and from nothing else."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.domain.joining import Feed, joined_streams, route_streams, sampled_streams
from activities.domain.parsed import Stream
from activities.models import DailyMetric, SleepSession
from activities.services.derive import (
    Derived,
    _months_between,
    _runs_of_months,
    refresh_daily,
    refresh_sleep,
    refresh_streams,
)
from integrations.registry import PROVIDERS
from integrations.services import runs
from integrations.services.renormalising import request_recompute
from tests.integrations.services.exports import (
    DAY,
    PHONE,
    QUANTITY,
    WATCH,
    a_month,
    differences,
    everything,
    export,
    night,
    record,
    steps,
    workout,
)
from tests.integrations.services.test_imports import bring
from trainstack.accounts.models import User

APPLE = PROVIDERS["apple_health"]
MONTHS = st.integers(2000 * 12, 2030 * 12).map(lambda number: f"{number // 12:04}-{number % 12 + 1:02}")


@given(st.sets(MONTHS, max_size=30))
def test_runs_of_months_hold_exactly_the_months(months: set[str]) -> None:
    runs_of = _runs_of_months(months)

    held = [month for first, last in runs_of for month in _months_between(first, last)]
    assert held == sorted(months)
    assert all(list(_months_between(a[1], b[0]))[1:-1] for a, b in pairwise(runs_of))


def feed(key: str, kind: str, *samples: tuple[int, float]) -> Feed:
    import numpy as np

    return Feed(key, kind, np.array([ms for ms, _ in samples]), np.array([value for _, value in samples], float))


@pytest.mark.parametrize(
    ("feeds", "expected"),
    [
        pytest.param([feed("Strap", "unknown", (0, 1.0), (5, 2.0)), feed("Kim", "watch", (3, 9.0))], [9.0], id="own"),
        pytest.param([feed("A", "phone", (0, 1.0), (5, 2.0)), feed("B", "watch", (3, 9.0))], [9.0], id="worn"),
        pytest.param([feed("A", "watch", (0, 1.0)), feed("B", "watch", (3, 9.0), (4, 8.0))], [9.0, 8.0], id="most"),
        pytest.param([feed("Kim", "watch", (-1, 1.0), (10, 2.0), (11, 3.0))], [2.0], id="only inside"),
        pytest.param([feed("Kim", "watch", (11, 3.0))], None, id="none"),
    ],
)
def test_a_stream_is_of_the_device_that_recorded_else_of_the_one_that_knows_best(
    feeds: list[Feed], expected: list[float] | None
) -> None:
    streams = sampled_streams({"heart_rate": feeds}, "Kim", 0, 10)

    assert ({name: stream.values.tolist() for name, stream in streams.items()}) == (
        {} if expected is None else {"heart_rate": expected}
    )


def test_a_route_recorded_at_another_time_begins_at_its_own_start() -> None:
    from activities.formats.gpx import parse_gpx
    from tests.integrations.services.exports import gpx

    tracks = parse_gpx(gpx(DAY, points=3))
    start = round(DAY.timestamp() * 1000)

    at_once = route_streams(tracks, start - 1000, start + 5000)
    years_later = route_streams(tracks, start + 10**11, start + 10**11 + 5000)

    assert at_once["latitude"].time_s.tolist() == [1.0, 2.0, 3.0]
    assert years_later["latitude"].time_s.tolist() == [0.0, 1.0, 2.0]
    assert route_streams(tracks, start, start + 1000, clip=True)["speed"].time_s.tolist() == [0.0, 1.0]


def test_the_longer_of_two_streams_is_shown() -> None:
    import numpy as np

    short, long = Stream(np.zeros(1), np.ones(1)), Stream(np.arange(2.0), np.ones(2))

    assert joined_streams({"speed": short}, {"speed": long, "power": short}) == {"speed": long, "power": short}


@pytest.mark.django_db(transaction=True)
def test_everything_derived_can_be_made_anew_and_writes_nothing_then(user: User) -> None:
    bring(user, export(a_month(days=12)))
    before, written = everything(user), list[Derived]()
    metrics = sorted({it["metric"] for it in before["chunks"]})

    refresh_streams(user, APPLE, ["2026-03"], note=written.append)
    refresh_sleep(user, APPLE, ["2026-03"], note=written.append)
    for metric in metrics:
        refresh_daily(user, APPLE, metric, ["2026-02", "2026-03", "2026-05"], note=written.append)

    assert written == []
    assert differences(everything(user), before) == []


@pytest.mark.django_db(transaction=True)
def test_days_and_nights_that_were_lost_come_back(user: User) -> None:
    bring(user, export(a_month(days=12)))
    before = everything(user)
    DailyMetric.objects.filter(date__day=4).delete()
    DailyMetric.objects.filter(date__day=5).update(value=0, detail={})
    SleepSession.objects.all().delete()

    runs.work_through(request_recompute(user))

    assert differences(everything(user), before) == []


@pytest.mark.django_db(transaction=True)
def test_days_begin_at_the_athlete_s_midnight(user: User) -> None:
    late = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
    bring(user, export(steps(late, 100, seconds=60), workout(DAY)))
    assert DailyMetric.objects.get(metric="steps").date == date(2026, 3, 3)

    user.profile.time_zone = "America/New_York"
    user.profile.save()
    runs.work_through(request_recompute(user))

    assert DailyMetric.objects.get(metric="steps").date == date(2026, 3, 2)


@pytest.mark.django_db(transaction=True)
def test_a_day_is_summed_up_as_its_metric_says(user: User) -> None:
    noon = DAY + timedelta(hours=12)
    bring(
        user,
        export(
            record(f"{QUANTITY}BodyMass", noon, 71.5, unit="kg", source="Scale"),
            record(f"{QUANTITY}BodyMass", noon + timedelta(hours=1), 71.2, unit="kg", source="Scale"),
            record("HKCategoryTypeIdentifierMindfulSession", noon, "HKCategoryValueNotApplicable", seconds=600),
            record("HKCategoryTypeIdentifierAppleStandHour", noon, "HKCategoryValueAppleStandHourStood", seconds=3600),
            record("HKCategoryTypeIdentifierAppleStandHour", DAY, "HKCategoryValueAppleStandHourIdle", seconds=3600),
            record("HKCategoryTypeIdentifierHeadache", noon, "HKCategoryValueSeverityMild"),
            steps(noon, 100, seconds=600),
            steps(noon + timedelta(seconds=300), 90, seconds=600, source=PHONE),
        ),
    )

    assert {it.metric: (it.value, it.detail) for it in DailyMetric.objects.all()} == {
        "weight": (71.2, {"min": 71.2, "max": 71.5, "count": 2}),
        "mindful_time": (10.0, {"count": 1, "devices": {WATCH: 10.0}}),
        "stand_hours": (1.0, {"count": 2, "devices": {WATCH: 1.0}}),
        "HKCategoryTypeIdentifierHeadache": (1.0, {"count": 1}),
        "steps": (145.0, {"count": 2, "devices": {PHONE: 45.0, WATCH: 100.0}}),
    }


@pytest.mark.django_db(transaction=True)
def test_a_night_over_the_end_of_a_month_is_one_night(user: User) -> None:
    bring(user, export(night(datetime(2026, 3, 31, 22, tzinfo=UTC))))

    sleep = SleepSession.objects.get()
    assert (sleep.date, sleep.asleep_s, sleep.external_id) == (date(2026, 4, 1), 21600.0, f"20260331T220000Z {WATCH}")
