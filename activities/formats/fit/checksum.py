"""FIT's checksum (CRC-16, polynomial 0xA001, from zero) in a few passes of numpy instead of one step a byte."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray


@cache
def _shifts(level: int) -> NDArray[np.uint16]:
    """For every checksum of some bytes, what it becomes when 2**level zero bytes follow."""
    if level:
        half = _shifts(level - 1)
        return half[half]
    of_byte: NDArray[np.uint16] = np.arange(256, dtype=np.uint16)
    for _ in range(8):
        of_byte = np.where(of_byte & 1, of_byte >> 1 ^ 0xA001, of_byte >> 1).astype(np.uint16)
    every = np.arange(1 << 16, dtype=np.uint16)
    return (every >> 8) ^ of_byte[every & 0xFF]


def crc16(data: bytes) -> int:
    """The checksum of these bytes.

    The checksum is linear: that of two stretches is that of the first, shifted by the length of the second, xor that
    of the second. So neighbours are joined, then pairs of neighbours, until one is left; zeros before change nothing.
    """
    level = 1
    # Two bytes are what the sum of nothing becomes with them, shifted by their length.
    sums = _shifts(level)[np.frombuffer(bytes(len(data) % 2) + data, "<u2")]
    while len(sums) > 1:
        if len(sums) % 2:
            sums = np.concatenate((np.zeros(1, np.uint16), sums))
        sums = _shifts(level)[sums[0::2]] ^ sums[1::2]
        level += 1
    return int(sums[0]) if len(sums) else 0
