"""The switches, for tests as JSON and for people on pages; and that nobody else presses them."""

from __future__ import annotations

import re

import pytest

from tests.integrations.sandbox import tempo
from tests.integrations.sandbox.serving import running


@pytest.mark.parametrize(
    ("action", "told", "status"),
    [
        ("faults", {"provider": "tempo", "fault": "earthquake"}, 400),
        ("faults", {"provider": "nobody", "fault": "error_500"}, 404),
        ("faults", {"provider": "tempo", "fault": "error_500", "path": "("}, 400),
        ("faults", {"provider": "tempo", "fault": "error_500", "probability": 2}, 400),
        ("faults", {"provider": "tempo", "fault": "error_500", "next": "some"}, 400),
        ("limits", {"provider": "tempo", "requests": [1]}, 400),
        ("limits", {"provider": "tempo", "requests": [1, "many"]}, 400),
        ("limits", {"provider": "tempo", "requests": 7}, 400),
        ("ttl", {"provider": "tempo", "seconds": -1}, 400),
        ("seed", {"provider": "tempo", "account": "empty", "efforts": 5}, 400),
        ("seed", {"provider": "tempo", "efforts": 1_000_000}, 400),
        ("edit", {"provider": "tempo"}, 400),
        ("edit", {"provider": "tempo", "id": "1", "name": "x"}, 404),
        ("edit", {"provider": "tempo", "account": "empty", "name": "x"}, 404),
        ("new", {"provider": "tempo", "kind": "moon walk"}, 400),
        ("grant", {"provider": "tempo", "account": "nobody"}, 404),
        ("send_again", {"number": 1}, 404),
        ("send_again", {}, 400),
        ("nothing", {}, 404),
    ],
)
def test_switch_that_cannot_be_pressed_says_why(played, action, told, status):
    got = played.post(f"/control/{action}", data=told)

    assert (got.status, bool(got.json["error"])) == (status, True)


def test_body_that_is_no_object_is_refused(played):
    assert [played.post("/control/grant", data=it).status for it in ([1], "x")] == [400, 400]


def test_state_tells_what_there_is(played):
    played.grant("tempo")
    played.control("tell", provider="tempo")

    told = played.look("state")

    assert {name: it for name, it in told["tempo"].items() if name not in ("records", "requests")} == {
        "name": "Tempo", "connected": ["demo"], "ttl_s": 900.0, "limits": [1_000, 500], "callback": "",
        "subscriptions": [], "faults": [], "spent_tokens_presented": 0, "waiting_deliveries": 0,
    }  # fmt: skip
    assert told["tempo"]["records"]["demo"].keys() == {"summary", "fit", "night"}


def test_reset_forgets_everything(played):
    token = played.grant("tempo")["access_token"]
    played.control("edit", provider="tempo", name="Forgotten")
    played.fault("*", "error_500")
    before = played.look("requests", provider="tempo")

    played.control("reset")

    assert [played.look(it, provider="tempo") for it in ("faults", "requests", "deliveries")] == [[], [], []]
    assert played.get("/tempo/v1/me", token=token).status == 401
    again = played.grant("tempo")["access_token"]
    assert b"Forgotten" not in played.get("/tempo/v1/workouts", token=again).body
    assert before == []


def test_requests_are_logged_with_what_went_wrong(played):
    token = played.grant("tempo")["access_token"]
    played.fault("tempo", "error_503", next=1)
    played.get("/tempo/v1/me", token=token)
    played.get("/tempo/v1/me?x=1", token=token)

    assert played.requests("tempo") == [("GET", "/v1/me", 503), ("GET", "/v1/me", 200)]
    [last, first] = played.look("requests", provider="tempo")
    assert [(it["handle"], it["query"], it["fault"]) for it in (first, last)] == [
        ("demo", "", "error_503"), ("demo", "x=1", ""),
    ]  # fmt: skip


# --- seeds ------------------------------------------------------------------------------------


def test_seed_makes_as_many_as_were_wanted(played):
    assert played.control("seed", provider="*", account="huge", efforts=300, nights=20) == {"tempo": 620}

    told = played.records("tempo", account="huge")
    assert [sum(it["kind"] == kind for it in told) for kind in ("summary", "fit", "night")] == [300, 300, 20]
    assert len({it["id"] for it in told if it["kind"] == "summary"}) == 300


def test_seeded_account_is_served_like_any(played):
    played.control("seed", provider="tempo", account="huge", efforts=12)
    token = played.grant("tempo", account="huge")["access_token"]

    page = played.get("/tempo/v1/workouts?limit=25", token=token).json
    file = played.get(f"/tempo/v1/workouts/{page['workouts'][0]['id']}/fit", token=token)

    assert (len(page["workouts"]), page["next"], file.body[8:12]) == (12, None, b".FIT")


def test_seeds_of_two_runs_are_the_same(played, tmp_path):
    newest = 1_790_000_000
    played.control("seed", provider="tempo", account="huge", efforts=40, newest=newest)
    with running(tmp_path / "other.sqlite3", known={"tempo": tempo.PLAY}) as other:
        other.control("seed", provider="tempo", account="huge", efforts=40, newest=newest)
        assert other.records("tempo", account="huge") == played.records("tempo", account="huge")


# --- pages ------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/-/tempo", "/-/sandbox.css"])
def test_page_is_there(played, path):
    played.grant("tempo")
    got = played.get(path)

    assert (got.status, got.headers["content-type"].split(";")[0]) == (
        200, "text/css" if path.endswith("css") else "text/html",
    )  # fmt: skip


def test_page_brings_nothing_from_elsewhere_and_no_script(played):
    got = played.get("/-/tempo")

    assert "default-src 'none'" in got.headers["content-security-policy"]
    assert re.findall(rb"<script|style=|(?:src|href)=\"(?:https?:)?//", got.body) == []


def test_page_that_is_not_there(played):
    assert [played.get(it).status for it in ("/-/nobody", "/favicon.ico", "/admin/")] == [404, 404, 404]


def test_button_does_what_it_says(played):
    played.grant("tempo")
    page = played.get("/-/tempo").body.decode()
    form = next(it for it in re.findall(r"<form.*?</form>", page, flags=re.S) if ">Rename<" in it)
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form))

    got = played.post("/-/tempo", form={**fields, "name": "<b>By hand</b>"})

    assert (got.status, got.headers["location"]) == (
        303,
        "/-/tempo?said=It%20was%20renamed.%202%20records%2C%200%20deliveries.",
    )
    shown = played.get(got.headers["location"]).body.decode()
    assert 'role="status">It was renamed. 2 records, 0 deliveries.<' in shown
    assert ("&lt;b&gt;By hand&lt;/b&gt; (" in shown, "<b>By hand" in shown) == (True, False)


def test_button_of_the_first_page_strikes_all(played):
    got = played.post("/", form={"do": "new", "kind": "ride"})

    assert (got.status, got.headers["location"]) == (303, "/?said=tempo%3A%202%20records%2C%200%20deliveries.")


def test_mistake_in_a_form_is_said_on_the_page(played):
    got = played.post("/-/tempo", form={"do": "limits", "provider": "tempo", "requests": "1"})

    assert (got.status, got.headers["location"]) == (303, "/-/tempo?said=Tempo%20has%202%20windows.")


@pytest.mark.parametrize("path", ["/", "/-/tempo", "/-/consent", "/control/reset"])
def test_another_page_cannot_press_a_switch(played, path):
    form = {"do": "reset", "provider": "tempo", "answer": "leave"}

    assert played.post(path, form=form, headers={"origin": "https://elsewhere.example"}).status == 403


@pytest.mark.parametrize("path", ["/", "/control/state"])
def test_another_name_that_leads_here_is_refused(played, path):
    assert played.get(path, headers={"host": "elsewhere.example"}).status == 400
