from __future__ import annotations

import json

import pytest

from activities.domain.matching import groups_of
from activities.domain.parsed import Problem
from integrations.providers.fitbit.provider import PROVIDER
from integrations.providers.fitbit.reader import ExportReader
from tests.integrations.providers.zips import opened, parsed_of, record_of, told_of

READER = ExportReader()
OLD, GOOGLE = "Takeout/Fitbit/Global Export Data", "Takeout/Fitbit/Health Fitness Data_GoogleData"
SAMPLES = "Takeout/Google Health/Physical Activity_GoogleData"
MARCH_1 = 1_772_323_200_000  # 2026-03-01T00:00:00Z

EXERCISE = {"logId": 1, "activityName": "Run", "startTime": "03/02/26 16:04:10", "duration": 1_800_000}
SLEEP = {"logId": 2, "startTime": "2026-03-01T23:00:00.000", "duration": 3_600_000, "minutesAsleep": 50}
PROFILE = "id,timezone\n7XYZ,Europe/Vienna\n"


def test_recognises_exports_by_what_lies_inside() -> None:
    for members in (
        {f"{OLD}/heart_rate-2026-03-01.json": [{"dateTime": "03/01/26 00:00:05", "value": {"bpm": 61}}]},
        {"MyFitbitData/Kim/Sleep/sleep-2016-12-01.json": [SLEEP]},
        {f"{SAMPLES}/Steps/steps_2026-03-01.csv": "timestamp,steps,data source\n"},
    ):
        with opened(members, "photos.zip") as container:
            assert READER.recognise(container)
    for members in ({"steps.csv": "day,steps\n1,2\n"}, {"sleep-2026-03-01.json": {"some": "thing"}}, {"a.txt": "x"}):
        with opened(members, "MyFitbitData.zip") as container:
            assert not READER.recognise(container)


def test_reads_series_by_device() -> None:
    told = told_of(
        READER,
        {
            f"{OLD}/heart_rate-2026-03-01.json": [
                {"dateTime": "03/01/26 00:00:05", "value": {"bpm": 61, "confidence": 3}},
                {"dateTime": "03/01/26 00:00:10", "value": {"bpm": 62, "confidence": 2}},
            ],
            f"{OLD}/distance-2026-03-01.json": [{"dateTime": "03/01/26 00:01:00", "value": "880"}],
            f"{SAMPLES}/Steps/steps_2026-03-01.csv": "timestamp,steps,data source\n"
            "2026-03-01T00:01:00Z,12,MobileTrack\n2026-03-01T00:01:00.500Z,14,Google Fitbit Air\nsoon,3,MobileTrack\n",
            f"{SAMPLES}/HRV/heart_rate_variability_2026-03-01.csv": "timestamp,"
            "root mean square of successive differences milliseconds,standard deviation milliseconds,data source\n"
            "2026-03-01T00:05:00Z,40.5,61.25,Pixel Watch 4\n",
            # A moment in UTC, not a date: in California it was the evening before.
            f"{SAMPLES}/Body/weight_2026-03-01.csv": "timestamp,weight grams,data source\n"
            "2026-03-01T04:00:00Z,75250,Aria\n",
        },
    )

    assert told.samples == {
        ("heart_rate", "Fitbit"): [(MARCH_1 + 5000, MARCH_1 + 5000, 61.0), (MARCH_1 + 10_000, MARCH_1 + 10_000, 62.0)],
        ("distance_walking_running", "Fitbit"): [(MARCH_1 + 60_000, MARCH_1 + 120_000, 8.8)],
        ("steps", "MobileTrack"): [(MARCH_1 + 60_000, MARCH_1 + 120_000, 12.0)],
        ("steps", "Google Fitbit Air"): [(MARCH_1 + 60_500, MARCH_1 + 120_500, 14.0)],
        ("hrv_rmssd", "Pixel Watch 4"): [(MARCH_1 + 300_000, MARCH_1 + 300_000, 40.5)],
        ("hrv_sdnn", "Pixel Watch 4"): [(MARCH_1 + 300_000, MARCH_1 + 300_000, 61.25)],
        ("weight", "Aria"): [(MARCH_1 + 14_400_000, MARCH_1 + 14_400_000, 75.25)],
    }
    assert told.counts == {"sample": 8}
    path = f"{SAMPLES}/Steps/steps_2026-03-01.csv"
    assert told.problems == [Problem(path, f"{path} holds rows whose time or value cannot be read.", 1)]


def test_puts_beside_a_log_what_other_members_know_of_it() -> None:
    told = told_of(
        READER,
        {
            f"{OLD}/exercise-0.json": [EXERCISE],
            f"{OLD}/sleep-2026-03-01.json": [SLEEP],
            f"{GOOGLE}/UserExercises_2026-03-01.csv": "exercise_id,exercise_start,exercise_end,utc_offset\n"
            "90,2026-03-02T16:04:12Z,2026-03-02T16:34:12Z,+05:30\n"
            "91,2026-03-03T10:00:00Z,2026-03-03T10:30:00Z,+05:30\n",
            f"{GOOGLE}/UserSleeps_2026-03-01.csv": "sleep_id,sleep_start,start_utc_offset,sleep_end,end_utc_offset\n"
            "70,2026-03-01T17:30:00Z,+05:30,2026-03-01T18:30:00Z,+05:30\n"
            "71,2026-03-02T17:30:00Z,+05:30,2026-03-02T18:30:00Z,+05:30\n",
            f"{GOOGLE}/UserSleepStages_2026-03-01.csv": "sleep_id,sleep_stage_type,sleep_stage_start,sleep_stage_end\n"
            "71,DEEP,2026-03-02T17:30:00Z,2026-03-02T18:30:00Z\n",
            "Takeout/Fitbit/Sleep Score/sleep_score.csv": "sleep_log_entry_id,timestamp,overall_score\n"
            "2,2026-03-02T00:00:00Z,81\n",
            "Takeout/Fitbit/Your Profile/Profile.csv": PROFILE,
        },
    )

    assert told.ids == [
        ("exercise", "1"),
        ("sleep", "2"),
        ("google_exercise", "91"),
        ("google_sleep", "71"),
        ("sleep_score", "sleep_score.csv"),
    ]
    [run] = parsed_of(PROVIDER, told, "exercise", "1").activities
    [night] = parsed_of(PROVIDER, told, "sleep", "2").sleeps
    [other] = parsed_of(PROVIDER, told, "google_sleep", "71").sleeps
    assert (run.utc_offset_s, night.utc_offset_s, night.score) == (19_800, 19_800, 81.0)
    assert other.stages == ((0.0, 3600.0, "deep"),)
    assert (told.problems, told.kept) == ([], [])


def test_two_parts_of_one_takeout_tell_a_night_and_a_run_once() -> None:
    old = told_of(READER, {f"{OLD}/exercise-0.json": [EXERCISE], f"{OLD}/sleep-2026-03-01.json": [SLEEP]})
    new = told_of(
        READER,
        {
            f"{GOOGLE}/UserExercises_2026-03-01.csv": "exercise_id,exercise_start,exercise_end,activity_name\n"
            "90,2026-03-02T16:04:12Z,2026-03-02T16:34:12Z,Run\n",
            f"{GOOGLE}/UserSleeps_2026-03-01.csv": "sleep_id,sleep_start,start_utc_offset,sleep_end,end_utc_offset\n"
            "70,2026-03-01T17:30:00Z,+05:30,2026-03-01T18:30:00Z,+05:30\n",
        },
    )

    assert (old.ids, new.ids) == (
        [("exercise", "1"), ("sleep", "2")],
        [("google_exercise", "90"), ("google_sleep", "70")],
    )
    [of_old] = parsed_of(PROVIDER, old, "sleep", "2").sleeps
    [of_new] = parsed_of(PROVIDER, new, "google_sleep", "70").sleeps
    assert of_old.external_id == of_new.external_id == "2026-03-01T23:00:00"
    # Of two records about one night the later kind counts: the old log tells more.
    assert list(PROVIDER.parse).index("sleep") > list(PROVIDER.parse).index("google_sleep")
    runs = [
        record_of(parsed_of(PROVIDER, told, kind, key).activities[0])
        for told, kind, key in ((old, "exercise", "1"), (new, "google_exercise", "90"))
    ]
    assert groups_of(runs) == [(("fitbit", "1"), ("fitbit", "90"))]


def test_places_hrv_details_by_the_night_else_by_the_profile() -> None:
    details = "timestamp,rmssd,coverage,low_frequency,high_frequency\n"
    path = f"{OLD}/Heart Rate Variability Details - 2026-03-01.csv"
    members = {
        path: f"{details}2026-03-01T23:05:00,41.5,0.98,900.1,400.2\n"
        "2026-03-29T01:55:00,40.0,0.98,1,1\n2026-03-29T03:00:00,39.0,0.98,1,1\n2026-03-30T04:00:00,,0,1,1\n",
        f"{GOOGLE}/UserSleeps_2026-03-01.csv": "sleep_id,sleep_start,start_utc_offset,sleep_end,end_utc_offset\n"
        "70,2026-03-01T17:30:00Z,+05:30,2026-03-01T18:30:00Z,+05:30\n",
    }

    told = told_of(READER, members | {"Takeout/Fitbit/Your Profile/Profile.csv": PROFILE})
    elsewhere = told_of(READER, members)

    at_night = MARCH_1 + (17 * 60 + 35) * 60_000
    clocks_change = 1_774_745_700_000  # 2026-03-29T00:55:00Z
    assert told.samples == {
        ("hrv_rmssd", "Fitbit"): [
            (at_night, at_night, 41.5),
            (clocks_change, clocks_change, 40.0),
            (clocks_change + 300_000, clocks_change + 300_000, 39.0),
        ]
    }
    assert told.problems == [Problem(path, f"{path} holds rows whose time or value cannot be read.", 1)]
    assert elsewhere.samples == {("hrv_rmssd", "Fitbit"): [(at_night, at_night, 41.5)]}
    assert [(it.message.partition(" tells")[0], it.count) for it in elsewhere.problems][1:] == [(path, 2)]


def test_a_row_without_a_time_is_no_sample() -> None:
    rows = [{"dateTime": when, "value": {"bpm": 61}} for when in ("soon", "03/01/26 00:00:05", "02/30/26 00:00:00")]
    path = f"{OLD}/heart_rate-2026-03-01.json"

    told = told_of(READER, {path: rows})

    assert told.samples == {("heart_rate", "Fitbit"): [(MARCH_1 + 5000, MARCH_1 + 5000, 61.0)]}
    assert told.problems == [Problem(path, f"{path} holds rows whose time or value cannot be read.", 2)]


def test_takes_the_zone_of_the_profile_where_google_tells_no_offset() -> None:
    told = told_of(READER, {f"{OLD}/sleep-2026-03-01.json": [SLEEP], "Takeout/Fitbit/Profile.csv": PROFILE})

    [night] = parsed_of(PROVIDER, told, "sleep", "2").sleeps
    assert night.utc_offset_s == 3600


def test_reads_saved_workout_files_under_the_logs_own_id() -> None:
    tcx = b'<?xml version="1.0"?><TrainingCenterDatabase xmlns="http://www.garmin.com/xmlschemas/TrainingCenterDatabase/v2"/>'

    told = told_of(READER, {f"{OLD}/exercise-0.json": [EXERCISE], "Takeout/Fitbit/Activities/51200100300.tcx": tcx})

    assert told.ids == [("exercise", "1"), ("tcx", "51200100300")]
    assert told.payloads[1].provider == "fitbit"


def test_a_damaged_member_costs_only_itself_and_what_nobody_reads_is_named() -> None:
    broken = json.dumps([EXERCISE, {**EXERCISE, "logId": 9}])[:-30]

    told = told_of(
        READER,
        {
            f"{OLD}/exercise-0.json": broken,
            f"{OLD}/sleep-2026-03-01.json": "not json at all",
            f"{OLD}/sleep-2026-04-01.json": [{"no": "id"}, SLEEP],
            f"{OLD}/badge.json": [{"badgeType": "DAILY_STEPS"}],
            f"{OLD}/resting_heart_rate-2026-03-01.json": [],
        },
    )

    assert told.ids == [("exercise", "1"), ("sleep", "2"), ("resting_heart_rate", "resting_heart_rate-2026-03-01.json")]
    assert told.kept == [f"{OLD}/badge.json"]
    assert [(problem.message, problem.count) for problem in told.problems] == [
        (f"{OLD}/exercise-0.json: This list breaks off at character 93.", 1),
        (f"{OLD}/sleep-2026-03-01.json: A list was expected here.", 1),
        (f"{OLD}/sleep-2026-04-01.json holds entries without a logId; they are left in the export.", 1),
    ]


def test_overlapping_exports_tell_the_same_record() -> None:
    first = told_of(READER, {f"{OLD}/exercise-0.json": [EXERCISE]})
    later = told_of(READER, {"Takeout 2/Fitbit/Global Export Data/exercise-100.json": [EXERCISE, EXERCISE]})

    assert {(it.kind, it.external_id, it.data) for it in later.payloads} == {
        (it.kind, it.external_id, it.data) for it in first.payloads
    }


@pytest.mark.parametrize("piece", [0, 1, 2])
def test_reading_goes_on_from_a_cursor_inside_a_member(piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("integrations.providers.fitbit.reader.PIECE_ROWS", 1)
    rows = [{"dateTime": f"03/01/26 00:00:0{second}", "value": {"bpm": 60 + second}} for second in range(3)]

    told = told_of(READER, {f"{OLD}/heart_rate-2026-03-01.json": rows}, cursor={"member": 0, "piece": piece})

    assert [value for _, _, value in told.samples["heart_rate", "Fitbit"]] == [60.0, 61.0, 62.0][piece:]
