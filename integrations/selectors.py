"""What the athlete brought and how far its reading is."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Prefetch, QuerySet

from integrations.models import Import, SyncRun
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
    """The athlete's runs, newest first, with the import that each is about: one query."""
    return (user.sync_runs.select_related("import_file").defer(*WORKER_FIELDS, "import_file__report")).order_by(
        "-created_at", "-id"
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
