"""The seed's sentences about Wahoo, each by its name."""

import pytest

from tests.workouts.exporters.saying import NOBODY, STEP, TARGET, exported
from tests.workouts.workouts import at, between, block, distance, reps, step, time, workout
from workouts.domain.structure import Completion, CompletionCondition, ControlType, StepControl


def one_step(*targets, until=None, sport="cycling", intensity="active", athlete=NOBODY, **more):
    drawn = workout(block(step(intensity, until or time(60), *targets, **more)), sport=sport)
    payload, warned = exported("wahoo", drawn, athlete)
    return payload["plan"]["intervals"][0], warned


def test_power_zones_become_fractions_of_ftp():
    written, warned = one_step(at("power_zone", 4))

    assert written["targets"] == [{"type": "ftp", "low": 0.9, "high": 1.05}]
    assert warned == [("target_converted", TARGET), ("athlete_parameter_missing", "ftp")]


def test_hr_zones_become_fractions_of_the_maximum():
    written, warned = one_step(at("heart_rate_zone", 3))

    assert written["targets"] == [{"type": "max_hr", "low": 0.7, "high": 0.8}]
    assert warned == [("target_converted", TARGET), ("athlete_parameter_missing", "max_heart_rate")]


def test_rpe_targets_are_taken_and_never_widened():
    written, warned = one_step(at("rpe", 7))

    assert written["targets"] == [{"type": "rpe", "low": 7, "high": 7}]
    assert warned == []


def test_multiple_targets_a_step():
    written, warned = one_step(between("power", 200, 220), between("cadence", 85, 95), between("heart_rate", 140, 150))

    assert written["targets"] == [
        {"type": "watts", "low": 200, "high": 220},
        {"type": "rpm", "low": 85, "high": 95},
        {"type": "hr", "low": 140, "high": 150},
    ]
    assert warned == []


def test_grade_control_for_smart_trainers():
    written, warned = one_step(between("power", 200, 220), controls=(StepControl(ControlType.GRADE, 0.02),))

    assert written["controls"] == [{"type": "grade", "value": 0.02}]
    assert warned == []


def test_resistance_is_no_control():
    written, warned = one_step(between("power", 200, 220), controls=(StepControl(ControlType.RESISTANCE, 5.0),))

    assert written["name"] == "Active, Resistance 5"
    assert warned == [("control_unsupported", f"{STEP}.controls[0]")]


@pytest.mark.parametrize("sport", ["swimming", "strength"])
def test_no_swimming_and_no_strength_support(sport):
    drawn = workout(block(step("active", time(60), at("rpe", 5))), sport=sport)

    payload, warned = exported("wahoo", drawn, NOBODY)

    assert (payload["plan"]["header"]["workout_type_family"], payload["workout"]["workout_type_id"]) == (0, 0)
    assert warned == [("sport_unsupported", "workout.sport")]


def test_percentage_targets_are_divided_by_100():
    written, warned = one_step(between("power_percentage", 88, 94), athlete=NOBODY)

    assert written["targets"] == [{"type": "ftp", "low": 0.88, "high": 0.94}]
    assert warned == [("athlete_parameter_missing", "ftp")]


def test_single_values_are_expanded_by_5_percent():
    written, warned = one_step(at("power", 200))

    assert written["targets"] == [{"type": "watts", "low": 190, "high": 210}]
    assert warned == [("range_widened", TARGET)]


@pytest.mark.parametrize(
    ("intensity", "exertion"), [("warmup", 3), ("active", 5), ("recovery", 2), ("rest", 1), ("cooldown", 2)]
)
def test_steps_without_a_target_get_an_rpe(intensity, exertion):
    written, warned = one_step(intensity=intensity)

    assert written["targets"] == [{"type": "rpe", "low": exertion, "high": exertion}]
    assert warned == [("rpe_fallback", f"{STEP}.intensity_targets")]


@pytest.mark.parametrize(
    ("until", "end"),
    [
        (reps(5), ("time", 30)),
        (CompletionCondition(Completion.CALORIES, 100), ("kj2", 100)),
        (CompletionCondition(Completion.HR_LESS_THAN, 120), ("time", 300)),
        (CompletionCondition(Completion.POWER_GREATER_THAN, 250), ("time", 300)),
    ],
)
def test_no_reps_calories_and_triggers(until, end):
    written, warned = one_step(at("rpe", 5), until=until)

    assert (written["exit_trigger_type"], written["exit_trigger_value"]) == end
    assert warned == [("completion_unsupported", f"{STEP}.completion_condition")]


def test_a_block_of_four_rounds_repeats_three_times():
    drawn = workout(block(step("active", distance(1000), at("rpe", 7)), times=4))

    payload, warned = exported("wahoo", drawn, NOBODY)

    (repeat,) = payload["plan"]["intervals"]
    assert (repeat["exit_trigger_type"], repeat["exit_trigger_value"], len(repeat["intervals"])) == ("repeat", 3, 1)
    assert warned == []
