# ruff: noqa: S608 - the scripts are our own
from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activities.domain.joining import FEEDS, source_key
from activities.domain.parsed import Stream
from integrations.errors import UnexpectedPayload
from integrations.providers.health_connect.provider import PROVIDER
from integrations.providers.health_connect.reader import ExportReader
from tests.integrations.providers.zips import opened, parsed_of, told_of

READER = ExportReader()
START, END = 1_772_467_440_000, 1_772_470_060_000
UUID = bytes(range(16))
Database = Callable[[str], bytes]

COMMON = (
    "row_id INTEGER PRIMARY KEY, uuid BLOB, app_info_id INTEGER, device_info_id INTEGER, last_modified_time INTEGER"
)
SCHEMA = f"""
CREATE TABLE application_info_table (row_id INTEGER PRIMARY KEY, package_name TEXT, app_name TEXT, app_icon BLOB);
INSERT INTO application_info_table VALUES (1, 'com.example.run', 'Example Run', x'00'), (2, 'com.other', 'Other', NULL);
CREATE TABLE device_info_table (row_id INTEGER PRIMARY KEY, manufacturer TEXT, model TEXT, device_type INTEGER);
INSERT INTO device_info_table VALUES (1, 'Google', 'Pixel Watch 4', 1);
CREATE TABLE exercise_session_record_table ({COMMON}, start_time INTEGER, end_time INTEGER, start_zone_offset INTEGER,
  end_zone_offset INTEGER, exercise_type INTEGER, title TEXT, notes TEXT, has_route INTEGER);
CREATE TABLE exercise_laps_table (parent_key INTEGER, lap_start_time INTEGER, lap_end_time INTEGER, lap_length REAL);
CREATE TABLE sleep_session_record_table ({COMMON}, start_time INTEGER, end_time INTEGER, start_zone_offset INTEGER);
CREATE TABLE sleep_stages_table (parent_key INTEGER, stage_start_time INTEGER, stage_end_time INTEGER,
  stage_type INTEGER);
CREATE TABLE distance_record_table ({COMMON}, start_time INTEGER, end_time INTEGER, distance REAL);
CREATE TABLE active_calories_burned_record_table ({COMMON}, start_time INTEGER, end_time INTEGER, energy REAL);
CREATE TABLE heart_rate_record_table ({COMMON}, start_time INTEGER, end_time INTEGER);
CREATE TABLE heart_rate_record_series_table (parent_key INTEGER, beats_per_minute INTEGER, epoch_millis INTEGER);
CREATE TABLE weight_record_table ({COMMON}, time INTEGER, weight REAL);
CREATE TABLE nutrition_record_table ({COMMON}, start_time INTEGER);
"""
SESSIONS = f"""
INSERT INTO exercise_session_record_table VALUES
  (1, x'{UUID.hex()}', 1, 1, 5, {START}, {END}, 3600, 3600, 33, 'Run', NULL, 0),
  (2, NULL, 2, NULL, 5, {START}, {END}, NULL, NULL, 58, NULL, NULL, 0);
INSERT INTO exercise_laps_table VALUES (1, {START}, {START} + 300000, 1000.0);
INSERT INTO distance_record_table VALUES (1, NULL, 1, 1, 5, {START}, {START} + 60000, 200.0),
  (2, NULL, 1, 1, 5, {START} + 60000, {START} + 120000, 210.0), (3, NULL, 2, NULL, 5, {START}, {START} + 60000, 999.0),
  (4, NULL, 1, 1, 5, {START} - 60000, {START}, 50.0);
INSERT INTO active_calories_burned_record_table VALUES (1, NULL, 1, 1, 5, {START}, {START} + 60000, 12500.0);
INSERT INTO sleep_session_record_table VALUES (7, x'ff', 1, 1, 5, {START}, {END}, 3600);
INSERT INTO sleep_stages_table VALUES (7, {START}, {END}, 5), (3, {START}, {END}, 5);
INSERT INTO heart_rate_record_table VALUES (1, NULL, 1, 1, 5, {START}, {END});
INSERT INTO heart_rate_record_series_table VALUES (1, 120, {START} + 1000), (1, 121, {START} + 2000), (9, 60, 5);
INSERT INTO weight_record_table VALUES (1, NULL, 2, NULL, 5, {START}, 70250.0), (2, NULL, 2, NULL, 5, NULL, 1.0);
INSERT INTO nutrition_record_table VALUES (1, NULL, 2, NULL, 5, {START});
"""


def made(folder: Path, script: str) -> bytes:
    """The bytes of a database that this script makes."""
    path = folder / f"{len(list(folder.iterdir()))}.db"
    connection = sqlite3.connect(path)
    connection.executescript(script)
    connection.close()
    return path.read_bytes()


@pytest.fixture
def database(tmp_path: Path) -> Database:
    """Makes databases."""
    return partial(made, tmp_path)


def test_recognises_the_database_by_its_bytes_and_tables(database: Database) -> None:
    with opened({"anything.bin": database(SCHEMA)}, "backup.zip") as container:
        assert READER.recognise(container)
    for data in (database("CREATE TABLE a (b)"), b"SQLite format 4\0"):
        with opened({"health_connect_export.db": data}, "Health Connect.zip") as container:
            assert not READER.recognise(container)


def test_reads_sessions_with_what_the_same_app_told_of_them(database: Database) -> None:
    told = told_of(READER, {"health_connect_export.db": database(SCHEMA + SESSIONS)})

    assert told.ids == [("exercise", UUID.hex()), ("exercise", "row-2"), ("sleep", "ff")]
    [run] = parsed_of(PROVIDER, told, "exercise", UUID.hex()).activities
    [other] = parsed_of(PROVIDER, told, "exercise", "row-2").activities
    [night] = parsed_of(PROVIDER, told, "sleep", "ff").sleeps
    assert (run.sport, run.distance_m, run.active_energy_kcal, run.device_kind, len(run.laps)) == (
        "running",
        410.0,
        12.5,
        "watch",
        1,
    )
    assert (other.distance_m, other.laps, other.source_name) == (999.0, (), "com.other")
    assert night.stages == ((0.0, 2620.0, "deep"),)


def test_reads_values_as_samples_of_app_and_device(database: Database) -> None:
    told = told_of(READER, {"health_connect_export.db": database(SCHEMA + SESSIONS)})

    watch = "Example Run, Google Pixel Watch 4"
    assert told.samples == {
        ("distance", watch): [
            (START, START + 60_000, 200.0),
            (START + 60_000, START + 120_000, 210.0),
            (START - 60_000, START, 50.0),
        ],
        ("distance", "Other"): [(START, START + 60_000, 999.0)],
        ("active_energy", watch): [(START, START + 60_000, 12.5)],
        ("heart_rate", watch): [(START + 1000, START + 1000, 120.0), (START + 2000, START + 2000, 121.0)],
        ("weight", "Other"): [(START, START, 70.25)],
    }
    assert told.counts == {"exercise": 2, "sleep": 1, "sample": 8}
    assert (told.problems, told.kept) == ([], [])


SERIES = f"""
CREATE TABLE SpeedRecordTable ({COMMON}, start_time INTEGER, end_time INTEGER);
CREATE TABLE speed_record_table (parent_key INTEGER, speed REAL, epoch_millis INTEGER);
CREATE TABLE PowerRecordTable ({COMMON}, start_time INTEGER, end_time INTEGER);
CREATE TABLE power_record_table (parent_key INTEGER, power REAL, epoch_millis INTEGER);
CREATE TABLE StepsCadenceRecordTable ({COMMON}, start_time INTEGER, end_time INTEGER);
CREATE TABLE steps_cadence_record_table (parent_key INTEGER, rate REAL, epoch_millis INTEGER);
CREATE TABLE CyclingPedalingCadenceRecordTable ({COMMON}, start_time INTEGER, end_time INTEGER);
CREATE TABLE cycling_pedaling_cadence_record_table (parent_key INTEGER, revolutions_per_minute REAL,
  epoch_millis INTEGER);
CREATE TABLE skin_temperature_record_table ({COMMON}, start_time INTEGER, end_time INTEGER, baseline REAL);
CREATE TABLE skin_temperature_delta_table (parent_key INTEGER, delta REAL, epoch_millis INTEGER);
INSERT INTO SpeedRecordTable VALUES (1, NULL, 1, 1, 5, {START}, {END});
INSERT INTO speed_record_table VALUES (1, 2.9, {START} + 1000), (1, 0.0, {START} + 2000);
INSERT INTO PowerRecordTable VALUES (4, NULL, 1, 1, 5, {START}, {END});
INSERT INTO power_record_table VALUES (4, 245.0, {START} + 1000);
INSERT INTO StepsCadenceRecordTable VALUES (1, NULL, 1, 1, 5, {START}, {END});
INSERT INTO steps_cadence_record_table VALUES (1, 168.0, {START} + 1000);
INSERT INTO CyclingPedalingCadenceRecordTable VALUES (1, NULL, 1, 1, 5, {START}, {END});
INSERT INTO cycling_pedaling_cadence_record_table VALUES (1, 88.5, {START} + 1000);
INSERT INTO skin_temperature_record_table VALUES (1, NULL, 1, 1, 5, {START}, {END}, 34.2);
INSERT INTO skin_temperature_delta_table VALUES (1, -0.3, {START} + 1000);
"""


def test_reads_series_as_samples_that_feed_the_streams(database: Database) -> None:
    told = told_of(READER, {"a.db": database(SCHEMA + SERIES)})

    watch = "Example Run, Google Pixel Watch 4"
    moment = START + 1000
    assert told.samples == {
        ("speed", watch): [(moment, moment, 2.9), (START + 2000, START + 2000, 0.0)],
        ("power", watch): [(moment, moment, 245.0)],
        ("step_cadence", watch): [(moment, moment, 168.0)],
        ("cycling_cadence", watch): [(moment, moment, 88.5)],
        ("skin_temperature_deviation", watch): [(moment, moment, -0.3)],
    }
    assert told.counts == {"sample": 6}
    fed = {name for name, metrics in FEEDS.items() if {metric for metric, _ in told.samples} & set(metrics)}
    assert fed == {"speed", "power", "cadence"}


def test_streams_prefer_the_app_and_device_that_recorded_the_session(database: Database) -> None:
    with opened({"a.db": database(SCHEMA + SESSIONS)}, "a.zip") as container:
        batches = list(READER.read(container))
    [table] = [table for batch in batches for table in batch.samples if table.metric == "heart_rate"]
    [run] = [
        PROVIDER.parse[it.kind](it.data, it.external_id).activities[0]
        for batch in batches
        for it in batch.payloads
        if it.external_id == UUID.hex()
    ]

    assert source_key(run.source_name) == table.device.key == "com.example.run Google Pixel Watch 4"


def test_reads_meals_in_grams_and_small_calories(database: Database) -> None:
    script = f"""
    DROP TABLE nutrition_record_table;
    CREATE TABLE nutrition_record_table ({COMMON}, start_time INTEGER, end_time INTEGER, energy REAL, protein REAL,
      total_fat REAL, sodium REAL, vitamin_d REAL, sugar REAL, trans_fat REAL, meal_name TEXT);
    INSERT INTO nutrition_record_table VALUES
      (1, NULL, 2, NULL, 5, {START}, {END}, 650000.0, 42.5, 5e-324, 0.8, 0.000012, 0.0, NULL, 'Lunch');
    """

    told = told_of(READER, {"a.db": database(SCHEMA + script)})

    assert told.samples == {
        ("dietary_energy", "Other"): [(START, END, 650.0)],
        ("dietary_protein", "Other"): [(START, END, 42.5)],
        ("dietary_sodium", "Other"): [(START, END, 800.0)],
        ("dietary_vitamin_d", "Other"): [(START, END, 12.0)],
        ("dietary_sugar", "Other"): [(START, END, 0.0)],
    }


def test_every_table_with_rows_that_nobody_reads_is_counted(database: Database) -> None:
    script = f"""
    CREATE TABLE menstruation_period_record_table ({COMMON}, start_time INTEGER, end_time INTEGER);
    INSERT INTO menstruation_period_record_table VALUES (1, NULL, 2, NULL, 5, {START}, {END});
    CREATE TABLE planned_exercise_session_blocks_table (row_id INTEGER PRIMARY KEY AUTOINCREMENT, parent_key INTEGER);
    INSERT INTO planned_exercise_session_blocks_table (parent_key) VALUES (1), (1);
    CREATE TABLE medical_resource_table (row_id INTEGER);
    CREATE TABLE access_logs_table (row_id INTEGER);
    INSERT INTO access_logs_table VALUES (1);
    """

    told = told_of(READER, {"a.db": database(SCHEMA + script)})

    assert told.counts == {"unread menstruation_period_record": 1, "unread planned_exercise_session_blocks": 2}
    assert (told.problems, told.kept) == ([], [])


def test_reads_routes_with_their_own_name_of_the_time(database: Database) -> None:
    script = f"""
    CREATE TABLE exercise_route_table (parent_key INTEGER, timestamp_millis INTEGER, latitude REAL, longitude REAL,
      altitude REAL, horizontal_accuracy REAL);
    INSERT INTO exercise_route_table VALUES (1, {START} + 1000, 48.2, 16.37, 171.5, 4.0);
    """

    told = told_of(READER, {"a.db": database(SCHEMA + SESSIONS + script)})

    [run] = parsed_of(PROVIDER, told, "exercise", UUID.hex()).activities
    at_one = np.array([1.0])
    assert run.streams == {
        "latitude": Stream(at_one, np.array([48.2])),
        "longitude": Stream(at_one, np.array([16.37])),
        "altitude": Stream(at_one, np.array([171.5])),
    }


def test_sessions_at_the_same_time_each_tell_what_lies_in_them(database: Database) -> None:
    script = f"""
    INSERT INTO exercise_session_record_table VALUES
      (1, x'01', 1, 1, 5, {START}, {START} + 600000, 3600, 3600, 33, 'Outer', NULL, 0),
      (2, x'02', 1, 1, 5, {START} + 60000, {START} + 120000, 3600, 3600, 33, 'Inner', NULL, 0);
    INSERT INTO distance_record_table VALUES (1, NULL, 1, 1, 5, {START}, {START} + 60000, 100.0),
      (2, NULL, 1, 1, 5, {START} + 60000, {START} + 120000, 0.25),
      (3, NULL, 1, 1, 5, {START} + 119000, {START} + 121000, 7.0),
      (4, NULL, 1, 1, 5, {START} + 590000, {START} + 601000, 999.0);
    """

    told = told_of(READER, {"a.db": database(SCHEMA + script)})

    distances = [parsed_of(PROVIDER, told, *it).activities[0].distance_m for it in told.ids]
    assert distances == [107.25, 0.25]


def test_a_hostile_database_does_nothing(database: Database) -> None:
    script = (
        SCHEMA
        + """
        CREATE VIEW steps_record_table AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
          SELECT i AS count, i AS start_time, i AS end_time FROM n;
        CREATE TABLE "x; DROP TABLE weight_record_table" (row_id);
        CREATE TABLE floors_climbed_record_table (row_id INTEGER, start_time TEXT, floors BLOB, "a"" , b" INTEGER);
        INSERT INTO floors_climbed_record_table VALUES (1, 'soon', x'ff', 1), (2, 1e300, 3, 1), (3, 1000, 9e999, 1);
        """
    )

    told = told_of(READER, {"health_connect_export.db": database(script)})

    assert (told.samples, told.ids, told.problems) == ({}, [], [])


def test_a_damaged_database_tells_what_could_be_read(database: Database) -> None:
    rows = ",".join(
        f"({number}, NULL, 1, 1, 5, {START + number}, {START + number}, 1.0)" for number in range(5, 20_000)
    )
    data = bytearray(database(SCHEMA + SESSIONS + f"INSERT INTO distance_record_table VALUES {rows};"))
    data[len(data) // 2 : len(data) // 2 + 20_000] = b"\xff" * 20_000

    told = told_of(READER, {"health_connect_export.db": bytes(data), "readme.txt": "hello"})

    assert told.kept == ["readme.txt"]
    assert [problem.message for problem in told.problems] == [
        "health_connect_export.db: its table distance_record_table cannot be read whole: "
        "database disk image is malformed."
    ]
    # What stands in other tables is read all the same.
    assert told.ids == [("exercise", UUID.hex()), ("exercise", "row-2"), ("sleep", "ff")]
    assert told.samples["weight", "Other"] == [(START, START, 70.25)]


def test_overlapping_exports_tell_the_same_record(database: Database) -> None:
    first = told_of(READER, {"a.db": database(SCHEMA + SESSIONS)})
    later = told_of(
        READER, {"b.db": database(SCHEMA + SESSIONS + "INSERT INTO weight_record_table VALUES (9,1,1,1,1,1,1);")}
    )

    assert [(it.external_id, it.data) for it in first.payloads] == [(it.external_id, it.data) for it in later.payloads]


@given(st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=300)), max_size=4), st.floats(0.2, 1))
@settings(max_examples=60, deadline=None)
def test_a_database_with_anything_in_it_is_read_or_refused(changes: list[tuple[float, bytes]], kept: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        data = bytearray(made(Path(folder), SCHEMA + SESSIONS + SERIES))
    for place, junk in changes:
        at = 16 + int(place * (len(data) - 16))
        data[at : at + len(junk)] = junk
    del data[int(kept * len(data)) :]

    told = told_of(READER, {"a.db": bytes(data)})

    for payload in told.payloads:
        with suppress(UnexpectedPayload):
            PROVIDER.parse[payload.kind](payload.data, payload.external_id)
    assert all(problem.message for problem in told.problems)
