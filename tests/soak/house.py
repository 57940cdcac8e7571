"""What the soak, and whoever measures a sync, needs around it: a sandbox, a database, processes, connections."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

ROOT = Path(__file__).resolve().parents[2]


class Sandbox:
    """The sandbox's switches, over HTTP."""

    def __init__(self, url: str) -> None:
        self.url = url
        for _ in range(300):
            try:
                self.look("state")
                return
            except OSError:
                time.sleep(0.1)
        raise SystemExit("The sandbox did not start.")

    def control(self, action: str, **told: Any) -> Any:
        request = urllib.request.Request(  # noqa: S310
            f"{self.url}/control/{action}", json.dumps(told).encode(), {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=600) as answer:  # noqa: S310
            return json.load(answer)

    def look(self, name: str, **query: Any) -> Any:
        with urllib.request.urlopen(f"{self.url}/control/{name}?{urlencode(query)}", timeout=600) as answer:  # noqa: S310
            return json.load(answer)


def connect(user: Any, slug: str, sandbox: Sandbox, account: str) -> Any:
    """A connection as the consent page would have ended in."""
    from integrations import oauth
    from integrations.credentials import Token, encrypt
    from integrations.http import ApiSession
    from integrations.models import Connection
    from integrations.registry import PROVIDERS

    provider = PROVIDERS[slug]
    assert provider.network
    token = Token(sandbox.control("grant", provider=slug, account=account, scopes=None)["token"])
    whose = provider.network.adapter.account(ApiSession.of_token(provider, token))
    return Connection.objects.create(
        user=user,
        provider=slug,
        account_id=whose.id,
        account_name=whose.name,
        scopes=[scope.name for scope in provider.network.oauth.scopes],
        credentials=encrypt(token),
        token_expires_at=oauth.ends_at(token),
    )


# --- processes ------------------------------------------------------------------------------


@contextmanager
def process(*command: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A program of this project, with all that it starts itself; killed at the end."""
    with log.open("wb") as file:
        program = subprocess.Popen(
            [sys.executable, *command], cwd=ROOT, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            yield program
        finally:
            kill(program)


def kill(program: subprocess.Popen[bytes]) -> None:
    """SIGKILL to the program and to all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(program.pid, signal.SIGKILL)
    program.wait()


def end_when_asked() -> None:
    """Have SIGTERM end this process as Ctrl-C does, so that what it started ends with it."""

    def end(signum: int, frame: Any) -> None:
        raise SystemExit(128 + signum)

    signal.signal(signal.SIGTERM, end)


def manage(*command: str) -> None:
    subprocess.run([sys.executable, "manage.py", *command], cwd=ROOT, check=True)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@contextmanager
def database(wanted: str, folder: Path) -> Iterator[str]:
    """The address of an empty database."""
    if wanted == "sqlite":
        yield f"sqlite:///{folder / 'soak.sqlite3'}"
        return
    with ExitStack() as house:
        address = house.enter_context(postgres()) if wanted == "postgres" else wanted
        import psycopg

        name = f"soak_{os.getpid()}"
        with psycopg.connect(address, autocommit=True) as server:
            server.execute(f"create database {name}")  # type: ignore[arg-type]
        try:
            yield urlunsplit(urlsplit(address)._replace(path=f"/{name}"))
        finally:
            with psycopg.connect(address, autocommit=True) as server:
                server.execute(f"drop database if exists {name} with (force)")  # type: ignore[arg-type]


@contextmanager
def postgres() -> Iterator[str]:
    """A PostgreSQL of its own."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    initdb = str(found[-1]) if found else shutil.which("initdb")
    if initdb is None:
        raise SystemExit("There is no PostgreSQL here. Install the package postgresql, or say --database sqlite.")
    bin_folder = Path(initdb).parent
    folder = Path(tempfile.mkdtemp(prefix="soak-postgres-"))
    # PostgreSQL refuses to run as root.
    who = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if who:
        shutil.chown(folder, "postgres")
    data, port = folder / "data", free_port()

    def run(*command: str) -> None:
        subprocess.run([*who, *command], check=True, cwd="/", stdout=subprocess.DEVNULL)

    run(initdb, "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8")
    control = str(bin_folder / "pg_ctl")
    settings = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off -c synchronous_commit=off"
    run(control, "-D", str(data), "-l", str(folder / "log"), "-s", "-w", "start", "-o", settings)
    try:
        yield f"postgres://postgres@127.0.0.1:{port}/postgres"
    finally:
        run(control, "-D", str(data), "-m", "immediate", "-s", "stop")
        shutil.rmtree(folder, ignore_errors=True)
