"""The seed's sentences about TrainingPeaks, each by its name."""

import json

import pytest

from tests.workouts.exporters.saying import NOBODY, SOMEBODY, STEP, TARGET, exported
from tests.workouts.workouts import at, between, block, distance, reps, step, time, workout
from workouts.domain.structure import Stroke, SwimStep


def one_step(*targets, until=None, sport="running", athlete=SOMEBODY, intensity="active", **more):
    drawn = workout(block(step(intensity, until or time(60), *targets, **more)), sport=sport)
    payload, warned = exported("trainingpeaks", drawn, athlete)
    return json.loads(payload["Structure"])[0], warned


def test_rpe_is_supported_and_never_widened():
    written, warned = one_step(at("rpe", 7))

    assert written["IntensityTarget"] == {"Unit": "Rpe", "Value": 7, "MinValue": 7, "MaxValue": 7}
    assert warned == []


def test_a_triathlon_is_one_workout_a_leg_on_the_same_date():
    legs = [
        exported("trainingpeaks", workout(block(step("active", time(60))), sport=sport))[0]
        for sport in ("swimming", "cycling", "running")
    ]

    assert [(it["WorkoutType"], it["WorkoutDay"]) for it in legs] == [
        ("swim", "2026-12-01"),
        ("bike", "2026-12-01"),
        ("run", "2026-12-01"),
    ]


def test_single_target_a_step():
    written, warned = one_step(between("power_percentage", 88, 94), between("cadence", 85, 95), sport="cycling")

    assert written["IntensityTarget"] == {"Unit": "PercentOfFtp", "Value": 91, "MinValue": 88, "MaxValue": 94}
    assert written["Notes"] == "85-95 rpm"
    assert warned == [("too_many_targets", f"{STEP}.intensity_targets")]


def test_no_stroke_type_support():
    written, warned = one_step(
        until=distance(50), sport="swimming", swimming=SwimStep(Stroke.BUTTERFLY), athlete=NOBODY
    )

    assert written["Notes"] == "butterfly"
    assert warned == [("stroke_unsupported", f"{STEP}.swimming.stroke_type")]


def test_absolute_hr_becomes_percent_of_the_told_maximum():
    written, warned = one_step(between("heart_rate", 148, 166.5))

    assert written["IntensityTarget"] == {"Unit": "PercentOfMaxHr", "Value": 85, "MinValue": 80, "MaxValue": 90}
    assert warned == [("target_converted", TARGET)]


def test_absolute_hr_becomes_percent_of_the_default_maximum_with_a_warning():
    written, warned = one_step(between("heart_rate", 152, 171), athlete=NOBODY)

    assert written["IntensityTarget"] == {"Unit": "PercentOfMaxHr", "Value": 85, "MinValue": 80, "MaxValue": 90}
    assert warned == [("target_converted", TARGET), ("athlete_profile_missing", "max_heart_rate")]


def test_absolute_power_becomes_percent_of_the_told_ftp():
    written, warned = one_step(between("power", 200, 225), sport="cycling")

    assert written["IntensityTarget"] == {"Unit": "PercentOfFtp", "Value": 85, "MinValue": 80, "MaxValue": 90}
    assert warned == [("target_converted", TARGET)]


def test_absolute_power_becomes_percent_of_the_default_ftp_with_a_warning():
    written, warned = one_step(between("power", 160, 180), sport="cycling", athlete=NOBODY)

    assert written["IntensityTarget"] == {"Unit": "PercentOfFtp", "Value": 85, "MinValue": 80, "MaxValue": 90}
    assert warned == [("target_converted", TARGET), ("athlete_profile_missing", "ftp")]


@pytest.mark.parametrize("target", [between("speed", 3.2, 3.6), between("pace", 1000 / 3.6, 1000 / 3.2)])
def test_pace_and_speed_become_percent_of_the_threshold(target):
    written, warned = one_step(target)

    assert written["IntensityTarget"] == {
        "Unit": "PercentOfThresholdSpeed",
        "Value": 85,
        "MinValue": 80,
        "MaxValue": 90,
    }
    assert warned == [("target_converted", TARGET)]


@pytest.mark.parametrize(
    ("target", "unit", "ends"),
    [
        (at("heart_rate_zone", 3), "PercentOfMaxHr", (70, 80)),
        (at("power_zone", 4), "PercentOfFtp", (90, 105)),
    ],
)
def test_zones_become_percent_of_the_maximum_and_of_ftp(target, unit, ends):
    written, warned = one_step(target)

    told = written["IntensityTarget"]
    assert (told["Unit"], told["MinValue"], told["MaxValue"]) == (unit, *ends)
    assert warned == [("target_converted", TARGET)]


@pytest.mark.parametrize(("count", "seconds"), [(7, 30), (8, 32), (20, 80)])
def test_reps_are_estimated_as_4_seconds_each_and_30_at_least(count, seconds):
    written, warned = one_step(until=reps(count), sport="strength")

    assert written["Length"] == {"Unit": "Second", "Value": seconds}
    assert warned == [("completion_converted", f"{STEP}.completion_condition")]


def test_trail_running_is_not_supported():
    payload, warned = exported("trainingpeaks", workout(block(step("active", time(60))), sport="trail_running"))

    assert payload["WorkoutType"] == "run"
    assert warned == [("sport_unsupported", "workout.sport")]


def test_recovery_is_sent_as_rest():
    written, warned = one_step(intensity="recovery")

    assert written["IntensityClass"] == "Rest"
    assert warned == [("intensity_type_coerced", f"{STEP}.intensity_type")]
