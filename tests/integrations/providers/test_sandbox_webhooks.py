"""What the sandbox delivers in the name of a provider is genuine to that provider's webhooks, over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from integrations.base import Delivered, Event, Network, Reply, Subscription
from integrations.http import ApiSession
from integrations.registry import PROVIDERS
from tests.integrations import playback as played
from tests.integrations.playback import Call, Playback
from tests.integrations.sandbox.serving import Running, running

pytestmark = pytest.mark.django_db

VERIFY = "verify-me"
# What happens at the provider, and the kinds of request it leads to.
CHANGES = [
    ("whoop", "", {"kind": "workout", "rescored": 1}, {"workout", "list"}),
    ("whoop", "", {"kind": "recovery", "rescored": 1}, {"sleep", "recovery", "list"}),
    ("oura", "update.sleep", {"kind": "sleep", "rescored": 1}, {"sleep", "list"}),
    ("oura", "update.daily_readiness", {"kind": "daily_readiness", "rescored": 1}, {"daily_readiness"}),
    ("polar", "", {"kind": "night", "rescored": 1}, {"night", "nightly_recharge", "list"}),
    ("fitbit", "", {"kind": "sleep", "rescored": 1}, {"list"}),
    ("polar", "", {"kind": "easy_run", "minutes": 20}, {"exercise"}),
]


class Secrets:
    """What the server knows: the sandbox's keys and the subscriptions that were made."""

    def __init__(self) -> None:
        self.subscriptions: Sequence[Subscription] = ()

    def setting(self, name: str) -> str:
        return {
            "CLIENT_SECRET": "sandbox-secret", "VERIFY_TOKEN": VERIFY, "WEBHOOK_SECRET": "sandbox-webhook_secret",
        }[name]  # fmt: skip


@pytest.fixture
def portal() -> Iterator[Playback]:
    """Where deliveries go."""
    server = Playback()
    yield server
    server.close()


@pytest.mark.parametrize(("slug", "topic", "change", "expected"), CHANGES, ids=[f"{it[0]} {it[2]}" for it in CHANGES])
def test_deliveries_are_genuine(
    tmp_path: Path, settings: Any, portal: Playback, slug: str, topic: str, change: dict[str, Any], expected: set[str]
) -> None:
    provider = PROVIDERS[slug]
    network: Network | None = provider.network
    assert network is not None
    assert network.webhooks is not None
    hooks, secrets, path = network.webhooks, Secrets(), f"/webhooks/{slug}/"
    events: list[Event] = []

    def take(call: Call) -> played.Reply:
        delivered = Delivered(call.method, call.query, call.headers, call.body, datetime.now(UTC))
        reply = hooks.handshake(delivered, secrets)
        if reply is None:
            is_genuine = hooks.is_genuine(delivered, secrets)
            events.extend(hooks.events(delivered) if is_genuine else ())
            reply = hooks.reply if is_genuine else Reply(403)
        return played.Reply(reply.status, reply.body)

    for method in ("GET", "POST"):
        portal.answer(method, path, by=take, times=float("inf"))
    with running(tmp_path / "sandbox.sqlite3", portal=portal.url, demo_days=14) as sandbox:
        settings.SANDBOX_URL = sandbox.url
        account = account_of(sandbox, slug)
        if hooks.by_call:
            made = hooks.subscribe(ApiSession.of_app(provider), f"{portal.url}{path}", VERIFY, topic)
            secrets.subscriptions = [made]
            assert [it.external_id for it in hooks.subscriptions(ApiSession.of_app(provider))] == [made.external_id]
        if "minutes" in change:
            sandbox.control("new", provider=slug, **change)
        else:
            newest = sandbox.records(slug, change["kind"])[-1]["id"]
            sandbox.control("edit", provider=slug, account="demo", id=newest, **change)
        deliveries = sandbox.delivered(slug, 1)

    assert deliveries
    assert events
    assert {event.account_id for event in events} == {account}
    assert {ask.what for event in events for ask in event.asks} <= expected
    assert portal.calls


def account_of(sandbox: Running, slug: str) -> str:
    """The provider's id of the demo account, whose consent stands from now on."""
    provider = PROVIDERS[slug]
    assert provider.network is not None
    token = sandbox.grant(slug)
    return provider.network.adapter.account(ApiSession.of_token(provider, token)).id
