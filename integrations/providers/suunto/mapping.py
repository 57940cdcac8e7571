"""Suunto's files: as every other. What names no device came from a watch."""

from __future__ import annotations

from collections.abc import Mapping

from integrations.base import Parse
from integrations.files import recorded_by

FILES: Mapping[str, Parse] = recorded_by("watch")
