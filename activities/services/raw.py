"""The raw store: what came is kept byte for byte, found again by its hash, and never changed.

Storing goes in three steps: announce the hashes, put the objects, commit the rows. So a crash may leave an object that
no row names, never a row without its bytes. The announcement keeps the sweeper off: a tombstone of the same bytes is
young again, and where the sweeper is at it already, the storer waits until the object is gone and then puts it anew.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Literal

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Min, Q, QuerySet, Sum
from django.utils import timezone

from activities.domain.reading import RawPayload
from activities.models import RawRecord, RawSighting, Reading, SleepSession, SourceActivity, Tombstone
from activities.selectors.raw import IN_ONE_QUERY, TOLD_AT, Connection, ImportFile, current_raws
from activities.services.grouping import lock, remove_sources
from trainstack import storage
from trainstack.accounts.models import User
from trainstack.packed import pack

# Provider, kind and external id: one record, whatever the number of its versions.
RecordKey = tuple[str, str, str]

# From the announcement of some bytes to the commit of their row no sweeper touches them; twice what a storer may take.
SHORTEST_GRACE = timedelta(minutes=15)
# How long a sweeper holds what it removes; it stops at half of it, so that a slow one never works on another's time.
CLAIM = timedelta(seconds=30)
SWEPT_AT_ONCE = 100
WAIT_S = 0.05


class StoredTooLongAgo(Exception):  # noqa: N818
    """The objects were put so long ago that a sweeper may have taken them; put them again."""


@dataclass(frozen=True)
class _Put:
    kind: str
    external_id: str
    sha256: str
    size_bytes: int
    content_type: str
    stated_at: datetime | None

    @property
    def key(self) -> tuple[str, str, str]:
        return self.kind, self.external_id, self.sha256


@dataclass(frozen=True)
class Stored:
    """Payloads whose bytes lie in the raw storage and whose rows are to follow."""

    user: User
    provider: str
    puts: tuple[_Put, ...]
    at: datetime


def store_raw(
    user: User,
    provider: str,
    kind: str,
    external_id: str,
    data: bytes | Path,
    content_type: str,
    *,
    import_file: ImportFile | None = None,
    stated_at: datetime | None = None,
    request_url: str = "",
    owned: bool = False,
) -> tuple[RawRecord, bool]:
    """The record of these bytes, and whether it is new. Safe to repeat; not inside a transaction.

    Equal bytes under the same id are one row however often they come; each import that brings them is a sighting.
    An `owned` file is one that nobody will write to again: it may be linked instead of copied.
    """
    stored = put_file(user, provider, kind, external_id, data, content_type, stated_at=stated_at, owned=owned)
    with transaction.atomic():
        ((record, created),) = record_payloads(stored, import_file=import_file, request_urls=[request_url])
    return record, created


def put_file(
    user: User,
    provider: str,
    kind: str,
    external_id: str,
    data: bytes | Path,
    content_type: str,
    *,
    stated_at: datetime | None = None,
    owned: bool = False,
) -> Stored:
    """As `put_payloads`, for one payload of any size."""
    at = timezone.now()
    _announce(user.pk, [storage.digest(data)[0]])
    sha256, size_bytes = storage.put_raw(user.pk, data, owned=owned)
    return Stored(user, provider, (_Put(kind, external_id, sha256, size_bytes, content_type, stated_at),), at)


def put_payloads(user: User, provider: str, payloads: Sequence[RawPayload]) -> Stored:
    """Puts the bytes of all; `record_payloads` with what comes back makes the rows. Not inside a transaction."""
    at = timezone.now()
    packed = [payload.packed or pack(payload.data) for payload in payloads]
    _announce(user.pk, [one.sha256 for one in packed])
    storage.put_raws(user.pk, {one.sha256: one for one in packed}.values())
    puts = (
        _Put(it.kind, it.external_id, one.sha256, one.size_bytes, it.content_type, it.stated_at)
        for it, one in zip(payloads, packed, strict=True)
    )
    return Stored(user, provider, tuple(puts), at)


def record_payloads(
    stored: Stored,
    *,
    import_file: ImportFile | None = None,
    connection: Connection | None = None,
    request_urls: Sequence[str] = (),
) -> list[tuple[RawRecord, bool]]:
    """The record of each payload, in the order in which they were put, and whether it is new.

    `request_urls` tells of each, in that order, where it was fetched from, without secrets.

    Each import that brings a payload is a sighting of it. A connection has one sighting of it, which moves to the last
    time that it came, and counts again where it was withdrawn.

    Belongs into the caller's transaction; some 500 fit into 100 ms. The same payload twice is new once. Raises
    StoredTooLongAgo when more than half of SHORTEST_GRACE has passed since the bytes were put.
    """
    now = timezone.now()
    if now - stored.at > SHORTEST_GRACE / 2:
        raise StoredTooLongAgo(f"put at {stored.at:%H:%M:%S}, to be recorded at {now:%H:%M:%S}")
    import_id: int | None = import_file.pk if import_file else None
    # In order of their keys: two transactions with the same payloads then wait for each other and never deadlock.
    puts = {put.key: put for put in sorted(stored.puts, key=lambda put: put.key)}
    urls = {put.key: url for put, url in zip(stored.puts, request_urls, strict=False)}
    records = _records(stored, puts)
    new = puts.keys() - records.keys()
    RawRecord.objects.bulk_create(
        (
            RawRecord(
                user_id=stored.user.pk,
                provider=stored.provider,
                kind=put.kind,
                external_id=put.external_id,
                sha256=put.sha256,
                size_bytes=put.size_bytes,
                content_type=put.content_type,
                fetched_at=now,
                stated_at=put.stated_at,
                request_url=urls.get(key, ""),
                import_file_id=import_id,
            )
            for key, put in puts.items()
            if key in new
        ),
        ignore_conflicts=True,
    )
    records |= _records(stored, new)
    sightings = [
        RawSighting(
            user_id=stored.user.pk,
            raw_id=records[key].pk,
            import_file_id=import_id,
            connection_id=connection.pk if connection else None,
            seen_at=now,
            stated_at=put.stated_at,
        )
        for key, put in puts.items()
    ]
    if connection:
        RawSighting.objects.bulk_create(
            sightings,
            update_conflicts=True,
            unique_fields=["raw", "connection"],
            update_fields=["seen_at", "stated_at", "withdrawn_at"],
        )
    else:
        RawSighting.objects.bulk_create(sightings, ignore_conflicts=True)
    answer = []
    for put in stored.puts:
        answer.append((records[put.key], put.key in new))
        new.discard(put.key)
    return answer


def forget_raw(records: QuerySet[RawRecord]) -> int:
    """Removes the records, a few hundred a transaction, and leaves a tombstone for each object; how many went.

    Raises RestrictedError while something that was read from them hangs on one. The objects go with `sweep`.
    """
    forgotten = 0
    while batch := list(records.order_by("pk").values_list("pk", "user_id", "sha256")[:IN_ONE_QUERY]):
        with transaction.atomic():
            _bury({(owner_id, sha256) for _, owner_id, sha256 in batch})
            RawRecord.objects.filter(pk__in=[pk for pk, _, _ in batch]).delete()
        forgotten += len(batch)
    return forgotten


def forget_user_objects(user: User) -> None:
    """Has the sweeper remove every object of an account that is about to go: call it in the transaction that deletes.

    One tombstone stands for all of them, in the raw and in the stream storage; it does nothing while the user is there.
    """
    _bury({(user.pk, "")})


@dataclass(frozen=True)
class Forgotten:
    """What one slice of `forget_sightings`, or a `withdraw_sightings`, did.

    `to_read` are the records on which a source activity or a sleep now hangs instead: they must be read again.
    """

    done: bool
    raw_records: int = 0
    source_activities: int = 0
    activities: int = 0
    to_read: tuple[RawRecord, ...] = ()


@transaction.atomic
def forget_sightings(user: User, sightings: QuerySet[RawSighting], *, limit: int = 200) -> Forgotten:
    """Takes back one slice of these sightings, at most `limit` (up to 500), in one transaction; repeat till done.

    Records that nothing else brought go, the rest stays. What hung on a version that no longer counts hangs on the one
    that does now, and vanishes, with an activity that has no other source, where there is none.
    """
    lock(user)
    some = list(sightings.filter(user=user).select_related("raw").order_by("raw_id")[:limit])
    RawSighting.objects.filter(pk__in=[sighting.pk for sighting in some]).delete()
    told = _told_anew(user, [sighting.raw for sighting in some])
    gone = RawRecord.objects.filter(pk__in=[sighting.raw_id for sighting in some], sightings=None)
    return replace(told, done=len(some) < limit, raw_records=forget_raw(gone))


@transaction.atomic
def withdraw_sightings(user: User, sightings: Sequence[RawSighting], *, at: datetime) -> Forgotten:
    """Has these sightings count no longer, because the provider says that the records are no more; up to 500.

    The bytes stay. What hung on the records follows as in `forget_sightings`; `raw_records` counts those withdrawn.
    """
    lock(user)
    live = RawSighting.objects.filter(user=user, pk__in=[sighting.pk for sighting in sightings], withdrawn_at=None)
    count = live.update(withdrawn_at=at)
    return replace(_told_anew(user, [sighting.raw for sighting in sightings]), raw_records=count)


def _told_anew(user: User, records: Sequence[RawRecord]) -> Forgotten:
    """Has what hangs on other versions of these records than those that count follow them."""
    current = _current_versions(user, records)
    heirs: dict[int, RawRecord] = {}
    sources = _hang_anew(SourceActivity, user, current, heirs)
    sleeps = _hang_anew(SleepSession, user, current, heirs)
    SleepSession.objects.filter(pk__in=sleeps).delete()
    regrouped, gone = remove_sources(user, sources)
    # Whoever looks for records that were not read finds these, also when the caller dies before it has read them.
    Reading.objects.filter(raw__in=heirs).delete()
    return Forgotten(
        done=True, source_activities=gone, activities=len(regrouped.removed), to_read=tuple(heirs.values())
    )


@dataclass(frozen=True)
class Swept:
    """What a sweep did: objects that went, and objects that stay because a row names them again."""

    removed: int = 0
    kept: int = 0


def sweep(*, now: datetime | None = None, deadline: float | None = None) -> Swept:
    """Removes the objects of tombstones older than RAW_GRACE_S that no row of their owner names.

    Safe beside other sweepers and beside storers of the same bytes. `now` sweeps as at another moment; `deadline`, a
    value of `time.monotonic()`, ends it early.
    """
    oldest = (now or timezone.now()) - max(timedelta(seconds=settings.RAW_GRACE_S), SHORTEST_GRACE)
    ends = math.inf if deadline is None else deadline
    removed = _sweep_accounts(oldest, ends)
    kept = 0
    while time.monotonic() < ends:
        since, claimed_at = time.monotonic(), timezone.now()
        claimed = _claim(oldest, claimed_at)
        if not claimed:
            break
        named = _named(claimed)
        done = []
        for tombstone in claimed:
            if time.monotonic() - since > CLAIM.total_seconds() / 2:
                break
            if (tombstone.owner_id, tombstone.sha256) in named:
                kept += 1
            else:
                storage.raw_store().delete(f"{tombstone.owner_id}/{tombstone.sha256}")
                removed += 1
            done.append(tombstone.pk)
        # Only what is still ours: a record that was deleted meanwhile has made its tombstone young again.
        ours = Tombstone.objects.filter(claimed_at=claimed_at)
        ours.filter(pk__in=done).delete()
        ours.filter(pk__in=[tombstone.pk for tombstone in claimed]).update(claimed_at=None)
    return Swept(removed, kept)


ProblemKind = Literal["missing", "differs", "unreadable", "orphan"]


@dataclass(frozen=True)
class RawProblem:
    """Something wrong with one object of the raw storage; `records` are the ids of the rows that name it."""

    kind: ProblemKind
    key: str
    message: str
    records: tuple[int, ...] = ()

    @property
    def is_loss(self) -> bool:
        """Whether bytes that a row promises are not what it promises. An orphan loses nothing."""
        return self.kind != "orphan"


def verify(user: User | None = None, *, on_progress: Callable[[int], None] | None = None) -> Iterator[RawProblem]:
    """Hashes every stored payload again, of one user or of all: what is missing, differs or is named by no row.

    `on_progress` is told the plain bytes of each object that was looked at. Memory stays flat.
    """
    for owner_id, sha256, size_bytes in _objects(user):
        if problem := _problem_of(owner_id, sha256, size_bytes):
            yield problem
        if on_progress:
            on_progress(size_bytes)
    yield from _orphans(user)


def extent(user: User | None = None) -> tuple[int, int]:
    """How much `verify` has to look at: objects, and their plain bytes."""
    objects = _records_of(user).values("user_id", "sha256").annotate(size=Min("size_bytes"))
    told = objects.aggregate(count=Count("*"), total=Sum("size"))
    return told["count"], told["total"] or 0


# --- storing ----------------------------------------------------------------------------------
def _announce(owner_id: int, hashes: Sequence[str]) -> None:
    """Keeps every sweeper off these bytes from now on, and waits where one is removing them."""
    for some in _slices(sorted(set(hashes))):
        while True:
            now = timezone.now()
            tombstones = Tombstone.objects.filter(owner_id=owner_id, sha256__in=some)
            if not tombstones.exists():
                break
            free = tombstones.filter(Q(claimed_at=None) | Q(claimed_at__lt=now - CLAIM))
            free.update(deleted_at=now, claimed_at=None)
            if not tombstones.exclude(claimed_at=None).exists():
                break
            time.sleep(WAIT_S)


def _records(stored: Stored, keys: Collection[tuple[str, str, str]]) -> dict[tuple[str, str, str], RawRecord]:
    found = {}
    for some in _slices(sorted({sha256 for _, _, sha256 in keys})):
        for record in RawRecord.objects.filter(user=stored.user, provider=stored.provider, sha256__in=some):
            key = record.kind, record.external_id, record.sha256
            if key in keys:
                found[key] = record
    return found


# --- deleting ---------------------------------------------------------------------------------
def _bury(objects: Iterable[tuple[int, str]]) -> None:
    """Tombstones for these objects, young from now on."""
    Tombstone.objects.bulk_create(
        (Tombstone(owner_id=owner_id, sha256=sha256) for owner_id, sha256 in sorted(objects)),
        update_conflicts=True,
        unique_fields=["owner_id", "sha256"],
        update_fields=["deleted_at", "claimed_at"],
    )


def _current_versions(user: User, records: Sequence[RawRecord]) -> dict[RecordKey, RawRecord | None]:
    """For each of the records' keys the version that counts now; None where none is left."""
    current: dict[RecordKey, RawRecord | None] = {_key(record): None for record in records}
    for provider, kind in {(provider, kind) for provider, kind, _ in current}:
        external_ids = [it.external_id for it in records if (it.provider, it.kind) == (provider, kind)]
        for external_id, record in current_raws(user, provider, kind, external_ids).items():
            current[provider, kind, external_id] = record
    return current


def _hang_anew(
    model: type[SourceActivity | SleepSession],
    user: User,
    current: Mapping[RecordKey, RawRecord | None],
    heirs: dict[int, RawRecord],
) -> list[int]:
    """Moves the rows of `model` that hang on other versions to the current ones, which join `heirs`.

    Where a source activity's record is gone, one of another kind that speaks of the same activity takes its place until
    both are read again. Comes back with the ids of those for which none is left.
    """
    moved: dict[int, list[int]] = {}
    lost: dict[int, tuple[str, str]] = {}
    rows = model._default_manager.filter(user=user, raw__external_id__in={external_id for _, _, external_id in current})
    for row in rows.select_related("raw").only("pk", "raw"):
        if row.raw is None or (key := _key(row.raw)) not in current:
            continue
        heir = current[key]
        if heir is None:
            lost[row.pk] = row.raw.provider, row.raw.external_id
        elif heir.pk != row.raw_id:
            heirs[heir.pk] = heir
            moved.setdefault(heir.pk, []).append(row.pk)
    if lost and model is SourceActivity:
        others = _others(user, set(lost.values()))
        for pk, name in list(lost.items()):
            if other := others.get(name):
                heirs[other.pk] = other
                moved.setdefault(other.pk, []).append(pk)
                del lost[pk]
    for raw_id, pks in moved.items():
        model._default_manager.filter(pk__in=pks).update(raw=raw_id)
    return list(lost)


def _others(user: User, names: Collection[tuple[str, str]]) -> dict[tuple[str, str], RawRecord]:
    """By provider and external id a record that counts and could be read, of whatever kind."""
    found: dict[tuple[str, str], RawRecord] = {}
    for provider in sorted({provider for provider, _ in names}):
        for some in _slices(sorted(external_id for slug, external_id in names if slug == provider)):
            records = RawRecord.objects.filter(user=user, provider=provider, external_id__in=some, reading__problem="")
            records = records.annotate(told_at=TOLD_AT).filter(told_at__isnull=False)
            for record in records.order_by("-told_at", "-sha256", "kind"):
                found.setdefault((provider, record.external_id), record)
    return found


def _key(record: RawRecord) -> RecordKey:
    return record.provider, record.kind, record.external_id


@transaction.atomic
def _claim(oldest: datetime, at: datetime) -> list[Tombstone]:
    """The next tombstones, for this sweeper alone until CLAIM has passed."""
    free = Tombstone.objects.filter(Q(claimed_at=None) | Q(claimed_at__lt=at - CLAIM), deleted_at__lt=oldest)
    pks = list(free.exclude(sha256="").order_by("pk").values_list("pk", flat=True)[:SWEPT_AT_ONCE])
    free.filter(pk__in=pks).update(claimed_at=at)
    return list(Tombstone.objects.filter(pk__in=pks, claimed_at=at))


def _named(tombstones: Sequence[Tombstone]) -> set[tuple[int, str]]:
    """Those of the objects that a row names."""
    records = RawRecord.objects.filter(
        user_id__in={it.owner_id for it in tombstones}, sha256__in={it.sha256 for it in tombstones}
    )
    return set(records.values_list("user_id", "sha256"))


def _sweep_accounts(oldest: datetime, ends: float) -> int:
    """Empties the prefix of each deleted account in both storages; how many objects went."""
    removed = 0
    for tombstone in Tombstone.objects.filter(sha256="", deleted_at__lt=oldest):
        if not User.objects.filter(pk=tombstone.owner_id).exists():
            for store in (storage.raw_store(), storage.stream_store()):
                for key in list(store.keys(f"{tombstone.owner_id}/")):
                    if time.monotonic() > ends:
                        return removed
                    store.delete(key)
                    removed += 1
        tombstone.delete()
    return removed


# --- verifying --------------------------------------------------------------------------------
def _records_of(user: User | None) -> QuerySet[RawRecord]:
    return RawRecord.objects.filter(user=user) if user else RawRecord.objects.all()


def _objects(user: User | None) -> Iterator[tuple[int, str, int]]:
    """Every object that rows name, with its size in plain bytes; read page by page, so that no query stays open."""
    objects = _records_of(user).values_list("user_id", "sha256").annotate(size=Min("size_bytes"))
    objects = objects.order_by("user_id", "sha256")
    page = list(objects[:IN_ONE_QUERY])
    while page:
        yield from page
        owner_id, sha256, _ = page[-1]
        page = list(objects.filter(Q(user_id__gt=owner_id) | Q(user_id=owner_id, sha256__gt=sha256))[:IN_ONE_QUERY])


def _problem_of(owner_id: int, sha256: str, size_bytes: int) -> RawProblem | None:
    kind: ProblemKind
    try:
        with storage.open_raw(owner_id, sha256) as file:
            found = hashlib.sha256()
            while piece := file.read(storage.PIECE_BYTES):
                found.update(piece)
            size = file.tell()
        if (found.hexdigest(), size) == (sha256, size_bytes):
            return None
        kind, message = "differs", f"holds {size} bytes with sha256 {found.hexdigest()}, not {size_bytes}"
    except FileNotFoundError:
        kind, message = "missing", "is named by a row and not in the storage"
    except (OSError, ValueError) as error:
        kind, message = "unreadable", f"cannot be read: {error}"
    records = RawRecord.objects.filter(user=owner_id, sha256=sha256).order_by("pk").values_list("pk", flat=True)
    return RawProblem(kind, f"{owner_id}/{sha256}", message, tuple(records))


def _orphans(user: User | None) -> Iterator[RawProblem]:
    """Objects that no row names and no tombstone either."""
    keys = storage.raw_store().keys(f"{user.pk}/" if user else "")
    while some := list(islice(keys, IN_ONE_QUERY)):
        names = {PurePosixPath(key).name for key in some}
        known = set(RawRecord.objects.filter(sha256__in=names).values_list("user_id", "sha256"))
        known |= set(Tombstone.objects.filter(sha256__in=names).values_list("owner_id", "sha256"))
        gone = set(Tombstone.objects.filter(sha256="").values_list("owner_id", flat=True))
        known_keys = {f"{owner_id}/{sha256}" for owner_id, sha256 in known}
        for key in some:
            if key not in known_keys and key.partition("/")[0] not in map(str, gone):
                yield RawProblem("orphan", key, "is named by no row")


def _slices(items: Sequence[str]) -> Iterator[Sequence[str]]:
    for first in range(0, len(items), IN_ONE_QUERY):
        yield items[first : first + IN_ONE_QUERY]
