"""API tokens: made, shown once, kept as a digest, checked."""

from __future__ import annotations

from rest_framework.authentication import BaseAuthentication


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Token <secret>`."""
