"""Writing FIT files: definitions, messages, the header and the sums. Pure.

Reading them is `activities.formats.fit`. Who writes: the demo's bike computer, the sandbox, and planned workouts.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

# FIT counts seconds from here.
EPOCH_S = int(datetime(1989, 12, 31, tzinfo=UTC).timestamp())

# Base type -> its byte in a definition, its numpy type, its "not told". Texts are "string:16": so many bytes of UTF-8.
TYPES: dict[str, tuple[int, str, int]] = {
    "enum": (0x00, "u1", 0xFF),
    "uint8": (0x02, "u1", 0xFF),
    "uint16": (0x84, "<u2", 0xFFFF),
    "sint32": (0x85, "<i4", 0x7FFFFFFF),
    "uint32": (0x86, "<u4", 0xFFFFFFFF),
    "uint32z": (0x8C, "<u4", 0),
}
_STRING = 0x07


def _type(base: str) -> tuple[int, str, int]:
    if base.startswith("string:"):
        return _STRING, f"S{base.removeprefix('string:')}", 0
    return TYPES[base]


@dataclass(frozen=True)
class Message:
    """One kind of message: its number, its local number in the file, and (field number, base type) in order."""

    number: int
    local: int
    fields: tuple[tuple[int, str], ...]

    def definition(self) -> bytes:
        fields = b"".join(
            struct.pack("BBB", number, np.dtype(_type(base)[1]).itemsize, _type(base)[0])
            for number, base in self.fields
        )
        return struct.pack("<BBBHB", 0x40 | self.local, 0, 0, self.number, len(self.fields)) + fields

    def rows(self, columns: Sequence[NDArray[np.float64] | Sequence[float]]) -> bytes:
        """One message for each row of the columns of numbers, which stand in the order of the fields."""
        table = self._table(len(columns[0]))
        for (number, _), column in zip(self.fields, columns, strict=True):
            table[f"f{number}"] = np.rint(np.asarray(column, dtype=np.float64))
        return table.tobytes()

    def one(self, *values: float) -> bytes:
        return self.rows([[value] for value in values])

    def told(self, **values: float | str | None) -> bytes:
        """One message by field: `f3=7`; what is None or not named is "not told". Texts are cut at a whole character."""
        table = self._table(1)
        for number, base in self.fields:
            value = values.get(f"f{number}")
            if base.startswith("string:"):
                size = np.dtype(_type(base)[1]).itemsize
                # The last byte ends the text.
                table[f"f{number}"] = str(value or "").encode()[: size - 1].decode("utf-8", "ignore").encode()
            else:
                table[f"f{number}"] = _type(base)[2] if value is None else round(float(value))
        return table.tobytes()

    def _table(self, rows: int) -> NDArray[np.void]:
        table = np.zeros(
            rows, dtype=[("header", "u1"), *((f"f{number}", _type(base)[1]) for number, base in self.fields)]
        )
        table["header"] = self.local
        return table


def whole_file(body: bytes, *, profile: int) -> bytes:
    """The file with these records: header, body, checksum. `profile` is the version, 21218 for 21.218."""
    header = struct.pack("<BBHI4s", 14, 0x20, profile, len(body), b".FIT")
    header += struct.pack("<H", checksum(header))
    return header + body + struct.pack("<H", checksum(header + body))


_NIBBLES = (
    0x0000, 0xCC01, 0xD801, 0x1400, 0xF001, 0x3C00, 0x2800, 0xE401,
    0xA001, 0x6C00, 0x7800, 0xB401, 0x5000, 0x9C01, 0x8801, 0x4400,
)  # fmt: skip
# The same for whole bytes.
_TABLE = [(_NIBBLES[byte & 15] >> 4) ^ _NIBBLES[(_NIBBLES[byte & 15] ^ (byte >> 4)) & 15] for byte in range(256)]


def checksum(data: bytes) -> int:
    """The CRC-16 that ends a FIT file."""
    crc = 0
    for byte in data:
        crc = (crc >> 8) ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc
