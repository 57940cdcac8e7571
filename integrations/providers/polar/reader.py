"""The zip that Polar makes of an account: one JSON file a session, a day or a kind of night."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from activities.domain.reading import DeviceFacts, RawPayload
from activities.formats.container import Container, Member
from integrations.archives import ArchiveReader, Piece, contents, path_of
from integrations.errors import UnexpectedPayload
from integrations.files import content_id
from integrations.gathering import HOMELESS_ROWS, Samples, in_pieces, left, list_elements, sampled
from integrations.providers.polar import mapping
from integrations.told import (
    day_of,
    entries,
    epoch_ms,
    json_of,
    number,
    object_of,
    text,
)
from integrations.told import mapping as mapping_of

LOOKS = 25
LOOK_BYTES = 4096
# A session or night that tells the offset may lie so far from a day that does not.
NEAR_DAYS = 45
# The day on which clocks are set back.
LONGEST_DAY_S = 25 * 3600

_SESSION = re.compile(r"training-session[-_].*?(?:[-_]([0-9]{6,}))?(?:-[0-9a-f-]{36})?\.json")
_ACTIVITY = re.compile(r"activity-[0-9]{4}-[0-9]{2}-[0-9]{2}.*\.json")
_SLEEP = re.compile(r"sleep_result[-_].*\.json")
_SCORE = re.compile(r"sleep_score[-_].*\.json")
_RECOVERY = re.compile(r"nightly_recovery_(?!blob).*\.json")
_HEART = re.compile(r"247ohr[-_].*\.json")
_CALENDAR = re.compile(r"calendar-items-.*\.json")
_TEST = re.compile(r"fitness-test-results-.*\.json")
_WORKOUT_FILE = re.compile(r".*\.(?:fit|tcx|gpx)(?:\.gz)?")
_SIGNS = re.compile(
    rb'"exportVersion"|"deviceDays"|"hypnogram"|"sleepScoreResult"|"meanNightlyRecovery|"timezoneOffsetMinutes"'
    rb'|"timeZoneOffset"|"durationMillis"|"fitnessTestResult"'
)


@dataclass(frozen=True)
class ExportReader(ArchiveReader):
    """Reads `polar-user-data-export_*.zip`, under whatever name."""

    name: str = "Polar Flow export"
    index: _Index | None = field(default=None, repr=False)

    def recognise(self, container: Container) -> bool:
        patterns = (_SESSION, _ACTIVITY, _SLEEP, _SCORE, _RECOVERY, _HEART, _CALENDAR, _TEST)
        likely = [it for it in container.members if any(pattern.fullmatch(it.name) for pattern in patterns)][:LOOKS]
        return any(_SIGNS.search(container.head(member, LOOK_BYTES)) for member in likely)

    def opened(self, container: Container) -> ArchiveReader:
        return ExportReader(self.name, _Index.of(container))

    def pieces(self, container: Container, member: Member) -> Iterator[Piece] | None:
        name, index = member.name, self.index or _Index.of(container)
        if match := _SESSION.fullmatch(name):
            return _session(container, member, match.group(1) or "")
        if _ACTIVITY.fullmatch(name):
            return _one(container, member, "activity", "date")
        if _SLEEP.fullmatch(name):
            return _nights(container, member, "sleep", index)
        if _RECOVERY.fullmatch(name):
            return _nights(container, member, "nightly_recovery", index)
        if _SCORE.fullmatch(name):
            return iter(())  # read with the nights
        if _HEART.fullmatch(name):
            return _heart_rate(container, member, index)
        if _CALENDAR.fullmatch(name):
            return _one(container, member, "calendar_items", "")
        if _TEST.fullmatch(name):
            return _one(container, member, "fitness_test", "startTime")
        return iter([self.file_piece(container, member)]) if _WORKOUT_FILE.fullmatch(name.casefold()) else None


@dataclass
class _Index:
    """Scores by night, and the offsets that sessions and nights tell, by date."""

    scores: dict[str, bytes] = field(default_factory=dict)
    offsets: dict[date, int] = field(default_factory=dict)
    days: list[date] = field(default_factory=list)

    @classmethod
    def of(cls, container: Container) -> _Index:
        index = cls()
        for member in container.members:
            try:
                if _SCORE.fullmatch(member.name):
                    for told, row in list_elements(container, member):
                        if isinstance(row, dict):
                            index.scores[text(row.get("night"))] = told
                elif _SLEEP.fullmatch(member.name):
                    for _, row in list_elements(container, member):
                        index._note(row)
                elif _SESSION.fullmatch(member.name) and not index._has_day(member.name):
                    index._note(json_of(contents(container, member)[0]))
            except UnexpectedPayload:
                continue  # told when the member itself is read
        index.days = sorted(index.offsets)
        return index

    def _note(self, told: Any) -> None:
        found = mapping.offset_of(told) if isinstance(told, dict) else None
        if found:
            self.offsets.setdefault(*found)

    def _has_day(self, name: str) -> bool:
        match = re.search(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", name)
        return bool(match and day_of(match.group()) in self.offsets)

    def offset(self, day: date) -> int | None:
        """Seconds east of UTC on that day: as told of it, else of the nearest day."""
        if not self.days:
            return None
        at = bisect_left(self.days, day)
        near = min(self.days[max(at - 1, 0) : at + 1], key=lambda it: (abs((it - day).days), it))
        return self.offsets[near] if abs((near - day).days) <= NEAR_DAYS else None


def _session(container: Container, member: Member, number_in_name: str) -> Iterator[Piece]:
    data, problems = contents(container, member)
    told = object_of(data)
    own = text(mapping_of(told.get("identifier")).get("id")) or text(told.get("identifier"))
    external_id = own or number_in_name or content_id(data)
    path = path_of(container, member)
    yield Piece(
        (RawPayload("training_session", external_id[:200], data, "application/json", path=path),), (), {}, problems
    )


def _one(container: Container, member: Member, kind: str, key: str) -> Iterator[Piece]:
    """A file that is one record, known by what it tells under `key`, else by its content."""
    data, problems = contents(container, member)
    external_id = text(object_of(data).get(key))[:200] if key else ""
    path = path_of(container, member)
    yield Piece(
        (RawPayload(kind, external_id or content_id(data), data, "application/json", path=path),), (), {}, problems
    )


def _nights(container: Container, member: Member, kind: str, index: _Index) -> Iterator[Piece]:
    path = path_of(container, member)
    nameless = 0

    def payloads() -> Iterator[RawPayload]:
        nonlocal nameless
        for told, row in list_elements(container, member):
            night = text(row.get("night") or row.get("sleepResultDate")) if isinstance(row, dict) else ""
            if not night:
                nameless += 1
                continue
            if kind == "sleep":
                score = index.scores.get(night)
                told = b'{"result":' + told + (b',"score":' + score if score else b"") + b"}"
            yield RawPayload(kind, night[:200], told, "application/json", path=path)

    yield from in_pieces(payloads())
    yield from left(container, member, "holds entries that name no night; they are left in the export.", nameless)


def _heart_rate(container: Container, member: Member, index: _Index) -> Iterator[Piece]:
    """All-day heart rate: seconds of the local day, placed by the offset that the nights and sessions tell."""
    days = (told for _, told in list_elements(container, member, key="deviceDays") if isinstance(told, dict))
    return sampled(container, member, days, lambda samples, told: _add_day(samples, told, index))


def _add_day(samples: Samples, told: Mapping[str, Any], index: _Index) -> None:
    """Note the samples of one device and day."""
    day = day_of(told.get("date"))
    offset = None if day is None else index.offset(day)
    rows = entries(told.get("samples"))
    if day is None or offset is None:
        samples.leave(HOMELESS_ROWS, len(rows))
        return
    begin = epoch_ms(mapping.midnight(day, offset))
    name = f"Polar {text(told.get('deviceId'))}".strip()
    device = DeviceFacts(key=name, name=name, kind="watch", manufacturer="Polar")
    for row in rows:
        second, value = number(row.get("secondsFromDayStart")), number(row.get("heartRate"))
        if second is not None and value and 0 <= second <= LONGEST_DAY_S:
            moment = begin + round(second * 1000)
            samples.add("heart_rate", device, moment, moment, value)
