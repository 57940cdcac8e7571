"""An athlete connects, agrees or not, connects again, breaks and disconnects, at a provider played over real HTTP."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.core import mail
from django.utils import timezone
from pytest_django.fixtures import DjangoCaptureOnCommitCallbacks, Settings

from integrations.base import Provider
from integrations.credentials import decrypt, encrypt
from integrations.models import Connection, OpenAsk, SyncRun
from integrations.registry import PROVIDERS
from integrations.services import connecting
from integrations.services.connecting import CannotConnect, Connected
from tests.factories.accounts import UserFactory
from tests.factories.integrations import ConnectionFactory, OpenAskFactory
from tests.integrations.playback import Playback
from tests.integrations.tempo import API, REVOKE, SLEEP, TEMPO, TOKEN, tempo_oauth
from trainstack.accounts.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("tempo")]

TOLD = {"access_token": "access 1", "refresh_token": "refresh 1", "expires_in": 3600, "scope": "activities sleep"}
ME = {"id": 7, "name": "Lena Brandt"}


def begin(session: dict[str, Any], user: User, provider: Provider = TEMPO) -> str:
    """The state of a consent that was begun."""
    return dict(parse_qsl(urlsplit(connecting.start(session, user, provider)).query))["state"]


def connect(
    playback: Playback, user: User, *, token: Mapping[str, Any] = TOLD, me: Mapping[str, Any] | None = ME
) -> Connected:
    """The whole way, where the provider gives this token and says whose it is; None: it is not asked."""
    session: dict[str, Any] = {}
    state = begin(session, user)
    playback.answer("POST", TOKEN, json=token)
    if me is not None:
        playback.answer("GET", f"{API}/me", json=me)
    return connecting.finish(session, user, TEMPO, {"state": state, "code": "a-code"})


# --- connecting -----------------------------------------------------------------------------------


def test_finish_makes_a_connection_that_is_being_synced(playback: Playback, user: User) -> None:
    made = connect(playback, user)

    row = Connection.objects.get()
    assert made == Connected(row, missing=(), again=False)
    assert (row.user, row.provider, row.account_id, row.account_name, row.state) == (
        user, "tempo", "7", "Lena Brandt", "active",
    )  # fmt: skip
    assert (row.scopes, connecting.missing_scopes(row)) == (["activities", "sleep"], [])
    assert decrypt(row.credentials)["refresh_token"] == "refresh 1"
    assert row.token_expires_at is not None
    assert (row.token_expires_at - timezone.now()).total_seconds() == pytest.approx(3600, abs=5)
    run = SyncRun.objects.get()
    assert (run.connection, run.kind, run.trigger, run.state) == (row, "sync", "connect", "queued")
    assert [(it.what, it.key, it.feed) for it in OpenAsk.objects.all()] == [("page", "backfill", "activities")]


def test_finish_says_what_was_not_allowed(playback: Playback, user: User) -> None:
    made = connect(playback, user, token={**TOLD, "scope": "activities"})

    assert made.missing == (SLEEP,)
    assert connecting.missing_scopes(made.connection) == [SLEEP]


def test_finish_refuses_without_what_is_required_and_hands_the_consent_back(playback: Playback, user: User) -> None:
    playback.answer("DELETE", REVOKE, status=204)

    with pytest.raises(CannotConnect, match=r"nothing can be fetched without.*Your activities\."):
        connect(playback, user, token={**TOLD, "scope": "sleep"}, me=None)

    assert playback.calls[-1].headers["authorization"] == "Bearer access 1"
    assert not Connection.objects.exists()


def test_finish_refuses_where_no_feed_is_allowed(
    playback: Playback, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no scope is required by itself, but all of them were left out."""
    provider = tempo_oauth(scopes=(SLEEP,))
    monkeypatch.setitem(PROVIDERS, "tempo", provider)
    session: dict[str, Any] = {}
    state = begin(session, user, provider)
    playback.answer("POST", TOKEN, json={**TOLD, "scope": ""})
    playback.answer("DELETE", REVOKE, status=204)

    with pytest.raises(CannotConnect, match=r"nothing can be fetched without.*Your nights\."):
        connecting.finish(session, user, provider, {"state": state, "code": "c"})


# --- consents that lead nowhere -------------------------------------------------------------------


def finish_with(user: User, told: Callable[[str], Mapping[str, str]], *, later_s: float = 0) -> str:
    """What the athlete is told who comes back so."""
    session: dict[str, Any] = {}
    state = begin(session, user)
    session[connecting.SESSION_KEY][state]["begun"] -= later_s
    with pytest.raises(CannotConnect) as caught:
        connecting.finish(session, user, TEMPO, told(state))
    return str(caught.value)


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        (lambda state: {"state": state, "error": "access_denied"}, "because you did not agree there"),
        (lambda state: {"error": "access_denied"}, "because you did not agree there"),
        (lambda state: {"state": state, "error": "server_error<b>"}, "ended the attempt with an error"),
        (lambda state: {"state": state}, "the consent there was not finished"),
        (lambda state: {"state": "another", "code": "c"}, "was not begun here"),
        (lambda state: {"code": "c"}, "was not begun here"),
        (lambda state: {}, "was not begun here"),
    ],
    ids=["denied", "denied without state", "an error", "half-finished", "wrong state", "no state", "nothing"],
)
def test_finish_of_what_is_no_consent_says_so(user: User, told: Any, sentence: str, playback: Playback) -> None:
    said = finish_with(user, told)

    assert sentence in said
    assert "<b>" not in said
    assert (playback.made, Connection.objects.count()) == ([], 0)


@pytest.mark.parametrize(("later_s", "is_good"), [(599, True), (601, False)])
def test_a_consent_is_good_for_ten_minutes(user: User, playback: Playback, later_s: float, is_good: bool) -> None:
    if is_good:
        playback.answer("POST", TOKEN, status=400, json={"error": "invalid_grant"})

    said = finish_with(user, lambda state: {"state": state, "code": "c"}, later_s=later_s)

    assert ("more than ten minutes ago" in said) != is_good


def test_a_consent_is_good_once(playback: Playback, user: User) -> None:
    session: dict[str, Any] = {}
    state = begin(session, user)
    playback.answer("POST", TOKEN, json=TOLD)
    playback.answer("GET", f"{API}/me", json=ME)
    connecting.finish(session, user, TEMPO, {"state": state, "code": "c"})

    with pytest.raises(CannotConnect, match="was not begun here"):
        connecting.finish(session, user, TEMPO, {"state": state, "code": "c"})


def test_a_consent_is_its_users_and_its_providers(playback: Playback, user: User, other_user: User) -> None:
    session: dict[str, Any] = {}
    for who, provider in ((other_user, TEMPO), (user, PROVIDERS["strava"])):
        state = begin(session, user)
        with pytest.raises(CannotConnect, match="was not begun here"):
            connecting.finish(session, who, provider, {"state": state, "code": "c"})


def test_several_consents_may_be_under_way(playback: Playback, user: User) -> None:
    session: dict[str, Any] = {}
    states = [begin(session, user) for _ in range(7)]
    kept = list(session[connecting.SESSION_KEY])

    assert kept == states[-5:]


def test_the_verifier_of_the_consent_goes_to_the_token_address(playback: Playback, user: User) -> None:
    connect(playback, user)

    assert len(playback.calls[0].form["code_verifier"]) == 64
    assert playback.calls[0].form["code"] == "a-code"


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ({"status": 400, "json": {"error": "invalid_grant"}}, "the permission was used already or is too old"),
        ({"status": 503}, r"Tempo gave no token \(503\)\. Nothing was connected; please try again in a while"),
    ],
    ids=["expired code", "provider down"],
)
def test_a_code_that_brings_no_token_is_told(
    playback: Playback, user: User, answer: dict[str, Any], sentence: str
) -> None:
    session: dict[str, Any] = {}
    state = begin(session, user)
    playback.answer("POST", TOKEN, **answer)

    with pytest.raises(CannotConnect, match=sentence):
        connecting.finish(session, user, TEMPO, {"state": state, "code": "c"})


def test_a_provider_that_does_not_say_whose_it_is_is_told(playback: Playback, user: User) -> None:
    session: dict[str, Any] = {}
    state = begin(session, user)
    playback.answer("POST", TOKEN, json=TOLD)
    playback.answer("GET", f"{API}/me", status=403)
    playback.answer("DELETE", REVOKE, status=204)

    with pytest.raises(CannotConnect, match="answered 403 to /tempo/v1/me"):
        connecting.finish(session, user, TEMPO, {"state": state, "code": "c"})

    assert not Connection.objects.exists()


def test_start_refuses_what_is_not_configured(settings: Settings, user: User) -> None:
    settings.SANDBOX_URL = ""

    with pytest.raises(CannotConnect, match="Tempo is not configured on this server"):
        connecting.start({}, user, TEMPO)


# --- again, and twice -----------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["active", "broken", "disconnected"])
def test_the_same_account_takes_up_its_connection(playback: Playback, user: User, state: str) -> None:
    before = timezone.now() - timedelta(days=9)
    old = ConnectionFactory(
        user=user, provider="tempo", account_id="7", state=state, cursors={"activities": {"page": 3}},
        connected_at=before, problem="Gone.", problem_since=before, mailed_at=before, disconnected_at=before,
        scopes=["activities"],
    )  # fmt: skip

    made = connect(playback, user)

    assert (made.connection.pk, made.again) == (old.pk, True)
    row = Connection.objects.get()
    assert (row.state, row.problem, row.problem_since, row.mailed_at, row.disconnected_at) == (
        "active", "", None, None, None,
    )  # fmt: skip
    assert (row.cursors, row.scopes) == ({"activities": {"page": 3}}, ["activities", "sleep"])
    assert row.connected_at > before
    # What is there is known: only what is new is asked for.
    assert [it.key for it in OpenAsk.objects.all()] == ["incremental"]


def test_an_account_that_is_another_users_is_refused_and_left_alone(
    playback: Playback, user: User, other_user: User
) -> None:
    theirs = ConnectionFactory(user=other_user, provider="tempo", account_id="7")

    with pytest.raises(CannotConnect, match="connected to another account of this server"):
        connect(playback, user)

    # The consent is not ended: theirs may rest on it.
    assert f"DELETE {REVOKE}" not in playback.made
    assert list(Connection.objects.all()) == [theirs]


def test_an_account_that_was_another_users_once_can_be_connected(
    playback: Playback, user: User, other_user: User
) -> None:
    ConnectionFactory(user=other_user, provider="tempo", account_id="7", state="disconnected")

    assert connect(playback, user).connection.user == user


@pytest.mark.parametrize("state", ["active", "broken"])
def test_another_account_is_refused_while_one_is_connected(playback: Playback, user: User, state: str) -> None:
    ConnectionFactory(user=user, provider="tempo", account_id="8", account_name="Other", state=state)
    playback.answer("DELETE", REVOKE, status=204)

    with pytest.raises(CannotConnect, match=r"another Tempo account \(Other\)\. Disconnect that one first"):
        connect(playback, user)

    assert [it.account_id for it in Connection.objects.all()] == ["8"]


def test_another_account_can_follow_one_that_was_disconnected(playback: Playback, user: User) -> None:
    ConnectionFactory(user=user, provider="tempo", account_id="8", state="disconnected")

    made = connect(playback, user)

    assert (made.connection.account_id, made.again, Connection.objects.count()) == ("7", False, 2)


def test_a_refused_consent_of_a_connected_account_is_not_ended(playback: Playback, user: User) -> None:
    """Left out what is required, while the account is connected: ending the consent would break what stands."""
    ConnectionFactory(user=user, provider="tempo", account_id="7")

    with pytest.raises(CannotConnect):
        connect(playback, user, token={**TOLD, "scope": "sleep"}, me=None)

    assert f"DELETE {REVOKE}" not in playback.made


def test_nothing_is_connected_while_what_came_before_is_deleted(playback: Playback, user: User) -> None:
    old = ConnectionFactory(user=user, provider="tempo", account_id="7", credentials=b"")
    connecting.disconnect(old, delete=True)

    with pytest.raises(CannotConnect, match="is still being deleted"):
        connecting.start({}, user, TEMPO)


# --- breaking -------------------------------------------------------------------------------------


@pytest.fixture
def standing(user: User) -> Connection:
    return ConnectionFactory(
        user=user, provider="tempo", account_id="7", account_name="Lena B.", credentials=encrypt(TOLD)
    )


def test_breaks_shows_what_is_wrong_and_writes_once(
    standing: Connection, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks, settings: Settings
) -> None:
    settings.BASE_URL = "https://train.example"

    with django_capture_on_commit_callbacks(execute=True):
        told = [connecting.breaks(standing, "Tempo no longer accepts this connection.") for _ in range(2)]

    assert told == [True, False]
    assert (standing.state, standing.problem) == ("broken", "Tempo no longer accepts this connection.")
    assert standing.problem_since is not None
    (sent,) = mail.outbox
    assert (sent.to, sent.subject) == ([standing.user.email], "TrainStack: Tempo is no longer connected")
    assert "Tempo no longer accepts this connection." in sent.body
    assert f"https://train.example/connections/#connection-{standing.pk}" in sent.body
    standing.refresh_from_db()
    assert standing.mailed_at is not None
    # What was allowed stays, so that it can be tried when the athlete disconnects.
    assert standing.credentials


def test_breaks_again_after_the_athlete_connected_again(
    standing: Connection,
    playback: Playback,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        connecting.breaks(standing, "One.")
    again = connect(playback, standing.user).connection
    with django_capture_on_commit_callbacks(execute=True):
        connecting.breaks(again, "Two.")

    assert [("One." in it.body, "Two." in it.body) for it in mail.outbox] == [(True, False), (False, True)]


def test_breaks_of_an_old_run_leaves_a_connection_that_was_made_anew(standing: Connection, playback: Playback) -> None:
    as_the_run_knows_it = Connection.objects.get()
    connect(playback, standing.user)

    assert not connecting.breaks(as_the_run_knows_it, "Gone.")
    assert Connection.objects.get().state == "active"


def test_a_mail_that_could_not_be_sent_is_sent_later(
    standing: Connection,
    settings: Settings,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    with django_capture_on_commit_callbacks(execute=True):
        connecting.breaks(standing, "Gone.")
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"

    assert [connecting.write_about_broken() for _ in range(2)] == [1, 0]
    assert len(mail.outbox) == 1


# --- ending ---------------------------------------------------------------------------------------


def test_disconnect_ends_the_consent_and_forgets_the_credentials(playback: Playback, standing: Connection) -> None:
    playback.answer("DELETE", REVOKE, status=204)
    OpenAskFactory(connection=standing)

    assert connecting.disconnect(standing, delete=False) == ""

    assert playback.calls[0].headers["authorization"] == "Bearer access 1"
    row = Connection.objects.get()
    assert (row.state, bytes(row.credentials), row.token_expires_at, row.next_sync_at) == (
        "disconnected", b"", None, None,
    )  # fmt: skip
    assert row.disconnected_at is not None
    assert not SyncRun.objects.filter(kind="forget").exists()
    # Connected again, it goes on with what it had still to do.
    assert row.asks.count() == 1


def test_disconnect_with_delete_has_everything_removed(playback: Playback, standing: Connection) -> None:
    playback.answer("DELETE", REVOKE, status=204)
    Connection.objects.update(cursors={"activities": {"page": 3}})
    OpenAskFactory(connection=standing)

    connecting.disconnect(standing, delete=True)

    run = SyncRun.objects.get()
    row = Connection.objects.get()
    assert (run.kind, run.connection, run.state) == ("forget", row, "queued")
    assert (row.cursors, row.asks.count()) == ({}, 0)


@pytest.mark.parametrize(
    "answer",
    [{"status": 400}, {"status": 404}, {"drop": True}],
    ids=["refused", "ended already", "cut"],
)
def test_disconnect_goes_on_whatever_the_provider_says(
    playback: Playback, standing: Connection, answer: dict[str, Any]
) -> None:
    playback.answer("DELETE", REVOKE, **answer)

    said = connecting.disconnect(standing, delete=False)

    assert (said == "") == (answer.get("status") == 404)
    assert said == "" or said.endswith("Please take the permission back in your account at Tempo, too.")
    assert Connection.objects.get().state == "disconnected"


def test_disconnect_of_what_the_provider_ended_already_is_no_failure(playback: Playback, standing: Connection) -> None:
    playback.answer("DELETE", REVOKE, status=401)
    playback.answer("POST", TOKEN, status=400, json={"error": "invalid_grant"})

    assert connecting.disconnect(standing, delete=False) == ""


def test_disconnect_twice_is_as_once(playback: Playback, standing: Connection) -> None:
    playback.answer("DELETE", REVOKE, status=204)
    connecting.disconnect(standing, delete=False)
    first = Connection.objects.get().disconnected_at

    assert connecting.disconnect(standing, delete=False) == ""
    assert Connection.objects.get().disconnected_at == first


def test_disconnect_ends_the_sync_under_way(playback: Playback) -> None:
    made = connect(playback, UserFactory())
    playback.answer("DELETE", REVOKE, status=204)

    connecting.disconnect(made.connection, delete=False)

    assert [(it.kind, it.state) for it in SyncRun.objects.all()] == [("sync", "cancelled")]
