"""Wahoo: a plan (plan.json) and the workout that puts it into the calendar.

Relative targets are fractions of a number that the plan's header names (0.9 of `ftp`). A plan has no lap button and no
repetitions: every step ends by time, distance or work.
"""

from __future__ import annotations

import math
from datetime import date
from typing import Any

from workouts.domain.athlete import AthleteParameters
from workouts.domain.coercion import Code, Warnings
from workouts.domain.structure import (
    Completion,
    ControlType,
    Environment,
    Intensity,
    IntensityTarget,
    StepBlock,
    TargetType,
    Workout,
    WorkoutSport,
    WorkoutStep,
    step_path,
)
from workouts.domain.targets import Unit, parameter
from workouts.domain.totals import KCAL_A_MINUTE, OPEN_S, SECONDS_A_REP, SHORTEST_SET_S, totals_of
from workouts.exporters.base import CONVERTED, NO, YES, Cell, Export, Features, Support, exported
from workouts.exporters.writing import NAMES, Writer, whole

MAX_DESCRIPTION = 5000
BIKE, RUN = 0, 1

_Sport = WorkoutSport
# Family and type; the type that stands for the sport indoors.
_SPORTS: dict[WorkoutSport, tuple[int, int, int]] = {
    _Sport.RUNNING: (RUN, 1, 5),
    _Sport.TRAIL_RUNNING: (RUN, 4, 5),
    _Sport.CYCLING: (BIKE, 0, 12),
    _Sport.MOUNTAIN_BIKING: (BIKE, 13, 12),
}
_ON_FOOT = frozenset({_Sport.HIKING, _Sport.WALKING, _Sport.STAIR_CLIMBING, _Sport.BACKCOUNTRY_SKIING})
_INTENSITIES: dict[Intensity, str] = {
    Intensity.WARMUP: "wu",
    Intensity.ACTIVE: "active",
    Intensity.RECOVERY: "recover",
    Intensity.REST: "rest",
    Intensity.COOLDOWN: "cd",
}
# What a step without a target asks for.
_EXERTION: dict[Intensity, int] = {
    Intensity.WARMUP: 3,
    Intensity.ACTIVE: 5,
    Intensity.RECOVERY: 2,
    Intensity.REST: 1,
    Intensity.COOLDOWN: 2,
}
_TARGETS: dict[tuple[str, Unit], str] = {
    ("power", "absolute"): "watts",
    ("power", "ftp"): "ftp",
    ("heart_rate", "absolute"): "hr",
    ("heart_rate", "max_heart_rate"): "max_hr",
    ("heart_rate", "threshold_heart_rate"): "threshold_hr",
    ("speed", "absolute"): "speed",
    ("speed", "threshold_speed"): "threshold_speed",
    ("cadence", "absolute"): "rpm",
    ("rpe", "absolute"): "rpe",
}
_HEADERS: dict[str, str] = {
    "ftp": "ftp",
    "max_heart_rate": "max_hr",
    "threshold_heart_rate": "threshold_hr",
    "threshold_speed": "threshold_speed",
}
_TAKEN: tuple[Unit, ...] = ("absolute", "ftp", "max_heart_rate", "threshold_heart_rate", "threshold_speed")

FEATURES = Features(
    operations=dict.fromkeys(("create", "update", "retrieve", "delete"), YES),
    sports={sport: YES if sport in _SPORTS else NO for sport in WorkoutSport},
    targets={
        kind: CONVERTED if kind in (TargetType.HEART_RATE_ZONE, TargetType.POWER_ZONE) else YES for kind in TargetType
    },
    completions={kind: YES if kind in (Completion.TIME, Completion.DISTANCE) else NO for kind in Completion},
    structure={
        "multiple_targets": Cell(Support.YES, "All of them; a bike computer follows the first."),
        "block_repeats": Cell(Support.YES, "By a count."),
        "exercise_names": NO,
        "swim_strokes": NO,
        "controls": Cell(Support.YES, "The grade of a trainer."),
        "planned_date": Cell(Support.YES, "On the device from six days before."),
    },
    notes=("A step without a target gets an exertion (RPE).", "A single value becomes 5 % to either side."),
)


class WahooExporter:
    slug = "wahoo"
    name = "Wahoo"
    features = FEATURES

    def export(self, workout: Workout, athlete: AthleteParameters, day: date) -> Export:
        """The payload is {"plan": plan.json, "workout": the calendar's entry}; sending adds ids and tokens."""
        warnings = Warnings()
        payload = _Writer(workout, athlete, warnings).payload(day)
        return exported(self.slug, payload, workout, warnings)


class _Writer(Writer):
    provider = "Wahoo"

    def __init__(self, workout: Workout, athlete: AthleteParameters, warnings: Warnings) -> None:
        super().__init__(workout, athlete, warnings)
        other = (RUN, 1, 5) if workout.sport in _ON_FOOT else (BIKE, 0, 12)
        self.family, outdoors, indoors = _SPORTS.get(workout.sport, other)
        self.is_indoor = workout.environment is Environment.INDOOR
        self.type_id = indoors if self.is_indoor else outdoors
        self.named: set[str] = set()

    def payload(self, day: date) -> dict[str, Any]:
        workout = self.workout
        if workout.sport not in _SPORTS:
            self.lose_sport("a run" if self.family == RUN else "a ride")
        self.lose_environment(Environment.POOL)
        self.pool_length(has_place=False)
        self.lose_estimates("duration", "distance")
        intervals = [it for index, block in enumerate(workout.step_blocks) for it in self._block(index, block)]
        duration = workout.estimated_duration_seconds or totals_of(workout, self.athlete).duration_s
        header: dict[str, Any] = {
            "name": workout.name,
            "version": "1.0.0",
            "workout_type_family": self.family,
            "workout_type_location": 0 if self.is_indoor else 1,
        }
        if workout.description:
            header["description"] = self.cut(
                workout.description, MAX_DESCRIPTION, "workout.description", Code.DESCRIPTION_TRUNCATED
            )
        header["duration_s"] = round(duration)
        if workout.estimated_distance_meters:
            header["distance_m"] = whole(workout.estimated_distance_meters)
        header |= self._numbers()
        return {
            "plan": {"header": header, "intervals": intervals},
            "workout": {
                "name": workout.name,
                "workout_type_id": self.type_id,
                "starts": f"{day.isoformat()}T12:00:00Z",
                "minutes": math.ceil(round(duration) / 60),
            },
        }

    def _numbers(self) -> dict[str, Any]:
        """The athlete's numbers that targets refer to, and the one that the family's devices show."""
        usual = "ftp" if self.family == BIKE else "threshold_speed"
        wanted = [name for name in _HEADERS if name in self.named or (name == usual and self.athlete.told(name))]
        return {_HEADERS[name]: whole(parameter(self.athlete, name, self.warnings)) for name in wanted}

    def _block(self, index: int, block: StepBlock) -> list[dict[str, Any]]:
        rounds = self.rounds(index, block)
        steps = [self._step(step_path(index, number), step) for number, step in enumerate(block.steps)]
        if rounds == 1:
            return steps
        # A repeat counts the rounds after the first.
        return [{"name": "Set", "exit_trigger_type": "repeat", "exit_trigger_value": rounds - 1, "intervals": steps}]

    def _step(self, path: str, step: WorkoutStep) -> dict[str, Any]:
        texts = [step.notes or NAMES[step.intensity_type]]
        kind, value = self._end(path, step, texts)
        targets = [
            self._target(f"{path}.intensity_targets[{index}]", target)
            for index, target in enumerate(step.intensity_targets)
        ]
        if not targets:
            exertion = _EXERTION[step.intensity_type]
            targets = [{"type": "rpe", "low": exertion, "high": exertion}]
            self.warn(
                Code.RPE_FALLBACK,
                f"{path}.intensity_targets",
                f"Wahoo wants a target in every step: an exertion of {exertion} was added.",
            )
        self.lose_controls(path, step, texts, keeps=(ControlType.GRADE,))
        self.lose_swim(path, step, texts, stroke=Code.STROKE_UNSUPPORTED)
        self.lose_exercise(path, step.strength, texts)
        self.lose_weight(path, step.strength, texts)
        written: dict[str, Any] = {
            "name": ", ".join(texts),
            "exit_trigger_type": kind,
            "exit_trigger_value": whole(value),
            "intensity_type": _INTENSITIES[step.intensity_type],
            "targets": targets,
        }
        if grades := [it for it in step.controls if it.type is ControlType.GRADE]:
            written["controls"] = [{"type": "grade", "value": it.value} for it in grades]
        return written

    def _end(self, path: str, step: WorkoutStep, texts: list[str]) -> tuple[str, float]:
        condition = step.completion_condition
        value = condition.value or 0.0
        if condition.type is Completion.TIME:
            return "time", value
        if condition.type is Completion.DISTANCE:
            return "distance", value
        if condition.type is Completion.CALORIES and self.family == BIKE:
            # On a bike a kilojoule of work costs about a kilocalorie.
            self.lose_end(path, step, f"it ends after {value:g} kJ of work", texts)
            return "kj2", value
        if condition.type is Completion.CALORIES:
            seconds = round(value / KCAL_A_MINUTE * 60)
        elif condition.type is Completion.REPS:
            seconds = round(max(value * SECONDS_A_REP, SHORTEST_SET_S))
        else:
            seconds = round(OPEN_S)
        self.lose_end(path, step, f"it ends after an estimate of {seconds} s", texts)
        return "time", seconds

    def _target(self, where: str, target: IntensityTarget) -> dict[str, Any]:
        preferred: Unit = "ftp" if target.target_type is TargetType.POWER_ZONE else "max_heart_rate"
        told = self.ranged(where, target, _TAKEN, preferred=preferred)
        kind = _TARGETS[told.quantity, told.unit]
        if told.unit == "absolute":
            digits, factor = (3 if told.quantity == "speed" else 0 if told.quantity != "rpe" else 1), 1.0
        else:
            self.named.add(told.unit)
            digits, factor = 4, 0.01
        low, high = self.ends(where, target, told, digits, factor)
        return {"type": kind, "low": low, "high": high}
