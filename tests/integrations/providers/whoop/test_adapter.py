from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from activities.domain.reading import RawPayload
from integrations.base import HISTORY, NEW, NOW, Account, Answer, Api, Ask, Listing
from integrations.errors import Unavailable, UnexpectedPayload
from integrations.http import ApiSession
from integrations.providers.whoop.adapter import WhoopAdapter, list_ask
from integrations.providers.whoop.provider import NETWORK, PROVIDER
from tests.integrations.playback import Playback
from tests.integrations.providers.draining import drained
from tests.integrations.providers.openapi import Spec
from tests.integrations.sandbox.serving import Running

pytestmark = pytest.mark.django_db

ADAPTER = WhoopAdapter()
V2 = "/whoop/developer/v2"
AT = datetime(2026, 4, 11, 9, 0, tzinfo=UTC)
ApiOf = Callable[..., Api]
SLEEP = "6f0b6d1e-2ad1-4c0b-9a2e-000000000001"


@pytest.fixture
def api(api_of: ApiOf) -> Api:
    return api_of(PROVIDER, account_id="31007")


@pytest.fixture
def played(sandbox: Running, settings: Any) -> Api:
    settings.SANDBOX_URL = sandbox.url
    return ApiSession.of_token(PROVIDER, sandbox.grant("whoop"))


def record(number: int, **told: Any) -> dict[str, Any]:
    return {
        "id": f"r{number}", "updated_at": f"2026-04-{number:02}T10:00:00.000Z",
        "start": f"2026-04-{number:02}T08:00:00.000Z", **told,
    }  # fmt: skip


def raw(kind: str, external_id: str, told: dict[str, Any], stated_at: datetime | None = None) -> RawPayload:
    return RawPayload(kind, external_id, json.dumps(told).encode(), "application/json", stated_at)


# --- the account --------------------------------------------------------------------------------


def test_account_is_the_member(playback: Playback, api: Api) -> None:
    told = {"user_id": 31007, "email": "kim@example.org", "first_name": "Kim", "last_name": "Berg"}
    playback.answer("GET", f"{V2}/user/profile/basic", json=told)

    assert ADAPTER.account(api) == Account("31007", "Kim Berg")


def test_account_that_is_not_told_is_unexpected(playback: Playback, api: Api) -> None:
    playback.answer("GET", f"{V2}/user/profile/basic", json={})

    with pytest.raises(UnexpectedPayload):
        ADAPTER.account(api)


@pytest.mark.parametrize("status", [204, 401, 404])
def test_revoke_ends_the_consent_also_where_it_has_ended(playback: Playback, api: Api, status: int) -> None:
    playback.answer("DELETE", f"{V2}/user/access", status=status)

    ADAPTER.revoke(api)

    assert playback.made == [f"DELETE {V2}/user/access"]


# --- looks --------------------------------------------------------------------------------------


def test_a_first_look_goes_back_to_the_beginning() -> None:
    [ask] = ADAPTER.begin("workout", "backfill", cursor={}, now=AT)

    params = {"look": "backfill", "since": "", "now": "2026-04-11T09:00:00.000Z", "closes": True}
    assert ask == Ask("list", "workout backfill 1", "workout", params, NEW)
    # Without a cursor there is nothing to go on from.
    [ask] = ADAPTER.begin("workout", "incremental", cursor={}, now=AT)
    assert ask.params["since"] == ""


def test_a_later_look_goes_two_weeks_back() -> None:
    [ask] = ADAPTER.begin("sleep", "incremental", cursor={"until": "2026-04-10T09:00:00.000Z"}, now=AT)

    assert ask.params["since"] == "2026-03-27T09:00:00.000Z"
    assert {feed.again_days for feed in NETWORK.feeds if feed.name != "body"} == {14}


def test_pages_follow_each_other_and_the_last_one_moves_the_cursor(playback: Playback, api: Api) -> None:
    since = "2026-03-27T09:00:00.000Z"
    page = {"limit": 25, "start": since}
    playback.answer(
        "GET", f"{V2}/activity/workout", query=page, json={"records": [record(10), record(9)], "next_token": "a"}
    )
    playback.answer(
        "GET",
        f"{V2}/activity/workout",
        query={**page, "nextToken": "a"},
        json={"records": [record(8)], "next_token": ""},
    )
    asks = ADAPTER.begin("workout", "incremental", cursor={"until": "2026-04-10T09:00:00.000Z"}, now=AT)

    told = drained(ADAPTER, api, asks)

    assert list(told.payloads.values()) == [
        raw("workout", f"r{it}", record(it), datetime(2026, 4, it, 10, tzinfo=UTC)) for it in (10, 9, 8)
    ]
    assert told.cursors == {"workout": {"until": "2026-04-11T09:00:00.000Z"}}
    assert told.listings == [Listing("workout", AT, datetime(2026, 3, 28, 9, tzinfo=UTC))]


def test_older_pages_of_a_first_look_can_wait(playback: Playback, api: Api) -> None:
    playback.answer("GET", f"{V2}/cycle", json={"records": [record(10)], "next_token": "a"})

    answer = ADAPTER.fetch(api, *ADAPTER.begin("cycle", "backfill", cursor={}, now=AT))

    [following] = answer.asks
    assert (following.rank, following.params["token"], answer.cursor, answer.listing) == (HISTORY, "a", None, None)


def test_an_empty_list_is_a_list(playback: Playback, api: Api) -> None:
    playback.answer("GET", f"{V2}/activity/workout", json={"records": []})

    answer = ADAPTER.fetch(api, *ADAPTER.begin("workout", "backfill", cursor={}, now=AT))

    assert answer == Answer(listing=Listing("workout", AT), cursor={"until": "2026-04-11T09:00:00.000Z"})


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"records":[{"id":"1"}', b"<html>"])
def test_a_page_that_cannot_be_read_is_no_empty_page(playback: Playback, api: Api, body: bytes) -> None:
    playback.answer("GET", f"{V2}/activity/workout", body=body)

    with pytest.raises(UnexpectedPayload):
        ADAPTER.fetch(api, *ADAPTER.begin("workout", "backfill", cursor={}, now=AT))


def test_a_page_that_names_itself_as_the_next_is_asked_for_again(playback: Playback, api: Api) -> None:
    playback.answer("GET", f"{V2}/activity/workout", json={"records": [], "next_token": "a"})
    [ask] = ADAPTER.begin("workout", "backfill", cursor={}, now=AT)

    with pytest.raises(Unavailable):
        ADAPTER.fetch(api, Ask(ask.what, ask.key, ask.feed, {**ask.params, "token": "a"}))


def test_a_record_without_an_id_costs_itself(playback: Playback, api: Api) -> None:
    playback.answer("GET", f"{V2}/activity/workout", json={"records": [{}, record(3), 7]})

    answer = ADAPTER.fetch(api, *ADAPTER.begin("workout", "backfill", cursor={}, now=AT))

    assert [it.external_id for it in answer.payloads] == ["r3"]
    assert [(it.path, it.count) for it in answer.problems] == [("workout", 2)]


# --- recoveries ---------------------------------------------------------------------------------


def test_recoveries_are_filed_under_the_day_on_which_their_sleep_ended(playback: Playback, api: Api) -> None:
    span = {"timezone_offset": "+13:00", "start": "2026-04-09T10:00:00.000Z", "end": "2026-04-09T18:00:00.000Z"}
    night = {"id": SLEEP, "cycle_id": 77, **span}
    other = {"cycle_id": 78, "sleep_id": "of another page"}
    recovery = {"cycle_id": 77, "sleep_id": SLEEP, "created_at": "2026-04-12T00:00:00.000Z"}
    playback.answer("GET", f"{V2}/activity/sleep", query={"limit": 25}, json={"records": [night]})
    around = {"start": "2026-04-08T10:00:00.000Z", "end": "2026-04-10T10:00:00.000Z", "limit": 25}
    playback.answer("GET", f"{V2}/recovery", query=around, json={"records": [other], "next_token": "b"})
    playback.answer("GET", f"{V2}/recovery", query={**around, "nextToken": "b"}, json={"records": [recovery]})

    answer = ADAPTER.fetch(api, *ADAPTER.begin("recovery", "backfill", cursor={}, now=AT))

    # In Auckland it was the tenth already.
    assert answer.payloads == (raw("recovery", "2026-04-10 77", recovery),)


def test_no_sleeps_no_recoveries(playback: Playback, api: Api) -> None:
    playback.answer("GET", f"{V2}/activity/sleep", json={"records": []})

    answer = ADAPTER.fetch(api, *ADAPTER.begin("recovery", "backfill", cursor={}, now=AT))

    assert (answer.payloads, answer.listing) == ((), Listing("recovery", AT))


def test_a_recovery_is_found_by_its_sleep_or_by_its_cycle(playback: Playback, api: Api) -> None:
    night = {"id": SLEEP, "cycle_id": 77, "end": "2026-04-09T18:00:00Z", "timezone_offset": "+09:00"}
    playback.answer("GET", f"{V2}/activity/sleep/{SLEEP}", json=night)
    playback.answer("GET", f"{V2}/cycle/77/sleep", json=night)
    playback.answer("GET", f"{V2}/cycle/77/recovery", json={"cycle_id": 77}, times=2)

    answers = [ADAPTER.fetch(api, Ask("recovery", key, "recovery")) for key in (SLEEP, "77")]

    assert answers == [Answer((raw("recovery", "2026-04-10 77", {"cycle_id": 77}),))] * 2


def test_a_recovery_that_is_no_more_is_gone_under_its_day(playback: Playback, api: Api) -> None:
    night = {"id": SLEEP, "cycle_id": 77, "end": "2026-04-09T18:00:00Z", "timezone_offset": "+09:00"}
    playback.answer("GET", f"{V2}/activity/sleep/{SLEEP}", json=night)
    playback.answer("GET", f"{V2}/cycle/77/recovery", status=404, times=2)

    assert ADAPTER.fetch(api, Ask("recovery", SLEEP, "recovery")) == Answer(gone=("2026-04-10 77",))
    confirm = ADAPTER.confirm("recovery", "2026-04-10 77")
    assert confirm is not None
    assert ADAPTER.fetch(api, confirm) == Answer(gone=("2026-04-10 77",))


def test_where_the_sleep_is_gone_too_the_list_shows_what_is_left(playback: Playback, api: Api) -> None:
    playback.answer("GET", f"{V2}/activity/sleep/{SLEEP}", status=404)

    answer = ADAPTER.fetch(api, Ask("recovery", SLEEP, "recovery", {"now": AT.isoformat()}, NOW))

    since = AT - timedelta(days=14)
    assert answer == Answer(asks=(list_ask("recovery", "incremental", since=since, now=AT, rank=NOW),))


# --- single records -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "path"), [("workout", "activity/workout"), ("sleep", "activity/sleep"), ("cycle", "cycle")]
)
def test_a_single_record_comes_or_is_gone(playback: Playback, api: Api, kind: str, path: str) -> None:
    playback.answer("GET", f"{V2}/{path}/r3", json=record(3))
    playback.answer("GET", f"{V2}/{path}/r4", status=404)

    assert ADAPTER.fetch(api, Ask(kind, "r3", kind)) == Answer(
        (raw(kind, "r3", record(3), datetime(2026, 4, 3, 10, tzinfo=UTC)),)
    )
    confirm = ADAPTER.confirm(kind, "r4")
    assert confirm is not None
    assert ADAPTER.fetch(api, confirm) == Answer(gone=("r4",))


def test_body_measurements_are_told_once_until_they_change(playback: Playback, api: Api) -> None:
    old, new = {"weight_kilogram": 70.0}, {"weight_kilogram": 69.5}
    playback.answer("GET", f"{V2}/user/measurement/body", json=old, times=2)
    playback.answer("GET", f"{V2}/user/measurement/body", json=new)
    playback.answer("GET", f"{V2}/user/measurement/body", status=404)
    cursor: dict[str, Any] = {}
    told = []
    for day in range(3):
        [ask] = ADAPTER.begin("body", "incremental", cursor=cursor, now=AT + timedelta(days=day))
        answer = ADAPTER.fetch(api, ask)
        cursor = dict(answer.cursor or {})
        told += answer.payloads

    assert told == [raw("body", "2026-04-11", old), raw("body", "2026-04-11", old), raw("body", "2026-04-13", new)]
    assert ADAPTER.fetch(api, Ask("body", "2026-04-14", "body")) == Answer()
    assert ADAPTER.confirm("body", "2026-04-11") is None


# --- against the sandbox ------------------------------------------------------------------------


@pytest.mark.parametrize("feed", [feed.name for feed in NETWORK.feeds if feed.name != "body"])
def test_every_record_of_the_sandbox_comes_byte_for_byte(sandbox: Running, played: Api, feed: str) -> None:
    told = drained(ADAPTER, played, ADAPTER.begin(feed, "backfill", cursor={}, now=datetime.now(UTC)))

    served = {row["sha256"] for row in sandbox.records("whoop", feed)}
    assert {hashlib.sha256(it.data).hexdigest() for it in told.payloads.values()} == served
    assert len(told.payloads) == len(served) > 5
    parsed = told.parsed(PROVIDER, feed)
    assert all(one.activities or one.sleeps or one.days for one in parsed.values())


def test_a_recovery_stands_on_the_same_day_as_its_night(played: Api) -> None:
    asks = [ask for feed in ("sleep", "recovery") for ask in ADAPTER.begin(feed, "backfill", cursor={}, now=AT)]

    told = drained(ADAPTER, played, asks)

    nights = {sleep.date for one in told.parsed(PROVIDER, "sleep").values() for sleep in one.sleeps}
    days = {day.date for one in told.parsed(PROVIDER, "recovery").values() for day in one.days}
    assert nights == days != set()


def test_the_account_and_the_measurements_of_the_sandbox_are_read(played: Api) -> None:
    assert ADAPTER.account(played).name
    [body] = ADAPTER.fetch(played, *ADAPTER.begin("body", "backfill", cursor={}, now=AT)).payloads
    assert {day.metric for day in PROVIDER.parse["body"](body.data, body.external_id).days} == {
        "weight", "height", "max_heart_rate",
    }  # fmt: skip


def test_requests_and_answers_are_as_documented(sandbox: Running, played: Api, shared: Path) -> None:
    spec = Spec.of(shared / "providers/specs/whoop/openapi-v2.json")
    now = datetime.now(UTC)
    cursor = {"until": (now - timedelta(days=9)).isoformat()}
    asks = [ask for feed in NETWORK.feeds for ask in ADAPTER.begin(feed.name, "incremental", cursor=cursor, now=now)]
    told = drained(ADAPTER, played, asks)
    [sleep, *_] = told.ids("sleep")
    drained(ADAPTER, played, [Ask("recovery", sleep, "recovery"), Ask("workout", told.ids("workout")[0], "workout")])
    token = sandbox.grant("whoop")["access_token"]

    for row in sandbox.look("requests", provider="whoop"):
        parts = urlsplit(row["path"])
        path = parts.path.removeprefix("/whoop/developer")
        if not path.startswith("/v2"):
            continue
        query = dict(parse_qsl(row.get("query", "") or parts.query))
        assert spec.problems_of_request(row["method"], path, query) == []
        if row["method"] == "GET":
            answered = sandbox.get(f"{parts.path}?{row.get('query', '') or parts.query}", token=token)
            assert spec.problems_of_answer("GET", path, answered.status, answered.json, nulls=False) == []
