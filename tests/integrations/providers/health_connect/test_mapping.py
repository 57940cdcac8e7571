from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

from activities.domain.parsed import Lap, Parsed, ParsedActivity, Stream
from activities.domain.sleep import ParsedSleep
from integrations.errors import UnexpectedPayload
from integrations.providers.health_connect.mapping import parse_exercise, parse_sleep
from integrations.providers.health_connect.sports import NAMES, PLATFORM, sport_of
from tests.integrations.providers.conftest import Sample

CET = timezone(timedelta(hours=1))


def test_parse_exercise_reads_small_calories_and_places(sample: Sample) -> None:
    start = datetime(2026, 3, 2, 17, 4, tzinfo=CET)
    at_one = np.array([1.0])

    assert parse_exercise(sample("exercise/run_with_laps_and_route.json"), "h1") == Parsed(
        activities=(
            ParsedActivity(
                external_id="h1",
                sport="running",
                start_time=start,
                provider="health_connect",
                provider_type="33",
                name="Evening Run",
                utc_offset_s=3600,
                elapsed_s=2620.0,
                distance_m=7420.5,
                elevation_gain_m=41.5,
                energy_kcal=451.0,
                active_energy_kcal=402.0,
                device="Google Pixel Watch 4",
                device_kind="watch",
                source_name="com.example.run Google Pixel Watch 4",
                laps=(Lap(start, 300.0, distance_m=1000.0),),
                streams={
                    "latitude": Stream(at_one, np.array([48.2])),
                    "longitude": Stream(at_one, np.array([16.37])),
                    "altitude": Stream(at_one, np.array([171.5])),
                },
                extra={"app": "Example Run", "recording_method": "active"},
            ),
        )
    )


def test_parse_exercise_without_a_zone_tells_none(sample: Sample) -> None:
    [session] = parse_exercise(sample("exercise/unknown_type_without_zone.json"), "h2").activities

    assert (session.sport, session.provider_type, session.utc_offset_s) == ("generic", "999", None)
    assert session.start_time == datetime(2026, 3, 2, 16, 4, tzinfo=UTC)


def test_parse_sleep_leaves_gaps_and_cuts_overlaps(sample: Sample) -> None:
    assert parse_sleep(sample("sleep/night_with_gaps_and_overlaps.json"), "h3") == Parsed(
        sleeps=(
            ParsedSleep(
                start_time=datetime(2026, 3, 2, 0, 0, tzinfo=CET),
                end_time=datetime(2026, 3, 2, 2, 0, tzinfo=CET),
                utc_offset_s=3600,
                date=date(2026, 3, 2),
                stages=(
                    (0.0, 1800.0, "light"),
                    (1800.0, 1800.0, "deep"),
                    (4200.0, 600.0, "awake"),
                    (4800.0, 2400.0, "rem"),
                ),
                in_bed_s=7200.0,
                asleep_s=6000.0,
                awake_s=600.0,
                light_s=1800.0,
                deep_s=1800.0,
                rem_s=2400.0,
                efficiency_ratio=0.833333,
                external_id="h3",
            ),
        )
    )


def test_parse_sleep_without_stages_is_time_in_bed() -> None:
    [sleep] = parse_sleep(b'{"session":{"start_time":1772406000000,"end_time":1772413200000}}', "h4").sleeps

    assert (sleep.in_bed_s, sleep.asleep_s, sleep.efficiency_ratio, sleep.stages) == (7200.0, None, None, ())


@pytest.mark.parametrize("parse", [parse_exercise, parse_sleep])
@pytest.mark.parametrize(
    "data", [b"{}", b"[]", b'{"session":{"start_time":5,"end_time":5}}', b'{"session":{"start_time":1e300}}']
)
def test_what_tells_no_span_is_unexpected(parse, data: bytes) -> None:
    with pytest.raises(UnexpectedPayload):
        parse(data, "h")


def test_sports_cover_both_documented_numberings(shared: Path) -> None:
    documented = json.loads((shared / "providers/specs/health_connect/sport-map.json").read_text())["types"]

    assert PLATFORM.keys() == {str(row["platform"]) for row in documented if row["platform"] is not None}
    assert NAMES.keys() == {row["name"] for row in documented}
    assert (sport_of(8), sport_of(4), sport_of(None)) == ("strength", "cycling", "generic")
