from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from activities.domain.parsed import Parsed, ParsedActivity, Problem
from integrations.errors import UnexpectedPayload
from integrations.providers.peloton.mapping import parse_workout, zone_offset
from integrations.providers.peloton.sports import SPORTS, sport_of
from tests.integrations.providers.conftest import Sample

EST, PDT = timezone(timedelta(hours=-5)), timezone(timedelta(hours=-7))


def test_parse_workout_reads_the_units_of_the_header(sample: Sample) -> None:
    assert parse_workout(sample("workout/power_zone_ride_in_miles.csv"), "p1") == Parsed(
        activities=(
            ParsedActivity(
                external_id="p1",
                sport="cycling+stationary",
                start_time=datetime(2026, 3, 2, 12, 0, tzinfo=EST),
                provider="peloton",
                provider_type="Cycling",
                name="30 min Power Zone Ride",
                utc_offset_s=-18_000,
                timer_s=1800.0,
                distance_m=16_093.44,
                energy_kcal=402.0,
                avg_heart_rate_bpm=149.0,
                avg_power_w=184.0,
                avg_cadence_rpm=87.0,
                avg_speed_mps=8.9408,
                device="Peloton",
                source_name="Peloton",
                extra={
                    "instructor": "Sample Coach",
                    "class_type": "Power Zone",
                    "live": "On Demand",
                    "class_timestamp": "2026-02-25 01:13 (-05)",
                    "total_work_kj": 331.0,
                    "avg_resistance_percent": 46.0,
                },
            ),
        )
    )


def test_parse_workout_takes_the_speed_of_the_pace(sample: Sample) -> None:
    [run] = parse_workout(sample("workout/tread_run_with_pace.csv"), "p2").activities

    assert (run.sport, run.start_time, run.distance_m, run.avg_speed_mps, run.extra["avg_incline_percent"]) == (
        "running+stationary",
        datetime(2026, 7, 2, 6, 30, tzinfo=PDT),
        4000.0,
        3.333333,
        1.5,
    )


def test_parse_workout_says_that_a_zone_has_several_meanings() -> None:
    parsed = parse_workout(b"Workout Timestamp,Fitness Discipline\n2026-03-02 12:00 (IST),Yoga\n", "p3")

    assert parsed.activities[0].start_time == datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
    assert parsed.activities[0].utc_offset_s is None
    assert parsed.problems == (Problem("", "The time zone 'IST' has several meanings: its clock is taken as UTC."),)


@pytest.mark.parametrize("data", [b"", b"Workout Timestamp,Title\n", b"Workout Timestamp\nyesterday\n", b"\xff\xfe"])
def test_parse_workout_says_what_is_wrong(data: bytes) -> None:
    with pytest.raises(UnexpectedPayload):
        parse_workout(data, "p")


@pytest.mark.parametrize(("told", "expected"), [("PDT", -25_200), ("-06", -21_600), ("+01:00", 3600), ("XYZ", None)])
def test_zone_offset_reads_abbreviations_and_hours(told: str, expected: int | None) -> None:
    assert zone_offset(told) == expected


def test_sports_cover_every_documented_discipline(shared: Path) -> None:
    documented = json.loads((shared / "providers/specs/peloton/sport-map.json").read_text())["values"]

    assert SPORTS.keys() >= {row["slug"] for row in documented}
    assert all(sport_of(row["csv"]) != "generic" for row in documented)


@pytest.mark.parametrize(
    ("discipline", "title", "expected"),
    [
        ("Running", "30 min Outdoor Run", "running"),
        ("Cardio", "10 min Shadowboxing", "boxing"),
        ("Walking", "20 min Power Hike", "walking.hiking"),
        ("Tread Bootcamp", "", "hiit"),
        ("Basket Weaving", "", "generic"),
    ],
)
def test_sport_of_believes_the_title(discipline: str, title: str, expected: str) -> None:
    assert sport_of(discipline, title) == expected
