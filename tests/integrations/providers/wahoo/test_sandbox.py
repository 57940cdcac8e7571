"""What we ask and what the sandbox answers as Wahoo, held against a description of its API by others."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from pytest_django.fixtures import Settings

from integrations.base import Delivered
from integrations.http import ApiSession
from integrations.providers.wahoo.adapter import WahooAdapter
from integrations.providers.wahoo.provider import PROVIDER
from integrations.providers.wahoo.webhook import WahooWebhooks
from integrations.sandbox.base import Account, Change, Record, Subscription
from integrations.sandbox.providers.wahoo import PLAY
from integrations.sandbox.telling import demo_keys, story_of
from tests.integrations.providers.draining import drained
from tests.integrations.providers.openapi import Spec
from tests.integrations.providers.wahoo.test_webhook import TOKEN, Known
from tests.integrations.sandbox.serving import Running

LENA = Account("demo", "60001", "Lena", "Brandt", "lena@example.org")
SPECS = "providers/specs/wahoo"


@pytest.fixture(scope="module")
def spec(shared: Path) -> Spec:
    return Spec.of(shared / SPECS / "wahoo-cloud-api-openapi.third-party.yml")


def workouts() -> list[dict[str, Any]]:
    stories = [story_of(key, "wahoo") for key in demo_keys(date(2026, 3, 2), date(2026, 3, 23))]
    told = [one for story in stories if story is not None for one in PLAY.tell(story, LENA)]
    return [json.loads(one.body or b"") for one in told if one.kind == "workout"]


def test_records_are_as_described(spec: Spec) -> None:
    told = workouts()

    assert told
    for one in told:
        # A decimal that is not known is null; the description knows no null.
        assert spec.problems_of("Workout", one, nulls=False) == []


class Watched:
    """An API that remembers what it was asked for and what came back."""

    def __init__(self, api: ApiSession) -> None:
        self._api = api
        self.asked: list[tuple[str, Mapping[str, Any], Any]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._api, name)

    def get(self, url: str, params: Mapping[str, Any] | None = None, **options: Any) -> Any:
        response = self._api.get(url, params, **options)
        if url.startswith("/"):
            self.asked.append((url, params or {}, response.json()))
        return response


@pytest.mark.django_db
def test_requests_and_answers_are_as_described(settings: Settings, sandbox: Running, spec: Spec) -> None:
    settings.SANDBOX_URL = sandbox.url
    api = Watched(ApiSession.of_token(PROVIDER, sandbox.grant("wahoo")))
    adapter, now = WahooAdapter(), datetime.now(UTC)
    newest = sandbox.records("wahoo", "workout")[-1]["id"]

    adapter.account(api)
    drained(adapter, api, adapter.begin("workouts", "incremental", cursor={"at": now.isoformat()}, now=now))
    drained(
        adapter,
        api,
        [*adapter.begin("power_zones", "backfill", cursor={}, now=now), adapter.confirm("workout", newest)],
    )

    assert {path for path, _, _ in api.asked} == {
        "/v1/user", "/v1/workouts", "/v1/power_zones", f"/v1/workouts/{newest}"
    }  # fmt: skip
    for path, query, body in api.asked:
        assert spec.problems_of_request("GET", path, {name: str(value) for name, value in query.items()}) == []
        assert spec.problems_of_answer("GET", path, 200, body, nulls=False) == []


def test_an_event_of_the_sandbox_is_taken_for_genuine(shared: Path) -> None:
    told = workouts()[0]
    record = Record("workout", str(told["id"]), json.dumps(told).encode(), 0, 0, "")

    class Shelf:
        def secret(self, name: str) -> str:
            return {"WEBHOOK_SECRET": TOKEN}[name]

    assert PLAY.webhooks
    subscription = Subscription("", "https://x.example/")
    body = PLAY.webhooks.body(Change("updated", LENA, 0, record), subscription, Shelf())  # type: ignore[arg-type]
    assert body
    delivered = Delivered("POST", {}, {}, body, datetime(2026, 4, 11, tzinfo=UTC))

    [event] = WahooWebhooks().events(delivered)

    assert WahooWebhooks().is_genuine(delivered, Known())
    assert (event.account_id, [(ask.what, ask.key) for ask in event.asks]) == ("60001", [("workout", str(told["id"]))])
    document = yaml.safe_load((shared / SPECS / "wahoo-webhooks-asyncapi.third-party.yml").read_text())
    schema = document["components"]["messages"]["WorkoutSummaryEvent"]["payload"]
    assert Spec(document).problems({**json.loads(body), "event": "workout_summary"}, schema) == []
    assert PLAY.webhooks.body(Change("deleted", LENA, 0, record), subscription, Shelf()) is None  # type: ignore[arg-type]
