"""`manage.py verify_raw` and `manage.py sweep_raw`."""

from __future__ import annotations

import hashlib
import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from activities.models import RawRecord, Tombstone
from activities.services.raw import forget_raw
from activities.triggers import NAME
from tests.factories.accounts import UserFactory
from tests.factories.activities import RawRecordFactory
from trainstack.storage import raw_store

pytestmark = pytest.mark.django_db

ORPHAN = hashlib.sha256(b"orphan").hexdigest()


def run(*arguments: str) -> tuple[int, str]:
    """Exit code and what was printed."""
    out = StringIO()
    try:
        call_command("verify_raw", *arguments, stdout=out)
    except SystemExit as exit_:
        return int(exit_.code or 0), out.getvalue()
    return 0, out.getvalue()


def test_verify_raw_is_content_where_all_is_well(capsys):
    RawRecordFactory.create_batch(2, data=b"four")

    assert run() == (0, "2 payloads, 8 bytes: none damaged, no orphans\n")
    assert json.loads(run("--json")[1]) == {"objects": 2, "bytes": 8, "protected": True, "problems": []}
    assert capsys.readouterr().err == ""  # no progress bar where nobody looks


def test_verify_raw_fails_when_an_object_is_missing():
    record = RawRecordFactory(data=b"four")
    raw_store().delete(record.storage_key)

    code, told = run()

    assert code == 1
    assert told == (
        f"missing: {record.storage_key} is named by a row and not in the storage\n"
        "1 payloads, 4 bytes: 1 damaged, no orphans\n"
    )


def test_verify_raw_fails_when_an_object_differs():
    record = RawRecordFactory(data=b"four")
    raw_store().delete(record.storage_key)
    raw_store().put(record.storage_key, b"five!")

    code, told = run("--json")

    assert code == 1
    assert json.loads(told)["problems"] == [
        {
            "kind": "differs",
            "key": record.storage_key,
            "message": f"holds 5 bytes with sha256 {hashlib.sha256(b'five!').hexdigest()}, not 4",
            "records": [record.pk],
        }
    ]


def test_verify_raw_reports_an_orphan_and_does_not_fail():
    user = UserFactory()
    raw_store().put(f"{user.pk}/{ORPHAN}", b"orphan")

    assert run() == (
        0,
        f"orphan: {user.pk}/{ORPHAN} is named by no row\n0 payloads, 0 bytes: none damaged, 1 orphans\n",
    )


def test_verify_raw_fails_when_the_trigger_is_missing():
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER {NAME}" + ("" if connection.vendor == "sqlite" else " ON activities_rawrecord"))

    code, told = run()

    assert code == 1
    assert told.startswith("unprotected: ")
    assert json.loads(run("--json")[1])["protected"] is False


def test_verify_raw_looks_at_one_user_only():
    fine, broken = RawRecordFactory(), RawRecordFactory()
    raw_store().delete(broken.storage_key)

    assert [run("--user", it.user.email.upper())[0] for it in (fine, broken)] == [0, 1]
    with pytest.raises(CommandError, match=r"no user nobody@example\.com"):
        run("--user", "nobody@example.com")


def test_verify_raw_draws_its_progress_on_a_terminal(monkeypatch):
    class Terminal(StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    RawRecordFactory(data=b"four")

    run()

    assert "100%" in terminal.getvalue()
    assert terminal.getvalue().endswith("\r\x1b[K")


def test_sweep_raw_removes_the_objects_of_deleted_records():
    gone, young = RawRecordFactory.create_batch(2)
    forget_raw(RawRecord.objects.all())
    Tombstone.objects.filter(sha256=gone.sha256).update(deleted_at=gone.fetched_at.replace(year=2020))
    out = StringIO()

    call_command("sweep_raw", stdout=out)

    assert out.getvalue() == "1 objects removed, 0 kept: a row names them again\n"
    assert list(raw_store().keys()) == [young.storage_key]
