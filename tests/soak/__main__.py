"""`python -m tests.soak`: a backfill from every provider at once, and what must be true of it in the end.

The sandbox plays the providers and fails in one of twenty answers; two workers are killed with SIGKILL at random, again
and again. In the end nothing is lost, nothing is there twice, and every raw record is byte for byte what was served.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.soak.house import Sandbox, connect, database, end_when_asked, free_port, kill, manage, process

ACCOUNT = "huge"
# What goes wrong, each as often as the others.
FAULTS = (
    "error_500",
    "error_503",
    "timeout",
    "cut",
    "slow_drip",
    "malformed",
    "duplicates",
    "shuffled",
    "rate_limited",
)
# Two athletes, so that two workers have something to do: one run of an athlete is worked at a time.
ATHLETES = (("strava", "polar", "whoop", "oura"), ("wahoo", "suunto", "fitbit"))
# Polar tells of 30 days only; no provider has every effort, so that those of one take longer than this.
SHORTEST_HISTORY_S = 20 * 24 * 3600
ENVIRONMENT = {
    "DEBUG": "1",
    "DJANGO_SETTINGS_MODULE": "trainstack.settings",
    "RUN_LEASE_S": "6",
    "RUN_SLICE_S": "10",
    "SYNC_RETRY_S": "0.5",
    "PROVIDER_READ_S": "2",
    "PROVIDER_TOTAL_S": "6",
}


def main() -> None:
    options = _options()
    end_when_asked()
    began = time.monotonic()
    with ExitStack() as house:
        folder = Path(house.enter_context(tempfile.TemporaryDirectory(prefix="soak-")))
        port = free_port()
        os.environ |= {**ENVIRONMENT, "DATA_DIR": str(folder), "SANDBOX_URL": f"http://127.0.0.1:{port}"}
        os.environ["DATABASE_URL"] = house.enter_context(database(options.database, folder))
        manage("migrate", "--verbosity", "0", "--skip-checks")
        house.enter_context(process("manage.py", "sandbox", "--port", str(port), log=folder / "sandbox.log"))
        sandbox = Sandbox(f"http://127.0.0.1:{port}")
        import django

        django.setup()
        soak = Soak(sandbox, options, house, folder, began)
        soak.prepare()
        soak.work()
        soak.judge()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--activities", type=int, default=5000, help="of each provider (%(default)s)")
    parser.add_argument("--kills", type=int, default=20, help="workers killed with SIGKILL (%(default)s)")
    parser.add_argument("--faults", type=float, default=0.05, help="share of answers that are faulty (%(default)s)")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--database",
        default="postgres",
        help="postgres (one of its own, the default), sqlite, or the address of a PostgreSQL to make a database on",
    )
    parser.add_argument("--providers", nargs="*", help="these only")
    parser.add_argument("--seed", type=int, default=7, help="of what is left to chance here")
    parser.add_argument("--minutes", type=float, default=240, help="after which it has failed")
    return parser.parse_args()


class Soak:
    """One soak. Prints what it does, and ends the process with 1 where something is not true."""

    def __init__(
        self, sandbox: Sandbox, options: argparse.Namespace, house: ExitStack, folder: Path, began: float
    ) -> None:
        from integrations.registry import PROVIDERS

        self.sandbox = sandbox
        self.options = options
        self.house = house
        self.folder = folder
        self.began = began
        self.dice = random.Random(options.seed)
        self.workers: list[subprocess.Popen[bytes]] = []
        played = set(sandbox.look("state"))
        wanted = set(options.providers or (slug for some in ATHLETES for slug in some))
        self.slugs = sorted(slug for slug in wanted & played if PROVIDERS[slug].network)
        if missing := sorted(wanted - set(self.slugs)):
            self.say(f"not there: {', '.join(missing)}")

    def say(self, words: str) -> None:
        print(f"{time.monotonic() - self.began:7.1f} s  {words}", flush=True)

    # --- what comes before ---

    def prepare(self) -> None:
        """Records at the providers, athletes that are connected, and faults."""
        from integrations.services import syncing
        from trainstack.accounts.models import User

        self.sandbox.control("limits", provider="*", requests="off")
        apart_s = min(6 * 3600, SHORTEST_HISTORY_S // self.options.activities)
        for slug in self.slugs:
            self.sandbox.control(
                "seed", provider=slug, account=ACCOUNT, efforts=self.options.activities, apart_s=apart_s
            )
        self.expected = sum(len(self.records(slug)) for slug in self.slugs)
        self.say(
            f"{self.options.activities:,} activities at each of {', '.join(self.slugs)}: {self.expected:,} records"
        )
        self.connections = {}
        for number, slugs in enumerate(ATHLETES):
            user = User.objects.create(email=f"athlete{number}@example.com")
            for slug in slugs:
                if slug in self.slugs:
                    self.connections[slug] = connect(user, slug, self.sandbox, ACCOUNT)
        for name in FAULTS if self.options.faults else ():
            seconds = {"timeout": 3, "slow_drip": 0.5, "rate_limited": 1}.get(name)
            told = {} if seconds is None else {"seconds": seconds}
            share = self.options.faults / len(FAULTS)
            self.sandbox.control("faults", provider="*", fault=name, probability=share, **told)
        for connection in self.connections.values():
            syncing.request_sync(connection, "connect", nudge=False)

    def records(self, slug: str) -> list[dict[str, Any]]:
        told: list[dict[str, Any]] = self.sandbox.look("records", provider=slug, account=ACCOUNT)
        return told

    # --- the work ---

    def work(self) -> None:
        """Workers until all is there, killed on the way; does what the schedule does every minute every second."""
        from activities.models import RawRecord
        from integrations.models import OpenAsk, SyncRun
        from integrations.services import runs, syncing

        self.workers = [self._worker() for _ in range(self.options.workers)]
        shares = sorted(self.dice.uniform(0.03, 0.9) for _ in range(self.options.kills))
        kills = [int(share * self.expected) for share in shares]
        killed = 0
        ends = time.monotonic() + self.options.minutes * 60
        told_at = 0.0
        while True:
            time.sleep(1)
            for place, worker in enumerate(self.workers):
                if worker.poll() is not None:
                    raise SystemExit(f"A worker ended by itself with {worker.returncode}: {self._log(worker)}")
                if kills and RawRecord.objects.count() >= kills[0] and self.dice.random() < 1 / len(self.workers):
                    kills.pop(0)
                    kill(worker)
                    killed += 1
                    self.workers[place] = self._worker()
            runs.sweep_runs()
            syncing.request_due()
            open_runs = SyncRun.objects.filter(state__in=runs.OPEN).count()
            open_asks = OpenAsk.objects.open().count()
            if time.monotonic() - told_at > 15 or not (open_runs or open_asks):
                told_at = time.monotonic()
                self.say(f"{RawRecord.objects.count():,} records, {open_asks:,} requests to make, {killed} kills")
            if not (open_runs or open_asks):
                break
            if time.monotonic() > ends:
                raise SystemExit("It is not done in time.")
        self.worked_s = time.monotonic() - self.began
        self.killed = killed
        for worker in self.workers:
            kill(worker)

    def _worker(self) -> subprocess.Popen[bytes]:
        log = self.folder / f"worker-{len(list(self.folder.glob('worker-*.log')))}.log"
        worker = self.house.enter_context(process("-m", "tests.soak.worker", log=log))
        worker.log = log  # type: ignore[attr-defined]
        return worker

    def _log(self, worker: Any) -> str:
        lines: list[str] = worker.log.read_text().splitlines()
        return "\n".join(lines[-30:])

    # --- the judgement ---

    def judge(self) -> None:
        """What must be true."""
        from activities.models import Activity, RawRecord, RawSighting, SourceActivity
        from activities.services.grouping import rebuild
        from activities.services.raw import extent, verify
        from integrations.models import OpenAsk, SyncRun
        from trainstack.accounts.models import User

        checks = Checks(self.say)
        objects, plain = extent()
        problems = [problem for problem in verify() if problem.is_loss]
        checks.note(f"{objects:,} payloads of {plain:,} bytes hash to their names", not problems, problems[:5])
        for slug in self.slugs:
            self._judge_provider(slug, checks)
        sightings = Counter(RawSighting.objects.values_list("raw", "connection"))
        checks.note("each record is sighted once over its connection", set(sightings.values()) == {1})
        checks.note("none is withdrawn", not RawSighting.objects.exclude(withdrawn_at=None).exists())
        failed = list(OpenAsk.objects.failed().values_list("connection__provider", "what", "key", "error")[:5])
        checks.note("no request was given up", not failed, failed)
        ended = set(SyncRun.objects.values_list("state", flat=True))
        checks.note("every run finished", ended == {"finished"}, ended)
        lone = SourceActivity.objects.filter(parent=None, activity=None).count()
        checks.note("every effort is shown by an activity", not lone, lone)
        changed = [user.email for user in User.objects.all() if rebuild(user)]
        checks.note("grouping from scratch changes nothing", not changed, changed)
        sources, activities = SourceActivity.objects.filter(parent=None).count(), Activity.objects.count()
        unreadable = RawRecord.objects.filter(kind="unreadable").count()
        self.say(
            f"{sources:,} source activities in {activities:,} activities; {RawRecord.objects.count():,} raw records, "
            f"{unreadable:,} of them answers that were no JSON; {self._requests()}"
        )
        engine = os.environ["DATABASE_URL"].partition(":")[0]
        self.say(
            f"{engine}, {self.options.workers} workers, {self.killed} kills, {self.worked_s:,.0f} s: "
            + ("all true" if not checks.wrong else f"{checks.wrong} NOT TRUE")
        )
        if checks.wrong or self.killed < self.options.kills:
            raise SystemExit(1)

    def _judge_provider(self, slug: str, checks: Checks) -> None:
        from activities.models import RawRecord, SourceActivity

        served = self.sandbox.look("served", provider=slug)["served"]
        by_hash = {sha256 for ids in served.values() for some in ids.values() for sha256 in some}
        mine = list(
            RawRecord.objects.filter(provider=slug)
            .exclude(kind="unreadable")
            .values_list("kind", "external_id", "sha256")
        )
        # What the sandbox makes at the moment (an account's figures) is in no list of records.
        compared = [one for one in mine if one[0] in served]
        strange = [one for one in compared if one[2] not in by_hash]
        checks.note(
            f"{slug}: {len(compared):,} raw records, each byte for byte as it was served", not strange, strange[:5]
        )
        held = {sha256 for _, _, sha256 in mine}
        asked = [(row["kind"], row["id"]) for row in self.records(slug) if row["sha256"]]
        lost = [(kind, name) for kind, name in asked if not held.intersection(served.get(kind, {}).get(name, ()))]
        checks.note(f"{slug}: all {len(asked):,} records of the provider are here", not lost and bool(asked), lost[:5])
        kinds: dict[tuple[str, str], int] = defaultdict(int)
        for kind, external_id, _ in mine:
            kinds[kind, external_id] += 1
        twice = [one for one, count in kinds.items() if count > 1]
        checks.note(f"{slug}: none is here in two versions", not twice, twice[:5])
        sources = SourceActivity.objects.filter(provider=slug, parent=None).count()
        checks.note(f"{slug}: {sources:,} source activities", sources == self.options.activities, sources)
        unread = list(
            RawRecord.objects.filter(provider=slug).exclude(reading__problem=None).exclude(reading__problem="")[:3]
        )
        checks.note(f"{slug}: each could be read", not unread, [str(one.reading) for one in unread])

    def _requests(self) -> str:
        total = sum(told["requests"] for told in self.sandbox.look("state").values())
        return f"{total:,} requests"


class Checks:
    """What was found true and what not."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say = say
        self.wrong = 0

    def note(self, words: str, is_true: bool, found: object = None) -> None:
        self.wrong += not is_true
        self.say(("   yes  " if is_true else "    NO  ") + words + ("" if is_true else f": {found}"))


if __name__ == "__main__":
    main()
