"""System checks that look into the database: `manage.py check --database default`, and before every migrate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register

from activities.models import RawRecord
from activities.triggers import triggers_exist


@register(Tags.database)
def raw_records_are_protected(
    app_configs: Any, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """An error for each database that would let a raw record be changed."""
    return [
        Error(
            f"The database {alias!r} lacks the trigger that refuses changes of raw records.",
            hint="Run manage.py migrate: it makes the trigger again.",
            obj=RawRecord,
            id="activities.E001",
        )
        for alias in databases or ()
        if not triggers_exist(alias)
    ]
