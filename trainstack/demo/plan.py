"""What she does on a day: a function of the date, so that two exports agree on every day that both tell.

Weeks come in fours, three that build and one that rests. Every year holds a week of illness in winter, a training camp
on an island in March, a holiday in the far east in October, three triathlons and a half-marathon.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache

from trainstack.demo.athlete import FAR_EAST, HOME, ISLAND, Place, dice

EPOCH = date(2020, 1, 6)
MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY = range(7)
WEEKS = (0.88, 1.0, 1.13, 0.66)

# Kinds, with the hour on the wall and the minutes of each.
Wanted = Sequence[tuple[str, float, float]]
CAMP: Mapping[int, Wanted] = {
    MONDAY: [("ride", 9.3, 150)],
    TUESDAY: [("ride", 9.2, 185), ("swim", 17.0, 40)],
    WEDNESDAY: [("easy_run", 8.2, 50), ("yoga", 18.5, 30)],
    THURSDAY: [("ride", 9.1, 215)],
    FRIDAY: [("tempo_run", 8.3, 55), ("swim", 16.5, 50)],
    SATURDAY: [("ride", 9.0, 240)],
    SUNDAY: [("long_run", 8.5, 90)],
}
HOLIDAY: Mapping[int, Wanted] = {
    TUESDAY: [("easy_run", 6.4, 40)],
    WEDNESDAY: [("hike", 9.2, 210)],
    THURSDAY: [("walk", 10.5, 75)],
    FRIDAY: [("easy_run", 6.5, 45)],
    SATURDAY: [("hike", 8.8, 290)],
    SUNDAY: [("yoga", 7.5, 25)],
}

# How hard each kind is, as a share of the threshold.
INTENSITY = {
    "easy_run": 0.76, "long_run": 0.78, "tempo_run": 0.88, "interval_run": 0.86, "race_run": 0.97, "treadmill": 0.77,
    "ride": 0.70, "indoor_ride": 0.78, "swim": 0.74, "strength": 0.50, "yoga": 0.32, "hike": 0.52, "walk": 0.38,
    "triathlon": 0.93,
}  # fmt: skip


@dataclass(frozen=True)
class Session:
    """One thing she means to do; `start` is in seconds since 1970 and `dense` says whether much of it is recorded."""

    day: date
    kind: str
    start: float
    minutes: float
    place: Place
    dense: bool = False


@dataclass(frozen=True)
class Day:
    day: date
    place: Place
    is_ill: bool
    sessions: tuple[Session, ...]

    @property
    def load(self) -> float:
        """Hours, weighed by how hard they were."""
        return sum(session.minutes / 60 * INTENSITY[session.kind] ** 2 for session in self.sessions)


def instant(day: date, hour: float, place: Place) -> float:
    """Seconds since 1970 of an hour on the wall of a place, to the whole second."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=place.zone)
    # Adding to an aware time moves the hands of the clock on the wall.
    return float(math.floor((midnight + timedelta(hours=hour)).timestamp()))


def week_of(year: int, week: int) -> date:
    """The Monday of an ISO week."""
    return date.fromisocalendar(year, week, 1)


@cache
def illness_of(year: int) -> tuple[date, date]:
    """First and last day in bed."""
    chance = dice(date(year, 1, 1), "illness")
    first = week_of(year, 5) + timedelta(days=int(chance.integers(0, 26)))
    return first, first + timedelta(days=int(chance.integers(5, 8)))


def is_ill(day: date) -> bool:
    first, last = illness_of(day.year)
    return first <= day <= last


def place_of(day: date) -> Place:
    """Where she wakes up."""
    camp = week_of(day.year, 12)
    holiday = week_of(day.year, 41)
    if camp <= day <= camp + timedelta(days=8):
        return ISLAND
    if holiday <= day <= holiday + timedelta(days=11):
        return FAR_EAST
    return HOME


def race_of(day: date) -> str:
    """The race of the day, or nothing."""
    if day.weekday() == SUNDAY:
        week = day.isocalendar().week
        if week in (24, 28, 34):
            return "triathlon"
        if week == 19:
            return "race_run"
    return ""


def season(day: date) -> float:
    """How much she trains at this time of the year: least about New Year, most in early summer."""
    return 0.94 - 0.2 * math.cos(2 * math.pi * (day.timetuple().tm_yday - 5) / 365.25)


@cache
def day_of(day: date) -> Day:
    """What she does on that day."""
    place = place_of(day)
    if is_ill(day):
        return Day(day, place, True, ())
    if place_of(day + timedelta(days=1)) is not place or place_of(day - timedelta(days=1)) is not place:
        return Day(day, place, False, ())  # on the way
    chance = dice(day, "plan")
    load = season(day) * WEEKS[(day - EPOCH).days // 7 % 4]
    wanted = _wanted(day, place, load)
    sessions = []
    for kind, hour, minutes in wanted:
        skipped = chance.random() < 0.2 and kind not in ("triathlon", "race_run")
        length = minutes * float(chance.normal(1, 0.07))
        start = instant(day, hour + float(chance.normal(0, 0.12)), place)
        if not skipped:
            dense = bool(race_of(day)) or (kind == "interval_run" and day.toordinal() % 3 == 0)
            sessions.append(Session(day, kind, start, length, place, dense))
    return Day(day, place, False, tuple(sessions))


def _wanted(day: date, place: Place, load: float) -> Wanted:
    """What the week asks for on that day."""
    race = race_of(day)
    weekday = day.weekday()
    week = (day - EPOCH).days // 7
    winter = day.month in (11, 12, 1, 2)
    if race:
        return [(race, 9.0, 105 if race == "race_run" else 165)]
    if race_of(day + timedelta(days=1)):
        return [("easy_run", 9.5, 22)]
    if place is ISLAND:
        return CAMP[weekday]
    if place is FAR_EAST:
        return HOLIDAY.get(weekday, [("walk", 16.0, 55)])
    ride = ("indoor_ride", 17.8, 62 * load) if winter else ("ride", 9.4, 150 * load)
    usual: Mapping[int, Wanted] = {
        MONDAY: [("strength", 18.2, 46)] if week % 2 else [("yoga", 19.2, 32)] if week % 4 else [],
        TUESDAY: [("interval_run", 17.9, 58 * load)],
        WEDNESDAY: [("swim", 6.7, 46 * load)],
        THURSDAY: [("treadmill" if winter and week % 3 == 0 else "easy_run", 17.8, 50 * load)],
        FRIDAY: [("tempo_run", 6.6, 48 * load)] if week % 3 == 1 else [],
        SATURDAY: [("hike", 9.2, 235)] if week % 5 == 2 and not winter else [ride],
        SUNDAY: [("long_run", 9.3, 92 * load)],
    }
    return usual[weekday]
