"""The archive that Strava sends."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest

from activities.formats.container import open_file
from integrations.providers.strava.reader import ExportReader
from tests.integrations.providers.zips import told_of
from tests.integrations.services.archives import STRAVA_HEADER, gz, ride, strava_row

FIT, GPX = "activities/1.fit.gz", "activities/2.gpx"
ROWS = strava_row(501, 0, "One", file=FIT) + strava_row(502, 1, "Lost", file=GPX) + strava_row(503, 2, "By hand")


@pytest.mark.parametrize("folder", ["", "export_123/"])
def test_the_archive_hands_on_each_file_with_its_line(folder: str) -> None:
    members = {
        f"{folder}activities.csv": STRAVA_HEADER + ROWS,
        f"{folder}profile.csv": "Name\nKim\n",
        f"{folder}{FIT}": gz(ride()),
        f"{folder}media/1.jpg": b"\xff\xd8\xff",
    }

    told = told_of(ExportReader(), members)

    assert told.ids == [("row", "502"), ("row", "503"), ("row", "501"), ("fit", "501")]
    assert told.data("fit", "501") == ride()
    assert told.data("row", "503").decode() == STRAVA_HEADER + strava_row(503, 2, "By hand")
    assert {payload.stated_at for payload in told.payloads if payload.kind == "row"} == {
        datetime(2026, 5, 4, 7, 30, tzinfo=UTC)
    }
    assert told.counts == {"row": 3, "fit": 1}
    assert told.kept == [f"{folder}profile.csv", f"{folder}media/1.jpg"]
    assert told.problems == []


def test_a_file_that_is_none_leaves_its_line() -> None:
    told = told_of(ExportReader(), {"activities.csv": STRAVA_HEADER + ROWS, FIT: b"nothing"})

    assert [one for one in told.ids if one[0] != "row"] == []
    assert ("row", "501") in told.ids
    assert [problem.path for problem in told.problems] == [f"anything.zip/{FIT}"]


def test_a_table_of_somebody_else_is_none() -> None:
    table = b"Activity Type,Date,Favorite,Title,Distance,Calories,Time,Avg HR,Max HR,TE,Cadence\nRunning,,,,,,,,,,\n"
    with open_file(io.BytesIO(table), "activities.csv") as container:
        assert not ExportReader().recognise(container)
