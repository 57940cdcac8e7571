"""Two workers file records of one athlete at the same time, each over a connection of its own, and agree.

SQLite has one writer at a time, so that there is nothing to prove.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from django.db import connection, connections, transaction

from activities.domain.matching import Record
from activities.models import Activity, SourceActivity
from activities.services.deciding import say_different, say_same, undo
from activities.services.grouping import rebuild, remove_sources
from activities.services.priorities import set_priority
from tests.activities.services.grouping_account import expected_of, expected_suggestions, file, state_of, suggested
from trainstack.accounts.models import User

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="two writers at a time need PostgreSQL"),
]

HOUR_MS = 3_600_000
START_MS = 1_780_000_000_000
ROUNDS = 25
PATIENCE_S = 30


def run(provider: str, start_s: int = 0) -> Record:
    return Record(provider, f"{provider} {start_s}", "running", START_MS + start_s * 1000, elapsed_ms=HOUR_MS)


@pytest.fixture
def worker() -> Iterator[Callable[..., Future[object]]]:
    """`worker(do, *arguments)` has it done in a thread with a connection of its own."""

    def work(do: Callable[..., object], *arguments: object) -> object:
        try:
            return do(*arguments)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        yield lambda do, *arguments: pool.submit(work, do, *arguments)


def test_the_second_waits_for_the_first_and_then_sees_its_record(user: User, worker: Callable[..., Future[object]]):
    begun, go_on = threading.Event(), threading.Event()

    def first() -> None:
        with transaction.atomic():
            file(user, [run("garmin")])
            begun.set()
            assert go_on.wait(PATIENCE_S)

    def second() -> None:
        with transaction.atomic():
            file(user, [run("strava", 10)])

    one = worker(first)
    assert begun.wait(PATIENCE_S)
    other = worker(second)
    with pytest.raises(TimeoutError):
        other.result(timeout=0.5)
    go_on.set()
    one.result(PATIENCE_S)
    other.result(PATIENCE_S)

    assert Activity.objects.get().sources.count() == 2


def test_rows_of_the_athlete_can_be_inserted_while_somebody_groups(
    user: User, worker: Callable[..., Future[object]]
) -> None:
    with transaction.atomic():
        file(user, [run("garmin")])

        worker(lambda: user.imports.create(name="beside", sha256="0" * 64, size_bytes=1)).result(PATIENCE_S)

    assert user.imports.exists()


def test_workers_that_add_remove_decide_and_order_end_in_what_the_pure_core_says(
    user: User, worker: Callable[..., Future[object]]
) -> None:
    providers = ("garmin", "polar", "strava", "wahoo")

    def some_of(seed: int) -> int:
        chance = random.Random(seed)
        done = 0
        for _ in range(ROUNDS):
            what = chance.choice(("add", "add", "add", "remove", "decide", "order"))
            if what == "add":
                new = [run(chance.choice(providers), chance.randrange(0, 400, 40)) for _ in range(3)]
                with transaction.atomic():
                    file(user, {it.key: it for it in new}.values())
            elif what == "remove":
                with transaction.atomic():
                    sources = list(SourceActivity.objects.filter(user=user).values_list("pk", flat=True))
                    remove_sources(user, chance.sample(sources, min(1, len(sources))))
            elif what == "decide":
                done += decide(chance)
            else:
                set_priority(user, "activities", [[it] for it in chance.sample(providers, 4)])
        return done

    def decide(chance: random.Random) -> int:
        sources = list(SourceActivity.objects.filter(user=user))
        if len(sources) < 2:
            return 0
        one, other = chance.sample(sources, 2)
        try:
            made = chance.choice((say_same, say_different))(user, one, other)
        except ValueError:
            # The other worker has removed one of them meanwhile.
            return 0
        if chance.random() < 0.5:
            undo(user, made)
        return 1

    decided = [it.result(4 * PATIENCE_S) for it in [worker(some_of, seed) for seed in (1, 2, 3)]]

    assert sum(decided) > 0  # type: ignore[arg-type]
    assert connection.vendor == "postgresql"
    assert state_of(user) == expected_of(user)
    assert suggested(user) == expected_suggestions(user)
    assert not rebuild(user)
