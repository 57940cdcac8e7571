import re
from datetime import date

import pytest
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from tests.factories.accounts import PASSWORD
from trainstack.accounts.models import AthleteParameter, User
from trainstack.accounts.services import make_token, save_profile, set_parameter

ACCOUNT = reverse("accounts:settings")
NAME = AthleteParameter.Name.MAX_HEART_RATE_BPM


@pytest.fixture(autouse=True)
def forgotten():
    """allauth remembers in the cache whom it has just sent a mail, and sends no second one."""
    cache.clear()


@pytest.fixture
def client(user, client_of):
    return client_of(user)


def test_account_asks_a_stranger_to_log_in(db):
    assert Client().get(ACCOUNT)["Location"] == f"/accounts/login/?next={ACCOUNT}"


def test_account_saves_name_units_time_zone_and_filling(client, user):
    told = {"name": "Nora", "units": "imperial", "time_zone": "America/New_York", "fill_gaps": "on"}

    response = client.post(ACCOUNT, told)

    user = User.objects.get(pk=user.pk)
    assert response["Location"] == ACCOUNT
    profile = user.profile
    assert (user.name, profile.units, profile.time_zone, profile.fill_gaps) == (
        "Nora", "imperial", "America/New_York", True,
    )  # fmt: skip


def test_account_stops_filling_where_the_box_is_empty(client, user):
    save_profile(user, fill_gaps=True)

    client.post(ACCOUNT, {"name": "Nora", "units": "metric", "time_zone": ""})

    assert User.objects.get(pk=user.pk).profile.fill_gaps is False


@pytest.mark.parametrize(
    ("field", "value"), [("units", "furlongs"), ("time_zone", "Mars/Olympus"), ("name", "x" * 121)]
)
def test_account_refuses_what_it_does_not_know(client, user, field, value):
    told = {"name": "Nora", "units": "imperial", "time_zone": "Europe/Berlin", field: value}

    response = client.post(ACCOUNT, told)

    assert response.status_code == 422
    assert User.objects.get(pk=user.pk).profile.units == "metric"


def test_max_heart_rate_holds_from_its_day(client, user):
    client.post(reverse("accounts:set_max_heart_rate"), {"value": "188", "effective_from": "2025-01-01"})

    assert list(user.athlete_parameters.values_list("name", "value", "effective_from")) == [
        (NAME, 188.0, date(2025, 1, 1))
    ]
    assert "188 bpm" in client.get(ACCOUNT).content.decode()


@pytest.mark.parametrize("value", ["", "fast", "99", "241"])
def test_max_heart_rate_refuses_a_slip_of_the_finger(client, user, value):
    response = client.post(reverse("accounts:set_max_heart_rate"), {"value": value})

    assert (response.status_code, user.athlete_parameters.count()) == (422, 0)


def test_remove_parameter_takes_only_ones_own(client, user, other_user):
    mine, theirs = (
        set_parameter(person, name=NAME, value=180, effective_from=date(2025, 1, 1)) for person in (user, other_user)
    )

    answers = [client.post(reverse("accounts:remove_parameter", args=[one.pk])).status_code for one in (mine, theirs)]

    assert answers == [302, 404]
    assert list(AthleteParameter.objects.all()) == [theirs]


def test_token_is_shown_once_and_opens_the_api(client, user):
    text = client.post(reverse("accounts:make_token"), {"name": "my script"}).content.decode()

    secret = re.search(r'<code id="secret">(ts_[^<]+)</code>', text).group(1)
    assert secret not in client.get(ACCOUNT).content.decode()
    assert Client().get("/api/v1/activities/", headers={"Authorization": f"Token {secret}"}).status_code == 200


def test_token_needs_a_name(client, user):
    response = client.post(reverse("accounts:make_token"), {"name": ""})

    assert (response.status_code, user.api_tokens.count()) == (422, 0)


def test_revoke_token_takes_only_ones_own(client, user, other_user):
    (mine, _), (theirs, _) = (make_token(person, name="x") for person in (user, other_user))

    answers = [client.post(reverse("accounts:revoke_token", args=[one.pk])).status_code for one in (mine, theirs)]

    assert answers == [302, 404]
    assert (user.api_tokens.count(), other_user.api_tokens.count()) == (0, 1)


@pytest.mark.parametrize("name", ["set_max_heart_rate", "make_token"])
def test_changes_are_not_made_by_a_link(client, name):
    assert client.get(reverse(f"accounts:{name}")).status_code == 405


def sign_up(**told):
    fields = {"email": "nora@example.com", "password1": "correct horse 42", "password2": "correct horse 42"}
    return Client().post(reverse("account_signup"), fields | told)


@pytest.mark.parametrize(
    ("told", "kept"), [({"time_zone": "Europe/Berlin"}, "Europe/Berlin"), ({"time_zone": "Mars/Olympus"}, ""), ({}, "")]
)
def test_signing_up_keeps_the_browsers_time_zone(db, told, kept):
    response = sign_up(**told)

    assert response["Location"] == reverse("account_email_verification_sent")
    assert User.objects.get(email="nora@example.com").profile.time_zone == kept


def test_link_in_the_mail_confirms_the_address(db):
    sign_up()
    link = re.search(r"/accounts/confirm-email/\S+/", mail.outbox[0].body).group()
    client = Client()

    page = client.get(link)
    client.post(link)

    assert "nora@example.com" in page.content.decode()
    assert User.objects.get().emailaddress_set.get().verified is True


def test_logging_in_leads_to_today(user):
    response = Client().post(reverse("account_login"), {"login": user.email, "password": PASSWORD})

    assert response["Location"] == reverse("activities:today")


@pytest.mark.parametrize(
    "name", ["account_login", "account_signup", "account_reset_password", "account_email_verification_sent"]
)
def test_pages_of_a_visitor_are_ours(db, name):
    response = Client().get(reverse(name))

    assert response.status_code == 200
    assert "entrance.html" in {template.name for template in response.templates}


@pytest.mark.parametrize("name", ["account_email", "account_change_password"])
def test_pages_about_logging_in_are_ours(client, name):
    response = client.get(reverse(name))

    assert response.status_code == 200
    assert "base.html" in {template.name for template in response.templates}


def test_new_password_is_sent_to_the_page_that_asked_for_it(client, user):
    told = {"oldpassword": PASSWORD, "password1": "battery staple 17", "password2": "battery staple 17"}

    text = client.get(reverse("account_change_password")).content.decode()
    response = client.post(reverse("account_change_password"), told)

    assert '<form class="panel form" method="post">' in text
    assert response.status_code == 302
    assert User.objects.get(pk=user.pk).check_password("battery staple 17")


def test_mails_are_shown_in_the_demo(db, settings, tmp_path):
    settings.MAILBOX = True
    settings.MAILBOX_DIR = settings.EMAIL_FILE_PATH = tmp_path
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    sign_up()

    text = Client().get(reverse("accounts:mails")).content.decode()

    assert "nora@example.com" in text
    assert "/accounts/confirm-email/" in text


def test_mails_are_no_page_of_a_real_server(db, settings):
    settings.MAILBOX = False

    assert Client().get(reverse("accounts:mails")).status_code == 404


@pytest.mark.parametrize("path", ["/nothing/here/"])
def test_page_that_is_not_there_is_ours(db, settings, path):
    settings.DEBUG = False

    response = Client().get(path)

    assert response.status_code == 404
    assert "Not here" in response.content.decode()
