"""Consent, codes, tokens: over real HTTP, as a server that connects goes about it."""

from __future__ import annotations

import base64
import hashlib
import http.client
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest

from integrations.sandbox.base import Scope
from tests.integrations.sandbox import tempo
from tests.integrations.sandbox.serving import Got, Running, running

BACK = "http://127.0.0.1:9/callback/"
ASKED = {
    "client_id": "sandbox-tempo",
    "response_type": "code",
    "redirect_uri": BACK,
    "scope": "activity files",
    "state": "s-1",
}
CLIENT = {"client_id": "sandbox-tempo", "client_secret": "sandbox-secret"}


def decide(played: Running, said: str, *, account: str = "demo", ticked: tuple[str, ...] = (), **asked: str) -> Got:
    """Opens the page and presses a button of it."""
    query = urlencode({**ASKED, **asked})
    shown = played.get(f"/tempo/oauth/authorize?{query}")
    assert shown.status == 200, shown.body
    form = {"provider": "tempo", "query": query, "account": account, "scope": list(ticked), "answer": said}
    return played.post("/-/consent", form=form)


def code_of(got: Got) -> str:
    return parse_qs(urlsplit(got.headers["location"]).query)["code"][0]


def exchange(played: Running, code: str, **told: str) -> Got:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, **CLIENT, **told}
    return played.post("/tempo/oauth/token", form=form)


def refresh(played: Running, token: str, **told: str) -> Got:
    form = {"grant_type": "refresh_token", "refresh_token": token, **CLIENT, **told}
    return played.post("/tempo/oauth/token", form=form)


def me(played: Running, token: str) -> int:
    return played.get("/tempo/v1/me", token=token).status


def error(got: Got) -> tuple[int, str]:
    return got.status, got.json["error"]


def another(tmp_path, **oauth: object):
    """Tempo with another way of doing OAuth."""
    play = replace(tempo.PLAY, oauth=replace(tempo.PLAY.oauth, **oauth))
    return running(tmp_path / "another.sqlite3", known={"tempo": play}, demo_days=3)


# --- the page ---------------------------------------------------------------------------------


def test_page_says_loudly_that_it_is_the_sandbox_and_whom_it_plays(played):
    page = played.get(f"/tempo/oauth/authorize?{urlencode(ASKED)}").body.decode()

    assert "<strong>Sandbox</strong>" in page
    assert "The sandbox plays <b>Tempo</b> <small>instead of tempo.example</small>" in page
    assert [page.count(f'value="{it}"') for it in ("activity", "files", "base", "demo", "empty", "huge")] == [
        1, 1, 0, 1, 1, 1,
    ]  # fmt: skip


def test_allow_leads_back_with_code_state_and_what_was_ticked(played):
    got = decide(played, "allow", ticked=("activity",))

    to = urlsplit(got.headers["location"])
    told = dict(parse_qsl(to.query))
    assert (got.status, f"{to.scheme}://{to.netloc}{to.path}") == (303, BACK)
    assert {**told, "code": ""} == {"code": "", "state": "s-1", "scope": "activity"}
    answered = exchange(played, told["code"]).json
    assert {**answered, "access_token": "", "refresh_token": ""} == {
        "access_token": "", "refresh_token": "", "token_type": "bearer", "expires_in": 900, "scope": "activity",
        "user": "tempo-demo",
    }  # fmt: skip
    assert played.get("/tempo/v1/me", token=answered["access_token"]).json == {
        "id": "tempo-demo", "name": "Lena Brandt", "scopes": ["activity"],
    }  # fmt: skip


def test_scope_that_cannot_be_unticked_comes_with_any_consent(played):
    got = decide(played, "allow", scope="activity base")

    assert exchange(played, code_of(got)).json["scope"] == "base"


def test_nobody_is_granted_what_was_not_asked_for(played):
    got = decide(played, "allow", ticked=("activity", "files"), scope="activity")

    assert exchange(played, code_of(got)).json["scope"] == "activity"


def test_deny_leads_back_with_an_error_and_the_state(played):
    got = decide(played, "deny")

    assert (got.status, got.headers["location"]) == (303, f"{BACK}?error=access_denied&state=s-1")


def test_leaving_half_finished_sends_nothing_back(played):
    got = decide(played, "leave")

    assert (got.status, "location" in got.headers) == (200, False)
    assert "neither a yes nor a no" in got.body.decode()
    assert played.look("state")["tempo"]["connected"] == []


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"client_id": "somebody"}, "client_id"),
        ({"redirect_uri": "https://elsewhere.example/"}, "redirect_uri"),
        ({"redirect_uri": "javascript:alert(1)"}, "redirect_uri"),
        ({"response_type": "token"}, "response_type"),
        ({"scope": "activity everything"}, "everything"),
        ({"code_challenge": "x", "code_challenge_method": "S512"}, "S512"),
    ],
    ids=lambda it: next(iter(it)) if isinstance(it, dict) else "",
)
def test_wrong_address_leads_nowhere(played, asked, words):
    query = urlencode({**ASKED, **asked})

    shown = played.get(f"/tempo/oauth/authorize?{query}")
    pressed = played.post("/-/consent", form={"provider": "tempo", "query": query, "answer": "allow"})

    assert [(it.status, "location" in it.headers, words in it.body.decode()) for it in (shown, pressed)] == [
        (400, False, True),
        (400, False, True),
    ]


def test_short_state_is_refused_where_the_provider_does_so(tmp_path):
    with another(tmp_path, least_state=8) as played:
        assert played.get(f"/tempo/oauth/authorize?{urlencode(ASKED)}").status == 400
        assert played.get(f"/tempo/oauth/authorize?{urlencode({**ASKED, 'state': 'x' * 8})}").status == 200


# --- codes ------------------------------------------------------------------------------------


def test_code_works_once_and_its_second_use_ends_what_it_gave(played):
    code = code_of(decide(played, "allow", ticked=("activity",)))
    first = exchange(played, code)

    assert error(exchange(played, code)) == (400, "invalid_grant")
    assert me(played, first.json["access_token"]) == 401


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"code": "made-up"}, (400, "invalid_grant")),
        ({"redirect_uri": BACK + "x"}, (400, "invalid_grant")),
        ({"client_secret": "wrong"}, (401, "invalid_client")),
        ({"client_id": "sandbox-strava"}, (401, "invalid_client")),
        ({"grant_type": "password"}, (400, "unsupported_grant_type")),
    ],
    ids=["unknown", "redirect_uri", "secret", "client", "grant_type"],
)
def test_exchange_is_refused(played, told, expected):
    code = code_of(decide(played, "allow"))

    assert error(exchange(played, **{"code": code, **told})) == expected


def test_expired_code_is_refused(tmp_path):
    with another(tmp_path, code_ttl_s=0) as played:
        code = code_of(decide(played, "allow"))
        time.sleep(0.01)
        assert exchange(played, code).json == {
            "error": "invalid_grant", "error_description": "The code has expired.",
        }  # fmt: skip


def test_code_comes_late_on_demand(played):
    played.fault("tempo", "code_late", next=1)

    assert error(exchange(played, code_of(decide(played, "allow")))) == (400, "invalid_grant")
    assert exchange(played, code_of(decide(played, "allow"))).status == 200


def test_code_needs_its_verifier(played):
    verifier = "v" * 43
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    asked = {"code_challenge": challenge, "code_challenge_method": "S256"}

    wrong = [
        exchange(played, code_of(decide(played, "allow", **asked)), **told) for told in ({}, {"code_verifier": "w"})
    ]
    right = exchange(played, code_of(decide(played, "allow", **asked)), code_verifier=verifier)

    assert [error(it) for it in wrong] == [(400, "invalid_grant")] * 2
    assert right.status == 200


def test_client_is_named_in_the_provider_s_way_only(tmp_path):
    told = base64.b64encode(b"sandbox-tempo:sandbox-secret").decode()
    with another(tmp_path, client_auth=("basic",)) as played:
        by_form = exchange(played, code_of(decide(played, "allow")))
        form = {"grant_type": "authorization_code", "code": code_of(decide(played, "allow")), "redirect_uri": BACK}
        by_header = played.post("/tempo/oauth/token", form=form, headers={"authorization": f"Basic {told}"})

        assert (error(by_form), by_header.status) == ((401, "invalid_client"), 200)


# --- refresh ----------------------------------------------------------------------------------


def test_refresh_rotates_and_ends_the_access_token_before_it(played):
    first = played.grant("tempo")

    second = refresh(played, first["refresh_token"]).json

    assert second.keys() == {"access_token", "token_type", "expires_in", "refresh_token", "scope"}
    assert second["refresh_token"] != first["refresh_token"]
    assert [me(played, first["access_token"]), me(played, second["access_token"])] == [401, 200]


def test_spent_refresh_token_is_refused_and_counted(played):
    first = played.grant("tempo")
    second = refresh(played, first["refresh_token"]).json

    assert error(refresh(played, first["refresh_token"])) == (400, "invalid_grant")
    assert played.look("state")["tempo"]["spent_tokens_presented"] == 1
    assert me(played, second["access_token"]) == 200


def test_of_two_who_refresh_at_once_one_succeeds(played):
    token = played.grant("tempo")["refresh_token"]

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(lambda _: refresh(played, token).status, range(8)))

    assert statuses == [200, *[400] * 7]


def test_spent_refresh_token_ends_the_consent_where_the_provider_does_so(tmp_path):
    with another(tmp_path, reuse_ends_grant=True) as played:
        first = played.grant("tempo")
        second = refresh(played, first["refresh_token"]).json

        assert error(refresh(played, first["refresh_token"])) == (400, "invalid_grant")
        assert me(played, second["access_token"]) == 401
        assert error(refresh(played, second["refresh_token"])) == (400, "invalid_grant")


def test_spent_refresh_token_answers_again_for_a_while_where_the_provider_does_so(tmp_path):
    with another(tmp_path, repeats_s=60) as played:
        first = played.grant("tempo")

        assert refresh(played, first["refresh_token"]).json == refresh(played, first["refresh_token"]).json


def test_refresh_token_stays_where_the_provider_keeps_it(tmp_path):
    with another(tmp_path, refresh="keeps", ends_old_access=False) as played:
        first = played.grant("tempo")
        second = refresh(played, first["refresh_token"]).json

        assert second["refresh_token"] == first["refresh_token"]
        assert [me(played, it["access_token"]) for it in (first, second)] == [200, 200]


def test_access_token_that_is_fresh_enough_comes_again(tmp_path):
    with another(tmp_path, fresh_enough_s=600) as played:
        first = played.grant("tempo")
        second = refresh(played, first["refresh_token"]).json
        played.control("ttl", provider="tempo", seconds=100)
        played.control("expire", provider="tempo")
        third = refresh(played, second["refresh_token"]).json

        assert (second["access_token"], second["refresh_token"]) == (first["access_token"], first["refresh_token"])
        assert (third["access_token"] == first["access_token"], third["expires_in"]) == (False, 100)


def test_there_is_no_refresh_token_where_the_provider_has_none(tmp_path):
    with another(tmp_path, refresh="none", ttl_s=1e6) as played:
        token = played.grant("tempo")

        assert ("refresh_token" in token, token["expires_in"]) == (False, 1_000_000)


@pytest.mark.parametrize(
    ("needs", "asked", "ticked", "expected"),
    [
        ("offline", {"scope": "activity offline"}, ("activity", "offline"), True),
        ("offline", {"scope": "activity offline"}, ("activity",), False),
        ("access_type=offline", {"access_type": "offline"}, ("activity",), True),
        ("access_type=offline", {}, ("activity",), False),
    ],
)
def test_refresh_token_comes_only_with_what_it_needs(tmp_path, needs, asked, ticked, expected):
    scopes = (*tempo.PLAY.oauth.scopes, Scope("offline", "While you are away"))
    with another(tmp_path, refresh_needs=needs, scopes=scopes) as played:
        code = code_of(decide(played, "allow", ticked=ticked, **asked))

        assert ("refresh_token" in exchange(played, code).json) is expected


def test_lost_answer_has_spent_the_token(played):
    token = played.grant("tempo")["refresh_token"]
    played.fault("tempo", "refresh_lost", next=1)

    with pytest.raises(http.client.IncompleteRead):
        refresh(played, token)

    assert error(refresh(played, token)) == (400, "invalid_grant")


def test_token_address_that_fails_has_done_nothing(played):
    token = played.grant("tempo")["refresh_token"]
    played.fault("tempo", "token_500", next=1)

    assert [refresh(played, token).status, refresh(played, token).status] == [500, 200]


# --- the end ----------------------------------------------------------------------------------


def test_tokens_expire_as_told(played):
    played.control("ttl", provider="tempo", seconds=0.2)
    token = played.grant("tempo")["access_token"]

    before = me(played, token)
    time.sleep(0.25)

    assert [before, me(played, token)] == [200, 401]


def test_tokens_expire_now(played):
    token = played.grant("tempo")

    assert played.control("expire", provider="tempo") == {"tempo": 1}
    assert me(played, token["access_token"]) == 401
    assert refresh(played, token["refresh_token"]).status == 200


@pytest.mark.parametrize("how", ["by call", "at the provider", "account deleted"])
def test_withdrawn_consent_ends_all_tokens(played, how):
    token = played.grant("tempo")
    if how == "by call":
        assert played.request("DELETE", "/tempo/v1/me", token=token["access_token"]).status == 204
    else:
        played.control("revoke" if how == "at the provider" else "delete_account", provider="tempo")

    assert me(played, token["access_token"]) == 401
    assert error(refresh(played, token["refresh_token"])) == (400, "invalid_grant")


def test_access_token_is_a_jwt_where_the_provider_makes_one(tmp_path):
    with another(tmp_path, claims=lambda grant: {"user": grant.account.id}) as played:
        token = played.grant("tempo")["access_token"]
        claims = base64.urlsafe_b64decode(token.split(".")[1] + "==")

        assert b'"user":"tempo-demo"' in claims
        assert me(played, token) == 200
