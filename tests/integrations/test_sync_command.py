"""`manage.py sync` does in the foreground what the worker does."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from activities.models import SourceActivity
from integrations.models import Connection
from tests.integrations.services.conftest import connection, world
from tests.integrations.services.largo import World, connect

__all__ = ["connection", "world"]


def command(*args: str) -> str:
    out = StringIO()
    call_command("sync", *args, stdout=out, stderr=StringIO())
    return out.getvalue()


def test_sync_works_every_live_connection_to_its_end(connection: Connection, world: World) -> None:
    world.add_workout(1)

    said = command()

    assert said == (f"Largo of {connection.user.email}: finished; 8 requests, 1 new activities.\n")
    assert SourceActivity.objects.count() == 1


def test_sync_tells_one_json_document(connection: Connection, world: World) -> None:
    world.add_workout(1)
    other = connect(account_id="8")

    (told,) = json.loads(command("--connection", str(connection.pk), "--json"))

    assert (told["connection"], told["provider"], told["state"], told["error"]) == (
        connection.pk,
        "largo",
        "finished",
        "",
    )
    assert (told["came"]["new"], told["came"]["requests"]) == (1, 8)
    assert not other.runs.exists()


def test_sync_full_lists_everything_once_more(connection: Connection, world: World) -> None:
    world.add_workout(1)
    command()
    world.workouts.clear()

    (told,) = json.loads(command("--user", connection.user.email.upper(), "--full", "--json"))

    assert told["came"]["gone"] == 1
    assert not SourceActivity.objects.exists()


def test_sync_says_what_is_wrong(connection: Connection, world: World) -> None:
    connection.state = Connection.State.BROKEN
    connection.save()
    out = StringIO()

    with pytest.raises(SystemExit):
        call_command("sync", "--connection", str(connection.pk), "--json", stdout=out)

    assert json.loads(out.getvalue())[0]["error"] == "Largo is not connected any more. Connect it again first."
    assert command("--json") == "[]\n"


@pytest.mark.parametrize("args", [("--user", "nobody@example.com"), ("--connection", "999")])
def test_sync_refuses_what_is_not_there(db: None, args: Any) -> None:
    with pytest.raises(CommandError, match="There is no"):
        command(*args)
