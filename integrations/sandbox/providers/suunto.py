"""Suunto's Cloud API: workouts in an envelope, FIT files, samples of nights, recovery and days.

Every request carries the subscription's key. Workouts are told in milliseconds, pulses of the 24/7 samples in Hz here
and beats there, energy in joules; the numbers of Suunto's limits are nobody's to know.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, time
from typing import Any

import numpy as np

from integrations.sandbox.base import (
    Account,
    Answer,
    Change,
    Grant,
    OAuth,
    Piece,
    Play,
    Refused,
    Request,
    Route,
    Scope,
    Shelf,
    Subscription,
    Told,
    Webhooks,
    Window,
    answer,
    dumps,
    empty,
    instant,
    listed,
    one,
    uuid_of,
    whole,
)
from integrations.sandbox.stories import Day, Effort, Night, Story

TYPES: Mapping[str, int] = {
    "ride": 2, "indoor_ride": 52, "run": 1, "treadmill": 53, "swim": 21, "hike": 11, "walk": 0, "strength": 23,
    "yoga": 121, "triathlon": 74,
}  # fmt: skip
FIT_SPORTS: Mapping[str, tuple[int, int]] = {
    "ride": (2, 0), "indoor_ride": (2, 6), "run": (1, 0), "treadmill": (1, 1), "swim": (5, 17), "hike": (17, 0),
    "walk": (11, 0), "strength": (10, 20), "yoga": (10, 43), "triathlon": (18, 0),
}  # fmt: skip
# Suunto's and its watch's numbers in FIT's tables.
MAKER, PRODUCT, WATCH = 23, 34, "9 Baro"
JOULES_A_KCAL = 4184
LONGEST_S = 28 * 86_400
RELAXING, ACTIVE, PASSIVE, STRESSFUL = 1, 2, 3, 4


# --- workouts ---------------------------------------------------------------------------------


def tell(story: Story, account: Account) -> Iterator[Told]:
    if isinstance(story, Effort):
        key = _key(story, account)
        yield Told("workout", key, story.start, story.updated_at, dumps(_workout(story, key)))
        yield Told("fit", key, story.start, story.updated_at)
    elif isinstance(story, Night):
        yield Told("sleep", _sleep_id(story), story.up, story.updated_at, dumps(_sleep(story)))
        yield Told("recovery_day", str(story.day), story.in_bed, story.updated_at, dumps(_recovery(story)))
    else:
        yield Told("activity_day", str(story.day), story.midnight, story.updated_at, dumps(_activity(story)))
        yield Told("statistics_day", str(story.day), story.midnight, story.updated_at, dumps(_statistics(story)))


def make(kind: str, id: str, story: Story, account: Account) -> bytes:
    assert isinstance(story, Effort)
    sport, sub_sport = FIT_SPORTS[story.sport]
    return story.fit(manufacturer=MAKER, product=PRODUCT, sport=sport, sub_sport=sub_sport)


def _key(effort: Effort, account: Account) -> str:
    return uuid_of("suunto", account.handle, effort.key).replace("-", "")[:24]


def _sleep_id(night: Night) -> str:
    return str(int(night.in_bed))


def _ms(moment: float) -> int:
    return round(moment * 1000)


def _iso(moment: float, offset_s: int) -> str:
    """The wall clock with its offset: 2026-06-14T06:57:30.000+03:00."""
    wall = datetime.fromtimestamp(moment + offset_s, UTC).strftime("%Y-%m-%dT%H:%M:%S.000")
    sign, minutes = ("-", -offset_s // 60) if offset_s < 0 else ("+", offset_s // 60)
    return f"{wall}{sign}{minutes // 60:02d}:{minutes % 60:02d}"


def _round(value: float | None, digits: int = 1) -> float | None:
    return None if value is None else round(value, digits)


def _position(effort: Effort, at: int) -> dict[str, float]:
    """x is east, y is north; 0,0 where nobody knows."""
    track = effort.track
    if track.latitude is None or track.longitude is None:
        return {"x": 0.0, "y": 0.0}
    return {"x": round(float(track.longitude[at]), 6), "y": round(float(track.latitude[at]), 6)}


def _workout(effort: Effort, key: str) -> dict[str, Any]:
    beats, altitude = effort.avg_heart_rate_bpm, effort.track.altitude_m
    speed = effort.avg_speed_mps
    turns = 2 if effort.on_foot else 1
    told: dict[str, Any] = {
        "workoutId": 0,
        "workoutKey": key,
        "activityId": TYPES[effort.sport],
        "startTime": _ms(effort.start),
        "stopTime": _ms(effort.end),
        "totalTime": round(effort.moving_s, 1),
        "totalDistance": _round(effort.distance_m) or 0.0,
        "totalAscent": _round(effort.climbed_m) or 0.0,
        "totalDescent": _round(effort.descended_m) or 0.0,
        "startPosition": _position(effort, 0),
        "stopPosition": _position(effort, -1),
        "maxSpeed": _round(effort.max_speed_mps, 2) or 0.0,
        "avgSpeed": _round(speed, 2) or 0.0,
        "avgSpeedInKmH": round((speed or 0.0) * 3.6, 1),
        "avgPace": round(1000 / speed / 60, 2) if speed else 0.0,
        "stepCount": effort.steps or 0,
        "recoveryTime": round(effort.load * 900),
        "extensionTypes": ["SUMMARY", "FITNESS", "HEARTRATESTREAM", "LOCATIONSTREAM", "SPEEDSTREAM"],
        "minAltitude": None if altitude is None else round(float(altitude.min()), 1),
        "maxAltitude": None if altitude is None else round(float(altitude.max()), 1),
        "isEdited": bool(effort.edited),
        "isManuallyAdded": False,
        "tss": {
            "calculationMethod": "HR",
            "trainingStressScore": effort.load,
            "intensityFactor": None,
            "normalizedPower": None,
            "averageGradeAdjustedPace": None,
        },
        "timeOffsetInMinutes": effort.utc_offset_s // 60,
        # `max` is hers, not this workout's.
        "hrdata": {
            "workoutMaxHR": _round(effort.max_heart_rate_bpm, 0),
            "workoutAvgHR": _round(beats, 0),
            "userMaxHR": 190,
            "hrmax": _round(effort.max_heart_rate_bpm, 0),
            "avg": _round(beats, 0),
            "max": 190,
        },
        "cadence": {
            "max": _round(effort.max_cadence / turns, 0) if effort.max_cadence else 0,
            "avg": _round(effort.avg_cadence / turns, 0) if effort.avg_cadence else 0,
        },
        "avgPower": _round(effort.avg_power_w, 0),
        "maxPower": _round(effort.max_power_w, 0),
        "energyConsumption": round(effort.kcal),
        "gear": _gear(effort),
        "description": effort.edited.get("description") or effort.edited.get("name"),
        "lastModified": _ms(effort.updated_at),
    }
    return {name: value for name, value in told.items() if value is not None}


def _gear(effort: Effort) -> dict[str, Any]:
    return {
        "manufacturer": "Suunto",
        "name": WATCH,
        "displayName": f"Suunto {WATCH}",
        "serialNumber": str(effort.serial),
        "softwareVersion": "2.40.38",
    }


# --- nights and days --------------------------------------------------------------------------


def _sleep(night: Night) -> dict[str, Any]:
    """How long of each stage, and no word of when."""
    zone = night.utc_offset_s
    return {
        "timestamp": _iso(night.up, zone),
        "entryData": {
            "SleepId": int(night.in_bed),
            "DateTime": _iso(night.up, zone),
            "BedtimeStart": _iso(night.in_bed, zone),
            "BedtimeEnd": _iso(night.up, zone),
            "Duration": round(night.asleep_s),
            "DeepSleepDuration": round(night.seconds("deep")),
            "LightSleepDuration": round(night.seconds("light")),
            "REMSleepDuration": round(night.seconds("rem")),
            "SleepOnsetLatencyDuration": round(night.latency_s),
            "WakeAfterSleepOnsetDuration": round(night.seconds("awake")),
            "WakeBeforeOffBedDuration": round(night.up - night.awake),
            "HRAvg": round(night.avg_heart_rate_bpm),
            "HRMin": round(night.lowest_heart_rate_bpm),
            "AvgHRV": round(night.hrv_rmssd_ms),
            "AvgHRVSampleCount": len(night.hrvs_ms),
            "MaxSpo2": round(min(1.0, night.oxygen_ratio), 2),
            "SleepQualityScore": night.sleep_score,
            "IsNap": False,
        },
    }


def _recovery(night: Night) -> list[dict[str, Any]]:
    """Resources fill up from going to bed to getting up: a sample every half an hour."""
    hours = np.arange(night.in_bed, night.up, 1800.0)
    begin = max(0.05, night.recovery_score / 100 - 0.5)
    levels = np.linspace(begin, night.recovery_score / 100, len(hours))
    return [
        {
            "timestamp": _iso(float(at), night.utc_offset_s),
            "entryData": {"Balance": round(float(level), 2), "StressState": RELAXING},
        }
        for at, level in zip(hours, levels, strict=True)
    ]


def _activity(day: Day) -> list[dict[str, Any]]:
    """A sample each quarter of an hour: pulses in beats, steps and joules of the stretch; more by night."""
    energy = (day.active_kcal + day.basal_kcal) * JOULES_A_KCAL / 96
    times = np.array([at for at, _ in day.heart_rates])
    beats = np.array([value for _, value in day.heart_rates])
    samples = []
    for quarter in range(96):
        at = day.midnight + quarter * 900
        told: dict[str, Any] = {
            "StepCount": day.hourly_steps[quarter // 4] // 4,
            "EnergyConsumption": round(energy),
        }
        if len(times) and times[0] <= at <= times[-1]:
            told["HR"] = round(float(np.interp(at, times, beats)))
        if at < day.wake:
            # Measured asleep only: a share of one, and milliseconds.
            told |= {"SpO2": 0.96, "HRV": 40 + (day.number + 7 * quarter) % 25}
        samples.append({"timestamp": _iso(at, day.utc_offset_s), "entryData": told})
    return samples


def _statistics(day: Day) -> dict[str, float]:
    return {
        "at": day.midnight,
        # On the day on which clocks are changed, that of its midnight.
        "offset": round(datetime.combine(day.day, time(), UTC).timestamp() - day.midnight),
        "stepcount": day.steps,
        "energyconsumption": round((day.active_kcal + day.basal_kcal) * JOULES_A_KCAL),
    }


# --- the paths --------------------------------------------------------------------------------


def _metadata(shelf: Shelf) -> bytes:
    return b',"metadata":' + dumps({"ts": str(_ms(shelf.now))}) + b"}"


def _workouts(request: Request, shelf: Shelf) -> Answer:
    since, until = whole(request, "since", 0), whole(request, "until", _ms(shelf.now) + 86_400_000)
    modified = request.query.get("filter-by-modification-time", "true") == "true"
    found = shelf.records(
        "workout",
        since=since / 1000,
        until=until / 1000,
        by="updated" if modified else "start",
        limit=whole(request, "limit", 50, least=1, most=1_000),
        offset=whole(request, "offset", 0),
    )
    return listed(found, b'{"error":null,"payload":[', b"]" + _metadata(shelf))


def _workout_of(request: Request, shelf: Shelf) -> Answer:
    record = shelf.record("workout", request.args["key"])
    return one(record, before=b'{"error":null,"payload":', after=_metadata(shelf))


def _file(request: Request, shelf: Shelf) -> Answer:
    return one(shelf.record("fit", request.args["key"]), content_type="application/octet-stream")


def _span(request: Request) -> tuple[float, float]:
    since, until = whole(request, "from", 0) / 1000, whole(request, "to", 0) / 1000
    if not 0 <= until - since <= LONGEST_S:
        raise Refused(400, "The span of time must be 28 days at most.")
    return since, until


def _sleeps(request: Request, shelf: Shelf) -> Answer:
    since, until = _span(request)
    return listed(shelf.records("sleep", since=since, until=until + 0.001, newest_first=False))


def _samples(kind: str) -> Callable[[Request, Shelf], Answer]:
    """All samples of a span, as one record: that is how they are kept here and there."""

    def served(request: Request, shelf: Shelf) -> Answer:
        since, until = _span(request)
        records = shelf.records(f"{kind}_day", since=since - 2 * 86_400, until=until + 0.001, newest_first=False)
        rows = [row for record in records for row in json.loads(record.body) if since <= _at(row["timestamp"]) <= until]
        day = datetime.fromtimestamp(since, UTC).date().isoformat()
        return one(Piece(kind, day, dumps(rows))) if rows else answer([])

    return served


def _at(stamp: str) -> float:
    return instant(stamp) or 0.0


def _statistics_of(request: Request, shelf: Shelf) -> Answer:
    """Each kind with its days, of one watch."""
    since, until = (_at(request.query.get(name, "")) for name in ("startdate", "enddate"))
    records = shelf.records("statistics_day", since=since, until=until + 0.001, newest_first=False)
    days = [json.loads(record.body) for record in records]
    rows = [
        {
            "Name": name,
            "Aggregation": "Day",
            "Sources": [
                {
                    "Name": f"Suunto {WATCH}",
                    "Samples": [{"TimeISO8601": _iso(day["at"], day["offset"]), "Value": day[name]} for day in days],
                }
            ],
        }
        for name in ("stepcount", "energyconsumption")
    ]
    first = datetime.fromtimestamp(since, UTC).date().isoformat()
    return one(Piece("statistics", first, dumps(rows))) if days else answer(rows)


def _deauthorize(request: Request, shelf: Shelf) -> Answer:
    shelf.revoke()
    return empty(200)


# --- webhooks and errors ----------------------------------------------------------------------


def event(change: Change, subscription: Subscription, shelf: Shelf) -> bytes | None:
    """Only what is new: of changes, deletions and ends of consent nobody is told."""
    record = change.record
    if change.what != "created" or record is None:
        return None
    told: dict[str, Any] = {"username": change.account.id}
    if record.kind == "workout":
        whole_workout = record.json
        # What has just come: no end yet, and the pulse in Hz.
        told_at_once = ("workoutKey", "activityId", "startTime", "totalTime", "totalDistance")
        stub = {name: whole_workout[name] for name in told_at_once}
        beats = whole_workout["hrdata"]
        stub["hrdata"] = {
            name: round(beats[name] / 60, 2) for name in ("workoutAvgHR", "workoutMaxHR") if beats.get(name)
        }
        return dumps({"type": "WORKOUT_CREATED", **told, "workout": stub, "gear": whole_workout["gear"]})
    if record.kind == "sleep":
        return dumps({"type": "SUUNTO_247_SLEEP_CREATED", **told, "samples": [record.json]})
    for kind, name in (("recovery_day", "RECOVERY"), ("activity_day", "ACTIVITY")):
        if record.kind == kind:
            return dumps({"type": f"SUUNTO_247_{name}_CREATED", **told, "samples": record.json})
    return None


def signature(body: bytes, subscription: Subscription, shelf: Shelf) -> Mapping[str, str]:
    key = shelf.secret("WEBHOOK_SECRET").encode()
    return {"X-HMAC-SHA256-Signature": hmac.new(key, body, hashlib.sha256).hexdigest()}


def error(status: int, message: str) -> Answer:
    return answer({"statusCode": status, "message": message or "Error"}, status)


def claims(grant: Grant) -> dict[str, Any]:
    return {"user": grant.account.id, "client_id": "sandbox-suunto", "exp": int(grant.expires_at)}


PLAY = Play(
    slug="suunto",
    name="Suunto",
    hosts=("cloudapi.suunto.com", "cloudapi-oauth.suunto.com"),
    oauth=OAuth(
        authorize_path="/oauth/authorize",
        token_paths=("/oauth/token",),
        scopes=(Scope("workout", "Your Suunto app data", can_untick=False),),
        client_auth=("basic", "post"),
        ttl_s=86_399,
        scope_in_token=False,
        claims=claims,
        extra=lambda grant: {"user": grant.account.id},
    ),
    routes=(
        Route("GET", "/v3/workouts/", _workouts),
        Route("GET", "/v3/workouts/{key}", _workout_of),
        Route("GET", "/v3/workouts/{key}/fit", _file),
        Route("GET", "/247samples/sleep", _sleeps),
        Route("GET", "/247samples/recovery", _samples("recovery")),
        Route("GET", "/247samples/activity", _samples("activity")),
        Route("GET", "/247samples/daily-activity-statistics", _statistics_of),
        Route("GET", "/oauth/deauthorize", _deauthorize, counts=()),
    ),
    tell=tell,
    make=make,
    account_id=lambda handle: f"{handle}_runner",
    activity_kind="workout",
    night_kind="sleep",
    day_kind="activity_day",
    windows=(Window(600, 60),),
    retry_after=True,
    error=error,
    key_header=("ocp-apim-subscription-key", "SUBSCRIPTION_KEY"),
    webhooks=Webhooks(body=event, sign=signature, retries_s=(), portal=True),
)
