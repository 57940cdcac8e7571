"""A workout as a coach means it: step blocks, their steps, each with a completion condition, an intensity and targets.

Values only. `workouts.domain.validation` says what is allowed, `workouts.domain.document` reads and writes the JSON.
Units: seconds, metres, m/s, seconds per kilometre (pace), bpm, watts, rpm or spm (cadence), kcal, per cent (85 = 85 %).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple


class WorkoutSport(StrEnum):
    RUNNING = "running"
    CYCLING = "cycling"
    SWIMMING = "swimming"
    STRENGTH = "strength"
    ROWING = "rowing"
    YOGA = "yoga"
    PILATES = "pilates"
    CARDIO = "cardio"
    TRAIL_RUNNING = "trail_running"
    MOUNTAIN_BIKING = "mountain_biking"
    BACKCOUNTRY_SKIING = "backcountry_skiing"
    HIKING = "hiking"
    WALKING = "walking"
    ELLIPTICAL = "elliptical"
    STAIR_CLIMBING = "stair_climbing"


class Environment(StrEnum):
    INDOOR = "indoor"
    OUTDOOR = "outdoor"
    POOL = "pool"


class Completion(StrEnum):
    """When a step or a block is over."""

    TIME = "time"
    DISTANCE = "distance"
    REPS = "reps"
    CALORIES = "calories"
    OPEN = "open"
    HR_LESS_THAN = "hr_less_than"
    HR_GREATER_THAN = "hr_greater_than"
    POWER_LESS_THAN = "power_less_than"
    POWER_GREATER_THAN = "power_greater_than"


class Intensity(StrEnum):
    REST = "rest"
    WARMUP = "warmup"
    COOLDOWN = "cooldown"
    RECOVERY = "recovery"
    ACTIVE = "active"


class TargetType(StrEnum):
    HEART_RATE = "heart_rate"
    POWER = "power"
    SPEED = "speed"
    PACE = "pace"
    CADENCE = "cadence"
    RPE = "rpe"
    HEART_RATE_MAX_PERCENTAGE = "heart_rate_max_percentage"
    HEART_RATE_THRESHOLD_PERCENTAGE = "heart_rate_threshold_percentage"
    POWER_PERCENTAGE = "power_percentage"
    SPEED_PERCENTAGE = "speed_percentage"
    HEART_RATE_ZONE = "heart_rate_zone"
    POWER_ZONE = "power_zone"


PERCENTAGES = frozenset(
    {
        TargetType.HEART_RATE_MAX_PERCENTAGE,
        TargetType.HEART_RATE_THRESHOLD_PERCENTAGE,
        TargetType.POWER_PERCENTAGE,
        TargetType.SPEED_PERCENTAGE,
    }
)
ZONES = frozenset({TargetType.HEART_RATE_ZONE, TargetType.POWER_ZONE})


class Stroke(StrEnum):
    FREESTYLE = "freestyle"
    BACKSTROKE = "backstroke"
    BREASTSTROKE = "breaststroke"
    BUTTERFLY = "butterfly"
    MIXED = "mixed"
    DRILL = "drill"
    IM = "im"


class Drill(StrEnum):
    KICK = "kick"
    PULL = "pull"
    DRILL = "drill"


class SwimEquipment(StrEnum):
    NONE = "none"
    FINS = "swim_fins"
    KICKBOARD = "swim_kickboard"
    PADDLES = "swim_paddles"
    PULL_BUOY = "swim_pull_buoy"
    SNORKEL = "swim_snorkel"


class WeightUnit(StrEnum):
    KG = "kg"
    LBS = "lbs"


# A field that we do not know is a mistake that would go unnoticed: no document may have one.
NO_MORE: Any = {"extra": "forbid"}


class ControlType(StrEnum):
    """Of the machine: grade as a fraction (0.02 = 2 %), resistance as its level."""

    GRADE = "grade"
    RESISTANCE = "resistance"


@dataclass(frozen=True, slots=True)
class CompletionCondition:
    """`value` in the unit of its type: seconds, metres, a count, kcal, bpm, watts; none for open."""

    __pydantic_config__ = NO_MORE

    type: Completion = Completion.OPEN
    value: float | None = None


OPEN = CompletionCondition()


@dataclass(frozen=True, slots=True)
class IntensityTarget:
    """Either `value`, or both ends of a range; of a percentage one end is enough."""

    __pydantic_config__ = NO_MORE

    target_type: TargetType
    value: float | None = None
    value_low: float | None = None
    value_high: float | None = None


@dataclass(frozen=True, slots=True)
class StepControl:
    __pydantic_config__ = NO_MORE

    type: ControlType
    value: float


@dataclass(frozen=True, slots=True)
class Strength:
    """`weight` in `weight_display_unit`, in kilograms where none is told."""

    __pydantic_config__ = NO_MORE

    exercise_name: str = ""
    exercise_category: str = ""
    weight: float | None = None
    weight_display_unit: WeightUnit | None = None


@dataclass(frozen=True, slots=True)
class SwimStep:
    __pydantic_config__ = NO_MORE

    stroke_type: Stroke | None = None
    drill_type: Drill | None = None
    equipment: tuple[SwimEquipment, ...] = ()


@dataclass(frozen=True, slots=True)
class WorkoutStep:
    """`intensity_targets` in the order of their weight, the primary one first. `notes` is also the step's name."""

    __pydantic_config__ = NO_MORE

    intensity_type: Intensity
    completion_condition: CompletionCondition = OPEN
    intensity_targets: tuple[IntensityTarget, ...] = ()
    notes: str = ""
    controls: tuple[StepControl, ...] = ()
    strength: Strength | None = None
    swimming: SwimStep | None = None


@dataclass(frozen=True, slots=True)
class StepBlock:
    """Steps that belong together: repeated `reps` times, until so many seconds or metres, or once (open)."""

    __pydantic_config__ = NO_MORE

    steps: tuple[WorkoutStep, ...]
    completion_condition: CompletionCondition = OPEN

    @property
    def rounds(self) -> int:
        """How often its steps are done where that is a count, else 1."""
        condition = self.completion_condition
        return int(condition.value or 1) if condition.type is Completion.REPS else 1


@dataclass(frozen=True, slots=True)
class Workout:
    __pydantic_config__ = NO_MORE

    name: str
    sport: WorkoutSport
    step_blocks: tuple[StepBlock, ...]
    description: str = ""
    environment: Environment | None = None
    pool_length_meters: float | None = None
    estimated_duration_seconds: float | None = None
    estimated_distance_meters: float | None = None
    estimated_calories: float | None = None


class Placed(NamedTuple):
    """A step and where it stands: `path` is "workout.step_blocks[1].steps[0]"."""

    block: int
    step: int
    path: str
    value: WorkoutStep


def block_path(block: int) -> str:
    return f"workout.step_blocks[{block}]"


def step_path(block: int, step: int) -> str:
    return f"{block_path(block)}.steps[{step}]"


def steps_of(workout: Workout) -> Iterator[Placed]:
    """Every step once, in order, whatever its block's rounds."""
    for b, block in enumerate(workout.step_blocks):
        for s, step in enumerate(block.steps):
            yield Placed(b, s, step_path(b, s), step)
