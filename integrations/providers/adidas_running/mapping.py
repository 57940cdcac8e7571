"""adidas Running (Runtastic): sessions of its two generations, with the files of points that lie beside them.

The reader puts the files of one session together: `{"session", "gps", "gpx", "heart_rate", "elevation"}`. Sessions with
`features` are the newer ones: m/s instead of km/h, and numbers that may be texts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from activities.domain.parsed import Parsed, ParsedActivity, Problem, Stream
from activities.formats.devices import device_kind
from activities.formats.errors import Unreadable
from activities.formats.gpx_file import parse_gpx_file
from integrations.errors import UnexpectedPayload
from integrations.providers.adidas_running.sports import sport_of
from integrations.told import (
    aware,
    entries,
    first,
    mapping,
    moment_ms,
    number,
    object_of,
    offset_at,
    positions,
    positive,
    rest,
    scaled,
    streams_of,
    text,
    zone_of_offset,
)

PROVIDER = "adidas_running"

_KMH_MPS = 1 / 3.6
# Points that are worse than this are anywhere.
WORST_ACCURACY_M = 100
# Heart rates may begin a little early and end a little late.
SLACK_S = 60

_PLACED = {
    "id", "start_time", "end_time", "start_time_timezone_offset", "end_time_timezone_offset",
    "user_perceived_start_time", "user_perceived_end_time", "sport_type_id", "distance", "duration", "elevation_gain",
    "elevation_loss", "average_speed", "max_speed", "calories", "pulse_avg", "pulse_max", "avg_cadence",
    "max_cadence", "features", "latitude", "longitude", "version", "user_id", "created_at", "updated_at", "completed",
    "live_tracking_active", "live_tracking_enabled", "cheering_enabled",
}  # fmt: skip
# Features of which nothing is left once their figures are placed.
_PLACED_FEATURES = {"initial_values", "map", "origin"}


def parse_session(data: bytes, external_id: str) -> Parsed:
    """One session with its points. Raises UnexpectedPayload where it does not say when it began."""
    told = object_of(data)
    session = mapping(told.get("session"))
    offset = scaled(session.get("start_time_timezone_offset"), 0.001)
    start = moment_ms(session.get("start_time"), zone_of_offset(offset))
    if start is None:
        raise UnexpectedPayload(f"The session has no start that can be read: {session.get('start_time')!r}.")
    end = moment_ms(session.get("end_time"))
    elapsed = (end - start).total_seconds() if end is not None and end >= start else None
    is_new = isinstance(session.get("features"), list)
    figures = _new(session) if is_new else _old(session)
    problems: list[Problem] = []
    streams = _streams(told, start, elapsed, problems)
    manual = session.get("manual") is True or text(session.get("tracking_method")) == "manual"
    effort = ParsedActivity(
        external_id=external_id,
        sport=sport_of(session.get("sport_type_id"), indoor=session.get("indoor") is True),
        start_time=start,
        provider=PROVIDER,
        provider_type=text(session.get("sport_type_id")),
        utc_offset_s=None if offset is None else offset_at(start),
        elapsed_s=elapsed,
        timer_s=scaled(session.get("duration"), 0.001, only_positive=True),
        energy_kcal=positive(session.get("calories")),
        device_kind=device_kind(figures["device"]) if figures["device"] and not manual else "app",
        source_name="adidas Running",
        streams=streams,
        **figures,
    )
    return Parsed(activities=(effort,), problems=tuple(problems))


def _old(session: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "distance_m": _distance(session.get("distance")),
        "elevation_gain_m": number(session.get("elevation_gain")),
        "elevation_loss_m": number(session.get("elevation_loss")),
        "avg_heart_rate_bpm": positive(session.get("pulse_avg")),
        "max_heart_rate_bpm": positive(session.get("pulse_max")),
        "avg_cadence_rpm": positive(session.get("avg_cadence")),
        "max_cadence_rpm": positive(session.get("max_cadence")),
        "avg_speed_mps": scaled(session.get("average_speed"), _KMH_MPS, only_positive=True),
        "max_speed_mps": scaled(session.get("max_speed"), _KMH_MPS, only_positive=True),
        "device": "",
        "extra": rest(session, _PLACED),
    }


def _new(session: Mapping[str, Any]) -> dict[str, Any]:
    features = {text(row.get("type")): mapping(row.get("attributes")) for row in entries(session.get("features"))}
    track, pulse, steps = (features.get(name, {}) for name in ("track_metrics", "heart_rate", "steps"))
    device = mapping(features.get("origin", {}).get("device"))
    kept = {name: rest(told, ()) for name, told in features.items() if name not in _PLACED_FEATURES and told}
    return {
        "distance_m": first(
            _distance(track.get("distance")), _distance(features.get("initial_values", {}).get("distance"))
        ),
        "elevation_gain_m": number(track.get("elevation_gain")),
        "elevation_loss_m": number(track.get("elevation_loss")),
        "avg_heart_rate_bpm": positive(pulse.get("average")),
        "max_heart_rate_bpm": positive(pulse.get("maximum")),
        "avg_cadence_rpm": positive(steps.get("average_step_rate")),
        "max_cadence_rpm": positive(steps.get("maximum_step_rate")),
        "avg_speed_mps": positive(track.get("average_speed")),
        "max_speed_mps": positive(track.get("max_speed")),
        "device": " ".join(filter(None, (text(device.get("vendor")), text(device.get("name"))))),
        "extra": {**rest(session, _PLACED), **({"features": kept} if kept else {})},
    }


def _distance(told: object) -> float | None:
    """Metres; push-ups and the like have none and say 0."""
    return positive(told)


def _streams(
    told: Mapping[str, Any], start: datetime, elapsed: float | None, problems: list[Problem]
) -> dict[str, Stream]:
    rows = {name: _rows(told, name, problems) for name in ("gps", "heart_rate", "elevation")}
    last = None if elapsed is None else elapsed + SLACK_S

    def at(row: Mapping[str, Any]) -> float | None:
        moment = aware(_iso(row.get("timestamp")))
        if moment is None:
            return scaled(row.get("duration"), 0.001)
        seconds = (moment - start).total_seconds()
        return seconds if seconds >= -SLACK_S and (last is None or seconds <= last) else None

    gps = [(at(row), row) for row in rows["gps"] if (number(row.get("accuracy_h")) or 0) <= WORST_ACCURACY_M]
    beats = [(at(row), positive(row.get("heart_rate"))) for row in rows["heart_rate"]]
    heights = [(at(row), number(row.get("elevation"))) for row in rows["elevation"]]
    track = positions((time, number(row.get("latitude")), number(row.get("longitude"))) for time, row in gps)
    streams = {
        **track,
        **streams_of(
            {
                "altitude": heights or [(time, number(row.get("altitude"))) for time, row in gps],
                "speed": [(time, scaled(row.get("speed"), _KMH_MPS)) for time, row in gps],
                "distance": [(time, number(row.get("distance"))) for time, row in gps],
                "heart_rate": beats,
            }
        ),
    }
    return {**_gpx(told, start, problems), **streams}


def _rows(told: Mapping[str, Any], name: str, problems: list[Problem]) -> list[dict[str, Any]]:
    if name in told and not isinstance(told[name], list):
        problems.append(Problem("", f"Its {name.replace('_', ' ')} file cannot be read."))
    return entries(told.get(name))


def _gpx(told: Mapping[str, Any], start: datetime, problems: list[Problem]) -> dict[str, Stream]:
    """The streams of the GPX file beside a newer session, in the session's own time."""
    if not isinstance(told.get("gpx"), str):
        return {}
    try:
        parsed = parse_gpx_file(told["gpx"].encode(), "")
    except Unreadable as error:
        problems.append(Problem("", f"Its GPX file cannot be read: {error}"))
        return {}
    return dict(_shifted(parsed.activities[0], start)) if parsed.activities else {}


def _shifted(track: ParsedActivity, start: datetime) -> Iterator[tuple[str, Stream]]:
    shift = (track.start_time - start).total_seconds()
    for name, stream in track.streams.items():
        yield name, Stream(stream.time_s + shift, stream.values)


def _iso(told: object) -> str:
    """2018-09-01 11:28:34 +0200 -> 2018-09-01 11:28:34+0200."""
    return text(told).replace(" +", "+").replace(" -", "-")
