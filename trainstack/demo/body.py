"""Her body day by day, as training, rest, illness and the seasons leave it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta

from trainstack.demo.athlete import dice
from trainstack.demo.plan import EPOCH, day_of, is_ill

# A usual day's load of hers, in which fitness and fatigue are told.
USUAL_LOAD = 0.5


@dataclass(frozen=True)
class Body:
    """One day's figures; `fitness` is about 1, `freshness` about 0 and negative when tired."""

    fitness: float
    freshness: float
    is_ill: bool
    resting_heart_rate_bpm: float
    hrv_sdnn_ms: float
    respiratory_rate: float
    oxygen_ratio: float
    wrist_temperature_c: float
    vo2max: float
    weight_kg: float
    body_fat_ratio: float
    sleep_need_h: float


def bodies(first: date, last: date) -> dict[date, Body]:
    """Her body on every day from first to last. Counted from the epoch on, so that no day depends on the window."""
    chronic = acute = USUAL_LOAD
    fever = 0.0
    told = {}
    day = EPOCH
    while day <= last:
        if day >= first:
            told[day] = _body(day, chronic / USUAL_LOAD, (chronic - acute) / USUAL_LOAD, fever)
        load = day_of(day).load
        chronic += (load - chronic) / 42
        acute += (load - acute) / 7
        fever = 0.55 * fever + 0.45 * is_ill(day)
        day += timedelta(days=1)
    return told


def _body(day: date, fitness: float, freshness: float, fever: float) -> Body:
    chance = dice(day, "body")
    noise = chance.normal(0, 1, 8).tolist()
    # Warm nights and the second half of a month-long cycle raise the skin's temperature a little.
    summer = -math.cos(2 * math.pi * (day.timetuple().tm_yday - 15) / 365.25)
    winter = math.cos(2 * math.pi * day.timetuple().tm_yday / 365.25)
    cycle = math.sin(2 * math.pi * (day.toordinal() % 29) / 29)
    return Body(
        fitness=fitness,
        freshness=freshness,
        is_ill=is_ill(day),
        resting_heart_rate_bpm=round(57 - 8 * (fitness - 0.6) - 2.5 * freshness + 10 * fever + noise[0]),
        hrv_sdnn_ms=max(16.0, (54 + 20 * (fitness - 0.6) + 9 * freshness) * math.exp(0.13 * noise[1]) - 22 * fever),
        respiratory_rate=14.1 + 0.3 * cycle + 2.4 * fever + 0.35 * noise[2],
        oxygen_ratio=min(0.995, 0.968 - 0.012 * fever + 0.005 * noise[3]),
        wrist_temperature_c=35.7 + 0.18 * summer + 0.14 * cycle + 1.15 * fever + 0.12 * noise[4],
        vo2max=44.6 + 6.2 * (fitness - 0.6) + 0.3 * noise[5],
        weight_kg=62.9 - 1.9 * (fitness - 1) - 0.7 * summer - 1.0 * fever + 0.32 * noise[6],
        body_fat_ratio=0.213 - 0.02 * (fitness - 1) - 0.006 * summer + 0.003 * noise[7],
        sleep_need_h=7.45 - 0.35 * freshness + 1.3 * fever + 0.25 * winter,
    )
