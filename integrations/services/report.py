"""What an import brought: the tally that grows while a file is read, and the report that a person reads in the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, date, datetime
from typing import Any

from activities.domain.metrics import metric_of
from activities.domain.parsed import Problem
from activities.services.derive import Derived
from activities.services.ingest import Ingested
from activities.services.series import Written
from activities.services.telling import Filed
from integrations.base import UNREADABLE

# How many problems and files a report names; it counts all of them.
MAX_PROBLEMS = 100
MAX_FILES = 50


@dataclass(frozen=True)
class Line:
    """One kind of element or one metric: read == new + known + unreadable; first and last day where told."""

    kind: str
    label: str
    read: int
    new: int
    known: int
    unreadable: int
    first: date | None = None
    last: date | None = None


@dataclass(frozen=True)
class File:
    """One workout file, by itself or in an archive: whose it is, and whether it was new, known or unreadable."""

    path: str
    kind: str
    provider: str
    outcome: str


@dataclass(frozen=True)
class Workouts:
    """What became of the workouts that were told."""

    new: int = 0
    updated: int = 0
    known: int = 0
    unreadable: int = 0
    first: date | None = None
    last: date | None = None


@dataclass(frozen=True)
class Report:
    """What came in. `Import.report` holds it as JSON under the same names.

    `elements` are those that become samples or records of their own; `parts` counts the tags inside them, which are
    kept with them. Together they are every tag of the file.
    """

    elements: tuple[Line, ...] = ()
    parts: Mapping[str, int] = field(default_factory=dict)
    metrics: tuple[Line, ...] = ()
    workouts: Workouts = Workouts()
    samples: int = 0
    sleep_sessions: int = 0
    sleep_nights: int = 0
    metric_days: int = 0
    raw_records: Mapping[str, int] = field(default_factory=lambda: {"created": 0, "known": 0})
    source_activities: Mapping[str, int] = field(default_factory=lambda: {"created": 0, "updated": 0, "unchanged": 0})
    activities: Mapping[str, int] = field(default_factory=lambda: {"created": 0, "linked": 0})
    files_read: int = 0
    files_kept: tuple[str, ...] = ()
    files_kept_total: int = 0
    # What became of single files, the first of them; `by_outcome` counts all: new, known, unreadable.
    files: tuple[File, ...] = ()
    by_outcome: Mapping[str, int] = field(default_factory=dict)
    # Whose records came in: provider -> how many.
    providers: Mapping[str, int] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    problems_total: int = 0
    bytes: int = 0
    seconds: float = 0.0
    mb_per_s: float = 0.0
    cancelled: bool = False

    def as_json(self) -> dict[str, Any]:
        """The same in JSON's own types."""
        told: dict[str, Any] = _jsonable(asdict(self))
        return told

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Report:
        """The report that `as_json` wrote; what an older version did not tell is as if it had not happened."""
        known = {one.name: told[one.name] for one in fields(cls) if one.name in told}
        for name in ("elements", "metrics"):
            known[name] = tuple(_dated(Line, line) for line in known.get(name, ()))
        known["workouts"] = _dated(Workouts, known.get("workouts", {}))
        known["files_kept"] = tuple(known.get("files_kept", ()))
        known["files"] = tuple(File(**file) for file in known.get("files", ()))
        known["problems"] = tuple(Problem(**problem) for problem in known.get("problems", ()))
        return cls(**known)


@dataclass
class Tally:
    """What was read so far, in JSON's own types, so that it travels in the run's row with the cursor.

    Months are numbers (year * 12 + month - 1) and kept as ranges: an export touches a hundred metrics in a hundred
    months.
    """

    tags: dict[str, int] = field(default_factory=dict)
    # By tag or by metric: [new, known, first ms, last ms].
    stored: dict[str, list[int]] = field(default_factory=dict)
    metrics: dict[str, list[int]] = field(default_factory=dict)
    raw: list[int] = field(default_factory=lambda: [0, 0])
    # Source activities created, updated, unchanged; the same for workouts without their legs; activities made;
    # efforts that joined one that was there.
    sources: list[int] = field(default_factory=lambda: [0, 0, 0])
    workouts: list[int] = field(default_factory=lambda: [0, 0, 0])
    workouts_unreadable: int = 0
    workout_days: list[str] = field(default_factory=list)
    activities: int = 0
    linked: int = 0
    routes: int = 0
    files: int = 0
    # [path, kind, provider, outcome] of the first files, and how many files had each outcome.
    file_lines: list[list[str]] = field(default_factory=list)
    outcomes: dict[str, int] = field(default_factory=dict)
    providers: dict[str, int] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)
    kept_total: int = 0
    problems: list[list[Any]] = field(default_factory=list)
    problems_total: int = 0
    zones: dict[str, int] = field(default_factory=dict)
    # Metric -> ranges of months in which samples are new; the same for activities.
    touched: dict[str, list[list[int]]] = field(default_factory=dict)
    activity_months: list[list[int]] = field(default_factory=list)
    # Months in which records tell of nights, for the election of those that are shown.
    nights: list[list[int]] = field(default_factory=list)
    # Sleeps, nights and days that were made.
    derived: list[int] = field(default_factory=lambda: [0, 0, 0])
    bytes: int = 0
    cancelled: bool = False
    # Of a sync: answers stored, records that came in a new version, requests that failed and those given up, records
    # that are no more; by feed the elements of its lists so far and how many the provider says there are (0: it does
    # not say).
    requests: int = 0
    changed: int = 0
    failures: int = 0
    given_up: int = 0
    withdrawn: int = 0
    feeds: dict[str, list[int]] = field(default_factory=dict)

    @classmethod
    def of(cls, counts: Mapping[str, Any]) -> Tally:
        return cls(**counts)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def add_counts(self, counts: Mapping[str, int]) -> None:
        for tag, count in counts.items():
            self.tags[tag] = self.tags.get(tag, 0) + count

    def add_problems(self, problems: Iterable[Problem]) -> None:
        for problem in problems:
            self.problems_total += problem.count
            if len(self.problems) < MAX_PROBLEMS:
                self.problems.append([problem.path, problem.message, problem.count])

    def add_samples(self, written: Mapping[str, Written], tag_of: Mapping[str, str]) -> None:
        """What became of samples; `tag_of` tells which element each metric's samples were."""
        for metric, told in written.items():
            for line in (self.metrics.setdefault(metric, []), self.stored.setdefault(tag_of[metric], [])):
                _add(line, told.stored, told.duplicates, told.first_ms, told.last_ms)
            if told.months:
                self.touch(metric, told.months)

    def add_element(self, tag: str, *, created: bool) -> None:
        line = self.stored.setdefault(tag, [0, 0])
        line[0 if created else 1] += 1

    def add_file(self, path: str, kind: str, provider: str, outcome: str) -> None:
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1
        if len(self.file_lines) < MAX_FILES:
            self.file_lines.append([path, kind, provider, outcome])

    def add_filed(self, filed: Filed) -> None:
        """What became of nights and days that records tell."""
        self.derived = [a + b for a, b in zip(self.derived, (filed.sleeps, filed.nights, filed.days), strict=True)]
        self.nights = _with_months(self.nights, (f"{day:%Y-%m}" for day in filed.dates))

    def add_ingested(self, done: Ingested) -> None:
        self.sources = [a + b for a, b in zip(self.sources, (done.created, done.updated, done.unchanged), strict=True)]
        self.workouts = [a + b for a, b in zip(self.workouts, done.efforts, strict=True)]
        self.workouts_unreadable += done.unreadable
        self.activities += done.activities
        self.linked += done.linked
        self.activity_months = _with_months(self.activity_months, done.months)

    def add_workout_day(self, day: str) -> None:
        """Widen the first and last day of the workouts told."""
        days = [*self.workout_days, day]
        self.workout_days = [min(days), max(days)]

    def add_derived(self, done: Derived, *, is_sleep: bool) -> None:
        if is_sleep:
            self.derived[0] += done.created
            self.derived[1] += done.nights
        else:
            self.derived[2] += done.created

    def touch(self, metric: str, months: Iterable[str]) -> None:
        self.touched[metric] = _with_months(self.touched.get(metric, []), months)

    def touch_activities(self, months: Iterable[str]) -> None:
        self.activity_months = _with_months(self.activity_months, months)

    def months_of(self, metric: str) -> list[str]:
        return months_in(self.touched.get(metric, []))


def report_from(tally: Tally, *, seconds: float) -> Report:
    """The report of what was tallied."""
    elements = []
    for tag, line in sorted(tally.stored.items()):
        read = tally.tags.get(tag, 0)
        elements.append(_line(tag, tag, line, tally.tags.get(UNREADABLE + tag, 0), read))
    for tag in sorted(tally.tags):
        if tag.startswith(UNREADABLE) and tag.removeprefix(UNREADABLE) not in tally.stored:
            bare = tag.removeprefix(UNREADABLE)
            elements.append(Line(bare, bare, tally.tags.get(bare, 0), 0, 0, tally.tags[tag]))
    carriers = {line.kind for line in elements}
    parts = {
        tag: count
        for tag, count in sorted(tally.tags.items())
        if tag not in carriers and not tag.startswith(UNREADABLE)
    }
    first, last = [date.fromisoformat(day) for day in tally.workout_days] or (None, None)
    new, updated, known = tally.workouts
    return Report(
        elements=tuple(elements),
        parts=parts,
        metrics=tuple(
            _line(metric, metric_of(metric).label, line, 0, line[0] + line[1])
            for metric, line in sorted(tally.metrics.items())
        ),
        workouts=Workouts(new, updated, known, tally.workouts_unreadable, first, last),
        samples=sum(line[0] for line in tally.metrics.values()),
        sleep_sessions=tally.derived[0],
        sleep_nights=tally.derived[1],
        metric_days=tally.derived[2],
        raw_records={"created": tally.raw[0], "known": tally.raw[1]},
        source_activities=dict(zip(("created", "updated", "unchanged"), tally.sources, strict=True)),
        activities={"created": tally.activities, "linked": tally.linked},
        files_read=tally.files,
        files_kept=tuple(tally.kept),
        files_kept_total=tally.kept_total,
        files=tuple(File(*line) for line in tally.file_lines),
        by_outcome=dict(sorted(tally.outcomes.items())),
        providers=dict(sorted(tally.providers.items())),
        problems=tuple(Problem(path, message, count) for path, message, count in tally.problems),
        problems_total=tally.problems_total,
        bytes=tally.bytes,
        seconds=round(seconds, 1),
        mb_per_s=round(tally.bytes / 1e6 / seconds, 1) if seconds else 0.0,
        cancelled=tally.cancelled,
    )


# --- months ---------------------------------------------------------------------------------


def month_number(month: str) -> int:
    year, _, number = month.partition("-")
    return int(year) * 12 + int(number) - 1


def month_name(number: int) -> str:
    return f"{number // 12:04}-{number % 12 + 1:02}"


def months_in(ranges: Iterable[Iterable[int]]) -> list[str]:
    """["2024-01", ...] of ranges whose ends both belong to them."""
    return [month_name(number) for first, last in ranges for number in range(first, last + 1)]


def _with_months(ranges: list[list[int]], months: Iterable[str]) -> list[list[int]]:
    """The ranges with these months too, in order and as few as possible."""
    joined: list[list[int]] = []
    singles = [[number, number] for number in map(month_number, months)]
    for first, last in sorted([*ranges, *singles]):
        if joined and first <= joined[-1][1] + 1:
            joined[-1][1] = max(joined[-1][1], last)
        else:
            joined.append([first, last])
    return joined


# --- small things ---------------------------------------------------------------------------


def _add(line: list[int], new: int, known: int, first_ms: int, last_ms: int) -> None:
    if not line:
        line.extend([0, 0, first_ms, last_ms])
    line[0] += new
    line[1] += known
    line[2:] = [min(line[2], first_ms), max(line[3], last_ms)]


def _line(kind: str, label: str, line: list[int], unreadable: int, read: int) -> Line:
    new, known, *span = line
    first, last = (datetime.fromtimestamp(ms / 1000, UTC).date() for ms in span) if span else (None, None)
    return Line(kind, label, read, new, known, unreadable, first, last)


def _dated(kind: Any, told: Mapping[str, Any]) -> Any:
    days = {name: date.fromisoformat(told[name]) for name in ("first", "last") if told.get(name)}
    return kind(**{**told, **days})


def _jsonable(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _jsonable(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(one) for one in value]
    return value.isoformat() if isinstance(value, date) else value
