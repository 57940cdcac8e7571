"""Several workers at the same thing at once, in processes of their own, as they are in life.

python -m tests.integrations.racing WHAT ARGUMENT...
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60

Race = Callable[..., list[dict[str, Any]]]


def run(folder: Path, sandbox_url: str, what: str, players: int, *arguments: object) -> list[dict[str, Any]]:
    """What each of so many processes says. SQLite's test database lies in memory, so that they share a copy on disk."""
    from django.db import connection

    if connection.vendor == "sqlite":
        connection.ensure_connection()
        copy = sqlite3.connect(folder / "race.sqlite3")
        connection.connection.backup(copy)
        copy.close()
        url = f"sqlite:///{folder / 'race.sqlite3'}"
    else:
        url = "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**connection.settings_dict)
    from django.conf import settings

    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "trainstack.settings",
        "DEBUG": "1",
        "DATA_DIR": str(folder),
        "DATABASE_URL": url,
        "SANDBOX_URL": sandbox_url,
        "CREDENTIAL_KEYS": ",".join(settings.CREDENTIAL_KEYS),
        "SECRET_KEY": settings.SECRET_KEY,
    }
    command = [sys.executable, "-m", "tests.integrations.racing", what, *map(str, arguments)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    running = [subprocess.Popen(command, cwd=ROOT, env=environment, **pipes) for _ in range(players)]
    for player in running:
        assert player.stdout.readline() == "ready\n"
    for player in running:
        player.stdin.write("go\n")
        player.stdin.flush()
    said = [player.communicate(timeout=PATIENCE_S)[0] for player in running]
    assert [player.returncode for player in running] == [0] * players, said
    return [json.loads(line) for line in said]


def reserve(limit: str) -> dict[str, Any]:
    """Take requests out of one window until it is spent."""
    from integrations import budgets
    from integrations.base import Budget
    from integrations.errors import RateLimited
    from tests.integrations.tempo import tempo

    provider = tempo(budgets=(Budget(int(limit), 86_400), Budget(10_000, 900)))
    taken = 0
    while True:
        try:
            budgets.reserve(provider, connection_id=1, urgent=True)
        except RateLimited:
            return {"taken": taken}
        taken += 1
        time.sleep(0.002)


def refresh(connection_id: str, requests: str) -> dict[str, Any]:
    """Ask in the name of a connection, whose token the provider refuses every now and then."""
    from integrations import oauth
    from integrations.errors import Unavailable
    from integrations.models import Connection
    from integrations.registry import PROVIDERS
    from tests.integrations.tempo import TEMPO

    PROVIDERS[TEMPO.slug] = TEMPO
    api = oauth.session_of(Connection.objects.get(pk=connection_id))
    statuses = []
    while len(statuses) < int(requests):
        try:
            statuses.append(api.get("/me").status)
        except Unavailable:
            # The others used the new token up before this one could.
            time.sleep(0.01)
    return {"statuses": sorted(set(statuses))}


def claim() -> dict[str, Any]:
    """Work off what came, and say in which order."""
    from integrations import webhooks
    from integrations.registry import PROVIDERS
    from tests.integrations.tempo import TEMPO

    PROVIDERS[TEMPO.slug] = TEMPO
    done = 0
    for _ in range(20):
        done += webhooks.work_off()
        time.sleep(0.01)
    return {"done": done}


if __name__ == "__main__":
    import django

    django.setup()
    do = {"reserve": reserve, "refresh": refresh, "claim": claim}[sys.argv[1]]
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps(do(*sys.argv[2:])))
