"""Taking back: what an import, or a connection, alone brought goes, what others brought too stays, and what follows is
made anew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from activities.domain.parsed import Problem
from activities.models import (
    DailyMetric,
    Device,
    RawRecord,
    RawSighting,
    Reading,
    SampleChunk,
    SleepSession,
    SourceActivity,
)
from activities.selectors.raw import IN_ONE_QUERY, TOLD_AT, current_raws, only_seen_in
from activities.selectors.series import months_of_origin, origins_of
from activities.services import raw, telling
from activities.services.ingest import ingest
from activities.services.series import remove_origin
from integrations.base import Provider
from integrations.models import Connection, Import, SyncRun
from integrations.registry import PROVIDERS
from integrations.services import following, sampling
from integrations.services.imports import set_state
from integrations.services.reading import ReadAgain, read_again
from integrations.services.report import Report, Tally
from integrations.services.runs import Lease, Work
from trainstack.accounts.models import User

FORGET_AT_ONCE = 100
# Rough shares of the work, for the progress bar.
STEPS = 100
AFTER_SAMPLES, AFTER_RECORDS = 40, 80


def _step(lease: Lease) -> None:
    run = lease.run
    if "phase" not in run.cursor:
        _plan(lease)
    if run.cursor["phase"] == "samples" and not _take_samples(lease):
        return
    if run.cursor["phase"] == "records" and not _take_records(lease):
        return
    if run.cursor["phase"] == "read" and not _read_again(lease):
        return
    if following.follow(lease, [PROVIDERS[slug] for slug in run.cursor["whose"]]):
        # Nights hung on their devices until they were made anew.
        Device.objects.filter(user=run.user, chunks=None, sleep_sessions=None, daily_metrics=None).delete()
        lease.finish()


def sightings_of(run: SyncRun) -> QuerySet[RawSighting]:
    """What the run takes back.

    Of a connection all that it brought; or, where the cursor says `seen_before`, what the provider last sent before
    that time, without records of activities, nights and days that the athlete has brought by file as well.
    """
    sightings = RawSighting.objects.filter(user=run.user)
    if run.import_file_id:
        return sightings.filter(import_file=run.import_file_id)
    sightings = sightings.filter(connection=run.connection_id)
    if "seen_before" not in run.cursor:
        return sightings
    return by_api_alone(sightings).filter(seen_at__lt=datetime.fromisoformat(run.cursor["seen_before"]))


def by_api_alone(sightings: QuerySet[RawSighting]) -> QuerySet[RawSighting]:
    """Those of records whose external id no file of the same provider has brought as well."""
    by_file = RawSighting.objects.filter(
        user=OuterRef("user"),
        import_file__isnull=False,
        raw__provider=OuterRef("raw__provider"),
        raw__external_id=OuterRef("raw__external_id"),
    )
    return sightings.filter(~Exists(by_file))


def _plan(lease: Lease) -> None:
    """Note what will be touched while it is still there to be seen."""
    run = lease.run
    tally = Tally()
    told = sightings_of(run)
    mine = only_seen_in(told)
    origins: list[int] = []
    for some in _pieces(sorted(origins_of(run.user))):
        origins += mine.filter(pk__in=some).values_list("pk", flat=True)
    for origin in origins:
        for metric, months in months_of_origin(run.user, origin).items():
            tally.touch(metric, months)
    if provider := PROVIDERS.get(run.import_file.provider if run.import_file else ""):
        routes = mine.filter(kind="route").values_list("external_id", flat=True)
        tally.touch_activities(following.months_with_routes(run.user, provider, routes))
    providers = sorted(set(told.order_by().values_list("raw__provider", flat=True).distinct()) & PROVIDERS.keys())
    lease.save(
        cursor={**run.cursor, "phase": "samples", "origins": origins, "providers": providers},
        counts=tally.as_json(),
        total=STEPS,
        doing=f"Taking back the samples of {_name(run)}"[:200],
    )


def _name(run: SyncRun) -> str:
    """What is taken back, for a person."""
    if run.import_file:
        return run.import_file.name
    assert run.connection is not None
    provider = PROVIDERS.get(run.connection.provider)
    return provider.name if provider else run.connection.provider


def _take_samples(lease: Lease) -> bool:
    for origin in lease.run.cursor["origins"]:
        while not remove_origin(lease.run.user, origin, deadline=lease.piece_ends):
            # Every piece gets on; how far cannot be told.
            lease.save(cursor={**lease.run.cursor, "pieces": lease.run.cursor.get("pieces", 0) + 1})
            if lease.time_is_up:
                return False
    cursor = {**lease.run.cursor, "phase": "records", "left": None, "origins": []}
    lease.save(cursor=cursor, done=AFTER_SAMPLES, doing="Taking back the records")
    return True


def _take_records(lease: Lease) -> bool:
    run = lease.run
    sightings = sightings_of(run)
    all_of_them = run.cursor["left"] or sightings.count() or 1
    done = False
    while not done:
        with transaction.atomic():
            left = sightings.count()
            share = (AFTER_RECORDS - AFTER_SAMPLES) * (all_of_them - left) // all_of_them
            # What is left tells the cursor's progress: a slice that took something back has got on.
            lease.save(cursor={**run.cursor, "left": all_of_them, "now": left}, done=AFTER_SAMPLES + share)
            slice_of_it = list(sightings.order_by("raw_id").select_related("raw")[:FORGET_AT_ONCE])
            records = [sighting.raw for sighting in slice_of_it]
            before = versions_that_count(run.user, records)
            tally = Tally.of(run.counts)
            forget_days(run.user, slice_of_it, tally)
            done = raw.forget_sightings(run.user, sightings, limit=FORGET_AT_ONCE).done
            after = versions_that_count(run.user, records)
            have_read_again(run.user, {key for key in before if after.get(key) != before[key]})
            lease.save(counts=tally.as_json())
            if done:
                cursor = {**run.cursor, "phase": "read", "after": 0}
                lease.save(cursor=cursor, done=AFTER_RECORDS, doing="Reading what others told")
        if lease.time_is_up and not done:
            return False
    return True


def forget_days(user: User, sightings: Sequence[RawSighting], tally: Tally) -> int:
    """Remove the nights and days that hang on records which count no longer without these sightings; how many.

    What that touches is noted in the tally. What else tells of them is unread then, so that it is read again.
    """
    elsewhere = set(
        RawSighting.objects.filter(raw__in=[it.raw_id for it in sightings], withdrawn_at=None)
        .exclude(pk__in=[it.pk for it in sightings])
        .values_list("raw_id", flat=True)
    )
    going = [sighting.raw for sighting in sightings if sighting.raw_id not in elsewhere]
    filed = telling.forget(user, [record.pk for record in going])
    tally.add_filed(filed)
    for metric, days in filed.by_metric.items():
        tally.touch(metric, {f"{day:%Y-%m}" for day in days})
    if filed.removed:
        for provider in {record.provider for record in going}:
            telling_too = RawRecord.objects.filter(user=user, provider=provider)
            kinds = {record.kind for record in going if record.provider == provider} | {
                kind
                for rows in ("sleep_sessions", "daily_metrics")
                for kind in telling_too.filter(**{f"{rows}__isnull": False}).values_list("kind", flat=True).distinct()
            }
            Reading.objects.filter(user=user, raw__provider=provider, raw__kind__in=kinds).delete()
    return filed.removed


def versions_that_count(user: User, records: Sequence[RawRecord]) -> dict[tuple[str, str, str], int]:
    """By provider, kind and external id of these records, the id of the version that counts."""
    groups: dict[tuple[str, str], set[str]] = defaultdict(set)
    for record in records:
        groups[record.provider, record.kind].add(record.external_id)
    return {
        (provider, kind, external_id): record.pk
        for (provider, kind), external_ids in sorted(groups.items())
        for external_id, record in current_raws(user, provider, kind, external_ids).items()
    }


def have_read_again(user: User, changed: set[tuple[str, str, str]]) -> None:
    """Note as unread what is left of these external ids: the version that counts now, and what is joined with it."""
    by_provider: dict[str, set[str]] = defaultdict(set)
    for provider, _, external_id in changed:
        by_provider[provider].add(external_id)
    for provider, external_ids in sorted(by_provider.items()):
        Reading.objects.filter(user=user, raw__provider=provider, raw__external_id__in=external_ids).delete()


def _read_again(lease: Lease) -> bool:
    run = lease.run
    while run.cursor["providers"]:
        provider = PROVIDERS[run.cursor["providers"][0]]
        if not read_unread(lease, provider):
            return False
        lease.save(cursor={**run.cursor, "after": 0, "providers": run.cursor["providers"][1:]})
    lease.save(cursor={**run.cursor, "phase": "follow", "step": 0, "whose": _whose(run.user)})
    return True


def read_unread(lease: Lease, provider: Provider) -> bool:
    """Read the records that count and that no mapping has read, from the cursor's `after` on; whether all is read."""
    run = lease.run
    while True:
        unread = RawRecord.objects.annotate(told_at=TOLD_AT).filter(
            user=run.user,
            provider=provider.slug,
            kind__in=list(provider.parse),
            reading=None,
            told_at__isnull=False,
            pk__gt=run.cursor["after"],
        )
        records = list(unread.order_by("pk")[:FORGET_AT_ONCE])
        if not records:
            return True
        read = read_again(run.user, provider, records)
        sampling.remove(lease, sampling.differing(run.user, provider, read.samples))
        after = records[-1].pk

        def store(tally: Tally, read: ReadAgain = read, after: int = after) -> None:
            done = ingest(run.user, read.told, mapping_version=provider.mapping_version)
            tally.touch_activities(done.months)
            tally.add_filed(telling.tell(run.user, read.days, list(provider.parse)))
            lease.save(cursor={**run.cursor, "after": after}, counts=tally.as_json())

        sampling.add(lease, provider, read.samples, store)
        if lease.time_is_up:
            return False


def _whose(user: User) -> list[str]:
    """The providers of whom there are samples, or what was worked out from some."""
    rows = (
        SampleChunk.objects.filter(user=user),
        SleepSession.objects.filter(user=user, raw=None),
        DailyMetric.objects.filter(user=user, raw=None),
        SourceActivity.objects.filter(user=user),
    )
    slugs = {slug for some in rows for slug in some.order_by().values_list("provider", flat=True).distinct()}
    return sorted(slugs & PROVIDERS.keys())


def _ended(run: SyncRun) -> None:
    """The import as its taking back ended; one that failed can be taken back again."""
    import_file = run.import_file
    assert import_file is not None
    if run.state == SyncRun.State.FINISHED:
        set_state(import_file, Import.State.ROLLED_BACK)
        return
    report = Report.from_json(import_file.report)
    problem = Problem(import_file.name, f"It could not be rolled back. {run.error}")
    report = replace(report, problems=(problem, *report.problems), problems_total=report.problems_total + 1)
    set_state(import_file, Import.State.FAILED, report)


def _reopened(run: SyncRun) -> None:
    assert run.import_file is not None
    set_state(run.import_file, Import.State.ROLLING_BACK)


def _forgotten(run: SyncRun) -> None:
    """Once all that a connection brought is gone, it begins anew when it is taken up again."""
    if run.connection and run.state == SyncRun.State.FINISHED and "seen_before" not in run.cursor:
        Connection.objects.filter(pk=run.connection.pk).update(cursors={}, looked_at={}, last_success_at=None)


def _nothing(run: SyncRun) -> None:
    """No one else waits for it."""


def _pieces(items: Sequence[int]) -> Iterator[Sequence[int]]:
    for first in range(0, len(items), IN_ONE_QUERY):
        yield items[first : first + IN_ONE_QUERY]


TAKING_BACK = Work(step=_step, ended=_ended, reopened=_reopened)
FORGETTING = Work(step=_step, ended=_forgotten, reopened=_nothing)
