from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ActivitiesConfig(AppConfig):
    name = "activities"

    def ready(self) -> None:
        from activities import checks, triggers  # noqa: F401  models must be loaded first; checks register themselves

        post_migrate.connect(triggers.after_migrate, sender=self, dispatch_uid="activities.triggers")
