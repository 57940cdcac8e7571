from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from activities.domain.parsed import DayValue, Parsed, ParsedActivity, Problem
from integrations.errors import UnexpectedPayload
from integrations.providers.trainingpeaks.mapping import Facts, are_one, parse_metrics, parse_row
from integrations.providers.trainingpeaks.sports import NUMBERS, SPORTS
from tests.integrations.providers.conftest import Sample

MARCH_3 = date(2026, 3, 3)


def test_parse_row_reads_what_was_done(sample: Sample) -> None:
    assert parse_row(sample("row/sweet_spot_ride.csv"), "row-1") == Parsed(
        activities=(
            ParsedActivity(
                external_id="row-1",
                sport="cycling",
                start_time=datetime(2026, 3, 3, 12, 0, tzinfo=UTC),
                day_only=True,
                provider="trainingpeaks",
                provider_type="Bike",
                name="Sweet spot 3x12",
                timer_s=3780.0,
                distance_m=33_850.0,
                avg_heart_rate_bpm=149.0,
                max_heart_rate_bpm=172.0,
                avg_power_w=199.0,
                max_power_w=540.0,
                avg_cadence_rpm=88.0,
                max_cadence_rpm=118.0,
                avg_speed_mps=9.09,
                max_speed_mps=15.2,
                source_name="TrainingPeaks",
                extra={
                    "WorkoutDescription": "3 x 12 min\nwith rests",
                    "PlannedDuration": 1.0,
                    "Energy": 742.0,
                    "AthleteComments": "felt ok",
                    "TorqueAverage": 21.5,
                    "TorqueMax": 60.1,
                    "IF": 0.83,
                    "TSS": 71.3,
                    "HRZone1Minutes": 12.0,
                    "Rpe": 6.0,
                    "Feeling": 3.0,
                },
            ),
        )
    )


def test_parse_row_doubles_the_steps_of_one_foot(sample: Sample) -> None:
    [run] = parse_row(sample("row/run_with_decimal_comma.csv"), "f2").activities

    assert (run.sport, run.distance_m, run.timer_s, run.avg_cadence_rpm) == ("running", 8000.5, 2700.0, 168.0)
    assert run.extra == {}


@pytest.mark.parametrize(
    "data",
    [
        b"WorkoutDay,TimeTotalInHours\n",
        b"WorkoutDay,TimeTotalInHours\nsoon,1\n",
        b"WorkoutDay,TimeTotalInHours\n2026-03-03,\n",
        b"WorkoutDay,TimeTotalInHours,WorkoutType\n2026-03-03,1,Day Off\n",
    ],
)
def test_parse_row_takes_no_plan_for_a_workout(data: bytes) -> None:
    with pytest.raises(UnexpectedPayload):
        parse_row(data, "r")


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        (Facts(MARCH_3, "cycling", 3600.0, 30_000.0), True),
        (Facts(MARCH_3, "cycling.mountain", 3672.0, None), True),
        (Facts(MARCH_3, "generic", 3600.0, None), True),
        (Facts(date(2026, 3, 4), "cycling", 3600.0, 30_000.0), True),
        (Facts(date(2026, 3, 5), "cycling", 3600.0, 30_000.0), False),
        (Facts(MARCH_3, "running", 3600.0, 30_000.0), False),
        (Facts(MARCH_3, "cycling", 3700.0, 30_000.0), False),
        (Facts(MARCH_3, "cycling", 3600.0, 29_000.0), False),
        (Facts(MARCH_3, "cycling", None, None), False),
    ],
)
def test_are_one_wants_day_sport_time_and_distance(file: Facts, expected: bool) -> None:
    assert are_one(Facts(MARCH_3, "cycling", 3600.0, 30_000.0), file) is expected


def test_sports_cover_every_documented_type(shared: Path) -> None:
    documented = json.loads((shared / "providers/specs/trainingpeaks/sport-map.json").read_text())["values"]

    assert SPORTS.keys() == {row["name"] for row in documented}
    assert {row["id"]: row["name"] for row in documented} == NUMBERS


def test_parse_metrics_takes_the_last_of_a_day_and_the_average_of_a_span(sample: Sample) -> None:
    assert parse_metrics(sample("metrics/weights_and_pulses.csv"), "m1") == Parsed(
        days=(
            DayValue("resting_heart_rate", date(2026, 3, 2), 52.0),
            DayValue("weight", date(2026, 3, 2), 70.1),
            DayValue("weight", date(2026, 3, 3), 68.0388555),
        ),
        problems=(Problem("", "A row has no date that can be read.", 1),),
    )
