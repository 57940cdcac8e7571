"""Polar's webhooks: one for all accounts, signed with a key that is told once, when the webhook is made."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, date, datetime

from integrations.base import NEW, NOW, Api, Ask, Delivered, Event, Reply, Secrets, Subscription
from integrations.errors import UnexpectedPayload
from integrations.providers.polar.adapter import list_ask, offsets_ask
from integrations.told import day_of, entries, mapping, object_of, text

BASE = "/v3/webhooks"
EVENTS = ("EXERCISE", "SLEEP", "CONTINUOUS_HEART_RATE", "ACTIVITY_SUMMARY", "PHYSICAL_INFORMATION")
# What is told by its date alone, and has no event of its own: the night's event leads to it.
BESIDE_NIGHT = ("cardio_load", "skin_temperature", "spo2")


class PolarWebhooks:
    reply = Reply()
    # After seven days of failures Polar turns the webhook off.
    silence_days = 3
    by_call = True
    steps: tuple[str, ...] = ()
    topics: tuple[str, ...] = ("",)

    def handshake(self, delivered: Delivered, secrets: Secrets) -> Reply | None:
        """A ping wants a 200 and nothing else. It comes before the key is known, so it is not checked."""
        if delivered.method != "POST":
            return None
        try:
            is_ping = text(object_of(delivered.body).get("event")) == "PING"
        except UnexpectedPayload:
            return None
        return Reply() if is_ping else None

    def is_genuine(self, delivered: Delivered, secrets: Secrets) -> bool:
        """The signature is over the body, with the key of one of our webhooks."""
        told = delivered.headers.get("polar-webhook-signature", "").lower().encode()
        keys = [it.secret.encode() for it in secrets.subscriptions if it.secret]
        signed = [hmac.new(key, delivered.body, hashlib.sha256).hexdigest().encode() for key in keys]
        return any(hmac.compare_digest(it, told) for it in signed)

    def events(self, delivered: Delivered) -> Sequence[Event]:
        told = object_of(delivered.body)
        account_id, now = text(told.get("user_id")), delivered.received_at
        asks = _asks(text(told.get("event")), text(told.get("entity_id")), day_of(told.get("date")), now)
        return (Event(account_id, tuple(asks)),) if asks else ()

    def subscriptions(self, api: Api) -> Sequence[Subscription]:
        """Those that are on. One that Polar has turned off is made anew by `subscribe`."""
        told = object_of(api.get(BASE, auth="client").content)
        return tuple(
            Subscription(text(it.get("id")), text(it.get("url")))
            for it in entries(told.get("data"))
            if text(it.get("id")) and it.get("active") is not False
        )

    def subscribe(self, api: Api, callback_url: str, verify_token: str, topic: str) -> Subscription:
        """A new one, in place of what is there: its key is told only now."""
        body = {"events": list(EVENTS), "url": callback_url}
        response = api.send("POST", BASE, json=body, auth="client", allow=(409,))
        if response.status == 409:
            for it in entries(object_of(api.get(BASE, auth="client").content).get("data")):
                self.unsubscribe(api, Subscription(text(it.get("id")), text(it.get("url"))))
            response = api.send("POST", BASE, json=body, auth="client")
        told = mapping(object_of(response.content).get("data"))
        external_id, secret = text(told.get("id")), text(told.get("signature_secret_key"))
        if not external_id or not secret:
            raise UnexpectedPayload("Polar made a webhook and did not tell its id or its key.")
        return Subscription(external_id, text(told.get("url")) or callback_url, secret)

    def renew(self, api: Api, subscription: Subscription) -> Subscription:
        """It has no end; one that was turned off is turned on."""
        api.send("POST", f"{BASE}/activate", auth="client")
        return subscription

    def unsubscribe(self, api: Api, subscription: Subscription) -> None:
        api.send("DELETE", f"{BASE}/{subscription.external_id}", auth="client", allow=(404,))


def _asks(event: str, entity: str, day: date | None, now: datetime) -> list[Ask]:
    today = now.astimezone(UTC).date()
    if event == "EXERCISE" and entity:
        return [Ask("exercise", entity, "exercise", rank=NOW)]
    if event == "SLEEP" and day:
        asks = [Ask(what, day.isoformat(), what, rank=NOW) for what in ("night", "nightly_recharge")]
        span = {"cardio_load": None}
        return asks + [list_ask(feed, span.get(feed, day), today, now=now, rank=NEW) for feed in BESIDE_NIGHT]
    if event == "ACTIVITY_SUMMARY" and day:
        return [Ask("daily_activity", day.isoformat(), "daily_activity", rank=NOW)]
    if event == "CONTINUOUS_HEART_RATE" and day:
        return [offsets_ask(day, day, now=now, rank=NEW)]
    if event == "PHYSICAL_INFORMATION":
        return [Ask("physical_info", today.isoformat(), "physical_info", rank=NOW)]
    return []
