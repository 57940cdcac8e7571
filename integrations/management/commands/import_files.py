"""`manage.py import_files PATH... --user EMAIL`: brings files in, in this process, and says what came of them."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from glob import glob
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Exists, OuterRef

from activities.models import RawSighting, SourceActivity
from integrations.models import Import, SyncRun
from integrations.registry import PROVIDERS
from integrations.services import imports, runs
from trainstack.accounts.models import User
from trainstack.accounts.quiet import no_query_log
from trainstack.progress import Progress

SUMS = ("raw_records", "source_activities", "activities")


class Command(BaseCommand):
    help = "Brings files into an athlete's account: workout files, exports, or folders and patterns of them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("paths", nargs="+", metavar="PATH", help="a file, a folder, or a pattern such as '*.zip'")
        parser.add_argument("--user", required=True, metavar="EMAIL", help="whose account they go into")
        parser.add_argument(
            "--provider",
            choices=sorted(PROVIDERS),
            default="",
            help="whose workout files they are where they do not tell",
        )
        parser.add_argument("--json", action="store_true", help="one JSON document on stdout and nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        no_query_log()
        try:
            user = User.objects.get(email__iexact=options["user"])
        except User.DoesNotExist:
            raise CommandError(f"There is no user {options['user']}.") from None
        items: list[dict[str, Any]] = []
        problems: list[str] = []
        told: dict[str, Any] = {
            "files": 0,
            "raw_records": {"created": 0, "known": 0},
            "source_activities": {"created": 0, "updated": 0, "unchanged": 0},
            "activities": {"created": 0, "linked": 0},
            "samples": 0,
            "sleep_sessions": 0,
            "daily_metrics": 0,
        }
        for pattern in options["paths"]:
            found = list(_files(pattern))
            if not found:
                problems.append(f"{pattern}: there is no such file.")
            for path, is_named in found:
                item, report = self._bring(user, path, options["provider"])
                if item["outcome"] == "failed" and not is_named:
                    # A folder may hold anything; what nobody reads is passed over, and said.
                    item["outcome"] = "skipped"
                items.append(item)
                if item["outcome"] == "failed":
                    problems += [f"{path}: {problem}" for problem in item["problems"]]
                if report:
                    told["files"] += 1
                    _add(told, report)
                if not options["json"]:
                    self._say(item, report)
        if options["json"]:
            self.stdout.write(json.dumps({**told, "items": items, "problems": problems}, indent=2))
        else:
            for problem in problems:
                self.stderr.write(self.style.ERROR(problem))
        if problems and not told["files"]:
            sys.exit(1)

    def _bring(self, user: User, path: Path, provider: str) -> tuple[dict[str, Any], imports.Report | None]:
        """What became of one file, and the report of its import where it was read."""
        item: dict[str, Any] = {"path": str(path), "outcome": "failed", "problems": [], "source_activities": []}
        try:
            import_file = imports.receive(
                user, name=path.name, source=path, brought_by="command", provider=provider, run_now=True
            )
        except (OSError, ValueError) as error:
            item["problems"] = [str(error)]
            return item, None
        run = import_file.runs.order_by("-pk").first()
        if run:
            with Progress(sys.stderr, 0) as progress:

                def draw(run: SyncRun) -> None:
                    progress.total = run.total
                    progress.at(run.done, run.doing)

                runs.work_through(run, report=draw)
            import_file.refresh_from_db()
        report = imports.report_of(import_file)
        if report:
            item["problems"] = [problem.message for problem in report.problems]
        if import_file.state == Import.State.FAILED:
            return item, None
        item["source_activities"] = list(_source_activities(import_file))
        nothing_new = report is not None and not (
            report.samples
            or report.sleep_sessions
            or report.metric_days
            or report.source_activities["created"]
            or report.source_activities["updated"]
            or report.by_outcome.get("new")
        )
        item["outcome"] = (
            "cancelled" if import_file.state == Import.State.CANCELLED else "known" if nothing_new else "imported"
        )
        return item, report

    def _say(self, item: dict[str, Any], report: imports.Report | None) -> None:
        self.stdout.write(f"{item['path']}: {item['outcome']}")
        if report:
            made = report.source_activities
            self.stdout.write(
                f"  {made['created']} workouts are new, {made['updated']} changed, {made['unchanged']} known; "
                f"{report.samples:,} new samples, {report.sleep_nights} nights, {report.metric_days:,} days; "
                f"{report.bytes / 1e6:,.1f} MB in {report.seconds:.1f} s ({report.mb_per_s:.0f} MB/s)"
            )
        for problem in item["problems"]:
            self.stdout.write(f"  {problem}")


def _files(pattern: str) -> Iterator[tuple[Path, bool]]:
    """The files that a path, folder or pattern names, and whether it names each by itself."""
    paths = (
        [Path(pattern)] if Path(pattern).exists() else [Path(name) for name in sorted(glob(pattern, recursive=True))]
    )
    for path in paths:
        if path.is_dir():
            for inner in sorted(path.rglob("*")):
                hidden = any(part.startswith((".", "__MACOSX")) for part in inner.relative_to(path).parts)
                if inner.is_file() and not hidden:
                    yield inner, False
        else:
            yield path, True


def _add(told: dict[str, Any], report: imports.Report) -> None:
    for name in SUMS:
        for outcome, count in getattr(report, name).items():
            told[name][outcome] += count
    told["samples"] += report.samples
    told["sleep_sessions"] += report.sleep_sessions
    told["daily_metrics"] += report.metric_days


def _source_activities(import_file: Import) -> Iterator[dict[str, Any]]:
    """Those that a record of this import tells, alone or with others of its external id."""
    told = RawSighting.objects.filter(
        import_file=import_file, raw__provider=OuterRef("provider"), raw__external_id=OuterRef("raw__external_id")
    )
    rows = SourceActivity.objects.filter(Exists(told), user=import_file.user)
    for row in rows.order_by("start_time", "external_id").values("id", "provider", "external_id", "activity"):
        yield {name: row[name] for name in ("id", "provider", "external_id", "activity")}
