"""A recording as Apple tells it: samples beside it, one Workout element, and a GPX file for its route."""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from trainstack.demo import kinds
from trainstack.demo.apple import Clock, Kind, Samples, metadata, opened
from trainstack.demo.athlete import HOME, WATCH, dice
from trainstack.demo.body import Body
from trainstack.demo.everyday import BASAL_KCAL_A_DAY, outside
from trainstack.demo.routes import METRES_A_DEGREE, rounded
from trainstack.demo.sessions import Leg, Recording, wobble

Floats = NDArray[np.float64]

ACTIVITY = {
    "easy_run": "Running", "long_run": "Running", "tempo_run": "Running", "interval_run": "Running",
    "race_run": "Running", "treadmill": "Running", "ride": "Cycling", "indoor_ride": "Cycling", "swim": "Swimming",
    "strength": "TraditionalStrengthTraining", "yoga": "Yoga", "hike": "Hiking", "walk": "Walking",
    "triathlon": "SwimBikeRun",
}  # fmt: skip
LEG_ACTIVITY = {"open_water": "Swimming", "transition": "Transition", "ride": "Cycling", "run": "Running"}
# One to ten, as she rates it afterwards.
EFFORT = {
    "easy_run": 3, "long_run": 5, "tempo_run": 7, "interval_run": 8, "race_run": 10, "treadmill": 3, "ride": 5,
    "indoor_ride": 7, "swim": 5, "strength": 5, "yoga": 1, "hike": 4, "walk": 1, "triathlon": 10,
}  # fmt: skip


@dataclass(frozen=True)
class Pace:
    """How often a sport's samples come, in seconds; dense recordings have more."""

    pulse_s: int
    motion_s: int
    total_s: int
    point_s: int


USUAL = {
    "run": Pace(30, 90, 300, 5), "ride": Pace(40, 90, 300, 8), "hike": Pace(60, 120, 600, 12),
    "walk": Pace(30, 60, 300, 6), "swim": Pace(30, 60, 300, 5), "open_water": Pace(10, 60, 120, 4),
    "still": Pace(30, 60, 300, 5), "transition": Pace(10, 60, 60, 5),
}  # fmt: skip
DENSE = {"run": Pace(5, 10, 60, 2), "ride": Pace(10, 20, 60, 4)}
FORM_S = 120


@dataclass(frozen=True)
class Statistic:
    """What a workout says of one kind: a sum, or average, minimum and maximum."""

    kind: Kind
    values: Sequence[float]

    def element(self, dates: str, indent: str) -> str:
        values, decimals = np.array(self.values), max(self.kind.decimals, 2)
        if self.kind in SUMMED:
            told = f'sum="{values.sum():.{decimals}f}"'
        else:
            told = f'average="{values.mean():.{decimals}f}" minimum="{values.min():g}" maximum="{values.max():g}"'
        return f'{indent}<WorkoutStatistics type="{self.kind.name}" {dates} {told} unit="{self.kind.unit}"/>\n'


SUMMED = {
    kinds.ACTIVE_ENERGY, kinds.BASAL_ENERGY, kinds.STEPS, kinds.STROKES, kinds.DISTANCE_ON_FOOT,
    kinds.DISTANCE_BY_BIKE, kinds.DISTANCE_SWUM,
}  # fmt: skip
DISTANCE = {
    "run": kinds.DISTANCE_ON_FOOT, "hike": kinds.DISTANCE_ON_FOOT, "walk": kinds.DISTANCE_ON_FOOT,
    "ride": kinds.DISTANCE_BY_BIKE, "swim": kinds.DISTANCE_SWUM, "open_water": kinds.DISTANCE_SWUM,
}  # fmt: skip


# --- samples --------------------------------------------------------------------------------


class Watch:
    """Writes down a leg: each sample goes to the export and into the leg's statistics."""

    def __init__(self, samples: Samples, leg: Leg, body: Body, *, dense: bool, chance: np.random.Generator) -> None:
        self.samples, self.leg, self.body, self.chance = samples, leg, body, chance
        usual = USUAL[leg.kind]
        self.pace = DENSE.get(leg.kind, usual) if dense else usual
        self.statistics: list[Statistic] = []

    def note(self) -> list[Statistic]:
        leg, pace = self.leg, self.pace
        self.now(kinds.HEART_RATE, pace.pulse_s, leg.heart_rate)
        self.totals(kinds.ACTIVE_ENERGY, leg.active_kcal)
        self.statistics.append(Statistic(kinds.BASAL_ENERGY, [leg.elapsed_s * BASAL_KCAL_A_DAY / 86_400]))
        if leg.distance_m is not None and not leg.lengths:
            scale = 1.0 if leg.kind == "open_water" else 0.001
            self.totals(DISTANCE[leg.kind], leg.distance_m * scale)
        if leg.lengths:
            self.lengths()
        if leg.kind in ("run", "hike", "walk") and leg.cadence is not None:
            self.totals(kinds.STEPS, np.cumsum(leg.cadence / 12))  # a minute has twelve steps of the grid
        if leg.kind == "run":
            self.running()
        if leg.kind == "ride":
            self.riding()
        minutes = np.arange(0, leg.elapsed_s - 299, 300)
        if leg.kind != "transition" and leg.heart_rate.mean() > 90:
            self.samples.tell(
                kinds.EXERCISE_TIME, WATCH, leg.start + minutes, leg.start + minutes + 300, [5.0] * len(minutes)
            )
        return self.statistics

    def running(self) -> None:
        leg, pace = self.leg, self.pace
        assert leg.power is not None
        assert leg.cadence is not None
        speed = leg.speed
        self.now(kinds.RUNNING_POWER, pace.motion_s, leg.power)
        self.now(kinds.RUNNING_SPEED, pace.motion_s, speed * 3.6)
        self.now(kinds.RUNNING_STRIDE, FORM_S, speed * 60 / leg.cadence)
        self.now(kinds.RUNNING_CONTACT, FORM_S, 262 - 42 * (speed - 2.7) + wobble(len(speed), self.chance, 2, 4))
        self.now(kinds.RUNNING_OSCILLATION, FORM_S, 8.6 + 0.5 * (speed - 2.7) + wobble(len(speed), self.chance, 0.1, 4))

    def riding(self) -> None:
        leg, pace = self.leg, self.pace
        assert leg.power is not None
        assert leg.cadence is not None
        self.now(kinds.CYCLING_POWER, pace.motion_s, leg.power)
        self.now(kinds.CYCLING_CADENCE, pace.motion_s, leg.cadence)
        if leg.distance_m is not None:
            self.now(kinds.CYCLING_SPEED, pace.motion_s, leg.speed * 3.6)

    def now(self, kind: Kind, step_s: int, values: Floats) -> None:
        """A value every so many seconds, while she moves; times are not quite regular."""
        leg = self.leg
        times = np.arange(step_s / 2, leg.elapsed_s, step_s)
        times = np.rint(times + self.chance.uniform(-0.35, 0.35, len(times)) * step_s)
        times = times[outside(times, [(first, first + lasts) for first, lasts in leg.pauses])]
        told = np.round(np.interp(times, leg.time_s, values), kind.decimals)
        self.samples.tell(kind, WATCH, leg.start + times, leg.start + times, told.tolist())
        self.statistics.append(Statistic(kind, told.tolist()))

    def totals(self, kind: Kind, running_total: Floats) -> None:
        """What was added in each stretch; stretches in which nothing was added are left out."""
        leg = self.leg
        edges = np.append(np.arange(0, leg.elapsed_s - 10, self.pace.total_s), leg.elapsed_s)
        at_edges = np.interp(edges, np.concatenate([[0], leg.time_s]), np.concatenate([[0], running_total]))
        # Differences of the rounded total, so that the pieces add up to it.
        told = np.diff(np.round(at_edges, kind.decimals))
        kept = told > 10**-kind.decimals / 2
        start, end = leg.start + edges[:-1][kept], leg.start + edges[1:][kept]
        self.samples.tell(kind, WATCH, start, end, told[kept].tolist())
        self.statistics.append(Statistic(kind, told[kept].tolist()))

    def lengths(self) -> None:
        leg = self.leg
        starts = [leg.start + length.start_s for length in leg.lengths]
        ends = [leg.start + length.start_s + length.seconds for length in leg.lengths]
        for kind, values, style in (
            (kinds.DISTANCE_SWUM, [25.0] * len(starts), ""),
            (kinds.STROKES, [float(length.strokes) for length in leg.lengths], "HKSwimmingStrokeStyle"),
        ):
            inside = [
                f'\n  <MetadataEntry key="{style}" value="{length.stroke}"/>' if style else "" for length in leg.lengths
            ]
            self.samples.tell(kind, WATCH, starts, ends, values, inside)
            self.statistics.append(Statistic(kind, values))


def merged(parts: Sequence[Sequence[Statistic]]) -> list[Statistic]:
    """The statistics of the whole, from those of its legs; distances of different sports stay apart."""
    values: dict[Kind, list[float]] = {}
    for part in parts:
        for statistic in part:
            values.setdefault(statistic.kind, []).extend(statistic.values)
    return [Statistic(kind, told) for kind, told in values.items()]


# --- the element ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Written:
    """A workout ready for the export; the route is (path in the export's folder, GPX) where there was one."""

    element: str
    route: tuple[str, Callable[[], bytes]] | None
    active_kcal: float
    exercise_min: int


def write(recording: Recording, samples: Samples, body: Body, clock: Clock) -> Written:
    """Tells the samples of a recording and returns the rest."""
    session = recording.session
    chance = dice(session.day, "watch " + session.kind)
    parts = [Watch(samples, leg, body, dense=session.dense, chance=chance).note() for leg in recording.legs]
    whole = merged(parts)
    if recording.recovery_bpm is not None:
        samples.once(kinds.HEART_RATE_RECOVERY, WATCH, recording.end + 62, recording.recovery_bpm)
    if ACTIVITY[session.kind] == "Running" and not recording.indoor:
        test = '\n  <MetadataEntry key="HKVO2MaxTestType" value="2"/>'
        samples.once(kinds.VO2MAX, WATCH, recording.end, body.vo2max, inside=test)
    samples.once(
        kinds.EFFORT, WATCH, recording.start, float(EFFORT[session.kind]), lasts_s=recording.end - recording.start
    )
    kcal = sum(float(leg.active_kcal[-1]) for leg in recording.legs)
    element = "".join(
        [
            workout_opening(recording, clock),
            metadata(about(recording, body, kcal), "  "),
            *(event for leg in recording.legs for event in events(leg, clock)),
            *(_activities(recording, parts, clock) if len(recording.legs) > 1 else []),
            *(statistic.element(_dates(recording.start, recording.end, clock), "  ") for statistic in whole),
        ]
    )
    path = ""
    if any(leg.route is not None for leg in recording.legs):
        path = f"/workout-routes/route_{route_name(recording.end)}.gpx"
        element += route_element(recording, path, clock)
    moving = sum(leg.moving_s for leg in recording.legs)
    return Written(
        element + " </Workout>\n",
        (path, lambda: gpx(recording)) if path else None,
        kcal,
        int(moving // 60) if EFFORT[session.kind] > 1 else 0,
    )


def _dates(start: float, end: float, clock: Clock) -> str:
    first, last = clock.write(np.array([start, end]))
    return f'startDate="{first}" endDate="{last}"'


def workout_opening(recording: Recording, clock: Clock) -> str:
    activity = ACTIVITY[recording.session.kind]
    moving = sum(leg.moving_s for leg in recording.legs)
    tag = f' <Workout workoutActivityType="HKWorkoutActivityType{activity}" {_lasting(moving)}'
    created = clock.one(recording.end + 7)
    dates = _dates(recording.start, recording.end, clock)
    return f'{opened(tag, WATCH, recording.start)} creationDate="{created}" {dates}>\n'


def _lasting(seconds: float) -> str:
    return f'duration="{seconds / 60:.8f}" durationUnit="min"'


def about(recording: Recording, body: Body, kcal: float) -> dict[str, str]:
    """The metadata that the watch adds."""
    hours = sum(leg.moving_s for leg in recording.legs) / 3600
    entries = {
        "HKIndoorWorkout": str(int(recording.indoor)),
        "HKTimeZone": recording.session.place.zone.key,
        "HKAverageMETs": f"{(kcal / hours + BASAL_KCAL_A_DAY / 24) / body.weight_kg:.4f} kcal/hr\u00b7kg",
    }
    if recording.session.kind == "swim":
        entries |= {"HKSwimmingLocationType": "1", "HKLapLength": "25 m"}
    if recording.weather:
        warm_c, humid = recording.weather
        entries |= {
            "HKWeatherTemperature": f"{warm_c * 1.8 + 32:.0f} degF",
            "HKWeatherHumidity": f"{humid * 100:.0f}00 %",
        }
    climbed = sum(ascent(leg) for leg in recording.legs)
    if climbed:
        entries["HKElevationAscended"] = f"{climbed * 100:.0f} cm"
    return entries


def ascent(leg: Leg) -> float:
    """Metres climbed on the leg's route; the lake has none."""
    if leg.route is None or leg.kind == "open_water":
        return 0.0
    return float(np.clip(np.diff(rounded(leg.route.altitude_m, 5)), 0, None).sum())


def events(leg: Leg, clock: Clock) -> list[str]:
    """Pauses, then lengths, repeats or kilometres."""
    told = []
    for first, lasts in leg.pauses:
        for kind, at in (("Pause", first), ("Resume", first + lasts)):
            told.append(f'  <WorkoutEvent type="HKWorkoutEventType{kind}" date="{clock.one(leg.start + at)}"/>\n')
    for length in leg.lengths:
        told.append(
            f'  <WorkoutEvent type="HKWorkoutEventTypeLap" date="{clock.one(leg.start + length.start_s)}"'
            f" {_lasting(length.seconds)}>\n"
            f'   <MetadataEntry key="HKSwimmingStrokeStyle" value="{length.stroke}"/>\n  </WorkoutEvent>\n'
        )
    for first, last in leg.repeats or splits(leg):
        told.append(
            f'  <WorkoutEvent type="HKWorkoutEventTypeSegment" date="{clock.one(leg.start + first)}"'
            f" {_lasting(last - first)}/>\n"
        )
    return told


def splits(leg: Leg) -> list[tuple[float, float]]:
    """First and last second of every full kilometre of a run, or five of a ride."""
    every_m = {"run": 1_000.0, "ride": 5_000.0}.get(leg.kind)
    if every_m is None or leg.distance_m is None:
        return []
    ends = np.interp(np.arange(every_m, leg.distance_m[-1], every_m), leg.distance_m, leg.time_s).tolist()
    return list(zip([0.0, *ends], ends, strict=False))


def _activities(recording: Recording, parts: Sequence[Sequence[Statistic]], clock: Clock) -> list[str]:
    """The legs of a multisport workout."""
    told = []
    for number, (leg, statistics) in enumerate(zip(recording.legs, parts, strict=True)):
        key = uuid.uuid5(uuid.NAMESPACE_OID, f"{recording.start:.0f} {number}")
        dates = _dates(leg.start, leg.end, clock)
        entries = {"HKActivityType": LEG_ACTIVITY[leg.kind]}
        if leg.kind == "open_water":
            entries["HKSwimmingLocationType"] = "2"
        told.append(
            f'  <WorkoutActivity uuid="{str(key).upper()}" {dates} {_lasting(leg.moving_s)}>\n'
            + metadata(entries, "   ")
            + "".join(statistic.element(dates, "   ") for statistic in statistics)
            + "  </WorkoutActivity>\n"
        )
    return told


def route_element(recording: Recording, path: str, clock: Clock) -> str:
    tag = opened("  <WorkoutRoute", WATCH, recording.start)
    return (
        f'{tag} creationDate="{clock.one(recording.end + 9)}" {_dates(recording.start, recording.end, clock)}>\n'
        f'   <MetadataEntry key="HKMetadataKeySyncVersion" value="2"/>\n   <FileReference path="{path}"/>\n'
        "  </WorkoutRoute>\n"
    )


# --- the route ------------------------------------------------------------------------------


def route_name(end: float) -> str:
    """`2026-03-02_5.47pm`, on the phone's clock."""
    moment = datetime.fromtimestamp(end, UTC).astimezone(HOME.zone)
    return f"{moment:%Y-%m-%d}_{moment.hour % 12 or 12}.{moment:%M}{'am' if moment.hour < 12 else 'pm'}"


def gpx(recording: Recording) -> bytes:
    """The track as Apple writes it: a point every few seconds of movement, with speed, course and accuracy."""
    moment = datetime.fromtimestamp(recording.end, UTC)
    chance = dice(recording.session.day, "route " + recording.session.kind)
    dense = recording.session.dense
    name = route_name(recording.end).replace("_", " ").replace(".", ":")
    points = [line for leg in recording.legs if leg.route is not None for line in trackpoints(leg, chance, dense=dense)]
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<gpx version="1.1" creator="Apple Health Export" xmlns="http://www.topografix.com/GPX/1/1"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        ' xsi:schemaLocation="http://www.topografix.com/GPX/1/1 http://www.topografix.com/GPX/1/1/gpx.xsd">\n'
        f"  <metadata>\n    <time>{moment:%Y-%m-%dT%H:%M:%SZ}</time>\n  </metadata>\n"
        f"  <trk>\n    <name>Route {name}</name>\n    <trkseg>\n"
        + "".join(points)
        + "    </trkseg>\n  </trk>\n</gpx>\n"
    ).encode()


def trackpoints(leg: Leg, chance: np.random.Generator, *, dense: bool) -> list[str]:
    """One line a point. The receiver wanders by a metre or two, and so does its height."""
    assert leg.route is not None
    assert leg.distance_m is not None
    pace = DENSE.get(leg.kind, USUAL[leg.kind]) if dense else USUAL[leg.kind]
    times = np.arange(1.0, leg.elapsed_s, pace.point_s)
    times = times[outside(times, [(first, first + lasts) for first, lasts in leg.pauses])]
    distance = np.interp(times, leg.time_s, leg.distance_m)
    along = distance % leg.route.length_m if leg.kind == "open_water" else distance
    count = len(times)
    north, east = wobble(count, chance, 0.7, 12), wobble(count, chance, 0.7, 12)
    latitude = np.interp(along, leg.route.distance_m, leg.route.latitude) + north / METRES_A_DEGREE
    shrink = math.cos(math.radians(leg.route.latitude[0]))
    longitude = np.interp(along, leg.route.distance_m, leg.route.longitude) + east / (METRES_A_DEGREE * shrink)
    altitude = np.interp(along, leg.route.distance_m, leg.route.altitude_m) + wobble(count, chance, 0.25, 15)
    course = np.degrees(np.arctan2(np.gradient(longitude) * shrink, np.gradient(latitude))) % 360
    speed = np.interp(times, leg.time_s, leg.speed)
    accuracy = 2.4 + np.abs(wobble(count, chance, 0.6, 8))
    clock = np.datetime_as_string((leg.start + times).astype("datetime64[s]")).tolist()
    return [
        f'      <trkpt lon="{lon:.6f}" lat="{lat:.6f}"><ele>{ele:.6f}</ele><time>{time}Z</time><extensions>'
        f"<speed>{v:.6f}</speed><course>{to:.6f}</course><hAcc>{acc:.6f}</hAcc><vAcc>{acc * 0.8:.6f}</vAcc>"
        "</extensions></trkpt>\n"
        for lon, lat, ele, time, v, to, acc in zip(
            longitude.tolist(), latitude.tolist(), altitude.tolist(), clock, speed.tolist(), course.tolist(),
            accuracy.tolist(), strict=True,
        )
    ]  # fmt: skip
