"""The fast way through a block of Apple's XML: the shape that Apple writes, found and read by the column.

Every element that is accepted here was looked at byte for byte; what deviates in the least is left to
`elements.next_item`, element by element, so that both ways read every file alike.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from activities.formats.apple_health.dates import DATE_BYTES, dates_ms
from activities.formats.apple_health.elements import TOP_LEVEL, attributes_of, text_of
from activities.formats.apple_health.samples import Gathered, Rows, number_of
from activities.formats.columns import (
    Bools,
    Bytes,
    Floats,
    Ints,
    any_of_row,
    encoded,
    encoded_rows,
    equals,
    numbers,
    places_of,
    windows,
)

# The end of a Record's start tag, from here on each byte at its place.
_START, _END, _VALUE = b' startDate="', b'" endDate="', b'" value="'
_CREATION = b' creationDate="'
_START_AT = len(_START)
_END_AT = _START_AT + DATE_BYTES + len(_END)
_VALUE_AT = _END_AT + DATE_BYTES
_TAIL_BYTES = _VALUE_AT + len(_VALUE)
_BEFORE_ADDRESS, _AFTER_ADDRESS = b' device="&lt;&lt;HKDevice: 0x', b"&gt;"
_ADDRESS = re.compile(_BEFORE_ADDRESS + rb"([0-9A-Fa-f]+)" + _AFTER_ADDRESS)
_HEAD = re.compile(rb'<Record((?: [A-Za-z]+="[^"<>]*+")++)')
_HEAD_NAME = re.compile(rb' ([A-Za-z]+)="[^"]*+"')
_TAIL_NAMES = {b"startDate", b"endDate", b"value"}
_INNER = re.compile(rb'(?:\s*+<(?:[A-Za-z]++(?:\s++[A-Za-z]++="[^"<>]*+")*+\s*+/?|/[A-Za-z]++)>)*+\s*+')
_NAME_BYTES = 34
_TAG_NAME = re.compile(rb"([A-Za-z]++)[\s/>]")
_MOST_SHAPES = 64

# Heads that are not plain, and those that another shape may fit.
UNKNOWN, OTHER_SHAPE = -1, -2
_HEXADECIMAL = np.zeros(256, bool)
_HEXADECIMAL[list(b"0123456789abcdefABCDEF")] = True

_OPEN, _CLOSE, _COMMENT = 1, 2, 3
_TOKENS = np.zeros(256, np.uint8)
_TOKENS[[*range(ord("A"), ord("Z") + 1), *range(ord("a"), ord("z") + 1), ord("_")]] = _OPEN
_TOKENS[ord("/")] = _CLOSE
_TOKENS[ord("!")] = _COMMENT


class Tags(NamedTuple):
    """The tags of a block as far as they alternate cleanly: where each begins and ends, and how deep it stands."""

    start: Ints
    end: Ints
    kind: Bytes
    closes_itself: Bools
    depth: NDArray[np.int32]
    # Whether something stood after them that is not as Apple writes it (else the block merely ended).
    deviates: bool


class Elements(NamedTuple):
    """The whole elements of the root in a block, by the index of their first and last tag."""

    first: Ints
    last: Ints


def tags_of(block: Bytes) -> Tags:
    """The block's tags up to the first that is not plain."""
    places = places_of(block, ord(">"), mask=ord("<") ^ ord(">"))
    marks = block[places]
    wrong = marks != ord("<")
    wrong[1::2] ^= True  # every other one is a ">", unless one of them stands where it should not
    deviates = bool(wrong.any())
    count = (int(wrong.argmax()) if deviates else len(places)) // 2
    start, end = places[: 2 * count : 2], places[1 : 2 * count : 2]
    kind = _TOKENS[block[start + 1]]
    plain = kind != 0
    for at in np.flatnonzero(kind == _COMMENT):
        comment = block[start[at] : end[at] + 1].tobytes()
        plain[at] = comment.startswith(b"<!--") and comment.endswith(b"-->") and len(comment) >= 7
    if not plain.all():
        deviates, count = True, int(plain.argmin())
        start, end, kind = start[:count], end[:count], kind[:count]
    opens = kind == _OPEN
    closes_itself = opens & (block[end - 1] == ord("/"))
    change = opens.view(np.int8) - closes_itself.view(np.int8) - (kind == _CLOSE).view(np.int8)
    after = np.cumsum(change, dtype=np.int32)
    if count and after.min() < 0:
        deviates, count = True, int((after < 0).argmax())
    depth = after - change
    return Tags(start[:count], end[:count], kind[:count], closes_itself[:count], depth[:count], deviates)


def elements_of(tags: Tags) -> Elements:
    """The elements of the root that are whole."""
    opening = (tags.kind == _OPEN) & (tags.depth == 0)
    closing = ((tags.kind == _CLOSE) & (tags.depth == 1)) | (opening & tags.closes_itself)
    last = np.flatnonzero(closing)
    return Elements(np.flatnonzero(opening)[: len(last)], last)


class Records:
    """The Records of a block that are as Apple writes them: `good` tells which elements, `rows` reads them."""

    def __init__(self, block: Bytes, tags: Tags, elements: Elements, heads: HeadCache, gathered: Gathered) -> None:
        self._block, self._tags, self._elements = block, tags, elements
        self._gathered = gathered
        count = len(elements.first)
        self.good: Bools = np.zeros(count, bool)
        # Columns of the good ones, by element.
        self._head = np.zeros(count, np.int32)
        self._dates = np.zeros((2, count), np.int64)
        self._value = np.full(count, np.nan)
        self._text = np.full(count, -1, np.int32)
        self._detail = np.full(count, -1, np.int32)
        # The tags inside them: which element each stands in, and its name by number.
        self._nested_in = np.zeros(0, np.int64)
        self._nested_codes = np.zeros(0, np.int32)
        self._nested_names: list[str] = []
        if count:
            self._read(heads)

    def rows(self, until: int) -> Rows:
        """The good Records among the first `until` elements."""
        take = np.flatnonzero(self.good[:until])
        return Rows(
            self._head[take], self._dates[0][take], self._dates[1][take], self._value[take], self._text[take],
            self._detail[take],
        )  # fmt: skip

    def counts(self, until: int) -> dict[str, int]:
        """The tags of these Records and of what is inside them."""
        good = int(self.good[:until].sum())
        counts = {"Record": good} if good else {}
        inside = self._nested_in < until
        inside[inside] = self.good[self._nested_in[inside]]
        told = np.bincount(self._nested_codes[inside], minlength=len(self._nested_names))
        for name, number in zip(self._nested_names, told.tolist(), strict=True):
            if number:
                counts[name] = counts.get(name, 0) + number
        return counts

    # --- each step leaves out what it does not know ---------------------------------------------------
    def _read(self, heads: HeadCache) -> None:
        block, tags, elements = self._block, self._tags, self._elements
        start = tags.start[elements.first]
        open_end = tags.end[elements.first]
        is_record = equals(block, start, b"<Record ")
        has_inner = elements.last > elements.first
        last_start = tags.start[elements.last]
        is_record &= ~has_inner | (
            equals(block, last_start, b"</Record>") & (tags.end[elements.last] - last_start == len(b"</Record>") - 1)
        )
        good = np.flatnonzero(is_record)
        good, tail = self._heads(good, start[good], open_end[good], heads)
        good, value_start, value_end = self._tails(good, tail, open_end[good])
        good = self._values(good, value_start, value_end)
        self.good[good] = True
        self._inners(np.flatnonzero(self.good & has_inner))

    def _heads(self, index: Ints, start: Ints, open_end: Ints, heads: HeadCache) -> tuple[Ints, Ints]:
        """Which of the Records begin in a way that can be read, and where their `startDate` begins.

        Neighbours are of the same few shapes: each turn takes the first one that is left, looks where its parts
        stand and reads all others in which they stand just there.
        """
        tail = np.zeros(len(index), np.int64)
        found = np.zeros(len(index), bool)
        left = np.arange(len(index))
        for _ in range(_MOST_SHAPES):
            if not len(left):
                break
            shape = _Shape.of(self._block[start[left[0]] : open_end[left[0]]].tobytes())
            if shape is None:
                left = left[1:]
                continue
            codes = shape.heads(self._block, start[left], open_end[left], heads, self._gathered)
            known = codes >= 0
            mine = left[known]
            found[mine] = True
            tail[mine] = start[mine] + shape.length
            self._head[index[mine]] = codes[known]
            others = codes == OTHER_SHAPE
            others[0] = False
            left = left[others]
        return index[found], tail[found]

    def _tails(self, index: Ints, tail: Ints, open_end: Ints) -> tuple[Ints, Ints, Ints]:
        """Which of these end as they should, with two dates and a value, and where the value stands."""
        fits = tail + _TAIL_BYTES < open_end
        index, tail, open_end = index[fits], tail[fits], open_end[fits]
        fits = equals(self._block, tail + (_START_AT + DATE_BYTES), _END)
        fits &= equals(self._block, tail + _VALUE_AT, _VALUE)
        places = np.concatenate((tail + _START_AT, tail + _END_AT))
        dates, are_dates = dates_ms(windows(self._block, places, DATE_BYTES))
        dates, are_dates = dates.reshape(2, -1), are_dates.reshape(2, -1)
        value_start = tail + _TAIL_BYTES
        value_end = open_end - 1
        value_end = value_end - (self._block[value_end] == ord("/"))
        value_end = value_end - (self._block[value_end] == ord(" "))
        fits &= (self._block[value_end] == ord('"')) & (value_end > value_start) & are_dates[0] & are_dates[1]
        index = index[fits]
        self._dates[:, index] = dates[:, fits]
        return index, value_start[fits], value_end[fits]

    def _values(self, index: Ints, value_start: Ints, value_end: Ints) -> Ints:
        """Which of these have a number or a plain word, whose columns are filled."""
        first = self._block[value_start]
        numeric = ((first - np.uint8(48)) < 10) | (first == ord("-")) | (first == ord("."))
        good = np.ones(len(index), bool)
        if numeric.any():
            values = self._numbers(value_start[numeric], value_end[numeric])
            self._value[index[numeric]] = values
            good[numeric] = np.isfinite(values)
        if not numeric.all():
            words = np.flatnonzero(~numeric)
            texts, which = encoded(self._block, value_start[words], value_end[words])
            told = np.array([self._word(text) for text in texts], np.int32)[which]
            told[self._gathered.are_quantities()[self._head[index[words]]]] = -1
            self._text[index[words]] = told
            good[words] = told >= 0
        return index[good]

    def _numbers(self, start: Ints, end: Ints) -> Floats:
        """The numbers that stand there, NaN for what is none."""
        try:
            return numbers(self._block, start, end)
        except pa.ArrowInvalid:
            texts, which = encoded(self._block, start, end)
            values = (number_of(text.decode("utf-8", "replace")) for text in texts)
            return np.array([np.nan if value is None else value for value in values])[which]

    def _word(self, told: bytes) -> int:
        if b'"' in told:
            return -1
        text = text_of(told)
        # A number in disguise (references, characters that are dropped) is read by the other way.
        return self._gathered.words.code(text) if number_of(text) is None else -1

    def _inners(self, index: Ints) -> None:
        """Fill `detail` of the Records that hold something, leaving out those that hold what is not plain."""
        block, tags, elements = self._block, self._tags, self._elements
        if not len(index):
            return
        inner_start = tags.end[elements.first[index]] + 1
        inner_end = tags.start[elements.last[index]]
        texts, which = encoded(block, inner_start, inner_end)
        told = np.array([self._inner(text) for text in texts], np.int32)[which]
        self._detail[index] = told
        plain = np.zeros(len(self.good), bool)
        plain[index] = told >= -1
        self.good[index] &= plain[index]

        nested = np.flatnonzero((tags.kind == _OPEN) & (tags.depth > 0))
        within = np.searchsorted(elements.first, nested, side="right") - 1
        mine = plain[within] & (nested <= elements.last[within])
        nested, self._nested_in = nested[mine], within[mine]
        self._name(tags.start[nested])
        wrong = np.array([name in TOP_LEVEL or not name for name in self._nested_names])
        self.good[self._nested_in[wrong[self._nested_codes]]] = False

    def _inner(self, inner: bytes) -> int:
        return self._gathered.detail(inner) if _INNER.fullmatch(inner) else -2

    def _name(self, start: Ints) -> None:
        """Name the tags that begin at these places; "" where that takes more than a look."""
        fits = start + 1 + _NAME_BYTES <= len(self._block)
        begins, which = encoded_rows(windows(self._block, np.where(fits, start + 1, 0), _NAME_BYTES))
        names: dict[str, int] = {"": 0}
        codes = []
        for text in begins:
            match = _TAG_NAME.match(text)
            codes.append(names.setdefault(match.group(1).decode() if match else "", len(names)))
        self._nested_codes = np.where(fits, np.array(codes, np.int32)[which], 0)
        self._nested_names = list(names)


class HeadCache:
    """Heads by their bytes, for one batch; `UNKNOWN` for those that the other way has to read."""

    def __init__(self) -> None:
        self._codes: dict[bytes, int] = {}

    def code(self, told: bytes, gathered: Gathered) -> int:
        code = self._codes.get(told)
        if code is None:
            code = self._codes[told] = self._read(told, gathered)
        return code

    def _read(self, told: bytes, gathered: Gathered) -> int:
        match = _HEAD.fullmatch(told)
        if match is None:
            return UNKNOWN
        names = _HEAD_NAME.findall(match.group(1))
        if len(set(names)) < len(names) or not _TAIL_NAMES.isdisjoint(names):
            return UNKNOWN
        attributes = attributes_of(match.group(1))
        return gathered.head(attributes) if attributes.get("type") else UNKNOWN


class _Shape(NamedTuple):
    """Where the parts of a Record's head stand, counted from its `<`: up to `startDate`, which ends the head."""

    length: int
    # Where the date of creation and the memory address stand; both differ from line to line and tell us nothing.
    creation: int | None
    address: tuple[int, int] | None

    @classmethod
    def of(cls, tag: bytes) -> _Shape | None:
        length = tag.find(_START)
        if length < 0:
            return None
        creation = tag.find(_CREATION, 0, length) + len(_CREATION)
        has_creation = creation >= len(_CREATION) and tag[creation + DATE_BYTES : length] == b'"'
        address = _ADDRESS.search(tag, 0, length)
        return cls(length, creation if has_creation else None, address.span(1) if address else None)

    def heads(
        self, block: Bytes, start: Ints, open_end: Ints, heads: HeadCache, gathered: Gathered
    ) -> NDArray[np.int32]:
        """The number of each one's head; `UNKNOWN` if it is not plain, `OTHER_SHAPE` if its parts stand elsewhere."""
        codes = np.full(len(start), OTHER_SHAPE, np.int32)
        width = -(-self.length // 64) * 64  # as `any_of_row` likes it; what is too much lies in the tail
        mine = np.flatnonzero(
            (start + self.length + _TAIL_BYTES < open_end) & equals(block, start + self.length, _START)
        )
        rows = windows(block, start[mine], width)
        rows[:, self.length :] = 0
        plain = np.ones(len(rows), bool)
        if self.creation is not None:
            span = rows[:, self.creation : self.creation + DATE_BYTES]
            plain &= ~(span == ord('"')).any(axis=1)
            span[:] = ord("0")
        # Neighbours are mostly alike: only the first of each run is looked at.
        words = rows.view(np.uint64)
        fresh = np.ones(len(rows), bool)
        fresh[1:] = any_of_row(words[1:] != words[:-1])
        firsts = rows[fresh]
        if self.address is not None:
            first, last = self.address
            span = firsts[:, first:last]
            plain_first = _HEXADECIMAL[span].all(axis=1)
            span[:] = ord("0")
        texts, which = encoded_rows(firsts)
        told = np.array([self._code(text[: self.length], heads, gathered) for text in texts], np.int32)[which]
        if self.address is not None:
            told[~plain_first & (told >= 0)] = UNKNOWN
        told = told[np.cumsum(fresh) - 1]
        told[~plain & (told >= 0)] = UNKNOWN
        codes[mine] = told
        return codes

    def _code(self, head: bytes, heads: HeadCache, gathered: Gathered) -> int:
        """What was blanked out must have been what this shape has there."""
        if self.creation is not None and not head.endswith(_CREATION, 0, self.creation):
            return OTHER_SHAPE
        if self.address is not None:
            first, last = self.address
            if not head.endswith(_BEFORE_ADDRESS, 0, first) or not head.startswith(_AFTER_ADDRESS, last):
                return OTHER_SHAPE
        return heads.code(head, gathered)
