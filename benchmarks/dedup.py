"""Deduplication in the database: one more record into an account of 20,000, and the whole account grouped anew.

On SQLite, or on the empty database that DATABASE_URL names.

DEBUG=1 python -m benchmarks.dedup [--records 20000]
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

RECORDS = 20_000
ADDED = 400
# As many payloads as an import writes in one transaction.
FILED_AT_ONCE = 64
MOST_MS = 20.0
START = datetime(2012, 1, 1, 6, tzinfo=UTC)
YEARS = 14
PROVIDERS = ("apple_health", "garmin", "strava")
SPORTS = ("running", "cycling.road", "swimming", "strength", "generic")


class Effort(NamedTuple):
    """What one provider tells of an effort."""

    external_id: str
    provider: str
    start: datetime
    elapsed_s: float
    sport: str


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--records", type=int, default=RECORDS)
    count = arguments.parse_args().records
    with tempfile.TemporaryDirectory(prefix="bench-dedup-") as folder, _database(Path(folder)):
        from trainstack.accounts.models import User

        user = User.objects.create_user("bench@example.com")
        efforts = _efforts(count)
        _fill(user, efforts)
        quick = _add(user, efforts)
        unchanged = _rebuild(user)
        _reorder(user)
    return 0 if quick and unchanged else 1


@contextmanager
def _database(folder: Path) -> Iterator[None]:
    """A database without anybody in it, and stores of their own."""
    os.environ.update(DATA_DIR=str(folder), DJANGO_SETTINGS_MODULE="trainstack.settings")
    for name in ("RAW_STORAGE", "STREAM_STORAGE"):
        os.environ.pop(name, None)
    import django
    from django.conf import settings
    from django.core.management import call_command

    django.setup()
    settings.DEBUG = False
    call_command("migrate", verbosity=0)
    yield


def _efforts(count: int) -> list[Effort]:
    """Efforts of years, each told by one to three providers a little differently; in no order."""
    chance = random.Random(count)  # noqa: S311
    efforts: list[Effort] = []
    while len(efforts) < count:
        start = START + timedelta(hours=chance.uniform(0, YEARS * 365 * 24))
        length, sport = chance.uniform(600, 9000), chance.choice(SPORTS)
        for provider in chance.sample(PROVIDERS, chance.choice((1, 1, 2, 3)))[: count - len(efforts)]:
            shift = timedelta(seconds=chance.uniform(-40, 40))
            efforts.append(
                Effort(str(len(efforts)), provider, start + shift, length * chance.uniform(0.97, 1.03), sport)
            )
    chance.shuffle(efforts)
    return efforts


def _fill(user: Any, efforts: Sequence[Effort]) -> None:
    from django.db import connection, transaction

    from activities.services.ingest import ingest

    told = _told(user, efforts)
    lengths = []
    since = time.perf_counter()
    for first in range(0, len(told), FILED_AT_ONCE):
        begun = time.perf_counter()
        with transaction.atomic():
            ingest(user, told[first : first + FILED_AT_ONCE], mapping_version=1)
        lengths.append((time.perf_counter() - begun) * 1000)
    took = time.perf_counter() - since
    print(
        f"{connection.vendor}: {len(efforts):,} records in transactions of {FILED_AT_ONCE}, in no order, become "
        f"{user.activities.count():,} activities: {took:.1f} s, {len(efforts) / took:,.0f} records a second, a "
        f"transaction {statistics.median(lengths):.0f} ms"
    )


def _add(user: Any, efforts: Sequence[Effort]) -> bool:
    """One more record, of an effort of its own or of one that others tell of, now and then."""
    from django.db import connection, transaction

    from activities.services.ingest import ingest

    chance = random.Random(1)  # noqa: S311
    clock, processor = [], []
    counts: dict[str, set[tuple[int, int]]] = defaultdict(set)
    for number in range(ADDED):
        beside = chance.choice(efforts)
        alone = number % 2 == 0
        new = beside._replace(external_id=f"new {number}", provider="polar", start=beside.start + timedelta(seconds=20))
        if alone:
            new = new._replace(start=START + timedelta(days=365 * (YEARS + 1) + 3 * number))
        told = _told(user, [new])
        statements: list[str] = []

        def note(execute: Any, sql: str, *rest: Any, statements: list[str] = statements) -> Any:
            statements.append(sql)
            return execute(sql, *rest)

        with connection.execute_wrapper(note):
            begun, worked = time.perf_counter(), time.process_time()
            with transaction.atomic():
                ingest(user, told, mapping_version=1)
            clock.append((time.perf_counter() - begun) * 1000)
            processor.append((time.process_time() - worked) * 1000)
        around = [sql for sql in statements if sql.startswith("SELECT") and ("linkdecision" in sql or "asked" in sql)]
        counts["by itself" if alone else "beside others"].add((len(around), len(statements)))
    took = statistics.median(clock)
    print(
        f"one more record into them: {took:.1f} ms (at most {MOST_MS:.0f}), 95 of 100 within "
        f"{statistics.quantiles(clock, n=20)[-1]:.1f} ms; processor {statistics.median(processor):.1f} ms"
    )
    for name, found in counts.items():
        reads, queries = ({pair[index] for pair in found} for index in (0, 1))
        print(f"  {name}: what is around in {_span(reads)} queries, {_span(queries)} with all that is written")
    return took <= MOST_MS and all(reads == 2 for found in counts.values() for reads, _ in found)


def _rebuild(user: Any) -> bool:
    from activities.services.grouping import rebuild

    moments = [time.perf_counter()]
    changed = rebuild(user, on_progress=lambda count: moments.append(time.perf_counter()))
    lengths = [(after - before) * 1000 for before, after in pairwise(moments)]
    print(
        f"all of them grouped anew: {moments[-1] - moments[0]:.1f} s, a transaction "
        f"{statistics.median(lengths):.0f} ms, changed: {changed or 'nothing'}"
    )
    return not changed


def _reorder(user: Any) -> None:
    from activities.services.priorities import preview_priority, set_priority

    since = time.perf_counter()
    preview = preview_priority(user, "activities", [["strava"], ["garmin"]])
    previewed = time.perf_counter()
    set_priority(user, "activities", [["strava"], ["garmin"]])
    print(
        f"another order of sources: {preview.total:,} activities would switch, known after {previewed - since:.1f} s; "
        f"switched in {time.perf_counter() - previewed:.1f} s"
    )


def _told(user: Any, efforts: Sequence[Effort]) -> list[Any]:
    """The efforts as their mappings read them, with their raw records."""
    from activities.domain.parsed import ParsedActivity
    from activities.models import RawRecord, RawSighting
    from activities.services.ingest import Told

    raws = RawRecord.objects.bulk_create(
        RawRecord(
            user=user,
            provider=effort.provider,
            kind="fit",
            external_id=effort.external_id,
            sha256=f"{effort.external_id:0>64}",
            size_bytes=1,
        )
        for effort in efforts
    )
    RawSighting.objects.bulk_create(RawSighting(user=user, raw=raw) for raw in raws)
    return [
        Told(
            raw,
            [
                ParsedActivity(
                    external_id=effort.external_id,
                    sport=effort.sport,
                    start_time=effort.start,
                    elapsed_s=effort.elapsed_s,
                    timer_s=effort.elapsed_s * 0.95,
                    distance_m=effort.elapsed_s * 3,
                    avg_heart_rate_bpm=140.0,
                    device="watch",
                )
            ],
            streams=[None],
        )
        for raw, effort in zip(raws, efforts, strict=True)
    ]


def _span(numbers: set[int]) -> str:
    return f"{min(numbers)}" if len(numbers) == 1 else f"{min(numbers)} to {max(numbers)}"


if __name__ == "__main__":
    sys.exit(main())
