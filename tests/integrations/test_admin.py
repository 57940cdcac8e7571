"""Imports and runs as staff see them: why one failed, and how to have it done again."""

from __future__ import annotations

import re
from datetime import date

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from activities.models import RawSighting
from integrations.models import Connection, Import, RateBudget, SyncRun, WebhookRefusal, WebhookSubscription
from tests.factories.accounts import StaffFactory, UserFactory
from tests.factories.activities import RawRecordFactory
from tests.factories.integrations import (
    ConnectionFactory,
    ConnectionRunFactory,
    ImportFactory,
    OpenAskFactory,
    SyncRunFactory,
    WebhookReceiptFactory,
)

pytestmark = pytest.mark.django_db

REPORT = {
    "elements": [{"kind": "Record", "label": "Records", "read": 12345, "new": 12345, "known": 0, "unreadable": 0}],
    "workouts": {"new": 2, "updated": 0},
    "problems": [
        {"path": "export.xml", "message": "Line 7 <b>breaks off</b>.", "count": 1},
        {"path": "export.xml", "message": "Line 9 has no date.", "count": 3},
    ],
    "cancelled": False,
    "files_kept": ["a.pdf", "b.pdf"],
}
MAKERS = {"import": ImportFactory, "syncrun": SyncRunFactory}
both_models = pytest.mark.parametrize(("model", "make"), MAKERS.items(), ids=MAKERS.keys())


@pytest.fixture
def staff(client):
    client.force_login(StaffFactory())
    return client


def page(name: str, model: str, row=None, **query) -> str:
    return reverse(f"admin:integrations_{model}_{name}", args=[row.pk] if row else [], query=query or None)


def found(client, model: str, **query) -> list[int]:
    answer = client.get(page("changelist", model, **query))
    assert answer.status_code == 200
    return [row.pk for row in answer.context["cl"].result_list]


def act(client, address: str, action: str, *rows) -> list[str]:
    """Chooses the action for the rows; what the page then says."""
    answer = client.post(address, {"action": action, "_selected_action": [row.pk for row in rows]}, follow=True)
    return [str(message) for message in answer.context["messages"]]


@both_models
def test_pages_are_for_staff(client, model, make):
    row = make()
    addresses = [page("changelist", model), page("change", model, row)]
    client.force_login(row.user)
    assert [client.get(address).status_code for address in addresses] == [302, 302]
    client.force_login(UserFactory(is_staff=True))
    assert [client.get(address).status_code for address in addresses] == [403, 403]
    client.force_login(StaffFactory())
    assert [client.get(address).status_code for address in addresses] == [200, 200]


@both_models
def test_nothing_is_added_changed_or_deleted(staff, model, make):
    row = make()
    before = type(row).objects.values().get(pk=row.pk)
    posts = {
        page("add", model): {},
        page("change", model, row): {"state": "failed", "_save": "Save"},
        page("delete", model, row): {"post": "yes"},
    }

    assert [staff.post(address, data).status_code for address, data in posts.items()] == [403, 403, 403]
    assert type(row).objects.values().get(pk=row.pk) == before


@both_models
def test_lists_need_as_many_queries_for_three_rows_as_for_one(staff, model, make):
    make()
    staff.get(page("changelist", model))
    with CaptureQueriesContext(connection) as one:
        staff.get(page("changelist", model))
    make(), make()
    with CaptureQueriesContext(connection) as three:
        answer = staff.get(page("changelist", model))

    assert len(answer.context["cl"].result_list) == 3
    assert len(three) == len(one)


@both_models
def test_pages_hold_nothing_that_the_policy_forbids(staff, model, make):
    row = make()
    for address in (page("changelist", model), page("change", model, row)):
        html = staff.get(address).content.decode()
        assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", html) == []


def test_imports_are_found_by_state_user_provider_and_name(staff):
    anna = UserFactory(email="anna@example.com")
    failed = ImportFactory(user=anna, state=Import.State.FAILED, name="broken.zip", provider="")
    fine = ImportFactory(user=anna, state=Import.State.FINISHED)
    other = ImportFactory(provider="tempo", brought_by="api")

    assert found(staff, "import") == [other.pk, fine.pk, failed.pk]
    assert found(staff, "import", state="failed") == [failed.pk]
    assert found(staff, "import", user_email="ANNA", state="finished") == [fine.pk]
    assert found(staff, "import", provider="tempo") == found(staff, "import", brought_by="api") == [other.pk]
    assert found(staff, "import", q="broken") == found(staff, "import", q=failed.sha256[:20]) == [failed.pk]
    assert found(staff, "import", q="anna@example.com") == [fine.pk, failed.pk]


def test_runs_are_found_by_state_user_provider_and_kind(staff):
    anna = UserFactory(email="anna@example.com")
    failed = SyncRunFactory(import_file__user=anna, state=SyncRun.State.FAILED, error="The disk is full.")
    other = SyncRunFactory(import_file__provider="tempo", kind=SyncRun.Kind.ROLLBACK)

    assert found(staff, "syncrun", state="failed") == found(staff, "syncrun", q="disk") == [failed.pk]
    assert found(staff, "syncrun", user_email="anna") == [failed.pk]
    assert found(staff, "syncrun", provider="tempo") == found(staff, "syncrun", kind="rollback") == [other.pk]


def test_import_page_tells_its_report_and_its_errors(staff):
    import_file = ImportFactory(state=Import.State.FAILED, report=REPORT)
    run = SyncRunFactory(import_file=import_file, state=SyncRun.State.FAILED, error="Given up after 3 attempts.")

    html = staff.get(page("change", "import", import_file)).content.decode()
    row = staff.get(page("changelist", "import")).content.decode()

    assert "<td>12,345</td>" in html
    assert "Line 7 &lt;b&gt;breaks off&lt;/b&gt;." in html
    assert "<li>a.pdf</li><li>b.pdf</li>" in html
    assert "Given up after 3 attempts." in html
    assert page("change", "syncrun", run) in html
    assert f"{reverse('admin:activities_rawrecord_changelist')}?sightings__import_file={import_file.pk}" in html
    assert "Line 7 &lt;b&gt;breaks off&lt;/b&gt;. (and 1 more)" in row


def test_import_page_bears_an_import_that_has_no_report_yet(staff):
    html = staff.get(page("change", "import", ImportFactory())).content.decode()

    assert "What came in" in html


def test_failed_run_is_tried_again(staff):
    failed = SyncRunFactory(
        import_file__state=Import.State.FAILED, state=SyncRun.State.FAILED, error="The disk is full.", attempts=4
    )
    finished = SyncRunFactory(state=SyncRun.State.FINISHED)

    said = act(staff, page("changelist", "syncrun"), "retry", failed, finished)

    failed.refresh_from_db()
    assert (failed.state, failed.error, failed.attempts) == (SyncRun.State.QUEUED, "", 0)
    assert sorted(said) == [
        "Queued again: 1.",
        f"import {finished.pk}: finished: Only a run that failed can be tried again.",
    ]


def test_waiting_run_is_cancelled(staff):
    waiting = SyncRunFactory()
    over = SyncRunFactory(state=SyncRun.State.FINISHED)

    said = act(staff, page("changelist", "syncrun"), "cancel", waiting, over)

    waiting.refresh_from_db()
    assert waiting.state == SyncRun.State.CANCELLED
    assert sorted(said) == ["Stopping at the next checkpoint: 1.", f"import {over.pk}: finished: it is over."]


def test_import_is_stopped_and_rolled_back(staff):
    import_file = SyncRunFactory().import_file
    address = page("changelist", "import")

    refused = act(staff, address, "roll_back", import_file)
    stopped = act(staff, address, "cancel", import_file)
    again = act(staff, address, "cancel", import_file)
    rolled_back = act(staff, address, "roll_back", import_file)

    import_file.refresh_from_db()
    assert stopped == ["Stopping at the next checkpoint: 1."]
    assert again == [f"{import_file.name}: there is no reading to stop."]
    assert rolled_back == ["Rolling back: 1."]
    assert len(refused) == 1
    assert "still being read" in refused[0]
    assert import_file.state == Import.State.ROLLING_BACK


def test_chosen_raw_records_are_read_again_one_run_a_user(staff):
    user = UserFactory()
    first, second = RawRecordFactory.create_batch(2, user=user)
    other = RawRecordFactory()
    RawRecordFactory(user=user)

    said = act(staff, reverse("admin:activities_rawrecord_changelist"), "renormalise", first, second, other)

    assert said == ["Queued: 3 records of 2 users."]
    runs = SyncRun.objects.order_by("user").values_list("user", "kind", "cursor__raw_ids")
    assert list(runs) == [
        (user.pk, "renormalise", [first.pk, second.pk]),
        (other.user_id, "renormalise", [other.pk]),
    ]


def test_staff_who_may_only_look_start_nothing(client):
    looker = UserFactory(is_staff=True)
    looker.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(looker)
    raw, run = RawRecordFactory(), SyncRunFactory(state=SyncRun.State.FAILED)

    act(client, reverse("admin:activities_rawrecord_changelist"), "renormalise", raw)
    act(client, page("changelist", "syncrun"), "retry", run)

    assert list(SyncRun.objects.values_list("pk", "state")) == [(run.pk, "failed")]
    assert client.get(reverse("admin:activities_rawrecord_payload", args=[raw.pk])).status_code == 200


# --- connections --------------------------------------------------------------------------------

KEYS = ("connection", "openask", "ratebudget", "webhooksubscription", "webhookreceipt", "webhookrefusal")


def rows_of_connections() -> dict[str, object]:
    """One row for each of the pages that are about connections."""
    return {
        "connection": ConnectionFactory(credentials=b"very secret token", problem="It hangs."),
        "openask": OpenAskFactory(failed_at=timezone.now(), error="No answer."),
        "ratebudget": RateBudget.objects.create(key="strava:900:read", limit=100, used=7, resets_at=timezone.now()),
        "webhooksubscription": WebhookSubscription.objects.create(
            provider="strava", external_id="1", callback_url="https://x.example/", secret=b"very secret token"
        ),
        "webhookreceipt": WebhookReceiptFactory(note="One activity."),
        "webhookrefusal": WebhookRefusal.objects.create(provider="strava", day=date(2026, 5, 2), count=3),
    }


@pytest.mark.parametrize("model", KEYS)
def test_pages_of_connections_show_no_secret_and_change_nothing(staff, model):
    row = rows_of_connections()[model]
    before = type(row).objects.values().get(pk=row.pk)

    texts = [
        staff.get(page(name, model, *rows)).content.decode() for name, rows in (("changelist", ()), ("change", (row,)))
    ]

    assert all("very secret" not in text for text in texts)
    assert "credentials" not in texts[1].lower().replace("credentials are encrypted", "")
    posts = {
        page("add", model): {},
        page("change", model, row): {"_save": "Save"},
        page("delete", model, row): {"post": "yes"},
    }
    assert [staff.post(address, data).status_code for address, data in posts.items()] == [403, 403, 403]
    assert type(row).objects.values().get(pk=row.pk) == before


@pytest.mark.parametrize("model", KEYS)
def test_pages_of_connections_are_for_staff(client, model):
    row = rows_of_connections()[model]
    addresses = [page("changelist", model), page("change", model, row)]
    client.force_login(UserFactory(is_staff=True))
    assert [client.get(address).status_code for address in addresses] == [403, 403]
    client.force_login(StaffFactory())
    assert [client.get(address).status_code for address in addresses] == [200, 200]


@pytest.mark.parametrize(
    ("model", "make"),
    [("connection", ConnectionFactory), ("openask", OpenAskFactory), ("webhookreceipt", WebhookReceiptFactory)],
)
def test_lists_of_connections_need_as_many_queries_for_three_rows_as_for_one(staff, model, make):
    make()
    staff.get(page("changelist", model))
    with CaptureQueriesContext(connection) as one:
        staff.get(page("changelist", model))
    make(), make()
    with CaptureQueriesContext(connection) as three:
        staff.get(page("changelist", model))

    assert len(three) == len(one)


def test_connection_leads_to_its_runs_requests_and_records(staff):
    row = ConnectionFactory()
    run = ConnectionRunFactory(connection=row, state="failed", error="No answer.")
    OpenAskFactory(connection=row)
    OpenAskFactory(connection=row, failed_at=timezone.now())
    OpenAskFactory()
    record = RawRecordFactory(user=row.user, provider="strava")
    RawSighting.objects.create(user=row.user, raw=record, connection=row)
    RawRecordFactory(user=row.user, provider="strava")

    text = staff.get(page("change", "connection", row)).content.decode()

    assert "No answer." in text
    assert "1 open, 1 failed" in text
    assert found(staff, "openask", connection=row.pk, done="failed") == [row.asks.failed().get().pk]
    assert found(staff, "syncrun", provider="strava") == [run.pk]
    over_it = staff.get(reverse("admin:activities_rawrecord_changelist", query={"sightings__connection": row.pk}))
    assert [one.pk for one in over_it.context["cl"].result_list] == [record.pk]
    shown = staff.get(reverse("admin:activities_rawrecord_change", args=[record.pk])).content.decode()
    assert page("change", "connection", row) in shown


def test_staff_have_a_connection_synced_and_what_failed_tried_again(staff, settings):
    row, dead = ConnectionFactory(), ConnectionFactory(state=Connection.State.BROKEN)
    ask = OpenAskFactory(connection=row, failed_at=timezone.now())

    assert act(staff, page("changelist", "openask"), "try_again", ask) == ["Queued again: 1."]
    ask.refresh_from_db()
    assert ask.failed_at is None
    told = act(staff, page("changelist", "connection"), "sync_now", row, dead)
    assert told[-1] == "Asked for news: 1."
    assert "not connected" in told[0]
    assert [run.trigger for run in row.runs.all()] == ["manual"]
    assert not dead.runs.exists()


def test_those_who_only_look_start_no_sync(client):
    viewer = UserFactory(is_staff=True)
    viewer.user_permissions.set(Permission.objects.filter(codename__in=["view_connection", "view_openask"]))
    client.force_login(viewer)
    row = ConnectionFactory()

    act(client, page("changelist", "connection"), "sync_now", row)

    assert not row.runs.exists()


def test_delivery_is_shown_readable_and_given_byte_for_byte(staff):
    body = b'{"object_id":7,"name":"<b>\xff"}'
    row = WebhookReceiptFactory(body=body)

    text = staff.get(page("change", "webhookreceipt", row)).content.decode()
    given = staff.get(reverse("admin:integrations_webhookreceipt_payload", args=[row.pk]))

    assert "&quot;object_id&quot;: 7" in text
    assert "<b>" not in text.split('class="payload"')[1].split("</pre>")[0]
    assert given.content == body
    assert given["Content-Disposition"] == f'attachment; filename="strava-webhook-{row.pk}.bin"'
    assert (given["Content-Type"], given["X-Payload-Sha256"]) == ("application/octet-stream", row.sha256)


def test_delivery_is_given_to_nobody_but_staff(client):
    url = reverse("admin:integrations_webhookreceipt_payload", args=[WebhookReceiptFactory().pk])
    client.force_login(UserFactory())
    assert client.get(url).status_code == 302
    client.force_login(UserFactory(is_staff=True))
    assert client.get(url).status_code == 403
