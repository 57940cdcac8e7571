"""What is allowed in a workout: the one place where form, API, command and file import have it checked."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from workouts.domain.structure import (
    PERCENTAGES,
    ZONES,
    Completion,
    CompletionCondition,
    ControlType,
    IntensityTarget,
    StepBlock,
    SwimEquipment,
    TargetType,
    Workout,
    WorkoutSport,
    WorkoutStep,
)

# Lowest and highest value of each target type, bounds included.
TARGET_BOUNDS: dict[TargetType, tuple[float, float]] = {
    TargetType.HEART_RATE: (30, 250),
    TargetType.POWER: (1, 2000),
    TargetType.SPEED: (0, 15),
    TargetType.PACE: (1, 7200),
    TargetType.CADENCE: (1, 300),
    TargetType.RPE: (1, 10),
    TargetType.HEART_RATE_MAX_PERCENTAGE: (0, 200),
    TargetType.HEART_RATE_THRESHOLD_PERCENTAGE: (0, 200),
    TargetType.POWER_PERCENTAGE: (0, 200),
    TargetType.SPEED_PERCENTAGE: (0, 200),
    TargetType.HEART_RATE_ZONE: (1, 5),
    TargetType.POWER_ZONE: (1, 7),
}
UNITS: dict[TargetType, str] = {
    TargetType.HEART_RATE: "bpm",
    TargetType.POWER: "W",
    TargetType.SPEED: "m/s",
    TargetType.PACE: "seconds per kilometre",
    TargetType.CADENCE: "rpm or spm",
    TargetType.RPE: "on the scale of exertion",
    TargetType.HEART_RATE_MAX_PERCENTAGE: "% of the highest heart rate",
    TargetType.HEART_RATE_THRESHOLD_PERCENTAGE: "% of the heart rate at threshold",
    TargetType.POWER_PERCENTAGE: "% of FTP",
    TargetType.SPEED_PERCENTAGE: "% of the speed at threshold",
    TargetType.HEART_RATE_ZONE: "as the number of a zone",
    TargetType.POWER_ZONE: "as the number of a zone",
}
# A day, a thousand kilometres, and so on: beyond is a slip of the unit.
_COMPLETION_BOUNDS: dict[Completion, tuple[float, float, str]] = {
    Completion.TIME: (1, 86_400, "seconds"),
    Completion.DISTANCE: (1, 1_000_000, "metres"),
    Completion.REPS: (1, 1000, "repetitions"),
    Completion.CALORIES: (1, 20_000, "kcal"),
    Completion.HR_LESS_THAN: (30, 250, "bpm"),
    Completion.HR_GREATER_THAN: (30, 250, "bpm"),
    Completion.POWER_LESS_THAN: (1, 2000, "W"),
    Completion.POWER_GREATER_THAN: (1, 2000, "W"),
}
_BLOCK_COMPLETIONS = (Completion.REPS, Completion.TIME, Completion.DISTANCE, Completion.OPEN)
MAX_NAME = 200
MAX_TEXT = 5000
MAX_BLOCKS = 500
MAX_STEPS = 500


@dataclass(frozen=True, slots=True)
class Error:
    """What is wrong, and where: "step_blocks[1].steps[0].intensity_targets[0].value_low"."""

    path: str
    message: str


def errors_of(workout: Workout) -> tuple[Error, ...]:
    """Everything that is wrong with it; nothing for a good one."""
    return tuple(_errors(workout))


def _errors(workout: Workout) -> Iterator[Error]:
    if not workout.name.strip():
        yield Error("name", "A workout needs a name.")
    elif len(workout.name) > MAX_NAME:
        yield Error("name", f"A name has at most {MAX_NAME} characters; this one has {len(workout.name)}.")
    yield from _text("description", workout.description)
    if workout.pool_length_meters is not None:
        if workout.sport is not WorkoutSport.SWIMMING:
            yield Error("pool_length_meters", "Only a swimming workout has a pool length.")
        yield from _positive("pool_length_meters", workout.pool_length_meters, 200)
    yield from _positive("estimated_duration_seconds", workout.estimated_duration_seconds, 604_800)
    yield from _positive("estimated_distance_meters", workout.estimated_distance_meters, 5_000_000)
    yield from _positive("estimated_calories", workout.estimated_calories, 100_000)
    if not workout.step_blocks:
        yield Error("step_blocks", "A workout needs at least one block of steps.")
    if len(workout.step_blocks) > MAX_BLOCKS:
        yield Error("step_blocks", f"A workout has at most {MAX_BLOCKS} blocks.")
    if sum(len(block.steps) for block in workout.step_blocks) > MAX_STEPS:
        yield Error("step_blocks", f"A workout has at most {MAX_STEPS} steps.")
    for index, block in enumerate(workout.step_blocks):
        yield from _block(f"step_blocks[{index}]", block, workout.sport)


def _block(path: str, block: StepBlock, sport: WorkoutSport) -> Iterator[Error]:
    condition = block.completion_condition
    where = f"{path}.completion_condition"
    if condition.type not in _BLOCK_COMPLETIONS:
        allowed = _listed([it.value for it in _BLOCK_COMPLETIONS])
        yield Error(f"{where}.type", f"A block is repeated by {allowed}; “{condition.type.value}” is for steps.")
    else:
        yield from _completion(where, condition)
    if not block.steps:
        yield Error(f"{path}.steps", "A block needs at least one step.")
    for index, step in enumerate(block.steps):
        yield from _step(f"{path}.steps[{index}]", step, sport)


def _step(path: str, step: WorkoutStep, sport: WorkoutSport) -> Iterator[Error]:
    yield from _completion(f"{path}.completion_condition", step.completion_condition)
    yield from _text(f"{path}.notes", step.notes)
    seen: dict[TargetType, int] = {}
    for index, target in enumerate(step.intensity_targets):
        where = f"{path}.intensity_targets[{index}]"
        if target.target_type in seen:
            yield Error(
                f"{where}.target_type",
                f"A step has each type of target once; intensity_targets[{seen[target.target_type]}] has this one.",
            )
        seen.setdefault(target.target_type, index)
        yield from _target(where, target)
    for index, control in enumerate(step.controls):
        where = f"{path}.controls[{index}].value"
        if control.type is ControlType.GRADE:
            yield from _between(where, control.value, -0.4, 0.4, "as a fraction: 0.02 is 2 %")
        else:
            yield from _between(where, control.value, 0, 1000, "as the machine's level")
    if step.strength is not None and step.strength.weight is not None:
        yield from _between(f"{path}.strength.weight", step.strength.weight, 0, 2000, "")
    if step.swimming is not None:
        if sport is not WorkoutSport.SWIMMING:
            yield Error(
                f"{path}.swimming", "Only a step of a swimming workout has a stroke, a drill or swim equipment."
            )
        equipment = step.swimming.equipment
        if len(set(equipment)) < len(equipment):
            yield Error(f"{path}.swimming.equipment", "Each piece of equipment is named once.")
        if SwimEquipment.NONE in equipment and len(equipment) > 1:
            yield Error(f"{path}.swimming.equipment", "“none” stands alone.")


def _completion(path: str, condition: CompletionCondition) -> Iterator[Error]:
    if condition.type is Completion.OPEN:
        if condition.value is not None:
            yield Error(f"{path}.value", "An open end has no value: the athlete presses the lap button.")
        return
    low, high, unit = _COMPLETION_BOUNDS[condition.type]
    if condition.value is None:
        yield Error(f"{path}.value", f"“{condition.type.value}” needs a value in {unit}.")
        return
    yield from _between(f"{path}.value", condition.value, low, high, unit)
    if condition.type is Completion.REPS and condition.value != int(condition.value):
        yield Error(f"{path}.value", "Repetitions are a whole number.")


def _target(path: str, target: IntensityTarget) -> Iterator[Error]:
    kind = target.target_type
    low, high = TARGET_BOUNDS[kind]
    told = {name: getattr(target, name) for name in ("value", "value_low", "value_high")}
    told = {name: value for name, value in told.items() if value is not None}
    for name, value in told.items():
        yield from _between(f"{path}.{name}", value, low, high, UNITS[kind])
        if kind in ZONES and value != int(value):
            yield Error(f"{path}.{name}", "A zone is a whole number.")
    if not told:
        ends = "value_low or value_high" if kind in PERCENTAGES else "a value, or value_low and value_high"
        yield Error(path, f"A target of type “{kind.value}” needs {ends}.")
    elif "value" in told and len(told) > 1:
        yield Error(f"{path}.value", "A target has either one value or a range, not both.")
    elif "value" in told and kind in PERCENTAGES:
        yield Error(f"{path}.value", "A percentage is a range: give value_low, value_high or both.")
    elif len(told) == 1 and "value" not in told and kind not in PERCENTAGES:
        missing = "value_low" if "value_high" in told else "value_high"
        yield Error(f"{path}.{missing}", "A range needs both ends, value_low and value_high; or give one value.")
    elif len(told) == 2 and not told["value_low"] < told["value_high"]:
        yield Error(f"{path}.value_low", "value_low must be less than value_high.")


def _between(path: str, value: float, low: float, high: float, unit: str) -> Iterator[Error]:
    if not math.isfinite(value) or not low <= value <= high:
        told = f" {unit}" if unit else ""
        yield Error(path, f"{value:g} is outside of what is allowed: {low:g} to {high:g}{told}.")


def _positive(path: str, value: float | None, most: float) -> Iterator[Error]:
    if value is not None and not (math.isfinite(value) and 0 < value <= most):
        yield Error(path, f"{value:g} is outside of what is allowed: more than 0, at most {most:g}.")


def _text(path: str, text: str) -> Iterator[Error]:
    if len(text) > MAX_TEXT:
        yield Error(path, f"A text has at most {MAX_TEXT} characters; this one has {len(text)}.")


def _listed(words: list[str]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"
