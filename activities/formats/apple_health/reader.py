"""An Apple Health export, piece by piece: its XML first, then the routes and the other files that are records."""

from __future__ import annotations

import codecs
import hashlib
import queue
import re
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import numpy as np

from activities.domain.metrics import MetricTable
from activities.domain.parsed import Problem
from activities.domain.reading import Batch, RawPayload
from activities.formats.apple_health.blocks import HeadCache, Records, elements_of, tags_of
from activities.formats.apple_health.dates import date_ms, date_of, day_ms
from activities.formats.apple_health.elements import ROOT, Item, attributes_of, count_tags, next_item
from activities.formats.apple_health.identity import workout_identity
from activities.formats.apple_health.samples import QUANTITY, Gathered, number_of
from activities.formats.container import Container, Member, Stream, encoding_of, pieces_of, root_of

BLOCK_BYTES = 2 * 2**20
BATCH_BYTES = 6 * 2**20
# Blocks that are unpacked before they are asked for.
BLOCKS_AHEAD = 2
# A batch is handed on earlier when its payloads weigh so much.
PAYLOAD_BYTES = 8 * 2**20
# And when they are so many: what is stored of them goes into one transaction.
MAX_PAYLOADS = 32
# What an element of XML becomes on its way into rows, beside its own bytes.
ELEMENT_WEIGHT = 8
# A file beside the XML that is larger stays inside the export.
MAX_FILE_BYTES = 64 * 2**20
# So many members are looked into for an export's XML.
MAX_LOOKS = 500
# `Batch.counts` tells unreadable elements by tag under this prefix, beside their tag.
UNREADABLE = "unreadable:"

_FACTS_BYTES = 256 * 1024
_ROOT_BYTES = 1024
_STRETCH_BYTES = 64 * 1024
_ROOT_TAG = re.compile(rb"<!--.*?-->|<(?=%b[\s/>])" % ROOT.encode(), re.DOTALL)
_VERSION = re.compile(rb"HealthKit Export Version:\s*(\d+)")
_EXPORT_DATE = re.compile(rb"<ExportDate\s([^<>]*)>")
_ROOT_ATTRIBUTES = re.compile(rb"<%b\s([^<>]*)>" % ROOT.encode())
_VOLTAGE = re.compile(rb"-?\d+(?:[.,]\d+)?\s*")


@dataclass(frozen=True)
class ExportFacts:
    """What an export says of itself in its first lines; `version` is the format's, 0 where it is not told."""

    member: str
    export_date: datetime | None
    locale: str
    version: int


class _File(NamedTuple):
    """A file beside the XML: what it becomes, and its path as the XML names it."""

    member: Member
    kind: str
    content_type: str
    external_id: str


# --- what it is -----------------------------------------------------------------------------------
def is_export(container: Container) -> bool:
    """Whether an Apple Health export is in it: an XML with the root HealthData, under whatever name."""
    return bool(_documents(container))


def export_facts(container: Container) -> ExportFacts:
    """Its date, language and version, from the head of its first XML. Raises ValueError where it has none."""
    documents = _documents(container)
    if not documents:
        raise ValueError(f"{container.name} is no Apple Health export.")
    head = _head(container, documents[0])
    version, date, root = _VERSION.search(head), _EXPORT_DATE.search(head), _ROOT_ATTRIBUTES.search(head)
    return ExportFacts(
        member=documents[0].path,
        export_date=date_of(attributes_of(date.group(1)).get("value", "")) if date else None,
        locale=attributes_of(root.group(1)).get("locale", "") if root else "",
        version=int(version.group(1)) if version else 0,
    )


def route_id(path: str) -> str:
    """A route's external id from the path that a FileReference tells: always with one slash before it."""
    return "/" + path.strip().replace("\\", "/").lstrip("/")


def _documents(container: Container) -> list[Member]:
    if container.kind in ("gpx", "unknown"):
        return []
    likely = [each for each in container.members if PurePosixPath(each.path).suffix.lower() not in _KINDS]
    return [member for member in likely[:MAX_LOOKS] if root_of(container.head(member)) == ROOT]


def _head(container: Container, member: Member) -> bytes:
    head = container.head(member, _FACTS_BYTES)
    encoding = _encoding(head)
    return head.decode(encoding, "replace").encode() if encoding else head


def _encoding(head: bytes) -> str | None:
    """The encoding that has to be turned into UTF-8; None where it is that already."""
    told, _ = encoding_of(head)
    try:
        name = codecs.lookup(told).name
    except LookupError:
        return None
    # A file whose declaration can be read byte by byte is not UTF-16, whatever it declares.
    wide = name.startswith(("utf-16", "utf-32")) and told not in ("utf-16-le", "utf-16-be")
    return None if wide or name in ("utf-8", "ascii", "utf-8-sig") else name


def _files(container: Container, documents: list[Member]) -> tuple[list[_File], list[Member]]:
    """The files that become records of their own, and those that stay inside the export, both by path."""
    files: list[_File] = []
    kept: list[Member] = []
    folders = sorted((PurePosixPath(each.path).parent for each in documents), key=lambda p: len(p.parts), reverse=True)
    for member in sorted(container.members, key=lambda each: each.path):
        if member in documents:
            continue
        path = PurePosixPath(member.path)
        folder = next((each for each in folders if path.is_relative_to(each)), PurePosixPath())
        name = route_id(str(path.relative_to(folder)))
        kind = _KINDS.get(path.suffix.lower())
        if kind is None:
            kept.append(member)
        else:
            files.append(_File(member, *kind, name))
    return files, kept


_KINDS = {
    ".gpx": ("route", "application/gpx+xml"),
    ".csv": ("electrocardiogram", "text/csv"),
    ".json": ("clinical_record", "application/json"),
}


def _is_what_it_seems(file: _File, data: bytes) -> bool:
    match file.kind:
        case "route":
            return (root_of(data[:_ROOT_BYTES]) or root_of(data)) == "gpx"
        case "electrocardiogram":
            return bool(_VOLTAGE.fullmatch(data.rstrip().rsplit(b"\n", 1)[-1]))
        case _:
            return data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[")


# --- reading --------------------------------------------------------------------------------------
def read_export(
    container: Container,
    *,
    units: MetricTable,
    cursor: Mapping[str, Any] | None = None,
    batch_bytes: int = BATCH_BYTES,
    block_bytes: int = BLOCK_BYTES,
    fast: bool = True,
) -> Iterator[Batch]:
    """The whole export, or what comes after `cursor`, in batches of about `batch_bytes` of XML.

    Every element of the root becomes a sample, a payload or, where it cannot be read, a payload and a problem.
    `Batch.counts` tells the opening tags, nested ones too, and under `UNREADABLE` + tag those that could not be read.
    The last batch's cursor is {"phase": "end", "files_kept": [[path, bytes], ...]}: the files that stay inside the
    export only. Never raises for what is in the file. `fast=False` reads everything element by element.
    """
    documents = _documents(container)
    files, kept = _files(container, documents)
    total = sum(each.size for each in documents) + sum(each.member.size for each in files)
    cursor = cursor or {"phase": "xml", "index": 0, "offset": 0}
    facts = export_facts(container) if documents else None
    stated_at = facts.export_date if facts else None
    done = sum(each.size for each in documents[: cursor.get("index", 0)]) if cursor["phase"] == "xml" else 0

    if cursor["phase"] == "xml":
        for index in range(cursor["index"], len(documents)):
            member = documents[index]
            offset, closed = (cursor["offset"], cursor.get("closed", False)) if index == cursor["index"] else (0, False)
            document = _Document(container, member, units, stated_at, fast=fast, closed=closed)
            for batch in document.batches(offset, batch_bytes, block_bytes):
                here = {"phase": "xml", "index": index, "member": member.path, **batch.cursor}
                if batch.cursor.get("end"):
                    here = {"phase": "xml", "index": index + 1, "offset": 0}
                    if index + 1 == len(documents):
                        here = {"phase": "files", "index": 0}
                yield Batch(
                    cursor=here,
                    done=min(done + batch.done, total),
                    total=total,
                    doing=f"Reading {member.name}",
                    samples=batch.samples,
                    payloads=batch.payloads,
                    counts=batch.counts,
                    problems=batch.problems,
                )
            done += member.size
        cursor = {"phase": "files", "index": 0}
    if cursor["phase"] == "files":
        yield from _read_files(container, files, kept, cursor["index"], total, stated_at)


def _read_files(
    container: Container, files: list[_File], kept: list[Member], first: int, total: int, stated_at: datetime | None
) -> Iterator[Batch]:
    """The files beside the XML; each costs only itself."""
    done = total - sum(each.member.size for each in files[first:])
    payloads: list[RawPayload] = []
    problems: list[Problem] = []
    stay = [[each.path, each.size] for each in kept]
    weight = 0
    for index in range(first, len(files)):
        file = files[index]
        data, problem = container.read(file.member, MAX_FILE_BYTES)
        if problem:
            problems.append(problem)
        if data and _is_what_it_seems(file, data):
            payloads.append(RawPayload(file.kind, file.external_id, data, file.content_type, stated_at))
        else:
            stay.append([file.member.path, file.member.size])
        weight += len(data)
        done += file.member.size
        if (weight >= PAYLOAD_BYTES or len(payloads) >= MAX_PAYLOADS) and index + 1 < len(files):
            yield Batch(
                cursor={"phase": "files", "index": index + 1},
                done=done,
                total=total,
                doing=f"Reading {file.member.name}",
                payloads=tuple(payloads),
                problems=tuple(problems),
            )
            payloads, problems, weight = [], [], 0
    yield Batch(
        cursor={"phase": "end", "files_kept": stay},
        done=total,
        total=total,
        doing="Everything is read",
        payloads=tuple(payloads),
        problems=tuple(problems),
    )


class _Document:
    """One export.xml on its way through."""

    def __init__(
        self,
        container: Container,
        member: Member,
        units: MetricTable,
        stated_at: datetime | None,
        *,
        fast: bool,
        closed: bool,
    ) -> None:
        self._container, self._member, self._units, self._stated_at = container, member, units, stated_at
        self._fast = fast
        # Whether the root's closing tag was seen.
        self._closed = closed
        self._new_batch()

    def _new_batch(self) -> None:
        self._gathered = Gathered(self._units)
        self._heads = HeadCache()
        self._payloads: list[RawPayload] = []
        self._counts: Counter[str] = Counter()
        self._problems: list[Problem] = []
        self._weight = 0

    def batches(self, offset: int, batch_bytes: int, block_bytes: int) -> Iterator[Batch]:
        """Batches whose cursor tells the offset, or the end; counted from `offset`, which lies between two elements."""
        stream = self._container.open(self._member)
        with closing(stream), closing(_ReadAhead(stream, offset, block_bytes)) as pieces:
            buffer, base, last = b"", offset, offset
            for piece in chain(pieces, [None]):
                buffer += piece or b""
                while True:
                    start = self._prolog(buffer) if not base else 0
                    position = self._consume(buffer, start, base, at_end=piece is None)
                    buffer, base = buffer[position:], base + position
                    is_full = self._is_full
                    if is_full or (piece is not None and base - last >= batch_bytes):
                        last = base
                        yield self._batch({"offset": base, "closed": self._closed}, base)
                    if not is_full:
                        break
            problem = stream.problem
            if problem:
                self._problems.append(problem)
            elif not self._closed:
                self._problems.append(self._problem(base + len(buffer), "the file is cut off; all before was read"))
            yield self._batch({"end": True}, max(self._member.size, base))

    @property
    def _is_full(self) -> bool:
        """Whether the batch has to be handed on before anything else is read."""
        return self._weight >= PAYLOAD_BYTES or len(self._payloads) >= MAX_PAYLOADS

    def _batch(self, cursor: Mapping[str, Any], done: int) -> Batch:
        batch = Batch(
            cursor=cursor,
            done=done,
            total=self._member.size,
            samples=self._gathered.tables(),
            payloads=tuple(self._payloads),
            counts=dict(self._counts),
            problems=tuple(self._problems),
        )
        self._new_batch()
        return batch

    def _prolog(self, data: bytes) -> int:
        """Where the root begins: what stands before it, its document type above all, is passed over unread."""
        return next((match.start() for match in _ROOT_TAG.finditer(data) if match.group() == b"<"), 0)

    def _consume(self, data: bytes, position: int, base: int, *, at_end: bool) -> int:
        """Read whole elements from `position` on, until the batch is full; where the first that was not read begins."""
        stretch = 0
        while position < len(data) and not self._is_full:
            if self._fast and stretch <= _STRETCH_BYTES << 8:
                reached, deviates = self._read_fast(data, position, base)
                if not deviates and reached > position and not at_end:
                    return reached
                stretch = _STRETCH_BYTES if reached - position > stretch else stretch * 2 or _STRETCH_BYTES
                position = reached
            until = min(position + stretch, len(data)) if self._fast else len(data)
            while position < until and not self._is_full:
                item = next_item(data, position, at_end=at_end)
                if item is None:
                    return position
                self._take(data, item, base)
                position = item.end
        return position

    def _read_fast(self, data: bytes, position: int, base: int) -> tuple[int, bool]:
        """Read elements by the column; how far that went, and whether something deviating stands there."""
        block = np.frombuffer(data, np.uint8)[position:]
        tags = tags_of(block)
        elements = elements_of(tags)
        records = Records(block, tags, elements, self._heads, self._gathered)
        until = len(elements.first)
        reached = position + int(tags.end[elements.last[-1]]) + 1 if until else position
        deviates = tags.deviates
        for index in np.flatnonzero(~records.good).tolist():
            start = position + int(tags.start[elements.first[index]])
            item = next_item(data, start, at_end=True)
            if item is None or item.kind != "element" or item.end != position + int(tags.end[elements.last[index]]) + 1:
                until, reached, deviates = index, start, True
                break
            self._take(data, item, base)
            if self._is_full:
                until, reached, deviates = index + 1, item.end, False
                break
        self._gathered.add_rows(records.rows(until))
        self._counts.update(records.counts(until))
        return reached, deviates

    # --- one element ------------------------------------------------------------------------------
    def _take(self, data: bytes, item: Item, base: int) -> None:
        if item.kind == "skipped":
            self._closed |= item.tag == ROOT
            return
        if item.kind == "root":
            self._counts[ROOT] += 1
            self._keep("element", item.tag, data[item.start : item.end])
            return
        count_tags(data[item.start : item.end], self._counts)
        if item.kind == "broken":
            self._unreadable(data, item, base, "has no proper beginning or end")
            if item.tag == "Correlation" and item.open_end:
                self._correlated(data, item, base)
            return
        match item.tag:
            case "Record":
                self._record(data, item, base)
            case "Correlation":
                self._correlation(data, item, base)
            case "ActivitySummary":
                self._activity_summary(data, item, base)
            case "Workout":
                self._workout(data, item, base)
            case tag:
                self._keep("element", tag, data[item.start : item.end])

    def _record(self, data: bytes, item: Item, base: int) -> None:
        attributes = attributes_of(item.attributes)
        told = attributes.get("value", "")
        value = number_of(told)
        text = told if value is None else ""
        if text and attributes.get("type", "").startswith(QUANTITY):
            self._unreadable(data, item, base, f"has a value that is no number: {told[:40]!r}")
            return
        self._sample(data, item, base, attributes, value, text)

    def _sample(
        self, data: bytes, item: Item, base: int, attributes: dict[str, str], value: float | None = None, text: str = ""
    ) -> None:
        start = date_ms(attributes.get("startDate", ""))
        end = date_ms(attributes.get("endDate", "")) if "endDate" in attributes else start
        if start is None or end is None:
            self._unreadable(data, item, base, "has no date that can be read")
        elif not attributes.get("type"):
            self._unreadable(data, item, base, "does not say what it is")
        else:
            inner = data[item.open_end : item.inner_end]
            self._gathered.add(self._gathered.head(attributes), start, end, value, text, inner)

    def _correlation(self, data: bytes, item: Item, base: int) -> None:
        self._sample(data, item, base, attributes_of(item.attributes))
        self._correlated(data, item, base)

    def _correlated(self, data: bytes, item: Item, base: int) -> None:
        """The Records of a Correlation are samples of their own; they are told once more beside it."""
        inner = data[item.open_end : item.inner_end]
        position = 0
        while position < len(inner) and (nested := next_item(inner, position, at_end=True)):
            if nested.tag == "Record" and nested.kind == "element":
                self._record(inner, nested, base + item.open_end)
            elif nested.tag == "Record" and nested.kind == "broken":
                self._unreadable(inner, nested, base + item.open_end, "has no proper beginning or end")
            position = nested.end

    def _activity_summary(self, data: bytes, item: Item, base: int) -> None:
        day = day_ms(attributes_of(item.attributes).get("dateComponents", ""))
        if day is None:
            self._unreadable(data, item, base, "has no date that can be read")
            return
        self._gathered.add(self._gathered.head({"type": item.tag}), day, day, None, "", item.attributes)

    def _workout(self, data: bytes, item: Item, base: int) -> None:
        attributes = attributes_of(item.attributes)
        start, end = date_ms(attributes.get("startDate", "")), date_ms(attributes.get("endDate", ""))
        if start is None or end is None:
            self._unreadable(data, item, base, "has no date that can be read")
        else:
            self._payload("workout", workout_identity(attributes), data[item.start : item.end])

    # --- what is kept as it is ----------------------------------------------------------------------
    def _keep(self, kind: str, tag: str, data: bytes) -> None:
        self._payload(kind, f"{tag[:80]}-{hashlib.sha256(data).hexdigest()[:16]}", data)

    def _payload(self, kind: str, external_id: str, data: bytes) -> None:
        self._weight += ELEMENT_WEIGHT * len(data)
        self._payloads.append(RawPayload(kind, external_id, data, "application/xml", self._stated_at))

    def _unreadable(self, data: bytes, item: Item, base: int, why: str) -> None:
        self._keep("element", f"unreadable-{item.tag or 'text'}", data[item.start : item.end])
        if item.tag:
            self._counts[UNREADABLE + item.tag] += 1
        self._problems.append(self._problem(base + item.start, f"<{item.tag}> {why}"))

    def _problem(self, offset: int, what: str) -> Problem:
        return self._container.problem(self._member, f"at byte {offset:,}: {what}.")


class _ReadAhead:
    """The stream's bytes from `offset` on, in UTF-8, unpacked by a thread that keeps a few blocks ahead."""

    def __init__(self, stream: Stream, offset: int, block_bytes: int) -> None:
        self._stream, self._offset, self._block_bytes = stream, offset, block_bytes
        self._ready: queue.Queue[bytes | BaseException | None] = queue.Queue(BLOCKS_AHEAD)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="read-ahead", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[bytes]:
        while (piece := self._ready.get()) is not None:
            if isinstance(piece, BaseException):
                raise piece
            yield piece

    def close(self) -> None:
        self._stop.set()
        while self._thread.is_alive():
            try:
                self._ready.get(timeout=0.01)
            except queue.Empty:
                continue
        self._thread.join()

    def _run(self) -> None:
        try:
            for piece in self._pieces():
                self._put(piece)
                if self._stop.is_set():
                    return
            self._put(None)
        except BaseException as error:  # told to whoever iterates
            self._put(error)

    def _put(self, piece: bytes | BaseException | None) -> None:
        while not self._stop.is_set():
            try:
                self._ready.put(piece, timeout=0.1)
                return
            except queue.Full:
                continue

    def _pieces(self) -> Iterator[bytes]:
        skip = self._offset
        for piece in self._transcoded():
            if skip >= len(piece):
                skip -= len(piece)
            else:
                yield piece[skip:] if skip else piece
                skip = 0

    def _transcoded(self) -> Iterator[bytes]:
        pieces = pieces_of(self._stream, self._block_bytes)
        first = next(pieces, b"")
        encoding = _encoding(first[:1024])
        if encoding is None:
            yield first
            yield from pieces
            return
        decoder = codecs.getincrementaldecoder(encoding)("replace")
        yield decoder.decode(first).encode()
        for piece in pieces:
            yield decoder.decode(piece).encode()
        yield decoder.decode(b"", final=True).encode()
