"""API tokens: how a request shows one, and how it is checked."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from trainstack.accounts.models import ApiToken, User
from trainstack.accounts.services import digest_of

KEYWORD = "Token"
# "Last used" is for a person who wonders whether a key is still needed: one write a minute tells that.
LAST_USED_STEP = timedelta(minutes=1)


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Token <secret>`.

    A token is found by the sha256 of what was sent, so the time that the look-up takes speaks of the digest alone,
    which tells nothing about any secret.
    """

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        """The token's owner and the token; None where the request shows none; raises AuthenticationFailed."""
        keyword, _, secret = get_authorization_header(request).decode("latin-1").partition(" ")
        if keyword.lower() != KEYWORD.lower():
            return None
        token = ApiToken.objects.select_related("user").filter(digest=digest_of(secret.strip())).first()
        if token is None or not token.user.is_active:
            raise AuthenticationFailed("This token is not known, or was revoked.")
        _note_use(token)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return f'{KEYWORD} realm="TrainStack API"'


def _note_use(token: ApiToken) -> None:
    now = timezone.now()
    if token.last_used_at and now - token.last_used_at < LAST_USED_STEP:
        return
    # Conditional, so that of many requests at once one writes.
    stale = Q(last_used_at=None) | Q(last_used_at__lte=now - LAST_USED_STEP)
    ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=now)
