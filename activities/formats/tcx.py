"""TCX (Garmin's Training Center Database) of all makers -> activities.

Totals are those of the laps: sums of time, distance and energy, and averages weighted by the laps' time. What the laps
do not tell is computed from the points and named in `extra["computed"]`. The timer is told by the laps; elapsed is from
the first lap's start to the last point. RunCadence counts one foot; everything here counts both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from activities.domain.parsed import Lap, Parsed, ParsedActivity, Pause, Problem
from activities.formats.columns import Ints
from activities.formats.devices import device_kind
from activities.formats.errors import Unreadable
from activities.formats.recording import AFTER_MS, Recording, completed, moment, path_m, recording_of
from activities.formats.sport_words import sport_of_word
from activities.formats.xml_points import Dialect, Node, Points, Reading, time_of
from activities.formats.xml_text import plain_text, words_of
from trainstack.sports import TRANSITION, is_step_sport

ROOT = b"TrainingCenterDatabase"
DIALECT = Dialect(
    track="Track",
    point="Trackpoint",
    time="time",
    columns={
        "latitudedegrees": "latitude",
        "longitudedegrees": "longitude",
        "altitudemeters": "altitude",
        "distancemeters": "distance",
        "heartratebpm/value": "heart_rate",
        "heartratebpm": "heart_rate",
        "cadence": "cadence",
        "runcadence": "run_cadence",
        "speed": "speed",
        "watts": "power",
        "power": "power",
        "temperature": "temperature",
        "temp": "temperature",
    },
    wanted=frozenset({"Activity", "MultiSportSession", "Course", "Workout", "Author"}),
    never_nested=frozenset({"Activity", "MultiSportSession", "Course", "Lap", "Track", "Trackpoint"}),
    foreign=(b"Lap>", b"Lap ", b"Activity>", b"Activity ", b"Course>", b"Trackpoint/>"),
)
# Tracks of one lap, and a lap and the next, are one stretch where no more than this lies between them.
_NO_PAUSE_MS = 1500
# Devices that save space leave so long between two points though the timer runs.
_BETWEEN_POINTS_MS = 8000
_POINTS_MISSING_MS = 60_000
_END = re.compile(rb"</(?:[\w.\-]+:)?" + ROOT + rb"\s*>")
# Where the name of who made the file stands: the device at the end of each activity, the program at that of the file.
_HEAD_BYTES = 1 << 14
_TAIL_BYTES = 1 << 16
# Clocks that were never set begin at the start of GPS time or of Unix time.
_UNSET_MS = 946_684_800_000


def parse_tcx(data: bytes, external_id: str) -> Parsed:
    """All activities of the file; none for courses and workouts. Raises Unreadable where it is no TCX file."""
    text = plain_text(data, ROOT)
    if text is None:
        raise Unreadable("This is not a TCX file: it has no TrainingCenterDatabase.")
    reading = Reading(text, DIALECT)
    efforts: list[list[ParsedActivity]] = []
    problems: list[Problem] = []
    plans = {"Course": 0, "Workout": 0}
    for node in reading.elements():
        if node.name in plans:
            plans[node.name] += 1
        elif node.name == "Activity":
            activity = _activity(node, reading, problems)
            efforts += [[activity]] if activity else []
        elif node.name == "MultiSportSession":
            session = _session(node, reading, problems)
            efforts += [session] if session else []
    if reading.overfull:
        problems.append(Problem("", "The file has more elements than can be read; some were left out."))
    if not _END.search(text, max(len(text) - 4096, 0)):
        problems.append(Problem("", "The file is cut off; what was recorded before that was read."))
    for name, what in (("Course", "course"), ("Workout", "planned workout")):
        if plans[name]:
            problems.append(Problem("", f"A {what} is no activity; it is kept as it came.", plans[name]))
    if not efforts and not any(plans.values()):
        problems.append(Problem("", "The file holds no activity."))
    return Parsed(_numbered(efforts, external_id), problems=_counted(problems))


def tcx_creator(data: bytes) -> str:
    """The device that recorded an activity, else the program that wrote the file; empty where neither is told."""
    for words in (data[-_TAIL_BYTES:], data[:_HEAD_BYTES]) if len(data) > _TAIL_BYTES else (data,):
        text = plain_text(b"<TrainingCenterDatabase>" + _told_in_utf_8(words, data), ROOT) or b""
        for element in (b"Creator", b"Author"):
            found = text.find(element)
            name = words_of(b"Name", text[found : found + 1000]) if found >= 0 else ""
            if name:
                return name
    return ""


def _told_in_utf_8(some: bytes, data: bytes) -> bytes:
    """A stretch of a file whose beginning tells its encoding: two bytes a letter or one."""
    if data[:2] in (b"\xff\xfe", b"<\0"):
        return some.decode("utf-16-le", "ignore").encode()
    if data[:2] in (b"\xfe\xff", b"\0<"):
        return some.decode("utf-16-be", "ignore").encode()
    return some.decode("utf-8", "ignore").encode()


# --- activities -------------------------------------------------------------------------------------
@dataclass(frozen=True)
class _Lap:
    """A lap as told, and what its tracks hold. Times in milliseconds since 1970."""

    node: Node
    start_ms: int
    offset_s: int | None
    timer_s: float | None
    tracks: tuple[Points, ...]

    @property
    def end_ms(self) -> int:
        """When the lap ended if its timer never stood."""
        return self.start_ms + round((self.timer_s or 0) * 1000)


def _session(node: Node, reading: Reading, problems: list[Problem]) -> list[ParsedActivity]:
    """The multisport effort and behind it its legs and transitions."""
    legs: list[ParsedActivity] = []
    for part in node.all("FirstSport", "NextSport", "Activity"):
        for inside in [part] if part.name == "Activity" else part.all("Transition", "Activity"):
            leg = _activity(inside, reading, problems)
            if leg:
                legs.append(leg)
    if not legs:
        return []
    start = min(leg.start_time for leg in legs)
    ends = [leg.start_time.timestamp() + (leg.elapsed_s or leg.timer_s or 0) for leg in legs]
    told = _time(node.tell("Id"))
    whole = ParsedActivity(
        external_id="",
        sport=_sport_of_session(legs),
        start_time=start,
        provider_type="MultiSportSession",
        utc_offset_s=next((leg.utc_offset_s for leg in legs if leg.utc_offset_s is not None), None),
        elapsed_s=round(max(ends) - start.timestamp(), 3),
        timer_s=_sum(leg.timer_s for leg in legs),
        distance_m=_sum(leg.distance_m for leg in legs),
        energy_kcal=_sum(leg.energy_kcal for leg in legs),
        device=next((leg.device for leg in legs if leg.device), ""),
        device_kind=next((leg.device_kind for leg in legs if leg.device), "unknown"),
        source_name=next((leg.source_name for leg in legs if leg.source_name), ""),
        extra=_without_empty({"notes": node.tell("Notes"), "id": node.tell("Id") if told else ""}),
    )
    return [whole, *(replace(leg, parent=0) for leg in legs)]


def _sport_of_session(legs: Sequence[ParsedActivity]) -> str:
    families = {leg.sport.split(".")[0].split("+")[0] for leg in legs} - {TRANSITION}
    if families == {"running", "cycling"}:
        return "multisport.duathlon"
    return "multisport.triathlon" if families == {"swimming", "cycling", "running"} else "multisport"


def _activity(node: Node, reading: Reading, problems: list[Problem]) -> ParsedActivity | None:
    """One activity; None where nothing of it tells when it began."""
    is_transition = node.name == "Transition"
    provider_type = "Transition" if is_transition else node.attributes.get("Sport", "").strip()
    sport = TRANSITION if is_transition else sport_of_word(provider_type)
    laps = _laps(node, reading)
    begun = _time(node.tell("Id"))
    if not laps:
        if begun is None:
            problems.append(Problem("", "An activity without laps and without a start was left out."))
            return None
        laps = [_Lap(Node("Lap", {}), begun[0], begun[1], None, ())]
    start_ms = laps[0].start_ms
    if begun and start_ms < _UNSET_MS <= begun[0]:
        problems.append(Problem("", "The device's clock was not set: its laps tell another day than the activity."))
    points = Points.joined([track for lap in laps for track in lap.tracks])
    recording = recording_of(points, start_ms)
    problems += recording.problems()
    if points.zoneless:
        problems.append(Problem("", "The times name no time zone; they were read as UTC."))
    offset_s = next((it for it in (laps[0].offset_s, points.offset_s, begun and begun[1]) if it is not None), None)
    device = _words(node.tell("Creator", "Name"))
    activity = ParsedActivity(
        external_id="",
        sport=sport,
        start_time=moment(start_ms, offset_s),
        provider_type=provider_type,
        name=_words(node.tell("Name")),
        utc_offset_s=offset_s,
        elapsed_s=_elapsed_s(laps, recording),
        timer_s=_sum(lap.timer_s for lap in laps),
        device=device,
        device_kind=device_kind(device) if device else "unknown",
        source_name=device,
        laps=_told_laps(laps, sport, offset_s, recording),
        pauses=_pauses(laps, offset_s),
        streams=recording.streams(start_ms, sport),
        extra=_extra(node),
    )
    activity = replace(activity, **_totals([lap.node for lap in laps], sport))
    if not activity.distance_m and not len(recording.told("distance")):
        activity = replace(activity, distance_m=None)  # the format demands a number where nobody counted
    return completed(activity, recording, _distance_m(recording, points))


def _laps(node: Node, reading: Reading) -> list[_Lap]:
    """The laps in the order of time; tracks outside of any are one lap's."""
    told = [node] if node.name == "Transition" and not node.all("Lap") else node.all("Lap")
    if not told and node.all("Track"):
        told = [node]
    laps: list[_Lap] = []
    for lap in told:
        tracks = tuple(points for track in lap.all("Track") if len(points := reading.points(track)))
        begin = _time(lap.attributes.get("StartTime", "")) or _first_time(tracks)
        if begin is None and not laps:
            begin = _time(node.tell("Id"))
        if begin is None:
            begin = (laps[-1].end_ms, laps[-1].offset_s) if laps else None
        if begin:
            timer_s = lap.number("TotalTimeSeconds")
            laps.append(_Lap(lap, *begin, timer_s if timer_s is None or 0 <= timer_s < 1e8 else None, tracks))
    return sorted(_without_strays(laps), key=lambda lap: lap.start_ms)


def _without_strays(laps: Sequence[_Lap]) -> list[_Lap]:
    """The laps; one that says it began months away from the others follows the one before it."""
    middle_ms = sorted(lap.start_ms for lap in laps)[len(laps) // 2] if laps else 0
    settled: list[_Lap] = []
    for lap in laps:
        if abs(lap.start_ms - middle_ms) > AFTER_MS:
            lap = replace(lap, start_ms=settled[-1].end_ms if settled else middle_ms)
        settled.append(lap)
    return settled


def _first_time(tracks: Iterable[Points]) -> tuple[int, int | None] | None:
    for points in tracks:
        recording = recording_of(points)
        if len(recording):
            return int(recording.time_ms[0]), points.offset_s
    return None


def _elapsed_s(laps: Sequence[_Lap], recording: Recording) -> float | None:
    """Seconds to the last moment told; None where one lap and no point tells where it ended."""
    if not len(recording) and len(laps) < 2:
        return None
    timer_ms = max(lap.end_ms for lap in laps)
    last_ms = int(recording.time_ms[-1]) if len(recording) else timer_ms
    # A timer is told more finely than points and goes on after the last; for long only where points are missing.
    last_ms = timer_ms if timer_ms - last_ms > _POINTS_MISSING_MS else last_ms
    return max(last_ms - laps[0].start_ms, 0) / 1000


def _pauses(laps: Sequence[_Lap], offset_s: int | None) -> tuple[Pause, ...]:
    """Where a lap's track ends and its next begins later; and the longest gaps, as far as the timer did not run."""
    gaps: list[tuple[int, int]] = []
    for place, lap in enumerate(laps):
        tracks = _timed(lap)
        between = [(int(one[-1]), int(other[0])) for one, other in pairwise(tracks)]
        stood = [(end, begin) for end, begin in between if begin - end > _NO_PAUSE_MS]
        gaps += stood
        following_ms = laps[place + 1].start_ms if place + 1 < len(laps) else None
        last_ms = int(tracks[-1][-1]) if tracks else lap.end_ms
        if lap.timer_s is None or (not tracks and following_ms is None):
            continue
        missing_ms = (following_ms or last_ms) - lap.start_ms - round(lap.timer_s * 1000)
        missing_ms -= sum(begin - end for end, begin in stood)
        inside = [gap for times in tracks for gap in _gaps(times)]
        if following_ms is not None and following_ms > last_ms:
            inside.append((last_ms, following_ms))
        for end, begin in sorted(inside, key=lambda gap: gap[0] - gap[1]):
            if missing_ms <= _NO_PAUSE_MS:
                break
            if begin - end <= 2 * missing_ms or begin == following_ms:
                gaps.append((begin - min(begin - end, missing_ms), begin))
                missing_ms -= begin - end
    return tuple(Pause(moment(begin, offset_s), (end - begin) / 1000) for begin, end in sorted(gaps))


def _gaps(times: Ints) -> list[tuple[int, int]]:
    """Where one point is so long after the other that the timer may have stood."""
    long = np.flatnonzero(np.diff(times) > _BETWEEN_POINTS_MS)
    return [(int(times[at]), int(times[at + 1])) for at in long]


def _timed(lap: _Lap) -> list[Ints]:
    """The times of each track that has some."""
    times = (recording_of(points, lap.start_ms).time_ms for points in lap.tracks if len(points))
    return sorted((each for each in times if len(each)), key=lambda each: int(each[0]))


def _told_laps(laps: Sequence[_Lap], sport: str, offset_s: int | None, recording: Recording) -> tuple[Lap, ...]:
    """The laps; each lasts until the next begins."""
    if not any(lap.node.name == "Lap" and lap.node.children for lap in laps):
        return ()
    told = []
    for place, lap in enumerate(laps):
        if place + 1 < len(laps):
            end_ms = laps[place + 1].start_ms
        else:
            end_ms = max(lap.end_ms, int(recording.time_ms[-1]) if len(recording) else lap.end_ms)
        figures = _totals([lap.node], sport)
        told.append(
            Lap(
                start_time=moment(lap.start_ms, offset_s),
                elapsed_s=(end_ms - lap.start_ms) / 1000,
                timer_s=lap.timer_s,
                distance_m=figures["distance_m"],
                avg_heart_rate_bpm=figures["avg_heart_rate_bpm"],
                max_heart_rate_bpm=figures["max_heart_rate_bpm"],
                avg_power_w=figures["avg_power_w"],
                avg_cadence_rpm=figures["avg_cadence_rpm"],
                energy_kcal=figures["energy_kcal"],
                extra=_lap_extra(lap.node, figures),
            )
        )
    return tuple(told)


def _lap_extra(lap: Node, figures: dict[str, Any]) -> dict[str, Any]:
    words = {"intensity": lap.tell("Intensity"), "trigger": lap.tell("TriggerMethod"), "notes": lap.tell("Notes")}
    more = {name: figures[name] for name in ("max_speed_mps", "avg_speed_mps", "max_power_w", "max_cadence_rpm")}
    return _without_empty({**words, **more, "steps": _extension(lap, "Steps")})


# --- figures ----------------------------------------------------------------------------------------
def _totals(laps: Sequence[Node], sport: str) -> dict[str, Any]:
    """What laps tell of them all together."""
    feet = 2 if is_step_sport(sport) else 1
    times = [lap.number("TotalTimeSeconds") or 0 for lap in laps]
    run_cadence = _mean([_extension(lap, "AvgRunCadence") for lap in laps], times)
    cadence = _mean([_positive(lap.number("Cadence")) for lap in laps], times)
    most_run = _most(_extension(lap, "MaxRunCadence") for lap in laps)
    most_bike = _most(_extension(lap, "MaxBikeCadence") for lap in laps)
    heart_rates = [_positive(_heart_rate(lap, "AverageHeartRateBpm")) for lap in laps]
    return {
        "distance_m": _sum(_told(lap.number("DistanceMeters"), 1e8) for lap in laps),
        "energy_kcal": _sum(_told(lap.number("Calories"), 1e6) for lap in laps),
        "avg_heart_rate_bpm": _mean(heart_rates, times),
        "max_heart_rate_bpm": _most(_positive(_heart_rate(lap, "MaximumHeartRateBpm")) for lap in laps),
        "avg_power_w": _mean([_extension(lap, "AvgWatts") for lap in laps], times),
        "max_power_w": _most(_extension(lap, "MaxWatts") for lap in laps),
        "avg_cadence_rpm": _both_feet(run_cadence, 2) or _both_feet(cadence, feet),
        "max_cadence_rpm": _both_feet(most_run, 2) or _both_feet(most_bike, feet),
        "avg_speed_mps": _mean([_told(_extension(lap, "AvgSpeed"), 1000) for lap in laps], times) or None,
        "max_speed_mps": _most(_told(lap.number("MaximumSpeed"), 1000) for lap in laps) or None,
    }


def _heart_rate(lap: Node, name: str) -> float | None:
    told = lap.number(name, "Value")
    return lap.number(name) if told is None else told


def _extension(lap: Node, name: str) -> float | None:
    """A number of the lap's extensions, whatever the maker's element around it."""
    for extensions in lap.all("Extensions"):
        for node in extensions.walk():
            if node.name == name and (told := _told(node.number(), 1e6)) is not None:
                return told
    return None


def _both_feet(cadence: float | None, feet: int) -> float | None:
    # Some makers tell both feet already, and nobody's one foot is that quick.
    return None if cadence is None else round(cadence * (feet if cadence <= 120 else 1), 1)


def _told(value: float | None, most: float) -> float | None:
    return value if value is not None and 0 <= value <= most else None


def _positive(value: float | None) -> float | None:
    return value if value is not None and 0 < value <= 300 else None


def _sum(values: Iterable[float | None]) -> float | None:
    told = [value for value in values if value is not None]
    return round(sum(told), 3) if told else None


def _most(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def _mean(values: Sequence[float | None], weights: Sequence[float]) -> float | None:
    """The mean of those that are told, by the time of their laps."""
    told = [(value, weight) for value, weight in zip(values, weights, strict=True) if value is not None]
    if len(told) < 2:
        return told[0][0] if told else None
    total = sum(weight for _, weight in told)
    if total <= 0:
        return round(sum(value for value, _ in told) / len(told), 2)
    return round(sum(value * weight for value, weight in told) / total, 2)


def _distance_m(recording: Recording, points: Points) -> float | None:
    """What the device counted up to its last point, else the way from position to position."""
    counted = recording.told("distance")
    return float(counted.max()) if len(counted) else path_m(points)


# --- words ------------------------------------------------------------------------------------------
def _extra(node: Node) -> dict[str, Any]:
    creator = node.find("Creator")
    device: dict[str, Any] = {}
    if creator:
        version = creator.find("Version")
        parts = [version.tell(f"Version{part}") for part in ("Major", "Minor")] if version else []
        device = _without_empty(
            {
                "unit_id": creator.tell("UnitId"),
                "product_id": creator.tell("ProductID"),
                "version": ".".join(part for part in parts if part),
            }
        )
    return _without_empty(
        {
            "notes": node.tell("Notes"),
            "plan": _words(node.tell("Training", "Plan", "Name")),
            "id": node.tell("Id"),
            "creator": device,
        }
    )


def _without_empty(told: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if value not in (None, "", {})}


def _words(told: str) -> str:
    return " ".join(told.split())


def _time(told: str) -> tuple[int, int | None] | None:
    time = time_of(told) if told else None
    return time[:2] if time else None


def _numbered(efforts: Sequence[Sequence[ParsedActivity]], external_id: str) -> tuple[ParsedActivity, ...]:
    """All with their ids; the index of each leg's parent is that in the whole."""
    numbered: list[ParsedActivity] = []
    for place, effort in enumerate(efforts, start=1):
        whole = external_id if len(efforts) == 1 else f"{external_id}#{place}"
        parent = len(numbered)
        for leg, activity in enumerate(effort):
            own = whole if activity.parent is None else f"{whole}#{leg}"
            numbered.append(replace(activity, external_id=own, parent=None if activity.parent is None else parent))
    return tuple(numbered)


def _counted(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Each problem once, with how often it came."""
    counts: dict[str, int] = {}
    for problem in problems:
        counts[problem.message] = counts.get(problem.message, 0) + problem.count
    return tuple(Problem("", message, count) for message, count in counts.items())
