from __future__ import annotations

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from activities.domain.priority import Order
from activities.forms import OrderForm, Place, moved, places_of
from activities.selectors.sources import Choice

CHOICES = [Choice("a", 3, ("watch", "phone")), Choice("b", 2), Choice("c", 1)]


def sent(**told) -> OrderForm:
    data = QueryDict(mutable=True)
    for name, values in told.items():
        data.setlist(name.replace("_", "-"), values)
    return OrderForm(data, CHOICES)


@pytest.mark.parametrize(
    ("ranks", "name", "step", "becomes"),
    [
        ((("a",), ("b",), ("c",)), "b", -1, (("b",), ("a",), ("c",))),
        ((("a",), ("b",), ("c",)), "b", 1, (("a",), ("c",), ("b",))),
        ((("a",), ("b",), ("c",)), "a", -1, (("a",), ("b",), ("c",))),
        ((("a",), ("b",), ("c",)), "c", 1, (("a",), ("b",), ("c",))),
        ((("a", "b"), ("c",)), "c", -1, (("c",), ("a", "b"))),
        ((("a", "b"), ("c",)), "b", -1, (("b",), ("a",), ("c",))),
        ((("a", "b"), ("c",)), "a", 1, (("b",), ("a",), ("c",))),
        ((("a", "b", "c"),), "b", 1, (("a", "c"), ("b",))),
        ((("a",),), "z", 1, (("a",),)),
    ],
)
def test_moved_goes_one_step_and_leaves_a_tie_first(ranks, name, step, becomes):
    assert moved(ranks, name, step) == becomes


@given(
    st.permutations("abcdef").flatmap(
        lambda names: st.lists(st.booleans(), min_size=6, max_size=6).map(lambda ties: (names, ties))
    ),
    st.sampled_from("abcdef"),
    st.sampled_from([-1, 1]),
)
def test_moved_keeps_every_name_once_and_no_rank_empty(told, name, step):
    names, ties = told
    ranks: list[tuple[str, ...]] = []
    for one, tied in zip(names, ties, strict=True):
        if tied and ranks:
            ranks[-1] = (*ranks[-1], one)
        else:
            ranks.append((one,))

    found = moved(tuple(ranks), name, step)

    assert sorted(one for rank in found for one in rank) == list("abcdef")
    assert all(found)


def test_places_put_whoever_is_not_named_last_and_level():
    assert places_of((("b",), ("gone",)), ["a", "b", "c"]) == [
        Place("b", 1, False),
        Place("a", 2, False),
        Place("c", 2, True),
    ]


def test_order_form_reads_ranks_ties_and_devices():
    form = sent(rank=["b", "a", "c"], tied=["c"], device_a=["phone", "watch"])

    assert form.is_valid()
    assert form.to_order() == Order((("b",), ("a", "c")), {"a": (("phone",), ("watch",))})


def test_order_form_moves_a_kind_of_device():
    form = sent(rank=["a", "b", "c"], device_a=["watch", "phone"], move=["a phone up"])

    assert form.is_move
    assert form.to_order().devices == {"a": (("phone",), ("watch",))}


@pytest.mark.parametrize("move", ["", " ", "a", "nobody up", "a toaster up", "b watch up", "a b c up"])
def test_order_form_passes_over_a_move_that_means_nothing(move):
    form = sent(rank=["a", "b", "c"], device_a=["watch", "phone"], move=[move])

    assert sorted(name for rank in form.to_order().ranks for name in rank) == ["a", "b", "c"]


@pytest.mark.parametrize("told", [{"rank": ["z"]}, {"rank": ["a", "a"]}, {"rank": ["a"], "device_b": ["watch"]}])
def test_order_form_refuses_what_is_not_ones_own(told):
    form = sent(**told)

    assert (form.is_valid(), bool(form.error)) == (False, True)
