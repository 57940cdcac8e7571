"""The calls of Suunto's Cloud API: workouts and their FIT files, nights, and weeks of recovery, activity and days.

Workouts: the whole history by windows of start times, then by what was modified since the last look. Nights, recovery
and activity are asked for by windows of time, because nothing tells what changed in them.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from activities.domain.parsed import Problem
from activities.domain.reading import RawPayload
from integrations.base import HISTORY, NEW, NOW, Account, Answer, Api, Ask, Listing, Look, Response
from integrations.errors import Unavailable, UnexpectedPayload
from integrations.files import CONTENT_TYPES, file_kind
from integrations.told import (
    aware,
    elements,
    epoch_ms,
    list_of,
    mapping,
    moment_ms,
    number,
    object_of,
    positive,
    text,
    value_under,
)

WORKOUTS, SLEEP, RECOVERY, ACTIVITY, STATISTICS = "workouts", "sleep", "recovery", "activity", "statistics"
PATHS: Mapping[str, str] = {
    SLEEP: "/247samples/sleep",
    RECOVERY: "/247samples/recovery",
    ACTIVITY: "/247samples/activity",
    STATISTICS: "/247samples/daily-activity-statistics",
}
# Where one client found the statistics.
OTHER_STATISTICS = "/247/daily-activity-statistics"
JSON = "application/json"
PAGE = 100
GONE = (404, 410)
LIST = HISTORY - 1
# Clocks differ, and what is modified during a look must not be missed by the next.
MARGIN = timedelta(hours=1)
AGAIN = timedelta(days=7)
# A window of the history of workouts; one in which nothing was is followed by one twice as long.
WINDOW = timedelta(days=90)
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
# Windows are aligned to it, so that a week is the same record whenever it is asked for.
MONDAY = datetime(2000, 1, 3, tzinfo=UTC)
# Nights by four weeks, which is the most at once; samples by weeks from Monday on, each a record of its own.
NIGHTS, WEEK = timedelta(days=28), timedelta(days=7)
# So many windows of nothing, one after the other, end a history.
NOTHING = {SLEEP: 7, RECOVERY: 26, ACTIVITY: 26, STATISTICS: 26}
# What is as new as this may still be on its way from the watch: asked for again after so many seconds.
FRESH = timedelta(days=1)
FILE_WAITS_S = (60, 300, 900, 1800, 3600, 7200, 14_400)
DETAIL_WAITS_S = (600, 3600)


class SuuntoAdapter:
    """Asks: `list` (a window or a page of a feed), `workout` and `fit` by the workout's key."""

    def account(self, api: Api) -> Account:
        """The user name comes with every token, and stands inside of it."""
        name = text(api.token.get("user")) or text(_claims(text(api.token.get("access_token"))).get("user"))
        if not name:
            raise UnexpectedPayload("Suunto did not tell whose account it is.")
        return Account(name, name)

    def revoke(self, api: Api) -> None:
        query = {"client_id": api.setting("CLIENT_ID")}
        _get(api, api.setting("REVOKE_URL"), query, allow=(400, 401, *GONE))

    def begin(self, feed: str, look: Look, *, cursor: Mapping[str, Any], now: datetime) -> Sequence[Ask]:
        known = aware(cursor.get("at"))
        if feed != WORKOUTS:
            since = known - AGAIN if look == "incremental" and known is not None else None
            return (window_ask(feed, now, now=now, since=since, rank=NEW, closes=True),)
        params: dict[str, Any] = {"now": now.isoformat(), "offset": 0, "days": WINDOW.days}
        if look == "incremental" and known is not None:
            params |= {"since": _ms(known - MARGIN), "until": _ms(now + MARGIN), "modified": True}
            return (Ask("list", f"{WORKOUTS} modified {params['since']} 0", WORKOUTS, params, NEW),)
        # A watch whose clock runs ahead is no reason to miss what it recorded.
        until = now + timedelta(days=1)
        params |= {"since": _ms(until - WINDOW), "until": _ms(until), "modified": False}
        return (Ask("list", f"{WORKOUTS} {look} {params['since']} 0", WORKOUTS, params, NEW),)

    def fetch(self, api: Api, ask: Ask) -> Answer:
        match ask.what:
            case "list":
                return self._workouts(api, ask) if ask.feed == WORKOUTS else self._window(api, ask)
            case "fit":
                return self._file(api, ask)
            case _:
                return self._workout(api, ask)

    def confirm(self, kind: str, external_id: str) -> Ask | None:
        return Ask("workout", external_id, WORKOUTS, rank=HISTORY) if kind == "workout" else None

    # --- workouts ---------------------------------------------------------------------------

    def _workouts(self, api: Api, ask: Ask) -> Answer:
        told = ask.params
        offset, modified = told["offset"], told["modified"]
        query = {
            "since": told["since"],
            "until": told["until"],
            "limit": PAGE,
            "offset": offset,
            "filter-by-modification-time": "true" if modified else "false",
        }
        content = _payload(_get(api, "/v3/workouts/", query))
        list_of(content)
        rows = [(data, mapping(row)) for data, row in elements(content)]
        now = aware(told["now"])
        payloads: list[RawPayload] = []
        asks: list[Ask] = []
        for data, row in rows:
            if payload := _record(data, row):
                payloads.append(payload)
                asks += _files(payload.external_id, row, now=now)
        nameless = len(rows) - len(payloads)
        problems = (Problem(WORKOUTS, "Workouts without a key are left out.", nameless),) if nameless else ()
        if len(rows) >= PAGE:
            following = {**told, "offset": offset + PAGE}
            key = f"{WORKOUTS} {'modified' if modified else 'page'} {told['since']} {offset + PAGE}"
            return Answer(tuple(payloads), (*asks, Ask("list", key, WORKOUTS, following, LIST)), problems=problems)
        if not modified and (earlier := self._earlier(told, is_empty=not rows and not offset)):
            return Answer(tuple(payloads), (*asks, earlier), problems=problems)
        listing = Listing("workout", now) if now and not modified else None
        return Answer(tuple(payloads), tuple(asks), listing=listing, cursor={"at": told["now"]}, problems=problems)

    def _earlier(self, told: Mapping[str, Any], *, is_empty: bool) -> Ask | None:
        """The window before; None where the calendar of all watches begins."""
        until = told["since"]
        if until <= _ms(EPOCH):
            return None
        days = told["days"] * 2 if is_empty else WINDOW.days
        since = max(until - days * 86_400_000, _ms(EPOCH))
        params = {**told, "since": since, "until": until, "offset": 0, "days": days}
        return Ask("list", f"{WORKOUTS} window {since} 0", WORKOUTS, params, LIST)

    def _workout(self, api: Api, ask: Ask) -> Answer:
        """One workout. What has just come from the watch may lack its end and its device for some minutes."""
        response = _get(api, f"/v3/workouts/{quote(ask.key, safe='')}", allow=GONE)
        if response.status in GONE:
            return Answer(gone=(ask.key,))
        content = _payload(response)
        if content.startswith(b"["):
            content = next((data for data, _ in elements(content)), b"{}")
        row = object_of(content)
        payload = _record(content, row)
        if payload is None or payload.external_id != ask.key:
            raise UnexpectedPayload("Suunto answered with another workout than the one that was asked for.")
        asks = list(_files(ask.key, row, now=None, rank=ask.rank, is_fresh=ask.rank == NOW))
        tries = int(ask.params.get("tries", 0))
        is_whole = positive(row.get("stopTime")) is not None and mapping(row.get("gear"))
        if ask.rank == NOW and not is_whole and tries < len(DETAIL_WAITS_S):
            asks.append(Ask("workout", ask.key, WORKOUTS, {"tries": tries + 1}, NOW, wait_s=DETAIL_WAITS_S[tries]))
        return Answer((payload,), tuple(asks))

    def _file(self, api: Api, ask: Ask) -> Answer:
        """The FIT file; of a new workout it is not ready at once, and an error may come with a 200."""
        response = _get(api, f"/v3/workouts/{quote(ask.key, safe='')}/fit", allow=GONE, accept="*/*")
        if response.status not in GONE and file_kind(response.content) == "fit":
            return Answer((RawPayload("fit", ask.key, response.content, CONTENT_TYPES["fit"]),))
        tries = int(ask.params.get("tries", 0))
        if not ask.params.get("fresh") or tries >= len(FILE_WAITS_S):
            return Answer()
        # Without `of`: the workout has not changed meanwhile, and is asked for all the same.
        params = {**ask.params, "tries": tries + 1}
        return Answer(asks=(Ask("fit", ask.key, ask.feed, params, ask.rank, FILE_WAITS_S[tries]),))

    # --- nights and days --------------------------------------------------------------------

    def _window(self, api: Api, ask: Ask) -> Answer:
        """One window of a feed, and the one before where more is wanted."""
        feed, told = ask.feed, ask.params
        since, until = moment_ms(told["from"]), moment_ms(told["to"])
        if since is None or until is None:
            raise UnexpectedPayload("This window of time is none.")
        content = self._samples(api, feed, since, until)
        rows = list(elements(content))
        payloads: tuple[RawPayload, ...]
        if feed == SLEEP:
            payloads = nights(rows)
        else:
            payloads = (RawPayload(feed, since.date().isoformat(), content, JSON),) if _tells(feed, rows) else ()
        empty = 0 if payloads else told["empty"] + 1
        earliest = aware(told["since"])
        is_done = since <= earliest if earliest else empty >= NOTHING[feed] or since <= EPOCH
        if told["single"]:
            return Answer(payloads)
        if is_done:
            return Answer(payloads, cursor={"at": told["now"]})
        now = aware(told["now"]) or since
        following = window_ask(
            feed, since - timedelta(milliseconds=1), now=now, since=earliest, rank=LIST, closes=True, empty=empty
        )
        return Answer(payloads, (following,))

    def _samples(self, api: Api, feed: str, since: datetime, until: datetime) -> bytes:
        if feed != STATISTICS:
            content = _get(api, PATHS[feed], {"from": _ms(since), "to": _ms(until)}).content
        else:
            query = {"startdate": _iso(since), "enddate": _iso(until)}
            response = _get(api, PATHS[feed], query, allow=(404,))
            content = response.content if response.status == 200 else _get(api, OTHER_STATISTICS, query).content
        list_of(content)
        return content


def window_ask(
    feed: str, at: datetime, *, now: datetime, since: datetime | None, rank: int, closes: bool, empty: int = 0
) -> Ask:
    """The window of a feed around a moment. With `closes` a chain of them, back to `since` or to where nothing is."""
    length = NIGHTS if feed == SLEEP else WEEK
    begin = MONDAY + (at - MONDAY) // length * length
    params = {
        "from": _ms(begin),
        "to": _ms(begin + length) - 1,
        "now": now.isoformat(),
        "since": since.isoformat() if since else "",
        "empty": empty,
        "single": not closes,
    }
    key = f"{feed} {begin.date().isoformat()}{'' if closes else ' event'}"
    return Ask("list", key, feed, params, rank)


def asks_for_workout(key: str) -> tuple[Ask, ...]:
    """What an event of a new workout leads to."""
    return (Ask("workout", key, WORKOUTS, rank=NOW),)


def nights(rows: Sequence[tuple[bytes, Any]]) -> tuple[RawPayload, ...]:
    """The sleeps among samples. A watch sends one again while it learns more: the fullest counts, else the last."""
    found: dict[str, tuple[float, RawPayload]] = {}
    for data, row in rows:
        told = mapping(mapping(row).get("entryData"))
        stamp = text(mapping(row).get("timestamp"))
        external_id = text(told.get("SleepId")) or stamp
        length = number(told.get("Duration")) or 0.0
        if external_id and (external_id not in found or length >= found[external_id][0]):
            found[external_id] = (length, RawPayload("sleep", external_id, data, JSON, aware(stamp)))
    return tuple(payload for _, payload in found.values())


def _tells(feed: str, rows: Sequence[tuple[bytes, Any]]) -> bool:
    """Whether anything stands in the answer; statistics name their kinds even where they have no days."""
    if feed != STATISTICS:
        return bool(rows)
    sources = [one for _, row in rows for one in mapping(row).get("Sources") or () if isinstance(one, dict)]
    return any(one.get("Samples") for one in sources)


def _get(
    api: Api,
    path: str,
    query: Mapping[str, Any] | None = None,
    *,
    allow: tuple[int, ...] = (),
    accept: str = JSON,
) -> Response:
    """Every request carries the server's own key beside the athlete's token."""
    headers = {"Ocp-Apim-Subscription-Key": api.setting("SUBSCRIPTION_KEY"), "Accept": accept}
    return api.get(path, query, headers=headers, allow=allow)


def _payload(response: Response) -> bytes:
    """What stands in the envelope; an error in it counts as no answer, whatever the status was."""
    envelope = object_of(response.content)
    if envelope.get("error") is not None:
        raise Unavailable("Suunto answered with an error.")
    content = value_under(response.content, "payload")
    if content in (b"", b"null"):
        raise UnexpectedPayload("Suunto answered without a payload.")
    return content


def _record(data: bytes, row: Mapping[str, Any]) -> RawPayload | None:
    key = text(row.get("workoutKey"))
    return RawPayload("workout", key, data, JSON, moment_ms(positive(row.get("lastModified")))) if key else None


def _files(
    key: str, row: Mapping[str, Any], *, now: datetime | None, rank: int | None = None, is_fresh: bool = False
) -> Sequence[Ask]:
    """The request for the FIT file; what was typed in by hand has none."""
    if row.get("isManuallyAdded") is True:
        return ()
    begun = moment_ms(positive(row.get("startTime")))
    if now is not None:
        is_fresh = begun is None or begun > now - FRESH
        rank = NEW if begun is None or begun > now - AGAIN else HISTORY
    return (Ask("fit", key, WORKOUTS, {"fresh": is_fresh}, HISTORY if rank is None else rank, of="workout"),)


def _claims(token: str) -> dict[str, Any]:
    """What a JWT says of itself, unchecked: it came from Suunto by https."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        return mapping(json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))))
    except (ValueError, binascii.Error):
        return {}


def _ms(moment: datetime) -> int:
    return epoch_ms(moment)


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
