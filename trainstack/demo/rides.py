"""The bike computer on her handlebar: the same rides as the watch tells, by another clock, barometer and thumb."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import numpy as np

from trainstack.demo.athlete import dice
from trainstack.demo.body import Body, bodies
from trainstack.demo.everyday import outside
from trainstack.demo.fit import Ride
from trainstack.demo.plan import Session, day_of
from trainstack.demo.sessions import Leg, record, wobble

SERIAL = 740_112_358
EVERY_S = 4
# She changes the computer's clock a few days after everybody else's was changed.
SLOW_TO_CHANGE_DAYS = 7


def rides_of(first: date, last: date) -> Iterator[tuple[Session, Ride]]:
    """Every ride that began on one of these days, as the computer has it."""
    for day, body in bodies(first, last).items():
        for session in day_of(day).sessions:
            if session.kind in ("ride", "indoor_ride"):
                yield session, ride_of(session, body)


def ride_of(session: Session, body: Body) -> Ride:
    """The session as the computer recorded it."""
    [leg] = record(session, body).legs
    chance = dice(session.day, "bike computer")
    # She presses start before she mounts or at the first crossroads, and stop when she thinks of it.
    early, late = float(chance.uniform(-70, 45)), float(chance.uniform(5, 90))
    if chance.random() < 0.04:
        late += 0.16 * leg.elapsed_s  # it ran on through the coffee
    time_s = np.arange(0.0, math.floor(leg.elapsed_s - early + late), EVERY_S)
    still = [(first - early, lasts) for first, lasts in leg.pauses]
    time_s = time_s[outside(time_s, [(at, at + lasts) for at, lasts in still])]
    at = np.clip(time_s + early, leg.time_s[0], leg.time_s[-1])
    return _told(session, leg, early, time_s, at, tuple((round(first), round(lasts)) for first, lasts in still))


def _told(session: Session, leg: Leg, early: float, time_s: np.ndarray, at: np.ndarray, still: tuple) -> Ride:
    assert leg.power is not None
    assert leg.cadence is not None
    chance = dice(session.day, "bike computer's eyes")
    moving = (time_s + early >= leg.time_s[0]) & (time_s + early <= leg.time_s[-1])
    count = len(time_s)
    track = None
    if leg.route is None or leg.distance_m is None:
        speed = np.where(moving, 8.4 + wobble(count, chance, 0.3, 8), 0)
        distance = np.cumsum(speed) * EVERY_S
    else:
        way = np.interp(at, leg.time_s, leg.distance_m)
        speed = np.where(moving, np.interp(at, leg.time_s, leg.speed), 0)
        # A wheel's circumference that is set a trifle too large.
        distance = np.maximum.accumulate(way - way[0]) * 1.004
        track = (
            np.interp(way, leg.route.distance_m, leg.route.latitude) + wobble(count, chance, 8e-6, 9),
            np.interp(way, leg.route.distance_m, leg.route.longitude) + wobble(count, chance, 8e-6, 9),
            np.interp(way, leg.route.distance_m, leg.route.altitude_m) + 4 + wobble(count, chance, 0.2, 20),
        )
    power = np.where(moving, np.interp(at, leg.time_s, leg.power) + 3 + wobble(count, chance, 5, 2), 0).clip(0)
    return Ride(
        start=math.floor(leg.start + early) + _clock_fault(session),
        utc_offset_s=_offset(session),
        time_s=time_s,
        track=track,
        distance_m=distance,
        speed_mps=speed,
        heart_rate=np.interp(at, leg.time_s, leg.heart_rate),
        cadence=np.where(power > 0, np.interp(at, leg.time_s, leg.cadence), 0),
        power=power,
        kcal=float(leg.active_kcal[-1]) * 1.06,
        pauses=still,
    )


def _offset(session: Session) -> int:
    offset = datetime.fromtimestamp(session.start, session.place.zone).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())


def _clock_fault(session: Session) -> int:
    """Seconds by which the computer's clock is wrong: an hour, for some days after the clocks were changed."""
    now = _offset(session)
    before = datetime.fromtimestamp(session.start - SLOW_TO_CHANGE_DAYS * 86_400, session.place.zone).utcoffset()
    assert before is not None
    return now - int(before.total_seconds())


def file_name(ride: Ride) -> str:
    """`2026-06-06-072214-ELEMNT.fit`, by the computer's own clock."""
    return f"{datetime.fromtimestamp(ride.start, UTC):%Y-%m-%d-%H%M%S}-ELEMNT.fit"


def write_folder(path: Path, *, day: date, first: date) -> None:
    """The computer's folder of files up to that day's morning, as one zip."""
    with ZipFile(path, "w", ZIP_STORED) as archive:
        for session, ride in rides_of(first, day):
            if session.day < day:
                info = ZipInfo(f"ELEMNT/{file_name(ride)}", date_time=day.timetuple()[:6])
                archive.writestr(info, ride.file(SERIAL))
