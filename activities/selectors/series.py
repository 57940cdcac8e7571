"""Reading the sample series: stretches of samples, what series there are, and figures by day."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from django.db.models import Max, Min, QuerySet, Sum
from numpy.typing import NDArray

from activities.domain.daily import DayStats, day_edges
from activities.domain.reading import SAMPLE_SCHEMA
from activities.domain.series import DayFigures, SampleFile
from activities.models import Device, SampleChunk
from trainstack.accounts.models import User
from trainstack.storage import stream_store

T = TypeVar("T")

# Unpacking does not hold the interpreter's lock; only from so many rows on is that worth a second thread.
READERS = 2
THREADED_ROWS = 500_000
ATTEMPTS = 3
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
COLUMNS = pa.schema([*SAMPLE_SCHEMA, ("device_id", pa.int64()), ("provider", pa.dictionary(pa.int32(), pa.string()))])


@dataclass(frozen=True)
class SeriesFacts:
    """One metric of one device: `rows` samples in `bytes` on disk, from the first start to the last end."""

    metric: str
    provider: str
    device: Device
    rows: int
    first_at: datetime
    last_at: datetime
    bytes: int


def samples(
    user: User,
    metric: str,
    start: datetime,
    end: datetime,
    *,
    provider: str | None = None,
    device: Device | int | None = None,
    columns: Sequence[str] | None = None,
) -> pa.Table:
    """The samples that start in [start, end), by start: columns of SAMPLE_SCHEMA, `device_id` and `provider`, or some.

    Only the columns asked for are unpacked. One sample told in two units is there once.
    """
    names = list(COLUMNS.names if columns is None else columns)
    schema = pa.schema([COLUMNS.field(name) for name in names])
    chunks = _chunks(user, start, end, provider, device).filter(metric=metric)
    start_ms, end_ms = _ms(start), _ms(end)
    wanted = [name for name in {"start_ms": None, **dict.fromkeys(names)} if name in SAMPLE_SCHEMA.names]

    def read(chunk: SampleChunk, data: bytes) -> pa.Table:
        table = SampleFile(data).table(wanted, start_ms, end_ms)
        codes: Any = pa.array(np.zeros(len(table), np.int32))
        word = pa.DictionaryArray.from_arrays(codes, pa.array([chunk.provider]))
        return table.append_column("device_id", pa.array(np.full(len(table), chunk.device_id))).append_column(
            "provider", word
        )

    tables = [table for table in _read_all(chunks, read) if len(table)]
    if not tables:
        return schema.empty_table()
    table = pa.concat_tables(tables).unify_dictionaries().combine_chunks() if len(tables) > 1 else tables[0]
    starts = table["start_ms"].to_numpy()
    if (starts[1:] < starts[:-1]).any():
        table = table.take(np.argsort(starts, kind="stable"))
    return table.select(names)


@dataclass(frozen=True, eq=False)
class Numbers:
    """Samples of one metric by start: ms since 1970, value (NaN where none is told) and the device's id."""

    start_ms: NDArray[np.int64]
    end_ms: NDArray[np.int64]
    value: NDArray[np.float64]
    device_id: NDArray[np.int64]
    # Each id that occurs, once.
    devices: tuple[int, ...]

    def of_devices(self) -> Iterator[tuple[int, Numbers]]:
        """The samples of each device, by its id."""
        if len(self.devices) == 1:
            yield self.devices[0], self
            return
        for one in self.devices:
            mine = self.device_id == one
            yield one, Numbers(self.start_ms[mine], self.end_ms[mine], self.value[mine], self.device_id[mine], (one,))


NO_NUMBERS = Numbers(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0), np.empty(0, np.int64), ())


def numbers(
    user: User, metrics: Collection[str], start: datetime, end: datetime, *, provider: str
) -> dict[str, Numbers]:
    """The samples of these metrics that start in [start, end), as numbers; metrics without any are left out.

    One query, however many metrics. One sample told in two units is there once.
    """
    start_ms, end_ms = _ms(start), _ms(end)
    chunks = _chunks(user, start, end, provider).filter(metric__in=metrics)
    told: dict[str, list[tuple[int, tuple[NDArray[Any], ...]]]] = {}
    for chunk, columns in _read_all(chunks, lambda chunk, data: (chunk, SampleFile(data).numbers(start_ms, end_ms))):
        if len(columns[0]):
            told.setdefault(chunk.metric, []).append((chunk.device_id, columns))
    return {metric: _joined(pieces) for metric, pieces in told.items()}


def _joined(pieces: Sequence[tuple[int, tuple[NDArray[Any], ...]]]) -> Numbers:
    ids = [device_id for device_id, _ in pieces]
    starts, ends, values = zip(*(columns for _, columns in pieces), strict=True)
    start_ms, end_ms, value = np.concatenate(starts), np.concatenate(ends), np.concatenate(values)
    device_id = np.repeat(ids, [len(start) for start in starts])
    if (start_ms[1:] < start_ms[:-1]).any():
        order = np.argsort(start_ms, kind="stable")
        start_ms, end_ms, value, device_id = start_ms[order], end_ms[order], value[order], device_id[order]
    return Numbers(start_ms, end_ms, value, device_id, tuple(sorted(set(ids))))


def series_of(user: User) -> list[SeriesFacts]:
    """Every series of the user, by metric, provider and device."""
    devices = Device.objects.filter(user=user).in_bulk()
    groups = (
        SampleChunk.objects.filter(user=user)
        .values("metric", "provider", "device")
        .annotate(Sum("rows"), Min("first_at"), Max("last_at"), Sum("size_bytes"))
        .order_by("metric", "provider", "device__name", "device")
    )
    return [
        SeriesFacts(
            metric=group["metric"],
            provider=group["provider"],
            device=devices[group["device"]],
            rows=group["rows__sum"],
            first_at=group["first_at__min"],
            last_at=group["last_at__max"],
            bytes=group["size_bytes__sum"],
        )
        for group in groups
    ]


def daily_stats(
    user: User,
    metric: str,
    first: date,
    last: date,
    zone: ZoneInfo,
    *,
    provider: str | None = None,
    device: Device | int | None = None,
) -> DayStats:
    """Figures of each local day from first to last; NaN and a count of 0 where there is none.

    A sample counts on the day of its start. Samples that tell words have no figures, but a count.
    """
    edges = day_edges(first, last, zone)
    start, end = (EPOCH + timedelta(milliseconds=int(edge)) for edge in edges[[0, -1]])
    figures = DayFigures.none(len(edges) - 1)
    chunks = _chunks(user, start, end, provider, device).filter(metric=metric)
    for more in _read_all(chunks, lambda _, data: SampleFile(data).daily(edges)):
        figures = figures.with_more(more)
    with np.errstate(invalid="ignore"):
        mean = figures.total / figures.count
    return DayStats(
        count=figures.count, mean=mean, min=figures.least, max=figures.most, sum=figures.total, last=figures.last
    )


def months_of_origin(user: User, origin: int) -> dict[str, set[str]]:
    """The UTC months ("2026-05"), by metric, with samples that this raw record told."""
    months: dict[str, set[str]] = {}
    chunks = SampleChunk.objects.filter(user=user).values_list("metric", "start", "origins")
    for metric, start, origins in chunks.iterator():
        if any(origin in members for members in origins):
            months.setdefault(metric, set()).add(f"{start:%Y-%m}")
    return months


def origins_of(user: User, provider: str | None = None) -> set[int]:
    """The ids of the raw records that told the user's samples, of one provider or of all."""
    chunks = SampleChunk.objects.filter(user=user)
    if provider is not None:
        chunks = chunks.filter(provider=provider)
    told = chunks.values_list("origins", flat=True)
    return {raw_id for origins in told.iterator() for members in origins for raw_id in members}


def _chunks(
    user: User, start: datetime, end: datetime, provider: str | None, device: Device | int | None = None
) -> QuerySet[SampleChunk]:
    """The chunks with samples of that time, in an order that does not depend on when they came."""
    chunks = SampleChunk.objects.filter(
        user=user,
        start__gte=start.astimezone(UTC).date().replace(day=1),
        start__lte=end.astimezone(UTC).date(),
        first_at__lt=end,
        last_at__gte=start,
    )
    if provider is not None:
        chunks = chunks.filter(provider=provider)
    if device is not None:
        chunks = chunks.filter(device=device)
    return chunks.order_by("start", "provider", "device__key", "period")


def _read_all(chunks: QuerySet[SampleChunk], read: Callable[[SampleChunk, bytes], T]) -> list[T]:
    """What `read` makes of each chunk's file, in order."""
    storage = stream_store()

    def read_one(chunk: SampleChunk) -> T:
        return read(chunk, storage.read(chunk.storage_key))

    for attempt in range(ATTEMPTS):
        found = list(chunks.all())
        try:
            if sum(chunk.rows for chunk in found) < THREADED_ROWS:
                return list(map(read_one, found))
            with ThreadPoolExecutor(READERS) as pool:
                return list(pool.map(read_one, found))
        except FileNotFoundError:
            # A writer has moved the pointer just now, and the sweeper took the file that it left.
            if attempt == ATTEMPTS - 1:
                raise
    raise AssertionError("one of the attempts returns or raises")


def _ms(moment: datetime) -> int:
    """Milliseconds since 1970, rounded up: what starts in the same millisecond but earlier is no part."""
    return -((EPOCH - moment) // timedelta(milliseconds=1))
