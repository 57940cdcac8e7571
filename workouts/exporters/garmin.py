"""Garmin: the workout of the Training API V2.

Every key of a step is sent, null where unused. Speeds and paces are m/s. Lap swimming is the odd one: watches look for
its target in the secondary slot, so the first target goes there and a second one into the primary slot.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from workouts.domain.athlete import AthleteParameters
from workouts.domain.coercion import Code, Warnings
from workouts.domain.structure import (
    Completion,
    CompletionCondition,
    Intensity,
    IntensityTarget,
    StepBlock,
    Strength,
    Stroke,
    SwimEquipment,
    SwimStep,
    TargetType,
    WeightUnit,
    Workout,
    WorkoutSport,
    WorkoutStep,
    block_path,
    step_path,
)
from workouts.domain.targets import Range, Unit, in_unit, range_of, widened
from workouts.exercises.catalogue import garmin_exercise
from workouts.exporters.base import CONVERTED, NO, YES, Cell, Export, Features, Support, exported
from workouts.exporters.writing import Writer, kilograms, whole

MAX_NAME = 80
MAX_DESCRIPTION = 1024
MAX_STEP_DESCRIPTION = 512
MAX_STEPS = 100
# A timed step of a lap swim, rests aside.
SWIM_TIME_S = (60, 3540)

_Sport = WorkoutSport
_SPORTS: dict[WorkoutSport, str] = {
    _Sport.RUNNING: "RUNNING",
    _Sport.TRAIL_RUNNING: "RUNNING",
    _Sport.CYCLING: "CYCLING",
    _Sport.MOUNTAIN_BIKING: "CYCLING",
    _Sport.SWIMMING: "LAP_SWIMMING",
    _Sport.STRENGTH: "STRENGTH_TRAINING",
    _Sport.CARDIO: "CARDIO_TRAINING",
    _Sport.YOGA: "YOGA",
    _Sport.PILATES: "PILATES",
}
# Supported, but under a broader name.
_BROADER = {
    _Sport.TRAIL_RUNNING: "a run",
    _Sport.MOUNTAIN_BIKING: "a ride",
    _Sport.BACKCOUNTRY_SKIING: "a workout of no particular sport, which few watches show",
}
_WITH_EXERCISES = frozenset({_Sport.STRENGTH, _Sport.CARDIO, _Sport.YOGA, _Sport.PILATES})
_WITH_TWO_TARGETS = frozenset({"CYCLING", "LAP_SWIMMING"})
# Work in these is an interval; elsewhere it is just active.
_WITH_INTERVALS = frozenset({"RUNNING", "CYCLING", "LAP_SWIMMING"})

_OF_MAXIMUM: tuple[Unit, ...] = ("max_heart_rate",)
_INTENSITIES: dict[Intensity, str] = {
    Intensity.WARMUP: "WARMUP",
    Intensity.COOLDOWN: "COOLDOWN",
    Intensity.RECOVERY: "RECOVERY",
    Intensity.REST: "REST",
}
_DURATIONS: dict[Completion, str] = {
    Completion.TIME: "TIME",
    Completion.DISTANCE: "DISTANCE",
    Completion.REPS: "REPS",
    Completion.CALORIES: "CALORIES",
    Completion.OPEN: "OPEN",
    Completion.HR_LESS_THAN: "HR_LESS_THAN",
    Completion.HR_GREATER_THAN: "HR_GREATER_THAN",
    Completion.POWER_LESS_THAN: "POWER_LESS_THAN",
    Completion.POWER_GREATER_THAN: "POWER_GREATER_THAN",
}
_REPEATS: dict[Completion, str] = {
    Completion.REPS: "REPEAT_UNTIL_STEPS_CMPLT",
    Completion.TIME: "REPEAT_UNTIL_TIME",
    Completion.DISTANCE: "REPEAT_UNTIL_DISTANCE",
}
_STROKES: dict[Stroke, str] = {
    Stroke.FREESTYLE: "FREESTYLE",
    Stroke.BACKSTROKE: "BACKSTROKE",
    Stroke.BREASTSTROKE: "BREASTSTROKE",
    Stroke.BUTTERFLY: "BUTTERFLY",
    Stroke.MIXED: "MIXED",
    Stroke.IM: "IM",
}
_DRILLS = {"kick": "KICK", "pull": "PULL"}

FEATURES = Features(
    operations={
        "create": YES,
        "update": YES,
        "retrieve": Cell(Support.YES, "Only workouts that this server made."),
        "delete": YES,
    },
    sports={
        sport: Cell(Support.YES, f"Sent as {_BROADER[sport]}.")
        if sport in _BROADER
        else YES
        if sport in _SPORTS
        else NO
        for sport in WorkoutSport
    },
    targets={
        kind: {
            TargetType.RPE: NO,
            TargetType.HEART_RATE_THRESHOLD_PERCENTAGE: Cell(Support.CONVERTED, "Becomes % of the highest heart rate."),
            TargetType.SPEED_PERCENTAGE: CONVERTED,
        }.get(kind, YES)
        for kind in TargetType
    },
    completions=dict.fromkeys(Completion, YES),
    structure={
        "multiple_targets": Cell(Support.YES, "Two, in cycling and swimming."),
        "block_repeats": Cell(Support.YES, "Timed steps in a block that repeats until a time are written once."),
        "exercise_names": Cell(Support.YES, "Names of Garmin's catalogue."),
        "swim_strokes": YES,
        "controls": NO,
        "planned_date": YES,
    },
    notes=("A single value becomes a range of 5 % to either side.", "A pool nobody told the length of has 25 m."),
)


class GarminExporter:
    slug = "garmin"
    name = "Garmin"
    features = FEATURES

    def export(self, workout: Workout, athlete: AthleteParameters, day: date) -> Export:
        warnings = Warnings()
        payload = _Writer(workout, athlete, warnings).payload()
        return exported(self.slug, payload, workout, warnings)


class _Writer(Writer):
    provider = "Garmin"

    def __init__(self, workout: Workout, athlete: AthleteParameters, warnings: Warnings) -> None:
        super().__init__(workout, athlete, warnings)
        self.sport = _SPORTS.get(workout.sport, "GENERIC")
        self.order = 0

    def payload(self) -> dict[str, Any]:
        self._note_sport()
        pool = self.pool_length()
        workout = self.workout
        return {
            "workoutName": self.cut(workout.name, MAX_NAME, "workout.name", Code.NAME_TRUNCATED),
            "description": self.cut(
                workout.description, MAX_DESCRIPTION, "workout.description", Code.DESCRIPTION_TRUNCATED
            )
            or None,
            "sport": self.sport,
            "estimatedDurationInSecs": self._seconds(workout.estimated_duration_seconds),
            "estimatedDistanceInMeters": workout.estimated_distance_meters,
            "poolLength": pool,
            "poolLengthUnit": "METER" if pool else None,
            "workoutProvider": "TrainStack",
            "isSessionTransitionEnabled": False,
            "segments": [
                {
                    "segmentOrder": 1,
                    "sport": self.sport,
                    "poolLength": pool,
                    "poolLengthUnit": "METER" if pool else None,
                    "estimatedDurationInSecs": None,
                    "estimatedDistanceInMeters": None,
                    "steps": self._steps(),
                }
            ],
        }

    # --- the workout ----------------------------------------------------------------------

    def _seconds(self, value: float | None) -> int | None:
        if value is not None and value != round(value):
            self.warn(
                Code.VALUE_ROUNDED,
                "workout.estimated_duration_seconds",
                f"Garmin takes whole seconds: {value:g} became {round(value)}.",
            )
        return None if value is None else round(value)

    def _note_sport(self) -> None:
        sport = self.workout.sport
        if sport in _BROADER:
            self.convert_sport(_BROADER[sport])
        elif sport not in _SPORTS:
            self.lose_sport("a workout of no particular sport")
        self.imply_environment()
        self.lose_estimates("duration", "distance")

    def _steps(self) -> list[dict[str, Any]]:
        written: list[dict[str, Any]] = []
        for index, block in enumerate(self.workout.step_blocks):
            if self.order >= MAX_STEPS:
                self.warnings.drop(block_path(index))
                self._note_too_many()
                continue
            written += self._block(index, block)
        return written

    def _block(self, index: int, block: StepBlock) -> list[dict[str, Any]]:
        condition = block.completion_condition
        path = f"{block_path(index)}.completion_condition"
        is_timed = condition.type is Completion.TIME and any(
            step.completion_condition.type is Completion.TIME for step in block.steps
        )
        if is_timed:
            self.warn(
                Code.BLOCK_UNROLLED,
                path,
                "Garmin takes no timed steps in a block that repeats until a time: its steps were written once.",
            )
        is_once = condition.type is Completion.OPEN or (condition.type is Completion.REPS and block.rounds == 1)
        if is_timed or is_once:
            return self._children(index, block)
        if self.order + 2 > MAX_STEPS:
            self.warnings.drop(block_path(index))
            self._note_too_many()
            return []
        repeat = {
            "type": "WorkoutRepeatStep",
            "stepId": None,
            "stepOrder": self._next(),
            "intensity": None,
            "description": None,
            "repeatType": _REPEATS[condition.type],
            "repeatValue": _number(condition.value),
            "skipLastRestStep": False,
        }
        return [{**repeat, "steps": self._children(index, block)}]

    def _children(self, index: int, block: StepBlock) -> list[dict[str, Any]]:
        written = []
        for number, step in enumerate(block.steps):
            path = step_path(index, number)
            if self.order >= MAX_STEPS:
                self.warnings.drop(path)
                self._note_too_many()
            else:
                written.append(self._step(path, step))
        return written

    def _next(self) -> int:
        self.order += 1
        return self.order

    def _note_too_many(self) -> None:
        self.warn(
            Code.STEP_COUNT_UNSUPPORTED,
            "workout.step_blocks",
            f"Garmin takes {MAX_STEPS} steps, repeats counted: the steps behind them were left out.",
        )

    # --- a step ---------------------------------------------------------------------------

    def _step(self, path: str, step: WorkoutStep) -> dict[str, Any]:
        order = self._next()
        texts = [step.notes] if step.notes else []
        primary, secondary = self._targets(path, step, texts)
        self.lose_controls(path, step, texts)
        duration = self._duration(path, step)
        swim = self._swim(path, step.swimming, texts)
        exercise = self._exercise(path, step.strength, texts)
        description = self.cut(". ".join(texts), MAX_STEP_DESCRIPTION, f"{path}.notes", Code.DESCRIPTION_TRUNCATED)
        return {
            "type": "WorkoutStep",
            "stepId": None,
            "stepOrder": order,
            "intensity": self._intensity(step.intensity_type),
            "description": description or None,
            **duration,
            **_slot("target", "Target", primary),
            **_slot("secondaryTarget", "SecondaryTarget", secondary),
            **swim,
            **exercise,
        }

    def _intensity(self, intensity: Intensity) -> str:
        return _INTENSITIES.get(intensity) or ("INTERVAL" if self.sport in _WITH_INTERVALS else "ACTIVE")

    def _duration(self, path: str, step: WorkoutStep) -> dict[str, Any]:
        condition = step.completion_condition
        kind, value = _DURATIONS[condition.type], _number(condition.value)
        is_rest = step.intensity_type is Intensity.REST
        if condition.type is Completion.TIME and self.sport in ("LAP_SWIMMING", "STRENGTH_TRAINING") and is_rest:
            kind = "FIXED_REST"
        elif condition.type is Completion.TIME and self.sport == "LAP_SWIMMING":
            value = self._swim_time(path, condition)
        return {
            "durationType": kind,
            "durationValue": value,
            "durationValueType": "METER" if condition.type is Completion.DISTANCE else None,
        }

    def _swim_time(self, path: str, condition: CompletionCondition) -> float | int | None:
        shortest, longest = SWIM_TIME_S
        told = condition.value or 0
        value = min(max(told, shortest), longest)
        if value != told:
            self.warn(
                Code.VALUE_CLAMPED,
                f"{path}.completion_condition",
                f"A timed step of a swim lasts {shortest} to {longest} s at Garmin: {value:g} s instead of {told:g} s.",
            )
        return _number(value)

    # --- targets --------------------------------------------------------------------------

    def _targets(
        self, path: str, step: WorkoutStep, texts: list[str]
    ) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
        """What goes into the primary and the secondary slot; what cannot be a target is added to the texts."""
        found: list[dict[str, Any]] = []
        for index, target in enumerate(step.intensity_targets):
            where = f"{path}.intensity_targets[{index}]"
            if not self._takes(where, target, texts):
                continue
            if not found:
                found.append(self._target(where, target))
            elif self.sport not in _WITH_TWO_TARGETS:
                self.warn(
                    Code.SECONDARY_TARGET_IGNORED,
                    where,
                    "Garmin takes a second target in cycling and swimming only: it was left out.",
                )
            elif len(found) == 2:
                self.warn(Code.TOO_MANY_TARGETS, where, "Garmin takes two targets a step: this one was left out.")
            else:
                written = self._target(where, target)
                if written["Type"] == found[0]["Type"]:
                    self.warn(
                        Code.SECONDARY_TARGET_IGNORED,
                        where,
                        "Garmin's second target must be of another kind than the first: it was left out.",
                    )
                else:
                    found.append(written)
        first, second = [*found, None, None][:2]
        return (second, first) if self.sport == "LAP_SWIMMING" else (first, second)

    def _takes(self, where: str, target: IntensityTarget, texts: list[str]) -> bool:
        is_stroke_rate = target.target_type is TargetType.CADENCE and self.sport == "LAP_SWIMMING"
        if target.target_type is not TargetType.RPE and not is_stroke_rate:
            return True
        self.lose_target(where, target, texts)
        return False

    def _target(self, where: str, target: IntensityTarget) -> dict[str, Any]:
        """The target with its keys named as behind "target" and "secondaryTarget"."""
        told = range_of(target)
        if told.unit == "zone" and told.low == told.high:
            return _written(told.quantity.upper(), zone=int(told.low))
        if target.target_type is TargetType.HEART_RATE_THRESHOLD_PERCENTAGE:
            told = self._of_maximum(where, widened(told, where, self.warnings))
            return _written("HEART_RATE", ends=(round(told.low, 1), round(told.high, 1)), is_share=True)
        told = self.ranged(
            where,
            target,
            ("absolute", "ftp", "max_heart_rate"),
            preferred="max_heart_rate" if told.quantity == "heart_rate" else "absolute",
        )
        kind = told.quantity.upper()
        if target.target_type is TargetType.PACE or (kind == "SPEED" and self.sport == "RUNNING"):
            kind = "SPEED" if target.target_type is TargetType.SPEED else "PACE"
        # Four digits behind the point of a speed are less than a tenth of a second a kilometre.
        is_share = told.unit != "absolute"
        digits = 4 if kind in ("SPEED", "PACE") else 1 if is_share else 0
        return _written(kind, ends=self.ends(where, target, told, digits), is_share=is_share)

    def _of_maximum(self, where: str, told: Range) -> Range:
        """Per cent of the heart rate at threshold as per cent of the highest, by the athlete's two numbers."""
        # Its own warning says more than that of a conversion.
        inner = Warnings()
        converted = in_unit(
            told,
            _OF_MAXIMUM,
            preferred="max_heart_rate",
            zone_base="max_heart_rate",
            athlete=self.athlete,
            path=where,
            warnings=inner,
            provider=self.provider,
        )
        for one in inner.in_order():
            if one.code is not Code.TARGET_CONVERTED:
                self.warn(one.code, one.path, one.message)
        self.warn(
            Code.TARGET_REINTERPRETED,
            where,
            f"Garmin knows no % of the heart rate at threshold: {told.low:g} to {told.high:g} % became "
            f"{converted.low:.4g} to {converted.high:.4g} % of the highest heart rate.",
        )
        return converted

    # --- swimming and strength ----------------------------------------------------------------

    def _swim(self, path: str, swim: SwimStep | None, texts: list[str]) -> dict[str, Any]:
        stroke = drill = equipment = None
        if swim and swim.stroke_type:
            stroke = _STROKES.get(swim.stroke_type)
            if stroke is None:
                # Garmin's strokes hold no drill: any stroke will do.
                stroke = "CHOICE"
                texts.append("Drill")
                self.warn(
                    Code.STROKE_UNSUPPORTED,
                    f"{path}.swimming.stroke_type",
                    "Garmin has no stroke “drill”: the stroke is free and the word stands in the step's text.",
                )
        if swim and swim.drill_type:
            drill = _DRILLS.get(swim.drill_type.value)
            if drill is None:
                texts.append("Technique drill")
                self.warn(
                    Code.DRILL_UNSUPPORTED,
                    f"{path}.swimming.drill_type",
                    "Garmin's drills are kick and pull: this one stands in the step's text.",
                )
        if swim and swim.equipment:
            equipment = swim.equipment[0].value.upper()
            if len(swim.equipment) > 1:
                others = [it.value.removeprefix("swim_").replace("_", " ") for it in swim.equipment[1:]]
                texts.append(f"Also: {', '.join(others)}")
                self.warn(
                    Code.EQUIPMENT_REDUCED,
                    f"{path}.swimming.equipment",
                    f"Garmin takes one piece of equipment a step: {', '.join(others)} stands in the step's text.",
                )
            equipment = None if swim.equipment[0] is SwimEquipment.NONE else equipment
        return {"strokeType": stroke, "drillType": drill, "equipmentType": equipment}

    def _exercise(self, path: str, strength: Strength | None, texts: list[str]) -> dict[str, Any]:
        category = name = weight = unit = None
        if strength and strength.exercise_name:
            found = garmin_exercise(strength.exercise_name, strength.exercise_category)
            if self.workout.sport not in _WITH_EXERCISES:
                texts.append(strength.exercise_name)
                self.warn(
                    Code.EXERCISE_UNSUPPORTED,
                    f"{path}.strength.exercise_name",
                    "Garmin names exercises in strength, cardio, yoga and pilates only: it stands in the step's text.",
                )
            elif found is None or not found.is_planned:
                texts.append(strength.exercise_name)
                self.warn(
                    Code.EXERCISE_UNKNOWN,
                    f"{path}.strength.exercise_name",
                    f"Garmin's catalogue has no “{strength.exercise_name}”: the name stands in the step's text.",
                )
            else:
                category, name = found.category, found.name
        self.lose_category(path, strength, texts)
        if strength and strength.weight is not None:
            weight = kilograms(strength)
            unit = "POUND" if strength.weight_display_unit is WeightUnit.LBS else "KILOGRAM"
        return {
            "exerciseCategory": category,
            "exerciseName": name,
            "weightValue": weight,
            "weightDisplayUnit": unit,
        }


def _written(
    kind: str,
    *,
    zone: int | None = None,
    ends: tuple[float | None, float | None] = (None, None),
    is_share: bool = False,
) -> dict[str, Any]:
    low, high = ends
    return {
        "Type": kind,
        "Value": zone,
        "ValueLow": _number(low),
        "ValueHigh": _number(high),
        "ValueType": "PERCENT" if is_share else None,
    }


def _slot(prefix: str, name: str, target: dict[str, Any] | None) -> dict[str, Any]:
    """The five keys of a slot; "OPEN" where the primary one is free."""
    empty = {"Type": "OPEN" if name == "Target" else None, "Value": None, "ValueLow": None, "ValueHigh": None,
             "ValueType": None}  # fmt: skip
    return {f"{prefix}{key}": value for key, value in (target or empty).items()}


def _number(value: float | None) -> float | int | None:
    return None if value is None else whole(value)
