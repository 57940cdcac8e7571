"""What the sandbox tells as Google Health is what Google's discovery document describes."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from integrations.sandbox.base import Account
from integrations.sandbox.providers.fitbit import DAILY, PLAY, SUMS
from integrations.sandbox.telling import demo_keys, story_of
from tests.integrations.providers.openapi import Spec

KIM = Account("demo", "1a2b3c4d", "Kim", "Berg", "kim@example.org")


@pytest.fixture(scope="module")
def discovery(shared: Path) -> dict[str, Any]:
    return json.loads((shared / "providers/specs/fitbit/google-health-v4-discovery.json").read_text())


def strict(told: Any) -> Any:
    """A schema of the discovery document as OpenAPI has it: whole references, and no names but those it knows."""
    if isinstance(told, list):
        return [strict(it) for it in told]
    if not isinstance(told, dict):
        return told
    if isinstance(told.get("$ref"), str):
        return {"$ref": f"#/components/schemas/{told['$ref']}"}
    kept = {name: strict(it) for name, it in told.items() if name not in ("id", "format", "description")}
    return {**kept, "additionalProperties": False} if isinstance(told.get("properties"), dict) else kept


@pytest.fixture(scope="module")
def spec(discovery: dict[str, Any]) -> Spec:
    schemas = {
        name: {**strict(it), "properties": {key: strict(value) for key, value in it.get("properties", {}).items()}}
        for name, it in discovery["schemas"].items()
    }
    # The document is older than the list of types that Google gives today.
    del schemas["Exercise"]["properties"]["exerciseType"]["enum"]
    return Spec({"paths": {}, "components": {"schemas": schemas}})


def test_points_are_as_documented(spec: Spec) -> None:
    stories = [story_of(key, "fitbit") for key in demo_keys(date(2026, 3, 2), date(2026, 3, 12))]
    told = [one for story in stories if story is not None for one in PLAY.tell(story, KIM) if one.body]

    assert len({one.kind for one in told}) == 4 + len(DAILY) + len(SUMS)
    for one in told:
        name = "DataPoint"
        if one.kind in SUMS or one.kind in DAILY:
            name = "DailyRollupDataPoint" if one.kind in SUMS else "ReconciledDataPoint"
        assert spec.problems_of(name, json.loads(one.body or b"")) == [], one.kind


def test_a_point_that_is_not_as_documented_is_noticed(spec: Spec) -> None:
    assert spec.problems_of("DataPoint", {"steps": {"count": 5}}) != []
    assert spec.problems_of("DataPoint", {"stairs": {}}) != []


def test_paths_are_documented(discovery: dict[str, Any]) -> None:
    points = discovery["resources"]["users"]["resources"]["dataTypes"]["resources"]["dataPoints"]["methods"]
    known = {(it["httpMethod"], it["flatPath"].rpartition("/")[2].partition(":")[2]) for it in points.values()}

    for route in PLAY.routes:
        if "dataTypes" in route.pattern:
            assert (route.method, route.pattern.rpartition("/")[2].partition(":")[2]) in known
