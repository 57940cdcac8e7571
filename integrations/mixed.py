"""A zip of exports and files: each archive in it read by its own reader, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from activities.domain.reading import Batch, RawPayload
from activities.formats.container import Container
from integrations.base import Provider, Reader


@dataclass(frozen=True)
class Part:
    """One archive inside ("" for what lies beside them), and who reads it; `is_named`: its payloads are all his."""

    archive: str
    provider: Provider
    reader: Reader
    is_named: bool


@dataclass(frozen=True)
class MixedReader:
    """Reads every part of a zip that somebody reads. Batches say whose they are; the cursor counts parts."""

    parts: Sequence[Part]
    name: str = "archive of exports and files"

    def recognise(self, container: Container) -> bool:
        return bool(self.parts)

    def stated_at(self, container: Container) -> datetime | None:
        return None

    def element_of(self, metric: str) -> str:
        return "sample"

    def element_of_payload(self, payload: RawPayload) -> str:
        return payload.kind

    def read(
        self, container: Container, *, cursor: Mapping[str, Any] | None = None, batch_bytes: int | None = None
    ) -> Iterator[Batch]:
        first = int((cursor or {}).get("part", 0))
        shares = [sum(member.size for member in container.part(part.archive).members) for part in self.parts]
        for number in range(first, len(self.parts)):
            part = self.parts[number]
            at = (cursor or {}).get("at") if number == first else None
            before = sum(shares[:number])
            opened = container.part(part.archive)
            for batch in part.reader.read(opened, cursor=at, batch_bytes=batch_bytes):
                share = min(batch.done / batch.total, 1.0) if batch.total else 1.0
                told = [path for path, _ in batch.cursor.get("files_kept", ())]
                yield replace(
                    batch,
                    cursor={"part": number, "at": dict(batch.cursor)},
                    done=before + round(shares[number] * share),
                    total=sum(shares),
                    payloads=tuple(self._payload(part, payload) for payload in batch.payloads),
                    kept=tuple(_inside(part, path) for path in (*batch.kept, *told)),
                    provider=part.provider.slug,
                )

    def _payload(self, part: Part, payload: RawPayload) -> RawPayload:
        whose = payload.provider or (part.provider.slug if part.is_named else "")
        return replace(payload, provider=whose, path=_inside(part, payload.path))


def _inside(part: Part, path: str) -> str:
    return f"{part.archive}/{path}".strip("/") if part.archive and path else path or part.archive
