"""The columnar file of an activity's streams, and what is drawn of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from activities.domain.packing import Packed
from activities.domain.parsed import Stream
from activities.domain.streams import decode_streams, downsample, encode_streams

NUMBERS = st.one_of(st.floats(), st.integers(-(10**9), 10**9).map(lambda n: n / 1000), st.just(math.nan))
TIMES = st.one_of(st.integers(0, 10**8).map(lambda n: n / 1000), st.floats(0, 1e9))


@st.composite
def streams(draw, times=TIMES, numbers=NUMBERS, max_size=30):
    time_s = np.array(sorted(draw(st.lists(times, max_size=max_size))), np.float64)
    values = draw(hnp.arrays(np.float64, len(time_s), elements=numbers))
    return Stream(time_s, values)


def bits(stream: Stream) -> tuple[bytes, bytes]:
    """Both columns bit for bit, with one kind of NaN."""
    return stream.time_s.tobytes(), np.where(np.isnan(stream.values), np.nan, stream.values).tobytes()


@given(st.dictionaries(st.sampled_from(["heart_rate", "power", "latitude", "altitude"]), streams()))
def test_decode_gives_back_every_number_bit_for_bit(told):
    back = decode_streams(encode_streams(told))

    assert {name: bits(stream) for name, stream in back.items()} == {
        name: bits(stream) for name, stream in told.items()
    }


@given(st.dictionaries(st.sampled_from(["heart_rate", "power", "latitude", "altitude"]), streams()))
def test_equal_streams_make_equal_bytes(told):
    assert encode_streams(dict(reversed(told.items()))) == encode_streams(told)


def ride(seconds: int = 3600) -> dict[str, Stream]:
    chance = np.random.default_rng(1)
    time_s = np.arange(seconds, dtype=np.float64)
    heart_rate = np.round(140 + np.cumsum(chance.normal(0, 0.5, seconds)) % 30)
    heart_rate[100:200] = np.nan
    return {
        "latitude": Stream(time_s, np.round(48 + np.cumsum(chance.normal(0, 1e-5, seconds)), 7)),
        "longitude": Stream(time_s, np.round(11 + np.cumsum(chance.normal(0, 1e-5, seconds)), 7)),
        "altitude": Stream(time_s, np.round(500 + np.cumsum(chance.normal(0, 0.1, seconds)), 2)),
        "heart_rate": Stream(time_s[::5], heart_rate[::5]),
    }


def test_decode_reads_the_named_streams_that_there_are():
    told = ride()

    assert decode_streams(encode_streams(told), ["heart_rate", "power"]) == {"heart_rate": told["heart_rate"]}
    assert decode_streams(encode_streams({}), None) == {}


def test_streams_of_equal_times_share_them():
    told = Packed(encode_streams(ride())).told["times"]

    assert told == {"altitude": "time 0", "heart_rate": "time 1", "latitude": "time 0", "longitude": "time 0"}


def test_an_hour_at_a_second_stays_small():
    assert len(encode_streams(ride())) < 3600 * 6


@given(
    streams(numbers=st.one_of(st.floats(allow_infinity=False)), max_size=60),
    st.integers(2, 20),
    st.one_of(st.none(), st.floats(0, 1e5)),
    st.one_of(st.none(), st.floats(0, 1e5)),
)
def test_downsample_keeps_extremes_and_invents_nothing(stream, points, start_s, end_s):
    inside = np.ones(len(stream), bool)
    inside &= stream.time_s >= (-math.inf if start_s is None else start_s)
    inside &= stream.time_s <= (math.inf if end_s is None else end_s)
    cut = Stream(stream.time_s[inside], stream.values[inside])

    thin = downsample(stream, points, start_s, end_s)

    assert len(thin) <= points
    assert (np.diff(thin.time_s) >= 0).all()
    told = {(time, repr(value)) for time, value in zip(cut.time_s, cut.values.tolist(), strict=True)}
    assert {(time, repr(value)) for time, value in zip(thin.time_s, thin.values.tolist(), strict=True)} <= told
    if not np.isnan(cut.values).all():
        assert (np.nanmin(thin.values), np.nanmax(thin.values)) == (np.nanmin(cut.values), np.nanmax(cut.values))
    if len(cut) <= points:
        assert thin == cut


def test_downsample_keeps_the_least_and_the_greatest_of_each_span():
    stream = Stream(np.arange(12.0), np.array([3, 1, 2, 9, math.nan, 5, 4, 4, math.nan, math.nan, math.nan, math.nan]))

    thin = downsample(stream, 6)

    assert thin == Stream(np.array([1.0, 3.0, 5.0, 6.0, 8.0]), np.array([1.0, 9.0, 5.0, 4.0, math.nan]))


@pytest.mark.parametrize("points", [1, 2])
def test_downsample_of_one_moment_keeps_its_extremes(points):
    stream = Stream(np.zeros(5), np.array([3.0, 1.0, 2.0, 5.0, 4.0]))

    assert downsample(stream, points) == Stream(np.zeros(2), np.array([1.0, 5.0]))
