"""`manage.py sync`: asks the providers of connections for what is new, in this process, and says what came."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from integrations.models import Connection, SyncRun
from integrations.registry import PROVIDERS
from integrations.services import runs, syncing
from trainstack.accounts.models import User
from trainstack.accounts.quiet import no_query_log
from trainstack.progress import Progress

WORDS = {
    "requests": "requests",
    "new": "new activities",
    "changed": "changed",
    "gone": "gone",
    "sleeps": "nights",
    "days": "daily figures",
    "samples": "samples",
    "failed": "given up",
}


class Command(BaseCommand):
    help = "Syncs connections in the foreground: all that are live, or those that are named."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--connection", type=int, metavar="ID", help="this connection only")
        parser.add_argument("--user", metavar="EMAIL", help="the connections of this athlete only")
        parser.add_argument(
            "--provider",
            choices=sorted(slug for slug, provider in PROVIDERS.items() if provider.network),
            help="the connections with this provider only",
        )
        parser.add_argument("--full", action="store_true", help="list all there is once more, to find what was deleted")
        parser.add_argument("--json", action="store_true", help="one JSON document on stdout and nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        no_query_log()
        told = [self._sync(connection, options) for connection in _chosen(options)]
        if options["json"]:
            self.stdout.write(json.dumps(told, indent=2))
        elif not told:
            self.stdout.write("There is no live connection.")
        if any(one["state"] != SyncRun.State.FINISHED for one in told):
            sys.exit(1)

    def _sync(self, connection: Connection, options: dict[str, Any]) -> dict[str, Any]:
        provider = PROVIDERS.get(connection.provider)
        name = provider.name if provider else connection.provider
        told: dict[str, Any] = {
            "connection": connection.pk,
            "user": connection.user.email,
            "provider": connection.provider,
            "run": None,
            "state": "failed",
            "came": {},
            "error": "",
        }
        try:
            request = syncing.request_sync(connection, "command", full=options["full"], nudge=False)
        except syncing.NotConnected as error:
            told["error"] = str(error)
        else:
            with Progress(sys.stderr, 0) as progress:

                def draw(run: SyncRun) -> None:
                    progress.total = run.total
                    waits = f" {run.waits_until:%H:%M} UTC" if run.waits_until else ""
                    progress.at(run.done, f"{name}: {run.doing}{waits}")

                run = runs.work_through(request, report=draw)
            told |= {"run": run.pk, "state": run.state, "came": syncing.came_of(run), "error": run.error}
        if not options["json"]:
            came = ", ".join(f"{told['came'][key]:,} {words}" for key, words in WORDS.items() if told["came"].get(key))
            self.stdout.write(f"{name} of {connection.user.email}: {told['state']}; {came or 'nothing came'}.")
            if told["error"]:
                self.stderr.write(self.style.WARNING(f"  {told['error']}"))
        return told


def _chosen(options: dict[str, Any]) -> list[Connection]:
    connections = Connection.objects.select_related("user").defer("credentials").order_by("user", "provider", "pk")
    if options["user"] and not User.objects.filter(email__iexact=options["user"]).exists():
        raise CommandError(f"There is no user {options['user']}.")
    if options["connection"] is not None:
        chosen = connections.filter(pk=options["connection"])
        if not chosen:
            raise CommandError(f"There is no connection {options['connection']}.")
        return list(chosen)
    connections = connections.filter(state=Connection.State.ACTIVE)
    if options["user"]:
        connections = connections.filter(user__email__iexact=options["user"])
    if options["provider"]:
        connections = connections.filter(provider=options["provider"])
    return list(connections)
