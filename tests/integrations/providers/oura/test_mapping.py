from __future__ import annotations

import json
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

from activities.domain.parsed import DayValue, Parsed, ParsedActivity, Stream
from activities.domain.reading import DeviceFacts
from activities.domain.sleep import ParsedSleep
from integrations.errors import UnexpectedPayload
from integrations.providers.oura.mapping import (
    parse_daily_activity,
    parse_daily_cardiovascular_age,
    parse_daily_readiness,
    parse_daily_resilience,
    parse_daily_sleep,
    parse_daily_spo2,
    parse_daily_stress,
    parse_heartrate,
    parse_personal_info,
    parse_session,
    parse_sleep,
    parse_vo2_max,
    parse_workout,
)
from integrations.providers.oura.provider import PROVIDER
from integrations.providers.oura.sports import SPORTS, name_of, sport_of
from tests.integrations.providers.conftest import Sample

PDT, CEST = timezone(timedelta(hours=-7)), timezone(timedelta(hours=2))
DAY = date(2026, 4, 11)


def test_parse_workout_reads_camel_case_and_the_offset(sample: Sample) -> None:
    assert parse_workout(sample("workout/ride_in_camel_case.json"), "w-1") == Parsed(
        activities=(
            ParsedActivity(
                external_id="w-1",
                sport="cycling.mountain",
                start_time=datetime(2026, 4, 10, 17, 30, tzinfo=PDT),
                provider="oura",
                provider_type="mountainBiking",
                name="After work",
                utc_offset_s=-25_200,
                elapsed_s=4230.0,
                distance_m=18_250.0,
                energy_kcal=512.5,
                device="Oura Ring",
                device_kind="ring",
                source_name="Oura",
                extra={"intensity": "hard", "source": "confirmed"},
            ),
        )
    )


def test_parse_workout_takes_null_for_not_told(sample: Sample) -> None:
    [workout] = parse_workout(sample("workout/by_hand_without_figures.json"), "w-2").activities

    assert (workout.distance_m, workout.energy_kcal, workout.name, workout.elapsed_s) == (None, None, "", 1800.0)
    assert workout.extra == {"intensity": "easy", "source": "manual"}


def test_parse_session_keeps_the_places_of_gaps_in_its_heart_rate(sample: Sample) -> None:
    assert parse_session(sample("session/breathing_with_a_gap.json"), "s-1") == Parsed(
        activities=(
            ParsedActivity(
                external_id="s-1",
                sport="meditation",
                start_time=datetime(2026, 4, 11, 21, 0, tzinfo=CEST),
                provider="oura",
                provider_type="breathing",
                utc_offset_s=7200,
                elapsed_s=300.0,
                avg_heart_rate_bpm=58.0,
                max_heart_rate_bpm=60.0,
                min_heart_rate_bpm=56.0,
                device="Oura Ring",
                device_kind="ring",
                source_name="Oura",
                streams={"heart_rate": Stream(np.array([15.0, 25.0]), np.array([60.0, 56.0]))},
                extra={"mood": "good"},
            ),
        )
    )


def test_parse_sleep_reads_half_minutes_before_five_minutes(sample: Sample) -> None:
    assert parse_sleep(sample("sleep/long_sleep_in_half_minutes.json"), "n-1") == Parsed(
        sleeps=(
            ParsedSleep(
                start_time=datetime(2026, 4, 10, 23, 50, tzinfo=CEST),
                end_time=datetime(2026, 4, 11, 5, 53, 30, tzinfo=CEST),
                utc_offset_s=7200,
                date=DAY,
                stages=((0.0, 60.0, "awake"), (60.0, 60.0, "light"), (120.0, 60.0, "deep"), (180.0, 30.0, "awake")),
                in_bed_s=21_810.0,
                asleep_s=19_500.0,
                awake_s=2310.0,
                light_s=10_500.0,
                deep_s=4500.0,
                rem_s=4500.0,
                efficiency_ratio=0.89,
                external_id="n-1",
            ),
        ),
        days=(
            DayValue("hrv_rmssd", DAY, 63.0),
            DayValue("resting_heart_rate", DAY, 46.0),
            DayValue("sleeping_heart_rate", DAY, 52.5),
            DayValue("respiratory_rate", DAY, 13.75),
        ),
    )


def test_parse_sleep_of_a_late_nap_counts_for_the_next_day_and_tells_no_figures(sample: Sample) -> None:
    parsed = parse_sleep(sample("sleep/late_nap_in_five_minutes.json"), "n-2")

    [nap] = parsed.sleeps
    assert (nap.date, nap.stages, parsed.days) == (
        date(2026, 4, 12),
        # The last digit reaches beyond the bedtime.
        ((0.0, 300.0, "awake"), (300.0, 720.0, "light")),
        (),
    )


@pytest.mark.parametrize("kind", ["rest", "deleted"])
def test_what_was_rejected_or_deleted_is_no_sleep(sample: Sample, kind: str) -> None:
    told = json.loads(sample("sleep/long_sleep_in_half_minutes.json")) | {"type": kind}

    assert parse_sleep(json.dumps(told).encode(), "n-1") == Parsed()


def test_days_tell_scores_with_what_they_are_made_of(sample: Sample) -> None:
    assert parse_daily_sleep(sample("daily_sleep/scored.json"), "2026-04-11").days == (
        DayValue(
            "oura_sleep_score",
            DAY,
            78.0,
            {"deep_sleep": 80, "efficiency": 91, "latency": 70, "restfulness": 66, "timing": 85, "total_sleep": 74},
        ),
    )
    assert parse_daily_readiness(sample("daily_readiness/warm_night.json"), "2026-04-11").days == (
        DayValue(
            "oura_readiness",
            DAY,
            71.0,
            {
                "activity_balance": 75, "body_temperature": 60, "hrv_balance": 70, "previous_night": 72,
                "recovery_index": 88, "resting_heart_rate": 64, "sleep_balance": 81,
            },
        ),
        DayValue("skin_temperature_deviation", DAY, 0.35, {"temperature_trend_deviation": 0.1}),
    )  # fmt: skip


def test_parse_daily_activity_takes_no_equivalent_for_a_distance(sample: Sample) -> None:
    assert parse_daily_activity(sample("daily_activity/moving_day.json"), "2026-04-11").days == (
        DayValue(
            "oura_activity_score",
            DAY,
            88.0,
            {
                "meet_daily_targets": 90, "move_every_hour": 100, "recovery_time": 80, "stay_active": 75,
                "training_frequency": 96, "training_volume": 99,
            },
        ),
        DayValue("steps", DAY, 12_345.0),
        DayValue("active_energy", DAY, 540.0),
        DayValue("basal_energy", DAY, 1910.0),
        DayValue("total_energy", DAY, 2450.0),
        DayValue("active_time", DAY, 225.5),
        DayValue("vigorous_activity_time", DAY, 15.0),
        DayValue("moderate_activity_time", DAY, 60.5),
        DayValue("light_activity_time", DAY, 150.0),
        DayValue("sedentary_time", DAY, 450.0),
    )  # fmt: skip


def test_further_days_are_told_on_their_own_scales(sample: Sample) -> None:
    assert parse_daily_spo2(sample("daily_spo2/night.json"), "").days == (
        DayValue("oxygen_saturation", DAY, 96.75, {"breathing_disturbance_index": 4.0}),
    )
    assert parse_daily_stress(sample("daily_stress/normal_day.json"), "").days == (
        DayValue("oura_stress_high", DAY, 60.0, {"day_summary": "normal"}),
        DayValue("oura_recovery_high", DAY, 75.0),
    )
    assert parse_daily_resilience(sample("daily_resilience/solid.json"), "").days == (
        DayValue(
            "oura_resilience",
            DAY,
            3.0,
            {"level": "solid", "sleep_recovery": 71.5, "daytime_recovery": 40.0, "stress": 55.0},
        ),
    )
    assert parse_daily_cardiovascular_age(sample("daily_cardiovascular_age/younger.json"), "").days == (
        DayValue("oura_vascular_age", DAY, 34.0),
        DayValue("pulse_wave_velocity", DAY, 6.4),
    )
    assert parse_vo2_max(sample("vo2_max/estimate.json"), "").days == (DayValue("vo2max", DAY, 47.0),)


@pytest.mark.parametrize(
    "parse", [parse_daily_sleep, parse_daily_readiness, parse_daily_spo2, parse_daily_stress, parse_daily_resilience]
)
def test_a_day_without_a_score_is_not_told_as_nought(parse) -> None:
    data = {"day": "2026-04-11", "score": None, "temperature_deviation": None, "spo2_percentage": None, "level": None}

    assert parse(json.dumps(data).encode(), "2026-04-11") == Parsed()


def test_parse_heartrate_makes_samples_of_a_day(sample: Sample) -> None:
    parsed = parse_heartrate(sample("heartrate/a_few_minutes.json"), "2026-04-11")

    [table] = parsed.samples
    assert (table.metric, table.device) == ("heart_rate", DeviceFacts("Oura Ring", "Oura Ring", "ring", "Oura"))
    assert table.columns.select(["start_ms", "end_ms", "value", "unit"]).to_pydict() == {
        "start_ms": [1_775_865_605_000, 1_775_865_905_500],
        "end_ms": [1_775_865_605_000, 1_775_865_905_500],
        "value": [61.0, 58.0],
        "unit": ["bpm", "bpm"],
    }
    assert parse_heartrate(b"[]", "2026-04-11") == Parsed()


def test_parse_personal_info_stands_on_the_day_on_which_it_was_first_seen(sample: Sample) -> None:
    assert parse_personal_info(sample("personal_info/profile.json"), "2026-04-11").days == (
        DayValue("weight", DAY, 71.5),
        DayValue("height", DAY, 1.78),
    )


@pytest.mark.parametrize(
    ("parse", "data"),
    [
        (parse_workout, b'{"start_datetime":"soon"}'),
        (parse_session, b"[]"),
        (parse_sleep, b'{"type":"long_sleep"}'),
        (parse_sleep, b'{"bedtime_start":"2026-04-11T05:00:00Z","bedtime_end":"2026-04-11T05:00:00Z"}'),
        (parse_daily_activity, b'{"day":"?"}'),
        (parse_vo2_max, b"{}"),
        (parse_heartrate, b"{}"),
        (parse_personal_info, b"{}"),
    ],
)
def test_what_tells_nothing_is_unexpected(parse, data: bytes) -> None:
    with pytest.raises(UnexpectedPayload):
        parse(data, "any")


def test_placeholder_of_the_documentation_is_refused_and_not_read_as_a_workout(shared: Path) -> None:
    data = (shared / "data/provider_json/oura/oura__oura-publicworkout-example.json").read_bytes()

    with pytest.raises(UnexpectedPayload):
        parse_workout(data, "string")


def test_sports_cover_every_known_activity(shared: Path) -> None:
    known = json.loads((shared / "providers/specs/oura/sport-map.json").read_text())["types"]

    assert {name_of(row["activity"]) for row in known} == SPORTS.keys()
    assert PROVIDER.sports.keys() >= SPORTS.keys()


@pytest.mark.parametrize(
    ("told", "sport"),
    [
        ("houseWork", "generic"),
        ("strengthTraining", "strength"),
        ("HIIT", "hiit"),
        ("Trail Running", "running.trail"),
        ("cross_country_skiing", "xc_skiing"),
        ("juggling", "generic"),
        ("", "generic"),
    ],
)
def test_sport_is_found_in_any_spelling(told: str, sport: str) -> None:
    assert sport_of(told) == sport
