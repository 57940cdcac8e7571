"""The demo's other tellers: the bike computer's files and the Strava archive tell of what the watch tells."""

from __future__ import annotations

import csv
import gzip
import io
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zipfile import ZipFile

import pytest

from activities.domain.matching import Record, matches, suggestions_of
from activities.formats.fit import parse_fit
from activities.formats.gpx_file import parse_gpx_file
from trainstack.demo import rides, strava
from trainstack.demo.body import bodies
from trainstack.demo.plan import day_of
from trainstack.demo.sessions import record

# Spring, the day on which the clocks are changed included, and summer.
FIRST, DAY = date(2026, 3, 20), date(2026, 6, 16)


def folder_of(path: Path, day: date = DAY) -> dict[str, bytes]:
    rides.write_folder(path, day=day, first=FIRST)
    with ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def archive_of(path: Path, day: date = DAY) -> dict[str, bytes]:
    strava.write_archive(path, day=day, first=FIRST)
    with ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> dict[str, bytes]:
    return folder_of(tmp_path_factory.mktemp("demo") / "rides.zip")


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> dict[str, bytes]:
    return archive_of(tmp_path_factory.mktemp("demo") / "strava.zip")


def rows_of(archive: dict[str, bytes]) -> list[list[str]]:
    return list(csv.reader(io.StringIO(archive["activities.csv"].decode())))[1:]


def test_next_morning_tells_the_same_of_every_day_before(folder, archive, tmp_path):
    tomorrow = DAY + timedelta(days=1)

    assert folder_of(tmp_path / "rides.zip") == folder
    assert folder.items() <= folder_of(tmp_path / "later.zip", tomorrow).items()
    later = archive_of(tmp_path / "strava.zip", tomorrow)
    assert {name: data for name, data in archive.items() if name != "activities.csv"}.items() <= later.items()
    assert later["activities.csv"].startswith(archive["activities.csv"])


def test_ride_reads_back_as_it_was_recorded():
    ride = next(ride for session, ride in rides.rides_of(FIRST, DAY) if session.kind == "ride")

    told = parse_fit(ride.file(rides.SERIAL), "it")

    assert told.problems == ()
    [ridden] = told.activities
    paused_s = sum(lasts for _, lasts in ride.pauses)
    assert (ridden.external_id, ridden.sport, ridden.start_time, ridden.utc_offset_s) == (
        "it", "cycling.road", datetime.fromtimestamp(ride.start, UTC), ride.utc_offset_s
    )  # fmt: skip
    assert (ridden.elapsed_s, ridden.timer_s) == (ride.time_s[-1], ride.time_s[-1] - paused_s)
    assert ridden.distance_m == pytest.approx(ride.distance_m[-1], abs=0.01)
    assert ridden.energy_kcal == round(ride.kcal)
    assert [pause.elapsed_s for pause in ridden.pauses] == [lasts for _, lasts in ride.pauses]
    assert sum(lap.distance_m or 0 for lap in ridden.laps) == pytest.approx(ride.distance_m[-1], abs=1)
    assert {name: len(stream) for name, stream in ridden.streams.items()} == dict.fromkeys(
        ("altitude", "cadence", "distance", "heart_rate", "latitude", "longitude", "power", "speed"), len(ride.time_s)
    )


def test_watch_and_computer_tell_one_ride_but_for_their_slips():
    """Nearly all match; what the computer got wrong (its clock, the coffee) is a near miss and never folded."""
    matching, suggested, neither = 0, [], 0
    told = bodies(FIRST, DAY)
    for session, ride in rides.rides_of(FIRST, DAY):
        [leg] = record(session, told[session.day]).legs
        watch = Record("watch", "1", "cycling", round(leg.start * 1000), round(leg.elapsed_s * 1000))
        computer = Record("computer", "1", "cycling", round(ride.start * 1000), round(ride.time_s[-1] * 1000))
        near = suggestions_of([watch, computer], [(watch.key,), (computer.key,)])
        matching += matches(watch, computer)
        suggested += [one.reason for one in near]
        neither += not matches(watch, computer) and not near

    assert matching >= 5
    assert set(suggested) <= {"clock_shift", "just_outside"}
    assert "clock_shift" in suggested
    assert neither == 0


def test_archive_names_each_upload_and_holds_its_file(folder, archive):
    computed = set(folder.values())
    ids, kinds = set(), set()
    for row in rows_of(archive):
        assert len(row) == len(strava.COLUMNS)
        ids.add(row[0])
        kinds.add((row[3], row[12].partition(".")[2]))
        if row[12].endswith(".fit.gz"):
            assert gzip.decompress(archive[row[12]]) in computed
        elif row[12]:
            [ran] = parse_gpx_file(gzip.decompress(archive[row[12]]), row[0]).activities
            assert (ran.name, f"{ran.start_time:%b %d, %Y, %I:%M:%S %p}".replace(" 0", " ")) == (row[2], row[1])
            assert ran.elapsed_s == pytest.approx(float(row[5]), abs=3)

    assert len(ids) == len(rows_of(archive)) > 20
    assert kinds == {("Ride", "fit.gz"), ("Ride", ""), ("Run", "gpx.gz"), ("Hike", "gpx.gz")} & kinds
    assert {("Ride", "fit.gz"), ("Run", "gpx.gz")} <= kinds
    assert set(archive) == {"activities.csv", "profile.csv"} | {row[12] for row in rows_of(archive) if row[12]}


def test_an_upload_is_forgotten_now_and_then(archive):
    meant = sum(
        session.kind in strava.TYPES
        for number in range((DAY - FIRST).days)
        for session in day_of(FIRST + timedelta(days=number)).sessions
    )

    assert 0.8 * meant < len(rows_of(archive)) < meant
