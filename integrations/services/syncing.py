"""Syncing: the requests of a connection are made, and each answer is stored together with what follows from it.

The queue of requests (`OpenAsk`) is the truth. A checkpoint puts payloads into the raw storage, reads them, and then
writes records, activities, nights, days, samples, the requests that follow, the feed's cursor and the removal of the
request itself in one transaction. A worker that dies anywhere leaves a queue from which the next one goes on.

What can go wrong at a provider (`integrations.errors`) is dealt with here and nowhere else.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import OperationalError, transaction
from django.db.models import F
from django.utils import timezone

from activities.domain.parsed import Parsed, Problem
from activities.domain.reading import RawPayload, SampleTable
from activities.models import RawRecord
from activities.selectors.series import origins_of
from activities.services import raw
from activities.services.ingest import Told, ingest
from activities.services.telling import tell
from integrations.base import NOW, Answer, Ask, Event, Feed, Look, Network, Provider, Response
from integrations.errors import RateLimited, Revoked, Unavailable, UnexpectedPayload
from integrations.models import Connection, OpenAsk, SyncRun
from integrations.registry import PROVIDERS
from integrations.services import asking, connecting, following, runs, sampling, withdrawing
from integrations.services.fetching import Fetchers, Outcome
from integrations.services.reading import Read, Reading, told_of
from integrations.services.report import Tally
from integrations.services.runs import Failed, Lease, LostLease, Work
from integrations.services.taking_back import read_unread

logger = logging.getLogger(__name__)

# The payloads of one checkpoint are written in one transaction, which is to take less than 100 ms.
CHECKPOINT_PAYLOADS = 32
CHECKPOINT_BYTES = 6 << 20
# How often a checkpoint is prepared again whose bytes lay in the storage for too long.
MAX_PREPARATIONS = 3
# Requests that fail one after another until a provider is taken to be down.
MAX_IN_A_ROW = 4
# How long a connection rests then: as long as it has been down, within these bounds.
SHORTEST_REST, LONGEST_REST = timedelta(minutes=1), timedelta(hours=1)
# A run waits so long for requests that are to be made again; beyond that it ends, and another one makes them.
PATIENCE = timedelta(minutes=5)
# How much slower a feed is looked at while webhooks tell what is new, and how slow at most.
SLOWER = 6
SLOWEST_S = 24 * 3600
# How often a feed is listed from end to end to find what was deleted without a word.
RELIST_EVERY = timedelta(days=30)
# The kind of record that holds an answer which could not be read.
UNREADABLE = "unreadable"
LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)
# Those for whom somebody waits: what went wrong before is tried again at once.
BY_HAND = ("connect", "manual", "command")


class NotConnected(ValueError):  # noqa: N818
    """There is nothing to ask with; the message is a sentence for a person."""


# --- asking for a sync ----------------------------------------------------------------------


def request_sync(
    connection: Connection,
    trigger: str = "manual",
    *,
    full: bool = False,
    looks: Mapping[str, Look] | None = None,
    asks: Iterable[Ask] = (),
    nudge: bool = True,
) -> SyncRun:
    """Have the connection synced; the run that does it, which may be one that is open already.

    `looks` says which feeds are looked at and how; without it all that the athlete allowed: what has never been listed
    to its end from the beginning, the rest from its cursor on, `full` all of it once more. `asks` are made besides.
    Raises NotConnected.
    """
    with transaction.atomic():
        connection = Connection.objects.select_for_update().select_related("user").get(pk=connection.pk)
        provider, network = _provider_of(connection)
        if not connection.is_live:
            raise NotConnected(f"{provider.name} is not connected any more. Connect it again first.")
        now = timezone.now()
        by_hand = trigger in BY_HAND
        if looks is None:
            looks = _looks(connection, network, full=full)
        wanted: list[Ask] = []
        for name, look in looks.items():
            cursor = connection.cursors.get(name, {})
            begun = network.adapter.begin(name, look, cursor=cursor, now=now)
            rank = NOW if by_hand and look == "incremental" else None
            wanted += [replace(ask, feed=ask.feed or name, rank=ask.rank if rank is None else rank) for ask in begun]
            connection.looked_at[name] = now.isoformat()
            if look != "incremental":
                connection.looked_at[_relist_key(name)] = now.isoformat()
        closed = {feed.name for feed in network.feeds} - {feed.name for feed in granted_feeds(connection, network)}
        asking.add(connection, [ask for ask in (*wanted, *asks) if ask.feed not in closed])
        if by_hand:
            connection.asks.open().filter(attempts__gt=0).update(not_before=now)
        connection.next_sync_at = _next_sync_at(connection, network)
        connection.save(update_fields=["looked_at", "next_sync_at"])
        run = connection.runs.filter(kind=SyncRun.Kind.SYNC, state__in=runs.OPEN).first()
        if run is None:
            run = runs.start(
                connection.user,
                kind=SyncRun.Kind.SYNC,
                connection=connection,
                trigger=trigger,
                cursor={"phase": "ask"},
                counts=Tally().as_json(),
                nudge=nudge,
            )
        elif trigger != "schedule":
            runs.wake(run, nudge=nudge)
    return run


def take(connection: Connection, event: Event, key: str) -> SyncRun:
    """Have what a webhook says about the connection stored and fetched. `key` names the delivery: once is enough."""
    asks = list(event.asks)
    if event.payloads or event.gone:
        asks.append(asking.ask_of_event(event, key))
    Connection.objects.filter(pk=connection.pk).update(last_event_at=timezone.now())
    return request_sync(connection, "webhook", looks={}, asks=asks)


def try_again(ask: OpenAsk) -> SyncRun:
    """Make a request that was given up once more. Raises NotConnected."""
    return _try_again(ask.connection, OpenAsk.objects.filter(pk=ask.pk))[0]


def try_all_again(connection: Connection) -> int:
    """Make all requests that were given up once more; how many those are. Raises NotConnected."""
    return _try_again(connection, connection.asks.all())[1]


def _try_again(connection: Connection, asks: Any) -> tuple[SyncRun, int]:
    with transaction.atomic():
        run = request_sync(connection, "manual", looks={})
        count = asks.failed().update(failed_at=None, attempts=0, not_before=timezone.now(), number=F("number") + 1)
    return run, count


def stop(connection: Connection, *, keep_asks: bool = True) -> None:
    """Have the connection's open sync end at its next checkpoint. Without `keep_asks` what it still had to do goes."""
    with transaction.atomic():
        for run in connection.runs.filter(kind=SyncRun.Kind.SYNC, state__in=runs.OPEN):
            runs.cancel(run)
        if not keep_asks:
            connection.asks.all().delete()


def granted_feeds(connection: Connection, network: Network) -> list[Feed]:
    """The feeds that the athlete allowed us to ask for."""
    return [feed for feed in network.feeds if set(feed.scopes) <= set(connection.scopes)]


def _provider_of(connection: Connection) -> tuple[Provider, Network]:
    provider = PROVIDERS.get(connection.provider)
    if provider is None or provider.network is None:
        raise NotConnected(f"This server cannot ask {connection.provider} any more.")
    return provider, provider.network


def _looks(connection: Connection, network: Network, *, full: bool) -> dict[str, Look]:
    """How each feed is looked at. One whose list is being read is left to it."""
    being_read = set(connection.asks.open().filter(of="").values_list("feed", flat=True))
    looks: dict[str, Look] = {}
    for feed in granted_feeds(connection, network):
        if full or feed.name not in being_read:
            looks[feed.name] = _look(connection, feed.name, again=full)
    return looks


def _look(connection: Connection, feed: str, *, again: bool) -> Look:
    if feed not in connection.cursors:
        return "backfill"
    return "relist" if again else "incremental"


def _relist_key(feed: str) -> str:
    return f"{feed}: all of it"


# --- the schedule ---------------------------------------------------------------------------


def request_due() -> int:
    """Sync the connections whose time has come, and those with requests to be made again; how many."""
    now = timezone.now()
    live = Connection.objects.filter(state=Connection.State.ACTIVE, provider__in=_with_network())
    count = 0
    due = live.exclude(next_sync_at__gt=now)
    for connection in due.defer("credentials").order_by("next_sync_at", "pk"):
        if looks := _due_looks(connection, now):
            count += _request(connection, looks)
        else:
            # Its lists are being read, or only the jitter was over.
            later = _next_sync_at(connection, _provider_of(connection)[1])
            live.filter(pk=connection.pk).update(next_sync_at=later)
    waiting = live.filter(asks__in=OpenAsk.objects.due(now).order_by())
    idle = waiting.exclude(runs__in=SyncRun.objects.filter(kind=SyncRun.Kind.SYNC, state__in=runs.OPEN))
    for connection in idle.distinct().defer("credentials"):
        count += _request(connection, {})
    return count


def _request(connection: Connection, looks: Mapping[str, Look]) -> bool:
    try:
        request_sync(connection, "schedule", looks=looks)
    except NotConnected:
        return False
    return True


def _with_network() -> list[str]:
    return [slug for slug, provider in PROVIDERS.items() if provider.network]


def _due_looks(connection: Connection, now: datetime) -> dict[str, Look]:
    """The feeds whose time has come, and once a month all of each."""
    _, network = _provider_of(connection)
    usual = _looks(connection, network, full=False)
    looks: dict[str, Look] = {}
    for feed in granted_feeds(connection, network):
        if feed.name not in usual or _due_at(connection, network, feed) > now:
            continue
        listed_at = _moment(connection.looked_at.get(_relist_key(feed.name)))
        again = listed_at is not None and now - listed_at > RELIST_EVERY
        looks[feed.name] = _look(connection, feed.name, again=again)
    return looks


def _due_at(connection: Connection, network: Network, feed: Feed) -> datetime:
    """When the feed is to be looked at next: seldom while webhooks speak."""
    looked_at = _moment(connection.looked_at.get(feed.name))
    if looked_at is None:
        return LONG_AGO
    every_s: float = feed.every_s
    webhooks, heard_at = network.webhooks, connection.last_event_at
    if webhooks and heard_at and timezone.now() - heard_at <= timedelta(days=webhooks.silence_days):
        every_s = max(every_s, min(every_s * SLOWER, SLOWEST_S))
    return looked_at + timedelta(seconds=every_s)


def _next_sync_at(connection: Connection, network: Network) -> datetime:
    """When the next feed is due, with jitter, so that a server's connections do not all ask in the same minute."""
    now = timezone.now()
    dues = [_due_at(connection, network, feed) for feed in granted_feeds(connection, network)]
    wait = max(min(dues, default=now + timedelta(seconds=SLOWEST_S)) - now, timedelta(minutes=1))
    return now + wait * random.uniform(1, 1.2)  # noqa: S311


def _moment(told: str | None) -> datetime | None:
    return datetime.fromisoformat(told) if told else None


# --- for pages ------------------------------------------------------------------------------


def came_of(run: SyncRun) -> dict[str, int]:
    """What a sync brought so far."""
    tally = Tally.of(run.counts)
    return {
        "requests": tally.requests,
        "raw_records": sum(tally.raw),
        "new": tally.sources[0],
        "changed": tally.changed,
        "unchanged": tally.raw[1],
        "gone": tally.withdrawn,
        "failed": tally.given_up,
        "activities": tally.activities,
        "sleeps": tally.derived[0],
        "days": tally.derived[2],
        "samples": sum(line[0] for line in tally.metrics.values()),
    }


def feeds_of(run: SyncRun) -> dict[str, tuple[int, int | None]]:
    """By feed how many records its lists have named so far, and of how many, where the provider says so."""
    return {name: (done, total or None) for name, (done, total) in Tally.of(run.counts).feeds.items()}


# --- one slice ------------------------------------------------------------------------------


@dataclass
class _Stop:
    """Why no further request is made now. `until` is told where the provider wants us to wait."""

    until: datetime | None = None
    revoked: str = ""
    is_down: bool = False


def _step(lease: Lease) -> None:
    run = lease.run
    assert run.connection is not None
    try:
        provider, network = _provider_of(run.connection)
    except NotConnected as error:
        raise Failed(str(error)) from error
    sync = _Sync(lease, run.connection, provider, network)
    stop = None
    while True:
        if run.cursor["phase"] == "ask":
            if not sync.clear_up() or (stop := sync.ask()) is None:
                return
            tally = Tally.of(run.counts)
            if not (tally.touched or tally.activity_months or tally.nights):
                if sync.conclude(stop):
                    return
                continue
            following.plan(lease, [provider], tally)
        if not following.follow(lease, [provider]):
            return
        tally = Tally.of(run.counts)
        tally.touched, tally.activity_months, tally.nights = {}, [], []
        lease.save(cursor={"phase": "ask", "requests": tally.requests}, counts=tally.as_json())
        if stop and sync.conclude(stop):
            return


def _ended(run: SyncRun) -> None:
    """A sync that failed leaves a word on its connection."""
    if run.connection and run.state == SyncRun.State.FAILED:
        live = Connection.objects.filter(pk=run.connection.pk, state=Connection.State.ACTIVE)
        live.filter(problem="").update(problem_since=timezone.now())
        live.update(problem=f"The last sync stopped. {run.error}")


def _reopened(run: SyncRun) -> None:
    """No one else waits for it."""


SYNCING = Work(step=_step, ended=_ended, reopened=_reopened)


@dataclass
class _Piece:
    """A part of an answer that is stored at a time; the last one carries what ends the ask."""

    row: OpenAsk
    payloads: Sequence[RawPayload] = ()
    asks: Sequence[Ask] = ()
    answer: Answer | None = None
    # Where the payloads were fetched from, without secrets.
    url: str = ""

    @property
    def size_bytes(self) -> int:
        return sum(payload.size_bytes for payload in self.payloads)


@dataclass
class _Prepared:
    """What was found out about some pieces outside the transaction."""

    payloads: list[RawPayload]
    urls: list[str]
    read: Read
    # By kind and external id whether a list's element was stored in this version before.
    elements: dict[tuple[str, str], bool] = field(default_factory=dict)
    # Older versions of these records, whose samples are to go.
    replaced: set[int] = field(default_factory=set)


class _Sync:
    """The work on one connection, for one slice."""

    def __init__(self, lease: Lease, connection: Connection, provider: Provider, network: Network) -> None:
        self.lease = lease
        self.run = lease.run
        self.user = lease.run.user
        self.connection = connection
        self.provider = provider
        self.network = network
        self.feeds = {feed.name: feed for feed in network.feeds}

    def clear_up(self) -> bool:
        """Do what checkpoints left: samples that go, records that are read again; False if time is up."""
        if stale := self.run.cursor.get("stale"):
            sampling.remove(self.lease, stale)
            self.lease.save(cursor={name: it for name, it in self.run.cursor.items() if name != "stale"})
        if "after" in self.run.cursor:
            if not read_unread(self.lease, self.provider):
                return False
            self.lease.save(cursor={name: it for name, it in self.run.cursor.items() if name != "after"})
        return True

    def ask(self) -> _Stop | None:
        """Make requests and store their answers until none is due, or something keeps us; None once time is up."""
        self.lease.save(doing=f"Asking {self.provider.name}", **self._progress(Tally.of(self.run.counts)))
        fetchers = Fetchers(self.connection, self.network.adapter, settings.SYNC_REQUESTS)
        stop = _Stop()
        in_a_row = 0
        try:
            while True:
                if self._is_over(stop):
                    fetchers.recall()
                elif fetchers.free > 0:
                    due = self.connection.asks.due(timezone.now()).exclude(pk__in=list(fetchers.under_way))
                    for row in due[: fetchers.free]:
                        fetchers.ask(row)
                if not fetchers.under_way:
                    break
                outcomes = fetchers.take(settings.RUN_LEASE_S / 3)
                if not outcomes:
                    self.lease.renew()
                for outcome in outcomes:
                    if isinstance(outcome.error, Unavailable):
                        in_a_row += 1
                    elif outcome.answer:
                        in_a_row = 0
                self._take(outcomes, stop)
                stop.is_down = in_a_row >= MAX_IN_A_ROW
                if not self.clear_up():
                    return None
        finally:
            fetchers.close()
        return None if self.lease.time_is_up and not self._is_over(stop, time_too=False) and self._is_due() else stop

    def _is_over(self, stop: _Stop, *, time_too: bool = True) -> bool:
        return bool(
            stop.until
            or stop.revoked
            or stop.is_down
            or self.run.cancel_requested
            or (time_too and self.lease.time_is_up)
            or not Connection.objects.filter(pk=self.connection.pk, state=Connection.State.ACTIVE).exists()
        )

    def _is_due(self) -> bool:
        return self.connection.asks.due(timezone.now()).exists()

    def conclude(self, stop: _Stop) -> bool:
        """End the run, or have it wait; False where there is something to ask again already."""
        now = timezone.now()
        name = self.provider.name
        with transaction.atomic():
            self.lease.renew()
            connection = Connection.objects.select_for_update().get(pk=self.connection.pk)
            tally = Tally.of(self.run.counts)
            if connection.state == Connection.State.BROKEN:
                self.lease.finish(SyncRun.State.FAILED, error=stop.revoked or connection.problem)
                return True
            if self.run.cancel_requested or connection.state == Connection.State.DISCONNECTED:
                asking.rest(connection, now + LONGEST_REST)
                self.lease.finish(SyncRun.State.CANCELLED, done=tally.requests, total=tally.requests)
                return True
            if stop.until:
                return self._wait(stop.until, f"Waiting until {name} lets us ask again")
            if stop.is_down:
                _note_down(connection, name)
                since = connection.problem_since or now
                asking.rest(connection, now + min(max(now - since, SHORTEST_REST), LONGEST_REST))
            open_asks = connection.asks.open()
            due_at = open_asks.order_by("not_before").values_list("not_before", flat=True).first()
            if due_at and due_at <= timezone.now():
                return False
            if due_at and due_at - now <= PATIENCE:
                return self._wait(due_at, f"Waiting to ask {name} again for what did not come")
            warning = _warning(open_asks.filter(attempts__gt=0).count(), connection.asks.failed().count())
            if tally.failures and not tally.requests:
                _note_down(connection, name)
            elif not stop.is_down:
                connection.last_success_at, connection.problem, connection.problem_since = now, "", None
                connection.save(update_fields=["last_success_at", "problem", "problem_since"])
            self.lease.finish(
                SyncRun.State.FINISHED, error=warning, done=tally.requests, total=tally.requests + open_asks.count()
            )
        return True

    def _wait(self, until: datetime, doing: str) -> bool:
        self.lease.save(**self._progress(Tally.of(self.run.counts)))
        if not self.lease.wait(until, doing):
            raise LostLease(f"run {self.run.pk} has another worker")
        return True

    def _progress(self, tally: Tally) -> dict[str, int]:
        """Requests made, of those made and still to be made."""
        done = tally.requests
        return {"done": done, "total": following.with_share(done + self.connection.asks.open().count())}

    # --- what came back ---

    def _take(self, outcomes: Sequence[Outcome], stop: _Stop) -> None:
        """Store answers, and draw the consequences of errors."""
        pieces = [piece for outcome in outcomes if outcome.answer for piece in _pieces(outcome)]
        for some in _portions(pieces):
            self._store(some)
        for outcome in outcomes:
            error = outcome.error
            if error is None:
                continue
            if isinstance(error, RateLimited):
                until = timezone.now() + timedelta(seconds=max(1.0, error.retry_after_s))
                stop.until = max(stop.until or until, until)
            elif isinstance(error, Revoked):
                stop.revoked = str(error)
                connecting.breaks(self.connection, str(error))
            elif isinstance(error, Unavailable):
                # Nothing is given up because a provider is down.
                self._note_failure(outcome.row, str(error), is_final=self._answers_others)
            else:
                sentence = str(error) if isinstance(error, UnexpectedPayload | ValueError) else _unexpected(error)
                self._keep_unreadable(outcome.row, outcome.heard)
                self._note_failure(outcome.row, sentence)

    @property
    def _answers_others(self) -> bool:
        return Tally.of(self.run.counts).requests > 0

    def _note_failure(self, row: OpenAsk, sentence: str, *, is_final: bool = True) -> None:
        tally = Tally.of(self.run.counts)
        tally.failures += 1
        with transaction.atomic():
            self.lease.renew()
            if asking.went_wrong(row, sentence, is_final=is_final):
                tally.given_up += 1
                tally.add_problems([Problem(f"{row.what} {row.key}", sentence)])
            self._save(tally)

    def _keep_unreadable(self, row: OpenAsk, heard: Response | None) -> None:
        """The bytes of an answer that nobody can read, as a record of their own."""
        if heard is None or not heard.content:
            return
        content_type = heard.headers.get("content-type", "application/octet-stream").partition(";")[0].strip()
        payload = RawPayload(UNREADABLE, f"{row.what} {row.key}"[:255], heard.content, content_type[:100])
        stored = raw.put_payloads(self.user, self.provider.slug, [payload])
        with transaction.atomic():
            self.lease.renew()
            raw.record_payloads(stored, connection=self.connection, request_urls=[_without_query(heard.url)])

    def _store(self, pieces: Sequence[_Piece]) -> None:
        """One checkpoint. Where the database refuses something in it, each record by itself, and the bad one unread."""
        try:
            self._commit(pieces)
        except (LostLease, OperationalError):
            raise
        except Exception:
            whole = [single for piece in pieces for single in _singles(piece)]
            if len(whole) == 1 and not whole[0].payloads:
                raise
            logger.exception("A checkpoint of %s goes record by record", self.connection)
            for piece in whole:
                try:
                    self._commit([piece])
                except (LostLease, OperationalError):
                    raise
                except Exception as error:
                    if not piece.payloads:
                        raise
                    self._commit([piece], problem=_unexpected(error))

    def _commit(self, pieces: Sequence[_Piece], problem: str = "") -> None:
        """Store these pieces. With a `problem` their payloads are kept and not read, because of it."""
        prepared = self._prepare(pieces, is_readable=not problem)
        samples: dict[int, tuple[SampleTable, ...]] = {}
        for attempt in range(MAX_PREPARATIONS):
            stored = raw.put_payloads(self.user, self.provider.slug, prepared.payloads)
            places = [place for place, one in enumerate(prepared.read.readings) if one.needed and one.parsed.samples]
            try:
                if places:
                    # Files of samples name the records that told them, so those come first.
                    with transaction.atomic():
                        self.lease.renew()
                        recorded = raw.record_payloads(stored, connection=self.connection, request_urls=prepared.urls)
                    samples = {recorded[at][0].pk: prepared.read.readings[at].parsed.samples for at in places}

                def write(tally: Tally, stored: raw.Stored = stored) -> None:
                    recorded = raw.record_payloads(stored, connection=self.connection, request_urls=prepared.urls)
                    self._write(tally, pieces, prepared, recorded, problem)

                sampling.add(self.lease, self.provider, samples, write)
                return
            except raw.StoredTooLongAgo:
                if attempt + 1 == MAX_PREPARATIONS:
                    raise

    def _prepare(self, pieces: Sequence[_Piece], *, is_readable: bool) -> _Prepared:
        payloads = [payload for piece in pieces for payload in piece.payloads]
        if is_readable:
            read = told_of(self.user, self.provider, payloads, self.provider.name)
        else:
            read = Read(tuple(Reading(Parsed()) for _ in payloads), ())
        kinds = {ask.of for piece in pieces for ask in piece.asks if ask.of}
        same = asking.unchanged(self.connection, payloads, kinds)
        elements = {(it.kind, it.external_id): (it.kind, it.external_id) in same for it in payloads}
        urls = [piece.url for piece in pieces for _ in piece.payloads]
        return _Prepared(payloads, urls, read, elements, self._replaced(payloads, read))

    def _replaced(self, payloads: Sequence[RawPayload], read: Read) -> set[int]:
        """Older versions of these records that told samples: those of the new ones will stand in their place."""
        replaced: set[int] = set()
        for payload, one in zip(payloads, read.readings, strict=True):
            if one.needed and not one.is_first:
                versions = RawRecord.objects.filter(
                    user=self.user,
                    provider=self.provider.slug,
                    kind=payload.kind,
                    external_id=payload.external_id,
                )
                replaced.update(versions.exclude(sha256=payload.sha256).values_list("pk", flat=True))
        return replaced & origins_of(self.user, self.provider.slug) if replaced else replaced

    def _write(
        self,
        tally: Tally,
        pieces: Sequence[_Piece],
        prepared: _Prepared,
        recorded: Sequence[tuple[RawRecord, bool]],
        problem: str,
    ) -> None:
        """All that belongs into the transaction, beside the samples."""
        records = [record for record, _ in recorded]
        # First of all that web requests lock as well.
        connection = Connection.objects.select_for_update().get(pk=self.connection.pk)
        cursor: dict[str, Any] = {"phase": "ask"}
        cursor |= {name: self.run.cursor[name] for name in ("stale", "after") if name in self.run.cursor}
        if problem:
            told = [Told(record, (), problem) for record in records if record.kind in self.provider.parse]
        else:
            told = prepared.read.told(records)
        if told:
            tally.add_ingested(ingest(self.user, told, mapping_version=self.provider.mapping_version))
        tally.add_filed(tell(self.user, prepared.read.days(records), list(self.provider.parse)))
        _note_records(tally, recorded, prepared.read.readings)
        place = 0
        for piece in pieces:
            told_of_them = prepared.read.readings[place : place + len(piece.payloads)]
            place += len(piece.payloads)
            if not piece.row.of:
                tally.changed += sum(one.needed and not one.is_first for one in told_of_them)
        stale = (set(cursor.get("stale", ())) | prepared.replaced) - {record.pk for record in records}
        for piece in pieces:
            asking.add(self.connection, self._following(piece, prepared))
            if piece.answer:
                gone = self._end(tally, connection, piece.row, piece.answer)
                stale.update(gone.stale)
                if gone.is_told_otherwise:
                    cursor["after"] = 0
        if stale:
            cursor["stale"] = sorted(stale)
        last = self.feeds.get(pieces[-1].row.feed)
        self._save(tally, cursor, doing=f"Fetching {last.title}" if last else self.run.doing)

    def _save(self, tally: Tally, cursor: Mapping[str, Any] | None = None, **more: Any) -> None:
        told = {**(self.run.cursor if cursor is None else cursor), "requests": tally.requests + tally.failures}
        self.lease.save(cursor=told, counts=tally.as_json(), **self._progress(tally), **more)

    def _following(self, piece: _Piece, prepared: _Prepared) -> list[Ask]:
        """The requests that follow from a piece: as urgent as what they follow from, where somebody waits for it."""
        asks = [
            replace(ask, feed=ask.feed or piece.row.feed, rank=NOW if piece.row.rank == NOW else ask.rank)
            for ask in piece.asks
        ]
        return list(asking.worth_making(self.connection, asks, prepared.elements))

    def _end(self, tally: Tally, connection: Connection, row: OpenAsk, answer: Answer) -> withdrawing.Withdrawn:
        """The end of an ask whose payloads are stored."""
        tally.requests += 1
        tally.add_problems(answer.problems)
        asking.answered(row, answer)
        if not row.of and row.feed:
            line = tally.feeds.setdefault(row.feed, [0, 0])
            line[0] += len(answer.payloads)
            line[1] = max(line[1], answer.total or 0)
        if answer.cursor is not None and row.feed:
            connection.cursors[row.feed] = dict(answer.cursor)
            connection.save(update_fields=["cursors"])
        # Whatever else the ask was to bring, it follows the end of the ask, so that it may ask for the same once more.
        once_more = [replace(ask, feed=ask.feed or row.feed, of=ask.of or row.of) for ask in _of_itself(row, answer)]
        asking.add(self.connection, once_more)
        gone = self._withdraw(tally, answer.gone, kind=row.of if any(map(withdrawing.is_a_date, answer.gone)) else "")
        if answer.listing and not self._reads_more_of(row):
            gone = gone + self._reconcile(tally, row, answer)
        tally.withdrawn += gone.count
        return gone

    def _withdraw(self, tally: Tally, external_ids: Iterable[str], *, kind: str = "") -> withdrawing.Withdrawn:
        ids = set(external_ids)
        if not ids:
            return withdrawing.Withdrawn()
        return withdrawing.withdraw(self.user, self.connection, ids, tally, kind=kind)

    def _reads_more_of(self, row: OpenAsk) -> bool:
        """Whether other lists of the feed are still to be read: what they hold is then not missing."""
        return self.connection.asks.open().filter(feed=row.feed, of="").exclude(pk=row.pk).exists()

    def _reconcile(self, tally: Tally, row: OpenAsk, answer: Answer) -> withdrawing.Withdrawn:
        """What a whole list no longer holds is gone, or is asked for by itself to make sure."""
        assert answer.listing is not None
        listing = answer.listing
        missing = withdrawing.missing(self.connection, listing)
        gone, asks = [], []
        for external_id in missing:
            ask = self.network.adapter.confirm(listing.kind, external_id)
            if ask is None:
                gone.append(external_id)
            else:
                asks.append(replace(ask, feed=ask.feed or row.feed, of=ask.of or listing.kind))
        asking.add(self.connection, asks)
        days = [it for it in gone if withdrawing.is_a_date(it)]
        others = [it for it in gone if not withdrawing.is_a_date(it)]
        return self._withdraw(tally, days, kind=listing.kind) + self._withdraw(tally, others)


# --- answers in pieces ----------------------------------------------------------------------


def _pieces(outcome: Outcome) -> Iterator[_Piece]:
    """An answer cut so that each piece can be stored at a time, with the requests that its elements need."""
    assert outcome.answer is not None
    row, answer = outcome.row, outcome.answer
    url = _without_query(outcome.heard.url) if outcome.heard else ""
    by_key: dict[tuple[str, str], list[Ask]] = {}
    elements = {(it.kind, it.external_id) for it in answer.payloads}
    rest = []
    for ask in answer.asks:
        if (ask.what, ask.key) == (row.what, row.key):
            continue
        if ask.of and (ask.of, ask.key) in elements:
            by_key.setdefault((ask.of, ask.key), []).append(ask)
        else:
            rest.append(ask)
    piece = _Piece(row, [], [], url=url)
    for payload in answer.payloads:
        if piece.payloads and (
            len(piece.payloads) == CHECKPOINT_PAYLOADS or piece.size_bytes + payload.size_bytes > CHECKPOINT_BYTES
        ):
            yield piece
            piece = _Piece(row, [], [], url=url)
        piece.payloads = [*piece.payloads, payload]
        piece.asks = [*piece.asks, *by_key.pop((payload.kind, payload.external_id), ())]
    piece.asks = [*piece.asks, *rest]
    piece.answer = answer
    yield piece


def _of_itself(row: OpenAsk, answer: Answer) -> list[Ask]:
    """Where the answer asks for the same once more: a file that is not ready yet."""
    return [ask for ask in answer.asks if (ask.what, ask.key) == (row.what, row.key)]


def _portions(pieces: Iterable[_Piece]) -> Iterator[list[_Piece]]:
    """The pieces in portions, each of which becomes one checkpoint."""
    portion: list[_Piece] = []
    for piece in pieces:
        together = [*portion, piece]
        if portion and (
            sum(len(one.payloads) for one in together) > CHECKPOINT_PAYLOADS
            or sum(one.size_bytes for one in together) > CHECKPOINT_BYTES
        ):
            yield portion
            portion = []
        portion.append(piece)
    if portion:
        yield portion


def _singles(piece: _Piece) -> Iterator[_Piece]:
    """The piece, record by record; what ends the ask comes last."""
    for payload in piece.payloads:
        mine = [ask for ask in piece.asks if (ask.of, ask.key) == (payload.kind, payload.external_id)]
        yield _Piece(piece.row, [payload], mine, url=piece.url)
    keys = {(payload.kind, payload.external_id) for payload in piece.payloads}
    rest = [ask for ask in piece.asks if (ask.of, ask.key) not in keys]
    if piece.answer or rest:
        yield _Piece(piece.row, [], rest, piece.answer, piece.url)


# --- small things ---------------------------------------------------------------------------


def _note_records(tally: Tally, recorded: Sequence[tuple[RawRecord, bool]], readings: Sequence[Reading]) -> None:
    for (record, created), reading in zip(recorded, readings, strict=True):
        tally.raw[0 if created else 1] += 1
        tally.add_element(record.kind, created=created)
        tally.add_problems(reading.problems)
        for place, count in enumerate(reading.known):
            (tally.sources if not place else tally.workouts)[2] += count
        if reading.zone:
            tally.zones[reading.zone] = tally.zones.get(reading.zone, 0) + 1


def _note_down(connection: Connection, name: str) -> None:
    """The provider does not answer: the connection stands, and says so."""
    if not connection.problem:
        connection.problem_since = timezone.now()
    connection.problem = f"{name} did not answer when we last asked. We go on asking."
    connection.save(update_fields=["problem", "problem_since"])


def _warning(waiting: int, given_up: int) -> str:
    """A sentence about requests that went wrong; empty where none did."""
    parts = []
    if waiting:
        parts.append(f"{waiting} {'request' if waiting == 1 else 'requests'} went wrong and will be made again.")
    if given_up:
        parts.append(f"{given_up} {'was' if given_up == 1 else 'were'} given up after {len(asking.WAITS)} tries.")
    return " ".join(parts)


def _unexpected(error: Exception) -> str:
    return f"This could not be taken in ({type(error).__name__}: {error})."


def _without_query(url: str) -> str:
    return url.partition("?")[0][:2000]
