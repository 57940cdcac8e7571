from __future__ import annotations

import gc

import pytest

from trainstack.memory import uncollected


def test_no_garbage_is_collected_inside_and_again_afterwards() -> None:
    assert gc.isenabled()
    with uncollected():
        assert not gc.isenabled()
        with uncollected():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_also_where_it_ends_in_an_error() -> None:
    with pytest.raises(ZeroDivisionError), uncollected():
        raise ZeroDivisionError

    assert gc.isenabled()
