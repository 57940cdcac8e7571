"""A workout and an athlete's parameters as JSON, in the planned-workouts specification's own names.

The shape is checked by pydantic against the dataclasses of `structure`; what the values may be, by `validation`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any

from pydantic import TypeAdapter, ValidationError

from workouts.domain.athlete import AthleteParameters
from workouts.domain.structure import Workout
from workouts.domain.validation import Error, errors_of
from workouts.domain.zones import TABLES, Zone

_WORKOUT: TypeAdapter[Workout] = TypeAdapter(Workout)
# What an answer of the API has beside the workout.
_BESIDE = ("workout_id",)
_NUMBERS = ("max_heart_rate", "threshold_heart_rate", "ftp", "threshold_speed", "pool_length_meters")


class Invalid(ValueError):  # noqa: N818
    """The document is no workout; `errors` say why, each with its path."""

    def __init__(self, errors: tuple[Error, ...]) -> None:
        super().__init__("; ".join(f"{one.path}: {one.message}" if one.path else one.message for one in errors))
        self.errors = errors


def workout_of(document: Any) -> Workout:
    """The workout that a document (bytes, text or values of JSON) tells. Raises Invalid with all that is wrong.

    null counts as not told.
    """
    told = _loaded(document)
    if not isinstance(told, Mapping):
        raise Invalid((Error("", "A workout is an object with name, sport and step_blocks."),))
    try:
        workout = _WORKOUT.validate_python(_without_nulls({k: v for k, v in told.items() if k not in _BESIDE}))
    except ValidationError as error:
        raise Invalid(
            tuple(Error(_path(one["loc"]), _sentence(one["type"], one["msg"])) for one in error.errors())
        ) from error
    if errors := errors_of(workout):
        raise Invalid(errors)
    return workout


def document_of(value: Workout | AthleteParameters) -> dict[str, Any]:
    """The same in JSON's types, without what tells nothing; `workout_of` reads it back as it was."""
    told: dict[str, Any] = _plain(value)
    return told


def athlete_of(document: Any) -> AthleteParameters:
    """The parameters that a document tells: numbers above 0, and own zones as {"ftp": [0, 55, 75, ...]} in per cent.

    Raises Invalid.
    """
    told = _loaded(document)
    if not isinstance(told, Mapping):
        raise Invalid((Error("", "Athlete parameters are an object."),))
    errors: list[Error] = []
    numbers: dict[str, float] = {}
    for name in _NUMBERS:
        value = told.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
            errors.append(Error(name, "A number above 0 was expected."))
        else:
            numbers[name] = float(value)
    zones = {}
    for base, bounds in dict(told.get("zones") or {}).items():
        if base not in TABLES:
            errors.append(Error(f"zones.{base}", f"Zones are of {', '.join(TABLES)}."))
        elif not _is_table(bounds, len(TABLES[base])):
            count = len(TABLES[base])
            errors.append(
                Error(f"zones.{base}", f"{count} zones are {count + 1} bounds in per cent, each above the last.")
            )
        else:
            zones[base] = tuple(Zone(low, high) for low, high in pairwise(bounds))
    if errors:
        raise Invalid(tuple(errors))
    return AthleteParameters(**numbers, zones=zones)


def _is_table(bounds: Any, zones: int) -> bool:
    return (
        isinstance(bounds, list)
        and len(bounds) == zones + 1
        and all(isinstance(it, int | float) and not isinstance(it, bool) and 0 <= it <= 300 for it in bounds)
        and all(one < other for one, other in pairwise(bounds))
    )


def _loaded(document: Any) -> Any:
    if not isinstance(document, bytes | bytearray | str):
        return document
    try:
        return json.loads(document)
    except (ValueError, RecursionError) as error:
        raise Invalid((Error("", f"This is no JSON: {error}."),)) from error


def _without_nulls(told: Any) -> Any:
    if isinstance(told, Mapping):
        return {name: _without_nulls(value) for name, value in told.items() if value is not None}
    return [_without_nulls(value) for value in told] if isinstance(told, list | tuple) else told


def _plain(value: Any) -> Any:
    if isinstance(value, AthleteParameters):
        numbers = {name: value.told(name) for name in _NUMBERS if value.told(name) is not None}
        zones = {base: [table[0].low, *(zone.high for zone in table)] for base, table in value.zones.items()}
        return {**numbers, **({"zones": zones} if zones else {})}
    if isinstance(value, StrEnum):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        told = {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
        return {name: it for name, it in told.items() if it is not None and it != "" and it != []}
    return [_plain(one) for one in value] if isinstance(value, tuple) else value


def _path(place: tuple[int | str, ...]) -> str:
    path = ""
    for part in place:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path


def _sentence(kind: str, message: str) -> str:
    if kind == "missing":
        return "This is missing."
    if kind == "unexpected_keyword_argument":
        return "There is no such field."
    words = message.removeprefix("Input should be ").strip()
    return f"It should be {words}." if words != message else f"{message}."
