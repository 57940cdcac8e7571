"""Tempo, an invented provider with all that a network can have, for tests of what all providers share."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from integrations.base import (
    NOW,
    Account,
    Answer,
    Api,
    Ask,
    Capabilities,
    Delivered,
    Event,
    Feed,
    Look,
    Network,
    OAuth2,
    Provider,
    Reply,
    Scope,
    Secrets,
    Setting,
    Subscription,
)
from integrations.errors import UnexpectedPayload

API = "/tempo/v1"
TOKEN = "/tempo/oauth/token"
REVOKE = f"{API}/consent"
SUBSCRIPTIONS = f"{API}/subscriptions"
SIGNED_WITH = "sandbox-webhook_secret"


class TempoAdapter:
    def account(self, api: Api) -> Account:
        told = api.get("/me").json()
        return Account(str(told["id"]), told.get("name", ""))

    def revoke(self, api: Api) -> None:
        api.send("DELETE", "/consent", allow=(404,))

    def begin(self, feed: str, look: Look, *, cursor: Mapping[str, Any], now: datetime) -> Sequence[Ask]:
        return [Ask(what="page", key=look, feed=feed)]

    def fetch(self, api: Api, ask: Ask) -> Answer:
        return Answer()

    def confirm(self, kind: str, external_id: str) -> Ask | None:
        return None


class TempoWebhooks:
    """Signed with a secret, handshake by challenge, one subscription for each topic."""

    reply = Reply(200, b'{"ok":true}')
    silence_days = 2
    by_call = True
    steps: tuple[str, ...] = ()
    topics = ("workout", "sleep")

    def handshake(self, delivered: Delivered, secrets: Secrets) -> Reply | None:
        if "challenge" not in delivered.query:
            return None
        if not hmac.compare_digest(delivered.query.get("token", ""), secrets.setting("VERIFY_TOKEN")):
            return Reply(401)
        return Reply(200, json.dumps({"challenge": delivered.query["challenge"]}).encode())

    def is_genuine(self, delivered: Delivered, secrets: Secrets) -> bool:
        keys = [secrets.setting("WEBHOOK_SECRET"), *(it.secret for it in secrets.subscriptions if it.secret)]
        told = delivered.headers.get("x-tempo-signature", "")
        return any(hmac.compare_digest(told.encode(), signature(delivered.body, key).encode()) for key in keys)

    def events(self, delivered: Delivered) -> Sequence[Event]:
        try:
            told = json.loads(delivered.body)
            return [
                Event(
                    account_id=str(one["user"]),
                    asks=tuple(Ask("detail", str(key), "activities", rank=NOW) for key in one.get("changed", ())),
                    gone=tuple(one.get("gone", ())),
                    revoked=one.get("revoked", False),
                )
                for one in told
            ]
        except (ValueError, KeyError, TypeError) as error:
            raise UnexpectedPayload("This delivery of Tempo cannot be read.") from error

    def subscriptions(self, api: Api) -> Sequence[Subscription]:
        told = api.get("/subscriptions", auth="client").json()
        return [
            Subscription(str(one["id"]), one["url"], topic=one["topic"], expires_at=_moment(one["until"]))
            for one in told
        ]

    def subscribe(self, api: Api, callback_url: str, verify_token: str, topic: str) -> Subscription:
        form = {"url": callback_url, "token": verify_token, "topic": topic}
        told = api.send("POST", "/subscriptions", form=form, auth="client").json()
        return Subscription(
            str(told["id"]), callback_url, secret=told.get("secret", ""), expires_at=_moment(told["until"]), topic=topic
        )

    def renew(self, api: Api, subscription: Subscription) -> Subscription:
        told = api.send("PUT", f"/subscriptions/{subscription.external_id}", auth="client").json()
        return replace(subscription, expires_at=_moment(told["until"]))

    def unsubscribe(self, api: Api, subscription: Subscription) -> None:
        api.send("DELETE", f"/subscriptions/{subscription.external_id}", auth="client")


def signature(body: bytes, secret: str = SIGNED_WITH) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _moment(told: str) -> datetime:
    return datetime.fromisoformat(told).astimezone(UTC)


ACTIVITIES = Scope("activities", "Your activities.", required=True)
SLEEP = Scope("sleep", "Your nights.")

TEMPO = Provider(
    slug="tempo",
    name="Tempo",
    summary="Counts.",
    capabilities=Capabilities(activities=True),
    ways_in=(),
    mapping_version=1,
    network=Network(
        api_url="https://api.tempo.example/v1",
        oauth=OAuth2(
            authorize_url="https://tempo.example/oauth/authorize",
            token_url="https://api.tempo.example/oauth/token",
            scopes=(ACTIVITIES, SLEEP),
            pkce=True,
            authorize_params={"prompt": "consent"},
            refresh_params={"scope": "offline"},
        ),
        adapter=TempoAdapter(),
        feeds=(Feed("activities", "activities", Capabilities(activities=True), scopes=("activities",)),),
        settings=(
            Setting("WEBHOOK_SECRET", "Signs what Tempo sends."),
            Setting("FILES_URL", "Where its files are.", secret=False, default="https://files.tempo.example/f"),
            Setting("REGION", "Which of its regions.", secret=False, default="eu"),
        ),
        hosts=("cdn.tempo.example",),
        webhooks=TempoWebhooks(),
    ),
)


def tempo(**network: Any) -> Provider:
    """Tempo, but for these parts of its network."""
    assert TEMPO.network
    return replace(TEMPO, network=replace(TEMPO.network, **network))


def tempo_oauth(**told: Any) -> Provider:
    """Tempo, but for these parts of its OAuth."""
    assert TEMPO.network
    return tempo(oauth=replace(TEMPO.network.oauth, **told))
