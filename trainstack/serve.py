"""Portal and worker under one process: started together, watched, stopped together.

    supervisor (`manage.py serve`)
        guard -> granian            each guard and its command in a session of its own
        guard -> manage.py qcluster
        guard -> granian            the sandbox, with DEBUG

A guard holds the read end of a pipe whose write end only the supervisor has. When that end closes, because the
supervisor stops or was killed, the guard ends its command's whole process group: a queue's sentinel, its workers, and
whatever those started. A command that dies is started again after a wait that grows; one that cannot stay up takes
everything down.

This module imports nothing but the standard library: a guard costs no Django.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

# From SIGTERM to SIGKILL. A run's slice ends at its next checkpoint, well within this.
GRACE_S = 5.0
# A command that lived this long is well; deaths before it do not count against it.
WELL_AFTER_S = 60.0
MAX_DEATHS = 5


def free_to_listen(host: str, port: int) -> bool:
    """Whether nobody listens on the port yet. Granian itself would share it with another granian in silence."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def answers(host: str, port: int) -> bool:
    """Whether a server takes connections on the port."""
    with suppress(OSError), socket.create_connection((host, port), timeout=1):
        return True
    return False


# --- the sandbox ----------------------------------------------------------------------------

# Requests that it answers at once. Some of them are silent on purpose, for half a minute.
SANDBOX_THREADS = 24


def sandbox_command(host: str, port: int) -> list[str]:
    """What Python is told in order to play every provider, see `integrations.sandbox`."""
    return [
        *("-m", "granian", "integrations.sandbox.wsgi:application", "--interface", "wsgi", "--host", host),
        *("--port", str(port), "--workers", "1", "--blocking-threads", str(SANDBOX_THREADS), "--no-ws"),
        # It would warn of so many threads on few cores.
        *("--log-level", "error"),
    ]


# --- the guard ------------------------------------------------------------------------------


def guard(command: Sequence[str]) -> int:
    """Runs a command until it ends or standard input closes, then ends its process group; returns its exit code."""
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: over.set())
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)

    def until(wait: Callable[[], object]) -> None:
        wait()
        over.set()

    threading.Thread(target=until, args=(process.wait,), daemon=True).start()
    threading.Thread(target=until, args=(lambda: os.read(0, 1),), daemon=True).start()
    over.wait()
    end_group(process.pid)
    return process.wait()


def end_group(group: int, grace_s: float = GRACE_S) -> None:
    """SIGTERM to every process of the group, and SIGKILL to those that are still there after the grace time."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(group, number)
        deadline = time.monotonic() + grace_s
        while time.monotonic() < deadline:
            try:
                os.killpg(group, 0)
            except ProcessLookupError:
                return
            time.sleep(0.05)


# --- the supervisor -------------------------------------------------------------------------


@dataclass
class Child:
    """One command under its guard."""

    name: str
    command: Sequence[str]
    directory: Path
    # Beside the environment of this process.
    environment: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    deaths: int = 0
    again_at: float = 0.0

    def start(self) -> None:
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-I", __file__, *self.command],
            stdin=subprocess.PIPE,
            start_new_session=True,
            cwd=self.directory,
            env={**os.environ, **self.environment},
        )

    def release(self) -> None:
        """Tells the guard to end the command."""
        if self.process and self.process.stdin:
            self.process.stdin.close()

    def wait(self, timeout_s: float) -> None:
        """Until the guard is gone; one that does not go is killed."""
        if self.process:
            try:
                self.process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self.process.kill()


class Supervisor:
    """Keeps its children up until it is told to stop, or until one of them cannot be kept up."""

    def __init__(self, children: Sequence[Child], *, say: Callable[[str], object] = print) -> None:
        self.children = children
        self.say = say
        self.stopping = threading.Event()

    def stop(self, *_: object) -> None:
        self.stopping.set()

    def start(self) -> None:
        """Starts the children; from here on SIGINT, SIGTERM and SIGHUP mean `stop`."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self.stop)
        for child in self.children:
            child.start()

    def wait_until(self, ready: Callable[[], bool], timeout_s: float) -> bool:
        """Whether it became ready in time, while the children are watched."""
        deadline = time.monotonic() + timeout_s
        while not self.stopping.is_set() and time.monotonic() < deadline:
            if ready():
                return True
            if not self.watch():
                return False
            self.stopping.wait(0.1)
        return False

    def run(self) -> int:
        """Watches until told to stop; returns 0, or 1 if a child could not be kept up."""
        failed = False
        while not failed and not self.stopping.wait(0.2):
            failed = not self.watch()
        self.end()
        return int(failed)

    def watch(self) -> bool:
        """Starts the dead again when their time has come; False if one died too often."""
        now = time.monotonic()
        for child in self.children:
            if child.again_at:
                if now >= child.again_at:
                    child.again_at = 0.0
                    child.start()
            elif child.process and (code := child.process.poll()) is not None:
                child.release()
                child.deaths = 1 if now - child.started_at > WELL_AFTER_S else child.deaths + 1
                if child.deaths >= MAX_DEATHS:
                    self.say(f"The {child.name} ended {MAX_DEATHS} times in a row, last with code {code}: stopping.")
                    return False
                pause_s = 2 ** (child.deaths - 1)
                self.say(f"The {child.name} ended with code {code}; starting it again in {pause_s} s.")
                child.again_at = now + pause_s
        return True

    def end(self) -> None:
        """Ends the children, all at once."""
        for child in self.children:
            child.release()
        for child in self.children:
            child.wait(2 * GRACE_S + 2)


if __name__ == "__main__":
    sys.exit(guard(sys.argv[1:]))
