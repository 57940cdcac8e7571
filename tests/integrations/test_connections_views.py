"""The pages of connections: what they say, whose they are, and what a press of their buttons does."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection as database
from django.template.loader import render_to_string
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from integrations.models import Connection, SyncRun
from integrations.registry import PROVIDERS
from integrations.services import runs
from tests.factories.activities import SleepSessionFactory
from tests.factories.integrations import ConnectionFactory, ConnectionRunFactory, OpenAskFactory
from tests.integrations.consenting import connect

LIST = reverse("integrations:connections")
NETWORKED = sorted(slug for slug, provider in PROVIDERS.items() if provider.network is not None)


@pytest.fixture
def client(user, client_of):
    return client_of(user)


@pytest.fixture(autouse=True)
def sandboxed(settings):
    """Every provider is configured, as in the demo."""
    settings.SANDBOX_URL = "http://127.0.0.1:9"


def address(name: str, row: Connection) -> str:
    return reverse(f"integrations:{name}", args=[row.pk])


def page(client: Client, url: str) -> str:
    response = client.get(url)
    assert response.status_code == 200
    return response.content.decode()


def queries(client: Client, url: str) -> int:
    client.get(url)
    with CaptureQueriesContext(database) as asked:
        client.get(url)
    return len(asked)


# --- the list -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url", [LIST, "/connections/live/", "/connections/strava/connect/", "/connections/1/", "/connections/1/disconnect/"]
)
def test_pages_ask_a_stranger_to_log_in(db, url):
    assert Client().get(url)["Location"] == f"/accounts/login/?next={url}"


def test_list_offers_every_provider_of_the_registry(client):
    text = page(client, LIST)

    assert [provider.name for provider in PROVIDERS.values() if escape(provider.name) not in text] == []
    assert [slug for slug in NETWORKED if f'href="/connections/{slug}/connect/"' not in text] == []
    by_file = [slug for slug, provider in PROVIDERS.items() if provider.ways_in]
    assert [slug for slug in by_file if f'href="/imports/?way={slug}#way-{slug}"' not in text] == []


def test_list_says_what_is_not_configured_and_still_offers_the_files(client, settings):
    settings.SANDBOX_URL = ""

    text = page(client, LIST)

    assert text.count("not configured on this server") == len(NETWORKED)
    assert "Nothing can be connected here yet" in text
    assert [slug for slug in NETWORKED if f"<code>{slug.upper()}_CLIENT_ID</code>" not in text] == []
    assert "/connect/" not in text
    assert "/imports/?way=strava#way-strava" in text


def test_list_shows_how_a_connection_fares(client, user):
    now = timezone.now()
    row = ConnectionFactory(
        user=user, last_success_at=now - timedelta(minutes=5), next_sync_at=now + timedelta(minutes=50, seconds=30)
    )

    text = page(client, LIST)

    for words in ("Lena Brandt", "5 minutes ago", "in 50 minutes", "Sync now", "connected"):
        assert words in text, words
    assert f'action="{address("sync_now", row)}"' in text
    assert 'href="/connections/strava/connect/"' not in text
    assert "hx-trigger" not in text


def test_list_shows_a_dead_connection_as_dead_with_the_one_thing_to_do(client, user):
    row = ConnectionFactory(
        user=user, state=Connection.State.BROKEN, problem="Strava takes our access <no longer>.", next_sync_at=None
    )

    text = page(client, LIST)

    assert "Strava takes our access &lt;no longer&gt;." in text
    assert "connection lost" in text
    assert 'href="/connections/strava/go/"' in text
    assert [words in text for words in ("Connect again", "Sync now", "Try again", "Next look")] == [
        True,
        False,
        False,
        False,
    ]
    assert address("sync_now", row) not in text


def test_list_offers_to_try_again_where_requests_failed(client, user):
    row = ConnectionFactory(user=user)
    OpenAskFactory.create_batch(2, connection=row, failed_at=timezone.now(), error="No answer.")
    OpenAskFactory(connection=row)

    text = page(client, LIST)

    assert "2 requests" in text
    assert f'action="{address("try_again", row)}"' in text
    assert "Sync now" not in text


def test_list_says_what_was_not_allowed(client, user):
    scope = next(one for one in PROVIDERS["strava"].network.oauth.scopes if not one.required)
    others = [one.name for one in PROVIDERS["strava"].network.oauth.scopes if one != scope]
    ConnectionFactory(user=user, scopes=others)

    text = page(client, LIST)

    assert f"You did not allow: {escape(scope.sentence)}" in text
    assert 'href="/connections/strava/connect/"' in text


def test_list_shows_progress_and_asks_for_it_until_it_is_over(client, user):
    run = ConnectionRunFactory(
        connection__user=user, state="running", doing="Activities", done=1204, total=5000, busy_s=60
    )

    text, live = page(client, LIST), page(client, reverse("integrations:connections_live"))

    for said in (text, live):
        assert "1,204 of 5,000" in said
        assert 'hx-get="/connections/live/"' in said
        assert 'value="0.2408"' in said
    assert f'id="live-{run.connection_id}" hx-swap-oob="outerHTML"' in live
    SyncRun.objects.filter(pk=run.pk).update(state="finished", finished_at=timezone.now())
    over = page(client, reverse("integrations:connections_live"))
    assert ("hx-get" in over, "Sync now" in over) == (False, True)


def test_list_says_until_when_a_run_rests(client, user):
    user.profile.time_zone = "Europe/Berlin"
    user.profile.save()
    until = timezone.now() + timedelta(minutes=11)
    ConnectionRunFactory(connection__user=user, doing="Waiting until Strava lets us ask again", waits_until=until)

    text = page(client, LIST)

    assert f"at {until.astimezone(user.profile.zone):%H:%M}" in text
    assert "Waiting until Strava lets us ask again" in text


def test_list_shows_only_ones_own(client, user, other_user):
    ConnectionFactory(user=user, account_name="My account")
    ConnectionFactory(user=other_user, account_name="Their account")

    text = page(client, LIST)

    assert ("My account" in text, "Their account" in text) == (True, False)


def test_list_offers_an_ended_connection_again(client, user):
    row = ConnectionFactory(user=user, state=Connection.State.DISCONNECTED, disconnected_at=timezone.now())

    text = page(client, LIST)

    assert 'href="/connections/strava/connect/"' in text
    assert address("connection", row) in text
    assert "connected until" in text


def test_list_needs_as_many_queries_for_three_as_for_one(client, user):
    def fill(slug):
        row = ConnectionFactory(user=user, provider=slug)
        ConnectionRunFactory(connection=row)
        OpenAskFactory(connection=row, failed_at=timezone.now())

    fill(NETWORKED[0])
    one = queries(client, LIST)
    live = queries(client, reverse("integrations:connections_live"))
    for slug in NETWORKED[1:3]:
        fill(slug)

    assert queries(client, LIST) == one
    assert queries(client, reverse("integrations:connections_live")) == live
    assert one <= 12


# --- before connecting ----------------------------------------------------------------------


@pytest.mark.parametrize("slug", NETWORKED)
def test_connect_says_what_is_shared_before_one_goes_there(client, slug):
    network = PROVIDERS[slug].network

    text = page(client, reverse("integrations:connect", args=[slug]))

    said = (
        [scope.sentence for scope in network.oauth.scopes] + list(network.not_offered) + list(network.terms.sentences)
    )
    assert [words for words in said if escape(words) not in text] == []
    assert f'href="/connections/{slug}/go/"' in text


@pytest.mark.parametrize("slug", NETWORKED)
def test_connect_says_what_the_operator_must_set(client, settings, slug):
    settings.SANDBOX_URL = ""

    text = page(client, reverse("integrations:connect", args=[slug]))

    assert f"{slug.upper()}_CLIENT_ID" in text
    assert [step for step in PROVIDERS[slug].network.operator_steps if escape(step) not in text] == []
    assert f"/connections/{slug}/callback/" in text
    assert f"/connections/{slug}/go/" not in text


def test_connect_of_one_that_is_connected_leads_to_it(client, user):
    row = ConnectionFactory(user=user)

    text = page(client, reverse("integrations:connect", args=["strava"]))

    assert address("connection", row) in text
    assert "/connections/strava/go/" not in text


@pytest.mark.parametrize("slug", ["garmin", "nobody"])
def test_connect_of_one_without_an_api_is_not_there(client, slug):
    assert client.get(reverse("integrations:connect", args=[slug])).status_code == 404


@pytest.mark.parametrize(("terms", "words"), [("enforce", "This server"), ("inform", "nothing is removed by itself")])
def test_connect_says_what_this_server_does_about_the_terms(client, settings, terms, words):
    settings.PROVIDER_TERMS = terms
    strict = [slug for slug in NETWORKED if PROVIDERS[slug].network.terms.only_athlete]

    texts = [page(client, reverse("integrations:connect", args=[slug])) for slug in strict]

    assert texts
    assert all(words in text for text in texts)
    assert all(("shows it to nobody else" in text) == (terms == "enforce") for text in texts)


# --- one connection -------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["connection", "connection_work", "disconnect"])
def test_connection_of_somebody_else_is_not_there(client, other_user, name):
    assert client.get(address(name, ConnectionFactory(user=other_user))).status_code == 404


def test_connection_shows_its_runs_and_what_failed(client, user):
    row = ConnectionFactory(user=user)
    ConnectionRunFactory(connection=row, state="failed", trigger="webhook", error="Strava did not answer.", busy_s=150)
    ask = OpenAskFactory(
        connection=row, what="streams", key="77", attempts=6, error="No <JSON>.", failed_at=timezone.now()
    )

    text = page(client, address("connection", row))

    for words in (
        "Strava told of news",
        "Strava did not answer.",
        "failed",
        "Its series",
        "77",
        "No &lt;JSON&gt;.",
        "6 attempts",
    ):
        assert words in text, words
    assert f'name="ask" value="{ask.pk}"' in text
    assert "hx-trigger" not in text


def test_connection_goes_back_to_older_runs(client, user, monkeypatch):
    monkeypatch.setattr("integrations.connections_views.RUNS_SHOWN", 2)
    row = ConnectionFactory(user=user)
    made = [
        ConnectionRunFactory(connection=row, state="failed", error=f"Error {n}", created_at=timezone.now())
        for n in range(3)
    ]

    newest = page(client, address("connection", row))
    older = page(client, f"{address('connection', row)}?before={made[1].pk}")

    assert [f"Error {n}" in newest for n in range(3)] == [False, True, True]
    assert [f"Error {n}" in older for n in range(3)] == [True, False, False]
    assert f"?before={made[1].pk}" in newest
    assert "?before=" not in older


@pytest.mark.parametrize("before", ["x", "-1", "9" * 30])
def test_connection_has_no_page_that_no_page_gave(client, user, before):
    row = ConnectionFactory(user=user)

    assert client.get(f"{address('connection', row)}?before={before}").status_code == 404


def test_connection_moves_while_it_is_worked_on(client, user):
    run = ConnectionRunFactory(connection__user=user, state="running", doing="Activities", done=3, total=10)

    text = page(client, address("connection_work", run.connection))

    assert f'hx-get="{address("connection_work", run.connection)}" hx-trigger="every 2s"' in text
    assert "3 of 10" in text


def test_connection_needs_as_many_queries_for_three_runs_as_for_one(client, user):
    row = ConnectionFactory(user=user)
    ConnectionRunFactory(connection=row, state="finished")
    OpenAskFactory(connection=row, failed_at=timezone.now())
    one = queries(client, address("connection", row))
    ConnectionRunFactory.create_batch(2, connection=row, state="finished")
    OpenAskFactory.create_batch(2, connection=row, failed_at=timezone.now())

    assert queries(client, address("connection", row)) == one
    assert one <= 14


def test_pages_never_show_credentials(client, user):
    row = ConnectionFactory(user=user, credentials=b"very secret token")
    ConnectionRunFactory(connection=row)

    for url in (LIST, address("connection", row), address("connection_work", row), address("disconnect", row)):
        assert "very secret" not in page(client, url)


# --- what a press does ----------------------------------------------------------------------


@pytest.fixture
def connected(user, sandbox, settings) -> Connection:
    """A connection that the sandbox answers, with nothing left to do."""
    settings.SANDBOX_URL = sandbox.url
    settings.SYNC_REQUESTS = 1
    row = connect(user, "whoop", sandbox).connection
    row.runs.update(state=SyncRun.State.FINISHED, finished_at=timezone.now())
    row.asks.all().delete()
    return row


def said(response) -> str:
    return " ".join(str(message) for message in response.context["messages"])


def test_sync_now_asks_for_news(client, connected):
    response = client.post(address("sync_now", connected), {"from": "list"}, follow=True)

    assert response.redirect_chain == [(f"{LIST}#connection-{connected.pk}", 302)]
    assert "WHOOP is being asked for news." in said(response)
    assert connected.runs.get(state="queued").trigger == "manual"
    assert connected.asks.open().exists()


def test_sync_now_in_full_looks_through_everything(client, connected):
    runs.work_through(_asked(client, connected, {}))
    connected.refresh_from_db()
    known = len(connected.cursors)

    run = _asked(client, connected, {"full": "1"})

    assert known > 0
    assert connected.asks.open().filter(key__contains="relist").exists()
    assert runs.work_through(run).state == "finished"


def _asked(client, row, data) -> SyncRun:
    client.post(address("sync_now", row), data)
    return row.runs.get(state="queued")


@pytest.mark.parametrize("state", [Connection.State.BROKEN, Connection.State.DISCONNECTED])
@pytest.mark.parametrize("name", ["sync_now", "try_again"])
def test_nothing_is_asked_where_nothing_is_connected(client, user, state, name):
    row = ConnectionFactory(user=user, state=state, disconnected_at=timezone.now())

    response = client.post(address(name, row), follow=True)

    assert "Connect it again first" in said(response)
    assert not row.runs.exists()


def test_try_again_makes_one_request_again_or_all(client, connected):
    one, other = OpenAskFactory.create_batch(2, connection=connected, failed_at=timezone.now(), error="No.")

    client.post(address("try_again", connected), {"ask": one.pk})
    assert list(connected.asks.failed()) == [other]

    client.post(address("try_again", connected))
    assert not connected.asks.failed().exists()
    assert connected.runs.filter(state="queued").count() == 1


@pytest.mark.parametrize("ask", ["x", "-1", "9" * 30, "999999"])
def test_try_again_of_no_request_is_not_there(client, connected, ask):
    assert client.post(address("try_again", connected), {"ask": ask}).status_code == 404
    assert not connected.runs.filter(state="queued").exists()


@pytest.mark.parametrize("name", ["sync_now", "try_again", "disconnect"])
def test_press_on_somebody_elses_connection_changes_nothing(client, other_user, name):
    row = ConnectionFactory(user=other_user)
    ask = OpenAskFactory(connection=row, failed_at=timezone.now())
    before = Connection.objects.values().get(pk=row.pk)

    assert client.post(address(name, row), {"data": "delete"}).status_code == 404

    ask.refresh_from_db()
    assert ask.failed_at is not None
    assert Connection.objects.values().get(pk=row.pk) == before
    assert not row.runs.exists()


@pytest.mark.parametrize("name", ["sync_now", "try_again"])
def test_nothing_is_done_by_a_link(client, user, name):
    assert client.get(address(name, ConnectionFactory(user=user))).status_code == 405


def test_buttons_want_the_token_of_the_form(user):
    row = ConnectionFactory(user=user)
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)

    for name in ("sync_now", "try_again", "disconnect"):
        assert client.post(address(name, row), {"data": "keep"}).status_code == 403
    row.refresh_from_db()
    assert row.state == "active"


def test_disconnect_says_what_would_go(client, connected):
    runs.work_through(_asked(client, connected, {}))

    text = page(client, address("disconnect", connected))

    nights, records = connected.user.sleep_sessions.count(), connected.user.raw_records.count()
    assert nights > 3
    assert f"{nights} nights" in text
    assert f"{records} raw records" in text


@pytest.mark.parametrize("data", [{}, {"data": ""}, {"data": "burn"}])
def test_disconnect_wants_to_know_what_becomes_of_the_data(client, user, data):
    row = ConnectionFactory(user=user)

    response = client.post(address("disconnect", row), data)

    row.refresh_from_db()
    assert (response.status_code, row.state) == (422, "active")
    assert "Choose whether to keep or to delete what came." in response.content.decode()


def test_disconnect_keeps_what_came(client, connected, sandbox):
    runs.work_through(_asked(client, connected, {}))
    records = connected.user.raw_records.count()

    response = client.post(address("disconnect", connected), {"data": "keep"}, follow=True)

    connected.refresh_from_db()
    assert "WHOOP is disconnected. What came over it stays." in said(response)
    assert (connected.state, bytes(connected.credentials)) == ("disconnected", b"")
    assert connected.user.raw_records.count() == records > 0
    assert "DELETE" in [method for method, _, _ in sandbox.requests("whoop")]
    assert "connected until" in page(client, LIST)


def test_disconnect_deletes_what_came(client, connected):
    runs.work_through(_asked(client, connected, {}))
    assert connected.user.raw_records.exists()

    response = client.post(address("disconnect", connected), {"data": "delete"}, follow=True)
    assert "What came over it is being removed." in said(response)
    runs.work_through(connected.runs.get(kind=SyncRun.Kind.FORGET))

    assert not connected.user.raw_records.exists()
    assert not connected.user.source_activities.exists()
    assert not connected.user.sleep_sessions.exists()


def test_disconnect_says_when_the_provider_could_not_be_told(client, connected, sandbox):
    sandbox.fault("whoop", "error_500", probability=1.0)

    response = client.post(address("disconnect", connected), {"data": "keep"}, follow=True)

    connected.refresh_from_db()
    assert connected.state == "disconnected"
    assert "take the permission back in your account" in said(response)


def test_disconnect_of_an_ended_connection_says_so(client, user):
    row = ConnectionFactory(user=user, state=Connection.State.DISCONNECTED, disconnected_at=timezone.now())

    response = client.get(address("disconnect", row), follow=True)

    assert response.redirect_chain == [(address("connection", row), 302)]
    assert "is not connected any more" in said(response)


# --- elsewhere ------------------------------------------------------------------------------


def test_arriving_says_what_is_synced_and_until_when_it_rests(client, user):
    url = reverse("integrations:arriving")
    run = ConnectionRunFactory(connection__user=user, state="running", done=1, total=4)

    working = page(client, url)
    SyncRun.objects.filter(pk=run.pk).update(state="queued", waits_until=timezone.now() + timedelta(hours=1))
    resting = page(client, url)
    SyncRun.objects.filter(pk=run.pk).update(state="finished")

    assert "Strava is being synced" in working
    assert address("connection", run.connection) in working
    assert 'hx-trigger="every 3s"' in working
    assert "Strava goes on at" in resting
    assert 'hx-trigger="every 30s"' in resting
    assert page(client, url).strip() == ""


def test_today_invites_to_connect_until_something_is(client, user):
    words = "Connect your watch, band or app"
    assert words in page(client, reverse("activities:today"))

    ConnectionFactory(user=user)
    SleepSessionFactory(user=user)

    assert words not in page(client, reverse("activities:today"))


def test_imports_unfold_the_steps_of_the_provider_that_was_asked_for(client):
    text = page(client, "/imports/?way=strava")

    assert re.findall(r'<details id="way-([a-z_]+)" open>', text) == ["strava"]


def test_mail_about_a_broken_connection_names_the_one_thing_to_do(user):
    row = ConnectionFactory(user=user)
    context = {
        "user": user,
        "provider": PROVIDERS["strava"],
        "connection": row,
        "problem": 'Strava says: "no".',
        "url": "https://x.example/connections/",
    }

    subject = render_to_string("integrations/mail/broken_subject.txt", context).strip()
    body = render_to_string("integrations/mail/broken.txt", context)

    assert subject == "Strava is no longer connected"
    assert 'Strava says: "no".' in body
    assert "connect again" in body
    assert "https://x.example/connections/" in body
