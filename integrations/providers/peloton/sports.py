"""Peloton's fitness disciplines -> our codes, by the words of the CSV and by the slugs of its own pages."""

from __future__ import annotations

from trainstack.sports import GENERIC

# As on a Peloton's own bike, tread or row; outdoors is told by the title only.
SPORTS: dict[str, str] = {
    "cycling": "cycling+stationary",
    "bike_bootcamp": "hiit",
    "running": "running+stationary",
    "walking": "walking+stationary",
    "outdoor": "running",
    "circuit": "hiit",
    "tread_bootcamp": "hiit",
    "bootcamp": "hiit",
    "caesar": "rowing+stationary",
    "rowing": "rowing+stationary",
    "caesar_bootcamp": "hiit",
    "row_bootcamp": "hiit",
    "cardio": "hiit",
    "strength": "strength",
    "stretching": "stretching",
    "yoga": "yoga",
    "pilates": "pilates",
    "meditation": "meditation",
}
_OUTDOORS = {"running+stationary": "running", "walking+stationary": "walking", "cycling+stationary": "cycling"}
# Words of titles that say more than the discipline.
_TITLES = (("boxing", "boxing"), ("dance", "dance"), ("pilates", "pilates"), ("hike", "walking.hiking"))


def sport_of(discipline: str, title: str = "", kind: str = "") -> str:
    """The sport's code; an unknown discipline is "generic"."""
    code = SPORTS.get("_".join(discipline.casefold().split()), GENERIC)
    words = f"{title} {kind}".casefold()
    if code in ("hiit", "strength", "walking+stationary"):
        code = next((better for word, better in _TITLES if word in words), code)
    return _OUTDOORS.get(code, code) if "outdoor" in words or "just run" in words else code
