"""Payloads read by today's mapping: what each tells, or why it cannot be read. One bad payload costs itself only."""

from __future__ import annotations

import hashlib
import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import F

from activities.domain.parsed import ParsedActivity, Problem
from activities.domain.reading import RawPayload
from activities.models import RawRecord, SourceActivity
from activities.selectors.raw import IN_ONE_QUERY
from activities.services.ingest import Told, local_date_of
from integrations.base import Provider
from integrations.errors import UnexpectedPayload
from trainstack.accounts.models import User
from trainstack.storage import read_raw

logger = logging.getLogger(__name__)

# The provider of files that nobody reads.
UNREAD = "unknown"


@dataclass(frozen=True)
class Reading:
    """What one payload tells. Not `needed`: it is not for a mapping, or its source activities hang on it already.

    `known` counts the source activities, and among them the efforts, that are there unchanged; `days` are the local
    dates (ISO) of its efforts.
    """

    parsed: Sequence[ParsedActivity] = ()
    problem: str = ""
    needed: bool = False
    known: tuple[int, int] = (0, 0)
    days: tuple[str, ...] = ()
    zone: str = ""
    problems: tuple[Problem, ...] = ()


def told_of(user: User, provider: Provider, payloads: Sequence[RawPayload], path: str) -> list[Reading]:
    """For each payload what it tells. Those that are filed already are not parsed again."""
    hashes = {id(it): hashlib.sha256(it.data).hexdigest() for it in payloads if it.kind in provider.parse}
    filed = _filed(user, provider, set(hashes.values()))
    return [
        Reading()
        if payload.kind not in provider.parse
        else filed.get((payload.kind, payload.external_id, hashes[id(payload)])) or _read(provider, payload, path)
        for payload in payloads
    ]


def parse(provider: Provider, kind: str, data: bytes) -> tuple[Sequence[ParsedActivity], str]:
    """The activities that the payload tells, and "" or why it cannot be read."""
    try:
        return provider.parse[kind](data), ""
    except UnexpectedPayload as error:
        return (), str(error)
    except Exception as error:
        logger.exception("A %s of %s could not be read", kind, provider.slug)
        return (), f"A {kind} could not be read ({type(error).__name__}: {error})."


def read_again(provider: Provider, records: Sequence[RawRecord]) -> list[Told]:
    """Stored records through today's mapping."""
    told = []
    for record in records:
        parsed, problem = parse(provider, record.kind, read_raw(record.user_id, record.sha256))
        told.append(Told(record, parsed, problem))
    return told


def _read(provider: Provider, payload: RawPayload, path: str) -> Reading:
    parsed, problem = parse(provider, payload.kind, payload.data)
    efforts = [one for one in parsed if one.parent is None]
    return Reading(
        parsed=parsed,
        problem=problem,
        needed=True,
        days=tuple(one.start_time.date().isoformat() for one in efforts),
        zone=next((str(one.extra["time_zone"]) for one in efforts if one.extra.get("time_zone")), ""),
        problems=(Problem(path, problem),) if problem else (),
    )


def _filed(user: User, provider: Provider, hashes: set[str]) -> dict[tuple[str, str, str], Reading]:
    """By kind, external id and hash, the payloads on which source activities hang already, read by this mapping."""
    rows: dict[tuple[str, str, str], list[SourceActivity]] = defaultdict(list)
    ordered = sorted(hashes)
    for first in range(0, len(ordered), IN_ONE_QUERY):
        sources = (
            SourceActivity.objects.filter(
                user=user,
                provider=provider.slug,
                raw__sha256__in=ordered[first : first + IN_ONE_QUERY],
                raw__reading__mapping_version=provider.mapping_version,
            )
            .annotate(kind=F("raw__kind"), raw_external_id=F("raw__external_id"), sha256=F("raw__sha256"))
            .only("start_time", "utc_offset_s", "parent_id")
        )
        for source in sources:
            rows[source.kind, source.raw_external_id, source.sha256].append(source)
    filed = {}
    for key, sources_of_one in rows.items():
        efforts = [source for source in sources_of_one if source.parent_id is None]
        filed[key] = Reading(
            known=(len(sources_of_one), len(efforts)),
            days=tuple(local_date_of(source).isoformat() for source in efforts),
        )
    return filed
