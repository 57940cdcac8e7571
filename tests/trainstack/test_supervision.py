"""The supervisor and its guards, with real processes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from trainstack import serve
from trainstack.serve import Child, Supervisor, answers, free_to_listen

HERE = Path(__file__).parent
# Leaves a grandchild behind and tells both numbers.
PARENT = """
import os, signal, subprocess, sys, time
grandchild = subprocess.Popen([sys.executable, "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_DFL); print('ready', flush=True); time.sleep(600)"],
    stdout=subprocess.PIPE)
grandchild.stdout.readline()
open(sys.argv[1] + ".new", "w").write(f"{os.getpid()} {grandchild.pid}")
os.rename(sys.argv[1] + ".new", sys.argv[1])
time.sleep(600)
"""
# Its grandchild shrugs at SIGTERM.
STUBBORN = PARENT.replace("SIG_DFL", "SIG_IGN")
# Notes each start as a line in a file, and dies.
DYING = "import sys; open(sys.argv[1], 'a').write('x'); sys.exit(3)"


def is_running(pid: int) -> bool:
    """Whether the process does anything; one that only waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # gone before the file was opened, or while it was read
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        return not Path("/proc/self").exists()


def eventually(condition, *, within_s: float = 15.0) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def guarded(script: str, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-I", serve.__file__, sys.executable, "-c", script, *arguments],
        stdin=subprocess.PIPE,
        start_new_session=True,
    )


def pids_of(path: Path) -> list[int]:
    assert eventually(path.exists)
    return [int(pid) for pid in path.read_text().split()]


@pytest.mark.parametrize(
    ("how", "script"),
    [("pipe closes", PARENT), ("SIGTERM", PARENT), ("pipe closes", STUBBORN)],
    ids=["pipe", "signal", "stubborn"],
)
def test_guard_ends_the_whole_group(tmp_path, how, script):
    guard = guarded(script, str(tmp_path / "pids"))
    pids = pids_of(tmp_path / "pids")
    assert [is_running(pid) for pid in pids] == [True, True]

    if how == "SIGTERM":
        guard.terminate()
    else:
        guard.stdin.close()
    guard.wait(15)

    assert [is_running(pid) for pid in pids] == [False, False]


def test_guard_ends_the_group_when_the_supervisor_is_killed(tmp_path):
    supervisor = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys; from pathlib import Path; from trainstack.serve import Child, Supervisor;"
            "s = Supervisor([Child('sleeper', [sys.executable, '-c', sys.argv[1], sys.argv[2]], Path('.'))]);"
            "s.start(); s.run()",
            PARENT,
            str(tmp_path / "pids"),
        ]
    )
    pids = pids_of(tmp_path / "pids")

    supervisor.kill()
    supervisor.wait(5)

    assert eventually(lambda: not any(is_running(pid) for pid in pids))


def test_guard_takes_the_exit_code_of_its_command():
    guard = guarded("import sys; sys.exit(7)")

    assert guard.wait(15) == 7


@pytest.fixture
def kept_signals():
    """The supervisor sets handlers for its whole life; a test gives them back."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    handlers = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, handlers, strict=True):
        signal.signal(number, handler)


def test_child_that_dies_is_started_again_and_at_last_takes_all_down(tmp_path, kept_signals, monkeypatch):
    monkeypatch.setattr(serve, "MAX_DEATHS", 3)
    said: list[str] = []
    well = Child("well", [sys.executable, "-c", PARENT, str(tmp_path / "pids")], HERE)
    ill = Child("ill", [sys.executable, "-c", DYING, str(tmp_path / "starts")], HERE)
    supervisor = Supervisor([well, ill], say=said.append)
    supervisor.start()
    pids = pids_of(tmp_path / "pids")

    code = supervisor.run()

    assert code == 1
    assert (tmp_path / "starts").read_text() == "xxx"
    assert said == [
        "The ill ended with code 3; starting it again in 1 s.",
        "The ill ended with code 3; starting it again in 2 s.",
        "The ill ended 3 times in a row, last with code 3: stopping.",
    ]
    assert [is_running(pid) for pid in pids] == [False, False]


def test_death_after_a_good_while_counts_as_the_first(tmp_path, kept_signals, monkeypatch):
    monkeypatch.setattr(serve, "WELL_AFTER_S", 0.0)
    said: list[str] = []
    supervisor = Supervisor(
        [Child("ill", [sys.executable, "-c", DYING, str(tmp_path / "starts")], HERE)], say=said.append
    )
    supervisor.start()

    assert not supervisor.wait_until(lambda: len(said) == 3, 0.0)
    assert supervisor.wait_until(lambda: len(said) == 3, 20)
    supervisor.stop()

    assert supervisor.run() == 0
    assert said == ["The ill ended with code 3; starting it again in 1 s."] * 3


def test_port_is_free_until_somebody_listens():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        assert not free_to_listen("127.0.0.1", port)
        assert answers("127.0.0.1", port)
    assert free_to_listen("127.0.0.1", port)
    assert not answers("127.0.0.1", port)
