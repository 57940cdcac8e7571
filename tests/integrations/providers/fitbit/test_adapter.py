from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from activities.domain.reading import RawPayload
from integrations.base import HISTORY, NEW, Account, Answer, Api, Ask, Listing
from integrations.errors import Unavailable, UnexpectedPayload
from integrations.http import ApiSession
from integrations.providers.fitbit.adapter import (
    LISTED,
    NOT_LINKED,
    ROLLED,
    GoogleHealthAdapter,
    days_ask,
    list_ask,
)
from integrations.providers.fitbit.provider import NETWORK, PROVIDER
from tests.integrations.playback import Call, Playback, Reply
from tests.integrations.providers.draining import drained
from tests.integrations.sandbox.serving import Running

pytestmark = pytest.mark.django_db

ADAPTER = GoogleHealthAdapter()
V4 = "/fitbit/v4/users/me"
# 2026-05-02 lies in the window of 90 days that begins on this day, and in that of 6 days that begins on 2026-04-29.
AT = datetime(2026, 5, 2, 9, 0, tzinfo=UTC)
ApiOf = Callable[..., Api]


@pytest.fixture
def api(api_of: ApiOf) -> Api:
    return api_of(PROVIDER, account_id="h1", refresh_token="a-refresh-token")


@pytest.fixture
def played(sandbox: Running, settings: Any) -> Api:
    settings.SANDBOX_URL = sandbox.url
    return ApiSession.of_token(PROVIDER, sandbox.grant("fitbit"))


def point(kind: str, id: str, **told: Any) -> dict[str, Any]:
    return {"name": f"users/me/dataTypes/{kind}/dataPoints/{id}", **told}


def raw(kind: str, external_id: str, told: Any, stated_at: datetime | None = None) -> RawPayload:
    return RawPayload(kind, external_id, json.dumps(told).encode(), "application/json", stated_at)


def civil(day: date) -> dict[str, int]:
    return {"year": day.year, "month": day.month, "day": day.day}


# --- the account --------------------------------------------------------------------------------


def test_account_is_known_as_webhooks_name_it(playback: Playback, api: Api) -> None:
    playback.answer("GET", f"{V4}/identity", json={"healthUserId": "h1", "legacyUserId": "7XYZ"})
    playback.answer("GET", f"{V4}/identity", json={})

    assert ADAPTER.account(api) == Account("h1")
    with pytest.raises(UnexpectedPayload):
        ADAPTER.account(api)


def test_an_account_without_fitbit_is_told_so(playback: Playback, api: Api) -> None:
    error = {"error": {"code": 400, "status": "FAILED_PRECONDITION", "message": "ACCOUNT_NOT_LINKED"}}
    playback.answer("GET", f"{V4}/identity", status=400, json=error)

    with pytest.raises(Unavailable) as caught:
        ADAPTER.account(api)

    assert str(caught.value) == NOT_LINKED


@pytest.mark.parametrize("status", [200, 400])
def test_revoke_ends_the_consent_also_where_it_has_ended(playback: Playback, api: Api, status: int) -> None:
    playback.answer("POST", "/fitbit/revoke", status=status, json={})

    ADAPTER.revoke(api)

    assert playback.calls[0].form == {"token": "a-refresh-token"}
    assert playback.calls[0].query == {}


# --- points -------------------------------------------------------------------------------------


def test_exercises_come_page_by_page_with_their_files(playback: Playback, api: Api) -> None:
    path = f"{V4}/dataTypes/exercise/dataPoints"
    one = point("exercise", "1", exercise={"updateTime": "2026-05-01T10:00:00Z"})
    two = point("exercise", "2", exercise={})
    playback.answer("GET", path, query={"pageSize": 25}, json={"dataPoints": [one], "nextPageToken": "t"})
    playback.answer("GET", path, query={"pageSize": 25, "pageToken": "t"}, json={"dataPoints": [two, {}]})
    for id in "12":
        tcx = f"{path}/{id}:exportExerciseTcx"
        playback.answer("GET", tcx, query={"alt": "media", "partialData": "true"}, body=f"<tcx{id}/>".encode())

    told = drained(ADAPTER, api, ADAPTER.begin("exercise", "backfill", cursor={}, now=AT))

    assert list(told.payloads.values()) == [
        raw("health_exercise", "1", one, datetime(2026, 5, 1, 10, tzinfo=UTC)),
        RawPayload("tcx", "1", b"<tcx1/>", "application/vnd.garmin.tcx+xml"),
        raw("health_exercise", "2", two),
        RawPayload("tcx", "2", b"<tcx2/>", "application/vnd.garmin.tcx+xml"),
    ]
    assert [(it.what, it.of, it.rank) for it in told.asked] == [
        ("list", "", NEW), ("tcx", "health_exercise", NEW), ("list", "", HISTORY), ("tcx", "health_exercise", HISTORY),
    ]  # fmt: skip
    assert told.cursors == {"exercise": {"until": "2026-05-02T09:00:00+00:00"}}
    assert told.listings == [Listing("health_exercise", AT)]
    assert [it.count for it in told.problems] == [1]


def test_a_later_look_goes_a_week_back_and_a_day_more_for_civil_time(playback: Playback, api: Api) -> None:
    told = '>= "2026-04-23"'
    query = {"pageSize": 25, "filter": f"sleep.interval.civil_end_time {told}"}
    playback.answer("GET", f"{V4}/dataTypes/sleep/dataPoints", query=query, json={})

    [ask] = ADAPTER.begin("sleep", "incremental", cursor={"until": "2026-05-01T09:00:00+00:00"}, now=AT)

    # An answer without points is an empty page: protobuf leaves out what is empty.
    assert ADAPTER.fetch(api, ask) == Answer(
        listing=Listing("health_sleep", AT, datetime(2026, 4, 24, tzinfo=UTC)),
        cursor={"until": "2026-05-02T09:00:00+00:00"},
    )


def test_the_days_of_an_event_are_listed_with_room_on_both_sides(playback: Playback, api: Api) -> None:
    member = "exercise.interval.civil_start_time"
    query = {"pageSize": 25, "filter": f'{member} >= "2026-04-29" AND {member} < "2026-05-05"'}
    playback.answer("GET", f"{V4}/dataTypes/exercise/dataPoints", query=query, json={})

    answer = ADAPTER.fetch(api, list_ask("health_exercise", date(2026, 4, 30), date(2026, 5, 4), now=AT, rank=NEW))

    since, until = datetime(2026, 4, 30, tzinfo=UTC), datetime(2026, 5, 3, tzinfo=UTC)
    assert answer == Answer(listing=Listing("health_exercise", AT, since, until))


def test_daily_figures_are_taken_from_the_one_merged_stream(playback: Playback, api: Api) -> None:
    path = f"{V4}/dataTypes/daily-resting-heart-rate/dataPoints:reconcile"
    told = {"dataPointName": "x", "dailyRestingHeartRate": {"date": civil(date(2026, 5, 1)), "beatsPerMinute": "54"}}
    query = {"pageSize": 1000, "filter": 'daily_resting_heart_rate.date >= "2026-04-23"'}
    playback.answer("GET", path, query=query, json={"dataPoints": [told]})
    asks = ADAPTER.begin("health", "incremental", cursor={"until": "2026-05-01T09:00:00+00:00"}, now=AT)

    answer = ADAPTER.fetch(api, asks[0])

    assert answer == Answer((raw("health_resting_heart_rate", "2026-05-01", told),))
    assert [ask.params["closes"] for ask in asks] == [False, False, False, False, True]


def test_the_body_is_filtered_by_instants(playback: Playback, api: Api) -> None:
    told = point("weight", "5", weight={"weightGrams": 70_000})
    query = {"pageSize": 1000, "filter": 'weight.sample_time.physical_time >= "2026-04-23T00:00:00Z"'}
    playback.answer("GET", f"{V4}/dataTypes/weight/dataPoints", query=query, json={"dataPoints": [told]})

    asks = ADAPTER.begin("body", "incremental", cursor={"until": "2026-05-01T09:00:00+00:00"}, now=AT)

    assert ADAPTER.fetch(api, asks[0]).payloads == (raw("health_weight", "5", told),)


def test_a_single_point_comes_or_is_gone(playback: Playback, api: Api) -> None:
    told = point("sleep", "4", sleep={})
    playback.answer("GET", f"{V4}/dataTypes/sleep/dataPoints/4", json=told)
    playback.answer("GET", f"{V4}/dataTypes/sleep/dataPoints/5", status=404)

    assert ADAPTER.fetch(api, Ask("health_sleep", "4", "sleep")) == Answer((raw("health_sleep", "4", told),))
    confirm = ADAPTER.confirm("health_sleep", "5")
    assert confirm is not None
    assert ADAPTER.fetch(api, confirm) == Answer(gone=("5",))
    assert ADAPTER.confirm("health_steps", "2026-05-01") is None


@pytest.mark.parametrize("status", [400, 403, 404])
def test_an_exercise_may_have_no_file(playback: Playback, api: Api, status: int) -> None:
    playback.answer("GET", f"{V4}/dataTypes/exercise/dataPoints/1:exportExerciseTcx", status=status)

    assert ADAPTER.fetch(api, Ask("tcx", "1", "exercise", of="health_exercise")) == Answer()


@pytest.mark.parametrize("body", [b"[]", b'{"dataPoints":[{"name":"x"}', b"<html>", b'{"dataPoints":{}}'])
def test_a_page_that_cannot_be_read_is_no_empty_page(playback: Playback, api: Api, body: bytes) -> None:
    playback.answer("GET", f"{V4}/dataTypes/sleep/dataPoints", body=body)

    with pytest.raises(UnexpectedPayload):
        ADAPTER.fetch(api, *ADAPTER.begin("sleep", "backfill", cursor={}, now=AT))


def test_a_page_that_names_itself_as_the_next_is_asked_for_again(playback: Playback, api: Api) -> None:
    playback.answer("GET", f"{V4}/dataTypes/sleep/dataPoints", json={"nextPageToken": "t"})
    [ask] = ADAPTER.begin("sleep", "backfill", cursor={}, now=AT)

    with pytest.raises(Unavailable):
        ADAPTER.fetch(api, Ask(ask.what, ask.key, ask.feed, {**ask.params, "token": "t"}))


# --- sums ---------------------------------------------------------------------------------------


def test_sums_of_days_are_asked_for_by_civil_dates(playback: Playback, api: Api) -> None:
    first, last = date(2026, 4, 30), date(2026, 5, 4)
    row = {"civilStartTime": {"date": civil(first)}, "steps": {"countSum": "5"}}
    # A day without steps has no sum, one with none has an empty one.
    none = {"civilStartTime": {"date": civil(date(2026, 5, 1))}}
    nought = {"civilStartTime": {"date": civil(date(2026, 5, 2))}, "steps": {}}
    rows = {"rollupDataPoints": [row, none, nought]}
    playback.answer("POST", f"{V4}/dataTypes/steps/dataPoints:dailyRollUp", json=rows)

    answer = ADAPTER.fetch(api, days_ask("health_steps", first, last, now=AT, rank=NEW))

    assert answer == Answer(
        (raw("health_steps", "2026-04-30", row), raw("health_steps", "2026-05-02", nought)),
    )
    assert playback.calls[0].json == {
        "range": {"start": {"date": civil(first)}, "end": {"date": civil(last)}}, "windowSizeDays": 1,
    }  # fmt: skip


@pytest.mark.parametrize(("kind", "longest"), [(kind, it.days) for kind, it in ROLLED.items()])
def test_sums_go_back_in_ranges_that_google_takes(playback: Playback, api: Api, kind: str, longest: int) -> None:
    path = f"{V4}/dataTypes/{ROLLED[kind].type}/dataPoints:dailyRollUp"
    playback.answer("POST", path, json={}, times=float("inf"))
    asks = [ask for ask in ADAPTER.begin("activity", "backfill", cursor={}, now=AT) if ask.params["kind"] == kind]

    told = drained(ADAPTER, api, asks)

    spans = [(date.fromisoformat(it.params["start"]), date.fromisoformat(it.params["end"])) for it in told.asked]
    assert {end - start for start, end in spans[1:]} == {timedelta(days=longest)}
    assert all(later == end for (later, _), (_, end) in pairwise(spans))
    # After two years with nothing it is over.
    assert timedelta(days=730) <= spans[0][1] - spans[-1][0] < timedelta(days=730 + longest)


def test_heart_rate_is_cut_into_days_whatever_the_pages(playback: Playback, api: Api) -> None:
    def minute(moment: str, **told: Any) -> dict[str, Any]:
        return {"startTime": moment, "endTime": moment, "heartRate": {"beatsPerMinuteAvg": 60}, **told}

    rows = [minute("2026-05-01T23:59:00Z"), minute("2026-05-02T00:00:00Z"), minute("2026-05-03T00:00:00Z")]
    pages = {None: {"rollupDataPoints": rows[:2], "nextPageToken": "t"}, "t": {"rollupDataPoints": rows[1:]}}

    def page(call: Call) -> Reply:
        return Reply(200, json.dumps(pages[call.json.get("pageToken")]).encode())

    playback.answer("POST", f"{V4}/dataTypes/heart-rate/dataPoints:rollUp", by=page, times=2)

    answer = ADAPTER.fetch(api, days_ask("health_heart_rate", date(2026, 5, 1), date(2026, 5, 3), now=AT, rank=NEW))

    one, two = (b"[" + json.dumps(row).encode() + b"]" for row in rows[:2])
    assert answer.payloads == (
        RawPayload("health_heart_rate", "2026-05-01", one, "application/json"),
        RawPayload("health_heart_rate", "2026-05-02", two, "application/json"),
    )
    assert playback.calls[0].json == {
        "range": {"startTime": "2026-05-01T00:00:00Z", "endTime": "2026-05-03T00:00:00Z"}, "windowSize": "60s",
        "pageSize": 10_000,
    }  # fmt: skip


def test_sums_that_do_not_end_are_tried_again_later(playback: Playback, api: Api) -> None:
    playback.answer("POST", f"{V4}/dataTypes/steps/dataPoints:dailyRollUp", json={"nextPageToken": "t"}, times=2)

    with pytest.raises(Unavailable):
        ADAPTER.fetch(api, days_ask("health_steps", date(2026, 5, 1), date(2026, 5, 3), now=AT, rank=NEW))


# --- against the sandbox ------------------------------------------------------------------------

KINDS = {
    "health_exercise": "exercise", "health_sleep": "sleep", "health_hrv": "daily-heart-rate-variability",
    "health_resting_heart_rate": "daily-resting-heart-rate", "health_weight": "weight", "health_steps": "steps",
    "health_calories": "total-calories",
}  # fmt: skip


@pytest.mark.parametrize("feed", ["exercise", "sleep", "health", "activity", "body"])
def test_every_point_of_the_sandbox_comes_byte_for_byte(sandbox: Running, played: Api, feed: str) -> None:
    told = drained(ADAPTER, played, ADAPTER.begin(feed, "backfill", cursor={}, now=datetime.now(UTC)))

    for kind in {kind for kind, _ in told.payloads} & KINDS.keys():
        served = {row["sha256"] for row in sandbox.records("fitbit", KINDS[kind])}
        came = {hashlib.sha256(it.data).hexdigest() for it in told.payloads.values() if it.kind == kind}
        assert came == served != set()
        parsed = told.parsed(PROVIDER, kind)
        assert all(one.activities or one.sleeps or one.days for one in parsed.values())
    assert told.payloads


def test_files_of_the_sandbox_tell_the_same_effort(played: Api) -> None:
    told = drained(ADAPTER, played, ADAPTER.begin("exercise", "backfill", cursor={}, now=datetime.now(UTC)))

    assert told.ids("tcx") == told.ids("health_exercise")
    files = told.parsed(PROVIDER, "tcx")
    for id, one in told.parsed(PROVIDER, "health_exercise").items():
        assert abs(files[id].activities[0].start_time - one.activities[0].start_time) < timedelta(seconds=1)


def test_heart_rate_of_the_sandbox_comes_by_the_minute(played: Api) -> None:
    now = datetime.now(UTC)
    cursor = {"until": (now - timedelta(days=3)).isoformat()}

    told = drained(ADAPTER, played, ADAPTER.begin("heart_rate", "incremental", cursor=cursor, now=now))

    rows = [len(table.columns) for it in told.parsed(PROVIDER, "health_heart_rate").values() for table in it.samples]
    assert len(rows) >= 9
    assert sum(rows) > 100 * len(rows)


def test_the_feeds_and_the_kinds_fit_together() -> None:
    assert {feed.name for feed in NETWORK.feeds} == {"exercise", "sleep", "health", "activity", "heart_rate", "body"}
    assert {kind: it.key for kind, it in LISTED.items() if kind in ("health_hrv", "health_body_fat")} == {
        "health_hrv": "dailyHeartRateVariability", "health_body_fat": "bodyFat",
    }  # fmt: skip
