"""The seed's sentences about COROS, each by its name."""

import pytest

from tests.workouts.exporters.saying import STEP, TARGET, exported, of
from tests.workouts.workouts import at, between, block, distance, reps, step, time, workout
from workouts.domain.structure import (
    Completion,
    CompletionCondition,
    StepBlock,
    Strength,
    Stroke,
    SwimEquipment,
    SwimStep,
    WeightUnit,
)


def workout_and_warnings(drawn):
    payload, warned = exported("coros", drawn)
    return payload["Workouts"][0], warned


def one_step(*targets, until=None, sport="running", **more):
    written, warned = workout_and_warnings(
        workout(block(step("active", until or time(60), *targets, **more)), sport=sport)
    )
    return written["Structure"][0], warned


@pytest.mark.parametrize(
    ("sport", "kind"), [("running", "run"), ("cycling", "bike"), ("swimming", "swim"), ("strength", "strength")]
)
def test_running_cycling_swimming_strength(sport, kind):
    payload, warned = exported("coros", workout(block(step("active", time(60))), sport=sport))

    assert payload["Workouts"][0]["WorkoutType"] == kind
    assert [it for it in warned if it[1] == "workout.sport"] == []


def test_mountain_biking_is_a_ride_and_warned_about():
    written, warned = workout_and_warnings(workout(block(step("active", time(60))), sport="mountain_biking"))

    assert written["WorkoutType"] == "bike"
    assert warned == [("sport_converted", "workout.sport")]


def test_power_percentage_targets():
    written, warned = one_step(between("power_percentage", 88, 94), sport="cycling")

    assert written["IntensityTarget"] == {"Unit": "PercentOfFtp", "MinValue": 88, "MaxValue": 94}
    assert warned == []


def test_hr_percentage_targets():
    written, warned = one_step(between("heart_rate_threshold_percentage", 88, 94))

    assert written["IntensityTarget"] == {"Unit": "PercentOfThresholdHr", "MinValue": 88, "MaxValue": 94}
    assert warned == []


def test_hr_percentage_of_the_maximum_in_bpm():
    written, warned = one_step(between("heart_rate_max_percentage", 80, 90))

    # Of 185.
    assert written["IntensityTarget"] == {"Unit": "RangeOfThresholdHr", "MinValue": 148, "MaxValue": 166}
    assert warned == [("target_converted", TARGET)]


def test_hr_zones_become_percent_of_the_threshold():
    written, warned = one_step(at("heart_rate_zone", 3))

    assert written["IntensityTarget"] == {"Unit": "PercentOfThresholdHr", "MinValue": 90, "MaxValue": 95}
    assert warned == [("target_converted", TARGET)]


def test_power_zones_become_percent_of_ftp():
    written, warned = one_step(at("power_zone", 4), sport="cycling")

    assert written["IntensityTarget"] == {"Unit": "PercentOfFtp", "MinValue": 90, "MaxValue": 105}
    assert warned == [("target_converted", TARGET)]


def test_single_target_a_step_extras_ignored():
    written, warned = one_step(between("heart_rate", 130, 140), between("cadence", 170, 180))

    assert of(written, "IntensityTarget", "Description") == {
        "IntensityTarget": {"Unit": "RangeOfThresholdHr", "MinValue": 130, "MaxValue": 140},
        "Description": "170-180 rpm",
    }
    assert warned == [("too_many_targets", f"{STEP}.intensity_targets")]


def test_a_weight_is_the_single_target():
    told = Strength("Squat", weight=80.0)

    written, warned = one_step(between("heart_rate", 130, 140), until=reps(8), sport="strength", strength=told)

    assert of(written, "IntensityTarget", "Description") == {
        "IntensityTarget": {"Unit": "ValueOfEquipmentWeight", "Value": 80},
        "Description": "130-140 bpm",
    }
    assert warned == [("too_many_targets", f"{STEP}.intensity_targets")]


@pytest.mark.parametrize("kind", ["time", "distance"])
def test_block_completion_only_supports_reps(kind):
    drawn = workout(StepBlock((step("active", distance(400)),), CompletionCondition(Completion(kind), 1200)))

    written, warned = workout_and_warnings(drawn)

    assert [it["Type"] for it in written["Structure"]] == ["Step"]
    assert warned == [("block_completion_unsupported", "workout.step_blocks[0].completion_condition")]


def test_blocks_are_repeated_by_reps():
    written, warned = workout_and_warnings(workout(block(step("active", distance(400)), times=4)))

    assert of(written["Structure"][0], "Type", "Length") == {
        "Type": "Repetition",
        "Length": {"Unit": "Repetition", "Value": 4},
    }
    assert warned == []


@pytest.mark.parametrize("kind", ["hr_less_than", "hr_greater_than", "power_less_than", "power_greater_than"])
def test_no_hr_or_power_trigger_completions(kind):
    written, warned = one_step(until=CompletionCondition(Completion(kind), 140))

    assert written["Length"] == {"Unit": "EndManually", "Value": 0}
    assert warned == [("completion_unsupported", f"{STEP}.completion_condition")]


def test_drill_stroke_type_is_not_supported():
    _, warned = one_step(until=distance(50), sport="swimming", swimming=SwimStep(Stroke.DRILL))

    assert ("stroke_unsupported", f"{STEP}.swimming.stroke_type") in warned


def test_stroke_and_equipment_stand_in_brackets_behind_the_steps_name():
    told = SwimStep(Stroke.FREESTYLE, equipment=(SwimEquipment.FINS, SwimEquipment.PULL_BUOY))

    written, warned = one_step(until=distance(50), sport="swimming", notes="Main", swimming=told)

    assert written["Name"] == "Main [freestyle] [fins] [pull buoy]"
    assert warned == [
        ("pool_length_unsupported", "workout.pool_length_meters"),
        ("equipment_in_name", f"{STEP}.swimming.equipment"),
        ("stroke_in_name", f"{STEP}.swimming.stroke_type"),
    ]


def test_single_values_get_a_range_of_5_percent():
    written, warned = one_step(at("power", 200), sport="cycling")

    assert written["IntensityTarget"] == {"Unit": "RangeOfFtp", "MinValue": 190, "MaxValue": 210}
    assert warned == [("range_widened", TARGET)]


def test_weight_is_kept_to_the_gram():
    told = Strength("Squat", weight=135.0, weight_display_unit=WeightUnit.LBS)

    written, warned = one_step(until=reps(5), sport="strength", strength=told)

    assert written["IntensityTarget"] == {"Unit": "ValueOfEquipmentWeight", "Value": 61.235}
    assert warned == []


def test_recovery_is_sent_as_rest():
    written, warned = workout_and_warnings(workout(block(step("recovery", time(60)))))

    assert written["Structure"][0]["IntensityClass"] == "Rest"
    assert warned == [("intensity_type_coerced", f"{STEP}.intensity_type")]


def test_fractions_of_a_second_are_rounded_with_a_warning():
    written, warned = one_step(until=time(90.4))

    assert written["Length"] == {"Unit": "Second", "Value": 90}
    assert warned == [("value_rounded", f"{STEP}.completion_condition")]
