from dataclasses import replace

import pytest
from hypothesis import given, settings

from tests.workouts.workouts import at, between, block, distance, reps, step, time, workout, workouts
from workouts.domain.structure import (
    OPEN,
    Completion,
    CompletionCondition,
    ControlType,
    IntensityTarget,
    StepBlock,
    StepControl,
    SwimEquipment,
    SwimStep,
    TargetType,
)
from workouts.domain.validation import TARGET_BOUNDS, Error, errors_of


def test_errors_of_finds_nothing_wrong_with_a_good_workout():
    good = workout(
        block(step("warmup", time(600))),
        block(step("active", distance(1000), between("pace", 240, 250)), step("rest", time(90)), times=4),
        block(step("cooldown", OPEN, at("rpe", 2))),
    )

    assert errors_of(good) == ()


@settings(max_examples=200, deadline=None)
@given(workouts())
def test_errors_of_finds_nothing_wrong_with_what_the_strategy_draws(drawn):
    assert errors_of(drawn) == ()


TARGET = "step_blocks[0].steps[0].intensity_targets[0]"


@pytest.mark.parametrize(
    ("target", "error"),
    [
        (
            IntensityTarget(TargetType.POWER_PERCENTAGE, value=90),
            Error(f"{TARGET}.value", "A percentage is a range: give value_low, value_high or both."),
        ),
        (
            IntensityTarget(TargetType.POWER, value=200, value_low=190),
            Error(f"{TARGET}.value", "A target has either one value or a range, not both."),
        ),
        (
            IntensityTarget(TargetType.POWER, value_low=200),
            Error(f"{TARGET}.value_high", "A range needs both ends, value_low and value_high; or give one value."),
        ),
        (
            IntensityTarget(TargetType.POWER, value_high=200),
            Error(f"{TARGET}.value_low", "A range needs both ends, value_low and value_high; or give one value."),
        ),
        (
            IntensityTarget(TargetType.HEART_RATE, value_low=150, value_high=150),
            Error(f"{TARGET}.value_low", "value_low must be less than value_high."),
        ),
        (
            IntensityTarget(TargetType.PACE, value_low=250, value_high=240),
            Error(f"{TARGET}.value_low", "value_low must be less than value_high."),
        ),
        (
            IntensityTarget(TargetType.POWER),
            Error(TARGET, "A target of type “power” needs a value, or value_low and value_high."),
        ),
        (
            IntensityTarget(TargetType.SPEED_PERCENTAGE),
            Error(TARGET, "A target of type “speed_percentage” needs value_low or value_high."),
        ),
        (
            IntensityTarget(TargetType.HEART_RATE_ZONE, value=2.5),
            Error(f"{TARGET}.value", "A zone is a whole number."),
        ),
        (
            IntensityTarget(TargetType.POWER, value=float("nan")),
            Error(f"{TARGET}.value", "nan is outside of what is allowed: 1 to 2000 W."),
        ),
    ],
)
def test_errors_of_names_what_is_wrong_with_a_target(target, error):
    assert errors_of(workout(block(step("active", OPEN, target)))) == (error,)


@pytest.mark.parametrize("end", ["value_low", "value_high"])
def test_errors_of_takes_one_end_of_a_percentage(end):
    target = IntensityTarget(TargetType.POWER_PERCENTAGE, **{end: 90})

    assert errors_of(workout(block(step("active", OPEN, target)))) == ()


@pytest.mark.parametrize(("kind", "bounds"), TARGET_BOUNDS.items(), ids=[it.value for it in TARGET_BOUNDS])
def test_errors_of_holds_each_target_type_to_its_bounds_inclusive(kind, bounds):
    low, high = bounds
    good = IntensityTarget(kind, value_low=low, value_high=high)
    bad = [replace(good, value_low=low - 1), replace(good, value_high=high + 1)]

    assert errors_of(workout(block(step("active", OPEN, good)))) == ()
    assert [[it.path for it in errors_of(workout(block(step("active", OPEN, it))))] for it in bad] == [
        [f"{TARGET}.value_low"],
        [f"{TARGET}.value_high"],
    ]


STEP = "step_blocks[0].steps[0]"


@pytest.mark.parametrize(
    ("condition", "error"),
    [
        (
            CompletionCondition(Completion.TIME),
            Error(f"{STEP}.completion_condition.value", "“time” needs a value in seconds."),
        ),
        (
            CompletionCondition(Completion.OPEN, 5),
            Error(
                f"{STEP}.completion_condition.value",
                "An open end has no value: the athlete presses the lap button.",
            ),
        ),
        (
            CompletionCondition(Completion.REPS, 2.5),
            Error(f"{STEP}.completion_condition.value", "Repetitions are a whole number."),
        ),
        (
            CompletionCondition(Completion.HR_LESS_THAN, 20),
            Error(f"{STEP}.completion_condition.value", "20 is outside of what is allowed: 30 to 250 bpm."),
        ),
        (
            CompletionCondition(Completion.DISTANCE, 0),
            Error(f"{STEP}.completion_condition.value", "0 is outside of what is allowed: 1 to 1e+06 metres."),
        ),
    ],
)
def test_errors_of_names_what_is_wrong_with_the_end_of_a_step(condition, error):
    assert errors_of(workout(block(step("active", condition)))) == (error,)


def test_errors_of_names_what_is_wrong_with_a_block():
    bad = workout(
        StepBlock((step(),), CompletionCondition(Completion.CALORIES, 100)), StepBlock((), reps(2)), block(step())
    )

    assert errors_of(bad) == (
        Error(
            "step_blocks[0].completion_condition.type",
            "A block is repeated by reps, time, distance or open; “calories” is for steps.",
        ),
        Error("step_blocks[1].steps", "A block needs at least one step."),
    )


def test_errors_of_names_what_is_wrong_with_the_workout_itself():
    bad = workout(name="  ", pool_length_meters=25.0, estimated_duration_seconds=-1.0)

    assert errors_of(bad) == (
        Error("name", "A workout needs a name."),
        Error("pool_length_meters", "Only a swimming workout has a pool length."),
        Error("estimated_duration_seconds", "-1 is outside of what is allowed: more than 0, at most 604800."),
        Error("step_blocks", "A workout needs at least one block of steps."),
    )


def test_errors_of_names_what_is_wrong_with_swimming_controls_and_targets_told_twice():
    swim = SwimStep(equipment=(SwimEquipment.NONE, SwimEquipment.FINS, SwimEquipment.FINS))
    bad = workout(
        block(
            step(
                "active",
                OPEN,
                at("power", 200),
                at("power", 220),
                swimming=swim,
                controls=(StepControl(ControlType.GRADE, 2), StepControl(ControlType.RESISTANCE, -1)),
            )
        )
    )

    assert errors_of(bad) == (
        Error(
            f"{STEP}.intensity_targets[1].target_type",
            "A step has each type of target once; intensity_targets[0] has this one.",
        ),
        Error(f"{STEP}.controls[0].value", "2 is outside of what is allowed: -0.4 to 0.4 as a fraction: 0.02 is 2 %."),
        Error(f"{STEP}.controls[1].value", "-1 is outside of what is allowed: 0 to 1000 as the machine's level."),
        Error(f"{STEP}.swimming", "Only a step of a swimming workout has a stroke, a drill or swim equipment."),
        Error(f"{STEP}.swimming.equipment", "Each piece of equipment is named once."),
        Error(f"{STEP}.swimming.equipment", "“none” stands alone."),
    )
