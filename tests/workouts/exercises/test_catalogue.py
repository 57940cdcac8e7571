import csv
import json

import pytest

from workouts.exercises import catalogue
from workouts.exercises.catalogue import (
    Entry,
    GarminExercise,
    HevyTemplate,
    entries,
    garmin_exercise,
    hevy_template,
    muscle_group_of,
    search,
)

BENCH = HevyTemplate("79D0BB3A", "Bench Press (Barbell)", "weight_reps", "chest", "barbell")


@pytest.mark.parametrize("name", ["Barbell Bench Press", "barbell_bench_press", " BARBELL  BENCH PRESS "])
def test_garmin_exercise_knows_a_whole_name_however_it_is_written(name):
    assert garmin_exercise(name) == GarminExercise("BENCH_PRESS", 0, "BARBELL_BENCH_PRESS", 1, is_planned=True)


@pytest.mark.parametrize("name", ["Bench Press", "Bench Press (Barbell)", "My Custom Exercise", ""])
def test_garmin_exercise_knows_no_category_and_no_other_name(name):
    assert garmin_exercise(name) is None


def test_garmin_exercise_finds_names_that_begin_with_a_digit_with_and_without_underscore():
    found = garmin_exercise("3 way calf raise")

    assert found == GarminExercise("CALF_RAISE", 1, "3_WAY_CALF_RAISE", 0, is_planned=True)
    assert garmin_exercise("_3_WAY_CALF_RAISE") == found


def test_garmin_exercise_takes_the_category_that_is_told_where_it_has_the_name():
    assert (garmin_exercise("PLANK").category, garmin_exercise("PLANK", "PLANK").category) == (
        "BANDED_EXERCISES",
        "PLANK",
    )
    assert garmin_exercise("PLANK", "SQUAT").category == "BANDED_EXERCISES"


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("BARBELL_BENCH_PRESS", "Bench Press (Barbell)"),
        ("Bench Press (Barbell)", "Bench Press (Barbell)"),
        ("bench press", "Bench Press (Barbell)"),
        ("rdl", "Romanian Deadlift (Barbell)"),
        ("KETTLEBELL_SWING", "Kettlebell Swing"),
        ("Kettlebell goblet squat", "Kettlebell Goblet Squat"),
        ("My Custom Exercise", None),
    ],
)
def test_hevy_template_is_found_by_any_of_its_names(name, title):
    found = hevy_template(name)

    assert (found and found.title) == title


def test_muscle_group_of_asks_hevy_then_garmins_category_then_says_other():
    assert [muscle_group_of(it) for it in ("bench", "ALTERNATING_DUMBBELL_CHEST_PRESS", "Lying about")] == [
        "chest",
        "chest",
        "other",
    ]


def test_search_puts_the_whole_name_first():
    found = search("barbell bench press")

    assert found[0] == Entry(
        "BARBELL_BENCH_PRESS", "Barbell bench press", "chest", garmin_exercise("BARBELL_BENCH_PRESS"), BENCH
    )
    assert all("barbell" in it.label.lower() and "press" in it.label.lower() for it in found)
    assert search("  ") == ()


def test_entries_hold_every_planned_exercise_and_every_template():
    assert sum(1 for it in entries() if it.garmin) == 1616
    assert len({it.hevy.id for it in entries() if it.hevy}) == 429


def test_the_tables_agree_with_the_lists_they_were_made_from(shared):
    fit = json.loads((shared / "exporters/garmin_exercises.json").read_bytes())
    with (shared / "spec/garmin-exercises.csv").open() as file:
        planned = {(it["exercise_category"], it["exercise_name"].removeprefix("_")) for it in csv.DictReader(file)}
    in_fit = {(category, name) for category, names in fit.items() for name in names}

    ours = {(it.category, it.name): it for some in catalogue._garmin().values() for it in some}
    assert ours.keys() == in_fit | planned
    assert {key for key, it in ours.items() if it.is_planned} == in_fit & planned
    assert {key for key, it in ours.items() if it.name_number is not None} == in_fit


def test_the_numbers_are_those_of_the_fit_profile():
    profile = pytest.importorskip("garmin_fit_sdk.profile").Profile["types"]

    for exercise in (it for some in catalogue._garmin().values() for it in some if it.name_number is not None):
        names = profile[f"{exercise.category.lower()}_exercise_name"]
        assert names[exercise.name_number].removeprefix("_") == exercise.name.lower()
