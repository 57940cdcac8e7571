from __future__ import annotations

import json
from datetime import date, datetime, timedelta, timezone

import numpy as np
import pytest

from activities.domain.parsed import DayValue, Parsed, ParsedActivity, Stream
from activities.domain.reading import DeviceFacts
from activities.domain.sleep import ParsedSleep
from integrations.errors import UnexpectedPayload
from integrations.providers.polar.accesslink import (
    parse_cardio_load,
    parse_continuous_heart_rate,
    parse_daily_activity,
    parse_exercise,
    parse_night,
    parse_nightly_recharge,
    parse_physical_info,
    parse_skin_temperature,
    parse_spo2,
)
from tests.integrations.providers.conftest import Sample

MUMBAI, NEWFOUNDLAND = timezone(timedelta(minutes=330)), timezone(timedelta(minutes=-150))
DAY = date(2026, 5, 2)


def test_parse_exercise_reads_the_wall_clock_and_minutes_east_of_utc(sample: Sample) -> None:
    assert parse_exercise(sample("exercise/yoga_in_mumbai.json"), "7F21A") == Parsed(
        activities=(
            ParsedActivity(
                external_id="7F21A",
                sport="yoga",
                start_time=datetime(2026, 5, 1, 7, 30, tzinfo=MUMBAI),
                provider="polar",
                provider_type="YOGA",
                utc_offset_s=19_800,
                elapsed_s=3600.0,
                energy_kcal=180.0,
                avg_heart_rate_bpm=96.0,
                max_heart_rate_bpm=121.0,
                device="Polar Beat",
                device_kind="app",
                source_name="Polar Flow",
            ),
        )
    )


def test_parse_exercise_reads_series_with_gaps_and_the_route_by_its_own_times(sample: Sample) -> None:
    [run] = parse_exercise(sample("detail/run_with_power_and_gaps.json"), "7F21B").activities

    def stream(times: list[float], values: list[float]) -> Stream:
        return Stream(np.array(times), np.array(values))

    assert run == ParsedActivity(
        external_id="7F21B",
        # The one name with a hyphen, written without it.
        sport="xc_skiing",
        start_time=datetime(2026, 5, 2, 6, 0, 5, tzinfo=NEWFOUNDLAND),
        provider="polar",
        provider_type="CROSS_COUNTRY_SKIING",
        utc_offset_s=-9000,
        elapsed_s=2730.5,
        distance_m=9150.5,
        energy_kcal=520.0,
        avg_heart_rate_bpm=150.0,
        max_heart_rate_bpm=172.0,
        device="Polar Vantage V3",
        device_kind="watch",
        source_name="Polar Flow",
        streams={
            "latitude": stream([0.0, 4.5], [60.25, 60.251]),
            "longitude": stream([0.0, 4.5], [25.5, 25.501]),
            "heart_rate": stream([0.0, 15.0], [98.0, 104.0]),
            "speed": stream([0.0, 10.0], [2.5, 3.0]),
            "cadence": stream([0.0, 5.0], [160.0, 164.0]),
            "power": stream([0.0, 1.0], [250.0, 255.0]),
        },
        extra={
            "device_id": "ABCD0001",
            "training_load": 88.5,
            "running-index": 58,
            "training_load_pro": {"date": "2026-05-02", "cardio-load": 88.5},
            "heart_rate_zones": [{"index": 1, "lower-limit": 95, "upper-limit": 114, "in-zone": "PT3M"}],
        },
    )


def test_parse_exercise_reads_hyphens_and_the_coarse_sport() -> None:
    told = {
        "start-time": "2026-05-01T07:30:00", "start-time-utc-offset": 60, "sport": "CYCLING",
        "heart-rate": {"average": 120}, "duration": "PT2H",
    }  # fmt: skip

    [ride] = parse_exercise(json.dumps(told).encode(), "1").activities

    assert (ride.sport, ride.provider_type, ride.utc_offset_s, ride.avg_heart_rate_bpm, ride.elapsed_s, ride.extra) == (
        "cycling", "CYCLING", 3600, 120.0, 7200.0, {},
    )  # fmt: skip


def test_parse_night_follows_the_clock_past_midnight(sample: Sample) -> None:
    assert parse_night(sample("night/over_midnight.json"), "2026-05-02") == Parsed(
        sleeps=(
            ParsedSleep(
                start_time=datetime(2026, 5, 1, 23, 30, 30, tzinfo=MUMBAI),
                end_time=datetime(2026, 5, 2, 1, 0, 30, tzinfo=MUMBAI),
                utc_offset_s=19_800,
                date=DAY,
                # The first minute of the clock lies half a minute before the start.
                stages=(
                    (0.0, 1170.0, "light"),
                    (1170.0, 1200.0, "deep"),
                    (2370.0, 900.0, "awake"),
                    (3270.0, 600.0, "rem"),
                    (3870.0, 300.0, "asleep"),
                    (4170.0, 1200.0, "light"),
                    (5370.0, 30.0, "awake"),
                ),
                in_bed_s=5400.0,
                asleep_s=4500.0,
                awake_s=900.0,
                light_s=2400.0,
                deep_s=1200.0,
                rem_s=600.0,
                external_id="2026-05-02",
                score=74.0,
            ),
        ),
        days=(
            DayValue(
                "polar_sleep_score",
                DAY,
                74.0,
                {"group_duration_score": 40.0, "group_solidity_score": 80.0, "group_regeneration_score": 66.5},
            ),
            DayValue("polar_sleep_charge", DAY, 4.0),
            DayValue("polar_sleep_continuity", DAY, 3.6),
        ),
    )


def test_parse_nightly_recharge_reads_rmssd_and_both_charges(sample: Sample) -> None:
    assert parse_nightly_recharge(sample("nightly_recharge/above_the_usual.json"), "2026-05-02").days == (
        DayValue("hrv_rmssd", DAY, 61.0),
        DayValue("sleeping_heart_rate", DAY, 49.0),
        DayValue("respiratory_rate", DAY, 13.4),
        DayValue("polar_nightly_recharge", DAY, 5.0),
        DayValue("polar_ans_charge", DAY, 3.5, {"ans_charge_status": 4.0}),
    )


def test_parse_daily_activity_adds_up_zones_until_the_next_one(sample: Sample) -> None:
    assert parse_daily_activity(sample("daily_activity/day_with_zones.json"), "2026-05-02").days == (
        DayValue("steps", DAY, 11_000.0),
        DayValue("distance_walking_running", DAY, 8123.5),
        DayValue("total_energy", DAY, 2600.0),
        DayValue("active_energy", DAY, 900.0),
        DayValue("active_time", DAY, 210.0),
        DayValue("polar_daily_activity", DAY, 104.5),
        DayValue("sedentary_time", DAY, 854.983333),
        DayValue("light_activity_time", DAY, 120.0),
        DayValue("vigorous_activity_time", DAY, 45.0),
    )


def test_parse_daily_activity_trusts_the_date_and_no_zone_behind_it() -> None:
    told = b'{"start_time":"2026-05-02T00:00:00Z","end_time":"2026-05-02T23:59:59Z","steps":5}'

    assert parse_daily_activity(told, "2026-05-02").days == (DayValue("steps", DAY, 5.0),)


def test_parse_cardio_load_takes_less_than_nought_for_not_known(sample: Sample) -> None:
    assert parse_cardio_load(sample("cardio_load/productive.json"), "2026-05-02").days == (
        DayValue("polar_cardio_load", DAY, 88.5, {"cardio_load_status": "PRODUCTIVE"}),
        DayValue("polar_strain", DAY, 61.2),
        DayValue("polar_tolerance", DAY, 50.5),
        DayValue("polar_cardio_load_ratio", DAY, 1.21),
    )
    unknown = {"date": "2026-05-02", "cardio_load": -1.0, "strain": -1.0, "tolerance": 12.0, "cardio_load_ratio": -1.0}
    assert parse_cardio_load(json.dumps(unknown).encode(), "").days == (DayValue("polar_tolerance", DAY, 12.0),)


def test_temperature_oxygen_and_body_are_read(sample: Sample) -> None:
    changed = date(2026, 4, 28)

    assert parse_skin_temperature(sample("skin_temperature/a_little_warm.json"), "2026-05-02").days == (
        DayValue("skin_temperature", DAY, 35.1),
        DayValue("skin_temperature_deviation", DAY, 0.4),
    )
    # 21:00 UTC of the first is half past two of the second in Mumbai.
    assert parse_spo2(sample("spo2/passed_test.json"), "").days == (DayValue("oxygen_saturation", DAY, 97.0),)
    assert parse_physical_info(sample("physical_info/measured.json"), "2026-05-02").days == (
        DayValue("weight", changed, 63.5),
        DayValue("height", changed, 1.71),
        DayValue("max_heart_rate", changed, 188.0),
        DayValue("resting_heart_rate", changed, 48.0),
        DayValue("aerobic_threshold_heart_rate", changed, 141.0),
        DayValue("anaerobic_threshold_heart_rate", changed, 169.0),
        DayValue("vo2max", changed, 51.0),
    )


def test_a_test_that_failed_and_a_weight_that_nobody_entered_tell_nothing() -> None:
    failed = b'{"test_time":1777669200,"test_status":"SPO2_TEST_INCONCLUSIVE_TOO_MANY_MISSING_SAMPLES"}'

    assert parse_spo2(failed, "") == Parsed()
    assert parse_physical_info(b'{"weight":70,"weight_source":"SOURCE_DEFAULT"}', "2026-05-02") == Parsed()


def test_parse_continuous_heart_rate_is_placed_by_the_offset_beside_it(sample: Sample) -> None:
    [table] = parse_continuous_heart_rate(sample("heart_rate/with_the_offset_beside_it.json"), "2026-05-02").samples

    midnight = round(datetime(2026, 5, 2, tzinfo=MUMBAI).timestamp() * 1000)
    assert (table.metric, table.device) == ("heart_rate", DeviceFacts("Polar", "Polar", "watch", "Polar"))
    assert table.columns.select(["start_ms", "end_ms", "value"]).to_pydict() == {
        "start_ms": [midnight + 128_000, midnight + 86_399_000],
        "end_ms": [midnight + 128_000, midnight + 86_399_000],
        "value": [61.0, 75.0],
    }


@pytest.mark.parametrize(
    ("parse", "data"),
    [
        (parse_exercise, b'{"start_time":"soon"}'),
        (parse_exercise, b"[]"),
        (parse_night, b'{"date":"2026-05-02"}'),
        (parse_nightly_recharge, b"{}"),
        (parse_daily_activity, b"{}"),
        (parse_cardio_load, b'{"date":"?"}'),
        (parse_skin_temperature, b"{}"),
        (parse_spo2, b'{"test_time":0}'),
        (parse_physical_info, b"{}"),
        (parse_continuous_heart_rate, b'{"day":{"date":"2026-05-02"}}'),
        (parse_continuous_heart_rate, b'{"day":{},"offset_minutes":0}'),
    ],
)
def test_what_tells_nothing_is_unexpected(parse, data: bytes) -> None:
    with pytest.raises(UnexpectedPayload):
        parse(data, "any")
