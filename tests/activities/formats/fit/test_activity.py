"""Messages -> activities, whole values."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from garmin_fit_sdk import Decoder
from garmin_fit_sdk import Stream as Bytes

from activities.domain.parsed import Lap, Parsed, ParsedActivity, Pause, Problem, Stream
from activities.formats.errors import Unreadable
from activities.formats.fit import fit_created, fit_creator, fit_kind, parse_fit
from tests.factories import fit
from tests.factories.fit import FitFile, activity_fit, chained, semicircles

START = datetime(2026, 5, 2, 7, 30, tzinfo=UTC)
RUNNING, CYCLING, TRANSITION, SWIMMING, TRAINING = 1, 2, 3, 5, 10


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def stream(values: list[float], times: list[float] | None = None) -> Stream:
    return Stream(np.array(range(len(values)) if times is None else times, float), np.array(values, float))


def watch(**fields: Any) -> FitFile:
    """A file of a Garmin watch, begun."""
    return FitFile().add("file_id", type=4, manufacturer=1, product=2691, time_created=START, **fields)


def session(file: FitFile, begin: float, length: float, **fields: Any) -> FitFile:
    told = {"start_time": after(begin), "total_elapsed_time": length, "total_timer_time": length, **fields}
    return file.add("session", timestamp=after(begin + length), **told)


WATCH = {"device": "Garmin Forerunner 935", "device_kind": "watch", "source_name": "Garmin"}


def test_parse_fit_gives_all_that_a_run_tells() -> None:
    file = watch()
    file.add("event", timestamp=START, event=0, event_type=0, timer_trigger=0)
    for second in range(3):
        file.add(
            "record", timestamp=after(second), position_lat=semicircles(48.0), position_long=semicircles(11.0),
            altitude=500.0 + second, heart_rate=140 + second, cadence=85, fractional_cadence=0.5, distance=3.0 * second,
            speed=3.0, power=250, temperature=-4, vertical_oscillation=81.0, stance_time=240.0, step_length=1050.0,
            respiration_rate=30,
        )  # fmt: skip
    file.add(
        "lap", timestamp=after(2), start_time=START, total_elapsed_time=2.0, total_timer_time=2.0, total_distance=6.0,
        total_calories=1, avg_heart_rate=141, max_heart_rate=142, avg_cadence=85, avg_power=250, lap_trigger=7,
    )  # fmt: skip
    session(
        file, 0, 2.0, sport=RUNNING, sub_sport=3, total_distance=6.0, total_calories=1, enhanced_avg_speed=3.0,
        max_speed=3.1, avg_heart_rate=141, max_heart_rate=142, min_heart_rate=139, avg_cadence=85,
        avg_fractional_cadence=0.25, max_cadence=86, avg_power=250, max_power=260, total_ascent=2, total_descent=0,
        total_training_effect=3.1, normalized_power=255, total_moving_time=1.5,
    )  # fmt: skip
    file.add("activity", timestamp=after(2), num_sessions=1, type=0, local_timestamp=after(7202))

    assert parse_fit(file.data(), "id") == Parsed((
        ParsedActivity(
            external_id="id",
            sport="running.trail",
            start_time=START,
            provider_type="running/trail",
            utc_offset_s=7200,
            elapsed_s=2.0,
            timer_s=2.0,
            moving_s=1.5,
            distance_m=6.0,
            elevation_gain_m=2.0,
            elevation_loss_m=0.0,
            energy_kcal=1.0,
            avg_heart_rate_bpm=141.0,
            max_heart_rate_bpm=142.0,
            min_heart_rate_bpm=139.0,
            avg_power_w=250.0,
            max_power_w=260.0,
            avg_cadence_rpm=170.5,
            max_cadence_rpm=172.0,
            avg_speed_mps=3.0,
            max_speed_mps=3.1,
            **WATCH,
            laps=(
                Lap(
                    START, 2.0, timer_s=2.0, distance_m=6.0, avg_heart_rate_bpm=141.0, max_heart_rate_bpm=142.0,
                    avg_power_w=250.0, avg_cadence_rpm=170.0, energy_kcal=1.0, extra={"lap_trigger": "session_end"},
                ),
            ),
            streams={
                "latitude": stream([48.0] * 3),
                "longitude": stream([11.0] * 3),
                "altitude": stream([500, 501, 502]),
                "speed": stream([3, 3, 3]),
                "distance": stream([0, 3, 6]),
                "power": stream([250] * 3),
                "temperature": stream([-4] * 3),
                "respiration_rate": stream([30] * 3),
                "vertical_oscillation": stream([8.1] * 3),
                "ground_contact_time": stream([240] * 3),
                "stride_length": stream([1.05] * 3),
                "heart_rate": stream([140, 141, 142]),
                "cadence": stream([171] * 3),
            },
            extra={"total_training_effect": 3.1, "normalized_power": 255},
        ),
    ))  # fmt: skip


def test_pauses_lie_between_a_stop_of_the_timer_and_its_start() -> None:
    file = watch()
    # timer: start, stop_all by hand, start, stop_all by itself, start, stop_all at the end
    for second, kind, trigger in ((0, 0, 0), (10, 4, 0), (25, 0, 0), (40, 4, 1), (41, 0, 1), (60, 4, 0)):
        file.add("event", timestamp=after(second), event=0, event_type=kind, timer_trigger=trigger)
    (activity,) = parse_fit(session(file, 0, 60.0, sport=RUNNING).data(), "id").activities

    assert activity.pauses == (Pause(after(10), 15.0), Pause(after(40), 1.0, automatic=True))


def test_lengths_of_a_pool_are_told_with_their_strokes() -> None:
    file = watch()
    file.add(
        "length", timestamp=after(30), start_time=START, total_elapsed_time=30.0, total_timer_time=30.0,
        total_strokes=18, avg_speed=0.833, swim_stroke=0, avg_swimming_cadence=36, length_type=1,
    )  # fmt: skip
    file.add("length", timestamp=after(45), start_time=after(30), total_elapsed_time=15.0, length_type=0)
    session(file, 0, 45.0, sport=SWIMMING, sub_sport=17, pool_length=25.0, total_distance=25.0)

    assert parse_fit(file.data(), "id").activities == (
        ParsedActivity(
            external_id="id",
            sport="swimming.pool",
            start_time=START,
            provider_type="swimming/lap_swimming",
            elapsed_s=45.0,
            timer_s=45.0,
            distance_m=25.0,
            **WATCH,
            laps=(
                Lap(
                    START, 30.0, "length", timer_s=30.0, distance_m=25.0, avg_cadence_rpm=36.0,
                    extra={
                        "total_strokes": 18, "swim_stroke": "freestyle", "avg_swimming_cadence": 36,
                        "length_type": "active", "avg_speed": 0.833,
                    },
                ),
                Lap(after(30), 15.0, "length", extra={"length_type": "idle"}),
            ),
            extra={"pool_length": 25.0},
        ),
    )  # fmt: skip


def test_sets_of_strength_are_told_with_exercise_and_weight() -> None:
    file = watch()
    file.add("set", duration=40.0, repetitions=10, weight=60.0, set_type=1, start_time=START, category=[28, None])
    file.add("set", duration=90.0, set_type=0, start_time=after(40))
    (activity,) = parse_fit(session(file, 0, 130.0, sport=TRAINING, sub_sport=20).data(), "id").activities

    assert (activity.sport, activity.laps) == (
        "strength",
        (
            Lap(START, 40.0, "set", name="squat", extra={
                "repetitions": 10, "weight": 60.0, "set_type": "active", "category": ["squat", None],
            }),
            Lap(after(40), 90.0, "set", extra={"set_type": "rest"}),
        ),
    )  # fmt: skip


def test_legs_of_a_multisport_effort_hang_on_their_parent() -> None:
    file = watch()
    legs = ((SWIMMING, 18, 0, 600), (TRANSITION, 0, 600, 60), (CYCLING, 7, 660, 1800), (RUNNING, 0, 2460, 900))
    for second in (0, 599, 600, 660, 2459, 2460, 3359):
        file.add("record", timestamp=after(second), heart_rate=120, distance=float(second), cadence=80)
    for sport, sub_sport, begin, length in legs:
        session(
            file, begin, float(length), sport=sport, sub_sport=sub_sport, total_distance=length * 2.0,
            total_calories=length // 10, avg_heart_rate=120, max_heart_rate=130,
        )  # fmt: skip
    file.add("activity", timestamp=after(3360), num_sessions=4, type=1)

    parsed = parse_fit(file.data(), "id")

    bare = [replace(it, streams={}, extra={}) for it in parsed.activities]
    figures = {"avg_heart_rate_bpm": 120.0, "max_heart_rate_bpm": 130.0, **WATCH}

    def leg(
        number: int, sport: str, kind: str, begin: float, length: float, cadence: float, average: float | None = None
    ) -> ParsedActivity:
        return ParsedActivity(
            external_id=f"id#{number}",
            sport=sport,
            provider_type=kind,
            start_time=after(begin),
            elapsed_s=length,
            timer_s=length,
            distance_m=length * 2,
            energy_kcal=length // 10,
            min_heart_rate_bpm=120.0,
            avg_cadence_rpm=cadence,
            max_cadence_rpm=cadence,
            parent=0,
            **figures,
        )

    assert bare == [
        ParsedActivity(
            external_id="id",
            sport="multisport.triathlon",
            provider_type="swimming+transition+cycling+running",
            start_time=START,
            elapsed_s=3360.0,
            timer_s=3360.0,
            distance_m=6720.0,
            energy_kcal=336.0,
            **figures,
        ),
        leg(1, "swimming.open_water", "swimming/open_water", 0, 600.0, 80.0),
        leg(2, "transition", "transition/generic", 600, 60.0, 80.0),
        leg(3, "cycling.road", "cycling/road", 660, 1800.0, 80.0),
        leg(4, "running", "running/generic", 2460, 900.0, 160.0),
    ]
    assert [it.streams["distance"] for it in parsed.activities] == [
        stream([0, 599, 600, 660, 2459, 2460, 3359], [0, 599, 600, 660, 2459, 2460, 3359]),
        stream([0, 599], [0, 599]),
        stream([1], [0]),
        stream([60, 1859], [0, 1799]),
        stream([1, 900], [0, 899]),
    ]
    assert parsed.activities[0].streams["cadence"].values.tolist() == [80, 80, 80, 80, 80, 160, 160]


def test_distances_of_legs_that_begin_at_zero_are_one_for_the_whole() -> None:
    file = watch()
    for second, metres in ((0, 0.0), (99, 500.0), (100, 0.0), (199, 300.0)):
        file.add("record", timestamp=after(second), distance=metres)
    session(file, 0, 100.0, sport=CYCLING)
    session(file, 100, 100.0, sport=RUNNING)
    whole, *legs = parse_fit(file.data(), "id").activities

    assert whole.sport == "multisport"
    assert whole.streams["distance"].values.tolist() == [0, 500, 500, 800]
    assert [leg.streams["distance"].values.tolist() for leg in legs] == [[0, 500], [0, 300]]


def test_sessions_an_hour_apart_are_efforts_of_their_own() -> None:
    file = watch()
    session(file, 0, 1200.0, sport=RUNNING)
    session(file, 4800, 1200.0, sport=RUNNING)

    assert [(it.external_id, it.start_time, it.parent) for it in parse_fit(file.data(), "id").activities] == [
        ("id#1", START, None),
        ("id#2", after(4800), None),
    ]


def test_two_activities_in_one_file_are_two_whatever_their_times() -> None:
    data = chained([activity_fit(START), activity_fit(after(30), product=2691, sport=RUNNING)])

    assert [
        (it.external_id, it.sport, it.device, it.parent, len(it.streams["speed"]))
        for it in parse_fit(data, "id").activities
    ] == [
        ("id#1", "cycling", "Garmin Edge 530", None, 60),
        ("id#2", "running", "Garmin Forerunner 935", None, 60),
    ]


def test_heart_rates_of_a_strap_join_the_records() -> None:
    file = watch()
    for second in range(4):
        file.add("record", timestamp=after(second), distance=float(second))
    session(file, 0, 4.0, sport=SWIMMING)
    strap = FitFile()
    strap.add("hr", timestamp=START, fractional_timestamp=0.5, filtered_bpm=[100], event_timestamp=[1000.0])
    # 1001.0, 1001.5, 1002.0, 1002.5 s of the strap's clock in 1/1024 s, twelve bits each.
    ticks = [round(1024 * it) & 0xFFF for it in (1001.0, 1001.5, 1002.0, 1002.5)]
    packed = sum(tick << 12 * at for at, tick in enumerate(ticks)).to_bytes(6, "little")
    strap.add("hr", filtered_bpm=[110, 120, 130, 140], event_timestamp_12=packed)

    (activity,) = parse_fit(chained([file.data(), strap.data()]), "id").activities

    # Beats at 0.5 s (100), 1.5 s (110), 2.0 s (120), 2.5 s (130) and 3.0 s (140); each holds until the next.
    assert activity.streams["heart_rate"] == stream([100, 110, 130], [1, 2, 3])


def test_fields_of_apps_become_series_and_figures() -> None:
    file = watch()
    file.add("developer_data_id", developer_data_index=0)
    for number, name, units, message, native in (
        (0, "Power", "Watts", 20, 7),
        (1, "Form Power", "Watts", 20, None),
        (2, "Vertical Oscillation", "Centimeters", 20, 39),
        (3, "Feeling", "", 18, None),
    ):
        file.add(
            "field_description", developer_data_index=0, field_definition_number=number, fit_base_type_id=0x84,
            field_name=name, units=units, native_mesg_num=message, native_field_num=native,
        )  # fmt: skip
    for second in range(2):
        file.add("record", {(0, 0): 240 + second, (0, 1): 60, (0, 2): 8}, timestamp=after(second))
    told = {"start_time": START, "total_elapsed_time": 2.0, "sport": RUNNING}
    file.add("session", {(0, 3): 4}, timestamp=after(2), **told)
    (activity,) = parse_fit(file.data(), "id").activities

    assert activity.streams == {
        "power": stream([240, 241]),
        "vertical_oscillation": stream([8, 8]),
        "form_power": stream([60, 60]),
    }
    assert activity.avg_power_w == 240.5
    assert activity.extra == {"developer": {"Feeling": 4}, "computed": ["avg_power_w", "max_power_w"]}


def test_left_right_balance_is_the_left_legs_share() -> None:
    file = watch()
    for second, told in enumerate((0x80 | 48, 52, None, 0x80 | 127)):
        file.add("record", timestamp=after(second), left_right_balance=told)
    (activity,) = parse_fit(session(file, 0, 4.0, sport=CYCLING).data(), "id").activities

    assert activity.streams["left_right_balance"] == stream([52, 52], [0, 1])


def test_a_heart_rate_of_zero_is_none() -> None:
    file = watch()
    for second, rate in enumerate((0, 130, 0)):
        file.add("record", timestamp=after(second), heart_rate=rate)
    session(file, 0, 3.0, sport=RUNNING, avg_heart_rate=0, max_heart_rate=0)
    (activity,) = parse_fit(file.data(), "id").activities

    assert activity.streams == {"heart_rate": stream([130], [1])}
    assert (activity.avg_heart_rate_bpm, activity.max_heart_rate_bpm) == (130.0, 130.0)


def test_positions_beyond_the_poles_and_without_fix_are_no_positions() -> None:
    file = watch()
    for second, (lat, lon) in enumerate(((48.0, 11.0), (120.0, 11.0), (0.0, 0.0), (48.1, -179.0))):
        file.add("record", timestamp=after(second), position_lat=semicircles(lat), position_long=semicircles(lon))
    parsed = parse_fit(session(file, 0, 4.0, sport=CYCLING, total_distance=1.0).data(), "id")

    assert parsed.activities[0].streams == {
        "latitude": stream([48.0, 48.1], [0, 3]),
        "longitude": stream([11.0, -179.0], [0, 3]),
    }
    assert parsed.problems == (Problem("", "Points at no place on earth were read without their position."),)


def test_a_file_cut_off_before_its_totals_gives_what_was_recorded() -> None:
    data = activity_fit(START, points=100)
    # Behind the header, the event and fifty records, in the middle of one.
    parsed = parse_fit(data[: len(data) // 2], "id")
    (activity,) = parsed.activities
    recorded = len(activity.streams["speed"])

    assert 20 < recorded < 100
    assert replace(activity, streams={}) == ParsedActivity(
        external_id="id",
        sport="generic",
        start_time=START,
        elapsed_s=recorded - 1.0,
        distance_m=5.0 * (recorded - 1),
        elevation_gain_m=0.0,
        elevation_loss_m=0.0,
        avg_heart_rate_bpm=120.0,
        max_heart_rate_bpm=120.0,
        min_heart_rate_bpm=120.0,
        device="Garmin Edge 530",
        device_kind="computer",
        source_name="Garmin",
        extra={"computed": [
            "avg_heart_rate_bpm", "distance_m", "elapsed_s", "elevation_gain_m", "elevation_loss_m",
            "max_heart_rate_bpm", "min_heart_rate_bpm",
        ]},
    )  # fmt: skip
    assert [problem.message for problem in parsed.problems][-1] == (
        "It ends before its totals: start, length and distance are those of its records."
    )


@pytest.mark.parametrize(
    ("start", "seconds"),
    [
        (START, 0),
        (START, 9 * 86400),
        (datetime(1989, 12, 31, 0, 8, 5, tzinfo=UTC), 600),
        (datetime(2080, 2, 29, 23, 59, 59, tzinfo=UTC), 600),
        (datetime(2126, 2, 6, 6, 28, 14, tzinfo=UTC), 0),
    ],
    ids=["0 s", "9 days", "a watch without clock", "2080", "the last second of FIT"],
)
def test_odd_times_and_lengths_are_read_as_told(start: datetime, seconds: int) -> None:
    file = FitFile().add("file_id", type=4, manufacturer=32, product=31, time_created=start)
    for at in {0, seconds}:
        file.add("record", timestamp=start + timedelta(seconds=at), power=100)
    told: dict[str, Any] = {"total_elapsed_time": None if seconds > 4e6 else float(seconds), "total_timer_time": 0.0}
    file.add("session", timestamp=start, start_time=start, sport=CYCLING, avg_power=100, max_power=100, **told)
    (activity,) = parse_fit(file.data(), "id").activities

    assert (activity.start_time, activity.elapsed_s, activity.timer_s) == (start, float(seconds), 0.0)
    assert activity.streams["power"].time_s.tolist() == sorted({0.0, float(seconds)})
    assert (activity.device, activity.device_kind) == ("Wahoo ELEMNT BOLT", "computer")


@pytest.mark.parametrize(
    ("apart", "offset"),
    [(7200, 7200), (-34200, -34200), (20700 + 60, 20700), (20700 + 400, None), (86400, None), (0, 0)],
    ids=["+2 h", "-9:30", "+5:45 and a slow write", "no offset", "a day", "UTC"],
)
def test_the_offset_is_what_the_two_clocks_tell(apart: int, offset: int | None) -> None:
    file = session(watch(), 0, 60.0, sport=RUNNING)
    file.add("activity", timestamp=after(60), num_sessions=1, type=0, local_timestamp=after(60 + apart))
    (activity,) = parse_fit(file.data(), "id").activities

    assert activity.utc_offset_s == offset


def test_steps_are_those_of_both_feet_however_they_are_told() -> None:
    def cadence(told: int) -> tuple[float | None, list[float]]:
        file = watch()
        file.add("record", timestamp=START, cadence=told)
        session(file, 0, 60.0, sport=RUNNING, avg_cadence=told)
        (activity,) = parse_fit(file.data(), "id").activities
        return activity.avg_cadence_rpm, activity.streams["cadence"].values.tolist()

    assert cadence(86) == (172.0, [172.0])
    assert cadence(172) == (172.0, [172.0])


def test_records_before_and_long_after_the_session_are_left_out() -> None:
    file = watch()
    for seconds in (-3600, 0, 60, 10 * 86400):
        file.add("record", timestamp=after(seconds), power=200)
    (activity,) = parse_fit(session(file, 0, 60.0, sport=CYCLING).data(), "id").activities

    assert activity.streams["power"].time_s.tolist() == [0, 60]


def test_records_out_of_order_are_put_in_order() -> None:
    file = watch()
    for seconds, power in ((0, 100), (2, 300), (1, 200)):
        file.add("record", timestamp=after(seconds), power=power)
    (activity,) = parse_fit(session(file, 0, 3.0, sport=CYCLING).data(), "id").activities

    assert activity.streams["power"] == stream([100, 200, 300])


def test_sensors_and_beats_are_told_beside_the_figures() -> None:
    file = watch()
    file.add("device_info", timestamp=START, device_index=0, manufacturer=1, product=2691)
    file.add(
        "device_info", timestamp=START, device_index=1, device_type=120, source_type=1, manufacturer=1, product=2327
    )
    file.add(
        "device_info", timestamp=after(9), device_index=1, device_type=120, source_type=1, manufacturer=1, product=2327
    )
    file.add("hrv", time=[0.8, 0.81, None])
    file.add("hrv", time=[0.82, None, None])
    (activity,) = parse_fit(session(file, 0, 60.0, sport=RUNNING).data(), "id").activities

    assert activity.extra == {"sensors": [{"type": "heart_rate", "name": "Garmin Hrm4 Run"}], "rr_intervals": 3}


def test_the_name_is_that_of_the_workout() -> None:
    file = watch().add("workout", wkt_name="5 x 1000 m")
    file.add("sport", sport=RUNNING, name="Track")
    (activity,) = parse_fit(session(file, 0, 60.0, sport=RUNNING).data(), "id").activities

    assert (activity.name, activity.extra) == ("5 x 1000 m", {"sport_profile_name": "Track"})


@pytest.mark.parametrize(("number", "kind"), [(6, "course"), (5, "workout"), (2, "settings"), (3, "settings")])
def test_what_is_no_activity_is_recognised_and_gives_nothing(number: int, kind: str) -> None:
    file = FitFile().add("file_id", type=number, manufacturer=260, time_created=START)
    file.add("record", timestamp=START, position_lat=1000, position_long=1000)
    file.add("lap", timestamp=after(60), start_time=START, total_elapsed_time=60.0)
    data = file.data()

    assert (fit_kind(data), fit_creator(data), fit_created(data)) == (kind, "zwift", START)
    assert parse_fit(data, "id") == Parsed()


def test_bytes_that_are_no_fit_file_are_of_no_kind_and_unreadable() -> None:
    assert (fit_kind(b"GPX"), fit_creator(b""), fit_created(b"\x00" * 40)) == ("", "", None)
    with pytest.raises(Unreadable, match=r"This is not a FIT file\."):
        parse_fit(b"GPX", "id")


def test_makers_that_nobody_names_are_told_by_number() -> None:
    data = activity_fit(START, manufacturer=7777, product=12)
    (activity,) = parse_fit(data, "id").activities

    assert fit_creator(data) == "7777"
    assert (activity.device, activity.device_kind) == ("Maker 7777 12", "unknown")


def test_own_files_are_sound_to_a_reader_of_others() -> None:
    for data in (activity_fit(START), session(watch(), 0, 60.0, sport=RUNNING).data(), fit.FitFile().data()):
        assert Decoder(Bytes.from_byte_array(bytearray(data))).check_integrity()
