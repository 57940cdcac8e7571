"""What only a browser can tell: that scripts run under the policy, that charts are drawn, that a file goes up."""

from __future__ import annotations

import hashlib
import zipfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from django.urls import reverse
from django.utils import timezone

from activities.domain.parsed import Stream
from activities.domain.streams import encode_streams
from tests.activities.keeping import keep_streams
from tests.activities.several import nearly, told_by
from tests.factories.activities import DailyMetricFactory, SleepSessionFactory, SourceActivityFactory
from tests.factories.integrations import ConnectionFactory, ConnectionRunFactory, ImportFactory, OpenAskFactory
from trainstack.storage import stream_store

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# How many pixels of a canvas are painted.
PAINTED = """canvas => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let painted = 0;
  for (let at = 3; at < data.length; at += 4) if (data[at]) painted += 1;
  return painted;
}"""
# What a page owes to people who do not see it, or do not use a mouse.
OWED = """() => {
  const wrong = [];
  const name = (it) => it.outerHTML.slice(0, 120);
  if (!document.documentElement.lang) wrong.push("no language");
  if (!document.title.trim()) wrong.push("no title");
  if (document.querySelectorAll("h1").length !== 1) wrong.push(`${document.querySelectorAll("h1").length} h1`);
  if (document.querySelectorAll("main").length !== 1) wrong.push("not one main");
  let level = 0;
  for (const heading of document.querySelectorAll("h1, h2, h3, h4")) {
    const next = Number(heading.tagName[1]);
    if (next > level + 1) wrong.push(`heading jumps: ${name(heading)}`);
    level = next;
  }
  for (const field of document.querySelectorAll("input:not([type=hidden]), select, textarea")) {
    if (!field.labels.length && !field.getAttribute("aria-label")) wrong.push(`no label: ${name(field)}`);
  }
  for (const it of document.querySelectorAll("a, button")) {
    if (!it.textContent.trim() && !it.getAttribute("aria-label")) wrong.push(`no words: ${name(it)}`);
  }
  const nameless = "img:not([alt]), [role=img]:not([aria-label]), progress:not([aria-label], [aria-labelledby])";
  for (const it of document.querySelectorAll(nameless)) {
    wrong.push(`no name: ${name(it)}`);
  }
  for (const it of document.querySelectorAll("svg:not([role=img])")) {
    if (!it.closest("[aria-hidden=true]")) wrong.push(`svg: ${name(it)}`);
  }
  const ids = [...document.querySelectorAll("[id]")].map((it) => it.id);
  for (const id of new Set(ids.filter((one, at) => ids.indexOf(one) !== at))) wrong.push(`id twice: ${id}`);
  for (const it of document.querySelectorAll("[style]")) {
    if (!it.matches("canvas")) wrong.push(`style: ${name(it)}`);
  }
  if (document.documentElement.scrollWidth > document.documentElement.clientWidth) wrong.push("wider than the screen");
  return wrong;
}"""


def with_streams(user):
    """A run with a route, a pause, and a heart rate every ten seconds."""
    time_s = np.arange(1800.0)
    turn = 2 * np.pi * time_s / 1800
    streams = {
        "latitude": Stream(time_s, 48 + 0.01 * np.sin(turn)),
        "longitude": Stream(time_s, 7.9 + 0.01 * np.cos(turn)),
        "speed": Stream(time_s, 3 + np.sin(turn * 9) / 2),
        "heart_rate": Stream(time_s[::10], np.round(140 + 15 * np.sin(turn[::10] * 4))),
        "stride_length": Stream(time_s[::10], np.full(180, 1.1)),
    }
    data = encode_streams(streams)
    sha256 = hashlib.sha256(data).hexdigest()
    source = SourceActivityFactory(
        user=user,
        streams={name: len(stream) for name, stream in streams.items()},
        streams_sha256=sha256,
        pauses=[{"start_time": "2026-05-02T07:40:00+00:00", "elapsed_s": 60.0}],
        laps=[{"start_time": "2026-05-02T07:30:00+00:00", "elapsed_s": 300.0, "distance_m": 1000.0, "kind": "lap"}],
    )
    stream_store().put(source.streams_key, data)
    return source


def everything(user):
    source = with_streams(user)
    for days in range(3):
        SleepSessionFactory(user=user, start_time=datetime(2026, 5, 1 + days, 21, tzinfo=UTC))
    for days in range(40):
        detail = {"min": 50.0, "max": 150.0 + days}
        DailyMetricFactory(user=user, metric="heart_rate", date=date(2026, 5, 2) + timedelta(days=days), detail=detail)
    done = ImportFactory(user=user, state="finished")
    several, _ = told_by(user, "apple_health", "tempo", start=datetime(2026, 4, 2, 8, tzinfo=UTC))
    keep_streams(several, heart_rate=([0, 5], [120, 130]))
    nearly(user, start=datetime(2026, 4, 3, 8, tzinfo=UTC))
    connected = ConnectionFactory(user=user, last_success_at=timezone.now(), scopes=["read", "activity:read"])
    ConnectionRunFactory(connection=connected, state="finished")
    ConnectionRunFactory(connection=connected, state="running", doing="Activities", done=3, total=10)
    OpenAskFactory(connection=connected, failed_at=timezone.now(), error="No answer.")
    ConnectionFactory(user=user, provider="whoop", state="broken", problem="WHOOP takes our access no longer.")
    return [
        reverse("integrations:connections"),
        reverse("integrations:connect", args=["wahoo"]),
        reverse("integrations:connection", args=[connected.pk]),
        reverse("integrations:disconnect", args=[connected.pk]),
        reverse("activities:sources", args=[several.activity_id]),
        reverse("activities:review"),
        reverse("activities:repair"),
        *(reverse("activities:priorities", args=[kind]) for kind in ("activities", "body")),
        reverse("activities:today"),
        reverse("activities:activities"),
        reverse("activities:activity", args=[source.activity_id]),
        reverse("activities:sleep"),
        reverse("activities:metrics"),
        reverse("activities:metric", args=["heart_rate"]),
        reverse("integrations:imports"),
        reverse("integrations:import", args=[done.pk]),
        reverse("integrations:roll_back", args=[done.pk]),
        reverse("accounts:settings"),
        reverse("activities:delete_account"),
        reverse("account_email"),
        reverse("account_change_password"),
    ]


@pytest.mark.parametrize("width", [390, 1280, 1920])
def test_every_page_keeps_the_policy_and_what_it_owes(log_in, live_server, user, width):
    """The console stays silent (see `tab`), which is where a broken Content-Security-Policy would speak."""
    pages = everything(user)
    tab = log_in(user)
    tab.set_viewport_size({"width": width, "height": 900})

    owed = {}
    for page in pages:
        tab.goto(f"{live_server}{page}")
        tab.wait_for_load_state("networkidle")
        owed[page] = tab.evaluate(OWED)

    assert owed == {page: [] for page in pages}


def test_pages_of_a_visitor_keep_the_policy_and_what_they_owe(tab, live_server):
    pages = [reverse(name) for name in ("account_login", "account_signup", "account_reset_password", "accounts:mails")]

    owed = {}
    for page in pages:
        tab.goto(f"{live_server}{page}")
        owed[page] = tab.evaluate(OWED)

    assert owed == {page: [] for page in pages}


def test_signing_up_tells_the_browsers_time_zone(tab, live_server):
    tab.goto(f"{live_server}{reverse('account_signup')}")

    assert tab.input_value("[name=time_zone]") == "Europe/Berlin"


def test_charts_and_route_are_drawn_and_zoom_by_keyboard(log_in, live_server, user):
    source = with_streams(user)
    tab = log_in(user)
    asked = []
    tab.on("request", lambda request: asked.append(request.url) if "/streams/" in request.url else None)
    tab.goto(f"{live_server}{reverse('activities:activity', args=[source.activity_id])}")
    tab.wait_for_load_state("networkidle")

    canvas = tab.locator("[data-stream=heart_rate] canvas")
    assert canvas.evaluate(PAINTED) > 5000
    assert tab.locator(".route-canvas").evaluate(PAINTED) > 5000

    canvas.focus()
    tab.keyboard.press("ArrowRight")
    assert "bpm" in tab.inner_text("[data-stream=heart_rate] output")
    assert "/km" in tab.inner_text("[data-stream=speed] output")
    assert "Heart rate" in tab.inner_text("[data-spoken]")

    with tab.expect_response(lambda response: "start=" in response.url) as zoomed:
        tab.keyboard.press("+")
    assert zoomed.value.status == 200
    assert "points=2000" in zoomed.value.url
    tab.keyboard.press("Escape")
    assert tab.is_disabled("[data-zoom=all]")

    tab.click("[data-stream=heart_rate] summary")
    assert tab.locator("[data-stream=heart_rate] tbody tr").count() > 10


def test_route_outlives_a_box_that_is_too_small_to_draw_in(log_in, live_server, user):
    """As a window is on its way to another size: there is no scale in less than the margins."""
    source = with_streams(user)
    tab = log_in(user)
    tab.goto(f"{live_server}{reverse('activities:activity', args=[source.activity_id])}")
    tab.wait_for_load_state("networkidle")
    canvas = tab.locator(".route-canvas")

    tab.set_viewport_size({"width": 60, "height": 300})
    tab.wait_for_timeout(300)
    assert 0 < canvas.evaluate("(canvas) => canvas.clientWidth") < 88
    tab.set_viewport_size({"width": 900, "height": 700})
    tab.wait_for_timeout(300)

    assert canvas.evaluate(PAINTED) > 5000


def test_filter_changes_the_list_without_a_new_page(log_in, live_server, user):
    for sport in ("running", "cycling"):
        SourceActivityFactory(user=user, sport=sport, activity__name=f"{sport} somewhere")
    tab = log_in(user)
    tab.goto(f"{live_server}{reverse('activities:activities')}")

    tab.select_option("#id_sport", "cycling")
    tab.locator("#results a.row").nth(1).wait_for(state="detached")

    assert "cycling somewhere" in tab.inner_text("#results")
    assert "sport=cycling" in tab.url


def test_file_goes_from_the_drop_zone_to_its_report(log_in, live_server, user, work, tmp_path: Path):
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            "apple_health_export/export.xml",
            '<?xml version="1.0" encoding="UTF-8"?>\n<HealthData locale="en_GB">\n'
            ' <ExportDate value="2026-05-02 09:00:00 +0200"/>\n'
            ' <Workout workoutActivityType="HKWorkoutActivityTypeRunning" duration="30" durationUnit="min" '
            'sourceName="Watch" startDate="2026-05-01 08:00:00 +0200" endDate="2026-05-01 08:30:00 +0200"/>\n'
            "</HealthData>\n",
        )
    tab = log_in(user)
    tab.goto(f"{live_server}{reverse('integrations:imports')}")

    tab.set_input_files("input[type=file]", path)
    tab.wait_for_selector(".import-state progress")
    assert "Waiting" in tab.inner_text(".import-state")
    work()
    tab.wait_for_selector("text=All of it is read")

    assert tab.inner_text(".figures-lead .figure:first-child dd") == "1"
    tab.click("text=See your activities")
    assert "Running" in tab.inner_text("#results")


def test_picture_instead_of_an_export_is_refused_with_a_reason(log_in, live_server, user, work, tmp_path: Path):
    path = tmp_path / "export.zip"
    path.write_bytes(b"\xff\xd8\xff\xe0" + bytes(200))
    tab = log_in(user)
    tab.goto(f"{live_server}{reverse('integrations:imports')}")

    tab.set_input_files("input[type=file]", path)
    tab.wait_for_selector(".import-state")
    work()
    tab.wait_for_selector("#problems-title")

    assert "export.zip" in tab.inner_text(".problems")
