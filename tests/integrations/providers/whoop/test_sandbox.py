"""What the sandbox tells as WHOOP is what WHOOP's own document describes."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from integrations.sandbox.base import Account
from integrations.sandbox.providers.whoop import PLAY
from integrations.sandbox.telling import demo_keys, story_of
from tests.integrations.providers.openapi import Spec

KIM = Account("demo", "10483920", "Kim", "Berg", "kim@example.org")
SCHEMAS = {"workout": "WorkoutV2", "sleep": "Sleep", "recovery": "Recovery", "cycle": "Cycle"}


@pytest.fixture(scope="module")
def spec(shared: Path) -> Spec:
    return Spec.of(shared / "providers/specs/whoop/openapi-v2.json")


def test_records_are_as_documented(spec: Spec) -> None:
    stories = [story_of(key, "whoop") for key in demo_keys(date(2026, 3, 2), date(2026, 3, 12))]
    told = [one for story in stories if story is not None for one in PLAY.tell(story, KIM)]

    assert {one.kind for one in told} == SCHEMAS.keys()
    for one in told:
        # The document says "not present" where the wire says null.
        assert spec.problems_of(SCHEMAS[one.kind], json.loads(one.body or b""), nulls=False) == []


def test_paths_are_documented(spec: Spec) -> None:
    for route in PLAY.routes:
        assert spec.operation(route.method, route.pattern.removeprefix("/developer"))
