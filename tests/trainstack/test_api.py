"""What all routes of the API have in common: errors, paging, what OpenAPI says, and that rows are one's own."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone
from rest_framework.test import APIClient

from tests.activities.keeping import keep_samples, keep_streams
from tests.factories.accounts import UserFactory
from tests.factories.activities import (
    DailyMetricFactory,
    DeviceFactory,
    LinkDecisionFactory,
    RawRecordFactory,
    SleepSessionFactory,
    SourceActivityFactory,
    SourcePriorityFactory,
    SuggestionFactory,
)
from tests.factories.integrations import ConnectionFactory, ImportFactory, OpenAskFactory, SyncRunFactory
from trainstack.accounts.models import User
from trainstack.accounts.services import make_token, set_parameter

pytestmark = pytest.mark.django_db

START = datetime(2026, 5, 2, 7, 30, tzinfo=UTC)


def api(user: User) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


# --- errors -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["activities/0/", "activities/99999999999999999999/", "activities/x/", "activities", "nothing/", ""]
)
def test_what_is_not_there_is_a_problem(path):
    response = api(UserFactory()).get(f"/api/v1/{path}")

    assert (response.status_code, response["Content-Type"]) == (404, "application/problem+json")
    problem = response.json()
    assert problem.pop("detail")
    assert problem == {"type": "about:blank", "title": "Not Found", "status": 404}


def test_wrong_method_is_a_problem_that_names_the_right_ones():
    response = api(UserFactory()).delete("/api/v1/activities/")

    assert (response.status_code, response["Allow"]) == (405, "GET, HEAD, OPTIONS")
    assert response["Content-Type"] == "application/problem+json"
    assert response.json() == {
        "type": "about:blank",
        "title": "Method Not Allowed",
        "status": 405,
        "detail": 'Method "DELETE" not allowed.',
    }


@pytest.mark.parametrize(
    ("ask", "status"),
    [
        ({"content_type": "application/json", "data": "{"}, 400),
        ({"content_type": "text/csv", "data": "a"}, 415),
        ({"content_type": "application/x-www-form-urlencoded", "data": "name=a"}, 415),
        ({"content_type": "application/json", "data": "{}", "headers": {"accept": "text/html"}}, 406),
    ],
    ids=["not json", "csv", "form", "asks for html"],
)
def test_what_cannot_be_read_or_told_is_a_problem(ask, status):
    response = api(UserFactory()).post("/api/v1/tokens/", **ask)

    assert (response.status_code, response["Content-Type"]) == (status, "application/problem+json")
    assert response.json()["status"] == status


def test_body_that_is_too_large_is_refused_before_it_is_read(settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    user = UserFactory()

    response = api(user).post("/api/v1/tokens/", {"name": "a" * 100}, format="json")

    assert (response.status_code, response.json()["title"]) == (413, HTTPStatus(413).phrase)
    assert user.api_tokens.count() == 0


def test_what_nobody_foresaw_is_a_problem_that_tells_nothing_and_is_logged(settings, caplog):
    source = keep_streams(SourceActivityFactory(), power=([0], [1]))
    settings.STREAM_STORAGE += "-gone"
    client = APIClient(raise_request_exception=False)
    client.force_authenticate(source.user)

    response = client.get(f"/api/v1/activities/{source.activity_id}/streams/")

    assert (response.status_code, response["Content-Type"]) == (500, "application/problem+json")
    assert response.json() == {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "detail": "The server failed to answer. It has been logged.",
    }
    (logged,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert logged.exc_info[0] is FileNotFoundError


# --- paging -------------------------------------------------------------------------------------


def followed(client: APIClient, url: str, between: Callable[[], object] = lambda: None) -> list[list[int]]:
    """The ids of each page from `url` on, with something done between the pages."""
    pages = []
    while url:
        answer = client.get(url).json()
        pages.append([row["id"] for row in answer["results"]])
        url = answer["next"]
        between()
    return pages


def test_pages_go_through_all_rows_once_even_where_the_order_has_ties():
    user = UserFactory()
    rows = [SourceActivityFactory(user=user, start_time=START).activity_id for _ in range(7)]

    pages = followed(api(user), "/api/v1/activities/?page_size=3")

    assert pages == [rows[:3:-1], rows[3:0:-1], rows[0:1]]
    assert followed(api(user), "/api/v1/activities/?page_size=7") == [rows[::-1]]


def test_pages_stand_still_while_rows_come_and_go():
    user = UserFactory()
    rows = [SourceActivityFactory(user=user, start_time=START + timedelta(days=day)).activity for day in range(6)]
    ids = [row.pk for row in rows]
    gone = iter([rows[4], rows[5]])

    def between():
        SourceActivityFactory(user=user, start_time=START + timedelta(days=30))
        if row := next(gone, None):
            row.delete()

    pages = followed(api(user), "/api/v1/activities/?page_size=2", between)

    assert pages == [ids[5:3:-1], ids[3:1:-1], ids[1::-1]]


def test_pages_keep_the_query():
    user = UserFactory()
    runs = [SourceActivityFactory(user=user, sport="running").activity_id for _ in range(3)]
    for _ in range(3):
        SourceActivityFactory(user=user, sport="yoga")

    assert followed(api(user), "/api/v1/activities/?page_size=2&sport=running") == [runs[:0:-1], runs[:1]]


def test_pages_in_ascending_and_mixed_order():
    user = UserFactory()
    devices = [DeviceFactory(user=user).pk for _ in range(3)]
    days = {
        (metric, day): DailyMetricFactory(user=user, metric=metric, date=date(2026, 5, day)).pk
        for metric in ("a", "b")
        for day in (1, 2, 3)
    }

    assert followed(api(user), "/api/v1/sample-devices/?page_size=2") == [devices[:2], devices[2:]]
    assert followed(api(user), "/api/v1/metrics/daily/?page_size=2") == [
        [days["a", 3], days["a", 2]],
        [days["a", 1], days["b", 3]],
        [days["b", 2], days["b", 1]],
    ]


@pytest.mark.parametrize("size", ["0", "501", "-1", "x", "²", "1.5", "9" * 5000])
def test_page_size_is_bounded(size):
    response = api(UserFactory()).get("/api/v1/activities/", {"page_size": size})

    assert (response.status_code, response.json()["errors"]) == (400, {"page_size": ["A number from 1 to 500."]})


def cursor(*key: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(key[0] if len(key) == 1 else key).encode()).decode()


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "é",
        "AAAA",
        cursor({}),
        cursor([]),
        cursor("2026-05-02T07:30:00Z", "x"),
        cursor("2026-05-02T07:30:00Z", None),
        cursor("2026-05-02T07:30:00", 1),
        cursor("2026-13-02T07:30:00Z", 1),
        cursor("2026-05-02T07:30:00Z", 1, 1),
        cursor(["2026-05-02T07:30:00Z"], 1),
        base64.urlsafe_b64encode(b"[" * 100_000).decode(),
    ],
    ids=lambda token: token[:20],
)
def test_cursor_that_is_none_of_ours_is_refused(token):
    response = api(UserFactory()).get("/api/v1/activities/", {"cursor": token})

    assert (response.status_code, response.json()["errors"]) == (400, {"cursor": ["Not a cursor of this list."]})


# --- OpenAPI ------------------------------------------------------------------------------------


def test_openapi_document_is_valid_and_without_warnings():
    document = io.StringIO()

    call_command("spectacular", "--validate", "--fail-on-warn", "--format", "openapi-json", stdout=document)

    paths = json.loads(document.getvalue())["paths"]
    assert set(paths) == {
        "/api/v1/" + re.sub("<int:pk>", "{id}", route.path) for route in routes() if route.name not in PUBLIC
    }


def test_openapi_document_is_open_to_everybody():
    response = Client().get("/api/v1/schema/")

    assert response.status_code == 200
    assert b"/api/v1/activities/{id}/streams/" in response.content


# --- one's own rows -----------------------------------------------------------------------------

METHODS = ("get", "post", "put", "patch", "delete")
# Whom webhooks come from, their signatures say.
PUBLIC = {"schema", "no-such-route", "webhook", "webhook_at"}
# What a route without an id needs to be asked for; a list needs nothing.
QUERIES = {"samples": {"metric": "heart_rate"}}
# Something that a POST takes, and that means the owner's row to the owner.
BODIES: dict[str, dict[str, Any]] = {
    "athlete-parameter-list": {"name": "max_heart_rate_bpm", "value": 200, "effective_from": "2026-05-02"},
    "token-list": {"name": "mine"},
    "import-list": {},
    "link-list": {"same": True, "one": 1, "other": 2},
    "source-priorities": {"kind": "activities", "ranks": [["apple_health"]]},
    "source-priorities-preview": {"kind": "activities", "ranks": [["apple_health"]]},
}


class Route:
    """One address of the API."""

    def __init__(self, path: str, pattern: URLPattern) -> None:
        self.path = path
        self.name = pattern.name or ""
        self.view: Any = pattern.callback
        self.basename: str = getattr(self.view, "initkwargs", {}).get("basename") or self.name

    @property
    def methods(self) -> set[str]:
        if hasattr(self.view, "actions"):
            return set(self.view.actions) & set(METHODS)
        return {method for method in METHODS if hasattr(self.view.cls, method)}

    @property
    def has_id(self) -> bool:
        return "<" in self.path

    def url(self, owned: dict[str, int]) -> str:
        """The address with the id of the row that `owned` names; a route of which nothing is known fails."""
        if not self.has_id:
            return f"/api/v1/{self.path}"
        assert self.basename in owned, f"{self.path}: the world of these tests has no {self.basename}; add one."
        return "/api/v1/" + re.sub("<[^>]+>", str(owned[self.basename]), self.path)


def routes() -> Iterator[Route]:
    """Every route under /api/v1/, as Django resolves it."""

    def walk(patterns: Any, before: str) -> Iterator[Route]:
        for pattern in patterns:
            path = before + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                yield from walk(pattern.url_patterns, path)
            elif path.startswith("api/v1/"):
                yield Route(path.removeprefix("api/v1/"), pattern)

    return walk(get_resolver().url_patterns, "")


def world_of(user: User) -> dict[str, int]:
    """One row of everything that the API tells, as this user's: its id by the basename of its routes."""
    user.profile  # noqa: B018  made on first use
    brought = ImportFactory(user=user, state="reading")
    run = SyncRunFactory(import_file=brought, state="running", leased_until=timezone.now() + timedelta(hours=1))
    raw = RawRecordFactory(user=user, import_file=brought)
    source = keep_streams(SourceActivityFactory(user=user, raw=raw), heart_rate=([0, 5], [120, 130]))
    SourceActivityFactory(user=user, activity=None, parent=source)
    SourcePriorityFactory(user=user)
    parameter = set_parameter(user, name="max_heart_rate_bpm", value=188, effective_from=date(2026, 5, 2))
    token, _ = make_token(user, name="theirs")
    device = keep_samples(user, "heart_rate", (START, 60.0, None))
    connection = ConnectionFactory(user=user)
    OpenAskFactory(connection=connection, failed_at=timezone.now())
    return {
        "activity": source.activity_id,
        "raw-record": raw.pk,
        "sleep": SleepSessionFactory(user=user, device=device).pk,
        "daily-metric": DailyMetricFactory(user=user, device=device).pk,
        "sample-device": device.pk,
        "import": brought.pk,
        "sync-run": run.pk,
        "connection": connection.pk,
        "athlete-parameter": parameter.pk,
        "token": token.pk,
        "link": LinkDecisionFactory(user=user).pk,
        "suggestion": SuggestionFactory(user=user).pk,
    }


def rows_of(user: User) -> dict[str, list[dict[str, Any]]]:
    """Every row in the database that is this user's."""
    told = {"User": list(User.objects.filter(pk=user.pk).values())}
    for model in apps.get_models():
        if any(field.name == "user" for field in model._meta.get_fields()):
            told[model._meta.label] = list(model._default_manager.filter(user=user).order_by("pk").values())
    return told


def test_walk_finds_the_routes():
    assert {"activities/", "activities/<int:pk>/streams/", "metrics/samples/", "tokens/<int:pk>/"} <= {
        route.path for route in routes()
    }


@pytest.mark.parametrize("route", list(routes()), ids=lambda route: route.path)
def test_other_peoples_rows_are_neither_told_nor_touched(route):
    if route.name in PUBLIC:
        return
    stranger, owner = UserFactory(), UserFactory()
    client = api(stranger)
    query = QUERIES.get(route.name, {})
    is_read = not route.has_id and "get" in route.methods
    nobody_else = client.get(f"/api/v1/{route.path}", query) if is_read else None
    owned = world_of(owner)
    before = rows_of(owner)
    url = route.url(owned)

    if route.has_id:
        for method in METHODS:
            response = getattr(client, method)(url, BODIES.get(route.name, {}), format="json")
            assert response.status_code == (404 if method in route.methods else 405), method
    else:
        if nobody_else is not None:
            assert nobody_else.status_code == 200, "QUERIES says how this route is asked."
            assert client.get(url, query).content == nobody_else.content
            assert api(owner).get(url, query).content != nobody_else.content, "The owner sees nothing here either."
        for method in route.methods - {"get"}:
            assert method == "patch" or route.name in BODIES, "BODIES says what this route takes."
            getattr(client, method)(url, BODIES.get(route.name, {}), format="json")

    assert rows_of(owner) == before


@pytest.mark.parametrize(
    "route", [it for it in routes() if it.has_id and it.name not in PUBLIC], ids=lambda route: route.path
)
def test_own_rows_are_told(route):
    if "get" not in route.methods:
        return
    owner = UserFactory()

    assert api(owner).get(route.url(world_of(owner))).status_code == 200


@pytest.mark.parametrize("route", list(routes()), ids=lambda route: route.path)
def test_nobody_gets_in_without_logging_in(route):
    if route.name in PUBLIC:
        return
    url = route.url(world_of(UserFactory()))

    for method in METHODS:
        response = getattr(Client(), method)(url)
        assert (response.status_code, response["WWW-Authenticate"]) == (401, 'Token realm="TrainStack API"')
        assert response["Content-Type"] == "application/problem+json"


def test_ids_of_others_in_a_query_tell_nothing():
    stranger, owner = UserFactory(), UserFactory()
    owned = world_of(owner)
    own = world_of(stranger)
    theirs = owner.source_activities.get(activity=owned["activity"])
    client = api(stranger)

    assert client.get(f"/api/v1/activities/{own['activity']}/streams/", {"source": theirs.pk}).status_code == 404
    of_their_device = {"metric": "heart_rate", "device": owned["sample-device"]}
    assert client.get("/api/v1/metrics/samples/", of_their_device).json()["start_ms"] == []
    assert client.get("/api/v1/metrics/daily/", {"device": owned["sample-device"]}).json()["results"] == []
    assert client.get("/api/v1/raw-records/", {"sha256": theirs.raw.sha256}).json()["results"] == []
