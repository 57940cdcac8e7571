"""The raw store: bytes first, rows after, nothing twice, nothing lost."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.db.models import RestrictedError
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from activities.domain.reading import RawPayload
from activities.models import Activity, RawRecord, RawSighting, Reading, SleepSession, SourceActivity, Tombstone
from activities.selectors.raw import current_raw, current_raws, only_seen_in, raw_records_of, versions
from activities.services.raw import (
    CLAIM,
    SHORTEST_GRACE,
    Forgotten,
    RawProblem,
    StoredTooLongAgo,
    Swept,
    extent,
    forget_raw,
    forget_sightings,
    forget_user_objects,
    put_payloads,
    record_payloads,
    store_raw,
    sweep,
    verify,
)
from tests.factories.accounts import UserFactory
from tests.factories.activities import (
    ActivityFactory,
    RawRecordFactory,
    SleepSessionFactory,
    SourceActivityFactory,
)
from tests.factories.integrations import ImportFactory
from trainstack.storage import raw_store, read_raw, stream_store

pytestmark = pytest.mark.django_db

XML = b'<?xml version="1.0"?>\n<Workout duration="31"/>\n'
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
ZSTD = b"\x28\xb5\x2f\xfd not ours"


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def day(number: int) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number)


def much_later() -> datetime:
    return timezone.now() + timedelta(days=2)


def payload(data: bytes, external_id: str = "w1", stated_at: datetime | None = None) -> RawPayload:
    return RawPayload("workout", external_id, data, "application/xml", stated_at)


# --- storing ----------------------------------------------------------------------------------
@pytest.mark.parametrize("data", [XML, b"", PNG, ZSTD, b"PK\x03\x04" + XML], ids=["xml", "empty", "png", "zstd", "zip"])
def test_store_raw_keeps_the_bytes_as_they_came(data):
    user = UserFactory()

    record, created = store_raw(
        user, "tempo", "workout", "7", data, "application/xml", stated_at=day(1), request_url="https://tempo.example/7"
    )

    assert created
    assert read_raw(user.pk, record.sha256) == data
    record.refresh_from_db()
    assert (record.sha256, record.size_bytes, record.storage_key) == (sha(data), len(data), f"{user.pk}/{sha(data)}")
    assert (record.provider, record.kind, record.external_id) == ("tempo", "workout", "7")
    assert (record.content_type, record.stated_at) == ("application/xml", day(1))
    assert record.request_url == "https://tempo.example/7"


def test_store_raw_takes_a_file(tmp_path):
    user = UserFactory()
    path = tmp_path / "export.zip"
    path.write_bytes(XML)

    record, created = store_raw(user, "apple_health", "export", "e", path, "application/zip")

    assert created
    assert read_raw(user.pk, record.sha256) == XML
    assert path.read_bytes() == XML


def test_store_raw_twice_is_one_row_and_remembers_each_import_once():
    user = UserFactory()
    first, second = ImportFactory.create_batch(2, user=user)

    answers = [
        store_raw(user, "apple_health", "workout", "w1", XML, "application/xml", import_file=it, stated_at=stated)
        for it, stated in [(first, day(1)), (first, day(1)), (second, day(2))]
    ]

    record = RawRecord.objects.get()
    assert answers == [(record, True), (record, False), (record, False)]
    assert (record.import_file_id, record.stated_at) == (first.pk, day(1))
    sightings = RawSighting.objects.order_by("pk").values_list("raw", "import_file", "stated_at", "user")
    assert list(sightings) == [(record.pk, first.pk, day(1), user.pk), (record.pk, second.pk, day(2), user.pk)]
    assert list(raw_store().keys()) == [record.storage_key]


def test_store_raw_keeps_a_changed_payload_beside_the_old_one():
    user = UserFactory()

    old, _ = store_raw(user, "apple_health", "workout", "w1", b"old", "application/xml", stated_at=day(1))
    new, created = store_raw(user, "apple_health", "workout", "w1", b"new", "application/xml", stated_at=day(2))

    assert created
    assert list(versions(user, "apple_health", "workout", "w1")) == [new, old]
    assert [read_raw(user.pk, it.sha256) for it in (old, new)] == [b"old", b"new"]


def test_store_raw_keeps_users_apart():
    one, other = UserFactory.create_batch(2)

    mine, _ = store_raw(one, "apple_health", "workout", "w1", XML, "application/xml")
    theirs, created = store_raw(other, "apple_health", "workout", "w1", XML, "application/xml")

    assert created
    assert mine != theirs
    assert sorted(raw_store().keys()) == sorted([mine.storage_key, theirs.storage_key])
    assert list(raw_records_of(one)) == [mine]
    assert current_raw(other, "apple_health", "workout", "w1") == theirs


def test_put_payloads_makes_no_rows_and_record_payloads_makes_them_in_order():
    user, import_file = UserFactory(), ImportFactory()
    known, _ = store_raw(user, "apple_health", "workout", "w0", b"known", "application/xml")
    payloads = [
        payload(b"b", "w2"),
        payload(b"known", "w0"),
        payload(b"a", "w1"),
        payload(b"b", "w2"),
        payload(b"b", "w3"),
    ]

    stored = put_payloads(user, "apple_health", payloads)
    rows_before = RawRecord.objects.count()
    with transaction.atomic():
        answers = record_payloads(stored, import_file=import_file)

    assert rows_before == 1
    assert [(it.external_id, it.sha256, created) for it, created in answers] == [
        ("w2", sha(b"b"), True),
        ("w0", sha(b"known"), False),
        ("w1", sha(b"a"), True),
        ("w2", sha(b"b"), False),
        ("w3", sha(b"b"), True),
    ]
    assert answers[1][0] == known
    assert RawRecord.objects.count() == 4
    assert sorted(import_file.sightings.values_list("raw__external_id", flat=True)) == ["w0", "w1", "w2", "w3"]
    assert [read_raw(user.pk, it.sha256) for it, _ in answers] == [b"b", b"known", b"a", b"b", b"b"]


def test_record_payloads_twice_leaves_the_rows_as_once():
    user, import_file = UserFactory(), ImportFactory()
    stored = put_payloads(user, "apple_health", [payload(b"a", "w1"), payload(b"b", "w2")])

    first = record_payloads(stored, import_file=import_file)
    second = record_payloads(stored, import_file=import_file)

    assert [record for record, _ in first] == [record for record, _ in second]
    assert [created for _, created in first + second] == [True, True, False, False]
    assert (RawRecord.objects.count(), RawSighting.objects.count()) == (2, 2)


def test_record_payloads_needs_few_queries_for_thousands():
    user, import_file = UserFactory(), ImportFactory()
    payloads = [payload(f"<Workout id='{number}'/>".encode(), str(number)) for number in range(2000)]

    with CaptureQueriesContext(connection) as putting:
        stored = put_payloads(user, "apple_health", payloads)
    with CaptureQueriesContext(connection) as recording:
        answers = record_payloads(stored, import_file=import_file)

    assert [created for _, created in answers] == [True] * 2000
    assert len(putting) == 4
    assert len(recording) <= 50


def test_record_payloads_refuses_what_was_put_too_long_ago():
    stored = put_payloads(UserFactory(), "apple_health", [payload(XML)])

    with pytest.raises(StoredTooLongAgo):
        record_payloads(replace(stored, at=stored.at - SHORTEST_GRACE / 2))

    assert not RawRecord.objects.exists()


# --- versions ---------------------------------------------------------------------------------
def test_current_raw_is_what_was_stated_last_whatever_came_last():
    user = UserFactory()
    new, _ = store_raw(user, "apple_health", "workout", "w1", b"new", "application/xml", stated_at=day(20))
    old, _ = store_raw(user, "apple_health", "workout", "w1", b"old", "application/xml", stated_at=day(10))
    other, _ = store_raw(user, "apple_health", "workout", "w2", b"other", "application/xml")
    store_raw(user, "apple_health", "route", "w1", b"route", "application/xml")
    store_raw(user, "tempo", "workout", "w1", b"tempo", "application/xml")
    store_raw(UserFactory(), "apple_health", "workout", "w1", b"not mine", "application/xml")

    assert current_raw(user, "apple_health", "workout", "w1") == new
    assert list(versions(user, "apple_health", "workout", "w1")) == [new, old]
    assert current_raw(user, "apple_health", "workout", "w9") is None
    assert current_raws(user, "apple_health", "workout", ["w1", "w2", "w9"]) == {"w1": new, "w2": other}


def test_current_raw_is_what_was_fetched_last_where_nothing_is_stated():
    user = UserFactory()
    first, _ = store_raw(user, "tempo", "workout", "w1", b"first", "application/json")
    second, _ = store_raw(user, "tempo", "workout", "w1", b"second", "application/json")
    before = current_raw(user, "tempo", "workout", "w1")

    store_raw(user, "tempo", "workout", "w1", b"first", "application/json")

    assert before == second
    assert current_raw(user, "tempo", "workout", "w1") == first  # told again: the provider went back to it


def test_current_raw_is_decided_by_the_hash_where_the_times_are_equal():
    user = UserFactory()
    for data in (b"a", b"b", b"c"):
        store_raw(user, "tempo", "workout", "w1", data, "application/json", stated_at=day(1))

    assert current_raw(user, "tempo", "workout", "w1").sha256 == max(sha(b"a"), sha(b"b"), sha(b"c"))


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    order=st.lists(st.tuples(st.integers(0, 3), st.sampled_from([b"a", b"b", b"c"])), min_size=1, max_size=6).flatmap(
        lambda told: st.tuples(st.just(told), st.permutations(told))
    )
)
def test_current_raw_does_not_depend_on_the_order_of_imports(order):
    current = []
    for told in order:
        user = UserFactory()
        for number, data in told:
            import_file = ImportFactory(user=user)
            store_raw(
                user, "tempo", "workout", "w1", data, "text/plain", import_file=import_file, stated_at=day(number)
            )
        current.append(current_raw(user, "tempo", "workout", "w1").sha256)

    told = order[0]
    assert current == [max((number, sha(data)) for number, data in told)[1]] * 2


# --- what one import brought --------------------------------------------------------------------
def test_only_seen_in_is_what_nothing_else_brought():
    user = UserFactory()
    first, second = ImportFactory.create_batch(2, user=user)
    alone = RawRecordFactory(user=user, import_file=first)
    RawRecordFactory(user=user, import_file=second)
    for brought_by in (first, second):
        RawRecordFactory(user=user, external_id="both", import_file=brought_by)
    for brought_by in (first, None):
        RawRecordFactory(user=user, external_id="import and sync", import_file=brought_by)

    assert list(only_seen_in(first.sightings.all())) == [alone]


def bring(user, import_file, data: bytes, external_id: str, stated: int) -> RawRecord:
    return store_raw(
        user, "tempo", "workout", external_id, data, "text/plain", import_file=import_file, stated_at=day(stated)
    )[0]


def forget_import(import_file, **limit) -> Forgotten:
    return forget_sightings(import_file.user, import_file.sightings.all(), **limit)


def test_forget_import_takes_back_what_only_it_brought():
    user = UserFactory()
    first, second = ImportFactory.create_batch(2, user=user)
    alone = bring(user, second, b"alone", "w1", 2)
    both = bring(user, first, b"both", "w2", 1)
    bring(user, second, b"both", "w2", 2)
    source = SourceActivityFactory(user=user, provider="tempo", external_id="s1", raw=alone)
    child = SourceActivityFactory(user=user, provider="tempo", external_id="s1a", raw=alone, parent=source)
    kept = SourceActivityFactory(user=user, provider="tempo", external_id="s2", raw=both)
    SleepSessionFactory(user=user, raw=alone)

    answer = forget_import(second)

    assert answer == Forgotten(done=True, raw_records=1, source_activities=2, activities=2)
    assert list(RawRecord.objects.all()) == [both]
    assert list(SourceActivity.objects.all()) == [kept]
    assert list(Activity.objects.all()) == [kept.activity]
    assert not SleepSession.objects.exists()
    assert list(RawSighting.objects.values_list("raw", "import_file")) == [(both.pk, first.pk)]
    assert list(Tombstone.objects.values_list("owner_id", "sha256")) == [(user.pk, alone.sha256)]
    assert child.activity_id not in Activity.objects.values_list("pk", flat=True)
    assert forget_import(second) == Forgotten(done=True)


def test_forget_import_moves_on_to_the_version_that_counts_now():
    user = UserFactory()
    first, second, third = ImportFactory.create_batch(3, user=user)
    old = bring(user, first, b"old", "w1", 1)
    middle = bring(user, second, b"middle", "w1", 2)
    last = bring(user, third, b"last", "w1", 3)
    source = SourceActivityFactory(user=user, provider="tempo", external_id="s1", raw=last)
    sleep = SleepSessionFactory(user=user, raw=last)
    for raw in (old, middle, last):
        Reading.objects.create(user=user, raw=raw, mapping_version=1)

    answer = forget_import(third)

    assert answer == Forgotten(done=True, raw_records=1, to_read=(middle,))
    source.refresh_from_db()
    sleep.refresh_from_db()
    assert (source.raw, sleep.raw) == (middle, middle)
    assert source.activity is not None
    assert list(Reading.objects.values_list("raw", flat=True)) == [old.pk]


def test_forget_import_moves_back_where_a_later_sighting_goes():
    """January told A, February B, March A again: without March, B counts, though no record goes."""
    user = UserFactory()
    january, february, march = ImportFactory.create_batch(3, user=user)
    a = bring(user, january, b"a", "w1", 1)
    b = bring(user, february, b"b", "w1", 32)
    bring(user, march, b"a", "w1", 60)
    source = SourceActivityFactory(user=user, provider="tempo", external_id="s1", raw=a)

    answer = forget_import(march)

    assert answer == Forgotten(done=True, to_read=(b,))
    source.refresh_from_db()
    assert source.raw == b


def test_forget_import_keeps_an_activity_that_has_another_source():
    user = UserFactory()
    import_file = ImportFactory(user=user)
    activity = ActivityFactory(user=user)
    raw = bring(user, import_file, b"x", "w1", 1)
    SourceActivityFactory(user=user, provider="tempo", external_id="s1", raw=raw, activity=activity)
    other = SourceActivityFactory(user=user, provider="other", activity=activity)

    answer = forget_import(import_file)

    assert (answer.source_activities, answer.activities) == (1, 0)
    assert list(activity.sources.all()) == [other]


def test_forget_import_in_slices_ends_as_in_one_go():
    user = UserFactory()
    import_file, other = ImportFactory.create_batch(2, user=user)
    for number in range(7):
        raw = bring(user, import_file, b"%d" % number, f"w{number}", 1)
        SourceActivityFactory(user=user, provider="tempo", external_id=f"s{number}", raw=raw)
    bring(user, other, b"0", "w0", 1)

    answers = [forget_import(import_file, limit=3) for _ in range(3)]

    assert [(it.done, it.raw_records, it.source_activities) for it in answers] == [
        (False, 2, 2),
        (False, 3, 3),
        (True, 1, 1),
    ]
    assert list(RawRecord.objects.values_list("external_id", flat=True)) == ["w0"]
    assert not import_file.sightings.exists()


def test_forget_import_leaves_other_people_alone():
    mine = ImportFactory()
    theirs = SourceActivityFactory(external_id="w1", provider="tempo")
    bring(mine.user, mine, b"x", "w1", 1)

    forget_import(mine)

    assert list(RawRecord.objects.all()) == [theirs.raw]
    assert list(SourceActivity.objects.all()) == [theirs]


# --- deleting and sweeping --------------------------------------------------------------------
def test_forget_raw_leaves_a_tombstone_and_sweep_removes_the_object_after_the_grace_time(settings):
    settings.RAW_GRACE_S = 3600
    record = RawRecordFactory()

    forgotten = forget_raw(RawRecord.objects.filter(user=record.user))
    young = sweep(now=timezone.now() + timedelta(minutes=59))
    old = sweep(now=timezone.now() + timedelta(minutes=61))

    assert forgotten == 1
    assert (young, old) == (Swept(), Swept(removed=1))
    assert list(raw_store().keys()) == []
    assert not Tombstone.objects.exists()
    assert sweep(now=much_later()) == Swept()


def test_sweep_grants_some_grace_whatever_the_setting(settings):
    settings.RAW_GRACE_S = 0
    record = RawRecordFactory()
    forget_raw(RawRecord.objects.all())

    assert sweep() == Swept()
    assert raw_store().exists(record.storage_key)


def test_forget_raw_refuses_what_something_hangs_on():
    source = SourceActivityFactory()

    with pytest.raises(RestrictedError), transaction.atomic():
        forget_raw(RawRecord.objects.all())

    assert list(RawRecord.objects.all()) == [source.raw]
    assert not Tombstone.objects.exists()


def test_forget_raw_works_through_many():
    user = UserFactory()
    record_payloads(put_payloads(user, "tempo", [payload(b"%d" % number, str(number)) for number in range(1100)]))

    assert forget_raw(user.raw_records.all()) == 1100
    assert Tombstone.objects.count() == 1100
    assert sweep(now=much_later()) == Swept(removed=1100)


def test_sweep_keeps_what_another_row_of_the_user_names():
    user = UserFactory()
    gone, stays = (RawRecordFactory(user=user, external_id=it, data=XML) for it in ("gone", "stays"))
    forget_raw(RawRecord.objects.filter(pk=gone.pk))

    answer = sweep(now=much_later())

    assert answer == Swept(kept=1)
    assert read_raw(user.pk, stays.sha256) == XML
    assert not Tombstone.objects.exists()


def test_sweep_asks_for_rows_of_the_same_user_only():
    mine, theirs = RawRecordFactory(data=XML), RawRecordFactory(data=XML)
    forget_raw(RawRecord.objects.filter(pk=mine.pk))

    answer = sweep(now=much_later())

    assert answer == Swept(removed=1)
    assert list(raw_store().keys()) == [theirs.storage_key]


def test_sweep_keeps_what_was_put_again_and_has_no_row_yet():
    record = RawRecordFactory(data=XML)
    forget_raw(RawRecord.objects.all())
    Tombstone.objects.update(deleted_at=timezone.now() - timedelta(days=2))

    stored = put_payloads(record.user, "apple_health", [payload(XML)])
    answer = sweep()
    ((again, created),) = record_payloads(stored)

    assert answer == Swept()
    assert created
    assert read_raw(record.user_id, again.sha256) == XML
    assert sweep(now=much_later()) == Swept(kept=1)


def test_sweep_leaves_to_another_sweeper_what_that_has_claimed():
    RawRecordFactory()
    forget_raw(RawRecord.objects.all())
    Tombstone.objects.update(claimed_at=timezone.now() - CLAIM / 2)

    assert sweep(now=much_later()) == Swept()

    Tombstone.objects.update(claimed_at=timezone.now() - CLAIM * 2)  # that sweeper has died

    assert sweep(now=much_later()) == Swept(removed=1)


def test_store_raw_takes_over_from_a_sweeper_that_died():
    record = RawRecordFactory(data=XML)
    forget_raw(RawRecord.objects.all())
    Tombstone.objects.update(claimed_at=timezone.now() - CLAIM * 2, deleted_at=timezone.now() - timedelta(days=2))
    raw_store().delete(record.storage_key)  # as far as it came

    again, _ = store_raw(record.user, "apple_health", "workout", "w1", XML, "application/xml")

    assert sweep() == Swept()
    assert read_raw(record.user_id, again.sha256) == XML


def test_forget_user_objects_empties_both_storages_of_a_deleted_account():
    user, other = UserFactory.create_batch(2)
    kept = RawRecordFactory(user=other)
    SourceActivityFactory(user=user)
    for owner in (user, other):
        stream_store().put(f"{owner.pk}/samples/{'a' * 64}", b"series")
    owner_id = user.pk

    with transaction.atomic():
        forget_user_objects(user)
        user.delete()
    early = sweep()
    late = sweep(now=much_later())

    assert (early, late) == (Swept(), Swept(removed=2))
    assert list(raw_store().keys()) == [kept.storage_key]
    assert list(stream_store().keys()) == [f"{other.pk}/samples/{'a' * 64}"]
    assert not Tombstone.objects.filter(owner_id=owner_id).exists()


def test_forget_user_objects_does_nothing_to_a_user_who_is_still_there():
    record = RawRecordFactory()
    forget_user_objects(record.user)

    assert sweep(now=much_later()) == Swept()
    assert raw_store().exists(record.storage_key)
    assert not Tombstone.objects.exists()


# --- verifying --------------------------------------------------------------------------------
def damage(key: str, data: bytes) -> None:
    raw_store().delete(key)
    raw_store().put(key, data)


def test_verify_finds_nothing_where_all_is_well():
    user = UserFactory()
    for number in range(3):
        RawRecordFactory(user=user, data=XML * (number + 1))
    RawRecordFactory(user=user, external_id="again", data=XML)
    forget_raw(RawRecord.objects.filter(pk=RawRecordFactory(user=user, data=b"deleted").pk))
    seen: list[int] = []

    assert list(verify(on_progress=seen.append)) == []
    assert sorted(seen) == [len(XML), len(XML) * 2, len(XML) * 3]
    assert extent() == (3, len(XML) * 6)


def test_verify_tells_what_is_missing_differs_cannot_be_read_or_has_no_row():
    user = UserFactory()
    missing, differs, unreadable, fine = (RawRecordFactory(user=user) for _ in range(4))
    namesake = RawRecordFactory(user=user, external_id="same bytes", data=read_raw(user.pk, missing.sha256))
    other = RawRecordFactory()
    raw_store().delete(missing.storage_key)
    damage(differs.storage_key, b"other")
    damage(unreadable.storage_key, b"\x28\xb5\x2f\xfd broken")
    raw_store().put(f"{user.pk}/{sha(b'orphan')}", b"orphan")
    raw_store().delete(other.storage_key)

    problems = {problem.key: problem for problem in verify(user)}

    assert problems.pop(unreadable.storage_key).kind == "unreadable"
    assert problems == {
        missing.storage_key: RawProblem(
            "missing",
            missing.storage_key,
            "is named by a row and not in the storage",
            (missing.pk, namesake.pk),
        ),
        differs.storage_key: RawProblem(
            "differs",
            differs.storage_key,
            f"holds 5 bytes with sha256 {sha(b'other')}, not {differs.size_bytes}",
            (differs.pk,),
        ),
        f"{user.pk}/{sha(b'orphan')}": RawProblem("orphan", f"{user.pk}/{sha(b'orphan')}", "is named by no row"),
    }
    assert [problem.is_loss for problem in problems.values()] == [True, True, False]
    assert [problem.key for problem in verify(other.user)] == [other.storage_key]
    assert fine.storage_key not in problems


def test_verify_reads_page_by_page():
    user = UserFactory()
    record_payloads(put_payloads(user, "tempo", [payload(b"%d" % number, str(number)) for number in range(1001)]))
    raw_store().delete(max(raw_store().keys()))

    problems = list(verify())

    assert [problem.kind for problem in problems] == ["missing"]
    assert extent() == (1001, sum(len(str(number)) for number in range(1001)))
