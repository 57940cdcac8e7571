"""One session as it would go: speed, power and heart rate over hills, with warm-up, repeats, fading and rests.

Everything is worked out on a grid of five seconds of movement; standing still is put in afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from trainstack.demo.athlete import ATHLETE, dice
from trainstack.demo.body import Body
from trainstack.demo.plan import Session
from trainstack.demo.routes import STEP_M, Route, lake, rounded, route_of

Floats = NDArray[np.float64]

GRID_S = 5.0
POOL_M = 25.0
RIDER_AND_BIKE_KG = 73.0


@dataclass(frozen=True)
class Length:
    """One length of the pool: when it began, how long it took, and the stroke as HealthKit numbers it."""

    start_s: float
    seconds: float
    stroke: int
    strokes: int


@dataclass(frozen=True, eq=False)
class Leg:
    """One stretch of one sport. Arrays have one value for each moment of `time_s`, in seconds from the leg's start."""

    kind: str
    start: float
    time_s: Floats
    heart_rate: Floats
    active_kcal: Floats
    distance_m: Floats | None = None
    power: Floats | None = None
    cadence: Floats | None = None
    route: Route | None = None
    pauses: tuple[tuple[float, float], ...] = ()
    lengths: tuple[Length, ...] = ()
    # First and last second of each repeat of a structured session.
    repeats: tuple[tuple[float, float], ...] = ()

    @property
    def elapsed_s(self) -> float:
        return math.ceil(self.time_s[-1])

    @property
    def end(self) -> float:
        return self.start + self.elapsed_s

    @property
    def moving_s(self) -> float:
        return self.elapsed_s - sum(seconds for _, seconds in self.pauses)

    @property
    def speed(self) -> Floats:
        """Metres a second; standing still does not count."""
        assert self.distance_m is not None
        return rounded(np.gradient(self.distance_m, moved(self.time_s, self.pauses)), 3)


@dataclass(frozen=True, eq=False)
class Recording:
    """What the watch would have recorded of a session."""

    session: Session
    legs: tuple[Leg, ...]
    indoor: bool = False
    # Beats that the heart loses in the first minute after the end; only after hard work.
    recovery_bpm: float | None = None
    weather: tuple[float, float] | None = field(default=None)

    @property
    def start(self) -> float:
        return self.legs[0].start

    @property
    def end(self) -> float:
        return self.legs[-1].end


def moved(time_s: Floats, pauses: Sequence[tuple[float, float]]) -> Floats:
    """Seconds of movement at these seconds of the clock."""
    still = np.zeros_like(time_s)
    for start, seconds in pauses:
        still += np.clip(time_s - start, 0, seconds)
    return time_s - still


def record(session: Session, body: Body) -> Recording:
    """The session as it goes with that day's body."""
    chance = dice(session.day, session.kind)
    warm = 11 - 10 * math.cos(2 * math.pi * (session.day.timetuple().tm_yday - 20) / 365.25)
    weather = (warm + float(chance.normal(0, 3)), float(np.clip(chance.normal(0.68, 0.14), 0.25, 0.99)))
    match session.kind:
        case "ride":
            legs: tuple[Leg, ...] = (ride(session, body, chance),)
        case "swim":
            legs = (swim(session, body, chance),)
        case "hike" | "walk":
            legs = (walk(session, body, chance),)
        case "indoor_ride" | "strength" | "yoga":
            legs = (indoors(session, body, chance),)
        case "triathlon":
            legs = triathlon(session, body, chance)
        case _:
            legs = (run(session, body, chance),)
    indoor = session.kind in ("indoor_ride", "treadmill", "strength", "yoga", "swim")
    hard = session.kind in ("interval_run", "tempo_run", "race_run", "triathlon", "indoor_ride")
    recovery = round(27 + 7 * (body.fitness - 1) + float(chance.normal(0, 3))) if hard else None
    return Recording(session, legs, indoor, recovery, None if indoor else weather)


# --- heart and noise ------------------------------------------------------------------------


def heart_rate(demand: Floats, body: Body, chance: np.random.Generator, *, lag_s: float = 32.0) -> Floats:
    """Beats a minute for a demand told as a share of the threshold's: the heart follows late, and drifts up."""
    steady = 0.14 + 0.76 * demand + 0.05 * np.linspace(0, 1, len(demand)) * min(1.0, len(demand) * GRID_S / 5_400)
    kernel = np.exp(-np.arange(0, 6 * lag_s, GRID_S) / lag_s)
    kernel /= kernel.sum()
    before = np.full(len(kernel), 0.24)
    followed = np.convolve(np.concatenate([before, steady]), kernel)[len(kernel) : len(kernel) + len(steady)]
    low = body.resting_heart_rate_bpm
    beats = low + (ATHLETE.max_heart_rate_bpm - low) * np.clip(followed, 0.08, 0.985)
    beats = beats + wobble(len(demand), chance, 1.6, 4) + float(chance.normal(0, 1.5))
    return np.minimum(beats, ATHLETE.max_heart_rate_bpm)


def wobble(count: int, chance: np.random.Generator, size: float, smooth: int) -> Floats:
    """Noise about zero that stays with itself for a few values."""
    noise = chance.normal(0, 1, count)
    if smooth < 2:
        return noise * size
    return rounded(noise, smooth) * size * math.sqrt(smooth)


def with_pauses(leg: Leg, pauses: Sequence[tuple[float, float]]) -> Leg:
    """The leg with stretches of standing still put in; told as (second of movement, seconds)."""
    time_s, still = leg.time_s, np.zeros_like(leg.time_s)
    told: list[tuple[float, float]] = []
    for at_s, seconds in sorted(pauses):
        told.append((round(at_s + sum(length for _, length in told)), round(seconds)))
        still = still + round(seconds) * (leg.time_s > at_s)
    return replace(leg, time_s=time_s + still, pauses=tuple(told))


def slope_at(route: Route, distance_m: Floats) -> Floats:
    return np.interp(distance_m, route.distance_m, rounded(np.gradient(route.altitude_m, STEP_M), 7))


# --- on foot --------------------------------------------------------------------------------


def run(session: Session, body: Body, chance: np.random.Generator, *, start: float | None = None) -> Leg:
    """A run of any kind, over a known loop that is about as long as wanted."""
    effort, repeats = efforts(session.kind, session.minutes, chance)
    pace = ATHLETE.threshold_speed_mps * (0.95 + 0.07 * (body.fitness - 0.6)) * (0.985 + 0.02 * body.freshness)
    speed = pace * effort * (1 + wobble(len(effort), chance, 0.02, 5))
    route = None
    if session.kind != "treadmill":
        route = route_of(session.place, "foot", float(speed.sum() * GRID_S), float(chance.random()))
        stretch = route.length_m / (speed.sum() * GRID_S)
        speed = np.interp(np.linspace(0, 1, round(len(speed) * stretch)), np.linspace(0, 1, len(speed)), speed)
        repeats = [(first * stretch, last * stretch) for first, last in repeats]
    distance = np.cumsum(speed) * GRID_S
    climb = np.zeros_like(speed)
    if route is not None:
        climb = slope_at(route, distance)
        distance = np.cumsum(speed * np.clip(1 - 2.6 * climb, 0.6, 1.2)) * GRID_S
        distance *= route.length_m / distance[-1]
    actual = np.gradient(distance, GRID_S)
    demand = actual * (1 + 4.2 * climb) / pace
    weight = body.weight_kg
    leg = Leg(
        kind="run",
        start=session.start if start is None else start,
        time_s=np.arange(1, len(distance) + 1, dtype=np.float64) * GRID_S,
        heart_rate=heart_rate(demand, body, chance),
        active_kcal=np.cumsum(weight * actual * (1 + 2 * climb.clip(-0.1)) * GRID_S / 1000 * 0.97),
        distance_m=distance,
        power=weight * 1.04 * actual * (1 + 3.2 * climb) + wobble(len(distance), chance, 4, 3),
        cadence=156 + 17 * np.clip(actual / pace, 0.5, 1.3) + wobble(len(distance), chance, 1.2, 4),
        route=route,
        repeats=tuple((round(first), round(last)) for first, last in repeats),
    )
    if start is None and session.kind in ("easy_run", "long_run") and chance.random() < 0.4:
        return with_pauses(leg, [(leg.time_s[-1] * float(chance.uniform(0.2, 0.8)), float(chance.uniform(18, 70)))])
    return leg


def efforts(kind: str, minutes: float, chance: np.random.Generator) -> tuple[Floats, list[tuple[float, float]]]:
    """The speed wanted on the grid, as a share of the threshold's, and the repeats in seconds."""
    blocks: list[tuple[float, float]] = {
        "easy_run": [(minutes, 0.765)], "treadmill": [(minutes, 0.775)], "race_run": [(minutes, 0.955)],
        "long_run": [(minutes * 0.7, 0.765), (minutes * 0.3, 0.80)],
        "tempo_run": [(12, 0.76), (max(16, minutes - 22), 0.93), (10, 0.74)],
    }.get(kind, [])  # fmt: skip
    repeats: list[tuple[float, float]] = []
    if not blocks:
        work, rest = [(3, 2), (4, 2.5), (2, 1.5), (5, 2.5)][int(chance.integers(4))]
        count = max(4, int((minutes - 24) // (work + rest)))
        blocks = [(14, 0.755)] + [(work, 1.06 - 0.012 * work), (rest, 0.63)] * count + [(9, 0.73)]
        repeats = [
            ((14 + number * (work + rest)) * 60, (14 + number * (work + rest) + work) * 60) for number in range(count)
        ]
    steps = np.concatenate([np.full(round(length * 60 / GRID_S), effort) for length, effort in blocks])
    fade = 1 - 0.02 * np.linspace(0, 1, len(steps)) ** 2
    return rounded(steps, 3) * fade, repeats


def walk(session: Session, body: Body, chance: np.random.Generator) -> Leg:
    """A hike or a walk: slow where it is steep, with a rest in the middle of long ones."""
    wanted = session.minutes * 60 * 1.22
    route = route_of(session.place, "foot", wanted, float(chance.random()))
    climb = rounded(np.gradient(route.altitude_m, STEP_M), 7)
    speed = (1.5 if session.kind == "walk" else 1.42) * np.exp(-2.4 * np.abs(climb + 0.03))
    speed *= 1 + wobble(len(speed), chance, 0.05, 9)
    clock = np.concatenate([[0.0], np.cumsum(STEP_M / speed[1:])])
    time_s = np.arange(GRID_S, clock[-1], GRID_S)
    distance = np.interp(time_s, clock, route.distance_m)
    here = np.interp(distance, route.distance_m, climb)
    leg = Leg(
        kind=session.kind,
        start=session.start,
        time_s=time_s,
        heart_rate=heart_rate(0.36 + 2.6 * here.clip(-0.03), body, chance, lag_s=45),
        active_kcal=np.cumsum(body.weight_kg * np.gradient(distance) / 1000 * (0.55 + 4 * here.clip(0))),
        distance_m=distance,
        cadence=108 + 6 * wobble(len(time_s), chance, 0.4, 6),
        route=route,
    )
    if session.kind == "hike":
        return with_pauses(leg, [(time_s[-1] * float(chance.uniform(0.4, 0.6)), float(chance.uniform(900, 2200)))])
    return leg


# --- on wheels ------------------------------------------------------------------------------


def ride(session: Session, body: Body, chance: np.random.Generator, *, start: float | None = None) -> Leg:
    """A ride outside: the power wanted, and the speed that it gives against slope, air and road."""
    share = 0.86 if start is not None else 0.665
    wanted = session.minutes * 60 * (7.9 if start is None else 9.2)
    route = route_of(session.place, "bike", wanted, float(chance.random()))
    climb = rounded(np.gradient(route.altitude_m, STEP_M), 9)
    ftp = ATHLETE.ftp_w * (0.94 + 0.1 * (body.fitness - 0.6))
    watts = ftp * share * np.clip(1 + 5.5 * climb, 0.0, 1.6) * (1 + wobble(len(climb), chance, 0.12, 8))
    watts = np.where(climb < -0.035, 0.0, watts.clip(0))
    speed = rounded(speed_on_wheels(watts, climb).clip(2.0, 15.5), 9)
    clock = np.concatenate([[0.0], np.cumsum(STEP_M / speed[1:])])
    time_s = np.arange(GRID_S, clock[-1], GRID_S)
    distance = np.interp(time_s, clock, route.distance_m)
    power = np.interp(distance, route.distance_m, watts)
    turning = power > 15
    leg = Leg(
        kind="ride",
        start=session.start if start is None else start,
        time_s=time_s,
        heart_rate=heart_rate(0.92 * power / ftp + 0.02, body, chance, lag_s=55),
        active_kcal=np.cumsum(power * GRID_S / 1000 * 1.04),
        distance_m=distance,
        power=np.where(turning, power + wobble(len(power), chance, 9, 2), 0).clip(0),
        cadence=np.where(turning, 86 + wobble(len(power), chance, 4, 6), 0),
        route=route,
    )
    if start is None and leg.time_s[-1] > 6_000:
        half_way = leg.time_s[-1] * float(chance.uniform(0.45, 0.65))
        return with_pauses(leg, [(half_way, float(chance.uniform(420, 1300)))])
    return leg


def speed_on_wheels(watts: Floats, climb: Floats) -> Floats:
    """Metres a second at which rolling, climbing and air take up the power; Newton's method from below the answer."""
    weight = RIDER_AND_BIKE_KG * 9.81
    force = weight * (0.0055 + climb)
    drag = 0.5 * 1.2 * 0.34
    speed = np.full_like(watts, 12.0)
    for _ in range(12):
        excess = (force + drag * speed**2) * speed - watts
        speed = (speed - excess / np.maximum(force + 3 * drag * speed**2, 8.0)).clip(0.5, 20)
    return speed


# --- indoors and in the water ------------------------------------------------------------------------


def indoors(session: Session, body: Body, chance: np.random.Generator) -> Leg:
    """A turbo trainer, a gym, a mat: a demand over time, and power where there is a meter."""
    time_s = np.arange(GRID_S, session.minutes * 60, GRID_S)
    minute = time_s / 60
    if session.kind == "indoor_ride":
        work = (minute > 12) & (minute < session.minutes - 8) & ((minute - 12) % 10 < 7)
        ftp = ATHLETE.ftp_w * (0.94 + 0.1 * (body.fitness - 0.6))
        power = ftp * rounded(np.where(work, 0.94, 0.58), 3) + wobble(len(time_s), chance, 5, 2)
        starts = np.arange(12, session.minutes - 15, 10) * 60
        return Leg(
            "ride", session.start, time_s, heart_rate(0.9 * power / ftp, body, chance, lag_s=50),
            np.cumsum(power * GRID_S / 1000 * 1.04), power=power,
            cadence=88 + 4 * work + wobble(len(time_s), chance, 1.5, 5),
            repeats=tuple((int(first), int(first) + 420) for first in starts),
        )  # fmt: skip
    if session.kind == "strength":
        demand = 0.34 + 0.3 * (minute % 3.2 < 1.1) * (minute > 6) + wobble(len(time_s), chance, 0.04, 8)
    else:
        demand = 0.2 + 0.06 * np.sin(minute / 4) + wobble(len(time_s), chance, 0.03, 12)
    return Leg(
        "still", session.start, time_s, heart_rate(demand, body, chance),
        np.cumsum(body.weight_kg * demand.clip(0.05) * 8.2 * GRID_S / 3600),
    )  # fmt: skip


def swim(session: Session, body: Body, chance: np.random.Generator) -> Leg:
    """Lengths of the pool in sets with rests, most of them freestyle (2), some backstroke (3) and breaststroke (4)."""
    lengths: list[Length] = []
    clock, number = 0.0, 0
    while clock < session.minutes * 60:
        stroke, count, pace = [(2, 8, 0.92), (2, 4, 1.04), (2, 12, 0.97), (3, 4, 0.82), (2, 16, 0.95), (4, 4, 0.74)][
            int(chance.integers(6)) if number else 0
        ]
        for _ in range(count):
            seconds = POOL_M / (ATHLETE.swim_speed_mps * pace * (1 + 0.015 * float(chance.normal())))
            lengths.append(Length(clock, seconds, stroke, round(seconds * (0.62 if stroke == 2 else 0.52))))
            clock += seconds
        clock += float(chance.uniform(15, 40))
        number += 1
    ends = np.array([length.start_s + length.seconds for length in lengths])
    time_s = np.arange(GRID_S, ends[-1] + GRID_S, GRID_S)
    swimming = np.zeros(len(time_s), dtype=bool)
    for length in lengths:
        swimming |= (time_s > length.start_s) & (time_s <= length.start_s + length.seconds)
    demand = rounded(np.where(swimming, 0.72, 0.45), 5)
    return Leg(
        "swim", session.start, time_s, heart_rate(demand, body, chance) - 6,
        np.cumsum(np.where(swimming, body.weight_kg * 8.3 * GRID_S / 3600, 0.01)),
        distance_m=np.interp(time_s, np.concatenate([[0], ends]), np.arange(len(ends) + 1) * POOL_M),
        lengths=tuple(lengths),
    )  # fmt: skip


def triathlon(session: Session, body: Body, chance: np.random.Generator) -> tuple[Leg, ...]:
    """Swim in the lake, bike, run, and two changes of clothes between them."""
    water = lake(session.place)
    laps = 3
    time_s = np.arange(GRID_S, laps * water.length_m / 1.02, GRID_S)
    distance = 1.02 * time_s + rounded(wobble(len(time_s), chance, 2, 9), 5)
    swum = Leg(
        "open_water", session.start, time_s, heart_rate(np.full(len(time_s), 0.9), body, chance) - 5,
        np.cumsum(np.full(len(time_s), body.weight_kg * 9.4 * GRID_S / 3600)),
        distance_m=np.maximum.accumulate(distance), route=water,
    )  # fmt: skip

    def change(start: float, seconds: float) -> Leg:
        clock = np.arange(GRID_S, seconds, GRID_S)
        beats = heart_rate(np.full(len(clock), 0.7), body, chance, lag_s=8) + 12
        return Leg("transition", start, clock, beats, np.cumsum(np.full(len(clock), 0.5)))

    first = change(swum.end, float(chance.uniform(130, 190)))
    biked = ride(replace(session, minutes=72), body, chance, start=first.end)
    second = change(biked.end, float(chance.uniform(60, 95)))
    ran = run(replace(session, kind="race_run", minutes=48), body, chance, start=second.end)
    return swum, first, biked, second, ran
