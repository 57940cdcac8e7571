"""The seed's sentences about Suunto, each by its name."""

import pytest

from tests.workouts.exporters.saying import NOBODY, STEP, TARGET, exported
from tests.workouts.workouts import at, between, block, distance, reps, step, time, workout
from workouts.domain.structure import OPEN, ControlType, StepControl, Strength, Stroke, SwimEquipment, SwimStep


def one_step(*targets, until=None, sport="running", intensity="active", athlete=NOBODY, **more):
    drawn = workout(block(step(intensity, until or time(60), *targets, **more)), sport=sport)
    payload, warned = exported("suunto", drawn, athlete)
    return payload["guide"]["steps"][0], warned


def target_of(written):
    return next(it for it in written["fields"] if it["type"].startswith("target"))


def text_of(written):
    return [it["value"] for it in written["fields"] if it["type"] == "text"]


@pytest.mark.parametrize(
    ("sport", "activities"),
    [
        ("running", [1, 53]),
        ("cycling", [2, 52]),
        ("swimming", [21, 85]),
        ("strength", [23]),
        ("trail_running", [22]),
        ("mountain_biking", [10]),
        ("backcountry_skiing", [107, 31]),
    ],
)
def test_wide_sport_type_support(sport, activities):
    payload, warned = exported("suunto", workout(block(step("active", time(60))), sport=sport), NOBODY)

    assert payload["guide"]["activities"] == activities
    assert warned == []


def test_swimming_with_stroke_metadata():
    told = SwimStep(Stroke.FREESTYLE, equipment=(SwimEquipment.FINS,))

    written, warned = one_step(until=distance(50), sport="swimming", swimming=told)

    assert text_of(written) == ["freestyle, fins"]
    assert warned == [
        ("equipment_in_name", f"{STEP}.swimming.equipment"),
        ("stroke_in_name", f"{STEP}.swimming.stroke_type"),
    ]


def test_strength_with_exercise_text():
    told = Strength("BARBELL_BACK_SQUAT")

    written, warned = one_step(until=time(60), sport="strength", strength=told)

    assert text_of(written) == ["BARBELL BACK SQUAT"]
    assert warned == []


def test_an_exercise_that_is_too_long_is_warned_about():
    told = Strength("Single leg Romanian deadlift with a kettlebell")

    written, warned = one_step(until=time(60), sport="strength", strength=told)

    assert text_of(written) == ["Single leg Romanian deadlift with a kett"]
    assert warned == [
        ("description_truncated", f"{STEP}.notes"),
        ("name_truncated", f"{STEP}.strength.exercise_name"),
    ]


@pytest.mark.parametrize(
    ("target", "field", "name"),
    [
        # Of 190 bpm, 170 bpm, 200 W and 3.33 m/s.
        (
            between("heart_rate_max_percentage", 80, 90),
            {"type": "targetHeartRate", "value": 162, "min": 152, "max": 171},
            "max_heart_rate",
        ),
        (
            between("heart_rate_threshold_percentage", 90, 100),
            {"type": "targetHeartRate", "value": 162, "min": 153, "max": 170},
            "threshold_heart_rate",
        ),
        (
            between("power_percentage", 90, 100),
            {"type": "targetPower", "value": 190, "min": 180, "max": 200},
            "ftp",
        ),
        (
            between("speed_percentage", 90, 100),
            {"type": "targetPace", "value": 3.164, "min": 2.997, "max": 3.33},
            "threshold_speed",
        ),
    ],
)
def test_percentage_targets_become_absolute_by_defaults(target, field, name):
    written, warned = one_step(target)

    assert target_of(written) == field
    assert warned == [("target_converted", TARGET), ("athlete_parameter_missing", name)]


def test_hr_zones_become_bpm_of_the_maximum():
    written, warned = one_step(at("heart_rate_zone", 3))

    assert target_of(written) == {"type": "targetHeartRate", "value": 142, "min": 133, "max": 152}
    assert warned == [("target_converted", TARGET), ("athlete_parameter_missing", "max_heart_rate")]


def test_power_zones_become_watts():
    written, warned = one_step(at("power_zone", 4), sport="cycling")

    assert target_of(written) == {"type": "targetPower", "value": 195, "min": 180, "max": 210}
    assert warned == [("target_converted", TARGET), ("athlete_parameter_missing", "ftp")]


def test_single_target_a_step():
    written, warned = one_step(between("heart_rate", 130, 140), between("cadence", 170, 180))

    assert target_of(written) == {"type": "targetHeartRate", "value": 135, "min": 130, "max": 140}
    assert text_of(written) == ["170-180 rpm"]
    assert warned == [("too_many_targets", f"{STEP}.intensity_targets")]


def test_no_controls_support():
    written, warned = one_step(controls=(StepControl(ControlType.GRADE, 0.05),))

    assert text_of(written) == ["Grade 5 %"]
    assert warned == [("control_unsupported", f"{STEP}.controls[0]")]


def test_step_names_are_truncated_to_13_characters():
    written, warned = one_step(notes="A name of 20 letters")

    assert written["title"] == "A name of 20"
    assert text_of(written) == ["A name of 20 letters"]
    assert warned == [("name_truncated", f"{STEP}.notes")]


def test_a_step_name_of_13_characters_is_kept():
    written, warned = one_step(notes="ThirteenChars")

    assert (written["title"], warned) == ("ThirteenChars", [])


def test_short_descriptions_are_truncated_to_23_characters():
    drawn = workout(block(step("active", time(60))), name="A workout with a long name")

    payload, warned = exported("suunto", drawn, NOBODY)

    assert payload["guide"]["shortDescription"] == "A workout with a long n"
    assert warned == [("name_truncated", "workout.name")]


def test_cadence_is_converted_from_rpm_to_hz():
    written, warned = one_step(between("cadence", 84, 96), sport="cycling")

    assert target_of(written) == {"type": "targetCadence", "value": 1.5, "min": 1.4, "max": 1.6}
    assert warned == []


def test_manual_lap_trigger_for_open_completion():
    written, warned = one_step(until=OPEN)

    assert (written["trigger"], warned) == ({"type": "manualLap"}, [])


def test_manual_lap_trigger_for_reps_completion():
    written, warned = one_step(until=reps(8))

    assert written["trigger"] == {"type": "manualLap"}
    assert text_of(written) == ["8 reps"]
    assert warned == [("completion_unsupported", f"{STEP}.completion_condition")]


def test_an_intensity_that_the_name_does_not_tell_stands_in_the_text():
    written, warned = one_step(intensity="recovery", notes="Easy")

    assert (written["title"], text_of(written)) == ("Easy", ["Recovery"])
    assert warned == [("intensity_type_coerced", f"{STEP}.intensity_type")]


def test_rpe_is_no_target():
    written, warned = one_step(at("rpe", 6))

    assert text_of(written) == ["RPE 6"]
    assert warned == [("target_type_unsupported", f"{TARGET}.target_type")]
