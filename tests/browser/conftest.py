"""A browser, a server beside it and, where a test asks, the work that a worker would do."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from integrations.models import SyncRun
from integrations.services import runs
from tests.factories.accounts import PASSWORD
from trainstack.accounts.models import User

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    # Only here, so that the other tests are collected where it is not installed.
    from playwright.sync_api import sync_playwright

    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("no Chromium here; CHROMIUM names one")
    # Playwright's own loop runs in this thread while Django's ORM is used beside it.
    os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def tab(browser: Browser, live_server: object) -> Iterator[Page]:
    """A fresh tab; whatever the console complains of while the test runs fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, timezone_id="Europe/Berlin")
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert complaints == []


@pytest.fixture
def log_in(tab: Page, live_server: object) -> Callable[[User], Page]:
    def enter(person: User) -> Page:
        tab.goto(f"{live_server}/accounts/login/")
        tab.fill("[name=login]", person.email)
        tab.fill("[name=password]", PASSWORD)
        tab.click("main button[type=submit]")
        tab.wait_for_url(f"{live_server}/")
        return tab

    return enter


@pytest.fixture
def work() -> Callable[[], None]:
    """Does all open runs, as a worker would."""

    def through() -> None:
        for run in SyncRun.objects.filter(state__in=runs.OPEN).order_by("pk"):
            runs.work_through(run)

    return through
