"""What a file format of workouts is: written like an export, read with what had no place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Protocol

from workouts.domain.athlete import AthleteParameters
from workouts.domain.coercion import CoercionWarning
from workouts.domain.structure import Workout
from workouts.exporters.base import Export


class Unreadable(ValueError):  # noqa: N818
    """Nothing of the file can be read as a workout; the message is a sentence for a person, without the file's name."""


@dataclass(frozen=True)
class Imported:
    """The workout that a file tells, and what of it our model has no place for."""

    workout: Workout
    warnings: tuple[CoercionWarning, ...] = ()


class Format(Protocol):
    """One file format. Pure."""

    @property
    def slug(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def ending(self) -> str:
        """Of its files' names: ".zwo"."""
        ...

    def write(self, workout: Workout, athlete: AthleteParameters, day: date) -> Export:
        """The file's bytes as the payload, and all that had to change."""
        ...

    def recognises(self, data: bytes) -> bool:
        """Whether these bytes look like it."""
        ...

    def read(self, data: bytes, athlete: AthleteParameters) -> Imported:
        """The workout. The athlete's numbers are for what a file tells in watts only. Raises Unreadable."""
        ...
