"""Sample tables for tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from activities.domain.reading import SAMPLE_SCHEMA


def sample_table(rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """A table with the columns of SAMPLE_SCHEMA; a sample without an end ends where it starts."""
    filled = [{"end_ms": row["start_ms"], **row} for row in rows]
    arrays = []
    for field in SAMPLE_SCHEMA:
        told = [row.get(field.name) for row in filled]
        if pa.types.is_dictionary(field.type):
            arrays.append(pa.array(told, pa.string()).dictionary_encode())
        else:
            arrays.append(pa.array(told, field.type, from_pandas=False))
    return pa.table(arrays, schema=SAMPLE_SCHEMA)
