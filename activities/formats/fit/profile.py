"""What FIT's profile says of messages and fields, as small tables: fitdecode's (MIT), and what is newer than it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

from fitdecode import profile as _profile


class BaseType(NamedTuple):
    """How a field lies in the file: numpy's type without its byte order, bytes of one value, the value for "none",
    and how that value lies there, by byte order."""

    name: str
    code: str
    size: int
    invalid: float
    blanks: Mapping[str, bytes]


def _base(name: str, code: str, invalid: float, blank: bytes) -> BaseType:
    return BaseType(name, code, len(blank), invalid, {"<": blank, ">": blank[::-1]})


UINT8 = _base("uint8", "u1", 0xFF, b"\xff")
# By the number's lower five bits: some devices leave out the upper ones.
BASE_TYPES: Mapping[int, BaseType] = {
    0: _base("enum", "u1", 0xFF, b"\xff"),
    1: _base("sint8", "i1", 0x7F, b"\x7f"),
    2: UINT8,
    3: _base("sint16", "i2", 0x7FFF, b"\xff\x7f"),
    4: _base("uint16", "u2", 0xFFFF, b"\xff" * 2),
    5: _base("sint32", "i4", 0x7FFFFFFF, b"\xff\xff\xff\x7f"),
    6: _base("uint32", "u4", 0xFFFFFFFF, b"\xff" * 4),
    7: _base("string", "S", 0, b"\0"),
    8: _base("float32", "f4", float("nan"), b"\xff" * 4),
    9: _base("float64", "f8", float("nan"), b"\xff" * 8),
    10: _base("uint8z", "u1", 0, b"\0"),
    11: _base("uint16z", "u2", 0, b"\0" * 2),
    12: _base("uint32z", "u4", 0, b"\0" * 4),
    13: _base("byte", "u1", 0xFF, b"\xff"),
    14: _base("sint64", "i8", 0x7FFFFFFFFFFFFFFF, b"\xff" * 7 + b"\x7f"),
    15: _base("uint64", "u8", 0xFFFFFFFFFFFFFFFF, b"\xff" * 8),
    16: _base("uint64z", "u8", 0, b"\0" * 8),
}


class Component(NamedTuple):
    """Some bits of a field that are a value of another field: `bits / scale - offset` is its value."""

    number: int
    bits: int
    shift: int
    scale: float
    offset: float
    accumulates: bool


@dataclass(frozen=True)
class SubField:
    """What a field means where one of `references` (field number, raw value) holds."""

    name: str
    scale: float
    offset: float
    words: Mapping[int, str]
    references: tuple[tuple[int, int], ...]
    components: tuple[Component, ...] = ()


@dataclass(frozen=True)
class Field:
    """One field: `raw / scale - offset` is its value, `words` names its values where it is an enumeration."""

    name: str
    scale: float = 1.0
    offset: float = 0.0
    words: Mapping[int, str] = field(default_factory=dict)
    bits: int = 32
    units: str = ""
    is_time: bool = False
    components: tuple[Component, ...] = ()
    sub_fields: tuple[SubField, ...] = ()


@dataclass(frozen=True)
class Message:
    """One kind of message; fields by number."""

    number: int
    name: str
    fields: Mapping[int, Field]


# Newer than fitdecode's profile: values by name of the enumeration.
_NEWER_WORDS: Mapping[str, Mapping[int, str]] = {
    "sport": {
        56: "shooting", 58: "winter_sport", 59: "grinding", 63: "video_gaming", 68: "para_sport", 70: "team_sport",
        78: "water_sport", 79: "archery", 81: "motor_sports", 85: "pool_apnea", 86: "mobility", 87: "geocaching",
        88: "canoeing",
    },
    "sub_sport": {
        63: "ccr_diving", 66: "expedition", 71: "indoor_grinding", 72: "hunting_with_dogs", 77: "esport",
        78: "triathlon", 79: "duathlon", 80: "brick", 81: "swim_run", 82: "adventure_race", 83: "trucker_workout",
        90: "field", 91: "ice", 92: "ultimate", 93: "platform", 98: "overland", 99: "trolling_motor",
        121: "dynamic_apnea", 123: "enduro", 124: "rucking", 125: "rally", 126: "pool_triathlon",
        127: "e_bike_enduro",
    },
    "manufacturer": {
        337: "runna", 339: "zepp", 340: "peloton", 341: "carv", 342: "tissot", 345: "real_velo", 346: "wetech",
        347: "jespr", 348: "huawei", 349: "gotoes", 350: "cadence_app", 351: "una_watch", 352: "tymewear",
        353: "exposure_lights", 354: "forto_cycling",
    },
    "garmin_product": {
        4525: "rally_x10", 4565: "fr970", 4570: "fr570_large", 4574: "fr570_small", 4595: "fenix7_pro_solar",
        4603: "venu_x1", 4631: "fenix8_pro", 4633: "edge_550", 4634: "edge_850", 4643: "venu4", 4644: "venu4s",
        4655: "edge_mtb", 4678: "instinct_crossover_amoled", 4745: "bounce2", 4814: "fr170_music", 4815: "fr170",
        4825: "approach_j1", 4874: "approach_s72_43mm", 4875: "approach_s72_47mm", 4879: "d2_mach2",
        4916: "fr70_2026", 4944: "d2_air_x15", 4952: "fenix9_pro_43mm", 4953: "fenix9_pro_47mm",
        4954: "fenix9_pro_51mm", 4955: "fenix9_pro_solar_47mm", 4956: "fenix9_pro_solar_51mm",
        5019: "cirqa_smart_band", 5056: "d2_mach2_pro", 5133: "fenix9_43mm", 5134: "fenix9", 5169: "enduro4",
        30059: "training_peaks_virtual_ios", 30060: "training_peaks_virtual_android",
        30061: "training_peaks_virtual_windows", 30062: "training_peaks_virtual_mac_os",
        30063: "training_peaks_virtual_apple_tv",
    },
}  # fmt: skip


class _Newer(NamedTuple):
    name: str
    scale: float = 1.0
    offset: float = 0.0
    words: str = ""
    is_time: bool = False


# The same for messages: number -> (name, fields by number).
_NEWER_FIELDS: Mapping[int, tuple[str, Mapping[int, _Newer]]] = {
    18: (
        "session",
        {
            78: _Newer("active_time", 1000),
            79: _Newer("avg_strokes_per_length", 10),
            80: _Newer("avg_swolf"),
            106: _Newer("num_segment_laps"),
            107: _Newer("front_gear_shift_count"),
            108: _Newer("rear_gear_shift_count"),
            196: _Newer("metabolic_calories"),
            211: _Newer("avg_grade_adjusted_speed", 1000),
        },
    ),
    19: (
        "lap",
        {
            70: _Newer("active_time", 1000),
            73: _Newer("avg_swolf"),
            90: _Newer("avg_strokes_per_length", 10),
            96: _Newer("front_gear_shift_count"),
            97: _Newer("rear_gear_shift_count"),
            155: _Newer("metabolic_calories"),
            161: _Newer("avg_grade_adjusted_speed", 1000),
        },
    ),
    101: ("length", {26: _Newer("metabolic_calories")}),
    312: (
        "split",
        {
            11: _Newer("sport", words="sport"),
            12: _Newer("sub_sport", words="sub_sport"),
            15: _Newer("avg_heart_rate"),
            16: _Newer("max_heart_rate"),
            29: _Newer("avg_cadence", 128),
            40: _Newer("avg_power"),
            41: _Newer("max_power"),
            78: _Newer("active_time", 1000),
            253: _Newer("timestamp", is_time=True),
        },
    ),
    412: (
        "nap_event",
        {
            0: _Newer("start_time", is_time=True),
            1: _Newer("start_timezone_offset"),
            2: _Newer("end_time", is_time=True),
            3: _Newer("end_timezone_offset"),
            4: _Newer("feedback"),
            5: _Newer("is_deleted"),
            6: _Newer("source"),
            7: _Newer("update_timestamp", is_time=True),
            253: _Newer("timestamp", is_time=True),
            254: _Newer("message_index"),
        },
    ),
}


@cache
def words_of(kind: str) -> Mapping[int, str]:
    """The names of an enumeration's values by number; empty for a kind that has none."""
    known = _profile.FIELD_TYPES.get(kind)
    return {**((known.enum if known else None) or {}), **_NEWER_WORDS.get(kind, {})}


@cache
def message_of(number: int) -> Message:
    """What is known of a kind of message; one nobody documents is `unknown_<number>` without fields."""
    known = _profile.MESSAGE_TYPES.get(number)
    name, newer = _NEWER_FIELDS.get(number, ("", {}))
    fields = {key: _field(it) for key, it in known.fields.items()} if known else {}
    for key, it in newer.items():
        fields.setdefault(key, Field(it.name, it.scale, it.offset, words_of(it.words), is_time=it.is_time))
    return Message(number, known.name if known else name or f"unknown_{number}", fields)


def _components(known: _profile.Field) -> tuple[Component, ...]:
    return tuple(
        Component(it.def_num, it.bits, it.bit_offset or 0, it.scale or 1.0, it.offset or 0.0, bool(it.accumulate))
        for it in known.components or ()
    )


def _field(known: _profile.Field) -> Field:
    base = known.type.base_type if hasattr(known.type, "base_type") else known.type
    return Field(
        name=known.name,
        scale=float(known.scale or 1.0),
        offset=float(known.offset or 0.0),
        words=words_of(known.type.name),
        bits=8 * base.size,
        units=known.units or "",
        is_time=known.type.name == "date_time",
        components=_components(known),
        sub_fields=tuple(
            SubField(
                it.name,
                float(it.scale or 1.0),
                float(it.offset or 0.0),
                words_of(it.type.name),
                tuple((reference.def_num, reference.raw_value) for reference in it.ref_fields),
                _components(it),
            )
            for it in known.subfields or ()
        ),
    )
