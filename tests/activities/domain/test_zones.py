from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.domain.zones import REACH_S, Zone, ZoneSeconds, heart_rate_zones, seconds_in_zones

ZONES = heart_rate_zones(190)


def spent(samples, *, elapsed_s, pauses=()):
    told = np.array(samples, dtype=float).reshape(-1, 2)
    return seconds_in_zones(told[:, 0], told[:, 1], ZONES, elapsed_s=elapsed_s, pauses=pauses)


def test_heart_rate_zones_are_tenths_of_the_maximum():
    assert heart_rate_zones(190) == (
        Zone(1, "Very light", 95.0, 114.0),
        Zone(2, "Light", 114.0, 133.0),
        Zone(3, "Moderate", 133.0, 152.0),
        Zone(4, "Hard", 152.0, 171.0),
        Zone(5, "Maximum", 171.0, None),
    )


def test_seconds_in_zones_counts_a_value_on_the_edge_to_the_higher_zone():
    samples = [(0, 94), (10, 95), (20, 114), (30, 133), (40, 152), (50, 171), (60, 240)]

    assert spent(samples, elapsed_s=60) == ZoneSeconds(
        below_s=5.0, seconds=(10.0, 10.0, 10.0, 10.0, 15.0), running_s=60.0
    )


def test_seconds_in_zones_lets_a_lonely_value_speak_for_a_minute_only():
    told = spent([(300, 140)], elapsed_s=3600)

    assert told == ZoneSeconds(below_s=0.0, seconds=(0.0, 0.0, 60.0, 0.0, 0.0), running_s=3600.0)
    assert told.coverage_ratio == pytest.approx(60 / 3600)


def test_seconds_in_zones_leaves_pauses_out_even_where_they_overlap():
    every_second = [(second, 140) for second in range(101)]

    assert spent(every_second, elapsed_s=100, pauses=[(20, 40), (30, 50), (90, 200)]) == ZoneSeconds(
        below_s=0.0, seconds=(0.0, 0.0, 60.0, 0.0, 0.0), running_s=60.0
    )


def test_seconds_in_zones_passes_over_values_that_are_not_told():
    assert spent([(0, 100), (5, float("nan")), (10, 120)], elapsed_s=10) == ZoneSeconds(
        below_s=0.0, seconds=(5.0, 5.0, 0.0, 0.0, 0.0), running_s=10.0
    )


def test_seconds_in_zones_of_nothing_is_nothing():
    told = spent([], elapsed_s=0)

    assert told == ZoneSeconds(below_s=0.0, seconds=(0.0,) * 5, running_s=0.0)
    assert told.coverage_ratio == 0.0


spans = st.tuples(st.floats(-100, 4000), st.floats(0, 1000)).map(lambda span: (span[0], span[0] + span[1]))


@given(
    samples=st.lists(st.tuples(st.floats(-60, 4000), st.floats(30, 230)), max_size=60).map(sorted),
    elapsed_s=st.floats(1, 4000),
    pauses=st.lists(spans, max_size=5),
)
def test_seconds_in_zones_never_tells_more_than_the_running_time_or_its_values_reach(samples, elapsed_s, pauses):
    told = spent(samples, elapsed_s=elapsed_s, pauses=pauses)

    assert min(told.below_s, *told.seconds) >= 0
    assert told.covered_s <= told.running_s + 1e-6
    assert told.covered_s <= len(samples) * 2 * REACH_S + 1e-6
    assert 0 <= told.coverage_ratio <= 1


@given(elapsed_s=st.integers(1, 2000), bpm=st.integers(60, 200))
def test_seconds_in_zones_of_a_value_every_second_covers_everything(elapsed_s, bpm):
    told = spent([(second, bpm) for second in range(elapsed_s + 1)], elapsed_s=elapsed_s)

    assert told.covered_s == pytest.approx(elapsed_s)
