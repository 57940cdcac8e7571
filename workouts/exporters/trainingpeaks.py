"""TrainingPeaks: a planned workout of the partner API. Intensities are whole per cent of the athlete's thresholds.

The steps travel as a string that holds JSON. A step without a target is sent without one: whether TrainingPeaks would
rather have one is not documented, and an invented target would be a change of the plan.
"""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from workouts.domain.athlete import AthleteParameters
from workouts.domain.coercion import Code, Warnings
from workouts.domain.structure import (
    Completion,
    Intensity,
    StepBlock,
    TargetType,
    Workout,
    WorkoutSport,
    WorkoutStep,
    step_path,
)
from workouts.domain.targets import QUANTITY, Unit
from workouts.domain.totals import OPEN_S, SECONDS_A_REP, SHORTEST_SET_S, step_totals, totals_of
from workouts.exporters.base import CONVERTED, NO, YES, Cell, Export, Features, Support, exported
from workouts.exporters.writing import NAMES, Writer, whole

MAX_TITLE = 500

_Sport = WorkoutSport
_SPORTS: dict[WorkoutSport, str] = {
    _Sport.RUNNING: "run",
    _Sport.CYCLING: "bike",
    _Sport.MOUNTAIN_BIKING: "mtb",
    _Sport.SWIMMING: "swim",
    _Sport.STRENGTH: "strength",
    _Sport.ROWING: "rowing",
    _Sport.WALKING: "walk",
}
# What the table of sports lacks, as the closest that it has.
_CLOSEST: dict[WorkoutSport, tuple[str, str]] = {
    _Sport.TRAIL_RUNNING: ("run", "a run"),
    _Sport.BACKCOUNTRY_SKIING: ("xc-ski", "cross-country skiing"),
    _Sport.CARDIO: ("x-train", "cross-training"),
    _Sport.YOGA: ("x-train", "cross-training"),
    _Sport.PILATES: ("x-train", "cross-training"),
    _Sport.ELLIPTICAL: ("x-train", "cross-training"),
    _Sport.STAIR_CLIMBING: ("x-train", "cross-training"),
    _Sport.HIKING: ("walk", "a walk"),
}
_CLASSES: dict[Intensity, str] = {
    Intensity.WARMUP: "WarmUp",
    Intensity.ACTIVE: "Active",
    Intensity.RECOVERY: "Rest",
    Intensity.REST: "Rest",
    Intensity.COOLDOWN: "CoolDown",
}
_PREFERRED: dict[str, Unit] = {"power": "ftp", "heart_rate": "max_heart_rate", "speed": "threshold_speed"}
_UNITS: dict[Unit, str] = {
    "ftp": "PercentOfFtp",
    "max_heart_rate": "PercentOfMaxHr",
    "threshold_heart_rate": "PercentOfThresholdHr",
    "threshold_speed": "PercentOfThresholdSpeed",
}
_AS_THEY_ARE = frozenset(
    {
        TargetType.HEART_RATE_MAX_PERCENTAGE,
        TargetType.HEART_RATE_THRESHOLD_PERCENTAGE,
        TargetType.POWER_PERCENTAGE,
        TargetType.SPEED_PERCENTAGE,
        TargetType.CADENCE,
        TargetType.RPE,
    }
)

FEATURES = Features(
    operations=dict.fromkeys(("create", "update", "retrieve", "delete"), YES),
    sports={sport: YES if sport in _SPORTS else NO for sport in WorkoutSport},
    targets={kind: YES if kind in _AS_THEY_ARE else CONVERTED for kind in TargetType},
    completions={
        Completion.TIME: YES,
        Completion.DISTANCE: YES,
        Completion.OPEN: YES,
        Completion.REPS: Cell(Support.CONVERTED, "As a time: 4 s a repetition, 30 s at least."),
        **dict.fromkeys(
            (
                Completion.CALORIES,
                Completion.HR_LESS_THAN,
                Completion.HR_GREATER_THAN,
                Completion.POWER_LESS_THAN,
                Completion.POWER_GREATER_THAN,
            ),
            NO,
        ),
    },
    structure={
        "multiple_targets": NO,
        "block_repeats": Cell(Support.YES, "By a count."),
        "exercise_names": Cell(Support.YES, "As the step's name."),
        "swim_strokes": NO,
        "controls": NO,
        "planned_date": Cell(
            Support.YES, "From a week ago to a year ahead; athletes without a plan get no future ones."
        ),
    },
    notes=(
        "Absolute values become per cent of the athlete's numbers: those told here, else those of the TrainingPeaks "
        "profile, else ours.",
        "A triathlon is one workout a leg, on the same date.",
        "A single value becomes 5 % to either side.",
    ),
)


class TrainingPeaksExporter:
    slug = "trainingpeaks"
    name = "TrainingPeaks"
    features = FEATURES

    def export(self, workout: Workout, athlete: AthleteParameters, day: date) -> Export:
        """The body of the call; sending adds the athlete's id."""
        warnings = _ByProfile()
        payload = _Writer(workout, athlete, warnings).payload(day)
        return exported(self.slug, payload, workout, warnings)


class _ByProfile(Warnings):
    """What is missing was in neither the request nor the athlete's profile at TrainingPeaks."""

    def add(self, code: Code, path: str, message: str) -> None:
        super().add(Code.ATHLETE_PROFILE_MISSING if code is Code.ATHLETE_PARAMETER_MISSING else code, path, message)


class _Writer(Writer):
    provider = "TrainingPeaks"

    def payload(self, day: date) -> dict[str, Any]:
        workout = self.workout
        kind = _SPORTS.get(workout.sport)
        if kind is None:
            kind, words = _CLOSEST[workout.sport]
            self.lose_sport(words)
        is_swim = workout.sport is WorkoutSport.SWIMMING
        self.imply_environment()
        self.pool_length(has_place=False)
        structure = [it for index, block in enumerate(workout.step_blocks) for it in self._block(index, block)]
        seconds = workout.estimated_duration_seconds or totals_of(workout, self.athlete).duration_s
        return {
            "WorkoutDay": day.isoformat(),
            "WorkoutType": kind,
            "Title": self.cut(workout.name, MAX_TITLE, "workout.name", Code.NAME_TRUNCATED),
            "Description": workout.description or None,
            "TotalTimePlanned": round(seconds / 3600, 4),
            "DistancePlanned": workout.estimated_distance_meters,
            "CaloriesPlanned": workout.estimated_calories,
            "StructureDisplayUnit": "meter" if is_swim else "kilometer",
            "Structure": json.dumps(structure, ensure_ascii=False, separators=(",", ":")),
        }

    def _block(self, index: int, block: StepBlock) -> list[dict[str, Any]]:
        rounds = self.rounds(index, block)
        steps = [self._step(step_path(index, number), step) for number, step in enumerate(block.steps)]
        if rounds == 1:
            return steps
        return [{"Type": "Repetition", "Length": {"Unit": "Repetition", "Value": rounds}, "Steps": steps}]

    def _step(self, path: str, step: WorkoutStep) -> dict[str, Any]:
        texts: list[str] = []
        length = self._length(path, step, texts)
        target = self._target(path, step, texts)
        self.lose_swim(path, step, texts, stroke=Code.STROKE_UNSUPPORTED)
        self.lose_weight(path, step.strength, texts)
        self.lose_controls(path, step, texts)
        self.lose_category(path, step.strength, texts)
        if step.intensity_type is Intensity.RECOVERY:
            self.coerce_intensity(path, step, "a rest")
        exercise = step.strength.exercise_name.replace("_", " ").strip() if step.strength else ""
        if exercise and step.notes:
            texts.insert(0, step.notes)
        written = {
            "Type": "Step",
            "IntensityClass": _CLASSES[step.intensity_type],
            "Name": exercise or step.notes or NAMES[step.intensity_type],
            **length,
            **target,
        }
        return {**written, "Notes": ", ".join(texts)} if texts else written

    def _length(self, path: str, step: WorkoutStep, texts: list[str]) -> dict[str, Any]:
        condition = step.completion_condition
        value = condition.value or 0
        if condition.type is Completion.TIME:
            return {"Length": {"Unit": "Second", "Value": self.whole_end(path, value)}}
        if condition.type is Completion.DISTANCE:
            return {"Length": {"Unit": "Meter", "Value": self.whole_end(path, value)}}
        if condition.type is Completion.REPS:
            seconds = round(max(value * SECONDS_A_REP, SHORTEST_SET_S))
            texts.append(f"{value:g} reps")
            self.warn(
                Code.COMPLETION_CONVERTED,
                f"{path}.completion_condition",
                f"TrainingPeaks counts no repetitions: {value:g} of them became {seconds} s.",
            )
            return {"Length": {"Unit": "Second", "Value": seconds}}
        if condition.type is Completion.OPEN:
            seconds = round(OPEN_S)
        else:
            seconds = round(step_totals(step, self.workout.sport, self.athlete).duration_s)
            self.lose_end(path, step, "the athlete ends it by hand", texts)
        return {"OpenDuration": True, "Length": {"Unit": "Second", "Value": seconds}}

    def _target(self, path: str, step: WorkoutStep, texts: list[str]) -> dict[str, Any]:
        picked = self.pick(path, step, frozenset(TargetType), texts)
        if picked is None:
            return {}
        where, target = picked
        quantity = QUANTITY[target.target_type]
        if quantity in ("cadence", "rpe"):
            told = self.ranged(where, target)
            low, high = self.ends(where, target, told, 1 if quantity == "rpe" else 0)
            if quantity == "cadence":
                return {"CadenceTarget": {"Unit": "rpm", "MinValue": low, "MaxValue": high}}
            return {"IntensityTarget": _written("Rpe", whole(round(told.middle, 1)), low, high)}
        told = self.ranged(where, target, tuple(_UNITS), preferred=_PREFERRED[quantity])
        low, high = self.ends(where, target, told, 1)
        return {"IntensityTarget": _written(_UNITS[told.unit], round(told.middle), low, high)}


def _written(unit: str, value: float, low: float, high: float) -> dict[str, Any]:
    return {"Unit": unit, "Value": value, "MinValue": low, "MaxValue": high}
