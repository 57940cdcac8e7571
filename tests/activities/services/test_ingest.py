"""Filing what a mapping read: the same records end in the same rows, in any order and as often as one likes."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from activities.domain.parsed import Lap, ParsedActivity, Pause
from activities.models import Activity, RawRecord, Reading, SourceActivity
from activities.services.ingest import Told, ingest, json_of
from activities.services.raw import store_raw
from trainstack.accounts.models import User

pytestmark = pytest.mark.django_db(transaction=True)

START = datetime(2026, 3, 2, 18, tzinfo=timezone(timedelta(hours=1)))
RUN = ParsedActivity(
    external_id="run",
    sport="running",
    start_time=START,
    utc_offset_s=3600,
    elapsed_s=1800.0,
    distance_m=5000.0,
    laps=(Lap(START, 600.0, distance_m=1700.0, extra={"swolf": 3}),),
    pauses=(Pause(START + timedelta(minutes=5), 30.0, automatic=True),),
    extra={"indoor": False},
)
TRIATHLON = (
    ParsedActivity(external_id="tri", sport="multisport", start_time=START, elapsed_s=7200.0),
    ParsedActivity(external_id="tri#1", sport="swimming", start_time=START, elapsed_s=1800.0, parent=0),
    ParsedActivity(external_id="tri#2", sport="cycling", start_time=START + timedelta(hours=1), parent=0),
)


def raw(user: User, external_id: str = "run", data: bytes = b"<Workout/>", day: int = 1) -> RawRecord:
    told = datetime(2026, 4, day, tzinfo=UTC)
    return store_raw(user, "apple_health", "workout", external_id, data, "application/xml", stated_at=told)[0]


def file(user: User, *told: Told) -> tuple[int, int, int, int]:
    done = ingest(user, told, mapping_version=1)
    return done.created, done.updated, done.unchanged, done.activities


def test_json_of_keeps_what_is_told() -> None:
    assert [json_of(RUN.laps[0]), json_of(RUN.pauses[0])] == [
        {
            "start_time": "2026-03-02T18:00:00+01:00",
            "elapsed_s": 600.0,
            "kind": "lap",
            "distance_m": 1700.0,
            "extra": {"swolf": 3},
        },
        {"start_time": "2026-03-02T18:05:00+01:00", "elapsed_s": 30.0, "automatic": True},
    ]


def test_a_record_becomes_a_source_activity_and_the_activity_that_shows_it(user: User) -> None:
    record = raw(user)

    assert file(user, Told(record, [RUN])) == (1, 0, 0, 1)

    source, activity = SourceActivity.objects.get(), Activity.objects.get()
    assert (source.raw, source.activity, source.parent, source.extra) == (record, activity, None, {"indoor": False})
    assert (activity.primary, activity.sport, activity.start_time, activity.local_date.isoformat()) == (
        source,
        "running",
        START,
        "2026-03-02",
    )
    assert Reading.objects.get().mapping_version == 1


def test_the_same_record_again_changes_nothing(user: User) -> None:
    record = raw(user)
    file(user, Told(record, [RUN]))

    assert file(user, Told(record, [RUN])) == (0, 0, 1, 0)


def test_the_version_told_last_counts_in_any_order(user: User) -> None:
    versions = [
        Told(raw(user, data=b"<Workout n='%d'/>" % n, day=day), [replace(RUN, distance_m=float(n))])
        for n, day in ((1, 2), (2, 9), (3, 5))
    ]
    for order in itertools.permutations(versions):
        for one in order:
            ingest(user, [one], mapping_version=1)
            assert SourceActivity.objects.filter(raw=versions[1].raw).count() == SourceActivity.objects.count()

        assert SourceActivity.objects.get().distance_m == 2.0
        assert Activity.objects.get().distance_m == 2.0
        SourceActivity.objects.all().delete()
        Activity.objects.all().delete()


def test_legs_of_multisport_have_a_parent_and_no_activity_and_go_when_they_are_not_told(user: User) -> None:
    assert file(user, Told(raw(user, "tri"), TRIATHLON)) == (3, 0, 0, 1)
    rows = SourceActivity.objects.order_by("external_id")
    assert [(it.external_id, it.parent and it.parent.external_id, bool(it.activity)) for it in rows] == [
        ("tri", None, True),
        ("tri#1", "tri", False),
        ("tri#2", "tri", False),
    ]

    file(user, Told(raw(user, "tri", b"<Workout edited='1'/>", day=2), TRIATHLON[:2]))

    assert [it.external_id for it in rows.all()] == ["tri", "tri#1"]


def test_what_cannot_be_read_is_noted_and_leaves_what_was_read_before(user: User) -> None:
    file(user, Told(raw(user), [RUN]))

    broken = raw(user, data=b"<Workout broken='1'/>", day=2)
    done = ingest(user, [Told(broken, problem="It has no start.")], mapping_version=1)

    assert (done.unreadable, Reading.objects.get(raw=broken).problem) == (1, "It has no start.")
    assert SourceActivity.objects.get().distance_m == 5000.0


def test_words_are_cut_to_their_columns_and_numbers_that_are_none_are_not_told(user: User) -> None:
    file(user, Told(raw(user), [replace(RUN, name="n" * 300, device="d" * 300, max_power_w=float("nan"))]))

    source = SourceActivity.objects.get()
    assert (len(source.name), len(source.device), source.max_power_w) == (255, 200, None)


def test_many_records_cost_as_many_queries_as_one(user: User) -> None:
    def queries(*numbers: int) -> int:
        told = [
            Told(
                raw(user, f"run {n}", b"<Workout n='%d'/>" % n),
                [replace(RUN, external_id=f"run {n}", start_time=START + timedelta(days=n))],
            )
            for n in numbers
        ]
        with CaptureQueriesContext(connection) as captured:
            ingest(user, told, mapping_version=1)
        return len(captured)

    # SQLite takes 999 values a statement: twenty rows.
    assert queries(1) == queries(*range(2, 22))
