"""Requests to a provider over real HTTP on loopback: what comes back, what is repeated, what is told of failures."""

from __future__ import annotations

import gzip
import logging
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from integrations import http
from integrations.base import Budget, Provider
from integrations.credentials import Token
from integrations.errors import RateLimited, Revoked, Unavailable, UnexpectedPayload
from integrations.http import ApiSession, Refresh
from integrations.models import RateBudget
from tests.integrations.playback import Call, Playback, Reply
from tests.integrations.tempo import API, TEMPO, tempo, tempo_oauth

pytestmark = pytest.mark.django_db

Session = Callable[..., ApiSession]


@pytest.fixture(autouse=True)
def quick(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.PROVIDER_TOTAL_S = 10
    monkeypatch.setattr(http, "_backoff", lambda state: 0.01)


# --- what goes out and comes back -----------------------------------------------------------------


def test_get_sends_token_and_parameters_and_gives_the_bytes(playback: Playback, api_of: Session) -> None:
    playback.answer("GET", f"{API}/workouts", body=b'{"a": 1}\n', headers={"X-Total": "7", "Content-Type": "text/json"})

    answer = api_of(TEMPO).get("/workouts", {"since": "2026-01-01T00:00:00+01:00", "page": 2, "all": True, "no": None})

    call = playback.calls[0]
    assert call.query == {"since": "2026-01-01T00:00:00+01:00", "page": "2", "all": "true"}
    assert call.headers["authorization"] == "Bearer a-token"
    assert call.headers["user-agent"].startswith("TrainStack (+http")
    assert (answer.status, answer.content, answer.headers["x-total"]) == (200, b'{"a": 1}\n', "7")
    assert answer.json() == {"a": 1}


def test_get_takes_a_whole_address_with_its_query(playback: Playback, api_of: Session) -> None:
    playback.answer("GET", f"{API}/workouts", query={"next": "a/b+c", "limit": 25})

    answer = api_of(TEMPO).get(f"{playback.url}{API}/workouts?next=a%2Fb%2Bc&limit=10", {"limit": 25})

    assert answer.status == 200


def test_get_unpacks_what_comes_packed(playback: Playback, api_of: Session) -> None:
    body = b"x" * 1000
    playback.answer("GET", f"{API}/file", body=gzip.compress(body), headers={"Content-Encoding": "gzip"})

    assert api_of(TEMPO).get("/file").content == body


def test_send_makes_forms_and_json(playback: Playback, api_of: Session) -> None:
    playback.answer("POST", f"{API}/form", status=201)
    playback.answer("PATCH", f"{API}/json", status=204)
    playback.answer("DELETE", f"{API}/it", status=204)
    api = api_of(TEMPO)

    answers = [
        api.send("POST", "/form", form={"a": "1&2", "b": None}),
        api.send("PATCH", "/json", json={"a": [1]}, headers={"X-Key": "k"}),
        api.send("DELETE", "/it"),
    ]

    assert [it.status for it in answers] == [201, 204, 204]
    assert playback.calls[0].form == {"a": "1&2"}
    assert (playback.calls[1].json, playback.calls[1].headers["x-key"]) == ({"a": [1]}, "k")


@pytest.mark.parametrize("auth", ["client_secret_post", "client_secret_basic"])
def test_client_auth_is_as_the_provider_wants_it(playback: Playback, auth: Any) -> None:
    provider = tempo_oauth(client_auth=auth)
    playback.answer("GET", f"{API}/subscriptions")
    playback.answer("POST", f"{API}/subscriptions")
    api = ApiSession.of_app(provider)

    read = api.get("/subscriptions", {"a": 1}, auth="client")
    api.send("POST", "/subscriptions", form={"url": "u"}, auth="client")

    keys = {"client_id": "sandbox-tempo", "client_secret": "sandbox-secret"}
    if auth == "client_secret_post":
        assert (playback.calls[0].query, playback.calls[1].form) == ({**keys, "a": "1"}, {**keys, "url": "u"})
        assert "authorization" not in playback.calls[0].headers
    else:
        assert (playback.calls[0].query, playback.calls[1].form) == ({"a": "1"}, {"url": "u"})
        assert playback.calls[1].headers["authorization"] == "Basic c2FuZGJveC10ZW1wbzpzYW5kYm94LXNlY3JldA=="
    # No secret is left in what is kept of the request.
    assert read.url == f"{playback.url}{API}/subscriptions?a=1"


def test_auth_none_sends_no_token(playback: Playback, api_of: Session) -> None:
    playback.answer("GET", f"{API}/file")

    api_of(TEMPO).get("/file", auth="none")

    assert "authorization" not in playback.calls[0].headers


def test_cookies_of_one_answer_go_to_nobody(playback: Playback, api_of: Session) -> None:
    playback.answer("GET", f"{API}/me", headers={"Set-Cookie": "session=of-somebody; Path=/"}, times=2)

    api_of(TEMPO).get("/me")
    api_of(TEMPO).get("/me")

    assert "cookie" not in playback.calls[1].headers


# --- what is allowed, and where to ----------------------------------------------------------------


def test_statuses_that_are_allowed_come_back(playback: Playback, api_of: Session) -> None:
    playback.answer("GET", f"{API}/it", status=404, body=b"none")

    answer = api_of(TEMPO).get("/it", allow=(404,))

    assert (answer.status, answer.content, answer.url) == (404, b"none", f"{playback.url}{API}/it")


@pytest.mark.parametrize("address", ["https://evil.example/v1", "http://127.0.0.1:1/v1", "ftp://tempo.example/x"])
def test_requests_go_to_declared_servers_only(playback: Playback, api_of: Session, address: str) -> None:
    with pytest.raises(UnexpectedPayload, match="not one of its servers"):
        api_of(TEMPO).get(address)


def test_redirects_of_reads_are_followed_within_declared_servers(playback: Playback, api_of: Session) -> None:
    playback.answer("GET", f"{API}/file", status=302, headers={"Location": "/tempo/v1/elsewhere?sig=1"})
    playback.answer("GET", f"{API}/elsewhere", query={"sig": 1}, body=b"bytes")

    assert api_of(TEMPO).get("/file", {"a": 1}).content == b"bytes"
    assert playback.calls[1].headers["authorization"] == "Bearer a-token"


def test_redirect_to_another_server_takes_no_secret_along(
    playback: Playback, api_of: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Playback()
    monkeypatch.setenv("TEMPO_FILES_URL", f"{other.url}/f")
    playback.answer("GET", f"{API}/file", status=307, headers={"Location": f"{other.url}/f/1"})
    other.answer("GET", "/f/1", body=b"bytes")
    try:
        assert api_of(TEMPO).get("/file", headers={"X-Subscription-Key": "secret"}).content == b"bytes"
        assert {"authorization", "x-subscription-key"} & other.calls[0].headers.keys() == set()
    finally:
        other.close()


def test_redirect_to_an_unknown_server_is_not_followed(playback: Playback, api_of: Session) -> None:
    playback.answer("GET", f"{API}/file", status=302, headers={"Location": "https://evil.example/"})

    with pytest.raises(UnexpectedPayload, match=r"evil\.example"):
        api_of(TEMPO).get("/file")


def test_redirects_without_end_are_given_up(playback: Playback, api_of: Session) -> None:
    playback.answer("GET", f"{API}/file", status=302, headers={"Location": f"{API}/file"}, times=16)

    with pytest.raises(Unavailable, match="sends /tempo/v1/file elsewhere"):
        api_of(TEMPO).get("/file")


def test_redirects_of_writes_are_not_followed(playback: Playback, api_of: Session) -> None:
    playback.answer("POST", f"{API}/it", status=307, headers={"Location": f"{API}/other"})

    with pytest.raises(Unavailable, match="elsewhere"):
        api_of(TEMPO).send("POST", "/it")


# --- what passes by itself ------------------------------------------------------------------------


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_reads_are_repeated_after_what_passes(playback: Playback, api_of: Session, status: int) -> None:
    playback.answer("GET", f"{API}/it", status=status, times=3)
    playback.answer("GET", f"{API}/it", body=b"there")

    assert api_of(TEMPO).get("/it").content == b"there"


def test_reads_are_repeated_after_a_broken_connection_and_silence(
    playback: Playback, api_of: Session, settings: Settings
) -> None:
    settings.PROVIDER_READ_S = 1
    playback.answer("GET", f"{API}/it", drop=True)
    playback.answer("GET", f"{API}/it", wait_s=1.5)
    playback.answer("GET", f"{API}/it", body=b"short", headers={"Content-Length": "100"}, drip_s=0.1)
    playback.answer("GET", f"{API}/it", body=b"there")

    assert api_of(TEMPO).get("/it").content == b"there"


def test_reads_are_given_up_at_last(playback: Playback, api_of: Session) -> None:
    playback.answer("GET", f"{API}/it", status=500, times=http.TRIES)

    with pytest.raises(Unavailable) as caught:
        api_of(TEMPO).get("/it", {"client_secret": "s"})

    assert str(caught.value) == "Tempo answered 500 to /tempo/v1/it."


@pytest.mark.parametrize("status", [400, 403, 404, 418, 422])
def test_what_does_not_pass_is_not_repeated(playback: Playback, api_of: Session, status: int) -> None:
    playback.answer("GET", f"{API}/it", status=status)

    with pytest.raises(Unavailable, match=f"Tempo answered {status} to /tempo/v1/it"):
        api_of(TEMPO).get("/it")


@pytest.mark.parametrize("failure", [{"status": 500}, {"drop": True}, {"wait_s": 0.6}], ids=["500", "cut", "silent"])
def test_writes_that_may_have_been_carried_out_are_not_repeated(
    playback: Playback, api_of: Session, failure: dict[str, Any], settings: Settings
) -> None:
    if "wait_s" in failure:
        settings.PROVIDER_READ_S = 0.2
    playback.answer("POST", f"{API}/it", **failure)

    with pytest.raises(Unavailable):
        api_of(TEMPO).send("POST", "/it", json={})


def test_writes_that_were_refused_for_their_number_are_repeated(playback: Playback, api_of: Session) -> None:
    playback.answer("POST", f"{API}/it", status=429, headers={"Retry-After": "0"})
    playback.answer("POST", f"{API}/it", status=201)

    assert api_of(TEMPO).send("POST", "/it", json={}).status == 201


def test_writes_that_reached_nobody_are_repeated(
    playback: Playback, api_of: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The port is closed for the first attempts, and open for the next."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    monkeypatch.setenv("TEMPO_API_URL", f"http://127.0.0.1:{port}/v1")
    monkeypatch.setattr(http, "_backoff", lambda state: 0.25)

    def serve() -> None:
        time.sleep(0.3)
        with socket.create_server(("127.0.0.1", port)) as server:
            connection, _ = server.accept()
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
            connection.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        assert api_of(TEMPO).send("POST", "/it", json={}).status == 201
    finally:
        thread.join()


def test_nobody_there_is_told_so(api_of: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    monkeypatch.setenv("TEMPO_API_URL", f"http://127.0.0.1:{port}/v1")

    with pytest.raises(Unavailable, match=r"^Tempo could not be reached\.$"):
        api_of(TEMPO).get("/it")


# --- limits of time and size ----------------------------------------------------------------------


def test_an_answer_that_drips_ends_at_the_deadline(playback: Playback, api_of: Session, settings: Settings) -> None:
    settings.PROVIDER_TOTAL_S = 0.8
    playback.answer("GET", f"{API}/it", body=b"x" * 100, drip_s=0.1, times=float("inf"))
    started = time.monotonic()

    with pytest.raises(Unavailable, match="did not answer in time"):
        api_of(TEMPO).get("/it")

    assert 0.7 < time.monotonic() - started < 1.5


@pytest.fixture
def dripping() -> Iterator[str]:
    """The address of a server that sends one byte of a header after another, for ever."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        over = threading.Event()

        def serve() -> None:
            connections = []
            server.settimeout(0.05)
            while not over.is_set():
                with suppress(TimeoutError):
                    connection, _ = server.accept()
                    connections.append(connection)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
                for one in connections:
                    with suppress(OSError):
                        one.sendall(b"x")

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/v1"
        over.set()
        thread.join()


def test_a_header_that_drips_ends_at_the_deadline(
    dripping: str, api_of: Session, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PROVIDER_TOTAL_S = 0.6
    monkeypatch.setenv("TEMPO_API_URL", dripping)
    started = time.monotonic()

    with pytest.raises(Unavailable, match="did not answer in time"):
        api_of(TEMPO).send("POST", "/it")

    assert 0.5 < time.monotonic() - started < 1.2


def test_an_answer_that_is_too_large_is_not_read(playback: Playback, api_of: Session, settings: Settings) -> None:
    settings.PROVIDER_MAX_BYTES = 1000
    packed = gzip.compress(b"x" * 1001)
    playback.answer("GET", f"{API}/just", body=b"x" * 1000)
    playback.answer("GET", f"{API}/said", body=b"x" * 1001, times=http.TRIES)
    playback.answer("GET", f"{API}/packed", body=packed, headers={"Content-Encoding": "gzip"}, times=http.TRIES)
    api = api_of(TEMPO)

    assert len(api.get("/just").content) == 1000
    for path in ("/said", "/packed"):
        with pytest.raises(Unavailable, match="more than 1,000 bytes"):
            api.get(path)


# --- too many requests ----------------------------------------------------------------------------


def test_a_short_wait_is_waited_on_the_spot(playback: Playback, api_of: Session) -> None:
    playback.answer("GET", f"{API}/it", status=429, headers={"Retry-After": "0.4"})
    playback.answer("GET", f"{API}/it", body=b"there")
    started = time.monotonic()

    assert api_of(TEMPO).get("/it").content == b"there"
    assert 0.4 <= time.monotonic() - started < 1.5


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("dated", [False, True], ids=["seconds", "date"])
def test_a_long_wait_is_told(playback: Playback, api_of: Session, status: int, dated: bool) -> None:
    told = format_datetime(datetime.now(UTC) + timedelta(seconds=120), usegmt=True) if dated else "120"
    playback.answer("GET", f"{API}/it", status=status, headers={"Retry-After": told})

    with pytest.raises(RateLimited) as caught:
        api_of(TEMPO).get("/it")

    assert caught.value.retry_after_s == pytest.approx(120, abs=2)


def test_after_too_many_requests_nobody_asks_until_the_end_of_the_wait(playback: Playback, api_of: Session) -> None:
    playback.answer("GET", f"{API}/it", status=429, headers={"Retry-After": "120"})
    with pytest.raises(RateLimited):
        api_of(TEMPO).get("/it")

    with pytest.raises(RateLimited) as caught:
        api_of(TEMPO).get("/other")

    assert caught.value.retry_after_s == pytest.approx(120, abs=3)
    assert playback.made == [f"GET {API}/it"]


def test_too_many_requests_without_a_word_waits_for_the_window_that_is_spent(
    playback: Playback, api_of: Session
) -> None:
    provider = tempo(budgets=(Budget(100, 900), Budget(1000, 86400)))
    headers = {"X-RateLimit-Limit": "100,1000", "X-RateLimit-Usage": "100,300"}
    playback.answer("GET", f"{API}/it", status=429, headers=headers)

    with pytest.raises(RateLimited) as caught:
        api_of(provider).get("/it")

    left = RateBudget.objects.get(key="tempo:900:all").resets_at - timezone.now()
    assert caught.value.retry_after_s == pytest.approx(left.total_seconds(), abs=2)


def test_a_spent_budget_is_told_without_asking(playback: Playback, api_of: Session) -> None:
    provider = tempo(budgets=(Budget(2, 86400),))
    playback.answer("GET", f"{API}/it", times=2)
    api = api_of(provider)
    api.get("/it")
    api.get("/it")

    with pytest.raises(RateLimited):
        api.get("/it")


def test_what_counts_nowhere_asks_no_budget(playback: Playback, api_of: Session) -> None:
    """Files by link, tokens, and what lies beside the API."""
    provider = tempo(budgets=(Budget(1, 86400),))
    playback.answer("GET", "/tempo/f/1", times=2)
    playback.answer("GET", f"{API}/file")
    api = api_of(provider)

    api.get(f"{playback.url}/tempo/f/1", auth="none")
    api.get(f"{playback.url}/tempo/f/1", auth="none")
    api.get("/file", kind="none")

    assert RateBudget.objects.count() == 0


# --- tokens ---------------------------------------------------------------------------------------


def refreshing(*tokens: str) -> tuple[Refresh, list[str]]:
    """A source of tokens, and those that it was told were refused."""
    refused: list[str] = []

    def after(token: str) -> Token:
        refused.append(token)
        return Token({"access_token": tokens[len(refused)]})

    return Refresh(current=lambda: Token({"access_token": tokens[len(refused)]}), after=after), refused


def by_token(good: str) -> Callable[[Call], Reply]:
    return lambda call: Reply(200 if call.headers["authorization"] == f"Bearer {good}" else 401)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_refused_token_is_refreshed_once_and_the_request_repeated(playback: Playback, method: Any) -> None:
    playback.answer(method, f"{API}/it", by=by_token("second"), times=2)
    refresh, refused = refreshing("first", "second")
    api = ApiSession(TEMPO, refresh=refresh)

    answer = api.get("/it") if method == "GET" else api.send(method, "/it", json={})

    assert (answer.status, refused, api.token["access_token"]) == (200, ["first"], "second")


def test_a_token_refused_right_after_its_refresh_is_no_end_of_the_consent(playback: Playback) -> None:
    playback.answer("GET", f"{API}/it", status=401, times=2)
    refresh, refused = refreshing("first", "second", "third")

    with pytest.raises(Unavailable, match="although the connection stands"):
        ApiSession(TEMPO, refresh=refresh).get("/it")

    assert refused == ["first"]


def test_a_refused_token_that_nothing_refreshes_is_the_end(playback: Playback, api_of: Session) -> None:
    playback.answer("GET", f"{API}/it", status=401)

    with pytest.raises(Revoked, match="Tempo no longer accepts this connection"):
        api_of(TEMPO).get("/it")


def test_a_401_that_is_allowed_comes_back_after_the_refresh(playback: Playback) -> None:
    playback.answer("GET", f"{API}/it", status=401, times=2)
    refresh, refused = refreshing("first", "second")

    assert ApiSession(TEMPO, refresh=refresh).get("/it", allow=(401,)).status == 401
    assert refused == ["first"]


def test_keys_of_this_server_that_are_refused_are_no_athletes_fault(playback: Playback) -> None:
    playback.answer("GET", f"{API}/subscriptions", status=401)

    with pytest.raises(Unavailable, match="may not accept this server's keys"):
        ApiSession.of_app(TEMPO).get("/subscriptions", auth="client")


# --- secrets --------------------------------------------------------------------------------------


def test_no_secret_is_in_logs_errors_or_answers(
    playback: Playback, api_of: Session, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secrets = ("a-token", "sandbox-secret", "s3cret")
    playback.answer("GET", f"{API}/fine")
    playback.answer("GET", f"{API}/it", status=400, body=b"a-token sandbox-secret")
    playback.answer("DELETE", f"{API}/it", drop=True)
    api: ApiSession = api_of(TEMPO)
    told = [repr(api), repr(api.token), api.get("/fine", {"token": "s3cret", "a": "b"}, auth="client").url]

    for fail in (lambda: api.get("/it", {"access_token": "s3cret"}), lambda: api.send("DELETE", "/it", auth="client")):
        with pytest.raises(Unavailable) as caught:
            fail()
        told.append("".join(str(it) for it in (caught.value, caught.value.__cause__, caught.value.args)))

    told += [record.getMessage() for record in caplog.records if not record.name.startswith("django.db")]
    assert [(secret, line) for line in told for secret in secrets if secret in line] == []
    assert told[2] == f"{playback.url}{API}/fine?a=b"


def test_only_one_module_knows_the_http_library() -> None:
    root = Path(__file__).resolve().parents[2]
    known = {
        str(path.relative_to(root))
        for package in ("trainstack", "activities", "integrations", "workouts")
        for path in (root / package).rglob("*.py")
        if re.search(r"^\s*(import|from) (httpx|httpcore|requests|urllib3|urllib\.request)\b", path.read_text(), re.M)
    }
    assert "integrations/http.py" in known
    # The sandbox is a world of its own: it sends its webhooks by itself.
    assert {path for path in known if "/sandbox/" not in path} == {"integrations/http.py"}


def test_threads_share_a_session(playback: Playback, api_of: Session) -> None:
    playback.answer("GET", f"{API}/file", by=lambda call: Reply(body=call.query["n"].encode()), times=20)
    api = api_of(TEMPO)
    got: list[tuple[int, bytes]] = []

    def ask(number: int) -> None:
        got.append((number, api.get("/file", {"n": number}, kind="none").content))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(got) == [(number, str(number).encode()) for number in range(20)]


def providers() -> list[Provider]:
    from integrations.registry import PROVIDERS

    return [it for it in PROVIDERS.values() if it.network]


@pytest.mark.parametrize("provider", providers(), ids=lambda it: it.slug)
def test_every_provider_can_be_asked(provider: Provider, settings: Settings) -> None:
    """Each address that it declares is one of a web server, with and without the sandbox."""
    for settings.SANDBOX_URL in ("", "http://127.0.0.1:8001"):
        api = ApiSession.of_app(provider)
        assert api.setting("API_URL").startswith("http")
        assert all(scheme == ("https" if not settings.SANDBOX_URL else scheme) for scheme, _, _ in api._origins)
