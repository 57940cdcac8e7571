"""Pages of many sources: what told of an activity, review, repair, and the order of sources."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from activities.models import LinkDecision, Pin, SourcePriority
from activities.services.priorities import set_priority
from tests.activities.keeping import keep_streams
from tests.activities.several import START, activity_of, grouped, nearly, told_by
from tests.factories.activities import (
    DailyMetricFactory,
    RetiredActivityFactory,
    SleepSessionFactory,
    SourceActivityFactory,
)

REVIEW, REPAIR = reverse("activities:review"), reverse("activities:repair")
ORDER = reverse("activities:priorities", args=["activities"])
PREVIEW = reverse("activities:preview", args=["activities"])


@pytest.fixture
def client(user, client_of):
    return client_of(user)


def page(client, url, **query):
    """The text of a page that is there."""
    response = client.get(url, query)
    assert response.status_code == 200
    return response.content.decode()


def queries(client, url):
    with CaptureQueriesContext(connection) as asked:
        assert client.get(url).status_code == 200
    return len(asked)


def sources_url(source):
    return reverse("activities:sources", args=[source.activity_id])


def undo(client, response):
    """Presses the undo button of the message that the answer carries."""
    (message,) = get_messages(response.wsgi_request)
    note = message.extra_tags.removeprefix("undo:")
    return client.post(reverse("activities:undo"), {"note": note, "next": REPAIR})


@pytest.mark.parametrize("url", [REVIEW, REPAIR, ORDER, "/activities/1/sources/"])
def test_pages_ask_a_stranger_to_log_in(db, url):
    response = Client().get(url)

    assert (response.status_code, response["Location"]) == (302, f"/accounts/login/?next={url}")


@pytest.mark.parametrize(
    ("url", "words"), [(REVIEW, "Nothing to review"), (REPAIR, "Nothing to repair"), (ORDER, "Nothing to order yet")]
)
def test_pages_stand_without_any_data(client, url, words):
    assert words in page(client, url)


# --- the sources of an activity ---------------------------------------------------------------


def test_sources_stand_side_by_side_with_what_differs_and_why_one_is_shown(client, user):
    one, other = told_by(user, "apple_health", "tempo", avg_heart_rate_bpm=150.0)
    type(other).objects.filter(pk=other.pk).update(distance_m=5100.0, device="Tempo 7")
    set_priority(user, "activities", [["apple_health"], ["tempo"]])

    text = page(client, sources_url(one))

    assert "Apple Health is shown" in text
    assert "Apple Health stands above tempo in your order." in text
    assert '5.10<span class="unit">km</span>' in text
    assert re.search(r'<span class="visually-hidden">differs</span>\+2\.0', text)
    assert reverse("raw-record-payload", args=[other.raw_id]) in text


def test_sources_of_one_source_offer_nothing_to_decide(client, user):
    (one,) = told_by(user, "apple_health")

    text = page(client, sources_url(one))

    assert "It is the only source." in text
    assert "Not the same effort" not in text


def test_sources_draw_each_stream_once_with_the_line_of_each_source(client, user):
    one, other = told_by(user, "apple_health", "tempo")
    keep_streams(one, heart_rate=([0, 5], [120, 130]), power=([0], [200]))
    keep_streams(other, heart_rate=([0, 5], [121, 131]))

    response = client.get(sources_url(one))

    assert [(chart.name, [mark.name for mark in chart.marks]) for chart in response.context["charts"]] == [
        ("heart_rate", ["Apple Health", "tempo"]),
        ("power", ["Apple Health"]),
    ]
    assert response.context["marks"] == [
        {"id": one.pk, "name": "Apple Health", "number": 1, "shift": 0.0},
        {"id": other.pk, "name": "tempo", "number": 2, "shift": 1.0},
    ]


def test_sources_of_one_provider_are_told_apart_by_their_device(client, user):
    one, other = told_by(user, "tempo", "tempo")
    type(other).objects.filter(pk=other.pk).update(device="Tempo 7")

    assert client.get(sources_url(one)).context["names"] == ["tempo (1)", "tempo (Tempo 7)"]


def test_sources_need_as_many_queries_for_three_as_for_two(client, user):
    (two, *_), (three, *_) = (
        told_by(user, *providers, start=START + timedelta(days=number))
        for number, providers in enumerate([("a", "b"), ("a", "b", "c")])
    )
    client.get(sources_url(two))

    assert queries(client, sources_url(three)) == queries(client, sources_url(two))


def test_sources_of_somebody_else_are_not_there(client, other_user):
    one, _ = told_by(other_user, "apple_health", "tempo")

    assert client.get(sources_url(one)).status_code == 404


@pytest.mark.parametrize("name", ["activity", "sources"])
def test_retired_id_leads_to_where_the_activity_is_now(client, user, name):
    (one,) = told_by(user, "apple_health")
    retired = RetiredActivityFactory(activity=one.activity)

    response = client.get(reverse(f"activities:{name}", args=[retired.old_id]))

    assert (response.status_code, response["Location"]) == (301, reverse(f"activities:{name}", args=[one.activity_id]))


def test_retired_id_of_somebody_else_leads_nowhere(client, other_user):
    (one,) = told_by(other_user, "apple_health")
    retired = RetiredActivityFactory(activity=one.activity)

    assert client.get(reverse("activities:activity", args=[retired.old_id])).status_code == 404


def test_make_primary_shows_the_chosen_one_until_it_is_undone(client, user):
    one, other = told_by(user, "apple_health", "tempo")
    set_priority(user, "activities", [["apple_health"], ["tempo"]])

    response = client.post(reverse("activities:make_primary", args=[one.activity_id, other.pk]))

    assert (activity_of(one).primary_id, activity_of(one).pinned) == (other.pk, True)
    assert "You chose it." in page(client, sources_url(one))
    undo(client, response)
    assert (activity_of(one).primary_id, activity_of(one).pinned) == (one.pk, False)


def test_automatic_takes_the_choice_back_and_undo_brings_it_again(client, user):
    one, other = told_by(user, "apple_health", "tempo")
    set_priority(user, "activities", [["apple_health"], ["tempo"]])
    client.post(reverse("activities:make_primary", args=[one.activity_id, other.pk]))

    client = client.__class__()
    client.force_login(user)
    response = client.post(reverse("activities:automatic", args=[one.activity_id]))

    assert (activity_of(one).primary_id, activity_of(one).pinned) == (one.pk, False)
    undo(client, response)
    assert (activity_of(one).primary_id, activity_of(one).pinned) == (other.pk, True)


def test_split_off_makes_an_activity_of_its_own_and_undo_joins_it_again(client, user):
    one, other = told_by(user, "apple_health", "tempo")

    response = client.post(reverse("activities:split_off", args=[one.activity_id, other.pk]))

    assert activity_of(one) != activity_of(other)
    assert "Not the same effort</strong>" in page(client, sources_url(one))
    undo(client, response)
    assert activity_of(one) == activity_of(other)


def test_split_off_of_the_only_source_says_why_not(client, user):
    (one,) = told_by(user, "apple_health")

    response = client.post(reverse("activities:split_off", args=[one.activity_id, one.pk]), follow=True)

    assert "This is the only source of its activity." in response.content.decode()
    assert LinkDecision.objects.count() == 0


def test_withdraw_takes_back_what_was_decided_long_ago(client, user):
    one, other = told_by(user, "apple_health", "tempo")
    client.post(reverse("activities:split_off", args=[one.activity_id, other.pk]))
    decision = LinkDecision.objects.get()

    client.post(reverse("activities:withdraw", args=[activity_of(one).pk, decision.pk]))

    assert activity_of(one) == activity_of(other)


@pytest.mark.parametrize("name", ["make_primary", "split_off"])
def test_nobody_decides_about_the_sources_of_another(client, user, other_user, name):
    mine, _ = told_by(user, "apple_health", "tempo")
    theirs, their_other = told_by(other_user, "apple_health", "tempo")

    answers = [
        client.post(reverse(f"activities:{name}", args=pair)).status_code
        for pair in ((theirs.activity_id, their_other.pk), (mine.activity_id, their_other.pk))
    ]

    assert answers == [404, 404]
    assert (Pin.objects.count(), LinkDecision.objects.count()) == (0, 0)


@pytest.mark.parametrize("name", ["automatic", "make_primary", "split_off"])
def test_nothing_is_decided_by_a_link(client, user, name):
    one, other = told_by(user, "apple_health", "tempo")
    args = [one.activity_id] if name == "automatic" else [one.activity_id, other.pk]

    assert client.get(reverse(f"activities:{name}", args=args)).status_code == 405


@pytest.mark.parametrize("note", ["", "nonsense", "WzEsImxpbmtzIixbMV1d:1:x"])
def test_undo_of_a_note_that_is_not_ours_changes_nothing(client, user, note):
    response = client.post(reverse("activities:undo"), {"note": note, "next": "//elsewhere.example/"}, follow=True)

    assert response.redirect_chain == [(reverse("activities:today"), 302)]
    assert "cannot be taken back any more" in response.content.decode()


def test_undo_of_somebody_elses_note_changes_nothing(client, user, other_user, client_of):
    one, other = told_by(other_user, "apple_health", "tempo")
    response = client_of(other_user).post(reverse("activities:split_off", args=[one.activity_id, other.pk]))

    undo(client, response)

    assert activity_of(one) != activity_of(other)


# --- filling gaps -----------------------------------------------------------------------------


@pytest.fixture
def gaps(user):
    """A primary without heart rate and power, and a second source that has both."""
    one, other = told_by(user, "apple_health", "tempo")
    type(other).objects.filter(pk=other.pk).update(avg_power_w=222.0)
    keep_streams(one, speed=([0, 5], [3, 3.5]))
    other.refresh_from_db()
    keep_streams(other, power=([0, 5], [200, 210]))
    set_priority(user, "activities", [["apple_health"], ["tempo"]])
    return one, other


def test_activity_shows_no_figures_of_others_unless_asked_to(client, gaps):
    text = page(client, reverse("activities:activity", args=[gaps[0].activity_id]))

    assert ('data-stream="power"' in text, "222" in text) == (False, False)


def test_activity_fills_its_gaps_and_names_the_origin(client, user, gaps):
    user.profile.fill_gaps = True
    user.profile.save()

    text = page(client, reverse("activities:activity", args=[gaps[0].activity_id]))

    assert re.search(r'222<span class="unit">W</span><span class="from-other">.*?from tempo</span>', text, re.S)
    assert re.search(r'Power<span class="from-other">.*?from tempo</span>', text, re.S)
    gaps[0].refresh_from_db()
    assert gaps[0].avg_power_w is None


# --- review -----------------------------------------------------------------------------------


def test_review_shows_a_pair_with_what_nearly_matched(client, user):
    nearly(user)

    text = page(client, REVIEW)

    assert "3 min" in text
    assert "1 pair to look at" in text
    assert '<li id="nav-review"><a' in page(client, reverse("activities:today"))


def test_navigation_leads_to_the_review_only_where_something_waits(client):
    assert '<li id="nav-review" hidden><a' in page(client, reverse("activities:today"))


def test_review_of_a_row_without_a_time_of_day_says_so(client, user):
    watch = SourceActivityFactory(user=user, start_time=START, utc_offset_s=7200, activity=None)
    noon = START.replace(hour=12, minute=0)
    row = SourceActivityFactory(user=user, provider="tempo", start_time=noon, day_only=True, activity=None)
    grouped(user, watch, row)

    shown = page(client, REVIEW)

    assert "One tells no time of day; on that day, the durations differ by 0 %" in shown
    assert "Same day, no time told" in shown
    assert "Sat 2 May 2026, <strong>no time told</strong>" in shown
    assert "Sat 2 May 2026, <strong>09:30:00</strong>" in shown


def test_an_effort_without_a_time_of_day_is_shown_on_its_day_wherever_the_athlete_lives(client, user):
    """Noon UTC is the day after in Auckland."""
    user.profile.time_zone = "Pacific/Auckland"
    user.profile.save()
    row = SourceActivityFactory(user=user, start_time=START.replace(hour=12), day_only=True, activity=None)
    [row] = grouped(user, row)

    listed = page(client, reverse("activities:activities"))
    detail = page(client, reverse("activities:activity", args=[row.activity_id]))

    assert "Sat 2 May, no time told" in listed
    assert "Saturday, 2 May 2026, no time told" in detail


def test_review_draws_small_routes(client, user):
    one, _ = nearly(user)
    keep_streams(one, latitude=([0, 1, 2], [48, 48.01, 48.02]), longitude=([0, 1, 2], [7.9, 7.9, 7.91]))

    text = page(client, REVIEW)

    assert 'aria-label="Its route"' in text
    assert "No route was told" in text


def test_answer_same_joins_the_two_and_undo_parts_them(client, user):
    one, other = nearly(user)
    pair = user.suggestions.get()

    response = client.post(reverse("activities:same", args=[pair.pk]))

    assert (response.status_code, response["Location"]) == (302, REVIEW)
    assert activity_of(one) == activity_of(other)
    assert user.suggestions.count() == 0
    undo(client, response)
    assert activity_of(one) != activity_of(other)
    assert user.suggestions.count() == 1


def test_answer_different_keeps_both_and_asks_no_more(client, user):
    one, other = nearly(user)
    pair = user.suggestions.get()

    client.post(reverse("activities:different", args=[pair.pk]))

    assert activity_of(one) != activity_of(other)
    assert user.suggestions.count() == 0


def test_answer_gives_htmx_the_next_pair_and_the_way_back(client, user):
    nearly(user)
    nearly(user, start=START + timedelta(days=1))
    first = client.get(REVIEW).context["pair"]

    response = client.post(
        reverse("activities:same", args=[first.pk]), headers={"HX-Request": "true", "HX-Target": "review"}
    )

    assert response.templates[0].name == "activities/_review.html"
    assert response.context["pair"].pk != first.pk
    assert 'name="note"' in response.content.decode()


def test_review_passes_over_a_pair_and_begins_again_after_the_last(client, user):
    nearly(user)
    nearly(user, start=START + timedelta(days=1))
    first = client.get(REVIEW).context["pair"]

    second = client.get(REVIEW, {"after": first.pk}).context["pair"]

    assert second.pk != first.pk
    assert client.get(REVIEW, {"after": second.pk}).context["pair"] == first
    assert client.get(REVIEW, {"after": "x"}).context["pair"] == first


def test_nobody_answers_for_another(client, other_user):
    one, other = nearly(other_user)
    pair = other_user.suggestions.get()

    answers = [client.post(reverse(f"activities:{name}", args=[pair.pk])).status_code for name in ("same", "different")]

    assert answers == [404, 404]
    assert activity_of(one) != activity_of(other)
    assert other_user.suggestions.count() == 1


def test_review_needs_as_many_queries_for_three_pairs_as_for_one(client, user):
    nearly(user)
    client.get(REVIEW)
    one = queries(client, REVIEW)
    for days in (1, 2):
        nearly(user, start=START + timedelta(days=days))

    assert queries(client, REVIEW) == one


# --- repair -----------------------------------------------------------------------------------


def rows_of(client, **query):
    response = client.get(REPAIR, query)
    assert response.status_code == 200
    return [(row.kind, row.start_time) for row in response.context["page"].rows]


@pytest.fixture
def to_repair(user):
    """A group of two sources on each of three days, and a pair on the two days after."""
    for days in range(3):
        told_by(user, "apple_health", "tempo", start=START + timedelta(days=days), sport="running")
    for days in (3, 4):
        nearly(user, start=START + timedelta(days=days), sport="cycling")


@pytest.mark.parametrize(
    ("query", "days"),
    [
        ({}, [4, 3, 2, 1, 0]),
        ({"kind": "groups"}, [2, 1, 0]),
        ({"kind": "pairs"}, [4, 3]),
        ({"kind": "just_outside"}, [4, 3]),
        ({"kind": "clock_shift"}, []),
        ({"source": "tempo"}, [4, 3, 2, 1, 0]),
        ({"source": "nobody"}, []),
        ({"sport": "cycling"}, [4, 3]),
        ({"first": "2026-05-03", "last": "2026-05-05"}, [3, 2, 1]),
    ],
)
def test_repair_lists_groups_and_pairs_newest_first(client, to_repair, query, days):
    assert [start for _, start in rows_of(client, **query)] == [START + timedelta(days=day) for day in days]


def test_repair_goes_on_page_by_page(client, to_repair, monkeypatch):
    monkeypatch.setattr("activities.sources_views.REPAIR_ROWS", 2)
    every = []
    before = ""
    for _ in range(5):
        response = client.get(REPAIR, {"before": before} if before else {})
        every += [row.start_time for row in response.context["page"].rows]
        before = response.context["page"].before
        if not before:
            break

    assert every == [START + timedelta(days=day) for day in (4, 3, 2, 1, 0)]


def test_repair_gives_htmx_only_the_rows(client, to_repair):
    response = client.get(REPAIR, headers={"HX-Request": "true", "HX-Target": "repair-rows"})

    assert response.templates[0].name == "activities/_repair_rows.html"


@pytest.mark.parametrize("before", ["x", "~~", "2026-05-02T00:00:00~groups~1", "2026-05-02T00:00:00+00:00~rows~1"])
def test_repair_has_no_page_that_no_page_gave(client, before):
    assert client.get(REPAIR, {"before": before}).status_code == 404


def test_repair_shows_only_ones_own(client, other_user):
    told_by(other_user, "apple_health", "tempo")
    nearly(other_user, start=START + timedelta(days=1))

    assert rows_of(client) == []


def test_repair_needs_as_many_queries_for_three_rows_as_for_one(client, user):
    told_by(user, "apple_health", "tempo")
    nearly(user, start=START + timedelta(days=1))
    client.get(REPAIR)
    one = queries(client, REPAIR)
    for days in (2, 4):
        told_by(user, "apple_health", "tempo", start=START + timedelta(days=days))
        nearly(user, start=START + timedelta(days=days + 1))

    assert queries(client, REPAIR) == one


def chosen(client, kind=""):
    return [row.token for row in client.get(REPAIR, {"kind": kind}).context["page"].rows]


@pytest.mark.parametrize(
    ("action", "activities", "pairs"),
    [("same", 5, 0), ("different", 7, 0), ("apart", 10, 5)],
)
def test_repair_acts_on_all_that_is_chosen_and_undo_takes_it_back(client, user, to_repair, action, activities, pairs):
    response = client.post(REPAIR, {"action": action, "chosen": chosen(client)})

    assert response["Location"] == REPAIR
    assert (user.activities.count(), user.suggestions.count()) == (activities, 2 if action == "apart" else pairs)
    undo(client, response)
    assert (user.activities.count(), user.suggestions.count()) == (7, 2)


def test_repair_goes_back_to_automatic_in_bulk(client, user, to_repair):
    groups = user.activities.filter(sport="running")
    for group in groups:
        client.post(reverse("activities:make_primary", args=[group.pk, group.sources.last().pk]))
    client = client.__class__()
    client.force_login(user)

    response = client.post(REPAIR, {"action": "automatic", "chosen": chosen(client)})

    assert groups.filter(pinned=True).count() == 0
    undo(client, response)
    assert groups.filter(pinned=True).count() == 3


@pytest.mark.parametrize(("told", "status"), [({"action": "burn"}, 404), ({}, 404), ({"action": "same"}, 302)])
def test_repair_refuses_what_it_does_not_know_and_needs_a_choice(client, user, to_repair, told, status):
    assert client.post(REPAIR, told).status_code == status
    assert LinkDecision.objects.count() == 0


def test_repair_touches_nothing_of_another(client, user, other_user, client_of):
    told_by(other_user, "apple_health", "tempo")
    nearly(other_user, start=START + timedelta(days=1))
    theirs = chosen(client_of(other_user))

    for action in ("same", "different", "apart", "automatic"):
        client.post(REPAIR, {"action": action, "chosen": [*theirs, "groups~x", "pairs~", "~1", "groups~" + "9" * 30]})

    assert (LinkDecision.objects.count(), other_user.activities.count()) == (0, 3)


# --- the order of sources ---------------------------------------------------------------------


def test_order_lists_what_the_athlete_has_of_each_kind_of_data(client, user, other_user):
    told_by(user, "apple_health", "tempo")
    SleepSessionFactory(user=user, provider="dream")
    DailyMetricFactory(user=user, provider="scales", metric="weight")
    DailyMetricFactory(user=user, provider="ring", metric="hrv_rmssd")
    DailyMetricFactory(user=user, provider="steps", metric="steps")
    told_by(other_user, "elsewhere")

    names = {
        kind: [
            entry.choice.provider
            for entry in client.get(reverse("activities:priorities", args=[kind])).context["entries"]
        ]
        for kind in ("activities", "sleep", "recovery", "daily", "body")
    }

    assert names == {
        "activities": ["apple_health", "tempo"],
        "sleep": ["dream"],
        "recovery": ["ring"],
        "daily": ["steps"],
        "body": ["scales"],
    }


def test_order_is_saved_and_says_what_switched_and_undo_restores_it(client, user):
    one, other = told_by(user, "apple_health", "tempo")
    set_priority(user, "activities", [["apple_health"], ["tempo"]])

    response = client.post(ORDER, {"rank": ["tempo", "apple_health"]})

    assert (response.status_code, response["Location"]) == (302, ORDER)
    assert SourcePriority.objects.get().ranks == [["tempo"], ["apple_health"]]
    assert activity_of(one).primary_id == other.pk
    assert [str(it) for it in get_messages(response.wsgi_request)] == ["Saved. 1 activity switched to tempo."]
    undo(client, response)
    assert SourcePriority.objects.get().ranks == [["apple_health"], ["tempo"]]
    assert activity_of(one).primary_id == one.pk


def test_order_knows_ties_and_kinds_of_device(client, user):
    told_by(user, "apple_health", "tempo")
    told_by(user, "tempo", start=START + timedelta(days=1), device_kind="phone")

    client.post(
        ORDER,
        {"rank": ["tempo", "apple_health"], "tied": "apple_health", "device-tempo": ["phone", "other"]},
    )

    row = SourcePriority.objects.get()
    assert (row.ranks, row.devices) == ([["tempo", "apple_health"]], {"tempo": [["phone"], ["other"]]})


def test_order_is_reset(client, user):
    told_by(user, "apple_health", "tempo")
    set_priority(user, "activities", [["apple_health"], ["tempo"]])

    response = client.post(ORDER, {"reset": "1"})

    assert SourcePriority.objects.count() == 0
    undo(client, response)
    assert SourcePriority.objects.get().ranks == [["apple_health"], ["tempo"]]


def test_order_moves_by_its_arrows_without_a_script_and_saves_nothing(client, user):
    told_by(user, "apple_health", "tempo", "zeta")

    response = client.post(ORDER, {"rank": ["apple_health", "tempo", "zeta"], "tied": "zeta", "move": "zeta up"})

    assert [(entry.choice.provider, entry.place.place) for entry in response.context["entries"]] == [
        ("apple_health", 1),
        ("zeta", 2),
        ("tempo", 3),
    ]
    assert "Nothing is saved yet." in response.content.decode()
    assert SourcePriority.objects.count() == 0


def test_preview_says_what_would_switch_and_saves_nothing(client, user):
    one, _ = told_by(user, "apple_health", "tempo")
    told_by(user, "apple_health", "tempo", start=START + timedelta(days=1))
    set_priority(user, "activities", [["apple_health"], ["tempo"]])

    told = [
        client.post(PREVIEW, {"rank": ranks}).content.decode()
        for ranks in (["tempo", "apple_health"], ["apple_health", "tempo"])
    ]

    assert "2 activities would switch to tempo." in told[0]
    assert "Nothing would change." in told[1]
    assert activity_of(one).primary_id == one.pk


@pytest.mark.parametrize(
    "told",
    [
        {"rank": ["elsewhere"]},
        {"rank": ["tempo", "tempo"]},
        {"rank": ["tempo"], "device-tempo": ["toaster"]},
    ],
)
def test_order_refuses_sources_that_one_does_not_have(client, user, told):
    told_by(user, "apple_health", "tempo")

    assert [client.post(url, told).status_code for url in (ORDER, PREVIEW)] == [422, 422]
    assert SourcePriority.objects.count() == 0


def test_there_is_no_order_of_anything_else(client):
    names = ["priorities", "preview"]

    assert [client.post(reverse(f"activities:{name}", args=["shoes"])).status_code for name in names] == [404, 404]


# --- lists, nights and days -------------------------------------------------------------------


def test_activities_are_found_by_any_of_their_sources_and_show_who_told(client, user):
    told_by(user, "apple_health", "tempo")
    told_by(user, "apple_health", start=START + timedelta(days=1))

    text = page(client, reverse("activities:activities"), source="tempo")

    assert text.count('class="row"') == 1
    assert '<span class="visually-hidden"> 2 sources</span>' in text


def test_sleep_says_who_told_the_night_and_who_else(client, user):
    start = datetime(2026, 5, 1, 21, tzinfo=UTC)
    SleepSessionFactory(user=user, start_time=start)
    SleepSessionFactory(user=user, start_time=start + timedelta(minutes=5), provider="tempo", is_shown=False)

    text = page(client, reverse("activities:sleep"))

    assert re.search(r"Shown from .*Apple Health; also told by tempo", text)


def test_metric_says_who_told_the_days_and_who_else(client, user):
    DailyMetricFactory(user=user, metric="steps", date=START.date(), value=8000)
    DailyMetricFactory(user=user, metric="steps", date=START.date(), value=7000, provider="tempo")
    set_priority(user, "daily", [["tempo"], ["apple_health"]])

    text = page(client, reverse("activities:metric", args=["steps"]))

    assert "Shown from tempo (1 day); also told by Apple Health (1 day)." in text
    assert "7,000" in text


def test_parts_of_a_whole_have_no_sources_page_of_their_own(client, user):
    whole = SourceActivityFactory(user=user, sport="multisport.triathlon")
    SourceActivityFactory(user=user, sport="swimming", parent=whole, activity=None)

    assert "Swimming" not in page(client, sources_url(whole))
