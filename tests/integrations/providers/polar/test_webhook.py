from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from integrations.base import NEW, NOW, Api, Ask, Delivered, Event, Reply, Subscription
from integrations.errors import UnexpectedPayload
from integrations.providers.polar.adapter import list_ask, offsets_ask
from integrations.providers.polar.provider import PROVIDER
from integrations.providers.polar.webhook import EVENTS, PolarWebhooks
from tests.integrations.playback import Playback
from tests.integrations.providers.openapi import Spec

HOOKS = PolarWebhooks()
AT = datetime(2026, 5, 2, 5, 20, tzinfo=UTC)
DAY, TODAY = date(2026, 5, 1), date(2026, 5, 2)
URL, KEY = "https://train.example/webhooks/polar/", "told-once"


class Secrets:
    def __init__(self, *secrets: str) -> None:
        self.subscriptions: Sequence[Subscription] = [Subscription(f"h{it}", URL, it) for it in secrets]

    def setting(self, name: str) -> str:
        raise LookupError(name)


def event(name: str, **told: object) -> dict[str, object]:
    return {"event": name, "user_id": 47500001, "timestamp": "2026-05-02T05:20:00Z", **told}


def delivered(told: object, secret: str = KEY) -> Delivered:
    body = json.dumps(told).encode()
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return Delivered("POST", {}, {"polar-webhook-signature": digest}, body, AT)


def test_a_ping_is_answered_without_a_signature() -> None:
    ping = delivered({"timestamp": "2026-05-02T05:20:00Z", "event": "PING"})

    assert HOOKS.handshake(replace(ping, headers={}), Secrets()) == Reply()
    assert HOOKS.handshake(delivered(event("SLEEP", date="2026-05-01")), Secrets()) is None
    assert HOOKS.handshake(replace(ping, body=b"<"), Secrets()) is None
    assert HOOKS.handshake(replace(ping, method="GET"), Secrets()) is None


def test_a_delivery_signed_with_the_key_of_any_webhook_is_genuine() -> None:
    good = delivered(event("SLEEP", date="2026-05-01"))

    assert HOOKS.is_genuine(good, Secrets("told-once"))
    assert HOOKS.is_genuine(good, Secrets("", "older", "told-once"))


def test_the_signature_is_the_documented_one() -> None:
    """Hex of HMAC-SHA256(key, body), worked out beforehand."""
    digest = "790a521357918431f9412f984a92da7ae755857a3cced242041e7e1095826c17"

    assert HOOKS.is_genuine(
        Delivered("POST", {}, {"polar-webhook-signature": digest}, b'{"event":"SLEEP"}', AT), Secrets("s3cret")
    )


def test_a_forged_delivery_is_refused() -> None:
    good = delivered(event("SLEEP", date="2026-05-01"))

    assert not HOOKS.is_genuine(good, Secrets())
    assert not HOOKS.is_genuine(good, Secrets("another"))
    assert not HOOKS.is_genuine(
        replace(good, body=good.body.replace(b"2026-05-01", b"2026-05-02")), Secrets("told-once")
    )
    assert not HOOKS.is_genuine(replace(good, headers={}), Secrets("told-once"))
    assert not HOOKS.is_genuine(replace(good, headers={"polar-webhook-signature": "é"}), Secrets("told-once"))
    assert not HOOKS.is_genuine(delivered(event("SLEEP"), ""), Secrets(""))


@pytest.mark.parametrize(
    ("told", "asks"),
    [
        (event("EXERCISE", entity_id="7F21A"), [Ask("exercise", "7F21A", "exercise", rank=NOW)]),
        (
            event("SLEEP", date="2026-05-01"),
            [
                Ask("night", "2026-05-01", "night", rank=NOW),
                Ask("nightly_recharge", "2026-05-01", "nightly_recharge", rank=NOW),
                list_ask("cardio_load", None, TODAY, now=AT, rank=NEW),
                list_ask("skin_temperature", DAY, TODAY, now=AT, rank=NEW),
                list_ask("spo2", DAY, TODAY, now=AT, rank=NEW),
            ],
        ),
        (
            event("ACTIVITY_SUMMARY", date="2026-05-01"),
            [Ask("daily_activity", "2026-05-01", "daily_activity", rank=NOW)],
        ),
        (event("CONTINUOUS_HEART_RATE", date="2026-05-01"), [offsets_ask(DAY, DAY, now=AT, rank=NEW)]),
        (event("PHYSICAL_INFORMATION"), [Ask("physical_info", "2026-05-02", "physical_info", rank=NOW)]),
    ],
    ids=lambda it: it["event"] if isinstance(it, dict) else "",
)
def test_an_event_leads_to_requests(told: dict[str, object], asks: list[Ask]) -> None:
    assert HOOKS.events(delivered(told)) == (Event("47500001", tuple(asks)),)


@pytest.mark.parametrize(
    "told",
    [event("SLEEP_WISE_ALERTNESS"), event("SLEEP"), event("EXERCISE"), event("NEW_THING", date="2026-05-01"), {}],
)
def test_an_event_that_concerns_nothing_of_ours_is_taken_and_left(told: object) -> None:
    assert HOOKS.events(delivered(told)) == ()


def test_what_is_no_event_is_unexpected() -> None:
    with pytest.raises(UnexpectedPayload):
        HOOKS.events(delivered([]))


# --- subscriptions ------------------------------------------------------------------------------

MADE = {"data": {"id": "abdf33", "events": list(EVENTS), "url": URL, "signature_secret_key": "told-once"}}


@pytest.fixture
def api(db: None, api_of: Callable[..., Api]) -> Api:
    return api_of(PROVIDER)


def test_a_webhook_is_made_and_its_key_kept(playback: Playback, api: Api, shared: Path) -> None:
    playback.answer("POST", "/polar/v3/webhooks", status=201, json=MADE)

    assert HOOKS.subscribe(api, URL, "", "") == Subscription("abdf33", URL, "told-once")

    [call] = playback.calls
    spec = Spec.of(shared / "providers/specs/polar/accesslink-v3-openapi.yaml")
    assert spec.problems_of_request("POST", "/v3/webhooks", call.query, call.json) == []
    assert call.json == {"events": list(EVENTS), "url": URL}
    # Basic: the client's id and secret.
    assert call.headers["authorization"].startswith("Basic ")


def test_a_webhook_whose_key_is_lost_is_deleted_and_made_again(playback: Playback, api: Api) -> None:
    playback.answer("POST", "/polar/v3/webhooks", status=409, json={})
    playback.answer("GET", "/polar/v3/webhooks", json={"data": [{"id": "old", "url": URL, "active": True}]})
    playback.answer("DELETE", "/polar/v3/webhooks/old", status=204)
    playback.answer("POST", "/polar/v3/webhooks", status=201, json=MADE)

    assert HOOKS.subscribe(api, URL, "", "").secret == "told-once"


def test_a_webhook_that_was_turned_off_does_not_count(playback: Playback, api: Api) -> None:
    told = [{"id": "on", "url": URL, "active": True}, {"id": "off", "url": URL, "active": False}]
    playback.answer("GET", "/polar/v3/webhooks", json={"data": told})
    playback.answer("POST", "/polar/v3/webhooks/activate", status=200)
    playback.answer("DELETE", "/polar/v3/webhooks/on", status=404)

    assert HOOKS.subscriptions(api) == (Subscription("on", URL),)
    assert HOOKS.renew(api, Subscription("off", URL, "key")) == Subscription("off", URL, "key")
    HOOKS.unsubscribe(api, Subscription("on", URL))


def test_a_webhook_without_a_key_is_unexpected(playback: Playback, api: Api) -> None:
    playback.answer("POST", "/polar/v3/webhooks", status=201, json={"data": {"id": "abdf33"}})

    with pytest.raises(UnexpectedPayload):
        HOOKS.subscribe(api, URL, "", "")
