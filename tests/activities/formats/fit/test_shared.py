"""Every real file of `shared/data/fit`: figures as the manifest has them, values as the official SDK has them."""

from __future__ import annotations

import csv
import gzip
import math
from collections import defaultdict
from pathlib import Path
from typing import Any

import fitdecode
import numpy as np
import pytest
from garmin_fit_sdk import Decoder, Stream
from garmin_fit_sdk.profile import Profile

from activities.domain.parsed import ParsedActivity
from activities.formats.fit import fit_creator, fit_kind, parse_fit, pretty_fit
from activities.formats.fit.decode import EPOCH_S, decode
from activities.formats.fit.sports import SPORTS
from tests.conftest import SHARED
from trainstack.sports import family

DATA = SHARED / "data"
Row = dict[str, str]

# What a file that tells less than it should says of itself.
SAID = {
    "python-fitparse__DeveloperData.fit": ["It tells neither when it began nor when anything was recorded."],
    "python-fitparse__WeightScaleMultiUser.fit": [
        "It holds the weights of several people and does not tell which of them is whose."
    ],
    "python-fitparse__activity-settings-corruptheader.fit": [
        "From byte 771 on it is not FIT; what stands before was read."
    ],
    "python-fitparse__activity-unexpected-eof.fit": [
        "The file was cut off: 3 bytes are missing.",
        "It ends in the middle of a message; what stands before was read.",
    ],
}


def _rows(name: str) -> list[Row]:
    if not (DATA / name).is_file():
        return []
    with (DATA / name).open(newline="") as file:
        return [row for row in csv.DictReader(file) if row["path"].startswith("fit/")]


MANIFEST = {row["path"]: row for row in _rows("MANIFEST.csv")}
SESSIONS: dict[str, list[Row]] = defaultdict(list)
for _row in _rows("SESSIONS.csv"):
    SESSIONS[_row["path"]].append(_row)
FILES = pytest.mark.parametrize("path", sorted(MANIFEST), ids=lambda path: Path(path).name)


def read(path: str) -> bytes:
    data = (DATA / path).read_bytes()
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


def test_the_shared_files_are_all_there(shared: Path) -> None:
    assert len(MANIFEST) == 108


@FILES
def test_parse_fit_gives_the_figures_of_the_manifest(path: str) -> None:
    row, name = MANIFEST[path], Path(path).name
    parsed = parse_fit(read(path), "id")
    parents = {activity.parent for activity in parsed.activities}
    told = [activity for index, activity in enumerate(parsed.activities) if index not in parents]

    assert [problem.message for problem in parsed.problems] == SAID.get(name, [])
    if row["expected_error"].startswith("not_an_activity"):
        assert told == []
        assert fit_kind(read(path)) == row["expected_error"].partition(":")[2].removesuffix("_b")
        return
    assert fit_kind(read(path)) == "activity"
    if name == "python-fitparse__DeveloperData.fit":  # it tells no time at all
        assert told == []
        return
    assert [_wrong(activity, session) for activity, session in zip(told, SESSIONS[path], strict=True)] == [
        [] for _ in told
    ]


def _wrong(activity: ParsedActivity, row: Row) -> list[str]:
    """The figures that are not as they should be."""
    wrong = []
    if activity.start_time.strftime("%Y-%m-%dT%H:%M:%SZ") != row["start_time"]:
        wrong.append(f"start {activity.start_time}")
    if row["sport"] not in ("training", "fitness_equipment") and family(activity.sport) != family(SPORTS[row["sport"]]):
        wrong.append(f"sport {activity.sport}")
    if activity.provider_type != "/".join(it for it in (row["sport"], row["sub_sport"]) if it):
        wrong.append(f"type {activity.provider_type}")
    computed = activity.extra.get("computed", [])
    figures: list[tuple[str, str, float, float]] = [
        ("elapsed_s", "elapsed_s", 0.005, 0.01),
        ("timer_s", "timer_s", 0.005, 0.01),
        ("distance_m", "distance_m", 0.005, 0.01),
        ("avg_hr", "avg_heart_rate_bpm", 0, 1),
        ("max_hr", "max_heart_rate_bpm", 0, 1),
        ("avg_power", "avg_power_w", 0, 1),
        ("calories", "energy_kcal", 0, 1),
    ]
    if "elevation_gain_m" not in computed:
        figures.append(("ascent_m", "elevation_gain_m", 0, 1))
    for column, name, share, at_most in figures:
        expected = float(row[column]) if row[column] else None
        value = getattr(activity, name)
        if expected is None and (name in computed or value == 0):
            continue  # computed from what apps recorded, or told as 0
        if column == "ascent_m" and expected is not None and value is None:
            continue  # the manifest's own sum of rises
        slack = 20 if name in computed else 1
        if (value is None) != (expected is None) or (
            expected is not None and abs(value - expected) > slack * max(share * expected, at_most)
        ):
            wrong.append(f"{name} {value} instead of {expected}")
    return wrong


@FILES
def test_decode_gives_the_values_of_the_official_sdk(path: str) -> None:
    data = read(path)
    decoded = decode(data)
    told, errors = Decoder(Stream.from_byte_array(bytearray(data))).read(
        convert_datetimes_to_dates=False, merge_heart_rates=False
    )

    compared = 0
    for profile in Profile["messages"].values():
        expected = told.get(profile["messages_key"], [])
        name = profile["name"]
        if name in ("battery", "field_description", "developer_data_id", "pad"):
            continue
        mine = [message for part in decoded.parts for message in part.messages(name)]
        if not errors:
            assert len(mine) == len(expected), name
        known = {field.name for field in _fields(decoded, name)}
        times = {field["name"] for field in profile["fields"].values() if field["type"] == "date_time"}
        for ours, theirs in zip(mine, expected, strict=False):
            for field, value in theirs.items():
                if field in known:
                    own = _plain(ours.get(field))
                    if (name, field) == ("event", "data") and isinstance(own, list):
                        own = own[0]  # Zwift tells it twice: as two numbers, and as the first of them
                    assert own == _plain(value, EPOCH_S if field in times else 0), (name, field)
                    compared += 1
    assert compared or errors or not told


def _fields(decoded: Any, name: str) -> list[Any]:
    return [
        field for part in decoded.parts if name in part.tables for field in part.tables[name].message.fields.values()
    ]


def _plain(value: Any, offset: int = 0) -> Any:
    """The SDK leaves out what is no value at the end of an array, and the array round a single value."""
    if isinstance(value, list):
        kept = [_plain(it) for it in value if _plain(it) is not None]
        return kept[0] if len(kept) == 1 else kept or None
    if isinstance(value, float) and math.isnan(value):
        return None
    return value + offset if offset and isinstance(value, int) else value


@FILES
def test_decode_gives_the_app_fields_of_the_official_sdk(path: str) -> None:
    data = read(path)
    told, errors = Decoder(Stream.from_byte_array(bytearray(data))).read(merge_heart_rates=False)
    descriptions = told.get("field_description_mesgs", [])
    if errors or not descriptions:
        return

    theirs: dict[tuple[int, int], list[Any]] = defaultdict(list)
    for record in told.get("record_mesgs", []):
        for key, value in record.get("developer_fields", {}).items():
            described = descriptions[key]
            value = value[0] if isinstance(value, list) and len(value) == 1 else value
            theirs[described["developer_data_index"], described["field_definition_number"]].append(value)
    for part in decode(data).parts:
        for key, (what, column) in part.tables["record"].developer.items() if "record" in part.tables else ():
            if column.raw.ndim == 1 and what.base.code != "S":
                valid = [it for it in theirs[key] if it != what.base.invalid and it == it]
                assert column.raw.tolist() == valid, what.name


def test_compressed_timestamps_and_the_bits_of_records_are_those_of_fitdecode(shared: Path) -> None:
    # The official SDK does not read compressed headers.
    data = read("fit/python-fitparse__compressed-speed-distance.fit")
    with fitdecode.FitReader(data) as reader:
        theirs = [
            {field.name: field.value for field in frame.fields if field.value is not None}
            for frame in reader
            if frame.frame_type == fitdecode.FIT_FRAME_DATA and frame.name == "record"
        ]
    (part,) = decode(data).parts

    ours = part.messages("record")
    assert len(ours) == len(theirs) == 755
    for own, their in zip(ours, theirs, strict=True):
        assert own["timestamp"] == their["timestamp"] + EPOCH_S  # a device that knows no date
        assert [own.get(name) for name in ("heart_rate", "speed", "distance", "cadence")] == [
            their.get(name) for name in ("heart_rate", "speed", "distance", "cadence")
        ]


def test_heart_rates_of_straps_are_those_of_the_official_sdk(shared: Path) -> None:
    told = 0
    for name in ("goldencheetah__GarminHRMswim.FIT", "tormoder__activity_poolswim_with_hr.fit"):
        data = read(f"fit/{name}")
        messages, errors = Decoder(Stream.from_byte_array(bytearray(data))).read(convert_datetimes_to_dates=False)
        (activity,) = parse_fit(data, "id").activities
        stream = activity.streams["heart_rate"]
        begun = activity.start_time.timestamp()
        ours = dict(zip((stream.time_s + begun).tolist(), stream.values.tolist(), strict=True))

        assert errors == []
        before = None
        for record in messages["record_mesgs"]:
            at = record["timestamp"] + EPOCH_S
            # The SDK takes the mean of what came since the record before; we that of each second.
            if before == at - 1 and "heart_rate" in record and at in ours:
                assert ours[at] == record["heart_rate"], (name, at)
                told += 1
            before = at
    assert told > 5000


def test_files_tell_who_made_them(shared: Path) -> None:
    assert {name: fit_creator(read(f"fit/{name}")) for name in (
        "tormoder__garmin.fit", "gpsbabel__wahoo-element-bolt.fit", "fittrackee__apple_watch.fit",
        "sports-lib__6910052863.fit", "muktihari__activity_poolswim.fit",
    )} == {
        "tormoder__garmin.fit": "garmin",
        "gpsbabel__wahoo-element-bolt.fit": "wahoo_fitness",
        "fittrackee__apple_watch.fit": "strava",
        "sports-lib__6910052863.fit": "suunto",
        "muktihari__activity_poolswim.fit": "development",
    }  # fmt: skip


@FILES
def test_every_stream_is_sorted_and_every_figure_finite(path: str) -> None:
    for activity in parse_fit(read(path), "id").activities:
        for name, stream in activity.streams.items():
            assert np.all(np.diff(stream.time_s) >= 0), name
            assert np.all(np.isfinite(stream.values)), name
            assert stream.time_s[0] >= 0, name
        if "latitude" in activity.streams:
            assert np.array_equal(activity.streams["latitude"].time_s, activity.streams["longitude"].time_s)


@FILES
def test_pretty_fit_is_bounded(path: str) -> None:
    shown = pretty_fit(read(path))

    assert shown.startswith("# ")
    assert len(shown) <= 410_000
