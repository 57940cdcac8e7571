"""Stored records through today's mappings, and days in today's time zone: no fetching again, and the same ids."""

from __future__ import annotations

from collections.abc import Iterable

from activities.models import RawRecord
from activities.services.ingest import ingest
from activities.services.telling import tell
from integrations.base import Provider
from integrations.models import SyncRun
from integrations.registry import PROVIDERS
from integrations.services import following, runs, sampling
from integrations.services.reading import ReadAgain, read_again
from integrations.services.report import Tally
from integrations.services.runs import Lease, Work
from trainstack.accounts.models import User

RECORDS_AT_ONCE = 100


def request_renormalise(
    user: User, *, raw_ids: Iterable[int] | None = None, provider: str | None = None, nudge: bool = True
) -> SyncRun:
    """Have the user's raw records read again, all of them or these, and what follows from them made anew."""
    cursor = {
        "raw_ids": None if raw_ids is None else sorted(raw_ids),
        "providers": [provider] if provider else sorted(PROVIDERS),
        "phase": "read",
        "after": 0,
    }
    return runs.start(user, kind=SyncRun.Kind.RENORMALISE, cursor=cursor, nudge=nudge)


def request_recompute(user: User) -> SyncRun:
    """Have every stream, night and day of the user made anew: the athlete's days begin elsewhere now."""
    cursor = {"raw_ids": [], "providers": sorted(PROVIDERS), "phase": "read", "after": 0, "everything": True}
    return runs.start(user, kind=SyncRun.Kind.RENORMALISE, cursor=cursor)


def _step(lease: Lease) -> None:
    run = lease.run
    while run.cursor["providers"]:
        provider = PROVIDERS[run.cursor["providers"][0]]
        if run.cursor["phase"] == "read" and not _read(lease, provider):
            return
        if not following.follow(lease, [provider]):
            return
        rest = {**run.cursor, "providers": run.cursor["providers"][1:], "phase": "read", "after": 0}
        kept = Tally.of(run.counts)
        kept.touched, kept.activity_months, kept.nights = {}, [], []
        lease.save(cursor=rest, counts=kept.as_json())
    lease.finish()


def _read(lease: Lease, provider: Provider) -> bool:
    run = lease.run
    records = RawRecord.objects.filter(user=run.user, provider=provider.slug, kind__in=list(provider.parse))
    if run.cursor["raw_ids"] is not None:
        records = records.filter(pk__in=run.cursor["raw_ids"])
    total = records.count()
    lease.save(doing=f"Reading {provider.name} again", total=following.with_share(total))
    done = records.filter(pk__lte=run.cursor["after"]).count()
    while some := list(records.filter(pk__gt=run.cursor["after"]).order_by("pk")[:RECORDS_AT_ONCE]):
        read = read_again(run.user, provider, some)
        done += len(some)
        sampling.remove(lease, sampling.differing(run.user, provider, read.samples))
        after = some[-1].pk

        def store(tally: Tally, read: ReadAgain = read, done: int = done, after: int = after) -> None:
            tally.add_ingested(ingest(run.user, read.told, mapping_version=provider.mapping_version))
            tally.add_filed(tell(run.user, read.days, list(provider.parse)))
            lease.save(cursor={**run.cursor, "after": after}, counts=tally.as_json(), done=done)

        sampling.add(lease, provider, read.samples, store)
        if lease.time_is_up:
            return False
    tally = Tally.of(run.counts)
    if run.cursor.get("everything") or run.cursor["raw_ids"] is None:
        following.touch_everything(tally, run.user, provider)
    lease.save(cursor={**run.cursor, "phase": "follow", "step": 0}, counts=tally.as_json())
    return True


def _nothing(run: SyncRun) -> None:
    """No one else waits for it."""


RENORMALISING = Work(step=_step, ended=_nothing, reopened=_nothing)
