"""Filing what a mapping read: source activities, the activities that show them, and how each record was read."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, TypeVar

from django.db import models
from django.db.models import OuterRef, Subquery
from django.utils import timezone

from activities.domain.parsed import Lap, ParsedActivity, Pause
from activities.models import Activity, RawRecord, Reading, SourceActivity
from activities.selectors.raw import IN_ONE_QUERY, current_raws
from activities.services.bulk import update_objects
from trainstack.accounts.models import User

# What an activity repeats of its primary source.
SHOWN_FIELDS = ("sport", "name", "start_time", "elapsed_s", "distance_m")
# Name of the key in a source activity's `extra`: the streams that its own raw record tells.
OWN_STREAMS = "own_streams"
# The same for the figures that no one told and that its streams give.
COMPUTED = "computed"

T = TypeVar("T")


@dataclass(frozen=True)
class Told:
    """One raw record and how it was read: the effort and, for multisport, its legs; or why it could not be."""

    raw: RawRecord
    parsed: Sequence[ParsedActivity] = ()
    problem: str = ""


@dataclass
class Ingested:
    """What came of it: source activities created, updated, unchanged; records that could not be read; activities made.

    `efforts` are created, updated and unchanged without the legs of multisport. `months` are the UTC months ("2024-05")
    in which a source activity is new or changed, for its streams.
    """

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    unreadable: int = 0
    activities: int = 0
    efforts: list[int] = field(default_factory=lambda: [0, 0, 0])
    months: set[str] = field(default_factory=set)
    sources: list[SourceActivity] = field(default_factory=list)


def ingest(user: User, told: Iterable[Told], *, mapping_version: int) -> Ingested:
    """File each record that is the current version of what it tells; belongs into the caller's transaction.

    Safe to repeat, in any order: the same records end in the same rows. A handful of queries whatever their number.
    """
    done = Ingested()
    current = _current(user, told)
    _note_readings(user, current, mapping_version)
    for provider in sorted({one.raw.provider for one in current}):
        readable = [one for one in current if one.raw.provider == provider and one.parsed]
        _file(user, provider, readable, done)
    done.unreadable = sum(1 for one in current if one.problem)
    return done


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


def _file(user: User, provider: str, told: Sequence[Told], done: Ingested) -> None:
    external_ids = [parsed.external_id for one in told for parsed in one.parsed]
    there: dict[str, SourceActivity] = {}
    for some in _pieces(sorted(set(external_ids))):
        rows = SourceActivity.objects.filter(user=user, provider=provider, external_id__in=some)
        there |= {row.external_id: row for row in rows.select_related("activity")}

    new: list[SourceActivity] = []
    changed: list[SourceActivity] = []
    legs: dict[str, list[SourceActivity]] = {}
    for one in told:
        for index, parsed in enumerate(one.parsed):
            told_fields = {"raw_id": one.raw.pk, **fields_of(parsed)}
            row = there.get(parsed.external_id)
            if row is None:
                row = SourceActivity(user=user, provider=provider, external_id=parsed.external_id, **told_fields)
                there[parsed.external_id] = row
                new.append(row)
                outcome = 0
            elif _set(row, told_fields):
                changed.append(row)
                outcome = 1
            else:
                done.unchanged += 1
                outcome = 2
            if not index:
                done.efforts[outcome] += 1
            else:
                legs.setdefault(one.parsed[0].external_id, []).append(row)

    _create(user, new, legs, done)
    _update(changed, done)
    _drop_legs(told, there, legs)
    done.sources += new + changed
    done.months |= {f"{row.start_time.astimezone(UTC):%Y-%m}" for row in new + changed}


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


def _set(row: SourceActivity, told: Mapping[str, Any]) -> bool:
    """Give the row what is told; whether that changed anything. What was computed from its streams was not told."""
    computed = row.extra.get(COMPUTED, [])
    before = {name: None if name in computed else getattr(row, name) for name in told}
    before["extra"] = {key: value for key, value in row.extra.items() if key != COMPUTED}
    if before == told:
        return False
    for name, value in told.items():
        setattr(row, name, value)
    return True


def _create(user: User, new: list[SourceActivity], legs: Mapping[str, list[SourceActivity]], done: Ingested) -> None:
    is_leg = {id(row) for rows in legs.values() for row in rows}
    efforts = [row for row in new if id(row) not in is_leg]
    activities = Activity.objects.bulk_create([_shown(Activity(user=user), row) for row in efforts])
    for row, activity in zip(efforts, activities, strict=True):
        row.activity = activity
    SourceActivity.objects.bulk_create(efforts)
    first = SourceActivity.objects.filter(activity=OuterRef("pk")).order_by("pk").values("pk")[:1]
    for some in _pieces([activity.pk for activity in activities]):
        Activity.objects.filter(pk__in=some).update(primary=Subquery(first))
    SourceActivity.objects.bulk_create([row for row in new if id(row) in is_leg])
    done.created += len(new)
    done.activities += len(activities)


def _update(changed: list[SourceActivity], done: Ingested) -> None:
    names = ["raw", *SourceActivity.PARSED_FIELDS, "laps", "pauses", "extra"]
    update_objects(changed, names)
    shown = [_shown(row.activity, row) for row in changed if row.activity and row.activity.primary_id == row.pk]
    update_objects(shown, [*SHOWN_FIELDS, "local_date"])
    done.updated += len(changed)


def _drop_legs(
    told: Sequence[Told], there: Mapping[str, SourceActivity], legs: Mapping[str, list[SourceActivity]]
) -> None:
    """Each leg under its parent, and none that is no longer told."""
    parents = [there[one.parsed[0].external_id] for one in told]
    by_parent = {row.pk: {leg.pk for leg in legs.get(row.external_id, ())} for row in parents}
    for pk, kept in by_parent.items():
        if kept:
            SourceActivity.objects.filter(pk__in=kept).exclude(parent=pk).update(parent=pk)
    gone = [
        pk
        for some in _pieces(sorted(by_parent))
        for pk, parent in SourceActivity.objects.filter(parent__in=some).values_list("pk", "parent")
        if parent is not None and pk not in by_parent[parent]
    ]
    if gone:
        SourceActivity.objects.filter(pk__in=gone).delete()


def _shown(activity: Activity, row: SourceActivity) -> Activity:
    for name in SHOWN_FIELDS:
        setattr(activity, name, getattr(row, name))
    activity.local_date = local_date_of(row)
    return activity


def local_date_of(row: SourceActivity) -> Any:
    """The date on the wall where the activity began."""
    return (row.start_time.astimezone(UTC) + timedelta(seconds=row.utc_offset_s or 0)).date()


def _pieces(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for first in range(0, len(items), IN_ONE_QUERY):
        yield items[first : first + IN_ONE_QUERY]
