from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from activities.domain.parsed import Problem
from activities.domain.reading import RawPayload
from integrations.base import HISTORY, NEW, NOW, Account, Answer, Api, Ask, Listing, Subscription
from integrations.errors import Unavailable, UnexpectedPayload
from integrations.http import ApiSession
from integrations.providers.oura.adapter import COLLECTIONS, OuraAdapter, list_ask
from integrations.providers.oura.provider import NETWORK, PROVIDER
from integrations.providers.oura.webhook import OuraWebhooks
from tests.integrations.playback import Playback
from tests.integrations.providers.draining import drained
from tests.integrations.providers.openapi import Spec
from tests.integrations.sandbox.serving import Running

pytestmark = pytest.mark.django_db

ADAPTER, HOOKS = OuraAdapter(), OuraWebhooks()
V2 = "/oura/v2/usercollection"
# 2026-04-11 lies in the window of 60 days that begins on this day, and in that of 30 days that begins on 2026-04-04.
AT = datetime(2026, 4, 11, 9, 0, tzinfo=UTC)
WINDOW = date(2026, 3, 5)
ApiOf = Callable[..., Api]


@pytest.fixture
def api(api_of: ApiOf) -> Api:
    return api_of(PROVIDER, account_id="8a2f61d0")


@pytest.fixture
def played(sandbox: Running, settings: Any) -> Api:
    settings.SANDBOX_URL = sandbox.url
    return ApiSession.of_token(PROVIDER, sandbox.grant("oura"))


def document(id: str, day: str, **told: Any) -> dict[str, Any]:
    return {"id": id, "day": day, **told}


def raw(kind: str, external_id: str, told: Any) -> RawPayload:
    return RawPayload(kind, external_id, json.dumps(told).encode(), "application/json")


def beat(moment: str, bpm: int = 60) -> dict[str, Any]:
    return {"timestamp": moment, "bpm": bpm, "source": "awake"}


# --- the account --------------------------------------------------------------------------------


def test_account_is_told_to_any_token(playback: Playback, api: Api) -> None:
    playback.answer("GET", f"{V2}/personal_info", json={"id": "8a2f61d0"})
    playback.answer("GET", f"{V2}/personal_info", json={})

    assert ADAPTER.account(api) == Account("8a2f61d0")
    with pytest.raises(UnexpectedPayload):
        ADAPTER.account(api)


@pytest.mark.parametrize("status", [200, 400, 401])
def test_revoke_ends_the_consent_also_where_it_has_ended(playback: Playback, api: Api, status: int) -> None:
    playback.answer("POST", "/oura/oauth/revoke", query={"access_token": "a-token"}, status=status)

    ADAPTER.revoke(api)

    assert len(playback.calls) == 1


# --- looks --------------------------------------------------------------------------------------


def test_a_first_look_begins_with_the_window_of_today() -> None:
    [ask] = ADAPTER.begin("sleep", "backfill", cursor={}, now=AT)

    assert ask == list_ask("sleep", WINDOW, date(2026, 4, 13), now=AT, rank=NEW, closes=True, goes_back=True)
    # A look that begins anew asks for the same windows but the first.
    [later] = ADAPTER.begin("sleep", "relist", cursor={}, now=AT + timedelta(days=1))
    assert later.params["start"] == ask.params["start"]


def test_a_later_look_goes_a_week_back() -> None:
    asks = ADAPTER.begin("sleep", "incremental", cursor={"until": "2026-04-10T09:00:00+00:00"}, now=AT)

    assert asks == (list_ask("sleep", date(2026, 4, 3), date(2026, 4, 13), now=AT, rank=NEW, closes=True),)


def test_a_look_after_a_long_time_is_cut_into_windows() -> None:
    asks = ADAPTER.begin("heartrate", "incremental", cursor={"until": "2026-02-01T09:00:00+00:00"}, now=AT)

    assert [(ask.params["start"], ask.params["end"], ask.params["closes"]) for ask in asks] == [
        ("2026-01-25", "2026-02-24", False),
        ("2026-02-24", "2026-03-26", False),
        ("2026-03-26", "2026-04-13", True),
    ]


def test_a_window_asks_for_one_day_more_and_is_closed_by_its_last_page(playback: Playback, api: Api) -> None:
    query = {"start_date": "2026-04-03", "end_date": "2026-04-14"}
    first, second = document("a", "2026-04-03"), document("b", "2026-04-10")
    playback.answer("GET", f"{V2}/workout", query=query, json={"data": [first], "next_token": "t"})
    last = {"data": [second], "next_token": None}
    playback.answer("GET", f"{V2}/workout", query={**query, "next_token": "t"}, json=last)
    asks = ADAPTER.begin("workout", "incremental", cursor={"until": "2026-04-10T09:00:00+00:00"}, now=AT)

    told = drained(ADAPTER, api, asks)

    assert list(told.payloads.values()) == [raw("workout", "a", first), raw("workout", "b", second)]
    assert told.cursors == {"workout": {"until": "2026-04-11T09:00:00+00:00"}}
    # What surely lies in the window, wherever the athlete was.
    since, until = datetime(2026, 4, 3, 12, tzinfo=UTC), datetime(2026, 4, 11, 18, tzinfo=UTC)
    assert told.listings == [Listing("workout", AT, since, until)]


def test_a_first_look_goes_back_until_nothing_came_for_two_years(playback: Playback, api: Api) -> None:
    path = f"{V2}/daily_sleep"
    whole = {"data": [document("x", "2025-12-24", score=80)], "next_token": None}
    nothing = {"data": [], "next_token": None}
    playback.answer("GET", path, query={"start_date": "2026-03-05", "end_date": "2026-04-14"}, json=nothing)
    playback.answer("GET", path, query={"start_date": "2026-01-04", "end_date": "2026-03-06"}, json=nothing)
    playback.answer("GET", path, query={"start_date": "2025-11-05", "end_date": "2026-01-05"}, json=whole)
    playback.answer("GET", path, json=nothing, times=13)

    told = drained(ADAPTER, api, ADAPTER.begin("daily_sleep", "backfill", cursor={}, now=AT))

    assert list(told.payloads) == [("daily_sleep", "2025-12-24")]
    assert [ask.rank for ask in told.asked] == [NEW, *[HISTORY] * 15]
    assert told.asked[-1].params["start"] == "2023-09-17"
    assert told.cursors == {"daily_sleep": {"until": "2026-04-11T09:00:00+00:00"}}
    assert told.listings == [Listing("daily_sleep", AT, None, datetime(2026, 4, 11, 18, tzinfo=UTC))]


def test_a_first_look_ends_where_there_was_no_ring_yet(playback: Playback, api: Api) -> None:
    page = {"data": [document("x", "2020-01-01")], "next_token": None}
    playback.answer("GET", f"{V2}/workout", json=page, times=64)

    told = drained(ADAPTER, api, ADAPTER.begin("workout", "backfill", cursor={}, now=AT))

    assert told.asked[-1].params["start"] == "2015-11-01"


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"data":[{"id":"1"}', b"<html>", b'{"data":{}}'])
def test_a_page_that_cannot_be_read_is_no_empty_page(playback: Playback, api: Api, body: bytes) -> None:
    playback.answer("GET", f"{V2}/workout", body=body)

    with pytest.raises(UnexpectedPayload):
        ADAPTER.fetch(api, *ADAPTER.begin("workout", "backfill", cursor={}, now=AT))


def test_a_page_that_names_itself_as_the_next_is_asked_for_again(playback: Playback, api: Api) -> None:
    playback.answer("GET", f"{V2}/workout", json={"data": [], "next_token": "t"})
    [ask] = ADAPTER.begin("workout", "backfill", cursor={}, now=AT)

    with pytest.raises(Unavailable):
        ADAPTER.fetch(api, Ask(ask.what, ask.key, ask.feed, {**ask.params, "token": "t"}))


@pytest.mark.parametrize("feed", [feed.name for feed in NETWORK.feeds])
def test_what_was_not_allowed_is_said_and_stops_nothing_else(playback: Playback, api: Api, feed: str) -> None:
    collection = COLLECTIONS.get(feed, feed)
    playback.answer("GET", f"{V2}/{collection}", status=403, json={"detail": "no"})

    answer = ADAPTER.fetch(api, *ADAPTER.begin(feed, "backfill", cursor={}, now=AT))

    name = collection.replace("_", " ")
    message = f"Oura does not let us read this: {name}. It was not allowed, or the membership has ended."
    assert answer == Answer(problems=(Problem(collection, message),))


def test_a_document_without_a_day_costs_itself(playback: Playback, api: Api) -> None:
    playback.answer("GET", f"{V2}/daily_sleep", json={"data": [{"id": "a"}, document("b", "2026-04-01"), 7]})

    answer = ADAPTER.fetch(api, *ADAPTER.begin("daily_sleep", "incremental", cursor={"until": AT.isoformat()}, now=AT))

    assert [it.external_id for it in answer.payloads] == ["2026-04-01"]
    assert [(it.path, it.count) for it in answer.problems] == [("daily_sleep", 2)]


# --- heart rate ---------------------------------------------------------------------------------


def test_heart_rate_is_cut_into_days_whatever_the_pages(playback: Playback, api: Api) -> None:
    rows = [
        beat("2026-04-10T23:59:00Z"), beat("2026-04-11T00:01:00Z"), beat("2026-04-11T01:00:00+02:00"),
        beat("2026-04-12T00:00:00Z"),
    ]  # fmt: skip
    query = {"start_datetime": "2026-04-10T00:00:00Z", "end_datetime": "2026-04-12T00:00:00Z"}
    playback.answer("GET", f"{V2}/heartrate", query=query, json={"data": rows[:2], "next_token": "t"})
    # A page that comes again tells nothing new.
    again = {"data": rows[1:], "next_token": None}
    playback.answer("GET", f"{V2}/heartrate", query={**query, "next_token": "t"}, json=again)

    answer = ADAPTER.fetch(api, list_ask("heartrate", date(2026, 4, 10), date(2026, 4, 12), now=AT, rank=NEW))

    one, two, three = (json.dumps(row).encode() for row in rows[:3])
    assert answer.payloads == (
        RawPayload("heartrate", "2026-04-10", b"[" + one + b"," + three + b"]", "application/json"),
        RawPayload("heartrate", "2026-04-11", b"[" + two + b"]", "application/json"),
    )


def test_heart_rate_goes_back_in_windows_of_thirty_days(playback: Playback, api: Api) -> None:
    playback.answer("GET", f"{V2}/heartrate", json={"data": [], "next_token": None}, times=26)

    told = drained(ADAPTER, api, ADAPTER.begin("heartrate", "backfill", cursor={}, now=AT))

    spans = [date.fromisoformat(it.params["end"]) - date.fromisoformat(it.params["start"]) for it in told.asked]
    assert spans == [timedelta(days=9), *[timedelta(days=30)] * 25]
    assert told.cursors == {"heartrate": {"until": "2026-04-11T09:00:00+00:00"}}


# --- single documents ---------------------------------------------------------------------------


def test_a_single_document_of_a_day_is_filed_under_it(playback: Playback, api: Api) -> None:
    told = document("new-id", "2026-04-11", vo2_max=47)
    playback.answer("GET", f"{V2}/vO2_max/new-id", json=told)
    playback.answer("GET", f"{V2}/vO2_max/old-id", status=404)
    playback.answer("GET", f"{V2}/vO2_max/her-id", status=403)

    assert ADAPTER.fetch(api, Ask("vo2_max", "new-id", "vo2_max")) == Answer((raw("vo2_max", "2026-04-11", told),))
    assert ADAPTER.fetch(api, Ask("vo2_max", "old-id", "vo2_max")) == Answer()
    assert len(ADAPTER.fetch(api, Ask("vo2_max", "her-id", "vo2_max")).problems) == 1
    assert ADAPTER.confirm("vo2_max", "2026-04-11") is None


def test_a_sleep_that_changed_has_its_days_listed_again(playback: Playback, api: Api) -> None:
    told = document("n-1", "2026-04-11", type="long_sleep")
    playback.answer("GET", f"{V2}/sleep/n-1", json=told)
    playback.answer("GET", f"{V2}/sleep/n-0", status=404)

    answer = ADAPTER.fetch(api, Ask("sleep", "n-1", "sleep", {"now": AT.isoformat()}, NOW))

    listed = list_ask("sleep", date(2026, 4, 9), date(2026, 4, 15), now=AT, rank=NOW)
    assert answer == Answer((raw("sleep", "n-1", told),), (listed,))
    confirm = ADAPTER.confirm("sleep", "n-0")
    assert confirm is not None
    assert ADAPTER.fetch(api, confirm) == Answer(gone=("n-0",))


def test_the_profile_is_told_once_until_it_changes(playback: Playback, api: Api) -> None:
    old, new = {"id": "8", "weight": 71.5}, {"id": "8", "weight": 70}
    playback.answer("GET", f"{V2}/personal_info", json=old, times=2)
    playback.answer("GET", f"{V2}/personal_info", json=new)
    cursor: dict[str, Any] = {}
    told = []
    for day in range(3):
        [ask] = ADAPTER.begin("personal_info", "incremental", cursor=cursor, now=AT + timedelta(days=day))
        answer = ADAPTER.fetch(api, ask)
        cursor = dict(answer.cursor or {})
        told += answer.payloads

    assert told == [
        raw("personal_info", "2026-04-11", old), raw("personal_info", "2026-04-11", old),
        raw("personal_info", "2026-04-13", new),
    ]  # fmt: skip


# --- subscriptions ------------------------------------------------------------------------------

TOLD = {
    "id": "5f", "callback_url": "https://train.example/webhooks/oura/", "event_type": "update", "data_type": "sleep",
    "expiration_time": "2026-07-10T09:00:00+00:00",
}  # fmt: skip
KEPT = Subscription(
    "5f", "https://train.example/webhooks/oura/", "", datetime(2026, 7, 10, 9, tzinfo=UTC), "update.sleep"
)


def test_subscriptions_are_made_listed_renewed_and_ended(playback: Playback, api: Api, shared: Path) -> None:
    base = "/oura/v2/webhook/subscription"
    playback.answer("GET", base, json=[TOLD])
    playback.answer("POST", base, status=201, json=TOLD)
    playback.answer("PUT", f"{base}/renew/5f", json={**TOLD, "expiration_time": "2026-10-08T09:00:00+00:00"})
    playback.answer("DELETE", f"{base}/5f", status=204)

    assert HOOKS.subscriptions(api) == (KEPT,)
    assert HOOKS.subscribe(api, TOLD["callback_url"], "verify-me", "update.sleep") == KEPT
    assert HOOKS.renew(api, KEPT).expires_at == datetime(2026, 10, 8, 9, tzinfo=UTC)
    HOOKS.unsubscribe(api, KEPT)

    spec = Spec.of(shared / "providers/specs/oura/openapi-v2.json")
    for call in playback.calls:
        keys = {name: call.headers[name] for name in ("x-client-id", "x-client-secret")}
        assert keys == {"x-client-id": "sandbox-oura", "x-client-secret": "sandbox-secret"}
        assert "authorization" not in call.headers
        body = call.json if call.body else None
        assert spec.problems_of_request(call.method, call.path.removeprefix("/oura"), call.query, body) == []
    assert playback.calls[1].json == {
        "callback_url": TOLD["callback_url"], "verification_token": "verify-me", "event_type": "update",
        "data_type": "sleep",
    }  # fmt: skip


# --- against the sandbox ------------------------------------------------------------------------


@pytest.mark.parametrize("feed", sorted({*COLLECTIONS} - {"session"}))
def test_every_document_of_the_sandbox_comes_byte_for_byte(sandbox: Running, played: Api, feed: str) -> None:
    told = drained(ADAPTER, played, ADAPTER.begin(feed, "backfill", cursor={}, now=datetime.now(UTC)))

    served = {row["sha256"] for row in sandbox.records("oura", feed)}
    assert {hashlib.sha256(it.data).hexdigest() for it in told.payloads.values()} == served
    assert len(told.payloads) == len(served) > 3
    assert all(one.activities or one.sleeps or one.days for one in told.parsed(PROVIDER, feed).values())


def test_heart_rate_of_the_sandbox_covers_its_days(played: Api) -> None:
    now = datetime.now(UTC)

    told = drained(ADAPTER, played, ADAPTER.begin("heartrate", "backfill", cursor={}, now=now))

    days = told.ids("heartrate")
    assert len(days) > 30
    parsed = told.parsed(PROVIDER, "heartrate")
    assert sum(len(table.columns) for one in parsed.values() for table in one.samples) > 150 * len(days)


def test_a_night_of_the_sandbox_has_stages_that_fill_it(played: Api) -> None:
    told = drained(ADAPTER, played, ADAPTER.begin("sleep", "backfill", cursor={}, now=datetime.now(UTC)))

    for one in told.parsed(PROVIDER, "sleep").values():
        [sleep] = one.sleeps
        length = (sleep.end_time - sleep.start_time).total_seconds()
        assert length - 30 <= sum(lasts for _, lasts, _ in sleep.stages) <= length
        assert {stage for _, _, stage in sleep.stages} == {"awake", "light", "deep", "rem"}


def test_requests_and_answers_are_as_documented(sandbox: Running, played: Api, shared: Path) -> None:
    spec = Spec.of(shared / "providers/specs/oura/openapi-v2.json")
    now = datetime.now(UTC)
    cursor = {"until": (now - timedelta(days=3)).isoformat()}
    asks = [ask for feed in NETWORK.feeds for ask in ADAPTER.begin(feed.name, "incremental", cursor=cursor, now=now)]
    told = drained(ADAPTER, played, asks)
    drained(ADAPTER, played, [Ask("sleep", told.ids("sleep")[-1], "sleep", {"now": now.isoformat()})])
    token = sandbox.grant("oura")["access_token"]

    checked = 0
    for row in sandbox.look("requests", provider="oura"):
        path = row["path"].removeprefix("/oura")
        if path.startswith("/v2/usercollection"):
            query = dict(pair.split("=") for pair in row["query"].replace("%3A", ":").split("&") if pair)
            assert spec.problems_of_request(row["method"], path, query) == []
            answered = sandbox.get(f"{row['path']}?{row['query']}", token=token)
            assert spec.problems_of_answer("GET", path, answered.status, answered.json) == []
            checked += 1
    assert checked > len(COLLECTIONS)
