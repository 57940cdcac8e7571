import json

import pytest
from hypothesis import given, settings

from tests.workouts.workouts import between, block, step, time, workout, workouts
from workouts.domain.athlete import AthleteParameters
from workouts.domain.document import Invalid, athlete_of, document_of, workout_of
from workouts.domain.structure import Environment
from workouts.domain.validation import Error
from workouts.domain.zones import Zone

DOCUMENT = {
    "workout_id": "1024",
    "name": "Four minutes",
    "sport": "cycling",
    "environment": "indoor",
    "description": None,
    "step_blocks": [
        {
            "completion_condition": {"type": "reps", "value": 4},
            "steps": [
                {
                    "intensity_type": "active",
                    "completion_condition": {"type": "time", "value": 240},
                    "intensity_targets": [{"target_type": "power_percentage", "value_low": 100, "value_high": 105}],
                    "notes": "Hard",
                },
                {"intensity_type": "rest", "completion_condition": {"type": "time", "value": 180}},
            ],
        }
    ],
}


def test_workout_of_reads_a_document():
    assert workout_of(json.dumps(DOCUMENT)) == workout(
        block(
            step("active", time(240), between("power_percentage", 100, 105), notes="Hard"),
            step("rest", time(180)),
            times=4,
        ),
        name="Four minutes",
        sport="cycling",
        environment=Environment.INDOOR,
    )


@settings(max_examples=100, deadline=None)
@given(workouts())
def test_workout_of_reads_back_what_document_of_wrote(drawn):
    assert workout_of(json.dumps(document_of(drawn))) == drawn


@pytest.mark.parametrize(
    ("document", "errors"),
    [
        ("[]", (Error("", "A workout is an object with name, sport and step_blocks."),)),
        ('{"name": "x"}', (Error("sport", "This is missing."), Error("step_blocks", "This is missing."))),
        (
            '{"name": "x", "sport": "running", "step_blocks": [{"steps": [{"intensity_type": "hard", "note": ""}]}]}',
            (
                Error(
                    "step_blocks[0].steps[0].intensity_type",
                    "It should be 'rest', 'warmup', 'cooldown', 'recovery' or 'active'.",
                ),
                Error("step_blocks[0].steps[0].note", "There is no such field."),
            ),
        ),
        (
            '{"name": "x", "sport": "running", "step_blocks": [{"steps": [{"intensity_type": "rest", '
            '"intensity_targets": [{"target_type": "power_percentage", "value": 90}]}]}]}',
            (
                Error(
                    "step_blocks[0].steps[0].intensity_targets[0].value",
                    "A percentage is a range: give value_low, value_high or both.",
                ),
            ),
        ),
    ],
    ids=["a list", "too little", "unknown words", "a wrong value"],
)
def test_workout_of_names_what_is_wrong(document, errors):
    with pytest.raises(Invalid) as caught:
        workout_of(document)

    assert caught.value.errors == errors


def test_workout_of_says_where_broken_json_breaks_off():
    with pytest.raises(Invalid, match="This is no JSON"):
        workout_of(b'{"name": ')


ZONES = {"ftp": [0, 50, 70, 90, 105, 120, 150, 200]}


def test_athlete_of_reads_numbers_and_own_zones():
    told = {"ftp": 280, "max_heart_rate": 185.5, "threshold_speed": None, "zones": ZONES}

    athlete = athlete_of(told)

    assert athlete == AthleteParameters(
        ftp=280.0,
        max_heart_rate=185.5,
        zones={
            "ftp": (
                Zone(0, 50), Zone(50, 70), Zone(70, 90), Zone(90, 105), Zone(105, 120), Zone(120, 150), Zone(150, 200)
            )
        },
    )  # fmt: skip
    assert document_of(athlete) == {"max_heart_rate": 185.5, "ftp": 280.0, "zones": ZONES}


def test_athlete_of_names_what_is_wrong():
    with pytest.raises(Invalid) as caught:
        athlete_of({"ftp": 0, "max_heart_rate": "fast", "zones": {"ftp": [0, 50], "pace": []}})

    assert caught.value.errors == (
        Error("max_heart_rate", "A number above 0 was expected."),
        Error("ftp", "A number above 0 was expected."),
        Error("zones.ftp", "7 zones are 8 bounds in per cent, each above the last."),
        Error("zones.pace", "Zones are of ftp, max_heart_rate, threshold_heart_rate."),
    )
