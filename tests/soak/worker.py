"""One worker of the soak: works whatever runs are due until it is killed.

It is the queue's worker without the queue, so that nothing is waited for that the proof does not need. Rate limits are
left out for the same reason: at Strava's, 5,000 activities take days.
"""

from __future__ import annotations

import dataclasses
import random
import time

import django
from django.utils import timezone


def main() -> None:
    django.setup()
    from django.db.models import Q

    from integrations.models import SyncRun
    from integrations.registry import PROVIDERS
    from integrations.services import runs

    for slug, provider in PROVIDERS.items():
        if provider.network:
            PROVIDERS[slug] = dataclasses.replace(provider, network=dataclasses.replace(provider.network, budgets=()))
    while True:
        now = timezone.now()
        due = SyncRun.objects.filter(state__in=runs.OPEN).exclude(waits_until__gt=now)
        free = due.filter(Q(leased_by="") | Q(leased_until__lte=now))
        ready = list(free.order_by("worked_at", "pk").values_list("pk", flat=True))
        random.shuffle(ready)
        if not any(runs.work(pk) for pk in ready):
            time.sleep(0.1)


if __name__ == "__main__":
    main()
