"""What a person brings is kept, read once, and can be taken back."""

from __future__ import annotations

import io
import itertools
import re
import zipfile
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile, TemporaryUploadedFile
from pytest_django.fixtures import Settings

from activities.domain.streams import decode_streams
from activities.models import Activity, DailyMetric, RawRecord, SampleChunk, SleepSession, SourceActivity
from integrations.models import Import, SyncRun
from integrations.providers.apple_health.reader import ExportReader
from integrations.registry import PROVIDERS
from integrations.services import imports, runs
from integrations.services.report import Line, Report, Workouts
from tests.factories.accounts import UserFactory
from tests.integrations.services.exports import (
    DAY,
    PHONE,
    QUANTITY,
    WATCH,
    ZONE,
    a_month,
    differences,
    everything,
    export,
    gpx,
    night,
    pressure,
    pulse,
    record,
    rings,
    route_of,
    routes_of_a_month,
    steps,
    workout,
    zipped,
)
from trainstack.accounts.models import User
from trainstack.storage import raw_store, read_raw, stream_store

pytestmark = pytest.mark.django_db(transaction=True)

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(200)


@pytest.fixture
def user() -> User:
    return UserFactory()


def bring(user: User, data: bytes, name: str = "export.zip") -> Import:
    """The import of this file, read to its end."""
    return through(imports.receive(user, name=name, source=io.BytesIO(data), run_now=True))


def through(import_file: Import) -> Import:
    """The import after its runs were worked."""
    for run in SyncRun.objects.filter(import_file=import_file, state__in=runs.OPEN).order_by("pk"):
        runs.work_through(run)
    import_file.refresh_from_db()
    return import_file


def take_back(import_file: Import) -> Import:
    return through(imports.roll_back(import_file))


def report(import_file: Import) -> Report:
    told = imports.report_of(import_file)
    assert told
    return told


def plain_count(xml: bytes) -> Counter[str]:
    """Opening tags of the document after its document type, counted without a parser."""
    body = xml[xml.index(b"<HealthData") :]
    return Counter(name.decode() for name in re.findall(rb"<([A-Za-z]+)[\s/>]", body))


# --- receiving ------------------------------------------------------------------------------


def test_receive_keeps_the_file_before_anything_is_read(user: User) -> None:
    data = zipped(export(pulse(DAY, 60)))

    import_file = imports.receive(user, name="C:\\Users\\kim\\export.zip", source=io.BytesIO(data))

    record = RawRecord.objects.get()
    assert (import_file.name, import_file.state, import_file.provider) == ("export.zip", "waiting", "apple_health")
    assert (record.kind, record.content_type, record.stated_at) == (
        "export",
        "application/zip",
        datetime(2026, 4, 1, 9, tzinfo=UTC),
    )
    assert read_raw(user.pk, record.sha256) == data
    assert SyncRun.objects.get().import_file == import_file


@pytest.mark.parametrize("form", ["path", "file", "small upload", "large upload"])
def test_receive_takes_a_file_in_any_form(user: User, tmp_path: Path, form: str) -> None:
    data = zipped(export(pulse(DAY, 60)))
    path = tmp_path / "export.zip"
    path.write_bytes(data)
    large = TemporaryUploadedFile("export.zip", "application/zip", len(data), None)
    large.write(data)
    large.flush()
    sources: dict[str, Any] = {
        "path": path,
        "file": io.BytesIO(data),
        "small upload": SimpleUploadedFile("export.zip", data),
        "large upload": large,
    }

    import_file = through(imports.receive(user, name="export.zip", source=sources[form], run_now=True))
    path.write_bytes(b"written to later")

    assert import_file.state == "finished"
    assert read_raw(user.pk, import_file.sha256) == data


def test_receive_gives_the_same_import_for_a_double_click_and_a_new_one_once_it_is_read(user: User) -> None:
    data = zipped(export(pulse(DAY, 60)))

    first = imports.receive(user, name="export.zip", source=io.BytesIO(data))
    again = imports.receive(user, name="export (1).zip", source=io.BytesIO(data))
    of_another = imports.receive(UserFactory(), name="export.zip", source=io.BytesIO(data))
    through(first)
    later = imports.receive(user, name="export.zip", source=io.BytesIO(data))

    assert again == first
    assert len({first, of_another, later}) == 3
    assert SyncRun.objects.filter(user=user).count() == 2


def test_receive_refuses_what_is_too_large_and_keeps_nothing(user: User, settings: Settings) -> None:
    settings.IMPORT_MAX_UPLOAD_BYTES = 100

    with pytest.raises(imports.TooLarge, match=r"^export\.zip has [\d,]+ bytes; this server takes files of up to 100"):
        imports.receive(user, name="export.zip", source=io.BytesIO(zipped(export())))

    assert (Import.objects.count(), list(raw_store().keys())) == (0, [])


# --- reading --------------------------------------------------------------------------------


def test_an_export_becomes_activities_nights_days_and_samples(user: User) -> None:
    start = DAY + timedelta(hours=17)
    xml = export(
        pulse(start, 120, 130, 140),
        steps(DAY + timedelta(hours=7), 400),
        steps(DAY + timedelta(hours=7), 390, source=PHONE),
        steps(DAY + timedelta(hours=18), 250, source=PHONE),
        night(DAY + timedelta(hours=22)),
        rings("2026-03-02"),
        workout(start, route=route_of(start)),
    )

    import_file = bring(user, zipped(xml, {route_of(start).lstrip("/"): gpx(start)}))

    source = SourceActivity.objects.get()
    activity = Activity.objects.get()
    assert import_file.state == "finished"
    assert (source.sport, source.start_time, source.utc_offset_s, source.elapsed_s, source.distance_m) == (
        "running",
        start,
        3600,
        1800.0,
        5000.0,
    )
    assert source.streams == {"altitude": 30, "heart_rate": 3, "latitude": 30, "longitude": 30, "speed": 30}
    assert (source.avg_heart_rate_bpm, source.max_heart_rate_bpm, source.extra["computed"]) == (
        130.0,
        140.0,
        ["avg_heart_rate_bpm", "max_heart_rate_bpm", "min_heart_rate_bpm"],
    )
    assert read_raw(user.pk, source.raw.sha256) in xml
    assert (activity.primary, activity.sport, activity.local_date) == (source, "running", date(2026, 3, 2))
    streams = decode_streams(stream_store().read(source.streams_key))
    assert streams["heart_rate"].time_s.tolist() == [0.0, 60.0, 120.0]
    assert streams["heart_rate"].values.tolist() == [120.0, 130.0, 140.0]
    assert streams["latitude"].values[:2].tolist() == [48.2, 48.20005]

    sleep = SleepSession.objects.get()
    assert (sleep.date, sleep.start_time, sleep.light_s, sleep.deep_s, sleep.rem_s, sleep.awake_s, sleep.asleep_s) == (
        date(2026, 3, 3),
        DAY + timedelta(hours=22),
        7200.0,
        7200.0,
        7200.0,
        3600.0,
        21600.0,
    )
    assert sleep.is_main
    user.refresh_from_db()
    assert user.profile.zone == ZoneInfo(ZONE)
    assert {it.metric: (it.value, it.detail) for it in DailyMetric.objects.filter(date=date(2026, 3, 2))} == {
        "heart_rate": (130.0, {"min": 120.0, "max": 140.0, "count": 3}),
        "steps": (650.0, {"count": 3, "devices": {PHONE: 250.0, WATCH: 400.0}}),
        "ring_move": (412.5, {"goal": 500.0}),
        "ring_exercise": (31.0, {"goal": 30.0}),
        "ring_stand": (11.0, {"goal": 12.0}),
    }


def test_the_report_accounts_for_every_tag(user: User) -> None:
    start = DAY + timedelta(hours=17)
    xml = export(
        pulse(start, 120, 130),
        pressure(DAY),
        rings("2026-03-02"),
        workout(start, heart_rate=True),
        record(f"{QUANTITY}StepCount", DAY, "many", unit="count"),
        record("HKFutureTypeIdentifierNobodyKnows", DAY, "new"),
        ' <Audiogram type="HKDataTypeAudiogram" startDate="2026-03-02 10:00:00 +0000"/>\n',
    )

    told = report(bring(user, zipped(xml, {"export_cda.xml": b"<ClinicalDocument/>", "notes.txt": b"hello"})))

    assert {line.kind: (line.read, line.new, line.known, line.unreadable) for line in told.elements} == {
        "Audiogram": (1, 1, 0, 0),
        "ActivitySummary": (1, 1, 0, 0),
        "Correlation": (1, 1, 0, 0),
        "ExportDate": (1, 1, 0, 0),
        "HealthData": (1, 1, 0, 0),
        "Me": (1, 1, 0, 0),
        "Record": (8, 5, 2, 1),
        "Workout": (1, 1, 0, 0),
    }
    assert Counter({line.kind: line.read for line in told.elements}) + Counter(told.parts) == plain_count(xml)
    assert told.metrics[0] == Line(
        "ActivitySummary", "Activity summary", 1, 1, 0, 0, date(2026, 3, 2), date(2026, 3, 2)
    )
    assert told.workouts == Workouts(new=1, first=date(2026, 3, 2), last=date(2026, 3, 2))
    assert (told.samples, told.files_read, told.files_kept_total) == (7, 0, 2)
    assert told.problems_total == 1
    assert "'many'" in told.problems[0].message


def test_all_lines_of_the_report_add_up(user: User) -> None:
    told = report(bring(user, zipped(export(a_month()), routes_of_a_month())))

    assert all(line.read == line.new + line.known + line.unreadable for line in (*told.elements, *told.metrics))
    assert told.workouts == Workouts(new=10, first=date(2026, 3, 2), last=date(2026, 3, 29))
    assert (told.sleep_nights, told.files_read) == (30, 10)
    assert Report.from_json(told.as_json()) == told


def test_the_same_file_twice_is_as_once(user: User) -> None:
    data = zipped(export(a_month()), routes_of_a_month())
    bring(user, data)
    once = everything(user)

    told = report(bring(user, data, "again.zip"))

    twice = everything(user)
    # That they were seen again is all that is new.
    assert differences({**twice, "sightings": None}, {**once, "sightings": None}) == []
    assert (told.samples, told.workouts.new, told.workouts.known, told.raw_records["created"]) == (0, 0, 10, 0)
    assert (told.sleep_sessions, told.metric_days) == (0, 0)
    assert (told.workouts.first, told.workouts.last) == (date(2026, 3, 2), date(2026, 3, 29))


def later_export() -> bytes:
    """The next month's export of the same person: everything again, in other memory, and one month more."""
    april = DAY + timedelta(days=30)
    return zipped(
        export(a_month(), a_month(april), date=datetime(2026, 5, 3, tzinfo=UTC)),
        {**routes_of_a_month(), **routes_of_a_month(april)},
    )


def test_next_months_export_adds_only_what_is_new(user: User) -> None:
    bring(user, zipped(export(a_month()), routes_of_a_month()))
    before = set(SourceActivity.objects.values_list("pk", "streams_sha256"))

    told = report(bring(user, later_export()))

    assert (told.workouts.new, told.workouts.updated, told.workouts.known) == (10, 0, 10)
    assert {line.kind: (line.new, line.known) for line in told.metrics if line.kind == "steps"} == {"steps": (90, 90)}
    assert before <= set(SourceActivity.objects.values_list("pk", "streams_sha256"))


def test_the_order_of_imports_does_not_matter(user: User) -> None:
    march, both = zipped(export(a_month()), routes_of_a_month()), later_export()
    other = UserFactory()

    bring(user, march)
    bring(user, both)
    bring(other, both)
    bring(other, march)

    assert differences(everything(user), everything(other)) == []


def test_an_old_export_imported_late_does_not_win(user: User) -> None:
    start = DAY + timedelta(hours=17)
    bring(user, export(workout(start, metres=5200), date=datetime(2026, 5, 1, tzinfo=UTC)), "new.xml")

    told = report(bring(user, export(workout(start, metres=5000), date=datetime(2026, 4, 1, tzinfo=UTC)), "old.xml"))

    assert SourceActivity.objects.get().distance_m == 5200.0
    assert Activity.objects.get().distance_m == 5200.0
    assert told.source_activities == {"created": 0, "updated": 0, "unchanged": 0}
    assert RawRecord.objects.filter(kind="workout").count() == 2


def test_a_workout_that_was_edited_is_updated_under_the_same_ids(user: User) -> None:
    start = DAY + timedelta(hours=17)
    bring(user, export(pulse(start, 150), workout(start, metres=5000)), "old.xml")
    before = Activity.objects.values("pk", "primary").get()

    edited = export(pulse(start, 150), workout(start, metres=5200), date=datetime(2026, 5, 1, tzinfo=UTC))
    told = report(bring(user, edited, "new.xml"))

    assert Activity.objects.values("pk", "primary").get() == before
    assert Activity.objects.get().distance_m == 5200.0
    assert SourceActivity.objects.get().streams == {"heart_rate": 1}
    assert told.workouts == Workouts(updated=1, first=date(2026, 3, 2), last=date(2026, 3, 2))


def test_a_route_that_comes_later_reaches_its_workout(user: User) -> None:
    start = DAY + timedelta(hours=17)
    xml = export(workout(start, route=route_of(start)))
    bring(user, xml, "export.xml")

    bring(user, zipped(xml, {route_of(start).lstrip("/"): gpx(start)}))

    assert SourceActivity.objects.get().streams == {"altitude": 30, "latitude": 30, "longitude": 30, "speed": 30}


def test_one_athlete_s_import_leaves_another_s_account_untouched(user: User) -> None:
    other = UserFactory()
    bring(other, zipped(export(a_month()), routes_of_a_month()))
    before = everything(other)

    take_back(bring(user, later_export()))

    assert differences(everything(other), before) == []


# --- in slices ------------------------------------------------------------------------------


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    """Batches and checkpoints of a few kilobytes, and a slice for each."""
    provider = PROVIDERS["apple_health"]
    (reader,) = provider.readers
    assert isinstance(reader, ExportReader)
    small = replace(provider, readers=(replace(reader, block_bytes=4096, batch_bytes=20_000),))
    monkeypatch.setitem(PROVIDERS, "apple_health", small)
    monkeypatch.setattr(imports, "CHECKPOINT_BYTES", 1)
    settings.RUN_SLICE_S = 0


def test_an_import_in_many_slices_brings_what_it_brings_in_one(user: User, small_steps: None) -> None:
    data, other = zipped(export(a_month()), routes_of_a_month()), UserFactory()
    sliced = imports.receive(user, name="export.zip", source=io.BytesIO(data), run_now=True)
    run = sliced.runs.get()
    while run.state in runs.OPEN:
        runs.work(run.pk)
        run.refresh_from_db()
    whole = bring(other, data)
    sliced.refresh_from_db()

    assert run.slices > 10
    assert differences(everything(user), everything(other)) == []
    clocks = {"seconds", "mb_per_s"}
    told = [{name: it.report[name] for name in it.report if name not in clocks} for it in (sliced, whole)]
    assert told[0] == told[1]


def test_cancel_stops_the_reading_and_makes_what_was_read_whole(user: User, small_steps: None) -> None:
    import_file = imports.receive(user, name="e.zip", source=io.BytesIO(zipped(export(a_month()))), run_now=True)
    run = import_file.runs.get()
    for _ in range(3):
        runs.work(run.pk)
    assert imports.can_cancel(import_file)

    imports.cancel(import_file)
    assert not imports.can_cancel(import_file)
    through(import_file)

    told = report(import_file)
    assert (import_file.state, told.cancelled) == ("cancelled", True)
    assert 0 < told.samples < 1000
    counted = {line.kind: line.new for line in told.metrics}
    assert counted["heart_rate"] == sum(it.detail["count"] for it in DailyMetric.objects.filter(metric="heart_rate"))
    take_back(import_file)
    assert differences(everything(user), everything(UserFactory())) == []


def test_cancel_before_the_reading_begins_ends_at_once(user: User) -> None:
    import_file = imports.receive(user, name="export.zip", source=io.BytesIO(zipped(export(pulse(DAY, 60)))))

    imports.cancel(import_file)

    assert (import_file.state, SyncRun.objects.get().state) == ("cancelled", "cancelled")
    assert imports.can_roll_back(import_file)


# --- rolling back ---------------------------------------------------------------------------


@pytest.mark.parametrize("taken", [0, 1], ids=["the first", "the second"])
@pytest.mark.parametrize("swapped", [False, True], ids=["old first", "new first"])
def test_rolling_one_back_leaves_what_the_other_alone_would_have_brought(user: User, taken: int, swapped: bool) -> None:
    files = [zipped(export(a_month()), routes_of_a_month()), later_export()]
    if swapped:
        files.reverse()
    brought = [bring(user, data) for data in files]
    other = UserFactory()
    bring(other, files[1 - taken])

    import_file = take_back(brought[taken])

    assert import_file.state == "rolled_back"
    assert differences(everything(user), everything(other)) == []


def test_rolling_back_everything_leaves_nothing_and_it_can_be_brought_again(user: User) -> None:
    data = zipped(export(a_month()), routes_of_a_month())
    brought = bring(user, data)
    before = everything(user)

    take_back(brought)
    empty = everything(user)
    bring(user, data)

    assert differences(empty, everything(UserFactory())) == []
    assert differences(everything(user), before) == []


def test_rolling_back_in_many_slices_does_the_same(user: User, small_steps: None) -> None:
    data = zipped(export(a_month()), routes_of_a_month())
    import_file = bring(user, data)

    imports.roll_back(import_file)
    run = import_file.runs.get(kind="rollback")
    while run.state in runs.OPEN:
        runs.work(run.pk)
        run.refresh_from_db()

    import_file.refresh_from_db()
    assert (import_file.state, run.state) == ("rolled_back", "finished")
    assert run.slices > 3
    assert differences(everything(user), everything(UserFactory())) == []


def test_the_same_bytes_brought_twice_stay_until_both_are_rolled_back(user: User) -> None:
    data = zipped(export(a_month()), routes_of_a_month())
    first, second = bring(user, data), bring(user, data)
    other = UserFactory()
    bring(other, data)

    take_back(first)
    after_one = everything(user)
    take_back(second)

    assert differences(after_one, everything(other)) == []
    assert differences(everything(user), everything(UserFactory())) == []


def test_roll_back_waits_for_the_reading_and_may_be_asked_twice(user: User) -> None:
    import_file = imports.receive(user, name="export.zip", source=io.BytesIO(zipped(export(pulse(DAY, 60)))))
    with pytest.raises(imports.NotNow, match=r"export\.zip is still being read"):
        imports.roll_back(import_file)

    through(import_file)
    imports.roll_back(import_file)
    imports.roll_back(import_file)

    assert SyncRun.objects.filter(kind="rollback").count() == 1


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
def test_three_overlapping_imports_in_any_order_less_one_are_the_other_two(user: User, order: tuple[int, ...]) -> None:
    april = DAY + timedelta(days=20)
    files = [
        zipped(export(a_month(days=15)), routes_of_a_month(days=15)),
        zipped(export(a_month(april, 15), date=datetime(2026, 4, 10, tzinfo=UTC)), routes_of_a_month(april, 15)),
        zipped(export(a_month(), rings("2026-03-02", move=500), date=datetime(2026, 5, 2, tzinfo=UTC))),
    ]
    other = UserFactory()
    for number in (0, 2):
        bring(other, files[number])

    brought = {number: bring(user, files[number]) for number in order}
    take_back(brought[1])

    assert differences(everything(user), everything(other)) == []


# --- bad files ------------------------------------------------------------------------------


def cut(data: bytes, share: float) -> bytes:
    return data[: int(len(data) * share)]


def bomb() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("apple_health_export/export.xml", export(pulse(DAY, 60)))
        archive.writestr("apple_health_export/workout-routes/big.gpx", b"<gpx>" + b" " * (40 << 20))
    return target.getvalue()


def traversal() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("apple_health_export/export.xml", export(pulse(DAY, 60)))
        archive.writestr("../../../etc/evil.gpx", gpx(DAY))
    return target.getvalue()


LAUGHS = b"""<?xml version="1.0"?>
<!DOCTYPE HealthData [
 <!ENTITY a "ha"> <!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"> <!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">
 <!ENTITY evil SYSTEM "file:///etc/passwd">
]>
<HealthData locale="en"><Record type="HKQuantityTypeIdentifierHeartRate" sourceName="&c;&evil;" unit="count/min"
 startDate="2026-03-02 10:00:00 +0000" endDate="2026-03-02 10:00:00 +0000" value="61"/></HealthData>"""


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("empty.zip", b""),
        ("photo export.zip", JPEG),
        ("letters.txt", b"Dear diary"),
        ("broken.zip", b"PK\x03\x04" + bytes(40)),
        ("other.xml", b"<?xml version='1.0'?><html><body/></html>"),
    ],
)
def test_a_file_that_nobody_reads_fails_with_its_name_and_is_kept(user: User, name: str, data: bytes) -> None:
    bring(user, zipped(export(pulse(DAY, 60))))

    import_file = bring(user, data, name)

    told = report(import_file)
    assert import_file.state == "failed"
    assert [problem.path for problem in told.problems] == [name]
    assert name in told.problems[0].message
    assert read_raw(user.pk, import_file.sha256) == data
    assert SampleChunk.objects.count() == 1
    assert take_back(import_file).state == "rolled_back"
    assert not RawRecord.objects.filter(kind="file").exists()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("cut.zip", cut(zipped(export(a_month(days=20)), compression=zipfile.ZIP_STORED), 0.5)),
        ("cut.xml", cut(export(a_month(days=20)), 0.5)),
        ("bomb.zip", bomb()),
        ("traversal.zip", traversal()),
    ],
)
def test_a_damaged_file_brings_what_can_be_read_and_says_what_cannot(user: User, name: str, data: bytes) -> None:
    import_file = bring(user, data, name)

    told = report(import_file)
    assert import_file.state == "finished"
    assert told.samples > 0
    assert any(name in problem.path or name in problem.message for problem in told.problems)
    assert all(line.read == line.new + line.known + line.unreadable for line in told.elements)


def test_entities_are_neither_expanded_nor_fetched(user: User) -> None:
    import_file = bring(user, LAUGHS, "laughs.xml")

    assert import_file.state == "finished"
    (chunk,) = SampleChunk.objects.all()
    assert (chunk.rows, "ha" in chunk.device.name.replace("&", ""), "root:" in chunk.device.name) == (1, False, False)


def test_text_in_another_encoding_is_read(user: User) -> None:
    xml = export(pulse(DAY, 60)).decode().replace("UTF-8", "UTF-16").replace(WATCH, "Uhr von Ümit")

    told = report(bring(user, xml.encode("utf-16"), "export.xml"))

    assert told.samples == 1
    assert SampleChunk.objects.get().device.name == "Uhr von Ümit"


def test_a_payload_that_no_mapping_can_read_costs_itself_only(user: User) -> None:
    start = DAY + timedelta(hours=17)
    broken = workout(start + timedelta(days=1)).replace(' workoutActivityType="HKWorkoutActivityTypeRunning"', "")

    told = report(bring(user, export(workout(start), broken), "export.xml"))

    assert Activity.objects.count() + told.workouts.unreadable == 2
    assert RawRecord.objects.filter(kind="workout").count() == 2


def test_a_claimed_size_of_ten_gigabytes_is_not_believed(user: User) -> None:
    data = bytearray(zipped(export(pulse(DAY, 60))))
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = (4_000_000_000).to_bytes(4, "little")

    import_file = bring(user, bytes(data))

    assert import_file.state == "finished"
    assert any("export.zip" in problem.path for problem in report(import_file).problems)
    assert report(import_file).samples == 1
