from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from rest_framework.test import APIClient

from activities.models import RawRecord
from integrations.models import Connection, Import, SyncRun
from integrations.registry import PROVIDERS
from integrations.selectors import Progress, latest_run, progress_of
from tests.factories.accounts import UserFactory
from tests.factories.integrations import (
    ConnectionFactory,
    ConnectionRunFactory,
    ImportFactory,
    OpenAskFactory,
    SyncRunFactory,
)
from tests.integrations.consenting import connect
from trainstack.storage import read_raw

pytestmark = pytest.mark.django_db

URL = "/api/v1/imports/"
EXPORT = b"""<?xml version="1.0" encoding="UTF-8"?>
<HealthData locale="en_GB">
 <ExportDate value="2026-03-03 08:15:02 +0100"/>
 <Record type="HKQuantityTypeIdentifierBodyMass" sourceName="Scale" unit="kg"
  startDate="2026-03-02 07:00:00 +0100" endDate="2026-03-02 07:00:00 +0100" value="61.5"/>
</HealthData>
"""


def api(user) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


def bring(user, data: bytes = EXPORT, name: str = "export.xml"):
    return api(user).post(URL, {"file": SimpleUploadedFile(name, data)}, format="multipart")


# --- bringing a file ----------------------------------------------------------------------------


def test_import_is_taken_in_kept_and_queued():
    user = UserFactory()

    response = bring(user)

    import_file = Import.objects.get()
    assert (response.status_code, response["Location"]) == (202, f"http://testserver{URL}{import_file.pk}/")
    told = response.json()
    assert (told["progress"]["done"], told["progress"]["error"]) == (0, "")
    assert {name: told[name] for name in ("id", "name", "sha256", "size_bytes", "provider", "brought_by", "state")} == {
        "id": import_file.pk,
        "name": "export.xml",
        "sha256": hashlib.sha256(EXPORT).hexdigest(),
        "size_bytes": len(EXPORT),
        "provider": "apple_health",
        "brought_by": "api",
        "state": "waiting",
    }
    assert api(user).get(response["Location"]).json() == told
    assert read_raw(user.pk, RawRecord.objects.get(kind="export").sha256) == EXPORT
    assert [(run.kind, run.state) for run in import_file.runs.all()] == [("import", "queued")]


def test_import_of_the_same_bytes_while_they_are_read_is_the_same_import():
    user = UserFactory()

    first, second = bring(user), bring(user)

    assert (second.status_code, second["Location"]) == (202, first["Location"])
    assert Import.objects.count() == 1


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff\xe0 a picture"], ids=["empty", "a picture"])
def test_import_that_nobody_can_read_is_one_that_failed_and_says_why(data):
    response = bring(UserFactory(), data, "export.zip")

    told = response.json()
    assert (response.status_code, told["state"]) == (202, "failed")
    assert "export.zip" in told["report"]["problems"][0]["message"]


def test_import_takes_whose_the_files_are():
    user = UserFactory()

    taken = api(user).post(URL, {"file": SimpleUploadedFile("a.zip", EXPORT), "provider": "coros"}, format="multipart")
    refused = api(user).post(URL, {"file": SimpleUploadedFile("b.zip", b"x"), "provider": "me"}, format="multipart")

    assert (taken.status_code, taken.json()["chosen_provider"]) == (202, "coros")
    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["provider"])
    assert Import.objects.count() == 1


def test_import_without_a_file_is_refused():
    response = api(UserFactory()).post(URL, {}, format="multipart")

    assert (response.status_code, response.json()["errors"]) == (400, {"file": ["No file was submitted."]})
    assert Import.objects.count() == 0


@pytest.mark.parametrize("body", [2_000, 200_000], ids=["file too large", "body too large"])
def test_import_larger_than_the_limit_is_refused(settings, body):
    settings.IMPORT_MAX_UPLOAD_BYTES = 1_000

    response = bring(UserFactory(), b"x" * body)

    assert (response.status_code, response["Content-Type"]) == (413, "application/problem+json")
    assert Import.objects.count() == 0


def test_import_with_a_session_needs_the_csrf_token(settings):
    user = UserFactory()
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    client.cookies["csrftoken"] = "a" * 32

    refused = client.post(URL, {"file": SimpleUploadedFile("export.xml", EXPORT)})
    assert (refused.status_code, Import.objects.count()) == (403, 0)

    in_form = {"file": SimpleUploadedFile("export.xml", EXPORT), "csrfmiddlewaretoken": "a" * 32}
    assert client.post(URL, in_form).status_code == 202
    in_header = client.post(URL, {"file": SimpleUploadedFile("a", b"a")}, headers={"x-csrftoken": "a" * 32})
    assert in_header.status_code == 202


# --- stopping and taking back -------------------------------------------------------------------


def test_import_is_cancelled_and_then_there_is_nothing_to_cancel():
    user = UserFactory()
    location = bring(user)["Location"]

    response = api(user).post(f"{location}cancel/")

    assert (response.status_code, response["Location"]) == (202, location)
    run = SyncRun.objects.get()
    assert run.cancel_requested or run.state == SyncRun.State.CANCELLED
    again = api(user).post(f"{location}cancel/")
    assert (again.status_code, again["Content-Type"]) == (409, "application/problem+json")
    assert again.json() == {
        "type": "about:blank",
        "title": "Conflict",
        "status": 409,
        "detail": "This import is not being read.",
    }


def test_import_is_rolled_back_only_once_it_has_been_read():
    user = UserFactory()
    reading = ImportFactory(user=user, state=Import.State.READING)
    SyncRunFactory(import_file=reading, state=SyncRun.State.RUNNING)

    refused = api(user).post(f"{URL}{reading.pk}/roll-back/")

    assert (refused.status_code, refused.json()["detail"]) == (
        409,
        f"{reading.name} is still being read. Cancel it first.",
    )

    finished = ImportFactory(user=user, state=Import.State.FINISHED)
    for _ in range(2):
        accepted = api(user).post(f"{URL}{finished.pk}/roll-back/")
        assert (accepted.status_code, accepted.json()["state"]) == (202, "rolling_back")
    assert [run.kind for run in finished.runs.all()] == ["rollback"]


# --- watching -----------------------------------------------------------------------------------


def test_import_tells_the_progress_of_its_latest_run():
    import_file = ImportFactory(state=Import.State.READING, report={"samples": 7})
    at = datetime(2026, 5, 2, 7, 30, tzinfo=UTC)
    SyncRunFactory(import_file=import_file, created_at=at + timedelta(minutes=1), done=300, total=900, busy_s=2.0,
                   state=SyncRun.State.RUNNING, doing="Reading export.xml")  # fmt: skip
    SyncRunFactory(import_file=import_file, created_at=at, done=1, total=1, state=SyncRun.State.FAILED, error="x")

    told = api(import_file.user).get(f"{URL}{import_file.pk}/").json()

    assert (told["state"], told["report"]) == ("reading", {"samples": 7})
    assert told["progress"] == {
        "doing": "Reading export.xml",
        "done": 300,
        "total": 900,
        "ratio": 300 / 900,
        "per_second": 150.0,
        "seconds_left": 4.0,
        "error": "",
    }


@pytest.mark.parametrize(
    ("run", "told"),
    [
        ({}, Progress("", 0, 0, None, None, None, "")),
        ({"state": "running", "total": 10, "busy_s": 1.0}, Progress("", 0, 10, 0.0, None, None, "")),
        ({"state": "running", "done": 12, "total": 10, "busy_s": 3.0}, Progress("", 12, 10, 1.0, 4.0, 0.0, "")),
        ({"state": "finished", "done": 10, "total": 10, "busy_s": 5.0}, Progress("", 10, 10, 1.0, 2.0, None, "")),
        ({"state": "finished"}, Progress("", 0, 0, 1.0, None, None, "")),
        ({"state": "failed", "done": 5, "total": 10, "error": "No."}, Progress("", 5, 10, 0.5, None, None, "No.")),
    ],
    ids=["queued", "just begun", "more than expected", "finished", "finished without steps", "failed"],
)
def test_progress_of_a_run(run, told):
    assert progress_of(SyncRunFactory(**run)) == told


def test_latest_run_of_an_import_without_runs_is_none():
    assert latest_run(ImportFactory()) is None
    assert api((import_file := ImportFactory()).user).get(f"{URL}{import_file.pk}/").json()["progress"] is None


def test_sync_run_tells_its_state_and_not_the_workers_notes():
    run = SyncRunFactory(cursor={"secret": 1}, leased_by="worker", counts={"Record": 3})

    told = api(run.user).get(f"/api/v1/sync-runs/{run.pk}/").json()

    assert told.pop("progress")["done"] == 0
    assert told == {
        "id": run.pk,
        "kind": "import",
        "import_file": run.import_file_id,
        "connection": None,
        "trigger": "",
        "state": "queued",
        "created_at": run.created_at.isoformat().replace("+00:00", "Z"),
        "started_at": None,
        "finished_at": None,
        "waits_until": None,
        "busy_s": 0.0,
        "counts": {"Record": 3},
    }


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(("path", "queries"), [("imports", 2), ("sync-runs", 1)])
def test_list_costs_the_same_for_one_row_and_for_three(path, queries, rows, django_assert_num_queries):
    user = UserFactory()
    for _ in range(rows):
        run = SyncRunFactory(import_file__user=user, state=SyncRun.State.RUNNING)
        Import.objects.filter(pk=run.import_file_id).update(state=Import.State.READING)
    client = api(user)

    with django_assert_num_queries(queries):
        told = client.get(f"/api/v1/{path}/").json()["results"]

    assert len(told) == rows


def test_lists_are_newest_first():
    user = UserFactory()
    at = datetime(2026, 5, 2, 7, 30, tzinfo=UTC)
    made = [ImportFactory(user=user, created_at=at + timedelta(days=day)).pk for day in (1, 3, 2)]
    runs = [
        SyncRunFactory(import_file=Import.objects.get(pk=pk), created_at=at + timedelta(days=day)).pk
        for pk, day in zip(made, (1, 3, 2), strict=True)
    ]

    def found(path):
        return [row["id"] for row in api(user).get(f"/api/v1/{path}/").json()["results"]]

    assert found("imports") == [made[1], made[2], made[0]]
    assert found("sync-runs") == [runs[1], runs[2], runs[0]]


# --- connections --------------------------------------------------------------------------------

CONNECTIONS = "/api/v1/connections/"


def test_connection_tells_how_it_fares_and_no_credentials():
    network = PROVIDERS["strava"].network
    allowed = [scope.name for scope in network.oauth.scopes if scope.required]
    row = ConnectionFactory(credentials=b"very secret token", scopes=allowed, problem="It hangs.")
    OpenAskFactory(connection=row)
    OpenAskFactory(connection=row, failed_at=row.connected_at)
    run = ConnectionRunFactory(connection=row, state="failed", error="No answer.", trigger="webhook")

    answer = api(row.user).get(f"{CONNECTIONS}{row.pk}/")

    told = answer.json()
    assert b"very secret" not in answer.content
    assert (told["run"]["id"], told["run"]["trigger"], told["run"]["progress"]["error"]) == (
        run.pk,
        "webhook",
        "No answer.",
    )
    assert [scope["name"] for scope in told["granted"]] == allowed
    assert {scope["name"] for scope in told["granted"] + told["missing"]} == {one.name for one in network.oauth.scopes}
    names = (
        "id",
        "provider",
        "account_id",
        "state",
        "problem",
        "remedy",
        "open_requests",
        "failed_requests",
        "webhooks",
    )
    assert {name: told[name] for name in names} == {
        "id": row.pk,
        "provider": "strava",
        "account_id": row.account_id,
        "state": "active",
        "problem": "It hangs.",
        "remedy": "retry",
        "open_requests": 1,
        "failed_requests": 1,
        "webhooks": "off",
    }


@pytest.mark.parametrize("rows", [1, 3])
def test_list_of_connections_costs_the_same_for_one_and_for_three(rows, django_assert_num_queries):
    user = UserFactory()
    for slug in ("strava", "wahoo", "whoop")[:rows]:
        row = ConnectionFactory(user=user, provider=slug)
        ConnectionRunFactory(connection=row)
        OpenAskFactory(connection=row, failed_at=row.connected_at)
    client = api(user)

    with django_assert_num_queries(5):
        told = client.get(CONNECTIONS).json()["results"]

    assert [one["provider"] for one in told] == ["whoop", "wahoo", "strava"][-rows:]


def test_providers_tells_every_way_in(settings):
    settings.SANDBOX_URL = "http://127.0.0.1:9"
    row = ConnectionFactory()

    told = {one["slug"]: one for one in api(row.user).get(f"{CONNECTIONS}providers/").json()}

    assert told.keys() == PROVIDERS.keys()
    strava, garmin = told["strava"], told["garmin"]
    assert [way["kind"] for way in strava["ways_in"]] == ["oauth2", "file"]
    assert (strava["configured"], strava["connection"]) == (True, row.pk)
    assert strava["connect_url"] == "http://testserver/connections/strava/connect/"
    assert strava["terms"]["only_athlete"] is True
    assert ([way["kind"] for way in garmin["ways_in"]], garmin["connect_url"], garmin["terms"]) == (
        ["file"],
        None,
        None,
    )


def test_providers_tells_what_is_not_configured():
    told = {one["slug"]: one for one in api(UserFactory()).get(f"{CONNECTIONS}providers/").json()}

    assert (told["strava"]["configured"], told["strava"]["connect_url"]) == (False, None)


@pytest.fixture
def connected(user, sandbox, settings) -> Connection:
    """A connection that the sandbox answers, whose first sync is over before it began."""
    settings.SANDBOX_URL = sandbox.url
    row = connect(user, "whoop", sandbox).connection
    row.runs.update(state=SyncRun.State.FINISHED, finished_at=row.connected_at)
    row.asks.all().delete()
    return row


def test_sync_asks_for_news_before_everything_else(connected):
    response = api(connected.user).post(f"{CONNECTIONS}{connected.pk}/sync/")

    run = connected.runs.get(state="queued")
    assert (response.status_code, response.json()["id"], run.trigger) == (202, run.pk, "manual")
    assert response["Location"] == f"http://testserver/api/v1/sync-runs/{run.pk}/"
    assert connected.asks.open().exists()
    runs = api(connected.user).get("/api/v1/sync-runs/", {"connection": connected.pk}).json()["results"]
    assert [row["id"] for row in runs] == [run.pk, connected.runs.get(state="finished").pk]
    assert api(connected.user).get("/api/v1/sync-runs/", {"connection": connected.pk + 1}).json()["results"] == []


@pytest.mark.parametrize("action", ["sync", "try-again"])
def test_connection_that_is_broken_takes_no_requests(action):
    row = ConnectionFactory(state=Connection.State.BROKEN)

    response = api(row.user).post(f"{CONNECTIONS}{row.pk}/{action}/")

    assert (response.status_code, response["Content-Type"]) == (409, "application/problem+json")
    assert not row.runs.exists()


def test_failed_requests_are_told_and_tried_again(connected):
    one, other = OpenAskFactory.create_batch(2, connection=connected, failed_at=connected.connected_at, error="No.")
    client = api(connected.user)

    failed = client.get(f"{CONNECTIONS}{connected.pk}/failed/").json()
    assert sorted(ask["id"] for ask in failed) == [one.pk, other.pk]
    assert {ask["error"] for ask in failed} == {"No."}
    response = client.post(f"{CONNECTIONS}{connected.pk}/try-again/", {"request": one.pk}, format="json")
    assert (response.status_code, response.json()["failed_requests"]) == (202, 1)
    assert list(connected.asks.failed()) == [other]
    assert client.post(f"{CONNECTIONS}{connected.pk}/try-again/").json()["failed_requests"] == 0


def test_a_request_of_somebody_else_is_not_tried_again(connected):
    theirs = OpenAskFactory(failed_at=connected.connected_at)

    response = api(connected.user).post(
        f"{CONNECTIONS}{connected.pk}/try-again/", {"request": theirs.pk}, format="json"
    )

    theirs.refresh_from_db()
    assert (response.status_code, theirs.failed_at is None) == (404, False)


def test_disconnect_revokes_at_the_provider_and_forgets_the_credentials(connected, sandbox):
    response = api(connected.user).post(f"{CONNECTIONS}{connected.pk}/disconnect/", {"data": "keep"}, format="json")

    connected.refresh_from_db()
    told = response.json()
    assert (response.status_code, told["connection"]["state"], told["revoke_problem"]) == (200, "disconnected", "")
    assert bytes(connected.credentials) == b""
    assert [status for method, _, status in sandbox.requests("whoop") if method == "DELETE"] == [204]
    again = api(connected.user).post(f"{CONNECTIONS}{connected.pk}/disconnect/", {"data": "keep"}, format="json")
    assert again.status_code == 409


def test_disconnect_with_delete_has_what_came_removed(connected):
    api(connected.user).post(f"{CONNECTIONS}{connected.pk}/disconnect/", {"data": "delete"}, format="json")

    assert connected.runs.filter(kind=SyncRun.Kind.FORGET).exists()


@pytest.mark.parametrize("body", [{}, {"data": "maybe"}])
def test_disconnect_wants_to_know_what_becomes_of_the_data(body):
    row = ConnectionFactory()

    response = api(row.user).post(f"{CONNECTIONS}{row.pk}/disconnect/", body, format="json")

    row.refresh_from_db()
    assert (response.status_code, list(response.json()["errors"]), row.state) == (400, ["data"], "active")
