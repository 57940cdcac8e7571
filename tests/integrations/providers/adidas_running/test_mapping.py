from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

from activities.domain.parsed import Parsed, ParsedActivity, Problem, Stream
from integrations.errors import UnexpectedPayload
from integrations.providers.adidas_running.mapping import parse_session
from integrations.told import joined
from tests.integrations.providers.conftest import Sample

CEST = timezone(timedelta(hours=2))


def stream(times: list[float], values: list[float]) -> Stream:
    return Stream(np.array(times), np.array(values))


def test_parse_session_reads_kilometres_an_hour_of_old_ones(sample: Sample) -> None:
    assert parse_session(sample("session/old_run_with_points.json"), "a-1") == Parsed(
        activities=(
            ParsedActivity(
                external_id="a-1",
                sport="running.trail",
                start_time=datetime(2018, 9, 1, 11, 21, 54, tzinfo=CEST),
                provider="adidas_running",
                provider_type="82",
                utc_offset_s=7200,
                elapsed_s=3487.0,
                timer_s=3401.0,
                distance_m=9870.0,
                elevation_gain_m=61.0,
                elevation_loss_m=58.0,
                energy_kcal=742.0,
                avg_heart_rate_bpm=151.0,
                max_heart_rate_bpm=172.0,
                avg_cadence_rpm=164.0,
                avg_speed_mps=3.0,
                max_speed_mps=4.0,
                device_kind="app",
                source_name="adidas Running",
                streams={
                    "latitude": stream([1.0], [48.30612]),
                    "longitude": stream([1.0], [14.28601]),
                    "altitude": stream([1.0, 3.0], [262.0, 263.0]),
                    "speed": stream([1.0, 3.0], [2.5, 3.0]),
                    "distance": stream([1.0, 3.0], [3.0, 8.0]),
                    "heart_rate": stream([2.0], [98.0]),
                },
                extra={
                    "pause_duration": 86_000,
                    "temperature": 18.0,
                    "manual": False,
                    "indoor": False,
                    "surface_id": "1",
                },
            ),
        ),
        problems=(Problem("", "Its elevation file cannot be read."),),
    )


def test_parse_session_reads_features_and_the_gpx_beside_them(sample: Sample) -> None:
    [run] = parse_session(sample("session/new_run_with_gpx.json"), "a-2").activities

    assert {name: run.streams[name] for name in ("latitude", "longitude", "altitude", "heart_rate")} == {
        "latitude": stream([10.0, 12.0], [48.1, 48.2]),
        "longitude": stream([10.0, 12.0], [16.1, 16.2]),
        "altitude": stream([10.0, 12.0], [200.0, 201.0]),
        "heart_rate": stream([2.0], [120.0]),
    }
    assert run == ParsedActivity(
        external_id="a-2",
        sport="running",
        start_time=datetime(2024, 5, 1, 8, 12, 33, tzinfo=CEST),
        provider="adidas_running",
        provider_type="1",
        utc_offset_s=7200,
        elapsed_s=1817.0,
        timer_s=1805.0,
        distance_m=5012.0,
        elevation_gain_m=22.0,
        elevation_loss_m=21.0,
        energy_kcal=371.0,
        avg_heart_rate_bpm=149.0,
        max_heart_rate_bpm=171.0,
        avg_cadence_rpm=162.0,
        max_cadence_rpm=176.0,
        avg_speed_mps=2.75,
        max_speed_mps=4.1,
        device="Apple iPhone 13",
        device_kind="phone",
        source_name="adidas Running",
        streams=run.streams,
        extra={
            "pause": 12_000,
            "tracking_method": "tracked",
            "dehydration_volume": 430,
            "subjective_feeling": "good",
            "features": {
                "track_metrics": {
                    "distance": "5012",
                    "average_speed": "2.75",
                    "max_speed": 4.1,
                    "elevation_gain": 22,
                    "elevation_loss": "21",
                    "surface": "road",
                },
                "heart_rate": {"average": 149, "maximum": 171},
                "steps": {"average_step_rate": 162, "maximum_step_rate": 176, "total_steps": 4873},
            },
        },
    )


def test_parse_session_of_an_exercise_without_distance(sample: Sample) -> None:
    [push_ups] = parse_session(sample("session/push_ups_by_hand.json"), "a-3").activities

    assert (push_ups.sport, push_ups.distance_m, push_ups.device_kind, push_ups.utc_offset_s) == (
        "strength",
        None,
        "app",
        None,
    )
    assert push_ups.start_time == datetime(2024, 5, 1, 6, 12, 33, tzinfo=UTC)


@pytest.mark.parametrize("data", [b"{}", b'{"session":{"start_time":"soon"}}', b"[]", b'{"session":'])
def test_parse_session_says_what_is_wrong(data: bytes) -> None:
    with pytest.raises(UnexpectedPayload):
        parse_session(data, "a")


def test_parse_session_says_that_its_gpx_is_broken() -> None:
    data = b'{"session":{"start_time":1714543953000,"features":[]},"gpx":"no xml"}'

    parsed = parse_session(data, "a")

    assert parsed.activities[0].streams == {}
    assert [problem.message.partition(":")[0] for problem in parsed.problems] == ["Its GPX file cannot be read"]


def test_parse_session_reads_a_real_one(shared: Path) -> None:
    folder = shared / "data/provider_json/runtastic"
    parts = {
        name: (folder / f"runtastic-export-converter__{file}.json").read_bytes()
        for name, file in (("session", "SportSession"), ("gps", "GpsData"), ("heart_rate", "HeartRateData"))
    }

    [run] = parse_session(joined(parts), "any").activities

    assert (run.sport, run.elapsed_s, run.timer_s, run.distance_m, run.avg_heart_rate_bpm) == (
        "running",
        2983.0,
        2983.0,
        10_110.0,
        173.0,
    )
    assert abs(run.streams["distance"].values[-1] - 10_110) < 60
    assert abs(run.streams["heart_rate"].values.mean() - 173) < 1
