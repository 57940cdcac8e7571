"""OAuth 2 as each provider does it: who is asked what, codes, tokens, their rotation and their end."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import sqlite3
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from integrations.sandbox.base import Account, Answer, Grant, Play, Refused, Request, answer, dumps
from integrations.sandbox.world import World

# Access tokens live this long at most unless told otherwise, so that a demo shows how they are renewed.
SHORT_TTL_S = 900.0
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1", "testserver")


@dataclass(frozen=True)
class Asked:
    """A good authorize address."""

    redirect_uri: str
    state: str
    scopes: tuple[str, ...]
    challenge: str
    method: str
    wants_refresh: bool


class BadAddress(Exception):  # noqa: N818
    """The authorize address is wrong in a way that must not send anybody anywhere; told on a page."""


class TokenRefused(Exception):  # noqa: N818
    def __init__(self, status: int, code: str, words: str) -> None:
        super().__init__(words)
        self.status, self.code, self.words = status, code, words


class Consent:
    def __init__(self, world: World) -> None:
        self.world, self.store = world, world.store

    # --- the authorize address --------------------------------------------------------------------

    def asked(self, play: Play, query_string: str) -> Asked:
        """What is asked for; raises BadAddress."""
        query = dict(parse_qsl(query_string, keep_blank_values=True))
        oauth = play.oauth
        if query.get("client_id") != self.world.secret(play.slug, "CLIENT_ID"):
            raise BadAddress(f"No application is known by the client_id {query.get('client_id', '')!r}.")
        if query.get("response_type") != "code":
            raise BadAddress("response_type must be code.")
        redirect_uri = query.get("redirect_uri", "")
        if not self.is_ours(redirect_uri):
            raise BadAddress(f"The redirect_uri {redirect_uri!r} is not one of this application's.")
        state = query.get("state", "")
        if len(state) < oauth.least_state:
            raise BadAddress(f"The state must have {oauth.least_state} characters or more.")
        challenge, method = query.get("code_challenge", ""), query.get("code_challenge_method", "plain")
        if oauth.pkce == "required" and not challenge:
            raise BadAddress("A code_challenge is required.")
        if oauth.pkce == "ignored":
            challenge = ""
        if challenge and method not in ("S256", "plain"):
            raise BadAddress(f"The code_challenge_method {method!r} is unknown.")
        known = {scope.name for scope in oauth.scopes}
        wanted = [name for name in query.get("scope", "").split(oauth.separator) if name]
        if unknown := [name for name in wanted if name not in known]:
            raise BadAddress(f"The scope {unknown[0]!r} is unknown.")
        name, is_parameter, value = oauth.refresh_needs.partition("=")
        wants_refresh = oauth.refresh != "none" and (not is_parameter or query.get(name) == value)
        return Asked(
            redirect_uri, state, tuple(wanted) or tuple(scope.name for scope in oauth.scopes), challenge, method,
            wants_refresh,
        )  # fmt: skip

    def is_ours(self, url: str) -> bool:
        """Whether a browser may be sent there: this machine, or the server that we play for."""
        parts = urlsplit(url)
        portal = urlsplit(self.world.portal)
        if parts.scheme not in ("http", "https") or parts.fragment:
            return False
        return parts.hostname in LOCAL_HOSTS or (bool(portal.hostname) and parts.hostname == portal.hostname)

    def deny(self, asked: Asked) -> str:
        """Where the browser goes after a no."""
        return with_query(asked.redirect_uri, {"error": "access_denied", "state": asked.state})

    def allow(self, play: Play, asked: Asked, handle: str, ticked: Iterable[str], *, is_late: bool = False) -> str:
        """Where the browser goes after a yes. `is_late`: with a code that has expired already."""
        oauth = play.oauth
        chosen = set(ticked)
        always = {scope.name for scope in oauth.scopes if not scope.can_untick}
        scopes = tuple(name for name in asked.scopes if name in chosen or name in always)
        account = self.world.account(play.slug, handle)
        code = secrets.token_urlsafe(24)
        needs = oauth.refresh_needs
        has_refresh = asked.wants_refresh and ("=" in needs or not needs or needs in scopes)
        expires = time.time() + (-1 if is_late else oauth.code_ttl_s)
        self.store.run(
            "INSERT INTO codes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)",
            code, play.slug, account.handle, asked.redirect_uri, json.dumps(scopes), int(has_refresh), asked.challenge,
            asked.method, expires,
        )  # fmt: skip
        told = {"code": code, "state": asked.state}
        if oauth.scope_in_callback:
            told["scope"] = oauth.separator.join(scopes)
        return with_query(asked.redirect_uri, told)

    # --- the token endpoint -------------------------------------------------------------------------

    def token(self, play: Play, request: Request) -> tuple[Answer, str]:
        """The answer to a POST, and what to note of it in the log of requests."""
        try:
            self._check_client(play, request)
            match request.form.get("grant_type"):
                case "authorization_code":
                    return self._exchange(play, request), ""
                case "refresh_token":
                    return self._refresh(play, request)
                case other:
                    raise TokenRefused(400, "unsupported_grant_type", f"The grant_type {other!r} is unknown.")
        except TokenRefused as refused:
            return play.oauth.error(refused.status, refused.code, refused.words), refused.words

    def _check_client(self, play: Play, request: Request) -> None:
        """Each provider takes the client's name in its own way, and in no other."""
        told = []
        if "basic" in play.oauth.client_auth and request.basic != ("", ""):
            told.append(request.basic)
        if "post" in play.oauth.client_auth and "client_id" in request.form:
            told.append((request.form["client_id"], request.form.get("client_secret", "")))
        if not any(self.is_client(play.slug, *pair) for pair in told):
            raise TokenRefused(401, "invalid_client", "The client is unknown, or its secret is wrong.")

    def is_client(self, slug: str, name: str, secret: str) -> bool:
        known = (self.world.secret(slug, "CLIENT_ID"), self.world.secret(slug, "CLIENT_SECRET"))
        return hmac.compare_digest(f"{name}\n{secret}".encode(), "\n".join(known).encode())

    def _exchange(self, play: Play, request: Request) -> Answer:
        form, oauth = request.form, play.oauth
        with self.store.write():
            row = self.store.row("SELECT * FROM codes WHERE code = ? AND provider = ?", form.get("code", ""), play.slug)
            if row is None:
                raise TokenRefused(400, "invalid_grant", "There is no such code.")
            reused = row["granted"] is not None
            if reused:
                # Somebody else may have read it: what came of it ends.
                self.store.run("UPDATE grants SET ended = ? WHERE number = ?", request.now, row["granted"])
        if reused:
            raise TokenRefused(400, "invalid_grant", "The code was used before.")
        if row["expires"] < request.now:
            raise TokenRefused(400, "invalid_grant", "The code has expired.")
        is_told = "redirect_uri" in form
        if (is_told or oauth.redirect_uri == "required") and form.get("redirect_uri") != row["redirect_uri"]:
            raise TokenRefused(400, "invalid_grant", "The redirect_uri is not the one of the authorize address.")
        if row["challenge"] and not _proves(form.get("code_verifier", ""), row["challenge"], row["method"]):
            raise TokenRefused(400, "invalid_grant", "The code_verifier does not fit the code_challenge.")
        account = self.world.account(play.slug, row["handle"])
        return self.issue(
            play, account, json.loads(row["scopes"]), has_refresh=bool(row["has_refresh"]), now=request.now,
            code=row["code"],
        )  # fmt: skip

    def issue(
        self, play: Play, account: Account, scopes: Iterable[str], *, has_refresh: bool, now: float, code: str = ""
    ) -> Answer:
        """A new consent with its first tokens."""
        with self.store.write() as connection:
            number = connection.execute(
                "INSERT INTO grants (provider, handle, scopes, has_refresh, created) VALUES (?, ?, ?, ?, ?)",
                (play.slug, account.handle, json.dumps(list(scopes)), int(has_refresh), now),
            ).lastrowid
            connection.execute("UPDATE codes SET granted = ? WHERE code = ?", (number, code))
            row = self.store.row("SELECT * FROM grants WHERE number = ?", number)
            assert row is not None
            body = self._tokens(play, account, row, now, by="code")
        return Answer(200, body)

    def ttl_s(self, play: Play) -> float:
        """Seconds that an access token lives."""
        told = self.store.setting(f"ttl:{play.slug}")
        if told is not None:
            return float(told)
        return play.oauth.ttl_s if play.oauth.refresh == "none" else min(play.oauth.ttl_s, SHORT_TTL_S)

    def _tokens(
        self, play: Play, account: Account, row: sqlite3.Row, now: float, *, by: str, refresh: str = ""
    ) -> bytes:
        """New tokens of a consent, and the answer that tells them; `refresh` is the token that stays."""
        oauth, scopes = play.oauth, tuple(json.loads(row["scopes"]))
        expires_at = now + self.ttl_s(play)
        is_new = row["has_refresh"] and not refresh
        if is_new:
            refresh = secrets.token_urlsafe(30)
        grant = Grant(account, scopes, "code" if by == "code" else "refresh", now, expires_at, "", refresh)
        access = secrets.token_urlsafe(30)
        if oauth.claims is not None:
            claims = {"exp": int(expires_at), "iat": int(now), "jti": access[:12], **oauth.claims(grant)}
            access = _jwt(claims, self.world.secret(play.slug, "CLIENT_SECRET"))
        grant = Grant(account, scopes, grant.by, now, expires_at, access, refresh)
        told: dict[str, Any] = {
            "access_token": access,
            "token_type": oauth.token_type,
            "expires_in": round(expires_at - now),
            "refresh_token": refresh or None,
            "scope": oauth.separator.join(scopes) if oauth.scope_in_token else None,
        }
        told |= oauth.extra(grant)  # noqa: S610
        with self.store.write() as connection:
            query = "INSERT INTO tokens (token, provider, granted, kind, created, expires) VALUES (?, ?, ?, ?, ?, ?)"
            connection.execute(query, (access, play.slug, row["number"], "access", now, expires_at))
            if is_new:
                connection.execute(query, (refresh, play.slug, row["number"], "refresh", now, None))
        return dumps({name: value for name, value in told.items() if value is not None})

    def _refresh(self, play: Play, request: Request) -> tuple[Answer, str]:
        oauth, now = play.oauth, request.now
        told = request.form.get("refresh_token", "")
        # One after the other: of two who come at once the second finds the token spent.
        with self.store.write() as connection:
            token = self.store.row(
                "SELECT * FROM tokens WHERE token = ? AND provider = ? AND kind = 'refresh'", told, play.slug
            )
            row = None if token is None else self.store.row("SELECT * FROM grants WHERE number = ?", token["granted"])
            if token is None or row is None or oauth.refresh == "none":
                raise TokenRefused(400, "invalid_grant", "There is no such refresh token.")
            if row["ended"] is not None or self.world.is_deleted(play.slug, row["handle"]):
                raise TokenRefused(400, "invalid_grant", "The consent was withdrawn.")
            if token["spent"] is not None:
                if oauth.repeats_s and now - token["spent"] <= oauth.repeats_s:
                    return Answer(200, token["answered"]), "a spent refresh token, answered again"
                if oauth.reuse_ends_grant:
                    connection.execute("UPDATE grants SET ended = ? WHERE number = ?", (now, row["number"]))
                return (
                    oauth.error(400, "invalid_grant", "The refresh token was spent before."),
                    "a spent refresh token was presented",
                )
            account = self.world.account(play.slug, row["handle"])
            if oauth.fresh_enough_s and (still := self._still_fresh(oauth.fresh_enough_s, row["number"], now)):
                answered = {
                    "token_type": oauth.token_type,
                    "access_token": still["token"],
                    "expires_in": round(still["expires"] - now),
                    "refresh_token": told,
                }
                grant = Grant(
                    account, tuple(json.loads(row["scopes"])), "refresh", now, still["expires"], still["token"], told
                )
                answered |= oauth.extra(grant)  # noqa: S610
                return answer({name: value for name, value in answered.items() if value is not None}), ""
            if oauth.ends_old_access:
                query = "UPDATE tokens SET ended = ? WHERE granted = ? AND kind = 'access' AND ended IS NULL"
                connection.execute(query, (now, row["number"]))
            body = self._tokens(play, account, row, now, by="refresh", refresh=told if oauth.refresh == "keeps" else "")
            if oauth.refresh == "rotates":
                connection.execute("UPDATE tokens SET spent = ?, answered = ? WHERE token = ?", (now, body, told))
        return Answer(200, body), ""

    def _still_fresh(self, enough_s: float, granted: int, now: float) -> sqlite3.Row | None:
        query = (
            "SELECT * FROM tokens WHERE granted = ? AND kind = 'access' AND ended IS NULL AND expires >= ?"
            " ORDER BY expires DESC LIMIT 1"
        )
        return self.store.row(query, granted, now + enough_s)

    # --- the bearer ---------------------------------------------------------------------------------

    def bearer(self, play: Play, request: Request) -> tuple[Account, frozenset[str]]:
        """Whose token it is and what was granted; refused with 401."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not token:
            raise Refused(401, "There is no bearer token.")
        row = self.store.row(
            "SELECT t.expires, t.ended AS token_ended, g.handle, g.scopes, g.ended FROM tokens t JOIN grants g"
            " ON g.number = t.granted WHERE t.token = ? AND t.provider = ? AND t.kind = 'access'",
            token, play.slug,
        )  # fmt: skip
        if row is None:
            raise Refused(401, "The token is unknown.")
        if row["ended"] is not None or self.world.is_deleted(play.slug, row["handle"]):
            raise Refused(401, "The consent was withdrawn.")
        if row["token_ended"] is not None or row["expires"] < request.now:
            raise Refused(401, "The token has expired.")
        return self.world.account(play.slug, row["handle"]), frozenset(json.loads(row["scopes"]))

    def expire_now(self, slug: str) -> int:
        """All access tokens have expired; returns how many were alive."""
        query = "UPDATE tokens SET expires = ? WHERE provider = ? AND kind = 'access' AND expires > ?"
        return self.store.run(query, time.time() - 1, slug, time.time()).rowcount


def with_query(url: str, told: Mapping[str, str]) -> str:
    """The address with further parameters."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query="&".join(filter(None, [parts.query, urlencode(told)]))))


def _proves(verifier: str, challenge: str, method: str) -> bool:
    if method == "S256":
        digest = hashlib.sha256(verifier.encode()).digest()
        verifier = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    return hmac.compare_digest(verifier.encode(), challenge.encode())


def _jwt(claims: Mapping[str, Any], key: str) -> str:
    """A JSON Web Token, signed with HMAC-SHA256."""

    def text(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).decode().rstrip("=")

    told = f"{text(dumps({'alg': 'HS256', 'typ': 'JWT'}))}.{text(dumps(claims))}"
    return f"{told}.{text(hmac.new(key.encode(), told.encode(), 'sha256').digest())}"
