"""Scales, all-day monitoring, HRV status and sleep -> days and nights, whole values."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

from activities.domain.metrics import METRICS
from activities.domain.parsed import DayValue, Parsed, Problem
from activities.domain.sleep import ParsedSleep
from activities.formats.fit import fit_kind, parse_fit
from activities.formats.fit.health import _COUNTERS, _VALUES
from tests.factories.fit import FitFile, seconds

MIDNIGHT = datetime(2026, 5, 1, 22, 0, tzinfo=UTC)  # in Berlin, of 2 May
DAY = date(2026, 5, 2)
BERLIN = timezone(timedelta(hours=2))


def after(hours: float) -> datetime:
    return MIDNIGHT + timedelta(hours=hours)


def begun(kind: int) -> FitFile:
    return FitFile().add("file_id", type=kind, manufacturer=1, product=3291, time_created=MIDNIGHT)


def test_every_metric_is_one_that_we_have() -> None:
    assert {metric for _, _, metric, *_ in _VALUES} | {metric for *_, metric in _COUNTERS} <= METRICS.keys()


def test_a_scale_tells_weight_and_what_stands_beside_it() -> None:
    file = begun(9)
    file.add("weight_scale", timestamp=after(8), weight=71.25, percent_fat=15.5, bone_mass=3.1)
    file.add("weight_scale", timestamp=after(9), weight=71.15, percent_fat=None, bone_mass=None)
    data = file.data()

    assert fit_kind(data) == "weight"
    assert parse_fit(data, "id") == Parsed(
        days=(DayValue("body_fat", DAY, 15.5), DayValue("bone_mass", DAY, 3.1), DayValue("weight", DAY, 71.15))
    )


def test_the_weights_of_several_people_are_nobodys() -> None:
    file = begun(9)
    for person in (0, 1):
        file.add("weight_scale", timestamp=after(8), weight=71.25, user_profile_index=person)

    assert parse_fit(file.data(), "id") == Parsed(
        problems=(Problem("", "It holds the weights of several people and does not tell which of them is whose."),)
    )


def test_monitoring_counts_from_midnight_and_is_told_by_local_days() -> None:
    file = begun(32)
    file.add("monitoring_info", timestamp=MIDNIGHT, local_timestamp=after(2))
    walking, running = 6, 1
    for hours, kind, steps, metres, energy in (
        (8, walking, 2000, 1500.0, 80), (9, running, 3000, 2500.0, 200), (20, walking, 7000, 5000.0, 300),
        (24, walking, 7100, 5050.0, 310), (25, walking, 20, 15.0, 1),
    ):  # fmt: skip
        # Two steps are a cycle.
        file.add(
            "monitoring", timestamp=after(hours), activity_type=kind, cycles=steps / 2, distance=metres,
            active_calories=energy,
        )  # fmt: skip
    for hours, rate in ((12, 60), (13, 80)):
        file.add("monitoring", timestamp_16=seconds(after(hours)) & 0xFFFF, heart_rate=rate)
    # The times of two bytes count on from the last time told in full: a day later.
    file.add("monitoring_hr_data", timestamp=after(23), resting_heart_rate=48, current_day_resting_heart_rate=47)
    next_day = DAY + timedelta(days=1)

    assert parse_fit(file.data(), "id").days == (
        DayValue("active_energy", DAY, 510),
        DayValue("active_energy", next_day, 1),
        DayValue("distance_walking_running", DAY, 7550),
        DayValue("distance_walking_running", next_day, 15),
        DayValue("heart_rate", next_day, 70, {"min": 60, "max": 80, "count": 2}),
        DayValue("resting_heart_rate", DAY, 47),
        DayValue("steps", DAY, 10100),
        DayValue("steps", next_day, 20),
    )


def test_hrv_status_and_vo2_max_are_values_of_a_day() -> None:
    file = begun(68).add("hrv_status_summary", timestamp=after(7), last_night_average=62.5)
    file.add("max_met_data", update_time=after(7), vo2_max=51.5)

    assert parse_fit(file.data(), "id").days == (
        DayValue("hrv_rmssd", date(2026, 5, 2), 62.5),
        DayValue("vo2max", date(2026, 5, 2), 51.5),
    )
    assert fit_kind(file.data()) == "hrv"


def test_a_night_is_its_stages_until_the_device_saw_it_end() -> None:
    file = begun(49)
    file.add("event", timestamp=after(1), event=74, event_type=0)
    file.add("monitoring_info", timestamp=after(1), local_timestamp=after(3))
    for hours, stage in ((1, 2), (3, 3), (4, 4), (5, 1), (5.25, 2)):  # light, deep, REM, awake, light
        file.add("sleep_level", timestamp=after(hours), sleep_level=stage)
    file.add("event", timestamp=after(7), event=74, event_type=1)
    file.add("sleep_assessment", overall_sleep_score=81)
    data = file.data()

    assert fit_kind(data) == "sleep"
    assert parse_fit(data, "id").sleeps == (
        ParsedSleep(
            start_time=after(1).astimezone(BERLIN),
            end_time=after(7).astimezone(BERLIN),
            utc_offset_s=7200,
            date=DAY,
            stages=(
                (0.0, 7200.0, "light"), (7200.0, 3600.0, "deep"), (10800.0, 3600.0, "rem"), (14400.0, 900.0, "awake"),
                (15300.0, 6300.0, "light"),
            ),
            asleep_s=20700.0,
            awake_s=900.0,
            light_s=13500.0,
            deep_s=3600.0,
            rem_s=3600.0,
            efficiency_ratio=20700 / 21600,
            external_id="id",
            score=81.0,
        ),
    )  # fmt: skip
