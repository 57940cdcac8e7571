"""FIT bytes -> messages in columns.

A FIT file is a row of messages of fixed sizes, each after a definition of its fields. One pass over the message heads
finds where each message lies; the fields of all messages of one layout are then taken at once, by numpy, when they are
asked for. Nothing in the file is believed: a message ends where the bytes end, and what was read before stays.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from activities.domain.parsed import Problem
from activities.formats.errors import Unreadable
from activities.formats.fit.checksum import crc16
from activities.formats.fit.profile import BASE_TYPES, UINT8, BaseType, Component, Field, message_of

# FIT counts seconds from 1989-12-31T00:00:00Z.
EPOCH_S = 631065600
MAGIC = b".FIT"
TIMESTAMP = 253
FIELD_DESCRIPTION = 206
# Far beyond what devices write (nine days, once a second, are 780,000 messages; layouts number some dozens).
MAX_MESSAGES = 6_000_000
MAX_LAYOUTS = 2_000
MAX_PARTS = 200
# Where the first message of a file lies, with room to spare.
HEAD_BYTES = 4096
# Of so few messages a field that none tells is found sooner without numpy.
FEW = 8

_HEADER = struct.Struct("<BBHI4s")
_COMPRESSED, _DEFINITION, _DEVELOPER = 0x80, 0x40, 0x20

Numbers = NDArray[np.float64]
Rows = NDArray[np.intp]


class _Slot(NamedTuple):
    """Where a field lies in a message of a layout; `developer` is the index of who defined it, None for FIT."""

    number: int
    offset: int
    size: int
    base: BaseType
    developer: int | None = None


@dataclass(eq=False)
class _Layout:
    """Messages that lie alike; `runs` holds (first byte, count, place of the first among all messages) in a row."""

    number: int
    order: str
    size: int
    definition: bytes
    runs: list[int] = field(default_factory=list)

    @cached_property
    def slots(self) -> tuple[_Slot, ...]:
        definition, slots, offset = self.definition, [], 1
        fields = 6 + 3 * definition[5]
        for number, size, base in zip(
            definition[6:fields:3], definition[7:fields:3], definition[8:fields:3], strict=True
        ):
            slots.append(_Slot(number, offset, size, BASE_TYPES.get(base & 0x1F, UINT8)))
            offset += size
        if definition[0] & _DEVELOPER:
            told = definition[fields + 1 :]
            for number, size, developer in zip(told[0::3], told[1::3], told[2::3], strict=True):
                slots.append(_Slot(number, offset, size, UINT8, developer))
                offset += size
        return tuple(slots)

    def places(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(first byte, place among all messages of the part) of each message."""
        runs = np.array(self.runs, np.int64).reshape(-1, 3)
        first, count, place = runs.T
        if len(runs) == 1:
            within = np.arange(count[0])
            return first[0] + within * self.size, place[0] + within
        within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        return np.repeat(first, count) + within * self.size, np.repeat(place, count) + within


@dataclass(frozen=True, eq=False)
class Column:
    """One field: `rows` are the messages that tell it, ascending; `raw` what they tell, a row of values where the
    field is an array (`valid` then says which of them are values)."""

    rows: Rows
    raw: NDArray[Any]
    field: Field
    valid: NDArray[np.bool_] | None = None

    @cached_property
    def values(self) -> Numbers:
        """The values in the field's unit, NaN for "none"; times as Unix seconds."""
        values = self.raw.astype(np.float64)
        if self.field.scale != 1.0:
            values /= self.field.scale
        if self.field.offset:
            values -= self.field.offset
        if self.field.is_time:
            values += EPOCH_S
        if self.valid is not None:
            values[~self.valid] = np.nan
        return values

    def told(self) -> list[Any]:
        """The values as Python has them: words for enumerations, texts, integers where nothing is scaled, lists."""
        if self.raw.dtype.kind == "S":
            return [_text(it) for it in self.raw.tolist()]
        scaled = self.field.scale != 1.0 or self.field.offset or self.field.is_time
        told: list[Any] = (self.values if scaled else self.raw).tolist()
        words = self.field.words
        if self.raw.ndim == 1:
            if self.field.is_time:
                return [int(it) for it in told]
            return [words.get(it, it) for it in told] if words else told
        valid = [[True] * self.raw.shape[1]] * len(told) if self.valid is None else self.valid.tolist()
        return [
            [words.get(it, it) if known else None for it, known in zip(one, knowns, strict=True)]
            for one, knowns in zip(told, valid, strict=True)
        ]


class Developer(NamedTuple):
    """A field that a device's app defined: its words, and the number of FIT's own field that it stands for."""

    name: str
    units: str
    native: int | None
    base: BaseType
    field: Field


class Table:
    """All messages of one kind in one part, in the file's order. Columns are taken out when they are asked for."""

    def __init__(self, part: Part, number: int, layouts: list[_Layout]) -> None:
        self.number = number
        self.message = message_of(number)
        self.count = sum(sum(layout.runs[1::3]) for layout in layouts)
        self._part = part
        self._layouts = layouts

    def __len__(self) -> int:
        return self.count

    @property
    def name(self) -> str:
        return self.message.name

    @cached_property
    def places(self) -> NDArray[np.int64]:
        """The place of each among all messages of the part."""
        return np.sort(np.concatenate([places for _, places in self._laid]))

    @cached_property
    def columns(self) -> Mapping[str, Column]:
        """Known fields by name, with those that others hold in some of their bits."""
        known = self.message.fields
        columns = dict(self._by_number)
        if self.number != FIELD_DESCRIPTION:
            _expand(columns, known)
        return {column.field.name: column for column in columns.values()}

    @cached_property
    def developer(self) -> Mapping[tuple[int, int], tuple[Developer, Column]]:
        """Fields that apps defined, by (index of the app, number of the field)."""
        return {
            key: (what, column)
            for key, what in self._part.developers.items()
            if (
                column := self._merged(
                    [self._cut(at, slot, what.base, what.field) for at, slot in self._slots.get(key, ())]
                )
            )
        }

    @cached_property
    def unknown(self) -> Mapping[int, Column]:
        """Fields that nobody documents, by number."""
        keys = [key for key in self._slots if isinstance(key, int) and key not in self.message.fields]
        found = {key: self._column(key, Field(f"unknown_{key}")) for key in keys}
        return {key: column for key, column in found.items() if column is not None}

    def values(self, name: str) -> Numbers:
        """One value for each message, NaN where it tells none; of arrays the first."""
        values = np.full(self.count, np.nan)
        column = self.columns.get(name)
        if column is not None and column.raw.dtype.kind != "S":
            values[column.rows] = column.values if column.values.ndim == 1 else column.values[:, 0]
        return values

    @cached_property
    def messages(self) -> list[dict[str, Any]]:
        """Each message as a dict of what it tells, with what its sub-fields mean."""
        messages: list[dict[str, Any]] = [{} for _ in range(self.count)]
        for name, column in self.columns.items():
            for row, value in zip(column.rows.tolist(), column.told(), strict=True):
                if value is not None:
                    messages[row][name] = value
        for column in self._by_number.values():
            for what in column.field.sub_fields:
                for row, told in self._sub_field(column, what):
                    messages[row].update(told)
        return messages

    @cached_property
    def _laid(self) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        return [layout.places() for layout in self._layouts]

    @cached_property
    def _rows(self) -> list[Rows]:
        """For each layout, which messages of the table are its own."""
        if len(self._layouts) == 1:
            return [np.arange(self.count)]
        return [np.searchsorted(self.places, places) for _, places in self._laid]

    @cached_property
    def _slots(self) -> Mapping[int | tuple[int, int], list[tuple[int, _Slot]]]:
        """Where each field lies: (index of the layout, slot), by number, or by (app, number)."""
        slots: dict[int | tuple[int, int], list[tuple[int, _Slot]]] = {}
        for at, layout in enumerate(self._layouts):
            for slot in layout.slots:
                key = slot.number if slot.developer is None else (slot.developer, slot.number)
                slots.setdefault(key, []).append((at, slot))
        return slots

    @cached_property
    def _by_number(self) -> dict[int, Column]:
        """Known fields as they lie in the file."""
        columns = {}
        for number, what in self.message.fields.items():
            column = self._column(number, what) if number in self._slots else None
            if number == TIMESTAMP:
                column = self._rolled_times(column)
            if column is not None:
                columns[number] = column
        return columns

    def _column(self, number: int, what: Field) -> Column | None:
        return self._merged([self._cut(at, slot, slot.base, what) for at, slot in self._slots[number]])

    def _rolled_times(self, told: Column | None) -> Column | None:
        """Timestamps with those that compressed headers hold."""
        rolled = self._part.rolled
        if not rolled:
            return told
        rows = [row for row, place in enumerate(self.places.tolist()) if place in rolled]
        if not rows:
            return told
        times = np.array([rolled[int(self.places[row])] for row in rows], np.uint32)
        return self._merged([told, Column(np.array(rows, np.intp), times, self.message.fields[TIMESTAMP])])

    def _cut(self, at: int, slot: _Slot, base: BaseType, what: Field) -> Column | None:
        """The slot's values in all messages of the layout that tell any."""
        layout, rows = self._layouts[at], self._rows[at]
        if not slot.size:
            return None
        if len(rows) <= FEW and slot.size % base.size == 0:
            blank = base.blanks[layout.order] * (slot.size // base.size)
            if all(it == blank for it in self._bytes(at, slot)):
                return None
        if base.code == "S":
            raw = np.array([*self._bytes(at, slot)])
            told = np.flatnonzero(np.char.str_len(raw)) if len(raw) else np.zeros(0, np.intp)
            return Column(rows[told], raw[told], what) if len(told) else None
        if slot.size % base.size:
            base = UINT8
        width = slot.size // base.size
        buffer, offset, stride = self._buffer(at)
        shape, strides = ((len(rows),), (stride,)) if width == 1 else ((len(rows), width), (stride, base.size))
        raw = np.ndarray(shape, layout.order + base.code, buffer, offset + slot.offset, strides).astype(base.code)
        valid = ~np.isnan(raw) if base.code[0] == "f" else raw != base.invalid
        count = np.count_nonzero(valid)
        if not count:
            return None
        if count == valid.size:
            return Column(rows, raw, what)
        if width == 1:
            told = valid.nonzero()[0]
            return Column(rows[told], raw[told], what)
        told = valid.any(axis=1).nonzero()[0]
        return Column(rows[told], raw[told], what, None if base.name == "byte" else valid[told])

    def _buffer(self, at: int) -> tuple[Any, int, int]:
        """(bytes, first, stride) of the layout's messages: the file itself where they lie in one row."""
        layout = self._layouts[at]
        if len(layout.runs) == 3:
            return self._part.data, layout.runs[0], layout.size
        if at not in self._gathered:
            octets = np.frombuffer(self._part.data, np.uint8)
            self._gathered[at] = sliding_window_view(octets, layout.size)[self._laid[at][0]]
        return self._gathered[at], 0, layout.size

    @cached_property
    def _gathered(self) -> dict[int, NDArray[np.uint8]]:
        return {}

    def _bytes(self, at: int, slot: _Slot) -> Iterator[bytes]:
        data = self._part.data
        for start in (self._laid[at][0] + slot.offset).tolist():
            yield data[start : start + slot.size]

    def _merged(self, pieces: Iterable[Column | None]) -> Column | None:
        """One column of what several layouts tell of one field."""
        columns = [it for it in pieces if it is not None]
        if len(columns) < 2:
            return columns[0] if columns else None
        if len({it.raw.dtype.kind == "S" for it in columns}) > 1:
            columns = [it for it in columns if it.raw.dtype.kind != "S"]
        if any(it.raw.ndim == 2 for it in columns):
            columns = _as_wide(columns)
        rows = np.concatenate([it.rows for it in columns])
        order = np.argsort(rows, kind="stable")
        valid = (
            np.concatenate([it.valid for it in columns if it.valid is not None]) if columns[0].raw.ndim == 2 else None
        )
        return Column(
            rows[order],
            np.concatenate([it.raw for it in columns])[order],
            columns[0].field,
            None if valid is None or valid.all() else valid[order],
        )

    def _sub_field(self, column: Column, what: Any) -> Iterator[tuple[int, dict[str, Any]]]:
        """(message, what the sub-field and the bits of it tell) for each message where it holds."""
        holds = np.zeros(self.count, bool)
        for number, value in what.references:
            reference = self._by_number.get(number)
            if reference is not None and reference.raw.ndim == 1:
                holds[reference.rows[reference.raw == value]] = True
        chosen = np.flatnonzero(holds[column.rows])
        if not len(chosen):
            return
        meant = Field(what.name, what.scale, what.offset, what.words)
        valid = None if column.valid is None else column.valid[chosen]
        picked = Column(column.rows[chosen], column.raw[chosen], meant, valid)
        found = {0: picked}
        if what.components:
            found = {-1: replace(picked, field=replace(meant, components=what.components, bits=column.field.bits))}
            _expand(found, self.message.fields)
        for it in found.values():
            for row, value in zip(it.rows.tolist(), it.told(), strict=True):
                yield row, {it.field.name: value}


@dataclass(eq=False)
class Part:
    """One FIT of a file; most files are one."""

    data: bytes
    protocol: int
    profile: int
    _layouts: dict[int, list[_Layout]]
    # Places of messages with compressed headers -> their timestamps, FIT's seconds.
    rolled: Mapping[int, int] = field(default_factory=dict)

    @cached_property
    def tables(self) -> Mapping[str, Table]:
        """By name of the message, in the order of their first appearance."""
        return {message_of(number).name: Table(self, number, layouts) for number, layouts in self._layouts.items()}

    def messages(self, name: str) -> list[dict[str, Any]]:
        """The messages of one kind, empty where there is none."""
        table = self.tables.get(name)
        return table.messages if table is not None else []

    @cached_property
    def developers(self) -> Mapping[tuple[int, int], Developer]:
        found: dict[tuple[int, int], Developer] = {}
        for it in self.messages("field_description"):
            index, number = it.get("developer_data_index"), it.get("field_definition_number")
            base = BASE_TYPES.get(_base_number(it.get("fit_base_type_id")))
            if not isinstance(index, int) or not isinstance(number, int) or base is None:
                continue
            name = _first(it.get("field_name")) or f"developer_{index}_{number}"
            units = _first(it.get("units"))
            scale, offset = it.get("scale") or 1, it.get("offset") or 0
            native = it.get("native_field_num")
            found[index, number] = Developer(
                name, units, native if isinstance(native, int) else None, base,
                Field(name, float(scale), float(offset), units=units),
            )  # fmt: skip
        return found


@dataclass(frozen=True, eq=False)
class Decoded:
    """A whole file."""

    parts: tuple[Part, ...]
    problems: tuple[Problem, ...]


def decode(data: bytes) -> Decoded:
    """All that can be read. Raises `Unreadable` where the bytes are no FIT file or hold no message at all."""
    if not is_header(data, 0):
        raise Unreadable("This is not a FIT file.")
    parts: list[Part] = []
    problems: list[Problem] = []
    at = 0
    while at < len(data):
        if len(parts) == MAX_PARTS:
            problems.append(Problem("", f"It is more than {MAX_PARTS} FIT files in one; the rest was left out."))
            break
        if not is_header(data, at):
            problems.append(Problem("", f"From byte {at:,} on it is not FIT; what stands before was read."))
            break
        part, at, said = _part(data, at)
        problems += said
        if part is not None:
            parts.append(part)
    if not parts:
        raise Unreadable("This FIT file holds no message that can be read.")
    return Decoded(tuple(parts), tuple(_counted(problems)))


def is_header(data: bytes, at: int) -> bool:
    """Whether a FIT begins here."""
    return data[at + 8 : at + 12] == MAGIC and data[at] >= 12


def _part(data: bytes, at: int) -> tuple[Part | None, int, list[Problem]]:
    """The part that begins here, where the next one may begin, and what was wrong."""
    header, protocol, profile, told, _ = _HEADER.unpack_from(data, at)
    body = at + header
    end, following, said = _bounds(data, at, body, told)
    walk = _Walk(data)
    walk.go(body, end)
    said += walk.problems
    if not walk.messages:
        return None, following, said or [Problem("", "A part of the file holds no message.")]
    part = Part(data, protocol, profile, walk.layouts)
    part.rolled = _rolled(part, walk.compressed)
    return part, following, said


def _bounds(data: bytes, at: int, body: int, told: int) -> tuple[int, int, list[Problem]]:
    """(where the messages end, where another FIT may begin, what was wrong): the header's word where it holds good."""
    end, last = body + told, len(data)
    if end + 2 <= last:
        is_sound = crc16(data[at:end]) == int.from_bytes(data[end : end + 2], "little")
        if is_sound:
            return end, end + 2, []
        if told and (end + 2 == last or is_header(data, end + 2)):
            return (
                end,
                end + 2,
                [Problem("", "The checksum is wrong: the file was changed or damaged after it was written.")],
            )
    another = data.find(MAGIC, body)
    while another >= 0 and not (another - 8 >= body and data[another - 8] in (12, 14)):
        another = data.find(MAGIC, another + 1)
    last = another - 8 if another >= 0 else last
    if end <= last < end + 2:
        return end, last, [Problem("", "The file was cut off: its last bytes are missing.")]
    if last - 2 > body and crc16(data[at : last - 2]) == int.from_bytes(data[last - 2 : last], "little"):
        return last - 2, last, [Problem("", "The file's header tells a wrong length.")]
    if end > last:
        return last, last, [Problem("", f"The file was cut off: {end + 2 - last:,} bytes are missing.")]
    return last - 2, last, [Problem("", "The file's header tells a wrong length, and the checksum is wrong.")]


class _Walk:
    """One pass over the heads of a part's messages."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.layouts: dict[int, list[_Layout]] = {}
        self.messages = 0
        self.problems: list[Problem] = []
        # (place, first byte) of messages with compressed headers.
        self.compressed: list[tuple[int, int]] = []
        self._known: dict[bytes, _Layout] = {}

    def go(self, at: int, end: int) -> None:
        data, compressed = self.data, self.compressed
        sizes = [0] * 256
        runs: list[list[int]] = [[]] * 256
        messages = 0
        while at < end:
            head = data[at]
            size = sizes[head]
            if size:
                first = at
                at += size
                while at < end and data[at] == head:
                    at += size
                if at > end:
                    at -= size
                    self._cut_off()
                    end = at
                count = (at - first) // size
                if count:
                    runs[head] += (first, count, messages)
                if head & _COMPRESSED:
                    compressed += [(messages + it, first + it * size) for it in range(count)]
                messages += count
                if messages > MAX_MESSAGES:
                    self._stop("It holds more messages than any device writes; the rest was left out.")
                    break
            elif head & (_COMPRESSED | _DEFINITION) == _DEFINITION:
                length = self._length(at, end)
                if at + length > end:
                    self._cut_off()
                    break
                layout = self._layout(data[at : at + length])
                if layout is None:
                    break
                local = head & 0x0F
                for it in (local, local | 0x10, local | 0x20, local | 0x30):
                    sizes[it], runs[it] = layout.size, layout.runs
                if local < 4:
                    for it in range(_COMPRESSED | local << 5, (_COMPRESSED | local << 5) + 32):
                        sizes[it], runs[it] = layout.size, layout.runs
                at += length
            else:
                self._stop(f"It is damaged at byte {at:,}: what follows cannot be read.")
                break
        self.messages = messages
        self.layouts = {
            number: kept for number, it in self.layouts.items() if (kept := [one for one in it if one.runs])
        }

    def _length(self, at: int, end: int) -> int:
        """Bytes of the definition that begins here."""
        data = self.data
        if at + 6 > end:
            return 6
        length = 6 + 3 * data[at + 5]
        if data[at] & _DEVELOPER:
            length += 1 + (3 * data[at + length] if at + length < end else 0)
        return length

    def _layout(self, definition: bytes) -> _Layout | None:
        """The layout of these bytes; one that was defined before is the same, so that its messages lie together."""
        key = bytes((definition[0] & _DEVELOPER,)) + definition[2:]
        layout = self._known.get(key)
        if layout is None:
            if len(self._known) >= MAX_LAYOUTS:
                self._stop("It defines more kinds of messages than any device does; the rest was left out.")
                return None
            layout = self._known[key] = _layout_of(definition)
            self.layouts.setdefault(layout.number, []).append(layout)
        return layout

    def _cut_off(self) -> None:
        self._stop("It ends in the middle of a message; what stands before was read.")

    def _stop(self, message: str) -> None:
        self.problems.append(Problem("", message))


def _layout_of(definition: bytes) -> _Layout:
    order = ">" if definition[2] & 1 else "<"
    number = int.from_bytes(definition[3:5], "big" if order == ">" else "little")
    fields = 6 + 3 * definition[5]
    size = 1 + sum(definition[7:fields:3])
    if definition[0] & _DEVELOPER:
        size += sum(definition[fields + 2 :: 3])
    return _Layout(number, order, size, definition)


def _rolled(part: Part, compressed: list[tuple[int, int]]) -> dict[int, int]:
    """Timestamps of messages with compressed headers: five bits that count on from the last timestamp told."""
    if not compressed:
        return {}
    told: list[tuple[int, int, int]] = []
    for table in part.tables.values():
        column = table._by_number.get(TIMESTAMP)
        if column is not None and column.raw.ndim == 1 and column.raw.dtype.kind == "u":
            told += zip(table.places[column.rows].tolist(), (-1 for _ in column.rows), column.raw.tolist(), strict=True)
    part.__dict__.pop("tables")
    events = [(place, part.data[first] & 0x1F, 0) for place, first in compressed] + told
    rolled: dict[int, int] = {}
    now: int | None = None
    for place, offset, time in sorted(events):
        if offset < 0:
            now = time
        elif now is not None:
            now += (offset - now) & 0x1F
            rolled[place] = now
    return rolled


def _expand(columns: dict[int, Column], known: Mapping[int, Field]) -> None:
    """Adds the fields whose values lie in some bits of others. What a message tells in full is left as it is."""
    waiting = [column for column in columns.values() if column.field.components]
    while waiting:
        column = waiting.pop()
        for number, (parts, values) in _bits(column).items():
            target = known.get(number)
            if target is None:
                continue
            direct = columns.get(number)
            if parts[0].accumulates:
                values = _accumulated(column.rows, values, parts[0], direct)
            scaled = values / parts[0].scale - parts[0].offset
            if target.words:
                scaled = scaled.astype(np.int64)
            # As raw values of the target, so that what it holds itself is found in turn.
            plain = replace(target, scale=1.0, offset=0.0)
            if target.components:
                plain = target
                scaled = np.rint((scaled + target.offset) * target.scale).astype(np.int64)
            found = Column(column.rows, scaled if values.shape[1] > 1 else scaled[:, 0], plain)
            columns[number] = found if direct is None else _beside(direct, found)
            if target.components:
                waiting.append(found)


def _bits(column: Column) -> dict[int, tuple[list[Component], NDArray[np.int64]]]:
    """Field number -> its components and their bits, one column each."""
    raw, components = column.raw, column.field.components
    if raw.dtype.kind not in "ui":
        return {}
    if len(components) == 1 and raw.ndim == 1 and components[0].bits >= 8 * raw.dtype.itemsize:
        return {components[0].number: ([*components], raw.astype(np.int64)[:, None])}
    octets = np.ascontiguousarray(raw.astype(raw.dtype.newbyteorder("<"))).view(np.uint8).reshape(len(raw), -1)
    bits = np.unpackbits(octets, axis=1, bitorder="little")
    found: dict[int, tuple[list[Component], list[NDArray[np.int64]]]] = {}
    for it in components:
        if it.shift + it.bits > bits.shape[1]:
            break
        parts, values = found.setdefault(it.number, ([], []))
        parts.append(it)
        values.append(bits[:, it.shift : it.shift + it.bits] @ (1 << np.arange(it.bits, dtype=np.int64)))
    return {number: (parts, np.stack(values, axis=1)) for number, (parts, values) in found.items()}


def _accumulated(
    rows: Rows, values: NDArray[np.int64], component: Component, direct: Column | None
) -> NDArray[np.int64]:
    """Counters of few bits counted on: from the field itself where messages between tell it in full."""
    width = values.shape[1] + 1
    places = (rows[:, None] * width + np.arange(1, width)).ravel()
    counted = values.ravel()
    is_anchor = np.zeros(len(counted), bool)
    if direct is not None and direct.raw.ndim == 1:
        whole = np.rint((direct.values + component.offset) * component.scale).astype(np.int64)
        places = np.concatenate((direct.rows * width, places))
        counted = np.concatenate((whole, counted))
        is_anchor = np.concatenate((np.ones(len(whole), bool), is_anchor))
    order = np.argsort(places, kind="stable")
    counted, is_anchor = counted[order], is_anchor[order]
    is_anchor[:1] = True
    steps = np.diff(counted, prepend=0) & ((1 << component.bits) - 1)
    reach = np.cumsum(np.where(is_anchor, 0, steps))
    anchor = np.maximum.accumulate(np.where(is_anchor, np.arange(len(counted)), 0))
    total = counted[anchor] + reach - reach[anchor]
    back = np.empty_like(total)
    back[order] = total
    return back[-values.size :].reshape(values.shape)


def _beside(direct: Column, found: Column) -> Column:
    """A field told directly by some messages and in others' bits by the rest; the direct word counts."""
    if found.raw.ndim == 1:
        rest = ~np.isin(found.rows, direct.rows)
        if not rest.any() or direct.raw.ndim != 1:
            return direct
        found = Column(found.rows[rest], found.raw[rest], found.field)
    own = Column(direct.rows, direct.values - (EPOCH_S if direct.field.is_time else 0), found.field, direct.valid)
    if found.field.scale != 1.0 or found.field.offset:
        found = Column(found.rows, found.values, replace(found.field, scale=1.0, offset=0.0))
        own = replace(own, field=found.field)
    columns = _as_wide([own, found]) if found.raw.ndim == 2 or own.raw.ndim == 2 else [own, found]
    rows = np.concatenate([it.rows for it in columns])
    order = np.argsort(rows, kind="stable")
    raw = np.concatenate([it.raw for it in columns])[order]
    valid = np.concatenate([it.valid for it in columns if it.valid is not None])[order] if raw.ndim == 2 else None
    return Column(rows[order], raw, own.field, valid)


def _as_wide(columns: list[Column]) -> list[Column]:
    """Arrays of one width; `valid` tells the values from what fills up."""
    width = max(it.raw.shape[1] if it.raw.ndim == 2 else 1 for it in columns)
    wide = []
    for it in columns:
        raw = it.raw if it.raw.ndim == 2 else it.raw[:, None]
        valid = np.ones(raw.shape, bool) if it.valid is None else it.valid
        missing = ((0, 0), (0, width - raw.shape[1]))
        wide.append(replace(it, raw=np.pad(raw, missing), valid=np.pad(valid, missing)))
    return wide


def _base_number(told: Any) -> int:
    """A base type as a field description tells it: by number, or by the name that the profile has for it."""
    if isinstance(told, str):
        return next((number for number, it in BASE_TYPES.items() if it.name == told), -1)
    return told & 0x1F if isinstance(told, int) else -1


def _text(raw: bytes) -> Any:
    """A text without its filling; a list where several stand in one field, None where none does."""
    texts = raw.decode("utf-8", "ignore").rstrip("\0").split("\0")
    return (texts[0] if len(texts) == 1 else texts) or None


def _first(text: Any) -> str:
    found = text[0] if isinstance(text, list) and text else text
    return found if isinstance(found, str) else ""


def _counted(problems: list[Problem]) -> Iterator[Problem]:
    """Equal sentences once, with their number."""
    for message in dict.fromkeys(it.message for it in problems):
        yield Problem("", message, sum(it.count for it in problems if it.message == message))


def decode_head(data: bytes) -> Part:
    """The first messages of a file, as far as its beginning reaches; the rest is not looked at."""
    if not is_header(data, 0):
        raise Unreadable("This is not a FIT file.")
    head = data[:HEAD_BYTES]
    walk = _Walk(head)
    walk.go(head[0], len(head))
    return Part(head, head[1], int.from_bytes(head[2:4], "little"), walk.layouts)
