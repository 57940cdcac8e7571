"""Wahoo's workouts and power zones, and its files as every other. What names no device came from a bike computer.

The API tells decimals as text. `minutes` and `starts` of a workout are what was planned or typed in: the summary's own
times count.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from activities.domain.parsed import DayValue, Parsed, ParsedActivity
from integrations.base import Parse
from integrations.errors import UnexpectedPayload
from integrations.files import recorded_by
from integrations.providers.wahoo.sports import SPORTS
from integrations.told import (
    aware,
    entries,
    first,
    mapping,
    number,
    object_of,
    offset_at,
    positive,
    scaled,
    text,
    whole,
    zone_named,
)
from trainstack.sports import GENERIC, is_step_sport

PROVIDER = "wahoo"
FILES: Mapping[str, Parse] = recorded_by("computer")
# Apps of others have higher numbers: what Wahoo was told by them is not Wahoo's to tell.
LAST_OWN_APP = 1000
# Steps a minute of both feet are more than this, those of one foot fewer; Wahoo does not say which it counts.
FEWEST_STEPS = 120
# Families of workout types, of power zones.
_BIKING = 0


def parse_workout(data: bytes, external_id: str) -> Parsed:
    """The workout with its summary. One without a summary is only planned and tells nothing, nor does another app's."""
    told = object_of(data)
    summary = summary_of(told)
    if summary is None:
        return Parsed()
    start = aware(summary.get("started_at")) or aware(told.get("starts"))
    if start is None:
        raise UnexpectedPayload(f"The workout has no start that can be read: {told.get('starts')!r}.")
    kind = text(told.get("workout_type_id"))
    sport = SPORTS.get(kind, GENERIC)
    manual = summary.get("manual") is True
    return Parsed(
        (
            ParsedActivity(
                external_id=external_id,
                sport=sport,
                start_time=start,
                provider=PROVIDER,
                provider_type=kind,
                name=text(told.get("name")) or text(summary.get("name")),
                utc_offset_s=_offset_s(summary, start),
                elapsed_s=positive(summary.get("duration_total_accum")),
                timer_s=positive(summary.get("duration_active_accum")),
                distance_m=number(summary.get("distance_accum")),
                elevation_gain_m=number(summary.get("ascent_accum")),
                energy_kcal=positive(summary.get("calories_accum")),
                avg_heart_rate_bpm=positive(summary.get("heart_rate_avg")),
                avg_power_w=first(positive(summary.get("power_avg")), positive(summary.get("power_bike_avg"))),
                avg_cadence_rpm=_cadence(summary, sport),
                avg_speed_mps=positive(summary.get("speed_avg")),
                device="" if manual else "Wahoo",
                device_kind="app" if manual else "unknown",
                extra=_told_beside(summary),
            ),
        )
    )


def parse_power_zones(data: bytes, external_id: str) -> Parsed:
    """The functional threshold power on the bike, on the day on which it was set."""
    told = object_of(data)
    changed, watts = aware(told.get("updated_at")), positive(told.get("ftp"))
    if changed is None:
        raise UnexpectedPayload("The power zones do not tell when they were set.")
    if watts is None or (whole(told.get("workout_type_family_id")) or 0) != _BIKING:
        return Parsed()
    zones = {name: value for place in range(1, 8) if (value := number(told.get(name := f"zone_{place}"))) is not None}
    return Parsed(days=(DayValue("cycling_ftp", changed.date(), watts, zones),))


def summary_of(told: Mapping[str, Any]) -> dict[str, Any] | None:
    """The summary of a workout that was done and that Wahoo's own apps recorded."""
    summary = mapping(told.get("workout_summary"))
    apps = (whole(one.get("fitness_app_id")) or 0 for one in (told, summary))
    return summary if summary and all(app <= LAST_OWN_APP for app in apps) else None


def file_url(told: Mapping[str, Any]) -> str:
    """Where the workout's FIT file is; "" while there is none."""
    summary = summary_of(told) or {}
    files = [mapping(summary.get("file")), *entries(summary.get("files"))]
    return next((url for one in files if (url := text(one.get("url")))), "")


def _offset_s(summary: Mapping[str, Any], start: datetime) -> int | None:
    zone = zone_named(text(summary.get("time_zone")))
    return offset_at(start.astimezone(zone)) if zone else None


def _cadence(summary: Mapping[str, Any], sport: str) -> float | None:
    value = positive(summary.get("cadence_avg"))
    if value is not None and is_step_sport(sport) and value < FEWEST_STEPS:
        return round(value * 2, 9)
    return value


def _told_beside(summary: Mapping[str, Any]) -> dict[str, Any]:
    beside: dict[str, Any] = {
        "time_zone": text(summary.get("time_zone")),
        "normalised_power": positive(summary.get("power_bike_np_last")),
        "training_stress_score": positive(summary.get("power_bike_tss_last")),
        "work_kj": scaled(summary.get("work_accum"), 0.001, only_positive=True),
        "manual": True if summary.get("manual") is True else None,
        "edited": True if summary.get("edited") is True else None,
    }
    return {name: value for name, value in beside.items() if value not in (None, "")}
