"""An account whose records are those that hypothesis drew, filed as any import files them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from django.db import transaction

from activities.domain.matching import Decision, Key, Record, groups_of, suggestions_of
from activities.domain.parsed import ParsedActivity
from activities.domain.priority import Order, elect
from activities.models import Activity, LinkDecision, RawRecord, RawSighting, SourceActivity
from activities.services.grouping import Regrouped, candidate_of, decisions_of, order_of, pins_of, record_of, regroup
from activities.services.ingest import Ingested, Told, ingest
from tests.factories.accounts import UserFactory
from trainstack.accounts.models import User

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
STATED = datetime(2026, 6, 1, tzinfo=UTC)

# The groups of an account, each with its primary.
State = dict[tuple[Key, ...], Key]


@contextmanager
def account() -> Iterator[User]:
    """A new athlete, of whom nothing is left afterwards: one example among many in one test."""
    with transaction.atomic():
        yield UserFactory()
        transaction.set_rollback(True)


def told(user: User, record: Record, version: int = 0) -> Told:
    """The record as its mapping reads it, from a raw record of its own; a higher version is told later."""
    raw, _ = RawRecord.objects.get_or_create(
        user=user,
        provider=record.provider,
        kind="workout",
        external_id=record.external_id,
        sha256=hashlib.sha256(f"{record} {version}".encode()).hexdigest(),
        size_bytes=1,
        content_type="text/plain",
    )
    RawSighting.objects.get_or_create(user=user, raw=raw, stated_at=STATED + timedelta(days=version))
    return Told(raw, [parsed(record)])


def parsed(record: Record) -> ParsedActivity:
    return ParsedActivity(
        external_id=record.external_id,
        sport=record.sport,
        start_time=EPOCH + timedelta(milliseconds=record.start_ms),
        elapsed_s=_seconds(record.elapsed_ms),
        timer_s=_seconds(record.timer_ms),
        moving_s=_seconds(record.moving_ms),
        distance_m=record.distance_m,
        device=record.device,
        utc_offset_s=record.offset_ms // 1000 or None,
        day_only=record.day_only,
    )


def _seconds(ms: int | None) -> float | None:
    return None if ms is None else ms / 1000


def file(user: User, records: Iterable[Record], version: int = 0) -> Ingested:
    return ingest(user, [told(user, record, version) for record in records], mapping_version=1)


def decide(user: User, decisions: Iterable[Decision]) -> Regrouped:
    """The decisions with the numbers that they were drawn with."""
    rows = [_row(user, decision) for decision in decisions]
    LinkDecision.objects.bulk_create(rows)
    return regroup(user, keys={key for row in rows for key in (row.one, row.other)})


def _row(user: User, decision: Decision) -> LinkDecision:
    one, other = sorted((decision.one, decision.other))
    return LinkDecision(
        user=user, number=decision.number, batch=decision.number, same=decision.same, one_provider=one[0],
        one_external_id=one[1], other_provider=other[0], other_external_id=other[1],
    )  # fmt: skip


def state_of(user: User) -> State:
    """What the account shows."""
    groups: dict[int, list[Key]] = {}
    primary: dict[int, Key] = {}
    for source in SourceActivity.objects.filter(user=user, parent=None).select_related("activity"):
        assert source.activity is not None
        key = (source.provider, source.external_id)
        groups.setdefault(source.activity.pk, []).append(key)
        if source.activity.primary_id == source.pk:
            primary[source.activity.pk] = key
            assert _shown(source.activity) == _shown(source)
    assert sorted(groups) == sorted(user.activities.values_list("pk", flat=True))
    return {tuple(sorted(group)): primary[activity] for activity, group in groups.items()}


def _shown(row: Activity | SourceActivity) -> tuple[object, ...]:
    return row.sport, row.name, row.start_time, row.elapsed_s, row.distance_m


def expected_of(user: User) -> State:
    """What the pure core makes of the account's records and decisions, all of them at once."""
    sources = {(it.provider, it.external_id): it for it in SourceActivity.objects.filter(user=user, parent=None)}
    order: Order = order_of(user, "activities")
    pins = pins_of(user, sources.values())
    groups = groups_of(map(record_of, sources.values()), decisions_of(user))
    return {group: elect([candidate_of(sources[key]) for key in group], order, pins) for group in groups}


def suggested(user: User) -> set[tuple[frozenset[Key], str, str]]:
    return {
        (frozenset(((it.one.provider, it.one.external_id), (it.other.provider, it.other.external_id))), it.reason,
         it.detail)
        for it in user.suggestions.select_related("one", "other")
    }  # fmt: skip


def expected_suggestions(user: User) -> set[tuple[frozenset[Key], str, str]]:
    records = [record_of(it) for it in SourceActivity.objects.filter(user=user, parent=None)]
    decisions = decisions_of(user)
    groups: Sequence[Sequence[Key]] = groups_of(records, decisions)
    return {
        (frozenset((it.one, it.other)), it.reason, it.detail[:200]) for it in suggestions_of(records, groups, decisions)
    }
