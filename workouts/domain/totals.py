"""How long, how far and how hard a workout is; what it does not say is estimated, by rules that stand here.

The rules are ours: no provider publishes its own but TrainingPeaks, whose four seconds a repetition are used for all.
"""

from __future__ import annotations

from dataclasses import dataclass

from workouts.domain.athlete import DEFAULTS, AthleteParameters
from workouts.domain.structure import (
    Completion,
    Intensity,
    StepBlock,
    Workout,
    WorkoutSport,
    WorkoutStep,
)
from workouts.domain.targets import Range, range_of
from workouts.domain.zones import zone_range

SECONDS_A_REP = 4.0
SHORTEST_SET_S = 30.0
# A step that ends by a button, a pulse or a power.
OPEN_S = 300.0
KCAL_A_MINUTE = 10.0

# Intensity relative to the threshold where no target tells it.
INTENSITY_SHARE: dict[Intensity, float] = {
    Intensity.REST: 0.40,
    Intensity.RECOVERY: 0.55,
    Intensity.WARMUP: 0.60,
    Intensity.COOLDOWN: 0.55,
    Intensity.ACTIVE: 0.80,
}
# m/s at the threshold for sports in which the athlete's own number, a runner's, says nothing.
_THRESHOLD_SPEED: dict[WorkoutSport, float] = {
    WorkoutSport.CYCLING: 9.5,
    WorkoutSport.MOUNTAIN_BIKING: 6.5,
    WorkoutSport.SWIMMING: 1.2,
    WorkoutSport.ROWING: 4.2,
    WorkoutSport.BACKCOUNTRY_SKIING: 2.0,
    WorkoutSport.HIKING: 1.8,
    WorkoutSport.WALKING: 2.0,
}


@dataclass(frozen=True, slots=True)
class Totals:
    """Seconds, metres and a load like TSS (100 is an hour at threshold). `is_estimated`: something was not told."""

    duration_s: float
    distance_m: float
    load: float
    is_estimated: bool


@dataclass(frozen=True, slots=True)
class StepTotals:
    duration_s: float
    distance_m: float
    # Relative to the threshold: 1 is at it.
    share: float
    is_estimated: bool


def step_totals(step: WorkoutStep, sport: WorkoutSport, athlete: AthleteParameters) -> StepTotals:
    """One pass through the step."""
    share = intensity_share(step, athlete)
    speed = speed_mps(step, sport, athlete)
    condition = step.completion_condition
    value = condition.value or 0.0
    if condition.type is Completion.TIME:
        seconds, metres, is_estimated = value, value * speed, False
    elif condition.type is Completion.DISTANCE:
        seconds, metres, is_estimated = (value / speed if speed else OPEN_S), value, True
    elif condition.type is Completion.REPS:
        seconds, metres, is_estimated = max(value * SECONDS_A_REP, SHORTEST_SET_S), 0.0, True
    elif condition.type is Completion.CALORIES:
        seconds = value / KCAL_A_MINUTE * 60
        metres, is_estimated = seconds * speed, True
    else:
        seconds, metres, is_estimated = OPEN_S, OPEN_S * speed, True
    return StepTotals(seconds, metres, share, is_estimated)


def totals_of(workout: Workout, athlete: AthleteParameters | None = None) -> Totals:
    """Of the whole workout, its blocks repeated as they say."""
    duration = distance = load = 0.0
    is_estimated = False
    for block in workout.step_blocks:
        steps = [step_totals(step, workout.sport, athlete or AthleteParameters()) for step in block.steps]
        rounds, is_told = _rounds(block, steps)
        is_estimated = is_estimated or not is_told or any(one.is_estimated for one in steps)
        duration += rounds * sum(one.duration_s for one in steps)
        distance += rounds * sum(one.distance_m for one in steps)
        load += rounds * sum(one.duration_s / 3600 * one.share**2 * 100 for one in steps)
    return Totals(duration, distance, load, is_estimated)


def _rounds(block: StepBlock, steps: list[StepTotals]) -> tuple[float, bool]:
    """How often the steps are done, and whether that is told and not estimated."""
    condition = block.completion_condition
    if condition.type is Completion.TIME:
        once = sum(one.duration_s for one in steps)
        return ((condition.value or 0) / once if once else 1.0), True
    if condition.type is Completion.DISTANCE:
        once = sum(one.distance_m for one in steps)
        return ((condition.value or 0) / once if once else 1.0), False
    return float(block.rounds), True


def intensity_share(step: WorkoutStep, athlete: AthleteParameters) -> float:
    """How hard the step is, relative to the threshold, by its first target that tells it, else by its intensity."""
    for target in step.intensity_targets:
        share = _share(range_of(target), athlete)
        if share is not None:
            return share
    return INTENSITY_SHARE[step.intensity_type]


def speed_mps(step: WorkoutStep, sport: WorkoutSport, athlete: AthleteParameters) -> float:
    """m/s of the step: that of its target of speed, else so much of the threshold's as the step is hard.

    0 where a sport covers no ground.
    """
    at_threshold = _speed_at_threshold(sport, athlete)
    for target in step.intensity_targets:
        one = range_of(target)
        if one.quantity == "speed":
            return one.middle if one.unit == "absolute" else one.middle / 100 * _number(athlete, "threshold_speed")
    return at_threshold * intensity_share(step, athlete)


def _speed_at_threshold(sport: WorkoutSport, athlete: AthleteParameters) -> float:
    if sport in (WorkoutSport.RUNNING, WorkoutSport.TRAIL_RUNNING):
        return _number(athlete, "threshold_speed")
    return _THRESHOLD_SPEED.get(sport, 0.0)


def _share(one: Range, athlete: AthleteParameters) -> float | None:
    if one.quantity == "rpe":
        # 7 of 10 is what an hour feels like at the threshold.
        return one.middle / 7
    if one.quantity == "cadence":
        return None
    base = {"power": "ftp", "speed": "threshold_speed", "heart_rate": "threshold_heart_rate"}[one.quantity]
    if one.unit == "zone":
        zone_base = "ftp" if one.quantity == "power" else "threshold_heart_rate"
        zone = zone_range(zone_base, one.low, one.high, athlete.table(zone_base))  # type: ignore[arg-type]
        return (zone.low + zone.high) / 200
    if one.unit == "absolute":
        return one.middle / _number(athlete, base)
    if one.unit == base:
        return one.middle / 100
    return one.middle / 100 * _number(athlete, one.unit) / _number(athlete, base)


def _number(athlete: AthleteParameters, name: str) -> float:
    return athlete.told(name) or DEFAULTS[name]
