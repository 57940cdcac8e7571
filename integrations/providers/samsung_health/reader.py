"""The folder that "Download personal data" makes, zipped: tables as CSV, large cells as JSON files beside them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from activities.domain.parsed import Problem
from activities.domain.reading import DeviceFacts, RawPayload
from activities.formats.container import Container, Member
from integrations.archives import ArchiveReader, Piece, contents, path_of
from integrations.errors import UnexpectedPayload
from integrations.gathering import UNREADABLE_ROWS, Samples, in_pieces, left, sampled, table_rows
from integrations.providers.samsung_health.mapping import COMBINED, DAY_TABLES, bare, device_kind, utc
from integrations.told import as_json, entries, epoch_ms, joined, json_of, number

# `com.samsung.shealth.exercise.20260302170000.csv`: the table and when it was exported.
_TABLE = re.compile(r"(com\.samsung\.s?health\.[a-z0-9_.]+?)\.([0-9]{10,17})\.csv")
_EXERCISE = "com.samsung.shealth.exercise"
_CUSTOM = "com.samsung.shealth.exercise.custom_exercise"
_SLEEP = "com.samsung.shealth.sleep"
_STAGE = "com.samsung.health.sleep_stage"
_DEVICES = "com.samsung.health.device_profile"
_STEP_TREND = "com.samsung.shealth.step_daily_trend"
_PEDOMETER = "com.samsung.shealth.tracker.pedometer_day_summary"
_RECOVERY = "com.samsung.shealth.exercise.recovery_heart_rate"
# Columns of an exercise that name a file which is read with it.
_EXERCISE_FILES = ("live_data", "location_data", "live_data_internal")
LOOK_BYTES = 512
NAMELESS_ROWS = "holds rows without a datauuid; they are left in the export."
# A day of points each second; an exercise has four such files.
MAX_SIDE_BYTES = 16 << 20


@dataclass(frozen=True)
class _Series:
    """A table of samples: (metric, names of its value, in side files and in rows alike)."""

    values: tuple[tuple[str, tuple[str, ...]], ...]


SERIES: Mapping[str, _Series] = {
    "com.samsung.shealth.tracker.heart_rate": _Series((("heart_rate", ("heart_rate",)),)),
    "com.samsung.health.hrv": _Series((("hrv_rmssd", ("rmssd",)), ("hrv_sdnn", ("sdnn",)))),
    "com.samsung.shealth.stress": _Series((("samsung_health_stress", ("score",)),)),
    "com.samsung.shealth.tracker.oxygen_saturation": _Series((("oxygen_saturation", ("spo2",)),)),
    "com.samsung.health.respiratory_rate": _Series((("respiratory_rate", ("average", "respiratory_rate")),)),
    "com.samsung.health.skin_temperature": _Series((("skin_temperature", ("temperature", "mean")),)),
    "com.samsung.shealth.tracker.pedometer_step_count": _Series(
        (("steps", ("count",)), ("distance_walking_running", ("distance",)))
    ),
    "com.samsung.health.floors_climbed": _Series((("flights_climbed", ("floor",)),)),
    "com.samsung.shealth.blood_pressure": _Series(
        (("blood_pressure_systolic", ("systolic",)), ("blood_pressure_diastolic", ("diastolic",)))
    ),
    "com.samsung.health.water_intake": _Series((("dietary_water", ("amount",)),)),
    # Vitamins, calcium and iron are left out: shares of a day's need in some rows, masses in others.
    "com.samsung.health.nutrition": _Series(
        (
            ("dietary_energy", ("calorie",)),
            ("dietary_carbohydrates", ("carbohydrate",)),
            ("dietary_protein", ("protein",)),
            ("dietary_fat", ("total_fat",)),
            ("dietary_fat_saturated", ("saturated_fat",)),
            ("dietary_fat_monounsaturated", ("monosaturated_fat",)),
            ("dietary_fat_polyunsaturated", ("polysaturated_fat",)),
            ("dietary_fat_trans", ("trans_fat",)),
            ("dietary_fiber", ("dietary_fiber",)),
            ("dietary_sugar", ("sugar",)),
            ("dietary_cholesterol", ("cholesterol",)),
            ("dietary_sodium", ("sodium",)),
            ("dietary_potassium", ("potassium",)),
        )
    ),
}


def table_of(member: Member) -> str:
    """The table that a member is; empty for any other file."""
    match = _TABLE.fullmatch(member.name)
    return match.group(1) if match else ""


@dataclass(frozen=True)
class ExportReader(ArchiveReader):
    """Reads a zipped `samsunghealth_*` folder, under whatever name."""

    name: str = "Samsung Health export"
    index: _Index | None = field(default=None, repr=False)

    def recognise(self, container: Container) -> bool:
        tables = [member for member in container.members if table_of(member)][:5]
        return any(
            container.head(member, LOOK_BYTES).removeprefix(b"\xef\xbb\xbf").startswith(b"com.samsung.")
            for member in tables
        )

    def opened(self, container: Container) -> ArchiveReader:
        return ExportReader(self.name, _Index.of(container))

    def pieces(self, container: Container, member: Member) -> Iterator[Piece] | None:
        index = self.index or _Index.of(container)
        table = table_of(member)
        if table == _EXERCISE:
            return _exercises(container, member, index)
        if table == _SLEEP:
            return _sleeps(container, member, index)
        if table in SERIES:
            return _series(container, member, SERIES[table], index)
        if table in DAY_TABLES and not (table == _PEDOMETER and _STEP_TREND in index.tables):
            return _day_table(container, member, table)
        # They are read with what they belong to.
        is_known = table in (_STAGE, _CUSTOM, _DEVICES, _RECOVERY) or index.is_read_elsewhere(member)
        return iter(()) if is_known else None


@dataclass
class _Index:
    """Side files by name, stages by sleep, names of the athlete's own exercises and of devices."""

    files: dict[str, Member] = field(default_factory=dict)
    tables: set[str] = field(default_factory=set)
    stages: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    custom: dict[str, str] = field(default_factory=dict)
    devices: dict[str, str] = field(default_factory=dict)
    # Exercise -> the cell that names the file of its heart rate afterwards.
    recoveries: dict[str, str] = field(default_factory=dict)
    # Side files that rows of exercises and samples name.
    named: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, container: Container) -> _Index:
        index = cls()
        for member in container.members:
            table = table_of(member)
            index.tables.add(table)
            if member.name.endswith(".json") and "jsons" in PurePosixPath(member.path).parts:
                index.files[member.name] = member
            try:
                index._take(container, member, table)
            except UnexpectedPayload:
                continue  # what was read of it counts
        return index

    def _take(self, container: Container, member: Member, table: str) -> None:
        if table == _STAGE:
            for row in _rows(container, member):
                kept = {name: row.get(name, "") for name in ("start_time", "end_time", "stage")}
                self.stages.setdefault(row.get("sleep_id", ""), []).append(kept)
        elif table == _CUSTOM:
            for row in _rows(container, member):
                for key in ("custom_id", "datauuid"):
                    self.custom[row.get(key, "")] = row.get("custom_name") or row.get("name", "")
        elif table == _EXERCISE or table in SERIES:
            for row in _rows(container, member):
                for column in _EXERCISE_FILES if table == _EXERCISE else ("binning_data",):
                    self.named.add(_file_name(row.get(column, "")))
        elif table == _RECOVERY:
            for row in _rows(container, member):
                self.recoveries[row.get("exercise_id", "")] = row.get("heart_rate", "")
                self.named.add(_file_name(row.get("heart_rate", "")))
        elif table == _DEVICES:
            for row in _rows(container, member):
                self.devices[row.get("deviceuuid", "")] = row.get("name") or row.get("model", "")

    def device(self, row: Mapping[str, str]) -> DeviceFacts:
        """Who measured: the device's name where the export tells it, else its number."""
        number_ = row.get("deviceuuid", "")
        name = self.devices.get(number_) or (f"Device {number_}" if number_ else "Samsung Health")
        return DeviceFacts(key=(number_ or name)[:200], name=name[:200], kind=device_kind(name), manufacturer="Samsung")

    def side(self, told: str) -> Member | None:
        """The side file that a cell names."""
        return self.files.get(_file_name(told))

    def is_read_elsewhere(self, member: Member) -> bool:
        """Whether it is a side file that a row which is read names."""
        return member.name in self.named and self.files.get(member.name) is member


def _file_name(cell: str) -> str:
    return cell.strip().rpartition("/")[2]


def _rows(container: Container, member: Member) -> Iterator[dict[str, str]]:
    return table_rows(container, member, skip_lines=1, bare=bare)


# --- members --------------------------------------------------------------------------------


def _exercises(container: Container, member: Member, index: _Index) -> Iterator[Piece]:
    path = path_of(container, member)
    nameless = 0
    problems: list[Problem] = []

    def payloads() -> Iterator[RawPayload]:
        nonlocal nameless
        for row in _rows(container, member):
            key = row.get("datauuid", "")
            if not key:
                nameless += 1
                continue
            parts = {"row": as_json(row)}
            cells = {
                "live": row.get("live_data", ""),
                "location": row.get("location_data", ""),
                "segments": row.get("live_data_internal", ""),
                "recovery": index.recoveries.get(key, ""),
            }
            for name, cell in cells.items():
                side = index.side(cell)
                if side is None:
                    continue
                try:
                    parts[name] = contents(container, side, MAX_SIDE_BYTES)[0]
                except UnexpectedPayload as error:
                    problems.append(_about(path, side, error))
            device = index.devices.get(row.get("deviceuuid", ""))
            custom = index.custom.get(row.get("custom_id", "")) or index.custom.get(row.get("exercise_custom_type", ""))
            parts |= {name: as_json(told) for name, told in (("device", device), ("custom", custom)) if told}
            yield RawPayload("exercise", key[:200], joined(parts), "application/json", path=path)

    yield from in_pieces(payloads())
    if problems:
        yield Piece(problems=tuple(problems))
    yield from left(container, member, NAMELESS_ROWS, nameless)


def _sleeps(container: Container, member: Member, index: _Index) -> Iterator[Piece]:
    path = path_of(container, member)
    nameless = 0

    def payloads() -> Iterator[RawPayload]:
        nonlocal nameless
        for row in _rows(container, member):
            key = row.get("datauuid", "")
            if not key:
                nameless += 1
                continue
            stages = sorted(index.stages.get(key, ()), key=lambda stage: (stage["start_time"], stage["end_time"]))
            data = as_json({"row": row, **({"stages": stages} if stages else {})})
            yield RawPayload("sleep", key[:200], data, "application/json", path=path)

    yield from in_pieces(payloads())
    yield from left(container, member, NAMELESS_ROWS, nameless)


def _about(path: str, side: Member, error: UnexpectedPayload) -> Problem:
    """What is wrong with a side file: the message completes its name or is a sentence of its own."""
    message = str(error)
    return Problem(path, f"{side.path} {message}" if message[:1].islower() else f"{side.path}: {message}")


def _day_table(container: Container, member: Member, table: str) -> Iterator[Piece]:
    data, problems = contents(container, member)
    kind, _ = DAY_TABLES[table]
    yield Piece((RawPayload(kind, table, data, "text/csv", path=path_of(container, member)),), (), {}, problems)


def _series(container: Container, member: Member, series: _Series, index: _Index) -> Iterator[Piece]:
    """Samples of a table: those of its side files, and the rows that have none."""
    path = path_of(container, member)

    def add(samples: Samples, row: Mapping[str, str]) -> None:
        if row.get("source_type") == COMBINED:
            return
        device = index.device(row)
        side = index.side(row.get("binning_data", ""))
        points: Sequence[Mapping[str, object]] = (row,)
        if side is not None:
            try:
                points = entries(json_of(contents(container, side)[0]))
            except UnexpectedPayload as error:
                samples.note(_about(path, side, error))
        for point in points:
            if not _add(samples, series, device, point):
                samples.leave(UNREADABLE_ROWS)

    return sampled(container, member, _rows(container, member), add)


def _add(samples: Samples, series: _Series, device: DeviceFacts, point: Mapping[str, object]) -> bool:
    """Note what a row or a point tells; whether it tells anything."""
    start, end = utc(point.get("start_time")), utc(point.get("end_time"))
    if start is None:
        return False
    begin = epoch_ms(start)
    until = max(begin, epoch_ms(end)) if end is not None else begin
    told = False
    for metric, names in series.values:
        value = next((value for name in names if (value := number(point.get(name))) is not None), None)
        if value is not None:
            samples.add(metric, device, begin, until, value)
            told = True
    return told
