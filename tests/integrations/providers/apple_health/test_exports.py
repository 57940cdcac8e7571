"""Real exports, read through the reader and the mapping, against the figures that were measured of them."""

from __future__ import annotations

import csv
from datetime import UTC
from pathlib import Path

import pytest

from activities.domain.parsed import ParsedActivity
from activities.formats.container import open_file
from integrations.registry import PROVIDERS, reader_of
from tests.conftest import SHARED


def sessions() -> dict[str, list[dict[str, str]]]:
    """The measured workouts of each export, in the order of the file."""
    if not SHARED.is_dir():
        return {}
    files: dict[str, list[dict[str, str]]] = {}
    with (SHARED / "data/SESSIONS.csv").open() as table:
        for row in csv.DictReader(table):
            if row["path"].startswith("apple_health/") and not row["path"].endswith(".gpx"):
                files.setdefault(row["path"], []).append(row)
    return {path: sorted(rows, key=lambda row: int(row["index"])) for path, rows in files.items()}


SESSIONS = sessions()


def read(path: Path) -> list[ParsedActivity]:
    """Every workout of an export."""
    with open_file(path) as container:
        found = reader_of(container)
        assert found is not None
        provider, reader = found
        assert provider is PROVIDERS["apple_health"]
        return [
            activity
            for batch in reader.read(container)
            for payload in batch.payloads
            if payload.kind == "workout"
            for activity in provider.parse["workout"](payload.data, payload.external_id).activities
        ]


def figure(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def told(text: str) -> float | None:
    return float(text) if text else None


@pytest.mark.parametrize("path", SESSIONS or ["none"])
def test_export_gives_the_measured_figures(shared: Path, path: str) -> None:
    expected = [
        {
            "start": row["start_time"],
            "type": f"HKWorkoutActivityType{row['sport']}",
            "elapsed_s": told(row["elapsed_s"]),
            "timer_s": told(row["timer_s"]),
            "distance_m": told(row["distance_m"]),
            "active_energy_kcal": told(row["calories"]),
            "avg_heart_rate_bpm": told(row["avg_hr"]),
            "max_heart_rate_bpm": told(row["max_hr"]),
        }
        for row in SESSIONS[path]
    ]

    workouts = [
        {
            "start": workout.start_time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "type": workout.provider_type,
            "elapsed_s": figure(workout.elapsed_s),
            "timer_s": figure(workout.timer_s),
            "distance_m": figure(workout.distance_m),
            "active_energy_kcal": figure(workout.active_energy_kcal),
            "avg_heart_rate_bpm": figure(workout.avg_heart_rate_bpm),
            "max_heart_rate_bpm": figure(workout.max_heart_rate_bpm),
        }
        for workout in read(shared / "data" / path)
    ]

    assert workouts == expected


def test_export_and_its_zip_tell_the_same_workouts(shared: Path) -> None:
    folder = shared / "data/apple_health/health-data-parser"

    assert read(folder / "export.zip") == read(folder / "export.xml")


def test_export_gives_its_workouts_the_identity_of_their_raw_records(shared: Path) -> None:
    with open_file(shared / "data/apple_health/health-data-parser/export.zip") as container:
        provider, reader = reader_of(container)  # type: ignore[misc]
        payloads = [payload for batch in reader.read(container) for payload in batch.payloads]

    workouts = {payload.external_id: payload.data for payload in payloads if payload.kind == "workout"}
    routes = {payload.external_id for payload in payloads if payload.kind == "route"}
    parsed = [provider.parse["workout"](data, "").activities[0] for data in workouts.values()]
    assert [each.external_id for each in parsed] == list(workouts)
    assert {route for each in parsed for route in each.extra.get("routes", ())} == routes
    assert len(routes) == 4
