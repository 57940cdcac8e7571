"""The calls of Oura's API v2: lists by date in windows, single documents, heart rate by day, and the profile.

A list is asked for by local dates. `end_date` is left out of some lists and not of others, so each window asks for one
day more. Documents are scored again and change their ids, and nothing tells when: each look goes some days back, and
what stands for a day is filed under its date, so that it replaces itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from activities.domain.parsed import Problem
from activities.domain.reading import RawPayload
from integrations.base import HISTORY, NEW, Account, Answer, Api, Ask, Listing, Look
from integrations.errors import Unavailable, UnexpectedPayload
from integrations.told import aware, day_of, elements_under, object_of, text

BASE = "/v2/usercollection"
JSON = "application/json"
AGAIN_DAYS = 7
# Windows lie on a grid, so that a look that begins anew asks for the same ones.
WINDOW_DAYS, HEART_RATE_DAYS = 60, 30
# No ring measured before; heart rate by day came with the third generation.
FIRST_DAY, FIRST_HEART_RATE = date(2015, 11, 1), date(2021, 10, 1)
# A ring that lay in a drawer for two years was given up.
MOST_EMPTY_DAYS = 730
# A list by local dates surely holds what began from noon UTC of its first day to so long before its end, wherever it
# was: a night counts for the day of waking up, and clocks go up to 14 hours ahead.
TO_NOON, BEFORE_END = timedelta(hours=12), timedelta(hours=30)
# So many days around a sleep that has changed are listed, to see which others it took the place of.
AROUND_DAYS = (2, 4)
# No window is longer than this many pages; more is a provider going round in circles.
MOST_PAGES = 200

# Feed and kind of record -> its collection.
COLLECTIONS: Mapping[str, str] = {
    "workout": "workout",
    "session": "session",
    "sleep": "sleep",
    "daily_sleep": "daily_sleep",
    "daily_readiness": "daily_readiness",
    "daily_activity": "daily_activity",
    "daily_spo2": "daily_spo2",
    "daily_stress": "daily_stress",
    "daily_resilience": "daily_resilience",
    "daily_cardiovascular_age": "daily_cardiovascular_age",
    "vo2_max": "vO2_max",
}
# Documents that are known by their own id; all others stand for their day.
BY_ID = frozenset({"workout", "session", "sleep"})


class OuraAdapter:
    """Asks: `list` windows of a feed, one document of a kind by its id, `personal_info`."""

    def account(self, api: Api) -> Account:
        told = object_of(api.get(f"{BASE}/personal_info").content)
        if not text(told.get("id")):
            raise UnexpectedPayload("Oura did not tell whose account it is.")
        return Account(text(told["id"]), text(told.get("email")))

    def revoke(self, api: Api) -> None:
        token = text(api.token.get("access_token"))
        api.send("POST", "/oauth/revoke", {"access_token": token}, auth="none", allow=(400, 401, 403, 404))

    def begin(self, feed: str, look: Look, *, cursor: Mapping[str, Any], now: datetime) -> Sequence[Ask]:
        if feed == "personal_info":
            return (Ask(feed, now.date().isoformat(), feed, {"known": dict(cursor)}, NEW),)
        until = aware(cursor.get("until"))
        # The athlete may live a day ahead of UTC, and the last day is not always part of a window.
        end = now.astimezone(UTC).date() + timedelta(days=2)
        if look == "incremental" and until is not None:
            start = until.date() - timedelta(days=AGAIN_DAYS)
            longest = timedelta(days=_window_days(feed))
            asks, rank = [], NEW
            while end - start > longest:
                asks.append(list_ask(feed, start, start + longest, now=now, rank=rank))
                start += longest
            return (*asks, list_ask(feed, start, end, now=now, rank=rank, closes=True))
        start = _grid_start(feed, end - timedelta(days=1))
        return (list_ask(feed, start, end, now=now, rank=NEW, closes=True, goes_back=True),)

    def fetch(self, api: Api, ask: Ask) -> Answer:
        if ask.what == "personal_info":
            return self._profile(api, ask)
        if ask.what != "list":
            return self._one(api, ask)
        return self._heart_rate(api, ask) if ask.feed == "heartrate" else self._page(api, ask)

    def confirm(self, kind: str, external_id: str) -> Ask | None:
        """A day's document may come back under another id, so of those the list is proof."""
        return Ask(kind, external_id, kind, rank=HISTORY) if kind in BY_ID else None

    # --- lists ------------------------------------------------------------------------------

    def _page(self, api: Api, ask: Ask) -> Answer:
        query = {
            "start_date": ask.params["start"],
            "end_date": (_day(ask.params["end"]) + timedelta(days=1)).isoformat(),
            "next_token": ask.params.get("token"),
        }
        found = _listed(api, f"{BASE}/{COLLECTIONS[ask.feed]}", query)
        if isinstance(found, Problem):
            return Answer(problems=(found,))
        rows, token = found
        payloads = [it for data, told in rows if (it := _record(ask.feed, data, told)) is not None]
        lost = len(rows) - len(payloads)
        problems = (Problem(ask.feed, "Documents without an id or a day are left out.", lost),) if lost else ()
        if token:
            page = hashlib.sha256(token.encode()).hexdigest()[:16]
            key = f"{ask.feed} {ask.params['start']} {ask.params['end']} {page}"
            some = bool(payloads) or ask.params.get("some", False)
            following = Ask("list", key, ask.feed, {**ask.params, "token": token, "some": some}, ask.rank)
            return Answer(tuple(payloads), (following,), problems=problems)
        return _closed(ask, payloads, problems)

    def _heart_rate(self, api: Api, ask: Ask) -> Answer:
        """One window, cut into UTC days: a day that stood on two pages is one record all the same."""
        start, end = _day(ask.params["start"]), _day(ask.params["end"])
        query = {"start_datetime": _midnight(start), "end_datetime": _midnight(end)}
        days: dict[str, set[tuple[str, bytes]]] = {}
        for _ in range(MOST_PAGES):
            found = _listed(api, f"{BASE}/heartrate", query)
            if isinstance(found, Problem):
                return Answer(problems=(found,))
            rows, token = found
            for data, told in rows:
                day = _utc_day(told)
                if day is not None and start <= day < end:
                    days.setdefault(day.isoformat(), set()).add((text(told["timestamp"]), data))
            if not token:
                break
            query = {**query, "next_token": token}
        else:
            raise Unavailable("Oura's list of heart rates does not end.")
        payloads = [
            RawPayload("heartrate", day, b"[" + b",".join(row for _, row in sorted(rows)) + b"]", JSON)
            for day, rows in sorted(days.items())
        ]
        return _closed(ask, payloads, ())

    # --- single documents -------------------------------------------------------------------

    def _one(self, api: Api, ask: Ask) -> Answer:
        """One document. A sleep may have taken the place of others: the list of its day shows which are left."""
        response = api.get(f"{BASE}/{COLLECTIONS[ask.what]}/{ask.key}", allow=(403, 404))
        if response.status == 403:
            return Answer(problems=(_refused(ask.what),))
        if response.status == 404:
            return Answer(gone=(ask.key,)) if ask.what in BY_ID else Answer()
        told = object_of(response.content)
        payload = _record(ask.what, response.content, told)
        if payload is None:
            raise UnexpectedPayload(f"Oura answered with a {ask.what} without an id or a day.")
        day, now = day_of(told.get("day")), aware(ask.params.get("now"))
        if ask.what != "sleep" or day is None or now is None:
            return Answer((payload,))
        start, end = day - timedelta(days=AROUND_DAYS[0]), day + timedelta(days=AROUND_DAYS[1])
        return Answer((payload,), (list_ask("sleep", start, end, now=now, rank=ask.rank),))

    def _profile(self, api: Api, ask: Ask) -> Answer:
        """The profile of today; one that stands as it stood is told once, on the day it was first seen."""
        response = api.get(f"{BASE}/personal_info", allow=(403,))
        if response.status == 403:
            return Answer(problems=(_refused(ask.what),))
        known, sha256 = ask.params.get("known") or {}, hashlib.sha256(response.content).hexdigest()
        day = text(known.get("date")) if known.get("sha256") == sha256 else ask.key
        payload = RawPayload("personal_info", day, response.content, JSON)
        return Answer((payload,), cursor={"sha256": sha256, "date": day})


def list_ask(
    feed: str, start: date, end: date, *, now: datetime, rank: int, closes: bool = False, goes_back: bool = False
) -> Ask:
    """The documents from `start` to before `end`. Where it `closes`, its end moves the cursor; where it `goes_back`,
    the window before it follows.
    """
    params = {
        "start": start.isoformat(), "end": end.isoformat(), "now": now.isoformat(), "closes": closes, "back": goes_back,
    }  # fmt: skip
    return Ask("list", f"{feed} {start} {end}", feed, params, rank)


def _closed(ask: Ask, payloads: Sequence[RawPayload], problems: tuple[Problem, ...]) -> Answer:
    """The answer to the last page of a window, with the window before it where the look goes back."""
    params = ask.params
    start, end, now = _day(params["start"]), _day(params["end"]), aware(params["now"])
    newest = text(params.get("newest")) or params["end"]
    empty = 0 if payloads or params.get("some") else int(params.get("empty", 0)) + (end - start).days
    first = FIRST_HEART_RATE if ask.feed == "heartrate" else FIRST_DAY
    if params.get("back") and start > first and empty < MOST_EMPTY_DAYS:
        before = max(first, start - timedelta(days=_window_days(ask.feed)))
        further = {**params, "start": before.isoformat(), "end": params["start"], "newest": newest, "empty": empty}
        for name in ("token", "some"):
            further.pop(name, None)
        older = Ask("list", f"{ask.feed} {before} {start}", ask.feed, further, HISTORY)
        return Answer(tuple(payloads), (older,), problems=problems)
    listing = None
    if now is not None:
        goes_back = params.get("back")
        since = None if goes_back else _time(start) + TO_NOON
        listing = Listing(ask.feed, now, since, _time(_day(newest) if goes_back else end) - BEFORE_END)
    cursor = {"until": params["now"]} if params.get("closes") else None
    return Answer(tuple(payloads), listing=listing, cursor=cursor, problems=problems)


def _listed(api: Api, path: str, query: Mapping[str, Any]) -> tuple[list[tuple[bytes, Any]], str] | Problem:
    """The documents of one page and the token of the next, "" after the last; or that Oura does not let us."""
    response = api.get(path, {name: value for name, value in query.items() if value}, allow=(403,))
    if response.status == 403:
        return _refused(path.rpartition("/")[2])
    rows, other = elements_under(response.content, "data")
    if not rows and b'"data"' not in response.content:
        raise UnexpectedPayload("Oura answered a list without data.")
    token = text(other.get("next_token"))
    if token and token == query.get("next_token"):
        raise Unavailable("Oura named the same page as the next one.")
    return rows, token


def _refused(what: str) -> Problem:
    words = what.replace("_", " ")
    return Problem(what, f"Oura does not let us read this: {words}. It was not allowed, or the membership has ended.")


def _record(kind: str, data: bytes, told: Any) -> RawPayload | None:
    if not isinstance(told, dict):
        return None
    day = day_of(told.get("day"))
    external_id = text(told.get("id")) if kind in BY_ID else day.isoformat() if day else ""
    return RawPayload(kind, external_id, data, JSON) if external_id else None


def _window_days(feed: str) -> int:
    return HEART_RATE_DAYS if feed == "heartrate" else WINDOW_DAYS


def _grid_start(feed: str, day: date) -> date:
    """The beginning of the window in which the day lies."""
    length = _window_days(feed)
    return date.fromordinal(day.toordinal() // length * length)


def _day(told: Any) -> date:
    return date.fromisoformat(str(told))


def _utc_day(told: Any) -> date | None:
    moment = aware(told.get("timestamp")) if isinstance(told, dict) else None
    return None if moment is None else moment.astimezone(UTC).date()


def _midnight(day: date) -> str:
    return _time(day).isoformat().replace("+00:00", "Z")


def _time(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
