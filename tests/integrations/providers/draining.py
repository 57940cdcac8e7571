"""A look worked off as the sync does, without a database: request after request until none is left."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from activities.domain.parsed import Parsed, Problem
from activities.domain.reading import RawPayload
from integrations.base import Adapter, Api, Ask, Listing, Provider


@dataclass
class Drained:
    """All that came of it: payloads by kind and external id, and the requests in the order in which they were made."""

    payloads: dict[tuple[str, str], RawPayload] = field(default_factory=dict)
    asked: list[Ask] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    listings: list[Listing] = field(default_factory=list)
    cursors: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def ids(self, kind: str) -> list[str]:
        return sorted(external_id for it, external_id in self.payloads if it == kind)

    def parsed(self, provider: Provider, kind: str) -> dict[str, Parsed]:
        return {
            payload.external_id: provider.parse[kind](payload.data, payload.external_id)
            for payload in self.payloads.values()
            if payload.kind == kind
        }


def drained(adapter: Adapter, api: Api, asks: Iterable[Ask], *, most: int = 5000) -> Drained:
    """The lowest rank first; what was asked for already, or is open already, is not asked for twice."""
    told, seen = Drained(), set()
    waiting = list(asks)
    seen.update((ask.what, ask.key) for ask in waiting)
    while waiting:
        ask = min(waiting, key=lambda it: it.rank)
        waiting.remove(ask)
        told.asked.append(ask)
        assert len(told.asked) <= most, "this look does not end"
        answer = adapter.fetch(api, ask)
        told.payloads |= {(it.kind, it.external_id): it for it in answer.payloads}
        told.gone += answer.gone
        told.problems += answer.problems
        if answer.listing:
            told.listings.append(answer.listing)
        if answer.cursor is not None:
            told.cursors[ask.feed] = answer.cursor
        new = [it for it in answer.asks if (it.what, it.key) not in seen]
        seen.update((it.what, it.key) for it in new)
        waiting += new
    return told
