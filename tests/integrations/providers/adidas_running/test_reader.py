from __future__ import annotations

import json
from pathlib import Path

import pytest

from integrations.providers.adidas_running.provider import PROVIDER
from integrations.providers.adidas_running.reader import ExportReader
from integrations.providers.adidas_running.sports import SPORTS, sport_of
from tests.integrations.providers.zips import opened, parsed_of, told_of

READER = ExportReader()
SESSION = {"id": "a-1", "sport_type_id": "1", "start_time": 1535793714000, "end_time": 1535797201000, "distance": 1}
GPX = (
    b'<gpx version="1.1" creator="x" xmlns="http://www.topografix.com/GPX/1/1"><trk><trkseg>'
    b'<trkpt lat="1" lon="2"><time>2018-09-01T09:21:54Z</time></trkpt></trkseg></trk></gpx>'
)
NAME = "2018-09-01_09-21-54-UTC_a-1"


@pytest.mark.parametrize("root", ["export-20260501-000/Sport-sessions", "Sport Sessions", "x/sport_sessions"])
def test_recognises_sessions_whatever_the_folders_spelling(root: str) -> None:
    with opened({f"{root}/{NAME}.json": SESSION}, "whatever.zip") as container:
        assert READER.recognise(container)


def test_does_not_take_other_archives() -> None:
    for members in ({"Sport-sessions/a.json": {"id": 1}}, {"User/user.json": SESSION}):
        with opened(members, "export-20260501-000.zip") as container:
            assert not READER.recognise(container)


def test_joins_a_session_with_its_files() -> None:
    told = told_of(
        READER,
        {
            f"Sport-sessions/{NAME}.json": SESSION,
            f"Sport-sessions/GPS-data/{NAME}.gpx": GPX,
            f"Sport-sessions/Heart rate data/{NAME}.json": [
                {"timestamp": "2018-09-01 11:21:55 +0200", "heart_rate": 98}
            ],
            f"Sport-sessions/Elevation-data/{NAME}.json": b"",
            "Sport-sessions/GPS-data/lonely.gpx": GPX,
            "Sport-sessions/GPS-data/lonely.json": [],
            "User/user.json": {"id": "1"},
            "Photos/Images-meta-data/p.json": {},
        },
    )

    assert told.ids[0] == ("session", "a-1")
    assert [kind for kind, _ in told.ids] == ["session", "gpx"]
    [run] = parsed_of(PROVIDER, told, "session", "a-1").activities
    assert {name: len(stream) for name, stream in run.streams.items()} == {
        "latitude": 1,
        "longitude": 1,
        "heart_rate": 1,
    }
    assert told.kept == ["Sport-sessions/GPS-data/lonely.json", "User/user.json", "Photos/Images-meta-data/p.json"]
    assert [problem.path for problem in told.problems] == [f"anything.zip/Sport-sessions/Elevation-data/{NAME}.json"]


def test_a_damaged_session_costs_only_itself() -> None:
    told = told_of(
        READER,
        {
            "Sport-sessions/a.json": json.dumps(SESSION)[:-3],
            "Sport-sessions/b.json": {**SESSION, "id": "a-2"},
            "Sport-sessions/c.json": b"",
        },
    )

    assert told.ids == [("session", "a-2")]
    assert len(told.problems) == 1
    assert told.kept == ["Sport-sessions/c.json"]


def test_overlapping_exports_tell_the_same_record() -> None:
    first = told_of(READER, {"Sport-sessions/a.json": SESSION})
    later = told_of(READER, {"export/Sport Sessions/b.json": SESSION})

    assert [(it.external_id, it.data) for it in first.payloads] == [(it.external_id, it.data) for it in later.payloads]


def test_sports_cover_every_documented_number(shared: Path) -> None:
    documented = json.loads((shared / "providers/specs/adidas_running/sport-map.json").read_text())["values"]

    assert SPORTS.keys() >= {str(row["id"]) for row in documented if row["id"] is not None}


@pytest.mark.parametrize(
    ("number", "indoor", "expected"),
    [("1", False, "running"), (1, True, "running+stationary"), ("26", True, "yoga"), ("999", True, "generic")],
)
def test_sport_of_knows_indoor_of_old_exports(number: object, indoor: bool, expected: str) -> None:
    assert sport_of(number, indoor=indoor) == expected
