"""The calls of Wahoo's API, over real HTTP."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from activities.domain.reading import RawPayload
from integrations.base import HISTORY, NEW, NOW, Account, Answer, Ask, Listing
from integrations.errors import UnexpectedPayload
from integrations.http import ApiSession
from integrations.providers.wahoo.adapter import PAGE, WahooAdapter
from integrations.providers.wahoo.provider import PROVIDER
from tests.integrations.playback import Playback
from tests.integrations.providers.draining import drained
from tests.integrations.sandbox.serving import Running

WAHOO = WahooAdapter()
ApiOf = Callable[..., ApiSession]
NOW_AT = datetime(2026, 6, 20, 12, tzinfo=UTC)
LIST = "/wahoo/v1/workouts"
FIT = b"\x0e\x10\x00\x00\x00\x00\x00\x00.FIT" + b"\x00" * 8


def workout(number: int, starts: str, url: str = "", **told: Any) -> dict[str, Any]:
    summary = {"id": 9, "duration_total_accum": "60.00", "file": {"url": url}, "updated_at": "2026-06-20T10:00:00.000Z"}
    return {
        "id": number,
        "starts": starts,
        "updated_at": "2026-06-20T09:00:00.000Z",
        "workout_summary": summary,
        **told,
    }


def listed(*rows: dict[str, Any], total: int | None = None, page: int = 1) -> dict[str, Any]:
    return {"workouts": list(rows), "total": total, "page": page, "per_page": PAGE, "order": "descending"}


def test_account_is_the_user(playback: Playback, api_of: ApiOf) -> None:
    playback.answer("GET", "/wahoo/v1/user", json={"id": 60001, "first": "Lena", "last": "Brandt"})

    assert WAHOO.account(api_of(PROVIDER)) == Account("60001", "Lena Brandt")
    assert playback.calls[0].headers["accept"] == "application/json"


@pytest.mark.parametrize("status", [204, 401, 404])
def test_revoke_ends_all_tokens(playback: Playback, api_of: ApiOf, status: int) -> None:
    playback.answer("DELETE", "/wahoo/v1/permissions", status=status)

    WAHOO.revoke(api_of(PROVIDER))


def test_a_backfill_reads_page_after_page_to_the_end(playback: Playback, api_of: ApiOf) -> None:
    link = f"{playback.url}/uploads/1.fit"
    rows = [workout(1, "2026-06-19T08:00:00Z", link), workout(2, "2026-01-01T08:00:00Z"), {"name": "?"}]
    playback.answer("GET", LIST, query={"page": 1, "per_page": PAGE}, json=listed(*rows, total=2))
    playback.answer("GET", LIST, query={"page": 2, "per_page": PAGE}, json=listed(total=2, page=2))
    playback.answer("GET", "/uploads/1.fit", body=FIT)

    told = drained(WAHOO, api_of(PROVIDER), WAHOO.begin("workouts", "backfill", cursor={}, now=NOW_AT))

    assert told.ids("workout") == ["1", "2"]
    assert told.payloads["workout", "1"].stated_at == datetime(2026, 6, 20, 10, tzinfo=UTC)
    assert told.payloads["fit", "1"] == RawPayload("fit", "1", FIT, "application/vnd.ant.fit")
    assert told.asked[1] == Ask("fit", "1", "workouts", {"url": link}, NEW, of="workout")
    assert told.listings == [Listing("workout", NOW_AT, None, NOW_AT)]
    assert told.cursors == {"workouts": {"at": NOW_AT.isoformat()}}
    assert [problem.count for problem in told.problems] == [1]
    # The link of a file is followed without the athlete's token.
    assert "authorization" not in playback.calls_of("/uploads/1.fit")[0].headers


def test_an_incremental_look_ends_where_all_is_older(playback: Playback, api_of: ApiOf) -> None:
    rows = [workout(1, "2026-07-01T08:00:00Z"), workout(2, "2026-06-19T08:00:00Z"), workout(3, "2026-06-05T08:00:00Z")]
    older = [workout(4, "2026-06-01T08:00:00Z"), workout(5, "2026-05-01T08:00:00Z")]
    playback.answer("GET", LIST, query={"page": 1, "per_page": PAGE}, json=listed(*rows, total=900))
    playback.answer("GET", LIST, query={"page": 2, "per_page": PAGE}, json=listed(*older, total=900))
    cursor = {"at": NOW_AT.isoformat()}

    told = drained(WAHOO, api_of(PROVIDER), WAHOO.begin("workouts", "incremental", cursor=cursor, now=NOW_AT))

    assert told.ids("workout") == ["1", "2", "3", "4", "5"]
    assert told.listings == [Listing("workout", NOW_AT, NOW_AT - timedelta(days=14), NOW_AT)]


def test_an_end_before_the_number_told_proves_nothing(playback: Playback, api_of: ApiOf) -> None:
    playback.answer("GET", LIST, json=listed(total=812))

    told = drained(WAHOO, api_of(PROVIDER), WAHOO.begin("workouts", "relist", cursor={}, now=NOW_AT))

    assert (told.listings, told.payloads) == ([], {})


def test_the_number_of_all_is_told_with_the_first_page_of_a_backfill(playback: Playback, api_of: ApiOf) -> None:
    playback.answer("GET", LIST, json=listed(workout(1, "2026-01-01T08:00:00Z"), total=812))
    [first] = WAHOO.begin("workouts", "backfill", cursor={}, now=NOW_AT)

    answer = WAHOO.fetch(api_of(PROVIDER), first)

    assert answer.total == 812
    assert answer.asks[-1].params["page"] == 2


@pytest.mark.parametrize("body", [b'{"workouts":[{"id":1', b"[]", b'{"error":"no"}', b'{"workouts": 4}'])
def test_a_failed_page_is_never_an_empty_page(playback: Playback, api_of: ApiOf, body: bytes) -> None:
    playback.answer("GET", LIST, body=body)
    [first] = WAHOO.begin("workouts", "backfill", cursor={}, now=NOW_AT)

    with pytest.raises(UnexpectedPayload):
        WAHOO.fetch(api_of(PROVIDER), first)


def test_one_workout_is_kept_as_served_and_asks_for_its_file(playback: Playback, api_of: ApiOf) -> None:
    body = json.dumps(workout(7, "2026-06-19T08:00:00Z", "https://cdn.wahooligan.com/7.fit")).encode() + b" "
    playback.answer("GET", f"{LIST}/7", body=body)

    assert WAHOO.fetch(api_of(PROVIDER), Ask("workout", "7", "workouts", rank=NOW)) == Answer(
        (RawPayload("workout", "7", body, "application/json", datetime(2026, 6, 20, 10, tzinfo=UTC)),),
        (Ask("fit", "7", "workouts", {"url": "https://cdn.wahooligan.com/7.fit"}, NOW, of="workout"),),
    )


@pytest.mark.parametrize("status", [404, 410])
def test_what_is_not_there_is_gone_and_a_missing_file_is_none(playback: Playback, api_of: ApiOf, status: int) -> None:
    playback.answer("GET", f"{LIST}/7", status=status)
    playback.answer("GET", "/7.fit", status=status)
    asked, api = WAHOO.confirm("workout", "7"), api_of(PROVIDER)

    assert asked == Ask("workout", "7", "workouts", rank=HISTORY)
    assert WAHOO.fetch(api, asked) == Answer(gone=("7",))
    assert WAHOO.fetch(api, Ask("fit", "7", "workouts", {"url": f"{playback.url}/7.fit"})) == Answer()
    assert WAHOO.confirm("power_zones", "1") is None


@pytest.mark.parametrize(
    "url", ["https://evil.example/7.fit", "http://cdn.wahooligan.com/7.fit", "file:///etc/passwd", "7"]
)
def test_a_link_to_anybody_else_s_server_is_not_followed(playback: Playback, api_of: ApiOf, url: str) -> None:
    playback.answer("GET", "/wahoo/7", status=404, times=float("inf"))
    api = api_of(PROVIDER)

    if url == "7":
        assert WAHOO.fetch(api, Ask("fit", "7", "workouts", {"url": url})) == Answer()
    else:
        with pytest.raises(UnexpectedPayload):
            WAHOO.fetch(api, Ask("fit", "7", "workouts", {"url": url}))


def test_what_is_no_fit_file_is_not_taken_for_one(playback: Playback, api_of: ApiOf) -> None:
    playback.answer("GET", "/7.fit", body=b"<html>busy</html>")

    with pytest.raises(UnexpectedPayload):
        WAHOO.fetch(api_of(PROVIDER), Ask("fit", "7", "workouts", {"url": f"{playback.url}/7.fit"}))


def test_power_zones_are_read_one_by_one(playback: Playback, api_of: ApiOf) -> None:
    playback.answer(
        "GET", "/wahoo/v1/power_zones", body=b'[{"id": 5, "updated_at": "2026-01-01T00:00:00Z"}, {"ftp": 1}]'
    )

    told = drained(WAHOO, api_of(PROVIDER), WAHOO.begin("power_zones", "backfill", cursor={}, now=NOW_AT))

    assert list(told.payloads.values()) == [
        RawPayload(
            "power_zones", "5", b'{"id": 5, "updated_at": "2026-01-01T00:00:00Z"}', "application/json",
            datetime(2026, 1, 1, tzinfo=UTC),
        )
    ]  # fmt: skip
    assert told.cursors == {"power_zones": {"at": NOW_AT.isoformat()}}


@pytest.mark.django_db
def test_a_backfill_of_the_sandbox_brings_every_record_as_it_was_served(settings: Settings, sandbox: Running) -> None:
    settings.SANDBOX_URL = sandbox.url
    api, now = ApiSession.of_token(PROVIDER, sandbox.grant("wahoo")), datetime.now(UTC)
    assert WAHOO.account(api).name

    feeds = ("workouts", "power_zones")
    told = drained(WAHOO, api, [ask for feed in feeds for ask in WAHOO.begin(feed, "backfill", cursor={}, now=now)])

    records = sandbox.records("wahoo")
    assert records
    assert {(row["kind"], row["id"]) for row in records} == {key for key in told.payloads if key[0] != "power_zones"}
    served = sandbox.served("wahoo")
    for (kind, external_id), payload in told.payloads.items():
        assert hashlib.sha256(payload.data).hexdigest() in served[kind][external_id]
    files, workouts = told.parsed(PROVIDER, "fit"), told.parsed(PROVIDER, "workout")
    for external_id, parsed in workouts.items():
        [one], [file] = parsed.activities, files[external_id].activities
        assert (one.start_time, one.elapsed_s, one.timer_s) == (file.start_time, file.elapsed_s, file.timer_s)
        assert one.distance_m == pytest.approx(file.distance_m, rel=0.005)
        assert one.avg_power_w == pytest.approx(file.avg_power_w, abs=1)
    WAHOO.revoke(api)
    assert sandbox.get("/wahoo/v1/user", token=api.token["access_token"]).status == 401
