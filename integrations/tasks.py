"""What the queue calls: an id in, one service call. Every task may run twice, or not at all."""

import time

from activities.services import raw, series
from integrations.services import runs

# Within the queue's time limit for a task; what is left is done an hour later.
TIDY_S = 200


def work(run_id: int, slices: int) -> None:
    runs.work(run_id, slices=slices)


def sweep_runs() -> int:
    return runs.sweep_runs()


def tidy() -> None:
    """Fold closed days into their months, and remove objects that no row names any more."""
    ends = time.monotonic() + TIDY_S
    series.fold_days(deadline=ends)
    raw.sweep(deadline=ends)
    series.sweep_streams(deadline=ends)
