"""A line of activities.csv, in any of its languages."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activities.domain.parsed import Parsed, ParsedActivity
from integrations.errors import UnexpectedPayload
from integrations.providers.strava.mapping import moment_of, parse_row
from integrations.providers.strava.sports import SPORTS, sport_of
from tests.integrations.providers.conftest import Sample


def test_parse_row_reads_an_english_line_by_its_names(sample: Sample) -> None:
    assert parse_row(sample("row/run_with_description_in_lines.csv"), "15012345678") == Parsed(
        (
            ParsedActivity(
                external_id="15012345678",
                sport="running",
                start_time=datetime(2026, 6, 14, 10, 2, 11, tzinfo=UTC),
                provider="strava",
                provider_type="Run",
                name="Lunch Run",
                elapsed_s=3105.0,
                moving_s=3012.0,
                distance_m=10042.2998046875,
                elevation_gain_m=61.0,
                elevation_loss_m=59.0,
                energy_kcal=712.0,
                avg_heart_rate_bpm=151.7,
                max_heart_rate_bpm=171.0,
                avg_cadence_rpm=172.8,
                max_cadence_rpm=188.0,
                avg_speed_mps=3.234,
                max_speed_mps=4.71,
                extra={
                    "description": "easy,\nno watch",
                    "gear": "Road shoes",
                    "relative_effort": 74.0,
                    "avg_temperature": 21.0,
                    "elevation_low": 34.6,
                    "elevation_high": 88.2,
                },
            ),
        )
    )


def test_parse_row_reads_another_language_by_place(sample: Sample) -> None:
    assert parse_row(sample("row/ride_of_a_german_account.csv"), "15012345999") == Parsed(
        (
            ParsedActivity(
                external_id="15012345999",
                sport="cycling",
                start_time=datetime(2026, 6, 14, 16, 12, 9, tzinfo=UTC),
                provider="strava",
                provider_type="Radfahrt",
                name="Feierabendrunde",
                elapsed_s=7011.0,
                moving_s=6402.0,
                distance_m=38211.4,
                elevation_gain_m=412.6,
                elevation_loss_m=409.1,
                energy_kcal=902.0,
                avg_heart_rate_bpm=139.0,
                max_heart_rate_bpm=165.0,
                avg_power_w=172.5,
                max_power_w=480.0,
                avg_cadence_rpm=78.0,
                max_cadence_rpm=101.0,
                avg_speed_mps=5.97,
                max_speed_mps=15.2,
                extra={"gear": "Blaues Gravel"},
            ),
        )
    )


def test_parse_row_tells_nothing_of_what_was_typed_in_by_hand(sample: Sample) -> None:
    [yoga] = parse_row(sample("row/manual_yoga.csv"), "15012346000").activities

    assert (yoga.sport, yoga.elapsed_s, yoga.distance_m, yoga.avg_heart_rate_bpm, yoga.energy_kcal, yoga.extra) == (
        "yoga",
        1800.0,
        0.0,
        None,
        None,
        {},
    )


@pytest.mark.parametrize(
    "words",
    [
        "Jun 14, 2026, 10:02:11 PM",
        "Jun 14, 2026, 10:02:11\u202fPM",
        "14.06.2026, 22:02:11",
        "14 juin 2026 à 22:02:11",
        "14 jun. 2026, 22:02:11",
        "14 de jun. de 2026 22:02:11",
        "2026-06-14 22:02:11",
        "2026/06/14 22:02:11",
        "14/06/2026, 22:02:11",
        "14 giu 2026, 22:02:11",
        "14.06.2026 klo 22.02.11",
    ],
)
def test_moment_of_reads_dates_of_many_languages(words: str) -> None:
    assert moment_of(words) == datetime(2026, 6, 14, 22, 2, 11, tzinfo=UTC)


@pytest.mark.parametrize("words", ["", "yesterday", "Jun 14, 2026", "31.02.2026, 10:00:00", "25:61:00 2026 June 1"])
def test_moment_of_knows_no_time_where_there_is_none(words: str) -> None:
    assert moment_of(words) is None


@pytest.mark.parametrize(
    ("words", "sport"),
    [
        ("Virtual Ride", "cycling+stationary+virtual"),
        ("E-Bike Ride", "cycling+assisted"),
        ("Course à pied", "running"),
        ("Wanderung", "walking.hiking"),
        ("Weight Training", "strength"),
        ("Something new", None),
    ],
)
def test_sport_of_knows_the_names_of_the_archive(words: str, sport: str | None) -> None:
    assert sport_of(words) == sport


def test_every_sport_type_is_known_by_its_english_words() -> None:
    assert [name for name in SPORTS if sport_of(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)) != SPORTS[name]] == []


@pytest.mark.parametrize("data", [b"", b"a,b\n", b"Activity ID\n1\n", b"Activity ID,Date,Name,Type\n1,never,x,Run\n"])
def test_parse_row_says_what_is_wrong(data: bytes) -> None:
    with pytest.raises(UnexpectedPayload):
        parse_row(data, "1")


@given(st.binary(max_size=300))
@settings(max_examples=100)
def test_parse_row_survives_whatever_stands_in_it(data: bytes) -> None:
    with suppress(UnexpectedPayload):
        parse_row(b"Activity ID,Activity Date,Activity Name,Activity Type\n" + data, "1")
