"""Strava's webhooks: its handshake, events of the one subscription, and everything else refused."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from integrations.base import NOW, Ask, Delivered, Event, Reply, Subscription
from integrations.errors import UnexpectedPayload
from integrations.providers.strava.webhook import StravaWebhooks

SECRET = "a long word of ours"
ADDRESS = "https://train.example/webhooks/strava/?key=a+long+word+of+ours"


@dataclass
class Known:
    """What the server holds."""

    secret: str = SECRET
    subscriptions: Sequence[Subscription] = (Subscription("120475", ADDRESS, SECRET),)

    def setting(self, name: str) -> str:
        return self.secret if name == "VERIFY_TOKEN" else ""


def delivered(
    told: Any, *, key: str = SECRET, method: str = "POST", query: Mapping[str, str] | None = None
) -> Delivered:
    body = told if isinstance(told, bytes) else json.dumps(told).encode()
    return Delivered(method, query or {"key": key}, {}, body, datetime(2026, 6, 14, tzinfo=UTC))


def event(**told: Any) -> dict[str, Any]:
    return {
        "object_type": "activity",
        "object_id": 16200000001,
        "aspect_type": "create",
        "updates": {},
        "owner_id": 7700123,
        "subscription_id": 120475,
        "event_time": 1781431800,
        **told,
    }


HANDSHAKE = {"hub.mode": "subscribe", "hub.challenge": "15f7d1a9", "hub.verify_token": SECRET, "key": SECRET}


def test_the_handshake_is_answered_with_its_challenge() -> None:
    answered = StravaWebhooks().handshake(delivered(b"", method="GET", query=HANDSHAKE), Known(subscriptions=()))

    assert answered == Reply(200, b'{"hub.challenge": "15f7d1a9"}')


@pytest.mark.parametrize(
    ("query", "secret"),
    [
        ({**HANDSHAKE, "hub.verify_token": "guessed"}, SECRET),
        ({**HANDSHAKE, "hub.verify_token": "gueßt"}, SECRET),
        ({**HANDSHAKE, "hub.verify_token": ""}, ""),
        ({**HANDSHAKE, "hub.mode": "unsubscribe"}, SECRET),
        ({}, SECRET),
    ],
    ids=["another token", "letters", "no secret set", "another mode", "nothing"],
)
def test_a_handshake_of_somebody_else_is_refused(query: dict[str, str], secret: str) -> None:
    assert StravaWebhooks().handshake(delivered(b"", method="GET", query=query), Known(secret)) == Reply(403)


def test_a_delivery_is_no_handshake() -> None:
    assert StravaWebhooks().handshake(delivered(event()), Known()) is None


@pytest.mark.parametrize(
    ("told", "key", "genuine"),
    [
        (event(), SECRET, True),
        (event(subscription_id=999), SECRET, False),
        (event(subscription_id=None), SECRET, False),
        (event(), "guessed", False),
        (event(), "", False),
        (b"{", SECRET, False),
        (b"[]", SECRET, False),
    ],
    ids=["ours", "another subscription", "none", "another key", "no key", "no JSON", "a list"],
)
def test_only_what_comes_to_our_secret_address_for_our_subscription_is_genuine(
    told: Any, key: str, genuine: bool
) -> None:
    assert StravaWebhooks().is_genuine(delivered(told, key=key), Known()) is genuine


def test_nothing_is_genuine_while_no_subscription_stands_or_it_has_no_key() -> None:
    hooks = StravaWebhooks()

    assert not hooks.is_genuine(delivered(event()), Known(subscriptions=()))
    assert not hooks.is_genuine(delivered(event(), key=""), Known(subscriptions=(Subscription("120475", ADDRESS),)))


DETAIL, STREAMS = (Ask(kind, "16200000001", "activities", rank=NOW) for kind in ("detail", "streams"))


@pytest.mark.parametrize(
    ("told", "events"),
    [
        (event(), (Event("7700123", asks=(DETAIL, STREAMS)),)),
        (event(aspect_type="update", updates={"title": "New"}), (Event("7700123", asks=(DETAIL, STREAMS)),)),
        # An event alone deletes nothing: the API's 404 does.
        (event(aspect_type="delete"), (Event("7700123", asks=(DETAIL,)),)),
        (event(aspect_type="hum"), ()),
        (event(object_type="club"), ()),
        (
            event(object_type="athlete", object_id=7700123, aspect_type="update", updates={"authorized": "false"}),
            (Event("7700123", revoked=True),),
        ),
        (event(object_type="athlete", object_id=7700123, aspect_type="update", updates={"weight": "60"}), ()),
    ],
    ids=["create", "update", "delete", "unknown aspect", "unknown object", "deauthorised", "an athlete's update"],
)
def test_events_only_lead_to_requests(told: Any, events: tuple[Event, ...]) -> None:
    assert StravaWebhooks().events(delivered(told)) == events
    # Delivered three times it asks for the same.
    assert StravaWebhooks().events(delivered(told)) == events


@pytest.mark.parametrize("told", [event(owner_id=None), event(object_id="../athlete"), b"nothing", b"[]"])
def test_an_event_that_names_nobody_cannot_be_read(told: Any) -> None:
    with pytest.raises(UnexpectedPayload):
        StravaWebhooks().events(delivered(told))
