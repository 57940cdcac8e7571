"""Archives made in a test, and all that a reader tells of them."""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from activities.domain.matching import Record
from activities.domain.parsed import Parsed, ParsedActivity, Problem
from activities.domain.reading import RawPayload
from activities.formats.container import Container, open_file
from integrations.base import Provider, Reader
from integrations.told import epoch_ms

Members = Mapping[str, object]


@dataclass
class Told:
    """What a reader told of an archive. `samples`: (metric, device) -> rows of (start ms, end ms, value)."""

    payloads: list[RawPayload] = field(default_factory=list)
    samples: dict[tuple[str, str], list[tuple[int, int, float]]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)

    @property
    def ids(self) -> list[tuple[str, str]]:
        return [(payload.kind, payload.external_id) for payload in self.payloads]

    def data(self, kind: str, external_id: str) -> bytes:
        [found] = [it.data for it in self.payloads if (it.kind, it.external_id) == (kind, external_id)]
        return found


def zipped(members: Members) -> bytes:
    """A zip of these members; what is neither bytes nor text becomes JSON."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in members.items():
            archive.writestr(path, content if isinstance(content, bytes | str) else json.dumps(content))
    return target.getvalue()


def opened(members: Members, name: str = "anything.zip") -> Container:
    """The archive as an import opens it."""
    return open_file(io.BytesIO(zipped(members)), name)


def told_of(reader: Reader, members: Members, *, cursor: Mapping[str, int] | None = None) -> Told:
    """All that the reader tells of the archive."""
    told = Told()
    with opened(members) as container:
        for batch in reader.read(container, cursor=cursor):
            told.payloads += batch.payloads
            told.counts.update(batch.counts)
            told.problems += batch.problems
            told.kept += batch.kept
            for table in batch.samples:
                columns = [table.columns[name].to_pylist() for name in ("start_ms", "end_ms", "value")]
                told.samples.setdefault((table.metric, table.device.name), []).extend(zip(*columns, strict=True))
    return told


def parsed_of(provider: Provider, told: Told, kind: str, external_id: str) -> Parsed:
    """One of the payloads, read."""
    return provider.parse[kind](told.data(kind, external_id), external_id)


def record_of(activity: ParsedActivity) -> Record:
    """The activity as matching sees it."""
    elapsed, timer, moving = (
        None if seconds is None else round(seconds * 1000)
        for seconds in (activity.elapsed_s, activity.timer_s, activity.moving_s)
    )
    start_ms = epoch_ms(activity.start_time)
    return Record(
        activity.provider, activity.external_id, activity.sport, start_ms, elapsed, timer, moving, activity.distance_m
    )
