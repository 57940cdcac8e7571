"""A FIT file as the values that mappings return."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from activities.domain.parsed import Parsed, ParsedActivity, Problem
from activities.formats.errors import Unreadable
from activities.formats.fit.activity import activities_of, efforts_of
from activities.formats.fit.decode import decode, decode_head
from activities.formats.fit.health import days_of, has_several_people, sleeps_of

# Kinds of files as FIT has them -> what we call them.
_KINDS: Mapping[str, str] = {
    "activity_summary": "activity",
    "monitoring_a": "monitoring",
    "monitoring_b": "monitoring",
    "monitoring_daily": "monitoring",
    "sport": "settings",
    "goals": "settings",
    "device": "settings",
    "exd_configuration": "settings",
}
# Kinds that the profile does not name.
_NUMBERS: Mapping[int, str] = {38: "monitoring", 44: "metrics", 49: "sleep", 61: "hrv", 68: "hrv", 58: "monitoring"}


def parse_fit(data: bytes, external_id: str) -> Parsed:
    """What the file tells: activities, or days and nights; nothing of what has no home here (courses, workouts,
    settings). Raises `Unreadable` where it is no FIT file or holds nothing at all."""
    decoded = decode(data)
    problems = list(decoded.problems)
    efforts = efforts_of(decoded.parts)
    activities: list[ParsedActivity] = []
    if any(effort.records or effort.messages("session") or effort.laps for effort in efforts):
        activities, said = activities_of(efforts, external_id)
        problems += said
    elif any(effort.file_id.get("type") == "activity" for effort in efforts):
        problems.append(Problem("", "It is the file of an activity, but holds none."))
    sleeps = sleeps_of(decoded.parts, external_id)
    days = days_of(decoded.parts)
    if has_several_people(decoded.parts):
        problems.append(Problem("", "It holds the weights of several people and does not tell which of them is whose."))
    return Parsed(tuple(activities), tuple(sleeps), tuple(days), tuple(problems))


def fit_kind(data: bytes) -> str:
    """What the file is for: "activity", "course", "workout", "settings", "weight", "monitoring", "sleep", "hrv", ...;
    "" where it does not say, or is no FIT file."""
    told = _file_id(data).get("type")
    if isinstance(told, int):
        return _NUMBERS.get(told, f"unknown_{told}")
    return _KINDS.get(told, told) if isinstance(told, str) else ""


def fit_creator(data: bytes) -> str:
    """The manufacturer as FIT names it ("garmin", "wahoo_fitness"); its number where FIT does not, "" where it is not
    told. Reads the beginning of the file only."""
    told = _file_id(data).get("manufacturer")
    return str(told) if told is not None else ""


def fit_created(data: bytes) -> datetime | None:
    """When the file was begun, as it says itself. Reads the beginning of the file only."""
    told = _file_id(data).get("time_created")
    return datetime.fromtimestamp(told, UTC) if isinstance(told, int) else None


def _file_id(data: bytes) -> Mapping[str, Any]:
    try:
        return next(iter(decode_head(data).messages("file_id")), {})
    except Unreadable:
        return {}
