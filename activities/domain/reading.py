"""What a file reader hands on, piece by piece: samples in columns, payloads to keep, counts, and where it stands."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa

from activities.domain.parsed import Parsed, Problem
from trainstack.packed import Packed

_WORD = pa.dictionary(pa.int32(), pa.string())
# Columns of every SampleTable, in any row order. `value` is in the metric's canonical unit and null where the source
# told a word (then `text` holds it) or nothing. `unit` is the unit as told. `detail` is whatever stood inside the
# element, verbatim (for Apple: its child elements), null where nothing did.
_FIELDS: list[pa.Field[Any]] = [
    pa.field("start_ms", pa.int64()),
    pa.field("end_ms", pa.int64()),
    pa.field("value", pa.float64()),
    pa.field("text", _WORD),
    pa.field("unit", _WORD),
    pa.field("version", _WORD),
    pa.field("hardware", _WORD),
    pa.field("detail", _WORD),
]
SAMPLE_SCHEMA = pa.schema(_FIELDS)


@dataclass(frozen=True)
class DeviceFacts:
    """Who measured: the provider's name for it, made equal (`key`) and as told (`name`), and what is known of it."""

    key: str
    name: str
    kind: str = "unknown"
    manufacturer: str = ""
    model: str = ""
    hardware: str = ""


@dataclass(frozen=True, eq=False)
class SampleTable:
    """Samples of one metric from one device; `columns` has SAMPLE_SCHEMA."""

    metric: str
    device: DeviceFacts
    columns: pa.Table


@dataclass(frozen=True)
class RawPayload:
    """Bytes that get a raw record of their own."""

    kind: str
    external_id: str
    data: bytes
    content_type: str
    stated_at: datetime | None = None
    # Whose record it is; empty for the provider whose reader hands it on.
    provider: str = ""
    # The member of the archive (or the file) that it is; for problems, pages and the report.
    path: str = ""
    # The payload as it is to be stored, where somebody has packed it already; `data` is then left empty.
    packed: Packed | None = None
    # What it tells, and "" or why it cannot be read, where somebody has parsed it already.
    told: tuple[Parsed, str] | None = None

    @property
    def plain(self) -> bytes:
        """The bytes, wherever they are."""
        return self.packed.plain if self.packed else self.data

    @property
    def size_bytes(self) -> int:
        return self.packed.size_bytes if self.packed else len(self.data)

    @property
    def held_bytes(self) -> int:
        """What it takes of the memory."""
        return len(self.packed.stored) if self.packed else len(self.data)

    @property
    def sha256(self) -> str:
        return self.packed.sha256 if self.packed else hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True)
class Batch:
    """A stretch of a file. Once it is stored, reading goes on from `cursor`; JSON types only in it.

    `counts` tells elements by tag, and `done` of `total` counts bytes of the unpacked file.
    """

    cursor: Mapping[str, Any]
    done: int
    total: int
    doing: str = ""
    samples: tuple[SampleTable, ...] = ()
    payloads: tuple[RawPayload, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    # Members of an archive that nobody reads; they stay inside the file, which is kept whole.
    kept: tuple[str, ...] = ()
    # Whose samples these are; empty for the provider whose reader hands them on.
    provider: str = ""
