"""Komoot's files: as every other. They name no device: the app wrote them."""

from __future__ import annotations

from collections.abc import Mapping

from integrations.base import Parse
from integrations.files import recorded_by

FILES: Mapping[str, Parse] = recorded_by("app")
