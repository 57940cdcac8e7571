"""FIT workouts: what Garmin, Wahoo, COROS and most programs take from a cable or an upload.

Steps are a flat list; a repeat comes behind its steps and names the first of them. Heart rates are written 100 and
powers 1000 too high, because smaller numbers are per cent of the athlete's own. Paces are speeds in mm/s.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Any

from activities.formats.errors import Unreadable as NoFit
from activities.formats.fit.decode import decode, is_header
from trainstack.fit_writing import EPOCH_S, Message, whole_file
from workouts.domain.athlete import AthleteParameters
from workouts.domain.coercion import Code, CoercionWarning, Warnings
from workouts.domain.structure import (
    OPEN,
    PERCENTAGES,
    Completion,
    CompletionCondition,
    Environment,
    Intensity,
    IntensityTarget,
    StepBlock,
    Strength,
    Stroke,
    SwimEquipment,
    SwimStep,
    TargetType,
    WeightUnit,
    Workout,
    WorkoutSport,
    WorkoutStep,
    block_path,
    step_path,
)
from workouts.domain.targets import range_of
from workouts.domain.validation import TARGET_BOUNDS
from workouts.exercises.catalogue import exercise_of_numbers, garmin_exercise
from workouts.exporters.base import Export, exported
from workouts.exporters.writing import Writer, kilograms, shown
from workouts.formats.base import Imported, Unreadable, bounded

PROFILE = 21218
# Older watches hold no more.
MANY_STEPS = 50
MAX_TEXT = 200
# Bytes of a short text: fifteen letters and its end.
SHORT = 16

# (sport, sub sport) of FIT.
_SPORTS: dict[WorkoutSport, tuple[int, int]] = {
    WorkoutSport.RUNNING: (1, 0),
    WorkoutSport.TRAIL_RUNNING: (1, 3),
    WorkoutSport.CYCLING: (2, 0),
    WorkoutSport.MOUNTAIN_BIKING: (2, 8),
    WorkoutSport.SWIMMING: (5, 17),
    WorkoutSport.STRENGTH: (10, 20),
    WorkoutSport.CARDIO: (10, 26),
    WorkoutSport.YOGA: (10, 43),
    WorkoutSport.PILATES: (10, 44),
    WorkoutSport.BACKCOUNTRY_SKIING: (13, 37),
    WorkoutSport.WALKING: (11, 0),
    WorkoutSport.HIKING: (17, 0),
    WorkoutSport.ROWING: (15, 0),
    WorkoutSport.ELLIPTICAL: (4, 15),
    WorkoutSport.STAIR_CLIMBING: (4, 16),
}
_INDOOR: dict[WorkoutSport, tuple[int, int]] = {WorkoutSport.RUNNING: (1, 1), WorkoutSport.CYCLING: (2, 6)}
_OPEN_WATER = (5, 18)
_INTENSITIES: dict[Intensity, int] = {
    Intensity.ACTIVE: 0,
    Intensity.REST: 1,
    Intensity.WARMUP: 2,
    Intensity.COOLDOWN: 3,
    Intensity.RECOVERY: 4,
}
# Of duration_type; and of the repeat that ends so.
_DURATIONS: dict[Completion, int] = {
    Completion.TIME: 0,
    Completion.DISTANCE: 1,
    Completion.HR_LESS_THAN: 2,
    Completion.HR_GREATER_THAN: 3,
    Completion.CALORIES: 4,
    Completion.OPEN: 5,
    Completion.POWER_LESS_THAN: 14,
    Completion.POWER_GREATER_THAN: 15,
    Completion.REPS: 29,
}
_REPEATS: dict[Completion, int] = {Completion.REPS: 6, Completion.TIME: 7, Completion.DISTANCE: 8}
# Repeats until a heart rate, a power, calories or a score.
_OTHER_REPEATS = (9, 10, 11, 12, 13, 17, 18, 27)
# Milliseconds, centimetres, and what is added to a heart rate and a power.
_FACTORS: dict[Completion, float] = {Completion.TIME: 1000, Completion.DISTANCE: 100}
_OFFSETS: dict[Completion, int] = {
    Completion.HR_LESS_THAN: 100,
    Completion.HR_GREATER_THAN: 100,
    Completion.POWER_LESS_THAN: 1000,
    Completion.POWER_GREATER_THAN: 1000,
}
_SPEED, _HEART_RATE, _NO_TARGET, _CADENCE, _POWER, _STROKE = 0, 1, 2, 3, 4, 11
_QUANTITIES = {"speed": _SPEED, "heart_rate": _HEART_RATE, "cadence": _CADENCE, "power": _POWER}
_STROKES: dict[Stroke, int] = {
    Stroke.FREESTYLE: 0,
    Stroke.BACKSTROKE: 1,
    Stroke.BREASTSTROKE: 2,
    Stroke.BUTTERFLY: 3,
    Stroke.DRILL: 4,
    Stroke.MIXED: 5,
    Stroke.IM: 6,
}
_EQUIPMENT: dict[SwimEquipment, int] = {
    SwimEquipment.NONE: 0,
    SwimEquipment.FINS: 1,
    SwimEquipment.KICKBOARD: 2,
    SwimEquipment.PADDLES: 3,
    SwimEquipment.PULL_BUOY: 4,
    SwimEquipment.SNORKEL: 5,
}
_UNKNOWN_CATEGORY = 65534
_KG, _LBS = 1, 2

# Field number -> base type, in the order in which a definition has those that are used.
_STEP_FIELDS: dict[int, str] = {
    254: "uint16", 0: "text", 1: "enum", 2: "uint32", 3: "enum", 4: "uint32", 5: "uint32", 6: "uint32", 7: "enum",
    8: "text", 9: "enum", 10: "uint16", 11: "uint16", 12: "uint16", 13: "uint16", 19: "enum", 20: "uint32",
    21: "uint32", 22: "uint32",
}  # fmt: skip
# Those that every step has.
_ALWAYS = (254, 0, 1, 2, 3, 4, 5, 6, 7)
_FILE_ID = Message(0, 0, ((0, "enum"), (1, "uint16"), (2, "uint16"), (3, "uint32z"), (4, "uint32")))
_WORKOUT_FILE, _DEVELOPMENT, _TCX = 5, 255, 32

Row = dict[int, float | str]


class FitFormat:
    slug = "fit"
    name = "FIT workout"
    ending = ".fit"

    def write(
        self,
        workout: Workout,
        athlete: AthleteParameters,
        day: date,
        *,
        serial: int | None = None,
        created: datetime | None = None,
    ) -> Export:
        """The serial number is made from the workout and the day where none is told: the same gives the same file."""
        warnings = Warnings()
        if serial is None:
            serial = zlib.crc32(f"{workout!r} {day}".encode()) or 1
        created = created or datetime.combine(day, time(8), UTC)
        payload = _Writer(workout, athlete, warnings).file(serial, created)
        return exported(self.slug, payload, workout, warnings)

    def recognises(self, data: bytes) -> bool:
        return is_header(data, 0)

    def read(self, data: bytes, athlete: AthleteParameters) -> Imported:
        return _read(data)


# --- writing ----------------------------------------------------------------------------------


class _Writer(Writer):
    provider = "A FIT file"

    def file(self, serial: int, created: datetime) -> bytes:
        workout = self.workout
        rows: list[Row] = []
        titles: list[tuple[int, int | None, str]] = []
        for index, block in enumerate(workout.step_blocks):
            self._block(index, block, rows, titles)
        if len(rows) > MANY_STEPS:
            self.warn(
                Code.STEP_COUNT_UNSUPPORTED,
                "workout.step_blocks",
                f"The file has {len(rows)} steps; many older watches take {MANY_STEPS} only.",
            )
        body = [
            _FILE_ID.definition(),
            _FILE_ID.one(_WORKOUT_FILE, _DEVELOPMENT, 0, serial, created.timestamp() - EPOCH_S),
            *_messages(26, 1, [self._head(len(rows))], {4: "enum", 5: "uint32z", 6: "uint16", 8: "text",
                                                        11: "enum", 14: "uint16", 15: "enum", 17: "text"},
                       (4, 5, 6, 8)),
            *_messages(27, 2, rows, _STEP_FIELDS, _ALWAYS),
        ]  # fmt: skip
        if titles:
            told: list[Row] = [
                {254: place, 0: category, **({} if name is None else {1: name}), 2: text}
                for place, (category, name, text) in enumerate(titles)
            ]
            body += _messages(264, 3, told, {254: "uint16", 0: "uint16", 1: "uint16", 2: "text"}, (254, 0, 1, 2))
        return whole_file(b"".join(body), profile=PROFILE)

    def _head(self, steps: int) -> Row:
        workout = self.workout
        sport, sub_sport = _SPORTS[workout.sport]
        if workout.environment is Environment.INDOOR and workout.sport in _INDOOR:
            sport, sub_sport = _INDOOR[workout.sport]
        elif workout.sport is WorkoutSport.SWIMMING and workout.environment is Environment.OUTDOOR:
            sport, sub_sport = _OPEN_WATER
        elif workout.sport is not WorkoutSport.SWIMMING:
            self.lose_environment(Environment.INDOOR, Environment.POOL)
        head: Row = {4: sport, 5: _TCX, 6: steps, 8: self.cut(workout.name, MAX_TEXT, "workout.name", _CUT)}
        if sub_sport:
            head[11] = sub_sport
        if workout.description:
            head[17] = self.cut(workout.description, MAX_TEXT, "workout.description", Code.DESCRIPTION_TRUNCATED)
        if sub_sport == _SPORTS[WorkoutSport.SWIMMING][1] and sport == _OPEN_WATER[0]:
            head |= {14: (self.pool_length() or 0) * 100, 15: 0}
        return head

    def _block(self, index: int, block: StepBlock, rows: list[Row], titles: list[tuple[int, int | None, str]]) -> None:
        first = len(rows)
        for number, step in enumerate(block.steps):
            rows.append({254: len(rows), **self._step(step_path(index, number), step, titles)})
        condition = block.completion_condition
        if condition.type is Completion.OPEN or (condition.type is Completion.REPS and block.rounds == 1):
            return
        rows.append(
            {
                254: len(rows),
                1: _REPEATS[condition.type],
                2: first,
                3: _NO_TARGET,
                4: round((condition.value or 0) * _FACTORS.get(condition.type, 1)),
            }
        )

    def _step(self, path: str, step: WorkoutStep, titles: list[tuple[int, int | None, str]]) -> Row:
        texts: list[str] = []
        row: Row = {7: _INTENSITIES[step.intensity_type], **_end(step.completion_condition)}
        first, second = self._targets(path, step, texts)
        row |= dict(zip((3, 4, 5, 6), first, strict=False))
        if second:
            row |= dict(zip((19, 20, 21, 22), second, strict=False))
        if step.swimming and step.swimming.equipment:
            row[9] = _EQUIPMENT[step.swimming.equipment[0]]
            if len(step.swimming.equipment) > 1:
                others = [it.value.removeprefix("swim_").replace("_", " ") for it in step.swimming.equipment[1:]]
                texts += others
                self.warn(
                    Code.EQUIPMENT_REDUCED,
                    f"{path}.swimming.equipment",
                    f"A FIT file holds one piece of equipment a step: {', '.join(others)} stands in the notes.",
                )
        if step.swimming and step.swimming.drill_type:
            texts.append(step.swimming.drill_type.value)
            self.warn(
                Code.DRILL_UNSUPPORTED,
                f"{path}.swimming.drill_type",
                "A FIT file knows no kinds of drills: the word stands in the notes.",
            )
        if step.strength:
            row |= self._exercise(path, step.strength, titles)
        self.lose_controls(path, step, texts)
        if step.notes:
            row[0] = self.cut(step.notes, MAX_TEXT, f"{path}.notes", Code.DESCRIPTION_TRUNCATED)
        if texts:
            row[8] = ", ".join(texts)
        return row

    def _targets(
        self, path: str, step: WorkoutStep, texts: list[str]
    ) -> tuple[tuple[float, ...], tuple[float, ...] | None]:
        """The values of both slots: type, value, low, high."""
        found: list[tuple[float, ...]] = []
        if step.swimming and step.swimming.stroke_type:
            found.append((_STROKE, _STROKES[step.swimming.stroke_type]))
        for index, target in enumerate(step.intensity_targets):
            where = f"{path}.intensity_targets[{index}]"
            if target.target_type is TargetType.RPE:
                self.lose_target(where, target, texts)
            elif len(found) == 2:
                texts.append(shown(target))
                self.warn(
                    Code.TOO_MANY_TARGETS, where, "A FIT step holds two targets, a stroke counted: it was left out."
                )
            else:
                found.append(self._target(where, target))
        if not found:
            return (_NO_TARGET, 0), None
        return found[0], found[1] if len(found) > 1 else None

    def _target(self, where: str, target: IntensityTarget) -> tuple[float, ...]:
        told = range_of(target)
        if told.unit == "zone" and told.low == told.high:
            return _QUANTITIES[told.quantity], told.low
        told = self.ranged(where, target, ("absolute", "ftp", "max_heart_rate"))
        low, high = told.low, told.high
        if told.unit == "absolute":
            factor, offset = {"speed": (1000, 0), "heart_rate": (1, 100), "power": (1, 1000)}.get(told.quantity, (1, 0))
            low, high = low * factor + offset, high * factor + offset
        elif told.quantity == "heart_rate" and high > 100:
            self.warn(Code.VALUE_CLAMPED, where, "A FIT file holds no more than 100 % of the highest heart rate.")
            low, high = min(low, 100), 100
        return _QUANTITIES[told.quantity], 0, round(low), round(high)

    def _exercise(self, path: str, strength: Strength, titles: list[tuple[int, int | None, str]]) -> Row:
        row: Row = {}
        if strength.exercise_name:
            found = garmin_exercise(strength.exercise_name, strength.exercise_category)
            if found is None or found.name_number is None:
                row[10] = _UNKNOWN_CATEGORY
                title: tuple[int, int | None, str] = (_UNKNOWN_CATEGORY, None, strength.exercise_name)
                self.warn(
                    Code.EXERCISE_UNKNOWN,
                    f"{path}.strength.exercise_name",
                    f"FIT's catalogue has no “{strength.exercise_name}”: the name stands as a title.",
                )
            else:
                row |= {10: found.category_number, 11: found.name_number}
                title = (found.category_number, found.name_number, found.name.replace("_", " ").capitalize())
            if title not in titles:
                titles.append(title)
        weight = kilograms(strength)
        if weight is not None:
            row[12] = min(round(weight * 100), 65_534)
            row[13] = _LBS if strength.weight_display_unit is WeightUnit.LBS else _KG
        return row


_CUT = Code.NAME_TRUNCATED


def _end(condition: CompletionCondition) -> Row:
    row: Row = {1: _DURATIONS[condition.type]}
    if condition.value is not None:
        row[2] = round(condition.value * _FACTORS.get(condition.type, 1) + _OFFSETS.get(condition.type, 0))
    return row


def _messages(
    number: int, local: int, rows: Sequence[Row], types: dict[int, str], always: Sequence[int]
) -> list[bytes]:
    """The definition with the fields that any row uses, and the rows."""
    used = [field for field in types if field in always or any(field in row for row in rows)]
    fields = []
    for field in used:
        base = types[field]
        if base == "text":
            longest = max((len(str(row.get(field, "")).encode()) + 1 for row in rows), default=1)
            base = f"string:{min(max(SHORT, longest), 255)}"
        fields.append((field, base))
    message = Message(number, local, tuple(fields))
    return [message.definition(), *(message.told(**{f"f{it}": value for it, value in row.items()}) for row in rows)]


# --- reading ----------------------------------------------------------------------------------


def _read(data: bytes) -> Imported:
    try:
        part = decode(data).parts[0]
    except NoFit as error:
        raise Unreadable(str(error)) from error
    table = part.tables.get("workout_step")
    if table is None:
        raise Unreadable("This FIT file holds no steps of a workout.")
    rows: list[dict[str, Any]] = [{} for _ in range(len(table))]
    for name, column in table.columns.items():
        values = column.told() if name in _TEXTS else column.raw.tolist()
        for row, value in zip(column.rows.tolist(), values, strict=True):
            rows[row][name] = value
    heads = part.tables.get("workout")
    head: dict[str, Any] = {}
    if heads is not None and len(heads):
        for name, column in heads.columns.items():
            if 0 in column.rows.tolist():
                values = column.told() if name in ("wkt_name", "wkt_description") else column.raw.tolist()
                head[name] = values[column.rows.tolist().index(0)]
    return _Reader(rows, head, part.messages("exercise_title")).imported()


_TEXTS = ("wkt_step_name", "notes")


class _Reader:
    def __init__(self, rows: list[dict[str, Any]], head: dict[str, Any], titles: list[dict[str, Any]]) -> None:
        self.rows = rows
        self.head = head
        # Of exercises that the catalogue has not, in the order of the steps.
        self.titles = [
            str(_first(it.get("wkt_step_name")) or "")
            for it in titles
            if it.get("exercise_category") in ("unknown", _UNKNOWN_CATEGORY)
        ]
        self.warnings: list[CoercionWarning] = []
        self.sport, self.environment = self._sport()

    def imported(self) -> Imported:
        blocks: list[StepBlock] = []
        # Steps that no repeat has taken yet, each with its place in the file.
        loose: list[tuple[int, WorkoutStep]] = []
        unknown = iter(self.titles)
        for place, row in enumerate(self.rows):
            kind = row.get("duration_type")
            repeat = next((it for it, number in _REPEATS.items() if number == kind), None)
            if repeat is None and kind in _OTHER_REPEATS:
                self._lost(len(blocks), "A repeat that ends by a heart rate, a power or a score is done once.")
                continue
            if repeat is None:
                loose.append((place, self._step(row, step_path(len(blocks), len(loose)), unknown)))
                continue
            first = row.get("duration_value") or 0
            inside = tuple(step for at, step in loose if at >= first)
            blocks += [StepBlock((step,)) for at, step in loose if at < first]
            loose = []
            if not inside:
                self._lost(len(blocks), "A repeat of a block that repeats itself is done once.")
                continue
            value = (row.get("target_value") or 1) / _FACTORS.get(repeat, 1)
            blocks.append(StepBlock(inside, CompletionCondition(repeat, value)))
        blocks += [StepBlock((step,)) for _, step in loose]
        if not blocks:
            raise Unreadable("This FIT file holds no steps of a workout.")
        pool = self.head.get("pool_length")
        is_swim = self.sport is WorkoutSport.SWIMMING
        workout = Workout(
            name=str(_first(self.head.get("wkt_name")) or "").strip() or "Workout",
            sport=self.sport,
            step_blocks=bounded(blocks, self.warnings),
            description=str(_first(self.head.get("wkt_description")) or ""),
            environment=self.environment,
            pool_length_meters=pool / 100 if pool and is_swim else None,
        )
        return Imported(workout, tuple(self.warnings))

    def _sport(self) -> tuple[WorkoutSport, Environment | None]:
        told = (self.head.get("sport"), self.head.get("sub_sport") or 0)
        if told == _OPEN_WATER:
            return WorkoutSport.SWIMMING, Environment.OUTDOOR
        for table, environment in ((_SPORTS, None), (_INDOOR, Environment.INDOOR)):
            for sport, pair in table.items():
                if pair == told:
                    return sport, environment
        for sport, pair in _SPORTS.items():
            if pair[0] == told[0]:
                return sport, None
        self.warnings.append(
            CoercionWarning(
                Code.SPORT_UNSUPPORTED, "workout.sport", "The file tells no sport that we plan: it became cardio."
            )
        )
        return WorkoutSport.CARDIO, None

    def _lost(self, block: int, message: str) -> None:
        self.warnings.append(
            CoercionWarning(Code.BLOCK_COMPLETION_UNSUPPORTED, f"{block_path(block)}.completion_condition", message)
        )

    def _step(self, row: dict[str, Any], path: str, unknown: Any) -> WorkoutStep:
        targets, stroke = self._targets(row, path)
        gear = next((it for it, number in _EQUIPMENT.items() if number == row.get("equipment")), None)
        notes = str(_first(row.get("wkt_step_name")) or "")
        more = str(_first(row.get("notes")) or "")
        swimming = None
        if self.sport is WorkoutSport.SWIMMING and (stroke or gear):
            swimming = SwimStep(stroke_type=stroke, equipment=(gear,) if gear else ())
        return WorkoutStep(
            intensity_type=_intensity(row.get("intensity")),
            completion_condition=self._end(row, path),
            intensity_targets=targets,
            notes=f"{notes}. {more}" if notes and more else notes or more,
            strength=self._strength(row, unknown),
            swimming=swimming,
        )

    def _end(self, row: dict[str, Any], path: str) -> CompletionCondition:
        kind, told = row.get("duration_type"), row.get("duration_value")
        # Time in a plain field, and a send-off of a swim.
        kind = 0 if kind in (28, 31) else kind
        ends = next((it for it, number in _DURATIONS.items() if number == kind), None)
        if ends is None or ends is Completion.OPEN or told is None:
            if ends is None and kind is not None:
                self.warnings.append(
                    CoercionWarning(
                        Code.COMPLETION_UNSUPPORTED,
                        f"{path}.completion_condition",
                        f"A step that ends by FIT's rule {kind} ends by hand here.",
                    )
                )
            return OPEN
        offset = _OFFSETS.get(ends, 0)
        if offset and told < offset + 1:
            self.warnings.append(
                CoercionWarning(
                    Code.COMPLETION_UNSUPPORTED,
                    f"{path}.completion_condition",
                    f"A step that ends at {told} % of the athlete's own number ends by hand here.",
                )
            )
            return OPEN
        return CompletionCondition(ends, (told - offset) / _FACTORS.get(ends, 1))

    def _targets(self, row: dict[str, Any], path: str) -> tuple[tuple[IntensityTarget, ...], Stroke | None]:
        found: list[IntensityTarget] = []
        stroke: Stroke | None = None
        slots = (
            ("target_type", "target_value", "custom_target_value_low", "custom_target_value_high"),
            (
                "secondary_target_type",
                "secondary_target_value",
                "secondary_custom_target_value_low",
                "secondary_custom_target_value_high",
            ),
        )
        for names in slots:
            kind, value, low, high = (row.get(name) for name in names)
            if kind == _STROKE:
                stroke = next((it for it, number in _STROKES.items() if number == value), None)
                continue
            target = self._target(kind, value, low, high)
            if target is not None and all(it.target_type is not target.target_type for it in found):
                found.append(target)
            elif kind not in (None, _NO_TARGET):
                self.warnings.append(
                    CoercionWarning(
                        Code.TARGET_TYPE_UNSUPPORTED,
                        f"{path}.intensity_targets",
                        f"A target of FIT's kind {kind} was left out: we have none of it, or one already.",
                    )
                )
        return tuple(found), stroke

    @staticmethod
    def _target(kind: Any, value: Any, low: Any, high: Any) -> IntensityTarget | None:
        zones = {_HEART_RATE: (TargetType.HEART_RATE_ZONE, 5), _POWER: (TargetType.POWER_ZONE, 7)}
        if kind in zones and value:
            target_type, most = zones[kind]
            return IntensityTarget(target_type, value=float(value)) if value <= most else None
        if low is None or high is None or kind not in (_SPEED, _HEART_RATE, _CADENCE, _POWER):
            return None
        if kind == _SPEED:
            return _ranged(TargetType.SPEED, low / 1000, high / 1000)
        if kind == _CADENCE:
            return _ranged(TargetType.CADENCE, low, high)
        absolute, share, offset = (
            (TargetType.HEART_RATE, TargetType.HEART_RATE_MAX_PERCENTAGE, 100)
            if kind == _HEART_RATE
            else (TargetType.POWER, TargetType.POWER_PERCENTAGE, 1000)
        )
        if low > offset:
            return _ranged(absolute, low - offset, high - offset)
        return _ranged(share, low, high)

    def _strength(self, row: dict[str, Any], unknown: Any) -> Strength | None:
        category, weight = row.get("exercise_category"), row.get("exercise_weight")
        name = ""
        if category is not None:
            found = exercise_of_numbers(category, row.get("exercise_name"))
            name = found.name if found else next(unknown, "") if category == _UNKNOWN_CATEGORY else ""
        if not name and weight is None:
            return None
        is_pounds = row.get("weight_display_unit") == _LBS
        told = None
        if weight is not None:
            told = round(weight / 100 / (0.45359237 if is_pounds else 1), 1)
        return Strength(name, weight=told, weight_display_unit=WeightUnit.LBS if is_pounds else WeightUnit.KG)


def _ranged(kind: TargetType, low: float, high: float) -> IntensityTarget:
    least, most = TARGET_BOUNDS[kind]
    low, high = min(max(low, least), most), min(max(high, least), most)
    if low == high:
        # A percentage is always a range: one end of it stands for the value.
        return IntensityTarget(kind, **{"value_low" if kind in PERCENTAGES else "value": float(low)})
    return IntensityTarget(kind, value_low=float(min(low, high)), value_high=float(max(low, high)))


def _intensity(told: Any) -> Intensity:
    # 5 is an interval, 6 is other.
    return next((it for it, number in _INTENSITIES.items() if number == told), Intensity.ACTIVE)


def _first(told: Any) -> Any:
    return told[0] if isinstance(told, list) and told else None if isinstance(told, list) else told
