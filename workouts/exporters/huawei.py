"""Huawei Health: a custom running course. Create only, running only, and for no particular date.

The reference is not public: "distance", "calories", "heartRate" and "stepsRate" are spelled as they are assumed to be.
Huawei wants names that are unique for a user, so the date stands behind the name.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from workouts.domain.athlete import AthleteParameters
from workouts.domain.coercion import Code, Warnings
from workouts.domain.structure import (
    Completion,
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
from workouts.domain.targets import QUANTITY
from workouts.domain.totals import OPEN_S
from workouts.exporters.base import CONVERTED, NO, YES, Cell, Export, Features, Support, exported
from workouts.exporters.writing import NAMES, Writer, shown, whole

# One repetition of a step that is counted.
REP_S = 30
SLOWEST_S_PER_KM = 7200

_ACTIONS: dict[Intensity, str] = {
    Intensity.WARMUP: "Warm up",
    Intensity.ACTIVE: "run",
    Intensity.REST: "have a rest",
    Intensity.RECOVERY: "relax",
    Intensity.COOLDOWN: "relax",
}
_ENDS: dict[Completion, str] = {
    Completion.TIME: "time",
    Completion.DISTANCE: "distance",
    Completion.CALORIES: "calories",
}
_STRENGTHS = {"heart_rate": "heartRate", "speed": "pace", "cadence": "stepsRate"}
# Which of several targets is kept: the order is ours, the seed only says that there is one.
_PRIORITY: tuple[TargetType, ...] = (
    TargetType.HEART_RATE,
    TargetType.HEART_RATE_MAX_PERCENTAGE,
    TargetType.HEART_RATE_THRESHOLD_PERCENTAGE,
    TargetType.HEART_RATE_ZONE,
    TargetType.PACE,
    TargetType.SPEED,
    TargetType.SPEED_PERCENTAGE,
    TargetType.CADENCE,
)
_AS_THEY_ARE = frozenset({TargetType.HEART_RATE, TargetType.PACE, TargetType.SPEED, TargetType.CADENCE})
UNVERIFIED = ("distance", "calories", "heartRate", "stepsRate", "valueH", "valueL")

FEATURES = Features(
    operations={
        "create": YES,
        "update": Cell(Support.NO, "Only our own date moves; the course on the device stays as it is."),
        "retrieve": NO,
        "delete": Cell(Support.NO, "Ours goes; the device keeps the course."),
    },
    sports={sport: YES if sport is WorkoutSport.RUNNING else NO for sport in WorkoutSport},
    targets={kind: YES if kind in _AS_THEY_ARE else CONVERTED if kind in _PRIORITY else NO for kind in TargetType},
    completions={
        kind: YES
        if kind in _ENDS
        else Cell(Support.CONVERTED, "A repeat of its own.")
        if kind is Completion.REPS
        else NO
        for kind in Completion
    },
    structure={
        "multiple_targets": NO,
        "block_repeats": Cell(Support.YES, "By a count."),
        "exercise_names": NO,
        "swim_strokes": NO,
        "controls": NO,
        "planned_date": NO,
    },
    notes=(
        "The course is there at once, whatever the planned date.",
        "The date stands behind the name, because Huawei takes each name once.",
        "A single value becomes 5 % to either side.",
    ),
)


class HuaweiExporter:
    slug = "huawei"
    name = "Huawei"
    features = FEATURES

    def export(self, workout: Workout, athlete: AthleteParameters, day: date) -> Export:
        warnings = Warnings()
        payload = _Writer(workout, athlete, warnings).payload(day)
        return exported(self.slug, payload, workout, warnings, unverified=UNVERIFIED)


class _Writer(Writer):
    provider = "Huawei"

    def payload(self, day: date) -> dict[str, Any]:
        workout = self.workout
        if workout.sport is not WorkoutSport.RUNNING:
            self.lose_sport("a run")
        self.lose_environment(Environment.INDOOR, Environment.POOL)
        self.lose_estimates()
        self.pool_length(has_place=False)
        self.warn(
            Code.PLANNED_DATE_UNSUPPORTED,
            "planned_date",
            "Huawei plans for no date: the course is on the device at once.",
        )
        return {
            "name": f"{workout.name} {day.isoformat()}",
            "description": workout.description,
            "actionCombine": [
                it for index, block in enumerate(workout.step_blocks) for it in self._block(index, block)
            ],
        }

    def _block(self, index: int, block: StepBlock) -> list[dict[str, Any]]:
        counted = [step.completion_condition.type is Completion.REPS for step in block.steps]
        # A repeat holds no other.
        rounds = (
            self.unrolled(index, block, "Huawei counts no repetitions inside a block that repeats")
            if any(counted)
            else self.rounds(index, block)
        )
        actions = [self._action(step_path(index, number), step) for number, step in enumerate(block.steps)]
        if not any(counted) and rounds > 1:
            return [{"repeatTimes": rounds, "actionList": actions}]
        once = [
            {
                "repeatTimes": int(step.completion_condition.value or 1) if is_counted else 1,
                "actionList": [action],
            }
            for step, action, is_counted in zip(block.steps, actions, counted, strict=True)
        ]
        return once * rounds

    def _action(self, path: str, step: WorkoutStep) -> dict[str, Any]:
        texts = [step.notes or NAMES[step.intensity_type]]
        if step.intensity_type in (Intensity.RECOVERY, Intensity.COOLDOWN):
            self.coerce_intensity(path, step, "“relax”")
        target = self._end(path, step, texts)
        strength = self._strength(path, step, texts)
        self.lose_swim(path, step, texts, stroke=Code.STROKE_UNSUPPORTED)
        self.lose_exercise(path, step.strength, texts)
        self.lose_weight(path, step.strength, texts)
        self.lose_controls(path, step, texts)
        written = {"name": _ACTIONS[step.intensity_type], "describe": ", ".join(texts), "target": target}
        return {**written, "strength": strength} if strength else written

    def _end(self, path: str, step: WorkoutStep, texts: list[str]) -> dict[str, Any]:
        condition = step.completion_condition
        if kind := _ENDS.get(condition.type):
            return {"name": kind, "value": whole(condition.value or 0)}
        if condition.type is Completion.REPS:
            texts.append(f"{condition.value:g} reps")
            self.warn(
                Code.COMPLETION_CONVERTED,
                f"{path}.completion_condition",
                f"Huawei counts no repetitions of a step: it became a repeat of {REP_S} s each.",
            )
            return {"name": "time", "value": REP_S}
        self.lose_end(path, step, f"it ends after {OPEN_S:g} s", texts)
        return {"name": "time", "value": round(OPEN_S)}

    def _strength(self, path: str, step: WorkoutStep, texts: list[str]) -> dict[str, Any] | None:
        found = self._prioritised(path, step, texts)
        if found is None:
            return None
        where, target = found
        told = self.ranged(where, target)
        if QUANTITY[target.target_type] == "speed":
            # The faster end is the smaller number and stands in valueH.
            low, high = self._ms_per_km(where, told.low), self._ms_per_km(where, told.high)
        else:
            low, high = self.ends(where, target, told, 0)
        return {"name": _STRENGTHS[told.quantity], "valueH": high, "valueL": low}

    def _ms_per_km(self, where: str, speed: float) -> float:
        """Milliseconds a kilometre, of a near standstill those of the slowest pace that a workout has."""
        if speed >= 1000 / SLOWEST_S_PER_KM:
            return round(1_000_000 / speed)
        self.warn(
            Code.VALUE_CLAMPED, where, f"{speed:g} m/s is no pace: {SLOWEST_S_PER_KM} s a kilometre stands for it."
        )
        return SLOWEST_S_PER_KM * 1000

    def _prioritised(self, path: str, step: WorkoutStep, texts: list[str]) -> tuple[str, IntensityTarget] | None:
        taken = []
        for index, target in enumerate(step.intensity_targets):
            where = f"{path}.intensity_targets[{index}]"
            if target.target_type in _PRIORITY:
                taken.append((where, target))
            else:
                self.lose_target(where, target, texts)
        if not taken:
            return None
        best = min(taken, key=lambda it: _PRIORITY.index(it[1].target_type))
        if len(taken) > 1:
            texts += [shown(target) for where, target in taken if where != best[0]]
            self.warn(
                Code.TOO_MANY_TARGETS,
                f"{path}.intensity_targets",
                f"Huawei takes one target a step: {shown(best[1])} was kept, {len(taken) - 1} dropped.",
            )
        return best
