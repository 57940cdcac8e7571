"""Oura: documents by date, heart rate, the profile and webhook subscriptions of the API version 2."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from integrations.sandbox.base import (
    Account,
    Answer,
    Change,
    OAuth,
    Play,
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
    instant,
    listed,
    number_of,
    one,
    sealed,
    unsealed,
    uuid_of,
)
from integrations.sandbox.stories import Day, Effort, Night, Story

DAY_S = 86_400
PAGE, HEART_RATES = 50, 1000
EXPIRES_S = 90 * DAY_S
# Who goes for a walk in the evening is told so by the ring alone, as Oura calls it.
ACTIVITIES: Mapping[str, str] = {
    "ride": "cycling",
    "indoor_ride": "indoor_cycling",
    "run": "running",
    "treadmill": "treadmill",
    "swim": "swimming",
    "hike": "hiking",
    "walk": "walking",
    "strength": "strength_training",
    "yoga": "yoga",
    "triathlon": "triathlon",
}
STAGES = {"deep": "1", "light": "2", "rem": "3", "awake": "4"}
LEVELS = ("limited", "adequate", "solid", "strong", "exceptional")
# Collection as the path says it -> kind of record, and the scope that lets it be read.
COLLECTIONS: Mapping[str, tuple[str, str]] = {
    "workout": ("workout", "workout"),
    "session": ("session", "session"),
    "sleep": ("sleep", "daily"),
    "daily_sleep": ("daily_sleep", "daily"),
    "daily_readiness": ("daily_readiness", "daily"),
    "daily_activity": ("daily_activity", "daily"),
    "daily_spo2": ("daily_spo2", "spo2Daily"),
    "daily_stress": ("daily_stress", "stress"),
    "daily_resilience": ("daily_resilience", "stress"),
    "daily_cardiovascular_age": ("daily_cardiovascular_age", "heart_health"),
    "vO2_max": ("vo2_max", "heart_health"),
}
# On these `end_date` itself is left out.
EXCLUSIVE = frozenset({"sleep", "workout", "session", "daily_activity"})


# --- documents --------------------------------------------------------------------------------


def tell(story: Story, account: Account) -> Iterator[Told]:
    if isinstance(story, Effort):
        yield _effort(story, account)
    elif isinstance(story, Night):
        yield from _night(story, account)
    else:
        yield from _day(story, account)


def _told(kind: str, account: Account, key: str, day: date, updated: float, body: Mapping[str, Any]) -> Told:
    """A document. It is found by its day, so that is when it begins."""
    id = uuid_of("oura", account.handle, kind, key)
    start = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
    return Told(kind, id, start, updated, dumps({"id": id, "day": day.isoformat(), **body}))


def _effort(effort: Effort, account: Account) -> Told:
    span = {"start_datetime": _at(effort.start, effort), "end_datetime": _at(effort.end, effort)}
    if effort.sport == "yoga":
        beats = effort.track.heart_rate_bpm
        items = [] if beats is None else [round(float(it), 1) for it in beats[:: max(1, len(beats) // 60)]]
        every = effort.elapsed_s / max(1, len(items))
        series = {"interval": round(every, 1), "items": [None, *items[1:]], "timestamp": span["start_datetime"]}
        body: dict[str, Any] = {
            **span,
            "type": "meditation",
            "mood": "good",
            "heart_rate": series if items else None,
            "heart_rate_variability": None,
            "motion_count": None,
        }
        return _told("session", account, effort.key, effort.day, effort.updated_at, body)
    body = {
        "activity": ACTIVITIES[effort.sport],
        "calories": round(effort.kcal, 3),
        "distance": None if effort.distance_m is None else round(effort.distance_m, 1),
        **span,
        "intensity": "hard" if effort.load > 90 else "moderate" if effort.load > 35 else "easy",
        "label": effort.edited.get("name"),
        "source": "confirmed",
    }
    return _told("workout", account, effort.key, effort.day, effort.updated_at, body)


def _night(night: Night, account: Account) -> Iterator[Told]:
    def told(kind: str, body: Mapping[str, Any]) -> Told:
        return _told(kind, account, night.key, night.day, night.updated_at, body)

    midnight = {"timestamp": f"{night.day.isoformat()}T00:00:00.000+00:00"}
    contributors = _contributors(
        night.recovery_score, night.number, "activity_balance", "body_temperature", "hrv_balance",
        "previous_day_activity", "previous_night", "recovery_index", "resting_heart_rate", "sleep_balance",
    )  # fmt: skip
    readiness = {
        "score": night.recovery_score,
        "temperature_deviation": round(night.temperature_deviation_c, 2),
        "temperature_trend_deviation": round(night.temperature_deviation_c / 2, 2),
        "contributors": contributors,
    }
    fine, coarse = _digits(night, 30), _digits(night, 300)
    asleep = round(night.asleep_s / 30) * 30
    yield told(
        "sleep",
        {
            "type": "long_sleep",
            "period": 0,
            "bedtime_start": _at(night.in_bed, night),
            "bedtime_end": _at(night.up, night),
            "time_in_bed": round(night.in_bed_s),
            "total_sleep_duration": asleep,
            "deep_sleep_duration": round(night.seconds("deep")),
            "light_sleep_duration": round(night.seconds("light")),
            "rem_sleep_duration": round(night.seconds("rem")),
            "awake_time": max(0, round(night.in_bed_s) - asleep),
            "latency": round(night.latency_s),
            "efficiency": night.efficiency_percent,
            "restless_periods": 60 + night.number % 120,
            "average_breath": round(night.respiratory_rate * 8) / 8,
            "average_heart_rate": round(night.avg_heart_rate_bpm, 2),
            "lowest_heart_rate": round(night.lowest_heart_rate_bpm),
            "average_hrv": round(night.hrv_rmssd_ms),
            "heart_rate": _series(night, night.heart_rates_bpm),
            "hrv": _series(night, night.hrvs_ms),
            "sleep_phase_5_min": coarse,
            "sleep_phase_30_sec": fine,
            "movement_30_sec": "1" * len(fine),
            "sleep_algorithm_version": "v2",
            "sleep_analysis_reason": "bedtime_edit" if night.edited else "foreground_sleep_analysis",
            "readiness": readiness,
            "readiness_score_delta": 0,
            "sleep_score_delta": 0,
            "low_battery_alert": False,
        },
    )
    parts = ("deep_sleep", "efficiency", "latency", "rem_sleep", "restfulness", "timing", "total_sleep")
    yield told(
        "daily_sleep",
        {
            **midnight,
            "score": night.sleep_score,
            "contributors": _contributors(night.sleep_score, night.number, *parts),
        },
    )
    yield told("daily_readiness", {**midnight, **readiness})
    yield told(
        "daily_spo2",
        {
            "breathing_disturbance_index": night.number % 9,
            "spo2_percentage": {"average": round(100 * night.oxygen_ratio, 3)},
        },
    )


def _day(day: Day, account: Account) -> Iterator[Told]:
    def told(kind: str, body: Mapping[str, Any], updated: float = day.updated_at) -> Told:
        return _told(kind, account, day.key, day.day, updated, body)

    four = _at(day.midnight + 4 * 3600, day)
    parts = (
        "meet_daily_targets", "move_every_hour", "recovery_time", "stay_active", "training_frequency",
        "training_volume",
    )  # fmt: skip
    met = [round(1 + steps / 1500, 1) for steps in day.hourly_steps]
    yield told(
        "daily_activity",
        {
            "timestamp": four,
            "score": day.activity_score,
            "contributors": _contributors(day.activity_score, day.number, *parts),
            "steps": day.steps,
            "active_calories": round(day.active_kcal),
            "total_calories": round(day.active_kcal) + round(day.basal_kcal),
            "equivalent_walking_distance": round(day.active_kcal * 18),
            "high_activity_time": round(day.high_s),
            "medium_activity_time": round(day.medium_s),
            "low_activity_time": round(day.low_s),
            "sedentary_time": round(day.sedentary_s),
            "resting_time": max(0, round(DAY_S - day.high_s - day.medium_s - day.low_s - day.sedentary_s)),
            "non_wear_time": 0,
            "high_activity_met_minutes": round(day.high_s / 60 * 6),
            "medium_activity_met_minutes": round(day.medium_s / 60 * 3),
            "low_activity_met_minutes": round(day.low_s / 60 * 1.5),
            "sedentary_met_minutes": 8,
            "average_met_minutes": round(1.2 + day.steps / 20_000, 3),
            "inactivity_alerts": day.number % 3,
            "target_calories": 500,
            "target_meters": 9000,
            "meters_to_target": 9000 - round(day.active_kcal * 18),
            "class_5_min": "1" * 96 + "2" * 96 + "3" * 96,
            "met": {"interval": 3600.0, "items": met, "timestamp": four},
        },
    )
    yield told(
        "daily_stress",
        {
            "stress_high": round(day.stress_s),
            "recovery_high": round(day.calm_s),
            "day_summary": "stressful" if day.stress_s > day.calm_s else "normal",
        },
    )
    calm = 100 * day.calm_s / max(1.0, day.calm_s + day.stress_s)
    yield told(
        "daily_resilience",
        {
            "contributors": {
                "sleep_recovery": round(40 + calm / 2, 1), "daytime_recovery": round(calm, 1),
                "stress": round(100 - calm, 1),
            },
            "level": LEVELS[min(4, int(calm / 20))],
        },
    )  # fmt: skip
    if day.day.weekday() == 0:
        yield told("daily_cardiovascular_age", {"vascular_age": 33, "pulse_wave_velocity": 6.3})
        yield told("vo2_max", {"timestamp": four, "vo2_max": round(day.vo2max)})


def _contributors(score: int, number: int, *names: str) -> dict[str, int]:
    return {name: max(1, min(100, score + (number // (place + 1)) % 21 - 10)) for place, name in enumerate(names)}


def _digits(night: Night, step: int) -> str:
    """The stage in the middle of each step from going to bed to getting up."""
    count, digits, phases, at = int(night.in_bed_s // step), [], night.phases, 0
    for place in range(count):
        moment = night.in_bed + (place + 0.5) * step
        while at < len(phases) and phases[at].start + phases[at].seconds <= moment:
            at += 1
        inside = at < len(phases) and phases[at].start <= moment
        digits.append(STAGES[phases[at].stage] if inside else "4")
    return "".join(digits)


def _series(night: Night, values: Sequence[float]) -> dict[str, Any]:
    """Every five minutes; the ring has nothing for the first."""
    items: list[float | None] = [None, *(float(round(value)) for value in values[1:])]
    return {"interval": 300.0, "items": items, "timestamp": _at(night.asleep, night)}


def _at(moment: float, story: Story) -> str:
    zone = timedelta(seconds=story.utc_offset_s)
    local = (datetime.fromtimestamp(moment, UTC) + zone).replace(tzinfo=None)
    minutes = abs(story.utc_offset_s) // 60
    sign = "-" if story.utc_offset_s < 0 else "+"
    return f"{local.isoformat(timespec='milliseconds')}{sign}{minutes // 60:02}:{minutes % 60:02}"


# --- paths ------------------------------------------------------------------------------------


def _documents(collection: str, kind: str) -> Callable[[Request, Shelf], Answer]:
    def handle(request: Request, shelf: Shelf) -> Answer:
        since, until = instant(request.query.get("start_date", "")), instant(request.query.get("end_date", ""))
        if until is not None and collection not in EXCLUSIVE:
            until += DAY_S
        at = int(unsealed(request.query["next_token"])["at"]) if request.query.get("next_token") else 0
        found = shelf.records(kind, since=since, until=until, newest_first=False, limit=PAGE + 1, offset=at)
        token = sealed({"at": at + PAGE}) if len(found) > PAGE else None
        return listed(found[:PAGE], b'{"data":[', b'],"next_token":' + dumps(token) + b"}")

    return handle


def _document(kind: str) -> Callable[[Request, Shelf], Answer]:
    return lambda request, shelf: one(shelf.record(kind, request.args["id"]))


def _heart_rate(request: Request, shelf: Shelf) -> Answer:
    """Rows of all days in the window, oldest first, so many a page."""
    since = instant(request.query.get("start_datetime", "")) or shelf.now - DAY_S
    until = instant(request.query.get("end_datetime", "")) or shelf.now
    if until - since > 31 * DAY_S:
        raise Refused(400, "The window must not be longer than 30 days.")
    # A record begins at midnight UTC of its local day: one day more on either side.
    days = shelf.records("daily_activity", since=since - 2 * DAY_S, until=until + DAY_S, newest_first=False)
    rows: dict[float, dict[str, Any]] = {}
    for record in days:
        day = shelf.story(record)
        for moment, beats in day.heart_rates if isinstance(day, Day) else ():
            if since <= moment < until and isinstance(day, Day):
                asleep = not day.wake <= moment < day.bed
                rows[moment] = _beat(moment, beats, "sleep" if asleep else "awake")
    ordered = [rows[moment] for moment in sorted(rows)]
    at = int(unsealed(request.query["next_token"])["at"]) if request.query.get("next_token") else 0
    token = sealed({"at": at + HEART_RATES}) if len(ordered) > at + HEART_RATES else None
    return answer({"data": ordered[at : at + HEART_RATES], "next_token": token})


def _beat(moment: float, beats: float, source: str) -> dict[str, Any]:
    words = datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"timestamp": words, "timestamp_unix": round(moment * 1000), "bpm": round(beats), "source": source}


def _profile(request: Request, shelf: Shelf) -> Answer:
    """The id for anybody; the rest as far as it was allowed."""
    told: dict[str, Any] = {"id": shelf.account.id}
    if "personal" in request.scopes:
        newest = shelf.records("daily_activity", limit=1)
        day = shelf.story(newest[0]) if newest else None
        weight = round(day.weight_kg) if isinstance(day, Day) else None
        told |= {"age": 38, "weight": weight, "height": 1.72, "biological_sex": "female"}
    if "email" in request.scopes:
        told["email"] = shelf.account.email
    return answer(told)


def _revoke(request: Request, shelf: Shelf) -> Answer:
    token = request.query.get("access_token") or request.form.get("access_token", "")
    if not shelf.revoke_token(token):
        raise Refused(400, "No such token.")
    return answer({})


# --- webhooks -----------------------------------------------------------------------------------


def _subscription(it: Subscription) -> dict[str, Any]:
    event, _, kind = it.topic.partition(".")
    until = datetime.fromtimestamp(it.expires_at or 0, UTC).isoformat()
    return {
        "id": it.external_id, "callback_url": it.callback_url, "event_type": event, "data_type": kind,
        "expiration_time": until,
    }  # fmt: skip


def _subscriptions(request: Request, shelf: Shelf) -> Answer:
    return answer([_subscription(it) for it in shelf.subscriptions()])


def _found(request: Request, shelf: Shelf) -> Subscription:
    for it in shelf.subscriptions():
        if it.external_id == request.args["id"]:
            return it
    raise Refused(403, "No such subscription.")


def _subscribe(request: Request, shelf: Shelf) -> Answer:
    told = request.json if isinstance(request.json, dict) else {}
    names = ("callback_url", "verification_token", "event_type", "data_type")
    if missing := [name for name in names if not told.get(name)]:
        detail = [{"loc": ["body", name], "msg": "field required", "type": "value_error.missing"} for name in missing]
        return answer({"detail": detail}, 422)
    topic = f"{told['event_type']}.{told['data_type']}"
    if any(it.topic == topic for it in shelf.subscriptions()):
        raise Refused(400, "There is a subscription for this already.")
    challenge = uuid_of("oura challenge", topic, shelf.now)
    query = urlencode({"verification_token": told["verification_token"], "challenge": challenge})
    asked = shelf.call("GET", f"{told['callback_url']}?{query}")
    if asked.status != 200 or not isinstance(asked.json, dict) or asked.json.get("challenge") != challenge:
        raise Refused(400, "The callback did not answer the challenge.")
    made = shelf.subscribe(
        Subscription(
            uuid_of("oura subscription", topic, shelf.now),
            told["callback_url"],
            topic=topic,
            verify_token=told["verification_token"],
            expires_at=shelf.now + EXPIRES_S,
        )
    )
    return answer(_subscription(made), 201)


def _renew(request: Request, shelf: Shelf) -> Answer:
    renewed = shelf.subscribe(replace(_found(request, shelf), expires_at=shelf.now + EXPIRES_S))
    return answer(_subscription(renewed))


def _unsubscribe(request: Request, shelf: Shelf) -> Answer:
    shelf.unsubscribe(_found(request, shelf).external_id)
    return empty()


def event(change: Change, subscription: Subscription, shelf: Shelf) -> bytes | None:
    what, _, kind = subscription.topic.partition(".")
    happened = {"created": "create", "updated": "update", "deleted": "delete"}.get(change.what)
    if change.record is None or change.record.kind != kind or happened != what:
        return None
    if subscription.expires_at is not None and subscription.expires_at <= shelf.now:
        return None
    return dumps(
        {
            "event_type": what,
            "data_type": kind,
            "object_id": change.record.id,
            "event_time": datetime.fromtimestamp(change.at, UTC).isoformat(timespec="seconds"),
            "user_id": change.account.id,
        }
    )


def signature(body: bytes, subscription: Subscription, shelf: Shelf) -> Mapping[str, str]:
    stamp = str(int(shelf.now))
    digest = hmac.new(shelf.secret("CLIENT_SECRET").encode(), stamp.encode() + body, hashlib.sha256).hexdigest()
    return {"x-oura-signature": digest.upper(), "x-oura-timestamp": stamp}


def error(status: int, message: str) -> Answer:
    titles = {
        400: "Client Exception",
        401: "Unauthorized",
        403: "Forbidden",
        404: "Not Found",
        429: "Too Many Requests",
    }
    return answer({"status": status, "title": titles.get(status, "Error"), "detail": message}, status)


def limits(used: Sequence[Used]) -> Mapping[str, str]:
    """Told once the limit is reached."""
    full = [it for it in used if it.used > it.window.requests]
    if not full:
        return {}
    late = max(full, key=lambda it: it.resets_in_s)
    return {
        "X-RateLimit-Limit": str(late.window.requests),
        "X-RateLimit-Window": str(late.window.seconds),
        "X-RateLimit-Tier": "application" if late.window.per == "app" else "token",
    }


_BASE, _HOOKS = "/v2/usercollection", "/v2/webhook/subscription"

PLAY = Play(
    slug="oura",
    name="Oura",
    hosts=("cloud.ouraring.com", "api.ouraring.com"),
    account_id=lambda handle: f"{number_of('oura account', handle):x}{number_of('oura', handle):x}",
    oauth=OAuth(
        authorize_path="/oauth/authorize",
        token_paths=("/oauth/token",),
        ttl_s=DAY_S,
        scopes=(
            Scope("daily", "Sleep, readiness and activity of each day"),
            Scope("workout", "Workouts"),
            Scope("session", "Sessions in the app"),
            Scope("heartrate", "Heart rate"),
            Scope("spo2Daily", "Blood oxygen by night"),
            Scope("stress", "Stress and resilience"),
            Scope("heart_health", "Heart health"),
            Scope("personal", "Age, weight, height and sex"),
            Scope("email", "Your e-mail address"),
        ),
    ),
    routes=(
        Route("GET", f"{_BASE}/personal_info", _profile),
        Route("GET", f"{_BASE}/heartrate", _heart_rate, scopes=("heartrate",)),
        *(
            route
            for collection, (kind, scope) in COLLECTIONS.items()
            for route in (
                Route("GET", f"{_BASE}/{collection}", _documents(collection, kind), scopes=(scope,)),
                Route("GET", f"{_BASE}/{collection}/{{id}}", _document(kind), scopes=(scope,)),
            )
        ),
        Route("POST", "/oauth/revoke", _revoke, auth="none", counts=()),
        Route("GET", "/oauth/revoke", _revoke, auth="none", counts=()),
        Route("GET", _HOOKS, _subscriptions, auth="client", counts=()),
        Route("POST", _HOOKS, _subscribe, auth="client", counts=()),
        Route("PUT", f"{_HOOKS}/renew/{{id}}", _renew, auth="client", counts=()),
        Route("DELETE", f"{_HOOKS}/{{id}}", _unsubscribe, auth="client", counts=()),
    ),
    tell=tell,
    activity_kind="workout",
    night_kind="sleep",
    day_kind="daily_activity",
    windows=(Window(5000, 300), Window(5000, 300, "account")),
    limit_headers=limits,
    retry_after=True,
    error=error,
    client_headers=("x-client-id", "x-client-secret"),
    webhooks=Webhooks(body=event, sign=signature, retries_s=(60, 120, 240, 480, 600, 600, 600, 600, 600)),
)
