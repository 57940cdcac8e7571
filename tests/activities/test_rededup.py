"""`manage.py rededup`: an account grouped from scratch, and what that changed."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from activities.models import Activity, SourceActivity
from tests.factories.activities import SourceActivityFactory
from trainstack.accounts.models import User

pytestmark = pytest.mark.django_db


def rededup(user: User, *more: str) -> str:
    out = StringIO()
    call_command("rededup", "--user", user.email, *more, stdout=out)
    return out.getvalue()


def test_rededup_joins_what_belongs_together_and_then_finds_nothing(user, other_user):
    first = SourceActivityFactory(user=user, name="Morning run")
    SourceActivityFactory(user=user, provider="garmin", start_time=first.start_time, name="Morning run")
    SourceActivityFactory(user=other_user, start_time=first.start_time)

    assert rededup(user) == (
        "2 records are 1 activities. Changed: 1 activities that are part of another now, "
        "1 source activities in another activity.\n"
    )
    assert rededup(user) == "2 records are 1 activities. Nothing changed.\n"
    assert Activity.objects.filter(user=other_user).count() == 1


def test_rededup_tells_as_json(user):
    source = SourceActivityFactory(user=user, activity=None)

    told = json.loads(rededup(user, "--json"))

    assert told == {
        "user": user.email, "records": 1, "activities": 1, "changed": True,
        "changes": {"created": 1, "retired": 0, "removed": 0, "switched": 0, "corrected": 0, "moved": 1,
                    "suggestions": 0},
    }  # fmt: skip
    assert SourceActivity.objects.get(pk=source.pk).activity == Activity.objects.get()
    assert json.loads(rededup(user, "--json"))["changed"] is False


def test_rededup_of_nobody_says_so():
    with pytest.raises(CommandError, match="There is no user nobody@example"):
        call_command("rededup", "--user", "nobody@example.com")
