"""An import whose worker is killed is finished by the next one, with nothing twice: with real processes and signals."""

from __future__ import annotations

import json
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integrations.services.archives import gz, ride, strava, strava_row
from tests.integrations.services.exports import a_month, export, routes_of_a_month, zipped
from tests.integrations.services.test_runs import House

READ = "manage.py", "import_files", "--skip-checks"
COUNTS = """
select (select count(*) from activities_rawrecord), (select count(*) from activities_rawsighting),
       (select count(*) from activities_activity), (select count(*) from activities_sourceactivity),
       (select sum(rows) from activities_samplechunk), (select count(*) from activities_sleepsession),
       (select count(*) from activities_dailymetric)
"""
CHUNKS = "select metric, start, period, sha256, rows from activities_samplechunk order by 1, 2, 3, 4"
STREAMS = "select external_id, streams_sha256, streams from activities_sourceactivity order by 1"
# A worker that takes small steps, so that a signal finds it between two of them.
SMALL_STEPS = """
import dataclasses, sys, time
import django; django.setup()
from integrations import archives
from integrations.registry import PROVIDERS
from integrations.services import imports, runs
archives.BATCH_PAYLOADS = imports.CHECKPOINT_PAYLOADS = 2
provider = PROVIDERS["apple_health"]
reader = dataclasses.replace(provider.readers[0], block_bytes=4096, batch_bytes=16_000)
PROVIDERS["apple_health"] = dataclasses.replace(provider, readers=(reader,))
imports.CHECKPOINT_BYTES = 1
imports.LARGE_BYTES = int(sys.argv[2])
runs.work(int(sys.argv[1]), report=lambda run: time.sleep(0.02))
"""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    house.ask("insert into accounts_user (email,name,password,is_staff,is_active,is_superuser,date_joined)"
              " values ('a@example.com','','',0,1,0,'2026-01-01')")  # fmt: skip
    yield house
    for worker in house.workers:
        worker.kill()
        worker.wait()


def bring(house: House, path: Path) -> int:
    """Have the file received, and not yet read; the run's id."""
    code = (
        "import django; django.setup(); from pathlib import Path;"
        "from integrations.services import imports; from trainstack.accounts.models import User;"
        f"it = imports.receive(User.objects.get(), name='export.zip', source=Path({str(path)!r}));"
        "print(it.runs.get().pk)"
    )
    return int(house.call("-c", code, DJANGO_SETTINGS_MODULE="trainstack.settings"))


def an_apple_export() -> bytes:
    return zipped(export(a_month()), routes_of_a_month())


def a_strava_archive() -> bytes:
    rows = "".join(strava_row(day + 1, day, f"Ride {day}", file=f"activities/{day}.fit.gz") for day in range(20))
    return strava(rows, {f"activities/{day}.fit.gz": gz(ride(day)) for day in range(18)})


@pytest.mark.parametrize(
    ("made", "large_bytes"),
    [(an_apple_export, 1 << 30), (an_apple_export, 1), (a_strava_archive, 1 << 30)],
    ids=["apple", "apple, by a second process", "strava"],
)
@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "asked to stop"])
def test_an_import_is_finished_whatever_happens_to_its_workers(
    house: House, tmp_path: Path, stop: signal.Signals, made: Callable[[], bytes], large_bytes: int
) -> None:
    path = tmp_path / "export.zip"
    path.write_bytes(made())
    undisturbed = House(tmp_path / "undisturbed")
    undisturbed.ask("insert into accounts_user (email,name,password,is_staff,is_active,is_superuser,date_joined)"
                    " values ('a@example.com','','',0,1,0,'2026-01-01')")  # fmt: skip
    undisturbed.call(*READ, str(path), "--user", "a@example.com", "--json")
    run = bring(house, path)
    environment = {"DJANGO_SETTINGS_MODULE": "trainstack.settings"}

    helped = False
    for part in (0.2, 0.5, 0.9):
        worker = house.program(SMALL_STEPS, str(run), str(large_bytes), **environment)
        while far(house) < part and worker.poll() is None:
            time.sleep(0.02)
        helpers = children(worker.pid)
        helped |= bool(helpers)
        worker.send_signal(stop)
        worker.wait()
        wait_until_gone(helpers)
        time.sleep(1.1)
    house.program(SMALL_STEPS, str(run), str(large_bytes), **environment).wait()

    assert helped == (large_bytes == 1)
    ((state, slices),) = house.ask("select state, slices from integrations_syncrun")
    assert (state, int(str(slices)) > 1) == ("finished", True)
    for question in (COUNTS, CHUNKS, STREAMS):
        assert house.ask(question) == undisturbed.ask(question)
    assert report(house) == report(undisturbed)


def children(pid: int) -> list[int]:
    told = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    return [int(child) for one in told for child in one.split()]


def wait_until_gone(pids: list[int]) -> None:
    until = time.monotonic() + 10
    while any(is_alive(pid) for pid in pids):
        assert time.monotonic() < until, "a process that helped is still there"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def far(house: House) -> float:
    try:
        ((done, total),) = house.ask("select done, total from integrations_syncrun")
    except sqlite3.OperationalError:
        return 0
    return float(str(done)) / float(str(total)) if total else 0


def report(house: House) -> dict[str, object]:
    ((text,),) = house.ask("select report from integrations_import")
    told = json.loads(str(text))
    return {name: value for name, value in told.items() if name not in ("seconds", "mb_per_s")}
