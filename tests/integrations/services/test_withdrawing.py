"""What is gone at the provider, what is forgotten on demand, and what the provider's terms let us keep no longer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import QuerySet
from django.utils import timezone

from activities.models import (
    Activity,
    DailyMetric,
    RawRecord,
    RawSighting,
    SampleChunk,
    SleepSession,
    SourceActivity,
    Tombstone,
)
from activities.services.raw import store_raw
from integrations.base import Ask, Event
from integrations.models import Connection, Import, OpenAsk, SyncRun
from integrations.services import renormalising, runs, syncing, terms, withdrawing
from tests.factories.accounts import UserFactory
from tests.factories.integrations import ImportFactory
from tests.integrations.services.largo import World
from trainstack.storage import raw_store, read_raw


def sync(connection: Connection, **how: Any) -> SyncRun:
    return runs.work_through(syncing.request_sync(connection, **how))


def brought(connection: Connection, records: QuerySet[RawRecord]) -> Import:
    """An import of the same athlete that brought these records too."""
    import_file: Import = ImportFactory(user=connection.user, state=Import.State.FINISHED)
    for record in records:
        data = read_raw(record.user_id, record.sha256)
        it = record.provider, record.kind, record.external_id, data, record.content_type
        store_raw(connection.user, *it, import_file=import_file, stated_at=record.stated_at)
    return import_file


@pytest.fixture
def life(connection: Connection, world: World) -> World:
    """A few of everything, synced."""
    for number in range(4):
        world.add_workout(number)
        world.add_night(number)
        world.add_score(f"2026-04-{number + 1:02}", 50 + number)
    today = timezone.now().date()
    at = int(datetime(today.year, today.month, today.day, 12, tzinfo=UTC).timestamp() * 1000)
    world.pulse[f"{today}"] = [[at, 60], [at + 1000, 61]]
    sync(connection)
    return world


# --- gone at the provider -------------------------------------------------------------------


def test_an_event_of_a_deletion_hides_the_activity_and_keeps_its_bytes(connection: Connection, life: World) -> None:
    stored = RawRecord.objects.count()

    run = runs.work_through(syncing.take(connection, Event("7", gone=("w1",)), "receipt 1"))

    assert not SourceActivity.objects.filter(external_id="w1").exists()
    assert Activity.objects.count() == 3
    assert RawRecord.objects.count() == stored
    assert set(RawSighting.objects.exclude(withdrawn_at=None).values_list("raw__external_id", "raw__kind")) == {
        ("w1", "summary"),
        ("w1", "detail"),
        ("w1", "points"),
    }
    assert syncing.came_of(run)["gone"] == 1
    # The same delivery once more.
    assert (
        syncing.came_of(runs.work_through(syncing.take(connection, Event("7", gone=("w1",)), "receipt 1")))["gone"] == 0
    )


def test_an_event_asks_for_what_it_names_and_stores_what_it_carries(connection: Connection, life: World) -> None:
    life.edit("w1", title="Evening run")
    life.calls.clear()

    runs.work_through(syncing.take(connection, Event("7", asks=(Ask("detail", "w1", "workouts"),)), "receipt 2"))

    assert life.calls == ["/workouts/w1"]
    connection.refresh_from_db()
    assert connection.last_event_at is not None


def test_a_404_of_a_record_that_was_to_be_fetched_hides_it(connection: Connection, life: World) -> None:
    del life.workouts["w2"]

    runs.work_through(syncing.request_sync(connection, looks={}, asks=[Ask("detail", "w2", "workouts")]))

    assert not SourceActivity.objects.filter(external_id="w2").exists()


def test_what_an_import_brought_too_stays_with_its_ids(connection: Connection, life: World) -> None:
    brought(connection, RawRecord.objects.filter(external_id="w1", kind="summary"))
    before = SourceActivity.objects.get(external_id="w1")

    runs.work_through(syncing.take(connection, Event("7", gone=("w1",)), "receipt 1"))

    after = SourceActivity.objects.select_related("raw").get(external_id="w1")
    assert (after.pk, after.activity_id) == (before.pk, before.activity_id)
    assert (before.avg_heart_rate_bpm, after.avg_heart_rate_bpm) == (140, None)
    assert after.raw.kind == "summary"


def test_samples_of_a_window_that_is_gone_go_too(connection: Connection, life: World) -> None:
    assert SampleChunk.objects.filter(metric="heart_rate").exists()
    day = f"{timezone.now():%Y-%m-%d}"

    runs.work_through(syncing.take(connection, Event("7", gone=(day,)), "receipt 1"))

    assert not SampleChunk.objects.filter(metric="heart_rate").exists()


# --- forgetting -----------------------------------------------------------------------------


def test_forget_removes_all_that_came_and_the_bytes(connection: Connection, life: World) -> None:
    came = withdrawing.what_came(connection)

    run = runs.work_through(withdrawing.forget(connection))

    assert (run.kind, run.state) == ("forget", "finished")
    assert came == {"activities": 4, "sleeps": 4, "days": 4, "raw_records": came["raw_records"], "kept": 0}
    for model in (RawRecord, RawSighting, SourceActivity, Activity, SleepSession, DailyMetric, SampleChunk, OpenAsk):
        assert not model._default_manager.exists(), model
    assert Tombstone.objects.count() == len(list(raw_store().keys("")))
    connection.refresh_from_db()
    assert (connection.cursors, connection.looked_at) == ({}, {})


def test_forget_leaves_what_an_import_brought_too_and_other_athletes_alone(connection: Connection, life: World) -> None:
    brought(connection, RawRecord.objects.filter(external_id__in=["w1", "n1", "2026-04-02"]))
    other = SourceActivity.objects.create(
        user=UserFactory(),
        provider="largo",
        external_id="w1",
        start_time=timezone.now(),
        sport="running",
        raw=RawRecord.objects.create(user=UserFactory(), provider="largo", kind="x", external_id="w1", size_bytes=0),
    )
    source = SourceActivity.objects.get(external_id="w1", user=connection.user)
    activity = source.activity_id

    runs.work_through(withdrawing.forget(connection))

    source.refresh_from_db()
    assert source.activity_id == activity
    assert SourceActivity.objects.exclude(pk=other.pk).get() == source
    assert SleepSession.objects.get().external_id == "n1"
    assert DailyMetric.objects.filter(metric="resting_heart_rate").get().value == 51


def test_forget_twice_is_one_run_and_ends_a_sync(connection: Connection, life: World) -> None:
    open_sync = syncing.request_sync(connection)

    first, second = withdrawing.forget(connection), withdrawing.forget(connection)

    assert first == second
    open_sync.refresh_from_db()
    assert open_sync.state == "cancelled"


def test_what_was_forgotten_comes_back_when_the_account_is_synced_anew(connection: Connection, life: World) -> None:
    names = set(SourceActivity.objects.values_list("external_id", flat=True))
    runs.work_through(withdrawing.forget(connection))

    sync(connection)

    assert set(SourceActivity.objects.values_list("external_id", flat=True)) == names


def test_renormalise_follows_with_samples(connection: Connection, life: World) -> None:
    def chunks() -> list[Any]:
        return list(SampleChunk.objects.order_by("metric", "start").values_list("metric", "start", "sha256", "rows"))

    before = chunks()
    assert before
    SampleChunk.objects.all().delete()

    runs.work_through(renormalising.request_renormalise(connection.user, provider="largo"))
    again = chunks()
    runs.work_through(renormalising.request_renormalise(connection.user, provider="largo"))

    assert (again, chunks()) == (before, before)


# --- terms ----------------------------------------------------------------------------------


def age(days: int, **which: Any) -> None:
    """As if that had last come so many days ago."""
    RawSighting.objects.filter(**which).update(seen_at=timezone.now() - timedelta(days=days))


def test_terms_are_told_and_not_enforced_by_default(connection: Connection, life: World) -> None:
    age(30)

    assert terms.purge() == 0
    assert terms.hidden_providers(UserFactory(), connection.user) == frozenset()


def test_enforced_terms_remove_what_is_too_old_unless_a_file_brought_the_same_activity(
    connection: Connection, life: World, settings: Any
) -> None:
    settings.PROVIDER_TERMS = "enforce"
    brought(connection, RawRecord.objects.filter(external_id="w1", kind="summary"))
    age(8, raw__external_id__in=["w1", "w2", "n2"])
    age(6, raw__external_id="w3")

    counts = [terms.purge(), terms.purge()]
    runs.work_through(SyncRun.objects.get(kind="forget"))

    assert counts == [1, 0]
    assert set(SourceActivity.objects.values_list("external_id", flat=True)) == {"w0", "w1", "w3"}
    assert not RawRecord.objects.filter(external_id__in=["w2", "n2"]).exists()
    # The athlete's own file tells of it: all of it stays.
    assert RawRecord.objects.filter(external_id="w1").count() == 3
    assert terms.purge() == 0
    connection.refresh_from_db()
    assert connection.cursors != {}


def test_enforced_terms_hide_a_provider_from_everyone_but_the_athlete(
    connection: Connection, world: World, settings: Any
) -> None:
    settings.PROVIDER_TERMS = "enforce"

    assert "largo" in terms.hidden_providers(UserFactory(), connection.user)
    assert terms.hidden_providers(connection.user, connection.user) == frozenset()
