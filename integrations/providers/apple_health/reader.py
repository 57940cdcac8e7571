"""The uploaded export: `activities.formats.apple_health` with this provider's table of metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from activities.domain.metrics import MetricTable
from activities.domain.reading import Batch, RawPayload
from activities.formats.apple_health import export_facts, is_export, read_export
from activities.formats.apple_health.reader import BATCH_BYTES, BLOCK_BYTES
from activities.formats.container import Container


@dataclass(frozen=True)
class ExportReader:
    """Reads `export.zip` and `export.xml`, under whatever name a phone gave them."""

    units: MetricTable
    name: str = "Apple Health export"
    # How much XML is read at a time, and how much of it becomes one batch.
    block_bytes: int = BLOCK_BYTES
    batch_bytes: int = BATCH_BYTES
    # Large exports are read by a second process, see `integrations.apart`.
    reads_apart: ClassVar[bool] = True

    def recognise(self, container: Container) -> bool:
        return is_export(container)

    def element_of(self, metric: str) -> str:
        """The tag of the elements that become samples of this metric."""
        if metric == "ActivitySummary":
            return metric
        return "Correlation" if metric.startswith("HKCorrelationTypeIdentifier") else "Record"

    def element_of_payload(self, payload: RawPayload) -> str:
        """The tag of the element that the payload is; empty for a file, and for an element that cannot be read."""
        if payload.kind == "workout":
            return "Workout"
        if payload.kind != "element" or payload.external_id.startswith("unreadable-"):
            return ""
        return payload.external_id.rpartition("-")[0]

    def stated_at(self, container: Container) -> datetime | None:
        return export_facts(container).export_date

    def read(
        self, container: Container, *, cursor: Mapping[str, Any] | None = None, batch_bytes: int | None = None
    ) -> Iterator[Batch]:
        return read_export(
            container,
            units=self.units,
            cursor=cursor,
            batch_bytes=batch_bytes or self.batch_bytes,
            block_bytes=self.block_bytes,
        )
