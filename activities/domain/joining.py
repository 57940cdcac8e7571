"""Streams of an activity from what lies around it: samples of devices, and the tracks of its routes."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from activities.domain.metrics import METRICS
from activities.domain.parsed import Stream

# Stream name -> the metrics that feed it.
FEEDS: Mapping[str, tuple[str, ...]] = {
    name: tuple(metric.slug for metric in METRICS.values() if metric.stream == name)
    for name in dict.fromkeys(metric.stream for metric in METRICS.values() if metric.stream)
}
# Kinds of device that sit on the body: they know best what it does.
WORN = frozenset({"watch", "band", "ring"})
# A route is drawn up against its activity's clock; one recorded at another time altogether begins at its own start.
ROUTE_SLACK_MS = 60_000


class Track(Protocol):
    """What is needed of a GPX track: parallel arrays, NaN where a point does not tell."""

    @property
    def time_ms(self) -> NDArray[np.int64]: ...
    @property
    def lat(self) -> NDArray[np.float64]: ...
    @property
    def lon(self) -> NDArray[np.float64]: ...
    @property
    def ele(self) -> NDArray[np.float64]: ...
    @property
    def speed(self) -> NDArray[np.float64]: ...


@dataclass(frozen=True, eq=False)
class Feed:
    """The samples of one metric from one device in some stretch, by start."""

    device_key: str
    device_kind: str
    start_ms: NDArray[np.int64]
    value: NDArray[np.float64]

    def within(self, start_ms: int, end_ms: int) -> slice:
        """The samples that start in the span, both ends included."""
        first, last = np.searchsorted(self.start_ms, (start_ms, end_ms + 1))
        return slice(int(first), int(last))


def source_key(name: str) -> str:
    """A source's name with its Unicode forms and white space made equal, as devices are known by."""
    return " ".join(unicodedata.normalize("NFKC", name).split())


def sampled_streams(
    feeds: Mapping[str, Sequence[Feed]], source_name: str, start_ms: int, end_ms: int
) -> dict[str, Stream]:
    """The samples inside the span by stream name, each stream from one device.

    From the one that recorded the activity (by its source's name), else one that is worn, else the most telling one.
    """
    key = source_key(source_name)
    streams = {}
    for name, told in feeds.items():
        found = []
        for feed in told:
            inside = feed.within(start_ms, end_ms)
            if count := inside.stop - inside.start:
                rank = (feed.device_key != key, feed.device_kind not in WORN, -count, feed.device_key)
                found.append((rank, feed, inside))
        if found:
            _, feed, inside = min(found, key=lambda one: one[0])
            streams[name] = Stream((feed.start_ms[inside] - start_ms) / 1000, feed.value[inside])
    return streams


def route_streams(tracks: Iterable[Track], start_ms: int, end_ms: int, *, clip: bool = False) -> dict[str, Stream]:
    """Position, altitude and speed along the tracks, each moment once; with `clip` only inside the span."""
    columns = _joined([track for track in tracks if len(track.time_ms)])
    time_ms = columns.pop("time_ms")
    if clip:
        inside = (time_ms >= start_ms) & (time_ms <= end_ms)
        time_ms, columns = time_ms[inside], {name: column[inside] for name, column in columns.items()}
    if not len(time_ms):
        return {}
    elsewhere = time_ms[-1] < start_ms - ROUTE_SLACK_MS or time_ms[0] > end_ms + ROUTE_SLACK_MS
    time_s = (time_ms - (time_ms[0] if elsewhere else start_ms)) / 1000
    streams = {name: Stream(time_s, columns[name]) for name in ("latitude", "longitude")}
    for name in ("altitude", "speed"):
        told = ~np.isnan(columns[name])
        if told.any():
            streams[name] = Stream(time_s[told], columns[name][told])
    return streams


def joined_streams(*told: Mapping[str, Stream]) -> dict[str, Stream]:
    """Of each name the stream with most samples, the first told among equals. Positions stay together."""
    streams: dict[str, Stream] = {}
    for some in told:
        for name, stream in some.items():
            if len(stream) > len(streams.get(name, ())):
                streams[name] = stream
    return streams


def _joined(tracks: Sequence[Track]) -> dict[str, NDArray[Any]]:
    """All points by time, each moment once, and none without a time or a place."""
    if not tracks:
        return {"time_ms": np.empty(0, np.int64)}
    columns: dict[str, NDArray[Any]] = {
        "time_ms": np.concatenate([track.time_ms for track in tracks]),
        "latitude": np.concatenate([track.lat for track in tracks]),
        "longitude": np.concatenate([track.lon for track in tracks]),
        "altitude": np.concatenate([track.ele for track in tracks]),
        "speed": np.concatenate([track.speed for track in tracks]),
    }
    placed = np.isfinite(columns["latitude"]) & np.isfinite(columns["longitude"])
    # A point whose time is not told has the least number that there is.
    placed &= columns["time_ms"] > np.iinfo(np.int64).min
    columns = {name: column[placed] for name, column in columns.items()}
    _, index = np.unique(columns["time_ms"], return_index=True)
    return {name: column[index] for name, column in columns.items()}
