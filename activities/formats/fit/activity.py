"""Decoded FIT messages -> activities: sessions, laps, pool lengths, pauses, series."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from activities.domain.parsed import Lap, ParsedActivity, Pause, Problem, Stream
from activities.domain.track import climb_m, distances_m
from activities.formats.computed import LEVEL, with_computed
from activities.formats.fit.decode import EPOCH_S, Column, Developer, Part, Table
from activities.formats.fit.devices import device_kind, device_name, maker_name
from activities.formats.fit.heart import heart_rates
from activities.formats.fit.sports import sport_of, type_of
from trainstack.sports import GENERIC, TRANSITION, family, is_step_sport

Numbers = NDArray[np.float64]
Told = Mapping[str, Any]

# Legs of one effort follow each other within this; sessions farther apart are efforts of their own.
LEG_GAP_S = 15 * 60
# Nobody's running or walking cadence of one foot is as high on average: such files count both feet.
_BOTH_FEET = 120.0
_SEMICIRCLES = 180.0 / 2**31
_STOPS = frozenset({"stop", "stop_all", "stop_disable", "stop_disable_all"})
_LONGEST_OFFSET_S = 15 * 3600
# Records farther apart than this are not of one effort: a clock was wrong.
_LONGEST_S = 100 * 86400.0
# What is recorded after the end that a session tells still counts for so long.
_AFTER_S = 86400.0

# Field of a record -> (stream, factor). The first field that tells anything is taken.
_STREAMS: tuple[tuple[str, tuple[str, ...], float], ...] = (
    ("altitude", ("enhanced_altitude", "altitude"), 1.0),
    ("speed", ("enhanced_speed", "speed"), 1.0),
    ("distance", ("distance",), 1.0),
    ("power", ("power",), 1.0),
    ("temperature", ("temperature",), 1.0),
    ("core_temperature", ("core_temperature",), 1.0),
    ("respiration_rate", ("enhanced_respiration_rate", "respiration_rate"), 1.0),
    ("vertical_oscillation", ("vertical_oscillation",), 0.1),
    ("vertical_ratio", ("vertical_ratio",), 1.0),
    ("vertical_speed", ("vertical_speed",), 1.0),
    ("ground_contact_time", ("stance_time",), 1.0),
    ("ground_contact_percent", ("stance_time_percent",), 1.0),
    ("ground_contact_balance", ("stance_time_balance",), 1.0),
    ("stride_length", ("step_length",), 0.001),
    ("left_torque_effectiveness", ("left_torque_effectiveness",), 1.0),
    ("right_torque_effectiveness", ("right_torque_effectiveness",), 1.0),
    ("left_pedal_smoothness", ("left_pedal_smoothness",), 1.0),
    ("right_pedal_smoothness", ("right_pedal_smoothness",), 1.0),
    ("grade", ("grade",), 1.0),
    ("depth", ("depth",), 1.0),
    ("muscle_oxygen", ("saturated_hemoglobin_percent",), 1.0),
    ("total_hemoglobin", ("total_hemoglobin_conc",), 1.0),
)
# FIT's own field that an app's field stands for, by number -> its name, for records.
_NATIVE: Mapping[int, str] = {
    2: "altitude", 3: "heart_rate", 4: "cadence", 5: "distance", 6: "speed", 7: "power", 13: "temperature",
    39: "vertical_oscillation", 41: "stance_time", 83: "vertical_ratio", 85: "step_length", 99: "respiration_rate",
    139: "core_temperature",
}  # fmt: skip
# Fields of apps that have a stream of their own: (name, unit), lower case -> stream.
_APP_STREAMS: Mapping[tuple[str, str], str] = {
    ("power", "watts"): "power",
    ("form power", "watts"): "form_power",
    ("air power", "watts"): "air_power",
    ("leg spring stiffness", "kn/m"): "leg_spring_stiffness",
    ("core_temperature", "c"): "core_temperature",
    ("core_temperature", "\N{DEGREE SIGN}c"): "core_temperature",
    ("skin_temperature", "c"): "skin_temperature",
    ("skin_temperature", "\N{DEGREE SIGN}c"): "skin_temperature",
    ("vertical oscillation", "centimeters"): "vertical_oscillation",
    ("ground time", "milliseconds"): "ground_contact_time",
    ("speed", "m/s"): "speed",
    ("distance", "meters"): "distance",
    ("elevation", "meters"): "altitude",
    ("depth", "m"): "depth",
}
# What of a session, lap or length has a field of its own, or says nothing by itself.
_TAKEN = frozenset({
    "message_index", "timestamp", "start_time", "end_time", "event", "event_type", "event_group", "sport", "sub_sport",
    "total_elapsed_time", "total_timer_time", "total_moving_time", "total_distance", "total_calories",
    "avg_heart_rate", "max_heart_rate", "min_heart_rate", "avg_power", "max_power",
    "avg_cadence", "max_cadence", "avg_fractional_cadence", "max_fractional_cadence",
    "avg_running_cadence", "max_running_cadence",
    "avg_speed", "max_speed", "enhanced_avg_speed", "enhanced_max_speed",
    "avg_altitude", "min_altitude", "max_altitude",
    "total_ascent", "total_descent", "total_fractional_ascent", "total_fractional_descent",
    "start_position_lat", "start_position_long", "end_position_lat", "end_position_long",
    "nec_lat", "nec_long", "swc_lat", "swc_long",
    "first_lap_index", "num_laps", "first_length_index", "sport_index", "total_cycles", "gps_accuracy",
})  # fmt: skip


@dataclass(frozen=True)
class Span:
    """One session: what it tells, and from when to when its records count, Unix seconds."""

    told: Told
    start_s: float
    end_s: float
    elapsed_s: float | None


class Effort:
    """The parts of a file that tell of one recording: one with its sessions, and what was appended to it."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self.parts = parts

    def messages(self, name: str) -> list[dict[str, Any]]:
        return [message for part in self.parts for message in part.messages(name)]

    @cached_property
    def file_id(self) -> Told:
        return next(iter(self.messages("file_id")), {})

    @cached_property
    def laps(self) -> list[dict[str, Any]]:
        return self.messages("lap")

    @cached_property
    def events(self) -> list[dict[str, Any]]:
        return self.messages("event")

    @cached_property
    def records(self) -> list[Table]:
        return [part.tables["record"] for part in self.parts if "record" in part.tables]

    @cached_property
    def record_times(self) -> Numbers:
        """All times that records tell, Unix seconds, in order."""
        times = [table.values("timestamp") for table in self.records]
        whole = np.concatenate(times) if times else np.zeros(0)
        whole = np.sort(whole[~np.isnan(whole)])
        if len(whole) and whole[-1] - whole[0] > _LONGEST_S:
            whole = whole[np.abs(whole - np.median(whole)) <= _LONGEST_S]
        return whole

    @cached_property
    def displaced(self) -> int:
        """Records that tell a latitude beyond the poles."""
        found = [table.columns.get("position_lat") for table in self.records]
        return sum(int((np.abs(it.values * _SEMICIRCLES) > 90).sum()) for it in found if it is not None)

    @cached_property
    def heart_rates(self) -> tuple[Numbers, Numbers]:
        """(Unix seconds, bpm) of what straps noted themselves and the file tells apart from its records."""
        return heart_rates([part.tables["hr"] for part in self.parts if "hr" in part.tables])

    @cached_property
    def series(self) -> dict[str, tuple[Numbers, Numbers]]:
        """Stream -> (Unix seconds, values), in order; cadence as told."""
        return _series(self.records, self.heart_rates)


def efforts_of(parts: Iterable[Part]) -> list[Effort]:
    """The parts that tell of activities; one without sessions of its own belongs to the one before it."""
    groups: list[list[Part]] = []
    for part in parts:
        kind = next(iter(part.messages("file_id")), {}).get("type")
        if kind not in (None, "activity"):
            continue
        own = "session" in part.tables or (kind == "activity" and "record" in part.tables)
        if own and any("session" in it.tables or "record" in it.tables for it in (groups[-1] if groups else ())):
            groups.append([part])
        elif groups:
            groups[-1].append(part)
        else:
            groups.append([part])
    return [Effort(group) for group in groups]


def activities_of(efforts: Sequence[Effort], external_id: str) -> tuple[list[ParsedActivity], list[Problem]]:
    """What the recordings tell. Several that have nothing to do with each other are numbered, legs of one likewise."""
    problems: list[Problem] = []
    found: list[tuple[Effort, list[Span]]] = []
    for effort in efforts:
        spans = _spans(effort)
        if not spans:
            problems.append(Problem("", "It tells neither when it began nor when anything was recorded."))
        elif not any(span.told for span in spans):
            problems.append(
                Problem("", "It ends before its totals: start, length and distance are those of its records.")
            )
        if effort.displaced:
            problems.append(
                Problem("", "Points at no place on earth were read without their position.", effort.displaced)
            )
        found += [(effort, group) for group in _groups(effort, spans)]
    activities: list[ParsedActivity] = []
    for number, (effort, group) in enumerate(found, 1):
        own_id = external_id if len(found) == 1 else f"{external_id}#{number}"
        if len(group) == 1:
            activities.append(_activity(effort, group[0], own_id))
            continue
        parent = len(activities)
        legs = [_activity(effort, span, f"{own_id}#{leg}") for leg, span in enumerate(group, 1)]
        activities.append(_parent(effort, group, legs, own_id))
        activities += [replace(leg, parent=parent) for leg in legs]
    return activities, problems


# --- sessions -----------------------------------------------------------------------------------
def _spans(effort: Effort) -> list[Span]:
    """The sessions by start; where the file ends before them, one span for what was recorded."""
    sessions = []
    for told in effort.messages("session"):
        start, elapsed = _number(told.get("start_time")), _number(told.get("total_elapsed_time"))
        if start is None and elapsed is not None and "timestamp" in told:
            start = told["timestamp"] - elapsed
        if start is None:
            start = _first_time(effort)
        if start is not None:
            sessions.append((start, elapsed, told))
    sessions.sort(key=lambda it: it[0])
    if not sessions:
        first = _first_time(effort)
        if first is None:
            return []
        times = effort.record_times
        last = max([float(times[-1])] if len(times) else [], default=first)
        ends = [it["timestamp"] for it in effort.laps if isinstance(it.get("timestamp"), int)]
        last = max([last, *(end for end in ends if end - first <= _LONGEST_S)])
        return [Span({}, first, last + 1, last - first)]
    spans = []
    for index, (start, elapsed, told) in enumerate(sessions):
        is_last = index + 1 == len(sessions)
        length = elapsed or _number(told.get("total_timer_time")) or 0.0
        end = start + length + _AFTER_S if is_last else max(sessions[index + 1][0], start)
        if not is_last and end - start > length + LEG_GAP_S and length:
            end = start + length + 1
        spans.append(Span(told, start, end, elapsed))
    return spans


def _first_time(effort: Effort) -> float | None:
    """When recording began: the first record, lap or timer event; else when the file was made."""
    if len(effort.record_times):
        return float(effort.record_times[0])
    starts = [it["start_time"] for it in effort.laps if isinstance(it.get("start_time"), int)]
    if starts:
        return float(min(starts))
    if not effort.records and "length" not in {name for part in effort.parts for name in part.tables}:
        return None
    return _number(effort.file_id.get("time_created"))


def _groups(effort: Effort, spans: Sequence[Span]) -> list[list[Span]]:
    """Sessions that are legs of one effort, together."""
    if any(it.get("type") == "auto_multi_sport" for it in effort.messages("activity")) and spans:
        return [list(spans)]
    groups: list[list[Span]] = []
    for span in spans:
        if groups:
            before = groups[-1][-1]
            length = before.elapsed_s or _number(before.told.get("total_timer_time")) or 0.0
            if span.start_s - (before.start_s + length) <= LEG_GAP_S:
                groups[-1].append(span)
                continue
        groups.append([span])
    return groups


def _activity(effort: Effort, span: Span, external_id: str) -> ParsedActivity:
    told = span.told
    sport, sub_sport = told.get("sport"), told.get("sub_sport")
    if not told:
        profile = next(iter(effort.messages("sport")), next(iter(effort.laps), {}))
        sport, sub_sport = profile.get("sport"), profile.get("sub_sport")
    code = sport_of(sport, sub_sport)
    steps = _steps(effort, code, told)
    series = {name: _within(times, values, span) for name, (times, values) in effort.series.items()}
    if "distance" in series:
        series["distance"] = _from_zero(series["distance"], effort.series["distance"])
    streams = _streams(series, span, steps)
    workout = next(iter(effort.messages("workout")), {})
    activity = ParsedActivity(
        external_id=external_id,
        sport=code,
        start_time=_time(span.start_s),
        provider_type=type_of(sport, sub_sport),
        name=_text(workout.get("wkt_name")),
        utc_offset_s=_utc_offset(effort),
        elapsed_s=span.elapsed_s if told else None,
        timer_s=_number(told.get("total_timer_time")),
        moving_s=_number(told.get("total_moving_time")),
        distance_m=_number(told.get("total_distance")),
        elevation_gain_m=_with_fraction(told, "total_ascent", "total_fractional_ascent"),
        elevation_loss_m=_with_fraction(told, "total_descent", "total_fractional_descent"),
        energy_kcal=_number(told.get("total_calories")),
        avg_heart_rate_bpm=_positive(told.get("avg_heart_rate")),
        max_heart_rate_bpm=_positive(told.get("max_heart_rate")),
        min_heart_rate_bpm=_positive(told.get("min_heart_rate")),
        avg_power_w=_number(told.get("avg_power")),
        max_power_w=_number(told.get("max_power")),
        avg_cadence_rpm=_cadence(told, "avg", steps),
        max_cadence_rpm=_cadence(told, "max", steps),
        avg_speed_mps=_either(told, "enhanced_avg_speed", "avg_speed"),
        max_speed_mps=_either(told, "enhanced_max_speed", "max_speed"),
        device=device_name(effort.file_id),
        device_kind=device_kind(effort.file_id),
        source_name=maker_name(effort.file_id.get("manufacturer")),
        laps=_laps(effort, span, steps),
        pauses=_pauses(effort, span),
        streams=streams,
        extra=_extra(effort, span),
    )
    return _with_computed(activity, {} if told else {"elapsed_s": span.elapsed_s})


def _parent(effort: Effort, spans: Sequence[Span], legs: Sequence[ParsedActivity], external_id: str) -> ParsedActivity:
    """The whole effort: what its legs add up to, and everything that was recorded."""
    start = spans[0].start_s
    elapsed = max(leg.start_time.timestamp() + (leg.elapsed_s or leg.timer_s or 0.0) for leg in legs) - start
    sport = _whole_sport(legs)
    whole = Span({}, start, spans[-1].end_s, elapsed)
    steps = 2.0 if is_step_sport(sport) else 1.0
    heart = [leg.max_heart_rate_bpm for leg in legs if leg.max_heart_rate_bpm is not None]
    speeds = [leg.max_speed_mps for leg in legs if leg.max_speed_mps is not None]
    power = [leg.max_power_w for leg in legs if leg.max_power_w is not None]
    return ParsedActivity(
        external_id=external_id,
        sport=sport,
        start_time=legs[0].start_time,
        provider_type="+".join(dict.fromkeys(leg.provider_type.partition("/")[0] for leg in legs)),
        name=legs[0].name,
        utc_offset_s=legs[0].utc_offset_s,
        elapsed_s=round(elapsed, 3),
        timer_s=_sum(leg.timer_s for leg in legs),
        moving_s=_sum(leg.moving_s for leg in legs),
        distance_m=_sum(leg.distance_m for leg in legs),
        elevation_gain_m=_sum((leg.elevation_gain_m for leg in legs), all_told=False),
        elevation_loss_m=_sum((leg.elevation_loss_m for leg in legs), all_told=False),
        energy_kcal=_sum(leg.energy_kcal for leg in legs),
        avg_heart_rate_bpm=_mean([(leg.avg_heart_rate_bpm, leg.timer_s) for leg in legs]),
        max_heart_rate_bpm=max(heart, default=None),
        max_power_w=max(power, default=None),
        max_speed_mps=max(speeds, default=None),
        device=legs[0].device,
        device_kind=legs[0].device_kind,
        source_name=legs[0].source_name,
        laps=tuple(lap for leg in legs for lap in leg.laps),
        pauses=tuple(pause for leg in legs for pause in leg.pauses),
        streams=_streams({name: _within(*it, whole) for name, it in effort.series.items()}, whole, steps, by_leg=legs),
        extra={"legs": [leg.provider_type for leg in legs]},
    )


def _whole_sport(legs: Sequence[ParsedActivity]) -> str:
    families = [family(leg.sport) for leg in legs if leg.sport not in (TRANSITION, GENERIC)]
    if len({leg.sport for leg in legs}) == 1:
        return legs[0].sport
    if len(set(families)) == 1 and not any(leg.sport in (TRANSITION, GENERIC) for leg in legs):
        return families[0]
    if families == ["swimming", "cycling", "running"]:
        return "multisport.triathlon"
    if families == ["running", "cycling", "running"]:
        return "multisport.duathlon"
    if len(families) > 1 and set(families) == {"swimming", "running"}:
        return "multisport.swimrun"
    return "multisport"


# --- figures ------------------------------------------------------------------------------------
def _number(value: Any) -> float | None:
    """The number, None for anything else; of an array the first."""
    if isinstance(value, list):
        value = next((it for it in value if it is not None), None)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _positive(value: Any) -> float | None:
    """The same, with 0 as "none": a heart beats."""
    return _number(value) or None


def _either(told: Told, first: str, second: str) -> float | None:
    value = _number(told.get(first))
    return value if value is not None else _number(told.get(second))


def _with_fraction(told: Told, whole: str, fraction: str) -> float | None:
    value = _number(told.get(whole))
    return None if value is None else value + (_number(told.get(fraction)) or 0.0)


def _with_computed(activity: ParsedActivity, figures: Mapping[str, float | None]) -> ParsedActivity:
    """The activity with these figures and those of its series where none is told; `extra["computed"]` names them."""
    streams = activity.streams
    found = dict(figures)
    if "distance" in streams:
        found["distance_m"] = float(streams["distance"].values.max())
    elif "latitude" in streams:
        found["distance_m"] = float(distances_m(streams["latitude"].values, streams["longitude"].values).sum())
    if "altitude" in streams and family(activity.sport) not in LEVEL and activity.elevation_gain_m is None:
        found["elevation_gain_m"], found["elevation_loss_m"] = climb_m(streams["altitude"].values)
    return with_computed(activity, found)


def _cadence(told: Told, which: str, steps: float) -> float | None:
    value = _with_fraction(told, f"{which}_cadence", f"{which}_fractional_cadence")
    return None if value is None else round(value * steps, 3)


def _steps(effort: Effort, sport: str, told: Told) -> float:
    """What makes of the file's cadence that of both feet: FIT counts one of them, though not every maker does."""
    if not is_step_sport(sport):
        return 1.0
    average = _number(told.get("avg_cadence"))
    if average is None:
        cadence = effort.series.get("cadence")
        moving = cadence[1][cadence[1] > 0] if cadence is not None else np.zeros(0)
        average = float(np.median(moving)) if len(moving) else 0.0
    return 1.0 if average > _BOTH_FEET else 2.0


def _utc_offset(effort: Effort) -> int | None:
    """The local offset in seconds that the device's two clocks tell; None where they are no offset at all."""
    for told in effort.messages("activity"):
        local, time = _number(told.get("local_timestamp")), _number(told.get("timestamp"))
        if local is None or time is None:
            continue
        apart = local + EPOCH_S - time
        offset = round(apart / 900) * 900
        if abs(offset) <= _LONGEST_OFFSET_S and abs(apart - offset) <= 120:
            return offset
    return None


def _sum(values: Iterable[float | None], all_told: bool = True) -> float | None:
    known = list(values)
    told = [it for it in known if it is not None]
    if not told or (all_told and len(told) < len(known)):
        return None
    return round(sum(told), 3)


def _mean(pairs: Sequence[tuple[float | None, float | None]]) -> float | None:
    told = [(value, weight) for value, weight in pairs if value is not None and weight]
    if len(told) < len(pairs):
        return None
    return round(sum(value * weight for value, weight in told) / sum(weight for _, weight in told), 3)


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(round(seconds, 3), UTC)


def _text(value: Any) -> str:
    found = value[0] if isinstance(value, list) and value else value
    return found.strip() if isinstance(found, str) else ""


# --- laps, lengths, pauses ------------------------------------------------------------------------
def _laps(effort: Effort, span: Span, steps: float) -> tuple[Lap, ...]:
    laps = [(told, _lap(told, "lap", steps)) for told in effort.laps]
    lengths = [(told, _length(told, span)) for told in effort.messages("length")]
    splits = [(told, _lap(told, "split", steps)) for told in effort.messages("split")]
    sets = [(told, _set(told)) for told in effort.messages("set")]
    found = [lap for told, lap in (*laps, *lengths, *splits, *sets) if lap is not None and _is_inside(told, lap, span)]
    return tuple(sorted(found, key=lambda lap: lap.start_time))


def _is_inside(told: Told, lap: Lap, span: Span) -> bool:
    """Whether the session counts it: by its number where both tell it, else by its time."""
    first, count, number = span.told.get("first_lap_index"), span.told.get("num_laps"), told.get("message_index")
    if lap.kind == "lap" and isinstance(first, int) and isinstance(count, int) and isinstance(number, int):
        return first <= number < first + count
    return span.start_s - 1 <= lap.start_time.timestamp() < max(span.end_s - 1, span.start_s + 1)


def _start(told: Told) -> float | None:
    start = _number(told.get("start_time"))
    if start is None:
        end, elapsed = _number(told.get("timestamp")), _number(told.get("total_elapsed_time"))
        start = end - elapsed if end is not None and elapsed is not None else None
    return start


def _lap(told: Told, kind: str, steps: float) -> Lap | None:
    start = _start(told)
    elapsed = _number(told.get("total_elapsed_time"))
    elapsed = elapsed if elapsed is not None else _number(told.get("total_timer_time"))
    if start is None or elapsed is None:
        return None
    return Lap(
        start_time=_time(start),
        elapsed_s=elapsed,
        kind=kind,
        timer_s=_number(told.get("total_timer_time")),
        distance_m=_number(told.get("total_distance")),
        avg_heart_rate_bpm=_positive(told.get("avg_heart_rate")),
        max_heart_rate_bpm=_positive(told.get("max_heart_rate")),
        avg_power_w=_number(told.get("avg_power")),
        avg_cadence_rpm=_cadence(told, "avg", steps),
        energy_kcal=_number(told.get("total_calories")),
        extra=_rest(told),
    )


def _length(told: Told, span: Span) -> Lap | None:
    """One length of a pool; a rest at the wall tells no stroke and covers nothing."""
    start, elapsed = _start(told), _number(told.get("total_elapsed_time"))
    if start is None or elapsed is None:
        return None
    pool = _number(span.told.get("pool_length"))
    cadence = _number(told.get("avg_swimming_cadence"))
    is_idle = told.get("length_type") == "idle"
    speed = _number(told.get("avg_speed"))
    return Lap(
        start_time=_time(start),
        elapsed_s=elapsed,
        kind="length",
        timer_s=_number(told.get("total_timer_time")),
        distance_m=None if is_idle else pool,
        avg_cadence_rpm=cadence,
        energy_kcal=_number(told.get("total_calories")),
        extra={**_rest(told), **({"avg_speed": speed} if speed is not None else {})},
    )


def _set(told: Told) -> Lap | None:
    """One set of strength training, or the rest after it."""
    start = _number(told.get("start_time")) or _number(told.get("timestamp"))
    elapsed = _number(told.get("duration"))
    if start is None or elapsed is None:
        return None
    rest = _rest({key: value for key, value in told.items() if key not in ("duration", "wkt_step_index")})
    category = told.get("category")
    words = [it for it in (category if isinstance(category, list) else [category]) if isinstance(it, str)]
    name = words[0].replace("_", " ") if words and told.get("set_type") != "rest" else ""
    return Lap(start_time=_time(start), elapsed_s=elapsed, kind="set", name=name, extra=rest)


def _pauses(effort: Effort, span: Span) -> tuple[Pause, ...]:
    """Stretches between a stop of the timer and its next start, within the session."""
    pauses = []
    stopped: tuple[float, bool] | None = None
    timer = [
        (time, it) for it in effort.events if it.get("event") == "timer" and (time := _number(it.get("timestamp")))
    ]
    for time, told in sorted(timer, key=lambda it: it[0]):
        if told.get("event_type") in _STOPS:
            stopped = stopped or (time, told.get("timer_trigger") == "auto")
        elif told.get("event_type") == "start" and stopped is not None:
            begin, is_automatic = stopped
            stopped = None
            if time > begin and span.start_s <= begin and time <= span.end_s:
                pauses.append(Pause(_time(begin), time - begin, is_automatic))
    return tuple(pauses)


# --- series -------------------------------------------------------------------------------------
def _series(tables: Sequence[Table], straps: tuple[Numbers, Numbers]) -> dict[str, tuple[Numbers, Numbers]]:
    pieces: dict[str, list[tuple[Numbers, Numbers]]] = {}
    for table in tables:
        times = table.values("timestamp")
        for name, rows, values in _table_series(table):
            at = times[rows]
            known = ~np.isnan(at) & ~np.isnan(values)
            pieces.setdefault(name, []).append((at[known], values[known]))
    if len(straps[0]):
        own = [it for it in pieces.pop("heart_rate", []) if len(it[0])]
        rest = [(at[keep], values[keep]) for at, values in own for keep in (~np.isin(at, straps[0]),)]
        pieces["heart_rate"] = [straps, *rest]
    series = {}
    for name, found in pieces.items():
        times = np.concatenate([it[0] for it in found])
        values = np.concatenate([it[1] for it in found])
        if not len(times):
            continue
        if np.any(np.diff(times) < 0):
            order = np.argsort(times, kind="stable")
            times, values = times[order], values[order]
        series[name] = (times, values)
    return series


def _table_series(table: Table) -> Iterable[tuple[str, Any, Numbers]]:
    """(stream, messages, values) of the records of one part."""
    columns = table.columns
    native: dict[str, tuple[Developer, Column]] = {}
    named: dict[str, Column] = {}
    for what, app in table.developer.values():
        if not _is_series(app):
            continue
        stream_of = _APP_STREAMS.get((what.name.strip().lower(), what.units.strip().lower()))
        if stream_of:
            named.setdefault(stream_of, app)
        if what.native is not None and what.native in _NATIVE:
            native.setdefault(_NATIVE[what.native], (what, app))
    yield from _positions(table)
    for stream, fields, factor in _STREAMS:
        column = next((columns[it] for it in fields if it in columns and _is_series(columns[it])), None)
        if column is not None:
            values = column.values if factor == 1.0 else column.values * factor
            # Without the digits that only the arithmetic adds.
            yield stream, column.rows, np.round(values, 6) if factor != 1.0 or column.field.offset else values
        elif stream in named:
            yield stream, named[stream].rows, named[stream].values
        elif it := next((native[name] for name in fields if name in native), None):
            yield stream, it[1].rows, np.round(it[1].values * _native_factor(stream, it[0]), 6)
    for stream in sorted(named.keys() - {it for it, _, _ in _STREAMS}):
        yield stream, named[stream].rows, named[stream].values
    heart = columns.get("heart_rate") or (native["heart_rate"][1] if "heart_rate" in native else None)
    if heart is not None and _is_series(heart):
        yield "heart_rate", heart.rows, np.where(heart.values > 0, heart.values, np.nan)
    yield from _cadences(table, native)
    balance = columns.get("left_right_balance")
    if balance is not None and _is_series(balance) and balance.raw.dtype.kind in "ui":
        # The upper bit: the rest is the right leg's share in per cent; without it the side is the left one.
        raw = balance.raw.astype(np.int64)
        share = (raw & 0x7F).astype(np.float64)
        left = np.where(raw & 0x80, 100.0 - share, share)
        yield "left_right_balance", balance.rows, np.where(share <= 100, left, np.nan)


def _is_series(column: Column) -> bool:
    """Whether it holds one number for each message."""
    return column.raw.ndim == 1 and column.raw.dtype.kind != "S"


def _native_factor(stream: str, what: Developer) -> float:
    """What brings an app's field into the stream's unit, by the unit that the app tells."""
    units = what.units.strip().lower()
    if stream == "vertical_oscillation":
        return 1.0 if units.startswith("centi") or units == "cm" else 0.1
    if stream == "stride_length":
        return 1.0 if units in ("m", "meters") else 0.01 if units == "cm" else 0.001
    if stream == "speed":
        return 1 / 3.6 if units in ("km/h", "kph") else 1.0
    return 1.0


def _positions(table: Table) -> Iterable[tuple[str, Any, Numbers]]:
    """Latitude and longitude in degrees, where both are told, on Earth, and not the 0/0 of a receiver without fix."""
    lat, lon = table.columns.get("position_lat"), table.columns.get("position_long")
    if lat is None or lon is None or not _is_series(lat) or not _is_series(lon):
        return
    rows = lat.rows
    north, east = lat.values * _SEMICIRCLES, lon.values * _SEMICIRCLES
    if len(lat.rows) != len(lon.rows) or not np.array_equal(lat.rows, lon.rows):
        rows, of_lat, of_lon = np.intersect1d(lat.rows, lon.rows, assume_unique=True, return_indices=True)
        north, east = north[of_lat], east[of_lon]
    sound = (np.abs(north) <= 90) & (np.abs(east) <= 180) & ((north != 0) | (east != 0))
    if not sound.all():
        rows, north, east = rows[sound], north[sound], east[sound]
    # A semicircle is nine millimetres: more digits would say nothing.
    yield "latitude", rows, np.round(north, 7)
    yield "longitude", rows, np.round(east, 7)


def _cadences(table: Table, native: Mapping[str, tuple[Developer, Column]]) -> Iterable[tuple[str, Any, Numbers]]:
    column = table.columns.get("cadence")
    if column is not None and _is_series(column):
        fraction = table.columns.get("fractional_cadence")
        values = column.values
        if fraction is not None and _is_series(fraction):
            values = values + np.nan_to_num(table.values("fractional_cadence"))[column.rows]
        yield "cadence", column.rows, values
        return
    fine = table.columns.get("cadence256")
    if fine is not None and _is_series(fine):
        yield "cadence", fine.rows, fine.values
    elif "cadence" in native:
        yield "cadence", native["cadence"][1].rows, native["cadence"][1].values


def _within(times: Numbers, values: Numbers, span: Span) -> tuple[Numbers, Numbers]:
    """The stretch of a session. The last one takes in what was written at its very end."""
    first = np.searchsorted(times, span.start_s, "left")
    last = np.searchsorted(times, span.end_s, "left")
    return times[first:last], values[first:last]


def _from_zero(own: tuple[Numbers, Numbers], whole: tuple[Numbers, Numbers]) -> tuple[Numbers, Numbers]:
    """A leg's distances without those of the legs before it; some devices begin every leg at 0."""
    times, values = own
    first = len(whole[0]) and int(np.searchsorted(whole[0], times[0], "left")) if len(times) else 0
    before = whole[1][first - 1] if first else 0.0
    return (times, values - before) if 0 < before <= values[0] else own


def _as_one(values: Numbers, starts: Sequence[int]) -> Numbers:
    """Distances that go on where a leg begins at 0 again."""
    values = values.copy()
    for first in starts:
        if 0 < first < len(values) and values[first] < values[first - 1]:
            values[first:] += values[first - 1]
    return values


def _streams(
    series: Mapping[str, tuple[Numbers, Numbers]],
    span: Span,
    steps: float,
    by_leg: Sequence[ParsedActivity] = (),
) -> dict[str, Stream]:
    """The series from the activity's start. Cadence counts both feet where the sport steps."""
    streams = {}
    shared: dict[bytes, Numbers] = {}
    for name, (times, values) in series.items():
        if not len(times):
            continue
        if name == "cadence" and by_leg:
            values = values.copy()
            for leg in by_leg:
                start = leg.start_time.timestamp()
                own = leg.streams.get("cadence")
                if own is not None and is_step_sport(leg.sport) and len(own):
                    first = np.searchsorted(times, start + own.time_s[0], "left")
                    values[first : first + len(own)] = own.values
        elif name == "cadence":
            values = values * steps
        elif name == "distance" and by_leg:
            starts = [leg.start_time.timestamp() for leg in by_leg[1:]]
            values = _as_one(values, np.searchsorted(times, starts, "left").tolist())
        at = np.round(times - span.start_s, 3)
        at = shared.setdefault(at.tobytes(), at)
        streams[name] = Stream(at, values)
    return streams


# --- what else is told ------------------------------------------------------------------------
def _rest(told: Told) -> dict[str, Any]:
    """What has no field of its own, under FIT's names, as JSON has it."""
    rest = {}
    for name, value in told.items():
        if name not in _TAKEN and (plain := _json(value)) is not None:
            rest[name] = plain
    return rest


def _json(value: Any) -> Any:
    if isinstance(value, list):
        plain = [_json(it) for it in value]
        return plain if any(it is not None for it in plain) else None
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value if isinstance(value, int | str) else None


def _extra(effort: Effort, span: Span) -> dict[str, Any]:
    extra = _rest(span.told)
    profiles = [it for it in effort.messages("sport") if it.get("sport") == span.told.get("sport")]
    if "sport_profile_name" not in extra and profiles and (name := _text(profiles[0].get("name"))):
        extra["sport_profile_name"] = name
    own = _session_fields(effort, span)
    if own:
        extra["developer"] = own
    sensors = _sensors(effort)
    if sensors:
        extra["sensors"] = sensors
    intervals = [part.tables["hrv"].columns.get("time") for part in effort.parts if "hrv" in part.tables]
    beats = sum(int(np.count_nonzero(it.values > 0)) for it in intervals if it is not None)
    if beats:
        extra["rr_intervals"] = beats
    return extra


def _session_fields(effort: Effort, span: Span) -> dict[str, Any]:
    """What apps tell of the session, by the names that they gave."""
    found: dict[str, Any] = {}
    for part in effort.parts:
        table = part.tables.get("session")
        if table is None:
            continue
        row = next((at for at, told in enumerate(table.messages) if told is span.told), None)
        for what, column in table.developer.values():
            for at, value in zip(column.rows.tolist(), column.told(), strict=True):
                if at == row and (plain := _json(value)) is not None:
                    found.setdefault(what.name, plain)
    return found


def _sensors(effort: Effort) -> list[dict[str, Any]]:
    """The sensors that were connected, each once."""
    sensors: dict[str, dict[str, Any]] = {}
    for told in effort.messages("device_info"):
        if told.get("device_index") in (None, 0, "creator"):
            continue
        kinds = ("antplus_device_type", "ble_device_type", "local_device_type", "device_type")
        kind = next((told[it] for it in kinds if isinstance(told.get(it), str)), None)
        name = device_name(told)
        if not kind and not name:
            continue
        sensor = {"type": kind, "name": name or None, "battery": told.get("battery_status")}
        key = f"{kind} {name} {told.get('serial_number')}"
        sensors[key] = {**sensors.get(key, {}), **{name: value for name, value in sensor.items() if value is not None}}
    return list(sensors.values())[:32]
