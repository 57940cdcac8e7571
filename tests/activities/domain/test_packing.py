"""Columns of numbers in bytes: exact, small, and each read without the others."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from activities.domain.packing import Packed, Packer

INT64 = st.integers(-(2**63), 2**63 - 1)
SMALL = st.integers(-300, 300)
SIZES = st.integers(0, 40)


@given(hnp.arrays(np.int64, SIZES, elements=st.one_of(SMALL, INT64)), st.booleans())
def test_integers_come_back(numbers, steps):
    packer = Packer()
    packer.add_integers("n", numbers, steps=steps)

    file = Packed(packer.file({}))

    assert file["n"].dtype == np.int64
    assert file["n"].tolist() == numbers.tolist()


@given(
    hnp.arrays(np.float64, SIZES, elements=st.floats()),
    hnp.arrays(np.bool_, SIZES),
    st.binary(max_size=200),
    hnp.arrays(np.int64, SIZES, elements=SMALL),
)
def test_columns_of_every_kind_stand_beside_each_other(numbers, truths, data, integers):
    packer = Packer()
    packer.add_floats("numbers", numbers)
    packer.add_bits("truths", truths)
    packer.add_bytes("data", data)
    packer.add_integers("integers", integers, steps=True)

    file = Packed(packer.file({"ü": [1, None]}))

    assert file.told == {"ü": [1, None]}
    assert file["numbers"].tobytes() == numbers.tobytes()
    assert file["truths"].tolist() == truths.tolist()
    assert file["data"].to_pybytes() == data
    assert file["integers"].tolist() == integers.tolist()
    assert [file.rows(name) for name in ("numbers", "truths", "data", "integers")] == [
        *map(len, (numbers, truths, data, integers))
    ]
    assert ("data" in file, "date" in file) == (True, False)


@pytest.mark.parametrize(
    ("numbers", "steps", "most"),
    [
        pytest.param(np.full(10_000, 2**40), False, 0, id="one value"),
        pytest.param(np.arange(10_000) * 7 + 2**40, True, 0, id="even steps"),
        pytest.param(np.arange(10_000) % 256 + 2**40, False, 10_000, id="a byte above the least"),
        pytest.param(np.cumsum(np.random.default_rng(1).integers(0, 200, 10_000)), True, 10_000, id="steps of a byte"),
    ],
)
def test_integers_take_no_more_bytes_than_they_need(numbers, steps, most):
    packer, empty = Packer(), Packer()
    packer.add_integers("n", numbers, steps=steps)
    empty.add_integers("n", np.zeros(10_000, np.int64), steps=steps)

    assert len(packer.file({})) - len(empty.file({})) <= most + 40


def test_a_file_of_something_else_is_refused():
    with pytest.raises(ValueError, match="packed columns"):
        Packed(b"PAR1 and so on")
