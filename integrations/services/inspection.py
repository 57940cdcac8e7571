"""A file's normalised reading without a database: what it would become, and what is wrong with it."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from activities.domain.joining import FEEDS, Feed, Track, joined_streams, route_streams, sampled_streams
from activities.domain.parsed import ParsedActivity, Problem, Stream
from activities.domain.reading import DeviceFacts, RawPayload, SampleTable
from activities.formats.container import BadFile, open_file
from activities.formats.gpx import parse_gpx
from integrations.base import Provider, Reader
from integrations.merging import merged
from integrations.registry import PROVIDERS, reader_of
from integrations.services.imports import limits, unknown
from integrations.services.reading import parse, without_samples

FEEDING = {metric: name for name, metrics in FEEDS.items() for metric in metrics}


@dataclass(frozen=True)
class Inspection:
    """The activities of one file, with their streams, and its problems."""

    activities: tuple[ParsedActivity, ...] = ()
    problems: tuple[Problem, ...] = ()


def inspect(path: Path) -> Inspection:
    """Read the file as an import would; never raises for what is in it."""
    try:
        with open_file(path, path.name, limits()) as container:
            found = reader_of(container)
            if found is None:
                return Inspection(problems=(Problem(path.name, unknown(path.name, container)),))
            provider, reader = found
            with tempfile.TemporaryDirectory(prefix="inspect-") as folder:
                inspector = _Inspector(provider, reader, path.name, Path(folder))
                for batch in reader.read(container):
                    for table in batch.samples:
                        inspector.add_samples(table)
                    for payload in batch.payloads:
                        inspector.add_payload(payload)
                    inspector.problems += batch.problems
                return Inspection(inspector.activities(), (*container.problems, *inspector.problems))
    except (BadFile, OSError) as error:
        return Inspection(problems=(Problem(path.name, str(error)),))


class _Inspector:
    """What was read so far. Routes wait in files: a life holds gigabytes of them."""

    def __init__(self, provider: Provider, reader: Reader, name: str, folder: Path) -> None:
        self.provider = provider
        self.reader = reader
        self.name = name
        self.folder = folder
        self.problems: list[Problem] = []
        # By provider and external id, what each kind of record tells.
        self._read: dict[tuple[str, str], dict[str, tuple[ParsedActivity, ...]]] = {}
        self._routes: dict[str, Path] = {}
        self._columns: dict[tuple[str, str], list[NDArray[np.float64]]] = defaultdict(list)
        self._devices: dict[str, DeviceFacts] = {}

    def add_samples(self, table: SampleTable) -> None:
        if table.metric in FEEDING:
            columns = [table.columns[name].to_numpy() for name in ("start_ms", "end_ms", "value")]
            self._columns[table.metric, table.device.key].append(np.stack(columns))
            self._devices[table.device.key] = table.device

    def add_payload(self, payload: RawPayload) -> None:
        provider = PROVIDERS.get(payload.provider, self.provider)
        if payload.kind in provider.parse:
            parsed, problem = parse(provider, payload.kind, payload.data, payload.external_id)
            path = payload.path or self.name
            if parsed.activities:
                told = parsed.activities
                if not provider.streams_from_samples:
                    told = tuple(map(without_samples, told))
                self._read.setdefault((provider.slug, payload.external_id), {})[payload.kind] = told
            self.problems += (Problem(it.path or path, it.message, it.count) for it in parsed.problems)
            if problem:
                self.problems.append(Problem(path, problem))
        elif payload.kind == "route":
            self._routes[payload.external_id] = self.folder / str(len(self._routes))
            self._routes[payload.external_id].write_bytes(payload.data)

    def activities(self) -> tuple[ParsedActivity, ...]:
        """Every effort once, in the order told, its legs behind it, with streams."""
        feeds = self._feeds()
        told: list[ParsedActivity] = []
        for (slug, _), by_kind in self._read.items():
            first = len(told)
            parsed = merged([by_kind[kind] for kind in PROVIDERS[slug].parse if kind in by_kind])
            paths: Sequence[str] = parsed[0].extra.get("routes", ()) if parsed else ()
            tracks = [track for it in paths if it in self._routes for track in parse_gpx(self._routes[it].read_bytes())]
            for one in parsed:
                streams = one.streams
                if PROVIDERS[slug].streams_from_samples:
                    streams = self._streams(one, feeds, tracks)
                parent = None if one.parent is None else first + one.parent
                told.append(replace(one, provider=slug, streams=streams, parent=parent))
        return tuple(told)

    def _streams(
        self, one: ParsedActivity, feeds: Mapping[str, Sequence[Feed]], tracks: Sequence[Track]
    ) -> dict[str, Stream]:
        start_ms = _ms(one.start_time)
        end_ms = start_ms + round(1000 * (one.elapsed_s or one.timer_s or one.moving_s or 0))
        return joined_streams(
            sampled_streams(feeds, one.source_name, start_ms, end_ms),
            route_streams(tracks, start_ms, end_ms, clip=one.parent is not None),
            one.streams,
        )

    def _feeds(self) -> dict[str, list[Feed]]:
        feeds: dict[str, list[Feed]] = {}
        for (metric, key), columns in sorted(self._columns.items()):
            rows = np.unique(np.concatenate(columns, axis=1), axis=1)
            rows = rows[:, ~np.isnan(rows[2])]
            device = self._devices[key]
            feed = Feed(device.key, device.kind, rows[0].astype(np.int64), rows[2])
            feeds.setdefault(FEEDING[metric], []).append(feed)
        return feeds


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
