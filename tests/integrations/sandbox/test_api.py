"""What the sandbox answers in a provider's name: who may, how often, and what goes wrong on demand."""

from __future__ import annotations

import http.client
import json
import socket
import time
from hashlib import sha256

import pytest

from tests.integrations.sandbox import tempo
from tests.integrations.sandbox.serving import Running, running

LIST = "/tempo/v1/workouts?limit=5"


@pytest.fixture
def token(played: Running) -> str:
    return played.grant("tempo")["access_token"]


def ids(body: bytes) -> list[str]:
    return [it["id"] for it in json.loads(body)["workouts"]]


# --- who may ----------------------------------------------------------------------------------


def test_without_a_good_token_nothing_is_told(played, token):
    told = [played.get(LIST), played.get(LIST, token="made-up"), played.get(LIST, token=token)]

    assert [it.status for it in told] == [401, 401, 200]


def test_scope_that_was_not_granted_is_missed(played):
    token = played.grant("tempo", scopes=["activity"])["access_token"]
    [first, *_] = ids(played.get(LIST, token=token).body)

    got = played.get(f"/tempo/v1/workouts/{first}/fit", token=token)

    assert (got.status, got.json) == (403, {"status": 403, "message": "The scope files was not granted."})


def test_accounts_are_apart(played, token):
    empty = played.grant("tempo", account="empty")["access_token"]
    [first, *_] = ids(played.get(LIST, token=token).body)

    assert played.get(LIST, token=empty).json == {"workouts": [], "next": None}
    assert played.get(f"/tempo/v1/workouts/{first}", token=empty).status == 404


def test_path_and_method_that_are_not_played(played, token):
    told = [played.get("/tempo/v9/x", token=token), played.post("/tempo/v1/me", token=token), played.get("/nobody/v1")]

    assert [it.status for it in told] == [404, 405, 404]


@pytest.mark.parametrize("query", ["limit=many", "limit=0", "since=yesterday", "next=abc", "next=W10"])
def test_bad_parameter_is_refused(played, token, query):
    assert played.get(f"/tempo/v1/workouts?{query}", token=token).status == 400


# --- lists and records ------------------------------------------------------------------------


def test_pages_hold_every_record_once_newest_first(played, token):
    found, after, sizes = [], "", []
    while True:
        page = played.get(f"/tempo/v1/workouts?limit=4{after}", token=token).json
        found += page["workouts"]
        sizes.append(len(page["workouts"]))
        if page["next"] is None:
            break
        after = f"&next={page['next']}"

    told = played.records("tempo", "summary")
    assert [it["id"] for it in found] == [it["id"] for it in reversed(told)]
    assert (len(found) > 8, set(sizes[:-1])) == (True, {4})


def test_list_holds_the_very_bytes_of_each_record(played, token):
    page = played.get(LIST, token=token)
    [first, *_] = ids(page.body)
    alone = played.get(f"/tempo/v1/workouts/{first}", token=token).body

    assert page.body.startswith(b'{"workouts":[' + alone + b",")


def test_span_holds_since_and_leaves_out_until(played, token):
    [*_, before, last] = played.records("tempo", "summary")

    def between(since: float, until: float) -> list[str]:
        query = f"since={_iso(since)}&until={_iso(until)}"
        return ids(played.get(f"/tempo/v1/workouts?{query}", token=token).body)

    assert between(before["start"], last["start"]) == [before["id"]]
    assert between(before["start"], last["start"] + 1) == [last["id"], before["id"]]


def _iso(moment: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))


def test_file_is_made_once_and_stays(played, token):
    [first, *_] = ids(played.get(LIST, token=token).body)
    path = f"/tempo/v1/workouts/{first}/fit"

    one, two = played.get(path, token=token), played.get(path, token=token)

    assert (one.body[8:12], one.headers["content-type"], one.body == two.body) == (
        b".FIT", "application/octet-stream", True,
    )  # fmt: skip


def test_served_log_holds_what_went_out(played, token):
    page = played.get(LIST, token=token)
    [first, *_] = ids(page.body)
    alone = played.get(f"/tempo/v1/workouts/{first}", token=token).body
    file = played.get(f"/tempo/v1/workouts/{first}/fit", token=token).body

    served = played.served("tempo")

    assert served["summary"].keys() == set(ids(page.body))
    assert (served["summary"][first], served["fit"]) == (
        [sha256(alone).hexdigest()], {first: [sha256(file).hexdigest()]},
    )  # fmt: skip
    told = {(it["kind"], it["id"]): it["sha256"] for it in played.records("tempo")}
    assert told["fit", first] == sha256(file).hexdigest()


# --- limits -----------------------------------------------------------------------------------


def test_headers_count_down_and_a_full_window_refuses(played, token):
    played.control("limits", provider="tempo", requests=[3, 500])

    told = [played.get("/tempo/v1/me", token=token) for _ in range(5)]

    assert [it.status for it in told] == [200, 200, 200, 429, 429]
    assert [it.headers["x-ratelimit-remaining"] for it in told] == ["2, 499", "1, 498", "0, 497", "0, 496", "0, 496"]
    assert 0 < int(told[3].headers["retry-after"]) <= 3_600


def test_window_of_an_account_is_its_own(played, token):
    played.control("limits", provider="tempo", requests=[100, 1])
    other = played.grant("tempo", account="empty")["access_token"]

    statuses = [played.get("/tempo/v1/me", token=it).status for it in (token, token, other)]

    assert statuses == [200, 429, 200]


def test_limits_can_be_turned_off_and_back(played):
    assert played.control("limits", provider="tempo", requests="off") == {"tempo": [1_000_000, 1_000_000]}
    assert played.control("limits", provider="tempo", requests=None) == {"tempo": [1_000, 500]}


# --- faults -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "status", "header"),
    [("error_500", 500, None), ("error_503", 503, "7"), ("rate_limited", 429, "7"), ("unauthorized", 401, None)],
)
def test_fault_strikes_so_many_requests(played, token, fault, status, header):
    played.fault("tempo", fault, next=2, seconds=7)

    told = [played.get(LIST, token=token) for _ in range(3)]

    assert [it.status for it in told] == [status, status, 200]
    assert told[0].headers.get("retry-after") == header


def test_fault_with_a_path_leaves_others_alone(played, token):
    played.fault("tempo", "error_500", path="/v1/me$")

    assert [played.get(it, token=token).status for it in (LIST, "/tempo/v1/me", LIST)] == [200, 500, 200]


def test_fault_at_all_providers_and_off_again(played, token):
    number = played.fault("*", "error_500")
    before = played.get(LIST, token=token).status
    played.control("clear", number=number)

    assert [before, played.get(LIST, token=token).status, played.look("faults")] == [500, 200, []]


def test_fault_with_a_probability_strikes_about_so_often(played, token):
    played.fault("tempo", "error_500", probability=0.5)

    statuses = [played.get("/tempo/v1/me", token=token).status for _ in range(60)]

    # Fewer than 10 or more than 50 of 60 happen once in ten million runs.
    assert 10 <= statuses.count(500) <= 50


def test_silence(played, token):
    played.fault("tempo", "timeout", next=1, seconds=0.4)
    began = time.monotonic()

    assert (played.get(LIST, token=token).status, time.monotonic() - began >= 0.4) == (504, True)


def test_silence_is_longer_than_a_client_waits(played, token):
    played.fault("tempo", "timeout", next=1, seconds=2)

    with pytest.raises(TimeoutError):
        played.get(LIST, token=token, timeout_s=0.2)


def test_body_drips(played, token):
    whole = played.get(LIST, token=token).body
    played.fault("tempo", "slow_drip", next=1, seconds=0.6)
    began = time.monotonic()

    got = played.get(LIST, token=token)

    assert (got.body, time.monotonic() - began >= 0.5) == (whole, True)


def test_connection_is_cut_in_the_middle_and_nothing_counts_as_served(played, token):
    played.fault("tempo", "cut", next=1)

    with pytest.raises(http.client.IncompleteRead):
        played.get(LIST, token=token)

    assert played.served("tempo") == {}


def test_json_ends_in_the_middle_and_nothing_counts_as_served(played, token):
    played.fault("tempo", "malformed", next=1)

    got = played.get(LIST, token=token)

    assert (got.status, got.headers["content-type"]) == (200, "application/json")
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        got.json  # noqa: B018
    assert played.served("tempo") == {}


def test_page_holds_its_records_twice(played, token):
    plain = ids(played.get(LIST, token=token).body)
    played.fault("tempo", "duplicates", next=1)

    assert ids(played.get(LIST, token=token).body) == plain * 2


def test_page_is_out_of_order(played, token):
    plain = ids(played.get(LIST, token=token).body)
    played.fault("tempo", "shuffled", next=1)

    shuffled = ids(played.get(LIST, token=token).body)

    assert (shuffled != plain, sorted(shuffled)) == (True, sorted(plain))


def test_fault_waits_for_an_answer_that_it_fits(played, token):
    """One record cannot be out of order, and a file is no JSON."""
    [first, *_] = ids(played.get(LIST, token=token).body)
    played.fault("tempo", "shuffled", next=1)
    played.fault("tempo", "malformed", next=1)

    alone = played.get(f"/tempo/v1/workouts/{first}/fit", token=token)

    assert alone.body[8:12] == b".FIT"
    assert [it["left"] for it in played.look("faults")] == [1, 1]


@pytest.mark.parametrize("fault", ["revoked", "account_deleted"])
def test_consent_ends_in_the_middle(played, token, fault):
    played.fault("tempo", fault, next=1)

    statuses = [played.get(LIST, token=token).status for _ in range(2)]

    assert (statuses, played.look("state")["tempo"]["connected"]) == ([401, 401], [])


def test_account_that_was_deleted_can_be_restored(played, token):
    played.control("delete_account", provider="tempo")
    played.control("restore_account", provider="tempo")

    again = played.grant("tempo")["access_token"]

    assert [played.get(LIST, token=it).status for it in (token, again)] == [401, 200]


# --- a restart --------------------------------------------------------------------------------


def test_everything_outlives_a_restart(tmp_path):
    path = tmp_path / "sandbox.sqlite3"
    with running(path, known={"tempo": tempo.PLAY}, demo_days=7) as played:
        token = played.grant("tempo")["access_token"]
        played.control("edit", provider="tempo", name="Renamed")
        played.fault("tempo", "error_503", next=5)
        played.get(LIST, token=token)
        before = played.records("tempo"), played.look("served", provider="tempo"), played.look("faults")

    with running(path, known={"tempo": tempo.PLAY}, demo_days=7) as played:
        after = played.records("tempo"), played.look("served", provider="tempo"), played.look("faults")
        assert after == before
        assert [played.get(LIST, token=token).status for _ in range(5)] == [503] * 4 + [200]
        assert json.loads(played.get(LIST, token=token).body)["workouts"][0]["title"] == "Renamed"


def test_a_client_that_goes_away_does_no_harm(played, token):
    played.fault("tempo", "slow_drip", next=1, seconds=1)
    host, port = played.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as line:
        line.sendall(f"GET {LIST} HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        line.recv(10)

    assert played.get(LIST, token=token).status == 200
