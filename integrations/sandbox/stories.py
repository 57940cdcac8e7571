"""What happened, before any provider told of it: the efforts, nights and days of the sandbox's people.

A provider's module turns them into that provider's records. `integrations.sandbox.telling` makes them.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from trainstack.demo.athlete import ATHLETE
from trainstack.demo.fit import Ride

Floats = NDArray[np.float64]

Sport = Literal["ride", "indoor_ride", "run", "treadmill", "swim", "hike", "walk", "strength", "yoga", "triathlon"]
Stage = Literal["awake", "light", "deep", "rem"]

MAX_HEART_RATE_BPM = ATHLETE.max_heart_rate_bpm
LAP_M = {"run": 1_000.0, "treadmill": 1_000.0, "hike": 1_000.0, "walk": 1_000.0, "ride": 5_000.0}
SEGMENT_NAMES = ("Mill hill", "Forest edge", "Vineyard ramp", "River bend", "Chapel climb", "Quarry road")


@dataclass(frozen=True, eq=False)
class Track:
    """Columns of one effort, a value for each moment of `time_s`; None where the device has no such sensor.

    `time_s` are whole seconds from the start that grow, with a gap where the device was paused.
    """

    time_s: Floats
    latitude: Floats | None = None
    longitude: Floats | None = None
    altitude_m: Floats | None = None
    # From the start, never falling.
    distance_m: Floats | None = None
    speed_mps: Floats | None = None
    heart_rate_bpm: Floats | None = None
    # Turns of the crank, or steps with both feet, a minute.
    cadence: Floats | None = None
    power_w: Floats | None = None
    temperature_c: Floats | None = None

    def __len__(self) -> int:
        return len(self.time_s)


@dataclass(frozen=True)
class Lap:
    """A part of an effort: first and last index into the track, and its figures (None: not measured)."""

    number: int
    first: int
    last: int
    # Seconds from the effort's start.
    start_s: float
    elapsed_s: float
    moving_s: float
    distance_m: float | None
    climbed_m: float | None
    kcal: float
    avg_speed_mps: float | None
    max_speed_mps: float | None
    avg_heart_rate_bpm: float | None
    max_heart_rate_bpm: float | None
    avg_cadence: float | None
    avg_power_w: float | None
    max_power_w: float | None


@dataclass(frozen=True)
class Segment:
    """A known stretch of road that the effort went over. `number` is the same each time she comes by."""

    number: int
    name: str
    first: int
    last: int
    elapsed_s: float
    distance_m: float
    avg_grade_percent: float
    # Her place among her own times (1 to 3), and among everybody's (1 to 10), where she has one.
    own_rank: int | None
    rank: int | None


@dataclass(frozen=True, eq=False)
class Effort:
    """One activity, as the device tells it whose records this provider gets. Seconds since 1970, metres, watts."""

    key: str
    # Unique among an account's efforts and steady; make ids of it ("10_400_000_000 + number % 1_000_000_000").
    number: int
    name: str
    # As the demo's plan calls it: "easy_run", "race_run", ...; `sport` is coarser.
    kind: str
    sport: Sport
    day: date
    start: float
    # The wall clock's lead over UTC, and its zone: "Europe/Berlin".
    utc_offset_s: int
    zone: str
    elapsed_s: float
    moving_s: float
    kcal: float
    device: str
    serial: int
    track: Track
    # First second from the start and length of each pause.
    pauses: tuple[tuple[float, float], ...]
    is_indoor: bool
    # When the provider got it, and when anything of it changed last.
    created_at: float
    updated_at: float
    # 25.0 in the pool.
    pool_m: float | None = None
    temperature_c: float | None = None
    # Training load, about 100 for an hour at the threshold.
    load: float = 0.0
    # What somebody edited at the provider: see `base.Change.edited`. `name` and the like are already changed.
    edited: Mapping[str, Any] = field(default_factory=dict)
    # Typed in by hand: no device, no streams, no file.
    is_manual: bool = False
    # Edges of the laps in seconds from the start; none: by distance.
    repeats: tuple[tuple[float, float], ...] = ()

    @property
    def end(self) -> float:
        return self.start + self.elapsed_s

    @property
    def start_local(self) -> datetime:
        """The wall clock's start, aware."""
        return local(self.start, self.utc_offset_s)

    @property
    def is_private(self) -> bool:
        return bool(self.edited.get("private"))

    @property
    def has_track(self) -> bool:
        """Whether it knows where she was."""
        return self.track.latitude is not None

    @property
    def on_foot(self) -> bool:
        return self.sport in ("run", "treadmill", "hike", "walk")

    @cached_property
    def distance_m(self) -> float | None:
        return _last(self.track.distance_m)

    @cached_property
    def climbed_m(self) -> float | None:
        return _rise(self.track.altitude_m)

    @cached_property
    def descended_m(self) -> float | None:
        return None if self.track.altitude_m is None else _rise(-self.track.altitude_m)

    @property
    def avg_speed_mps(self) -> float | None:
        """Over the moving time."""
        return self.distance_m / self.moving_s if self.distance_m is not None else None

    @cached_property
    def max_speed_mps(self) -> float | None:
        return _greatest(self.track.speed_mps)

    @cached_property
    def avg_heart_rate_bpm(self) -> float | None:
        return _mean(self.track.heart_rate_bpm)

    @cached_property
    def max_heart_rate_bpm(self) -> float | None:
        return _greatest(self.track.heart_rate_bpm)

    @cached_property
    def avg_cadence(self) -> float | None:
        """Of the moments that have one above nought."""
        column = self.track.cadence
        return None if column is None else _mean(column[column > 0])

    @cached_property
    def max_cadence(self) -> float | None:
        return _greatest(self.track.cadence)

    @cached_property
    def avg_power_w(self) -> float | None:
        return _mean(self.track.power_w)

    @cached_property
    def max_power_w(self) -> float | None:
        return _greatest(self.track.power_w)

    @cached_property
    def normalised_power_w(self) -> float | None:
        """The fourth power's mean of half a minute's mean."""
        power = self.track.power_w
        if power is None or len(power) < 2:
            return None
        width = max(1, round(30 / max(1.0, float(np.median(np.diff(self.track.time_s))))))
        smooth = np.convolve(power, np.ones(width) / width, mode="valid") if len(power) > width else power
        return float(np.mean(smooth**4) ** 0.25)

    @property
    def steps(self) -> int | None:
        """Of both feet."""
        if not self.on_foot or self.avg_cadence is None:
            return None
        return round(self.avg_cadence * self.moving_s / 60)

    @cached_property
    def zone_s(self) -> tuple[float, ...]:
        """Seconds in six zones of heart rate: below 50 % of the maximum, and 50, 60, 70, 80, 90 % and above."""
        beats = self.track.heart_rate_bpm
        if beats is None or not len(beats):
            return (0.0,) * 6
        edges = MAX_HEART_RATE_BPM * np.array([0.5, 0.6, 0.7, 0.8, 0.9])
        counts = np.bincount(np.searchsorted(edges, beats, side="right"), minlength=6)
        return tuple((counts / len(beats) * self.moving_s).round(0).tolist())

    @cached_property
    def laps(self) -> tuple[Lap, ...]:
        """Her repeats, or every kilometre on foot and every five on wheels; one lap where nothing was measured."""
        return tuple(_laps(self))

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        """Stretches of road that everybody knows; none indoors."""
        return tuple(_segments(self))

    def fit(self, *, manufacturer: int, product: int, sport: int, sub_sport: int) -> bytes:
        """The FIT file, by the numbers of FIT's own tables (Suunto is 23, Polar 123, Wahoo Fitness 32)."""
        return _fit(self, manufacturer, product, sport, sub_sport)


@dataclass(frozen=True)
class Phase:
    """A stretch of one stage of sleep; seconds since 1970."""

    stage: Stage
    start: float
    seconds: float


@dataclass(frozen=True, eq=False)
class Night:
    """One night, named by the day of waking up, as this provider's device tells it."""

    key: str
    number: int
    day: date
    utc_offset_s: int
    zone: str
    # In bed, asleep, awake, out of bed: seconds since 1970.
    in_bed: float
    asleep: float
    awake: float
    up: float
    # Stage after stage from `asleep` to `awake`.
    phases: tuple[Phase, ...]
    hrv_rmssd_ms: float
    resting_heart_rate_bpm: float
    respiratory_rate: float
    oxygen_ratio: float
    skin_temperature_c: float
    temperature_deviation_c: float
    # Every five minutes from `asleep` on.
    heart_rates_bpm: tuple[float, ...]
    hrvs_ms: tuple[float, ...]
    # 0 to 100: how she slept, and how recovered she is. Moved by a re-scoring.
    sleep_score: int
    recovery_score: int
    need_s: float
    created_at: float
    updated_at: float
    edited: Mapping[str, Any] = field(default_factory=dict)

    def seconds(self, stage: Stage) -> float:
        return sum(phase.seconds for phase in self.phases if phase.stage == stage)

    @property
    def asleep_s(self) -> float:
        return self.seconds("light") + self.seconds("deep") + self.seconds("rem")

    @property
    def in_bed_s(self) -> float:
        return self.up - self.in_bed

    @property
    def latency_s(self) -> float:
        return self.asleep - self.in_bed

    @property
    def efficiency_percent(self) -> int:
        return round(100 * self.asleep_s / self.in_bed_s)

    @property
    def avg_heart_rate_bpm(self) -> float:
        return float(np.mean(self.heart_rates_bpm))

    @property
    def lowest_heart_rate_bpm(self) -> float:
        return min(self.heart_rates_bpm)

    @property
    def awakenings(self) -> int:
        return sum(phase.stage == "awake" for phase in self.phases)

    @property
    def cycles(self) -> int:
        return sum(phase.stage == "rem" for phase in self.phases)

    def at(self, moment: float) -> datetime:
        """A moment on the wall clock of the night."""
        return local(moment, self.utc_offset_s)


@dataclass(frozen=True, eq=False)
class Day:
    """One day from midnight to midnight on the wall, as this provider's device tells it."""

    key: str
    number: int
    day: date
    utc_offset_s: int
    zone: str
    # Midnight, and the moments of waking up and going to sleep: seconds since 1970.
    midnight: float
    wake: float
    bed: float
    steps: int
    distance_m: float
    floors: int
    active_kcal: float
    basal_kcal: float
    # Seconds of hard, middling and light movement, and of sitting.
    high_s: float
    medium_s: float
    low_s: float
    sedentary_s: float
    resting_heart_rate_bpm: float
    # Seconds since 1970 and beats, by day and night, about every five minutes.
    heart_rates: tuple[tuple[float, float], ...]
    # Steps by the hour of the wall clock, 24 of them.
    hourly_steps: tuple[int, ...]
    vo2max: float
    weight_kg: float
    body_fat_ratio: float
    # 0 to 21, as a day's strain.
    strain: float
    # 0 to 100.
    activity_score: int
    # Seconds of stress and of calm while awake.
    stress_s: float
    calm_s: float
    # Training load of the day, and its means over a week and six weeks.
    load: float
    load_week: float
    load_six_weeks: float
    created_at: float
    updated_at: float
    edited: Mapping[str, Any] = field(default_factory=dict)


Story = Effort | Night | Day


def local(moment: float, utc_offset_s: int) -> datetime:
    """A moment on a wall clock, aware."""
    return datetime.fromtimestamp(moment, timezone(timedelta(seconds=utc_offset_s)))


def chance_of(*names: object) -> np.random.Generator:
    """Chance that is the same for these names, whoever asks."""
    return np.random.default_rng(zlib.crc32(" ".join(map(str, names)).encode()))


# --- figures of an effort ---------------------------------------------------------------------


def _last(column: Floats | None) -> float | None:
    return None if column is None or not len(column) else float(column[-1])


def _rise(column: Floats | None) -> float | None:
    return None if column is None else float(np.clip(np.diff(column), 0, None).sum())


def _mean(column: Floats | None) -> float | None:
    return None if column is None or not len(column) else float(column.mean())


def _greatest(column: Floats | None) -> float | None:
    return None if column is None or not len(column) else float(column.max())


def _part(column: Floats | None, first: int, last: int) -> Floats | None:
    return None if column is None else column[first : last + 1]


def _edges(effort: Effort) -> list[int]:
    """Indices into the track where laps begin and end."""
    track = effort.track
    last = len(track) - 1
    if effort.repeats:
        seconds = sorted({edge for repeat in effort.repeats for edge in repeat})
        inner = np.searchsorted(track.time_s, seconds).tolist()
    elif track.distance_m is not None and effort.sport in LAP_M:
        every = np.arange(LAP_M[effort.sport], track.distance_m[-1], LAP_M[effort.sport])
        inner = np.searchsorted(track.distance_m, every).tolist()
    else:
        inner = []
    return sorted({0, last, *(index for index in inner if 0 < index < last)})


def _laps(effort: Effort) -> Iterator[Lap]:
    track = effort.track
    edges = _edges(effort)
    whole_s = max(1.0, float(track.time_s[-1]))
    for number, (first, last) in enumerate(pairwise(edges) if len(edges) > 1 else [(0, 0)], 1):
        since, until = float(track.time_s[first]), float(track.time_s[last])
        still = sum(max(0.0, min(until, at + lasts) - max(since, at)) for at, lasts in effort.pauses)
        moving_s = until - since - still
        way = None if track.distance_m is None else float(track.distance_m[last] - track.distance_m[first])
        cadence = _part(track.cadence, first, last)
        yield Lap(
            number=number, first=first, last=last, start_s=since, elapsed_s=until - since, moving_s=moving_s,
            distance_m=way, climbed_m=_rise(_part(track.altitude_m, first, last)),
            kcal=effort.kcal * (until - since) / whole_s,
            avg_speed_mps=way / moving_s if way is not None and moving_s > 0 else None,
            max_speed_mps=_greatest(_part(track.speed_mps, first, last)),
            avg_heart_rate_bpm=_mean(_part(track.heart_rate_bpm, first, last)),
            max_heart_rate_bpm=_greatest(_part(track.heart_rate_bpm, first, last)),
            avg_cadence=None if cadence is None else _mean(cadence[cadence > 0]),
            avg_power_w=_mean(_part(track.power_w, first, last)),
            max_power_w=_greatest(_part(track.power_w, first, last)),
        )  # fmt: skip


def _segments(effort: Effort) -> Iterator[Segment]:
    """Two stretches, known again by where they begin."""
    track = effort.track
    if track.latitude is None or track.longitude is None or track.altitude_m is None or track.distance_m is None:
        return
    for share, length in ((0.18, 0.07), (0.6, 0.04)):
        ends = np.array([share, share + length]) * track.distance_m[-1]
        first, last = np.searchsorted(track.distance_m, ends).tolist()
        way = float(track.distance_m[last] - track.distance_m[first])
        if last <= first or way < 100:
            continue
        place = f"{track.latitude[first]:.3f} {track.longitude[first]:.3f} {effort.sport}"
        chance = chance_of(effort.key, "segment", place)
        rank, own = int(chance.integers(1, 41)), int(chance.integers(1, 9))
        yield Segment(
            number=10_000_000 + zlib.crc32(place.encode()) % 20_000_000,
            name=f"{SEGMENT_NAMES[zlib.crc32(place.encode()) % len(SEGMENT_NAMES)]} {round(way / 100) / 10:g} km",
            first=first, last=last, elapsed_s=float(track.time_s[last] - track.time_s[first]), distance_m=way,
            avg_grade_percent=100 * float(track.altitude_m[last] - track.altitude_m[first]) / way,
            own_rank=own if own <= 3 else None, rank=rank if rank <= 10 else None,
        )  # fmt: skip


def _fit(effort: Effort, manufacturer: int, product: int, sport: int, sub_sport: int) -> bytes:
    track = effort.track
    nothing = np.zeros(len(track))
    place = None
    if track.latitude is not None and track.longitude is not None and track.altitude_m is not None:
        place = (track.latitude, track.longitude, track.altitude_m)
    # FIT counts whole turns: on foot one leg's steps.
    cadence = nothing + 0xFF if track.cadence is None else track.cadence / (2 if effort.on_foot else 1)
    told = Ride(
        start=effort.start,
        utc_offset_s=effort.utc_offset_s,
        time_s=track.time_s,
        track=place,
        distance_m=nothing if track.distance_m is None else track.distance_m,
        speed_mps=nothing if track.speed_mps is None else track.speed_mps,
        heart_rate=nothing + 0xFF if track.heart_rate_bpm is None else track.heart_rate_bpm,
        cadence=cadence,
        power=nothing + 0xFFFF if track.power_w is None else track.power_w,
        kcal=effort.kcal,
        pauses=effort.pauses,
        lap_m=LAP_M.get(effort.sport, 1e9) if effort.on_foot else 10_000.0,
    )
    return told.file(effort.serial, maker=(manufacturer, product), sport=(sport, sub_sport))
