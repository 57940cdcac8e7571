"""`manage.py provider_docs`: docs/providers.md anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from integrations.documentation import providers_markdown

PATH = Path(settings.BASE_DIR) / "docs" / "providers.md"


class Command(BaseCommand):
    help = "Writes docs/providers.md from what the providers declare; --check only says whether it would change."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="write nothing; fail if it is out of date")

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        told = providers_markdown()
        if PATH.is_file() and PATH.read_text() == told:
            self.stdout.write("docs/providers.md is up to date.")
        elif check:
            raise CommandError("docs/providers.md is out of date: run manage.py provider_docs")
        else:
            PATH.write_text(told)
            self.stdout.write("docs/providers.md is written.")
