from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from activities.selectors.sleep import Night, recent_sleep, sleep_night
from tests.factories.accounts import UserFactory
from tests.factories.activities import SleepSessionFactory

pytestmark = pytest.mark.django_db


def sleep(user, day: int, **told):
    """A sleep that ended on that day of May 2026."""
    return SleepSessionFactory(user=user, start_time=datetime(2026, 5, day - 1, 22, tzinfo=UTC), **told)


@pytest.mark.parametrize("rows", [1, 3])
def test_recent_sleep_is_the_shown_main_sleep_of_the_last_nights(rows, django_assert_num_queries):
    user = UserFactory()
    nights = [sleep(user, day) for day in range(10, 10 + rows)]
    sleep(user, 9)
    sleep(user, 20, is_main=False)
    sleep(user, 21, is_shown=False)
    sleep(UserFactory(), 22)

    with django_assert_num_queries(1):
        told = recent_sleep(user, rows)
        names = [session.device.name for session in told]

    assert told == nights[::-1]
    assert names == [session.device.name for session in told]


def test_sleep_night_is_the_shown_sleep_its_naps_and_what_others_told():
    user = UserFactory()
    before, after = sleep(user, 5), sleep(user, 14)
    sleep(user, 9, is_shown=False)
    shown = sleep(user, 10)
    other = sleep(user, 10, is_shown=False, provider="tempo")
    nap = SleepSessionFactory(user=user, start_time=shown.end_time + timedelta(hours=6), date=shown.date, is_main=False)
    sleep(UserFactory(), 11)

    assert sleep_night(user, date(2026, 5, 10)) == Night(
        date=date(2026, 5, 10), shown=shown, naps=(nap,), others=(other,), previous=before.date, next=after.date
    )


def test_sleep_night_without_any_sleep_is_none():
    assert sleep_night(UserFactory(), date(2026, 5, 10)) is None
    assert sleep_night(sleep(UserFactory(), 10).user, date(2026, 5, 11)) is None
