from datetime import date

import pytest
from hypothesis import given, settings

from tests.workouts.workouts import at, between, block, distance, step, time, workout, workouts
from workouts.domain.athlete import AthleteParameters
from workouts.domain.coercion import Code
from workouts.domain.document import document_of
from workouts.domain.structure import OPEN, Completion, CompletionCondition, IntensityTarget, StepBlock, TargetType
from workouts.domain.validation import errors_of
from workouts.formats import FORMATS, read_file
from workouts.formats.base import Unreadable
from workouts.formats.intervals import IntervalsFormat, imported

TEXT = IntervalsFormat()
DAY = date(2026, 12, 1)
NOBODY = AthleteParameters()

RUN = """Warmup
- 10m

Main Set 4x
- 1km 4:10/km-4:00/km Pace
- Recovery 2m

Cooldown
- 10m
"""


def test_read_gives_the_sheets_run():
    assert imported(RUN, name="4 x 1 km").workout == workout(
        block(step("warmup", time(600))),
        block(step("active", distance(1000), between("pace", 240, 250)), step("recovery", time(120)), times=4),
        block(step("cooldown", time(600))),
        name="4 x 1 km",
    )


def test_read_gives_the_sheets_ride():
    assert imported("3x\n- 12m 88-94%\n- 5m 50%\n").workout == workout(
        block(
            step("active", time(720), between("power_percentage", 88, 94)),
            step("active", time(300), IntensityTarget(TargetType.POWER_PERCENTAGE, value_low=50)),
            times=3,
        ),
        sport="cycling",
        name="Workout",
    )


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("- 1h2m30s 220w", step("active", time(3750), at("power", 220))),
        ("- 5' 220-235w 90rpm", step("active", time(300), between("power", 220, 235), at("cadence", 90))),
        ('- 30" Z5', step("active", time(30), at("power_zone", 5))),
        ("- 500mtr Z3-Z4", step("active", distance(500), between("power_zone", 3, 4))),
        ("- 1mi Z2 HR", step("active", distance(1609.344), at("heart_rate_zone", 2))),
        ("- 10m 90-95% LTHR 85-95rpm",
         step("active", time(600), between("heart_rate_threshold_percentage", 90, 95), between("cadence", 85, 95))),
        ("- Rest 90s 70-75% HR", step("rest", time(90), between("heart_rate_max_percentage", 70, 75))),
        ("- 2km 1:40/100m Pace", step("active", distance(2000), at("pace", 1000))),
        ("- 3km 60-65% Pace", step("active", distance(3000), between("speed_percentage", 60, 65))),
        ("- 1km 4:10/km - 4:00/km Pace", step("active", distance(1000), between("pace", 240, 250))),
        ("- Stand up and go 20s freeride", step("active", time(20), notes="Stand up and go")),
        ("- Press lap when ready", step("active", OPEN, notes="when ready")),
        ("* 20m 140-150bpm", step("active", time(1200), between("heart_rate", 140, 150))),
    ],
)  # fmt: skip
def test_read_takes_a_line_apart(line, expected):
    read = imported(line)

    assert read.workout.step_blocks == (block(expected),)
    assert read.warnings == ()


def test_read_makes_a_range_of_a_ramp_and_says_where_a_length_is_missing():
    read = imported("- ramp 10m 50%-75%\n- Go hard")

    assert read.workout.step_blocks == (
        block(step("active", time(600), between("power_percentage", 50, 75)), step("active", OPEN, notes="Go hard")),
    )
    assert [(it.code, it.path) for it in read.warnings] == [
        (Code.TARGET_CONVERTED, "workout.step_blocks[0].steps[0].intensity_targets[0]"),
        (Code.COMPLETION_UNSUPPORTED, "workout.step_blocks[0].steps[1].completion_condition"),
    ]


def test_read_takes_a_first_line_as_the_name():
    assert imported("Tuesday's hills\n\n5x\n- 1m Z5\n- 1m Z1").workout.name == "Tuesday's hills"


def test_write_gives_the_text_that_a_coach_would_write():
    told = workout(
        block(step("warmup", time(600), at("heart_rate_zone", 2))),
        block(
            step("active", distance(1000), between("pace", 240, 250), at("cadence", 180), notes="Quick feet"),
            step("rest", OPEN),
            step("recovery", time(90), at("rpe", 2)),
            times=4,
        ),
        StepBlock(
            (step("active", CompletionCondition(Completion.CALORIES, 20)),), CompletionCondition(Completion.TIME, 60)
        ),
        description="Words",
    )

    export = TEXT.write(told, NOBODY, DAY)

    assert export.payload.decode() == (
        "Warmup\n- 10m Z2 HR\n\n"
        "4x\n- Quick feet 1km 4:10/km-4:00/km Pace 180rpm\n- Rest: Press lap\n- Recovery: RPE 2 1m30s\n\n"
        "- 20 kcal\n"
    )
    assert [(it.code, it.path) for it in export.coercion_warnings] == [
        (Code.DESCRIPTION_UNSUPPORTED, "workout.description"),
        (Code.TARGET_TYPE_UNSUPPORTED, "workout.step_blocks[1].steps[2].intensity_targets[0].target_type"),
        (Code.BLOCK_COMPLETION_UNSUPPORTED, "workout.step_blocks[2].completion_condition"),
        (Code.COMPLETION_UNSUPPORTED, "workout.step_blocks[2].steps[0].completion_condition"),
    ]


def test_read_gives_back_what_write_wrote():
    told = workout(
        block(
            step("warmup", time(600), at("heart_rate_zone", 2)), step("warmup", time(60), between("power", 200, 220))
        ),
        block(
            step("active", distance(1500), between("pace", 240, 250), at("cadence", 180), notes="Quick feet"),
            step("rest", OPEN),
            step("recovery", time(3661), between("heart_rate_max_percentage", 60, 70), notes="Breathe"),
            times=4,
        ),
        block(step("cooldown", time(300), between("speed_percentage", 40, 50))),
    )

    export = TEXT.write(told, NOBODY, DAY)

    assert export.coercion_warnings == ()
    assert imported(export.payload.decode(), name=told.name, sport=told.sport).workout == told


@settings(max_examples=100, deadline=None)
@given(drawn=workouts())
def test_any_workout_is_written_and_read_again(drawn):
    read = imported(TEXT.write(drawn, NOBODY, DAY).payload.decode(), name=drawn.name, sport=drawn.sport).workout

    assert errors_of(read) == ()
    assert [len(it.steps) for it in read.step_blocks] == [len(it.steps) for it in drawn.step_blocks]
    assert [it.rounds for it in read.step_blocks] == [it.rounds for it in drawn.step_blocks]


@pytest.mark.parametrize("text", ["", "Just words\nand more", "4x\n"])
def test_read_says_what_is_no_workout(text):
    with pytest.raises(Unreadable):
        imported(text)


@settings(max_examples=30, deadline=None)
@given(drawn=workouts())
def test_each_file_is_known_by_its_bytes(drawn):
    for slug, fmt in FORMATS.items():
        written = fmt.write(drawn, AthleteParameters(ftp=250), DAY).payload
        known = [other for other, it in FORMATS.items() if it.recognises(written)]
        assert known[:1] == [slug] or slug == "intervals"


def test_read_file_reads_our_own_json_as_it_was():
    told = workout(block(step("active", time(60))))

    assert read_file(FORMATS["json"].write(told, NOBODY, DAY).payload, NOBODY).workout == told


def test_read_file_names_the_mistake_in_a_document():
    broken = {**document_of(workout(block(step("active", time(60))))), "sport": "chess"}

    with pytest.raises(Unreadable, match="sport: It should be 'running'"):
        read_file(str(broken).replace("'", '"').encode(), NOBODY)
    with pytest.raises(Unreadable, match="This is no workout that TrainStack reads"):
        read_file(b"\x89PNG", NOBODY)
