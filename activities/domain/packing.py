"""Columns of numbers in the bytes of one small file, each of which is read without the others.

A magic word, the length of the head, the head in JSON, then each column's bytes. A column of integers is kept as what
each is above the least of them (or its step above the least step), in as few bytes as that takes, the bytes of equal
weight together, all of it under zstd where that gains anything. One value for all rows takes no bytes at all.

This is Parquet's own way of packing, without the millisecond and the two kilobytes that each Parquet file costs: a life
has thousands of such files. Equal columns make equal bytes.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

MAGIC = b"TSC1"
_HEAD = struct.Struct("<4sI")
_ZSTD = pa.Codec("zstd", 3)
_INTEGERS, _STEPS, _FLOATS, _BITS, _BYTES = "integers", "steps", "floats", "bits", "bytes"
_WIDTHS = (1, 2, 4, 8)


class _Column(NamedTuple):
    """What the head tells of a column: `size` bytes hold `rows` values of `width` bytes, plain where that is as many.

    `first` is the value that steps begin at, `least` what is added to each value or step.
    """

    kind: str
    rows: int
    size: int
    width: int = 1
    least: int = 0
    first: int = 0


class Packer:
    """A file while its columns come in."""

    def __init__(self) -> None:
        self._columns: dict[str, _Column] = {}
        self._data: list[Any] = []

    def add_integers(self, name: str, numbers: NDArray[Any], *, steps: bool = False) -> None:
        """Add integers; with `steps` each is kept as its difference from the one before."""
        values = numbers.astype(np.int64, copy=False)
        first = 0
        if steps and len(values):
            # Differences may be wider than an integer; they wrap around, and back when they are added up.
            first, values = int(values[0]), values[1:] - values[:-1]
        least, most = (int(values.min()), int(values.max())) if len(values) else (0, 0)
        width = next((width for width in _WIDTHS if most - least < 1 << 8 * width), 8) if most > least else 0
        column = _Column(_STEPS if steps else _INTEGERS, len(numbers), 0, width, least, first)
        self._add(name, column, _split((values - np.int64(least)).astype(f"<u{width}")) if width else b"")

    def add_floats(self, name: str, numbers: Floats) -> None:
        """Add doubles, kept bit for bit."""
        self._add(name, _Column(_FLOATS, len(numbers), 0, 8), _split(np.ascontiguousarray(numbers, np.float64)))

    def add_bits(self, name: str, told: Bools) -> None:
        """Add truths."""
        self._add(name, _Column(_BITS, len(told), 0), np.packbits(told))

    def add_bytes(self, name: str, data: Any) -> None:
        """Add bytes as they are."""
        self._add(name, _Column(_BYTES, len(data), 0), data)

    def file(self, told: Mapping[str, Any]) -> bytes:
        """The file, with whatever else is to be told of it in JSON's own types."""
        head = json.dumps({"columns": self._columns, "told": told}, ensure_ascii=False, separators=(",", ":")).encode()
        return b"".join((_HEAD.pack(MAGIC, len(head)), head, *self._data))

    def _add(self, name: str, column: _Column, data: Any) -> None:
        plain = pa.py_buffer(data)
        packed = _ZSTD.compress(plain) if plain.size > 16 else plain
        if packed.size >= plain.size:
            packed = plain
        self._columns[name] = column._replace(size=packed.size)
        self._data.append(packed)


class Packed:
    """A file that a Packer made; columns are unpacked when asked for. ValueError where it is none."""

    def __init__(self, data: Any) -> None:
        self._data = pa.py_buffer(data)
        magic, length = _HEAD.unpack(self._data[: _HEAD.size])
        if magic != MAGIC:
            raise ValueError("not a file of packed columns")
        head = json.loads(self._data[_HEAD.size : _HEAD.size + length].to_pybytes())
        self.told: dict[str, Any] = head["told"]
        self._columns = {name: _Column(*column) for name, column in head["columns"].items()}
        self._at: dict[str, int] = {}
        at = _HEAD.size + length
        for name, column in self._columns.items():
            self._at[name] = at
            at += column.size

    def __contains__(self, name: str) -> bool:
        return name in self._columns

    def rows(self, name: str) -> int:
        """How many values the column has."""
        return self._columns[name].rows

    def __getitem__(self, name: str) -> Any:
        """The column: int64, float64 or bool, or a buffer of bytes."""
        column = self._columns[name]
        match column.kind:
            case "bytes":
                return self._plain(name, column.rows)
            case "bits":
                bits = np.frombuffer(self._plain(name, -(-column.rows // 8)), np.uint8)
                return np.unpackbits(bits, count=column.rows).view(np.bool_)
            case "floats":
                return _joined(self._plain(name, column.rows * 8), 8).view(np.float64)
        count = column.rows - (column.kind == _STEPS and column.rows > 0)
        if not column.width:
            values = np.full(count, column.least, np.int64)
        else:
            values = _joined(self._plain(name, count * column.width), column.width).astype(np.int64)
            if column.least:
                values += np.int64(column.least)
        if column.kind != _STEPS or not column.rows:
            return values
        numbers = np.empty(column.rows, np.int64)
        numbers[0] = column.first
        np.cumsum(values, out=numbers[1:])
        numbers[1:] += np.int64(column.first)
        return numbers

    def _plain(self, name: str, size: int) -> Any:
        column = self._columns[name]
        data = self._data[self._at[name] : self._at[name] + column.size]
        return data if column.size == size else _ZSTD.decompress(data, size)


def _split(values: NDArray[Any]) -> NDArray[np.uint8]:
    """The bytes of equal weight of all values together: the lowest of each first."""
    width = values.dtype.itemsize
    return np.ascontiguousarray(values.view(np.uint8).reshape(-1, width).T).reshape(-1)


def _joined(data: Any, width: int) -> NDArray[Any]:
    """The unsigned integers whose bytes were split."""
    planes = np.frombuffer(data, np.uint8).reshape(width, -1)
    if width == 1:
        return planes[0]
    values = np.empty((planes.shape[1], width), np.uint8)
    for place, plane in enumerate(planes):
        values[:, place] = plane
    return values.reshape(-1).view(f"<u{width}")
