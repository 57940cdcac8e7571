"""The way to a provider's consent page and back, in a browser."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.contrib.messages import get_messages
from django.http import HttpResponse
from django.test import Client
from pytest_django.fixtures import Settings

from integrations.base import Provider
from integrations.models import Connection
from tests.integrations.playback import Playback
from tests.integrations.tempo import API, TOKEN
from trainstack.accounts.models import User

GO, CALLBACK = "/connections/tempo/go/", "/connections/tempo/callback/"
TOLD = {"access_token": "a", "refresh_token": "r", "expires_in": 3600, "scope": "activities sleep"}

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("tempo")]


@pytest.fixture(autouse=True)
def at(settings: Settings) -> None:
    settings.BASE_URL = "http://testserver"
    settings.ALLOWED_HOSTS = ["testserver", "localhost"]


def said(answer: HttpResponse) -> list[tuple[str, str]]:
    return [(it.level_tag, str(it)) for it in get_messages(answer.wsgi_request)]


def state_of(answer: HttpResponse) -> str:
    return dict(parse_qsl(urlsplit(answer["Location"]).query))["state"]


def test_go_leads_to_the_consent_page(client_of: Callable[[User], Client], user: User, playback: Playback) -> None:
    answer = client_of(user).get(GO)

    assert answer.status_code == 302
    assert answer["Location"].startswith(f"{playback.url}/tempo/oauth/authorize?")
    assert "no-store" in answer["Cache-Control"]


def test_go_begins_at_the_address_to_which_the_athlete_comes_back(
    client_of: Callable[[User], Client], user: User, playback: Playback
) -> None:
    browser = client_of(user)

    answer = browser.get(GO, headers={"host": "localhost"})

    assert (answer.status_code, answer["Location"]) == (302, f"http://testserver{GO}?moved=1")
    # Behind a proxy that tells another name, once is enough.
    answer = browser.get(f"{GO}?moved=1", headers={"host": "localhost"})
    assert answer["Location"].startswith(f"{playback.url}/tempo/oauth/authorize?")


@pytest.mark.parametrize("path", [GO, CALLBACK])
def test_strangers_are_asked_to_log_in(client: Client, path: str) -> None:
    answer = client.get(path)

    assert (answer.status_code, urlsplit(answer["Location"]).path) == (302, "/accounts/login/")


@pytest.mark.parametrize(
    "path", ["/connections/nobody/go/", "/connections/garmin/go/", "/connections/nobody/callback/"]
)
def test_who_cannot_be_connected_is_not_found(client_of: Callable[[User], Client], user: User, path: str) -> None:
    assert client_of(user).get(path).status_code == 404


@pytest.mark.parametrize("path", [GO, CALLBACK])
def test_the_way_is_for_reading_only(client_of: Callable[[User], Client], user: User, path: str) -> None:
    assert client_of(user).post(path).status_code == 405


def test_the_way_there_and_back_connects(client_of: Callable[[User], Client], user: User, playback: Playback) -> None:
    playback.answer("POST", TOKEN, json=TOLD)
    playback.answer("GET", f"{API}/me", json={"id": 7, "name": "Lena"})
    browser = client_of(user)
    state = state_of(browser.get(GO))

    answer = browser.get(CALLBACK, {"state": state, "code": "c"})

    assert (answer.status_code, answer["Location"]) == (302, "/connections/")
    assert said(answer) == [("success", "Tempo (Lena) is connected. What is there is being fetched now.")]
    assert [(it.user, it.account_id) for it in Connection.objects.all()] == [(user, "7")]
    assert browser.get("/connections/").status_code == 200


def test_what_was_not_allowed_is_said(client_of: Callable[[User], Client], user: User, playback: Playback) -> None:
    playback.answer("POST", TOKEN, json={**TOLD, "scope": "activities"})
    playback.answer("GET", f"{API}/me", json={"id": 7})
    browser = client_of(user)

    answer = browser.get(CALLBACK, {"state": state_of(browser.get(GO)), "code": "c"})

    assert said(answer) == [
        ("success", "Tempo is connected. What is there is being fetched now."),
        ("warning", "You did not allow everything at Tempo. Left out: Your nights."),
    ]


def test_a_refusal_ends_on_the_page_of_connections(client_of: Callable[[User], Client], user: User) -> None:
    browser = client_of(user)

    answer = browser.get(CALLBACK, {"state": state_of(browser.get(GO)), "error": "access_denied"})

    assert answer["Location"] == "/connections/"
    assert said(answer) == [
        ("warning", "Tempo was not connected, because you did not agree there. Nothing was fetched.")
    ]


def test_the_state_of_another_browser_opens_nothing(
    client_of: Callable[[User], Client], user: User, playback: Playback
) -> None:
    """Somebody sends their own way back to an athlete, to have their account connected in the athlete's name."""
    theirs = state_of(client_of(user).get(GO))

    answer = client_of(user).get(CALLBACK, {"state": theirs, "code": "c"})

    assert "was not begun here" in said(answer)[0][1]
    assert playback.made == []


def test_what_is_not_configured_is_said(
    client_of: Callable[[User], Client], user: User, settings: Settings, tempo: Provider
) -> None:
    settings.SANDBOX_URL = ""

    answer = client_of(user).get(GO)

    assert (answer["Location"], said(answer)) == (
        "/connections/",
        [("warning", "Tempo is not configured on this server.")],
    )
