"""Runs: work that outlives the worker that does it.

A run's row is the truth; the queue's message is only a nudge. A worker takes a run by one conditional UPDATE that gives
it a lease, and renews the lease with every write of progress. A worker that dies leaves a lease that runs out: the
sweep then nudges again, and the next worker goes on from the cursor.

One run of a user is worked at a time, for each writes what the others read. Imports, rollbacks and renormalising go one
after another, in the order in which they were asked for; each connection goes in a lane of its own beside them. A run
that waits for its provider leaves the others alone, and runs that can all go on take turns by the slice.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.tasks import async_task

from integrations.models import Connection, Import, SyncRun
from trainstack.accounts.models import User

logger = logging.getLogger(__name__)

OPEN = (SyncRun.State.QUEUED, SyncRun.State.RUNNING)
# Starts without progress after which a run is given up.
MAX_ATTEMPTS = 3
# How long a run rests after an error, times the attempts so far: a disk or a database may be back by then.
RETRY_AFTER_S = 10

Report = Callable[[SyncRun], None]


class LostLease(Exception):  # noqa: N818
    """Another worker holds the run now: stop, and write nothing."""


class Failed(Exception):  # noqa: N818
    """The run cannot go on; the message is a sentence for a person."""


@dataclass(frozen=True)
class Work:
    """What a kind of run does: `step` works one slice.

    `ended` and `reopened` draw the consequences of an end, and of its being taken back, in the same transaction.
    """

    step: Callable[[Lease], None]
    ended: Callable[[SyncRun], None]
    reopened: Callable[[SyncRun], None]


# Named as strings, because the work itself stands on this module.
WORK: dict[str, str] = {
    SyncRun.Kind.IMPORT: "integrations.services.imports.READING",
    SyncRun.Kind.ROLLBACK: "integrations.services.taking_back.TAKING_BACK",
    SyncRun.Kind.RENORMALISE: "integrations.services.renormalising.RENORMALISING",
    SyncRun.Kind.SYNC: "integrations.services.syncing.SYNCING",
    SyncRun.Kind.FORGET: "integrations.services.taking_back.FORGETTING",
}


def work_of(run: SyncRun) -> Work:
    work: Work = import_string(WORK[run.kind])
    return work


# --- asking for work ------------------------------------------------------------------------


def start(
    user: User,
    *,
    kind: str,
    import_file: Import | None = None,
    connection: Connection | None = None,
    trigger: str = "",
    cursor: Mapping[str, Any] | None = None,
    counts: Mapping[str, Any] | None = None,
    total: int = 0,
    nudge: bool = True,
) -> SyncRun:
    """A new run, queued once the caller's transaction commits; without `nudge` the caller works it (`work_through`)."""
    run = SyncRun.objects.create(
        user=user,
        kind=kind,
        import_file=import_file,
        connection=connection,
        trigger=trigger,
        cursor=dict(cursor or {}),
        counts=dict(counts or {}),
        total=total,
        leased_until=_next_nudge(),
    )
    if nudge:
        enqueue(run)
    return run


def enqueue(run: SyncRun) -> None:
    """Nudge a worker towards the run's next slice, once the current transaction commits."""
    pk, slices = run.pk, run.slices
    transaction.on_commit(lambda: _nudge(pk, slices))


def _nudge(pk: int, slices: int) -> None:
    # A queue that is out of reach loses nothing: the sweep nudges again.
    try:
        async_task("integrations.tasks.work", pk, slices, task_name=f"run {pk}, slice {slices + 1}"[:100], save=False)
    except Exception:
        logger.exception("The queue did not take run %s", pk)


def wake(run: SyncRun, *, nudge: bool = True) -> None:
    """Have an open run that waits go on at once; there is something new for it to do."""
    waiting = SyncRun.objects.filter(pk=run.pk, state=SyncRun.State.QUEUED, leased_by="")
    if waiting.update(waits_until=None, leased_until=_next_nudge()) and nudge:
        run.refresh_from_db(fields=["slices"])
        enqueue(run)


def cancel(run: SyncRun) -> None:
    """Ask the run to stop at its next checkpoint; one that has not begun stops here and now."""
    with transaction.atomic():
        SyncRun.objects.filter(pk=run.pk, state__in=OPEN).update(cancel_requested=True)
        waiting = SyncRun.objects.filter(pk=run.pk, state=SyncRun.State.QUEUED, slices=0, leased_by="")
        if waiting.update(state=SyncRun.State.CANCELLED, finished_at=timezone.now(), leased_until=None):
            _ended(run)
    run.refresh_from_db()
    if run.state == SyncRun.State.QUEUED and run.waits_until:
        wake(run)


def retry(run: SyncRun) -> SyncRun:
    """Have a failed run go on where it stopped; ValueError with a sentence for a person where it cannot."""
    with transaction.atomic():
        User.objects.select_for_update().only("pk").get(pk=run.user_id)
        run.refresh_from_db()
        if run.state != SyncRun.State.FAILED:
            raise ValueError("Only a run that failed can be tried again.")
        if run.import_file_id and SyncRun.objects.filter(import_file=run.import_file_id, pk__gt=run.pk).exists():
            raise ValueError("The import has had another run since.")
        if run.connection_id and SyncRun.objects.filter(connection=run.connection_id, pk__gt=run.pk).exists():
            raise ValueError("The connection has had another run since.")
        run.state, run.error, run.attempts = SyncRun.State.QUEUED, "", 0
        run.finished_at, run.cancel_requested, run.leased_until = None, False, _next_nudge()
        run.waits_until = None
        run.save()
        work_of(run).reopened(run)
        enqueue(run)
    return run


def sweep_runs() -> int:
    """Nudge for every open run that nobody holds and whose last nudge is a lease old; returns how many.

    Takes the run from a worker whose lease ran out, so that a worker which only slept finds it gone.
    """
    swept = 0
    due = SyncRun.objects.filter(state__in=OPEN).filter(Q(leased_until=None) | Q(leased_until__lte=timezone.now()))
    for run in due.order_by("pk"):
        taken = due.filter(pk=run.pk, slices=run.slices).update(
            state=SyncRun.State.QUEUED, leased_by="", leased_until=_next_nudge()
        )
        if taken:
            enqueue(run)
            swept += 1
    return swept


def _next_nudge() -> datetime:
    return timezone.now() + timedelta(seconds=settings.RUN_LEASE_S)


def _nudge_next(user_id: int) -> None:
    """Nudge towards the run of this user that can go on and has waited longest, once the transaction commits."""
    now = timezone.now()
    lanes: dict[int | None, SyncRun] = {}
    for run in SyncRun.objects.filter(user=user_id, state__in=OPEN).order_by("pk").defer("cursor", "counts"):
        if run.leased_by and run.leased_until and run.leased_until > now:
            return
        lanes.setdefault(run.connection_id, run)
    ready = [run for run in lanes.values() if run.waits_until is None or run.waits_until <= now]
    if ready:
        enqueue(min(ready, key=lambda run: (run.worked_at or run.created_at, run.pk)))


# --- doing it -------------------------------------------------------------------------------


class Lease:
    """The right to work on one run, for one slice. `run` is the row as this worker last wrote it."""

    def __init__(self, run: SyncRun, owner: str, slice_s: float, report: Report | None = None) -> None:
        self.run = run
        self.owner = owner
        self.stop_asked = False
        self._report = report
        self._slice_ends = time.monotonic() + slice_s
        self._accounted = time.monotonic()

    @property
    def time_is_up(self) -> bool:
        """Whether the slice should end at the next checkpoint."""
        return self.stop_asked or time.monotonic() >= self._slice_ends

    @property
    def deadline(self) -> float:
        """When the slice ends, on the clock of `time.monotonic`."""
        return time.monotonic() if self.stop_asked else self._slice_ends

    @property
    def piece_ends(self) -> float:
        """When a piece of work that renews nothing itself should end, on the same clock; it always has a second."""
        now = time.monotonic()
        return max(now + 1, min(self.deadline, now + settings.RUN_LEASE_S / 3))

    @property
    def is_open(self) -> bool:
        return self.run.state in OPEN

    def save(self, **progress: Any) -> None:
        """Write progress (cursor, counts, done, total, doing) and renew the lease; raises LostLease.

        Called first thing in the transaction that writes what was read up to the cursor, so that a worker which lost
        its lease writes nothing at all. Fills in `run.cancel_requested`.
        """
        now = time.monotonic()
        changes: dict[str, Any] = {
            **progress,
            "busy_s": self.run.busy_s + (now - self._accounted),
            "leased_until": timezone.now() + timedelta(seconds=settings.RUN_LEASE_S),
        }
        if "cursor" in progress and progress["cursor"] != self.run.cursor:
            changes |= {"attempts": 0, "error": ""}
        mine = SyncRun.objects.filter(pk=self.run.pk, leased_by=self.owner)
        if not mine.update(**changes):
            raise LostLease(f"run {self.run.pk} has another worker")
        self._accounted = now
        for name, value in changes.items():
            setattr(self.run, name, value)
        self.run.cancel_requested = mine.values_list("cancel_requested", flat=True).get()
        if self._report:
            self._report(self.run)

    def renew(self) -> None:
        """Keep the lease through a long stretch without a checkpoint; raises LostLease."""
        self.save()

    def finish(self, state: str = SyncRun.State.FINISHED, *, error: str = "", **progress: Any) -> None:
        """End the run, and nudge for the user's next one; raises LostLease. Call inside the work's last transaction."""
        with transaction.atomic():
            self.save(**progress, state=state, error=error, finished_at=timezone.now(), doing="")
            SyncRun.objects.filter(pk=self.run.pk).update(leased_by="", leased_until=None)
            _ended(self.run)

    def give_back(self, *, wait_s: float | None = None, error: str = "") -> bool:
        """Hand the run to whoever asks next, or to the sweep after `wait_s`; False if it was lost already.

        The user's run that has waited longest is nudged, this one or another.
        """
        until = None if wait_s is None else timezone.now() + timedelta(seconds=wait_s)
        return self._free(until, **({"error": error} if error else {}))

    def wait(self, until: datetime, doing: str) -> bool:
        """End the slice and have the run rest until then, because it cannot get on before; False if it was lost.

        That it got no further is not counted against it.
        """
        return self._free(until, attempts=0, doing=doing)

    def _free(self, waits_until: datetime | None, **changes: Any) -> bool:
        with transaction.atomic():
            freed = SyncRun.objects.filter(pk=self.run.pk, leased_by=self.owner, state__in=OPEN).update(
                state=SyncRun.State.QUEUED,
                leased_by="",
                leased_until=waits_until or _next_nudge(),
                waits_until=waits_until,
                worked_at=timezone.now(),
                busy_s=self.run.busy_s + (time.monotonic() - self._accounted),
                **changes,
            )
            if freed:
                _nudge_next(self.run.user_id)
        return bool(freed)


def claim(
    run_id: int, *, slices: int | None = None, slice_s: float | None = None, report: Report | None = None
) -> Lease | None:
    """The lease on the run, or None: another holds it, it is over, or another run of its user goes first.

    That is one that is being worked, or an older one of its lane.
    `slices` is the number that the nudge carries; a nudge for a slice that has been begun is void. A run that was
    started MAX_ATTEMPTS times without progress fails here.
    """
    now = timezone.now()
    owner = str(uuid.uuid4())
    free = SyncRun.objects.filter(pk=run_id, state__in=OPEN).filter(Q(leased_by="") | Q(leased_until__lte=now))
    if slices is not None:
        free = free.filter(slices=slices)
    with transaction.atomic():
        found = free.values_list("user_id", "connection_id").first()
        if found is None:
            return None
        user_id, lane = found
        # Two workers that take two runs of one user wait for each other here.
        User.objects.select_for_update().only("pk").get(pk=user_id)
        others = SyncRun.objects.filter(user_id=user_id, state__in=OPEN).exclude(pk=run_id)
        if others.filter(connection=lane, pk__lt=run_id).exists():
            return None
        if others.exclude(leased_by="").filter(leased_until__gt=timezone.now()).exists():
            return None
        claimed = free.update(
            state=SyncRun.State.RUNNING,
            leased_by=owner,
            leased_until=now + timedelta(seconds=settings.RUN_LEASE_S),
            waits_until=None,
            attempts=F("attempts") + 1,
            slices=F("slices") + 1,
        )
        if not claimed:
            return None
        run = SyncRun.objects.select_related("import_file", "connection", "user").get(pk=run_id)
        if run.started_at is None:
            run.started_at = now
            run.save(update_fields=["started_at"])
        lease = Lease(run, owner, settings.RUN_SLICE_S if slice_s is None else slice_s, report)
        if run.attempts > MAX_ATTEMPTS:
            lease.finish(SyncRun.State.FAILED, error=_given_up(run))
            return None
    return lease


def _given_up(run: SyncRun) -> str:
    where = f" while {run.doing[0].lower()}{run.doing[1:]}" if run.doing else ""
    why = f" The last time: {run.error}" if run.error else " Each time the worker ended without a word."
    return f"Given up after {MAX_ATTEMPTS} attempts that got no further{where}.{why}"


def work(
    run_id: int, *, slices: int | None = None, slice_s: float | None = None, report: Report | None = None
) -> SyncRun | None:
    """Work one slice of the run and queue the next; returns the run, or None where there was nothing to do here.

    `report` hears of the run at every write of progress.
    """
    lease = claim(run_id, slices=slices, slice_s=slice_s, report=report)
    if lease is None:
        return None
    run = lease.run
    try:
        try:
            with _stopping_gently(lease):
                work_of(run).step(lease)
        except Failed as failure:
            lease.finish(SyncRun.State.FAILED, error=str(failure))
    except LostLease:
        logger.warning("Run %s was taken over by another worker", run.pk)
        return None
    except Exception as error:
        logger.exception("Run %s stopped", run.pk)
        lease.give_back(wait_s=RETRY_AFTER_S * run.attempts, error=f"{type(error).__name__}: {error}"[:2000])
    except BaseException:
        # Ctrl-C, the queue's time limit: whoever comes next goes on at once.
        lease.give_back()
        raise
    else:
        if lease.is_open:
            lease.give_back()
    return run


def work_through(run: SyncRun, *, report: Report | None = None) -> SyncRun:
    """Work the run to its end in this process, after the older runs of its lane; returns it as it ended.

    Waits where a worker elsewhere has a run of the user, and where a connection's run does. Of a connection the slices
    are as long as anywhere, so that the user's other runs get on beside it.
    """
    slice_s = float("inf") if run.connection_id is None else None
    while True:
        run = SyncRun.objects.select_related("import_file", "connection", "user").get(pk=run.pk)
        if run.state not in OPEN:
            return run
        lane = SyncRun.objects.filter(user=run.user_id, connection=run.connection_id, state__in=OPEN)
        turn = lane.order_by("pk").defer("cursor", "counts")[0]
        if turn.connection_id and turn.waits_until and turn.waits_until > timezone.now():
            time.sleep(min(1.0, max(0.0, (turn.waits_until - timezone.now()).total_seconds())))
        elif work(turn.pk, slice_s=slice_s, report=report) is None:
            time.sleep(0.2)


def _ended(run: SyncRun) -> None:
    """What follows from an end, in its transaction."""
    run.refresh_from_db(fields=["state", "error", "finished_at"])
    work_of(run).ended(run)
    _nudge_next(run.user_id)


@contextmanager
def _stopping_gently(lease: Lease) -> Iterator[None]:
    """SIGTERM ends the slice at its next checkpoint, gives the lease back and then ends the process."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ask(signum: int, frame: Any) -> None:
        lease.stop_asked = True

    before = signal.signal(signal.SIGTERM, ask)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        if lease.stop_asked:
            lease.give_back()
            os.kill(os.getpid(), signal.SIGTERM)
