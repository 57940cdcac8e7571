import re
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from activities.models import RawRecord
from activities.services.raw import sweep
from tests.factories.activities import (
    ActivityFactory,
    DailyMetricFactory,
    RawRecordFactory,
    SleepSessionFactory,
    SourceActivityFactory,
)
from tests.factories.integrations import ImportFactory
from trainstack.accounts.models import User

DAY = date(2026, 5, 2)
PAGES = [
    reverse("activities:today"),
    reverse("activities:activities"),
    reverse("activities:sleep"),
    reverse("activities:metrics"),
    reverse("activities:delete_account"),
]


@pytest.fixture
def client(user, client_of):
    return client_of(user)


def page(client, url, **query):
    """The text of a page that is there."""
    response = client.get(url, query)
    assert response.status_code == 200
    return response.content.decode()


@pytest.mark.parametrize("url", [*PAGES, "/activities/1/", "/sleep/2026-05-02/", "/metrics/steps/"])
def test_pages_ask_a_stranger_to_log_in(db, url):
    response = Client().get(url)

    assert (response.status_code, response["Location"]) == (302, f"/accounts/login/?next={url}")


@pytest.mark.parametrize("url", PAGES)
def test_pages_stand_without_any_data(client, url):
    assert client.get(url).status_code == 200


def test_today_leads_a_new_athlete_to_the_import(client):
    text = page(client, reverse("activities:today"))

    assert "Export All Health Data" in text
    assert f'href="{reverse("integrations:imports")}"' in text


def test_today_shows_the_week_the_last_activities_and_the_night(client, user):
    now = timezone.now()
    SourceActivityFactory(user=user, start_time=now, activity__name="Round the lake", activity__local_date=now.date())
    SleepSessionFactory(user=user, start_time=now - timedelta(hours=9))
    DailyMetricFactory(user=user, metric="resting_heart_rate", date=now.date(), value=52)

    text = page(client, reverse("activities:today"))

    assert [words in text for words in ("Round the lake", "This week", "Resting heart rate", "Stages of sleep")] == [
        True
    ] * 4
    assert "How to get the file" not in text


def test_activities_shows_only_ones_own(client, user, other_user):
    mine = SourceActivityFactory(user=user).activity
    theirs = SourceActivityFactory(user=other_user).activity

    text = page(client, reverse("activities:activities"))

    assert (f"/activities/{mine.pk}/" in text, f"/activities/{theirs.pk}/" in text) == (True, False)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, {"run", "ride", "walk"}),
        ({"sport": "cycling"}, {"ride"}),
        ({"source": "apple_health"}, {"run", "ride", "walk"}),
        ({"source": "nobody"}, set()),
        ({"first": "2026-05-02"}, {"ride", "walk"}),
        ({"first": "2026-05-02", "last": "2026-05-02"}, {"ride"}),
        ({"search": "LAKE"}, {"walk"}),
    ],
)
def test_activities_filters(client, user, query, found):
    for number, (name, sport) in enumerate((("run", "running"), ("ride", "cycling"), ("walk", "walking"))):
        title = "walk by the lake" if name == "walk" else name
        start = datetime(2026, 5, 1 + number, 12, tzinfo=UTC)
        SourceActivityFactory(user=user, sport=sport, start_time=start, activity__name=title)

    response = client.get(reverse("activities:activities"), query)

    shown = {one.name.split()[0] for month in response.context["page"].months for one in month.activities}
    assert shown == found


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"first": "yesterday"}, "Enter a valid date."),
        ({"first": "2026-05-02", "last": "2026-05-01"}, "This day lies before the first."),
    ],
)
def test_activities_says_which_date_is_wrong(client, user, query, words):
    SourceActivityFactory(user=user)

    assert words in page(client, reverse("activities:activities"), **query)


@pytest.mark.parametrize("before", ["x", "2026-05-02T00:00:00~1", "~"])
def test_activities_has_no_page_that_no_page_gave(client, before):
    assert client.get(reverse("activities:activities"), {"before": before}).status_code == 404


def test_activities_goes_on_with_the_filter_on_the_next_page(client, user, monkeypatch):
    monkeypatch.setattr("activities.listing.PAGE_SIZE", 1)
    for _ in range(2):
        SourceActivityFactory(user=user, sport="running")

    first = client.get(reverse("activities:activities"), {"sport": "running"})

    assert f"?sport=running&amp;before={first.context['page'].before.replace('+', '%2B').replace(':', '%3A')}" in (
        first.content.decode().replace("%7E", "~")
    )


@pytest.mark.parametrize(("target", "template"), [("more", "_activity_rows"), ("results", "_activity_results")])
def test_activities_gives_htmx_only_what_it_asks_for(client, user, target, template):
    SourceActivityFactory(user=user)
    url = reverse("activities:activities")

    part = client.get(url, headers={"HX-Request": "true", "HX-Target": target})
    back = client.get(url, headers={"HX-Request": "true", "HX-Target": target, "HX-History-Restore-Request": "true"})

    assert part.templates[0].name == f"activities/{template}.html"
    assert back.templates[0].name == "activities/activity_list.html"
    assert "HX-Target" in part["Vary"]


def queries(client, url):
    with CaptureQueriesContext(connection) as asked:
        assert client.get(url).status_code == 200
    return len(asked)


@pytest.mark.parametrize("url", PAGES[:4])
def test_lists_need_as_many_queries_for_three_rows_as_for_one(client, user, url):
    def row():
        SourceActivityFactory(user=user)
        session = SleepSessionFactory(user=user)
        DailyMetricFactory(user=user, metric=f"metric_{session.pk}")

    row()
    client.get(url)
    one = queries(client, url)
    row()
    row()

    assert queries(client, url) == one


def test_activity_shows_what_was_told_and_where_it_came_from(client, user):
    source = SourceActivityFactory(
        user=user,
        avg_heart_rate_bpm=151.0,
        utc_offset_s=-14_400,
        start_time=datetime(2026, 5, 2, 7, 30, tzinfo=UTC),
        extra={"metadata": {"HKWeatherTemperature": "63 degF"}, "weather_temperature_c": 17.2},
        laps=[{"start_time": "2026-05-02T07:30:00+00:00", "elapsed_s": 300.0, "distance_m": 1000.0, "kind": "lap"}],
        pauses=[{"start_time": "2026-05-02T07:40:00+00:00", "elapsed_s": 60.0}],
    )

    text = page(client, reverse("activities:activity", args=[source.activity_id]))

    for told in (
        "Saturday, 2 May 2026, 03:30", "UTC−4", '151<span class="unit">bpm</span>', "HKWorkoutActivityTypeRunning",
        "63 degF", '17<span class="unit">°C</span>', "1 pause", "Apple Health",
        reverse("raw-record-payload", args=[source.raw_id]),
    ):  # fmt: skip
        assert told in text


def on_segments(**extra):
    efforts = [
        {"name": "Lake <loop>", "elapsed_s": 754.0, "distance_m": 3200.0, "rank": 4, "pr_rank": 1,
         "segment_url": "https://www.strava.com/segments/9"},
        {"name": "Church hill", "elapsed_s": 121.0, "distance_m": 480.0, "rank": None, "pr_rank": None,
         "avg_power_w": 251.0, "segment_url": "javascript:alert(1)"},
    ]  # fmt: skip
    return {"segment_efforts": efforts, **extra}


def test_activity_lists_its_segments_also_where_another_source_is_shown(client, user):
    shown = SourceActivityFactory(user=user, provider="tempo", sport="cycling")
    SourceActivityFactory(user=user, provider="strava", sport="cycling", activity=shown.activity, extra=on_segments())

    text = page(client, reverse("activities:activity", args=[shown.activity_id]))

    for words in (
        "2, as Strava measured them", "Lake &lt;loop&gt;", "12:34", "3.20", "Church hill", "2:01", "251", "best</span>",
        'href="https://www.strava.com/segments/9"',
    ):  # fmt: skip
        assert words in text, words
    assert "javascript:" not in text
    assert "segment_efforts" not in page(client, reverse("activities:sources", args=[shown.activity_id]))


@pytest.mark.parametrize("told", [None, [], "x", [7]])
def test_activity_without_segments_has_no_list_of_them(client, user, told):
    source = SourceActivityFactory(user=user, extra={"segment_efforts": told})

    assert "Segments" not in page(client, reverse("activities:activity", args=[source.activity_id]))


def test_activity_leads_to_the_provider_and_names_it_as_its_terms_ask(client, user):
    raw = RawRecordFactory(user=user, provider="strava")
    address = "https://www.strava.com/activities/7"
    told = {"url": address, "power_estimated": True}
    source = SourceActivityFactory(user=user, provider="strava", raw=raw, extra=told, avg_power_w=180.0)

    text = page(client, reverse("activities:activity", args=[source.activity_id]))

    assert f'href="{address}"' in text
    assert "View on Strava" in text
    assert "Powered by Strava" in text
    assert "an estimate" in text


def test_activity_by_file_needs_no_attribution(client, user):
    raw = RawRecordFactory(user=user, provider="strava", import_file=ImportFactory(user=user))
    source = SourceActivityFactory(user=user, provider="strava", raw=raw, extra={"url": "javascript:alert(1)"})

    text = page(client, reverse("activities:activity", args=[source.activity_id]))

    assert [words in text for words in ("View on Strava", "Powered by Strava", "javascript:")] == [False, False, False]


def test_today_shows_scores_on_their_makers_scales_side_by_side(client, user):
    day = timezone.now().date()
    DailyMetricFactory(user=user, metric="whoop_recovery", provider="whoop", date=day, value=61)
    DailyMetricFactory(user=user, metric="oura_readiness", provider="oura", date=day, value=83)

    text = page(client, reverse("activities:today"))

    for words in ("Recovery, 0 to 100 % (WHOOP)", "61", "Readiness score, 0 to 100 (Oura)", "83", "None is mixed"):
        assert words in text, words
    assert "72" not in re.findall(r"<dd>(\d+)", text)


def test_activity_with_streams_says_that_an_apple_export_holds_few_heart_rates(client, user):
    source = SourceActivityFactory(user=user, streams={"power": 9, "latitude": 9, "longitude": 9, "stride_length": 3})

    text = page(client, reverse("activities:activity", args=[source.activity_id]))

    assert "few heart-rate points a workout" in text
    assert [f'data-stream="{name}"' in text for name in ("power", "stride_length", "latitude")] == [True, True, False]
    assert "data-route" in text


def test_activity_in_imperial_units(client, user):
    user.profile.units = "imperial"
    user.profile.save()
    source = SourceActivityFactory(user=user, distance_m=16_093.44, timer_s=4800, elapsed_s=4800)

    text = page(client, reverse("activities:activity", args=[source.activity_id]))

    assert '10.00<span class="unit">mi</span>' in text
    assert '8:00<span class="unit">/mi</span>' in text


def test_activity_shows_its_parts(client, user):
    whole = SourceActivityFactory(user=user, sport="multisport.triathlon")
    SourceActivityFactory(user=user, sport="swimming.open_water", parent=whole, activity=None)

    assert "Open water swimming" in page(client, reverse("activities:activity", args=[whole.activity_id]))


def test_activity_of_somebody_else_is_not_there(client, other_user):
    theirs = SourceActivityFactory(user=other_user)

    assert client.get(reverse("activities:activity", args=[theirs.activity_id])).status_code == 404


def test_activity_takes_markup_in_a_name_for_text(client, user):
    source = SourceActivityFactory(user=user, activity__name="<script>alert(1)</script>")

    text = page(client, reverse("activities:activity", args=[source.activity_id]))

    assert "<script>alert" not in text


def test_sleep_shows_the_latest_night_and_the_way_to_the_one_before(client, user):
    for days in (0, 1):
        SleepSessionFactory(user=user, start_time=datetime(2026, 5, 1 + days, 21, tzinfo=UTC))

    text = page(client, reverse("activities:sleep"))

    assert "Sunday, 3 May 2026" in text
    assert f'rel="prev" href="{reverse("activities:night", args=[DAY])}"' in text


def test_night_of_somebody_else_is_not_there(client, other_user):
    SleepSessionFactory(user=other_user, start_time=datetime(2026, 5, 1, 21, tzinfo=UTC))

    assert client.get(reverse("activities:night", args=[DAY])).status_code == 404


@pytest.mark.parametrize("path", ["/sleep/2026-13-01/", "/sleep/2026-02-30/", "/sleep/yesterday/"])
def test_night_of_a_day_that_no_calendar_has_is_not_there(client, path):
    assert client.get(path).status_code == 404


def test_metrics_shows_the_latest_of_each(client, user, other_user):
    DailyMetricFactory(user=user, metric="weight", value=63.4)
    DailyMetricFactory(user=other_user, metric="vo2max", value=50)

    text = page(client, reverse("activities:metrics"))

    assert '63.4<span class="unit">kg</span>' in text
    assert "VO2" not in text


@pytest.mark.parametrize(("name", "days"), [("1m", 30), ("3m", 91), ("1y", 365), ("all", 400)])
def test_metric_goes_back_from_its_last_day(client, user, name, days):
    for n in range(400):
        DailyMetricFactory(user=user, metric="weight", date=DAY - timedelta(days=n), value=60 + n / 100)

    response = client.get(reverse("activities:metric", args=["weight"]), {"range": name})

    assert (len(response.context["points"]), response.context["points"][-1]) == (
        days,
        [DAY.toordinal(), 60.0, None, None],
    )


def test_metric_table_goes_by_month_where_the_days_are_many(client, user):
    for n in range(120):
        DailyMetricFactory(user=user, metric="weight", date=date(2026, 1, 1) + timedelta(days=n), value=60 + n)

    months = client.get(reverse("activities:metric", args=["weight"]), {"range": "all"}).context["months"]

    assert [(first, day.value, day.min, day.max, count) for first, day, count in months[-2:]] == [
        (date(2026, 2, 1), 104.5, 91.0, 118.0, 28),
        (date(2026, 1, 1), 75.0, 60.0, 90.0, 31),
    ]


@pytest.mark.parametrize("query", [{"range": "week"}, {"range": ""}])
def test_metric_has_no_other_range(client, user, query):
    DailyMetricFactory(user=user, metric="weight")

    assert client.get(reverse("activities:metric", args=["weight"]), query).status_code == 404


def test_metric_of_somebody_else_is_not_there(client, other_user):
    DailyMetricFactory(user=other_user, metric="weight")

    assert client.get(reverse("activities:metric", args=["weight"])).status_code == 404


def test_metric_may_have_any_name(client, user):
    name = "HKQuantityTypeIdentifierNovel (ml/min)"
    DailyMetricFactory(user=user, metric=name)

    assert "Novel (ml/min)" in page(client, reverse("activities:metric", args=[name]))


def test_delete_account_removes_everything_of_this_person_only(client, user, other_user, storage):
    mine = SourceActivityFactory(user=user)
    SleepSessionFactory(user=user)
    DailyMetricFactory(user=user)
    ActivityFactory(user=user)
    theirs = SourceActivityFactory(user=other_user)

    response = client.post(reverse("activities:delete_account"), {"email": user.email.upper()})
    sweep(now=timezone.now() + timedelta(days=2))

    assert (response.status_code, response["Location"]) == (302, reverse("account_login"))
    assert list(User.objects.all()) == [other_user]
    assert list(RawRecord.objects.all()) == [theirs.raw]
    assert not (storage / "raw" / mine.raw.storage_key).exists()
    assert client.get(reverse("activities:today")).status_code == 302


@pytest.mark.parametrize("email", ["", "someone@example.com", "nonsense"])
def test_delete_account_asks_for_the_right_address(client, user, email):
    RawRecordFactory(user=user)

    response = client.post(reverse("activities:delete_account"), {"email": email})

    assert response.status_code == 422
    assert (User.objects.filter(pk=user.pk).count(), user.raw_records.count()) == (1, 1)
