"""The downloads of TrainingPeaks' export page: workouts.csv and metrics.csv, and the original files beside them where
they were zipped together."""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from activities.domain.reading import RawPayload
from activities.formats.container import Container, Member
from integrations.archives import ArchiveReader, Piece, contents, path_of
from integrations.errors import UnexpectedPayload
from integrations.files import FILE_KINDS, HEAD_BYTES, content_id, file_kind
from integrations.gathering import in_pieces
from integrations.providers.trainingpeaks import mapping
from integrations.providers.trainingpeaks.mapping import Facts
from integrations.told import rows_of

LOOKS = 50
LOOK_BYTES = 4096
# So many kinds of metrics are counted one by one.
MOST_KINDS = 40
_ENDINGS = (".fit", ".tcx", ".gpx")
_KEY = ("WorkoutDay", "WorkoutType", "Title", "TimeTotalInHours", "DistanceInMeters")


def _tables(container: Container) -> list[Member]:
    """The members that may be tables by their name, however many files lie beside them."""
    if len(container.members) == 1:
        return list(container.members)
    return [member for member in container.members if member.name.casefold().endswith((".csv", ".txt"))][:LOOKS]


def _is_table(container: Container, member: Member) -> bool:
    head = container.head(member, LOOK_BYTES).partition(b"\n")[0]
    return b"WorkoutDay" in head and b"TimeTotalInHours" in head


def _is_metrics(container: Container, member: Member) -> bool:
    if not member.name.casefold().startswith("metrics"):
        return False
    head = container.head(member, LOOK_BYTES).partition(b"\n")[0].decode("utf-8-sig", "replace")
    return [cell.strip(' "\r') for cell in head.split(",")] == ["Timestamp", "Type", "Value"]


def _is_workout_file(member: Member) -> bool:
    return member.name.casefold().removesuffix(".gz").endswith(_ENDINGS)


@dataclass(frozen=True)
class ExportReader(ArchiveReader):
    """Reads workouts.csv, metrics.csv and the workout files that lie in the same zip."""

    name: str = "TrainingPeaks export"
    index: _Index | None = field(default=None, repr=False)

    def recognise(self, container: Container) -> bool:
        return any(_is_table(container, member) or _is_metrics(container, member) for member in _tables(container))

    def opened(self, container: Container) -> ArchiveReader:
        return ExportReader(self.name, _Index.of(container))

    def pieces(self, container: Container, member: Member) -> Iterator[Piece] | None:
        index = self.index or _Index.of(container)
        if member.path in index.tables:
            return _rows(container, member, index)
        if _is_metrics(container, member):
            return _metrics(container, member)
        if _is_workout_file(member):
            return iter([self.file_piece(container, member, mapping.PROVIDER)])
        return None


@dataclass
class _Index:
    """The tables, and which row is which file's: (table, number of the row) -> the file's external id."""

    tables: set[str] = field(default_factory=set)
    files: dict[tuple[str, int], str] = field(default_factory=dict)

    @classmethod
    def of(cls, container: Container) -> _Index:
        index = cls({member.path for member in _tables(container) if _is_table(container, member)})
        rows: dict[tuple[str, int], Facts] = {}
        for member in container.members:
            if member.path in index.tables:
                rows |= _facts(container, member)
        for member in container.members if rows else ():
            if _is_workout_file(member):
                index._match(rows, *_file_facts(container, member))
        return index

    def _match(self, rows: Mapping[tuple[str, int], Facts], external_id: str, facts: Facts | None) -> None:
        """The nearest row that is still free."""
        if facts is None:
            return
        free = [
            (abs((row.day - facts.day).days), abs((row.seconds or 0) - (facts.seconds or 0)), key)
            for key, row in rows.items()
            if key not in self.files and mapping.are_one(row, facts)
        ]
        if free:
            self.files[min(free)[2]] = external_id


def _facts(container: Container, member: Member) -> dict[tuple[str, int], Facts]:
    try:
        rows = list(rows_of(contents(container, member)[0]))
    except UnexpectedPayload:
        return {}  # told when the member itself is read
    told = {(member.path, number): mapping.facts_of(row) for number, row in enumerate(rows) if mapping.is_done(row)}
    return {key: facts for key, facts in told.items() if facts is not None}


def _file_facts(container: Container, member: Member) -> tuple[str, Facts | None]:
    try:
        data, _ = contents(container, member)
        kind = file_kind(data[:HEAD_BYTES])
        parsed = FILE_KINDS[kind](data, "") if kind else None
    except UnexpectedPayload:
        return "", None  # told when the member itself is read
    whole = next((it for it in parsed.activities if it.parent is None), None) if parsed else None
    return content_id(data), mapping.facts_of_file(whole) if whole else None


def _rows(container: Container, member: Member, index: _Index) -> Iterator[Piece]:
    """Each workout that was done as a table of its own: the header and the row; what was only planned is counted."""
    data, problems = contents(container, member)
    path = path_of(container, member)
    planned = 0

    def payloads() -> Iterator[RawPayload]:
        nonlocal planned
        for number, row in enumerate(rows_of(data)):
            if not mapping.is_done(row):
                planned += 1
                continue
            key = "\n".join(row.get(name, "").strip() for name in _KEY)
            own = mapping.ALONE + hashlib.sha256(key.encode()).hexdigest()[:32]
            external_id = index.files.get((member.path, number), own)
            target = io.StringIO(newline="")
            csv.writer(target, lineterminator="\n").writerows([row.keys(), row.values()])
            yield RawPayload("row", external_id, target.getvalue().encode(), "text/csv", path=path)

    yield from in_pieces(payloads(), problems)
    if planned:
        yield Piece(counts={"planned workout": planned})


def _metrics(container: Container, member: Member) -> Iterator[Piece]:
    """The table as one record, known by its content: each download holds a range of dates."""
    data, problems = contents(container, member)
    unread: Counter[str] = Counter()
    for row in rows_of(data):
        kind = row.get("Type", "").strip()
        if kind.casefold() not in mapping.METRICS:
            unread[f"unread {kind}"[:60] if len(unread) < MOST_KINDS else "unread others"] += 1
    payload = RawPayload("metrics", content_id(data), data, "text/csv", path=path_of(container, member))
    yield Piece((payload,), counts=dict(unread), problems=problems)
