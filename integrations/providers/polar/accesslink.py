"""Polar's AccessLink API: exercises with their series, nights, recharges, days, heart rate, cardio load, the body.

Exercises tell local wall time and minutes east of UTC, nights an offset in their times, continuous heart rate a clock
alone. Keys are written with hyphens here and underscores there, so both are read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np

from activities.domain.parsed import DayValue, Parsed, ParsedActivity, Stream
from activities.domain.reading import DeviceFacts
from activities.domain.sleep import ParsedSleep
from integrations.errors import UnexpectedPayload
from integrations.providers.polar.mapping import PROVIDER
from integrations.providers.polar.sports import sport_of
from integrations.told import (
    aware,
    day_of,
    duration_s,
    entries,
    epoch_ms,
    local,
    mapping,
    number,
    object_of,
    offset_at,
    positions,
    positive,
    rest,
    sample_table,
    scaled,
    streams_of,
    text,
    zone_of_offset,
)

_DAY_S = 86_400
# Codes of the hypnogram -> our stages.
STAGES: dict[str, str] = {"0": "awake", "1": "rem", "2": "light", "3": "light", "4": "deep", "5": "asleep"}
# Types of sample series -> our streams, and what turns their unit into ours. Pedalling index, air pressure and
# intervals between beats have no stream: they stay in the record.
_SERIES: Mapping[str, tuple[str, float]] = {
    "0": ("heart_rate", 1.0),
    "1": ("speed", 1 / 3.6),
    "2": ("cadence", 1.0),
    "3": ("altitude", 1.0),
    "4": ("power", 1.0),
    "6": ("left_right_balance", 1.0),
    "8": ("cadence", 1.0),
    "9": ("temperature", 1.0),
    "10": ("distance", 1.0),
}
# Nought means that the sensor was not worn.
_POSITIVE = frozenset({"heart_rate"})
_ZONES = {
    "SEDENTARY": "sedentary_time",
    "LIGHT": "light_activity_time",
    "MODERATE": "moderate_activity_time",
    "VIGOROUS": "vigorous_activity_time",
}

# Metric, value and what stands beside it.
_Value = tuple[str, float | None, Mapping[str, Any]]


def _get(told: Mapping[str, Any], name: str) -> Any:
    """What stands under the name, written with underscores or with hyphens."""
    return told.get(name, told.get(name.replace("_", "-")))


# --- exercises --------------------------------------------------------------------------------


def parse_exercise(data: bytes, external_id: str) -> Parsed:
    """One exercise: from a list its figures, by itself also its series and its route."""
    told = object_of(data)
    minutes = number(_get(told, "start_time_utc_offset"))
    zone = zone_of_offset(None if minutes is None else minutes * 60)
    start = aware(_get(told, "start_time"), zone)
    if start is None:
        raise UnexpectedPayload(f"The exercise has no start that can be read: {_get(told, 'start_time')!r}.")
    beats = mapping(_get(told, "heart_rate"))
    detailed, coarse = text(_get(told, "detailed_sport_info")), text(told.get("sport"))
    device = text(told.get("device"))
    return Parsed(
        activities=(
            ParsedActivity(
                external_id=external_id,
                sport=sport_of(detailed or coarse),
                start_time=start,
                provider=PROVIDER,
                provider_type=detailed or coarse,
                utc_offset_s=None if minutes is None else offset_at(start),
                elapsed_s=duration_s(told.get("duration")),
                distance_m=number(told.get("distance")),
                energy_kcal=number(told.get("calories")),
                avg_heart_rate_bpm=positive(beats.get("average")),
                max_heart_rate_bpm=positive(beats.get("maximum")),
                device=device,
                device_kind="app" if "beat" in device.casefold() else "watch" if device else "unknown",
                source_name="Polar Flow",
                streams=_streams(told),
                extra=rest(told, _PLACED),
            ),
        )
    )


_PLACED = {
    name
    for one in (
        "id", "upload_time", "polar_user", "start_time", "start_time_utc_offset", "duration", "distance", "calories",
        "heart_rate", "sport", "detailed_sport_info", "device", "samples", "route", "has_route",
    )
    for name in (one, one.replace("_", "-"))
}  # fmt: skip


def _streams(told: Mapping[str, Any]) -> dict[str, Stream]:
    columns: dict[str, Iterable[tuple[float | None, float | None]]] = {}
    for series in entries(told.get("samples")):
        known = _SERIES.get(text(_get(series, "sample_type")))
        rate = positive(_get(series, "recording_rate"))
        if known and rate and known[0] not in columns:
            columns[known[0]] = list(_points(text(series.get("data")), rate, *known))
    track = positions(
        (duration_s(point.get("time")), number(point.get("latitude")), number(point.get("longitude")))
        for point in entries(told.get("route"))
    )
    return {**track, **streams_of(columns)}


def _points(data: str, rate: float, name: str, factor: float) -> Iterator[tuple[float, float | None]]:
    """Seconds from the start and value of each place of a comma list; `null` is a gap and keeps its place."""
    for place, words in enumerate(data.split(",")):
        value = scaled(words, factor)
        yield place * rate, None if name in _POSITIVE and not value else value


# --- nights -----------------------------------------------------------------------------------


def parse_night(data: bytes, external_id: str) -> Parsed:
    """One night, with its score and charge as figures of the day of waking up."""
    told = object_of(data)
    start, end = aware(_get(told, "sleep_start_time")), aware(_get(told, "sleep_end_time"))
    if start is None or end is None or end <= start:
        raise UnexpectedPayload("The night tells no start and end that can be read.")
    light, deep, rem, unknown = (
        number(_get(told, name)) for name in ("light_sleep", "deep_sleep", "rem_sleep", "unrecognized_sleep_stage")
    )
    asleep = [value for value in (light, deep, rem, unknown) if value is not None]
    length = (end - start).total_seconds()
    day = day_of(told.get("date")) or end.date()
    score = positive(_get(told, "sleep_score"))
    sleep = ParsedSleep(
        start_time=start,
        end_time=end,
        utc_offset_s=offset_at(start),
        date=day,
        stages=tuple(_stages(_get(told, "hypnogram"), start, length)),
        in_bed_s=length,
        asleep_s=sum(asleep) if asleep else None,
        awake_s=number(_get(told, "total_interruption_duration")),
        light_s=light,
        deep_s=deep,
        rem_s=rem,
        external_id=external_id,
        score=score,
    )
    groups = {
        name: value
        for name in ("group_duration_score", "group_solidity_score", "group_regeneration_score")
        if (value := number(_get(told, name))) is not None
    }
    values: tuple[_Value, ...] = (
        ("polar_sleep_score", score, groups),
        ("polar_sleep_charge", positive(_get(told, "sleep_charge")), {}),
        ("polar_sleep_continuity", positive(told.get("continuity")), {}),
    )
    return Parsed(sleeps=(sleep,), days=_days(day, values))


def _stages(told: object, start: datetime, length: float) -> Iterator[tuple[float, float, str]]:
    """(begin, length, stage) of {"23:15": code}: a local clock that passes midnight; each lasts until the next."""
    begun = start.hour * 3600 + start.minute * 60 + start.second
    changes: dict[float, str] = {}
    for clock, code in mapping(told).items():
        at, stage = _clock_s(clock), STAGES.get(text(code))
        if at is None or stage is None:
            continue
        since = (at - begun) % _DAY_S
        # The clock has no seconds: the first minute may lie before the start.
        since = 0 if since > _DAY_S - 60 else since
        if since < length:
            changes[since] = stage
    ordered = sorted(changes.items())
    for (begin, stage), (end, _) in zip(ordered, [*ordered, (length, "")][1:], strict=True):
        yield float(begin), float(end - begin), stage


def _clock_s(told: object) -> int | None:
    """Seconds since midnight of "23:15" or "23:15:30"."""
    parts = text(told).split(":")
    if not 2 <= len(parts) <= 3 or not all(part.isdigit() and len(part) <= 2 for part in parts):
        return None
    hours, minutes, seconds = map(int, (*parts, "0")[:3])
    return hours * 3600 + minutes * 60 + seconds if hours < 24 and minutes < 60 and seconds < 60 else None


def parse_nightly_recharge(data: bytes, external_id: str) -> Parsed:
    """The Nightly Recharge of one night: over the first four hours of sleep. HRV is rMSSD."""
    told, day = _dated(data)
    status = positive(_get(told, "ans_charge_status"))
    return _parsed(
        day,
        ("hrv_rmssd", positive(_get(told, "heart_rate_variability_avg")), {}),
        ("sleeping_heart_rate", positive(_get(told, "heart_rate_avg")), {}),
        ("respiratory_rate", positive(_get(told, "breathing_rate_avg")), {}),
        ("polar_nightly_recharge", positive(_get(told, "nightly_recharge_status")), {}),
        ("polar_ans_charge", number(_get(told, "ans_charge")), {"ans_charge_status": status} if status else {}),
    )


# --- days -------------------------------------------------------------------------------------


def parse_daily_activity(data: bytes, external_id: str) -> Parsed:
    """One day. Its times are those of the wall, whatever they are said to be: their date counts."""
    told = object_of(data)
    day = day_of(_get(told, "start_time")) or day_of(external_id)
    if day is None:
        raise UnexpectedPayload(f"The day tells no date: {_get(told, 'start_time')!r}.")
    active = duration_s(_get(told, "active_duration"))
    zones = _zone_minutes(told)
    return _parsed(
        day,
        ("steps", number(told.get("steps")), {}),
        ("distance_walking_running", number(_get(told, "distance_from_steps")), {}),
        ("total_energy", number(told.get("calories")), {}),
        ("active_energy", number(_get(told, "active_calories")), {}),
        ("active_time", None if active is None else round(active / 60, 6), {}),
        ("polar_daily_activity", number(_get(told, "daily_activity")), {}),
        *((metric, zones[metric], {}) for metric in _ZONES.values() if metric in zones),
    )


def _zone_minutes(told: Mapping[str, Any]) -> dict[str, float]:
    """Minutes in each zone: a zone lasts until the next one is told, the last until the end of the day."""
    samples = mapping(_get(mapping(told.get("samples")), "activity_zones")).get("samples")
    end = _wall(_get(told, "end_time"))
    points = sorted(
        (moment, text(row.get("zone")).upper())
        for row in entries(samples)
        if (moment := _wall(row.get("timestamp"))) is not None
    )
    minutes: dict[str, float] = defaultdict(float)
    for (begin, zone), (until, _) in zip(points, [*points, (end, "")][1:], strict=True):
        metric = _ZONES.get(zone)
        if metric and until is not None and until > begin:
            minutes[metric] += (until - begin).total_seconds() / 60
    return {metric: round(value, 6) for metric, value in minutes.items()}


def _wall(told: object) -> datetime | None:
    """A time of the wall, whatever zone stands behind it."""
    moment = local(told)
    return None if moment is None else moment.replace(tzinfo=None)


def parse_cardio_load(data: bytes, external_id: str) -> Parsed:
    """One day's load, and the strain and tolerance it leads to; below nought is "not known"."""
    told, day = _dated(data)
    status = text(_get(told, "cardio_load_status"))

    def value(name: str) -> float | None:
        told_value = number(_get(told, name))
        return told_value if told_value is not None and told_value >= 0 else None

    return _parsed(
        day,
        ("polar_cardio_load", value("cardio_load"), {"cardio_load_status": status} if status else {}),
        ("polar_strain", value("strain"), {}),
        ("polar_tolerance", value("tolerance"), {}),
        ("polar_cardio_load_ratio", value("cardio_load_ratio"), {}),
    )


def parse_physical_info(data: bytes, external_id: str) -> Parsed:
    """The body as it stands since it was last changed. A weight that nobody entered is none."""
    told = object_of(data)
    changed = day_of(told.get("modified")) or day_of(told.get("created"))
    day = changed or day_of(external_id)
    if day is None:
        raise UnexpectedPayload("The physical information tells no date.")
    is_default = text(_get(told, "weight_source")) == "SOURCE_DEFAULT"
    return _parsed(
        day,
        ("weight", None if is_default else positive(told.get("weight")), {}),
        ("height", scaled(told.get("height"), 0.01, only_positive=True), {}),
        ("max_heart_rate", positive(_get(told, "maximum_heart_rate")), {}),
        ("resting_heart_rate", positive(_get(told, "resting_heart_rate")), {}),
        ("aerobic_threshold_heart_rate", positive(_get(told, "aerobic_threshold")), {}),
        ("anaerobic_threshold_heart_rate", positive(_get(told, "anaerobic_threshold")), {}),
        ("vo2max", positive(_get(told, "vo2_max")), {}),
    )


def parse_skin_temperature(data: bytes, external_id: str) -> Parsed:
    """Skin temperature of one night, in degrees and against the athlete's usual."""
    told = object_of(data)
    day = day_of(_get(told, "sleep_date"))
    if day is None:
        raise UnexpectedPayload("The skin temperature tells no night.")
    return _parsed(
        day,
        ("skin_temperature", positive(_get(told, "sleep_time_skin_temperature_celsius")), {}),
        ("skin_temperature_deviation", number(_get(told, "deviation_from_baseline_celsius")), {}),
    )


def parse_spo2(data: bytes, external_id: str) -> Parsed:
    """One test of the blood's oxygen; one that did not succeed tells nothing."""
    told = object_of(data)
    seconds, minutes = number(_get(told, "test_time")), number(_get(told, "time_zone_offset"))
    if seconds is None or not 0 < seconds < 2**33:
        raise UnexpectedPayload("The test tells no time.")
    if text(_get(told, "test_status")) not in ("", "SPO2_TEST_PASSED"):
        return Parsed()
    zone = zone_of_offset(None if minutes is None else minutes * 60)
    moment = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).astimezone(zone)
    return _parsed(moment.date(), ("oxygen_saturation", positive(_get(told, "blood_oxygen_percent")), {}))


def _dated(data: bytes) -> tuple[dict[str, Any], date]:
    told = object_of(data)
    day = day_of(told.get("date"))
    if day is None:
        raise UnexpectedPayload(f"It tells no date: {told.get('date')!r}.")
    return told, day


def _parsed(day: date, *values: _Value) -> Parsed:
    return Parsed(days=_days(day, values))


def _days(day: date, values: Iterable[_Value]) -> tuple[DayValue, ...]:
    return tuple(DayValue(metric, day, value, detail) for metric, value, detail in values if value is not None)


# --- heart rate -------------------------------------------------------------------------------


def parse_continuous_heart_rate(data: bytes, external_id: str) -> Parsed:
    """{"day": as served, "offset_minutes"}: a day's heart rate by the clock, placed by the offset beside it."""
    told = object_of(data)
    served, minutes = mapping(told.get("day")), number(told.get("offset_minutes"))
    day = day_of(served.get("date"))
    if day is None or minutes is None:
        raise UnexpectedPayload("The heart rate tells no date, or nothing tells where it was measured.")
    midnight = epoch_ms(datetime(day.year, day.month, day.day, tzinfo=zone_of_offset(minutes * 60)))
    moments, beats = [], []
    for row in entries(_get(served, "heart_rate_samples")):
        at, value = _clock_s(_get(row, "sample_time")), positive(_get(row, "heart_rate"))
        if at is not None and value is not None:
            moments.append(midnight + at * 1000)
            beats.append(value)
    device = DeviceFacts(key="Polar", name="Polar", kind="watch", manufacturer="Polar")
    times = np.array(moments, np.int64)
    table = sample_table("heart_rate", device, times, times, np.array(beats, np.float64))
    return Parsed(samples=(table,) if table is not None else ())
