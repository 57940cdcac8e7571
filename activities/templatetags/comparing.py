"""What several sources tell of one effort, side by side: every field in words, and where they differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from activities.domain.parsed import COMPUTED
from activities.domain.priority import DEVICE_KINDS as ORDER_KINDS
from activities.models import Activity, RawRecord, SourceActivity, Suggestion
from activities.selectors.activities import POSITION, streams_of
from activities.selectors.payloads import names_of_providers
from activities.services.ingest import OWN_STREAMS
from activities.templatetags.page import icon
from activities.templatetags.units import (
    THIN,
    Quantity,
    cadence,
    clock,
    distance,
    duration,
    elevation,
    is_day_only,
    offset_name,
    pace,
    pace_label,
    quantity,
    start_clock,
    stream_label,
)
from trainstack import sports
from trainstack.accounts.models import AthleteProfile

register = template.Library()

# Lines drawn for sources that are told apart by colour and by dashes; further sources begin again.
LINES = 6
# A list that a source told beside its figures is cut after so many characters.
LONGEST_TOLD = 160
# Told by our own code, or told in a better place on the page.
NOT_SHOWN = frozenset({OWN_STREAMS, COMPUTED, "segment_efforts", "url"})
DEVICE_KINDS = {
    "watch": "Watch",
    "band": "Band",
    "ring": "Ring",
    "phone": "Phone",
    "scale": "Scale",
    "app": "App",
    "computer": "Bike computer",
    "unknown": "",
}

WORDS = {
    "sport": "Sport",
    "provider_type": "Its own word for it",
    "name": "Name",
    "start_time": "Start",
    "utc_offset_s": "Time zone there",
    "device": "Device",
    "device_kind": "Kind of device",
    "source_name": "App or watch",
    "external_id": "Its own id",
}
# What is each source's own and tells nothing about the effort where it differs.
OWN_WORDS = frozenset({"provider_type", "device", "device_kind", "source_name", "external_id"})
TIMES = {"elapsed_s": "Start to end", "timer_s": "Without pauses", "moving_s": "Moving"}
LENGTHS = {"distance_m": "Distance"}
HEIGHTS = {"elevation_gain_m": "Climbed", "elevation_loss_m": "Descended"}
SPEEDS = {"avg_speed_mps": "Average", "max_speed_mps": "Fastest"}
CADENCES = {"avg_cadence_rpm": "Average cadence", "max_cadence_rpm": "Highest cadence"}
IN_UNITS = {
    "energy_kcal": ("Energy in all", "kcal"),
    "active_energy_kcal": ("Active energy", "kcal"),
    "avg_heart_rate_bpm": ("Average heart rate", "bpm"),
    "max_heart_rate_bpm": ("Highest heart rate", "bpm"),
    "min_heart_rate_bpm": ("Lowest heart rate", "bpm"),
    "avg_power_w": ("Average power", "W"),
    "max_power_w": ("Highest power", "W"),
}
FIGURES = (
    *TIMES, *LENGTHS, "avg_speed_mps", "max_speed_mps", "avg_heart_rate_bpm", "max_heart_rate_bpm",
    "min_heart_rate_bpm", "avg_power_w", "max_power_w", *CADENCES, *HEIGHTS, "energy_kcal", "active_energy_kcal",
)  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """What one source tells of one field; `change` says how far it is from the source that is shown."""

    words: Quantity | str
    differs: bool
    change: str = ""
    # Worked out by us from the source's own series, because it told none.
    worked_out: bool = False


@dataclass(frozen=True)
class Line:
    """One field, a cell a source in the order of the sources."""

    label: str
    cells: tuple[Cell, ...]

    @property
    def differs(self) -> bool:
        return any(cell.differs for cell in self.cells)


@dataclass(frozen=True)
class Block:
    """Fields that belong together. `untold` names those that no source tells."""

    title: str
    lines: tuple[Line, ...]
    untold: tuple[str, ...] = ()


@register.simple_tag
def side_by_side(sources: Sequence[SourceActivity], profile: AthleteProfile | None) -> list[Block]:
    """Every field of every source; the first source is the one that is shown and that the others differ from."""
    sport = sources[0].sport
    words = [
        _line(label, sources, name, [_words(source, name, profile) for source in sources])
        for name, label in WORDS.items()
    ]
    figures = [
        _line(figure_label(name, sport), sources, name, [figure(source, name, profile, sport) for source in sources])
        for name in FIGURES
    ]
    series = [
        _counted(stream_label(name, sport), [source.streams.get(name) for source in sources], "samples")
        for name in sorted({name for source in sources for name in source.streams})
    ]
    parts = [
        _counted("Laps and segments", [len(source.laps) or None for source in sources], ""),
        _counted("Pauses", [len(source.pauses) or None for source in sources], ""),
    ]
    told = [dict(_told(source.extra)) for source in sources]
    names = list(dict.fromkeys(name for one in told for name in one))
    besides = [_line(name.replace("_", " "), sources, "", [one.get(name, "") for one in told]) for name in names]
    blocks = [
        _block("What it was", words),
        _block("Times and figures", figures),
        _block("Laps and series", [*parts, *series]),
        _block("What else was told", besides),
    ]
    return [block for block in blocks if block.lines]


def _block(title: str, lines: Sequence[Line]) -> Block:
    told = tuple(line for line in lines if any(cell.words for cell in line.cells))
    return Block(title, told, tuple(line.label for line in lines if line not in told))


def figure_label(name: str, sport: str) -> str:
    """What one of the figures of a source is called."""
    if name in SPEEDS:
        return f"{SPEEDS[name]} {pace_label(sport)}"
    if name in IN_UNITS:
        return IN_UNITS[name][0]
    return (TIMES | LENGTHS | HEIGHTS | CADENCES)[name]


@register.simple_tag
def figure(source: SourceActivity, name: str, profile: AthleteProfile | None, sport: str) -> Quantity | str:
    """One of the figures of a source in the athlete's units; "" where it was not told."""
    value = getattr(source, name)
    if name in TIMES:
        return duration(value)
    if name in LENGTHS:
        return distance(value, profile, sport)
    if name in HEIGHTS:
        return elevation(value, profile)
    if name in SPEEDS:
        return pace(value, profile, sport)
    if name in CADENCES:
        return cadence(value, sport)
    return quantity(value, IN_UNITS[name][1])


@register.filter
def device_kind(source: SourceActivity) -> str:
    """What kind of device recorded it; "" where that is not known."""
    return DEVICE_KINDS.get(source.device_kind, source.device_kind)


def _words(source: SourceActivity, name: str, profile: AthleteProfile | None) -> str:
    if name == "sport":
        return sports.label(source.sport)
    if name == "start_time":
        return start_clock(source, profile)
    if name == "utc_offset_s":
        return offset_name(source.utc_offset_s)
    if name == "device_kind":
        return device_kind(source)
    return str(getattr(source, name))


def _line(label: str, sources: Sequence[SourceActivity], name: str, words: Sequence[Quantity | str]) -> Line:
    cells = [
        Cell(
            told,
            differs=bool(number and name not in OWN_WORDS and told and words[0] and told != words[0]),
            change=_change(sources[0], sources[number], name) if number and told and words[0] else "",
            worked_out=name in sources[number].extra.get(COMPUTED, ()),
        )
        for number, told in enumerate(words)
    ]
    return Line(label, tuple(cells))


def _change(shown: SourceActivity, source: SourceActivity, name: str) -> str:
    """How far a figure is from the shown one: in seconds for times, else in hundredths of it."""
    if name == "start_time":
        if is_day_only(shown) or is_day_only(source):
            return ""
        return _signed(clock, (source.start_time - shown.start_time).total_seconds())
    if name not in FIGURES:
        return ""
    ours, theirs = getattr(shown, name), getattr(source, name)
    if name in TIMES:
        return _signed(clock, theirs - ours)
    ratio = (theirs - ours) / ours * 100 if ours else 0.0
    return _signed(lambda size: f"{size:.1f}{THIN}%", ratio) if abs(ratio) >= 0.05 else ""


def _signed(words: Any, value: float) -> str:
    if abs(value) < 0.05:
        return ""
    return f"{'+' if value > 0 else '−'}{words(abs(value))}"


def _counted(label: str, counts: Sequence[int | None], unit: str) -> Line:
    cells = [
        Cell(
            "" if count is None else Quantity((f"{count:,}", unit)),
            bool(number and count and counts[0] and count != counts[0]),
        )
        for number, count in enumerate(counts)
    ]
    return Line(label, tuple(cells))


def _told(extra: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Name and words of all that a source told beside its figures; of what lies deeper the way there is the name."""
    for name, value in extra.items():
        if name in NOT_SHOWN and not before:
            continue
        if isinstance(value, Mapping):
            yield from _told(value, f"{before}{name} ")
        elif value not in (None, "", [], ()):
            words = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            yield f"{before}{name}", words if len(words) <= LONGEST_TOLD else words[:LONGEST_TOLD] + " …"


@dataclass(frozen=True)
class Mark:
    """How a chart draws one source: the number of its colour and dashes, and how late it began."""

    id: int
    name: str
    number: int
    shift: float


@register.filter
def line_number(index: int) -> int:
    """The number of the line that draws the source at this place, counted from 0."""
    return index % LINES + 1


@register.filter
def shown_badges(activity: Activity) -> list[str]:
    """The providers that told of an activity, the shown one first; empty where there is only one source."""
    sources = list(activity.sources.all())
    if len(sources) < 2:
        return []
    shown = [source.provider for source in sources if source.pk == activity.primary_id]
    return list(dict.fromkeys([*shown, *(source.provider for source in sources)]))


@register.filter
def at(items: Sequence[Any], index: int) -> Any:
    """The item at this place."""
    return items[index]


@register.filter
def behind(raws: Mapping[int, Sequence[RawRecord]], source: SourceActivity) -> Sequence[RawRecord]:
    """The payloads behind one source."""
    return raws[source.pk]


# --- what another source lends ----------------------------------------------------------------


@register.simple_tag(takes_context=True)
def lent(context: template.Context, *names: str) -> SafeString | str:
    """Who told a figure where the shown source did not: of several fields the first that is lent."""
    lenders = context.get("lenders") or {}
    lender = next((lenders[name] for name in names if name in lenders), None)
    return _from(lender) if lender else ""


@register.simple_tag(takes_context=True)
def lent_stream(context: template.Context, name: str) -> SafeString | str:
    """The same for a series."""
    lender = (context.get("stream_lenders") or {}).get(name)
    return _from(lender) if lender else ""


def _from(lender: SourceActivity) -> SafeString:
    name = names_of_providers().get(lender.provider, lender.provider)
    return format_html('<span class="from-other">{} from {}</span>', icon("sources", "s"), name)


# --- pairs that may be one effort -------------------------------------------------------------

# Code of `activities.domain.matching` -> what kind of near miss it is, for a person.
REASONS = {
    "clock_shift": "Same length, other hour",
    "just_outside": "Just outside a bound",
    "other_family": "Another sport at the same time",
    "inside": "One inside the other",
    "no_time_of_day": "Same day, no time told",
}
# What the two activities of a pair are compared by.
NEAR = ("elapsed_s", "timer_s", "moving_s", "distance_m", "avg_heart_rate_bpm", "elevation_gain_m", "energy_kcal")
ROUTE_POINTS = 160
ROUTE_BOX = (120.0, 80.0)
ROUTE_PAD = 6.0


@register.filter
def reason_words(reason: str) -> str:
    """What kind of near miss it is."""
    return REASONS.get(reason, reason.replace("_", " ").capitalize())


@register.filter
def both_sides(pair: Suggestion) -> list[Activity]:
    """The two activities of a pair, the earlier one first."""
    return [side.activity for side in (pair.one, pair.other) if side.activity is not None]


@dataclass(frozen=True)
class Figure:
    """One figure of one of two activities, and how far it is from the other's."""

    label: str
    words: Quantity | str
    differs: bool
    change: str


@register.simple_tag
def near_figures(activity: Activity, other: Activity, profile: AthleteProfile | None) -> list[Figure]:
    """What both or one of them tell, beside how far it is from the other one."""
    source, beside = activity.primary, other.primary
    if source is None or beside is None:
        return []
    start = _change(beside, source, "start_time")
    found = [
        Figure("Sport", sports.label(source.sport), sports.family(source.sport) != sports.family(beside.sport), ""),
        Figure("Start", start_clock(source, profile), bool(start), start),
    ]
    for name in NEAR:
        words, theirs = (figure(one, name, profile, source.sport) for one in (source, beside))
        if words or theirs:
            differs = bool(words and theirs and words != theirs)
            change = _change(beside, source, name) if differs else ""
            found.append(Figure(figure_label(name, source.sport), words, differs, change))
    return found


@dataclass(frozen=True)
class RouteLine:
    """A route as an SVG path in a box of ROUTE_BOX, north at the top, and where it starts."""

    path: str
    start: tuple[float, float]


@register.simple_tag
def route_line(source: SourceActivity) -> RouteLine | None:
    """The source's route, thinned out; None where it told none."""
    if not set(POSITION) <= source.streams.keys():
        return None
    streams = streams_of(source, POSITION, points=ROUTE_POINTS)
    lat, lon = (streams[name].values if name in streams else np.empty(0) for name in POSITION)
    known = ~(np.isnan(lat) | np.isnan(lon))
    lat, lon = lat[known], lon[known]
    if len(lat) < 2:
        return None
    # Longitudes counted from the first, so that a route over the date line stays whole.
    east = ((lon - lon[0] + 540) % 360 - 180) * np.cos(np.radians(lat.mean()))
    width, height = (side - 2 * ROUTE_PAD for side in ROUTE_BOX)
    scale = min(width / max(np.ptp(east), 1e-4), height / max(np.ptp(lat), 1e-4))
    x = ROUTE_BOX[0] / 2 + (east - (east.min() + east.max()) / 2) * scale
    y = ROUTE_BOX[1] / 2 - (lat - (lat.min() + lat.max()) / 2) * scale
    points = [(round(float(one), 1), round(float(two), 1)) for one, two in zip(x, y, strict=True)]
    return RouteLine("M" + "L".join(f"{one} {two}" for one, two in points), points[0])


# --- the order of sources ---------------------------------------------------------------------


@register.filter
def counted(count: int, unit: tuple[str, str]) -> str:
    """`1 activity`, `1,203 activities`."""
    return f"{count:,} {unit[0] if count == 1 else unit[1]}"


@register.filter
def device_word(kind: str) -> str:
    """A kind of device as an order knows it, first letter large."""
    word = ORDER_KINDS[kind]
    return word[:1].upper() + word[1:]
