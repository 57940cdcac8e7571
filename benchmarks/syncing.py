"""Source activities synced a second by one worker, and which part of it is ours.

    python -m benchmarks.syncing [--activities 500] [--provider strava]

A backfill over real HTTP from the sandbox, which plays the provider in a process of its own on the same machine: list
pages, and what completes each activity (details, streams, files). One worker, as many requests side by side as on a
server, on SQLite in a folder of its own or on the empty database that DATABASE_URL names, without rate limits. What the
worker spends on waiting for the provider is told apart from what it does itself: reading payloads (normalise), grouping
(dedup), and writing (store).
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import resource
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.soak.house import Sandbox, connect, database, end_when_asked, free_port, manage, process

ACCOUNT = "huge"


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--activities", type=int, default=500)
    arguments.add_argument("--provider", default="strava")
    chosen = arguments.parse_args()
    end_when_asked()
    with ExitStack() as house:
        folder = Path(house.enter_context(tempfile.TemporaryDirectory(prefix="syncing-")))
        port = free_port()
        os.environ |= {
            "DEBUG": "1",
            "DJANGO_SETTINGS_MODULE": "trainstack.settings",
            "DATA_DIR": str(folder),
            "SANDBOX_URL": f"http://127.0.0.1:{port}",
        }
        os.environ["DATABASE_URL"] = house.enter_context(database(os.environ.get("DATABASE_URL", "sqlite"), folder))
        manage("migrate", "--verbosity", "0", "--skip-checks")
        house.enter_context(process("manage.py", "sandbox", "--port", str(port), log=folder / "sandbox.log"))
        sandbox = Sandbox(f"http://127.0.0.1:{port}")
        import django

        django.setup()
        return _measure(sandbox, chosen.provider, chosen.activities)


class Clock:
    """How long pieces of the work took, each without what is measured inside it."""

    def __init__(self) -> None:
        self.took: Counter[str] = Counter()
        self._inside: list[float] = []

    def watch(self, owner: Any, name: str, part: str) -> None:
        """Have calls of this function counted as that part."""
        real = getattr(owner, name)

        def timed(*args: Any, **options: Any) -> Any:
            began = time.perf_counter()
            self._inside.append(0.0)
            try:
                return real(*args, **options)
            finally:
                took = time.perf_counter() - began
                self.took[part] += took - self._inside.pop()
                if self._inside:
                    self._inside[-1] += took

        setattr(owner, name, timed)


def _measure(sandbox: Sandbox, slug: str, activities: int) -> int:
    from activities.models import RawRecord, SourceActivity
    from activities.services import ingest as ingesting
    from activities.services import raw
    from integrations.registry import PROVIDERS
    from integrations.services import runs, sampling, syncing
    from integrations.services.fetching import Fetchers
    from trainstack.accounts.models import User
    from trainstack.accounts.quiet import no_query_log
    from trainstack.storage import stream_store

    no_query_log()
    provider = PROVIDERS[slug]
    assert provider.network
    # At its rate limit any provider is slower than any server.
    without_limits = dataclasses.replace(provider.network, budgets=())
    PROVIDERS[slug] = dataclasses.replace(provider, network=without_limits)
    sandbox.control("limits", provider="*", requests="off")
    sandbox.control("seed", provider=slug, account=ACCOUNT, efforts=activities)
    connection = connect(User.objects.create(email="athlete@example.com"), slug, sandbox, ACCOUNT)

    clock = Clock()
    clock.watch(Fetchers, "take", "waiting for the provider")
    clock.watch(syncing, "told_of", "normalise")
    clock.watch(ingesting, "regroup", "dedup")
    clock.watch(raw, "put_payloads", "store, files")
    clock.watch(stream_store().__class__, "put_many", "store, files")
    clock.watch(sampling, "add", "store, rows")
    request = syncing.request_sync(connection, "connect", nudge=False)
    began, busy = time.perf_counter(), _cpu_s()
    run = runs.work_through(request)
    took, busy = time.perf_counter() - began, _cpu_s() - busy

    sources, records = SourceActivity.objects.filter(parent=None).count(), RawRecord.objects.count()
    requests = syncing.came_of(run)["requests"]
    print(
        f"  {slug}: {sources:,} source activities of {records:,} raw records by {requests:,} requests in {took:.1f} s"
    )
    print(f"  {sources / took:.1f} a second and worker; {busy / sources * 1000:.1f} ms of processor each, requests too")
    rest = took - sum(clock.took.values())
    ours = took - clock.took["waiting for the provider"]
    parts: list[tuple[str, float]] = [*clock.took.most_common(), ("all else", rest)]
    for part, seconds in parts:
        print(f"  {part:26} {seconds:6.2f} s  {seconds / took:5.1%}  {seconds / sources * 1000:6.2f} ms each")
    print(f"  ours: {ours / took:.0%} of the time; {sources / ours:.0f} a second if nobody had to wait")
    return 0 if sources == activities and run.state == "finished" else 1


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    raise SystemExit(main())
