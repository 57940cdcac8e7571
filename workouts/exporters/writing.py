"""What exporters share: choosing targets, cutting texts, and saying what a provider has no place for."""

from __future__ import annotations

import math
from collections.abc import Collection

from workouts.domain.athlete import DEFAULTS, AthleteParameters
from workouts.domain.coercion import Code, Warnings
from workouts.domain.structure import (
    Completion,
    CompletionCondition,
    ControlType,
    Environment,
    Intensity,
    IntensityTarget,
    StepBlock,
    Strength,
    SwimEquipment,
    TargetType,
    WeightUnit,
    Workout,
    WorkoutSport,
    WorkoutStep,
    block_path,
)
from workouts.domain.targets import Range, Unit, in_unit, range_of, widened
from workouts.domain.zones import Base
from workouts.exercises.catalogue import garmin_exercise, normalised

KG_A_POUND = 0.45359237
ABSOLUTE: tuple[Unit, ...] = ("absolute",)
# Steps of a block that is written out.
MAX_UNROLLED = 1000

# What a step without a name of its own is called.
NAMES: dict[Intensity, str] = {
    Intensity.WARMUP: "Warm up",
    Intensity.ACTIVE: "Active",
    Intensity.RECOVERY: "Recovery",
    Intensity.REST: "Rest",
    Intensity.COOLDOWN: "Cool down",
}

# Done outdoors where nobody says otherwise.
_OUTDOORS = frozenset(
    {
        WorkoutSport.RUNNING,
        WorkoutSport.TRAIL_RUNNING,
        WorkoutSport.CYCLING,
        WorkoutSport.MOUNTAIN_BIKING,
        WorkoutSport.BACKCOUNTRY_SKIING,
        WorkoutSport.HIKING,
        WorkoutSport.WALKING,
    }
)

# Words for a person.
_WORDS: dict[TargetType, str] = {
    TargetType.HEART_RATE: "a heart rate",
    TargetType.POWER: "a power",
    TargetType.SPEED: "a speed",
    TargetType.PACE: "a pace",
    TargetType.CADENCE: "a cadence",
    TargetType.RPE: "an exertion (RPE)",
    TargetType.HEART_RATE_MAX_PERCENTAGE: "% of the highest heart rate",
    TargetType.HEART_RATE_THRESHOLD_PERCENTAGE: "% of the heart rate at threshold",
    TargetType.POWER_PERCENTAGE: "% of FTP",
    TargetType.SPEED_PERCENTAGE: "% of the speed at threshold",
    TargetType.HEART_RATE_ZONE: "a zone of heart rate",
    TargetType.POWER_ZONE: "a zone of power",
}
_SHOWN: dict[TargetType, str] = {
    TargetType.HEART_RATE: "{} bpm",
    TargetType.POWER: "{} W",
    TargetType.SPEED: "{} m/s",
    TargetType.PACE: "{}/km",
    TargetType.CADENCE: "{} rpm",
    TargetType.RPE: "RPE {}",
    TargetType.HEART_RATE_MAX_PERCENTAGE: "{} % of max. HR",
    TargetType.HEART_RATE_THRESHOLD_PERCENTAGE: "{} % of threshold HR",
    TargetType.POWER_PERCENTAGE: "{} % of FTP",
    TargetType.SPEED_PERCENTAGE: "{} % of threshold speed",
    TargetType.HEART_RATE_ZONE: "HR zone {}",
    TargetType.POWER_ZONE: "power zone {}",
}
_COMPLETIONS: dict[Completion, str] = {
    Completion.TIME: "a time",
    Completion.DISTANCE: "a distance",
    Completion.REPS: "repetitions",
    Completion.CALORIES: "calories",
    Completion.OPEN: "a press of the lap button",
    Completion.HR_LESS_THAN: "a heart rate",
    Completion.HR_GREATER_THAN: "a heart rate",
    Completion.POWER_LESS_THAN: "a power",
    Completion.POWER_GREATER_THAN: "a power",
}


def shown(target: IntensityTarget) -> str:
    """The target as a few words of a step's text: "140-150 bpm", "4:00-4:10/km"."""
    ends = [it for it in (target.value, target.value_low, target.value_high) if it is not None]
    words = [_clock(it) if target.target_type is TargetType.PACE else f"{it:g}" for it in ends]
    return _SHOWN[target.target_type].format("-".join(words))


def shown_end(condition: CompletionCondition) -> str:
    """The end of a step as a few words: "10 reps", "until HR < 120"."""
    value = f"{condition.value:g}" if condition.value is not None else ""
    return {
        Completion.TIME: f"{value} s",
        Completion.DISTANCE: f"{value} m",
        Completion.REPS: f"{value} reps",
        Completion.CALORIES: f"{value} kcal",
        Completion.OPEN: "until lap button",
        Completion.HR_LESS_THAN: f"until HR < {value}",
        Completion.HR_GREATER_THAN: f"until HR > {value}",
        Completion.POWER_LESS_THAN: f"until power < {value} W",
        Completion.POWER_GREATER_THAN: f"until power > {value} W",
    }[condition.type]


def kilograms(strength: Strength) -> float | None:
    """The weight in kilograms, to the gram; None where none is told."""
    if strength.weight is None:
        return None
    return round(strength.weight * (KG_A_POUND if strength.weight_display_unit is WeightUnit.LBS else 1), 3)


def whole(value: float) -> int | float:
    """A whole number without its point."""
    return int(value) if value == int(value) else value


class Writer:
    """One workout being written for one provider; every method that bends or loses something notes its warning.

    `texts` are the parts of a step's text: what has no field of its own is added to them, so that the athlete reads it.
    """

    provider = ""

    def __init__(self, workout: Workout, athlete: AthleteParameters, warnings: Warnings) -> None:
        self.workout = workout
        self.athlete = athlete
        self.warnings = warnings

    def warn(self, code: Code, path: str, message: str) -> None:
        self.warnings.add(code, path, message)

    # --- the workout ----------------------------------------------------------------------

    def lose_sport(self, sent_as: str) -> None:
        words = self.workout.sport.value.replace("_", " ")
        self.warn(
            Code.SPORT_UNSUPPORTED, "workout.sport", f"{self.provider} plans no {words}: it was sent as {sent_as}."
        )

    def convert_sport(self, sent_as: str) -> None:
        words = self.workout.sport.value.replace("_", " ")
        self.warn(Code.SPORT_CONVERTED, "workout.sport", f"{self.provider} plans {words} as {sent_as}.")

    def lose_environment(self, *lost: Environment) -> None:
        environment = self.workout.environment
        if environment in lost and environment is not None:
            self.warn(
                Code.ENVIRONMENT_UNSUPPORTED,
                "workout.environment",
                f"{self.provider}'s planned workouts do not say “{environment.value}”: it was left out.",
            )

    def imply_environment(self) -> None:
        """For a provider without a field for it: the sport implies one, every other is left out."""
        implied = Environment.POOL if self.workout.sport is WorkoutSport.SWIMMING else Environment.OUTDOOR
        is_implied = self.workout.sport is WorkoutSport.SWIMMING or self.workout.sport in _OUTDOORS
        self.lose_environment(*(it for it in Environment if not is_implied or it is not implied))

    def lose_estimates(self, *keeps: str) -> None:
        """What the coach estimates and the provider has no field for; `keeps` names "duration", "distance"..."""
        told = {
            "duration": ("duration_seconds", self.workout.estimated_duration_seconds),
            "distance": ("distance_meters", self.workout.estimated_distance_meters),
            "calories": ("calories", self.workout.estimated_calories),
        }
        for word, (field, value) in told.items():
            if word not in keeps and value is not None:
                self.warn(
                    Code.ESTIMATE_UNSUPPORTED,
                    f"workout.estimated_{field}",
                    f"{self.provider} takes no estimate of the {word}: it was left out.",
                )

    def pool_length(self, *, has_place: bool = True) -> float | None:
        """Metres: the athlete's pool, else the workout's, else 25 with a warning; None where it is no swim."""
        if self.workout.sport.value != "swimming":
            return None
        told = self.athlete.pool_length_meters or self.workout.pool_length_meters
        path = "workout.pool_length_meters"
        if not has_place:
            if told is not None:
                self.warn(
                    Code.POOL_LENGTH_UNSUPPORTED, path, f"{self.provider} takes no length of the pool: it was left out."
                )
        elif told is None:
            told = DEFAULTS["pool_length_meters"]
            self.warn(Code.POOL_LENGTH_MISSING, path, f"Nobody told the pool's length: {told:g} m.")
        return told

    def cut(self, text: str, longest: int, path: str, code: Code) -> str:
        if len(text) <= longest:
            return text
        self.warn(code, path, f"{self.provider} takes {longest} characters here: the rest of the text was cut off.")
        return text[:longest].rstrip()

    # --- blocks ---------------------------------------------------------------------------

    def rounds(self, index: int, block: StepBlock) -> int:
        """How often the block is done where a provider repeats by count only; others are done once, with a warning."""
        if block.completion_condition.type not in (Completion.REPS, Completion.OPEN):
            self.warn(
                Code.BLOCK_COMPLETION_UNSUPPORTED,
                f"{block_path(index)}.completion_condition",
                f"{self.provider} repeats a block by a count only: this one is done once.",
            )
        return block.rounds

    def unrolled(self, index: int, block: StepBlock, why: str) -> int:
        """How often the block's steps are written one after another, because it cannot be repeated as a whole."""
        rounds = self.rounds(index, block)
        if rounds == 1:
            return 1
        most = max(1, MAX_UNROLLED // len(block.steps))
        path = f"{block_path(index)}.completion_condition"
        self.warn(Code.BLOCK_UNROLLED, path, f"{why}: its steps were written {min(rounds, most)} times.")
        if rounds > most:
            self.warn(
                Code.STEP_COUNT_UNSUPPORTED,
                path,
                f"{rounds} rounds are more steps than a workout holds: {most} were kept.",
            )
        return min(rounds, most)

    # --- a step ---------------------------------------------------------------------------

    def lose_end(self, path: str, step: WorkoutStep, instead: str, texts: list[str] | None = None) -> None:
        """The step's end has no place; `instead` says what ends it now."""
        condition = step.completion_condition
        if texts is not None:
            texts.append(shown_end(condition))
        self.warn(
            Code.COMPLETION_UNSUPPORTED,
            f"{path}.completion_condition",
            f"{self.provider} ends no step by {_COMPLETIONS[condition.type]}: {instead}.",
        )

    def pick(
        self, path: str, step: WorkoutStep, takes: Collection[TargetType], texts: list[str]
    ) -> tuple[str, IntensityTarget] | None:
        """The first target that the provider takes, with its path; all others become text."""
        found: tuple[str, IntensityTarget] | None = None
        dropped = 0
        for index, target in enumerate(step.intensity_targets):
            where = f"{path}.intensity_targets[{index}]"
            if target.target_type not in takes:
                self.lose_target(where, target, texts)
            elif found is None:
                found = where, target
            else:
                dropped += 1
                texts.append(shown(target))
        if dropped:
            self.warn(
                Code.TOO_MANY_TARGETS,
                f"{path}.intensity_targets",
                f"{self.provider} takes one target a step: the first was kept, {dropped} dropped.",
            )
        return found

    def lose_target(self, where: str, target: IntensityTarget, texts: list[str]) -> None:
        texts.append(shown(target))
        self.warn(
            Code.TARGET_TYPE_UNSUPPORTED,
            f"{where}.target_type",
            f"{self.provider} takes {_WORDS[target.target_type]} as no target: it was left out.",
        )

    def ranged(
        self,
        where: str,
        target: IntensityTarget,
        accepted: Collection[Unit] = ABSOLUTE,
        *,
        preferred: Unit = "absolute",
        zone_base: Base = "max_heart_rate",
    ) -> Range:
        """The target as a range in a unit that the provider takes, a single value widened."""
        return in_unit(
            widened(range_of(target), where, self.warnings),
            accepted,
            preferred=preferred,
            zone_base=zone_base,
            athlete=self.athlete,
            path=where,
            warnings=self.warnings,
            provider=self.provider,
        )

    def ends(
        self, where: str, target: IntensityTarget, told: Range, digits: int, factor: float = 1.0
    ) -> tuple[int | float, int | float]:
        """Both ends times `factor`, rounded; a warning where that changes what the coach told.

        A thousandth is no change where the provider takes fractions.
        """
        low, high = (whole(round(it * factor, digits)) for it in (told.low, told.high))
        as_told = range_of(target)
        if (told.unit, told.low, told.high) == (as_told.unit, as_told.low, as_told.high):
            near = 1e-3 if digits else 1e-9
            exact = (told.low * factor, told.high * factor)
            if not all(math.isclose(one, it, rel_tol=near) for one, it in zip((low, high), exact, strict=True)):
                self.warn(
                    Code.VALUE_ROUNDED, where, f"{self.provider} takes no such fractions: {shown(target)} was rounded."
                )
        return low, high

    def whole_end(self, path: str, value: float) -> int:
        """The value of the end of a step where a provider takes whole numbers."""
        if value != round(value):
            self.warn(
                Code.VALUE_ROUNDED,
                f"{path}.completion_condition",
                f"{self.provider} takes whole numbers: {value:g} became {round(value)}.",
            )
        return round(value)

    def coerce_intensity(self, path: str, step: WorkoutStep, sent_as: str) -> None:
        words = NAMES[step.intensity_type].lower()
        self.warn(
            Code.INTENSITY_TYPE_COERCED,
            f"{path}.intensity_type",
            f"{self.provider} has no {words}: it was sent as {sent_as}.",
        )

    def lose_controls(
        self, path: str, step: WorkoutStep, texts: list[str], keeps: Collection[ControlType] = ()
    ) -> None:
        for index, control in enumerate(step.controls):
            if control.type in keeps:
                continue
            is_grade = control.type is ControlType.GRADE
            texts.append(f"Grade {control.value * 100:g} %" if is_grade else f"Resistance {control.value:g}")
            self.warn(
                Code.CONTROL_UNSUPPORTED,
                f"{path}.controls[{index}]",
                f"{self.provider} sets no {control.type.value} of a machine: it was left out.",
            )

    def lose_swim(self, path: str, step: WorkoutStep, texts: list[str], *, stroke: Code = Code.STROKE_IGNORED) -> None:
        """Stroke, drill and equipment as words of the text."""
        swim = step.swimming
        if swim and swim.stroke_type:
            texts.append(swim.stroke_type.value)
            self.warn(
                stroke,
                f"{path}.swimming.stroke_type",
                f"{self.provider} knows no strokes: “{swim.stroke_type.value}” was left out.",
            )
        if swim and swim.drill_type:
            texts.append(f"{swim.drill_type.value} drill" if swim.drill_type.value != "drill" else "drill")
            self.warn(
                Code.DRILL_UNSUPPORTED,
                f"{path}.swimming.drill_type",
                f"{self.provider} knows no drills: “{swim.drill_type.value}” was left out.",
            )
        gear = (
            [it.value.removeprefix("swim_").replace("_", " ") for it in swim.equipment if _is_gear(it)] if swim else []
        )
        if gear:
            texts += gear
            self.warn(
                Code.EQUIPMENT_UNSUPPORTED,
                f"{path}.swimming.equipment",
                f"{self.provider} knows no swim equipment: {', '.join(gear)} was left out.",
            )

    def lose_exercise(self, path: str, strength: Strength | None, texts: list[str]) -> None:
        if strength and strength.exercise_name:
            texts.append(strength.exercise_name)
            self.warn(
                Code.EXERCISE_UNSUPPORTED,
                f"{path}.strength.exercise_name",
                f"{self.provider} names no exercises: “{strength.exercise_name}” was left out.",
            )
        self.lose_category(path, strength, texts)

    def lose_category(self, path: str, strength: Strength | None, texts: list[str]) -> None:
        """A category of exercises as words of the text, unless the exercise's name implies it."""
        if strength is None or not strength.exercise_category:
            return
        found = garmin_exercise(strength.exercise_name, strength.exercise_category)
        if found is None or found.category != normalised(strength.exercise_category):
            texts.append(strength.exercise_category)
            self.warn(
                Code.EXERCISE_UNSUPPORTED,
                f"{path}.strength.exercise_category",
                f"{self.provider} takes no such category of exercises: “{strength.exercise_category}” was left out.",
            )

    def lose_weight(
        self, path: str, strength: Strength | None, texts: list[str], *, code: Code = Code.WEIGHT_UNSUPPORTED
    ) -> None:
        if strength and strength.weight is not None:
            unit = strength.weight_display_unit.value if strength.weight_display_unit else "kg"
            texts.append(f"{strength.weight:g} {unit}")
            self.warn(code, f"{path}.strength.weight", f"{self.provider} takes no weights: it was left out.")


def _is_gear(equipment: SwimEquipment) -> bool:
    return equipment is not SwimEquipment.NONE


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
