"""The rule of one effort as the specification words it, slowly: no shapes, no components, no shortcuts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import combinations

from activities.domain.matching import Decision, Key, Record

KINDS = ("elapsed_ms", "timer_ms", "moving_ms")


def sport_family(record: Record) -> str | None:
    """The code before the first dot or plus; None where the sport is unknown or generic."""
    family = record.sport.split("+")[0].split(".")[0]
    return None if family in ("", "generic") else family


def within(one: float, other: float, share: Fraction) -> bool:
    return abs(Fraction(one) - Fraction(other)) <= share * max(Fraction(one), Fraction(other))


def compared(one: Record, other: Record) -> list[tuple[int, int]]:
    """The durations that are held against each other."""
    pairs = [(getattr(one, kind), getattr(other, kind)) for kind in KINDS]
    both = [(a, b) for a, b in pairs if a is not None and b is not None]
    if both:
        return both
    first = [next((getattr(it, kind) for kind in KINDS if getattr(it, kind) is not None), None) for it in (one, other)]
    return [] if None in first else [(first[0], first[1])]


def agreeing(one: Record, other: Record) -> list[int]:
    """The differences of the durations that agree, in ms."""
    return [abs(a - b) for a, b in compared(one, other) if within(a, b, Fraction(1, 10))]


def match(one: Record, other: Record) -> bool:
    starts = abs(one.start_ms - other.start_ms)
    families = sport_family(one), sport_family(other)
    if starts > 120_000 or one.day_only or other.day_only:
        return False
    if None in families:
        if starts > 15_000:
            return False
        distances = [round(it.distance_m * 1000) for it in (one, other) if it.distance_m is not None]
        if len(distances) == 2 and not within(*distances, Fraction(1, 20)):
            return False
    elif families[0] != families[1]:
        return False
    if not agreeing(one, other):
        return False
    spans = []
    for record in (one, other):
        length = next(getattr(record, kind) for kind in KINDS if getattr(record, kind) is not None)
        spans.append((record.start_ms, record.start_ms + length))
    overlap = min(spans[0][1], spans[1][1]) - max(spans[0][0], spans[1][0])
    return starts == 0 or overlap > Fraction(min(end - start for start, end in spans), 2)


def teller(record: Record) -> tuple[str, str]:
    return (record.provider, record.device) if record.provider == "file" else (record.provider, "")


def groups(records: Sequence[Record], decisions: Iterable[Decision]) -> list[tuple[Key, ...]]:
    of = {record.key: record for record in records}
    found: list[set[Key]] = [{key} for key in of]
    kept_apart: list[tuple[Key, Key]] = []

    def group(key: Key) -> set[Key]:
        return next(it for it in found if key in it)

    def join(one: set[Key], other: set[Key]) -> None:
        found.remove(other)
        one |= other

    def is_kept_apart(one: set[Key], other: set[Key]) -> bool:
        return any((a in one and b in other) or (a in other and b in one) for a, b in kept_apart)

    for decision in sorted(decisions, key=lambda it: -it.number):
        if decision.one not in of or decision.other not in of:
            continue
        one, other = group(decision.one), group(decision.other)
        if one is other:
            continue
        if not decision.same:
            kept_apart.append((decision.one, decision.other))
        elif not is_kept_apart(one, other):
            join(one, other)

    edges = []
    for one, other in combinations(of.values(), 2):
        if match(one, other):
            keys = sorted((one.key, other.key))
            edges.append((abs(one.start_ms - other.start_ms), min(agreeing(one, other)), *keys))
    for *_, first, second in sorted(edges):
        one, other = group(first), group(second)
        if one is other or is_kept_apart(one, other):
            continue
        between = [(of[a], of[b]) for a in one for b in other]
        if any(
            sport_family(a) != sport_family(b) and None not in (sport_family(a), sport_family(b)) for a, b in between
        ):
            continue
        if any(teller(a) == teller(b) and not match(a, b) for a, b in between):
            continue
        join(one, other)
    return sorted(tuple(sorted(it)) for it in found)
