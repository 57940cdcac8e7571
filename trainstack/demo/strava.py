"""Her Strava archive: what the watch and the bike computer uploaded by themselves, with the names that she gave it.

Rides come from the computer, runs and hikes from the watch, and a class on the turbo trainer was typed in by hand.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import numpy as np

from trainstack.demo.athlete import dice
from trainstack.demo.body import bodies
from trainstack.demo.plan import Session, day_of
from trainstack.demo.rides import SERIAL, ride_of
from trainstack.demo.sessions import Leg, record
from trainstack.demo.workouts import ascent

# The columns as the archive heads them; the first "Distance" is in kilometres, the second in metres.
COLUMNS = (
    "Activity ID", "Activity Date", "Activity Name", "Activity Type", "Activity Description", "Elapsed Time",
    "Distance", "Max Heart Rate", "Relative Effort", "Commute", "Activity Private Note", "Activity Gear", "Filename",
    "Athlete Weight", "Bike Weight", "Elapsed Time", "Moving Time", "Distance", "Max Speed", "Average Speed",
    "Elevation Gain", "Elevation Loss", "Elevation Low", "Elevation High", "Max Grade", "Average Grade",
    "Max Cadence", "Average Cadence", "Max Heart Rate", "Average Heart Rate", "Max Watts", "Average Watts", "Calories",
)  # fmt: skip
TYPES = {
    "ride": "Ride", "indoor_ride": "Ride", "hike": "Hike", "easy_run": "Run", "long_run": "Run", "tempo_run": "Run",
    "interval_run": "Run", "race_run": "Run",
}  # fmt: skip
NAMES = {
    "ride": ("Over the hills", "Coffee ride", "Loop by the vineyards", "Long one before the rain"),
    "indoor_ride": ("Turbo class", "Sweet spot in the cellar"),
    "hike": ("Up to the tower", "Ridge walk with Ada"),
    "easy_run": ("Easy does it", "Legs of lead", "Round the meadows"),
    "long_run": ("Sunday long run", "River and back"),
    "tempo_run": ("Tempo before breakfast",),
    "interval_run": ("Repeats", "Track Tuesday"),
    "race_run": ("Half-marathon!",),
}
GEAR = {"Ride": "Blue Gravel", "Run": "Yellow shoes", "Hike": ""}
FIRST_ID = 10_400_000_000
EVERY_S = 3


@dataclass(frozen=True)
class Entry:
    """One line of activities.csv, and its file where it has one."""

    row: dict[int, str]
    name: str
    data: bytes


def write_archive(path: Path, *, day: date, first: date) -> None:
    """The archive as it was asked for on that day's morning."""
    entries = list(entries_of(first, day))
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(COLUMNS)
    for entry in entries:
        writer.writerow([entry.row.get(number, "") for number in range(len(COLUMNS))])
    with ZipFile(path, "w", ZIP_STORED) as archive:
        archive.writestr(_info("activities.csv", day), table.getvalue())
        archive.writestr(_info("profile.csv", day), "First Name,Last Name\nLena,Brandt\n")
        for entry in entries:
            if entry.name:
                archive.writestr(_info(entry.name, day), entry.data)


def _info(name: str, day: date) -> ZipInfo:
    return ZipInfo(name, date_time=day.timetuple()[:6])


def entries_of(first: date, day: date) -> Iterator[Entry]:
    """What was uploaded from the first day up to the morning of the last one."""
    for when, body in bodies(first, day).items():
        for session in day_of(when).sessions if when < day else ():
            if session.kind not in TYPES or was_forgotten(session):
                continue
            number = FIRST_ID + int(session.start) % 1_000_000_000
            if session.kind == "ride":
                ride = ride_of(session, body)
                yield _entry(
                    session, number, f"activities/{number}.fit.gz", gzip.compress(ride.file(SERIAL), mtime=0),
                    start=ride.start, elapsed_s=float(ride.time_s[-1]), distance_m=float(ride.distance_m[-1]),
                    heart=ride.heart_rate, climbed=ride.climbed_m,
                )  # fmt: skip
                continue
            [leg] = record(session, body).legs
            has_track = leg.route is not None
            yield _entry(
                session, number, f"activities/{number}.gpx.gz" if has_track else "",
                gzip.compress(gpx(session, leg), mtime=0) if has_track else b"",
                start=leg.start, elapsed_s=leg.elapsed_s, heart=leg.heart_rate, climbed=ascent(leg),
                distance_m=0.0 if leg.distance_m is None else float(leg.distance_m[-1]),
            )  # fmt: skip


def was_forgotten(session: Session) -> bool:
    """Now and then the upload failed and nobody noticed."""
    return bool(dice(session.day, "upload " + session.kind).random() < 0.06)


def title(session: Session) -> str:
    names = NAMES[session.kind]
    return names[session.day.toordinal() % len(names)]


def _entry(
    session: Session, number: int, name: str, data: bytes, *, start: float, elapsed_s: float, distance_m: float,
    heart: np.ndarray, climbed: float,
) -> Entry:  # fmt: skip
    at = datetime.fromtimestamp(start, UTC)
    kind = TYPES[session.kind]
    row = {
        0: str(number),
        # Of the archive's own making: English months, twelve hours, UTC.
        1: f"{at:%b} {at.day}, {at.year}, {at.hour % 12 or 12}:{at:%M:%S} {'AM' if at.hour < 12 else 'PM'}",
        2: title(session), 3: kind, 5: f"{elapsed_s:.0f}", 6: f"{distance_m / 1000:.2f}", 7: f"{heart.max():.0f}",
        9: "false", 11: GEAR[kind], 12: name, 15: f"{elapsed_s:.1f}", 17: f"{distance_m:.1f}",
        20: f"{climbed:.1f}", 28: f"{heart.max():.1f}", 29: f"{heart.mean():.2f}",
    }  # fmt: skip
    return Entry(row, name, data)


def gpx(session: Session, leg: Leg) -> bytes:
    """The track of a run or a hike as Strava writes down what a watch sent."""
    assert leg.route is not None
    assert leg.distance_m is not None
    times = np.arange(0.0, leg.elapsed_s + 1, EVERY_S)
    for first, lasts in leg.pauses:
        times = times[(times <= first) | (times >= first + lasts)]
    way = np.interp(times, leg.time_s, leg.distance_m)
    latitude, longitude, altitude = (
        np.interp(way, leg.route.distance_m, column).tolist()
        for column in (leg.route.latitude, leg.route.longitude, leg.route.altitude_m)
    )
    pulse = np.rint(np.interp(times, leg.time_s, leg.heart_rate)).astype(int).tolist()
    clock = np.datetime_as_string((leg.start + times).astype("datetime64[s]")).tolist()
    points = "".join(
        f'   <trkpt lat="{lat:.7f}" lon="{lon:.7f}">\n    <ele>{ele:.1f}</ele>\n    <time>{time}Z</time>\n'
        f"    <extensions>\n     <gpxtpx:TrackPointExtension>\n      <gpxtpx:hr>{beats}</gpxtpx:hr>\n"
        "     </gpxtpx:TrackPointExtension>\n    </extensions>\n   </trkpt>\n"
        for lat, lon, ele, time, beats in zip(latitude, longitude, altitude, clock, pulse, strict=True)
    )
    kind = "hiking" if session.kind == "hike" else "running"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<gpx creator="StravaGPX" version="1.1" xmlns="http://www.topografix.com/GPX/1/1"'
        ' xmlns:gpxtpx="http://www.garmin.com/xmlschemas/TrackPointExtension/v1">\n'
        f" <metadata>\n  <time>{clock[0]}Z</time>\n </metadata>\n"
        f" <trk>\n  <name>{title(session)}</name>\n  <type>{kind}</type>\n  <trkseg>\n{points}"
        "  </trkseg>\n </trk>\n</gpx>\n"
    ).encode()
