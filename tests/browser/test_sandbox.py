"""The sandbox's own pages, looked at and pressed in a browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from tests.integrations.sandbox import tempo
from tests.integrations.sandbox.serving import Running, running

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
ASKED = {"client_id": "sandbox-tempo", "response_type": "code", "scope": "activity files base", "state": "s-1"}


@pytest.fixture
def played(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path / "sandbox.sqlite3", known={"tempo": tempo.PLAY}, demo_days=14) as served:
        yield served


def asked(played: Running) -> str:
    # The way back leads to a page of the sandbox itself, which is there.
    return f"{played.url}/tempo/oauth/authorize?{urlencode({**ASKED, 'redirect_uri': f'{played.url}/'})}"


@pytest.mark.parametrize("width", [1280, 390])
def test_pages_fit_the_screen(played: Running, tab: Page, width: int) -> None:
    played.grant("tempo")
    played.fault("tempo", "error_500", probability=0.1)
    played.control("edit", provider="tempo", name="A name that is longer than anybody would think of for a run")
    tab.set_viewport_size({"width": width, "height": 900})

    for path in ("/", "/-/tempo", asked(played).removeprefix(played.url)):
        tab.goto(f"{played.url}{path}")
        assert tab.locator(".tape").inner_text().startswith("SANDBOX")
        assert tab.evaluate("document.documentElement.scrollWidth") == width, path
        small = tab.locator("button:visible, input:not([type=hidden]):not([type=checkbox]):not([type=radio]):visible")
        assert all((it.bounding_box() or {"height": 0})["height"] >= 39 for it in small.all()), path


def test_person_allows_a_part_by_keyboard(played: Running, tab: Page) -> None:
    tab.goto(asked(played))
    assert tab.get_by_role("heading", level=1).inner_text() == "TrainStack asks for access to Tempo"
    assert tab.get_by_label("Your name").is_disabled()

    tab.get_by_label("a new account with nothing in it yet").check()
    tab.get_by_label("The files of your watch").focus()
    tab.keyboard.press("Space")
    tab.get_by_role("button", name="Allow").focus()
    tab.keyboard.press("Enter")

    tab.wait_for_url(re.compile(r"code="))
    back = parse_qs(urlsplit(tab.url).query)
    assert (back["state"], back["scope"]) == (["s-1"], ["activity base"])


def test_person_says_no_and_leaves_half_way(played: Running, tab: Page) -> None:
    tab.goto(asked(played))
    tab.get_by_role("button", name="Deny").click()
    tab.wait_for_url(f"{played.url}/?error=access_denied&state=s-1")

    tab.goto(asked(played))
    tab.get_by_role("button", name="Leave half-finished").click()
    assert tab.get_by_role("heading", level=1).inner_text() == "You left without an answer"


def test_person_switches_a_fault_on_and_off(played: Running, tab: Page) -> None:
    tab.goto(f"{played.url}/-/tempo")
    tab.get_by_label("Fault").select_option("error_503")
    tab.get_by_label("The next … requests").fill("3")
    tab.get_by_role("button", name="Switch on").click()
    assert tab.get_by_role("status").inner_text() == "It will go wrong."
    assert [(it["fault"], it["left"]) for it in played.look("faults")] == [("error_503", 3)]

    tab.get_by_role("button", name="Switch off").click()
    assert played.look("faults") == []
