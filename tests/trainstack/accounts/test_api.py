from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from django.test import Client
from rest_framework.test import APIClient

from integrations.models import SyncRun
from tests.factories.accounts import UserFactory
from trainstack.accounts.models import AthleteParameter
from trainstack.accounts.selectors import parameter_at
from trainstack.accounts.services import make_token, remove_parameter, save_profile, set_parameter

pytestmark = pytest.mark.django_db

MAX = "max_heart_rate_bpm"


def api(user) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


# --- settings ---------------------------------------------------------------------------------


def test_account_tells_the_settings():
    user = UserFactory(email="ana@example.com", name="Ana")

    assert api(user).get("/api/v1/account/").json() == {
        "email": "ana@example.com",
        "name": "Ana",
        "units": "metric",
        "fill_gaps": False,
        "time_zone": "",
    }


def test_account_changes_only_what_is_named():
    user = UserFactory(email="ana@example.com", name="Ana")
    save_profile(user, units="imperial", time_zone="Europe/Berlin", fill_gaps=True)

    response = api(user).patch("/api/v1/account/", {"name": "Anna", "email": "other@example.com"}, format="json")

    told = {"email": "ana@example.com", "name": "Anna", "units": "imperial", "time_zone": "Europe/Berlin"}
    assert (response.status_code, response.json()) == (200, {**told, "fill_gaps": True})
    user.refresh_from_db()
    assert (user.name, user.email, user.athlete_profile.units) == ("Anna", "ana@example.com", "imperial")


def test_account_refuses_what_is_not_a_zone_or_a_unit_and_changes_nothing():
    user = UserFactory(name="Ana")

    response = api(user).patch(
        "/api/v1/account/", {"name": "B", "units": "cubits", "time_zone": "../etc/passwd"}, format="json"
    )

    assert (response.status_code, response.json()) == (
        400,
        {
            "type": "about:blank",
            "title": "Bad Request",
            "status": 400,
            "detail": 'units: "cubits" is not a valid choice.; time_zone: Not the name of a time zone.',
            "errors": {"units": ['"cubits" is not a valid choice.'], "time_zone": ["Not the name of a time zone."]},
        },
    )
    user.refresh_from_db()
    assert user.name == "Ana"


def test_save_profile_works_the_days_out_again_where_the_midnights_move():
    user = UserFactory()

    save_profile(user, time_zone="UTC", units="imperial")
    assert SyncRun.objects.count() == 0

    save_profile(user, time_zone="Asia/Tokyo")
    save_profile(user, time_zone="Asia/Tokyo")
    assert [run.user for run in SyncRun.objects.all()] == [user]


# --- parameters -------------------------------------------------------------------------------


def test_parameter_at_is_the_latest_in_effect_by_that_day():
    user = UserFactory()
    set_parameter(UserFactory(), name=MAX, value=201, effective_from=date(2026, 1, 1))
    set_parameter(user, name=MAX, value=190, effective_from=date(2026, 3, 1))
    june = set_parameter(user, name=MAX, value=188, effective_from=date(2026, 6, 1))

    days = [date(2026, 2, 28), date(2026, 3, 1), date(2026, 5, 31), date(2026, 6, 1), date(2027, 1, 1)]
    assert [parameter_at(user, MAX, day) for day in days] == [None, 190.0, 190.0, 188.0, 188.0]

    remove_parameter(june)
    assert parameter_at(user, MAX, date(2027, 1, 1)) == 190.0


def test_set_parameter_of_the_same_day_corrects_it():
    user = UserFactory()

    for value in (190, 188, 188):
        set_parameter(user, name=MAX, value=value, effective_from=date(2026, 3, 1))

    assert list(AthleteParameter.objects.values_list("user", "name", "value", "effective_from")) == [
        (user.pk, MAX, 188.0, date(2026, 3, 1))
    ]


def test_athlete_parameters_are_told_listed_and_taken_back():
    user = UserFactory()
    client = api(user)
    body = {"name": MAX, "value": 187, "effective_from": "2026-03-01"}

    first = client.post("/api/v1/athlete-parameters/", {**body, "value": 186}, format="json")
    second = client.post("/api/v1/athlete-parameters/", body, format="json")

    told = {"id": first.json()["id"], "name": MAX, "value": 187.0, "effective_from": "2026-03-01"}
    assert (second.status_code, second.json()) == (201, told)
    assert client.get("/api/v1/athlete-parameters/").json() == {"next": None, "results": [told]}
    assert client.get(f"/api/v1/athlete-parameters/{told['id']}/").json() == told
    assert client.delete(f"/api/v1/athlete-parameters/{told['id']}/").status_code == 204
    assert client.get("/api/v1/athlete-parameters/").json() == {"next": None, "results": []}


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {name: ["This field is required."] for name in ("name", "value", "effective_from")}),
        (
            {"name": "shoe_size", "value": 43, "effective_from": "2026-03-01"},
            {"name": ['"shoe_size" is not a valid choice.']},
        ),
        ({"name": MAX, "value": 1870, "effective_from": "2026-03-01"}, {"value": ["Between 80 and 250."]}),
        ({"name": MAX, "value": "NaN", "effective_from": "2026-03-01"}, {"value": ["A valid number is required."]}),
    ],
    ids=["nothing", "unknown name", "beyond any heart", "not a number"],
)
def test_athlete_parameters_refuse_what_cannot_be(body, errors):
    response = api(UserFactory()).post("/api/v1/athlete-parameters/", body, format="json")

    assert (response.status_code, response.json()["errors"]) == (400, errors)
    assert AthleteParameter.objects.count() == 0


# --- tokens -----------------------------------------------------------------------------------


def test_token_is_made_with_its_secret_told_once_and_revoked():
    user = UserFactory()
    client = api(user)

    made = client.post("/api/v1/tokens/", {"name": "script"}, format="json")

    token = made.json()
    secret = token.pop("secret")
    told = (made.status_code, token["name"], token["prefix"], token["last_used_at"])
    assert told == (201, "script", secret[:8], None)
    assert client.get("/api/v1/tokens/").json() == {"next": None, "results": [token]}
    with_token = Client(headers={"authorization": f"Token {secret}"})
    assert with_token.get("/api/v1/account/").json()["email"] == user.email
    assert client.delete(f"/api/v1/tokens/{token['id']}/").status_code == 204
    assert with_token.get("/api/v1/account/").status_code == 401


def test_token_wants_a_name():
    response = api(UserFactory()).post("/api/v1/tokens/", {}, format="json")

    assert (response.status_code, response.json()["errors"]) == (400, {"name": ["This field is required."]})


# --- sessions ---------------------------------------------------------------------------------


def test_session_may_read_but_writes_only_with_its_csrf_token():
    user = UserFactory()
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)

    assert client.get("/api/v1/account/").json()["email"] == user.email
    refused = client.patch("/api/v1/account/", {"name": "B"}, content_type="application/json")
    assert (refused.status_code, refused["Content-Type"]) == (403, "application/problem+json")
    user.refresh_from_db()
    assert user.name != "B"

    client.cookies["csrftoken"] = "a" * 32
    told = client.patch(
        "/api/v1/account/", {"name": "B"}, content_type="application/json", headers={"x-csrftoken": "a" * 32}
    )
    assert (told.status_code, told.json()["name"]) == (200, "B")


def test_token_needs_no_csrf_token():
    _, secret = make_token(UserFactory(), name="a")
    client = Client(enforce_csrf_checks=True, headers={"authorization": f"Token {secret}"})

    response = client.patch("/api/v1/account/", {"name": "B"}, content_type="application/json")

    assert (response.status_code, response.json()["name"]) == (200, "B")


def test_times_are_told_in_utc():
    token, _ = make_token(user := UserFactory(), name="a")
    token.created_at = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
    token.save()

    assert api(user).get(f"/api/v1/tokens/{token.pk}/").json()["created_at"] == "2026-03-01T12:30:00Z"
