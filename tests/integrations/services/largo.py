"""Largo: a provider that does not exist. Its declaration, and the server that plays it over real HTTP.

It lists workouts, nights and daily scores page by page, completes each workout by a detail and by points, and gives a
day's pulse as a window. What the server knows stands in a `World`, which tests change as an athlete would.

As a program it is a worker: `python -m tests.integrations.services.largo` works off whatever runs are due, for as long
as there are any.
"""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from activities.domain.parsed import Addition, DayValue, Parsed, ParsedActivity
from activities.domain.reading import DeviceFacts, RawPayload
from activities.domain.sleep import ParsedSleep
from integrations import told
from integrations.base import (
    HISTORY,
    NEW,
    Account,
    Answer,
    Api,
    Ask,
    Capabilities,
    Feed,
    Listing,
    Look,
    Network,
    OAuth2,
    Provider,
    Scope,
    Terms,
)
from integrations.errors import UnexpectedPayload
from tests.integrations.playback import Call, Playback, Reply

if TYPE_CHECKING:
    from integrations.models import Connection

SLUG = "largo"
PAGE = 10
JSON = "application/json"


# --- mapping --------------------------------------------------------------------------------


def parse_workout(data: bytes, external_id: str) -> Parsed:
    payload = told.object_of(data)
    start = told.aware(payload.get("start"))
    if start is None:
        raise UnexpectedPayload("This workout does not say when it began.")
    return Parsed(
        activities=(
            ParsedActivity(
                external_id=external_id,
                sport=payload.get("sport", "running"),
                start_time=start,
                elapsed_s=told.number(payload.get("seconds")),
                distance_m=told.number(payload.get("metres")),
                avg_heart_rate_bpm=told.number(payload.get("pulse")),
                name=told.text(payload.get("title")),
            ),
        )
    )


def parse_points(data: bytes, external_id: str) -> Parsed:
    points = told.object_of(data)["points"]
    return Parsed(addition=Addition(streams=told.streams_of({"heart_rate": [(at, bpm) for at, bpm in points]})))


def parse_night(data: bytes, external_id: str) -> Parsed:
    payload = told.object_of(data)
    start, end = told.aware(payload["start"]), told.aware(payload["end"])
    assert start
    assert end
    return Parsed(
        sleeps=(
            ParsedSleep(
                start_time=start,
                end_time=end,
                utc_offset_s=0,
                date=end.date(),
                stages=(),
                asleep_s=(end - start).total_seconds(),
                external_id=external_id,
                score=told.number(payload.get("score")),
            ),
        )
    )


def parse_score(data: bytes, external_id: str) -> Parsed:
    payload = told.object_of(data)
    day = told.day_of(payload["day"])
    assert day
    return Parsed(days=(DayValue("resting_heart_rate", day, float(payload["value"])),))


def parse_pulse(data: bytes, external_id: str) -> Parsed:
    points = np.array(told.object_of(data)["points"], np.float64).reshape(-1, 2)
    at = points[:, 0].astype(np.int64)
    table = told.sample_table("heart_rate", DeviceFacts("largo band", "Largo Band", "band"), at, at, points[:, 1])
    return Parsed(samples=(table,) if table else ())


# --- adapter --------------------------------------------------------------------------------


class LargoAdapter:
    """Its calls."""

    def account(self, api: Api) -> Account:
        return Account(str(api.get("/me").json()["id"]))

    def revoke(self, api: Api) -> None:
        api.send("DELETE", "/me")

    def begin(self, feed: str, look: Look, *, cursor: Mapping[str, Any], now: datetime) -> Sequence[Ask]:
        since = cursor.get("since", "") if look == "incremental" else ""
        params = {"page": 1, "since": since, "began": now.isoformat(), "look": look}
        if feed == "pulse":
            return [
                Ask("pulse", f"{now - timedelta(days=ago):%Y-%m-%d}", feed, {}, HISTORY)
                for ago in range(1 if look == "incremental" else 3)
            ]
        return [Ask(feed, f"{look} 1", feed, params, HISTORY if look == "backfill" else NEW)]

    def fetch(self, api: Api, ask: Ask) -> Answer:
        if ask.what in ("workouts", "nights", "scores"):
            return self._list(api, ask)
        if ask.what == "pulse":
            response = api.get(f"/pulse/{ask.key}")
            told.object_of(response.content)
            data = response.content
            return Answer((RawPayload("pulse", ask.key, data, JSON),), cursor={"last": ask.key})
        if ask.what == "detail":
            response = api.get(f"/workouts/{ask.key}", allow=(404,))
            if response.status == 404:
                return Answer(gone=(ask.key,))
            updated = told.aware(response.json().get("updated"))
            return Answer((RawPayload("detail", ask.key, response.content, JSON, updated),))
        response = api.get(f"/workouts/{ask.key}/points", allow=(404,))
        if response.status == 404:
            return Answer()
        told.object_of(response.content)
        return Answer((RawPayload("points", ask.key, response.content, JSON),))

    def _list(self, api: Api, ask: Ask) -> Answer:
        kind, name = {"workouts": ("summary", "id"), "nights": ("night", "id"), "scores": ("score", "day")}[ask.what]
        query = {name: ask.params[name] for name in ("page", "since") if ask.params[name]}
        page = api.get(f"/{ask.what}", query).json()
        payloads, asks = [], []
        for element in page["records"]:
            data = json.dumps(element).encode()
            updated = told.aware(element.get("updated"))
            payloads.append(RawPayload(kind, str(element[name]), data, JSON, updated))
            if ask.what == "workouts":
                rank = HISTORY + 1 if ask.params["look"] == "backfill" else NEW
                asks.append(Ask("detail", str(element[name]), rank=rank, of="summary"))
                asks.append(Ask("points", str(element[name]), rank=rank, of="summary"))
        if page["next"]:
            params = {**ask.params, "page": page["next"]}
            following = Ask(ask.what, f"{ask.params['look']} {page['next']}", ask.feed, params, ask.rank)
            return Answer(tuple(payloads), (following, *asks), total=page["total"])
        began = datetime.fromisoformat(ask.params["began"])
        since = datetime.fromisoformat(ask.params["since"]) if ask.params["since"] else None
        return Answer(
            tuple(payloads),
            tuple(asks),
            listing=Listing(kind, began, since=since),
            cursor={"since": (began - timedelta(days=7)).isoformat()},
            total=page["total"],
        )

    def confirm(self, kind: str, external_id: str) -> Ask | None:
        return Ask("detail", external_id, rank=NEW) if kind == "summary" else None


def feed(name: str, **brings: bool) -> Feed:
    return Feed(name, name, Capabilities(**brings), scopes=("read",), every_s=3600)


PROVIDER = Provider(
    slug=SLUG,
    name="Largo",
    summary="A provider for tests.",
    capabilities=Capabilities(activities=True, streams=True, sleep=True, metrics=True),
    ways_in=(),
    mapping_version=1,
    parse={
        "detail": parse_workout,
        "summary": parse_workout,
        "points": parse_points,
        "night": parse_night,
        "score": parse_score,
        "pulse": parse_pulse,
    },
    network=Network(
        api_url="https://api.largo.example",
        oauth=OAuth2("https://largo.example/authorize", "https://largo.example/token", (Scope("read", "All", True),)),
        adapter=LargoAdapter(),
        feeds=(
            feed("workouts", activities=True, streams=True),
            feed("nights", sleep=True),
            feed("scores", metrics=True),
            feed("pulse", metrics=True),
        ),
        terms=Terms(keep_days=7, only_athlete=True),
    ),
)


# --- the server -----------------------------------------------------------------------------

# What a test wants a call answered with instead; None for the true answer.
Trick = Callable[[Call], Reply | None]


@dataclass
class World:
    """What Largo knows of its one athlete, and what it does when it is asked."""

    workouts: dict[str, dict[str, Any]] = field(default_factory=dict)
    points: dict[str, list[list[float]]] = field(default_factory=dict)
    nights: dict[str, dict[str, Any]] = field(default_factory=dict)
    scores: dict[str, dict[str, Any]] = field(default_factory=dict)
    pulse: dict[str, list[list[float]]] = field(default_factory=dict)
    tricks: list[Trick] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add_workout(self, number: int, *, points: bool = True, **more: Any) -> str:
        """One a day back from 2026-05-01, an hour long."""
        name = f"w{number}"
        start = datetime(2026, 5, 1, 7, tzinfo=UTC) - timedelta(days=number)
        self.workouts[name] = {
            "id": name,
            "start": start.isoformat(),
            "seconds": 3600 + number,
            "metres": 10_000 + number,
            "title": f"Run {number}",
            "updated": (start + timedelta(hours=2)).isoformat(),
            **more,
        }
        if points:
            self.points[name] = [[at * 60, 120 + at] for at in range(10)]
        return name

    def edit(self, name: str, **changes: Any) -> None:
        """As an athlete would: the record says when."""
        self.workouts[name] |= changes
        later = datetime.fromisoformat(self.workouts[name]["updated"]) + timedelta(minutes=1)
        self.workouts[name]["updated"] = later.isoformat()

    def add_night(self, number: int, **more: Any) -> str:
        name = f"n{number}"
        start = datetime(2026, 5, 1, 22, tzinfo=UTC) - timedelta(days=number)
        end = start + timedelta(hours=8)
        self.nights[name] = {"id": name, "start": start.isoformat(), "end": end.isoformat(), "score": 80, **more}
        return name

    def add_score(self, day: str, value: float) -> None:
        self.scores[day] = {"day": day, "value": value}

    def reply(self, call: Call) -> Reply:
        with self.lock:
            self.calls.append(call.path.removeprefix(f"/{SLUG}"))
            for trick in self.tricks:
                if (reply := trick(call)) is not None:
                    return reply
            return self._true(call.path.removeprefix(f"/{SLUG}"), call.query)

    def _true(self, path: str, query: Mapping[str, str]) -> Reply:
        if match := re.fullmatch(r"/(workouts|nights|scores)", path):
            rows = list(getattr(self, match[1]).values())
            if since := query.get("since"):
                rows = [row for row in rows if (row.get("start") or f"{row.get('day')}T12:00:00+00:00") >= since]
            rows.sort(key=lambda row: str(row.get("start") or row.get("day")), reverse=True)
            first = (int(query.get("page", 1)) - 1) * PAGE
            following = first // PAGE + 2 if first + PAGE < len(rows) else None
            return good({"records": rows[first : first + PAGE], "next": following, "total": len(rows)})
        if match := re.fullmatch(r"/workouts/(\w+)", path):
            row = self.workouts.get(match[1])
            return good({**row, "pulse": 140}) if row else Reply(404)
        if match := re.fullmatch(r"/workouts/(\w+)/points", path):
            points = self.points.get(match[1])
            return good({"points": points}) if points else Reply(404)
        if match := re.fullmatch(r"/pulse/([-0-9]+)", path):
            return good({"points": self.pulse.get(match[1], [])})
        return Reply(404)


def good(told: object) -> Reply:
    return Reply(200, json.dumps(told).encode(), {"content-type": JSON})


class Largo(Playback):
    """The server, on loopback: whatever is asked, the world answers."""

    def __init__(self, world: World) -> None:
        self.world = world
        super().__init__()

    def reply_to(self, call: Call) -> Reply:
        return self.world.reply(call)


# --- a connection ---------------------------------------------------------------------------


def settings_of(url: str) -> dict[str, str]:
    """What an operator sets to have Largo at this address."""
    return {"LARGO_API_URL": f"{url}/{SLUG}", "LARGO_CLIENT_ID": "us", "LARGO_CLIENT_SECRET": "hush"}


def connect(user: Any = None, account_id: str = "7") -> Connection:
    """The connection of an athlete, a new one where none is named, with that account of Largo."""
    from integrations.credentials import encrypt
    from integrations.models import Connection
    from tests.factories.accounts import UserFactory

    return Connection.objects.create(
        user=user or UserFactory(),
        provider=SLUG,
        account_id=account_id,
        scopes=["read"],
        credentials=encrypt({"access_token": "good", "token_type": "Bearer"}),
    )


# --- a worker -------------------------------------------------------------------------------


def work_off(*, slice_s: float | None = None, report: Any = None) -> None:
    """Work whatever can be worked, until nothing is open."""
    from django.utils import timezone

    from integrations.models import SyncRun
    from integrations.services import runs

    while True:
        left = list(SyncRun.objects.filter(state__in=runs.OPEN).order_by("worked_at", "pk"))
        if not left:
            return
        ready = [run for run in left if run.waits_until is None or run.waits_until <= timezone.now()]
        if not any(runs.work(run.pk, slice_s=slice_s, report=report) for run in ready):
            time.sleep(0.05)


if __name__ == "__main__":
    import django

    django.setup()
    from integrations.registry import PROVIDERS

    PROVIDERS[SLUG] = PROVIDER
    pause_s = float(sys.argv[1])
    work_off(slice_s=float(sys.argv[2]), report=lambda run: time.sleep(pause_s))
