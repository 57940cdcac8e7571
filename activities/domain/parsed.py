"""The values that every mapping returns: one effort as one source tells it, in canonical units.

Units: aware times, seconds, metres, m/s, bpm, watts, rpm (spm where the sport steps), kcal, degrees.
`None` is "not told", `0` is "told zero".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from activities.domain.sleep import ParsedSleep

if TYPE_CHECKING:
    from activities.domain.reading import SampleTable


@dataclass(frozen=True)
class Lap:
    """One lap, length, segment or set of an activity; `kind` says which."""

    start_time: datetime
    elapsed_s: float
    kind: str = "lap"
    timer_s: float | None = None
    distance_m: float | None = None
    avg_heart_rate_bpm: float | None = None
    max_heart_rate_bpm: float | None = None
    avg_power_w: float | None = None
    avg_cadence_rpm: float | None = None
    energy_kcal: float | None = None
    name: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Pause:
    """A stretch in which the timer stood: both ends known."""

    start_time: datetime
    elapsed_s: float
    automatic: bool = False


@dataclass(frozen=True, eq=False)
class Stream:
    """One measured series of an activity: `time_s` counts from the activity's start, sorted; NaN is "no value"."""

    time_s: NDArray[np.float64]
    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.time_s)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Stream)
            and np.array_equal(self.time_s, other.time_s)
            and np.array_equal(self.values, other.values, equal_nan=True)
        )

    __hash__ = None  # type: ignore[assignment]


# The key of `ParsedActivity.extra` that names the figures which nobody told and the samples give.
COMPUTED = "computed"

# Stream names and their units. Latitude and longitude share their times and lengths.
STREAM_UNITS: dict[str, str] = {
    "latitude": "deg",
    "longitude": "deg",
    "altitude": "m",
    "distance": "m",
    "speed": "m/s",
    "heart_rate": "bpm",
    "power": "W",
    "cadence": "rpm",
    "temperature": "degC",
    "stride_length": "m",
    "vertical_oscillation": "cm",
    "ground_contact_time": "ms",
    "vertical_ratio": "%",
    "vertical_speed": "m/s",
    "ground_contact_percent": "%",
    # The left leg's share.
    "ground_contact_balance": "%",
    "left_right_balance": "%",
    "left_torque_effectiveness": "%",
    "right_torque_effectiveness": "%",
    "left_pedal_smoothness": "%",
    "right_pedal_smoothness": "%",
    "form_power": "W",
    "air_power": "W",
    "leg_spring_stiffness": "kN/m",
    "respiration_rate": "breaths/min",
    "core_temperature": "degC",
    "skin_temperature": "degC",
    "muscle_oxygen": "%",
    "total_hemoglobin": "g/dL",
    "grade": "%",
    "depth": "m",
}


@dataclass(frozen=True)
class ParsedActivity:
    """One activity as one source tells it."""

    external_id: str
    sport: str
    start_time: datetime
    provider: str = ""
    provider_type: str = ""
    name: str = ""
    utc_offset_s: int | None = None
    # The source tells the day and no time of day: `start_time` is noon of it, UTC.
    day_only: bool = False
    elapsed_s: float | None = None
    timer_s: float | None = None
    moving_s: float | None = None
    distance_m: float | None = None
    elevation_gain_m: float | None = None
    elevation_loss_m: float | None = None
    energy_kcal: float | None = None
    active_energy_kcal: float | None = None
    avg_heart_rate_bpm: float | None = None
    max_heart_rate_bpm: float | None = None
    min_heart_rate_bpm: float | None = None
    avg_power_w: float | None = None
    max_power_w: float | None = None
    avg_cadence_rpm: float | None = None
    max_cadence_rpm: float | None = None
    avg_speed_mps: float | None = None
    max_speed_mps: float | None = None
    device: str = ""
    # One of activities.models.Device.Kind: watch, band, ring, phone, scale, app, computer or unknown.
    device_kind: str = "unknown"
    source_name: str = ""
    laps: tuple[Lap, ...] = ()
    pauses: tuple[Pause, ...] = ()
    streams: Mapping[str, Stream] = field(default_factory=dict)
    # Index of the multisport parent in the same reading, else None.
    parent: int | None = None
    # Whatever else the source told, under the source's own names; JSON types only.
    extra: Mapping[str, Any] = field(default_factory=dict)

    def with_streams(self, streams: Mapping[str, Stream]) -> ParsedActivity:
        """The same activity with these streams beside its own."""
        return replace(self, streams={**self.streams, **streams})


@dataclass(frozen=True)
class Problem:
    """Something that could not be read: where (file, member, byte or line), and a sentence for a person."""

    path: str
    message: str
    count: int = 1


@dataclass(frozen=True)
class DayValue:
    """One value of one metric on one local date; `metric` and its unit as `activities.domain.metrics` has them."""

    metric: str
    date: date
    value: float
    # What stands beside it: {"min", "max", "goal", ...}, each where told; JSON types only.
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Addition:
    """What a record adds to the effort that other records of its external id tell of, and tells of by itself to nobody:
    an API's streams, its list of laps. Times of streams count from that effort's start.
    """

    streams: Mapping[str, Stream] = field(default_factory=dict)
    laps: tuple[Lap, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
    # Its cadence counts one foot where the sport steps; a record that does not tell the sport cannot know.
    one_foot: bool = False


@dataclass(frozen=True)
class Parsed:
    """All that one raw record tells. `problems` are what could not be read of it, beside what could.

    Of `activities` the first is the record's own effort unless it has a parent; parts of it follow (`parent` is an
    index). A record may hold several efforts: each without a parent is one.
    """

    activities: tuple[ParsedActivity, ...] = ()
    sleeps: tuple[ParsedSleep, ...] = ()
    days: tuple[DayValue, ...] = ()
    problems: tuple[Problem, ...] = ()
    addition: Addition | None = None
    # Samples of all-day series that the record holds, such as a day's heart rate.
    samples: tuple[SampleTable, ...] = ()
