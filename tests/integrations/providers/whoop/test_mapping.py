from __future__ import annotations

import csv
import json
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import pytest

from activities.domain.parsed import DayValue, Parsed, ParsedActivity
from activities.domain.sleep import ParsedSleep
from integrations.errors import UnexpectedPayload
from integrations.providers.whoop.mapping import (
    parse_body,
    parse_cycle,
    parse_recovery,
    parse_sleep,
    parse_workout,
)
from integrations.providers.whoop.sports import IDS, SPORTS, slug_of, sport_of
from tests.integrations.providers.conftest import Sample

TOKYO, UTC_ = timezone(timedelta(hours=9)), timezone(timedelta())
NEEDED = {
    "baseline_milli": 27_600_000,
    "need_from_sleep_debt_milli": 600_000,
    "need_from_recent_strain_milli": 300_000,
    "need_from_recent_nap_milli": -900_000,
}


def test_parse_workout_reads_figures_zones_and_strain(sample: Sample) -> None:
    assert parse_workout(sample("workout/strength_with_an_underscore.json"), "one") == Parsed(
        activities=(
            ParsedActivity(
                external_id="one",
                sport="strength",
                start_time=datetime(2026, 4, 10, 7, 30, tzinfo=TOKYO),
                provider="whoop",
                provider_type="weightlifting_msk",
                utc_offset_s=32_400,
                elapsed_s=2700.5,
                energy_kcal=200.0,
                avg_heart_rate_bpm=112.0,
                max_heart_rate_bpm=158.0,
                device="WHOOP",
                device_kind="band",
                source_name="WHOOP",
                extra={
                    "score_state": "SCORED",
                    "strain": 9.5,
                    "percent_recorded": 97.0,
                    "zone_durations": {
                        "zone_zero_milli": 60_000,
                        "zone_one_milli": 900_000,
                        "zone_two_milli": 1_200_000,
                        "zone_three_milli": 540_500,
                        "zone_four_milli": 0,
                        "zone_five_milli": 0,
                    },
                },
            ),
        )
    )


def test_parse_workout_without_a_score_is_known_by_its_sport_and_times(sample: Sample) -> None:
    assert parse_workout(sample("workout/run_that_waits_for_its_score.json"), "two") == Parsed(
        activities=(
            ParsedActivity(
                external_id="two",
                sport="running",
                start_time=datetime(2026, 4, 11, 5, 0, tzinfo=UTC_),
                provider="whoop",
                provider_type="running",
                utc_offset_s=0,
                elapsed_s=2400.0,
                device="WHOOP",
                device_kind="band",
                source_name="WHOOP",
                extra={"score_state": "PENDING_SCORE"},
            ),
        )
    )


@pytest.mark.parametrize(("told", "percent"), [(1, 100.0), (0.5, 50.0), (98, 98.0), (0, 0.0)])
def test_parse_workout_reads_the_recorded_part_as_a_share_or_as_per_cent(told: float, percent: float) -> None:
    data = {"start": "2026-04-11T05:00:00Z", "score_state": "SCORED", "score": {"percent_recorded": told}}

    [workout] = parse_workout(json.dumps(data).encode(), "1").activities

    assert workout.extra["percent_recorded"] == percent


def test_parse_sleep_reads_totals_and_the_figures_of_the_day_of_waking_up(sample: Sample) -> None:
    day = date(2026, 4, 10)

    assert parse_sleep(sample("sleep/night_in_tokyo.json"), "night") == Parsed(
        sleeps=(
            ParsedSleep(
                start_time=datetime(2026, 4, 9, 22, 30, tzinfo=TOKYO),
                end_time=datetime(2026, 4, 10, 6, 0, tzinfo=TOKYO),
                utc_offset_s=32_400,
                date=day,
                stages=(),
                in_bed_s=27_000.0,
                asleep_s=25_140.0,
                awake_s=1800.0,
                light_s=14_000.5,
                deep_s=5400.0,
                rem_s=5739.5,
                efficiency_ratio=0.931,
                external_id="night",
                score=91.0,
            ),
        ),
        days=(
            DayValue("whoop_sleep_performance", day, 91.0, NEEDED),
            DayValue("whoop_sleep_consistency", day, 82.0),
            DayValue("respiratory_rate", day, 14.75),
        ),
    )


def test_parse_sleep_of_a_nap_tells_nothing_of_the_day(sample: Sample) -> None:
    assert parse_sleep(sample("sleep/nap.json"), "nap") == Parsed(
        sleeps=(
            ParsedSleep(
                start_time=datetime(2026, 4, 10, 13, 0, tzinfo=TOKYO),
                end_time=datetime(2026, 4, 10, 13, 30, tzinfo=TOKYO),
                utc_offset_s=32_400,
                date=date(2026, 4, 10),
                stages=(),
                in_bed_s=1800.0,
                asleep_s=1500.0,
                awake_s=300.0,
                light_s=1500.0,
                deep_s=0.0,
                rem_s=0.0,
                efficiency_ratio=0.833,
                external_id="nap",
            ),
        )
    )


@pytest.mark.parametrize("state", ["PENDING_SCORE", "UNSCORABLE"])
def test_what_is_not_scored_makes_no_night_and_no_day(state: str) -> None:
    span = {"start": "2026-04-09T13:30:00Z", "end": "2026-04-09T21:00:00Z", "timezone_offset": "+09:00"}
    data = json.dumps({**span, "score_state": state, "nap": False}).encode()

    assert parse_sleep(data, "1") == Parsed()
    assert parse_cycle(data, "1") == Parsed()
    assert parse_recovery(data, "2026-04-10 1") == Parsed()


def test_parse_recovery_stands_on_the_day_under_which_it_is_filed(sample: Sample) -> None:
    day, calibrating = date(2026, 4, 10), {"user_calibrating": True}

    assert parse_recovery(sample("recovery/while_calibrating.json"), "2026-04-10 7700001") == Parsed(
        days=(
            DayValue("whoop_recovery", day, 58.0, calibrating),
            DayValue("resting_heart_rate", day, 49.0, calibrating),
            DayValue("hrv_rmssd", day, 71.25, calibrating),
            DayValue("oxygen_saturation", day, 95.5),
            DayValue("skin_temperature", day, 33.4),
        )
    )


def test_parse_cycle_stands_on_the_day_on_which_it_wakes_up(sample: Sample) -> None:
    day = date(2026, 4, 10)

    assert parse_cycle(sample("cycle/still_open.json"), "7700001") == Parsed(
        days=(
            DayValue("whoop_strain", day, 12.25, {"average_heart_rate": 66.0, "max_heart_rate": 171.0}),
            DayValue("total_energy", day, 2000.0),
        )
    )


def test_parse_body_stands_on_the_day_on_which_it_was_first_seen(sample: Sample) -> None:
    day = date(2026, 4, 12)

    assert parse_body(sample("body/as_it_stands.json"), "2026-04-12") == Parsed(
        days=(DayValue("weight", day, 68.4), DayValue("height", day, 1.74), DayValue("max_heart_rate", day, 188.0))
    )


@pytest.mark.parametrize(
    ("parse", "data", "external_id"),
    [
        (parse_workout, b'{"start":"soon"}', "1"),
        (parse_workout, b"[]", "1"),
        (parse_sleep, b'{"start":"2026-04-09T13:30:00Z"}', "1"),
        (parse_sleep, b'{"start":"2026-04-09T13:30:00Z","end":"2026-04-09T13:30:00Z"}', "1"),
        (parse_recovery, b'{"score_state":"SCORED"}', "7700001"),
        (parse_cycle, b"{}", "1"),
        (parse_body, b"{}", "body"),
        (parse_body, b"{", "2026-04-12"),
    ],
)
def test_what_tells_nothing_is_unexpected(parse, data: bytes, external_id: str) -> None:
    with pytest.raises(UnexpectedPayload):
        parse(data, external_id)


def manifest_row(shared: Path, path: str) -> dict[str, str]:
    with (shared / "data/MANIFEST.csv").open() as file:
        return next(row for row in csv.DictReader(file) if row["path"] == path)


def test_documented_workout_has_the_figures_of_the_manifest(shared: Path) -> None:
    path = "provider_json/whoop/whoop__whoop-workout-example.json"
    row = manifest_row(shared, path)
    [record] = json.loads((shared / "data" / path).read_text())["response"]["records"]

    [workout] = parse_workout(json.dumps(record).encode(), str(record["id"])).activities

    assert workout.start_time == datetime.fromisoformat(row["start_time"].replace("Z", "+00:00"))
    assert (workout.external_id, workout.sport, workout.provider_type) == ("1043", "cycling", row["sport"])
    assert (workout.elapsed_s, workout.avg_heart_rate_bpm, workout.max_heart_rate_bpm) == (
        float(row["elapsed_s"]),
        float(row["avg_hr"]),
        float(row["max_hr"]),
    )
    assert (round(workout.distance_m or 0, 2), round(workout.elevation_gain_m or 0, 2)) == (
        float(row["distance_m"]),
        float(row["ascent_m"]),
    )
    assert round(workout.energy_kcal or 0, 2) == float(row["calories"])


def test_documented_sleep_is_read_whole(shared: Path) -> None:
    path = shared / "data/provider_json/whoop/whoop__whoop-sleep-example.json"
    [record] = json.loads(path.read_text())["response"]["records"]

    [sleep] = parse_sleep(json.dumps(record).encode(), str(record["id"])).sleeps

    lima = timezone(timedelta(hours=-5))
    assert sleep == ParsedSleep(
        start_time=datetime(2022, 4, 23, 20, 0, tzinfo=lima),
        end_time=datetime(2022, 4, 24, 3, 0, tzinfo=lima),
        utc_offset_s=-18_000,
        date=date(2022, 4, 24),
        stages=(),
        in_bed_s=25_200.0,
        asleep_s=16_200.0,
        awake_s=1500.0,
        light_s=7200.0,
        deep_s=3600.0,
        rem_s=5400.0,
        efficiency_ratio=0.9169533,
        external_id="10235",
        score=98.0,
    )


def test_sports_cover_every_documented_name_and_number(shared: Path) -> None:
    documented = json.loads((shared / "providers/specs/whoop/sport-map.json").read_text())["types"]

    assert {row["sport_id"]: slug_of(row["slug_guess"]) for row in documented} == IDS
    assert {slug_of(row["slug_guess"]) for row in documented} <= SPORTS.keys()
    assert [row for row in documented if slug_of(row["name"]) not in SPORTS] == []


@pytest.mark.parametrize(
    ("name", "number", "sport"),
    [
        ("Hiking/Rucking", None, "walking.hiking"),
        ("high_intensity_interval_training", None, "hiit"),
        ("", 0.0, "running"),
        ("never-heard-of", 1.0, "cycling"),
        ("never-heard-of", 9999.0, "generic"),
        ("sauna", None, "recovery"),
    ],
)
def test_sport_is_found_by_its_name_then_by_its_number(name: str, number: float | None, sport: str) -> None:
    assert sport_of(name, number) == sport
