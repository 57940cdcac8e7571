"""What every page knows of the person who looks at it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def account(request: HttpRequest) -> dict[str, Any]:
    """The person's settings under `profile`, None for a visitor; whether this server shows its mails on a page."""
    user = getattr(request, "user", None)
    return {
        "profile": user.profile if user is not None and user.is_authenticated else None,
        "shows_mails": settings.MAILBOX,
    }
