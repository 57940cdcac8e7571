from __future__ import annotations

from dataclasses import replace

import pytest
from pytest_django.fixtures import Settings

from integrations import configuring
from integrations.base import Setting
from tests.integrations.tempo import TEMPO, tempo

NAMES = ("CLIENT_ID", "CLIENT_SECRET", "WEBHOOK_SECRET", "API_URL", "AUTHORIZE_URL", "TOKEN_URL", "FILES_URL", "REGION")


@pytest.fixture(autouse=True)
def nothing_set(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.SANDBOX_URL = ""
    settings.BASE_URL = "https://train.example/"
    for name in NAMES:
        monkeypatch.delenv(f"TEMPO_{name}", raising=False)


def told() -> dict[str, str]:
    return {name: configuring.setting(TEMPO, name) for name in NAMES}


def test_setting_without_environment_is_what_the_provider_declares() -> None:
    assert told() == {
        "CLIENT_ID": "",
        "CLIENT_SECRET": "",
        "WEBHOOK_SECRET": "",
        "API_URL": "https://api.tempo.example/v1",
        "AUTHORIZE_URL": "https://tempo.example/oauth/authorize",
        "TOKEN_URL": "https://api.tempo.example/oauth/token",
        "FILES_URL": "https://files.tempo.example/f",
        "REGION": "eu",
    }


def test_setting_of_the_environment_wins(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    settings.SANDBOX_URL = "http://127.0.0.1:8001"
    for name in NAMES:
        monkeypatch.setenv(f"TEMPO_{name}", f" https://staging.example/{name}/ ")

    assert told() == {
        name: f"https://staging.example/{name}" + ("" if name.endswith("_URL") else "/") for name in NAMES
    }


def test_setting_in_the_sandbox_has_the_true_path_below_the_slug(settings: Settings) -> None:
    settings.SANDBOX_URL = "http://127.0.0.1:8001/"

    assert told() == {
        "CLIENT_ID": "sandbox-tempo",
        "CLIENT_SECRET": "sandbox-secret",
        "WEBHOOK_SECRET": "sandbox-webhook_secret",
        "API_URL": "http://127.0.0.1:8001/tempo/v1",
        "AUTHORIZE_URL": "http://127.0.0.1:8001/tempo/oauth/authorize",
        "TOKEN_URL": "http://127.0.0.1:8001/tempo/oauth/token",
        "FILES_URL": "http://127.0.0.1:8001/tempo/f",
        "REGION": "eu",
    }
    assert configuring.is_sandboxed(TEMPO)


def test_a_provider_with_an_address_of_its_own_is_not_in_the_sandbox(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SANDBOX_URL = "http://127.0.0.1:8001"
    monkeypatch.setenv("TEMPO_API_URL", "https://api.tempo.example/v1")

    assert not configuring.is_sandboxed(TEMPO)


def test_setting_that_nobody_declares_is_an_error() -> None:
    with pytest.raises(LookupError, match="tempo declares no setting COLOUR"):
        configuring.setting(TEMPO, "COLOUR")


def test_missing_names_what_the_operator_must_set(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPO_CLIENT_SECRET", "s")
    network = TEMPO.network
    assert network
    provider = tempo(settings=(*network.settings, Setting("SUBSCRIPTION_KEY", "Names the app.")))

    assert configuring.missing(provider) == ["TEMPO_CLIENT_ID", "TEMPO_SUBSCRIPTION_KEY"]
    assert configuring.missing_for_webhooks(provider) == [*configuring.missing(provider), "TEMPO_WEBHOOK_SECRET"]
    assert not configuring.is_configured(provider)
    settings.CREDENTIAL_KEYS = []
    assert configuring.missing(provider)[0] == "CREDENTIAL_KEYS"


def test_configured_without_what_only_webhooks_need(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPO_CLIENT_ID", "c")
    monkeypatch.setenv("TEMPO_CLIENT_SECRET", "s")

    assert configuring.is_configured(TEMPO)
    assert not configuring.takes_webhooks(TEMPO)
    monkeypatch.setenv("TEMPO_WEBHOOK_SECRET", "w")
    assert configuring.takes_webhooks(TEMPO)


def test_a_provider_without_network_cannot_be_configured() -> None:
    assert not configuring.is_configured(replace(TEMPO, network=None))


def test_addresses_of_ours() -> None:
    assert configuring.callback_url(TEMPO) == "https://train.example/connections/tempo/callback/"
    assert configuring.webhook_url(TEMPO) == "https://train.example/webhooks/tempo/"


def test_verify_token_is_the_same_for_ever_and_another_for_each_provider(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = configuring.setting(TEMPO, "VERIFY_TOKEN")

    assert len(first) == 40
    assert configuring.setting(TEMPO, "VERIFY_TOKEN") == first
    assert configuring.setting(replace(TEMPO, slug="other"), "VERIFY_TOKEN") != first
    settings.SECRET_KEY = "another one"
    assert configuring.setting(TEMPO, "VERIFY_TOKEN") != first
    monkeypatch.setenv("TEMPO_VERIFY_TOKEN", "mine")
    assert configuring.setting(TEMPO, "VERIFY_TOKEN") == "mine"


def test_origins_are_those_of_addresses_and_declared_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPO_API_URL", "http://127.0.0.1:9000/v1")

    assert configuring.origins(TEMPO) == {
        ("http", "127.0.0.1", 9000),
        ("https", "tempo.example", 443),
        ("https", "api.tempo.example", 443),
        ("https", "files.tempo.example", 443),
        ("https", "cdn.tempo.example", 443),
    }


@pytest.mark.parametrize("address", ["ftp://tempo.example/", "/v1/me", "https:///v1", "file:///etc/passwd"])
def test_origin_of_what_is_no_web_address_is_an_error(address: str) -> None:
    with pytest.raises(ValueError, match="not an address"):
        configuring.origin_of(address)
