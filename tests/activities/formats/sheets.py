"""The sheets of shared/data: what the real files hold, as others measured it."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator, Mapping
from datetime import datetime

import pytest

from activities.domain.parsed import ParsedActivity
from tests.conftest import SHARED
from trainstack.sports import GENERIC, family

Row = Mapping[str, str]

# The words for sports that stand in the sheets -> family; None where another column tells it.
FAMILIES: dict[str, str | None] = {
    "9": "running",
    "Biking": "cycling",
    "Cycling": "cycling",
    "Run": "running",
    "Running": "running",
    "Walking": "walking",
    "cross_country_skiing": "xc_skiing",
    "cycling": "cycling",
    "diving": "diving",
    "fitness_equipment": None,
    "road_biking": "cycling",
    "rowing": "rowing",
    "running": "running",
    "stand_up_paddleboarding": "paddling",
    "swimming": "swimming",
    "training": None,
    "transition": "transition",
    "walking": "walking",
}
# Column of the sheet -> our field and how far it may be off: so much, or that share of it.
FIGURES = {
    "elapsed_s": ("elapsed_s", 1, 0),
    "timer_s": ("timer_s", 1, 0),
    "distance_m": ("distance_m", 0.01, 0.005),
    "avg_hr": ("avg_heart_rate_bpm", 1, 0),
    "max_hr": ("max_heart_rate_bpm", 1, 0),
    "avg_power": ("avg_power_w", 1, 0),
    "calories": ("energy_kcal", 1, 0),
}


def files_of(kind: str) -> list[object]:
    """The rows of the manifest of this kind, each a parameter by its path; one that skips where there is no sheet."""
    if not (SHARED / "data" / "MANIFEST.csv").is_file():
        return [pytest.param({}, marks=pytest.mark.skip("the folder shared/ is not here"), id="none")]
    return [pytest.param(row, id=row["path"]) for row in _rows("MANIFEST.csv") if row["kind"] == kind]


def bytes_of(row: Row) -> bytes:
    """The file, unpacked."""
    data = (SHARED / "data" / row["path"]).read_bytes()
    return gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data


def sessions_of(row: Row) -> list[Row]:
    """What the file's activities tell, those that can be told when: the others are plans or empty."""
    return [
        session
        for session in _rows("SESSIONS.csv")
        if session["path"] == row["path"] and (session["start_time"] or session["timer_s"])
    ]


def differences(session: Row, activity: ParsedActivity, *, sport: str | None = None) -> dict[str, object]:
    """Where the activity is not what the sheet says, by column, as ours and theirs; `sport` in place of the sheet's."""
    found: dict[str, object] = {}
    start = datetime.fromisoformat(session["start_time"])
    if abs((activity.start_time - start).total_seconds()) >= 1:
        found["start_time"] = (activity.start_time, start)
    wanted = sport or FAMILIES.get(session["sport"], GENERIC)
    if wanted and family(activity.sport) != wanted:
        found["sport"] = (activity.sport, wanted)
    for column, (name, absolute, share) in FIGURES.items():
        if not session[column]:
            continue
        ours, theirs = getattr(activity, name), float(session[column])
        if ours is None or abs(ours - theirs) > max(absolute, share * theirs):
            found[column] = (ours, theirs)
    return found


def _rows(name: str) -> Iterator[Row]:
    with (SHARED / "data" / name).open(newline="", encoding="utf-8") as sheet:
        yield from csv.DictReader(sheet)
