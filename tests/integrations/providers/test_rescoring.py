"""What is scored again at a provider replaces itself, and what is deleted there goes, over the whole way of a sync."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from activities.models import DailyMetric, SleepSession
from integrations.services import runs, syncing
from tests.integrations.consenting import connect
from tests.integrations.sandbox.serving import running
from trainstack.accounts.models import User

pytestmark = pytest.mark.django_db

# Provider, feed, its kind of record at the provider, and a metric that a new score moves.
SCORED = [
    ("whoop", "recovery", "recovery", "whoop_recovery"),
    ("whoop", "sleep", "sleep", "whoop_sleep_performance"),
    ("oura", "daily_readiness", "daily_readiness", "oura_readiness"),
    ("polar", "night", "night", "polar_sleep_score"),
]


def told(user: User, metric: str) -> dict[Any, float]:
    return dict(DailyMetric.objects.filter(user=user, metric=metric).values_list("date", "value"))


@pytest.mark.parametrize(("slug", "feed", "kind", "metric"), SCORED, ids=[f"{it[0]} {it[1]}" for it in SCORED])
def test_a_new_score_replaces_the_old_and_a_deleted_one_goes(
    user: User, settings: Any, tmp_path: Path, slug: str, feed: str, kind: str, metric: str
) -> None:
    # Threads of their own would not see what the test's transaction holds.
    settings.SYNC_REQUESTS = 1
    with running(tmp_path / "sandbox.sqlite3", demo_days=14) as sandbox:
        settings.SANDBOX_URL = sandbox.url
        connection = connect(user, slug, sandbox).connection
        syncing.stop(connection, keep_asks=False)

        def look(how: str) -> dict[Any, float]:
            connection.refresh_from_db()
            run = runs.work_through(syncing.request_sync(connection, "manual", looks={feed: how}))
            assert (run.state, run.error) == ("finished", "")
            return told(user, metric)

        before = look("backfill")
        nights = SleepSession.objects.filter(user=user).count()
        newest = sandbox.records(slug, kind)[-4]["id"]
        sandbox.control("edit", provider=slug, account="demo", kind=kind, id=newest, rescored=1)
        after = look("incremental")
        changed = {day for day in before if before[day] != after[day]}

        assert before.keys() == after.keys() != set()
        assert len(changed) == 1
        assert SleepSession.objects.filter(user=user).count() == nights

        sandbox.control("delete", provider=slug, account="demo", kind=kind, id=newest)
        left = look("incremental")

        assert left.keys() == before.keys() - changed
