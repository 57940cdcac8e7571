"""The canonical sports: codes of Open Sport Taxonomy, extended in the same grammar for what it lacks.

A code is a sport, dots for its disciplines, plus signs for what qualifies it: `running.trail`,
`cycling+stationary+virtual`, `strength.core`. Codes that are not listed here are allowed and get a label too.
"""

from __future__ import annotations

from open_sport_taxonomy import Sport

GENERIC = "generic"
TRANSITION = "transition"

# What the taxonomy lacks. A dot only where two sources may well tell one effort by either word: what stands before it
# is the family by which records of one effort find each other.
_OWN: dict[str, str] = {
    "aerobics": "aerobics",
    "american_football": "American football",
    "aqua_fitness": "aqua fitness",
    "archery": "archery",
    "australian_football": "Australian football",
    "badminton": "badminton",
    "barre": "barre",
    "baseball": "baseball",
    "basketball": "basketball",
    "bowling": "bowling",
    "boxing": "boxing",
    "boxing.kickboxing": "kickboxing",
    "cardio": "cardio",
    "climbing": "climbing",
    "cooldown": "cool-down",
    "cricket": "cricket",
    "curling": "curling",
    "dance": "dance",
    "disc_sports": "disc sports",
    "diving": "diving",
    "elliptical": "elliptical",
    "fencing": "fencing",
    "fishing": "fishing",
    "gaming": "fitness gaming",
    "golf": "golf",
    "gymnastics": "gymnastics",
    "handball": "handball",
    "hiit": "HIIT",
    "hiit.cross_training": "cross training",
    "hockey": "hockey",
    "horseback_riding": "horseback riding",
    "hunting": "hunting",
    "jump_rope": "jump rope",
    "lacrosse": "lacrosse",
    "martial_arts": "martial arts",
    "martial_arts.tai_chi": "tai chi",
    "martial_arts.wrestling": "wrestling",
    "meditation": "mind and body",
    "multisport": "multisport",
    "multisport.duathlon": "duathlon",
    "multisport.swimrun": "swimrun",
    "multisport.triathlon": "triathlon",
    "paddling": "paddling",
    "paddling.canoe": "canoeing",
    "paddling.kayak": "kayaking",
    "paddling.sup": "stand-up paddling",
    "padel": "padel",
    "pickleball": "pickleball",
    "pilates": "pilates",
    "racquetball": "racquetball",
    "recovery": "preparation and recovery",
    "rugby": "rugby",
    "sailing": "sailing",
    "skating": "skating",
    "skating.ice": "ice skating",
    "skating.inline": "inline skating",
    "snow_sports": "snow sports",
    "snowshoeing": "snowshoeing",
    "soccer": "soccer",
    "softball": "softball",
    "squash": "squash",
    "stair_climbing": "stair climbing",
    "strength": "strength",
    "strength.core": "core training",
    "strength.functional": "functional strength",
    "stretching": "stretching",
    "surfing": "surfing",
    "table_tennis": "table tennis",
    "tennis": "tennis",
    "track_and_field": "track and field",
    TRANSITION: "transition",
    "volleyball": "volleyball",
    "water_polo": "water polo",
    "water_sports": "water sports",
    "wheelchair": "wheelchair",
    "wheelchair.run": "wheelchair, run pace",
    "wheelchair.walk": "wheelchair, walk pace",
    "yoga": "yoga",
}

_LABELS: dict[str, str] = {str(sport): sport.label for sport in Sport.all()} | _OWN

# Every sport with a name of its own, sorted: what filters and forms offer.
ALL: tuple[str, ...] = tuple(sorted(_LABELS))
FAMILIES: tuple[str, ...] = tuple(sorted({code for code in ALL if "." not in code and "+" not in code}))

# Where a cadence is steps a minute of both feet, not turns.
_STEPPED = frozenset({"running", "walking", "snowshoeing"})

_ICONS: dict[str, str] = {
    "alpine_skiing": "ski",
    "cycling": "ride",
    "diving": "water",
    "hand_cycling": "ride",
    "multisport": "multisport",
    "paddling": "paddle",
    "rowing": "paddle",
    "running": "run",
    "sailing": "water",
    "skating": "skate",
    "snow_sports": "ski",
    "snowboarding": "ski",
    "snowshoeing": "walk",
    "surfing": "water",
    "swimming": "swim",
    "track_and_field": "run",
    "walking": "walk",
    "water_polo": "swim",
    "water_sports": "water",
    "xc_skiing": "ski",
} | {
    family: icon
    for icon, families in {
        "strength": (
            "aerobics", "cardio", "elliptical", "gymnastics", "hiit", "jump_rope", "stair_climbing", "strength",
        ),
        "calm": ("yoga", "pilates", "barre", "stretching", "meditation", "recovery", "cooldown"),
        "ball": (
            "american_football", "australian_football", "baseball", "basketball", "bowling", "cricket", "golf",
            "handball", "hockey", "lacrosse", "rugby", "soccer", "softball", "volleyball",
        ),
        "racket": ("badminton", "padel", "pickleball", "racquetball", "squash", "table_tennis", "tennis"),
        "fight": ("boxing", "fencing", "martial_arts"),
        "climb": ("climbing",),
    }.items()
    for family in families
}  # fmt: skip
ICONS: frozenset[str] = frozenset(_ICONS.values()) | {"other"}


def family(code: str) -> str:
    """The sport before its first dot or plus sign: records of one effort share it."""
    return code.replace("+", ".").partition(".")[0]


def label(code: str) -> str:
    """The sport's name for a person, first letter large; made from the parts where the code is not listed."""
    words = _LABELS.get(code)
    if words is None:
        sport, *modifiers = code.split("+")
        base = _LABELS.get(sport) or sport.replace(".", " ").replace("_", " ") or GENERIC
        words = f"{base} ({', '.join(sorted(modifiers))})" if modifiers else base
    if words == GENERIC:
        return "Other"
    return words[:1].upper() + words[1:]


def is_step_sport(code: str) -> bool:
    """Whether the sport's cadence counts steps a minute, both feet."""
    return family(code) in _STEPPED


def icon(code: str) -> str:
    """The name of the family's icon, one of ICONS."""
    return _ICONS.get(family(code), "other")
