"""What kind of thing a device or an app is, from the name that it gives itself in a file."""

from __future__ import annotations

import re

# The first that is found in the name, in lower case with accents taken off, decides.
_KINDS: tuple[tuple[str, str], ...] = (
    ("phone", r"iphone|\bipod|android|\bpixel \d|\bsm-[a-z]\d|\bgalaxy [as]\d|smartphone|\bphone\b"),
    ("ring", r"\bring\b|\boura\b|ringconn"),
    ("scale", r"\bscale\b|\bindex s\d|body\+|\baria\b"),
    (
        "band",
        r"vivosmart|vivofit|mi (smart )?band|smart band|\bband \d|\bcharge \d|\binspire\b|\bwhoop\b"
        r"|polar (loop|a3\d0)",
    ),
    (
        "computer",
        r"\bedge ?\d*\b|elemnt|\bbolt\b|\broam\b|hammerhead|\bkaroo\b|bryton|\brider ?\d|lezyne|\brox ?\d|cateye"
        r"|o[_ -]synce|magene|igpsport|xoss|coospo|polar (m4[56]0|v650)|coros dura|bike computer|\bjoule\b|powertap",
    ),
    (
        "watch",
        r"watch|forerunner|\bfr ?\d{2,3}|fenix|\bepix|instinct|vivoactive|vivomove|\bvenu\b|enduro|quatix|tactix"
        r"|descent|\bmarq\b|\bapproach s|\bswim ?2?$|\blily\b"
        r"|polar (v800|vantage|grit|ignite|pacer|unite|m[2346]\d0|rcx?\d|rs\d|ft\d)|suunto|ambit|spartan|traverse"
        r"|\bcoros\b|\bpace [23]|vertix|\bapex\b|amazfit|huami|zepp|\bionic\b|\bversa\b|fitbit (sense|blaze|surge)"
        r"|tomtom|\bspark\b|timex|wear ?os|honor magic|wahoo rival",
    ),
    (
        "app",
        r"connect|strava|komoot|zwift|trainerroad|runkeeper|runtastic|adidas|endomondo|mapmy|sports?tracker|sportractive"
        r"|opentracks|ridewithgps|gpsies|wikiloc|outdooractive|gpsbabel|visualizer|peloton|rouvy|mywhoosh|bkool|fulgaz"
        r"|tacx|systm|movescount|polar (beat|flow)|training center|trainingpeaks|locus|osmand|orux|geo tracker"
        r"|gpslogger|\bapp\b",
    ),
)
_ACCENTS = str.maketrans("áàâäéèêëíìîïīēóòôöúùûüç", "aaaaeeeeiiiiieoooouuuuc")


def device_kind(name: str) -> str:
    """Watch, band, ring, phone, scale, computer (of a bike) or app; unknown where the name does not show it."""
    plain = name.lower().translate(_ACCENTS)
    return next((kind for kind, words in _KINDS if re.search(words, plain)), "unknown")
