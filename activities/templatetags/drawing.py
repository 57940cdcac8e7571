"""Small pictures that the server draws: the numbers behind bars, sparklines and hypnograms.

Every x is a percentage of the picture's width and every y a pixel, so that text keeps its size on any screen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise

from django import template

from activities.domain.metrics import Metric
from activities.models import Activity, SleepSession
from activities.selectors.metrics import MetricDay
from activities.templatetags.page import sport_group
from activities.templatetags.units import local_end, local_start
from trainstack.accounts.models import AthleteProfile
from trainstack.sports import family, label

register = template.Library()

WEEK_HEIGHT = 100
SPARK_DAYS = 30
SPARK_HEIGHT = 40
LANE_HEIGHT = 44
STAGE_NAMES = {
    "awake": "Awake",
    "rem": "REM",
    "light": "Light",
    "deep": "Deep",
    "asleep": "Asleep",
    "in_bed": "In bed",
}
# Sums are bars, readings are a line.
BAR_AGGREGATES = frozenset({"sum", "count", "duration"})


@register.filter
def stage_name(stage: str) -> str:
    return STAGE_NAMES.get(stage, stage)


# --- the week -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Block:
    """One piece of a bar: where it lies, and whose colour it has."""

    y: float
    height: float
    sport: str
    name: str
    seconds: float


@dataclass(frozen=True)
class WeekDay:
    """One day's column: its blocks from the ground up, and their sum in seconds."""

    date: date
    is_today: bool
    seconds: float
    blocks: tuple[Block, ...]


@register.simple_tag
def week_days(activities: Sequence[Activity], monday: date, today: date) -> list[WeekDay]:
    """Seven columns of training time, as high as the longest day, stacked by sport family."""
    by_day: dict[date, dict[str, float]] = {monday + timedelta(days=n): {} for n in range(7)}
    for activity in activities:
        times = by_day.get(activity.local_date)
        if times is not None:
            code = family(activity.sport)
            source = activity.primary
            seconds = (source.timer_s if source else None) or activity.elapsed_s or 0.0
            times[code] = times.get(code, 0.0) + seconds
    longest = max([*(sum(times.values()) for times in by_day.values()), 3600.0])
    return [_week_day(day, times, longest, today) for day, times in by_day.items()]


def _week_day(day: date, times: dict[str, float], longest: float, today: date) -> WeekDay:
    blocks: list[Block] = []
    ground = float(WEEK_HEIGHT)
    for code, seconds in sorted(times.items(), key=lambda item: -item[1]):
        height = max(seconds / longest * WEEK_HEIGHT, 2.0)
        ground -= height
        blocks.append(Block(round(ground, 2), round(height, 2), sport_group(code), label(code), seconds))
    return WeekDay(day, day == today, sum(times.values()), tuple(blocks))


# --- sparklines -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Spark:
    """A metric's last thirty days: a line as an SVG path in a box of 100 by SPARK_HEIGHT, or bars."""

    path: str
    bars: tuple[tuple[float, float, float, float], ...]
    end: tuple[float, float]


@register.simple_tag
def spark(days: Sequence[MetricDay], metric: Metric) -> Spark | None:
    """None where there are fewer than two days to draw."""
    if len(days) < 2:
        return None
    first = days[-1].date - timedelta(days=SPARK_DAYS - 1)
    values = [day.value for day in days]
    as_bars = metric.aggregate in BAR_AGGREGATES
    low = 0.0 if as_bars else min(values)
    span = (max(values) - low) or 1.0
    step = 100 / SPARK_DAYS
    points = [
        (
            round(((day.date - first).days + 0.5) * step, 2),
            round(SPARK_HEIGHT - 3 - (day.value - low) / span * (SPARK_HEIGHT - 6), 2),
        )
        for day in days
    ]
    if as_bars:
        bars = tuple(
            (round(x - step * 0.36, 2), y, round(step * 0.72, 2), round(SPARK_HEIGHT - y, 2)) for x, y in points
        )
        return Spark("", bars, points[-1])
    return Spark("M" + "L".join(f"{x} {y}" for x, y in points), (), points[-1])


# --- sleep ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class StageBar:
    """One stretch of one stage."""

    x: float
    width: float
    y: float
    height: float
    stage: str
    name: str
    start: datetime
    seconds: float


@dataclass(frozen=True)
class Tick:
    """One mark of a time axis."""

    x: float
    name: str


@dataclass(frozen=True)
class Hypnogram:
    """A night in lanes, from awake at the top to deep at the bottom; `steps` join the stages that follow each other."""

    lanes: tuple[str, ...]
    bars: tuple[StageBar, ...]
    steps: tuple[tuple[float, float, float], ...]
    ticks: tuple[Tick, ...]
    height: int

    @property
    def height_with_axis(self) -> int:
        return self.height + 24

    @property
    def axis_y(self) -> int:
        return self.height + 18


@register.simple_tag
def hypnogram(session: SleepSession, profile: AthleteProfile | None) -> Hypnogram | None:
    """None where the source told no stages."""
    length = (session.end_time - session.start_time).total_seconds()
    told = {stage for _, _, stage in session.stages}
    lanes = [stage for stage in ("awake", "rem", "light", "deep") if stage in told]
    for plain in ("asleep", "in_bed"):
        # "In bed" lies under the finer words; a lane of its own only where nothing finer was told.
        if plain in told and (plain == "asleep" or not lanes):
            lanes.append(plain)
    if not lanes or length <= 0:
        return None
    begin = local_start(session, profile)
    bars = []
    for start, seconds, stage in session.stages:
        if stage in lanes:
            y = lanes.index(stage) * LANE_HEIGHT + 8
            bars.append(
                StageBar(
                    x=round(start / length * 100, 3),
                    width=round(max(seconds / length * 100, 0.15), 3),
                    y=y,
                    height=LANE_HEIGHT - 16,
                    stage=stage,
                    name=stage_name(stage),
                    start=begin + timedelta(seconds=start),
                    seconds=seconds,
                )
            )
    bars.sort(key=lambda bar: bar.x)
    steps = tuple(
        (bar.x, min(before.y, bar.y) + bar.height / 2, max(before.y, bar.y) + bar.height / 2)
        for before, bar in pairwise(bars)
        if before.y != bar.y and abs(before.x + before.width - bar.x) < 0.5
    )
    return Hypnogram(
        tuple(lanes), tuple(bars), steps, _ticks(begin, local_end(session, profile)), len(lanes) * LANE_HEIGHT
    )


def _ticks(begin: datetime, end: datetime) -> tuple[Tick, ...]:
    """Full hours, at most six of them."""
    length = (end - begin).total_seconds()
    hours = next((step for step in (1, 2, 3, 4, 6) if length / 3600 / step <= 6), 12)
    tick = begin.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    while tick.hour % hours:
        tick += timedelta(hours=1)
    ticks = []
    while tick < end:
        x = (tick - begin).total_seconds() / length * 100
        if 2 <= x <= 98:
            ticks.append(Tick(round(x, 3), f"{tick:%H:%M}"))
        tick += timedelta(hours=hours)
    return tuple(ticks)


@dataclass(frozen=True)
class NightRow:
    """One night on the common clock of a list of nights."""

    session: SleepSession
    bars: tuple[StageBar, ...]


@dataclass(frozen=True)
class Nights:
    """Several nights under one clock, so that going to bed late is seen at a glance."""

    rows: tuple[NightRow, ...]
    ticks: tuple[Tick, ...]


@register.simple_tag
def nights(sessions: Iterable[SleepSession], profile: AthleteProfile | None) -> Nights | None:
    """The nights in the order given; None where there are none."""
    spans = []
    for session in sessions:
        noon = datetime.combine(session.date, time()) - timedelta(hours=12)
        begin, end = local_start(session, profile) - noon, local_end(session, profile) - noon
        spans.append((session, begin.total_seconds() / 3600, end.total_seconds() / 3600))
    if not spans:
        return None
    first = max(min(begin for _, begin, _ in spans) // 1, -12)
    last = min(-(-max(end for _, _, end in spans) // 1), 36)
    width = max(last - first, 1)
    rows = tuple(NightRow(session, _night_bars(session, begin, first, width)) for session, begin, _ in spans)
    step = 2 if width <= 12 else 4
    ticks = tuple(
        Tick(round((hour - first) / width * 100, 2), f"{(hour + 12) % 24:02}:00")
        for hour in range(int(first), int(last) + 1)
        if hour % step == 0 and 3 <= (hour - first) / width * 100 <= 97
    )
    return Nights(rows, ticks)


def _night_bars(session: SleepSession, begin: float, first: float, width: float) -> tuple[StageBar, ...]:
    length = (session.end_time - session.start_time).total_seconds()
    stages = session.stages or [[0, length, "asleep"]]
    fine = [part for part in stages if part[2] != "in_bed"]
    return tuple(
        StageBar(
            x=round((begin + start / 3600 - first) / width * 100, 3),
            width=round(seconds / 3600 / width * 100, 3),
            y=0,
            height=20,
            stage=stage,
            name=stage_name(stage),
            start=session.start_time,
            seconds=seconds,
        )
        for start, seconds, stage in fine or stages
    )


@dataclass(frozen=True)
class Share:
    """One stage's part of a night."""

    stage: str
    name: str
    seconds: float
    ratio: float

    @property
    def percent(self) -> float:
        return round(self.ratio * 100, 2)


@register.simple_tag
def stage_shares(session: SleepSession) -> list[Share]:
    """How long each stage took of the time that any stage was told for, deepest first."""
    totals = [(stage, getattr(session, f"{stage}_s")) for stage in ("deep", "rem", "light", "awake")]
    told = [(stage, seconds) for stage, seconds in totals if seconds]
    whole = sum(seconds for _, seconds in told)
    return [Share(stage, stage_name(stage), seconds, seconds / whole) for stage, seconds in told] if whole else []


@register.filter
def words(text: str) -> list[str]:
    return text.split()


@register.filter
def of_hundred(ratio: float) -> float:
    """A ratio as the percentage that an SVG attribute wants."""
    return round(ratio * 100, 2)
