"""Hashes every stored payload again and tells what is not as its row promises."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from activities.models import RawRecord
from activities.services.raw import extent, verify
from activities.triggers import triggers_exist
from trainstack.accounts.models import User
from trainstack.accounts.quiet import no_query_log
from trainstack.progress import Progress


class Command(BaseCommand):
    help = (
        "Re-hashes every stored payload. Exits 1 if one is missing, differs or cannot be read, or if the database "
        "would let a raw record be changed. Objects that no row names are reported and do no harm: an import that is "
        "being read right now, or a crash, leaves some."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--user", metavar="EMAIL", help="one person's payloads only")
        parser.add_argument("--json", action="store_true", help="one JSON document on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        no_query_log()
        user = _user(options["user"])
        objects, total = extent(user)
        problems = []
        with Progress(sys.stderr, total) as progress:
            for problem in verify(user, on_progress=progress.advance):
                problems.append(problem)
        protected = triggers_exist(RawRecord.objects.db)
        losses = sum(problem.is_loss for problem in problems)
        if options["json"]:
            document = {
                "objects": objects,
                "bytes": total,
                "protected": protected,
                "problems": [asdict(problem) for problem in problems],
            }
            self.stdout.write(json.dumps(document, indent=2))
        else:
            for problem in problems:
                self.stdout.write(f"{problem.kind}: {problem.key} {problem.message}")
            if not protected:
                self.stdout.write("unprotected: the trigger that refuses changes is missing; run manage.py migrate")
            orphans = len(problems) - losses
            told = f"{losses or 'none'} damaged, {orphans or 'no'} orphans"
            self.stdout.write(f"{objects} payloads, {total} bytes: {told}")
        if losses or not protected:
            sys.exit(1)


def _user(email: str | None) -> User | None:
    if email is None:
        return None
    try:
        return User.objects.get_by_natural_key(email)
    except User.DoesNotExist:
        raise CommandError(f"There is no user {email}.") from None
