"""The few fixtures that every app needs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from tests.factories.accounts import StaffFactory, UserFactory
from trainstack.accounts.models import User

# How long an example takes says more about the machine than about the code.
hypothesis.settings.register_profile("trainstack", deadline=None)
hypothesis.settings.load_profile("trainstack")

SHARED = Path(os.environ.get("TRAINSTACK_SHARED", Path(__file__).resolve().parent.parent.parent / "shared"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real files and sheets that lies beside the project; skips where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("the folder shared/ is not here (TRAINSTACK_SHARED names it)")
    return SHARED


@pytest.fixture(autouse=True)
def storage(settings: Settings, tmp_path: Path) -> Path:
    """Every test has object stores of its own: `raw` and `streams` under this folder."""
    settings.RAW_STORAGE = str(tmp_path / "storage" / "raw")
    settings.STREAM_STORAGE = str(tmp_path / "storage" / "streams")
    return tmp_path / "storage"


@pytest.fixture
def user(db: None) -> User:
    """An athlete with a confirmed address."""
    return UserFactory()


@pytest.fixture
def other_user(db: None) -> User:
    """Somebody else, who must never see what is the first one's."""
    return UserFactory()


@pytest.fixture
def staff(db: None) -> User:
    return StaffFactory()


@pytest.fixture
def client_of() -> Callable[[User], Client]:
    """`client_of(user)` is a browser in which that person is logged in."""

    def logged_in(person: User) -> Client:
        client = Client()
        client.force_login(person)
        return client

    return logged_in
