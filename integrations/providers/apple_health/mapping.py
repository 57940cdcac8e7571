"""Apple's Workout and ActivitySummary elements, and the words of its samples, as our values.

A figure comes from WorkoutStatistics first (iOS 16 and later), then from the Workout's own attributes, else it is not
told. Times carry the offset of the place where HKTimeZone names it, else that of the phone when it exported.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from activities.domain.parsed import ParsedActivity, Stream
from activities.formats.apple_health import Element, date_of, parse_element, route_id
from activities.formats.apple_health.identity import device_fields, workout_identity
from integrations.errors import UnexpectedPayload
from integrations.providers.apple_health.events import intervals, read_events
from integrations.providers.apple_health.facts import Facts, duration_s, end_of, number, quantity, zone_named
from integrations.providers.apple_health.sports import NAME_OF, PREFIX, sport_of
from trainstack.sports import family, is_step_sport
from trainstack.units import convert

PROVIDER = "apple_health"

# HKCategoryValueSleepAnalysis: the words of the export (`Asleep` alone before iOS 16), and the SDK's numbers.
STAGES: dict[str, str] = {
    f"HKCategoryValueSleepAnalysis{word}": stage
    for word, stage in {
        "InBed": "in_bed",
        "Asleep": "asleep",
        "AsleepUnspecified": "asleep",
        "Awake": "awake",
        "AsleepCore": "light",
        "AsleepDeep": "deep",
        "AsleepREM": "rem",
    }.items()
} | {"0": "in_bed", "1": "asleep", "2": "awake", "3": "light", "4": "deep", "5": "rem"}

# Words that stand for a number, by metric: an hour is stood through or not.
WORDS: dict[str, dict[str, float]] = {
    "stand_hours": {
        "HKCategoryValueAppleStandHourStood": 1.0,
        "HKCategoryValueAppleStandHourIdle": 0.0,
        "0": 1.0,
        "1": 0.0,
    }
}

_SWIM_LOCATIONS = {1: "pool", 2: "open water"}
# Each kind of distance and the sports that move so.
_DISTANCES: dict[str, tuple[str, ...]] = {
    "DistanceWalkingRunning": ("running", "walking"),
    "DistanceCycling": ("cycling", "hand_cycling"),
    "DistanceSwimming": ("swimming",),
    "DistanceWheelchair": ("wheelchair",),
    "DistanceDownhillSnowSports": ("alpine_skiing", "snowboarding", "snow_sports"),
    "DistanceRowing": ("rowing",),
    "DistancePaddleSports": ("paddling",),
    "DistanceCrossCountrySkiing": ("xc_skiing",),
    "DistanceSkatingSports": ("skating",),
}
_POWERS = ("CyclingPower", "RunningPower")
_SPEEDS = (
    "RunningSpeed", "CyclingSpeed", "WalkingSpeed", "RowingSpeed", "PaddleSportsSpeed", "CrossCountrySkiingSpeed",
)  # fmt: skip
# What shows which leg of a multisport workout this is, where the export does not say: it names no type of a leg.
_LEG_SIGNS = (
    ("HKWorkoutActivityTypeSwimming", ("DistanceSwimming", "SwimmingStrokeCount")),
    ("HKWorkoutActivityTypeCycling", ("DistanceCycling", "CyclingSpeed", "CyclingPower", "CyclingCadence")),
    ("HKWorkoutActivityTypeRunning", ("DistanceWalkingRunning", "RunningSpeed", "RunningPower")),
)
_TRANSITION_TYPE = PREFIX + "Transition"
# Nobody changes shoes for longer, and hardly a race has a shorter run between two other legs.
_LONGEST_TRANSITION_S = 600
_MULTISPORT_TYPE = PREFIX + "SwimBikeRun"

_ZONE_ENTRY = re.compile(r"<[^<>]*[\"']HKTimeZone[\"'][^<>]*>")


def parse_workout(xml: bytes) -> list[ParsedActivity]:
    """The workout, and behind it the legs of a multisport workout, each with parent 0.

    Raises UnexpectedPayload where there is no Workout element or it does not say when it started.
    """
    try:
        workout = parse_element(xml)
    except ValueError as error:
        raise UnexpectedPayload("This holds no XML element.") from error
    if workout.tag != "Workout":
        raise UnexpectedPayload(f"A Workout was expected here, not {workout.tag}.")
    start = date_of(workout.get("startDate"))
    if start is None:
        raise UnexpectedPayload(f"The workout has no start that can be read: {workout.get('startDate')!r}.")

    activity_type = workout.get("workoutActivityType")
    legs = workout.all("WorkoutActivity")
    facts = Facts.of(workout, legs if len(legs) == 1 else ())
    offset = _offset(start, facts.metadata.get("HKTimeZone", ""))
    leg_types = _leg_types(activity_type, legs)
    parent = _activity(workout, facts, activity_type, start.astimezone(offset), end_of(workout, start))
    parent = replace(parent, external_id=workout_identity(workout.attributes))
    if len(legs) < 2:
        return [parent]
    if not leg_types:
        return [replace(parent, laps=parent.laps + intervals(legs, parent.start_time))]
    children = []
    for place, (leg, leg_type) in enumerate(zip(legs, leg_types, strict=True), start=1):
        following = date_of(legs[place].get("startDate")) if place < len(legs) else end_of(workout, start)
        begin = date_of(leg.get("startDate")) or start
        child = _activity(
            leg, Facts.of(leg), leg_type, begin.astimezone(offset), end_of(leg, begin) or following, workout
        )
        told_type = _told_leg_type(leg)
        children.append(replace(child, external_id=f"{parent.external_id}#{place}", provider_type=told_type, parent=0))
    return [parent, *children]


def parse_activity_summary(attributes: str) -> dict[str, float]:
    """The rings of one day, by metric, from an ActivitySummary's attributes. A ring without goal and value is none."""
    told = parse_element(b"<ActivitySummary %b/>" % attributes.encode()).attributes
    rings: dict[str, float] = {}
    for metric, name, unit, wanted in (
        ("ring_move", "activeEnergyBurned", told.get("activeEnergyBurnedUnit") or "kcal", "kcal"),
        ("ring_move_time", "appleMoveTime" if "appleMoveTime" in told else "appleMoveMinutes", "min", "min"),
        ("ring_exercise", "appleExerciseTime", "min", "min"),
        ("ring_stand", "appleStandHours", "h", "h"),
    ):
        value = convert(number(told.get(name)), unit, wanted)
        goal = convert(number(told.get(name + "Goal")), unit, wanted)
        if not value and not goal:
            continue
        rings |= {key: figure for key, figure in ((metric, value), (f"{metric}_goal", goal)) if figure is not None}
    return rings


@lru_cache(maxsize=1024)
def zone_of(detail: str) -> ZoneInfo | None:
    """The time zone that a sample's metadata names; None where there is none."""
    entry = _ZONE_ENTRY.search(detail)
    return zone_named(parse_element(entry.group().encode()).get("value")) if entry else None


def _activity(
    element: Element,
    facts: Facts,
    activity_type: str,
    start: datetime,
    end: datetime | None,
    parent: Element | None = None,
) -> ParsedActivity:
    """One Workout, or one leg of it: a leg's source and device are its parent's."""
    whole = parent or element
    indoor = facts.whole("HKIndoorWorkout")
    swimming = facts.whole("HKSwimmingLocationType")
    sport = sport_of(
        activity_type,
        indoor=None if indoor is None else bool(indoor),
        swimming_location=swimming,
        source_name=whole.get("sourceName"),
    )
    elapsed = (end - start).total_seconds() if end and end >= start else None
    timer = duration_s(element)
    active = _first(
        facts.statistic("ActiveEnergyBurned", "sum", "kcal"),
        convert(number(element.get("totalEnergyBurned")), element.get("totalEnergyBurnedUnit"), "kcal"),
    )
    basal = facts.statistic("BasalEnergyBurned", "sum", "kcal")
    events = read_events(facts, sport, start, end)
    return ParsedActivity(
        external_id="",
        sport=sport,
        start_time=start,
        provider=PROVIDER,
        provider_type=activity_type,
        name=facts.metadata.get("HKWorkoutBrandName", ""),
        utc_offset_s=round((start.utcoffset() or timedelta()).total_seconds()),
        elapsed_s=elapsed,
        timer_s=timer,
        distance_m=_distance(facts, element, sport),
        elevation_gain_m=facts.quantity("HKElevationAscended", "m"),
        elevation_loss_m=facts.quantity("HKElevationDescended", "m"),
        energy_kcal=active + basal if active is not None and basal is not None else None,
        active_energy_kcal=active,
        avg_heart_rate_bpm=facts.statistic("HeartRate", "average", "bpm"),
        max_heart_rate_bpm=facts.statistic("HeartRate", "maximum", "bpm"),
        min_heart_rate_bpm=facts.statistic("HeartRate", "minimum", "bpm"),
        avg_power_w=facts.statistic(_POWERS, "average", "W"),
        max_power_w=facts.statistic(_POWERS, "maximum", "W"),
        avg_cadence_rpm=_cadence(facts, sport, timer or elapsed),
        max_cadence_rpm=facts.statistic("CyclingCadence", "maximum", "rpm"),
        avg_speed_mps=_first(facts.statistic(_SPEEDS, "average", "m/s"), facts.quantity("HKAverageSpeed", "m/s")),
        max_speed_mps=_first(facts.statistic(_SPEEDS, "maximum", "m/s"), facts.quantity("HKMaximumSpeed", "m/s")),
        device=_device(whole.get("device")),
        source_name=whole.get("sourceName"),
        laps=events.laps,
        pauses=events.pauses,
        streams=_location_streams(element, start),
        extra=_extra(element, facts, events.others),
    )


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)


def _distance(facts: Facts, element: Element, sport: str) -> float | None:
    """Metres in the sport's own way of moving; of a multisport workout all of them together."""
    known = facts.distances()
    if known and family(sport) == "multisport":
        return sum(known.values())
    own = [metres for name, metres in known.items() if family(sport) in _DISTANCES.get(name, ())]
    # Two kinds of distance told of one sport are the same movement twice, so never their sum.
    return _first(
        *own,
        max(known.values(), default=None),
        convert(number(element.get("totalDistance")), element.get("totalDistanceUnit"), "m"),
    )


def _cadence(facts: Facts, sport: str, seconds: float | None) -> float | None:
    """Turns a minute as told; steps a minute, both feet, over the timer's time where the sport steps."""
    if not is_step_sport(sport):
        return facts.statistic("CyclingCadence", "average", "rpm")
    steps = facts.statistic("StepCount", "sum", "count")
    return steps / seconds * 60 if steps is not None and seconds else None


def _device(told: str) -> str:
    fields = device_fields(told)
    name = fields.get("name") or fields.get("model") or ""
    hardware = fields.get("hardware") or ""
    return f"{name} ({hardware})" if name and hardware else name or hardware


def _leg_types(activity_type: str, legs: Sequence[Element]) -> list[str]:
    """The type of each leg of a multisport workout; empty where the parts are of one sport."""
    told = [_told_leg_type(leg) for leg in legs]
    if activity_type != _MULTISPORT_TYPE and len({kind for kind in told if kind}) < 2:
        return []
    types = [kind or _leg_type_by_signs(leg) for kind, leg in zip(told, legs, strict=True)]
    for index, leg in enumerate(legs):
        seconds = duration_s(leg)
        on_foot = types[index] == PREFIX + "Running" and not told[index]
        # Walking the bike through the transition area is told as walking too.
        if on_foot and 0 < index < len(legs) - 1 and (seconds or 0) < _LONGEST_TRANSITION_S:
            types[index] = _TRANSITION_TYPE
    return types


def _told_leg_type(leg: Element) -> str:
    if leg.get("workoutActivityType"):
        return leg.get("workoutActivityType")
    return NAME_OF.get(Facts.of(leg).whole("HKActivityType") or 0, "")


def _leg_type_by_signs(leg: Element) -> str:
    told = Facts.of(leg).statistics
    return next((kind for kind, signs in _LEG_SIGNS if not told.keys().isdisjoint(signs)), _TRANSITION_TYPE)


# Metadata that has a place of its own in the activity or in `extra`: quantities with our unit, and plain numbers.
_PLACED_QUANTITIES = {
    "HKElevationAscended": "m",
    "HKElevationDescended": "m",
    "HKAverageSpeed": "m/s",
    "HKMaximumSpeed": "m/s",
    "HKLapLength": "m",
    "HKWeatherTemperature": "degC",
    "HKAverageMETs": "MET",
}
_PLACED_NUMBERS = frozenset({"HKIndoorWorkout", "HKWasUserEntered"})


def _extra(element: Element, facts: Facts, events: list[dict[str, Any]]) -> dict[str, Any]:
    """What has no field, under plain names; metadata and statistics as told below them."""
    indoor, entered = facts.whole("HKIndoorWorkout"), facts.whole("HKWasUserEntered")
    swimming = facts.whole("HKSwimmingLocationType")
    placed: dict[str, Any] = {
        "time_zone": facts.metadata.get("HKTimeZone") if _is_placed("HKTimeZone", facts) else None,
        "indoor": None if indoor is None else bool(indoor),
        "user_entered": None if entered is None else bool(entered),
        "swimming_location": _SWIM_LOCATIONS.get(swimming or 0),
        "pool_length_m": facts.quantity("HKLapLength", "m"),
        "strokes": facts.statistic("SwimmingStrokeCount", "sum", "count"),
        "steps": facts.statistic("StepCount", "sum", "count"),
        "weather_temperature_c": facts.quantity("HKWeatherTemperature", "degC"),
        "weather_humidity_ratio": _humidity(facts.metadata.get("HKWeatherHumidity")),
        "average_mets": facts.quantity("HKAverageMETs", "MET"),
        "effort_score": _score(facts, "WorkoutEffortScore"),
        "estimated_effort_score": _score(facts, "EstimatedWorkoutEffortScore"),
        "basal_energy_kcal": facts.statistic("BasalEnergyBurned", "sum", "kcal"),
    }
    metadata = {
        key: told for key, told in facts.all_metadata.items() if isinstance(told, list) or not _is_placed(key, facts)
    }
    routes = [
        route_id(file.get("path"))
        for route in element.all("WorkoutRoute")
        for file in route.all("FileReference")
        if file.get("path")
    ]
    lists: dict[str, Any] = {
        "metadata": metadata,
        "statistics": [{name: _figure(name, told) for name, told in row.items()} for row in facts.all_statistics],
        "events": events,
        "routes": list(dict.fromkeys(routes)),
        "attributes": _told(element, *_READ_ATTRIBUTES),
    }
    return {key: value for key, value in placed.items() if value is not None} | {
        key: value for key, value in lists.items() if value
    }


def _figure(name: str, told: str) -> float | str:
    value = number(told) if name in ("sum", "average", "minimum", "maximum") else None
    return told if value is None else value


_READ_ATTRIBUTES = (
    "workoutActivityType", "duration", "durationUnit", "totalDistance", "totalDistanceUnit", "totalEnergyBurned",
    "totalEnergyBurnedUnit", "sourceName", "startDate", "endDate", "device",
)  # fmt: skip


def _is_placed(key: str, facts: Facts) -> bool:
    """Whether this metadata was read under a name of ours; what could not be read stays as it was told."""
    if key in _PLACED_QUANTITIES:
        return facts.quantity(key, _PLACED_QUANTITIES[key]) is not None
    if key in _PLACED_NUMBERS:
        return facts.whole(key) is not None
    match key:
        case "HKTimeZone":
            return zone_named(facts.metadata.get(key, "")) is not None
        case "HKSwimmingLocationType":
            return facts.whole(key) in _SWIM_LOCATIONS
        case "HKWeatherHumidity":
            return _humidity(facts.metadata.get(key)) is not None
    return key == "HKWorkoutBrandName"


def _score(facts: Facts, name: str) -> float | None:
    return _first(
        *(facts.statistic(name, figure, "appleEffortScore") for figure in ("average", "maximum", "sum")),
        facts.quantity(name, "appleEffortScore"),
    )


def _humidity(told: str | None) -> float | None:
    """Apple writes 96 % as "96 %", as "9600 %" and as a share of 1."""
    value, _ = quantity(told)
    if value is None or value < 0:
        return None
    return value if value <= 1 else value / 100 if value <= 100 else value / 10_000


def _location_streams(element: Element, start: datetime) -> dict[str, Stream]:
    """Position, altitude and speed where they stand in the workout itself, as in exports up to iOS 10."""
    points = []
    for location in (location for route in element.all("WorkoutRoute") for location in route.all("Location")):
        moment = date_of(location.get("date"))
        latitude, longitude = number(location.get("latitude")), number(location.get("longitude"))
        if moment is not None and latitude is not None and longitude is not None:
            speed = number(location.get("speed"))
            altitude = number(location.get("altitude"))
            points.append(
                (
                    (moment - start).total_seconds(),
                    latitude,
                    longitude,
                    math.nan if altitude is None else altitude,
                    # Below zero: Core Location does not know.
                    math.nan if speed is None or speed < 0 else speed,
                )
            )
    if not points:
        return {}
    table = np.array(points, np.float64)
    table = table[np.argsort(table[:, 0], kind="stable")]
    return {
        name: Stream(table[:, 0], table[:, column])
        for column, name in enumerate(("latitude", "longitude", "altitude", "speed"), start=1)
        if not np.isnan(table[:, column]).all()
    }


def _told(element: Element, *but: str) -> dict[str, str]:
    return {name: value for name, value in element.attributes.items() if name not in but}


def _offset(start: datetime, zone_name: str) -> timezone:
    zone = zone_named(zone_name)
    return timezone((start.astimezone(zone) if zone else start).utcoffset() or timedelta())
