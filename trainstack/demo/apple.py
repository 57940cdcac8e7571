"""How an iPhone writes an Apple Health export: its elements, attributes, dates and oddities."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from numpy.typing import NDArray

from trainstack.demo.athlete import HOME, Source, software

Ints = NDArray[np.int64]
Moments = Sequence[float] | NDArray[np.float64]
# Numbers, or the words of a category.
Values = Sequence[float | str] | Sequence[float] | Sequence[str]

DAY_S = 86_400
# Records that are formatted and written at a time.
CHUNK = 20_000


# --- dates ----------------------------------------------------------------------------------


def offset_of(moment: datetime) -> int:
    """Seconds that the clock at home is ahead of UTC."""
    offset = moment.astimezone(HOME.zone).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())


class Clock:
    """Writes moments as the phone does: in the zone where the phone is at the export, with that date's offset."""

    def __init__(self, first: date, last: date) -> None:
        days = (last - first).days + 4
        midnight = datetime(first.year, first.month, first.day, tzinfo=UTC) - timedelta(days=2)
        hours = [midnight + timedelta(hours=number) for number in range(days * 24)]
        offsets = [offset_of(hour) for hour in hours]
        changes = [n for n in range(len(hours)) if n == 0 or offsets[n] != offsets[n - 1]]
        self.starts = np.array([hours[n].timestamp() for n in changes], dtype=np.int64)
        self.offsets = np.array([offsets[n] for n in changes], dtype=np.int64)
        self.suffixes = {o: f" {'-' if o < 0 else '+'}{abs(o) // 3600:02d}{abs(o) % 3600 // 60:02d}" for o in offsets}

    def write(self, seconds: NDArray[np.float64] | Ints) -> list[str]:
        """`2026-03-02 17:10:04 +0100` for each moment, told in seconds since 1970."""
        moments = np.asarray(seconds, dtype=np.int64)
        offset = self.offsets[np.searchsorted(self.starts, moments, side="right") - 1]
        text = np.datetime_as_string((moments + offset).astype("datetime64[s]")).tolist()
        suffixes = self.suffixes
        return [t.replace("T", " ") + suffixes[o] for t, o in zip(text, offset.tolist(), strict=True)]

    def one(self, seconds: float) -> str:
        offset = int(self.offsets[np.searchsorted(self.starts, int(seconds), side="right") - 1])
        return f"{datetime.fromtimestamp(int(seconds) + offset, UTC):%Y-%m-%d %H:%M:%S}{self.suffixes[offset]}"


# --- records --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Kind:
    """One record type: its unit (empty for categories), the decimals that are written, the delay of its creation."""

    name: str
    unit: str = ""
    decimals: int = 0
    created_after_s: int = 0


def quantity(name: str, unit: str, decimals: int = 0, created_after_s: int = 4) -> Kind:
    return Kind("HKQuantityTypeIdentifier" + name, unit, decimals, created_after_s)


def category(name: str, created_after_s: int = 60) -> Kind:
    return Kind("HKCategoryTypeIdentifier" + name, "", 0, created_after_s)


@dataclass(frozen=True)
class Told:
    """Some samples of one kind from one source; `values` are numbers, or words of a category."""

    source: Source
    start: Ints
    end: Ints
    values: Values
    # What stands inside each element: one text for all, or one for each.
    inside: str | Sequence[str] = ""

    @property
    def each_inside(self) -> Sequence[str]:
        return [self.inside] * len(self.start) if isinstance(self.inside, str) else self.inside


class Samples:
    """Everything that was told, kind by kind, until it is written."""

    def __init__(self) -> None:
        self.told: dict[Kind, list[Told]] = {}

    def tell(
        self,
        kind: Kind,
        source: Source,
        start: Moments,
        end: Moments,
        values: Values,
        inside: str | Sequence[str] = "",
    ) -> None:
        starts = np.rint(np.asarray(start, dtype=np.float64)).astype(np.int64)
        if len(starts):
            ends = np.rint(np.asarray(end, dtype=np.float64)).astype(np.int64)
            self.told.setdefault(kind, []).append(Told(source, starts, ends, values, inside))

    def once(
        self, kind: Kind, source: Source, at: float, value: float | str, *, lasts_s: float = 0, inside: str = ""
    ) -> None:
        self.tell(kind, source, [at], [at + lasts_s], [value], inside)

    def elements(self, clock: Clock) -> Iterator[str]:
        """The Record elements, kind after kind as Apple orders them, each kind by time."""
        for kind, told in self.told.items():
            if told:
                yield from self._elements(kind, told, clock)

    def _elements(self, kind: Kind, told: list[Told], clock: Clock) -> Iterator[str]:
        start = np.concatenate([some.start for some in told])
        order = np.argsort(start, kind="stable")
        start = start[order]
        end = np.concatenate([some.end for some in told])[order]
        which = np.repeat(np.arange(len(told)), [len(some.start) for some in told])[order].tolist()
        values = [value for some in told for value in some.values]
        inside = [text for some in told for text in some.each_inside]
        shift = order.tolist()
        heads = Heads(kind)
        number = f"%.{kind.decimals}f"
        texts = [value if isinstance(value, str) else number % value for value in values]
        for at in range(0, len(start), CHUNK):
            piece = slice(at, at + CHUNK)
            yield "".join(
                [
                    heads.of(told[w].source, second // DAY_S, second)
                    + f' creationDate="{c}" startDate="{s}" endDate="{e}" value="{texts[i]}"'
                    + (f">{inside[i]}\n </Record>\n" if inside[i] else "/>\n")
                    for w, i, c, s, e, second in zip(
                        which[piece], shift[piece], clock.write(start[piece] + kind.created_after_s),
                        clock.write(start[piece]), clock.write(end[piece]), start[piece].tolist(), strict=True,
                    )
                ]
            )  # fmt: skip


class Heads:
    """The beginnings of one kind's elements, up to the unit; what is the same for a source and a day is made once."""

    def __init__(self, kind: Kind) -> None:
        self.tag = f' <Record type="{kind.name}"'
        self.unit = f' unit="{kind.unit}"' if kind.unit else ""
        self.known: dict[tuple[str, int], tuple[str, str]] = {}

    def of(self, source: Source, day: int, second: int) -> str:
        key = (source.name, day)
        known = self.known.get(key)
        if known is None:
            known = self.known[key] = head(self.tag, source, day)
        before, after = known
        # The address in a device string is another one in nearly every line of a real export.
        return f"{before}{second * 2_654_435_761 & 0xFFFFFFF:07x}0{after}{self.unit}" if after else before + self.unit


def head(opening: str, source: Source, day: int) -> tuple[str, str]:
    """An element up to the address in its device string, and from there to the string's end."""
    version = software(source, date.fromordinal(day + date(1970, 1, 1).toordinal()))
    named = f"{opening} sourceName={quoteattr(source.name)} sourceVersion={quoteattr(version)}"
    if not source.model:
        return named, ""
    name = "Apple Watch" if source.model == "Watch" else "iPhone"
    return (
        f'{named} device="&lt;&lt;HKDevice: 0x',
        f"&gt;, name:{name}, manufacturer:Apple Inc., model:{source.model}, hardware:{source.hardware}, "
        f'software:{version}&gt;"',
    )


def opened(tag: str, source: Source, at: float) -> str:
    """The beginning of an element that tells its source in full: a workout or a route."""
    before, after = head(tag, source, int(at) // DAY_S)
    return f"{before}{int(at) * 40_503 & 0xFFFFFF:06x}0{after}" if after else before


def metadata(entries: Mapping[str, str], indent: str) -> str:
    return "".join(
        f"{indent}<MetadataEntry key={quoteattr(key)} value={quoteattr(value)}/>\n" for key, value in entries.items()
    )


def zone_inside(zone: str) -> str:
    """The child element that names the zone in which a sample was taken."""
    return f'\n  <MetadataEntry key="HKTimeZone" value="{escape(zone)}"/>'


# --- the frame ------------------------------------------------------------------------------


def declaration(element: str, content: str, required: str, implied: str = "") -> str:
    """One element's declaration and those of its attributes."""
    attributes = "".join(f"\n  {name:<28} CDATA #REQUIRED" for name in required.split())
    attributes += "".join(f"\n  {name:<28} CDATA #IMPLIED" for name in implied.split())
    return f"<!ELEMENT {element} {content}>" + (f"\n<!ATTLIST {element}{attributes}\n>" if attributes else "")


_TOLD = "type sourceName startDate endDate"
_BY = "unit value sourceVersion device creationDate"
DOCTYPE = "\n".join(
    [
        "<!DOCTYPE HealthData [",
        "<!-- HealthKit Export Version: 14 -->",
        declaration("HealthData", "(ExportDate,Me,(Record|Correlation|Workout|ActivitySummary)*)", "locale"),
        declaration("ExportDate", "EMPTY", "value"),
        declaration("Me", "EMPTY", " ".join(
            f"HKCharacteristicTypeIdentifier{name}"
            for name in (
                "DateOfBirth", "BiologicalSex", "BloodType", "FitzpatrickSkinType", "CardioFitnessMedicationsUse",
            )
        )),
        declaration("Record", "((MetadataEntry|HeartRateVariabilityMetadataList)*)", _TOLD, _BY),
        declaration("Correlation", "((MetadataEntry|Record)*)", _TOLD, "sourceVersion device creationDate"),
        declaration(
            "Workout", "((MetadataEntry|WorkoutEvent|WorkoutRoute|WorkoutStatistics|WorkoutActivity)*)",
            "workoutActivityType sourceName startDate endDate",
            "duration durationUnit sourceVersion device creationDate",
        ),
        declaration(
            "WorkoutActivity", "((MetadataEntry|WorkoutEvent|WorkoutStatistics)*)",
            "uuid startDate", "endDate duration durationUnit",
        ),
        declaration("WorkoutEvent", "(MetadataEntry*)", "type date", "duration durationUnit"),
        declaration("WorkoutStatistics", "EMPTY", "type startDate endDate", "average minimum maximum sum unit"),
        declaration(
            "WorkoutRoute", "((MetadataEntry|FileReference)*)",
            "sourceName startDate endDate", "sourceVersion device creationDate",
        ),
        declaration("FileReference", "EMPTY", "path"),
        declaration(
            "ActivitySummary", "EMPTY", "",
            "dateComponents activeEnergyBurned activeEnergyBurnedGoal activeEnergyBurnedUnit appleMoveTime "
            "appleMoveTimeGoal appleExerciseTime appleExerciseTimeGoal appleStandHours appleStandHoursGoal",
        ),
        declaration("MetadataEntry", "EMPTY", "key value"),
        declaration("HeartRateVariabilityMetadataList", "(InstantaneousBeatsPerMinute*)", ""),
        declaration("InstantaneousBeatsPerMinute", "EMPTY", "bpm time"),
        "]>",
    ]
)  # fmt: skip


def opening(exported_at: str, birthday: date) -> str:
    """The file up to its first record."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n{DOCTYPE}\n<HealthData locale="en_DE">\n'
        f' <ExportDate value="{exported_at}"/>\n'
        f' <Me HKCharacteristicTypeIdentifierDateOfBirth="{birthday}"'
        ' HKCharacteristicTypeIdentifierBiologicalSex="HKBiologicalSexFemale"'
        ' HKCharacteristicTypeIdentifierBloodType="HKBloodTypeNotSet"'
        ' HKCharacteristicTypeIdentifierFitzpatrickSkinType="HKFitzpatrickSkinTypeNotSet"'
        ' HKCharacteristicTypeIdentifierCardioFitnessMedicationsUse="None"/>\n'
    )


CLOSING = "</HealthData>\n"
