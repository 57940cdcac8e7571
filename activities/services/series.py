"""Writing the sample series: files first, then pointers, so that a reader sees the old series or the new one whole.

A chunk is one metric of one device in one UTC month. Small batches go to files of one UTC day instead, which are folded
into the month once their day is over. The month and the days of a series never overlap in time: whatever would is
merged into the month at once. So each sample's identity is checked in one file only, the one that it goes to.

Pointers move by compare and swap under a lock of their device: whoever prepared from chunks that are no longer what
they were prepares again.
"""

from __future__ import annotations

import hashlib
import time
from calendar import monthrange
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from activities.domain.reading import DeviceFacts, SampleTable
from activities.domain.series import Origins, Series, decode, encode, gathered, hidden, merge, without
from activities.models import Device, SampleChunk, SourceActivity
from trainstack.accounts.models import User
from trainstack.storage import stream_store

# A batch of at most so many days and rows is what a phone pushes, not what an export tells.
SMALL_BATCH_DAYS = 3
SMALL_BATCH_ROWS = 50_000
# Pointers that one transaction of the jobs below moves, and how often they try what other writers spoil.
POINTERS = 100
ATTEMPTS = 5
# A file that was just written may not have its pointer yet, whatever the operator's grace time.
LEAST_GRACE_S = 15 * 60

KEY_LENGTH = 200
DAY_MS = 24 * 3600 * 1000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MONTH, DAY = SampleChunk.Period.MONTH, SampleChunk.Period.DAY

T = TypeVar("T")


class StaleChunk(Exception):  # noqa: N818
    """Another writer moved a pointer since the files were prepared: give up the transaction and prepare again."""


@dataclass(frozen=True)
class Written:
    """What became of the rows of one metric: `stored` + `duplicates` are the rows that were added.

    First and last are the earliest and the latest start of all rows told; `months` ("2026-05", UTC) those that changed.
    """

    stored: int
    duplicates: int
    first_ms: int
    last_ms: int
    months: frozenset[str]


class Place(NamedTuple):
    """Where a chunk belongs; the device by its key."""

    provider: str
    device: str
    metric: str
    period: str
    start: date


class File(NamedTuple):
    """What a chunk's row says of its file."""

    sha256: str
    size_bytes: int
    rows: int
    first_ms: int
    last_ms: int
    origins: Origins


class Pointer(NamedTuple):
    """A chunk's row as it was read."""

    id: int
    file: File


# The chunks of each series in each month (told by the place of the month's chunk), as they were read.
Seen = Mapping[Place, Mapping[Place, Pointer]]


class Move(NamedTuple):
    """One pointer from what it was to what it is to be; None is "no row"."""

    place: Place
    before: Pointer | None
    after: File | None


@dataclass(frozen=True)
class Prepared:
    """Files that are written, and the pointers that are to move to them."""

    seen: Seen
    moves: tuple[Move, ...]
    written: Mapping[str, Written]
    devices: tuple[DeviceFacts, ...]
    tables: int


@dataclass(frozen=True)
class Step:
    """One chunk, or a month's with those of its days: what is there, and what comes new."""

    place: Place
    there: Pointer | None
    days: Mapping[date, Pointer] = field(default_factory=dict)
    new: Series | None = None


@dataclass
class Outcome:
    """What a step comes to: moves, files to write, samples gained, and whether any sample changed."""

    moves: list[Move] = field(default_factory=list)
    objects: list[tuple[str, bytes]] = field(default_factory=list)
    gained: int = 0
    changed: bool = False


class SampleWriter:
    """Adds samples to the series of one user and provider.

    `add` what a stretch of a file told, `prepare` (writes files, outside any transaction), then `commit` inside the
    transaction that moves the reader's cursor. Use one writer a checkpoint to read ahead while another one prepares.
    """

    def __init__(self, user: User, provider: str) -> None:
        self.user = user
        self.provider = provider
        self._tables: list[tuple[SampleTable, int]] = []

    @property
    def rows(self) -> int:
        """Rows added and not committed yet."""
        return sum(len(table.columns) for table, _ in self._tables)

    def add(self, table: SampleTable, origin: int) -> None:
        """Add samples that the raw record of this id told."""
        if len(table.columns):
            self._tables.append((table, origin))

    def prepare(self) -> Prepared:
        """Write the files of every chunk that the rows belong to. Reads the database, writes nothing to it."""
        tables = list(self._tables)
        told: dict[tuple[str, str], list[tuple[pa.Table, int]]] = defaultdict(list)
        for table, origin in tables:
            told[table.device.key[:KEY_LENGTH], table.metric].append((table.columns, origin))
        series = {key: gathered(pieces) for key, pieces in told.items()}
        parts = {
            Place(self.provider, device, metric, MONTH, month): part
            for (device, metric), one in series.items()
            for month, part in _by_period(one, "M")
        }
        seen, outcomes = self._outcomes(parts, small=_is_small(series.values()))
        added = {key: sum(len(columns) for columns, _ in pieces) for key, pieces in told.items()}
        return Prepared(
            seen=seen,
            moves=tuple(move for outcome in outcomes.values() for move in outcome.moves),
            written={metric: _written(metric, series, added, outcomes) for _, metric in sorted(series)},
            devices=tuple(_joint_facts(table.device for table, _ in tables).values()),
            tables=len(tables),
        )

    def commit(self, prepared: Prepared) -> Mapping[str, Written]:
        """Move the pointers, inside the caller's transaction; what became of the rows, by metric.

        Raises StaleChunk if another writer was quicker: the transaction must be given up then.
        """
        devices = resolve_devices(self.user, self.provider, prepared.devices)
        ids = {(self.provider, key): device.pk for key, device in devices.items()}
        _move(self.user, ids, prepared.seen, prepared.moves)
        del self._tables[: prepared.tables]
        return prepared.written

    def _outcomes(self, parts: Mapping[Place, Series], *, small: bool) -> tuple[Seen, dict[Place, Outcome]]:
        for attempt in range(ATTEMPTS):
            seen = _seen(self.user, parts)
            steps = [Step(place, seen[place].get(place), _days(seen[place]), part) for place, part in parts.items()]
            try:
                outcomes = _carry_out(self.user.pk, steps, lambda work, step: work.add(step, small=small))
            except FileNotFoundError:
                # Another writer has moved a pointer just now, and the sweeper took the file that it left.
                if attempt == ATTEMPTS - 1:
                    raise
            else:
                break
        return seen, dict(zip(parts, outcomes, strict=True))


def resolve_devices(user: User, provider: str, facts: Iterable[DeviceFacts]) -> dict[str, Device]:
    """The devices of these facts by key, made where new. What is known of one only grows, in any order alike."""
    told = _joint_facts(facts)
    rows = Device.objects.filter(user=user, provider=provider, key__in=told)
    known = {device.key: device for device in rows}
    missing = [fact for key, fact in told.items() if key not in known]
    if missing:
        made = [Device(user=user, provider=provider, key=fact.key, name=fact.name) for fact in missing]
        Device.objects.bulk_create(made, ignore_conflicts=True)
        known = {device.key: device for device in rows.all()}
    grown = []
    for key, fact in told.items():
        device = known[key]
        joint = _joint_facts([fact, _facts_of(device)])[key]
        if joint != _facts_of(device):
            for name in _FACTS:
                setattr(device, name, getattr(joint, name))
            grown.append(device)
    if grown:
        Device.objects.bulk_update(grown, _FACTS)
    return known


def remove_origin(user: User, origin: int, *, deadline: float | None = None) -> bool:
    """Take away what only this raw record told; whether all is done, or the deadline (`time.monotonic()`) came first.

    Devices that are left without anything go too. Safe to repeat.
    """

    def told() -> list[Place]:
        chunks = SampleChunk.objects.filter(user=user)
        return [place for place, pointer in _pointers(chunks).items() if _tells(pointer.file, origin)]

    def steps(places: Sequence[Place], seen: Seen) -> list[Step]:
        pointers = {place: pointer for month in seen.values() for place, pointer in month.items()}
        return [Step(place, pointers[place]) for place in places if place in pointers]

    done = _in_slices(user, told, steps, lambda work, step: work.remove(step, origin), deadline)
    if done:
        idle = Device.objects.filter(user=user, chunks=None, sleep_sessions=None, daily_metrics=None)
        # Unless an import has just given one of them samples.
        with suppress(IntegrityError), transaction.atomic():
            idle.delete()
    return done


def fold_days(user: User | None = None, *, today: date | None = None, deadline: float | None = None) -> bool:
    """Fold the files of UTC days that are over into their months; whether all is done before the deadline."""
    over = SampleChunk.objects.filter(period=DAY, start__lt=today or datetime.now(UTC).date())
    owners = User.objects.filter(pk__in=over.values("user")) if user is None else [user]
    return all(_fold_days_of(owner, over.filter(user=owner), deadline) for owner in owners)


def _fold_days_of(user: User, over: QuerySet[SampleChunk], deadline: float | None) -> bool:
    def steps(places: Sequence[Place], seen: Seen) -> list[Step]:
        return [
            Step(month, there.get(month), {place.start: there[place] for place in places if place in there})
            for month, there in seen.items()
        ]

    return _in_slices(user, lambda: list(_pointers(over)), steps, lambda work, step: work.fold(step), deadline)


def sweep_streams(*, now: float | None = None, deadline: float | None = None) -> int:
    """Remove the columnar files that no row has named for the grace time; how many those were."""
    store = stream_store()
    oldest = (time.time() if now is None else now) - max(settings.RAW_GRACE_S, LEAST_GRACE_S)
    removed = store.sweep()
    for keys in _batches(store.keys(), 500):
        if deadline is not None and time.monotonic() > deadline:
            break
        for key in sorted(set(filter(_is_columnar, keys)) - _named(keys)):
            # Its age comes last: a writer that is about to name it has made it young before.
            with suppress(FileNotFoundError):
                if store.modified(key) < oldest:
                    store.delete(key)
                    removed += 1
    return removed


def _is_columnar(key: str) -> bool:
    parts = key.split("/")
    return len(parts) == 3 and parts[1] in ("samples", "activities")


def _named(keys: Sequence[str]) -> set[str]:
    hashes = {key.rpartition("/")[2] for key in keys}
    chunks = SampleChunk.objects.filter(sha256__in=hashes)
    activities = SourceActivity.objects.filter(streams_sha256__in=hashes)
    return {chunk.storage_key for chunk in chunks.only("user_id", "sha256")} | {
        activity.streams_key for activity in activities.only("user_id", "streams_sha256")
    }


# --- files --------------------------------------------------------------------------------------
class _Work:
    """What is done to the series of one user, away from the database."""

    def __init__(self, user_id: int) -> None:
        self.user_id = user_id
        self.storage = stream_store()

    def add(self, step: Step, *, small: bool) -> Outcome:
        """The new rows beside what is there: in the month, or in files of their days."""
        assert step.new is not None
        outcome = Outcome()
        if small and not (step.there and _overlap(step.there.file, step.new)):
            for day, rows in _by_period(step.new, "D"):
                self._add(outcome, step.place._replace(period=DAY, start=day), step.days.get(day), rows)
        elif step.days:
            before = self._load(step.there, *step.days.values())
            after = merge(before, step.new)
            outcome.gained = self._store(outcome, step.place, step.there, after) - _shown(before)
            outcome.changed = not after.same_rows(before)
            outcome.moves += _gone(step)
        else:
            self._add(outcome, step.place, step.there, step.new)
        return outcome

    def remove(self, step: Step, origin: int) -> Outcome:
        """The chunk without what only that raw record told."""
        assert step.there is not None
        outcome = Outcome()
        file = step.there.file
        left = tuple(tuple(raw_id for raw_id in members if raw_id != origin) for members in file.origins)
        if all(left) and len(set(left)) == len(left):
            outcome.moves.append(Move(step.place, step.there, file._replace(origins=left)))
        else:
            self._store(outcome, step.place, step.there, without(self._load(step.there), origin))
        return outcome

    def fold(self, step: Step) -> Outcome:
        """The days merged into their month."""
        outcome = Outcome(moves=_gone(step))
        self._store(outcome, step.place, step.there, self._load(step.there, *step.days.values()))
        return outcome

    def _add(self, outcome: Outcome, place: Place, there: Pointer | None, new: Series) -> None:
        """Add rows to one chunk. If they are those that it holds already, its file stays."""
        if there is None:
            outcome.gained += self._store(outcome, place, None, new)
            outcome.changed = True
            return
        file = there.file
        # Equal rows make equal bytes, so a file of one origin need not even be read.
        alike = len(file.origins) == len(new.origins) == 1 and _extent(new) == (file.rows, file.first_ms, file.last_ms)
        if alike and _sha256(encode(new)) == file.sha256:
            origins = (_union(file.origins[0], new.origins[0]),)
            if origins != file.origins:
                outcome.moves.append(Move(place, there, file._replace(origins=origins)))
            return
        before = self._load(there)
        after = merge(before, new)
        outcome.gained += self._store(outcome, place, there, after) - file.rows
        outcome.changed |= not after.same_rows(before)

    def _load(self, *pointers: Pointer | None) -> Series:
        files = [pointer.file for pointer in pointers if pointer]
        return merge(*(decode(self.storage.read(self._key(file.sha256)), file.origins) for file in files))

    def _store(self, outcome: Outcome, place: Place, before: Pointer | None, series: Series) -> int:
        """Note the file of a series and the move to it; how many rows it shows."""
        if not len(series):
            outcome.moves.append(Move(place, before, None))
            return 0
        data = encode(series)
        file = File(_sha256(data), len(data), *_extent(series), series.origins)
        if before is None or file != before.file:
            outcome.moves.append(Move(place, before, file))
            outcome.objects.append((self._key(file.sha256), data))
        return file.rows

    def _key(self, sha256: str) -> str:
        return f"{self.user_id}/samples/{sha256}"


def _carry_out(user_id: int, steps: Sequence[Step], do: Callable[[_Work, Step], Outcome]) -> list[Outcome]:
    """Do the steps and write their files."""
    work = _Work(user_id)
    outcomes = [do(work, step) for step in steps]
    work.storage.put_many(item for outcome in outcomes for item in outcome.objects)
    return outcomes


def _in_slices(
    user: User,
    places: Callable[[], list[Place]],
    steps: Callable[[Sequence[Place], Seen], list[Step]],
    do: Callable[[_Work, Step], Outcome],
    deadline: float | None,
) -> bool:
    """Do the steps for these chunks, some in each transaction, until none is left; False once the deadline is over."""
    for _ in range(ATTEMPTS):
        for piece in _batches(sorted(places(), key=lambda place: place.start), POINTERS):
            if deadline is not None and time.monotonic() > deadline:
                return False
            devices = Device.objects.filter(user=user, key__in={place.device for place in piece})
            with suppress(StaleChunk, FileNotFoundError):
                seen = _seen(user, piece)
                moves = [move for outcome in _carry_out(user.pk, steps(piece, seen), do) for move in outcome.moves]
                with transaction.atomic():
                    _move(user, {(device.provider, device.key): device.pk for device in devices}, seen, moves)
        if not places():
            return True
    return False


# --- pointers -----------------------------------------------------------------------------------
def _pointers(chunks: QuerySet[SampleChunk]) -> dict[Place, Pointer]:
    rows = chunks.values_list(
        *("provider", "device__key", "metric", "period", "start", "pk"),
        *("sha256", "size_bytes", "rows", "first_at", "last_at", "origins"),
    )
    return {
        Place(*place): Pointer(pk, File(sha256, size_bytes, count, _ms(first_at), _ms(last_at), _frozen(origins)))
        for *place, pk, sha256, size_bytes, count, first_at, last_at, origins in rows
    }


def _seen(user: User, places: Iterable[Place]) -> dict[Place, dict[Place, Pointer]]:
    """The chunks of the series and months of these places."""
    seen: dict[Place, dict[Place, Pointer]] = {_month_of(place): {} for place in places}
    if seen:
        chunks = SampleChunk.objects.filter(
            user=user,
            provider__in={month.provider for month in seen},
            metric__in={month.metric for month in seen},
            start__gte=min(month.start for month in seen),
            start__lte=_last_day(max(month.start for month in seen)),
        )
        for place, pointer in _pointers(chunks).items():
            if (month := _month_of(place)) in seen:
                seen[month][place] = pointer
    return seen


def _month_of(place: Place) -> Place:
    return place._replace(period=MONTH, start=place.start.replace(day=1))


def _last_day(month: date) -> date:
    return month.replace(day=monthrange(month.year, month.month)[1])


def _days(there: Mapping[Place, Pointer]) -> dict[date, Pointer]:
    return {place.start: pointer for place, pointer in there.items() if place.period == DAY}


def _move(user: User, devices: Mapping[tuple[str, str], int], seen: Seen, moves: Sequence[Move]) -> None:
    """Compare and swap, all or none; raises StaleChunk."""
    ids = {devices[month.provider, month.device] for month in seen if (month.provider, month.device) in devices}
    # Also keeps another writer from adding a chunk to these series between the comparison and the commit.
    list(Device.objects.filter(pk__in=ids).order_by("pk").select_for_update(no_key=True).values_list("pk"))
    if _seen(user, seen) != seen:
        raise StaleChunk
    gone = [move.before.id for move in moves if move.before and move.after is None]
    for pks in _batches(gone, 500):
        SampleChunk.objects.filter(user=user, pk__in=pks).delete()

    def chunks(*, new: bool) -> list[SampleChunk]:
        return [
            SampleChunk(
                user_id=user.pk,
                provider=move.place.provider,
                device_id=devices[move.place.provider, move.place.device],
                metric=move.place.metric,
                period=move.place.period,
                start=move.place.start,
                sha256=move.after.sha256,
                size_bytes=move.after.size_bytes,
                rows=move.after.rows,
                first_at=_at(move.after.first_ms),
                last_at=_at(move.after.last_ms),
                origins=move.after.origins,
            )
            for move in moves
            if move.after and (move.before is None) == new
        ]

    place = ["device", "metric", "period", "start"]
    facts = ["sha256", "size_bytes", "rows", "first_at", "last_at", "origins"]
    SampleChunk.objects.bulk_create(chunks(new=False), update_conflicts=True, unique_fields=place, update_fields=facts)
    SampleChunk.objects.bulk_create(chunks(new=True))


def _gone(step: Step) -> list[Move]:
    return [
        Move(step.place._replace(period=DAY, start=day), pointer, None) for day, pointer in sorted(step.days.items())
    ]


# --- devices ------------------------------------------------------------------------------------
_FACTS = ("name", "kind", "manufacturer", "model", "hardware")


def _joint_facts(facts: Iterable[DeviceFacts]) -> dict[str, DeviceFacts]:
    """The facts by key, cut to their columns' lengths. Of what differs the last in the alphabet stays."""
    joint: dict[str, DeviceFacts] = {}
    for fact in facts:
        known = joint.get(fact.key[:KEY_LENGTH], fact)
        kinds = {known.kind, fact.kind} - {Device.Kind.UNKNOWN.value}
        joint[fact.key[:KEY_LENGTH]] = DeviceFacts(
            key=fact.key[:KEY_LENGTH],
            name=max(known.name[:200], fact.name[:200]),
            kind=max(kinds, default=Device.Kind.UNKNOWN.value),
            manufacturer=max(known.manufacturer[:80], fact.manufacturer[:80]),
            model=max(known.model[:80], fact.model[:80]),
            hardware=max(known.hardware[:80], fact.hardware[:80]),
        )
    return joint


def _facts_of(device: Device) -> DeviceFacts:
    return DeviceFacts(device.key, device.name, device.kind, device.manufacturer, device.model, device.hardware)


# --- rows ---------------------------------------------------------------------------------------
def _by_period(series: Series, period: str) -> Iterator[tuple[date, Series]]:
    """The series by UTC month ("M") or day ("D") of start."""
    first, last = series.start_ms[[0, -1]].astype("datetime64[ms]").astype(f"datetime64[{period}]")
    starts = np.arange(first, last + 1)
    bounds = np.append(np.searchsorted(series.start_ms, starts.astype("datetime64[ms]").astype(np.int64)), len(series))
    for index in np.flatnonzero(np.diff(bounds)).tolist():
        yield starts[index].astype("datetime64[D]").item(), series.part(bounds[index], bounds[index + 1])


def _overlap(file: File, series: Series) -> bool:
    return bool(series.start_ms[0] <= file.last_ms and series.start_ms[-1] >= file.first_ms)


def _shown(series: Series) -> int:
    return len(series) - int(hidden(series).sum())


def _extent(series: Series) -> tuple[int, int, int]:
    """Samples shown, first start and last moment in ms."""
    return _shown(series), int(series.start_ms[0]), int(max(series.start_ms[-1], series.end_ms.max()))


def _is_small(series: Collection[Series]) -> bool:
    if not series:
        return True
    length_ms = max(int(one.start_ms[-1]) for one in series) - min(int(one.start_ms[0]) for one in series)
    return length_ms < SMALL_BATCH_DAYS * DAY_MS and sum(map(len, series)) <= SMALL_BATCH_ROWS


def _written(
    metric: str,
    series: Mapping[tuple[str, str], Series],
    added: Mapping[tuple[str, str], int],
    outcomes: Mapping[Place, Outcome],
) -> Written:
    mine = [one for (_, name), one in series.items() if name == metric]
    outcomes = {place: outcome for place, outcome in outcomes.items() if place.metric == metric}
    # A row that hides others, since it tells them in another unit, can leave fewer to be seen.
    stored = max(0, sum(outcome.gained for outcome in outcomes.values()))
    return Written(
        stored=stored,
        duplicates=sum(rows for (_, name), rows in added.items() if name == metric) - stored,
        first_ms=min(int(one.start_ms[0]) for one in mine),
        last_ms=max(int(one.start_ms[-1]) for one in mine),
        months=frozenset(f"{place.start:%Y-%m}" for place, outcome in outcomes.items() if outcome.changed),
    )


def _tells(file: File, origin: int) -> bool:
    return any(origin in members for members in file.origins)


def _union(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted({*one, *other}))


def _frozen(origins: Iterable[Iterable[int]]) -> Origins:
    return tuple(tuple(members) for members in origins)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _ms(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(milliseconds=1)


def _at(ms: int) -> datetime:
    return EPOCH + timedelta(milliseconds=ms)


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    items = iter(items)
    while batch := list(islice(items, size)):
        yield batch
