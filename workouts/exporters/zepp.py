"""Zepp (Amazfit): a workout of the seven-day window.

The partner API is not public. The payload is our own, after what is known of its behaviour: absolute values, speeds in
m/s, one primary target and a cadence beside it, repeats one level deep. All of its names are unverified.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from workouts.domain.athlete import AthleteParameters
from workouts.domain.coercion import Code, Warnings
from workouts.domain.structure import (
    Completion,
    Intensity,
    IntensityTarget,
    StepBlock,
    TargetType,
    Workout,
    WorkoutSport,
    WorkoutStep,
    step_path,
)
from workouts.exporters.base import CONVERTED, NO, YES, Cell, Export, Features, Support, exported
from workouts.exporters.writing import Writer, shown, whole

# What a step without an end, or with one that Zepp does not know, lasts.
DEFAULT_S = 60

_Sport = WorkoutSport
_SPORTS: dict[WorkoutSport, str] = {
    _Sport.RUNNING: "RUNNING",
    _Sport.TRAIL_RUNNING: "TRAILRUN",
    _Sport.CYCLING: "CYCLING",
    _Sport.SWIMMING: "LAP_SWIMMING",
}
_ENDS: dict[Completion, str] = {Completion.TIME: "TIME", Completion.DISTANCE: "DISTANCE"}
_INTENSITIES: dict[Intensity, str] = {intensity: intensity.value.upper() for intensity in Intensity}
_AS_THEY_ARE = frozenset({TargetType.HEART_RATE, TargetType.POWER, TargetType.SPEED, TargetType.PACE})
_PRIMARY = frozenset(TargetType) - {TargetType.RPE, TargetType.CADENCE}
UNVERIFIED = ("title", "description", "sport", "date", "steps", "type", "intensity", "completion", "target",
              "secondaryTarget", "times")  # fmt: skip

FEATURES = Features(
    operations={
        "create": Cell(Support.YES, "Within today and the six days after it."),
        "update": Cell(Support.YES, "The whole window is written anew."),
        "retrieve": NO,
        "delete": YES,
    },
    sports={sport: YES if sport in _SPORTS else NO for sport in WorkoutSport},
    targets={
        kind: YES
        if kind in _AS_THEY_ARE
        else Cell(Support.CONVERTED, "Only beside a heart rate, power, pace or speed.")
        if kind is TargetType.CADENCE
        else CONVERTED
        if kind in _PRIMARY
        else NO
        for kind in TargetType
    },
    completions={
        kind: YES
        if kind in _ENDS
        else Cell(Support.CONVERTED, "Wrapped in a repeat.")
        if kind is Completion.REPS
        else Cell(Support.CONVERTED, f"Ends after {DEFAULT_S} s.")
        if kind is Completion.OPEN
        else NO
        for kind in Completion
    },
    structure={
        "multiple_targets": Cell(Support.YES, "One, and a cadence beside it."),
        "block_repeats": Cell(Support.YES, "By a count."),
        "exercise_names": NO,
        "swim_strokes": NO,
        "controls": NO,
        "planned_date": Cell(Support.YES, "On the device from six days before."),
    },
    notes=("A single value becomes 5 % to either side.", "Every write or delete sends the whole window again."),
)


class ZeppExporter:
    slug = "zepp"
    name = "Zepp"
    features = FEATURES

    def export(self, workout: Workout, athlete: AthleteParameters, day: date) -> Export:
        """One workout of the window; sending puts those of all seven days together."""
        warnings = Warnings()
        payload = _Writer(workout, athlete, warnings).payload(day)
        return exported(self.slug, payload, workout, warnings, unverified=UNVERIFIED)


class _Writer(Writer):
    provider = "Zepp"

    def payload(self, day: date) -> dict[str, Any]:
        workout = self.workout
        sport = _SPORTS.get(workout.sport)
        if sport is None:
            sport = "RUNNING"
            self.lose_sport("a run")
        self.imply_environment()
        self.lose_estimates()
        self.pool_length(has_place=False)
        return {
            "title": workout.name,
            "description": workout.description,
            "sport": sport,
            "date": day.isoformat(),
            "steps": [it for index, block in enumerate(workout.step_blocks) for it in self._block(index, block)],
        }

    def _block(self, index: int, block: StepBlock) -> list[dict[str, Any]]:
        is_counted = any(step.completion_condition.type is Completion.REPS for step in block.steps)
        # A repeat holds no other.
        rounds = (
            self.unrolled(index, block, "Zepp counts no repetitions inside a block that repeats")
            if is_counted
            else self.rounds(index, block)
        )
        steps = [self._step(step_path(index, number), step) for number, step in enumerate(block.steps)]
        if rounds > 1 and not is_counted:
            return [{"type": "REPEAT", "times": rounds, "steps": steps}]
        return steps * rounds

    def _step(self, path: str, step: WorkoutStep) -> dict[str, Any]:
        texts = [step.notes] if step.notes else []
        completion, times = self._end(path, step, texts)
        primary, cadence = self._targets(path, step, texts)
        self.lose_swim(path, step, texts)
        self.lose_exercise(path, step.strength, texts)
        self.lose_weight(path, step.strength, texts, code=Code.EQUIPMENT_WEIGHT_IGNORED)
        self.lose_controls(path, step, texts)
        written: dict[str, Any] = {
            "type": "STEP",
            "intensity": _INTENSITIES[step.intensity_type],
            "description": ", ".join(texts),
            "completion": completion,
            "target": primary,
            "secondaryTarget": cadence,
        }
        return {"type": "REPEAT", "times": times, "steps": [written]} if times > 1 else written

    def _end(self, path: str, step: WorkoutStep, texts: list[str]) -> tuple[dict[str, Any], int]:
        """The end of the step, and how often it is done."""
        condition = step.completion_condition
        default = {"type": "TIME", "value": DEFAULT_S}
        where = f"{path}.completion_condition"
        if kind := _ENDS.get(condition.type):
            return {"type": kind, "value": whole(condition.value or 0)}, 1
        if condition.type is Completion.OPEN:
            self.warn(
                Code.COMPLETION_DEFAULTED, where, f"Zepp wants an end of every step: this one ends after {DEFAULT_S} s."
            )
        elif condition.type is Completion.REPS:
            texts.append(f"{condition.value:g} reps")
            self.warn(
                Code.BLOCK_WRAPPED,
                where,
                f"Zepp counts no repetitions of a step: it became a repeat of {DEFAULT_S} s each.",
            )
            return default, int(condition.value or 1)
        else:
            self.lose_end(path, step, f"it ends after {DEFAULT_S} s", texts)
        return default, 1

    def _targets(
        self, path: str, step: WorkoutStep, texts: list[str]
    ) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
        """The primary target and the cadence beside it."""
        told = [(f"{path}.intensity_targets[{index}]", it) for index, it in enumerate(step.intensity_targets)]
        primary = [it for it in told if it[1].target_type in _PRIMARY]
        cadence = [it for it in told if it[1].target_type is TargetType.CADENCE]
        for where, target in told:
            if target.target_type is TargetType.RPE:
                self.lose_target(where, target, texts)
        if len(primary) > 1:
            texts += [shown(target) for _, target in primary[1:]]
            self.warn(
                Code.TOO_MANY_TARGETS,
                f"{path}.intensity_targets",
                f"Zepp takes one target a step and a cadence: the first was kept, {len(primary) - 1} dropped.",
            )
        if cadence and not primary:
            where, target = cadence[0]
            texts.append(shown(target))
            self.warn(
                Code.CADENCE_NEEDS_PRIMARY,
                f"{where}.target_type",
                "Zepp takes a cadence only beside a heart rate, power, pace or speed: it was left out.",
            )
            cadence = []
        return (
            self._target(*primary[0]) if primary else None,
            self._target(*cadence[0]) if cadence else None,
        )

    def _target(self, where: str, target: IntensityTarget) -> dict[str, Any]:
        told = self.ranged(where, target, zone_base="threshold_heart_rate")
        digits = 3 if told.quantity == "speed" else 0
        low, high = self.ends(where, target, told, digits)
        return {"type": told.quantity.upper(), "low": low, "high": high}
