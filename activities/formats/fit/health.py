"""Decoded FIT messages -> days and nights: scales, blood pressure, all-day monitoring, HRV status, sleep."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, Literal

from activities.domain.parsed import DayValue
from activities.domain.sleep import ParsedSleep, StageSample, sessions_of
from activities.formats.fit.decode import EPOCH_S, Part

Told = Mapping[str, Any]

# (message, field) -> (metric, factor, how several of a day become one).
_VALUES: tuple[tuple[str, str, str, float, Literal["last", "mean"]], ...] = (
    ("weight_scale", "weight", "weight", 1.0, "last"),
    ("weight_scale", "percent_fat", "body_fat", 1.0, "last"),
    ("weight_scale", "bmi", "bmi", 1.0, "last"),
    ("weight_scale", "bone_mass", "bone_mass", 1.0, "last"),
    ("weight_scale", "muscle_mass", "skeletal_muscle_mass", 1.0, "last"),
    ("weight_scale", "basal_met", "basal_metabolic_rate", 1.0, "last"),
    ("blood_pressure", "systolic_pressure", "blood_pressure_systolic", 1.0, "mean"),
    ("blood_pressure", "diastolic_pressure", "blood_pressure_diastolic", 1.0, "mean"),
    ("monitoring", "heart_rate", "heart_rate", 1.0, "mean"),
    ("spo2_data", "reading_spo2", "oxygen_saturation", 1.0, "mean"),
    ("respiration_rate", "respiration_rate", "respiratory_rate", 1.0, "mean"),
    ("hrv_status_summary", "last_night_average", "hrv_rmssd", 1.0, "last"),
    ("monitoring_hr_data", "current_day_resting_heart_rate", "resting_heart_rate", 1.0, "last"),
    ("max_met_data", "vo2_max", "vo2max", 1.0, "last"),
)
# What monitoring counts from midnight on, by kind of movement: (field, kinds; empty for every kind) -> metric.
_COUNTERS: tuple[tuple[str, frozenset[str], str], ...] = (
    ("steps", frozenset(), "steps"),
    ("distance", frozenset({"walking", "running", "generic"}), "distance_walking_running"),
    ("distance", frozenset({"cycling"}), "distance_cycling"),
    ("distance", frozenset({"swimming"}), "distance_swimming"),
    ("active_calories", frozenset(), "active_energy"),
)
# Timestamps below this are seconds since a device was switched on, which tells no day.
_CLOCK_S = EPOCH_S + 0x10000000
_STAGES: Mapping[str, str] = {"awake": "awake", "light": "light", "deep": "deep", "rem": "rem"}
# A stage whose end is not told, the last of the night, counts as long as this.
_LAST_STAGE_S = 60
_LONGEST_STAGE_S = 6 * 3600


def days_of(parts: Iterable[Part]) -> list[DayValue]:
    """One value for each metric and date, in their order. Local dates where the file tells its offset, else UTC's."""
    found: dict[tuple[str, date], list[tuple[float, float, str]]] = defaultdict(list)
    days: dict[tuple[str, date], DayValue] = {}
    for part in parts:
        if not {name for name, *_ in _VALUES} & part.tables.keys() or len(_people(part)) > 1:
            continue
        zone = _zone(part)
        monitoring = _timed(part.messages("monitoring"))
        for message, name, metric, factor, how in _VALUES:
            messages = monitoring if message == "monitoring" else _stamped(part.messages(message))
            for time, told in messages:
                value = told.get(name)
                if isinstance(value, int | float) and value > 0:
                    found[metric, _day(time, zone)].append((time, value * factor, how))
        for day in _counted(monitoring, zone):
            known = days.get((day.metric, day.date))
            if known is None or day.value > known.value:
                days[day.metric, day.date] = day
    for (metric, day_of), values in found.items():
        days[metric, day_of] = _summary(metric, day_of, sorted(values))
    return [days[key] for key in sorted(days)]


def has_several_people(parts: Iterable[Part]) -> bool:
    """Whether a scale tells of several people: then nobody knows which of them the athlete is."""
    return any(len(_people(part)) > 1 for part in parts)


def _people(part: Part) -> set[Any]:
    return {told.get("user_profile_index") for told in part.messages("weight_scale")}


def _summary(metric: str, day: date, values: Sequence[tuple[float, float, str]]) -> DayValue:
    if values[-1][2] == "last":
        return DayValue(metric, day, round(values[-1][1], 3))
    numbers = [value for _, value, _ in values]
    detail = {"min": min(numbers), "max": max(numbers), "count": len(numbers)}
    return DayValue(metric, day, round(sum(numbers) / len(numbers), 2), detail)


def _counted(messages: Sequence[tuple[float, Told]], zone: timezone) -> list[DayValue]:
    """Counters that run from midnight: the day's greatest of each kind of movement, added up."""
    highest: dict[tuple[str, date], dict[str, float]] = defaultdict(dict)
    for time, told in messages:
        # What is written at midnight sums up the day that ends.
        day = _day(time - 1, zone)
        kind = str(told.get("activity_type", "generic"))
        for name, kinds, metric in _COUNTERS:
            value = told.get(name)
            if isinstance(value, int | float) and (not kinds or kind in kinds):
                known = highest[metric, day]
                known[kind] = max(known.get(kind, 0.0), float(value))
    return [DayValue(metric, day, round(sum(kinds.values()), 2)) for (metric, day), kinds in highest.items()]


def _stamped(messages: Iterable[Told]) -> list[tuple[float, Told]]:
    """(Unix seconds, message) of those that tell when, by a clock that was set."""
    stamps = ((told.get("timestamp", told.get("update_time")), told) for told in messages)
    return [(float(time), told) for time, told in stamps if isinstance(time, int) and time >= _CLOCK_S]


def _timed(messages: Iterable[Told]) -> list[tuple[float, Told]]:
    """The same for monitoring, whose times are told in full once and then by their lower 16 bits."""
    timed: list[tuple[float, Told]] = []
    now: int | None = None
    kind: Any = None
    for told in messages:
        time, low = told.get("timestamp"), told.get("timestamp_16")
        if isinstance(time, int):
            now = time - EPOCH_S
        elif now is not None and isinstance(low, int):
            now += (low - now) & 0xFFFF
        if now is not None:
            kind = told.get("activity_type", kind)
            timed.append((float(now + EPOCH_S), told))
    return timed


def _zone(part: Part) -> timezone:
    for name in ("monitoring_info", "activity"):
        for told in part.messages(name):
            local, time = told.get("local_timestamp"), told.get("timestamp")
            if isinstance(local, int) and isinstance(time, int):
                offset = round((local + EPOCH_S - time) / 900) * 900
                if abs(offset) <= 15 * 3600:
                    return timezone(timedelta(seconds=offset))
    return timezone(timedelta(0))


def _day(time: float, zone: timezone) -> date:
    return datetime.fromtimestamp(time, UTC).astimezone(zone).date()


def sleeps_of(parts: Sequence[Part], external_id: str) -> list[ParsedSleep]:
    """The nights and naps. FIT tells when a stage begins; it lasts until the next one."""
    sleeps: list[ParsedSleep] = []
    for part in parts:
        zone = _zone(part)
        score = next((told.get("overall_sleep_score") for told in part.messages("sleep_assessment")), None)
        ends = [time for time, told in _stamped(part.messages("event")) if told.get("event_type") == "stop"]
        levels = sorted(_stamped(part.messages("sleep_level")), key=lambda it: it[0])
        samples = []
        for at, (time, told) in enumerate(levels):
            following = levels[at + 1][0] if at + 1 < len(levels) else max([time + _LAST_STAGE_S, *ends[-1:]])
            stage = _STAGES.get(str(told.get("sleep_level")))
            if stage and time < following <= time + _LONGEST_STAGE_S:
                samples.append(StageSample(int(time * 1000), int(following * 1000), stage, zone))
        nights = sessions_of(samples, zone)
        if len(nights) == 1 and isinstance(score, int | float):
            nights = [replace(nights[0], score=float(score))]
        sleeps += nights
        sleeps += _naps(part)
    many = len(sleeps) > 1
    return [replace(it, external_id=f"{external_id}#{n}" if many else external_id) for n, it in enumerate(sleeps, 1)]


def _naps(part: Part) -> list[ParsedSleep]:
    naps = []
    for told in part.messages("nap_event"):
        start, end, minutes = told.get("start_time"), told.get("end_time"), told.get("start_timezone_offset")
        if not isinstance(start, int) or not isinstance(end, int) or not start < end < start + 86400:
            continue
        if told.get("is_deleted"):
            continue
        offset = minutes if isinstance(minutes, int) and abs(minutes) <= 15 * 60 else 0
        zone = timezone(timedelta(minutes=offset))
        naps += sessions_of([StageSample(start * 1000, end * 1000, "asleep", zone)], zone)
    return naps
