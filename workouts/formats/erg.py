"""ERG and MRC: points of time and power, in watts or in per cent of FTP. Two points of one power are a step."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from itertools import pairwise

from workouts.domain.athlete import DEFAULTS, AthleteParameters
from workouts.domain.coercion import Code, CoercionWarning, Warnings
from workouts.domain.structure import (
    Completion,
    CompletionCondition,
    Environment,
    StepBlock,
    Workout,
    WorkoutSport,
    WorkoutStep,
    step_path,
)
from workouts.domain.targets import parameter
from workouts.exporters.base import Export, exported
from workouts.formats.base import Imported, Unreadable, bounded
from workouts.formats.power import PowerWriter, intensity_of, share_target, usual_share

_SECTION = re.compile(r"^\s*\[(END )?COURSE (HEADER|DATA|TEXT)\]\s*$", re.IGNORECASE)
_POINT = re.compile(r"^\s*([0-9]+(?:\.[0-9]*)?)\s+([0-9]+(?:\.[0-9]*)?)\s*$")
MAX_POINTS = 20_000


class ErgFormat:
    """Points in watts; `MrcFormat` has them in per cent."""

    slug = "erg"
    name = "ERG"
    ending = ".erg"
    unit = "WATTS"

    def write(self, workout: Workout, athlete: AthleteParameters, day: date) -> Export:
        warnings = Warnings()
        payload = _Writer(workout, athlete, warnings, self.unit, self.ending).file()
        return exported(self.slug, payload, workout, warnings)

    def recognises(self, data: bytes) -> bool:
        head = data[:4096].upper()
        return b"[COURSE HEADER]" in head and self.unit.encode() in head

    def read(self, data: bytes, athlete: AthleteParameters) -> Imported:
        return _read(data, athlete)


class MrcFormat(ErgFormat):
    slug = "mrc"
    name = "MRC"
    ending = ".mrc"
    unit = "PERCENT"


class _Writer(PowerWriter):
    def __init__(
        self, workout: Workout, athlete: AthleteParameters, warnings: Warnings, unit: str, ending: str
    ) -> None:
        super().__init__(workout, athlete, warnings)
        self.unit = unit
        self.ending = ending
        self.provider = f"An {ending[1:].upper()} file"

    def file(self) -> bytes:
        workout = self.workout
        self.lose_place()
        self.lose_environment(Environment.OUTDOOR, Environment.POOL)
        is_watts = self.unit == "WATTS"
        ftp = parameter(self.athlete, "ftp", self.warnings) if is_watts else 0.0
        lines = [
            "[COURSE HEADER]",
            "VERSION = 2",
            "UNITS = ENGLISH",
            f"DESCRIPTION = {_line(workout.description or workout.name)}",
            f"FILE NAME = {_line(workout.name)}{self.ending}",
            *([f"FTP = {ftp:g}"] if is_watts else []),
            f"MINUTES {self.unit}",
            "[END COURSE HEADER]",
            "[COURSE DATA]",
        ]
        at = 0
        texts: list[tuple[int, str]] = []
        for seconds, share, words in self._pieces():
            value = share * ftp / 100 if is_watts else share
            lines += [f"{moment / 60:.2f}\t{value:.0f}" for moment in (at, at + seconds)]
            texts += [(at, words)] if words else []
            at += seconds
        lines.append("[END COURSE DATA]")
        if texts:
            lines += ["[COURSE TEXT]", *(f"{moment}\t{words}\t10" for moment, words in texts), "[END COURSE TEXT]"]
        return ("\r\n".join(lines) + "\r\n").encode()

    def _pieces(self) -> Iterator[tuple[int, float, str]]:
        """Seconds, per cent of FTP and the text of each step, repeats written out."""
        for index, block in enumerate(self.workout.step_blocks):
            pieces = []
            for number, step in enumerate(block.steps):
                path = step_path(index, number)
                piece = self.piece(path, step)
                share = piece.share
                if share is None:
                    share = usual_share(step)
                    self.warn(
                        Code.TARGET_CONVERTED,
                        f"{path}.intensity_targets",
                        f"{self.provider} wants a power in every step: {share:g} % of FTP was written.",
                    )
                pieces.append((piece.seconds, share, _line(", ".join(piece.texts))))
            # Repeats are written out: the power over time stays the same.
            for _ in range(min(self.rounds(index, block), max(1, MAX_POINTS // len(pieces)))):
                yield from pieces


def _line(text: str) -> str:
    return " ".join(text.split())


# --- reading ----------------------------------------------------------------------------------


def _read(data: bytes, athlete: AthleteParameters) -> Imported:
    lines = data.decode("utf-8-sig", "replace").splitlines()
    section = ""
    header: dict[str, str] = {}
    unit = ""
    points: list[tuple[float, float]] = []
    texts: list[tuple[float, str]] = []
    for line in lines:
        if match := _SECTION.match(line):
            section = "" if match.group(1) else match.group(2).upper()
        elif section == "HEADER":
            name, equals, value = line.partition("=")
            if equals:
                header[name.strip().upper()] = value.strip()
            elif line.strip():
                unit = line.split()[-1].upper()
        elif section == "DATA" and (point := _POINT.match(line)) and len(points) < MAX_POINTS:
            points.append((float(point.group(1)) * 60, float(point.group(2))))
        elif section == "TEXT" and "\t" in line:
            when, _, words = line.partition("\t")
            if when.strip().replace(".", "", 1).isdigit():
                texts.append((float(when), words.partition("\t")[0].strip()))
    if unit not in ("WATTS", "PERCENT") or len(points) < 2:
        raise Unreadable("This is no ERG or MRC file, or it holds no points of time and power.")
    return _imported(header, unit, points, texts, athlete)


def _imported(
    header: dict[str, str],
    unit: str,
    points: list[tuple[float, float]],
    texts: list[tuple[float, str]],
    athlete: AthleteParameters,
) -> Imported:
    ftp = 100.0
    if unit == "WATTS":
        told = header.get("FTP", "")
        ftp = float(told) if told.replace(".", "", 1).isdigit() and float(told) > 0 else athlete.ftp or DEFAULTS["ftp"]
    spans = [
        (end[0] - begin[0], begin[1] / ftp * 100, end[1] / ftp * 100, begin[0])
        for begin, end in pairwise(points)
        if end[0] - begin[0] >= 0.5
    ]
    if not spans:
        raise Unreadable("This file holds no points of time and power.")
    warnings: list[CoercionWarning] = []
    blocks = []
    for place, (seconds, first, last, at) in enumerate(spans):
        path = f"{step_path(place, 0)}.intensity_targets[0]"
        target = share_target(first, last, athlete, path, warnings, is_ramp=True)
        step = WorkoutStep(
            intensity_of(first, last, place, len(spans)),
            CompletionCondition(Completion.TIME, float(min(max(1, round(seconds)), 86_400))),
            (target,),
            ". ".join(words for when, words in texts if at <= when < at + seconds)[:5000],
        )
        blocks.append(StepBlock((step,)))
    name = header.get("FILE NAME", "").rsplit(".", 1)[0].strip() or header.get("DESCRIPTION", "").strip()
    workout = Workout(
        name=name[:200] or "Workout",
        sport=WorkoutSport.CYCLING,
        step_blocks=bounded(blocks, warnings),
        description=header.get("DESCRIPTION", "")[:5000],
        environment=Environment.INDOOR,
    )
    return Imported(workout, tuple(warnings))
