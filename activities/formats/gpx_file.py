"""GPX 1.0 and 1.1 of all makers -> activities: each track with times is one; routes and tracks without are plans.

A GPX file tells points and hardly a figure. Elapsed is from the first to the last time. The distance is the device's
where the points, the laps or a track's statistics carry it, else the way from position to position by the haversine
formula, within each segment, standing still included; climb, averages and greatest values come from the points too.
`extra["computed"]` names what was computed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from html import unescape
from itertools import pairwise
from typing import Any

from activities.domain.parsed import COMPUTED, Lap, Parsed, ParsedActivity, Pause, Problem
from activities.formats.devices import device_kind
from activities.formats.errors import Unreadable
from activities.formats.recording import Recording, completed, moment, path_m, recording_of
from activities.formats.sport_words import sport_of_word
from activities.formats.xml_points import Dialect, Node, Points, Reading, time_of
from activities.formats.xml_text import plain_text
from trainstack.sports import is_step_sport

ROOT = b"gpx"
DIALECT = Dialect(
    track="trkseg",
    point="trkpt",
    time="time",
    columns={
        "ele": "altitude",
        "speed": "speed",
        "distance": "distance",
        "hr": "heart_rate",
        "heartrate": "heart_rate",
        "heart_rate": "heart_rate",
        "cad": "cadence",
        "cadence": "cadence",
        "runcadence": "run_cadence",
        "power": "power",
        "powerinwatts": "power",
        "watts": "power",
        "atemp": "temperature",
        "temp": "temperature",
        "temperature": "temperature",
    },
    wanted=frozenset({"trk", "rte", "wpt", "metadata", "extensions"}),
    never_nested=frozenset({"trk", "trkseg", "trkpt", "rte", "rtept", "wpt", "metadata"}),
    foreign=(b"trk>", b"rte>", b"gpx>"),
    dropped=frozenset({"rtept"}),
    positions=True,
)
_END = re.compile(rb"</(?:[\w.\-]+:)?gpx\s*>")
_CREATOR = re.compile(r"\s(?:[\w.\-]+:)?creator\s*=\s*(\"[^\"<]*\"|'[^'<]*')")
_HEAD_BYTES = 1 << 14
# Device kinds of which the creator's name is that of a device, and not of a program.
_DEVICES = frozenset({"watch", "computer", "phone", "band"})
_HANDHELD = re.compile(r"etrex|gpsmap|oregon|montana|dakota|rino|colorado|\bmonterra", re.IGNORECASE)


def parse_gpx_file(data: bytes, external_id: str) -> Parsed:
    """The file's tracks that tell times; none for a course. Raises Unreadable where it is no GPX file."""
    text = plain_text(data, ROOT)
    if text is None:
        raise Unreadable("This is not a GPX file: it has no gpx element.")
    reading = Reading(text, DIALECT)
    creator = _creator_of(text)
    problems: list[Problem] = []
    tracks: list[Node] = []
    file_name, laps = "", []
    activities: list[ParsedActivity] = []
    timeless = routes = places = 0
    for node in reading.elements():
        if node.name == "trk":
            tracks.append(node)
            activity = _activity(node, reading, creator, problems)
            if activity:
                activities.append(activity)
            else:
                timeless += any(track.runs for track in node.all("trkseg"))
        elif node.name == "metadata":
            file_name = file_name or _words(node.tell("name"))
        elif node.name == "extensions":
            laps += [each for each in node.walk() if each.name == "lap"]
        elif node.name == "rte":
            routes += 1
        else:
            places += 1
    if len(activities) == 1:
        activities = [_with_laps(_named(activities[0], file_name), laps)]
    problems += _what_is_kept(timeless, routes, places, bool(activities))
    if reading.overfull:
        problems.append(Problem("", "The file has more elements than can be read; some were left out."))
    if not _END.search(text, max(len(text) - 4096, 0)) and not re.match(rb"<[^<>]*/>", text):
        problems.append(Problem("", "The file is cut off; what was recorded before that was read."))
    ids = [external_id] if len(activities) == 1 else [f"{external_id}#{n}" for n in range(1, len(activities) + 1)]
    return Parsed(
        tuple(replace(activity, external_id=own) for activity, own in zip(activities, ids, strict=True)),
        problems=tuple(problems),
    )


def gpx_creator(data: bytes) -> str:
    """The program or device that wrote the file, as its root element tells it; empty where it does not."""
    text = plain_text(data[:_HEAD_BYTES], ROOT)
    return _creator_of(text) if text else ""


def _creator_of(text: bytes) -> str:
    found = _CREATOR.search(text[: text.find(b">") + 1].decode("utf-8", "replace"))
    return _words(unescape(found.group(1)[1:-1])) if found else ""


def _what_is_kept(timeless: int, routes: int, places: int, is_activity: bool) -> list[Problem]:
    """What of the file is no activity."""
    problems = []
    if timeless:
        problems.append(
            Problem("", "A track without times is a course and no activity; it is kept as it came.", timeless)
        )
    if routes and not is_activity:
        problems.append(Problem("", "A planned route is no activity; it is kept as it came.", routes))
    if places and not (is_activity or timeless or routes):
        problems.append(Problem("", "The file holds places and no track; it is kept as it came.", places))
    if not (is_activity or timeless or routes or places):
        problems.append(Problem("", "The file holds no track."))
    return problems


# --- tracks -----------------------------------------------------------------------------------------
def _activity(track: Node, reading: Reading, creator: str, problems: list[Problem]) -> ParsedActivity | None:
    """One track; None where no point tells a time."""
    segments = [reading.points(segment) for segment in track.all("trkseg")]
    if any(track.runs):
        segments.append(reading.points(track))  # points that stand outside of any segment
    points = Points.joined(segments)
    recording = recording_of(points)
    if not len(recording):
        return None
    problems += recording.problems()
    if points.zoneless:
        problems.append(Problem("", "The times name no time zone; they were read as UTC."))
    provider_type = _words(track.tell("type")) or _named_type(track, creator)
    sport = sport_of_word(provider_type, creator)
    start_ms, end_ms = int(recording.time_ms[0]), int(recording.time_ms[-1])
    kind = device_kind(creator)
    told = _statistics(track)
    parts = [(segment, recording_of(segment, start_ms)) for segment in segments]
    activity = ParsedActivity(
        external_id="",
        sport=sport,
        start_time=moment(start_ms, points.offset_s),
        provider_type=provider_type,
        name=_words(track.tell("name")),
        utc_offset_s=points.offset_s,
        elapsed_s=(end_ms - start_ms) / 1000,
        device=creator if kind in _DEVICES or _HANDHELD.search(creator) else "",
        device_kind=kind if creator else "unknown",
        source_name=creator,
        laps=_segments(parts, points.offset_s),
        pauses=_pauses([part for _, part in parts if len(part)], points.offset_s),
        streams=recording.streams(start_ms, sport),
        extra=_extra(track),
    )
    return completed(replace(activity, **told), recording, _distance_m(recording, segments))


def _named_type(track: Node, creator: str) -> str:
    """Runkeeper tells the sport at the beginning of the name only: "Running 8/31/19 12:35 pm"."""
    found = re.match(r"([^\W\d]+(?: [^\W\d]+)*) \d", _words(track.tell("name")))
    return found.group(1) if found and "runkeeper" in creator.lower() else ""


def _statistics(track: Node) -> dict[str, Any]:
    """What Garmin's TrackStatsExtension tells of the whole track."""
    found = next((node for node in track.walk() if node.name == "TrackStatsExtension"), None)
    told: dict[str, Any] = {}
    if found:
        for name, element in (
            ("distance_m", "Distance"),
            ("timer_s", "TimerTime"),
            ("moving_s", "MovingTime"),
            ("max_speed_mps", "MaxSpeed"),
            ("elevation_gain_m", "Ascent"),
            ("elevation_loss_m", "Descent"),
            ("energy_kcal", "Calories"),
        ):
            value = found.number(element)
            if value is not None and 0 <= value < 1e8:
                told[name] = value
    return told


def _distance_m(recording: Recording, segments: Sequence[Points]) -> float | None:
    """What the device counted up to its last point, else the way from position to position within the segments."""
    counted = recording.told("distance")
    if len(counted):
        return float(counted.max())
    ways = [way for way in map(path_m, segments) if way is not None]
    return sum(ways) if ways else None


def _segments(parts: Sequence[tuple[Points, Recording]], offset_s: int | None) -> tuple[Lap, ...]:
    """The track's segments, where it has several."""
    told = [(points, part) for points, part in parts if len(part)]
    if len(told) < 2:
        return ()
    laps: list[Lap] = []
    for points, part in sorted(told, key=lambda each: int(each[1].time_ms[0])):
        way = path_m(points)
        beats = part.told("heart_rate")
        laps.append(
            Lap(
                start_time=moment(int(part.time_ms[0]), offset_s),
                elapsed_s=int(part.time_ms[-1] - part.time_ms[0]) / 1000,
                kind="segment",
                distance_m=None if way is None else round(way, 1),
                avg_heart_rate_bpm=round(float(beats.mean()), 1) if len(beats) else None,
                max_heart_rate_bpm=float(beats.max()) if len(beats) else None,
            )
        )
    return tuple(laps)


def _pauses(parts: Sequence[Recording], offset_s: int | None) -> tuple[Pause, ...]:
    """Where one segment ends and the next begins later: the recording stood, or nothing could be received."""
    stretches = sorted((int(part.time_ms[0]), int(part.time_ms[-1])) for part in parts)
    return tuple(
        Pause(moment(end, offset_s), (begin - end) / 1000)
        for (_, end), (begin, _) in pairwise(stretches)
        if begin - end > 1500
    )


# --- what stands around the tracks ------------------------------------------------------------------
def _named(activity: ParsedActivity, file_name: str) -> ParsedActivity:
    return activity if activity.name or not file_name else replace(activity, name=file_name)


def _with_laps(activity: ParsedActivity, laps: Sequence[Node]) -> ParsedActivity:
    """The activity with the laps that the file tells after its tracks (the element `lap` of gpxdata)."""
    told: list[Lap] = []
    for lap in laps:
        begin, elapsed_s = time_of(lap.tell("startTime")), lap.number("elapsedTime")
        if begin is None or elapsed_s is None or not 0 <= elapsed_s < 1e8:
            continue
        summaries = {each.attributes.get("name", ""): each.number() for each in lap.all("summary")}
        trigger = lap.find("trigger")
        feet = 2 if is_step_sport(activity.sport) else 1
        cadence = summaries.get("AverageCadence")
        extra = {
            "intensity": lap.tell("intensity"),
            "trigger": trigger.attributes.get("kind", "") if trigger else "",
            "max_speed_mps": summaries.get("MaximumSpeed"),
        }
        told.append(
            Lap(
                start_time=moment(begin[0], begin[1]),
                elapsed_s=elapsed_s,
                timer_s=elapsed_s,
                distance_m=lap.number("distance"),
                avg_heart_rate_bpm=summaries.get("AverageHeartRateBpm") or None,
                max_heart_rate_bpm=summaries.get("MaximumHeartRateBpm") or None,
                avg_cadence_rpm=None if cadence is None else cadence * feet,
                energy_kcal=lap.number("calories"),
                extra={name: value for name, value in extra.items() if value not in (None, "")},
            )
        )
    if not told:
        return activity
    return replace(activity, laps=tuple(sorted(told, key=lambda lap: lap.start_time)), **_totals(activity, told))


def _totals(activity: ParsedActivity, laps: Sequence[Lap]) -> dict[str, Any]:
    """What the laps tell of the whole, in place of what was computed; nothing where a lap does not tell it."""
    figures: dict[str, Any] = {"timer_s": round(sum(lap.elapsed_s for lap in laps), 3)}
    for name in ("distance_m", "energy_kcal"):
        values = [getattr(lap, name) for lap in laps]
        if None not in values:
            figures[name] = round(sum(values), 3)
    beats = [(lap.avg_heart_rate_bpm, lap.elapsed_s) for lap in laps if lap.avg_heart_rate_bpm is not None]
    weight = sum(elapsed_s for _, elapsed_s in beats)
    if len(beats) == len(laps) and weight > 0:
        figures["avg_heart_rate_bpm"] = round(sum(beat * elapsed_s for beat, elapsed_s in beats) / weight, 2)
    greatest = [lap.max_heart_rate_bpm for lap in laps]
    if None not in greatest:
        figures["max_heart_rate_bpm"] = max(beat for beat in greatest if beat is not None)
    computed = [name for name in activity.extra.get(COMPUTED, ()) if name not in figures]
    extra = {name: value for name, value in activity.extra.items() if name != COMPUTED}
    figures["extra"] = {**extra, COMPUTED: computed} if computed else extra
    return figures


def _extra(track: Node) -> dict[str, Any]:
    link = track.find("link")
    told = {
        "description": _words(track.tell("desc")),
        "comment": _words(track.tell("cmt")),
        "source": _words(track.tell("src")),
        "link": link.attributes.get("href", "") if link else "",
    }
    return {name: value for name, value in told.items() if value}


def _words(told: str) -> str:
    return " ".join(told.split())
