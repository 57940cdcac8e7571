"""Requests to providers: one translator of what can go wrong, and the only import of the HTTP library.

A request goes only to servers that the provider's declaration or the operator names, ends at its deadline however
slowly an answer drips, and brings no more than so many bytes. Reads are repeated after what passes by itself; writes
only where the provider certainly never saw them. No secret stands in a log, an exception or a `Response`.
"""

from __future__ import annotations

import base64
import logging
import os
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Literal
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

import httpcore
import httpx
from django.conf import settings
from django.utils import timezone
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    stop_before_delay,
    wait_random_exponential,
)

from integrations import budgets, configuring
from integrations.base import Provider, Response
from integrations.credentials import Token
from integrations.errors import ProviderError, RateLimited, Revoked, Unavailable, UnexpectedPayload

Auth = Literal["user", "client", "none"]

# The library tells every address with its query, where some providers want secrets.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)

CONNECT_S = 5.0
TRIES = 4
# A provider that asks for a wait this short gets it on the spot.
IN_PLACE_S = 5.0
MAX_REDIRECTS = 3
# Connections that are kept for the next read, and for how long.
KEPT, KEPT_S = 16, 30.0
# One request for a token; all attempts together stay far below the time for which a worker holds the lock.
TOKEN_S = 20.0
# The kind of requests that count in no rate limit.
UNCOUNTED = "none"
# Passes by itself: time-outs of gateways, and a server that is being restarted.
TRANSIENT = {408, 425, 500, 502, 503, 504}
REDIRECTS = {301, 302, 303, 307, 308}
# What is cut from an address before anybody sees it.
SECRET_PARAMETERS = {
    "access_token", "client_id", "client_secret", "code", "key", "refresh_token", "token", "verification_token",
    "verify_token",
}  # fmt: skip


class NotSent(Unavailable):
    """The provider was not reached: whatever was asked for was certainly not done."""


@dataclass(frozen=True)
class Refresh:
    """Where a session gets its token from: `current` when it begins and when it nears its end, `after` when the
    provider refused the one that it names.
    """

    current: Callable[[], Token]
    after: Callable[[str], Token]


class ApiSession:
    """A provider's API in the name of one account, or of this server itself (`integrations.base.Api`).

    `urgent` is whether somebody waits: such a request may use the fifth of each rate limit that background work leaves.
    One session serves several threads.
    """

    def __init__(
        self,
        provider: Provider,
        *,
        token: Token | None = None,
        refresh: Refresh | None = None,
        account_id: str = "",
        connection_id: int | None = None,
        urgent: bool = False,
    ) -> None:
        self.provider = provider
        self.urgent = urgent
        self._token = token
        self._refresh = refresh
        self._account_id = account_id
        self._connection_id = connection_id
        self._api_url = configuring.setting(provider, "API_URL")
        self._origins = configuring.origins(provider)

    @classmethod
    def of_token(cls, provider: Provider, token: Mapping[str, Any], *, account_id: str = "") -> ApiSession:
        """For a token that belongs to no connection yet; nothing refreshes it."""
        return cls(provider, token=Token(token), account_id=account_id, urgent=True)

    @classmethod
    def of_app(cls, provider: Provider) -> ApiSession:
        """For what this server does in its own name: subscriptions."""
        return cls(provider, urgent=True)

    def __repr__(self) -> str:
        return f"<ApiSession of {self.provider.slug} {self._account_id}>"

    @property
    def account_id(self) -> str:
        return self._account_id

    @property
    def token(self) -> Mapping[str, Any]:
        return self._current() or Token({})

    def setting(self, name: str) -> str:
        return configuring.setting(self.provider, name)

    def close(self) -> None:
        """Connections are kept for the next session; there is nothing to give back."""

    def get(
        self,
        url: str,
        params: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        auth: Auth = "user",
        allow: Collection[int] = (),
        kind: str = "all",
    ) -> Response:
        wanted = _Wanted("GET", self._address(url), dict(params or {}), dict(headers or {}), None, auth, kind)
        return self._ask(wanted, allow)

    def send(
        self,
        method: Literal["POST", "PUT", "PATCH", "DELETE"],
        url: str,
        params: Mapping[str, Any] | None = None,
        *,
        form: Mapping[str, Any] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        auth: Auth = "user",
        allow: Collection[int] = (),
    ) -> Response:
        told = dict(form) if form is not None else None
        wanted = _Wanted(
            method, self._address(url), dict(params or {}), dict(headers or {}), told, auth, "all", json=json
        )
        return self._ask(wanted, allow)

    # --- one request, whatever it takes ---------------------------------------------------------

    def _ask(self, wanted: _Wanted, allow: Collection[int]) -> Response:
        token = self._current() if wanted.auth == "user" else None
        response = self._repeat(wanted, token, {*allow, 401})
        if response.status == 401 and token is not None:
            if self._refresh is not None:
                token = self._token = self._refresh.after(token.access_token)
                response = self._repeat(wanted, token, {*allow, 401})
            elif 401 not in allow:
                raise Revoked(f"{self.provider.name} no longer accepts this connection.")
        if response.status == 401 and 401 not in allow:
            raise self._refused(wanted)
        return response

    def _refused(self, wanted: _Wanted) -> Unavailable:
        name = self.provider.name
        if wanted.auth == "user":
            return Unavailable(f"{name} refuses {wanted.path} (401) although the connection stands.")
        return Unavailable(f"{name} answered 401 to {wanted.path}: it may not accept this server's keys.")

    def _current(self) -> Token | None:
        if self._refresh is not None:
            self._token = self._refresh.current()
        return self._token

    def _repeat(self, wanted: _Wanted, token: Token | None, allow: Collection[int]) -> Response:
        """The answer, after as many attempts as are worth it."""
        ends = time.monotonic() + settings.PROVIDER_TOTAL_S
        attempts = Retrying(
            retry=retry_if_exception(lambda error: isinstance(error, _Miss) and error.again),
            wait=_wait,
            stop=stop_after_attempt(TRIES) | stop_before_delay(settings.PROVIDER_TOTAL_S),
            sleep=time.sleep,
            reraise=True,
        )
        try:
            return attempts(self._once, wanted, token, allow, ends)
        except _Miss as miss:
            raise miss.error from None

    def _once(self, wanted: _Wanted, token: Token | None, allow: Collection[int], ends: float) -> Response:
        name = self.provider.name
        counted = wanted.kind != UNCOUNTED and wanted.url.startswith((f"{self._api_url}/", f"{self._api_url}?"))
        if counted:
            try:
                budgets.reserve(self.provider, connection_id=self._connection_id, kind=wanted.kind, urgent=self.urgent)
            except RateLimited as error:
                raise _Miss(error, again=error.retry_after_s <= IN_PLACE_S, wait_s=error.retry_after_s) from None
        sent_at = timezone.now()
        try:
            response = self._exchange(wanted, token, ends)
        except Unavailable as error:
            raise _Miss(error, again=wanted.is_read or isinstance(error, NotSent)) from None
        if counted:
            self._learn(response, wanted.kind, sent_at)
        status = response.status
        if 200 <= status < 300 or status in allow:
            return response
        if status == 429:
            wait_s = budgets.pause(self.provider, response.headers, connection_id=self._connection_id, kind=wanted.kind)
            limited = RateLimited(f"{name} lets us make no more requests for now.", retry_after_s=wait_s)
            raise _Miss(limited, again=wait_s <= IN_PLACE_S, wait_s=wait_s)
        failed = Unavailable(f"{name} answered {status} to {wanted.path}.")
        if status in TRANSIENT:
            asked_s = budgets.retry_after(response.headers)
            if asked_s is not None and asked_s > IN_PLACE_S:
                raise RateLimited(f"{name} is busy and asks us to come back later.", retry_after_s=asked_s)
            raise _Miss(failed, again=wanted.is_read, wait_s=asked_s)
        raise failed

    def _learn(self, response: Response, kind: str, sent_at: Any) -> None:
        budgets.learn(self.provider, response.headers, connection_id=self._connection_id, kind=kind, sent_at=sent_at)

    def _exchange(self, wanted: _Wanted, token: Token | None, ends: float) -> Response:
        """One answer, redirects of reads followed; raises Unavailable."""
        url, params, headers, form = wanted.url, dict(wanted.params), dict(wanted.headers), wanted.form
        if wanted.auth == "user":
            headers["Authorization"] = f"Bearer {token.access_token if token else ''}"
        elif wanted.auth == "client":
            params, headers, form = self._as_client(wanted)
        for _ in range(MAX_REDIRECTS + 1):
            response, location = exchange(
                self.provider, wanted.method, url, self._origins,
                params=params, headers=headers, form=form, json=wanted.json, ends=ends,
            )  # fmt: skip
            if response.status not in REDIRECTS or not location:
                return response
            if not wanted.is_read:
                break
            following = urljoin(url, location)
            if configuring.origin_of(following) != configuring.origin_of(url):
                # Whatever was meant for the first server is none of the second one's business.
                headers = {}
            url, params, form = following, {}, None
        raise Unavailable(f"{self.provider.name} sends {wanted.path} elsewhere.")

    def _as_client(self, wanted: _Wanted) -> tuple[dict[str, Any], dict[str, str], dict[str, Any] | None]:
        """Parameters, headers and form in the name of this server, as the provider wants it."""
        params, headers, form = dict(wanted.params), dict(wanted.headers), wanted.form
        keys = {"client_id": self.setting("CLIENT_ID"), "client_secret": self.setting("CLIENT_SECRET")}
        if configuring.network_of(self.provider).oauth.client_auth == "client_secret_basic":
            told = f"{keys['client_id']}:{keys['client_secret']}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(told).decode()}"
        elif form is not None:
            form = {**keys, **form}
        else:
            params = {**keys, **params}
        return params, headers, form

    def _address(self, url: str) -> str:
        return url if urlsplit(url).scheme else f"{self._api_url}/{url.lstrip('/')}"


@dataclass(frozen=True, repr=False)
class _Wanted:
    """What an adapter asks for."""

    method: str
    url: str
    params: Mapping[str, Any]
    headers: Mapping[str, str]
    form: dict[str, Any] | None
    auth: Auth
    kind: str
    json: Any = None

    @property
    def is_read(self) -> bool:
        return self.method == "GET"

    @property
    def path(self) -> str:
        """The address for a sentence: no host, no query."""
        return urlsplit(self.url).path


class _Miss(Exception):  # noqa: N818
    """An attempt that failed: what to say of it, and whether and when to make another."""

    def __init__(self, error: ProviderError, *, again: bool, wait_s: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.again = again
        self.wait_s = wait_s


_backoff = wait_random_exponential(multiplier=0.5, min=0.1, max=4)


def _wait(state: RetryCallState) -> float:
    """Seconds until the next attempt: what the provider asks for, else growing and by chance."""
    error = state.outcome.exception() if state.outcome else None
    asked_s = error.wait_s if isinstance(error, _Miss) else None
    # All workers were told the same moment: a little later by chance, so that they do not come at once.
    return _backoff(state) if asked_s is None else asked_s + 0.25 * _backoff(state)


# --- the wire -----------------------------------------------------------------------------------


def token_request(provider: Provider, url: str, *, headers: Mapping[str, str], body: str) -> Response:
    """What a token address answers to a form, asked once, with any status but 429; raises Unavailable, RateLimited."""
    response, _ = exchange(
        provider, "POST", url, configuring.origins(provider),
        headers=headers, body=body, ends=time.monotonic() + min(TOKEN_S, settings.PROVIDER_TOTAL_S),
    )  # fmt: skip
    if response.status == 429:
        wait_s = budgets.retry_after(response.headers) or budgets.DEFAULT_WAIT_S
        raise RateLimited(f"{provider.name} lets us make no more requests for now.", retry_after_s=wait_s)
    return response


def exchange(
    provider: Provider,
    method: str,
    url: str,
    origins: Collection[tuple[str, str, int]],
    *,
    params: Mapping[str, Any] | None = None,
    headers: Mapping[str, str],
    form: Mapping[str, Any] | None = None,
    json: Any = None,
    body: str | None = None,
    ends: float,
) -> tuple[Response, str]:
    """One request and its answer, with where a redirect leads; raises NotSent, Unavailable or UnexpectedPayload.

    `ends` is on the clock of `time.monotonic`.
    """
    name = provider.name
    _check(provider, url, origins)
    told = {
        "Accept": "application/json, */*;q=0.5",
        "User-Agent": f"TrainStack (+{settings.BASE_URL})",
        **headers,
    }
    if form is not None:
        body = urlencode({key: value for key, value in form.items() if value is not None}, doseq=True)
        told["Content-Type"] = "application/x-www-form-urlencoded"
    query = {key: value for key, value in (params or {}).items() if value is not None}
    parts = urlsplit(url)
    if query:
        # What stands in the address already is kept: a link to the next page carries its token there.
        kept = [(key, value) for key, value in parse_qsl(parts.query, keep_blank_values=True) if key not in query]
        url = urlunsplit(parts._replace(query=urlencode([*kept, *_pairs(query)], doseq=True)))
    _deadline.ends = min(ends, time.monotonic() + settings.PROVIDER_TOTAL_S)
    try:
        with _client(is_read=method == "GET").stream(
            method, url, headers=told, content=None if body is None else body.encode(), json=json
        ) as answer:
            response = Response(
                status=answer.status_code,
                content=_content(name, answer),
                headers={key.lower(): value for key, value in answer.headers.items()},
                url=_shown(url),
            )
            return response, answer.headers.get("location", "")
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
        raise NotSent(f"{name} could not be reached.") from None
    except httpx.TimeoutException:
        raise Unavailable(f"{name} did not answer in time.") from None
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError):
        raise Unavailable(f"{name} broke off its answer.") from None
    finally:
        _deadline.ends = None


def _check(provider: Provider, url: str, origins: Collection[tuple[str, str, int]]) -> None:
    try:
        known = configuring.origin_of(url) in origins
    except ValueError:
        known = False
    if not known:
        host = urlsplit(url).hostname or "an address"
        raise UnexpectedPayload(f"{provider.name} names {host}, which is not one of its servers that we know.")


def _content(name: str, answer: httpx.Response) -> bytes:
    """The body, unpacked; raises Unavailable where it is too large to be one of a provider's answers."""
    too_large = Unavailable(f"{name} sent more than {settings.PROVIDER_MAX_BYTES:,} bytes.")
    announced = answer.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > settings.PROVIDER_MAX_BYTES:
        raise too_large
    content = bytearray()
    for piece in answer.iter_bytes():
        content += piece
        if len(content) > settings.PROVIDER_MAX_BYTES:
            raise too_large
    return bytes(content)


def _pairs(query: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    """Values as they stand in addresses: true and false as words."""
    for key, value in query.items():
        yield key, str(value).lower() if isinstance(value, bool) else value


def _shown(url: str) -> str:
    """The address without what is nobody's business."""
    parts = urlsplit(url)
    kept = [(key, value) for key, value in parse_qsl(parts.query, keep_blank_values=True)]
    kept = [(key, value) for key, value in kept if key.lower() not in SECRET_PARAMETERS]
    return urlunsplit(parts._replace(query=urlencode(kept), netloc=parts.netloc.rpartition("@")[2]))


class _Deadline(threading.local):
    """When the request of this thread has to be over, on the clock of `time.monotonic`."""

    ends: float | None = None

    def cut(self, timeout: float | None) -> float | None:
        """The time-out of one step, so that it ends with the request."""
        if self.ends is None:
            return timeout
        left = self.ends - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the deadline of the request")
        return left if timeout is None else min(timeout, left)


_deadline = _Deadline()


class _Stream(httpcore.NetworkStream):
    """A connection each step of which ends with its request: time-outs alone let a byte a second go on for ever."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _deadline.cut(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _deadline.cut(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(self, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(*args, **kwargs))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Backend(httpcore.NetworkBackend):
    def __init__(self) -> None:
        self._backend = httpcore.SyncBackend()

    def connect_tcp(self, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        return _Stream(self._backend.connect_tcp(*args, **kwargs))


class _Transport(httpx.HTTPTransport):
    def __init__(self, *, kept: int) -> None:
        super().__init__()
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(),
            max_connections=32,
            max_keepalive_connections=kept,
            keepalive_expiry=KEPT_S,
            network_backend=_Backend(),
        )


_shared: dict[tuple[int, bool], httpx.Client] = {}
_making = threading.Lock()


def _client(*, is_read: bool) -> httpx.Client:
    """One for each process, so that connections are used again; cookies of one athlete never reach another.

    Writes get a connection of their own: one that the server was just about to close would leave it open whether they
    were carried out.
    """
    key = os.getpid(), is_read
    with _making:
        if key not in _shared:
            nothing = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
            transport = _Transport(kept=KEPT if is_read else 0)
            _shared[key] = httpx.Client(transport=transport, cookies=nothing, trust_env=False)
        client = _shared[key]
        client.timeout = httpx.Timeout(settings.PROVIDER_READ_S, connect=CONNECT_S, pool=CONNECT_S)
    return client
