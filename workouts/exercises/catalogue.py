"""Exercises by name, whoever's name it is.

`garmin.csv`: Garmin's exercises by category, with the numbers of the FIT profile; `planned` where the name stands in
the list for planned workouts too: only these go to Garmin. `hevy.csv`: Hevy's built-in templates (January 2026).
`pairs.csv`: which of both are the same exercise, by meaning; the choice is ours, the ids are Hevy's.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_HERE = Path(__file__).parent

# Short words that athletes use.
_ALIASES: dict[str, str] = {
    "bench": "79D0BB3A",
    "bench press": "79D0BB3A",
    "ohp": "7B8D84E8",
    "overhead press": "7B8D84E8",
    "rdl": "2B4B7310",
    "squat": "D04AC939",
    "deadlift": "C6272009",
}
# The words with which Garmin's names begin and the equipment that Hevy's titles tell in brackets.
_EQUIPMENT: dict[str, str] = {
    "BARBELL_": "barbell",
    "DUMBBELL_": "dumbbell",
    "KETTLEBELL_": "kettlebell",
    "CABLE_": "machine",
    "BANDED_": "resistance_band",
    "BAND_": "resistance_band",
}
# Garmin's category -> the muscle group that Hevy's custom exercises are filed under. BENCH_PRESS is the seed's example,
# the rest follows from what the exercises of a category mostly train.
MUSCLE_GROUPS: dict[str, str] = {
    **dict.fromkeys(("BENCH_PRESS", "FLYE", "PUSH_UP"), "chest"),
    **dict.fromkeys(("SQUAT", "LUNGE"), "quadriceps"),
    **dict.fromkeys(("DEADLIFT", "LEG_CURL"), "hamstrings"),
    **dict.fromkeys(("HIP_RAISE", "HIP_STABILITY", "HIP_SWING"), "glutes"),
    **dict.fromkeys(("PLANK", "CORE", "CRUNCH", "SIT_UP", "CHOP", "LEG_RAISE"), "abdominals"),
    **dict.fromkeys(("SHOULDER_PRESS", "LATERAL_RAISE", "SHOULDER_STABILITY"), "shoulders"),
    **dict.fromkeys(("CARRY", "TOTAL_BODY", "OLYMPIC_LIFT", "PLYO", "SANDBAG", "SLED", "TIRE"), "full_body"),
    **dict.fromkeys(
        ("CARDIO", "RUN", "RUN_INDOOR", "BIKE", "BIKE_OUTDOOR", "INDOOR_BIKE", "ELLIPTICAL", "INDOOR_ROW",
         "STAIR_STEPPER", "FLOOR_CLIMB", "LADDER", "BATTLE_ROPE"),
        "cardio",
    ),
    "CALF_RAISE": "calves",
    "ROW": "upper_back",
    "HYPEREXTENSION": "lower_back",
    "PULL_UP": "lats",
    "SHRUG": "traps",
    "CURL": "biceps",
    "TRICEPS_EXTENSION": "triceps",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class GarminExercise:
    """Its names as Garmin spells them, and the numbers of the FIT profile (`name_number` None: none there)."""

    category: str
    category_number: int
    name: str
    name_number: int | None
    # Whether planned workouts may name it.
    is_planned: bool

    @property
    def muscle_group(self) -> str:
        return MUSCLE_GROUPS.get(self.category, "other")


@dataclass(frozen=True, slots=True)
class HevyTemplate:
    id: str
    title: str
    type: str
    muscle: str
    equipment: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One exercise as the builder's search shows it. `name` is what a step's `exercise_name` then holds."""

    name: str
    label: str
    muscle_group: str
    garmin: GarminExercise | None = None
    hevy: HevyTemplate | None = None


def normalised(text: str) -> str:
    """A name as the catalogue spells it: upper case, one underscore for white space, none in front of a digit."""
    return re.sub(r"\s+", "_", text.strip()).upper().removeprefix("_")


def garmin_exercise(name: str, category: str = "") -> GarminExercise | None:
    """The exercise of this whole name, in this category where one is told and has it; None where there is none.

    The name of a category is none of an exercise. Of a name in several categories the one that planned workouts know
    comes first.
    """
    found = _garmin().get(normalised(name), ())
    wanted = normalised(category)
    return min(found, key=lambda it: (it.category != wanted, not it.is_planned, it.category), default=None)


def exercise_of_numbers(category: int, name: int | None) -> GarminExercise | None:
    """The exercise of these numbers of the FIT profile."""
    return _numbers().get((category, name)) if name is not None else None


def hevy_template(name: str) -> HevyTemplate | None:
    """Hevy's own exercise of this name: by Garmin's name, by Hevy's title, by a short word, by words and equipment."""
    exercise = garmin_exercise(name)
    if exercise and (paired := _pairs().get((exercise.category, exercise.name))):
        return _hevy()[paired]
    titles = _titles()
    words = " ".join(name.replace("_", " ").split()).lower()
    by_title = titles.get(words) or titles.get(_ALIASES.get(words, ""))
    if by_title:
        return by_title
    if words in _ALIASES:
        return _hevy()[_ALIASES[words]]
    for prefix, equipment in _EQUIPMENT.items():
        bare = normalised(name)
        if bare.startswith(prefix):
            wanted = bare.removeprefix(prefix).replace("_", " ").lower()
            same = [it for it in _hevy().values() if it.equipment == equipment and _bare(it.title) == wanted]
            return min(same, key=lambda it: it.title, default=None)
    return None


def muscle_group_of(name: str) -> str:
    """The group that a custom exercise of this name is filed under, "other" where the catalogue has no such name."""
    template, exercise = hevy_template(name), garmin_exercise(name)
    return template.muscle if template else exercise.muscle_group if exercise else "other"


def search(words: str, limit: int = 20) -> tuple[Entry, ...]:
    """Exercises whose label has every word, in the order of how well it fits: as a whole, as a beginning, inside."""
    wanted = words.replace("_", " ").lower().split()
    if not wanted:
        return ()
    phrase = " ".join(wanted)

    def rank(entry: Entry) -> tuple[int, int, str]:
        label = entry.label.lower()
        place = 0 if label == phrase else 1 if label.startswith(phrase) else 2 if phrase in label else 3
        return place, len(label), label

    found = [it for it in entries() if all(word in it.label.lower() for word in wanted)]
    return tuple(sorted(found, key=rank)[:limit])


@cache
def entries() -> tuple[Entry, ...]:
    """Every exercise once: Garmin's with their pairs at Hevy, then what Hevy alone has."""
    pairs, hevy = _pairs(), _hevy()
    rows = [
        Entry(
            name=exercise.name,
            label=exercise.name.replace("_", " ").capitalize(),
            muscle_group=exercise.muscle_group,
            garmin=exercise,
            hevy=hevy.get(pairs.get((exercise.category, exercise.name), "")),
        )
        for some in _garmin().values()
        for exercise in some
        if exercise.is_planned
    ]
    paired = {row.hevy.id for row in rows if row.hevy}
    rows += [
        Entry(name=it.title, label=it.title, muscle_group=it.muscle, hevy=it)
        for it in hevy.values()
        if it.id not in paired
    ]
    return tuple(rows)


def _bare(title: str) -> str:
    """A title without its brackets, in lower case."""
    return re.sub(r"\s*\(.*?\)", "", title).strip().lower()


def _rows(name: str) -> list[dict[str, str]]:
    with (_HERE / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@cache
def _garmin() -> Mapping[str, tuple[GarminExercise, ...]]:
    found: dict[str, tuple[GarminExercise, ...]] = {}
    for row in _rows("garmin.csv"):
        exercise = GarminExercise(
            category=row["category"],
            category_number=int(row["category_number"]),
            name=row["name"],
            name_number=int(row["name_number"]) if row["name_number"] else None,
            is_planned=row["planned"] == "1",
        )
        found[exercise.name] = (*found.get(exercise.name, ()), exercise)
    return found


@cache
def _numbers() -> Mapping[tuple[int, int], GarminExercise]:
    known = (it for some in _garmin().values() for it in some)
    return {(it.category_number, it.name_number): it for it in known if it.name_number is not None}


@cache
def _hevy() -> Mapping[str, HevyTemplate]:
    return {row["id"]: HevyTemplate(**row) for row in _rows("hevy.csv")}


@cache
def _titles() -> Mapping[str, HevyTemplate]:
    return {it.title.lower(): it for it in _hevy().values()}


@cache
def _pairs() -> Mapping[tuple[str, str], str]:
    return {(row["category"], row["name"]): row["hevy_id"] for row in _rows("pairs.csv")}
