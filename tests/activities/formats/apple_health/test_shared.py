"""Real exports, and a generated one with its truth."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from activities.formats.apple_health import export_facts, is_export, parse_element, read_export, route_id
from activities.formats.container import open_file
from activities.formats.gpx import parse_gpx
from tests.activities.formats.apple_health.exports import UNITS, Reading, plain_count, read

UNREADABLE = "unreadable:"


@pytest.fixture(scope="module")
def exports(shared: Path) -> list[Path]:
    return sorted(path for path in (shared / "data" / "apple_health").rglob("*") if path.suffix in (".xml", ".zip"))


@pytest.fixture(scope="module")
def manifest(shared: Path) -> dict[str, dict[str, str]]:
    with (shared / "data" / "MANIFEST.csv").open(newline="") as file:
        return {row["path"]: row for row in csv.DictReader(file)}


def _xml(path: Path) -> bytes:
    if path.suffix == ".xml":
        return path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        [name] = [name for name in archive.namelist() if name.endswith("export.xml") and "__MACOSX" not in name]
        return archive.read(name)


def _read(path: Path, **options: bool) -> Reading:
    return read(path, path.name, **options)


def test_every_tag_is_counted_and_every_element_kept(
    shared: Path, exports: list[Path], manifest: dict[str, dict[str, str]]
) -> None:
    assert len(exports) > 10
    for path in exports:
        reading = _read(path)

        told = Counter({tag: n for tag, n in reading.counts.items() if not tag.startswith(UNREADABLE)})
        unreadable = sum(n for tag, n in reading.counts.items() if tag.startswith(UNREADABLE))
        assert told == plain_count(_xml(path)), path
        elements = [name for kind, name, _ in reading.payloads if kind in ("element", "workout")]
        top_level = reading.rows + len(elements)
        assert top_level == sum(told[tag] for tag in (
            "HealthData", "ExportDate", "Me", "Record", "Correlation", "Workout", "ActivitySummary"
        )), path  # fmt: skip
        assert unreadable == len(reading.problems)
        # The manifest leaves out the Records that a Correlation repeats.
        correlations = re.findall(rb"(?s)<Correlation.*?</Correlation>", _xml(path))
        told["Record"] -= sum(each.count(b"<Record") for each in correlations)
        stated = json.loads(manifest[str(path.relative_to(shared / "data"))]["extra"])["elements"]
        assert {tag: told[tag] for tag in stated} == stated, path


def test_both_ways_read_every_file_alike(exports: list[Path]) -> None:
    for path in exports:
        fast, slow = _read(path), _read(path, fast=False)

        assert fast == slow, path


def test_what_cannot_be_read_is_named(shared: Path) -> None:
    reading = _read(shared / "data" / "apple_health" / "fitness_data_tracker" / "export.xml")

    assert reading.counts == {"HealthData": 1, "Record": 10, "unreadable:Record": 1}
    assert [problem.message for problem in reading.problems] == [
        "export.xml at byte 2,169: <Record> has a value that is no number: 'bad'."
    ]


def test_facts_of_real_exports(shared: Path, manifest: dict[str, dict[str, str]], exports: list[Path]) -> None:
    versions = {}
    for path in exports:
        with open_file(path) as container:
            assert is_export(container)
            facts = export_facts(container)
        row = json.loads(manifest[str(path.relative_to(shared / "data"))]["extra"])
        told = facts.export_date.strftime("%Y-%m-%d %H:%M:%S %z") if facts.export_date else None
        assert (told, facts.locale) == (row.get("export_date"), row["locale"])
        versions[path.parent.name] = facts.version

    assert versions["applehealthdata"] == 3
    assert versions["apple-health-mcp"] == 14


def test_routes_are_found_by_the_workouts_that_name_them(shared: Path) -> None:
    for path in ("health-data-parser/export.zip", "apple-health-grafana/test-export.zip"):
        reading = _read(shared / "data" / "apple_health" / path)

        routes = {name: data for kind, name, data in reading.payloads if kind == "route"}
        named = {
            route_id(each.get("path"))
            for kind, _, data in reading.payloads
            if kind == "workout"
            for each in parse_element(data).walk()
            if each.tag == "FileReference"
        }
        assert len(routes) in (2, 4)
        assert named <= set(routes)
        assert all(len(track) > 3 for data in routes.values() for track in parse_gpx(data))


@pytest.fixture(scope="module")
def generated(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two generated exports with their truth: as phones write them, and with all that parsers stop at."""
    folder = tmp_path_factory.mktemp("generated")
    for name, more in (("plain", []), ("broken", ["--broken-dtd", "--control-chars"])):
        subprocess.run(
            [
                sys.executable, shared / "tools" / "gen_apple_export.py", "--size-mb", "6", "--seed", "3",
                "--out", folder / f"{name}.xml", "--zip", folder / f"{name}.zip", "--truth", folder / f"{name}.json",
                "--max-routes", "3", *more,
            ],
            check=True,
            capture_output=True,
        )  # fmt: skip
    return folder


@pytest.mark.parametrize("name", ["plain", "broken"])
def test_a_generated_export_is_its_truth(generated: Path, name: str) -> None:
    truth = json.loads((generated / f"{name}.json").read_text())

    reading = _read(generated / f"{name}.zip")

    assert reading.problems == []
    assert reading.counts == plain_count((generated / f"{name}.xml").read_bytes())
    assert {tag: reading.counts[tag] for tag in truth["elements"]} == truth["elements"]
    assert reading.rows == sum(truth["elements"][tag] for tag in ("Record", "Correlation", "ActivitySummary"))
    assert sum(kind == "workout" for kind, _, _ in reading.payloads) == truth["elements"]["Workout"]
    assert sum(kind == "route" for kind, _, _ in reading.payloads) == min(3, truth["routes"])
    samples = Counter()
    for (metric, _), rows in reading.samples.items():
        samples[metric] += len(rows)
    known = {"heart_rate": "HeartRate", "weight": "BodyMass", "oxygen_saturation": "OxygenSaturation"}
    for metric, kind in known.items():
        assert samples[metric] == truth["types"][f"HKQuantityTypeIdentifier{kind}"]
    assert samples["sleep_stage"] == truth["types"]["HKCategoryTypeIdentifierSleepAnalysis"]


@pytest.mark.parametrize("name", ["plain", "broken"])
def test_both_ways_read_a_generated_export_alike(generated: Path, name: str) -> None:
    fast = _read(generated / f"{name}.xml")

    assert fast == _read(generated / f"{name}.xml", fast=False)
    assert fast == read(generated / f"{name}.xml", f"{name}.xml", block_bytes=77_777)


def test_control_characters_and_spaces_make_no_devices(generated: Path) -> None:
    plain, broken = _read(generated / "plain.xml"), _read(generated / "broken.xml")

    assert set(plain.devices) == set(broken.devices)
    assert {metric for metric, _ in plain.samples} == {metric for metric, _ in broken.samples}


def test_a_stop_in_a_generated_export_changes_nothing(generated: Path) -> None:
    with open_file(generated / "plain.zip") as container:
        batches = list(read_export(container, units=UNITS, batch_bytes=1_000_000, block_bytes=300_000))
    assert len(batches) > 5
    with open_file(generated / "plain.zip") as container:
        rest = list(read_export(container, units=UNITS, cursor=batches[3].cursor))

    at_once = _read(generated / "plain.zip")
    resumed = Reading.of([*batches[:4], *rest])
    assert (resumed.samples, resumed.payloads, resumed.counts) == (at_once.samples, at_once.payloads, at_once.counts)
