from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from activities.domain.metrics import metric_of
from activities.selectors.metrics import (
    MetricDay,
    MetricDays,
    MetricGroup,
    MetricSummary,
    metric_days,
    metrics_overview,
    sample_page,
)
from tests.activities.keeping import keep_samples
from tests.factories.accounts import UserFactory
from tests.factories.activities import DailyMetricFactory, DeviceFactory
from trainstack.accounts.services import save_profile

pytestmark = pytest.mark.django_db

MAY_2 = datetime(2026, 5, 2, 12, tzinfo=UTC)


# --- one metric by day --------------------------------------------------------------------------


def test_metric_days_are_the_totals_of_each_day_oldest_first():
    user = UserFactory()
    days = [date(2026, 5, day) for day in (1, 2, 3, 4)]
    for day in (3, 2, 1, 0):
        detail = {"count": day, "devices": {"Watch": 1}}
        DailyMetricFactory(user=user, date=days[day], value=1000.0 * day, detail=detail)
    DailyMetricFactory(user=user, date=days[1], provider="tempo", value=7.0)
    DailyMetricFactory(user=user, date=days[1], device=DeviceFactory(user=user), value=8.0)
    DailyMetricFactory(user=user, date=days[1], metric="active_energy", value=9.0)
    DailyMetricFactory(date=days[1], value=10.0)

    assert metric_days(user, "steps", days[1], days[2]) == MetricDays(
        metric=metric_of("steps"),
        days=(
            MetricDay(
                days[1],
                1000.0,
                count=1,
                provider="apple_health",
                detail={"count": 1, "devices": {"Watch": 1}},
                also=("tempo",),
            ),
            MetricDay(days[2], 2000.0, count=2, provider="apple_health", detail={"count": 2, "devices": {"Watch": 1}}),
        ),
        from_series=False,
    )


def test_metric_days_fall_back_to_the_samples_in_the_athletes_own_days():
    user = UserFactory()
    save_profile(user, time_zone="Asia/Tokyo")
    midnight = datetime(2026, 5, 2, 15, tzinfo=UTC)  # in Tokyo
    before, after = midnight - timedelta(seconds=1), midnight + timedelta(seconds=1)
    keep_samples(user, "heart_rate", (before, 60.0, None), (midnight, 70.0, None), (after, 80.0, None))
    keep_samples(UserFactory(), "heart_rate", (after, 200.0, None))

    assert metric_days(user, "heart_rate", date(2026, 5, 1), date(2026, 5, 31)) == MetricDays(
        metric=metric_of("heart_rate"),
        days=(
            MetricDay(date(2026, 5, 2), 60.0, min=60.0, max=60.0, count=1),
            MetricDay(date(2026, 5, 3), 75.0, min=70.0, max=80.0, count=2),
        ),
        from_series=True,
    )


def test_metric_days_of_what_is_not_there_are_none():
    day = date(2026, 5, 2)

    assert metric_days(UserFactory(), "steps", day, day) == MetricDays(metric_of("steps"), (), from_series=True)


# --- all metrics --------------------------------------------------------------------------------


def test_metrics_overview_groups_each_metric_with_its_latest_day():
    user = UserFactory()
    today = date(2026, 5, 31)
    for age in (0, 1, 29, 30):
        DailyMetricFactory(user=user, date=today - timedelta(days=age), value=100.0 - age)
    DailyMetricFactory(user=user, metric="weight", date=date(2024, 1, 1), value=72.5)
    DailyMetricFactory(user=user, metric="weight", date=date(2023, 1, 1), value=75)
    DailyMetricFactory(user=user, metric="heart_rate", date=today, value=63)
    DailyMetricFactory(metric="vo2max", date=today)
    keep_samples(user, "heart_rate", (MAY_2, 60.0, None))
    keep_samples(user, "sleep_stage", (MAY_2, None, "AsleepDeep"))

    def day(age: int) -> MetricDay:
        return MetricDay(today - timedelta(days=age), 100.0 - age, provider="apple_health")

    heart = MetricDay(today, 63.0, provider="apple_health")
    weight = MetricDay(date(2024, 1, 1), 72.5, provider="apple_health")
    assert metrics_overview(user) == [
        MetricGroup("heart", "Heart", (MetricSummary(metric_of("heart_rate"), heart, (heart,), today),)),
        MetricGroup("sleep", "Sleep", (MetricSummary(metric_of("sleep_stage"), None, (), date(2026, 5, 2)),)),
        MetricGroup(
            "activity", "Activity", (MetricSummary(metric_of("steps"), day(0), (day(29), day(1), day(0)), today),)
        ),
        MetricGroup("body", "Body", (MetricSummary(metric_of("weight"), weight, (), date(2024, 1, 1)),)),
    ]


@pytest.mark.parametrize("rows", [1, 3])
def test_metrics_overview_costs_the_same_whatever_it_holds(rows, django_assert_num_queries):
    user = UserFactory()
    user.profile  # noqa: B018  made on first use
    for number in range(rows):
        DailyMetricFactory(user=user, metric="steps", date=date(2026, 5, 31) - timedelta(days=number))
        DailyMetricFactory(user=user, metric=f"HKOld{number}", date=date(2020, 1, 1))
        keep_samples(user, f"HKSeries{number}", (MAY_2, 1.0, None))

    with django_assert_num_queries(3):
        groups = metrics_overview(user)

    assert sum(len(group.metrics) for group in groups) == 1 + 2 * rows


def test_metrics_overview_bears_any_number_of_types():
    user = UserFactory()
    types = {f"HKType{number}" for number in range(1100)}
    DailyMetricFactory(user=user, metric="steps", date=date(2026, 5, 31))
    user.daily_metrics.bulk_create(
        DailyMetricFactory.build(user=user, metric=metric, date=date(2020, 1, 1)) for metric in types
    )

    told = {one.metric.slug for group in metrics_overview(user) for one in group.metrics}

    assert told == types | {"steps"}


def test_metrics_overview_of_nothing_is_empty():
    assert metrics_overview(UserFactory()) == []


# --- samples by page ----------------------------------------------------------------------------


def pages(user, metric, limit, start=None, end=None, device=None):
    """The start seconds after MAY_2 on each page until none follows."""
    told = []
    while True:
        page = sample_page(user, metric, start=start, end=end, device=device, limit=limit)
        assert page.table["start_ms"].to_pylist() == sorted(page.table["start_ms"].to_pylist())
        told.append([ms // 1000 - round(MAY_2.timestamp()) for ms in page.table["start_ms"].to_pylist()])
        if page.next_start is None:
            return told
        start = page.next_start


def seconds(*after: int):
    return [(MAY_2 + timedelta(seconds=second), float(second), None) for second in after]


def test_sample_page_goes_through_all_samples_in_order_and_splits_no_moment():
    user = UserFactory()
    watch = keep_samples(user, "heart_rate", *seconds(0, 1, 2, 3, 4))
    keep_samples(user, "heart_rate", *seconds(1, 3), device="Strap")
    keep_samples(user, "power", *seconds(2))
    keep_samples(UserFactory(), "heart_rate", *seconds(7))

    assert pages(user, "heart_rate", 2) == [[0, 1, 1], [2, 3, 3], [4]]
    assert pages(user, "heart_rate", 100) == [[0, 1, 1, 2, 3, 3, 4]]
    assert pages(user, "heart_rate", 2, device=watch.pk) == [[0, 1], [2, 3], [4]]
    assert pages(user, "cadence", 2) == [[]]


def test_sample_page_holds_what_begins_from_start_to_before_end():
    user = UserFactory()
    keep_samples(user, "heart_rate", *seconds(0, 1, 2, 3, 4))
    start, end = MAY_2 + timedelta(seconds=1), MAY_2 + timedelta(seconds=4)

    assert pages(user, "heart_rate", 10, start, end) == [[1, 2, 3]]
    assert pages(user, "heart_rate", 2, start, end) == [[1, 2], [3]]
    assert pages(user, "heart_rate", 2, end=MAY_2) == [[]]
    assert pages(user, "heart_rate", 2, start=end + timedelta(seconds=1)) == [[]]


def test_sample_page_passes_over_months_without_samples_and_over_years():
    user = UserFactory()
    month = 30 * 24 * 3600
    keep_samples(user, "weight", *seconds(0, 8 * month, 8 * month + 1, 40 * month))

    told = pages(user, "weight", 1)

    assert [second for page in told for second in page] == [0, 8 * month, 8 * month + 1, 40 * month]
    assert [] not in told
    assert pages(user, "weight", 3) == [[0, 8 * month, 8 * month + 1], [40 * month]]


def test_sample_page_keeps_values_and_words():
    user = UserFactory()
    device = keep_samples(user, "sleep_stage", (MAY_2, None, "AsleepDeep"))

    table = sample_page(user, "sleep_stage", start=None, end=None, device=None, limit=5).table

    at = round(MAY_2.timestamp() * 1000)
    told = table.select(["start_ms", "end_ms", "value", "text", "device_id"]).to_pylist()
    assert told == [{"start_ms": at, "end_ms": at + 1000, "value": None, "text": "AsleepDeep", "device_id": device.pk}]
