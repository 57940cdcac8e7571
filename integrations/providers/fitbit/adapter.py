"""The calls of the Google Health API: lists of data points, sums by the day, heart rate by the minute.

Lists are filtered by civil time, so each goes a day further back than it must. What phone and watch both tell is taken
reconciled, or summed up by Google: adding the points of a list up would count twice. Protobuf leaves out what is empty,
so an answer without points is an empty page.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from activities.domain.parsed import Problem
from activities.domain.reading import RawPayload
from integrations.base import HISTORY, NEW, Account, Answer, Api, Ask, Listing, Look
from integrations.errors import Unavailable, UnexpectedPayload
from integrations.providers.fitbit.health import date_of, utc_day
from integrations.told import aware, elements_under, mapping, object_of, text

TYPES = "/v4/users/me/dataTypes"
JSON = "application/json"
AGAIN_DAYS = 7
# Civil time is up to 14 hours off, and a sleep counts by its end.
SURE_BEFORE = timedelta(days=2)
FIRST_DAY = date(2009, 1, 1)
# A look back ends after so long with nothing.
MOST_EMPTY_DAYS = 730
MOST_PAGES = 50
HEART_RATE, HEART_RATE_DAYS, HEART_RATE_PAGE = "health_heart_rate", 6, 10_000
NOT_LINKED = (
    "This Google account holds no Fitbit or Google Health data. Set up the app with it first, or choose the account "
    "that your tracker uses."
)


@dataclass(frozen=True)
class Listed:
    """A data type that is read point by point: its path, the member that filters it, and the points on a page."""

    type: str
    member: str
    page: int
    # One stream out of all sources, a point a day.
    reconciled: bool = False
    # The member is a time and not a civil date.
    is_physical: bool = False

    @property
    def key(self) -> str:
        """Under which the point holds its value."""
        head, *others = self.type.split("-")
        return head + "".join(it.capitalize() for it in others)


@dataclass(frozen=True)
class Rolled:
    """A data type that Google sums up by the day: its path, its key, and the days of the longest range."""

    type: str
    key: str
    days: int


def _daily(name: str) -> Listed:
    return Listed(name, f"{name.replace('-', '_')}.date", 1000, reconciled=True)


def _sample(name: str) -> Listed:
    return Listed(name, f"{name.replace('-', '_')}.sample_time.physical_time", 1000, is_physical=True)


# Kind of record -> where it comes from.
LISTED: Mapping[str, Listed] = {
    "health_exercise": Listed("exercise", "exercise.interval.civil_start_time", 25),
    "health_sleep": Listed("sleep", "sleep.interval.civil_end_time", 25),
    "health_resting_heart_rate": _daily("daily-resting-heart-rate"),
    "health_hrv": _daily("daily-heart-rate-variability"),
    "health_oxygen": _daily("daily-oxygen-saturation"),
    "health_respiratory_rate": _daily("daily-respiratory-rate"),
    "health_temperature": _daily("daily-sleep-temperature-derivations"),
    "health_vo2max": _daily("daily-vo2-max"),
    "health_weight": _sample("weight"),
    "health_body_fat": _sample("body-fat"),
    "health_height": _sample("height"),
}
ROLLED: Mapping[str, Rolled] = {
    "health_steps": Rolled("steps", "steps", 90),
    "health_distance": Rolled("distance", "distance", 90),
    "health_floors": Rolled("floors", "floors", 90),
    "health_calories": Rolled("total-calories", "totalCalories", 14),
    "health_zone_minutes": Rolled("active-zone-minutes", "activeZoneMinutes", 90),
    "health_sedentary": Rolled("sedentary-period", "sedentaryPeriod", 90),
}
# Feed -> the kinds that it brings.
FEEDS: Mapping[str, tuple[str, ...]] = {
    "exercise": ("health_exercise",),
    "sleep": ("health_sleep",),
    "health": (
        "health_resting_heart_rate", "health_hrv", "health_oxygen", "health_respiratory_rate", "health_temperature",
    ),
    "activity": (*ROLLED, "health_vo2max"),
    "heart_rate": (HEART_RATE,),
    "body": ("health_weight", "health_body_fat", "health_height"),
}  # fmt: skip
# Known by the point's own id, and lists that show what is gone.
BY_ID = frozenset({"health_exercise", "health_sleep"})
FEED_OF: Mapping[str, str] = {kind: feed for feed, kinds in FEEDS.items() for kind in kinds}


class GoogleHealthAdapter:
    """Asks: `list` pages of a kind, `days` that are summed up, one point by its kind, the `tcx` of an exercise."""

    def account(self, api: Api) -> Account:
        response = api.get("/v4/users/me/identity", allow=(400, 404))
        if response.status != 200:
            raise Unavailable(NOT_LINKED)
        told = object_of(response.content)
        if not text(told.get("healthUserId")):
            raise UnexpectedPayload("Google did not tell whose account it is.")
        return Account(text(told["healthUserId"]))

    def revoke(self, api: Api) -> None:
        token = text(api.token.get("refresh_token")) or text(api.token.get("access_token"))
        api.send("POST", api.setting("REVOKE_URL"), form={"token": token}, auth="none", allow=(400, 401))

    def begin(self, feed: str, look: Look, *, cursor: Mapping[str, Any], now: datetime) -> Sequence[Ask]:
        until = aware(cursor.get("until")) if look == "incremental" else None
        since = until.date() - timedelta(days=AGAIN_DAYS) if until else None
        end = now.astimezone(UTC).date() + timedelta(days=2)
        last = FEEDS[feed][-1]
        asks: list[Ask] = []
        for kind in FEEDS[feed]:
            closes = kind == last
            if kind in LISTED:
                asks.append(list_ask(kind, since, None, now=now, rank=NEW, closes=closes))
            elif since is None:
                start = _grid_start(kind, end - timedelta(days=1))
                asks.append(days_ask(kind, start, end, now=now, rank=NEW, closes=closes, goes_back=True))
            else:
                asks += spans(kind, since, end, now=now, rank=NEW, closes=closes)
        return asks

    def fetch(self, api: Api, ask: Ask) -> Answer:
        if ask.what == "list":
            return self._page(api, ask)
        if ask.what == "days":
            return self._minutes(api, ask) if ask.params["kind"] == HEART_RATE else self._days(api, ask)
        return self._tcx(api, ask) if ask.what == "tcx" else self._one(api, ask)

    def confirm(self, kind: str, external_id: str) -> Ask | None:
        return Ask(kind, external_id, FEED_OF[kind], rank=HISTORY) if kind in BY_ID else None

    # --- points -----------------------------------------------------------------------------

    def _page(self, api: Api, ask: Ask) -> Answer:
        kind, params = text(ask.params["kind"]), ask.params
        listed = LISTED[kind]
        query = {"pageSize": listed.page, "pageToken": params.get("token"), "filter": _filter(listed, params)}
        path = f"{TYPES}/{listed.type}/dataPoints{':reconcile' if listed.reconciled else ''}"
        rows, token = _points(api.get(path, {name: it for name, it in query.items() if it}).content, "dataPoints")
        if token and token == params.get("token"):
            raise Unavailable("Google named the same page as the next one.")
        payloads = [it for data, told in rows if (it := _record(kind, data, told)) is not None]
        asks = [
            Ask("tcx", it.external_id, ask.feed, rank=ask.rank, of=kind) for it in payloads if kind == "health_exercise"
        ]
        lost = len(rows) - len(payloads)
        problems = (Problem(kind, "Points without a name or a date are left out.", lost),) if lost else ()
        if token:
            page = hashlib.sha256(token.encode()).hexdigest()[:16]
            rank = ask.rank if params.get("since") else max(ask.rank, HISTORY)
            key = f"{kind} {params.get('since')} {page}"
            asks.append(Ask("list", key, ask.feed, {**params, "token": token}, rank))
            return Answer(tuple(payloads), tuple(asks), problems=problems)
        cursor = {"until": params["now"]} if params.get("closes") else None
        return Answer(tuple(payloads), tuple(asks), listing=_listing(kind, params), cursor=cursor, problems=problems)

    def _one(self, api: Api, ask: Ask) -> Answer:
        listed = LISTED[ask.what]
        response = api.get(f"{TYPES}/{listed.type}/dataPoints/{ask.key}", allow=(404,))
        if response.status == 404:
            return Answer(gone=(ask.key,))
        payload = _record(ask.what, response.content, object_of(response.content))
        if payload is None:
            raise UnexpectedPayload(f"Google answered with a {listed.type} without a name.")
        return Answer((payload,))

    def _tcx(self, api: Api, ask: Ask) -> Answer:
        """The exercise as a file; without the consent for locations it holds no places. Some have none at all."""
        path = f"{TYPES}/exercise/dataPoints/{ask.key}:exportExerciseTcx"
        query = {"alt": "media", "partialData": "true"}
        response = api.get(path, query, headers={"Accept": "*/*"}, allow=(400, 403, 404))
        if response.status != 200 or not response.content.strip():
            return Answer()
        return Answer((RawPayload("tcx", ask.key, response.content, "application/vnd.garmin.tcx+xml"),))

    # --- sums -------------------------------------------------------------------------------

    def _days(self, api: Api, ask: Ask) -> Answer:
        kind = text(ask.params["kind"])
        rolled = ROLLED[kind]
        span = {"start": {"date": _civil(ask.params["start"])}, "end": {"date": _civil(ask.params["end"])}}
        body: dict[str, Any] = {"range": span, "windowSizeDays": 1}
        rows = _all(api, f"{TYPES}/{rolled.type}/dataPoints:dailyRollUp", body)
        payloads = [
            RawPayload(kind, day.isoformat(), data, JSON)
            for data, told in rows
            if rolled.key in told and (day := date_of(mapping(told.get("civilStartTime")).get("date"))) is not None
        ]
        return _closed(ask, payloads)

    def _minutes(self, api: Api, ask: Ask) -> Answer:
        """Means by the minute, cut into UTC days."""
        start, end = _day(ask.params["start"]), _day(ask.params["end"])
        body = {
            "range": {"startTime": _midnight(start), "endTime": _midnight(end)}, "windowSize": "60s",
            "pageSize": HEART_RATE_PAGE,
        }  # fmt: skip
        days: dict[str, set[tuple[str, bytes]]] = {}
        for data, told in _all(api, f"{TYPES}/heart-rate/dataPoints:rollUp", body):
            day = utc_day(told.get("startTime"))
            if day is not None and start <= day < end and "heartRate" in told:
                days.setdefault(day.isoformat(), set()).add((text(told["startTime"]), data))
        payloads = [
            RawPayload(HEART_RATE, day, b"[" + b",".join(row for _, row in sorted(rows)) + b"]", JSON)
            for day, rows in sorted(days.items())
        ]
        return _closed(ask, payloads)


def list_ask(
    kind: str, since: date | None, until: date | None, *, now: datetime, rank: int, closes: bool = False
) -> Ask:
    """The points of a kind from `since` to before `until`, as far as these are told. Where it `closes`, its end moves
    the cursor.
    """
    params = {
        "kind": kind, "since": since.isoformat() if since else "", "until": until.isoformat() if until else "",
        "now": now.isoformat(), "closes": closes,
    }  # fmt: skip
    return Ask("list", f"{kind} {since or 'all'} {until or ''}".rstrip(), FEED_OF[kind], params, rank)


def days_ask(
    kind: str, start: date, end: date, *, now: datetime, rank: int, closes: bool = False, goes_back: bool = False
) -> Ask:
    """The days from `start` to before `end`. Where it `goes_back`, the days before them follow."""
    params = {
        "kind": kind, "start": start.isoformat(), "end": end.isoformat(), "now": now.isoformat(), "closes": closes,
        "back": goes_back,
    }  # fmt: skip
    return Ask("days", f"{kind} {start} {end}", FEED_OF[kind], params, rank)


def spans(kind: str, start: date, end: date, *, now: datetime, rank: int, closes: bool = False) -> list[Ask]:
    """The days from `start` to before `end`, in as many requests as it takes."""
    longest, asks = timedelta(days=_window_days(kind)), []
    while end - start > longest:
        asks.append(days_ask(kind, start, start + longest, now=now, rank=rank))
        start += longest
    return [*asks, days_ask(kind, start, end, now=now, rank=rank, closes=closes)]


def _closed(ask: Ask, payloads: Sequence[RawPayload]) -> Answer:
    """The answer to a window of days, with the one before it where the look goes back."""
    params, kind = ask.params, text(ask.params["kind"])
    start, end = _day(params["start"]), _day(params["end"])
    empty = 0 if payloads else int(params.get("empty", 0)) + (end - start).days
    if params.get("back") and start > FIRST_DAY and empty < MOST_EMPTY_DAYS:
        before = max(FIRST_DAY, start - timedelta(days=_window_days(kind)))
        further = {**params, "start": before.isoformat(), "end": params["start"], "empty": empty}
        older = Ask("days", f"{kind} {before} {start}", ask.feed, further, HISTORY)
        return Answer(tuple(payloads), (older,))
    return Answer(tuple(payloads), cursor={"until": params["now"]} if params.get("closes") else None)


def _all(api: Api, path: str, body: Mapping[str, Any]) -> list[tuple[bytes, Any]]:
    """The rows of all pages of a sum."""
    rows: list[tuple[bytes, Any]] = []
    token = ""
    for _ in range(MOST_PAGES):
        asked = {**body, "pageToken": token} if token else dict(body)
        found, following = _points(api.send("POST", path, json=asked).content, "rollupDataPoints")
        rows += [(data, told) for data, told in found if isinstance(told, dict)]
        if not following:
            return rows
        if following == token:
            break
        token = following
    raise Unavailable("Google's sums do not end.")


def _points(content: bytes, key: str) -> tuple[list[tuple[bytes, Any]], str]:
    """The points of one page and the token of the next, "" after the last."""
    rows, other = elements_under(content, key)
    return rows, text(other.get("nextPageToken"))


def _filter(listed: Listed, params: Mapping[str, Any]) -> str:
    """Civil time is widened by a day on both sides."""
    clauses = []
    for sign, name, by in ((">=", "since", -1), ("<", "until", 1)):
        if params.get(name):
            day = _day(params[name]) + timedelta(days=by)
            moment = _midnight(day) if listed.is_physical else day.isoformat()
            clauses.append(f'{listed.member} {sign} "{moment}"')
    return " AND ".join(clauses)


def _listing(kind: str, params: Mapping[str, Any]) -> Listing | None:
    now = aware(params.get("now"))
    if kind not in BY_ID or now is None:
        return None
    since = _time(_day(params["since"])) if params.get("since") else None
    until = _time(_day(params["until"]) + timedelta(days=1)) - SURE_BEFORE if params.get("until") else None
    return Listing(kind, now, since, until)


def _record(kind: str, data: bytes, told: Any) -> RawPayload | None:
    if not isinstance(told, dict):
        return None
    listed = LISTED[kind]
    value = mapping(told.get(listed.key))
    if listed.reconciled:
        day = date_of(value.get("date"))
        external_id = day.isoformat() if day else ""
    else:
        external_id = text(told.get("name")).rpartition("/")[2]
    return RawPayload(kind, external_id, data, JSON, aware(value.get("updateTime"))) if external_id else None


def _window_days(kind: str) -> int:
    return HEART_RATE_DAYS if kind == HEART_RATE else ROLLED[kind].days


def _grid_start(kind: str, day: date) -> date:
    """The beginning of the window in which the day lies: a look that begins anew asks for the same ones."""
    length = _window_days(kind)
    return date.fromordinal(day.toordinal() // length * length)


def _civil(told: Any) -> dict[str, int]:
    day = _day(told)
    return {"year": day.year, "month": day.month, "day": day.day}


def _day(told: Any) -> date:
    return date.fromisoformat(str(told))


def _time(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _midnight(day: date) -> str:
    return _time(day).isoformat().replace("+00:00", "Z")
