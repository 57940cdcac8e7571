"""Whoever leaves takes everything along that was decided, and nothing of anybody else's."""

from __future__ import annotations

import pytest
from django.apps import apps

from activities.domain.matching import Record
from activities.models import Activity
from activities.services.deciding import make_primary, say_same, split_off
from activities.services.leaving import delete_account
from activities.services.priorities import set_priority
from tests.activities.services.grouping_account import file
from trainstack.accounts.models import User

pytestmark = pytest.mark.django_db

START_MS = 1_780_000_000_000


def fill(user: User) -> None:
    """Groups, near misses, decisions, a pin, a retired id and an order."""
    for number, (provider, start_s) in enumerate((("garmin", 0), ("strava", 5), ("polar", 200), ("wahoo", 9000))):
        file(user, [Record(provider, str(number), "running", START_MS + start_s * 1000, elapsed_ms=3_600_000)])
    sources = {it.provider: it for it in user.source_activities.all()}
    say_same(user, sources["garmin"], sources["wahoo"])
    split_off(user, sources["strava"])
    make_primary(user, sources["wahoo"])
    set_priority(user, "activities", [["wahoo"]])


def held(user: User) -> dict[str, int]:
    """Rows of this app that name the user, by model."""
    models = [
        it for it in apps.get_app_config("activities").get_models() if any(f.name == "user" for f in it._meta.fields)
    ]
    return {it.__name__: it._default_manager.filter(user=user.pk).count() for it in models}


def test_everything_of_an_account_goes_and_nothing_of_another(user: User, other_user: User) -> None:
    fill(user)
    fill(other_user)
    before = held(other_user)
    for name in ("LinkDecision", "Pin", "RetiredActivity", "Suggestion", "SourcePriority", "SourceActivity"):
        assert before[name], name

    delete_account(user)

    assert set(held(user).values()) == {0}
    assert held(other_user) == before
    assert Activity.objects.count() == before["Activity"]
