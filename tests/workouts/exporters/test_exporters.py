"""What every exporter keeps, whichever provider it writes for."""

import json
import re
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workouts.workouts import at, between, block, distance, reps, step, time, workout, workouts
from workouts.domain.athlete import AthleteParameters
from workouts.domain.coercion import Warnings
from workouts.domain.structure import (
    OPEN,
    PERCENTAGES,
    ZONES,
    Completion,
    CompletionCondition,
    TargetType,
    WorkoutSport,
    steps_of,
)
from workouts.exporters import EXPORTERS
from workouts.exporters.base import Support

DAY = date(2026, 12, 1)
TOLD = AthleteParameters(
    ftp=250, max_heart_rate=185, threshold_heart_rate=165, threshold_speed=4.0, pool_length_meters=25.0
)
each_exporter = pytest.mark.parametrize("exporter", EXPORTERS.values(), ids=EXPORTERS)

athletes = st.builds(
    AthleteParameters,
    ftp=st.none() | st.integers(80, 450).map(float),
    max_heart_rate=st.none() | st.integers(150, 210).map(float),
    threshold_heart_rate=st.none() | st.integers(130, 195).map(float),
    threshold_speed=st.none() | st.integers(15, 60).map(lambda tenths: tenths / 10),
    pool_length_meters=st.none() | st.sampled_from((20.0, 25.0, 33.33, 50.0)),
)

PATHS = re.compile(
    r"workout\.(name|description|sport|environment|pool_length_meters|step_blocks"
    r"|step_blocks\[\d+\](\.(completion_condition|steps\[\d+\](\.(completion_condition|intensity_type|notes"
    r"|intensity_targets(\[\d+\](\.target_type)?)?|controls\[\d+\]|strength\.(exercise_name|exercise_category|weight)"
    r"|swimming\.(stroke_type|drill_type|equipment)))?))?)"
    r"|planned_date|provider_workout_id|ftp|max_heart_rate|threshold_heart_rate|threshold_speed|pool_length_meters"
)


@each_exporter
@settings(max_examples=60, deadline=None)
@given(drawn=workouts(), athlete=athletes)
def test_any_workout_is_exported_with_warnings_in_order_and_each_once(exporter, drawn, athlete):
    export = exporter.export(drawn, athlete, DAY)

    json.dumps(export.payload, allow_nan=False)
    assert export.provider == exporter.slug
    assert list(export.steps) == [placed.path for placed in steps_of(drawn)]
    told = [(one.path, one.code) for one in export.coercion_warnings]
    assert len(set(told)) == len(told)
    assert [path for path, _ in told if not PATHS.fullmatch(path)] == []
    again = Warnings()
    for one in reversed(export.coercion_warnings):
        again.add(one.code, one.path, one.message)
    assert again.in_order() == export.coercion_warnings
    assert all(one.message.endswith(".") for one in export.coercion_warnings)


@each_exporter
@settings(max_examples=20, deadline=None)
@given(drawn=workouts())
def test_the_same_workout_is_exported_the_same(exporter, drawn):
    assert exporter.export(drawn, TOLD, DAY) == exporter.export(drawn, TOLD, DAY)


# --- the cells of the compatibility table, by exporting each --------------------------------------


def losses(exporter, drawn, path):
    """The warnings at the path, or under it, that say something was lost, and those that say something was bent."""
    found = [
        it for it in exporter.export(drawn, TOLD, DAY).coercion_warnings if it.path == path or it.path.startswith(path)
    ]
    return [it for it in found if it.code.is_loss], [it for it in found if not it.code.is_loss]


def agrees(cell, lost, bent):
    return {
        Support.NO: bool(lost),
        Support.CONVERTED: not lost and bool(bent),
        Support.YES: not lost and (not bent or bool(cell.note)),
    }[cell.support]


def a_sport(exporter):
    """A sport that the provider takes as it is."""
    good = [sport for sport, cell in exporter.features.sports.items() if cell.support is Support.YES and not cell.note]
    wanted = (WorkoutSport.CYCLING, WorkoutSport.RUNNING, WorkoutSport.STRENGTH)
    return next(sport for sport in wanted if sport in good)


@each_exporter
@pytest.mark.parametrize("sport", WorkoutSport, ids=[it.value for it in WorkoutSport])
def test_each_sport_is_carried_as_declared(exporter, sport):
    drawn = workout(block(step("active", time(600))), sport=sport.value)

    assert agrees(exporter.features.sports[sport], *losses(exporter, drawn, "workout.sport"))


def a_target(kind):
    if kind in ZONES:
        return at(kind.value, 2)
    if kind in PERCENTAGES:
        return between(kind.value, 80, 90)
    return {
        TargetType.RPE: at("rpe", 5),
        TargetType.PACE: between("pace", 240, 260),
        TargetType.SPEED: between("speed", 3, 4),
        TargetType.CADENCE: between("cadence", 80, 90),
        TargetType.POWER: between("power", 180, 200),
        TargetType.HEART_RATE: between("heart_rate", 130, 150),
    }[kind]


@each_exporter
@pytest.mark.parametrize("kind", TargetType, ids=[it.value for it in TargetType])
def test_each_target_is_carried_as_declared(exporter, kind):
    drawn = workout(block(step("active", time(600), a_target(kind))), sport=a_sport(exporter).value)

    cell = exporter.features.targets[kind]
    assert agrees(cell, *losses(exporter, drawn, "workout.step_blocks[0].steps[0].intensity_targets[0]"))


CONDITIONS = {
    Completion.TIME: time(600),
    Completion.DISTANCE: distance(1000),
    Completion.REPS: reps(10),
    Completion.CALORIES: CompletionCondition(Completion.CALORIES, 100),
    Completion.OPEN: OPEN,
    Completion.HR_LESS_THAN: CompletionCondition(Completion.HR_LESS_THAN, 120),
    Completion.HR_GREATER_THAN: CompletionCondition(Completion.HR_GREATER_THAN, 150),
    Completion.POWER_LESS_THAN: CompletionCondition(Completion.POWER_LESS_THAN, 150),
    Completion.POWER_GREATER_THAN: CompletionCondition(Completion.POWER_GREATER_THAN, 250),
}


@each_exporter
@pytest.mark.parametrize("kind", Completion, ids=[it.value for it in Completion])
def test_each_end_of_a_step_is_carried_as_declared(exporter, kind):
    drawn = workout(block(step("active", CONDITIONS[kind])), sport=a_sport(exporter).value)

    cell = exporter.features.completions[kind]
    assert agrees(cell, *losses(exporter, drawn, "workout.step_blocks[0].steps[0].completion_condition"))


# --- the seed's table ----------------------------------------------------------------------------

COLUMNS = ("garmin", "coros", "wahoo", "suunto", "trainingpeaks", "huawei", "zepp", "hevy", "apple")
SPORTS = {
    "Running": WorkoutSport.RUNNING,
    "Cycling": WorkoutSport.CYCLING,
    "Swimming": WorkoutSport.SWIMMING,
    "Strength": WorkoutSport.STRENGTH,
    "Trail Running": WorkoutSport.TRAIL_RUNNING,
    "Mountain Biking": WorkoutSport.MOUNTAIN_BIKING,
    "Backcountry Skiing": WorkoutSport.BACKCOUNTRY_SKIING,
}
TARGETS = {
    "Heart Rate (BPM)": TargetType.HEART_RATE,
    "HR % of Max": TargetType.HEART_RATE_MAX_PERCENTAGE,
    "HR % of Threshold": TargetType.HEART_RATE_THRESHOLD_PERCENTAGE,
    "HR Zones": TargetType.HEART_RATE_ZONE,
    "Power (Watts)": TargetType.POWER,
    "Power % FTP": TargetType.POWER_PERCENTAGE,
    "Power Zones": TargetType.POWER_ZONE,
    "Pace": TargetType.PACE,
    "Speed": TargetType.SPEED,
    "Cadence": TargetType.CADENCE,
    "RPE": TargetType.RPE,
}
COMPLETIONS = {
    "Time": (Completion.TIME,),
    "Distance": (Completion.DISTANCE,),
    "Reps": (Completion.REPS,),
    "Calories": (Completion.CALORIES,),
    "HR Trigger": (Completion.HR_LESS_THAN, Completion.HR_GREATER_THAN),
    "Power Trigger": (Completion.POWER_LESS_THAN, Completion.POWER_GREATER_THAN),
}
STRUCTURE = {
    "Multiple targets/step": "multiple_targets",
    "Block repeats": "block_repeats",
    "Exercise names": "exercise_names",
    "Swim strokes": "swim_strokes",
}
# Where it is settled otherwise: by the seed's own product later (design, section 6), or by what an operation means.
SETTLED = {
    # Hevy updates a routine in place.
    ("hevy", "Update"): True,
    # Moving a date needs no call: ours moves.
    ("huawei", "Update"): False,
    # COROS rides a mountain bike as any other, and we say so.
    ("coros", "Mountain Biking"): True,
}


def seed_rows(shared):
    """Row name -> which of the nine columns has a tick."""
    page = next((shared / "spec/seeds").glob("002_*")).read_text()
    rows = {}
    for cells in re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL):
        name, *told = [re.sub(r"<.*?>", "", cell) for cell in re.findall(r"<t[dh].*?>(.*?)</t[dh]>", cells, re.DOTALL)]
        rows[name] = ["✓" in cell for cell in told]
    for name, *told in re.findall(r"^\| \*\*(\w+)\*\*\s*" + r"\|\s*(\S+)\s*" * 9 + r"\|$", page, re.MULTILINE):
        rows[name] = ["✓" in cell for cell in told]
    return rows


def declared(exporter, name):
    features = exporter.features
    if name in SPORTS:
        return [features.sports[SPORTS[name]]]
    if name in TARGETS:
        return [features.targets[TARGETS[name]]]
    if name in COMPLETIONS:
        return [features.completions[it] for it in COMPLETIONS[name]]
    if name in STRUCTURE:
        return [features.structure[STRUCTURE[name]]]
    return [features.operations[name.lower()]]


@each_exporter
@pytest.mark.parametrize(
    "name", ["Create", "Update", "Retrieve", "Delete", *SPORTS, *TARGETS, *COMPLETIONS, *STRUCTURE]
)
def test_the_declarations_agree_with_the_seeds_table(shared, exporter, name):
    ticked = seed_rows(shared)[name][COLUMNS.index(exporter.slug)]

    expected = SETTLED.get((exporter.slug, name), ticked)
    assert [cell.support is not Support.NO for cell in declared(exporter, name)] == [expected] * len(
        declared(exporter, name)
    )
