"""`manage.py inspect_file PATH...`: the normalised reading of files, without a database."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from activities.domain.parsed import ParsedActivity
from activities.services.ingest import json_of
from integrations.services.inspection import Inspection, inspect
from trainstack.progress import Progress

FIGURES = (
    "provider", "external_id", "sport", "provider_type", "start_time", "utc_offset_s", "elapsed_s", "timer_s",
    "moving_s", "distance_m", "elevation_gain_m", "energy_kcal", "active_energy_kcal", "avg_heart_rate_bpm",
    "max_heart_rate_bpm", "avg_power_w", "max_power_w", "avg_cadence_rpm", "device",
)  # fmt: skip


class Command(BaseCommand):
    help = "Shows what files would become, without bringing them in. Exits with 0 whatever the files are."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("paths", nargs="+", metavar="PATH", help="a file")
        parser.add_argument("--json", action="store_true", help="one JSON document on stdout and nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        told = []
        with Progress(sys.stderr, len(options["paths"])) as progress:
            for path in options["paths"]:
                progress.advance(0, path)
                told.append((path, inspect(Path(path))))
                progress.advance(1, path)
        if options["json"]:
            self.stdout.write(json.dumps([_as_json(path, found) for path, found in told], indent=2))
        else:
            for path, found in told:
                self._say(path, found)

    def _say(self, path: str, found: Inspection) -> None:
        self.stdout.write(f"{path}: {len(found.activities)} activities")
        for one in found.activities:
            streams = ", ".join(f"{name} {len(stream):,}" for name, stream in sorted(one.streams.items()))
            self.stdout.write(
                f"  {one.start_time:%Y-%m-%d %H:%M} {one.sport} ({one.provider_type})"
                f" {(one.elapsed_s or 0) / 60:.0f} min {(one.distance_m or 0) / 1000:.2f} km {streams}".rstrip()
            )
        for problem in found.problems:
            self.stdout.write(f"  {problem.message}")


def _as_json(path: str, found: Inspection) -> dict[str, Any]:
    return {
        "path": path,
        "problems": [problem.message for problem in found.problems],
        "activities": [_activity(one) for one in found.activities],
    }


def _activity(one: ParsedActivity) -> dict[str, Any]:
    figures = {name: getattr(one, name) for name in FIGURES}
    return {
        **figures,
        "start_time": one.start_time.isoformat(),
        "laps": [json_of(lap) for lap in one.laps],
        "streams": {name: len(stream) for name, stream in sorted(one.streams.items())},
        "parent": one.parent,
    }
