"""What Strava tells of an activity: its API's JSON, and a line of the archive's activities.csv.

Both count cadence by one foot. The API's `start_date_local` ends in Z and is a wall clock all the same, so it is only
read where nothing else tells the offset.

The archive writes its columns in the athlete's language. An English header is read by its names, of which some occur
twice: the first "Distance" is rounded and in kilometres, the second is in metres. Any other header is read by place:
the order is the same in all languages. Times are UTC.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from activities.domain.parsed import Addition, Lap, Parsed, ParsedActivity, Stream
from activities.formats.devices import device_kind
from integrations.errors import UnexpectedPayload
from integrations.providers.strava.sports import SPORTS, sport_of
from integrations.told import (
    aware,
    entries,
    json_of,
    list_of,
    mapping,
    number,
    object_of,
    offset_at,
    positions,
    positive,
    scaled,
    stream_of,
    text,
    whole,
    zone_named,
)
from trainstack.sports import GENERIC, is_step_sport

PROVIDER = "strava"
PAGES = "https://www.strava.com"

ID, DATE, NAME, TYPE, DESCRIPTION = range(5)
# Places counted from the column that names the file; what stands before it, from the start.
_FILE_WORDS = frozenset(
    {
        "filename", "dateiname", "nom du fichier", "nombre de archivo", "nombre del archivo", "nome file",
        "nome del file", "nome do arquivo", "nome do ficheiro", "bestandsnaam", "nazwa pliku", "ファイル名", "文件名",
        "имя файла", "filnavn", "filnamn", "tiedostonimi",
    }
)  # fmt: skip
_FILE_PLACE = 12
_AFTER_FILE: tuple[str, ...] = (
    "athlete_weight", "bike_weight", "elapsed_s", "moving_s", "distance_m", "max_speed", "avg_speed", "elevation_gain",
    "elevation_loss", "elevation_low", "elevation_high", "max_grade", "avg_grade", "avg_positive_grade",
    "avg_negative_grade", "max_cadence", "avg_cadence", "max_heart_rate", "avg_heart_rate", "max_watts", "avg_watts",
    "calories", "max_temperature", "avg_temperature", "relative_effort", "total_work",
)  # fmt: skip
# English name -> field; of a name that occurs twice the last counts, but for those with a place.
_NAMED: dict[str, str] = {
    "activity description": "description",
    "activity private note": "private_note",
    "activity gear": "gear",
    "commute": "commute",
    "filename": "file",
    "athlete weight": "athlete_weight",
    "bike weight": "bike_weight",
    "elapsed time": "elapsed_s",
    "moving time": "moving_s",
    "max speed": "max_speed",
    "average speed": "avg_speed",
    "elevation gain": "elevation_gain",
    "elevation loss": "elevation_loss",
    "elevation low": "elevation_low",
    "elevation high": "elevation_high",
    "max cadence": "max_cadence",
    "average cadence": "avg_cadence",
    "max heart rate": "max_heart_rate",
    "average heart rate": "avg_heart_rate",
    "max watts": "max_watts",
    "average watts": "avg_watts",
    "calories": "calories",
    "average temperature": "avg_temperature",
    "relative effort": "relative_effort",
    "total work": "total_work",
    "weighted average power": "weighted_power",
}
_MONTHS: tuple[tuple[str, ...], ...] = (
    ("jan", "ene", "gen", "янв", "sty"), ("feb", "fév", "fev", "фев", "lut"),
    ("mar", "mär", "mrz", "maa", "мар"), ("apr", "avr", "abr", "апр", "kwi"),
    ("may", "mai", "mag", "mei", "мая", "maj"),
    ("jun", "juin", "giu", "июн", "cze"), ("jul", "juil", "lug", "июл", "lip"),
    ("aug", "aoû", "aou", "ago", "авг", "sie"),
    ("sep", "set", "сен", "wrz"), ("oct", "okt", "ott", "out", "окт", "paź"), ("nov", "ноя", "lis"),
    ("dec", "dez", "déc", "dic", "дек", "gru"),
)  # fmt: skip
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?\s*(?:([ap])\.?\s?m\b\.?)?", re.IGNORECASE)
# Some write 10.02.11; a date in front must not be taken for it.
_DOTTED_CLOCK = re.compile(r"(?<=\s)(\d{1,2})\.(\d{2})(?:\.(\d{2}))?()$")


# --- the API --------------------------------------------------------------------------------

# Keys of the streams -> our streams. `moving` stays in the record.
STREAMS: Mapping[str, str] = {
    "altitude": "altitude",
    "cadence": "cadence",
    "distance": "distance",
    "grade_smooth": "grade",
    "heartrate": "heart_rate",
    "temp": "temperature",
    "velocity_smooth": "speed",
    "watts": "power",
}
# What is asked for.
STREAM_KEYS = "time,distance,latlng,altitude,velocity_smooth,heartrate,cadence,watts,temp,moving,grade_smooth"
# `workout_type` of runs and rides; 0 and 10 are "nothing special".
_WORKOUTS: Mapping[int, str] = {1: "race", 2: "long run", 3: "workout", 11: "race", 12: "workout"}
_STATIONARY = frozenset({"cycling", "running"})


def parse_detail(data: bytes, external_id: str) -> Parsed:
    """The activity of `/activities/{id}`: with calories, laps, segment efforts, gear and description."""
    return Parsed((_activity(object_of(data), external_id),))


def parse_summary(data: bytes, external_id: str) -> Parsed:
    """The activity as an element of `/athlete/activities` tells it: no calories, no laps."""
    return Parsed((_activity(object_of(data), external_id),))


def parse_laps(data: bytes, external_id: str) -> Parsed:
    """The laps of `/activities/{id}/laps`; their cadence counts one foot where the sport steps."""
    return Parsed(addition=Addition(laps=_laps(list_of(data), 1), one_foot=True))


def parse_streams(data: bytes, external_id: str) -> Parsed:
    """The streams of `/activities/{id}/streams`, by type or as a list; a key that is not there had no sensor."""
    columns = _columns(json_of(data))
    times = columns.pop("time", None)
    if times is None:
        raise UnexpectedPayload("The streams tell no times.")
    places = columns.pop("latlng", ())
    streams = {
        name: stream for key, name in STREAMS.items() if (stream := _stream(times, columns.get(key, ()))) is not None
    }
    track = positions(
        (number(time), number(place[0]), number(place[1]))
        for time, place in zip(times, places, strict=False)
        if isinstance(place, list) and len(place) == 2
    )
    return Parsed(addition=Addition(streams={**track, **streams}, one_foot=True))


def _columns(told: Any) -> dict[str, list[Any]]:
    """The values of each stream by its type."""
    if isinstance(told, list):
        told = {text(one.get("type")): one for one in entries(told)}
    columns = {}
    for key, one in mapping(told).items():
        values = one.get("data") if isinstance(one, dict) else one
        if isinstance(values, list):
            columns[key] = values
    return columns


def _stream(times: Sequence[Any], values: Sequence[Any]) -> Stream | None:
    count = min(len(times), len(values))
    if not count:
        return None
    axis, column = _floats(times[:count]), _floats(values[:count])
    if axis is None or column is None or not np.all(np.diff(axis) > 0):
        return stream_of((number(time), number(value)) for time, value in zip(times, values, strict=False))
    told = np.isfinite(column)
    return Stream(axis[told], column[told]) if told.any() else None


def _floats(values: Sequence[Any]) -> NDArray[np.float64] | None:
    """The values with NaN for null; None where something else stands among them."""
    if not all(value is None or type(value) in (int, float) for value in values):
        return None
    try:
        return np.array(values, np.float64)
    except OverflowError:
        return None


def _activity(told: Mapping[str, Any], external_id: str) -> ParsedActivity:
    start = aware(told.get("start_date"))
    if start is None:
        raise UnexpectedPayload(f"The activity has no start that can be read: {told.get('start_date')!r}.")
    kind = text(told.get("sport_type")) or text(told.get("type"))
    sport = SPORTS.get(kind, GENERIC)
    if told.get("trainer") is True and sport in _STATIONARY:
        sport += "+stationary"
    feet = 2 if is_step_sport(sport) else 1
    has_pulse = told.get("has_heartrate") is not False
    device = text(told.get("device_name"))
    manual = told.get("manual") is True
    return ParsedActivity(
        external_id=external_id,
        sport=sport,
        start_time=start,
        provider=PROVIDER,
        provider_type=kind,
        name=text(told.get("name")),
        utc_offset_s=_offset_s(told, start),
        elapsed_s=positive(told.get("elapsed_time")),
        moving_s=positive(told.get("moving_time")),
        distance_m=number(told.get("distance")),
        elevation_gain_m=number(told.get("total_elevation_gain")),
        energy_kcal=positive(told.get("calories")),
        avg_heart_rate_bpm=positive(told.get("average_heartrate")) if has_pulse else None,
        max_heart_rate_bpm=positive(told.get("max_heartrate")) if has_pulse else None,
        avg_power_w=positive(told.get("average_watts")),
        max_power_w=positive(told.get("max_watts")),
        avg_cadence_rpm=scaled(told.get("average_cadence"), feet, only_positive=True),
        avg_speed_mps=positive(told.get("average_speed")),
        max_speed_mps=positive(told.get("max_speed")),
        device=device,
        device_kind=device_kind(device) if device else "app" if manual else "unknown",
        laps=_laps(told.get("laps"), feet),
        extra=_told_beside(told, external_id, feet),
    )


def _offset_s(told: Mapping[str, Any], start: datetime) -> int | None:
    """Seconds east of UTC at the start. The (GMT+01:00) in front of a zone's name is that of its winter."""
    offset = whole(told.get("utc_offset"))
    if offset is None and (zone := zone_named(_zone(told))):
        offset = offset_at(start.astimezone(zone))
    wall = aware(told.get("start_date_local"))
    if offset is None and wall is not None:
        offset = round((wall - start).total_seconds())
    return offset if offset is not None and abs(offset) < 86_400 else None


def _zone(told: Mapping[str, Any]) -> str:
    """ "(GMT+01:00) Europe/Paris" -> "Europe/Paris"."""
    return text(told.get("timezone")).rpartition(" ")[2]


def _laps(told: object, feet: int) -> tuple[Lap, ...]:
    laps = []
    for row in entries(told):
        start, elapsed = aware(row.get("start_date")), number(row.get("elapsed_time"))
        if start is not None and elapsed is not None and elapsed >= 0:
            laps.append(
                Lap(
                    start_time=start,
                    elapsed_s=elapsed,
                    timer_s=number(row.get("moving_time")),
                    distance_m=number(row.get("distance")),
                    avg_heart_rate_bpm=positive(row.get("average_heartrate")),
                    max_heart_rate_bpm=positive(row.get("max_heartrate")),
                    avg_power_w=positive(row.get("average_watts")),
                    avg_cadence_rpm=scaled(row.get("average_cadence"), feet, only_positive=True),
                    name=text(row.get("name")),
                )
            )
    return tuple(laps)


def _told_beside(told: Mapping[str, Any], external_id: str, feet: int) -> dict[str, Any]:
    """What has no field, under the archive's names where it tells the same."""
    manual, commute = told.get("manual") is True, told.get("commute") is True
    beside: dict[str, Any] = {
        "url": f"{PAGES}/activities/{external_id}",
        "time_zone": _zone(told),
        "description": text(told.get("description")),
        "private_note": text(told.get("private_note")),
        "gear": text(mapping(told.get("gear")).get("name")),
        "workout": _WORKOUTS.get(whole(told.get("workout_type")) or 0, ""),
        "visibility": text(told.get("visibility")) or ("only_me" if told.get("private") is True else ""),
        # Names of the file that was uploaded: whose record it was first.
        "origin": text(told.get("external_id")),
        "relative_effort": number(told.get("suffer_score")),
        "avg_temperature": number(told.get("average_temp")),
        "weighted_power": positive(told.get("weighted_average_watts")),
        "work_kj": positive(told.get("kilojoules")),
        "elevation_low": number(told.get("elev_low")),
        "elevation_high": number(told.get("elev_high")),
        "perceived_exertion": number(told.get("perceived_exertion")),
        "power_estimated": True if told.get("device_watts") is False and positive(told.get("average_watts")) else None,
        "manual": manual or None,
        "commute": commute or None,
        "segment_efforts": [_segment_effort(row, feet) for row in entries(told.get("segment_efforts"))],
    }
    return {name: value for name, value in beside.items() if value not in (None, "", [])}


def _segment_effort(row: Mapping[str, Any], feet: int) -> dict[str, Any]:
    """`rank` among everybody's efforts (1 to 10), `pr_rank` among the athlete's own (1 to 3), at the time of upload."""
    start, segment = aware(row.get("start_date")), mapping(row.get("segment"))
    number_of = text(segment.get("id"))
    effort: dict[str, Any] = {
        "name": text(row.get("name")) or text(segment.get("name")),
        "start_time": start.isoformat() if start else "",
        "elapsed_s": number(row.get("elapsed_time")),
        "moving_s": number(row.get("moving_time")),
        "distance_m": number(row.get("distance")),
        "avg_heart_rate_bpm": positive(row.get("average_heartrate")),
        "max_heart_rate_bpm": positive(row.get("max_heartrate")),
        "avg_power_w": positive(row.get("average_watts")),
        "is_power_estimated": True if row.get("device_watts") is False and positive(row.get("average_watts")) else None,
        "avg_cadence_rpm": scaled(row.get("average_cadence"), feet, only_positive=True),
        "rank": whole(row.get("kom_rank")),
        "pr_rank": whole(row.get("pr_rank")),
        "segment_url": f"{PAGES}/segments/{number_of}" if number_of else "",
    }
    return {name: value for name, value in effort.items() if value not in (None, "")}


# --- the archive ----------------------------------------------------------------------------


def parse_row(data: bytes, external_id: str) -> Parsed:
    """The activity that a line tells, under its header. Raises UnexpectedPayload where it does not say when it was."""
    try:
        rows = [row for row in csv.reader(io.StringIO(data.decode("utf-8-sig", "replace"), newline="")) if row]
    except csv.Error as error:
        raise UnexpectedPayload("This is no line of a table.") from error
    if len(rows) < 2 or len(rows[1]) <= TYPE:
        raise UnexpectedPayload("A line of activities.csv with its header was expected here.")
    header, row = rows[0], rows[1]
    start = moment_of(row[DATE])
    if start is None:
        raise UnexpectedPayload(f"The activity has no start that can be read: {row[DATE]!r}.")
    told = _fields(header, row)
    sport = sport_of(row[TYPE]) or GENERIC
    feet = 2 if is_step_sport(sport) else 1

    def figure(name: str) -> float | None:
        return _number(told.get(name, ""))

    def above_zero(name: str) -> float | None:
        return figure(name) or None

    cadence = {name: value * feet if (value := above_zero(name)) else None for name in ("avg_cadence", "max_cadence")}
    kilometres = _number(told.get("kilometres", ""))
    return Parsed(
        (
            ParsedActivity(
                external_id=external_id,
                sport=sport,
                start_time=start,
                provider=PROVIDER,
                provider_type=row[TYPE].strip(),
                name=row[NAME].strip(),
                elapsed_s=figure("elapsed_s"),
                moving_s=above_zero("moving_s"),
                distance_m=figure("distance_m") if figure("distance_m") is not None else _metres(kilometres),
                elevation_gain_m=figure("elevation_gain"),
                elevation_loss_m=figure("elevation_loss"),
                energy_kcal=above_zero("calories"),
                avg_heart_rate_bpm=above_zero("avg_heart_rate"),
                max_heart_rate_bpm=above_zero("max_heart_rate"),
                avg_power_w=above_zero("avg_watts"),
                max_power_w=above_zero("max_watts"),
                avg_cadence_rpm=cadence["avg_cadence"],
                max_cadence_rpm=cadence["max_cadence"],
                avg_speed_mps=above_zero("avg_speed"),
                max_speed_mps=above_zero("max_speed"),
                extra=_extra(told),
            ),
        )
    )


def file_of(header: Sequence[str], row: Sequence[str]) -> str:
    """The path of the row's file inside the archive; empty where it has none."""
    place = _file_place(header)
    return row[place].strip() if place < len(row) else ""


def moment_of(words: str) -> datetime | None:
    """The UTC time in a date of any of the archive's languages; None where none can be read."""
    clock = _CLOCK.search(words) or _DOTTED_CLOCK.search(words.strip())
    if not clock:
        return None
    day_words = f"{words[: clock.start()]} {words[clock.end() :]}".casefold()
    numbers = [int(digits) for digits in re.findall(r"\d+", day_words)]
    month = next((place for place, names in enumerate(_MONTHS, 1) if _names_month(day_words, names)), None)
    year = next((one for one in numbers if one >= 1000), None)
    small = [one for one in numbers if one < 1000]
    if year is None:
        return None
    if month is None and len(small) >= 2:
        # 2026-06-14 and 2026/06/14 begin with the year; elsewhere the day comes first unless it cannot be one.
        first, second = small[:2]
        month, day = (first, second) if numbers[0] == year or second > 12 else (second, first)
    elif month is not None and small:
        day = small[0]
    else:
        return None
    hour, minute, second = int(clock[1]), int(clock[2]), int(clock[3] or 0)
    if clock[4]:
        hour = hour % 12 + (12 if clock[4].lower() == "p" else 0)
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _names_month(words: str, names: Sequence[str]) -> bool:
    return any(re.search(rf"(?<!\w){name}", words) for name in names)


def _fields(header: Sequence[str], row: Sequence[str]) -> dict[str, str]:
    """What the row tells, by our names."""
    names = [name.strip().casefold() for name in header]
    cells = [*row, *[""] * (len(names) - len(row))]
    told: dict[str, str] = {}
    if names and names[0] == "activity id":
        distances = [place for place, name in enumerate(names) if name == "distance"]
        for place, name in enumerate(names):
            if name in _NAMED and (cells[place] or _NAMED[name] not in told):
                told[_NAMED[name]] = cells[place]
        if distances:
            told["kilometres"] = cells[distances[0]]
        if len(distances) > 1:
            told["distance_m"] = cells[distances[-1]]
        return told
    place = _file_place(header)
    told = {name: cells[place + 1 + at] for at, name in enumerate(_AFTER_FILE) if place + 1 + at < len(cells)}
    told |= {"description": cells[DESCRIPTION], "kilometres": cells[6], "gear": cells[place - 1]}
    if place == _FILE_PLACE:
        told["private_note"] = cells[10]
    told["elapsed_s"] = told.get("elapsed_s") or cells[5]
    return told


def _file_place(header: Sequence[str]) -> int:
    return next((place for place, name in enumerate(header) if name.strip().casefold() in _FILE_WORDS), _FILE_PLACE)


def _number(words: str) -> float | None:
    """The number, also with a comma for the point; "1,012.3" and "1.012,3" part thousands."""
    bare = words.strip().replace("\u202f", "").replace("\xa0", "").replace(" ", "")
    if "," in bare and "." in bare:
        thousands = "," if bare.rfind(".") > bare.rfind(",") else "."
        bare = bare.replace(thousands, "")
    return number(bare.replace(",", "."))


def _metres(kilometres: float | None) -> float | None:
    return None if kilometres is None else round(kilometres * 1000, 3)


def _extra(told: Mapping[str, str]) -> dict[str, Any]:
    """What has no field: words as they stand, figures as numbers."""
    words = {name: told[name].strip() for name in ("description", "private_note", "gear") if told.get(name, "").strip()}
    figures = {
        name: value
        for name in ("relative_effort", "avg_temperature", "weighted_power", "elevation_low", "elevation_high")
        if (value := _number(told.get(name, ""))) is not None
    }
    return {**words, **figures}
