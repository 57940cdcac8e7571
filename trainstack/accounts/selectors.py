"""What a person has told about themselves, and the keys they have made."""

from __future__ import annotations

from datetime import date

from django.db.models import QuerySet

from trainstack.accounts.models import ApiToken, AthleteParameter, User


def parameters_of(user: User) -> QuerySet[AthleteParameter]:
    """The athlete's dated figures, the newest of each name first."""
    return user.athlete_parameters.order_by("name", "-effective_from")


def parameter_at(user: User, name: str, on: date) -> float | None:
    """The figure that held on that day: the latest that was in effect by then; None where none was."""
    return parameters_of(user).filter(name=name, effective_from__lte=on).values_list("value", flat=True).first()


def tokens_of(user: User) -> QuerySet[ApiToken]:
    """The person's API tokens, newest first; the secrets are not known to us."""
    return user.api_tokens.order_by("-created_at", "-id")
