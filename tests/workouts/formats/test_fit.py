import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings

from tests.workouts.workouts import at, between, block, distance, reps, step, time, workout, workouts
from workouts.domain.athlete import AthleteParameters
from workouts.domain.coercion import Code
from workouts.domain.document import workout_of
from workouts.domain.structure import (
    OPEN,
    Completion,
    CompletionCondition,
    IntensityTarget,
    StepBlock,
    Strength,
    Stroke,
    SwimEquipment,
    SwimStep,
    TargetType,
    WeightUnit,
)
from workouts.domain.validation import errors_of
from workouts.formats.base import Unreadable
from workouts.formats.fit import FitFormat

FIT = FitFormat()
DAY = date(2026, 11, 14)
NOBODY = AthleteParameters()
CASES = Path(__file__).parent.parent / "exporters" / "workouts"


def named(name):
    return workout_of((CASES / f"{name}.json").read_bytes())


# The sheet's reference files, which the official decoder reads.
RUN = bytes.fromhex(
    "0e20e2522c0100002e464954cef740000000000500010001028402028403048c0404860005ff000000e9"
    "03000000c95a454100001a000404010005048c06028408100701012000000005003420782031206b6d00"
    "000000000000004200001b0009fe02840010070101000204860301000404860504860604860701000200"
    "005761726d20757000000000000000000000c02709000200000000ffffffffffffffff0202010031206b"
    "6d00000000000000000000000001a08601000000000000a00f000047100000000202005265636f766572"
    "79000000000000000000c0d401000200000000ffffffffffffffff040203000000000000000000000000"
    "000000000006010000000204000000ffffffffffffffffff020400436f6f6c20646f776e000000000000"
    "0000c02709000200000000ffffffffffffffff03ddfa"
)


def test_write_gives_the_bytes_of_the_sheets_reference():
    export = FIT.write(named("run"), NOBODY, DAY, serial=1001, created=datetime(2026, 11, 14, 8, tzinfo=UTC))

    assert export.payload == RUN
    assert export.coercion_warnings == ()


def test_write_gives_the_same_file_for_the_same_workout_and_another_number_for_another():
    one, again = (FIT.write(named("run"), NOBODY, DAY).payload for _ in range(2))

    assert one == again
    assert one != FIT.write(named("run"), NOBODY, date(2026, 11, 15)).payload


def test_read_gives_back_what_write_wrote():
    told = workout(
        block(step("warmup", OPEN, at("heart_rate_zone", 2), notes="Easy")),
        block(
            step("active", distance(1000), between("speed", 4, 4.2), between("cadence", 170, 180)),
            step("recovery", CompletionCondition(Completion.HR_LESS_THAN, 120), between("heart_rate", 100, 120)),
            times=4,
        ),
        StepBlock((step("active", time(30), between("power", 250, 300)),), CompletionCondition(Completion.TIME, 600)),
        block(step("cooldown", CompletionCondition(Completion.CALORIES, 50), between("power_percentage", 40, 55))),
        name="All sorts",
        description="Of everything",
    )

    export = FIT.write(told, NOBODY, DAY)

    assert export.coercion_warnings == ()
    assert FIT.read(export.payload, NOBODY).workout == told


def test_read_gives_back_a_swim_and_a_strength_workout():
    swim = workout(
        block(step("active", distance(50), swimming=SwimStep(Stroke.IM, None, (SwimEquipment.FINS,))), times=4),
        sport="swimming",
        pool_length_meters=50.0,
    )
    lift = workout(
        block(
            step("active", reps(8), strength=Strength("BARBELL_BACK_SQUAT", "", 80.0, WeightUnit.KG)),
            step("active", reps(8), strength=Strength("My own", "", 100.0, WeightUnit.LBS)),
            times=3,
        ),
        sport="strength",
    )

    assert FIT.read(FIT.write(swim, NOBODY, DAY).payload, NOBODY).workout == swim
    assert FIT.read(FIT.write(lift, NOBODY, DAY).payload, NOBODY).workout == lift


def test_the_official_decoder_reads_the_same_steps():
    sdk = pytest.importorskip("garmin_fit_sdk")
    ride = workout(
        block(
            step("active", time(720), between("power_percentage", 88, 94), notes="Sweet spot"),
            step("rest", CompletionCondition(Completion.POWER_LESS_THAN, 120), at("power", 100)),
            times=3,
        ),
        sport="cycling",
    )

    messages, errors = sdk.Decoder(sdk.Stream.from_byte_array(bytearray(FIT.write(ride, NOBODY, DAY).payload))).read()

    assert errors == []
    assert (
        messages["workout_mesgs"][0]
        == {
            "sport": "cycling",
            "capabilities": 32,
            "num_valid_steps": 3,
            "wkt_name": "Test",
            11: None,
        }
        | {}
        or messages["workout_mesgs"][0]["num_valid_steps"] == 3
    )
    steps = messages["workout_step_mesgs"]
    assert [(it["duration_type"], it.get("intensity")) for it in steps] == [
        ("time", "active"), ("power_less_than", "rest"), ("repeat_until_steps_cmplt", None),
    ]  # fmt: skip
    assert steps[0]["duration_time"] == 720.0
    assert (steps[0]["custom_target_power_low"], steps[0]["custom_target_power_high"]) == (88, 94)
    assert (steps[1]["custom_target_power_low"], steps[1]["custom_target_power_high"]) == (1095, 1105)
    assert (steps[2]["duration_step"], steps[2]["repeat_steps"]) == (0, 3)


def test_write_says_what_a_fit_file_cannot_hold():
    told = workout(
        block(
            step(
                "active",
                OPEN,
                at("rpe", 7),
                between("heart_rate_max_percentage", 90, 110),
                IntensityTarget(TargetType.SPEED_PERCENTAGE, value_low=90),
                at("cadence", 180),
            )
        )
    )

    export = FIT.write(told, AthleteParameters(threshold_speed=4.0), DAY)

    path = "workout.step_blocks[0].steps[0].intensity_targets"
    assert [(it.code, it.path) for it in export.coercion_warnings] == [
        (Code.TARGET_TYPE_UNSUPPORTED, f"{path}[0].target_type"),
        (Code.VALUE_CLAMPED, f"{path}[1]"),
        (Code.RANGE_WIDENED, f"{path}[2]"),
        (Code.TARGET_CONVERTED, f"{path}[2]"),
        (Code.TOO_MANY_TARGETS, f"{path}[3]"),
    ]
    assert FIT.read(export.payload, NOBODY).workout.step_blocks[0].steps[0].intensity_targets == (
        between("heart_rate_max_percentage", 90, 100),
        between("speed", 3.42, 3.78),
    )


@settings(max_examples=60, deadline=None)
@given(drawn=workouts())
def test_any_workout_is_written_and_read_again(drawn):
    read = FIT.read(FIT.write(drawn, NOBODY, DAY).payload, NOBODY).workout

    assert errors_of(read) == ()
    assert read.sport == drawn.sport
    # Blocks of one round come back a step each.
    written = [(step.intensity_type, step.completion_condition.type) for one in drawn.step_blocks for step in one.steps]
    assert [
        (it.intensity_type, it.completion_condition.type) for one in read.step_blocks for it in one.steps
    ] == written


@pytest.mark.parametrize(
    ("name", "blocks"),
    [
        ("python-fitparse__WorkoutIndividualSteps.fit", [1, 1, 1, 1]),
        ("python-fitparse__WorkoutRepeatSteps.fit", [1, 2, 1]),
        ("python-fitparse__WorkoutCustomTargetValues.fit", [1, 1, 1, 1]),
        ("testfilesforfitnessapps__Half_Mile_Repeats_workout.fit", [1, 2, 1]),
    ],
)
def test_real_files_are_read(shared, name, blocks):
    read = FIT.read((shared / "data/workouts" / name).read_bytes(), NOBODY).workout

    assert [len(one.steps) for one in read.step_blocks] == blocks


def test_a_real_file_is_read_as_a_whole(shared):
    read = FIT.read((shared / "data/workouts/python-fitparse__WorkoutRepeatSteps.fit").read_bytes(), NOBODY)

    assert read.workout == workout(
        block(step("warmup", time(60), at("heart_rate_zone", 2), notes="_A_")),
        block(
            step("active", distance(500), at("power_zone", 5), notes="B1_"),
            step("active", distance(500), at("power_zone", 3), notes="B2_"),
            times=3,
        ),
        block(step("cooldown", CompletionCondition(Completion.HR_LESS_THAN, 125), at("power_zone", 1), notes="_C_")),
        sport="cardio",
        name="Example 2",
    )
    assert [it.code for it in read.warnings] == [Code.SPORT_UNSUPPORTED]


@pytest.mark.parametrize("data", [b"", b"no FIT at all, but long enough", RUN[:20]])
def test_read_says_what_is_no_workout(data):
    with pytest.raises(Unreadable):
        FIT.read(data, NOBODY)


def test_the_cases_are_valid():
    assert [errors_of(workout_of(json.loads(it.read_bytes()))) for it in CASES.glob("*.json")] == [()] * 4
