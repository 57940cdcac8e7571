"""What the queue calls: an id in, one service call. Every task may run twice, or not at all."""

import time

from activities.services import raw, series
from integrations import webhooks
from integrations.services import connecting, runs, syncing, terms

# Within the queue's time limit for a task; what is left is done an hour later.
TIDY_S = 200


def work(run_id: int, slices: int) -> None:
    runs.work(run_id, slices=slices)


def sweep_runs() -> int:
    return runs.sweep_runs()


def sync_due() -> int:
    """Sync the connections whose time has come."""
    return syncing.request_due()


def work_webhooks() -> None:
    """Work off deliveries whose nudge was lost."""
    webhooks.work_off()


def keep_subscriptions() -> None:
    """Make and renew the subscriptions to webhooks, and send mails that the mail server did not take at first."""
    webhooks.keep_subscriptions()
    connecting.write_about_broken()


def purge() -> int:
    """Remove what providers' terms let us keep no longer."""
    return terms.purge()


def tidy() -> None:
    """Fold closed days into their months, and remove what no row names any more and what is over."""
    ends = time.monotonic() + TIDY_S
    webhooks.forget_receipts()
    series.fold_days(deadline=ends)
    raw.sweep(deadline=ends)
    series.sweep_streams(deadline=ends)
