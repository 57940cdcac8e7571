"""Django's own migrate, which also heals: a migration that was cut short may leave the raw records' trigger undone."""

from __future__ import annotations

from typing import Any

from django.core.management.commands.migrate import Command as MigrateCommand

from activities.triggers import create_triggers


class Command(MigrateCommand):
    def check(self, *args: Any, **kwargs: Any) -> None:
        """The system checks, after the trigger was made again: its absence must not stop what would make it."""
        for alias in kwargs.get("databases") or ():
            create_triggers(alias)
        super().check(*args, **kwargs)
