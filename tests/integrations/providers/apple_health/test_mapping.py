from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activities.domain.parsed import Lap, ParsedActivity, Pause, Stream
from integrations.errors import UnexpectedPayload
from integrations.providers.apple_health.mapping import STAGES, WORDS, parse_activity_summary, parse_workout, zone_of
from tests.integrations.providers.apple_health.conftest import PAYLOADS

Payload = Callable[[str], bytes]
ALL_PAYLOADS = sorted(path.read_bytes() for path in PAYLOADS.iterdir())
DENVER, EDT, CET, CEST, BST = (timezone(timedelta(hours=hours)) for hours in (-6, -4, 1, 2, 1))


def told(kind: str, dates: tuple[str, str], unit: str, **figures: float) -> dict[str, float | str]:
    start, end = dates
    return {"type": f"HKQuantityTypeIdentifier{kind}", "startDate": start, "endDate": end, **figures, "unit": unit}


def test_parse_workout_reads_statistics_metadata_events_and_routes(payload: Payload) -> None:
    dates = ("2026-04-11 20:00:00 +0200", "2026-04-11 20:44:00 +0200")
    start = datetime(2026, 4, 11, 12, 0, tzinfo=DENVER)

    [run] = parse_workout(payload("run_with_pause_and_route"))

    assert run == ParsedActivity(
        external_id="0ba7f313f0103244811618c871db88c1",
        sport="running",
        start_time=start,
        provider="apple_health",
        provider_type="HKWorkoutActivityTypeRunning",
        utc_offset_s=-21_600,
        elapsed_s=2640.0,
        timer_s=2490.0,
        distance_m=8020.0,
        elevation_gain_m=83.5,
        elevation_loss_m=79.0,
        energy_kcal=574.0,
        active_energy_kcal=512.5,
        avg_heart_rate_bpm=148.25,
        max_heart_rate_bpm=172.0,
        min_heart_rate_bpm=91.0,
        avg_power_w=231.5,
        max_power_w=402.0,
        avg_cadence_rpm=164.0,
        avg_speed_mps=3.2,
        max_speed_mps=4.5,
        device="Apple Watch (Watch7,3)",
        source_name="Mira’s Apple\xa0Watch",
        laps=(Lap(start_time=start, elapsed_s=315.0, kind="segment"),),
        pauses=(Pause(start + timedelta(minutes=10), 150.0),),
        extra={
            "time_zone": "America/Denver",
            "indoor": False,
            "steps": 6806.0,
            "weather_temperature_c": 10.0,
            "weather_humidity_ratio": 0.43,
            "average_mets": 9.75,
            "basal_energy_kcal": 61.5,
            "metadata": {"HKWeatherCondition": "1", "Coach says": ["easy", "really easy"]},
            "statistics": [
                told("DistanceWalkingRunning", dates, "km", sum=8.02),
                told("HeartRate", dates, "count/min", average=148.25, minimum=91.0, maximum=172.0),
                told("RunningPower", dates, "W", average=231.5, minimum=40.0, maximum=402.0),
                told("RunningSpeed", dates, "km/hr", average=11.52, minimum=3.6, maximum=16.2),
                told("StepCount", dates, "count", sum=6806.0),
                told("ActiveEnergyBurned", dates, "Cal", sum=512.5),
                told("BasalEnergyBurned", dates, "Cal", sum=61.5),
                told("RunningGroundContactTime", dates, "ms", average=251.5, minimum=220.0, maximum=301.0),
            ],
            "events": [{"type": "Marker", "date": "2026-04-11 20:30:00 +0200"}],
            "routes": ["/workout-routes/route_2026-04-11_8.44pm.gpx"],
            "attributes": {"sourceVersion": "11.2", "creationDate": "2026-04-11 20:44:02 +0200"},
        },
    )


def test_parse_workout_takes_the_attributes_where_no_statistics_are_told(payload: Payload) -> None:
    [ride] = parse_workout(payload("ride_of_ios_15_in_miles"))

    assert ride == ParsedActivity(
        external_id="be93495bd42a636cd01c473591efc3a4",
        sport="cycling",
        start_time=datetime(2021, 8, 15, 11, 0, tzinfo=EDT),
        provider="apple_health",
        provider_type="HKWorkoutActivityTypeCycling",
        utc_offset_s=-14_400,
        elapsed_s=6000.0,
        timer_s=5715.0,
        distance_m=32_991.552,
        active_energy_kcal=500.0,
        avg_speed_mps=5.775,
        max_speed_mps=16.09344,
        source_name="Hugo's Apple Watch",
        extra={
            "weather_humidity_ratio": 0.71,
            "attributes": {"sourceVersion": "8.5", "creationDate": "2021-08-15 12:40:11 -0400"},
        },
    )


def test_parse_workout_reads_lengths_and_strokes_of_a_pool_swim(payload: Payload) -> None:
    start = datetime(2026, 1, 20, 6, 30, tzinfo=UTC)

    [swim] = parse_workout(payload("pool_swim_with_strokes"))

    assert (swim.sport, swim.distance_m, swim.avg_cadence_rpm) == ("swimming.pool", 457.2, None)
    assert swim.laps == (
        Lap(start, 90.0, kind="segment", extra={"swolf": 41.5}),
        Lap(start, 40.0, kind="length", distance_m=22.86, extra={"stroke": "freestyle"}),
        Lap(start + timedelta(seconds=40), 45.0, kind="length", distance_m=22.86, extra={"stroke": "breaststroke"}),
    )
    assert {key: swim.extra[key] for key in ("swimming_location", "pool_length_m", "strokes")} == {
        "swimming_location": "pool",
        "pool_length_m": 22.86,
        "strokes": 312.0,
    }


def test_parse_workout_reads_the_legs_of_a_triathlon(payload: Payload) -> None:
    parent, *legs = parse_workout(payload("triathlon_whose_legs_name_no_type"))

    assert (parent.sport, parent.distance_m, parent.elapsed_s, parent.parent) == (
        "multisport.triathlon",
        26_000.0,
        4500.0,
        None,
    )
    assert [(leg.sport, leg.provider_type, leg.elapsed_s, leg.timer_s, leg.distance_m) for leg in legs] == [
        ("swimming.open_water", "", 900.0, 900.0, 750.0),
        ("transition", "", 180.0, 180.0, 250.0),
        ("cycling", "", 2040.0, None, 20_000.0),
        ("transition", "", 120.0, 120.0, None),
        ("running", "HKWorkoutActivityTypeRunning", 1260.0, 1260.0, 5000.0),
    ]
    assert [leg.start_time for leg in legs] == [
        datetime(2025, 6, 1, 7, minute, tzinfo=CEST) for minute in (0, 15, 18, 52, 54)
    ]
    assert [leg.external_id for leg in legs] == [f"{parent.external_id}#{number}" for number in range(1, 6)]
    assert {leg.parent for leg in legs} == {0}
    assert {leg.source_name for leg in legs} == {"Kim’s Apple Watch Ultra"}
    assert (legs[4].avg_heart_rate_bpm, legs[4].max_heart_rate_bpm) == (165.0, 181.0)
    assert legs[4].extra["attributes"] == {"uuid": "00000000-0000-4000-8000-000000000005"}


def test_parse_workout_makes_laps_of_the_parts_of_one_sport(payload: Payload) -> None:
    start = datetime(2026, 5, 5, 18, 0, tzinfo=BST)

    [run] = parse_workout(payload("track_session_in_parts"))

    assert run.laps == (
        Lap(
            start,
            240.0,
            kind="interval",
            timer_s=210.0,
            distance_m=1000.0,
            avg_heart_rate_bpm=161.0,
            max_heart_rate_bpm=178.0,
            extra={"Part": "fast"},
        ),
        Lap(start + timedelta(minutes=4), 360.0, kind="interval", timer_s=360.0),
    )


def test_parse_workout_reads_button_laps_pauses_and_locations_of_old_exports(payload: Payload) -> None:
    start = datetime(2016, 3, 6, 9, 0, tzinfo=CET)
    time_s = np.array([1.0, 2.0])

    [run] = parse_workout(payload("run_of_ios_9_with_locations"))

    assert run.laps == (Lap(start, 240.0), Lap(start + timedelta(minutes=4), 360.0))
    assert run.pauses == (
        Pause(start + timedelta(minutes=5), 30.0, automatic=True),
        Pause(start + timedelta(minutes=9), 60.0),
    )
    assert run.streams == {
        "latitude": Stream(time_s, np.array([48.1999, 48.2])),
        "longitude": Stream(time_s, np.array([16.37, 16.3701])),
        "altitude": Stream(time_s, np.array([171.0, 171.5])),
        "speed": Stream(time_s, np.array([np.nan, 3.1])),
    }


def test_parse_workout_keeps_what_is_not_told_apart_from_nought(payload: Payload) -> None:
    [ride] = parse_workout(payload("virtual_ride_without_totals"))

    assert ride == ParsedActivity(
        external_id=ride.external_id,
        sport="cycling+stationary+virtual",
        start_time=datetime(2026, 2, 1, 19, 0, tzinfo=UTC),
        provider="apple_health",
        provider_type="HKWorkoutActivityTypeCycling",
        utc_offset_s=0,
        elapsed_s=3600.0,
        avg_power_w=201.0,
        max_power_w=544.0,
        avg_cadence_rpm=90.0,
        max_cadence_rpm=108.0,
        source_name="Zwift",
        extra={
            "estimated_effort_score": 6.0,
            "metadata": {"HKTimeZone": "Nowhere/At_All"},
            "statistics": ride.extra["statistics"],
        },
    )


def test_parse_workout_reads_what_can_be_read_of_a_damaged_one(payload: Payload) -> None:
    [workout] = parse_workout(payload("damaged_figures"))

    assert workout == ParsedActivity(
        external_id=workout.external_id,
        sport="generic",
        start_time=datetime(2023, 2, 3, 10, 0, tzinfo=UTC),
        provider="apple_health",
        provider_type="HKWorkoutActivityTypeUnheardOf",
        utc_offset_s=0,
        max_heart_rate_bpm=150.0,
        source_name="Gym Box",
        extra={
            "metadata": {"HKElevationAscended": "12 furlongs"},
            "statistics": [
                {
                    "type": "HKQuantityTypeIdentifierHeartRate",
                    "startDate": "2023-02-03 10:00:00 +0000",
                    "endDate": "2023-02-03 10:30:00 +0000",
                    "average": "NaN",
                    "maximum": 150.0,
                    "unit": "count/min",
                }
            ],
            "events": [{"type": "Lap", "date": "soon"}],
        },
    )


@pytest.mark.parametrize(
    ("xml", "message"),
    [
        (b"", "This holds no XML element."),
        (b"<Record/>", "A Workout was expected here, not Record."),
        (b'<Workout startDate="lately"/>', "The workout has no start that can be read: 'lately'."),
    ],
)
def test_parse_workout_says_what_is_wrong(xml: bytes, message: str) -> None:
    with pytest.raises(UnexpectedPayload) as error:
        parse_workout(xml)

    assert str(error.value) == message


def test_parse_workout_knows_a_workout_again_from_another_export(payload: Payload) -> None:
    """Exported in another zone, after a restore, by a phone whose name has plain spaces."""
    before = payload("run_with_pause_and_route")
    after = (
        before.replace(b"2026-04-11 20:00:00 +0200", b"2026-04-11 19:00:00 +0100")
        .replace(b"2026-04-11 20:44:00 +0200", b"2026-04-11 19:44:00 +0100")
        .replace("Apple\xa0Watch".encode(), b"Apple  Watch")
        .replace(b"0x3011aa8c0", b"0x1")
        .replace(b'creationDate="2026-04-11 20:44:02 +0200"', b'creationDate="2027-01-01 00:00:00 +0000"')
    )

    [one], [other] = parse_workout(before), parse_workout(after)

    assert one.external_id == other.external_id
    assert one.start_time == other.start_time
    assert replace(one, source_name="", extra={}) == replace(other, source_name="", extra={})


WILD_VALUES = st.sampled_from(
    ["", "-1", "0", "1e308", "nan", "-1e99 cm", "99999999999999999999", "0001-01-01 00:00:00 +2359",
     "9999-12-31 23:59:59 -2359", "2026-03-29 02:30:00 +0100", "&#0;&lt;", "\u2028", "km",
     "HKWorkoutActivityTypeSwimBikeRun"]
)  # fmt: skip


@given(st.sampled_from(ALL_PAYLOADS), st.data())
@settings(max_examples=300)
def test_parse_workout_survives_whatever_stands_in_the_attributes(xml: bytes, data: st.DataObject) -> None:
    parts = re.split(rb'"([^"]*)"', xml)
    for place in data.draw(st.lists(st.sampled_from(range(1, len(parts), 2)), max_size=6)):
        parts[place] = data.draw(WILD_VALUES | st.text(max_size=8)).replace('"', "").encode()
    xml = b"".join(part if place % 2 == 0 else b'"' + part + b'"' for place, part in enumerate(parts))

    try:
        activities = parse_workout(xml)
    except UnexpectedPayload:
        return

    assert activities[0].parent is None
    assert {each.parent for each in activities[1:]} <= {0}
    assert json.loads(json.dumps([dict(each.extra) for each in activities], allow_nan=False)) is not None
    assert all(lap.elapsed_s > 0 for each in activities for lap in each.laps)
    assert all(pause.elapsed_s >= 0 for each in activities for pause in each.pauses)
    assert all((each.elapsed_s or 0) >= 0 for each in activities)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("96 %", 0.96),
        ("9600 %", 0.96),
        ("100 %", 1.0),
        ("10000 %", 1.0),
        ("0.96 %", 0.96),
        ("0 %", 0.0),
    ],
)
def test_parse_workout_reads_humidity_in_all_its_forms(told: str, expected: float) -> None:
    entry = f'<MetadataEntry key="HKWeatherHumidity" value="{told}"/>'

    [workout] = parse_workout(f'<Workout startDate="2026-01-01 10:00:00 +0000">{entry}</Workout>'.encode())

    assert workout.extra == {"weather_humidity_ratio": expected}


def test_stages_and_words_cover_every_documented_value(shared: Path) -> None:
    documented = json.loads((shared / "providers/specs/apple_health/healthkit-identifiers.json").read_text())["enums"]
    values = {enum["name"]: enum["members"] for enum in documented}

    for enum, table in (("CategoryValueSleepAnalysis", STAGES), ("CategoryValueAppleStandHour", WORDS["stand_hours"])):
        by_name = {member["swiftName"]: table[member["swiftName"]] for member in values[enum]}
        by_number = {member["swiftName"]: table[str(member["rawValue"])] for member in values[enum]}
        assert by_name == by_number
        assert table.keys() == by_name.keys() | {str(member["rawValue"]) for member in values[enum]}


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        (
            'dateComponents="2026-03-02" activeEnergyBurned="2092" activeEnergyBurnedGoal="1882.8" '
            'activeEnergyBurnedUnit="kJ" appleMoveTime="0" appleMoveTimeGoal="0" appleExerciseTime="64" '
            'appleExerciseTimeGoal="30" appleStandHours="0" appleStandHoursGoal="12"',
            {
                "ring_move": 500.0,
                "ring_move_goal": 450.0,
                "ring_exercise": 64.0,
                "ring_exercise_goal": 30.0,
                "ring_stand": 0.0,
                "ring_stand_goal": 12.0,
            },
        ),
        (
            "dateComponents='2020-03-02' appleMoveMinutes='33' appleMoveMinutesGoal='60'",
            {"ring_move_time": 33.0, "ring_move_time_goal": 60.0},
        ),
        ("", {}),
    ],
    ids=["energy in kJ", "a child's rings of iOS 14", "nothing"],
)
def test_parse_activity_summary_reads_the_rings(attributes: str, expected: dict[str, float]) -> None:
    assert parse_activity_summary(attributes) == expected


@pytest.mark.parametrize(
    ("detail", "expected"),
    [
        ('<MetadataEntry key="HKTimeZone" value="Europe/Madrid"/>', ZoneInfo("Europe/Madrid")),
        (
            "<MetadataEntry key='Else' value='1'/>\n<MetadataEntry value='Asia/Tokyo' key='HKTimeZone'/>",
            ZoneInfo("Asia/Tokyo"),
        ),
        ('<MetadataEntry key="HKTimeZone" value="../etc/passwd"/>', None),
        ('<MetadataEntry key="HKTimeZone" value="America"/>', None),
        ("", None),
    ],
)
def test_zone_of_reads_the_zone_of_a_sample(detail: str, expected: ZoneInfo | None) -> None:
    assert zone_of(detail) == expected
