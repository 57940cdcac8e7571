"""Bytes by the column: what stands at many places of a block at once, compared, gathered and turned into numbers."""

from __future__ import annotations

from typing import Any, TypeVar, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

Number = TypeVar("Number", bound=np.generic)

# Looking for a byte goes piece by piece, so that what is compared stays in the processor's cache.
_PIECE = 1 << 18
_WORDS = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}


def places_of(block: Bytes, byte: int, other: int | None = None, *, mask: int = 0) -> Ints:
    """Where this byte stands (or the other one), bits of `mask` set before the comparison."""
    found = []
    for at in range(0, len(block), _PIECE):
        piece = block[at : at + _PIECE]
        here = (piece | np.uint8(mask) if mask else piece) == byte
        if other is not None:
            here |= piece == other
        found.append(np.flatnonzero(here) + at)
    return np.concatenate(found) if found else np.zeros(0, np.int64)


def windows(block: Bytes, at: Ints, size: int) -> Bytes:
    """An (n, size) matrix, a copy, of what stands at these places, all of which lie `size` before the block's end."""
    view = np.ndarray((max(len(block) - size + 1, 0),), f"V{size}", block, strides=(1,))
    return view[at].view(np.uint8).reshape(-1, size)


def equals(block: Bytes, at: Ints, told: bytes) -> Bools:
    """Where exactly these bytes stand; False where the block ends before."""
    size = len(told)
    width = max(each for each in _WORDS if each <= size)
    last = len(block) - size
    if last < 0:
        return np.zeros(len(at), bool)
    inside = None
    if len(at) and at.max() > last:
        inside = at <= last
        at = np.where(inside, at, 0)
    # Words may overlap: twelve bytes are the first eight and the last eight.
    for first in {*range(0, size - width, width), size - width}:
        view = np.ndarray((last + 1,), _WORDS[width], block, offset=first, strides=(1,))
        same = view[at] == np.frombuffer(told, _WORDS[width], 1, first)[0]
        inside = same if inside is None else np.logical_and(inside, same, out=inside)
    assert inside is not None
    return inside


def any_of_row(rows: Bools) -> Bools:
    """`rows.any(axis=1)`, several times faster where a row's length is a multiple of eight."""
    if rows.shape[1] % 8 or not rows.flags.c_contiguous:
        return np.asarray(rows.any(axis=1))
    words = rows.view(np.uint64)
    found = words[:, 0].copy()
    for column in range(1, words.shape[1]):
        found |= words[:, column]
    return found != 0


def slices(block: Bytes, start: Ints, end: Ints, kind: pa.DataType) -> pa.Array:
    """The stretches [start, end) of the block, in rising order and without a copy: elements 0, 2, 4, ... of the array.

    The elements between them are null.
    """
    edges = np.empty(2 * len(start), np.int32)
    edges[0::2], edges[1::2] = start, end
    count = max(len(edges) - 1, 0)
    valid = np.full(count // 8 + 1, 0b01010101, np.uint8)
    return pa.Array.from_buffers(kind, count, [_buffer(valid), _buffer(edges), _buffer(block)], null_count=count // 2)


def encoded(block: Bytes, start: Ints, end: Ints) -> tuple[list[bytes], NDArray[np.int32]]:
    """The different texts among these stretches, and for each stretch which one it is."""
    texts, which = _encoded(slices(block, start, end, pa.binary()))
    return texts, which[0::2]


def encoded_rows(rows: Bytes) -> tuple[list[bytes], NDArray[np.int32]]:
    """The different rows of a matrix, and for each row which one it is."""
    return _encoded(pa.Array.from_buffers(pa.binary(rows.shape[1]), len(rows), [None, _buffer(rows)]))


def numbers(block: Bytes, start: Ints, end: Ints) -> Floats:
    """These stretches as numbers. Raises pa.ArrowInvalid if one of them is none."""
    return _numpy(pc.cast(slices(block, start, end, pa.string()), pa.float64()), np.float64)[0::2].copy()


def _encoded(array: pa.Array) -> tuple[list[bytes], NDArray[np.int32]]:
    dictionary = array.dictionary_encode()
    return cast("list[bytes]", dictionary.dictionary.to_pylist()), _numpy(dictionary.indices, np.int32)


def _buffer(array: NDArray[Any]) -> pa.Buffer:
    return pa.py_buffer(array.data)


def _numpy(array: pa.Array, kind: type[Number]) -> NDArray[Number]:
    """An Arrow array's values without a copy, those that are null with any value."""
    values = array.buffers()[1]
    return np.frombuffer(memoryview(values) if values is not None else b"", kind, len(array))
