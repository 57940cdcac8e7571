"""One row of Peloton's workouts.csv. Figures are those of the screen; the units stand in the names of the columns."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from activities.domain.parsed import Parsed, ParsedActivity, Problem
from integrations.errors import UnexpectedPayload
from integrations.providers.peloton.sports import sport_of
from integrations.told import local, number, offset_s, positive, rows_of, scaled, text, zone_of_offset

PROVIDER = "peloton"

# Hours east of UTC. Of several meanings that of the countries where Peloton is sold.
_ZONES = {
    "UTC": 0, "GMT": 0, "WET": 0, "WEST": 1, "BST": 1, "CET": 1, "CEST": 2, "MEZ": 1, "MESZ": 2, "EET": 2, "EEST": 3,
    "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7, "AKST": -9, "AKDT": -8,
    "HST": -10, "AST": -4, "ADT": -3, "NST": -3.5, "NDT": -2.5, "AWST": 8, "ACST": 9.5, "ACDT": 10.5, "AEST": 10,
    "AEDT": 11, "NZST": 12, "NZDT": 13,
}  # fmt: skip
_TIMESTAMP = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d)(?: \(([^)]*)\))?")
_METRES = {"mi": 1609.344, "miles": 1609.344, "mile": 1609.344, "km": 1000.0, "m": 1.0}
_SPEEDS = {"mph": 0.44704, "kph": 1 / 3.6, "km/h": 1 / 3.6}


def parse_workout(data: bytes, external_id: str) -> Parsed:
    """The workout of a header and one row. Raises UnexpectedPayload where it does not say when it began."""
    row = next(rows_of(data), None)
    if row is None:
        raise UnexpectedPayload("There is no row in this table.")
    match = _TIMESTAMP.fullmatch(row.get("Workout Timestamp", "").strip())
    naive = local(match.group(1)) if match else None
    if match is None or naive is None:
        raise UnexpectedPayload(f"The workout has no time that can be read: {row.get('Workout Timestamp')!r}.")
    offset = zone_offset(match.group(2) or "")
    start: datetime = naive.replace(tzinfo=zone_of_offset(offset) if offset is not None else UTC)
    discipline, title = text(row.get("Fitness Discipline")), text(row.get("Title"))
    distance, distance_unit = _with_unit(row, "Distance")
    speed, speed_unit = _with_unit(row, "Avg. Speed")
    workout = ParsedActivity(
        external_id=external_id,
        sport=sport_of(discipline, title, text(row.get("Type"))),
        start_time=start,
        provider=PROVIDER,
        provider_type=discipline,
        name=title,
        utc_offset_s=None if offset is None else round(offset),
        timer_s=scaled(row.get("Length (minutes)"), 60, only_positive=True),
        distance_m=scaled(distance, _METRES[distance_unit], only_positive=True) if distance_unit in _METRES else None,
        energy_kcal=positive(row.get("Calories Burned")),
        avg_heart_rate_bpm=positive(row.get("Avg. Heartrate")),
        avg_power_w=positive(row.get("Avg. Watts")),
        avg_cadence_rpm=positive(_with_unit(row, "Avg. Cadence")[0]),
        avg_speed_mps=scaled(speed, _SPEEDS[speed_unit], only_positive=True)
        if speed_unit in _SPEEDS and positive(speed)
        else _speed_of_pace(*_with_unit(row, "Avg. Pace")),
        device="Peloton",
        source_name="Peloton",
        extra=_extra(row),
    )
    problems: tuple[Problem, ...] = ()
    if offset is None and match.group(2):
        problems = (Problem("", f"The time zone {match.group(2)!r} has several meanings: its clock is taken as UTC."),)
    return Parsed(activities=(workout,), problems=problems)


def zone_offset(told: str) -> float | None:
    """Seconds east of UTC of "PDT" or "-06"; None where it is neither."""
    hours = _ZONES.get(told.strip().upper())
    return hours * 3600 if hours is not None else offset_s(told.strip())


def _with_unit(row: Mapping[str, str], name: str) -> tuple[str, str]:
    """The cell of the column that begins so, and the unit in the column's name."""
    for column, value in row.items():
        match = re.fullmatch(rf"{re.escape(name)} \(([^)]*)\)", column.strip(), re.IGNORECASE)
        if match:
            return value, match.group(1).casefold()
    return "", ""


def _speed_of_pace(pace: str, unit: str) -> float | None:
    """m/s of "9:31" a mile or kilometre."""
    match = re.fullmatch(r"(\d+):(\d\d)", pace.strip())
    metres = _METRES.get(unit.removeprefix("min/"))
    seconds = int(match.group(1)) * 60 + int(match.group(2)) if match else 0
    return round(metres / seconds, 6) if metres and seconds else None


def _extra(row: Mapping[str, str]) -> dict[str, Any]:
    """What has no field: the class, and figures of the machine."""
    words = {
        "instructor": row.get("Instructor Name"),
        "class_type": row.get("Type"),
        "live": row.get("Live/On-Demand"),
        "class_timestamp": row.get("Class Timestamp"),
    }
    figures = {
        "total_work_kj": number(row.get("Total Output")),
        "avg_resistance_percent": number(text(row.get("Avg. Resistance")).removesuffix("%")),
        "avg_incline_percent": number(text(row.get("Avg. Incline")).removesuffix("%")),
    }
    return {name: text(told) for name, told in words.items() if text(told)} | {
        name: value for name, value in figures.items() if value is not None
    }
