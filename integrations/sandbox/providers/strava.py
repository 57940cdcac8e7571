"""Strava's API v3, as its documentation and its athletes' answers show it.

Running cadence is one foot's, the wall clock ends in Z, the list has no calories and no mark of its end, private
activities are taken out of a page after it was cut, and every error is a Fault.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import numpy as np

from integrations.sandbox.base import (
    Account,
    Answer,
    Change,
    Grant,
    OAuth,
    Piece,
    Play,
    Record,
    Refused,
    Request,
    Route,
    Scope,
    Shelf,
    Subscription,
    Told,
    Used,
    Webhooks,
    Window,
    answer,
    dumps,
    empty,
    listed,
    number_of,
    one,
    whole,
)
from integrations.sandbox.stories import Effort, Lap, Segment, Story

FIRST_ID = 10_400_000_000
QUARTER_S, DAY_S = 900, 86_400
READ = ("all", "read")
TYPES: Mapping[str, str] = {
    "ride": "Ride", "indoor_ride": "Ride", "run": "Run", "treadmill": "Run", "swim": "Swim", "hike": "Hike",
    "walk": "Walk", "strength": "WeightTraining", "yoga": "Yoga", "triathlon": "Workout",
}  # fmt: skip
GEAR: Mapping[str, tuple[str, str]] = {
    "Ride": ("b8812001", "Blue Gravel"),
    "Run": ("g8812002", "Yellow shoes"),
}
# Points of the line on Strava's small maps, and on its large ones.
FEW, MANY = 60, 600


# --- one activity -----------------------------------------------------------------------------


def tell(story: Story, account: Account) -> Iterator[Told]:
    """Every effort; what was typed in by hand has no streams."""
    if not isinstance(story, Effort):
        return
    number, start = _id(story, account), int(story.start)
    yield Told("summary", number, start, story.updated_at, dumps(_summary(story, account)))
    yield Told("detail", number, start, story.updated_at)
    if not story.is_manual:
        yield Told("streams", number, start, story.updated_at)


def make(kind: str, id: str, story: Story, account: Account) -> bytes:
    assert isinstance(story, Effort)
    return dumps(_detail(story, account) if kind == "detail" else _streams(story))


def _id(effort: Effort, account: Account) -> str:
    """The same as in the demo's archive; other accounts have numbers of their own."""
    shift = 0 if account.handle == "demo" else number_of("strava", account.handle, digits=4) * 100_000_000_000
    return str(FIRST_ID + effort.number % 1_000_000_000 + shift)


def _utc(moment: float) -> str:
    return datetime.fromtimestamp(int(moment), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _wall(effort: Effort, moment: float) -> str:
    """Strava's oddity: the time on the wall with a Z behind it."""
    return _utc(moment + effort.utc_offset_s)


def _zone(effort: Effort) -> str:
    """The offset in front is that of the zone's standard time, whatever is in force."""
    offsets = [
        datetime(effort.day.year, month, 1, tzinfo=ZoneInfo(effort.zone)).utcoffset() or timedelta() for month in (1, 7)
    ]
    minutes = round(min(offsets).total_seconds() / 60)
    sign, minutes = ("-", -minutes) if minutes < 0 else ("+", minutes)
    return f"(GMT{sign}{minutes // 60:02d}:{minutes % 60:02d}) {effort.zone}"


def _round(value: float | None, digits: int = 1) -> float | None:
    return None if value is None else round(value, digits)


def _without_none(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if value is not None}


def _cadence(effort: Effort, value: float | None) -> float | None:
    return None if value is None else round(value / (2 if effort.on_foot else 1), 1)


def _summary(effort: Effort, account: Account) -> dict[str, Any]:
    kind = str(TYPES[effort.sport])
    id, typed = _id(effort, account), effort.is_manual
    track = effort.track
    ends = (
        ([round(float(track.latitude[at]), 6), round(float(track.longitude[at]), 6)] for at in (0, -1))
        if track.latitude is not None and track.longitude is not None
        else (None, None)
    )
    begin, end = ends
    has_pulse = effort.avg_heart_rate_bpm is not None and not typed
    told: dict[str, Any] = {
        "resource_state": 2,
        "athlete": {"id": int(account.id), "resource_state": 1},
        "name": effort.name,
        "distance": _round(effort.distance_m) or 0.0,
        "moving_time": round(effort.moving_s),
        "elapsed_time": round(effort.elapsed_s),
        "total_elevation_gain": _round(effort.climbed_m) or 0.0,
        "type": kind,
        "sport_type": kind,
        "workout_type": (1 if effort.kind == "race_run" else 0) if kind == "Run" else 10 if kind == "Ride" else None,
        "id": int(id),
        "start_date": _utc(effort.start),
        "start_date_local": _wall(effort, effort.start),
        "timezone": _zone(effort),
        "utc_offset": float(effort.utc_offset_s),
        "achievement_count": sum(it.own_rank is not None for it in effort.segments),
        "kudos_count": 0,
        "comment_count": 0,
        "athlete_count": 1,
        "photo_count": 0,
        "map": _map(effort, id, detailed=False),
        "trainer": effort.is_indoor,
        "commute": False,
        "manual": typed,
        "private": effort.is_private,
        "visibility": "only_me" if effort.is_private else "followers_only",
        "flagged": False,
        "gear_id": GEAR[kind][0] if kind in GEAR else None,
        "start_latlng": begin,
        "end_latlng": end,
        "average_speed": _round(effort.avg_speed_mps, 3) or 0.0,
        "max_speed": (_round(effort.max_speed_mps, 3) or 0.0) if not typed else 0.0,
        "has_heartrate": has_pulse,
        "heartrate_opt_out": False,
        "display_hide_heartrate_option": has_pulse,
        "from_accepted_tag": False,
        "pr_count": sum(it.own_rank == 1 for it in effort.segments),
        "total_photo_count": 0,
        "has_kudoed": False,
        "suffer_score": round(effort.load, 1),
    }
    if typed:
        return _without_none(told)
    return _without_none(told | _sensors(effort, id, has_pulse=has_pulse))


def _sensors(effort: Effort, id: str, *, has_pulse: bool) -> dict[str, Any]:
    """What only a recording tells. Without a power meter Strava makes up the power of a ride, and says so."""
    power = effort.avg_power_w
    guessed = effort.kcal * 1000 / effort.moving_s if power is None and effort.sport == "ride" else None
    watts = power if power is not None else guessed
    track = effort.track
    return {
        "device_name": effort.device,
        "upload_id": int(id) + 1_000_000_000,
        "upload_id_str": str(int(id) + 1_000_000_000),
        "external_id": f"{effort.device.replace(' ', '_').lower()}_{effort.number}.fit",
        "average_cadence": _cadence(effort, effort.avg_cadence),
        "average_temp": None if effort.temperature_c is None else round(effort.temperature_c),
        "average_heartrate": _round(effort.avg_heart_rate_bpm) if has_pulse else None,
        "max_heartrate": _round(effort.max_heart_rate_bpm) if has_pulse else None,
        "average_watts": _round(watts),
        "max_watts": None if effort.max_power_w is None else round(effort.max_power_w),
        "weighted_average_watts": None if effort.normalised_power_w is None else round(effort.normalised_power_w),
        "kilojoules": _round(watts * effort.moving_s / 1000) if watts is not None else None,
        "device_watts": None if watts is None else power is not None,
        "elev_high": None if track.altitude_m is None else round(float(track.altitude_m.max()), 1),
        "elev_low": None if track.altitude_m is None else round(float(track.altitude_m.min()), 1),
    }


def _detail(effort: Effort, account: Account) -> dict[str, Any]:
    told = _summary(effort, account) | {
        "resource_state": 3,
        "map": _map(effort, _id(effort, account), detailed=True),
        "description": effort.edited.get("description", ""),
        "calories": round(effort.kcal, 1),
        "segment_efforts": [_segment(it, effort, account) for it in effort.segments] if not effort.is_manual else [],
        "splits_metric": [],
        "best_efforts": [],
        "laps": [_lap(it, effort, account) for it in effort.laps] if not effort.is_manual else [],
        "photos": {"count": 0},
        "embed_token": f"{number_of('embed', effort.key, digits=12):x}",
    }
    kind = str(told["sport_type"])
    if kind in GEAR:
        id, name = GEAR[kind]
        told["gear"] = {"id": id, "primary": True, "name": name, "resource_state": 2, "distance": 1_204_500.0}
    return told


def _lap(lap: Lap, effort: Effort, account: Account) -> dict[str, Any]:
    begin = effort.start + lap.start_s
    return _without_none(
        {
            "id": number_of("lap", account.handle, effort.key, lap.number, digits=11),
            "resource_state": 2,
            "name": f"Lap {lap.number}",
            "activity": {"id": int(_id(effort, account)), "resource_state": 1},
            "athlete": {"id": int(account.id), "resource_state": 1},
            "elapsed_time": round(lap.elapsed_s),
            "moving_time": round(lap.moving_s),
            "start_date": _utc(begin),
            "start_date_local": _wall(effort, begin),
            "distance": _round(lap.distance_m) or 0.0,
            "start_index": lap.first,
            "end_index": lap.last,
            "lap_index": lap.number,
            "split": lap.number,
            "total_elevation_gain": _round(lap.climbed_m) or 0.0,
            "average_speed": _round(lap.avg_speed_mps, 2) or 0.0,
            "max_speed": _round(lap.max_speed_mps, 2) or 0.0,
            "average_cadence": _cadence(effort, lap.avg_cadence),
            "average_heartrate": _round(lap.avg_heart_rate_bpm),
            "max_heartrate": _round(lap.max_heart_rate_bpm),
            "average_watts": _round(lap.avg_power_w),
            "device_watts": True if lap.avg_power_w is not None else None,
        }
    )


def _segment(segment: Segment, effort: Effort, account: Account) -> dict[str, Any]:
    track, kind = effort.track, TYPES[effort.sport]
    begin = effort.start + float(track.time_s[segment.first])
    part = slice(segment.first, segment.last + 1)
    beats = None if track.heart_rate_bpm is None else track.heart_rate_bpm[part]
    return _without_none(
        {
            "id": number_of("segment effort", account.handle, effort.key, segment.number, segment.first, digits=15),
            "resource_state": 2,
            "name": segment.name,
            "activity": {"id": int(_id(effort, account)), "resource_state": 1},
            "athlete": {"id": int(account.id), "resource_state": 1},
            "elapsed_time": round(segment.elapsed_s),
            "moving_time": round(segment.elapsed_s),
            "start_date": _utc(begin),
            "start_date_local": _wall(effort, begin),
            "distance": round(segment.distance_m, 1),
            "start_index": segment.first,
            "end_index": segment.last,
            "average_heartrate": None if beats is None else round(float(beats.mean()), 1),
            "max_heartrate": None if beats is None else round(float(beats.max()), 1),
            "average_watts": None if track.power_w is None else round(float(track.power_w[part].mean()), 1),
            "device_watts": track.power_w is not None,
            "average_cadence": None if track.cadence is None else _cadence(effort, float(track.cadence[part].mean())),
            "segment": {
                "id": segment.number,
                "resource_state": 2,
                "name": segment.name,
                "activity_type": "Ride" if kind == "Ride" else "Run",
                "distance": round(segment.distance_m, 1),
                "average_grade": round(segment.avg_grade_percent, 1),
                "climb_category": 0,
                "private": False,
                "starred": False,
            },
            "achievements": [],
            "hidden": False,
        }
    ) | {"kom_rank": segment.rank, "pr_rank": segment.own_rank}


def _streams(effort: Effort) -> dict[str, Any]:
    """By type; what had no sensor is not there."""
    track = effort.track
    columns: dict[str, list[Any]] = {"time": track.time_s.astype(int).tolist()}
    if track.latitude is not None and track.longitude is not None:
        columns["latlng"] = np.round(np.column_stack([track.latitude, track.longitude]), 6).tolist()
    measured = {
        "distance": (track.distance_m, 1),
        "altitude": (track.altitude_m, 1),
        "velocity_smooth": (track.speed_mps, 2),
        "temp": (track.temperature_c, 0),
    }
    columns |= {
        key: np.round(values, digits).tolist() for key, (values, digits) in measured.items() if values is not None
    }
    for key, values, share in (
        ("heartrate", track.heart_rate_bpm, 1),
        ("cadence", track.cadence, 2 if effort.on_foot else 1),
        ("watts", track.power_w, 1),
    ):
        if values is not None:
            columns[key] = np.rint(values / share).astype(int).tolist()
    if "watts" in columns:
        # The meter wakes up a moment after the start.
        columns["watts"][0] = None
    if track.speed_mps is not None:
        columns["moving"] = (track.speed_mps > 0.3).tolist()
    count = len(columns["time"])
    return {
        key: {"data": values, "series_type": "distance", "original_size": count, "resolution": "high"}
        for key, values in columns.items()
    }


# --- maps -------------------------------------------------------------------------------------


def _map(effort: Effort, id: str, *, detailed: bool) -> dict[str, Any]:
    told: dict[str, Any] = {"id": f"a{id}", "summary_polyline": _line(effort, FEW), "resource_state": 2}
    return told | {"polyline": _line(effort, MANY), "resource_state": 3} if detailed else told


def _line(effort: Effort, most: int) -> str:
    """The track as Google's encoded polyline of five digits."""
    track = effort.track
    if track.latitude is None or track.longitude is None:
        return ""
    places = np.unique(np.linspace(0, len(track) - 1, most).astype(int))
    points = np.rint(np.column_stack([track.latitude[places], track.longitude[places]]) * 1e5).astype(int).tolist()
    return "".join(_chunk(here[axis] - there[axis]) for there, here in pairwise([[0, 0], *points]) for axis in (0, 1))


def _chunk(step: int) -> str:
    left = ~(step << 1) if step < 0 else step << 1
    letters = []
    while left >= 0x20:
        letters.append(chr((0x20 | (left & 0x1F)) + 63))
        left >>= 5
    return "".join((*letters, chr(left + 63)))


# --- the paths --------------------------------------------------------------------------------


def _athlete(account: Account) -> dict[str, Any]:
    return {
        "id": int(account.id),
        "username": account.handle,
        "resource_state": 2,
        "firstname": account.first_name,
        "lastname": account.last_name,
        "sex": "F",
        "premium": False,
        "summit": False,
    }


def _me(request: Request, shelf: Shelf) -> Answer:
    return answer(_athlete(shelf.account) | {"resource_state": 3})


def _may_see(record: Record, request: Request) -> bool:
    return "activity:read_all" in request.scopes or not record.json["private"]


def _list(request: Request, shelf: Shelf) -> Answer:
    """Oldest first with `after`, else newest first. Private ones are taken out behind the page's cut."""
    size = whole(request, "per_page", 30, least=1, most=200)
    page = whole(request, "page", 1, least=1)
    after, before = (whole(request, name, 0) if name in request.query else None for name in ("after", "before"))
    found = shelf.records(
        "summary",
        since=None if after is None else after + 1,
        until=before,
        newest_first=after is None,
        limit=size,
        offset=(page - 1) * size,
    )
    return listed([record for record in found if _may_see(record, request)])


def _of(kind: str, request: Request, shelf: Shelf) -> Record:
    """The record, where this athlete's consent lets it be seen."""
    if not _may_see(shelf.record("summary", request.args["id"]), request):
        raise Refused(404, "Record Not Found")
    return shelf.record(kind, request.args["id"])


def _activity(request: Request, shelf: Shelf) -> Answer:
    return one(_of("detail", request, shelf))


def _laps(request: Request, shelf: Shelf) -> Answer:
    return answer(_of("detail", request, shelf).json["laps"])


def _stream_set(request: Request, shelf: Shelf) -> Answer:
    keys = [key for key in request.query.get("keys", "").split(",") if key]
    if not keys or request.query.get("key_by_type") != "true":
        raise Refused(400, "Bad Request")
    record = _of("streams", request, shelf)
    if set(record.json) <= set(keys):
        return one(record)
    return one(Piece("streams", record.id, dumps({key: it for key, it in record.json.items() if key in keys})))


def _revoke(request: Request, shelf: Shelf) -> Answer:
    """RFC 7009: a token that nobody knows is no error."""
    shelf.revoke_token(request.form.get("token", ""))
    return answer({})


def _deauthorize(request: Request, shelf: Shelf) -> Answer:
    shelf.revoke()
    return answer({"access_token": request.token})


# --- webhooks ---------------------------------------------------------------------------------


def _subscribe(request: Request, shelf: Shelf) -> Answer:
    """Calls the address back before it answers; an app has one subscription only."""
    address, token = request.form.get("callback_url", ""), request.form.get("verify_token", "")
    if not address or len(address) > 255 or not token:
        raise Refused(400, "Bad Request")
    if shelf.subscriptions():
        return _fault(400, "Bad Request", "PushSubscription", "", "already exists")
    challenge = f"{number_of('challenge', address, shelf.now, digits=15):x}"
    query = urlencode({"hub.mode": "subscribe", "hub.challenge": challenge, "hub.verify_token": token})
    called = shelf.call("GET", f"{address}{'&' if '?' in address else '?'}{query}")
    if called.status != 200 or called.json != {"hub.challenge": challenge}:
        return _fault(400, "Bad Request", "PushSubscription", "callback url", "GET to callback URL does not return 200")
    made = shelf.subscribe(Subscription("", address, verify_token=token))
    return answer({"id": int(made.external_id)}, 201)


def _subscriptions(request: Request, shelf: Shelf) -> Answer:
    made = [
        {
            "resource_state": 2,
            "id": int(it.external_id),
            "application_id": 1,
            "callback_url": it.callback_url,
            "created_at": _utc(shelf.now),
            "updated_at": _utc(shelf.now),
        }
        for it in shelf.subscriptions()
    ]
    return answer(made)


def _unsubscribe(request: Request, shelf: Shelf) -> Answer:
    if not shelf.unsubscribe(request.args["id"]):
        raise Refused(404, "Record Not Found")
    return empty()


def event(change: Change, subscription: Subscription, shelf: Shelf) -> bytes | None:
    """One event for each activity, whatever of it changed: never what it is now."""
    told: dict[str, Any] = {
        "owner_id": int(change.account.id),
        "subscription_id": int(subscription.external_id),
        "event_time": int(change.at),
    }
    if change.what == "revoked":
        athlete = {"object_type": "athlete", "object_id": int(change.account.id), "aspect_type": "update"}
        return dumps(athlete | {"updates": {"authorized": "false"}} | told)
    if change.record is None or change.record.kind != "summary":
        return None
    updates: dict[str, str] = {}
    if change.what == "updated":
        edited = change.edited
        updates |= {"title": edited["name"]} if "name" in edited else {}
        updates |= {"type": TYPES[edited["sport"]]} if edited.get("sport") in TYPES else {}
        updates |= {"private": str(bool(edited["private"])).lower()} if "private" in edited else {}
    aspect = {"created": "create", "updated": "update", "deleted": "delete"}[change.what]
    activity = {"object_type": "activity", "object_id": int(change.record.id), "aspect_type": aspect}
    return dumps(activity | {"updates": updates} | told)


# --- errors and limits ------------------------------------------------------------------------


def _fault(status: int, message: str, resource: str, field: str, code: str) -> Answer:
    return answer({"message": message, "errors": [{"resource": resource, "field": field, "code": code}]}, status)


_FAULTS: Mapping[int, tuple[str, str, str, str]] = {
    401: ("Authorization Error", "Athlete", "access_token", "invalid"),
    403: ("Forbidden", "Application", "Status", "Inactive"),
    404: ("Record Not Found", "Activity", "id", "not found"),
    429: ("Rate Limit Exceeded", "Application", "rate limit", "exceeded"),
}


def error(status: int, message: str) -> Answer:
    return _fault(status, *_FAULTS.get(status, (message or "Error", "Application", "", "invalid")))


def token_error(status: int, code: str, words: str) -> Answer:
    """Of the token address: 400, whatever OAuth would call it."""
    resource, field = ("Application", "client_id") if code == "invalid_client" else ("RefreshToken", "refresh_token")
    return _fault(400 if status == 400 else status, "Bad Request", resource, field, "invalid")


def token_extra(grant: Grant) -> dict[str, Any]:
    """The athlete comes with the code only, never with a refresh."""
    told: dict[str, Any] = {"expires_at": int(grant.expires_at)}
    return told | {"athlete": _athlete(grant.account)} if grant.by == "code" else told


def limits(used: Sequence[Used]) -> Mapping[str, str]:
    """The quarter of an hour, then the day: all requests, and reads by themselves."""
    headers = {}
    for kind, name in (("all", "X-RateLimit"), ("read", "X-ReadRateLimit")):
        windows = sorted((it for it in used if it.window.kind == kind), key=lambda it: it.window.seconds)
        if windows:
            headers[f"{name}-Limit"] = ",".join(str(it.window.requests) for it in windows)
            headers[f"{name}-Usage"] = ",".join(str(it.used) for it in windows)
    return headers


_ANY = ("activity:read", "activity:read_all")

PLAY = Play(
    slug="strava",
    name="Strava",
    hosts=("www.strava.com",),
    oauth=OAuth(
        authorize_path="/oauth/authorize",
        token_paths=("/api/v3/oauth/token", "/oauth/token"),
        scopes=(
            Scope("read", "View data about your public profile", can_untick=False),
            Scope("read_all", "View your complete private routes and segments"),
            Scope("profile:read_all", "View your complete Strava profile"),
            Scope("activity:read", "View data about your activities"),
            Scope("activity:read_all", "View data about your private activities"),
        ),
        separator=",",
        redirect_uri="if sent",
        fresh_enough_s=3600,
        ttl_s=21_600,
        scope_in_token=False,
        scope_in_callback=True,
        token_type="Bearer",  # noqa: S106
        extra=token_extra,
        error=token_error,
    ),
    routes=(
        Route("GET", "/api/v3/athlete", _me, counts=READ),
        Route("GET", "/api/v3/athlete/activities", _list, scopes=_ANY, counts=READ),
        Route("GET", "/api/v3/activities/{id}", _activity, scopes=_ANY, counts=READ),
        Route("GET", "/api/v3/activities/{id}/laps", _laps, scopes=_ANY, counts=READ),
        Route("GET", "/api/v3/activities/{id}/streams", _stream_set, scopes=_ANY, counts=READ),
        Route("POST", "/api/v3/push_subscriptions", _subscribe, auth="client", counts=()),
        Route("GET", "/api/v3/push_subscriptions", _subscriptions, auth="client", counts=()),
        Route("DELETE", "/api/v3/push_subscriptions/{id}", _unsubscribe, auth="client", counts=()),
        Route("POST", "/oauth/revoke", _revoke, auth="client", counts=()),
        Route("POST", "/oauth/deauthorize", _deauthorize, counts=()),
    ),
    tell=tell,
    make=make,
    activity_kind="summary",
    windows=(
        Window(200, QUARTER_S),
        Window(2_000, DAY_S),
        Window(100, QUARTER_S, kind="read"),
        Window(1_000, DAY_S, kind="read"),
    ),
    limit_headers=limits,
    error=error,
    webhooks=Webhooks(body=event, sign=lambda body, subscription, shelf: {}, retries_s=(1, 5)),
)
