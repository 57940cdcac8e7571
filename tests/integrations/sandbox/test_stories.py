"""The sandbox tells the demo athlete's story again: as her files tell it where it is the same device, or nearly so."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime, timedelta
from itertools import pairwise
from zipfile import ZipFile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activities.domain.matching import Record, matches
from activities.formats.fit import parse_fit
from integrations.sandbox.stories import Day, Effort, Night
from integrations.sandbox.telling import DEVICES, demo_keys, has_happened, knows, many_keys, new_key, story_of
from trainstack.demo import rides, strava
from trainstack.demo.fit import INDOOR, ROAD

# Autumn into spring: illness, a camp on another clock, both changes of the clocks.
FIRST, LAST = date(2025, 10, 1), date(2026, 4, 20)
SLUGS = sorted(DEVICES)
keys = st.dates(FIRST, LAST)


def efforts(slug: str, first: date = FIRST, last: date = LAST) -> list[Effort]:
    told = [story_of(key, slug) for key in demo_keys(first, last) if key.startswith("effort:")]
    return [effort for effort in told if isinstance(effort, Effort)]


def compared(effort: Effort, slug: str) -> Record:
    sport = {"ride": "cycling", "indoor_ride": "cycling", "run": "running", "treadmill": "running"}
    return Record(
        slug, effort.key, sport.get(effort.sport, effort.sport.replace("hike", "hiking").replace("walk", "walking")),
        round(effort.start * 1000), elapsed_ms=round(effort.elapsed_s * 1000), distance_m=effort.distance_m,
    )  # fmt: skip


# --- the same as her files --------------------------------------------------------------------


def test_wahoo_s_rides_are_the_files_of_her_bike_computer(tmp_path):
    rides.write_folder(tmp_path / "rides.zip", day=LAST, first=FIRST)
    with ZipFile(tmp_path / "rides.zip") as archive:
        folder = {archive.read(name) for name in archive.namelist()}

    told = {
        effort.fit(manufacturer=32, product=31, sport=2, sub_sport=ROAD if effort.has_track else INDOOR)
        for effort in efforts("wahoo", last=LAST - timedelta(days=1))
    }

    assert (told == folder, len(told) > 15) == (True, True)


def test_strava_s_activities_are_those_of_her_archive(tmp_path):
    strava.write_archive(tmp_path / "strava.zip", day=LAST, first=FIRST)
    with ZipFile(tmp_path / "strava.zip") as archive:
        [_, *rows] = csv.reader(io.StringIO(archive.read("activities.csv").decode()))

    # The archive's own ride indoors was typed in from the class's board: by its length, and with nothing measured.
    told = [
        (
            str(strava.FIRST_ID + effort.number % 1_000_000_000),
            effort.name,
            f"{datetime.fromtimestamp(effort.start).astimezone():%s}",
            round(effort.distance_m or 0, -2),
        )
        for effort in efforts("strava", last=LAST - timedelta(days=1))
    ]

    brought = [
        (
            row[0],
            row[2],
            f"{datetime.strptime(row[1] + ' +0000', '%b %d, %Y, %I:%M:%S %p %z'):%s}",
            round(float(row[17]), -2),
        )
        for row in rows
    ]
    assert (told == brought, len(told) > 40) == (True, True)


# --- one effort, several devices -----------------------------------------------------------------


@pytest.mark.parametrize("slug", [slug for slug in SLUGS if slug != "strava"])
def test_every_device_tells_an_effort_so_that_it_folds_with_strava_s(slug):
    """But for the bike computer's slips: its clock after a change of the clocks, the coffee it ran through."""
    known = {effort.key: effort for effort in efforts("strava")}
    pairs = [(known[effort.key], effort) for effort in efforts(slug) if effort.key in known]

    apart = [
        other.key for one, other in pairs if not matches(compared(one, "strava"), compared(other, slug))
        if not one.is_manual
    ]  # fmt: skip

    assert len(pairs) > 5
    slips = {"whoop": 4, "oura": 4, "fitbit": 4}.get(slug, 0)
    assert len(apart) <= slips, apart
    assert all(":ride" in key for key in apart)


def test_devices_differ_a_little():
    told = {slug: story_of("effort:2026-04-05:long_run", slug) for slug in SLUGS if knows(slug, "long_run")}

    assert len({effort.start for effort in told.values()}) >= 4
    assert len({effort.distance_m for effort in told.values()}) == len(told)


def test_story_is_the_same_each_time():
    for slug in SLUGS:
        for key in ("effort:2026-04-05:long_run", "night:2026-04-12", "day:2026-04-12"):
            one, other = story_of(key, slug), story_of(key, slug)
            assert repr(one) == repr(other)


def test_what_is_edited_changes_that_story_only():
    key = "effort:2026-04-05:long_run"
    plain = story_of(key, "strava")
    edited = story_of(key, "strava", {"name": "Renamed", "rescored": 1}, plain.updated_at + 50)

    assert (edited.name, edited.updated_at, edited.start, edited.distance_m) == (
        "Renamed", plain.updated_at + 50, plain.start, plain.distance_m,
    )  # fmt: skip
    assert (edited.load > plain.load, edited.kcal > plain.kcal) == (True, True)


# --- figures ----------------------------------------------------------------------------------


@pytest.mark.parametrize("slug", SLUGS)
def test_laps_make_up_the_effort(slug):
    for effort in efforts(slug, date(2026, 3, 1), date(2026, 4, 10)):
        laps = effort.laps
        assert [(one.last, one.number + 1) for one in laps[:-1]] == [(it.first, it.number) for it in laps[1:]]
        assert sum(lap.elapsed_s for lap in laps) == effort.track.time_s[-1] - effort.track.time_s[0]
        assert sum(lap.kcal for lap in laps) == pytest.approx(effort.kcal)
        if effort.distance_m is not None:
            assert sum(lap.distance_m for lap in laps) == pytest.approx(effort.distance_m)


@pytest.mark.parametrize("slug", SLUGS)
def test_columns_of_a_track_agree(slug):
    for effort in efforts(slug, date(2026, 3, 1), date(2026, 4, 10)):
        track = effort.track
        columns = [
            column
            for name in type(track).__dataclass_fields__
            if (column := getattr(track, name)) is not None
        ]  # fmt: skip
        assert {len(column) for column in columns} == {len(track)}
        assert (track.time_s[0] >= 0, all(later > sooner for sooner, later in pairwise(track.time_s))) == (True, True)
        assert effort.moving_s <= effort.elapsed_s
        if track.distance_m is not None:
            assert all(later >= sooner for sooner, later in pairwise(track.distance_m))


def test_file_of_a_run_reads_back_as_what_it_tells():
    [effort] = [it for it in efforts("suunto", date(2026, 4, 5), date(2026, 4, 5)) if it.sport == "run"]

    told = parse_fit(effort.fit(manufacturer=23, product=1, sport=1, sub_sport=0), "it")

    [ran] = told.activities
    assert (told.problems, ran.sport, ran.start_time.timestamp(), ran.utc_offset_s) == (
        (), "running", effort.start, effort.utc_offset_s,
    )  # fmt: skip
    assert ran.distance_m == pytest.approx(effort.distance_m, abs=0.01)
    assert ran.avg_heart_rate_bpm == pytest.approx(effort.avg_heart_rate_bpm, abs=0.51)
    # FIT counts one foot's steps, and our own figures both feet's.
    assert ran.avg_cadence_rpm == pytest.approx(effort.avg_cadence, abs=2)


def test_segments_are_known_again():
    told = [segment for effort in efforts("strava") for segment in effort.segments]
    names: dict[int, set[str]] = {}
    for segment in told:
        names.setdefault(segment.number, set()).add(segment.name.rsplit(" ", 2)[0])

    assert len(told) > 2 * len(names) / 2 > 5
    assert max(len(it) for it in names.values()) == 1
    assert {segment.own_rank for segment in told} == {None, 1, 2, 3}


# --- nights and days ------------------------------------------------------------------------------


@given(keys, st.sampled_from(["whoop", "oura", "fitbit", "polar", "suunto"]), st.integers(0, 3))
@settings(max_examples=60)
def test_night_is_whole(day, slug, rescored):
    night = story_of(f"night:{day}", slug, {"rescored": rescored})

    assert isinstance(night, Night)
    assert night.in_bed < night.asleep < night.awake < night.up <= night.created_at <= night.updated_at
    assert [one.start + one.seconds for one in night.phases[:-1]] == [it.start for it in night.phases[1:]]
    assert (night.phases[0].start, night.phases[-1].start + night.phases[-1].seconds) == (night.asleep, night.awake)
    assert all(phase.seconds > 0 and phase.seconds % 30 == 0 for phase in night.phases)
    assert all(one.stage != other.stage for one, other in pairwise(night.phases))
    assert night.asleep_s + night.seconds("awake") == night.awake - night.asleep
    assert len(night.heart_rates_bpm) == len(night.hrvs_ms) == -(-(night.awake - night.asleep) // 300)
    assert 1 <= night.sleep_score <= 99
    assert 1 <= night.recovery_score <= 99


@given(keys, st.sampled_from(["whoop", "oura", "fitbit", "polar", "suunto"]))
@settings(max_examples=40)
def test_day_is_whole(day, slug):
    told = story_of(f"day:{day}", slug)

    assert isinstance(told, Day)
    assert (len(told.hourly_steps), sum(told.hourly_steps)) == (24, told.steps)
    assert told.midnight <= told.wake < told.bed
    assert 0 <= told.strain <= 21
    assert all(told.midnight <= moment < told.midnight + 86_400 for moment, _ in told.heart_rates)
    assert 0 <= told.high_s + told.medium_s + told.low_s + told.sedentary_s <= 86_400


@pytest.mark.parametrize("slug", ["strava", "wahoo"])
def test_who_is_not_worn_at_night_tells_none(slug):
    assert [story_of(it, slug) for it in ("night:2026-04-12", "day:2026-04-12")] == [None, None]


def test_same_night_on_two_devices_is_nearly_the_same():
    for day in (date(2026, 1, 5) + timedelta(days=back) for back in range(60)):
        whoop, oura = (story_of(f"night:{day}", slug) for slug in ("whoop", "oura"))
        assert abs(whoop.asleep - oura.asleep) <= 510
        assert abs(whoop.awake - oura.awake) <= 390
        assert abs(whoop.asleep_s - oura.asleep_s) <= 3_600


# --- keys -------------------------------------------------------------------------------------


@pytest.mark.parametrize("slug", ["wahoo", "suunto", "whoop"])
def test_nothing_is_told_before_it_happened(slug):
    for key in demo_keys(FIRST, LAST):
        if story := story_of(key, slug):
            told = [has_happened(key, story.created_at + later) for later in (-1, 3_700)]
            assert told == [False, True], key


def test_new_effort_has_just_arrived():
    now = 1_790_000_000.5
    for kind in ("easy_run", "ride", "swim", "strength", "walk"):
        key = new_key(now, kind, 40)
        assert [has_happened(key, now), has_happened(key, now - 60)] == [True, False]
        assert all(now - 2_000 < it.created_at <= now for slug in SLUGS if (it := story_of(key, slug)))


def test_short_efforts_of_two_providers_agree():
    many = many_keys(1_790_000_000, 7_200)
    wanted = [next(many) for _ in range(40)]
    both = [(story_of(key, "strava"), story_of(key, "suunto")) for key in wanted]
    pairs = [(one, other) for one, other in both if one and other]

    assert len(pairs) > 15
    assert all(matches(compared(one, "strava"), compared(other, "suunto")) for one, other in pairs)
    assert len({one.number for one, _ in pairs}) == len(pairs)
