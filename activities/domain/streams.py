"""The measured series of one activity in one columnar file, and what a chart of a part of them needs.

Streams are of different lengths, and each is read without the others. Streams of equal times share one column of times.
Short decimals are kept as integers and come back bit for bit.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from activities.domain.packing import Packed, Packer
from activities.domain.parsed import Stream
from activities.domain.scaling import Floats, Scale, scaled

_FORMAT = 1


def encode_streams(streams: Mapping[str, Stream]) -> bytes:
    """The file that holds the streams; equal streams make equal bytes."""
    packer = Packer()
    scales: dict[str, list[float] | None] = {}
    times: dict[bytes, str] = {}
    time_of: dict[str, str] = {}
    for name, stream in sorted(streams.items()):
        time_s = np.ascontiguousarray(stream.time_s, np.float64)
        known = time_s.tobytes()
        if known not in times:
            times[known] = f"time {len(times)}"
            scales[times[known]] = _add(packer, times[known], time_s)
        time_of[name] = times[known]
        scales[_values(name)] = _add(packer, _values(name), np.asarray(stream.values, np.float64))
    return packer.file({"format": _FORMAT, "times": time_of, "scales": scales})


def decode_streams(data: bytes, names: Collection[str] | None = None) -> dict[str, Stream]:
    """The streams of these names that there are, or all; the others are not unpacked."""
    file = Packed(data)
    times: dict[str, str] = file.told["times"]
    wanted = [name for name in times if names is None or name in names]
    columns = dict.fromkeys(column for name in wanted for column in (times[name], _values(name)))
    numbers = {column: _numbers(file, column, file.told["scales"][column]) for column in columns}
    return {name: Stream(numbers[times[name]], numbers[_values(name)]) for name in wanted}


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


def _add(packer: Packer, name: str, numbers: Floats) -> list[float] | None:
    """Add a column of integers, and of where there is no value, and tell their scale; or of doubles as they are."""
    unknown = np.isnan(numbers)
    some_unknown = bool(unknown.any())
    packed = scaled(numbers[~unknown] if some_unknown else numbers)
    if packed is None:
        packer.add_floats(name, numbers)
        return None
    integers, scale = packed
    if some_unknown:
        told, integers = integers, np.zeros(len(numbers), np.int64)
        integers[~unknown] = told
        packer.add_bits(_unknown(name), unknown)
    packer.add_integers(name, integers, steps=True)
    return [scale.digits, scale.factor]


def _numbers(file: Packed, name: str, scale: list[float] | None) -> Floats:
    numbers: Floats = file[name]
    if scale is not None:
        numbers = Scale(int(scale[0]), scale[1]).numbers(numbers)
    if _unknown(name) in file:
        numbers[file[_unknown(name)]] = np.nan
    return numbers


def _values(name: str) -> str:
    return f"stream {name}"


def _unknown(column: str) -> str:
    """The column that tells where another one has no value."""
    return f"no {column}"
