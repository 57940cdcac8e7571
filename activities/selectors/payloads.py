"""The payloads behind what is shown: from each source back to the bytes that told it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db.models import Q
from django.utils.module_loading import import_string

from activities.models import RawRecord, SourceActivity
from activities.selectors.raw import TOLD_AT
from trainstack.accounts.models import User

# Named as a string, because activities know nothing of providers.
REGISTRY = "integrations.registry.PROVIDERS"
# Kinds of raw records that are a file as somebody brought it.
WHOLE_FILES = ("export", "file")


def raws_behind(user: User, sources: Sequence[SourceActivity]) -> dict[int, tuple[RawRecord, ...]]:
    """The payloads that each source was read from, by its id: two queries whatever their number.

    First the record that tells most of it, then the others of its provider that speak of it, its routes, and the file
    that brought them.
    """
    providers = import_string(REGISTRY)
    kinds = {"route"}.union(*(providers[slug].parse for slug in {one.provider for one in sources} if slug in providers))
    own = {source.raw_id for source in sources}
    names = {source.pk: _names(source) for source in sources}
    records = (
        user.raw_records.filter(
            Q(pk__in=own)
            | Q(
                provider__in={source.provider for source in sources},
                kind__in=sorted(kinds),
                external_id__in=sorted(set().union(*names.values())),
            )
        )
        .annotate(told_at=TOLD_AT)
        .select_related("import_file", "reading")
        .defer("import_file__report")
        .order_by("-told_at", "-sha256")
    )
    current: dict[tuple[str, str, str], RawRecord] = {}
    by_pk: dict[int, RawRecord] = {}
    for record in records:
        by_pk[record.pk] = record
        if record.told_at is not None:
            current.setdefault((record.provider, record.kind, record.external_id), record)
    whole = _whole_files(user, by_pk.values())
    found = {}
    for source in sources:
        first = by_pk[source.raw_id]
        others = [
            record
            for (provider, _, name), record in current.items()
            if provider == source.provider and name in names[source.pk] and record.pk != first.pk
        ]
        others.sort(key=lambda record: (record.kind == "route", record.kind, record.external_id))
        found[source.pk] = _with_files([first, *others], whole)
    return found


def _names(source: SourceActivity) -> set[str]:
    """The external ids under which records of the provider speak of this source; a leg is told by its whole's."""
    return {source.external_id, source.external_id.rpartition("#")[0] or source.external_id} | set(
        source.extra.get("routes", [])
    )


def _whole_files(user: User, records: Iterable[RawRecord]) -> dict[str, RawRecord]:
    """The files, by their hash, that brought these records."""
    hashes = {record.import_file.sha256 for record in records if record.import_file is not None}
    rows = user.raw_records.filter(kind__in=WHOLE_FILES, sha256__in=hashes)
    return {row.sha256: row for row in rows.select_related("import_file", "reading").defer("import_file__report")}


def _with_files(records: Sequence[RawRecord], whole: dict[str, RawRecord]) -> tuple[RawRecord, ...]:
    seen = dict.fromkeys(record.pk for record in records)
    files = []
    for record in records:
        file = whole.get(record.import_file.sha256) if record.import_file else None
        if file is not None and file.pk not in seen:
            seen[file.pk] = None
            files.append(file)
    return (*records, *files)


def names_of_providers() -> dict[str, str]:
    """What each provider is called, by its slug."""
    return {slug: provider.name for slug, provider in import_string(REGISTRY).items()}
