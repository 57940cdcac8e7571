"""What providers send: stored before anything else, refused where it is forged, worked off in order, and asked for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from django_q.brokers import get_broker
from pytest_django.fixtures import DjangoAssertNumQueries, Settings

from integrations import webhooks
from integrations.base import Delivered, Event, Provider
from integrations.credentials import decrypt_text, encrypt_text
from integrations.errors import RateLimited
from integrations.models import Connection, OpenAsk, SyncRun, WebhookReceipt, WebhookRefusal, WebhookSubscription
from integrations.registry import PROVIDERS
from tests.factories.integrations import ConnectionFactory
from tests.integrations.playback import Call, Playback, Reply
from tests.integrations.racing import Race
from tests.integrations.tempo import SIGNED_WITH, SUBSCRIPTIONS, TEMPO, TempoWebhooks, signature, tempo

ADDRESS = "/webhooks/tempo/"
HERE = "http://testserver/webhooks/tempo/"
CHANGED = [{"user": 7, "changed": [15, 16]}]

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("tempo")]


@pytest.fixture(autouse=True)
def at(settings: Settings) -> None:
    settings.BASE_URL = "http://testserver"


def deliver(told: Any, *, secret: str = SIGNED_WITH, path: str = ADDRESS, **headers: str) -> HttpResponse:
    """A delivery of Tempo, signed with this secret, from somebody without cookies."""
    body = told if isinstance(told, bytes) else json.dumps(told).encode()
    signed = {"X-Tempo-Signature": signature(body, secret), "Authorization": "Bearer theirs", **headers}
    sender = Client(enforce_csrf_checks=True, headers=signed)
    return sender.post(path, body, content_type="application/json", query_params={"key": "k", "of": "1"})


def nudges() -> int:
    """How many messages are in the queue."""
    size: int = get_broker().queue_size()
    return size


@pytest.fixture(autouse=True)
def empty_queue() -> None:
    get_broker().purge_queue()


# --- taking ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [ADDRESS, "/api/v1/webhooks/tempo/"])
def test_a_delivery_is_stored_as_it_came_and_answered(path: str) -> None:
    body = b'[ {"user":7,\n"changed":[15]} ]'
    before = timezone.now()

    answer = deliver(body, path=path)

    assert (answer.status_code, answer.content, answer["Content-Type"]) == (200, b'{"ok":true}', "application/json")
    assert (answer.cookies, "no-store" in answer["Cache-Control"]) == ({}, True)
    receipt = WebhookReceipt.objects.get()
    assert (bytes(receipt.body), receipt.sha256) == (body, hashlib.sha256(body).hexdigest())
    assert (receipt.provider, receipt.state, receipt.attempts) == ("tempo", "waiting", 0)
    assert before <= receipt.received_at <= timezone.now()
    # What proves who sent it is not written down.
    assert receipt.query == {"of": "1"}
    assert receipt.headers["x-tempo-signature"] == signature(body)
    assert "authorization" not in receipt.headers


def test_a_delivery_costs_one_insert_before_its_answer(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    """One look at the subscriptions, whose secrets it may be signed with, and the row."""
    body = b"[]"
    request = Client().post(ADDRESS, body, "application/json", headers={"X-Tempo-Signature": signature(body)})
    assert request.status_code == 200

    with django_assert_num_queries(2):
        webhooks._answer(
            TEMPO, TempoWebhooks(), Delivered("POST", {}, {"x-tempo-signature": signature(body)}, body, timezone.now())
        )


def test_one_nudge_does_for_many_deliveries() -> None:
    for number in range(5):
        deliver([{"user": number}])

    assert (nudges(), WebhookReceipt.objects.count()) == (1, 5)
    webhooks.work_off()
    deliver(CHANGED)
    assert nudges() == 2


@pytest.mark.parametrize(
    ("headers", "secret"),
    [({}, "another"), ({"X-Tempo-Signature": ""}, ""), ({"X-Tempo-Signature": "ü"}, "")],
    ids=["forged", "unsigned", "no ascii"],
)
def test_a_forged_delivery_is_refused_and_counted_and_not_kept(headers: dict[str, str], secret: str) -> None:
    answers = [deliver(CHANGED, secret=secret, **headers) for _ in range(3)]

    assert [it.status_code for it in answers] == [403] * 3
    assert not WebhookReceipt.objects.exists()
    (refused,) = WebhookRefusal.objects.all()
    assert (refused.provider, refused.day, refused.count) == ("tempo", timezone.now().date(), 3)
    assert nudges() == 0


def test_a_delivery_signed_with_the_secret_of_a_subscription_is_taken() -> None:
    WebhookSubscription.objects.create(provider="tempo", external_id="1", secret=encrypt_text("told once"))

    assert deliver(CHANGED, secret="told once").status_code == 200


def test_a_handshake_is_answered_and_stored_nowhere() -> None:
    token = webhooks.Known(TEMPO).setting("VERIFY_TOKEN")

    good = Client().get(ADDRESS, {"challenge": "abc", "token": token})
    bad = Client().get(ADDRESS, {"challenge": "abc", "token": "guessed"})

    assert (good.status_code, good.json()) == (200, {"challenge": "abc"})
    assert bad.status_code == 401
    assert (WebhookReceipt.objects.count(), WebhookRefusal.objects.get().count) == (0, 1)


def test_who_only_looks_finds_nothing() -> None:
    assert Client().get(ADDRESS).status_code == 404
    assert not WebhookRefusal.objects.exists()


@pytest.mark.parametrize("slug", ["nobody", "garmin"])
def test_who_sends_nothing_has_no_address(slug: str) -> None:
    assert deliver(CHANGED, path=f"/webhooks/{slug}/").status_code == 404


def test_without_the_secret_nothing_is_taken(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty key would sign whatever anybody sends."""
    settings.SANDBOX_URL = ""
    monkeypatch.setenv("TEMPO_CLIENT_ID", "c")
    monkeypatch.setenv("TEMPO_CLIENT_SECRET", "s")

    assert deliver(CHANGED, secret="").status_code == 404


@pytest.mark.parametrize("method", ["put", "delete", "patch"])
def test_other_methods_are_not_taken(method: str) -> None:
    assert getattr(Client(), method)(ADDRESS).status_code == 405


def test_a_body_that_is_too_large_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "MAX_BODY_BYTES", 100)

    assert deliver(b"[" + b" " * 98 + b"]").status_code == 200
    assert deliver(b"[" + b" " * 99 + b"]").status_code == 413
    assert WebhookReceipt.objects.count() == 1


def test_a_body_larger_than_a_form_may_be_is_taken(settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10

    assert deliver(CHANGED).status_code == 200


def test_a_key_that_is_missing_here_has_the_provider_come_again(settings: Settings) -> None:
    WebhookSubscription.objects.create(provider="tempo", external_id="1", secret=encrypt_text("told once"))
    settings.CREDENTIAL_KEYS = ["MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="]

    assert deliver(CHANGED, secret="told once").status_code == 503


# --- working off ----------------------------------------------------------------------------------


@pytest.fixture
def connection() -> Connection:
    return ConnectionFactory(provider="tempo", account_id="7", scopes=["activities"])


def asked(connection: Connection) -> list[tuple[str, str, int]]:
    return [(it.what, it.key, it.rank) for it in connection.asks.order_by("pk")]


def notes() -> list[tuple[str, str]]:
    return [(it.state, it.note) for it in WebhookReceipt.objects.order_by("pk")]


def test_work_off_asks_for_what_a_delivery_names(connection: Connection) -> None:
    deliver(CHANGED)

    assert webhooks.work_off() == 1

    assert asked(connection) == [("detail", "15", 0), ("detail", "16", 0)]
    run = SyncRun.objects.get()
    assert (run.connection, run.kind, run.trigger) == (connection, "sync", "webhook")
    assert notes() == [("done", f"Connection {connection.pk}: 2 asked for.")]
    connection.refresh_from_db()
    assert connection.last_event_at is not None
    assert webhooks.work_off() == 0


def test_a_delivery_that_is_repeated_changes_nothing(connection: Connection) -> None:
    deliver(CHANGED)
    webhooks.work_off()
    once = asked(connection)
    for _ in range(3):
        deliver(CHANGED)

    webhooks.work_off()

    assert (asked(connection), SyncRun.objects.count()) == (once, 1)


def test_a_delivery_of_many_reaches_each_account(connection: Connection) -> None:
    other = ConnectionFactory(provider="tempo", account_id="8")
    deliver([*CHANGED, {"user": 8, "changed": [1]}, {"user": 9, "changed": [1]}, {"user": 8, "gone": ["2"]}])

    webhooks.work_off()

    assert [it[:2] for it in asked(connection)] == [("detail", "15"), ("detail", "16")]
    assert asked(other)[0][:2] == ("detail", "1")
    assert len(asked(other)) == 2
    assert notes()[0] == (
        "done",
        f"Connection {connection.pk}: 2 asked for.\nConnection {other.pk}: 1 asked for.\n"
        f"Nobody here is connected with this account.\nConnection {other.pk}: 1 gone.",
    )


@pytest.mark.parametrize("state", ["unknown", "disconnected"])
def test_a_delivery_about_nobody_here_is_done_with_a_note(state: str) -> None:
    if state == "disconnected":
        ConnectionFactory(provider="tempo", account_id="7", state=state)
    deliver(CHANGED)

    webhooks.work_off()

    assert notes() == [("done", "Nobody here is connected with this account.")]
    assert not OpenAsk.objects.exists()


def test_what_comes_while_a_connection_is_broken_waits_for_the_athlete(connection: Connection) -> None:
    Connection.objects.update(state="broken")
    deliver([{"user": 7, "changed": [15], "gone": ["16"]}])

    webhooks.work_off()

    assert len(asked(connection)) == 2
    assert not SyncRun.objects.exists()
    assert notes()[0][0] == "done"


def test_a_permission_that_was_taken_back_breaks_the_connection(connection: Connection) -> None:
    deliver([{"user": 7, "revoked": True}])

    webhooks.work_off()

    connection.refresh_from_db()
    assert (connection.state, connection.problem) == ("broken", "You took the permission back at Tempo.")


def test_a_delivery_that_cannot_be_read_is_kept_and_the_next_goes_on(connection: Connection) -> None:
    deliver(b"{broken")
    deliver(CHANGED)

    assert webhooks.work_off() == 2

    assert [state for state, _ in notes()] == ["failed", "done"]
    assert notes()[0][1] == "This delivery of Tempo cannot be read."
    assert bytes(WebhookReceipt.objects.earliest("pk").body) == b"{broken"


class Stumbling(TempoWebhooks):
    """Has a mistake in it."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []

    def events(self, delivered: Delivered) -> Sequence[Event]:
        self.seen.append(delivered.body)
        if b"stumble" in delivered.body:
            raise ZeroDivisionError("a mistake of ours")
        return super().events(delivered)


def test_a_mistake_of_ours_is_tried_again_and_then_kept(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    stumbling = Stumbling()
    monkeypatch.setitem(PROVIDERS, "tempo", tempo(webhooks=stumbling))
    deliver(b'["stumble"]')
    deliver(CHANGED)

    for _ in range(webhooks.MAX_ATTEMPTS):
        # It is first in line until its time is over.
        assert webhooks.work_off() <= 2
        WebhookReceipt.objects.update(leased_until=None)

    assert notes()[0] == ("failed", "ZeroDivisionError: a mistake of ours")
    assert stumbling.seen[:3] == [b'["stumble"]'] * 3
    assert notes()[1][0] == "done"


def test_a_receipt_that_somebody_is_at_is_left_to_them(connection: Connection) -> None:
    deliver(CHANGED)
    deliver([{"user": 7, "changed": [99]}])
    WebhookReceipt.objects.filter(pk=WebhookReceipt.objects.earliest("pk").pk).update(
        leased_until=timezone.now() + timedelta(seconds=30)
    )

    # Not the second one either: it came later.
    assert (webhooks.work_off(), asked(connection)) == (0, [])


def test_a_receipt_whose_worker_died_is_taken_up(connection: Connection) -> None:
    deliver(CHANGED)
    WebhookReceipt.objects.update(leased_until=timezone.now() - timedelta(seconds=1), attempts=1)

    assert webhooks.work_off() == 1
    assert notes()[0][0] == "done"


def test_a_receipt_that_kills_its_workers_is_given_up(connection: Connection) -> None:
    deliver(CHANGED)
    WebhookReceipt.objects.update(attempts=webhooks.MAX_ATTEMPTS)

    webhooks.work_off()

    assert notes() == [("failed", "Each time the worker ended without a word.")]


def test_what_one_provider_sends_waits_for_no_other(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    WebhookReceipt.objects.create(
        provider="aaa", body=b"", received_at=timezone.now(), leased_until=timezone.now() + timedelta(hours=1)
    )
    deliver(CHANGED)

    assert webhooks.work_off() == 1


@pytest.mark.django_db(transaction=True)
def test_two_workers_work_each_receipt_off_once(connection: Connection, race: Race) -> None:
    for number in range(30):
        deliver([{"user": 7, "changed": [number]}])

    said = race("claim", 3)

    assert sum(it["done"] for it in said) == 30


def test_receipts_are_forgotten_a_month_after_they_came() -> None:
    old = timezone.now() - timedelta(days=31)
    for state in WebhookReceipt.State.values:
        WebhookReceipt.objects.create(provider="tempo", body=b"", state=state, received_at=old)
        WebhookReceipt.objects.create(provider="tempo", body=b"", state=state)

    assert webhooks.forget_receipts() == 2
    assert WebhookReceipt.objects.filter(received_at=old).get().state == "waiting"


# --- subscriptions --------------------------------------------------------------------------------

LATE = "2030-01-01T00:00:00+00:00"


class Subscribing:
    """Tempo's subscriptions, with its handshake at the address that it is given."""

    def __init__(self, playback: Playback) -> None:
        self.rows: dict[str, dict[str, str]] = {}
        self.until = LATE
        for method, path in (("GET", ""), ("POST", "")):
            playback.answer(method, SUBSCRIPTIONS + path, by=self.answer, times=float("inf"))
        for number in range(1, 9):
            for method in ("PUT", "DELETE"):
                playback.answer(method, f"{SUBSCRIPTIONS}/{number}", by=self.answer, times=float("inf"))

    def add(self, url: str, topic: str, until: str = LATE) -> str:
        number = str(len(self.rows) + 1)
        self.rows[number] = {"id": number, "url": url, "topic": topic, "until": until}
        return number

    def answer(self, call: Call) -> Reply:
        keys = {**call.query, **call.form}
        assert (keys.pop("client_id"), keys.pop("client_secret")) == ("sandbox-tempo", "sandbox-secret")
        number = call.path.removeprefix(SUBSCRIPTIONS).strip("/")
        if call.method == "GET":
            return said(list(self.rows.values()))
        if call.method == "POST":
            form = call.form
            assert form["token"] == webhooks.Known(TEMPO).setting("VERIFY_TOKEN")
            number = self.add(form["url"], form["topic"], self.until)
            return said({**self.rows[number], "secret": f"secret {number}"})
        if call.method == "PUT":
            self.rows[number]["until"] = self.until
            return said(self.rows[number])
        del self.rows[number]
        return Reply(204)


def said(told: Any) -> Reply:
    return Reply(200, json.dumps(told).encode(), {"content-type": "application/json"})


@pytest.fixture
def there(playback: Playback) -> Subscribing:
    return Subscribing(playback)


def kept() -> list[tuple[str, str, str, str]]:
    return [
        (it.external_id, it.topic, it.callback_url, decrypt_text(it.secret) if it.secret else "")
        for it in WebhookSubscription.objects.order_by("external_id")
    ]


def test_subscribe_makes_what_is_missing_and_keeps_its_secrets(there: Subscribing) -> None:
    assert webhooks.subscribe(TEMPO) == ["Tempo: subscribed to workout.", "Tempo: subscribed to sleep."]
    assert kept() == [("1", "workout", HERE, "secret 1"), ("2", "sleep", HERE, "secret 2")]
    assert WebhookSubscription.objects.get(external_id="1").expires_at == datetime(2030, 1, 1, tzinfo=UTC)
    assert b"secret" not in bytes(WebhookSubscription.objects.get(external_id="1").secret)

    assert webhooks.subscribe(TEMPO) == []
    assert (len(there.rows), kept()[0][3]) == (2, "secret 1")


def test_subscribe_renews_what_ends_soon(there: Subscribing) -> None:
    there.until = (timezone.now() + timedelta(days=13)).isoformat()
    webhooks.subscribe(TEMPO)
    there.until = LATE

    assert webhooks.subscribe(TEMPO) == [
        "Tempo: renewed subscription 1 (workout).",
        "Tempo: renewed subscription 2 (sleep).",
    ]
    assert [it.expires_at for it in WebhookSubscription.objects.all()] == [datetime(2030, 1, 1, tzinfo=UTC)] * 2
    assert [it[3] for it in kept()] == ["secret 1", "secret 2"]


def test_subscribe_makes_anew_what_leads_to_an_old_address_of_ours(there: Subscribing, settings: Settings) -> None:
    webhooks.subscribe(TEMPO)
    settings.BASE_URL = "https://new.example"

    said = webhooks.subscribe(TEMPO)

    assert sorted(said)[:2] == [
        "Tempo: ended subscription 1 (workout), which was out of date.",
        "Tempo: ended subscription 2 (sleep), which was out of date.",
    ]
    assert {it[2] for it in kept()} == {"https://new.example/webhooks/tempo/"}
    assert {it["url"] for it in there.rows.values()} == {"https://new.example/webhooks/tempo/"}


def test_subscribe_makes_anew_what_leads_here_with_a_secret_that_we_do_not_hold(there: Subscribing) -> None:
    there.add(f"{HERE}?key=k", "workout")

    webhooks.subscribe(TEMPO)

    assert [it[1] for it in kept()] == ["workout", "sleep"]
    assert len(there.rows) == 2
    assert all(it[3] for it in kept())


def test_subscribe_leaves_alone_what_others_made(there: Subscribing) -> None:
    there.add("https://staging.example/webhooks/tempo/", "workout")

    webhooks.subscribe(TEMPO)

    assert there.rows["1"]["url"] == "https://staging.example/webhooks/tempo/"
    assert [it[0] for it in kept()] == ["2", "3"]


def test_subscribe_makes_anew_what_the_provider_has_lost(there: Subscribing) -> None:
    webhooks.subscribe(TEMPO)
    there.rows.clear()

    assert len(webhooks.subscribe(TEMPO)) == 2
    assert len(kept()) == 2


def test_two_workers_do_not_make_each_subscription_twice(there: Subscribing) -> None:
    with webhooks._alone(TEMPO), pytest.raises(RateLimited, match="Another worker"):
        webhooks.subscribe(TEMPO)

    assert there.rows == {}
    assert len(webhooks.subscribe(TEMPO)) == 2


@pytest.mark.parametrize(
    ("base_url", "sandbox", "state", "made"),
    [
        ("http://testserver", True, "active", 2),
        ("http://testserver", True, "disconnected", 0),
        ("http://testserver", True, "", 0),
        ("https://train.example", False, "active", 2),
        ("http://testserver", False, "active", 0),
    ],
    ids=["sandbox", "disconnected", "nobody", "reachable", "a laptop"],
)
def test_keep_subscriptions_makes_what_somebody_needs(
    there: Subscribing, settings: Settings, playback: Playback, monkeypatch: pytest.MonkeyPatch,
    base_url: str, sandbox: bool, state: str, made: int,
) -> None:  # fmt: skip
    settings.BASE_URL = base_url
    if not sandbox:
        settings.SANDBOX_URL = ""
        for name, value in {
            "API_URL": f"{playback.url}/tempo/v1",
            "CLIENT_ID": "sandbox-tempo",
            "CLIENT_SECRET": "sandbox-secret",
            "WEBHOOK_SECRET": "s",
        }.items():
            monkeypatch.setenv(f"TEMPO_{name}", value)
    if state:
        ConnectionFactory(provider="tempo", state=state)

    webhooks.keep_subscriptions()

    assert len(kept()) == made


def test_keep_subscriptions_says_what_failed(playback: Playback, connection: Connection) -> None:
    playback.answer("GET", SUBSCRIPTIONS, status=403)

    assert webhooks.keep_subscriptions() == ["Tempo: Tempo answered 403 to /tempo/v1/subscriptions."]


# --- the command ----------------------------------------------------------------------------------


def run(*arguments: str) -> list[str]:
    out = StringIO()
    call_command("webhooks", *arguments, stdout=out)
    return out.getvalue().splitlines()


def test_webhooks_subscribe_renew_list_and_unsubscribe(there: Subscribing) -> None:
    deliver(CHANGED)
    deliver(CHANGED, secret="forged")
    today = timezone.now()

    assert run("subscribe", "--provider", "tempo") == ["Tempo: subscribed to workout.", "Tempo: subscribed to sleep."]
    assert run("subscribe", "--provider", "tempo") == ["Tempo: nothing to do."]
    assert run("list", "--provider", "tempo")[:3] == [
        f"Tempo: {HERE}",
        "  Subscription 2 (sleep), until 2030-01-01 00:00 UTC",
        "  Subscription 1 (workout), until 2030-01-01 00:00 UTC",
    ]
    assert run("list", "--provider", "tempo")[3][:30] == f"  Last delivery: {today:%Y-%m-%d %H}"
    assert run("list", "--provider", "tempo")[4] == f"  Refused as forged on {today:%Y-%m-%d}: 1."
    there.until = "2031-01-01T00:00:00+00:00"
    assert run("renew", "--provider", "tempo") == [
        "Tempo: renewed subscription 1 (workout).",
        "Tempo: renewed subscription 2 (sleep).",
    ]
    assert "until 2031-01-01" in run("list", "--provider", "tempo")[1]
    assert len(run("unsubscribe", "--provider", "tempo")) == 2
    assert (there.rows, kept()) == ({}, [])


def test_webhooks_unsubscribe_ends_anothers_by_its_id(there: Subscribing) -> None:
    number = there.add("https://old.example/", "workout")

    assert run("unsubscribe", "--provider", "tempo") == ["Tempo: nothing to do."]
    assert run("unsubscribe", "--provider", "tempo", "--id", number) == ["Tempo: ended subscription 1 (workout)."]
    assert there.rows == {}


def test_webhooks_says_what_the_operator_has_to_do(settings: Settings) -> None:
    settings.SANDBOX_URL = ""

    assert run("list", "--provider", "tempo") == [
        f"Tempo: {HERE}",
        "  Not taken: set TEMPO_CLIENT_ID, TEMPO_CLIENT_SECRET, TEMPO_WEBHOOK_SECRET.",
        "  No subscription; `manage.py webhooks subscribe` makes it.",
        "  Last delivery: none yet.",
    ]
    with pytest.raises(CommandError, match="set TEMPO_CLIENT_ID"):
        run("subscribe", "--provider", "tempo")


def test_webhooks_of_a_portal_are_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    class Portal(TempoWebhooks):
        by_call = False
        steps = ("Open the portal.", "Enter the address.")

    monkeypatch.setitem(PROVIDERS, "tempo", tempo(webhooks=Portal()))

    assert run("list", "--provider", "tempo")[1:3] == ["  1. Open the portal.", "  2. Enter the address."]
    with pytest.raises(CommandError, match="set up in its portal"):
        run("subscribe", "--provider", "tempo")
    with pytest.raises(LookupError):
        webhooks.subscribe(PROVIDERS["tempo"])


def test_webhooks_fails_where_a_provider_does(playback: Playback) -> None:
    playback.answer("GET", SUBSCRIPTIONS, status=500, times=4)

    with pytest.raises(CommandError, match="Tempo answered 500"):
        run("subscribe", "--provider", "tempo")


def test_webhooks_id_needs_its_provider() -> None:
    with pytest.raises(CommandError, match="--id needs --provider"):
        run("unsubscribe", "--id", "7")


# --- every provider -------------------------------------------------------------------------------


def with_webhooks() -> list[Provider]:
    return [it for it in PROVIDERS.values() if it.network and it.network.webhooks]


@pytest.mark.parametrize("provider", with_webhooks(), ids=lambda it: it.slug)
@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"\xff", b'{"user_id": 7}'], ids=repr)
def test_no_provider_takes_what_anybody_may_send(provider: Provider, body: bytes) -> None:
    answer = Client().post(f"/webhooks/{provider.slug}/", body, content_type="application/json")

    assert 400 <= answer.status_code < 500 or b"PING" in answer.content
    assert not WebhookReceipt.objects.exists()
    assert WebhookRefusal.objects.get().provider == provider.slug


@pytest.mark.parametrize("provider", with_webhooks(), ids=lambda it: it.slug)
def test_every_provider_declares_what_its_webhooks_need(provider: Provider) -> None:
    declared = provider.network and provider.network.webhooks
    assert declared
    assert declared.reply.status in (200, 201, 204)
    assert declared.silence_days > 0
    assert declared.topics if declared.by_call else declared.steps
