"""What the sandbox tells as Oura is what Oura's own document describes."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from integrations.sandbox.base import Account
from integrations.sandbox.providers.oura import COLLECTIONS, PLAY
from integrations.sandbox.telling import demo_keys, story_of
from tests.integrations.providers.openapi import Spec

KIM = Account("demo", "8a2f61d0", "Kim", "Berg", "kim@example.org")
SCHEMAS = {
    "workout": "PublicWorkout",
    "session": "PublicSession",
    "sleep": "PublicModifiedSleepModel",
    "daily_sleep": "PublicDailySleep",
    "daily_readiness": "PublicDailyReadiness",
    "daily_activity": "PublicDailyActivity",
    "daily_spo2": "PublicDailySpO2",
    "daily_stress": "PublicDailyStress",
    "daily_resilience": "DailyResilienceModel",
    "daily_cardiovascular_age": "PublicDailyCardiovascularAge",
    "vo2_max": "PublicVO2Max",
}


@pytest.fixture(scope="module")
def spec(shared: Path) -> Spec:
    return Spec.of(shared / "providers/specs/oura/openapi-v2.json")


def test_documents_are_as_documented(spec: Spec) -> None:
    stories = [story_of(key, "oura") for key in demo_keys(date(2025, 9, 15), date(2025, 9, 29))]
    told = [one for story in stories if story is not None for one in PLAY.tell(story, KIM)]

    assert {one.kind for one in told} == SCHEMAS.keys() == {kind for kind, _ in COLLECTIONS.values()}
    for one in told:
        # The document says nullable beside a reference, which its own grammar does not hear.
        assert spec.problems_of(SCHEMAS[one.kind], json.loads(one.body or b""), nulls=False) == []


def test_paths_are_documented(spec: Spec) -> None:
    for route in PLAY.routes:
        if not route.pattern.startswith("/oauth"):
            assert spec.operation(route.method, route.pattern)
