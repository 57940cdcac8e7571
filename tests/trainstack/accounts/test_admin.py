"""People as staff see them."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.factories.accounts import PASSWORD, StaffFactory, UserFactory
from tests.factories.activities import RawRecordFactory
from trainstack.accounts.models import AthleteParameter, User

pytestmark = pytest.mark.django_db

LIST = "/admin/accounts/user/"


@pytest.fixture
def staff(client):
    client.force_login(StaffFactory(email="staff@example.com"))
    return client


def new(email: str, **changed: str) -> dict[str, str]:
    passwords = {"usable_password": "true", "password1": PASSWORD, "password2": PASSWORD}
    return {"email": email, "name": "Nora", **passwords, **changed}


def page_data(user: User, **changed: str) -> dict[str, str]:
    """What the form of the user's page sends, with these changes."""
    return {
        "email": user.email,
        "name": user.name,
        "is_active": "on",
        "athlete_profile-TOTAL_FORMS": "0",
        "athlete_profile-INITIAL_FORMS": "0",
        "athlete_parameters-TOTAL_FORMS": "0",
        "athlete_parameters-INITIAL_FORMS": "0",
        "api_tokens-TOTAL_FORMS": "0",
        "api_tokens-INITIAL_FORMS": "0",
        **changed,
    }


def test_user_is_made_with_an_address_and_a_password(staff):
    answer = staff.post(f"{LIST}add/", new("Nora@Example.com"))

    user = User.objects.get(email="nora@example.com")
    assert (answer.status_code, answer.url) == (302, f"{LIST}{user.pk}/change/")
    assert (user.name, user.is_staff, user.is_active) == ("Nora", False, True)
    assert user.check_password(PASSWORD)


def test_user_is_not_made_twice(staff):
    UserFactory(email="nora@example.com")

    answer = staff.post(f"{LIST}add/", new("NORA@example.com"))

    assert "There is a user with this address already." in answer.content.decode()
    assert User.objects.filter(email__iexact="nora@example.com").count() == 1


@pytest.mark.parametrize(
    "data", [new("no address"), new("a@example.com", password2="other")], ids=["address", "password"]
)
def test_user_is_not_made_of_nonsense(staff, data):
    answer = staff.post(f"{LIST}add/", data)

    assert answer.status_code == 200
    assert User.objects.count() == 1


def test_user_becomes_staff_and_is_switched_off(staff):
    user = UserFactory()

    staff.post(f"{LIST}{user.pk}/change/", page_data(user, is_staff="on"))
    user.refresh_from_db()
    promoted = (user.is_staff, user.is_active)
    data = page_data(user)
    del data["is_active"]
    staff.post(f"{LIST}{user.pk}/change/", data)
    user.refresh_from_db()

    assert promoted == (True, True)
    assert (user.is_staff, user.is_active) == (False, False)
    assert user.check_password(PASSWORD)


def test_user_is_deleted_by_nobody_but_the_user(staff):
    record = RawRecordFactory()

    codes = [staff.post(f"{LIST}{record.user_id}/delete/", {"post": "yes"}).status_code]
    staff.post(LIST, {"action": "delete_selected", "_selected_action": record.user_id, "post": "yes"})

    assert codes == [403]
    assert User.objects.filter(pk=record.user_id).exists()


def test_user_page_leads_to_everything_of_the_user(staff):
    record = RawRecordFactory()
    html = staff.get(f"{LIST}{record.user_id}/change/").content.decode()

    links = re.findall(rf'href="(/admin/[a-z/]+/\?user={record.user_id})"', html)
    answers = [staff.get(link) for link in links]

    assert len(links) == 9
    assert [answer.status_code for answer in answers] == [200] * 9
    assert [row.pk for row in answers[0].context["cl"].result_list] == [record.pk]


def test_users_are_found_by_address_and_name(staff):
    anna = UserFactory(email="anna@example.com", name="Anna Berg")

    for query in ("anna@", "Berg"):
        assert [row.pk for row in staff.get(LIST, {"q": query}).context["cl"].result_list] == [anna.pk]


def test_list_needs_as_many_queries_for_three_users_as_for_one(staff):
    staff.get(LIST)
    with CaptureQueriesContext(connection) as one:
        staff.get(LIST)
    UserFactory.create_batch(2)
    with CaptureQueriesContext(connection) as three:
        answer = staff.get(LIST)

    assert len(answer.context["cl"].result_list) == 3
    assert len(three) == len(one)


def test_pages_are_for_staff_and_hold_nothing_that_the_policy_forbids(client):
    user = UserFactory()
    addresses = [LIST, f"{LIST}add/", f"{LIST}{user.pk}/change/", f"{LIST}{user.pk}/password/"]
    client.force_login(user)
    assert [client.get(address).status_code for address in addresses] == [302] * 4
    client.force_login(StaffFactory())
    for address in addresses:
        html = client.get(address).content.decode()
        assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", html) == [], address


def test_parameters_are_looked_at_only(staff):
    row = AthleteParameter.objects.create(
        user=UserFactory(), name="max_heart_rate_bpm", value=190, effective_from="2026-01-01"
    )
    addresses = [
        reverse("admin:accounts_athleteparameter_changelist"),
        reverse("admin:accounts_athleteparameter_change", args=[row.pk]),
    ]

    assert [staff.get(address).status_code for address in addresses] == [200, 200]
    assert staff.post(addresses[1], {"value": 1}).status_code == 403


def test_index_calls_only_one_group_accounts(staff):
    names = [app["name"] for app in staff.get(reverse("admin:index")).context["app_list"]]

    assert (names.count("Accounts"), names.count("People")) == (1, 1)
