"""Raw records of one user: their versions, which of them is current, and what one import alone brought."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from django.db.models import Exists, Max, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce

from activities.models import RawRecord, RawSighting
from trainstack.accounts.models import User

# SQLite takes 999 parameters a query.
IN_ONE_QUERY = 500


# When a record was told last: a sighting that the provider withdrew counts no longer.
TOLD_AT = Max(Coalesce("sightings__stated_at", "sightings__seen_at"), filter=Q(sightings__withdrawn_at=None))


class ImportFile(Protocol):
    """An `integrations.models.Import`, as far as this app knows of it."""

    pk: Any

    @property
    def user(self) -> User: ...


class Connection(ImportFile, Protocol):
    """An `integrations.models.Connection`, as far as this app knows of it."""


def raw_records_of(user: User) -> QuerySet[RawRecord]:
    """The user's raw records, newest first, with the import that brought them and how each was read."""
    return user.raw_records.select_related("import_file", "reading").order_by("-fetched_at", "-pk")


def versions(user: User, provider: str, kind: str, external_id: str) -> QuerySet[RawRecord]:
    """All that was told of one record, the current version first.

    Current is what was told last, by the time that the provider states, else by when we saw it, else by hash. Every
    sighting counts: a record that goes back to an earlier form is current in that form, and an old export that is
    imported late does not win. `told_at` is that time.
    """
    return _latest_first(RawRecord.objects.filter(user=user, provider=provider, kind=kind, external_id=external_id))


def current_raw(user: User, provider: str, kind: str, external_id: str) -> RawRecord | None:
    """The version that counts, as `versions` orders them; None where nothing is stored."""
    return versions(user, provider, kind, external_id).first()


def current_raws(user: User, provider: str, kind: str, external_ids: Iterable[str]) -> dict[str, RawRecord]:
    """`current_raw` of many records, by external id; without those of which nothing is stored."""
    wanted = sorted(set(external_ids))
    found: dict[str, RawRecord] = {}
    for first in range(0, len(wanted), IN_ONE_QUERY):
        records = RawRecord.objects.filter(
            user=user, provider=provider, kind=kind, external_id__in=wanted[first : first + IN_ONE_QUERY]
        )
        for record in _latest_first(records):
            found.setdefault(record.external_id, record)
    return found


def only_seen_in(sightings: QuerySet[RawSighting]) -> QuerySet[RawRecord]:
    """The records of these sightings that nothing else sighted too."""
    elsewhere = RawSighting.objects.filter(raw=OuterRef("pk")).exclude(pk__in=sightings.order_by().values("pk"))
    return RawRecord.objects.filter(~Exists(elsewhere), Exists(sightings.filter(raw=OuterRef("pk")))).order_by("pk")


def _latest_first(records: QuerySet[RawRecord]) -> QuerySet[RawRecord]:
    # A record is there as long as it is sighted; one without a sighting is on its way out and no longer counts.
    return records.annotate(told_at=TOLD_AT).filter(told_at__isnull=False).order_by("-told_at", "-sha256")
