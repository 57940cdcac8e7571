"""FIT files of our own making, byte by byte and without the reader's help."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

EPOCH = datetime(1989, 12, 31, tzinfo=UTC)

# Base type: number, struct's letter, the value for "none".
BASES: dict[str, tuple[int, str, int]] = {
    "enum": (0x00, "B", 0xFF),
    "sint8": (0x01, "b", 0x7F),
    "uint8": (0x02, "B", 0xFF),
    "sint16": (0x83, "h", 0x7FFF),
    "uint16": (0x84, "H", 0xFFFF),
    "sint32": (0x85, "i", 0x7FFFFFFF),
    "uint32": (0x86, "I", 0xFFFFFFFF),
    "string": (0x07, "s", 0),
    "float32": (0x88, "f", 0),
    "uint32z": (0x8C, "I", 0),
    "byte": (0x0D, "B", 0xFF),
}
# Message -> its number; field -> (number, base type, scale, offset).
MESSAGES: dict[str, int] = {
    "file_id": 0, "session": 18, "lap": 19, "record": 20, "event": 21, "device_info": 23, "workout": 26,
    "weight_scale": 30, "activity": 34, "sport": 12, "monitoring": 55, "hrv": 78, "length": 101,
    "monitoring_info": 103, "hr": 132, "field_description": 206, "developer_data_id": 207, "monitoring_hr_data": 211,
    "set": 225, "max_met_data": 229, "sleep_level": 275, "split": 312, "sleep_assessment": 346,
    "hrv_status_summary": 370, "course": 31,
}  # fmt: skip
_TIME = ("uint32", 1, 0)
_STAMP = {"timestamp": (253, *_TIME), "message_index": (254, "uint16", 1, 0)}
_TOTALS = {
    "start_time": (2, *_TIME), "total_elapsed_time": (7, "uint32", 1000, 0), "total_timer_time": (8, "uint32", 1000, 0),
    "total_distance": (9, "uint32", 100, 0),
}  # fmt: skip
FIELDS: dict[str, dict[str, tuple[int, str, float, float]]] = {
    "file_id": {
        "type": (0, "enum", 1, 0), "manufacturer": (1, "uint16", 1, 0), "product": (2, "uint16", 1, 0),
        "serial_number": (3, "uint32z", 1, 0), "time_created": (4, *_TIME), "product_name": (8, "string", 1, 0),
    },
    "sport": {"sport": (0, "enum", 1, 0), "sub_sport": (1, "enum", 1, 0), "name": (3, "string", 1, 0)},
    "workout": {"wkt_name": (8, "string", 1, 0)},
    "course": {"name": (5, "string", 1, 0)},
    "activity": {
        **_STAMP, "total_timer_time": (0, "uint32", 1000, 0), "num_sessions": (1, "uint16", 1, 0),
        "type": (2, "enum", 1, 0), "local_timestamp": (5, *_TIME),
    },
    "session": {
        **_STAMP, **_TOTALS, "sport": (5, "enum", 1, 0), "sub_sport": (6, "enum", 1, 0),
        "total_cycles": (10, "uint32", 1, 0), "total_calories": (11, "uint16", 1, 0),
        "avg_speed": (14, "uint16", 1000, 0), "max_speed": (15, "uint16", 1000, 0),
        "avg_heart_rate": (16, "uint8", 1, 0), "max_heart_rate": (17, "uint8", 1, 0),
        "avg_cadence": (18, "uint8", 1, 0), "max_cadence": (19, "uint8", 1, 0), "avg_power": (20, "uint16", 1, 0),
        "max_power": (21, "uint16", 1, 0), "total_ascent": (22, "uint16", 1, 0), "total_descent": (23, "uint16", 1, 0),
        "total_training_effect": (24, "uint8", 10, 0), "first_lap_index": (25, "uint16", 1, 0),
        "num_laps": (26, "uint16", 1, 0), "normalized_power": (34, "uint16", 1, 0),
        "training_stress_score": (35, "uint16", 10, 0), "intensity_factor": (36, "uint16", 1000, 0),
        "left_right_balance": (37, "uint16", 1, 0), "pool_length": (44, "uint16", 100, 0),
        "total_moving_time": (59, "uint32", 1000, 0), "min_heart_rate": (64, "uint8", 1, 0),
        "avg_fractional_cadence": (92, "uint8", 128, 0), "enhanced_avg_speed": (124, "uint32", 1000, 0),
    },
    "lap": {
        **_STAMP, **_TOTALS, "total_calories": (11, "uint16", 1, 0), "avg_heart_rate": (15, "uint8", 1, 0),
        "max_heart_rate": (16, "uint8", 1, 0), "avg_cadence": (17, "uint8", 1, 0), "avg_power": (19, "uint16", 1, 0),
        "lap_trigger": (24, "enum", 1, 0), "sport": (25, "enum", 1, 0),
    },
    "length": {
        **_STAMP, "start_time": (2, *_TIME), "total_elapsed_time": (3, "uint32", 1000, 0),
        "total_timer_time": (4, "uint32", 1000, 0), "total_strokes": (5, "uint16", 1, 0),
        "avg_speed": (6, "uint16", 1000, 0), "swim_stroke": (7, "enum", 1, 0),
        "avg_swimming_cadence": (9, "uint8", 1, 0), "length_type": (12, "enum", 1, 0),
    },
    "record": {
        **_STAMP, "position_lat": (0, "sint32", 1, 0), "position_long": (1, "sint32", 1, 0),
        "altitude": (2, "uint16", 5, 500), "heart_rate": (3, "uint8", 1, 0), "cadence": (4, "uint8", 1, 0),
        "distance": (5, "uint32", 100, 0), "speed": (6, "uint16", 1000, 0), "power": (7, "uint16", 1, 0),
        "compressed_speed_distance": (8, "byte", 1, 0), "temperature": (13, "sint8", 1, 0),
        "left_right_balance": (30, "uint8", 1, 0), "vertical_oscillation": (39, "uint16", 10, 0),
        "stance_time": (41, "uint16", 10, 0), "fractional_cadence": (53, "uint8", 128, 0),
        "enhanced_speed": (73, "uint32", 1000, 0), "enhanced_altitude": (78, "uint32", 5, 500),
        "step_length": (85, "uint16", 10, 0), "respiration_rate": (99, "uint8", 1, 0),
    },
    "event": {
        **_STAMP, "event": (0, "enum", 1, 0), "event_type": (1, "enum", 1, 0), "data": (3, "uint32", 1, 0),
        "timer_trigger": (3, "uint32", 1, 0),
    },
    "device_info": {
        **_STAMP, "device_index": (0, "uint8", 1, 0), "device_type": (1, "uint8", 1, 0),
        "manufacturer": (2, "uint16", 1, 0), "product": (4, "uint16", 1, 0), "battery_status": (11, "uint8", 1, 0),
        "source_type": (25, "enum", 1, 0), "product_name": (27, "string", 1, 0),
    },
    "hr": {
        **_STAMP, "fractional_timestamp": (0, "uint16", 32768, 0), "filtered_bpm": (6, "uint8", 1, 0),
        "event_timestamp": (9, "uint32", 1024, 0), "event_timestamp_12": (10, "byte", 1, 0),
    },
    "hrv": {"time": (0, "uint16", 1000, 0)},
    "set": {
        "timestamp": (254, *_TIME), "duration": (0, "uint32", 1000, 0), "repetitions": (3, "uint16", 1, 0),
        "weight": (4, "uint16", 16, 0), "set_type": (5, "uint8", 1, 0), "start_time": (6, *_TIME),
        "category": (7, "uint16", 1, 0),
    },
    "split": {
        **_STAMP, "split_type": (0, "enum", 1, 0), "total_elapsed_time": (1, "uint32", 1000, 0),
        "total_timer_time": (2, "uint32", 1000, 0), "total_distance": (3, "uint32", 100, 0), "start_time": (9, *_TIME),
    },
    "weight_scale": {
        **_STAMP, "weight": (0, "uint16", 100, 0), "percent_fat": (1, "uint16", 100, 0),
        "bone_mass": (4, "uint16", 100, 0),
        "user_profile_index": (12, "uint16", 1, 0),
    },
    "monitoring_info": {**_STAMP, "local_timestamp": (0, *_TIME)},
    "monitoring": {
        **_STAMP, "distance": (2, "uint32", 100, 0), "cycles": (3, "uint32", 2, 0), "activity_type": (5, "enum", 1, 0),
        "active_calories": (19, "uint16", 1, 0), "timestamp_16": (26, "uint16", 1, 0),
        "heart_rate": (27, "uint8", 1, 0),
    },
    "monitoring_hr_data": {
        **_STAMP, "resting_heart_rate": (0, "uint8", 1, 0), "current_day_resting_heart_rate": (1, "uint8", 1, 0),
    },
    "hrv_status_summary": {**_STAMP, "last_night_average": (1, "uint16", 128, 0)},
    "sleep_level": {**_STAMP, "sleep_level": (0, "enum", 1, 0)},
    "sleep_assessment": {"overall_sleep_score": (6, "uint8", 1, 0)},
    "max_met_data": {"update_time": (0, *_TIME), "vo2_max": (2, "uint16", 10, 0)},
    "developer_data_id": {"developer_data_index": (3, "uint8", 1, 0)},
    "field_description": {
        "developer_data_index": (0, "uint8", 1, 0), "field_definition_number": (1, "uint8", 1, 0),
        "fit_base_type_id": (2, "uint8", 1, 0), "field_name": (3, "string", 1, 0), "units": (8, "string", 1, 0),
        "native_mesg_num": (14, "uint16", 1, 0), "native_field_num": (15, "uint8", 1, 0),
    },
}  # fmt: skip


class FitFile:
    """Messages one after the other; `data()` is the file. Times may be datetimes, positions are semicircles."""

    def __init__(self, *, big_endian: bool = False) -> None:
        self.order = ">" if big_endian else "<"
        self.body = bytearray()
        self._local: dict[bytes, int] = {}
        self._types: dict[tuple[int, int], str] = {}

    def add(self, message: str, /, developer: dict[tuple[int, int], Any] | None = None, **fields: Any) -> FitFile:
        """One message, its definition before it where it is new. `developer`: (app, field) -> value; None is none."""
        definition, values = self._encoded(message, fields, developer or {})
        local = self._define(definition)
        self.body += bytes((local,)) + values
        if message == "field_description":
            key = (fields["developer_data_index"], fields["field_definition_number"])
            self._types[key] = next(name for name, (it, *_) in BASES.items() if it == fields["fit_base_type_id"])
        return self

    def add_compressed(self, message: str, seconds: int, /, **fields: Any) -> FitFile:
        """A message whose header holds the lower five bits of its time (FIT's seconds)."""
        definition, values = self._encoded(message, fields, {})
        local = self._define(definition)
        assert local < 4, "compressed headers know four local messages"
        self.body += bytes((0x80 | local << 5 | seconds & 0x1F,)) + values
        return self

    def data(
        self, *, header: int = 14, told: int | None = None, header_crc: bool = True, crc: int | None = None
    ) -> bytes:
        """The whole file. `told`: the size that the header claims; `crc`: the checksum, whatever the right one is."""
        size = len(self.body) if told is None else told
        head = struct.pack("<BBHI4s", header, 0x20, 2132, size, b".FIT")
        if header == 14:
            head += struct.pack("<H", crc16(head) if header_crc else 0)
        whole = head + bytes(self.body)
        return whole + struct.pack("<H", crc16(whole) if crc is None else crc)

    def _encoded(
        self, message: str, fields: dict[str, Any], developer: dict[tuple[int, int], Any]
    ) -> tuple[bytes, bytes]:
        layout, values = b"", b""
        for name, value in fields.items():
            number, base, scale, offset = FIELDS[message][name]
            told = _packed(self.order, base, value, scale, offset)
            layout += bytes((number, len(told), BASES[base][0]))
            values += told
        head = bytes((0, self.order == ">")) + struct.pack(f"{self.order}HB", MESSAGES[message], len(fields))
        apps = b""
        for (app, number), value in developer.items():
            told = _packed(self.order, self._types[app, number], value, 1, 0)
            apps += bytes((number, len(told), app))
            values += told
        if developer:
            apps = bytes((len(developer),)) + apps
        return bytes((0x20 if developer else 0,)) + head + layout + apps, values

    def _define(self, definition: bytes) -> int:
        if definition not in self._local:
            local = len(self._local) % 16
            self._local = {key: it for key, it in self._local.items() if it != local}
            while local in self._local.values():
                local = (local + 1) % 16
            self._local[definition] = local
            self.body += bytes((0x40 | definition[0] | local,)) + definition[1:]
        return self._local[definition]


def _packed(order: str, base: str, value: Any, scale: float, offset: float) -> bytes:
    _, letter, invalid = BASES[base]
    if base == "string":
        return value.encode() + b"\0"
    values = value if isinstance(value, list | tuple | bytes) else [value]
    raw: list[Any] = []
    for it in values:
        if it is None:
            raw.append(invalid)
        elif isinstance(it, datetime):
            raw.append(seconds(it))
        elif letter == "f":
            raw.append(it)
        else:
            raw.append(round((it + offset) * scale))
    return struct.pack(f"{order}{len(raw)}{letter}", *raw)


def seconds(time: datetime) -> int:
    """FIT's seconds of a moment."""
    return round((time - EPOCH).total_seconds())


def semicircles(degrees: float) -> int:
    return round(degrees * 2**31 / 180)


def crc16(data: bytes) -> int:
    """FIT's checksum, one bit at a time."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc


def activity_fit(
    start: datetime,
    *,
    manufacturer: int = 1,
    product: int | None = 3121,
    product_name: str = "",
    sport: int = 2,
    sub_sport: int = 0,
    points: int = 60,
    step_s: int = 1,
    speed_mps: float = 5.0,
    heart_rate: int = 120,
    utc_offset_s: int | None = 7200,
    lat: float = 48.0,
    lon: float = 11.0,
    serial_number: int = 1234,
) -> bytes:
    """An activity of `points` records: northward at an even speed, with its lap, session and activity messages."""
    end = start + timedelta(seconds=max(points - 1, 0) * step_s)
    length = (end - start).total_seconds()
    file = FitFile()
    who = {
        "type": 4,
        "manufacturer": manufacturer,
        "product": product,
        "serial_number": serial_number,
        "time_created": start,
    }
    file.add("file_id", **who, **({"product_name": product_name} if product_name else {}))
    file.add("event", timestamp=start, event=0, event_type=0, data=0)
    for point in range(points):
        metres = point * step_s * speed_mps
        file.add(
            "record",
            timestamp=start + timedelta(seconds=point * step_s),
            position_lat=semicircles(lat + metres / 111_195),
            position_long=semicircles(lon),
            altitude=500.0,
            heart_rate=heart_rate,
            distance=metres,
            speed=speed_mps,
        )
    file.add("event", timestamp=end, event=0, event_type=4, data=0)
    totals: dict[str, Any] = {
        "timestamp": end, "start_time": start, "total_elapsed_time": length, "total_timer_time": length,
        "total_distance": length * speed_mps, "total_calories": 100,
    }  # fmt: skip
    file.add("lap", **totals)
    file.add(
        "session", **totals, sport=sport, sub_sport=sub_sport, avg_heart_rate=heart_rate, max_heart_rate=heart_rate + 5,
        first_lap_index=0, num_laps=1,
    )  # fmt: skip
    local = None if utc_offset_s is None else end + timedelta(seconds=utc_offset_s)
    file.add("activity", timestamp=end, total_timer_time=length, num_sessions=1, type=0, local_timestamp=local)
    return file.data()


def chained(parts: Sequence[bytes]) -> bytes:
    """Several FIT files in one."""
    return b"".join(parts)
