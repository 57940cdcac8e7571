"""Points of a TCX or GPX file -> streams, and the figures that the points give where no one told them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

import numpy as np

from activities.domain.parsed import ParsedActivity, Problem, Stream
from activities.domain.track import climb_m, distances_m
from activities.formats.columns import Floats, Ints
from activities.formats.computed import LEVEL, with_computed
from activities.formats.xml_points import NO_TIME, Points
from trainstack.sports import family, is_step_sport

# What no body, device or place on earth gives is "not told": least and greatest of each column.
_LIMITS: Mapping[str, tuple[float, float]] = {
    "latitude": (-90, 90),
    "longitude": (-180, 180),
    "altitude": (-12_000, 60_000),
    "distance": (0, 1e8),
    "speed": (0, 1000),
    "heart_rate": (1, 300),
    "power": (0, 10_000),
    "cadence": (0, 500),
    "run_cadence": (0, 500),
    "temperature": (-100, 150),
}
# Files are to tell the turns of one leg, and hardly a leg turns faster than this: who tells more tells both feet.
_ONE_FOOT_MAX = 120
# A moment so far from the start of what it belongs to is a fault of the clock.
BEFORE_MS, AFTER_MS = 86_400_000, 100 * 86_400_000


@dataclass(frozen=True, eq=False)
class Recording:
    """Points that tell a time, in the order of time, with what is possible in their columns; and how they came.

    `untimed`, `displaced`, `backwards` and `estranged` count points: without time, at no place on earth, earlier than
    the one before them, and months from where the effort began.
    """

    time_ms: Ints
    columns: Mapping[str, Floats]
    untimed: int = 0
    displaced: int = 0
    backwards: int = 0
    estranged: int = 0

    def __len__(self) -> int:
        return len(self.time_ms)

    def problems(self) -> list[Problem]:
        """What a person should know of how the points came."""
        told = (
            (self.untimed, "Points without a time were left out."),
            (self.displaced, "Points at no place on earth were read without their position."),
            (self.backwards, "Points stood before earlier ones; they were put into the order of their times."),
            (self.estranged, "Points far from the time of the activity were left out."),
        )
        return [Problem("", message, count) for count, message in told if count]

    def told(self, name: str) -> Floats:
        """The values of a column that are told."""
        column = self.columns.get(name)
        return np.zeros(0) if column is None else column[~np.isnan(column)]

    def streams(self, start_ms: int, sport: str) -> dict[str, Stream]:
        """By name, what was recorded, each value at its seconds from the start; of two at one moment the first."""
        streams: dict[str, Stream] = {}
        told = {**self.columns}
        cadence = self.cadence(sport)
        told.pop("run_cadence", None)
        if cadence is not None:
            told["cadence"] = cadence
        for name, values in told.items():
            known = np.flatnonzero(~np.isnan(values))
            if not len(known):
                continue
            moments = self.time_ms[known]
            first = np.ones(len(known), bool)
            first[1:] = moments[1:] != moments[:-1]
            streams[name] = Stream((moments[first] - start_ms) / 1000, values[known[first]])
        return streams

    def cadence(self, sport: str) -> Floats | None:
        """Turns a minute, or steps of both feet where the sport steps; None where there is none."""
        running, told = self.columns.get("run_cadence"), self.columns.get("cadence")
        if running is not None and not np.isnan(running).all():
            steps = both_feet(running)
            return steps if told is None else np.where(np.isnan(steps), both_feet(told), steps)
        if told is None or np.isnan(told).all():
            return None
        return both_feet(told) if is_step_sport(sport) else told


def recording_of(points: Points, start_ms: int | None = None) -> Recording:
    """What can be told of the points; `start_ms` is when their activity says that it began."""
    columns, displaced = _possible(points)
    timed = points.time_ms != NO_TIME
    near = timed
    moments = points.time_ms[timed]
    if len(moments):
        begin = int(moments[0]) if start_ms is None else start_ms
        far = (points.time_ms < begin - BEFORE_MS) | (points.time_ms > begin + AFTER_MS)
        if start_ms is None and (far & timed).sum() * 2 > len(moments):  # it was the first that went astray
            begin = int(np.median(moments))
            far = (points.time_ms < begin - AFTER_MS) | (points.time_ms > begin + AFTER_MS)
        near = timed & ~far
    kept = np.flatnonzero(near)
    moments = points.time_ms[kept]
    backwards = int((np.diff(moments) < 0).sum())
    if backwards:
        kept = kept[np.argsort(moments, kind="stable")]
    return Recording(
        points.time_ms[kept],
        {name: column[kept] for name, column in columns.items()},
        untimed=int((~timed).sum()),
        displaced=displaced,
        backwards=backwards,
        estranged=int((timed & ~near).sum()),
    )


def _possible(points: Points) -> tuple[dict[str, Floats], int]:
    """The columns with impossible values taken for not told, and how many positions were impossible."""
    columns = {}
    for name, values in points.columns.items():
        least, greatest = _LIMITS[name]
        with np.errstate(invalid="ignore"):
            bad = (values < least) | (values > greatest)
        columns[name] = np.where(bad, np.nan, values) if bad.any() else values
    displaced = 0
    if "latitude" in columns and "longitude" in columns:
        unknown = np.isnan(columns["latitude"]) | np.isnan(columns["longitude"])
        told = ~np.isnan(points.column("latitude")) | ~np.isnan(points.column("longitude"))
        displaced = int((unknown & told).sum())
        unknown |= (columns["latitude"] == 0) & (columns["longitude"] == 0)  # what receivers without a fix write
        if unknown.any():
            for name in ("latitude", "longitude"):
                columns[name] = np.where(unknown, np.nan, columns[name])
    elif "latitude" in columns or "longitude" in columns:
        columns.pop("latitude", None)
        columns.pop("longitude", None)
    return columns, displaced


def both_feet(cadence: Floats) -> Floats:
    """Steps a minute of both feet from turns of one leg, unless they are steps already."""
    known = cadence[~np.isnan(cadence)]
    return cadence if len(known) and np.median(known) > _ONE_FOOT_MAX else cadence * 2


def path_m(points: Points) -> float | None:
    """Metres from position to position in the order of the file, by the haversine formula; None without positions."""
    columns, _ = _possible(points)
    lat, lon = columns.get("latitude"), columns.get("longitude")
    if lat is None or lon is None:
        return None
    known = ~np.isnan(lat)
    return float(distances_m(lat[known], lon[known]).sum()) if known.any() else None


def completed(activity: ParsedActivity, recording: Recording, distance_m: float | None) -> ParsedActivity:
    """The activity with figures from its points where none is told; `extra["computed"]` names them."""
    figures: dict[str, float | None] = {"distance_m": distance_m}
    altitude = recording.told("altitude")
    if family(activity.sport) not in LEVEL and len(altitude):
        figures["elevation_gain_m"], figures["elevation_loss_m"] = climb_m(altitude)
    return with_computed(activity, figures)


def moment(time_ms: int, offset_s: int | None) -> datetime:
    """The aware time on the wall where it was; UTC where the offset is not told."""
    zone = UTC if offset_s is None else timezone(timedelta(seconds=offset_s))
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=time_ms)).astimezone(zone)
