"""A sync brings what the provider has, once, whatever goes wrong on the way: with a provider played over real HTTP."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from activities.models import Activity, DailyMetric, RawRecord, RawSighting, SampleChunk, SleepSession, SourceActivity
from activities.selectors.series import samples
from integrations.models import Connection, OpenAsk, RateBudget, SyncRun
from integrations.services import runs, syncing
from tests.factories.accounts import UserFactory
from tests.integrations.playback import Call, Reply
from tests.integrations.services import largo
from tests.integrations.services.largo import World, connect
from trainstack.storage import read_raw


def sync(connection: Connection, **how: Any) -> SyncRun:
    """Synced to its end; the run."""
    return runs.work_through(syncing.request_sync(connection, **how))


def rows() -> dict[str, Any]:
    """All that came of it, without database ids."""
    return {
        "records": sorted(RawRecord.objects.values_list("kind", "external_id", "sha256")),
        "sources": sorted(SourceActivity.objects.values_list("external_id", "name", "elapsed_s", "streams_sha256")),
        "activities": sorted(Activity.objects.values_list("name", "start_time")),
        "nights": sorted(SleepSession.objects.values_list("external_id", "date", "score", "is_shown")),
        "days": sorted(DailyMetric.objects.values_list("metric", "date", "value")),
        "samples": sorted(SampleChunk.objects.values_list("metric", "start", "rows", "sha256")),
    }


def a_life(world: World, workouts: int = 25) -> None:
    for number in range(workouts):
        world.add_workout(number, points=number % 3 != 0)
    for number in range(12):
        world.add_night(number)
        world.add_score(f"2026-04-{number + 1:02}", 50 + number)


def test_a_first_sync_brings_everything_page_by_page(connection: Connection, world: World) -> None:
    a_life(world)

    run = sync(connection)

    assert (run.state, run.error) == ("finished", "")
    assert SourceActivity.objects.count() == Activity.objects.count() == 25
    assert SourceActivity.objects.get(external_id="w1").avg_heart_rate_bpm == 140
    assert sorted(SourceActivity.objects.get(external_id="w1").streams) == ["heart_rate"]
    assert SleepSession.objects.count() == 12
    assert sorted(DailyMetric.objects.filter(metric="resting_heart_rate").values_list("date", "value"))[:2] == [
        (date(2026, 4, 1), 50),
        (date(2026, 4, 2), 51),
    ]
    connection.refresh_from_db()
    assert sorted(connection.cursors) == ["nights", "pulse", "scores", "workouts"]
    assert connection.last_success_at is not None
    assert connection.problem == ""
    assert not connection.asks.open().exists()
    # Points were asked for where there are none, and that is remembered.
    assert connection.asks.filter(empty_at__isnull=False).count() == 9
    came = syncing.came_of(run)
    assert (came["new"], came["sleeps"], came["failed"]) == (25, 12, 0)
    assert syncing.feeds_of(run) == {"workouts": (25, 25), "nights": (12, 12), "scores": (12, 12), "pulse": (3, None)}
    assert run.done == run.total


def test_every_record_is_kept_byte_for_byte_with_where_it_came_from(connection: Connection, world: World) -> None:
    name = world.add_workout(1)

    sync(connection)

    record = RawRecord.objects.get(kind="detail")
    assert json.loads(read_raw(record.user_id, record.sha256)) == {**world.workouts[name], "pulse": 140}
    assert record.request_url.endswith("/largo/workouts/w1")
    assert RawRecord.objects.get(kind="summary").request_url.endswith("/largo/workouts")
    assert record.stated_at == datetime.fromisoformat(world.workouts[name]["updated"])
    sighting = RawSighting.objects.get(raw=record)
    assert (sighting.connection, sighting.import_file, sighting.withdrawn_at) == (connection, None, None)


def test_a_second_sync_changes_nothing_and_asks_for_no_detail(connection: Connection, world: World) -> None:
    a_life(world)
    sync(connection)
    before = rows()
    world.calls.clear()

    run = sync(connection, full=True)

    assert rows() == before
    assert [call for call in world.calls if call.startswith("/workouts/")] == []
    came = syncing.came_of(run)
    assert (came["new"], came["changed"], came["unchanged"]) == (0, 0, 25 + 12 + 12 + 3)
    assert RawSighting.objects.count() == RawRecord.objects.count()


def test_a_changed_record_is_fetched_again_and_an_old_form_that_comes_back_counts(
    connection: Connection, world: World
) -> None:
    name = world.add_workout(1, title="A")
    sync(connection)
    names = []
    for title in ("B", "A"):
        world.edit(name, title=title)
        run = sync(connection, full=True)
        names.append((SourceActivity.objects.get().name, syncing.came_of(run)["changed"]))

    assert names == [("B", 1), ("A", 1)]
    assert RawRecord.objects.filter(kind="detail").count() == 3
    assert Activity.objects.count() == 1


def test_versions_of_equal_bytes_are_one_record_and_the_last_that_was_told_counts(
    connection: Connection, world: World
) -> None:
    """A, B, A, where the provider states no time."""
    world.add_score("2026-04-01", 50)
    values = []
    for value in (50, 60, 50):
        world.add_score("2026-04-01", value)
        sync(connection, full=True)
        values.append(DailyMetric.objects.get().value)

    assert values == [50, 60, 50]
    assert RawRecord.objects.filter(kind="score").count() == 2


def test_pages_in_any_order_and_twice_end_in_the_same_rows(connection: Connection, world: World, settings: Any) -> None:
    a_life(world)
    sync(connection)
    before = rows()
    other = connect(UserFactory(), "8")
    for model in (SourceActivity, Activity, SleepSession, DailyMetric, SampleChunk):
        model._default_manager.all().delete()
    RawSighting.objects.all().delete()
    RawRecord.objects.all().delete()

    def doubled(call: Call) -> Reply | None:
        if not call.path.endswith(("/workouts", "/nights", "/scores")):
            return None
        reply = world._true(call.path.removeprefix("/largo"), call.query)
        page = json.loads(reply.body)
        return largo.good({**page, "records": [*reversed(page["records"]), *page["records"]]})

    world.tricks.append(doubled)
    sync(other)

    assert rows() == before


# --- what goes wrong ------------------------------------------------------------------------


def once(path: str, reply: Reply, times: int = 1) -> Any:
    left = [times]

    def trick(call: Call) -> Reply | None:
        if call.path.removeprefix("/largo") != path or not left[0]:
            return None
        left[0] -= 1
        return reply

    return trick


def test_a_page_that_failed_is_no_empty_page(connection: Connection, world: World, settings: Any) -> None:
    a_life(world)
    sync(connection)
    before = rows()
    settings.SYNC_RETRY_S = 3600
    world.tricks.append(once("/workouts", Reply(500, b"oops"), times=100))
    cursor = Connection.objects.get().cursors["workouts"]

    run = sync(connection, full=True)

    assert rows() == before
    assert Connection.objects.get().cursors["workouts"] == cursor
    assert run.error == "1 request went wrong and will be made again."


def test_an_answer_that_is_no_json_is_kept_and_asked_for_again(connection: Connection, world: World) -> None:
    world.add_workout(1)
    world.tricks.append(once("/workouts", Reply(200, b'{"records": [{"id"', {"content-type": "application/json"})))

    run = sync(connection)

    assert (run.state, run.error, SourceActivity.objects.count()) == ("finished", "", 1)
    broken = RawRecord.objects.get(kind="unreadable")
    assert (broken.external_id, read_raw(broken.user_id, broken.sha256)) == (
        "workouts backfill 1",
        b'{"records": [{"id"',
    )


def test_a_bad_record_costs_one_record_and_can_be_tried_again(connection: Connection, world: World) -> None:
    for number in range(3):
        world.add_workout(number)
    world.tricks.append(once("/workouts/w1", Reply(200, b"[", {"content-type": "application/json"}), times=100))

    run = sync(connection)

    failed = connection.asks.failed().get()
    assert (failed.what, failed.key) == ("detail", "w1")
    assert run.error == "1 was given up after 7 tries."
    assert SourceActivity.objects.count() == 3
    assert RawRecord.objects.filter(kind="detail").count() == 2

    world.tricks.clear()
    runs.work_through(syncing.try_again(failed))

    assert not connection.asks.failed().exists()
    assert RawRecord.objects.filter(kind="detail").count() == 3


def test_what_is_given_up_is_not_tried_by_every_sync(connection: Connection, world: World) -> None:
    world.add_workout(1)
    world.tricks.append(once("/workouts/w1", Reply(200, b"[", {}), times=100))
    sync(connection)
    world.calls.clear()

    sync(connection, full=True)

    assert "/workouts/w1" not in world.calls
    assert syncing.try_all_again(connection) == 1


def test_a_record_that_no_mapping_reads_is_kept_and_said(connection: Connection, world: World) -> None:
    world.add_workout(1, start="some day")
    world.add_workout(2)

    run = sync(connection)

    assert SourceActivity.objects.count() == 1
    assert RawRecord.objects.filter(external_id="w1", kind="detail").exists()
    assert run.counts["problems_total"] >= 1


def test_a_consent_that_was_taken_back_breaks_the_connection_and_says_so(
    connection: Connection, world: World, mailoutbox: Any, django_capture_on_commit_callbacks: Any
) -> None:
    a_life(world)
    world.tricks.append(lambda call: Reply(401) if len(world.calls) > 5 else None)

    with django_capture_on_commit_callbacks(execute=True):
        run = sync(connection)

    connection.refresh_from_db()
    assert (run.state, connection.state) == ("failed", "broken")
    assert connection.problem
    assert [mail.to for mail in mailoutbox] == [[connection.user.email]]
    with pytest.raises(syncing.NotConnected):
        syncing.request_sync(connection)


def test_a_rate_limit_has_the_run_wait_and_lets_others_of_the_athlete_work(
    connection: Connection, world: World
) -> None:
    a_life(world)
    world.tricks.append(lambda call: Reply(429, headers={"Retry-After": "600"}) if len(world.calls) > 5 else None)
    run = syncing.request_sync(connection)

    runs.work(run.pk)

    run.refresh_from_db()
    assert (run.state, run.leased_by, run.doing) == ("queued", "", "Waiting until Largo lets us ask again")
    assert run.waits_until is not None
    assert timedelta(minutes=9) < run.waits_until - timezone.now() <= timedelta(minutes=11)
    # What came before stands, nights are chosen and days worked out.
    assert SourceActivity.objects.exists()
    assert connection.asks.open().exists()
    assert SyncRun.objects.get(pk=run.pk).attempts == 0

    # Ten minutes later.
    world.tricks.clear()
    RateBudget.objects.all().delete()
    runs.wake(run)
    runs.work_through(run)

    assert SourceActivity.objects.count() == 25


def test_waiting_again_and_again_never_fails_a_run(connection: Connection, world: World) -> None:
    world.tricks.append(lambda call: Reply(429, headers={"Retry-After": "600"}))
    run = syncing.request_sync(connection)

    for _ in range(6):
        runs.work(run.pk)

    run.refresh_from_db()
    assert run.state == "queued"


def test_a_provider_that_is_down_is_asked_less_and_less_and_the_connection_stands(
    connection: Connection, world: World, settings: Any
) -> None:
    a_life(world)
    sync(connection)
    before = Connection.objects.get().last_success_at
    settings.SYNC_RETRY_S = 3600
    world.tricks.append(lambda call: Reply(503))

    run = sync(connection)

    connection.refresh_from_db()
    assert (run.state, connection.state, connection.last_success_at) == ("finished", "active", before)
    assert connection.problem == "Largo did not answer when we last asked. We go on asking."
    assert run.error.endswith("went wrong and will be made again.")

    world.tricks.clear()
    sync(connection)

    connection.refresh_from_db()
    assert (connection.problem, connection.problem_since) == ("", None)


# --- deletions ------------------------------------------------------------------------------


def test_what_a_whole_list_no_longer_holds_is_confirmed_and_counts_no_longer(
    connection: Connection, world: World
) -> None:
    a_life(world)
    sync(connection)
    del world.workouts["w3"], world.points["w4"], world.nights["n5"], world.scores["2026-04-07"]
    stored = RawRecord.objects.count()

    run = sync(connection, full=True)

    assert not SourceActivity.objects.filter(external_id="w3").exists()
    assert Activity.objects.count() == 24
    assert not SleepSession.objects.filter(external_id="n5").exists()
    assert not DailyMetric.objects.filter(date="2026-04-07", metric="resting_heart_rate").exists()
    assert RawRecord.objects.count() == stored
    assert syncing.came_of(run)["gone"] == 3
    assert SleepSession.objects.count() == 11


def test_what_comes_back_counts_again(connection: Connection, world: World) -> None:
    a_life(world, workouts=3)
    sync(connection)
    before = rows()
    gone, night, score = world.workouts.pop("w1"), world.nights.pop("n1"), world.scores.pop("2026-04-02")
    sync(connection, full=True)
    assert rows() != before
    world.workouts["w1"], world.nights["n1"], world.scores["2026-04-02"] = gone, night, score

    sync(connection, full=True)

    assert rows() == before
    assert not RawSighting.objects.exclude(withdrawn_at=None).exists()


def test_an_incremental_look_takes_nothing_for_gone_that_it_did_not_list(connection: Connection, world: World) -> None:
    a_life(world)
    sync(connection)
    before = rows()

    sync(connection)

    assert rows() == before
    assert any(ask.params.get("since") for ask in OpenAsk.objects.all()) is False


# --- samples --------------------------------------------------------------------------------


def test_samples_of_a_window_that_changed_are_replaced(connection: Connection, world: World) -> None:
    day = timezone.now().date()
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    at = int(noon.timestamp() * 1000)
    world.pulse[f"{day}"] = [[at, 60], [at + 1000, 61]]
    sync(connection)
    assert pulse(connection) == [60, 61]

    world.pulse[f"{day}"] = [[at, 62], [at + 1000, 61], [at + 2000, 63]]
    sync(connection)
    assert pulse(connection) == [62, 61, 63]

    world.pulse[f"{day}"] = [[at, 60], [at + 1000, 61]]
    sync(connection)

    assert pulse(connection) == [60, 61]


def pulse(connection: Connection) -> list[float]:
    now = timezone.now()
    table = samples(connection.user, "heart_rate", now - timedelta(days=3), now + timedelta(days=3))
    values: list[float] = table["value"].to_pylist()
    return values
