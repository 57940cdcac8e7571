"""Wahoo's webhooks: the summary of a workout, made or changed, with the app's token in its body.

The workout is asked for again instead of taken from the body: a token in a body proves less than an answer of the API,
and so each workout has one form.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence

from integrations.base import NOW, Delivered, Event, Reply, Secrets, SetUpByHand
from integrations.errors import UnexpectedPayload
from integrations.providers.wahoo.adapter import workout_ask
from integrations.told import mapping, object_of, text


class WahooWebhooks(SetUpByHand):
    reply = Reply()
    silence_days = 4
    steps: tuple[str, ...] = (
        "Open your app on developers.wahooligan.com, switch its webhook on and enter this server's webhook address.",
        "Enter a long word of your own as the webhook's token and set WAHOO_WEBHOOK_SECRET to the same.",
    )

    def handshake(self, delivered: Delivered, secrets: Secrets) -> Reply | None:
        return None

    def is_genuine(self, delivered: Delivered, secrets: Secrets) -> bool:
        """Whether the token in the body is ours."""
        try:
            told = text(object_of(delivered.body).get("webhook_token"))
        except UnexpectedPayload:
            return False
        ours = secrets.setting("WEBHOOK_SECRET")
        return bool(ours) and hmac.compare_digest(told.encode(errors="replace"), ours.encode())

    def events(self, delivered: Delivered) -> Sequence[Event]:
        told = object_of(delivered.body)
        if (text(told.get("event_type")) or text(told.get("event"))) != "workout_summary":
            return ()
        summary = mapping(told.get("workout_summary"))
        account = text(mapping(told.get("user")).get("id"))
        workout = text(mapping(summary.get("workout")).get("id")) or text(summary.get("workout_id"))
        if not account or not workout.isdigit():
            raise UnexpectedPayload("The event names no athlete or no workout.")
        return (Event(account, asks=(workout_ask(workout, rank=NOW),)),)
