"""Strava's webhooks: one subscription for the whole app, and events that name an activity or an athlete.

Strava signs nothing that its documentation would tell, so the address that it is given ends in a key of our own, an
event must name our subscription, and nothing is changed before the API has said the same.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Sequence
from urllib.parse import parse_qs, urlencode, urlsplit

from integrations.base import NOW, Api, Delivered, Event, Reply, Secrets, Subscription
from integrations.errors import UnexpectedPayload
from integrations.providers.strava.adapter import asks_for
from integrations.told import entries, list_of, mapping, object_of, text

PATH = "/push_subscriptions"
KEY = "key"


class StravaWebhooks:
    reply = Reply()
    silence_days = 7
    by_call = True
    steps: tuple[str, ...] = (
        "Run `manage.py webhooks subscribe strava` once; a schedule looks after it from then on.",
        "Strava calls this server back while that runs, so the server must be reachable from outside by https.",
        "An app has one subscription only: remove the old one first where the address of this server has changed.",
    )
    topics: tuple[str, ...] = ("",)

    def handshake(self, delivered: Delivered, secrets: Secrets) -> Reply | None:
        """The challenge in JSON, where the key in the address and the token are ours; 403 else."""
        if delivered.method != "GET":
            return None
        query = delivered.query
        ours = secrets.setting("VERIFY_TOKEN")
        is_ours = _same(query.get("hub.verify_token", ""), ours)
        if query.get("hub.mode") != "subscribe" or "hub.challenge" not in query or not is_ours:
            return Reply(403)
        return Reply(200, json.dumps({"hub.challenge": query["hub.challenge"]}).encode())

    def is_genuine(self, delivered: Delivered, secrets: Secrets) -> bool:
        """Whether it came to the address that only Strava knows, for a subscription that stands."""
        try:
            told = text(object_of(delivered.body).get("subscription_id"))
        except UnexpectedPayload:
            return False
        key = delivered.query.get(KEY, "")
        return any(
            _same(key, subscription.secret) and _same(told, subscription.external_id)
            for subscription in secrets.subscriptions
        )

    def events(self, delivered: Delivered) -> Sequence[Event]:
        told = object_of(delivered.body)
        owner, record, aspect = text(told.get("owner_id")), text(told.get("object_id")), text(told.get("aspect_type"))
        if not owner or not record.isdigit():
            raise UnexpectedPayload("The event names no athlete or no object.")
        if told.get("object_type") == "athlete":
            is_over = text(mapping(told.get("updates")).get("authorized")).lower() == "false"
            return (Event(owner, revoked=True),) if is_over else ()
        if told.get("object_type") != "activity" or aspect not in ("create", "update", "delete"):
            return ()
        # Of a deleted one the API answers 404, and then it is gone: an event alone deletes nothing.
        asks = asks_for(record, rank=NOW, streams=aspect != "delete")
        return (Event(owner, asks=asks),)

    def subscriptions(self, api: Api) -> Sequence[Subscription]:
        response = api.get(PATH, _client(api), auth="none")
        return [
            Subscription(text(row["id"]), address, _key_of(address))
            for row in entries(list_of(response.content))
            if text(row.get("id")) and (address := text(row.get("callback_url")))
        ]

    def subscribe(self, api: Api, callback_url: str, verify_token: str, topic: str) -> Subscription:
        """A new one. Strava calls the address back, with the token, before it answers."""
        address = f"{callback_url}?{urlencode({KEY: verify_token})}"
        form = {**_client(api), "callback_url": address, "verify_token": verify_token}
        made = object_of(api.send("POST", PATH, form=form, auth="none").content)
        if not text(made.get("id")):
            raise UnexpectedPayload("Strava made a subscription and did not tell its number.")
        return Subscription(text(made["id"]), address, verify_token)

    def renew(self, api: Api, subscription: Subscription) -> Subscription:
        """As it is: Strava's has no end."""
        return subscription

    def unsubscribe(self, api: Api, subscription: Subscription) -> None:
        api.send("DELETE", f"{PATH}/{subscription.external_id}", _client(api), auth="none", allow=(404,))


def _client(api: Api) -> dict[str, str]:
    return {"client_id": api.setting("CLIENT_ID"), "client_secret": api.setting("CLIENT_SECRET")}


def _key_of(address: str) -> str:
    return parse_qs(urlsplit(address).query).get(KEY, [""])[0]


def _same(one: str, other: str) -> bool:
    """Whether both are the same and something, in constant time."""
    return bool(other) and hmac.compare_digest(one.encode(), other.encode())
