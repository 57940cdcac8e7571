"""Runs of one athlete: one at a time, a lane for each connection, and whoever waits leaves the others alone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.brokers import get_broker

from integrations.models import Connection, OpenAsk, SyncRun
from integrations.services import runs, syncing
from integrations.services.runs import Lease, Work
from tests.factories.accounts import UserFactory
from tests.integrations.playback import Reply
from tests.integrations.services.largo import World, connect
from tests.integrations.services.test_runs import nudges
from trainstack.accounts.models import User


def pace(lease: Lease) -> None:
    """One step a slice, as many as the run's total."""
    step = lease.run.cursor.get("step", 0) + 1
    lease.save(cursor={"step": step}, done=step)
    if step == lease.run.total or not lease.time_is_up:
        lease.finish()


def nothing(run: SyncRun) -> None:
    """No one waits for it."""


PACING = Work(step=pace, ended=nothing, reopened=nothing)


@pytest.fixture(autouse=True)
def empty_queue(transactional_db: None) -> None:
    get_broker().purge_queue()


@pytest.fixture
def only_counting(monkeypatch: pytest.MonkeyPatch) -> None:
    """What imports and syncs really do is not the matter here."""
    for kind in ("import", "sync", "forget"):
        monkeypatch.setitem(runs.WORK, kind, f"{__name__}.PACING")


def lane(user: User, provider: str) -> Connection:
    return Connection.objects.create(user=user, provider=provider, account_id="7")


def start(user: User, connection: Connection | None = None, total: int = 3) -> SyncRun:
    return runs.start(user, kind="sync" if connection else "import", connection=connection, total=total)


def test_a_run_that_waits_blocks_no_other_of_its_athlete(only_counting: None) -> None:
    user = UserFactory()
    waiting, imported = start(user, lane(user, "strava")), start(user)
    lease = runs.claim(waiting.pk)
    assert lease
    assert runs.work(imported.pk) is None

    lease.wait(timezone.now() + timedelta(minutes=10), "Waiting")

    assert nudges()[-1] == (imported.pk, 0)
    assert runs.work(imported.pk) is not None
    waiting.refresh_from_db()
    assert (waiting.state, waiting.doing) == ("queued", "Waiting")


def test_imports_keep_their_order_whatever_connections_do(only_counting: None) -> None:
    user = UserFactory()
    first, synced, second = start(user), start(user, lane(user, "strava")), start(user)

    assert runs.work(second.pk) is None
    assert runs.work(synced.pk, slice_s=0) is not None
    assert runs.work(second.pk) is None
    runs.work(first.pk)

    assert runs.work(second.pk) is not None


def test_connections_take_turns_by_the_slice(only_counting: None) -> None:
    user = UserFactory()
    lanes = [start(user, lane(user, slug)) for slug in ("strava", "polar", "oura")]
    order = []
    turn = lanes[0].pk, 0

    for _ in range(9):
        assert runs.work(turn[0], slices=turn[1], slice_s=0)
        order.append(turn[0])
        turn = nudges()[-1]

    a, b, c = (run.pk for run in lanes)
    assert order == [a, b, c] * 3
    assert set(SyncRun.objects.values_list("state", flat=True)) == {"finished"}


def test_a_second_run_of_a_connection_comes_after_the_first(only_counting: None) -> None:
    user = UserFactory()
    connection = lane(user, "strava")
    first = start(user, connection)
    second = runs.start(user, kind="forget", connection=connection)

    assert runs.work(second.pk) is None
    runs.work(first.pk)

    assert nudges()[-1] == (second.pk, 0)


def test_the_sweep_takes_up_what_has_waited_long_enough(only_counting: None) -> None:
    user = UserFactory()
    run = start(user, lane(user, "strava"))
    lease = runs.claim(run.pk)
    assert lease
    lease.wait(timezone.now() + timedelta(minutes=10), "Waiting")
    assert runs.sweep_runs() == 0

    SyncRun.objects.filter(pk=run.pk).update(leased_until=timezone.now(), waits_until=timezone.now())

    assert runs.sweep_runs() == 1
    assert nudges()[-1] == (run.pk, 1)


def test_cancelling_a_run_that_waits_ends_it_now(world: World) -> None:
    connection = connect()
    world.tricks.append(lambda call: Reply(429, headers={"Retry-After": "600"}))
    run = syncing.request_sync(connection)
    runs.work(run.pk)
    run.refresh_from_db()
    assert run.waits_until is not None

    syncing.stop(connection)
    runs.work(run.pk)

    run.refresh_from_db()
    assert run.state == "cancelled"
    assert connection.asks.exists()


# --- asking for a sync ----------------------------------------------------------------------


def test_a_connection_has_one_open_sync_however_often_it_is_asked_for(world: World) -> None:
    connection = connect()

    first, second = syncing.request_sync(connection), syncing.request_sync(connection, "webhook")

    assert first == second
    assert SyncRun.objects.count() == 1
    assert OpenAsk.objects.filter(what="workouts").count() == 1


def test_a_sync_by_hand_goes_before_history_and_may_use_the_whole_budget(world: World) -> None:
    connection = connect()
    runs.work_through(syncing.request_sync(connection, "connect"))

    syncing.request_sync(connection, "schedule")
    scheduled = set(OpenAsk.objects.values_list("rank", flat=True))
    syncing.request_sync(connection, "manual", full=True, looks={"workouts": "incremental"})

    assert 0 not in scheduled
    assert OpenAsk.objects.get(what="workouts").rank == 0


def test_a_feed_without_its_scope_is_not_asked_for(world: World) -> None:
    connection = connect()
    Connection.objects.update(scopes=[])

    syncing.request_sync(connection)

    assert not OpenAsk.objects.exists()


# --- the schedule ---------------------------------------------------------------------------


def test_the_schedule_syncs_whose_time_has_come_and_plans_the_next_with_jitter(world: World) -> None:
    connections = [connect(account_id=str(number)) for number in range(5)]

    assert [syncing.request_due(), syncing.request_due()] == [5, 0]

    dues = {Connection.objects.get(pk=it.pk).next_sync_at for it in connections}
    now = timezone.now()
    assert len(dues) == 5
    assert all(due and timedelta(minutes=59) < due - now < timedelta(minutes=73) for due in dues)
    assert {run.trigger for run in SyncRun.objects.all()} == {"schedule"}


def test_the_schedule_makes_requests_whose_wait_is_over(world: World) -> None:
    connection = connect()
    runs.work_through(syncing.request_sync(connection))
    ask = OpenAsk.objects.create(connection=connection, what="detail", key="w1", attempts=1)

    assert syncing.request_due() == 1
    assert syncing.request_due() == 0
    runs.work_through(SyncRun.objects.get(state="queued"))
    assert not OpenAsk.objects.filter(pk=ask.pk).exists()


def test_the_schedule_leaves_broken_connections_alone(world: World) -> None:
    connect()
    Connection.objects.update(state=Connection.State.BROKEN)

    assert syncing.request_due() == 0


def test_the_schedule_lists_everything_once_a_month(world: World) -> None:
    connection = connect()
    runs.work_through(syncing.request_sync(connection))
    connection.refresh_from_db()
    long_ago = (timezone.now() - timedelta(days=31)).isoformat()
    connection.looked_at = dict.fromkeys(connection.looked_at, long_ago)
    connection.next_sync_at = timezone.now()
    connection.save()

    syncing.request_due()

    assert sorted(OpenAsk.objects.exclude(what="pulse").values_list("key", flat=True)) == ["relist 1"] * 3
