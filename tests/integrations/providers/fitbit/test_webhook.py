from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from integrations.base import NEW, NOW, Delivered, Event, Reply, Subscription
from integrations.errors import UnexpectedPayload
from integrations.providers.fitbit.adapter import days_ask, list_ask
from integrations.providers.fitbit.webhook import GoogleHealthWebhooks

HOOKS = GoogleHealthWebhooks()
AT = datetime(2026, 5, 2, 7, 0, tzinfo=UTC)
BEARER = "Bearer a-long-random-text"


class Secrets:
    subscriptions: Sequence[Subscription] = ()

    def __init__(self, told: str = BEARER) -> None:
        self.told = told

    def setting(self, name: str) -> str:
        return {"WEBHOOK_SECRET": self.told}[name]


def delivered(told: object, authorization: str = BEARER) -> Delivered:
    headers = {"authorization": authorization} if authorization else {}
    return Delivered("POST", {}, headers, json.dumps(told).encode(), AT)


def notice(kind: str, start: str = "2026-05-01T22:10:00Z", end: str = "2026-05-02T05:58:00Z") -> dict[str, object]:
    interval = {"physicalTimeInterval": {"startTime": start, "endTime": end}}
    data = {"version": "1", "healthUserId": "h1", "operation": "UPSERT", "dataType": kind, "intervals": [interval]}
    return {"data": data}


def test_the_verification_is_answered_by_whether_the_secret_is_there() -> None:
    asked = {"type": "verification"}

    assert HOOKS.handshake(delivered(asked), Secrets()) == Reply(201)
    assert HOOKS.handshake(delivered(asked, ""), Secrets()) == Reply(401)
    assert HOOKS.handshake(delivered(asked, "Bearer guess"), Secrets()) == Reply(401)
    assert HOOKS.handshake(delivered([notice("sleep")]), Secrets()) is None
    assert HOOKS.handshake(replace(delivered(asked), body=b"<"), Secrets()) is None
    assert HOOKS.handshake(replace(delivered(asked), method="GET"), Secrets()) is None


@pytest.mark.parametrize(("told", "known", "expected"), [
    (BEARER, BEARER, True), (BEARER, "Bearer other", False), ("", BEARER, False), ("", "", False), ("é", BEARER, False),
])  # fmt: skip
def test_a_delivery_is_genuine_by_its_authorization(told: str, known: str, expected: bool) -> None:
    assert HOOKS.is_genuine(delivered([notice("sleep")], told), Secrets(known)) is expected


def test_notices_lead_to_the_lists_of_their_days() -> None:
    first, last = date(2026, 4, 30), date(2026, 5, 4)

    assert HOOKS.events(delivered([notice("sleep"), notice("steps"), notice("daily-vo2-max")])) == (
        Event("h1", (list_ask("health_sleep", first, date(2026, 5, 6), now=AT, rank=NOW),)),
        Event("h1", (days_ask("health_steps", first, last, now=AT, rank=NEW),)),
        Event("h1", (list_ask("health_vo2max", first, date(2026, 5, 6), now=AT, rank=NEW),)),
    )


def test_a_notice_about_heart_rate_leads_to_its_days() -> None:
    [event] = HOOKS.events(delivered([notice("heart-rate", "2026-05-02T05:00:00Z", "2026-05-02T06:00:00Z")]))

    assert event.asks == (days_ask("health_heart_rate", date(2026, 5, 1), date(2026, 5, 4), now=AT, rank=NEW),)


@pytest.mark.parametrize(
    "told",
    [
        [],
        [notice("nutrition-log")],
        [notice("sleep", "soon", "later")],
        [notice("sleep", "2020-01-01T00:00:00Z", "2026-01-01T00:00:00Z")],
        [notice("sleep", "2026-05-02T00:00:00Z", "2026-04-02T00:00:00Z")],
        [{}, 7],
    ],
)
def test_a_notice_that_concerns_nothing_of_ours_is_taken_and_left(told: object) -> None:
    assert HOOKS.events(delivered(told)) == ()


def test_what_is_no_notice_is_unexpected() -> None:
    with pytest.raises(UnexpectedPayload):
        HOOKS.events(delivered("hello"))
