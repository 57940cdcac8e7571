"""Decimals as integers: exact, and as few digits as will do."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.domain.scaling import Scale, scaled

DECIMALS = st.tuples(st.integers(-(10**9), 10**9), st.integers(0, 9)).map(lambda pair: pair[0] / 10 ** pair[1])


@given(st.lists(st.one_of(st.floats(), DECIMALS, DECIMALS.map(lambda number: number * 1000))))
def test_scaled_numbers_come_back_bit_for_bit(told):
    numbers = np.array(told, np.float64)

    packed = scaled(numbers)

    if packed is not None:
        integers, scale = packed
        assert scale.numbers(integers).tobytes() == numbers.tobytes()


@given(st.lists(st.integers(-(10**6), 10**6), min_size=1), st.integers(0, 9))
def test_decimals_are_always_scaled(integers, digits):
    packed = scaled(np.array(integers) / 10**digits)

    assert packed is not None
    assert packed[1].digits <= digits


@pytest.mark.parametrize(
    ("numbers", "integers", "scale"),
    [
        pytest.param([72.0, -3.0], [72, -3], Scale(0), id="whole"),
        pytest.param([0.5, 72.35], [50, 7235], Scale(2), id="decimals"),
        pytest.param([2.0**40], [2**40], Scale(0), id="wide"),
        pytest.param([float(told) * 1000 for told in ("0.0123457", "1.00123")], [123457, 10012300], Scale(7, 1000.0),
                     id="km as m"),
        pytest.param([float(told) * 100 for told in ("0.29", "0.57")], [29, 57], Scale(2, 100.0), id="%"),
        pytest.param([], [], Scale(0), id="none"),
    ],
)  # fmt: skip
def test_scaled_takes_the_fewest_digits(numbers, integers, scale):
    packed = scaled(np.array(numbers))

    assert packed is not None
    assert (packed[0].tolist(), packed[1]) == (integers, scale)


@pytest.mark.parametrize(
    "numbers", [[math.pi], [math.nan], [math.inf], [-0.0], [1e300], [2.0**53, 1.0], [1.0] * 40 + [math.e]]
)
def test_what_is_no_short_decimal_is_not_scaled(numbers):
    assert scaled(np.array(numbers)) is None
