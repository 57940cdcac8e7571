from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from activities.domain.reading import RawPayload
from integrations.base import HISTORY, NEW, NOW, Account, Answer, Api, Ask, Listing
from integrations.errors import Unavailable, UnexpectedPayload
from integrations.http import ApiSession
from integrations.providers.polar.adapter import CONSENTS, PolarAdapter, list_ask, offsets_ask
from integrations.providers.polar.provider import NETWORK, PROVIDER
from tests.integrations.playback import Playback, Reply
from tests.integrations.providers.draining import drained
from tests.integrations.providers.openapi import Spec
from tests.integrations.sandbox.serving import Running

pytestmark = pytest.mark.django_db

ADAPTER = PolarAdapter()
V3 = "/polar/v3"
AT = datetime(2026, 5, 2, 9, 0, tzinfo=UTC)
TODAY = date(2026, 5, 2)
ApiOf = Callable[..., Api]
EKA = {"polar-user-id": 47500001, "first-name": "Eka", "last-name": "Toka"}


@pytest.fixture
def api(api_of: ApiOf) -> Api:
    return api_of(PROVIDER, account_id="47500001", x_user_id=47500001)


@pytest.fixture
def played(sandbox: Running, settings: Any) -> Api:
    """A registered account."""
    settings.SANDBOX_URL = sandbox.url
    token = sandbox.grant("polar")
    api = ApiSession.of_token(PROVIDER, token, account_id=str(token["x_user_id"]))
    ADAPTER.account(api)
    return api


def raw(kind: str, external_id: str, told: Any) -> RawPayload:
    return RawPayload(kind, external_id, json.dumps(told).encode(), "application/json")


def completing(external_id: str, rank: int = NEW) -> tuple[Ask, ...]:
    return tuple(Ask(what, external_id, "exercise", rank=rank, of="exercise") for what in ("fit", "detail"))


# --- the account --------------------------------------------------------------------------------


def test_account_is_registered_before_anything_else(playback: Playback, api: Api, shared: Path) -> None:
    playback.answer("POST", f"{V3}/users", json=EKA)

    assert ADAPTER.account(api) == Account("47500001", "Eka Toka")

    [call] = playback.calls
    assert call.json == {"member-id": "trainstack-47500001"}
    spec = Spec.of(shared / "providers/specs/polar/accesslink-v3-openapi.yaml")
    assert spec.problems_of_request("POST", "/v3/users", call.query, call.json) == []


def test_account_that_is_registered_already_is_taken_as_it_is(playback: Playback, api: Api) -> None:
    playback.answer("POST", f"{V3}/users", status=409, json={})
    playback.answer("GET", f"{V3}/users/47500001", json=EKA)

    assert ADAPTER.account(api) == Account("47500001", "Eka Toka")


def test_account_gets_another_name_where_somebody_has_the_first(playback: Playback, api: Api) -> None:
    playback.answer("POST", f"{V3}/users", status=409, json={})
    playback.answer("GET", f"{V3}/users/47500001", status=403, json={})
    playback.answer("POST", f"{V3}/users", json=EKA)

    assert ADAPTER.account(api) == Account("47500001", "Eka Toka")
    assert playback.calls[-1].json == {"member-id": "trainstack-47500001-2"}


@pytest.mark.parametrize("status", [403, 204])
def test_account_without_consents_is_told_what_to_do(playback: Playback, api: Api, status: int) -> None:
    playback.answer("POST", f"{V3}/users", status=status, body=b"" if status == 204 else b"{}")

    with pytest.raises(Unavailable, match="consents" if status == 403 else "does not know"):
        ADAPTER.account(api)


def test_account_that_never_gets_through_is_given_up(playback: Playback, api: Api) -> None:
    playback.answer("POST", f"{V3}/users", status=409, json={}, times=5)
    playback.answer("GET", f"{V3}/users/47500001", status=204, times=5)

    with pytest.raises(Unavailable):
        ADAPTER.account(api)


def test_account_that_the_token_does_not_name_is_unexpected(api_of: ApiOf) -> None:
    with pytest.raises(UnexpectedPayload):
        ADAPTER.account(api_of(PROVIDER))


@pytest.mark.parametrize("status", [204, 401, 403, 404])
def test_revoke_ends_the_registration_also_where_it_has_ended(playback: Playback, api: Api, status: int) -> None:
    playback.answer("DELETE", f"{V3}/users/47500001", status=status)

    ADAPTER.revoke(api)

    assert len(playback.calls) == 1


# --- exercises ----------------------------------------------------------------------------------


def test_exercises_come_with_their_file_and_their_series(playback: Playback, api: Api) -> None:
    one, two = {"id": "A1"}, {"id": "B2"}
    playback.answer("GET", f"{V3}/exercises", query={}, json=[one, two, {}])

    answer = ADAPTER.fetch(api, *ADAPTER.begin("exercise", "backfill", cursor={}, now=AT))

    assert answer.payloads == (raw("exercise", "A1", one), raw("exercise", "B2", two))
    assert answer.asks == (*completing("A1"), *completing("B2"))
    assert answer.cursor == {"until": "2026-05-02T09:00:00+00:00"}
    # The list holds what was uploaded in the last thirty days.
    assert answer.listing == Listing("exercise", AT, AT - timedelta(days=29))
    assert [(it.path, it.count) for it in answer.problems] == [("exercise", 1)]


@pytest.mark.parametrize("body", [b"{}", b"<html>", b'[{"id":"A1"}'])
def test_a_list_that_cannot_be_read_is_no_empty_list(playback: Playback, api: Api, body: bytes) -> None:
    playback.answer("GET", f"{V3}/exercises", body=body)

    with pytest.raises(UnexpectedPayload):
        ADAPTER.fetch(api, *ADAPTER.begin("exercise", "backfill", cursor={}, now=AT))


@pytest.mark.parametrize(("feed", "path"), [("night", "sleep"), ("nightly_recharge", "nightly-recharge")])
def test_a_list_without_its_key_is_no_empty_list(playback: Playback, api: Api, feed: str, path: str) -> None:
    playback.answer("GET", f"{V3}/users/{path}", json={"message": "soon"})

    with pytest.raises(UnexpectedPayload):
        ADAPTER.fetch(api, *ADAPTER.begin(feed, "backfill", cursor={}, now=AT))


def test_the_file_is_asked_for_as_a_file_and_the_tcx_where_there_is_none(playback: Playback, api: Api) -> None:
    playback.answer("GET", f"{V3}/exercises/A1/fit", body=b"\x0e\x10fit")
    playback.answer("GET", f"{V3}/exercises/B2/fit", status=204)
    playback.answer("GET", f"{V3}/exercises/C3/fit", status=404)
    playback.answer("GET", f"{V3}/exercises/B2/tcx", body=b"<TrainingCenterDatabase/>")
    playback.answer("GET", f"{V3}/exercises/C3/tcx", status=404)

    def file(kind: str, id: str) -> Answer:
        return ADAPTER.fetch(api, Ask(kind, id, "exercise", rank=NEW, of="exercise"))

    assert file("fit", "A1") == Answer((RawPayload("fit", "A1", b"\x0e\x10fit", "application/vnd.ant.fit"),))
    for id in ("B2", "C3"):
        assert file("fit", id) == Answer(asks=(Ask("tcx", id, "exercise", rank=NEW, of="exercise"),))
    tcx = RawPayload("tcx", "B2", b"<TrainingCenterDatabase/>", "application/vnd.garmin.tcx+xml")
    assert file("tcx", "B2") == Answer((tcx,))
    assert file("tcx", "C3") == Answer()
    assert {call.headers["accept"] for call in playback.calls} == {"*/*"}


def test_the_series_are_asked_for_with_zones_and_route(playback: Playback, api: Api) -> None:
    query = {"samples": "true", "zones": "true", "route": "true"}
    playback.answer("GET", f"{V3}/exercises/A1", query=query, json={"id": "A1", "samples": []})
    playback.answer("GET", f"{V3}/exercises/B2", query=query, status=404)

    assert ADAPTER.fetch(api, Ask("detail", "A1", "exercise", of="exercise")) == Answer(
        (raw("detail", "A1", {"id": "A1", "samples": []}),)
    )
    assert ADAPTER.fetch(api, Ask("detail", "B2", "exercise", of="exercise")) == Answer()


def test_a_single_exercise_comes_with_what_completes_it_or_is_gone(playback: Playback, api: Api) -> None:
    playback.answer("GET", f"{V3}/exercises/A1", query={}, json={"id": "A1"})
    playback.answer("GET", f"{V3}/exercises/B2", query={}, status=404)

    assert ADAPTER.fetch(api, Ask("exercise", "A1", "exercise", rank=NOW)) == Answer(
        (raw("exercise", "A1", {"id": "A1"}),), completing("A1", NOW)
    )
    confirm = ADAPTER.confirm("exercise", "B2")
    assert confirm is not None
    assert ADAPTER.fetch(api, confirm) == Answer(gone=("B2",))
    assert ADAPTER.confirm("night", "2026-05-02") is None


def test_a_consent_that_was_withdrawn_is_said_and_waited_for(playback: Playback, api: Api) -> None:
    playback.answer("GET", f"{V3}/users/sleep", status=403, json={"errorType": "consents_missing"})

    with pytest.raises(Unavailable) as caught:
        ADAPTER.fetch(api, *ADAPTER.begin("night", "backfill", cursor={}, now=AT))

    assert str(caught.value) == CONSENTS


# --- nights and days ----------------------------------------------------------------------------


def test_nights_are_filed_under_their_date(playback: Playback, api: Api) -> None:
    night = {"date": "2026-05-02", "sleep_score": 80}
    playback.answer("GET", f"{V3}/users/sleep", json={"nights": [night]})
    playback.answer("GET", f"{V3}/users/sleep/2026-05-02", json=night)
    playback.answer("GET", f"{V3}/users/sleep/2026-05-01", status=404)

    answer = ADAPTER.fetch(api, *ADAPTER.begin("night", "backfill", cursor={}, now=AT))

    assert answer.payloads == (raw("night", "2026-05-02", night),)
    assert answer.listing == Listing("night", AT, AT - timedelta(days=27))
    assert ADAPTER.fetch(api, Ask("night", "2026-05-02", "night")) == Answer((raw("night", "2026-05-02", night),))
    assert ADAPTER.fetch(api, Ask("night", "2026-05-01", "night")) == Answer()


def test_days_go_back_month_by_month_while_there_are_any(playback: Playback, api: Api) -> None:
    path, zones = f"{V3}/users/activities", {"activity_zones": "true"}
    first, second = {"start_time": "2026-05-01T00:00:00"}, {"start_time": "2026-04-01T00:00:00"}
    playback.answer("GET", path, query={"from": "2026-04-05", "to": "2026-05-02", **zones}, json=[first])
    playback.answer("GET", path, query={"from": "2026-03-08", "to": "2026-04-04", **zones}, json=[second])
    playback.answer("GET", path, query={"from": "2026-02-08", "to": "2026-03-07", **zones}, json=[])

    told = drained(ADAPTER, api, ADAPTER.begin("daily_activity", "backfill", cursor={}, now=AT))

    assert told.ids("daily_activity") == ["2026-04-01", "2026-05-01"]
    assert [ask.rank for ask in told.asked] == [NEW, HISTORY, HISTORY]
    assert told.cursors == {"daily_activity": {"until": "2026-05-02T09:00:00+00:00"}}


def test_days_end_where_polar_says_that_it_is_too_long_ago(playback: Playback, api: Api) -> None:
    def page(call: Any) -> Any:
        start = call.query["from"]
        return Reply(400) if start < "2026-01-01" else Reply(200, json.dumps([{"start_time": start}]).encode())

    playback.answer("GET", f"{V3}/users/activities", by=page, times=float("inf"))

    told = drained(ADAPTER, api, ADAPTER.begin("daily_activity", "backfill", cursor={}, now=AT))

    assert told.ids("daily_activity") == ["2026-01-11", "2026-02-08", "2026-03-08", "2026-04-05"]
    assert told.cursors == {"daily_activity": {"until": "2026-05-02T09:00:00+00:00"}}


def test_days_never_go_back_beyond_a_year(playback: Playback, api: Api) -> None:
    playback.answer("GET", f"{V3}/users/activities", json=[{"start_time": "2026-01-01T00:00:00"}], times=float("inf"))

    told = drained(ADAPTER, api, ADAPTER.begin("daily_activity", "backfill", cursor={}, now=AT))

    spans = [(it.params["start"], it.params["end"]) for it in told.asked]
    assert spans[-1][0] == "2025-05-03"
    lengths = {(date.fromisoformat(end) - date.fromisoformat(start)).days for start, end in spans}
    assert max(lengths) == 27


def test_a_later_look_at_days_goes_a_week_back() -> None:
    cursor = {"until": "2026-05-01T09:00:00+00:00"}

    assert ADAPTER.begin("daily_activity", "incremental", cursor=cursor, now=AT) == (
        list_ask("daily_activity", date(2026, 4, 24), TODAY, now=AT, rank=NEW, closes=True),
    )


@pytest.mark.parametrize(("feed", "path"), [("skin_temperature", "skintemperature"), ("spo2", "spo2")])
def test_nothing_measured_is_no_error(playback: Playback, api: Api, feed: str, path: str) -> None:
    span = {"from": "2026-04-05", "to": "2026-05-02"}
    playback.answer("GET", f"{V3}/users/biosensing/{path}", query=span, status=204)

    answer = ADAPTER.fetch(api, *ADAPTER.begin(feed, "backfill", cursor={}, now=AT))

    assert answer == Answer(cursor={"until": "2026-05-02T09:00:00+00:00"})


def test_tests_of_oxygen_are_told_apart_by_their_time(playback: Playback, api: Api) -> None:
    tests = [{"test_time": 1_777_669_200}, {"test_time": 1_777_672_800}, {"test_time": 0}]
    playback.answer("GET", f"{V3}/users/biosensing/spo2", json=tests)

    answer = ADAPTER.fetch(api, *ADAPTER.begin("spo2", "backfill", cursor={}, now=AT))

    assert [it.external_id for it in answer.payloads] == ["2026-05-01 1777669200", "2026-05-01 1777672800"]


def test_physical_information_is_filed_under_its_last_change(playback: Playback, api: Api) -> None:
    told = {"weight": 63.5, "modified": "2026-04-28T05:00:00Z"}
    playback.answer("GET", f"{V3}/users/physical-info", json=told)
    playback.answer("GET", f"{V3}/users/physical-info", status=404)

    [ask] = ADAPTER.begin("physical_info", "backfill", cursor={}, now=AT)

    assert ADAPTER.fetch(api, ask) == Answer((raw("physical_info", "2026-04-28", told),))
    assert ADAPTER.fetch(api, ask) == Answer()


# --- continuous heart rate ------------------------------------------------------------------------


def test_heart_rate_is_placed_by_the_nearest_night_or_exercise(playback: Playback, api: Api) -> None:
    exercise = {"start_time": "2026-04-28T07:00:00", "start_time_utc_offset": 330}
    night = {"date": "2026-05-02", "sleep_end_time": "2026-05-02T06:00:00+02:00"}
    playback.answer("GET", f"{V3}/exercises", json=[exercise])
    playback.answer("GET", f"{V3}/users/sleep", json={"nights": [night]})

    answer = ADAPTER.fetch(api, offsets_ask(date(2026, 4, 28), TODAY, now=AT, rank=NEW, closes=True))

    assert [(it.what, it.key, it.params) for it in answer.asks] == [
        ("heart_rate", "2026-05-02", {"offset_minutes": 120}),
        ("heart_rate", "2026-05-01", {"offset_minutes": 120}),
        ("heart_rate", "2026-04-30", {"offset_minutes": 330}),
        ("heart_rate", "2026-04-29", {"offset_minutes": 330}),
        ("heart_rate", "2026-04-28", {"offset_minutes": 330}),
    ]
    assert answer.cursor == {"until": "2026-05-02T09:00:00+00:00"}


def test_heart_rate_of_nobody_knows_where_is_left_out_and_said(playback: Playback, api: Api) -> None:
    playback.answer("GET", f"{V3}/exercises", json=[])
    playback.answer("GET", f"{V3}/users/sleep", json={"nights": []})

    answer = ADAPTER.fetch(api, offsets_ask(TODAY, TODAY, now=AT, rank=NEW))

    assert (answer.asks, [it.count for it in answer.problems]) == ((), [1])


def test_heart_rate_is_kept_as_served_with_the_offset_beside_it(playback: Playback, api: Api) -> None:
    served = b'{ "date":"2026-05-02",  "heart_rate_samples":[] }'
    playback.answer("GET", f"{V3}/users/continuous-heart-rate/2026-05-02", body=served)
    playback.answer("GET", f"{V3}/users/continuous-heart-rate/2026-05-01", status=404)

    def fetched(day: str) -> Answer:
        return ADAPTER.fetch(api, Ask("heart_rate", day, "heart_rate", {"offset_minutes": 330}))

    data = b'{"day":' + served + b',"offset_minutes":330}'
    assert fetched("2026-05-02") == Answer((RawPayload("heart_rate", "2026-05-02", data, "application/json"),))
    assert fetched("2026-05-01") == Answer()


# --- against the sandbox --------------------------------------------------------------------------


@pytest.mark.parametrize("feed", ["exercise", "night", "nightly_recharge", "cardio_load", "skin_temperature"])
def test_every_record_of_the_last_weeks_comes_byte_for_byte(sandbox: Running, played: Api, feed: str) -> None:
    now = datetime.now(UTC)

    told = drained(ADAPTER, played, ADAPTER.begin(feed, "backfill", cursor={}, now=now))

    since = now.timestamp() - (30 if feed == "exercise" else 28) * 86_400 + 3600
    served = {row["sha256"] for row in sandbox.records("polar", feed) if row["start"] > since}
    came = {hashlib.sha256(it.data).hexdigest() for it in told.payloads.values()}
    assert served - {None} <= came != set()
    parsed = told.parsed(PROVIDER, feed)
    assert all(one.activities or one.sleeps or one.days for one in parsed.values())


def test_exercises_of_the_sandbox_have_a_file_or_at_least_their_series(played: Api) -> None:
    told = drained(ADAPTER, played, ADAPTER.begin("exercise", "backfill", cursor={}, now=datetime.now(UTC)))

    ids = told.ids("exercise")
    assert told.ids("detail") == ids != []
    assert set(told.ids("fit")) < set(ids)
    power = [
        it for one in told.parsed(PROVIDER, "detail").values() for it in one.activities
        if it.sport.startswith("running") and "power" in it.streams
    ]  # fmt: skip
    assert power
    # The file and the exercise tell the same start.
    files, exercises = told.parsed(PROVIDER, "fit"), told.parsed(PROVIDER, "exercise")
    for id in told.ids("fit"):
        assert files[id].activities[0].start_time == exercises[id].activities[0].start_time


def test_heart_rate_of_the_sandbox_is_placed_in_its_day(played: Api) -> None:
    now = datetime.now(UTC)

    told = drained(ADAPTER, played, ADAPTER.begin("heart_rate", "backfill", cursor={}, now=now))

    assert len(told.ids("heart_rate")) > 20
    for day, one in told.parsed(PROVIDER, "heart_rate").items():
        [table] = one.samples
        first = datetime.fromtimestamp(table.columns["start_ms"][0].as_py() / 1000, UTC)
        assert abs((first.date() - date.fromisoformat(day)).days) <= 1
        assert len(table.columns) > 100


def test_an_account_that_is_not_registered_gets_nothing(sandbox: Running, settings: Any) -> None:
    settings.SANDBOX_URL = sandbox.url
    api = ApiSession.of_token(PROVIDER, sandbox.grant("polar"))

    with pytest.raises(Unavailable, match="consents"):
        ADAPTER.fetch(api, *ADAPTER.begin("exercise", "backfill", cursor={}, now=AT))


def test_requests_and_answers_are_as_documented(sandbox: Running, played: Api, shared: Path) -> None:
    spec = Spec.of(shared / "providers/specs/polar/accesslink-v3-openapi.yaml")
    now = datetime.now(UTC)
    asks = [ask for feed in NETWORK.feeds for ask in ADAPTER.begin(feed.name, "incremental", cursor={}, now=now)]
    drained(ADAPTER, played, asks)

    checked = set()
    token = played.token["access_token"]
    for row in sandbox.look("requests", provider="polar"):
        path = row["path"].removeprefix("/polar")
        pattern = path.rpartition("/")[0] if path[-1].isdigit() else path
        if not path.startswith("/v3") or row["method"] != "GET" or pattern in checked:
            continue
        checked.add(pattern)
        query = dict(pair.split("=") for pair in row["query"].split("&") if pair)
        assert spec.problems_of_request("GET", path, query) == []
        got = sandbox.get(f"{row['path']}?{row['query']}", token=token)
        if got.headers.get("content-type") == "application/json" and got.body:
            assert spec.problems_of_answer("GET", path, got.status, got.json) == []
    assert len(checked) >= 9
