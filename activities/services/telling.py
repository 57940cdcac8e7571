"""Nights and days that raw records tell: rows that are a function of the records that are current.

Where several records of one provider tell the same night or the same metric of the same day, one of them counts: the
one that the provider states to be the latest, then the later kind, external id and hash. So no order of arrival shows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Max

from activities.domain.parsed import DayValue
from activities.domain.priority import Order
from activities.domain.sleep import Candidate, Elected, ParsedSleep, elect
from activities.models import DailyMetric, Device, RawRecord, RawSighting, SleepSession
from activities.selectors.raw import IN_ONE_QUERY, current_raws
from activities.services.bulk import insert_rows, update_rows
from activities.services.grouping import lock, order_of
from trainstack.accounts.models import User

# A night reaches into the dates beside it.
_AROUND = timedelta(days=2)
_BESIDE = timedelta(days=1)
_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)
_SLEEP_FIELDS = (
    "start_time", "end_time", "utc_offset_s", "date", "stages", "in_bed_s", "asleep_s", "awake_s", "light_s", "deep_s",
    "rem_s", "score", "efficiency_ratio",
)  # fmt: skip

# Who counts: stated at, place of the kind, external id, hash.
Rank = tuple[datetime, int, str, str]
# A row by what makes it one: (provider, external id) of a sleep, (provider, metric, date) of a day.
Key = tuple[Any, ...]


@dataclass(frozen=True)
class ToldDays:
    """The nights and days of one raw record."""

    raw: RawRecord
    sleeps: Sequence[ParsedSleep] = ()
    days: Sequence[DayValue] = ()


@dataclass
class Filed:
    """What came of it: rows created, changed and removed; the nights touched, and by metric the days."""

    sleeps: int = 0
    nights: int = 0
    days: int = 0
    updated: int = 0
    removed: int = 0
    dates: set[date] = field(default_factory=set)
    by_metric: dict[str, set[date]] = field(default_factory=lambda: defaultdict(set))


def tell(user: User, told: Iterable[ToldDays], kinds: Sequence[str]) -> Filed:
    """File the nights and days of those records that are current; belongs into the caller's transaction.

    `kinds` are the provider's, in its order. Safe to repeat. Which night is shown is for `elect_nights`.
    """
    filed = Filed()
    current = _current(user, told)
    if current:
        _tell_sleeps(user, current, kinds, filed)
        _tell_days(user, current, kinds, filed)
    return filed


def forget(user: User, records: Collection[int]) -> Filed:
    """Remove the rows that hang on these records, which are about to go; belongs into the caller's transaction."""
    filed = Filed()
    for some in _pieces(sorted(records)):
        sleeps = SleepSession.objects.filter(user=user, raw__in=some)
        filed.dates.update(sleeps.values_list("date", flat=True))
        days = DailyMetric.objects.filter(user=user, raw__in=some)
        for metric, day in days.values_list("metric", "date"):
            filed.by_metric[metric].add(day)
        filed.removed += sleeps.delete()[0] + days.delete()[0]
    return filed


def elect_nights(user: User, dates: Iterable[date]) -> int:
    """Choose which sleeps around these dates are shown, and which are main; how many changed."""
    changed = 0
    for _, differing in night_elections(user, dates, order_of(user, "sleep")):
        changed += len(differing)
        for some in _pieces(sorted(differing)):
            with transaction.atomic():
                lock(user)
                update_rows(SleepSession, ("is_shown", "is_main"), {pk: differing[pk] for pk in some})
    return changed


def night_elections(
    user: User, dates: Iterable[date], order: Order
) -> Iterator[tuple[list[SleepSession], dict[int, tuple[bool, bool]]]]:
    """Per run of dates its sleeps, and (is_shown, is_main) of those for which the order says otherwise; reads only.

    The athlete's order of sources goes first; among equals the rules of `activities.domain.sleep.elect`. Mere time in
    bed comes after every sleep.
    """
    for first, last in _runs(set(dates)):
        rows = list(
            SleepSession.objects.filter(user=user, date__range=(first - _AROUND, last + _AROUND))
            .select_related("device")
            .order_by("start_time", "provider", "external_id")
        )
        ranks = [
            (
                row.asleep_s is None,
                order.rank(row.provider),
                order.device_rank(row.provider, row.device.kind if row.device else ""),
            )
            for row in rows
        ]
        elected = _elected([_candidate(row) for row in rows], ranks)
        yield (
            rows,
            {
                row.pk: (standing.is_shown, standing.is_main)
                for row, standing in zip(rows, elected, strict=True)
                if (row.is_shown, row.is_main) != standing and first - _BESIDE <= row.date <= last + _BESIDE
            },
        )


# --- nights ---------------------------------------------------------------------------------


def _tell_sleeps(user: User, told: Sequence[ToldDays], kinds: Sequence[str], filed: Filed) -> None:
    wanted: dict[Key, tuple[RawRecord, ParsedSleep]] = {}
    rank = _Ranks(user, kinds)
    rank.learn(one.raw for one in told if one.sleeps)
    for one in told:
        for sleep in one.sleeps:
            key = (one.raw.provider, _sleep_id(sleep))
            if key not in wanted or rank.of(one.raw) > rank.of(wanted[key][0]):
                wanted[key] = (one.raw, sleep)
    there = SleepSession.objects.filter(user=user, raw__isnull=False).select_related("raw")
    rows: dict[Key, SleepSession] = {}
    for some in _pieces(sorted({key[1] for key in wanted})):
        rows |= {(row.provider, row.external_id): row for row in there.filter(external_id__in=some)}
    hanging = {(row.provider, row.external_id): row for row in _hanging(there, told)}

    rank.learn(row.raw for row in rows.values() if row.raw)
    new: list[tuple[Any, ...]] = []
    changed: dict[int, tuple[Any, ...]] = {}
    for key, (raw, sleep) in sorted(wanted.items()):
        values = (raw.pk, *_sleep_values(sleep))
        row = rows.get(key)
        if row is None:
            new.append((*key, *values))
            filed.dates.add(sleep.date)
        elif row.raw and not _is_same(row.raw, raw) and rank.of(row.raw) > rank.of(raw):
            continue
        elif (row.raw_id, *(getattr(row, name) for name in _SLEEP_FIELDS)) != values:
            changed[row.pk] = values
            filed.dates.update((sleep.date, row.date))
    gone = [row for key, row in hanging.items() if key not in wanted]
    filed.dates.update(row.date for row in gone)
    SleepSession.objects.filter(pk__in=[row.pk for row in gone]).delete()
    names = ("raw", *_SLEEP_FIELDS)
    if new:
        same = {"user": user.pk, "is_shown": True, "is_main": True}
        insert_rows(SleepSession, ("provider", "external_id", *names), new, **same)
    if changed:
        update_rows(SleepSession, names, changed)
    filed.sleeps += len(new)
    filed.nights += len({row[-len(_SLEEP_FIELDS) + _SLEEP_FIELDS.index("date")] for row in new})
    filed.updated += len(changed)
    filed.removed += len(gone)


def _sleep_id(sleep: ParsedSleep) -> str:
    return (sleep.external_id or f"{sleep.start_time.astimezone(UTC):%Y%m%dT%H%M%SZ}")[:255]


def _sleep_values(sleep: ParsedSleep) -> tuple[Any, ...]:
    values = {name: getattr(sleep, name) for name in _SLEEP_FIELDS}
    values["stages"] = [list(stage) for stage in sleep.stages]
    return tuple(values.values())


# --- days -----------------------------------------------------------------------------------


def _tell_days(user: User, told: Sequence[ToldDays], kinds: Sequence[str], filed: Filed) -> None:
    wanted: dict[Key, tuple[RawRecord, DayValue]] = {}
    rank = _Ranks(user, kinds)
    rank.learn(one.raw for one in told if one.days)
    for one in told:
        for day in one.days:
            key = (one.raw.provider, day.metric, day.date)
            # Of one record the last telling counts: it closes a day that was told while it lasted.
            if key not in wanted or rank.of(one.raw) >= rank.of(wanted[key][0]):
                wanted[key] = (one.raw, day)
    rows = {(row.provider, row.metric, row.date): row for row in _days_there(user, wanted)}
    there = DailyMetric.objects.filter(user=user, device=None, raw__isnull=False)
    hanging = {(row.provider, row.metric, row.date): row for row in _hanging(there, told)}

    rank.learn(row.raw for row in rows.values() if row.raw)
    new: list[tuple[Any, ...]] = []
    changed: dict[int, tuple[Any, ...]] = {}
    for key, (raw, day) in sorted(wanted.items()):
        values = (raw.pk, float(day.value), dict(day.detail))
        row = rows.get(key)
        if row is None:
            new.append((*key, *values))
        elif row.raw and not _is_same(row.raw, raw) and rank.of(row.raw) > rank.of(raw):
            continue
        elif (row.raw_id, row.value, row.detail) != values:
            changed[row.pk] = values
        else:
            continue
        filed.by_metric[day.metric].add(day.date)
    gone = [row for key, row in hanging.items() if key not in wanted]
    for row in gone:
        filed.by_metric[row.metric].add(row.date)
    for some in _pieces([row.pk for row in gone]):
        DailyMetric.objects.filter(pk__in=some).delete()
    if new:
        insert_rows(DailyMetric, ("provider", "metric", "date", "raw", "value", "detail"), new, user=user.pk)
    if changed:
        update_rows(DailyMetric, ("raw", "value", "detail"), changed)
    filed.days += len(new)
    filed.updated += len(changed)
    filed.removed += len(gone)


def _days_there(user: User, wanted: Collection[Key]) -> Iterator[DailyMetric]:
    """The rows of these days, whoever told them, and others of the same metrics around."""
    by_metric: dict[tuple[str, str], list[date]] = defaultdict(list)
    for provider, metric, day in wanted:
        by_metric[provider, metric].append(day)
    by_span: dict[tuple[str, date, date], list[str]] = defaultdict(list)
    for (provider, metric), days in by_metric.items():
        by_span[provider, min(days), max(days)].append(metric)
    for (provider, first, last), metrics in sorted(by_span.items()):
        yield from DailyMetric.objects.filter(
            user=user, provider=provider, device=None, metric__in=metrics, date__range=(first, last)
        ).select_related("raw")


# --- which record counts --------------------------------------------------------------------


class _Ranks:
    """The standing of records among those that tell the same; never by when they came."""

    def __init__(self, user: User, kinds: Sequence[str]) -> None:
        self._user = user
        self._kinds = {kind: place for place, kind in enumerate(kinds)}
        self._known: dict[int, Rank] = {}

    def learn(self, records: Iterable[RawRecord]) -> None:
        """Look these up: one query for some hundred."""
        unknown = {record.pk: record for record in records if record.pk not in self._known}
        for some in _pieces(sorted(unknown)):
            stated = RawSighting.objects.filter(user=self._user, raw__in=some, withdrawn_at=None).values_list("raw")
            stated_at = dict(stated.annotate(at=Max("stated_at")).values_list("raw", "at"))
            for pk in some:
                record = unknown[pk]
                place = self._kinds.get(record.kind, -1)
                at = stated_at.get(pk) or _LONG_AGO
                self._known[pk] = (at, place, record.external_id, record.sha256)

    def of(self, record: RawRecord) -> Rank:
        return self._known[record.pk]


def _current(user: User, told: Iterable[ToldDays]) -> list[ToldDays]:
    """Those of the records that are the version that counts, each once."""
    by_raw = {one.raw.pk: one for one in told}
    groups: dict[tuple[str, str], set[str]] = defaultdict(set)
    for one in by_raw.values():
        groups[one.raw.provider, one.raw.kind].add(one.raw.external_id)
    return [
        by_raw[raw.pk]
        for (provider, kind), external_ids in sorted(groups.items())
        for raw in current_raws(user, provider, kind, external_ids).values()
        if raw.pk in by_raw
    ]


def _hanging(rows: Any, told: Sequence[ToldDays]) -> Iterator[Any]:
    """Those of the rows that hang on any version of these records."""
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for one in told:
        groups[one.raw.provider, one.raw.kind].append(one.raw.external_id)
    for (provider, kind), external_ids in sorted(groups.items()):
        for some in _pieces(sorted(external_ids)):
            yield from rows.filter(raw__provider=provider, raw__kind=kind, raw__external_id__in=some)


def _is_same(one: RawRecord, other: RawRecord) -> bool:
    """Whether they are versions of one record."""
    return (one.provider, one.kind, one.external_id) == (other.provider, other.kind, other.external_id)


# --- electing -------------------------------------------------------------------------------


def _elected(candidates: Sequence[Candidate], ranks: Sequence[Any]) -> list[Elected]:
    """What stands highest is shown, and what stands lower where it overlaps nothing shown."""
    shown: list[int] = []
    for rank in sorted(set(ranks)):
        free = [
            index
            for index, one in enumerate(candidates)
            if ranks[index] == rank and not any(_overlap(one.sleep, candidates[other].sleep) for other in shown)
        ]
        standings = elect([candidates[index] for index in free])
        shown += [index for index, standing in zip(free, standings, strict=True) if standing.is_shown]
    elected = dict(zip(shown, elect([candidates[index] for index in shown]), strict=True))
    by_source: dict[str, list[int]] = defaultdict(list)
    for index, one in enumerate(candidates):
        if not elected.get(index, Elected(False, False)).is_shown:
            by_source[one.source].append(index)
    for indices in by_source.values():
        for index, standing in zip(indices, elect([candidates[index] for index in indices]), strict=True):
            elected[index] = Elected(False, standing.is_main)
    return [elected[index] for index in range(len(candidates))]


def _candidate(row: SleepSession) -> Candidate:
    device = row.device
    worn = device is None or device.kind in (Device.Kind.WATCH, Device.Kind.BAND, Device.Kind.RING)
    preference = 0 if worn else 1 if device and device.kind == Device.Kind.PHONE else 2
    sleep = ParsedSleep(
        start_time=row.start_time,
        end_time=row.end_time,
        utc_offset_s=row.utc_offset_s or 0,
        date=row.date,
        stages=tuple((begin, length, stage) for begin, length, stage in row.stages),
        in_bed_s=row.in_bed_s,
        asleep_s=row.asleep_s,
    )
    return Candidate(f"{row.provider} {device.key if device else ''}".rstrip(), preference, sleep)


def _overlap(one: ParsedSleep, other: ParsedSleep) -> bool:
    return one.start_time < other.end_time and other.start_time < one.end_time


# --- small things ---------------------------------------------------------------------------


def _runs(dates: Collection[date]) -> Iterator[tuple[date, date]]:
    """Dates as runs whose gaps are wider than what one night can bridge."""
    first = last = None
    for day in sorted(dates):
        if last is not None and first is not None and (day - last > 2 * _AROUND or (day - first).days > 120):
            yield first, last
            first = None
        first, last = first or day, day
    if first is not None and last is not None:
        yield first, last


def _pieces(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), IN_ONE_QUERY):
        yield items[start : start + IN_ONE_QUERY]
