"""WorkoutEvents and the parts of a workout, as laps and pauses."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from activities.domain.parsed import Lap, Pause
from activities.formats.apple_health import Element, date_of
from integrations.providers.apple_health.facts import Facts, duration_s, end_of, number

_EVENT_TYPE = "HKWorkoutEventType"
_STROKES = {1: "mixed", 2: "freestyle", 3: "backstroke", 4: "breaststroke", 5: "butterfly", 6: "kickboard"}
# What ends a pause, and what began it. The watch pauses by itself when the wrist stands still.
_RESUMES = {"Resume": "Pause", "MotionResumed": "MotionPaused"}
_AUTOMATIC = "MotionPaused"


class Events(NamedTuple):
    """Laps and pauses by time, and what else happened, as told."""

    laps: tuple[Lap, ...]
    pauses: tuple[Pause, ...]
    others: list[dict[str, Any]]


def read_events(facts: Facts, sport: str, start: datetime, end: datetime | None) -> Events:
    """The events of one workout. A pause that is never resumed lasts until the end."""
    laps: list[Lap] = []
    pauses: list[Pause] = []
    dated = [(date_of(event.get("date")), event) for event in facts.events]
    others = [_other(event) for moment, event in dated if moment is None]
    paused_since: dict[str, datetime] = {}
    presses = [start]
    length_m = facts.quantity("HKLapLength", "m")
    for moment, event in sorted(
        ((moment.astimezone(start.tzinfo), event) for moment, event in dated if moment), key=lambda pair: pair[0]
    ):
        kind = event.get("type").removeprefix(_EVENT_TYPE)
        seconds = duration_s(event)
        if kind in ("Lap", "Segment") and seconds and seconds > 0:
            is_length = kind == "Lap" and sport == "swimming.pool"
            laps.append(
                Lap(
                    start_time=moment,
                    elapsed_s=seconds,
                    kind="length" if is_length else kind.lower(),
                    distance_m=length_m if is_length else None,
                    extra=_told_of(event),
                )
            )
        elif kind == "Lap":
            # Up to iOS 10 a lap was the press of a button: it ends what began with the last one.
            if moment > presses[-1]:
                laps.append(Lap(presses[-1], (moment - presses[-1]).total_seconds(), extra=_told_of(event)))
            presses.append(max(moment, presses[-1]))
        elif kind in _RESUMES.values():
            paused_since.setdefault(kind, moment)
        elif kind in _RESUMES and (begin := paused_since.pop(_RESUMES[kind], None)):
            pauses.append(Pause(begin, (moment - begin).total_seconds(), _RESUMES[kind] == _AUTOMATIC))
        else:
            others.append(_other(event))
    if end:
        if len(presses) > 1 and end > presses[-1]:
            laps.append(Lap(presses[-1], (end - presses[-1]).total_seconds()))
        for kind, begin in paused_since.items():
            if end > begin:
                pauses.append(Pause(begin, (end - begin).total_seconds(), kind == _AUTOMATIC))
    return Events(tuple(laps), tuple(sorted(pauses, key=lambda pause: (pause.start_time, pause.automatic))), others)


def _other(event: Element) -> dict[str, Any]:
    return event.attributes | {"type": event.get("type").removeprefix(_EVENT_TYPE)} | _told_of(event)


def _told_of(event: Element) -> dict[str, Any]:
    """An event's metadata: the stroke in a word, the rest as told."""
    told: dict[str, Any] = {entry.get("key"): entry.get("value") for entry in event.all("MetadataEntry")}
    stroke, swolf = number(told.get("HKSwimmingStrokeStyle")), number(told.get("HKSWOLFScore"))
    if stroke in _STROKES:
        del told["HKSwimmingStrokeStyle"]
        told["stroke"] = _STROKES[int(stroke)]
    if swolf is not None:
        del told["HKSWOLFScore"]
        told["swolf"] = swolf
    return told


def intervals(parts: Sequence[Element], start: datetime) -> tuple[Lap, ...]:
    """The parts of a workout of one sport, as laps."""
    laps = []
    for part in parts:
        begin = date_of(part.get("startDate"))
        end = end_of(part, begin) if begin else None
        if begin is None or end is None or end <= begin:
            continue
        facts = Facts.of(part)
        laps.append(
            Lap(
                start_time=begin.astimezone(start.tzinfo),
                elapsed_s=(end - begin).total_seconds(),
                kind="interval",
                timer_s=duration_s(part),
                distance_m=max(facts.distances().values(), default=None),
                avg_heart_rate_bpm=facts.statistic("HeartRate", "average", "bpm"),
                max_heart_rate_bpm=facts.statistic("HeartRate", "maximum", "bpm"),
                avg_power_w=facts.statistic(("CyclingPower", "RunningPower"), "average", "W"),
                avg_cadence_rpm=facts.statistic("CyclingCadence", "average", "rpm"),
                energy_kcal=facts.statistic("ActiveEnergyBurned", "sum", "kcal"),
                extra=dict(facts.all_metadata),
            )
        )
    return tuple(laps)
