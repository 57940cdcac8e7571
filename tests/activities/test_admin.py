"""What staff see of what was told: everything, exactly, and nothing that they could change."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime
from io import BytesIO
from zipfile import ZipFile

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from activities.models import RawRecord, RawSighting, Reading, SampleChunk, Tombstone
from activities.services.raw import forget_raw, store_raw
from tests.factories.accounts import StaffFactory, UserFactory
from tests.factories.activities import (
    ActivityFactory,
    DailyMetricFactory,
    DeviceFactory,
    LinkDecisionFactory,
    PinFactory,
    RawRecordFactory,
    RetiredActivityFactory,
    SleepSessionFactory,
    SourceActivityFactory,
    SourcePriorityFactory,
    SuggestionFactory,
)
from tests.factories.integrations import ImportFactory
from trainstack.storage import raw_store

pytestmark = pytest.mark.django_db

XML = b'<?xml version="1.0"?>\r\n<Workout duration="31"><Event type="Pause &lt;b&gt;"/></Workout>'
JSON = b'{"id":7,"laps":[{"km":1.50}]}'
HOSTILE = b"<html><script>alert(1)</script></html>"


def zipped() -> bytes:
    file = BytesIO()
    with ZipFile(file, "w") as archive:
        archive.writestr("apple_health_export/export.xml", XML)
    return file.getvalue()


def chunk(device=None) -> SampleChunk:
    device = device or DeviceFactory()
    return SampleChunk.objects.create(
        user=device.user, provider="apple_health", device=device, metric="heart_rate", period="month",
        start=datetime(2026, 5, 1, tzinfo=UTC).date(), sha256="a" * 64, rows=3, size_bytes=9,
        first_at=datetime(2026, 5, 1, tzinfo=UTC), last_at=datetime(2026, 5, 2, tzinfo=UTC), origins=[[1]],
    )  # fmt: skip


def reading() -> Reading:
    raw = RawRecordFactory()
    return Reading.objects.create(user=raw.user, raw=raw, mapping_version=1, problem="no start")


def sighting() -> RawSighting:
    return RawRecordFactory(import_file=ImportFactory()).sightings.get()


def tombstone() -> Tombstone:
    raw = RawRecordFactory()
    forget_raw(RawRecord.objects.filter(pk=raw.pk))
    return Tombstone.objects.get(sha256=raw.sha256)


MAKERS = {
    "rawrecord": lambda: RawRecordFactory(import_file=ImportFactory()),
    "rawsighting": sighting,
    "reading": reading,
    "tombstone": tombstone,
    "activity": lambda: SourceActivityFactory().activity,
    "sourceactivity": SourceActivityFactory,
    "linkdecision": LinkDecisionFactory,
    "pin": PinFactory,
    "retiredactivity": RetiredActivityFactory,
    "sourcepriority": SourcePriorityFactory,
    "suggestion": SuggestionFactory,
    "sleepsession": SleepSessionFactory,
    "dailymetric": lambda: DailyMetricFactory(device=DeviceFactory()),
    "device": DeviceFactory,
    "samplechunk": chunk,
}
every_model = pytest.mark.parametrize(("model", "make"), MAKERS.items(), ids=MAKERS.keys())


@pytest.fixture
def staff(client):
    client.force_login(StaffFactory())
    return client


def page(name: str, row=None, model: str = "rawrecord", **query) -> str:
    return reverse(f"admin:activities_{model}_{name}", args=[row.pk] if row else [], query=query or None)


def found(client, **query) -> list[int]:
    answer = client.get(page("changelist", **query))
    assert answer.status_code == 200
    return [row.pk for row in answer.context["cl"].result_list]


def body(answer) -> bytes:
    return b"".join(answer.streaming_content)


# --- who may ----------------------------------------------------------------------------------
@every_model
def test_admin_pages_are_for_staff(client, model, make):
    row = make()
    addresses = [page("changelist", model=model), page("change", row, model)]
    client.force_login(UserFactory())
    assert [client.get(address).status_code for address in addresses] == [302, 302]
    client.force_login(UserFactory(is_staff=True))  # staff without any permission
    assert [client.get(address).status_code for address in addresses] == [403, 403]
    client.force_login(StaffFactory())
    assert [client.get(address).status_code for address in addresses] == [200, 200]


@every_model
def test_admin_adds_changes_and_deletes_nothing(staff, model, make):
    row = make()
    before = type(row)._default_manager.values().get(pk=row.pk)
    posts = {
        page("add", model=model): {},
        page("change", row, model): {"provider": "other", "name": "other", "_save": "Save"},
        page("delete", row, model): {"post": "yes"},
    }

    codes = [staff.post(address, data).status_code for address, data in posts.items()]
    staff.post(
        page("changelist", model=model), {"action": "delete_selected", "_selected_action": row.pk, "post": "yes"}
    )

    assert codes == [403, 403, 403]
    assert type(row)._default_manager.values().get(pk=row.pk) == before


@pytest.mark.parametrize("view", ["payload", "beside"])
def test_payloads_are_for_staff_who_may_look(client, view):
    record = RawRecordFactory()
    address = reverse(f"admin:activities_rawrecord_{view}", args=[record.pk] + [record.pk] * (view == "beside"))

    answers = [client.get(address).status_code]
    for user in (record.user, UserFactory(is_staff=True), StaffFactory()):
        client.force_login(user)
        answers.append(client.get(address).status_code)

    assert answers == [302, 302, 403, 200]


def test_log_in_is_the_one_of_the_portal(client):
    answer = client.get(reverse("admin:login"), {"next": "/admin/"})

    assert (answer.status_code, answer.url) == (302, "/accounts/login/?next=%2Fadmin%2F")


# --- lists ------------------------------------------------------------------------------------
@every_model
def test_lists_need_as_many_queries_for_three_rows_as_for_one(staff, model, make):
    make()
    staff.get(page("changelist", model=model))  # fills what is kept for the process
    with CaptureQueriesContext(connection) as one:
        staff.get(page("changelist", model=model))
    make(), make()
    with CaptureQueriesContext(connection) as three:
        answer = staff.get(page("changelist", model=model))

    assert len(answer.context["cl"].result_list) == 3
    assert len(three) == len(one)


@every_model
def test_pages_hold_nothing_that_the_policy_forbids(staff, model, make):
    row = make()
    for address in (page("changelist", model=model), page("change", row, model), reverse("admin:index")):
        html = staff.get(address).content.decode()
        assert re.findall(r"<script(?![^>]*\bsrc=)", html) == []
        assert re.findall(r"<style|\sstyle=|\son[a-z]+=", html) == []
        assert "TrainStack staff" in html


def test_raw_records_are_found_by_user_provider_kind_date_id_and_hash(staff):
    anna = UserFactory(email="anna@example.com")
    run = RawRecordFactory(user=anna, external_id="run 1", data=b"run")
    route = RawRecordFactory(user=anna, kind="route", external_id="routes/r1.gpx", data=b"route")
    other = RawRecordFactory(provider="tempo", external_id="other", data=b"other")
    sha = hashlib.sha256(b"route").hexdigest()
    today = timezone.now()

    assert found(staff) == [other.pk, route.pk, run.pk]
    assert found(staff, q="ANNA@example") == [route.pk, run.pk]
    assert found(staff, q="routes/") == [route.pk]
    assert found(staff, q='"run 1"') == [run.pk]
    assert found(staff, q="anna@example.com routes") == [route.pk]
    assert found(staff, q=sha) == found(staff, q=sha[:12].upper()) == [route.pk]
    assert found(staff, q="nobody@example.com") == found(staff, q="f" * 64) == found(staff, q="100%") == []
    assert found(staff, user_email="anna") == found(staff, user=anna.pk) == [route.pk, run.pk]
    assert found(staff, provider="tempo") == [other.pk]
    assert found(staff, kind="route", user_email="anna") == [route.pk]
    assert found(staff, fetched_at__year=today.year, fetched_at__month=today.month) == [other.pk, route.pk, run.pk]
    assert found(staff, fetched_at__year=today.year - 1) == []


def test_raw_records_are_found_by_how_they_were_read(staff):
    well, badly, unread = RawRecordFactory.create_batch(3)
    Reading.objects.create(user=well.user, raw=well, mapping_version=1)
    Reading.objects.create(user=badly.user, raw=badly, mapping_version=1, problem="no start")

    assert found(staff, reading="well") == [well.pk]
    assert found(staff, reading="problem") == [badly.pk]
    assert found(staff, reading="none") == [unread.pk]


def test_raw_records_of_an_import_are_those_that_it_told(staff):
    first, second = ImportFactory.create_batch(2)
    for import_file in (first, second):
        both = RawRecordFactory(user=first.user, external_id="both", data=b"both", import_file=import_file)
    RawRecordFactory(user=first.user, import_file=first)

    assert found(staff, sightings__import_file=second.pk) == [both.pk]


# --- one record -------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("data", "content_type", "name"),
    [
        (XML, "application/xml", "xml"),
        (JSON, "application/json", "json"),
        (zipped(), "application/zip", "zip"),
        (b"", "text/plain", "txt"),
        (b"\x28\xb5\x2f\xfd like ours", "application/octet-stream", "bin"),
    ],
    ids=["xml", "json", "zip", "empty", "zstd"],
)
def test_download_is_exactly_what_came(staff, data, content_type, name):
    record = RawRecordFactory(data=data, content_type=content_type)

    answer = staff.get(page("payload", record))
    downloaded = body(answer)

    assert hashlib.sha256(downloaded).hexdigest() == record.sha256
    assert downloaded == data
    assert answer.streaming
    assert {key: answer[key] for key in ("Content-Type", "Content-Disposition", "X-Content-Type-Options")} == {
        "Content-Type": content_type,
        "Content-Disposition": f'attachment; filename="apple_health-workout-{record.pk}.{name}"',
        "X-Content-Type-Options": "nosniff",
    }
    assert answer["Content-Length"] == str(len(data))


def test_download_never_takes_a_strange_content_type_for_granted(staff):
    record = RawRecordFactory(content_type='text/html"\t<b>')

    assert staff.get(page("payload", record))["Content-Type"] == "application/octet-stream"


def test_download_says_when_the_payload_is_missing(staff):
    record = RawRecordFactory()
    raw_store().delete(record.storage_key)

    assert staff.get(page("payload", record)).status_code == 404
    assert "The payload is not in the storage." in staff.get(page("change", record)).content.decode()
    assert staff.get(reverse("admin:activities_rawrecord_payload", args=[0])).status_code == 404


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (XML, "&lt;Workout duration=&quot;31&quot;&gt;\n  &lt;Event type=&quot;Pause &amp;lt;b&amp;gt;&quot;/&gt;\n"),
        (JSON, "{\n  &quot;id&quot;: 7,\n  &quot;laps&quot;: [\n    {\n      &quot;km&quot;: 1.50\n"),
        (zipped(), "<td>apple_health_export/export.xml</td>"),
        (b"plain words", ">plain words</pre>"),
        (HOSTILE, "&lt;script&gt;alert(1)&lt;/script&gt;"),
        (b"", "No bytes at all."),
    ],
    ids=["xml", "json", "zip", "text", "hostile", "empty"],
)
def test_payload_is_shown_for_people_and_never_runs(staff, data, shown):
    html = staff.get(page("change", RawRecordFactory(data=data))).content.decode()

    assert shown in html
    assert "<script>alert" not in html


def test_record_leads_to_its_activity_and_back(staff):
    source = SourceActivityFactory()
    SleepSessionFactory(user=source.user, raw=source.raw)
    record_page = staff.get(page("change", source.raw)).content.decode()
    source_page = staff.get(page("change", source, "sourceactivity")).content.decode()
    activity_page = staff.get(page("change", source.activity, "activity")).content.decode()

    for row, model in [
        (source, "sourceactivity"),
        (source.activity, "activity"),
        (source.raw.sleep_sessions.get(), "sleepsession"),
    ]:
        assert f'href="{page("change", row, model)}"' in record_page
    assert f'href="{page("change", source.raw)}"' in source_page
    assert f'href="{page("change", source.activity, "activity")}"' in source_page
    assert f'href="{page("change", source, "sourceactivity")}' in activity_page
    assert f'href="{page("change", source.raw)}"' in activity_page


def test_versions_stand_side_by_side_with_their_sightings(staff):
    user = UserFactory()
    first, second = ImportFactory.create_batch(2, user=user)
    old, new = (
        store_raw(user, "tempo", "workout", "7", data, "application/json", import_file=it, stated_at=stated)[0]
        for data, it, stated in [
            (b'{"km":1,"bpm":150}', first, datetime(2026, 1, 1, tzinfo=UTC)),
            (b'{"km":2,"bpm":150}', second, datetime(2026, 2, 1, tzinfo=UTC)),
        ]
    )

    html = staff.get(page("change", old)).content.decode()
    answer = staff.get(reverse("admin:activities_rawrecord_beside", args=[new.pk, old.pk]))

    assert [version.pk for version in staff.get(page("change", old)).context["versions"]] == [new.pk, old.pk]
    assert f'href="{page("change", new)}"' in html
    assert f'href="{reverse("admin:activities_rawrecord_beside", args=[new.pk, old.pk])}"' in html
    assert f'href="{reverse("admin:integrations_import_change", args=[first.pk])}"' in html
    assert [(row.left, row.right, row.differs) for row in answer.context["rows"]] == [
        ("{", "{", False),
        ('  "km": 2,', '  "km": 1,', True),
        ('  "bpm": 150', '  "bpm": 150', False),
        ("}", "}", False),
    ]
    stranger = RawRecordFactory()
    assert staff.get(reverse("admin:activities_rawrecord_beside", args=[new.pk, stranger.pk])).status_code == 404


def test_record_page_shows_json_fields_and_bears_many_versions(staff):
    user = UserFactory()
    for number in range(60):
        record, _ = store_raw(user, "tempo", "workout", "7", json.dumps(number).encode(), "application/json")
    source = SourceActivityFactory(user=user, extra={"weather": {"temp": 12}})

    with CaptureQueriesContext(connection) as queries:
        answer = staff.get(page("change", record))

    assert len(answer.context["versions"]) == 50
    assert len(queries) < 20
    assert "&quot;temp&quot;: 12" in staff.get(page("change", source, "sourceactivity")).content.decode()


def test_device_page_shows_its_newest_chunks_only(staff):
    mine, theirs = chunk(), chunk()

    html = staff.get(page("change", mine.device, "device")).content.decode()

    assert page("change", mine, "samplechunk") in html
    assert page("change", theirs, "samplechunk") not in html


def test_every_model_of_activities_is_there_and_read_only():
    registered = {model._meta.model_name for model in admin.site._registry if model._meta.app_label == "activities"}

    assert registered == set(MAKERS)


def test_activity_without_source_is_shown(staff):
    assert staff.get(page("change", ActivityFactory(), "activity")).status_code == 200
