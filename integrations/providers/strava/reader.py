"""The account archive: activities.csv, and beside it one file for each activity that was not typed in."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from activities.domain.reading import RawPayload
from activities.formats.container import Container, Member
from integrations.archives import ArchiveReader, Piece, contents, head_of, path_of
from integrations.errors import UnexpectedPayload
from integrations.files import file_kind
from integrations.providers.strava.mapping import DATE, ID, PROVIDER, file_of, moment_of

TABLE = "activities.csv"
ROWS_AT_ONCE = 30
# The columns that every archive has had, whatever its language.
_FEWEST_COLUMNS = 11
_HEAD_ROWS = 3


@dataclass(frozen=True)
class Row:
    """One line: the activity's id, its file and its own bytes."""

    external_id: str
    file: str
    line: str
    moment: datetime | None


@dataclass(frozen=True)
class Index:
    """What the table tells: its header, its lines, and whose each file is."""

    root: str = ""
    header: str = ""
    rows: tuple[Row, ...] = ()
    by_file: dict[str, Row] = field(default_factory=dict)
    stated_at: datetime | None = None
    # The table, as people know it.
    path: str = ""

    def payload(self, row: Row) -> RawPayload:
        """The line under its header: a table of its own."""
        return RawPayload(
            kind="row",
            external_id=row.external_id,
            data=(self.header + row.line).encode(),
            content_type="text/csv",
            stated_at=self.stated_at,
            path=self.path,
        )


class ExportReader(ArchiveReader):
    """Reads the zip that Strava sends, and activities.csv alone."""

    name = "Strava archive"

    def __init__(self, index: Index | None = None) -> None:
        self._index = index

    def recognise(self, container: Container) -> bool:
        return _table(container) is not None

    def stated_at(self, container: Container) -> datetime | None:
        """The archive does not say when it was made: no earlier than its last activity."""
        return index_of(container).stated_at

    def opened(self, container: Container) -> ArchiveReader:
        return ExportReader(index_of(container))

    def pieces(self, container: Container, member: Member) -> Iterator[Piece] | None:
        index = self._index or index_of(container)
        if member.name.lower() == TABLE and _folder(member.path) == index.root:
            return self._rows(container, member, index)
        path = member.path.removeprefix(index.root)
        row = index.by_file.get(path)
        if row or (path.startswith("activities/") and file_kind(head_of(container, member))):
            return self._file(container, member, index, row)
        return None

    def _file(self, container: Container, member: Member, index: Index, row: Row | None) -> Iterator[Piece]:
        """A file together with its line, so that the two become one activity at once; the line first, which is sure."""
        line = Piece((index.payload(row),)) if row else Piece()
        try:
            piece = self.file_piece(container, member, PROVIDER, row.external_id if row else "")
        except UnexpectedPayload:
            yield line
            raise
        yield replace(piece, payloads=(*line.payloads, *piece.payloads))

    def _rows(self, container: Container, member: Member, index: Index) -> Iterator[Piece]:
        """The lines whose file is not in the archive, or that never had one."""
        there = {each.path.removeprefix(index.root) for each in container.members}
        alone = [row for row in index.rows if row.file not in there]
        for first in range(0, len(alone), ROWS_AT_ONCE):
            yield Piece(tuple(map(index.payload, alone[first : first + ROWS_AT_ONCE])))
        _, problems = contents(container, member)
        yield Piece(problems=problems)


def index_of(container: Container) -> Index:
    """The archive's table, read as far as it goes."""
    member = _table(container)
    if member is None:
        return Index()
    data, _ = contents(container, member)
    lines = _records(data.decode("utf-8-sig", "replace"))
    header, _ = next(lines, ("", []))
    names = next(csv.reader(io.StringIO(header, newline="")), [])
    rows = []
    for line, cells in lines:
        if len(cells) > DATE and cells[ID].strip().isdigit():
            rows.append(Row(cells[ID].strip(), file_of(names, cells), line, moment_of(cells[DATE])))
    return Index(
        root=_folder(member.path),
        header=header,
        rows=tuple(rows),
        by_file={row.file: row for row in rows if row.file},
        stated_at=max((row.moment for row in rows if row.moment), default=None),
        path=path_of(container, member),
    )


def _records(words: str) -> Iterator[tuple[str, list[str]]]:
    """Each record of a table as its own text and as cells: a description may run over several lines."""
    lines = words.splitlines(keepends=True)
    reader = csv.reader(lines)
    before = 0
    try:
        for cells in reader:
            line = "".join(lines[before : reader.line_num])
            before = reader.line_num
            if cells:
                yield line if line.endswith("\n") else f"{line}\n", cells
    except csv.Error as error:
        raise UnexpectedPayload(f"This table cannot be read on from line {reader.line_num}.") from error


def _table(container: Container) -> Member | None:
    """The member that is the archive's table."""
    for member in container.members:
        if member.name.lower() != TABLE:
            continue
        head = container.head(member, 64 << 10).decode("utf-8-sig", "replace")
        try:
            rows = [
                cells for cells, _ in zip(csv.reader(io.StringIO(head, newline="")), range(_HEAD_ROWS), strict=False)
            ]
        except csv.Error:
            continue
        if rows and len(rows[0]) >= _FEWEST_COLUMNS and re.search(r"\bid\b", rows[0][ID], re.IGNORECASE):
            return member
    return None


def _folder(path: str) -> str:
    """The member's folder with its slash; empty at the top."""
    folder, slash, _ = path.rpartition("/")
    return folder + slash
