"""Archives of our own making: files, a Strava account and a Garmin account of some days, in the makers' shapes."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.factories.fit import activity_fit

START = datetime(2026, 5, 2, 7, 30, tzinfo=UTC)
WAHOO, BRYTON, GARMIN = 32, 267, 1
STRAVA_HEADER = (
    "Activity ID,Activity Date,Activity Name,Activity Type,Activity Description,Elapsed Time,Distance,Max Heart Rate,"
    "Relative Effort,Commute,Activity Private Note,Activity Gear,Filename,Athlete Weight,Bike Weight,Elapsed Time,"
    "Moving Time,Distance\n"
)


def zipped(members: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip without a clock in it: equal members, equal bytes."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for path, data in members.items():
            archive.writestr(zipfile.ZipInfo(path, (2026, 5, 2, 9, 0, 0)), data, compression)
    return target.getvalue()


def gz(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def ride(day: int = 0, *, manufacturer: int = WAHOO, points: int = 30, **more: Any) -> bytes:
    """A ride's FIT file, so many days after START."""
    return activity_fit(START + timedelta(days=day), manufacturer=manufacturer, product=None, points=points, **more)


def tcx(day: int = 0, *, creator: str = "") -> bytes:
    start = START + timedelta(days=day)
    points = "".join(
        f"<Trackpoint><Time>{start + timedelta(seconds=second):%Y-%m-%dT%H:%M:%SZ}</Time>"
        f"<DistanceMeters>{second * 3}.0</DistanceMeters><HeartRateBpm><Value>{130 + second % 7}</Value></HeartRateBpm>"
        "</Trackpoint>"
        for second in range(0, 60, 5)
    )
    told = f'<Creator xsi:type="Device_t"><Name>{creator}</Name></Creator>' if creator else ""
    return (
        '<?xml version="1.0"?><TrainingCenterDatabase '
        'xmlns="http://www.garmin.com/xmlschemas/TrainingCenterDatabase/v2" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><Activities><Activity Sport="Running">'
        f'<Id>{start:%Y-%m-%dT%H:%M:%SZ}</Id><Lap StartTime="{start:%Y-%m-%dT%H:%M:%SZ}">'
        "<TotalTimeSeconds>55</TotalTimeSeconds><DistanceMeters>165</DistanceMeters><Calories>9</Calories>"
        f"<Track>{points}</Track></Lap>{told}</Activity></Activities></TrainingCenterDatabase>"
    ).encode()


def strava_row(external_id: int, day: int, name: str, *, kind: str = "Ride", file: str = "", gear: str = "") -> str:
    moment = START + timedelta(days=day)
    date = f"{moment:%b} {moment.day}, {moment.year}, {moment:%I:%M:%S} {moment:%p}"
    return f'{external_id},"{date}",{name},{kind},,29,0.15,,,false,,{gear},{file},,,29.0,29.0,145.0\n'


def strava(rows: str, files: Mapping[str, bytes] | None = None) -> bytes:
    return zipped({"activities.csv": (STRAVA_HEADER + rows).encode(), "profile.csv": b"Name\nKim\n", **(files or {})})


def garmin_summary(activity_id: int, day: int, name: str, **more: Any) -> dict[str, Any]:
    start = START + timedelta(days=day)
    return {
        "activityId": activity_id,
        "name": name,
        "activityType": "road_biking",
        "startTimeGmt": start.timestamp() * 1000,
        "startTimeLocal": (start + timedelta(hours=2)).timestamp() * 1000,
        "duration": 29_000.0,
        "distance": 14_500.0,
        **more,
    }


def garmin_night(day: int, *, deep_s: int = 5400) -> dict[str, Any]:
    end = START.replace(hour=5, minute=0) + timedelta(days=day)
    return {
        "sleepStartTimestampGMT": f"{end - timedelta(hours=8):%Y-%m-%dT%H:%M:%S}.0",
        "sleepEndTimestampGMT": f"{end:%Y-%m-%dT%H:%M:%S}.0",
        "calendarDate": f"{end:%Y-%m-%d}",
        "deepSleepSeconds": deep_s,
        "lightSleepSeconds": 15_000,
        "remSleepSeconds": 6000,
        "awakeSleepSeconds": 600,
        "sleepScores": {"overallScore": 81},
    }


def garmin_day(day: int, steps: int = 9000) -> dict[str, Any]:
    date = START + timedelta(days=day)
    return {"calendarDate": f"{date:%Y-%m-%d}", "totalSteps": steps, "restingHeartRate": 47}


def garmin(**parts: Any) -> bytes:
    return zipped(garmin_members(**parts))


def garmin_members(
    *,
    summaries: list[dict[str, Any]] | None = None,
    files: Mapping[str, bytes] | None = None,
    nights: list[dict[str, Any]] | None = None,
    days: list[dict[str, Any]] | None = None,
    made: str = "2026-05-20",
) -> dict[str, bytes]:
    members = {
        "DI_CONNECT/DI-Connect-Fitness/kim_0_summarizedActivities.json": json.dumps(
            [{"summarizedActivitiesExport": summaries or []}]
        ).encode(),
        f"DI_CONNECT/DI-Connect-Wellness/2026-04-01_{made}_77_sleepData.json": json.dumps(nights or []).encode(),
        f"DI_CONNECT/DI-Connect-Aggregator/UDSFile_2026-04-01_{made}.json": json.dumps(days or []).encode(),
        "DI_CONNECT/DI-Connect-User/kim-social-profile.json": b"{}",
    }
    if files:
        members["DI_CONNECT/DI-Connect-Uploaded-Files/UploadedFiles_0-_Part1.zip"] = zipped(files, zipfile.ZIP_STORED)
    return members
