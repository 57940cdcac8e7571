"""Suunto's webhooks: signed bodies of workouts and samples."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from activities.domain.reading import RawPayload
from integrations.base import NOW, Ask, Delivered, Event, Subscription
from integrations.errors import UnexpectedPayload
from integrations.providers.suunto.webhook import SuuntoWebhooks

HOOKS = SuuntoWebhooks()
SECRET = "the notification secret"
AT = datetime(2026, 7, 5, 8, tzinfo=UTC)


class Known:
    subscriptions: Sequence[Subscription] = ()

    def __init__(self, secret: str = SECRET) -> None:
        self.secret = secret

    def setting(self, name: str) -> str:
        return {"WEBHOOK_SECRET": self.secret}[name]


def signed(body: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def delivered(told: Any, signature: str | None = None) -> Delivered:
    body = told if isinstance(told, bytes) else json.dumps(told).encode()
    headers = {"x-hmac-sha256-signature": signed(body) if signature is None else signature}
    return Delivered("POST", {}, headers, body, AT)


WORKOUT = {"type": "WORKOUT_CREATED", "username": "Runner_Jane", "workout": {"workoutKey": "66aa01"}}
BODY = json.dumps(WORKOUT).encode()


@pytest.mark.parametrize(
    ("signature", "secret", "genuine"),
    [
        (signed(BODY), SECRET, True),
        (signed(BODY).upper(), SECRET, True),
        (signed(BODY + b" "), SECRET, False),
        (signed(BODY, "another"), SECRET, False),
        ("", SECRET, False),
        ("ß", SECRET, False),
        (signed(BODY, ""), "", False),
    ],
    ids=["ours", "in capitals", "of another body", "of another secret", "none", "letters", "no secret set"],
)
def test_only_what_is_signed_with_our_secret_is_genuine(signature: str, secret: str, genuine: bool) -> None:
    assert HOOKS.is_genuine(delivered(BODY, signature), Known(secret)) is genuine
    assert HOOKS.handshake(delivered(BODY, signature), Known(secret)) is None


def test_a_workout_is_asked_for_however_often_it_is_told() -> None:
    event = Event("Runner_Jane", asks=(Ask("workout", "66aa01", "workouts", rank=NOW),))

    assert [HOOKS.events(delivered(WORKOUT)) for _ in range(3)] == [(event,)] * 3


def test_a_night_is_kept_as_it_stands_in_the_event() -> None:
    partial = b'{"timestamp":"2026-07-05T06:40:00+03:00","entryData":{"SleepId":7,"Duration":100}}'
    whole = b'{"timestamp": "2026-07-05T06:40:00+03:00","entryData":{"SleepId": 7,"Duration":25200}}'
    body = b'{"type":"SUUNTO_247_SLEEP_CREATED","username":"jane","samples":[' + whole + b" , " + partial + b"]}"

    [event] = HOOKS.events(delivered(body))

    stated = datetime(2026, 7, 5, 3, 40, tzinfo=UTC)
    assert event == Event("jane", payloads=(RawPayload("sleep", "7", whole, "application/json", stated),))


@pytest.mark.parametrize(
    ("kind", "feed"), [("SUUNTO_247_ACTIVITY_CREATED", "activity"), ("SUUNTO_247_RECOVERY_CREATED", "recovery")]
)
def test_samples_lead_to_the_weeks_that_they_are_part_of(kind: str, feed: str) -> None:
    stamps = ["2026-07-05T23:50:00+00:00", "2026-07-06T00:10:00+00:00", "2026-07-06T01:00:00+00:00", "soon"]
    told = {"type": kind, "username": "jane", "samples": [{"timestamp": stamp} for stamp in stamps]}

    [event] = HOOKS.events(delivered(told))

    assert [(ask.what, ask.key, ask.feed, ask.rank, ask.params["single"]) for ask in event.asks] == [
        ("list", f"{feed} 2026-06-29 event", feed, NOW, True),
        ("list", f"{feed} 2026-07-06 event", feed, NOW, True),
    ]


def test_routes_are_nothing_to_us() -> None:
    assert HOOKS.events(delivered({"type": "ROUTE_CREATED", "username": "jane"})) == ()


@pytest.mark.parametrize("told", [{**WORKOUT, "username": ""}, {**WORKOUT, "workout": {}}, b"[]", b"x"])
def test_an_event_that_names_nobody_cannot_be_read(told: Any) -> None:
    with pytest.raises(UnexpectedPayload):
        HOOKS.events(delivered(told))
