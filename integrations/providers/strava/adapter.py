"""The calls of Strava's API v3: the list of activities, and of each the detail and the streams.

A backfill goes back in time by the start of what it has read, not by page numbers: an upload or a deletion meanwhile
shifts pages. The list can be filtered by start and not by change, so each look goes `AGAIN` back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from activities.domain.parsed import Problem
from activities.domain.reading import RawPayload
from integrations.base import HISTORY, NEW, Account, Answer, Api, Ask, Listing, Look
from integrations.errors import Unavailable, UnexpectedPayload
from integrations.providers.strava.mapping import STREAM_KEYS
from integrations.told import aware, elements, list_of, mapping, object_of, text

FEED = "activities"
AGAIN = timedelta(days=14)
PAGE = 200
JSON = "application/json"
# Lists before the details of old activities: the whole history is seen within minutes, its details take days.
LIST = HISTORY - 1


class StravaAdapter:
    """Asks: `list` (a page), `detail` and `streams` of one activity by its id."""

    def account(self, api: Api) -> Account:
        """The athlete comes with the exchange of the code, and with no refresh."""
        athlete = mapping(api.token.get("athlete"))
        if not text(athlete.get("id")):
            athlete = object_of(api.get("/athlete", kind="read").content)
        if not text(athlete.get("id")):
            raise UnexpectedPayload("Strava did not tell whose account it is.")
        return Account(text(athlete["id"]), f"{text(athlete.get('firstname'))} {text(athlete.get('lastname'))}".strip())

    def revoke(self, api: Api) -> None:
        form = {"token": text(api.token.get("access_token")), "token_type_hint": "access_token"}
        api.send("POST", api.setting("REVOKE_URL"), form=form, auth="client", allow=(400, 401, 404))

    def begin(self, feed: str, look: Look, *, cursor: Mapping[str, Any], now: datetime) -> Sequence[Ask]:
        known = aware(cursor.get("at"))
        since = known - AGAIN if look == "incremental" and known is not None else None
        return (list_ask(look, since=since, now=now),)

    def fetch(self, api: Api, ask: Ask) -> Answer:
        match ask.what:
            case "list":
                return self._forwards(api, ask) if "after" in ask.params else self._backwards(api, ask)
            case "streams":
                return self._streams(api, ask)
            case _:
                return self._detail(api, ask)

    def confirm(self, kind: str, external_id: str) -> Ask | None:
        return Ask("detail", external_id, FEED, rank=HISTORY)

    # --- lists ------------------------------------------------------------------------------

    def _forwards(self, api: Api, ask: Ask) -> Answer:
        """One page of what began after a time, oldest first. An empty page is the last: a short one need not be."""
        after, page, now = ask.params["after"], ask.params["page"], ask.params["now"]
        told = _listed(api, {"after": after, "page": page, "per_page": PAGE})
        if not told:
            # Whether `after` itself is among them is not documented.
            return _closed(now, datetime.fromtimestamp(after + 1, UTC))
        payloads, asks, problems = _cut(told, FEED, aware(now))
        following = Ask("list", f"{FEED} after {after} {page + 1}", FEED, {**ask.params, "page": page + 1}, NEW)
        return Answer(payloads, (*asks, following), problems=problems)

    def _backwards(self, api: Api, ask: Ask) -> Answer:
        """One page of what began before a time, newest first, and where the next one begins."""
        before, page, now = ask.params["before"], ask.params["page"], ask.params["now"]
        told = _listed(api, {"before": before, "page": page, "per_page": PAGE})
        if not told:
            return _closed(now)
        starts = [moment for _, row in told if (moment := aware(mapping(row).get("start_date")))]
        if not starts:
            raise UnexpectedPayload("Strava listed activities without a start.")
        if min(starts).timestamp() > before:
            raise Unavailable("Strava listed other activities than those that were asked for.")
        payloads, asks, problems = _cut(told, FEED, aware(now))
        # The oldest second once more, because others may have begun in it; where there is nothing else, its next page.
        earlier = int(min(starts).timestamp()) + 1
        params = {**ask.params, "before": earlier, "page": 1} if earlier < before else {**ask.params, "page": page + 1}
        key = f"{FEED} before {params['before']} {params['page']}"
        return Answer(payloads, (*asks, Ask("list", key, FEED, params, LIST)), problems=problems)

    # --- one activity -----------------------------------------------------------------------

    def _detail(self, api: Api, ask: Ask) -> Answer:
        """The activity; 404 where it was deleted, or made private for an app that may not see private ones."""
        url = f"/activities/{ask.key}"
        response = api.get(url, {"include_all_efforts": "true"}, allow=(404,), kind="read")
        if response.status == 404:
            return Answer(gone=(ask.key,))
        if text(object_of(response.content).get("id")) != ask.key:
            raise UnexpectedPayload("Strava answered with another activity than the one that was asked for.")
        return Answer((RawPayload("detail", ask.key, response.content, JSON),))

    def _streams(self, api: Api, ask: Ask) -> Answer:
        """The streams; 404 where there are none, as of what was typed in by hand."""
        url, query = f"/activities/{ask.key}/streams", {"keys": STREAM_KEYS, "key_by_type": "true"}
        response = api.get(url, query, allow=(404,), kind="read")
        if response.status == 404:
            return Answer()
        object_of(response.content)
        return Answer((RawPayload("streams", ask.key, response.content, JSON),))


def list_ask(look: Look, *, since: datetime | None, now: datetime) -> Ask:
    """The first page of a look; without `since` all that there is, newest first."""
    params: dict[str, Any] = {"now": now.isoformat(), "page": 1}
    if since is not None:
        after = int(since.timestamp())
        return Ask("list", f"{FEED} after {after} 1", FEED, {**params, "after": after}, NEW)
    # A clock of the athlete's that runs ahead is no reason to miss what it recorded.
    before = int((now + timedelta(days=1)).timestamp())
    return Ask("list", f"{FEED} {look} 1", FEED, {**params, "before": before}, NEW)


def asks_for(external_id: str, *, rank: int, of: str = "", streams: bool = True) -> tuple[Ask, ...]:
    """What completes one activity."""
    kinds = ("detail", "streams") if streams else ("detail",)
    return tuple(Ask(kind, external_id, FEED, rank=rank, of=of) for kind in kinds)


def _listed(api: Api, query: Mapping[str, Any]) -> list[tuple[bytes, Any]]:
    response = api.get("/athlete/activities", query, kind="read")
    list_of(response.content)
    return list(elements(response.content))


def _cut(
    told: Sequence[tuple[bytes, Any]], feed: str, now: datetime | None
) -> tuple[tuple[RawPayload, ...], tuple[Ask, ...], tuple[Problem, ...]]:
    """Each activity of a page, what completes it, and what could not be told apart."""
    payloads: list[RawPayload] = []
    asks: list[Ask] = []
    for data, row in told:
        row = mapping(row)
        external_id, start = text(row.get("id")), aware(row.get("start_date"))
        if not external_id.isdigit():
            continue
        is_new = start is None or now is None or start > now - AGAIN
        payloads.append(RawPayload("summary", external_id, data, JSON))
        # What was typed in by hand has no streams.
        typed = row.get("manual") is True
        asks += asks_for(external_id, rank=NEW if is_new else HISTORY, of="summary", streams=not typed)
    nameless = len(told) - len(payloads)
    problems = (Problem(feed, "Activities without an id are left out.", nameless),) if nameless else ()
    return tuple(payloads), tuple(asks), problems


def _closed(now: str, since: datetime | None = None) -> Answer:
    """The end of a list: what began in its span and was not in it is gone."""
    began = aware(now)
    listing = Listing("summary", began, since, began) if began else None
    return Answer(listing=listing, cursor={"at": now})
