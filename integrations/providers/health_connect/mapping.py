"""Sessions of Health Connect's exported database: exercises and sleeps, as the reader takes them from its tables.

A session carries neither distance nor energy: the reader puts beside it what the same app told of the same stretch.
Times are milliseconds since 1970, offsets seconds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from activities.domain.parsed import Lap, Parsed, ParsedActivity
from activities.domain.sleep import ParsedSleep
from integrations.errors import UnexpectedPayload
from integrations.providers.health_connect.sports import sport_of
from integrations.told import (
    entries,
    epoch_ms,
    mapping,
    moment_ms,
    number,
    object_of,
    offset_at,
    positions,
    positive,
    scaled,
    streams_of,
    text,
    whole,
    zone_of_offset,
)

PROVIDER = "health_connect"

# `stage_type` -> our stages; 0 is not known and 3 is out of bed.
STAGES: dict[str, str] = {
    "1": "awake",
    "2": "asleep",
    "3": "awake",
    "4": "light",
    "5": "deep",
    "6": "rem",
    "7": "awake",
}
# `device_type` -> ours.
DEVICE_KINDS: dict[int, str] = {1: "watch", 2: "phone", 3: "scale", 4: "ring", 6: "band"}
# Small calories, as the database counts them.
CALORIES_KCAL = 0.001
_RECORDING = {0: "unknown", 1: "active", 2: "automatic", 3: "manual"}


def told_by(app: Mapping[str, Any], device: Mapping[str, Any]) -> str:
    """What an app on a device is known by. Two apps tell the same steps of one watch twice, so they are two."""
    told = (app.get("package_name") or "Health Connect", device.get("manufacturer"), device.get("model"))
    return " ".join(" ".join(map(text, told)).split())[:200]


def parse_exercise(data: bytes, external_id: str) -> Parsed:
    """One session with its laps, segments and route, its app and device, and the sums of distance, energy and climb."""
    told = object_of(data)
    session = mapping(told.get("session"))
    start, end = _span(session)
    device = mapping(told.get("device"))
    name = " ".join(filter(None, (text(device.get("manufacturer")), text(device.get("model")))))
    code = whole(session.get("exercise_type"))
    method = _RECORDING.get(whole(session.get("recording_method")) or 0, "unknown")
    route = entries(told.get("route"))
    begin = epoch_ms(start)

    def at(row: Mapping[str, Any]) -> float | None:
        moment = number(row.get("time"))
        return None if moment is None else (moment - begin) / 1000

    places = [(at(row), row) for row in route]
    track = positions((time, number(row.get("latitude")), number(row.get("longitude"))) for time, row in places)
    heights = [(time, number(row.get("altitude"))) for time, row in places] if track else []
    effort = ParsedActivity(
        external_id=external_id,
        sport=sport_of(code),
        start_time=start,
        provider=PROVIDER,
        provider_type=text(session.get("exercise_type")),
        name=text(session.get("title")),
        utc_offset_s=None if session.get("start_zone_offset") is None else offset_at(start),
        elapsed_s=(end - start).total_seconds(),
        distance_m=positive(told.get("distance")),
        elevation_gain_m=number(told.get("climb")),
        energy_kcal=scaled(told.get("total"), CALORIES_KCAL, only_positive=True),
        active_energy_kcal=scaled(told.get("active"), CALORIES_KCAL, only_positive=True),
        device=name,
        device_kind=DEVICE_KINDS.get(whole(device.get("device_type")) or 0, "unknown"),
        # The streams come from the samples of the same app and device.
        source_name=told_by(mapping(told.get("app")), device),
        laps=tuple(_laps(told, start)),
        streams={**track, **streams_of({"altitude": heights})},
        extra={
            key: value
            for key, value in {
                "notes": text(session.get("notes")),
                "app": text(mapping(told.get("app")).get("app_name")),
                "recording_method": method if method != "unknown" else "",
                "segments": entries(told.get("segments")),
            }.items()
            if value
        },
    )
    return Parsed(activities=(effort,))


def _span(session: Mapping[str, Any]) -> tuple[datetime, datetime]:
    zone = zone_of_offset(number(session.get("start_zone_offset")))
    start = moment_ms(session.get("start_time"), zone)
    ends_in = number(session.get("end_zone_offset"))
    end = moment_ms(session.get("end_time"), zone if ends_in is None else zone_of_offset(ends_in))
    if start is None or end is None or end <= start:
        raise UnexpectedPayload("The session tells no start and end that can be read.")
    return start, end


def _laps(told: Mapping[str, Any], start: datetime) -> Iterator[Lap]:
    for row in entries(told.get("laps")):
        begin = moment_ms(row.get("start"), start.tzinfo or zone_of_offset(None))
        end = moment_ms(row.get("end"))
        if begin is not None and end is not None and end > begin:
            yield Lap(begin, (end - begin).total_seconds(), distance_m=positive(row.get("length")))


def parse_sleep(data: bytes, external_id: str) -> Parsed:
    """One sleep: {"session", "app", "stages"}. Stages need not cover it, and may be missing."""
    told = object_of(data)
    session = mapping(told.get("session"))
    start, end = _span(session)
    begin, length = epoch_ms(start), (end - start).total_seconds()
    pieces: list[tuple[float, float, str]] = []
    for row in sorted(entries(told.get("stages")), key=lambda it: number(it.get("start")) or 0):
        first, last = number(row.get("start")), number(row.get("end"))
        stage = STAGES.get(text(row.get("type")))
        if first is None or last is None or not stage:
            continue
        reach = pieces[-1][0] + pieces[-1][1] if pieces else 0.0
        since, until = max((first - begin) / 1000, reach), min((last - begin) / 1000, length)
        if until > since:
            pieces.append((since, until - since, stage))
    totals: dict[str, float] = defaultdict(float)
    for _, seconds, stage in pieces:
        totals[stage] += seconds
    fine = bool(totals.keys() & {"light", "deep", "rem"})
    has_slept = fine or "asleep" in totals
    asleep = sum(totals[stage] for stage in ("asleep", "light", "deep", "rem"))

    def total(stage: str, is_told: bool) -> float | None:
        return round(totals[stage], 3) if is_told else None

    sleep = ParsedSleep(
        start_time=start,
        end_time=end,
        utc_offset_s=offset_at(start),
        date=end.date(),
        stages=tuple(pieces),
        in_bed_s=length,
        asleep_s=round(asleep, 3) if has_slept else None,
        awake_s=total("awake", bool(pieces)),
        light_s=total("light", fine),
        deep_s=total("deep", fine),
        rem_s=total("rem", fine),
        efficiency_ratio=round(asleep / length, 6) if has_slept else None,
        external_id=external_id,
    )
    return Parsed(sleeps=(sleep,))
