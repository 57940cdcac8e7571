"""The athlete's efforts: lists, one in full, and totals."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from django.db.models import Count, Exists, OuterRef, Prefetch, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from activities.domain.parsed import STREAM_UNITS, Lap, Pause, Stream
from activities.domain.streams import decode_streams, downsample
from activities.domain.zones import DEFAULT_MAX_HEART_RATE_BPM, Zone, heart_rate_zones, seconds_in_zones
from activities.models import Activity, RawRecord, SourceActivity
from activities.selectors.filling import filling_of
from activities.selectors.payloads import raws_behind
from activities.services.grouping import activity_of
from trainstack.accounts.models import AthleteParameter, User
from trainstack.accounts.selectors import parameter_at
from trainstack.sports import family, label
from trainstack.storage import stream_store

# What only the page of one activity shows; an activity may hold hundreds of laps.
HEAVY_FIELDS = ("laps", "pauses", "extra")
# Words of a search beyond these are passed over: each is a condition more for the database.
SEARCH_WORDS = 20
POSITION = ("latitude", "longitude")
# The charts of an activity in their order; others are folded away. What the route draws, and what only grows, has none.
CHARTS = ("heart_rate", "speed", "altitude", "power", "cadence")
NO_CHARTS = (*POSITION, "distance")


# --- lists ----------------------------------------------------------------------------------


def activities_of(
    user: User,
    *,
    sport: str | None = None,
    source: str | None = None,
    first: date | None = None,
    last: date | None = None,
    search: str = "",
) -> QuerySet[Activity]:
    """The user's activities, newest first, with `primary` and `sources` loaded: two queries whatever its length.

    `sport` is a family ("running" holds "running.trail") or an exact code, `source` a provider, `first` and `last`
    days where it happened, `search` words that all have to occur in a name, a sport or what recorded it.
    """
    found = user.activities.order_by("-start_time", "-id")
    if sport:
        found = found.filter(of_sport(sport))
    if source:
        found = found.filter(Exists(SourceActivity.objects.filter(activity=OuterRef("pk"), provider=source)))
    if first:
        found = found.filter(local_date__gte=first)
    if last:
        found = found.filter(local_date__lte=last)
    for word in list(dict.fromkeys(search.split()))[:SEARCH_WORDS]:
        found = found.filter(_speaks_of(user, word))
    sources = SourceActivity.objects.order_by("provider", "external_id").defer(*HEAVY_FIELDS)
    return (
        found.select_related("primary")
        .defer(*(f"primary__{name}" for name in HEAVY_FIELDS))
        .prefetch_related(Prefetch("sources", sources))
    )


def of_sport(sport: str, at: str = "") -> Q:
    """Activities of a sport family, or of exactly this code where it is finer than a family.

    `at` leads from the rows of the query to the activity: "one__activity__".
    """
    exactly = Q(**{f"{at}sport": sport})
    if family(sport) != sport:
        return exactly
    return exactly | Q(**{f"{at}sport__startswith": f"{sport}."}) | Q(**{f"{at}sport__startswith": f"{sport}+"})


def _speaks_of(user: User, word: str) -> Q:
    told = ("name", "provider_type", "source_name", "device")
    by_source = SourceActivity.objects.filter(_contains(told, word), activity=OuterRef("pk"))
    codes = user.activities.order_by().values_list("sport", flat=True).distinct()
    by_label = [code for code in codes if word.casefold() in label(code).casefold()]
    return _contains(("name",), word) | Q(sport__in=by_label) | Q(Exists(by_source))


def _contains(names: Iterable[str], word: str) -> Q:
    """One of the fields holds the word. SQLite folds the case of ASCII only, so that "übung" needs all its forms."""
    either = Q()
    for form in {word} if word.isascii() else {word, word.lower(), word.upper(), word.capitalize()}:
        for name in names:
            either |= Q(**{f"{name}__icontains": form})
    return either


@dataclass(frozen=True)
class SportCount:
    """A sport family of the athlete and how many activities it has."""

    code: str
    label: str
    count: int


@dataclass(frozen=True)
class SourceCount:
    """A provider and how many source activities the athlete has of it."""

    provider: str
    count: int


def sports_of(user: User) -> list[SportCount]:
    """The athlete's sport families, the most frequent first: one query."""
    counts: dict[str, int] = {}
    for code, count in user.activities.order_by().values_list("sport").annotate(Count("pk")):
        counts[family(code)] = counts.get(family(code), 0) + count
    return [
        SportCount(code, label(code), count)
        for code, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]


def sources_of(user: User) -> list[SourceCount]:
    """The providers that told of the athlete's activities, the most frequent first: one query."""
    rows = user.source_activities.filter(activity__isnull=False).values_list("provider").annotate(count=Count("pk"))
    return [SourceCount(provider, count) for provider, count in rows.order_by("-count", "provider")]


# --- one activity ---------------------------------------------------------------------------


@dataclass(frozen=True)
class StreamFacts:
    """One stream that a source has: its unit and number of samples."""

    name: str
    unit: str
    count: int


@dataclass(frozen=True)
class ZoneTime:
    """Seconds in one zone, and their part of the measured time, 0-1."""

    zone: Zone
    seconds: float
    ratio: float


@dataclass(frozen=True)
class ZoneReport:
    """Time in the heart-rate zones; `coverage_ratio` says how much of the running time was measured at all.

    `assumed` is true where the athlete had told no maximum heart rate by that day and the default stands in.
    """

    zones: tuple[ZoneTime, ...]
    below_s: float
    covered_s: float
    coverage_ratio: float
    max_heart_rate_bpm: float
    assumed: bool


@dataclass(frozen=True)
class ActivityDetail:
    """One effort with all that its page shows.

    `sources` begins with the primary; `raws` with the payload that the primary was read from, then its routes, then
    the file that brought them. `source` is the primary as it was told; `shown` is the same with what other sources lend
    it, never to be saved, and `lenders` says who lends which field ("laps" among them), `stream_lenders` which stream.
    """

    activity: Activity
    source: SourceActivity
    shown: SourceActivity
    lenders: Mapping[str, SourceActivity]
    stream_lenders: Mapping[str, SourceActivity]
    sources: tuple[SourceActivity, ...]
    laps: tuple[Lap, ...]
    pauses: tuple[Pause, ...]
    children: tuple[SourceActivity, ...]
    streams: tuple[StreamFacts, ...]
    zones: ZoneReport | None
    raws: tuple[RawRecord, ...]


def activity_detail(user: User, pk: int) -> ActivityDetail:
    """One of the user's activities in full, in a fixed number of queries; raises Activity.DoesNotExist.

    An id that became part of another activity leads there.
    """
    activity = activity_of(user, pk)
    sources = list(activity.sources.order_by("provider", "external_id"))
    source = next((one for one in sources if one.pk == activity.primary_id), None) or next(iter(sources), None)
    if source is None:
        raise Activity.DoesNotExist
    sources.sort(key=lambda one: one.pk != source.pk)
    filling = filling_of(user, source, sources)
    lent = {name: lender.streams[name] for name, lender in filling.streams.items()}
    told_heart_rate = filling.streams.get("heart_rate", source)
    return ActivityDetail(
        activity=activity,
        source=source,
        shown=filling.shown,
        lenders=filling.lenders,
        stream_lenders=filling.streams,
        sources=tuple(sources),
        laps=laps_of(filling.shown),
        pauses=pauses_of(source),
        children=tuple(source.children.order_by("start_time", "external_id")),
        streams=_facts({**source.streams, **lent}),
        zones=_zone_report(user, told_heart_rate, pauses_of(told_heart_rate), on=activity.local_date),
        raws=raws_of(user, source),
    )


def shown_streams(
    user: User,
    activity: Activity,
    names: Collection[str] | None = None,
    *,
    points: int | None = None,
    start_s: float | None = None,
    end_s: float | None = None,
) -> dict[str, tuple[SourceActivity, Stream]]:
    """The streams of an activity with who told each, as `streams_of` gives them: the primary's, and what is lent to it.

    All times count from the primary's start.
    """
    sources = list(activity.sources.order_by("provider", "external_id"))
    source = next((one for one in sources if one.pk == activity.primary_id), None) or next(iter(sources), None)
    if source is None:
        return {}
    tellers: dict[int, list[str]] = {}
    filling = filling_of(user, source, sources)
    for name, lender in filling.streams.items():
        if names is None or name in names:
            tellers.setdefault(lender.pk, []).append(name)
    own = streams_of(source, names, points=points, start_s=start_s, end_s=end_s)
    found = {name: (source, stream) for name, stream in own.items()}
    for lender in sources:
        if lender.pk not in tellers:
            continue
        later_s = (lender.start_time - source.start_time).total_seconds()
        lent = streams_of(
            lender,
            tellers[lender.pk],
            points=points,
            start_s=None if start_s is None else start_s - later_s,
            end_s=None if end_s is None else end_s - later_s,
        )
        found |= {name: (lender, Stream(one.time_s + later_s, one.values)) for name, one in lent.items()}
    return found


def laps_of(source: SourceActivity) -> tuple[Lap, ...]:
    """The laps as values, in the order told."""
    return tuple(Lap(**_timed(Lap, lap)) for lap in source.laps)


def pauses_of(source: SourceActivity) -> tuple[Pause, ...]:
    """The pauses as values, in the order told."""
    return tuple(Pause(**_timed(Pause, pause)) for pause in source.pauses)


def _timed(kind: type, row: Mapping[str, Any]) -> dict[str, Any]:
    """The row's fields for a domain value: JSON has no times, so they are read back."""
    known = {field.name for field in fields(kind)}
    told = {name: value for name, value in row.items() if name in known}
    return {**told, "start_time": datetime.fromisoformat(row["start_time"])}


def _facts(samples: Mapping[str, int]) -> tuple[StreamFacts, ...]:
    """The streams in the order in which pages show them, without reading them."""
    order = list(STREAM_UNITS)
    names = sorted(samples, key=lambda name: (order.index(name) if name in order else len(order), name))
    return tuple(StreamFacts(name, STREAM_UNITS.get(name, ""), samples[name]) for name in names)


def raws_of(user: User, source: SourceActivity) -> tuple[RawRecord, ...]:
    """The payloads behind a source: what it was read from, its routes as they stand, the file that brought them.

    With the import and the reading of each, in two queries.
    """
    return raws_behind(user, [source])[source.pk]


def _zone_report(user: User, source: SourceActivity, pauses: Iterable[Pause], *, on: date) -> ZoneReport | None:
    """Time in zones from the heart-rate stream; None where there is no stream or no length."""
    elapsed_s = source.elapsed_s or source.timer_s
    if not source.streams.get("heart_rate") or not elapsed_s:
        return None
    stream = streams_of(source, ["heart_rate"])["heart_rate"]
    told = parameter_at(user, AthleteParameter.Name.MAX_HEART_RATE_BPM, on)
    max_heart_rate_bpm = told or DEFAULT_MAX_HEART_RATE_BPM
    zones = heart_rate_zones(max_heart_rate_bpm)
    starts = [((pause.start_time - source.start_time).total_seconds(), pause.elapsed_s) for pause in pauses]
    spent = seconds_in_zones(
        stream.time_s,
        stream.values,
        zones,
        elapsed_s=elapsed_s,
        pauses=[(start, start + length) for start, length in starts],
    )
    measured = spent.covered_s or 1.0
    return ZoneReport(
        zones=tuple(
            ZoneTime(zone, seconds, seconds / measured) for zone, seconds in zip(zones, spent.seconds, strict=True)
        ),
        below_s=spent.below_s,
        covered_s=spent.covered_s,
        coverage_ratio=spent.coverage_ratio,
        max_heart_rate_bpm=max_heart_rate_bpm,
        assumed=told is None,
    )


def streams_of(
    source: SourceActivity,
    names: Collection[str] | None = None,
    *,
    points: int | None = None,
    start_s: float | None = None,
    end_s: float | None = None,
) -> dict[str, Stream]:
    """The named streams (all, where None), cut to [start_s, end_s] and thinned out to at most `points` each.

    Thinning keeps the least and the greatest value of every bucket; positions instead keep the same moments in
    latitude and longitude, so that they stay pairs.
    """
    if not source.streams_sha256:
        return {}
    streams = decode_streams(_stream_bytes(source), names)
    if points is None and start_s is None and end_s is None:
        return streams
    thinned = {}
    for name, stream in streams.items():
        if name in POSITION or points is None:
            thinned[name] = _evenly(stream, points, start_s, end_s)
        else:
            thinned[name] = downsample(stream, points, start_s, end_s)
    return thinned


def _stream_bytes(source: SourceActivity) -> bytes:
    """The stored streams. They may be rewritten between the reading of the row and of the object: then once more."""
    try:
        return stream_store().read(source.streams_key)
    except FileNotFoundError:
        source.refresh_from_db(fields=["streams", "streams_sha256"])
        return stream_store().read(source.streams_key)


def _evenly(stream: Stream, points: int | None, start_s: float | None, end_s: float | None) -> Stream:
    """The samples of the stretch, of which at most `points` are kept, evenly spread and both ends included."""
    first = 0 if start_s is None else int(np.searchsorted(stream.time_s, start_s, side="left"))
    last = len(stream) if end_s is None else int(np.searchsorted(stream.time_s, end_s, side="right"))
    keep = np.arange(first, max(first, last))
    if points is not None and len(keep) > points:
        keep = keep[np.linspace(0, len(keep) - 1, points).round().astype(np.int64)]
    return Stream(stream.time_s[keep], stream.values[keep])


# --- totals ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class SportTotal:
    """What one sport family came to; a figure is None where no activity tells it."""

    sport: str
    label: str
    count: int
    time_s: float
    distance_m: float | None
    energy_kcal: float | None
    active_energy_kcal: float | None


@dataclass(frozen=True)
class Summary:
    """What the days from `first` to `last` came to, in all and by sport, the longest first."""

    first: date
    last: date
    count: int
    time_s: float
    distance_m: float | None
    energy_kcal: float | None
    active_energy_kcal: float | None
    sports: tuple[SportTotal, ...]


def summary(user: User, first: date, last: date) -> Summary:
    """Totals over local days, both ends included: one query. Time is without pauses where the primary tells it."""
    rows = (
        user.activities.filter(local_date__range=(first, last))
        .order_by()
        .values_list("sport")
        .annotate(
            count=Count("pk"),
            time=Sum(Coalesce("primary__timer_s", "elapsed_s")),
            distance=Sum("distance_m"),
            energy=Sum("primary__energy_kcal"),
            active_energy=Sum("primary__active_energy_kcal"),
        )
    )
    by_family: dict[str, list[tuple[Any, ...]]] = {}
    for code, *figures in rows:
        by_family.setdefault(family(code), []).append(tuple(figures))
    sports = [SportTotal(code, label(code), *_added(figures)) for code, figures in by_family.items()]
    sports.sort(key=lambda total: (-total.time_s, total.sport))
    everything = _added([figures for group in by_family.values() for figures in group])
    return Summary(first, last, *everything, tuple(sports))


def _added(rows: Sequence[tuple[Any, ...]]) -> tuple[int, float, float | None, float | None, float | None]:
    """Count, time, distance and both energies of all rows; of the last three None where no row tells it."""
    counts, times, distances, energies, active_energies = zip(*rows, strict=True) if rows else ((),) * 5
    return sum(counts), _sum(times) or 0.0, _sum(distances), _sum(energies), _sum(active_energies)


def _sum(figures: Iterable[float | None]) -> float | None:
    told = [figure for figure in figures if figure is not None]
    return sum(told) if told else None


def week_summary(user: User, today: date) -> Summary:
    """The week from Monday to Sunday in which `today` lies."""
    monday = today - timedelta(days=today.weekday())
    return summary(user, monday, monday + timedelta(days=6))


def month_summary(user: User, today: date) -> Summary:
    """The calendar month in which `today` lies."""
    first = today.replace(day=1)
    return summary(user, first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1))


def year_summary(user: User, today: date) -> Summary:
    """The calendar year in which `today` lies."""
    return summary(user, today.replace(month=1, day=1), today.replace(month=12, day=31))
