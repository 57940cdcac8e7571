"""WHOOP's records (API v2): workouts, sleeps, recoveries, cycles and body measurements.

Lengths are milliseconds, energy is kilojoules, times are UTC with the offset beside them. Only a record whose state is
SCORED holds figures.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from activities.domain.parsed import DayValue, Parsed, ParsedActivity
from activities.domain.sleep import ParsedSleep
from integrations.errors import UnexpectedPayload
from integrations.providers.whoop.sports import sport_of
from integrations.told import (
    aware,
    day_of,
    mapping,
    number,
    object_of,
    offset_s,
    positive,
    rest,
    scaled,
    text,
    zone_of_offset,
)

PROVIDER = "whoop"

KCAL = 1 / 4.184
# A cycle begins with falling asleep and belongs to the day of waking up; it does not tell when that was.
TO_WAKING = timedelta(hours=8)

# Metric, value and what stands beside it.
_Value = tuple[str, float | None, Mapping[str, Any]]
_PLACED = {
    "id", "v1_id", "user_id", "created_at", "updated_at", "start", "end", "timezone_offset", "sport_name", "sport_id",
    "score",
}  # fmt: skip
_SCORE_PLACED = {
    "average_heart_rate", "max_heart_rate", "kilojoule", "distance_meter", "altitude_gain_meter", "percent_recorded",
}  # fmt: skip


def parse_workout(data: bytes, external_id: str) -> Parsed:
    """One workout. Not yet scored, it is known by its sport and times alone."""
    told = object_of(data)
    start, end, offset = _span(told)
    if start is None:
        raise UnexpectedPayload(f"The workout has no start that can be read: {told.get('start')!r}.")
    score = _score(told)
    name, number_of = text(told.get("sport_name")), number(told.get("sport_id"))
    extra = rest(told, _PLACED) | rest(score, _SCORE_PLACED)
    recorded = number(score.get("percent_recorded"))
    if recorded is not None:
        # Documented as per cent, sent as a share of one.
        extra["percent_recorded"] = recorded * 100 if recorded <= 1 else recorded
    return Parsed(
        activities=(
            ParsedActivity(
                external_id=external_id,
                sport=sport_of(name, number_of),
                start_time=start,
                provider=PROVIDER,
                provider_type=name or text(told.get("sport_id")),
                utc_offset_s=offset,
                elapsed_s=(end - start).total_seconds() if end is not None and end >= start else None,
                distance_m=number(score.get("distance_meter")),
                elevation_gain_m=number(score.get("altitude_gain_meter")),
                energy_kcal=scaled(score.get("kilojoule"), KCAL),
                avg_heart_rate_bpm=positive(score.get("average_heart_rate")),
                max_heart_rate_bpm=positive(score.get("max_heart_rate")),
                device="WHOOP",
                device_kind="band",
                source_name="WHOOP",
                extra=extra,
            ),
        )
    )


def parse_sleep(data: bytes, external_id: str) -> Parsed:
    """One sleep: totals of its stages, no timeline. A nap tells no figures of the day; what is not scored, nothing."""
    told = object_of(data)
    start, end, offset = _span(told)
    if start is None or end is None or end <= start:
        raise UnexpectedPayload("The sleep tells no start and end that can be read.")
    score = _score(told)
    if not score:
        return Parsed()
    stages = mapping(score.get("stage_summary"))
    light, deep, rem = (
        scaled(stages.get(f"total_{stage}_sleep_time_milli"), 0.001) for stage in ("light", "slow_wave", "rem")
    )
    asleep = [value for value in (light, deep, rem) if value is not None]
    performance = number(score.get("sleep_performance_percentage"))
    sleep = ParsedSleep(
        start_time=start,
        end_time=end,
        utc_offset_s=offset or 0,
        date=end.date(),
        stages=(),
        in_bed_s=scaled(stages.get("total_in_bed_time_milli"), 0.001),
        asleep_s=round(sum(asleep), 3) if asleep else None,
        awake_s=scaled(stages.get("total_awake_time_milli"), 0.001),
        light_s=light,
        deep_s=deep,
        rem_s=rem,
        efficiency_ratio=scaled(score.get("sleep_efficiency_percentage"), 0.01),
        external_id=external_id,
        score=performance,
    )
    if told.get("nap") is True:
        return Parsed(sleeps=(sleep,))
    needed = mapping(score.get("sleep_needed"))
    values: tuple[_Value, ...] = (
        ("whoop_sleep_performance", performance, rest(needed, ())),
        ("whoop_sleep_consistency", number(score.get("sleep_consistency_percentage")), {}),
        ("respiratory_rate", positive(score.get("respiratory_rate")), {}),
    )
    return Parsed(sleeps=(sleep,), days=_days(sleep.date, values))


def parse_recovery(data: bytes, external_id: str) -> Parsed:
    """One recovery, on the date with which its external id begins: itself it names only its sleep."""
    told = object_of(data)
    day = day_of(external_id)
    if day is None:
        raise UnexpectedPayload(f"The recovery is filed under no date: {external_id!r}.")
    score = _score(told)
    calibrating = {"user_calibrating": True} if score.get("user_calibrating") is True else {}
    values: tuple[_Value, ...] = (
        ("whoop_recovery", number(score.get("recovery_score")), calibrating),
        ("resting_heart_rate", positive(score.get("resting_heart_rate")), calibrating),
        ("hrv_rmssd", positive(score.get("hrv_rmssd_milli")), calibrating),
        ("oxygen_saturation", positive(score.get("spo2_percentage")), {}),
        ("skin_temperature", positive(score.get("skin_temp_celsius")), {}),
    )
    return Parsed(days=_days(day, values))


def parse_cycle(data: bytes, external_id: str) -> Parsed:
    """One cycle, from falling asleep to falling asleep: strain and energy of the day on which it wakes up."""
    told = object_of(data)
    start, _, _ = _span(told)
    if start is None:
        raise UnexpectedPayload(f"The cycle has no start that can be read: {told.get('start')!r}.")
    score = _score(told)
    beside = {
        name: value
        for name in ("average_heart_rate", "max_heart_rate")
        if (value := positive(score.get(name))) is not None
    }
    values: tuple[_Value, ...] = (
        ("whoop_strain", number(score.get("strain")), beside),
        ("total_energy", scaled(score.get("kilojoule"), KCAL), {}),
    )
    return Parsed(days=_days((start + TO_WAKING).date(), values))


def parse_body(data: bytes, external_id: str) -> Parsed:
    """Body measurements as they stood on the date that is the external id: they tell none."""
    told = object_of(data)
    day = day_of(external_id)
    if day is None:
        raise UnexpectedPayload(f"The measurements are filed under no date: {external_id!r}.")
    values: tuple[_Value, ...] = (
        ("weight", positive(told.get("weight_kilogram")), {}),
        ("height", positive(told.get("height_meter")), {}),
        ("max_heart_rate", positive(told.get("max_heart_rate")), {}),
    )
    return Parsed(days=_days(day, values))


def waking_day(told: Mapping[str, Any]) -> date | None:
    """The local date on which a sleep ends."""
    _, end, _ = _span(told)
    return None if end is None else end.date()


def _span(told: Mapping[str, Any]) -> tuple[datetime | None, datetime | None, int | None]:
    """Start and end where it happened, and seconds east of UTC."""
    offset = offset_s(told.get("timezone_offset"))
    start, end = aware(told.get("start")), aware(told.get("end"))
    zone = zone_of_offset(offset)
    return start and start.astimezone(zone), end and end.astimezone(zone), offset


def _score(told: Mapping[str, Any]) -> dict[str, Any]:
    """The figures; none where the record waits for its score or never gets one."""
    return mapping(told.get("score")) if told.get("score_state", "SCORED") == "SCORED" else {}


def _days(day: date, values: Iterable[_Value]) -> tuple[DayValue, ...]:
    return tuple(DayValue(metric, day, value, detail) for metric, value, detail in values if value is not None)
