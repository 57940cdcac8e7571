"""Suunto's webhooks: a new workout, or samples of nights, recovery and activity, signed over the body."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

from integrations.base import NOW, Ask, Delivered, Event, Reply, Secrets, SetUpByHand
from integrations.errors import UnexpectedPayload
from integrations.providers.suunto.adapter import ACTIVITY, RECOVERY, asks_for_workout, nights, window_ask
from integrations.told import aware, elements_under, mapping, object_of, text

SIGNATURE = "x-hmac-sha256-signature"
_WEEKS = {"SUUNTO_247_ACTIVITY_CREATED": ACTIVITY, "SUUNTO_247_RECOVERY_CREATED": RECOVERY}


class SuuntoWebhooks(SetUpByHand):
    reply = Reply()
    silence_days = 3
    steps: tuple[str, ...] = (
        "Open your app on apizone.suunto.com and enter this server's webhook address for notifications.",
        "Enter a secret there and set SUUNTO_WEBHOOK_SECRET to the same.",
    )

    def handshake(self, delivered: Delivered, secrets: Secrets) -> Reply | None:
        return None

    def is_genuine(self, delivered: Delivered, secrets: Secrets) -> bool:
        """Whether the body is signed with our secret."""
        key = secrets.setting("WEBHOOK_SECRET").encode()
        told = delivered.headers.get(SIGNATURE, "").strip().lower().encode(errors="replace")
        return bool(key) and hmac.compare_digest(
            hmac.new(key, delivered.body, hashlib.sha256).hexdigest().encode(), told
        )

    def events(self, delivered: Delivered) -> Sequence[Event]:
        told = object_of(delivered.body)
        kind, account = text(told.get("type")), text(told.get("username"))
        if not account:
            raise UnexpectedPayload("The event names nobody.")
        if kind == "WORKOUT_CREATED":
            key = text(mapping(told.get("workout")).get("workoutKey"))
            if not key:
                raise UnexpectedPayload("The event names no workout.")
            return (Event(account, asks=asks_for_workout(key)),)
        if kind == "SUUNTO_247_SLEEP_CREATED":
            rows, _ = elements_under(delivered.body, "samples")
            return (Event(account, payloads=nights(rows)),)
        if kind not in _WEEKS:
            return ()
        # A week is one record: what came with the event is only a part of it.
        rows, _ = elements_under(delivered.body, "samples")
        moments = [moment for _, row in rows if (moment := aware(mapping(row).get("timestamp")))]
        asks: dict[str, Ask] = {}
        for moment in sorted(moments):
            ask = window_ask(_WEEKS[kind], moment, now=delivered.received_at, since=None, rank=NOW, closes=False)
            asks[ask.key] = ask
        return (Event(account, asks=tuple(asks.values())),)
