"""Secrets at rest: encrypted with the first of `CREDENTIAL_KEYS`, read with any of them.

A token never shows in a repr, and so in no log, error report or page.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db.models import Model

from integrations.errors import Unavailable
from integrations.models import Connection, WebhookSubscription

logger = logging.getLogger(__name__)

# Rows that a rotation holds at a time.
BATCH = 500
ENCRYPTED: tuple[tuple[type[Model], str], ...] = ((Connection, "credentials"), (WebhookSubscription, "secret"))


class Token(Mapping[str, Any]):
    """A provider's token answer. Read like a dictionary, printed like nothing."""

    __slots__ = ("_told",)

    def __init__(self, told: Mapping[str, Any]) -> None:
        self._told = dict(told)

    def __getitem__(self, name: str) -> Any:
        return self._told[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._told)

    def __len__(self) -> int:
        return len(self._told)

    def __repr__(self) -> str:
        return "Token(...)"

    @property
    def access_token(self) -> str:
        return str(self._told.get("access_token") or "")

    @property
    def refresh_token(self) -> str:
        return str(self._told.get("refresh_token") or "")


def encrypt(token: Mapping[str, Any]) -> bytes:
    """The token answer as it is kept in the database."""
    return encrypt_text(json.dumps(dict(token), separators=(",", ":")))


def decrypt(data: bytes | memoryview) -> Token:
    """What `encrypt` hid; raises Unavailable where no key of this server opens it."""
    return Token(json.loads(decrypt_text(data)))


def encrypt_text(secret: str) -> bytes:
    return _keys().encrypt(secret.encode())


def decrypt_text(data: bytes | memoryview) -> str:
    """What `encrypt_text` hid; raises Unavailable where no key of this server opens it."""
    try:
        return _keys().decrypt(bytes(data)).decode()
    except InvalidToken:
        # A key that is missing comes back with the operator, and no athlete needs to connect again.
        logger.error("Stored credentials cannot be decrypted: a key is missing from CREDENTIAL_KEYS")
        raise Unavailable("This server cannot read its stored credentials. Its operator has been told.") from None


@dataclass(frozen=True)
class Rotated:
    """How many secrets have the first key now, and how many none of the keys opens."""

    done: int
    unreadable: int


def rotate() -> Rotated:
    """Every stored secret encrypted anew with the first key, a few at a time; safe beside running workers."""
    keys = _keys()
    done = unreadable = 0
    for model, field in ENCRYPTED:
        rows: Any = model._default_manager.exclude(**{field: b""})
        last = 0
        while batch := list(rows.filter(pk__gt=last).order_by("pk").values_list("pk", field)[:BATCH]):
            for pk, data in batch:
                while True:
                    stored = bytes(data)
                    try:
                        # Only where nobody stored a newer token meanwhile: that one would be lost.
                        if rows.filter(pk=pk, **{field: stored}).update(**{field: keys.rotate(stored)}):
                            done += 1
                            break
                    except InvalidToken:
                        unreadable += 1
                        break
                    data = rows.filter(pk=pk).values_list(field, flat=True).first()
                    if not data:
                        break
            last = batch[-1][0]
    return Rotated(done, unreadable)


def _keys() -> MultiFernet:
    if not settings.CREDENTIAL_KEYS:
        raise Unavailable("This server has no CREDENTIAL_KEYS, so that it can keep no credentials.")
    return MultiFernet([Fernet(key) for key in settings.CREDENTIAL_KEYS])
