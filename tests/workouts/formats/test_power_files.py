from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings

from tests.workouts.workouts import at, between, block, distance, step, time, workout, workouts
from workouts.domain.athlete import AthleteParameters
from workouts.domain.coercion import Code
from workouts.domain.document import workout_of
from workouts.domain.structure import OPEN, Environment, IntensityTarget, TargetType, WorkoutSport
from workouts.domain.totals import totals_of
from workouts.domain.validation import errors_of
from workouts.formats.base import Unreadable
from workouts.formats.erg import ErgFormat, MrcFormat
from workouts.formats.zwo import ZwoFormat

DAY = date(2026, 12, 1)
ATHLETE = AthleteParameters(ftp=250)
RIDE = workout_of((Path(__file__).parent.parent / "exporters/workouts/ride.json").read_bytes())
ZWO, ERG, MRC = ZwoFormat(), ErgFormat(), MrcFormat()


def share(value):
    return IntensityTarget(TargetType.POWER_PERCENTAGE, value_low=value)


def test_zwo_writes_intervals_of_two_steps():
    export = ZWO.write(RIDE, ATHLETE, DAY)

    assert export.payload == (
        b"<workout_file>\n  <author>TrainStack</author>\n  <name>3 x 12 SST</name>\n  <description></description>\n"
        b"  <sportType>bike</sportType>\n  <tags/>\n  <workout>\n"
        b'    <IntervalsT Repeat="3" OnDuration="720" OffDuration="300" OnPower="0.91" OffPower="0.525">\n'
        b'      <textevent timeoffset="0" message="Sweet spot"/>\n'
        b'      <textevent timeoffset="720" message="Easy"/>\n'
        b"    </IntervalsT>\n  </workout>\n</workout_file>\n"
    )
    assert [(it.code, it.path) for it in export.coercion_warnings] == [
        (Code.TARGET_CONVERTED, "workout.step_blocks[0].steps[0].intensity_targets[0]"),
        (Code.TARGET_CONVERTED, "workout.step_blocks[0].steps[1].intensity_targets[0]"),
    ]


def test_zwo_reads_back_what_it_wrote_where_it_can_carry_it():
    told = workout(
        block(step("warmup", time(600), share(60))),
        block(
            step("active", time(60), share(120), between("cadence", 90, 100)),
            step("active", time(30), share(50)),
            step("active", time(30), notes="Breathe"),
        ),
        block(step("active", time(30), share(150), at("cadence", 110)), step("recovery", time(30), share(50)), times=8),
        block(step("cooldown", time(300), share(40))),
        sport="cycling",
        description="All that a ZWO file holds",
    )

    read = ZWO.read(ZWO.write(told, ATHLETE, DAY).payload, ATHLETE)

    # Blocks that are done once come back a step each, and a single value is written as it is.
    steps = [(it.steps, it.rounds) for it in told.step_blocks]
    assert [(it.steps, it.rounds) for it in read.workout.step_blocks] == [
        steps[0], *(((one,), 1) for one in steps[1][0]), steps[2], steps[3]
    ]  # fmt: skip
    assert (read.workout.name, read.workout.description, read.warnings) == (told.name, told.description, ())


def test_mrc_writes_the_points_of_the_sheet():
    export = MRC.write(RIDE, ATHLETE, DAY)

    lines = export.payload.decode().split("\r\n")
    assert lines[:10] == [
        "[COURSE HEADER]", "VERSION = 2", "UNITS = ENGLISH", "DESCRIPTION = 3 x 12 SST",
        "FILE NAME = 3 x 12 SST.mrc", "MINUTES PERCENT", "[END COURSE HEADER]", "[COURSE DATA]",
        "0.00\t91", "12.00\t91",
    ]  # fmt: skip
    points = lines[8 : lines.index("[END COURSE DATA]")]
    assert [it.split("\t")[0] for it in points] == [
        "0.00", "12.00", "12.00", "17.00", "17.00", "29.00", "29.00", "34.00", "34.00", "46.00", "46.00", "51.00"
    ]  # fmt: skip


def test_erg_writes_watts_and_reads_them_back():
    export = ERG.write(RIDE, ATHLETE, DAY)

    assert b"FTP = 250\r\nMINUTES WATTS" in export.payload
    assert b"0.00\t228\r\n12.00\t228\r\n12.00\t131\r\n" in export.payload
    read = ERG.read(export.payload, AthleteParameters()).workout
    assert [it.steps[0].intensity_targets[0].value_low for it in read.step_blocks] == [91.2, 52.4] * 3
    assert [it.steps[0].notes for it in read.step_blocks] == ["Sweet spot", "Easy"] * 3
    assert read.environment is Environment.INDOOR


def test_files_of_power_say_what_they_cannot_hold():
    told = workout(
        block(
            step("active", distance(1000), between("heart_rate", 140, 150), between("power", 200, 250)),
            step("rest", OPEN),
            times=2,
        ),
        sport="rowing",
    )

    for fmt in (ZWO, ERG, MRC):
        codes = {
            (it.code, it.path.rpartition("step_blocks[0].")[2])
            for it in fmt.write(told, ATHLETE, DAY).coercion_warnings
        }
        assert {
            (Code.SPORT_UNSUPPORTED, "workout.sport"),
            (Code.COMPLETION_UNSUPPORTED, "steps[0].completion_condition"),
            (Code.TARGET_TYPE_UNSUPPORTED, "steps[0].intensity_targets[0].target_type"),
            (Code.TARGET_CONVERTED, "steps[0].intensity_targets[1]"),
            (Code.COMPLETION_UNSUPPORTED, "steps[1].completion_condition"),
        } <= codes


@settings(max_examples=60, deadline=None)
@given(drawn=workouts((WorkoutSport.CYCLING, WorkoutSport.RUNNING, WorkoutSport.STRENGTH)))
def test_any_workout_is_written_and_read_again(drawn):
    for fmt in (ZWO, ERG, MRC):
        export = fmt.write(drawn, ATHLETE, DAY)
        read = fmt.read(export.payload, ATHLETE).workout

        assert fmt.recognises(export.payload)
        assert errors_of(read) == ()


@settings(max_examples=40, deadline=None)
@given(drawn=workouts((WorkoutSport.CYCLING,)))
def test_the_time_is_kept_unless_a_warning_says_otherwise(drawn):
    for fmt in (ZWO, MRC):
        export = fmt.write(drawn, ATHLETE, DAY)
        codes = {it.code for it in export.coercion_warnings}
        if codes & {Code.COMPLETION_UNSUPPORTED, Code.BLOCK_COMPLETION_UNSUPPORTED, Code.STEP_COUNT_UNSUPPORTED}:
            continue
        read = fmt.read(export.payload, ATHLETE)
        if any(it.code is Code.STEP_COUNT_UNSUPPORTED for it in read.warnings):
            continue
        seconds = totals_of(read.workout, ATHLETE).duration_s
        assert seconds == pytest.approx(totals_of(drawn, ATHLETE).duration_s, rel=0.01, abs=40)


@pytest.mark.parametrize(
    ("name", "fmt", "minutes"),
    [
        ("goldencheetah__FTPTest.zwo", ZWO, None),
        ("optimize-zwift-workout-xp__sample.zwo", ZWO, 91),
        ("structured-cycling-workouts__AC_Tabata-Style_30min.zwo", ZWO, None),
        ("structured-cycling-workouts__FTP_Over-Under_35min.zwo", ZWO, 36.5),
        ("structured-cycling-workouts__MAP_Micro-Bursts_35min.zwo", ZWO, None),
        ("structured-cycling-workouts__NM_Sprint_Drills_20min.zwo", ZWO, 27.17),
        ("structured-cycling-workouts__Recovery_20min.zwo", ZWO, 23),
        ("structured-cycling-workouts__Sweet_Spot_30min.zwo", ZWO, 33),
        ("structured-cycling-workouts__VO2max_25min.zwo", ZWO, 29.5),
        ("testfilesforfitnessapps__20_40_Intervals.zwo", ZWO, 42),
        ("goldencheetah__20x15s@150%.erg", ERG, None),
        ("goldencheetah__2x20m@80%Iso.erg", ERG, 70),
        ("goldencheetah__30MinsOfPowerV1.erg", ERG, None),
        ("goldencheetah__RampTest.erg", ERG, 10),
        ("goldencheetah__IsoL4hour.mrc", MRC, 95),
    ],
)
def test_real_files_are_read(shared, name, fmt, minutes):
    data = (shared / "data/workouts" / name).read_bytes()

    read = fmt.read(data, ATHLETE).workout

    assert fmt.recognises(data)
    assert errors_of(read) == ()
    assert read.name not in ("", "Workout")
    if minutes is not None:
        assert round(totals_of(read, ATHLETE).duration_s / 60, 2) == minutes


def test_zwo_tells_more_than_twice_the_ftp_in_watts(shared):
    read = ZWO.read(
        (shared / "data/workouts/structured-cycling-workouts__NM_Sprint_Drills_20min.zwo").read_bytes(), ATHLETE
    )

    assert read.workout.name == "NM Sprint Drills 20min"
    assert read.workout.step_blocks[1] == block(step("active", time(10), at("power", 750)))
    assert (read.warnings[1].code, read.warnings[1].path) == (
        Code.TARGET_CONVERTED,
        "workout.step_blocks[1].steps[0].intensity_targets[0]",
    )


@pytest.mark.parametrize("fmt", [ZWO, ERG, MRC], ids=lambda fmt: fmt.slug)
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe\x00",
        b"<workout_file><workout/></workout_file>",
        b"[COURSE HEADER]\nMINUTES WATTS\n[END COURSE HEADER]\n[COURSE DATA]\n0 100\n[END COURSE DATA]",
        b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><workout_file><name>&b;</name></workout_file>',
    ],
)
def test_read_says_what_is_no_workout(fmt, data):
    with pytest.raises(Unreadable):
        fmt.read(data, ATHLETE)
