"""The calls of Suunto's API, over real HTTP."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from activities.domain.reading import RawPayload
from integrations.base import HISTORY, NEW, NOW, Account, Answer, Ask, Listing
from integrations.errors import ProviderError, Unavailable, UnexpectedPayload
from integrations.http import ApiSession
from integrations.providers.suunto.adapter import (
    DETAIL_WAITS_S,
    FILE_WAITS_S,
    NOTHING,
    PAGE,
    SuuntoAdapter,
    asks_for_workout,
    window_ask,
)
from integrations.providers.suunto.provider import NETWORK, PROVIDER
from tests.integrations.playback import Call, Playback, Reply
from tests.integrations.providers.draining import drained
from tests.integrations.sandbox.serving import Running

SUUNTO = SuuntoAdapter()
ApiOf = Callable[..., ApiSession]
NOW_AT = datetime(2026, 7, 8, 12, tzinfo=UTC)
LIST = "/suunto/v3/workouts/"
FIT = b"\x0e\x10\x00\x00\x00\x00\x00\x00.FIT" + b"\x00" * 8


def ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def workout(key: str, start: datetime, **told: Any) -> dict[str, Any]:
    return {
        "workoutKey": key, "startTime": ms(start), "stopTime": ms(start) + 1000, "gear": {"name": "Race S"},
        "lastModified": ms(start) + 5000, **told,
    }  # fmt: skip


def enveloped(payload: Any, error: Any = None) -> dict[str, Any]:
    return {"error": error, "payload": payload, "metadata": {"ts": "1783512000000"}}


def by_start(playback: Playback, rows: list[dict[str, Any]]) -> None:
    """The list as Suunto filters and pages it."""

    def page(call: Call) -> Reply:
        query = call.query
        name = "lastModified" if query["filter-by-modification-time"] == "true" else "startTime"
        found = [row for row in rows if int(query["since"]) <= row[name] < int(query["until"])]
        begin = int(query["offset"])
        return Reply(body=json.dumps(enveloped(found[begin : begin + int(query["limit"])])).encode())

    playback.answer("GET", LIST, times=float("inf"), by=page)


# --- the account ------------------------------------------------------------------------------


def test_account_is_the_user_of_the_token(api_of: ApiOf) -> None:
    claims = base64.urlsafe_b64encode(b'{"user":"Runner_Jane"}').decode().rstrip("=")

    assert SUUNTO.account(api_of(PROVIDER, user="runner_jane")) == Account("runner_jane", "runner_jane")
    assert SUUNTO.account(api_of(PROVIDER, access_token=f"e30.{claims}.sig")) == Account("Runner_Jane", "Runner_Jane")
    for token in ("opaque", "a.%%.c", "a.e30.c"):
        with pytest.raises(UnexpectedPayload):
            SUUNTO.account(api_of(PROVIDER, access_token=token))


@pytest.mark.parametrize("status", [200, 401, 404])
def test_revoke_names_the_app(playback: Playback, api_of: ApiOf, status: int) -> None:
    playback.answer("GET", "/suunto/oauth/deauthorize", query={"client_id": "sandbox-suunto"}, status=status)

    SUUNTO.revoke(api_of(PROVIDER))

    assert playback.calls[0].headers["authorization"] == "Bearer a-token"


# --- workouts ---------------------------------------------------------------------------------


def test_a_backfill_reads_window_after_window_and_wider_ones_where_nothing_is(
    playback: Playback, api_of: ApiOf
) -> None:
    rows = [workout(str(number), NOW_AT - timedelta(days=10, minutes=number)) for number in range(PAGE + 1)]
    rows += [workout("old", NOW_AT - timedelta(days=3000), isManuallyAdded=True), {"startTime": ms(NOW_AT)}]
    by_start(playback, rows)
    playback.answer("GET", f"{LIST}0/fit", body=FIT)
    for number in range(1, PAGE + 1):
        playback.answer("GET", f"{LIST}{number}/fit", status=404)

    told = drained(SUUNTO, api_of(PROVIDER), SUUNTO.begin("workouts", "backfill", cursor={}, now=NOW_AT))

    assert told.ids("workout") == sorted([*map(str, range(PAGE + 1)), "old"])
    assert told.payloads["fit", "0"] == RawPayload("fit", "0", FIT, "application/vnd.ant.fit")
    assert [ask.key for ask in told.asked if ask.what == "fit" and ask.key == "old"] == []
    assert told.listings == [Listing("workout", NOW_AT)]
    assert told.cursors == {"workouts": {"at": NOW_AT.isoformat()}}
    assert [problem.count for problem in told.problems] == [1]
    lists = playback.calls_of(LIST)
    assert [call.query["offset"] for call in lists[:3]] == ["0", str(PAGE), "0"]
    spans = [(int(call.query["until"]) - int(call.query["since"])) // 86_400_000 for call in lists]
    assert spans[:3] == [90, 90, 90]
    assert spans[3:7] == [180, 360, 720, 1440]
    # To the beginning of all watches, and from window to window without a gap.
    assert int(lists[-1].query["since"]) == ms(datetime(2000, 1, 1, tzinfo=UTC))
    edges = [(int(call.query["since"]), int(call.query["until"])) for call in lists if call.query["offset"] == "0"]
    assert all(later[0] == earlier[1] for later, earlier in pairwise(edges))
    assert len(lists) < 20
    assert {call.headers["ocp-apim-subscription-key"] for call in playback.calls} == {"sandbox-subscription_key"}


def test_an_incremental_look_asks_for_what_was_modified(playback: Playback, api_of: ApiOf) -> None:
    body = b'{"error":null,"payload":[ {"workoutKey":"a", "startTime":1783500000000,"lastModified":1783501000000} ]}'
    playback.answer("GET", LIST, body=body)
    cursor = {"at": (NOW_AT - timedelta(days=2)).isoformat()}
    [first] = SUUNTO.begin("workouts", "incremental", cursor=cursor, now=NOW_AT)

    answer = SUUNTO.fetch(api_of(PROVIDER), first)

    assert playback.calls[0].query == {
        "since": str(ms(NOW_AT - timedelta(days=2, hours=1))),
        "until": str(ms(NOW_AT + timedelta(hours=1))),
        "limit": str(PAGE),
        "offset": "0",
        "filter-by-modification-time": "true",
    }
    data = b'{"workoutKey":"a", "startTime":1783500000000,"lastModified":1783501000000}'
    stated = datetime.fromtimestamp(1783501000, UTC)
    assert answer == Answer(
        (RawPayload("workout", "a", data, "application/json", stated),),
        (Ask("fit", "a", "workouts", {"fresh": True}, NEW, of="workout"),),
        # What is not among the modified is not gone.
        listing=None,
        cursor={"at": NOW_AT.isoformat()},
    )


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b'{"error":null,"payload":[{"work', UnexpectedPayload),
        (b'{"error":{"code":"X"},"payload":[]}', Unavailable),
        (b'{"error":null,"payload":null}', UnexpectedPayload),
        (b'{"error":null}', UnexpectedPayload),
        (b'{"error":null,"payload":{}}', UnexpectedPayload),
        (b"[]", UnexpectedPayload),
    ],
)
def test_a_failed_page_is_never_an_empty_page(
    playback: Playback, api_of: ApiOf, body: bytes, error: type[ProviderError]
) -> None:
    playback.answer("GET", LIST, body=body)
    [first] = SUUNTO.begin("workouts", "backfill", cursor={}, now=NOW_AT)

    with pytest.raises(error):
        SUUNTO.fetch(api_of(PROVIDER), first)


@pytest.mark.parametrize("payload", [workout("a", NOW_AT), [workout("a", NOW_AT)]], ids=["object", "list"])
def test_one_workout_is_cut_out_of_its_envelope(playback: Playback, api_of: ApiOf, payload: Any) -> None:
    playback.answer("GET", f"{LIST}a", json=enveloped(payload))

    answer = SUUNTO.fetch(api_of(PROVIDER), Ask("workout", "a", "workouts", rank=HISTORY))

    [told] = answer.payloads
    assert (told.kind, told.external_id, json.loads(told.data)) == ("workout", "a", workout("a", NOW_AT))
    assert answer.asks == (Ask("fit", "a", "workouts", {"fresh": False}, HISTORY, of="workout"),)


def test_what_has_just_come_is_asked_for_again_until_it_is_whole(playback: Playback, api_of: ApiOf) -> None:
    fresh = workout("a", NOW_AT)
    del fresh["gear"], fresh["stopTime"]
    playback.answer("GET", f"{LIST}a", json=enveloped(fresh), times=3)
    api, [ask] = api_of(PROVIDER), asks_for_workout("a")
    waits = []
    for _ in range(3):
        answer = SUUNTO.fetch(api, ask)
        assert answer.asks[0] == Ask("fit", "a", "workouts", {"fresh": True}, NOW, of="workout")
        again = [one for one in answer.asks if one.what == "workout"]
        waits += [one.wait_s for one in again]
        ask = again[0] if again else ask

    assert waits == list(DETAIL_WAITS_S)


@pytest.mark.parametrize(
    ("status", "body"), [(404, b""), (200, b'{"error":{"code":"NOT_READY"}}'), (200, b"")], ids=["404", "JSON", "empty"]
)
def test_a_file_that_is_not_ready_is_waited_for_where_it_is_new(
    playback: Playback, api_of: ApiOf, status: int, body: bytes
) -> None:
    playback.answer("GET", f"{LIST}a/fit", status=status, body=body, times=len(FILE_WAITS_S) + 2)
    api, ask = api_of(PROVIDER), Ask("fit", "a", "workouts", {"fresh": True}, NOW, of="workout")
    waits = []
    while asks := SUUNTO.fetch(api, ask).asks:
        [ask] = asks
        assert (ask.what, ask.key, ask.of) == ("fit", "a", "")
        waits.append(ask.wait_s)

    assert waits == list(FILE_WAITS_S)
    assert 4 * 3600 < sum(waits) < 24 * 3600
    assert SUUNTO.fetch(api, Ask("fit", "a", "workouts", {"fresh": False}, HISTORY, of="workout")) == Answer()


@pytest.mark.parametrize("status", [404, 410])
def test_what_is_not_there_is_gone(playback: Playback, api_of: ApiOf, status: int) -> None:
    playback.answer("GET", f"{LIST}a%2Fb", status=status, times=float("inf"))
    playback.answer("GET", f"{LIST}a/b", status=status, times=float("inf"))
    asked = SUUNTO.confirm("workout", "a/b")

    assert asked == Ask("workout", "a/b", "workouts", rank=HISTORY)
    assert SUUNTO.fetch(api_of(PROVIDER), asked) == Answer(gone=("a/b",))
    assert SUUNTO.confirm("sleep", "7") is None


# --- nights and days --------------------------------------------------------------------------


def samples_of(playback: Playback, path: str, stamps: list[datetime], **entry: Any) -> None:
    """Samples as Suunto filters them; more than 28 days are refused."""

    def served(call: Call) -> Reply:
        since, until = int(call.query["from"]), int(call.query["to"])
        if until - since > 28 * 86_400_000:
            return Reply(400)
        rows = [
            {"timestamp": stamp.isoformat(), "entryData": {"SleepId": ms(stamp), **entry}}
            for stamp in stamps
            if since <= ms(stamp) <= until
        ]
        return Reply(body=json.dumps(rows).encode())

    playback.answer("GET", path, times=float("inf"), by=served)


def test_nights_are_read_back_until_long_enough_nothing_was(playback: Playback, api_of: ApiOf) -> None:
    stamps = [NOW_AT - timedelta(days=days) for days in (1, 2, 30, 200)]
    samples_of(playback, "/suunto/247samples/sleep", stamps)

    told = drained(SUUNTO, api_of(PROVIDER), SUUNTO.begin("sleep", "backfill", cursor={}, now=NOW_AT))

    assert told.ids("sleep") == sorted(str(ms(stamp)) for stamp in stamps)
    assert told.cursors == {"sleep": {"at": NOW_AT.isoformat()}}
    assert told.listings == []
    windows = [(int(call.query["from"]), int(call.query["to"])) for call in playback.calls]
    assert all(later[0] == earlier[1] + 1 for later, earlier in pairwise(windows))
    assert sum(until < ms(stamps[-1]) for _, until in windows) == NOTHING["sleep"]


@pytest.mark.parametrize("feed", ["recovery", "activity"])
def test_a_week_of_samples_is_one_record_as_served(playback: Playback, api_of: ApiOf, feed: str) -> None:
    path = f"/suunto/247samples/{feed}"
    body = b'[ {"timestamp": "2026-07-07T08:00:00+00:00", "entryData": {}} ]'
    playback.answer("GET", path, body=body)
    playback.answer("GET", path, body=b"[]")
    begin = {"at": (NOW_AT - timedelta(days=1)).isoformat()}

    told = drained(SUUNTO, api_of(PROVIDER), SUUNTO.begin(feed, "incremental", cursor=begin, now=NOW_AT))

    monday = datetime(2026, 7, 6, tzinfo=UTC)
    assert list(told.payloads.values()) == [RawPayload(feed, "2026-07-06", body, "application/json")]
    assert told.cursors == {feed: {"at": NOW_AT.isoformat()}}
    assert [call.query for call in playback.calls] == [
        {"from": str(ms(begin)), "to": str(ms(begin + timedelta(days=7)) - 1)}
        for begin in (monday, monday - timedelta(days=7))
    ]


def test_an_event_s_week_is_asked_for_alone_and_moves_no_cursor(playback: Playback, api_of: ApiOf) -> None:
    playback.answer("GET", "/suunto/247samples/activity", body=b"[]")
    ask = window_ask("activity", NOW_AT, now=NOW_AT, since=None, rank=NOW, closes=False)

    assert SUUNTO.fetch(api_of(PROVIDER), ask) == Answer()


def test_statistics_are_looked_for_in_either_place(playback: Playback, api_of: ApiOf) -> None:
    sample = {"TimeISO8601": "2026-07-07T00:00:00.000+03:00", "Value": 9}
    body = json.dumps([{"Name": "stepcount", "Sources": [{"Name": "W", "Samples": [sample]}]}]).encode()
    playback.answer("GET", "/suunto/247samples/daily-activity-statistics", status=404, times=2)
    playback.answer("GET", "/suunto/247/daily-activity-statistics", body=body)
    playback.answer("GET", "/suunto/247/daily-activity-statistics", json=[{"Name": "stepcount", "Sources": []}])
    begin = {"at": NOW_AT.isoformat()}

    told = drained(SUUNTO, api_of(PROVIDER), SUUNTO.begin("statistics", "incremental", cursor=begin, now=NOW_AT))

    assert list(told.payloads.values()) == [RawPayload("statistics", "2026-07-06", body, "application/json")]
    assert playback.calls[1].query == {"startdate": "2026-07-06T00:00:00", "enddate": "2026-07-12T23:59:59"}


@pytest.mark.parametrize("feed", ["sleep", "recovery", "activity", "statistics"])
def test_a_failed_window_is_never_an_empty_one(playback: Playback, api_of: ApiOf, feed: str) -> None:
    path = "daily-activity-statistics" if feed == "statistics" else feed
    playback.answer("GET", f"/suunto/247samples/{path}", json={"error": "no"})
    [first] = SUUNTO.begin(feed, "backfill", cursor={}, now=NOW_AT)

    with pytest.raises(UnexpectedPayload):
        SUUNTO.fetch(api_of(PROVIDER), first)


# --- the sandbox ------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_backfill_of_the_sandbox_brings_every_record_as_it_was_served(settings: Settings, sandbox: Running) -> None:
    settings.SANDBOX_URL = sandbox.url
    api, now = ApiSession.of_token(PROVIDER, sandbox.grant("suunto")), datetime.now(UTC)
    assert SUUNTO.account(api).id

    told = drained(
        SUUNTO, api, [ask for feed in NETWORK.feeds for ask in SUUNTO.begin(feed.name, "backfill", cursor={}, now=now)]
    )  # fmt: skip

    records = sandbox.records("suunto")
    kept = {(row["kind"], row["id"]) for row in records if not row["kind"].endswith("_day")}
    weeks = {"recovery", "activity", "statistics"}
    assert kept
    assert kept == {key for key in told.payloads if key[0] not in weeks}
    served = sandbox.served("suunto")
    for (kind, external_id), payload in told.payloads.items():
        assert hashlib.sha256(payload.data).hexdigest() in served[kind][external_id]
    days = {row["id"] for row in records if row["kind"] == "statistics_day"}
    statistics = [day for one in told.parsed(PROVIDER, "statistics").values() for day in one.days]
    assert {str(day.date) for day in statistics} == days
    assert len(statistics) == 2 * len(days)
    activity = told.parsed(PROVIDER, "activity").values()
    assert sum(table.columns.num_rows for one in activity for table in one.samples if table.metric == "steps") == (
        96 * len(days)
    )
    files, workouts = told.parsed(PROVIDER, "fit"), told.parsed(PROVIDER, "workout")
    for external_id, parsed in workouts.items():
        [one], [file] = parsed.activities, files[external_id].activities
        assert one.start_time == file.start_time
        assert one.avg_cadence_rpm == pytest.approx(file.avg_cadence_rpm, abs=3)
    SUUNTO.revoke(api)
    headers = {"ocp-apim-subscription-key": "sandbox-subscription_key"}
    assert sandbox.get("/suunto/v3/workouts/", token=api.token["access_token"], headers=headers).status == 401
