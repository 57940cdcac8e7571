"""The calls of Strava's API, over real HTTP."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from activities.domain.reading import RawPayload
from integrations.base import HISTORY, NEW, NOW, Account, Answer, Ask, Listing, Subscription
from integrations.errors import ProviderError, Unavailable, UnexpectedPayload
from integrations.http import ApiSession
from integrations.providers.strava.adapter import StravaAdapter
from integrations.providers.strava.provider import PROVIDER
from integrations.providers.strava.webhook import StravaWebhooks
from tests.integrations.playback import Call, Playback, Reply
from tests.integrations.providers.draining import drained
from tests.integrations.sandbox.serving import Running

STRAVA = StravaAdapter()
ApiOf = Callable[..., ApiSession]
NOW_AT = datetime(2026, 6, 20, 12, tzinfo=UTC)
LIST, ONE = "/strava/api/v3/athlete/activities", "/strava/api/v3/activities/"


def activity(number: int, start: str, **told: Any) -> dict[str, Any]:
    return {"id": number, "start_date": start, "sport_type": "Run", "name": f"Run {number}", **told}


def pages(playback: Playback, rows: list[dict[str, Any]], size: int = 200) -> None:
    """The list as Strava filters and sorts it, whoever asks for how much of it."""

    def page(call: Call) -> Reply:
        query = {name: int(value) for name, value in call.query.items()}
        found = [row for row in rows if query.get("after", 0) < stamp(row["start_date"]) < query.get("before", 1 << 40)]
        found.sort(key=lambda row: row["start_date"], reverse="after" not in query)
        begin = (query["page"] - 1) * size
        return Reply(body=json.dumps(found[begin : begin + size]).encode())

    playback.answer("GET", LIST, times=float("inf"), by=page)


def stamp(moment: str) -> int:
    return int(datetime.fromisoformat(moment.replace("Z", "+00:00")).timestamp())


# --- the account ------------------------------------------------------------------------------


def test_account_comes_with_the_code(api_of: ApiOf) -> None:
    api = api_of(PROVIDER, athlete={"id": 8812345678, "firstname": "Lena", "lastname": "Brandt"})

    assert STRAVA.account(api) == Account("8812345678", "Lena Brandt")


def test_account_is_asked_for_where_the_token_does_not_tell(playback: Playback, api_of: ApiOf) -> None:
    playback.answer("GET", "/strava/api/v3/athlete", json={"id": 7, "firstname": "Mo", "lastname": None})

    assert STRAVA.account(api_of(PROVIDER)) == Account("7", "Mo")


@pytest.mark.parametrize("status", [200, 400, 401])
def test_revoke_names_the_token_and_the_app(playback: Playback, api_of: ApiOf, status: int) -> None:
    playback.answer("POST", "/strava/oauth/revoke", status=status, json={})

    STRAVA.revoke(api_of(PROVIDER))

    [call] = playback.calls
    assert call.form["token"] == "a-token"
    assert call.form["token_type_hint"] == "access_token"


# --- lists ------------------------------------------------------------------------------------


def test_a_backfill_goes_back_by_starts_and_loses_none_of_one_second(playback: Playback, api_of: ApiOf) -> None:
    same = "2026-05-01T08:00:00Z"
    rows = [activity(1, "2026-06-19T08:00:00Z"), activity(2, "2026-06-01T08:00:00Z")]
    rows += [activity(number, same) for number in (3, 4, 5)] + [activity(6, "2025-01-01T08:00:00Z", manual=True)]
    pages(playback, rows, size=2)
    for number in range(1, 7):
        playback.answer("GET", f"{ONE}{number}", times=float("inf"), json={"id": number})
        playback.answer("GET", f"{ONE}{number}/streams", times=float("inf"), json={"time": {"data": [0]}})

    told = drained(STRAVA, api_of(PROVIDER), STRAVA.begin("activities", "backfill", cursor={}, now=NOW_AT))

    assert told.ids("summary") == ["1", "2", "3", "4", "5", "6"]
    assert told.ids("detail") == ["1", "2", "3", "4", "5", "6"]
    # What was typed in by hand has no streams, so they are not asked for.
    assert told.ids("streams") == ["1", "2", "3", "4", "5"]
    assert told.cursors == {"activities": {"at": NOW_AT.isoformat()}}
    assert told.listings == [Listing("summary", NOW_AT, None, NOW_AT)]
    # What is new first, then the whole list, then what was long ago.
    kinds = [ask.what for ask in told.asked]
    assert kinds[:3] == ["list", "detail", "streams"]
    assert kinds.index("list", 1) == 3
    assert "list" not in kinds[max(place for place, kind in enumerate(kinds) if kind == "list") + 1 :]
    assert [ask.rank for ask in told.asked if ask.what == "detail"] == [
        NEW,
        HISTORY,
        HISTORY,
        HISTORY,
        HISTORY,
        HISTORY,
    ]


def test_elements_are_kept_byte_for_byte_and_ask_for_what_completes_them(playback: Playback, api_of: ApiOf) -> None:
    body = b'[ {"id": 16200000001,  "start_date":"2026-06-19T08:00:00Z","distance":1e3} ,{"name":"nameless"}, 17]'
    playback.answer("GET", LIST, body=body)
    [first] = STRAVA.begin("activities", "incremental", cursor={"at": NOW_AT.isoformat()}, now=NOW_AT)

    answer = STRAVA.fetch(api_of(PROVIDER), first)

    after = int((NOW_AT - timedelta(days=14)).timestamp())
    assert playback.calls[0].query == {"after": str(after), "page": "1", "per_page": "200"}
    assert answer.payloads == (
        RawPayload(
            "summary",
            "16200000001",
            b'{"id": 16200000001,  "start_date":"2026-06-19T08:00:00Z","distance":1e3}',
            "application/json",
        ),
    )
    assert answer.asks == (
        Ask("detail", "16200000001", "activities", rank=NEW, of="summary"),
        Ask("streams", "16200000001", "activities", rank=NEW, of="summary"),
        Ask("list", f"activities after {after} 2", "activities", {**first.params, "page": 2}, NEW),
    )
    assert [(problem.count, problem.path) for problem in answer.problems] == [(2, "activities")]
    assert (answer.cursor, answer.listing) == (None, None)


def test_an_incremental_look_reads_until_an_empty_page(playback: Playback, api_of: ApiOf) -> None:
    pages(playback, [activity(1, "2026-06-19T08:00:00Z"), activity(2, "2026-06-07T08:00:00Z")], size=1)
    later = NOW_AT + timedelta(hours=1)
    first = STRAVA.begin("activities", "incremental", cursor={"at": NOW_AT.isoformat()}, now=later)
    api = api_of(PROVIDER)
    listed = [first[0]]
    while (answer := STRAVA.fetch(api, listed[-1])).cursor is None:
        listed.append(answer.asks[-1])

    assert [call.query["page"] for call in playback.calls] == ["1", "2", "3"]
    since = NOW_AT - timedelta(days=14) + timedelta(seconds=1)
    assert answer == Answer(listing=Listing("summary", later, since, later), cursor={"at": later.isoformat()})


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b'[{"id": 1, "start_date"', UnexpectedPayload),
        (b'{"message": "ok"}', UnexpectedPayload),
        (b'[{"id": 1}]', UnexpectedPayload),
        (b'[{"id": 1, "start_date": "2099-01-01T00:00:00Z"}]', Unavailable),
    ],
    ids=["broken off", "no list", "no start", "another page"],
)
def test_a_failed_page_is_never_an_empty_page(
    playback: Playback, api_of: ApiOf, body: bytes, error: type[ProviderError]
) -> None:
    playback.answer("GET", LIST, body=body)
    [first] = STRAVA.begin("activities", "backfill", cursor={}, now=NOW_AT)

    with pytest.raises(error):
        STRAVA.fetch(api_of(PROVIDER), first)


# --- one activity -----------------------------------------------------------------------------


def test_detail_and_streams_are_kept_as_served(playback: Playback, api_of: ApiOf) -> None:
    playback.answer("GET", f"{ONE}7", query={"include_all_efforts": "true"}, body=b'{ "id":7 }')
    keys = "time,distance,latlng,altitude,velocity_smooth,heartrate,cadence,watts,temp,moving,grade_smooth"
    playback.answer("GET", f"{ONE}7/streams", query={"keys": keys, "key_by_type": "true"}, body=b'{"time": {}}')
    api = api_of(PROVIDER)

    answers = [STRAVA.fetch(api, Ask(kind, "7", "activities")) for kind in ("detail", "streams")]

    assert answers == [
        Answer((RawPayload("detail", "7", b'{ "id":7 }', "application/json"),)),
        Answer((RawPayload("streams", "7", b'{"time": {}}', "application/json"),)),
    ]


def test_what_is_not_there_is_gone_and_missing_streams_are_none(playback: Playback, api_of: ApiOf) -> None:
    fault = {"message": "Record Not Found", "errors": [{"resource": "Activity", "field": "id", "code": "invalid"}]}
    playback.answer("GET", f"{ONE}7", status=404, json=fault)
    playback.answer("GET", f"{ONE}8/streams", status=404, json=fault)
    api = api_of(PROVIDER)

    asked = STRAVA.confirm("summary", "7")

    assert asked == Ask("detail", "7", "activities", rank=HISTORY)
    assert STRAVA.fetch(api, asked) == Answer(gone=("7",))
    assert STRAVA.fetch(api, Ask("streams", "8", "activities")) == Answer()


def test_another_activity_than_asked_for_is_not_taken(playback: Playback, api_of: ApiOf) -> None:
    playback.answer("GET", f"{ONE}7", json={"id": 8})

    with pytest.raises(UnexpectedPayload):
        STRAVA.fetch(api_of(PROVIDER), Ask("detail", "7", "activities", rank=NOW))


# --- subscriptions ----------------------------------------------------------------------------


def test_a_subscription_is_made_found_and_ended(playback: Playback, api_of: ApiOf) -> None:
    path, address = "/strava/api/v3/push_subscriptions", "https://train.example/webhooks/strava/"
    keys = {"client_id": "sandbox-strava", "client_secret": "sandbox-secret"}
    playback.answer("POST", path, status=201, json={"id": 120475})
    playback.answer("GET", path, query=keys, json=[{"id": 120475, "callback_url": f"{address}?key=our+word"}])
    playback.answer("DELETE", f"{path}/120475", query=keys, status=204)
    api, hooks = ApiSession.of_app(PROVIDER), StravaWebhooks()

    made = hooks.subscribe(api, address, "our word", "")
    found = hooks.subscriptions(api)
    hooks.unsubscribe(api, made)

    assert made == Subscription("120475", f"{address}?key=our+word", "our word")
    assert list(found) == [made]
    assert playback.calls[0].form == {**keys, "callback_url": made.callback_url, "verify_token": "our word"}
    assert hooks.renew(api, made) == made


# --- the sandbox ------------------------------------------------------------------------------


def connected(settings: Settings, sandbox: Running, **told: Any) -> ApiSession:
    settings.SANDBOX_URL = sandbox.url
    return ApiSession.of_token(PROVIDER, sandbox.grant("strava", **told))


@pytest.mark.django_db
def test_a_backfill_of_the_sandbox_brings_every_record_as_it_was_served(settings: Settings, sandbox: Running) -> None:
    api = connected(settings, sandbox)
    assert STRAVA.account(api).name

    told = drained(STRAVA, api, STRAVA.begin("activities", "backfill", cursor={}, now=datetime.now(UTC)))

    records = sandbox.records("strava")
    assert records
    assert {(row["kind"], row["id"]) for row in records} == told.payloads.keys()
    served = sandbox.served("strava")
    for (kind, external_id), payload in told.payloads.items():
        assert hashlib.sha256(payload.data).hexdigest() in served[kind][external_id]
    details, streams = told.parsed(PROVIDER, "detail"), told.parsed(PROVIDER, "streams")
    assert any(one.activities[0].extra.get("segment_efforts") for one in details.values())
    assert all(one.addition and one.addition.streams for one in streams.values())
    STRAVA.revoke(api)
    assert sandbox.get("/strava/api/v3/athlete", token=api.token["access_token"]).status == 401


@pytest.mark.django_db
def test_private_activities_stay_away_without_the_scope_for_them(settings: Settings, sandbox: Running) -> None:
    newest = sandbox.records("strava", "summary")[-1]
    sandbox.control("edit", provider="strava", id=newest["id"], private=True)
    api = connected(settings, sandbox, scopes=["read", "activity:read"])

    told = drained(STRAVA, api, STRAVA.begin("activities", "backfill", cursor={}, now=datetime.now(UTC)))

    assert newest["id"] not in told.ids("summary")
    assert STRAVA.fetch(api, Ask("detail", newest["id"], "activities")) == Answer(gone=(newest["id"],))
