"""`manage.py serve`: the portal and its worker under one process, and beside them, with DEBUG, the sandbox."""

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
from trainstack.serve import Child, Supervisor, answers, free_to_listen, sandbox_command

STARTS_WITHIN_S = 60
# What BASE_URL is where nobody set it.
USUAL_URL = "http://127.0.0.1:8000"
# As many as granian finds sensible for a machine with few cores.
THREADS = min(8, 2 * (os.cpu_count() or 1) + 1)


class Command(BaseCommand):
    help = "Migrates, then runs the web server and the worker under one process; Ctrl-C stops both."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--threads", type=int, default=THREADS, help="requests that the web server answers at once")
        parser.add_argument("--demo", action="store_true", help="demo accounts, and their data through the worker")
        parser.add_argument("--sandbox", action="store_true", help="play all providers on the next port (with DEBUG)")

    def handle(self, *, host: str, port: int, threads: int, demo: bool, sandbox: bool, **_: Any) -> None:
        for wanted in (port, port + 1) if sandbox else (port,):
            if not free_to_listen(host, wanted):
                another = f"make run PORT={port + 2 if sandbox else port + 1}"
                raise CommandError(f"Port {wanted} is taken by another program. Choose another: {another}")
        if sandbox and not settings.DEBUG:
            raise CommandError("The sandbox hands out invented data to whoever asks: it plays with DEBUG=1 only.")
        try:
            set_up(demo=demo)
        except DemoRefused as refused:
            raise CommandError(str(refused)) from None
        ports = (port, port + 1) if sandbox else (port,)
        supervisor = Supervisor(children(host, port, threads, sandbox=sandbox), say=self.say)
        supervisor.start()
        if supervisor.wait_until(lambda: all(answers(host, it) for it in ports), STARTS_WITHIN_S):
            self.say(f"\n  TrainStack is up on http://{host}:{port}/\n")
            if sandbox:
                self.say(f"  The sandbox plays every provider on http://{host}:{port + 1}/\n")
            if demo:
                self.say(log_ins(url=f"http://{url_host(host)}:{port}" if sandbox else ""))
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


def children(host: str, port: int, threads: int, *, sandbox: bool = False) -> list[Child]:
    """The web server and the worker; with the sandbox, all providers are played on the next port."""
    granian = [
        *("-m", "granian", "trainstack.wsgi:application", "--interface", "wsgi", "--host", host, "--port", str(port)),
        *("--workers", "1", "--blocking-threads", str(threads), "--no-ws", "--log-level", "warning"),
    ]
    played: dict[str, str] = {}
    beside: list[Child] = []
    if sandbox:
        if settings.BASE_URL == USUAL_URL:
            # Where callbacks and webhooks go, on whichever port this is.
            played["BASE_URL"] = f"http://{url_host(host)}:{port}"
        beside = [Child("sandbox", [sys.executable, *sandbox_command(host, port + 1)], settings.BASE_DIR, {**played})]
        if not settings.SANDBOX_URL:
            played["SANDBOX_URL"] = f"http://{url_host(host)}:{port + 1}"
    return [
        Child("web server", [sys.executable, *granian], settings.BASE_DIR, played),
        Child("worker", [sys.executable, "manage.py", "qcluster"], settings.BASE_DIR, played),
        *beside,
    ]


def url_host(host: str) -> str:
    """The host as it stands in an address; a server that listens everywhere is reached here."""
    if host in ("0.0.0.0", "::"):  # noqa: S104
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
