from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from integrations.base import NEW, NOW, Ask, Delivered, Event, Reply, Subscription
from integrations.errors import UnexpectedPayload
from integrations.providers.oura.adapter import COLLECTIONS, list_ask
from integrations.providers.oura.webhook import OuraWebhooks

HOOKS = OuraWebhooks()
SECRET, TOKEN = "the client's secret", "verify-me"
AT = datetime(2026, 4, 11, 7, 20, tzinfo=UTC)
HEART_RATE = list_ask("heartrate", date(2026, 4, 10), date(2026, 4, 12), now=AT, rank=NEW)


class Secrets:
    subscriptions: Sequence[Subscription] = ()

    def __init__(self, **told: str) -> None:
        self.told = {"CLIENT_SECRET": SECRET, "VERIFY_TOKEN": TOKEN, **told}

    def setting(self, name: str) -> str:
        return self.told[name]


def event(what: str, kind: str, record: str = "n-1") -> dict[str, str]:
    return {
        "event_type": what, "data_type": kind, "object_id": record, "event_time": "2026-04-11T07:19:41+00:00",
        "user_id": "8a2f61d0",
    }  # fmt: skip


def delivered(told: object, secret: str = SECRET, stamp: str = "1775892000", signed: bytes | None = None) -> Delivered:
    body = json.dumps(told).encode()
    digest = hmac.new(secret.encode(), stamp.encode() + (signed or body), hashlib.sha256).hexdigest()
    return Delivered("POST", {}, {"x-oura-signature": digest.upper(), "x-oura-timestamp": stamp}, body, AT)


def asked(query: Mapping[str, str]) -> Delivered:
    return Delivered("GET", query, {}, b"", AT)


def test_the_handshake_gets_its_challenge_back() -> None:
    good = {"verification_token": TOKEN, "challenge": 'a"b'}

    assert HOOKS.handshake(asked(good), Secrets()) == Reply(body=b'{"challenge": "a\\"b"}')
    assert HOOKS.handshake(delivered(event("update", "sleep")), Secrets()) is None


@pytest.mark.parametrize("query", [{}, {"verification_token": "guess", "challenge": "a"}, {"challenge": "a"}])
def test_a_handshake_with_another_token_is_refused(query: Mapping[str, str]) -> None:
    assert HOOKS.handshake(asked(query), Secrets()) == Reply(401)
    assert HOOKS.handshake(asked({"verification_token": "", "challenge": "a"}), Secrets(VERIFY_TOKEN="")) == Reply(401)


def test_a_signed_delivery_is_genuine_in_either_case_of_letters() -> None:
    good = delivered(event("update", "sleep"))
    small = {**good.headers, "x-oura-signature": good.headers["x-oura-signature"].lower()}

    assert HOOKS.is_genuine(good, Secrets())
    assert HOOKS.is_genuine(replace(good, headers=small), Secrets())


def test_a_signature_over_the_json_written_anew_is_genuine() -> None:
    told = event("update", "sleep")

    assert HOOKS.is_genuine(delivered(told, signed=json.dumps(told, separators=(",", ":")).encode()), Secrets())


def test_the_signature_is_the_documented_one() -> None:
    """Upper-case hex of HMAC-SHA256(secret, timestamp followed by the body), worked out beforehand."""
    headers = {
        "x-oura-signature": "6D35129DE2E8B7C0083F721D5671CE74710B6D98139D02EC2E36756614BF9C0E",
        "x-oura-timestamp": "1775892000",
    }

    assert HOOKS.is_genuine(Delivered("POST", {}, headers, b'{"a":1}', AT), Secrets(CLIENT_SECRET="s3cret"))


def test_a_forged_delivery_is_refused() -> None:
    good = delivered(event("update", "sleep"))

    assert not HOOKS.is_genuine(delivered(event("update", "sleep"), "another"), Secrets())
    assert not HOOKS.is_genuine(replace(good, body=good.body.replace(b"n-1", b"n-2")), Secrets())
    assert not HOOKS.is_genuine(replace(good, headers={}), Secrets())
    assert not HOOKS.is_genuine(replace(good, headers={**good.headers, "x-oura-timestamp": "1775892001"}), Secrets())
    assert not HOOKS.is_genuine(replace(good, headers={**good.headers, "x-oura-signature": "é"}), Secrets())
    assert not HOOKS.is_genuine(delivered(event("update", "sleep"), ""), Secrets(CLIENT_SECRET=""))


def one(kind: str, record: str = "n-1") -> Ask:
    return Ask(kind, record, kind, {"now": "2026-04-11T07:20:00+00:00"}, NOW)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (event("create", "sleep"), Event("8a2f61d0", (one("sleep"), HEART_RATE))),
        (event("update", "workout"), Event("8a2f61d0", (one("workout"), HEART_RATE))),
        (event("delete", "workout"), Event("8a2f61d0", (HEART_RATE,), gone=("n-1",))),
        (event("delete", "sleep"), Event("8a2f61d0", (HEART_RATE,), gone=("n-1",))),
        (event("update", "daily_readiness"), Event("8a2f61d0", (one("daily_readiness"),))),
        (event("create", "vo2_max"), Event("8a2f61d0", (one("vo2_max"),))),
        (
            event("delete", "daily_sleep"),
            Event("8a2f61d0", (list_ask("daily_sleep", date(2026, 4, 4), date(2026, 4, 13), now=AT, rank=NOW),)),
        ),
    ],
    ids=lambda it: f"{it['event_type']} {it['data_type']}" if isinstance(it, dict) else "",
)
def test_an_event_leads_to_requests(told: dict[str, str], expected: Event) -> None:
    assert HOOKS.events(delivered(told)) == (expected,)


@pytest.mark.parametrize("told", [event("create", "meal"), event("create", "enhanced_tag"), event("read", "sleep"), {}])
def test_an_event_that_concerns_nothing_of_ours_is_taken_and_left(told: object) -> None:
    assert HOOKS.events(delivered(told)) == ()


def test_what_is_no_event_is_unexpected() -> None:
    with pytest.raises(UnexpectedPayload):
        HOOKS.events(delivered([]))


def test_there_is_a_topic_for_each_event_of_each_kind() -> None:
    assert len(HOOKS.topics) == 3 * len(COLLECTIONS) == 33
    assert {"create.sleep", "delete.vo2_max"} <= set(HOOKS.topics)
