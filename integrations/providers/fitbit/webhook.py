"""Google Health's webhooks: which data type of whom has changed when, and nothing of the data."""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from integrations.base import NEW, NOW, Ask, Delivered, Event, Reply, Secrets, SetUpByHand
from integrations.errors import UnexpectedPayload
from integrations.providers.fitbit.adapter import BY_ID, HEART_RATE, LISTED, ROLLED, list_ask, spans
from integrations.told import entries, json_of, mapping, text

# Data type -> kind of record.
KINDS = {
    **{it.type: kind for kind, it in LISTED.items()}, **{it.type: kind for kind, it in ROLLED.items()},
    "heart-rate": HEART_RATE,
}  # fmt: skip
# An event about longer than this is about everything: the next look finds it.
LONGEST_DAYS = 60


class GoogleHealthWebhooks(SetUpByHand):
    reply = Reply(204)
    silence_days = 3
    steps: tuple[str, ...] = (
        "Choose a long random text and set it as the webhook secret, with “Bearer ” before it.",
        "Register this server's webhook address as a subscriber of your Google Cloud project (Google Health API, "
        "projects.subscribers.create): that secret as endpoint authorization, the data types that you want, and the "
        "policy AUTOMATIC. It takes a service account of the project.",
    )

    def handshake(self, delivered: Delivered, secrets: Secrets) -> Reply | None:
        """Google asks twice: with the secret it wants a 201, without it a 401."""
        if delivered.method != "POST":
            return None
        try:
            told = json_of(delivered.body)
        except UnexpectedPayload:
            return None
        if not isinstance(told, dict) or text(told.get("type")) != "verification":
            return None
        return Reply(201) if self.is_genuine(delivered, secrets) else Reply(401)

    def is_genuine(self, delivered: Delivered, secrets: Secrets) -> bool:
        """The Authorization header is the secret that the subscriber was registered with."""
        known, told = secrets.setting("WEBHOOK_SECRET"), delivered.headers.get("authorization", "")
        return bool(known) and hmac.compare_digest(known.encode(), told.encode())

    def events(self, delivered: Delivered) -> Sequence[Event]:
        told = json_of(delivered.body)
        if not isinstance(told, list | dict):
            raise UnexpectedPayload("A list of notifications was expected here.")
        events = []
        for row in entries(told if isinstance(told, list) else [told]):
            data = mapping(row.get("data"))
            kind = KINDS.get(text(data.get("dataType")))
            asks = tuple(_asks(kind, data, delivered.received_at)) if kind else ()
            if asks:
                events.append(Event(text(data.get("healthUserId")), asks))
        return tuple(events)


def _asks(kind: str, data: dict[str, Any], now: datetime) -> Iterator[Ask]:
    """The lists of the days of each interval: they also show what was deleted there."""
    for interval in entries(data.get("intervals")):
        times = mapping(interval.get("physicalTimeInterval"))
        first, last = (_day(times.get(name)) for name in ("startTime", "endTime"))
        first, last = first or last, last or first
        if first is None or last is None or not timedelta() <= last - first <= timedelta(days=LONGEST_DAYS):
            continue
        # Civil days reach into the days beside.
        since, until = first - timedelta(days=1), last + timedelta(days=2)
        if kind in LISTED:
            rank = NOW if kind in BY_ID else NEW
            # The span in which something may be missing ends before the list does.
            yield list_ask(kind, since, until + timedelta(days=2), now=now, rank=rank)
        else:
            yield from spans(kind, since, until, now=now, rank=NEW)


def _day(told: object) -> date | None:
    words = text(told)
    try:
        return date.fromisoformat(words[:10])
    except ValueError:
        return None
