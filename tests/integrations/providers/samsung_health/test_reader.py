from __future__ import annotations

import json
from pathlib import Path

from activities.domain.parsed import Problem
from integrations.providers.samsung_health.provider import PROVIDER
from integrations.providers.samsung_health.reader import ExportReader
from integrations.providers.samsung_health.sports import CODES, NAMES
from tests.integrations.providers.zips import opened, parsed_of, told_of

READER = ExportReader()
ROOT, STAMP = "samsunghealth_kim_20260302170000", "20260302170000"
PREFIX = "com.samsung.health.exercise."
LIVE = "e1.com.samsung.health.exercise.live_data.json"
INTERNAL = "e1.com.samsung.health.exercise.live_data_internal.json"
MARCH_2 = 1_772_409_600_000


def table(name: str, columns: str, *rows: str) -> str:
    return "\n".join([f"{name},6150003,4", columns, *(f"{row}," for row in rows)]) + "\n"


EXERCISES = table(
    "com.samsung.shealth.exercise",
    f"{PREFIX}start_time,{PREFIX}end_time,{PREFIX}time_offset,{PREFIX}exercise_type,{PREFIX}live_data,"
    f"{PREFIX}deviceuuid,{PREFIX}datauuid",
    f"2026-03-02 16:04:00.000,2026-03-02 16:47:40.000,UTC+0100,1002,{LIVE},Ab12,e1",
    "2026-03-03 16:04:00.000,2026-03-03 16:47:40.000,UTC+0100,1001,,,",
)


def path(name: str) -> str:
    return f"{ROOT}/{name}.{STAMP}.csv"


def test_recognises_the_folder_by_its_tables() -> None:
    with opened({path("com.samsung.shealth.exercise"): "\ufeff" + EXERCISES}, "holiday.zip") as container:
        assert READER.recognise(container)
    for members in ({path("com.samsung.shealth.exercise"): "a,b\n"}, {"com.samsung.shealth.exercise.csv": EXERCISES}):
        with opened(members, "samsunghealth.zip") as container:
            assert not READER.recognise(container)


def test_joins_exercises_with_their_files_and_sleeps_with_their_stages() -> None:
    told = told_of(
        READER,
        {
            path("com.samsung.shealth.exercise"): EXERCISES,
            path("com.samsung.shealth.exercise.weather"): table("com.samsung.shealth.exercise.weather", "a", "1"),
            f"{ROOT}/jsons/com.samsung.shealth.exercise/e/{LIVE}": [{"start_time": 1772467441000, "heart_rate": 120}],
            f"{ROOT}/jsons/com.samsung.shealth.exercise/e/e9.live_data.json": [],
            path("com.samsung.health.device_profile"): table("d", "deviceuuid,name", "Ab12,Galaxy Watch7"),
            path("com.samsung.shealth.sleep"): table(
                "com.samsung.shealth.sleep",
                "start_time,end_time,time_offset,datauuid",
                "2026-03-01 23:00:00.000,2026-03-02 06:00:00.000,UTC+0100,s1",
            ),
            path("com.samsung.health.sleep_stage"): table(
                "com.samsung.health.sleep_stage",
                "start_time,sleep_id,stage,end_time",
                "2026-03-01 23:00:00.000,s1,40003,2026-03-02 06:00:00.000",
            ),
        },
    )

    assert told.ids == [("exercise", "e1"), ("sleep", "s1")]
    [run] = parsed_of(PROVIDER, told, "exercise", "e1").activities
    [night] = parsed_of(PROVIDER, told, "sleep", "s1").sleeps
    assert (run.device, run.streams["heart_rate"].values.tolist()) == ("Galaxy Watch7", [120.0])
    assert night.stages == ((0.0, 25_200.0, "deep"),)
    assert told.kept == [
        path("com.samsung.shealth.exercise.weather"),
        f"{ROOT}/jsons/com.samsung.shealth.exercise/e/e9.live_data.json",
    ]
    where = path("com.samsung.shealth.exercise")
    assert told.problems == [Problem(where, f"{where} holds rows without a datauuid; they are left in the export.", 1)]


def test_puts_the_segments_beside_their_exercise() -> None:
    exercises = table(
        "com.samsung.shealth.exercise",
        f"{PREFIX}start_time,{PREFIX}end_time,{PREFIX}exercise_type,{PREFIX}live_data_internal,{PREFIX}datauuid",
        f"2026-03-02 16:04:00.000,2026-03-02 16:47:40.000,1002,{INTERNAL},e1",
    )
    points = [{"elapsed_time": 1000 * at, "segment": at // 60} for at in range(0, 120, 10)]

    told = told_of(
        READER,
        {
            path("com.samsung.shealth.exercise"): exercises,
            f"{ROOT}/jsons/com.samsung.shealth.exercise/e/{INTERNAL}": points,
        },
    )

    assert (told.kept, told.problems) == ([], [])
    [run] = parsed_of(PROVIDER, told, "exercise", "e1").activities
    assert [(lap.kind, lap.elapsed_s) for lap in run.laps] == [("segment", 50.0), ("segment", 50.0)]


def test_reads_series_from_rows_and_from_their_files() -> None:
    told = told_of(
        READER,
        {
            path("com.samsung.shealth.tracker.heart_rate"): table(
                "com.samsung.shealth.tracker.heart_rate",
                "start_time,end_time,heart_rate,binning_data,deviceuuid,datauuid",
                "2026-03-02 00:00:00.000,2026-03-02 00:10:00.000,60,h1.binning_data.json,Ab12,h1",
                "2026-03-02 01:00:00.000,2026-03-02 01:00:00.000,70,,,h2",
                "2026-03-02 02:00:00.000,2026-03-02 02:00:00.000,80,h3.binning_data.json,,h3",
                "soon,,75,,,h4",
            ),
            f"{ROOT}/jsons/com.samsung.shealth.tracker.heart_rate/h/h1.binning_data.json": [
                {"start_time": MARCH_2, "end_time": MARCH_2 + 59_000, "heart_rate": 58, "heart_rate_min": 55},
                {"start_time": MARCH_2 + 60_000, "end_time": MARCH_2 + 119_000, "heart_rate": 59},
            ],
            f"{ROOT}/jsons/com.samsung.shealth.tracker.heart_rate/h/h3.binning_data.json": "[{",
            path("com.samsung.health.hrv"): table(
                "com.samsung.health.hrv", "start_time,end_time,binning_data,datauuid",
                "2026-03-02 00:00:00.000,2026-03-02 06:00:00.000,v1.binning_data.json,v1",
            ),
            f"{ROOT}/jsons/com.samsung.health.hrv/v/v1.binning_data.json": [
                {"start_time": MARCH_2, "end_time": MARCH_2 + 300_000, "sdnn": 51.5, "rmssd": 43.25}
            ],
        },
    )  # fmt: skip

    assert told.samples == {
        ("heart_rate", "Device Ab12"): [(MARCH_2, MARCH_2 + 59_000, 58.0), (MARCH_2 + 60_000, MARCH_2 + 119_000, 59.0)],
        ("heart_rate", "Samsung Health"): [
            (MARCH_2 + 3_600_000, MARCH_2 + 3_600_000, 70.0),
            (MARCH_2 + 7_200_000, MARCH_2 + 7_200_000, 80.0),
        ],
        ("hrv_rmssd", "Samsung Health"): [(MARCH_2, MARCH_2 + 300_000, 43.25)],
        ("hrv_sdnn", "Samsung Health"): [(MARCH_2, MARCH_2 + 300_000, 51.5)],
    }
    assert told.counts == {"sample": 6}
    assert len(told.problems) == 2
    assert told.kept == []


def test_reads_meals_drinks_and_blood_pressure_as_samples() -> None:
    told = told_of(
        READER,
        {
            path("com.samsung.health.nutrition"): table(
                "com.samsung.health.nutrition",
                "start_time,time_offset,calorie,protein,total_fat,sodium,calcium,title,datauuid",
                "2026-03-02 11:00:00.000,UTC+0100,650.5,42,21.5,800,12,Lunch,n1",
            ),
            path("com.samsung.health.water_intake"): table(
                "com.samsung.health.water_intake",
                "start_time,time_offset,amount,unit_amount,datauuid",
                "2026-03-02 11:00:00.000,UTC+0100,250,250,w1",
                "2026-03-02 12:00:00.000,UTC+0100,500,250,w2",
            ),
            path("com.samsung.shealth.blood_pressure"): table(
                "com.samsung.shealth.blood_pressure",
                "start_time,time_offset,systolic,diastolic,pulse,deviceuuid",
                "2026-03-02 10:00:00.000,UTC+0100,121,79,60,",
                "2026-03-02 20:00:00.000,UTC+0100,125,81,62,",
            ),
        },
    )

    hour = 3_600_000
    ten, eleven, noon, eight = (MARCH_2 + it * hour for it in (10, 11, 12, 20))
    assert told.samples == {
        ("dietary_energy", "Samsung Health"): [(eleven, eleven, 650.5)],
        ("dietary_protein", "Samsung Health"): [(eleven, eleven, 42.0)],
        ("dietary_fat", "Samsung Health"): [(eleven, eleven, 21.5)],
        ("dietary_sodium", "Samsung Health"): [(eleven, eleven, 800.0)],
        ("dietary_water", "Samsung Health"): [(eleven, eleven, 250.0), (noon, noon, 500.0)],
        ("blood_pressure_systolic", "Samsung Health"): [(ten, ten, 121.0), (eight, eight, 125.0)],
        ("blood_pressure_diastolic", "Samsung Health"): [(ten, ten, 79.0), (eight, eight, 81.0)],
    }
    assert (told.problems, told.kept) == ([], [])


def test_puts_the_recovery_beside_its_exercise_and_a_broken_side_file_costs_itself() -> None:
    curve, broken = "r1.heart_rate.json", f"{ROOT}/jsons/com.samsung.shealth.exercise/e/{LIVE}"
    more = EXERCISES + "2026-03-04 16:04:00.000,2026-03-04 16:47:40.000,UTC+0100,1001,,,e2,\n"
    told = told_of(
        READER,
        {
            path("com.samsung.shealth.exercise"): more,
            path("com.samsung.shealth.exercise.recovery_heart_rate"): table(
                "com.samsung.shealth.exercise.recovery_heart_rate",
                "start_time,exercise_id,heart_rate,datauuid",
                f"2026-03-04 16:47:40.000,e2,{curve},r1",
            ),
            f"{ROOT}/jsons/com.samsung.shealth.exercise.recovery_heart_rate/r/{curve}": {
                "chart_data": [{"start_time": 1000, "heart_rate": 150}, {"start_time": 61_000, "heart_rate": 121}]
            },
            broken: "",
            f"{ROOT}/jsons/com.samsung.shealth.exercise/e/e1.live_data_internal.json": [],
        },
    )

    assert told.ids == [("exercise", "e1"), ("exercise", "e2")]
    [recovered] = parsed_of(PROVIDER, told, "exercise", "e2").days
    assert (recovered.metric, recovered.value) == ("heart_rate_recovery", 29.0)
    assert [problem.message for problem in told.problems] == [
        f"{broken} is empty.",
        f"{path('com.samsung.shealth.exercise')} holds rows without a datauuid; they are left in the export.",
    ]
    assert told.kept == [f"{ROOT}/jsons/com.samsung.shealth.exercise/e/e1.live_data_internal.json"]


def test_reads_the_pedometer_only_where_no_joined_steps_are_told() -> None:
    pedometer = path("com.samsung.shealth.tracker.pedometer_day_summary")
    trend = path("com.samsung.shealth.step_daily_trend")
    members = {pedometer: table("p", "day_time,step_count", f"{MARCH_2},8000")}

    alone = told_of(READER, members)
    beside = told_of(READER, {**members, trend: table("t", "day_time,source_type,count", f"{MARCH_2},-2,9000")})

    assert alone.ids == [("pedometer_day_summary", "com.samsung.shealth.tracker.pedometer_day_summary")]
    assert (beside.ids, beside.kept) == ([("step_daily_trend", "com.samsung.shealth.step_daily_trend")], [pedometer])


def test_a_table_that_breaks_off_costs_only_what_is_missing() -> None:
    broken = EXERCISES + '"2026-03-04 16:04:00.000,unclosed'

    told = told_of(READER, {path("com.samsung.shealth.exercise"): broken, path("com.samsung.health.height"): "x"})

    assert told.ids == [("exercise", "e1"), ("height", "com.samsung.health.height")]


def test_overlapping_exports_tell_the_same_record() -> None:
    first = told_of(READER, {path("com.samsung.shealth.exercise"): EXERCISES})
    later = told_of(READER, {"other/com.samsung.shealth.exercise.20270101000000.csv": EXERCISES})

    assert [(it.external_id, it.data) for it in first.payloads] == [(it.external_id, it.data) for it in later.payloads]


def test_sports_cover_every_documented_code(shared: Path) -> None:
    documented = json.loads((shared / "providers/specs/samsung_health/sport-map.json").read_text())["types"]

    assert CODES.keys() == {str(row["code"]) for row in documented if row["code"] is not None}
    assert NAMES.keys() == {row["data_sdk"] for row in documented if row["data_sdk"]}
