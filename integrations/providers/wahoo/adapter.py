"""The calls of Wahoo's Cloud API v1: pages of workouts with their summaries, the FIT file of each, and power zones.

The list has no filter by date: a look reads from the newest on until everything on a page is older than it wants.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from activities.domain.parsed import Problem
from activities.domain.reading import RawPayload
from integrations.base import HISTORY, NEW, Account, Answer, Api, Ask, Listing, Look
from integrations.errors import UnexpectedPayload
from integrations.files import CONTENT_TYPES, file_kind
from integrations.providers.wahoo.mapping import file_url
from integrations.told import aware, elements, elements_under, mapping, object_of, text, whole

WORKOUTS, POWER_ZONES = "workouts", "power_zones"
AGAIN = timedelta(days=14)
PAGE = 100
JSON = "application/json"
# Without it some answers are 406.
HEADERS = {"Accept": JSON}
GONE = (404, 410)
# Lists before the files of old workouts: the whole history is seen at once.
LIST = HISTORY - 1


class WahooAdapter:
    """Asks: `list` (a page), `workout` (one by its id), `fit` (its file) and `power_zones`."""

    def account(self, api: Api) -> Account:
        told = object_of(api.get("/v1/user", headers=HEADERS).content)
        if not text(told.get("id")):
            raise UnexpectedPayload("Wahoo did not tell whose account it is.")
        return Account(text(told["id"]), f"{text(told.get('first'))} {text(told.get('last'))}".strip())

    def revoke(self, api: Api) -> None:
        """Ends all tokens of this athlete: of more than ten that are left over, Wahoo refuses new ones."""
        api.send("DELETE", "/v1/permissions", headers=HEADERS, allow=(401, 403, *GONE))

    def begin(self, feed: str, look: Look, *, cursor: Mapping[str, Any], now: datetime) -> Sequence[Ask]:
        if feed == POWER_ZONES:
            return (Ask("list", POWER_ZONES, feed, {"now": now.isoformat()}, NEW),)
        known = aware(cursor.get("at"))
        since = known - AGAIN if look == "incremental" and known is not None else None
        params = {"look": look, "page": 1, "now": now.isoformat(), "since": since.isoformat() if since else ""}
        return (Ask("list", f"{WORKOUTS} {look} 1", WORKOUTS, params, NEW),)

    def fetch(self, api: Api, ask: Ask) -> Answer:
        match ask.what:
            case "list":
                return self._power_zones(api, ask) if ask.feed == POWER_ZONES else self._workouts(api, ask)
            case "fit":
                return self._file(api, ask)
            case _:
                return self._workout(api, ask)

    def confirm(self, kind: str, external_id: str) -> Ask | None:
        return workout_ask(external_id, rank=HISTORY) if kind == "workout" else None

    def _workouts(self, api: Api, ask: Ask) -> Answer:
        page, now, since = ask.params["page"], aware(ask.params["now"]), aware(ask.params["since"])
        response = api.get("/v1/workouts", {"page": page, "per_page": PAGE}, headers=HEADERS)
        rows, beside = elements_under(response.content, "workouts")
        if not rows and b'"workouts"' not in response.content:
            raise UnexpectedPayload("Wahoo answered a list without workouts.")
        total = whole(beside.get("total"))
        payloads: list[RawPayload] = []
        asks: list[Ask] = []
        for data, row in rows:
            told = mapping(row)
            if payload := _record(data, told):
                payloads.append(payload)
                begun = _begun(told)
                is_new = begun is None or now is None or begun > now - AGAIN
                asks += _files(payload.external_id, told, rank=NEW if is_new else HISTORY)
        nameless = len(rows) - len(payloads)
        problems = (Problem(WORKOUTS, "Workouts without an id are left out.", nameless),) if nameless else ()
        begun_at = [begun for _, row in rows if (begun := _begun(mapping(row)))]
        is_far = bool(since and begun_at and max(begun_at) < since)
        if rows and not is_far:
            params = {**ask.params, "page": page + 1}
            following = Ask("list", f"{WORKOUTS} {ask.params['look']} {page + 1}", WORKOUTS, params, LIST)
            return Answer(tuple(payloads), (*asks, following), total=None if since else total, problems=problems)
        # An end before the number that Wahoo itself tells proves nothing of what was not in the list.
        is_whole = is_far or total is None or (page - 1) * PAGE >= total
        return Answer(
            tuple(payloads),
            tuple(asks),
            listing=Listing("workout", now, since, now) if now and is_whole else None,
            cursor={"at": ask.params["now"]},
            problems=problems,
        )

    def _workout(self, api: Api, ask: Ask) -> Answer:
        response = api.get(f"/v1/workouts/{ask.key}", headers=HEADERS, allow=GONE)
        if response.status in GONE:
            return Answer(gone=(ask.key,))
        told = object_of(response.content)
        payload = _record(response.content, told)
        if payload is None or payload.external_id != ask.key:
            raise UnexpectedPayload("Wahoo answered with another workout than the one that was asked for.")
        return Answer((payload,), tuple(_files(ask.key, told, rank=ask.rank)))

    def _file(self, api: Api, ask: Ask) -> Answer:
        """The FIT file. Its link needs no log-in and leads to hosts that the provider declares, or nowhere."""
        response = api.get(ask.params["url"], auth="none", allow=GONE, kind="none")
        if response.status in GONE:
            return Answer()
        if file_kind(response.content) != "fit":
            raise UnexpectedPayload("Wahoo answered with something that is no FIT file.")
        return Answer((RawPayload("fit", ask.key, response.content, CONTENT_TYPES["fit"]),))

    def _power_zones(self, api: Api, ask: Ask) -> Answer:
        response = api.get("/v1/power_zones", headers=HEADERS, allow=GONE)
        rows = list(elements(response.content)) if response.status not in GONE else []
        payloads = tuple(
            RawPayload("power_zones", text(row.get("id")), data, JSON, aware(row.get("updated_at")))
            for data, row in rows
            if isinstance(row, dict) and text(row.get("id"))
        )
        return Answer(payloads, cursor={"at": ask.params["now"]})


def workout_ask(external_id: str, *, rank: int) -> Ask:
    return Ask("workout", external_id, WORKOUTS, rank=rank)


def _record(data: bytes, told: Mapping[str, Any]) -> RawPayload | None:
    external_id = text(told.get("id"))
    if not external_id:
        return None
    changes = (aware(one.get("updated_at")) for one in (told, mapping(told.get("workout_summary"))))
    return RawPayload("workout", external_id, data, JSON, max((at for at in changes if at), default=None))


def _files(external_id: str, told: Mapping[str, Any], *, rank: int) -> Sequence[Ask]:
    """The request for the FIT file, where there is one: a summary comes before its file."""
    url = file_url(told)
    return (Ask("fit", external_id, WORKOUTS, {"url": url}, rank, of="workout"),) if url else ()


def _begun(told: Mapping[str, Any]) -> datetime | None:
    """By what the list is sorted. `starts` of what was only planned may lie in the future."""
    return aware(told.get("starts"))
