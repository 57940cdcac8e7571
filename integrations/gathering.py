"""Payloads and sample tables on their way into the pieces of an archive's member."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from activities.domain.parsed import Problem
from activities.domain.reading import DeviceFacts, RawPayload, SampleTable
from activities.formats.container import Container, Member, Stream
from integrations.archives import Piece, path_of
from integrations.errors import UnexpectedPayload
from integrations.told import MAX_CELL, sample_table

T = TypeVar("T")

PIECE_PAYLOADS = 200
PIECE_BYTES = 4 << 20
PIECE_ROWS = 50_000
# So much of a list is looked at at a time, and so long may one element of it be (both in characters).
_LOOK = 1 << 20
MAX_ELEMENT = 64 << 20
# Why rows become no samples; each completes the name of their member.
UNREADABLE_ROWS = "holds rows whose time or value cannot be read."
HOMELESS_ROWS = "tells local times, and nothing in the export tells where: they are left in it."
_OPENS = re.compile(r"\s*\[\s*")
_NEXT = re.compile(r"\s*(?:,\s*|(?=\]))")


def in_pieces(payloads: Iterator[RawPayload], problems: Sequence[Problem] = ()) -> Iterator[Piece]:
    """The payloads in pieces of bounded size; those before a payload that cannot be read are handed on first."""
    if problems:
        yield Piece(problems=tuple(problems))
    waiting: list[RawPayload] = []
    size = 0
    try:
        for payload in payloads:
            waiting.append(payload)
            size += len(payload.data)
            if len(waiting) >= PIECE_PAYLOADS or size >= PIECE_BYTES:
                yield Piece(tuple(waiting))
                waiting, size = [], 0
    except UnexpectedPayload:
        if waiting:
            yield Piece(tuple(waiting))
        raise
    if waiting:
        yield Piece(tuple(waiting))


class Samples:
    """Samples of several metrics and devices, told one by one, handed on as pieces of bounded size."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, DeviceFacts], list[tuple[int, int, float]]] = {}
        self._count = 0
        self._left: Counter[str] = Counter()
        self._problems: list[Problem] = []

    def add(self, metric: str, device: DeviceFacts, start_ms: int, end_ms: int, value: float) -> None:
        self._rows.setdefault((metric, device), []).append((start_ms, end_ms, value))
        self._count += 1

    def leave(self, message: str, count: int = 1) -> None:
        """Note rows that become no samples: the message completes the member's name."""
        self._left[message] += count

    def note(self, problem: Problem) -> None:
        """Note what else is wrong, for the next piece."""
        self._problems.append(problem)

    @property
    def is_full(self) -> bool:
        return self._count >= PIECE_ROWS

    def pieces(self, container: Container, member: Member) -> Iterator[Piece]:
        """All that was told since the last piece, and what was left."""
        yield self.piece()
        for message, count in sorted(self._left.items()):
            yield from left(container, member, message, count)
        self._left.clear()

    def piece(self) -> Piece:
        """All that was told since the last piece."""
        tables = []
        for (metric, device), rows in sorted(self._rows.items(), key=lambda item: (item[0][0], item[0][1].key)):
            start, end, value = zip(*rows, strict=True)
            table = sample_table(
                metric, device, np.array(start, np.int64), np.array(end, np.int64), np.array(value, np.float64)
            )
            if table is not None:
                tables.append(table)
        problems = tuple(self._problems)
        self._rows, self._count, self._problems = {}, 0, []
        return replace(piece_of(tables), problems=problems)


def sampled(
    container: Container, member: Member, rows: Iterable[T], add: Callable[[Samples, T], None]
) -> Iterator[Piece]:
    """The samples that `add` makes of the rows; where these break off, all before are handed on first."""
    samples = Samples()
    try:
        for row in rows:
            add(samples, row)
            if samples.is_full:
                yield samples.piece()
    except UnexpectedPayload:
        yield from samples.pieces(container, member)
        raise
    yield from samples.pieces(container, member)


def left(container: Container, member: Member, message: str, count: int) -> Iterator[Piece]:
    """Says how many entries of the member are left in the export, if any; the message completes the member's name."""
    if count:
        yield Piece(problems=(Problem(path_of(container, member), f"{member.path} {message}", count),))


def piece_of(tables: Iterable[SampleTable | None]) -> Piece:
    """A piece of these samples, counted."""
    told = tuple(table for table in tables if table is not None)
    rows = sum(len(table.columns) for table in told)
    return Piece(samples=told, counts={"sample": rows} if rows else {})


class _Raw(io.RawIOBase):
    """A member's stream as a file that only goes forward."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        view = memoryview(buffer)
        data = self._stream.read(len(view))
        view[: len(data)] = data
        return len(data)


def table_rows(
    container: Container, member: Member, *, skip_lines: int = 0, bare: Callable[[str], str] = str
) -> Iterator[dict[str, str]]:
    """The rows of a CSV of any size, by column, one at a time; cells beyond the header are left out.

    `bare` makes the names of the columns; where it gives one name twice, the cell that tells something wins.

    Raises UnexpectedPayload where it cannot be read on, after all rows before.
    """
    lines = table_lines(container, member, skip_lines=skip_lines)
    header = [bare(name.strip()) for name in next(lines, [])]
    are_unique = len(set(header)) == len(header)
    for cells in lines:
        if any(cells):
            row = zip(header, [*cells, *[""] * (len(header) - len(cells))], strict=False)
            yield dict(row) if are_unique else _joined(row)


def table_lines(container: Container, member: Member, *, skip_lines: int = 0) -> Iterator[list[str]]:
    """The lines of a CSV of any size as cells, the header first.

    Raises UnexpectedPayload where it cannot be read on, after all lines before.
    """
    csv.field_size_limit(MAX_CELL)
    stream = container.open(member)
    lines = _text_of(stream, "replace")
    for _ in range(skip_lines):
        lines.readline()
    reader = csv.reader(line.replace("\0", "") for line in lines)
    try:
        yield from reader
    except csv.Error as error:
        raise UnexpectedPayload(f"This table cannot be read on from line {reader.line_num}: {error}.") from error
    _check(stream, member)


def list_elements(container: Container, member: Member, *, key: str = "") -> Iterator[tuple[bytes, Any]]:
    """The elements of a JSON list of any size, each as its own bytes and as a value, one at a time.

    The list is the document, or what an object holds under `key`. Raises UnexpectedPayload where it breaks off, after
    all elements before.
    """
    stream = container.open(member)
    words = _Words(stream)
    try:
        yield from _elements(words, key)
    except UnicodeDecodeError as error:
        raise UnexpectedPayload("This is not text, so it cannot be read as JSON.") from error
    except UnexpectedPayload:
        _check(stream, member)  # where it was cut off says more
        raise
    while stream.read(_LOOK):
        pass
    _check(stream, member)


class _Words:
    """The text of a stream from where reading stands, as far as it has been fetched; `passed` is what lies before."""

    def __init__(self, stream: Stream) -> None:
        self._file = _text_of(stream, "strict")
        self.fetched, self.at, self.passed = "", 0, 0
        self.is_whole = False

    @property
    def position(self) -> int:
        return self.passed + self.at

    def fetch(self) -> None:
        """Drop what has been read and fetch as much again as is waiting: a long element is tried only a few times."""
        waiting = self.fetched[self.at :]
        self.passed, self.at = self.position, 0
        fresh = self._file.read(max(_LOOK, len(waiting)))
        self.fetched, self.is_whole = waiting + fresh, not fresh

    def skip(self, pattern: re.Pattern[str]) -> bool:
        """Go behind the pattern; whether it stands here. What the fetched text ends with may go on, so it waits."""
        while True:
            match = pattern.match(self.fetched, self.at)
            if self.is_whole or (match and match.end() < len(self.fetched)):
                self.at = match.end() if match else self.at
                return match is not None
            if len(self.fetched) - self.at >= (MAX_ELEMENT if match else _LOOK):
                return False
            self.fetch()


def _elements(words: _Words, key: str) -> Iterator[tuple[bytes, Any]]:
    decoder = json.JSONDecoder()
    opens = re.compile(rf'.*?"{re.escape(key)}"\s*:\s*\[\s*', re.DOTALL) if key else _OPENS
    if not words.skip(opens):
        raise UnexpectedPayload("A list was expected here.")
    while not words.fetched.startswith("]", words.at):
        try:
            value, end = decoder.raw_decode(words.fetched, words.at)
        except (ValueError, RecursionError) as error:
            if not words.is_whole and len(words.fetched) - words.at < MAX_ELEMENT:
                words.fetch()
                continue
            raise UnexpectedPayload(f"This list breaks off at character {words.position:,}.") from error
        if end == len(words.fetched) and not words.is_whole:
            words.fetch()  # a number may go on
            continue
        told, words.at = words.fetched[words.at : end].encode(), end
        yield told, value
        if not words.skip(_NEXT):
            raise UnexpectedPayload(f"This list breaks off at character {words.position:,}.")


def _text_of(stream: Stream, errors: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BufferedReader(_Raw(stream), 1 << 20), "utf-8-sig", errors, newline="")


def _check(stream: Stream, member: Member) -> None:
    """Raises UnexpectedPayload where the member could not be read to its end."""
    if stream.problem:
        raise UnexpectedPayload(stream.problem.message.removeprefix(f"{member.path} "))


def _joined(cells: Iterable[tuple[str, str]]) -> dict[str, str]:
    row: dict[str, str] = {}
    for name, value in cells:
        if value.strip() or name not in row:
            row[name] = value
    return row
