"""GPX 1.0 and 1.1, with what Garmin, Strava, Suunto and Apple add to a point; and a fast way for Apple's own shape.

No document type reaches the XML parser, so a file can neither expand entities nor ask for others; a file that is cut
off or broken gives the points before (and, where it can be told, after) the fault.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Literal

import numpy as np
import pyarrow as pa
from lxml import etree  # type: ignore[import-untyped]

from activities.formats.apple_health.dates import date_ms, dates_ms
from activities.formats.columns import Bytes, Floats, Ints, equals, numbers, places_of, windows
from activities.formats.container import encoding_of
from activities.formats.xml_points import number_of

# `time_ms` of a point that tells no time.
NO_TIME = np.iinfo(np.int64).min


def _none() -> Floats:
    return np.zeros(0)


@dataclass(frozen=True, eq=False)
class Track:
    """One track or planned route: its points in the order of the file, NaN (and `NO_TIME`) where nothing is told.

    Milliseconds since 1970, degrees, metres, m/s, degrees from north, bpm, rpm as told, watts, degrees Celsius.
    `segments` holds the index at which each segment begins.
    """

    name: str = ""
    type: str = ""
    creator: str = ""
    kind: Literal["track", "route"] = "track"
    segments: tuple[int, ...] = ()
    time_ms: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    lat: Floats = field(default_factory=_none)
    lon: Floats = field(default_factory=_none)
    ele: Floats = field(default_factory=_none)
    speed: Floats = field(default_factory=_none)
    course: Floats = field(default_factory=_none)
    h_acc: Floats = field(default_factory=_none)
    v_acc: Floats = field(default_factory=_none)
    hr: Floats = field(default_factory=_none)
    cad: Floats = field(default_factory=_none)
    power: Floats = field(default_factory=_none)
    atemp: Floats = field(default_factory=_none)

    def __len__(self) -> int:
        return len(self.time_ms)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Track) and all(
            np.array_equal(mine, theirs, equal_nan=mine.dtype.kind == "f") if hasattr(mine, "dtype") else mine == theirs
            for mine, theirs in ((getattr(self, each.name), getattr(other, each.name)) for each in fields(self))
        )

    __hash__ = None  # type: ignore[assignment]


def parse_gpx(data: bytes, *, fast: bool = True) -> list[Track]:
    """The file's tracks and routes that have points, in its order; empty where there are none. Never raises."""
    text = _plain(data)
    if text is None:
        return []
    if fast and (track := _parse_apple(text)):
        return [track]
    return list(_parse(text))


# --- any GPX ----------------------------------------------------------------------------------------
_ROOT = re.compile(rb"<(?:[\w.\-]+:)?gpx(?=[\s>])")
_ATTRIBUTES = rb"(?:\s+[\w.:\-]+\s*=\s*(?:\"[^\"<]*\"|'[^'<]*'))*\s*"
_WHOLE_ROOT = re.compile(_ROOT.pattern + _ATTRIBUTES + rb">")
_COLUMNS = ("lat", "lon", "ele", "speed", "course", "h_acc", "v_acc", "hr", "cad", "power", "atemp")
# Local names of what stands inside a point, lower case.
_TOLD_AS = {
    "ele": "ele",
    "speed": "speed",
    "course": "course",
    "hacc": "h_acc",
    "vacc": "v_acc",
    "accuracy_horizontal": "h_acc",
    "accuracy_vertical": "v_acc",
    "hr": "hr",
    "heartrate": "hr",
    "heart_rate": "hr",
    "cad": "cad",
    "cadence": "cad",
    "runcadence": "cad",
    "power": "power",
    "powerinwatts": "power",
    "watts": "power",
    "atemp": "atemp",
    "temp": "atemp",
    "temperature": "atemp",
}
_POINTS = ("trkpt", "rtept")
_TIME = -1
_NOTHING = [math.nan] * (len(_COLUMNS) - 2)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def _plain(data: bytes) -> bytes | None:
    """The file in UTF-8 from its root on: declarations and document type are left behind. None without a root.

    A broken start tag of the root, which would cost all that follows, becomes a plain one.
    """
    encoding, bom = encoding_of(data[:1024])
    if encoding not in ("utf-8", "utf8", "us-ascii", "ascii"):
        with suppress(LookupError):
            data = data[bom:].decode(encoding, "replace").encode()
    root = _ROOT.search(data)
    if root is None or _WHOLE_ROOT.match(data, root.start()):
        return data[root.start() :] if root else None
    return b"<gpx>" + data[data.find(b"<", root.end()) :]


class _Points:
    """A track while its points come in."""

    def __init__(self) -> None:
        self.name = self.type = ""
        self.segments: list[int] = []
        self.times: list[int] = []
        self.told: list[list[float]] = []

    def add(self, time_ms: int | None, told: list[float]) -> None:
        if not self.segments:
            self.segments.append(0)
        self.times.append(NO_TIME if time_ms is None else time_ms)
        self.told.append(told)

    def track(self, creator: str, kind: Literal["track", "route"]) -> Track:
        segments = tuple(start for start in dict.fromkeys(self.segments) if start < len(self.times))
        columns = dict(zip(_COLUMNS, np.ascontiguousarray(np.array(self.told).T), strict=True))
        return Track(self.name, self.type, creator, kind, segments, np.array(self.times, np.int64), **columns)


def _parse(text: bytes) -> Iterator[Track]:
    creator = ""
    points = _Points()
    kind: Literal["track", "route"] = "track"
    parser = etree.iterparse(
        io.BytesIO(text),
        events=("start", "end"),
        tag=[f"{{*}}{name}" for name in ("gpx", "trk", "rte", "trkseg", "name", "type", "wpt", "metadata", *_POINTS)],
        recover=True,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=True,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        for event, element in parser:
            name = _local(element.tag)
            if event == "start":
                if name == "gpx" and not creator:
                    creator = element.get("creator", "")
                elif name in ("trk", "rte"):
                    if points.times:  # the one before was never closed
                        yield points.track(creator, kind)
                    points, kind = _Points(), "track" if name == "trk" else "route"
                elif name == "trkseg":
                    points.segments.append(len(points.times))
                continue
            if name in _POINTS:
                points.add(*_point(element))
                _forget(element)
            elif name in ("name", "type"):
                parent = element.getparent()
                if parent is not None and _local(parent.tag) in ("trk", "rte"):
                    setattr(points, name, " ".join((element.text or "").split()))
            elif name in ("trk", "rte"):
                if points.times:
                    yield points.track(creator, kind)
                points = _Points()
                _forget(element)
            elif name in ("wpt", "metadata"):
                _forget(element)
    except etree.XMLSyntaxError:
        pass  # beyond recovery: what was read stands
    if points.times:
        yield points.track(creator, kind)


def _point(element: etree._Element) -> tuple[int | None, list[float]]:
    """The point's time and its columns; where something is told twice, the first number counts."""
    told = [number_of(element.get("lat")), number_of(element.get("lon")), *_NOTHING]
    time_ms = None
    for inner in element.iterdescendants():
        column = _column(inner.tag)
        if column >= 0:
            if told[column] != told[column]:
                told[column] = number_of(inner.text)
        elif column == _TIME and time_ms is None:
            time_ms = _time_ms(inner.text or "")
    return time_ms, told


@lru_cache(maxsize=256)
def _column(tag: object) -> int:
    """The column that an element inside a point tells; `_TIME`, or one below for none."""
    name = _local(tag).lower()
    return _TIME if name == "time" else _COLUMNS.index(_TOLD_AS[name]) if name in _TOLD_AS else _TIME - 1


def _time_ms(told: str) -> int | None:
    try:
        time = datetime.fromisoformat(told)
    except ValueError:
        return date_ms(told)
    return (time - _EPOCH if time.tzinfo else time - _EPOCH.replace(tzinfo=None)) // _MILLISECOND


def _local(tag: object) -> str:
    return tag.rpartition("}")[2].rpartition(":")[2] if isinstance(tag, str) else ""


def _forget(element: etree._Element) -> None:
    """Free what was read, so that memory stays flat."""
    element.clear()
    parent = element.getparent()
    while element.getprevious() is not None and parent is not None:
        del parent[0]


# --- Apple's GPX ------------------------------------------------------------------------------------
# What stands between the values of a point, and where the quotes and the tags in each of them begin.
_APPLE_MARKS = (
    b'<trkpt lon="', b'" lat="', b'"><ele>', b"</ele><time>", b"</time><extensions><speed>", b"</speed><course>",
    b"</course><hAcc>", b"</hAcc><vAcc>", b"</vAcc></extensions></trkpt>",
)  # fmt: skip
_MARKS_BEGIN = np.cumsum([0] + [mark.count(b"<") + mark.count(b'"') for mark in _APPLE_MARKS])
# What stands after each mark but the last.
_APPLE_VALUES = ("lon", "lat", "ele", "time", "speed", "course", "h_acc", "v_acc")
_APPLE_HEAD = re.compile(
    rb'<gpx version="1\.1" creator="([^"<&\t\r\n]*)"'
    + _ATTRIBUTES
    + rb">\s*(?:<metadata>\s*<time>[^<>]*</time>\s*</metadata>\s*)?"
    rb"<trk>\s*<name>([^<>&]*)</name>\s*<trkseg>\s*(?=<trkpt )"
)
_APPLE_FOOT = re.compile(rb"\s*</trkseg>\s*</trk>\s*</gpx>\s*")
_SPACES = np.zeros(256, bool)
_SPACES[[9, 10, 13, 32]] = True


def _parse_apple(text: bytes) -> Track | None:
    """The one track of a file in exactly the shape that Apple writes; None for any other."""
    head = _APPLE_HEAD.match(text)
    last = text.rfind(b"</trkpt>") + len(b"</trkpt>")
    if head is None or last < head.end() or not _APPLE_FOOT.fullmatch(text, last):
        return None
    block = np.frombuffer(text, np.uint8)[head.end() : last]
    begins = _begins(block)
    if begins is None:
        return None
    after = [at + len(mark) for at, mark in zip(begins, _APPLE_MARKS, strict=True)]
    if not _only_spaces(block, after[-1][:-1], begins[0][1:]):
        return None
    values = {name: (after[at], begins[at + 1]) for at, name in enumerate(_APPLE_VALUES)}
    time_ms = _times(block, *values.pop("time"))
    if time_ms is None:
        return None
    try:
        columns = {name: numbers(block, *place) for name, place in values.items()}
        creator, name = head.group(1).decode(), head.group(2).decode()
    except (pa.ArrowInvalid, UnicodeDecodeError):
        return None
    if not all(np.isfinite(column).all() for column in columns.values()):
        return None
    empty = np.full(len(time_ms), np.nan)
    rest = {column: empty for column in _COLUMNS if column not in columns}
    return Track(" ".join(name.split()), "", creator, "track", (0,), time_ms, **columns, **rest)


def _begins(block: Bytes) -> Ints | None:
    """Where the marks of each point begin, (marks, points); None if anything else is among them."""
    places = places_of(block, ord("<"), ord('"'))
    if not len(places) or len(places) % _MARKS_BEGIN[-1]:
        return None
    begins = np.ascontiguousarray(places.reshape(-1, _MARKS_BEGIN[-1]).T[_MARKS_BEGIN[:-1]])
    return begins if all(equals(block, at, mark).all() for at, mark in zip(begins, _APPLE_MARKS, strict=True)) else None


def _only_spaces(block: Bytes, start: Ints, end: Ints) -> bool:
    """Whether nothing but white space stands in these stretches."""
    widest = int((end - start).max(initial=0))
    return all(_SPACES[block[start[end - start > step] + step]].all() for step in range(widest))


def _times(block: Bytes, start: Ints, end: Ints) -> Ints | None:
    """Times in the form 2026-03-02T16:04:05Z; None if one is not."""
    if (end - start != 20).any():
        return None
    told = windows(block, start, 20)
    if (told[:, 10] != ord("T")).any() or (told[:, 19] != ord("Z")).any():
        return None
    dates = np.empty((len(told), 25), np.uint8)
    dates[:, :19], dates[:, 10], dates[:, 19:] = told[:, :19], ord(" "), np.frombuffer(b" +0000", np.uint8)
    time_ms, are_dates = dates_ms(dates)
    return time_ms if are_dates.all() else None
