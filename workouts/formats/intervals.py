"""Intervals.icu's text: a line a step, the way that many coaches write.

    Main Set 4x
    - 1km 4:10/km-4:00/km Pace
    - Recovery 2m

A paragraph is a block; a header or a line of its own that ends in "4x" repeats it. What a step says besides length and
target is its cue.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from workouts.domain.athlete import AthleteParameters
from workouts.domain.coercion import Code, CoercionWarning, Warnings
from workouts.domain.structure import (
    OPEN,
    Completion,
    CompletionCondition,
    Environment,
    Intensity,
    IntensityTarget,
    StepBlock,
    TargetType,
    Workout,
    WorkoutSport,
    WorkoutStep,
    step_path,
)
from workouts.domain.validation import TARGET_BOUNDS
from workouts.exporters.base import Export, exported
from workouts.exporters.writing import NAMES, Writer, shown_end
from workouts.formats.base import Imported, Unreadable, bounded

MAX_CHARACTERS = 200_000
_HEADERS = {
    Intensity.WARMUP: "Warmup",
    Intensity.COOLDOWN: "Cooldown",
}
# Words at which a header or a cue tells what a step is for.
_INTENSITIES: tuple[tuple[Intensity, re.Pattern[str]], ...] = (
    (Intensity.WARMUP, re.compile(r"\bwarm[ -]?up\b", re.IGNORECASE)),
    (Intensity.COOLDOWN, re.compile(r"\b(?:cool|warm)[ -]?down\b", re.IGNORECASE)),
    (Intensity.RECOVERY, re.compile(r"\brecover(?:y)?\b", re.IGNORECASE)),
    (Intensity.REST, re.compile(r"\brest\b", re.IGNORECASE)),
)
_METRES = {"km": 1000.0, "mi": 1609.344, "mtr": 1.0, "m": 1.0, "y": 0.9144, "yrd": 0.9144}
# Metres of the length to which a pace belongs.
_PACES = {"km": 1000.0, "mi": 1609.344, "100m": 100.0, "100y": 91.44, "500m": 500.0, "400m": 400.0, "250m": 250.0}


class IntervalsFormat:
    slug = "intervals"
    name = "Intervals.icu text"
    ending = ".txt"

    def write(self, workout: Workout, athlete: AthleteParameters, day: date) -> Export:
        """The payload is UTF-8. The workout's name and sport are not part of the text."""
        warnings = Warnings()
        text = _Writer(workout, athlete, warnings).text()
        return exported(self.slug, text.encode(), workout, warnings)

    def recognises(self, data: bytes) -> bool:
        try:
            lines = data[:65_536].decode("utf-8-sig").splitlines()
        except UnicodeDecodeError:
            return False
        return any(_STEP.match(line) and _Line(line).has_length for line in lines)

    def read(self, data: bytes, athlete: AthleteParameters) -> Imported:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise Unreadable("This is no text.") from error
        return imported(text)


# --- writing ----------------------------------------------------------------------------------


class _Writer(Writer):
    provider = "Intervals.icu's text"

    def text(self) -> str:
        self.lose_environment(*Environment)
        self.pool_length(has_place=False)
        if self.workout.description:
            self.warn(
                Code.DESCRIPTION_UNSUPPORTED,
                "workout.description",
                "Intervals.icu's text holds no description of the workout: it was left out.",
            )
        paragraphs = []
        for index, block in enumerate(self.workout.step_blocks):
            rounds = self.rounds(index, block)
            kinds = {step.intensity_type for step in block.steps}
            header = _HEADERS.get(next(iter(kinds)), "") if len(kinds) == 1 else ""
            head = " ".join(it for it in (header, f"{rounds}x" if rounds > 1 else "") if it)
            lines = [self._line(step_path(index, number), step, header) for number, step in enumerate(block.steps)]
            paragraphs.append("\n".join([*([head] if head else []), *lines]))
        return "\n\n".join(paragraphs) + "\n"

    def _line(self, path: str, step: WorkoutStep, header: str) -> str:
        texts = [_cue(step.notes)] if step.notes else []
        length = self._length(path, step, texts)
        targets: list[str] = []
        for index, target in enumerate(step.intensity_targets):
            where = f"{path}.intensity_targets[{index}]"
            if target.target_type is TargetType.RPE:
                self.lose_target(where, target, texts)
            elif target.target_type is TargetType.CADENCE or not targets:
                targets.append(_target(target))
            else:
                texts.append(_cue(_target(target).replace("%", " percent")))
                self.warn(
                    Code.TOO_MANY_TARGETS,
                    where,
                    "Intervals.icu's text holds one target and a cadence: it became a cue.",
                )
        self.lose_controls(path, step, texts)
        self.lose_swim(path, step, texts, stroke=Code.STROKE_UNSUPPORTED)
        self.lose_exercise(path, step.strength, texts)
        self.lose_weight(path, step.strength, texts)
        cue = " ".join(_cue(it) for it in texts if it)
        word = NAMES[step.intensity_type]
        # A cue tells what the step is for where its header does not.
        if not header and step.intensity_type is not Intensity.ACTIVE and _intensity(cue) is not step.intensity_type:
            cue = f"{word}: {cue}" if cue else word
        # The target that is no cadence comes first.
        targets.sort(key=lambda it: it.endswith("rpm"))
        return " ".join(it for it in ("-", cue, length, *targets) if it)

    def _length(self, path: str, step: WorkoutStep, texts: list[str]) -> str:
        condition = step.completion_condition
        value = condition.value or 0
        if condition.type is Completion.TIME:
            return _clock(value)
        if condition.type is Completion.DISTANCE:
            return f"{value / 1000:g}km" if value >= 1000 and value % 10 == 0 else f"{value:g}mtr"
        if condition.type is Completion.OPEN:
            texts.append("Press lap")
            return ""
        texts.append(_cue(shown_end(condition)))
        self.warn(
            Code.COMPLETION_UNSUPPORTED,
            f"{path}.completion_condition",
            "Intervals.icu's text ends a step by time, distance or the lap button: it became a cue.",
        )
        return ""


def _cue(text: str) -> str:
    """Words that no reader takes for a length or a target."""
    words = [it for it in re.sub(r"\s+", " ", text).strip().split(" ") if it]
    return " ".join(it for it in words if not _TOKEN.fullmatch(it) and not it.startswith("-") and it.lower() != "ramp")


def _clock(seconds: float) -> str:
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, rest = divmod(rest, 60)
    parts = [f"{it}{unit}" for it, unit in ((hours, "h"), (minutes, "m"), (rest, "s")) if it]
    return "".join(parts) or "1s"


def _target(target: IntensityTarget) -> str:
    kind = target.target_type
    ends = [it for it in (target.value, target.value_low, target.value_high) if it is not None]
    if kind is TargetType.PACE:
        # The slower end first, as people say it.
        return "-".join(f"{_minutes(it)}/km" for it in sorted(ends, reverse=True)) + " Pace"
    if kind is TargetType.SPEED:
        return "-".join(f"{_minutes(1000 / max(it, 0.139))}/km" for it in sorted(ends)) + " Pace"
    told = "-".join(f"{it:g}" for it in ends)
    zones = "-".join(f"Z{it:g}" for it in ends)
    return {
        TargetType.POWER: f"{told}w",
        TargetType.POWER_PERCENTAGE: f"{told}%",
        TargetType.POWER_ZONE: zones,
        TargetType.HEART_RATE: f"{told}bpm",
        TargetType.HEART_RATE_MAX_PERCENTAGE: f"{told}% HR",
        TargetType.HEART_RATE_THRESHOLD_PERCENTAGE: f"{told}% LTHR",
        TargetType.HEART_RATE_ZONE: f"{zones} HR",
        TargetType.SPEED_PERCENTAGE: f"{told}% Pace",
        TargetType.CADENCE: f"{told}rpm",
    }[kind]


def _minutes(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"


# --- reading ----------------------------------------------------------------------------------

_STEP = re.compile(r"^\s*[-*]\s*(.+)$")
_REPEAT = re.compile(r"^(.*?)\b([0-9]{1,4})\s*x\s*$", re.IGNORECASE)
_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_TIME = re.compile(r"(?:([0-9]+)h)?(?:([0-9]+)(?:m|'))?(?:([0-9]+)(?:s|\"|''))?", re.IGNORECASE)
_DISTANCE = re.compile(rf"({_NUMBER})(km|mi|mtr|yrd|y)", re.IGNORECASE)
_SHARE = re.compile(rf"({_NUMBER})%?(?:-({_NUMBER}))?%", re.IGNORECASE)
_WATTS = re.compile(rf"({_NUMBER})w?(?:-({_NUMBER}))?w", re.IGNORECASE)
_BEATS = re.compile(rf"({_NUMBER})(?:bpm)?(?:-({_NUMBER}))?bpm", re.IGNORECASE)
_RPM = re.compile(rf"({_NUMBER})(?:rpm)?(?:-({_NUMBER}))?rpm", re.IGNORECASE)
_ZONE = re.compile(r"Z([1-7])(?:-Z?([1-7]))?", re.IGNORECASE)
_PACE = re.compile(
    r"([0-9]+):([0-9]{2})(?:/(km|mi|100m|100y|500m|400m|250m))?"
    r"(?:-([0-9]+):([0-9]{2}))?(?:/(km|mi|100m|100y|500m|400m|250m))?",
    re.IGNORECASE,
)
_KIND = re.compile(r"HR|LTHR|Pace", re.IGNORECASE)
_TOKEN = re.compile(
    "|".join(
        it.pattern for it in (_DISTANCE, _SHARE, _WATTS, _BEATS, _RPM, _ZONE, _PACE, _KIND)
    ) + r"|(?=\S)(?:[0-9]+h)?(?:[0-9]+(?:m|'))?(?:[0-9]+(?:s|\"|''))?|freeride|[0-9]+x|ramp",
    re.IGNORECASE,
)  # fmt: skip


def imported(text: str, *, name: str = "", sport: WorkoutSport | None = None) -> Imported:
    """The workout that the text tells. Raises Unreadable where it holds no step.

    `name` and `sport` are not in a text; without a sport it is guessed: paces are of a run, all else of a ride.
    """
    if len(text) > MAX_CHARACTERS:
        raise Unreadable("This text is too long for a workout.")
    reader = _Reader()
    for line in text.splitlines():
        reader.line(line)
    reader.close()
    if not reader.blocks:
        raise Unreadable("This text holds no steps: a step is a line that begins with a dash and tells a length.")
    kinds = {it.target_type for block in reader.blocks for step in block.steps for it in step.intensity_targets}
    is_run = bool(kinds & {TargetType.PACE, TargetType.SPEED_PERCENTAGE})
    workout = Workout(
        name=name or reader.title[:200] or "Workout",
        sport=sport or (WorkoutSport.RUNNING if is_run else WorkoutSport.CYCLING),
        step_blocks=bounded(reader.blocks, reader.warnings),
    )
    return Imported(workout, tuple(reader.warnings))


class _Reader:
    """Lines into blocks: a paragraph is one, and so is what follows a header or a repeat."""

    def __init__(self) -> None:
        self.blocks: list[StepBlock] = []
        self.warnings: list[CoercionWarning] = []
        self.title = ""
        self._steps: list[WorkoutStep] = []
        self._rounds = 1
        self._intensity: Intensity | None = None

    def line(self, line: str) -> None:
        if match := _STEP.match(line):
            self._step(_Line(match.group(1)))
        elif not line.strip():
            self.close()
        else:
            self.close()
            repeat = _REPEAT.match(line.strip())
            words = (repeat.group(1) if repeat else line).strip()
            self._rounds = max(1, min(int(repeat.group(2)), 1000)) if repeat else 1
            self._intensity = _intensity(words)
            if words and not repeat and self._intensity is None and not self.blocks and not self.title:
                self.title = words

    def close(self) -> None:
        """What was read up to here is a block; a header without steps yet waits for them."""
        if not self._steps:
            return
        condition = CompletionCondition(Completion.REPS, self._rounds) if self._rounds > 1 else OPEN
        self.blocks.append(StepBlock(tuple(self._steps), condition))
        self._steps, self._rounds, self._intensity = [], 1, None

    def _step(self, line: _Line) -> None:
        path = step_path(len(self.blocks), len(self._steps))
        if line.is_ramp:
            self.warnings.append(
                CoercionWarning(
                    Code.TARGET_CONVERTED,
                    f"{path}.intensity_targets[0]",
                    "A ramp became the range that it runs through.",
                )
            )
        if not line.has_length and not line.is_open:
            self.warnings.append(
                CoercionWarning(
                    Code.COMPLETION_UNSUPPORTED,
                    f"{path}.completion_condition",
                    f"No length was found in “{line.text}”: the step ends by hand.",
                )
            )
        intensity = self._intensity or _intensity(line.cue) or Intensity.ACTIVE
        # Words that say only what the step is for say nothing more: "Recovery", "Recovery: breathe".
        first, _, others = line.cue.partition(":")
        is_plain = any(pattern.fullmatch(first.strip()) for _, pattern in _INTENSITIES)
        notes = others.strip() if is_plain else line.cue
        self._steps.append(WorkoutStep(intensity, line.condition, line.targets, notes))


class _Line:
    """One step's line, taken apart."""

    def __init__(self, text: str) -> None:
        match = _STEP.match(text)
        self.text = (match.group(1) if match else text).strip()
        self.condition = OPEN
        self.has_length = self.is_ramp = self.is_open = False
        found: list[IntensityTarget] = []
        cue: list[str] = []
        words = list(_joined(self.text.split()))
        for place, word in enumerate(words):
            following = words[place + 1] if place + 1 < len(words) else ""
            if word.lower() == "ramp":
                self.is_ramp = True
            elif word.lower() == "freeride" or (_KIND.fullmatch(word) and found):
                continue
            elif not self.has_length and (length := _length(word)):
                self.condition, self.has_length = length, True
            elif target := _target_of(word, following):
                if all(it.target_type is not target.target_type for it in found):
                    found.append(target)
            else:
                cue.append(word)
        told = " ".join(cue)
        self.is_open = "press lap" in told.lower()
        self.cue = re.sub(r"\s*press lap\s*", " ", told, flags=re.IGNORECASE).strip()[:5000]
        self.targets = tuple(found)


def _joined(words: list[str]) -> Iterator[str]:
    """ "4:10/km - 4:00/km" as one word."""
    at = 0
    while at < len(words):
        if at + 2 < len(words) and words[at + 1] == "-":
            yield f"{words[at]}-{words[at + 2]}"
            at += 3
        else:
            yield words[at]
            at += 1


def _length(word: str) -> CompletionCondition | None:
    if (match := _TIME.fullmatch(word)) and any(match.groups()):
        hours, minutes, seconds = (int(it or 0) for it in match.groups())
        total = hours * 3600 + minutes * 60 + seconds
        return CompletionCondition(Completion.TIME, float(min(max(total, 1), 86_400)))
    if match := _DISTANCE.fullmatch(word):
        metres = round(float(match.group(1)) * _METRES[match.group(2).lower()], 3)
        return CompletionCondition(Completion.DISTANCE, min(max(metres, 1.0), 1_000_000.0))
    return None


def _target_of(word: str, following: str) -> IntensityTarget | None:
    """The target of a word; the next one says what a percentage, a zone or a clock is of."""
    kind = following.lower() if _KIND.fullmatch(following) else ""
    if match := _SHARE.fullmatch(word):
        return _made(
            {
                "hr": TargetType.HEART_RATE_MAX_PERCENTAGE,
                "lthr": TargetType.HEART_RATE_THRESHOLD_PERCENTAGE,
                "pace": TargetType.SPEED_PERCENTAGE,
            }.get(kind, TargetType.POWER_PERCENTAGE),
            *_ends(match),
        )
    if match := _ZONE.fullmatch(word):
        low, high = _ends(match)
        if kind == "hr":
            return _made(TargetType.HEART_RATE_ZONE, low, high)
        return None if kind == "pace" else _made(TargetType.POWER_ZONE, low, high)
    for pattern, target_type in (
        (_WATTS, TargetType.POWER),
        (_BEATS, TargetType.HEART_RATE),
        (_RPM, TargetType.CADENCE),
    ):
        if match := pattern.fullmatch(word):
            return _made(target_type, *_ends(match))
    if match := _PACE.fullmatch(word):
        unit = (match.group(6) or match.group(3) or ("km" if kind == "pace" else "")).lower()
        if not unit:
            return None
        scale = 1000 / _PACES[unit]
        one = (int(match.group(1)) * 60 + int(match.group(2))) * scale
        other = (int(match.group(4)) * 60 + int(match.group(5))) * scale if match.group(4) else one
        return _made(TargetType.PACE, round(one, 3), round(other, 3))
    return None


def _ends(match: re.Match[str]) -> tuple[float, float]:
    low = float(match.group(1))
    return low, float(match.group(2)) if match.group(2) else low


def _made(kind: TargetType, one: float, other: float) -> IntensityTarget | None:
    least, most = TARGET_BOUNDS[kind]
    low, high = sorted((one, other))
    if low < least or high > most:
        return None
    if low < high:
        return IntensityTarget(kind, value_low=low, value_high=high)
    return IntensityTarget(kind, **{"value_low" if kind.value.endswith("percentage") else "value": low})


def _intensity(words: str) -> Intensity | None:
    return next((intensity for intensity, pattern in _INTENSITIES if pattern.search(words)), None)
