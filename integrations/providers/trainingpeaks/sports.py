"""TrainingPeaks' workout types -> our codes: words of the API and of workouts.csv, numbers of its own pages."""

from __future__ import annotations

from trainstack.sports import GENERIC

SPORTS: dict[str, str] = {
    "swim": "swimming",
    "bike": "cycling",
    "run": "running",
    "brick": "multisport",
    "x-train": GENERIC,
    "race": GENERIC,
    "day off": GENERIC,
    "mtb": "cycling.mountain",
    "strength": "strength",
    "custom": GENERIC,
    "xc-ski": "xc_skiing",
    "rowing": "rowing",
    "walk": "walking",
    "other": GENERIC,
}
# `workoutTypeValueId`; 29 is the newer strength builder.
NUMBERS: dict[int, str] = {
    1: "swim",
    2: "bike",
    3: "run",
    4: "brick",
    5: "x-train",
    6: "race",
    7: "day off",
    8: "mtb",
    9: "strength",
    10: "custom",
    11: "xc-ski",
    12: "rowing",
    13: "walk",
    29: "strength",
    100: "other",
}
DAY_OFF = "day off"


def sport_of(workout_type: str) -> str:
    """The sport's code; an unknown type is "generic"."""
    return SPORTS.get(workout_type.strip().casefold(), GENERIC)
