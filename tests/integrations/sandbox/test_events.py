"""What happens at a provider, and the webhooks that tell of it."""

from __future__ import annotations

import hmac
import json
import time
from dataclasses import replace

import pytest

from integrations.sandbox.base import Webhooks, dumps
from tests.integrations.sandbox import tempo
from tests.integrations.sandbox.conftest import Receiver
from tests.integrations.sandbox.serving import Running, running

CLIENT = {"client_id": "sandbox-tempo", "client_secret": "sandbox-secret"}


@pytest.fixture
def subscribed(played: Running, receiver: Receiver) -> Running:
    """Connected, and with a subscription whose handshake was answered."""
    played.grant("tempo")
    got = played.post("/tempo/v1/hooks", form={**CLIENT, "callback_url": receiver.url})
    assert got.status == 201, got.body
    return played


def newest(played: Running, kind: str = "summary") -> dict[str, object]:
    return played.records("tempo", kind)[-1]


def heard(receiver: Receiver) -> list[object]:
    return [json.loads(body) for _, body in receiver.got]


def test_subscription_needs_the_client_and_its_handshake(played, receiver):
    path = "/tempo/v1/hooks"
    told = [
        played.post(path, form={"callback_url": receiver.url}).status,
        played.post(path, form={**CLIENT, "callback_url": "http://127.0.0.1:9/nobody"}).status,
        played.post(path, form={**CLIENT, "callback_url": receiver.url}).status,
    ]

    assert told == [401, 400, 201]
    [good, bad] = played.look("deliveries", provider="tempo")
    assert [(it["what"], it["status"]) for it in (good, bad)] == [("handshake GET", 200), ("handshake GET", 0)]


def test_renamed_activity_is_another_version_and_is_told(subscribed, receiver):
    before = newest(subscribed)

    sent = subscribed.control("edit", provider="tempo", kind="summary", id=before["id"], name="Up the hill")

    # The summary changed; the file was never asked for, and is told anew.
    assert sent == {"records": 2, "deliveries": 1}
    [delivery] = subscribed.delivered("tempo")
    after = newest(subscribed)
    assert (delivery["what"], delivery["status"], delivery["attempts"]) == (f"updated summary {before['id']}", 200, 1)
    assert heard(receiver) == [{"user": "tempo-demo", "id": before["id"], "what": "updated"}]
    assert (after["id"], after["sha256"] != before["sha256"], after["updated"] > before["updated"]) == (
        before["id"], True, True,
    )  # fmt: skip


def test_delivery_is_signed(subscribed, receiver):
    subscribed.control("edit", provider="tempo", name="Signed")
    subscribed.delivered("tempo")

    [(headers, body)] = receiver.got
    assert headers["x-tempo-signature"] == hmac.new(b"s3cret", body, "sha256").hexdigest()
    assert headers["content-type"] == "application/json"


def test_forged_delivery_is_signed_with_another_secret(subscribed, receiver):
    subscribed.control("edit", provider="tempo", name="Forged")
    [first] = subscribed.delivered("tempo")
    subscribed.control("send_again", number=first["number"], forged=True)
    subscribed.delivered("tempo", 2)

    good = [
        headers["x-tempo-signature"] == hmac.new(b"s3cret", it, "sha256").hexdigest() for headers, it in receiver.got
    ]
    assert (good, len({body for _, body in receiver.got})) == ([True, False], 1)


def test_delivery_is_sent_again_as_it_was(subscribed, receiver):
    subscribed.control("edit", provider="tempo", name="Again")
    [first] = subscribed.delivered("tempo")
    subscribed.control("send_again", number=first["number"])
    subscribed.delivered("tempo", 2)

    assert receiver.got[0][1] == receiver.got[1][1]


def test_night_is_scored_again(subscribed):
    before = newest(subscribed, "night")

    subscribed.control("edit", provider="tempo", kind="night", id=before["id"], rescored=1)
    once = newest(subscribed, "night")
    subscribed.control("edit", provider="tempo", kind="night", id=before["id"], rescored=1)
    twice = newest(subscribed, "night")

    assert len({it["sha256"] for it in (before, once, twice)}) == 3
    assert before["updated"] < once["updated"] < twice["updated"]


def test_deleted_activity_is_gone_and_comes_back(subscribed, receiver):
    token = subscribed.grant("tempo")["access_token"]
    record = newest(subscribed)
    path = f"/tempo/v1/workouts/{record['id']}"
    seen = [subscribed.get(path, token=token).status]
    named = {"provider": "tempo", "kind": "summary", "id": record["id"]}

    subscribed.control("delete", **named)
    seen.append(subscribed.get(path, token=token).status)
    subscribed.control("restore", **named)
    seen.append(subscribed.get(path, token=token).status)

    subscribed.delivered("tempo", 2)
    assert seen == [200, 404, 200]
    assert [it["what"] for it in heard(receiver)] == ["deleted", "created"]
    assert newest(subscribed) == record


def test_what_was_deleted_cannot_be_edited(subscribed):
    named = {"provider": "tempo", "kind": "summary", "id": newest(subscribed)["id"]}
    subscribed.control("delete", **named)

    got = subscribed.post("/control/edit", data={**named, "name": "Nowhere"})

    assert (got.status, got.json) == (404, {"error": "It was deleted: bring it back first."})


def test_new_activity_is_the_newest_and_is_told(subscribed, receiver):
    before = newest(subscribed)

    sent = subscribed.control("new", provider="tempo", kind="ride")

    subscribed.delivered("tempo")
    after = newest(subscribed)
    assert sent == {"tempo": {"records": 2, "deliveries": 1}}
    assert after["start"] > before["start"]
    assert heard(receiver) == [{"user": "tempo-demo", "id": after["id"], "what": "created"}]


def test_withdrawn_consent_is_told_once_and_ends_all_telling(subscribed, receiver):
    subscribed.control("revoke", provider="tempo")
    subscribed.delivered("tempo")
    subscribed.control("revoke", provider="tempo")
    sent = subscribed.control("edit", provider="tempo", name="Nobody hears")

    assert heard(receiver) == [{"user": "tempo-demo", "what": "revoked"}]
    assert sent["deliveries"] == 0


def test_failed_delivery_is_repeated_and_then_given_up(subscribed, receiver):
    receiver.status = 500
    subscribed.control("edit", provider="tempo", name="Not heard")

    [delivery] = subscribed.delivered("tempo")

    assert (len(receiver.got), delivery["attempts"], delivery["status"], delivery["answered"]) == (3, 3, 500, "heard")


def test_delivery_that_fails_at_first_arrives(subscribed, receiver):
    receiver.status = 503
    subscribed.control("edit", provider="tempo", name="Heard late")
    deadline = time.monotonic() + 10
    while not receiver.got and time.monotonic() < deadline:
        time.sleep(0.005)
    receiver.status = 204

    [delivery] = subscribed.delivered("tempo")

    assert (delivery["status"], delivery["attempts"] >= 2) == (204, True)


def test_subscription_that_ended_gets_nothing(subscribed, receiver):
    [it] = subscribed.look("state")["tempo"]["subscriptions"]
    gone = subscribed.request("DELETE", f"/tempo/v1/hooks/{it['external_id']}", form=CLIENT)

    sent = subscribed.control("edit", provider="tempo", name="Nobody hears")

    assert (gone.status, sent["deliveries"], receiver.got) == (204, 0, [])


def test_portal_s_callback_needs_no_subscription(tmp_path, receiver):
    """As with providers whose webhooks are set up by hand; their secret may stand in the body."""

    def body(change, subscription, shelf):
        return dumps({"token": subscription.secret, "what": change.what}) if change.record.kind == "summary" else None

    webhooks = Webhooks(body=body, sign=lambda body, subscription, shelf: {}, portal=True)
    known = {"tempo": replace(tempo.PLAY, webhooks=webhooks)}
    with running(tmp_path / "s.sqlite3", portal="http://127.0.0.1:9", known=known, demo_days=5) as played:
        assert played.look("state")["tempo"]["callback"] == "http://127.0.0.1:9/webhooks/tempo/"
        played.control("callback", provider="tempo", url=receiver.url)
        played.grant("tempo")
        played.control("edit", provider="tempo", name="Told")
        [first] = played.delivered("tempo")
        played.control("send_again", number=first["number"], forged=True)
        played.delivered("tempo", 2)

    assert heard(receiver) == [
        {"token": "sandbox-webhook_secret", "what": "updated"},
        {"token": "a wrong secret", "what": "updated"},
    ]
