from __future__ import annotations

from io import StringIO

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from integrations import credentials
from integrations.credentials import Rotated, Token
from integrations.errors import Unavailable
from integrations.models import Connection, WebhookSubscription
from tests.factories.integrations import ConnectionFactory

TOLD = {"access_token": "a-secret", "refresh_token": "another", "expires_in": 3600, "athlete": {"id": 7}}
OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


@pytest.fixture(autouse=True)
def keys(settings: Settings) -> None:
    settings.CREDENTIAL_KEYS = [OLD]


def test_decrypt_gives_what_encrypt_hid() -> None:
    stored = credentials.encrypt(Token(TOLD))

    assert dict(credentials.decrypt(stored)) == TOLD
    assert b"secret" not in stored
    assert dict(credentials.decrypt(memoryview(stored))) == TOLD


def test_token_shows_nothing_of_itself() -> None:
    token = Token(TOLD)

    assert (repr(token), str(token), f"{token}", f"{[token]!r}") == ("Token(...)",) * 3 + ("[Token(...)]",)
    assert (token.access_token, token.refresh_token, token["athlete"]) == ("a-secret", "another", {"id": 7})


def test_decrypt_takes_any_of_the_keys(settings: Settings) -> None:
    stored = credentials.encrypt(TOLD)
    settings.CREDENTIAL_KEYS = [NEW, OLD]

    assert dict(credentials.decrypt(stored)) == TOLD


def test_decrypt_without_the_key_is_unavailable_and_not_the_end(settings: Settings) -> None:
    stored = credentials.encrypt(TOLD)
    settings.CREDENTIAL_KEYS = [NEW]

    with pytest.raises(Unavailable, match="cannot read its stored credentials"):
        credentials.decrypt(stored)


def test_without_keys_nothing_is_kept(settings: Settings) -> None:
    settings.CREDENTIAL_KEYS = []

    with pytest.raises(Unavailable, match="no CREDENTIAL_KEYS"):
        credentials.encrypt(TOLD)


@pytest.mark.django_db
def test_rotate_gives_every_secret_the_first_key(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "BATCH", 2)
    for number in range(5):
        ConnectionFactory(credentials=credentials.encrypt({"access_token": f"token {number}"}))
    ConnectionFactory(state="disconnected")
    WebhookSubscription.objects.create(provider="polar", external_id="1", secret=credentials.encrypt_text("signs"))
    WebhookSubscription.objects.create(provider="strava", external_id="2")
    settings.CREDENTIAL_KEYS = [NEW, OLD]

    assert credentials.rotate() == Rotated(done=6, unreadable=0)

    settings.CREDENTIAL_KEYS = [NEW]
    stored = Connection.objects.exclude(credentials=b"").order_by("pk")
    assert [credentials.decrypt(it.credentials).access_token for it in stored] == [f"token {n}" for n in range(5)]
    assert credentials.decrypt_text(WebhookSubscription.objects.get(provider="polar").secret) == "signs"
    assert bytes(WebhookSubscription.objects.get(provider="strava").secret) == b""


@pytest.mark.django_db
def test_rotate_credentials_says_how_many(settings: Settings) -> None:
    ConnectionFactory(credentials=credentials.encrypt(TOLD))
    settings.CREDENTIAL_KEYS = [NEW, OLD]
    out = StringIO()

    call_command("rotate_credentials", stdout=out)

    assert out.getvalue() == "1 credentials are encrypted with the first key.\n"


@pytest.mark.django_db
def test_rotate_credentials_leaves_what_no_key_opens_and_fails(settings: Settings) -> None:
    lost = ConnectionFactory(credentials=credentials.encrypt(TOLD))
    stored = bytes(lost.credentials)
    settings.CREDENTIAL_KEYS = [NEW]
    out = StringIO()

    with pytest.raises(CommandError, match="1 could not be read"):
        call_command("rotate_credentials", stdout=out)

    lost.refresh_from_db()
    assert (bytes(lost.credentials), out.getvalue()) == (
        stored,
        "0 credentials are encrypted with the first key.\n",
    )


@pytest.mark.django_db
@pytest.mark.parametrize("told", [[], ["not a key"]], ids=["none", "no key"])
def test_rotate_credentials_without_a_key_fails_with_a_sentence(settings: Settings, told: list[str]) -> None:
    settings.CREDENTIAL_KEYS = told

    with pytest.raises(CommandError):
        call_command("rotate_credentials", stdout=StringIO())
