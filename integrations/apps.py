from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class IntegrationsConfig(AppConfig):
    name = "integrations"

    def ready(self) -> None:
        from trainstack.memory import give_back

        give_back()
        post_migrate.connect(ensure_schedules, sender=self)


def ensure_schedules(using: str, **kwargs: Any) -> None:
    """The queue's timetable, the same after every migrate: one row a task, whatever was there."""
    from django.db import connections
    from django_q.models import Schedule

    if Schedule._meta.db_table not in connections[using].introspection.table_names():
        return
    timetable = {
        "take up runs": ("integrations.tasks.sweep_runs", Schedule.MINUTES),
        "sync connections": ("integrations.tasks.sync_due", Schedule.MINUTES),
        "work off webhooks": ("integrations.tasks.work_webhooks", Schedule.MINUTES),
        "keep subscriptions": ("integrations.tasks.keep_subscriptions", Schedule.HOURLY),
        "tidy": ("integrations.tasks.tidy", Schedule.HOURLY),
        "purge by terms": ("integrations.tasks.purge", Schedule.DAILY),
    }
    for name, (func, every) in timetable.items():
        rows = Schedule.objects.using(using).filter(name=name)
        told = {"func": func, "schedule_type": every, "minutes": 1, "repeats": -1}
        first = rows.order_by("pk").first()
        if first is None:
            Schedule.objects.using(using).create(name=name, **told)
        else:
            rows.exclude(pk=first.pk).delete()
            rows.exclude(**told).update(**told)
