"""The athlete's numbers that percentages and zones refer to, and those that stand in for what is not told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from workouts.domain.zones import TABLES, Base, Zone

# The same for every provider, and warned about wherever one is used. No provider publishes its own.
DEFAULTS: dict[str, float] = {
    "ftp": 200.0,
    "max_heart_rate": 190.0,
    "threshold_heart_rate": 170.0,
    "threshold_speed": 3.33,
    "pool_length_meters": 25.0,
}


@dataclass(frozen=True, slots=True)
class AthleteParameters:
    """bpm, watts, m/s, metres; None is "not told". `zones` are the athlete's own tables, in per cent of their base."""

    max_heart_rate: float | None = None
    threshold_heart_rate: float | None = None
    ftp: float | None = None
    threshold_speed: float | None = None
    pool_length_meters: float | None = None
    zones: Mapping[Base, tuple[Zone, ...]] = field(default_factory=dict)

    def told(self, name: str) -> float | None:
        value: float | None = getattr(self, name)
        return value

    def table(self, base: Base) -> tuple[Zone, ...]:
        """The athlete's own zones, else ours."""
        return self.zones.get(base) or TABLES[base]
