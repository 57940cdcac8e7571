"""Reading the sample series: stretches, what series there are, and days as the athlete lives them."""

from __future__ import annotations

import threading
import time
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from activities.domain.reading import SAMPLE_SCHEMA, DeviceFacts, SampleTable
from activities.models import Device
from activities.selectors.series import SeriesFacts, daily_stats, numbers, samples, series_of
from activities.services.series import SampleWriter, sweep_streams
from tests.activities.domain.sampling import sample_table
from tests.factories.accounts import UserFactory
from trainstack.storage import stream_store

pytestmark = pytest.mark.django_db

BERLIN = ZoneInfo("Europe/Berlin")
APRIL = datetime(2026, 4, 1, tzinfo=UTC)


def keep(user, rows, *, metric="heart_rate", device="watch", provider="apple_health", origin=1):
    writer = SampleWriter(user, provider)
    writer.add(SampleTable(metric, DeviceFacts(device, device.title()), sample_table(rows)), origin)
    prepared = writer.prepare()
    with transaction.atomic():
        writer.commit(prepared)
    return Device.objects.get(user=user, provider=provider, key=device)


def row(moment: datetime, value: float | None = 1.0, **others):
    return {"start_ms": round(moment.timestamp() * 1000), "value": value, **others}


def daily_from(start: datetime, *values: float) -> list[dict]:
    return [row(start + timedelta(days=n), value) for n, value in enumerate(values)]


def test_samples_gives_what_starts_in_the_stretch_of_all_sources_by_start(user):
    watch = keep(user, daily_from(APRIL, *range(60)), device="watch")
    band = keep(user, daily_from(APRIL + timedelta(hours=12), *range(100, 160)), device="band", provider="oura")
    keep(UserFactory(), daily_from(APRIL, *range(60)))
    keep(user, daily_from(APRIL, *range(60)), metric="steps")

    table = samples(user, "heart_rate", APRIL + timedelta(days=29), APRIL + timedelta(days=31, hours=12))

    assert table.column_names == [*SAMPLE_SCHEMA.names, "device_id", "provider"]
    assert table.select(["value", "device_id", "provider"]).to_pylist() == [
        {"value": 29.0, "device_id": watch.pk, "provider": "apple_health"},
        {"value": 129.0, "device_id": band.pk, "provider": "oura"},
        {"value": 30.0, "device_id": watch.pk, "provider": "apple_health"},
        {"value": 130.0, "device_id": band.pk, "provider": "oura"},
        {"value": 31.0, "device_id": watch.pk, "provider": "apple_health"},
    ]


def test_samples_of_one_provider_or_device_in_some_columns(user):
    watch = keep(user, daily_from(APRIL, 1, 2, 3, 4, 5))
    keep(user, daily_from(APRIL, 6, 7, 8, 9, 10), device="band", provider="oura")
    stretch = (APRIL, APRIL + timedelta(days=2))

    assert samples(user, "heart_rate", *stretch, provider="oura", columns=["value"]).to_pydict() == {"value": [6, 7]}
    assert samples(user, "heart_rate", *stretch, device=watch, columns=["value"]).to_pydict() == {"value": [1, 2]}
    assert samples(user, "heart_rate", *stretch, device=watch.pk, columns=["value", "unit"]).to_pydict() == {
        "value": [1, 2],
        "unit": [None, None],
    }


@pytest.mark.parametrize(
    ("start", "end", "values"),
    [
        pytest.param(timedelta(0), timedelta(days=1), [1.0], id="start counts, end does not"),
        pytest.param(timedelta(microseconds=1), timedelta(days=1, microseconds=1), [2.0], id="finer than ms"),
        pytest.param(timedelta(days=2), timedelta(days=2), [], id="nothing"),
        pytest.param(timedelta(days=3), timedelta(days=1), [], id="backwards"),
        pytest.param(timedelta(days=400), timedelta(days=401), [], id="elsewhere"),
    ],
)
def test_samples_includes_the_start_and_not_the_end(user, start, end, values):
    keep(user, daily_from(APRIL, 1, 2, 3, 4, 5))

    table = samples(user, "heart_rate", APRIL + start, APRIL + end)

    assert table["value"].to_pylist() == values
    assert table.schema.equals(samples(user, "nothing", APRIL, APRIL).schema)


def test_numbers_are_the_samples_of_several_metrics_in_one_query(user):
    watch = keep(
        user, [row(APRIL, 60.0), row(APRIL + timedelta(seconds=2), None), row(APRIL + timedelta(days=40), 61.0)]
    )
    phone = keep(user, [row(APRIL + timedelta(seconds=1), 62.0)], device="phone")
    keep(user, [row(APRIL, 5.0, end_ms=round(APRIL.timestamp() * 1000) + 1000)], metric="steps")
    keep(user, [row(APRIL, 63.0)], provider="other")
    at = round(APRIL.timestamp() * 1000)

    with CaptureQueriesContext(connection) as queries:
        told = numbers(
            user, ["heart_rate", "steps", "weight"], APRIL, APRIL + timedelta(days=30), provider="apple_health"
        )

    assert len(queries) == 1
    assert {metric: one.devices for metric, one in told.items()} == {
        "heart_rate": tuple(sorted((watch.pk, phone.pk))),
        "steps": (watch.pk,),
    }
    assert told["heart_rate"].start_ms.tolist() == [at, at + 1000, at + 2000]
    assert np.array_equal(told["heart_rate"].value, [60.0, 62.0, np.nan], equal_nan=True)
    assert told["heart_rate"].device_id.tolist() == [watch.pk, phone.pk, watch.pk]
    assert told["steps"].end_ms.tolist() == [at + 1000]
    assert {pk: one.value.tolist() for pk, one in told["heart_rate"].of_devices()}[phone.pk] == [62.0]


def test_samples_reads_days_and_months_together(user):
    keep(user, daily_from(APRIL, 1, 2, 3, 4, 5))
    keep(user, [row(APRIL + timedelta(days=9), 9.0)])

    assert samples(user, "heart_rate", APRIL, APRIL + timedelta(days=99))["value"].to_pylist() == [1, 2, 3, 4, 5, 9]


def test_series_of_tells_each_series_once(user):
    watch = keep(user, daily_from(APRIL, *range(60)))
    keep(UserFactory(), daily_from(APRIL, 1, 2, 3, 4))
    size = sum(chunk.size_bytes for chunk in user.sample_chunks.all())

    assert series_of(user) == [
        SeriesFacts("heart_rate", "apple_health", watch, 60, APRIL, APRIL + timedelta(days=59), size)
    ]


def test_series_of_takes_as_many_queries_for_one_series_as_for_three(user):
    keep(user, daily_from(APRIL, 1, 2, 3, 4))
    with CaptureQueriesContext(connection) as one:
        series_of(user)
    keep(user, daily_from(APRIL, 1, 2, 3, 4), device="band")
    keep(user, daily_from(APRIL, 1, 2, 3, 4), metric="steps")

    with CaptureQueriesContext(connection) as three:
        assert len(series_of(user)) == 3
    assert len(three) == len(one)


def test_daily_stats_parts_days_where_the_athlete_lives(user):
    # Clocks go forward on 29 March and back on 25 October 2026 in Berlin.
    def local(month, day, hour, minute=0):
        return datetime(2026, month, day, hour, minute, tzinfo=BERLIN)

    keep(
        user,
        [
            row(local(3, 28, 23, 59), 50.0),
            row(local(3, 29, 0), 60.0),
            row(local(3, 29, 23, 59), 70.0),
            row(local(3, 30, 0), 80.0),
            row(local(10, 25, 0), 90.0),
            row(local(10, 25, 23, 59), 92.0),
            row(local(10, 26, 0), 10.0),
        ],
    )

    spring = daily_stats(user, "heart_rate", date(2026, 3, 28), date(2026, 3, 31), BERLIN)
    autumn = daily_stats(user, "heart_rate", date(2026, 10, 25), date(2026, 10, 25), BERLIN)

    assert spring.count.tolist() == [1, 2, 1, 0]
    assert spring.mean.tolist()[:3] == [50.0, 65.0, 80.0]
    assert (spring.min.tolist()[:3], spring.max.tolist()[:3]) == ([50.0, 60.0, 80.0], [50.0, 70.0, 80.0])
    assert np.isnan([spring.mean[3], spring.min[3], spring.max[3], spring.sum[3], spring.last[3]]).all()
    assert (autumn.count.tolist(), autumn.sum.tolist(), autumn.last.tolist()) == ([2], [182.0], [92.0])


def test_daily_stats_joins_devices_months_and_kinds_of_numbers(user):
    keep(user, [row(APRIL, 1.0), row(APRIL + timedelta(hours=2), 4.5), row(APRIL + timedelta(days=40), 7.0)])
    band = keep(user, [row(APRIL + timedelta(hours=1), np.pi), row(APRIL + timedelta(days=9), None)], device="band")

    both = daily_stats(user, "heart_rate", date(2026, 4, 1), date(2026, 4, 1), ZoneInfo("UTC"))
    alone = daily_stats(user, "heart_rate", date(2026, 4, 1), date(2026, 4, 10), ZoneInfo("UTC"), device=band)

    assert both.count.tolist() == [3]
    assert (both.min[0], both.max[0], both.last[0]) == (1.0, 4.5, 4.5)
    assert both.sum[0] == pytest.approx(5.5 + np.pi)
    assert alone.count.tolist() == [1, *[0] * 9]
    assert alone.last[0] == np.pi


def test_daily_stats_counts_words(user):
    keep(user, [row(APRIL + timedelta(days=n), None, text="asleep") for n in range(4)], metric="sleep_stage")

    stats = daily_stats(user, "sleep_stage", date(2026, 4, 1), date(2026, 4, 5), ZoneInfo("UTC"))

    assert stats.count.tolist() == [1, 1, 1, 1, 0]
    assert np.isnan(stats.mean).all()


def test_daily_stats_of_another_provider_or_user_is_empty(user):
    keep(user, daily_from(APRIL, 1, 2, 3, 4))
    days = (date(2026, 4, 1), date(2026, 4, 3), BERLIN)

    assert daily_stats(user, "heart_rate", *days, provider="oura").count.tolist() == [0, 0, 0]
    assert daily_stats(UserFactory(), "heart_rate", *days).count.tolist() == [0, 0, 0]


def test_a_file_that_is_gone_is_an_error_and_not_an_empty_day(user, storage):
    keep(user, daily_from(APRIL, 1, 2, 3, 4))
    stream_store().delete(user.sample_chunks.get().storage_key)

    with pytest.raises(FileNotFoundError):
        samples(user, "heart_rate", APRIL, APRIL + timedelta(days=9))
    with pytest.raises(FileNotFoundError):
        daily_stats(user, "heart_rate", date(2026, 4, 1), date(2026, 4, 3), BERLIN)


@pytest.mark.skipif(connection.vendor == "sqlite", reason="an in-memory database has no second writer")
@pytest.mark.django_db(transaction=True)
def test_readers_see_whole_series_while_a_writer_and_the_sweeper_work(user):
    keep(user, daily_from(APRIL, *range(20)))
    seen: list[list[int]] = [[], [], []]
    failures: list[Exception] = []
    stop = threading.Event()

    def read(lengths: list[int]) -> None:
        try:
            while not stop.is_set():
                lengths.append(len(samples(user, "heart_rate", APRIL, APRIL + timedelta(days=30))))
        except Exception as error:
            failures.append(error)
        finally:
            connection.close()

    readers = [threading.Thread(target=read, args=(lengths,)) for lengths in seen]
    for reader in readers:
        reader.start()
    for n in range(40):
        keep(user, [row(APRIL + timedelta(hours=n), 5.5), row(APRIL + timedelta(days=20), n)], origin=n)
        sweep_streams(now=time.time() + 10**7)
    stop.set()
    for reader in readers:
        reader.join()

    assert failures == []
    assert [lengths == sorted(lengths) for lengths in seen] == [True] * 3
    assert {length for lengths in seen for length in lengths} <= {20 + 2 * n for n in range(41)}
