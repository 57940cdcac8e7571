"""`manage.py serve`, as `make run` calls it: real processes on a free port."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.trainstack.test_supervision import eventually, is_running
from trainstack.serve import free_to_listen

ROOT = Path(__file__).resolve().parents[2]
# Generous: a test machine may have other work.
STARTS_WITHIN_S = 90


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class Server:
    """One `manage.py serve` with a data folder of its own."""

    def __init__(self, data: Path, port: int, *options: str) -> None:
        self.data, self.port = data, port
        self.output = data.with_name(f"{data.name}-{port}.txt")
        environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        environment |= {"DEBUG": "1", "DATA_DIR": str(data), "DJANGO_SETTINGS_MODULE": "trainstack.settings"}
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "serve", "--port", str(port), *options],
                cwd=ROOT,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def said(self, text: str) -> bool:
        return text in self.output.read_text()

    def status(self, path: str) -> int | None:
        with (
            suppress(OSError, http.client.HTTPException),
            closing(http.client.HTTPConnection("127.0.0.1", self.port)) as to,
        ):
            to.request("GET", path)
            return to.getresponse().status
        return None

    def rows(self, query: str) -> list[tuple]:
        with closing(sqlite3.connect(self.data / "trainstack.sqlite3", timeout=20)) as database:
            return database.execute(query).fetchall()

    def family(self) -> set[int]:
        """The process and all that stem from it."""
        parents = {}
        for line in _processes():
            pid, parent = line.split()
            parents.setdefault(int(parent), set()).add(int(pid))
        found, queue = set(), [self.process.pid]
        while queue:
            pid = queue.pop()
            found.add(pid)
            queue += parents.get(pid, set()) - found
        return found


def _processes() -> Iterator[str]:
    """`pid parent` of every process."""
    if not Path("/proc/self/stat").exists():
        yield from subprocess.run(
            ["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
        ).stdout.splitlines()
        return
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                yield f"{folder.name} {(folder / 'stat').read_text().rsplit(')', 1)[1].split()[1]}"


@pytest.fixture
def serve(tmp_path) -> Iterator:
    servers: list[Server] = []

    def start(*options: str, port: int | None = None) -> Server:
        servers.append(Server(tmp_path / "data", port or free_port(), *options))
        return servers[-1]

    yield start
    for server in servers:
        if server.process.poll() is None:
            server.process.terminate()
            server.process.wait(30)


def test_portal_answers_and_everything_ends_with_ctrl_c(serve):
    server = serve("--demo")
    assert eventually(lambda: server.said("Ctrl-C stops it"), within_s=STARTS_WITHIN_S), server.output.read_text()
    # Supervisor, two guards, granian with its worker; the queue's sentinel, worker, monitor and pusher.
    assert eventually(lambda: len(server.family()) >= 9, within_s=STARTS_WITHIN_S)
    assert eventually(lambda: server.rows("SELECT 1 FROM integrations_import"), within_s=STARTS_WITHIN_S)
    family = server.family()

    assert server.status("/accounts/login/") == 200
    assert server.status("/mail/") == 200
    assert server.said(f"http://127.0.0.1:{server.port}/")
    assert all(server.said(f"{who}@demo.example") for who in ("athlete", "coach", "staff"))

    server.process.send_signal(signal.SIGINT)

    assert server.process.wait(30) == 0
    assert eventually(lambda: not any(is_running(pid) for pid in family))
    assert free_to_listen("127.0.0.1", server.port)
    assert "Traceback" not in server.output.read_text()

    again = serve("--demo")
    assert eventually(lambda: again.said("Ctrl-C stops it"), within_s=STARTS_WITHIN_S)
    assert again.rows("SELECT count(*) FROM accounts_user") == [(3,)]
    # What was being read is taken up again, although its worker was ended in the middle.
    finished = "SELECT count(*) FROM integrations_import WHERE state = 'finished' AND name = 'last-weeks.zip'"
    assert eventually(lambda: again.rows(finished) == [(1,)], within_s=STARTS_WITHIN_S)


def test_sandbox_plays_on_the_next_port_and_the_portal_knows_it(serve):
    server = serve("--sandbox", "--demo")
    assert eventually(lambda: server.said("Ctrl-C stops it"), within_s=STARTS_WITHIN_S), server.output.read_text()
    family = server.family()

    assert server.status("/accounts/login/") == 200
    assert server.said(f"The sandbox plays every provider on http://127.0.0.1:{server.port + 1}/")
    assert server.said(f"providers, all of them: http://127.0.0.1:{server.port}/connections/")
    with closing(http.client.HTTPConnection("127.0.0.1", server.port + 1)) as to:
        to.request("GET", "/control/state")
        [told, *_] = json.loads(to.getresponse().read()).values()
    # Webhooks come to this portal, and portal and worker find the sandbox, on whichever ports they are.
    assert told["callback"].startswith(f"http://127.0.0.1:{server.port}/webhooks/")
    assert len(told_environment(family, f"SANDBOX_URL=http://127.0.0.1:{server.port + 1}")) >= 4
    assert len(told_environment(family, f"BASE_URL=http://127.0.0.1:{server.port}")) >= 6

    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(30) == 0
    assert eventually(lambda: not any(is_running(pid) for pid in family))
    assert "Traceback" not in server.output.read_text()


def told_environment(family: set[int], line: str) -> set[int]:
    """The processes whose environment holds this line."""
    found = set()
    for pid in family:
        with suppress(OSError):
            if line.encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                found.add(pid)
    return found


def test_second_port_that_is_taken_is_said(serve):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = serve("--sandbox", port=port - 1)

        assert server.process.wait(60) == 1
    assert (
        f"Port {port} is taken by another program. Choose another: make run PORT={port + 1}"
        in server.output.read_text()
    )


def test_nothing_stays_behind_when_the_supervisor_is_killed(serve):
    server = serve()
    assert eventually(lambda: server.said("Ctrl-C stops it"), within_s=STARTS_WITHIN_S)
    family = server.family()

    os.killpg(server.process.pid, signal.SIGKILL)
    server.process.wait(5)

    assert eventually(lambda: not any(is_running(pid) for pid in family), within_s=30)
    assert free_to_listen("127.0.0.1", server.port)


def test_port_that_is_taken_is_said_before_anything_is_done(serve):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = serve(port=port)

        assert server.process.wait(60) == 1
    assert (
        f"Port {port} is taken by another program. Choose another: make run PORT={port + 1}"
        in server.output.read_text()
    )
    assert not (server.data / "trainstack.sqlite3").exists()
