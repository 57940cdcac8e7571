"""The Google Health API, version 4: exercises, sleeps, figures of the day, heart rate by the minute, the body.

Protobuf's JSON: 64-bit numbers are texts, durations are "1830s", what is nought is left out. Times are UTC with the
offset beside them; days are civil dates.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

import numpy as np

from activities.domain.parsed import DayValue, Lap, Parsed, ParsedActivity, Pause
from activities.domain.reading import DeviceFacts
from activities.domain.sleep import ParsedSleep
from integrations.base import Parse
from integrations.errors import UnexpectedPayload
from integrations.providers.fitbit.mapping import PROVIDER, STAGES, device_kind, night_id, timeline_of
from integrations.providers.fitbit.sports import sport_of
from integrations.told import (
    aware,
    duration_s,
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
    text,
    zone_of_offset,
)

_FORMS = {
    "WATCH": "watch", "FITNESS_BAND": "band", "PHONE": "phone", "RING": "ring", "SCALE": "scale", "TABLET": "phone",
}  # fmt: skip
_SPLITS = {"MANUAL": "lap", "DISTANCE": "auto_lap", "DURATION": "auto_lap", "CALORIES": "auto_lap"}
_PAUSES, _RESUMES = {"PAUSE": False, "AUTO_PAUSE": True}, {"RESUME", "AUTO_RESUME", "STOP"}

# Metric, value and what stands beside it.
_Value = tuple[str, float | None, Mapping[str, Any]]


# --- exercises --------------------------------------------------------------------------------


def parse_exercise(data: bytes, external_id: str) -> Parsed:
    """One exercise. Calories include what the body burns at rest; the highest heart rate is not told."""
    point = object_of(data)
    told = mapping(point.get("exercise"))
    start, end, offset = _interval(told)
    if start is None:
        raise UnexpectedPayload("The exercise has no start that can be read.")
    figures = mapping(told.get("metricsSummary"))
    source = mapping(point.get("dataSource"))
    device = mapping(source.get("device"))
    name = " ".join(part for part in (text(device.get("manufacturer")), text(device.get("displayName"))) if part)
    kind = text(told.get("exerciseType"))
    return Parsed(
        activities=(
            ParsedActivity(
                external_id=external_id,
                sport=sport_of(kind),
                start_time=start,
                provider=PROVIDER,
                provider_type=kind,
                name=text(told.get("displayName")),
                utc_offset_s=offset,
                elapsed_s=(end - start).total_seconds() if end is not None and end >= start else None,
                timer_s=duration_s(told.get("activeDuration")),
                distance_m=scaled(figures.get("distanceMillimeters"), 0.001),
                elevation_gain_m=scaled(figures.get("elevationGainMillimeters"), 0.001),
                energy_kcal=number(figures.get("caloriesKcal")),
                avg_heart_rate_bpm=positive(figures.get("averageHeartRateBeatsPerMinute")),
                avg_cadence_rpm=positive(mapping(figures.get("mobilityMetrics")).get("avgCadenceStepsPerMinute")),
                avg_speed_mps=scaled(figures.get("averageSpeedMillimetersPerSecond"), 0.001, only_positive=True),
                device=name,
                device_kind=_FORMS.get(text(device.get("formFactor"))) or device_kind(name),
                source_name=text(source.get("platform")),
                laps=tuple(_laps(told)),
                pauses=tuple(_pauses(told)),
                extra=rest(told, _PLACED) | rest(figures, _FIGURES_PLACED),
            ),
        )
    )


_PLACED = {
    "interval", "exerciseType", "displayName", "activeDuration", "metricsSummary", "splitSummaries", "splits",
    "exerciseEvents", "createTime", "updateTime",
}  # fmt: skip
_FIGURES_PLACED = {
    "caloriesKcal", "distanceMillimeters", "averageSpeedMillimetersPerSecond", "averageHeartRateBeatsPerMinute",
    "elevationGainMillimeters",
}  # fmt: skip


def _interval(told: Mapping[str, Any]) -> tuple[datetime | None, datetime | None, int | None]:
    """Start and end where they happened, and seconds east of UTC at the start."""
    interval = mapping(told.get("interval"))
    offset = duration_s(interval.get("startUtcOffset"))
    start, end = aware(interval.get("startTime")), aware(interval.get("endTime"))
    until = duration_s(interval.get("endUtcOffset"))
    return (
        start and start.astimezone(zone_of_offset(offset)),
        end and end.astimezone(zone_of_offset(until if until is not None else offset)),
        None if offset is None or start is None else offset_at(start.astimezone(zone_of_offset(offset))),
    )


def _laps(told: Mapping[str, Any]) -> Iterator[Lap]:
    for row in entries(told.get("splitSummaries")) or entries(told.get("splits")):
        start, end = aware(row.get("startTime")), aware(row.get("endTime"))
        if start is None or end is None or end < start:
            continue
        figures = mapping(row.get("metricsSummary"))
        yield Lap(
            start_time=start.astimezone(zone_of_offset(duration_s(row.get("startUtcOffset")))),
            elapsed_s=(end - start).total_seconds(),
            kind=_SPLITS.get(text(row.get("splitType")), "lap"),
            timer_s=duration_s(row.get("activeDuration")),
            distance_m=scaled(figures.get("distanceMillimeters"), 0.001),
            avg_heart_rate_bpm=positive(figures.get("averageHeartRateBeatsPerMinute")),
            energy_kcal=number(figures.get("caloriesKcal")),
        )


def _pauses(told: Mapping[str, Any]) -> Iterator[Pause]:
    begun: tuple[datetime, bool] | None = None
    for row in entries(told.get("exerciseEvents")):
        kind, moment = text(row.get("exerciseEventType")), aware(row.get("eventTime"))
        if moment is None:
            continue
        if kind in _PAUSES and begun is None:
            begun = moment.astimezone(zone_of_offset(duration_s(row.get("eventUtcOffset")))), _PAUSES[kind]
        elif kind in _RESUMES and begun is not None:
            if moment > begun[0]:
                yield Pause(begun[0], (moment - begun[0]).total_seconds(), begun[1])
            begun = None


# --- sleep ------------------------------------------------------------------------------------


def parse_sleep(data: bytes, external_id: str) -> Parsed:
    """One sleep. It is told twice, first without stages; both are the same record. Known by its start on the wall,
    as an export knows it.
    """
    told = mapping(object_of(data).get("sleep"))
    start, end, offset = _interval(told)
    if start is None or end is None or end <= start:
        raise UnexpectedPayload("The sleep tells no start and end that can be read.")
    length = (end - start).total_seconds()
    pieces, short = (list(_pieces(told.get(name), start, word)) for name, word in (("stages", ""), _SHORT))
    summary = mapping(told.get("summary"))
    minutes = {
        text(row.get("type")): number(row.get("minutes")) or 0.0 for row in entries(summary.get("stagesSummary"))
    }
    is_staged = bool(minutes.keys() & {"DEEP", "LIGHT", "REM"})

    def stage_s(name: str) -> float | None:
        return minutes.get(name, 0.0) * 60 if is_staged else None

    in_bed, asleep = scaled(summary.get("minutesInSleepPeriod"), 60), scaled(summary.get("minutesAsleep"), 60)
    return Parsed(
        sleeps=(
            ParsedSleep(
                start_time=start,
                end_time=end,
                utc_offset_s=offset or 0,
                date=end.date(),
                stages=timeline_of(pieces, short, length),
                in_bed_s=in_bed,
                asleep_s=asleep,
                awake_s=scaled(summary.get("minutesAwake"), 60) if summary else None,
                light_s=stage_s("LIGHT"),
                deep_s=stage_s("DEEP"),
                rem_s=stage_s("REM"),
                efficiency_ratio=round(asleep / in_bed, 3) if asleep is not None and in_bed else None,
                external_id=night_id(start),
            ),
        )
    )


# Awakenings too short for a stage of their own lie over the stages.
_SHORT = ("shortAwakenings", "awake")


def _pieces(told: object, start: datetime, word: str) -> Iterator[tuple[float, float, str]]:
    """(begin, end, stage) in seconds from the start."""
    for row in entries(told):
        begun, ended = aware(row.get("startTime")), aware(row.get("endTime"))
        stage = word or STAGES.get(text(row.get("type")).casefold())
        if begun is not None and ended is not None and ended > begun and stage:
            yield (begun - start).total_seconds(), (ended - start).total_seconds(), stage


# --- days -------------------------------------------------------------------------------------


def date_of(told: object) -> date | None:
    """A civil date: {"year", "month", "day"}."""
    parts = mapping(told)
    try:
        return date(int(parts["year"]), int(parts["month"]), int(parts["day"]))
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def _daily(key: str, data: bytes) -> tuple[dict[str, Any], date]:
    told = mapping(object_of(data).get(key))
    day = date_of(told.get("date"))
    if day is None:
        raise UnexpectedPayload("The figure tells no date.")
    return told, day


def parse_resting_heart_rate(data: bytes, external_id: str) -> Parsed:
    told, day = _daily("dailyRestingHeartRate", data)
    beside = rest(mapping(told.get("dailyRestingHeartRateMetadata")), ())
    return _parsed(day, ("resting_heart_rate", positive(told.get("beatsPerMinute")), beside))


def parse_hrv(data: bytes, external_id: str) -> Parsed:
    """The night's mean rMSSD, that of deep sleep beside it."""
    told, day = _daily("dailyHeartRateVariability", data)
    beside = rest(told, ("date", "averageHeartRateVariabilityMilliseconds", "nonRemHeartRateBeatsPerMinute"))
    return _parsed(
        day,
        ("hrv_rmssd", positive(told.get("averageHeartRateVariabilityMilliseconds")), beside),
        ("sleeping_heart_rate", positive(told.get("nonRemHeartRateBeatsPerMinute")), {}),
    )


def parse_oxygen(data: bytes, external_id: str) -> Parsed:
    told, day = _daily("dailyOxygenSaturation", data)
    beside = {
        name: value
        for name, key in (("min", "lowerBoundPercentage"), ("max", "upperBoundPercentage"))
        if (value := positive(told.get(key))) is not None
    }
    return _parsed(day, ("oxygen_saturation", positive(told.get("averagePercentage")), beside))


def parse_respiratory_rate(data: bytes, external_id: str) -> Parsed:
    told, day = _daily("dailyRespiratoryRate", data)
    return _parsed(day, ("respiratory_rate", positive(told.get("breathsPerMinute")), {}))


def parse_temperature(data: bytes, external_id: str) -> Parsed:
    """Skin temperature of the night, in degrees and against the athlete's usual."""
    told, day = _daily("dailySleepTemperatureDerivations", data)
    night, usual = positive(told.get("nightlyTemperatureCelsius")), positive(told.get("baselineTemperatureCelsius"))
    return _parsed(
        day,
        ("skin_temperature", night, {}),
        ("skin_temperature_deviation", None if night is None or usual is None else round(night - usual, 6), {}),
    )


def parse_vo2max(data: bytes, external_id: str) -> Parsed:
    told, day = _daily("dailyVo2Max", data)
    return _parsed(day, ("vo2max", positive(told.get("vo2Max")), rest(told, ("date", "vo2Max"))))


def _rolled(key: str, *figures: tuple[str, str, float]) -> Parse:
    """Reads one day's sum: (metric, field, what turns its unit into ours). A field that is left out is nought."""

    def parse(data: bytes, external_id: str) -> Parsed:
        point = object_of(data)
        day = date_of(mapping(point.get("civilStartTime")).get("date"))
        if day is None:
            raise UnexpectedPayload("The sum tells no day.")
        told = mapping(point.get(key))
        if key not in point:
            return Parsed()

        def value(field: str, factor: float) -> float | None:
            words = told.get(field, "0")
            seconds = duration_s(words) if isinstance(words, str) and words.endswith("s") else None
            return scaled(words if seconds is None else seconds, factor)

        return _parsed(day, *((metric, value(field, factor), {}) for metric, field, factor in figures))

    return parse


def parse_zone_minutes(data: bytes, external_id: str) -> Parsed:
    """Active zone minutes of one day: those in higher zones count double already."""
    point = object_of(data)
    day = date_of(mapping(point.get("civilStartTime")).get("date"))
    if day is None:
        raise UnexpectedPayload("The sum tells no day.")
    told = mapping(point.get("activeZoneMinutes"))
    zones = [number(value) or 0.0 for name, value in sorted(told.items()) if name.startswith("sumIn")]
    return _parsed(day, ("fitbit_active_zone_minutes", sum(zones) if zones else None, rest(told, ())))


# --- the body ---------------------------------------------------------------------------------


def _measured(key: str, metric: str, field: str, factor: float) -> Parse:
    """Reads one measurement, on the date of the wall clock."""

    def parse(data: bytes, external_id: str) -> Parsed:
        told = mapping(object_of(data).get(key))
        time = mapping(told.get("sampleTime"))
        moment = aware(time.get("physicalTime"))
        if moment is None:
            raise UnexpectedPayload("The measurement tells no time.")
        day = moment.astimezone(zone_of_offset(duration_s(time.get("utcOffset")))).date()
        return _parsed(day, (metric, scaled(told.get(field), factor, only_positive=True), {}))

    return parse


# --- heart rate -------------------------------------------------------------------------------


def parse_heart_rate(data: bytes, external_id: str) -> Parsed:
    """The heart rate of one UTC day: a list of minutes with their mean."""
    told = json_of(data)
    if not isinstance(told, list):
        raise UnexpectedPayload("A list of minutes was expected here.")
    begins, ends, beats = [], [], []
    for row in entries(told):
        begin, end = aware(row.get("startTime")), aware(row.get("endTime"))
        value = positive(mapping(row.get("heartRate")).get("beatsPerMinuteAvg"))
        if begin is not None and end is not None and value is not None:
            begins.append(epoch_ms(begin))
            ends.append(epoch_ms(end))
            beats.append(value)
    device = DeviceFacts(key="Google Health", name="Google Health", kind="watch", manufacturer="Google")
    table = sample_table(
        "heart_rate", device, np.array(begins, np.int64), np.array(ends, np.int64), np.array(beats, np.float64)
    )
    return Parsed(samples=(table,) if table is not None else ())


def utc_day(told: object) -> date | None:
    """The UTC date of a time."""
    moment = aware(told)
    return None if moment is None else moment.astimezone(UTC).date()


def _parsed(day: date, *values: _Value) -> Parsed:
    return Parsed(days=tuple(_days(day, values)))


def _days(day: date, values: Iterable[_Value]) -> Iterator[DayValue]:
    for metric, value, detail in values:
        if value is not None:
            yield DayValue(metric, day, value, detail)


# Kind of record -> who reads it.
PARSE: Mapping[str, Parse] = {
    "health_exercise": parse_exercise,
    "health_sleep": parse_sleep,
    "health_resting_heart_rate": parse_resting_heart_rate,
    "health_hrv": parse_hrv,
    "health_oxygen": parse_oxygen,
    "health_respiratory_rate": parse_respiratory_rate,
    "health_temperature": parse_temperature,
    "health_vo2max": parse_vo2max,
    "health_steps": _rolled("steps", ("steps", "countSum", 1.0)),
    "health_distance": _rolled("distance", ("distance", "millimetersSum", 0.001)),
    "health_floors": _rolled("floors", ("flights_climbed", "countSum", 1.0)),
    "health_calories": _rolled("totalCalories", ("total_energy", "kcalSum", 1.0)),
    "health_sedentary": _rolled("sedentaryPeriod", ("sedentary_time", "durationSum", 1 / 60)),
    "health_zone_minutes": parse_zone_minutes,
    "health_weight": _measured("weight", "weight", "weightGrams", 0.001),
    "health_body_fat": _measured("bodyFat", "body_fat", "percentage", 1.0),
    "health_height": _measured("height", "height", "heightMillimeters", 0.001),
    "health_heart_rate": parse_heart_rate,
}
