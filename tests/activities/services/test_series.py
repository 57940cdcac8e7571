"""Sample series as they are written: what is new, what was known, who told it, and how it is taken back."""

from __future__ import annotations

import threading
import time
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from activities.domain.reading import DeviceFacts, SampleTable
from activities.models import Device, SampleChunk
from activities.selectors.series import months_of_origin, samples
from activities.services.series import (
    SampleWriter,
    StaleChunk,
    Written,
    fold_days,
    remove_origin,
    resolve_devices,
    sweep_streams,
)
from tests.activities.domain.sampling import sample_table
from tests.factories.accounts import UserFactory
from tests.factories.activities import SourceActivityFactory
from trainstack.storage import stream_store

pytestmark = pytest.mark.django_db

WATCH = DeviceFacts("watch", "Watch", "watch")
PHONE = DeviceFacts("phone", "Phone", "phone")
MAY = datetime(2026, 5, 1, tzinfo=UTC)
YEAR_2100 = datetime(2100, 1, 1, tzinfo=UTC)


def at(*, days: float = 0, s: float = 0) -> int:
    return round((MAY + timedelta(days=days, seconds=s)).timestamp() * 1000)


def every_ten_days(count: int = 6, **others) -> list[dict]:
    """Samples on 1, 11, 21 May, ...: no small batch."""
    return [{"start_ms": at(days=10 * n), "value": 60.0 + n, **others} for n in range(count)]


def write(user, rows, origin: int = 1, *, metric: str = "heart_rate", device: DeviceFacts = WATCH) -> Written:
    writer = SampleWriter(user, "apple_health")
    writer.add(SampleTable(metric, device, sample_table(rows)), origin)
    prepared = writer.prepare()
    with transaction.atomic():
        return writer.commit(prepared)[metric]


def read(user, metric: str = "heart_rate") -> list[tuple[int, float]]:
    table = samples(user, metric, MAY - timedelta(days=4000), YEAR_2100, columns=["start_ms", "value"])
    return [(row["start_ms"], row["value"]) for row in table.to_pylist()]


def chunks(user) -> list[tuple]:
    rows = SampleChunk.objects.filter(user=user).order_by("metric", "device__key", "start", "period")
    return [(row.period, row.start, row.rows, row.origins) for row in rows]


def test_commit_stores_each_month_in_a_chunk_of_its_own(user):
    written = write(user, every_ten_days(6))

    assert written == Written(6, 0, at(), at(days=50), frozenset({"2026-05", "2026-06"}))
    assert chunks(user) == [("month", date(2026, 5, 1), 4, [[1]]), ("month", date(2026, 6, 1), 2, [[1]])]
    assert read(user) == [(at(days=10 * n), 60.0 + n) for n in range(6)]
    chunk = SampleChunk.objects.get(start=date(2026, 6, 1))
    assert (chunk.first_at, chunk.last_at) == (MAY + timedelta(days=40), MAY + timedelta(days=50))
    assert stream_store().size(chunk.storage_key) == chunk.size_bytes


def test_a_row_told_twice_in_one_batch_is_one_sample_and_one_duplicate(user):
    assert write(user, [*every_ten_days(3), *every_ten_days(2)]) == Written(
        3, 2, at(), at(days=20), frozenset({"2026-05"})
    )


def test_the_same_rows_from_another_import_change_no_file(user):
    write(user, every_ten_days())
    files = {key: stream_store().modified(key) for key in sorted(stream_store().keys())}

    again = write(user, every_ten_days(), origin=2)

    assert again == Written(0, 6, at(), at(days=50), frozenset())
    assert [origins for *_, origins in chunks(user)] == [[[1, 2]], [[1, 2]]]
    assert {key: stream_store().modified(key) for key in sorted(stream_store().keys())} == files


def test_committing_the_same_import_twice_writes_no_chunk(user):
    write(user, every_ten_days())
    writer = SampleWriter(user, "apple_health")
    writer.add(SampleTable("heart_rate", WATCH, sample_table(every_ten_days())), 1)

    prepared = writer.prepare()

    assert prepared.moves == ()


def test_an_import_that_tells_some_rows_again_splits_the_origins(user):
    write(user, every_ten_days(4))

    written = write(user, [*every_ten_days(2), {"start_ms": at(days=25), "value": 99.0}], origin=2)

    assert written == Written(1, 2, at(), at(days=25), frozenset({"2026-05"}))
    assert chunks(user) == [("month", date(2026, 5, 1), 5, [[1, 2], [1], [2]])]


def test_an_equal_file_with_split_origins_only_changes_its_row(user):
    write(user, every_ten_days(4))
    write(user, every_ten_days(2), origin=2)
    before = SampleChunk.objects.get().sha256

    assert write(user, every_ten_days(4), origin=3) == Written(0, 4, at(), at(days=30), frozenset())

    chunk = SampleChunk.objects.get()
    assert (chunk.sha256, chunk.origins) == (before, [[1, 2, 3], [1, 3]])


def test_a_richer_telling_of_a_known_sample_counts_as_a_change_but_not_as_new(user):
    write(user, every_ten_days(3))

    written = write(user, every_ten_days(3, detail="<more/>"), origin=2)

    assert written == Written(0, 3, at(), at(days=20), frozenset({"2026-05"}))
    assert samples(user, "heart_rate", MAY, YEAR_2100)["detail"].to_pylist() == ["<more/>"] * 3


def test_the_same_samples_in_another_unit_are_counted_once(user):
    def told(unit, *values):
        return [{"start_ms": at(days=10 * n), "value": value, "unit": unit} for n, value in enumerate(values)]

    write(user, told("km", 1000.0, 2000.0, 3000.0), metric="distance")

    written = write(user, told("mi", 1000.01, 2000.02, 3500.0), origin=2, metric="distance")

    assert written == Written(1, 2, at(), at(days=20), frozenset({"2026-05"}))
    assert read(user, "distance") == [
        (at(), 1000.0),
        (at(days=10), 2000.0),
        (at(days=20), 3000.0),
        (at(days=20), 3500.0),
    ]


def test_commit_refuses_to_overwrite_what_another_writer_did_meanwhile(user):
    slow = SampleWriter(user, "apple_health")
    slow.add(SampleTable("heart_rate", WATCH, sample_table(every_ten_days(4))), 1)
    prepared = slow.prepare()
    write(user, [{"start_ms": at(days=2), "value": 50.0}, {"start_ms": at(days=12), "value": 51.0}], origin=2)

    with pytest.raises(StaleChunk), transaction.atomic():
        slow.commit(prepared)
    again = slow.prepare()
    with transaction.atomic():
        written = slow.commit(again)

    assert written["heart_rate"].stored == 4
    assert slow.rows == 0
    assert len(read(user)) == 6


def test_commit_notices_a_day_that_another_writer_added_beside_the_month(user):
    slow = SampleWriter(user, "apple_health")
    slow.add(SampleTable("heart_rate", WATCH, sample_table(every_ten_days(4))), 1)
    prepared = slow.prepare()
    write(user, [{"start_ms": at(days=2), "value": 50.0}], origin=2)

    with pytest.raises(StaleChunk), transaction.atomic():
        slow.commit(prepared)

    assert chunks(user) == [("day", date(2026, 5, 3), 1, [[2]])]


@pytest.mark.skipif(connection.vendor == "sqlite", reason="an in-memory database has no second writer")
@pytest.mark.django_db(transaction=True)
def test_writers_at_the_same_time_lose_nothing(user):
    failures = []

    def work(number: int) -> None:
        try:
            rows = [{"start_ms": at(days=n, s=number), "value": float(number)} for n in range(0, 40, 5)]
            for _ in range(20):
                try:
                    return write(user, [*rows, *every_ten_days(3)], origin=number)
                except StaleChunk:
                    time.sleep(0.01 * number)
            failures.append("never came through")
        except Exception as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert len(read(user)) == 4 * 8 + 3
    told = {origin for *_, origins in chunks(user) for members in origins for origin in members}
    assert told == {1, 2, 3, 4}


def test_small_batches_go_to_day_files_and_are_folded_when_their_day_is_over(user):
    write(user, every_ten_days(2))
    for n in range(3):
        write(user, [{"start_ms": at(days=15, s=60 * n), "value": 70.0}], origin=10 + n)
    write(user, [{"start_ms": at(days=16), "value": 71.0}], origin=20)
    before = read(user)

    assert chunks(user) == [
        ("month", date(2026, 5, 1), 2, [[1]]),
        ("day", date(2026, 5, 16), 3, [[10], [11], [12]]),
        ("day", date(2026, 5, 17), 1, [[20]]),
    ]
    assert fold_days(today=date(2026, 5, 17))
    assert chunks(user) == [
        ("month", date(2026, 5, 1), 5, [[1], [10], [11], [12]]),
        ("day", date(2026, 5, 17), 1, [[20]]),
    ]
    assert fold_days(user, today=date(2026, 6, 17))
    assert chunks(user) == [("month", date(2026, 5, 1), 6, [[1], [10], [11], [12], [20]])]
    assert read(user) == before


def test_a_small_batch_within_the_month_file_is_merged_into_it(user):
    write(user, every_ten_days(3))

    written = write(user, [{"start_ms": at(days=10), "value": 61.0}, {"start_ms": at(days=11), "value": 5.0}], origin=2)

    assert written == Written(1, 1, at(days=10), at(days=11), frozenset({"2026-05"}))
    assert chunks(user) == [("month", date(2026, 5, 1), 4, [[1], [1, 2], [2]])]


def test_an_export_takes_the_day_files_of_its_months_along(user):
    write(user, [{"start_ms": at(days=10), "value": 61.0}, {"start_ms": at(days=10, s=9), "value": 5.0}])

    written = write(user, every_ten_days(3), origin=2)

    assert written == Written(2, 1, at(), at(days=20), frozenset({"2026-05"}))
    assert chunks(user) == [("month", date(2026, 5, 1), 4, [[2], [1, 2], [1]])]


def test_any_order_of_imports_leaves_the_same_files(user):
    imports = [
        every_ten_days(5),
        every_ten_days(3, detail="<x/>"),
        [{"start_ms": at(days=3), "value": 1.0}],
        [{"start_ms": at(days=10), "value": 61.0, "unit": "mi"}],
    ]
    other = UserFactory()

    for number, rows in enumerate(imports, 1):
        write(user, rows, origin=number)
    for number, rows in reversed(list(enumerate(imports, 1))):
        write(other, rows, origin=number)
    for person in (user, other):
        fold_days(person, today=date(2100, 1, 1))

    files = SampleChunk.objects.order_by("start", "user").values_list("user", "sha256", "origins", "rows")
    assert [row[1:] for row in files if row[0] == user.pk] == [row[1:] for row in files if row[0] == other.pk]


def test_remove_origin_leaves_what_others_told(user):
    write(user, every_ten_days(6))
    only_first = (chunks(user), SampleChunk.objects.order_by("start").values_list("sha256", flat=True)[:2])
    write(user, [*every_ten_days(2), {"start_ms": at(days=25), "value": 99.0}], origin=2)
    write(user, every_ten_days(3), origin=2, metric="steps", device=PHONE)

    assert months_of_origin(user, 2) == {"heart_rate": {"2026-05"}, "steps": {"2026-05"}}
    assert remove_origin(user, 2)

    assert chunks(user) == only_first[0]
    assert list(SampleChunk.objects.order_by("start").values_list("sha256", flat=True)) == list(only_first[1])
    assert list(Device.objects.values_list("key", flat=True)) == ["watch"]
    assert months_of_origin(user, 2) == {}
    assert remove_origin(user, 2)


def test_remove_origin_brings_back_what_another_unit_hid(user):
    def told(unit, value):
        return [{"start_ms": at(days=10 * n), "value": value, "unit": unit} for n in range(2)]

    write(user, told("mi", 1000.01))
    write(user, told("km", 1000.0), origin=2)
    assert read(user) == [(at(), 1000.0), (at(days=10), 1000.0)]

    remove_origin(user, 2)

    assert read(user) == [(at(), 1000.01), (at(days=10), 1000.01)]


def test_remove_origin_stops_at_the_deadline_and_goes_on_from_there(user):
    write(user, every_ten_days())

    assert not remove_origin(user, 1, deadline=time.monotonic() - 1)
    assert len(chunks(user)) == 2
    assert remove_origin(user, 1, deadline=time.monotonic() + 60)
    assert chunks(user) == []


def test_remove_origin_leaves_another_user_alone(user):
    other = UserFactory()
    write(user, every_ten_days())
    write(other, every_ten_days())

    remove_origin(user, 1)

    assert chunks(user) == []
    assert len(read(other)) == 6


def test_a_checkpoint_of_many_chunks_takes_few_queries(user):
    def queries(count: int) -> int:
        writer = SampleWriter(user, "apple_health")
        for number in range(count):
            writer.add(SampleTable(f"metric-{count}-{number}", WATCH, sample_table(every_ten_days())), 1)
        with CaptureQueriesContext(
            connection,
        ) as captured:
            prepared = writer.prepare()
            with transaction.atomic():
                writer.commit(prepared)
        return len(captured)

    resolve_devices(user, "apple_health", [WATCH])

    assert queries(3) == queries(30)


def test_resolve_devices_learns_the_same_in_any_order(user):
    facts = [
        DeviceFacts("watch", "Watch"),
        DeviceFacts("watch", "Watch", "watch", "Apple Inc.", "Watch", "Watch6,2"),
        DeviceFacts("watch", "Watch", "watch", "Apple Inc.", "Watch", "Watch7,5"),
    ]
    other = UserFactory()

    for fact in facts:
        resolve_devices(user, "apple_health", [fact])
    for fact in reversed(facts):
        resolve_devices(other, "apple_health", [fact])

    assert (
        list(Device.objects.values_list("kind", "manufacturer", "model", "hardware").order_by("pk"))
        == [("watch", "Apple Inc.", "Watch", "Watch7,5")] * 2
    )


def test_device_names_beyond_the_column_are_cut_alike_everywhere(user):
    device = DeviceFacts("x" * 300, "y" * 300)

    write(user, every_ten_days(), device=device)
    again = write(user, every_ten_days(), origin=2, device=device)

    assert again.duplicates == 6
    assert [len(key) for key in Device.objects.values_list("key", flat=True)] == [200]


def test_sweep_streams_removes_what_no_row_names_after_the_grace_time(user):
    write(user, every_ten_days())
    write(user, [{"start_ms": at(days=5), "value": 1.0}], origin=2)
    source = SourceActivityFactory(user=user, streams_sha256="ab" * 32)
    stream_store().put(source.streams_key, b"named")
    stream_store().put(f"{user.pk}/activities/{'cd' * 32}", b"orphan")
    named = {source.streams_key, *(chunk.storage_key for chunk in SampleChunk.objects.all())}
    assert len(set(stream_store().keys()) - named) == 2

    assert sweep_streams() == 0
    assert sweep_streams(now=time.time() + 100 * 24 * 3600) == 2
    assert set(stream_store().keys()) == named
