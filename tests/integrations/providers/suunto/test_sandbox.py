"""What the sandbox tells as Suunto, read by our mapping: written by one hand and read by another."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from integrations.base import Delivered
from integrations.providers.suunto.mapping import parse_sleep, parse_workout
from integrations.providers.suunto.webhook import SuuntoWebhooks
from integrations.sandbox.base import Account, Change, Record, Subscription
from integrations.sandbox.providers.suunto import PLAY, signature
from integrations.sandbox.stories import Effort, Night
from integrations.sandbox.telling import demo_keys, story_of
from tests.integrations.providers.suunto.test_webhook import SECRET, Known

LENA = Account("demo", "demo_runner", "Lena", "Brandt", "lena@example.org")


class Shelf:
    def secret(self, name: str) -> str:
        return {"WEBHOOK_SECRET": SECRET}[name]


@pytest.fixture(scope="module")
def stories() -> list[Any]:
    told = [story_of(key, "suunto") for key in demo_keys(date(2026, 3, 2), date(2026, 3, 12))]
    return [story for story in told if story is not None]


def test_what_is_told_reads_as_what_happened(stories: list[Any]) -> None:
    seen = set()
    for story in stories:
        told = {one.kind: one for one in PLAY.tell(story, LENA)}
        if isinstance(story, Effort):
            [one] = parse_workout(told["workout"].body or b"", told["workout"].id).activities
            assert (one.start_time.timestamp(), one.utc_offset_s) == (story.start, story.utc_offset_s)
            assert (one.elapsed_s, one.timer_s) == (story.elapsed_s, pytest.approx(story.moving_s, abs=0.1))
            assert one.max_heart_rate_bpm == pytest.approx(story.max_heart_rate_bpm, abs=0.5)
            if story.avg_cadence:
                assert one.avg_cadence_rpm == pytest.approx(story.avg_cadence, abs=1.1)
        if isinstance(story, Night):
            [night] = parse_sleep(told["sleep"].body or b"", told["sleep"].id).sleeps
            assert (night.date, night.score) == (story.day, story.sleep_score)
            assert night.asleep_s == pytest.approx(story.asleep_s, abs=1)
            assert night.awake_s == pytest.approx(story.in_bed_s - story.asleep_s, abs=2)
        seen.add(type(story).__name__)
    assert seen == {"Effort", "Night", "Day"}


def test_events_of_the_sandbox_are_signed_and_lead_somewhere(stories: list[Any]) -> None:
    assert PLAY.webhooks
    subscription, seen = Subscription("", "https://x.example/"), set()
    for story in stories:
        for one in PLAY.tell(story, LENA):
            record = Record(one.kind, one.id, one.body or b"", one.start, one.updated, story.key)
            body = PLAY.webhooks.body(Change("created", LENA, 0, record, story), subscription, Shelf())  # type: ignore[arg-type]
            assert PLAY.webhooks.body(Change("deleted", LENA, 0, record), subscription, Shelf()) is None  # type: ignore[arg-type]
            if body is None:
                continue
            headers = {name.lower(): it for name, it in signature(body, subscription, Shelf()).items()}  # type: ignore[arg-type]
            delivered = Delivered("POST", {}, headers, body, datetime(2026, 3, 12, tzinfo=UTC))
            [event] = SuuntoWebhooks().events(delivered)
            assert SuuntoWebhooks().is_genuine(delivered, Known())
            assert event.account_id == LENA.id
            assert event.asks or [payload.external_id for payload in event.payloads] == [one.id]
            seen.add(json.loads(body)["type"])
    assert seen == {
        "WORKOUT_CREATED", "SUUNTO_247_SLEEP_CREATED", "SUUNTO_247_RECOVERY_CREATED", "SUUNTO_247_ACTIVITY_CREATED"
    }  # fmt: skip
