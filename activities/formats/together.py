"""The streams of activities put together from all that tells of them: a pure function, so any process can do it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from activities.domain.joining import joined_streams, route_streams
from activities.domain.parsed import Stream
from activities.domain.streams import encode_streams
from activities.formats.gpx import parse_gpx
from trainstack.packed import unpack

# Figures of the heart rate that streams give where nobody told them.
FIGURES: Mapping[str, Callable[[NDArray[np.float64]], Any]] = {
    "avg_heart_rate_bpm": np.nanmean,
    "max_heart_rate_bpm": np.nanmax,
    "min_heart_rate_bpm": np.nanmin,
}


@dataclass(frozen=True)
class ToldStreams:
    """What there is for the streams of one activity, from and to in ms since 1970.

    Samples that were taken meanwhile, its routes (GPX, as they are stored), and what its own record tells. A part of a
    multisport effort has of a route what lies inside its time.
    """

    start_ms: int
    end_ms: int
    is_part: bool
    sampled: Mapping[str, Stream]
    routes: tuple[bytes, ...]
    own: Mapping[str, Stream]


@dataclass(frozen=True)
class Made:
    """What the streams of one activity come to: points by name, figures of the heart rate, and the file."""

    points: dict[str, int]
    figures: dict[str, float | None]
    sha256: str
    data: bytes


def made(told: Iterable[ToldStreams]) -> Iterator[Made]:
    """The streams of each activity: of each name the longest, the first of those above among equals."""
    for one in told:
        tracks = [track for route in one.routes for track in parse_gpx(unpack(route))]
        streams = joined_streams(
            one.sampled, route_streams(tracks, one.start_ms, one.end_ms, clip=one.is_part), one.own
        )
        beats = streams["heart_rate"].values if "heart_rate" in streams else np.empty(0)
        has_beats = bool(np.isfinite(beats).any())
        data = encode_streams(streams) if streams else b""
        yield Made(
            points={name: len(stream) for name, stream in sorted(streams.items())},
            figures={name: round(float(figure(beats)), 1) if has_beats else None for name, figure in FIGURES.items()},
            sha256=hashlib.sha256(data).hexdigest() if data else "",
            data=data,
        )
