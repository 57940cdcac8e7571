"""Fitbit's and Google Health's account exports: exercises, sleeps, and figures by the day.

Two generations lie in one archive. The old JSON tells UTC without saying so (exercises, heart rate, steps, distance),
but local time for sleeps and calories; Google's CSV tell UTC and the offset. The reader puts beside an old exercise or
sleep what the CSV and the profile know of the same one: `{"exercise" or "sleep", "google", "score", "time_zone"}`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from itertools import pairwise
from typing import Any

from activities.domain.parsed import DayValue, Parsed, ParsedActivity, Problem
from activities.domain.sleep import ParsedSleep
from integrations.errors import UnexpectedPayload
from integrations.providers.fitbit.sports import sport_of
from integrations.told import (
    aware,
    day_of,
    entries,
    epoch_ms,
    first,
    list_of,
    local,
    mapping,
    number,
    object_of,
    offset_at,
    offset_s,
    positive,
    rest,
    rows_of,
    scaled,
    text,
    zone_named,
    zone_of_offset,
)

PROVIDER = "fitbit"

# Words of both generations -> our stages. Fitbit counts restless minutes as awake ones.
STAGES: dict[str, str] = {
    "deep": "deep",
    "light": "light",
    "rem": "rem",
    "wake": "awake",
    "awake": "awake",
    "asleep": "asleep",
    "restless": "awake",
}

_UNITS_M = {"kilometer": 1000.0, "mile": 1609.344, "meter": 1.0, "yard": 0.9144}
_UNITS_MPS = {"kilometer": 1 / 3.6, "mile": 0.44704}
LONGEST_SLEEP_S = 7 * 86_400
_POUND_KG = 0.45359237
_WATCHES = ("sense", "versa", "ionic", "blaze", "surge", "pixel watch")
_BANDS = ("charge", "inspire", "alta", "flex", "luxe", "ace", "force", "fitbit air", "fitbit one", "fitbit zip")
_PHONES = ("mobiletrack", "google health app", "mobile run", "phone")


def device_kind(name: str) -> str:
    """What a device of that name is: watch, band, phone, scale, app or unknown."""
    words = name.casefold()
    for kind, names in (("watch", _WATCHES), ("phone", _PHONES), ("scale", ("aria",)), ("app", ("health connect",))):
        if any(each in words for each in names):
            return kind
    return "band" if any(each in words for each in _BANDS) else "unknown"


# --- exercises ------------------------------------------------------------------------------

_PLACED = {
    "logId", "activityName", "activityTypeId", "startTime", "duration", "activeDuration", "distance", "distanceUnit",
    "elevationGain", "calories", "averageHeartRate", "speed", "source", "tcxLink", "heartRateLink", "caloriesLink",
    "detailsLink", "hasGps", "lastModified",
}  # fmt: skip


def parse_exercise(data: bytes, external_id: str) -> Parsed:
    """One exercise of `exercise-0.json`, in UTC, with Google's row about it where there is one."""
    told = object_of(data)
    exercise, google = mapping(told.get("exercise")), mapping(told.get("google"))
    start = _fitbit_utc(exercise.get("startTime"))
    if start is None:
        raise UnexpectedPayload(f"The exercise has no start that can be read: {exercise.get('startTime')!r}.")
    offset = _offset(google, told, start)
    unit = text(exercise.get("distanceUnit")).casefold()
    source = mapping(exercise.get("source"))
    device = text(source.get("name"))
    is_manual = text(exercise.get("logType")) == "manual"
    effort = ParsedActivity(
        external_id=external_id,
        sport=sport_of(text(exercise.get("activityName")), exercise.get("activityTypeId")),
        start_time=start.astimezone(zone_of_offset(offset)) if offset is not None else start,
        provider=PROVIDER,
        provider_type=text(exercise.get("activityName")) or text(exercise.get("activityTypeId")),
        utc_offset_s=offset,
        elapsed_s=scaled(exercise.get("duration"), 0.001),
        timer_s=scaled(exercise.get("activeDuration"), 0.001),
        distance_m=scaled(exercise.get("distance"), _UNITS_M[unit]) if unit in _UNITS_M else None,
        elevation_gain_m=number(exercise.get("elevationGain")),
        energy_kcal=number(exercise.get("calories")),
        avg_heart_rate_bpm=positive(exercise.get("averageHeartRate")),
        max_heart_rate_bpm=positive(google.get("tracker_peak_heart_rate")),
        avg_speed_mps=scaled(exercise.get("speed"), _UNITS_MPS[unit]) if unit in _UNITS_MPS else None,
        device="" if is_manual else device,
        device_kind="app" if is_manual else device_kind(device),
        source_name=device,
        extra=rest(exercise, _PLACED),
    )
    return Parsed(activities=(effort,))


_GOOGLE_PLACED = {
    "exercise_id", "exercise_start", "exercise_end", "utc_offset", "exercise_created", "exercise_last_updated",
    "activity_name", "tracker_total_calories", "tracker_total_distance_mm", "tracker_total_altitude_mm",
    "tracker_avg_heart_rate", "tracker_peak_heart_rate", "manually_logged_total_calories",
    "manually_logged_total_distance_mm",
}  # fmt: skip


def parse_google_exercise(data: bytes, external_id: str) -> Parsed:
    """One row of `UserExercises_*.csv` that no old JSON tells. Zeros there mean that nothing was measured."""
    row = mapping(object_of(data).get("google"))
    start, end = aware(row.get("exercise_start")), aware(row.get("exercise_end"))
    if start is None:
        raise UnexpectedPayload(f"The exercise has no start that can be read: {row.get('exercise_start')!r}.")
    offset = offset_s(row.get("utc_offset"))

    def either(name: str) -> float | None:
        return first(positive(row.get(f"tracker_{name}")), positive(row.get(f"manually_logged_{name}")))

    effort = ParsedActivity(
        external_id=external_id,
        sport=sport_of(text(row.get("activity_name"))),
        start_time=start.astimezone(zone_of_offset(offset)),
        provider=PROVIDER,
        provider_type=text(row.get("activity_name")),
        utc_offset_s=offset,
        elapsed_s=(end - start).total_seconds() if end is not None and end >= start else None,
        distance_m=scaled(either("total_distance_mm"), 0.001),
        elevation_gain_m=scaled(row.get("tracker_total_altitude_mm"), 0.001, only_positive=True),
        energy_kcal=either("total_calories"),
        avg_heart_rate_bpm=positive(row.get("tracker_avg_heart_rate")),
        max_heart_rate_bpm=positive(row.get("tracker_peak_heart_rate")),
        extra=rest(row, _GOOGLE_PLACED),
    )
    return Parsed(activities=(effort,))


def _fitbit_utc(told: object) -> datetime | None:
    """03/02/26 16:04:00 or an ISO time; UTC where it tells no offset."""
    words = text(told)
    match = re.fullmatch(r"(\d\d)/(\d\d)/(\d\d) (\d\d):(\d\d):(\d\d)", words)
    if match:
        month, day, year, hour, minute, second = map(int, match.groups())
        try:
            return datetime(2000 + year, month, day, hour, minute, second, tzinfo=UTC)
        except ValueError:
            return None
    return aware(words)


def _offset(google: Mapping[str, Any], told: Mapping[str, Any], start: datetime) -> int | None:
    """Seconds east of UTC: as Google's row tells, else by the profile's time zone."""
    by_row = offset_s(google.get("utc_offset"))
    if by_row is not None:
        return by_row
    zone = zone_named(text(told.get("time_zone")))
    return None if zone is None else offset_at(start.astimezone(zone))


# --- sleeps ---------------------------------------------------------------------------------


def parse_sleep(data: bytes, external_id: str) -> Parsed:
    """One log of `sleep-*.json`, whose times are local, with Google's offset and Fitbit's score where they are told."""
    told = object_of(data)
    log, google, score = mapping(told.get("sleep")), mapping(told.get("google")), mapping(told.get("score"))
    naive = local(log.get("startTime"))
    length_s = scaled(log.get("duration"), 0.001, only_positive=True)
    if naive is None:
        raise UnexpectedPayload(f"The sleep has no start that can be read: {log.get('startTime')!r}.")
    ended = local(log.get("endTime"))
    naive = naive.replace(tzinfo=None)
    if length_s is None and ended is not None:
        length_s = (ended.replace(tzinfo=None) - naive).total_seconds()
    if length_s is None or not 0 < length_s < LONGEST_SLEEP_S:
        raise UnexpectedPayload("The sleep tells no length that can be one.")
    start = naive.replace(tzinfo=_sleep_zone(google, told, naive))
    end = (start.astimezone(UTC) + timedelta(seconds=length_s)).astimezone(start.tzinfo)
    levels = mapping(log.get("levels"))
    summary = mapping(levels.get("summary"))
    is_staged = text(log.get("type")) == "stages" or "deep" in summary

    def minutes(stage: str) -> float | None:
        return scaled(mapping(summary.get(stage)).get("minutes"), 60) if is_staged else None

    sleep = ParsedSleep(
        start_time=start,
        end_time=end,
        utc_offset_s=offset_at(start),
        date=day_of(log.get("dateOfSleep")) or end.date(),
        stages=timeline_of(_pieces(levels.get("data"), naive), _pieces(levels.get("shortData"), naive), length_s),
        in_bed_s=scaled(log.get("timeInBed"), 60),
        asleep_s=scaled(log.get("minutesAsleep"), 60),
        awake_s=scaled(log.get("minutesAwake"), 60),
        light_s=minutes("light"),
        deep_s=minutes("deep"),
        rem_s=minutes("rem"),
        efficiency_ratio=scaled(log.get("efficiency"), 0.01),
        external_id=night_id(naive),
        score=positive(score.get("overall_score")),
    )
    return Parsed(sleeps=(sleep,))


def parse_google_sleep(data: bytes, external_id: str) -> Parsed:
    """One row of `UserSleeps_*.csv` and its rows of `UserSleepStages_*.csv`: UTC and the offset."""
    told = object_of(data)
    row = mapping(told.get("google"))
    start, end = aware(row.get("sleep_start")), aware(row.get("sleep_end"))
    if start is None or end is None or end <= start:
        raise UnexpectedPayload("The sleep tells no start and end that can be read.")
    zone = zone_of_offset(offset_s(row.get("start_utc_offset")))
    until = end.astimezone(zone_of_offset(offset_s(row.get("end_utc_offset"))))
    pieces = []
    for stage in entries(told.get("stages")):
        begun, ended = aware(stage.get("sleep_stage_start")), aware(stage.get("sleep_stage_end"))
        word = STAGES.get(text(stage.get("sleep_stage_type")).casefold())
        if begun is not None and ended is not None and word:
            pieces.append(((begun - start).total_seconds(), (ended - start).total_seconds(), word))
    length_s = (end - start).total_seconds()
    timeline = timeline_of(pieces, [], length_s)
    totals: dict[str, float] = defaultdict(float)
    for _, seconds, stage_word in timeline:
        totals[stage_word] += seconds
    is_staged = bool(totals.keys() & {"deep", "light", "rem"})
    sleep = ParsedSleep(
        start_time=start.astimezone(zone),
        end_time=until,
        utc_offset_s=offset_at(start.astimezone(zone)),
        date=until.date(),
        stages=timeline,
        in_bed_s=scaled(row.get("minutes_in_sleep_period"), 60),
        asleep_s=scaled(row.get("minutes_asleep"), 60),
        awake_s=scaled(row.get("minutes_awake"), 60),
        light_s=totals["light"] if is_staged else None,
        deep_s=totals["deep"] if is_staged else None,
        rem_s=totals["rem"] if is_staged else None,
        efficiency_ratio=None,
        external_id=night_id(start.astimezone(zone)),
    )
    return Parsed(sleeps=(sleep,))


def night_id(started: datetime) -> str:
    """What a sleep is known by in both generations, which have ids of their own: its start on the wall."""
    return started.strftime("%Y-%m-%dT%H:%M:%S")


def _sleep_zone(google: Mapping[str, Any], told: Mapping[str, Any], naive: datetime) -> tzinfo:
    """The zone of a local time: Google's offset, else the profile's zone at that time; UTC where no one tells it."""
    offset = offset_s(google.get("start_utc_offset"))
    if offset is not None:
        return zone_of_offset(offset)
    zone = zone_named(text(told.get("time_zone")))
    return timezone(naive.replace(tzinfo=zone).utcoffset() or timedelta()) if zone else UTC


def _pieces(told: object, start: datetime) -> list[tuple[float, float, str]]:
    """(begin, end, stage) in seconds from the start."""
    pieces = []
    for entry in entries(told):
        moment, seconds = local(entry.get("dateTime")), positive(entry.get("seconds"))
        stage = STAGES.get(text(entry.get("level")).casefold())
        if moment is not None and seconds is not None and stage:
            begin = (moment.replace(tzinfo=None) - start).total_seconds()
            pieces.append((begin, begin + seconds, stage))
    return pieces


def timeline_of(
    pieces: Sequence[tuple[float, float, str]], short: Sequence[tuple[float, float, str]], length_s: float
) -> tuple[tuple[float, float, str], ...]:
    """(begin, length, stage) without overlaps inside the sleep; the short awakenings lie over the other pieces."""
    edges = sorted({edge for begin, end, _ in (*pieces, *short) for edge in (begin, end) if 0 <= edge <= length_s})
    told: list[tuple[float, float, str]] = []
    lower, upper = _Cursor(pieces), _Cursor(short)
    for begin, end in pairwise(edges):
        stage = upper.at(begin) or lower.at(begin)
        if not stage:
            continue
        if told and told[-1][2] == stage and told[-1][0] + told[-1][1] == begin:
            told[-1] = (told[-1][0], end - told[-1][0], stage)
        else:
            told.append((begin, end - begin, stage))
    return tuple(told)


class _Cursor:
    """The stage at moments that only grow; where two pieces overlap, the later one."""

    def __init__(self, pieces: Iterable[tuple[float, float, str]]) -> None:
        self._pieces = sorted(pieces)
        self._next = 0
        self._now: tuple[float, float, str] | None = None

    def at(self, moment: float) -> str:
        while self._next < len(self._pieces) and self._pieces[self._next][0] <= moment:
            self._now = self._pieces[self._next]
            self._next += 1
        return self._now[2] if self._now and self._now[1] > moment else ""


# --- figures by the day ---------------------------------------------------------------------

Days = Iterator[tuple[str, date | None, float | None, dict[str, Any]]]


def _parsed(days: Days) -> Parsed:
    """One value a metric and date, the last told; rows without a date are counted, what tells nothing is left out."""
    found: dict[tuple[str, date], DayValue] = {}
    undated = 0
    for metric, day, value, detail in days:
        if day is None:
            undated += 1
        elif value is not None:
            found[metric, day] = DayValue(metric, day, value, {key: it for key, it in detail.items() if it is not None})
    message = "A row has no date that can be read."
    return Parsed(
        days=tuple(found[key] for key in sorted(found)),
        problems=(Problem("", message, undated),) if undated else (),
    )


def _json_days(each: Callable[[Mapping[str, Any]], Days]) -> Callable[[bytes, str], Parsed]:
    return lambda data, external_id: _parsed(row for entry in entries(list_of(data)) for row in each(entry))


def _csv_days(each: Callable[[Mapping[str, str]], Days]) -> Callable[[bytes, str], Parsed]:
    return lambda data, external_id: _parsed(row for entry in rows_of(data) for row in each(_lower(entry)))


def _lower(row: Mapping[str, str]) -> dict[str, str]:
    return {name.casefold(): value for name, value in row.items()}


def _resting_heart_rate(entry: Mapping[str, Any]) -> Days:
    value = mapping(entry.get("value"))
    # The file is padded with days of which nothing is known, in the future too.
    if positive(value.get("value")) is not None:
        day = day_of(value.get("date")) or day_of(entry.get("dateTime"))
        yield "resting_heart_rate", day, positive(value.get("value")), {"error": number(value.get("error"))}


def _minutes(metric: str) -> Callable[[Mapping[str, Any]], Days]:
    def each(entry: Mapping[str, Any]) -> Days:
        value = positive(entry.get("value"))
        # Days on which the tracker was not worn are padded: no active minute, or all 1,440 sedentary.
        if value is not None and value < 1440:
            yield metric, day_of(entry.get("dateTime")), value, {}

    return each


def _vo2max(entry: Mapping[str, Any]) -> Days:
    value = mapping(entry.get("value"))
    told = first(positive(value.get("filteredDemographicVO2Max")), positive(value.get("demographicVO2Max")))
    if told is not None:
        yield "vo2max", day_of(entry.get("dateTime")), told, {"error": number(value.get("demographicVO2MaxError"))}


def _run_vo2max(entry: Mapping[str, Any]) -> Days:
    value = mapping(entry.get("value"))
    told = first(positive(value.get("filteredRunVO2Max")), positive(value.get("runVO2Max")))
    if told is not None:
        yield "fitbit_run_vo2max", day_of(entry.get("dateTime")), told, {"error": number(value.get("runVO2MaxError"))}


def _weight(entry: Mapping[str, Any]) -> Days:
    day = day_of(entry.get("date")) or day_of(entry.get("dateTime"))
    # The export tells pounds, whatever the account's units.
    yield "weight", day, scaled(entry.get("weight"), _POUND_KG, only_positive=True), {"source": entry.get("source")}
    if day is not None:
        yield "bmi", day, positive(entry.get("bmi")), {}
        yield "body_fat", day, positive(entry.get("fat")), {}


def _height(entry: Mapping[str, Any]) -> Days:
    yield "height", day_of(entry.get("dateTime")), scaled(entry.get("value"), 0.001, only_positive=True), {}


def _hrv(row: Mapping[str, str]) -> Days:
    detail = {"non_rem_heart_rate_bpm": positive(row.get("nremhr")), "entropy": number(row.get("entropy"))}
    yield "hrv_rmssd", day_of(row.get("timestamp")), positive(row.get("rmssd")), detail


def _google_hrv(row: Mapping[str, str]) -> Days:
    detail = {
        "non_rem_heart_rate_bpm": positive(row.get("non rem heart rate beats per minute")),
        "entropy": number(row.get("entropy")),
        "deep_sleep_ms": positive(row.get("deep sleep root mean square of successive differences milliseconds")),
    }
    value = positive(row.get("average heart rate variability milliseconds"))
    yield "hrv_rmssd", day_of(row.get("timestamp")), value, detail


def _respiratory_rate(row: Mapping[str, str]) -> Days:
    value = first(
        *(
            positive(row.get(name))
            for name in ("full_sleep_breathing_rate", "daily_respiratory_rate", "breaths per minute")
        )
    )
    stages = {stage: positive(row.get(f"{stage}_sleep_breathing_rate")) for stage in ("deep", "light", "rem")}
    yield "respiratory_rate", day_of(row.get("timestamp")), value, stages


def _oxygen(row: Mapping[str, str]) -> Days:
    value = first(positive(row.get("average_value")), positive(row.get("average percentage")))
    detail = {
        "min": first(positive(row.get("lower_bound")), positive(row.get("lower bound percentage"))),
        "max": first(positive(row.get("upper_bound")), positive(row.get("upper bound percentage"))),
    }
    yield "oxygen_saturation", day_of(row.get("timestamp")), value, detail


def _temperature(row: Mapping[str, str]) -> Days:
    day = day_of(row.get("sleep_end")) or day_of(row.get("sleep_start"))
    detail = {"samples": number(row.get("temperature_samples")), "sensor": row.get("type") or None}
    yield "wrist_temperature", day, positive(row.get("nightly_temperature")), detail


def _google_temperature(row: Mapping[str, str]) -> Days:
    day = day_of(row.get("timestamp"))
    nightly = positive(row.get("nightly temperature celsius"))
    baseline = positive(row.get("baseline temperature celsius"))
    yield "wrist_temperature", day, nightly, {"baseline": baseline}
    if day is not None and nightly is not None and baseline is not None:
        yield "skin_temperature_deviation", day, round(nightly - baseline, 6), {}


def _sleep_score(row: Mapping[str, str]) -> Days:
    detail = {
        name: number(row.get(name))
        for name in ("composition_score", "revitalization_score", "duration_score", "deep_sleep_in_minutes")
    }
    value = positive(row.get("overall_score"))
    yield "fitbit_sleep_score", day_of(row.get("timestamp")), value, detail


def _stress(row: Mapping[str, str]) -> Days:
    names = ("sleep_points", "responsiveness_points", "exertion_points")
    # 0 stands for "not calculated".
    yield (
        "fitbit_stress_score",
        day_of(row.get("date")),
        positive(row.get("stress_score")),
        {name: number(row.get(name)) for name in names},
    )


def _readiness(row: Mapping[str, str]) -> Days:
    detail = {
        "state": row.get("readiness_state") or None,
        **{
            name: number(row.get(f"{name}_subcomponent"))
            for name in ("activity", "sleep", "hrv")
            if number(row.get(f"{name}_subcomponent")) is not None
        },
    }
    day = day_of(row.get("date")) or day_of(row.get("timestamp"))
    yield "fitbit_readiness", day, positive(row.get("readiness_score_value")), detail


def _google_resting(row: Mapping[str, str]) -> Days:
    day, value = day_of(row.get("timestamp")), positive(row.get("beats per minute"))
    yield "resting_heart_rate", day, value, {"source": row.get("data source") or None}


def _google_vo2max(row: Mapping[str, str]) -> Days:
    value = first(positive(row.get("vo2 max")), positive(row.get("vo2max")))
    yield "vo2max", day_of(row.get("timestamp")), value, {}


def parse_active_zone_minutes(data: bytes, external_id: str) -> Parsed:
    """The minutes of each local date, and by zone."""
    return _parsed(_summed(((day_of(row.get("date_time")), row.get("heart_zone_id", ""), row.get("total_minutes"))
                            for row in rows_of(data)), "fitbit_active_zone_minutes"))  # fmt: skip


def parse_calories(data: bytes, external_id: str) -> Parsed:
    """The energy of each local date, resting energy included: the sum of its minutes."""
    rows = ((day_of(entry.get("dateTime")), "", entry.get("value")) for entry in entries(list_of(data)))
    return _parsed(_summed(rows, "total_energy"))


def _summed(rows: Iterable[tuple[date | None, str, object]], metric: str) -> Days:
    totals: dict[date, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for day, part, told in rows:
        value = number(told)
        if day is None:
            yield metric, None, None, {}
        elif value is not None:
            totals[day][part] += value
    for day, parts in totals.items():
        detail = {part.casefold(): round(value, 6) for part, value in sorted(parts.items()) if part}
        yield metric, day, round(sum(parts.values()), 6), detail


# Kind of raw record -> who reads it.
DAY_FILES: dict[str, Callable[[bytes, str], Parsed]] = {
    "resting_heart_rate": _json_days(_resting_heart_rate),
    "lightly_active_minutes": _json_days(_minutes("light_activity_time")),
    "moderately_active_minutes": _json_days(_minutes("moderate_activity_time")),
    "very_active_minutes": _json_days(_minutes("vigorous_activity_time")),
    "sedentary_minutes": _json_days(_minutes("sedentary_time")),
    "demographic_vo2_max": _json_days(_vo2max),
    "run_vo2_max": _json_days(_run_vo2max),
    "weight": _json_days(_weight),
    "height": _json_days(_height),
    "calories": parse_calories,
    "daily_hrv": _csv_days(_hrv),
    "respiratory_rate": _csv_days(_respiratory_rate),
    "daily_spo2": _csv_days(_oxygen),
    "computed_temperature": _csv_days(_temperature),
    "sleep_score": _csv_days(_sleep_score),
    "stress_score": _csv_days(_stress),
    "readiness": _csv_days(_readiness),
    "active_zone_minutes": parse_active_zone_minutes,
    "google_resting_heart_rate": _csv_days(_google_resting),
    "google_hrv": _csv_days(_google_hrv),
    "google_temperature": _csv_days(_google_temperature),
    "google_vo2max": _csv_days(_google_vo2max),
}


def start_key(told: object) -> int | None:
    """The start of an old exercise as Google's rows tell it too: UTC milliseconds."""
    start = _fitbit_utc(told)
    return None if start is None else epoch_ms(start)


def google_start_ms(row: Mapping[str, str], name: str) -> int | None:
    """UTC milliseconds of one of the times in a row of Google's CSV."""
    moment = aware(row.get(name))
    return None if moment is None else epoch_ms(moment)


def google_local_start(row: Mapping[str, str]) -> str:
    """A sleep's start as the old log writes it: local, to the second; "" where the row does not tell it."""
    moment, offset = aware(row.get("sleep_start")), offset_s(row.get("start_utc_offset"))
    if moment is None or offset is None:
        return ""
    return moment.astimezone(zone_of_offset(offset)).strftime("%Y-%m-%dT%H:%M:%S")
