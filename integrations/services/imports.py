"""Imports: a file that a person brought is kept whole, read piece by piece, and can be taken back as one.

The file goes into the raw storage first, then come the rows, then the nudge. A run reads it from its cursor on. Each
checkpoint writes files, then commits records, activities, sample pointers and the cursor in one short transaction: a
worker that dies leaves everything before its last checkpoint and nothing of what came after.
"""

from __future__ import annotations

import copy
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from activities.domain.parsed import Problem
from activities.domain.reading import Batch, RawPayload
from activities.formats.container import BadFile, Container, Limits, open_file
from activities.models import RawRecord
from activities.services import raw
from activities.services.ingest import Told, ingest
from activities.services.series import SampleWriter, StaleChunk
from activities.services.telling import tell
from integrations import apart
from integrations.base import UNREADABLE, Provider, Reader
from integrations.files import CONTENT_TYPES, FILE_KINDS
from integrations.models import Import, SyncRun
from integrations.registry import FILE, PROVIDERS, reader_of
from integrations.services import following, runs
from integrations.services.reading import UNREAD, Reading, read_hashes, told_of
from integrations.services.report import MAX_FILES, Report, Tally, report_from
from integrations.services.runs import Failed, Lease, Work
from trainstack.accounts.models import User
from trainstack.memory import trim, uncollected
from trainstack.second import Second
from trainstack.storage import PIECE_BYTES, digest, open_raw

# What is read at most before it is written: rows of samples, payloads and their bytes, bytes of the file. They bound
# what is held in memory and what a killed worker has to read again.
CHECKPOINT_ROWS = 160_000
CHECKPOINT_SAMPLE_BYTES = 6 << 20
# The payloads of one checkpoint are written in one transaction, which is to take less than 100 ms.
CHECKPOINT_PAYLOADS = 32
CHECKPOINT_PAYLOAD_BYTES = 6 << 20
CHECKPOINT_BYTES = 64 << 20
# From so many bytes on, unpacked, a file is read by a second process: it takes a third of a second to start.
LARGE_BYTES = 64 << 20
# A file of which nothing comes for so long is given up.
SILENCE_S = 600
# How often a checkpoint whose chunks another writer moved is prepared again.
MAX_PREPARATIONS = 5


class TooLarge(ValueError):  # noqa: N818
    """The file is larger than this server takes; the message is a sentence for a person."""


class NotNow(ValueError):  # noqa: N818
    """What was asked cannot be done in the import's present state; the message says why."""


# --- what a person does ---------------------------------------------------------------------


def receive(
    user: User,
    *,
    name: str,
    source: Path | IO[bytes] | Any,
    brought_by: str = "upload",
    provider: str = "",
    run_now: bool = False,
) -> Import:
    """Keep the file and have it read; the import, at once. Not inside a transaction.

    The same bytes while they are still being read are the same import. A file that nobody can read becomes a failed
    import that says why. `provider` is whose the files in it are where neither archive nor file tells. `run_now` leaves
    the reading to the caller (`runs.work_through`). Raises TooLarge.
    """
    name = _clean(name)
    with _as_file(source) as (path, owned):
        size_bytes = path.stat().st_size
        if size_bytes > settings.IMPORT_MAX_UPLOAD_BYTES:
            most = settings.IMPORT_MAX_UPLOAD_BYTES
            raise TooLarge(f"{name} has {size_bytes:,} bytes; this server takes files of up to {most:,} bytes.")
        sha256, _ = digest(path)
        if already := _open_import(user, sha256):
            return already
        look = _look(path, name)
        stored = raw.put_file(
            user,
            look.provider or UNREAD,
            look.kind,
            sha256,
            path,
            look.content_type,
            stated_at=look.stated_at,
            owned=owned,
        )
    with transaction.atomic():
        User.objects.select_for_update().only("pk").get(pk=user.pk)
        if already := _open_import(user, sha256):
            return already
        import_file = Import.objects.create(
            user=user,
            name=name,
            sha256=sha256,
            size_bytes=size_bytes,
            provider=look.provider,
            chosen_provider=provider,
            brought_by=brought_by,
        )
        ((_, created),) = raw.record_payloads(stored, import_file=import_file)
        tally = Tally(raw=[int(created), int(not created)], bytes=size_bytes)
        if look.problem:
            tally.add_problems([Problem(name, look.problem)])
            set_state(import_file, Import.State.FAILED, report_from(tally, seconds=0))
        else:
            runs.start(
                user, kind=SyncRun.Kind.IMPORT, import_file=import_file, counts=tally.as_json(), nudge=not run_now
            )
    return import_file


def can_cancel(import_file: Import) -> bool:
    """Whether there is reading that can be stopped; once all is read there is only rolling back."""
    run = _open_run(import_file, SyncRun.Kind.IMPORT)
    return bool(run and not run.cancel_requested and run.cursor.get("phase", "read") == "read")


def cancel(import_file: Import) -> Import:
    """Stop reading at the next checkpoint. What was read stays, is made whole, and can be rolled back."""
    run = _open_run(import_file, SyncRun.Kind.IMPORT)
    if run:
        runs.cancel(run)
    import_file.refresh_from_db()
    return import_file


def can_roll_back(import_file: Import) -> bool:
    """Whether the import can be taken back now."""
    return import_file.state in (Import.State.FINISHED, Import.State.CANCELLED, Import.State.FAILED)


def roll_back(import_file: Import) -> Import:
    """Take back what this import alone brought. Raises NotNow while it is still being read."""
    with transaction.atomic():
        User.objects.select_for_update().only("pk").get(pk=import_file.user_id)
        import_file.refresh_from_db()
        if import_file.state in (Import.State.ROLLING_BACK, Import.State.ROLLED_BACK):
            return import_file
        if not can_roll_back(import_file):
            raise NotNow(f"{import_file.name} is still being read. Cancel it first.")
        set_state(import_file, Import.State.ROLLING_BACK)
        runs.start(import_file.user, kind=SyncRun.Kind.ROLLBACK, import_file=import_file)
    return import_file


def report_of(import_file: Import) -> Report | None:
    """What came in; None before the end."""
    return Report.from_json(import_file.report) if import_file.report else None


# --- receiving ------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Look:
    """What a file is by its bytes; `provider` is empty and `problem` a sentence where nobody reads it."""

    provider: str
    kind: str
    content_type: str
    stated_at: Any = None
    problem: str = ""


def _look(path: Path, name: str) -> _Look:
    try:
        with open_file(path, name, limits()) as container:
            content_type = _CONTENT_TYPES.get(container.kind, "application/octet-stream")
            found = reader_of(container)
            if found:
                provider, reader = found
                return _Look(provider.slug, "export", content_type, reader.stated_at(container))
            return _Look("", "file", content_type, problem=unknown(name, container))
    except BadFile as error:
        return _Look("", "file", "application/octet-stream", problem=str(error))


_CONTENT_TYPES = {
    "zip": "application/zip",
    "gzip": "application/gzip",
    "xml": "application/xml",
    **CONTENT_TYPES,
}


def unknown(name: str, container: Container) -> str:
    """The sentence for a file that no provider knows."""
    known = sorted({reader.name for provider in PROVIDERS.values() for reader in provider.readers})
    inside = "" if container.kind != "zip" else f" Inside are {len(container.members)} files, none of which is one."
    return f"{name} is not a file that TrainStack reads: {', '.join(known[:-1])} or {known[-1]}.{inside}"


def limits() -> Limits:
    """What unpacking may cost on this server."""
    return Limits(
        max_member_bytes=settings.IMPORT_MAX_MEMBER_BYTES,
        max_total_bytes=settings.IMPORT_MAX_TOTAL_BYTES,
        max_members=settings.IMPORT_MAX_MEMBERS,
        max_ratio=settings.IMPORT_MAX_RATIO,
    )


def _clean(name: str) -> str:
    """A file's bare name, in printable characters."""
    bare = name.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
    return "".join(letter for letter in bare if letter.isprintable()).strip()[:255] or "file"


@contextmanager
def _as_file(source: Path | IO[bytes] | Any) -> Iterator[tuple[Path, bool]]:
    """The source as a path, and whether nobody else will write to it."""
    if isinstance(source, Path):
        yield source, False
        return
    if hasattr(source, "temporary_file_path"):
        yield Path(source.temporary_file_path()), True
        return
    with tempfile.NamedTemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR, prefix="brought-") as file:
        source.seek(0)
        shutil.copyfileobj(source, file, PIECE_BYTES)
        file.flush()
        yield Path(file.name), True


def _open_import(user: User, sha256: str) -> Import | None:
    reading = (Import.State.WAITING, Import.State.READING)
    return Import.objects.filter(user=user, sha256=sha256, state__in=reading).order_by("pk").first()


def _open_run(import_file: Import, kind: str) -> SyncRun | None:
    return SyncRun.objects.filter(import_file=import_file, kind=kind, state__in=runs.OPEN).order_by("-pk").first()


def set_state(import_file: Import, state: str, report: Report | None = None) -> None:
    """Write the import's state, and at an end when that was and what came in."""
    import_file.state = state
    is_end = state not in (Import.State.READING, Import.State.ROLLING_BACK)
    import_file.finished_at = timezone.now() if is_end else None
    changed = ["state", "finished_at"]
    if report:
        import_file.report = report.as_json()
        changed.append("report")
    import_file.save(update_fields=changed)


# --- reading --------------------------------------------------------------------------------


def _step_reading(lease: Lease) -> None:
    """One slice: read from the cursor on, then work out what follows, then close."""
    run = lease.run
    with Second() as second:
        if run.cursor.get("phase", "read") == "read" and not _read(lease, second):
            return
        tally = Tally.of(run.counts)
        whose = tally.providers.keys() & PROVIDERS.keys() | {_import_of(run).provider}
        if tally.bytes >= LARGE_BYTES and _may_take_another(lease):
            second.start()
        if following.follow(lease, [PROVIDERS[slug] for slug in sorted(whose)], second):
            cancelled = Tally.of(run.counts).cancelled
            lease.finish(SyncRun.State.CANCELLED if cancelled else SyncRun.State.FINISHED)


def _may_take_another(lease: Lease) -> bool:
    """Whether a second process may help; after an attempt that got nowhere everything is done in this one."""
    return lease.run.attempts <= 1


def _reading_ended(run: SyncRun) -> None:
    """The import as its run ended."""
    import_file = _import_of(run)
    tally = Tally.of(run.counts)
    if run.state == SyncRun.State.FAILED:
        tally.problems.insert(0, [import_file.name, run.error, 1])
        tally.problems_total += 1
    state = {
        SyncRun.State.FINISHED.value: Import.State.FINISHED,
        SyncRun.State.CANCELLED.value: Import.State.CANCELLED,
        SyncRun.State.FAILED.value: Import.State.FAILED,
    }[run.state]
    set_state(import_file, state, report_from(tally, seconds=run.busy_s))


def _import_of(run: SyncRun) -> Import:
    assert run.import_file is not None
    return run.import_file


def _reading_reopened(run: SyncRun) -> None:
    set_state(_import_of(run), Import.State.READING)


READING = Work(step=_step_reading, ended=_reading_ended, reopened=_reading_reopened)


def _read(lease: Lease, second: Second) -> bool:
    """Read on; whether all is read (or the person asked to stop) and the next phase begins."""
    run = lease.run
    import_file = _import_of(run)
    tally = Tally.of(run.counts)
    if import_file.state == Import.State.WAITING:
        set_state(import_file, Import.State.READING)
    try:
        with (
            open_raw(run.user_id, import_file.sha256) as file,
            open_file(file, import_file.name, limits()) as container,
        ):
            found = reader_of(container)
            if found is None:
                raise Failed(unknown(import_file.name, container))
            job = _Job(lease, import_file, *found)
            if not run.cursor:
                tally.add_problems(container.problems)
            if _may_take_another(lease) and apart.reads_apart(job.reader) and _is_large(container):
                batches = _read_apart(job, second, file, container)
            else:
                batches = job.reader.read(container, cursor=run.cursor.get("at"))
            with closing(batches):  # type: ignore[type-var]
                for some in _portions(batches, lease):
                    tally = job.store(some, tally)
                    trim()
                    if run.cancel_requested:
                        tally.cancelled = True
                        break
                    if lease.time_is_up:
                        return False
    except BadFile as error:
        raise Failed(str(error)) from error
    whose = tally.providers.keys() & PROVIDERS.keys() | {job.provider.slug}
    following.plan(lease, [PROVIDERS[slug] for slug in sorted(whose)], tally)
    return True


def _is_large(container: Container) -> bool:
    return sum(member.size for member in container.members) >= LARGE_BYTES


def _read_apart(job: _Job, second: Second, file: IO[bytes], container: Container) -> Iterator[Batch]:
    """The batches as the second process reads them; keeps the lease while none comes."""
    lease, heard = job.lease, time.monotonic()

    def waiting() -> None:
        if time.monotonic() - heard > SILENCE_S:
            raise Failed("The file could not be read on: nothing came of it for ten minutes.")
        lease.renew()

    at = lease.run.cursor.get("at")
    parses = job.provider.parse if job.provider.streams_from_samples else {}
    known = read_hashes(job.user, job.provider) if parses else frozenset()
    second.start(file)
    answers = second.ask(apart.read, file.fileno(), container.name, limits(), job.reader, at, parses, known)
    for batch in answers.each(settings.RUN_LEASE_S / 3, waiting):
        yield batch
        heard = time.monotonic()


def _rows(batches: Sequence[Batch]) -> int:
    return sum(len(table.columns) for batch in batches for table in batch.samples)


def _sample_bytes(batches: Sequence[Batch]) -> int:
    return sum(table.columns.nbytes for batch in batches for table in batch.samples)


def _portions(batches: Iterator[Batch], lease: Lease) -> Iterator[list[Batch]]:
    """The batches in portions, each of which becomes one checkpoint."""
    portion: list[Batch] = []
    since = lease.run.done
    for batch in batches:
        # Many samples and many payloads would make one long transaction, and long words take much memory.
        are_many = len(batch.payloads) > CHECKPOINT_PAYLOADS // 2
        both = [*portion, batch]
        if portion and (
            sum(len(one.payloads) for one in both) > CHECKPOINT_PAYLOADS
            or _sample_bytes(both) > CHECKPOINT_SAMPLE_BYTES
            or (are_many and _rows(portion) > CHECKPOINT_ROWS // 8)
        ):
            since = portion[-1].done
            yield portion
            portion = []
        portion.append(batch)
        payloads = [payload.held_bytes for one in portion for payload in one.payloads]
        if (
            _rows(portion) >= CHECKPOINT_ROWS
            or len(payloads) >= CHECKPOINT_PAYLOADS
            or sum(payloads) >= CHECKPOINT_PAYLOAD_BYTES
            or batch.done - since >= CHECKPOINT_BYTES
        ):
            yield portion
            portion, since = [], batch.done
    if portion:
        yield portion


class _Job:
    """The storing of what one import tells."""

    def __init__(self, lease: Lease, import_file: Import, provider: Provider, reader: Reader) -> None:
        self.lease = lease
        self.user = lease.run.user
        self.import_file = import_file
        self.provider = provider
        self.reader = reader
        # The whole file's record: the origin of every sample in it.
        self.origin = RawRecord.objects.get(
            user=self.user, provider=provider.slug, kind="export", external_id=import_file.sha256
        ).pk

    def store(self, batches: Sequence[Batch], before: Tally) -> Tally:
        """One checkpoint: files first, then one transaction; the tally after it."""
        writers: dict[str, SampleWriter] = {}
        for batch in batches:
            if batch.samples:
                slug = batch.provider or self.provider.slug
                writer = writers.setdefault(slug, SampleWriter(self.user, slug))
                for table in batch.samples:
                    writer.add(table, self.origin)
        portions = [
            (provider, payloads, told_of(self.user, provider, payloads, self.import_file.name))
            for provider, payloads in self._by_provider(batches)
        ]
        for attempt in range(MAX_PREPARATIONS):
            stored = [raw.put_payloads(self.user, provider.slug, payloads) for provider, payloads, _ in portions]
            prepared = [(slug, writer, writer.prepare()) for slug, writer in sorted(writers.items())]
            tally = copy.deepcopy(before)
            try:
                with uncollected(), transaction.atomic():
                    self.lease.renew()
                    for slug, writer, one in prepared:
                        written = writer.commit(one)
                        reader = self._reader(slug)
                        tally.add_samples(written, {metric: reader.element_of(metric) for metric in written})
                        tally.providers.setdefault(slug, 0)
                    told: dict[int, list[Told]] = {}
                    for put, (provider, payloads, read) in zip(stored, portions, strict=True):
                        recorded = raw.record_payloads(put, import_file=self.import_file)
                        self._note_records(tally, provider, payloads, recorded, read.readings)
                        records = [record for record, _ in recorded]
                        told.setdefault(provider.mapping_version, []).extend(read.told(records))
                        tally.add_filed(tell(self.user, read.days(records), list(provider.parse)))
                    for version, some in sorted(told.items()):
                        if some:
                            tally.add_ingested(ingest(self.user, some, mapping_version=version))
                    self._note_batches(tally, batches)
                    last = batches[-1]
                    self.lease.save(
                        cursor={"phase": "read", "at": dict(last.cursor)},
                        counts=tally.as_json(),
                        done=last.done,
                        total=following.with_share(last.total),
                        doing=last.doing,
                    )
                return tally
            except (StaleChunk, raw.StoredTooLongAgo):
                if attempt + 1 == MAX_PREPARATIONS:
                    raise
        raise AssertionError("unreachable")

    def _by_provider(self, batches: Sequence[Batch]) -> list[tuple[Provider, list[RawPayload]]]:
        """The payloads of each provider: what tells none belongs to the reader's, what tells another's to that."""
        found: dict[str, list[RawPayload]] = {}
        for batch in batches:
            for payload in batch.payloads:
                slug = payload.provider or self._whose
                known = PROVIDERS.get(slug)
                if known is None or (payload.kind in FILE_KINDS and payload.kind not in known.parse):
                    slug = self.provider.slug
                found.setdefault(slug, []).append(payload)
        return [(PROVIDERS[slug], found[slug]) for slug in sorted(found)]

    def _reader(self, slug: str) -> Reader:
        """Who counts what is this provider's."""
        return self.reader if slug == self.provider.slug else PROVIDERS[slug].readers[0]

    def _tag(self, provider: Provider, payload: RawPayload) -> str:
        if payload.kind in FILE_KINDS or not provider.readers:
            return payload.kind
        return self._reader(provider.slug).element_of_payload(payload)

    @property
    def _whose(self) -> str:
        """Whose a payload is that does not say: the archive's, and of plain files whom the athlete chose."""
        is_plain = self.provider is FILE
        return (is_plain and self.import_file.chosen_provider) or self.provider.slug

    def _note_records(
        self,
        tally: Tally,
        provider: Provider,
        payloads: Sequence[RawPayload],
        records: Sequence[tuple[RawRecord, bool]],
        readings: Sequence[Reading],
    ) -> None:
        for payload, (_, created), reading in zip(payloads, records, readings, strict=True):
            tally.raw[0 if created else 1] += 1
            tally.providers[provider.slug] = tally.providers.get(provider.slug, 0) + 1
            tag = self._tag(provider, payload)
            if tag and reading.problem:
                tally.add_counts({UNREADABLE + tag: 1})
            elif tag:
                tally.add_element(tag, created=created)
            if payload.kind in FILE_KINDS or not (tag or payload.kind == "element"):
                tally.files += 1
            if payload.kind in FILE_KINDS:
                outcome = "unreadable" if reading.problem else "new" if created else "known"
                tally.add_file(payload.path or self.import_file.name, payload.kind, provider.slug, outcome)
            if payload.kind == "route" and created:
                tally.routes += 1
            tally.add_problems(reading.problems)
            for day in reading.days:
                tally.add_workout_day(day)
            for place, count in enumerate(reading.known):
                (tally.sources if not place else tally.workouts)[2] += count
            if reading.zone:
                tally.zones[reading.zone] = tally.zones.get(reading.zone, 0) + 1

    def _note_batches(self, tally: Tally, batches: Sequence[Batch]) -> None:
        for batch in batches:
            tally.add_counts(batch.counts)
            tally.add_problems(batch.problems)
            tally.bytes = batch.total
            for path in (*batch.kept, *(path for path, _ in batch.cursor.get("files_kept", ()))):
                tally.kept_total += 1
                if len(tally.kept) < MAX_FILES:
                    tally.kept.append(path)
