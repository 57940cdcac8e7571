"""Payloads of ours in Apple's shape, by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

PAYLOADS = Path(__file__).parent / "payloads"


@pytest.fixture(scope="session")
def payload() -> Callable[[str], bytes]:
    return lambda name: (PAYLOADS / f"{name}.xml").read_bytes()
