"""`manage.py rotate_credentials`: stored credentials encrypted with the first of CREDENTIAL_KEYS."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from integrations import credentials
from integrations.errors import Unavailable
from trainstack.accounts.quiet import no_query_log


class Command(BaseCommand):
    help = (
        "Encrypts every stored credential with the first key of CREDENTIAL_KEYS. Put a new key first, restart the "
        "server and its workers, run this, and then take the old key away."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        no_query_log()
        try:
            rotated = credentials.rotate()
        except (Unavailable, ValueError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{rotated.done} credentials are encrypted with the first key.")
        if rotated.unreadable:
            raise CommandError(f"{rotated.unreadable} could not be read with any key; they were left as they are.")
