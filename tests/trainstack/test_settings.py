"""What the environment makes of the settings; each case in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
KEY = "a" * 50


def settings_of(names: list[str], **environment: str) -> dict[str, Any]:
    """These settings in that environment, or {"error": ...}."""
    script = (
        "import json, sys\n"
        "try:\n"
        "    from trainstack import settings\n"
        "    told = {name: getattr(settings, name, None) for name in sys.argv[1:]}\n"
        "except Exception as error:\n"
        "    told = {'error': str(error)}\n"
        "print(json.dumps(told, default=str))"
    )
    process = subprocess.run(
        [sys.executable, "-c", script, *names],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(process.stdout)


def test_secret_key_is_asked_for_without_debug(tmp_path):
    assert settings_of([], DATA_DIR=str(tmp_path)) == {"error": "Set SECRET_KEY, or DEBUG=1 on your own machine."}


def test_secret_key_of_a_laptop_is_made_once_and_kept_to_its_owner(tmp_path):
    first = settings_of(["SECRET_KEY"], DEBUG="1", DATA_DIR=str(tmp_path))
    second = settings_of(["SECRET_KEY"], DEBUG="1", DATA_DIR=str(tmp_path))

    assert first == second
    assert len(first["SECRET_KEY"]) == 64
    assert (tmp_path / "secret.key").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["secret.key", "uploads"]


def test_everything_of_a_laptop_lies_in_its_data_folder(tmp_path):
    told = settings_of(
        ["DATABASES", "RAW_STORAGE", "STREAM_STORAGE", "MAILBOX_DIR", "FILE_UPLOAD_TEMP_DIR"],
        DEBUG="1",
        DATA_DIR=str(tmp_path),
    )

    assert told["DATABASES"]["default"]["NAME"] == f"{tmp_path}/trainstack.sqlite3"
    assert [told[name] for name in ("RAW_STORAGE", "STREAM_STORAGE", "MAILBOX_DIR", "FILE_UPLOAD_TEMP_DIR")] == [
        f"{tmp_path}/raw",
        f"{tmp_path}/streams",
        f"{tmp_path}/mail",
        f"{tmp_path}/uploads",
    ]


def test_sqlite_locks_at_the_start_of_a_transaction_and_writes_ahead(tmp_path):
    told = settings_of(["DATABASES"], DEBUG="1", DATA_DIR=str(tmp_path))

    assert told["DATABASES"]["default"]["OPTIONS"] == {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }


def test_postgresql_and_redis_come_from_the_environment(tmp_path):
    told = settings_of(
        ["DATABASES", "Q_CLUSTER"],
        DEBUG="1",
        DATA_DIR=str(tmp_path),
        DATABASE_URL="postgres://athlete:secret@db.example:5433/stack",
        Q_BROKER="redis://queue.example:6379/2",
        Q_WORKERS="3",
    )

    database, queue = told["DATABASES"]["default"], told["Q_CLUSTER"]
    assert (database["ENGINE"], database["HOST"], database["PORT"], database["NAME"]) == (
        "django.db.backends.postgresql",
        "db.example",
        5433,
        "stack",
    )
    assert (queue["redis"], queue["workers"], "orm" in queue) == ("redis://queue.example:6379/2", 3, False)


def test_queue_keeps_to_what_a_run_can_bear(tmp_path):
    """One message at a time, acknowledged even if it fails, and sent again long after it was stopped."""
    told = settings_of(["Q_CLUSTER", "RUN_SLICE_S", "RUN_LEASE_S"], DEBUG="1", DATA_DIR=str(tmp_path))

    queue = told["Q_CLUSTER"]
    assert (queue["queue_limit"], queue["ack_failures"], queue["max_attempts"]) == (1, True, 1)
    assert told["RUN_SLICE_S"] <= 60 < told["RUN_LEASE_S"] < queue["timeout"]
    assert queue["retry"] > 3 * queue["timeout"]


def test_mails_stay_on_disk_on_a_laptop_only(tmp_path):
    names = ["MAILBOX", "EMAIL_BACKEND", "EMAIL_HOST"]

    def mail(**environment: str) -> tuple[Any, ...]:
        told = settings_of(names, DATA_DIR=str(tmp_path), SECRET_KEY=KEY, **environment)
        return tuple(told[name] for name in names)

    smtp, on_disk = "django.core.mail.backends.smtp.EmailBackend", "django.core.mail.backends.filebased.EmailBackend"
    assert mail() == (False, smtp, "localhost")
    assert mail(DEBUG="1") == (True, on_disk, None)
    assert mail(DEBUG="1", EMAIL_URL="smtp://mail.example:25") == (False, smtp, "mail.example")


def test_https_makes_cookies_secure_and_is_remembered(tmp_path):
    names = ["SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_SSL_REDIRECT", "SECURE_HSTS_SECONDS"]

    def safety(url: str) -> list[Any]:
        told = settings_of(names, DATA_DIR=str(tmp_path), SECRET_KEY=KEY, BASE_URL=url)
        return [told[name] for name in names]

    assert safety("https://training.example") == [True, True, True, 3600]
    assert safety("http://127.0.0.1:8000") == [False, False, None, None]


def test_only_named_tiles_may_come_from_elsewhere(tmp_path):
    def images(**environment: str) -> list[str]:
        told = settings_of(["CONTENT_SECURITY_POLICY"], DATA_DIR=str(tmp_path), SECRET_KEY=KEY, **environment)
        return told["CONTENT_SECURITY_POLICY"]["DIRECTIVES"]["img-src"]

    assert images() == ["'self'", "data:"]
    assert images(MAP_TILES_URL="https://{s}.tiles.example/{z}/{x}/{y}.png") == [
        "'self'",
        "data:",
        "https://*.tiles.example",
    ]


def test_scripts_and_styles_come_from_here_alone(tmp_path):
    told = settings_of(["CONTENT_SECURITY_POLICY"], DATA_DIR=str(tmp_path), SECRET_KEY=KEY)

    directives = told["CONTENT_SECURITY_POLICY"]["DIRECTIVES"]
    assert (directives["script-src"], directives["style-src"]) == (["'self'"], ["'self'"])
