"""Suunto's workouts, nights, recovery and days, and its files as every other. What names no device came from a watch.

Units change from channel to channel: beats a minute or Hz, joules or kilocalories, shares of one or per cent. Times of
workouts are milliseconds since 1970, those of everything else ISO texts with their offset.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import numpy as np

from activities.domain.parsed import DayValue, Parsed, ParsedActivity
from activities.domain.reading import DeviceFacts, SampleTable
from activities.domain.sleep import ParsedSleep
from activities.formats.devices import device_kind
from integrations.base import Parse
from integrations.errors import UnexpectedPayload
from integrations.files import recorded_by
from integrations.providers.suunto.sports import SPORTS
from integrations.told import (
    aware,
    day_of,
    entries,
    epoch_ms,
    first,
    list_of,
    mapping,
    moment_ms,
    number,
    object_of,
    offset_at,
    positions,
    positive,
    sample_table,
    scaled,
    streams_of,
    text,
    whole,
)
from trainstack.sports import GENERIC, is_step_sport

PROVIDER = "suunto"
FILES: Mapping[str, Parse] = recorded_by("watch")
DEVICE = DeviceFacts(key=PROVIDER, name="Suunto", kind="watch", manufacturer="Suunto")
# Slower than any heart in beats a minute, faster than any in Hz.
SLOWEST_BPM = 15
# Below it a cadence is Hz, above it and below the next one foot's steps.
SLOWEST_CADENCE, FEWEST_STEPS = 5, 120
# Nobody runs faster, and nothing else moves so fast: GPS leaps.
FASTEST_ON_FOOT_MPS, FASTEST_MPS = 13.0, 70.0
KCAL_A_JOULE = 1 / 4184
_WHOLE_DAYS: Mapping[str, tuple[str, float]] = {
    "stepcount": ("steps", 1.0),
    "energyconsumption": ("total_energy", KCAL_A_JOULE),
}


# --- workouts -------------------------------------------------------------------------------


def parse_workout(data: bytes, external_id: str) -> Parsed:
    """The workout's summary; laps and streams are in its FIT file."""
    told = object_of(data)
    start = moment_ms(positive(told.get("startTime")))
    if start is None:
        raise UnexpectedPayload(f"The workout has no start that can be read: {told.get('startTime')!r}.")
    kind = text(told.get("activityId"))
    sport = SPORTS.get(kind, GENERIC)
    stop, total = moment_ms(positive(told.get("stopTime"))), positive(told.get("totalTime"))
    elapsed = (stop - start).total_seconds() if stop is not None and stop > start else None
    minutes = number(told.get("timeOffsetInMinutes"))
    offset_s = None if minutes is None or abs(minutes) >= 1440 else round(minutes * 60)
    beats = mapping(told.get("hrdata"))
    gear = mapping(told.get("gear"))
    manual = told.get("isManuallyAdded") is True
    device = "" if manual else _device(gear)
    return Parsed(
        (
            ParsedActivity(
                external_id=external_id,
                sport=sport,
                start_time=start,
                provider=PROVIDER,
                provider_type=kind,
                name=text(told.get("name")),
                utc_offset_s=offset_s,
                elapsed_s=first(elapsed, total),
                timer_s=total,
                distance_m=number(told.get("totalDistance")),
                elevation_gain_m=number(told.get("totalAscent")),
                elevation_loss_m=number(told.get("totalDescent")),
                energy_kcal=positive(told.get("energyConsumption")),
                # What is called `max` and `userMaxHR` is the athlete's, not this workout's.
                avg_heart_rate_bpm=_bpm(first(positive(beats.get("workoutAvgHR")), positive(beats.get("avg")))),
                max_heart_rate_bpm=_bpm(first(positive(beats.get("workoutMaxHR")), positive(beats.get("hrmax")))),
                avg_power_w=positive(told.get("avgPower")),
                max_power_w=positive(told.get("maxPower")),
                avg_cadence_rpm=_cadence(mapping(told.get("cadence")).get("avg"), sport),
                max_cadence_rpm=_cadence(mapping(told.get("cadence")).get("max"), sport),
                avg_speed_mps=positive(told.get("avgSpeed")),
                max_speed_mps=_max_speed(told.get("maxSpeed"), sport),
                device=device,
                device_kind="app" if manual else device_kind(device) if device else "unknown",
                extra=_told_beside(told),
            ),
        )
    )


def _bpm(value: float | None) -> float | None:
    """Beats a minute; what is told in Hz is far below any."""
    return value if value is None or value >= SLOWEST_BPM else round(value * 60, 3)


def _cadence(told: object, sport: str) -> float | None:
    """Turns a minute, or steps of both feet; Suunto does not say which of three units it is in."""
    value = positive(told)
    if value is None:
        return None
    if value < SLOWEST_CADENCE:
        value = round(value * 60, 3)
    return round(value * 2, 3) if is_step_sport(sport) and value < FEWEST_STEPS else value


def _max_speed(told: object, sport: str) -> float | None:
    value = positive(told)
    fastest = FASTEST_ON_FOOT_MPS if is_step_sport(sport) else FASTEST_MPS
    return value if value is not None and value <= fastest else None


def _device(gear: Mapping[str, Any]) -> str:
    maker, name = text(gear.get("manufacturer")), text(gear.get("name"))
    return text(gear.get("displayName")) or (f"{maker} {name}".strip() if name else "")


def _told_beside(told: Mapping[str, Any]) -> dict[str, Any]:
    load = mapping(told.get("tss"))
    beside: dict[str, Any] = {
        "description": text(told.get("description")) or text(told.get("notes")),
        "normalised_power": positive(load.get("normalizedPower")),
        "training_stress_score": positive(load.get("trainingStressScore")),
        "training_stress_by": text(load.get("calculationMethod")),
        "recovery_time_s": positive(told.get("recoveryTime")),
        "steps": whole(positive(told.get("stepCount"))),
        "floors": whole(positive(told.get("estimatedFloorsClimbed"))),
        "elevation_low": number(told.get("minAltitude")),
        "elevation_high": number(told.get("maxAltitude")),
        "manual": True if told.get("isManuallyAdded") is True else None,
        "edited": True if told.get("isEdited") is True else None,
    }
    return {name: value for name, value in beside.items() if value not in (None, "")}


# --- recordings of a watch ------------------------------------------------------------------

# Names of the watch's sports, in lower case -> activity ids of the app; the watch's own numbers are others.
_NAMES: Mapping[str, str] = {
    "walking": "0", "running": "1", "cycling": "2", "cross-country skiing": "3", "mountain biking": "10",
    "hiking": "11", "alpine skiing": "13", "rowing": "15", "indoor training": "17", "swimming": "21",
    "pool swimming": "21", "trail running": "22", "gym": "23", "nordic walking": "24", "climbing": "29",
    "snowboarding": "30", "ski touring": "31", "yoga": "51", "indoor cycling": "52", "treadmill": "53",
    "crossfit": "54", "indoor rowing": "57", "orienteering": "60", "stand up paddling": "61", "snow shoeing": "65",
    "multisport": "68", "trekking": "70", "sailing": "71", "kayaking": "72", "circuit training": "73",
    "triathlon": "74", "scuba diving": "78", "freediving": "79", "mountaineering": "83", "openwater swimming": "85",
}  # fmt: skip
# A sample's key -> our stream, and what turns its unit into ours: Hz, kelvin, metres.
_SAMPLES: Mapping[str, tuple[str, float, float]] = {
    "HR": ("heart_rate", 60.0, 0.0),
    "Cadence": ("cadence", 60.0, 0.0),
    "Power": ("power", 1.0, 0.0),
    "Speed": ("speed", 1.0, 0.0),
    "Distance": ("distance", 1.0, 0.0),
    "Altitude": ("altitude", 1.0, 0.0),
    "Temperature": ("temperature", 1.0, -273.15),
}


def parse_device_log(data: bytes, external_id: str) -> Parsed:
    """A recording as the watch itself writes it down: in SI units throughout, angles in radians."""
    log = mapping(object_of(data).get("DeviceLog"))
    head = mapping(log.get("Header"))
    start = aware(head.get("DateTime"))
    if start is None:
        raise UnexpectedPayload("The recording has no start that can be read.")
    kind = text(head.get("Activity"))
    sport = SPORTS.get(_NAMES.get(kind.casefold(), ""), GENERIC)
    feet = 2 if is_step_sport(sport) else 1
    timer = positive(head.get("Duration"))
    name = text(mapping(head.get("Device")).get("Name")) or text(mapping(log.get("Device")).get("Name"))
    samples = entries(log.get("Samples"))
    times = [(moment - start).total_seconds() if (moment := aware(row.get("TimeISO8601"))) else None for row in samples]
    columns = {
        stream: [
            (time, None if (value := number(row.get(key))) is None else round(value * factor * scale + shift, 6))
            for time, row in zip(times, samples, strict=True)
        ]
        for key, (stream, scale, shift) in _SAMPLES.items()
        for factor in (feet if stream == "cadence" else 1,)
    }
    track = positions(
        (time, _degrees(row.get("Latitude")), _degrees(row.get("Longitude")))
        for time, row in zip(times, samples, strict=True)
    )
    beats, turns = (mapping(head.get(key)) for key in ("HR", "Cadence"))
    return Parsed(
        (
            ParsedActivity(
                external_id=external_id,
                sport=sport,
                start_time=start,
                provider=PROVIDER,
                provider_type=kind,
                utc_offset_s=offset_at(start),
                elapsed_s=_sum(timer, positive(head.get("PauseDuration"))),
                timer_s=timer,
                distance_m=number(head.get("Distance")),
                elevation_gain_m=number(head.get("Ascent")),
                elevation_loss_m=number(head.get("Descent")),
                energy_kcal=scaled(head.get("Energy"), KCAL_A_JOULE, only_positive=True),
                avg_heart_rate_bpm=scaled(beats.get("Avg"), 60, only_positive=True),
                max_heart_rate_bpm=scaled(beats.get("Max"), 60, only_positive=True),
                avg_cadence_rpm=scaled(turns.get("Avg"), 60 * feet, only_positive=True),
                max_cadence_rpm=scaled(turns.get("Max"), 60 * feet, only_positive=True),
                device=f"Suunto {name}" if name else "",
                device_kind="watch",
                streams={**track, **streams_of(columns)},
            ),
        )
    )


def _degrees(told: object) -> float | None:
    value = number(told)
    return None if value is None else round(math.degrees(value), 7)


# --- nights ---------------------------------------------------------------------------------


def parse_sleep(data: bytes, external_id: str) -> Parsed:
    """One sleep: how long of each stage, not when. Its figures of the heart belong to the night, not to a nap."""
    told = mapping(object_of(data).get("entryData"))
    start, end = aware(told.get("BedtimeStart")), aware(told.get("BedtimeEnd"))
    if start is None or end is None or end <= start:
        raise UnexpectedPayload("The sleep tells no start and end that can be read.")
    deep, light, rem = (number(told.get(f"{stage}SleepDuration")) for stage in ("Deep", "Light", "REM"))
    asleep = first(positive(told.get("Duration")), _sum(deep, light, rem))
    in_bed = (end - start).total_seconds()
    quality = positive(told.get("SleepQualityScore"))
    sleep = ParsedSleep(
        start_time=start,
        end_time=end,
        utc_offset_s=offset_at(end),
        date=end.date(),
        stages=(),
        in_bed_s=in_bed,
        asleep_s=asleep,
        awake_s=_sum(
            number(told.get("SleepOnsetLatencyDuration")),
            number(told.get("WakeAfterSleepOnsetDuration")),
            number(told.get("WakeBeforeOffBedDuration")),
        ),
        light_s=light,
        deep_s=deep,
        rem_s=rem,
        efficiency_ratio=round(asleep / in_bed, 6) if asleep is not None and asleep <= in_bed else None,
        external_id=external_id,
        score=quality,
    )
    if told.get("IsNap") is True:
        return Parsed(sleeps=(sleep,))
    lowest = _bpm(positive(told.get("HRMin")))
    values: tuple[tuple[str, float | None, Mapping[str, Any]], ...] = (
        ("sleeping_heart_rate", _bpm(positive(told.get("HRAvg"))), {"min": lowest} if lowest else {}),
        ("hrv_rmssd", positive(told.get("AvgHRV")), {}),
        ("suunto_oxygen_asleep", _percent(told.get("MaxSpo2")), {}),
        ("suunto_sleep_quality", quality, {}),
    )
    return Parsed(sleeps=(sleep,), days=_days(sleep.date, values))


def _sum(*values: float | None) -> float | None:
    told = [value for value in values if value is not None]
    return sum(told) if told else None


def _percent(told: object) -> float | None:
    """Per cent of a share of one; what is above one is per cent already."""
    value = positive(told)
    return value if value is None or value > 1 else round(value * 100, 6)


def _days(day: date, values: Iterable[tuple[str, float | None, Mapping[str, Any]]]) -> tuple[DayValue, ...]:
    return tuple(DayValue(metric, day, value, detail) for metric, value, detail in values if value is not None)


# --- recovery and days ----------------------------------------------------------------------


def parse_recovery(data: bytes, external_id: str) -> Parsed:
    """A week of resources: the share of one becomes per cent. State 0 means that nothing could be said."""
    rows = [(row.get("timestamp"), mapping(row.get("entryData"))) for row in entries(list_of(data))]
    balance = [(at, _percent(told.get("Balance"))) for at, told in rows if whole(told.get("StressState")) != 0]
    return Parsed(samples=_tables({"suunto_resources": balance}))


def parse_activity(data: bytes, external_id: str) -> Parsed:
    """A week of the watch's samples by day and night: pulse, steps, energy, oxygen and heart rate variability."""
    rows = [(row.get("timestamp"), mapping(row.get("entryData"))) for row in entries(list_of(data))]
    columns = {
        "heart_rate": [(at, _bpm(positive(told.get("HR")))) for at, told in rows],
        "steps": [(at, number(told.get("StepCount"))) for at, told in rows],
        "total_energy": [(at, scaled(told.get("EnergyConsumption"), KCAL_A_JOULE)) for at, told in rows],
        "oxygen_saturation": [(at, _percent(told.get("SpO2"))) for at, told in rows],
        "hrv_rmssd": [(at, positive(told.get("HRV"))) for at, told in rows],
    }
    return Parsed(samples=_tables(columns))


def _tables(columns: Mapping[str, list[tuple[object, float | None]]]) -> tuple[SampleTable, ...]:
    """A table for each metric of which anything is told. A sample tells a moment and no length."""
    tables = []
    for metric, points in columns.items():
        told = {epoch_ms(moment): value for at, value in points if (moment := aware(at)) and value is not None}
        times = np.array(sorted(told), np.int64)
        values = np.array([told[time] for time in sorted(told)], np.float64)
        if (table := sample_table(metric, DEVICE, times, times, values)) is not None:
            tables.append(table)
    return tuple(tables)


def parse_statistics(data: bytes, external_id: str) -> Parsed:
    """Steps and energy of whole days. Two watches tell of one day, so the greater figure counts, not their sum."""
    days: dict[tuple[str, date], float] = {}
    for row in entries(list_of(data)):
        known = _WHOLE_DAYS.get(text(row.get("Name")).casefold())
        for source in entries(row.get("Sources")) if known else ():
            metric, factor = known or ("", 1.0)
            for sample in entries(source.get("Samples")):
                day, value = day_of(sample.get("TimeISO8601")), scaled(sample.get("Value"), factor)
                if day is not None and value is not None:
                    days[metric, day] = max(value, days.get((metric, day), value))
    return Parsed(days=tuple(DayValue(metric, day, days[metric, day]) for metric, day in sorted(days)))
