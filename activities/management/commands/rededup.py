"""Groups an athlete's records from scratch and says what that changed: nothing, if all is well."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from activities.models import SourceActivity
from activities.services.grouping import Regrouped, rebuild
from trainstack.accounts.models import User
from trainstack.accounts.quiet import no_query_log
from trainstack.progress import Progress


class Command(BaseCommand):
    help = (
        "Groups all records of an athlete from scratch, elects anew what each activity shows, and says what changed. "
        "On an account where all is well that is nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--user", metavar="EMAIL", required=True, help="whose records")
        parser.add_argument("--json", action="store_true", help="one JSON document on stdout and nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        no_query_log()
        try:
            user = User.objects.get_by_natural_key(options["user"])
        except User.DoesNotExist:
            raise CommandError(f"There is no user {options['user']}.") from None
        records = SourceActivity.objects.filter(user=user, parent=None).count()
        with Progress(sys.stderr, records) as progress:
            changed = rebuild(user, on_progress=progress.advance)
        told = {
            "user": user.email,
            "records": records,
            "activities": user.activities.count(),
            "changed": bool(changed),
            "changes": _counts(changed),
        }
        if options["json"]:
            self.stdout.write(json.dumps(told, indent=2))
            return
        counts = [f"{count} {_WORDS[name]}" for name, count in _counts(changed).items() if count]
        self.stdout.write(
            f"{told['records']} records are {told['activities']} activities. "
            + (f"Changed: {', '.join(counts)}." if counts else "Nothing changed.")
        )


_WORDS = {
    "created": "activities new",
    "retired": "activities that are part of another now",
    "removed": "activities without a source removed",
    "switched": "activities that show another source",
    "corrected": "activities with other figures",
    "moved": "source activities in another activity",
    "suggestions": "near misses that came, went or read differently",
}


def _counts(changed: Regrouped) -> dict[str, int]:
    return {
        "created": len(changed.created),
        "retired": len(changed.retired),
        "removed": len(changed.removed),
        "switched": len(changed.switched),
        "corrected": len(changed.corrected),
        "moved": len(changed.moved),
        "suggestions": changed.suggested,
    }
