"""Payloads read by today's mapping: what each tells, or why it cannot be read. One bad payload costs itself only.

A source activity is a function of all current records of its external id, one of each kind that the provider parses. So
what is read of a payload is joined with what the other kinds tell, whether they come with it or are stored already.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np
from django.db.models import QuerySet
from django.utils import timezone
from numpy.typing import NDArray

from activities.domain.parsed import Parsed, ParsedActivity, Problem, Stream
from activities.domain.reading import RawPayload, SampleTable
from activities.domain.streams import encode_streams
from activities.models import RawRecord, SourceActivity
from activities.selectors.raw import IN_ONE_QUERY, TOLD_AT
from activities.services.ingest import Told, local_date_of
from activities.services.telling import ToldDays
from integrations.apart import parsed
from integrations.base import Provider
from integrations.merging import completed, merged
from trainstack.accounts.models import User
from trainstack.storage import read_raw, stream_store

# The provider of files that nobody reads.
UNREAD = "unknown"
# Payloads that are parsed and packed at a time: decoders and packers mostly work outside the interpreter's lock.
READERS = 2


@dataclass(frozen=True)
class Reading:
    """What one payload tells. Not `needed`: it is not for a mapping, or it is current and read by it already.

    `known` counts the source activities, and among them the efforts, that are there unchanged; `days` are the local
    dates (ISO) of its efforts.
    """

    parsed: Parsed = field(default_factory=Parsed)
    problem: str = ""
    needed: bool = False
    # Whether no version of the record was there before.
    is_first: bool = False
    known: tuple[int, int] = (0, 0)
    days: tuple[str, ...] = ()
    zone: str = ""
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class Version:
    """One version of a record: the place of its payload among those at hand, or the row that holds it."""

    kind: str
    told_at: datetime
    sha256: str
    place: int | None = None
    record: RawRecord | None = None


@dataclass(frozen=True)
class Joined:
    """What the current records of one external id tell together. `parts` are (version, problem), best kind first."""

    parts: tuple[tuple[Version, str], ...]
    activities: tuple[ParsedActivity, ...]
    # The first of `parts` that tells an activity.
    best: int
    streams: tuple[str | None, ...] = ()


@dataclass(frozen=True)
class Read:
    """What the payloads of one provider tell, each by itself and joined with what belongs to it."""

    readings: tuple[Reading, ...]
    joined: tuple[Joined, ...]

    def told(self, records: Sequence[RawRecord]) -> list[Told]:
        """For `ingest`; `records` are the payloads' rows, in their order."""
        told: list[Told] = []
        for one in self.joined:
            for place, (version, problem) in enumerate(one.parts):
                raw = version.record or records[version.place or 0]
                if place == one.best:
                    told.append(Told(raw, one.activities, problem, one.streams))
                else:
                    told.append(Told(raw, (), problem))
        return told

    def days(self, records: Sequence[RawRecord]) -> list[ToldDays]:
        """For `telling`: what needed payloads tell of nights and days, and those that may have told some before."""
        return [
            ToldDays(record, one.parsed.sleeps, one.parsed.days)
            for record, one in zip(records, self.readings, strict=True)
            if one.needed and (one.parsed.sleeps or one.parsed.days or not one.is_first)
        ]


def told_of(user: User, provider: Provider, payloads: Sequence[RawPayload], name: str) -> Read:
    """What the payloads tell; what is current and read already is not parsed again. Puts the streams they hold.

    `name` is that of the file they come from. Not inside a transaction.
    """
    hashes = [it.sha256 if it.kind in provider.parse else "" for it in payloads]
    stored = _stored(user, provider, {it.external_id for it in payloads if it.kind in provider.parse})
    current = _current(provider, payloads, hashes, stored)
    filed = {
        place: record
        for place, payload in enumerate(payloads)
        if (record := stored.get((payload.external_id, payload.kind)))
        and record.sha256 == hashes[place]
        and _is_read(record, provider)
    }
    # An older version than the stored one changes nothing.
    keys = [
        external_id
        for external_id, versions in current.items()
        if any(not _is_read(one.record, provider) if one.record else one.place not in filed for one in versions)
    ]
    readings = _known(user, provider, filed)
    joined: list[Joined] = []
    objects: dict[str, bytes] = {}

    def work(key: str) -> tuple[Joined, list[Parsed], dict[str, bytes]]:
        return _read_together(user, provider, current[key], payloads)

    with ThreadPoolExecutor(READERS) as pool:
        for one, told, packed in pool.map(work, keys):
            joined.append(one)
            objects |= packed
            for (version, problem), parsed in zip(one.parts, told, strict=True):
                if version.place is not None:
                    payload = payloads[version.place]
                    is_first = (payload.external_id, payload.kind) not in stored
                    readings[version.place] = replace(
                        _reading(parsed, problem, payload.path or name), is_first=is_first
                    )
    stream_store().put_many(objects.items())
    return Read(tuple(readings.get(place, Reading()) for place in range(len(payloads))), tuple(joined))


def parse(provider: Provider, kind: str, data: bytes, external_id: str) -> tuple[Parsed, str]:
    """All that the payload tells, and "" or why it cannot be read."""
    return parsed(provider.parse, kind, data, external_id)


def read_hashes(user: User, provider: Provider) -> frozenset[str]:
    """What today's mapping has read already, by the sha256 of the payloads."""
    records = RawRecord.objects.filter(
        user=user,
        provider=provider.slug,
        kind__in=list(provider.parse),
        reading__mapping_version=provider.mapping_version,
    )
    return frozenset(records.values_list("sha256", flat=True).iterator())


@dataclass(frozen=True)
class ReadAgain:
    """What stored records tell: activities, nights and days, and by the record's id the samples that it holds."""

    told: list[Told]
    days: list[ToldDays]
    samples: dict[int, tuple[SampleTable, ...]]


def read_again(user: User, provider: Provider, records: Sequence[RawRecord]) -> ReadAgain:
    """Stored records through today's mapping, each joined with the other kinds of its external id."""
    external_ids = {record.external_id for record in records}
    stored = _stored(user, provider, external_ids)
    by_id: dict[str, list[Version]] = defaultdict(list)
    for (external_id, _), record in stored.items():
        by_id[external_id].append(Version(record.kind, _told_at(record), record.sha256, record=record))
    order = list(provider.parse)
    joined: list[Joined] = []
    days: list[ToldDays] = []
    samples: dict[int, tuple[SampleTable, ...]] = {}
    objects: dict[str, bytes] = {}

    def work(external_id: str) -> tuple[Joined, list[Parsed], dict[str, bytes]]:
        versions = sorted(by_id[external_id], key=lambda one: order.index(one.kind))
        return _read_together(user, provider, versions, ())

    with ThreadPoolExecutor(READERS) as pool:
        for one, told, packed in pool.map(work, sorted(by_id)):
            joined.append(one)
            objects |= packed
            for (version, _), parsed in zip(one.parts, told, strict=True):
                if version.record:
                    days.append(ToldDays(version.record, parsed.sleeps, parsed.days))
                    samples[version.record.pk] = parsed.samples
    stream_store().put_many(objects.items())
    return ReadAgain(Read((), tuple(joined)).told(()), days, samples)


# --- which records count --------------------------------------------------------------------


def _stored(user: User, provider: Provider, external_ids: set[str]) -> dict[tuple[str, str], RawRecord]:
    """By external id and kind, the stored record that is current; only kinds that the provider parses."""
    found: dict[tuple[str, str], RawRecord] = {}
    ordered = sorted(external_ids)
    for first in range(0, len(ordered), IN_ONE_QUERY):
        records: QuerySet[RawRecord] = RawRecord.objects.filter(
            user=user,
            provider=provider.slug,
            kind__in=list(provider.parse),
            external_id__in=ordered[first : first + IN_ONE_QUERY],
        )
        records = records.annotate(told_at=TOLD_AT).filter(told_at__isnull=False).select_related("reading")
        for record in records.order_by("-told_at", "-sha256"):
            found.setdefault((record.external_id, record.kind), record)
    return found


def _current(
    provider: Provider,
    payloads: Sequence[RawPayload],
    hashes: Sequence[str],
    stored: Mapping[tuple[str, str], RawRecord],
) -> dict[str, list[Version]]:
    """By external id, the version of each kind that counts once the payloads are stored, best kind first."""
    now = timezone.now()
    versions: dict[tuple[str, str], Version] = {
        key: Version(record.kind, _told_at(record), record.sha256, record=record) for key, record in stored.items()
    }
    for place, (payload, sha256) in enumerate(zip(payloads, hashes, strict=True)):
        if not sha256:
            continue
        key = (payload.external_id, payload.kind)
        known = versions.get(key)
        one = Version(payload.kind, payload.stated_at or now, sha256, place=place)
        if known is None or (one.told_at, one.sha256) > (known.told_at, known.sha256):
            versions[key] = one
    order = {kind: place for place, kind in enumerate(provider.parse)}
    by_id: dict[str, list[Version]] = defaultdict(list)
    for (external_id, _), version in sorted(versions.items(), key=lambda item: order[item[0][1]]):
        by_id[external_id].append(version)
    return by_id


def _told_at(record: RawRecord) -> datetime:
    told_at: datetime = record.told_at  # type: ignore[attr-defined]
    return told_at


def _is_read(record: RawRecord, provider: Provider) -> bool:
    reading = getattr(record, "reading", None)
    return reading is not None and reading.mapping_version == provider.mapping_version


def _problem_of(record: RawRecord | None) -> str:
    reading = getattr(record, "reading", None)
    return reading.problem if reading else ""


def _known(user: User, provider: Provider, filed: Mapping[int, RawRecord]) -> dict[int, Reading]:
    """Readings of payloads that are filed: what hangs on them, and what was wrong with them then."""
    rows: dict[int, list[SourceActivity]] = defaultdict(list)
    pks = sorted({record.pk for record in filed.values()})
    for first in range(0, len(pks), IN_ONE_QUERY):
        sources = SourceActivity.objects.filter(user=user, raw__in=pks[first : first + IN_ONE_QUERY])
        for source in sources.only("raw_id", "start_time", "utc_offset_s", "parent_id"):
            rows[source.raw_id].append(source)
    known = {}
    for place, record in filed.items():
        efforts = [source for source in rows[record.pk] if source.parent_id is None]
        known[place] = Reading(
            problem=_problem_of(record),
            known=(len(rows[record.pk]), len(efforts)),
            days=tuple(local_date_of(source).isoformat() for source in efforts),
        )
    return known


# --- reading and joining --------------------------------------------------------------------


def _read_together(
    user: User, provider: Provider, versions: Sequence[Version], payloads: Sequence[RawPayload]
) -> tuple[Joined, list[Parsed], dict[str, bytes]]:
    """What records of one external id tell together and each by itself, and the objects that hold the streams.

    The streams come back as lengths only: some dozens of files at a time would be more than is good for the memory.
    """
    readings = []
    for version in versions:
        if version.place is not None:
            payload = payloads[version.place]
            readings.append(payload.told or parse(provider, payload.kind, payload.plain, payload.external_id))
        elif version.record:
            data = read_raw(version.record.user_id, version.record.sha256)
            readings.append(parse(provider, version.kind, data, version.record.external_id))
    telling = [place for place, (parsed, _) in enumerate(readings) if parsed.activities]
    activities = completed(
        merged([parsed.activities for parsed, _ in readings]),
        [parsed.addition for parsed, _ in readings if parsed.addition],
    )
    hashes: list[str | None] = []
    objects: dict[str, bytes] = {}
    if not provider.streams_from_samples:
        for one in activities:
            data = encode_streams(one.streams) if one.streams else b""
            hashes.append(hashlib.sha256(data).hexdigest() if data else None)
            if data:
                objects[f"{user.pk}/activities/{hashes[-1]}"] = data
        activities = tuple(map(without_samples, activities))
    joined = Joined(
        parts=tuple((version, problem) for version, (_, problem) in zip(versions, readings, strict=True)),
        activities=activities,
        best=telling[0] if telling else 0,
        streams=tuple(hashes),
    )
    return (
        joined,
        [replace(parsed, activities=tuple(map(without_samples, parsed.activities))) for parsed, _ in readings],
        objects,
    )


def _reading(parsed: Parsed, problem: str, path: str) -> Reading:
    efforts = [one for one in parsed.activities if one.parent is None]
    problems = tuple(Problem(it.path or path, it.message, it.count) for it in parsed.problems)
    return Reading(
        parsed=parsed,
        problem=problem,
        needed=True,
        days=tuple(one.start_time.date().isoformat() for one in efforts),
        zone=next((str(one.extra["time_zone"]) for one in efforts if one.extra.get("time_zone")), ""),
        problems=(*problems, Problem(path, problem)) if problem else problems,
    )


def without_samples(one: ParsedActivity) -> ParsedActivity:
    """The activity with streams that know their length and hold no memory."""
    return replace(
        one, streams={name: Stream(_nothing(len(it)), _nothing(len(it))) for name, it in one.streams.items()}
    )


def _nothing(length: int) -> NDArray[np.float64]:
    return np.broadcast_to(np.float64(np.nan), length)
