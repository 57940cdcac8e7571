"""What the formats for trainers share: they know power over time, in shares of FTP or in watts, and little else."""

from __future__ import annotations

from dataclasses import dataclass

from workouts.domain.athlete import DEFAULTS, AthleteParameters
from workouts.domain.coercion import Code, CoercionWarning
from workouts.domain.structure import (
    Completion,
    Intensity,
    IntensityTarget,
    TargetType,
    WorkoutSport,
    WorkoutStep,
)
from workouts.domain.targets import range_of
from workouts.domain.totals import INTENSITY_SHARE, step_totals
from workouts.domain.validation import TARGET_BOUNDS
from workouts.exporters.writing import Writer, shown

RIDES = (WorkoutSport.CYCLING, WorkoutSport.MOUNTAIN_BIKING)
RUNS = (WorkoutSport.RUNNING, WorkoutSport.TRAIL_RUNNING)
_POWERS = (TargetType.POWER, TargetType.POWER_PERCENTAGE, TargetType.POWER_ZONE)
_MOST_SHARE = TARGET_BOUNDS[TargetType.POWER_PERCENTAGE][1]


@dataclass(frozen=True)
class Piece:
    """One step as power over time: seconds, per cent of FTP (None: free), rpm; what else it says, as text."""

    seconds: int
    share: float | None
    cadence: tuple[float, float] | None
    texts: tuple[str, ...]


class PowerWriter(Writer):
    """Steps as pieces; `keeps_cadence` and `is_run` say what the format has besides."""

    keeps_cadence = False

    def piece(self, path: str, step: WorkoutStep) -> Piece:
        texts = [step.notes] if step.notes else []
        seconds = self._seconds(path, step, texts)
        share: float | None = None
        cadence: tuple[float, float] | None = None
        is_run = self.workout.sport in RUNS
        takes = (*_POWERS, TargetType.SPEED_PERCENTAGE) if is_run else _POWERS
        for index, target in enumerate(step.intensity_targets):
            where = f"{path}.intensity_targets[{index}]"
            if target.target_type in takes and share is None:
                share = self._share(where, target)
            elif target.target_type is TargetType.CADENCE and self.keeps_cadence:
                told = range_of(target)
                cadence = told.low, told.high
            elif target.target_type in takes:
                texts.append(shown(target))
                self.warn(Code.TOO_MANY_TARGETS, where, f"{self.provider} holds one power a step: this was left out.")
            else:
                self.lose_target(where, target, texts)
        self.lose_controls(path, step, texts)
        self.lose_swim(path, step, texts, stroke=Code.STROKE_UNSUPPORTED)
        self.lose_exercise(path, step.strength, texts)
        self.lose_weight(path, step.strength, texts)
        return Piece(seconds, share, cadence, tuple(texts))

    def _seconds(self, path: str, step: WorkoutStep, texts: list[str]) -> int:
        condition = step.completion_condition
        if condition.type is Completion.TIME:
            return max(1, round(condition.value or 0))
        seconds = max(1, round(step_totals(step, self.workout.sport, self.athlete).duration_s))
        self.lose_end(path, step, f"it ends after an estimate of {seconds} s", texts)
        return seconds

    def _share(self, where: str, target: IntensityTarget) -> float:
        """Per cent of FTP (of a run: of the speed at threshold): the middle of the range."""
        told = range_of(target)
        if told.unit != "ftp" and told.unit != "threshold_speed":
            told = self.ranged(where, target, ("ftp", "threshold_speed"), preferred="ftp")
        if told.low != told.high:
            self.warn(
                Code.TARGET_CONVERTED,
                where,
                f"{self.provider} holds one value a step: the middle, {told.middle:.4g} %, was written.",
            )
        return told.middle

    def lose_place(self) -> None:
        """What the workout itself says and the format has no place for."""
        if self.workout.sport not in (*RIDES, *RUNS):
            self.lose_sport("a ride")
        elif self.workout.sport in (WorkoutSport.MOUNTAIN_BIKING, WorkoutSport.TRAIL_RUNNING):
            self.convert_sport("a ride" if self.workout.sport in RIDES else "a run")
        self.pool_length(has_place=False)


def usual_share(step: WorkoutStep) -> float:
    """Per cent of FTP for a step that says nothing of it, where a format cannot leave it open."""
    return INTENSITY_SHARE[step.intensity_type] * 100


def share_target(
    low: float, high: float, athlete: AthleteParameters, path: str, warnings: list[CoercionWarning], *, is_ramp: bool
) -> IntensityTarget:
    """The target of a power between these per cent of FTP; more than our model allows becomes watts.

    Ramps have no place in it: one becomes a range.
    """
    low, high = sorted((round(low, 3), round(high, 3)))
    if is_ramp and low != high:
        warnings.append(
            CoercionWarning(Code.TARGET_CONVERTED, path, f"A ramp from {low:g} to {high:g} % of FTP became that range.")
        )
    if high > _MOST_SHARE:
        ftp = athlete.ftp or DEFAULTS["ftp"]
        most = TARGET_BOUNDS[TargetType.POWER][1]
        low, high = (min(max(1, round(it * ftp / 100)), most) for it in (low, high))
        warnings.append(
            CoercionWarning(
                Code.TARGET_CONVERTED, path, f"More than {_MOST_SHARE:g} % of FTP is told in watts here: {high:g} W."
            )
        )
        if low == high:
            return IntensityTarget(TargetType.POWER, value=float(low))
        return IntensityTarget(TargetType.POWER, value_low=float(low), value_high=float(high))
    if low == high:
        # A percentage is always a range: one end of it stands for the value.
        return IntensityTarget(TargetType.POWER_PERCENTAGE, value_low=low)
    return IntensityTarget(TargetType.POWER_PERCENTAGE, value_low=low, value_high=high)


def intensity_of(low: float, high: float, place: int, count: int) -> Intensity:
    """What a piece of a file that tells only power is for, by its power and its place among `count`."""
    middle = (low + high) / 2
    if place == 0 and middle < 75 and count > 1:
        return Intensity.WARMUP
    if place == count - 1 and middle < 70 and count > 1:
        return Intensity.COOLDOWN
    return Intensity.RECOVERY if middle <= 60 else Intensity.ACTIVE
