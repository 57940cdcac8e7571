"""Sample payloads of the provider whose tests ask."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Sample = Callable[[str], bytes]


@pytest.fixture
def sample(request: pytest.FixtureRequest) -> Sample:
    """A payload beside the test, by its path under `payloads`."""
    return lambda path: (Path(request.path).parent / "payloads" / path).read_bytes()
