"""Every provider over the sandbox: agreeing, tokens that end, answers that are lost, webhooks, and the end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from integrations import oauth, webhooks
from integrations.base import Provider
from integrations.credentials import decrypt
from integrations.errors import Revoked, Unavailable
from integrations.models import Connection, OpenAsk, WebhookReceipt, WebhookRefusal, WebhookSubscription
from integrations.registry import PROVIDERS
from integrations.services import connecting
from tests.integrations.consenting import connect
from tests.integrations.sandbox.serving import Running, running
from trainstack.accounts.models import User


def connectable() -> list[Provider]:
    return [it for it in PROVIDERS.values() if it.network]


every_provider = pytest.mark.parametrize("provider", connectable(), ids=lambda it: it.slug)


@pytest.fixture
def at_sandbox(sandbox: Running, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Running:
    settings.SANDBOX_URL = sandbox.url
    monkeypatch.setattr(oauth, "PAUSE", lambda state: 0.01)
    return sandbox


def ask(provider: Provider, connection: Connection) -> bool:
    """Makes one request in the connection's name."""
    assert provider.network
    adapter, feed = provider.network.adapter, provider.network.feeds[0].name
    first = adapter.begin(feed, "incremental", cursor={}, now=timezone.now())[0]
    adapter.fetch(oauth.session_of(connection), first)
    return True


@pytest.mark.django_db
@every_provider
def test_connect_ask_and_disconnect(provider: Provider, at_sandbox: Running, user: User) -> None:
    made = connect(user, provider.slug, at_sandbox)
    connection = made.connection

    assert (made.missing, connection.state) == ((), "active")
    assert connection.account_id
    assert ask(provider, connection)

    assert connecting.disconnect(connection, delete=False) == ""
    again = connect(user, provider.slug, at_sandbox)
    assert (again.connection.pk, again.again) == (connection.pk, True)
    assert ask(provider, again.connection)


@pytest.mark.django_db
@every_provider
def test_tokens_that_end_are_refreshed(provider: Provider, at_sandbox: Running, user: User) -> None:
    connection = connect(user, provider.slug, at_sandbox).connection
    before = decrypt(connection.credentials)
    at_sandbox.control("expire", provider=provider.slug)
    assert provider.network

    if provider.network.oauth.refresh == "none":
        with pytest.raises(Revoked):
            ask(provider, connection)
        return
    assert ask(provider, connection)
    connection.refresh_from_db()
    after = decrypt(connection.credentials)
    assert after.access_token != before.access_token
    assert (after.refresh_token != before.refresh_token) == (provider.network.oauth.refresh == "rotates")
    assert at_sandbox.look("state")[provider.slug]["spent_tokens_presented"] == 0


@pytest.mark.django_db
@every_provider
def test_a_lost_answer_to_a_refresh_is_survived_where_the_provider_allows_it(
    provider: Provider, at_sandbox: Running, user: User
) -> None:
    assert provider.network
    declared = provider.network.oauth
    if declared.refresh == "none":
        pytest.skip("there is no refresh")
    connection = connect(user, provider.slug, at_sandbox).connection
    at_sandbox.control("expire", provider=provider.slug)
    at_sandbox.fault(provider.slug, "refresh_lost", next=1)

    if declared.refresh == "keeps" or declared.repeats_refresh:
        assert ask(provider, connection)
    else:
        # The provider spent the token and nobody has the next one: only the athlete can help.
        with pytest.raises(Revoked):
            ask(provider, connection)


@pytest.mark.django_db
@every_provider
def test_a_token_address_that_is_down_ends_nothing(provider: Provider, at_sandbox: Running, user: User) -> None:
    assert provider.network
    if provider.network.oauth.refresh == "none":
        pytest.skip("there is no refresh")
    connection = connect(user, provider.slug, at_sandbox).connection
    at_sandbox.control("expire", provider=provider.slug)
    at_sandbox.fault(provider.slug, "token_500", next=oauth.ATTEMPTS)

    with pytest.raises(Unavailable):
        ask(provider, connection)
    assert ask(provider, connection)


@pytest.mark.django_db
@every_provider
def test_a_permission_that_was_taken_back_is_the_end(provider: Provider, at_sandbox: Running, user: User) -> None:
    connection = connect(user, provider.slug, at_sandbox).connection
    at_sandbox.control("revoke", provider=provider.slug, account="demo")

    with pytest.raises(Revoked):
        ask(provider, connection)
    assert connecting.disconnect(connection, delete=False) == ""


# --- webhooks -------------------------------------------------------------------------------------


@pytest.fixture
def sending(tmp_path: Path, live_server: LiveServer, settings: Settings) -> Iterator[Running]:
    """A sandbox that sends its webhooks to us."""
    settings.BASE_URL = live_server.url
    with running(tmp_path / "sending.sqlite3", portal=live_server.url) as sandbox:
        settings.SANDBOX_URL = sandbox.url
        yield sandbox


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "provider", [it for it in connectable() if it.network and it.network.webhooks], ids=lambda it: it.slug
)
def test_what_is_new_comes_by_webhook(provider: Provider, sending: Running, user: User) -> None:
    assert provider.network
    assert provider.network.webhooks
    connection = connect(user, provider.slug, sending).connection
    OpenAsk.objects.all().delete()
    assert webhooks.keep_subscriptions() != [] or not provider.network.webhooks.by_call
    count = WebhookSubscription.objects.count()
    assert count == (len(provider.network.webhooks.topics) if provider.network.webhooks.by_call else 0)
    assert webhooks.keep_subscriptions() == []

    # Not every device records both.
    for kind in ("easy_run", "ride"):
        sending.control("new", provider=provider.slug, kind=kind, minutes=40)
    sending.delivered(provider.slug, 1)
    webhooks.work_off()

    receipts = list(WebhookReceipt.objects.all())
    assert {it.state for it in receipts} == {"done"}
    assert any(f"Connection {connection.pk}: " in it.note for it in receipts)
    assert connection.asks.exists()
    assert not WebhookRefusal.objects.exists()
    # No secret of ours is written down beside it.
    token = webhooks.Known(provider).setting("VERIFY_TOKEN")
    assert [it.pk for it in receipts if token in str(it.query) + str(it.headers)] == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "provider",
    [it for it in connectable() if it.network and it.network.webhooks and it.network.webhooks.by_call],
    ids=lambda it: it.slug,
)
def test_subscriptions_are_ended_at_the_provider(provider: Provider, sending: Running) -> None:
    webhooks.subscribe(provider)
    assert WebhookSubscription.objects.exists()

    webhooks.unsubscribe(provider)

    assert not WebhookSubscription.objects.exists()
    assert webhooks.subscribe(provider) != []
