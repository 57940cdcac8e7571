"""The seed's sentences about Hevy, each by its name."""

import pytest

from tests.workouts.exporters.saying import NOBODY, STEP, TARGET, exported, of
from tests.workouts.workouts import at, between, block, distance, reps, step, time, workout
from workouts.domain.structure import Strength, WeightUnit

ALWAYS = ("planned_date_unsupported", "planned_date")
BENCH = "79D0BB3A"


def routine_and_warnings(drawn):
    payload, warned = exported("hevy", drawn, NOBODY)
    return payload["routine"]["exercises"], payload["custom_exercises"], warned


def a_set(*targets, until=None, name="Bench Press (Barbell)", intensity="active", notes="", **more):
    return step(intensity, until or reps(8), *targets, notes=notes, strength=Strength(name, **more))


@pytest.mark.parametrize("name", ["BARBELL_BENCH_PRESS", "Barbell Bench Press", "Bench Press (Barbell)", "bench"])
def test_garmin_names_hevy_names_and_short_aliases_resolve_to_templates(name):
    exercises, custom, warned = routine_and_warnings(workout(block(a_set(name=name)), sport="strength"))

    assert [it["exercise_template_id"] for it in exercises] == [BENCH]
    assert (custom, warned) == ([], [ALWAYS])


def test_custom_exercises_get_muscle_group_equipment_and_type():
    exercises, custom, warned = routine_and_warnings(
        workout(block(a_set(name="BARBELL_BOARD_BENCH_PRESS", weight=80.0)), sport="strength")
    )

    assert [it["exercise_template_id"] for it in exercises] == [None]
    assert [it["body"]["exercise"] for it in custom] == [
        {
            "title": "Barbell board bench press",
            "exercise_type": "weight_reps",
            "equipment_category": "barbell",
            "muscle_group": "chest",
            "other_muscles": [],
        }
    ]
    assert warned == [("custom_exercise", f"{STEP}.strength.exercise_name"), ALWAYS]


def test_weight_unit_conversion_from_pounds_to_kilograms():
    drawn = workout(block(a_set(weight=135.0, weight_display_unit=WeightUnit.LBS)), sport="strength")

    exercises, _, warned = routine_and_warnings(drawn)

    assert exercises[0]["sets"][0]["weight_kg"] == 61.23
    assert warned == [ALWAYS]


@pytest.mark.parametrize(
    ("until", "field", "value"),
    [(time(45), "duration_seconds", 45), (distance(40), "distance_meters", 40), (reps(8), "reps", 8)],
)
def test_duration_based_and_distance_based_sets_alongside_reps(until, field, value):
    exercises, _, warned = routine_and_warnings(workout(block(a_set(until=until)), sport="strength"))

    expected = {"reps": None, "duration_seconds": None, "distance_meters": None, field: value}
    assert of(exercises[0]["sets"][0], "reps", "duration_seconds", "distance_meters") == expected
    assert warned == [ALWAYS]


def test_other_sports_produce_a_warning_and_are_still_a_routine():
    exercises, _, warned = routine_and_warnings(workout(block(a_set()), sport="cardio"))

    assert [it["exercise_template_id"] for it in exercises] == [BENCH]
    assert warned == [("sport_unsupported", "workout.sport"), ALWAYS]


@pytest.mark.parametrize(
    "target",
    [
        between("heart_rate", 130, 140),
        between("power", 200, 220),
        between("pace", 240, 250),
        between("speed", 3, 4),
        between("cadence", 80, 90),
        at("rpe", 8),
    ],
)
def test_no_intensity_targets_and_no_rpe(target):
    _, _, warned = routine_and_warnings(workout(block(a_set(target)), sport="strength"))

    assert warned == [("target_type_unsupported", f"{TARGET}.target_type"), ALWAYS]


def test_each_block_is_an_exercise_and_each_step_a_set():
    drawn = workout(block(a_set(), a_set(until=reps(6))), block(a_set(name="PLANK", until=time(45))), sport="strength")

    exercises, _, warned = routine_and_warnings(drawn)

    assert [(it["exercise_template_id"], len(it["sets"])) for it in exercises] == [(BENCH, 2), ("C6C9B8A0", 1)]
    assert warned == [ALWAYS]


def test_no_block_repeats_the_sets_are_written_out():
    exercises, _, warned = routine_and_warnings(workout(block(a_set(), times=3), sport="strength"))

    assert [it["reps"] for it in exercises[0]["sets"]] == [8, 8, 8]
    assert warned == [("block_unrolled", "workout.step_blocks[0].completion_condition"), ALWAYS]


def test_no_planned_date_support():
    payload, warned = exported("hevy", workout(block(a_set()), sport="strength"), NOBODY)

    assert "2026" not in str(payload)
    assert warned == [ALWAYS]


def test_the_notes_of_a_rest_stand_in_those_of_its_exercise():
    drawn = workout(block(a_set(), step("rest", time(90), notes="Breathe")), sport="strength")

    exercises, _, warned = routine_and_warnings(drawn)

    assert of(exercises[0], "rest_seconds", "notes") == {"rest_seconds": 90, "notes": "Breathe"}
    assert warned == [ALWAYS]


def test_an_at_sign_is_replaced_with_a_warning():
    exercises, _, warned = routine_and_warnings(workout(block(a_set(notes="3@80")), sport="strength"))

    assert exercises[0]["notes"] == "3 at 80"
    assert warned == [("text_transliterated", f"{STEP}.notes"), ALWAYS]
