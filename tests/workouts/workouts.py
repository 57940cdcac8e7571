"""Workouts for tests: short words for steps and blocks, and a strategy that draws any valid one."""

from __future__ import annotations

from hypothesis import strategies as st

from workouts.domain.structure import (
    OPEN,
    PERCENTAGES,
    ZONES,
    Completion,
    CompletionCondition,
    ControlType,
    Drill,
    Environment,
    Intensity,
    IntensityTarget,
    StepBlock,
    StepControl,
    Strength,
    Stroke,
    SwimEquipment,
    SwimStep,
    TargetType,
    WeightUnit,
    Workout,
    WorkoutSport,
    WorkoutStep,
)
from workouts.domain.validation import TARGET_BOUNDS


def time(seconds: float) -> CompletionCondition:
    return CompletionCondition(Completion.TIME, seconds)


def distance(metres: float) -> CompletionCondition:
    return CompletionCondition(Completion.DISTANCE, metres)


def reps(count: int) -> CompletionCondition:
    return CompletionCondition(Completion.REPS, count)


def between(target_type: str, low: float, high: float) -> IntensityTarget:
    return IntensityTarget(TargetType(target_type), value_low=low, value_high=high)


def at(target_type: str, value: float) -> IntensityTarget:
    return IntensityTarget(TargetType(target_type), value=value)


def step(
    intensity: str = "active",
    until: CompletionCondition = OPEN,
    *targets: IntensityTarget,
    notes: str = "",
    **more: object,
) -> WorkoutStep:
    return WorkoutStep(Intensity(intensity), until, targets, notes, **more)  # type: ignore[arg-type]


def block(*steps: WorkoutStep, times: int | None = None) -> StepBlock:
    return StepBlock(steps, OPEN if times is None else reps(times))


def workout(*blocks: StepBlock, sport: str = "running", name: str = "Test", **more: object) -> Workout:
    return Workout(name, WorkoutSport(sport), blocks, **more)  # type: ignore[arg-type]


# --- any valid workout ------------------------------------------------------------------------

_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=40)
_BOUNDS = {
    Completion.TIME: (1, 86_400),
    Completion.DISTANCE: (1, 100_000),
    Completion.CALORIES: (1, 2000),
    Completion.HR_LESS_THAN: (30, 250),
    Completion.HR_GREATER_THAN: (30, 250),
    Completion.POWER_LESS_THAN: (1, 2000),
    Completion.POWER_GREATER_THAN: (1, 2000),
}


@st.composite
def conditions(draw: st.DrawFn, kinds: tuple[Completion, ...] = tuple(Completion)) -> CompletionCondition:
    kind = draw(st.sampled_from(kinds))
    if kind is Completion.OPEN:
        return OPEN
    if kind is Completion.REPS:
        return reps(draw(st.integers(1, 120)))
    low, high = _BOUNDS[kind]
    return CompletionCondition(kind, float(draw(st.integers(low, high))))


@st.composite
def targets(draw: st.DrawFn, kinds: tuple[TargetType, ...] = tuple(TargetType)) -> IntensityTarget:
    kind = draw(st.sampled_from(kinds))
    low, high = TARGET_BOUNDS[kind]
    if kind in ZONES:
        number = st.integers(int(low), int(high)).map(float)
    else:
        # Tenths, as a person types them.
        number = st.integers(int(low * 10), int(high * 10)).map(lambda tenths: tenths / 10)
    one, other = draw(number), draw(number)
    if one == other:
        if kind in PERCENTAGES:
            end = draw(st.sampled_from(("value_low", "value_high")))
            return IntensityTarget(kind, **{end: one})
        return IntensityTarget(kind, value=one)
    return IntensityTarget(kind, value_low=min(one, other), value_high=max(one, other))


@st.composite
def steps(draw: st.DrawFn, sport: WorkoutSport) -> WorkoutStep:
    swimming = None
    if sport is WorkoutSport.SWIMMING and draw(st.booleans()):
        gear = [it for it in SwimEquipment if it is not SwimEquipment.NONE]
        swimming = SwimStep(
            stroke_type=draw(st.none() | st.sampled_from(Stroke)),
            drill_type=draw(st.none() | st.sampled_from(Drill)),
            equipment=tuple(draw(st.lists(st.sampled_from(gear), unique=True, max_size=3))),
        )
    strength = None
    if sport is WorkoutSport.STRENGTH and draw(st.booleans()):
        strength = Strength(
            exercise_name=draw(
                st.sampled_from(("BARBELL_BENCH_PRESS", "Bench Press", "PUSH_UP", "3 way calf raise", "My own", ""))
            ),
            weight=draw(st.none() | st.integers(0, 300).map(float)),
            weight_display_unit=draw(st.none() | st.sampled_from(WeightUnit)),
        )
    controls = draw(
        st.lists(
            st.builds(StepControl, st.just(ControlType.GRADE), st.integers(-20, 20).map(lambda it: it / 100))
            | st.builds(StepControl, st.just(ControlType.RESISTANCE), st.integers(0, 100).map(float)),
            max_size=1,
        )
    )
    return WorkoutStep(
        intensity_type=draw(st.sampled_from(Intensity)),
        completion_condition=draw(conditions()),
        intensity_targets=tuple(draw(st.lists(targets(), max_size=3, unique_by=lambda it: it.target_type))),
        notes=draw(_TEXT),
        controls=tuple(controls),
        strength=strength,
        swimming=swimming,
    )


@st.composite
def workouts(draw: st.DrawFn, sports: tuple[WorkoutSport, ...] = tuple(WorkoutSport)) -> Workout:
    """Any workout that `errors_of` finds nothing wrong with."""
    sport = draw(st.sampled_from(sports))
    of_blocks = (Completion.REPS, Completion.TIME, Completion.DISTANCE, Completion.OPEN)
    return Workout(
        name=draw(_TEXT.filter(lambda it: bool(it.strip()))),
        sport=sport,
        step_blocks=tuple(
            StepBlock(tuple(draw(st.lists(steps(sport), min_size=1, max_size=4))), draw(conditions(of_blocks)))
            for _ in range(draw(st.integers(1, 4)))
        ),
        description=draw(_TEXT),
        environment=draw(st.none() | st.sampled_from(Environment)),
        pool_length_meters=draw(st.sampled_from((None, 25.0, 33.33, 50.0))) if sport is WorkoutSport.SWIMMING else None,
    )
