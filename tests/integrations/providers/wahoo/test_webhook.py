"""Wahoo's webhooks: the app's token in the body, and a workout to ask for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from integrations.base import NOW, Ask, Delivered, Event, Subscription
from integrations.errors import UnexpectedPayload
from integrations.providers.wahoo.webhook import WahooWebhooks

HOOKS = WahooWebhooks()
TOKEN = "a token of the app"


class Known:
    subscriptions: Sequence[Subscription] = ()

    def __init__(self, token: str = TOKEN) -> None:
        self.token = token

    def setting(self, name: str) -> str:
        return {"WEBHOOK_SECRET": self.token}[name]


def delivered(told: Any) -> Delivered:
    body = told if isinstance(told, bytes) else json.dumps(told).encode()
    return Delivered("POST", {}, {}, body, datetime(2026, 4, 11, tzinfo=UTC))


def event(**told: Any) -> dict[str, Any]:
    return {
        "event_type": "workout_summary",
        "webhook_token": TOKEN,
        "user": {"id": 60001},
        "workout_summary": {"id": 310000001, "workout": {"id": 410000001}},
        **told,
    }


@pytest.mark.parametrize(
    ("told", "ours", "genuine"),
    [
        (event(), TOKEN, True),
        (event(webhook_token="guessed"), TOKEN, False),
        (event(webhook_token="gueßt"), TOKEN, False),
        (event(webhook_token=None), TOKEN, False),
        (event(webhook_token=""), "", False),
        (b"[]", TOKEN, False),
        (b"{", TOKEN, False),
    ],
    ids=["ours", "another", "letters", "none", "none set", "a list", "no JSON"],
)
def test_only_a_body_with_our_token_is_genuine(told: Any, ours: str, genuine: bool) -> None:
    assert HOOKS.is_genuine(delivered(told), Known(ours)) is genuine
    assert HOOKS.handshake(delivered(told), Known(ours)) is None


@pytest.mark.parametrize(
    ("told", "events"),
    [
        (event(), (Event("60001", asks=(Ask("workout", "410000001", "workouts", rank=NOW),)),)),
        (
            # The names of a document by others.
            {"event": "workout_summary", "user": {"id": 7}, "workout_summary": {"workout_id": 552233}},
            (Event("7", asks=(Ask("workout", "552233", "workouts", rank=NOW),)),),
        ),
        (event(event_type="route"), ()),
    ],
    ids=["vendor's names", "others' names", "something else"],
)
def test_events_lead_to_the_workout_however_often_they_come(told: Any, events: tuple[Event, ...]) -> None:
    assert [HOOKS.events(delivered(told)) for _ in range(3)] == [events] * 3


@pytest.mark.parametrize(
    "told", [event(user=None), event(workout_summary={}), event(workout_summary={"workout": {"id": "../user"}}), b"x"]
)
def test_an_event_that_names_nobody_cannot_be_read(told: Any) -> None:
    with pytest.raises(UnexpectedPayload):
        HOOKS.events(delivered(told))
