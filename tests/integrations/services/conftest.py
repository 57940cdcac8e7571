"""Largo, and a connection with it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django.fixtures import Settings

from integrations import http
from integrations.models import Connection
from integrations.registry import PROVIDERS
from tests.integrations.services import largo
from tests.integrations.services.largo import Largo, World, connect


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Iterator[World]:
    """Largo, and this server as its operator set it up; requests are made in the test's own thread."""
    world = World()
    server = Largo(world)
    monkeypatch.setitem(PROVIDERS, largo.SLUG, largo.PROVIDER)
    for name, value in largo.settings_of(server.url).items():
        monkeypatch.setenv(name, value)
    settings.SYNC_REQUESTS = 1
    settings.SYNC_RETRY_S = 0
    # What fails is not repeated on the spot: that has tests of its own and takes its time.
    monkeypatch.setattr(http, "TRIES", 1)
    yield world
    server.close()


@pytest.fixture
def connection(db: None, world: World) -> Connection:
    return connect()
