"""Fitbit: the Google Health API, version 4, and the consent of a Google account.

Civil times in filters are taken as those of Berlin in winter, where everybody here lives.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np

from integrations.sandbox.base import (
    Account,
    Answer,
    Change,
    OAuth,
    Play,
    Record,
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
    instant,
    listed,
    number_of,
    one,
    sealed,
    unsealed,
    whole,
)
from integrations.sandbox.stories import Day, Effort, Night, Story

DAY_S = 86_400
CIVIL_S = 3600
MOST, SESSIONS = 10_000, 25
NAMESPACE = "https://www.googleapis.com/auth/googlehealth."
ACTIVITY, HEALTH, SLEEP, LOCATION = (
    f"{NAMESPACE}{name}.readonly"
    for name in ("activity_and_fitness", "health_metrics_and_measurements", "sleep", "location")
)
TYPES: Mapping[str, str] = {
    "ride": "BIKING", "indoor_ride": "SPINNING", "run": "RUNNING", "treadmill": "TREADMILL", "swim": "SWIMMING_POOL",
    "hike": "HIKING", "walk": "WALKING", "strength": "STRENGTH_TRAINING", "yoga": "YOGA", "triathlon": "MULTISPORT",
}  # fmt: skip
# Sums by the day: type -> scope and the days of the longest range.
SUMS: Mapping[str, tuple[str, int]] = {
    "steps": (ACTIVITY, 90),
    "distance": (ACTIVITY, 90),
    "floors": (ACTIVITY, 90),
    "total-calories": (ACTIVITY, 14),
    "active-zone-minutes": (ACTIVITY, 90),
    "sedentary-period": (ACTIVITY, 90),
}
# One merged stream, a point a day.
DAILY: Mapping[str, str] = {
    "daily-resting-heart-rate": HEALTH,
    "daily-heart-rate-variability": HEALTH,
    "daily-oxygen-saturation": HEALTH,
    "daily-respiratory-rate": HEALTH,
    "daily-sleep-temperature-derivations": HEALTH,
    "daily-vo2-max": ACTIVITY,
}
POINTS: Mapping[str, str] = {
    "exercise": ACTIVITY, "sleep": SLEEP, "weight": HEALTH, "body-fat": HEALTH, "height": HEALTH,
}  # fmt: skip
STAGES = {"awake": "AWAKE", "light": "LIGHT", "deep": "DEEP", "rem": "REM"}
_CLAUSE = re.compile(r'([a-z0-9_.]+) (>=|<) "([^"]+)"')


# --- points -----------------------------------------------------------------------------------


def tell(story: Story, account: Account) -> Iterator[Told]:
    if isinstance(story, Effort):
        id = _id(account, story.key)
        yield Told("exercise", id, story.start, story.updated_at, dumps(_exercise(id, story)))
        yield Told("tcx", id, story.start, story.updated_at)
    elif isinstance(story, Night):
        yield from _night(story, account)
    else:
        yield from _day(story, account)


def make(kind: str, id: str, story: Story, account: Account) -> bytes:
    assert isinstance(story, Effort)
    return _tcx(story)


def _id(account: Account, *names: object) -> str:
    return str(number_of("fitbit", account.handle, *names, digits=16))


def _interval(start: float, end: float, offset_s: int) -> dict[str, str]:
    offset = f"{offset_s}s"
    return {"startTime": _utc(start), "startUtcOffset": offset, "endTime": _utc(end), "endUtcOffset": offset}


def _source(device: str = "Pixel Watch 3") -> dict[str, Any]:
    watch = {"formFactor": "WATCH", "manufacturer": "Google", "displayName": device}
    return {"recordingMethod": "ACTIVELY_MEASURED", "device": watch, "platform": "FITBIT"}


def _exercise(id: str, effort: Effort) -> dict[str, Any]:
    figures: dict[str, Any] = {"caloriesKcal": round(effort.kcal, 1)}
    if effort.distance_m is not None and effort.avg_speed_mps is not None:
        figures["distanceMillimeters"] = round(effort.distance_m * 1000)
        figures["averageSpeedMillimetersPerSecond"] = round(effort.avg_speed_mps * 1000, 1)
    if effort.steps is not None:
        figures["steps"] = str(effort.steps)
    if effort.avg_heart_rate_bpm is not None:
        figures["averageHeartRateBeatsPerMinute"] = str(round(effort.avg_heart_rate_bpm))
    if effort.climbed_m:
        figures["elevationGainMillimeters"] = round(effort.climbed_m * 1000)
    figures["activeZoneMinutes"] = str(round(sum(effort.zone_s[2:]) / 60))
    zones = zip(("lightTime", "moderateTime", "vigorousTime", "peakTime"), effort.zone_s[2:], strict=True)
    figures["heartRateZoneDurations"] = {name: f"{seconds:.0f}s" for name, seconds in zones}
    events = [("START", 0.0)]
    for at, lasts in effort.pauses:
        events += [("PAUSE", at), ("RESUME", at + lasts)]
    events.append(("STOP", effort.elapsed_s))
    offset = f"{effort.utc_offset_s}s"
    splits = [
        {
            "startTime": _utc(effort.start + lap.start_s),
            "startUtcOffset": offset,
            "endTime": _utc(effort.start + lap.start_s + lap.elapsed_s),
            "endUtcOffset": offset,
            "activeDuration": f"{lap.moving_s:g}s",
            "splitType": "MANUAL" if effort.repeats else "DISTANCE",
            "metricsSummary": {"distanceMillimeters": round((lap.distance_m or 0) * 1000)},
        }
        for lap in effort.laps
    ]
    told = {
        "interval": _interval(effort.start, effort.end, effort.utc_offset_s),
        "exerciseType": TYPES[effort.sport],
        "displayName": effort.name,
        "activeDuration": f"{effort.moving_s:g}s",
        "metricsSummary": figures,
        "splitSummaries": splits,
        "exerciseEvents": [
            {"eventTime": _utc(effort.start + at), "eventUtcOffset": offset, "exerciseEventType": kind}
            for kind, at in events
        ],
        "createTime": _utc(effort.created_at),
        "updateTime": _utc(effort.updated_at),
    }
    if effort.has_track:
        told["exerciseMetadata"] = {"hasGps": True}
    return {"name": _name("exercise", id), "dataSource": _source(), "exercise": told}


def _name(kind: str, id: str) -> str:
    return f"users/me/dataTypes/{kind}/dataPoints/{id}"


def _night(night: Night, account: Account) -> Iterator[Told]:
    id = _id(account, night.key)
    offset = f"{night.utc_offset_s}s"
    stages = [
        {
            "startTime": _utc(phase.start), "startUtcOffset": offset, "endTime": _utc(phase.start + phase.seconds),
            "endUtcOffset": offset, "type": STAGES[phase.stage],
        }
        for phase in night.phases
    ]  # fmt: skip
    minutes = {stage: round(night.seconds(stage) / 60) for stage in ("awake", "light", "deep", "rem")}
    counts = {stage: sum(phase.stage == stage for phase in night.phases) for stage in minutes}
    sleep = {
        "interval": _interval(night.asleep, night.awake, night.utc_offset_s),
        "type": "STAGES",
        "stages": stages,
        "summary": {
            "minutesInSleepPeriod": str(round((night.awake - night.asleep) / 60)),
            "minutesAsleep": str(minutes["light"] + minutes["deep"] + minutes["rem"]),
            "minutesAwake": str(minutes["awake"]),
            "minutesToFallAsleep": str(round(night.latency_s / 60)),
            "stagesSummary": [
                {"type": STAGES[stage], "minutes": str(minutes[stage]), "count": str(counts[stage])}
                for stage in ("awake", "light", "deep", "rem")
            ],
        },
        "metadata": {"stagesStatus": "SUCCEEDED", "processed": True, "manuallyEdited": bool(night.edited)},
        "createTime": _utc(night.created_at),
        "updateTime": _utc(night.updated_at),
    }
    point = {"name": _name("sleep", id), "dataSource": _source(), "sleep": sleep}
    # Sleeps are filtered and ordered by their end.
    yield Told("sleep", id, night.awake, night.updated_at, dumps(point))
    baseline = night.skin_temperature_c - night.temperature_deviation_c
    values: dict[str, dict[str, Any]] = {
        "daily-heart-rate-variability": {
            "averageHeartRateVariabilityMilliseconds": round(night.hrv_rmssd_ms, 2),
            "deepSleepRootMeanSquareOfSuccessiveDifferencesMilliseconds": round(night.hrv_rmssd_ms * 1.1, 2),
            "nonRemHeartRateBeatsPerMinute": str(round(night.lowest_heart_rate_bpm + 2)),
            "entropy": 2.9,
        },
        "daily-oxygen-saturation": {
            "averagePercentage": round(100 * night.oxygen_ratio, 1),
            "lowerBoundPercentage": round(100 * night.oxygen_ratio - 2.1, 1),
            "upperBoundPercentage": min(100.0, round(100 * night.oxygen_ratio + 1.8, 1)),
        },
        "daily-respiratory-rate": {"breathsPerMinute": round(night.respiratory_rate, 1)},
        "daily-sleep-temperature-derivations": {
            "nightlyTemperatureCelsius": round(night.skin_temperature_c, 2),
            "baselineTemperatureCelsius": round(baseline, 2),
            "relativeNightlyStddev30dCelsius": 0.31,
        },
    }
    for kind, value in values.items():
        yield _daily(kind, night.day, value, night.updated_at, account)


def _daily(kind: str, day: date, value: Mapping[str, Any], updated: float, account: Account) -> Told:
    head, *others = kind.split("-")
    key = head + "".join(word.capitalize() for word in others)
    name = _name(kind, _id(account, kind, day))
    body = {"dataPointName": name, key: {"date": _civil(day), **value}}
    return Told(kind, day.isoformat(), _noon(day), updated, dumps(body))


def _day(day: Day, account: Account) -> Iterator[Told]:
    resting = {
        "beatsPerMinute": str(round(day.resting_heart_rate_bpm)),
        "dailyRestingHeartRateMetadata": {"calculationMethod": "WITH_SLEEP"},
    }
    yield _daily("daily-resting-heart-rate", day.day, resting, day.updated_at, account)
    vo2max = {"vo2Max": round(day.vo2max, 1), "estimated": True, "cardioFitnessLevel": "GOOD"}
    yield _daily("daily-vo2-max", day.day, vo2max, day.updated_at, account)
    span = {
        "civilStartTime": {"date": _civil(day.day)}, "civilEndTime": {"date": _civil(day.day + timedelta(days=1))},
    }  # fmt: skip
    for kind, key, value in (
        ("steps", "steps", {"countSum": str(day.steps)}),
        ("distance", "distance", {"millimetersSum": str(round(day.distance_m * 1000))}),
        ("floors", "floors", {"countSum": str(day.floors)}),
        ("total-calories", "totalCalories", {"kcalSum": round(day.active_kcal + day.basal_kcal, 1)}),
        (
            "active-zone-minutes", "activeZoneMinutes",
            {
                "sumInFatBurnHeartZone": str(round(day.medium_s / 60)),
                "sumInCardioHeartZone": str(2 * round(day.high_s / 60)),
            },
        ),
        ("sedentary-period", "sedentaryPeriod", {"durationSum": f"{day.sedentary_s:.0f}s"}),
    ):  # fmt: skip
        yield Told(kind, day.day.isoformat(), _noon(day.day), day.updated_at, dumps({**span, key: value}))
    if day.day.weekday() == 0:
        moment = day.wake + 900
        time = {"physicalTime": _utc(moment), "utcOffset": f"{day.utc_offset_s}s"}
        for kind, key, measured in (
            ("weight", "weight", {"weightGrams": round(day.weight_kg * 1000)}),
            ("body-fat", "bodyFat", {"percentage": round(100 * day.body_fat_ratio, 1)}),
        ):
            id = _id(account, kind, day.key)
            point = {"name": _name(kind, id), "dataSource": _source("Aria Air"), key: {"sampleTime": time, **measured}}
            yield Told(kind, id, moment, day.updated_at, dumps(point))


def _tcx(effort: Effort) -> bytes:
    """Each lap with its points, as Google's export writes them."""
    sport = {"run": "Running", "treadmill": "Running", "ride": "Biking", "indoor_ride": "Biking"}
    track = effort.track
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<TrainingCenterDatabase xmlns="http://www.garmin.com/xmlschemas/TrainingCenterDatabase/v2"><Activities>',
        f'<Activity Sport="{sport.get(effort.sport, "Other")}"><Id>{_utc(effort.start)}</Id>',
    ]
    columns = (track.latitude, track.longitude, track.altitude_m, track.distance_m, track.heart_rate_bpm)
    for lap in effort.laps:
        lines.append(
            f'<Lap StartTime="{_utc(effort.start + lap.start_s)}"><TotalTimeSeconds>{lap.moving_s:g}</TotalTimeSeconds>'
            f"<DistanceMeters>{lap.distance_m or 0:.1f}</DistanceMeters><Calories>{round(lap.kcal)}</Calories>"
            "<Intensity>Active</Intensity><TriggerMethod>Manual</TriggerMethod><Track>"
        )
        for place in range(lap.first, lap.last + 1):
            latitude, longitude, height, way, beat = (None if it is None else float(it[place]) for it in columns)
            lines.append(f"<Trackpoint><Time>{_utc(effort.start + float(track.time_s[place]))}</Time>")
            if latitude is not None and longitude is not None:
                lines.append(
                    f"<Position><LatitudeDegrees>{latitude:.6f}</LatitudeDegrees>"
                    f"<LongitudeDegrees>{longitude:.6f}</LongitudeDegrees></Position>"
                )
            if height is not None:
                lines.append(f"<AltitudeMeters>{height:.1f}</AltitudeMeters>")
            if way is not None:
                lines.append(f"<DistanceMeters>{way:.1f}</DistanceMeters>")
            if beat is not None:
                lines.append(f"<HeartRateBpm><Value>{round(beat)}</Value></HeartRateBpm>")
            lines.append("</Trackpoint>")
        lines.append("</Track></Lap>")
    lines.append("</Activity></Activities></TrainingCenterDatabase>")
    return "\n".join(lines).encode()


def _utc(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _civil(day: date) -> dict[str, int]:
    return {"year": day.year, "month": day.month, "day": day.day}


def _noon(day: date) -> float:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp()


# --- paths ------------------------------------------------------------------------------------


def _span(request: Request, kind: str) -> tuple[float | None, float | None]:
    """What the filter says; one that names another type is refused."""
    since = until = None
    text = request.query.get("filter", "")
    for clause in text.split(" AND ") if text else ():
        match = _CLAUSE.fullmatch(clause.strip())
        if not match or not match.group(1).startswith(f"{kind.replace('-', '_')}."):
            raise Refused(400, f"The filter cannot be read: {clause}")
        member, sign, told = match.groups()
        moment = instant(told)
        if moment is not None and "civil" in member:
            moment -= CIVIL_S
        since, until = (moment, until) if sign == ">=" else (since, moment)
    return since, until


def _points(kind: str) -> Callable[[Request, Shelf], Answer]:
    most = SESSIONS if kind in ("exercise", "sleep") else MOST

    def handle(request: Request, shelf: Shelf) -> Answer:
        size = whole(request, "pageSize", min(most, 1440), least=1, most=most)
        at = int(unsealed(request.query["pageToken"])["at"]) if request.query.get("pageToken") else 0
        since, until = _span(request, kind)
        found = shelf.records(kind, since=since, until=until, limit=size + 1, offset=at)
        if not found:
            return answer({})
        token = sealed({"at": at + size}) if len(found) > size else ""
        return listed(found[:size], b'{"dataPoints":[', b'],"nextPageToken":' + dumps(token) + b"}")

    return handle


def _point(kind: str) -> Callable[[Request, Shelf], Answer]:
    return lambda request, shelf: one(shelf.record(kind, request.args["id"]))


def _export(request: Request, shelf: Shelf) -> Answer:
    if request.query.get("alt") != "media":
        return answer({"tcxData": shelf.record("tcx", request.args["id"]).body.decode()})
    return one(shelf.record("tcx", request.args["id"]), content_type="application/octet-stream")


def _sums(kind: str, most: int) -> Callable[[Request, Shelf], Answer]:
    def handle(request: Request, shelf: Shelf) -> Answer:
        told = request.json if isinstance(request.json, dict) else {}
        first, last = (_date(told.get("range", {}).get(name, {}).get("date")) for name in ("start", "end"))
        if last <= first or (last - first).days > most or told.get("windowSizeDays", 1) != 1:
            raise Refused(400, f"The range must be {most} days at most.")
        found = shelf.records(kind, since=_noon(first) - 1, until=_noon(last) - 1, newest_first=False)
        return listed(found, b'{"rollupDataPoints":[', b"]}") if found else answer({})

    return handle


def _date(told: Any) -> date:
    try:
        return date(told["year"], told["month"], told["day"])
    except (KeyError, TypeError, ValueError):
        raise Refused(400, "A civil date was expected.") from None


def _heart_rate(request: Request, shelf: Shelf) -> Answer:
    """Means by the minute, of the minutes that have any."""
    told = request.json if isinstance(request.json, dict) else {}
    span = told.get("range", {})
    since, until = instant(span.get("startTime", "")), instant(span.get("endTime", ""))
    if since is None or until is None or until - since > 14 * DAY_S or told.get("windowSize") != "60s":
        raise Refused(400, "The range must be 14 days at most.")
    minutes: dict[float, list[float]] = {}
    for record in shelf.records("steps", since=since - DAY_S, until=until + DAY_S, newest_first=False):
        day = shelf.story(record)
        for moment, beats in day.heart_rates if isinstance(day, Day) else ():
            if since <= moment < until:
                minutes.setdefault(moment // 60 * 60, []).append(beats)
    size = min(int(told.get("pageSize", 1440)), MOST)
    at = int(unsealed(told["pageToken"])["at"]) if told.get("pageToken") else 0
    rows = [_minute(moment, beats) for moment, beats in sorted(minutes.items())]
    token = sealed({"at": at + size}) if len(rows) > at + size else ""
    return answer({"rollupDataPoints": rows[at : at + size], "nextPageToken": token} if rows else {})


def _minute(moment: float, beats: list[float]) -> dict[str, Any]:
    told = {
        "beatsPerMinuteAvg": round(float(np.mean(beats)), 2), "beatsPerMinuteMin": min(beats),
        "beatsPerMinuteMax": max(beats),
    }  # fmt: skip
    return {"startTime": _utc(moment), "endTime": _utc(moment + 60), "heartRate": told}


def _identity(request: Request, shelf: Shelf) -> Answer:
    legacy = f"{int(shelf.account.id, 16) % 36**6:X}"
    return answer({"name": "users/me/identity", "healthUserId": shelf.account.id, "legacyUserId": legacy})


def _revoke(request: Request, shelf: Shelf) -> Answer:
    token = request.form.get("token") or request.query.get("token", "")
    if not shelf.revoke_token(token):
        return answer({"error": "invalid_token"}, 400)
    return answer({})


# --- webhooks -----------------------------------------------------------------------------------


def event(change: Change, subscription: Subscription, shelf: Shelf) -> bytes | None:
    """An array with the data type and the time of what changed; no values, no ids."""
    record = change.record
    if record is None or record.kind not in (*POINTS, *SUMS, *DAILY):
        return None
    begin, end = _times(record)
    data = {
        "version": "1",
        "clientProvidedSubscriptionName": "trainstack",
        "healthUserId": change.account.id,
        "operation": "DELETE" if change.what == "deleted" else "UPSERT",
        "dataType": record.kind,
        "intervals": [{"physicalTimeInterval": {"startTime": _utc(begin), "endTime": _utc(end)}}],
    }
    return dumps([{"data": data}])


def _times(record: Record) -> tuple[float, float]:
    interval = record.json.get(record.kind, {}).get("interval") if record.kind in ("exercise", "sleep") else None
    if not interval:
        return record.start, record.start + 1
    return instant(interval["startTime"]) or record.start, instant(interval["endTime"]) or record.start


def signature(body: bytes, subscription: Subscription, shelf: Shelf) -> Mapping[str, str]:
    return {"Authorization": shelf.secret("WEBHOOK_SECRET")}


def error(status: int, message: str) -> Answer:
    names = {
        400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
        429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE",
    }  # fmt: skip
    return answer({"error": {"code": status, "message": message, "status": names.get(status, "UNKNOWN")}}, status)


_D = "/v4/users/me/dataTypes"

PLAY = Play(
    slug="fitbit",
    name="Fitbit",
    hosts=("accounts.google.com", "oauth2.googleapis.com", "health.googleapis.com"),
    account_id=lambda handle: f"{number_of('fitbit account', handle):x}",
    oauth=OAuth(
        authorize_path="/o/oauth2/v2/auth",
        token_paths=("/token",),
        pkce="taken",
        refresh="keeps",
        refresh_needs="access_type=offline",
        ttl_s=3599,
        token_type="Bearer",  # noqa: S106
        scopes=(
            Scope(ACTIVITY, "See your activity and fitness data"),
            Scope(SLEEP, "See your sleep data"),
            Scope(HEALTH, "See your health metrics and measurements"),
            Scope(LOCATION, "See the locations of your exercises"),
        ),
    ),
    routes=(
        Route("GET", "/v4/users/me/identity", _identity),
        # Before the single points: what follows the colon would be taken for a part of the id.
        Route("GET", f"{_D}/exercise/dataPoints/{{id}}:exportExerciseTcx", _export, scopes=(ACTIVITY,)),
        *(
            route
            for kind, scope in POINTS.items()
            for route in (
                Route("GET", f"{_D}/{kind}/dataPoints", _points(kind), scopes=(scope,)),
                Route("GET", f"{_D}/{kind}/dataPoints/{{id}}", _point(kind), scopes=(scope,)),
            )
        ),
        *(Route("GET", f"{_D}/{kind}/dataPoints:reconcile", _points(kind), scopes=(it,)) for kind, it in DAILY.items()),
        *(
            Route("POST", f"{_D}/{kind}/dataPoints:dailyRollUp", _sums(kind, most), scopes=(scope,))
            for kind, (scope, most) in SUMS.items()
        ),
        Route("POST", f"{_D}/heart-rate/dataPoints:rollUp", _heart_rate, scopes=(HEALTH,)),
        Route("POST", "/revoke", _revoke, auth="none", counts=()),
    ),
    tell=tell,
    make=make,
    activity_kind="exercise",
    night_kind="sleep",
    day_kind="steps",
    windows=(Window(120_000, 60), Window(300, 60, "account")),
    retry_after=True,
    error=error,
    webhooks=Webhooks(body=event, sign=signature, portal=True),
)
