"""The demo athlete's Apple Health export: two years up to this morning, as one zip.

Pure: the same day gives the same bytes, and the next day's export tells the same of every day that both hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from trainstack.demo import apple, everyday, kinds, sessions, workouts
from trainstack.demo.athlete import ATHLETE, PHONE, Source, dice
from trainstack.demo.body import Body, bodies
from trainstack.demo.plan import day_of, instant, place_of

FOLDER = "apple_health_export"
YEARS = 2
# The hour, UTC, at which she exports: by then she is up wherever she is.
EXPORT_HOUR = 8
BY_HAND = Source("Health")
# kcal, minutes, hours.
MOVE_GOALS = (480, 520, 560)
EXERCISE_GOAL, STAND_GOAL = 30, 12


def exported_at(now: datetime) -> datetime:
    """When the newest export that lies wholly in the past was made."""
    morning = now.astimezone(UTC) - timedelta(hours=EXPORT_HOUR)
    return morning.replace(hour=EXPORT_HOUR, minute=0, second=0, microsecond=0)


def first_day(day: date) -> date:
    """Where the story begins that is told on that day: two years before, on the first of a month."""
    return date(day.year - YEARS, day.month, 1)


def write_export(path: Path, *, day: date, first: date | None = None) -> None:
    """Writes the export of that day's morning, from the first day of the story unless told."""
    first = first or first_day(day)
    moment = datetime(day.year, day.month, day.day, EXPORT_HOUR, tzinfo=UTC)
    clock = apple.Clock(first, day)
    with ZipFile(path, "w", ZIP_DEFLATED, compresslevel=2) as archive:

        def member(name: str) -> ZipInfo:
            info = ZipInfo(f"{FOLDER}/{name}", date_time=moment.timetuple()[:6])
            info.compress_type = ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            return info

        told = Told(first, day, clock)
        for route, gpx in told.routes():
            archive.writestr(member(route.lstrip("/")), gpx)
        with archive.open(member("export.xml"), "w", force_zip64=True) as file:
            for piece in told.document(clock.one(moment.timestamp())):
                file.write(piece.encode())


class Told:
    """Two years, told once: routes come out day by day, then the document with everything else."""

    def __init__(self, first: date, last: date, clock: apple.Clock) -> None:
        self.first, self.last, self.clock = first, last, clock
        self.bodies = bodies(first, last)
        self.samples = apple.Samples()
        for kind in kinds.ALL:
            self.samples.told[kind] = []
        self.workouts: list[str] = []
        self.summaries: list[str] = []
        self.correlations: list[str] = []

    def routes(self) -> Iterator[tuple[str, bytes]]:
        """Tells every day, and hands out (path, GPX) as it goes."""
        for day, body in self.bodies.items():
            night = everyday.night_of(day, body)
            everyday.tell_night(self.samples, night, body)
            if day == self.last:
                return
            tomorrow = day + timedelta(days=1)
            bed = everyday.night_of(tomorrow, self.bodies[tomorrow]).asleep
            yield from self._day(day, body, night, bed)

    def _day(self, day: date, body: Body, night: everyday.Night, bed: float) -> Iterator[tuple[str, bytes]]:
        kcal, minutes = 0.0, 0
        spans = []
        for session in day_of(day).sessions:
            recording = sessions.record(session, body)
            written = workouts.write(recording, self.samples, body, self.clock)
            self.workouts.append(written.element)
            spans.append((recording.start, recording.end))
            kcal += written.active_kcal
            minutes += written.exercise_min
            if written.route:
                path, gpx = written.route
                yield path, gpx()
        rings = everyday.tell_day(self.samples, body, night, bed, spans)
        self.summaries.append(summary(day, kcal + rings.active_kcal, minutes + rings.exercise_min, rings.stood_hours))
        if day.day == 1:
            self._blood_pressure(day, body)

    def _blood_pressure(self, day: date, body: Body) -> None:
        """Typed in by hand once a month: a correlation, and its two records at the top level as well."""
        chance = dice(day, "pressure")
        at = instant(day, 8.2, place_of(day))
        high = round(114 + 6 * body.is_ill + float(chance.normal(0, 4)))
        pair = apple.Samples()
        inside = '\n  <MetadataEntry key="HKWasUserEntered" value="1"/>'
        for samples in (self.samples, pair):
            samples.once(kinds.BLOOD_PRESSURE_HIGH, BY_HAND, at, high, inside=inside)
            samples.once(kinds.BLOOD_PRESSURE_LOW, BY_HAND, at, round(high * 0.64), inside=inside)
        tag = ' <Correlation type="HKCorrelationTypeIdentifierBloodPressure"'
        before = apple.opened(tag, BY_HAND, at)
        moment = self.clock.one(at)
        self.correlations.append(
            f'{before} creationDate="{moment}" startDate="{moment}" endDate="{moment}">\n'
            + '  <MetadataEntry key="HKWasUserEntered" value="1"/>\n'
            + "".join(pair.elements(self.clock))
            + " </Correlation>\n"
        )

    def document(self, exported_at: str) -> Iterator[str]:
        """export.xml, piece by piece."""
        yield apple.opening(exported_at, ATHLETE.birthday)
        yield from self.samples.elements(self.clock)
        yield self._sleep_goals()
        yield from self.correlations
        yield from self.workouts
        yield from self.summaries
        yield apple.CLOSING

    def _sleep_goals(self) -> str:
        """A record whose type is named unlike all others, at the start of each year."""
        goals = apple.Samples()
        goal = apple.Kind("HKDataTypeSleepDurationGoal", "hr", 1)
        for year in range(self.first.year, self.last.year + 1):
            if self.first <= date(year, 1, 1) <= self.last:
                goals.once(goal, PHONE, instant(date(year, 1, 1), 0, place_of(date(year, 1, 1))), 7.5)
        return "".join(goals.elements(self.clock))


def summary(day: date, kcal: float, minutes: int, hours: int) -> str:
    """The rings of one day."""
    goal = MOVE_GOALS[(day.year * 2 + (day.month > 6)) % 3]
    return (
        f' <ActivitySummary dateComponents="{day}" activeEnergyBurned="{kcal:.3f}" activeEnergyBurnedGoal="{goal}"'
        f' activeEnergyBurnedUnit="kcal" appleMoveTime="0" appleMoveTimeGoal="0" appleExerciseTime="{minutes}"'
        f' appleExerciseTimeGoal="{EXERCISE_GOAL}" appleStandHours="{hours}" appleStandHoursGoal="{STAND_GOAL}"/>\n'
    )
