"""Suunto: a SuuntoPlus guide, the public way to bring a workout to a Suunto watch.

Watches show ASCII only, thirteen characters of a step's name and one target a step. Cadences are in hertz. What has no
field of its own stands in the step's text.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from anyascii import anyascii

from workouts.domain.athlete import AthleteParameters
from workouts.domain.coercion import Code, Warnings
from workouts.domain.structure import (
    Completion,
    Environment,
    Intensity,
    IntensityTarget,
    StepBlock,
    SwimEquipment,
    TargetType,
    Workout,
    WorkoutSport,
    WorkoutStep,
    step_path,
)
from workouts.exporters.base import CONVERTED, NO, YES, Cell, Export, Features, Support, exported
from workouts.exporters.writing import NAMES, Writer, whole

MAX_NAME = 60
MAX_DESCRIPTION = 256
MAX_SHORT = 23
MAX_TITLE = 13
MAX_TEXT = 40
MAX_TIMES = 100
OWNER = "TrainStack"

_Sport = WorkoutSport
# Activity ids: where nothing is said, indoors, outdoors.
_SPORTS: dict[WorkoutSport, tuple[tuple[int, ...], tuple[int, ...] | None, tuple[int, ...] | None]] = {
    _Sport.RUNNING: ((1, 53), (53,), (1,)),
    _Sport.TRAIL_RUNNING: ((22,), None, (22,)),
    _Sport.CYCLING: ((2, 52), (52,), (2,)),
    _Sport.MOUNTAIN_BIKING: ((10,), None, (10,)),
    _Sport.SWIMMING: ((21, 85), (21,), (85,)),
    _Sport.STRENGTH: ((23,), (23,), None),
    _Sport.BACKCOUNTRY_SKIING: ((107, 31), None, (107, 31)),
    _Sport.YOGA: ((51,), (51,), None),
    _Sport.PILATES: ((120,), (120,), None),
    _Sport.CARDIO: ((73,), (73,), None),
    _Sport.HIKING: ((11,), None, (11,)),
    _Sport.WALKING: ((0,), None, (0,)),
    _Sport.ELLIPTICAL: ((55,), (55,), None),
    _Sport.ROWING: ((15, 57), (57,), (15,)),
}
_INDOOR_TRAINING = (17,)
_FIELDS: dict[str, tuple[str, str]] = {
    "heart_rate": ("targetHeartRate", "heartRate"),
    "power": ("targetPower", "power"),
    "pace": ("targetPace", "pace"),
    "speed": ("targetSpeed", "speed"),
    "cadence": ("targetCadence", "cadence"),
}
_TARGETS = frozenset(TargetType) - {TargetType.RPE}
_CONVERTED = frozenset(_TARGETS) - {
    TargetType.HEART_RATE,
    TargetType.POWER,
    TargetType.SPEED,
    TargetType.PACE,
    TargetType.CADENCE,
}

FEATURES = Features(
    operations=dict.fromkeys(("create", "update", "retrieve", "delete"), YES),
    sports={sport: YES if sport in _SPORTS else NO for sport in WorkoutSport},
    targets={kind: CONVERTED if kind in _CONVERTED else YES if kind in _TARGETS else NO for kind in TargetType},
    completions={
        kind: YES if kind in (Completion.TIME, Completion.DISTANCE, Completion.OPEN) else NO for kind in Completion
    },
    structure={
        "multiple_targets": NO,
        "block_repeats": Cell(Support.YES, "By a count."),
        "exercise_names": Cell(Support.YES, "As text."),
        "swim_strokes": Cell(Support.YES, "As text."),
        "controls": NO,
        "planned_date": YES,
    },
    notes=(
        f"A watch shows {MAX_TITLE} characters of a step's name and {MAX_SHORT} of a workout's, and ASCII only.",
        "A single value becomes 5 % to either side.",
    ),
)


class SuuntoExporter:
    slug = "suunto"
    name = "Suunto"
    features = FEATURES

    def export(self, workout: Workout, athlete: AthleteParameters, day: date) -> Export:
        """The payload is {"manifest": ..., "guide": ...}, the two documents of the guide's zip."""
        warnings = Warnings()
        payload = _Writer(workout, athlete, warnings).payload(day)
        return exported(self.slug, payload, workout, warnings)


class _Writer(Writer):
    provider = "Suunto"

    def payload(self, day: date) -> dict[str, Any]:
        workout = self.workout
        name = self._ascii(workout.name, "workout.name")
        if len(name) > MAX_SHORT:
            shown = f"{MAX_SHORT} characters of a workout's name on the watch"
            all_of_it = "" if len(name) <= MAX_NAME else f" and {MAX_NAME} elsewhere"
            self.warn(Code.NAME_TRUNCATED, "workout.name", f"Suunto shows {shown}{all_of_it}: the rest was cut off.")
        description = self.cut(
            self._ascii(workout.description, "workout.description"),
            MAX_DESCRIPTION,
            "workout.description",
            Code.DESCRIPTION_TRUNCATED,
        )
        self.pool_length(has_place=False)
        self.lose_estimates()
        steps = [it for index, block in enumerate(workout.step_blocks) for it in self._block(index, block)]
        guide = {
            "name": name[:MAX_NAME].rstrip(),
            "description": description,
            "shortDescription": name[:MAX_SHORT].rstrip(),
            "type": "sequence",
            "usage": "workout",
            "owner": OWNER,
            "activities": list(self._activities()),
            "localDate": day.isoformat(),
            "steps": steps,
        }
        manifest = {"name": guide["name"], "type": "sequence", "owner": OWNER, "description": description}
        return {"manifest": manifest, "guide": guide}

    def _activities(self) -> tuple[int, ...]:
        sport, environment = self.workout.sport, self.workout.environment
        if sport not in _SPORTS:
            self.lose_sport("an indoor training")
            self.lose_environment(Environment.OUTDOOR, Environment.POOL)
            return _INDOOR_TRAINING
        anywhere, indoors, outdoors = _SPORTS[sport]
        if environment is None:
            return anywhere
        if environment is Environment.OUTDOOR:
            if outdoors is None:
                self.lose_environment(environment)
            return outdoors or anywhere
        if indoors is None or (environment is Environment.POOL) != (sport is WorkoutSport.SWIMMING):
            self.lose_environment(environment)
            return anywhere
        return indoors

    def _block(self, index: int, block: StepBlock) -> list[dict[str, Any]]:
        rounds = self.rounds(index, block)
        steps = [self._step(step_path(index, number), step, rounds > 1) for number, step in enumerate(block.steps)]
        if rounds == 1:
            return steps
        # More rounds than a repeat holds are several repeats, one after another.
        counts = [MAX_TIMES] * (rounds // MAX_TIMES) + [rounds % MAX_TIMES] * bool(rounds % MAX_TIMES)
        return [{"type": "repeat", "times": count, "steps": steps} for count in counts]

    def _step(self, path: str, step: WorkoutStep, is_repeated: bool) -> dict[str, Any]:
        # What has no field is told in the order of its weight: the text is short.
        texts: list[str] = []
        exercise = self._exercise(path, step)
        if exercise:
            texts.append(exercise)
        trigger, countdown = self._end(path, step, texts)
        self._tell_swim(path, step, texts)
        self.lose_weight(path, step.strength, texts)
        target = self._target(path, step, texts)
        self.lose_controls(path, step, texts)
        self.lose_category(path, step.strength, texts)
        title = self._title(path, step, texts)
        text = self.cut(
            self._ascii(", ".join(texts), f"{path}.notes"), MAX_TEXT, f"{path}.notes", Code.DESCRIPTION_TRUNCATED
        )
        if len(exercise) > MAX_TEXT:
            self.warn(
                Code.NAME_TRUNCATED,
                f"{path}.strength.exercise_name",
                f"Suunto shows {MAX_TEXT} characters of a text: the rest of the exercise's name was cut off.",
            )
        written: dict[str, Any] = {"type": "fields", "title": title}
        if is_repeated:
            written["createManualLap"] = True
        return {
            **written,
            "trigger": trigger,
            "fields": [*countdown, *target, *([{"type": "text", "value": text}] if text else [])],
        }

    def _exercise(self, path: str, step: WorkoutStep) -> str:
        name = step.strength.exercise_name.replace("_", " ").strip() if step.strength else ""
        return self._ascii(name, f"{path}.strength.exercise_name") if name else ""

    def _title(self, path: str, step: WorkoutStep, texts: list[str]) -> str:
        name = self._ascii(step.notes or NAMES[step.intensity_type], f"{path}.notes")
        told = NAMES[step.intensity_type]
        if step.intensity_type is not Intensity.ACTIVE and told.lower() not in name[:MAX_TITLE].lower():
            texts.append(told)
            self.warn(
                Code.INTENSITY_TYPE_COERCED,
                f"{path}.intensity_type",
                f"Suunto has no field for a {told.lower()}: the word stands in the step's text.",
            )
        if len(name) > MAX_TITLE:
            texts.append(name)
            self.warn(
                Code.NAME_TRUNCATED,
                f"{path}.notes",
                f"Suunto shows {MAX_TITLE} characters of a step's name: “{name[:MAX_TITLE].rstrip()}”.",
            )
        return name[:MAX_TITLE].rstrip()

    def _end(self, path: str, step: WorkoutStep, texts: list[str]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """The trigger, and the field that counts down to it."""
        condition = step.completion_condition
        kinds = {Completion.TIME: "stepDuration", Completion.DISTANCE: "stepDistance"}
        if kind := kinds.get(condition.type):
            value = whole(condition.value or 0)
            return {"type": kind, "value": value}, [{"type": f"{kind}Countdown", "value": value}]
        if condition.type is not Completion.OPEN:
            self.lose_end(path, step, "the athlete ends it with the lap button", texts)
        return {"type": "manualLap"}, []

    def _target(self, path: str, step: WorkoutStep, texts: list[str]) -> list[dict[str, Any]]:
        """The field with the target and the one with the value that it is about."""
        picked = self.pick(path, step, _TARGETS, texts)
        if picked is None:
            return [{"type": "heartRate"}]
        where, target = picked
        told = self.ranged(where, target)
        digits, factor = 0, 1.0
        if told.quantity == "speed":
            digits = 3
        elif told.quantity == "cadence":
            digits, factor = 3, 1 / 60
        kind, live = _FIELDS[self._as_pace(target, told.quantity)]
        low, high = self.ends(where, target, told, digits, factor)
        middle = whole(round(told.middle * factor, digits))
        return [{"type": kind, "value": middle, "min": low, "max": high}, {"type": live}]

    def _as_pace(self, target: IntensityTarget, quantity: str) -> str:
        """Speeds of runners are shown as paces, unless the coach said a speed."""
        on_foot = self.workout.sport in (WorkoutSport.RUNNING, WorkoutSport.TRAIL_RUNNING)
        is_pace = target.target_type is TargetType.PACE
        return "pace" if is_pace or (target.target_type is TargetType.SPEED_PERCENTAGE and on_foot) else quantity

    def _tell_swim(self, path: str, step: WorkoutStep, texts: list[str]) -> None:
        swim = step.swimming
        for field, word in (("stroke_type", swim and swim.stroke_type), ("drill_type", swim and swim.drill_type)):
            if word:
                texts.append(word.value)
                self.warn(
                    Code.STROKE_IN_NAME,
                    f"{path}.swimming.{field}",
                    f"Suunto has no field for “{word.value}”: it stands in the step's text.",
                )
        gear = [it.value.removeprefix("swim_").replace("_", " ") for it in (swim.equipment if swim else ())]
        if gear and gear != [SwimEquipment.NONE.value]:
            texts += gear
            self.warn(
                Code.EQUIPMENT_IN_NAME,
                f"{path}.swimming.equipment",
                f"Suunto has no field for equipment: {', '.join(gear)} stands in the step's text.",
            )

    def _ascii(self, text: str, path: str) -> str:
        plain: str = anyascii(text)
        if plain != text:
            self.warn(Code.TEXT_TRANSLITERATED, path, f"Suunto's watches show ASCII only: “{plain[:60]}”.")
        return plain
