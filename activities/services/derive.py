"""What follows from stored samples and raw records: streams of activities, sleeps, and days of metrics.

Every row here is a function of what is stored, never of the order in which it came: it can be made anew at any time.
Only what differs is written, in short transactions; `note` hears of each inside it, so that a caller can write its
progress in the same one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import pairwise
from typing import Any, NamedTuple, Protocol
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from django.db import models, transaction
from numpy.typing import NDArray

from activities.domain.daily import DayStats, Part, day_edges, merge_totals, stats_by_day
from activities.domain.joining import FEEDS, WORN, Feed, sampled_streams
from activities.domain.metrics import Metric, metric_of
from activities.domain.parsed import COMPUTED, Parsed, Stream
from activities.domain.priority import Order, kind_of_metric
from activities.domain.sleep import Candidate, ParsedSleep, StageSample, elect, sessions_of
from activities.formats.together import FIGURES, Made, ToldStreams, made
from activities.models import DailyMetric, Device, RawRecord, SampleChunk, SleepSession, SourceActivity
from activities.selectors.priorities import order_of
from activities.selectors.raw import current_raws
from activities.selectors.series import NO_NUMBERS, Numbers, daily_stats, numbers, samples
from activities.services.bulk import insert_rows, update_objects, update_rows
from activities.services.grouping import reelect_around
from activities.services.ingest import OWN_STREAMS
from trainstack.accounts.models import User
from trainstack.second import Second
from trainstack.storage import read_raw, read_stored, stream_store

SLEEP_METRIC = "sleep_stage"
# A sleep that a month's samples touch begins at most so long before it, and is read with what lies as far around it.
SLEEP_MARGIN = timedelta(days=3)
# A local day reaches into the UTC months beside it, and a long sample into the next day.
DAY_MARGIN = timedelta(days=2)
# Rows of a series that are worked on at a time, for the sake of memory.
ROWS_AT_ONCE = 125_000
ROWS_A_TRANSACTION = 600
STREAMS_A_TRANSACTION = 250
# Values are kept to six decimals, so that no order of summing shows.
DECIMALS = 6

# Metrics that are told by the date: their names begin so, and a goal's ends so.
DATED = "ring_"
GOAL = "_goal"


class Speaks(Protocol):
    """What there is to know of a provider's way of telling; an `integrations.base.Provider` is one."""

    @property
    def slug(self) -> str: ...
    @property
    def parse(self) -> Mapping[str, Callable[[bytes, str], Parsed]]: ...
    @property
    def stages(self) -> Mapping[str, str]: ...
    @property
    def words(self) -> Mapping[str, Mapping[str, float]]: ...
    @property
    def zone_of(self) -> Callable[[str], tzinfo | None]: ...
    @property
    def dated(self) -> Mapping[str, Callable[[str], Mapping[str, float]]]: ...


class Derived(NamedTuple):
    """Rows that a refresh made, changed and removed; `nights` are the main sleeps among those made."""

    created: int = 0
    updated: int = 0
    removed: int = 0
    nights: int = 0


Note = Callable[[Derived], None]
# Local date -> value and detail.
Days = dict[date, tuple[float, dict[str, Any]]]
# A row's values, in the order of some names.
Row = tuple[Any, ...]


def no_note(derived: Derived) -> None:
    """For a caller that keeps no count."""


# --- streams --------------------------------------------------------------------------------


def refresh_streams(user: User, provider: Speaks, months: Iterable[str], *, note: Note = no_note) -> None:
    """The streams of the provider's activities that begin in these UTC months ("2024-05"), made anew.

    From samples inside the workout (the device that recorded it first, else the one worn with most samples), from its
    routes, and from what its own raw record tells. An average or maximum heart rate that no one told comes from them.
    """
    maker = StreamMaker(user, provider)
    for month in sorted(months):
        maker.write(month, note)


class StreamMaker:
    """Makes streams, month by month, as `refresh_streams` says.

    Where there is a second process, it works on the months that were begun while the caller does something else.
    Months are to be written in the order in which they were begun.
    """

    def __init__(self, user: User, provider: Speaks, second: Second | None = None) -> None:
        self._user, self._provider, self._second = user, provider, second
        self._begun: dict[str, tuple[list[SourceActivity], Iterable[Made]]] = {}

    def begin(self, month: str) -> None:
        """Have the month's streams made, if there is a second process."""
        if self._second and self._second.is_there and month not in self._begun:
            sources, told = self._told(month)
            self._begun[month] = sources, self._second.ask(made, told) if told else []

    def write(self, month: str, note: Note = no_note) -> None:
        """Write the month's streams, and what changed in its activities."""
        self.begin(month)
        if month in self._begun:
            sources, streams = self._begun.pop(month)
        else:
            sources, told = self._told(month)
            streams = made(told)
        finished = list(streams)
        # Also those that did not change: they are young again, so that no sweeper takes them.
        stream_store().put_many((f"{self._user.pk}/activities/{one.sha256}", one.data) for one in finished if one.data)
        changed = [source for source, one in zip(sources, finished, strict=True) if _give(source, one)]
        names = ["streams", "streams_sha256", "extra", *FIGURES]
        for some in _pieces(changed, STREAMS_A_TRANSACTION):
            with transaction.atomic():
                update_objects(some, names)
                # Richer streams may change which source of an effort is shown.
                reelect_around(self._user, [source.pk for source in some])
                note(Derived(updated=len(some)))

    def _told(self, month: str) -> tuple[list[SourceActivity], list[ToldStreams]]:
        """The month's activities, and what there is for the streams of each."""
        first, end = _bounds(month, month)
        sources = list(
            SourceActivity.objects.filter(
                user=self._user, provider=self._provider.slug, start_time__gte=first, start_time__lt=end
            )
            .select_related("raw", "parent")
            .defer("laps", "pauses", "parent__laps", "parent__pauses")
            .order_by("start_time", "external_id")
        )
        if not sources:
            return [], []
        feeds = _feeds(self._user, self._provider, sources)
        wanted = {path for source in sources for path in _route_paths(source)}
        routes = current_raws(self._user, self._provider.slug, "route", wanted)
        return sources, [self._told_of(source, feeds, routes) for source in sources]

    def _told_of(
        self, source: SourceActivity, feeds: Mapping[str, Sequence[Feed]], routes: Mapping[str, RawRecord]
    ) -> ToldStreams:
        start_ms, end_ms = _ms(source.start_time), _ms(source.end_time)
        mine = [routes[path] for path in _route_paths(source) if path in routes]
        return ToldStreams(
            start_ms=start_ms,
            end_ms=end_ms,
            is_part=source.parent_id is not None,
            sampled=sampled_streams(feeds, source.source_name, start_ms, end_ms),
            routes=tuple(read_stored(raw.user_id, raw.sha256) for raw in mine),
            own=_own_streams(source, self._provider),
        )


def _give(source: SourceActivity, made: Made) -> bool:
    """Set the row's streams and what they alone tell; whether that changed it."""
    before = (source.streams, source.streams_sha256, dict(source.extra), _figures(source))
    source.streams, source.streams_sha256 = made.points, made.sha256
    told_before = [name for name in FIGURES if name not in source.extra.get(COMPUTED, [])]
    source.extra = {key: value for key, value in source.extra.items() if key != COMPUTED}
    computed = []
    for name, value in made.figures.items():
        if name in told_before and getattr(source, name) is not None:
            continue
        setattr(source, name, value)
        if value is not None:
            computed.append(name)
    if computed:
        source.extra = {**source.extra, COMPUTED: computed}
    return before != (source.streams, source.streams_sha256, source.extra, _figures(source))


def _figures(source: SourceActivity) -> list[Any]:
    return [getattr(source, name) for name in FIGURES]


def _feeds(user: User, provider: Speaks, sources: Sequence[SourceActivity]) -> dict[str, list[Feed]]:
    """By stream name, what each device told of it around these activities."""
    first = min(source.start_time for source in sources)
    end = max(source.end_time for source in sources) + timedelta(milliseconds=1)
    known = {device.pk: device for device in Device.objects.filter(user=user, provider=provider.slug)}
    told = numbers(user, [it for metrics in FEEDS.values() for it in metrics], first, end, provider=provider.slug)
    feeds: dict[str, list[Feed]] = {}
    for name, metrics in FEEDS.items():
        for metric in sorted(told.keys() & set(metrics)):
            for device_id, one in told[metric].of_devices():
                has_value = ~np.isnan(one.value)
                device = known[device_id]
                feed = Feed(device.key, device.kind, one.start_ms[has_value], one.value[has_value])
                feeds.setdefault(name, []).append(feed)
    return feeds


def _own_streams(source: SourceActivity, provider: Speaks) -> Mapping[str, Stream]:
    if not source.extra.get(OWN_STREAMS):
        return {}
    told = provider.parse[source.raw.kind](read_raw(source.user_id, source.raw.sha256), source.raw.external_id)
    return next((one.streams for one in told.activities if one.external_id == source.external_id), {})


def _route_paths(source: SourceActivity) -> list[str]:
    """The routes of the activity; a leg of a multisport effort has its part of those of the whole."""
    told = source.parent.extra if source.parent else source.extra
    paths: list[str] = told.get("routes", [])
    return paths


# --- sleep ----------------------------------------------------------------------------------


def refresh_sleep(user: User, provider: Speaks, months: Iterable[str], *, note: Note = no_note) -> None:
    """The provider's sleeps around these UTC months, made anew, and which of them are shown."""
    zone = user.profile.zone
    for first_month, last_month in _runs_of_months(months):
        first, end = _bounds(first_month, last_month)
        first, end = first - SLEEP_MARGIN, end + SLEEP_MARGIN
        told = _sleeps(user, provider, first - SLEEP_MARGIN, end + SLEEP_MARGIN, zone)
        # What raw records tell is written elsewhere (`services.telling`).
        rows = SleepSession.objects.filter(
            user=user, provider=provider.slug, raw=None, start_time__gte=first, start_time__lt=end
        )
        _replace(
            rows,
            key=("external_id",),
            names=SLEEP_FIELDS,
            told={(name,): row for name, start, row in told if first <= start < end},
            same={"user": user.pk, "provider": provider.slug},
            note=note,
            is_night=lambda row: row[-1] and row[-2],
        )


PARSED_SLEEP_FIELDS = (
    "start_time", "end_time", "utc_offset_s", "date", "in_bed_s", "asleep_s", "awake_s", "light_s", "deep_s", "rem_s",
    "efficiency_ratio",
)  # fmt: skip
SLEEP_FIELDS = ("device", "stages", *PARSED_SLEEP_FIELDS, "is_shown", "is_main")


def _sleeps(
    user: User, provider: Speaks, first: datetime, end: datetime, zone: ZoneInfo
) -> list[tuple[str, datetime, Row]]:
    """Each sleep as its external id, its start, and the values of SLEEP_FIELDS."""
    table = samples(
        user, SLEEP_METRIC, first, end, provider=provider.slug,
        columns=["start_ms", "end_ms", "text", "detail", "device_id"],
    )  # fmt: skip
    devices = {device.pk: device for device in Device.objects.filter(user=user, provider=provider.slug)}
    stages = _Words(table, "text", provider.stages.get)
    zones = _Words(table, "detail", provider.zone_of)
    start_ms, end_ms = _column(table, "start_ms"), _column(table, "end_ms")
    by_device: dict[int, list[StageSample]] = defaultdict(list)
    for index, device_id in enumerate(_column(table, "device_id").tolist()):
        stage = stages[index]
        if stage:
            where: tzinfo | None = zones[index]
            by_device[device_id].append(StageSample(int(start_ms[index]), int(end_ms[index]), stage, where))
    told: list[tuple[Device, ParsedSleep]] = [
        (devices[device_id], sleep)
        for device_id, of_device in sorted(by_device.items(), key=lambda item: devices[item[0]].key)
        for sleep in sessions_of(of_device, zone)
    ]
    elected = elect([Candidate(f"{provider.slug} {device.key}", _preference(device), sleep) for device, sleep in told])
    return [
        (
            f"{sleep.start_time.astimezone(UTC):%Y%m%dT%H%M%SZ} {device.key}"[:255],
            sleep.start_time,
            (
                device.pk,
                [list(stage) for stage in sleep.stages],
                *(getattr(sleep, name) for name in PARSED_SLEEP_FIELDS),
                standing.is_shown,
                standing.is_main,
            ),
        )
        for (device, sleep), standing in zip(told, elected, strict=True)
    ]


class _Words:
    """A column of words, each read once however often it occurs."""

    def __init__(self, table: pa.Table, name: str, read: Callable[[str], Any]) -> None:
        chunks: list[Any] = table[name].unify_dictionaries().chunks
        words: list[Any] = chunks[0].dictionary.to_pylist() if chunks else []
        self._meanings = [None if word is None else read(word) for word in words]
        codes = [chunk.indices.fill_null(-1).to_numpy(zero_copy_only=False) for chunk in chunks]
        self._codes = np.concatenate(codes) if codes else np.empty(0, np.int32)

    def __getitem__(self, row: int) -> Any:
        code = self._codes[row]
        return None if code < 0 else self._meanings[code]

    def numbers(self) -> NDArray[np.float64]:
        """The meanings as numbers, NaN where there is none."""
        meanings = np.array([np.nan if it is None else it for it in self._meanings] + [np.nan], np.float64)
        return meanings[self._codes]


# --- days -----------------------------------------------------------------------------------


def refresh_daily(user: User, provider: Speaks, metric: str, months: Iterable[str], *, note: Note = no_note) -> None:
    """One metric's local days around these UTC months, made anew: one row a day over all devices of the provider.

    The athlete's order of device kinds decides which counts where several tell. Samples that speak of a date and not of
    a moment (rings) become the days of the several metrics that they tell.
    """
    rule = metric_of(metric)
    dated = provider.dated.get(metric)
    if rule.aggregate == "none" and not dated:
        return
    order = order_of(user, kind_of_metric(metric))
    for first, last in _stretches(user, provider, metric, months):
        if dated:
            told = _dated_days(user, provider, metric, dated, first, last)
            there = models.Q(metric__startswith=DATED)
        else:
            told = {metric: _days(user, provider, rule, first, last, order)}
            there = models.Q(metric=metric)
        rows = DailyMetric.objects.filter(
            there, user=user, provider=provider.slug, device=None, date__range=(first, last)
        )
        # The provider's own figure stands before our total (`services.telling`).
        for slug, day in rows.exclude(raw=None).values_list("metric", "date"):
            told.get(slug, {}).pop(day, None)
        _replace(
            rows.filter(raw=None),
            key=("metric", "date"),
            names=("value", "detail"),
            told={(slug, day): figures for slug, days in told.items() for day, figures in days.items()},
            same={"user": user.pk, "provider": provider.slug},
            note=note,
        )


def days_under(user: User, provider: Speaks, metric: str, months: Iterable[str], order: Order) -> Days:
    """What `refresh_daily` would make of these months under this order of device kinds; writes nothing."""
    rule = metric_of(metric)
    found: Days = {}
    if rule.aggregate != "none" and metric not in provider.dated:
        for first, last in _stretches(user, provider, metric, months):
            found |= _days(user, provider, rule, first, last, order)
    return found


def _stretches(user: User, provider: Speaks, metric: str, months: Iterable[str]) -> Iterator[tuple[date, date]]:
    """First and last local day of what is worked on at a time."""
    size = _rows_by_month(user, provider, metric)
    for run in _runs_of_months(months):
        for first_month, last_month in _portions(*run, size):
            start, end = _bounds(first_month, last_month)
            yield (start - timedelta(days=1)).date(), end.date()


def _dated_days(
    user: User, provider: Speaks, metric: str, read: Callable[[str], Mapping[str, float]], first: date, last: date
) -> dict[str, Days]:
    """The days of each metric that dated samples tell, a goal beside its ring.

    A day that was told while it lasted is told again when it is over: the fullest telling counts.
    """
    edges = day_edges(first, last, ZoneInfo("UTC"))
    table = samples(
        user, metric, _at(edges[0]), _at(edges[-1]), provider=provider.slug, columns=["start_ms", "detail", "device_id"]
    )
    details = _Words(table, "detail", lambda detail: _telling(detail, read))
    fullest: dict[date, tuple[float, str, Mapping[str, float]]] = {}
    for index, start_ms in enumerate(_column(table, "start_ms").tolist()):
        told = details[index]
        day = _at(start_ms).date()
        if told and (day not in fullest or told[:2] > fullest[day][:2]):
            fullest[day] = told
    days: dict[str, Days] = defaultdict(dict)
    for day, (_, _, figures) in sorted(fullest.items()):
        for slug, value in figures.items():
            if not (slug.endswith(GOAL) and slug.removesuffix(GOAL) in figures):
                goal = figures.get(f"{slug}{GOAL}")
                days[slug][day] = (_plain(value), {} if goal is None else {"goal": _plain(goal)})
    return days


def _telling(detail: str, read: Callable[[str], Mapping[str, float]]) -> tuple[float, str, Mapping[str, float]]:
    """How much is told, and what."""
    figures = read(detail)
    return sum(value for slug, value in figures.items() if not slug.endswith(GOAL)), detail, figures


def _rows_by_month(user: User, provider: Speaks, metric: str) -> dict[str, int]:
    rows: dict[str, int] = defaultdict(int)
    chunks = SampleChunk.objects.filter(user=user, provider=provider.slug, metric=metric)
    for start, count in chunks.values_list("start", "rows"):
        rows[f"{start:%Y-%m}"] += count
    return rows


def _portions(first_month: str, last_month: str, rows: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """The months from first to last in portions that fit into memory."""
    portion: list[str] = []
    held = 0
    for month in _months_between(first_month, last_month):
        if portion and held + rows.get(month, 0) > ROWS_AT_ONCE:
            yield portion[0], portion[-1]
            portion, held = [], 0
        portion.append(month)
        held += rows.get(month, 0)
    yield portion[0], portion[-1]


def _days(user: User, provider: Speaks, rule: Metric, first: date, last: date, order: Order) -> Days:
    """Value and detail of each local day that has one."""
    zone = user.profile.zone
    words = provider.words.get(rule.slug)
    is_ordered = bool(order.devices.get(provider.slug))
    if rule.aggregate in ("mean", "min", "max") and not words and not is_ordered:
        return _days_of_stats(user, provider, rule, first, last, zone)
    edges = day_edges(first, last, zone)
    around = _at(edges[0]) - DAY_MARGIN, _at(edges[-1]) + DAY_MARGIN
    if words:
        told = _words_as_numbers(user, provider, rule.slug, words, *around)
    else:
        told = numbers(user, [rule.slug], *around, provider=provider.slug).get(rule.slug, NO_NUMBERS)
    devices = Device.objects.filter(user=user, provider=provider.slug, pk__in=told.devices).order_by("key")
    if is_ordered and rule.aggregate not in ("sum", "duration"):
        rank = {device.pk: order.device_rank(provider.slug, device.kind) for device in devices}
        told = _of_best(told, edges, rank, only_told=rule.aggregate != "count")
    count = np.diff(np.searchsorted(told.start_ms, edges))
    if rule.aggregate == "count":
        return _told(first, count.astype(np.float64), count, [{} for _ in count])
    if rule.aggregate == "last":
        stats = stats_by_day(told.start_ms, told.value, edges)
        return _told(first, stats.last, stats.count, _extremes(stats, 1))
    if rule.aggregate in ("mean", "min", "max") and not words:
        return _of_stats(rule, first, stats_by_day(told.start_ms, told.value, edges))
    if rule.aggregate == "duration":
        told = replace(told, value=(told.end_ms - told.start_ms) / _UNIT_MS[rule.unit])
    return _days_of_totals(list(devices), order, rule, first, edges, told, count)


def _of_best(told: Numbers, edges: NDArray[np.int64], rank: Mapping[int, int], *, only_told: bool) -> Numbers:
    """Of each day the samples of the devices that stand highest among those that tell it; `only_told`: with a value."""
    if only_told:
        told = _where(told, ~np.isnan(told.value))
    if len({rank[device] for device in told.devices}) < 2:
        return told
    ranks = np.array([rank[device] for device in told.devices])[np.searchsorted(told.devices, told.device_id)]
    day = np.searchsorted(edges, told.start_ms, side="right")
    best = np.full(len(edges) + 1, max(rank.values()))
    np.minimum.at(best, day, ranks)
    return _where(told, ranks == best[day])


def _where(told: Numbers, rows: NDArray[np.bool_]) -> Numbers:
    return Numbers(told.start_ms[rows], told.end_ms[rows], told.value[rows], told.device_id[rows], told.devices)


def _words_as_numbers(
    user: User, provider: Speaks, metric: str, words: Mapping[str, float], start: datetime, end: datetime
) -> Numbers:
    """The samples of a metric that is told in words, as what the words stand for."""
    names = ["start_ms", "end_ms", "text", "device_id"]
    table = samples(user, metric, start, end, provider=provider.slug, columns=names)
    start_ms, end_ms, device_id = (_column(table, name) for name in ("start_ms", "end_ms", "device_id"))
    value = _Words(table, "text", words.get).numbers()
    return Numbers(start_ms, end_ms, value, device_id, tuple(np.unique(device_id).tolist()))


_UNIT_MS = {"s": 1000, "min": 60_000, "h": 3_600_000}


def _days_of_stats(user: User, provider: Speaks, rule: Metric, first: date, last: date, zone: ZoneInfo) -> Days:
    return _of_stats(rule, first, daily_stats(user, rule.slug, first, last, zone, provider=provider.slug))


def _of_stats(rule: Metric, first: date, stats: DayStats) -> Days:
    value = {"mean": stats.mean, "min": stats.min, "max": stats.max}[rule.aggregate]
    return _told(first, value, stats.count, _extremes(stats, 0))


def _extremes(stats: DayStats, beyond: int) -> list[dict[str, Any]]:
    """Least and most of each day that has more than so many samples."""
    return [
        {"min": _plain(low), "max": _plain(high)} if count > beyond else {}
        for low, high, count in zip(stats.min.tolist(), stats.max.tolist(), stats.count.tolist(), strict=True)
    ]


def _days_of_totals(
    devices: Sequence[Device],
    order: Order,
    rule: Metric,
    first: date,
    edges: NDArray[np.int64],
    told: Numbers,
    count: NDArray[np.int64],
) -> Days:
    of_device = dict(told.of_devices())
    ranks = [(order.device_rank(it.provider, it.kind), _preference(it)) for it in devices]
    places = {rank: place for place, rank in enumerate(sorted(set(ranks)))}
    names, parts, shares = [], [], []
    for device, rank in zip(devices, ranks, strict=True):
        mine = of_device[device.pk]
        names.append(device.name)
        parts.append(Part(places[rank], mine.start_ms, mine.end_ms, mine.value))
        shares.append(np.nan_to_num(stats_by_day(mine.start_ms, mine.value, edges).sum))
    if rule.merged or rule.aggregate == "duration":
        by_part = merge_totals(parts, edges).by_part if parts else np.zeros((0, len(count)))
    else:
        by_part = np.array(shares).reshape(len(parts), len(count))
    details: list[dict[str, Any]] = [
        {"devices": {name: _plain(share) for name, share in zip(names, column, strict=True) if share}}
        for column in by_part.T.tolist()
    ]
    total = by_part.sum(axis=0)
    # A stretch that reaches into a day gives it a total, though no sample begins in it.
    has_total = np.where((count > 0) | (total > 0), np.maximum(count, 1), 0)
    days = _told(first, total, has_total, details)
    for day, (_, detail) in days.items():
        detail["count"] = int(count[(day - first).days])
    return days


def _told(first: date, value: NDArray[np.float64], count: NDArray[np.int64], details: Sequence[dict[str, Any]]) -> Days:
    values, counts = value.tolist(), count.tolist()
    return {
        first + timedelta(days=index): (_plain(values[index]), {**details[index], "count": counts[index]})
        for index in np.flatnonzero((count > 0) & np.isfinite(value)).tolist()
    }


def _plain(value: float) -> float:
    return round(float(value), DECIMALS)


# --- writing what differs -------------------------------------------------------------------


def _replace(
    there: models.QuerySet[Any],
    *,
    key: Sequence[str],
    names: Sequence[str],
    told: Mapping[Row, Row],
    same: Mapping[str, Any],
    note: Note,
    is_night: Callable[[Row], bool] = lambda row: False,
) -> None:
    """Make the rows `there` those that are told, by key: what is equal stays, what changed keeps its id."""
    model = there.model
    before = {row[1 : 1 + len(key)]: row for row in there.values_list("pk", *key, *names)}
    gone = [row[0] for found, row in before.items() if found not in told]
    new = sorted((found for found in told if found not in before), key=str)
    changed = {
        before[found][0]: row for found, row in told.items() if found in before and before[found][1 + len(key) :] != row
    }
    for some in _pieces(gone):
        with transaction.atomic():
            model._default_manager.filter(pk__in=some).delete()
            note(Derived(removed=len(some)))
    for some in _pieces(new):
        with transaction.atomic():
            insert_rows(model, (*key, *names), [(*found, *told[found]) for found in some], **same)
            note(Derived(created=len(some), nights=sum(1 for found in some if is_night(told[found]))))
    for some in _pieces(sorted(changed)):
        with transaction.atomic():
            update_rows(model, names, {pk: changed[pk] for pk in some})
            note(Derived(updated=len(some)))


# --- small things ---------------------------------------------------------------------------


def _column(table: pa.Table, name: str) -> NDArray[Any]:
    """The column as numbers; a value that was not told is NaN."""
    column: Any = table[name]
    if column.null_count:
        column = column.cast(pa.float64()).fill_null(float("nan"))
    numbers: NDArray[Any] = column.to_numpy()
    return numbers


def _preference(device: Device) -> int:
    return 0 if device.kind in WORN else 1 if device.kind == Device.Kind.PHONE else 2


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _at(ms: int) -> datetime:
    return datetime.fromtimestamp(int(ms) / 1000, UTC)


def _bounds(first_month: str, last_month: str) -> tuple[datetime, datetime]:
    """Where the first month begins and where the last one ends, UTC."""
    first, last = (datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC) for month in (first_month, last_month))
    return first, (last + timedelta(days=32)).replace(day=1)


def _months_between(first_month: str, last_month: str) -> Iterator[str]:
    moment, end = _bounds(first_month, last_month)
    while moment < end:
        yield f"{moment:%Y-%m}"
        moment = (moment + timedelta(days=32)).replace(day=1)


def _runs_of_months(months: Iterable[str]) -> list[tuple[str, str]]:
    """Months as runs without a gap: ["2024-01", "2024-02", "2024-05"] -> [("2024-01", "2024-02"), ("2024-05", ...)]."""
    ordered = sorted(set(months))
    if not ordered:
        return []
    breaks = [0, *(i + 1 for i, (a, b) in enumerate(pairwise(ordered)) if _bounds(a, a)[1] < _bounds(b, b)[0])]
    return [(ordered[a], ordered[b - 1]) for a, b in pairwise([*breaks, len(ordered)])]


def _pieces(items: Sequence[Any], size: int = ROWS_A_TRANSACTION) -> Iterator[list[Any]]:
    for first in range(0, len(items), size):
        yield list(items[first : first + size])
