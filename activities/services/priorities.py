"""The athlete's order of sources: what a change of it would switch, and making it so.

An order decides at once which source each activity and each night shows. Of daily figures of several providers one is
chosen whenever they are read (`activities.selectors.metrics`), so that an order that changes there changes no row; the
figure over one provider's several kinds of device is worked out anew from its samples where the order of these changes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from django.db import transaction
from django.utils.module_loading import import_string

from activities.domain.priority import DEVICE_KINDS, KINDS, Order, kind_of_metric, order_kind
from activities.models import DailyMetric, SampleChunk, SleepSession, SourcePriority
from activities.selectors.metrics import switched_days
from activities.selectors.payloads import REGISTRY
from activities.selectors.priorities import order_of
from activities.services.deciding import NotPossible
from activities.services.derive import days_under, refresh_daily
from activities.services.grouping import (
    ASKED_AT_ONCE,
    activities_of_several,
    in_pieces,
    lock,
    primaries,
    reelect,
)
from activities.services.telling import elect_nights, night_elections
from trainstack.accounts.models import User

# Providers and ranks beyond these are no order that a page made.
MOST_PROVIDERS = 100

Ranks = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Preview:
    """What an order would switch: activities, nights or daily figures, in all and by the provider shown then.

    `activities` are those that would switch, newest first; empty for other kinds of data.
    """

    total: int = 0
    by_provider: Mapping[str, int] = field(default_factory=dict)
    activities: tuple[int, ...] = ()


def set_priority(user: User, kind: str, ranks: Ranks, devices: Mapping[str, Ranks] | None = None) -> SourcePriority:
    """Saves the athlete's order for a kind of data and has everything show what it elects."""
    order = _checked(kind, ranks, devices or {})
    with transaction.atomic():
        lock(user)
        before = order_of(user, kind)
        row, _ = SourcePriority.objects.update_or_create(user=user, kind=kind, defaults=order.to_json())
    _follow(user, kind, before, order)
    return row


def reset_priority(user: User, kind: str) -> None:
    """Forgets the athlete's order for a kind of data: all sources are level again."""
    _checked(kind, (), {})
    with transaction.atomic():
        lock(user)
        before = order_of(user, kind)
        SourcePriority.objects.filter(user=user, kind=kind).delete()
    _follow(user, kind, before, Order())


def preview_priority(user: User, kind: str, ranks: Ranks, devices: Mapping[str, Ranks] | None = None) -> Preview:
    """What `set_priority` with this order would switch; writes nothing."""
    order = _checked(kind, ranks, devices or {})
    if kind == "activities":
        switched = [
            (activity, provider)
            for activity, shown, elected, (provider, _) in primaries(user, activities_of_several(user), order)
            if elected != shown
        ]
        return _preview((provider for _, provider in switched), tuple(activity for activity, _ in switched))
    if kind == "sleep":
        return _preview(_switched_nights(user, order))
    return _preview(switched_days(user, kind, order, _becoming(user, kind, order)))


def _preview(providers: Iterable[str], activities: tuple[int, ...] = ()) -> Preview:
    counts = Counter(providers)
    ordered = dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
    return Preview(counts.total(), ordered, activities)


def _checked(kind: str, ranks: Ranks, devices: Mapping[str, Ranks]) -> Order:
    """The order that is meant; raises NotPossible with a sentence for a person."""
    if kind not in KINDS:
        raise NotPossible(f"There is no order for {kind!r}; there is one for {', '.join(KINDS)}.")
    if len(devices) > MOST_PROVIDERS:
        raise NotPossible("That are more sources than there are.")
    try:
        order = Order.from_json({"ranks": ranks, "devices": devices})
    except (TypeError, AttributeError):
        raise NotPossible("An order is a list of ranks, and each rank a list of names.") from None
    for told in (order.ranks, *order.devices.values()):
        names = [name for rank in told for name in rank]
        if not all(isinstance(name, str) and 0 < len(name) <= 32 for name in names) or len(names) > MOST_PROVIDERS:
            raise NotPossible("An order is a list of ranks, and each rank a list of names.")
        if len(set(names)) != len(names):
            raise NotPossible("Each source stands in one place of an order.")
    unknown = {name for told in order.devices.values() for rank in told for name in rank} - DEVICE_KINDS.keys()
    if unknown:
        raise NotPossible(f"There is no kind of device {min(unknown)!r}; there are {', '.join(DEVICE_KINDS)}.")
    return Order(tuple(rank for rank in order.ranks if rank), order.devices)


def _follow(user: User, kind: str, before: Order, order: Order) -> None:
    """Every activity, night or day shows what the order as it is now elects; a hundred or so a transaction."""
    if kind == "activities":
        for some in in_pieces(activities_of_several(user), ASKED_AT_ONCE):
            with transaction.atomic():
                reelect(user, some)
    elif kind == "sleep":
        elect_nights(user, _nights_of_several(user))
    else:
        for provider, metric, months in _told_by_several_kinds(user, kind, before, order):
            refresh_daily(user, provider, metric, months)


def _nights_of_several(user: User) -> set[date]:
    """The dates on which, or beside which, more than one source tells of a sleep."""
    sources: dict[date, set[tuple[str, int | None]]] = defaultdict(set)
    rows = SleepSession.objects.filter(user=user).order_by().values_list("date", "provider", "device").distinct()
    for day, provider, device in rows:
        for beside in (-1, 0, 1):
            sources[day + timedelta(days=beside)].add((provider, device))
    return {day for day, told in sources.items() if len(told) > 1}


def _switched_nights(user: User, order: Order) -> Iterator[str]:
    """Of each night whose main sleep would be told by another row, who would tell it."""
    # Nights in a long row are looked at in portions that share their ends.
    counted: set[date] = set()
    for rows, differing in night_elections(user, _nights_of_several(user), order):
        shown = {row.date: row.pk for row in rows if row.is_shown and row.is_main}
        for row in rows:
            is_shown, is_main = differing.get(row.pk, (row.is_shown, row.is_main))
            if is_shown and is_main and shown.get(row.date) != row.pk and row.date not in counted:
                counted.add(row.date)
                yield row.provider


def _becoming(user: User, kind: str, order: Order) -> dict[tuple[str, date, str], tuple[float, dict[str, Any]]]:
    """The totals over a provider's devices that another order of these kinds would change, as they would be."""
    found = {}
    for provider, metric, months in _told_by_several_kinds(user, kind, order_of(user, kind), order):
        under = days_under(user, provider, metric, months, order)
        rows = DailyMetric.objects.filter(user=user, provider=provider.slug, metric=metric, device=None, raw=None)
        for day, value in rows.filter(date__in=list(under)).values_list("date", "value"):
            if under[day][0] != value:
                found[metric, day, provider.slug] = under[day]
    return found


def _told_by_several_kinds(user: User, kind: str, before: Order, order: Order) -> Iterator[tuple[Any, str, list[str]]]:
    """What an order of device kinds may change: provider, metric, and UTC months in or beside which several tell."""
    providers: Mapping[str, Any] = import_string(REGISTRY)
    differing = {
        slug
        for slug in before.devices.keys() | order.devices.keys()
        if before.devices.get(slug) != order.devices.get(slug) and slug in providers
    }
    chunks = SampleChunk.objects.filter(user=user, provider__in=differing).order_by()
    told: dict[tuple[str, str], dict[date, set[str]]] = defaultdict(lambda: defaultdict(set))
    for slug, metric, device_kind, start in chunks.values_list(
        "provider", "metric", "device__kind", "start"
    ).distinct():
        if kind_of_metric(metric) == kind:
            month = start.replace(day=1)
            for beside in (month - timedelta(days=1), month, month + timedelta(days=31)):
                told[slug, metric][beside.replace(day=1)].add(order_kind(device_kind))
    for (slug, metric), months in sorted(told.items()):
        several = [
            f"{month:%Y-%m}"
            for month, kinds in sorted(months.items())
            if _standing(before, slug, kinds) != _standing(order, slug, kinds)
        ]
        if several:
            yield providers[slug], metric, several


def _standing(order: Order, provider: str, kinds: Collection[str]) -> list[int]:
    """The places of these kinds of device, by name, counted from 0 without gaps."""
    ranks = {kind: order.device_rank(provider, kind) for kind in sorted(kinds)}
    places = sorted(set(ranks.values()))
    return [places.index(rank) for rank in ranks.values()]
