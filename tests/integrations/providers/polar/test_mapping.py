from __future__ import annotations

import json
from datetime import date, datetime, timedelta, timezone

import numpy as np
import pytest

from activities.domain.parsed import DayValue, Lap, Parsed, ParsedActivity, Pause, Stream
from activities.domain.sleep import ParsedSleep
from integrations.errors import UnexpectedPayload
from integrations.providers.polar.mapping import (
    parse_activity,
    parse_calendar_items,
    parse_fitness_test,
    parse_nightly_recovery,
    parse_sleep,
    parse_training_session,
)
from tests.integrations.providers.conftest import Sample

EEST, EST, CEST = (timezone(timedelta(hours=hours)) for hours in (3, -5, 2))


def stream(times: list[float], values: list[float]) -> Stream:
    return Stream(np.array(times), np.array(values))


def test_parse_training_session_reads_the_old_export(sample: Sample) -> None:
    start = datetime(2021, 6, 12, 6, 30, tzinfo=EEST)

    parsed = parse_training_session(sample("training_session/run_of_the_old_export.json"), "5001")

    assert parsed == Parsed(
        activities=(
            ParsedActivity(
                external_id="5001",
                sport="running.trail",
                start_time=start,
                provider="polar",
                provider_type="TRAIL_RUNNING",
                name="Morning run",
                utc_offset_s=10_800,
                elapsed_s=1890.0,
                timer_s=1800.25,
                distance_m=5012.5,
                elevation_gain_m=85.0,
                elevation_loss_m=83.5,
                energy_kcal=390.0,
                avg_heart_rate_bpm=149.0,
                max_heart_rate_bpm=171.0,
                min_heart_rate_bpm=88.0,
                avg_cadence_rpm=82.0,
                max_cadence_rpm=91.0,
                avg_speed_mps=3.0,
                max_speed_mps=4.0,
                device="Polar Ignite 2",
                device_kind="watch",
                source_name="Polar Flow",
                laps=(
                    Lap(
                        start, 360.0, "auto_lap", distance_m=1000.0, avg_heart_rate_bpm=140.0, max_heart_rate_bpm=150.0
                    ),
                    Lap(start + timedelta(seconds=360), 355.0, "auto_lap", distance_m=1000.0),
                ),
                streams={
                    "latitude": stream([2.0], [60.25]),
                    "longitude": stream([2.0], [25.5]),
                    "altitude": stream([2.0], [31.5]),
                    "heart_rate": stream([1.0, 3.0], [90.0, 92.0]),
                    "speed": stream([1.0], [2.5]),
                },
                extra={"note": "windy"},
            ),
        )
    )


def test_parse_training_session_reads_series_with_an_interval(sample: Sample) -> None:
    start = datetime(2025, 2, 21, 10, 0, tzinfo=EST)

    [ride] = parse_training_session(sample("training_session/ride_of_the_new_export.json"), "8060000001").activities

    assert ride == ParsedActivity(
        external_id="8060000001",
        sport="cycling.road",
        start_time=start,
        provider="polar",
        provider_type="ROAD_BIKING",
        utc_offset_s=-18_000,
        elapsed_s=1200.0,
        timer_s=1140.0,
        distance_m=8000.0,
        energy_kcal=210.0,
        avg_heart_rate_bpm=121.0,
        max_heart_rate_bpm=140.0,
        avg_cadence_rpm=80.0,
        max_cadence_rpm=95.0,
        avg_speed_mps=7.0,
        max_speed_mps=10.0,
        device="Polar 0F0F0F0F",
        device_kind="watch",
        source_name="Polar Flow",
        laps=(Lap(start + timedelta(seconds=5), 600.0, distance_m=4000.0),),
        pauses=(Pause(start + timedelta(minutes=5), 60.0),),
        streams={
            "latitude": stream([8.0], [45.5]),
            "longitude": stream([8.0], [-73.5]),
            "altitude": stream([8.0], [20.0]),
            "heart_rate": stream([5.0, 7.0], [100.0, 102.0]),
            "speed": stream([5.0, 5.5], [5.0, 10.0]),
        },
        extra={
            "trainingLoad": 21.5,
            "zones": [
                {"type": "ZONE_TYPE_HEART_RATE", "zones": [{"lowerLimit": 90, "higherLimit": 108, "inZone": 60000}]}
            ],
        },
    )


def test_parse_training_session_makes_legs_of_several_exercises(sample: Sample) -> None:
    whole, *legs = parse_training_session(sample("training_session/triathlon.json"), "7").activities

    assert (whole.sport, whole.distance_m, whole.elapsed_s, whole.parent) == (
        "multisport.triathlon",
        51_500.0,
        9000.0,
        None,
    )
    assert [
        (leg.external_id, leg.sport, leg.start_time, leg.elapsed_s, leg.distance_m, leg.parent) for leg in legs
    ] == [
        ("7#1", "swimming.open_water", datetime(2020, 8, 1, 8, 0, tzinfo=CEST), 1800.0, 1500.0, 0),
        ("7#2", "cycling", datetime(2020, 8, 1, 8, 32, tzinfo=CEST), 4080.0, 40_000.0, 0),
        ("7#3", "running", datetime(2020, 8, 1, 9, 42, tzinfo=CEST), 2880.0, 10_000.0, 0),
    ]


def test_parse_training_session_without_an_offset_tells_none() -> None:
    [session] = parse_training_session(b'{"startTime":"2021-01-01T10:00:00","sport":{"id":"999"}}', "1").activities

    assert (session.utc_offset_s, session.sport, session.provider_type) == (None, "generic", "999")


@pytest.mark.parametrize("number", ["5", "18", "103", "105", "999", "-1"])
def test_a_number_that_nobody_vouches_for_is_generic_and_kept(number: str) -> None:
    [session] = parse_training_session(
        json.dumps({"startTime": "2021-01-01T10:00:00", "sport": {"id": number}}).encode(), "1"
    ).activities

    assert (session.sport, session.provider_type) == ("generic", number)


def test_parse_sleep_reads_stages_and_score(sample: Sample) -> None:
    assert parse_sleep(sample("sleep/staged_night_with_score.json"), "2025-02-21") == Parsed(
        sleeps=(
            ParsedSleep(
                start_time=datetime(2025, 2, 20, 23, 15, tzinfo=EST),
                end_time=datetime(2025, 2, 21, 0, 45, tzinfo=EST),
                utc_offset_s=-18_000,
                date=date(2025, 2, 21),
                stages=(
                    (0.0, 2400.0, "light"),
                    (2400.0, 1200.0, "deep"),
                    (3600.0, 600.0, "awake"),
                    (4200.0, 1200.0, "rem"),
                ),
                in_bed_s=5400.0,
                asleep_s=4800.0,
                awake_s=600.0,
                light_s=2400.0,
                deep_s=1200.0,
                rem_s=1200.0,
                efficiency_ratio=0.889,
                external_id="2025-02-21",
                score=77.5,
            ),
        )
    )


def test_parse_nightly_recovery_turns_intervals_into_rates(sample: Sample) -> None:
    day = date(2025, 2, 21)

    assert parse_nightly_recovery(sample("nightly_recovery/below_the_usual.json"), "2025-02-21").days == (
        DayValue("hrv_rmssd", day, 42.0, {"baseline": 45.0}),
        DayValue("sleeping_heart_rate", day, 50.0),
        DayValue("respiratory_rate", day, 15.0),
        DayValue("polar_nightly_recharge", day, 3.0),
        DayValue("polar_ans_charge", day, -1.5),
    )


def test_parse_activity_sums_levels_and_leaves_settings_alone(sample: Sample) -> None:
    day = date(2025, 2, 21)

    assert parse_activity(sample("activity/day_with_levels.json"), "2025-02-21").days == (
        DayValue("steps", day, 10_400.0),
        DayValue("distance_walking_running", day, 7800.5),
        DayValue("total_energy", day, 2450.0),
        DayValue("sedentary_time", day, 600.0),
        DayValue("light_activity_time", day, 240.0),
        DayValue("moderate_activity_time", day, 60.0),
        DayValue("vigorous_activity_time", day, 15.0),
    )


def test_weights_and_tests_tell_days(sample: Sample) -> None:
    assert parse_calendar_items(sample("calendar_items/two_weights_on_a_day.json"), "1").days == (
        DayValue("weight", date(2025, 2, 20), 70.2),
    )
    assert parse_fitness_test(sample("fitness_test/own_index.json"), "1").days == (
        DayValue("vo2max", date(2024, 5, 1), 52.0),
    )


@pytest.mark.parametrize(
    ("parse", "data"),
    [
        (parse_training_session, b'{"startTime":"soon"}'),
        (parse_training_session, b"[]"),
        (parse_sleep, b'{"result":{"night":"2025-02-21"}}'),
        (parse_nightly_recovery, b"{}"),
        (parse_activity, b'{"date":"?"}'),
        (parse_fitness_test, b"{"),
    ],
)
def test_what_tells_nothing_is_unexpected(parse, data: bytes) -> None:
    with pytest.raises(UnexpectedPayload):
        parse(data, "any")
