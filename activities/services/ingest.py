"""Filing what a mapping read: source activities, the activities that show them, and how each record was read."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime
from functools import cache
from itertools import zip_longest
from typing import Any, TypeVar

from django.db import models, transaction
from django.utils import timezone

from activities.domain.matching import Record
from activities.domain.parsed import COMPUTED, Lap, ParsedActivity, Pause
from activities.models import RawRecord, Reading, SourceActivity
from activities.selectors.raw import IN_ONE_QUERY, current_raws
from activities.services.bulk import update_objects
from activities.services.grouping import Regrouped, local_date, lock, record_of, regroup
from trainstack.accounts.models import User

# Name of the key in a source activity's `extra`: the streams that its own raw record tells.
OWN_STREAMS = "own_streams"

T = TypeVar("T")


@dataclass(frozen=True)
class Told:
    """One raw record and how it was read: its efforts and the legs of multisport; or why it could not be.

    `streams` holds for each activity of `parsed` the sha256 of its encoded streams, which lie in the stream storage
    already, or None where it has none. Empty where the streams are worked out later, from samples.
    """

    raw: RawRecord
    parsed: Sequence[ParsedActivity] = ()
    problem: str = ""
    streams: Sequence[str | None] = ()


@dataclass
class Ingested:
    """What came of it: source activities created, updated, unchanged; records that could not be read; activities made.

    `linked` are the new efforts that found an activity which tells of them already. `efforts` are created, updated and
    unchanged without the legs of multisport. `months` are the UTC months ("2024-05") in which a source activity is new
    or changed, for its streams.
    """

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    unreadable: int = 0
    activities: int = 0
    linked: int = 0
    efforts: list[int] = field(default_factory=lambda: [0, 0, 0])
    months: set[str] = field(default_factory=set)
    sources: list[SourceActivity] = field(default_factory=list)
    regrouped: Regrouped = field(default_factory=Regrouped)


@transaction.atomic(savepoint=False)
def ingest(user: User, told: Iterable[Told], *, mapping_version: int) -> Ingested:
    """File each record that is the current version of what it tells; joins the caller's transaction.

    Safe to repeat, in any order: the same records end in the same rows. A handful of queries whatever their number.
    """
    lock(user)
    done = Ingested()
    changes = _Changes()
    current = _current(user, told)
    _note_readings(user, current, mapping_version)
    new: list[SourceActivity] = []
    for provider in sorted({one.raw.provider for one in current}):
        readable = [one for one in current if one.raw.provider == provider and (one.parsed or not one.problem)]
        new += _file(user, provider, readable, changes, done)
    done.unreadable = sum(1 for one in current if one.problem)
    if changes.records:
        regrouped = regroup(user, changes.records, activities=changes.activities)
        _follow(done, new, regrouped)
    return done


def _follow(done: Ingested, new: Sequence[SourceActivity], regrouped: Regrouped) -> None:
    """The rows at hand as the grouping left them, and what it came to."""
    for row in done.sources:
        row.activity_id = regrouped.moved.get(row.pk, row.activity_id)
    made = {row.activity_id for row in new} & regrouped.created
    done.activities = len(regrouped.created)
    done.linked = len(new) - len(made)
    done.regrouped = regrouped


def json_of(part: Lap | Pause) -> dict[str, Any]:
    """A lap or pause as its row keeps it: what is told, times with their offset."""
    told: dict[str, Any] = {}
    for one in fields(part):
        value = getattr(part, one.name)
        if isinstance(value, datetime):
            told[one.name] = value.isoformat()
        elif value not in (None, "", {}) and value is not False:
            told[one.name] = dict(value) if isinstance(value, Mapping) else value
    return told


def _current(user: User, told: Iterable[Told]) -> list[Told]:
    """Those that are the version that counts, each record once."""
    by_raw = {one.raw.pk: one for one in told}
    groups: dict[tuple[str, str], set[str]] = {}
    for one in by_raw.values():
        groups.setdefault((one.raw.provider, one.raw.kind), set()).add(one.raw.external_id)
    return [
        by_raw[raw.pk]
        for (provider, kind), external_ids in sorted(groups.items())
        for raw in current_raws(user, provider, kind, external_ids).values()
        if raw.pk in by_raw
    ]


def _note_readings(user: User, told: Sequence[Told], mapping_version: int) -> None:
    now = timezone.now()
    Reading.objects.bulk_create(
        (
            Reading(user=user, raw=one.raw, mapping_version=mapping_version, read_at=now, problem=one.problem)
            for one in sorted(told, key=lambda one: one.raw.pk)
        ),
        update_conflicts=True,
        unique_fields=["raw"],
        update_fields=["mapping_version", "read_at", "problem"],
    )


@dataclass
class _Changes:
    """What has to be grouped anew: records as they are and as they were, and activities that may be left empty."""

    records: list[Record] = field(default_factory=list)
    activities: set[int] = field(default_factory=set)

    def note(self, row: SourceActivity) -> None:
        """A row, as it stands; call before it changes and after."""
        self.records.append(record_of(row))
        if row.activity_id is not None:
            self.activities.add(row.activity_id)


def _file(user: User, provider: str, told: Sequence[Told], changes: _Changes, done: Ingested) -> list[SourceActivity]:
    """Writes the rows of one provider; those of them that are new efforts."""
    external_ids = {parsed.external_id for one in told for parsed in one.parsed}
    there: dict[str, SourceActivity] = {}
    for some in _pieces(sorted(external_ids)):
        rows = SourceActivity.objects.filter(user=user, provider=provider, external_id__in=some)
        there |= {row.external_id: row for row in rows}

    new: list[SourceActivity] = []
    changed: dict[str, SourceActivity] = {}
    parents: dict[str, str | None] = {}
    for one in told:
        for parsed, told_fields in zip(one.parsed, _told_fields(one), strict=True):
            parents[parsed.external_id] = None if parsed.parent is None else one.parsed[parsed.parent].external_id
            row = there.get(parsed.external_id)
            if row is None:
                row = SourceActivity(user=user, provider=provider, external_id=parsed.external_id, **told_fields)
                there[parsed.external_id] = row
                new.append(row)
            else:
                was = record_of(row)
                if _set(row, told_fields, streams_follow=not one.streams):
                    changed[row.external_id] = row
                    changes.records.append(was)

    efforts = [row for row in new if parents[row.external_id] is None]
    SourceActivity.objects.bulk_create(efforts)
    _hang(there, parents, changed, changes)
    SourceActivity.objects.bulk_create([row for row in new if row.parent_id is not None])
    streams = ["streams", "streams_sha256"] if any(one.streams for one in told) else []
    update_objects(
        changed.values(),
        ["raw", "parent", "activity", *SourceActivity.PARSED_FIELDS, "laps", "pauses", "extra", *streams],
    )
    _drop_untold(user, provider, told, external_ids, changes)
    for row in (*efforts, *changed.values()):
        if row.parent_id is None:
            changes.note(row)
    _count(there, parents, {row.external_id for row in new}, changed, done)
    done.sources += [*new, *changed.values()]
    done.months |= {f"{row.start_time.astimezone(UTC):%Y-%m}" for row in (*new, *changed.values())}
    return efforts


def _told_fields(one: Told) -> Iterator[dict[str, Any]]:
    """What the rows of a record hold."""
    for parsed, sha256 in zip_longest(one.parsed, one.streams):
        told = {"raw_id": one.raw.pk, **fields_of(parsed)}
        if one.streams:
            counts = {name: len(stream) for name, stream in sorted(parsed.streams.items())} if sha256 else {}
            told |= {"streams": counts, "streams_sha256": sha256 or ""}
            told["extra"].pop(OWN_STREAMS, None)
        yield told


def _hang(
    there: Mapping[str, SourceActivity],
    parents: Mapping[str, str | None],
    changed: dict[str, SourceActivity],
    changes: _Changes,
) -> None:
    """Each leg under its parent, and under nothing else."""
    for external_id, parent in parents.items():
        row = there[external_id]
        parent_id = None if parent is None else there[parent].pk
        if row.parent_id == parent_id:
            continue
        if row.pk is not None:
            if row.parent_id is None:
                changes.note(row)
            changed[external_id] = row
        row.parent_id = parent_id
        row.activity_id = None


def _drop_untold(
    user: User, provider: str, told: Sequence[Told], external_ids: Collection[str], changes: _Changes
) -> None:
    """Removes what hangs on these records, in whatever version, and is no longer told."""
    kinds = {one.raw.kind for one in told}
    untold: list[int] = []
    for some in _pieces(sorted({one.raw.external_id for one in told})):
        records = RawRecord.objects.filter(user=user, provider=provider, kind__in=kinds, external_id__in=some)
        rows = SourceActivity.objects.filter(raw__in=records).values_list("pk", "external_id")
        untold += [pk for pk, external_id in rows if external_id not in external_ids]
    for pks in _pieces(untold):
        gone = SourceActivity.objects.filter(pk__in=pks)
        for row in gone.filter(parent=None).defer("laps", "pauses", "extra", "streams"):
            changes.note(row)
        gone.delete()


def _count(
    there: Mapping[str, SourceActivity],
    parents: Mapping[str, str | None],
    new: Collection[str],
    changed: Collection[str],
    done: Ingested,
) -> None:
    for external_id in there:
        outcome = 0 if external_id in new else 1 if external_id in changed else 2
        if parents[external_id] is None:
            done.efforts[outcome] += 1
    done.created += len(new)
    done.updated += len(changed)
    done.unchanged += len(there) - len(new) - len(changed)


def fields_of(parsed: ParsedActivity) -> dict[str, Any]:
    """The row's fields: those of the value, words cut to what a column holds."""
    told = {name: _fitted(name, getattr(parsed, name)) for name in SourceActivity.PARSED_FIELDS}
    extra = {**parsed.extra, **({OWN_STREAMS: sorted(parsed.streams)} if parsed.streams else {})}
    parts = {"laps": [json_of(it) for it in parsed.laps], "pauses": [json_of(it) for it in parsed.pauses]}
    # As the database gives it back, so that an equal reading compares equal.
    return {**told, **json.loads(json.dumps({**parts, "extra": extra}))}


def _fitted(name: str, value: Any) -> Any:
    if isinstance(value, str):
        return value[: _longest(name)]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


@cache
def _longest(name: str) -> int | None:
    column = SourceActivity._meta.get_field(name)
    return column.max_length if isinstance(column, models.CharField) else None


def _set(row: SourceActivity, told: Mapping[str, Any], *, streams_follow: bool) -> bool:
    """Give the row what is told; whether that changed anything.

    Where `streams_follow` the row holds figures that were worked out from its streams since: no one told those.
    """
    its_own = told["extra"].get(COMPUTED, [])
    since = [name for name in row.extra.get(COMPUTED, []) if name not in its_own] if streams_follow else []
    before = {name: None if name in since else getattr(row, name) for name in told}
    if since:
        others = {name: value for name, value in row.extra.items() if name != COMPUTED}
        before["extra"] = {**others, COMPUTED: its_own} if its_own else others
    if before == told:
        return False
    for name, value in told.items():
        setattr(row, name, value)
    return True


def local_date_of(row: SourceActivity) -> date:
    """The date on the wall where the activity began."""
    return local_date(row.start_time, row.utc_offset_s)


def _pieces(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for first in range(0, len(items), IN_ONE_QUERY):
        yield items[first : first + IN_ONE_QUERY]
