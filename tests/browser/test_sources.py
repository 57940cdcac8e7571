"""What only a browser can tell of many sources: overlaid charts, ordering by hand and by key, review by keystroke."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from activities.models import SourcePriority
from activities.services.priorities import set_priority
from tests.activities.keeping import keep_streams
from tests.activities.several import START, activity_of, nearly, told_by

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# The providers in the order of the page, each with its place.
STANDING = """() => [...document.querySelectorAll(".order > [data-item]")].map((item) =>
  [item.dataset.item, item.querySelector("[data-place]").textContent])"""


def order_page(tab, live_server):
    tab.goto(f"{live_server}{reverse('activities:priorities', args=['activities'])}")
    tab.wait_for_load_state("networkidle")
    return tab


@pytest.fixture
def three(user):
    """An effort of three sources, in an order of its own."""
    rows = told_by(user, "apple_health", "tempo", "zeta")
    set_priority(user, "activities", [["apple_health"], ["tempo"], ["zeta"]])
    return rows


def test_order_goes_by_arrow_keys_with_a_live_preview_and_is_saved(log_in, live_server, user, three):
    tab = order_page(log_in(user), live_server)

    grip = tab.locator("[data-item=zeta] [data-grip]")
    grip.focus()
    tab.keyboard.press("ArrowUp")
    tab.keyboard.press("ArrowUp")
    tab.wait_for_selector("text=1 activity would switch to zeta")

    assert tab.evaluate(STANDING) == [["zeta", "1"], ["apple_health", "2"], ["tempo", "3"]]
    assert tab.inner_text("[data-spoken]") == "zeta: place 1 of 3"
    assert grip.evaluate("it => it === document.activeElement")
    tab.click("[data-save]")
    tab.wait_for_selector("text=Saved. 1 activity switched to zeta.")
    assert SourcePriority.objects.get().ranks == [["zeta"], ["apple_health"], ["tempo"]]
    assert activity_of(three[0]).primary_id == three[2].pk


def test_order_knows_ties_by_keyboard(log_in, live_server, user, three):
    tab = order_page(log_in(user), live_server)

    tab.locator("[data-item=tempo] [data-tie]").focus()
    tab.keyboard.press("Space")

    assert tab.evaluate(STANDING) == [["apple_health", "1"], ["tempo", "1"], ["zeta", "2"]]
    assert tab.inner_text("[data-spoken]") == "tempo: place 1 of 2, level with Apple Health"
    tab.locator("[data-item=apple_health] [data-grip]").focus()
    tab.keyboard.press("ArrowDown")
    assert tab.evaluate(STANDING) == [["tempo", "1"], ["apple_health", "2"], ["zeta", "3"]]


def test_order_goes_by_dragging(log_in, live_server, user, three):
    tab = order_page(log_in(user), live_server)

    grip = tab.locator("[data-item=zeta] [data-grip]").bounding_box()
    above = tab.locator("[data-item=apple_health] .order-line").bounding_box()
    tab.mouse.move(grip["x"] + grip["width"] / 2, grip["y"] + grip["height"] / 2)
    tab.mouse.down()
    tab.mouse.move(grip["x"] + grip["width"] / 2, above["y"] + above["height"] - 2, steps=8)
    tab.mouse.move(grip["x"] + grip["width"] / 2, above["y"] + 2, steps=8)
    tab.mouse.up()
    tab.wait_for_selector("text=1 activity would switch to zeta")

    assert tab.evaluate(STANDING) == [["zeta", "1"], ["apple_health", "2"], ["tempo", "3"]]


def press(tab, key):
    """Press a key of the review once the last answer has settled: until then keys do nothing, on purpose."""
    tab.wait_for_selector("[data-keys]:not(.htmx-request):not(:has(.htmx-request))")
    tab.keyboard.press(key)


def test_review_goes_by_single_keys_and_back(log_in, live_server, user):
    first = nearly(user)
    second = nearly(user, start=START + timedelta(days=1))
    tab = log_in(user)
    tab.goto(f"{live_server}{reverse('activities:review')}")
    tab.wait_for_load_state("networkidle")

    press(tab, "s")
    tab.wait_for_selector("text=They are one effort now.")
    assert activity_of(second[0]) == activity_of(second[1])
    tab.wait_for_selector("text=1 pair to look at")
    assert tab.locator(".nav-count").inner_text().endswith("1")
    press(tab, "k")
    tab.wait_for_selector("text=Nothing to review")
    assert tab.locator("#nav-review").is_hidden()
    assert activity_of(first[0]) != activity_of(first[1])
    assert user.suggestions.count() == 0

    press(tab, "u")
    tab.wait_for_selector("text=1 pair to look at")
    assert user.suggestions.count() == 1


def test_keys_do_nothing_with_a_modifier(log_in, live_server, user):
    one, other = nearly(user)
    tab = log_in(user)
    tab.goto(f"{live_server}{reverse('activities:review')}")
    tab.wait_for_load_state("networkidle")

    tab.keyboard.press("Alt+s")
    tab.evaluate("""() => {
      const field = document.createElement("input");
      document.querySelector("main").append(field);
      field.focus();
    }""")
    tab.keyboard.press("s")
    tab.wait_for_timeout(300)

    assert activity_of(one) != activity_of(other)


def test_streams_of_all_sources_are_drawn_over_each_other(log_in, live_server, user):
    one, other = told_by(user, "apple_health", "tempo")
    seconds = list(range(0, 1800, 5))
    keep_streams(one, heart_rate=(seconds, [140 + at % 7 for at in range(360)]))
    keep_streams(other, heart_rate=(seconds, [150 + at % 7 for at in range(360)]), power=([0, 5, 10], [200, 210, 220]))
    tab = log_in(user)
    tab.goto(f"{live_server}{reverse('activities:sources', args=[one.activity_id])}")
    tab.wait_for_load_state("networkidle")

    canvas = tab.locator("[data-stream=heart_rate] canvas")
    canvas.focus()
    tab.keyboard.press("ArrowRight")
    told = tab.inner_text("[data-stream=heart_rate] output")
    assert "Apple Health 14" in told
    assert "tempo 15" in told

    tab.click("[data-stream=heart_rate] summary")
    assert tab.locator("[data-stream=heart_rate] tbody tr").first.locator("td").count() == 3
    tab.locator("[data-switch] input").first.uncheck()
    canvas.focus()
    tab.keyboard.press("ArrowRight")
    assert tab.inner_text("[data-stream=heart_rate] output").startswith("15")
