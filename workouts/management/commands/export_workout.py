"""`export_workout WORKOUT.json --provider SLUG`: what a provider gets, and what had to change. No database."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from workouts.domain.athlete import AthleteParameters
from workouts.domain.document import Invalid, athlete_of, workout_of
from workouts.exporters import EXPORTERS
from workouts.exporters.base import Export
from workouts.formats import FORMATS

# Formats of files; what is text among them can be printed.
_FILES = [slug for slug in FORMATS if slug != "json"]


class Command(BaseCommand):
    help = "Prints a workout as a provider takes it, with every value that had to change; or writes it as a file."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("workout", type=Path, metavar="WORKOUT.json", help='"-" reads standard input')
        parser.add_argument("--provider", required=True, choices=[*EXPORTERS, *FORMATS])
        parser.add_argument("--athlete", type=Path, metavar="ATHLETE.json", help="the athlete's numbers and own zones")
        parser.add_argument("--date", type=_date, help="YYYY-MM-DD; today where it is not told")
        parser.add_argument("--output", type=Path, metavar="FILE", help=f"where to write {', '.join(_FILES)}")
        parser.add_argument("--json", action="store_true", help="this command prints one JSON document anyway")

    def handle(self, *args: Any, **options: Any) -> None:
        slug: str = options["provider"]
        workout = _read(options["workout"], workout_of)
        athlete = _read(options["athlete"], athlete_of) if options["athlete"] else AthleteParameters()
        day: date = options["date"] or timezone.localdate()
        writer = EXPORTERS.get(slug)
        export = writer.export(workout, athlete, day) if writer else FORMATS[slug].write(workout, athlete, day)
        payload = export.payload
        if isinstance(payload, bytes):
            payload = self._file(slug, payload, options["output"])
        elif options["output"]:
            options["output"].write_text(json.dumps(payload, ensure_ascii=False, indent=2) + "\n")
        document = {"provider": slug, "payload": payload, "coercion_warnings": _warnings(export)}
        self.stdout.write(json.dumps(document, ensure_ascii=False, indent=2))

    @staticmethod
    def _file(slug: str, data: bytes, output: Path | None) -> Any:
        """What stands for the file in the document: its path, else its text; bytes that are none need a path."""
        if output:
            try:
                output.write_bytes(data)
            except OSError as error:
                raise CommandError(f"{output}: {error.strerror}") from error
            return {"file": str(output), "bytes": len(data)}
        if slug == "json":
            return json.loads(data)
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            raise CommandError(f"A {slug} file is no text: name where to write it with --output FILE.") from error


def _read(path: Path, reader: Any) -> Any:
    try:
        data = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
        return reader(data)
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from error
    except Invalid as error:
        lines = [f"{path}: {one.path}: {one.message}" if one.path else f"{path}: {one.message}" for one in error.errors]
        raise CommandError("\n".join(lines)) from error


def _warnings(export: Export) -> list[dict[str, str]]:
    return [{"code": it.code.value, "path": it.path, "message": it.message} for it in export.coercion_warnings]


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError("a date is written YYYY-MM-DD") from error
