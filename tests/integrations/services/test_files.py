"""Workout files and archives of them: whose they are, joined with what the provider says, and taken back as one."""

from __future__ import annotations

import io
import itertools
from datetime import date, timedelta
from typing import Any

import pytest

from activities.domain.streams import decode_streams
from activities.models import Activity, DailyMetric, RawRecord, Reading, SleepSession, SourceActivity
from integrations import archives
from integrations.models import SyncRun
from integrations.services import imports, renormalising, runs
from integrations.services.report import File, Line
from tests.factories.accounts import UserFactory
from tests.integrations.services.archives import (
    BRYTON,
    GARMIN,
    START,
    garmin,
    garmin_day,
    garmin_night,
    garmin_summary,
    gz,
    ride,
    strava,
    strava_row,
    tcx,
    zipped,
)
from tests.integrations.services.exports import DAY, differences, everything, export, pulse
from tests.integrations.services.exports import workout as apple_workout
from tests.integrations.services.exports import zipped as apple_zip
from tests.integrations.services.test_imports import bring, report, take_back, through
from trainstack.accounts.models import User
from trainstack.storage import stream_store

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def user() -> User:
    return UserFactory()


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """An archive is handed on and written piece by piece."""
    monkeypatch.setattr(archives, "BATCH_PAYLOADS", 1)
    monkeypatch.setattr(imports, "CHECKPOINT_PAYLOADS", 1)


def state(user: User) -> dict[str, Any]:
    """All that the account holds, but for when a version that no longer counts was read."""
    return {name: held for name, held in everything(user).items() if name != "readings"}


def sources(user: User) -> set[tuple[str, str, str]]:
    rows = SourceActivity.objects.filter(user=user).values_list("provider", "sport", "external_id")
    return {(provider, sport, external_id) for provider, sport, external_id in rows}


# --- single files ---------------------------------------------------------------------------


def test_a_file_becomes_an_activity_with_its_streams(user: User) -> None:
    import_file = bring(user, ride(), "morning.fit")

    source = SourceActivity.objects.get()
    streams = decode_streams(stream_store().read(source.streams_key))
    assert import_file.state == "finished"
    assert (source.provider, source.sport, source.start_time, source.utc_offset_s, source.elapsed_s) == (
        "wahoo",
        "cycling",
        START,
        7200,
        29.0,
    )
    assert (source.device_kind, source.raw.kind, source.raw.content_type) == (
        "computer",
        "fit",
        "application/vnd.ant.fit",
    )
    assert source.streams == dict.fromkeys(streams, 30)
    assert streams["heart_rate"].values.tolist() == [120.0] * 30
    assert Activity.objects.get().primary == source
    assert report(import_file).files == (File("morning.fit", "fit", "wahoo", "new"),)


def test_a_copy_of_a_file_renamed_gzipped_or_in_a_zip_changes_nothing(user: User) -> None:
    bring(user, ride(), "morning.fit")
    before = everything(user)

    told = [
        report(bring(user, data, name))
        for data, name in (
            (ride(), "morning (1).fit"),
            (gz(ride()), "morning.fit.gz"),
            (gz(ride()), "morning.dat"),
            (zipped({"a/morning.fit": ride(), "b/again.fit.gz": gz(ride())}), "rides.zip"),
            (zipped({"inner.zip": zipped({"morning.fit": ride()})}), "nested.zip"),
        )
    ]

    after = everything(user)
    assert [it.by_outcome for it in told] == [{"known": 1}] * 3 + [{"known": 2}, {"known": 1}]
    assert all(it.source_activities["created"] + it.source_activities["updated"] == 0 for it in told)
    for name in ("sources", "streams", "activities", "readings"):
        assert after[name] == before[name]


@pytest.mark.parametrize(
    ("data", "chosen", "provider"),
    [
        (ride(manufacturer=GARMIN), "", "garmin"),
        (ride(manufacturer=GARMIN), "coros", "garmin"),
        (ride(manufacturer=BRYTON), "", "file"),
        (ride(manufacturer=BRYTON), "coros", "coros"),
        (tcx(creator="Polar Vantage V"), "", "polar"),
        (tcx(), "", "file"),
        (tcx(), "komoot", "komoot"),
        (tcx(creator="Somebody's app"), "suunto", "suunto"),
    ],
)
def test_a_file_is_whose_it_says_else_whose_the_athlete_says(
    user: User, data: bytes, chosen: str, provider: str
) -> None:
    import_file = imports.receive(user, name="file", source=_file(data), provider=chosen, run_now=True)
    through(import_file)

    assert SourceActivity.objects.get().provider == provider
    assert report(import_file).providers == {provider: 1}


def test_a_cut_file_brings_what_was_recorded_and_says_so(user: User) -> None:
    whole = ride(points=60)

    import_file = bring(user, whole[: len(whole) * 2 // 3], "cut.fit")

    assert import_file.state == "finished"
    assert 10 < SourceActivity.objects.get().streams["heart_rate"] < 60
    assert report(import_file).problems_total >= 1


# --- zips of files --------------------------------------------------------------------------


def test_a_bad_file_costs_itself_only(user: User) -> None:
    data = zipped(
        {
            "good.fit": ride(0),
            "notes.txt": b"hello",
            "empty.fit": b"",
            "zeros.fit": bytes(4000),
            "no times.gpx": b'<gpx version="1.1"><trk><trkseg><trkpt lat="1" lon="2"/></trkseg></trk></gpx>',
            "broken.tcx": b"<TrainingCenterDatabase><Activities><Activity Sport=",
            "damaged.fit.gz": gz(ride(2))[:40],
            "later.fit": ride(1),
            "inProgressActivity.fit": ride(3),
        }
    )

    told = report(bring(user, data, "folder.zip"))

    assert SourceActivity.objects.filter(user=user).count() == 2
    assert told.files_kept == ("notes.txt", "inProgressActivity.fit")
    assert all(line.read == line.new + line.known + line.unreadable for line in told.elements)
    assert {line.kind: (line.read, line.new, line.unreadable) for line in told.elements} == {
        "file": (3, 0, 3),
        "fit": (2, 2, 0),
        "gpx": (1, 1, 0),
        "tcx": (1, 1, 0),
    }
    for name in ("empty.fit", "zeros.fit", "broken.tcx", "damaged.fit.gz"):
        assert [it for it in told.problems if name in it.path], name


def test_an_archive_in_many_slices_brings_what_it_brings_in_one(user: User, small_batches: None) -> None:
    other = UserFactory()
    data = zipped({f"{day}.fit": ride(day) for day in range(6)} | {"notes.txt": b"x"})
    import_file = imports.receive(user, name="rides.zip", source=_file(data), run_now=True)
    slices = 0
    while SyncRun.objects.get(import_file=import_file).state in runs.OPEN:
        runs.work(SyncRun.objects.get(import_file=import_file).pk, slice_s=0)
        slices += 1
    import_file.refresh_from_db()
    whole = bring(other, data, "rides.zip")

    assert slices > 5
    assert differences(everything(user), everything(other)) == []
    one, two = (report(it).as_json() for it in (import_file, whole))
    assert {**one, "seconds": 0, "mb_per_s": 0} == {**two, "seconds": 0, "mb_per_s": 0}


# --- archives that join files and rows ------------------------------------------------------

FILE = "activities/901.fit.gz"


def test_a_strava_archive_joins_each_file_with_its_line(user: User) -> None:
    rows = strava_row(501, 0, "Before work", file=FILE, gear="Blue Gravel") + strava_row(502, 1, "By hand", kind="Yoga")

    told = report(bring(user, strava(rows, {FILE: gz(ride())}), "export.zip"))

    joined, alone = SourceActivity.objects.order_by("external_id")
    assert (joined.provider, joined.external_id, joined.name, joined.provider_type) == (
        "strava",
        "501",
        "Before work",
        "Ride",
    )
    assert (joined.sport, joined.raw.kind, joined.device_kind, joined.extra["gear"], joined.distance_m) == (
        "cycling",
        "fit",
        "computer",
        "Blue Gravel",
        145.0,
    )
    assert joined.streams["heart_rate"] == 30
    assert (alone.external_id, alone.sport, alone.raw.kind, alone.streams) == ("502", "yoga", "row", {})
    assert told.source_activities == {"created": 2, "updated": 0, "unchanged": 0}
    assert [(it.kind, it.read, it.new, it.known) for it in told.elements] == [("fit", 1, 1, 0), ("row", 2, 2, 0)]
    assert told.files_kept == ("profile.csv",)


def test_the_order_of_archives_and_files_does_not_matter(user: User) -> None:
    row = strava_row(501, 0, "Before work", file=FILE)
    parts = {
        "rows": strava(row),
        "all": strava(row, {FILE: gz(ride())}),
        "renamed": strava(strava_row(501, 0, "After breakfast", file=FILE) + strava_row(503, 9, "Later"), {}),
        "file": ride(),
    }
    told = []
    for order in itertools.permutations(parts):
        person = UserFactory()
        for name in order:
            bring(person, parts[name], f"{name}.zip")
        told.append(state(person))

    assert [differences(one, told[0]) for one in told if differences(one, told[0])] == []
    assert {it["name"] for it in told[0]["sources"]} == {"After breakfast", "Later", ""}


def test_a_row_taken_back_leaves_the_file_and_the_other_way_round(user: User) -> None:
    row = strava_row(501, 0, "Before work", file=FILE)
    alone, only_rows = UserFactory(), UserFactory()
    later = strava(strava_row(501, 0, "After breakfast", file=FILE) + strava_row(503, 9, "Later"))
    bring(alone, strava(row, {FILE: gz(ride())}), "all.zip")
    bring(only_rows, later, "rows.zip")
    both = bring(user, strava(row, {FILE: gz(ride())}), "all.zip")
    rows = bring(user, later, "rows.zip")

    take_back(rows)
    assert differences(state(user), state(alone)) == []
    again = bring(user, later, "rows.zip")
    take_back(both)
    assert differences(state(user), state(only_rows)) == []
    take_back(again)
    nothing = state(UserFactory())
    assert differences(state(user), nothing) == []


def test_a_garmin_export_finds_the_summary_of_each_file_and_tells_nights_and_days(user: User) -> None:
    data = garmin(
        summaries=[garmin_summary(9001, 0, "Vienna Road Cycling"), garmin_summary(9002, 5, "Without a file")],
        files={"kim_1.fit": ride(0, manufacturer=GARMIN), "kim_2.fit": ride(3, manufacturer=GARMIN)},
        nights=[garmin_night(0), garmin_night(1)],
        days=[garmin_day(0), garmin_day(1, 12_000)],
    )

    told = report(bring(user, data, "garmin.zip"))

    joined, alone, unclaimed = SourceActivity.objects.order_by("external_id")[:3]
    assert (joined.external_id, joined.name, joined.sport, joined.raw.kind, joined.streams["heart_rate"]) == (
        "9001",
        "Vienna Road Cycling",
        "cycling.road",
        "fit",
        30,
    )
    assert (alone.external_id, alone.raw.kind, alone.distance_m, alone.timer_s) == ("9002", "summary", 145.0, 29.0)
    assert (len(unclaimed.external_id), unclaimed.raw.kind, unclaimed.provider) == (32, "fit", "garmin")
    nights = SleepSession.objects.order_by("date")
    assert [(it.date, it.deep_s, it.score, it.is_shown, it.is_main, it.raw and it.raw.kind) for it in nights] == [
        (date(2026, 5, 2), 5400.0, 81.0, True, True, "sleep"),
        (date(2026, 5, 3), 5400.0, 81.0, True, True, "sleep"),
    ]
    assert {(it.metric, it.date.day, it.value) for it in DailyMetric.objects.all()} == {
        ("steps", 2, 9000.0),
        ("steps", 3, 12_000.0),
        ("resting_heart_rate", 2, 47.0),
        ("resting_heart_rate", 3, 47.0),
    }
    assert (told.sleep_sessions, told.sleep_nights, told.metric_days) == (2, 2, DailyMetric.objects.count())
    assert Line("summary", "summary", 2, 2, 0, 0) in told.elements
    assert told.files_kept == ("DI_CONNECT/DI-Connect-User/kim-social-profile.json",)


def test_nights_and_days_are_a_function_of_the_records_whatever_came_first(user: User) -> None:
    old = garmin(
        nights=[garmin_night(0), garmin_night(1)], days=[garmin_day(0, 4000), garmin_day(1)], made="2026-05-10"
    )
    new = garmin(nights=[garmin_night(0, deep_s=6000), garmin_night(2)], days=[garmin_day(0, 9999)], made="2026-05-20")
    other, only_old = UserFactory(), UserFactory()
    bring(user, old, "old.zip")
    latest = bring(user, new, "new.zip")
    bring(other, new, "new.zip")
    bring(other, old, "old.zip")
    bring(only_old, old, "old.zip")

    assert differences(state(user), state(other)) == []
    assert SleepSession.objects.get(user=user, date=date(2026, 5, 2)).deep_s == 6000.0
    assert DailyMetric.objects.get(user=user, metric="steps", date=date(2026, 5, 2)).value == 9999.0
    take_back(latest)
    assert differences(state(user), state(only_old)) == []


def test_renormalise_changes_nothing_where_no_mapping_has_changed(user: User) -> None:
    rows = strava_row(501, 0, "Before work", file=FILE)
    bring(user, strava(rows, {FILE: gz(ride())}), "strava.zip")
    bring(user, garmin(summaries=[garmin_summary(1, 4, "x")], nights=[garmin_night(0)], days=[garmin_day(0)]), "g.zip")
    before = state(user)

    run = runs.work_through(renormalising.request_renormalise(user, nudge=False))

    assert (run.state, run.counts["sources"]) == ("finished", [0, 0, 2])
    assert differences(state(user), before) == []


def test_renormalise_brings_back_what_a_mapping_once_lost(user: User) -> None:
    bring(user, strava(strava_row(501, 0, "Before work", file=FILE), {FILE: gz(ride())}), "strava.zip")
    bring(user, garmin(nights=[garmin_night(0)], days=[garmin_day(0)]), "garmin.zip")
    before = state(user)
    SourceActivity.objects.update(name="", distance_m=1.0, streams={}, streams_sha256="")
    SleepSession.objects.update(deep_s=1.0)
    DailyMetric.objects.all().delete()
    Reading.objects.update(mapping_version=0)

    runs.work_through(renormalising.request_renormalise(user, nudge=False))

    assert differences(state(user), before) == []


# --- together -------------------------------------------------------------------------------


def test_two_providers_in_one_zip_are_taken_back_as_one(user: User) -> None:
    kept = bring(user, ride(9), "kept.fit")
    before = state(user)
    data = zipped({"a.fit": ride(0), "b.tcx": tcx(1, creator="Polar Vantage V"), "c.fit": ride(2, manufacturer=GARMIN)})

    import_file = bring(user, data, "mixed.zip")
    told = report(import_file)
    take_back(import_file)

    assert told.providers == {"garmin": 1, "polar": 1, "wahoo": 1}
    assert differences(state(user), before) == []
    take_back(kept)
    assert RawRecord.objects.count() == 0


def test_the_same_effort_from_two_archives_is_one_activity(user: User) -> None:
    bring(user, strava(strava_row(501, 0, "Before work", file=FILE), {FILE: gz(ride())}), "strava.zip")
    uploaded = {"a.fit": ride(0, manufacturer=GARMIN)}
    bring(user, garmin(summaries=[garmin_summary(9001, 0, "Road")], files=uploaded), "garmin.zip")

    activity = Activity.objects.get()
    assert {it.provider for it in activity.sources.all()} == {"strava", "garmin"}


def test_files_beside_an_apple_export_in_one_zip_are_read_too(user: User) -> None:
    apple = apple_zip(export(pulse(DAY, 60, 61), apple_workout(DAY + timedelta(hours=17))))

    bring(user, zipped({"export.zip": apple, "ride.fit": ride(0)}), "everything.zip")

    assert {provider for provider, _, _ in sources(user)} == {"apple_health", "wahoo"}


def _file(data: bytes) -> io.BytesIO:
    return io.BytesIO(data)
