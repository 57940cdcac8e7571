"""Numbers as a person reads them: in their units, with as many digits as mean something. Miles exist only here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Self

from django import template
from django.utils.dateformat import format as date_format
from django.utils.html import format_html, format_html_join

from activities.domain.metrics import Metric
from activities.models import Activity, SleepSession, SourceActivity
from trainstack.accounts.models import AthleteProfile
from trainstack.sports import family, is_step_sport

register = template.Library()

MILE_M = 1609.344
YARD_M = 0.9144
FOOT_M = 0.3048
# Stands between a number and its unit, so that they are never parted.
THIN = "\u202f"
# Where a source tells the day and no more.
NO_TIME = "no time told"


class Quantity(str):
    """Numbers and their units, as `3 h 13 min`: plain text, and in a page with the units set smaller."""

    __slots__ = ("parts",)
    parts: tuple[tuple[str, str], ...]

    def __new__(cls, *parts: tuple[str, str]) -> Self:
        made = super().__new__(cls, " ".join(f"{value}{THIN}{unit}" if unit else value for value, unit in parts))
        made.parts = parts
        return made

    def __html__(self) -> str:
        small = '<span class="unit">{}</span>'
        return format_html_join(
            " ", "{}{}", ((value, format_html(small, unit) if unit else "") for value, unit in self.parts)
        )

    @property
    def text(self) -> str:
        """Without markup, for attributes."""
        return str.__str__(self)


@dataclass(frozen=True)
class Scale:
    """How a canonical value is shown: `value * factor + offset` in `unit`, or as the time that `pace_m` metres take."""

    unit: str
    decimals: int = 0
    factor: float = 1.0
    offset: float = 0.0
    pace_m: float | None = None

    def show(self, value: float | None) -> Quantity | str:
        """The value in this scale; "" where nothing was told or a pace stands still."""
        if value is None:
            return ""
        if self.pace_m is not None:
            return Quantity((clock(self.pace_m / value), self.unit)) if value > 0 else ""
        return Quantity((f"{value * self.factor + self.offset:,.{self.decimals}f}", self.unit))


# Canonical unit -> (metric, imperial). A unit that is not here is shown as it is, a count as a bare number.
_SCALES: dict[str, tuple[Scale, Scale]] = {
    "m": (Scale("m"), Scale("ft", factor=1 / FOOT_M)),
    "cm": (Scale("cm"), Scale("in", factor=1 / 2.54)),
    "kg": (Scale("kg"), Scale("lb", factor=1 / 0.45359237)),
    "degC": (Scale("°C"), Scale("°F", factor=1.8, offset=32)),
    "m/s": (Scale("km/h", factor=3.6), Scale("mph", factor=3600 / MILE_M)),
    "mL": (Scale("ml"), Scale("fl oz", factor=1 / 29.5735295625)),
    "L": (Scale("l"), Scale("l")),
    "mL/kg/min": (Scale("ml/kg/min"), Scale("ml/kg/min")),
    "dBASPL": (Scale("dB"), Scale("dB")),
    "mcg": (Scale("µg"), Scale("µg")),
    "mcS": (Scale("µS"), Scale("µS")),
    "breaths/min": (Scale("/min"), Scale("/min")),
    "count": (Scale(""), Scale("")),
    "score": (Scale(""), Scale("")),
}
_LONG = (Scale("km", factor=1 / 1000), Scale("mi", factor=1 / MILE_M))
_POOL = (Scale("m"), Scale("yd", factor=1 / YARD_M))

# Sport family -> metres of a pace: (metric, its name, imperial, its name). Other sports have a speed.
_PACES: dict[str, tuple[float, str, float, str]] = {
    "running": (1000, "/km", MILE_M, "/mi"),
    "walking": (1000, "/km", MILE_M, "/mi"),
    "snowshoeing": (1000, "/km", MILE_M, "/mi"),
    "track_and_field": (1000, "/km", MILE_M, "/mi"),
    "swimming": (100, "/100 m", 100 * YARD_M, "/100 yd"),
    "rowing": (500, "/500 m", 500, "/500 m"),
}

STREAM_LABELS: dict[str, str] = {
    "heart_rate": "Heart rate",
    "speed": "Speed",
    "altitude": "Elevation",
    "power": "Power",
    "cadence": "Cadence",
    "temperature": "Temperature",
    "distance": "Distance",
    "stride_length": "Stride length",
    "vertical_oscillation": "Vertical oscillation",
    "ground_contact_time": "Ground contact",
    "vertical_ratio": "Vertical ratio",
    "vertical_speed": "Climbing speed",
    "ground_contact_percent": "Ground contact, share of the stride",
    "ground_contact_balance": "Ground contact, left share",
    "left_right_balance": "Power, left share",
    "left_torque_effectiveness": "Torque effectiveness, left",
    "right_torque_effectiveness": "Torque effectiveness, right",
    "left_pedal_smoothness": "Pedal smoothness, left",
    "right_pedal_smoothness": "Pedal smoothness, right",
    "form_power": "Form power",
    "air_power": "Air power",
    "leg_spring_stiffness": "Leg spring stiffness",
    "respiration_rate": "Breathing rate",
    "core_temperature": "Core temperature",
    "skin_temperature": "Skin temperature",
    "muscle_oxygen": "Muscle oxygen",
    "total_hemoglobin": "Haemoglobin",
    "grade": "Grade",
    "depth": "Depth",
}
_STREAM_DECIMALS = {
    "speed": 1, "temperature": 1, "distance": 2, "stride_length": 2, "vertical_oscillation": 1, "vertical_ratio": 1,
    "ground_contact_percent": 1, "ground_contact_balance": 1, "left_right_balance": 1, "leg_spring_stiffness": 1,
    "core_temperature": 1, "skin_temperature": 1, "total_hemoglobin": 1, "grade": 1, "depth": 1,
}  # fmt: skip
# Metres or feet an hour: a climb is too slow for the units of a speed.
_CLIMBS = (Scale("m/h", factor=3600), Scale("ft/h", factor=3600 / FOOT_M))


def _is_imperial(profile: AthleteProfile | None) -> bool:
    return profile is not None and profile.units == AthleteProfile.Units.IMPERIAL


def _scale(unit: str, profile: AthleteProfile | None, decimals: int = 0) -> Scale:
    pair = _SCALES.get(unit)
    found = pair[_is_imperial(profile)] if pair else Scale(unit)
    return replace(found, decimals=decimals)


def metric_scale(metric: Metric, profile: AthleteProfile | None) -> Scale:
    """How one metric's daily figures are shown."""
    if metric.slug == "distance_swimming":
        return _POOL[_is_imperial(profile)]
    if metric.slug.startswith("distance_"):
        return replace(_LONG[_is_imperial(profile)], decimals=2)
    if metric.unit == "m/s":
        return _scale(metric.unit, profile, 1)
    return _scale(metric.unit, profile, metric.decimals)


def speed_scale(sport: str, profile: AthleteProfile | None) -> Scale:
    """A pace where the sport thinks in paces, else a speed."""
    pace = _PACES.get(family(sport))
    if pace is None:
        return _scale("m/s", profile, 1)
    metres, unit = pace[2:] if _is_imperial(profile) else pace[:2]
    return Scale(unit, pace_m=metres)


# --- lengths of time ------------------------------------------------------------------------


def clock(seconds: float) -> str:
    """`47:03`, `1:02:05`: as a stopwatch shows it, to the nearest second."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


@register.filter
def duration(seconds: float | None) -> str:
    """A stopwatch's time; "" where nothing was told."""
    return "" if seconds is None else clock(seconds)


@register.filter
def hours(seconds: float | None) -> Quantity | str:
    """`7 h 42 min`, `42 min`, `12 s`; "" where nothing was told."""
    if seconds is None:
        return ""
    if seconds < 59.5:
        return Quantity((f"{seconds:.0f}", "s"))
    hour, minute = divmod(round(seconds / 60), 60)
    if not hour:
        return Quantity((str(minute), "min"))
    return Quantity((str(hour), "h"), (f"{minute:02}", "min")) if minute else Quantity((str(hour), "h"))


@register.filter
def plain(shown: str) -> str:
    """A quantity without its markup, for attributes."""
    return shown.text if isinstance(shown, Quantity) else shown


@register.filter
def local_start(told: Activity | SourceActivity | SleepSession, profile: AthleteProfile | None) -> datetime:
    """The clock on the wall where it began (in the athlete's zone where the source did not tell), without a zone."""
    return _on_the_wall(told.start_time, told, profile)


def is_day_only(told: Activity | SourceActivity | SleepSession) -> bool:
    """Whether it tells the day on which it began and no time of day."""
    source = told.primary if isinstance(told, Activity) else told
    return isinstance(source, SourceActivity) and source.day_only


@register.simple_tag
def started(told: Activity | SourceActivity, profile: AthleteProfile | None, day: str) -> str:
    """The day in Django's format for dates, and the time on the wall where one was told."""
    begin = local_start(told, profile)
    return f"{date_format(begin, day)}, {NO_TIME if is_day_only(told) else f'{begin:%H:%M}'}"


@register.filter
def start_clock(told: Activity | SourceActivity, profile: AthleteProfile | None) -> str:
    """The time on the wall where it began, to the second."""
    return NO_TIME if is_day_only(told) else f"{local_start(told, profile):%H:%M:%S}"


@register.filter
def local_end(told: SleepSession | SourceActivity, profile: AthleteProfile | None) -> datetime:
    """The same for its end."""
    return _on_the_wall(told.end_time, told, profile)


@register.simple_tag
def wall(moment: datetime, source: SourceActivity, profile: AthleteProfile | None) -> datetime:
    """The same for any moment within an activity."""
    return _on_the_wall(moment, source, profile)


def _on_the_wall(
    moment: datetime, told: Activity | SourceActivity | SleepSession, profile: AthleteProfile | None
) -> datetime:
    source = told.primary if isinstance(told, Activity) else told
    if is_day_only(told):
        return moment.astimezone(UTC).replace(tzinfo=None)
    if source is not None and source.utc_offset_s is not None:
        return (moment.astimezone(UTC) + timedelta(seconds=source.utc_offset_s)).replace(tzinfo=None)
    return moment.astimezone(profile.zone if profile else UTC).replace(tzinfo=None)


@register.filter
def offset_name(seconds: int | None) -> str:
    """`UTC+2`, `UTC−3:30`; "" where nothing was told."""
    if seconds is None:
        return ""
    hour, minute = divmod(abs(seconds) // 60, 60)
    sign = "−" if seconds < 0 else "+"
    return f"UTC{sign}{hour}:{minute:02}" if minute else f"UTC{sign}{hour}"


# --- quantities -----------------------------------------------------------------------------


@register.simple_tag
def distance(metres: float | None, profile: AthleteProfile | None, sport: str = "") -> Quantity | str:
    """A length of way: in km or mi, in m or yd where it is short or swum; "" where nothing was told."""
    if metres is None:
        return ""
    imperial = _is_imperial(profile)
    if metres < 1000 or family(sport) == "swimming":
        return _POOL[imperial].show(metres)
    long = _LONG[imperial]
    return replace(long, decimals=1 if metres * long.factor >= 100 else 2).show(metres)


@register.simple_tag
def pace(speed_mps: float | None, profile: AthleteProfile | None, sport: str) -> Quantity | str:
    """A pace or a speed, whichever the sport thinks in."""
    return speed_scale(sport, profile).show(speed_mps)


@register.simple_tag
def pace_label(sport: str) -> str:
    return "pace" if family(sport) in _PACES else "speed"


@register.simple_tag
def pace_of(
    part: SourceActivity, profile: AthleteProfile | None, sport: str, elapsed_s: float | None = None
) -> Quantity | str:
    """The average of an activity or lap: its way over its time without pauses; what the source told only without these.

    Told averages of one source often leave out slow stretches; way over time is what a person works out themselves.
    """
    seconds = part.timer_s or elapsed_s or part.elapsed_s
    told = getattr(part, "avg_speed_mps", None)
    return pace(part.distance_m / seconds if part.distance_m and seconds else told, profile, sport)


@register.filter
def elevation(metres: float | None, profile: AthleteProfile | None) -> Quantity | str:
    return _scale("m", profile).show(metres)


@register.filter
def temperature(celsius: float | None, profile: AthleteProfile | None) -> Quantity | str:
    return _scale("degC", profile).show(celsius)


@register.filter
def quantity(value: float | None, unit: str) -> Quantity | str:
    """A number in a unit that is the same for everybody."""
    return Scale(unit).show(value)


@register.simple_tag
def cadence(value: float | None, sport: str) -> Quantity | str:
    return Scale("spm" if is_step_sport(sport) else "rpm").show(value)


@register.simple_tag
def metric_value(value: float | None, metric: Metric, profile: AthleteProfile | None) -> Quantity | str:
    """One daily figure of a metric."""
    return metric_scale(metric, profile).show(value)


@register.simple_tag
def scale_of_metric(metric: Metric, profile: AthleteProfile | None) -> Scale:
    """For a chart's data attributes."""
    return metric_scale(metric, profile)


@register.simple_tag
def scale_of_stream(name: str, unit: str, sport: str, profile: AthleteProfile | None) -> Scale:
    """For a chart's data attributes."""
    if name == "speed":
        return speed_scale(sport, profile)
    if name == "vertical_speed":
        return _CLIMBS[_is_imperial(profile)]
    if name == "distance":
        return replace(_LONG[_is_imperial(profile)], decimals=2)
    if name == "cadence":
        return Scale("spm" if is_step_sport(sport) else "rpm")
    return _scale(unit, profile, _STREAM_DECIMALS.get(name, 0))


@register.simple_tag
def stream_label(name: str, sport: str) -> str:
    if name == "speed" and family(sport) in _PACES:
        return "Pace"
    return STREAM_LABELS.get(name, name.replace("_", " ").capitalize())


@dataclass(frozen=True)
class MapUnits:
    """What the drawing of a route measures in: metres of the long and the short unit, and their names."""

    long_m: float
    long: str
    short_m: float
    short: str


@register.simple_tag
def map_units(profile: AthleteProfile | None) -> MapUnits:
    return MapUnits(MILE_M, "mi", FOOT_M, "ft") if _is_imperial(profile) else MapUnits(1000, "km", 1, "m")


@register.filter
def percent(ratio: float | None) -> str:
    """`42 %` of a ratio of 0-1; "" where nothing was told."""
    return "" if ratio is None else f"{ratio * 100:.0f}{THIN}%"
