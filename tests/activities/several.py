"""Efforts told by several sources, grouped as an import groups them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction

from activities.models import Activity, SourceActivity
from activities.services.grouping import record_of, regroup
from tests.factories.activities import SourceActivityFactory
from trainstack.accounts.models import User

START = datetime(2026, 5, 2, 7, 30, tzinfo=UTC)


def told_by(user: User, *providers: str, start: datetime = START, **told: Any) -> list[SourceActivity]:
    """One effort as each of these providers tells it, a few seconds apart, in one activity."""
    rows = [
        SourceActivityFactory(
            user=user, provider=provider, start_time=start + timedelta(seconds=number), activity=None, **told
        )
        for number, provider in enumerate(providers)
    ]
    return grouped(user, *rows)


def grouped(user: User, *rows: SourceActivity) -> list[SourceActivity]:
    """The rows as they stand after they were grouped."""
    with transaction.atomic():
        regroup(user, [record_of(row) for row in rows])
    for row in rows:
        row.refresh_from_db()
    return list(rows)


def nearly(user: User, *, start: datetime = START, **told: Any) -> list[SourceActivity]:
    """Two activities that began three minutes apart: one suggestion."""
    one = SourceActivityFactory(user=user, start_time=start, activity=None, **told)
    other = SourceActivityFactory(
        user=user, provider="tempo", start_time=start + timedelta(minutes=3), activity=None, **told
    )
    return grouped(user, one, other)


def activity_of(source: SourceActivity) -> Activity:
    source.refresh_from_db()
    assert source.activity is not None
    return source.activity
