"""The JSON of Garmin's account export."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from activities.domain.parsed import DayValue, Parsed, ParsedActivity
from activities.domain.sleep import ParsedSleep
from integrations.errors import UnexpectedPayload
from integrations.providers.garmin import mapping
from integrations.providers.garmin.provider import PROVIDER
from integrations.providers.garmin.sports import sport_of
from tests.integrations.providers.conftest import Sample

CEST = timezone(timedelta(hours=2))
DAY = date(2026, 6, 14)


def test_parse_summary_turns_its_units_into_ours(sample: Sample) -> None:
    assert mapping.parse_summary(sample("summary/trail_run.json"), "19876543210") == Parsed(
        (
            ParsedActivity(
                external_id="19876543210",
                sport="running.trail",
                start_time=datetime(2026, 5, 11, 7, 30, tzinfo=CEST),
                provider="garmin",
                provider_type="trail_running",
                name="Kahlenberg Trail",
                utc_offset_s=7200,
                elapsed_s=3105.0,
                timer_s=3012.4,
                moving_s=2990.0,
                distance_m=10042.3,
                elevation_gain_m=61.0,
                elevation_loss_m=59.0,
                energy_kcal=712.0,
                avg_heart_rate_bpm=152.0,
                max_heart_rate_bpm=171.0,
                min_heart_rate_bpm=88.0,
                avg_cadence_rpm=172.8,
                max_cadence_rpm=188.0,
                avg_speed_mps=3.334,
                max_speed_mps=4.71,
                extra={
                    "timeZoneId": 124,
                    "eventTypeId": 9,
                    "steps": 8674.0,
                    "vO2MaxValue": 51.0,
                    "lapCount": 11,
                    "parent": False,
                },
            ),
        )
    )


def test_parse_summary_tells_nothing_of_what_was_not_measured(sample: Sample) -> None:
    [one] = mapping.parse_summary(sample("summary/strength_without_pulse.json"), "1").activities

    assert (one.sport, one.utc_offset_s, one.avg_heart_rate_bpm, one.energy_kcal, one.distance_m) == (
        "strength",
        None,
        None,
        None,
        None,
    )


def test_parse_sleep_reads_totals_score_and_what_was_measured_asleep(sample: Sample) -> None:
    assert mapping.parse_sleep(sample("sleep/night_with_score.json"), "2026-06-14") == Parsed(
        sleeps=(
            ParsedSleep(
                start_time=datetime(2026, 6, 13, 21, 15, tzinfo=UTC),
                end_time=datetime(2026, 6, 14, 5, tzinfo=UTC),
                utc_offset_s=0,
                date=DAY,
                stages=(),
                in_bed_s=27_900.0,
                asleep_s=26_820.0,
                awake_s=900.0,
                light_s=15_300.0,
                deep_s=5400.0,
                rem_s=6120.0,
                efficiency_ratio=26_820 / 27_900,
                external_id="2026-06-14",
                score=82.0,
            ),
        ),
        days=(DayValue("respiratory_rate", DAY, 14.0), DayValue("oxygen_saturation", DAY, 95.0)),
    )


def test_parse_daily_reads_totals_with_their_goals(sample: Sample) -> None:
    assert mapping.parse_daily(sample("daily/day_with_goal.json"), "2026-06-14") == Parsed(
        days=(
            DayValue("steps", DAY, 14210.0, {"goal": 9000.0}),
            DayValue("distance_walking_running", DAY, 10877.0),
            DayValue("elevation_gained", DAY, 33.5),
            DayValue("total_energy", DAY, 2950.0),
            DayValue("active_energy", DAY, 1020.0),
            DayValue("basal_energy", DAY, 1930.0),
            DayValue("moderate_activity_time", DAY, 12.0),
            DayValue("vigorous_activity_time", DAY, 48.0),
            DayValue("resting_heart_rate", DAY, 47.0),
            DayValue("garmin_stress", DAY, 28.0, {"max": 93.0}),
            DayValue("garmin_body_battery", DAY, 96.0, {"min": 21.0}),
        )
    )


def test_what_was_not_measured_is_no_figure_of_a_day() -> None:
    told = mapping.parse_daily(b'{"calendarDate": "2026-06-14", "totalSteps": 0, "restingHeartRate": 0}', "x")

    assert told.days == (DayValue("steps", DAY, 0.0),)


def test_parse_health_weight_and_max_met(sample: Sample) -> None:
    assert mapping.parse_health(sample("health/night_of_hrv.json"), "x").days == (
        DayValue("hrv_rmssd", DAY, 62.0),
        DayValue("sleeping_heart_rate", DAY, 49.0),
        DayValue("respiratory_rate", DAY, 13.6),
    )
    assert mapping.parse_weight(sample("weight/weighing.json"), "x").days == (
        DayValue("weight", DAY, 70.25),
        DayValue("body_fat", DAY, 14.5),
    )
    assert mapping.parse_max_met(sample("max_met/running.json"), "x").days == (DayValue("vo2max", DAY, 51.0),)


@pytest.mark.parametrize("kind", ["summary", "sleep", "daily", "health", "weight", "max_met"])
@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"calendarDate": "soon"}', b"\xff\xfe"])
def test_every_kind_says_what_is_wrong(kind: str, data: bytes) -> None:
    with pytest.raises(UnexpectedPayload):
        PROVIDER.parse[kind](data, "x")


@pytest.mark.parametrize(
    ("word", "sport"), [("TENNIS_V2", "tennis"), ("skate_skiing_ws", "xc_skiing"), (" lap_swimming ", "swimming.pool")]
)
def test_sport_of_reads_every_spelling(word: str, sport: str) -> None:
    assert sport_of(word) == sport
