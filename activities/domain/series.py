"""Samples of one metric from one device, and the columnar file that holds them.

A file is packed columns of sorted rows: starts as steps, values as integers where that is exact, words by number; one
word for all rows is told in the file's head. Equal rows make equal bytes, in whatever order they came.

Two rows are the same sample when start, end, value, text and the unit as told are equal; where neither value nor text
is told, what stood inside the element must be equal too. What one export tells in km and the next in miles is kept as
two rows of which one is hidden: reading counts it once, and either import can be taken back as if it had never been.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from activities.domain.packing import Packed, Packer
from activities.domain.reading import SAMPLE_SCHEMA
from activities.domain.scaling import Floats, Scale, scaled

Times = NDArray[np.int64]
Codes = NDArray[np.int32]
Mask = NDArray[np.bool_]
# Sets of the raw records that told rows.
Origins = tuple[tuple[int, ...], ...]
# pyarrow's arrays and columns: its stubs know too few of their methods.
Array = Any
Column = Any

WORDS = ("text", "unit", "version", "hardware", "detail")
# Rounding to six digits in two units leaves 1e-5; a different sample at the same instant is further off.
UNIT_TOLERANCE = 1e-4
_FORMAT = 1


@dataclass(frozen=True, eq=False)
class Words:
    """One column of words: `codes` index into `vocabulary`, which is sorted and holds each once; -1 is "not told"."""

    codes: Codes
    vocabulary: Array

    def take(self, index: Any) -> Words:
        return Words(self.codes[index], self.vocabulary)

    def trimmed(self) -> Words:
        """The same words, with a vocabulary of those that occur."""
        if len(self.vocabulary) <= 1 and len(self.codes) and self.codes.max() == len(self.vocabulary) - 1:
            return self
        occurs = np.zeros(len(self.vocabulary) + 1, np.bool_)
        occurs[self.codes] = True  # code -1 marks the last one, which stands for no word
        if occurs[:-1].all():
            return self
        kept = np.flatnonzero(occurs[:-1])
        codes = np.full(len(occurs), -1, np.int32)
        codes[kept] = np.arange(len(kept), dtype=np.int32)
        return Words(codes[self.codes], self.vocabulary.take(kept))

    def array(self) -> Array:
        missing = self.codes < 0
        codes: Array = pa.array(self.codes, mask=missing) if missing.any() else pa.array(self.codes)
        return pa.DictionaryArray.from_arrays(codes, self.vocabulary)


@dataclass(frozen=True, eq=False)
class Series:
    """Sorted samples, each once. `value` is 0 where `valued` is not set; `origin` indexes into `origins`."""

    start_ms: Times
    end_ms: Times
    value: Floats
    valued: Mask
    words: Mapping[str, Words]
    origin: Codes
    origins: Origins

    def __len__(self) -> int:
        return len(self.start_ms)

    def part(self, begin: int, end: int) -> Series:
        """The rows from `begin` to before `end`, with no words but theirs."""
        part = _numbered(_taken(self, slice(begin, end)))
        return replace(part, words={name: words.trimmed() for name, words in part.words.items()})

    def table(self) -> pa.Table:
        """All rows with the columns of SAMPLE_SCHEMA, hidden ones too."""
        words = (self.words[name].array() for name in WORDS)
        value = pa.array(self.value, mask=None if self.valued.all() else ~self.valued)
        return pa.table([pa.array(self.start_ms), pa.array(self.end_ms), value, *words], schema=SAMPLE_SCHEMA)

    def same_rows(self, other: Series) -> bool:
        """Whether both hold the same samples, told by whomever."""
        return (
            len(self) == len(other)
            and np.array_equal(self.start_ms, other.start_ms)
            and np.array_equal(self.end_ms, other.end_ms)
            and np.array_equal(self.valued, other.valued)
            and np.array_equal(self.value, other.value, equal_nan=True)
            and all(_same_words(self.words[name], other.words[name]) for name in WORDS)
        )


def gathered(tables: Iterable[tuple[pa.Table, int]]) -> Series:
    """The samples of tables with the columns of SAMPLE_SCHEMA, each told by the raw record beside it."""
    return _canonical(_joined([_from_table(columns, ((raw_id,),)) for columns, raw_id in tables]))


def merge(*series: Series) -> Series:
    """All samples of all series, each once, whatever the order of the arguments.

    Of the same sample told twice the one that tells most stays: longest detail, then the later detail, version and
    hardware in alphabetical order. Its origins are those of all.
    """
    return series[0] if len(series) == 1 else _canonical(_joined(series))


def without(series: Series, raw_id: int) -> Series:
    """The samples that something other than this raw record told too."""
    if all(raw_id not in members for members in series.origins):
        return series
    left = tuple(tuple(member for member in members if member != raw_id) for members in series.origins)
    kept = np.array([bool(members) for members in left], np.bool_)[series.origin]
    return _numbered(_taken(replace(series, origins=left), kept))


def hidden(series: Series) -> Mask:
    """Which rows tell, in another unit, what a row beside them tells: one for one, the first in the alphabet shows."""
    hide = np.zeros(len(series), np.bool_)
    unit = series.words["unit"].codes
    if len(series) < 2 or (unit == unit[0]).all():
        return hide
    start, end, text = series.start_ms, series.end_ms, series.words["text"].codes
    # Rows of one moment stand together; those of equal value are neighbours, and the text parts them further.
    joint = (start[1:] == start[:-1]) & (end[1:] == end[:-1])
    edges = np.flatnonzero(np.diff(np.concatenate(([False], joint, [False])).astype(np.int8)))
    for first, last in zip(edges[::2].tolist(), (edges[1::2] + 1).tolist(), strict=True):
        rows = [row for row in range(first, last) if series.valued[row]]
        if len({int(unit[row]) for row in rows}) > 1:
            for word in {int(text[row]) for row in rows}:
                hide[_told_elsewhere([row for row in rows if text[row] == word], series.value, unit)] = True
    return hide


def _told_elsewhere(rows: Sequence[int], value: Floats, unit: Codes) -> list[int]:
    shown: list[int] = []
    elsewhere: list[int] = []
    # The first unit shows all its rows; every further one pairs its rows, lowest first, with rows shown so far.
    for code in sorted({int(unit[row]) for row in rows}):
        free = sorted(shown, key=lambda row: value[row])
        for row in sorted((row for row in rows if unit[row] == code), key=lambda row: value[row]):
            while free and value[free[0]] < value[row] and not _close(value[free[0]], value[row]):
                free.pop(0)
            if free and _close(value[free[0]], value[row]):
                free.pop(0)
                elsewhere.append(row)
            else:
                shown.append(row)
    return elsewhere


def _close(one: float, other: float) -> bool:
    return one == other or abs(one - other) <= UNIT_TOLERANCE * max(abs(one), abs(other))


# --- the file -------------------------------------------------------------------------------------
def encode(series: Series) -> bytes:
    """The file that holds the series."""
    packer = Packer()
    told: dict[str, Any] = {"format": _FORMAT}
    starts, told["start_unit_ms"] = _in_units(series.start_ms)
    packer.add_integers("start", starts, steps=True)
    durations, told["duration_unit_ms"] = _in_units(series.end_ms - series.start_ms)
    packer.add_integers("duration", durations)
    told["scale"] = _add_values(packer, series)
    for name in WORDS:
        words = series.words[name].trimmed()
        if _constant(words.codes):
            told[name] = words.vocabulary[0].as_py() if len(words.vocabulary) else None
            continue
        packer.add_integers(name, words.codes)
        lengths, letters = _letters(words.vocabulary)
        packer.add_integers(f"{name} lengths", lengths)
        packer.add_bytes(f"{name} letters", letters)
    if len(series.origins) > 1:
        packer.add_integers("origin", series.origin)
    hide = hidden(series)
    if hide.any():
        packer.add_bits("hidden", hide)
    return packer.file(told)


def _in_units(times_ms: Times) -> tuple[Times, int]:
    """The times in seconds where that is exact, and the length of their unit in ms."""
    unit_ms = 1 if (times_ms % 1000).any() else 1000
    return times_ms // unit_ms, unit_ms


def _add_values(packer: Packer, series: Series) -> list[float] | None:
    """Add the values as integers and tell their scale, or as they are."""
    value = series.value
    all_valued = bool(series.valued.all())
    if not all_valued:
        packer.add_bits("valued", series.valued)
        value = value[series.valued]
    packed = scaled(value)
    if packed is None:
        packer.add_floats("value", value)
        return None
    integers, scale = packed
    packer.add_integers("value", integers)
    return [scale.digits, scale.factor]


def _letters(vocabulary: Array) -> tuple[NDArray[np.int32], Any]:
    """The lengths of the words in bytes, and their letters one after the other, not copied."""
    _, offsets, letters = vocabulary.buffers()
    if not len(vocabulary):
        return np.empty(0, np.int32), b""
    edges = np.frombuffer(offsets, np.int32)[vocabulary.offset : vocabulary.offset + len(vocabulary) + 1]
    return np.diff(edges), letters[edges[0] : edges[-1]] if letters else b""


def _vocabulary_of(lengths: NDArray[np.int64], letters: Any) -> Array:
    offsets = np.zeros(len(lengths) + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    return pa.Array.from_buffers(pa.string(), len(lengths), [None, pa.py_buffer(offsets.data), letters])


@dataclass(frozen=True, eq=False)
class DayFigures:
    """What the samples of each day come to: NaN where there is none, `last_ms` the start of the last."""

    count: NDArray[np.int64]
    least: Floats
    most: Floats
    total: Floats
    last: Floats
    last_ms: Times

    @classmethod
    def none(cls, days: int) -> DayFigures:
        """Days without any sample."""
        least, most, total, last = (np.full(days, np.nan) for _ in range(4))
        return cls(np.zeros(days, np.int64), least, most, total, last, np.full(days, np.iinfo(np.int64).min))

    def with_more(self, more: DayFigures) -> DayFigures:
        """The figures of both; of two last samples of the same moment, this one's."""
        sums = np.where(np.isnan(self.total), more.total, self.total + np.nan_to_num(more.total))
        later = more.last_ms > self.last_ms
        return DayFigures(
            count=self.count + more.count,
            least=np.fmin(self.least, more.least),
            most=np.fmax(self.most, more.most),
            total=sums,
            last=np.where(later, more.last, self.last),
            last_ms=np.maximum(self.last_ms, more.last_ms),
        )


class SampleFile:
    """A file opened for reading; columns are unpacked when asked for."""

    def __init__(self, data: bytes | pa.Buffer) -> None:
        self._file = Packed(data)
        self.told = self._file.told
        self.rows = self._file.rows("start")

    def series(self, origins: Origins) -> Series:
        """Everything in it. `origins` are the sets that its rows refer to."""
        start_ms = self._starts()
        value, valued = self._values()
        return Series(
            start_ms=start_ms,
            end_ms=start_ms + self._durations(),
            value=value,
            valued=valued,
            words={name: self._words(name) for name in WORDS},
            origin=self._file["origin"].astype(np.int32) if "origin" in self._file else np.zeros(self.rows, np.int32),
            origins=origins,
        )

    def table(self, names: Sequence[str], start_ms: int, end_ms: int) -> pa.Table:
        """These columns of SAMPLE_SCHEMA for the samples that start from `start_ms` on and before `end_ms`."""
        starts = self._starts()
        part = slice(*np.searchsorted(starts, (start_ms, end_ms)).tolist())

        def array(name: str) -> Array:
            if name == "start_ms":
                return pa.array(starts[part])
            if name == "end_ms":
                return pa.array((starts + self._durations())[part])
            if name == "value":
                value, valued = self._values()
                return pa.array(value[part], mask=None if valued[part].all() else ~valued[part])
            return self._words(name).take(part).array()

        schema = pa.schema([SAMPLE_SCHEMA.field(name) for name in names])
        table = pa.table([array(name) for name in names], schema=schema)
        return table.filter(~self._file["hidden"][part]) if "hidden" in self._file else table

    def numbers(self, start_ms: int, end_ms: int) -> tuple[Times, Times, Floats]:
        """Start, end and value (NaN where none is told) of the samples that start in that stretch."""
        starts = self._starts()
        part = slice(*np.searchsorted(starts, (start_ms, end_ms)).tolist())
        value, valued = self._values()
        starts, ends, value = starts[part], (starts + self._durations())[part], value[part]
        if not valued.all():
            value = np.where(valued[part], value, np.nan)
        if "hidden" not in self._file:
            return starts, ends, value
        shown = ~self._file["hidden"][part]
        return starts[shown], ends[shown], value[shown]

    def daily(self, edges_ms: Times) -> DayFigures:
        """Figures of the samples that start from each edge on and before the next.

        A file of words has no figures; its samples are only counted.
        """
        start, value, scale = self._file["start"], self._file["value"], self._scale()
        if "valued" in self._file or "hidden" in self._file or scale is None:
            if not len(value):
                return replace(DayFigures.none(len(edges_ms) - 1), count=np.diff(self._bounds(start, edges_ms)))
            value, counts = self._values()
            counts = counts & ~np.isnan(value)
            if "hidden" in self._file:
                counts &= ~self._file["hidden"]
            start, value, scale = start[counts], value[counts], Scale()
        bounds = self._bounds(start, edges_ms)
        days = DayFigures.none(len(edges_ms) - 1)
        days.count[:] = np.diff(bounds)
        some = days.count > 0
        first, last, inside = bounds[:-1][some], bounds[1:][some] - 1, value[: bounds[-1]]
        if len(first):
            days.least[some] = np.minimum.reduceat(inside, first)
            days.most[some] = np.maximum.reduceat(inside, first)
            days.total[some] = np.add.reduceat(inside, first)
            days.last[some], days.last_ms[some] = value[last], start[last] * self.told["start_unit_ms"]
        return replace(
            days,
            least=scale.numbers(days.least),
            most=scale.numbers(days.most),
            total=scale.numbers(days.total),
            last=scale.numbers(days.last),
        )

    def _scale(self) -> Scale | None:
        told = self.told.get("scale")
        return Scale(int(told[0]), float(told[1])) if told else None

    def _bounds(self, start: Times, edges_ms: Times) -> NDArray[np.intp]:
        """Where in the column of starts the first sample from each moment on is."""
        return np.searchsorted(start, -(-edges_ms // self.told["start_unit_ms"]))

    def _starts(self) -> Times:
        starts: Times = self._file["start"] * self.told["start_unit_ms"]
        return starts

    def _durations(self) -> Times:
        durations: Times = self._file["duration"] * self.told["duration_unit_ms"]
        return durations

    def _values(self) -> tuple[Floats, Mask]:
        numbers: Floats = self._file["value"]
        if scale := self._scale():
            numbers = scale.numbers(numbers)
        if "valued" not in self._file:
            return numbers, np.ones(self.rows, np.bool_)
        value, valued = np.zeros(self.rows), self._file["valued"]
        value[valued] = numbers
        return value, valued

    def _words(self, name: str) -> Words:
        if name in self.told:
            word = self.told[name]
            codes = np.full(self.rows, -1 if word is None else 0, np.int32)
            return Words(codes, pa.array([] if word is None else [word], pa.string()))
        lengths, letters = self._file[f"{name} lengths"], self._file[f"{name} letters"]
        return Words(self._file[name].astype(np.int32), _vocabulary_of(lengths, letters))


def decode(data: bytes | pa.Buffer, origins: Origins = ((),)) -> Series:
    """The series that a file holds; `origins` are the sets that its rows refer to."""
    return SampleFile(data).series(origins)


# --- putting rows in order ------------------------------------------------------------------------
def _from_table(columns: pa.Table, origins: Origins) -> Series:
    value: Column = columns["value"]
    valued = _numpy(value.is_valid()) if value.null_count else np.ones(len(columns), np.bool_)
    # One zero and one NaN only, so that equal numbers are equal bytes.
    numbers = _numpy(value.fill_null(0) if value.null_count else value) + 0.0
    numbers[np.isnan(numbers)] = np.nan
    return Series(
        start_ms=_numpy(columns["start_ms"]),
        end_ms=_numpy(columns["end_ms"]),
        value=numbers,
        valued=valued,
        words={name: _words(columns[name]) for name in WORDS},
        origin=np.zeros(len(columns), np.int32),
        origins=origins,
    )


def _words(column: Column) -> Words:
    if not pa.types.is_dictionary(column.type):
        column = column.cast(pa.string()).dictionary_encode()
    if column.num_chunks > 1:
        column = column.unify_dictionaries()
    if not len(column):
        return Words(np.empty(0, np.int32), pa.array([], pa.string()))
    array = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    vocabulary, indices = array.dictionary, array.indices
    codes = _numpy(indices.fill_null(-1) if indices.null_count else indices).astype(np.int32, copy=False)
    return _sorted_words(codes, vocabulary)


def _sorted_words(codes: Codes, vocabulary: Array) -> Words:
    if len(vocabulary) == 1 and vocabulary.null_count == 0:
        return Words(codes, vocabulary)
    ordered = _vocabulary(vocabulary)
    return Words(_recoded(codes, vocabulary, ordered), ordered)


def _vocabulary(words: Array) -> Array:
    unique = words.drop_null().unique()
    return unique.take(pc.sort_indices(unique))


def _recoded(codes: Codes, old: Array, new: Array) -> Codes:
    if old.equals(new):
        return codes
    lookup = np.full(len(old) + 1, -1, np.int32)  # code -1 reads the last one
    found: Array = pc.index_in(old, value_set=new)
    lookup[:-1] = _numpy(found.fill_null(-1))
    return lookup[codes]


def _joined(series: Sequence[Series]) -> Series:
    """All rows, one series after the other."""
    if len(series) == 1:
        return series[0]
    origins: list[tuple[int, ...]] = []
    origin: list[Codes] = []
    for one in series:
        origin.append(one.origin + np.int32(len(origins)))
        origins += one.origins
    words = {}
    for name in WORDS:
        columns = [one.words[name] for one in series]
        vocabulary = columns[0].vocabulary
        if not all(column.vocabulary.equals(vocabulary) for column in columns[1:]):
            vocabulary = _vocabulary(pa.concat_arrays([column.vocabulary for column in columns]))
        words[name] = Words(
            np.concatenate([_recoded(column.codes, column.vocabulary, vocabulary) for column in columns]), vocabulary
        )
    return Series(
        start_ms=np.concatenate([one.start_ms for one in series]),
        end_ms=np.concatenate([one.end_ms for one in series]),
        value=np.concatenate([one.value for one in series]),
        valued=np.concatenate([one.valued for one in series]),
        words=words,
        origin=np.concatenate(origin),
        origins=tuple(origins),
    )


def _taken(series: Series, index: Any) -> Series:
    return replace(
        series,
        start_ms=series.start_ms[index],
        end_ms=series.end_ms[index],
        value=series.value[index],
        valued=series.valued[index],
        words={name: words.take(index) for name, words in series.words.items()},
        origin=series.origin[index],
    )


def _canonical(series: Series) -> Series:
    """The rows in order, each once."""
    rows = len(series)
    if rows < 2 or (series.start_ms[1:] > series.start_ms[:-1]).all():
        return _numbered(series)
    if (series.start_ms[1:] < series.start_ms[:-1]).any():
        series = _taken(series, np.argsort(series.start_ms, kind="stable"))
    tie = series.start_ms[1:] == series.start_ms[:-1]
    tied = np.flatnonzero(np.append(tie, False) | np.append(False, tie))
    if not len(tied):
        return _numbered(series)
    identity, preference = _keys(series, tied)
    order = np.lexsort((preference, *reversed(identity)))
    # The first key is the start: the rows of one start stay where rows of that start were.
    placed = np.arange(rows)
    placed[tied] = tied[order]
    again = np.zeros(rows, np.bool_)
    repeats = np.ones(len(tied) - 1, np.bool_)
    for key in identity:
        ordered = key[order]
        repeats &= ordered[1:] == ordered[:-1]
    again[tied[1:]] = repeats
    series = _taken(series, placed)
    if again.any():
        series = replace(_taken(series, ~again), **_united(series, again))
    return _numbered(series)


def _keys(series: Series, index: NDArray[np.intp]) -> tuple[list[NDArray[np.int64]], NDArray[np.int64]]:
    """What makes a sample one and the same, most important first; and the rank among the same, lowest first."""
    words = {name: (words.codes[index] + 1).astype(np.int64) for name, words in series.words.items()}
    sizes = {name: len(words.vocabulary) + 1 for name, words in series.words.items()}
    valued = series.valued[index]
    bits = series.value[index].view(np.int64)
    # Sorts like the number: the bits of a negative double grow the wrong way.
    value = np.where(valued, bits ^ ((bits >> 63) & np.int64(2**63 - 1)), np.int64(-(2**63)))
    untold = ~valued & (words["text"] == 0)
    identity = _paired(
        [(words["text"], sizes["text"]), (words["unit"], sizes["unit"]), (words["detail"] * untold, sizes["detail"])]
    )
    lengths = pc.binary_length(series.words["detail"].vocabulary)
    by_length = np.empty(sizes["detail"], np.int64)
    by_length[np.concatenate(([0], 1 + np.argsort(_numpy(lengths), kind="stable")))] = np.arange(sizes["detail"])
    preference = _paired(
        [
            (by_length[words["detail"]], sizes["detail"]),
            (words["version"], sizes["version"]),
            (words["hardware"], sizes["hardware"]),
        ]
    )
    return [series.start_ms[index], series.end_ms[index], value, identity], -preference


def _paired(keys: Sequence[tuple[NDArray[np.int64], int]]) -> NDArray[np.int64]:
    """One key that sorts like several."""
    joint, size = keys[0]
    for key, values in keys[1:]:
        if size * values >= 2**63:
            joint = np.unique(joint, return_inverse=True)[1]
            size = len(joint)
        joint, size = joint * values + key, size * values
    return joint


def _united(series: Series, again: Mask) -> dict[str, Any]:
    """For each row that is not told again: who told it and those that follow it."""
    first = np.flatnonzero(~again)
    lengths = np.diff(np.append(first, len(again)))
    origin = series.origin[first].astype(np.int64)
    sets = list(series.origins)
    known = {members: number for number, members in reversed(list(enumerate(sets)))}
    for step in range(1, int(lengths.max())):
        longer = np.flatnonzero(lengths > step)
        pairs, inverse = np.unique(
            origin[longer] << 32 | series.origin[first[longer] + step].astype(np.int64), return_inverse=True
        )
        numbers = np.empty(len(pairs), np.int64)
        for number, pair in enumerate(pairs.tolist()):
            members = tuple(sorted({*sets[pair >> 32], *sets[pair & 0xFFFFFFFF]}))
            if members not in known:
                known[members] = len(sets)
                sets.append(members)
            numbers[number] = known[members]
        origin[longer] = numbers[inverse]
    return {"origin": origin.astype(np.int32), "origins": tuple(sets)}


def _numbered(series: Series) -> Series:
    """The sets of origins that occur, each once, numbered as they first appear."""
    if len(series.origins) == 1 and len(series):
        return series
    numbers, first = np.unique(series.origin, return_index=True)
    lookup = np.zeros(len(series.origins), np.int32)
    sets: dict[tuple[int, ...], int] = {}
    for number in numbers[np.argsort(first)].tolist():
        lookup[number] = sets.setdefault(series.origins[number], len(sets))
    return replace(series, origin=lookup[series.origin], origins=tuple(sets))


def _same_words(one: Words, other: Words) -> bool:
    one, other = one.trimmed(), other.trimmed()
    return np.array_equal(one.codes, other.codes) and one.vocabulary.equals(other.vocabulary)


def _constant(array: NDArray[Any]) -> bool:
    return len(array) > 0 and bool((array == array[0]).all())


def _numpy(array: Array | Column) -> NDArray[Any]:
    if isinstance(array, pa.ChunkedArray):
        array = array.chunk(0) if array.num_chunks == 1 else array.combine_chunks()
    return array.to_numpy(zero_copy_only=False)
