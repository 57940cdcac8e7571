"""What providers' terms ask of this server. `PROVIDER_TERMS` says whether it enforces them or only tells the athlete.

Enforced means two things. What must not be shown to others is hidden from coaches and from API clients of others. What
may be kept for a time only is removed, bytes and all, so many days after the provider last sent it, unless the athlete
has brought the same activity by file: then it is the athlete's own.
"""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from activities.models import RawSighting
from integrations.models import Connection, SyncRun
from integrations.registry import PROVIDERS
from integrations.services import runs
from integrations.services.taking_back import by_api_alone
from trainstack.accounts.models import User


def are_enforced() -> bool:
    """Whether this server does what the terms say, beyond telling it."""
    return bool(settings.PROVIDER_TERMS == "enforce")


def hidden_providers(viewer: User, athlete: User) -> frozenset[str]:
    """The providers whose records of this athlete the viewer must not see."""
    if viewer.pk == athlete.pk or not are_enforced():
        return frozenset()
    return frozenset(
        slug for slug, provider in PROVIDERS.items() if provider.network and provider.network.terms.only_athlete
    )


def purge() -> int:
    """Have what may be kept no longer removed; how many connections that concerns."""
    if not are_enforced():
        return 0
    count = 0
    for slug, provider in PROVIDERS.items():
        keep_days = provider.network.terms.keep_days if provider.network else None
        if keep_days is not None:
            for connection in Connection.objects.filter(provider=slug).defer("credentials"):
                count += _purge(connection, keep_days)
    return count


def _purge(connection: Connection, keep_days: int) -> bool:
    seen_before = timezone.now() - timedelta(days=keep_days)
    sightings = RawSighting.objects.filter(user=connection.user_id, connection=connection)
    with transaction.atomic():
        Connection.objects.select_for_update().only("pk").get(pk=connection.pk)
        if connection.runs.filter(kind=SyncRun.Kind.FORGET, state__in=runs.OPEN).exists():
            return False
        if not by_api_alone(sightings).filter(seen_at__lt=seen_before).exists():
            return False
        runs.start(
            connection.user,
            kind=SyncRun.Kind.FORGET,
            connection=connection,
            trigger="terms",
            cursor={"seen_before": seen_before.isoformat()},
        )
    return True
