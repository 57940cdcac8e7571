"""The demo: an export that an iPhone might have written, and three people, once."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zipfile import ZipFile

import hypothesis
import numpy as np
import pytest
from allauth.account.models import EmailAddress
from django.core.management import CommandError, call_command
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from activities.formats.apple_health import export_facts, is_export
from activities.formats.container import open_file
from activities.formats.gpx import parse_gpx
from activities.models import Activity, RawRecord, SampleChunk, SleepSession
from integrations.models import Import, SyncRun
from integrations.registry import PROVIDERS
from integrations.services import runs
from tests.factories.integrations import ConnectionFactory
from trainstack.accounts.models import User
from trainstack.demo import export, services
from trainstack.demo.apple import Clock
from trainstack.demo.body import bodies
from trainstack.demo.everyday import night_of
from trainstack.demo.export import exported_at, write_export
from trainstack.demo.plan import day_of, illness_of, place_of
from trainstack.demo.sessions import record

# A fortnight with a triathlon in it, and hay at its edges: runs, rides, swims, a hike, strength.
FIRST, DAY = date(2026, 6, 1), date(2026, 6, 16)


def export_of(path: Path, *, day: date = DAY, first: date = FIRST) -> Path:
    write_export(path, day=day, first=first)
    return path


@pytest.fixture(scope="module")
def fortnight(tmp_path_factory) -> Path:
    return export_of(tmp_path_factory.mktemp("demo") / "export.zip")


@pytest.fixture(scope="module")
def document(fortnight) -> ET.Element:
    with ZipFile(fortnight) as archive:
        return ET.fromstring(archive.read("apple_health_export/export.xml"))


def elements_of(path: Path) -> Counter[str]:
    """The elements under the root as text, without the date of the export."""
    with ZipFile(path) as archive:
        root = ET.fromstring(archive.read("apple_health_export/export.xml"))
    return Counter(ET.tostring(child, "unicode").strip() for child in root if child.tag != "ExportDate")


def routes_of(path: Path) -> dict[str, bytes]:
    with ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist() if name.endswith(".gpx")}


# --- the file -------------------------------------------------------------------------------


def test_same_morning_gives_the_same_bytes(fortnight, tmp_path):
    assert export_of(tmp_path / "again.zip").read_bytes() == fortnight.read_bytes()


def test_next_morning_tells_the_same_of_every_day_before(fortnight, tmp_path):
    next_morning = export_of(tmp_path / "next.zip", day=DAY + timedelta(days=1))

    before, after = elements_of(fortnight), elements_of(next_morning)
    assert before - after == Counter()
    assert (after - before).total() > 100
    assert routes_of(fortnight).items() <= routes_of(next_morning).items()


def test_short_story_tells_the_same_as_a_long_one(fortnight, tmp_path):
    week = export_of(tmp_path / "week.zip", first=DAY - timedelta(days=7))

    assert elements_of(week) - elements_of(fortnight) == Counter()


def test_document_keeps_to_its_own_declaration(fortnight):
    with ZipFile(fortnight) as archive:
        parser = etree.XMLParser(dtd_validation=True, no_network=True)
        root = etree.parse(io.BytesIO(archive.read("apple_health_export/export.xml")), parser).getroot()

    assert root.tag == "HealthData"


def test_our_reader_takes_it_for_an_export_of_that_morning(fortnight):
    with open_file(fortnight) as container:
        facts = export_facts(container)

        assert is_export(container)
    assert (facts.export_date, facts.locale, facts.version) == (datetime(2026, 6, 16, 8, tzinfo=UTC), "en_DE", 14)


def test_fortnight_holds_the_training_that_was_meant(document):
    meant = Counter(session.kind for number in range(15) for session in day_of(FIRST + timedelta(days=number)).sessions)
    told = Counter(
        workout.get("workoutActivityType", "").removeprefix("HKWorkoutActivityType")
        for workout in document.iter("Workout")
    )

    assert meant["triathlon"] == 1
    assert told == Counter(
        SwimBikeRun=1,
        Running=sum(count for kind, count in meant.items() if kind.endswith("run")),
        Cycling=meant["ride"],
        Swimming=meant["swim"],
        TraditionalStrengthTraining=meant["strength"],
        Hiking=meant["hike"],
        Yoga=meant["yoga"],
    )


def test_triathlon_has_five_legs_that_follow_one_another(document):
    workout = next(w for w in document.iter("Workout") if w.get("workoutActivityType", "").endswith("SwimBikeRun"))
    legs = workout.findall("WorkoutActivity")

    names = [entry.get("value") for leg in legs for entry in leg.findall("MetadataEntry[@key='HKActivityType']")]
    assert names == ["Swimming", "Transition", "Cycling", "Transition", "Running"]
    starts, ends = [leg.get("startDate") for leg in legs], [leg.get("endDate") for leg in legs]
    assert [workout.get("startDate"), *ends] == [*starts, workout.get("endDate")]


def test_nothing_lies_in_the_future_of_the_export(document):
    moments = [
        datetime.strptime(value, "%Y-%m-%d %H:%M:%S %z")
        for element in document.iter()
        for name in ("startDate", "endDate")
        if (value := element.get(name))
    ]

    assert max(moments) < datetime(2026, 6, 16, 8, tzinfo=UTC)


def test_figures_are_those_of_a_living_athlete(document):
    """Bounds that a slip of units or signs would break."""
    bounds = {
        "HeartRate": (38, 190),
        "RestingHeartRate": (44, 66),
        "HeartRateVariabilitySDNN": (12, 160),
        "OxygenSaturation": (0.88, 1.0),
        "RespiratoryRate": (10, 20),
        "AppleSleepingWristTemperature": (34.5, 37.8),
        "RunningSpeed": (4, 20),
        "RunningPower": (80, 420),
        "CyclingPower": (0, 480),
        "CyclingSpeed": (5, 62),
        "BodyMass": (59, 68),
        "VO2Max": (38, 56),
    }
    values: dict[str, list[float]] = {}
    for element in document.iter("Record"):
        name = element.get("type", "").removeprefix("HKQuantityTypeIdentifier")
        if name in bounds:
            values.setdefault(name, []).append(float(element.get("value", "")))

    assert values.keys() == bounds.keys()
    assert {name: (min(told), max(told)) for name, told in values.items() if not _within(told, bounds[name])} == {}


def _within(values: list[float], bounds: tuple[float, float]) -> bool:
    return bounds[0] <= min(values) and max(values) <= bounds[1]


def test_route_is_as_long_as_the_workout_says(fortnight, document):
    routes = routes_of(fortnight)
    compared = 0
    for workout in document.iter("Workout"):
        reference = workout.find("WorkoutRoute/FileReference")
        distance = workout.find("WorkoutStatistics[@type='HKQuantityTypeIdentifierDistanceWalkingRunning']")
        if reference is None or distance is None or workout.get("workoutActivityType", "").endswith("SwimBikeRun"):
            continue
        [track] = parse_gpx(routes["apple_health_export" + reference.get("path", "")])
        told_m = float(distance.get("sum", "")) * 1000

        assert abs(_length_m(track.lat, track.lon) - told_m) < 0.03 * told_m
        compared += 1
    assert compared >= 4


def _length_m(latitude, longitude) -> float:
    """The length of a line, as a ruler on a map measures it."""
    north = np.diff(latitude) * 111_195
    east = np.diff(longitude) * 111_195 * np.cos(np.radians(latitude[:-1]))
    return float(np.hypot(north, east).sum())


def test_watch_and_phone_both_count_steps_at_the_same_time(document):
    spans: dict[str, list[tuple[str, str]]] = {}
    for element in document.iter("Record"):
        if element.get("type") == "HKQuantityTypeIdentifierStepCount":
            spans.setdefault(element.get("sourceName", ""), []).append(
                (element.get("startDate", ""), element.get("endDate", ""))
            )

    watch, phone = spans["Lena\u2019s Apple\u00a0Watch"], spans["Lena\u2019s iPhone"]
    overlapping = [own for own in phone if any(own[0] < other[1] and other[0] < own[1] for other in watch)]
    assert 0 < len(overlapping) < len(phone)


def test_stages_of_a_night_follow_one_another(document):
    stages = [
        (element.get("startDate"), element.get("endDate"))
        for element in document.iter("Record")
        if element.get("value", "").startswith("HKCategoryValueSleepAnalysisA")
    ]
    breaks = [number for number, (one, other) in enumerate(pairwise(stages), 1) if one[1] != other[0]]
    lengths = [end - start for start, end in pairwise([0, *breaks, len(stages)])]

    assert sum(length > 10 for length in lengths) == 16  # beside the naps, which are of one piece


# --- what stands behind it ------------------------------------------------------------------


@hypothesis.settings(max_examples=30)
@given(st.dates(date(2021, 1, 1), date(2029, 12, 31)))
def test_nights_and_sessions_never_overlap(day):
    """In any year, on every journey: asleep, awake and at it, asleep again."""
    body = bodies(day, day + timedelta(days=1))
    tonight = night_of(day + timedelta(days=1), body[day + timedelta(days=1)])
    edges = [night_of(day, body[day]).asleep, night_of(day, body[day]).awake]
    for session in day_of(day).sessions:
        told = record(session, body[day])
        edges += [told.start, told.end]

    assert sorted(edges) == edges
    assert edges[-1] < tonight.asleep


@hypothesis.settings(max_examples=30)
@given(st.dates(date(2021, 1, 1), date(2029, 12, 31)))
def test_she_is_up_before_the_export_wherever_she_is(day):
    woke = night_of(day, bodies(day, day)[day]).awake

    assert woke < datetime(day.year, day.month, day.day, export.EXPORT_HOUR, tzinfo=UTC).timestamp() - 1_800


def test_body_on_a_day_does_not_depend_on_the_window():
    day = date(2026, 5, 5)

    assert bodies(day, day)[day] == bodies(date(2024, 1, 1), day)[day]


def test_illness_shows_in_the_morning_figures():
    first, last = illness_of(2026)
    told = bodies(first - timedelta(days=1), last)

    well, ill = told[first - timedelta(days=1)], told[last]
    assert not day_of(last).sessions
    assert ill.resting_heart_rate_bpm > well.resting_heart_rate_bpm + 4
    assert ill.hrv_sdnn_ms < well.hrv_sdnn_ms
    assert ill.wrist_temperature_c > well.wrist_temperature_c + 0.4


def test_two_years_have_three_places():
    days = [date(2024, 11, 1) + timedelta(days=number) for number in range(730)]

    assert Counter(place_of(day).zone.key for day in days) == {
        "Europe/Berlin": 730 - 2 * 9 - 2 * 12,
        "Atlantic/Canary": 2 * 9,
        "Asia/Tokyo": 2 * 12,
    }


@pytest.mark.parametrize(
    ("moment", "told"),
    [
        (datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC), "2026-03-29 01:59:59 +0100"),
        (datetime(2026, 3, 29, 1, tzinfo=UTC), "2026-03-29 03:00:00 +0200"),
        (datetime(2025, 10, 26, 0, 59, 59, tzinfo=UTC), "2025-10-26 02:59:59 +0200"),
        (datetime(2025, 10, 26, 1, tzinfo=UTC), "2025-10-26 02:00:00 +0100"),
    ],
)
def test_clock_writes_the_offset_of_the_date(moment, told):
    clock = Clock(date(2025, 10, 1), date(2026, 4, 1))

    assert clock.one(moment.timestamp()) == told
    assert clock.write([moment.timestamp()]) == [told]


@given(st.datetimes(timezones=st.just(UTC)).filter(lambda moment: moment.year > 1))
def test_newest_export_is_of_the_last_day_and_past(now):
    assert timedelta(0) <= now - exported_at(now) < timedelta(days=1)


# --- people and import ----------------------------------------------------------------------


@pytest.fixture
def laptop(settings) -> None:
    settings.DEBUG = True


@pytest.mark.django_db
def test_people_can_log_in_at_once_and_are_made_once(laptop, client):
    first, second = services.ensure_people(), services.ensure_people()

    assert first == second
    assert list(User.objects.order_by("email").values_list("email", "is_staff", "is_superuser")) == [
        ("athlete@demo.example", False, False),
        ("coach@demo.example", False, False),
        ("staff@demo.example", True, True),
    ]
    assert EmailAddress.objects.filter(verified=True, primary=True).count() == 3
    assert client.login(username="athlete@demo.example", password=services.PASSWORD)


@pytest.mark.django_db
def test_account_that_is_there_stays_as_its_owner_left_it(laptop):
    athlete = services.ensure_people().athlete
    athlete.set_password("my own now 77")
    athlete.name = "Somebody"
    athlete.save()

    again = services.ensure_people().athlete

    assert (again.name, again.check_password("my own now 77")) == ("Somebody", True)


@pytest.mark.django_db
def test_demo_is_refused_where_debug_is_off():
    with pytest.raises(CommandError, match="DEBUG=1 only"):
        call_command("demo")
    assert not User.objects.exists()


@pytest.mark.django_db
def test_demo_can_be_forced(monkeypatch, capsys):
    monkeypatch.setattr(services, "parts", lambda now: {})

    call_command("demo", "--force")

    assert User.objects.count() == 3
    assert services.PASSWORD in capsys.readouterr().out


@pytest.fixture
def short_story(monkeypatch) -> None:
    """A story of three weeks: enough of everything, in seconds."""
    for module in (export, services):
        monkeypatch.setattr(module, "first_day", lambda day: day - timedelta(days=21))
    monkeypatch.setattr(services, "RECENT", timedelta(days=3))


@pytest.mark.django_db(transaction=True)
def test_export_comes_in_like_anybodys_and_once(laptop, short_story):
    athlete = services.ensure_people().athlete

    brought = [services.bring_next(athlete) for _ in range(4)]
    for run in SyncRun.objects.order_by("pk"):
        runs.work_through(run)
    rows = {model: model.objects.count() for model in (Activity, SleepSession, RawRecord, SampleChunk)}

    assert [(imported.name, imported.brought_by) for imported in brought] == [
        ("last-weeks.zip", "demo"),
        ("bike-computer.zip", "demo"),
        ("strava-archive.zip", "demo"),
        ("export.zip", "demo"),
    ]
    assert set(Import.objects.values_list("state", flat=True)) == {Import.State.FINISHED}
    assert rows[SleepSession] > 0
    assert rows[SampleChunk] > 0
    assert services.bring_next(athlete) is None
    assert not services.queue_export(athlete)
    assert {model: model.objects.count() for model in rows} == rows


@pytest.mark.django_db
def test_next_morning_there_is_something_to_bring_again(laptop):
    athlete = services.ensure_people().athlete
    now = timezone.now()
    for name in services.parts(now):
        Import.objects.create(user=athlete, name=name, sha256="0" * 64, size_bytes=1, brought_by="demo")

    assert services.missing(athlete, now) == {}
    assert list(services.missing(athlete, now + timedelta(days=1))) == list(services.parts(now))


def test_command_writes_the_file_alone(short_story, tmp_path, capsys):
    path = tmp_path / "mine.zip"

    call_command("demo", "--export", str(path))

    assert capsys.readouterr().out == f"{path}: {path.stat().st_size:,} bytes\n"
    assert "apple_health_export/export.xml" in ZipFile(path).namelist()


def test_athlete_is_invited_to_connect_what_the_sandbox_plays(user, other_user, settings):
    played = [provider.slug for provider in PROVIDERS.values() if provider.network]
    assert services.to_connect(user) == []

    settings.SANDBOX_URL = "http://127.0.0.1:8001"
    ConnectionFactory(user=user, provider="strava")
    ConnectionFactory(user=other_user, provider="whoop")

    assert [provider.slug for provider in services.to_connect(user)] == [slug for slug in played if slug != "strava"]
    assert len(played) > 1
