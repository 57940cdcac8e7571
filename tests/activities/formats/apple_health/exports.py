"""Exports of invented values, and one reading of them that can be compared with another."""

from __future__ import annotations

import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from activities.domain.metrics import UnitRule
from activities.domain.parsed import Problem
from activities.domain.reading import SAMPLE_SCHEMA, Batch, DeviceFacts
from activities.formats.apple_health import read_export
from activities.formats.container import Container, open_file

HEART_RATE = "HKQuantityTypeIdentifierHeartRate"
WATCH = "Noa’s Apple\xa0Watch"
WATCH_DEVICE = (
    "&lt;&lt;HKDevice: 0x{address}&gt;, name:Apple Watch, manufacturer:Apple Inc., model:Watch, hardware:Watch6,18, "
    "software:11.3&gt;"
)
UNITS = {
    HEART_RATE: UnitRule("heart_rate", "bpm"),
    "HKQuantityTypeIdentifierBodyMass": UnitRule("weight", "kg"),
    "HKQuantityTypeIdentifierOxygenSaturation": UnitRule("oxygen_saturation", "%", fraction=True),
    "HKCategoryTypeIdentifierSleepAnalysis": UnitRule("sleep_stage", ""),
}


def record(
    *inner: str,
    kind: str = HEART_RATE,
    source: str = WATCH,
    version: str | None = "11.3",
    address: str | None = "30c1f2a80",
    unit: str | None = "count/min",
    start: str = "2026-03-02 17:10:04 +0100",
    end: str | None = None,
    value: str | None = "142",
) -> str:
    """A Record as Apple writes it; `None` leaves an attribute out."""
    attributes = {
        "type": kind,
        "sourceName": source,
        "sourceVersion": version,
        "device": None if address is None else WATCH_DEVICE.format(address=address),
        "unit": unit,
        "creationDate": "2026-03-02 17:10:10 +0100",
        "startDate": start,
        "endDate": start if end is None else end,
        "value": value,
    }
    told = "".join(f' {name}="{value}"' for name, value in attributes.items() if value is not None)
    if not inner:
        return f" <Record{told}/>\n"
    return f" <Record{told}>\n" + "".join(f"  {each}\n" for each in inner) + " </Record>\n"


def workout(*inner: str, source: str = WATCH, start: str = "2026-03-02 17:04:00 +0100") -> str:
    return (
        f' <Workout workoutActivityType="HKWorkoutActivityTypeRunning" duration="42.5" durationUnit="min" '
        f'sourceName="{source}" startDate="{start}" endDate="2026-03-02 17:47:40 +0100">\n'
        + "".join(f"  {each}\n" for each in inner)
        + " </Workout>\n"
    )


PROLOG = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE HealthData [
<!-- HealthKit Export Version: 14 -->
<!ELEMENT HealthData (ExportDate,Me,(Record|Workout)*)>
<!ATTLIST HealthData
  locale CDATA #REQUIRED
>
]>
"""


def export(*elements: str, prolog: str = PROLOG, end: str = "</HealthData>\n") -> bytes:
    date = ' <ExportDate value="2026-03-03 08:15:02 +0100"/>\n'
    return (prolog + '<HealthData locale="en_GB">\n' + date + "".join(elements) + end).encode()


def zipped(members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for path, data in members.items():
            archive.writestr(path, data)
    return file.getvalue()


@dataclass
class Reading:
    """All that was read, in an order of its own."""

    samples: dict[tuple[str, str], list[tuple[Any, ...]]] = field(default_factory=dict)
    devices: dict[str, DeviceFacts] = field(default_factory=dict)
    payloads: list[tuple[str, str, bytes]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)
    cursor: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, batches: Iterable[Batch]) -> Reading:
        reading = cls()
        for batch in batches:
            for table in batch.samples:
                assert table.columns.schema == SAMPLE_SCHEMA
                columns = (column.to_pylist() for column in table.columns.columns)
                reading.samples.setdefault((table.metric, table.device.key), []).extend(zip(*columns, strict=True))
                reading.devices[table.device.key] = table.device
            reading.payloads += [(each.kind, each.external_id, each.data) for each in batch.payloads]
            reading.counts.update(batch.counts)
            reading.problems += batch.problems
            reading.cursor = batch.cursor
        for rows in reading.samples.values():
            rows.sort(key=repr)
        reading.payloads.sort()
        reading.problems.sort(key=repr)
        return reading

    @property
    def rows(self) -> int:
        return sum(map(len, self.samples.values()))


def opened(source: bytes | Path, name: str = "export.xml") -> Container:
    return open_file(io.BytesIO(source) if isinstance(source, bytes) else source, name)


def read(source: bytes | Path, name: str = "export.xml", **options: Any) -> Reading:
    """Everything in the file at once."""
    with opened(source, name) as container:
        return Reading.of(read_export(container, units=UNITS, **options))


def plain_count(data: bytes) -> Counter[str]:
    """Opening tags from the root on, counted in the plainest way there is; comments and the like left out."""
    body = data[max(data.find(b"<HealthData"), 0) :]
    body = re.sub(rb"(?s)<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>", b" ", body)
    names = re.findall(rb"<([A-Za-z_:\x80-\xff][^\s<>/\"'=!?]*)", body)
    return Counter(name.decode(errors="replace") for name in names)
