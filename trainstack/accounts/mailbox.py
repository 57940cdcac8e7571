"""The mails that a laptop keeps on disk instead of sending them, for the page that shows them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from pathlib import Path

from django.conf import settings

# Django's file backend puts this line after each message of a file, and a message begins with its type: the same line
# inside a message has something else after it.
BETWEEN = re.compile(rb"\n-{79}\n(?=Content-Type:|\Z)")


@dataclass(frozen=True)
class Mail:
    """One mail as it would have gone out; `key` names it among the others."""

    key: str
    subject: str
    sender: str
    to: str
    date: datetime
    body: str


def messages() -> list[Mail]:
    """Every mail on disk, newest first."""
    folder = Path(settings.MAILBOX_DIR)
    mails = [mail for file in sorted(folder.glob("*.log")) for mail in _mails_of(file)]
    return sorted(mails, key=lambda mail: (mail.date, mail.key), reverse=True)


def _mails_of(file: Path) -> list[Mail]:
    told = [data for data in BETWEEN.split(file.read_bytes()) if data.strip()]
    return [_mail(f"{file.stem}-{number}", data) for number, data in enumerate(told)]


def _mail(key: str, data: bytes) -> Mail:
    message = message_from_bytes(data, policy=policy.default)
    assert isinstance(message, EmailMessage)
    text = message.get_body(preferencelist=("plain",))
    return Mail(
        key=key,
        subject=str(message["subject"] or ""),
        sender=str(message["from"] or ""),
        to=str(message["to"] or ""),
        date=parsedate_to_datetime(message["date"]) if message["date"] else datetime.fromtimestamp(0, UTC),
        body=text.get_content() if text else "",
    )
