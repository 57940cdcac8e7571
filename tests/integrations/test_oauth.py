"""Tokens: how they are asked for, read, kept fresh by one worker at a time, and when they are really at their end."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.db import connections
from django.utils import timezone
from pytest_django.fixtures import Settings

from integrations import oauth
from integrations.base import OAuth2, Provider
from integrations.credentials import decrypt, encrypt
from integrations.errors import RateLimited, Revoked, Unavailable
from integrations.models import Connection
from integrations.registry import PROVIDERS
from tests.factories.integrations import ConnectionFactory
from tests.integrations.playback import Call, Playback, Reply
from tests.integrations.racing import Race
from tests.integrations.tempo import ACTIVITIES, API, SLEEP, TEMPO, TOKEN, tempo_oauth

FIRST = {"access_token": "access 1", "refresh_token": "refresh 1", "expires_in": 3600, "athlete": {"id": 7}}
SECOND = {"access_token": "access 2", "refresh_token": "refresh 2", "expires_in": 7200}
SPENT = {"error": "invalid_grant", "error_description": "refresh 1 was used before"}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oauth, "PAUSE", lambda state: 0.01)


@pytest.fixture
def connection(tempo: Provider, db: None) -> Connection:
    """One whose token ends in an hour."""
    return connected()


def connected(*, ends_in: timedelta | None = timedelta(hours=1), **token: Any) -> Connection:
    return ConnectionFactory(
        provider="tempo",
        account_id="7",
        credentials=encrypt({**FIRST, **token}),
        token_expires_at=None if ends_in is None else timezone.now() + ends_in,
    )


def stored(connection: Connection) -> dict[str, Any]:
    connection.refresh_from_db()
    return dict(decrypt(connection.credentials))


# --- the consent page -----------------------------------------------------------------------------


def test_begin_leads_to_the_consent_page_with_all_that_it_needs(tempo: Provider, settings: Settings) -> None:
    settings.BASE_URL = "https://train.example"

    consent = oauth.begin(TEMPO)

    parts = urlsplit(consent.url)
    query = dict(parse_qsl(parts.query))
    challenge = query.pop("code_challenge")
    assert parts.path == "/tempo/oauth/authorize"
    assert query == {
        "response_type": "code",
        "client_id": "sandbox-tempo",
        "redirect_uri": "https://train.example/connections/tempo/callback/",
        "scope": "activities sleep",
        "state": consent.state,
        "code_challenge_method": "S256",
        "prompt": "consent",
    }
    assert (len(challenge), len(consent.state), len(consent.verifier)) == (43, 40, 64)
    assert oauth.begin(TEMPO).state != consent.state
    assert repr(consent).startswith("<integrations.oauth.Consent object")


def test_begin_without_pkce_and_with_commas(tempo: Provider) -> None:
    consent = oauth.begin(tempo_oauth(pkce=False, scope_separator=","))

    query = dict(parse_qsl(urlsplit(consent.url).query))
    assert (query["scope"], consent.verifier, "code_challenge" in query) == ("activities,sleep", "", False)


# --- the exchange ---------------------------------------------------------------------------------


def test_exchange_sends_code_and_verifier(playback: Playback, tempo: Provider, settings: Settings) -> None:
    settings.BASE_URL = "https://train.example"
    playback.answer("POST", TOKEN, json=FIRST)

    token = oauth.exchange(TEMPO, code="a/b+c", verifier="v" * 64)

    assert playback.calls[0].form == {
        "grant_type": "authorization_code",
        "code": "a/b+c",
        "code_verifier": "v" * 64,
        "redirect_uri": "https://train.example/connections/tempo/callback/",
        "client_id": "sandbox-tempo",
        "client_secret": "sandbox-secret",
    }
    assert (token.access_token, token["athlete"]) == ("access 1", {"id": 7})


def test_exchange_with_basic_keeps_the_secret_out_of_the_form(playback: Playback, tempo: Provider) -> None:
    playback.answer("POST", TOKEN, json=FIRST)

    oauth.exchange(tempo_oauth(client_auth="client_secret_basic"), code="c")

    assert playback.calls[0].headers["authorization"] == "Basic c2FuZGJveC10ZW1wbzpzYW5kYm94LXNlY3JldA=="
    assert "client_secret" not in playback.calls[0].form


REFUSALS = [
    pytest.param(400, {"error": "invalid_grant"}, id="standard"),
    pytest.param(401, {"error": "invalid_grant", "error_description": "..."}, id="standard, as 401"),
    pytest.param(
        400,
        {
            "message": "Bad Request",
            "errors": [{"resource": "RefreshToken", "field": "refresh_token", "code": "invalid"}],
        },
        id="strava",
    ),
    pytest.param(400, {"errors": [{"errorType": "invalid_grant", "message": "..."}], "success": False}, id="fitbit"),
]


@pytest.mark.parametrize(("status", "told"), REFUSALS)
def test_a_code_that_is_no_longer_good_is_refused(
    playback: Playback, tempo: Provider, status: int, told: dict[str, Any]
) -> None:
    playback.answer("POST", TOKEN, status=status, json=told)

    with pytest.raises(oauth.Refused):
        oauth.exchange(TEMPO, code="c")


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ({"status": 500, "json": {"error": "invalid_grant"}}, "Tempo gave no token (500)."),
        ({"status": 400, "json": {"error": "invalid_client"}}, "Tempo does not accept this server's keys."),
        ({"status": 400, "json": {"error": "invalid_request"}}, "Tempo gave no token (400)."),
        ({"status": 200, "body": b"<html>"}, "Tempo gave no token (200)."),
        ({"status": 200, "json": []}, "Tempo gave no token (200)."),
        ({"status": 200, "json": {"token_type": "bearer"}}, "Tempo gave no token (200)."),
        ({"drop": True}, "Tempo broke off its answer."),
        ({"wait_s": 0.6}, "Tempo did not answer in time."),
    ],
    ids=["500", "wrong keys", "bad request", "a page", "a list", "no token in it", "cut", "silence"],
)
def test_whatever_else_comes_is_no_refusal_and_is_asked_once(
    playback: Playback, tempo: Provider, answer: dict[str, Any], sentence: str, settings: Settings
) -> None:
    if "wait_s" in answer:
        settings.PROVIDER_READ_S = 0.2
    playback.answer("POST", TOKEN, **answer)

    with pytest.raises(Unavailable) as caught:
        oauth.exchange(TEMPO, code="c")

    assert str(caught.value) == sentence


# --- what is in a token ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "in_s"),
    [
        ({"expires_in": 3600}, 3600),
        ({"expires_in": "3600"}, 3600),
        ({"expires_at": round(time.time()) + 9000, "expires_in": 999}, 9000),
        ({"expires_at": None, "expires_in": 6000}, 6000),
    ],
    ids=["seconds", "as text", "a moment", "nothing and seconds"],
)
def test_ends_at_reads_what_providers_say(told: dict[str, Any], in_s: float) -> None:
    ends = oauth.ends_at(told)

    assert ends is not None
    # The moment was told when the tests were collected, which may be minutes ago.
    assert (ends - timezone.now()).total_seconds() == pytest.approx(in_s, abs=2400)


@pytest.mark.parametrize("told", [{}, {"expires_in": None}, {"expires_in": "soon"}, {"expires_in": 1e30}], ids=str)
def test_ends_at_is_none_where_nothing_sensible_is_told(told: dict[str, Any]) -> None:
    assert oauth.ends_at(told) is None


@pytest.mark.parametrize(
    ("where", "token", "callback", "scopes"),
    [
        ("token", {"scope": "sleep activities"}, {}, ["activities", "sleep"]),
        ("token", {"scope": "activities,sleep"}, {}, ["activities", "sleep"]),
        ("token", {"scope": ["sleep"]}, {}, ["sleep"]),
        ("token", {"scope": ""}, {}, []),
        ("token", {}, {}, ["activities", "sleep"]),
        ("callback", {"scope": "nobody reads this"}, {"scope": "sleep,read"}, ["read", "sleep"]),
        ("none", {"scope": "nobody reads this"}, {}, ["activities", "sleep"]),
    ],
    ids=["spaces", "commas", "a list", "nothing allowed", "not told", "callback", "never told"],
)
def test_granted_scopes_are_read_where_the_provider_tells_them(
    where: Any, token: dict[str, Any], callback: dict[str, str], scopes: list[str]
) -> None:
    assert oauth.granted(tempo_oauth(granted_in=where), token, callback) == scopes


def test_missing_scopes_are_those_that_were_not_allowed() -> None:
    assert oauth.missing_scopes(TEMPO, ["sleep", "more"]) == [ACTIVITIES]
    assert oauth.missing_scopes(TEMPO, []) == [ACTIVITIES, SLEEP]


# --- staying fresh --------------------------------------------------------------------------------


def test_a_token_that_is_good_is_used_as_it_is(playback: Playback, connection: Connection) -> None:
    playback.answer("GET", f"{API}/me", times=2)
    api = oauth.session_of(connection)

    api.get("/me")
    api.get("/me")

    assert [call.headers["authorization"] for call in playback.calls] == ["Bearer access 1"] * 2


@pytest.mark.parametrize("ends_in", [timedelta(minutes=4), timedelta(hours=-1)], ids=["soon", "ended"])
def test_a_token_is_refreshed_before_it_ends(playback: Playback, tempo: Provider, db: None, ends_in: timedelta) -> None:
    connection = connected(ends_in=ends_in)
    playback.answer("POST", TOKEN, json=SECOND)
    playback.answer("GET", f"{API}/me")

    oauth.session_of(connection).get("/me")

    assert playback.calls[0].form == {
        "grant_type": "refresh_token",
        "refresh_token": "refresh 1",
        "scope": "offline",
        "client_id": "sandbox-tempo",
        "client_secret": "sandbox-secret",
    }
    assert playback.calls[1].headers["authorization"] == "Bearer access 2"
    told = stored(connection)
    # Whose it is stays, though only the first answer said so.
    assert (told["access_token"], told["refresh_token"], told["athlete"]) == ("access 2", "refresh 2", {"id": 7})
    assert connection.token_expires_at is not None
    assert (connection.token_expires_at - timezone.now()).total_seconds() == pytest.approx(7200, abs=3)
    assert connection.refreshing_until is None


def test_a_refresh_token_that_is_not_told_again_stays(playback: Playback, connection: Connection) -> None:
    playback.answer("POST", TOKEN, json={"access_token": "access 2", "expires_in": 3600})

    oauth.fresh_token(connection.pk, refused="access 1")

    assert stored(connection)["refresh_token"] == "refresh 1"


def test_a_token_that_the_provider_refuses_is_refreshed_once(playback: Playback, connection: Connection) -> None:
    playback.answer("GET", f"{API}/me", by=accepts("access 2"), times=2)
    playback.answer("POST", TOKEN, json=SECOND)

    assert oauth.session_of(connection).get("/me").status == 200
    assert playback.made == [f"GET {API}/me", f"POST {TOKEN}", f"GET {API}/me"]


def accepts(token: str) -> Callable[[Call], Reply]:
    return lambda call: Reply(200 if call.headers["authorization"] == f"Bearer {token}" else 401)


def test_a_token_that_another_worker_refreshed_is_read_and_not_refreshed_again(
    playback: Playback, connection: Connection
) -> None:
    playback.answer("GET", f"{API}/me", by=accepts("access 2"), times=3)
    api = oauth.session_of(connection)
    # Refused, and its refresh fails: nobody has changed anything yet.
    playback.answer("POST", TOKEN, status=503, times=oauth.ATTEMPTS)
    with pytest.raises(Unavailable):
        api.get("/me")
    Connection.objects.filter(pk=connection.pk).update(credentials=encrypt(SECOND))

    assert api.get("/me").status == 200


@pytest.mark.parametrize(
    "failure",
    [{"status": 500}, {"status": 503, "body": b"busy"}, {"drop": True}, {"wait_s": 1.5}],
    ids=["500", "503", "cut", "silence"],
)
def test_a_lost_answer_is_asked_for_again_with_the_same_token(
    playback: Playback, connection: Connection, failure: dict[str, Any], settings: Settings
) -> None:
    settings.PROVIDER_READ_S = 1
    playback.answer("POST", TOKEN, **failure)
    playback.answer("POST", TOKEN, json=SECOND)

    token, _ = oauth.fresh_token(connection.pk, refused="access 1")

    assert token.access_token == "access 2"
    assert [call.form["refresh_token"] for call in playback.calls] == ["refresh 1", "refresh 1"]


def test_a_refresh_that_fails_for_now_ends_nothing(playback: Playback, connection: Connection) -> None:
    playback.answer("POST", TOKEN, status=500, times=oauth.ATTEMPTS)

    with pytest.raises(Unavailable):
        oauth.fresh_token(connection.pk, refused="access 1")

    assert stored(connection) == FIRST
    assert (connection.state, connection.refreshing_until) == ("active", None)


def test_a_refresh_that_is_one_too_many_waits(playback: Playback, connection: Connection) -> None:
    playback.answer("POST", TOKEN, status=429, headers={"Retry-After": "60"})

    with pytest.raises(RateLimited) as caught:
        oauth.fresh_token(connection.pk, refused="access 1")

    assert (caught.value.retry_after_s, stored(connection)) == (60, FIRST)


def test_a_token_that_has_not_ended_is_used_while_its_refresh_fails(
    playback: Playback, tempo: Provider, db: None
) -> None:
    connection = connected(ends_in=timedelta(minutes=4))
    playback.answer("POST", TOKEN, status=500, times=oauth.ATTEMPTS)
    playback.answer("GET", f"{API}/me", times=2)
    api = oauth.session_of(connection)

    api.get("/me")
    api.get("/me")

    assert [call.headers["authorization"] for call in playback.calls_of(f"{API}/me")] == ["Bearer access 1"] * 2


@pytest.mark.parametrize(("status", "told"), REFUSALS)
def test_only_a_clear_refusal_is_the_end(
    playback: Playback, connection: Connection, status: int, told: dict[str, Any]
) -> None:
    playback.answer("POST", TOKEN, status=status, json=told)

    with pytest.raises(Revoked, match="Tempo no longer accepts this connection"):
        oauth.fresh_token(connection.pk, refused="access 1")

    # Whoever catches it draws the consequences.
    assert (stored(connection), connection.refreshing_until) == (FIRST, None)


def test_keys_of_ours_that_are_refused_break_no_connection(playback: Playback, connection: Connection) -> None:
    playback.answer("POST", TOKEN, status=401, json={"error": "invalid_client"}, times=oauth.ATTEMPTS)

    with pytest.raises(Unavailable, match="this server's keys"):
        oauth.fresh_token(connection.pk, refused="access 1")


def test_where_there_is_no_refresh_a_refused_token_is_the_end(
    playback: Playback, monkeypatch: pytest.MonkeyPatch, db: None
) -> None:
    """As with Polar, whose tokens last ten years."""
    monkeypatch.setitem(PROVIDERS, "tempo", tempo_oauth(refresh="none"))
    connection = connected(refresh_token=None)
    playback.answer("GET", f"{API}/me", status=401)

    with pytest.raises(Revoked):
        oauth.session_of(connection).get("/me")


def test_a_token_without_an_end_is_not_refreshed_by_itself(playback: Playback, tempo: Provider, db: None) -> None:
    connection = connected(ends_in=None)
    playback.answer("GET", f"{API}/me")

    assert oauth.session_of(connection).get("/me").status == 200


def test_a_disconnected_connection_asks_for_nothing(playback: Playback, connection: Connection) -> None:
    Connection.objects.filter(pk=connection.pk).update(credentials=b"")

    with pytest.raises(Revoked, match="has ended"):
        oauth.session_of(connection).get("/me")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "reply",
    [Reply(400, b'{"error": "invalid_grant"}'), Reply(body=b'{"access_token": "late"}')],
    ids=["refused", "late"],
)
def test_what_the_athlete_did_meanwhile_wins_over_a_refresh(playback: Playback, tempo: Provider, reply: Reply) -> None:
    """While a worker asks for the next token, the athlete agrees anew: that token is the one."""
    connection = connected()
    anew = {"access_token": "access 9", "refresh_token": "refresh 9"}

    def answer_late(call: Call) -> Reply:
        try:
            Connection.objects.filter(pk=connection.pk).update(credentials=encrypt(anew))
        finally:
            connections.close_all()
        return reply

    playback.answer("POST", TOKEN, by=answer_late)

    token, _ = oauth.fresh_token(connection.pk, refused="access 1")

    assert (token.access_token, stored(connection), connection.refreshing_until) == ("access 9", anew, None)


# --- one worker at a time -------------------------------------------------------------------------


def test_a_worker_that_finds_the_lock_taken_waits_for_what_comes(
    playback: Playback, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oauth, "PATIENCE_S", 0.2)
    until = timezone.now() + timedelta(seconds=90)
    Connection.objects.filter(pk=connection.pk).update(refreshing_until=until)

    with pytest.raises(RateLimited) as caught:
        oauth.fresh_token(connection.pk, refused="access 1")

    assert caught.value.retry_after_s == pytest.approx(90, abs=2)
    assert playback.made == []


def test_the_lock_of_a_worker_that_died_ends_by_itself(playback: Playback, connection: Connection) -> None:
    Connection.objects.filter(pk=connection.pk).update(refreshing_until=timezone.now() - timedelta(seconds=1))
    playback.answer("POST", TOKEN, json=SECOND)

    assert oauth.fresh_token(connection.pk, refused="access 1")[0].access_token == "access 2"


class Rotating:
    """A token address whose refresh tokens are good once, beside an API that refuses a token after some requests."""

    def __init__(self, *, good_for: int, loses: int = 0) -> None:
        self.lock = threading.Lock()
        self.number, self.used, self.spent_twice, self.refreshes = 1, 0, 0, 0
        self.good_for, self.loses = good_for, loses

    def token(self, call: Call) -> Reply:
        time.sleep(0.02)
        with self.lock:
            if call.form["refresh_token"] != f"refresh {self.number}":
                self.spent_twice += 1
                return Reply(400, b'{"error": "invalid_grant"}')
            if self.loses:
                # Not carried out, as far as anybody knows.
                self.loses -= 1
                return Reply(drop=True)
            self.number, self.used, self.refreshes = self.number + 1, 0, self.refreshes + 1
            n = self.number
            body = f'{{"access_token": "access {n}", "refresh_token": "refresh {n}", "expires_in": 3600}}'
            return Reply(200, body.encode(), {"content-type": "application/json"})

    def api(self, call: Call) -> Reply:
        with self.lock:
            self.used += 1
            good = call.headers["authorization"] == f"Bearer access {self.number}" and self.used <= self.good_for
            return Reply(200 if good else 401)


@pytest.mark.django_db(transaction=True)
def test_workers_never_spend_one_rotating_token_twice(playback: Playback, tempo: Provider, race: Race) -> None:
    """Four processes ask in one athlete's name, and the provider refuses the token after every fifteen requests.

    A worker may be refused twice in a row where the others used the new token up: that is why it asks again.
    """
    connection = connected()
    provider = Rotating(good_for=15, loses=2)
    playback.answer("POST", TOKEN, by=provider.token, times=float("inf"))
    playback.answer("GET", f"{API}/me", by=provider.api, times=float("inf"))

    said = race("refresh", 4, connection.pk, 15)

    assert provider.spent_twice == 0
    assert provider.refreshes >= 3, "nobody met anybody"
    assert [it["statuses"] for it in said] == [[200]] * 4


def test_no_token_is_in_logs_or_errors(
    playback: Playback, connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    playback.answer("POST", TOKEN, status=400, json={"error": "invalid_request", "refresh_token": "refresh 1"}, times=3)

    with pytest.raises(Unavailable) as caught:
        oauth.fresh_token(connection.pk, refused="access 1")

    told = [str(caught.value), repr(caught.value.__cause__)]
    told += [it.getMessage() for it in caplog.records if not it.name.startswith("django.db")]
    hidden = ("refresh 1", "access 1", "sandbox-secret")
    assert [line for line in told if any(secret in line for secret in hidden)] == []


@pytest.mark.parametrize("slug", [it.slug for it in PROVIDERS.values() if it.network])
def test_every_provider_has_a_consent_page(slug: str, settings: Settings) -> None:
    settings.SANDBOX_URL = "http://127.0.0.1:8001"
    provider = PROVIDERS[slug]
    assert provider.network
    declared: OAuth2 = provider.network.oauth

    query = dict(parse_qsl(urlsplit(oauth.begin(provider).url).query))

    assert query["client_id"] == f"sandbox-{slug}"
    assert query.get("scope", "") == declared.scope_separator.join(it.name for it in declared.scopes)
    assert ("code_challenge" in query) == declared.pkce
    assert declared.authorize_params.items() <= query.items()
