"""The API of many sources: which one is shown, decisions by hand, near misses, the order of sources."""

from __future__ import annotations

from datetime import timedelta

import pytest
from rest_framework.test import APIClient

from activities.models import LinkDecision, Pin, SourcePriority
from activities.services.priorities import set_priority
from tests.activities.keeping import keep_streams
from tests.activities.several import START, activity_of, nearly, told_by
from tests.factories.activities import RetiredActivityFactory, SourceActivityFactory
from trainstack.accounts.services import save_profile

pytestmark = pytest.mark.django_db

LINKS, ORDERS = "/api/v1/links/", "/api/v1/source-priorities/"


@pytest.fixture
def client(user) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


def primary_url(source):
    return f"/api/v1/activities/{source.activity_id}/primary/"


def problem(response):
    assert response["Content-Type"] == "application/problem+json"
    return response.status_code, response.json().get("errors") or response.json()["detail"]


# --- which source is shown --------------------------------------------------------------------


def test_primary_is_told_with_its_reason_chosen_and_given_back(client, user):
    one, other = told_by(user, "apple_health", "tempo")
    set_priority(user, "activities", [["apple_health"], ["tempo"]])
    by_order = {
        "source": one.pk,
        "provider": "apple_health",
        "external_id": one.external_id,
        "pinned": False,
        "why": "Apple Health stands above tempo in your order",
    }
    by_hand = {
        "source": other.pk,
        "provider": "tempo",
        "external_id": other.external_id,
        "pinned": True,
        "why": "You chose it",
    }

    assert client.get(primary_url(one)).json() == by_order
    assert client.put(primary_url(one), {"source": other.pk}, format="json").json() == by_hand
    assert client.get(primary_url(one)).json() == by_hand
    assert client.delete(primary_url(one)).json() == by_order


def test_primary_is_one_of_the_activitys_own_sources(client, user):
    one, _ = told_by(user, "apple_health", "tempo")
    (elsewhere,) = told_by(user, "tempo", start=START + timedelta(days=1))

    response = client.put(primary_url(one), {"source": elsewhere.pk}, format="json")

    assert problem(response) == (400, {"source": ["Not a source of this activity."]})
    assert Pin.objects.count() == 0


@pytest.mark.parametrize("told", [{}, {"source": "x"}, {"source": -1}])
def test_primary_needs_the_id_of_a_source(client, user, told):
    one, _ = told_by(user, "apple_health", "tempo")

    assert client.put(primary_url(one), told, format="json").status_code == 400


@pytest.mark.parametrize("path", ["", "sources/", "streams/?names=power&points=9", "primary/"])
def test_retired_id_redirects_with_its_query(client, user, path):
    (one,) = told_by(user, "apple_health")
    retired = RetiredActivityFactory(activity=one.activity)

    response = client.get(f"/api/v1/activities/{retired.old_id}/{path}")

    assert (response.status_code, response["Location"]) == (
        308,
        f"http://testserver/api/v1/activities/{one.activity_id}/{path}",
    )
    assert response.json()["id"] == one.activity_id


def test_retired_id_of_another_leads_nowhere(client, other_user):
    (one,) = told_by(other_user, "apple_health")
    retired = RetiredActivityFactory(activity=one.activity)

    assert client.get(f"/api/v1/activities/{retired.old_id}/").status_code == 404


# --- filling gaps -----------------------------------------------------------------------------


@pytest.fixture
def gaps(user):
    """A primary without power, and a second source that began ten seconds later and has it."""
    one = SourceActivityFactory(user=user, start_time=START)
    other = SourceActivityFactory(
        user=user, provider="tempo", start_time=START + timedelta(seconds=10), activity=one.activity, avg_power_w=222.0
    )
    keep_streams(one, speed=([0, 5], [3, 3.5]))
    keep_streams(other, power=([0, 5, 60], [200, 210, 220]), speed=([0], [9]))
    set_priority(user, "activities", [["apple_health"], ["tempo"]])
    return one, other


def test_gaps_stay_gaps_by_default(client, gaps):
    one, _ = gaps

    told = client.get(f"/api/v1/activities/{one.activity_id}/").json()

    assert (told["filled"], told["primary"]["avg_power_w"]) == ([], None)
    assert list(client.get(f"/api/v1/activities/{one.activity_id}/streams/").json()["streams"]) == ["speed"]


def test_gaps_are_filled_with_their_origin_and_nothing_told_changes(client, user, gaps):
    one, other = gaps
    save_profile(user, fill_gaps=True)

    told = client.get(f"/api/v1/activities/{one.activity_id}/").json()

    lender = {"source": other.pk, "provider": "tempo"}
    assert told["filled"] == [
        {"name": "avg_power_w", "value": 222.0, **lender},
        {"name": "stream:power", "value": None, **lender},
    ]
    assert (told["primary"]["avg_power_w"], told["primary"]["streams"]) == (None, {"speed": 2})
    one.refresh_from_db()
    assert (one.avg_power_w, one.streams) == (None, {"speed": 2})


def test_lent_streams_count_from_the_start_of_the_shown_source(client, user, gaps):
    one, other = gaps
    save_profile(user, fill_gaps=True)
    url = f"/api/v1/activities/{one.activity_id}/streams/"

    whole = client.get(url).json()
    cut = client.get(url, {"start": 12, "end": 20}).json()

    assert whole["streams"] == {
        "speed": {"source_activity": one.pk, "unit": "m/s", "time_s": [0.0, 5.0], "value": [3.0, 3.5]},
        "power": {
            "source_activity": other.pk,
            "unit": "W",
            "time_s": [10.0, 15.0, 70.0],
            "value": [200.0, 210.0, 220.0],
        },
    }
    assert whole["samples"] == {"speed": 2, "power": 3}
    assert cut["streams"]["power"]["time_s"] == [15.0]
    assert list(client.get(url, {"source": one.pk}).json()["streams"]) == ["speed"]


# --- what the athlete decided -----------------------------------------------------------------


def test_links_join_and_deleting_takes_it_back(client, user):
    one, other = nearly(user)

    made = client.post(LINKS, {"same": True, "one": one.pk, "other": other.pk}, format="json")

    (link,) = made.json()
    assert made.status_code == 201
    assert {name: link[name] for name in ("same", "one", "other", "withdrawn_at")} == {
        "same": True,
        "one": {"provider": "apple_health", "external_id": one.external_id},
        "other": {"provider": "tempo", "external_id": other.external_id},
        "withdrawn_at": None,
    }
    assert activity_of(one) == activity_of(other)
    assert [row["id"] for row in client.get(LINKS).json()["results"]] == [link["id"]]
    assert client.delete(f"{LINKS}{link['id']}/").status_code == 204
    assert activity_of(one) != activity_of(other)
    assert client.get(LINKS).json()["results"] == []
    assert [row["id"] for row in client.get(LINKS, {"withdrawn": "true"}).json()["results"]] == [link["id"]]


def test_links_split_a_source_off_its_activity(client, user):
    one, two, three = told_by(user, "apple_health", "tempo", "zeta")

    made = client.post(LINKS, {"same": False, "one": three.pk, "activity": three.activity_id}, format="json")

    assert (made.status_code, len(made.json())) == (201, 2)
    assert activity_of(one) == activity_of(two) != activity_of(three)


def test_links_keep_two_apart_and_end_the_suggestion(client, user):
    one, other = nearly(user)

    client.post(LINKS, {"same": False, "one": one.pk, "other": other.pk}, format="json")

    assert client.get("/api/v1/suggestions/").json()["results"] == []
    assert activity_of(one) != activity_of(other)


@pytest.mark.parametrize(
    ("told", "field"),
    [
        ({"same": True}, "one"),
        ({"one": 1, "other": 2}, "same"),
        ({"same": True, "one": "mine"}, "other"),
        ({"same": True, "one": "mine", "other": 1, "activity": 1}, "other"),
        ({"same": True, "one": "mine", "other": "theirs"}, "other"),
        ({"same": True, "one": "mine", "activity": 10**12}, "activity"),
        ({"same": "perhaps", "one": "mine", "other": "theirs"}, "same"),
    ],
)
def test_links_refuse_what_means_nothing(client, user, other_user, told, field):
    named = {"mine": told_by(user, "apple_health")[0].pk, "theirs": told_by(other_user, "tempo")[0].pk}
    told = {name: named.get(value, value) if isinstance(value, str) else value for name, value in told.items()}

    status, errors = problem(client.post(LINKS, told, format="json"))

    assert (status, list(errors)) == (400, [field])
    assert LinkDecision.objects.count() == 0


def test_links_refuse_to_part_what_stands_alone(client, user):
    (one,) = told_by(user, "apple_health")

    response = client.post(LINKS, {"same": False, "one": one.pk, "activity": one.activity_id}, format="json")

    assert problem(response) == (409, "This is the only source of its activity.")


# --- near misses ------------------------------------------------------------------------------


def test_suggestions_name_both_sides_and_why(client, user):
    one, other = nearly(user)
    suggestion = user.suggestions.get()

    (told,) = client.get("/api/v1/suggestions/").json()["results"]

    assert told == {
        "id": suggestion.pk,
        "reason": "just_outside",
        "detail": suggestion.detail,
        "start_time": "2026-05-02T07:30:00Z",
        "one": {
            "source": one.pk,
            "activity": one.activity_id,
            "provider": "apple_health",
            "sport": "running",
            "name": "",
            "start_time": "2026-05-02T07:30:00Z",
            "elapsed_s": 1800.0,
            "distance_m": 5000.0,
        },
        "other": {
            "source": other.pk,
            "activity": other.activity_id,
            "provider": "tempo",
            "sport": "running",
            "name": "",
            "start_time": "2026-05-02T07:33:00Z",
            "elapsed_s": 1800.0,
            "distance_m": 5000.0,
        },
    }
    assert client.get(f"/api/v1/suggestions/{suggestion.pk}/").json() == told


def test_suggestions_are_filtered_by_reason(client, user):
    nearly(user)

    found = [
        len(client.get("/api/v1/suggestions/", {"reason": reason}).json()["results"])
        for reason in ("just_outside", "clock_shift")
    ]

    assert found == [1, 0]


# --- the order of sources ---------------------------------------------------------------------


def test_orders_are_told_for_every_kind_of_data(client, user):
    told_by(user, "apple_health", "tempo", device_kind="watch")
    set_priority(user, "activities", [["tempo"], ["apple_health"]], {"tempo": [["watch"], ["phone"]]})

    told = client.get(ORDERS).json()

    assert [one["kind"] for one in told] == ["activities", "sleep", "recovery", "daily", "body"]
    assert told[0] == {
        "kind": "activities",
        "title": "Activities",
        "is_set": True,
        "ranks": [["tempo"], ["apple_health"]],
        "devices": {"tempo": [["watch"], ["phone"]]},
        "choices": [
            {"provider": "apple_health", "count": 1, "device_kinds": ["watch"]},
            {"provider": "tempo", "count": 1, "device_kinds": ["watch"]},
        ],
    }
    assert (told[4]["is_set"], told[4]["ranks"], told[4]["choices"]) == (False, [], [])


def test_order_is_previewed_saved_and_reset(client, user):
    one, other = told_by(user, "apple_health", "tempo")
    set_priority(user, "activities", [["apple_health"], ["tempo"]])
    order = {"kind": "activities", "ranks": [["tempo"], ["apple_health"]]}

    previewed = client.post(f"{ORDERS}preview/", order, format="json")

    assert previewed.json() == {"total": 1, "by_provider": {"tempo": 1}}
    assert activity_of(one).primary_id == one.pk
    assert client.put(ORDERS, order, format="json").json()["ranks"] == [["tempo"], ["apple_health"]]
    assert activity_of(one).primary_id == other.pk
    assert client.delete(f"{ORDERS}?kind=activities").status_code == 204
    assert SourcePriority.objects.count() == 0


@pytest.mark.parametrize(
    ("told", "field"),
    [
        ({"ranks": []}, "kind"),
        ({"kind": "shoes", "ranks": []}, "kind"),
        ({"kind": "sleep"}, "ranks"),
        ({"kind": "sleep", "ranks": "garmin"}, "ranks"),
        ({"kind": "sleep", "ranks": [["a"], ["a"]]}, "ranks"),
        ({"kind": "sleep", "ranks": [["a" * 33]]}, "ranks"),
        ({"kind": "sleep", "ranks": [], "devices": {"a": [["toaster"]]}}, "ranks"),
    ],
)
def test_order_refuses_what_is_none(client, user, told, field):
    for method, url in ((client.put, ORDERS), (client.post, f"{ORDERS}preview/")):
        status, errors = problem(method(url, told, format="json"))
        assert (status, list(errors)) == (400, [field])
    assert SourcePriority.objects.count() == 0


@pytest.mark.parametrize("query", ["", "?kind=shoes"])
def test_reset_names_a_kind_of_data(client, user, query):
    assert client.delete(f"{ORDERS}{query}").status_code == 400
