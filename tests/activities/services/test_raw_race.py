"""Storers and sweepers of the same bytes at the same time, in processes of their own."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

from tests.factories.accounts import UserFactory

ROOT = Path(__file__).resolve().parents[3]
SECONDS = 5


def database_url(tmp_path: Path) -> str:
    """Where other processes find the test database: SQLite's lies in memory, so that they get a copy on disk."""
    if connection.vendor == "sqlite":
        copy = sqlite3.connect(tmp_path / "race.sqlite3")
        connection.connection.backup(copy)
        copy.close()
        return f"sqlite:///{tmp_path / 'race.sqlite3'}"
    told = connection.settings_dict
    return "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**told)


@pytest.mark.django_db(transaction=True)
def test_sweepers_never_take_what_a_storer_has_just_stored(tmp_path, storage, settings):
    user = UserFactory()
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "trainstack.settings",
        "DEBUG": "1",
        "DATA_DIR": str(tmp_path),
        "DATABASE_URL": database_url(tmp_path),
        "RAW_STORAGE": settings.RAW_STORAGE,
        "STREAM_STORAGE": settings.STREAM_STORAGE,
    }

    players = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.activities.services.raw_race", what, str(user.pk), str(SECONDS)],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
        )
        for what in ("store", "store", "sweep", "sweep")
    ]
    told = [json.loads(player.communicate(timeout=SECONDS + 60)[0]) for player in players]

    storers, sweepers = told[:2], told[2:]
    assert [player.returncode for player in players] == [0, 0, 0, 0]
    assert [storer["lost"] for storer in storers] == [0, 0]
    assert all(storer["stored"] > 5 for storer in storers), told
    assert sum(sweeper["removed"] for sweeper in sweepers) > 0, told  # else nobody met anybody
