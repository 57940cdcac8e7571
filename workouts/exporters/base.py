"""What an exporter is and declares. Pure: the same workout, athlete and date give the same payload.

The compatibility page is made from these declarations, and a test exports a workout for each of their cells.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, Literal, Protocol

from workouts.domain.athlete import AthleteParameters
from workouts.domain.coercion import Carried, CoercionWarning, Warnings
from workouts.domain.structure import Completion, TargetType, Workout, WorkoutSport, steps_of


class Support(StrEnum):
    """How far a provider takes something; `CONVERTED`: as something else of the same meaning, with a warning."""

    YES = "yes"
    CONVERTED = "converted"
    NO = "no"


Operation = Literal["create", "update", "retrieve", "delete"]


@dataclass(frozen=True)
class Cell:
    """One cell of the compatibility table, with what is to be said beside it."""

    support: Support
    note: str = ""


YES, CONVERTED, NO = Cell(Support.YES), Cell(Support.CONVERTED), Cell(Support.NO)


@dataclass(frozen=True)
class Features:
    """What a provider can do with a planned workout."""

    operations: Mapping[Operation, Cell]
    sports: Mapping[WorkoutSport, Cell]
    targets: Mapping[TargetType, Cell]
    completions: Mapping[Completion, Cell]
    # "multiple_targets", "block_repeats", "exercise_names", "swim_strokes", "controls", "planned_date".
    structure: Mapping[str, Cell]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Export:
    """A payload ready to send and what had to change in it, in path order.

    `steps` says of each step, by its path, how it was carried: exact, adapted or dropped. `unverified` are names in the
    payload that no public document confirms.
    """

    provider: str
    payload: Any
    coercion_warnings: tuple[CoercionWarning, ...] = ()
    steps: Mapping[str, Carried] = field(default_factory=dict)
    unverified: tuple[str, ...] = ()


class Exporter(Protocol):
    """Renders workouts for one provider; sending is a service's business."""

    @property
    def slug(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def features(self) -> Features: ...

    def export(self, workout: Workout, athlete: AthleteParameters, day: date) -> Export:
        """The payload for the athlete and that day. Never fails where something sensible can be given."""
        ...


def exported(provider: str, payload: Any, workout: Workout, warnings: Warnings, **more: Any) -> Export:
    """The export of a payload with what its warnings say of each step."""
    paths = [placed.path for placed in steps_of(workout)]
    return Export(
        provider=provider,
        payload=payload,
        coercion_warnings=warnings.in_order(),
        steps=dict(zip(paths, warnings.carried(paths), strict=True)),
        **more,
    )
