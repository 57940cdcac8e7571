"""`manage.py sandbox`, as a person starts it: a process of its own, over granian."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.trainstack.test_serve import ROOT, STARTS_WITHIN_S, free_port
from tests.trainstack.test_supervision import eventually


class Process:
    def __init__(self, data: Path, *options: str, **environment: str) -> None:
        self.port = free_port()
        self.output = data / "output.txt"
        told = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        told |= {"DEBUG": "1", "DATA_DIR": str(data), "DJANGO_SETTINGS_MODULE": "trainstack.settings", **environment}
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "sandbox", "--port", str(self.port), *options],
                cwd=ROOT, env=told, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    def ask(self, method: str, path: str, told: Any = None) -> Any:
        """The JSON that comes back; None where nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        with suppress(OSError, http.client.HTTPException):
            connection.request(method, path, None if told is None else json.dumps(told))
            return json.loads(connection.getresponse().read())
        return None

    def is_up(self) -> bool:
        return self.ask("GET", "/control/state") is not None


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Any]:
    every: list[Process] = []

    def start(*options: str, **environment: str) -> Process:
        every.append(Process(tmp_path, *options, **environment))
        return every[-1]

    yield start
    for it in every:
        if it.process.poll() is None:
            it.process.send_signal(signal.SIGTERM)
            it.process.wait(30)


def test_sandbox_plays_keeps_its_state_and_forgets_it_on_demand(started):
    first = started()
    assert eventually(first.is_up, within_s=STARTS_WITHIN_S), first.output.read_text()
    assert f"http://127.0.0.1:{first.port}/" in first.output.read_text()
    provider = next(iter(first.ask("GET", "/control/state")))
    first.ask("POST", "/control/grant", {"provider": provider})
    # Killed, as a laptop's lid is closed.
    os.killpg(first.process.pid, signal.SIGKILL)
    first.process.wait(10)

    again = started()
    assert eventually(again.is_up, within_s=STARTS_WITHIN_S)
    assert again.ask("GET", "/control/state")[provider]["connected"] == ["demo"]
    again.process.send_signal(signal.SIGTERM)
    again.process.wait(30)

    fresh = started("--fresh", "--portal", "http://127.0.0.1:9")
    assert eventually(fresh.is_up, within_s=STARTS_WITHIN_S)
    state = fresh.ask("GET", "/control/state")[provider]
    assert (state["connected"], state["callback"]) == ([], f"http://127.0.0.1:9/webhooks/{provider}/")


def test_connection_that_is_cut_reaches_the_client_and_no_log(started):
    it = started()
    assert eventually(it.is_up, within_s=STARTS_WITHIN_S), it.output.read_text()
    provider = next(iter(it.ask("GET", "/control/state")))
    it.ask("POST", "/control/faults", {"provider": provider, "fault": "refresh_lost", "next": 1})
    path = token_path(provider)
    connection = http.client.HTTPConnection("127.0.0.1", it.port, timeout=10)

    connection.request("POST", path, "grant_type=refresh_token", {"content-type": "application/x-www-form-urlencoded"})
    began = time.monotonic()
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        connection.getresponse().read()

    assert time.monotonic() - began < 5
    assert "Traceback" not in it.output.read_text()


def token_path(provider: str) -> str:
    from integrations.sandbox.app import plays

    return f"/{provider}{plays()[provider].oauth.token_paths[0]}"


def test_sandbox_is_refused_with_debug_off(started):
    it = started(DEBUG="0", SECRET_KEY="x" * 50)

    assert it.process.wait(STARTS_WITHIN_S) == 1
    assert "it plays with DEBUG=1 only" in it.output.read_text()
