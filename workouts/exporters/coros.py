"""COROS: a push of the partner's training plan (format A of the public serializers).

Stroke and equipment have no field: they stand in brackets behind the step's name. The rest after a set of strength
belongs into the step of the set.
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
    Stroke,
    SwimEquipment,
    TargetType,
    Workout,
    WorkoutSport,
    WorkoutStep,
    step_path,
)
from workouts.domain.targets import Unit, parameter
from workouts.exporters.base import CONVERTED, NO, YES, Cell, Export, Features, Support, exported
from workouts.exporters.writing import NAMES, Writer, kilograms, shown, whole

_Sport = WorkoutSport
_SPORTS: dict[WorkoutSport, str] = {
    _Sport.RUNNING: "run",
    _Sport.TRAIL_RUNNING: "trailRun",
    _Sport.CYCLING: "bike",
    _Sport.MOUNTAIN_BIKING: "bike",
    _Sport.SWIMMING: "swim",
    _Sport.STRENGTH: "strength",
}
# The closest of the five types for what COROS does not plan.
_CLOSEST: dict[WorkoutSport, str] = {
    _Sport.YOGA: "strength",
    _Sport.PILATES: "strength",
    _Sport.CARDIO: "strength",
    _Sport.ELLIPTICAL: "run",
    _Sport.STAIR_CLIMBING: "run",
    _Sport.ROWING: "strength",
}
_WORDS = {"run": "a run", "bike": "a ride", "strength": "a strength workout"}
_CLASSES: dict[Intensity, str] = {
    Intensity.WARMUP: "WarmUp",
    Intensity.ACTIVE: "Active",
    Intensity.RECOVERY: "Rest",
    Intensity.REST: "Rest",
    Intensity.COOLDOWN: "CoolDown",
}
_UNITS: dict[tuple[str, Unit], str] = {
    ("power", "ftp"): "PercentOfFtp",
    ("power", "absolute"): "RangeOfFtp",
    ("heart_rate", "threshold_heart_rate"): "PercentOfThresholdHr",
    ("heart_rate", "absolute"): "RangeOfThresholdHr",
    ("speed", "threshold_speed"): "PercentOfThresholdSpeed",
    ("speed", "absolute"): "RangeOfThresholdSpeed",
    # Spelled so.
    ("cadence", "absolute"): "RangeOfCandence",
}
_BASELINES: dict[str, tuple[str, str]] = {
    "power": ("Ftp", "ftp"),
    "heart_rate": ("ThresholdHr", "threshold_heart_rate"),
    "speed": ("ThresholdSpeed", "threshold_speed"),
}
_TARGETS = frozenset(TargetType) - {TargetType.RPE}

FEATURES = Features(
    operations={
        "create": YES,
        "update": Cell(Support.YES, "Deleted and made anew: the workout's id changes."),
        "retrieve": NO,
        "delete": YES,
    },
    sports={
        sport: Cell(Support.YES, "Sent as a ride.")
        if sport is _Sport.MOUNTAIN_BIKING
        else YES
        if sport in _SPORTS
        else NO
        for sport in WorkoutSport
    },
    targets={
        TargetType.HEART_RATE: YES,
        TargetType.HEART_RATE_MAX_PERCENTAGE: Cell(Support.CONVERTED, "Sent in bpm."),
        TargetType.HEART_RATE_THRESHOLD_PERCENTAGE: YES,
        TargetType.HEART_RATE_ZONE: CONVERTED,
        TargetType.POWER: YES,
        TargetType.POWER_PERCENTAGE: YES,
        TargetType.POWER_ZONE: CONVERTED,
        TargetType.PACE: YES,
        TargetType.SPEED: YES,
        TargetType.SPEED_PERCENTAGE: YES,
        TargetType.CADENCE: YES,
        TargetType.RPE: NO,
    },
    completions={
        kind: YES if kind in (Completion.TIME, Completion.DISTANCE, Completion.REPS, Completion.OPEN) else NO
        for kind in Completion
    },
    structure={
        "multiple_targets": NO,
        "block_repeats": Cell(Support.YES, "By a count only."),
        "exercise_names": YES,
        "swim_strokes": Cell(Support.YES, "In brackets behind the step's name; no drills."),
        "controls": NO,
        "planned_date": YES,
    },
    notes=("A single value becomes 5 % to either side.", "Weights are kept to the gram."),
)


class CorosExporter:
    slug = "coros"
    name = "COROS"
    features = FEATURES

    def export(self, workout: Workout, athlete: AthleteParameters, day: date) -> Export:
        """The payload of a push with this one workout; sending adds the athlete's and the workout's ids."""
        warnings = Warnings()
        payload = _Writer(workout, athlete, warnings).payload(day)
        return exported(self.slug, payload, workout, warnings)


class _Writer(Writer):
    provider = "COROS"

    def payload(self, day: date) -> dict[str, Any]:
        workout = self.workout
        kind = _SPORTS.get(workout.sport) or _CLOSEST.get(workout.sport, "run")
        if workout.sport not in _SPORTS:
            self.lose_sport(_WORDS[kind])
        elif workout.sport is WorkoutSport.MOUNTAIN_BIKING:
            self.convert_sport("a ride")
        self.imply_environment()
        self.lose_estimates()
        self.pool_length(has_place=False)
        return {
            "StartDate": day.isoformat(),
            "EndDate": day.isoformat(),
            "Workouts": [
                {
                    "Title": workout.name,
                    "Description": workout.description,
                    "WorkoutDay": day.isoformat(),
                    "WorkoutType": kind,
                    "Structure": [
                        it for index, block in enumerate(workout.step_blocks) for it in self._block(index, block, kind)
                    ],
                }
            ],
        }

    def _block(self, index: int, block: StepBlock, kind: str) -> list[dict[str, Any]]:
        rounds = self.rounds(index, block)
        steps: list[dict[str, Any]] = []
        for number, step in enumerate(block.steps):
            path = step_path(index, number)
            if kind == "strength" and steps and "Rest" not in steps[-1] and _is_plain_rest(step):
                seconds = self.whole_end(path, step.completion_condition.value or 0)
                steps[-1]["Rest"] = {"Unit": "Second", "Value": seconds}
                self._note_recovery(path, step)
            else:
                steps.append(self._step(path, step))
        if rounds == 1:
            return steps
        return [{"Type": "Repetition", "Length": {"Unit": "Repetition", "Value": rounds}, "Steps": steps}]

    def _step(self, path: str, step: WorkoutStep) -> dict[str, Any]:
        texts: list[str] = []
        baselines: dict[str, Any] = {"Ftp": 0, "ThresholdHr": 0, "ThresholdSpeed": 0}
        target: Any = []
        weight = kilograms(step.strength) if step.strength else None
        if weight is not None:
            self._lose_for_weight(path, step, texts)
            target = {"Unit": "ValueOfEquipmentWeight", "Value": whole(weight)}
        elif picked := self.pick(path, step, _TARGETS, texts):
            target = self._target(*picked, baselines)
        self._note_recovery(path, step)
        name = self._name(path, step)
        length = self._length(path, step, texts)
        self.lose_controls(path, step, texts)
        self.lose_category(path, step.strength, texts)
        return {
            "Type": "Step",
            "IntensityClass": _CLASSES[step.intensity_type],
            "Name": name,
            "Description": ", ".join(texts),
            **baselines,
            "Length": length,
            "IntensityTarget": target,
        }

    def _note_recovery(self, path: str, step: WorkoutStep) -> None:
        if step.intensity_type is Intensity.RECOVERY:
            self.coerce_intensity(path, step, "a rest")

    def _lose_for_weight(self, path: str, step: WorkoutStep, texts: list[str]) -> None:
        for index, target in enumerate(step.intensity_targets):
            if target.target_type in _TARGETS:
                texts.append(shown(target))
                self.warn(
                    Code.TOO_MANY_TARGETS,
                    f"{path}.intensity_targets",
                    "COROS takes one target a step, and the weight is one: all others were dropped.",
                )
            else:
                self.lose_target(f"{path}.intensity_targets[{index}]", target, texts)

    def _target(self, where: str, target: IntensityTarget, baselines: dict[str, Any]) -> dict[str, Any]:
        quantity_base: Unit = "ftp" if target.target_type is TargetType.POWER_ZONE else "threshold_heart_rate"
        told = self.ranged(
            where,
            target,
            ("absolute", "ftp", "threshold_heart_rate", "threshold_speed"),
            preferred=quantity_base if target.target_type in _ZONED else "absolute",
            zone_base="threshold_heart_rate",
        )
        digits = 3 if told.quantity == "speed" and told.unit == "absolute" else 1 if told.unit != "absolute" else 0
        if baseline := _BASELINES.get(told.quantity):
            field, name = baseline
            number = (
                self.athlete.told(name) or 0
                if told.unit == "absolute"
                else parameter(self.athlete, name, self.warnings)
            )
            baselines[field] = whole(number)
        low, high = self.ends(where, target, told, digits)
        return {"Unit": _UNITS[told.quantity, told.unit], "MinValue": low, "MaxValue": high}

    def _length(self, path: str, step: WorkoutStep, texts: list[str]) -> dict[str, Any]:
        condition = step.completion_condition
        units = {Completion.TIME: "Second", Completion.DISTANCE: "Meter", Completion.REPS: "Reps"}
        if condition.type in units:
            return {"Unit": units[condition.type], "Value": self.whole_end(path, condition.value or 0)}
        if condition.type is not Completion.OPEN:
            self.lose_end(path, step, "the athlete ends it by hand", texts)
        return {"Unit": "EndManually", "Value": 0}

    def _name(self, path: str, step: WorkoutStep) -> str:
        """The step's name or exercise, with stroke and equipment in brackets."""
        exercise = step.strength.exercise_name.replace("_", " ").strip() if step.strength else ""
        words = [exercise.title() if exercise.isupper() else exercise] if exercise else []
        if step.notes:
            words.append(step.notes)
        words = words or [NAMES[step.intensity_type]]
        if swim := step.swimming:
            if swim.stroke_type is Stroke.DRILL:
                self.warn(
                    Code.STROKE_UNSUPPORTED,
                    f"{path}.swimming.stroke_type",
                    "COROS has no stroke “drill”: the word stands in the step's name.",
                )
            if swim.drill_type:
                self.warn(
                    Code.DRILL_UNSUPPORTED,
                    f"{path}.swimming.drill_type",
                    "COROS has no drills: the word stands in the step's name.",
                )
            gear = [it.value.removeprefix("swim_").replace("_", " ") for it in swim.equipment if it is not _NO_GEAR]
            told = [it.value for it in (swim.stroke_type, swim.drill_type) if it]
            words += [f"[{word}]" for word in dict.fromkeys((*told, *gear))]
            if swim.stroke_type and swim.stroke_type is not Stroke.DRILL:
                self.warn(
                    Code.STROKE_IN_NAME,
                    f"{path}.swimming.stroke_type",
                    "COROS has no field for a stroke: it stands in brackets behind the step's name.",
                )
            if gear:
                self.warn(
                    Code.EQUIPMENT_IN_NAME,
                    f"{path}.swimming.equipment",
                    "COROS has no field for equipment: it stands in brackets behind the step's name.",
                )
        return " ".join(words)


_NO_GEAR = SwimEquipment.NONE
_ZONED = frozenset({TargetType.HEART_RATE_ZONE, TargetType.POWER_ZONE})


def _is_plain_rest(step: WorkoutStep) -> bool:
    """A timed rest that says nothing else, and so can stand inside the set before it."""
    return (
        step.intensity_type in (Intensity.REST, Intensity.RECOVERY)
        and step.completion_condition.type is Completion.TIME
        and not (step.intensity_targets or step.notes or step.controls or step.strength or step.swimming)
    )
