"""Long lists: pages that stay quick however far down, and totals of the months on a page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Count, Max, Min, Q, QuerySet, Sum
from django.db.models.functions import Coalesce, TruncMonth

from activities.models import Activity
from trainstack.accounts.models import User

PAGE_SIZE = 50


@dataclass(frozen=True)
class Month:
    """One month of a list: the activities of it that are on this page, and what all of the month comes to."""

    first: date
    activities: tuple[Activity, ...]
    count: int
    time_s: float
    distance_m: float | None


@dataclass(frozen=True)
class Page:
    """One page of activities by month; `before` asks for the next page and is "" on the last."""

    months: tuple[Month, ...]
    before: str


def page_of(found: QuerySet[Activity], before: str = "") -> Page:
    """The page that follows `before`, which an earlier page gave; raises ValueError if none did.

    `found` is ordered newest first. A page costs the same at the top and after ten thousand rows, because it begins at
    a row and not at a number.
    """
    rows = found
    if before:
        start, pk = _row_of(before)
        rows = found.filter(Q(start_time__lt=start) | Q(start_time=start, pk__lt=pk))
    activities = list(rows[: PAGE_SIZE + 1])
    more = len(activities) > PAGE_SIZE
    activities = activities[:PAGE_SIZE]
    by_month: dict[date, list[Activity]] = {}
    for activity in activities:
        by_month.setdefault(activity.local_date.replace(day=1), []).append(activity)
    totals = _totals(found, list(by_month))
    months = tuple(Month(first, tuple(group), *totals[first]) for first, group in by_month.items())
    last = activities[-1] if more else None
    return Page(months, f"{last.start_time.isoformat()}~{last.pk}" if last else "")


def _row_of(before: str) -> tuple[datetime, int]:
    start, _, pk = before.rpartition("~")
    moment = datetime.fromisoformat(start)
    if moment.tzinfo is None:
        raise ValueError("a moment without its zone")
    return moment, int(pk)


def _totals(found: QuerySet[Activity], months: list[date]) -> dict[date, tuple[int, float, float | None]]:
    """Count, seconds and metres of whole months."""
    if not months:
        return {}
    # The months of a page follow each other nearly always, so the days between the first and the last are the query.
    after = (max(months).replace(day=28) + (date.resolution * 4)).replace(day=1)
    rows = (
        found.filter(local_date__gte=min(months), local_date__lt=after)
        .select_related(None)
        .prefetch_related(None)
        .order_by()
        .annotate(month=TruncMonth("local_date"))
        .values("month")
        .annotate(count=Count("pk"), time=Sum(Coalesce("primary__timer_s", "elapsed_s")), way=Sum("distance_m"))
        .values_list("month", "count", "time", "way")
    )
    return {month: (count, time or 0.0, way) for month, count, time, way in rows}


def span_of_metric(user: User, metric: str) -> tuple[date, date] | None:
    """The first and the last local day of which a metric tells; None where nothing is known of it."""
    days = user.daily_metrics.filter(metric=metric, device=None).aggregate(first=Min("date"), last=Max("date"))
    if days["first"]:
        return days["first"], days["last"]
    series = user.sample_chunks.filter(metric=metric).aggregate(first=Min("first_at"), last=Max("last_at"))
    if series["first"]:
        zone = user.profile.zone
        return series["first"].astimezone(zone).date(), series["last"].astimezone(zone).date()
    return None
