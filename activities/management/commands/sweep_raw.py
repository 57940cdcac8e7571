"""Removes the objects of deleted records once RAW_GRACE_S has passed; the worker does the same once a day."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from activities.services.raw import sweep
from trainstack.accounts.quiet import no_query_log


class Command(BaseCommand):
    help = "Removes the objects of deleted raw records that no row names any more, after the grace time RAW_GRACE_S."

    def handle(self, *args: Any, **options: Any) -> None:
        no_query_log()
        swept = sweep()
        self.stdout.write(f"{swept.removed} objects removed, {swept.kept} kept: a row names them again")
