"""A sync whose worker is killed is finished by the next one, nothing lost and nothing twice: with real processes."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integrations.playback import Call, Reply
from tests.integrations.services import largo
from tests.integrations.services.largo import Largo, World
from tests.integrations.services.test_runs import House

QUESTIONS = (
    "select kind, external_id, sha256 from activities_rawrecord where kind <> 'unreadable' order by 1, 2, 3",
    "select external_id, name, elapsed_s, streams_sha256 from activities_sourceactivity order by 1",
    "select name, start_time from activities_activity order by 2",
    "select external_id, date, score, is_shown from activities_sleepsession order by 1",
    "select metric, date, value from activities_dailymetric order by 1, 2",
    "select metric, start, period, rows, sha256 from activities_samplechunk order by 1, 2, 3",
    "select count(*) from activities_rawsighting where withdrawn_at is not null",
    "select count(*) from integrations_openask where empty_at is null",
)
CONNECT = """
import django; django.setup()
from integrations.registry import PROVIDERS
from integrations.services import syncing
from tests.integrations.services import largo
PROVIDERS[largo.SLUG] = largo.PROVIDER
print(syncing.request_sync(largo.connect(), "connect").pk)
"""


def a_world() -> World:
    world = World()
    for number in range(35):
        world.add_workout(number, points=number % 3 != 0)
    for number in range(12):
        world.add_night(number)
        world.add_score(f"2026-04-{number + 1:02}", 50 + number)
    return world


class Syncing(House):
    """A house that is connected with Largo."""

    def __init__(self, folder: Path, server: Largo) -> None:
        super().__init__(folder)
        self.env |= {
            **largo.settings_of(server.url),
            "DJANGO_SETTINGS_MODULE": "trainstack.settings",
            "SYNC_RETRY_S": "0.1",
            "RUN_LEASE_S": "2",
        }
        self.run = int(self.call("-c", CONNECT).split()[-1])

    def working(self, pause_s: float = 0.0, slice_s: float = 60) -> subprocess.Popen[bytes]:
        return self._process("-m", "tests.integrations.services.largo", str(pause_s), str(slice_s))

    def answers(self) -> list[Any]:
        return [self.ask(question) for question in QUESTIONS]

    @property
    def state(self) -> str:
        return str(self.ask("select state from integrations_syncrun")[0][0])


@pytest.fixture
def server() -> Iterator[Largo]:
    server = Largo(a_world())
    yield server
    server.close()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """What a sync comes to that nothing disturbs."""
    server = Largo(a_world())
    house = Syncing(tmp_path_factory.mktemp("undisturbed"), server)
    assert house.working().wait() == 0
    server.close()
    return house.answers()


@pytest.fixture
def house(tmp_path: Path, server: Largo) -> Iterator[Syncing]:
    house = Syncing(tmp_path / "disturbed", server)
    yield house
    for worker in house.workers:
        worker.kill()
        worker.wait()


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "asked to stop"])
def test_a_sync_is_finished_whatever_happens_to_its_workers(
    house: Syncing, undisturbed: list[Any], stop: signal.Signals
) -> None:
    for far in (5, 20, 40):
        worker = house.working(pause_s=0.1)
        house.until(lambda far=far, worker=worker: done(house) >= far or worker.poll() is not None)  # type: ignore[misc]
        worker.send_signal(stop)
        worker.wait()
    assert house.state != "finished"

    assert house.working().wait() == 0

    assert house.state == "finished"
    assert house.answers() == undisturbed


def test_two_workers_and_a_provider_that_fails_now_and_then_end_in_the_same_rows(
    house: Syncing, undisturbed: list[Any], server: Largo
) -> None:
    dice = random.Random(7)

    def now_and_then(call: Call) -> Reply | None:
        roll = dice.random()
        if roll < 0.03:
            return Reply(500)
        if roll < 0.06:
            return Reply(200, b'{"records": [{"', {"content-type": "application/json"})
        if roll < 0.08:
            return Reply(200, drop=True)
        return Reply(429, headers={"Retry-After": "1"}) if roll < 0.09 else None

    server.world.tricks.append(now_and_then)
    ends = time.monotonic() + 90
    workers = [house.working(0.01, 1) for _ in range(2)]
    for _ in range(3):
        time.sleep(2)
        victim = dice.choice(workers)
        victim.kill()
        victim.wait()
        workers[workers.index(victim)] = house.working(0.01, 1)
    while house.state != "finished" and time.monotonic() < ends:
        time.sleep(0.2)

    assert house.state == "finished"
    assert house.answers() == undisturbed


def done(house: House) -> int:
    return int(str(house.ask("select done from integrations_syncrun")[0][0]))
