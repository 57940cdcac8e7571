"""A person leaves, and everything of theirs goes."""

from __future__ import annotations

from django.db import transaction

from activities.models import (
    Activity,
    DailyMetric,
    LinkDecision,
    Pin,
    RawRecord,
    RawSighting,
    RetiredActivity,
    SampleChunk,
    SleepSession,
    SourceActivity,
    Suggestion,
)
from activities.services.raw import forget_user_objects
from trainstack.accounts.models import User

# Rows a transaction: few enough that nobody else waits.
ROWS_AT_ONCE = 500
# Whatever an account may have many of; what names other rows goes before them.
MANY = (
    SleepSession, DailyMetric, SampleChunk, Suggestion, RetiredActivity, LinkDecision, Pin, SourceActivity, Activity,
    RawSighting, RawRecord,
)  # fmt: skip


def delete_account(user: User) -> None:
    """Removes the account and all rows of it; the sweeper then removes its objects. Safe to repeat after a crash.

    The person is logged out everywhere at once, before the long part begins.
    """
    user.is_active = False
    user.save(update_fields=["is_active"])
    for model in MANY:
        rows = model._default_manager.filter(user=user).order_by()
        while some := list(rows.values_list("pk", flat=True)[:ROWS_AT_ONCE]):
            with transaction.atomic():
                rows.filter(pk__in=some).delete()
    with transaction.atomic():
        forget_user_objects(user)
        user.delete()
