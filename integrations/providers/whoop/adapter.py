"""The calls of WHOOP's API v2: four paged lists, single records, and body measurements.

A list is filtered by when its records began, never by when they changed, so each look goes `AGAIN` back: that is how
re-scored, edited and deleted records are found. A recovery tells no day: its sleep does, so the pages of sleeps lead to
the recoveries.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from activities.domain.parsed import Problem
from activities.domain.reading import RawPayload
from integrations.base import HISTORY, NEW, Account, Answer, Api, Ask, Listing, Look, Response
from integrations.errors import Unavailable, UnexpectedPayload
from integrations.providers.whoop.mapping import waking_day
from integrations.told import aware, elements_under, object_of, text

AGAIN = timedelta(days=14)
# A recovery's own time is not documented: it is looked for so far around its sleep.
AROUND = timedelta(days=1)
PAGE = 25
# The recoveries around one page of sleeps fill two pages at most; more is a provider going round in circles.
MOST_PAGES = 4
JSON = "application/json"

_PATHS: Mapping[str, str] = {
    "workout": "/v2/activity/workout",
    "sleep": "/v2/activity/sleep",
    "cycle": "/v2/cycle",
}


class WhoopAdapter:
    """Asks: `list` pages of a feed, `workout`, `sleep` and `cycle` by id, `recovery` by sleep or cycle, `body`."""

    def account(self, api: Api) -> Account:
        told = api.get("/v2/user/profile/basic").json()
        if not isinstance(told, dict) or not text(told.get("user_id")):
            raise UnexpectedPayload("WHOOP did not tell whose account it is.")
        name = f"{text(told.get('first_name'))} {text(told.get('last_name'))}".strip()
        return Account(text(told["user_id"]), name or text(told.get("email")))

    def revoke(self, api: Api) -> None:
        api.send("DELETE", "/v2/user/access", allow=(401, 403, 404))

    def begin(self, feed: str, look: Look, *, cursor: Mapping[str, Any], now: datetime) -> Sequence[Ask]:
        if feed == "body":
            return (Ask("body", now.date().isoformat(), feed, {"known": dict(cursor)}, NEW),)
        until = aware(cursor.get("until"))
        since = until - AGAIN if look == "incremental" and until is not None else None
        return (list_ask(feed, look, since=since, now=now, rank=NEW, closes=True),)

    def fetch(self, api: Api, ask: Ask) -> Answer:
        if ask.what == "body":
            return self._body(api, ask)
        if ask.what == "recovery":
            return self._recovery(api, ask)
        if ask.what != "list":
            return self._one(api, ask)
        return self._recoveries(api, ask) if ask.feed == "recovery" else self._page(api, ask)

    def confirm(self, kind: str, external_id: str) -> Ask | None:
        if kind == "recovery":
            day, _, cycle = external_id.partition(" ")
            return Ask("recovery", cycle, "recovery", {"day": day}, HISTORY)
        return Ask(kind, external_id, kind, rank=HISTORY) if kind in _PATHS else None

    # --- lists ------------------------------------------------------------------------------

    def _page(self, api: Api, ask: Ask) -> Answer:
        rows, token = _listed(api, _PATHS[ask.feed], _query(ask), ask)
        payloads, nameless = [], 0
        for data, told in rows:
            payload = _record(ask.feed, data, told)
            if payload is None:
                nameless += 1
            else:
                payloads.append(payload)
        problems = (Problem(ask.feed, "Records without an id are left out.", nameless),) if nameless else ()
        return _answer(ask, payloads, token, problems)

    def _recoveries(self, api: Api, ask: Ask) -> Answer:
        """The recoveries of one page of sleeps."""
        rows, token = _listed(api, _PATHS["sleep"], _query(ask), ask)
        sleeps = [told for _, told in rows if isinstance(told, dict)]
        days = {text(told.get("id")): day for told in sleeps if (day := waking_day(told)) is not None}
        starts = [moment for told in sleeps if (moment := aware(told.get("start"))) is not None]
        payloads: list[RawPayload] = []
        if days and starts:
            query: dict[str, Any] = {
                "start": _iso(min(starts) - AROUND), "end": _iso(max(starts) + AROUND), "limit": PAGE,
            }  # fmt: skip
            for _ in range(MOST_PAGES):
                found, further = _listed(api, "/v2/recovery", query, ask)
                for data, told in found:
                    day = days.get(text(told.get("sleep_id"))) if isinstance(told, dict) else None
                    if day is not None and text(told.get("cycle_id")):
                        payloads.append(_payload("recovery", f"{day} {text(told['cycle_id'])}", data, told))
                if not further:
                    break
                query = {**query, "nextToken": further}
        return _answer(ask, payloads, token)

    # --- single records ---------------------------------------------------------------------

    def _one(self, api: Api, ask: Ask) -> Answer:
        response = api.get(f"{_PATHS[ask.what]}/{ask.key}", allow=(404,))
        if response.status == 404:
            return Answer(gone=(ask.key,))
        told = object_of(response.content)
        payload = _record(ask.what, response.content, told)
        if payload is None:
            raise UnexpectedPayload(f"WHOOP answered with a {ask.what} that has no id.")
        return Answer((payload,))

    def _recovery(self, api: Api, ask: Ask) -> Answer:
        """The recovery of a sleep (its uuid, as webhooks of today name it) or of a cycle (its number)."""
        cycle, day = ask.key, text(ask.params.get("day"))
        if not ask.key.isdigit() or not day:
            path = f"/v2/cycle/{cycle}/sleep" if ask.key.isdigit() else f"{_PATHS['sleep']}/{ask.key}"
            response = api.get(path, allow=(404,))
            now = aware(ask.params.get("now"))
            if response.status == 404:
                # Which day it was nobody tells any longer: the list shows what is left.
                again = (list_ask("recovery", "incremental", since=now - AGAIN, now=now, rank=ask.rank),) if now else ()
                return Answer(asks=again)
            sleep = object_of(response.content)
            woke = waking_day(sleep)
            if woke is None or not text(sleep.get("cycle_id")):
                raise UnexpectedPayload("WHOOP answered with a sleep that tells no end or no cycle.")
            cycle, day = text(sleep["cycle_id"]), woke.isoformat()
        response = api.get(f"/v2/cycle/{cycle}/recovery", allow=(404,))
        external_id = f"{day} {cycle}"
        if response.status == 404:
            return Answer(gone=(external_id,))
        return Answer((_payload("recovery", external_id, response.content, object_of(response.content)),))

    def _body(self, api: Api, ask: Ask) -> Answer:
        """The measurements of today; those that stand as they stood are told once, on the day they were first seen."""
        response = api.get("/v2/user/measurement/body", allow=(404,))
        if response.status == 404:
            return Answer()
        told = object_of(response.content)
        known, sha256 = ask.params.get("known") or {}, hashlib.sha256(response.content).hexdigest()
        day = text(known.get("date")) if known.get("sha256") == sha256 else ask.key
        return Answer((_payload("body", day, response.content, told),), cursor={"sha256": sha256, "date": day})


def list_ask(feed: str, look: Look, *, since: datetime | None, now: datetime, rank: int, closes: bool = False) -> Ask:
    """The first page of a list. Where it `closes`, its end moves the cursor."""
    params = {"look": look, "since": _iso(since) if since else "", "now": _iso(now), "closes": closes}
    return Ask("list", f"{feed} {look} {'1' if closes else 'event'}", feed, params, rank)


def _query(ask: Ask) -> dict[str, Any]:
    told = {"limit": PAGE, "start": ask.params.get("since"), "nextToken": ask.params.get("token")}
    return {name: value for name, value in told.items() if value}


def _listed(api: Api, path: str, query: Mapping[str, Any], ask: Ask) -> tuple[list[tuple[bytes, Any]], str]:
    """The records of one page, and the token of the next one; "" after the last."""
    response: Response = api.get(path, query)
    rows, other = elements_under(response.content, "records")
    if not rows and b'"records"' not in response.content:
        raise UnexpectedPayload(f"WHOOP answered a list of {ask.feed} without records.")
    token = text(other.get("next_token"))
    if token and token == query.get("nextToken"):
        raise Unavailable("WHOOP named the same page as the next one.")
    return rows, token


def _answer(ask: Ask, payloads: Sequence[RawPayload], token: str, problems: tuple[Problem, ...] = ()) -> Answer:
    if token:
        page = hashlib.sha256(token.encode()).hexdigest()[:16]
        key = f"{ask.feed} {ask.params.get('look')} {page}"
        rank = ask.rank if ask.params.get("since") else max(ask.rank, HISTORY)
        following = Ask("list", key, ask.feed, {**ask.params, "token": token}, rank)
        return Answer(tuple(payloads), (following,), problems=problems)
    now, since = aware(ask.params.get("now")), aware(ask.params.get("since"))
    listing = Listing(ask.feed, now, since + AROUND if since else None) if now else None
    cursor = {"until": ask.params["now"]} if ask.params.get("closes") else None
    return Answer(tuple(payloads), listing=listing, cursor=cursor, problems=problems)


def _record(kind: str, data: bytes, told: Any) -> RawPayload | None:
    external_id = text(told.get("id")) if isinstance(told, dict) else ""
    return _payload(kind, external_id, data, told) if external_id else None


def _payload(kind: str, external_id: str, data: bytes, told: Mapping[str, Any]) -> RawPayload:
    return RawPayload(kind, external_id, data, JSON, aware(told.get("updated_at")))


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
