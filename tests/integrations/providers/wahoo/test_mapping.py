"""Workouts and power zones of Wahoo's API."""

from __future__ import annotations

import csv
import json
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activities.domain.parsed import DayValue, Parsed, ParsedActivity
from integrations.errors import UnexpectedPayload
from integrations.merging import merged
from integrations.providers.wahoo.mapping import file_url, parse_power_zones, parse_workout
from integrations.providers.wahoo.sports import SPORTS
from tests.integrations.providers.conftest import Sample


def test_parse_workout_reads_decimals_that_are_text(sample: Sample) -> None:
    assert parse_workout(sample("workout/ride_with_power.json"), "410000001") == Parsed(
        (
            ParsedActivity(
                external_id="410000001",
                sport="cycling.road",
                # Not `starts`, which is what was planned or typed in; nor are its `minutes` the length.
                start_time=datetime(2026, 4, 11, 14, 7, 30, tzinfo=UTC),
                provider="wahoo",
                provider_type="15",
                name="After work",
                utc_offset_s=3600,
                elapsed_s=4400.0,
                timer_s=4210.0,
                distance_m=31200.75,
                elevation_gain_m=350.5,
                energy_kcal=820.0,
                avg_heart_rate_bpm=138.0,
                avg_power_w=188.0,
                avg_cadence_rpm=84.0,
                avg_speed_mps=7.41,
                device="Wahoo",
                extra={
                    "time_zone": "Europe/Lisbon",
                    "normalised_power": 203.0,
                    "training_stress_score": 71.2,
                    "work_kj": 791.48,
                    "edited": True,
                },
            ),
        )
    )


def test_parse_workout_knows_nothing_of_what_is_empty(sample: Sample) -> None:
    assert parse_workout(sample("workout/run_without_strap.json"), "410000002") == Parsed(
        (
            ParsedActivity(
                external_id="410000002",
                sport="running.trail",
                start_time=datetime(2026, 4, 12, 6, tzinfo=UTC),
                provider="wahoo",
                provider_type="4",
                name="Trail",
                elapsed_s=1800.0,
                timer_s=1800.0,
                distance_m=5100.0,
                energy_kcal=310.0,
                avg_cadence_rpm=165.0,
                avg_speed_mps=2.83,
                device_kind="app",
                extra={"time_zone": "Nowhere/Land", "manual": True},
            ),
        )
    )


def workout(**summary: Any) -> dict[str, Any]:
    return {
        "id": 1,
        "starts": "2026-04-11T14:00:00.000Z",
        "workout_type_id": 1,
        "workout_summary": {
            "duration_total_accum": "60.00",
            "file": {"url": "https://cdn.wahooligan.com/1.fit"},
            **summary,
        },
    }


@pytest.mark.parametrize(
    ("cadence", "kind", "expected"),
    [("84.00", 1, 168.0), ("168.00", 1, 168.0), ("84.00", 0, 84.0), ("0.00", 1, None), ("", 1, None)],
)
def test_a_cadence_of_one_foot_is_doubled_only_where_it_must_be_one(
    cadence: str, kind: int, expected: float | None
) -> None:
    told = {**workout(cadence_avg=cadence), "workout_type_id": kind}

    assert parse_workout(json.dumps(told).encode(), "1").activities[0].avg_cadence_rpm == expected


@pytest.mark.parametrize(
    "told",
    [
        {**workout(), "workout_summary": None},
        {**workout(), "workout_summary": {}},
        workout(fitness_app_id=1001),
        {**workout(), "fitness_app_id": 2040},
    ],
    ids=["planned", "empty", "another app's summary", "another app's workout"],
)
def test_what_was_not_done_or_is_another_app_s_is_not_told(told: dict[str, Any]) -> None:
    assert parse_workout(json.dumps(told).encode(), "1") == Parsed()
    assert file_url(told) == ""


def test_the_file_is_found_under_either_name() -> None:
    assert file_url(workout()) == "https://cdn.wahooligan.com/1.fit"
    assert file_url(workout(file=None)) == ""
    assert file_url(workout(file={"url": None}, files=[{"url": "https://cdn.wahooligan.com/2.fit"}])) == (
        "https://cdn.wahooligan.com/2.fit"
    )


def test_the_file_s_figures_count_before_the_summary_s(sample: Sample) -> None:
    told = parse_workout(sample("workout/ride_with_power.json"), "1").activities
    file = [
        replace(told[0], provider="", provider_type="cycling/road", name="", distance_m=1.0, extra={}, device="ELEMNT")
    ]

    [joined] = merged([file, told])

    assert (joined.name, joined.distance_m, joined.device, joined.extra["training_stress_score"]) == (
        "After work", 1.0, "ELEMNT", 71.2
    )  # fmt: skip


def test_parse_power_zones_tells_the_threshold_of_the_day_on_which_it_was_set(sample: Sample) -> None:
    zones = {f"zone_{place}": value for place, value in enumerate((110.0, 150.0, 180.0, 210.0, 240.0, 300.0, 400.0), 1)}

    assert parse_power_zones(sample("power_zones/bike.json"), "5501") == Parsed(
        days=(DayValue("cycling_ftp", date(2026, 3, 2), 205.0, zones),)
    )
    assert parse_power_zones(
        b'{"ftp": 300, "workout_type_family_id": 1, "updated_at": "2026-03-02T09:00:00Z"}', "1"
    ) == (Parsed())


@pytest.mark.parametrize("data", [b"", b"[]", b'{"workout_summary": {"id": 1}}'])
def test_parse_workout_says_what_is_wrong(data: bytes) -> None:
    with pytest.raises(UnexpectedPayload):
        parse_workout(data, "1")


@pytest.mark.parametrize("data", [b"", b"[]", b'{"ftp": 1}'])
def test_parse_power_zones_says_what_is_wrong(data: bytes) -> None:
    with pytest.raises(UnexpectedPayload):
        parse_power_zones(data, "1")


values = st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8) | st.lists(st.none(), max_size=2)
NAMES = ("started_at", "duration_total_accum", "time_zone", "file", "files", "manual", "work_accum", "cadence_avg")


@given(st.dictionaries(st.sampled_from(NAMES), values), values)
@settings(max_examples=100)
def test_whatever_stands_in_it_is_survived(summary: dict[str, Any], other: Any) -> None:
    for told in (workout(**summary), {**workout(), "workout_type_id": other, "name": other, "workout_summary": other}):
        with suppress(UnexpectedPayload):
            parsed = parse_workout(json.dumps(told).encode(), "1")
            json.dumps([dict(one.extra) for one in parsed.activities], allow_nan=False)
        file_url(told)


def test_the_real_payload_tells_its_manifest_s_figures(shared: Path) -> None:
    """An event of a document by others: it says neither when nor what it was."""
    name = "provider_json/wahoo/wahoo__wahoo-workout-summary-event-example.json"
    with (shared / "data/MANIFEST.csv").open(newline="") as file:
        [wanted] = [row for row in csv.DictReader(file) if row["path"] == name]
    told = json.loads((shared / "data" / name).read_bytes())
    summary = told["workout_summary"]
    whole = {"id": summary["workout_id"], "starts": "2026-01-01T00:00:00Z", "workout_summary": summary}

    [one] = parse_workout(json.dumps(whole).encode(), "552233").activities

    figures = {
        "elapsed_s": one.elapsed_s, "timer_s": one.timer_s, "distance_m": one.distance_m, "calories": one.energy_kcal,
        "ascent_m": one.elevation_gain_m, "avg_hr": one.avg_heart_rate_bpm, "avg_power": one.avg_power_w,
    }  # fmt: skip
    assert figures == {key: float(wanted[key]) for key in figures}


def test_every_type_of_the_sheets_is_known_and_no_other(shared: Path) -> None:
    listed = json.loads((shared / "providers/specs/wahoo/sport-map.json").read_bytes())["types"]

    assert sorted(SPORTS, key=int) == sorted({str(row["workout_type_id"]) for row in listed}, key=int)
