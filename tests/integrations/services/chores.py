"""Work for the tests of runs: counts to `total`, writes a line into the database a step, and dies where it is told.

As a program it is a worker: `python -m tests.integrations.services.chores RUN_ID` works one slice of the run.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from integrations.models import SyncRun
    from integrations.services.runs import Lease

NAME = "tests.integrations.services.chores.COUNTING"


def count(lease: Lease) -> None:
    """Count on from the cursor. Environment: CHORE_DIES_AT (a number), CHORE_STEP_S (seconds a step)."""
    from django.db import transaction

    from integrations.models import SyncRun
    from trainstack.accounts.models import AthleteParameter

    number = lease.run.cursor.get("number", 0)
    while number < lease.run.total:
        number += 1
        time.sleep(float(os.environ.get("CHORE_STEP_S", "0")))
        with transaction.atomic():
            lease.save(cursor={"number": number}, done=number, doing=f"Counting to {lease.run.total}")
            AthleteParameter.objects.create(
                user=lease.run.user, name=str(number), value=number, effective_from="2026-01-01"
            )
            if number == int(os.environ.get("CHORE_DIES_AT", "0")):
                os.kill(os.getpid(), signal.SIGKILL)
        if lease.run.cancel_requested:
            lease.finish(SyncRun.State.CANCELLED)
            return
        if lease.time_is_up and number < lease.run.total:
            return
    lease.finish()


def ended(run: SyncRun) -> None:
    """Leave a mark that the end was heard of."""
    from trainstack.accounts.models import AthleteParameter

    AthleteParameter.objects.create(
        user=run.user, name="ended", value=run.pk, effective_from=date.fromordinal(740_000 + run.pk)
    )


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "trainstack.settings")
    import django

    django.setup()
    from integrations.services import runs

    runs.WORK["import"] = NAME
    print(runs.work(int(sys.argv[1])))
else:
    from integrations.services.runs import Work

    COUNTING = Work(step=count, ended=ended, reopened=ended)
