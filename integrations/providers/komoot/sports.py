"""Komoot's sport slugs -> our sports."""

from __future__ import annotations

SPORTS: dict[str, str] = {
    "hike": "walking.hiking",
    "mountaineering": "walking.hiking",
    "mountaineering_advanced": "walking.hiking",
    "racebike": "cycling.road",
    "e_racebike": "cycling+assisted",
    "touringbicycle": "cycling",
    "e_touringbicycle": "cycling+assisted",
    "mtb": "cycling.mountain",
    "e_mtb": "cycling.mountain+assisted",
    "mtb_easy": "cycling.gravel",
    "e_mtb_easy": "cycling.gravel",
    "mtb_advanced": "cycling.mountain",
    "e_mtb_advanced": "cycling.mountain+assisted",
    "jogging": "running",
    "downhillbike": "cycling.mountain",
    "unicycle": "cycling",
    "citybike": "cycling",
    "nordic": "xc_skiing",
    "nordicwalking": "walking",
    "climbing": "climbing",
    "skaten": "skating.inline",
    "skialpin": "alpine_skiing",
    "skitour": "alpine_skiing",
    "sled": "generic",
    "snowboard": "snowboarding",
    "snowshoe": "snowshoeing",
    "other": "generic",
}
