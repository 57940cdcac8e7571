"""An activity's sources and what lies behind each, near misses to review, and everything that may need repair."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Count, Exists, OuterRef, Prefetch, Q, QuerySet

from activities.domain.priority import DEVICE_KINDS, kind_of_metric, order_kind
from activities.models import Activity, LinkDecision, RawRecord, SourceActivity, Suggestion
from activities.selectors.activities import HEAVY_FIELDS, of_sport
from activities.selectors.payloads import raws_behind
from trainstack.accounts.models import User

# Kinds of rows of the repair page.
GROUPS, PAIRS = "groups", "pairs"


# --- the sources of one activity ------------------------------------------------------------


@dataclass(frozen=True)
class SourcesOfActivity:
    """All that told of one effort: the shown source first, then the others by provider and id.

    `raws` are the payloads behind each source, by its id; `decisions` what the athlete said by hand about two of them,
    newest first.
    """

    activity: Activity
    sources: tuple[SourceActivity, ...]
    raws: dict[int, tuple[RawRecord, ...]]
    decisions: tuple[LinkDecision, ...]

    @property
    def shown(self) -> SourceActivity:
        return self.sources[0]


def sources_of_activity(user: User, activity: Activity) -> SourcesOfActivity:
    """The sources of one of the user's activities in full, in a fixed number of queries.

    Raises Activity.DoesNotExist for an activity that has none left.
    """
    sources = sorted(
        activity.sources.order_by("provider", "external_id"), key=lambda source: source.pk != activity.primary_id
    )
    if not sources:
        raise Activity.DoesNotExist
    return SourcesOfActivity(activity, tuple(sources), raws_behind(user, sources), decisions_about(user, sources))


def decisions_about(user: User, sources: Iterable[SourceActivity]) -> tuple[LinkDecision, ...]:
    """What the athlete said of these sources and has not taken back, newest first: one query."""
    keys = {(source.provider, source.external_id) for source in sources}
    ids = [external_id for _, external_id in keys]
    named = Q(one_external_id__in=ids) | Q(other_external_id__in=ids)
    rows = user.link_decisions.filter(named, withdrawn_at=None).order_by("-number")
    return tuple(row for row in rows if row.one in keys or row.other in keys)


# --- near misses ----------------------------------------------------------------------------


def suggestions_of(user: User) -> QuerySet[Suggestion]:
    """Pairs of activities that may be one effort, newest first, with both activities and their sources: three queries.

    Of each activity what a row of a list shows is loaded.
    """
    return (
        user.suggestions.filter(one__activity__isnull=False, other__activity__isnull=False)
        .select_related("one__activity__primary", "other__activity__primary")
        .defer(*(f"{side}__{name}" for side in _SIDES for name in HEAVY_FIELDS))
        .prefetch_related(*(Prefetch(f"{side}__activity__sources", _light_sources()) for side in ("one", "other")))
        .order_by("-start_time", "-id")
    )


_SIDES = ("one", "other", "one__activity__primary", "other__activity__primary")


def suggestions_count(user: User) -> int:
    """How many pairs wait for the athlete: one query over an index."""
    return user.suggestions.count()


def _light_sources() -> QuerySet[SourceActivity]:
    return SourceActivity.objects.order_by("provider", "external_id").defer(*HEAVY_FIELDS)


# --- repair ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class RepairRow:
    """One thing that may need repair: a group of several sources, or a pair that may be one effort."""

    activity: Activity | None
    suggestion: Suggestion | None

    @property
    def start_time(self) -> datetime:
        row: Any = self.activity or self.suggestion
        return row.start_time

    @property
    def kind(self) -> str:
        return GROUPS if self.activity else PAIRS

    @property
    def pk(self) -> int:
        row: Any = self.activity or self.suggestion
        return row.pk

    @property
    def order(self) -> tuple[datetime, str, int]:
        """By this, descending, the rows stand on the page."""
        return self.start_time, self.kind, self.pk

    @property
    def token(self) -> str:
        """Names the row in a form."""
        return f"{self.kind}~{self.pk}"


def groups_of_sources(user: User) -> QuerySet[Activity]:
    """The activities of which more than one source tells, newest first, with primary and sources: two queries."""
    others = SourceActivity.objects.filter(activity=OuterRef("pk")).exclude(pk=OuterRef("primary_id"))
    return (
        user.activities.filter(Exists(others))
        .order_by("-start_time", "-id")
        .select_related("primary")
        .defer(*(f"primary__{name}" for name in HEAVY_FIELDS))
        .prefetch_related(Prefetch("sources", _light_sources()))
    )


def repair_rows(
    user: User,
    *,
    limit: int,
    kind: str = "",
    reason: str = "",
    source: str = "",
    sport: str = "",
    first: date | None = None,
    last: date | None = None,
    before: tuple[datetime, str, int] | None = None,
) -> list[RepairRow]:
    """At most `limit` rows, newest first, that follow `before`: the same few queries however many there are.

    `kind` is GROUPS or PAIRS, `reason` a code of why a pair is one, `source` a provider that tells of it, `sport` a
    family or an exact code, `first` and `last` days where it happened.
    """
    rows: list[RepairRow] = []
    if kind != PAIRS and not reason:
        groups = _filtered_groups(groups_of_sources(user), source, sport, first, last)
        rows += [RepairRow(activity, None) for activity in _after(groups, GROUPS, before)[:limit]]
    if kind != GROUPS:
        pairs = _filtered_pairs(suggestions_of(user), reason, source, sport, first, last)
        rows += [RepairRow(None, suggestion) for suggestion in _after(pairs, PAIRS, before)[:limit]]
    rows.sort(key=lambda row: row.order, reverse=True)
    return rows[:limit]


def _filtered_groups(
    found: QuerySet[Activity], source: str, sport: str, first: date | None, last: date | None
) -> QuerySet[Activity]:
    if source:
        found = found.filter(Exists(SourceActivity.objects.filter(activity=OuterRef("pk"), provider=source)))
    if sport:
        found = found.filter(of_sport(sport))
    if first:
        found = found.filter(local_date__gte=first)
    if last:
        found = found.filter(local_date__lte=last)
    return found


def _filtered_pairs(
    found: QuerySet[Suggestion], reason: str, source: str, sport: str, first: date | None, last: date | None
) -> QuerySet[Suggestion]:
    if reason:
        found = found.filter(reason=reason)
    if source:
        one, other = (
            Exists(SourceActivity.objects.filter(activity=OuterRef(f"{side}__activity"), provider=source))
            for side in ("one", "other")
        )
        found = found.filter(Q(one) | Q(other))
    if sport:
        found = found.filter(of_sport(sport, "one__activity__") | of_sport(sport, "other__activity__"))
    for lookup, day in (("gte", first), ("lte", last)):
        if day:
            found = found.filter(
                Q(**{f"one__activity__local_date__{lookup}": day})
                | Q(**{f"other__activity__local_date__{lookup}": day})
            )
    return found


def _after(found: QuerySet[Any], kind: str, before: tuple[datetime, str, int] | None) -> QuerySet[Any]:
    """The rows of this kind that stand after a row of the page."""
    if before is None:
        return found
    start, kind_before, pk = before
    earlier = Q(start_time__lt=start)
    if kind < kind_before:
        earlier |= Q(start_time=start)
    elif kind == kind_before:
        earlier |= Q(start_time=start, pk__lt=pk)
    return found.filter(earlier, start_time__lte=start)


@dataclass(frozen=True)
class RepairPage:
    """Some rows of the repair page; `before` asks for those that follow and is "" on the last page."""

    rows: tuple[RepairRow, ...]
    before: str


def repair_page(user: User, *, limit: int, before: str = "", **asked: Any) -> RepairPage:
    """The rows that follow `before`, which an earlier page gave; raises ValueError if none did."""
    rows = repair_rows(user, limit=limit + 1, before=_row_of(before) if before else None, **asked)
    shown, more = rows[:limit], len(rows) > limit
    return RepairPage(tuple(shown), "~".join(map(_told, shown[-1].order)) if more else "")


def _told(part: Any) -> str:
    return part.isoformat() if isinstance(part, datetime) else str(part)


def _row_of(before: str) -> tuple[datetime, str, int]:
    start, kind, pk = before.split("~")
    moment = datetime.fromisoformat(start)
    if moment.tzinfo is None or kind not in (GROUPS, PAIRS):
        raise ValueError("no row of this page")
    return moment, kind, int(pk)


# --- the athlete's order --------------------------------------------------------------------


@dataclass(frozen=True)
class Choice:
    """A provider that tells of a kind of data, how much it tells, and with what kinds of device."""

    provider: str
    count: int
    device_kinds: tuple[str, ...] = ()


def choices_of(user: User, kind: str) -> list[Choice]:
    """The providers that the athlete has for a kind of data, by name: two queries at most.

    Kinds of device are told where one provider may tell one effort, one night or one day by several devices.
    """
    if kind == "activities":
        efforts = user.source_activities.filter(parent=None).order_by()
        return _choices(efforts.values_list("provider", "device_kind").annotate(Count("pk")))
    if kind == "sleep":
        return _choices(user.sleep_sessions.order_by().values_list("provider", "device__kind").annotate(Count("pk")))
    days = user.daily_metrics.filter(device=None).order_by().values_list("provider", "metric").annotate(Count("pk"))
    chunks = user.sample_chunks.order_by().values_list("provider", "metric", "device__kind").distinct()
    told = [(provider, None, count) for provider, metric, count in days if kind_of_metric(metric) == kind]
    by_devices = [(provider, device, 0) for provider, metric, device in chunks if kind_of_metric(metric) == kind]
    return _choices([*told, *(row for row in by_devices if row[0] in {provider for provider, _, _ in told})])


def _choices(rows: Iterable[tuple[str, str | None, int]]) -> list[Choice]:
    counts: Counter[str] = Counter()
    devices: dict[str, set[str]] = {}
    for provider, device_kind, count in rows:
        counts[provider] += count
        devices.setdefault(provider, set())
        if device_kind is not None:
            devices[provider].add(order_kind(device_kind))
    known = list(DEVICE_KINDS)
    return [
        Choice(provider, counts[provider], tuple(sorted(devices[provider], key=known.index)))
        for provider in sorted(counts)
    ]
