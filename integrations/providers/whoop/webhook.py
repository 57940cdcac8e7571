"""WHOOP's webhooks: which record of whom has changed or is gone, and nothing of the record itself."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import timedelta

from integrations.base import NOW, Ask, Delivered, Event, Reply, Secrets, SetUpByHand
from integrations.providers.whoop.adapter import list_ask
from integrations.told import number, object_of, text

# A delivery that was signed longer ago, or lies further ahead, is not taken.
WINDOW_S = 300
# How far back the strain of days is looked at when one of their workouts or nights has changed.
DAYS_AGAIN = timedelta(days=2)


class WhoopWebhooks(SetUpByHand):
    reply = Reply()
    silence_days = 2
    steps: tuple[str, ...] = (
        "Open your app on developer-dashboard.whoop.com and add this server's webhook address to it.",
        "Choose version v2 of the webhooks: only that one names records as the API does.",
    )

    def handshake(self, delivered: Delivered, secrets: Secrets) -> Reply | None:
        return None

    def is_genuine(self, delivered: Delivered, secrets: Secrets) -> bool:
        """The signature is over the milliseconds in its header and the body, and no older than five minutes."""
        stamp, told = (
            delivered.headers.get("x-whoop-signature-timestamp", ""), delivered.headers.get("x-whoop-signature", ""),
        )  # fmt: skip
        signed_ms = number(stamp)
        key = secrets.setting("CLIENT_SECRET").encode()
        digest = hmac.new(key, stamp.encode() + delivered.body, hashlib.sha256).digest()
        is_signed = hmac.compare_digest(base64.b64encode(digest), told.encode())
        is_fresh = signed_ms is not None and abs(delivered.received_at.timestamp() - signed_ms / 1000) <= WINDOW_S
        return bool(key) and is_signed and is_fresh

    def events(self, delivered: Delivered) -> Sequence[Event]:
        told = object_of(delivered.body)
        kind, _, what = text(told.get("type")).partition(".")
        record, now = text(told.get("id")), delivered.received_at
        if kind not in ("workout", "sleep", "recovery") or what not in ("updated", "deleted") or not record:
            return ()
        asks: list[Ask] = []
        if kind == "recovery":
            # Of one that was deleted, only asking tells the day under which it is filed.
            asks.append(Ask("recovery", record, "recovery", {"now": now.isoformat()}, NOW))
        else:
            if what == "updated":
                asks.append(Ask(kind, record, kind, rank=NOW))
            asks.append(list_ask("cycle", "incremental", since=now - DAYS_AGAIN, now=now, rank=NOW))
        gone = (record,) if what == "deleted" and kind != "recovery" else ()
        return (Event(text(told.get("user_id")), tuple(asks), gone=gone),)
