"""What a provider declares about itself; everything that walks the providers reads it from here."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any, Literal, Protocol

from activities.domain.metrics import MetricTable
from activities.domain.parsed import Parsed, Problem
from activities.domain.reading import Batch, RawPayload
from activities.formats.container import Container
from integrations.errors import Unavailable, UnexpectedPayload

# How a batch's counts tell what could not be read, beside the tag itself.
UNREADABLE = "unreadable:"
# The endings of workout files, for the file dialog.
FILE_ENDINGS = (".fit", ".tcx", ".gpx", ".gz", ".zip")


@dataclass(frozen=True)
class Capabilities:
    """What comes in from this provider."""

    activities: bool = False
    streams: bool = False
    laps: bool = False
    # The original files of its activities.
    files: bool = False
    routes: bool = False
    sleep: bool = False
    hrv: bool = False
    # Scores of recovery, readiness and strain, on the provider's own scale.
    recovery: bool = False
    # Daily figures: steps, energy, resting heart rate, ...
    metrics: bool = False
    # Weight, body fat.
    body: bool = False


@dataclass(frozen=True)
class WayIn:
    """A file that a person brings: what they do, step by step, and what is honest to say about it."""

    kind: Literal["file"]
    title: str
    steps: tuple[str, ...]
    # Endings of file names for the file dialog; what a file is, its bytes decide.
    accepts: tuple[str, ...]
    notes: tuple[str, ...] = ()


# --- a provider's network: who may ask for what -------------------------------------------------


@dataclass(frozen=True)
class Setting:
    """What an operator must set, as `<SLUG>_<name>` in the environment, and what it is in a plain sentence."""

    name: str
    sentence: str
    secret: bool = True
    default: str = ""


@dataclass(frozen=True)
class Scope:
    """One thing that the athlete is asked to allow. Without a `required` one a connection is good for nothing."""

    name: str
    # What it gives us, for the athlete: "Your activities, also those that only you can see."
    sentence: str
    required: bool = False


@dataclass(frozen=True)
class OAuth2:
    """How the provider does the authorisation code flow of OAuth 2."""

    authorize_url: str
    token_url: str
    scopes: tuple[Scope, ...]
    scope_separator: str = " "
    pkce: bool = False
    client_auth: Literal["client_secret_post", "client_secret_basic"] = "client_secret_post"
    # Further parameters of the authorize address, and of the refresh.
    authorize_params: Mapping[str, str] = field(default_factory=dict)
    refresh_params: Mapping[str, str] = field(default_factory=dict)
    # "rotates": each refresh spends its refresh token; "keeps": it stays; "none": there is no refresh at all.
    refresh: Literal["rotates", "keeps", "none"] = "rotates"
    # Whether a spent refresh token answers once more for a short time, so that a lost answer can be asked for again.
    repeats_refresh: bool = False
    # Where the scopes really granted are told; "none": they are those that were asked for.
    granted_in: Literal["token", "callback", "none"] = "token"


@dataclass(frozen=True)
class Budget:
    """At most so many requests in so many seconds. Of `per` "app" all connections share one."""

    requests: int
    window_s: int
    per: Literal["app", "connection"] = "app"
    # What is counted, where a provider counts kinds of requests apart.
    kind: str = "all"


@dataclass(frozen=True)
class Terms:
    """What the provider's terms ask of us. `PROVIDER_TERMS` says whether this server enforces or only tells it."""

    # For the athlete, in plain sentences.
    sentences: tuple[str, ...] = ()
    url: str = ""
    # For how many days data from its API may be kept; None: as long as the athlete wants.
    keep_days: int | None = None
    # Whether what comes from its API may be shown to nobody but the athlete.
    only_athlete: bool = False
    # The line that must stand beside its data, and where it leads.
    attribution: str = ""
    attribution_url: str = ""


@dataclass(frozen=True)
class Feed:
    """One list of the provider that is pulled by itself: its activities, its nights."""

    name: str
    # In words, for progress and pages: "activities".
    title: str
    brings: Capabilities
    # Scopes without any one of which it is not asked for.
    scopes: tuple[str, ...] = ()
    # How often it is looked at while webhooks are silent or there are none.
    every_s: int = 3600
    # How far back the provider lets us ask; None: without end.
    history_days: int | None = None
    # How far back each look goes again, because records are edited, scored later and deleted without a word.
    again_days: int = 7


# --- a provider's network: the work ---------------------------------------------------------


@dataclass(frozen=True)
class Response:
    """What came back: the body byte for byte, header names in lower case."""

    status: int
    content: bytes
    headers: Mapping[str, str]
    url: str

    def json(self) -> Any:
        """The document; raises UnexpectedPayload where it is none, or a broken one."""
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError) as error:
            raise UnexpectedPayload(f"{self.url} answered with something that is no JSON.") from error


class Api(Protocol):
    """A provider's API in the name of one account: `integrations.http.ApiSession`.

    Addresses are paths below `<SLUG>_API_URL` ("/athlete/activities"), or whole ones on a host that the provider
    declares. Every call waits for the rate budget, repeats what is worth repeating, refreshes the token when it must,
    and raises Unavailable, RateLimited or Revoked; statuses in `allow` come back as they are instead.
    """

    @property
    def account_id(self) -> str:
        """The provider's id of the account; "" until `Adapter.account` has told it."""
        ...

    @property
    def token(self) -> Mapping[str, Any]:
        """The provider's answer to the exchange of the code or the last refresh."""
        ...

    def setting(self, name: str) -> str:
        """What the operator set as `<SLUG>_<name>`, or its declared default: "CLIENT_ID", "API_URL", "FILES_URL"."""
        ...

    def get(
        self,
        url: str,
        params: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        auth: Literal["user", "client", "none"] = "user",
        allow: Collection[int] = (),
        kind: str = "all",
    ) -> Response: ...

    def send(
        self,
        method: Literal["POST", "PUT", "PATCH", "DELETE"],
        url: str,
        params: Mapping[str, Any] | None = None,
        *,
        form: Mapping[str, Any] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        auth: Literal["user", "client", "none"] = "user",
        allow: Collection[int] = (),
    ) -> Response:
        """As `get`, for requests that change something: repeated only where they were certainly not carried out."""
        ...


@dataclass(frozen=True)
class Account:
    """Whose consent it was, as the provider names them."""

    id: str
    name: str = ""


@dataclass(frozen=True)
class Ask:
    """One request that is still to be made. It waits in the database until its answer is stored.

    `what` and `key` name it within a connection: asked for twice, it is made once. `params` is what else it needs, in
    JSON's types. Of several the one with the lowest rank goes first.
    """

    what: str
    key: str
    feed: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    rank: int = 0
    # To be made no sooner than in so many seconds: a file that is not ready yet.
    wait_s: float = 0
    # The kind of the list element that it completes; `key` is then the element's external id and `what` the kind of
    # record that it brings. Made only where that element is new or changed, or where such a record never came.
    of: str = ""


# Ranks: what somebody waits for, what is new, and what was long ago.
NOW, NEW, HISTORY = 0, 10, 20


@dataclass(frozen=True)
class Listing:
    """A list was read to its end: the records of this kind that began in this span and were not in it are no more."""

    kind: str
    began_at: datetime
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Answer:
    """What one request brought. Records, new asks and the cursor are stored together, and the ask is then done.

    `payloads` are bytes as they were served: of a list each element's own. `gone` are external ids that the provider no
    longer has. `cursor` is where the feed's next look starts; `total` how many records the provider says there are.
    """

    payloads: tuple[RawPayload, ...] = ()
    asks: tuple[Ask, ...] = ()
    gone: tuple[str, ...] = ()
    listing: Listing | None = None
    cursor: Mapping[str, Any] | None = None
    total: int | None = None
    problems: tuple[Problem, ...] = ()


Look = Literal["backfill", "incremental", "relist"]


class Adapter(Protocol):
    """The calls of one provider. Makes requests and cuts answers into payloads; reads nothing else in them."""

    def account(self, api: Api) -> Account:
        """Whose the token is; does what must be done before the first call (Polar registers). Safe to repeat."""
        ...

    def revoke(self, api: Api) -> None:
        """End the consent at the provider; one that has ended already is no error."""
        ...

    def begin(self, feed: str, look: Look, *, cursor: Mapping[str, Any], now: datetime) -> Sequence[Ask]:
        """The first requests of a look at the feed.

        "backfill" as deep as the provider goes, newest first; "incremental" from the cursor and `Feed.again_days` back;
        "relist" everything once more, to find what was deleted, without fetching again what is known.
        """
        ...

    def fetch(self, api: Api, ask: Ask) -> Answer:
        """Make the request. Raises Unavailable, RateLimited, Revoked, UnexpectedPayload."""
        ...

    def confirm(self, kind: str, external_id: str) -> Ask | None:
        """The request that shows whether a record that a list no longer held is gone; None where the list is proof."""
        ...


# --- webhooks ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Delivered:
    """One request to `webhooks/<slug>/`, as it came; header names in lower case."""

    method: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime


@dataclass(frozen=True)
class Reply:
    """What is answered."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"


@dataclass(frozen=True)
class Event:
    """What a delivery says about one account: requests to make, records that it carries itself, what is gone."""

    account_id: str
    asks: tuple[Ask, ...] = ()
    payloads: tuple[RawPayload, ...] = ()
    gone: tuple[str, ...] = ()
    # The athlete took the consent back at the provider.
    revoked: bool = False


@dataclass(frozen=True)
class Subscription:
    """What the provider knows of where it sends webhooks to; `secret` is what it signs with, where it tells one."""

    external_id: str
    callback_url: str
    secret: str = ""
    expires_at: datetime | None = None
    # What it is for, where a provider wants one for each ("workout.update").
    topic: str = ""


class Secrets(Protocol):
    """What a delivery is checked against."""

    def setting(self, name: str) -> str:
        """As `Api.setting`: "CLIENT_SECRET", "WEBHOOK_SECRET", ..."""
        ...

    @property
    def subscriptions(self) -> Sequence[Subscription]:
        """Those that stand, with their secrets."""
        ...


class Webhooks(Protocol):
    """One provider's webhooks. Pure but for `subscriptions`, `subscribe`, `renew` and `unsubscribe`."""

    # What a good delivery is answered with, and the days of silence after which polling takes over.
    reply: Reply
    silence_days: int
    # Whether subscriptions are made by call; else `steps` says what the operator does in the provider's portal.
    by_call: bool
    steps: tuple[str, ...]

    def handshake(self, delivered: Delivered, secrets: Secrets) -> Reply | None:
        """The answer to a request that only proves who we are; None where it is a delivery."""
        ...

    def is_genuine(self, delivered: Delivered, secrets: Secrets) -> bool:
        """Whether the provider sent it; secrets are compared in constant time."""
        ...

    def events(self, delivered: Delivered) -> Sequence[Event]:
        """What it says. Raises UnexpectedPayload where it cannot be read."""
        ...

    def subscriptions(self, api: Api) -> Sequence[Subscription]:
        """Those that the provider has of ours."""
        ...

    def subscribe(self, api: Api, callback_url: str, verify_token: str, topic: str) -> Subscription:
        """A new one. `verify_token` is what the handshake of this subscription carries."""
        ...

    def renew(self, api: Api, subscription: Subscription) -> Subscription:
        """The same with a later end."""
        ...

    def unsubscribe(self, api: Api, subscription: Subscription) -> None: ...

    # What subscriptions there are to be: ("",) where one is for everything.
    topics: tuple[str, ...]


class SetUpByHand:
    """Webhooks that an operator sets up in the provider's portal, as `steps` says: there are no calls for it."""

    by_call = False
    topics: tuple[str, ...] = ("",)

    def subscriptions(self, api: Api) -> Sequence[Subscription]:
        return ()

    def subscribe(self, api: Api, callback_url: str, verify_token: str, topic: str) -> Subscription:
        raise Unavailable(_IN_PORTAL)

    def renew(self, api: Api, subscription: Subscription) -> Subscription:
        raise Unavailable(_IN_PORTAL)

    def unsubscribe(self, api: Api, subscription: Subscription) -> None:
        raise Unavailable(_IN_PORTAL)


_IN_PORTAL = "These webhooks are set up in the provider's portal."


@dataclass(frozen=True)
class Network:
    """A provider's API: where it is, who may ask it, what it brings, and on what terms."""

    api_url: str
    oauth: OAuth2
    adapter: Adapter
    feeds: tuple[Feed, ...]
    budgets: tuple[Budget, ...] = ()
    # Hosts besides those of the declared addresses from which files are fetched, as their links name them.
    hosts: tuple[str, ...] = ()
    # Beyond CLIENT_ID and CLIENT_SECRET. A name that ends in _URL is an address, and its default the true one.
    settings: tuple[Setting, ...] = ()
    webhooks: Webhooks | None = None
    terms: Terms = Terms()
    # What an operator does to get keys, and what the API does not offer, in sentences.
    operator_steps: tuple[str, ...] = ()
    not_offered: tuple[str, ...] = ()

    @property
    def brings(self) -> Capabilities:
        """What all its feeds bring together."""
        names = Capabilities.__dataclass_fields__
        return Capabilities(**{name: any(getattr(feed.brings, name) for feed in self.feeds) for name in names})


class Reader(Protocol):
    """Reads one kind of file that a person brings. Pure but for the file itself."""

    @property
    def name(self) -> str:
        """What the file is, for a person: "Apple Health export"."""
        ...

    def recognise(self, container: Container) -> bool:
        """Whether it is this reader's file, from its first bytes."""
        ...

    def stated_at(self, container: Container) -> datetime | None:
        """When the file says that it was made, from its first bytes."""
        ...

    def element_of(self, metric: str) -> str:
        """The tag under which `Batch.counts` counts what became samples of this metric."""
        ...

    def element_of_payload(self, payload: RawPayload) -> str:
        """The tag under which the payload was counted; empty for a file, and for what cannot be read."""
        ...

    def read(
        self, container: Container, *, cursor: Mapping[str, Any] | None = None, batch_bytes: int | None = None
    ) -> Iterator[Batch]:
        """The file from the cursor on, in batches of about `batch_bytes` of it (None: as the reader thinks best)."""
        ...


# The bytes of one raw record and its external id -> all that it tells. Pure. Raises
# `integrations.errors.UnexpectedPayload` where nothing of it can be read.
Parse = Callable[[bytes, str], Parsed]


@dataclass(frozen=True)
class Provider:
    """One provider. `integrations.registry.PROVIDERS` holds them all."""

    slug: str
    name: str
    # One sentence for its card, and what a person should know before trusting the figures.
    summary: str
    capabilities: Capabilities
    ways_in: tuple[WayIn, ...]
    # Raised when a mapping changes: stored raw records are then read again.
    mapping_version: int
    notes: tuple[str, ...] = ()
    readers: tuple[Reader, ...] = ()
    # Kind of raw record -> who reads it, best first: where records of several kinds share an external id (a file and
    # the provider's own row about it), the first gives the figures and the others fill in what it does not tell.
    parse: Mapping[str, Parse] = field(default_factory=dict)
    # The provider's identifiers of sample types -> our metrics.
    metrics: MetricTable = field(default_factory=dict)
    # The provider's sport names -> our codes.
    sports: Mapping[str, str] = field(default_factory=dict)
    # Metric -> what the `detail` of its samples says of their date, as figures by metric.
    dated: Mapping[str, Callable[[str], Mapping[str, float]]] = field(default_factory=dict)
    # Metric -> the number that each word of its samples stands for.
    words: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    # Words of sleep samples -> our stages, see `activities.domain.sleep`.
    stages: Mapping[str, str] = field(default_factory=dict)
    # The time zone that a sample's `detail` names.
    zone_of: Callable[[str], tzinfo | None] = lambda detail: None
    # Whether an activity's streams are the samples that fall inside it.
    streams_from_samples: bool = False
    # Its API, where it has one that athletes connect.
    network: Network | None = None

    @property
    def logo(self) -> str:
        """The static file with its drawing."""
        return f"providers/{self.slug}.svg"
