"""`manage.py demo`: the demo accounts, and the athlete's files through the import."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from trainstack.accounts.quiet import no_query_log
from trainstack.demo.export import exported_at, write_export
from trainstack.demo.services import DemoRefused, bring_next, ensure_people, log_ins


class Command(BaseCommand):
    help = "Makes the demo accounts and brings the demo athlete's files; safe to repeat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--force", action="store_true", help="also where DEBUG is off: the password is public")
        parser.add_argument("--export", type=Path, metavar="PATH", help="only write the phone's export to this file")

    def handle(self, *, force: bool, export: Path | None, **_: Any) -> None:
        if export:
            write_export(export, day=exported_at(timezone.now()).date())
            self.stdout.write(f"{export}: {export.stat().st_size:,} bytes")
            return
        try:
            people = ensure_people(force=force)
        except DemoRefused as refused:
            raise CommandError(f"{refused} --force makes them all the same.") from None
        no_query_log()
        while imported := bring_next(people.athlete):
            self.stdout.write(f"{imported.name} was handed in; the worker reads it (make run, or manage.py qcluster).")
        self.stdout.write(log_ins())
