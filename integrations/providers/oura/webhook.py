"""Oura's webhooks: one subscription for each kind of event and of document, each with an end."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, timedelta
from typing import Any

from integrations.base import NEW, NOW, Api, Ask, Delivered, Event, Reply, Secrets, Subscription
from integrations.errors import UnexpectedPayload
from integrations.providers.oura.adapter import AGAIN_DAYS, BY_ID, COLLECTIONS, list_ask
from integrations.told import aware, entries, json_of, object_of, text

BASE = "/v2/webhook/subscription"
EVENTS = ("create", "update", "delete")


class OuraWebhooks:
    reply = Reply()
    silence_days = 3
    by_call = True
    steps: tuple[str, ...] = ()
    topics: tuple[str, ...] = tuple(f"{event}.{kind}" for kind in COLLECTIONS for event in EVENTS)

    def handshake(self, delivered: Delivered, secrets: Secrets) -> Reply | None:
        """Oura asks with our token and a challenge, which it gets back."""
        if delivered.method != "GET":
            return None
        known, told = secrets.setting("VERIFY_TOKEN"), delivered.query.get("verification_token", "")
        if not known or not hmac.compare_digest(known.encode(), told.encode()):
            return Reply(401)
        return Reply(body=json.dumps({"challenge": delivered.query.get("challenge", "")}).encode())

    def is_genuine(self, delivered: Delivered, secrets: Secrets) -> bool:
        """The signature is over the time in its header and the body: as sent, or as Oura's own example writes it."""
        key = secrets.setting("CLIENT_SECRET").encode()
        told = delivered.headers.get("x-oura-signature", "").upper().encode()
        stamp = delivered.headers.get("x-oura-timestamp", "").encode()
        if not key or not told or not stamp:
            return False
        return any(
            hmac.compare_digest(hmac.new(key, stamp + body, hashlib.sha256).hexdigest().upper().encode(), told)
            for body in _written(delivered.body)
        )

    def events(self, delivered: Delivered) -> Sequence[Event]:
        told = object_of(delivered.body)
        what, kind, record = (text(told.get(name)) for name in ("event_type", "data_type", "object_id"))
        if kind not in COLLECTIONS or what not in EVENTS or not record:
            return ()
        now = delivered.received_at
        today = now.astimezone(UTC).date()
        asks: list[Ask] = []
        if what != "delete":
            asks.append(Ask(kind, record, kind, {"now": now.isoformat()}, NOW))
        elif kind not in BY_ID:
            # The id of a day's document says nothing of the day: its list shows which days are left.
            since, until = today - timedelta(days=AGAIN_DAYS), today + timedelta(days=2)
            asks.append(list_ask(kind, since, until, now=now, rank=NOW))
        if kind in ("workout", "sleep"):
            # Heart rate has no event of its own.
            since, until = today - timedelta(days=1), today + timedelta(days=1)
            asks.append(list_ask("heartrate", since, until, now=now, rank=NEW))
        gone = (record,) if what == "delete" and kind in BY_ID else ()
        return (Event(text(told.get("user_id")), tuple(asks), gone=gone),)

    def subscriptions(self, api: Api) -> Sequence[Subscription]:
        response = api.get(BASE, headers=_client(api), auth="none")
        return tuple(_subscription(told) for told in entries(json_of(response.content)))

    def subscribe(self, api: Api, callback_url: str, verify_token: str, topic: str) -> Subscription:
        event, _, kind = topic.partition(".")
        body = {
            "callback_url": callback_url, "verification_token": verify_token, "event_type": event, "data_type": kind,
        }  # fmt: skip
        response = api.send("POST", BASE, json=body, headers=_client(api), auth="none")
        return _subscription(object_of(response.content))

    def renew(self, api: Api, subscription: Subscription) -> Subscription:
        path = f"{BASE}/renew/{subscription.external_id}"
        response = api.send("PUT", path, headers=_client(api), auth="none")
        return _subscription(object_of(response.content))

    def unsubscribe(self, api: Api, subscription: Subscription) -> None:
        path = f"{BASE}/{subscription.external_id}"
        api.send("DELETE", path, headers=_client(api), auth="none", allow=(403, 404))


def _client(api: Api) -> Mapping[str, str]:
    return {"x-client-id": api.setting("CLIENT_ID"), "x-client-secret": api.setting("CLIENT_SECRET")}


def _subscription(told: Mapping[str, Any]) -> Subscription:
    external_id = text(told.get("id"))
    if not external_id:
        raise UnexpectedPayload("Oura answered with a subscription that has no id.")
    return Subscription(
        external_id=external_id,
        callback_url=text(told.get("callback_url")),
        expires_at=aware(told.get("expiration_time")),
        topic=f"{text(told.get('event_type'))}.{text(told.get('data_type'))}",
    )


def _written(body: bytes) -> list[bytes]:
    """The body as it came, and as a JSON library writes it without blanks."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return [body]
    return [body, json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")]
