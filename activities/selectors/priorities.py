"""The athlete's orders of sources."""

from __future__ import annotations

from activities.domain.priority import Order
from activities.models import SourcePriority
from trainstack.accounts.models import User


def orders_of(user: User) -> dict[str, Order]:
    """The orders that the athlete made, by kind of data: one query."""
    rows = SourcePriority.objects.filter(user=user).values("kind", "ranks", "devices")
    return {row["kind"]: Order.from_json(row) for row in rows}


def order_of(user: User, kind: str) -> Order:
    """The athlete's order of sources for a kind of data; one that ties all where none was made."""
    told = SourcePriority.objects.filter(user=user, kind=kind).values("ranks", "devices").first()
    return Order.from_json(told) if told else Order()
