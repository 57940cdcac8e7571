"""The groups in the database are those of the pure core, whatever came in which order; old ids lead somewhere."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import event, given, settings
from hypothesis import strategies as st

from activities.domain.matching import Decision, Record
from activities.models import Activity, RawSighting, RetiredActivity, SourceActivity, Suggestion
from activities.services.grouping import activity_of, rebuild, record_of, regroup, remove_sources
from activities.services.ingest import Told, ingest
from tests.activities.domain.strategies import Account, accounts, clusters, decisions_on, has_chain
from tests.activities.services.grouping_account import (
    account,
    decide,
    expected_of,
    expected_suggestions,
    file,
    parsed,
    state_of,
    suggested,
    told,
)
from trainstack.accounts.models import User

pytestmark = pytest.mark.django_db

HOUR_MS = 3_600_000
START_MS = 1_780_000_000_000
RUN = Record("garmin", "run", "running", START_MS, elapsed_ms=HOUR_MS, distance_m=10_000.0)


def beside(external_id: str, provider: str = "strava", start_s: float = 10, **changes: object) -> Record:
    """The same run as another source tells it, begun so much later."""
    start_ms = RUN.start_ms + round(start_s * 1000)
    return replace(RUN, provider=provider, external_id=external_id, start_ms=start_ms, **changes)  # type: ignore[arg-type]


# --- the same whatever came in which order --------------------------------------------------


@given(accounts(), st.data())
@settings(max_examples=40)
def test_any_order_and_any_portions_give_the_groups_and_primaries_of_the_pure_core(
    told_of: Account, data: st.DataObject
) -> None:
    event(f"chain: {has_chain(told_of.records)}")
    records = data.draw(st.permutations(told_of.records))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(records)), max_size=4)) | {0, len(records)})
    early = data.draw(st.booleans())

    with account() as user:
        if early:
            decide(user, told_of.decisions)
        for first, last in pairwise(cuts):
            file(user, records[first:last])
        if not early:
            decide(user, told_of.decisions)

        assert state_of(user) == expected_of(user)
        assert suggested(user) == expected_suggestions(user)
        assert not rebuild(user)


@given(st.data())
@settings(max_examples=40)
def test_what_changes_and_goes_and_is_decided_leaves_what_a_rebuild_gives(data: st.DataObject) -> None:
    records = {record.key: record for record in data.draw(clusters())}
    later = data.draw(clusters(START_MS + data.draw(st.sampled_from((60_000, 400_000, 1_800_000))), "b"))
    with account() as user:
        file(user, records.values())
        seen = set(user.activities.values_list("pk", flat=True))
        for step in range(data.draw(st.integers(1, 6))):
            match data.draw(st.sampled_from(("add", "change", "move", "remove", "decide", "withdraw"))):
                case "add" if later:
                    new = later.pop()
                    records[new.key] = new
                    file(user, [new])
                case "change" | "move" as what if records:
                    old = records[data.draw(st.sampled_from(sorted(records)))]
                    shift_ms = data.draw(st.sampled_from((-90_000, 30_000, 1_800_000))) if what == "move" else 0
                    length = data.draw(st.sampled_from((None, old.elapsed_ms, 600_000, 1_900_000)))
                    records[old.key] = replace(old, start_ms=old.start_ms + shift_ms, elapsed_ms=length)
                    file(user, [records[old.key]], version=step + 1)
                case "remove" if records:
                    provider, external_id = data.draw(st.sampled_from(sorted(records)))
                    del records[provider, external_id]
                    sources = user.source_activities.filter(provider=provider, external_id=external_id)
                    remove_sources(user, sources.values_list("pk", flat=True))
                    RawSighting.objects.filter(raw__external_id=external_id, user=user).delete()
                case "decide" if records:
                    number = 10 * (step + 1)
                    drawn = data.draw(decisions_on(list(records.values()), max_size=2))
                    decide(user, [replace(it, number=number + it.number) for it in drawn])
                case "withdraw":
                    live = user.link_decisions.filter(withdrawn_at=None)
                    keys = {key for it in live for key in (it.one, it.other)}
                    live.update(withdrawn_at=user.date_joined)
                    regroup(user, keys=keys)
            seen.update(user.activities.values_list("pk", flat=True))

            assert state_of(user) == expected_of(user)
            assert suggested(user) == expected_suggestions(user)
            assert_ids_lead_somewhere(user, seen)
        assert not rebuild(user)


def assert_ids_lead_somewhere(user: User, seen: set[int]) -> None:
    """Every id that an activity ever had is one, leads to one, or lost its last source."""
    live = set(user.activities.values_list("pk", flat=True))
    leading = dict(user.retired_activities.values_list("old_id", "activity"))
    assert not live & leading.keys()
    for pk in seen & (live | leading.keys()):
        assert activity_of(user, pk).pk in live


@given(accounts())
@settings(max_examples=20)
def test_the_same_again_changes_nothing(told_of: Account) -> None:
    with account() as user:
        file(user, told_of.records)
        decide(user, told_of.decisions)
        before = list(user.activities.order_by("pk").values())

        again = file(user, told_of.records)
        regrouped = regroup(user, [*map(record_of, user.source_activities.all())])

        assert (again.created, again.updated, again.activities, again.linked) == (0, 0, 0, 0)
        assert not regrouped
        assert list(user.activities.order_by("pk").values()) == before


@given(accounts().filter(lambda it: it.decisions != ()))
@settings(max_examples=20)
def test_decisions_outlive_that_everything_goes_and_comes_again(told_of: Account) -> None:
    with account() as user:
        file(user, told_of.records)
        decide(user, told_of.decisions)
        before = state_of(user)

        remove_sources(user, user.source_activities.values_list("pk", flat=True))
        assert not user.activities.exists()
        for record in reversed(told_of.records):
            file(user, [record])

        assert state_of(user) == before


# --- what an activity shows -----------------------------------------------------------------


def source(user: User, external_id: str) -> SourceActivity:
    return SourceActivity.objects.get(user=user, external_id=external_id)


def test_two_sources_of_one_effort_are_one_activity(user: User) -> None:
    file(user, [RUN])
    done = file(user, [beside("other", elapsed_ms=HOUR_MS + 1000)])

    activity = Activity.objects.get()
    assert (done.created, done.activities, done.linked) == (1, 0, 1)
    assert sorted(activity.sources.values_list("external_id", flat=True)) == ["other", "run"]
    # Equally rich: the provider's name decides.
    assert (activity.primary, activity.elapsed_s) == (source(user, "run"), 3600.0)


def test_two_new_sources_of_one_effort_in_one_go_are_one_activity_made_and_one_linked(user: User) -> None:
    done = file(user, [RUN, beside("other")])

    assert (done.created, done.activities, done.linked) == (2, 1, 1)


def test_the_richer_record_is_shown_and_the_activity_repeats_it(user: User) -> None:
    file(user, [RUN])
    rich = replace(parsed(beside("other")), name="Evening run", avg_heart_rate_bpm=150.0)

    ingest(user, [Told(told(user, beside("other")).raw, [rich])], mapping_version=1)

    activity = Activity.objects.get()
    assert (activity.primary, activity.name) == (source(user, "other"), "Evening run")
    assert activity.start_time == rich.start_time


def test_what_was_worked_out_from_a_sources_own_samples_makes_it_no_richer(user: User) -> None:
    told_by_points = replace(
        parsed(beside("other")), avg_heart_rate_bpm=150.0, elevation_gain_m=80.0,
        extra={"computed": ["avg_heart_rate_bpm", "elevation_gain_m"]},
    )  # fmt: skip
    one = Told(told(user, beside("other")).raw, [told_by_points], streams=[None])
    ingest(user, [one], mapping_version=1)
    file(user, [RUN])

    assert Activity.objects.get().primary == source(user, "run")
    assert ingest(user, [one], mapping_version=1).unchanged == 1


def test_a_change_of_the_primary_shows_and_one_of_another_source_does_not(user: User) -> None:
    file(user, [RUN, beside("other")])

    file(user, [beside("other", distance_m=10_100.0)], version=1)
    assert Activity.objects.get().distance_m == 10_000.0

    file(user, [replace(RUN, distance_m=10_050.0)], version=1)
    assert Activity.objects.get().distance_m == 10_050.0


def test_when_the_primary_vanishes_the_next_takes_over_and_with_the_last_the_activity_goes(user: User) -> None:
    file(user, [RUN, beside("other")])
    activity = Activity.objects.get()

    changed, count = remove_sources(user, [source(user, "run").pk])
    activity.refresh_from_db()
    assert (activity.primary, changed.switched, count) == (source(user, "other"), {activity.pk}, 1)

    changed, _ = remove_sources(user, [source(user, "other").pk])
    assert (changed.removed, Activity.objects.count()) == ({activity.pk}, 0)


def test_legs_follow_their_parent_and_take_no_part(user: User) -> None:
    triathlon = replace(RUN, external_id="tri", sport="multisport.triathlon", elapsed_ms=2 * HOUR_MS)
    leg = replace(parsed(RUN), external_id="tri#1", parent=0)
    ingest(user, [Told(told(user, triathlon).raw, [parsed(triathlon), leg])], mapping_version=1)
    file(user, [beside("other")])

    assert source(user, "tri#1").activity is None
    assert source(user, "tri#1").parent == source(user, "tri")
    assert source(user, "other").activity != source(user, "tri").activity

    remove_sources(user, [source(user, "tri").pk])
    assert list(SourceActivity.objects.values_list("external_id", flat=True)) == ["other"]


def test_an_effort_that_turns_out_to_be_a_leg_leaves_its_activity_and_comes_back(user: User) -> None:
    raw = told(user, RUN).raw
    effort, leg = parsed(replace(RUN, external_id="tri", sport="multisport")), replace(parsed(RUN), external_id="leg")
    ingest(user, [Told(raw, [effort, leg])], mapping_version=1)
    file(user, [beside("other")])
    assert source(user, "leg").activity == source(user, "other").activity

    ingest(user, [Told(raw, [effort, replace(leg, parent=0)])], mapping_version=2)
    assert (source(user, "leg").activity, source(user, "leg").parent) == (None, source(user, "tri"))
    assert state_of(user) == expected_of(user)

    ingest(user, [Told(raw, [effort, leg])], mapping_version=3)
    assert source(user, "leg").activity == source(user, "other").activity
    assert not rebuild(user)


def test_what_a_record_no_longer_tells_goes_and_its_activity_too(user: User) -> None:
    raw = told(user, RUN).raw
    second = replace(parsed(RUN), external_id="run#2", start_time=parsed(RUN).start_time + timedelta(hours=5))
    ingest(user, [Told(raw, [parsed(RUN), second])], mapping_version=1)
    assert Activity.objects.count() == 2

    ingest(user, [Told(raw, [parsed(RUN)])], mapping_version=2)
    assert list(SourceActivity.objects.values_list("external_id", flat=True)) == ["run"]
    assert Activity.objects.count() == 1

    ingest(user, [Told(raw)], mapping_version=3)
    assert not SourceActivity.objects.exists()
    assert not Activity.objects.exists()


def test_somebody_elses_records_never_join(user: User, other_user: User) -> None:
    file(user, [RUN])
    file(other_user, [beside("other")])

    assert [it.sources.count() for it in Activity.objects.all()] == [1, 1]


# --- ids ------------------------------------------------------------------------------------


def test_when_activities_join_the_one_with_most_sources_keeps_its_id_and_the_other_leads_there(user: User) -> None:
    far = beside("far", "polar", 230)
    file(user, [far])
    older = source(user, "far").activity
    file(user, [RUN, beside("other")])
    assert older is not None
    joined = Activity.objects.exclude(pk=older.pk).get()

    # Told between the two, it matches all.
    done = file(user, [beside("bridge", "wahoo", 115)])

    assert done.regrouped.retired == {older.pk: joined.pk}
    assert activity_of(user, older.pk) == Activity.objects.get() == joined
    assert [list(it) for it in RetiredActivity.objects.get().held] == [["polar", "far"]]


def test_redirects_survive_chains_and_a_part_that_is_split_off_gets_its_id_back(user: User) -> None:
    ids = {}
    for number, provider in enumerate(("garmin", "polar", "strava", "wahoo")):
        apart = beside(provider, provider, number * HOUR_MS / 1000)
        file(user, [apart])
        ids[provider] = source(user, provider).activity_id
    keys = {provider: (provider, provider) for provider in ids}
    chain = [("strava", "wahoo"), ("polar", "strava"), ("garmin", "polar")]

    for number, (one, other) in enumerate(chain, start=1):
        decide(user, [Decision(number, True, keys[one], keys[other])])
    assert {activity_of(user, pk).pk for pk in ids.values() if pk} == {Activity.objects.get().pk}

    user.link_decisions.filter(number=3).update(withdrawn_at=user.date_joined)
    regroup(user, keys=[keys["garmin"], keys["polar"]])
    assert source(user, "garmin").activity_id == ids["garmin"]
    together = source(user, "polar").activity_id
    assert {activity_of(user, ids[it]).pk for it in ("polar", "strava", "wahoo")} == {together}

    user.link_decisions.update(withdrawn_at=user.date_joined)
    regroup(user, keys=keys.values())
    assert {it: source(user, it).activity_id for it in ids} == ids
    assert not RetiredActivity.objects.exists()
    assert not rebuild(user)


def test_a_redirect_moves_on_when_what_it_leads_to_becomes_part_of_another(user: User) -> None:
    one, two = (beside(name, name, place * 7200) for place, name in enumerate(("polar", "wahoo")))
    larger = [beside(f"{name} late", name, 14_400) for name in ("apple_health", "garmin", "strava")]
    file(user, [one])
    file(user, [two])
    file(user, larger)
    ids = [source(user, name).activity_id or 0 for name in ("polar", "wahoo")]
    decide(user, [Decision(1, True, one.key, two.key)])

    decide(user, [Decision(2, True, two.key, larger[0].key)])

    assert [activity_of(user, pk) for pk in ids] == [Activity.objects.get()] * 2


def test_an_id_leads_to_where_most_of_its_sources_went(user: User) -> None:
    """Both homes are taken by activities of more sources, so that the id of the parting one goes."""
    parting = [beside(name, name, number * 2) for number, name in enumerate(("coros", "polar", "wahoo"))]
    homes = {
        at: [beside(f"{name} {at}", name, at * 7200) for name in ("apple_health", "garmin", "strava", "zwift")]
        for at in (1, 2)
    }
    file(user, [*homes[1], *homes[2], *parting])
    old = source(user, "coros").activity_id or 0

    decide(
        user,
        [
            Decision(1, False, parting[0].key, parting[1].key),
            Decision(2, False, parting[0].key, parting[2].key),
            Decision(3, True, parting[0].key, homes[1][0].key),
            Decision(4, True, parting[1].key, parting[2].key),
            Decision(5, True, parting[1].key, homes[2][0].key),
        ],
    )

    assert RetiredActivity.objects.get().old_id == old
    assert activity_of(user, old).pk == source(user, "polar").activity_id == source(user, "wahoo").activity_id
    assert source(user, "coros").activity_id == source(user, "garmin 1").activity_id


def test_where_an_activity_parts_in_halves_the_one_that_it_showed_keeps_the_id(user: User) -> None:
    told_less = beside("less", "apple_health", 5, distance_m=None)
    file(user, [told_less, RUN])
    old = source(user, "run").activity_id

    decide(user, [Decision(1, False, RUN.key, told_less.key)])

    assert source(user, "run").activity_id == old
    assert source(user, "less").activity_id != old


def test_where_an_activity_parts_most_of_its_sources_keep_the_id(user: User) -> None:
    file(user, [RUN, beside("other")])
    file(user, [beside("far", "polar", 3600)])
    whole, far = source(user, "run").activity_id, source(user, "far").activity_id
    decide(user, [Decision(1, True, ("garmin", "run"), ("polar", "far"))])
    apart = [Decision(2 + it, False, ("strava", "other"), key) for it, key in enumerate([RUN.key, ("polar", "far")])]

    decide(user, apart)

    assert source(user, "run").activity_id == source(user, "far").activity_id == whole
    assert source(user, "other").activity_id not in (whole, far)
    assert activity_of(user, far or 0).pk == whole


def test_a_retired_id_goes_with_the_activity_that_it_leads_to(user: User) -> None:
    file(user, [RUN])
    file(user, [beside("far", "polar", 3600)])
    old = source(user, "far").activity_id
    decide(user, [Decision(1, True, ("garmin", "run"), ("polar", "far"))])
    assert old is not None
    assert activity_of(user, old) == Activity.objects.get()

    remove_sources(user, SourceActivity.objects.values_list("pk", flat=True))

    with pytest.raises(Activity.DoesNotExist):
        activity_of(user, old)


def test_no_one_is_led_to_what_is_somebody_elses(user: User, other_user: User) -> None:
    file(user, [RUN])
    file(user, [beside("far", "polar", 3600)])
    old = source(user, "far").activity_id
    decide(user, [Decision(1, True, ("garmin", "run"), ("polar", "far"))])

    for pk in (old, Activity.objects.get().pk):
        with pytest.raises(Activity.DoesNotExist):
            activity_of(other_user, pk or 0)


# --- near misses ----------------------------------------------------------------------------


def test_a_near_miss_is_noted_keeps_its_id_and_goes_when_a_record_goes(user: User) -> None:
    file(user, [RUN, beside("late", start_s=200)])
    suggestion = Suggestion.objects.get()
    assert (suggestion.one, suggestion.other, suggestion.reason) == (
        source(user, "run"), source(user, "late"), "just_outside",
    )  # fmt: skip

    file(user, [beside("elsewhere", start_s=7200)])
    rebuild(user)
    assert suggestion in Suggestion.objects.all()

    remove_sources(user, [source(user, "late").pk])
    assert not Suggestion.objects.filter(pk=suggestion.pk).exists()


def test_what_the_athlete_said_are_two_is_no_longer_suggested(user: User) -> None:
    file(user, [RUN, beside("late", start_s=200)])

    decide(user, [Decision(1, False, ("garmin", "run"), ("strava", "late"))])

    assert not Suggestion.objects.exists()


def test_near_misses_around_what_a_decision_leads_to_stay(user: User) -> None:
    far, near_far = beside("far", "polar", 40 * 3600), beside("near far", "wahoo", 40 * 3600 + 200)
    file(user, [RUN, far, near_far])
    [suggestion] = Suggestion.objects.all()

    decide(user, [Decision(1, True, RUN.key, far.key)])

    assert list(Suggestion.objects.all()) == [suggestion]
    assert not rebuild(user)


def test_what_is_kept_apart_by_a_record_that_lies_far_away_is_not_suggested(user: User) -> None:
    """The near one is joined with it, so that the decision speaks of both."""
    late, far = beside("late", start_s=200), beside("far", "polar", 40 * 3600)
    file(user, [RUN, late, far])
    decide(user, [Decision(1, True, late.key, far.key), Decision(2, False, RUN.key, far.key)])
    assert not Suggestion.objects.exists()

    file(user, [replace(RUN, distance_m=10_001.0)], version=1)

    assert not Suggestion.objects.exists()


# The day of RUN in Auckland, where it is the morning after: a table tells it without a time.
IN_AUCKLAND = replace(RUN, offset_ms=12 * HOUR_MS)
NOON_MS = (RUN.start_ms // (24 * HOUR_MS) + 1) * 24 * HOUR_MS + 12 * HOUR_MS
ROW = replace(RUN, provider="trainingpeaks", external_id="row", start_ms=NOON_MS, day_only=True)


@pytest.mark.parametrize("records", [[IN_AUCKLAND, ROW], [ROW, IN_AUCKLAND]], ids=["file first", "row first"])
def test_a_row_without_a_time_is_suggested_beside_the_file_of_its_day_and_never_joined(
    user: User, records: list[Record]
) -> None:
    for record in records:
        file(user, [record])

    suggestion = Suggestion.objects.get()
    assert (suggestion.one, suggestion.other, suggestion.reason, suggestion.detail) == (
        source(user, "run"), source(user, "row"), "no_time_of_day",
        "one tells no time of day; on that day, the durations differ by 0 % and the distances by 0 %",
    )  # fmt: skip
    assert len(state_of(user)) == 2
    assert not rebuild(user)


def test_a_row_without_a_time_at_noon_is_not_joined_with_what_began_then(user: User) -> None:
    file(user, [ROW, replace(IN_AUCKLAND, start_ms=NOON_MS)])

    assert len(state_of(user)) == 2


def test_a_row_without_a_time_is_no_longer_looked_for_once_it_is_joined(user: User) -> None:
    """Also where the file that it was joined with lies beyond what is looked at around another."""
    file(user, [replace(IN_AUCKLAND, start_ms=RUN.start_ms - 240 * HOUR_MS), ROW])
    decide(user, [Decision(1, True, IN_AUCKLAND.key, ROW.key)])

    file(user, [replace(IN_AUCKLAND, external_id="another", provider="strava")])

    assert not Suggestion.objects.exists()
    assert not rebuild(user)


# --- from scratch ---------------------------------------------------------------------------


def test_rebuild_puts_right_whatever_is_wrong_and_says_so(user: User) -> None:
    file(user, [RUN, beside("other"), beside("late", "polar", 7200), beside("later", "polar", 14_400)])
    right = state_of(user)
    run, other, late, later = (source(user, it) for it in ("run", "other", "late", "later"))
    assert late.activity is not None
    assert later.activity is not None
    Activity.objects.filter(pk=later.activity.pk).update(primary=None, distance_m=1.0)
    SourceActivity.objects.filter(pk=other.pk).update(activity=late.activity)
    SourceActivity.objects.filter(pk=late.pk).update(activity=None)
    Activity.objects.create(user=user, sport="rowing", start_time=run.start_time, local_date=run.start_time.date())
    Suggestion.objects.all().delete()
    Suggestion.objects.create(user=user, one=run, other=other, reason="inside", detail="", start_time=run.start_time)

    done = rebuild(user)

    assert state_of(user) == right
    assert len(done.removed) == 1
    assert done
    assert suggested(user) == expected_suggestions(user)
    assert not rebuild(user)


def test_rebuild_does_an_account_in_portions(user: User) -> None:
    runs = [beside(str(number), "polar", number * 3600) for number in range(450)]
    file(user, runs)
    heard: list[int] = []
    SourceActivity.objects.update(activity=None)
    Activity.objects.all().delete()

    done = rebuild(user, on_progress=heard.append)

    assert (len(done.created), heard) == (450, [200, 200, 50])


# --- the price ------------------------------------------------------------------------------


def queries_of(user: User, record: Record) -> list[str]:
    one = told(user, record)
    with CaptureQueriesContext(connection) as captured:
        ingest(user, [one], mapping_version=1)
    return [query["sql"] for query in captured]


def test_one_more_record_costs_the_same_queries_however_many_there_are(user: User) -> None:
    alone, in_company = [], []
    for number, others in enumerate((0, 3, 40)):
        start_s = 900_000 * number
        file(user, [beside(f"{number}-{it}", "polar", start_s + it * 4000) for it in range(1, others + 2)])
        alone.append(len(queries_of(user, beside(f"alone {number}", "wahoo", start_s + 500_000))))
        in_company.append(len(queries_of(user, beside(f"beside {number}", "wahoo", start_s + 4010))))

    assert len(set(alone)) == 1
    assert len(set(in_company)) == 1


def test_what_is_around_is_read_in_two_queries_and_one_more_where_it_reaches_further(user: User) -> None:
    def read(record: Record) -> int:
        sql = queries_of(user, record)
        decided = [it for it in sql if it.startswith("SELECT") and "linkdecision" in it]
        around = [it for it in sql if it.startswith("SELECT") and '"has_laps"' in it]
        assert len(decided) == 1
        return len(decided) + len(around)

    assert read(RUN) == 2
    assert read(beside("other")) == 2

    file(user, [beside("far", "polar", 40 * 3600)])
    decide(user, [Decision(1, True, ("garmin", "run"), ("polar", "far"))])
    # The record that the decision leads to, and what lies around that.
    assert read(beside("third", "wahoo")) == 4
    assert len(state_of(user)) == 1
    assert state_of(user) == expected_of(user)


def test_what_a_decision_leads_to_far_away_is_grouped_as_well(user: User) -> None:
    """Two days later lies a pair of which one is held by a decision, so that what comes first decides over both."""
    day_s = 2 * 86_400
    decide(user, [Decision(1, True, ("garmin", "run"), ("polar", "next day"))])
    file(user, [beside("next day", "polar", day_s), beside("next day too", "wahoo", day_s + 10)])
    assert len(state_of(user)) == 1

    file(user, [RUN])
    assert len(state_of(user)) == 1
    assert state_of(user) == expected_of(user)

    remove_sources(user, [source(user, "run").pk])
    assert state_of(user) == expected_of(user)
