from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import combinations, permutations
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from activities.domain.matching import (
    LOOK_REACH_MS,
    MAX_COMPARED,
    MAX_SHIFT_MS,
    MAX_SPANS,
    SUGGESTION_REACH_MS,
    Decision,
    Key,
    Neighbourhood,
    Record,
    Suggestion,
    Wanted,
    components_of,
    groups_of,
    matches,
    near_miss,
    shape_of,
    suggestions_of,
)
from tests.activities.domain import reference
from tests.activities.domain.strategies import NOON_MS, START_MS, Account, accounts, clusters, decisions_on, has_chain

SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000


def told(
    provider: str = "garmin",
    external_id: str = "1",
    *,
    at: float = 0,
    elapsed: float | None = 3600,
    timer: float | None = None,
    moving: float | None = None,
    distance: float | None = None,
    sport: str = "running",
    device: str = "",
    offset: float = 0,
    day_only: bool = False,
) -> Record:
    """A record; `at` and the durations in seconds, `offset` in hours. One of a day alone stands at noon of it."""
    durations = [None if it is None else round(it * SECOND) for it in (elapsed, timer, moving)]
    start_ms = (NOON_MS if day_only else START_MS) + round(at * SECOND)
    return Record(provider, external_id, sport, start_ms, *durations, distance, device, round(offset * HOUR), day_only)


def row(provider: str = "trainingpeaks", external_id: str = "row", **changes: Any) -> Record:
    """A record of the day on which the others begin, without a time."""
    return told(provider, external_id, day_only=True, **changes)


def same(number: int, one: Record, other: Record) -> Decision:
    return Decision(number, True, one.key, other.key)


def different(number: int, one: Record, other: Record) -> Decision:
    return Decision(number, False, one.key, other.key)


def keys(*records: Record) -> tuple[Key, ...]:
    return tuple(sorted(record.key for record in records))


# --- the four conditions --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "is_match"),
    [
        pytest.param(told(), told("strava", at=120), True, id="starts exactly 120 s apart"),
        pytest.param(told(), told("strava", at=120.001), False, id="starts 120.001 s apart"),
        pytest.param(told(), told("strava", sport="cycling"), False, id="another family"),
        pytest.param(told(), told("strava", sport="running.trail"), True, id="a discipline of the family"),
        pytest.param(told(sport="running+stationary"), told(sport="running.trail"), True, id="indoors and a trail"),
        pytest.param(told(sport="walking"), told(sport="walking.hiking"), True, id="hiking is walking"),
        pytest.param(told(), told("strava", sport="generic", at=15), True, id="generic, exactly 15 s apart"),
        pytest.param(told(), told("strava", sport="generic", at=15.001), False, id="generic, 15.001 s apart"),
        pytest.param(told(), told("strava", sport="", at=15), True, id="no sport told, exactly 15 s apart"),
        pytest.param(told(sport="generic"), told(sport="generic", at=16), False, id="both generic, 16 s apart"),
        pytest.param(
            told(distance=10_000),
            told(sport="generic", distance=9_500),
            True,
            id="generic, distances exactly 5 %",
        ),
        pytest.param(
            told(distance=10_000), told(sport="generic", distance=9_499), False, id="generic, distances over 5 %"
        ),
        pytest.param(told(distance=10_000), told(sport="generic"), True, id="generic, one distance told"),
        pytest.param(told(distance=0.0), told(sport="generic", distance=9.0), False, id="a told zero is a distance"),
        pytest.param(told(distance=10_000), told(distance=100), True, id="distances of a known sport are not compared"),
        pytest.param(told(elapsed=3600), told(elapsed=3240), True, id="durations exactly 10 % apart"),
        pytest.param(told(elapsed=3600), told(elapsed=3239.999), False, id="durations over 10 % apart"),
        pytest.param(told(timer=3000), told(elapsed=9000, timer=3000), True, id="one agreeing pair is enough"),
        pytest.param(told(elapsed=None, timer=3000), told(elapsed=3000), True, id="no duration told by both"),
        pytest.param(
            told(elapsed=None, timer=3000, moving=2000), told(elapsed=2000), False, id="then the first that each tells"
        ),
        pytest.param(
            told(elapsed=3000, moving=2000), told(elapsed=None, moving=2900), False, id="told by both goes first"
        ),
        pytest.param(told(elapsed=None, timer=3240), told(elapsed=3600), True, id="told by one each, exactly 10 %"),
        pytest.param(told(elapsed=None, timer=3239.999), told(elapsed=3600), False, id="told by one each, over 10 %"),
        pytest.param(told(elapsed=-60), told(elapsed=-60), False, id="a negative duration is none"),
        pytest.param(told(elapsed=None), told(elapsed=3600), False, id="no duration told"),
        pytest.param(told(elapsed=None), told(elapsed=None), False, id="no duration told by either"),
        pytest.param(told(elapsed=0), told(elapsed=0), True, id="both of 0 s, equal starts"),
        pytest.param(told(elapsed=0), told(elapsed=0, at=1), False, id="both of 0 s, a second apart"),
        pytest.param(told(elapsed=60), told(elapsed=60, at=90), False, id="two one-minute efforts 90 s apart"),
        pytest.param(told(elapsed=60), told(elapsed=60, at=30), False, id="overlap exactly half"),
        pytest.param(told(elapsed=60), told(elapsed=60, at=29.999), True, id="overlap over half"),
        pytest.param(row(), replace(row("strava"), day_only=False), False, id="noon where no time was told"),
        pytest.param(row(), row("strava"), False, id="no time told by either"),
    ],
)
def test_matches_at_its_bounds(one: Record, other: Record, is_match: bool) -> None:
    assert (matches(one, other), matches(other, one)) == (is_match, is_match)


def test_matches_takes_a_distance_that_is_no_number_for_not_told() -> None:
    assert matches(told(distance=float("nan")), told(sport="generic", distance=5.0))
    assert matches(told(distance=float("inf")), told(sport="generic", distance=5.0))


@given(clusters())
def test_matches_is_symmetric_and_as_specified(records: list[Record]) -> None:
    for one, other in permutations(records, 2):
        assert matches(one, other) == matches(other, one) == reference.match(one, other)


# --- groups ---------------------------------------------------------------------------------


def test_groups_of_nothing() -> None:
    assert groups_of([]) == []


def test_groups_of_one_effort_told_by_three() -> None:
    watch, bike, app = told("garmin"), told("wahoo", at=30), told("strava", at=2, elapsed=3590)

    assert groups_of([app, bike, watch]) == [keys(watch, bike, app)]


def test_groups_of_records_with_one_key_are_refused() -> None:
    with pytest.raises(ValueError, match="one record"):
        groups_of([told(), told(at=5)])


def test_groups_of_intervals_are_not_folded_by_a_second_watch() -> None:
    """Two watches record laps one by one; the starts of the second watch's drift until they meet both neighbours."""
    first = [told("garmin", f"g{lap}", at=100 * lap, elapsed=100) for lap in range(3)]
    second = [told("polar", f"p{lap}", at=100 * lap + 45, elapsed=100) for lap in range(3)]

    assert groups_of([*first, *second]) == sorted(keys(*pair) for pair in zip(first, second, strict=True))


def test_groups_of_a_chain_end_where_one_provider_tells_two() -> None:
    early, between, late = told("garmin", "a"), told("strava", at=100), told("garmin", "b", at=190)

    assert groups_of([early, between, late]) == [keys(early), keys(between, late)]


def test_groups_of_a_chain_of_three_providers_are_one() -> None:
    early, between, late = told("garmin", "a"), told("strava", at=100), told("polar", "b", at=190)

    assert groups_of([early, between, late]) == [keys(early, between, late)]


def test_groups_of_unknown_sport_joins_only_one_family() -> None:
    run, ride, some = told("garmin"), told("wahoo", at=10, sport="cycling"), told("strava", at=2, sport="generic")

    assert groups_of([run, ride, some]) == sorted([keys(run, some), keys(ride)])


def test_groups_of_files_of_unknown_provider_are_told_apart_by_device() -> None:
    early = told("file", "a", device="Edge 530")
    between = told("strava", at=100)
    late = told("file", "b", at=190, device="fenix 6")

    assert groups_of([early, between, late]) == [keys(early, between, late)]
    assert groups_of([early, between, replace(late, device="Edge 530")]) == [keys(early), keys(between, late)]


def test_groups_of_files_without_a_device_count_as_of_one() -> None:
    early, between, late = told("file", "a"), told("strava", at=100), told("file", "b", at=190)

    assert groups_of([early, between, late]) == [keys(early), keys(between, late)]


def test_groups_of_the_closest_pair_go_first() -> None:
    """Both of Garmin's match Strava's; the start decides, then the durations, then provider and id."""
    strava = told("strava")
    near, far = told("garmin", "near", at=40, elapsed=3900), told("garmin", "far", at=-60, elapsed=3300)
    assert groups_of([far, near, strava]) == sorted([keys(near, strava), keys(far)])

    long, longer = told("garmin", "b", elapsed=3900), told("garmin", "a", elapsed=3250)
    assert groups_of([longer, long, strava]) == sorted([keys(long, strava), keys(longer)])

    one, two = told("garmin", "1", elapsed=3300), told("garmin", "2", elapsed=3900)
    assert groups_of([one, two, strava]) == sorted([keys(one, strava), keys(two)])


def test_groups_of_the_smallest_agreeing_duration_decides_which_pair_is_closer() -> None:
    """Whichever kind it is: here the durations without pauses, then those of moving, then those from start to end."""
    strava = told("strava", elapsed=3600, timer=3400, moving=3000)
    for near, far in (
        ({"elapsed": 3900, "timer": 3401}, {"elapsed": 3580, "timer": 3380}),
        ({"elapsed": 3900, "moving": 3001}, {"elapsed": 3580, "moving": 2980}),
        ({"elapsed": 3601, "timer": 3300}, {"elapsed": 3580, "timer": 3410}),
    ):
        one, other = told("garmin", "b", **near), told("garmin", "a", **far)
        # The two of Garmin do not match each other, so that only one of them can have Strava's.
        one, other = (
            replace(one, start_ms=one.start_ms + 100 * SECOND),
            replace(other, start_ms=other.start_ms - 100 * SECOND),
        )

        assert groups_of([other, one, strava]) == sorted([keys(one, strava), keys(other)])


def test_groups_of_equal_shapes_are_joined_but_for_what_tells_no_duration() -> None:
    for durations in ({"timer": 3000}, {"moving": 3000}, {"timer": 3000, "moving": 2900}):
        alike = [told(name, elapsed=None, **durations) for name in ("garmin", "polar", "strava")]
        assert groups_of(alike) == [keys(*alike)]
    for elapsed in (None, -5):
        alone = [told(name, elapsed=elapsed) for name in ("garmin", "strava")]
        assert groups_of(alone) == [keys(one) for one in alone]
    assert groups_of([row(), row("strava")]) == [keys(row("strava")), keys(row())]


def test_groups_of_a_component_with_a_decision_in_it_follow_the_same_rules() -> None:
    """All match; the decision has every pair walked."""
    near = told("strava", at=-20, elapsed=3590)
    one, copy, twin, other = told("garmin", "1"), told("garmin", "2"), told("garmin", "3", at=5), told("polar")

    assert groups_of([one, copy, twin, near, other], [different(1, near, other)]) == sorted(
        [keys(one, copy, twin, other), keys(near)]
    )


def test_groups_of_an_unknown_sport_follow_what_the_athlete_joined() -> None:
    """Between a sport that nobody knows and any other there is no pair of different known families."""
    run, ride = told("garmin", "1"), told("garmin", "2", sport="cycling")
    for provider in ("apple_health", "strava"):
        some = told(provider, sport="generic")
        assert groups_of([run, ride, some], [same(1, run, ride)]) == [keys(run, ride, some)]


def test_groups_of_decisions_the_newest_wins() -> None:
    one, other = told("garmin"), told("strava", at=7200)

    assert groups_of([one, other], [same(1, one, other)]) == [keys(one, other)]
    assert groups_of([one, other], [same(1, one, other), different(2, one, other)]) == [keys(one), keys(other)]
    assert groups_of([one, other], [same(3, one, other), different(2, one, other)]) == [keys(one, other)]


def test_groups_of_same_does_not_join_over_a_newer_different() -> None:
    one, two, three = told("garmin"), told("polar", at=7200), told("strava", at=14_400)
    decisions = [different(3, one, three), same(2, one, two), same(1, two, three)]

    assert groups_of([one, two, three], decisions) == [keys(one, two), keys(three)]


def test_groups_of_different_gives_way_to_newer_decisions_that_joined() -> None:
    one, two, three = told("garmin"), told("polar", at=7200), told("strava", at=14_400)
    decisions = [same(3, one, two), same(2, two, three), different(1, one, three)]

    assert groups_of([one, two, three], decisions) == [keys(one, two, three)]


def test_groups_of_what_is_kept_apart_stays_so_whoever_else_matches() -> None:
    one, two, three = told("garmin"), told("polar"), told("strava")

    assert groups_of([one, two, three], [different(1, one, three)]) == [keys(one, two), keys(three)]


def test_groups_of_the_athlete_may_join_what_never_matches() -> None:
    """Two families of one provider, and a third record that matches one of them but may not follow."""
    run, ride, other = told("garmin", "1"), told("garmin", "2", sport="cycling"), told("strava", sport="cycling")

    assert groups_of([run, ride, other], [same(1, run, ride)]) == [keys(run, ride), keys(other)]


def test_groups_of_a_decision_sleeps_while_its_record_is_absent() -> None:
    one, other = told("garmin"), told("strava")

    assert groups_of([one], [different(1, one, other)]) == [keys(one)]
    assert groups_of([one], [same(1, other, one)]) == [keys(one)]
    assert components_of([one], [same(1, other, one), same(2, one, other)]) == [keys(one)]
    assert groups_of([one, other], [different(1, one, other)]) == [keys(one), keys(other)]


def test_groups_of_a_decision_on_one_record_alone_says_nothing() -> None:
    one, other = told("garmin"), told("strava")

    assert groups_of([one, other], [different(1, one, one)]) == [keys(one, other)]


def test_groups_of_ten_thousand_copies_is_quick() -> None:
    copies = [told("garmin", str(number)) for number in range(10_000)]

    assert groups_of(copies) == [keys(*copies)]
    assert groups_of(copies, [different(1, copies[0], copies[1])]) == [
        keys(*(it for it in copies if it is not copies[1])),
        keys(copies[1]),
    ]


@given(accounts())
def test_groups_of_is_the_rule_of_the_specification(account: Account) -> None:
    event(f"non-transitive chain: {has_chain(account.records)}")
    event(f"decisions: {bool(account.decisions)}")

    found = groups_of(account.records, account.decisions)

    event(f"largest group: {max(map(len, found))}")
    assert found == reference.groups(account.records, account.decisions)


@given(accounts(), st.data())
def test_groups_of_any_permutation_are_the_same(account: Account, data: st.DataObject) -> None:
    records, decisions = (data.draw(st.permutations(it)) for it in account)

    assert groups_of(records, decisions) == groups_of(account.records, account.decisions)


@given(accounts())
def test_groups_of_keep_what_the_athlete_decided(account: Account) -> None:
    """The newest decision on two records that are there holds, and every record is in one group."""
    found = groups_of(account.records, account.decisions)

    group_of = {key: number for number, group in enumerate(found) for key in group}
    awake = [it for it in account.decisions if it.one in group_of and it.other in group_of]
    if awake:
        newest = max(awake, key=lambda it: it.number)
        assert (group_of[newest.one] == group_of[newest.other]) == newest.same
    assert sorted(key for group in found for key in group) == sorted(record.key for record in account.records)


@given(accounts(), st.data())
def test_groups_of_later_records_undo_no_decision(account: Account, data: st.DataObject) -> None:
    """What a sync brings splits nothing that the athlete joined and joins nothing that he kept apart."""
    here = data.draw(st.sets(st.sampled_from([record.key for record in account.records])))
    awake = [it for it in account.decisions if it.one in here and it.other in here]

    before = groups_of([record for record in account.records if record.key in here], awake)
    after = groups_of(account.records, awake)

    of_before, of_after = ({key: group for group in found for key in group} for found in (before, after))
    # A "same" that was heard joins by itself, a "different" that was heard parts by itself: no match has a say.
    for decision in awake:
        is_one = decision.other in of_after[decision.one]
        if decision.same and _heard(decision, awake):
            assert is_one
        elif not decision.same and decision.other not in of_before[decision.one]:
            assert not is_one


def _heard(decision: Decision, decisions: Sequence[Decision]) -> bool:
    """Whether it stands against the newer ones, all records there and nothing matching."""
    lonely = {key: Record(*key, "running", number * HOUR) for number, key in enumerate(_named(decisions))}
    groups = groups_of(lonely.values(), [it for it in decisions if it.number >= decision.number])
    return any(decision.one in group and decision.other in group for group in groups)


def _named(decisions: Iterable[Decision]) -> list[Key]:
    return sorted({key for it in decisions for key in (it.one, it.other)})


def test_the_strategy_draws_non_transitive_chains() -> None:
    """At least three in ten; `pytest --hypothesis-show-statistics` shows the same as events."""
    seen: Counter[bool] = Counter()

    @settings(max_examples=200, derandomize=True, database=None)
    @given(accounts())
    def count(account: Account) -> None:
        seen[has_chain(account.records)] += 1

    count()

    assert seen[True] >= 0.3 * seen.total()


# --- what a change can touch ----------------------------------------------------------------


class Shelf:
    """Records as a database gives them, and how often it was asked."""

    def __init__(self, records: Iterable[Record]) -> None:
        self.records = list(records)
        self.asked = 0

    def load(self, wanted: Wanted) -> list[Record]:
        self.asked += 1
        return [
            it
            for it in self.records
            if it.key in wanted.keys or any(first <= it.start_ms <= last for first, last in wanted.spans)
        ]


def searched(search: Neighbourhood, shelf: Shelf) -> list[Record]:
    while wanted := search.wanted():
        search.add(shelf.load(wanted))
    return search.component


@given(accounts())
def test_components_of_hold_every_group(account: Account) -> None:
    components = components_of(account.records, account.decisions)

    component_of = {key: number for number, component in enumerate(components) for key in component}
    assert all(len({component_of[key] for key in group}) == 1 for group in groups_of(*account))
    assert sorted(component_of) == sorted(record.key for record in account.records)


@st.composite
def changes(draw: st.DrawFn) -> tuple[Account, Account]:
    """An account before and after some of it was added, told anew, removed or decided otherwise."""
    account = draw(accounts())
    records = {record.key: record for record in account.records}
    after = dict(records)
    for key in draw(st.lists(st.sampled_from(sorted(records)), min_size=1, max_size=3, unique=True)):
        what = draw(st.sampled_from(("added", "removed", "moved", "elsewhere")))
        if what == "added":
            del records[key]
        elif what == "removed":
            del after[key]
        else:
            by = draw(st.sampled_from((1, 60_000, -120_000))) if what == "moved" else 7 * 86_400_000
            after[key] = replace(after[key], start_ms=after[key].start_ms + by)
    decisions = account.decisions
    if draw(st.booleans()):
        decisions = draw(decisions_on(account.records))
    return Account(tuple(records.values()), account.decisions), Account(tuple(after.values()), decisions)


@given(changes())
def test_recomputing_what_a_change_touches_is_a_rebuild(change: tuple[Account, Account]) -> None:
    before, after = change
    was, becomes = groups_of(*before), groups_of(*after)
    changed = set(before.records) ^ set(after.records)
    decided = set(before.decisions) ^ set(after.decisions)
    shelf = Shelf(after.records)

    search = Neighbourhood(changed, keys=_named(decided), decisions={*before.decisions, *after.decisions})
    component = searched(search, shelf)

    touched = {record.key for record in component} | {record.key for record in changed}
    kept = [group for group in was if not touched.intersection(group)]
    # No group lies half inside.
    assert all(touched.issuperset(group) for group in was if touched.intersection(group))
    assert sorted(kept + groups_of(component, after.decisions)) == becomes
    assert shelf.asked <= 4


@given(accounts(), st.data())
def test_one_record_after_another_is_a_rebuild(account: Account, data: st.DataObject) -> None:
    """In any order, each with nothing but its neighbourhood looked at."""
    here: list[Record] = []
    found: set[tuple[Key, ...]] = set()
    for record in data.draw(st.permutations(account.records)):
        here.append(record)
        component = searched(Neighbourhood([record], decisions=account.decisions), Shelf(here))
        touched = {it.key for it in component}
        found = {group for group in found if not touched.intersection(group)}
        found.update(groups_of(component, account.decisions))

        assert found == set(groups_of(here, account.decisions))


def test_neighbourhood_of_one_record_asks_once() -> None:
    record, twin, stranger = told("garmin"), told("strava", at=60), told("garmin", "2", at=9000)
    shelf = Shelf([record, twin, stranger])

    assert searched(Neighbourhood([record]), shelf) == [record, twin]
    assert shelf.asked == 1


def test_neighbourhood_widens_along_a_chain() -> None:
    """Each start 100 s after the one before, for 14 hours: the time looked at doubles with each step."""
    chain = [told("garmin", f"{number:03}", at=100 * number) for number in range(500)]
    shelf = Shelf(chain)

    assert searched(Neighbourhood([chain[250]]), shelf) == chain
    assert shelf.asked == 6


def test_neighbourhood_follows_decisions_however_far() -> None:
    record, far, twin = told("garmin"), told("polar", at=1e6), told("strava", at=1e6 + 30)
    shelf = Shelf([record, far, twin])

    assert searched(Neighbourhood([record], decisions=[same(1, record, far)]), shelf) == [record, far, twin]
    assert shelf.asked == 2
    assert searched(Neighbourhood(keys=[far.key], decisions=[same(1, record, far)]), shelf) == [record, far, twin]


def test_neighbourhood_of_a_removed_record_is_what_it_held_together() -> None:
    early, between, late = told("garmin"), told("strava", at=100), told("polar", at=190)

    assert searched(Neighbourhood([between]), Shelf([early, late])) == [early, late]


def test_neighbourhood_of_a_moved_record_is_where_it_was_and_where_it_is() -> None:
    was, becomes = told("garmin"), told("garmin", at=86_400)
    left, found = told("strava"), told("strava", "2", at=86_400)

    assert searched(Neighbourhood([was, becomes]), Shelf([becomes, left, found])) == [becomes, left, found]


def test_neighbourhood_of_two_days_asks_for_nothing_between_them() -> None:
    wanted = Neighbourhood([told("garmin"), told("garmin", "2", at=86_400)]).wanted()

    assert wanted is not None
    assert [last - first for first, last in wanted.spans] == [2 * (2 * MINUTE + 10 * MINUTE)] * 2


def test_neighbourhood_of_many_records_asks_for_few_spans() -> None:
    records = [told("garmin", f"{number:04}", at=86_400 * number) for number in range(1000)]

    wanted = Neighbourhood(records).wanted()

    assert wanted is not None
    assert len(wanted.spans) <= MAX_SPANS
    assert all(any(first <= it.start_ms <= last for first, last in wanted.spans) for it in records)


# --- near misses ----------------------------------------------------------------------------


def suggested(*records: Record, decisions: Sequence[Decision] = ()) -> list[Suggestion]:
    return suggestions_of(records, groups_of(records, decisions), decisions)


@pytest.mark.parametrize(
    ("one", "other", "reason", "detail"),
    [
        pytest.param(
            told(), told("strava", at=120.001), "just_outside", "the starts are 2 min 1 s apart (at most 2 min)",
            id="start just outside",
        ),
        pytest.param(told(), told("strava", at=300), "just_outside", "the starts are 5 min apart (at most 2 min)",
            id="start at the outer bound"),
        pytest.param(
            told(), told("strava", at=16, sport="generic"), "just_outside", "the starts are 16 s apart (at most 15 s)",
            id="start of a generic one",
        ),
        pytest.param(
            told(), told("strava", elapsed=3239), "just_outside", "the durations differ by 10.1 % (at most 10 %)",
            id="duration just outside",
        ),
        pytest.param(
            told(), told("strava", elapsed=2880), "just_outside", "the durations differ by 20 % (at most 10 %)",
            id="duration at the outer bound",
        ),
        pytest.param(
            told(distance=10_000), told("strava", sport="", distance=9_400), "just_outside",
            "the distances differ by 6 % (at most 5 %)", id="distance of an unknown sport",
        ),
        pytest.param(
            told(elapsed=100), told("strava", elapsed=100, at=60), "just_outside",
            "they overlap by 40 % of the shorter (more than 50 %)", id="overlap",
        ),
        pytest.param(
            told(elapsed=1200), told("strava", elapsed=1000, at=200), "just_outside",
            "the starts are 3 min 20 s apart (at most 2 min) and the durations differ by 16.7 % (at most 10 %)",
            id="started late",
        ),
        pytest.param(
            told(), told("strava", sport="walking", at=120), "other_family",
            "recorded at the same time, as Running and Walking", id="another family",
        ),
        pytest.param(
            told(), told("strava", at=7200), "clock_shift", "as long, but 2 h later, as after a clock fault",
            id="two hours later",
        ),
        pytest.param(
            told(), told("strava", at=-(5.5 * 3600 + 120)), "clock_shift",
            "as long, but 5 h 30 min later, as after a clock fault", id="five hours and a half earlier",
        ),
        pytest.param(
            told(), told("strava", at=MAX_SHIFT_MS / 1000, elapsed=3550), "clock_shift",
            "as long, but 14 h later, as after a clock fault", id="at the outer bound",
        ),
        pytest.param(
            told(), told("strava", at=1200, elapsed=900), "inside", "15 min recorded inside the other's 1 h",
            id="a quarter inside",
        ),
        pytest.param(
            told(), told("strava", at=2700, elapsed=1000), "inside", "16 min 40 s recorded inside the other's 1 h",
            id="a tenth sticks out",
        ),
        pytest.param(
            told(timer=3000), told("strava", elapsed=2800, timer=2640), "just_outside",
            "the durations differ by 12 % (at most 10 %)", id="the closer of two durations",
        ),
        pytest.param(
            told(timer=3000, moving=1000), told("strava", elapsed=None, timer=2640, moving=880), "just_outside",
            "the durations differ by 12 % (at most 10 %)", id="equally close durations",
        ),
        pytest.param(
            told(distance=10_000), told("strava", at=16, sport="", distance=9_500), "just_outside",
            "the starts are 16 s apart (at most 15 s)", id="distance of an unknown sport at its bound",
        ),
        pytest.param(
            told(distance=10_000), told("strava", at=200, distance=5_000), "just_outside",
            "the starts are 3 min 20 s apart (at most 2 min)", id="distance of a known sport",
        ),
        pytest.param(
            told(elapsed=90), told("strava", elapsed=90, at=60), "just_outside",
            "they overlap by 33 % of the shorter (more than 50 %)", id="overlap at the outer bound",
        ),
        pytest.param(
            told(elapsed=120), told("strava", elapsed=120, at=60), "just_outside",
            "they overlap by 50 % of the shorter (more than 50 %)", id="overlap of exactly half",
        ),
        pytest.param(
            told(), told("strava", at=7200, elapsed=3528), "clock_shift",
            "as long, but 2 h later, as after a clock fault", id="shifted, durations exactly 2 % apart",
        ),
        pytest.param(
            told(distance=10_000), told("strava", at=7215, sport="", distance=9_500), "clock_shift",
            "as long, but 2 h later, as after a clock fault", id="shifted, no sport told",
        ),
    ],
)  # fmt: skip
def test_suggestions_of_near_misses(one: Record, other: Record, reason: str, detail: str) -> None:
    expected = [Suggestion(*keys(one, other), reason, detail)]

    assert suggested(one, other) == suggested(other, one) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(told(), told("strava"), id="they match"),
        pytest.param(told(), told("strava", at=400), id="start beyond the outer bound"),
        pytest.param(told(), told("strava", elapsed=800), id="duration beyond the outer bound, less than a quarter"),
        pytest.param(told(), told("strava", elapsed=None), id="no duration told"),
        pytest.param(told(elapsed=None), told("strava", elapsed=None), id="no duration told by either"),
        pytest.param(told(), told("strava", at=7216, sport=""), id="shifted and 16 s, no sport told"),
        pytest.param(told(sport=""), told("strava", at=7216), id="shifted and 16 s, no sport told by the first"),
        pytest.param(told(), told("strava", sport="walking", at=121), id="another family, start outside"),
        pytest.param(told(), told("strava", sport="walking", elapsed=3200), id="another family, duration outside"),
        pytest.param(told(elapsed=90), told("strava", elapsed=90, at=60.001), id="overlap beyond the outer bound"),
        pytest.param(told(), told("strava", at=2701, elapsed=1000), id="more than a tenth sticks out"),
        pytest.param(told(), told("strava", at=1200, elapsed=0), id="nothing inside"),
        pytest.param(told(elapsed=0), told("strava", at=600, elapsed=0), id="nothing beside nothing"),
        pytest.param(told(elapsed=60), told("strava", elapsed=60, at=90), id="one after the other"),
        pytest.param(told(), told("strava", at=5000), id="no whole half-hours"),
        pytest.param(told(), told("strava", at=7200, elapsed=3500), id="shifted, but of another length"),
        pytest.param(
            told(distance=10_000), told("strava", at=7200, distance=9_000), id="shifted, but of another distance"
        ),
        pytest.param(told(), told("strava", at=7200, sport="cycling"), id="shifted, but of another family"),
        pytest.param(told(), told("strava", at=14.5 * 3600), id="shifted beyond every time zone"),
        pytest.param(told("garmin", "1"), told("garmin", "2", at=43_200), id="twice a day by one source"),
        pytest.param(told(), told("strava", at=1200, elapsed=800, sport="cycling"), id="inside, but of another family"),
    ],
)
def test_suggestions_of_nothing_suspicious(one: Record, other: Record) -> None:
    assert suggested(one, other) == []


def test_suggestions_of_a_copy_by_one_source_with_a_shifted_clock() -> None:
    one = told("file", "1", distance=10_000.0)
    copy = told("file", "2", at=3600, distance=10_000.4)

    assert [it.reason for it in suggested(one, copy)] == ["clock_shift"]
    at_the_bounds = replace(copy, start_ms=copy.start_ms - SECOND, elapsed_ms=3601 * SECOND, distance_m=10_010.0)
    assert [it.reason for it in suggested(one, at_the_bounds)] == ["clock_shift"]
    assert suggested(one, replace(copy, start_ms=copy.start_ms + SECOND + 1)) == []
    assert suggested(one, replace(copy, elapsed_ms=3601 * SECOND + 1)) == []
    assert suggested(one, replace(copy, distance_m=10_010.1)) == []
    assert suggested(one, replace(copy, distance_m=None)) == []
    assert suggested(replace(one, distance_m=0.0), replace(copy, distance_m=0.0)) == []


def test_suggestions_of_a_way_there_and_back_that_two_sources_tell_alike() -> None:
    there = told("garmin", "1"), told("strava", "1", at=2)
    back = told("garmin", "2", at=36_000), told("strava", "2", at=36_002)

    assert suggested(*there, *back) == []


def test_suggestions_of_two_groups_are_one() -> None:
    """The closest pair stands for them."""
    early = told("garmin"), told("polar", at=20)
    late = told("strava", at=200), told("wahoo", at=220)

    assert suggested(*early, *late) == [
        Suggestion(*keys(early[1], late[0]), "just_outside", "the starts are 3 min apart (at most 2 min)")
    ]


def test_suggestions_of_a_group_are_none_though_its_ends_nearly_match() -> None:
    assert suggested(told("garmin"), told("strava", at=100), told("polar", at=190)) == []


def test_suggestions_of_two_by_one_source_are_asked_where_a_bound_was_missed() -> None:
    assert [it.reason for it in suggested(told("garmin", "1"), told("garmin", "2", at=200))] == ["just_outside"]


def test_suggestions_of_a_decision_concern_its_own_groups_only() -> None:
    one, late, absent = told("garmin"), told("strava", at=200), told("polar", at=1)
    far = told("wahoo", at=90_000)

    for decision in (different(1, one, absent), different(1, absent, late), different(1, one, far)):
        assert len(suggested(one, late, far, decisions=[decision])) == 1
    assert suggestions_of([one, late], [keys(one), keys(late)], [same(1, one, late)]) != []


def test_suggestions_around_a_record_are_those_of_its_group() -> None:
    days = [
        [told(name, str(day), at=86_400 * day + 200 * place) for place, name in enumerate(("garmin", "strava"))]
        for day in range(3)
    ]
    records = [record for day in days for record in day]

    def around(*records_asked: Record) -> list[str]:
        asked = {record.key for record in records_asked}
        return [it.one[1] for it in suggestions_of(records, groups_of(records), around=asked)]

    assert around(days[1][0]) == around(days[1][1]) == ["1"]
    assert around(days[0][0], days[2][1]) == ["2", "0"]
    assert around(told("polar", "absent")) == around() == []


def test_suggestions_of_equally_late_ones_come_by_the_other_one() -> None:
    early, later = told("garmin", "a", elapsed=1500), told("polar", "b", at=600, elapsed=900)
    late = told("strava", "c", at=700, elapsed=500)

    found = [(it.one[1], it.other[1]) for it in suggested(early, later, late)]

    assert found == [("b", "c"), ("a", "c"), ("a", "b")]


def test_suggestions_of_groups_that_the_athlete_told_apart_are_none() -> None:
    early = told("garmin"), told("polar", at=20)
    late = told("strava", at=200), told("wahoo", at=220)

    assert suggested(*early, *late, decisions=[different(1, early[0], late[1])]) == []


def test_suggestions_of_come_newest_first() -> None:
    days = [
        (told("garmin", str(day), at=86_400 * day), told("strava", str(day), at=86_400 * day + 130)) for day in (0, 1)
    ]

    assert [it.one[1] for it in suggested(*days[0], *days[1])] == ["1", "0"]


def test_suggestions_of_a_stopped_clock_are_bounded() -> None:
    """Thousands that all start at once, and each a little longer than the last: work grows with their number."""
    records = [told("garmin", f"{number:04}", elapsed=60 * 1.01**number) for number in range(600)]

    found = suggested(*records)

    assert 0 < len(found) <= MAX_COMPARED * len(records)


@given(accounts(), st.data())
def test_suggestions_of_any_permutation_are_the_same(account: Account, data: st.DataObject) -> None:
    records, decisions = (data.draw(st.permutations(it)) for it in account)
    groups = groups_of(*account)

    found = suggestions_of(records, data.draw(st.permutations(groups)), decisions)

    event(f"suggestions: {bool(found)}")
    assert found == suggestions_of(account.records, groups, account.decisions)


@given(accounts())
def test_suggestions_of_never_ask_what_is_settled(account: Account) -> None:
    groups = groups_of(*account)
    group_of = {key: number for number, group in enumerate(groups) for key in group}
    pairs = [
        (group_of[it.one], group_of[it.other]) for it in suggestions_of(account.records, groups, account.decisions)
    ]

    apart = [{group_of.get(it.one), group_of.get(it.other)} for it in account.decisions if not it.same]
    assert all(one != other and {one, other} not in apart for one, other in pairs)
    assert len({frozenset(pair) for pair in pairs}) == len(pairs)


@given(accounts(), st.data())
def test_suggestions_around_some_records_are_those_that_touch_their_groups(
    account: Account, data: st.DataObject
) -> None:
    groups = groups_of(*account)
    around = data.draw(st.sets(st.sampled_from([record.key for record in account.records])))
    theirs = {key for group in groups if around.intersection(group) for key in group}

    found = suggestions_of(account.records, groups, account.decisions, around=around)

    every = suggestions_of(account.records, groups, account.decisions)
    assert found == [it for it in every if it.one in theirs or it.other in theirs]


@given(clusters())
def test_near_miss_is_symmetric_and_none_where_they_match(records: list[Record]) -> None:
    for one, other in combinations(records, 2):
        miss = near_miss(shape_of(one), shape_of(other))
        assert miss == near_miss(shape_of(other), shape_of(one))
        assert miss is None or not matches(one, other)


# START_MS is 20:26 in the evening, UTC.
@pytest.mark.parametrize(
    ("one", "other", "detail"),
    [
        pytest.param(row(), told(), "the durations differ by 0 %", id="alike"),
        pytest.param(row(elapsed=None, timer=3240), told(elapsed=9999, timer=3600), "the durations differ by 10 %",
            id="durations exactly 10 % apart, timer with timer"),
        pytest.param(row(distance=9_500), told(distance=10_000, sport="running.trail"),
            "the durations differ by 0 % and the distances by 5 %", id="distances exactly 5 % apart"),
        pytest.param(row(distance=9_995), told(sport="generic", distance=10_000),
            "the durations differ by 0 % and the distances by 0.1 %", id="no sport told beside it"),
        pytest.param(row(sport="generic", distance=9_995), told(distance=10_000),
            "the durations differ by 0 % and the distances by 0.1 %", id="no sport told, but a distance"),
        pytest.param(row(), told(at=3 * 3600, offset=-5), "the durations differ by 0 %", id="evening in New York"),
        pytest.param(row(), told(at=-22 * 3600, offset=10), "the durations differ by 0 %", id="morning in Sydney"),
        pytest.param(row(), row("strava"), "the durations differ by 0 %", id="no time told by either"),
        pytest.param(row(), told("trainingpeaks"), "the durations differ by 0 %", id="row and file of one source"),
    ],
)  # fmt: skip
def test_suggestions_of_what_tells_no_time_of_day(one: Record, other: Record, detail: str) -> None:
    words = f"one tells no time of day; on that day, {detail}"
    expected = [Suggestion(*keys(one, other), "no_time_of_day", words)]

    assert groups_of([one, other]) == sorted([keys(one), keys(other)])
    assert suggested(one, other) == suggested(other, one) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(row(elapsed=3239.999), told(), id="durations over 10 % apart"),
        pytest.param(row(elapsed=None), told(), id="no duration"),
        pytest.param(row(), told(elapsed=None), id="no duration beside it"),
        pytest.param(row(elapsed=None), told(elapsed=None), id="no duration anywhere"),
        pytest.param(row(distance=9_499), told(distance=10_000), id="distances over 5 % apart"),
        pytest.param(row(sport="cycling"), told(), id="another family"),
        pytest.param(row(sport="cycling", at=-60), told(at=(NOON_MS - START_MS) / 1000), id="another sport at noon"),
        pytest.param(row(sport="generic"), told(distance=10_000), id="no sport told, and one distance"),
        pytest.param(row(at=86_400), told(), id="the day after"),
        pytest.param(row(), told(at=3.6 * 3600), id="past midnight"),
        pytest.param(row(), told(offset=4), id="past midnight on the wall"),
        pytest.param(row(at=-86_400), told(at=-86_400, offset=5), id="past midnight on the wall, the day before"),
        pytest.param(row(), row(external_id="b"), id="two rows of one table"),
        pytest.param(row(elapsed=900), told(at=(NOON_MS - START_MS) / 1000 - 600), id="no time to be inside of"),
    ],
)
def test_suggestions_of_a_day_that_does_not_fit(one: Record, other: Record) -> None:
    assert suggested(one, other) == suggested(other, one) == []


def test_suggestions_of_a_day_on_which_one_did_the_same_twice() -> None:
    """Whoever is joined with one of them is no longer looked for, and the other row belongs to the other."""
    there, back = told("garmin", "1", at=-9.2 * 3600), told("strava", "2")
    rows = row(external_id="a"), row(external_id="b")
    pairs = {(one.key, other.key) for one in (there, back) for other in rows}

    assert {(it.one, it.other) for it in suggested(there, back, *rows)} == pairs
    assert [(it.one, it.other) for it in suggested(there, back, *rows, decisions=[same(1, there, rows[0])])] == [
        keys(back, rows[1])
    ]


def test_suggestions_of_a_day_reach_around_the_earth() -> None:
    """From midnight at UTC+14 to midnight at UTC-12."""
    first = replace(told(offset=14), start_ms=NOON_MS - LOOK_REACH_MS)
    last = replace(told("strava", offset=-12), start_ms=NOON_MS + 24 * HOUR - 1)

    assert [it.reason for it in suggested(row(), first)] == ["no_time_of_day"]
    assert [it.reason for it in suggested(row(), last)] == ["no_time_of_day"]
    assert suggested(row(), replace(first, start_ms=first.start_ms - 1)) == []
    assert suggested(row(), replace(last, start_ms=last.start_ms + 1)) == []


def test_near_miss_of_what_matches_or_lies_beyond_every_reach_is_none() -> None:
    one = shape_of(told())

    assert near_miss(one, shape_of(told("strava"))) is None
    assert near_miss(one, shape_of(told("strava", at=14.5 * 3600))) is None
    assert near_miss(one, shape_of(row())) is None
    assert near_miss(shape_of(row()), one) is None


def test_suggestions_reach_as_far_as_they_say() -> None:
    one, other = told(), told("strava", at=SUGGESTION_REACH_MS / 1000)

    assert len(suggested(one, other)) == 1
    assert suggested(one, replace(other, start_ms=other.start_ms + 1)) == []
