from __future__ import annotations

import json
from pathlib import Path

from activities.domain.parsed import Problem
from integrations.providers.polar.provider import PROVIDER
from integrations.providers.polar.reader import ExportReader
from tests.integrations.providers.zips import opened, parsed_of, told_of

READER = ExportReader()
UUID = "37672a75-5c69-4638-b765-17e954ed785f"
SESSION = {"startTime": "2021-06-12T06:30:00.000", "timeZoneOffset": 180, "duration": "PT30M", "exportVersion": "1.6"}
NEW = {"identifier": {"id": "8060000001"}, "startTime": "2025-02-21T10:00:00", "durationMillis": 1000}
NIGHT = {
    "night": "2025-02-21",
    "sleepResult": {
        "hypnogram": {"sleepStart": "2025-02-20T23:00:00.000+01:00", "sleepEnd": "2025-02-21T06:00:00.000+01:00"}
    },
}
SCORE = {"night": "2025-02-21", "sleepScoreResult": {"sleepScore": 81}}


def test_recognises_the_export_by_what_lies_inside() -> None:
    for members in (
        {f"training-session-2021-06-12-5001234567-{UUID}.json": SESSION},
        {f"sleep_result_1-{UUID}.json": [NIGHT]},
    ):
        with opened(members) as container:
            assert READER.recognise(container)
    for members in ({"activity-2024-01-01.json": {"steps": 1}}, {"training-session.json": "hello"}):
        with opened(members, "polar-user-data-export.zip") as container:
            assert not READER.recognise(container)


def test_names_records_by_what_identifies_them() -> None:
    told = told_of(
        READER,
        {
            f"training-session-2021-06-12-5001234567-{UUID}.json": SESSION,
            f"export/training-session_2025-02-21T10-00-00_8060000001-{UUID}.json": NEW,
            f"activity-2025-02-21-{UUID}.json": {"date": "2025-02-21", "exportVersion": "1", "summary": {}},
            f"sleep_result_1-{UUID}.json": [NIGHT, {"evaluation": {}}],
            f"sleep_score_1-{UUID}.json": [SCORE],
            f"nightly_recovery_1-{UUID}.json": [{"night": "2025-02-21", "meanNightlyRecoveryRmssd": 40}],
            f"nightly_recovery_blob_1-{UUID}.json": [{"hrvData": []}],
            f"account-data-1-{UUID}.json": {"username": "kim"},
        },
    )

    assert told.ids == [
        ("training_session", "5001234567"),
        ("training_session", "8060000001"),
        ("activity", "2025-02-21"),
        ("sleep", "2025-02-21"),
        ("nightly_recovery", "2025-02-21"),
    ]
    assert parsed_of(PROVIDER, told, "sleep", "2025-02-21").sleeps[0].score == 81.0
    assert told.kept == [f"nightly_recovery_blob_1-{UUID}.json", f"account-data-1-{UUID}.json"]
    path = f"sleep_result_1-{UUID}.json"
    assert told.problems == [Problem(path, f"{path} holds entries that name no night; they are left in the export.", 1)]


def test_places_heart_rate_by_the_offset_of_the_nearest_night() -> None:
    ohr = {
        "deviceDays": [
            {
                "date": "2025-02-25",
                "deviceId": "0F0F",
                "samples": [{"heartRate": 55, "secondsFromDayStart": 60}, {"heartRate": 0, "secondsFromDayStart": 65}],
            },
            {"date": "2024-02-25", "deviceId": "0F0F", "samples": [{"heartRate": 55, "secondsFromDayStart": 60}]},
        ]
    }
    path = f"247ohr_1_02-{UUID}.json"

    told = told_of(READER, {path: ohr, f"sleep_result_1-{UUID}.json": [NIGHT]})

    moment = 1_740_438_000_000 + 60_000  # 2025-02-24T23:00:00Z is midnight in the offset of the night
    assert told.samples == {("heart_rate", "Polar 0F0F"): [(moment, moment, 55.0)]}
    assert told.problems == [
        Problem(path, f"{path} tells local times, and nothing in the export tells where: they are left in it.", 1)
    ]


def test_a_damaged_member_costs_only_itself() -> None:
    told = told_of(
        READER,
        {
            f"training-session-2021-06-12-5001234567-{UUID}.json": json.dumps(SESSION)[:-5],
            f"training-session-2021-06-13-5001234568-{UUID}.json": SESSION,
            f"sleep_result_1-{UUID}.json": json.dumps([NIGHT, NIGHT])[:-9],
        },
    )

    assert told.ids == [("training_session", "5001234568"), ("sleep", "2025-02-21")]
    assert len(told.problems) == 2


def test_overlapping_exports_tell_the_same_record() -> None:
    other = "00000000-5c69-4638-b765-17e954ed785f"

    first = told_of(READER, {f"training-session-2021-06-12-5001234567-{UUID}.json": SESSION})
    later = told_of(READER, {f"training-session-2021-06-12-5001234567-{other}.json": SESSION})

    assert [(it.external_id, it.data) for it in first.payloads] == [(it.external_id, it.data) for it in later.payloads]


def test_sports_cover_every_documented_name(shared: Path) -> None:
    documented = json.loads((shared / "providers/specs/polar/sport-map.json").read_text())["types"]

    assert PROVIDER.sports.keys() == {row["detailed_sport_info"] for row in documented}
