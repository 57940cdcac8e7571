"""What an export had to change: one warning for each value that was bent or lost, never one for what was carried."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class Code(StrEnum):
    """Why a value changed. A code with "unsupported" in it: the value is lost or replaced. All others: adapted."""

    # lost or replaced
    SPORT_UNSUPPORTED = "sport_unsupported"
    TARGET_TYPE_UNSUPPORTED = "target_type_unsupported"
    COMPLETION_UNSUPPORTED = "completion_unsupported"
    BLOCK_COMPLETION_UNSUPPORTED = "block_completion_unsupported"
    PLANNED_DATE_UNSUPPORTED = "planned_date_unsupported"
    CONTROL_UNSUPPORTED = "control_unsupported"
    STROKE_UNSUPPORTED = "stroke_unsupported"
    DRILL_UNSUPPORTED = "drill_unsupported"
    EQUIPMENT_UNSUPPORTED = "equipment_unsupported"
    EXERCISE_UNSUPPORTED = "exercise_unsupported"
    WEIGHT_UNSUPPORTED = "weight_unsupported"
    NOTES_UNSUPPORTED = "notes_unsupported"
    DESCRIPTION_UNSUPPORTED = "description_unsupported"
    ENVIRONMENT_UNSUPPORTED = "environment_unsupported"
    POOL_LENGTH_UNSUPPORTED = "pool_length_unsupported"
    STEP_COUNT_UNSUPPORTED = "step_count_unsupported"
    ESTIMATE_UNSUPPORTED = "estimate_unsupported"
    # the names of the planned-workouts specification
    SECONDARY_TARGET_IGNORED = "secondary_target_ignored"
    TOO_MANY_TARGETS = "too_many_targets"
    CADENCE_NEEDS_PRIMARY = "cadence_needs_primary"
    TARGET_REINTERPRETED = "target_reinterpreted"
    ATHLETE_PARAMETER_MISSING = "athlete_parameter_missing"
    ATHLETE_PROFILE_MISSING = "athlete_profile_missing"
    POOL_LENGTH_MISSING = "pool_length_missing"
    EXERCISE_UNKNOWN = "exercise_unknown"
    INTENSITY_TYPE_COERCED = "intensity_type_coerced"
    OUTSIDE_SYNC_WINDOW = "outside_sync_window"
    STROKE_IGNORED = "stroke_ignored"
    PROVIDER_ID_UNKNOWN = "provider_id_unknown"
    EQUIPMENT_WEIGHT_IGNORED = "equipment_weight_ignored"
    EQUIPMENT_REDUCED = "equipment_reduced"
    RPE_FALLBACK = "rpe_fallback"
    CUSTOM_EXERCISE_LIMIT = "custom_exercise_limit"
    EXTRA_BLOCK_DROPPED = "extra_block_dropped"
    # further adaptations, so that nothing changes in silence
    RANGE_WIDENED = "range_widened"
    TARGET_CONVERTED = "target_converted"
    VALUE_ROUNDED = "value_rounded"
    VALUE_CLAMPED = "value_clamped"
    NAME_TRUNCATED = "name_truncated"
    DESCRIPTION_TRUNCATED = "description_truncated"
    TEXT_TRANSLITERATED = "text_transliterated"
    SPORT_CONVERTED = "sport_converted"
    COMPLETION_CONVERTED = "completion_converted"
    COMPLETION_DEFAULTED = "completion_defaulted"
    BLOCK_UNROLLED = "block_unrolled"
    BLOCK_WRAPPED = "block_wrapped"
    WEIGHT_CONVERTED = "weight_converted"
    STROKE_IN_NAME = "stroke_in_name"
    EQUIPMENT_IN_NAME = "equipment_in_name"
    CUSTOM_EXERCISE = "custom_exercise"
    ALREADY_AVAILABLE = "already_available"

    @property
    def is_loss(self) -> bool:
        return "unsupported" in self.value


@dataclass(frozen=True, slots=True)
class CoercionWarning:
    """`path` as in "workout.step_blocks[1].steps[0].intensity_targets[0]"; `message` is a sentence for a person."""

    code: Code
    path: str
    message: str


Carried = Literal["exact", "adapted", "dropped"]

_NUMBER = re.compile(r"\[(\d+)\]")


class Warnings:
    """Collects warnings; gives them in path order, each code once a path."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, Code], CoercionWarning] = {}
        self._dropped: set[str] = set()

    def add(self, code: Code, path: str, message: str) -> None:
        self._found.setdefault((path, code), CoercionWarning(code, path, message))

    def drop(self, path: str) -> None:
        """Note that the step (or the block with all its steps) at this path is not in the payload at all."""
        self._dropped.add(path)

    def in_order(self) -> tuple[CoercionWarning, ...]:
        """By path, blocks and steps by their numbers; what is not of the workout comes last."""
        return tuple(sorted(self._found.values(), key=lambda one: (*_place(one.path), one.code.value)))

    def carried(self, paths: Iterable[str]) -> tuple[Carried, ...]:
        """How each of these steps was carried."""
        return tuple(self._carried(path) for path in paths)

    def _carried(self, path: str) -> Carried:
        if any(_is_within(path, dropped) for dropped in self._dropped):
            return "dropped"
        touched = any(_is_within(one.path, path) or _is_blocks(one.path, path) for one in self._found.values())
        return "adapted" if touched else "exact"


def _is_within(path: str, outer: str) -> bool:
    return path == outer or path.startswith((f"{outer}.", f"{outer}["))


def _is_blocks(path: str, step: str) -> bool:
    """Whether the warning is about the step's whole block."""
    block = step.rpartition(".steps[")[0]
    return path in (block, f"{block}.completion_condition")


def _place(path: str) -> tuple[int, tuple[tuple[str, int], ...]]:
    """A key that sorts [2] before [10], and what is not of the workout last."""
    group = 0 if path == "workout" or path.startswith("workout.") else 1
    parts: list[tuple[str, int]] = []
    for word in path.split("."):
        name, *numbers = _NUMBER.split(word)
        parts.append((name, int(numbers[0]) if numbers else -1))
    return group, tuple(parts)
