"""ZWO: workouts of Zwift and of whoever reads its files. Power as a share of FTP, durations in seconds.

On a run the share is one of the speed of a distance, and we write it as such of the threshold's.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from lxml import etree  # type: ignore[import-untyped]

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
from workouts.exporters.base import Export, exported
from workouts.formats.base import Imported, Unreadable, bounded
from workouts.formats.power import RUNS, Piece, PowerWriter, share_target

AUTHOR = "TrainStack"
MAX_BYTES = 4 << 20
# A run's shares are of the speed of this distance: ten kilometres lie closest to an hour at threshold.
_TEN_KILOMETRES = "2"


class ZwoFormat:
    slug = "zwo"
    name = "ZWO (Zwift)"
    ending = ".zwo"

    def write(self, workout: Workout, athlete: AthleteParameters, day: date) -> Export:
        warnings = Warnings()
        payload = _Writer(workout, athlete, warnings).file()
        return exported(self.slug, payload, workout, warnings)

    def recognises(self, data: bytes) -> bool:
        return b"<workout_file" in data[:4096]

    def read(self, data: bytes, athlete: AthleteParameters) -> Imported:
        return _Reader(athlete).read(data)


# --- writing ----------------------------------------------------------------------------------


class _Writer(PowerWriter):
    provider = "A ZWO file"
    keeps_cadence = True

    def file(self) -> bytes:
        workout = self.workout
        self.lose_place()
        self.lose_environment(Environment.OUTDOOR, Environment.POOL)
        is_run = workout.sport in RUNS
        root = etree.Element("workout_file")
        for name, text in (
            ("author", AUTHOR),
            ("name", _xml(workout.name)),
            ("description", _xml(workout.description)),
            ("sportType", "run" if is_run else "bike"),
        ):
            etree.SubElement(root, name).text = text
        etree.SubElement(root, "tags")
        steps = etree.SubElement(root, "workout")
        for index, block in enumerate(workout.step_blocks):
            for element in self._block(index, block):
                if is_run:
                    element.set("pace", _TEN_KILOMETRES)
                steps.append(element)
        written: bytes = etree.tostring(root, encoding="utf-8", pretty_print=True)
        return written

    def _block(self, index: int, block: StepBlock) -> Iterator[Any]:
        pieces = [(step, self.piece(step_path(index, number), step)) for number, step in enumerate(block.steps)]
        rounds = self.rounds(index, block)
        if rounds > 1 and len(pieces) == 2 and all(it.share is not None for _, it in pieces):
            yield _intervals(rounds, *(it for _, it in pieces))
            return
        if rounds > 1:
            rounds = self.unrolled(index, block, "A ZWO file repeats two steps with power only")
        for _ in range(rounds):
            for step, piece in pieces:
                yield _element(step, piece)


def _intervals(rounds: int, on: Piece, off: Piece) -> Any:
    element = etree.Element("IntervalsT")
    element.set("Repeat", str(rounds))
    element.set("OnDuration", str(on.seconds))
    element.set("OffDuration", str(off.seconds))
    element.set("OnPower", _share(on))
    element.set("OffPower", _share(off))
    for name, piece in (("Cadence", on), ("CadenceResting", off)):
        if piece.cadence:
            element.set(name, f"{sum(piece.cadence) / 2:.0f}")
    _tell(element, on.texts)
    if off.texts != on.texts:
        _tell(element, off.texts, on.seconds)
    return element


def _element(step: WorkoutStep, piece: Piece) -> Any:
    ends = {Intensity.WARMUP: "Warmup", Intensity.COOLDOWN: "Cooldown"}
    name = "FreeRide" if piece.share is None else ends.get(step.intensity_type, "SteadyState")
    element = etree.Element(name)
    element.set("Duration", str(piece.seconds))
    if piece.share is not None and name == "SteadyState":
        element.set("Power", _share(piece))
    elif piece.share is not None:
        element.set("PowerLow", _share(piece))
        element.set("PowerHigh", _share(piece))
    if piece.cadence:
        low, high = piece.cadence
        if low == high:
            element.set("Cadence", f"{low:.0f}")
        else:
            element.set("CadenceLow", f"{low:.0f}")
            element.set("CadenceHigh", f"{high:.0f}")
    if name == "FreeRide" and step.intensity_type is not Intensity.ACTIVE:
        # What the step is for has no place in a free ride.
        element.set("show_avg", "0")
    _tell(element, piece.texts)
    return element


def _tell(element: Any, texts: tuple[str, ...], offset: int = 0) -> None:
    if texts:
        event = etree.SubElement(element, "textevent")
        event.set("timeoffset", str(offset))
        event.set("message", _xml(", ".join(texts)))


def _share(piece: Piece) -> str:
    return f"{(piece.share or 0) / 100:.4f}".rstrip("0").ljust(4, "0")


def _xml(text: str) -> str:
    """Without the characters that XML cannot hold."""
    return "".join(it for it in text if it in "\t\n\r" or (it >= " " and it not in "\ufffe\uffff"))


# --- reading ----------------------------------------------------------------------------------


class _Reader:
    def __init__(self, athlete: AthleteParameters) -> None:
        self.athlete = athlete
        self.warnings: list[CoercionWarning] = []
        self.blocks: list[StepBlock] = []
        self.is_run = False

    def read(self, data: bytes) -> Imported:
        if len(data) > MAX_BYTES:
            raise Unreadable("This file is too large for a workout.")
        parser = etree.XMLParser(resolve_entities=False, no_network=True, recover=True, huge_tree=False)
        try:
            root = etree.fromstring(data, parser)
        except (etree.XMLSyntaxError, ValueError) as error:
            raise Unreadable("This is no XML that could be read.") from error
        if root is None or root.tag != "workout_file":
            raise Unreadable("This is no ZWO file.")
        self.is_run = (root.findtext("sportType") or "").strip() == "run"
        steps = root.find("workout")
        for element in steps if steps is not None else ():
            if isinstance(element.tag, str):
                self._element(element)
        if not self.blocks:
            raise Unreadable("This ZWO file holds no steps.")
        workout = Workout(
            # Some programs write <n>.
            name=(root.findtext("name") or root.findtext("n") or "").strip()[:200] or "Workout",
            sport=WorkoutSport.RUNNING if self.is_run else WorkoutSport.CYCLING,
            step_blocks=bounded(self.blocks, self.warnings),
            description=(root.findtext("description") or "").strip()[:5000],
        )
        return Imported(workout, tuple(self.warnings))

    def _element(self, element: Any) -> None:
        path = step_path(len(self.blocks), 0)
        notes = ". ".join(it.get("message") or "" for it in element.iter("textevent") if it.get("message"))[:5000]
        if element.tag == "IntervalsT":
            self._intervals(element, notes)
        elif element.tag in ("Warmup", "Cooldown", "Ramp", "SteadyState", "FreeRide", "Freeride", "MaxEffort"):
            intensity = {"Warmup": Intensity.WARMUP, "Cooldown": Intensity.COOLDOWN}.get(element.tag, Intensity.ACTIVE)
            targets = []
            powers = [it for it in (_number(element, name) for name in ("Power", "PowerLow", "PowerHigh")) if it]
            if powers and element.tag not in ("FreeRide", "Freeride", "MaxEffort"):
                is_ramp = element.tag in ("Warmup", "Cooldown", "Ramp")
                targets.append(self._target(min(powers), max(powers), f"{path}.intensity_targets[0]", is_ramp))
            targets += _cadence(element, ("Cadence", "CadenceLow", "CadenceHigh"))
            step = WorkoutStep(intensity, self._end(element, "Duration"), tuple(targets), notes)
            self.blocks.append(StepBlock((step,)))
        else:
            self.warnings.append(
                CoercionWarning(
                    Code.COMPLETION_UNSUPPORTED,
                    f"{path}.completion_condition",
                    f"A step of kind “{element.tag}” was left out.",
                )
            )

    def _intervals(self, element: Any, notes: str) -> None:
        block = len(self.blocks)
        steps = []
        for number, (name, intensity, cadence) in enumerate(
            (("On", Intensity.ACTIVE, "Cadence"), ("Off", Intensity.RECOVERY, "CadenceResting"))
        ):
            where = f"{step_path(block, number)}.intensity_targets[0]"
            names = (f"{name}Power", f"Power{name}Low", f"Power{name}High")
            powers = [it for it in (_number(element, it) for it in names) if it]
            targets = [self._target(min(powers), max(powers), where, False)] if powers else []
            targets += _cadence(element, (cadence,))
            told = notes if not number else ""
            steps.append(WorkoutStep(intensity, self._end(element, f"{name}Duration"), tuple(targets), told))
        rounds = max(1, min(round(_number(element, "Repeat") or 1), 1000))
        self.blocks.append(StepBlock(tuple(steps), CompletionCondition(Completion.REPS, rounds)))

    def _target(self, low: float, high: float, path: str, is_ramp: bool) -> IntensityTarget:
        if not self.is_run:
            return share_target(low * 100, high * 100, self.athlete, path, self.warnings, is_ramp=is_ramp)
        low, high = (min(round(it * 100, 3), 200) for it in (low, high))
        if low == high:
            return IntensityTarget(TargetType.SPEED_PERCENTAGE, value_low=low)
        return IntensityTarget(TargetType.SPEED_PERCENTAGE, value_low=low, value_high=high)

    @staticmethod
    def _end(element: Any, name: str) -> CompletionCondition:
        seconds = _number(element, name)
        if not seconds:
            return OPEN
        return CompletionCondition(Completion.TIME, float(min(max(1, round(seconds)), 86_400)))


def _number(element: Any, name: str) -> float | None:
    try:
        value = float(element.get(name, ""))
    except ValueError:
        return None
    return value if 0 <= value < 1e6 else None


def _cadence(element: Any, names: tuple[str, ...]) -> list[IntensityTarget]:
    told = [it for it in (_number(element, name) for name in names) if it and 1 <= it <= 300]
    if not told:
        return []
    low, high = min(told), max(told)
    if low == high:
        return [IntensityTarget(TargetType.CADENCE, value=low)]
    return [IntensityTarget(TargetType.CADENCE, value_low=low, value_high=high)]
