"""Who made a file, as the file itself tells it, and whose provider that is.

A FIT file names its manufacturer, TCX and GPX the device or app in free words. Makers that are no provider here
(Bryton, Hammerhead, Sigma, TomTom, ...) have no line: their files belong to whom the athlete chose, else to "file". So
do single routes out of an Apple export, whose workouts are told elsewhere.
"""

from __future__ import annotations

import re

# FIT manufacturer -> provider.
MANUFACTURERS: dict[str, str] = {
    "garmin": "garmin",
    "garmin_fr405_antfs": "garmin",
    "dynastream": "garmin",
    "dynastream_oem": "garmin",
    "tacx": "garmin",
    "firstbeat": "garmin",
    "wahoo_fitness": "wahoo",
    "zwift": "zwift",
    "zwift_byte": "zwift",
    "coros": "coros",
    "coros_byte": "coros",
    "suunto": "suunto",
    "polar_electro": "polar",
    "peloton": "peloton",
    "strava": "strava",
    "fitbit": "fitbit",
    "samsung": "samsung_health",
    "komoot": "komoot",
    "runtastic": "adidas_running",
}

# Words of TCX and GPX creators -> provider, the first that is found. Whole words, in any case: "Edge" is a Garmin,
# "Wedge" is not.
_WORDS: tuple[tuple[str, str], ...] = (
    (r"zwift", "zwift"),
    (r"strava(gpx)?(\.com)?", "strava"),
    (r"komoot(\.\w+)?", "komoot"),
    (r"(www\.)?runtastic(\.com)?|adidas", "adidas_running"),
    (r"wahoo|elemnt|kickr", "wahoo"),
    (r"coros", "coros"),
    (r"suunto|movescount", "suunto"),
    (r"polar", "polar"),
    (r"fitbit|pixel watch", "fitbit"),
    (r"samsung|galaxy watch\w*", "samsung_health"),
    (r"peloton", "peloton"),
    (r"training ?peaks", "trainingpeaks"),
    (
        r"garmin|forerunner|f[eē]nix|epix|edge|v[ií]vo\w+|instinct|venu|enduro|tactix|descent|fr\d{2,3}\w*",
        "garmin",
    ),
)
_CREATORS = tuple((re.compile(rf"(?<![a-z])(?:{words})(?![a-z])", re.IGNORECASE), slug) for words, slug in _WORDS)

SLUGS: frozenset[str] = frozenset(MANUFACTURERS.values()) | {slug for _, slug in _WORDS}


def provider_of(kind: str, creator: str) -> str:
    """The slug of the creator's provider; empty where there is none."""
    if kind == "fit":
        return MANUFACTURERS.get(creator, "")
    return next((slug for words, slug in _CREATORS if words.search(creator)), "")
