from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from activities.domain.matching import Key, groups_of
from activities.domain.metrics import GROUPS, METRICS
from activities.domain.priority import (
    KINDS,
    Candidate,
    Filled,
    Order,
    Richness,
    Switch,
    Told,
    elect,
    filled,
    kind_of_metric,
    order_kind,
    ranking,
    richness,
    shown,
    switches,
    why,
)
from tests.activities.domain.strategies import Account, accounts, candidates_of, orders

NAMES = {"garmin": "Garmin", "strava": "Strava", "apple_health": "Apple Health"}
GARMIN, STRAVA, APPLE = ("garmin", "1"), ("strava", "1"), ("apple_health", "1")


def of(key: Key, device_kind: str = "unknown", fields: int = 0, samples: int = 0, statistics: int = 0) -> Candidate:
    return Candidate(key, device_kind, Richness(fields, samples, statistics))


# --- richness -------------------------------------------------------------------------------


def test_richness_counts_fields_with_streams_samples_and_statistics() -> None:
    values = {
        "name": "Morning run", "elapsed_s": 3600.0, "timer_s": None, "distance_m": 0.0, "device": "", "laps": [],
        "avg_heart_rate_bpm": 140.0, "max_heart_rate_bpm": None, "sport": "running",
    }  # fmt: skip

    assert richness(values, {"heart_rate": 3600, "power": 0}) == Richness(fields=4, samples=3600, statistics=1)


def test_richness_of_nothing() -> None:
    assert richness({}, {}) == Richness(0, 0, 0)


# --- election -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("candidates", "order", "pins", "elected"),
    [
        pytest.param([of(GARMIN)], Order(), {}, GARMIN, id="the only one"),
        pytest.param([of(GARMIN), of(STRAVA, fields=1)], Order(), {}, STRAVA, id="nothing set: the richer"),
        pytest.param([of(GARMIN), of(STRAVA, samples=1)], Order(), {}, STRAVA, id="equal fields: more samples"),
        pytest.param([of(GARMIN), of(STRAVA, statistics=1)], Order(), {}, STRAVA, id="then more statistics"),
        pytest.param([of(STRAVA), of(GARMIN)], Order(), {}, GARMIN, id="then provider and id"),
        pytest.param(
            [of(GARMIN), of(STRAVA, fields=9)], Order((("garmin",), ("strava",))), {}, GARMIN, id="the order before all"
        ),
        pytest.param(
            [of(GARMIN), of(STRAVA, fields=9)], Order((("garmin", "strava"),)), {}, STRAVA, id="tied: the richer"
        ),
        pytest.param(
            [of(APPLE, fields=9), of(STRAVA), of(GARMIN, fields=1)], Order((("strava",),)), {}, STRAVA,
            id="who is not named comes after",
        ),
        pytest.param(
            [of(APPLE, fields=9), of(GARMIN, fields=1)], Order((("strava",),)), {}, APPLE, id="those not named are tied"
        ),
        pytest.param(
            [of(GARMIN), of(STRAVA)], Order((("garmin",), ("strava",))), {STRAVA: 1}, STRAVA, id="a pin before all"
        ),
        pytest.param([of(GARMIN), of(STRAVA)], Order(), {STRAVA: 2, GARMIN: 1}, STRAVA, id="the newest pin"),
        pytest.param(
            [of(("garmin", "a"), "phone", fields=9), of(("garmin", "b"), "watch")],
            Order(devices={"garmin": (("watch",), ("phone",))}), {}, ("garmin", "b"), id="a device kind of it",
        ),
        pytest.param(
            [of(("garmin", "a"), "scale"), of(("garmin", "b"), "phone")],
            Order(devices={"garmin": (("other",), ("phone",))}), {}, ("garmin", "a"), id="a scale is another device",
        ),
        pytest.param(
            [of(GARMIN, "phone", fields=2), of(STRAVA, "watch", fields=1)],
            Order(devices={"garmin": (("watch",), ("phone",))}), {}, GARMIN, id="device kinds say nothing between two",
        ),
    ],
)  # fmt: skip
def test_elect(candidates: list[Candidate], order: Order, pins: Mapping[Key, int], elected: Key) -> None:
    assert elect(candidates, order, pins) == elect(reversed(candidates), order, pins) == elected


@given(accounts(), orders(), st.data())
def test_election_follows_the_order(account: Account, order: Order, data: st.DataObject) -> None:
    told = data.draw(candidates_of(account.records))
    for group in groups_of(*account):
        members = [told[key] for key in group]
        event(f"sources of a group: {len(members)}")

        elected = told[elect(members, order)]

        assert all(order.rank(elected.provider) <= order.rank(it.provider) for it in members)
        equals = [it for it in members if order.rank(it.provider) == order.rank(elected.provider)]
        own = [it for it in equals if it.provider == elected.provider]
        ranks = [order.device_rank(it.provider, it.device_kind) for it in own]
        assert order.device_rank(elected.provider, elected.device_kind) == min(ranks)
        # The best of each tied provider is no richer; of the same device kind, neither is any of its own.
        for provider in {it.provider for it in equals}:
            best = max(
                (it for it in equals if it.provider == provider),
                key=lambda it: (-order.device_rank(it.provider, it.device_kind), it.richness),
            )
            assert elected.richness >= best.richness


@given(accounts(), orders(), st.data())
def test_election_of_any_permutation_is_the_same(account: Account, order: Order, data: st.DataObject) -> None:
    """Records, members and pins in any order: the same groups and the same primaries."""
    told = data.draw(candidates_of(account.records))
    pins = data.draw(st.dictionaries(st.sampled_from(sorted(told)), st.integers(1, 99), max_size=3))
    records, decisions = (data.draw(st.permutations(it)) for it in account)
    expected = [elect([told[key] for key in group], order, pins) for group in groups_of(*account)]

    found = [
        elect(data.draw(st.permutations([told[key] for key in group])), order, pins)
        for group in groups_of(records, decisions)
    ]

    assert found == expected


@given(accounts(), orders(), st.data())
def test_ranking_names_whom_the_next_election_would_choose(account: Account, order: Order, data: st.DataObject) -> None:
    told = data.draw(candidates_of(account.records))
    pins = data.draw(st.dictionaries(st.sampled_from(sorted(told)), st.integers(1, 99), max_size=2))
    kind = data.draw(st.sampled_from(sorted(KINDS)))

    left = ranking(told.values(), order, pins, kind)

    assert sorted(left) == sorted(told.values())
    while left:
        assert elect(data.draw(st.permutations(left)), order, pins, kind) == left[0].key
        left = left[1:]


@given(accounts(), orders(), st.data())
def test_a_pin_wins_over_every_order(account: Account, order: Order, data: st.DataObject) -> None:
    told = data.draw(candidates_of(account.records))
    pinned = data.draw(st.sampled_from(sorted(told)))
    older = data.draw(st.sampled_from(sorted(told)))

    assert elect(told.values(), order, {older: 1} | {pinned: 2}) == pinned


# --- orders ---------------------------------------------------------------------------------


@given(orders())
def test_order_survives_json(order: Order) -> None:
    assert Order.from_json(order.to_json()) == order


def test_order_from_nothing_ties_all() -> None:
    assert Order.from_json({}) == Order()
    assert {Order().rank(provider) for provider in NAMES} == {0}
    assert Order().device_rank("garmin", "watch") == Order().device_rank("garmin", "phone")


def test_order_kind_of_what_an_order_does_not_name() -> None:
    assert [order_kind(it) for it in ("watch", "computer", "scale", "app", "unknown", "")] == [
        "watch", "computer", "other", "other", "other", "other"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("metric", "kind"),
    [
        ("hrv_rmssd", "recovery"),
        ("resting_heart_rate", "recovery"),
        ("oxygen_saturation", "recovery"),
        ("weight", "body"),
        ("sleep_stage", "sleep"),
        ("steps", "daily"),
        ("SomethingUnheardOf", "daily"),
    ],
)
def test_kind_of_metric(metric: str, kind: str) -> None:
    assert kind_of_metric(metric) == kind


def test_kind_of_metric_knows_every_metric_and_no_activities() -> None:
    assert {kind_of_metric(slug) for slug in METRICS} == KINDS.keys() - {"activities"}
    assert {metric.group for metric in METRICS.values()} <= GROUPS.keys()


# --- which source of a day is shown ---------------------------------------------------------


@pytest.mark.parametrize(
    ("candidates", "order", "kind", "key"),
    [
        pytest.param([], Order(), "sleep", None, id="none"),
        pytest.param([of(GARMIN, "watch"), of(APPLE, "phone")], Order(), "sleep", GARMIN, id="a night: what is worn"),
        pytest.param([of(GARMIN, "phone"), of(APPLE, "ring")], Order(), "recovery", APPLE, id="recovery: what is worn"),
        pytest.param([of(GARMIN, "watch"), of(APPLE, "phone", 4)], Order(), "sleep", APPLE, id="who tells more before"),
        pytest.param([of(GARMIN, "computer"), of(APPLE, "watch")], Order(), "daily", APPLE, id="a day: the wrist"),
        pytest.param([of(GARMIN), of(APPLE, "phone")], Order(), "daily", GARMIN, id="a day: who names no device"),
        pytest.param([of(APPLE, "watch"), of(GARMIN, "scale")], Order(), "body", GARMIN, id="the body: the scale"),
        pytest.param(
            [of(GARMIN, "watch"), of(STRAVA, "phone")], Order((("strava",),)), "daily", STRAVA, id="the order before"
        ),
        pytest.param(
            [of(("garmin", "a"), "watch"), of(("garmin", "b"), "phone")],
            Order(devices={"garmin": (("phone",), ("watch",))}), "daily", ("garmin", "b"), id="an own order of kinds",
        ),
    ],
)  # fmt: skip
def test_shown(candidates: list[Candidate], order: Order, kind: str, key: Key | None) -> None:
    assert shown(candidates, order, kind) == shown(reversed(candidates), order, kind) == key


# --- why ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("candidates", "order", "pins", "kind", "sentence"),
    [
        ([of(GARMIN)], Order(), {}, "activities", "It is the only source"),
        ([of(GARMIN), of(STRAVA)], Order(), {STRAVA: 1}, "activities", "You chose it"),
        (
            [of(GARMIN), of(STRAVA, fields=9)], Order((("garmin",),)), {}, "activities",
            "Garmin stands above Strava in your order",
        ),
        (
            [of(("apple_health", "a"), "phone"), of(("apple_health", "b"), "watch")],
            Order(devices={"apple_health": (("watch",),)}), {}, "activities",
            "Your order puts Apple Health's watch above its phone",
        ),
        (
            [of(GARMIN, fields=23), of(STRAVA, fields=20)], Order(), {}, "activities",
            "It tells more than Strava: 23 fields and series against 20",
        ),
        (
            [of(GARMIN, samples=21_000), of(STRAVA, samples=3_600)], Order(), {}, "activities",
            "It tells more than Strava: 21,000 samples against 3,600",
        ),
        (
            [of(("garmin", "a"), statistics=4), of(("garmin", "b"), statistics=2)], Order(), {}, "activities",
            "It tells more than another record of Garmin: 4 averages and extremes against 2",
        ),
        ([of(GARMIN), of(STRAVA)], Order(), {}, "activities", "It tells as much as Strava, and comes first by name"),
        (
            [of(("garmin", "a")), of(("garmin", "b"))], Order(), {}, "activities",
            "It tells as much as another record of Garmin, and comes first by id",
        ),
        (
            [of(GARMIN, "watch"), of(APPLE, "scale")], Order(), {}, "sleep",
            "Garmin's watch usually knows this better than Apple Health's scale",
        ),
        (
            [of(GARMIN, "watch"), of(APPLE, "scale")], Order(), {}, "body",
            "Apple Health's scale usually knows this better than Garmin's watch",
        ),
        (
            [of(GARMIN), of(APPLE, "phone")], Order(), {}, "daily",
            "Garmin usually knows this better than Apple Health's phone",
        ),
        (
            [of(("polar", "1")), of(GARMIN)], Order((("polar",),)), {}, "activities",
            "polar stands above Garmin in your order",
        ),
    ],
)  # fmt: skip
def test_why(candidates: list[Candidate], order: Order, pins: Mapping[Key, int], kind: str, sentence: str) -> None:
    assert why(candidates, order, pins, NAMES, kind) == sentence


@given(accounts(), orders(), st.data())
def test_why_never_contradicts_the_election(account: Account, order: Order, data: st.DataObject) -> None:
    told = data.draw(candidates_of(account.records))
    kind = data.draw(st.sampled_from(sorted(KINDS)))
    first, *others = ranking(told.values(), order, kind=kind)

    sentence = why(told.values(), order, names=NAMES, kind=kind)

    event(" ".join(sentence.split()[:3]))
    if "stands above" in sentence:
        assert order.rank(first.provider) < order.rank(others[0].provider)
    if "tells more" in sentence:
        assert first.richness > others[0].richness


# --- another order --------------------------------------------------------------------------


def test_switches_of_another_order() -> None:
    both, alone = [of(GARMIN), of(STRAVA)], [of(("strava", "2"))]

    after = Order((("strava",), ("garmin",)))

    assert switches([both, alone], Order((("garmin",),)), after) == [Switch(GARMIN, STRAVA)]
    assert switches([both, alone], Order((("garmin",),)), after, {GARMIN: 1}) == []


@given(accounts(), orders(), orders(), st.data())
def test_switches_are_what_electing_again_changes(
    account: Account, before: Order, after: Order, data: st.DataObject
) -> None:
    told = data.draw(candidates_of(account.records))
    groups = [[told[key] for key in group] for group in groups_of(*account)]
    pins = data.draw(st.dictionaries(st.sampled_from(sorted(told)), st.integers(1, 99), max_size=2))

    found = switches(groups, before, after, pins)

    event(f"switches: {min(len(found), 2)}")
    was = {elect(group, before, pins) for group in groups}
    becomes = {elect(group, after, pins) for group in groups}
    assert {it.was for it in found} == was - becomes
    assert {it.becomes for it in found} == becomes - was
    assert switches(groups, after, after, pins) == []


# --- filling gaps ---------------------------------------------------------------------------


def test_filled_takes_each_gap_from_the_next_that_tells_it() -> None:
    primary = Told(GARMIN, {"elapsed_s": 60.0, "distance_m": 0.0, "name": "", "laps": []}, frozenset({"heart_rate"}))
    second = Told(
        STRAVA,
        {"elapsed_s": 61.0, "distance_m": 9.0, "name": "Lunch run", "energy_kcal": None, "device": "Edge", "laps": [1]},
        frozenset({"heart_rate", "power"}),
    )
    third = Told(
        APPLE,
        {"name": "Run", "energy_kcal": 50.0, "sport": "running"},
        frozenset({"power", "cadence", "latitude", "longitude"}),
    )

    assert filled(primary, [second, third]) == Filled(
        values={"name": "Lunch run", "laps": [1], "energy_kcal": 50.0},
        origins={
            "name": STRAVA, "laps": STRAVA, "stream:power": STRAVA, "energy_kcal": APPLE, "stream:cadence": APPLE,
            "stream:latitude": APPLE, "stream:longitude": APPLE,
        },
    )  # fmt: skip


def test_filled_takes_a_place_from_one_source() -> None:
    half = Told(STRAVA, {}, frozenset({"latitude"}))
    whole = Told(APPLE, {}, frozenset({"latitude", "longitude"}))

    assert filled(Told(GARMIN, {}), [half, whole]).origins == {"stream:latitude": APPLE, "stream:longitude": APPLE}
    assert filled(Told(GARMIN, {}, frozenset({"latitude"})), [whole]) == Filled()


def test_filled_without_others_or_gaps_is_empty() -> None:
    told = Told(GARMIN, {"name": "Run"}, frozenset({"power"}))

    assert filled(told, []) == Filled()
    assert filled(told, [told]) == Filled()


VALUES: Mapping[str, Any] = {"name": st.sampled_from(["", "Run"]), "elapsed_s": st.sampled_from([None, 0.0, 5.0])}


@given(
    st.lists(
        st.builds(
            Told,
            st.tuples(st.just("p"), st.text()),
            st.fixed_dictionaries(VALUES),
            st.frozensets(st.sampled_from(["power", "latitude", "longitude"])),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_filled_never_replaces_what_the_primary_tells(sources: list[Told]) -> None:
    primary, *others = sources

    found = filled(primary, others)

    assert not [name for name in found.values if primary.values[name] not in (None, "")]
    assert not [name for name in found.origins if name.removeprefix("stream:") in primary.streams]
    assert set(found.values) <= set(found.origins)
