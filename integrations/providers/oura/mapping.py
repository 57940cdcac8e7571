"""Oura's documents (API v2): workouts, sessions, sleep periods, the day's scores and figures, and heart rate.

Lengths are seconds, distances metres, energy kilocalories. Times tell their offset; `day` is the local date, of a sleep
the one of waking up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from itertools import groupby
from typing import Any

import numpy as np

from activities.domain.parsed import DayValue, Parsed, ParsedActivity, Stream
from activities.domain.reading import DeviceFacts
from activities.domain.sleep import ParsedSleep
from integrations.errors import UnexpectedPayload
from integrations.providers.oura.sports import SESSIONS, sport_of
from integrations.told import (
    aware,
    day_of,
    entries,
    epoch_ms,
    json_of,
    mapping,
    number,
    object_of,
    offset_at,
    positive,
    rest,
    sample_table,
    scaled,
    stream_of,
    text,
)
from trainstack.sports import GENERIC

PROVIDER = "oura"

# Digits of a hypnogram -> our stages.
STAGES: dict[str, str] = {"1": "deep", "2": "light", "3": "rem", "4": "awake"}
# Periods that are sleeps; of the others one was rejected and one deleted by the athlete.
SLEEPS = ("long_sleep", "sleep", "late_nap")
RESILIENCE = {"limited": 1, "adequate": 2, "solid": 3, "strong": 4, "exceptional": 5}
RING = DeviceFacts(key="Oura Ring", name="Oura Ring", kind="ring", manufacturer="Oura")

# Metric, value and what stands beside it.
_Value = tuple[str, float | None, Mapping[str, Any]]


# --- workouts and sessions --------------------------------------------------------------------


def parse_workout(data: bytes, external_id: str) -> Parsed:
    """One workout. Its heart rate is among the samples of the day."""
    told = object_of(data)
    activity = text(told.get("activity"))
    placed = {"id", "activity", "calories", "day", "distance", "end_datetime", "label", "start_datetime"}
    return Parsed(
        activities=(
            ParsedActivity(
                **_effort(told, external_id),
                sport=sport_of(activity),
                provider_type=activity,
                name=text(told.get("label")),
                distance_m=number(told.get("distance")),
                energy_kcal=number(told.get("calories")),
                extra=rest(told, placed),
            ),
        )
    )


def parse_session(data: bytes, external_id: str) -> Parsed:
    """One moment of breathing, meditation or rest in the app, with the heart rate that was measured in it."""
    told = object_of(data)
    kind = text(told.get("type"))
    placed = {"id", "day", "end_datetime", "start_datetime", "type", "heart_rate", "heart_rate_variability",
              "motion_count"}  # fmt: skip
    effort = _effort(told, external_id)
    beats = _series(told.get("heart_rate"), effort["start_time"])
    return Parsed(
        activities=(
            ParsedActivity(
                **effort,
                sport=SESSIONS.get(kind, GENERIC),
                provider_type=kind,
                avg_heart_rate_bpm=round(float(beats.values.mean()), 3) if beats is not None else None,
                max_heart_rate_bpm=float(beats.values.max()) if beats is not None else None,
                min_heart_rate_bpm=float(beats.values.min()) if beats is not None else None,
                streams={"heart_rate": beats} if beats is not None else {},
                extra=rest(told, placed),
            ),
        )
    )


def _effort(told: Mapping[str, Any], external_id: str) -> dict[str, Any]:
    """What workouts and sessions share."""
    start, end = aware(told.get("start_datetime")), aware(told.get("end_datetime"))
    if start is None:
        raise UnexpectedPayload(f"It has no start that can be read: {told.get('start_datetime')!r}.")
    return {
        "external_id": external_id,
        "start_time": start,
        "provider": PROVIDER,
        "utc_offset_s": offset_at(start),
        "elapsed_s": (end - start).total_seconds() if end is not None and end >= start else None,
        "device": RING.name,
        "device_kind": RING.kind,
        "source_name": "Oura",
    }


def _series(told: object, start: datetime) -> Stream | None:
    """A series of one value each `interval` seconds from its own time on; gaps are null and keep their place."""
    series = mapping(told)
    interval, begin, items = positive(series.get("interval")), aware(series.get("timestamp")), series.get("items")
    if interval is None or begin is None or not isinstance(items, list):
        return None
    shift = (begin - start).total_seconds()
    return stream_of((shift + place * interval, positive(value)) for place, value in enumerate(items))


# --- nights -----------------------------------------------------------------------------------


def parse_sleep(data: bytes, external_id: str) -> Parsed:
    """One sleep period. Of the long sleep also the figures of the day; a rejected or deleted period tells nothing."""
    told = object_of(data)
    start, end = aware(told.get("bedtime_start")), aware(told.get("bedtime_end"))
    kind = text(told.get("type"))
    if kind and kind not in SLEEPS:
        return Parsed()
    if start is None or end is None or end <= start:
        raise UnexpectedPayload("The sleep tells no bedtime that can be read.")
    length = (end - start).total_seconds()
    sleep = ParsedSleep(
        start_time=start,
        end_time=end,
        utc_offset_s=offset_at(start),
        date=day_of(told.get("day")) or end.date(),
        stages=tuple(_stages(told, length)),
        in_bed_s=number(told.get("time_in_bed")),
        asleep_s=number(told.get("total_sleep_duration")),
        awake_s=number(told.get("awake_time")),
        light_s=number(told.get("light_sleep_duration")),
        deep_s=number(told.get("deep_sleep_duration")),
        rem_s=number(told.get("rem_sleep_duration")),
        efficiency_ratio=scaled(told.get("efficiency"), 0.01),
        external_id=external_id,
    )
    if kind != "long_sleep":
        return Parsed(sleeps=(sleep,))
    values: tuple[_Value, ...] = (
        ("hrv_rmssd", positive(told.get("average_hrv")), {}),
        ("resting_heart_rate", positive(told.get("lowest_heart_rate")), {}),
        ("sleeping_heart_rate", positive(told.get("average_heart_rate")), {}),
        ("respiratory_rate", positive(told.get("average_breath")), {}),
    )
    return Parsed(sleeps=(sleep,), days=_days(sleep.date, values))


def _stages(told: Mapping[str, Any], length: float) -> Iterator[tuple[float, float, str]]:
    """(begin, length, stage): a digit each half minute where that is told, else each five minutes."""
    fine = text(told.get("sleep_phase_30_sec"))
    digits, step = (fine, 30.0) if fine else (text(told.get("sleep_phase_5_min")), 300.0)
    begin = 0.0
    for digit, same in groupby(digits):
        end = min(begin + step * sum(1 for _ in same), length)
        if digit in STAGES and end > begin:
            yield begin, end - begin, STAGES[digit]
        begin = end


# --- days -------------------------------------------------------------------------------------


def parse_daily_sleep(data: bytes, external_id: str) -> Parsed:
    told, day = _dated(data)
    return _parsed(day, ("oura_sleep_score", number(told.get("score")), _contributors(told)))


def parse_daily_readiness(data: bytes, external_id: str) -> Parsed:
    """Its contributor `resting_heart_rate` is a score of 1 to 100, no heart rate."""
    told, day = _dated(data)
    trend = number(told.get("temperature_trend_deviation"))
    return _parsed(
        day,
        ("oura_readiness", number(told.get("score")), _contributors(told)),
        (
            "skin_temperature_deviation", number(told.get("temperature_deviation")),
            {} if trend is None else {"temperature_trend_deviation": trend},
        ),
    )  # fmt: skip


def parse_daily_activity(data: bytes, external_id: str) -> Parsed:
    """A day's movement. The walking distance is what all of it is worth in walking, so it is no distance."""
    told, day = _dated(data)
    active, total = number(told.get("active_calories")), number(told.get("total_calories"))
    high, medium, low, still = (
        scaled(told.get(f"{name}_time"), 1 / 60)
        for name in ("high_activity", "medium_activity", "low_activity", "sedentary")
    )
    levels = [value for value in (high, medium, low) if value is not None]
    return _parsed(
        day,
        ("oura_activity_score", number(told.get("score")), _contributors(told)),
        ("steps", number(told.get("steps")), {}),
        ("active_energy", active, {}),
        ("basal_energy", total - active if total is not None and active is not None and total >= active else None, {}),
        ("total_energy", total, {}),
        ("active_time", round(sum(levels), 6) if levels else None, {}),
        ("vigorous_activity_time", high, {}),
        ("moderate_activity_time", medium, {}),
        ("light_activity_time", low, {}),
        ("sedentary_time", still, {}),
    )


def parse_daily_spo2(data: bytes, external_id: str) -> Parsed:
    told, day = _dated(data)
    disturbed = number(told.get("breathing_disturbance_index"))
    average = positive(mapping(told.get("spo2_percentage")).get("average"))
    return _parsed(
        day, ("oxygen_saturation", average, {} if disturbed is None else {"breathing_disturbance_index": disturbed})
    )


def parse_daily_stress(data: bytes, external_id: str) -> Parsed:
    told, day = _dated(data)
    summary = text(told.get("day_summary"))
    return _parsed(
        day,
        ("oura_stress_high", scaled(told.get("stress_high"), 1 / 60), {"day_summary": summary} if summary else {}),
        ("oura_recovery_high", scaled(told.get("recovery_high"), 1 / 60), {}),
    )


def parse_daily_resilience(data: bytes, external_id: str) -> Parsed:
    told, day = _dated(data)
    level = text(told.get("level"))
    return _parsed(day, ("oura_resilience", number(RESILIENCE.get(level)), {"level": level, **_contributors(told)}))


def parse_daily_cardiovascular_age(data: bytes, external_id: str) -> Parsed:
    told, day = _dated(data)
    return _parsed(
        day,
        ("oura_vascular_age", positive(told.get("vascular_age")), {}),
        ("pulse_wave_velocity", positive(told.get("pulse_wave_velocity")), {}),
    )


def parse_vo2_max(data: bytes, external_id: str) -> Parsed:
    told, day = _dated(data)
    return _parsed(day, ("vo2max", positive(told.get("vo2_max")), {}))


def parse_personal_info(data: bytes, external_id: str) -> Parsed:
    """The profile as it stood on the date that is the external id: it tells none."""
    told, day = object_of(data), day_of(external_id)
    if day is None:
        raise UnexpectedPayload(f"The profile is filed under no date: {external_id!r}.")
    return _parsed(day, ("weight", positive(told.get("weight")), {}), ("height", positive(told.get("height")), {}))


def _dated(data: bytes) -> tuple[dict[str, Any], date]:
    told = object_of(data)
    day = day_of(told.get("day"))
    if day is None:
        raise UnexpectedPayload(f"The document tells no day: {told.get('day')!r}.")
    return told, day


def _contributors(told: Mapping[str, Any]) -> dict[str, Any]:
    """What the score is made of, each on its own scale."""
    return rest(mapping(told.get("contributors")), ())


def _parsed(day: date, *values: _Value) -> Parsed:
    return Parsed(days=_days(day, values))


def _days(day: date, values: Iterable[_Value]) -> tuple[DayValue, ...]:
    return tuple(DayValue(metric, day, value, detail) for metric, value, detail in values if value is not None)


# --- heart rate -------------------------------------------------------------------------------


def parse_heartrate(data: bytes, external_id: str) -> Parsed:
    """The heart rate of one UTC day: a list of rows with a time and beats a minute."""
    told = json_of(data)
    if not isinstance(told, list):
        raise UnexpectedPayload("A list of heart rates was expected here.")
    moments, beats = [], []
    for row in entries(told):
        moment, value = aware(row.get("timestamp")), positive(row.get("bpm"))
        if moment is not None and value is not None:
            moments.append(epoch_ms(moment))
            beats.append(value)
    at = np.array(moments, np.int64)
    table = sample_table("heart_rate", RING, at, at, np.array(beats, np.float64))
    return Parsed(samples=(table,) if table is not None else ())
