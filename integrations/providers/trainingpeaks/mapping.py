"""Rows of TrainingPeaks' workouts.csv: what was planned and what was done, by the day.

A row tells no time and no id. Where its file lies in the same archive, the row gives the name and the figures that the
file lacks; alone it becomes an activity that tells its day only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from activities.domain.parsed import DayValue, Parsed, ParsedActivity, Problem
from integrations.errors import UnexpectedPayload
from integrations.providers.trainingpeaks.sports import DAY_OFF, sport_of
from integrations.told import day_of, number, positive, rows_of, scaled, text
from trainstack.sports import GENERIC, family, is_step_sport

PROVIDER = "trainingpeaks"

# How the id of a row begins that has no file.
ALONE = "row-"
# `Type` of metrics.csv -> our metric, and what its unit is of ours. HRV does not say which kind it is, sleep not when
# it was: like all other types they are left in the export.
METRICS: dict[str, tuple[str, float]] = {
    "weight kilograms": ("weight", 1.0),
    "weight pounds": ("weight", 0.45359237),
    "pulse": ("resting_heart_rate", 1.0),
}
# A row and a file that tell one workout differ by so much at most.
TOLERANCE = 0.02
_PLACED = {
    "Title", "WorkoutType", "WorkoutDay", "DistanceInMeters", "PowerAverage", "PowerMax", "TimeTotalInHours",
    "VelocityAverage", "VelocityMax", "CadenceAverage", "CadenceMax", "HeartRateAverage", "HeartRateMax",
}  # fmt: skip


class Facts(NamedTuple):
    """What a row or a file tells of a workout, to know one by the other. `seconds` and `metres` where told."""

    day: date
    sport: str
    seconds: float | None
    metres: float | None


def parse_row(data: bytes, external_id: str) -> Parsed:
    """The workout of a header and one row. Raises UnexpectedPayload for what was only planned."""
    row = next(rows_of(data), None)
    facts = None if row is None else facts_of(row)
    if row is None or facts is None:
        raise UnexpectedPayload("The row names no day.")
    if not is_done(row):
        raise UnexpectedPayload("The workout was planned, not done.")
    # Steps of one foot are counted; ours are those of both.
    steps = 2.0 if is_step_sport(facts.sport) else 1.0
    workout = ParsedActivity(
        external_id=external_id,
        sport=facts.sport,
        start_time=datetime(facts.day.year, facts.day.month, facts.day.day, 12, tzinfo=UTC),
        day_only=True,
        provider=PROVIDER,
        provider_type=text(row.get("WorkoutType")),
        name=text(row.get("Title")),
        timer_s=facts.seconds,
        distance_m=facts.metres,
        avg_heart_rate_bpm=_figure(row, "HeartRateAverage"),
        max_heart_rate_bpm=_figure(row, "HeartRateMax"),
        avg_power_w=_figure(row, "PowerAverage"),
        max_power_w=_figure(row, "PowerMax"),
        avg_cadence_rpm=scaled(_figure(row, "CadenceAverage"), steps),
        max_cadence_rpm=scaled(_figure(row, "CadenceMax"), steps),
        avg_speed_mps=_figure(row, "VelocityAverage"),
        max_speed_mps=_figure(row, "VelocityMax"),
        source_name="TrainingPeaks",
        extra=_rest(row),
    )
    return Parsed(activities=(workout,))


def parse_metrics(data: bytes, external_id: str) -> Parsed:
    """What the athlete or a device entered for a day, the latest of each date."""
    found: dict[tuple[str, date], DayValue] = {}
    undated = 0
    for row in sorted(rows_of(data), key=lambda it: text(it.get("Timestamp"))):
        known = METRICS.get(text(row.get("Type")).casefold())
        if known is None:
            continue
        metric, factor = known
        day, value = day_of(row.get("Timestamp")), scaled(_entered(row), factor, only_positive=True)
        if day is None:
            undated += 1
        elif value is not None:
            found[metric, day] = DayValue(metric, day, value)
    problems = (Problem("", "A row has no date that can be read.", undated),) if undated else ()
    return Parsed(days=tuple(found[key] for key in sorted(found)), problems=problems)


def _entered(row: Mapping[str, str]) -> float | None:
    """The number of a row; of "Min : 48 / Max : 71 / Avg : 52" the average."""
    parts = dict(re.findall(r"(min|max|avg)\s*:\s*([0-9.,]+)", text(row.get("Value")).casefold()))
    return _figure({"Value": parts.get("avg", "") if parts else text(row.get("Value"))}, "Value")


def is_done(row: Mapping[str, str]) -> bool:
    """Whether the row tells what was done; a day off never does."""
    told = _figure(row, "TimeTotalInHours") or _figure(row, "DistanceInMeters")
    return told is not None and text(row.get("WorkoutType")).casefold() != DAY_OFF


def facts_of(row: Mapping[str, str]) -> Facts | None:
    """What identifies the row's workout; None where it names no day."""
    day = day_of(row.get("WorkoutDay"))
    if day is None:
        return None
    return Facts(
        day,
        sport_of(text(row.get("WorkoutType"))),
        scaled(_figure(row, "TimeTotalInHours"), 3600),
        _figure(row, "DistanceInMeters"),
    )


def facts_of_file(workout: ParsedActivity) -> Facts:
    """The same of a file's workout, by its own clock."""
    seconds = next((it for it in (workout.timer_s, workout.elapsed_s, workout.moving_s) if it is not None), None)
    return Facts(workout.start_time.date(), workout.sport, seconds, workout.distance_m)


def are_one(row: Facts, file: Facts) -> bool:
    """Whether both tell one workout: the day, the family of sports, and each length that both tell."""
    pairs = [(row.seconds, file.seconds), (row.metres, file.metres)]
    told = [(one, other) for one, other in pairs if one and other]
    known = GENERIC not in (family(row.sport), family(file.sport))
    return (
        abs((row.day - file.day).days) <= (0 if file.seconds is None else 1)
        and (not known or family(row.sport) == family(file.sport))
        and bool(told)
        and all(abs(one - other) <= TOLERANCE * max(one, other) for one, other in told)
    )


def _figure(row: Mapping[str, str], name: str) -> float | None:
    """A number above zero, also with a decimal comma."""
    told = text(row.get(name))
    return positive(told.replace(",", ".") if re.fullmatch(r"\d+,\d+", told) else told)


def _rest(row: Mapping[str, str]) -> dict[str, Any]:
    """The other columns, as numbers where they are such; `Energy` is work in kJ, not what the body burnt."""
    told = {name: value.strip() for name, value in row.items() if name and name not in _PLACED and value.strip()}
    return {name: value if (figure := number(value)) is None else figure for name, value in told.items()}
