"""Reports of errors hold no credentials, wherever the error comes from."""

from __future__ import annotations

import sys
from datetime import timedelta

import pytest
from django.utils import timezone
from django.views.debug import ExceptionReporter, get_exception_reporter_filter
from pytest_django.fixtures import Settings

from integrations import oauth
from integrations.base import Account, Api, Provider
from integrations.credentials import encrypt
from integrations.registry import PROVIDERS
from tests.factories.integrations import ConnectionFactory
from tests.integrations.playback import Playback
from tests.integrations.tempo import API, TOKEN, TempoAdapter, tempo

# Put together here, because a report shows the lines around an error as they are written.
SECRETS = tuple("-".join(it) for it in (("access", "1"), ("refresh", "1"), ("access", "2"), ("sandbox", "secret")))


class Stumbling(TempoAdapter):
    def account(self, api: Api) -> Account:
        held = {"Authorization": f"Bearer {api.token['access_token']}"}
        api.get("/me", headers=held, auth="none")
        raise ZeroDivisionError("a mistake of ours")


def report() -> str:
    kind, error, trace = sys.exc_info()
    assert kind
    return ExceptionReporter(None, kind, error, trace).get_traceback_html()


@pytest.mark.django_db
@pytest.mark.parametrize("debug", [False, True])
def test_a_report_of_an_error_shows_no_credentials(
    playback: Playback, settings: Settings, monkeypatch: pytest.MonkeyPatch, debug: bool
) -> None:
    settings.DEBUG = debug
    provider: Provider = tempo(adapter=Stumbling())
    monkeypatch.setitem(PROVIDERS, "tempo", provider)
    # The adapter stands for one below integrations/providers.
    monkeypatch.setitem(Stumbling.account.__globals__, "__name__", "integrations.providers.tempo.adapter")
    connection = ConnectionFactory(
        provider="tempo",
        credentials=encrypt({"access_token": SECRETS[0], "refresh_token": SECRETS[1]}),
        token_expires_at=timezone.now() - timedelta(hours=1),
    )
    playback.answer("POST", TOKEN, json={"access_token": SECRETS[2], "expires_in": 3600})
    playback.answer("GET", f"{API}/me")
    assert provider.network

    try:
        provider.network.adapter.account(oauth.session_of(connection))
    except ZeroDivisionError:
        told = report()

    assert "a mistake of ours" in told
    assert [secret for secret in SECRETS if secret in told] == []


@pytest.mark.django_db
def test_a_report_of_an_error_deep_in_a_request_shows_no_credentials(
    playback: Playback, tempo: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An address that cannot be written down is an accident in the middle of a request for a token."""
    connection = ConnectionFactory(
        provider="tempo",
        credentials=encrypt({"access_token": SECRETS[0], "refresh_token": SECRETS[1]}),
        token_expires_at=timezone.now() - timedelta(hours=1),
    )
    monkeypatch.setenv("TEMPO_TOKEN_URL", "http://127.0.0.1:no-port/token")

    try:
        oauth.session_of(connection).get("/me")
    except ValueError:
        told = report()

    assert "no-port" in told
    assert [secret for secret in SECRETS if secret in told] == []


def test_the_filter_is_the_one_that_reports_use() -> None:
    assert type(get_exception_reporter_filter(None)).__name__ == "ReportFilter"
