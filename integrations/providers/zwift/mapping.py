"""Zwift's files: as every other, but for what they do not say: that the world is virtual.

Older files name the sport alone. Positions are those of the virtual course, on islands that are not there.
"""

from __future__ import annotations

from dataclasses import replace

from activities.domain.parsed import Parsed, ParsedActivity
from integrations.base import Parse
from integrations.providers.zwift.sports import SPORTS
from trainstack.sports import family


def virtual(parse: Parse) -> Parse:
    """The same reading, its sports indoors and virtual."""

    def read(data: bytes, external_id: str) -> Parsed:
        parsed = parse(data, external_id)
        return replace(parsed, activities=tuple(map(_virtual, parsed.activities)))

    return read


def _virtual(activity: ParsedActivity) -> ParsedActivity:
    if "+virtual" in activity.sport:
        return activity
    return replace(activity, sport=SPORTS.get(family(activity.sport), activity.sport), device_kind="app")
