"""Rolling an import back: what it alone brought goes, what others brought too stays, and what follows is made anew."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from django.db import transaction

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
from activities.selectors.raw import current_raws, only_from
from activities.selectors.series import months_of_origin
from activities.services import raw, telling
from activities.services.ingest import ingest
from activities.services.series import remove_origin
from integrations.base import Provider
from integrations.models import Import, SyncRun
from integrations.registry import PROVIDERS
from integrations.services import following
from integrations.services.imports import set_state
from integrations.services.reading import read_again
from integrations.services.report import Report, Tally
from integrations.services.runs import Lease, Work
from trainstack.accounts.models import User

FORGET_AT_ONCE = 100
# Rough shares of the work, for the progress bar.
STEPS = 100
AFTER_SAMPLES, AFTER_RECORDS = 40, 80


def _step(lease: Lease) -> None:
    run = lease.run
    import_file = run.import_file
    assert import_file is not None
    provider = PROVIDERS.get(import_file.provider)
    if not run.cursor:
        _plan(lease, import_file, provider)
    if run.cursor["phase"] == "samples" and not _take_samples(lease):
        return
    if run.cursor["phase"] == "records" and not _take_records(lease, import_file):
        return
    if run.cursor["phase"] == "read" and not _read_again(lease):
        return
    if following.follow(lease, [PROVIDERS[slug] for slug in run.cursor["whose"]]):
        # Nights hung on their devices until they were made anew.
        Device.objects.filter(user=run.user, chunks=None, sleep_sessions=None, daily_metrics=None).delete()
        lease.finish()


def _plan(lease: Lease, import_file: Import, provider: Provider | None) -> None:
    """Note what will be touched while it is still there to be seen."""
    tally = Tally()
    mine = only_from(import_file)
    origins = list(mine.filter(kind="export").values_list("pk", flat=True))
    for origin in origins:
        for metric, months in months_of_origin(import_file.user, origin).items():
            tally.touch(metric, months)
    if provider:
        routes = mine.filter(kind="route").values_list("external_id", flat=True)
        tally.touch_activities(following.months_with_routes(import_file.user, provider, routes))
    told = RawSighting.objects.filter(user=import_file.user, import_file=import_file.pk)
    providers = sorted(set(told.order_by().values_list("raw__provider", flat=True).distinct()) & PROVIDERS.keys())
    lease.save(
        cursor={"phase": "samples", "origins": origins, "providers": providers},
        counts=tally.as_json(),
        total=STEPS,
        doing=f"Taking back the samples of {import_file.name}",
    )


def _take_samples(lease: Lease) -> bool:
    for origin in lease.run.cursor["origins"]:
        while not remove_origin(lease.run.user, origin, deadline=lease.piece_ends):
            # Every piece gets on; how far cannot be told.
            lease.save(cursor={**lease.run.cursor, "pieces": lease.run.cursor.get("pieces", 0) + 1})
            if lease.time_is_up:
                return False
    cursor = {"phase": "records", "left": None, "providers": lease.run.cursor["providers"]}
    lease.save(cursor=cursor, done=AFTER_SAMPLES, doing="Taking back the records")
    return True


def _take_records(lease: Lease, import_file: Import) -> bool:
    run = lease.run
    sightings = RawSighting.objects.filter(user=run.user, import_file=import_file.pk)
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
            before = _current(run.user, records)
            tally = _forget_days(import_file, slice_of_it, Tally.of(run.counts))
            done = raw.forget_import(import_file, limit=FORGET_AT_ONCE).done
            after = _current(run.user, records)
            _have_read_again(run.user, {key for key in before if after.get(key) != before[key]})
            lease.save(counts=tally.as_json())
            if done:
                cursor = {"phase": "read", "after": 0, "providers": run.cursor["providers"]}
                lease.save(cursor=cursor, done=AFTER_RECORDS, doing="Reading what others told")
        if lease.time_is_up and not done:
            return False
    return True


def _forget_days(import_file: Import, sightings: Sequence[RawSighting], tally: Tally) -> Tally:
    """Remove the nights and days that hang on records which go with these sightings; the tally with what that touches.

    What else tells of them is to be read again.
    """
    elsewhere = set(
        RawSighting.objects.filter(raw__in=[it.raw_id for it in sightings])
        .exclude(import_file=import_file.pk)
        .values_list("raw_id", flat=True)
    )
    going = [sighting.raw for sighting in sightings if sighting.raw_id not in elsewhere]
    filed = telling.forget(import_file.user, [record.pk for record in going])
    tally.add_filed(filed)
    for metric, days in filed.by_metric.items():
        tally.touch(metric, {f"{day:%Y-%m}" for day in days})
    if filed.removed:
        for provider in {record.provider for record in going}:
            telling_too = RawRecord.objects.filter(user=import_file.user, provider=provider)
            kinds = {record.kind for record in going if record.provider == provider} | {
                kind
                for rows in ("sleep_sessions", "daily_metrics")
                for kind in telling_too.filter(**{f"{rows}__isnull": False}).values_list("kind", flat=True).distinct()
            }
            Reading.objects.filter(user=import_file.user, raw__provider=provider, raw__kind__in=kinds).delete()
    return tally


def _current(user: User, records: Sequence[RawRecord]) -> dict[tuple[str, str, str], int]:
    """By provider, kind and external id of these records, the id of the version that counts."""
    groups: dict[tuple[str, str], set[str]] = defaultdict(set)
    for record in records:
        groups[record.provider, record.kind].add(record.external_id)
    return {
        (provider, kind, external_id): record.pk
        for (provider, kind), external_ids in sorted(groups.items())
        for external_id, record in current_raws(user, provider, kind, external_ids).items()
    }


def _have_read_again(user: User, changed: set[tuple[str, str, str]]) -> None:
    """Note as unread what is left of these external ids: the version that counts now, and what is joined with it."""
    by_provider: dict[str, set[str]] = defaultdict(set)
    for provider, _, external_id in changed:
        by_provider[provider].add(external_id)
    for provider, external_ids in sorted(by_provider.items()):
        Reading.objects.filter(user=user, raw__provider=provider, raw__external_id__in=external_ids).delete()


def _read_again(lease: Lease) -> bool:
    """Records that count now and that no mapping has read since, provider by provider."""
    run = lease.run
    while run.cursor["providers"]:
        provider = PROVIDERS[run.cursor["providers"][0]]
        unread = RawRecord.objects.filter(
            user=run.user, provider=provider.slug, kind__in=list(provider.parse), reading=None
        )
        records = list(unread.filter(pk__gt=run.cursor["after"]).order_by("pk")[:FORGET_AT_ONCE])
        tally = Tally.of(run.counts)
        if not records:
            lease.save(cursor={"phase": "read", "after": 0, "providers": run.cursor["providers"][1:]})
            continue
        told, days = read_again(run.user, provider, records)
        with transaction.atomic():
            lease.renew()
            done = ingest(run.user, told, mapping_version=provider.mapping_version)
            tally.touch_activities(done.months)
            tally.add_filed(telling.tell(run.user, days, list(provider.parse)))
            lease.save(cursor={**run.cursor, "after": records[-1].pk}, counts=tally.as_json())
        if lease.time_is_up:
            return False
    lease.save(cursor={"phase": "follow", "step": 0, "whose": _whose(run.user)})
    return True


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


TAKING_BACK = Work(step=_step, ended=_ended, reopened=_reopened)
