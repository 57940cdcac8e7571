"""The athlete's pages: today, activities, sleep, metrics; and leaving."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.vary import vary_on_headers

from activities import listing
from activities.domain.metrics import GROUPS
from activities.domain.priority import kind_of_metric
from activities.forms import ActivityFilter, DeleteAccountForm
from activities.models import Activity
from activities.selectors.activities import (
    CHARTS,
    NO_CHARTS,
    POSITION,
    activities_of,
    activity_detail,
    sources_of,
    sports_of,
    week_summary,
)
from activities.selectors.metrics import MetricDay, metric_days, metrics_overview
from activities.selectors.payloads import raws_behind
from activities.selectors.sleep import Night, nights_of, recent_sleep, sleep_night
from activities.services import leaving
from trainstack.accounts.requests import PersonRequest

LAST_ACTIVITIES = 6
NIGHTS = 14
# What the page of today shows of the metrics, in this order, as far as there is any of it.
TODAY_METRICS = (
    "resting_heart_rate", "hrv_sdnn", "hrv_rmssd", "vo2max", "steps", "active_energy", "weight", "respiratory_rate",
)  # fmt: skip
TODAY_METRICS_SHOWN = 6
# Scores of recovery, load and sleep, each on the scale of whoever made it up: shown side by side and never mixed.
TODAY_SCORES = (
    "whoop_recovery", "oura_readiness", "fitbit_readiness", "polar_nightly_recharge", "garmin_body_battery",
    "samsung_health_energy_score", "whoop_strain", "polar_cardio_load_ratio", "whoop_sleep_performance",
    "oura_sleep_score", "fitbit_sleep_score", "polar_sleep_score",
)  # fmt: skip
TODAY_SCORES_SHOWN = 6
# The stretches of time that a metric is shown for: name -> days; None is everything.
RANGES: dict[str, int | None] = {"1m": 30, "3m": 91, "1y": 365, "all": None}
# Beyond this many days the table beside a chart goes by month.
TABLE_DAYS = 100


@login_required
def today(request: PersonRequest) -> HttpResponse:
    user = request.user
    day = timezone.localdate(timezone=user.profile.zone)
    week = week_summary(user, day)
    last = list(activities_of(user)[:LAST_ACTIVITIES])
    sleep = recent_sleep(user, 7)
    by_slug = {one.metric.slug: one for group in metrics_overview(user) for one in group.metrics if one.latest}
    return render(
        request,
        "activities/today.html",
        {
            "today": day,
            "week": week,
            "week_activities": list(activities_of(user, first=week.first, last=week.last)) if week.count else [],
            "last": last,
            "sleep": sleep,
            "metrics": [by_slug[slug] for slug in TODAY_METRICS if slug in by_slug][:TODAY_METRICS_SHOWN],
            "scores": [by_slug[slug] for slug in TODAY_SCORES if slug in by_slug][:TODAY_SCORES_SHOWN],
            "is_new": not (last or sleep or by_slug),
        },
    )


@login_required
@vary_on_headers("HX-Request", "HX-Target")
def activities(request: PersonRequest) -> HttpResponse:
    """The list; only its rows where htmx asks for more of them, only the results where it changes the filter."""
    form = ActivityFilter(request.GET)
    form.is_valid()
    asked = form.to_filter()
    before = request.GET.get("before", "")
    try:
        page = listing.page_of(activities_of(request.user, **asked), before)
    except (ValueError, OverflowError) as wrong:
        raise Http404("No list has this page.") from wrong
    context = {
        "form": form,
        "page": page,
        "before": before,
        "is_filtered": bool(asked),
        "query": urlencode(asked),
    }
    if _is_htmx(request, "more"):
        return render(request, "activities/_activity_rows.html", {**context, "after": before})
    if _is_htmx(request, "results"):
        return render(request, "activities/_activity_results.html", context)
    context |= {"sports": sports_of(request.user), "sources": sources_of(request.user)}
    return render(request, "activities/activity_list.html", context)


def _is_htmx(request: PersonRequest, target: str) -> bool:
    """Whether htmx wants this part of the page; coming back in the browser's history it wants the whole."""
    headers = request.headers
    return headers.get("HX-Target") == target and "HX-History-Restore-Request" not in headers


@login_required
def activity(request: PersonRequest, pk: int) -> HttpResponse:
    try:
        detail = activity_detail(request.user, pk)
    except Activity.DoesNotExist as missing:
        raise Http404("No such activity.") from missing
    if detail.activity.pk != pk:
        return redirect("activities:activity", detail.activity.pk, permanent=True)
    streams = {stream.name: stream for stream in detail.streams}
    source = detail.shown
    return render(
        request,
        "activities/activity_detail.html",
        {
            "detail": detail,
            "source": source,
            "lenders": detail.lenders,
            "stream_lenders": detail.stream_lenders,
            "raws": raws_behind(request.user, detail.sources),
            "has_route": set(POSITION) <= streams.keys(),
            "charts": [streams[name] for name in CHARTS if name in streams],
            "more_charts": [one for name, one in streams.items() if name not in CHARTS and name not in NO_CHARTS],
            "pauses": [
                [round((pause.start_time - source.start_time).total_seconds(), 1), pause.elapsed_s]
                for pause in detail.pauses
            ],
            "map_tiles_url": settings.MAP_TILES_URL,
            "map_tiles_attribution": settings.MAP_TILES_ATTRIBUTION,
        },
    )


@login_required
def sleep(request: PersonRequest) -> HttpResponse:
    latest = recent_sleep(request.user, 1)
    shown = sleep_night(request.user, latest[0].date) if latest else None
    return _night_page(request, shown, latest[0].date if latest else date.min)


@login_required
def night(request: PersonRequest, day: date) -> HttpResponse:
    shown = sleep_night(request.user, day)
    if shown is None:
        raise Http404("No sleep is known of this night.")
    return _night_page(request, shown, day)


def _night_page(request: PersonRequest, shown: Night | None, day: date) -> HttpResponse:
    recent = list(nights_of(request.user).filter(date__lte=max(day, date.min))[:NIGHTS])
    return render(request, "activities/sleep.html", {"night": shown, "recent": recent})


@login_required
def metrics(request: PersonRequest) -> HttpResponse:
    by_name = {group.name: group for group in metrics_overview(request.user)}
    groups = [(title, by_name[name].metrics) for name, title in GROUPS.items() if name in by_name]
    return render(request, "activities/metrics.html", {"groups": groups})


@login_required
def metric(request: PersonRequest, slug: str) -> HttpResponse:
    """One metric by day, back from its last day: what somebody stopped measuring is shown as it last was."""
    span = listing.span_of_metric(request.user, slug)
    if span is None:
        raise Http404("Nothing of this metric is known.")
    known_from, last = span
    name = request.GET.get("range", "3m")
    if name not in RANGES:
        raise Http404("No such range.")
    length = RANGES[name]
    first = max(known_from, last - timedelta(days=length - 1)) if length else known_from
    shown = metric_days(request.user, slug, first, last)
    return render(
        request,
        "activities/metric.html",
        {
            "metric": shown.metric,
            "days": shown.days,
            "newest_first": shown.days[::-1] if len(shown.days) <= TABLE_DAYS else (),
            "months": _by_month(shown.days) if len(shown.days) > TABLE_DAYS else [],
            "told_by": (tellers := _tellers(shown.days)),
            "also": [one for one in tellers if one.besides],
            "kind": kind_of_metric(slug),
            "has_spread": any(day.min is not None and day.min != day.max for day in shown.days),
            "first": first,
            "last": last,
            "range": name,
            "ranges": RANGES,
            "points": [[day.date.toordinal(), day.value, day.min, day.max] for day in shown.days],
        },
    )


@dataclass(frozen=True)
class Teller:
    """A provider, and of how many days its figure is shown and how many it tells besides."""

    provider: str
    shown: int
    besides: int


def _tellers(days: Sequence[MetricDay]) -> list[Teller]:
    """Who tells of these days, the one that is shown most often first."""
    shown = Counter(day.provider for day in days if day.provider)
    besides = Counter(provider for day in days for provider in day.also)
    found = [Teller(one, shown[one], besides[one]) for one in shown.keys() | besides.keys()]
    return sorted(found, key=lambda one: (-one.shown, -one.besides, one.provider))


def _by_month(days: tuple[MetricDay, ...]) -> list[tuple[date, MetricDay, int]]:
    """The months, newest first: the mean of the days' values, the least and the greatest, and the number of days."""
    months = []
    for first, group in groupby(days, lambda day: day.date.replace(day=1)):
        values = list(group)
        mean = sum(day.value for day in values) / len(values)
        least = min(day.value if day.min is None else day.min for day in values)
        greatest = max(day.value if day.max is None else day.max for day in values)
        months.append((first, MetricDay(first, mean, least, greatest), len(values)))
    return months[::-1]


@login_required
def delete_account(request: PersonRequest) -> HttpResponse:
    """Asks for the person's address; POST with it removes the account and everything of it."""
    form = DeleteAccountForm(request.POST or None, user=request.user)
    if not form.is_valid():
        status = 422 if form.is_bound else 200
        return render(request, "activities/delete_account.html", {"form": form}, status=status)
    user = request.user
    logout(request)
    leaving.delete_account(user)
    messages.success(request, "Your account and everything in it are gone.")
    return redirect("account_login")
