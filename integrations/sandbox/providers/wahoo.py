"""Wahoo's Cloud API v1: pages of workouts with their summaries, FIT files by link, power zones.

Decimals are text, the list has no filter by date, rate limits are told as "day, hour, five minutes", and the webhook's
proof is a token in its body.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

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
    Used,
    Webhooks,
    Window,
    answer,
    dumps,
    empty,
    listed,
    number_of,
    one,
    uuid_of,
    whole,
)
from integrations.sandbox.stories import Effort, Story

# `workout_type_id`: where it happened, by sport; races and the road have numbers of their own.
TYPES: Mapping[str, int] = {
    "ride": 15, "indoor_ride": 61, "run": 1, "treadmill": 5, "swim": 25, "hike": 9, "walk": 6, "strength": 42,
    "yoga": 66, "triathlon": 62,
}  # fmt: skip
# FIT's own numbers: (sport, sub_sport) by what it was; the computer writes no more than that.
FIT_SPORTS: Mapping[str, tuple[int, int]] = {
    "ride": (2, 7), "indoor_ride": (2, 6), "run": (1, 0), "treadmill": (1, 1), "swim": (5, 17), "hike": (17, 0),
    "walk": (11, 0), "strength": (10, 20), "yoga": (10, 43), "triathlon": (18, 0),
}  # fmt: skip
MAKER, PRODUCT = 32, 31
FILES = "/wahoo-cloud/production/uploads/workout_file/file"
# What stands for the address of the sandbox in stored bodies, which know none.
HERE = "https://cdn.wahooligan.com"


# --- one workout ------------------------------------------------------------------------------


def tell(story: Story, account: Account) -> Iterator[Told]:
    if not isinstance(story, Effort):
        return
    number = _id(story, account)
    yield Told("workout", number, story.start, story.updated_at, dumps(_workout(story, account)))
    yield Told("fit", number, story.start, story.updated_at)


def make(kind: str, id: str, story: Story, account: Account) -> bytes:
    assert isinstance(story, Effort)
    sport, sub_sport = FIT_SPORTS[story.sport]
    return story.fit(manufacturer=MAKER, product=PRODUCT, sport=sport, sub_sport=sub_sport)


def _id(effort: Effort, account: Account) -> str:
    return str(number_of("wahoo", account.handle, effort.key))


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _decimal(value: float | None) -> str | None:
    """Wahoo's decimals: text of two digits."""
    return None if value is None else f"{value:.2f}"


def _workout(effort: Effort, account: Account) -> dict[str, Any]:
    moments = {"created_at": _iso(effort.created_at), "updated_at": _iso(effort.updated_at)}
    return {
        "id": int(_id(effort, account)),
        "starts": _iso(effort.start),
        "minutes": round(effort.elapsed_s / 60),
        "name": effort.name,
        "plan_id": None,
        "plan_ids": [],
        "route_id": None,
        "workout_token": f"ELEMNT BOLT {effort.serial % 0x10000:04X}:{effort.number % 1000}",
        "workout_type_id": TYPES[effort.sport],
        "day_code": None,
        "workout_summary": _summary(effort, account),
        **moments,
    }


def _summary(effort: Effort, account: Account) -> dict[str, Any]:
    link = f"{HERE}{FILES}/{uuid_of('wahoo', account.handle, effort.key)}/{_id(effort, account)}.fit"
    power, load = effort.avg_power_w, effort.load if effort.avg_power_w is not None else None
    return {
        "id": number_of("wahoo summary", account.handle, effort.key),
        "name": effort.name,
        "started_at": _iso(effort.start),
        "ascent_accum": _decimal(effort.climbed_m),
        "cadence_avg": _decimal(effort.avg_cadence),
        "calories_accum": _decimal(effort.kcal),
        "distance_accum": _decimal(effort.distance_m or 0.0),
        "duration_active_accum": _decimal(effort.moving_s),
        "duration_paused_accum": _decimal(effort.elapsed_s - effort.moving_s),
        "duration_total_accum": _decimal(effort.elapsed_s),
        "heart_rate_avg": _decimal(effort.avg_heart_rate_bpm),
        "power_avg": _decimal(power),
        "power_bike_np_last": _decimal(effort.normalised_power_w),
        "power_bike_tss_last": _decimal(load),
        "speed_avg": _decimal(effort.avg_speed_mps),
        "work_accum": None if power is None else _decimal(power * effort.moving_s),
        "time_zone": effort.zone,
        "manual": False,
        "edited": bool(effort.edited),
        "fitness_app_id": 1,
        "file": {"url": link},
        "files": [],
        "created_at": _iso(effort.created_at),
        "updated_at": _iso(effort.updated_at),
    }


# --- the paths --------------------------------------------------------------------------------


def _here(piece: Piece, request: Request) -> Piece:
    """The same with its link leading to the sandbox."""
    return Piece(piece.kind, piece.id, piece.body.replace(HERE.encode(), request.base.encode()))


def _me(request: Request, shelf: Shelf) -> Answer:
    account = shelf.account
    return answer(
        {
            "id": int(account.id),
            "height": "1.71",
            "weight": "61.5",
            "first": account.first_name,
            "last": account.last_name,
            "email": account.email if "email" in request.scopes else None,
            "birth": "1990-04-12",
            "gender": 1,
            "created_at": "2021-03-01T09:00:00.000Z",
            "updated_at": "2026-01-10T09:00:00.000Z",
        }
    )


def _workouts(request: Request, shelf: Shelf) -> Answer:
    size = whole(request, "per_page", 30, least=1, most=100)
    page = whole(request, "page", 1, least=1)
    found = shelf.records("workout", limit=size, offset=(page - 1) * size)
    end = {"total": shelf.count("workout"), "page": page, "per_page": size, "order": "descending", "sort": "starts"}
    return listed([_here(record, request) for record in found], b'{"workouts":[', b"]," + dumps(end)[1:])


def _workout_of(request: Request, shelf: Shelf) -> Answer:
    return one(_here(shelf.record("workout", request.args["id"]), request))


def _summary_of(request: Request, shelf: Shelf) -> Answer:
    record = _here(shelf.record("workout", request.args["id"]), request)
    return answer(json.loads(record.body)["workout_summary"])


def _file(request: Request, shelf: Shelf) -> Answer:
    """Whoever has the link has the file: no token is asked for."""
    for account in shelf.accounts():
        theirs = shelf.of(account.id)
        record = theirs.find("workout", request.args["id"])
        if record and request.args["folder"] in record.body.decode():
            return one(theirs.record("fit", record.id), content_type="application/octet-stream")
    raise Refused(404, "Not Found")


def _power_zones(request: Request, shelf: Shelf) -> Answer:
    """One set of zones, for the bike."""
    account = shelf.account
    ftp = 212
    shares = (0.55, 0.75, 0.9, 1.05, 1.2, 1.5, 2.0)
    zones = {
        "id": number_of("zones", account.handle, digits=6),
        **{f"zone_{place}": round(ftp * share) for place, share in enumerate(shares, 1)},
        "ftp": ftp,
        "zone_count": 7,
        "workout_type_id": 0,
        "workout_type_family_id": 0,
        "workout_type_location_id": 1,
        "critical_power": 205,
        "created_at": "2026-01-10T09:00:00.000Z",
        "updated_at": "2026-01-10T09:00:00.000Z",
    }
    return listed([Piece("power_zones", str(zones["id"]), dumps(zones))])


def _permissions(request: Request, shelf: Shelf) -> Answer:
    """Ends all grants of this athlete for the app."""
    shelf.revoke()
    return empty()


# --- webhooks, errors, limits -----------------------------------------------------------------


def event(change: Change, subscription: Subscription, shelf: Shelf) -> bytes | None:
    """The summary with its workout in it. Deletions and ends of consent are told to nobody."""
    if change.record is None or change.record.kind != "workout" or change.what in ("deleted", "revoked"):
        return None
    workout = dict(change.record.json)
    summary = workout.pop("workout_summary")
    return dumps(
        {
            "event_type": "workout_summary",
            "webhook_token": shelf.secret("WEBHOOK_SECRET"),
            "user": {"id": int(change.account.id)},
            "workout_summary": {**summary, "workout": workout},
        }
    )


def error(status: int, message: str) -> Answer:
    return answer({"error": message or "Error"}, status)


def limits(used: Sequence[Used]) -> Mapping[str, str]:
    """Three numbers: of the day, the hour and five minutes."""
    windows = sorted(used, key=lambda it: -it.window.seconds)
    full = [it.resets_in_s for it in windows if it.used >= it.window.requests]
    return {
        "X-RateLimit-Limit": ", ".join(str(it.window.requests) for it in windows),
        "X-RateLimit-Remaining": ", ".join(str(it.left) for it in windows),
        "X-RateLimit-Reset": str(max(full, default=0)),
    }


def token_extra(grant: Grant) -> dict[str, Any]:
    return {"created_at": int(grant.now)}


PLAY = Play(
    slug="wahoo",
    name="Wahoo",
    hosts=("api.wahooligan.com", "cdn.wahooligan.com"),
    oauth=OAuth(
        authorize_path="/oauth/authorize",
        token_paths=("/oauth/token",),
        scopes=(
            Scope("email", "Your e-mail address"),
            Scope("user_read", "Your profile", can_untick=False),
            Scope("workouts_read", "Your workouts"),
            Scope("power_zones_read", "Your power zones"),
            Scope("offline_data", "Your data while you are away"),
        ),
        pkce="taken",
        repeats_s=60,
        ttl_s=7_200,
        token_type="Bearer",  # noqa: S106
        extra=token_extra,
    ),
    routes=(
        Route("GET", "/v1/user", _me, scopes=("user_read",)),
        Route("GET", "/v1/workouts", _workouts, scopes=("workouts_read",)),
        Route("GET", "/v1/workouts/{id}", _workout_of, scopes=("workouts_read",)),
        Route("GET", "/v1/workouts/{id}/workout_summary", _summary_of, scopes=("workouts_read",)),
        Route("GET", "/v1/power_zones", _power_zones, scopes=("power_zones_read",)),
        Route("DELETE", "/v1/permissions", _permissions),
        Route("GET", f"{FILES}/{{folder}}/{{id}}.fit", _file, auth="none", counts=()),
    ),
    tell=tell,
    make=make,
    activity_kind="workout",
    windows=(Window(200, 300), Window(1_000, 3_600), Window(5_000, 86_400)),
    limit_headers=limits,
    error=error,
    webhooks=Webhooks(
        body=event,
        sign=lambda body, subscription, shelf: {},
        retries_s=(1_800, 14_400, 86_400, 259_200),
        portal=True,
    ),
)
