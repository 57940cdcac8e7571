"""Rolling an import back: what it alone brought goes, what others brought too stays, and what follows is made anew."""

from __future__ import annotations

from dataclasses import replace

from django.db import transaction

from activities.domain.parsed import Problem
from activities.models import Device, RawRecord, RawSighting
from activities.selectors.raw import only_from
from activities.selectors.series import months_of_origin
from activities.services import raw
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
    if run.cursor["phase"] == "read" and not _read_again(lease, provider):
        return
    if provider is None or following.follow(lease, provider):
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
    lease.save(
        cursor={"phase": "samples", "origins": origins},
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
    lease.save(cursor={"phase": "records", "left": None}, done=AFTER_SAMPLES, doing="Taking back the records")
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
            lease.save(cursor={"phase": "records", "left": all_of_them, "now": left}, done=AFTER_SAMPLES + share)
            done = raw.forget_import(import_file, limit=FORGET_AT_ONCE).done
            if done:
                lease.save(cursor={"phase": "read", "after": 0}, done=AFTER_RECORDS, doing="Reading what others told")
        if lease.time_is_up and not done:
            return False
    return True


def _read_again(lease: Lease, provider: Provider | None) -> bool:
    """Records on which an activity hangs now, and which no mapping has read since."""
    run = lease.run
    if provider is None:
        lease.save(cursor={"phase": "follow", "step": 0})
        return True
    unread = RawRecord.objects.filter(
        user=run.user,
        provider=provider.slug,
        kind__in=list(provider.parse),
        reading=None,
        source_activities__isnull=False,
    ).distinct()
    while True:
        records = list(unread.filter(pk__gt=run.cursor["after"]).order_by("pk")[:FORGET_AT_ONCE])
        tally = Tally.of(run.counts)
        if not records:
            lease.save(cursor={"phase": "follow", "step": 0})
            return True
        told = read_again(provider, records)
        with transaction.atomic():
            lease.renew()
            done = ingest(run.user, told, mapping_version=provider.mapping_version)
            tally.touch_activities(done.months)
            lease.save(cursor={"phase": "read", "after": records[-1].pk}, counts=tally.as_json())
        if lease.time_is_up:
            return False


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
