import zipfile
from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from integrations.models import Import, SyncRun
from tests.factories.integrations import ImportFactory, SyncRunFactory

LIST = reverse("integrations:imports")
JSON = {"Accept": "application/json"}


@pytest.fixture
def client(user, client_of):
    return client_of(user)


def export(name="export.zip"):
    """A small Apple Health export."""
    data = BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(
            "apple_health_export/export.xml",
            '<?xml version="1.0" encoding="UTF-8"?>\n<HealthData locale="en_GB">\n'
            ' <ExportDate value="2026-05-02 09:00:00 +0200"/>\n'
            f' <Record type="HKQuantityTypeIdentifierBodyMass" sourceName="{name}" unit="kg" '
            'startDate="2026-05-02 08:00:00 +0200" endDate="2026-05-02 08:00:00 +0200" value="63.5"/>\n</HealthData>\n',
        )
    return SimpleUploadedFile(name, data.getvalue(), content_type="application/zip")


def address(name, row):
    return reverse(f"integrations:{name}", args=[row.pk])


@pytest.mark.parametrize(
    "url", [LIST, "/imports/1/", "/imports/1/progress/", "/imports/1/roll-back/", "/imports/arriving/"]
)
def test_pages_ask_a_stranger_to_log_in(db, url):
    assert Client().get(url)["Location"] == f"/accounts/login/?next={url}"


def test_imports_takes_a_file_and_leads_to_its_import(client, user):
    response = client.post(LIST, {"uploads": export()})

    row = user.imports.get()
    assert (response.status_code, response["Location"]) == (302, address("import", row))
    assert (row.name, row.brought_by, row.state) == ("export.zip", "upload", Import.State.WAITING)


def test_imports_takes_several_files_at_once(client, user):
    response = client.post(LIST, {"uploads": [export("a.zip"), export("b.zip")]})

    assert (response.status_code, response["Location"]) == (302, LIST)
    assert sorted(user.imports.values_list("name", flat=True)) == ["a.zip", "b.zip"]


def test_imports_says_what_can_be_brought_and_how(client):
    page = client.get(LIST).content.decode()

    for words in ("FIT, TCX and GPX files", "find out by itself", "Strava: archive of the account", "Files: workout"):
        assert words in page


def test_imports_takes_whose_the_files_are(client, user):
    chosen = client.post(LIST, {"uploads": export(), "provider": "coros"})
    nobody = client.post(LIST, {"uploads": export("b.zip"), "provider": "nobody"}, headers=JSON)

    assert (chosen.status_code, user.imports.get().chosen_provider) == (302, "coros")
    assert (nobody.status_code, "nobody" in nobody.json()["error"]) == (422, True)


def test_the_report_tells_what_became_of_each_file(client, user):
    report = {
        "files": [
            {"path": "a/ride.fit", "kind": "fit", "provider": "wahoo", "outcome": "new"},
            {"path": "b/<b>.tcx", "kind": "tcx", "provider": "file", "outcome": "unreadable"},
        ],
        "by_outcome": {"new": 7, "unreadable": 1},
        "providers": {"wahoo": 7, "file": 1, "garmin": 0},
        "files_read": 8,
        "elements": [{"kind": "fit", "label": "fit", "read": 8, "new": 7, "known": 0, "unreadable": 1}],
    }
    row = ImportFactory(user=user, name="rides.zip", provider="file", state="finished", report=report)

    page = client.get(address("import", row)).content.decode()

    for words in ("a/ride.fit", "b/&lt;b&gt;.tcx", "Wahoo", "7 new, 1 unreadable", "The first 2 of 8", "FIT files"):
        assert words in page
    assert "Files, Wahoo" in page
    assert "Garmin" not in page
    assert '<th scope="col">First</th>' not in page


def test_imports_answers_a_script_with_json(client, user):
    response = client.post(LIST, {"uploads": export()}, headers=JSON)

    assert (response.status_code, response.json()) == (201, {"url": address("import", user.imports.get())})


@pytest.mark.parametrize("data", [{}, {"uploads": ""}])
def test_imports_without_a_file_says_so(client, user, data):
    page, script = client.post(LIST, data), client.post(LIST, data, headers=JSON)

    assert (page.status_code, "Choose a file first." in page.content.decode()) == (422, True)
    assert (script.status_code, script.json()) == (422, {"error": "Choose a file first."})
    assert user.imports.count() == 0


def test_imports_refuses_what_is_too_large(client, user, settings):
    settings.IMPORT_MAX_UPLOAD_BYTES = 10

    response = client.post(LIST, {"uploads": export()}, headers=JSON)

    assert (response.status_code, response.json()) == (
        422,
        {"error": "export.zip is larger than this server takes (10\xa0bytes)."},
    )
    assert user.imports.count() == 0


def test_imports_wants_the_token_of_the_form(user, client_of):
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)

    assert client.post(LIST, {"uploads": export()}).status_code == 403
    assert user.imports.count() == 0


def test_imports_shows_only_ones_own(client, user, other_user):
    ImportFactory(user=user, name="mine.zip")
    ImportFactory(user=other_user, name="theirs.zip")

    text = client.get(LIST).content.decode()

    assert ("mine.zip" in text, "theirs.zip" in text) == (True, False)


def test_imports_needs_as_many_queries_for_three_as_for_one(client, user):
    def queries():
        with CaptureQueriesContext(connection) as asked:
            client.get(LIST)
        return len(asked)

    SyncRunFactory(import_file=ImportFactory(user=user))
    client.get(LIST)
    one = queries()
    for _ in range(2):
        SyncRunFactory(import_file=ImportFactory(user=user))

    assert queries() == one


@pytest.mark.parametrize("name", ["import", "progress", "roll_back"])
def test_import_of_somebody_else_is_not_there(client, other_user, name):
    row = ImportFactory(user=other_user, state=Import.State.FINISHED)

    assert client.get(address(name, row)).status_code == 404


def running(user, **fields):
    row = ImportFactory(user=user, state=Import.State.READING)
    return SyncRunFactory(
        import_file=row,
        state=SyncRun.State.RUNNING,
        doing="Reading export.xml",
        done=250,
        total=1000,
        busy_s=5,
        **fields,
    )


def test_progress_says_what_is_read_how_fast_and_how_long_yet(client, user):
    run = running(user)

    text = client.get(address("progress", run.import_file)).content.decode()

    for words in ("Reading export.xml", "25\u202f%", "50\xa0bytes", "15", 'value="0.2500"', 'hx-trigger="every 1s"'):
        assert words in text, words


def test_progress_of_a_finished_import_is_its_report(client, user):
    row = ImportFactory(user=user, state=Import.State.FINISHED)

    response = client.get(address("progress", row))

    assert response["HX-Retarget"] == f"#import-{row.pk}"
    assert "All of it is read" in response.content.decode()
    assert "hx-trigger" not in response.content.decode()


def kind(name, **counts):
    return {
        "kind": name, "label": name, "read": 0, "new": 0, "known": 0, "unreadable": 0, "first": None, "last": None,
    } | counts  # fmt: skip


def test_import_reports_what_came_in_and_what_could_not_be_read(client, user):
    report = {
        "elements": [
            kind("Record", read=1500, new=1400, known=98, unreadable=2, first="2016-03-02", last="2026-05-02")
        ],
        "metrics": [kind("heart_rate", read=1500, new=1400)],
        "workouts": {"new": 7, "updated": 0, "known": 3, "unreadable": 0, "first": "2016-03-02", "last": "2026-05-02"},
        "samples": 1400, "sleep_sessions": 4, "sleep_nights": 3, "metric_days": 12,
        "files_read": 1, "files_kept": ["export_cda.xml"], "files_kept_total": 1,
        "problems": [{"path": "export.xml, line 9", "message": "Cut off <in> the middle.", "count": 2}],
        "problems_total": 1, "bytes": 1000, "seconds": 2.0, "mb_per_s": 9.0, "cancelled": False,
    }  # fmt: skip
    row = ImportFactory(user=user, state=Import.State.FINISHED, report=report)

    text = client.get(address("import", row)).content.decode()

    for words in (
        "1,500", "1,400", "98", "2 Mar 2016", "2 May 2026", "3 workouts were known already", "export_cda.xml",
        "Cut off &lt;in&gt; the middle.", "2 times", "line 9",
    ):  # fmt: skip
        assert words in text, words


def test_import_that_failed_says_why(client, user):
    report = {"problems": [{"path": "", "message": "holiday.jpg is a picture.", "count": 1}], "problems_total": 1}
    row = ImportFactory(user=user, state=Import.State.FAILED, report=report)

    assert "holiday.jpg is a picture." in client.get(address("import", row)).content.decode()


def test_cancel_asks_the_run_to_stop(client, user):
    run = running(user)

    response = client.post(address("cancel", run.import_file))

    run.refresh_from_db()
    assert (response["Location"], run.cancel_requested) == (address("import", run.import_file), True)


def test_cancel_of_somebody_elses_import_changes_nothing(client, other_user):
    run = running(other_user)

    assert client.post(address("cancel", run.import_file)).status_code == 404
    run.refresh_from_db()
    assert run.cancel_requested is False


def test_cancel_and_roll_back_are_not_done_by_a_link(client, user):
    run = running(user)
    done = ImportFactory(user=user, state=Import.State.FINISHED)

    assert client.get(address("cancel", run.import_file)).status_code == 405
    assert client.get(address("roll_back", done)).status_code == 200
    done.refresh_from_db()
    assert done.state == Import.State.FINISHED


def test_roll_back_starts_once_it_is_confirmed(client, user):
    row = ImportFactory(user=user, state=Import.State.FINISHED)

    response = client.post(address("roll_back", row))

    row.refresh_from_db()
    assert (response["Location"], row.state) == (address("import", row), Import.State.ROLLING_BACK)


def test_roll_back_waits_until_the_reading_is_over(client, user):
    row = running(user).import_file

    response = client.post(address("roll_back", row), follow=True)

    row.refresh_from_db()
    assert row.state == Import.State.READING
    assert "cannot be rolled back now" in response.content.decode()


def test_roll_back_of_somebody_elses_import_changes_nothing(client, other_user):
    row = ImportFactory(user=other_user, state=Import.State.FINISHED)

    assert client.post(address("roll_back", row)).status_code == 404
    row.refresh_from_db()
    assert row.state == Import.State.FINISHED


def test_arriving_is_on_every_page_while_something_is_read(client, user, other_user):
    running(other_user)
    before = client.get(LIST).content.decode()
    run = running(user)

    assert ("is being read" in before, "is being read" in client.get(LIST).content.decode()) == (False, True)
    assert run.import_file.name in client.get(reverse("integrations:arriving")).content.decode()
