"""WHOOP: workouts, sleeps, recoveries and cycles of the developer API v2, and its webhooks."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

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
    whole,
)
from integrations.sandbox.stories import Day, Effort, Night, Story

KILOJOULES = 4.184
# Her cycle begins so long before she wakes up.
ASLEEP_S = 7.5 * 3600
MOST = 25
# Efforts as WHOOP calls them, with its numbers.
SPORTS: Mapping[str, tuple[str, int]] = {
    "ride": ("cycling", 1),
    "indoor_ride": ("spin", 97),
    "run": ("running", 0),
    "treadmill": ("running", 0),
    "swim": ("swimming", 33),
    "hike": ("hiking-rucking", 52),
    "walk": ("walking", 63),
    "strength": ("weightlifting_msk", 123),
    "yoga": ("yoga", 44),
    "triathlon": ("triathlon", 62),
}


# --- records ----------------------------------------------------------------------------------


def tell(story: Story, account: Account) -> Iterator[Told]:
    if isinstance(story, Effort):
        yield _workout(story, account)
    elif isinstance(story, Night):
        yield from _night(story, account)
    else:
        yield _cycle(story, account)


def _workout(effort: Effort, account: Account) -> Told:
    id = uuid_of("whoop", account.handle, effort.key)
    name, number = SPORTS[effort.sport]
    walks = effort.sport in ("ride", "run", "hike", "walk")
    body = {
        "id": id,
        "v1_id": None,
        **_head(account, effort.created_at, effort.updated_at),
        "start": _utc(effort.start),
        "end": _utc(effort.end),
        "timezone_offset": _offset(effort.utc_offset_s),
        "sport_name": name,
        "sport_id": number,
        "score_state": "SCORED",
        "score": {
            "strain": round(min(21.0, 3 + effort.load / 8), 4),
            "average_heart_rate": round(effort.avg_heart_rate_bpm or 0),
            "max_heart_rate": round(effort.max_heart_rate_bpm or 0),
            "kilojoule": round(effort.kcal * KILOJOULES, 2),
            "percent_recorded": 1.0,
            "distance_meter": round(effort.distance_m, 2) if walks and effort.distance_m is not None else None,
            "altitude_gain_meter": None,
            "altitude_change_meter": None,
            "zone_durations": {
                f"zone_{word}_milli": round(seconds * 1000)
                for word, seconds in zip(("zero", "one", "two", "three", "four", "five"), effort.zone_s, strict=True)
            },
        },
    }
    return Told("workout", id, effort.start, effort.updated_at, dumps(body))


def _night(night: Night, account: Account) -> Iterator[Told]:
    id, cycle = uuid_of("whoop", account.handle, night.key), _cycle_id(account, night.day.isoformat())
    head = _head(account, night.created_at, night.updated_at)
    sleep = {
        "id": id,
        "cycle_id": cycle,
        "v1_id": None,
        **head,
        "start": _utc(night.in_bed),
        "end": _utc(night.up),
        "timezone_offset": _offset(night.utc_offset_s),
        "nap": False,
        "score_state": "SCORED",
        "score": {
            "stage_summary": {
                "total_in_bed_time_milli": round(night.in_bed_s * 1000),
                "total_awake_time_milli": round((night.in_bed_s - night.asleep_s) * 1000),
                "total_no_data_time_milli": 0,
                "total_light_sleep_time_milli": round(night.seconds("light") * 1000),
                "total_slow_wave_sleep_time_milli": round(night.seconds("deep") * 1000),
                "total_rem_sleep_time_milli": round(night.seconds("rem") * 1000),
                "sleep_cycle_count": night.cycles,
                "disturbance_count": night.awakenings,
            },
            "sleep_needed": {
                "baseline_milli": round(night.need_s * 1000),
                "need_from_sleep_debt_milli": 900_000,
                "need_from_recent_strain_milli": 420_000,
                "need_from_recent_nap_milli": 0,
            },
            "respiratory_rate": round(night.respiratory_rate, 4),
            "sleep_performance_percentage": float(night.sleep_score),
            "sleep_consistency_percentage": float(min(100, 55 + night.number % 40)),
            "sleep_efficiency_percentage": round(100 * night.asleep_s / night.in_bed_s, 4),
        },
    }
    recovery = {
        "cycle_id": cycle,
        "sleep_id": id,
        **head,
        "score_state": "SCORED",
        "score": {
            "user_calibrating": False,
            "recovery_score": float(night.recovery_score),
            "resting_heart_rate": float(round(night.resting_heart_rate_bpm)),
            "hrv_rmssd_milli": round(night.hrv_rmssd_ms, 5),
            "spo2_percentage": round(100 * night.oxygen_ratio, 3),
            "skin_temp_celsius": round(night.skin_temperature_c, 3),
        },
    }
    yield Told("sleep", id, night.in_bed, night.updated_at, dumps(sleep))
    yield Told("recovery", str(cycle), night.in_bed, night.updated_at, dumps(recovery))


def _cycle(day: Day, account: Account) -> Told:
    id, start = _cycle_id(account, day.day.isoformat()), day.wake - ASLEEP_S
    beats = [beat for _, beat in day.heart_rates] or [day.resting_heart_rate_bpm]
    body = {
        "id": id,
        **_head(account, day.created_at, day.updated_at),
        "start": _utc(start),
        "end": _utc(day.bed),
        "timezone_offset": _offset(day.utc_offset_s),
        "score_state": "SCORED",
        "score": {
            "strain": round(day.strain, 4),
            "kilojoule": round((day.active_kcal + day.basal_kcal) * KILOJOULES, 2),
            "average_heart_rate": round(sum(beats) / len(beats)),
            "max_heart_rate": round(max(beats)),
        },
    }
    return Told("cycle", str(id), start, day.updated_at, dumps(body))


def _cycle_id(account: Account, day: str) -> int:
    return number_of("whoop cycle", account.handle, day)


def _head(account: Account, created: float, updated: float) -> dict[str, Any]:
    return {"user_id": int(account.id), "created_at": _utc(created), "updated_at": _utc(updated)}


def _utc(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _offset(seconds: int) -> str:
    if not seconds:
        return "Z"
    minutes = abs(seconds) // 60
    return f"{'-' if seconds < 0 else '+'}{minutes // 60:02}:{minutes % 60:02}"


# --- paths ------------------------------------------------------------------------------------


def _page(kind: str) -> Any:
    def handle(request: Request, shelf: Shelf) -> Answer:
        if (asked := whole(request, "limit", 10, least=1)) > MOST:
            raise Refused(400, f"limit must be at most {MOST}, not {asked}.")
        at = int(unsealed(request.query["nextToken"])["at"]) if request.query.get("nextToken") else 0
        since, until = instant(request.query.get("start", "")), instant(request.query.get("end", ""))
        found = shelf.records(kind, since=since, until=until, limit=asked + 1, offset=at)
        token = sealed({"at": at + asked}) if len(found) > asked else None
        after = b'],"next_token":' + dumps(token) + b"}" if token else b"]}"
        return listed(found[:asked], b'{"records":[', after)

    return handle


def _one(kind: str) -> Any:
    return lambda request, shelf: one(shelf.record(kind, request.args["id"]))


def _sleep_of_cycle(request: Request, shelf: Shelf) -> Answer:
    recovery = shelf.record("recovery", request.args["id"])
    return one(shelf.record("sleep", recovery.json["sleep_id"]))


def _profile(request: Request, shelf: Shelf) -> Answer:
    account = shelf.account
    return answer(
        {
            "user_id": int(account.id),
            "email": account.email,
            "first_name": account.first_name,
            "last_name": account.last_name,
        }
    )


def _body(request: Request, shelf: Shelf) -> Answer:
    newest = shelf.records("cycle", limit=1)
    if not newest:
        raise Refused(404, "No measurements.")
    day = shelf.story(newest[0])
    weight = day.weight_kg if isinstance(day, Day) else 0.0
    return answer({"height_meter": 1.72, "weight_kilogram": round(weight, 1), "max_heart_rate": 189})


def _end(request: Request, shelf: Shelf) -> Answer:
    shelf.revoke()
    return empty()


# --- webhooks -----------------------------------------------------------------------------------


def event(change: Change, subscription: Subscription, shelf: Shelf) -> bytes | None:
    """Ids only. Of a recovery the id is that of its sleep; cycles and the end of a consent are not told."""
    record = change.record
    if record is None or record.kind not in ("workout", "sleep", "recovery"):
        return None
    id = record.json["sleep_id"] if record.kind == "recovery" else record.id
    what = "deleted" if change.what == "deleted" else "updated"
    trace = uuid_of("whoop trace", change.account.handle, record.kind, record.id, what, record.updated)
    return dumps({"user_id": int(change.account.id), "id": id, "type": f"{record.kind}.{what}", "trace_id": trace})


def signature(body: bytes, subscription: Subscription, shelf: Shelf) -> Mapping[str, str]:
    stamp = str(round(shelf.now * 1000))
    digest = hmac.new(shelf.secret("CLIENT_SECRET").encode(), stamp.encode() + body, hashlib.sha256).digest()
    return {"X-WHOOP-Signature": base64.b64encode(digest).decode(), "X-WHOOP-Signature-Timestamp": stamp}


def limits(used: Sequence[Used]) -> Mapping[str, str]:
    """The headers tell of the window that is nearest to its end, and list them all."""
    scarce = min(used, key=lambda it: it.left)
    windows = ", ".join(f"{it.window.requests};window={it.window.seconds}" for it in used)
    return {
        "X-RateLimit-Limit": windows,
        "X-RateLimit-Remaining": str(scarce.left),
        "X-RateLimit-Reset": str(scarce.resets_in_s),
    }


_V2 = "/developer/v2"

PLAY = Play(
    slug="whoop",
    name="WHOOP",
    hosts=("api.prod.whoop.com",),
    oauth=OAuth(
        authorize_path="/oauth/oauth2/auth",
        token_paths=("/oauth/oauth2/token",),
        refresh_needs="offline",
        least_state=8,
        ttl_s=3600,
        scopes=(
            Scope("offline", "Access while you are away", can_untick=False),
            Scope("read:profile", "Your name and e-mail", can_untick=False),
            Scope("read:workout", "Your workouts"),
            Scope("read:sleep", "Your sleep"),
            Scope("read:recovery", "Your recovery"),
            Scope("read:cycles", "Your days and their strain"),
            Scope("read:body_measurement", "Your body measurements"),
        ),
    ),
    routes=(
        Route("GET", f"{_V2}/user/profile/basic", _profile, scopes=("read:profile",)),
        Route("GET", f"{_V2}/user/measurement/body", _body, scopes=("read:body_measurement",)),
        Route("DELETE", f"{_V2}/user/access", _end),
        Route("GET", f"{_V2}/activity/workout", _page("workout"), scopes=("read:workout",)),
        Route("GET", f"{_V2}/activity/workout/{{id}}", _one("workout"), scopes=("read:workout",)),
        Route("GET", f"{_V2}/activity/sleep", _page("sleep"), scopes=("read:sleep",)),
        Route("GET", f"{_V2}/activity/sleep/{{id}}", _one("sleep"), scopes=("read:sleep",)),
        Route("GET", f"{_V2}/recovery", _page("recovery"), scopes=("read:recovery",)),
        Route("GET", f"{_V2}/cycle", _page("cycle"), scopes=("read:cycles",)),
        Route("GET", f"{_V2}/cycle/{{id}}", _one("cycle"), scopes=("read:cycles",)),
        Route("GET", f"{_V2}/cycle/{{id}}/sleep", _sleep_of_cycle, scopes=("read:sleep",)),
        Route("GET", f"{_V2}/cycle/{{id}}/recovery", _one("recovery"), scopes=("read:recovery",)),
    ),
    tell=tell,
    activity_kind="workout",
    night_kind="sleep",
    day_kind="cycle",
    windows=(Window(100, 60), Window(10_000, 86_400)),
    limit_headers=limits,
    webhooks=Webhooks(
        body=event,
        sign=signature,
        retries_s=(60, 300, 900, 1800),
        portal=True,
        portal_secret="CLIENT_SECRET",  # noqa: S106
    ),
)
