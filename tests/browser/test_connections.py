"""A newcomer connects at the sandbox, watches it arrive, sees the duplicates fold, and leaves again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.db.models import Count
from django.urls import reverse
from pytest_django.fixtures import Settings

from integrations.models import Connection
from integrations.registry import PROVIDERS
from tests.integrations.sandbox.serving import Running, running
from trainstack.accounts.models import User

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LIST = reverse("integrations:connections")


@pytest.fixture
def sandbox(tmp_path: Path, live_server: object, settings: Settings) -> Iterator[Running]:
    """The sandbox beside the portal, as `make run` has it; three weeks of the demo's athlete."""
    settings.SYNC_REQUESTS = 1
    settings.BASE_URL = str(live_server)
    with running(tmp_path / "sandbox.sqlite3", demo_days=21) as served:
        settings.SANDBOX_URL = served.url
        yield served


@pytest.fixture
def work_aside(tab: Page, work: Callable[[], None]) -> Callable[[], None]:
    """Does all open runs while what the page asks for by itself waits: one process has one database in memory."""
    tab.route(re.compile("/(live|arriving|work)/$"), lambda route: route.continue_())

    def through() -> None:
        tab.wait_for_load_state("networkidle")
        work()

    return through


def card(tab: Page, slug: str) -> str:
    """Where the card of a live connection is."""
    return f"#connection-{Connection.objects.get(provider=slug).pk}"


def go_to_consent(tab: Page, live_server: object, slug: str) -> None:
    """From the card by the page that says what is shared to the provider's own page."""
    provider = PROVIDERS[slug]
    assert provider.network is not None
    tab.goto(f"{live_server}{LIST}")
    tab.click(f'a[href="/connections/{slug}/connect/"]')
    assert provider.network.oauth.scopes[0].sentence in tab.inner_text("main")
    tab.click(f"text=Continue to {provider.name}")
    tab.wait_for_selector("text=asks for access")


def agree(tab: Page, live_server: object, slug: str) -> None:
    go_to_consent(tab, live_server, slug)
    tab.click("button[value=allow]")
    tab.wait_for_url(f"{live_server}{LIST}")


def test_newcomer_connects_watches_the_duplicates_fold_and_disconnects(
    log_in: Callable[[User], Page], live_server: object, user: User, work_aside: Callable[[], None], sandbox: Running
) -> None:
    tab = log_in(user)
    tab.click("text=Connect a source")
    offered = tab.locator('main a[href$="/connect/"]').count()
    assert offered == sum(provider.network is not None for provider in PROVIDERS.values())

    agree(tab, live_server, "strava")
    assert "is connected. What is there is being fetched now." in tab.inner_text(".messages")
    strava = card(tab, "strava")
    assert tab.locator(f"{strava} progress").count() == 1
    work_aside()
    # The page learns of it by itself.
    tab.wait_for_selector(f"{strava} >> text=Sync now")
    assert "new activities" in tab.inner_text(strava)
    assert "known from elsewhere" not in tab.inner_text(strava)
    alone = user.activities.count()
    assert alone > 3

    agree(tab, live_server, "wahoo")
    work_aside()
    tab.wait_for_selector(f"{card(tab, 'wahoo')} >> text=Sync now")
    assert "known from elsewhere" in tab.inner_text(card(tab, "wahoo"))
    folded = user.activities.annotate(tellings=Count("sources")).filter(tellings=2)
    assert folded.count() > 1
    assert user.activities.count() == alone + user.source_activities.filter(provider="wahoo").count() - folded.count()
    tab.goto(f"{live_server}{reverse('activities:activity', args=[folded[0].pk])}")
    names = {heading.split("\n")[0].split(" shown")[0] for heading in tab.locator("#sources h3").all_inner_texts()}
    assert names == {"Strava", "Wahoo"}
    assert "Powered by Strava" in tab.inner_text("#sources")

    tab.goto(f"{live_server}{LIST}")
    tab.click(f"{card(tab, 'wahoo')} >> text=Details")
    tab.click("text=Disconnect…")
    tab.check("input[value=delete]")
    tab.click("button:has-text('Disconnect')")
    tab.wait_for_url(f"{live_server}{LIST}")
    assert "Wahoo is disconnected. What came over it is being removed." in tab.inner_text(".messages")
    work_aside()
    assert not user.source_activities.filter(provider="wahoo").exists()
    assert user.activities.count() == alone


@pytest.mark.parametrize(
    ("answer", "words"), [("deny", "you did not agree there"), ("leave", "")], ids=["denied", "left half-finished"]
)
def test_consent_that_is_not_given_is_explained_and_connects_nothing(
    log_in: Callable[[User], Page], live_server: object, user: User, sandbox: Running, answer: str, words: str
) -> None:
    tab = log_in(user)
    go_to_consent(tab, live_server, "whoop")

    tab.click(f"button[value={answer}]")
    if words:
        tab.wait_for_url(f"{live_server}{LIST}")
        assert words in tab.inner_text(".messages")
    else:
        tab.goto(f"{live_server}{LIST}")

    assert not user.connections.exists()
    assert tab.locator('a[href="/connections/whoop/connect/"]').count() == 1


def test_what_was_not_ticked_is_said_on_the_card_and_can_be_allowed(
    log_in: Callable[[User], Page], live_server: object, user: User, work_aside: Callable[[], None], sandbox: Running
) -> None:
    tab = log_in(user)
    go_to_consent(tab, live_server, "whoop")

    tab.uncheck("input[value='read:body_measurement']")
    tab.click("button[value=allow]")
    tab.wait_for_url(f"{live_server}{LIST}")
    work_aside()
    tab.wait_for_selector(f"{card(tab, 'whoop')} >> text=Sync now")

    assert "You did not allow: Your height, weight" in tab.inner_text(card(tab, "whoop"))
    tab.click(f"{card(tab, 'whoop')} >> text=Allow it")
    tab.click("text=Continue to WHOOP")
    tab.click("button[value=allow]")
    tab.wait_for_url(f"{live_server}{LIST}")
    assert "is connected again" in tab.inner_text(".messages")
    assert "You did not allow" not in tab.inner_text(card(tab, "whoop"))
    assert user.connections.count() == 1


def test_a_consent_that_was_taken_back_looks_dead_and_one_click_revives_it(
    log_in: Callable[[User], Page], live_server: object, user: User, work_aside: Callable[[], None], sandbox: Running
) -> None:
    tab = log_in(user)
    agree(tab, live_server, "whoop")
    work_aside()
    tab.wait_for_selector(f"{card(tab, 'whoop')} >> text=Sync now")
    sandbox.control("revoke", provider="whoop", account="demo")

    tab.click(f"{card(tab, 'whoop')} >> text=Sync now")
    tab.wait_for_selector(f"{card(tab, 'whoop')} progress")
    work_aside()
    tab.wait_for_selector(f"{card(tab, 'whoop')} >> text=Connect again")

    assert "connection lost" in tab.inner_text(card(tab, "whoop"))
    tab.click(f"{card(tab, 'whoop')} >> text=Connect again")
    tab.click("button[value=allow]")
    tab.wait_for_url(f"{live_server}{LIST}")
    assert "connection lost" not in tab.inner_text(card(tab, "whoop"))
