"""What the athlete brought and is connected with, and how far the work on it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from django.db.models import Count, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.utils import timezone

from integrations import oauth
from integrations.base import Network, Provider, Scope
from integrations.models import Connection, Import, OpenAsk, SyncRun, WebhookSubscription
from integrations.registry import PROVIDERS
from trainstack.accounts.models import User

# What only a worker needs; a cursor may be long.
WORKER_FIELDS = ("cursor", "leased_by", "leased_until")


@dataclass(frozen=True)
class Progress:
    """How far a run is: `done` of `total` bytes or steps; None where it cannot be told (yet)."""

    doing: str
    done: int
    total: int
    ratio: float | None
    per_second: float | None
    seconds_left: float | None
    error: str


def imports_of(user: User) -> QuerySet[Import]:
    """The files that the athlete brought, newest first, with their runs: two queries whatever their number."""
    runs = SyncRun.objects.order_by("-created_at", "-id").defer(*WORKER_FIELDS)
    return user.imports.order_by("-created_at", "-id").prefetch_related(Prefetch("runs", runs))


def runs_of(user: User) -> QuerySet[SyncRun]:
    """The athlete's runs, newest first, with the import or connection that each is about: one query."""
    return (
        user.sync_runs.select_related("import_file", "connection")
        .defer(*WORKER_FIELDS, "import_file__report", "connection__credentials")
        .order_by("-created_at", "-id")
    )


def latest_run(import_file: Import) -> SyncRun | None:
    """The newest run of an import; costs no query for one that `imports_of` loaded."""
    return max(import_file.runs.all(), key=lambda run: (run.created_at, run.pk), default=None)


def progress_of(run: SyncRun) -> Progress:
    """How far the run is, and at its pace so far how many seconds are left."""
    ratio = min(run.done / run.total, 1.0) if run.total else None
    pace = run.done / run.busy_s if run.done and run.busy_s else None
    left = (run.total - run.done) / pace if pace and run.is_open else None
    return Progress(
        doing=run.doing,
        done=run.done,
        total=run.total,
        ratio=1.0 if run.state == SyncRun.State.FINISHED else ratio,
        per_second=pace,
        seconds_left=None if left is None else max(left, 0.0),
        error=run.error,
    )


# --- connections ----------------------------------------------------------------------------

# Runs of these kinds are about a connection.
CONNECTION_RUNS = (SyncRun.Kind.SYNC, SyncRun.Kind.FORGET)
OPEN_STATES = (SyncRun.State.QUEUED, SyncRun.State.RUNNING)

# "none": the provider sends no webhooks; "off": nobody has asked it to send us any; "waiting": asked, none came yet;
# "speaking"; "silent": for so long that polling has taken over.
Hearing = Literal["none", "off", "waiting", "speaking", "silent"]
# The one thing to do about a connection; "" where there is nothing but to wait.
Remedy = Literal["", "reconnect", "retry", "sync"]


def connections_of(user: User) -> QuerySet[Connection]:
    """The athlete's connections, live and ended ones, the newest first; without their credentials."""
    return user.connections.defer("credentials").order_by("-connected_at", "-id")


def network_of(connection: Connection) -> Network | None:
    """What its provider declares of its API; None where this version of the server knows the provider no longer."""
    provider = PROVIDERS.get(connection.provider)
    return provider.network if provider else None


def missing_scopes(connection: Connection) -> tuple[Scope, ...]:
    """What the athlete was asked to allow and did not, the necessary ones first."""
    provider = PROVIDERS.get(connection.provider)
    if provider is None or provider.network is None:
        return ()
    missing = oauth.missing_scopes(provider, connection.scopes)
    return tuple(sorted(missing, key=lambda one: not one.required))


def granted_scopes(connection: Connection) -> tuple[Scope, ...]:
    """What the athlete allowed, of what we asked for."""
    network = network_of(connection)
    missing = missing_scopes(connection)
    return tuple(one for one in network.oauth.scopes if one not in missing) if network else ()


@dataclass(frozen=True)
class Linked:
    """A connection as pages and API show it: with its newest run and what waits or failed."""

    row: Connection
    run: SyncRun | None
    # Requests still to be made, and those given up after many attempts.
    open_asks: int
    failed_asks: int
    hearing: Hearing

    @property
    def provider(self) -> Provider | None:
        return PROVIDERS.get(self.row.provider)

    @property
    def name(self) -> str:
        return self.provider.name if self.provider else self.row.provider

    @property
    def progress(self) -> Progress | None:
        return progress_of(self.run) if self.run else None

    @property
    def is_busy(self) -> bool:
        return self.run is not None and self.run.is_open

    @property
    def waits_until(self) -> datetime | None:
        """Until when an open run rests, because the provider asked it to; None where it does not."""
        return waits_until(self.run) if self.run else None

    @property
    def missing(self) -> tuple[Scope, ...]:
        return missing_scopes(self.row)

    @property
    def granted(self) -> tuple[Scope, ...]:
        return granted_scopes(self.row)

    @property
    def lacks_required(self) -> bool:
        return any(scope.required for scope in self.missing)

    @property
    def remedy(self) -> Remedy:
        if self.row.state == Connection.State.DISCONNECTED:
            return ""
        if self.row.state == Connection.State.BROKEN or self.lacks_required:
            return "reconnect"
        if self.is_busy:
            return ""
        return "retry" if self.row.problem or self.failed_asks else "sync"


def waits_until(run: SyncRun) -> datetime | None:
    """Until when an open run rests, because a provider asked it to; None where it does not."""
    return run.waits_until if run.is_open and run.waits_until and run.waits_until > timezone.now() else None


def linked_of(user: User, pk: int | None = None) -> list[Linked]:
    """The athlete's connections that have not ended, by name of their provider; with `pk` that one, ended or not."""
    rows = connections_of(user)
    rows = rows.exclude(state=Connection.State.DISCONNECTED) if pk is None else rows.filter(pk=pk)
    return sorted(links_of(rows), key=lambda one: one.name.lower())


def links_of(rows: Iterable[Connection]) -> list[Linked]:
    """These connections as they stand, in their order: five queries whatever their number."""
    found = list(rows)
    if not found:
        return []
    runs = _newest_runs(found)
    asks = _ask_counts(found)
    slugs = {row.provider for row in found}
    subscribed = set(WebhookSubscription.objects.filter(provider__in=slugs).values_list("provider", flat=True))
    return [
        Linked(row, runs.get(row.pk), *asks.get(row.pk, (0, 0)), hearing_of(row, row.provider in subscribed))
        for row in found
    ]


def _newest_runs(connections: Iterable[Connection]) -> dict[int | None, SyncRun]:
    """The newest run of each connection, by the connection; however many runs it has had."""
    newest = (
        SyncRun.objects.filter(connection=OuterRef("pk"), kind__in=CONNECTION_RUNS)
        .order_by("-created_at", "-id")
        .values("pk")[:1]
    )
    of_each = Connection.objects.filter(pk__in=[row.pk for row in connections]).values(newest=Subquery(newest))
    return {run.connection_id: run for run in SyncRun.objects.filter(pk__in=of_each).defer("cursor")}


def _ask_counts(connections: Iterable[Connection]) -> dict[int, tuple[int, int]]:
    """Requests still to be made and requests given up, by connection."""
    pks = [row.pk for row in connections]
    waiting, failed = (
        dict(rows.filter(connection__in=pks).order_by().values_list("connection").annotate(Count("pk")))
        for rows in (OpenAsk.objects.open(), OpenAsk.objects.failed())
    )
    return {pk: (waiting.get(pk, 0), failed.get(pk, 0)) for pk in pks}


def hearing_of(connection: Connection, is_subscribed: bool) -> Hearing:
    """Whether the provider's webhooks reach this connection."""
    network = network_of(connection)
    webhooks = network.webhooks if network else None
    if webhooks is None:
        return "none"
    if connection.last_event_at is not None:
        silence = timezone.now() - connection.last_event_at
        return "speaking" if silence <= timedelta(days=webhooks.silence_days) else "silent"
    if not is_subscribed and webhooks.by_call:
        return "off"
    return "waiting"


def failed_asks_of(connection: Connection) -> QuerySet[OpenAsk]:
    """The requests of a connection that were given up, the newest first."""
    return OpenAsk.objects.failed().filter(connection=connection).order_by("-failed_at", "-pk")


def connection_runs_of(connection: Connection) -> QuerySet[SyncRun]:
    """The runs that worked on a connection, newest first."""
    return connection.runs.filter(kind__in=CONNECTION_RUNS).defer("cursor", "leased_by").order_by("-created_at", "-id")


def ended_of(user: User) -> dict[str, Connection]:
    """The athlete's newest ended connection with each provider that they have no live one with."""
    newest: dict[str, Connection] = {}
    live: set[str] = set()
    for row in connections_of(user):
        if row.state == Connection.State.DISCONNECTED:
            newest.setdefault(row.provider, row)
        else:
            live.add(row.provider)
    return {slug: row for slug, row in newest.items() if slug not in live}


@dataclass(frozen=True)
class Arriving:
    """Something that is being brought in right now, as every page hints at it."""

    name: str
    words: str
    # "import" or "connection", and which.
    kind: Literal["import", "connection"]
    pk: int
    progress: Progress
    # It rests until then; None while it is at work.
    waits_until: datetime | None = None


ARRIVING_SHOWN = 20
_ARRIVING_WORDS = {
    SyncRun.Kind.ROLLBACK: "is being rolled back",
    SyncRun.Kind.SYNC: "is being synced",
    SyncRun.Kind.FORGET: "is being removed",
}


def arriving_of(user: User) -> Sequence[Arriving]:
    """What is waiting or at work right now, the oldest first, for it is the one that is at work: one query."""
    rows = (
        user.sync_runs.filter(state__in=OPEN_STATES)
        .filter(Q(import_file__isnull=False) | Q(connection__isnull=False))
        .select_related("import_file", "connection")
        .defer("cursor", "counts", "import_file__report", "connection__credentials")
        .order_by("pk")[:ARRIVING_SHOWN]
    )
    found = [_arriving(run) for run in rows]
    # What rests does not hide what is at work.
    return sorted(found, key=lambda one: one.waits_until is not None)


def _arriving(run: SyncRun) -> Arriving:
    progress = progress_of(run)
    if run.connection is not None:
        provider = PROVIDERS.get(run.connection.provider)
        name = provider.name if provider else run.connection.provider
        until = waits_until(run)
        words = _ARRIVING_WORDS.get(SyncRun.Kind(run.kind), "is being read")
        return Arriving(name, words, "connection", run.connection.pk, progress, until)
    assert run.import_file is not None
    reads = "is waiting" if run.import_file.state == Import.State.WAITING else "is being read"
    words = _ARRIVING_WORDS.get(SyncRun.Kind(run.kind), reads)
    return Arriving(run.import_file.name, words, "import", run.import_file.pk, progress)
