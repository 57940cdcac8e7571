"""FIT's manufacturer and product -> a device's name, and what kind of device it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from activities.formats.fit.profile import words_of

# Makers whose name is not just their identifier's words, each with a capital.
_MAKERS: Mapping[str, str] = {
    "4iiiis": "4iiii",
    "bkool": "BKOOL",
    "bryton_sensors": "Bryton",
    "coros": "COROS",
    "coros_byte": "COROS",
    "cateye": "CatEye",
    "concept2": "Concept2",
    "cycplus": "CYCPLUS",
    "decathlon_byte": "Decathlon",
    "dynastream": "Dynastream",
    "dynastream_oem": "Dynastream",
    "favero_electronics": "Favero",
    "form": "FORM",
    "fullspeedahead": "FSA",
    "garmin_fr405_antfs": "Garmin",
    "gotoes": "GOTOES",
    "huawei": "HUAWEI",
    "igpsport": "iGPSPORT",
    "ifit_com": "iFIT",
    "inpeak": "InPeak",
    "jetblack": "JetBlack",
    "kinetic_by_kurt": "Kinetic",
    "mywhoosh": "MyWhoosh",
    "onelap": "OneLap",
    "osynce": "o-synce",
    "polar_electro": "Polar",
    "rgt_cycling": "RGT Cycling",
    "sigmasport": "SIGMA",
    "sram": "SRAM",
    "srm": "SRM",
    "stages_cycling": "Stages",
    "the_sufferfest": "The Sufferfest",
    "tomtom": "TomTom",
    "trainer_road": "TrainerRoad",
    "wahoo_fitness": "Wahoo",
    "waterrower": "WaterRower",
    "whoop": "WHOOP",
    "zwift_byte": "Zwift",
}
# Words of a product's identifier that are not just capitalised.
_WORDS: Mapping[str, str] = {
    "fr": "Forerunner", "edge": "Edge", "fenix": "Fenix", "vivo": "Vivo", "hr": "HR", "hrm": "HRM", "xt": "XT",
    "epix": "Epix", "gps": "GPS", "lte": "LTE", "pct": "", "apac": "", "asia": "", "cct": "", "jpn": "", "korea": "",
    "china": "", "chn": "", "kor": "", "tha": "", "sgt": "", "japan": "",
    "chinese": "", "twn": "", "sea": "", "rus": "", "euro": "",
    "mk1": "Mk1", "mk2": "Mk2",
    "mk2i": "Mk2i", "mk2s": "Mk2S", "mk3": "Mk3", "mtb": "MTB", "gen2": "Gen 2", "ios": "iOS", "d2": "D2",
    "oled": "OLED",
    "amoled": "AMOLED", "sq": "Sq",
}  # fmt: skip
# Products that the profile does not name, or names in a way that no rule makes readable.
_PRODUCTS: Mapping[tuple[str, int], str] = {
    ("garmin", 1499): "Swim",
    ("garmin", 1446): "Forerunner 310XT",
    ("garmin", 2337): "vívoactive HR",
    ("garmin", 1907): "vívoactive",
    ("garmin", 2700): "vívoactive 3",
    ("garmin", 2988): "vívoactive 3 Music",
    ("garmin", 3224): "vívoactive 4S",
    ("garmin", 3225): "vívoactive 4",
    ("garmin", 1837): "vívofit",
    ("garmin", 1885): "vívosmart",
    ("garmin", 2348): "vívosmart HR",
    ("garmin", 2622): "vívosmart 3",
    ("garmin", 2927): "vívosmart 4",
    ("garmin", 2429): "Index Smart Scale",
    ("garmin", 1967): "Fenix 2",
    ("garmin", 65534): "Connect",
    ("garmin", 4565): "Forerunner 970",
    ("garmin", 4570): "Forerunner 570",
    ("garmin", 4574): "Forerunner 570",
    ("garmin", 4633): "Edge 550",
    ("garmin", 4634): "Edge 850",
    ("garmin", 4655): "Edge MTB",
    ("garmin", 4631): "Fenix 8 Pro",
    ("garmin", 4643): "Venu 4",
    ("wahoo_fitness", 28): "ELEMNT",
    ("wahoo_fitness", 31): "ELEMNT BOLT",
    ("wahoo_fitness", 34): "RIVAL",
    ("wahoo_fitness", 35): "RIVAL",
    ("wahoo_fitness", 37): "ELEMNT ROAM",
    ("wahoo_fitness", 40): "ELEMNT BOLT",
    ("wahoo_fitness", 46): "ELEMNT ROAM",
    ("wahoo_fitness", 62): "ELEMNT ACE",
    ("hammerhead", 1): "Karoo",
    ("hammerhead", 2): "Karoo 2",
    ("hammerhead", 3): "Karoo 3",
    ("srm", 6): "PC6",
    ("srm", 7): "PC7",
    ("srm", 8): "PC8",
    ("suunto", 34): "9 Baro",
    ("coros", 802): "PACE 2",
    ("coros", 841): "APEX Pro",
}

_SHOWS = frozenset({
    "bryton", "bryton_sensors", "cateye", "ciclosport", "cycplus", "hammerhead", "igpsport", "lezyne", "magene",
    "mio_technology_europe", "o_synce", "osynce", "pioneer", "sigmasport", "srm", "stages_cycling", "xplova", "omata",
    "shanyue", "meilan_byte", "coospo", "thinkrider", "giant_manufacturing_co", "bosch", "specialized",
})  # fmt: skip
_APPS = frozenset({
    "absolute_cycling", "bkool", "cadence_app", "gotoes", "kinetic", "mywhoosh", "onelap", "peaksware", "rgt_cycling",
    "runna", "strava", "the_sufferfest", "trailforks", "trainer_road", "virtualtraining", "virtugo", "zwift",
    "zwift_byte", "ifit_com", "spivi", "real_velo", "ictrainer", "strava_app", "stryd",
})  # fmt: skip
_WATCHES = frozenset({
    "coros", "coros_byte", "suunto", "polar_electro", "tag_heuer", "tomtom", "timex", "nike", "una_watch", "tissot",
    "huawei", "zepp", "seiko_epson", "seiko_epson_oem", "citizen_systems", "geonaute", "ezon", "decathlon",
    "decathlon_byte", "magellan", "soaring_technology",
})  # fmt: skip
# What Garmin's products are, by how their identifiers begin; the first that fits.
_GARMIN_KINDS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), kind)
    for pattern, kind in (
        (r"edge|rally|tacx_(?:bike|neo)|etrex|gpsmap", "computer"),
        (r"index", "scale"),
        (r"vivo_?fit|vivo_?smart|vivo_?sport|vivoki|lily_band|cirqa", "band"),
        (r"connect|training_peaks|.*_(?:ios|android|windows|mac_os|apple_tv)$", "app"),
        (r"hrm|sdm|chirp|varia|tempe|foot|cadence|speed|bc\d|.*sensor|tacx|alf|gsc|virb|dsi|axs?\d|osm", "unknown"),
        (r"bounce|fr\d|fr_|fenix|vivo_?active|vivo_?move|venu|epix|instinct|enduro|descent|marq|tactix|quatix|approach"
         r"|swim|lily|d2|foretrex|legacy|captain|first_avenger|darth|rey|beast|delta|chronos", "watch"),
    )
)  # fmt: skip
# Products of makers that build several kinds; all others are what the maker mostly builds.
_KINDS: Mapping[tuple[str, int], str] = {
    ("wahoo_fitness", 34): "watch",
    ("wahoo_fitness", 35): "watch",
    ("tomtom", 2016): "watch",
}


def number_of(kind: str, word: object) -> int | None:
    """The number behind an enumeration's word; a number is its own."""
    if isinstance(word, int):
        return word
    return next((number for number, it in words_of(kind).items() if it == word), None)


def maker_name(manufacturer: object) -> str:
    """The maker as people know it; "" where the file tells none or only "development"."""
    if isinstance(manufacturer, int):
        return f"Maker {manufacturer}"
    if not isinstance(manufacturer, str) or manufacturer == "development":
        return ""
    return _MAKERS.get(manufacturer.lower()) or _capitalised(manufacturer.lower())


def device_name(told: Mapping[str, Any]) -> str:
    """Maker and product of a `file_id` or `device_info`: "Garmin Edge 530", or "Garmin 3121" where nobody names it."""
    maker = maker_name(told.get("manufacturer"))
    product = told.get("product_name")
    product = product[0] if isinstance(product, list) and product else product
    if not isinstance(product, str) or not product.strip():
        product = _product(told)
    product = product.strip()
    if not product or product.lower().startswith(maker.lower()):
        return product or maker
    return f"{maker} {product}".strip()


def _product(told: Mapping[str, Any]) -> str:
    manufacturer, number = told.get("manufacturer"), told.get("product")
    own = _PRODUCTS.get((str(manufacturer), number)) if isinstance(number, int) else None
    if own:
        return own
    named = told.get("garmin_product") or told.get("favero_product")
    if isinstance(named, str):
        return _capitalised(named)
    is_number = isinstance(number, int) and 0 < number < 0xFFFF and manufacturer not in _APPS
    return str(number) if is_number else ""


@lru_cache(1024)
def _capitalised(identifier: str) -> str:
    """ "fenix7_pro_solar" -> "Fenix 7 Pro Solar"."""
    spaced = re.sub(r"^vivo_?(active|smart|fit|move|sport|ki)_?", "v\u00edvo\\1_", identifier.lower())
    spaced = re.sub(r"^(fr|edge|fenix|venu|enduro|bounce|epix)(?=\d)", r"\1_", spaced)
    words = [
        _WORDS.get(word, word if word.startswith("v\u00ed") else word[:1].upper() + word[1:])
        for word in spaced.split("_")
    ]
    return " ".join(_unit(word) for word in words if word)


def _unit(word: str) -> str:
    """ "310xt" -> "310XT", "6x" -> "6X"; sizes stay ("47mm")."""
    return word.upper() if re.fullmatch(r"\d+(?:xt|x|s|m|lte)", word) else word


def device_kind(told: Mapping[str, Any]) -> str:
    """One of watch, computer, band, scale, phone, app, unknown."""
    manufacturer = str(told.get("manufacturer", "")).lower()
    number = told.get("product")
    if isinstance(number, int) and (manufacturer, number) in _KINDS:
        return _KINDS[manufacturer, number]
    name = told.get("product_name")
    words = (name if isinstance(name, str) else "").lower()
    if re.search(r"iphone|android|pixel|phone", words):
        return "phone"
    if "watch" in words:
        return "watch"
    if manufacturer in ("garmin", "tacx", "dynastream"):
        product = told.get("garmin_product")
        known = product.lower() if isinstance(product, str) else ""
        return (
            next((kind for pattern, kind in _GARMIN_KINDS if pattern.match(known)), "unknown") if known else "unknown"
        )
    if manufacturer == "wahoo_fitness":
        return "app" if re.search(r"wahoo fitness|systm|rgt", words) else "computer"
    if manufacturer in ("coros", "coros_byte") and "dura" in words:
        return "computer"
    for kind, makers in (("computer", _SHOWS), ("app", _APPS), ("watch", _WATCHES)):
        if manufacturer in makers:
            return kind
    return "unknown"
