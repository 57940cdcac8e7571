from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from tests.factories.accounts import UserFactory
from trainstack.accounts.models import ApiToken
from trainstack.accounts.selectors import tokens_of
from trainstack.accounts.services import make_token, revoke_token

pytestmark = pytest.mark.django_db


def ask(secret: str, keyword: str = "Token"):
    return Client().get("/api/v1/account/", headers={"authorization": f"{keyword} {secret}"})


def test_make_token_keeps_the_digest_and_not_the_secret():
    user = UserFactory()

    token, secret = make_token(user, name="my watch")

    row = ApiToken.objects.values().get(pk=token.pk)
    assert row == {
        "id": token.pk,
        "user_id": user.pk,
        "name": "my watch",
        "digest": hashlib.sha256(secret.encode()).hexdigest(),
        "prefix": secret[:8],
        "created_at": token.created_at,
        "last_used_at": None,
    }
    assert secret not in map(str, row.values())
    assert list(tokens_of(user)) == [token]


@pytest.mark.parametrize("keyword", ["Token", "token", "TOKEN"])
def test_token_opens_the_api_as_its_owner(keyword):
    user = UserFactory()
    _, secret = make_token(user, name="a")

    response = ask(secret, keyword)

    assert (response.status_code, response.json()["email"]) == (200, user.email)


@pytest.mark.parametrize(
    "header",
    [None, "", "Token", "Token ", "Token unknown", "Token ts_\xff", "Basic YTpi", "Token a b", "Bearer x"],
)
def test_request_without_a_known_token_is_told_how_to_log_in(header):
    make_token(UserFactory(), name="a")

    response = Client().get("/api/v1/account/", headers={"authorization": header} if header is not None else {})

    assert (response.status_code, response["WWW-Authenticate"]) == (401, 'Token realm="TrainStack API"')
    assert response["Content-Type"] == "application/problem+json"
    assert (response.json()["status"], response.json()["title"]) == (401, "Unauthorized")


def test_revoked_token_opens_nothing():
    token, secret = make_token(UserFactory(), name="a")

    revoke_token(token)

    assert ask(secret).status_code == 401


def test_token_of_a_person_who_may_not_log_in_opens_nothing():
    user = UserFactory()
    _, secret = make_token(user, name="a")
    user.is_active = False
    user.save()

    assert ask(secret).status_code == 401


def test_prefix_and_digest_open_nothing():
    token, _ = make_token(UserFactory(), name="a")

    assert [ask(token.prefix).status_code, ask(token.digest).status_code] == [401, 401]


def test_last_use_is_noted_once_a_minute(django_assert_num_queries):
    user = UserFactory()
    user.profile  # noqa: B018  made on first use
    token, secret = make_token(user, name="a")
    before = timezone.now()

    ask(secret)

    token.refresh_from_db()
    assert before <= token.last_used_at <= timezone.now()
    noted = token.last_used_at
    with django_assert_num_queries(2):  # the token with its owner, the profile
        ask(secret)
    token.refresh_from_db()
    assert token.last_used_at == noted

    ApiToken.objects.filter(pk=token.pk).update(last_used_at=noted - timedelta(minutes=1, seconds=1))
    ask(secret)
    token.refresh_from_db()
    assert token.last_used_at >= noted
