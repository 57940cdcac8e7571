"""Health Connect's export: a zip with one SQLite database, read from a copy that nobody writes to.

The database comes from anywhere: it is opened read only, without its triggers and views doing anything, with tables and
columns looked up instead of believed, and one step of it may take only so long.
"""

from __future__ import annotations

import re
import sqlite3
import tempfile
import time
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import groupby, islice
from typing import Any

from activities.domain.metrics import METRICS
from activities.domain.parsed import Problem
from activities.domain.reading import DeviceFacts, RawPayload
from activities.formats.container import Container, Member
from integrations.archives import ArchiveReader, Piece, path_of
from integrations.errors import UnexpectedPayload
from integrations.gathering import Samples, in_pieces
from integrations.providers.health_connect.mapping import CALORIES_KCAL, DEVICE_KINDS, told_by
from integrations.told import EARLIEST_MS, LATEST_MS, as_json, number, text, whole

_MAGIC = b"SQLite format 3\0"
LOOKS = 20
MAX_DATABASE_BYTES = 8 << 30
# One row is asked for at most so long.
STEP_S = 60
_READ_BYTES = 1 << 20
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PLACE = ("time", "latitude", "longitude", "altitude")
_EXERCISES, _SLEEPS = "exercise_session_record_table", "sleep_session_record_table"
# What goes wrong in a database that is damaged, or made to do harm.
_DAMAGE = (sqlite3.Error, OverflowError, ValueError)
# Numbers so small stand for "not set".
_UNSET = 1e-300
# Rows of one table that one session may have: a route of two days with a point each second.
MAX_ROWS = 200_000
# So many sessions of one app may run at the same time.
MAX_AT_ONCE = 8


@dataclass(frozen=True)
class _Series:
    """A table of values: which column is which metric. `parent` is set for points of a series."""

    columns: tuple[tuple[str, str, float], ...]
    parent: str = ""
    time: str = ""


def _one(column: str, metric: str, scale: float = 1.0) -> _Series:
    return _Series(((column, metric, scale),))


def _points(parent: str, column: str, metric: str) -> _Series:
    return _Series(((column, metric, 1.0),), parent, "epoch_millis")


# Columns of meals -> the metrics that have another name.
_NUTRIENTS: Mapping[str, str] = {
    "total_carbohydrate": "carbohydrates",
    "dietary_fiber": "fiber",
    "total_fat": "fat",
    "saturated_fat": "fat_saturated",
    "monounsaturated_fat": "fat_monounsaturated",
    "polyunsaturated_fat": "fat_polyunsaturated",
    "trans_fat": "fat_trans",
    **{
        name: name
        for name in (
            "protein", "sugar", "cholesterol", "caffeine", "calcium", "chloride", "copper", "iron", "magnesium",
            "manganese", "phosphorus", "potassium", "sodium", "zinc", "niacin", "pantothenic_acid", "riboflavin",
            "thiamin", "vitamin_b6", "vitamin_c", "vitamin_e", "biotin", "chromium", "folate", "iodine", "molybdenum",
            "selenium", "vitamin_a", "vitamin_b12", "vitamin_d", "vitamin_k",
        )
    },
}  # fmt: skip
_OF_A_GRAM = {"g": 1.0, "mg": 1e3, "mcg": 1e6}
_MEALS = _Series(
    (
        ("energy", "dietary_energy", CALORIES_KCAL),
        *(
            (column, f"dietary_{name}", _OF_A_GRAM[METRICS[f"dietary_{name}"].unit])
            for column, name in _NUTRIENTS.items()
        ),
    )
)

# Energy is told in small calories, masses in grams, glucose in mmol/L, the basal rate in watts.
TABLES: Mapping[str, _Series] = {
    "steps_record_table": _one("count", "steps"),
    "distance_record_table": _one("distance", "distance"),
    "active_calories_burned_record_table": _one("energy", "active_energy", CALORIES_KCAL),
    "total_calories_burned_record_table": _one("energy", "total_energy", CALORIES_KCAL),
    "basal_metabolic_rate_record_table": _one("basal_metabolic_rate", "basal_metabolic_rate", 20.65),
    "elevation_gained_record_table": _one("elevation", "elevation_gained"),
    "floors_climbed_record_table": _one("floors", "flights_climbed"),
    "wheelchair_pushes_record_table": _one("count", "wheelchair_pushes"),
    "heart_rate_record_series_table": _points("heart_rate_record_table", "beats_per_minute", "heart_rate"),
    "speed_record_table": _points("SpeedRecordTable", "speed", "speed"),
    "power_record_table": _points("PowerRecordTable", "power", "power"),
    "steps_cadence_record_table": _points("StepsCadenceRecordTable", "rate", "step_cadence"),
    "cycling_pedaling_cadence_record_table": _points(
        "CyclingPedalingCadenceRecordTable", "revolutions_per_minute", "cycling_cadence"
    ),
    "skin_temperature_delta_table": _points("skin_temperature_record_table", "delta", "skin_temperature_deviation"),
    "resting_heart_rate_record_table": _one("beats_per_minute", "resting_heart_rate"),
    "heart_rate_variability_rmssd_record_table": _one("heart_rate_variability_millis", "hrv_rmssd"),
    "oxygen_saturation_record_table": _one("percentage", "oxygen_saturation"),
    "respiratory_rate_record_table": _one("rate", "respiratory_rate"),
    "body_temperature_record_table": _one("temperature", "body_temperature"),
    "basal_body_temperature_record_table": _one("temperature", "basal_body_temperature"),
    "vo2_max_record_table": _one("vo2_milliliters_per_minute_kilogram", "vo2max"),
    "weight_record_table": _one("weight", "weight", 0.001),
    "lean_body_mass_record_table": _one("mass", "lean_mass", 0.001),
    "body_water_mass_record_table": _one("body_water_mass", "body_water_mass", 0.001),
    "bone_mass_record_table": _one("mass", "bone_mass", 0.001),
    "body_fat_record_table": _one("percentage", "body_fat"),
    "height_record_table": _one("height", "height"),
    "blood_glucose_record_table": _one("level", "blood_glucose", 18.0156),
    "blood_pressure_record_table": _Series(
        (("systolic", "blood_pressure_systolic", 1.0), ("diastolic", "blood_pressure_diastolic", 1.0))
    ),
    "hydration_record_table": _one("volume", "dietary_water", 1000.0),
    "nutrition_record_table": _MEALS,
}
# What a session is told to have covered: name, table, column.
_SUMS = (
    ("distance", "distance_record_table", "distance"),
    ("active", "active_calories_burned_record_table", "energy"),
    ("total", "total_calories_burned_record_table", "energy"),
    ("climb", "elevation_gained_record_table", "elevation"),
)
# Tables that are read with others, and those that Android keeps for itself.
_USED = {
    _EXERCISES, _SLEEPS, "sleep_stages_table", "exercise_laps_table", "exercise_segments_table", "exercise_route_table",
    "application_info_table", "device_info_table", *TABLES, *(series.parent for series in TABLES.values()),
    "access_logs_table", "activity_date_table", "android_metadata", "change_log_request_table", "change_logs_table",
    "health_data_category_priority_table", "migration_entity_table", "preference_table", "priority_migration_table",
}  # fmt: skip


@dataclass(frozen=True)
class ExportReader(ArchiveReader):
    """Reads the zip of Health Connect's backup, under whatever name."""

    name: str = "Health Connect export"

    def recognise(self, container: Container) -> bool:
        return any(self._is_database(container, member) for member in container.members[:LOOKS])

    def _is_database(self, container: Container, member: Member) -> bool:
        if not container.head(member, len(_MAGIC)).startswith(_MAGIC):
            return False
        head = container.head(member, 512 << 10)
        return b"_record_table" in head and (b"application_info_table" in head or b"exercise_session" in head)

    def pieces(self, container: Container, member: Member) -> Iterator[Piece] | None:
        return _database(container, member) if self._is_database(container, member) else None


def _database(container: Container, member: Member) -> Iterator[Piece]:
    with tempfile.NamedTemporaryFile(prefix="health-connect-") as copy:
        stream, size = container.open(member), 0
        while data := stream.read(_READ_BYTES):
            size += len(data)
            if size > MAX_DATABASE_BYTES:
                raise UnexpectedPayload(f"is larger than {MAX_DATABASE_BYTES >> 30} GiB and was left unread.")
            copy.write(data)
        copy.flush()
        if stream.problem:
            yield Piece(problems=(stream.problem,))
        try:
            with _opened(copy.name) as database:
                yield from database.pieces(path_of(container, member), member.path)
        except _DAMAGE as error:
            raise UnexpectedPayload(f"This database is damaged and cannot be read on: {error}.") from error


@contextmanager
def _opened(path: str) -> Iterator[_Database]:
    """The database, such that reading it can do nothing else."""
    connection = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
    try:
        connection.row_factory = sqlite3.Row
        connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
        for pragma in ("trusted_schema = OFF", "query_only = ON", "cell_size_check = ON", "mmap_size = 0"):
            connection.execute(f"PRAGMA {pragma}")
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 64 << 20)
        yield _Database(connection)
    finally:
        connection.close()


class _Database:
    """The tables of one export. What is not there tells nothing.

    Every name that stands in a query is one of ours or was looked up and is a plain word.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._deadline = 0.0
        connection.set_progress_handler(lambda: time.monotonic() > self._deadline, 100_000)
        found = self._all("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        # Real tables only: a view could be anything.
        names = [text(row["name"]) for row in found]
        self.columns = {name: self._columns(name) for name in names if _PLAIN_NAME.fullmatch(name)}
        self.apps = {
            row["row_id"]: dict(row) for row in self._told("application_info_table", "package_name", "app_name")
        }
        self.devices = {
            row["row_id"]: dict(row) for row in self._told("device_info_table", "manufacturer", "model", "device_type")
        }

    def _columns(self, table: str) -> set[str]:
        with suppress(sqlite3.Error):
            names = {text(row["name"]) for row in self._all(f"PRAGMA table_info({table})")}
            return {name for name in names if _PLAIN_NAME.fullmatch(name)}
        return set()

    def _rows(self, sql: str, values: Sequence[Any] = ()) -> Iterator[sqlite3.Row]:
        self._deadline = time.monotonic() + STEP_S
        for row in self._connection.execute(sql, values):
            yield row
            self._deadline = time.monotonic() + STEP_S

    def _all(self, sql: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        return list(self._rows(sql, values))

    def _told(self, table: str, *wanted: str) -> Iterator[sqlite3.Row]:
        """The rows of a table by their ids; a column that it lacks is NULL."""
        have = self.columns.get(table, set())
        if "row_id" not in have:
            return
        columns = ", ".join(name if name in have else f"NULL AS {name}" for name in ("row_id", *wanted))
        yield from self._rows(f"SELECT {columns} FROM {table} ORDER BY row_id")  # noqa: S608

    def pieces(self, path: str, name: str) -> Iterator[Piece]:
        """All that it tells; a part that is damaged ends there and costs no other."""
        parts: dict[str, Callable[[], Iterator[Piece]]] = {
            _EXERCISES: partial(self.exercises, path, name),
            _SLEEPS: partial(self.sleeps, path, name),
            **{table: partial(self.samples, table) for table in TABLES},
            "sqlite_master": self.unread,
        }
        for table, told in parts.items():
            try:
                yield from told()
            except _DAMAGE as error:
                yield _damaged(path, name, table, error)

    def unread(self) -> Iterator[Piece]:
        """How many rows the tables have that nobody reads."""
        for table in sorted(self.columns):
            if table not in _USED and not table.startswith("sqlite_"):
                [row] = self._all(f"SELECT COUNT(*) AS rows FROM {table}")  # noqa: S608
                if row["rows"]:
                    yield Piece(counts={f"unread {table.removesuffix('_table')}": int(row["rows"])})

    # --- sessions

    def exercises(self, path: str, name: str) -> Iterator[Piece]:
        children = {
            "laps": self._children("exercise_laps_table", "start", "end", "length"),
            "segments": self._children("exercise_segments_table", "start", "end", "type", "repetitions"),
            "route": self._children("exercise_route_table", "time", "latitude", "longitude", "altitude"),
        }
        sums = self._sums()

        def payloads() -> Iterator[RawPayload]:
            for session in self._sessions(_EXERCISES, "exercise_type", "has_route"):
                key = session["row_id"]
                parts = {what: rows.get(key) for what, rows in children.items()} | sums.get(key, {})
                yield self._payload("exercise", session, path, {k: v for k, v in parts.items() if v})

        yield from in_pieces(payloads())
        yield from (_damaged(path, name, it.table, it.error) for it in children.values() if it.error)

    def sleeps(self, path: str, name: str) -> Iterator[Piece]:
        stages = self._children("sleep_stages_table", "start", "end", "type")
        yield from in_pieces(
            self._payload("sleep", session, path, {"stages": stages.get(session["row_id"])})
            for session in self._sessions(_SLEEPS)
        )
        if stages.error:
            yield _damaged(path, name, stages.table, stages.error)

    def _sums(self) -> dict[int, dict[str, float]]:
        """By session what its own app told of stretches inside it, added up; nothing where it told none."""
        spans = _Spans(self._told(_EXERCISES, "app_info_id", "start_time", "end_time"))
        sums: dict[int, dict[str, float]] = defaultdict(dict)
        for name, table, column in _SUMS:
            # What is wrong with a table is told when its samples are read.
            with suppress(*_DAMAGE):
                for row in self._told(table, "start_time", "end_time", column, "app_info_id"):
                    start, end, value = (number(row[it]) for it in ("start_time", "end_time", column))
                    if start is not None and end is not None and value is not None:
                        for session in spans.around(row["app_info_id"], start, end):
                            sums[session][name] = round(sums[session].get(name, 0.0) + value, 6)
        return sums

    def _sessions(self, table: str, *more: str) -> Iterator[sqlite3.Row]:
        return self._told(
            table, "uuid", "start_time", "end_time", "start_zone_offset", "end_zone_offset", "title", "notes",
            "app_info_id", "device_info_id", "recording_method", "last_modified_time", *more,
        )  # fmt: skip

    def _payload(self, kind: str, session: sqlite3.Row, path: str, parts: Mapping[str, Any]) -> RawPayload:
        told = {
            key: session[key]
            for key in session.keys()  # noqa: SIM118 - a Row iterates over its values
            if key not in ("uuid", "row_id") and isinstance(session[key], int | float | str)
        }
        uuid = session["uuid"]
        external_id = uuid.hex() if isinstance(uuid, bytes) and uuid else f"row-{session['row_id']}"
        app = _without_id(self.apps.get(session["app_info_id"]))
        device = _without_id(self.devices.get(session["device_info_id"]))
        data = as_json({"session": told, "app": app, "device": device, **parts})
        return RawPayload(kind, external_id[:200], data, "application/json", path=path)

    def _children(self, table: str, *names: str) -> _Children:
        """The rows that belong to each session, under our names; their columns carry various prefixes."""
        have = self.columns.get(table, set())
        columns = {name: _column(have, name) for name in names}
        chosen = ", ".join(f'"{column}" AS "{name}"' for name, column in columns.items() if column)
        if "parent_key" not in have or not chosen:
            return _Children(table, iter(()))
        rows = self._rows(f"SELECT parent_key, {chosen} FROM {table} ORDER BY parent_key, rowid")  # noqa: S608
        return _Children(table, rows)

    # --- samples

    def samples(self, table: str) -> Iterator[Piece]:
        """The values of a table, by app and device, in pieces."""
        series, have = TABLES[table], self.columns.get(table, set())
        values = [(column, metric, scale) for column, metric, scale in series.columns if column in have]
        owner = series.parent or table
        owned = self.columns.get(owner, set())
        begin = series.time if series.time in have else "start_time" if "start_time" in have else "time"
        if not values or begin not in have or (series.parent and "parent_key" not in have):
            return
        end = "end_time" if "end_time" in have and not series.parent else begin
        points, whose = ("p", "o") if series.parent else ("o", "o")
        columns = ", ".join(
            [
                f"{points}.{begin} AS begin",
                f"{points}.{end} AS until",
                *(f"{points}.{column}" for column, _, _ in values),
                *(f"{whose}.{it}" if it in owned else f"NULL AS {it}" for it in ("app_info_id", "device_info_id")),
            ]
        )
        source = f"{table} AS p JOIN {owner} AS o ON o.row_id = p.parent_key" if series.parent else f"{table} AS o"
        told = Samples()
        devices: dict[tuple[Any, Any], DeviceFacts] = {}
        for row in self._rows(f"SELECT {columns} FROM {source} ORDER BY {points}.rowid"):  # noqa: S608
            start, stop = number(row["begin"]), number(row["until"])
            if start is None or not EARLIEST_MS < start < LATEST_MS:
                continue
            key = (row["app_info_id"], row["device_info_id"])
            device = devices.get(key)
            if device is None:
                device = devices[key] = self._device(*key)
            moment = round(start)
            last = round(stop) if stop is not None and start <= stop < LATEST_MS else moment
            for column, metric, scale in values:
                value = number(row[column])
                if value is not None and (value == 0 or abs(value) > _UNSET):
                    told.add(metric, device, moment, last, round(value * scale, 9))
            if told.is_full:
                yield told.piece()
        yield told.piece()

    def _device(self, app_id: Any, device_id: Any) -> DeviceFacts:
        """Who told it: an app, of a device. Two apps on one watch tell the same steps twice, so they are two."""
        app, device = self.apps.get(app_id, {}), self.devices.get(device_id, {})
        model = " ".join(filter(None, (text(device.get("manufacturer")), text(device.get("model")))))
        name = text(app.get("app_name")) or text(app.get("package_name")) or "Health Connect"
        return DeviceFacts(
            key=told_by(app, device),
            name=(f"{name}, {model}" if model else name)[:200],
            kind=DEVICE_KINDS.get(whole(device.get("device_type")) or 0, "app" if not model else "unknown"),
            manufacturer=text(device.get("manufacturer"))[:80],
            model=text(device.get("model"))[:80],
        )


class _Children:
    """Rows by the session that they belong to, which is asked for in growing order: one session at a time in memory.

    A table that is damaged tells what stands before that, and `error` what is wrong.
    """

    def __init__(self, table: str, rows: Iterator[sqlite3.Row]) -> None:
        self.table = table
        self.error: Exception | None = None
        self._groups = groupby(self._sound(rows), key=lambda row: row["parent_key"])
        self._next = next(self._groups, None)

    def _sound(self, rows: Iterator[sqlite3.Row]) -> Iterator[sqlite3.Row]:
        try:
            yield from rows
        except _DAMAGE as error:
            self.error = error

    def get(self, key: Any) -> list[dict[str, Any]]:
        if not isinstance(key, int):
            return []
        while self._next and (not isinstance(self._next[0], int) or self._next[0] < key):
            self._next = next(self._groups, None)
        if self._next is None or self._next[0] != key:
            return []
        names = ("start", "end", "type", "repetitions", "length", *_PLACE)
        told = [
            {name: row[name] for name in names if name in row.keys() and isinstance(row[name], int | float)}  # noqa: SIM118
            for row in islice(self._next[1], MAX_ROWS)
        ]
        if next(self._next[1], None) is not None:
            self.error = ValueError(f"a session has more than {MAX_ROWS:,} rows")
        return told


class _Spans:
    """Sessions by the app that told them."""

    def __init__(self, sessions: Iterable[sqlite3.Row]) -> None:
        told: dict[Any, list[tuple[float, float, int]]] = defaultdict(list)
        for row in sessions:
            start, end = number(row["start_time"]), number(row["end_time"])
            if start is not None and end is not None:
                told[row["app_info_id"]].append((start, end, row["row_id"]))
        self._by_app = {app: sorted(spans, key=lambda span: span[:2]) for app, spans in told.items()}

    def around(self, app: Any, start: float, end: float) -> Iterator[int]:
        """The app's sessions in which the stretch lies whole, of the last that began before it."""
        spans = self._by_app.get(app, [])
        upto = bisect_right(spans, start, key=lambda span: span[0])
        for _, until, session in spans[max(upto - MAX_AT_ONCE, 0) : upto]:
            if start < until and end <= until:
                yield session


def _damaged(path: str, name: str, table: str, error: Exception) -> Piece:
    return Piece(problems=(Problem(path, f"{name}: its table {table} cannot be read whole: {error}."),))


def _without_id(row: Mapping[str, Any] | None) -> dict[str, Any]:
    return {key: value for key, value in (row or {}).items() if key != "row_id" and value is not None}


def _column(have: Iterable[str], name: str) -> str | None:
    """The column that is ours, under its own name or a longer one: `stage_start_time` is `start`."""
    words = {
        "start": ("start_time",), "end": ("end_time",), "type": ("type",), "repetitions": ("repetitions_count",),
        "time": ("timestamp_millis", "time", "time_millis"),
    }  # fmt: skip
    endings = words.get(name, (name,))
    found = [it for ending in endings for it in have if it == ending]
    found += [it for ending in endings for it in sorted(have) if it.endswith(f"_{ending}")]
    return found[0] if found else None
