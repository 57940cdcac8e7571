"""Oura's activities and moments -> our codes."""

from __future__ import annotations

import re

from trainstack.sports import GENERIC

# A free text: these are the ones that have been seen, in today's spelling.
SPORTS: dict[str, str] = {
    "running": "running",
    "trail_running": "running.trail",
    "walking": "walking",
    "hiking": "walking.hiking",
    "nordic_walking": "walking",
    "treadmill": "running+stationary",
    "cycling": "cycling",
    "mountain_biking": "cycling.mountain",
    "indoor_cycling": "cycling+stationary",
    "swimming": "swimming",
    "rowing": "rowing",
    "kayaking": "paddling.kayak",
    "stand_up_paddling": "paddling.sup",
    "surfing": "surfing",
    "sailing": "sailing",
    "water_polo": "water_polo",
    "strength_training": "strength",
    "weightlifting": "strength",
    "functional_training": "strength.functional",
    "hiit": "hiit",
    "cross_training": "hiit.cross_training",
    "circuit_training": "hiit",
    "core_exercise": "strength.core",
    "elliptical": "elliptical",
    "stair_climbing": "stair_climbing",
    "jump_rope": "jump_rope",
    "yoga": "yoga",
    "pilates": "pilates",
    "stretching": "stretching",
    "meditation": "meditation",
    "breathwork": "meditation",
    "skiing": "alpine_skiing",
    "downhill_skiing": "alpine_skiing",
    "cross_country_skiing": "xc_skiing",
    "snowboarding": "snowboarding",
    "ice_skating": "skating.ice",
    "soccer": "soccer",
    "basketball": "basketball",
    "volleyball": "volleyball",
    "baseball": "baseball",
    "rugby": "rugby",
    "cricket": "cricket",
    "handball": "handball",
    "lacrosse": "lacrosse",
    "american_football": "american_football",
    "ice_hockey": "hockey",
    "field_hockey": "hockey",
    "tennis": "tennis",
    "squash": "squash",
    "badminton": "badminton",
    "table_tennis": "table_tennis",
    "pickleball": "pickleball",
    "padel": "padel",
    "boxing": "boxing",
    "martial_arts": "martial_arts",
    "wrestling": "martial_arts.wrestling",
    "rock_climbing": "climbing",
    "climbing": "climbing",
    "golf": "golf",
    "inline_skating": "skating.inline",
    "skateboarding": "skating",
    "horseback_riding": "horseback_riding",
    "dancing": "dance",
    "dance": "dance",
    "group_exercise": "cardio",
    "aerobics": "aerobics",
    "gymnastics": "gymnastics",
    "triathlon": "multisport.triathlon",
    "housework": GENERIC,
    "house_work": GENERIC,
    "yardwork": GENERIC,
    "other": GENERIC,
    "activity": GENERIC,
    "workout": GENERIC,
    "rest": "recovery",
    "recovery": "recovery",
}

# Types of sessions in the app.
SESSIONS: dict[str, str] = {
    "breathing": "meditation",
    "meditation": "meditation",
    "nap": "recovery",
    "relaxation": "recovery",
    "rest": "recovery",
    "body_status": "recovery",
}

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NO_LETTER = re.compile(r"[^a-z0-9]+")


def sport_of(activity: str) -> str:
    """The activity's code; an unknown one is "generic"."""
    return SPORTS.get(name_of(activity), GENERIC)


def name_of(activity: str) -> str:
    """`houseWork`, `HIIT`, `Cross-country skiing` -> the name in today's spelling."""
    return _NO_LETTER.sub("_", _HUMP.sub("_", activity.strip()).lower()).strip("_")
