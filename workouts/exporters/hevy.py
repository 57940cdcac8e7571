"""Hevy: a routine of strength exercises. A block is an exercise, a step a set, a rest the exercise's rest.

A routine has no date and knows no targets. An exercise that Hevy has not becomes a custom one: its
`exercise_template_id` stays null until sending has made it, as `custom_exercises` says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from workouts.domain.athlete import AthleteParameters
from workouts.domain.coercion import Code, Warnings
from workouts.domain.structure import (
    Completion,
    Environment,
    Intensity,
    StepBlock,
    TargetType,
    WeightUnit,
    Workout,
    WorkoutSport,
    WorkoutStep,
    block_path,
    step_path,
)
from workouts.exercises.catalogue import garmin_exercise, hevy_template, muscle_group_of
from workouts.exporters.base import NO, YES, Cell, Export, Features, Support, exported
from workouts.exporters.writing import NAMES, Writer, kilograms

_REST = (Intensity.REST, Intensity.RECOVERY)
_NOTHING: dict[str, Any] = dict.fromkeys(
    ("weight_kg", "reps", "distance_meters", "duration_seconds", "custom_metric", "rep_range")
)

FEATURES = Features(
    operations={
        "create": YES,
        "update": Cell(Support.YES, "In place, where this server made the routine."),
        "retrieve": YES,
        "delete": Cell(Support.NO, "Ours goes; the routine stays in the athlete's library."),
    },
    sports={sport: YES if sport is WorkoutSport.STRENGTH else NO for sport in WorkoutSport},
    targets=dict.fromkeys(TargetType, NO),
    completions={
        kind: YES if kind in (Completion.TIME, Completion.DISTANCE, Completion.REPS, Completion.OPEN) else NO
        for kind in Completion
    },
    structure={
        "multiple_targets": NO,
        "block_repeats": Cell(Support.NO, "The sets are written out."),
        "exercise_names": YES,
        "swim_strokes": NO,
        "controls": NO,
        "planned_date": NO,
    },
    notes=(
        "The routine is in the athlete's library at once, whatever the planned date.",
        "An exercise that Hevy has not becomes a custom exercise; their number is limited.",
    ),
)


class HevyExporter:
    slug = "hevy"
    name = "Hevy"
    features = FEATURES

    def export(self, workout: Workout, athlete: AthleteParameters, day: date) -> Export:
        """The payload is {"routine": ..., "custom_exercises": [{"exercise": index, "body": ...}]}."""
        warnings = Warnings()
        payload = _Writer(workout, athlete, warnings).payload()
        return exported(self.slug, payload, workout, warnings)


@dataclass
class _Exercise:
    """One exercise of the routine while it is being written."""

    title: str
    path: str
    sets: list[dict[str, Any]] = field(default_factory=list)
    rest_s: int | None = None
    notes: list[str] = field(default_factory=list)
    superset: int | None = None
    is_named: bool = True


class _Writer(Writer):
    provider = "Hevy"

    def payload(self) -> dict[str, Any]:
        workout = self.workout
        if workout.sport is not WorkoutSport.STRENGTH:
            self.lose_sport("a routine of exercises")
        self.lose_environment(Environment.OUTDOOR, Environment.POOL)
        self.pool_length(has_place=False)
        self.lose_estimates()
        self.warn(
            Code.PLANNED_DATE_UNSUPPORTED,
            "planned_date",
            "Hevy plans for no date: the routine is in the athlete's library at once.",
        )
        exercises: list[_Exercise] = []
        for index, block in enumerate(workout.step_blocks):
            self._block(index, block, exercises)
        custom: list[dict[str, Any]] = []
        written = [self._written(number, it, custom) for number, it in enumerate(exercises)]
        routine = {
            "title": self._clean(workout.name, "workout.name"),
            "folder_id": None,
            "notes": self._clean(workout.description, "workout.description") or None,
            "exercises": written,
        }
        return {"routine": routine, "custom_exercises": custom}

    def _block(self, index: int, block: StepBlock, exercises: list[_Exercise]) -> None:
        rounds = self.unrolled(index, block, "Hevy repeats no blocks")
        found: dict[str, _Exercise] = {}
        for number, step in enumerate(block.steps):
            path = step_path(index, number)
            texts: list[str] = []
            self.lose_category(path, step.strength, texts)
            for place, target in enumerate(step.intensity_targets):
                self.lose_target(f"{path}.intensity_targets[{place}]", target, texts)
            self.lose_controls(path, step, texts)
            self.lose_swim(path, step, texts, stroke=Code.STROKE_UNSUPPORTED)
            if step.intensity_type in _REST and not (step.strength and step.strength.exercise_name):
                last = list(found.values())[-1:] or exercises[-1:]
                self._rest(path, step, texts, last[0] if last else None)
                continue
            exercise = self._exercise(path, step, found)
            exercise.sets.append(self._set(path, step, texts))
            named = step.strength.exercise_name.strip() if step.strength else ""
            notes = self._clean(step.notes, f"{path}.notes") if named else ""
            exercise.notes += [it for it in (notes, *texts) if it and it not in exercise.notes]
        for exercise in found.values():
            exercise.sets *= rounds
        if len(found) > 1:
            # Several exercises of one block are done in turn: Hevy calls that a superset.
            for exercise in found.values():
                exercise.superset = index + 1
            self.warn(Code.BLOCK_WRAPPED, block_path(index), "Hevy has one exercise a block: these became a superset.")
        exercises += found.values()

    def _exercise(self, path: str, step: WorkoutStep, found: dict[str, _Exercise]) -> _Exercise:
        told = step.strength.exercise_name.strip() if step.strength else ""
        where = f"{path}.strength.exercise_name" if told else f"{path}.notes"
        title = self._clean(told or step.notes, where) or NAMES[step.intensity_type]
        return found.setdefault(title, _Exercise(title, path, is_named=bool(told)))

    def _rest(self, path: str, step: WorkoutStep, texts: list[str], exercise: _Exercise | None) -> None:
        """The rest after an exercise's sets: one length for all of them; what else it says goes to the notes."""
        condition = step.completion_condition
        self.lose_weight(path, step.strength, texts)
        if step.notes and exercise is None:
            self.warn(
                Code.NOTES_UNSUPPORTED, f"{path}.notes", "Hevy has no place for the notes of a rest before any set."
            )
        notes = self._clean(step.notes, f"{path}.notes")
        if exercise:
            exercise.notes += [it for it in (notes, *texts) if it and it not in exercise.notes]
        if step.intensity_type is Intensity.RECOVERY:
            self.coerce_intensity(path, step, "a rest")
        if condition.type is not Completion.TIME:
            self.lose_end(path, step, "the length of the rest is left to the athlete")
            self.warnings.drop(path)
        elif exercise is None or (exercise.rest_s is not None and exercise.rest_s != round(condition.value or 0)):
            self.warn(
                Code.EXTRA_BLOCK_DROPPED,
                path,
                "Hevy has one rest for all sets of an exercise: this one was left out.",
            )
            self.warnings.drop(path)
        else:
            exercise.rest_s = self.whole_end(path, condition.value or 0)

    def _set(self, path: str, step: WorkoutStep, texts: list[str]) -> dict[str, Any]:
        condition = step.completion_condition
        value = condition.value or 0
        written = {"type": "warmup" if step.intensity_type is Intensity.WARMUP else "normal", **_NOTHING}
        if step.intensity_type not in (Intensity.WARMUP, Intensity.ACTIVE):
            self.coerce_intensity(path, step, "a normal set")
        weight = kilograms(step.strength) if step.strength else None
        if weight is not None:
            written["weight_kg"] = round(weight, 2)
            # A pound has no round number of grams.
            is_told = step.strength is not None and step.strength.weight_display_unit is not WeightUnit.LBS
            if is_told and weight != written["weight_kg"]:
                self.warn(
                    Code.VALUE_ROUNDED,
                    f"{path}.strength.weight",
                    f"Hevy takes hundredths of a kilogram: {weight:g} kg became {written['weight_kg']:g} kg.",
                )
        names = {
            Completion.REPS: "reps",
            Completion.TIME: "duration_seconds",
            Completion.DISTANCE: "distance_meters",
        }
        if name := names.get(condition.type):
            written[name] = self.whole_end(path, value)
        elif condition.type is not Completion.OPEN:
            self.lose_end(path, step, "the set has no end", texts)
        return written

    def _clean(self, text: str, path: str) -> str:
        """Hevy refuses texts with an at sign."""
        if "@" in text:
            self.warn(Code.TEXT_TRANSLITERATED, path, "Hevy takes no “@”: it was written as “at”.")
        return text.replace("@", " at ").strip()

    def _written(self, number: int, exercise: _Exercise, custom: list[dict[str, Any]]) -> dict[str, Any]:
        template = hevy_template(exercise.title)
        if template is None:
            custom.append({"exercise": number, "body": {"exercise": self._custom(exercise)}})
            what = f"has no “{exercise.title}”" if exercise.is_named else "needs an exercise for every set"
            self.warn(
                Code.CUSTOM_EXERCISE,
                f"{exercise.path}.strength.exercise_name",
                f"Hevy {what}: it becomes a custom exercise.",
            )
        return {
            "exercise_template_id": template.id if template else None,
            "superset_id": exercise.superset,
            "rest_seconds": exercise.rest_s,
            "notes": ". ".join(exercise.notes) or None,
            "sets": exercise.sets,
        }

    def _custom(self, exercise: _Exercise) -> dict[str, Any]:
        known = garmin_exercise(exercise.title)
        title = exercise.title.replace("_", " ").capitalize() if known else exercise.title
        return {
            "title": title,
            "exercise_type": _type(exercise.sets),
            "equipment_category": _equipment(exercise.title),
            "muscle_group": muscle_group_of(exercise.title),
            "other_muscles": [],
        }


def _type(sets: Sequence[dict[str, Any]]) -> str:
    is_weighted = any(it["weight_kg"] is not None for it in sets)
    if any(it["distance_meters"] is not None for it in sets):
        return "short_distance_weight" if is_weighted else "distance_duration"
    if any(it["duration_seconds"] is not None for it in sets):
        return "weight_duration" if is_weighted else "duration"
    return "weight_reps" if is_weighted else "reps_only"


def _equipment(title: str) -> str:
    words = title.lower().replace("_", " ").split()
    named = ("barbell", "dumbbell", "kettlebell", "machine", "plate", "suspension")
    found = [it for it in named if it in words]
    if found:
        return found[0]
    return "resistance_band" if {"band", "banded"} & set(words) else "machine" if "cable" in words else "none"
