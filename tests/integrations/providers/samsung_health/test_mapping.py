from __future__ import annotations

import json
from datetime import date, datetime, timedelta, timezone

import numpy as np
import pytest

from activities.domain.parsed import DayValue, Lap, Parsed, ParsedActivity, Problem, Stream
from activities.domain.sleep import ParsedSleep
from integrations.errors import UnexpectedPayload
from integrations.providers.samsung_health.mapping import (
    DAY_KINDS,
    device_kind,
    parse_exercise,
    parse_sleep,
    row_offset,
    stripped,
)
from tests.integrations.providers.conftest import Sample

IST, CET = (timezone(timedelta(hours=hours)) for hours in (5.5, 1))
MARCH_2 = date(2026, 3, 2)


def stream(times: list[float], values: list[float]) -> Stream:
    return Stream(np.array(times), np.array(values))


def test_parse_exercise_reads_the_row_its_live_data_and_its_places(sample: Sample) -> None:
    assert parse_exercise(sample("exercise/run_with_live_data_and_places.json"), "e1") == Parsed(
        activities=(
            ParsedActivity(
                external_id="e1",
                sport="running",
                start_time=datetime(2026, 3, 2, 21, 34, tzinfo=IST),
                provider="samsung_health",
                provider_type="1002",
                utc_offset_s=19_800,
                elapsed_s=2620.0,
                timer_s=2550.0,
                distance_m=7420.5,
                elevation_gain_m=41.5,
                elevation_loss_m=40.0,
                energy_kcal=451.0,
                active_energy_kcal=402.0,
                avg_heart_rate_bpm=151.0,
                max_heart_rate_bpm=173.0,
                avg_cadence_rpm=166.0,
                avg_speed_mps=2.9,
                device="Galaxy Watch7 (C4A2)",
                device_kind="watch",
                source_name="com.sec.android.app.shealth",
                streams={
                    "latitude": stream([0.0], [48.2]),
                    "longitude": stream([0.0], [16.37]),
                    "altitude": stream([0.0], [171.5]),
                    "heart_rate": stream([0.0], [121.0]),
                    "cadence": stream([1.0], [168.0]),
                    "speed": stream([1.0], [2.91]),
                    "distance": stream([1.0, 2.0], [2.9, 6.0]),
                },
                extra={"vo2_max": "48.5", "sweat_loss": "510.0"},
            ),
        ),
        days=(DayValue("vo2max", MARCH_2, 48.5, {"by": "exercise"}),),
    )


def test_parse_exercise_reads_what_can_be_read(sample: Sample) -> None:
    parsed = parse_exercise(sample("exercise/own_type_with_broken_live_data.json"), "e2")

    assert parsed == Parsed(
        activities=(
            ParsedActivity(
                external_id="e2",
                sport="strength",
                start_time=datetime(2026, 3, 3, 11, 0, tzinfo=CET),
                provider="samsung_health",
                provider_type="0",
                name="Gym",
                utc_offset_s=3600,
                elapsed_s=1800.0,
            ),
        ),
        problems=(Problem("", "Its live cannot be read."),),
    )


@pytest.mark.parametrize(
    ("recovery", "expected"),
    [
        ({"chart_data": [{"start_time": 1772470060000 + 1000 * at, "heart_rate": 160 - at // 2} for at in range(121)],
          "is_valid": True},
         [DayValue("heart_rate_recovery", date(2026, 3, 2), 30.0,
                   {"by": "exercise", "after_exercise_bpm": 160.0, "one_minute_later_bpm": 130.0})]),
        ([{"start_time": 1772470060000, "heart_rate": 150}, {"start_time": 1772470124000, "heart_rate": 155}],
         [DayValue("heart_rate_recovery", date(2026, 3, 2), -5.0,
                   {"by": "exercise", "after_exercise_bpm": 150.0, "one_minute_later_bpm": 155.0})]),
        ({"chart_data": [{"start_time": 0, "heart_rate": 150}, {"start_time": 60_000, "heart_rate": 120}],
          "is_valid": False}, []),
        ([{"start_time": 0, "heart_rate": 150}, {"start_time": 90_000, "heart_rate": 120}], []),
        ([{"start_time": "soon", "heart_rate": 150}, {"heart_rate": 0}], []),
        ("broken", []),
    ],
)  # fmt: skip
def test_parse_exercise_tells_how_the_heart_recovered(recovery: object, expected: list[DayValue]) -> None:
    row = {"start_time": "2026-03-02 16:04:00.000", "end_time": "2026-03-02 16:47:40.000", "time_offset": "UTC+0100"}

    parsed = parse_exercise(json.dumps({"row": row, "recovery": recovery}).encode(), "e1")

    assert (list(parsed.days), parsed.problems) == (expected, ())


def test_parse_exercise_reads_its_segments() -> None:
    """The first points tell when they were; the others only how long the exercise had run, paused for none of it."""
    begin = 1_772_467_440_000
    row = {"start_time": "2026-03-02 16:04:00.000", "end_time": "2026-03-02 16:47:40.000", "time_offset": "UTC+0100"}
    points = [
        {"start_time": begin, "elapsed_time": 0, "segment": 0, "interval": 1},
        {"start_time": begin + 600_000, "elapsed_time": 590_000, "segment": 0, "interval": 2},
        {"elapsed_time": 700_000, "segment": 1},
        {"elapsed_time": 900_000, "segment": 1},
        {"elapsed_time": 950_000},
        {"start_time": begin + 1_000_000, "segment": 2},
    ]
    live = [
        {"start_time": begin + 1000 * at, "heart_rate": rate, "distance": metres}
        for at, rate, metres in ((0, 120, 0), (300, 140, 900.0), (600, 160, 900.0), (650, 99, 50.0), (800, 150, 300.5))
    ]

    def segments(told: object) -> tuple[Lap, ...]:
        [effort] = parse_exercise(json.dumps({"row": row, "live": live, "segments": told}).encode(), "e1").activities
        return effort.laps

    start = datetime(2026, 3, 2, 17, 4, tzinfo=CET)
    assert segments(points) == (
        Lap(start, 600.0, "segment", 590.0, 1800.0, 140.0, 160.0),
        Lap(start + timedelta(seconds=700), 200.0, "segment", 200.0, 300.5, 150.0, 150.0),
        Lap(start + timedelta(seconds=1000), 0.0, "segment"),
    )
    assert segments(points[:2]) == ()
    assert segments([{"segment": 1}, {"segment": 2}, 5]) == ()
    assert segments([*points[:2], {"elapsed_time": 1e300, "segment": 9}]) == ()


def test_parse_sleep_sums_stages_that_never_overlap(sample: Sample) -> None:
    assert parse_sleep(sample("sleep/night_with_stages.json"), "s1") == Parsed(
        sleeps=(
            ParsedSleep(
                start_time=datetime(2026, 3, 2, 0, 0, tzinfo=CET),
                end_time=datetime(2026, 3, 2, 1, 30, tzinfo=CET),
                utc_offset_s=3600,
                date=MARCH_2,
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
                efficiency_ratio=0.91,
                external_id="s1",
                score=82.0,
            ),
        )
    )


def test_parse_sleep_without_stages_takes_the_told_minutes() -> None:
    data = (
        b'{"row":{"start_time":"2026-03-01 23:00:00.000","end_time":"2026-03-02 06:00:00.000","sleep_duration":"390"}}'
    )

    [night] = parse_sleep(data, "s2").sleeps

    assert (night.asleep_s, night.deep_s, night.stages, night.utc_offset_s) == (23_400.0, None, (), 0)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (
            "step_daily_trend/devices_and_joined.csv",
            [DayValue("distance_walking_running", MARCH_2, 7400.5), DayValue("steps", MARCH_2, 9500.0)],
        ),
        (
            "weight/late_at_night.csv",
            [
                DayValue("basal_metabolic_rate", MARCH_2, 1650.0),
                DayValue("body_fat", MARCH_2, 17.25),
                DayValue("skeletal_muscle_mass", MARCH_2, 33.5),
                DayValue("weight", MARCH_2, 70.5),
            ],
        ),
        (
            "vitality_score/one_day.csv",
            [
                DayValue("samsung_health_energy_score", MARCH_2, 77.0, {"sleep_score": 80.0, "shrv_value": 46.0}),
                DayValue("sleeping_heart_rate", MARCH_2, 51.5),
            ],
        ),
    ],
)
def test_day_tables_tell_days(sample: Sample, path: str, expected: list[DayValue]) -> None:
    assert DAY_KINDS[path.partition("/")[0]](sample(path), "any") == Parsed(days=tuple(expected))


@pytest.mark.parametrize(
    ("kind", "columns", "cells", "expected"),
    [
        ("day_summary", "day_time,exercise_time,active_time,floor_count", "1772409600000,1800000,3600000,12",
         [("active_time", 60.0), ("exercise_time", 30.0), ("flights_climbed", 12.0)]),
        ("calories_burned", "com.samsung.shealth.calories_burned.day_time,com.samsung.shealth.calories_burned."
         "active_calorie,com.samsung.shealth.calories_burned.rest_calorie", "1772409600000,512.5,1650.25",
         [("active_energy", 512.5), ("basal_energy", 1650.25)]),
        ("height", "start_time,time_offset,height", "2026-03-02 10:00:00.000,UTC+0000,178.5", [("height", 1.785)]),
        ("pedometer_day_summary", "day_time,step_count,distance", "1772409600000,8000,6000",
         [("distance_walking_running", 6000.0), ("steps", 8000.0)]),
    ],
)  # fmt: skip
def test_day_tables_of_every_kind(kind: str, columns: str, cells: str, expected: list[tuple[str, float]]) -> None:
    days = DAY_KINDS[kind](f"com.samsung.table,1,1\n{columns}\n{cells},\n".encode(), "any").days

    assert [(day.metric, day.value) for day in days] == expected
    assert {day.date for day in days} == {MARCH_2}


@pytest.mark.parametrize(
    ("parse", "data", "message"),
    [
        (parse_exercise, b'{"row":{"start_time":""}}', "no start"),
        (parse_exercise, b'{"row":{"start_time":"2026-03-02 16:04:00.000","end_time":"2026-03-02 16:04:00.000"}}',
         "had not ended"),
        (parse_sleep, b'{"row":{"start_time":"2026-03-02 16:04:00.000"}}', "no start and end"),
        (parse_sleep, b"[1]", "An object"),
    ],
)  # fmt: skip
def test_what_tells_nothing_is_unexpected(parse, data: bytes, message: str) -> None:
    with pytest.raises(UnexpectedPayload, match=message):
        parse(data, "any")


def test_rows_lose_the_prefix_of_their_columns() -> None:
    row = {"com.samsung.health.exercise.start_time": "1 ", "start_time": "", "title": "Run"}

    assert stripped(row) == {"start_time": "1", "title": "Run"}


@pytest.mark.parametrize(
    ("told", "expected"),
    [("UTC+0530", 19_800), ("UTC-0800", -28_800), ("3600000", 3600), ("", None), ("UTC+9900", None), ("1e99", None)],
)
def test_row_offset_reads_words_and_milliseconds(told: str, expected: int | None) -> None:
    assert row_offset({"time_offset": told}) == expected


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Galaxy Watch7", "watch"),
        ("Galaxy Ring", "ring"),
        ("Galaxy Fit3", "band"),
        ("SM-S928B", "phone"),
        ("", "unknown"),
    ],
)
def test_device_kind_knows_samsungs_names(name: str, kind: str) -> None:
    assert device_kind(name) == kind
