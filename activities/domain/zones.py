"""Heart-rate zones: where they lie, and how long an effort stayed in each.

The five zones are tenths of the maximum heart rate from 50 % up, as Sally Edwards set them out in "The Heart Rate
Monitor Book" (1993) and as Polar's and Garmin's devices start out; the fifth is open above, because a maximum that is
only estimated is often exceeded.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ZONES = (
    (0.5, "Very light"),
    (0.6, "Light"),
    (0.7, "Moderate"),
    (0.8, "Hard"),
    (0.9, "Maximum"),
)

# Taken where the athlete has told no maximum; whoever shows figures made with it says so.
DEFAULT_MAX_HEART_RATE_BPM = 190.0

# A value speaks for half a minute before and after its moment, never more. The heart takes about a minute to move by
# one zone (19 bpm at a maximum of 190) once the effort changes, so beyond that the next zone is as likely as this one.
# It matters because an Apple export may hold one value in three minutes of a workout: the rest is "not measured".
REACH_S = 30.0


@dataclass(frozen=True)
class Zone:
    """One zone: from `low_bpm` on, up to but without `high_bpm`; None is open."""

    number: int
    name: str
    low_bpm: float
    high_bpm: float | None


@dataclass(frozen=True)
class ZoneSeconds:
    """Seconds below the first zone, in each zone, and how many of `running_s` (pauses out) were measured at all."""

    below_s: float
    seconds: tuple[float, ...]
    running_s: float

    @property
    def covered_s(self) -> float:
        return self.below_s + sum(self.seconds)

    @property
    def coverage_ratio(self) -> float:
        """The measured part of the running time, 0-1."""
        return min(self.covered_s / self.running_s, 1.0) if self.running_s else 0.0


def heart_rate_zones(max_heart_rate_bpm: float) -> tuple[Zone, ...]:
    """The five zones of a maximum heart rate in bpm."""
    # Hundredths, so that 0.6 * 190 is the 114 that a person expects and not 114.00000000000001.
    lows = [round(ratio * max_heart_rate_bpm, 2) for ratio, _ in ZONES]
    highs = [*lows[1:], None]
    return tuple(
        Zone(number, name, low, high)
        for number, ((_, name), low, high) in enumerate(zip(ZONES, lows, highs, strict=True), start=1)
    )


def seconds_in_zones(
    time_s: NDArray[np.float64],
    bpm: NDArray[np.float64],
    zones: tuple[Zone, ...],
    *,
    elapsed_s: float,
    pauses: Iterable[tuple[float, float]] = (),
) -> ZoneSeconds:
    """Seconds in each zone, every value weighted with the time that lies nearer to it than to its neighbours.

    `time_s` is sorted and counts from the start, NaN values are skipped, `pauses` are (start, end) in the same
    seconds; no value reaches further than REACH_S, into a pause, or beyond the effort.
    """
    told = ~np.isnan(bpm)
    time_s, bpm = time_s[told], bpm[told]
    paused = _merged(pauses, elapsed_s)
    running_s = elapsed_s - sum(end - start for start, end in paused)
    between = (time_s[1:] + time_s[:-1]) / 2
    low = np.maximum(time_s - REACH_S, np.concatenate(([-np.inf], between)))
    high = np.minimum(time_s + REACH_S, np.concatenate((between, [np.inf])))
    low, high = low.clip(0, elapsed_s), high.clip(0, elapsed_s)
    seconds = high - low
    for start, end in paused:
        seconds -= (np.minimum(high, end) - np.maximum(low, start)).clip(0)
    zone_of = np.searchsorted([zone.low_bpm for zone in zones], bpm, side="right")
    below_s, *in_zones = np.bincount(zone_of, weights=seconds.clip(0), minlength=len(zones) + 1).tolist()
    return ZoneSeconds(below_s=below_s, seconds=tuple(in_zones), running_s=running_s)


def _merged(spans: Iterable[tuple[float, float]], elapsed_s: float) -> list[tuple[float, float]]:
    """The spans cut to the effort, sorted, with those that touch made one."""
    merged: list[tuple[float, float]] = []
    for start, end in sorted((max(start, 0.0), min(end, elapsed_s)) for start, end in spans):
        if end <= start:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged
