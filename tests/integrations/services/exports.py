"""Small Apple Health exports for tests, in Apple's shape with invented values; and everything that an account holds."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.sax.saxutils import quoteattr

from django.forms.models import model_to_dict

from activities.models import (
    Activity,
    DailyMetric,
    Device,
    RawRecord,
    RawSighting,
    Reading,
    SampleChunk,
    SleepSession,
    SourceActivity,
)
from activities.selectors.series import samples
from trainstack.accounts.models import User
from trainstack.storage import read_raw, stream_store

WATCH = "Watch of Kim"
PHONE = "Phone of Kim"
DEVICES = {
    WATCH: "<<HKDevice: 0x30{n:06x}>, name:Apple Watch, manufacturer:Apple Inc., model:Watch, hardware:Watch6,9>",
    PHONE: "<<HKDevice: 0x30{n:06x}>, name:iPhone, manufacturer:Apple Inc., model:iPhone, hardware:iPhone14,2>",
}
ZONE = "Europe/Vienna"
DAY = datetime(2026, 3, 2, tzinfo=UTC)
QUANTITY = "HKQuantityTypeIdentifier"
STAGE = "HKCategoryValueSleepAnalysis"


def at(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S +0000")


def attributes(told: Mapping[str, Any]) -> str:
    return "".join(f" {name}={quoteattr(str(value))}" for name, value in told.items() if value is not None)


def record(
    kind: str,
    start: datetime,
    value: Any,
    *,
    unit: str | None = None,
    source: str = WATCH,
    seconds: float = 0,
    inner: str = "",
) -> str:
    told = {
        "type": kind,
        "sourceName": source,
        "sourceVersion": "11.4",
        "device": DEVICES[source].format(n=hash((kind, start)) % 0xFFFFFF) if source in DEVICES else None,
        "unit": unit,
        "creationDate": at(start + timedelta(seconds=seconds + 5)),
        "startDate": at(start),
        "endDate": at(start + timedelta(seconds=seconds)),
        "value": value,
    }
    head = f" <Record{attributes(told)}"
    return f"{head}>\n{inner} </Record>\n" if inner else f"{head}/>\n"


def metadata(**told: Any) -> str:
    return "".join(f"  <MetadataEntry{attributes({'key': key, 'value': value})}/>\n" for key, value in told.items())


def pulse(start: datetime, *values: int, every_s: int = 60) -> str:
    """Heart rates of the watch, one every so many seconds."""
    return "".join(
        record(f"{QUANTITY}HeartRate", start + timedelta(seconds=every_s * i), value, unit="count/min")
        for i, value in enumerate(values)
    )


def steps(start: datetime, count: int, *, seconds: float = 300, source: str = WATCH) -> str:
    return record(f"{QUANTITY}StepCount", start, count, unit="count", seconds=seconds, source=source)


def night(evening: datetime) -> str:
    """Seven hours of sleep: two light, two deep, two of REM, one awake."""
    stages = [("AsleepCore", 2), ("AsleepDeep", 2), ("Awake", 1), ("AsleepREM", 2)]
    told, start = "", evening
    for stage, hours in stages:
        told += record(
            "HKCategoryTypeIdentifierSleepAnalysis",
            start,
            STAGE + stage,
            seconds=hours * 3600,
            inner=metadata(HKTimeZone=ZONE),
        )
        start += timedelta(hours=hours)
    return told


def rings(day: str, *, move: float = 412.5) -> str:
    return (
        f' <ActivitySummary dateComponents="{day}" activeEnergyBurned="{move}" activeEnergyBurnedGoal="500"'
        ' activeEnergyBurnedUnit="kcal" appleMoveTime="0" appleMoveTimeGoal="0" appleExerciseTime="31"'
        ' appleExerciseTimeGoal="30" appleStandHours="11" appleStandHoursGoal="12"/>\n'
    )


def pressure(start: datetime) -> str:
    told = "".join(
        record(f"{QUANTITY}BloodPressure{which}", start, value, unit="mmHg", source="Cuff")
        for which, value in (("Systolic", 121), ("Diastolic", 78))
    )
    head = {
        "type": "HKCorrelationTypeIdentifierBloodPressure",
        "sourceName": "Cuff",
        "creationDate": at(start),
        "startDate": at(start),
        "endDate": at(start),
    }
    return f"{told} <Correlation{attributes(head)}>\n{told} </Correlation>\n"


def workout(
    start: datetime,
    *,
    minutes: float = 30,
    kind: str = "Running",
    metres: float = 5000,
    route: str | None = None,
    heart_rate: bool = False,
    inner: str = "",
) -> str:
    end = start + timedelta(minutes=minutes)
    told = {
        "workoutActivityType": f"HKWorkoutActivityType{kind}",
        "duration": minutes,
        "durationUnit": "min",
        "sourceName": WATCH,
        "sourceVersion": "11.4",
        "creationDate": at(end),
        "startDate": at(start),
        "endDate": at(end),
    }
    span = {"startDate": at(start), "endDate": at(end)}
    parts = metadata(HKTimeZone=ZONE, HKIndoorWorkout=0)
    distance = {"type": f"{QUANTITY}DistanceWalkingRunning", **span, "sum": metres / 1000, "unit": "km"}
    parts += f"  <WorkoutStatistics{attributes(distance)}/>\n"
    if heart_rate:
        beats = {"type": f"{QUANTITY}HeartRate", **span, "average": 140, "minimum": 90, "maximum": 171}
        parts += f"  <WorkoutStatistics{attributes({**beats, 'unit': 'count/min'})}/>\n"
    if route:
        parts += f'  <WorkoutRoute sourceName="{WATCH}"{attributes(span)}>\n   <FileReference path="{route}"/>\n'
        parts += "  </WorkoutRoute>\n"
    return f" <Workout{attributes(told)}>\n{parts}{inner} </Workout>\n"


def gpx(start: datetime, points: int = 30) -> bytes:
    track = "".join(
        f'<trkpt lon="{16.37 + i / 10000:.6f}" lat="{48.2 + i / 20000:.6f}"><ele>{170 + i / 10:.2f}</ele>'
        f"<time>{(start + timedelta(seconds=i)):%Y-%m-%dT%H:%M:%SZ}</time>"
        f"<extensions><speed>{3 + i / 100:.3f}</speed><course>90.0</course><hAcc>2.0</hAcc><vAcc>3.0</vAcc>"
        "</extensions></trkpt>\n"
        for i in range(points)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<gpx version="1.1" creator="Apple Health Export" '
        f'xmlns="http://www.topografix.com/GPX/1/1"><trk><name>Route</name><trkseg>{track}</trkseg></trk></gpx>'
    ).encode()


def export(*elements: str, date: datetime = datetime(2026, 4, 1, 9, tzinfo=UTC), version: int = 14) -> bytes:
    """The XML of an export that was made on that date."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE HealthData [\n'
        f"<!-- HealthKit Export Version: {version} -->\n"
        "<!ELEMENT HealthData (ExportDate,Me,(Record|Workout)*)>\n]>\n"
        f'<HealthData locale="de_AT">\n <ExportDate value="{at(date)}"/>\n'
        ' <Me HKCharacteristicTypeIdentifierDateOfBirth="1990-05-04"/>\n' + "".join(elements) + "</HealthData>\n"
    ).encode()


def zipped(xml: bytes, files: Mapping[str, bytes] | None = None, *, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """export.zip with these files beside the XML, by their path in the export's folder."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for path, data in {"export.xml": xml, **(files or {})}.items():
            # Equal content is equal bytes: no clock in it.
            member = zipfile.ZipInfo(f"apple_health_export/{path}", (2026, 4, 1, 9, 0, 0))
            archive.writestr(member, data, compression)
    return target.getvalue()


def a_month(first: datetime = DAY, days: int = 30) -> str:
    """A month of somebody: pulse, steps of watch and phone, nights, rings, and a run with its route every third day."""
    told = ""
    for number in range(days):
        day = first + timedelta(days=number)
        told += pulse(day + timedelta(hours=8), *range(60, 80), every_s=600)
        told += steps(day + timedelta(hours=7), 400, seconds=600)
        told += steps(day + timedelta(hours=7), 380, seconds=600, source=PHONE)
        told += steps(day + timedelta(hours=18), 250, seconds=600, source=PHONE)
        told += night(day + timedelta(hours=22))
        told += rings(f"{day:%Y-%m-%d}")
        if number % 3 == 0:
            start = day + timedelta(hours=17)
            told += pulse(start, *range(120, 150)) + workout(start, route=route_of(start))
    return told + pressure(first)


def route_of(start: datetime) -> str:
    return f"/workout-routes/route_{start:%Y-%m-%d}.gpx"


def routes_of_a_month(first: datetime = DAY, days: int = 30) -> dict[str, bytes]:
    starts = [first + timedelta(days=number, hours=17) for number in range(0, days, 3)]
    return {route_of(start).lstrip("/"): gpx(start) for start in starts}


# --- what an account holds ------------------------------------------------------------------

NO_FACTS = {"id", "pk", "user", "raw", "activity", "primary", "parent", "device", "import_file", "fetched_at"}


def facts(row: Any, **more: Any) -> dict[str, Any]:
    return {**{name: value for name, value in model_to_dict(row).items() if name not in NO_FACTS}, **more}


def everything(user: User) -> dict[str, Any]:
    """All that the user's account holds, without ids and clocks: two accounts that hold the same compare equal."""
    hashes = dict(RawRecord.objects.filter(user=user).values_list("pk", "sha256"))
    return {
        # Without stated_at, which is that of the first sighting: the sightings tell all of them.
        "raw": sorted(
            (it.provider, it.kind, it.external_id, it.sha256, it.size_bytes, it.content_type)
            for it in RawRecord.objects.filter(user=user)
        ),
        "payloads": sorted({read_raw(user.pk, it.sha256) for it in RawRecord.objects.filter(user=user)}),
        "sightings": sorted(RawSighting.objects.filter(user=user).values_list("raw__sha256", "stated_at")),
        "readings": sorted(Reading.objects.filter(user=user).values_list("raw__sha256", "mapping_version", "problem")),
        "sources": [
            facts(it, raw=it.raw.sha256, parent=it.parent and it.parent.external_id)
            for it in SourceActivity.objects.filter(user=user).order_by("provider", "external_id")
        ],
        "streams": [
            stream_store().read(it.streams_key)
            for it in SourceActivity.objects.filter(user=user).exclude(streams_sha256="").order_by("external_id")
        ],
        "activities": [
            facts(it, primary=it.primary and it.primary.external_id)
            for it in Activity.objects.filter(user=user).order_by("start_time", "primary__external_id")
        ],
        "devices": [facts(it) for it in Device.objects.filter(user=user).order_by("provider", "key")],
        "sleep": [
            facts(it, device=it.device and it.device.key)
            for it in SleepSession.objects.filter(user=user).order_by("provider", "external_id")
        ],
        "days": [
            facts(it, device=it.device and it.device.key)
            for it in DailyMetric.objects.filter(user=user).order_by("provider", "metric", "date")
        ],
        "samples": {
            metric: samples(user, metric, DAY - timedelta(days=9999), DAY + timedelta(days=9999))
            .drop_columns(["device_id"])
            .to_pylist()
            for metric in sorted(set(SampleChunk.objects.filter(user=user).values_list("metric", flat=True)))
        },
        "chunks": [
            {
                "device": it.device.key,
                "told by": [sorted(hashes[pk] for pk in members) for members in it.origins],
                **{
                    name: getattr(it, name)
                    for name in ("metric", "period", "start", "sha256", "rows", "first_at", "last_at")
                },
                "bytes": stream_store().read(it.storage_key),
            }
            for it in SampleChunk.objects.filter(user=user)
            .select_related("device")
            .order_by("device__key", "metric", "start", "period")
        ],
    }


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """Where two accounts differ, briefly: a whole life in two versions is more than a person can compare."""
    told = []
    for name in one.keys() | other.keys():
        here, there = one.get(name), other.get(name)
        if here == there:
            continue
        if isinstance(here, list) and isinstance(there, list):
            only_here = [str(it)[:900] for it in here if it not in there][:2]
            only_there = [str(it)[:900] for it in there if it not in here][:2]
            told.append(f"{name}: {len(here)} and {len(there)}; only here {only_here}; only there {only_there}")
        else:
            told.append(f"{name}: {str(here)[:900]} and {str(there)[:900]}")
    return sorted(told)
