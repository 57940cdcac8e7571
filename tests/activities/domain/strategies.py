"""Clusters of records as hypothesis draws them: what several sources tell of one stretch of five minutes.

For the pure core, and for the database through rows made from the same records.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import combinations
from typing import NamedTuple

from hypothesis import strategies as st

from activities.domain.matching import UNKNOWN_PROVIDER, Decision, Key, Record, matches
from activities.domain.priority import DEVICE_KINDS, Candidate, Order, Richness

PROVIDERS = ("apple_health", "garmin", "polar", "strava", "zwift")
START_MS = 1_780_000_000_000
# Of the day on which it lies, UTC.
NOON_MS = START_MS // 86_400_000 * 86_400_000 + 43_200_000
CLUSTER_MS = 300_000
SPORTS = (("running", "running.trail"), ("running", "running", "generic"), ("running", "running", "", "cycling"))
# A device kind, and a number that becomes a richness.
FACTS = st.tuples(st.sampled_from((*DEVICE_KINDS, "unknown", "scale")), st.integers(0, 9))


class Account(NamedTuple):
    """What one athlete has: records with keys of their own, and decisions with numbers of their own."""

    records: tuple[Record, ...]
    decisions: tuple[Decision, ...]


@st.composite
def clusters(draw: st.DrawFn, start_ms: int = START_MS, prefix: str = "") -> list[Record]:
    """Three to nine records that start within 300 s, told by two to five providers.

    Lengths and starts lie close to the bounds, so that neighbours match and their neighbours do not; in half of them
    one follows on the other evenly.
    """
    providers = draw(st.lists(st.sampled_from((*PROVIDERS, UNKNOWN_PROVIDER)), min_size=2, max_size=5, unique=True))
    length_ms = draw(st.sampled_from((60_000, 600_000, 1_800_000, 5_400_000)))
    distance_m = length_ms / 1000 * 3
    sports = draw(st.sampled_from(SPORTS))
    count = draw(st.integers(3, 7))
    step_ms = draw(st.sampled_from((0, 5_000, 15_000, 70_000, 100_000)))
    growth = draw(st.sampled_from((0, 4, 6, 8, 9, 11)))
    is_even = draw(st.booleans())
    ids = draw(st.permutations([f"{prefix}{number}" for number in range(count + 2)]))

    records = []
    for number in range(count):
        place = number if is_even else number + draw(st.integers(-1, 2))
        start = min(max(place * step_ms + draw(st.sampled_from((0, 0, 1, -1, 500, 20_000))), 0), CLUSTER_MS)
        told = length_ms * (100 + growth * place) // 100 + draw(st.sampled_from((0, 0, 1, -1, 700)))
        missing = draw(st.sampled_from((0, 4, 6) if is_even else (0, 0, 0, 4, 4, 1, 2, 3, 5, 7)))
        provider = draw(st.sampled_from(providers))
        records.append(
            Record(
                provider=provider,
                external_id=ids[number],
                sport=draw(st.sampled_from(sports)),
                start_ms=start_ms + start,
                elapsed_ms=None if missing & 1 else told,
                timer_ms=None if missing & 2 else told * draw(st.sampled_from((100, 100, 96, 80))) // 100,
                moving_ms=None if missing & 4 else told * 9 // 10,
                distance_m=draw(st.sampled_from((None, distance_m, distance_m, distance_m * 0.95, distance_m * 0.94))),
                device=draw(st.sampled_from(("", "Edge", "Fenix"))) if provider == UNKNOWN_PROVIDER else "",
            )
        )
    if draw(st.booleans()):
        # A watch that records its laps one by one.
        lap_ms = draw(st.sampled_from((45_000, 100_000)))
        records += [
            Record(providers[0], ids[count + lap], "running", start_ms + lap * lap_ms, lap_ms, lap_ms) for lap in (0, 1)
        ]
    return records


@st.composite
def day_rows(draw: st.DrawFn, records: Sequence[Record]) -> list[Record]:
    """One or two rows of a table that tells days and no times, about as long as one of the records, a day beside it."""
    like = draw(st.sampled_from(records))
    return [
        replace(
            like,
            provider=draw(st.sampled_from(("trainingpeaks", like.provider))),
            external_id=f"row {number}",
            start_ms=NOON_MS + draw(st.sampled_from((0, 0, 86_400_000))),
            timer_ms=draw(st.sampled_from((like.timer_ms, 600_000))),
            day_only=True,
        )
        for number in range(draw(st.integers(1, 2)))
    ]


@st.composite
def decisions_on(draw: st.DrawFn, records: Sequence[Record], max_size: int = 5) -> tuple[Decision, ...]:
    """Decisions on pairs of the records, now and then on one that is not there; numbers in no order of time."""
    keys = [*(record.key for record in records), ("garmin", "gone")]
    # One of the keys, another so many further on, and what is said of them.
    pairs = st.tuples(st.integers(0, len(keys) - 1), st.integers(1, len(keys) - 1), st.booleans())
    told = draw(st.lists(pairs, min_size=1, max_size=max_size))
    numbers = draw(st.permutations(range(1, len(told) + 1)))
    return tuple(
        Decision(number, same, keys[one], keys[(one + further) % len(keys)])
        for number, (one, further, same) in zip(numbers, told, strict=True)
    )


@st.composite
def accounts(draw: st.DrawFn) -> Account:
    """One or two clusters, half an hour or a day apart, with decisions within and across in half of them."""
    records = draw(clusters())
    if draw(st.integers(0, 3)) == 0:
        later_ms = draw(st.sampled_from((CLUSTER_MS + 60_000, 1_800_000, 86_400_000)))
        records += draw(clusters(START_MS + later_ms, "b"))
    if draw(st.integers(0, 3)) == 0:
        records += draw(day_rows(records))
    decisions = draw(decisions_on(records)) if draw(st.booleans()) else ()
    return Account(tuple(records), decisions)


def orders() -> st.SearchStrategy[Order]:
    """Orders of some of the providers and of device kinds within them, with ties."""

    def ranked(words: Iterable[str]) -> st.SearchStrategy[tuple[tuple[str, ...], ...]]:
        chosen = st.lists(st.sampled_from(sorted(words)), unique=True, max_size=6)
        return st.tuples(chosen, st.lists(st.booleans(), min_size=6, max_size=6)).map(lambda it: _with_ties(*it))

    devices = st.dictionaries(st.sampled_from(PROVIDERS), ranked(DEVICE_KINDS), max_size=3)
    return st.builds(Order, ranked((*PROVIDERS, UNKNOWN_PROVIDER)), devices)


def _with_ties(words: Sequence[str], is_tied: Sequence[bool]) -> tuple[tuple[str, ...], ...]:
    ranks: list[tuple[str, ...]] = []
    for word, tied in zip(words, is_tied, strict=False):
        if ranks and tied:
            ranks[-1] = (*ranks[-1], word)
        else:
            ranks.append((word,))
    return tuple(ranks)


@st.composite
def candidates_of(draw: st.DrawFn, records: Sequence[Record]) -> dict[Key, Candidate]:
    """Each record as an election sees it, with little room for richness, so that ties happen."""
    facts = draw(st.lists(FACTS, min_size=len(records), max_size=len(records)))
    return {
        record.key: Candidate(record.key, device_kind, Richness(number // 4, number // 2 % 2, number % 2))
        for record, (device_kind, number) in zip(records, facts, strict=True)
    }


def has_chain(records: Sequence[Record]) -> bool:
    """Whether two records that do not match both match a third."""
    met: dict[Key, set[Key]] = {record.key: set() for record in records}
    for one, other in combinations(records, 2):
        if matches(one, other):
            met[one.key].add(other.key)
            met[other.key].add(one.key)
    return any(other not in met[one] for found in met.values() for one, other in combinations(found, 2))
