"""What the athlete decides by hand holds, whatever arrives, and can be taken back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activities.domain.matching import Record
from activities.models import Activity, LinkDecision, Pin, SourceActivity
from activities.services.deciding import (
    NotPossible,
    back_to_automatic,
    decide,
    make_primary,
    pin_again,
    say_different,
    say_same,
    split_off,
    undo,
    undo_pin,
)
from activities.services.grouping import activity_of, rebuild, remove_sources
from tests.activities.domain.strategies import clusters
from tests.activities.services.grouping_account import account, expected_of, file, state_of
from trainstack.accounts.models import User

pytestmark = pytest.mark.django_db

HOUR_MS = 3_600_000
START_MS = 1_780_000_000_000


def run(provider: str, start_s: float = 0, external_id: str = "") -> Record:
    """An hour of running, begun so many seconds later."""
    return Record(provider, external_id or provider, "running", START_MS + round(start_s * 1000), elapsed_ms=HOUR_MS)


def source(user: User, external_id: str) -> SourceActivity:
    return SourceActivity.objects.get(user=user, external_id=external_id)


def activity(user: User, external_id: str) -> Activity:
    found = source(user, external_id).activity
    assert found is not None
    return found


def groups(user: User) -> list[list[str]]:
    return sorted(sorted(key[1] for key in group) for group in state_of(user))


def test_what_is_said_to_be_one_becomes_one_and_is_two_again_when_it_is_taken_back(user: User) -> None:
    file(user, [run("garmin"), run("strava", 7200)])
    ids = {it: activity(user, it).pk for it in ("garmin", "strava")}

    said = say_same(user, activity(user, "garmin"), activity(user, "strava"))
    assert [(it.number, it.batch, it.same, it.one, it.other) for it in said] == [
        (1, 1, True, ("garmin", "garmin"), ("strava", "strava"))
    ]
    assert groups(user) == [["garmin", "strava"]]
    assert activity_of(user, ids["strava"]).pk == ids["garmin"]

    undo(user, said)
    assert groups(user) == [["garmin"], ["strava"]]
    assert {it: activity(user, it).pk for it in ids} == ids
    decision = LinkDecision.objects.get()
    assert decision.withdrawn_at is not None
    assert not rebuild(user)


def test_what_was_said_and_stands_is_not_said_again(user: User) -> None:
    file(user, [run("garmin"), run("strava", 7200)])
    one, other = source(user, "garmin"), source(user, "strava")

    say_same(user, one, other)
    assert say_same(user, other, one) == []
    assert [it.number for it in say_different(user, one, other)] == [2]
    assert say_different(user, one, other) == []
    assert [it.number for it in say_same(user, one, other)] == [3]


def test_two_activities_of_several_sources_become_one_whatever_would_keep_them_apart(user: User) -> None:
    file(user, [run("garmin"), run("strava", 5), run("garmin", 7200, "garmin 2"), run("strava", 7205, "strava 2")])
    assert len(groups(user)) == 2

    said = say_same(user, activity(user, "garmin"), activity(user, "garmin 2"))

    assert groups(user) == [["garmin", "garmin 2", "strava", "strava 2"]]
    assert len({it.batch for it in said}) == 1
    undo(user, said[:1])
    assert groups(user) == [["garmin", "strava"], ["garmin 2", "strava 2"]]


def test_a_source_that_is_split_off_is_an_activity_of_its_own_and_stays_one(user: User) -> None:
    records = [run("garmin"), run("polar", 10), run("strava", 20)]
    file(user, records)
    whole = activity(user, "garmin").pk

    said = split_off(user, source(user, "strava"))
    assert groups(user) == [["garmin", "polar"], ["strava"]]
    assert activity(user, "garmin").pk == whole

    remove_sources(user, SourceActivity.objects.values_list("pk", flat=True))
    file(user, [replace(record, distance_m=10_000.0) for record in reversed(records)], version=1)
    assert groups(user) == [["garmin", "polar"], ["strava"]]

    undo(user, said)
    assert groups(user) == [["garmin", "polar", "strava"]]


def test_many_pairs_are_one_batch(user: User) -> None:
    file(user, [run("garmin", day * 86_400, f"g{day}") for day in range(3)])
    file(user, [run("strava", day * 86_400 + 300, f"s{day}") for day in range(3)])

    said = decide(user, [(activity(user, f"g{it}"), activity(user, f"s{it}")) for it in range(3)], same=True)
    assert ([it.number for it in said], {it.batch for it in said}) == ([1, 2, 3], {1})
    assert groups(user) == [["g0", "s0"], ["g1", "s1"], ["g2", "s2"]]

    undo(user, said[2:])
    assert len(groups(user)) == 6


def test_what_makes_no_sense_is_refused_with_a_sentence(user: User, other_user: User) -> None:
    file(user, [run("garmin")])
    file(other_user, [run("strava")])
    mine, theirs = source(user, "garmin"), source(other_user, "strava")

    with pytest.raises(NotPossible, match="only source"):
        split_off(user, mine)
    with pytest.raises(NotPossible, match="cannot be joined with itself"):
        say_same(user, mine, mine)
    with pytest.raises(NotPossible, match="Name the source"):
        say_different(user, activity(user, "garmin"), activity(user, "garmin"))
    for refused in (
        lambda: say_same(user, mine, theirs),
        lambda: say_different(user, mine, theirs),
        lambda: make_primary(user, theirs),
        lambda: back_to_automatic(user, activity(other_user, "strava")),
    ):
        with pytest.raises(NotPossible, match="no longer there"):
            refused()
    with pytest.raises(NotPossible, match="At most 50 pairs"):
        decide(user, [(mine, mine)] * 51, same=True)
    assert not LinkDecision.objects.exists()
    assert not Pin.objects.exists()


def test_nobody_takes_back_what_somebody_else_said(user: User, other_user: User) -> None:
    file(user, [run("garmin"), run("strava", 7200)])
    said = say_same(user, source(user, "garmin"), source(user, "strava"))
    pin = make_primary(user, source(user, "strava"))

    undo(other_user, said)
    undo_pin(other_user, pin)

    assert groups(user) == [["garmin", "strava"]]
    assert activity(user, "garmin").primary == source(user, "strava")


# --- pins -----------------------------------------------------------------------------------


def test_the_pinned_source_is_shown_until_it_is_automatic_again(user: User) -> None:
    file(user, [run("garmin"), run("strava", 5)])
    one = activity(user, "garmin")

    pin = make_primary(user, source(user, "strava"))
    one.refresh_from_db()
    assert (one.primary, one.pinned, one.start_time) == (
        source(user, "strava"), True, source(user, "strava").start_time,
    )  # fmt: skip
    assert make_primary(user, source(user, "strava")) == pin

    withdrawn = back_to_automatic(user, one)
    one.refresh_from_db()
    assert (withdrawn, one.primary, one.pinned) == ([pin], source(user, "garmin"), False)

    pin_again(user, withdrawn)
    one.refresh_from_db()
    assert (one.primary, one.pinned) == (source(user, "strava"), True)


def test_the_newest_pin_of_a_group_wins_and_taken_back_the_one_before(user: User) -> None:
    file(user, [run("garmin"), run("polar", 3), run("strava", 5)])
    make_primary(user, source(user, "strava"))
    newest = make_primary(user, source(user, "polar"))
    assert activity(user, "garmin").primary == source(user, "polar")

    undo_pin(user, newest)

    assert activity(user, "garmin").primary == source(user, "strava")


def test_a_pin_sleeps_while_its_record_is_gone_and_wins_again_when_it_is_back(user: User) -> None:
    file(user, [run("garmin"), run("strava", 5)])
    make_primary(user, source(user, "strava"))

    remove_sources(user, [source(user, "strava").pk])
    assert (activity(user, "garmin").primary, activity(user, "garmin").pinned) == (source(user, "garmin"), False)

    file(user, [run("strava", 5)])
    assert (activity(user, "garmin").primary, activity(user, "garmin").pinned) == (source(user, "strava"), True)


def test_numbers_only_grow_over_decisions_and_pins(user: User) -> None:
    file(user, [run("garmin"), run("strava", 5)])

    first = split_off(user, source(user, "strava"))
    undo(user, first)
    pin = make_primary(user, source(user, "strava"))
    undo_pin(user, pin)
    second = split_off(user, source(user, "strava"))

    assert [first[0].number, pin.number, second[0].number] == [1, 2, 3]


@given(st.data())
@settings(max_examples=25)
def test_what_is_said_holds_and_taken_back_leaves_no_trace(data: st.DataObject) -> None:
    with account() as user:
        file(user, data.draw(clusters()))
        before = state_of(user)
        ids = dict(user.source_activities.values_list("pk", "activity"))
        said = []
        for _ in range(data.draw(st.integers(1, 4))):
            sources = list(user.source_activities.order_by("external_id"))
            one, other = data.draw(st.permutations(sources))[:2]
            if data.draw(st.booleans()):
                said.append(say_same(user, one, other))
            else:
                said.append(say_different(user, one, other))
            one.refresh_from_db()
            other.refresh_from_db()
            if said[-1]:
                assert (one.activity == other.activity) == said[-1][0].same
            assert state_of(user) == expected_of(user)

        for decisions in data.draw(st.permutations(said)):
            undo(user, decisions)

        assert state_of(user) == before
        assert len(set(user.source_activities.values_list("activity", flat=True))) == len(set(ids.values()))
