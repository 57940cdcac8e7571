"""Every real file of a watch, app or phone, as `inspect_file` reads it: found out, unpacked, told."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from activities.domain.parsed import ParsedActivity
from integrations.services.inspection import inspect
from tests.activities.formats.sheets import Row, bytes_of, differences, files_of, sessions_of
from tests.conftest import SHARED

# Where the sheet did not look for the sport: Runkeeper tells it in the track's name.
SPORTS = {"gpx/testfilesforfitnessapps__20180831_beach_run_runkeeper.gpx": "running"}
# Its sessions tell no time at all.
TIMELESS = "fit/python-fitparse__DeveloperData.fit"


def efforts(activities: Sequence[ParsedActivity]) -> list[ParsedActivity]:
    """All but the parents of legs, as the sheets list them, by their start."""
    parents = {activity.parent for activity in activities}
    told = [activity for index, activity in enumerate(activities) if index not in parents]
    return sorted(told, key=lambda activity: activity.start_time)


@pytest.mark.parametrize("row", [row for kind in ("fit", "tcx", "gpx", "apple_health") for row in files_of(kind)])
def test_real_files_are_what_the_sheets_say(row: Row) -> None:
    inspection = inspect(SHARED / "data" / row["path"])

    told = efforts(inspection.activities)
    if row["path"] == TIMELESS or (row["expected_error"] and row["recoverable"] != "yes"):
        assert told == []
        assert inspection.problems or row["path"].startswith(("fit/", "apple_health/"))
        return
    sessions = sorted(sessions_of(row), key=lambda session: session["start_time"])
    assert len(told) == len(sessions)
    for session, activity in zip(sessions, told, strict=True):
        # What was computed for the sheet is compared with what was told where both are there; Apple's is active energy.
        loosely = {"calories", *session["computed_fields"].split()}
        wrong = differences(session, activity, sport=SPORTS.get(row["path"]))
        assert {column: values for column, values in wrong.items() if column not in loosely} == {}


@pytest.mark.parametrize("row", [row for kind in ("fit", "tcx", "gpx") for row in files_of(kind)])
def test_packed_and_renamed_copies_are_the_same_activities(row: Row, tmp_path: Path) -> None:
    (tmp_path / "Morning run").write_bytes(bytes_of(row))
    (tmp_path / "copy.bin.gz").write_bytes(gzip.compress(bytes_of(row)))
    shutil.copyfile(SHARED / "data" / row["path"], tmp_path / "export (1).dat")

    told = _told(SHARED / "data" / row["path"])

    assert {copy.name: _told(copy) for copy in tmp_path.iterdir()} == dict.fromkeys(
        ("Morning run", "copy.bin.gz", "export (1).dat"), told
    )


def _told(path: Path) -> list[tuple[ParsedActivity, dict[str, int]]]:
    """Each activity, and how long its streams are: an inspection keeps no more of them."""
    return [
        (replace(activity, streams={}), {name: len(stream) for name, stream in activity.streams.items()})
        for activity in inspect(path).activities
    ]
