"""What reports of errors may show: nothing of what passes through where credentials do."""

from __future__ import annotations

from types import FrameType
from typing import Any

from django.http import HttpRequest
from django.views.debug import SafeExceptionReporterFilter

# Ours, and the libraries through which they send it.
CREDENTIALS_PASS = (
    "integrations.configuring", "integrations.connect_views", "integrations.credentials", "integrations.http",
    "integrations.oauth", "integrations.providers", "integrations.services.connecting",
    "integrations.services.fetching", "integrations.webhooks",
    "authlib", "cryptography", "h11", "httpcore", "httpx", "json", "tenacity", "urllib",
)  # fmt: skip


class ReportFilter(SafeExceptionReporterFilter):
    """Hides the variables of those frames, with DEBUG as without: a page is copied into a chat all too soon."""

    def get_traceback_frame_variables(self, request: HttpRequest | None, tb_frame: FrameType) -> Any:
        module = f"{tb_frame.f_globals.get('__name__', '')}."
        if module.startswith(tuple(f"{name}." for name in CREDENTIALS_PASS)):
            return [(name, self.cleansed_substitute) for name in tb_frame.f_locals]
        return super().get_traceback_frame_variables(request, tb_frame)
