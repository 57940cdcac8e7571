from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from integrations.base import NOW, Ask, Delivered, Event, Subscription
from integrations.errors import UnexpectedPayload
from integrations.providers.whoop.webhook import WhoopWebhooks

HOOKS = WhoopWebhooks()
SECRET = "the client's secret"
AT = datetime(2026, 4, 10, 6, 0, tzinfo=UTC)
SLEEP = "6f0b6d1e-2ad1-4c0b-9a2e-000000000001"


class Secrets:
    subscriptions: Sequence[Subscription] = ()

    def __init__(self, secret: str = SECRET) -> None:
        self.secret = secret

    def setting(self, name: str) -> str:
        return {"CLIENT_SECRET": self.secret}[name]


def delivered(event: object, signed_at: datetime = AT, secret: str = SECRET) -> Delivered:
    body = json.dumps(event).encode()
    stamp = str(round(signed_at.timestamp() * 1000))
    digest = hmac.new(secret.encode(), stamp.encode() + body, hashlib.sha256).digest()
    headers = {"x-whoop-signature": base64.b64encode(digest).decode(), "x-whoop-signature-timestamp": stamp}
    return Delivered("POST", {}, headers, body, AT)


def event(kind: str, record: object = SLEEP) -> dict[str, object]:
    return {"user_id": 31007, "id": record, "type": kind, "trace_id": "e0"}


def cycles() -> Ask:
    params = {
        "look": "incremental", "since": "2026-04-08T06:00:00.000Z", "now": "2026-04-10T06:00:00.000Z", "closes": False,
    }  # fmt: skip
    return Ask("list", "cycle incremental event", "cycle", params, NOW)


def test_a_signed_delivery_is_genuine() -> None:
    assert HOOKS.is_genuine(delivered(event("sleep.updated")), Secrets())
    assert HOOKS.handshake(delivered(event("sleep.updated")), Secrets()) is None


def test_the_signature_is_the_documented_one() -> None:
    """base64(HMAC-SHA256(secret, timestamp followed by the body)), worked out beforehand."""
    headers = {
        "x-whoop-signature": "uKeu4iEgcFIIp/uhnNjpJcEpsxxuWLS0BmrGrycj1Gc=",
        "x-whoop-signature-timestamp": "1775800800000",
    }
    one = Delivered("POST", {}, headers, b'{"id":1}', datetime(2026, 4, 10, 6, 0, tzinfo=UTC))

    assert HOOKS.is_genuine(one, Secrets("s3cret"))


@pytest.mark.parametrize("minutes", [-5.1, 5.1, 60 * 24])
def test_a_delivery_signed_at_another_time_is_refused(minutes: float) -> None:
    assert not HOOKS.is_genuine(delivered(event("sleep.updated"), AT - timedelta(minutes=minutes)), Secrets())


@pytest.mark.parametrize("minutes", [-4.9, 0, 4.9])
def test_a_delivery_within_five_minutes_is_taken(minutes: float) -> None:
    assert HOOKS.is_genuine(delivered(event("sleep.updated"), AT - timedelta(minutes=minutes)), Secrets())


def test_a_forged_delivery_is_refused() -> None:
    good = delivered(event("sleep.updated"))
    stamp = good.headers["x-whoop-signature-timestamp"]

    assert not HOOKS.is_genuine(delivered(event("sleep.updated"), secret="another"), Secrets())
    assert not HOOKS.is_genuine(replace(good, body=good.body + b" "), Secrets())
    assert not HOOKS.is_genuine(replace(good, headers={}), Secrets())
    assert not HOOKS.is_genuine(replace(good, headers={**good.headers, "x-whoop-signature": "é"}), Secrets())
    later = {**good.headers, "x-whoop-signature-timestamp": f"{stamp}.0"}
    assert not HOOKS.is_genuine(replace(good, headers=later), Secrets())
    assert not HOOKS.is_genuine(delivered(event("sleep.updated"), secret=""), Secrets(""))


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (event("workout.updated", "w1"), Event("31007", (Ask("workout", "w1", "workout", rank=NOW), cycles()))),
        (event("workout.deleted", "w1"), Event("31007", (cycles(),), gone=("w1",))),
        (event("sleep.updated"), Event("31007", (Ask("sleep", SLEEP, "sleep", rank=NOW), cycles()))),
        (event("sleep.deleted"), Event("31007", (cycles(),), gone=(SLEEP,))),
        (
            event("recovery.updated"),
            Event("31007", (Ask("recovery", SLEEP, "recovery", {"now": "2026-04-10T06:00:00+00:00"}, NOW),)),
        ),
        (
            event("recovery.deleted", 7700001),
            Event("31007", (Ask("recovery", "7700001", "recovery", {"now": "2026-04-10T06:00:00+00:00"}, NOW),)),
        ),
    ],
    ids=lambda it: it["type"] if isinstance(it, dict) else "",
)
def test_an_event_leads_to_requests(told: dict[str, object], expected: Event) -> None:
    assert HOOKS.events(delivered(told)) == (expected,)


@pytest.mark.parametrize("told", [event("meal.updated"), event("sleep.read"), event("sleep.updated", ""), {}])
def test_an_event_that_concerns_nothing_of_ours_is_taken_and_left(told: object) -> None:
    assert HOOKS.events(delivered(told)) == ()


def test_what_is_no_event_is_unexpected() -> None:
    with pytest.raises(UnexpectedPayload):
        HOOKS.events(delivered([]))
