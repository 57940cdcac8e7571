from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.domain.track import EARTH_M, climb_m, distances_m

NAN = math.nan


@pytest.mark.parametrize(
    ("lat", "lon", "metres"),
    [
        ([50, 50], [10, 10], 0.0),
        ([0, 1], [0, 0], EARTH_M * math.pi / 180),
        ([0, 0], [179.5, -179.5], EARTH_M * math.pi / 180),
        ([90, 90], [0, 120], 0.0),
        ([0, 0], [0, 180], EARTH_M * math.pi),
    ],
    ids=["standing", "a degree north", "over the date line", "on the pole", "to the other side"],
)
def test_distances(lat: list[float], lon: list[float], metres: float) -> None:
    assert distances_m(np.array(lat, float), np.array(lon, float)) == pytest.approx([metres], abs=1e-6)


@pytest.mark.parametrize("count", [0, 1])
def test_no_distance_with_fewer_than_two_positions(count: int) -> None:
    assert distances_m(np.zeros(count), np.zeros(count)).tolist() == []


@pytest.mark.parametrize(
    ("altitude", "gain_and_loss"),
    [
        ([], (0.0, 0.0)),
        ([NAN, NAN], (0.0, 0.0)),
        ([100, 150, 120], (50.0, 30.0)),
        ([100, NAN, 150], (50.0, 0.0)),
        ([100, 101, 100, 102, 101, 100], (0.0, 0.0)),
        ([100, 101, 102, 103, 104, 105, 106], (6.0, 0.0)),
        ([-5, -10], (0.0, 5.0)),
    ],
)
def test_climb(altitude: list[float], gain_and_loss: tuple[float, float]) -> None:
    assert climb_m(np.array(altitude, float)) == gain_and_loss


@given(st.lists(st.floats(-500, 9000), min_size=1, max_size=50))
def test_climb_is_no_more_than_all_rises(altitude: list[float]) -> None:
    gain, loss = climb_m(np.array(altitude))

    steps = np.diff(altitude)
    assert 0 <= gain <= steps[steps > 0].sum() + 1e-6
    assert abs(altitude[0] + gain - loss - altitude[-1]) <= 3
