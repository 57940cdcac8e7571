"""Several records about one activity -> that activity: the provider's file and the provider's own row about it.

A function of the records alone, in the order of the provider's kinds, best first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from typing import Any

from activities.domain.parsed import COMPUTED, Addition, Lap, ParsedActivity, Stream
from trainstack.sports import GENERIC, is_step_sport

FIGURES: tuple[str, ...] = tuple(
    one.name for one in fields(ParsedActivity) if one.type == "float | None" or one.name == "utc_offset_s"
)
_UNKNOWN_DEVICE = "unknown"


def merged(told: Sequence[Sequence[ParsedActivity]]) -> tuple[ParsedActivity, ...]:
    """The activities of records that share an external id, the best kind first.

    Figures come from the first that tells them, what is computed after all that is told; words from the provider's own
    row, of several from the best: it knows better than a file how the athlete called it. What only a later record tells
    is added, unless the best one cut the same effort into several.
    """
    readings = [list(one) for one in told if one]
    if len(readings) < 2:
        return tuple(readings[0]) if readings else ()
    first, *rest = readings
    places = {one.external_id: place for place, one in enumerate(first)}
    joined = list(first)
    for reading in rest:
        base = len(joined)
        moved: dict[int, int] = {}
        for index, one in enumerate(reading):
            place = places.get(one.external_id)
            if place is not None:
                joined[place] = _joined(joined[place], one)
                moved[index] = place
            elif parts := [place for name, place in places.items() if name.startswith(f"{one.external_id}#")]:
                for place in parts:
                    joined[place] = _worded(joined[place], one)
                moved[index] = parts[0]
            else:
                moved[index] = places[one.external_id] = len(joined)
                joined.append(one)
        for place in range(base, len(joined)):
            parent = joined[place].parent
            joined[place] = replace(joined[place], parent=None if parent is None else moved.get(parent))
    return tuple(joined)


def completed(activities: Sequence[ParsedActivity], additions: Iterable[Addition]) -> tuple[ParsedActivity, ...]:
    """The activities with what further records add to the first of them: only what it does not tell itself."""
    if not activities:
        return ()
    first, *rest = activities
    for one in additions:
        if one.one_foot and is_step_sport(first.sport):
            one = _of_both_feet(one)
        first = replace(
            first,
            laps=first.laps or one.laps,
            streams={**one.streams, **first.streams},
            extra={**one.extra, **first.extra},
        )
    return (first, *rest)


def _of_both_feet(one: Addition) -> Addition:
    """The same with a cadence that counts both feet."""
    streams, cadence = dict(one.streams), one.streams.get("cadence")
    if cadence is not None:
        streams["cadence"] = Stream(cadence.time_s, cadence.values * 2)
    return replace(one, streams=streams, laps=tuple(map(_lap_of_both_feet, one.laps)), one_foot=False)


def _lap_of_both_feet(lap: Lap) -> Lap:
    cadence = lap.avg_cadence_rpm
    return lap if cadence is None else replace(lap, avg_cadence_rpm=round(cadence * 2, 9))


def _joined(one: ParsedActivity, other: ParsedActivity) -> ParsedActivity:
    """What `one` tells, completed by `other`, who has the last word on words where `one` is a file."""
    figures, computed = _figures(one, other)
    extra = {**other.extra, **one.extra}
    extra.pop(COMPUTED, None)
    if computed:
        extra[COMPUTED] = computed
    same_clock = one.start_time == other.start_time
    return replace(
        _worded(one, other),
        **figures,
        device=one.device or other.device,
        device_kind=one.device_kind if one.device_kind != _UNKNOWN_DEVICE else other.device_kind,
        source_name=one.source_name or other.source_name,
        laps=one.laps or other.laps,
        pauses=one.pauses or other.pauses,
        streams={**(other.streams if same_clock or not one.streams else {}), **one.streams},
        extra=extra,
    )


def _worded(one: ParsedActivity, other: ParsedActivity) -> ParsedActivity:
    """`one` in the words of `other`, unless `one` is a row of the provider's itself: a file names no provider."""
    if one.provider:
        return replace(
            one,
            sport=_sport(other.sport, one.sport),
            provider_type=one.provider_type or other.provider_type,
            name=one.name or other.name,
        )
    return replace(
        one,
        provider=other.provider,
        sport=_sport(one.sport, other.sport),
        provider_type=other.provider_type or one.provider_type,
        name=other.name or one.name,
    )


def _sport(one: str, other: str) -> str:
    """The later word, unless it says nothing or the earlier one says the same more closely."""
    if other in ("", GENERIC) or one.startswith((f"{other}.", f"{other}+")):
        return one
    return other


def _figures(one: ParsedActivity, other: ParsedActivity) -> tuple[dict[str, Any], list[str]]:
    """The figures of both, and the names of those that nobody told."""
    values: dict[str, Any] = {}
    computed: list[str] = []
    for name in FIGURES:
        ways = [(getattr(it, name), name in _computed(it)) for it in (one, other)]
        found = [it for it in ways if it[0] is not None]
        value, is_computed = min(found, key=lambda it: it[1], default=(None, False))
        values[name] = value
        if is_computed:
            computed.append(name)
    return values, sorted(computed)


def _computed(one: ParsedActivity) -> Iterable[str]:
    names: Iterable[str] = one.extra.get(COMPUTED, ())
    return names
