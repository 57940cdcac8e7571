"""`manage.py sandbox`: the process that plays every provider."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from trainstack.serve import free_to_listen, sandbox_command

STORE = "sandbox.sqlite3"


class Command(BaseCommand):
    help = "Plays strava, polar, whoop, oura, fitbit, suunto and wahoo over true HTTP; on one's own machine only."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8001)
        parser.add_argument("--portal", default=settings.BASE_URL, help="the server that gets its webhooks")
        parser.add_argument("--fresh", action="store_true", help="forget everything that happened before")

    def handle(self, *, host: str, port: int, portal: str, fresh: bool, **_: Any) -> None:
        if not settings.DEBUG:
            raise CommandError("The sandbox hands out invented data to whoever asks: it plays with DEBUG=1 only.")
        if not free_to_listen(host, port):
            raise CommandError(f"Port {port} is taken by another program. Choose another: --port {port + 1}")
        store = settings.DATA_DIR / STORE
        if fresh:
            for path in (store, *store.parent.glob(f"{STORE}-*")):
                path.unlink(missing_ok=True)
        self.stdout.write(f"\n  The sandbox is on http://{host}:{port}/; Ctrl-C stops it.\n")
        self.stdout.flush()
        os.chdir(settings.BASE_DIR)
        # What the sandbox takes for the server that it plays for.
        os.environ.update(BASE_URL=portal)
        os.execv(sys.executable, [sys.executable, *sandbox_command(host, port)])  # noqa: S606
