"""What the readers of all archives share: members one after the other, within bounds, each bad one costing itself only.

A subclass says what a member holds (`pieces`); this says how far the reading is, where it can be taken up again, and
what became of every member: read, unreadable, or kept unread inside the export.
"""

from __future__ import annotations

import logging
import zlib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from activities.domain.parsed import Problem
from activities.domain.reading import Batch, RawPayload, SampleTable
from activities.formats.container import RATIO_FLOOR_BYTES, Container, Limits, Member
from integrations.base import UNREADABLE
from integrations.errors import UnexpectedPayload
from integrations.files import CONTENT_TYPES, HEAD_BYTES, content_id, file_kind, provider_of_file

logger = logging.getLogger(__name__)

# A member that is read as a whole may be so large; a greater one is for readers that take it piece by piece.
MAX_WHOLE_BYTES = 64 << 20
# What a batch holds at most before it is handed on.
BATCH_PAYLOADS = 32
BATCH_PAYLOAD_BYTES = 6 << 20
BATCH_ROWS = 100_000
BATCH_BYTES = 32 << 20
_GZIP = b"\x1f\x8b"
# So little is fed to the unpacker at a time: what a damaged stretch takes with it.
_FEED_BYTES = 4 << 10


@dataclass(frozen=True)
class Piece:
    """A part of what one member holds. `counts` counts by tag what the payloads do not: {"sample": 1200}."""

    payloads: tuple[RawPayload, ...] = ()
    samples: tuple[SampleTable, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


class ArchiveReader(ABC):
    """The base of every reader of an archive. Samples are counted under "sample", a payload under its kind."""

    name: str = ""

    @abstractmethod
    def recognise(self, container: Container) -> bool:
        """Whether it is this reader's archive, from the paths of its members and their first bytes."""

    def stated_at(self, container: Container) -> datetime | None:
        """When the archive says that it was made."""
        return None

    def opened(self, container: Container) -> ArchiveReader:
        """The reader for one reading of this archive; one with an index, where members explain each other."""
        return self

    @abstractmethod
    def pieces(self, container: Container, member: Member) -> Iterator[Piece] | None:
        """What the member holds, the same pieces in the same order each time; None for one that nobody reads.

        May raise UnexpectedPayload at any piece: what came before it stays.
        """

    def element_of(self, metric: str) -> str:
        return "sample"

    def element_of_payload(self, payload: RawPayload) -> str:
        return payload.kind

    def file_piece(self, container: Container, member: Member, provider: str = "", external_id: str = "") -> Piece:
        """A workout file (fit, tcx, gpx, each also gzipped) as a piece.

        Its provider is the one given, else its creator's; its id the one given, else that of its content. Raises
        UnexpectedPayload where it is none.
        """
        data, problems = contents(container, member)
        return self.file_piece_of(container, member, data, problems, provider, external_id)

    def file_piece_of(
        self,
        container: Container,
        member: Member,
        data: bytes,
        problems: tuple[Problem, ...] = (),
        provider: str = "",
        external_id: str = "",
    ) -> Piece:
        """As `file_piece`, of bytes that are read already."""
        kind = file_kind(data[:HEAD_BYTES])
        if kind is None:
            raise UnexpectedPayload("is no workout file that can be read.")
        payload = RawPayload(
            kind=kind,
            external_id=external_id or content_id(data),
            data=data,
            content_type=CONTENT_TYPES[kind],
            provider=provider or provider_of_file(kind, data),
            path=path_of(container, member),
        )
        return Piece((payload,), problems=problems)

    def read(
        self, container: Container, *, cursor: Mapping[str, Any] | None = None, batch_bytes: int | None = None
    ) -> Iterator[Batch]:
        """The archive from the cursor on; `cursor` counts members, and pieces of the member that is under way."""
        reader = self.opened(container)
        members = container.members
        total = sum(member.size for member in members)
        first, skip = int((cursor or {}).get("member", 0)), int((cursor or {}).get("piece", 0))
        done = sum(member.size for member in members[:first])
        open_batch = _OpenBatch(total, batch_bytes or BATCH_BYTES, done)
        for index in range(first, len(members)):
            member = members[index]
            taken = skip if index == first else 0
            for piece in reader._pieces(container, member, skip=taken):
                taken += 1
                open_batch.add(piece, self)
                if open_batch.is_full:
                    yield open_batch.close({"member": index, "piece": taken}, done, member.path)
            done += member.size
            open_batch.bytes += member.size
            if open_batch.is_full:
                yield open_batch.close({"member": index + 1, "piece": 0}, done, member.path)
        if open_batch.holds_news or first < len(members):
            yield open_batch.close({"member": len(members), "piece": 0}, total, "")

    def _pieces(self, container: Container, member: Member, *, skip: int) -> Iterator[_Told]:
        """The member's pieces after the first `skip`; what goes wrong becomes the problem of a last one."""
        number = 0
        try:
            pieces = self.pieces(container, member)
            if pieces is None:
                if not skip:
                    yield _Told(Piece(), kept=member.path)
                return
            for number, piece in enumerate(_small(pieces), start=1):
                if number > skip:
                    yield _Told(piece)
        except UnexpectedPayload as error:
            if number >= skip:
                yield _Told(Piece(problems=(_problem(container, member, str(error)),)), unreadable=True)
        except Exception as error:
            logger.exception("A member of an archive of %s could not be read", self.name)
            message = f"could not be read ({type(error).__name__}: {error})."
            if number >= skip:
                yield _Told(Piece(problems=(container.problem(member, message),)), unreadable=True)


@dataclass(frozen=True)
class _Told:
    """A piece, or what else there is to say of a member: that nobody reads it, or that it could not be read (on)."""

    piece: Piece
    kept: str = ""
    unreadable: bool = False


class _OpenBatch:
    """What has been read since the last batch."""

    def __init__(self, total: int, most_bytes: int, done: int) -> None:
        self._total, self._most_bytes = total, most_bytes
        self._clear()

    def _clear(self) -> None:
        self._payloads: list[RawPayload] = []
        self._samples: list[SampleTable] = []
        self._counts: Counter[str] = Counter()
        self._problems: list[Problem] = []
        self._kept: list[str] = []
        self.bytes = 0

    @property
    def holds_news(self) -> bool:
        return bool(self._payloads or self._samples or self._counts or self._problems or self._kept)

    @property
    def is_full(self) -> bool:
        return (
            len(self._payloads) >= BATCH_PAYLOADS
            or sum(len(payload.data) for payload in self._payloads) >= BATCH_PAYLOAD_BYTES
            or sum(len(table.columns) for table in self._samples) >= BATCH_ROWS
            or self.bytes >= self._most_bytes
        )

    def add(self, told: _Told, reader: ArchiveReader) -> None:
        piece = told.piece
        self._payloads += piece.payloads
        self._samples += piece.samples
        self._problems += piece.problems
        self._counts.update(piece.counts)
        self._counts.update(filter(None, map(reader.element_of_payload, piece.payloads)))
        if told.kept:
            self._kept.append(told.kept)
        if told.unreadable:
            self._counts.update({"file": 1, UNREADABLE + "file": 1})

    def close(self, cursor: Mapping[str, Any], done: int, path: str) -> Batch:
        batch = Batch(
            cursor=dict(cursor),
            done=done,
            total=self._total,
            doing=f"Reading {path.rsplit('/', 1)[-1]}"[:200] if path else "",
            samples=tuple(self._samples),
            payloads=tuple(self._payloads),
            counts=dict(self._counts),
            problems=tuple(self._problems),
            kept=tuple(self._kept),
        )
        self._clear()
        return batch


def _small(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """The pieces, those of many payloads as several: what is read at once is written in one short transaction."""
    for piece in pieces:
        first, rest = piece.payloads[:BATCH_PAYLOADS], piece.payloads[BATCH_PAYLOADS:]
        yield replace(piece, payloads=first) if rest else piece
        for start in range(0, len(rest), BATCH_PAYLOADS):
            yield Piece(rest[start : start + BATCH_PAYLOADS])


def contents(container: Container, member: Member, limit: int = MAX_WHOLE_BYTES) -> tuple[bytes, tuple[Problem, ...]]:
    """The member's bytes, unpacked where they are gzipped, and what was wrong with them.

    Raises UnexpectedPayload where there are none, or more than `limit`.
    """
    data, problem = container.read(member, limit)
    if problem and len(data) >= limit:
        raise UnexpectedPayload(f"is larger than {limit >> 20} MiB and was left unread.")
    problems = (problem,) if problem else ()
    if data.startswith(_GZIP):
        data, message = gunzipped(data, limit, container.limits)
        if message:
            problems = (*problems, container.problem(member, message))
    if not data:
        raise UnexpectedPayload(problems[0].message if problems else "is empty.")
    return data, problems


def head_of(container: Container, member: Member) -> bytes:
    """The first bytes of the member, unpacked where it is gzipped: enough to know what it is."""
    head = container.head(member, HEAD_BYTES)
    if not head.startswith(_GZIP):
        return head
    try:
        return zlib.decompressobj(31).decompress(head, HEAD_BYTES)
    except zlib.error:
        return b""


def gunzipped(data: bytes, limit: int, limits: Limits) -> tuple[bytes, str]:
    """What was packed, as far as it can be unpacked, and "" or what is wrong with it. Raises UnexpectedPayload."""
    most = min(limit, max(limits.max_ratio * len(data), RATIO_FLOOR_BYTES))
    pieces: list[bytes] = []
    length = at = 0
    machine = zlib.decompressobj(31)
    while at < len(data):
        try:
            piece = machine.decompress(data[at : at + _FEED_BYTES])
        except zlib.error:
            return b"".join(pieces), "is damaged; it is read up to there."
        at = min(at + _FEED_BYTES, len(data))
        pieces.append(piece)
        length += len(piece)
        if length > most:
            raise UnexpectedPayload(f"unpacks to more than {most >> 20} MiB and was left unread.")
        if machine.eof:
            # A packed file may hold several parts, one after the other.
            at -= len(machine.unused_data)
            if not data.startswith(_GZIP, at):
                return b"".join(pieces), ""
            machine = zlib.decompressobj(31)
    return b"".join(pieces), "is cut off; it is read up to there."


def _problem(container: Container, member: Member, message: str) -> Problem:
    """Of one member: the message either completes its name or is a sentence of its own."""
    if message[:1].islower():
        return container.problem(member, message)
    return replace(container.problem(member, ""), message=f"{member.path}: {message}")


def path_of(container: Container, member: Member) -> str:
    """What people know the member by."""
    return member.path if container.kind in ("zip", "gzip") else container.name
