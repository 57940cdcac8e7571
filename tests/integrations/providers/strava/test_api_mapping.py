"""The API's JSON: summaries, details, laps and streams."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activities.domain.parsed import Addition, Lap, Parsed, ParsedActivity, Stream
from integrations.errors import UnexpectedPayload
from integrations.merging import completed, merged
from integrations.providers.strava.mapping import parse_detail, parse_laps, parse_row, parse_streams, parse_summary
from integrations.providers.strava.provider import PROVIDER
from integrations.providers.strava.sports import SPORTS
from tests.integrations.providers.conftest import Sample
from trainstack.sports import GENERIC


def stream(times: list[float], values: list[float]) -> Stream:
    return Stream(np.array(times, np.float64), np.array(values, np.float64))


def test_parse_summary_counts_both_feet_and_knows_summer_time(sample: Sample) -> None:
    assert parse_summary(sample("summary/run_in_summer.json"), "16200000001") == Parsed(
        (
            ParsedActivity(
                external_id="16200000001",
                sport="running.trail",
                start_time=datetime(2026, 7, 4, 5, 30, tzinfo=UTC),
                provider="strava",
                provider_type="TrailRun",
                name="Round the lake",
                utc_offset_s=7200,
                elapsed_s=2500.0,
                moving_s=2410.0,
                distance_m=8050.2,
                elevation_gain_m=42.5,
                avg_heart_rate_bpm=148.2,
                max_heart_rate_bpm=170.0,
                avg_cadence_rpm=169.0,
                avg_speed_mps=3.34,
                max_speed_mps=5.1,
                extra={
                    "url": "https://www.strava.com/activities/16200000001",
                    "time_zone": "Europe/Vienna",
                    "workout": "long run",
                    "visibility": "only_me",
                    "origin": "garmin_ping_500000000001",
                    "relative_effort": 61.0,
                    "avg_temperature": 19.0,
                    "elevation_low": 470.4,
                    "elevation_high": 512.0,
                },
            ),
        )
    )


def test_parse_summary_flags_a_power_that_strava_only_estimates(sample: Sample) -> None:
    assert parse_summary(sample("summary/ride_with_estimated_power.json"), "16200000002") == Parsed(
        (
            ParsedActivity(
                external_id="16200000002",
                sport="cycling.gravel",
                start_time=datetime(2026, 1, 12, 6, 40, tzinfo=UTC),
                provider="strava",
                provider_type="GravelRide",
                name="To work",
                # Nothing but the zone's name tells it; in winter.
                utc_offset_s=3600,
                elapsed_s=1260.0,
                moving_s=1200.0,
                distance_m=6400.0,
                elevation_gain_m=20.0,
                avg_power_w=118.4,
                avg_speed_mps=5.33,
                max_speed_mps=11.2,
                extra={
                    "url": "https://www.strava.com/activities/16200000002",
                    "time_zone": "Europe/Vienna",
                    "visibility": "everyone",
                    "work_kj": 142.1,
                    "power_estimated": True,
                    "commute": True,
                },
            ),
        )
    )


def test_parse_detail_keeps_laps_gear_and_segment_efforts(sample: Sample) -> None:
    start = datetime(2026, 5, 17, 8, tzinfo=UTC)

    assert parse_detail(sample("detail/ride_with_segments.json"), "16200000003") == Parsed(
        (
            ParsedActivity(
                external_id="16200000003",
                sport="cycling",
                start_time=start,
                provider="strava",
                provider_type="Ride",
                name="Two climbs",
                utc_offset_s=7200,
                elapsed_s=5400.0,
                moving_s=4800.0,
                distance_m=30250.5,
                elevation_gain_m=610.0,
                energy_kcal=1033.0,
                avg_heart_rate_bpm=139.9,
                max_heart_rate_bpm=176.0,
                avg_power_w=201.3,
                max_power_w=780.0,
                avg_cadence_rpm=81.2,
                avg_speed_mps=6.302,
                max_speed_mps=17.4,
                device="Wahoo ELEMNT BOLT",
                device_kind="computer",
                laps=(
                    Lap(
                        start,
                        2700.0,
                        timer_s=2500.0,
                        distance_m=15000.0,
                        avg_heart_rate_bpm=138.0,
                        max_heart_rate_bpm=171.0,
                        avg_power_w=199.0,
                        avg_cadence_rpm=80.0,
                        name="Lap 1",
                    ),
                ),
                extra={
                    "url": "https://www.strava.com/activities/16200000003",
                    "time_zone": "Europe/Vienna",
                    "description": "with Mia\nand cake",
                    "private_note": "left knee",
                    "gear": "Old steel",
                    "workout": "race",
                    "visibility": "followers_only",
                    "origin": "2026-05-17-080000-ELEMNT.fit",
                    "relative_effort": 118.0,
                    "avg_temperature": 14.0,
                    "weighted_power": 224.0,
                    "work_kj": 966.2,
                    "elevation_low": 301.0,
                    "elevation_high": 902.2,
                    "perceived_exertion": 7.0,
                    "segment_efforts": [
                        {
                            "name": "Hermit hill",
                            "start_time": "2026-05-17T08:21:10+00:00",
                            "elapsed_s": 611.0,
                            "moving_s": 605.0,
                            "distance_m": 2150.4,
                            "avg_heart_rate_bpm": 163.1,
                            "max_heart_rate_bpm": 175.0,
                            "avg_power_w": 268.8,
                            "avg_cadence_rpm": 71.0,
                            "rank": 9,
                            "pr_rank": 1,
                            "segment_url": "https://www.strava.com/segments/4400001",
                        },
                        {
                            "name": "Along the stream",
                            "start_time": "2026-05-17T09:01:00+00:00",
                            "elapsed_s": 240.0,
                            "moving_s": 240.0,
                            "distance_m": 1800.0,
                            "avg_power_w": 150.0,
                            "is_power_estimated": True,
                            "segment_url": "https://www.strava.com/segments/4400002",
                        },
                    ],
                },
            ),
        )
    )


def test_parse_detail_tells_nothing_of_what_was_typed_in_by_hand(sample: Sample) -> None:
    [yoga] = parse_detail(sample("detail/yoga_typed_in.json"), "16200000004").activities

    assert (yoga.sport, yoga.utc_offset_s, yoga.elapsed_s, yoga.moving_s, yoga.distance_m, yoga.energy_kcal) == (
        "yoga",
        # The wall clock's Z is none: it was one in the afternoon.
        -18_000,
        1800.0,
        None,
        0.0,
        None,
    )
    assert (yoga.avg_speed_mps, yoga.device, yoga.device_kind) == (None, "", "app")
    assert yoga.extra == {
        "url": "https://www.strava.com/activities/16200000004",
        "visibility": "only_me",
        "manual": True,
    }


@pytest.mark.parametrize(
    ("kind", "trainer", "sport"),
    [
        ("Run", True, "running+stationary"),
        ("Ride", True, "cycling+stationary"),
        ("Ride", False, "cycling"),
        ("VirtualRide", True, "cycling+stationary+virtual"),
        ("Yoga", True, "yoga"),
        ("Underwater basket weaving", False, GENERIC),
    ],
)
def test_a_trainer_makes_runs_and_rides_stationary(kind: str, trainer: bool, sport: str) -> None:
    told = {"id": 1, "sport_type": kind, "type": "Workout", "start_date": "2026-07-04T05:30:00Z", "trainer": trainer}

    [one] = parse_detail(json.dumps(told).encode(), "1").activities

    assert (one.sport, one.provider_type) == (sport, kind)


def test_the_older_word_for_the_sport_counts_where_the_newer_is_missing() -> None:
    told = {"id": 1, "type": "Hike", "start_date": "2026-07-04T05:30:00Z"}

    assert parse_summary(json.dumps(told).encode(), "1").activities[0].sport == "walking.hiking"


def test_laps_and_streams_count_one_foot_until_the_sport_is_known(sample: Sample) -> None:
    start = datetime(2026, 7, 4, 5, 30, tzinfo=UTC)
    laps, streams = parse_laps(sample("laps/run.json"), "1"), parse_streams(sample("streams/run_by_type.json"), "1")

    assert laps == Parsed(
        addition=Addition(
            laps=(
                Lap(
                    start, 300.0, timer_s=290.0, distance_m=1000.0, avg_heart_rate_bpm=140.5, max_heart_rate_bpm=150.0,
                    avg_cadence_rpm=84.0, name="Lap 1",
                ),
            ),
            one_foot=True,
        )
    )  # fmt: skip
    assert streams == Parsed(
        addition=Addition(
            streams={
                # 0/0 is no place, and what the meter did not tell is no watt.
                "latitude": stream([0, 1], [48.2, 48.2001]),
                "longitude": stream([0, 1], [16.3, 16.3001]),
                "altitude": stream([0, 1, 3], [170.0, 170.4, 171.0]),
                "heart_rate": stream([0, 1, 3], [98, 99, 101]),
                "cadence": stream([0, 1, 3], [80, 81, 0]),
                "power": stream([1, 3], [210, 215]),
                "grade": stream([0, 1, 3], [0.0, 1.5, -2.0]),
            },
            one_foot=True,
        )
    )
    assert laps.addition
    assert streams.addition
    run = ParsedActivity("1", "running.trail", start)
    [on_foot] = completed([run], [laps.addition, streams.addition])
    [on_wheels] = completed([replace(run, sport="cycling")], [laps.addition, streams.addition])
    assert [(one.laps[0].avg_cadence_rpm, one.streams["cadence"]) for one in (on_foot, on_wheels)] == [
        (168.0, stream([0, 1, 3], [160, 162, 0])),
        (84.0, stream([0, 1, 3], [80, 81, 0])),
    ]


@pytest.mark.parametrize(
    "told",
    [
        [{"type": "time", "data": [0, 1]}, {"type": "heartrate", "data": [90, 91]}],
        {"time": [0, 1], "heartrate": [90, 91]},
        {"time": {"data": [1, 0]}, "heartrate": {"data": [91, 90]}},
        {"time": {"data": [0, 1, 2]}, "heartrate": {"data": [90, "91", "none"]}},
        {"time": {"data": [0, 1, 2]}, "heartrate": {"data": [90, 91]}, "temp": {"data": []}, "new": {"data": 4}},
    ],
    ids=["as a list", "bare", "backwards", "words", "too short"],
)
def test_parse_streams_reads_every_form_that_was_met(told: Any) -> None:
    assert parse_streams(json.dumps(told).encode(), "1") == Parsed(
        addition=Addition(streams={"heart_rate": stream([0, 1], [90, 91])}, one_foot=True)
    )


def test_a_detail_fetched_last_has_the_last_word_over_a_list_of_yesterday(sample: Sample) -> None:
    """After an event only the detail is fresh; the archive's line adds what neither tells."""
    kinds = [kind for kind in PROVIDER.parse if kind in ("detail", "summary", "row")]
    detail = parse_detail(sample("detail/ride_with_segments.json"), "1").activities
    summary = [replace(detail[0], name="Morning Ride", sport="running", distance_m=1.0)]
    row = [
        replace(it, sport="generic")
        for it in parse_row(sample("row/run_with_description_in_lines.csv"), "1").activities
    ]

    [joined] = merged([detail, summary, row])

    assert kinds == ["detail", "summary", "row"]
    assert (joined.name, joined.sport, joined.distance_m, joined.elevation_loss_m) == (
        "Two climbs",
        "cycling",
        30250.5,
        59.0,
    )


@pytest.mark.parametrize("parse", [parse_detail, parse_summary])
@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"id":1,"start_date":"soon"}', b'{"id":'])
def test_an_activity_without_a_start_is_said_to_be_none(parse: Callable[[bytes, str], Parsed], data: bytes) -> None:
    with pytest.raises(UnexpectedPayload):
        parse(data, "1")


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"message":"Record Not Found","errors":[]}', b"17"])
def test_streams_without_times_are_said_to_be_none(data: bytes) -> None:
    with pytest.raises(UnexpectedPayload):
        parse_streams(data, "1")


values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYS = (
    "start_date", "utc_offset", "timezone", "distance", "laps", "segment_efforts", "gear", "average_cadence", "trainer",
    "workout_type", "sport_type", "start_date_local", "device_watts", "average_watts",
)  # fmt: skip


@given(
    st.dictionaries(st.sampled_from(KEYS), values),
    st.dictionaries(st.sampled_from(["time", "latlng", "watts"]), values),
)
@settings(max_examples=150)
def test_whatever_stands_in_it_is_survived(told: dict[str, Any], streams: dict[str, Any]) -> None:
    for parse, document in ((parse_detail, {"start_date": "2026-07-04T05:30:00Z", **told}), (parse_streams, streams)):
        with suppress(UnexpectedPayload):
            json.dumps(
                [dict(one.extra) for one in parse(json.dumps(document).encode(), "1").activities], allow_nan=False
            )


# --- real payloads ----------------------------------------------------------------------------


def figures(shared: Path) -> dict[str, dict[str, str]]:
    """What was measured of each activity of a real payload, by file and id."""
    with (shared / "data/SESSIONS.csv").open(newline="") as file:
        return {
            f"{Path(row['path']).name} {row['id']}": row
            for row in csv.DictReader(file)
            if row["path"].startswith("provider_json/strava/")
        }


def test_real_payloads_tell_their_manifest_s_figures(shared: Path) -> None:
    expected = figures(shared)
    seen = set()
    for path in sorted((shared / "data/provider_json/strava").glob("*.json")):
        told = json.loads(path.read_bytes())
        rows = told if isinstance(told, list) else [told]
        for row in rows:
            if not isinstance(row, dict) or "start_date" not in row or "lap_index" in row:
                continue
            key = f"{path.name} {row['id']}"
            wanted = expected[key]
            [one] = parse_detail(json.dumps(row).encode(), str(row["id"])).activities
            seen.add(key)
            assert one.start_time.isoformat().replace("+00:00", "Z") == wanted["start_time"]
            assert one.provider_type == wanted["sport"]
            assert one.sport == SPORTS[wanted["sport"]]
            measured = {
                "timer_s": one.moving_s, "elapsed_s": one.elapsed_s, "distance_m": one.distance_m,
                "ascent_m": one.elevation_gain_m, "avg_hr": one.avg_heart_rate_bpm, "max_hr": one.max_heart_rate_bpm,
                "avg_power": one.avg_power_w, "calories": one.energy_kcal,
            }  # fmt: skip
            for name, value in measured.items():
                if wanted[name]:
                    assert value == pytest.approx(float(wanted[name]), abs=0.06), (key, name)
            assert len(one.laps) == int(wanted["laps"] or 0) or "laps" not in row
    assert seen == expected.keys()


def test_real_streams_and_laps_hang_together(shared: Path) -> None:
    folder = shared / "data/provider_json/strava"
    listed = {
        str(row["id"]): row for row in json.loads((folder / "connectstats__last_strava_search_0.json").read_bytes())
    }
    for number in ("2674169797", "2675283580"):
        [one] = parse_summary(json.dumps(listed[number]).encode(), number).activities
        additions = [
            parse((folder / f"connectstats__strava_{kind}_{number}.json").read_bytes(), number).addition
            for kind, parse in (("stream", parse_streams), ("laps", parse_laps))
        ]

        [whole] = completed([one], [it for it in additions if it])

        assert sum(lap.distance_m or 0 for lap in whole.laps) == pytest.approx(one.distance_m, rel=0.002)
        assert whole.streams["heart_rate"].values.max() == one.max_heart_rate_bpm
        assert whole.streams["distance"].values[-1] == pytest.approx(one.distance_m, rel=0.002)
        cadence = whole.streams["cadence"].values
        assert float(cadence[cadence > 0].mean()) == pytest.approx(one.avg_cadence_rpm, rel=0.06)


def test_every_sport_type_of_the_sheets_is_known_and_no_other(shared: Path) -> None:
    listed = json.loads((shared / "providers/specs/strava/sport-map.json").read_bytes())["types"]

    assert sorted(SPORTS) == sorted(row["sport_type"] for row in listed)
    assert len(SPORTS) == 56
