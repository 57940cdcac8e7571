"""Mails that were kept on disk, as the page shows them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.mail import EmailMultiAlternatives, get_connection

from trainstack.accounts.mailbox import Mail, messages


@pytest.fixture
def mailbox(settings, tmp_path) -> Path:
    settings.MAILBOX_DIR = tmp_path / "mail"
    settings.EMAIL_FILE_PATH = str(settings.MAILBOX_DIR)
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    return settings.MAILBOX_DIR


def mail(subject: str, body: str, day: int) -> EmailMultiAlternatives:
    when = datetime(2026, 5, day, 7, 30, tzinfo=UTC)
    return EmailMultiAlternatives(
        subject,
        body,
        "TrainStack <from@example.com>",
        ["ana@example.com"],
        headers={"Date": f"{when:%a, %d %b %Y %H:%M:%S %z}"},
    )


def test_mailbox_without_a_mail_is_empty(mailbox):
    assert messages() == []


def test_mails_come_back_as_they_were_sent_newest_first(mailbox):
    older = mail("Gr\u00fc\u00dfe aus dem Norden", "Zeile eins\nZeile zwei", 1)
    newer = mail("Confirm your address", "Follow https://example.com/confirm/abc/\n" + "-" * 79 + "\nand be done.", 2)
    newer.attach_alternative("<p>Follow</p>", "text/html")
    newest = mail("Later", "In a file of its own", 3)

    # Django names a file by its connection's address in memory: one that is gone may have lent its address.
    connections = get_connection(), get_connection()
    connections[0].send_messages([older, newer])
    connections[1].send_messages([newest])
    told = messages()

    assert len(list(mailbox.iterdir())) == 2
    assert len({one.key for one in told}) == 3
    assert [Mail("", m.subject, m.sender, m.to, m.date, m.body) for m in told] == [
        Mail(
            "",
            subject,
            "TrainStack <from@example.com>",
            "ana@example.com",
            datetime(2026, 5, day, 7, 30, tzinfo=UTC),
            body,
        )
        for subject, day, body in [
            ("Later", 3, "In a file of its own"),
            ("Confirm your address", 2, newer.body),
            ("Gr\u00fc\u00dfe aus dem Norden", 1, "Zeile eins\nZeile zwei"),
        ]
    ]
