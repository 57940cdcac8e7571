"""The account export: a folder DI_CONNECT of JSON, and the uploaded files in zips inside the zip.

The files are named by an upload's number, which no summary repeats. File and summary find each other by their start:
the file says when it was begun, to the second, and so does the summary.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from activities.domain.reading import RawPayload
from activities.formats.container import Container, Member
from activities.formats.fit import fit_created, fit_kind
from integrations.archives import ArchiveReader, Piece, contents, head_of, path_of
from integrations.errors import UnexpectedPayload
from integrations.files import file_kind
from integrations.gathering import in_pieces, list_elements
from integrations.providers.garmin.mapping import PROVIDER, start_of
from integrations.told import mapping, text

FOLDER = "DI_CONNECT/"
# A file begins when its button is pressed; some devices write the file's time a little before the first record.
SLACK_S = 5
_SUMMARIES = re.compile(r"summarizedActivities\.json$", re.IGNORECASE)
# Pattern of a member's name -> kind of its entries.
_LISTS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"_sleepData\.json$", re.IGNORECASE), "sleep"),
    (re.compile(r"^UDSFile_.*\.json$", re.IGNORECASE), "daily"),
    (re.compile(r"_healthStatusData\.json$", re.IGNORECASE), "health"),
    (re.compile(r"_userBioMetrics\.json$", re.IGNORECASE), "weight"),
    (re.compile(r"^MetricsMaxMetData_.*\.json$", re.IGNORECASE), "max_met"),
)
_WRAPPER = b"summarizedActivitiesExport"
_DATES = re.compile(r"(\d{4}-\d{2}-\d{2}|\d{8})(?=[_.])")


@dataclass(frozen=True)
class Index:
    """Starts of all summaries (seconds since 1970), in order, and whose each is."""

    starts: tuple[float, ...] = ()
    ids: tuple[str, ...] = ()

    def id_at(self, moment: datetime) -> str:
        """The activity that began then; empty where none did, or more than one."""
        at = moment.timestamp()
        place = bisect_left(self.starts, at - SLACK_S)
        near = []
        while place < len(self.starts) and self.starts[place] <= at + SLACK_S:
            near.append((abs(self.starts[place] - at), self.ids[place]))
            place += 1
        near.sort()
        if not near or (len(near) > 1 and near[0][0] == near[1][0]):
            return ""
        return near[0][1]


class ExportReader(ArchiveReader):
    """Reads the zip that Garmin sends."""

    name = "Garmin account export"

    def __init__(self, index: Index | None = None) -> None:
        self._index = index

    def recognise(self, container: Container) -> bool:
        return any(f"/{FOLDER}" in f"/{member.path}" or _SUMMARIES.search(member.name) for member in container.members)

    def stated_at(self, container: Container) -> datetime | None:
        """The archive does not say when it was made: no earlier than the last day that the names of its files tell."""
        days = []
        for member in container.members:
            if _list_kind(member):
                days += [found.replace("-", "") for found in _DATES.findall(member.name)]
        for day in sorted(days, reverse=True):
            try:
                return datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC)
            except ValueError:
                continue
        return None

    def opened(self, container: Container) -> ArchiveReader:
        return ExportReader(_index(container))

    def pieces(self, container: Container, member: Member) -> Iterator[Piece] | None:
        if _SUMMARIES.search(member.name):
            return in_pieces(_entries(container, member, "summary", self.stated_at(container)))
        if kind := _list_kind(member):
            return in_pieces(_entries(container, member, kind, self.stated_at(container)))
        if file_kind(head_of(container, member)):
            return iter((self._file(container, member),))
        return None

    def _file(self, container: Container, member: Member) -> Piece:
        data, problems = contents(container, member)
        external_id = ""
        if file_kind(data[:16]) == "fit" and fit_kind(data) == "activity":
            created = fit_created(data)
            external_id = (self._index or Index()).id_at(created) if created else ""
        return self.file_piece_of(container, member, data, problems, PROVIDER, external_id)


def _index(container: Container) -> Index:
    found: dict[str, float] = {}
    for member in container.members:
        if not _SUMMARIES.search(member.name):
            continue
        try:
            for _, told in _summaries(container, member):
                if not isinstance(told, dict) or told.get("parentId"):
                    continue
                start, external_id = start_of(told), _activity_id(told)
                if start and external_id:
                    found[external_id] = start.timestamp()
        except UnexpectedPayload:
            continue  # told when the member itself is read
    ordered = sorted((start, external_id) for external_id, start in found.items())
    return Index(tuple(start for start, _ in ordered), tuple(external_id for _, external_id in ordered))


def _summaries(container: Container, member: Member) -> Iterator[tuple[bytes, Any]]:
    """Each summary as its own bytes and as a value: years of splits make a list of more than memory should hold."""
    is_wrapped = _WRAPPER in container.head(member, 1024)
    return list_elements(container, member, key=_WRAPPER.decode() if is_wrapped else "")


def _entries(container: Container, member: Member, kind: str, stated_at: datetime | None) -> Iterator[RawPayload]:
    """The entries of a list, each a record of its own."""
    path = path_of(container, member)
    told_of = _summaries(container, member) if kind == "summary" else list_elements(container, member)
    for own, told in told_of:
        external_id = _external_id(kind, told) if isinstance(told, dict) else ""
        if external_id:
            # The legs of a multisport effort are told by the file of the whole: their own summaries are kept, not read.
            name = "leg" if kind == "summary" and told.get("parentId") else kind
            yield RawPayload(name, external_id, own, "application/json", stated_at=stated_at, path=path)


def _external_id(kind: str, told: Mapping[str, Any]) -> str:
    """The entry's own id, else its day; empty for an entry that holds no data."""
    if kind == "summary":
        return _activity_id(told)
    if kind == "sleep":
        return _day(told) if told.get("sleepStartTimestampGMT") and told.get("sleepEndTimestampGMT") else ""
    if kind == "weight":
        weight = mapping(told.get("weight"))
        moment = text(weight.get("timestampGMT")) or text(mapping(told.get("metaData")).get("calendarDate"))
        return moment[:60] if weight.get("weight") else ""
    day = _day(told)
    return f"{day} {text(told.get('sport'))}".strip() if kind == "max_met" and day else day


def _day(told: Mapping[str, Any]) -> str:
    value = told.get("calendarDate")
    return text(mapping(value).get("date") if isinstance(value, dict) else value)[:10]


def _activity_id(told: Mapping[str, Any]) -> str:
    value = text(told.get("activityId"))
    return value.removesuffix(".0")


def _list_kind(member: Member) -> str:
    return next((kind for pattern, kind in _LISTS if pattern.search(member.name)), "")
