"""The demo athlete: who she is, where she trains, and what she carries. Invented from head to toe."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np

SEED = 20_170_613


def dice(day: date, what: str) -> np.random.Generator:
    """Chance for one thing on one day: a function of the day alone, so that every export tells the same of it."""
    return np.random.default_rng([SEED, day.toordinal(), zlib.crc32(what.encode())])


@dataclass(frozen=True)
class Place:
    """Where she trains: a start, how hilly it is around it, and the clock on the wall."""

    name: str
    zone: ZoneInfo
    latitude: float
    longitude: float
    altitude_m: float
    relief_m: float
    seed: int


HOME = Place("home", ZoneInfo("Europe/Berlin"), 48.0064, 7.8837, 285.0, 330.0, 11)
ISLAND = Place("island", ZoneInfo("Atlantic/Canary"), 28.0936, -16.6842, 220.0, 430.0, 23)
FAR_EAST = Place("far east", ZoneInfo("Asia/Tokyo"), 35.2417, 139.0213, 640.0, 260.0, 37)


@dataclass(frozen=True)
class Athlete:
    name: str
    birthday: date
    max_heart_rate_bpm: float
    threshold_speed_mps: float
    ftp_w: float
    swim_speed_mps: float


ATHLETE = Athlete("Lena Brandt", date(1989, 4, 17), 189.0, 3.72, 232.0, 0.93)


@dataclass(frozen=True)
class Source:
    """What told a sample. A device's software is that of the day; an app has no device string."""

    name: str
    model: str = ""
    hardware: str = ""


# The watch's name has a typographic apostrophe and a no-break space, as phones set them.
WATCH = Source("Lena\u2019s Apple\u00a0Watch", "Watch", "Watch7,4")
PHONE = Source("Lena\u2019s iPhone", "iPhone", "iPhone16,1")
SCALE = Source("Bathroom Scale")
BREATH = Source("Slow Breath")
APP_VERSION = "4.2.1"


def software(source: Source, day: date) -> str:
    """The version that ran on that day: a major one each September, a minor one every seven weeks."""
    if not source.model:
        return APP_VERSION
    autumn = day.year if day >= date(day.year, 9, 15) else day.year - 1
    # From 2025 on both systems are numbered by the year to come.
    major = autumn - 1999 if autumn >= 2025 else autumn - (2006 if source is PHONE else 2013)
    return f"{major}.{(day - date(autumn, 9, 15)).days // 49}"
