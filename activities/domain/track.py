"""What follows from where somebody was: metres between positions, and metres climbed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# The mean radius of the earth (IUGG), as the haversine formula takes it.
EARTH_M = 6_371_008.8
# Rises and falls below this are the noise of a barometer or a satellite receiver and not a climb.
CLIMB_STEP_M = 3.0


def distances_m(lat: Floats, lon: Floats) -> Floats:
    """Metres from each position (degrees) to the next, by the haversine formula: one fewer than positions."""
    lat, lon = np.radians(lat), np.radians(lon)
    half_lat, half_lon = np.sin(np.diff(lat) / 2), np.sin(np.diff(lon) / 2)
    share = half_lat**2 + np.cos(lat[:-1]) * np.cos(lat[1:]) * half_lon**2
    steps: Floats = 2 * EARTH_M * np.arcsin(np.sqrt(np.clip(share, 0, 1)))
    return steps


def climb_m(altitude: Floats) -> tuple[float, float]:
    """Metres gained and lost: an altitude counts once it differs by CLIMB_STEP_M from the last that counted."""
    gain = loss = 0.0
    told = altitude[~np.isnan(altitude)].tolist()
    at = told[0] if told else 0.0
    for metres in told:
        step = metres - at
        if step >= CLIMB_STEP_M:
            gain += step
            at = metres
        elif step <= -CLIMB_STEP_M:
            loss -= step
            at = metres
    return gain, loss
