"""The athlete's daily figures: one metric by day, and the state of all of them."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from math import isnan
from operator import itemgetter
from typing import Any

import numpy as np
import pyarrow as pa
from django.db.models import Exists, Max, OuterRef, Q, QuerySet

from activities.domain.metrics import GROUPS, Metric, metric_of
from activities.domain.priority import Candidate, Order, Richness, kind_of_metric, shown
from activities.models import DailyMetric
from activities.selectors.priorities import orders_of
from activities.selectors.series import daily_stats, samples
from trainstack.accounts.models import User

# What the overview draws beside each metric.
OVERVIEW_DAYS = 30
# Databases bound the number of parameters of a query, and a file may hold any number of types.
METRICS_AT_ONCE = 200
SAMPLE_COLUMNS = ("start_ms", "end_ms", "value", "text", "device_id")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class MetricDay:
    """One metric on one local day in the metric's unit; `provider` says whose figure it is, "" where of several."""

    date: date
    value: float
    min: float | None = None
    max: float | None = None
    count: int | None = None
    provider: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    # The other providers that told of this day.
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class MetricDays:
    """The days that have a value, oldest first; `from_series` where they were worked out from the samples just now."""

    metric: Metric
    days: tuple[MetricDay, ...]
    from_series: bool


@dataclass(frozen=True)
class MetricSummary:
    """How one metric stands: its latest day, and the days of the athlete's last thirty that have a value.

    A series without daily figures (words, such as sleep stages) has neither, but its `last_date`.
    """

    metric: Metric
    latest: MetricDay | None
    days: tuple[MetricDay, ...]
    last_date: date


@dataclass(frozen=True)
class MetricGroup:
    """Metrics that belong together, by label; `title` is the group's name for a person."""

    name: str
    title: str
    metrics: tuple[MetricSummary, ...]


def daily_metrics_of(user: User) -> QuerySet[DailyMetric]:
    """Every daily figure of every source, by metric and newest first, with its device."""
    return user.daily_metrics.select_related("device").order_by("metric", "-date", "-id")


def metric_days(user: User, metric: str, first: date, last: date) -> MetricDays:
    """One metric by day, both ends included: the stored totals, else the samples by the athlete's own days."""
    days = _days(user, _totals(user).filter(metric=metric, date__range=(first, last)))
    if days:
        return MetricDays(metric_of(metric), tuple(days[metric]), from_series=False)
    return MetricDays(metric_of(metric), _days_of_series(user, metric, first, last), from_series=True)


def metrics_overview(user: User) -> list[MetricGroup]:
    """Every metric of the athlete by group, in three queries; one more for each further 200 metrics."""
    last_dates = dict(_totals(user).order_by().values_list("metric").annotate(Max("date")))
    metrics = list(last_dates)
    last_day = max(last_dates.values(), default=date.max)
    recent = {last_day - timedelta(days=age) for age in range(OVERVIEW_DAYS)}
    days: dict[str, list[MetricDay]] = {}
    for at in range(0, len(metrics), METRICS_AT_ONCE):
        some = metrics[at : at + METRICS_AT_ONCE]
        # Of those that fell silent earlier their last day too; lists of both columns are what an index answers.
        dates = recent.union(last_dates[metric] for metric in some)
        days |= _days(user, _totals(user).filter(metric__in=some, date__in=sorted(dates)))
    summaries = [
        MetricSummary(metric_of(metric), told[-1], tuple(day for day in told if day.date in recent), told[-1].date)
        for metric, told in days.items()
    ]
    return _grouped([*summaries, *_without_days(user, last_dates)])


def _totals(user: User) -> QuerySet[DailyMetric]:
    """A provider's own figures and our totals over its devices, oldest first."""
    return user.daily_metrics.filter(device=None).order_by("metric", "date", "provider")


def _days(user: User, totals: QuerySet[DailyMetric]) -> dict[str, list[MetricDay]]:
    """The days of each metric; where several providers tell of one day, the athlete's order says which is shown."""
    metrics: dict[str, dict[date, list[MetricDay]]] = {}
    for metric, day, value, provider, detail in totals.values_list("metric", "date", "value", "provider", "detail"):
        told = MetricDay(day, value, detail.get("min"), detail.get("max"), detail.get("count"), provider, detail)
        metrics.setdefault(metric, {}).setdefault(day, []).append(told)
    orders: dict[str, Order] | None = None
    for metric, days in metrics.items():
        kind = kind_of_metric(metric)
        for day, told_by in days.items():
            if len(told_by) > 1:
                orders = orders_of(user) if orders is None else orders
                days[day] = [_elected(told_by, orders.get(kind, Order()), kind)]
    return {metric: [told_by[0] for told_by in days.values()] for metric, days in metrics.items()}


def _elected(told_by: Sequence[MetricDay], order: Order, kind: str) -> MetricDay:
    """The one of a day's figures that is shown: of equals that of more samples, then by the provider's name."""
    by_key = {(one.provider, ""): one for one in told_by}
    candidates = [Candidate(key, richness=Richness(samples=one.count or 0)) for key, one in by_key.items()]
    elected = by_key[shown(candidates, order, kind) or candidates[0].key]
    return replace(elected, also=tuple(one.provider for one in told_by if one is not elected))


# Metric, local date and provider -> value and detail.
Figures = Mapping[tuple[str, date, str], tuple[float, Mapping[str, Any]]]


def switched_days(user: User, kind: str, order: Order, becoming: Figures) -> Iterator[str]:
    """Whose figure would be shown of each day of this kind of data that this order would show otherwise.

    `becoming` are the figures that a provider tells differently under this order (of its devices).
    """
    before = orders_of(user).get(kind, Order())
    elsewhere = DailyMetric.objects.filter(
        user=OuterRef("user"), metric=OuterRef("metric"), date=OuterRef("date"), device=None
    ).exclude(provider=OuterRef("provider"))
    rows = _totals(user).filter(Exists(elsewhere) | Q(metric__in={metric for metric, _, _ in becoming}))
    told_of = rows.values_list("metric", "date", "value", "provider", "detail").iterator()
    for (metric, _), told in groupby(told_of, key=itemgetter(0, 1)):
        if kind_of_metric(metric) != kind:
            continue
        was, becomes = [], []
        for _, day, value, name, detail in told:
            was.append(MetricDay(day, value, count=detail.get("count"), provider=name))
            value, detail = becoming.get((metric, day, name), (value, detail))
            becomes.append(MetricDay(day, value, count=detail.get("count"), provider=name))
        shown_now, shown_then = _elected(was, before, kind), _elected(becomes, order, kind)
        if (shown_then.provider, shown_then.value) != (shown_now.provider, shown_now.value):
            yield shown_then.provider


def _days_of_series(user: User, metric: str, first: date, last: date) -> tuple[MetricDay, ...]:
    """Days straight from the samples; of what has no figure for a day (words), how many samples it had."""
    stats = daily_stats(user, metric, first, last, user.profile.zone)
    by_aggregate = {"sum": stats.sum, "min": stats.min, "max": stats.max, "mean": stats.mean, "last": stats.last}
    values = by_aggregate.get(metric_of(metric).aggregate, stats.count)
    columns = zip(values.tolist(), stats.min.tolist(), stats.max.tolist(), stats.count.tolist(), strict=True)
    return tuple(
        MetricDay(first + timedelta(days=day), float(value), min=_told(low), max=_told(high), count=count)
        for day, (value, low, high, count) in enumerate(columns)
        if count and not isnan(value)
    )


def _told(figure: float) -> float | None:
    return None if isnan(figure) else figure


def _without_days(user: User, known: Container[str]) -> list[MetricSummary]:
    zone = user.profile.zone
    last = user.sample_chunks.order_by().values_list("metric").annotate(Max("last_at"))
    return [
        MetricSummary(metric_of(metric), None, (), last_at.astimezone(zone).date())
        for metric, last_at in last
        if metric not in known
    ]


def _grouped(summaries: Iterable[MetricSummary]) -> list[MetricGroup]:
    groups: dict[str, list[MetricSummary]] = {name: [] for name in GROUPS}
    for one in sorted(summaries, key=lambda one: (one.metric.label.casefold(), one.metric.slug)):
        groups[one.metric.group].append(one)
    return [MetricGroup(name, GROUPS[name], tuple(metrics)) for name, metrics in groups.items() if metrics]


@dataclass(frozen=True)
class SamplePage:
    """Samples by their start, with SAMPLE_COLUMNS, and from where the next page goes on; None where nothing follows."""

    table: pa.Table
    next_start: datetime | None


def sample_page(
    user: User, metric: str, *, start: datetime | None, end: datetime | None, device: int | None, limit: int
) -> SamplePage:
    """The samples that begin in [start, end), about `limit` of them, read from no more files than that takes.

    Samples that begin in the same millisecond stay on one page, so a page may be longer; it is shorter where a month
    ends, but never empty while something follows.
    """
    chunks = user.sample_chunks.filter(metric=metric)
    if device is not None:
        chunks = chunks.filter(device=device)
    months: dict[datetime, int] = {}
    for day, rows in chunks.order_by("start").values_list("start", "rows"):
        month = datetime(day.year, day.month, 1, tzinfo=UTC)
        months[month] = months.get(month, 0) + rows
    ahead = [
        (month, rows)
        for month, rows in months.items()
        if (start is None or start < _after_month(month)) and (end is None or month < end)
    ]
    table, read = None, 0
    for at, (month, rows) in enumerate(ahead):
        read += rows
        if read < limit and at + 1 < len(ahead):
            continue
        upto = min(_after_month(month), end) if end else _after_month(month)
        table = samples(user, metric, start or ahead[0][0], upto, device=device, columns=SAMPLE_COLUMNS)
        if len(table):
            return _cut(table, limit, upto if at + 1 < len(ahead) else None)
    return SamplePage(samples(user, metric, EPOCH, EPOCH, columns=SAMPLE_COLUMNS) if table is None else table, None)


def _after_month(month: datetime) -> datetime:
    return (month + timedelta(days=31)).replace(day=1)


def _cut(table: pa.Table, limit: int, following: datetime | None) -> SamplePage:
    order: Any = [("start_ms", "ascending"), ("end_ms", "ascending"), ("device_id", "ascending")]
    table = table.sort_by(order)
    if len(table) <= limit:
        return SamplePage(table, following)
    starts = table["start_ms"].to_numpy()
    keep = int(np.searchsorted(starts, starts[limit - 1], side="right"))
    if keep == len(table):
        return SamplePage(table, following)
    return SamplePage(table[:keep], EPOCH + timedelta(milliseconds=int(starts[keep])))
