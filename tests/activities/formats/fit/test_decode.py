"""Bytes -> messages: what a file is, where it ends, what its fields mean."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from activities.formats.errors import Unreadable
from activities.formats.fit.checksum import crc16
from activities.formats.fit.decode import MAX_LAYOUTS, Decoded, decode
from tests.factories import fit
from tests.factories.fit import FitFile, chained

START = datetime(2026, 5, 2, 7, 30, tzinfo=UTC)
AT = int(START.timestamp())


def messages(decoded: Decoded, name: str) -> list[dict[str, Any]]:
    return [message for part in decoded.parts for message in part.messages(name)]


def said(decoded: Decoded) -> list[str]:
    return [problem.message for problem in decoded.problems]


def three_records() -> FitFile:
    file = FitFile().add("file_id", type=4, manufacturer=1, product=3121, time_created=START)
    for second in range(3):
        file.add("record", timestamp=START + timedelta(seconds=second), heart_rate=100 + second, power=200)
    return file


RECORDS = [{"timestamp": AT + second, "heart_rate": 100 + second, "power": 200} for second in range(3)]


@pytest.mark.parametrize("length", [1, 2, 3, 5, 64, 1000, 4097])
def test_crc16_is_the_checksum_one_bit_at_a_time(length: int) -> None:
    data = bytes((7 * it * it + 3) % 256 for it in range(length))

    assert crc16(data) == fit.crc16(data)


def test_decode_gives_messages_with_names_units_and_words() -> None:
    decoded = decode(three_records().data())

    assert messages(decoded, "file_id") == [
        {
            "type": "activity",
            "manufacturer": "garmin",
            "product": 3121,
            "garmin_product": "edge_530",
            "time_created": AT,
        }
    ]
    assert messages(decoded, "record") == RECORDS
    assert said(decoded) == []


def test_decode_gives_columns_with_nothing_where_nothing_is_told() -> None:
    file = FitFile()
    for heart_rate in (120, None, 122):
        file.add("record", timestamp=START, heart_rate=heart_rate, temperature=-3)
    (part,) = decode(file.data()).parts
    table = part.tables["record"]

    assert table.columns["heart_rate"].rows.tolist() == [0, 2]
    assert np.array_equal(table.values("heart_rate"), [120, np.nan, 122], equal_nan=True)
    assert table.values("temperature").tolist() == [-3, -3, -3]
    assert np.isnan(table.values("power")).all()


def test_decode_reads_big_endian_and_small_headers() -> None:
    file = FitFile(big_endian=True)
    file.add("record", timestamp=START, altitude=123.0, position_lat=-123456789, power=0x1234)

    assert messages(decode(file.data(header=12)), "record") == [
        {
            "timestamp": AT, "altitude": 123.0, "enhanced_altitude": 123.0, "position_lat": -123456789, "power": 0x1234,
        },
    ]  # fmt: skip


def test_decode_reads_a_header_without_checksum() -> None:
    decoded = decode(three_records().data(header_crc=False))

    assert messages(decoded, "record") == RECORDS
    assert said(decoded) == []


def test_decode_reads_a_file_with_a_wrong_checksum_and_says_so() -> None:
    decoded = decode(three_records().data(crc=0x1234))

    assert messages(decoded, "record") == RECORDS
    assert said(decoded) == ["The checksum is wrong: the file was changed or damaged after it was written."]


@pytest.mark.parametrize("told", [0, 1, 20, 10_000, 0xFFFFFFFF], ids=str)
def test_decode_reads_a_file_whose_header_lies_about_its_size(told: int) -> None:
    file = three_records()
    sound = file.data(told=told)
    changed = file.data(told=told, crc=fit.crc16(file.data()[:-2]))

    assert messages(decode(sound), "record") == RECORDS
    assert said(decode(sound)) == ["The file's header tells a wrong length."]
    assert messages(decode(changed), "record")[:2] == RECORDS[:2]
    assert said(decode(changed)) != []


def test_decode_gives_what_stands_before_the_end_of_a_file_that_was_cut_off() -> None:
    data = three_records().data()

    assert messages(decode(data[:-5]), "record") == RECORDS[:2]
    assert said(decode(data[:-5])) == [
        "The file was cut off: 5 bytes are missing.",
        "It ends in the middle of a message; what stands before was read.",
    ]
    assert messages(decode(data[:-2]), "record") == RECORDS
    assert said(decode(data[:-2])) == ["The file was cut off: its last bytes are missing."]


def test_decode_stops_where_a_file_is_damaged() -> None:
    data = bytearray(three_records().data())
    last_head = len(data) - 2 - 8
    data[last_head] = 0x0E  # a message that nobody defined

    decoded = decode(bytes(data))

    assert messages(decoded, "record") == RECORDS[:2]
    assert said(decoded) == [
        "The checksum is wrong: the file was changed or damaged after it was written.",
        f"It is damaged at byte {last_head:,}: what follows cannot be read.",
    ]


def test_decode_reads_several_files_in_one() -> None:
    second = FitFile(big_endian=True).add("hr", timestamp=START, filtered_bpm=[99], event_timestamp=[5.0])

    decoded = decode(chained([three_records().data(), second.data()]))

    assert [list(part.tables) for part in decoded.parts] == [["file_id", "record"], ["hr"]]
    assert messages(decoded, "hr") == [{"timestamp": AT, "filtered_bpm": 99, "event_timestamp": 5.0}]
    assert said(decoded) == []


def test_decode_reads_what_stands_before_bytes_that_are_not_fit() -> None:
    decoded = decode(three_records().data() + b"<html>Not found</html>")

    assert messages(decoded, "record") == RECORDS
    assert said(decoded) == [f"From byte {len(three_records().data())} on it is not FIT; what stands before was read."]


def test_decode_reads_the_next_file_after_one_that_claims_to_be_longer() -> None:
    first = three_records().data(told=5000)

    decoded = decode(chained([first, three_records().data()]))

    assert messages(decoded, "record") == RECORDS * 2
    assert said(decoded) == ["The file's header tells a wrong length."]


@pytest.mark.parametrize(
    "data",
    [b"", b"\x0e", b"PK\x03\x04" + bytes(60), b"\x0e\x20\x54\x08\x00\x00\x00\x00.FIT", FitFile().data()],
    ids=["empty", "one byte", "zip", "header", "no message"],
)
def test_decode_refuses_what_holds_nothing(data: bytes) -> None:
    with pytest.raises(Unreadable):
        decode(data)


def test_decode_survives_absurd_field_counts() -> None:
    file = three_records()
    absurd = bytes((0x4F, 0, 0)) + struct.pack("<HB", 20, 255) + bytes((3, 255, 2)) * 255
    file.body += absurd + b"\x0f" + bytes(100)

    decoded = decode(file.data())

    assert messages(decoded, "record") == RECORDS
    assert said(decoded) == ["It ends in the middle of a message; what stands before was read."]


def test_decode_stops_at_more_layouts_than_devices_have() -> None:
    file = three_records()
    for number in range(MAX_LAYOUTS + 10):
        file.body += bytes((0x4F, 0, 0)) + struct.pack("<HB", number, 1) + bytes((3, 1, 2)) + b"\x0f\x01"

    decoded = decode(file.data())

    assert messages(decoded, "record")[:3] == RECORDS
    assert said(decoded) == ["It defines more kinds of messages than any device does; the rest was left out."]


def test_fields_of_odd_sizes_are_read_as_bytes() -> None:
    file = FitFile().add("record", timestamp=START)
    file.body += (
        bytes((0x41, 0, 0)) + struct.pack("<HB", 20, 2) + bytes((7, 3, 0x84, 3, 1, 2)) + b"\x01\x0a\x0b\x0c\x78"
    )

    assert messages(decode(file.data()), "record") == [
        {"timestamp": AT},
        {"power": [10, 11, 12], "heart_rate": 120},
    ]


def test_compressed_headers_count_on_from_the_last_timestamp() -> None:
    moment = START.replace(second=20)
    begun = fit.seconds(moment)
    file = FitFile().add("record", timestamp=moment, heart_rate=100)
    for seconds, heart_rate in ((begun + 1, 101), (begun + 5, 102), (begun + 33, 103), (begun + 40, 104)):
        file.add_compressed("record", seconds, heart_rate=heart_rate)

    assert messages(decode(file.data()), "record") == [
        {"timestamp": int(moment.timestamp()) + after, "heart_rate": 100 + number}
        for number, after in enumerate((0, 1, 5, 33, 40))
    ]


def test_compressed_speed_and_distance_are_taken_apart_and_counted_on() -> None:
    file = FitFile()
    for speed, distance in ((300, 4000), (310, 4090), (320, 84)):  # 1/100 m/s and 1/16 m in twelve bits each
        bits = speed | distance << 12
        file.add("record", compressed_speed_distance=bits.to_bytes(3, "little"))
    (part,) = decode(file.data()).parts

    assert part.tables["record"].values("speed").tolist() == [3.0, 3.1, 3.2]
    assert part.tables["record"].values("enhanced_speed").tolist() == [3.0, 3.1, 3.2]
    assert part.tables["record"].values("distance").tolist() == [250.0, 255.625, 261.25]


def test_a_field_told_in_full_counts_more_than_one_in_the_bits_of_another() -> None:
    file = FitFile()
    file.add("record", speed=60.0, enhanced_speed=70.123)
    file.add("record", speed=61.0, enhanced_speed=None)

    assert messages(decode(file.data()), "record") == [
        {"speed": 60.0, "enhanced_speed": 70.123},
        {"speed": 61.0, "enhanced_speed": 61.0},
    ]


def test_sub_fields_are_what_another_field_says_they_are() -> None:
    file = FitFile()
    file.add("event", event=0, event_type=4, timer_trigger=1)  # timer, stop_all, auto
    gears = 2 | 34 << 8 | 5 << 16 | 17 << 24
    file.add("event", event=43, event_type=3, data=gears)  # rear_gear_change, marker

    assert messages(decode(file.data()), "event") == [
        {"event": "timer", "event_type": "stop_all", "data": 1, "timer_trigger": "auto"},
        {
            "event": "rear_gear_change", "event_type": "marker", "data": gears, "gear_change_data": gears,
            "rear_gear_num": 2, "rear_gear": 34, "front_gear_num": 5, "front_gear": 17,
        },
    ]  # fmt: skip


def test_fields_of_apps_come_with_their_names_and_units() -> None:
    file = FitFile()
    file.add("developer_data_id", developer_data_index=0)
    file.add(
        "field_description", developer_data_index=0, field_definition_number=1, fit_base_type_id=0x84,
        field_name="Form Power", units="Watts",
    )  # fmt: skip
    for power in (60, None, 62):
        file.add("record", {(0, 1): power}, timestamp=START)
    (part,) = decode(file.data()).parts
    ((key, (what, column)),) = part.tables["record"].developer.items()

    assert (key, what.name, what.units, what.native) == ((0, 1), "Form Power", "Watts", None)
    assert (column.rows.tolist(), column.told()) == ([0, 2], [60, 62])


def test_fields_of_apps_that_nobody_described_are_left_out() -> None:
    file = FitFile()
    file._types[0, 1] = "uint16"
    file.add("record", {(0, 1): 60}, timestamp=START, power=7)
    (part,) = decode(file.data()).parts

    assert part.tables["record"].developer == {}
    assert part.messages("record") == [{"timestamp": AT, "power": 7}]


def test_messages_of_several_layouts_stand_in_the_order_of_the_file() -> None:
    file = FitFile()
    for number in range(6):
        if number % 3:
            file.add("record", heart_rate=100 + number)
        else:
            file.add("record", heart_rate=100 + number, power=number)

    assert messages(decode(file.data()), "record") == [
        {"heart_rate": 100 + number} | ({} if number % 3 else {"power": number}) for number in range(6)
    ]


def test_texts_are_texts_whatever_stands_behind_them() -> None:
    file = FitFile().add("sport", sport=1, name="Lauf\0\0\0")
    file.add("workout", wkt_name="")

    assert messages(decode(file.data()), "sport") == [{"sport": "running", "name": "Lauf"}]
    assert messages(decode(file.data()), "workout") == [{}]
