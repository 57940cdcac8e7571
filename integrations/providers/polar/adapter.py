"""The calls of Polar's AccessLink API.

An account must be registered before it tells anything, and what it tells are the lists of the last 28 or 30 days: there
are no pages. What is gone is seen by its absence alone. Continuous heart rate tells a clock and no offset: it is kept
with the offset that the nights and exercises around it tell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from activities.domain.parsed import Problem
from activities.domain.reading import RawPayload
from integrations.base import HISTORY, NEW, Account, Answer, Api, Ask, Listing, Look, Response
from integrations.errors import Unavailable, UnexpectedPayload
from integrations.told import (
    as_json,
    aware,
    day_of,
    elements,
    elements_under,
    joined,
    number,
    object_of,
    offset_at,
    text,
)

JSON = "application/json"
USERS = "/v3/users"
# What a list reaches back, and how far we trust it when something is missing from it.
EXERCISE_DAYS, NIGHT_DAYS, ACTIVITY_DAYS = 30, 28, 365
TRUST = timedelta(days=1)
AGAIN_DAYS = 7
# Beyond so many days an offset is another journey's.
NEAR_DAYS = 45
MOST_NAMES = 5
CONSENTS = (
    "Polar gives nothing until you have accepted its terms: open Polar Flow and accept the consents. The sync then "
    "goes on by itself."
)

# Feed and kind of record -> its list, and the key under which the list lies.
_LISTS: Mapping[str, tuple[str, str]] = {
    "exercise": ("/v3/exercises", ""),
    "night": (f"{USERS}/sleep", "nights"),
    "nightly_recharge": (f"{USERS}/nightly-recharge", "recharges"),
    "daily_activity": (f"{USERS}/activities", ""),
    "cardio_load": (f"{USERS}/cardio-load", ""),
    "skin_temperature": (f"{USERS}/biosensing/skintemperature", ""),
    "spo2": (f"{USERS}/biosensing/spo2", ""),
}
# Lists that are asked for with a span.
_SPANS = frozenset({"daily_activity", "skin_temperature", "spo2"})
# Single records by their date.
_BY_DATE = frozenset({"night", "nightly_recharge", "daily_activity"})
FILES: Mapping[str, str] = {"fit": "application/vnd.ant.fit", "tcx": "application/vnd.garmin.tcx+xml"}


class PolarAdapter:
    """Asks: `list` of a feed; `exercise` with its `detail`, `fit` or `tcx`; a kind by its date; `offsets`, which lead
    to `heart_rate` day by day; `physical_info`.
    """

    def account(self, api: Api) -> Account:
        """Registers the account with this server's client, which must be done before anything else; once is enough."""
        account_id = text(api.token.get("x_user_id"))
        if not account_id:
            raise UnexpectedPayload("Polar did not tell whose account it is.")
        name = f"trainstack-{account_id}"
        for number_of_name in range(1, MOST_NAMES + 1):
            member = name if number_of_name == 1 else f"{name}-{number_of_name}"
            response = api.send("POST", USERS, json={"member-id": member}, allow=(403, 409))
            if response.status == 403:
                raise Unavailable(CONSENTS)
            if response.status == 204:
                raise Unavailable("Polar does not know this account yet. Try again in a few minutes.")
            if response.status != 409:
                return _account(account_id, response)
            # Registered already, or somebody else's account has the name.
            known = api.get(f"{USERS}/{account_id}", allow=(403, 404))
            if known.status == 200:
                return _account(account_id, known)
        raise Unavailable("Polar did not let this account be registered.")

    def revoke(self, api: Api) -> None:
        api.send("DELETE", f"{USERS}/{api.account_id}", allow=(401, 403, 404))

    def begin(self, feed: str, look: Look, *, cursor: Mapping[str, Any], now: datetime) -> Sequence[Ask]:
        today, until = now.astimezone(UTC).date(), aware(cursor.get("until"))
        if feed == "physical_info":
            return (Ask(feed, today.isoformat(), feed, rank=NEW),)
        if feed == "heart_rate":
            back = NIGHT_DAYS - 1 if look != "incremental" or until is None else (today - until.date()).days + 2
            first = today - timedelta(days=min(back, NIGHT_DAYS - 1))
            return (offsets_ask(first, today, now=now, rank=NEW, closes=True),)
        start = None
        if feed == "daily_activity":
            longest = today - timedelta(days=NIGHT_DAYS - 1)
            start = longest
            if look == "incremental" and until is not None:
                start = max(longest, until.date() - timedelta(days=AGAIN_DAYS))
        elif feed in _SPANS:
            start = today - timedelta(days=NIGHT_DAYS - 1)
        goes_back = feed == "daily_activity" and (look != "incremental" or until is None)
        return (list_ask(feed, start, today, now=now, rank=NEW, closes=True, goes_back=goes_back),)

    def fetch(self, api: Api, ask: Ask) -> Answer:
        if ask.what == "list":
            return self._list(api, ask)
        if ask.what in FILES:
            return self._file(api, ask)
        if ask.what == "offsets":
            return self._offsets(api, ask)
        if ask.what == "heart_rate":
            return self._heart_rate(api, ask)
        if ask.what == "physical_info":
            return self._physical_info(api, ask)
        return self._exercise(api, ask) if ask.what in ("exercise", "detail") else self._by_date(api, ask)

    def confirm(self, kind: str, external_id: str) -> Ask | None:
        """Of a night or a day the list is proof."""
        return Ask("exercise", external_id, "exercise", rank=HISTORY) if kind == "exercise" else None

    # --- lists ------------------------------------------------------------------------------

    def _list(self, api: Api, ask: Ask) -> Answer:
        feed, params = ask.feed, ask.params
        path, key = _LISTS[feed]
        query: dict[str, Any] = {}
        if params.get("start"):
            query = {"from": params["start"], "to": params["end"]}
        if feed == "daily_activity":
            query["activity_zones"] = "true"
        response = _get(api, path, query, allow=(400,) if params.get("back") else ())
        if response.status == 400:
            # Beyond what Polar keeps: the list ends here.
            return _closed(ask, ())
        rows = _rows(response, key)
        payloads = [it for data, told in rows if (it := _record(feed, data, told)) is not None]
        asks = [one for it in payloads for one in _completing(it.external_id, ask.rank)] if feed == "exercise" else []
        lost = len(rows) - len(payloads)
        problems = (Problem(feed, "Records without an id or a date are left out.", lost),) if lost else ()
        return _closed(ask, tuple(payloads), asks, problems)

    # --- single records ---------------------------------------------------------------------

    def _exercise(self, api: Api, ask: Ask) -> Answer:
        """An exercise as a list tells it, or with all series, zones and the route."""
        whole = {"samples": "true", "zones": "true", "route": "true"} if ask.what == "detail" else {}
        response = _get(api, f"/v3/exercises/{ask.key}", whole, allow=(404,))
        if response.status in (204, 404):
            return Answer(gone=(ask.key,)) if ask.what == "exercise" else Answer()
        object_of(response.content)
        asks = tuple(_completing(ask.key, ask.rank)) if ask.what == "exercise" else ()
        return Answer((RawPayload(ask.what, ask.key, response.content, JSON),), asks)

    def _file(self, api: Api, ask: Ask) -> Answer:
        """The FIT file; where there is none, the TCX."""
        path = f"/v3/exercises/{ask.key}/{ask.what}"
        response = _get(api, path, {}, allow=(404,), headers={"Accept": "*/*"})
        if response.status in (204, 404) or not response.content:
            return Answer(asks=(Ask("tcx", ask.key, ask.feed, rank=ask.rank, of=ask.of),) if ask.what == "fit" else ())
        return Answer((RawPayload(ask.what, ask.key, response.content, FILES[ask.what]),))

    def _by_date(self, api: Api, ask: Ask) -> Answer:
        if ask.what not in _BY_DATE:
            raise UnexpectedPayload(f"Polar has no {ask.what} by date.")
        path, _ = _LISTS[ask.what]
        query = {"activity_zones": "true"} if ask.what == "daily_activity" else {}
        response = _get(api, f"{path}/{ask.key}", query, allow=(404,))
        if response.status in (204, 404):
            return Answer()
        payload = _record(ask.what, response.content, object_of(response.content))
        if payload is None:
            raise UnexpectedPayload(f"Polar answered with a {ask.what} without a date.")
        return Answer((payload,))

    def _physical_info(self, api: Api, ask: Ask) -> Answer:
        response = _get(api, f"{USERS}/physical-info", {}, allow=(404,))
        if response.status in (204, 404):
            return Answer()
        told = object_of(response.content)
        changed = day_of(told.get("modified")) or day_of(told.get("created"))
        external_id = changed.isoformat() if changed else ask.key
        return Answer((RawPayload("physical_info", external_id, response.content, JSON),))

    # --- continuous heart rate ---------------------------------------------------------------

    def _offsets(self, api: Api, ask: Ask) -> Answer:
        """Where the athlete was, by the nights and the exercises, and then the heart rate of each day."""
        known: dict[date, int] = {}
        for _, told in _rows(_get(api, "/v3/exercises", {}), ""):
            day, minutes = day_of(_of(told, "start_time")), number(_of(told, "start_time_utc_offset"))
            if day is not None and minutes is not None:
                known[day] = round(minutes)
        for _, told in _rows(_get(api, f"{USERS}/sleep", {}), "nights"):
            day, woke = day_of(_of(told, "date")), aware(_of(told, "sleep_end_time"))
            if day is not None and woke is not None:
                known[day] = offset_at(woke) // 60
        first, last = _day(ask.params["start"]), _day(ask.params["end"])
        days = [last - timedelta(days=back) for back in range((last - first).days + 1)]
        cursor = {"until": ask.params["now"]} if ask.params.get("closes") else None
        asks, homeless = [], 0
        for day in days:
            near = min(known, key=lambda it: (abs((it - day).days), it), default=None)
            if near is None or abs((near - day).days) > NEAR_DAYS:
                homeless += 1
            else:
                asks.append(Ask("heart_rate", day.isoformat(), "heart_rate", {"offset_minutes": known[near]}, ask.rank))
        message = "The heart rate of a day tells no time zone, and no night or exercise around it does."
        problems = (Problem("heart_rate", message, homeless),) if homeless else ()
        return Answer(asks=tuple(asks), cursor=cursor, problems=problems)

    def _heart_rate(self, api: Api, ask: Ask) -> Answer:
        response = _get(api, f"{USERS}/continuous-heart-rate/{ask.key}", {}, allow=(404,))
        if response.status in (204, 404):
            return Answer()
        told = object_of(response.content)
        if day_of(told.get("date")) is None:
            raise UnexpectedPayload("Polar answered with a heart rate without a date.")
        data = joined({"day": response.content, "offset_minutes": as_json(ask.params["offset_minutes"])})
        return Answer((RawPayload("heart_rate", ask.key, data, JSON),))


def list_ask(
    feed: str, start: date | None, end: date, *, now: datetime, rank: int, closes: bool = False, goes_back: bool = False
) -> Ask:
    """A list, where it takes one of this span. Where it `closes`, it moves the cursor; where it `goes_back`, the span
    before it follows.
    """
    span = {"start": start.isoformat(), "end": end.isoformat()} if start else {}
    params = {**span, "now": now.isoformat(), "closes": closes, "back": goes_back}
    return Ask("list", f"{feed} {start} {end}" if start else feed, feed, params, rank)


def offsets_ask(start: date, end: date, *, now: datetime, rank: int, closes: bool = False) -> Ask:
    """The heart rate of the days from `start` to `end`, both included."""
    params = {"start": start.isoformat(), "end": end.isoformat(), "now": now.isoformat(), "closes": closes}
    return Ask("offsets", f"{start} {end}", "heart_rate", params, rank)


def _completing(external_id: str, rank: int) -> Sequence[Ask]:
    """The file of an exercise, and its series, zones and route."""
    return tuple(Ask(what, external_id, "exercise", rank=rank, of="exercise") for what in ("fit", "detail"))


def _closed(
    ask: Ask, payloads: tuple[RawPayload, ...], asks: Sequence[Ask] = (), problems: tuple[Problem, ...] = ()
) -> Answer:
    params, now = ask.params, aware(ask.params.get("now"))
    cursor = {"until": params["now"]} if params.get("closes") else None
    if now is not None and params.get("back") and payloads:
        start, first = _day(params["start"]), now.astimezone(UTC).date() - timedelta(days=ACTIVITY_DAYS - 1)
        if start > first:
            end = start - timedelta(days=1)
            before = max(first, end - timedelta(days=NIGHT_DAYS - 1))
            older = list_ask(ask.feed, before, end, now=now, rank=HISTORY, closes=bool(cursor), goes_back=True)
            return Answer(payloads, (*asks, older), problems=problems)
    reaches = {"exercise": EXERCISE_DAYS, "night": NIGHT_DAYS}.get(ask.feed)
    listing = Listing(ask.feed, now, now - timedelta(days=reaches) + TRUST) if now is not None and reaches else None
    return Answer(payloads, tuple(asks), listing=listing, cursor=cursor, problems=problems)


def _get(
    api: Api, path: str, query: Mapping[str, Any], *, allow: tuple[int, ...] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:  # fmt: skip
    """One answer; a consent that was withdrawn in Polar Flow is said, and waited for."""
    response = api.get(path, query, headers=headers, allow=(*allow, 403))
    if response.status == 403:
        raise Unavailable(CONSENTS)
    return response


def _rows(response: Response, key: str) -> list[tuple[bytes, Any]]:
    """The elements of a list; none where there is nothing (204)."""
    if response.status == 204:
        return []
    if not key:
        return list(elements(response.content))
    rows, _ = elements_under(response.content, key)
    if not rows and f'"{key}"'.encode() not in response.content:
        raise UnexpectedPayload(f"Polar answered a list without {key}.")
    return rows


def _record(kind: str, data: bytes, told: Any) -> RawPayload | None:
    if not isinstance(told, dict):
        return None
    return RawPayload(kind, external_id, data, JSON) if (external_id := _external_id(kind, told)) else None


def _external_id(kind: str, told: Mapping[str, Any]) -> str:
    if kind == "exercise":
        return text(told.get("id"))
    if kind == "spo2":
        seconds = number(_of(told, "test_time"))
        if seconds is None or not 0 < seconds < 2**33:
            return ""
        return f"{datetime.fromtimestamp(seconds, UTC).date()} {round(seconds)}"
    names = {"daily_activity": "start_time", "skin_temperature": "sleep_date"}
    day = day_of(_of(told, names.get(kind, "date")))
    return day.isoformat() if day else ""


def _of(told: Any, name: str) -> Any:
    """What stands under the name, written with underscores or with hyphens."""
    return told.get(name, told.get(name.replace("_", "-"))) if isinstance(told, dict) else None


def _account(account_id: str, response: Response) -> Account:
    told = object_of(response.content)
    return Account(account_id, f"{text(_of(told, 'first_name'))} {text(_of(told, 'last_name'))}".strip())


def _day(told: Any) -> date:
    return date.fromisoformat(str(told))
