"""What a provider's module of the sandbox declares: who it plays, its paths, its consent, its limits, its records.

A module `integrations/sandbox/providers/<slug>.py` ends in `PLAY = Play(...)`; it is found by its name. It knows
nothing of the code that it tests, and the core (`integrations.sandbox.app`) knows nothing of any provider.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import uuid
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Literal, Protocol
from urllib.parse import parse_qs, parse_qsl

from integrations.sandbox.stories import Story

# --- requests and answers ---------------------------------------------------------------------


@dataclass(frozen=True)
class Account:
    """Somebody at the provider. `handle` is the same person at every provider: "demo", "empty", "huge"."""

    handle: str
    # The provider's own id of the account, as its tokens and webhooks tell it.
    id: str
    first_name: str
    last_name: str
    email: str

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}"


@dataclass(frozen=True)
class Request:
    """What was asked. `path` begins behind the slug: "/api/v3/athlete"; header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    query_string: str
    # The address of this provider's part of the sandbox, for links in answers: "http://127.0.0.1:8001/strava".
    base: str
    # Seconds since 1970.
    now: float
    # What the names in the route's pattern stand for.
    args: Mapping[str, str] = field(default_factory=dict)
    # Of the bearer token, on a route with `auth="user"`.
    scopes: frozenset[str] = frozenset()
    token: str = ""

    @cached_property
    def query(self) -> dict[str, str]:
        """The parameters; of one that stands several times the last, see `queries`."""
        return dict(parse_qsl(self.query_string, keep_blank_values=True))

    @cached_property
    def queries(self) -> dict[str, list[str]]:
        return parse_qs(self.query_string, keep_blank_values=True)

    @cached_property
    def form(self) -> dict[str, str]:
        """The fields of a form in the body; none where the body is none."""
        if "application/x-www-form-urlencoded" not in self.headers.get("content-type", ""):
            return {}
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    @cached_property
    def json(self) -> Any:
        """The JSON in the body; refused with 400 where it is none."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise Refused(400, "The body is no JSON.") from error

    @cached_property
    def basic(self) -> tuple[str, str]:
        """Client id and secret from HTTP Basic; two empty texts where there is none."""
        kind, _, told = self.headers.get("authorization", "").partition(" ")
        if kind.lower() != "basic":
            return "", ""
        try:
            name, _, secret = base64.b64decode(told, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return "", ""
        return name, secret


@dataclass(frozen=True)
class Piece:
    """One record as it stands in an answer, byte for byte; what the served log counts."""

    kind: str
    id: str
    body: bytes


@dataclass(frozen=True)
class Record(Piece):
    """One record as it is kept. Times are seconds since 1970."""

    start: float
    updated: float
    story: str
    is_deleted: bool = False

    @cached_property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """What is answered: `before`, the pieces joined by `between`, `after`.

    Pieces are what the core logs as served, and what faults double or put out of order; all else goes in `before`.
    """

    status: int = 200
    before: bytes = b""
    pieces: tuple[Piece, ...] = ()
    between: bytes = b","
    after: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"

    @property
    def body(self) -> bytes:
        return self.before + self.between.join(piece.body for piece in self.pieces) + self.after


class Refused(Exception):  # noqa: N818
    """Answered as `Play.error` words it."""

    def __init__(self, status: int, message: str = "", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.headers = status, message, dict(headers or {})


def dumps(value: Any) -> bytes:
    """Compact JSON in UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """JSON that is no record."""
    return Answer(status, dumps(value), headers=headers or {})


def one(piece: Piece, *, content_type: str = "application/json", before: bytes = b"", after: bytes = b"") -> Answer:
    """One record."""
    return Answer(200, before, (piece,), b"", after, content_type=content_type)


def listed(pieces: Iterable[Piece], before: bytes = b"[", after: bytes = b"]") -> Answer:
    """A list of records: `listed(records, b'{"data":[', b'],"next_token":null}')`."""
    return Answer(200, before, tuple(pieces), b",", after)


def empty(status: int = 204) -> Answer:
    return Answer(status)


# --- helpers: numbers, paging, ids, times ---------------------------------------------------------


def whole(request: Request, name: str, default: int, *, least: int = 0, most: int | None = None) -> int:
    """A whole number among the parameters; above `most` it is cut, what is none is refused with 400."""
    text = request.query.get(name, "")
    if not text:
        return default
    try:
        number = int(float(text))
    except (ValueError, OverflowError):
        raise Refused(400, f"{name} must be a number.") from None
    if number < least:
        raise Refused(400, f"{name} must be at least {least}.")
    return number if most is None else min(number, most)


def instant(text: str) -> float | None:
    """Seconds since 1970 of an ISO date or date-time; a plain date and a time without zone count as UTC.

    None for an empty text; refused with 400 where it is neither.
    """
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00").replace(" ", "+"))
    except ValueError:
        raise Refused(400, f"{text} is no date.") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def sealed(value: Mapping[str, Any]) -> str:
    """An opaque token for the next page."""
    return base64.urlsafe_b64encode(dumps(value)).decode().rstrip("=")


def unsealed(text: str) -> dict[str, Any]:
    """What `sealed` put in; refused with 400 where it did not make it."""
    try:
        value = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, binascii.Error):
        value = None
    if not isinstance(value, dict):
        raise Refused(400, "That token for the next page is not ours.")
    return value


def number_of(*names: object, digits: int = 9) -> int:
    """A steady whole number of so many digits for these names; never begins with nought."""
    text = "/".join(map(str, names)).encode()
    return 10 ** (digits - 1) + (zlib.crc32(text) * 2_654_435_761 + zlib.adler32(text)) % (9 * 10 ** (digits - 1))


def uuid_of(*names: object) -> str:
    """A steady UUID for these names."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, "trainstack sandbox/" + "/".join(map(str, names))))


# --- OAuth ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Scope:
    """One tick box of the consent page. Where `can_untick` is false it comes with any consent."""

    name: str
    words: str
    can_untick: bool = True
    ticked: bool = True


@dataclass(frozen=True)
class Grant:
    """What a token answer is made from."""

    account: Account
    scopes: tuple[str, ...]
    # "code" or "refresh".
    by: Literal["code", "refresh"]
    now: float
    expires_at: float
    access_token: str
    # "" where the provider gives none.
    refresh_token: str


def _standard(grant: Grant) -> dict[str, Any]:
    return {}


@dataclass(frozen=True)
class OAuth:
    """How this provider does OAuth 2, as its own documents say. Paths begin behind the slug."""

    authorize_path: str
    token_paths: tuple[str, ...]
    scopes: tuple[Scope, ...]
    separator: str = " "
    # Which ways of naming the client are taken.
    client_auth: tuple[Literal["post", "basic"], ...] = ("post",)
    pkce: Literal["ignored", "taken", "required"] = "ignored"
    refresh: Literal["rotates", "keeps", "none"] = "rotates"
    # For so many seconds a spent refresh token answers the same new pair again; 0: never.
    repeats_s: float = 0
    # Left so many seconds or more, a refresh gives the same access token again (Strava: 3600).
    fresh_enough_s: float = 0
    # A refresh token comes only where this scope was granted ("offline"), or this parameter stood in the authorize
    # address ("access_type=offline").
    refresh_needs: str = ""
    ttl_s: float = 3600
    code_ttl_s: float = 600
    # A refresh ends the access tokens given before it.
    ends_old_access: bool = True
    # A spent refresh token that is presented again ends the whole consent (Hydra does so).
    reuse_ends_grant: bool = False
    # A shorter state is refused on the spot.
    least_state: int = 0
    # The scopes granted, told in the token answer and as the callback's parameter `scope`.
    scope_in_token: bool = True
    scope_in_callback: bool = False
    # Where a redirect_uri is compared on the exchange: always, or only where it is sent.
    redirect_uri: Literal["required", "if sent"] = "required"
    # How the access token looks: an opaque text, or a JWT with these claims.
    claims: Callable[[Grant], Mapping[str, Any]] | None = None
    # What the token answer tells beside access_token, token_type, expires_in, refresh_token and scope; a value of None
    # takes the field away.
    extra: Callable[[Grant], Mapping[str, Any]] = _standard
    token_type: str = "bearer"  # noqa: S105
    # How the token endpoint words a refusal: (status, RFC 6749's code, description) -> answer.
    error: Callable[[int, str, str], Answer] = lambda status, code, words: answer(
        {"error": code, "error_description": words}, status
    )


# --- limits -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Window:
    """At most so many requests in so many seconds; windows begin at whole multiples of their length."""

    requests: int
    seconds: int
    per: Literal["app", "account"] = "app"
    # What is counted: routes with this in `Route.counts`.
    kind: str = "all"


@dataclass(frozen=True)
class Used:
    """A window with what was used of it, this request included, and the seconds until it begins anew."""

    window: Window
    used: int
    resets_in_s: int

    @property
    def left(self) -> int:
        return max(0, self.window.requests - self.used)


# --- webhooks -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Subscription:
    """Where webhooks go. `external_id` is the provider's id of it, `topic` what it is for ("" for everything)."""

    external_id: str
    callback_url: str
    topic: str = ""
    secret: str = ""
    verify_token: str = ""
    # Seconds since 1970; None: for ever.
    expires_at: float | None = None
    # Whether somebody turned it off, or it failed too often.
    is_active: bool = True


@dataclass(frozen=True)
class Change:
    """Something happened at the provider: one record of a story was made, changed or deleted, or consent was ended."""

    what: Literal["created", "updated", "deleted", "revoked"]
    account: Account
    at: float
    # None of "revoked". Of a deleted record the body is the last one.
    record: Record | None = None
    story: Story | None = None
    # What was edited: {"name": "...", "sport": "...", "private": True, "rescored": 3}.
    edited: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Webhooks:
    """How this provider tells us of changes."""

    # The body for one subscription, or None where this change makes none there. Several changes of one story come one
    # by one, in the order in which `Play.tell` gave its records.
    body: Callable[[Change, Subscription, Shelf], bytes | None]
    # Headers that prove the sender, made anew at each attempt: (body, subscription, shelf) -> headers.
    sign: Callable[[bytes, Subscription, Shelf], Mapping[str, str]]
    content_type: str = "application/json"
    # The wait before each further attempt after a failure, in seconds (the sandbox waits at most a few).
    retries_s: tuple[float, ...] = (1, 5)
    # Set up in the provider's portal instead of by call: there is then one subscription, to the portal's callback.
    portal: bool = False
    # The secret of that one: the name of the setting it is told by ("CLIENT_SECRET", "WEBHOOK_SECRET").
    portal_secret: str = "WEBHOOK_SECRET"  # noqa: S105


# --- the store as a module sees it ---------------------------------------------------------------


@dataclass(frozen=True)
class Called:
    """What our server answered to a request that the sandbox made (a handshake); status 0: it could not be reached."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def json(self) -> Any:
        """None where it is no JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


class Shelf(Protocol):
    """The store, of one provider and one account."""

    slug: str
    # Seconds since 1970; the same throughout a request.
    now: float

    @property
    def account(self) -> Account:
        """Whose token it is; on a route with `auth="client"` there is none: refused with 500."""
        ...

    def accounts(self) -> list[Account]:
        """Everybody whose consent stands."""
        ...

    def of(self, account_id: str) -> Shelf:
        """The shelf of another account, by the provider's id; refused with 404 where there is none."""
        ...

    def records(
        self,
        kind: str,
        *,
        since: float | None = None,
        until: float | None = None,
        by: Literal["start", "updated"] = "start",
        newest_first: bool = True,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[Record]:
        """Records with since <= start (or updated) < until; deleted ones are left out."""
        ...

    def count(self, kind: str, *, since: float | None = None, until: float | None = None) -> int: ...

    def record(self, kind: str, id: str) -> Record:
        """One record; refused with 404 where there is none or it was deleted."""
        ...

    def find(self, kind: str, id: str) -> Record | None:
        """As `record`; None where there is none, a deleted one too."""
        ...

    def story(self, record: Record) -> Story:
        """The story that it tells, as it stands now."""
        ...

    def recall(self, key: str) -> Any:
        """What `remember` kept for this account (JSON's types), or None."""
        ...

    def remember(self, key: str, value: Any) -> None: ...

    def revoke(self) -> None:
        """Ends all tokens of this account."""
        ...

    def revoke_token(self, token: str) -> bool:
        """Ends the grant of an access or refresh token; whether there was one."""
        ...

    def secret(self, name: str) -> str:
        """What the operator would have got in the portal: "CLIENT_ID", "CLIENT_SECRET", "WEBHOOK_SECRET"."""
        ...

    def subscriptions(self) -> list[Subscription]: ...

    def subscribe(self, subscription: Subscription) -> Subscription:
        """Keeps it; an empty `external_id` is given a number. One with the same id is put in its place."""
        ...

    def unsubscribe(self, external_id: str) -> bool:
        """Whether there was one."""
        ...

    def call(self, method: str, url: str, *, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Called:
        """A request of the sandbox to our server, such as a handshake. Logged with the deliveries."""
        ...


# --- routes and the whole ------------------------------------------------------------------------


@dataclass(frozen=True)
class Route:
    """One path of the provider: "GET", "/api/v3/activities/{id}/streams", who answers it.

    A name in braces takes one part of the path, `{rest:path}` takes what is left, slashes included.
    """

    method: str
    pattern: str
    handle: Callable[[Request, Shelf], Answer]
    # "user": bearer token; "client": id and secret by Basic, form, query or the headers of `Play.client_headers`.
    auth: Literal["user", "client", "none"] = "user"
    # One of these must have been granted; none: any token will do.
    scopes: tuple[str, ...] = ()
    # Which windows it counts in.
    counts: tuple[str, ...] = ("all",)

    @cached_property
    def expression(self) -> re.Pattern[str]:
        parts = re.split(r"(\{\w+(?::path)?\})", self.pattern)
        made = ""
        for part in parts:
            if part.startswith("{") and part.endswith("}"):
                name, _, how = part[1:-1].partition(":")
                made += f"(?P<{name}>.+)" if how else f"(?P<{name}>[^/]+)"
            else:
                made += re.escape(part)
        return re.compile(made)


@dataclass(frozen=True)
class Told:
    """One record of a story. `body` None: made by `Play.make` when somebody asks for it first (streams, files)."""

    kind: str
    id: str
    start: float
    updated: float
    body: bytes | None = None


def _no_make(kind: str, id: str, story: Story, account: Account) -> bytes:
    raise NotImplementedError(kind)


def _no_headers(used: Sequence[Used]) -> Mapping[str, str]:
    return {}


def _plain_error(status: int, message: str) -> Answer:
    return answer({"status": status, "message": message}, status)


@dataclass(frozen=True)
class Play:
    """One provider, played."""

    slug: str
    name: str
    # The hosts whose part it plays, for its pages: "www.strava.com".
    hosts: tuple[str, ...]
    oauth: OAuth
    routes: tuple[Route, ...]
    # A story -> its records in this provider's true form; none for a story that this provider would not know.
    tell: Callable[[Story, Account], Iterable[Told]]
    make: Callable[[str, str, Story, Account], bytes] = _no_make
    webhooks: Webhooks | None = None
    # A person's handle -> the provider's id of the account; None: a number.
    account_id: Callable[[str], str] | None = None
    # The kind of record that stands for an activity, a night and a day, where edits and the control page look.
    activity_kind: str = ""
    night_kind: str = ""
    day_kind: str = ""
    windows: tuple[Window, ...] = ()
    # Headers about limits, on every answer of a counted route.
    limit_headers: Callable[[Sequence[Used]], Mapping[str, str]] = _no_headers
    # Whether a 429 says Retry-After.
    retry_after: bool = False
    # (status, message) -> how it words an error: 400, 401, 403, 404, 429, 500, 503.
    error: Callable[[int, str], Answer] = _plain_error
    # Headers that name the client on routes with `auth="client"`: ("x-client-id", "x-client-secret").
    client_headers: tuple[str, str] = ("", "")
    # A header that every request below these routes must carry, and the setting that holds it:
    # ("ocp-apim-subscription-key", "SUBSCRIPTION_KEY"). Refused with 401 where it is missing.
    key_header: tuple[str, str] = ("", "")
