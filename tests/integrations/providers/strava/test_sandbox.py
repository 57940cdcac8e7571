"""What we ask and what the sandbox answers as Strava, held against Strava's own document (Swagger 2.0)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator
from pytest_django.fixtures import Settings

from integrations.base import Delivered
from integrations.http import ApiSession
from integrations.providers.strava.adapter import StravaAdapter
from integrations.providers.strava.provider import PROVIDER
from integrations.providers.strava.webhook import StravaWebhooks
from integrations.sandbox.base import Account, Change, Record, Subscription
from integrations.sandbox.providers.strava import PLAY, make
from integrations.sandbox.stories import Effort
from integrations.sandbox.telling import demo_keys, story_of
from tests.integrations.providers.draining import drained
from tests.integrations.providers.strava.test_webhook import SECRET, Known
from tests.integrations.sandbox.serving import Running

LENA = Account("demo", "8812345", "Lena", "Brandt", "lena@example.org")


class Swagger:
    """A Swagger 2.0 document with all its models inside."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document

    def problems(self, model: str, value: Any) -> list[str]:
        whole = {"$ref": f"#/definitions/{model}", "definitions": self.document["definitions"]}
        return [f"{'/'.join(map(str, it.path))}: {it.message}" for it in Draft4Validator(whole).iter_errors(value)]

    def operation(self, path: str) -> tuple[dict[str, bool], Mapping[str, Any]]:
        """The parameters of a GET, each with whether it must be there, and the schema of its answer."""
        for template, methods in self.document["paths"].items():
            if re.fullmatch(re.sub(r"\{[^}]*\}", "[^/]+", template), path):
                told = [
                    self.document["parameters"][it["$ref"].rpartition("/")[2]] if "$ref" in it else it
                    for it in methods["get"].get("parameters", [])
                ]
                query = {it["name"]: it.get("required", False) for it in told if it["in"] == "query"}
                return query, methods["get"]["responses"]["200"]["schema"]
        raise AssertionError(f"Strava documents no {path}")


@pytest.fixture(scope="module")
def swagger(shared: Path) -> Swagger:
    return Swagger(json.loads((shared / "providers/specs/strava/swagger_bundled.json").read_bytes()))


@pytest.fixture(scope="module")
def efforts() -> list[Effort]:
    """Runs and the turbo trainer of a fortnight in winter, and a ride in spring."""
    keys = [*demo_keys(date(2026, 1, 5), date(2026, 1, 20)), *demo_keys(date(2026, 3, 7), date(2026, 3, 9))]
    return [story for key in keys if isinstance(story := story_of(key, "strava"), Effort)]


def bodies(effort: Effort) -> dict[str, Any]:
    return {one.kind: json.loads(one.body or make(one.kind, one.id, effort, LENA)) for one in PLAY.tell(effort, LENA)}


def test_records_are_as_documented(swagger: Swagger, efforts: list[Effort]) -> None:
    kinds = {"summary": "SummaryActivity", "detail": "DetailedActivity", "streams": "StreamSet"}
    for effort in efforts:
        for kind, body in bodies(effort).items():
            # The document knows no null; on the wire a rank that there is none of is one.
            for one in body.get("segment_efforts", []):
                for name in ("kom_rank", "pr_rank"):
                    if one[name] is None:
                        del one[name]
            if "watts" in body:
                assert body["watts"]["data"].pop(0) is None
            assert swagger.problems(kinds[kind], body) == []
    assert {effort.sport for effort in efforts} >= {"ride", "indoor_ride", "run"}


def test_errors_are_faults(swagger: Swagger) -> None:
    for status in (400, 401, 403, 404, 429, 500):
        assert swagger.problems("Fault", json.loads(PLAY.error(status, "no").body)) == []


def test_what_is_told_reads_as_what_happened(efforts: list[Effort]) -> None:
    """Written by one hand and read by another: sandbox and mapping share nothing."""
    for effort in efforts:
        told = bodies(effort)
        number = str(told["summary"]["id"])
        [one] = PROVIDER.parse["detail"](json.dumps(told["detail"]).encode(), number).activities
        assert (round(one.start_time.timestamp()), one.utc_offset_s) == (int(effort.start), effort.utc_offset_s)
        assert one.elapsed_s == round(effort.elapsed_s)
        assert one.distance_m == pytest.approx(effort.distance_m or 0.0, abs=0.1)
        assert one.energy_kcal == pytest.approx(effort.kcal, abs=0.1)
        if "streams" not in told:
            assert one.extra["manual"] is True
            continue
        assert one.avg_cadence_rpm == pytest.approx(effort.avg_cadence, abs=0.2)
        assert len(one.laps) == len(effort.laps)
        assert len(one.extra.get("segment_efforts", [])) == len(effort.segments)
        addition = PROVIDER.parse["streams"](json.dumps(told["streams"]).encode(), number).addition
        assert addition
        assert len(addition.streams["distance"]) == len(effort.track)
        # Summary and detail tell the same, but for what only the detail has.
        [listed] = PROVIDER.parse["summary"](json.dumps(told["summary"]).encode(), number).activities
        assert replace(one, energy_kcal=None, laps=(), extra={}) == replace(listed, extra={})


@pytest.mark.django_db
def test_requests_are_as_documented(settings: Settings, sandbox: Running, swagger: Swagger) -> None:
    settings.SANDBOX_URL = sandbox.url
    api = Watched(ApiSession.of_token(PROVIDER, sandbox.grant("strava")))
    adapter, now = StravaAdapter(), datetime.now(UTC)

    drained(adapter, api, adapter.begin("activities", "incremental", cursor={"at": now.isoformat()}, now=now))
    drained(adapter, api, adapter.begin("activities", "relist", cursor={}, now=now)[:1], most=1000)

    assert {re.sub(r"\d+", "7", path) for path, _ in api.asked} == {
        "/athlete/activities", "/activities/7", "/activities/7/streams"
    }  # fmt: skip
    for path, query in api.asked:
        declared, _ = swagger.operation(path)
        assert set(query) <= declared.keys()
        assert {name for name, required in declared.items() if required} <= set(query)


class Watched:
    """An API that remembers what it was asked for."""

    def __init__(self, api: ApiSession) -> None:
        self._api = api
        self.asked: list[tuple[str, Mapping[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._api, name)

    def get(self, url: str, params: Mapping[str, Any] | None = None, **options: Any) -> Any:
        self.asked.append((url, params or {}))
        return self._api.get(url, params, **options)


@pytest.mark.parametrize("what", ["created", "updated", "deleted", "revoked"])
def test_events_of_the_sandbox_are_taken_for_genuine(what: Any, efforts: list[Effort]) -> None:
    [first] = [one for one in PLAY.tell(efforts[0], LENA) if one.kind == "summary"]
    record = Record("summary", first.id, first.body or b"", first.start, first.updated, efforts[0].key)
    change = Change(what, LENA, 1781431800, None if what == "revoked" else record, efforts[0], {"name": "New"})
    assert PLAY.webhooks
    body = PLAY.webhooks.body(change, Subscription("120475", "https://x.example/"), None)  # type: ignore[arg-type]
    assert body
    delivered = Delivered("POST", {"key": SECRET}, {}, body, datetime(2026, 6, 14, tzinfo=UTC))

    [event] = StravaWebhooks().events(delivered)

    assert StravaWebhooks().is_genuine(delivered, Known())
    assert event.account_id == LENA.id
    assert event.revoked == (what == "revoked")
    assert [ask.key for ask in event.asks] == {"revoked": [], "deleted": [first.id]}.get(what, [first.id] * 2)


def test_paths_are_documented(swagger: Swagger) -> None:
    for route in PLAY.routes:
        if route.method == "GET" and "push_subscriptions" not in route.pattern:
            assert swagger.operation(route.pattern.removeprefix("/api/v3"))
