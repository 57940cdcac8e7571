"""How stories come about: what each provider's device makes of what the demo athlete did.

Her stories are those of her demo files (`trainstack.demo`), so that what the sandbox tells folds with what her phone,
her bike computer and her Strava archive told. Everything is a function of the story's key, the provider that tells it
and what was edited there: two runs tell the same to the byte.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import count
from typing import Any, Literal

import numpy as np

from integrations.sandbox.stories import Day, Effort, Floats, Night, Phase, Sport, Stage, Story, Track, chance_of
from trainstack.demo import everyday, kinds, strava
from trainstack.demo.apple import Samples
from trainstack.demo.athlete import HOME, WATCH, dice
from trainstack.demo.body import USUAL_LOAD, Body, bodies
from trainstack.demo.everyday import outside
from trainstack.demo.export import first_day
from trainstack.demo.fit import Ride
from trainstack.demo.plan import EPOCH, INTENSITY, Session, day_of, place_of
from trainstack.demo.plan import instant as plan_instant
from trainstack.demo.rides import SERIAL, ride_of
from trainstack.demo.routes import METRES_A_DEGREE
from trainstack.demo.sessions import Leg, Recording, record, wobble

# --- what each provider's device makes of it --------------------------------------------------------


@dataclass(frozen=True)
class Device:
    """What she wore or what rode along; how far its clock, its distance and its pulse are off."""

    name: str
    serial: int
    # What it records, of the plan's kinds; None: everything.
    kinds: frozenset[str] | None = None
    # "computer" is the bike computer, "watch" the demo's watch, "own" a device that tells it its own way.
    recorder: Literal["computer", "watch", "own"] = "own"
    start_s: float = 25.0
    distance: float = 0.004
    has_place: bool = True


RUNS = frozenset({"easy_run", "long_run", "tempo_run", "interval_run", "race_run", "treadmill"})
RIDES = frozenset({"ride", "indoor_ride"})
DEVICES: Mapping[str, Device] = {
    "strava": Device("Apple Watch", 0, frozenset(strava.TYPES), "watch"),
    "wahoo": Device("Wahoo ELEMNT BOLT", SERIAL, RIDES, "computer"),
    "suunto": Device("Suunto Race S", 1_223_140_077, RUNS | {"hike", "walk", "swim"}),
    "polar": Device("Polar Vantage V3", 906_112_440, RUNS | {"swim", "strength", "hike"}),
    "whoop": Device("WHOOP 4.0", 0, None, start_s=50, distance=0.012, has_place=False),
    "oura": Device("Oura Ring 4", 0, RUNS | {"ride", "walk", "hike", "yoga"}, start_s=55, has_place=False),
    "fitbit": Device("Pixel Watch 3", 0, RUNS | {"ride", "walk", "swim", "strength", "yoga"}, start_s=35),
}
ANY_DEVICE = Device("Sandbox", 1)
COMPUTER = DEVICES["wahoo"]
EVERY_S = 3.0
# An effort has reached its provider so many seconds after its end, whichever it is.
ARRIVES_S = 600.0
SPORTS: Mapping[str, Sport] = {
    "ride": "ride", "indoor_ride": "indoor_ride", "treadmill": "treadmill", "swim": "swim", "hike": "hike",
    "walk": "walk", "strength": "strength", "yoga": "yoga", "triathlon": "triathlon",
}  # fmt: skip
NAMES = {
    "treadmill": "Treadmill, for the ice outside", "swim": "Lengths before work", "strength": "Heavy things",
    "yoga": "Yoga", "walk": "A walk", "triathlon": "Triathlon!",
}  # fmt: skip


def knows(slug: str, kind: str) -> bool:
    """Whether this provider's device records efforts of this kind."""
    kinds = DEVICES.get(slug, ANY_DEVICE).kinds
    return kinds is None or kind in kinds


# --- efforts ------------------------------------------------------------------------------------

_BODIES: dict[date, Body] = {}


def body_of(day: date) -> Body:
    """Her body on that day. All days since the demo's beginning are worked out at once, and kept."""
    day = max(day, EPOCH)
    if day not in _BODIES:
        _BODIES.update(bodies(EPOCH, day + timedelta(days=400)))
    return _BODIES[day]


@lru_cache(maxsize=96)
def _recording(session: Session) -> Recording:
    return record(session, body_of(session.day))


@lru_cache(maxsize=32)
def _ride(session: Session) -> Ride:
    return ride_of(session, body_of(session.day))


def effort_of(key: str, slug: str, edited: Mapping[str, Any] | None = None, edited_at: float = 0) -> Effort | None:
    """The effort as this provider's device tells it, with what was edited there; None where it recorded nothing."""
    session = session_of(key)
    if session is None or not knows(slug, session.kind):
        return None
    if slug == "strava" and key.startswith("effort:") and strava.was_forgotten(session):
        return None
    edited = edited or {}
    device = DEVICES.get(slug, ANY_DEVICE)
    if key.startswith("many:"):
        effort = _short(key, session, device)
    elif device.recorder == "computer" or (device.recorder == "watch" and session.kind == "ride"):
        effort = _from_computer(key, session)
    else:
        effort = _from_watch(key, session, slug, device)
    # As in her Strava archive: rides come from the bike computer, and a class on the turbo trainer she types in.
    is_manual = slug == "strava" and session.kind == "indoor_ride"
    if is_manual:
        effort = replace(effort, device="", track=Track(effort.track.time_s))
    return replace(
        effort,
        name=edited.get("name", effort.name),
        sport=edited.get("sport", effort.sport),
        kcal=effort.kcal + 11 * edited.get("rescored", 0),
        load=effort.load + 3 * edited.get("rescored", 0),
        is_manual=is_manual,
        updated_at=max(effort.updated_at, edited_at),
        edited=edited,
    )


def session_of(key: str) -> Session | None:
    """What was done: "effort:2026-03-04:ride" of the demo's plan, "new:<seconds>:ride:<minutes>", or "many:..."."""
    what, _, rest = key.partition(":")
    if what == "effort":
        name, _, kind = rest.partition(":")
        return next((it for it in day_of(date.fromisoformat(name)).sessions if it.kind == kind), None)
    if what in ("new", "many"):
        start, kind, minutes = rest.split(":")
        day = datetime.fromtimestamp(float(start), HOME.zone).date()
        return Session(day, kind, float(start), float(minutes), HOME)
    return None


def _offset(session: Session) -> int:
    offset = datetime.fromtimestamp(session.start, session.place.zone).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())


def _made(
    key: str, session: Session, device: Device, *, start: float, elapsed_s: float, kcal: float, track: Track,
    pauses: Sequence[tuple[float, float]], repeats: Sequence[tuple[float, float]] = (),
    temperature_c: float | None = None,
) -> Effort:  # fmt: skip
    chance = chance_of(key, device.name, "upload")
    arrived = math.floor(start + elapsed_s + float(chance.uniform(60, 400)))
    still = sum(min(elapsed_s, at + lasts) - max(0.0, at) for at, lasts in pauses)
    sport = SPORTS.get(session.kind, "run")
    names = strava.NAMES.get(session.kind)
    return Effort(
        key=key, number=int(session.start), kind=session.kind, sport=sport, day=session.day,
        name=names[session.day.toordinal() % len(names)] if names else NAMES[session.kind],
        start=start, utc_offset_s=_offset(session), zone=session.place.zone.key, elapsed_s=elapsed_s,
        moving_s=max(1.0, elapsed_s - still), kcal=kcal, device=device.name, serial=device.serial, track=track,
        pauses=tuple(pauses), is_indoor=sport in ("indoor_ride", "treadmill", "strength", "yoga", "swim"),
        created_at=arrived, updated_at=arrived, pool_m=25.0 if sport == "swim" else None, temperature_c=temperature_c,
        load=round(100 * elapsed_s / 3600 * INTENSITY[session.kind] ** 2, 1), repeats=tuple(repeats),
    )  # fmt: skip


def _from_computer(key: str, session: Session) -> Effort:
    """The bike computer's own recording: the same file as in the demo's folder of FIT files."""
    ride = _ride(session)
    latitude, longitude, altitude = ride.track or (None, None, None)
    track = Track(
        ride.time_s, latitude, longitude, altitude, ride.distance_m, ride.speed_mps, ride.heart_rate, ride.cadence,
        ride.power,
    )  # fmt: skip
    effort = _made(
        key, session, COMPUTER, start=ride.start, elapsed_s=float(ride.time_s[-1]), kcal=ride.kcal, track=track,
        pauses=ride.pauses,
    )  # fmt: skip
    # The computer's clock may be an hour off: what came when is told by the server's.
    arrived = math.floor(session.start + effort.elapsed_s + 240)
    return replace(effort, created_at=arrived, updated_at=arrived)


def _from_watch(key: str, session: Session, slug: str, device: Device) -> Effort:
    recording = _recording(session)
    legs = recording.legs
    start, end = legs[0].start, legs[-1].end
    chance = chance_of(key, slug)
    early, late, factor, beats = 0.0, 0.0, 1.0, 0.0
    if device.recorder == "own":
        early = float(chance.uniform(-0.4, 1.0)) * device.start_s
        late = float(chance.uniform(0, 1.0)) * device.start_s
        factor, beats = 1 + device.distance * float(chance.normal()), float(chance.normal(0, 1))
    first = math.floor(start + early)
    elapsed_s = float(math.floor(end + late) - first)
    times = np.arange(0.0, elapsed_s + 1, EVERY_S)
    pauses: list[tuple[float, float]] = []
    repeats: list[tuple[float, float]] = []
    track = Track(times)
    weather = recording.weather
    if len(legs) > 1:
        # Several sports in one: what is measured throughout.
        clock = np.concatenate([leg.start - first + leg.time_s for leg in legs])
        pulse = np.concatenate([leg.heart_rate for leg in legs])
        way = np.cumsum(np.concatenate([np.diff(leg.distance_m, prepend=0) if leg.distance_m is not None
                                        else np.zeros(len(leg.time_s)) for leg in legs]))  # fmt: skip
        track = replace(
            track, heart_rate_bpm=np.interp(times, clock, pulse) + beats, distance_m=np.interp(times, clock, way)
        )
    else:
        [leg] = legs
        pauses = [(at - (first - leg.start), lasts) for at, lasts in leg.pauses]
        repeats = [(max(0.0, at - (first - leg.start)), until - (first - leg.start)) for at, until in leg.repeats]
        times = times[outside(times, [(at + 0.5, at + lasts - 0.5) for at, lasts in pauses])]
        track = _track(leg, times, times + first - leg.start, factor, beats, chance, has_place=device.has_place)
    return _made(
        key, session, device, start=float(first), elapsed_s=elapsed_s, track=track, pauses=pauses, repeats=repeats,
        kcal=sum(float(leg.active_kcal[-1]) for leg in legs) * (1 + 0.05 * float(chance.normal())),
        temperature_c=round(weather[0], 1) if weather else None,
    )  # fmt: skip


def _track(
    leg: Leg, times: Floats, at: Floats, factor: float, beats: float, chance: np.random.Generator, *, has_place: bool
) -> Track:
    """The leg's columns at these seconds of the device, which are `at` by the leg's own clock."""
    track = Track(times, heart_rate_bpm=np.interp(at, leg.time_s, leg.heart_rate) + beats)
    if leg.cadence is not None:
        track = replace(track, cadence=np.interp(at, leg.time_s, leg.cadence).clip(0))
    if leg.power is not None:
        track = replace(track, power_w=np.interp(at, leg.time_s, leg.power).clip(0))
    if leg.distance_m is None:
        return track
    way = np.interp(at, np.concatenate([[0.0], leg.time_s]), np.concatenate([[0.0], leg.distance_m]))
    track = replace(
        track, distance_m=np.maximum.accumulate(way - way[0]) * factor,
        speed_mps=np.interp(at, leg.time_s, leg.speed).clip(0) * factor,
    )  # fmt: skip
    if leg.route is None or not has_place:
        return track
    route = leg.route
    along = way % route.length_m if leg.kind == "open_water" else way
    return replace(
        track,
        latitude=np.interp(along, route.distance_m, route.latitude) + wobble(len(times), chance, 6e-6, 9),
        longitude=np.interp(along, route.distance_m, route.longitude) + wobble(len(times), chance, 6e-6, 9),
        altitude_m=np.interp(along, route.distance_m, route.altitude_m) + wobble(len(times), chance, 0.2, 15),
    )


# One point of a short effort each so many seconds: thousands of them are told in a minute.
SHORT_EVERY_S = 20.0


def _short(key: str, session: Session, device: Device) -> Effort:
    """An effort of the huge account: small, and quickly made; the same way out and back for every device."""
    chance = chance_of(key)
    own = chance_of(key, device.name)
    shift = 0.0 if device.recorder != "own" else math.floor(float(own.uniform(-0.4, 0.9)) * device.start_s)
    times = np.arange(0.0, round(session.minutes * 60 / SHORT_EVERY_S) * SHORT_EVERY_S + 1, SHORT_EVERY_S)
    share = times / times[-1]
    wave = np.sin(share * 17 + float(chance.uniform(0, 6)))
    pulse = 118 + 30 * share + 8 * wave
    track = Track(times, heart_rate_bpm=np.rint(pulse))
    still = session.kind in ("strength", "yoga")
    if not still:
        pace = 7.2 if session.kind in RIDES else 1.0 if session.kind == "swim" else 2.9
        speed = pace * (1 + 0.1 * wave)
        way = np.concatenate([[0.0], np.cumsum(speed[1:] * SHORT_EVERY_S)])
        if device.recorder == "own":
            way = way * (1 + device.distance * float(own.normal()))
        track = replace(track, speed_mps=speed, distance_m=way, cadence=np.rint((84 if pace > 5 else 168) + 3 * wave))
        if session.kind in RIDES:
            track = replace(track, power_w=np.rint(180 + 40 * wave))
        if device.has_place and session.kind not in ("swim", "indoor_ride", "treadmill"):
            out = np.minimum(way, way[-1] - way)
            angle = float(chance.uniform(0, 2 * math.pi))
            track = replace(
                track,
                latitude=HOME.latitude + out * math.cos(angle) / METRES_A_DEGREE,
                longitude=HOME.longitude + out * math.sin(angle) / (METRES_A_DEGREE * 0.669),
                altitude_m=HOME.altitude_m + 20 * np.sin(out / 700),
            )
    return _made(
        key, session, device, start=session.start + shift, elapsed_s=float(times[-1]),
        kcal=round(session.minutes * 9.5), track=track, pauses=(),
    )  # fmt: skip


# --- nights -------------------------------------------------------------------------------------

# Whose device is worn at night.
SLEEPERS = frozenset({"whoop", "oura", "fitbit", "polar", "suunto"})
STAGES: Mapping[str, Stage] = {"Awake": "awake", "AsleepCore": "light", "AsleepDeep": "deep", "AsleepREM": "rem"}
STEP_S = 30.0
SAMPLES_S = 300.0


def night_of(key: str, slug: str, edited: Mapping[str, Any] | None = None, edited_at: float = 0) -> Night | None:
    """The night as this provider's device tells it; None where it tells none. A re-scored one differs in its scores."""
    if slug in DEVICES and slug not in SLEEPERS:
        return None
    edited = edited or {}
    again = int(edited.get("rescored", 0))
    day = date.fromisoformat(key.partition(":")[2])
    body = body_of(day)
    night = everyday.night_of(day, body)
    chance = chance_of(key, slug)
    asleep = math.floor((night.asleep + float(chance.uniform(-240, 240))) / STEP_S) * STEP_S
    awake = math.floor((night.awake + float(chance.uniform(-180, 180))) / STEP_S) * STEP_S
    phases = tuple(_phases(day, asleep, awake, chance, again))
    in_bed = asleep - float(round(chance.uniform(180, 1_300)))
    up = awake + float(round(chance.uniform(60, 500)))
    times = np.arange(asleep, awake, SAMPLES_S)
    through = (times - asleep) / (awake - asleep)
    low = body.resting_heart_rate_bpm - 1.5 + float(chance.normal(0, 0.8))
    pulse = low + 7 * (through - 0.62) ** 2 * 4 + chance.normal(0, 1.3, len(times)).clip(-1.4, 4)
    rmssd = max(12.0, body.hrv_sdnn_ms * 0.86 * (1 + 0.04 * float(chance.normal())))
    need_s = body.sleep_need_h * 3600
    slept_s = sum(phase.seconds for phase in phases if phase.stage != "awake")
    deep_s = sum(phase.seconds for phase in phases if phase.stage == "deep")
    sleep_score = 58 + 38 * min(1.0, slept_s / need_s) ** 3 + 12 * (deep_s / slept_s - 0.18) - 9 * body.is_ill
    recovery = 62 + 26 * body.freshness + 0.5 * (rmssd - 52) - 38 * body.is_ill + float(chance.normal(0, 5))
    created_at = math.floor(up + float(chance.uniform(200, 1_200)))
    place = place_of(day)
    offset = datetime.fromtimestamp(awake, place.zone).utcoffset()
    assert offset is not None
    return Night(
        key=key, number=day.toordinal(), day=day, utc_offset_s=int(offset.total_seconds()), zone=place.zone.key,
        in_bed=in_bed, asleep=asleep, awake=awake, up=up, phases=phases, hrv_rmssd_ms=round(rmssd, 3),
        resting_heart_rate_bpm=round(low + 1), respiratory_rate=round(body.respiratory_rate, 2),
        oxygen_ratio=round(body.oxygen_ratio, 4), skin_temperature_c=round(body.wrist_temperature_c - 1.2, 3),
        temperature_deviation_c=round(body.wrist_temperature_c - 35.7, 2),
        heart_rates_bpm=tuple(pulse.round(1).tolist()),
        hrvs_ms=tuple((rmssd * np.exp(chance.normal(0, 0.16, len(times)))).round(1).tolist()),
        sleep_score=_score(sleep_score + 3 * again), recovery_score=_score(recovery + 4 * again),
        need_s=round(need_s), created_at=created_at, updated_at=max(created_at, edited_at), edited=edited,
    )  # fmt: skip


def _score(value: float) -> int:
    return int(min(99, max(1, round(value))))


def _phases(day: date, asleep: float, awake: float, chance: np.random.Generator, again: int) -> Iterator[Phase]:
    """The demo's stages of that night, a little longer or shorter as each device judges them, in steps of 30 s."""
    told = everyday.stages(awake - asleep, dice(day, "sleep"))
    lengths = np.array([lasts for _, lasts in told]) * chance.uniform(0.85, 1.15, len(told))
    if again:
        # A re-scoring finds the first hours deeper than it thought.
        lengths *= np.array([1 + 0.04 * again * (stage == "AsleepDeep") for stage, _ in told])
    edges = np.rint(np.cumsum(lengths) / lengths.sum() * (awake - asleep) / STEP_S) * STEP_S
    since = 0.0
    stage: Stage | None = None
    start = asleep
    for (name, _), edge in zip(told, edges.tolist(), strict=True):
        if edge <= since:
            continue
        if stage is not None and STAGES[name] != stage:
            yield Phase(stage, start, asleep + since - start)
            start = asleep + since
        stage, since = STAGES[name], edge
    assert stage is not None
    yield Phase(stage, start, asleep + since - start)


# --- days ---------------------------------------------------------------------------------------

WALKERS = frozenset({"oura", "fitbit", "polar", "suunto", "whoop"})


@dataclass(frozen=True)
class _Facts:
    """What happened on a day, whoever tells it."""

    midnight: float
    wake: float
    bed: float
    hourly_steps: tuple[int, ...]
    distance_m: float
    floors: int
    active_kcal: float
    trained_s: float
    walked_s: float
    pulses: tuple[tuple[float, float], ...]


@lru_cache(maxsize=4096)
def _facts(day: date) -> _Facts:
    place = place_of(day)
    body = body_of(day)
    midnight = plan_instant(day, 0, place)
    night = everyday.night_of(day, body)
    tomorrow = day + timedelta(days=1)
    bed = everyday.night_of(tomorrow, body_of(tomorrow)).asleep
    samples = Samples()
    recordings = [_recording(session) for session in day_of(day).sessions]
    rings = everyday.tell_day(samples, body, night, bed, [(it.start, it.end) for it in recordings])
    hours = np.zeros(24)
    way = 0.0
    for kind, told in samples.told.items():
        for some in told:
            if some.source is WATCH and kind is kinds.STEPS:
                at = ((some.start - midnight) // 3600).clip(0, 23).astype(int)
                np.add.at(hours, at, np.array(some.values, dtype=float))
            elif some.source is WATCH and kind is kinds.DISTANCE_ON_FOOT:
                way += sum(1000 * float(value) for value in some.values)
    for recording in recordings:
        for leg in recording.legs:
            if leg.kind in ("run", "hike", "walk") and leg.cadence is not None and leg.distance_m is not None:
                at = ((leg.start + leg.time_s - midnight) // 3600).clip(0, 23).astype(int)
                np.add.at(hours, at, leg.cadence / 12)
                way += float(leg.distance_m[-1])
    floors = [value for some in samples.told.get(kinds.FLOORS, []) for value in some.values]
    trained = sum(leg.moving_s for it in recordings for leg in it.legs)
    return _Facts(
        midnight=midnight, wake=night.awake, bed=bed, hourly_steps=tuple(np.rint(hours).astype(int).tolist()),
        distance_m=way, floors=int(sum(float(value) for value in floors)),
        active_kcal=rings.active_kcal + sum(float(leg.active_kcal[-1]) for it in recordings for leg in it.legs),
        trained_s=trained, walked_s=60.0 * rings.exercise_min + 20 * 60,
        pulses=tuple(_pulses(midnight, samples, recordings)),
    )  # fmt: skip


def _pulses(midnight: float, samples: Samples, recordings: Sequence[Recording]) -> Iterator[tuple[float, float]]:
    """One value about every five minutes while she is up."""
    times, beats = [], []
    for some in samples.told.get(kinds.HEART_RATE, []):
        times += some.start.tolist()
        beats += [float(value) for value in some.values]
    for recording in recordings:
        for leg in recording.legs:
            times += (leg.start + leg.time_s[::60]).tolist()
            beats += leg.heart_rate[::60].tolist()
    if not times:
        return
    order = np.argsort(times)
    known, values = np.array(times)[order], np.array(beats)[order]
    moments = np.arange(max(midnight, known[0]), min(midnight + 86_400, known[-1]), SAMPLES_S)
    # Nothing where the watch lay on its charger.
    gap = np.abs(known[np.searchsorted(known, moments).clip(0, len(known) - 1)] - moments) < 1_500
    for moment, value in zip(moments[gap].tolist(), np.interp(moments, known, values)[gap].tolist(), strict=True):
        yield math.floor(moment), float(round(value))


def day_told(key: str, slug: str, edited: Mapping[str, Any] | None = None, edited_at: float = 0) -> Day | None:
    """The day as this provider's device tells it; None where it tells none."""
    if slug in DEVICES and slug not in WALKERS:
        return None
    edited = edited or {}
    again = int(edited.get("rescored", 0))
    day = date.fromisoformat(key.partition(":")[2])
    facts, body, place = _facts(day), body_of(day), place_of(day)
    chance = chance_of(key, slug)
    factor = 1 + 0.03 * float(chance.normal())
    hourly = tuple(round(steps * factor) for steps in facts.hourly_steps)
    offset = datetime.fromtimestamp(facts.midnight + 43_200, place.zone).utcoffset()
    assert offset is not None
    chronic = body.fitness * USUAL_LOAD
    load = day_of(day).load
    over = plan_instant(day + timedelta(days=1), 0, place)
    # After a flight she goes to bed when the day is long over.
    awake_s = min(facts.bed, over) - facts.wake
    created_at = math.floor(over + float(chance.uniform(300, 3_000)))
    stress_s = float(round(awake_s * float(chance.uniform(0.04, 0.16)) / 300) * 300)
    return Day(
        key=key, number=day.toordinal(), day=day, utc_offset_s=int(offset.total_seconds()), zone=place.zone.key,
        midnight=facts.midnight, wake=facts.wake, bed=facts.bed, steps=sum(hourly), hourly_steps=hourly,
        distance_m=round(facts.distance_m * factor, 1), floors=facts.floors,
        active_kcal=round(facts.active_kcal * (1 + 0.06 * float(chance.normal()))),
        basal_kcal=round(everyday.BASAL_KCAL_A_DAY), high_s=round(facts.trained_s * 0.7),
        medium_s=round(facts.trained_s * 0.3 + facts.walked_s * 0.4), low_s=round(facts.walked_s * 1.6),
        sedentary_s=max(0.0, round(awake_s - facts.trained_s - 2 * facts.walked_s)),
        resting_heart_rate_bpm=round(body.resting_heart_rate_bpm + float(chance.normal(0, 0.7))),
        heart_rates=facts.pulses, vo2max=round(body.vo2max, 1), weight_kg=round(body.weight_kg, 2),
        body_fat_ratio=round(body.body_fat_ratio, 4), strain=round(min(20.9, 4.2 + 9.5 * load**0.6 + 0.2 * again), 4),
        activity_score=_score(55 + 22 * min(1.6, load) + sum(hourly) / 1_000 + 2 * again), stress_s=stress_s,
        calm_s=float(round(awake_s * float(chance.uniform(0.05, 0.22)) / 300) * 300), load=round(100 * load, 1),
        load_week=round(100 * (chronic - body.freshness * USUAL_LOAD), 1), load_six_weeks=round(100 * chronic, 1),
        created_at=created_at, updated_at=max(created_at, edited_at), edited=edited,
    )  # fmt: skip


# --- whose stories there are --------------------------------------------------------------------------


def story_of(key: str, slug: str, edited: Mapping[str, Any] | None = None, edited_at: float = 0) -> Story | None:
    """The story of a key as this provider tells it; None where it knows nothing of it."""
    what = key.partition(":")[0]
    if what == "night":
        return night_of(key, slug, edited, edited_at)
    if what == "day":
        return day_told(key, slug, edited, edited_at)
    return effort_of(key, slug, edited, edited_at)


def has_happened(key: str, now: float) -> bool:
    """Whether it is over by now, and had the time to reach a provider."""
    what, _, rest = key.partition(":")
    if what == "night":
        day = date.fromisoformat(rest)
        return everyday.night_of(day, body_of(day)).awake + 2_400 <= now
    if what == "day":
        day = date.fromisoformat(rest)
        return plan_instant(day + timedelta(days=1), 1, place_of(day)) <= now
    session = session_of(key)
    assert session is not None
    if what == "many":
        return session.start + session.minutes * 60 + ARRIVES_S <= now
    # How long it really took is worked out only where it matters.
    return session.start + 43_200 <= now or _arrives(session) <= now


def _arrives(session: Session) -> float:
    """When every provider has the effort. A bike computer that is forgotten runs on through the coffee."""
    recording = _recording(session)
    coffee_s = 0.17 * (recording.end - recording.start) if session.kind in RIDES else 0.0
    return recording.end + coffee_s + ARRIVES_S


def demo_keys(since: date, until: date) -> Iterator[str]:
    """The keys of the demo athlete's stories of these days, the last one included, oldest first."""
    day = since
    while day <= until:
        yield f"night:{day}"
        for session in day_of(day).sessions:
            yield f"effort:{day}:{session.kind}"
        yield f"day:{day}"
        day += timedelta(days=1)


def demo_begins(today: date) -> date:
    """The first day of the demo athlete's story that is told on this day."""
    return first_day(today)


MANY_KINDS = ("easy_run", "ride", "easy_run", "tempo_run", "ride", "swim", "hike", "strength")


def many_keys(newest: float, apart_s: float) -> Iterator[str]:
    """Short efforts one after the other back in time, without end; those of several providers agree.

    Their kinds go round: a provider that does not record one of them takes the next.
    """
    for number in count():
        start = math.floor(newest - 7_200 - number * apart_s)
        minutes = max(2.0, min(apart_s / 60 * 0.7, 20.0 + start % 31))
        yield f"many:{start}:{MANY_KINDS[number % len(MANY_KINDS)]}:{minutes:g}"


def new_key(now: float, kind: str, minutes: float) -> str:
    """The key of an effort that has just reached the providers."""
    start = now
    # How long it takes depends on the day on which it began.
    for _ in range(2):
        day = datetime.fromtimestamp(start, HOME.zone).date()
        start = now - _arrives(Session(day, kind, 0.0, minutes, HOME))
    return f"new:{math.floor(start)}:{kind}:{minutes:g}"
