"""What a file format of workouts is: written like an export, read with what had no place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from workouts.domain.athlete import AthleteParameters
from workouts.domain.coercion import Code, CoercionWarning
from workouts.domain.structure import StepBlock, Workout
from workouts.domain.validation import MAX_BLOCKS, MAX_STEPS
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


def bounded(blocks: Sequence[StepBlock], warnings: list[CoercionWarning]) -> tuple[StepBlock, ...]:
    """As many of the blocks, from the first on, as a workout may have; a warning where that is not all of them."""
    kept: list[StepBlock] = []
    steps = 0
    for block in blocks:
        steps += len(block.steps)
        if steps > MAX_STEPS or len(kept) == MAX_BLOCKS:
            message = f"A workout has at most {MAX_STEPS} steps: those behind them were left out."
            warnings.append(CoercionWarning(Code.STEP_COUNT_UNSUPPORTED, "workout.step_blocks", message))
            break
        kept.append(block)
    return tuple(kept)
