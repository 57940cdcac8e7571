"""The account export of Polar Flow: training sessions, nights, recoveries and days.

Two generations of training sessions: up to about 2024 durations are ISO texts and every sample has its own local time;
since then durations are milliseconds and samples are a series with an interval. Times are local, the offset is told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

from activities.domain.parsed import DayValue, Lap, Parsed, ParsedActivity, Pause, Stream
from activities.domain.sleep import ParsedSleep
from integrations.errors import UnexpectedPayload
from integrations.providers.polar.sports import name_of, sport_of
from integrations.told import (
    aware,
    day_of,
    duration_s,
    entries,
    first,
    local,
    mapping,
    number,
    object_of,
    offset_at,
    positions,
    positive,
    rest,
    scaled,
    streams_of,
    text,
    zone_of_offset,
)

PROVIDER = "polar"

# States of the hypnogram -> our stages.
STAGES: dict[str, str] = {
    "WAKE": "awake",
    "REM": "rem",
    "NONREM1": "light",
    "NONREM2": "light",
    "NONREM3": "deep",
    "UNKNOWN": "asleep",
}
_KMH_MPS = 1 / 3.6
# No effort lasts longer.
LONGEST_S = 90 * 86_400
# Metric, value and what stands beside it.
_Value = tuple[str, float | None, Mapping[str, Any]]
# Names of sample series (new: with a prefix) -> our streams and what turns their unit into ours. The power of one
# pedal is nobody's power, so it is left in the record.
_SERIES: Mapping[str, tuple[str, float]] = {
    "HEARTRATE": ("heart_rate", 1.0),
    "SPEED": ("speed", _KMH_MPS),
    "CADENCE": ("cadence", 1.0),
    "ALTITUDE": ("altitude", 1.0),
    "DISTANCE": ("distance", 1.0),
    "TEMPERATURE": ("temperature", 1.0),
    "POWER": ("power", 1.0),
}
_LEVELS = (
    ("sedentary_time", ("SEDENTARY",)),
    ("light_activity_time", ("LIGHT",)),
    ("moderate_activity_time", ("MODERATE",)),
    ("vigorous_activity_time", ("VIGOROUS",)),
)


# --- training sessions ----------------------------------------------------------------------


def parse_training_session(data: bytes, external_id: str) -> Parsed:
    """The session; where it has several exercises, they are its legs."""
    told = object_of(data)
    exercises = entries(told.get("exercises"))
    session = _Effort(told, None)
    if session.start is None:
        raise UnexpectedPayload(f"The session has no start that can be read: {told.get('startTime')!r}.")
    if len(exercises) == 1:
        only = _Effort(exercises[0], session)
        return Parsed(activities=(_joined(session, only, external_id),))
    parent = session.activity(external_id)
    if not exercises:
        return Parsed(activities=(parent,))
    legs = [
        _Effort(exercise, session).activity(f"{external_id}#{place}") for place, exercise in enumerate(exercises, 1)
    ]
    sport = _whole_sport(parent.sport, [leg.provider_type for leg in legs])
    return Parsed(activities=(replace(parent, sport=sport), *(replace(leg, parent=0) for leg in legs)))


class _Effort:
    """A session or one exercise of it, of either generation."""

    def __init__(self, told: Mapping[str, Any], session: _Effort | None) -> None:
        self.told = told
        minutes = first(
            number(told.get("timezoneOffsetMinutes")), number(told.get("timezoneOffset")),
            number(told.get("timeZoneOffset")),
        )  # fmt: skip
        self.offset_s: float | None = (
            session.offset_s if minutes is None and session else None if minutes is None else minutes * 60
        )
        self.zone: tzinfo = zone_of_offset(self.offset_s)
        self.start: datetime | None = self.moment(told.get("startTime")) or (session.start if session else None)
        self.stop = self.moment(told.get("stopTime"))
        self.device: str = _device(told) or (session.device if session else "")

    def moment(self, told: object) -> datetime | None:
        """A local time, in the effort's own zone."""
        return aware(told, self.zone)

    @property
    def sport_name(self) -> str:
        told = self.told.get("sport")
        return name_of(text(told.get("id"))) if isinstance(told, dict) else text(told)

    def seconds(self, *names: str) -> float | None:
        """A length of time: milliseconds under a name with Millis, else an ISO duration."""
        for name in names:
            value = self.told.get(name)
            told = scaled(value, 0.001) if name.endswith("Millis") else duration_s(value)
            if told is not None:
                return told
        return None

    def figure(self, kind: str, which: str) -> float | None:
        """The min, avg or max of a kind (heartRate, speed, ...), as told; 0 is none where the sensor was not worn."""
        old = mapping(self.told.get(kind))
        for row in entries(mapping(self.told.get("statistics")).get("statistics")):
            if _word(row.get("type")) == kind.upper():
                return positive(row.get(which))
        return positive(old.get(which))

    def activity(self, external_id: str) -> ParsedActivity:
        assert self.start is not None
        told = self.told
        elapsed = (self.stop - self.start).total_seconds() if self.stop and self.stop >= self.start else None
        return ParsedActivity(
            external_id=external_id,
            sport=sport_of(self.sport_name),
            start_time=self.start,
            provider=PROVIDER,
            provider_type=self.sport_name,
            name=text(told.get("name")),
            utc_offset_s=None if self.offset_s is None else offset_at(self.start),
            elapsed_s=elapsed,
            timer_s=self.seconds("durationMillis", "duration"),
            distance_m=first(number(told.get("distanceMeters")), number(told.get("distance"))),
            elevation_gain_m=first(number(told.get("ascent")), number(told.get("ascentMeters"))),
            elevation_loss_m=first(number(told.get("descent")), number(told.get("descentMeters"))),
            energy_kcal=first(number(told.get("calories")), number(told.get("kiloCalories"))),
            avg_heart_rate_bpm=first(
                positive(told.get("hrAvg")), positive(told.get("averageHeartRate")), self.figure("heartRate", "avg")
            ),
            max_heart_rate_bpm=first(
                positive(told.get("hrMax")), positive(told.get("maximumHeartRate")), self.figure("heartRate", "max")
            ),
            min_heart_rate_bpm=self.figure("heartRate", "min"),
            avg_power_w=self.figure("power", "avg"),
            max_power_w=self.figure("power", "max"),
            avg_cadence_rpm=self.figure("cadence", "avg"),
            max_cadence_rpm=self.figure("cadence", "max"),
            avg_speed_mps=scaled(self.figure("speed", "avg"), _KMH_MPS),
            max_speed_mps=scaled(self.figure("speed", "max"), _KMH_MPS),
            device=self.device,
            device_kind="app" if "beat" in self.device.casefold() else "watch" if self.device else "unknown",
            source_name="Polar Flow",
            laps=tuple(self._laps()),
            pauses=tuple(self._pauses()),
            streams=self._streams(),
            extra=rest(told, _PLACED),
        )

    def _laps(self) -> Iterator[Lap]:
        """Laps by hand, then those that the device cut by itself; each tells when it ended."""
        assert self.start is not None
        told = self.told.get("laps")
        of_new = mapping(told)
        by_hand = entries(of_new.get("laps")) if of_new else entries(told)
        by_itself = entries(of_new.get("autoLaps")) or entries(self.told.get("autoLaps"))
        for kind, rows in (("lap", by_hand), ("auto_lap", by_itself)):
            end = 0.0
            for row in rows:
                lap = _Effort(row, self)
                length = lap.seconds("durationMillis", "duration")
                if length is None or not 0 <= length < LONGEST_S:
                    continue
                end = first(lap.seconds("splitTimeMillis", "splitTime"), end + length) or 0.0
                if end > LONGEST_S:
                    continue
                yield Lap(
                    start_time=self.start + timedelta(seconds=max(end - length, 0.0)),
                    elapsed_s=length,
                    kind=kind,
                    distance_m=first(number(row.get("distanceMeters")), number(row.get("distance"))),
                    avg_heart_rate_bpm=lap.figure("heartRate", "avg"),
                    max_heart_rate_bpm=lap.figure("heartRate", "max"),
                    avg_power_w=lap.figure("power", "avg"),
                    avg_cadence_rpm=lap.figure("cadence", "avg"),
                )

    def _pauses(self) -> Iterator[Pause]:
        for row in entries(self.told.get("pauseTimes")):
            begin, end = self.moment(row.get("startTime")), self.moment(row.get("endTime"))
            if begin is not None and end is not None and end >= begin:
                yield Pause(begin, (end - begin).total_seconds())

    def _streams(self) -> dict[str, Stream]:
        samples = mapping(self.told.get("samples"))
        columns: dict[str, Iterable[tuple[float | None, float | None]]] = {}
        for series in entries(samples.get("samples")):
            known = _SERIES.get(_word(series.get("type")))
            interval, values = positive(series.get("intervalMillis")), series.get("values")
            if known and interval and isinstance(values, list):
                name, factor = known
                columns[name] = [(place * interval / 1000, scaled(it, factor)) for place, it in enumerate(values)]
        for key, points in samples.items():
            known = _SERIES.get(key.upper())
            if known and isinstance(points, list):
                name, factor = known
                columns[name] = [
                    (self._at(it.get("dateTime")), scaled(it.get("value"), factor)) for it in entries(points)
                ]
        route = mapping(mapping(self.told.get("routes")).get("route"))
        begin = self._at(route.get("startTime")) or 0.0
        points = [(self._at(it.get("dateTime")), it) for it in entries(samples.get("recordedRoute"))] + [
            (begin + (scaled(it.get("elapsedMillis"), 0.001) or 0.0), it) for it in entries(route.get("wayPoints"))
        ]
        track = positions((time, number(it.get("latitude")), number(it.get("longitude"))) for time, it in points)
        if "altitude" not in columns and track:
            columns["altitude"] = [(time, number(it.get("altitude"))) for time, it in points]
        return {**track, **streams_of(columns)}

    def _at(self, told: object) -> float | None:
        """Seconds from the start of a local time."""
        moment = self.moment(told)
        return None if moment is None or self.start is None else (moment - self.start).total_seconds()


_PLACED = {
    "exportVersion", "identifier", "name", "startTime", "stopTime", "timezoneOffset", "timeZoneOffset",
    "timezoneOffsetMinutes", "duration", "durationMillis", "distance", "distanceMeters", "ascent", "descent",
    "calories", "kiloCalories", "hrAvg", "hrMax", "averageHeartRate", "maximumHeartRate", "heartRate", "speed",
    "cadence", "power", "statistics", "sport", "laps", "autoLaps", "pauseTimes", "samples", "routes", "exercises",
    "product", "deviceId", "physicalInformationSnapshot", "physicalInformation", "created", "modified",
}  # fmt: skip


def _joined(session: _Effort, exercise: _Effort, external_id: str) -> ParsedActivity:
    """A session of one exercise: the session's figures first, what it does not tell from the exercise."""
    whole, only = session.activity(external_id), exercise.activity(external_id)
    figures = {
        name: getattr(only, name)
        for name in ParsedActivity.__dataclass_fields__
        if getattr(whole, name) is None and getattr(only, name) is not None
    }
    shift = (only.start_time - whole.start_time).total_seconds()
    streams = {name: Stream(stream.time_s + shift, stream.values) for name, stream in only.streams.items()}
    return replace(
        whole,
        **figures,
        sport=only.sport if whole.sport == "generic" else whole.sport,
        provider_type=whole.provider_type or only.provider_type,
        device=whole.device or only.device,
        laps=whole.laps or only.laps,
        pauses=whole.pauses or only.pauses,
        streams=streams,
        parent=None,
        extra={**only.extra, **whole.extra},
    )


def _whole_sport(sport: str, names: Sequence[str]) -> str:
    """The sport of a session of several exercises."""
    for word in ("TRIATHLON", "DUATHLON"):
        if any(word in name.upper() for name in names):
            return f"multisport.{word.lower()}"
    return sport if sport.startswith("multisport") else "multisport"


def _device(told: Mapping[str, Any]) -> str:
    product = told.get("product")
    model = text(mapping(product).get("modelName")) or text(product if isinstance(product, str) else "")
    if model:
        return model if model.casefold().startswith("polar") else f"Polar {model}"
    return f"Polar {text(told.get('deviceId'))}" if text(told.get("deviceId")) else ""


def _word(told: object) -> str:
    """SAMPLE_TYPE_HEART_RATE -> HEARTRATE."""
    return text(told).upper().rpartition("TYPE_")[2].replace("_", "")


# --- nights ---------------------------------------------------------------------------------


def parse_sleep(data: bytes, external_id: str) -> Parsed:
    """One night of `sleep_result_*.json`, with its score of `sleep_score_*.json` beside it."""
    told = object_of(data)
    night, score = mapping(told.get("result")), mapping(mapping(told.get("score")).get("sleepScoreResult"))
    hypnogram = mapping(mapping(night.get("sleepResult")).get("hypnogram"))
    evaluation = mapping(night.get("evaluation"))
    phases = mapping(evaluation.get("phaseDurations"))
    start, end = aware(hypnogram.get("sleepStart")), aware(hypnogram.get("sleepEnd"))
    if start is None or end is None or end <= start:
        raise UnexpectedPayload("The night tells no start and end that can be read.")
    length = (end - start).total_seconds()
    light, unknown = duration_s(phases.get("light")), duration_s(phases.get("unknown"))
    interruptions = mapping(evaluation.get("interruptions"))
    sleep = ParsedSleep(
        start_time=start,
        end_time=end,
        utc_offset_s=offset_at(start),
        date=day_of(night.get("night")) or end.date(),
        stages=tuple(_stages(hypnogram.get("sleepStateChanges"), length)),
        in_bed_s=first(duration_s(evaluation.get("sleepSpan")), length),
        asleep_s=first(
            duration_s(evaluation.get("asleepDuration")),
            _sum(light, unknown, duration_s(phases.get("deep")), duration_s(phases.get("rem"))),
        ),
        awake_s=first(duration_s(phases.get("wake")), duration_s(interruptions.get("totalDuration"))),
        light_s=light,
        deep_s=duration_s(phases.get("deep")),
        rem_s=duration_s(phases.get("rem")),
        efficiency_ratio=scaled(mapping(evaluation.get("analysis")).get("efficiencyPercent"), 0.01),
        external_id=external_id,
        score=positive(score.get("sleepScore")),
    )
    return Parsed(sleeps=(sleep,))


def _stages(told: object, length: float) -> Iterator[tuple[float, float, str]]:
    """(begin, length, stage): each change lasts until the next; one behind the end only marks the waking."""
    changes = sorted(
        (at, stage)
        for row in entries(told)
        if (at := duration_s(row.get("offsetFromStart"))) is not None
        and (stage := STAGES.get(text(row.get("state")).upper().replace("_", "")))
        and 0 <= at < length
    )
    for (begin, stage), (end, _) in zip(changes, [*changes, (length, "")][1:], strict=True):
        if end > begin:
            yield begin, end - begin, stage


def _sum(*values: float | None) -> float | None:
    told = [value for value in values if value is not None]
    return sum(told) if told else None


def parse_nightly_recovery(data: bytes, external_id: str) -> Parsed:
    """The Nightly Recharge of one night. HRV is rMSSD over the first four hours of sleep."""
    told = object_of(data)
    day = day_of(told.get("night")) or day_of(told.get("sleepResultDate"))
    if day is None:
        raise UnexpectedPayload("The recovery names no night.")
    beat, breath = (
        positive(told.get("meanNightlyRecoveryRri")),
        positive(told.get("meanNightlyRecoveryRespirationInterval")),
    )
    baseline = positive(told.get("meanBaselineRmssd"))
    values: tuple[_Value, ...] = (
        ("hrv_rmssd", positive(told.get("meanNightlyRecoveryRmssd")), {"baseline": baseline} if baseline else {}),
        ("sleeping_heart_rate", round(60_000 / beat, 3) if beat else None, {}),
        ("respiratory_rate", round(60_000 / breath, 3) if breath else None, {}),
        ("polar_nightly_recharge", positive(told.get("recoveryIndicator")), {}),
        ("polar_ans_charge", number(told.get("ansStatus")), {}),
    )
    return _days(day, values)


def _days(day: date, values: Iterable[_Value]) -> Parsed:
    return Parsed(
        days=tuple(DayValue(metric, day, value, detail) for metric, value, detail in values if value is not None)
    )


# --- days -----------------------------------------------------------------------------------


def parse_activity(data: bytes, external_id: str) -> Parsed:
    """One day of `activity-*.json`. The profile in it (weight, VO2 max) is a setting of that day, so it is not told."""
    told = object_of(data)
    day, summary = day_of(told.get("date")), mapping(told.get("summary"))
    if day is None:
        raise UnexpectedPayload("The day tells no date.")
    minutes: dict[str, float] = defaultdict(float)
    for row in entries(summary.get("activityLevels")):
        level, seconds = text(row.get("level")).upper(), duration_s(row.get("duration"))
        for metric, words in _LEVELS:
            if seconds is not None and any(word in level for word in words):
                minutes[metric] += seconds / 60
    values: tuple[_Value, ...] = (
        ("steps", number(summary.get("stepCount")), {}),
        ("distance_walking_running", number(summary.get("stepsDistance")), {}),
        ("total_energy", number(summary.get("calories")), {}),
        *((metric, round(minutes[metric], 6), {}) for metric, _ in _LEVELS if metric in minutes),
    )
    return _days(day, values)


def parse_calendar_items(data: bytes, external_id: str) -> Parsed:
    """Weights that the athlete entered, the last of each date."""
    weights: dict[date, float] = {}
    for row in entries(object_of(data).get("weights")):
        day = next((day for name in ("date", "dateTime", "startTime") if (day := day_of(row.get(name)))), None)
        value = first(positive(row.get("weight")), positive(row.get("value")), positive(row.get("weight, kg")))
        if day is not None and value is not None:
            weights[day] = value
    return Parsed(days=tuple(DayValue("weight", day, weights[day]) for day in sorted(weights)))


def parse_fitness_test(data: bytes, external_id: str) -> Parsed:
    """Polar's fitness test: its OwnIndex is an estimate of VO2 max."""
    told = object_of(data)
    result, day = mapping(told.get("fitnessTestResult")), day_of(told.get("startTime"))
    if day is None:
        raise UnexpectedPayload("The test tells no date.")
    return _days(
        day, [("vo2max", first(positive(result.get("ownIndex")), positive(result.get("fitnessTestValue"))), {})]
    )


def offset_of(told: Mapping[str, Any]) -> tuple[date, int] | None:
    """The date and the seconds east of UTC that a training session or a night tells, for what tells no offset."""
    night = mapping(mapping(told.get("sleepResult")).get("hypnogram"))
    woke = local(night.get("sleepEnd"))
    if woke is not None and woke.tzinfo is not None:
        return woke.date(), offset_at(woke)
    effort = _Effort(told, None)
    if effort.start is None or effort.offset_s is None:
        return None
    return effort.start.date(), offset_at(effort.start)


def midnight(day: date, offset_s: int) -> datetime:
    """When the local day began, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=zone_of_offset(offset_s)).astimezone(UTC)
