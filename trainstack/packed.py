"""A payload's bytes as they are stored: one layer of zstd unless they are compressed already. Knows no settings."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import pyarrow as pa

# Stored bytes that begin so are one zstd layer of ours; everything else is the payload itself.
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
# zip, gzip, PNG and JPEG: nothing to gain.
_COMPRESSED_MAGIC = (b"PK\x03\x04", b"\x1f\x8b", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")
ZSTD_LEVEL = 3


@dataclass(frozen=True)
class Packed:
    """A payload ready to be stored: sha256 and size of the plain bytes, and the bytes as they are stored."""

    sha256: str
    size_bytes: int
    stored: bytes

    @property
    def plain(self) -> bytes:
        """The payload itself."""
        return unpack(self.stored)


def pack(data: bytes) -> Packed:
    """The payload, packed where that is needed or gains anything."""
    stored = data
    if not kept_as_is(data[:8]):
        packed: bytes = pa.Codec("zstd", ZSTD_LEVEL).compress(data, asbytes=True)
        stored = packed if len(packed) < len(data) or data.startswith(ZSTD_MAGIC) else data
    return Packed(hashlib.sha256(data).hexdigest(), len(data), stored)


def unpack(stored: bytes) -> bytes:
    """The plain bytes of what was packed."""
    if not stored.startswith(ZSTD_MAGIC):
        return stored
    with pa.CompressedInputStream(pa.BufferReader(stored), "zstd") as plain:
        return plain.read()


def kept_as_is(head: bytes) -> bool:
    """Whether a payload that begins so is stored as it is."""
    return head.startswith(_COMPRESSED_MAGIC) or not head
