"""Samples that raw records hold themselves, such as a day's heart rate from an API: added, and taken away again.

A sample's origin is its raw record. Of several versions of a record only the one that counts keeps its samples.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from django.db import transaction

from activities.domain.reading import SampleTable
from activities.selectors.series import months_of_origin, origins_of
from activities.services.raw import StoredTooLongAgo
from activities.services.series import SampleWriter, StaleChunk, remove_origin
from integrations.base import Provider
from integrations.services.report import Tally
from integrations.services.runs import Lease
from trainstack.accounts.models import User

# How often a checkpoint whose chunks another writer moved is prepared again.
MAX_PREPARATIONS = 5
# The element that these samples are counted under.
ELEMENT = "samples"


def add(
    lease: Lease,
    provider: Provider,
    samples: Mapping[int, Sequence[SampleTable]],
    store: Callable[[Tally], None],
) -> None:
    """One checkpoint: these samples by the ids of their records, and all that `store` writes, in one transaction.

    `store` gets the tally of the run with the samples in it, and saves it with the lease. It may be called again.
    """
    for attempt in range(MAX_PREPARATIONS):
        writer = SampleWriter(lease.run.user, provider.slug)
        for raw_id, tables in sorted(samples.items()):
            for table in tables:
                writer.add(table, raw_id)
        prepared = writer.prepare() if writer.rows else None
        tally = Tally.of(lease.run.counts)
        try:
            with transaction.atomic():
                lease.renew()
                if prepared:
                    written = writer.commit(prepared)
                    tally.add_samples(written, dict.fromkeys(written, ELEMENT))
                store(tally)
            return
        except (StaleChunk, StoredTooLongAgo):
            if attempt + 1 == MAX_PREPARATIONS:
                raise


def differing(user: User, provider: Provider, samples: Mapping[int, Sequence[SampleTable]]) -> list[int]:
    """Of these records those that told samples before, which a mapping may read otherwise now."""
    return sorted(samples.keys() & origins_of(user, provider.slug)) if samples else []


def remove(lease: Lease, records: Collection[int]) -> None:
    """Take away what only these records told, and note what that touches. Safe to repeat."""
    run = lease.run
    if not records:
        return
    tally = Tally.of(run.counts)
    for raw_id in records:
        for metric, months in months_of_origin(run.user, raw_id).items():
            tally.touch(metric, months)
    lease.save(counts=tally.as_json())
    for raw_id in records:
        while not remove_origin(run.user, raw_id, deadline=lease.piece_ends):
            lease.renew()
        lease.renew()
