"""What a person does with their account: keys, settings, and the figures that describe them."""

from __future__ import annotations

import hashlib
import secrets
from datetime import date

from django.utils.module_loading import import_string

from trainstack.accounts.models import ApiToken, AthleteParameter, AthleteProfile, User

# Says whose key it is to a person, and to the scanners that look for keys in published code.
TOKEN_PREFIX = "ts_"  # noqa: S105
# Characters of the secret that are kept to tell one token from another in a list.
SHOWN_CHARACTERS = 8
# What works out the days anew when their midnights move: named as a string, because people know nothing of runs.
RECOMPUTE = "integrations.services.renormalising.request_recompute"


def digest_of(secret: str) -> str:
    """The sha256 that stands for a secret. One round is enough: a secret is 256 random bits, not a password."""
    return hashlib.sha256(secret.encode()).hexdigest()


def make_token(user: User, *, name: str) -> tuple[ApiToken, str]:
    """A new API token and its secret, which is told this once and not kept."""
    secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
    token = user.api_tokens.create(name=name, digest=digest_of(secret), prefix=secret[:SHOWN_CHARACTERS])
    return token, secret


def revoke_token(token: ApiToken) -> None:
    """Ends the token: its secret opens nothing from now on."""
    token.delete()


def set_parameter(user: User, *, name: str, value: float, effective_from: date) -> AthleteParameter:
    """The athlete's figure from that day on; telling the same day again corrects it."""
    parameter, _ = AthleteParameter.objects.update_or_create(
        user=user, name=name, effective_from=effective_from, defaults={"value": value}
    )
    return parameter


def remove_parameter(parameter: AthleteParameter) -> None:
    """Takes back a figure: the one before it holds again."""
    parameter.delete()


def save_profile(
    user: User,
    *,
    name: str | None = None,
    units: str | None = None,
    time_zone: str | None = None,
    fill_gaps: bool | None = None,
) -> AthleteProfile:
    """The person's settings with these changes; None leaves a setting as it is.

    Another time zone has other midnights, so the daily figures are worked out again in the background.
    """
    profile = user.profile
    zone = profile.zone
    if name is not None:
        user.name = name
        user.save(update_fields=["name"])
    if units is not None:
        profile.units = units
    if time_zone is not None:
        profile.time_zone = time_zone
    if fill_gaps is not None:
        profile.fill_gaps = fill_gaps
    profile.save(update_fields=["units", "time_zone", "fill_gaps"])
    if profile.zone != zone:
        import_string(RECOMPUTE)(user)
    return profile
