"""A run is done once, whatever happens to the workers that do it."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import transaction
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.brokers.orm import ORM
from django_q.models import OrmQ, Schedule
from django_q.signing import SignedPackage

from integrations.apps import ensure_schedules
from integrations.models import SyncRun
from integrations.services import runs
from tests.factories.accounts import UserFactory
from tests.integrations.services import chores
from trainstack.accounts.models import AthleteParameter

ROOT = Path(__file__).resolve().parents[3]
State = SyncRun.State


@pytest.fixture(autouse=True)
def counting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(runs.WORK, "import", chores.NAME)


@pytest.fixture
def run(transactional_db: None) -> SyncRun:
    return runs.start(UserFactory(), kind="import", total=3)


def lapse(run: SyncRun) -> None:
    """Let the run's lease, or the rest after its last nudge, be over."""
    SyncRun.objects.filter(pk=run.pk).update(leased_until=timezone.now() - timedelta(seconds=1))


def counted(run: SyncRun) -> list[str]:
    return list(AthleteParameter.objects.filter(user=run.user).order_by("pk").values_list("name", flat=True))


@pytest.fixture(autouse=True)
def empty_queue(db: None) -> None:
    # A test's rows are undone at its end; what lies in Redis is not.
    get_broker().purge_queue()


def nudges() -> list[tuple[int, int]]:
    """The (run, slice) of every message in the queue."""
    broker = get_broker()
    if isinstance(broker, ORM):
        return [row.task["args"] for row in OrmQ.objects.order_by("pk")]
    return [SignedPackage.loads(message)["args"] for message in broker.connection.lrange(broker.list_key, 0, -1)]


def facts(run: SyncRun, *names: str) -> dict[str, object]:
    return SyncRun.objects.filter(pk=run.pk).values(*names).get()


def test_start_queues_one_nudge_for_the_first_slice(run: SyncRun) -> None:
    assert (run.state, nudges()) == (State.QUEUED, [(run.pk, 0)])


@pytest.mark.django_db(transaction=True)
def test_start_queues_nothing_when_its_transaction_is_undone() -> None:
    user = UserFactory()

    with transaction.atomic():
        runs.start(user, kind="import")
        transaction.set_rollback(True)

    assert (nudges(), SyncRun.objects.count()) == ([], 0)


def test_work_finishes_a_run_and_tells_of_its_end(run: SyncRun) -> None:
    runs.work(run.pk)

    assert facts(run, "state", "done", "leased_by", "leased_until", "attempts", "slices", "cursor") == {
        "state": "finished",
        "done": 3,
        "leased_by": "",
        "leased_until": None,
        "attempts": 0,
        "slices": 1,
        "cursor": {"number": 3},
    }
    assert counted(run) == ["1", "2", "3", "ended"]


def test_work_ends_its_slice_in_time_and_queues_the_next(run: SyncRun) -> None:
    runs.work(run.pk, slice_s=0)
    assert facts(run, "state", "cursor", "leased_by") == {"state": "queued", "cursor": {"number": 1}, "leased_by": ""}

    runs.work(run.pk, slice_s=0)
    runs.work(run.pk, slice_s=0)

    assert facts(run, "state") == {"state": "finished"}
    assert nudges() == [(run.pk, 0), (run.pk, 1), (run.pk, 2)]
    assert counted(run) == ["1", "2", "3", "ended"]


def test_work_leaves_at_once_when_another_holds_the_run(run: SyncRun) -> None:
    runs.claim(run.pk)

    assert runs.work(run.pk) is None
    assert counted(run) == []


def test_a_nudge_for_a_slice_that_was_begun_is_void(run: SyncRun) -> None:
    runs.work(run.pk, slices=0, slice_s=0)

    assert runs.work(run.pk, slices=0) is None
    assert runs.work(run.pk, slices=1) is not None


def test_a_worker_that_lost_its_lease_writes_nothing(run: SyncRun) -> None:
    lost = runs.claim(run.pk)
    lapse(run)
    held = runs.claim(run.pk)
    assert lost
    assert held

    with pytest.raises(runs.LostLease):
        chores.count(lost)
    with pytest.raises(runs.LostLease):
        lost.finish()

    assert lost.give_back() is False
    assert counted(run) == []
    assert facts(run, "state", "leased_by", "done") == {"state": "running", "leased_by": held.owner, "done": 0}


def test_a_lease_lasts_as_long_as_progress_is_written(run: SyncRun) -> None:
    lease = runs.claim(run.pk)
    assert lease
    lapse(run)

    lease.save(done=1)

    assert runs.claim(run.pk) is None


def test_runs_of_one_user_go_in_the_order_in_which_they_were_asked_for(run: SyncRun) -> None:
    second = runs.start(run.user, kind="import", total=1)
    other = runs.start(UserFactory(), kind="import", total=1)

    assert runs.work(second.pk) is None
    assert runs.work(other.pk) is not None
    runs.work(run.pk)

    assert nudges()[-1] == (second.pk, 0)
    assert runs.work(second.pk) is not None


def test_sweep_nudges_for_runs_that_nobody_holds_and_once_a_lease(run: SyncRun) -> None:
    assert runs.sweep_runs() == 0

    lapse(run)

    assert [runs.sweep_runs(), runs.sweep_runs()] == [1, 0]
    assert nudges() == [(run.pk, 0), (run.pk, 0)]


def test_sweep_takes_a_run_from_a_worker_that_died_and_leaves_a_live_one_alone(run: SyncRun) -> None:
    lease = runs.claim(run.pk)
    assert lease
    assert runs.sweep_runs() == 0

    lapse(run)

    assert runs.sweep_runs() == 1
    with pytest.raises(runs.LostLease):
        lease.save(done=1)
    assert runs.work(run.pk, slices=1) is not None
    assert counted(run) == ["1", "2", "3", "ended"]


def test_sweep_leaves_what_is_over_alone(run: SyncRun) -> None:
    runs.work(run.pk)

    assert runs.sweep_runs() == 0


def test_a_run_fails_after_three_starts_without_progress_and_says_so(run: SyncRun) -> None:
    SyncRun.objects.filter(pk=run.pk).update(doing="Reading export.xml")
    for _ in range(3):
        assert runs.claim(run.pk)
        lapse(run)

    assert runs.work(run.pk) is None

    assert facts(run, "state", "error", "leased_by") == {
        "state": "failed",
        "leased_by": "",
        "error": "Given up after 3 attempts that got no further while reading export.xml. "
        "Each time the worker ended without a word.",
    }
    assert counted(run) == ["ended"]


def test_progress_gives_a_run_three_new_attempts(run: SyncRun) -> None:
    for number in range(1, 6):
        lease = runs.claim(run.pk)
        assert lease
        lease.save(cursor={"number": number})
        lapse(run)

    assert facts(run, "state", "attempts") == {"state": "running", "attempts": 0}


def test_an_error_rests_the_run_and_the_third_one_is_what_the_person_reads(run: SyncRun) -> None:
    AthleteParameter.objects.create(user=run.user, name="1", value=0, effective_from="2026-01-01")

    runs.work(run.pk)
    first = facts(run, "state", "attempts")
    runs.work(run.pk)
    runs.work(run.pk)
    runs.work(run.pk)

    assert first == {"state": "queued", "attempts": 1}
    assert facts(run, "state")["state"] == "failed"
    assert str(facts(run, "error")["error"]).startswith(
        "Given up after 3 attempts that got no further. The last time: IntegrityError: "
    )


def test_cancel_ends_a_run_that_has_not_begun(run: SyncRun) -> None:
    runs.cancel(run)

    assert (run.state, runs.work(run.pk), counted(run)) == (State.CANCELLED, None, ["ended"])


def test_cancel_ends_a_running_run_at_its_next_checkpoint(run: SyncRun) -> None:
    runs.work(run.pk, slice_s=0)
    runs.cancel(run)
    assert run.state == State.QUEUED

    runs.work(run.pk)

    assert (facts(run, "state"), counted(run)) == ({"state": "cancelled"}, ["1", "2", "ended"])


def test_work_through_does_the_users_older_runs_first_and_reports_progress(run: SyncRun) -> None:
    second = runs.start(run.user, kind="import", total=4)
    heard: list[tuple[int, int]] = []
    AthleteParameter.objects.all().delete()
    SyncRun.objects.filter(pk=second.pk).update(cursor={"number": 3})

    ended = runs.work_through(second, report=lambda it: heard.append((it.pk, it.done)))

    assert ended.state == State.FINISHED
    assert sorted(set(heard)) == [(run.pk, 1), (run.pk, 2), (run.pk, 3), (second.pk, 4)]


@pytest.mark.django_db
def test_schedules_are_there_once_whatever_was_there() -> None:
    Schedule.objects.create(name="take up runs", func="elsewhere", schedule_type=Schedule.DAILY)
    Schedule.objects.create(name="take up runs", func="elsewhere", schedule_type=Schedule.DAILY)

    ensure_schedules("default")
    ensure_schedules("default")

    assert sorted(Schedule.objects.values_list("name", "func", "schedule_type", "repeats")) == [
        ("keep subscriptions", "integrations.tasks.keep_subscriptions", "H", -1),
        ("purge by terms", "integrations.tasks.purge", "D", -1),
        ("sync connections", "integrations.tasks.sync_due", "I", -1),
        ("take up runs", "integrations.tasks.sweep_runs", "I", -1),
        ("tidy", "integrations.tasks.tidy", "H", -1),
        ("work off webhooks", "integrations.tasks.work_webhooks", "I", -1),
    ]


# --- with processes that die ----------------------------------------------------------------


class House:
    """A house of its own: a database file, and workers that are processes."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.env = {
            **os.environ,
            "DATA_DIR": str(folder),
            "DATABASE_URL": f"sqlite:///{folder / 'house.sqlite3'}",
            "DEBUG": "1",
            "RUN_LEASE_S": "1",
            "RUN_SLICE_S": "60",
            "Q_BROKER": "orm",
        }
        self.database = folder / "house.sqlite3"
        self.workers: list[subprocess.Popen[bytes]] = []
        self.call("-m", "django", "migrate", "--settings", "trainstack.settings", "-v", "0", "--skip-checks")

    def call(self, *args: str, **env: str) -> str:
        done = subprocess.run(
            [sys.executable, *args], cwd=ROOT, env={**self.env, **env}, check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def worker(self, run_id: int, **env: str) -> subprocess.Popen[bytes]:
        return self._process("-m", "tests.integrations.services.chores", str(run_id), **env)

    def program(self, code: str, *args: str, **env: str) -> subprocess.Popen[bytes]:
        return self._process("-c", code, *args, **env)

    def _process(self, *args: str, **env: str) -> subprocess.Popen[bytes]:
        self.workers.append(subprocess.Popen([sys.executable, *args], cwd=ROOT, env={**self.env, **env}))
        return self.workers[-1]

    def ask(self, sql: str) -> list[tuple[object, ...]]:
        with sqlite3.connect(self.database, timeout=20) as connection:
            return connection.execute(sql).fetchall()

    def start(self, total: int) -> int:
        self.ask("insert into accounts_user (email,name,password,is_staff,is_active,is_superuser,date_joined)"
                 " values ('a@example.com','','',0,1,0,'2026-01-01')")  # fmt: skip
        code = (
            "import django; django.setup();"
            "from integrations.services import runs; from trainstack.accounts.models import User;"
            f"print(runs.start(User.objects.get(), kind='import', total={total}).pk)"
        )
        return int(self.call("-c", code, DJANGO_SETTINGS_MODULE="trainstack.settings"))

    def counted(self) -> list[str]:
        return [str(name) for (name,) in self.ask("select name from accounts_athleteparameter order by id")]

    def until(self, condition: Callable[[], bool], seconds: float = 30) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "waited in vain"
            time.sleep(0.02)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    for worker in house.workers:
        worker.kill()
        worker.wait()


def test_a_run_whose_worker_is_killed_is_finished_by_the_next_with_nothing_twice(house: House) -> None:
    run = house.start(total=40)
    worker = house.worker(run, CHORE_STEP_S="0.05")
    house.until(lambda: len(house.counted()) >= 10)

    worker.send_signal(signal.SIGKILL)
    worker.wait()
    killed_at = len(house.counted())
    time.sleep(1.1)
    house.worker(run).wait()

    assert 10 <= killed_at < 40
    assert house.counted() == [*(str(number) for number in range(1, 41)), "ended"]
    assert house.ask("select state, done, slices, attempts from integrations_syncrun") == [("finished", 40, 2, 0)]


def test_a_run_that_kills_its_worker_every_time_ends_as_failed_with_a_message(house: House) -> None:
    run = house.start(total=40)

    for _ in range(5):
        house.worker(run, CHORE_DIES_AT="3").wait()
        time.sleep(1.1)

    assert house.counted() == ["1", "2", "ended"]
    assert house.ask("select state, error, slices from integrations_syncrun") == [
        (
            "failed",
            "Given up after 3 attempts that got no further while counting to 40. "
            "Each time the worker ended without a word.",
            5,
        )
    ]


def test_of_four_workers_that_take_a_run_at_once_one_does_it(house: House) -> None:
    run = house.start(total=30)

    workers = [house.worker(run, CHORE_STEP_S="0.02") for _ in range(4)]
    for worker in workers:
        worker.wait()

    assert house.counted() == [*(str(number) for number in range(1, 31)), "ended"]


def test_a_worker_that_is_asked_to_stop_gives_the_run_back_and_dies(house: House) -> None:
    run = house.start(total=1000)
    worker = house.worker(run, CHORE_STEP_S="0.05", RUN_LEASE_S="90")
    house.until(lambda: len(house.counted()) >= 3)

    worker.terminate()
    worker.wait(timeout=10)
    ((state, holder, done),) = house.ask("select state, leased_by, done from integrations_syncrun")

    assert (worker.returncode, state, holder) == (-signal.SIGTERM, "queued", "")
    assert house.counted() == [str(number) for number in range(1, int(str(done)) + 1)]
