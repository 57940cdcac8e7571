"""The recorded points of a TCX or GPX file, by the column, and around them the file's other elements as small trees.

A track of some thousand points is nearly all of such a file. The tracks are cut out, read with whole-array work where
they are written as nearly all files write them and one point at a time where they are not; what is left is short. Both
ways give the same, and no tree of the whole file is ever held.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from lxml import etree  # type: ignore[import-untyped]

from activities.formats.columns import Bytes, Floats, Ints, encoded, equals, numbers, places_of, slices

# `time_ms` of a point that tells no time, or none between FIRST_MS and LAST_MS.
NO_TIME = int(np.iinfo(np.int64).min)
FIRST_MS = int(datetime(1900, 1, 1, tzinfo=UTC).timestamp()) * 1000
LAST_MS = int(datetime(2200, 1, 1, tzinfo=UTC).timestamp()) * 1000
# Bytes of a track that are worked on at a time, for the sake of memory.
PIECE_BYTES = 1 << 22
# Elements outside of points that are held at a time; what is beyond is left out.
NODES_MAX = 200_000
TEXT_MAX = 100_000
# Elements inside elements, and wanted elements of one file, that are looked at.
DEPTH_MAX = 60
WANTED_MAX = 100_000
_FEED_BYTES = 1 << 16
# Different tags, and elements inside elements, that the points of a sound file have at most.
_TAGS_MAX = 500
_DEPTH_MAX = 8
# Stretches that are read together.
_RUNS_MAX = 1000
_RUN = "trainstack.run"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True)
class Dialect:
    """How a format names things. `columns` is told by names in lower case without prefix, "parent/child" where one
    name alone would not do; `time` likewise."""

    track: str
    point: str
    time: str
    columns: Mapping[str, str]
    # Elements that are handed out as trees, and those that never stand inside their like.
    wanted: frozenset[str]
    never_nested: frozenset[str]
    # What cannot stand inside a track: it was never closed.
    foreign: tuple[bytes, ...]
    # Elements that nobody asks for, of which there may be very many.
    dropped: frozenset[str] = frozenset()
    # Whether a point's attributes `lat` and `lon` tell where it is.
    positions: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        positions = ("latitude", "longitude") if self.positions else ()
        return tuple(dict.fromkeys((*positions, *self.columns.values())))


@dataclass(frozen=True, eq=False)
class Points:
    """Points in the order of the file: milliseconds since 1970 (or NO_TIME), and columns in which NaN is "not told".

    `offset_s` is the offset from UTC that the first time tells; `zoneless` whether a time tells no zone (taken as UTC).
    """

    time_ms: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    columns: Mapping[str, Floats] = field(default_factory=dict)
    offset_s: int | None = None
    zoneless: bool = False

    def __len__(self) -> int:
        return len(self.time_ms)

    def column(self, name: str) -> Floats:
        """The column, all NaN where no point tells it."""
        found = self.columns.get(name)
        return np.full(len(self), np.nan) if found is None else found

    def part(self, first: int, end: int) -> Points:
        """The points from one to before another."""
        columns = {name: column[first:end] for name, column in self.columns.items()}
        return Points(self.time_ms[first:end], columns, self.offset_s, self.zoneless)

    @classmethod
    def joined(cls, parts: list[Points]) -> Points:
        """The points of all parts, one part after the other."""
        parts = [part for part in parts if len(part)]
        if len(parts) < 2:
            return parts[0] if parts else cls()
        names = dict.fromkeys(name for part in parts for name in part.columns)
        return cls(
            np.concatenate([part.time_ms for part in parts]),
            {name: np.concatenate([part.column(name) for part in parts]) for name in names},
            next((part.offset_s for part in parts if part.offset_s is not None), None),
            any(part.zoneless for part in parts),
        )


class Node:
    """An element: local name, attributes by local name, its own text, and what is inside. Points are no children."""

    __slots__ = ("attributes", "children", "name", "runs", "text")

    def __init__(self, name: str, attributes: Mapping[str, str]) -> None:
        self.name = name
        self.attributes = attributes
        self.text = ""
        self.children: list[Node] = []
        # Of a track: stretches of points, still to be read, or rows that were.
        self.runs: list[_Run | list[Row]] = []

    def all(self, *names: str) -> list[Node]:
        """The children of these names."""
        return [child for child in self.children if child.name in names]

    def find(self, *path: str) -> Node | None:
        """The first element down this path."""
        node: Node | None = self
        for name in path:
            node = next((child for child in node.children if child.name == name), None) if node else None
        return node

    def tell(self, *path: str) -> str:
        """The words of the first element down this path, without white space around; empty where there is none."""
        node = self.find(*path)
        return node.text.strip() if node else ""

    def number(self, *path: str) -> float | None:
        """The finite number that the first element down this path tells."""
        told = number_of(self.tell(*path))
        return None if math.isnan(told) else told

    def walk(self) -> Iterator[Node]:
        """The element and all that are inside, in the order of the file."""
        yield self
        for child in self.children:
            yield from child.walk()


# Start and end of a stretch of the text that holds points.
_Run = tuple[int, int]
# Time as told, and the columns by their place in `Dialect.names`.
Row = tuple[str, list[float]]


class Reading:
    """One file while it is read. `text` as `xml_text.plain_text` gives it."""

    def __init__(self, text: bytes, dialect: Dialect) -> None:
        self.text = text
        self.dialect = dialect
        # Whether elements had to be left out because there were too many.
        self.overfull = False
        # Where the tracks' points stand, in the order of the file, and of those that were read already the points.
        self._runs: list[_Run] = []
        self._read: dict[_Run, Points] = {}
        # How many of the first stretches can only be read one by one.
        self._singly = 0

    def elements(self) -> Iterator[Node]:
        """The wanted elements, each once it is complete, or at the end of a file that is cut off."""
        outline, runs = _cut(self.text, self.dialect)
        self._runs = list(runs.values())
        for count, node in enumerate(_parse(outline, self.dialect, runs, self)):
            if count == WANTED_MAX:
                self.overfull = True
                break
            yield node

    def points(self, track: Node) -> Points:
        """The points of one track element."""
        parts: list[Points] = []
        for run in track.runs:
            if isinstance(run, list):
                parts.append(_columns(run, self.dialect))
            else:
                if run not in self._read:
                    self._read_ahead(run)
                found = self._read.pop(run, None)
                parts += [found] if found else _points(self.text, *run, self.dialect)
        return Points.joined(parts)

    def _read_ahead(self, first: _Run) -> None:
        """Read this stretch together with those behind it, as many as fit: most of the time goes per stretch."""
        at = bisect_left(self._runs, first)
        if at < self._singly:
            return
        some: list[_Run] = []
        size = 0
        for start, end in self._runs[at : at + _RUNS_MAX]:
            size += end - start
            if size > PIECE_BYTES or end == len(self.text):
                break
            some.append((start, end))
        read = _placed(b"".join(self.text[start:end] for start, end in some), self.dialect) if len(some) > 1 else None
        if read:
            points, places = read
            edges = np.cumsum([0, *(end - start for start, end in some)])
            rows = np.searchsorted(places, edges)
            self._read = {run: points.part(rows[n], rows[n + 1]) for n, run in enumerate(some)}
        else:
            self._singly = at + len(some)


def number_of(told: str | None) -> float:
    """The finite number that the text is, NaN for all else."""
    if not told:
        return math.nan
    try:
        value = float(told)
    except ValueError:
        try:
            value = float(told.replace(",", "."))
        except ValueError:
            return math.nan
    return value if math.isfinite(value) else math.nan


def time_of(told: str) -> tuple[int, int | None, bool] | None:
    """Milliseconds since 1970, the offset from UTC where one is told (Z and +00:00 tell none), whether no zone is."""
    try:
        time = datetime.fromisoformat(told.strip())
        if time.tzinfo is None:
            time_ms, offset_s = (time.replace(tzinfo=UTC) - _EPOCH) // _MILLISECOND, None
        else:
            time_ms, offset_s = (time - _EPOCH) // _MILLISECOND, _offset_s(time)
    except (ValueError, OverflowError):
        return None
    return (time_ms, offset_s or None, time.tzinfo is None) if FIRST_MS <= time_ms < LAST_MS else None


def _offset_s(time: datetime) -> int | None:
    offset = time.utcoffset()
    return round(offset.total_seconds()) if offset is not None else None


# --- cutting the tracks out -------------------------------------------------------------------------
def _cut(text: bytes, dialect: Dialect) -> tuple[bytes, dict[str, _Run]]:
    """The text with each track's points replaced by a mark, and where each mark's points stand."""
    tag = dialect.track.encode() + b">"
    is_tag = re.compile(rb"/?(?:[\w.\-]+:)?" + tag)
    at = 0
    kept: list[bytes] = []
    runs: dict[str, _Run] = {}
    opened = None
    found = text.find(tag)
    while found >= 0:
        begin, end = text.rfind(b"<", max(found - 40, 0), found), found + len(tag)
        if begin >= 0 and is_tag.fullmatch(text, begin + 1, end):
            if text[begin + 1] != ord("/"):
                opened = end
            elif opened is not None:
                at = _take(text, opened, begin, at, kept, runs, dialect)
                opened = None
        found = text.find(tag, end)
    if opened is not None:
        at = _take(text, opened, len(text), at, kept, runs, dialect)
    return b"".join([*kept, text[at:]]), runs


def _take(
    text: bytes, start: int, end: int, at: int, kept: list[bytes], runs: dict[str, _Run], dialect: Dialect
) -> int:
    """Note one stretch of points; the place from which on the text is still to be kept."""
    if start == end or any(text.find(foreign, start, end) >= 0 for foreign in dialect.foreign):
        return at
    mark = str(len(runs))
    runs[mark] = (start, end)
    kept += [text[at:start], f'<{_RUN} at="{mark}"/>'.encode()]
    return end


# --- the outline ------------------------------------------------------------------------------------
class _Target:
    """Hears the parser and builds the wanted elements."""

    def __init__(self, dialect: Dialect, runs: dict[str, _Run], reading: Reading | None) -> None:
        self.dialect = dialect
        self.runs = runs
        self.reading = reading
        self.done: list[Node] = []
        self.stack: list[Node] = []
        # How many of the stack, from the bottom, are not inside a wanted element.
        self.outside = 0
        self.nodes = 0
        # Open elements that are too deep to be looked at.
        self.buried = 0

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if len(self.stack) >= DEPTH_MAX:
            self.buried += 1
            return
        name = local_name(tag)
        if name == _RUN:
            run = self.runs.pop(attributes.get("at", ""), None)
            if run and self.stack:
                self.stack[-1].runs.append(run)
        elif name in self.dialect.never_nested and any(node.name == name for node in reversed(self.stack)):
            self._close(name)
        node = Node(name, {local_name(key): value for key, value in attributes.items()})
        if self.outside == len(self.stack) and name not in self.dialect.wanted:
            self.outside += 1
        self.stack.append(node)

    def data(self, text: str) -> None:
        if len(self.stack) > self.outside and not self.buried and len(self.stack[-1].text) < TEXT_MAX:
            self.stack[-1].text += text[:TEXT_MAX]

    def end(self, tag: str) -> None:
        if self.buried:
            self.buried -= 1
            return
        name = local_name(tag)
        if any(node.name == name for node in reversed(self.stack)):
            self._close(name)

    def close(self) -> None:
        if self.stack:
            self.stack[-1].text = ""  # half a number is another number
        while self.stack:
            self._close(self.stack[-1].name)

    def _close(self, name: str) -> None:
        """Close the innermost element of this name, and all that are still open inside it."""
        closed = None  # a tag that is cut off may have no name at all
        while closed != name:
            node = self.stack.pop()
            closed = node.name
            inside = len(self.stack) > self.outside
            if len(self.stack) < self.outside:
                self.outside = len(self.stack)
            elif not inside:
                self.done.append(node)
                self.nodes = 0
            elif closed == self.dialect.point:
                if not self.stack[-1].runs or not isinstance(self.stack[-1].runs[-1], list):
                    self.stack[-1].runs.append([])
                self.stack[-1].runs[-1].append(_row(node, self.dialect))  # type: ignore[union-attr]
            elif closed != _RUN and closed not in self.dialect.dropped:
                self.nodes += 1
                if self.nodes <= NODES_MAX:
                    self.stack[-1].children.append(node)
                elif self.reading:
                    self.reading.overfull = True


def _parse(text: bytes, dialect: Dialect, runs: dict[str, _Run], reading: Reading | None) -> Iterator[Node]:
    target = _Target(dialect, runs, reading)
    parser = etree.XMLParser(target=target, recover=True, resolve_entities=False, no_network=True, load_dtd=False)
    try:
        for start in range(0, len(text), _FEED_BYTES):
            parser.feed(text[start : start + _FEED_BYTES])
            yield from target.done
            target.done.clear()
        parser.close()
    except etree.XMLSyntaxError:
        pass  # beyond recovery: what was read stands
    target.close()
    yield from target.done


def local_name(tag: str) -> str:
    """The name without namespace and prefix."""
    return tag.rpartition("}")[2].rpartition(":")[2]


# --- one point at a time ----------------------------------------------------------------------------
def _row(point: Node, dialect: Dialect) -> Row:
    """What one point tells; where something is told twice, the first number counts."""
    names = dialect.names
    told = [math.nan] * len(names)
    if dialect.positions:
        told[:2] = number_of(point.attributes.get("lat")), number_of(point.attributes.get("lon"))
    time = ""

    def read(node: Node, parent: str) -> None:
        nonlocal time
        for child in node.children:
            name = child.name.lower()
            if child.children:
                read(child, name)
            elif name == dialect.time:
                time = time or child.text.strip()
            else:
                column = dialect.columns.get(name) or dialect.columns.get(f"{parent}/{name}")
                if column and math.isnan(told[names.index(column)]):
                    told[names.index(column)] = number_of(child.text)

    read(point, point.name.lower())
    return time, told


def _columns(rows: list[Row], dialect: Dialect) -> Points:
    times = [time_of(told) for told, _ in rows]
    known = [time for time in times if time]
    return Points(
        np.array([NO_TIME if time is None else time[0] for time in times], np.int64),
        dict(zip(dialect.names, np.array([told for _, told in rows], np.float64).reshape(len(rows), -1).T, strict=True))
        if rows
        else {},
        next((time[1] for time in known), None),
        any(time[2] for time in known),
    )


def _slowly(text: bytes, dialect: Dialect, *, cut_off: bool = False) -> Points:
    track = dialect.track.encode()
    closing = b"" if cut_off else b"</%b>" % track
    nodes = list(_parse(b"<%b>%b%b" % (track, text, closing), _only_tracks(dialect), {}, None))
    return Points.joined([_columns(run, dialect) for node in nodes for run in node.runs if isinstance(run, list)])


def _only_tracks(dialect: Dialect) -> Dialect:
    return replace(dialect, wanted=frozenset({dialect.track}))


# --- by the column ----------------------------------------------------------------------------------
def _points(text: bytes, start: int, end: int, dialect: Dialect) -> Iterator[Points]:
    """The points of a stretch, piece by piece, each piece ending where a point does."""
    opening = b"<" + dialect.point.encode()
    cut_off = end == len(text)
    if cut_off:  # its last point is read by itself
        end = max(text.rfind(opening, start), start)
    while start < end:
        cut = end
        if end - start > PIECE_BYTES:
            before = text.rfind(opening, start + 1, start + PIECE_BYTES)
            cut = before if before > 0 else end
        piece = text[start:cut]
        yield _fast(piece, dialect) or _slowly(piece, dialect)
        start = cut
    if cut_off:
        yield _slowly(text[end:], dialect, cut_off=True)


def _fast(text: bytes, dialect: Dialect) -> Points | None:
    """The points, where the text is plain elements throughout; None where it may not be."""
    read = _placed(text, dialect)
    return read[0] if read else None


def _placed(text: bytes, dialect: Dialect) -> tuple[Points, Ints] | None:
    """The same, and where in the text each point begins."""
    if b"&" in text:
        return None
    block = np.frombuffer(text, np.uint8)
    begins, ends = places_of(block, ord("<")), places_of(block, ord(">"))
    if not len(begins):
        return Points(), begins
    if len(begins) != len(ends) or (begins >= ends).any() or (ends[:-1] >= begins[1:]).any():
        return None
    tags = _Tags.of(block, begins, ends, dialect)
    if tags is None or not tags.nested():
        return None
    point = tags.names.index(dialect.point) if dialect.point in tags.names else -1
    top = (tags.step >= 0) & (tags.before == 0)
    is_point = top & (tags.which == point)
    if ((tags.which == point) & (tags.step >= 0) & ~top).any():
        return None
    rows = np.cumsum(is_point) - 1
    count = int(is_point.sum())
    inside = np.cumsum(top)  # the number of the element at the top in which each tag stands
    of_point = np.isin(inside, inside[is_point])
    columns: dict[str, Floats] = {}
    try:
        if dialect.positions:
            columns |= _positions(block, begins[is_point], ends[is_point], dialect)
        leaves = np.flatnonzero((tags.step[:-1] == 1) & (tags.step[1:] == -1) & of_point[:-1])
        leaves = leaves[ends[leaves] + 1 < begins[leaves + 1]]
        time_ms = np.full(count, NO_TIME, np.int64)
        offset_s, zoneless = None, False
        for name, at in tags.leaves(leaves):
            column = dialect.columns.get(name)
            if name == dialect.time:
                if (time_ms != NO_TIME).any():
                    return None
                time_ms, offset_s, zoneless = _times(block, ends[at] + 1, begins[at + 1], rows[at], count)
            elif column:
                values = columns.setdefault(column, np.full(count, np.nan))
                told = numbers(block, ends[at] + 1, begins[at + 1])
                if not np.isfinite(told).all():
                    return None
                # Backwards, and not over what is there: where something is told twice, the first counts.
                first = np.full(count, np.nan)
                first[rows[at][::-1]] = told[::-1]
                missing = np.isnan(values)
                values[missing] = first[missing]
    except (pa.ArrowInvalid, _NotPlainError):
        return None
    return Points(time_ms, columns, offset_s, zoneless), begins[is_point]


class _NotPlainError(ValueError):
    """The text is not as nearly all files write it."""


@dataclass(frozen=True)
class _Tags:
    """The tags of a text: which name each has, whether it opens (1), closes (-1) or is empty (0), and how deep."""

    names: list[str]
    which: Ints
    step: Ints
    before: Ints

    @classmethod
    def of(cls, block: Bytes, begins: Ints, ends: Ints, dialect: Dialect) -> _Tags | None:
        which = np.full(len(begins), -1, np.int64)
        step = np.ones(len(begins), np.int64)
        names: list[str] = []
        rest = np.ones(len(begins), bool)
        if dialect.positions:
            opening = b"<" + dialect.point.encode() + b" "
            is_point = equals(block, begins, opening)
            names.append(dialect.point)
            which[is_point] = 0
            step[is_point & (block[ends - 1] == ord("/"))] = 0
            rest = ~is_point
        texts, codes = encoded(block, begins[rest] + 1, ends[rest])
        if len(texts) > _TAGS_MAX:
            return None
        whats = []
        for text in texts:
            what = _TAG.fullmatch(text)
            if what is None:
                return None
            name = what.group(2).decode("utf-8", "replace")
            if name not in names:
                names.append(name)
            whats.append((names.index(name), -1 if what.group(1) else 0 if what.group(3) else 1))
        meanings = np.array(whats, np.int64).reshape(-1, 2)[codes]
        which[rest], step[rest] = meanings[:, 0], meanings[:, 1]
        return cls(names, which, step, np.cumsum(step) - step)

    def nested(self) -> bool:
        """Whether every element is closed by a tag of its own name, inside the one that it is in."""
        after = self.before + self.step
        if (after < 0).any() or after[-1] or after.max() > _DEPTH_MAX:
            return False
        for depth in range(1, int(after.max()) + 1):
            opened = self.which[(self.step == 1) & (after == depth)]
            closed = self.which[(self.step == -1) & (self.before == depth)]
            if not np.array_equal(opened, closed):
                return False
        return True

    def leaves(self, at: Ints) -> Iterator[tuple[str, Ints]]:
        """The elements at these tags by name in lower case; by "parent/child" too. Raises _NotPlainError."""
        which = self.which[at]
        lower = [name.lower() for name in self.names]
        for code in np.unique(which).tolist():
            some = at[which == code]
            yield lower[code], some
            if lower[code] != "value":
                continue
            if not some[0] or (self.step[some - 1] != 1).any():
                raise _NotPlainError
            parents = self.which[some - 1]
            for parent in np.unique(parents).tolist():
                yield f"{lower[parent]}/{lower[code]}", some[parents == parent]


_TAG = re.compile(rb"(/?)(?:[\w.\-]+:)?([\w.\-]+)(?:\s[^<>]*?)?(/?)")


def _positions(block: Bytes, begins: Ints, ends: Ints, dialect: Dialect) -> dict[str, Floats]:
    """The attributes lat and lon of the points whose tags stand here. Raises _NotPlainError."""
    quotes = places_of(block, ord('"'))
    owner = np.searchsorted(begins, quotes, "right") - 1
    mine = (owner >= 0) & (quotes < ends[owner])
    quotes, owner = quotes[mine], owner[mine]
    told, counts = np.unique(owner, return_counts=True)
    if (counts != 4).any():
        raise _NotPlainError
    # A tag without quotes either has no attributes or has them in another way.
    bare = np.ones(len(begins), bool)
    bare[told] = False
    width = len(dialect.point) + 1
    if (ends[bare] - begins[bare] > width + 1).any():
        raise _NotPlainError
    columns = {name: np.full(len(begins), np.nan) for name in ("latitude", "longitude")}
    if not len(told):
        return columns
    first, second, third, fourth = (quotes[at::4] for at in range(4))
    names = []
    for start, end in ((begins[told] + width, first), (second + 1, third), (fourth + 1, ends[told])):
        texts, _ = encoded(block, start, end)
        if len({text.strip() for text in texts}) != 1:
            raise _NotPlainError
        names.append(texts[0].strip())
    if sorted(names[:2]) != [b"lat=", b"lon="] or names[2] not in (b"", b"/"):
        raise _NotPlainError
    values = [numbers(block, first + 1, second), numbers(block, third + 1, fourth)]
    if not np.isfinite(values).all():
        raise _NotPlainError
    for name, value in zip(names, values, strict=False):
        columns["latitude" if name == b"lat=" else "longitude"][told] = value
    return columns


def _times(block: Bytes, start: Ints, end: Ints, rows: Ints, count: int) -> tuple[Ints, int | None, bool]:
    """Times by point, the offset of the first, and whether they tell no zone. Raises pa.ArrowInvalid."""
    told = slices(block, start, end, pa.string())
    moments, zoneless = _moments(told)
    time_ms = np.full(count, NO_TIME, np.int64)
    time_ms[rows[::-1]] = moments[::-1]
    time_ms[(time_ms < FIRST_MS) | (time_ms >= LAST_MS)] = NO_TIME
    first = np.flatnonzero((moments >= FIRST_MS) & (moments < LAST_MS))[:1]
    time = time_of(bytes(block[start[first[0]] : end[first[0]]]).decode()) if len(first) else None
    return time_ms, time[1] if time else None, zoneless and bool(len(first))


def _moments(told: Any) -> tuple[Ints, bool]:
    try:
        times = pc.cast(told, pa.timestamp("us", "UTC"))
        zoneless = False
    except pa.ArrowInvalid:
        times = pc.cast(told, pa.timestamp("us"))
        zoneless = True
    micros = np.frombuffer(memoryview(times.buffers()[1]), np.int64, len(times))[0::2]
    return micros // 1000, zoneless
