"""import_files, inspect_file and renormalise: what they print is an interface."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from activities.models import Activity, Reading, SourceActivity
from integrations.models import Import
from tests.integrations.services.exports import (
    DAY,
    differences,
    everything,
    export,
    gpx,
    pulse,
    rings,
    route_of,
    workout,
    zipped,
)
from trainstack.accounts.models import User

START = DAY + timedelta(hours=17)


def said(command: str, *args: Any, **options: Any) -> str:
    out = io.StringIO()
    call_command(command, *args, stdout=out, stderr=io.StringIO(), **options)
    return out.getvalue()


@pytest.fixture
def export_zip(tmp_path: Path) -> Path:
    path = tmp_path / "export.zip"
    xml = export(pulse(START, 120, 130), rings("2026-03-02"), workout(START, route=route_of(START)))
    path.write_bytes(zipped(xml, {route_of(START).lstrip("/"): gpx(START)}))
    return path


@pytest.mark.django_db(transaction=True)
def test_import_files_tells_what_came_of_each_file(user: User, export_zip: Path, tmp_path: Path) -> None:
    missing, letter = tmp_path / "missing.zip", tmp_path / "letter.txt"
    letter.write_text("Dear diary")

    told = json.loads(said("import_files", str(export_zip), str(letter), str(missing), user=user.email, json=True))

    source = SourceActivity.objects.get()
    [problem] = told["items"][1]["problems"]
    assert problem.startswith("letter.txt is not a file that TrainStack reads: ")
    assert told == {
        "files": 1,
        "raw_records": {"created": 6, "known": 0},
        "source_activities": {"created": 1, "updated": 0, "unchanged": 0},
        "activities": {"created": 1, "linked": 0},
        "samples": 3,
        "sleep_sessions": 0,
        "daily_metrics": 4,
        "items": [
            {
                "path": str(export_zip),
                "outcome": "imported",
                "problems": [],
                "source_activities": [
                    {
                        "id": source.pk,
                        "provider": "apple_health",
                        "external_id": source.external_id,
                        "activity": Activity.objects.get().pk,
                    }
                ],
            },
            {"path": str(letter), "outcome": "failed", "problems": [problem], "source_activities": []},
        ],
        "problems": [f"{letter}: {problem}", f"{missing}: there is no such file."],
    }


@pytest.mark.django_db(transaction=True)
def test_import_files_takes_folders_and_patterns_and_passes_over_what_nobody_reads(
    user: User, export_zip: Path
) -> None:
    folder = export_zip.parent
    (folder / "notes.txt").write_text("hello")
    (folder / ".hidden").write_text("hello")

    told = json.loads(said("import_files", str(folder), user=user.email, json=True))
    again = json.loads(said("import_files", f"{folder}/*.zip", user=user.email, provider="apple_health", json=True))

    assert [(Path(item["path"]).name, item["outcome"]) for item in told["items"]] == [
        ("export.zip", "imported"),
        ("notes.txt", "skipped"),
    ]
    assert [item["outcome"] for item in again["items"]] == ["known"]
    assert again["source_activities"] == {"created": 0, "updated": 0, "unchanged": 1}


@pytest.mark.django_db
def test_import_files_needs_a_user_who_is_there(export_zip: Path) -> None:
    with pytest.raises(CommandError, match=r"There is no user nobody@example\.com"):
        said("import_files", str(export_zip), user="nobody@example.com")


def test_inspect_file_tells_every_figure_without_a_database(export_zip: Path, tmp_path: Path) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear diary")

    told = json.loads(said("inspect_file", str(letter), str(export_zip), "/nowhere/at/all.zip", json=True))

    activity = told[1]["activities"][0]
    assert [Path(one["path"]).name for one in told] == ["letter.txt", "export.zip", "all.zip"]
    assert [len(one["problems"]) for one in told] == [1, 0, 1]
    assert {**activity, "external_id": len(activity["external_id"])} == {
        "provider": "apple_health",
        "external_id": 32,
        "sport": "running",
        "provider_type": "HKWorkoutActivityTypeRunning",
        "start_time": "2026-03-02T18:00:00+01:00",
        "utc_offset_s": 3600,
        "elapsed_s": 1800.0,
        "timer_s": 1800.0,
        "moving_s": None,
        "distance_m": 5000.0,
        "elevation_gain_m": None,
        "energy_kcal": None,
        "active_energy_kcal": None,
        "avg_heart_rate_bpm": None,
        "max_heart_rate_bpm": None,
        "avg_power_w": None,
        "max_power_w": None,
        "avg_cadence_rpm": None,
        "device": "",
        "laps": [],
        "streams": {"altitude": 30, "heart_rate": 2, "latitude": 30, "longitude": 30, "speed": 30},
        "parent": None,
    }


@pytest.mark.django_db(transaction=True)
def test_renormalise_reads_the_records_again_under_the_same_ids(user: User, export_zip: Path) -> None:
    said("import_files", str(export_zip), user=user.email)
    before, ids = everything(user), list(SourceActivity.objects.values_list("pk", "activity", "raw"))
    SourceActivity.objects.update(distance_m=1, streams={}, streams_sha256="")
    Activity.objects.update(distance_m=1)
    Reading.objects.update(problem="an old mapping stumbled here")

    told = said("renormalise", user=user.email)

    assert differences(everything(user), before) == []
    assert list(SourceActivity.objects.values_list("pk", "activity", "raw")) == ids
    assert told == f"{user.email}: 0 new, 1 changed, 0 as before.\n"


def figures_of_sessions(shared: Path) -> dict[str, list[dict[str, str]]]:
    rows: dict[str, dict[str, dict[str, str]]] = defaultdict(dict)
    with (shared / "data" / "SESSIONS.csv").open() as file:
        for row in csv.DictReader(file):
            if row["path"].startswith("apple_health/") and not row["path"].endswith(".gpx"):
                rows[row["path"]][row["index"]] = row
    return {path: list(by_index.values()) for path, by_index in rows.items()}


def near(told: float | None, expected: str) -> bool:
    return not expected or (told is not None and abs(told - float(expected)) <= 0.01)


def test_inspect_file_agrees_with_what_is_known_of_real_files(shared: Path) -> None:
    for path, expected in figures_of_sessions(shared).items():
        ((found),) = json.loads(said("inspect_file", str(shared / "data" / path), json=True))
        by_start = {datetime.fromisoformat(one["start_time"]): one for one in found["activities"]}

        assert len(found["activities"]) == len(expected), path
        for row in expected:
            one = by_start[datetime.fromisoformat(row["start_time"])]
            assert one["provider_type"] == f"HKWorkoutActivityType{row['sport']}", path
            energy = one["energy_kcal"] if one["active_energy_kcal"] is None else one["active_energy_kcal"]
            for told, name in (
                (one["elapsed_s"], "elapsed_s"),
                (one["distance_m"], "distance_m"),
                (one["avg_heart_rate_bpm"], "avg_hr"),
                (one["max_heart_rate_bpm"], "max_hr"),
                (one["timer_s"], "timer_s"),
                (energy, "calories"),
            ):
                assert near(told, row[name]), (path, name, told, row[name])


@pytest.mark.django_db(transaction=True)
def test_import_files_reads_every_real_file_and_counts_its_tags(user: User, shared: Path) -> None:
    with (shared / "data" / "MANIFEST.csv").open() as file:
        paths = [row["path"] for row in csv.DictReader(file) if row["path"].startswith("apple_health/")]
    exports = [path for path in paths if not path.endswith(".gpx")]
    assert exports

    for path in exports:
        said("import_files", str(shared / "data" / path), user=user.email)
        report = Import.objects.latest("pk").report
        told = Counter({line["kind"]: line["read"] for line in report["elements"]}) + Counter(report["parts"])

        assert told == tags_in(shared / "data" / path), path
        assert all(it["read"] == it["new"] + it["known"] + it["unreadable"] for it in report["elements"]), path


def tags_in(path: Path) -> Counter[str]:
    """The opening tags of an export, counted without a parser."""
    data = path.read_bytes()
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            found = [archive.read(name) for name in archive.namelist() if name.endswith(".xml")]
            data = next(xml for xml in found if b"<HealthData" in xml)
    body = re.sub(rb"<!--.*?-->", b"", data[data.index(b"<HealthData") :], flags=re.DOTALL)
    return Counter(name.decode() for name in re.findall(rb"<([A-Za-z]+)[\s/>]", body))
