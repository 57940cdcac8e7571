from __future__ import annotations

import hashlib
import io
import math
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from rest_framework.test import APIClient

from activities.models import Activity, Reading
from tests.activities.keeping import keep_samples, keep_streams
from tests.factories.accounts import UserFactory
from tests.factories.activities import (
    ActivityFactory,
    DailyMetricFactory,
    DeviceFactory,
    RawRecordFactory,
    SleepSessionFactory,
    SourceActivityFactory,
)
from tests.factories.integrations import ImportFactory

pytestmark = pytest.mark.django_db

START = datetime(2026, 5, 2, 7, 30, tzinfo=UTC)
ARROW = "application/vnd.apache.arrow.stream"


def api(user) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


def ids(response) -> list[int]:
    assert response.status_code == 200, response.content
    return [row["id"] for row in response.json()["results"]]


def not_told(*names: str) -> dict[str, None]:
    return dict.fromkeys(names)


def source_json(source, **told):
    return {
        "id": source.pk,
        "provider": "apple_health",
        "external_id": source.external_id,
        "sport": "running.trail",
        "provider_type": "HKWorkoutActivityTypeRunning",
        "name": "",
        "start_time": "2026-05-02T07:30:00Z",
        "utc_offset_s": 7200,
        "day_only": False,
        "elapsed_s": 1800.0,
        "distance_m": 5000.0,
        **not_told("timer_s", "moving_s", "elevation_gain_m", "elevation_loss_m", "energy_kcal", "active_energy_kcal"),
        **not_told("avg_heart_rate_bpm", "max_heart_rate_bpm", "min_heart_rate_bpm", "avg_power_w", "max_power_w"),
        **not_told("avg_cadence_rpm", "max_cadence_rpm", "avg_speed_mps", "max_speed_mps", "parent"),
        "device": "",
        "device_kind": "unknown",
        "source_name": "Lena’s Watch",
        "streams": {},
        "raw": source.raw_id,
        **told,
    }


def trail_run(user=None, **told):
    told = {"sport": "running.trail", "start_time": START, "source_name": "Lena’s Watch"} | told
    return SourceActivityFactory(user=user or UserFactory(), **told)


# --- activities -------------------------------------------------------------------------------


def test_activities_tell_the_primary_and_name_all_sources():
    source = trail_run()
    other = SourceActivityFactory(user=source.user, provider="tempo", external_id="7", activity=source.activity)
    SourceActivityFactory()

    assert api(source.user).get("/api/v1/activities/").json() == {
        "next": None,
        "results": [
            {
                "id": source.activity_id,
                "sport": "running.trail",
                "sport_label": "Trail running",
                "name": "Morning run",
                "start_time": "2026-05-02T07:30:00Z",
                "local_date": "2026-05-02",
                "elapsed_s": 1800.0,
                "distance_m": 5000.0,
                "pinned": False,
                "primary": source_json(source),
                "sources": [
                    {
                        "id": source.pk,
                        "provider": "apple_health",
                        "external_id": source.external_id,
                        "source_name": "Lena’s Watch",
                    },
                    {"id": other.pk, "provider": "tempo", "external_id": "7", "source_name": ""},
                ],
            }
        ],
    }


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["yoga", "trail", "road"]),
        ({"sport": "running"}, ["trail", "road"]),
        ({"sport": "running.trail"}, ["trail"]),
        ({"source": "tempo"}, ["road"]),
        ({"first": "2026-05-02", "last": "2026-05-02"}, ["trail"]),
        ({"search": "road"}, ["road"]),
        ({"sport": "yoga", "last": "2026-05-02"}, []),
    ],
)
def test_activities_are_filtered(query, found):
    user = UserFactory()
    for day, sport, provider, name in [
        (1, "running", "tempo", "road"),
        (2, "running.trail", "apple_health", "trail"),
        (3, "yoga", "apple_health", "yoga"),
    ]:
        source = SourceActivityFactory(
            user=user, sport=sport, provider=provider, start_time=datetime(2026, 5, day, 8, tzinfo=UTC)
        )
        Activity.objects.filter(pk=source.activity_id).update(name=name)

    response = api(user).get("/api/v1/activities/", query)

    assert [row["name"] for row in response.json()["results"]] == found


@pytest.mark.parametrize("query", [{"first": "yesterday"}, {"search": "a" * 201}, {"search": "\0"}])
def test_activities_refuse_a_query_that_means_nothing(query):
    response = api(UserFactory()).get("/api/v1/activities/", query)

    assert (response.status_code, list(response.json()["errors"])) == (400, list(query))


def test_activity_tells_laps_pauses_zones_parts_and_the_payloads_behind_it():
    source = trail_run(
        elapsed_s=100,
        laps=[{"start_time": "2026-05-02T09:30:00+02:00", "elapsed_s": 60.0, "kind": "segment"}],
        pauses=[{"start_time": "2026-05-02T09:31:00+02:00", "elapsed_s": 10.0}],
        extra={"weather": "4 °C"},
    )
    keep_streams(source, heart_rate=([0, 50, 100], [90, 140, 200]))
    leg = trail_run(source.user, activity=None, parent=source)

    told = api(source.user).get(f"/api/v1/activities/{source.activity_id}/").json()

    lap = {
        "start_time": "2026-05-02T07:30:00Z",
        "elapsed_s": 60.0,
        "kind": "segment",
        **not_told("timer_s", "distance_m", "avg_heart_rate_bpm", "max_heart_rate_bpm", "avg_power_w"),
        **not_told("avg_cadence_rpm", "energy_kcal"),
        "name": "",
        "extra": {},
    }
    assert told["primary"] == source_json(
        source,
        elapsed_s=100.0,
        streams={"heart_rate": 3},
        laps=[lap],
        pauses=[{"start_time": "2026-05-02T07:31:00Z", "elapsed_s": 10.0, "automatic": False}],
        extra={"weather": "4 °C"},
    )
    assert told["children"] == [source_json(leg, parent=source.pk)]
    assert told["raw_records"] == [
        {"id": source.raw_id, "kind": "workout", "external_id": source.raw.external_id, "sha256": source.raw.sha256}
    ]
    assert told["heart_rate_zones"] == {
        "max_heart_rate_bpm": 190.0,
        "assumed": True,
        "below_s": 25.0,
        "covered_s": 90.0,
        "coverage_ratio": 1.0,
        "zones": [
            {"number": 1, "name": "Very light", "low_bpm": 95.0, "high_bpm": 114.0, "seconds": 0.0, "ratio": 0.0},
            {"number": 2, "name": "Light", "low_bpm": 114.0, "high_bpm": 133.0, "seconds": 0.0, "ratio": 0.0},
            {"number": 3, "name": "Moderate", "low_bpm": 133.0, "high_bpm": 152.0, "seconds": 40.0, "ratio": 40 / 90},
            {"number": 4, "name": "Hard", "low_bpm": 152.0, "high_bpm": 171.0, "seconds": 0.0, "ratio": 0.0},
            {"number": 5, "name": "Maximum", "low_bpm": 171.0, "high_bpm": None, "seconds": 25.0, "ratio": 25 / 90},
        ],
    }


def test_activity_without_heart_rate_or_without_a_source():
    source = trail_run()
    empty = ActivityFactory(user=source.user)

    assert api(source.user).get(f"/api/v1/activities/{source.activity_id}/").json()["heart_rate_zones"] is None
    assert api(source.user).get(f"/api/v1/activities/{empty.pk}/").status_code == 404


def test_activity_sources_are_told_in_full_the_primary_first():
    source = trail_run(extra={"a": [1]})
    other = trail_run(source.user, provider="a_first_by_name", activity=source.activity)

    told = api(source.user).get(f"/api/v1/activities/{source.activity_id}/sources/").json()

    in_full = {"laps": [], "pauses": []}
    assert told == [
        source_json(source, **in_full, extra={"a": [1]}),
        source_json(other, provider="a_first_by_name", **in_full, extra={}),
    ]


# --- streams ----------------------------------------------------------------------------------


def test_streams_are_told_by_column():
    source = keep_streams(trail_run(), heart_rate=([0, 5, 10], [120, float("nan"), 140]), power=([0.5], [200]))

    told = api(source.user).get(f"/api/v1/activities/{source.activity_id}/streams/").json()

    assert told == {
        "source_activity": source.pk,
        "start_time": "2026-05-02T07:30:00Z",
        "samples": {"heart_rate": 3, "power": 1},
        "streams": {
            "heart_rate": {
                "source_activity": source.pk,
                "unit": "bpm",
                "time_s": [0.0, 5.0, 10.0],
                "value": [120.0, None, 140.0],
            },
            "power": {"source_activity": source.pk, "unit": "W", "time_s": [0.5], "value": [200.0]},
        },
    }


def test_streams_are_named_cut_and_thinned_out():
    values = [100.0 + math.sin(second / 50) * 20 for second in range(3600)]
    values[1800] = 230.0
    source = keep_streams(trail_run(), heart_rate=(list(range(3600)), values), power=([0], [200]))

    told = (
        api(source.user)
        .get(
            f"/api/v1/activities/{source.activity_id}/streams/",
            {"names": "heart_rate, cadence", "points": 200, "start": 1000, "end": 2000},
        )
        .json()
    )

    assert (told["samples"], list(told["streams"])) == ({"heart_rate": 3600, "power": 1}, ["heart_rate"])
    stream = told["streams"]["heart_rate"]
    assert 100 <= len(stream["time_s"]) <= 200
    assert (min(stream["time_s"]), max(stream["time_s"])) == (1000.0, 2000.0)
    assert (max(stream["value"]), min(stream["value"])) == (230.0, min(values[1000:2001]))


def test_streams_of_another_source_of_the_same_activity():
    source = keep_streams(trail_run(), power=([0], [200]))
    other = keep_streams(trail_run(source.user, provider="tempo", activity=source.activity), power=([0], [210]))
    elsewhere = trail_run(source.user, provider="tempo", start_time=START + timedelta(days=1))
    url = f"/api/v1/activities/{source.activity_id}/streams/"

    told = api(source.user).get(url, {"source": other.pk}).json()

    assert (told["source_activity"], told["streams"]["power"]["value"]) == (other.pk, [210.0])
    assert api(source.user).get(url, {"source": elsewhere.pk}).status_code == 404


@pytest.mark.parametrize("ask", [{"headers": {"accept": ARROW}}, {"query_params": {"format": "arrow"}}])
def test_streams_come_as_arrow(ask):
    source = keep_streams(trail_run(), heart_rate=([0, 5], [120, float("nan")]), power=([0.5], [200]))

    response = api(source.user).get(f"/api/v1/activities/{source.activity_id}/streams/", **ask)

    assert response["Content-Type"] == ARROW
    table = pa.ipc.open_stream(response.content).read_all()
    assert table["stream"].to_pylist() == ["heart_rate", "heart_rate", "power"]
    assert table["time_s"].to_pylist() == [0.0, 5.0, 0.5]
    assert np.array_equal(table["value"].to_numpy(), [120.0, np.nan, 200.0], equal_nan=True)


def test_streams_that_are_not_there_are_empty():
    source = trail_run()
    url = f"/api/v1/activities/{source.activity_id}/streams/"

    assert api(source.user).get(url).json()["streams"] == {}
    table = pa.ipc.open_stream(api(source.user).get(url, {"format": "arrow"}).content).read_all()
    assert (table.num_rows, table.column_names) == (0, ["stream", "time_s", "value"])


@pytest.mark.parametrize("query", [{"points": 1}, {"points": 10**9}, {"start": "x"}, {"source": 2**63}])
def test_streams_refuse_what_means_nothing_as_a_problem_even_in_arrow(query):
    source = trail_run()

    response = api(source.user).get(
        f"/api/v1/activities/{source.activity_id}/streams/", query, headers={"accept": ARROW}
    )

    assert (response.status_code, response["Content-Type"]) == (400, "application/problem+json")
    assert list(response.json()["errors"]) == list(query)


# --- raw records ------------------------------------------------------------------------------


def test_raw_record_tells_how_it_came_and_what_became_of_it():
    brought = ImportFactory()
    raw = RawRecordFactory(user=brought.user, external_id="w1", data=b"<Workout/>", import_file=brought)
    source = SourceActivityFactory(user=brought.user, raw=raw)
    Reading.objects.create(user=brought.user, raw=raw, mapping_version=3, read_at=START, problem="no start")

    told = api(brought.user).get(f"/api/v1/raw-records/{raw.pk}/").json()

    sighting = raw.sightings.get()
    assert told == {
        "id": raw.pk,
        "provider": "apple_health",
        "kind": "workout",
        "external_id": "w1",
        "sha256": hashlib.sha256(b"<Workout/>").hexdigest(),
        "size_bytes": 10,
        "content_type": "application/xml",
        "fetched_at": raw.fetched_at.isoformat().replace("+00:00", "Z"),
        "stated_at": None,
        "request_url": "",
        "import_file": brought.pk,
        "reading": {"mapping_version": 3, "read_at": "2026-05-02T07:30:00Z", "problem": "no start"},
        "payload": f"http://testserver/api/v1/raw-records/{raw.pk}/payload/",
        "sightings": [
            {
                "import_file": brought.pk,
                "seen_at": sighting.seen_at.isoformat().replace("+00:00", "Z"),
                "stated_at": None,
            }
        ],
        "source_activities": [source.pk],
    }


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["c", "b", "a"]),
        ({"kind": "route"}, ["c", "b"]),
        ({"provider": "tempo"}, ["b"]),
        ({"external_id": "a"}, ["a"]),
        ({"sha256": hashlib.sha256(b"b").hexdigest()}, ["b"]),
        ({"sha256": "0" * 64}, []),
    ],
)
def test_raw_records_are_filtered(query, found):
    user = UserFactory()
    for external_id, kind, provider in [
        ("a", "workout", "apple_health"),
        ("b", "route", "tempo"),
        ("c", "route", "apple_health"),
    ]:
        RawRecordFactory(user=user, external_id=external_id, kind=kind, provider=provider, data=external_id.encode())

    response = api(user).get("/api/v1/raw-records/", query)

    assert [row["external_id"] for row in response.json()["results"]] == found


@pytest.mark.parametrize(
    ("data", "content_type", "external_id", "name"),
    [
        (b"<Workout/>\r\n", "application/xml", "3f2a", 'attachment; filename="3f2a.xml"'),
        (b'{"a": 1}', "application/json; charset=utf-8", "7", 'attachment; filename="7.json"'),
        (b"PK\x03\x04" + bytes(range(256)) * 5000, "application/zip", "a.zip", 'attachment; filename="a.zip"'),
        (b"", "text/csv", "ecg/ecg_2026.csv", 'attachment; filename="ecg_2026.csv"'),
        (b"<script>", "text/html", 'a/../"b\r\n.html', None),
        (b"x", "", "…", "attachment; filename*=utf-8''%E2%80%A6"),
        (b"\x28\xb5\x2f\xfdnot really", "application/octet-stream", "z", 'attachment; filename="z"'),
    ],
    ids=["xml", "json", "zip", "empty", "hostile name", "no type", "begins like zstd"],
)
def test_raw_payload_is_the_exact_bytes_to_save(data, content_type, external_id, name):
    raw = RawRecordFactory(data=data, content_type=content_type, external_id=external_id)

    response = api(raw.user).get(f"/api/v1/raw-records/{raw.pk}/payload/", headers={"accept": "image/png"})

    body = b"".join(response.streaming_content)
    assert (response.status_code, body) == (200, data)
    assert hashlib.sha256(body).hexdigest() == raw.sha256
    assert response["Content-Type"] == (content_type or "application/octet-stream")
    assert response["Content-Length"] == str(len(data))
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Disposition"].startswith("attachment; filename")
    assert "\n" not in response["Content-Disposition"]
    assert name is None or response["Content-Disposition"] == name


def test_raw_payload_of_a_whole_file_is_saved_under_the_name_that_it_was_brought_with():
    brought = ImportFactory(name="Exportieren.zip")
    raw = RawRecordFactory(user=brought.user, kind="export", content_type="application/zip", import_file=brought)

    response = api(raw.user).get(f"/api/v1/raw-records/{raw.pk}/payload/")

    assert response["Content-Disposition"] == 'attachment; filename="Exportieren.zip"'


# --- sleep ------------------------------------------------------------------------------------


def test_sleep_is_told_with_its_stages():
    session = SleepSessionFactory(start_time=datetime(2026, 5, 2, 22, 30, tzinfo=UTC), device__name="Lena’s Watch")

    told = api(session.user).get("/api/v1/sleep/").json()

    assert told == {
        "next": None,
        "results": [
            {
                "id": session.pk,
                "date": "2026-05-03",
                "start_time": "2026-05-02T22:30:00Z",
                "end_time": "2026-05-03T06:30:00Z",
                "utc_offset_s": 7200,
                "provider": "apple_health",
                "external_id": session.external_id,
                "device": session.device_id,
                "device_name": "Lena’s Watch",
                "is_shown": True,
                "is_main": True,
                "in_bed_s": 28800.0,
                "asleep_s": 27900.0,
                "awake_s": 900.0,
                "light_s": 18000.0,
                "deep_s": 9900.0,
                **not_told("rem_s", "score", "efficiency_ratio"),
                "stages": [[0, 900, "awake"], [900, 18000, "light"], [18900, 9900, "deep"]],
            }
        ],
    }
    assert api(session.user).get(f"/api/v1/sleep/{session.pk}/").json() == told["results"][0]


def test_sleep_without_a_device_has_no_name_of_it():
    session = SleepSessionFactory(device=None)

    told = api(session.user).get(f"/api/v1/sleep/{session.pk}/").json()

    assert (told["device"], told["device_name"]) == (None, "")


def test_sleep_is_filtered():
    user = UserFactory()
    night, nap, other = (
        SleepSessionFactory(user=user, start_time=datetime(2026, 5, day, 22, tzinfo=UTC), **told)
        for day, told in [(1, {}), (2, {"is_main": False}), (3, {"is_shown": False})]
    )
    client = api(user)

    def found(**query):
        return ids(client.get("/api/v1/sleep/", query))

    assert found() == [other.pk, nap.pk, night.pk]
    assert found(first="2026-05-03", last="2026-05-03") == [nap.pk]
    assert (found(shown="true"), found(shown="false")) == ([nap.pk, night.pk], [other.pk])
    assert (found(main="true"), found(main="false")) == ([other.pk, night.pk], [nap.pk])


# --- metrics ----------------------------------------------------------------------------------


def test_daily_metrics_are_told_with_their_unit():
    user = UserFactory()
    total = DailyMetricFactory(user=user, metric="heart_rate", date=date(2026, 5, 2), value=61.5, detail={"count": 900})
    DailyMetricFactory(user=user, metric="heart_rate", date=date(2026, 5, 2), device=DeviceFactory(user=user))
    DailyMetricFactory(user=user, metric="heart_rate", date=date(2026, 5, 3))
    DailyMetricFactory(user=user, metric="steps", date=date(2026, 5, 2))

    query = {"metric": "heart_rate", "first": "2026-05-01", "last": "2026-05-02", "totals": "true"}
    response = api(user).get("/api/v1/metrics/daily/", query)

    told = {
        "id": total.pk,
        "metric": "heart_rate",
        "date": "2026-05-02",
        "value": 61.5,
        "unit": "bpm",
        "provider": "apple_health",
        "device": None,
        "detail": {"count": 900},
    }
    assert response.json() == {"next": None, "results": [told]}
    assert api(user).get(f"/api/v1/metrics/daily/{total.pk}/").json() == told


def test_daily_metrics_go_by_metric_and_newest_first():
    user = UserFactory()
    rows = {
        (metric, day): DailyMetricFactory(user=user, metric=metric, date=date(2026, 5, day)).pk
        for metric, day in [("steps", 1), ("heart_rate", 1), ("steps", 3), ("heart_rate", 2)]
    }

    found = ids(api(user).get("/api/v1/metrics/daily/"))

    assert found == [rows[key] for key in [("heart_rate", 2), ("heart_rate", 1), ("steps", 3), ("steps", 1)]]


def test_daily_metrics_of_one_device():
    user = UserFactory()
    device = DeviceFactory(user=user)
    DailyMetricFactory(user=user)
    of_device = DailyMetricFactory(user=user, device=device)

    assert ids(api(user).get("/api/v1/metrics/daily/", {"device": device.pk})) == [of_device.pk]


def test_metrics_name_every_series():
    user = UserFactory()
    watch = keep_samples(user, "heart_rate", (START, 60.0, None), (START + timedelta(hours=1), 61.0, None))

    (told,) = api(user).get("/api/v1/metrics/").json()

    assert told.pop("bytes") > 0
    assert told == {
        "metric": "heart_rate",
        "label": "Heart rate",
        "group": "heart",
        "unit": "bpm",
        "provider": "apple_health",
        "device": watch.pk,
        "device_name": "Watch",
        "rows": 2,
        "first_at": "2026-05-02T07:30:00Z",
        "last_at": "2026-05-02T08:30:01Z",
    }


def test_samples_are_told_by_column_and_page_by_page():
    user = UserFactory()
    at = [START + timedelta(seconds=second) for second in range(5)]
    watch = keep_samples(user, "heart_rate", *((start, 60.0 + number, None) for number, start in enumerate(at)))
    first_ms = round(START.timestamp() * 1000)
    client = api(user)

    page = client.get("/api/v1/metrics/samples/", {"metric": "heart_rate", "limit": 3}).json()

    following = page.pop("next")
    assert page == {
        "metric": "heart_rate",
        "unit": "bpm",
        "start_ms": [first_ms, first_ms + 1000, first_ms + 2000],
        "end_ms": [first_ms + 1000, first_ms + 2000, first_ms + 3000],
        "value": [60.0, 61.0, 62.0],
        "text": [None, None, None],
        "device": [watch.pk] * 3,
    }
    last = client.get(following).json()
    assert (last["value"], last["next"]) == ([63.0, 64.0], None)


def test_samples_come_as_arrow_with_the_next_page_in_a_header():
    user = UserFactory()
    keep_samples(user, "sleep_stage", (START, None, "AsleepDeep"), (START + timedelta(seconds=1), None, "Awake"))

    response = api(user).get("/api/v1/metrics/samples/", {"metric": "sleep_stage", "limit": 1, "format": "arrow"})

    table = pa.ipc.open_stream(io.BytesIO(response.content)).read_all()
    assert (table["text"].to_pylist(), table["value"].to_pylist()) == (["AsleepDeep"], [None])
    following = response["Link"].removeprefix("<").removesuffix('>; rel="next"')
    last = api(user).get(following)
    assert pa.ipc.open_stream(last.content).read_all()["text"].to_pylist() == ["Awake"]
    assert "Link" not in last


def test_samples_between_two_moments_of_one_device():
    user = UserFactory()
    at = [START + timedelta(seconds=second) for second in range(4)]
    watch = keep_samples(user, "heart_rate", *((start, 60.0, None) for start in at))
    keep_samples(user, "heart_rate", *((start, 99.0, None) for start in at), device="Strap")
    query = {"metric": "heart_rate", "device": watch.pk, "start": at[1].isoformat(), "end": at[3].isoformat()}

    told = api(user).get("/api/v1/metrics/samples/", query).json()

    assert (told["value"], told["next"]) == ([60.0, 60.0], None)


@pytest.mark.parametrize(
    ("query", "errors"),
    [
        ({}, ["metric"]),
        ({"metric": "steps", "limit": 0}, ["limit"]),
        ({"metric": "steps", "limit": 100_001}, ["limit"]),
        ({"metric": "steps", "start": "noon"}, ["start"]),
        ({"metric": "steps", "device": 2**63}, ["device"]),
    ],
)
def test_samples_refuse_a_query_that_means_nothing(query, errors):
    response = api(UserFactory()).get("/api/v1/metrics/samples/", query)

    assert (response.status_code, list(response.json()["errors"])) == (400, errors)


def test_sample_devices_are_told():
    device = DeviceFactory(name="Lena’s Watch", model="Watch", hardware="Watch6,18")

    assert api(device.user).get("/api/v1/sample-devices/").json() == {
        "next": None,
        "results": [
            {
                "id": device.pk,
                "provider": "apple_health",
                "name": "Lena’s Watch",
                "kind": "watch",
                "manufacturer": "Apple Inc.",
                "model": "Watch",
                "hardware": "Watch6,18",
            }
        ],
    }


# --- no list costs more when it is longer ---------------------------------------------------------


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(
    ("path", "make", "queries"),
    [
        ("activities", lambda user: SourceActivityFactory(user=user), 2),
        ("raw-records", lambda user: RawRecordFactory(user=user, import_file=ImportFactory(user=user)), 1),
        ("sleep", lambda user: SleepSessionFactory(user=user), 1),
        ("metrics/daily", lambda user: DailyMetricFactory(user=user, device=DeviceFactory(user=user)), 1),
        ("sample-devices", lambda user: DeviceFactory(user=user), 1),
    ],
)
def test_list_costs_the_same_for_one_row_and_for_three(path, make, queries, rows, django_assert_num_queries):
    user = UserFactory()
    for _ in range(rows):
        make(user)
    client = api(user)

    with django_assert_num_queries(queries):
        found = ids(client.get(f"/api/v1/{path}/"))

    assert len(found) == rows
