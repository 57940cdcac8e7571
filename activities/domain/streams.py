"""The measured series of one activity in one columnar file, and what a chart of a part of them needs.

Parquet of one row, whose columns are lists: streams are of different lengths, and each is read without the others.
Streams of equal times share one column of times. Short decimals are kept as integers and come back bit for bit.
"""

from __future__ import annotations

import io
import json
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from activities.domain.parsed import Stream
from activities.domain.scaling import Floats, Scale, scaled

_METADATA = "trainstack"
_VERSION = 1


def encode_streams(streams: Mapping[str, Stream]) -> bytes:
    """The file that holds the streams; equal streams make equal bytes."""
    columns: dict[str, Any] = {}
    scales: dict[str, Any] = {}
    times: dict[bytes, str] = {}
    time_of: dict[str, str] = {}
    for name, stream in sorted(streams.items()):
        time_s = np.ascontiguousarray(stream.time_s, np.float64)
        known = time_s.tobytes()
        if known not in times:
            times[known] = f"time_{len(times)}"
            columns[times[known]], scales[times[known]] = _column(time_s)
        time_of[name] = times[known]
        columns[f"stream_{name}"], scales[f"stream_{name}"] = _column(np.asarray(stream.values, np.float64))
    told = {"version": _VERSION, "times": time_of, "scales": scales}
    schema = pa.schema([pa.field(name, array.type, nullable=False) for name, array in columns.items()])
    sink = io.BytesIO()
    with pq.ParquetWriter(
        sink,
        schema,
        compression="zstd",
        compression_level=3,
        use_dictionary=False,
        column_encoding={
            f"{name}.list.element": "BYTE_STREAM_SPLIT" if scales[name] is None else "DELTA_BINARY_PACKED"
            for name in columns
        },
        write_statistics=False,
        store_schema=False,
    ) as writer:
        writer.write_table(pa.table(list(columns.values()), schema=schema))
        writer.add_key_value_metadata({_METADATA: json.dumps(told, sort_keys=True)})
    return sink.getvalue()


def decode_streams(data: bytes, names: Collection[str] | None = None) -> dict[str, Stream]:
    """The streams of these names that there are, or all; the others are not unpacked."""
    file = pq.ParquetFile(pa.BufferReader(data))
    metadata: Any = file.metadata
    told = json.loads(metadata.metadata[_METADATA.encode()])
    wanted = [name for name in told["times"] if names is None or name in names]
    columns = dict.fromkeys(column for name in wanted for column in (told["times"][name], f"stream_{name}"))
    table: Any = file.read(list(columns), use_threads=False)
    numbers = {column: _numbers(table[column], told["scales"][column]) for column in columns}
    return {name: Stream(numbers[told["times"][name]], numbers[f"stream_{name}"]) for name in wanted}


def downsample(stream: Stream, points: int, start_s: float | None = None, end_s: float | None = None) -> Stream:
    """At most `points` points (two at least) from `start_s` to `end_s`, both included, that draw the same chart.

    The stretch is cut into equal spans of time; of each stay the least and the greatest value, at their own times, or
    one NaN where nothing else is in it. What has few enough points stays as it is.
    """
    first = 0 if start_s is None else int(np.searchsorted(stream.time_s, start_s, "left"))
    last = len(stream) if end_s is None else int(np.searchsorted(stream.time_s, end_s, "right"))
    time_s, values = stream.time_s[first:last], stream.values[first:last]
    points = max(points, 2)
    if len(time_s) <= points:
        return Stream(time_s, values)
    spans = points // 2
    length = time_s[-1] - time_s[0]
    share = (time_s - time_s[0]) / length if length > 0 else np.zeros(len(time_s))
    span = np.minimum((share * spans).astype(np.int64), spans - 1)
    starts = np.flatnonzero(np.diff(span, prepend=-1))
    lengths = np.diff(starts, append=len(span))
    unknown = np.isnan(values)
    kept = []
    for extreme, last_choice in ((np.minimum, np.inf), (np.maximum, -np.inf)):
        compared = np.where(unknown, last_choice, values)
        chosen = np.flatnonzero(compared == np.repeat(extreme.reduceat(compared, starts), lengths))
        kept.append(chosen[np.searchsorted(chosen, starts)])
    index = np.unique(np.concatenate(kept))
    return Stream(time_s[index], values[index])


def _column(numbers: Floats) -> tuple[Any, list[float] | None]:
    """One list of integers, null where there is no value, and their scale; or of doubles as they are."""
    unknown = np.isnan(numbers)
    packed = scaled(numbers[~unknown])
    if packed is None:
        return _listed(pa.array(numbers)), None
    integers, scale = packed
    if unknown.any():
        told, integers = integers, np.zeros(len(numbers), integers.dtype)
        integers[~unknown] = told
    return _listed(pa.array(integers, mask=unknown if unknown.any() else None)), [scale.digits, scale.factor]


def _listed(array: Any) -> Any:
    element = pa.field("element", array.type, nullable=array.null_count > 0)
    return pa.ListArray.from_arrays(pa.array([0, len(array)], pa.int32()), array, type=pa.list_(element))


def _numbers(column: Any, scale: list[float] | None) -> Floats:
    array = column.combine_chunks().flatten()
    if scale is None:
        return array.to_numpy()
    numbers = Scale(int(scale[0]), scale[1]).numbers(array.fill_null(0).to_numpy())
    if array.null_count:
        numbers[array.is_null().to_numpy(zero_copy_only=False)] = np.nan
    return numbers
