"""Workouts, nights, recovery, activity and days of Suunto's API."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activities.domain.parsed import DayValue, Parsed, ParsedActivity, Stream
from activities.domain.sleep import ParsedSleep
from integrations.errors import UnexpectedPayload
from integrations.providers.suunto.mapping import (
    parse_activity,
    parse_device_log,
    parse_recovery,
    parse_sleep,
    parse_statistics,
    parse_workout,
)
from integrations.providers.suunto.sports import SPORTS
from tests.integrations.providers.conftest import Sample

HELSINKI = timezone(timedelta(hours=3))


def stream(times: list[float], values: list[float]) -> Stream:
    return Stream(np.array(times, np.float64), np.array(values, np.float64))


def test_parse_workout_knows_its_own_maximum_from_the_athlete_s(sample: Sample) -> None:
    assert parse_workout(sample("workout/run_with_profile_maximum.json"), "66aa01") == Parsed(
        (
            ParsedActivity(
                external_id="66aa01",
                sport="running.trail",
                start_time=datetime(2026, 7, 4, 5, 30, tzinfo=UTC),
                provider="suunto",
                provider_type="22",
                utc_offset_s=10_800,
                elapsed_s=3600.0,
                timer_s=3480.5,
                distance_m=9800.0,
                elevation_gain_m=120.0,
                elevation_loss_m=118.0,
                energy_kcal=702.0,
                avg_heart_rate_bpm=149.0,
                # Not 191, which is called `max`; nor 41 m/s, which nobody runs.
                max_heart_rate_bpm=172.0,
                avg_cadence_rpm=168.0,
                max_cadence_rpm=192.0,
                avg_speed_mps=2.82,
                device="Suunto Vertical",
                device_kind="watch",
                extra={
                    "description": "mud",
                    "training_stress_score": 70.5,
                    "training_stress_by": "PACE",
                    "recovery_time_s": 50_400.0,
                    "steps": 9900,
                    "elevation_low": 3.0,
                    "elevation_high": 48.0,
                    "edited": True,
                },
            ),
        )
    )


def test_parse_workout_reads_hertz_and_does_without_an_end(sample: Sample) -> None:
    assert parse_workout(sample("workout/fresh_ride_in_hertz.json"), "66aa02") == Parsed(
        (
            ParsedActivity(
                external_id="66aa02",
                sport="cycling",
                start_time=datetime(2026, 7, 5, 9, 16, 40, tzinfo=UTC),
                provider="suunto",
                provider_type="2",
                elapsed_s=1800.0,
                timer_s=1800.0,
                distance_m=12_000.0,
                avg_heart_rate_bpm=135.0,
                max_heart_rate_bpm=162.0,
                avg_power_w=180.0,
                max_power_w=600.0,
                avg_cadence_rpm=84.0,
                avg_speed_mps=6.67,
                max_speed_mps=14.5,
                device_kind="app",
                extra={"manual": True},
            ),
        )
    )


def test_parse_sleep_tells_how_long_and_not_when(sample: Sample) -> None:
    end = datetime(2026, 7, 5, 6, 40, tzinfo=HELSINKI)
    day = date(2026, 7, 5)

    assert parse_sleep(sample("sleep/night.json"), "1783199700") == Parsed(
        sleeps=(
            ParsedSleep(
                start_time=datetime(2026, 7, 4, 23, 10, tzinfo=HELSINKI),
                end_time=end,
                utc_offset_s=10_800,
                date=day,
                stages=(),
                in_bed_s=27_000.0,
                asleep_s=25_200.0,
                awake_s=1800.0,
                light_s=14_400.0,
                deep_s=4800.0,
                rem_s=6000.0,
                efficiency_ratio=0.933333,
                external_id="1783199700",
                score=81.0,
            ),
        ),
        days=(
            DayValue("sleeping_heart_rate", day, 51.0, {"min": 45.0}),
            DayValue("hrv_rmssd", day, 58.0),
            DayValue("suunto_oxygen_asleep", day, 98.0),
            DayValue("suunto_sleep_quality", day, 81.0),
        ),
    )


def test_a_nap_is_a_sleep_and_no_night(sample: Sample) -> None:
    parsed = parse_sleep(sample("sleep/nap.json"), "1783250000")

    assert [(one.asleep_s, one.awake_s, one.deep_s) for one in parsed.sleeps] == [(1500.0, None, None)]
    assert parsed.days == ()


def told(parsed: Parsed) -> dict[str, list[tuple[datetime, float]]]:
    """Times and values of all samples by metric."""
    tables = {}
    for table in parsed.samples:
        assert table.device.key == "suunto"
        rows = table.columns.select(["start_ms", "end_ms", "value"]).to_pylist()
        assert all(row["start_ms"] == row["end_ms"] for row in rows)
        tables[table.metric] = [
            (datetime.fromtimestamp(row["start_ms"] / 1000, HELSINKI), row["value"]) for row in rows
        ]
    return tables


def test_parse_recovery_makes_per_cent_and_leaves_out_what_could_not_be_said(sample: Sample) -> None:
    assert told(parse_recovery(sample("recovery/week.json"), "2026-06-29")) == {
        "suunto_resources": [
            (datetime(2026, 7, 5, 5, 30, tzinfo=HELSINKI), 60.0),
            (datetime(2026, 7, 5, 6, 0, tzinfo=HELSINKI), 62.0),
        ]
    }


def test_parse_activity_turns_every_unit_into_ours(sample: Sample) -> None:
    nine, ten = (datetime(2026, 7, 5, 9, minute, tzinfo=HELSINKI) for minute in (0, 10))

    assert told(parse_activity(sample("activity/week.json"), "2026-06-29")) == {
        "heart_rate": [(nine, 71.0), (ten, 90.0)],
        "steps": [(nine, 120.0), (ten, 0.0)],
        "total_energy": [(nine, 10.0)],
        "oxygen_saturation": [(nine, 97.0)],
        "hrv_rmssd": [(nine, 45.0)],
    }


def test_parse_statistics_takes_the_greater_of_two_watches(sample: Sample) -> None:
    assert parse_statistics(sample("statistics/week.json"), "2026-06-29") == Parsed(
        days=(
            DayValue("steps", date(2026, 7, 4), 9000.0),
            DayValue("steps", date(2026, 7, 5), 7000.0),
            DayValue("total_energy", date(2026, 7, 4), 2000.0),
        )
    )


@pytest.mark.parametrize(
    ("parse", "data"),
    [
        (parse_workout, b""),
        (parse_workout, b"{}"),
        (parse_workout, b'{"startTime": 0}'),
        (parse_sleep, b"{}"),
        (parse_sleep, b'{"entryData": {"BedtimeStart": "2026-07-04T23:10:00Z", "BedtimeEnd": "2026-07-04T23:00:00Z"}}'),
        (parse_recovery, b"{}"),
        (parse_activity, b"7"),
        (parse_statistics, b'{"error": 1}'),
        (parse_device_log, b'{"DeviceLog": []}'),
    ],
)
def test_what_is_wrong_is_said(parse: Callable[[bytes, str], Parsed], data: bytes) -> None:
    with pytest.raises(UnexpectedPayload):
        parse(data, "1")


def test_parse_device_log_reads_si_units(sample: Sample) -> None:
    start = datetime(2026, 7, 4, 8, 30, tzinfo=HELSINKI)

    assert parse_device_log(sample("device_log/run.json"), "log") == Parsed(
        (
            ParsedActivity(
                external_id="log",
                sport="running",
                start_time=start,
                provider="suunto",
                provider_type="Running",
                utc_offset_s=10_800,
                elapsed_s=70.0,
                timer_s=60.0,
                distance_m=180.5,
                elevation_gain_m=3.0,
                elevation_loss_m=1.0,
                energy_kcal=10.0,
                avg_heart_rate_bpm=150.0,
                max_heart_rate_bpm=162.0,
                avg_cadence_rpm=168.0,
                device="Suunto Ambit",
                device_kind="watch",
                streams={
                    "latitude": stream([1], [60.1698962]),
                    "longitude": stream([1], [24.9384006]),
                    "heart_rate": stream([1, 2.5], [144.0, 150.0]),
                    "cadence": stream([2.5], [168.0]),
                    "temperature": stream([1], [20.5]),
                },
            ),
        )
    )


def test_the_real_payload_tells_its_manifest_s_figures(shared: Path) -> None:
    name = "provider_json/suunto/sports-lib__multisport.json"
    with (shared / "data/MANIFEST.csv").open(newline="") as file:
        [wanted] = [row for row in csv.DictReader(file) if row["path"] == name]

    [one] = parse_device_log((shared / "data" / name).read_bytes(), "log").activities

    assert one.start_time == datetime.fromisoformat(wanted["start_time"].replace("Z", "+00:00"))
    assert (one.provider_type, one.sport, one.utc_offset_s) == (wanted["sport"], "multisport", 7200)
    assert round(one.timer_s or 0) == int(wanted["timer_s"])
    assert (one.distance_m, one.elevation_gain_m) == (float(wanted["distance_m"]), float(wanted["ascent_m"]))


values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["avg", "HR", "Samples"]), inner),
    max_leaves=6,
)
NAMES = ("startTime", "stopTime", "hrdata", "cadence", "gear", "timeOffsetInMinutes", "tss", "maxSpeed", "activityId")
ENTRY = ("timestamp", "entryData", "Name", "Sources")


@given(
    st.dictionaries(st.sampled_from(NAMES), values),
    st.lists(st.dictionaries(st.sampled_from(ENTRY), values), max_size=3),
)
@settings(max_examples=100)
def test_whatever_stands_in_it_is_survived(workout: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    with suppress(UnexpectedPayload):
        parsed = parse_workout(json.dumps({"startTime": 1783143000000, **workout}).encode(), "1")
        json.dumps([dict(one.extra) for one in parsed.activities], allow_nan=False)
    for parse in (parse_recovery, parse_activity, parse_statistics):
        with suppress(UnexpectedPayload):
            parse(json.dumps(rows).encode(), "1")


def test_every_activity_of_the_sheets_is_known_and_no_other(shared: Path) -> None:
    listed = json.loads((shared / "providers/specs/suunto/sport-map.json").read_bytes())["types"]
    key = next(name for name in listed[0] if "id" in name.lower())

    assert sorted(SPORTS, key=int) == sorted({str(row[key]) for row in listed}, key=int)
    assert "89" not in SPORTS
