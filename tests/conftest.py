"""The few fixtures that every app needs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("TRAINSTACK_SHARED", Path(__file__).resolve().parent.parent.parent / "shared"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real files and sheets that lies beside the project; skips where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("the folder shared/ is not here (TRAINSTACK_SHARED names it)")
    return SHARED
