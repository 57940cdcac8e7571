from datetime import UTC, date, datetime, timedelta

import pytest

from activities import listing
from activities.listing import Month, page_of, span_of_metric
from activities.selectors.activities import activities_of
from tests.factories.activities import ActivityFactory, DailyMetricFactory

START = datetime(2026, 5, 2, 7, 30, tzinfo=UTC)


@pytest.fixture
def small_pages(monkeypatch):
    monkeypatch.setattr(listing, "PAGE_SIZE", 2)


def make(user, **fields):
    return ActivityFactory(user=user, **fields)


def walk(user):
    """Every page of a person's activities, as lists of ids."""
    pages, before = [], ""
    while True:
        page = page_of(activities_of(user), before)
        pages.append([activity.pk for month in page.months for activity in month.activities])
        before = page.before
        if not before:
            return pages


def test_pages_hold_every_activity_once_and_newest_first(user, small_pages):
    same_moment = [make(user, start_time=START) for _ in range(3)]
    older = make(user, start_time=START - timedelta(days=40))
    newer = make(user, start_time=START + timedelta(days=1))

    assert walk(user) == [
        [newer.pk, same_moment[2].pk],
        [same_moment[1].pk, same_moment[0].pk],
        [older.pk],
    ]


def test_page_that_ends_with_the_list_promises_no_next(user, small_pages):
    make(user)
    make(user)

    assert page_of(activities_of(user)).before == ""


def test_month_counts_all_of_it_and_not_only_what_is_on_the_page(user, small_pages):
    rows = [
        make(user, start_time=START + timedelta(days=n), elapsed_s=600.0, distance_m=None if n else 1000.0)
        for n in range(3)
    ]

    assert page_of(activities_of(user)).months == (Month(date(2026, 5, 1), (rows[2], rows[1]), 3, 1800.0, 1000.0),)


def test_months_lie_where_it_happened(user):
    late = make(user, start_time=datetime(2026, 5, 31, 23, 0, tzinfo=UTC), local_date=date(2026, 6, 1))

    (month,) = page_of(activities_of(user)).months

    assert (month.first, month.activities) == (date(2026, 6, 1), (late,))


@pytest.mark.parametrize("before", ["x", "2026-05-02~", "~1", "2026-05-02T07:30:00~1", "2026-05-02T07:30:00+00:00~x"])
def test_page_refuses_what_no_page_gave(user, before):
    with pytest.raises(ValueError, match=r"."):
        page_of(activities_of(user), before)


def test_page_takes_three_queries(user, django_assert_num_queries):
    for _ in range(3):
        make(user)

    with django_assert_num_queries(3):
        page_of(activities_of(user))


def test_span_of_a_metric_is_from_its_first_to_its_last_day(user, other_user):
    for day in (date(2026, 1, 3), date(2024, 2, 29)):
        DailyMetricFactory(user=user, metric="weight", date=day)
    DailyMetricFactory(user=other_user, metric="weight", date=date(2020, 1, 1))

    assert span_of_metric(user, "weight") == (date(2024, 2, 29), date(2026, 1, 3))


def test_span_of_an_unknown_metric_is_none(user, other_user):
    DailyMetricFactory(user=other_user, metric="weight")

    assert span_of_metric(user, "weight") is None
