"""A target as a range in the unit that a provider takes: zones and percentages become numbers, and numbers percentages.

Every step that bends a value notes its warning. What is only another unit of the same thing (a pace as a speed) is
carried faithfully and warns of nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal

from workouts.domain.athlete import DEFAULTS, AthleteParameters
from workouts.domain.coercion import Code, Warnings
from workouts.domain.structure import IntensityTarget, TargetType
from workouts.domain.zones import Base, zone_range

Quantity = Literal["heart_rate", "power", "speed", "cadence", "rpe"]
# What the numbers of a range are: absolute (bpm, W, m/s, rpm, RPE), numbers of zones, or per cent of the athlete's own.
Unit = Literal["absolute", "zone", "ftp", "max_heart_rate", "threshold_heart_rate", "threshold_speed"]

# A single value becomes a range of so much to either side, relative to the value.
WIDENING = 0.05

QUANTITY: dict[TargetType, Quantity] = {
    TargetType.HEART_RATE: "heart_rate",
    TargetType.HEART_RATE_MAX_PERCENTAGE: "heart_rate",
    TargetType.HEART_RATE_THRESHOLD_PERCENTAGE: "heart_rate",
    TargetType.HEART_RATE_ZONE: "heart_rate",
    TargetType.POWER: "power",
    TargetType.POWER_PERCENTAGE: "power",
    TargetType.POWER_ZONE: "power",
    TargetType.SPEED: "speed",
    TargetType.PACE: "speed",
    TargetType.SPEED_PERCENTAGE: "speed",
    TargetType.CADENCE: "cadence",
    TargetType.RPE: "rpe",
}
_UNIT: dict[TargetType, Unit] = {
    TargetType.HEART_RATE_MAX_PERCENTAGE: "max_heart_rate",
    TargetType.HEART_RATE_THRESHOLD_PERCENTAGE: "threshold_heart_rate",
    TargetType.POWER_PERCENTAGE: "ftp",
    TargetType.SPEED_PERCENTAGE: "threshold_speed",
    TargetType.HEART_RATE_ZONE: "zone",
    TargetType.POWER_ZONE: "zone",
}
_WORDS: dict[Unit, str] = {
    "absolute": "an absolute value",
    "zone": "a zone",
    "ftp": "% of FTP",
    "max_heart_rate": "% of the highest heart rate",
    "threshold_heart_rate": "% of the heart rate at threshold",
    "threshold_speed": "% of the speed at threshold",
}
_PARAMETER_WORDS = {
    "ftp": ("the FTP", "W"),
    "max_heart_rate": ("the highest heart rate", "bpm"),
    "threshold_heart_rate": ("the heart rate at threshold", "bpm"),
    "threshold_speed": ("the speed at threshold", "m/s"),
    "pool_length_meters": ("the pool's length", "m"),
}


@dataclass(frozen=True, slots=True)
class Range:
    """`low` <= `high` in `unit`; of a speed the faster end is high, also where the target was a pace.

    `is_single`: it was one value, and was not widened.
    """

    quantity: Quantity
    unit: Unit
    low: float
    high: float
    is_single: bool = False

    @property
    def middle(self) -> float:
        return (self.low + self.high) / 2


def parameter(athlete: AthleteParameters, name: str, warnings: Warnings) -> float:
    """The athlete's number, else the one that stands in for it, with a warning under its bare name."""
    told = athlete.told(name)
    if told is not None:
        return told
    words, unit = _PARAMETER_WORDS[name]
    warnings.add(
        Code.ATHLETE_PARAMETER_MISSING,
        name,
        f"Nobody told {words} of this athlete: {DEFAULTS[name]:g} {unit} was used instead.",
    )
    return DEFAULTS[name]


def range_of(target: IntensityTarget) -> Range:
    """What the target tells, not yet widened: a single value, or the one end of a percentage, is both ends."""
    kind = target.target_type
    ends = [it for it in (target.value, target.value_low, target.value_high) if it is not None]
    low, high = min(ends), max(ends)
    if kind is TargetType.PACE:
        # Fewer seconds a kilometre are faster.
        low, high = 1000 / high, 1000 / low
    return Range(QUANTITY[kind], _UNIT.get(kind, "absolute"), low, high, is_single=len(ends) == 1)


def widened(one: Range, path: str, warnings: Warnings) -> Range:
    """A single value as a range of 5 % to either side, with a warning; RPE and zones stay as they are."""
    if not one.is_single or one.quantity == "rpe" or one.unit == "zone":
        return one
    low, high = one.low * (1 - WIDENING), one.high * (1 + WIDENING)
    warnings.add(
        Code.RANGE_WIDENED, path, f"A single value was widened by 5 % to either side: {low:.4g} to {high:.4g}."
    )
    return replace(one, low=low, high=high, is_single=False)


def in_unit(
    one: Range,
    accepted: Collection[Unit],
    *,
    preferred: Unit,
    zone_base: Base,
    athlete: AthleteParameters,
    path: str,
    warnings: Warnings,
    provider: str,
) -> Range:
    """The range in a unit that the provider takes: as it is where it takes that, else in the preferred one.

    `zone_base` is what zones of heart rate refer to at this provider; zones of power refer to FTP.
    """
    if one.unit in accepted:
        return one
    was = one.unit
    if one.unit == "zone":
        base: Base = "ftp" if one.quantity == "power" else zone_base
        zone = zone_range(base, one.low, one.high, athlete.table(base))
        one = replace(one, unit=base, low=zone.low, high=zone.high, is_single=False)
    if one.unit != preferred and one.unit not in accepted:
        one = _converted(one, preferred, athlete, warnings)
    warnings.add(
        Code.TARGET_CONVERTED,
        path,
        f"{provider} does not take {_WORDS[was]} here: it was sent as {_shown(one)}.",
    )
    return one


def _converted(one: Range, unit: Unit, athlete: AthleteParameters, warnings: Warnings) -> Range:
    """By way of the absolute value."""
    if one.unit != "absolute":
        share = parameter(athlete, one.unit, warnings) / 100
        one = replace(one, unit="absolute", low=one.low * share, high=one.high * share)
    if unit != "absolute":
        share = 100 / parameter(athlete, unit, warnings)
        one = replace(one, unit=unit, low=one.low * share, high=one.high * share)
    return one


def _shown(one: Range) -> str:
    unit = {"heart_rate": "bpm", "power": "W", "speed": "m/s", "cadence": "rpm", "rpe": ""}[one.quantity]
    words = unit if one.unit == "absolute" else _WORDS[one.unit]
    return f"{one.low:.4g} to {one.high:.4g} {words}".strip()
