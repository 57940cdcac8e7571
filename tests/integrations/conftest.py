"""What several tests of the providers' network need."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from integrations.base import Provider
from integrations.http import ApiSession
from integrations.registry import PROVIDERS
from tests.integrations import racing
from tests.integrations.playback import Playback
from tests.integrations.sandbox.serving import Running, running
from tests.integrations.tempo import TEMPO


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Running]:
    """All providers, played over real HTTP on a free port; the demo athlete's last five weeks."""
    with running(tmp_path / "sandbox.sqlite3") as served:
        yield served


@pytest.fixture
def playback(settings: Settings) -> Iterator[Playback]:
    """A server that answers what it was told to, and nothing else; all providers' addresses lead to it."""
    server = Playback()
    settings.SANDBOX_URL = server.url
    try:
        yield server
        server.verify()
    finally:
        server.close()


@pytest.fixture
def api_of(db: None, playback: Playback) -> Callable[..., ApiSession]:
    """`api_of(PROVIDER, account_id="7")` is its API with a token that belongs to no connection."""

    def session(provider: Provider, *, account_id: str = "", **token: object) -> ApiSession:
        told = {"access_token": "a-token", "token_type": "bearer", **token}
        return ApiSession.of_token(provider, told, account_id=account_id)

    return session


@pytest.fixture
def tempo(playback: Playback, monkeypatch: pytest.MonkeyPatch) -> Provider:
    """Tempo, an invented provider with all that a network can have, registered and at the playback server."""
    monkeypatch.setitem(PROVIDERS, TEMPO.slug, TEMPO)
    return TEMPO


@pytest.fixture
def race(tmp_path: Path, settings: Settings) -> racing.Race:
    """`race("refresh", 4, ...)` has four processes do it at once, on this database; what each says."""
    return lambda what, players, *arguments: racing.run(tmp_path, settings.SANDBOX_URL, what, players, *arguments)
