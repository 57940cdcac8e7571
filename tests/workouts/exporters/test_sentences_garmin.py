"""The seed's sentences about Garmin, each by its name."""

import pytest

from tests.workouts.exporters.saying import NOBODY, STEP, TARGET, exported, of
from tests.workouts.workouts import at, between, block, distance, reps, step, time, workout
from workouts.domain.structure import (
    Completion,
    CompletionCondition,
    Drill,
    StepBlock,
    Strength,
    Stroke,
    SwimEquipment,
    SwimStep,
    WeightUnit,
)


def steps_and_warnings(drawn, **more):
    payload, warned = exported("garmin", drawn, **more)
    return payload["segments"][0]["steps"], warned


def one_step(*targets, until=None, sport="running", **more):
    (written,), warned = steps_and_warnings(
        workout(block(step("active", until or time(60), *targets, **more)), sport=sport)
    )
    return written, warned


def test_full_strength_training_with_exercise_categories():
    told = Strength("Barbell Back Squat", weight=80.0, weight_display_unit=WeightUnit.KG)

    written, warned = one_step(until=reps(8), sport="strength", strength=told)

    assert of(written, "exerciseCategory", "exerciseName", "weightValue", "weightDisplayUnit", "durationType") == {
        "exerciseCategory": "SQUAT",
        "exerciseName": "BARBELL_BACK_SQUAT",
        "weightValue": 80,
        "weightDisplayUnit": "KILOGRAM",
        "durationType": "REPS",
    }
    assert warned == []


def test_swimming_with_stroke_types_and_equipment():
    told = SwimStep(Stroke.BUTTERFLY, Drill.KICK, (SwimEquipment.FINS,))

    written, warned = one_step(until=distance(50), sport="swimming", swimming=told)

    assert of(written, "strokeType", "drillType", "equipmentType") == {
        "strokeType": "BUTTERFLY",
        "drillType": "KICK",
        "equipmentType": "SWIM_FINS",
    }
    assert warned == []


def test_up_to_two_targets_a_step_in_cycling():
    written, warned = one_step(between("power", 200, 220), between("cadence", 85, 95), sport="cycling")

    assert of(written, "targetType", "targetValueLow", "targetValueHigh") == {
        "targetType": "POWER",
        "targetValueLow": 200,
        "targetValueHigh": 220,
    }
    assert of(written, "secondaryTargetType", "secondaryTargetValueLow", "secondaryTargetValueHigh") == {
        "secondaryTargetType": "CADENCE",
        "secondaryTargetValueLow": 85,
        "secondaryTargetValueHigh": 95,
    }
    assert warned == []


def test_up_to_two_targets_a_step_in_swimming_the_first_in_the_secondary_slot():
    written, warned = one_step(between("pace", 1000, 1250), between("heart_rate", 130, 140), sport="swimming")

    assert of(written, "secondaryTargetType", "secondaryTargetValueLow", "secondaryTargetValueHigh", "targetType") == {
        "secondaryTargetType": "PACE",
        "secondaryTargetValueLow": 0.8,
        "secondaryTargetValueHigh": 1,
        "targetType": "HEART_RATE",
    }
    assert warned == []


def test_a_third_target_is_left_out():
    _, warned = one_step(
        between("power", 200, 220), between("cadence", 85, 95), between("heart_rate", 130, 140), sport="cycling"
    )

    assert warned == [("too_many_targets", f"{STEP}.intensity_targets[2]")]


def test_a_second_target_is_ignored_in_running():
    _, warned = one_step(between("heart_rate", 130, 140), between("cadence", 170, 180))

    assert warned == [("secondary_target_ignored", f"{STEP}.intensity_targets[1]")]


@pytest.mark.parametrize("kind", ["hr_less_than", "hr_greater_than", "power_less_than", "power_greater_than"])
def test_hr_and_power_trigger_completions(kind):
    written, warned = one_step(until=CompletionCondition(Completion(kind), 140))

    assert of(written, "durationType", "durationValue") == {"durationType": kind.upper(), "durationValue": 140}
    assert warned == []


@pytest.mark.parametrize(("kind", "value"), [("time", 60), ("distance", 400), ("reps", 5), ("calories", 90)])
def test_all_completion_condition_types(kind, value):
    written, warned = one_step(until=CompletionCondition(Completion(kind), value))

    assert of(written, "durationType", "durationValue") == {"durationType": kind.upper(), "durationValue": value}
    assert warned == []


def test_time_steps_inside_a_time_repeat_are_unwrapped():
    drawn = workout(
        StepBlock((step("active", time(60)), step("recovery", time(30))), CompletionCondition(Completion.TIME, 600))
    )

    written, warned = steps_and_warnings(drawn)

    assert [of(it, "type", "stepOrder", "durationType", "durationValue") for it in written] == [
        {"type": "WorkoutStep", "stepOrder": 1, "durationType": "TIME", "durationValue": 60},
        {"type": "WorkoutStep", "stepOrder": 2, "durationType": "TIME", "durationValue": 30},
    ]
    assert warned == [("block_unrolled", "workout.step_blocks[0].completion_condition")]


def test_distance_steps_inside_a_time_repeat_stay_wrapped():
    drawn = workout(StepBlock((step("active", distance(400)),), CompletionCondition(Completion.TIME, 600)))

    (written,), warned = steps_and_warnings(drawn)

    assert of(written, "type", "repeatType", "repeatValue") == {
        "type": "WorkoutRepeatStep",
        "repeatType": "REPEAT_UNTIL_TIME",
        "repeatValue": 600,
    }
    assert warned == []


def test_exercise_names_must_match_the_catalogue():
    told = Strength("Bench Press", weight=60.0)

    written, warned = one_step(until=reps(8), sport="strength", strength=told)

    assert of(written, "exerciseCategory", "exerciseName", "weightValue", "description") == {
        "exerciseCategory": None,
        "exerciseName": None,
        "weightValue": 60,
        "description": "Bench Press",
    }
    assert warned == [("exercise_unknown", f"{STEP}.strength.exercise_name")]


def test_of_several_pieces_of_swim_equipment_the_first_is_used():
    told = SwimStep(equipment=(SwimEquipment.PADDLES, SwimEquipment.PULL_BUOY))

    written, warned = one_step(until=distance(50), sport="swimming", swimming=told)

    assert of(written, "equipmentType", "description") == {
        "equipmentType": "SWIM_PADDLES",
        "description": "Also: pull buoy",
    }
    assert warned == [("equipment_reduced", f"{STEP}.swimming.equipment")]


def test_single_values_get_a_range_of_5_percent():
    written, warned = one_step(at("power", 200), sport="cycling")

    assert of(written, "targetValueLow", "targetValueHigh") == {"targetValueLow": 190, "targetValueHigh": 210}
    assert warned == [("range_widened", TARGET)]


def test_hr_threshold_percentage_becomes_max_hr_percentage_with_a_warning():
    written, warned = one_step(between("heart_rate_threshold_percentage", 90, 100))

    # 148.5 and 165 bpm of 185.
    assert of(written, "targetType", "targetValueLow", "targetValueHigh", "targetValueType") == {
        "targetType": "HEART_RATE",
        "targetValueLow": 80.3,
        "targetValueHigh": 89.2,
        "targetValueType": "PERCENT",
    }
    assert warned == [("target_reinterpreted", TARGET)]


def test_hr_threshold_percentage_of_an_athlete_of_whom_nothing_is_told():
    drawn = workout(block(step("active", time(60), between("heart_rate_threshold_percentage", 90, 100))))

    _, warned = steps_and_warnings(drawn, athlete=NOBODY)

    assert warned == [
        ("target_reinterpreted", TARGET),
        ("athlete_parameter_missing", "max_heart_rate"),
        ("athlete_parameter_missing", "threshold_heart_rate"),
    ]


def test_pool_length_defaults_to_25_m():
    payload, warned = exported("garmin", workout(block(step("active", distance(50))), sport="swimming"), NOBODY)

    assert of(payload, "poolLength", "poolLengthUnit") == {"poolLength": 25, "poolLengthUnit": "METER"}
    assert warned == [("pool_length_missing", "workout.pool_length_meters")]


@pytest.mark.parametrize(("kind", "prefix"), [("heart_rate_zone", "HEART_RATE"), ("power_zone", "POWER")])
def test_zones_stay_zones(kind, prefix):
    written, warned = one_step(at(kind, 3), sport="cycling")

    assert of(written, "targetType", "targetValue") == {"targetType": prefix, "targetValue": 3}
    assert warned == []


def test_rpe_is_no_target_and_stands_in_the_text():
    written, warned = one_step(at("rpe", 7))

    assert of(written, "targetType", "description") == {"targetType": "OPEN", "description": "RPE 7"}
    assert warned == [("target_type_unsupported", f"{TARGET}.target_type")]
