"""The pages in a real browser: all loads, nothing is refused by their own policy, nothing comes from elsewhere."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from integrations.models import SyncRun
from integrations.services import runs
from integrations.services.imports import receive
from trainstack.accounts.models import User
from trainstack.demo.export import write_export

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PHONE, DESK = (390, 844), (1440, 900)


@pytest.fixture(scope="module", autouse=True)
def browser_allows_django() -> Iterator[None]:
    """Playwright runs an event loop in this thread, in which Django would refuse to query."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        yield


@pytest.fixture(scope="module")
def browser() -> Iterator:
    from playwright.sync_api import sync_playwright

    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture
def trained(user: User, tmp_path: Path) -> User:
    """An athlete with a fortnight of training, a triathlon in it."""
    path = tmp_path / "export.zip"
    write_export(path, day=date(2026, 6, 16), first=date(2026, 6, 1))
    receive(user, name=path.name, source=path, run_now=True)
    for run in SyncRun.objects.all():
        runs.work_through(run)
    return user


@pytest.fixture
def page_of(browser, live_server, client_of, settings) -> Iterator:
    """`page_of(user, size)` is a page in which that person is logged in; its `complaints` grow with what goes wrong."""
    settings.ALLOWED_HOSTS = ["*"]
    contexts = []

    def opened(user: User, size: tuple[int, int] = DESK, **options: str) -> tuple[Page, list[str]]:
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, base_url=live_server.url, **options
        )
        contexts.append(context)
        cookie = client_of(user).cookies[settings.SESSION_COOKIE_NAME]
        context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
        page = context.new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith((live_server.url, "data:"))
                else complaints.append(f"asked {request.url}")
            ),
        )
        return page, complaints

    yield opened
    for context in contexts:
        context.close()


@pytest.mark.parametrize(("size", "scheme"), [(PHONE, "light"), (DESK, "dark")], ids=["phone", "desk"])
def test_every_page_loads_whole(page_of, trained, size, scheme):
    """No error in the console (a breach of the policy is one), nothing from elsewhere, no scrolling sideways."""
    page, complaints = page_of(trained, size, color_scheme=scheme)
    page.goto("/")
    seen: list[str] = []
    waiting = [page.url]
    while waiting:
        address = waiting.pop(0)
        answer = page.goto(address, wait_until="networkidle")
        seen.append(address)
        assert answer is not None
        assert answer.ok, f"{address}: {answer.status}"
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), f"{address} is too wide"
        links = page.eval_on_selector_all("nav a[href], main a[href]", "all => all.map(one => one.href.split('#')[0])")
        kinds = {_kind(known) for known in [*seen, *waiting]}
        for link in links:
            path = urlsplit(link).path
            if _kind(link) not in kinds and not path.startswith(("/api/", "/admin/", "/accounts/logout/")):
                waiting.append(link)
                kinds.add(_kind(link))

    assert complaints == []
    assert len(seen) >= 6


def _kind(address: str) -> str:
    """Pages that differ only by a number, a date or a question are of one kind."""
    return re.sub(r"[^/]*\d[^/]*", "#", urlsplit(address).path)
