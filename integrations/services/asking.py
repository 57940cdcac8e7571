"""The queue of requests that a connection still has to make. All of it joins the caller's transaction."""

from __future__ import annotations

import base64
import binascii
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from activities.domain.reading import RawPayload
from activities.models import RawRecord
from activities.selectors.raw import IN_ONE_QUERY, current_raws
from integrations.base import NOW, Answer, Ask, Event
from integrations.models import Connection, OpenAsk

# What a webhook brought itself, to be stored by the run: no request is made for it.
EVENT = "webhook event"
# How long a request that went wrong waits before it is made again, as multiples of SYNC_RETRY_S; then it is given up.
WAITS = (1, 3, 12, 60, 360, 1080, 2160)
LONGEST_KEY = 255


def add(connection: Connection, asks: Iterable[Ask]) -> int:
    """Have these requests made; of those that wait already the urgency grows, and they are made anew. How many are new.

    One that is being made right now is made once more after that.
    """
    now = timezone.now()
    wanted = {(ask.what, ask.key[:LONGEST_KEY]): ask for ask in asks}
    there = _rows(connection, wanted)
    changed = []
    for name, row in there.items():
        ask = wanted[name]
        is_open = row.failed_at is None and row.empty_at is None
        not_before = now + timedelta(seconds=ask.wait_s)
        row.rank = min(ask.rank, row.rank) if is_open else ask.rank
        row.not_before = min(not_before, row.not_before) if is_open and not ask.wait_s else not_before
        row.feed, row.of, row.params = ask.feed, ask.of, dict(ask.params)
        row.number += 1
        row.attempts, row.error, row.failed_at, row.empty_at, row.asked_at = 0, "", None, None, now
        changed.append(row)
    names = ["rank", "not_before", "feed", "of", "params", "number", "attempts", "error", "failed_at", "empty_at"]
    OpenAsk.objects.bulk_update(changed, [*names, "asked_at"], batch_size=100)
    new = [
        OpenAsk(
            connection=connection,
            what=what,
            key=key,
            feed=ask.feed,
            of=ask.of,
            params=dict(ask.params),
            rank=ask.rank,
            asked_at=now,
            not_before=now + timedelta(seconds=ask.wait_s),
        )
        for (what, key), ask in wanted.items()
        if (what, key) not in there
    ]
    OpenAsk.objects.bulk_create(new, ignore_conflicts=True, batch_size=100)
    return len(new)


def worth_making(
    connection: Connection, asks: Sequence[Ask], elements: Mapping[tuple[str, str], bool]
) -> Iterator[Ask]:
    """Those of the asks of one answer that bring something new.

    `elements` says of the list elements in it, by kind and external id, whether they were stored in this very version
    before. What completes such a one is not asked for again where it is there, waits, or was answered with nothing.
    """
    known = {(ask.what, ask.key): ask for ask in asks if ask.of and elements.get((ask.of, ask.key))}
    waiting = {(row.what, row.key) for row in _rows(connection, known).values()}
    by_kind: dict[str, list[str]] = defaultdict(list)
    for what, key in known:
        by_kind[what].append(key)
    there = {
        (kind, external_id)
        for kind, external_ids in by_kind.items()
        for external_id in current_raws(connection.user, connection.provider, kind, external_ids)
    }
    for ask in asks:
        if (ask.what, ask.key) not in known or not {(ask.what, ask.key), (ask.what, ask.key[:LONGEST_KEY])} & (
            waiting | there
        ):
            yield ask


def unchanged(connection: Connection, payloads: Iterable[RawPayload], kinds: Collection[str]) -> set[tuple[str, str]]:
    """By kind and external id those of the payloads of these kinds that are stored and count in this very version."""
    hashes = {(it.kind, it.external_id): it.sha256 for it in payloads if it.kind in kinds}
    by_kind: dict[str, list[str]] = defaultdict(list)
    for kind, external_id in hashes:
        by_kind[kind].append(external_id)
    current: dict[tuple[str, str], RawRecord] = {
        (kind, external_id): record
        for kind, external_ids in by_kind.items()
        for external_id, record in current_raws(connection.user, connection.provider, kind, external_ids).items()
    }
    return {name for name, record in current.items() if record.sha256 == hashes[name]}


def _rows(connection: Connection, names: Collection[tuple[str, str]]) -> dict[tuple[str, str], OpenAsk]:
    """The rows of these asks, by what and key; nobody else changes or removes them until the transaction ends."""
    by_what: dict[str, list[str]] = defaultdict(list)
    for what, key in names:
        by_what[what].append(key[:LONGEST_KEY])
    found: dict[tuple[str, str], OpenAsk] = {}
    for what, keys in sorted(by_what.items()):
        for first in range(0, len(keys), IN_ONE_QUERY):
            rows = connection.asks.filter(what=what, key__in=keys[first : first + IN_ONE_QUERY])
            found |= {(row.what, row.key): row for row in rows.select_for_update().order_by("pk")}
    return found


# --- what becomes of one --------------------------------------------------------------------


def answered(row: OpenAsk, answer: Answer) -> None:
    """The answer is stored: the ask goes, unless it was asked for anew meanwhile.

    One that was to complete an element and brought nothing is remembered, so that it is not made again.
    """
    mine = OpenAsk.objects.filter(pk=row.pk, number=row.number)
    brought = any((it.kind, it.external_id[:LONGEST_KEY]) == (row.what, row.key) for it in answer.payloads)
    if row.of and not brought and row.key not in answer.gone:
        mine.update(empty_at=timezone.now(), attempts=0, error="")
    else:
        mine.delete()


def went_wrong(row: OpenAsk, sentence: str, *, is_final: bool = True) -> bool:
    """Have it made again later, each time after a longer wait; whether it is given up now.

    It is given up after so many tries, where such an error can be `is_final`.
    """
    attempts = row.attempts + 1
    is_given_up = is_final and attempts > len(WAITS)
    now = timezone.now()
    wait = timedelta(seconds=settings.SYNC_RETRY_S * WAITS[min(attempts, len(WAITS)) - 1])
    OpenAsk.objects.filter(pk=row.pk, number=row.number).update(
        attempts=attempts,
        error=sentence[:2000],
        not_before=now + wait,
        failed_at=now if is_given_up else None,
    )
    return is_given_up


def rest(connection: Connection, until: datetime) -> None:
    """Make none of the connection's requests before then."""
    connection.asks.open().filter(not_before__lt=until).update(not_before=until)


def ask_of(row: OpenAsk) -> Ask:
    """The ask, as the adapter put it."""
    return Ask(what=row.what, key=row.key, feed=row.feed, params=row.params, rank=row.rank, of=row.of)


# --- what a webhook brought itself ----------------------------------------------------------


def ask_of_event(event: Event, key: str) -> Ask:
    """The ask that stands for the records that an event carries and for those that it says are gone."""
    params = {
        "payloads": [
            {
                "kind": payload.kind,
                "external_id": payload.external_id,
                "data": base64.b64encode(payload.plain).decode(),
                "content_type": payload.content_type,
                "stated_at": payload.stated_at.isoformat() if payload.stated_at else None,
            }
            for payload in event.payloads
        ],
        "gone": list(event.gone),
    }
    return Ask(what=EVENT, key=key, params=params, rank=NOW)


def answer_of_event(params: Mapping[str, Any]) -> Answer:
    """What `ask_of_event` put into an ask. Raises ValueError where that is broken."""
    try:
        payloads = tuple(
            RawPayload(
                kind=told["kind"],
                external_id=told["external_id"],
                data=base64.b64decode(told["data"]),
                content_type=told["content_type"],
                stated_at=datetime.fromisoformat(told["stated_at"]) if told["stated_at"] else None,
            )
            for told in params["payloads"]
        )
    except (KeyError, TypeError, binascii.Error) as error:
        raise ValueError("What the webhook brought cannot be read any more.") from error
    return Answer(payloads=payloads, gone=tuple(params["gone"]))
