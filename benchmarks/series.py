"""The sample series: bytes a sample, a year by day, and what it takes to add and to recognise a big export's chunks.

DEBUG=1 python -m benchmarks.series
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

DAYS = 365
YEAR_OF_SAMPLES = 4_600_000
# A 1 GB export: 2.4 million samples in some 1,500 chunks.
CHUNK_METRICS, CHUNK_MONTHS, CHUNK_ROWS = 25, 60, 1_600
START = datetime(2026, 1, 1, tzinfo=UTC)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="bench-series-") as folder, _database(Path(folder)):
        _bytes_a_sample()
        _year_by_day()
        _big_import()


@contextmanager
def _database(folder: Path) -> Iterator[None]:
    """An empty database and store of their own."""
    os.environ.update(DATA_DIR=str(folder), DJANGO_SETTINGS_MODULE="trainstack.settings")
    for name in ("DATABASE_URL", "RAW_STORAGE", "STREAM_STORAGE"):
        os.environ.pop(name, None)
    import django
    from django.conf import settings
    from django.core.management import call_command

    django.setup()
    settings.DEBUG = False
    call_command("migrate", verbosity=0)
    yield


def _bytes_a_sample() -> None:
    from activities.domain.series import encode, gathered

    rows = 30 * 420
    size = len(encode(gathered([(_heart_rate(rows, 86400 / 420, 0), 1)])))
    print(f"heart rate, 420 a day, one month file: {size / rows:.2f} bytes a sample (at most 2.5)")


def _year_by_day() -> None:
    from activities.models import SampleChunk
    from activities.selectors.series import daily_stats

    user = _user("year")
    _write(user, [("heart_rate", _heart_rate(YEAR_OF_SAMPLES, DAYS * 86400 / YEAR_OF_SAMPLES, 0))], origin=1)
    chunks = SampleChunk.objects.filter(user=user)
    size = sum(chunk.size_bytes for chunk in chunks)
    days = (date(2026, 1, 1), date(2026, 12, 31), ZoneInfo("Europe/Berlin"))
    stats = daily_stats(user, "heart_rate", *days)
    print(
        f"a year of {stats.count.sum():,} samples by local day: "
        f"{_best(lambda: daily_stats(user, 'heart_rate', *days)):.0f} ms (at most 60), "
        f"{len(chunks)} files, {size / stats.count.sum():.2f} bytes a sample"
    )


def _big_import() -> None:
    from activities.models import SampleChunk
    from activities.services.series import remove_origin

    user = _user("import")
    rows = CHUNK_MONTHS * CHUNK_ROWS
    tables = [
        (f"metric_{n:02}", _heart_rate(rows, CHUNK_MONTHS * 30.4 * 86400 / rows, n)) for n in range(CHUNK_METRICS)
    ]
    for origin, name in ((1, "new"), (1, "the same import again"), (2, "the same rows from another import")):
        prepare_s, commit_s = _write(user, tables, origin=origin)
        chunks = SampleChunk.objects.filter(user=user).count()
        print(
            f"{CHUNK_METRICS * rows:,} samples in {chunks:,} chunks, {name}: prepare {prepare_s:.2f} s, "
            f"commit {commit_s * 1000:.0f} ms ({1000 * (prepare_s + commit_s) / chunks:.2f} ms a chunk)"
        )
    half = [(name, table.take(np.arange(0, len(table), 2))) for name, table in tables]
    prepare_s, commit_s = _write(user, half, origin=3)
    print(f"every second row from a third import: prepare {prepare_s:.2f} s, commit {commit_s * 1000:.0f} ms")
    began = time.perf_counter()
    remove_origin(user, 3)
    print(f"taking the third import back: {time.perf_counter() - began:.2f} s")


def _write(user: object, tables: list[tuple[str, pa.Table]], *, origin: int) -> tuple[float, float]:
    from django.db import transaction

    from activities.domain.reading import DeviceFacts, SampleTable
    from activities.services.series import SampleWriter

    writer = SampleWriter(user, "apple_health")  # type: ignore[arg-type]
    for metric, table in tables:
        writer.add(SampleTable(metric, DeviceFacts("watch", "Watch", "watch"), table), origin)
    began = time.perf_counter()
    prepared = writer.prepare()
    ready = time.perf_counter()
    with transaction.atomic():
        writer.commit(prepared)
    return ready - began, time.perf_counter() - ready


def _user(name: str) -> object:
    from trainstack.accounts.models import User

    return User.objects.create_user(f"{name}@example.com")


def _heart_rate(rows: int, gap_s: float, seed: int) -> pa.Table:
    """Irregular heart rates that scatter by 22, in three motion contexts, as an Apple export tells them."""
    from activities.domain.reading import SAMPLE_SCHEMA

    chance = np.random.default_rng(seed)
    gaps = np.maximum(1, chance.exponential(gap_s, rows)).astype(np.int64)
    seconds = np.cumsum(gaps)
    seconds = seconds * int(rows * gap_s) // int(seconds[-1]) if gap_s < 30 else seconds
    start_ms = (int(START.timestamp()) + seconds) * 1000
    contexts = [f'<MetadataEntry key="HKMetadataKeyHeartRateMotionContext" value="{n}"/>' for n in range(3)]

    def words(codes: np.ndarray, vocabulary: list[str]) -> pa.DictionaryArray:
        return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), pa.array(vocabulary, pa.string()))

    same = np.zeros(rows)
    return pa.table(
        [
            pa.array(start_ms),
            pa.array(start_ms),
            pa.array(np.clip(np.round(chance.normal(75, 22, rows)), 35, 205)),
            pa.DictionaryArray.from_arrays(pa.array([None] * rows, pa.int32()), pa.array([], pa.string())),
            words(same, ["count/min"]),
            words(same, ["11.2"]),
            words(same, ["Watch7,5"]),
            words(chance.choice(3, rows, p=[0.5, 0.3, 0.2]), contexts),
        ],
        schema=SAMPLE_SCHEMA,
    )


def _best(do: Callable[[], object], times: int = 9) -> float:
    """Milliseconds of the best of some runs."""
    best = float("inf")
    for _ in range(times):
        began = time.perf_counter()
        do()
        best = min(best, time.perf_counter() - began)
    return best * 1000


if __name__ == "__main__":
    main()
