"""What a provider says is no more: it counts no longer, and its bytes stay. And forgetting all that came.

A record is gone by an event, by a 404, or because a list that was read to its end no longer held it. What an import
also brought stays as the import told it. A record that comes back is sighted again and counts again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from django.db import transaction
from django.db.models import Max, Min
from django.utils import timezone

from activities.models import DailyMetric, RawRecord, RawSighting, SleepSession, SourceActivity
from activities.selectors.raw import IN_ONE_QUERY
from activities.services.raw import withdraw_sightings
from integrations.base import Listing
from integrations.models import Connection, OpenAsk, SyncRun
from integrations.services import runs
from integrations.services.report import Tally
from integrations.services.taking_back import by_api_alone, forget_days, have_read_again, versions_that_count
from integrations.told import day_of
from trainstack.accounts.models import User


@dataclass(frozen=True)
class Withdrawn:
    """What a withdrawal came to: external ids that count no longer over this connection.

    `stale` are the raw records whose samples are to go. Where `is_told_otherwise`, records are unread now that must be
    read again, because they tell what these told.
    """

    count: int = 0
    stale: tuple[int, ...] = ()
    is_told_otherwise: bool = False

    def __add__(self, other: Withdrawn) -> Withdrawn:
        return Withdrawn(
            self.count + other.count,
            (*self.stale, *other.stale),
            self.is_told_otherwise or other.is_told_otherwise,
        )


def withdraw(
    user: User, connection: Connection, external_ids: Collection[str], tally: Tally, *, kind: str = ""
) -> Withdrawn:
    """Have these records of the connection count no longer: of one kind, or of all kinds under these external ids.

    Belongs into the transaction of the run that works on the user; what it touches is noted in the tally. Safe to
    repeat.
    """
    asks = OpenAsk.objects.filter(connection=connection, key__in=external_ids)
    (asks.filter(of=kind) if kind else asks.exclude(of="")).delete()
    done = Withdrawn()
    for some in _pieces(sorted(external_ids)):
        live = RawSighting.objects.filter(
            user=user,
            connection=connection,
            withdrawn_at=None,
            raw__provider=connection.provider,
            raw__external_id__in=some,
        )
        if kind:
            live = live.filter(raw__kind=kind)
        sightings = list(live.select_related("raw").order_by("raw_id"))
        if not sightings:
            continue
        records = [sighting.raw for sighting in sightings]
        before = versions_that_count(user, records)
        days = forget_days(user, sightings, tally)
        withdraw_sightings(user, sightings, at=timezone.now())
        after = versions_that_count(user, records)
        have_read_again(user, {key for key in before if after.get(key) != before[key]})
        elsewhere = RawSighting.objects.filter(raw__in=[it.pk for it in records], withdrawn_at=None)
        kept = set(elsewhere.values_list("raw_id", flat=True))
        done += Withdrawn(
            count=len({record.external_id for record in records}),
            stale=tuple(record.pk for record in records if record.pk not in kept),
            is_told_otherwise=days > 0 or _is_told_by_others(user, connection, some),
        )
    return done


def _is_told_by_others(user: User, connection: Connection, external_ids: Sequence[str]) -> bool:
    """Whether a record of one of these external ids counts still."""
    return RawSighting.objects.filter(
        user=user, withdrawn_at=None, raw__provider=connection.provider, raw__external_id__in=external_ids
    ).exists()


def is_a_date(external_id: str) -> bool:
    """Whether records of several kinds may share the external id without speaking of one thing."""
    return day_of(external_id) is not None


def missing(connection: Connection, listing: Listing) -> list[str]:
    """The external ids of this kind that a whole list should have held and did not."""
    sighted = (
        RawSighting.objects.filter(
            connection=connection,
            withdrawn_at=None,
            raw__provider=connection.provider,
            raw__kind=listing.kind,
        )
        .order_by()
        .values("raw__external_id")
        .annotate(last=Max("seen_at"))
        .filter(last__lt=listing.began_at)
    )
    unseen = sorted(sighted.values_list("raw__external_id", flat=True))
    if listing.since is None and listing.until is None:
        return unseen
    began = _began(connection, unseen)
    return [
        external_id
        for external_id in unseen
        if (at := began.get(external_id)) is not None
        and (listing.since is None or at >= listing.since)
        and (listing.until is None or at < listing.until)
    ]


def _began(connection: Connection, external_ids: Sequence[str]) -> dict[str, datetime]:
    """When each began: its activity or night, or noon of its day; without those of which that cannot be told."""
    found: dict[str, datetime] = {}
    for some in _pieces(external_ids):
        mine = {
            "user": connection.user_id,
            "raw__provider": connection.provider,
            "raw__external_id__in": some,
        }
        days = DailyMetric.objects.filter(**mine).order_by().values("raw__external_id").annotate(first=Min("date"))
        found |= {name: _noon(day) for name, day in days.values_list("raw__external_id", "first")}
        for model in (SleepSession, SourceActivity):
            rows = model._default_manager.filter(**mine).order_by().values("raw__external_id")
            found |= dict(rows.annotate(first=Min("start_time")).values_list("raw__external_id", "first"))
        for name in some:
            if name not in found and (day := day_of(name)):
                found[name] = _noon(day)
    return found


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(12), UTC)


# --- forgetting -----------------------------------------------------------------------------


def forget(connection: Connection, *, nudge: bool = True) -> SyncRun:
    """Have all that came over the connection and nothing else brought removed, bytes and all; the run that does it."""
    with transaction.atomic():
        for run in connection.runs.filter(kind=SyncRun.Kind.SYNC, state__in=runs.OPEN):
            runs.cancel(run)
        Connection.objects.select_for_update().only("pk").get(pk=connection.pk)
        open_run = connection.runs.filter(kind=SyncRun.Kind.FORGET, state__in=runs.OPEN)
        already = next((run for run in open_run.order_by("pk") if "seen_before" not in run.cursor), None)
        if already:
            return already
        connection.asks.all().delete()
        return runs.start(connection.user, kind=SyncRun.Kind.FORGET, connection=connection, nudge=nudge)


def what_came(connection: Connection) -> dict[str, int]:
    """What the connection brought and still counts, and how many of its raw records a file has brought as well."""
    sightings = RawSighting.objects.filter(connection=connection)
    records = RawRecord.objects.filter(sightings__in=sightings)
    mine = {"user": connection.user_id, "raw__in": records.order_by().values("pk")}
    brought = sightings.count()
    return {
        "activities": SourceActivity.objects.filter(**mine, parent=None).count(),
        "sleeps": SleepSession.objects.filter(**mine).count(),
        "days": DailyMetric.objects.filter(**mine).count(),
        "raw_records": brought,
        "kept": brought - by_api_alone(sightings).count(),
    }


def _pieces(items: Sequence[str]) -> Iterator[Sequence[str]]:
    for first in range(0, len(items), IN_ONE_QUERY):
        yield items[first : first + IN_ONE_QUERY]
