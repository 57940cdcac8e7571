"""Webhook receipts a second and how long their answers take: signed deliveries to the real server over loopback.

    python -m benchmarks.webhooks [--seconds 5] [--senders 4] [--steady 50]

One granian process as `manage.py serve` starts it, DEBUG off, every delivery signed, verified and one row. First a
steady stream of so many a second, as providers send them, for the time of an answer; then as many as go in from so
many senders at once, for how many there can be (an answer then waits in line for the others). On SQLite in a folder of
its own, or on the empty database that DATABASE_URL names. The answer to a provider is to take less than 50 ms.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import hmac
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from itertools import count
from pathlib import Path

from cryptography.fernet import Fernet

from benchmarks.importing import ROOT

SECRET = "a-client-secret"  # noqa: S105
ADDRESS = "/webhooks/whoop/"
GOAL_MS = 50.0
START_S = 60.0


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seconds", type=float, default=5.0)
    arguments.add_argument("--senders", type=int, default=4)
    arguments.add_argument("--steady", type=int, default=50, metavar="A_SECOND")
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder, _server(Path(folder)) as (port, group, stored):
        _send(port, 1, 0.5)
        before, busy = stored(), _busy_s(group)
        took = _send(port, 2, chosen.seconds, pace=chosen.steady)
        p99 = _say(f"{chosen.steady} a second, as told", took, chosen.seconds)
        flat = _send(port, chosen.senders, chosen.seconds)
        _say(f"as many as go, from {chosen.senders} senders", flat, chosen.seconds)
        kept, busy = stored() - before, _busy_s(group) - busy
    sent = len(took) + len(flat)
    print(f"  rows: {kept:,} of {sent:,} deliveries that were answered")
    print(f"  the server's processor: {busy / sent * 1000:.1f} ms a delivery, whatever else this machine does")
    return 0 if p99 < GOAL_MS and kept == sent else 1


def _say(what: str, took: list[float], seconds: float) -> float:
    """Prints and gives the 99th percentile in milliseconds."""
    ordered = sorted(it * 1000 for it in took)
    p99 = ordered[int(len(ordered) * 0.99)]
    print(
        f"{what}: {len(ordered) / seconds:,.0f} receipts a second; answered in {ordered[len(ordered) // 2]:.1f} ms "
        f"(median), {p99:.1f} ms (p99), {ordered[-1]:.1f} ms (longest)"
    )
    return p99


def _busy_s(group: int) -> float:
    """The processor's seconds so far of all processes of a group."""
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            told = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(told[2]) == group:
            ticks += int(told[11]) + int(told[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _send(port: int, senders: int, seconds: float, *, pace: float = 0) -> list[float]:
    """The seconds that each answer took. With `pace` so many are sent a second, else each sender as fast as it can."""
    took: list[float] = []
    ends = time.perf_counter() + seconds
    numbers = count()
    began = time.perf_counter()

    def work() -> None:
        connection = HTTPConnection("127.0.0.1", port, timeout=30)
        connection.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while time.perf_counter() < ends:
            if pace:
                time.sleep(max(began + next(numbers) / pace - time.perf_counter(), 0))
            body, headers = _delivery()
            since = time.perf_counter()
            connection.request("POST", ADDRESS, body, headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise SystemExit(f"the server answered {answer.status}")
            took.append(time.perf_counter() - since)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(senders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return took


def _delivery() -> tuple[bytes, dict[str, str]]:
    """One that was never sent before, signed as WHOOP signs."""
    told = {"user_id": 10129, "id": str(uuid.uuid4()), "type": "workout.updated", "trace_id": str(uuid.uuid4())}
    body = json.dumps(told).encode()
    stamp = str(int(time.time() * 1000))
    digest = hmac.new(SECRET.encode(), stamp.encode() + body, hashlib.sha256).digest()
    return body, {
        "Content-Type": "application/json",
        "X-WHOOP-Signature": base64.b64encode(digest).decode(),
        "X-WHOOP-Signature-Timestamp": stamp,
    }


@contextmanager
def _server(folder: Path) -> Iterator[tuple[int, int, Callable[[], int]]]:
    """The portal's web server: its port, its group of processes, and how many receipts it has stored."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    url = os.environ.get("DATABASE_URL") or f"sqlite:///{folder / 'bench.sqlite3'}"
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "trainstack.settings",
        "DEBUG": "0",
        "SECRET_KEY": "for the benchmark only, and nobody else",
        "DATA_DIR": str(folder),
        "DATABASE_URL": url,
        "BASE_URL": f"http://127.0.0.1:{port}",
        "LOG_LEVEL": "WARNING",
        # No static files were collected for it.
        "PYTHONWARNINGS": "ignore",
        "CREDENTIAL_KEYS": Fernet.generate_key().decode(),
        "WHOOP_CLIENT_ID": "a-client",
        "WHOOP_CLIENT_SECRET": SECRET,
    }
    subprocess.run([sys.executable, "manage.py", "migrate", "-v", "0"], cwd=ROOT, check=True)
    import django

    django.setup()
    from django.db import connection

    from integrations.models import WebhookReceipt

    print(f"on {connection.vendor}", flush=True)
    command = [
        *(sys.executable, "-m", "granian", "trainstack.wsgi:application", "--interface", "wsgi"),
        *("--host", "127.0.0.1", "--port", str(port), "--workers", "1", "--blocking-threads", "8"),
        *("--no-ws", "--log-level", "error"),
    ]
    server = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
    try:
        _wait_for(port)
        yield port, server.pid, WebhookReceipt.objects.count
    finally:
        server.terminate()
        server.wait()
        connection.close()


def _wait_for(port: int) -> None:
    ends = time.monotonic() + START_S
    while time.monotonic() < ends:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("the server did not start")


if __name__ == "__main__":
    sys.exit(main())
