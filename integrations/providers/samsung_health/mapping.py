"""Samsung Health's personal data: exercises with their live data, sleeps with their stages, and tables of days.

Some tables put the data type before the names of their columns: it is stripped. Times are UTC without saying so;
`time_offset` is "UTC+0100" or milliseconds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

from activities.domain.parsed import DayValue, Lap, Parsed, ParsedActivity, Problem, Stream
from activities.domain.sleep import ParsedSleep
from integrations.errors import UnexpectedPayload
from integrations.providers.samsung_health.sports import sport_of
from integrations.told import (
    aware,
    day_of,
    entries,
    epoch_ms,
    first,
    mapping,
    moment_ms,
    number,
    object_of,
    offset_s,
    positions,
    positive,
    rest,
    rows_of,
    scaled,
    streams_of,
    text,
    zone_of_offset,
)

PROVIDER = "samsung_health"

# `stage` of sleep_stage; 1 to 4 are told of old exports.
STAGES: dict[str, str] = {
    "40001": "awake",
    "40002": "light",
    "40003": "deep",
    "40004": "rem",
    "1": "awake",
    "2": "light",
    "3": "deep",
    "4": "rem",
}
# A minute after the exercise is so exact.
MINUTE_SLACK_MS = 5000
# No point of an exercise lies further from its start.
LONGEST_MS = 31 * 86_400_000
# step_daily_trend: the row that joins all devices.
COMBINED = "-2"


def utc(told: object) -> datetime | None:
    """A time of a table (UTC text) or of a side file (milliseconds)."""
    if isinstance(told, str) and not told.strip().isdigit():
        return aware(told.strip())
    return moment_ms(told)


def row_offset(row: Mapping[str, Any]) -> int | None:
    """Seconds east of UTC that a row tells."""
    told = row.get("time_offset")
    by_word = offset_s(told)
    if by_word is not None:
        return by_word
    milliseconds = number(told)
    return None if milliseconds is None or abs(milliseconds) > 64_800_000 else round(milliseconds / 1000)


def bare(column: str) -> str:
    """A column's name without the data type before it."""
    return column.rpartition(".")[2]


def stripped(row: Mapping[str, str]) -> dict[str, str]:
    """The row under bare column names; where a name comes twice, what is told wins."""
    told: dict[str, str] = {}
    for name, value in row.items():
        if value.strip() or bare(name) not in told:
            told[bare(name)] = value.strip()
    return told


# --- exercises ------------------------------------------------------------------------------

_PLACED = {
    "exercise_type", "title", "start_time", "end_time", "time_offset", "duration", "distance", "calorie",
    "total_calorie", "mean_heart_rate", "max_heart_rate", "min_heart_rate", "mean_speed", "max_speed", "mean_cadence",
    "max_cadence", "mean_rpm", "max_rpm", "mean_power", "max_power", "altitude_gain", "altitude_loss", "datauuid",
    "create_time", "update_time", "pkg_name", "deviceuuid", "live_data", "location_data", "additional",
    "live_data_internal", "location_data_internal", "additional_internal", "sensing_status", "custom",
}  # fmt: skip


def parse_exercise(data: bytes, external_id: str) -> Parsed:
    """One row of the exercise table: {"row", "live", "location", "segments", "recovery", "device", "custom"}."""
    told = object_of(data)
    row = mapping(told.get("row"))
    start, end = utc(row.get("start_time")), utc(row.get("end_time"))
    if start is None:
        raise UnexpectedPayload(f"The exercise has no start that can be read: {row.get('start_time')!r}.")
    if end is not None and end <= start:
        raise UnexpectedPayload("The exercise had not ended when this was exported.")
    offset = row_offset(row)
    code, title = text(row.get("exercise_type")), text(row.get("title")) or text(told.get("custom"))
    sport = sport_of(code, title)
    device = text(told.get("device"))
    problems = tuple(
        Problem("", f"Its {what} cannot be read.")
        for what in ("live", "location", "segments")
        if what in told and not isinstance(told[what], list)
    )
    effort = ParsedActivity(
        external_id=external_id,
        sport=sport,
        start_time=start.astimezone(zone_of_offset(offset)),
        provider=PROVIDER,
        provider_type=code,
        name=title,
        utc_offset_s=offset,
        elapsed_s=(end - start).total_seconds() if end is not None else None,
        timer_s=scaled(row.get("duration"), 0.001, only_positive=True),
        distance_m=positive(row.get("distance")),
        elevation_gain_m=number(row.get("altitude_gain")),
        elevation_loss_m=number(row.get("altitude_loss")),
        energy_kcal=positive(row.get("total_calorie")),
        active_energy_kcal=positive(row.get("calorie")),
        avg_heart_rate_bpm=positive(row.get("mean_heart_rate")),
        max_heart_rate_bpm=positive(row.get("max_heart_rate")),
        min_heart_rate_bpm=positive(row.get("min_heart_rate")),
        avg_power_w=positive(row.get("mean_power")),
        max_power_w=positive(row.get("max_power")),
        avg_cadence_rpm=first(positive(row.get("mean_cadence")), positive(row.get("mean_rpm"))),
        max_cadence_rpm=first(positive(row.get("max_cadence")), positive(row.get("max_rpm"))),
        avg_speed_mps=positive(row.get("mean_speed")),
        max_speed_mps=positive(row.get("max_speed")),
        device=device,
        device_kind=device_kind(device),
        source_name=text(row.get("pkg_name")),
        laps=_segments(told, start.astimezone(zone_of_offset(offset))),
        streams=_streams(told, start),
        extra=rest(row, _PLACED),
    )
    local_day = effort.start_time.date()
    days: list[DayValue] = []
    if vo2max := positive(row.get("vo2_max")):
        days.append(DayValue("vo2max", local_day, vo2max, {"by": "exercise"}))
    if recovered := _recovered(told.get("recovery")):
        after, later = recovered
        detail = {"by": "exercise", "after_exercise_bpm": after, "one_minute_later_bpm": later}
        days.append(DayValue("heart_rate_recovery", local_day, round(after - later, 6), detail))
    return Parsed(activities=(effort,), days=tuple(days), problems=problems)


def _recovered(told: object) -> tuple[float, float] | None:
    """The heart rate right after an exercise and a minute later; None where the curve does not tell both."""
    curve = mapping(told)
    if text(curve.get("is_valid")).casefold() in ("false", "0") or curve.get("is_valid") is False:
        return None
    points = sorted(
        (moment, rate)
        for point in entries(curve.get("chart_data", told))
        if (moment := number(point.get("start_time"))) is not None and (rate := positive(point.get("heart_rate")))
    )
    if not points:
        return None
    minute_ms = points[0][0] + 60_000
    moment, later = min(points, key=lambda point: abs(point[0] - minute_ms))
    return (points[0][1], later) if abs(moment - minute_ms) <= MINUTE_SLACK_MS else None


def device_kind(name: str) -> str:
    """What a device of that name is: watch, band, ring, phone, scale or unknown."""
    words = name.casefold()
    for word in ("watch", "ring", "scale"):
        if word in words:
            return word
    if any(word in words for word in ("fit", "gear", "band")):
        return "band"
    return "phone" if words.startswith(("sm-", "galaxy")) or "phone" in words else "unknown"


def _segments(told: Mapping[str, Any], start: datetime) -> tuple[Lap, ...]:
    """The segments of `live_data_internal`, where there are several: each from its first point to its last.

    A point tells when it was, or how long the exercise had run by then.
    """
    begin = epoch_ms(start)
    points: list[tuple[float, float | None, float]] = []
    for point in entries(told.get("segments")):
        moment, ran, segment = (number(point.get(name)) for name in ("start_time", "elapsed_time", "segment"))
        if moment is None and ran is not None:
            moment = begin + ran
        if segment is not None and moment is not None and abs(moment - begin) <= LONGEST_MS:
            points.append((moment, ran, segment))
    live = [(number(it.get("start_time")), it) for it in entries(told.get("live"))]
    laps = []
    for _, run in groupby(sorted(points, key=itemgetter(0)), key=itemgetter(2)):
        (since, ran_before, _), *rest_of_it = run
        until, ran_then, _ = rest_of_it[-1] if rest_of_it else (since, ran_before, 0)
        inside = [it for moment, it in live if moment is not None and since <= moment <= until]
        rates = [rate for it in inside if (rate := positive(it.get("heart_rate"))) is not None]
        steps = [step for it in inside if (step := positive(it.get("distance"))) is not None]
        laps.append(
            Lap(
                start + timedelta(milliseconds=since - begin),
                (until - since) / 1000,
                kind="segment",
                timer_s=None if ran_before is None or ran_then is None else (ran_then - ran_before) / 1000,
                distance_m=round(sum(steps), 6) if steps else None,
                avg_heart_rate_bpm=round(sum(rates) / len(rates), 3) if rates else None,
                max_heart_rate_bpm=max(rates, default=None),
            )
        )
    return tuple(laps) if len(laps) > 1 else ()


def _streams(told: Mapping[str, Any], start: datetime) -> dict[str, Stream]:
    begin = epoch_ms(start)

    def at(point: Mapping[str, Any]) -> float | None:
        moment = number(point.get("start_time"))
        return None if moment is None else (moment - begin) / 1000

    live = sorted(
        ((time, point) for point in entries(told.get("live")) if (time := at(point)) is not None),
        key=lambda item: item[0],
    )
    columns: dict[str, list[tuple[float | None, float | None]]] = {
        name: [(time, wanted(point.get(key))) for time, point in live]
        for name, key, wanted in (
            ("heart_rate", "heart_rate", positive),
            ("cadence", "cadence", number),
            ("speed", "speed", number),
            ("power", "power", number),
        )
    }
    metres, covered = [], 0.0
    for time, point in live:
        step = number(point.get("distance"))
        if step is not None and step >= 0:
            covered += step
            metres.append((time, round(covered, 6)))
    places = [(at(point), point) for point in entries(told.get("location"))]
    track = positions((time, number(it.get("latitude")), number(it.get("longitude"))) for time, it in places)
    altitude = [(time, number(it.get("altitude"))) for time, it in places] if track else []
    return {**track, **streams_of({"altitude": altitude, **columns, "distance": metres})}


# --- sleeps ---------------------------------------------------------------------------------


def parse_sleep(data: bytes, external_id: str) -> Parsed:
    """One row of the sleep table and its rows of sleep_stage."""
    told = object_of(data)
    row = mapping(told.get("row"))
    start, end = utc(row.get("start_time")), utc(row.get("end_time"))
    if start is None or end is None or end <= start:
        raise UnexpectedPayload("The sleep tells no start and end that can be read.")
    offset = row_offset(row) or 0
    zone = zone_of_offset(offset)
    length = (end - start).total_seconds()
    pieces: list[tuple[float, float, str]] = []
    for begin, until, stage in sorted(_stage_pieces(told.get("stages"), start)):
        begin, until = max(begin, pieces[-1][0] + pieces[-1][1] if pieces else 0.0), min(until, length)
        if until > begin:
            pieces.append((begin, until - begin, stage))
    totals: dict[str, float] = defaultdict(float)
    for _, seconds, stage in pieces:
        totals[stage] += seconds
    asleep = totals["light"] + totals["deep"] + totals["rem"]

    def total(stage: str) -> float | None:
        return round(totals[stage], 3) if pieces else None

    sleep = ParsedSleep(
        start_time=start.astimezone(zone),
        end_time=end.astimezone(zone),
        utc_offset_s=offset,
        date=end.astimezone(zone).date(),
        stages=tuple(pieces),
        in_bed_s=length,
        asleep_s=round(asleep, 3) if pieces else scaled(row.get("sleep_duration"), 60, only_positive=True),
        awake_s=total("awake"),
        light_s=total("light"),
        deep_s=total("deep"),
        rem_s=total("rem"),
        efficiency_ratio=scaled(row.get("efficiency"), 0.01, only_positive=True),
        external_id=external_id,
        score=positive(row.get("sleep_score")),
    )
    return Parsed(sleeps=(sleep,))


def _stage_pieces(told: object, start: datetime) -> Iterator[tuple[float, float, str]]:
    for row in entries(told):
        begin, end, stage = utc(row.get("start_time")), utc(row.get("end_time")), STAGES.get(text(row.get("stage")))
        if begin is not None and end is not None and stage and end > begin:
            yield (begin - start).total_seconds(), (end - start).total_seconds(), stage


# --- tables of days -------------------------------------------------------------------------

Days = Iterator[tuple[str, date | None, float | None, Mapping[str, Any]]]


def local_day(row: Mapping[str, Any]) -> date | None:
    """The date of a row: `day_time` is UTC midnight of the local date; else that of its start where it happened."""
    told = row.get("day_time")
    if told:
        moment = utc(told)
        return moment.astimezone(UTC).date() if moment is not None else day_of(told)
    start = utc(row.get("start_time"))
    return None if start is None else (start.astimezone(UTC) + timedelta(seconds=row_offset(row) or 0)).date()


def _table(each: Callable[[Mapping[str, str]], Days]) -> Callable[[bytes, str], Parsed]:
    """A table as a record: one value a metric and date, the one whose row was changed last."""

    def parse(data: bytes, external_id: str) -> Parsed:
        found: dict[tuple[str, date], DayValue] = {}
        undated = 0
        rows = sorted(map(stripped, rows_of(data, skip_lines=1)), key=_order)
        for metric, day, value, detail in (it for row in rows for it in each(row)):
            if day is None:
                undated += 1
            elif value is not None:
                told = {key: it for key, it in detail.items() if it is not None}
                found[metric, day] = DayValue(metric, day, value, told)
        problems = (Problem("", "A row has no date that can be read.", undated),) if undated else ()
        return Parsed(days=tuple(found[key] for key in sorted(found)), problems=problems)

    return parse


def _order(row: Mapping[str, str]) -> tuple[str, str, str]:
    return row.get("start_time", ""), row.get("update_time", ""), row.get("datauuid", "")


def _values(row: Mapping[str, str], *values: tuple[str, float | None]) -> Days:
    day = local_day(row)
    if day is None:
        yield "", None, None, {}
        return
    for metric, value in values:
        yield metric, day, value, {}


def _step_trend(row: Mapping[str, str]) -> Days:
    # Rows of single devices would count the same steps twice.
    if row.get("source_type", COMBINED) == COMBINED:
        yield from _steps(row, "count")


def _steps(row: Mapping[str, str], name: str = "step_count") -> Days:
    return _values(
        row,
        ("steps", number(row.get(name))),
        ("distance_walking_running", number(row.get("distance"))),
    )


def _day_summary(row: Mapping[str, str]) -> Days:
    return _values(
        row,
        ("exercise_time", scaled(row.get("exercise_time"), 1 / 60_000)),
        ("active_time", scaled(row.get("active_time"), 1 / 60_000)),
        ("flights_climbed", number(row.get("floor_count"))),
    )


def _calories(row: Mapping[str, str]) -> Days:
    return _values(
        row,
        ("active_energy", number(row.get("active_calorie"))),
        ("basal_energy", positive(row.get("rest_calorie"))),
    )


def _floors(row: Mapping[str, str]) -> Days:
    return _values(row, ("flights_climbed", number(row.get("floor_count"))))


def _weight(row: Mapping[str, str]) -> Days:
    return _values(
        row,
        ("weight", positive(row.get("weight"))),
        ("body_fat", positive(row.get("body_fat"))),
        ("skeletal_muscle_mass", positive(row.get("skeletal_muscle_mass"))),
        ("lean_mass", positive(row.get("fat_free_mass"))),
        ("body_water_mass", positive(row.get("total_body_water"))),
        ("basal_metabolic_rate", positive(row.get("basal_metabolic_rate"))),
    )


def _height(row: Mapping[str, str]) -> Days:
    return _values(row, ("height", scaled(row.get("height"), 0.01, only_positive=True)))


def _vitality(row: Mapping[str, str]) -> Days:
    day = local_day(row)
    names = ("sleep_score", "activity_score", "shr_score", "shrv_score", "shrv_value")
    yield (
        "samsung_health_energy_score",
        day,
        positive(row.get("total_score")),
        {name: number(row.get(name)) for name in names},
    )
    if day is not None:
        yield "sleeping_heart_rate", day, positive(row.get("shr_value")), {}


# Table -> kind of raw record and who reads it.
DAY_TABLES: dict[str, tuple[str, Callable[[bytes, str], Parsed]]] = {
    "com.samsung.shealth.step_daily_trend": ("step_daily_trend", _table(_step_trend)),
    "com.samsung.shealth.tracker.pedometer_day_summary": ("pedometer_day_summary", _table(_steps)),
    "com.samsung.shealth.activity.day_summary": ("day_summary", _table(_day_summary)),
    "com.samsung.shealth.calories_burned.details": ("calories_burned", _table(_calories)),
    "com.samsung.shealth.tracker.floors_day_summary": ("floors_day_summary", _table(_floors)),
    "com.samsung.health.weight": ("weight", _table(_weight)),
    "com.samsung.health.height": ("height", _table(_height)),
    "com.samsung.shealth.vitality_score": ("vitality_score", _table(_vitality)),
}
DAY_KINDS: dict[str, Callable[[bytes, str], Parsed]] = dict(DAY_TABLES.values())
