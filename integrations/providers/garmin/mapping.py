"""The JSON of Garmin's account export -> activities, nights and days.

Its units are its own: distance and height in centimetres, times in milliseconds, speed in tenths of metres a second,
energy of activities in kilojoules. `startTimeLocal` counts as if the wall clock were UTC. A FIT file of the same
activity tells more, and stands before the summary.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

from activities.domain.parsed import DayValue, Parsed, ParsedActivity
from activities.domain.sleep import ParsedSleep
from integrations.errors import UnexpectedPayload
from integrations.providers.garmin.sports import sport_of
from integrations.told import (
    aware,
    day_of,
    entries,
    mapping,
    moment_ms,
    number,
    object_of,
    positive,
    rest,
    scaled,
    text,
)
from trainstack.sports import GENERIC, is_step_sport

PROVIDER = "garmin"

KJ_IN_KCAL = 4.184

_PLACED = frozenset(
    {
        "activityId", "name", "activityType", "sportType", "beginTimestamp", "startTimeGmt", "startTimeLocal",
        "duration", "elapsedDuration", "movingDuration", "distance", "elevationGain", "elevationLoss", "avgSpeed",
        "maxSpeed", "avgHr", "maxHr", "minHr", "calories", "avgPower", "maxPower", "avgRunCadence", "maxRunCadence",
        "avgBikeCadence", "maxBikeCadence", "splits", "splitSummaries", "userProfileId", "uuidMsb", "uuidLsb",
    }
)  # fmt: skip

# Totals and figures of a day: key -> the metric, and the key of its goal where there is one.
_DAY: Mapping[str, tuple[str, str]] = {
    "totalSteps": ("steps", "dailyStepGoal"),
    "totalDistanceMeters": ("distance_walking_running", ""),
    "floorsAscendedInMeters": ("elevation_gained", ""),
    "totalKilocalories": ("total_energy", ""),
    "activeKilocalories": ("active_energy", "netCalorieGoal"),
    "bmrKilocalories": ("basal_energy", ""),
    "moderateIntensityMinutes": ("moderate_activity_time", ""),
    "vigorousIntensityMinutes": ("vigorous_activity_time", ""),
    "restingHeartRate": ("resting_heart_rate", ""),
}
# What was not measured comes as 0.
_MEASURED = frozenset({"restingHeartRate"})
_HEALTH: Mapping[str, str] = {
    "HRV": "hrv_rmssd",
    "HR": "sleeping_heart_rate",
    "SPO2": "oxygen_saturation",
    "RESPIRATION": "respiratory_rate",
    "SKIN_TEMP_C": "skin_temperature_deviation",
}


def parse_summary(data: bytes, external_id: str) -> Parsed:
    """The activity of one entry of summarizedActivities. Raises UnexpectedPayload where it does not say when it was."""
    told = object_of(data)
    start = start_of(told)
    if start is None:
        raise UnexpectedPayload("The activity has no start that can be read.")
    offset = _offset_s(told, start)
    word = _type(told)
    sport = sport_of(word) or sport_of(text(told.get("sportType"))) or GENERIC
    cadence = "Run" if is_step_sport(sport) else "Bike"
    # Of running it counts one leg.
    feet = 2 if cadence == "Run" else 1
    energy = positive(told.get("calories"))
    return Parsed(
        (
            ParsedActivity(
                external_id=external_id,
                sport=sport,
                start_time=start.astimezone(timezone(timedelta(seconds=offset or 0))),
                provider=PROVIDER,
                provider_type=word,
                name=text(told.get("name")),
                utc_offset_s=offset,
                elapsed_s=scaled(told.get("elapsedDuration"), 0.001),
                timer_s=scaled(told.get("duration"), 0.001),
                moving_s=scaled(told.get("movingDuration"), 0.001, only_positive=True),
                distance_m=scaled(told.get("distance"), 0.01),
                elevation_gain_m=scaled(told.get("elevationGain"), 0.01),
                elevation_loss_m=scaled(told.get("elevationLoss"), 0.01),
                energy_kcal=None if energy is None else round(energy / KJ_IN_KCAL, 1),
                avg_heart_rate_bpm=positive(told.get("avgHr")),
                max_heart_rate_bpm=positive(told.get("maxHr")),
                min_heart_rate_bpm=positive(told.get("minHr")),
                avg_power_w=positive(told.get("avgPower")),
                max_power_w=positive(told.get("maxPower")),
                avg_cadence_rpm=scaled(told.get(f"avg{cadence}Cadence"), feet, only_positive=True),
                max_cadence_rpm=scaled(told.get(f"max{cadence}Cadence"), feet, only_positive=True),
                avg_speed_mps=scaled(told.get("avgSpeed"), 10, only_positive=True),
                max_speed_mps=scaled(told.get("maxSpeed"), 10, only_positive=True),
                extra=rest(told, _PLACED),
            ),
        )
    )


def parse_sleep(data: bytes, external_id: str) -> Parsed:
    """The night of one entry of sleepData: totals and score; the export holds no timeline of stages."""
    told = object_of(data)
    start, end = (aware(told.get(f"sleep{which}TimestampGMT"), UTC) for which in ("Start", "End"))
    day = day_of(told.get("calendarDate"))
    if start is None or end is None or end <= start or day is None:
        raise UnexpectedPayload("The night has no beginning and end that can be read.")
    light, deep, rem, awake = (
        number(told.get(name))
        for name in ("lightSleepSeconds", "deepSleepSeconds", "remSleepSeconds", "awakeSleepSeconds")
    )
    parts = [part for part in (light, deep, rem) if part is not None]
    asleep = sum(parts) if parts else None
    in_bed = (end - start).total_seconds()
    return Parsed(
        sleeps=(
            ParsedSleep(
                start_time=start,
                end_time=end,
                utc_offset_s=0,
                date=day,
                stages=(),
                in_bed_s=in_bed,
                asleep_s=asleep,
                awake_s=awake,
                light_s=light,
                deep_s=deep,
                rem_s=rem,
                efficiency_ratio=None if asleep is None else min(asleep / in_bed, 1.0),
                external_id=external_id,
                score=positive(mapping(told.get("sleepScores")).get("overallScore")),
            ),
        ),
        days=_days(
            day,
            {
                "respiratory_rate": positive(told.get("averageRespiration")),
                "oxygen_saturation": positive(mapping(told.get("spo2SleepSummary")).get("averageSPO2")),
            },
        ),
    )


def parse_daily(data: bytes, external_id: str) -> Parsed:
    """The totals and figures of one day (UDSFile)."""
    told = object_of(data)
    day = _day(told)
    values = []
    for key, (metric, goal_key) in _DAY.items():
        value = positive(told.get(key)) if key in _MEASURED else number(told.get(key))
        if value is None:
            continue
        goal = positive(told.get(goal_key)) if goal_key else None
        values.append(DayValue(metric, day, value, {} if goal is None else {"goal": goal}))
    stress = next(
        (it for it in entries(mapping(told.get("allDayStress")).get("aggregatorList")) if it.get("type") == "TOTAL"), {}
    )
    average = number(stress.get("averageStressLevel"))
    if average is not None and average >= 0:
        most = positive(stress.get("maxStressLevel"))
        values.append(DayValue("garmin_stress", day, average, {} if most is None else {"max": most}))
    charge = {
        text(it.get("bodyBatteryStatType")): number(it.get("statsValue"))
        for it in entries(mapping(told.get("bodyBattery")).get("bodyBatteryStatList"))
    }
    if (highest := charge.get("HIGHEST")) is not None:
        lowest = charge.get("LOWEST")
        values.append(DayValue("garmin_body_battery", day, highest, {} if lowest is None else {"min": lowest}))
    return Parsed(days=tuple(values))


def parse_health(data: bytes, external_id: str) -> Parsed:
    """What was measured in one night (healthStatusData): heart rate variability, heart rate, breathing, oxygen."""
    told = object_of(data)
    day = _day(told)
    values = {}
    for one in entries(told.get("metrics")):
        metric = _HEALTH.get(text(one.get("type")))
        value = number(one.get("value")) if metric == "skin_temperature_deviation" else positive(one.get("value"))
        if metric:
            values[metric] = value
    return Parsed(days=_days(day, values))


def parse_weight(data: bytes, external_id: str) -> Parsed:
    """A weighing (userBioMetrics): kilograms, from grams."""
    told = object_of(data)
    day = day_of(mapping(told.get("metaData")).get("calendarDate")) or _day(told)
    weight = mapping(told.get("weight"))
    return Parsed(
        days=_days(
            day,
            {
                "weight": scaled(weight.get("weight"), 0.001, only_positive=True),
                "body_fat": positive(weight.get("bodyFat")),
                "bmi": positive(weight.get("bmi")),
                "skeletal_muscle_mass": scaled(weight.get("muscleMass"), 0.001, only_positive=True),
                "bone_mass": scaled(weight.get("boneMass"), 0.001, only_positive=True),
            },
        )
    )


def parse_max_met(data: bytes, external_id: str) -> Parsed:
    """The VO2 max of one day and sport (MetricsMaxMetData)."""
    told = object_of(data)
    day = _day(told)
    return Parsed(days=_days(day, {"vo2max": positive(told.get("vo2MaxValue"))}))


def start_of(told: Mapping[str, Any]) -> datetime | None:
    """When the activity of a summary began, UTC."""
    return moment_ms(told.get("startTimeGmt")) or moment_ms(told.get("beginTimestamp"))


def _offset_s(told: Mapping[str, Any], start: datetime) -> int | None:
    local = moment_ms(told.get("startTimeLocal"))
    if local is None:
        return None
    # Clocks differ by whole quarters of an hour.
    offset = round((local - start).total_seconds() / 900) * 900
    return offset if abs(offset) <= 14 * 3600 else None


def _type(told: Mapping[str, Any]) -> str:
    word = told.get("activityType")
    return text(word.get("typeKey")) if isinstance(word, dict) else text(word)


def _day(told: Mapping[str, Any]) -> date:
    value = told.get("calendarDate")
    day = day_of(mapping(value).get("date") if isinstance(value, dict) else value)
    if day is None:
        raise UnexpectedPayload("This names no day.")
    return day


def _days(day: date, values: Mapping[str, float | None]) -> tuple[DayValue, ...]:
    return tuple(DayValue(metric, day, value) for metric, value in values.items() if value is not None)
