"""The authorisation code flow of every provider, over Authlib, and tokens that stay fresh.

Authlib says what goes to the provider and reads what comes back; `integrations.http` carries it. A token is refreshed
by one worker at a time, under a lock that is a column of the connection: a rotating refresh token is never spent twice.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from authlib.common.errors import AuthlibBaseError
from authlib.common.security import generate_token
from authlib.oauth2.client import OAuth2Client
from django.db.models import Q
from django.utils import timezone
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from integrations import configuring, http
from integrations.base import Provider, Response, Scope
from integrations.credentials import Token, decrypt, encrypt
from integrations.errors import RateLimited, Revoked, Unavailable
from integrations.models import Connection
from integrations.registry import PROVIDERS

logger = logging.getLogger(__name__)

# A token that ends sooner is refreshed before it is used.
MARGIN = timedelta(minutes=5)
# How long one worker may hold the lock. Well above what all attempts together may take: a worker that is slower would
# let another one spend the same refresh token.
LOCK = timedelta(minutes=5)
ATTEMPTS = 3
# Between them, in seconds.
PAUSE = wait_random_exponential(multiplier=0.5, max=3)
# How long a worker waits for the one that refreshes, and how often it looks.
PATIENCE_S = 10.0
LOOK_S = 0.1
# After a refresh that failed, a token that has not ended yet is used for so long before the next attempt.
REST_S = 60.0

# How token addresses word that a code or a refresh token is no longer good.
SPENT = {"invalid_grant", "invalid_token"}
# Strava names the thing instead: {"errors": [{"resource": "RefreshToken", "code": "invalid"}]}.
SPENT_RESOURCES = {"RefreshToken", "AuthorizationCode"}


class Refused(Exception):  # noqa: N818
    """The provider takes this code or refresh token no longer, and says so clearly."""


# --- the consent --------------------------------------------------------------------------------


@dataclass(frozen=True, repr=False)
class Consent:
    """A consent that was begun: where the athlete goes, and what proves later that it is the same one."""

    url: str
    state: str
    verifier: str


def begin(provider: Provider) -> Consent:
    """A fresh state, with a code verifier where the provider takes PKCE, and the provider's consent page."""
    oauth = configuring.network_of(provider).oauth
    verifier = generate_token(64) if oauth.pkce else ""
    state = generate_token(40)
    scopes = oauth.scope_separator.join(scope.name for scope in oauth.scopes)
    url, _ = _client(provider).create_authorization_url(
        configuring.setting(provider, "AUTHORIZE_URL"),
        state=state,
        code_verifier=verifier or None,
        **({"scope": scopes} if scopes else {}),
        **oauth.authorize_params,
    )
    return Consent(url, state, verifier)


def exchange(provider: Provider, *, code: str, verifier: str = "") -> Token:
    """The token for a code that the athlete came back with; raises Refused where the code is no longer good."""
    extra = {"code_verifier": verifier} if verifier else {}
    return _told(
        provider,
        lambda client: client.fetch_token(
            configuring.setting(provider, "TOKEN_URL"), grant_type="authorization_code", code=code, **extra
        ),
    )


def refresh(provider: Provider, token: Token) -> Token:
    """The token that follows; raises Refused where the athlete must agree anew.

    An answer that was lost on its way is asked for again with the same refresh token: the provider either never saw
    the first request, or repeats its answer for a while, or says clearly that the token is spent.
    """
    oauth = configuring.network_of(provider).oauth
    attempts = Retrying(
        retry=retry_if_exception_type(Unavailable),
        stop=stop_after_attempt(ATTEMPTS),
        wait=PAUSE,
        reraise=True,
    )
    following = attempts(
        _told,
        provider,
        lambda client: client.refresh_token(
            configuring.setting(provider, "TOKEN_URL"), refresh_token=token.refresh_token, **oauth.refresh_params
        ),
    )
    # What only the first answer tells (whose it is), and a refresh token that stays.
    return Token({**token, **following})


def ends_at(token: Mapping[str, Any]) -> datetime | None:
    """When the access token ends, by what the provider says; None where it does not."""
    try:
        seconds = float(token.get("expires_at") or 0) or time.time() + float(token["expires_in"])
        return datetime.fromtimestamp(seconds, UTC)
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return None


def granted(provider: Provider, token: Mapping[str, Any], callback: Mapping[str, str]) -> list[str]:
    """The scopes that the athlete allowed; those that we asked for where the provider does not tell."""
    oauth = configuring.network_of(provider).oauth
    told = {"token": token.get("scope"), "callback": callback.get("scope"), "none": None}[oauth.granted_in]
    if told is None:
        return [scope.name for scope in oauth.scopes]
    names = told if isinstance(told, list) else re.split(r"[\s,]+", str(told))
    return sorted({str(name) for name in names if name})


def missing_scopes(provider: Provider, allowed: Iterable[str]) -> list[Scope]:
    """What we asked for and the athlete did not allow."""
    held = set(allowed)
    return [scope for scope in configuring.network_of(provider).oauth.scopes if scope.name not in held]


# --- tokens that stay fresh ---------------------------------------------------------------------


def session_of(connection: Connection, *, urgent: bool = False) -> http.ApiSession:
    """The provider's API in the name of a connection; its token is refreshed when it must be."""
    keeper = _Keeper(connection.pk)
    return http.ApiSession(
        PROVIDERS[connection.provider],
        refresh=http.Refresh(current=keeper.current, after=keeper.after),
        account_id=connection.account_id,
        connection_id=connection.pk,
        urgent=urgent,
    )


class _Keeper:
    """The token of one connection, as one session knows it."""

    def __init__(self, connection_id: int) -> None:
        self._connection_id = connection_id
        self._token: Token | None = None
        self._ends_at: datetime | None = None
        self._rests_until = 0.0

    def current(self) -> Token:
        """A token that is good for a while; raises Revoked, Unavailable, RateLimited."""
        token, now = self._token, timezone.now()
        if token is not None and (self._is_fresh(now) or time.monotonic() < self._rests_until):
            return token
        try:
            return self._take(*fresh_token(self._connection_id))
        except (Unavailable, RateLimited):
            # It failed for now, and the token has not ended yet.
            row = Connection.objects.filter(pk=self._connection_id).first()
            if row is None or not row.credentials or row.token_expires_at is None or row.token_expires_at <= now:
                raise
            self._rests_until = time.monotonic() + REST_S
            return self._take(decrypt(row.credentials), row.token_expires_at)

    def after(self, refused: str) -> Token:
        """The token that follows the one that the provider just refused."""
        return self._take(*fresh_token(self._connection_id, refused=refused))

    def _is_fresh(self, now: datetime) -> bool:
        return self._ends_at is None or self._ends_at > now + MARGIN

    def _take(self, token: Token, ends: datetime | None) -> Token:
        self._token, self._ends_at = token, ends
        return token


def fresh_token(connection_id: int, *, refused: str = "") -> tuple[Token, datetime | None]:
    """The connection's token and when it ends, refreshed where it ends soon or is the one that was `refused`.

    One worker refreshes; the others wait for what it stores. Raises Revoked only where the provider clearly takes the
    refresh token no longer, or where there is none.
    """
    patient_until = time.monotonic() + PATIENCE_S
    while True:
        row = Connection.objects.filter(pk=connection_id).first()
        if row is None or not row.credentials:
            raise Revoked("This connection has ended.")
        provider = PROVIDERS[row.provider]
        stored, token, now = bytes(row.credentials), decrypt(row.credentials), timezone.now()
        is_refused = bool(refused) and token.access_token == refused
        ends_soon = row.token_expires_at is not None and row.token_expires_at <= now + MARGIN
        if not is_refused and not ends_soon:
            return token, row.token_expires_at
        if not token.refresh_token or configuring.network_of(provider).oauth.refresh == "none":
            if not is_refused and row.token_expires_at and row.token_expires_at > now:
                return token, row.token_expires_at
            raise Revoked(f"{provider.name} no longer accepts this connection.")
        until = now + LOCK
        free = Connection.objects.filter(pk=connection_id, credentials=stored).filter(
            Q(refreshing_until=None) | Q(refreshing_until__lte=now)
        )
        if free.update(refreshing_until=until):
            following = _refresh_and_store(connection_id, provider, token, stored, until)
            if following:
                return following
            # Meanwhile the athlete connected anew, or disconnected.
            continue
        if time.monotonic() >= patient_until:
            held = Connection.objects.filter(pk=connection_id).values_list("refreshing_until", flat=True).first()
            wait_s = (held - timezone.now()).total_seconds() if held else 0.0
            raise RateLimited(
                f"The connection to {provider.name} is being renewed by another worker.",
                retry_after_s=max(wait_s, 1.0),
            )
        time.sleep(LOOK_S)


def _refresh_and_store(
    connection_id: int, provider: Provider, token: Token, stored: bytes, until: datetime
) -> tuple[Token, datetime | None] | None:
    """The token that follows, once it is stored; None where the connection has other credentials by now."""
    # Over the token that it follows, and over no other.
    row = Connection.objects.filter(pk=connection_id, credentials=stored)
    try:
        following = refresh(provider, token)
        ends = ends_at(following)
        if row.update(credentials=encrypt(following), token_expires_at=ends, refreshing_until=None):
            return following, ends
    except Refused:
        if row.exists():
            raise Revoked(f"{provider.name} no longer accepts this connection.") from None
    finally:
        Connection.objects.filter(pk=connection_id, refreshing_until=until).update(refreshing_until=None)
    return None


# --- what goes to the token address, and what comes back ------------------------------------------


class _Answer:
    """A provider's answer as Authlib reads it."""

    def __init__(self, response: Response) -> None:
        self.status_code = response.status
        self._content = response.content

    def json(self) -> Any:
        return json.loads(self._content)

    def raise_for_status(self) -> None:
        raise ValueError(f"HTTP {self.status_code}")


class _Wire:
    """What Authlib sends its forms through."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.answer: Response | None = None

    def post(self, url: str, data: Mapping[str, str], headers: Mapping[str, str], auth: Any) -> _Answer:
        uri, told, body = auth.prepare("POST", url, dict(headers), urlencode(data))
        self.answer = http.token_request(self.provider, uri, headers=told, body=body)
        return _Answer(self.answer)


def _client(provider: Provider, wire: _Wire | None = None) -> OAuth2Client:
    oauth = configuring.network_of(provider).oauth
    return OAuth2Client(
        session=wire,
        client_id=configuring.setting(provider, "CLIENT_ID"),
        client_secret=configuring.setting(provider, "CLIENT_SECRET"),
        token_endpoint_auth_method=oauth.client_auth,
        code_challenge_method="S256" if oauth.pkce else None,
        redirect_uri=configuring.callback_url(provider),
    )


def _told(provider: Provider, ask: Callable[[OAuth2Client], Mapping[str, Any]]) -> Token:
    """The token answer; raises Refused, Unavailable or RateLimited."""
    wire = _Wire(provider)
    try:
        told = dict(ask(_client(provider, wire)))
    except (AuthlibBaseError, ValueError):
        told = {}
    answer = wire.answer
    if answer is None:
        raise Unavailable(f"{provider.name} could not be asked for a token.")
    if answer.status < 300 and told.get("access_token"):
        return Token(told)
    words = _words_of(answer)
    if answer.status < 500 and words & (SPENT | SPENT_RESOURCES):
        raise Refused
    # Names of errors are the standard's own words; whatever else is in the answer may be secret.
    logger.warning("%s answered %s to a token request: %s", provider.slug, answer.status, sorted(words & LOGGED))
    if "invalid_client" in words or "unauthorized_client" in words:
        raise Unavailable(f"{provider.name} does not accept this server's keys.")
    raise Unavailable(f"{provider.name} gave no token ({answer.status}).")


LOGGED = {
    "invalid_request", "invalid_client", "unauthorized_client", "unsupported_grant_type", "invalid_scope",
    "server_error", "temporarily_unavailable", "access_denied",
}  # fmt: skip


def _words_of(answer: Response) -> set[str]:
    """The codes with which the answer says what is wrong, however the provider nests them."""
    try:
        told = json.loads(answer.content)
    except (ValueError, RecursionError):
        return set()
    if not isinstance(told, dict):
        return set()
    inner = told.get("errors")
    entries = [told, *(it for it in (inner if isinstance(inner, list) else []) if isinstance(it, dict))]
    names = ("error", "errorType", "resource")
    return {str(entry[name]) for entry in entries for name in names if isinstance(entry.get(name), str)}
