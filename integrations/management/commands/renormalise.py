"""`manage.py renormalise`: stored raw records through today's mappings, with the same ids as before."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from integrations.models import SyncRun
from integrations.registry import PROVIDERS
from integrations.services import runs
from integrations.services.renormalising import request_renormalise
from integrations.services.report import Tally
from trainstack.accounts.models import User
from trainstack.accounts.quiet import no_query_log
from trainstack.progress import Progress


class Command(BaseCommand):
    help = "Replays stored raw records through today's mappings. Nothing is fetched again and no id changes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--provider", choices=sorted(PROVIDERS), help="the records of this provider only")
        parser.add_argument("--user", metavar="EMAIL", help="the records of this athlete only")

    def handle(self, *args: Any, **options: Any) -> None:
        no_query_log()
        users = User.objects.filter(raw_records__isnull=False).distinct().order_by("pk")
        if options["user"]:
            users = users.filter(email__iexact=options["user"])
            if not User.objects.filter(email__iexact=options["user"]).exists():
                raise CommandError(f"There is no user {options['user']}.")
        failed = False
        for user in users:
            with Progress(sys.stderr, 0) as progress:

                def draw(run: SyncRun, progress: Progress = progress) -> None:
                    progress.total = run.total
                    progress.at(run.done, run.doing)

                request = request_renormalise(user, provider=options["provider"], nudge=False)
                run = runs.work_through(request, report=draw)
            created, updated, unchanged = Tally.of(run.counts).sources
            self.stdout.write(f"{user}: {created} new, {updated} changed, {unchanged} as before. {run.error}".rstrip())
            failed |= run.state != SyncRun.State.FINISHED
        if failed:
            sys.exit(1)
