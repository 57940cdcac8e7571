"""A line of activities.csv -> activity.

The archive writes its columns in the athlete's language. An English header is read by its names, of which some occur
twice: the first "Distance" is rounded and in kilometres, the second is in metres. Any other header is read by place:
the order is the same in all languages. Times are UTC; cadence counts one leg.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from activities.domain.parsed import Parsed, ParsedActivity
from integrations.errors import UnexpectedPayload
from integrations.providers.strava.sports import sport_of
from integrations.told import number
from trainstack.sports import GENERIC, is_step_sport

PROVIDER = "strava"

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
    except ValueError:
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
