"""`manage.py serve`: the portal and its worker under one process."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections
from django.utils import timezone
from django_q.models import OrmQ

from trainstack.demo.services import DemoRefused, ensure_people, log_ins, queue_export
from trainstack.serve import Child, Supervisor, answers, free_to_listen

STARTS_WITHIN_S = 60
# As many as granian finds sensible for a machine with few cores.
THREADS = min(8, 2 * (os.cpu_count() or 1) + 1)


class Command(BaseCommand):
    help = "Migrates, then runs the web server and the worker under one process; Ctrl-C stops both."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--threads", type=int, default=THREADS, help="requests that the web server answers at once")
        parser.add_argument("--demo", action="store_true", help="demo accounts, and their data through the worker")

    def handle(self, *, host: str, port: int, threads: int, demo: bool, **_: Any) -> None:
        if not free_to_listen(host, port):
            raise CommandError(f"Port {port} is taken by another program. Choose another: make run PORT={port + 1}")
        try:
            set_up(demo=demo)
        except DemoRefused as refused:
            raise CommandError(str(refused)) from None
        supervisor = Supervisor(children(host, port, threads), say=self.say)
        supervisor.start()
        if supervisor.wait_until(lambda: answers(host, port), STARTS_WITHIN_S):
            self.say(f"\n  TrainStack is up on http://{host}:{port}/\n")
            if demo:
                self.say(log_ins())
            self.say("  Ctrl-C stops it.\n")
        sys.exit(supervisor.run())

    def say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


def set_up(*, demo: bool) -> None:
    """The database up to date, static files where they are served from, the demo queued. Safe to repeat."""
    call_command("migrate", verbosity=0)
    if not settings.DEBUG:
        call_command("collectstatic", interactive=False, verbosity=0)
    # Messages that a worker had taken when it was ended: a message is only a nudge, and may come twice.
    OrmQ.objects.update(lock=timezone.now())
    if demo:
        queue_export(ensure_people().athlete)
    connections.close_all()


def children(host: str, port: int, threads: int) -> list[Child]:
    """The web server and the worker."""
    granian = [
        *("-m", "granian", "trainstack.wsgi:application", "--interface", "wsgi", "--host", host, "--port", str(port)),
        *("--workers", "1", "--blocking-threads", str(threads), "--no-ws", "--log-level", "warning"),
    ]
    return [
        Child("web server", [sys.executable, *granian], settings.BASE_DIR),
        Child("worker", [sys.executable, "manage.py", "qcluster"], settings.BASE_DIR),
    ]
