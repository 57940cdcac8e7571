"""Fitbit's account export and its folder in a Google Takeout, told by what its members are called and begin with."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, tzinfo
from typing import Any

import numpy as np

from activities.domain.reading import DeviceFacts, RawPayload
from activities.formats.container import Container, Member
from integrations.archives import ArchiveReader, Piece, contents, path_of
from integrations.errors import UnexpectedPayload
from integrations.gathering import (
    HOMELESS_ROWS,
    PIECE_ROWS,
    UNREADABLE_ROWS,
    Samples,
    in_pieces,
    left,
    list_elements,
    piece_of,
    sampled,
    table_lines,
    table_rows,
)
from integrations.providers.fitbit import mapping
from integrations.providers.fitbit.mapping import device_kind
from integrations.told import (
    as_json,
    aware,
    clock_ms,
    epoch_ms,
    local,
    number,
    offset_s,
    positive,
    sample_table,
    text,
    zone_named,
    zone_of_offset,
)

# The old export's own streams, which Fitbit merged from all trackers.
MERGED = DeviceFacts(key="Fitbit", name="Fitbit", kind="band", manufacturer="Fitbit")
MINUTE_MS = 60_000
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
# How many members are looked into at most before the archive is some other one, and how much of each.
LOOKS = 25
LOOK_BYTES = 4096


@dataclass(frozen=True)
class _Series:
    """A series of samples: where its value stands, and what one row lasts."""

    metric: str
    column: str
    scale: float = 1.0
    lasts_ms: int = 0


# Old JSON, `heart_rate-2026-03-02.json`: UTC. Distances are centimetres.
JSON_SERIES: Mapping[str, _Series] = {
    "heart_rate": _Series("heart_rate", "bpm"),
    "steps": _Series("steps", "", 1.0, MINUTE_MS),
    "distance": _Series("distance_walking_running", "", 0.01, MINUTE_MS),
}
# Google's CSV, `heart_rate_2026-03-01.csv`: UTC. One file may tell two series.
CSV_SERIES: Mapping[str, tuple[_Series, ...]] = {
    "heart_rate": (_Series("heart_rate", "beats per minute"),),
    "steps": (_Series("steps", "steps", 1.0, MINUTE_MS),),
    "distance": (_Series("distance_walking_running", "distance", 1.0, MINUTE_MS),),
    "calories": (_Series("total_energy", "calories", 1.0, MINUTE_MS),),
    "active_energy_burned": (_Series("active_energy", "kilocalories", 1.0, MINUTE_MS),),
    "floors": (_Series("flights_climbed", "floors", 1.0, MINUTE_MS),),
    "active_zone_minutes": (_Series("fitbit_active_zone_minutes", "total minutes", 1.0, MINUTE_MS),),
    "heart_rate_variability": (
        _Series("hrv_rmssd", "root mean square of successive differences milliseconds"),
        _Series("hrv_sdnn", "standard deviation milliseconds"),
    ),
    "oxygen_saturation": (_Series("oxygen_saturation", "oxygen saturation percentage"),),
    "body_temperature": (_Series("skin_temperature", "temperature celsius"),),
    "weight": (_Series("weight", "weight grams", 0.001),),
    "body_fat": (_Series("body_fat", "body fat percentage"),),
    "height": (_Series("height", "height millimeters", 0.001),),
}

# Members that tell figures by the day -> kind of raw record.
_DAY_FILES: tuple[tuple[str, str], ...] = (
    (rf"resting_heart_rate-{_DATE}\.json", "resting_heart_rate"),
    (rf"lightly_active_minutes-{_DATE}\.json", "lightly_active_minutes"),
    (rf"moderately_active_minutes-{_DATE}\.json", "moderately_active_minutes"),
    (rf"very_active_minutes-{_DATE}\.json", "very_active_minutes"),
    (rf"sedentary_minutes-{_DATE}\.json", "sedentary_minutes"),
    (rf"demographic_vo2_max-{_DATE}\.json", "demographic_vo2_max"),
    (rf"run_vo2_max-{_DATE}\.json", "run_vo2_max"),
    (rf"weight-{_DATE}\.json", "weight"),
    (rf"height-{_DATE}\.json", "height"),
    (rf"calories-{_DATE}\.json", "calories"),
    (r"daily heart rate variability summary - .*\.csv", "daily_hrv"),
    (r"(?:daily )?respiratory rate summary - .*\.csv", "respiratory_rate"),
    (rf"daily_respiratory_rate(?:_{_DATE})?\.csv", "respiratory_rate"),
    (r"daily spo2 - .*\.csv", "daily_spo2"),
    (rf"daily_oxygen_saturation(?:_{_DATE})?\.csv", "daily_spo2"),
    (r"computed temperature - .*\.csv", "computed_temperature"),
    (rf"daily_sleep_temperature_derivations(?:_{_DATE})?\.csv", "google_temperature"),
    (r"sleep_score\.csv", "sleep_score"),
    (r"stress score\.csv", "stress_score"),
    (r"daily readiness score - .*\.csv", "readiness"),
    (r"active zone minutes - .*\.csv", "active_zone_minutes"),
    (rf"daily_resting_heart_rate(?:_{_DATE})?\.csv", "google_resting_heart_rate"),
    (rf"daily_heart_rate_variability(?:_{_DATE})?\.csv", "google_hrv"),
    (rf"(?:daily_|demographic_)?vo2_max(?:_{_DATE})?\.csv", "google_vo2max"),
)
_DAY_FILE = [(re.compile(pattern), kind) for pattern, kind in _DAY_FILES]
_JSON_SERIES = re.compile(rf"({'|'.join(JSON_SERIES)})-{_DATE}\.json")
_CSV_SERIES = re.compile(rf"({'|'.join(CSV_SERIES)})(?:_{_DATE})?\.csv")
_MINUTE_SPO2 = re.compile(r"minute spo2 - .*\.csv")
_HRV_DETAILS = re.compile(r"heart rate variability details - .*\.csv")
_EXERCISES = re.compile(r"exercise-[0-9]+\.json")
_SLEEPS = re.compile(rf"sleep-{_DATE}\.json")
_GOOGLE_EXERCISES = re.compile(rf"userexercises(?:_{_DATE})?\.csv")
_GOOGLE_SLEEPS = re.compile(rf"usersleeps(?:_{_DATE})?\.csv")
_GOOGLE_STAGES = re.compile(rf"usersleepstages(?:_{_DATE})?\.csv")
_WORKOUT_FILE = re.compile(r"([0-9]{6,})\.tcx(?:\.gz)?")
_PROFILE = re.compile(r"profile\.csv")
# What one of those members begins with, so that a steps.csv of anyone else is none.
_SIGNS = re.compile(
    rb'"dateTime"|"logId"|^(?:\xef\xbb\xbf)?(?:timestamp,[^\n]*data source|exercise_id,|sleep_id,|sleep_log_entry_id,'
    rb"|timestamp,(?:rmssd|value|average_value|daily_respiratory_rate|full_sleep_breathing_rate)"
    rb"|DATE,UPDATED_AT,|type,sleep_start,|date_time,heart_zone_id|date,readiness_score_value)"
)


def _name(member: Member) -> str:
    return member.name.casefold()


def _day_kind(name: str) -> str:
    return next((kind for pattern, kind in _DAY_FILE if pattern.fullmatch(name)), "")


def _is_ours(name: str) -> bool:
    patterns = (
        _JSON_SERIES, _CSV_SERIES, _MINUTE_SPO2, _HRV_DETAILS, _EXERCISES, _SLEEPS, _GOOGLE_EXERCISES, _GOOGLE_SLEEPS,
    )  # fmt: skip
    return bool(_day_kind(name)) or any(pattern.fullmatch(name) for pattern in patterns)


@dataclass(frozen=True)
class ExportReader(ArchiveReader):
    """Reads `MyFitbitData.zip`, a Takeout with a folder Fitbit or Google Health in it, and single files of them."""

    name: str = "Fitbit or Google Health export"
    index: _Index | None = field(default=None, repr=False)

    def recognise(self, container: Container) -> bool:
        likely = [member for member in container.members if _is_ours(_name(member))][:LOOKS]
        return any(_SIGNS.search(container.head(member, LOOK_BYTES)) for member in likely)

    def opened(self, container: Container) -> ArchiveReader:
        return ExportReader(self.name, _Index.of(container))

    def pieces(self, container: Container, member: Member) -> Iterator[Piece] | None:
        name, index = _name(member), self.index or _Index.of(container)
        if match := _JSON_SERIES.fullmatch(name):
            return _json_series(container, member, JSON_SERIES[match.group(1)])
        if match := _CSV_SERIES.fullmatch(name):
            return _csv_series(container, member, CSV_SERIES[match.group(1)], "Google Health")
        if _MINUTE_SPO2.fullmatch(name):
            return _csv_series(container, member, (_Series("oxygen_saturation", "value", 1.0, MINUTE_MS),), MERGED.name)
        if _HRV_DETAILS.fullmatch(name):
            return _hrv_details(container, member, index)
        if kind := _day_kind(name):
            return _day_file(container, member, kind)
        if _EXERCISES.fullmatch(name):
            return _logs(container, member, "exercise", index.exercise)
        if _SLEEPS.fullmatch(name):
            return _logs(container, member, "sleep", index.sleep)
        if _GOOGLE_EXERCISES.fullmatch(name):
            return _google_rows(container, member, "google_exercise", "exercise_id", index.google_exercise)
        if _GOOGLE_SLEEPS.fullmatch(name):
            return _google_rows(container, member, "google_sleep", "sleep_id", index.google_sleep)
        if match := _WORKOUT_FILE.fullmatch(name):
            return iter([self.file_piece(container, member, mapping.PROVIDER, match.group(1))])
        # They are read with the sleeps and exercises that they belong to.
        return iter(()) if _GOOGLE_STAGES.fullmatch(name) or _PROFILE.fullmatch(name) else None


# --- what explains each other ---------------------------------------------------------------


@dataclass
class _Index:
    """What several members tell of one exercise or sleep."""

    time_zone: str = ""
    exercises: dict[int, dict[str, str]] = field(default_factory=dict)
    sleeps: dict[str, dict[str, str]] = field(default_factory=dict)
    # Start, end and type of each stage, by the id of Google's sleep.
    stages: dict[str, list[tuple[str, ...]]] = field(default_factory=dict)
    # Local date -> seconds east of UTC in the night that ended or began then.
    offsets: dict[date, int] = field(default_factory=dict)
    scores: dict[str, dict[str, str]] = field(default_factory=dict)
    # Starts of what old logs tell, so that Google's rows about the same are no second record.
    logged_exercises: set[int] = field(default_factory=set)
    logged_sleeps: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, container: Container) -> _Index:
        index = cls()
        for member in container.members:
            name = _name(member)
            try:
                index._take(container, member, name)
            except UnexpectedPayload:
                continue  # told when the member itself is read
        return index

    def _take(self, container: Container, member: Member, name: str) -> None:
        if _PROFILE.fullmatch(name):
            for row in table_rows(container, member):
                self.time_zone = self.time_zone or row.get("timezone", "").strip()
        elif _GOOGLE_EXERCISES.fullmatch(name):
            for row in table_rows(container, member):
                moment = mapping.google_start_ms(row, "exercise_start")
                if moment is not None:
                    self.exercises[moment] = row
        elif _GOOGLE_SLEEPS.fullmatch(name):
            for row in table_rows(container, member):
                self.sleeps[mapping.google_local_start(row)] = row
                self._note_offset(row, "start")
                self._note_offset(row, "end")
        elif _GOOGLE_STAGES.fullmatch(name):
            for row in table_rows(container, member):
                self.stages.setdefault(row.get("sleep_id", ""), []).append(tuple(row.get(it, "") for it in _STAGE))
        elif name == "sleep_score.csv":
            for row in table_rows(container, member):
                self.scores[row.get("sleep_log_entry_id", "")] = row
        elif _EXERCISES.fullmatch(name):
            for _, log in list_elements(container, member):
                moment = mapping.start_key(log.get("startTime")) if isinstance(log, dict) else None
                if moment is not None:
                    self.logged_exercises.add(moment)
        elif _SLEEPS.fullmatch(name):
            for _, log in list_elements(container, member):
                if isinstance(log, dict):
                    self.logged_sleeps.add(text(log.get("startTime"))[:19])

    def _note_offset(self, row: Mapping[str, str], edge: str) -> None:
        moment, offset = aware(row.get(f"sleep_{edge}")), offset_s(row.get(f"{edge}_utc_offset"))
        if moment is not None and offset is not None:
            self.offsets[moment.astimezone(zone_of_offset(offset)).date()] = offset

    def zone(self, day: date) -> tzinfo | None:
        """The zone of local times on that date: as the night tells, else the profile's; None where no one tells it."""
        offset = self.offsets.get(day)
        return zone_named(self.time_zone) if offset is None else zone_of_offset(offset)

    def exercise(self, log: Mapping[str, Any], told: bytes) -> bytes:
        moment = mapping.start_key(log.get("startTime"))
        return _with(b'{"exercise":' + told, {"google": self._near(moment), "time_zone": self.time_zone})

    def sleep(self, log: Mapping[str, Any], told: bytes) -> bytes:
        google = self.sleeps.get(text(log.get("startTime"))[:19])
        score = self.scores.get(text(log.get("logId")))
        return _with(b'{"sleep":' + told, {"google": google, "score": score, "time_zone": self.time_zone})

    def google_exercise(self, row: Mapping[str, str]) -> bytes | None:
        moment = mapping.google_start_ms(row, "exercise_start")
        known = moment is not None and any(moment + shift in self.logged_exercises for shift in _SAME_START_MS)
        return None if known else as_json({"google": row})

    def google_sleep(self, row: Mapping[str, str]) -> bytes | None:
        if mapping.google_local_start(row) in self.logged_sleeps:
            return None
        stages = self.stages.get(row.get("sleep_id", ""), [])
        return as_json({"google": row, "stages": [dict(zip(_STAGE, stage, strict=True)) for stage in stages]})

    def _near(self, moment: int | None) -> dict[str, str] | None:
        """Google's row of an exercise that began then: the two exports round differently."""
        if moment is None:
            return None
        return next((self.exercises[at] for shift in _SAME_START_MS if (at := moment + shift) in self.exercises), None)


_STAGE = ("sleep_stage_start", "sleep_stage_end", "sleep_stage_type")
# The nearest first.
_SAME_START_MS = sorted(range(-5000, 5001, 1000), key=lambda shift: (abs(shift), shift))


def _with(told: bytes, more: Mapping[str, object]) -> bytes:
    """The log as it stands, and what else is told of it."""
    parts = [told, *(b'"%s":%s' % (name.encode(), as_json(value)) for name, value in more.items() if value)]
    return b",".join(parts) + b"}"


# --- members --------------------------------------------------------------------------------


def _logs(
    container: Container, member: Member, kind: str, whole: Callable[[Mapping[str, Any], bytes], bytes]
) -> Iterator[Piece]:
    """Each log of a list as a record of its own."""
    path = path_of(container, member)
    nameless = 0

    def payloads() -> Iterator[RawPayload]:
        nonlocal nameless
        for told, log in list_elements(container, member):
            log_id = text(log.get("logId")) if isinstance(log, dict) else ""
            if not log_id:
                nameless += 1
                continue
            yield RawPayload(kind, log_id, whole(log, told), "application/json", path=path)

    yield from in_pieces(payloads())
    yield from left(container, member, "holds entries without a logId; they are left in the export.", nameless)


def _google_rows(
    container: Container,
    member: Member,
    kind: str,
    key: str,
    whole: Callable[[Mapping[str, str]], bytes | None],
) -> Iterator[Piece]:
    path = path_of(container, member)

    def payloads() -> Iterator[RawPayload]:
        for row in table_rows(container, member):
            told = whole(row)
            if row.get(key) and told is not None:
                yield RawPayload(kind, row[key], told, "application/json", path=path)

    return in_pieces(payloads())


def _day_file(container: Container, member: Member, kind: str) -> Iterator[Piece]:
    """A file of figures by the day: one record, known by its name, which tells the days that it holds."""
    data, problems = contents(container, member)
    content_type = "application/json" if _name(member).endswith(".json") else "text/csv"
    payload = RawPayload(kind, member.name[:255], data, content_type, path=path_of(container, member))
    yield Piece((payload,), problems=problems)


def _json_series(container: Container, member: Member, series: _Series) -> Iterator[Piece]:
    times: list[str] = []
    values: list[float] = []

    def piece() -> Piece:
        moments, told = clock_ms(times), np.round(np.array(values) * series.scale, 9)
        known = moments >= 0
        unread = int((~known).sum())
        start = moments[known]
        samples = piece_of([sample_table(series.metric, MERGED, start, start + series.lasts_ms, told[known])])
        problems = tuple(it for each in left(container, member, UNREADABLE_ROWS, unread) for it in each.problems)
        return replace(samples, problems=problems)

    try:
        for _, entry in list_elements(container, member):
            if not isinstance(entry, dict):
                continue
            told = entry.get("value")
            value = number(told.get(series.column) if isinstance(told, dict) else told)
            if value is None:
                continue
            times.append(text(entry.get("dateTime")))
            values.append(value)
            if len(times) >= PIECE_ROWS:
                yield piece()
                times.clear()
                values.clear()
    except UnexpectedPayload:
        if times:
            yield piece()
        raise
    if times:
        yield piece()


def _csv_series(container: Container, member: Member, series: tuple[_Series, ...], device_name: str) -> Iterator[Piece]:
    """Rows of `timestamp, value ..., data source`, by source."""
    rows = table_lines(container, member)
    header = [column.strip().casefold() for column in next(rows, [])]
    wanted = [(one, header.index(one.column)) for one in series if one.column in header]
    if "timestamp" not in header or not wanted:
        raise UnexpectedPayload("has none of the columns that were expected.")
    time_at = header.index("timestamp")
    source_at = header.index("data source") if "data source" in header else None
    devices: dict[str, DeviceFacts] = {}
    longest = max(time_at, *(at for _, at in wanted))

    def add(samples: Samples, cells: list[str]) -> None:
        if len(cells) <= longest:
            return
        moment = int(clock_ms([cells[time_at].strip()])[0])
        if moment < 0:
            samples.leave(UNREADABLE_ROWS)
            return
        source = cells[source_at].strip() if source_at is not None and source_at < len(cells) else ""
        device = devices.setdefault(source, _device(source or device_name))
        for one, at in wanted:
            value = number(cells[at])
            if value is not None:
                samples.add(one.metric, device, moment, moment + one.lasts_ms, round(value * one.scale, 9))

    yield from sampled(container, member, rows, add)


def _hrv_details(container: Container, member: Member, index: _Index) -> Iterator[Piece]:
    """rMSSD of every five minutes asleep, in local time: placed by what the nights or the profile tell."""

    def add(samples: Samples, row: Mapping[str, str]) -> None:
        value, naive = positive(row.get("rmssd")), local(row.get("timestamp"))
        zone = None if naive is None else naive.tzinfo or index.zone(naive.date())
        if value is None or naive is None:
            samples.leave(UNREADABLE_ROWS)
        elif zone is None:
            samples.leave(HOMELESS_ROWS)
        else:
            moment = epoch_ms(naive.replace(tzinfo=zone))
            samples.add("hrv_rmssd", MERGED, moment, moment, value)

    return sampled(container, member, table_rows(container, member, bare=str.casefold), add)


def _device(name: str) -> DeviceFacts:
    if name == MERGED.name:
        return MERGED
    return DeviceFacts(key=name[:200], name=name[:200], kind=device_kind(name))
