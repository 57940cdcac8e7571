"""What the queue calls."""

from trainstack.accounts.models import User
from trainstack.demo import services


def bring_export(athlete_id: int) -> None:
    """One part, and then a message for the next: what was brought is read in between."""
    athlete = User.objects.get(pk=athlete_id)
    services.bring_next(athlete)
    services.queue_export(athlete)
