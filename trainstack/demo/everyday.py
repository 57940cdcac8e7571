"""Nights, and days outside training: sleep, pulse, steps on watch and phone, energy, rings, and what else is noted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from trainstack.demo import kinds
from trainstack.demo.apple import DAY_S, Samples, zone_inside
from trainstack.demo.athlete import BREATH, PHONE, SCALE, WATCH, dice
from trainstack.demo.body import Body
from trainstack.demo.plan import day_of, instant, is_ill, place_of

Floats = NDArray[np.float64]
# Stretches of time that are taken, such as sessions: first and last second.
Spans = Sequence[tuple[float, float]]

ASLEEP = "HKCategoryValueSleepAnalysis"
BASAL_KCAL_A_DAY = 1_355.0
MOTION = '\n  <MetadataEntry key="HKMetadataKeyHeartRateMotionContext" value="{}"/>'
STILL, MOVING = MOTION.format(1), MOTION.format(2)


@dataclass(frozen=True)
class Night:
    """One night, named by the day of waking up; seconds since 1970."""

    day: date
    asleep: float
    awake: float


@dataclass(frozen=True)
class Waking:
    """The day that follows a night, up to falling asleep again; seconds since 1970."""

    day: date
    wake: float
    bed: float

    @property
    def zone(self) -> str:
        """The child element that names the zone of the day."""
        return zone_inside(place_of(self.day).zone.key)


def night_of(day: date, body: Body) -> Night:
    """When she fell asleep and woke up."""
    chance = dice(day, "night")
    sessions = day_of(day).sessions
    late = day.weekday() >= 5 and not sessions
    place = place_of(day)
    wake = instant(day, min(6.42 + 0.9 * late + float(chance.normal(0, 0.16)), 7.4), place)
    if sessions:
        wake = min(wake, sessions[0].start - 1_500)
    hours = body.sleep_need_h + 0.3 * late + float(chance.normal(0, 0.45))
    on_the_way = place_of(date.fromordinal(day.toordinal() - 1)) is not place
    return Night(day, wake - max(4.6, hours - 2.0 * on_the_way) * 3600, wake)


# --- the night ------------------------------------------------------------------------------


def stages(seconds: float, chance: np.random.Generator) -> list[tuple[str, float]]:
    """Stage after stage with its seconds: cycles of about 95 minutes, deep sleep early and dreams late."""
    told: list[tuple[str, float]] = [("Awake", float(chance.uniform(120, 700)))]
    left = seconds - told[0][1]
    for cycle in range(9):
        length = float(chance.normal(95, 9)) * 60
        deep = (0.27, 0.20, 0.11, 0.04, 0.0)[min(cycle, 4)] * float(chance.uniform(0.75, 1.2))
        dream = (0.09, 0.19, 0.25, 0.29, 0.32)[min(cycle, 4)] * float(chance.uniform(0.75, 1.2))
        light = 1 - deep - dream
        parts = [("AsleepCore", light * 0.45), ("AsleepDeep", deep), ("AsleepCore", light * 0.55), ("AsleepREM", dream)]
        for stage, share in parts:
            lasts = round(length * share / 30) * 30.0
            if lasts < 60:
                continue
            lasts = min(lasts, left)
            told.append((stage, lasts))
            left -= lasts
            if left < 120:
                told[-1] = (stage, lasts + left)
                return told
            if chance.random() < 0.16:
                up = min(float(chance.choice([30, 60, 60, 120, 240, 420])), left)
                told.append(("Awake", up))
                left -= up
    return told


def tell_night(samples: Samples, night: Night, body: Body) -> None:
    """Sleep on watch and phone, and what is measured in it."""
    chance = dice(night.day, "sleep")
    seconds = night.awake - night.asleep
    zone = zone_inside(place_of(night.day).zone.key)
    told = stages(seconds, chance)
    ends = night.asleep + np.cumsum([lasts for _, lasts in told])
    starts = np.concatenate([[night.asleep], ends[:-1]])
    samples.tell(kinds.SLEEP, WATCH, starts, ends, [ASLEEP + stage for stage, _ in told], zone)
    in_bed = night.asleep - float(chance.uniform(200, 1500))
    up = night.awake + float(chance.uniform(60, 600))
    samples.once(kinds.SLEEP, PHONE, in_bed, ASLEEP + "InBed", lasts_s=up - in_bed, inside=zone)

    times = regularly(night.asleep, night.awake, 900, chance)
    through = (times - night.asleep) / seconds
    beats = body.resting_heart_rate_bpm + 7 * (through - 0.62) ** 2 * 4 - 1 + chance.normal(0, 1.6, len(times))
    samples.tell(kinds.HEART_RATE, WATCH, times, times, np.rint(beats).tolist(), STILL)
    times = regularly(night.asleep + 600, night.awake, 2_700, chance)
    oxygen = np.clip(body.oxygen_ratio + chance.normal(0, 0.009, len(times)), 0.88, 1.0)
    samples.tell(kinds.OXYGEN, WATCH, times, times + 15, np.round(oxygen, 2).tolist())
    times = regularly(night.asleep + 900, night.awake, 3_400, chance)
    breaths = body.respiratory_rate + chance.normal(0, 0.8, len(times))
    samples.tell(kinds.RESPIRATION, WATCH, times, times, (np.rint(breaths * 2) / 2).tolist(), zone)
    samples.once(kinds.WRIST_TEMPERATURE, WATCH, night.asleep, body.wrist_temperature_c, lasts_s=seconds, inside=zone)
    for number, share in enumerate((0.22, 0.55, 0.86)):
        at = round(night.asleep + seconds * (share + float(chance.uniform(-0.06, 0.06))))
        sdnn = body.hrv_sdnn_ms * math.exp(0.14 * float(chance.normal()))
        inside = beat_list(at, sdnn, body, chance) if number == 1 else ""
        samples.once(kinds.HRV, WATCH, at, sdnn, lasts_s=60, inside=inside)


def beat_list(at: float, sdnn_ms: float, body: Body, chance: np.random.Generator) -> str:
    """The beats behind one value of HRV, as the phone lists them: a rate and a time of day without a date."""
    gaps = 60_000 / body.resting_heart_rate_bpm + chance.normal(0, sdnn_ms, 22)
    clock = at % DAY_S + np.cumsum(gaps) / 1000
    lines = []
    for gap, second in zip(gaps.tolist(), clock.tolist(), strict=True):
        hour, rest = divmod(second % DAY_S, 3600)
        minute, second = divmod(rest, 60)
        half = "AM" if hour < 12 else "PM"
        time = f"{int(hour) % 12 or 12}:{int(minute):02d}:{second:05.2f} {half}"
        lines.append(f'\n   <InstantaneousBeatsPerMinute bpm="{60_000 / gap:.0f}" time="{time}"/>')
    return f"\n  <HeartRateVariabilityMetadataList>{''.join(lines)}\n  </HeartRateVariabilityMetadataList>"


# --- the day --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rings:
    """What the day adds to the rings outside of training."""

    active_kcal: float
    exercise_min: int
    stood_hours: int


def tell_day(samples: Samples, body: Body, night: Night, bed: float, sessions: Spans) -> Rings:
    """From waking up to falling asleep again."""
    day = night.day
    waking = Waking(day, night.awake, bed)
    chance = dice(day, "day")
    worn = chance.random() > 1 / 45
    charging = instant(day, 21.1 + float(chance.uniform(-0.4, 0.4)), place_of(day))
    bare = (charging, charging + float(chance.uniform(2_000, 3_600)))
    if not worn:
        bare = (night.awake, bed)
    kcal, walked = tell_walks(samples, body, waking, bare, sessions, chance)
    if worn:
        tell_pulse(samples, body, waking, [*sessions, bare], sessions, chance)
        kcal += tell_energy(samples, waking, bare, chance)
    stood = tell_standing(samples, waking, chance) if worn else 0
    tell_scale(samples, body, night, chance)
    tell_odds(samples, body, waking, worn, chance)
    return Rings(kcal, walked // 4 if worn else 0, stood)


def regularly(first: float, last: float, step_s: float, chance: np.random.Generator) -> Floats:
    """Whole seconds about every so many seconds, strictly growing."""
    times = np.arange(first + step_s / 2, last, step_s)
    return np.rint(times + chance.uniform(-0.4, 0.4, len(times)) * step_s)


def outside(times: Floats, spans: Spans, margin_s: float = 0) -> NDArray[np.bool_]:
    """Which moments lie in none of the spans."""
    free = np.ones(len(times), dtype=bool)
    for first, last in spans:
        free &= (times < first - margin_s) | (times > last + margin_s)
    return free


def tell_pulse(
    samples: Samples, body: Body, waking: Waking, taken: Spans, sessions: Spans, chance: np.random.Generator
) -> None:
    """Background pulse every seventeen minutes, with its fall after training; resting and walking rate; HRV by day."""
    times = regularly(waking.wake, waking.bed, 1_020, chance)
    times = times[outside(times, taken, 60)]
    burst = chance.exponential(6.5, len(times))
    beats = body.resting_heart_rate_bpm + 11 + burst + 5 * np.sin((times - waking.wake) / 9_000)
    for _, last in sessions:
        beats += 30 * np.exp(-np.clip(times - last, 0, None) / 1_700) * (times > last)
    samples.tell(
        kinds.HEART_RATE, WATCH, times, times, np.rint(beats).tolist(), [MOVING if b > 9 else STILL for b in burst]
    )
    midnight = instant(waking.day, 0, place_of(waking.day))
    samples.once(
        kinds.RESTING_HEART_RATE,
        WATCH,
        midnight + 180,
        body.resting_heart_rate_bpm,
        lasts_s=waking.bed - midnight - 900,
    )
    walking = body.resting_heart_rate_bpm + 44 + float(chance.normal(0, 3))
    samples.once(kinds.WALKING_HEART_RATE, WATCH, midnight + 600, walking, lasts_s=waking.bed - midnight - 1_500)
    times = regularly(waking.wake + 3_600, waking.bed - 3_600, 21_000, chance)
    times = times[outside(times, taken, 1_200)]
    sdnn = body.hrv_sdnn_ms * 0.78 * np.exp(chance.normal(0, 0.22, len(times)))
    samples.tell(kinds.HRV, WATCH, times, times + 60, sdnn.tolist())


def tell_walks(
    samples: Samples,
    body: Body,
    waking: Waking,
    bare: tuple[float, float],
    sessions: Spans,
    chance: np.random.Generator,
) -> tuple[float, int]:
    """Steps and their distance from watch and phone, which overlap but never agree; kcal and minutes on the watch."""
    count = 13 if is_ill(waking.day) else 24
    starts = np.sort(chance.uniform(waking.wake + 300, waking.bed - 1_500, count))
    starts = starts[np.concatenate([[True], np.diff(starts) > 1_000])]
    lasts = np.rint(chance.uniform(130, 800, len(starts)))
    free = outside(starts, sessions, 900)
    starts, lasts = np.rint(starts[free]), lasts[free]
    steps = np.rint(lasts / 60 * chance.uniform(32, 104, len(starts)))
    on_watch = outside(starts, [bare], 0)
    # The phone lies on a table for a part of the day, and always comes along where the watch is charged.
    on_phone = (chance.random(len(starts)) < 0.55) | ~on_watch
    shift = np.rint(chance.uniform(-70, 90, len(starts)))
    seen = np.rint(steps * chance.uniform(0.86, 1.02, len(starts)))
    for source, here, start, told in ((WATCH, on_watch, starts, steps), (PHONE, on_phone, starts + shift, seen)):
        start, end = start[here], (start + lasts)[here]
        samples.tell(kinds.STEPS, source, start, end, told[here].tolist())
        samples.tell(kinds.DISTANCE_ON_FOOT, source, start, end, (told[here] * 0.00071).tolist())
    kcal = steps * 0.036 * body.weight_kg / 62
    samples.tell(kinds.ACTIVE_ENERGY, WATCH, starts[on_watch], (starts + lasts)[on_watch], kcal[on_watch].tolist())
    phone_only = on_phone & ~on_watch
    samples.tell(
        kinds.ACTIVE_ENERGY, PHONE, (starts + shift)[phone_only], (starts + shift + lasts)[phone_only],
        kcal[phone_only].tolist(),
    )  # fmt: skip
    floors = starts[on_phone][::3]
    samples.tell(kinds.FLOORS, PHONE, floors, floors + 60, chance.integers(1, 4, len(floors)).tolist())
    return float(kcal[on_watch].sum()), int(lasts[on_watch].sum() // 60)


def tell_energy(samples: Samples, waking: Waking, bare: tuple[float, float], chance: np.random.Generator) -> float:
    """Energy of being alive, hour by hour round the clock, and of moving about; returns the latter in kcal."""
    hours = np.arange(waking.wake // 3600 * 3600, waking.wake // 3600 * 3600 + DAY_S, 3600.0)
    basal = BASAL_KCAL_A_DAY / 24 * chance.uniform(0.96, 1.04, len(hours))
    samples.tell(kinds.BASAL_ENERGY, WATCH, hours, hours + 3600, basal.tolist())
    times = np.arange(math.ceil(waking.wake / 3600) * 3600, waking.bed - 3600, 3600.0)
    times = times[outside(times, [bare], 0)]
    moving = chance.uniform(3, 13, len(times))
    samples.tell(kinds.ACTIVE_ENERGY, WATCH, times + 1_200, times + 2_000, moving.tolist())
    return float(moving.sum())


def tell_standing(samples: Samples, waking: Waking, chance: np.random.Generator) -> int:
    """Stood or idle for each whole hour awake; returns the hours stood."""
    hours = np.arange(math.ceil(waking.wake / 3600) * 3600, min(waking.bed, waking.wake + 17 * 3600) - 3600, 3600.0)
    stood = chance.random(len(hours)) < 0.83
    words = np.where(stood, "HKCategoryValueAppleStandHourStood", "HKCategoryValueAppleStandHourIdle").tolist()
    samples.tell(kinds.STAND_HOUR, WATCH, hours, hours + 3600, words)
    minutes = chance.integers(1, 6, len(hours))[stood]
    samples.tell(kinds.STAND_TIME, WATCH, hours[stood] + 600, hours[stood] + 900, minutes.tolist())
    return int(stood.sum())


def tell_scale(samples: Samples, body: Body, night: Night, chance: np.random.Generator) -> None:
    if chance.random() < 0.34 and place_of(night.day).name == "home":
        at = night.awake + float(chance.uniform(420, 1_500))
        samples.once(kinds.WEIGHT, SCALE, at, body.weight_kg)
        samples.once(kinds.BODY_FAT, SCALE, at, body.body_fat_ratio)


def tell_odds(samples: Samples, body: Body, waking: Waking, worn: bool, chance: np.random.Generator) -> None:
    """What else is noted: noise, daylight, gait, clean hands, quiet minutes, a nap when tired."""
    if worn:
        times = regularly(waking.wake, waking.bed, 9_000, chance)
        samples.tell(kinds.AUDIO, WATCH, times, times + 1_800, (58 + chance.gamma(2.2, 4.2, len(times))).tolist())
        times = regularly(waking.wake + 5_400, waking.wake + 36_000, 12_000, chance)
        samples.tell(kinds.DAYLIGHT, WATCH, times, times + 300, chance.integers(1, 6, len(times)).tolist())
        times = regularly(waking.wake, waking.bed, 19_000, chance)
        samples.tell(kinds.HANDWASHING, WATCH, times, times + 24, ["HKCategoryValueNotApplicable"] * len(times))
    times = regularly(waking.wake, waking.bed, 22_000, chance)
    speed = 4.9 + chance.normal(0, 0.25, len(times))
    samples.tell(kinds.WALKING_SPEED, PHONE, times, times + 90, speed.tolist())
    samples.tell(kinds.WALKING_STEP, PHONE, times, times + 90, np.rint(speed * 14.6).tolist())
    if chance.random() < 0.22:
        at = waking.bed - float(chance.uniform(2_400, 5_000))
        samples.once(
            kinds.MINDFUL,
            BREATH,
            at,
            "HKCategoryValueNotApplicable",
            lasts_s=float(chance.choice([300, 600])),
            inside=waking.zone,
        )
    if body.freshness < -0.35 and worn and chance.random() < 0.25:
        at = waking.wake + 25_500
        samples.once(
            kinds.SLEEP,
            WATCH,
            at,
            ASLEEP + "AsleepCore",
            lasts_s=float(chance.uniform(1_300, 2_500)),
            inside=waking.zone,
        )
