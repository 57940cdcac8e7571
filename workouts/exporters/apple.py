"""Apple: a custom workout of WorkoutKit, as a phone builds it from our JSON; the names are WorkoutKit's.

There is no server to send it to: a phone polls, builds, schedules and reports back. It asks WorkoutKit itself whether
an activity takes a goal or an alert before it builds one.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

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
    block_path,
    step_path,
)
from workouts.domain.targets import range_of
from workouts.exporters.base import CONVERTED, NO, YES, Cell, Export, Features, Support, exported
from workouts.exporters.writing import Writer, whole

Location = Literal["indoor", "outdoor", "unknown"]
# The hour of the day at which the phone schedules it.
HOUR = 7

_Sport = WorkoutSport
_SPORTS: dict[WorkoutSport, tuple[str, Location]] = {
    _Sport.RUNNING: ("running", "outdoor"),
    _Sport.CYCLING: ("cycling", "outdoor"),
    _Sport.SWIMMING: ("swimming", "indoor"),
    _Sport.STRENGTH: ("traditionalStrengthTraining", "indoor"),
    _Sport.YOGA: ("yoga", "indoor"),
    _Sport.ROWING: ("rowing", "indoor"),
    _Sport.HIKING: ("hiking", "outdoor"),
    _Sport.WALKING: ("walking", "outdoor"),
    _Sport.ELLIPTICAL: ("elliptical", "indoor"),
    _Sport.STAIR_CLIMBING: ("stairClimbing", "indoor"),
}
_CLOSEST: dict[WorkoutSport, tuple[str, Location, str]] = {
    _Sport.TRAIL_RUNNING: ("running", "outdoor", "a run"),
    _Sport.MOUNTAIN_BIKING: ("cycling", "outdoor", "a ride"),
    _Sport.BACKCOUNTRY_SKIING: ("crossCountrySkiing", "outdoor", "cross-country skiing"),
    _Sport.PILATES: ("mindAndBody", "indoor", "mind and body"),
    _Sport.CARDIO: ("mixedCardio", "indoor", "mixed cardio"),
}
# Activities whose pace, power and cadence WorkoutKit watches over; all others have a heart rate.
_MOVING = frozenset({"running", "cycling"})
_WITHOUT_GROUND = frozenset({"traditionalStrengthTraining", "yoga", "mindAndBody", "mixedCardio"})
_HEART = frozenset(
    {
        TargetType.HEART_RATE,
        TargetType.HEART_RATE_MAX_PERCENTAGE,
        TargetType.HEART_RATE_THRESHOLD_PERCENTAGE,
        TargetType.HEART_RATE_ZONE,
    }
)
_TARGETS = frozenset(TargetType) - {TargetType.RPE}
_GOALS: dict[Completion, tuple[str, str]] = {
    Completion.TIME: ("time", "s"),
    Completion.DISTANCE: ("distance", "m"),
    Completion.CALORIES: ("energy", "kcal"),
}
_ALERTS = {"heart_rate": ("heartRate", "bpm"), "power": ("power", "W"), "speed": ("speed", "m/s"),
           "cadence": ("cadence", "count/min")}  # fmt: skip
# Only these alerts are about a value of the moment or an average.
_WITH_METRIC = frozenset({"power", "speed"})
_IN_THEIR_UNIT = frozenset(
    {
        TargetType.HEART_RATE,
        TargetType.HEART_RATE_ZONE,
        TargetType.POWER,
        TargetType.POWER_ZONE,
        TargetType.PACE,
        TargetType.SPEED,
        TargetType.CADENCE,
    }
)

FEATURES = Features(
    operations={
        "create": Cell(Support.YES, "When the athlete's phone has polled."),
        "update": YES,
        "retrieve": NO,
        "delete": YES,
    },
    sports={
        sport: Cell(Support.YES, "As timed intervals.") if sport is _Sport.STRENGTH else YES if sport in _SPORTS else NO
        for sport in WorkoutSport
    },
    targets={kind: YES if kind in _IN_THEIR_UNIT else CONVERTED if kind in _TARGETS else NO for kind in TargetType},
    completions={kind: YES if kind in _GOALS or kind is Completion.OPEN else NO for kind in Completion},
    structure={
        "multiple_targets": NO,
        "block_repeats": Cell(Support.YES, "By a count."),
        "exercise_names": NO,
        "swim_strokes": NO,
        "controls": NO,
        "planned_date": YES,
    },
    notes=(
        "One warm-up and one cool-down a workout: others are left out.",
        "Names of steps and swims in a pool need iOS 18, all else iOS 17.",
    ),
)


class AppleExporter:
    slug = "apple"
    name = "Apple"
    features = FEATURES

    def export(self, workout: Workout, athlete: AthleteParameters, day: date) -> Export:
        """The action that a phone fetches; queueing adds the planned workout's id."""
        warnings = Warnings()
        payload = _Writer(workout, athlete, warnings).payload(day)
        return exported(self.slug, payload, workout, warnings)


class _Writer(Writer):
    provider = "Apple"

    def __init__(self, workout: Workout, athlete: AthleteParameters, warnings: Warnings) -> None:
        super().__init__(workout, athlete, warnings)
        closest = _CLOSEST.get(workout.sport)
        self.activity, self.location = _SPORTS[workout.sport] if closest is None else closest[:2]
        self.takes = _TARGETS if self.activity in _MOVING else _HEART

    def payload(self, day: date) -> dict[str, Any]:
        workout = self.workout
        if workout.sport in _CLOSEST:
            self.lose_sport(_CLOSEST[workout.sport][2])
        if workout.environment is not None:
            self.location = "outdoor" if workout.environment is Environment.OUTDOOR else "indoor"
        if workout.sport is not WorkoutSport.SWIMMING:
            self.lose_environment(Environment.POOL)
        if workout.description:
            self.warn(
                Code.DESCRIPTION_UNSUPPORTED,
                "workout.description",
                "Apple's workouts have no description: it was left out.",
            )
        self.pool_length(has_place=False)
        self.lose_estimates()
        warmup, cooldown = self._ends()
        plan = {
            "kind": "custom",
            "activity": self.activity,
            "location": self.location,
            "displayName": workout.name,
            "warmup": None if warmup is None else self._plain(*warmup),
            "blocks": [
                self._block(index, block) for index, block in enumerate(workout.step_blocks) if not self._is_end(index)
            ],
            "cooldown": None if cooldown is None else self._plain(*cooldown),
        }
        at = {"year": day.year, "month": day.month, "day": day.day, "hour": HOUR, "minute": 0}
        return {"action": "create", "date": at, "plan": plan}

    # --- warm-up and cool-down ------------------------------------------------------------------

    def _is_end(self, index: int) -> bool:
        """Whether the block is nothing but a warm-up, or a cool-down, done once.

        The first warm-up must begin the workout and the last cool-down end it: elsewhere it is an interval.
        """
        blocks = self.workout.step_blocks
        kind = _end_of(blocks[index])
        if kind is Intensity.WARMUP:
            return _end_of(blocks[0]) is kind
        return kind is Intensity.COOLDOWN and _end_of(blocks[-1]) is kind

    def _ends(self) -> tuple[tuple[str, WorkoutStep] | None, tuple[str, WorkoutStep] | None]:
        """The first step of warming up and the last of cooling down; all others of such blocks are dropped."""
        warmups: list[tuple[int, int, WorkoutStep]] = []
        cooldowns: list[tuple[int, int, WorkoutStep]] = []
        for index, block in enumerate(self.workout.step_blocks):
            if self._is_end(index):
                into = warmups if block.steps[0].intensity_type is Intensity.WARMUP else cooldowns
                into += [(index, number, step) for number, step in enumerate(block.steps)]
        kept = [some for some in (warmups[:1], cooldowns[-1:]) if some]
        keeps = {(index, number) for some in kept for index, number, _ in some}
        for index, number, step in (*warmups, *cooldowns):
            if (index, number) not in keeps:
                # A block of which nothing is kept goes as one.
                is_whole = all(it[0] != index for it in keeps)
                path = block_path(index) if is_whole else step_path(index, number)
                words = "warm-up" if step.intensity_type is Intensity.WARMUP else "cool-down"
                self.warn(Code.EXTRA_BLOCK_DROPPED, path, f"Apple takes one {words} a workout: this one was left out.")
                self.warnings.drop(path)

        def only(some: list[tuple[int, int, WorkoutStep]]) -> tuple[str, WorkoutStep] | None:
            return (step_path(some[0][0], some[0][1]), some[0][2]) if some else None

        return only(warmups[:1]), only(cooldowns[-1:])

    # --- steps ----------------------------------------------------------------------------------

    def _block(self, index: int, block: StepBlock) -> dict[str, Any]:
        return {
            "iterations": self.rounds(index, block),
            "steps": [self._step(step_path(index, number), step) for number, step in enumerate(block.steps)],
        }

    def _step(self, path: str, step: WorkoutStep) -> dict[str, Any]:
        if step.intensity_type in (Intensity.WARMUP, Intensity.COOLDOWN):
            words = "warm-up" if step.intensity_type is Intensity.WARMUP else "cool-down"
            self.warn(
                Code.INTENSITY_TYPE_COERCED,
                f"{path}.intensity_type",
                f"Apple's blocks are of work and recovery: this {words} is one of them.",
            )
        if step.intensity_type is Intensity.REST:
            self.coerce_intensity(path, step, "a recovery")
        is_work = step.intensity_type in (Intensity.ACTIVE, Intensity.WARMUP)
        return {"purpose": "work" if is_work else "recovery", **self._plain(path, step)}

    def _plain(self, path: str, step: WorkoutStep) -> dict[str, Any]:
        texts = [step.notes] if step.notes else []
        goal = self._goal(path, step, texts)
        picked = self.pick(path, step, self.takes, texts)
        alert = self._alert(*picked) if picked else None
        self.lose_swim(path, step, texts, stroke=Code.STROKE_UNSUPPORTED)
        self.lose_exercise(path, step.strength, texts)
        self.lose_weight(path, step.strength, texts)
        self.lose_controls(path, step, texts)
        return {"displayName": ", ".join(texts) or None, "goal": goal, "alert": alert}

    def _goal(self, path: str, step: WorkoutStep, texts: list[str]) -> dict[str, Any]:
        condition = step.completion_condition
        has_no_ground = condition.type is Completion.DISTANCE and self.activity in _WITHOUT_GROUND
        if condition.type in _GOALS and not has_no_ground:
            kind, unit = _GOALS[condition.type]
            return {"type": kind, "value": whole(condition.value or 0), "unit": unit}
        if condition.type is not Completion.OPEN:
            self.lose_end(path, step, "the athlete ends it by hand", texts)
        return {"type": "open"}

    def _alert(self, where: str, target: IntensityTarget) -> dict[str, Any]:
        told = range_of(target)
        if told.unit == "zone" and told.low == told.high:
            return {"type": f"{_ALERTS[told.quantity][0]}Zone", "zone": int(told.low)}
        name, unit = _ALERTS[told.quantity]
        digits = 3 if told.quantity == "speed" else 0
        metric = {"metric": "current"} if told.quantity in _WITH_METRIC else {}
        if told.is_single and told.unit == "absolute" and told.quantity != "heart_rate":
            value, _ = self.ends(where, target, told, digits)
            return {"type": f"{name}Threshold", "target": value, "unit": unit, **metric}
        told = self.ranged(where, target)
        low, high = self.ends(where, target, told, digits)
        return {"type": f"{name}Range", "min": low, "max": high, "unit": unit, **metric}


def _end_of(block: StepBlock) -> Intensity | None:
    """Warm-up or cool-down, where the block is nothing else and done once."""
    kinds = {step.intensity_type for step in block.steps}
    is_once = block.completion_condition.type is Completion.OPEN or (
        block.completion_condition.type is Completion.REPS and block.rounds == 1
    )
    ends = (it for it in (Intensity.WARMUP, Intensity.COOLDOWN) if kinds == {it})
    return next(ends, None) if is_once else None
