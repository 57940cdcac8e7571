from __future__ import annotations

from datetime import timedelta

import pytest

from activities.models import Activity
from activities.selectors.filling import filling_of
from activities.selectors.payloads import raws_behind
from activities.selectors.sources import (
    Choice,
    choices_of,
    repair_page,
    repair_rows,
    sources_of_activity,
    suggestions_count,
    suggestions_of,
)
from activities.services.priorities import set_priority
from activities.services.raw import store_raw
from tests.activities.several import START, nearly, told_by
from tests.factories.accounts import UserFactory
from tests.factories.activities import (
    ActivityFactory,
    DailyMetricFactory,
    LinkDecisionFactory,
    RawRecordFactory,
    SleepSessionFactory,
    SourceActivityFactory,
)
from tests.factories.integrations import ImportFactory
from trainstack.accounts.services import save_profile

pytestmark = pytest.mark.django_db


def test_sources_of_activity_begin_with_the_shown_one(user):
    activity = ActivityFactory(user=user)
    first = SourceActivityFactory(user=user, provider="a", activity=activity, shown=False)
    shown = SourceActivityFactory(user=user, provider="b", activity=activity)

    told = sources_of_activity(user, activity)

    assert (told.shown, told.sources) == (shown, (shown, first))


def test_sources_of_an_activity_without_any_are_missing(user):
    with pytest.raises(Activity.DoesNotExist):
        sources_of_activity(user, ActivityFactory(user=user))


def test_sources_of_activity_name_the_decisions_that_hold(user):
    one, _ = told_by(user, "apple_health", "tempo")
    about = LinkDecisionFactory(user=user, one_external_id=one.external_id)
    LinkDecisionFactory(user=user, one_external_id=one.external_id, withdrawn_at=START)
    LinkDecisionFactory(user=user, one_provider="elsewhere", one_external_id=one.external_id)

    assert sources_of_activity(user, one.activity).decisions == (about,)


def test_raws_behind_are_the_record_its_routes_and_the_file_that_brought_them(user, django_assert_num_queries):
    brought = ImportFactory(user=user)
    file = store_raw(
        user=user, provider="apple_health", kind="export", external_id="export", data=b"zip",
        content_type="application/zip", import_file=brought,
    )[0]  # fmt: skip
    brought.sha256 = file.sha256
    brought.save()
    raw = RawRecordFactory(user=user, external_id="w1", import_file=brought)
    route = RawRecordFactory(user=user, kind="route", external_id="/r1.gpx", import_file=brought)
    source = SourceActivityFactory(user=user, external_id="w1", raw=raw, extra={"routes": ["/r1.gpx"]})
    leg = SourceActivityFactory(user=user, external_id="w1#2", raw=raw, parent=source, activity=None)

    with django_assert_num_queries(2):
        found = raws_behind(user, [source, leg])

    assert found == {source.pk: (raw, route, file), leg.pk: (raw, file)}


def test_filling_takes_from_the_next_source_in_order_and_leaves_the_row(user):
    save_profile(user, fill_gaps=True)
    one, other, third = told_by(user, "a", "b", "c")
    set_priority(user, "activities", [["a"], ["b"], ["c"]])
    other.avg_power_w, third.avg_power_w, third.energy_kcal = 200.0, 300.0, 0.0

    filling = filling_of(user, one, [one, other, third])

    assert (filling.shown.avg_power_w, filling.shown.energy_kcal) == (200.0, 0.0)
    assert filling.lenders == {"avg_power_w": other, "energy_kcal": third}
    assert one.avg_power_w is None


def test_filling_is_nothing_where_the_athlete_does_not_want_it_or_there_is_one_source(user):
    one, other = told_by(user, "a", "b")
    other.avg_power_w = 200.0
    unwanted = filling_of(user, one, [one, other])
    save_profile(user, fill_gaps=True)
    alone = filling_of(user, one, [one])

    assert [(it.shown, it.lenders, it.streams) for it in (unwanted, alone)] == [(one, {}, {})] * 2


def test_suggestions_are_ones_own_newest_first(user, django_assert_num_queries):
    nearly(UserFactory())
    older = nearly(user)
    newer = nearly(user, start=START + timedelta(days=1))

    with django_assert_num_queries(3):
        told = [
            (pair.one, pair.other, pair.one.activity.primary.provider, len(pair.other.activity.sources.all()))
            for pair in suggestions_of(user)
        ]

    assert told == [(*newer, "apple_health", 1), (*older, "apple_health", 1)]
    assert suggestions_count(user) == 2


def test_repair_pages_go_on_where_rows_share_a_moment(user):
    told_by(user, "a", "b")
    nearly(user, sport="cycling")
    nearly(user, sport="yoga")

    pages, before = [], ""
    while True:
        page = repair_page(user, limit=1, before=before)
        pages += page.rows
        if not (before := page.before):
            break

    assert [row.token for row in pages] == [row.token for row in repair_rows(user, limit=9)]
    assert {row.kind for row in pages} == {"groups", "pairs"}


def test_choices_count_what_each_provider_tells(user):
    told_by(user, "tempo", device_kind="watch")
    told_by(user, "tempo", start=START + timedelta(days=1), device_kind="scale")
    SleepSessionFactory(user=user, provider="dream", device__kind="ring")
    SleepSessionFactory(user=user, provider="dream", device=None)
    DailyMetricFactory(user=user, provider="scales", metric="weight")
    DailyMetricFactory(user=user, provider="band", metric="steps")

    assert {kind: choices_of(user, kind) for kind in ("activities", "sleep", "body", "daily", "recovery")} == {
        "activities": [Choice("tempo", 2, ("watch", "other"))],
        "sleep": [Choice("dream", 2, ("ring",))],
        "body": [Choice("scales", 1)],
        "daily": [Choice("band", 1)],
        "recovery": [],
    }
