"""Work without Django's log of queries."""

from __future__ import annotations

from django.conf import settings


def no_query_log(**_: object) -> None:
    """From here on this process works as with DEBUG off.

    With it on, Django formats every statement, asks SQLite to quote each of its values, and keeps the last 9,000:
    a worker that writes thousands of rows in one statement would spend its time and memory on that.
    """
    settings.DEBUG = False
