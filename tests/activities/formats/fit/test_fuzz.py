"""Damaged files: never a crash, a hang, or more memory than the file is worth."""

from __future__ import annotations

import json
import time
import tracemalloc
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from activities.domain.streams import encode_streams
from activities.formats.errors import Unreadable
from activities.formats.fit import fit_created, fit_creator, fit_kind, parse_fit, pretty_fit
from tests.activities.formats.fit.test_shared import read
from tests.conftest import SHARED

NAMES = (
    "muktihari__activity_multisport.fit", "python-fitparse__WeightScaleMultiUser.fit", "python-fitparse__Activity.fit",
    "python-fitparse__MonitoringFile.fit", "python-fitparse__compressed-speed-distance.fit",
    "python-fitparse__elemnt-bolt-no-application-id-inside-developer-data-id.fit", "fittrackee__apple_watch.fit",
    "python-fitparse__activity-settings.fit", "sports-lib__7617306288.fit", "goldencheetah__GarminHRMswim.FIT",
    "peloton-to-garmin__strength_with_exercises.fit",
)  # fmt: skip
FILES = [name for name in NAMES if (SHARED / "data" / "fit" / name).is_file()]

# (what, where as a share of the file, how many bytes, with what)
CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["cut", "flip", "zero", "fill", "repeat", "drop", "swap"]),
        st.floats(0, 1),
        st.integers(1, 64),
        st.integers(0, 255),
    ),
    min_size=1,
    max_size=6,
)


def damaged(data: bytes, changes: list[tuple[str, float, int, int]]) -> bytes:
    changed = bytearray(data)
    for what, share, length, value in changes:
        at = int(share * len(changed))
        piece = changed[at : at + length]
        if what == "cut":
            del changed[at:]
        elif what == "flip" and piece:
            changed[at] ^= value or 1
        elif what == "zero":
            changed[at : at + len(piece)] = bytes(len(piece))
        elif what == "fill":
            changed[at : at + len(piece)] = bytes((value,)) * len(piece)
        elif what == "repeat":
            changed[at:at] = piece * (value % 8)
        elif what == "drop":
            del changed[at : at + length]
        elif what == "swap":
            changed[at : at + len(piece)] = piece[::-1]
    return bytes(changed)


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(changes=CHANGES)
def test_a_damaged_file_gives_what_can_be_read_or_says_that_nothing_can(
    name: str, changes: list[tuple[str, float, int, int]]
) -> None:
    data = damaged(read(f"fit/{name}"), changes)
    began = time.process_time()

    with suppress(Unreadable):
        for activity in parse_fit(data, "id").activities:
            assert activity.start_time.tzinfo is not None
            encode_streams(activity.streams)
            json.dumps(activity.extra, allow_nan=False)
            for stream in activity.streams.values():
                assert np.all(np.isfinite(stream.values))
                assert np.all(np.diff(stream.time_s) >= 0)
    fit_kind(data), fit_creator(data), fit_created(data)
    assert len(pretty_fit(data)) < 500_000
    assert time.process_time() - began < 20


@settings(max_examples=200)
@given(data=st.binary(max_size=400))
def test_bytes_behind_a_header_are_read_or_refused(data: bytes) -> None:
    whole = b"\x0e\x20\x54\x08" + len(data).to_bytes(4, "little") + b".FIT\0\0" + data
    with suppress(Unreadable):
        parse_fit(whole, "id")


def _hostile(body: bytes) -> bytes:
    return b"\x0e\x20\x54\x08" + len(body).to_bytes(4, "little") + b".FIT\0\0" + body + b"\0\0"


RECORD = b"\x40\0\0\x14\0"  # the definition of a record, little-endian; the number of its fields follows
ALTERNATING = (RECORD + b"\x01\x03\x01\x02") + (b"\x41\0\0\x14\0\x01\x07\x02\x84")


@pytest.mark.parametrize(
    "data",
    [
        _hostile(RECORD + b"\0" + bytes(4_000_000)),
        _hostile(ALTERNATING + b"\x00\x64\x01\x00\x01" * 500_000),
        _hostile(b"".join(bytes((0x40, 0, 0, at & 0xFF, at >> 8, 255)) + bytes((3, 1, 2)) * 255 + b"\0" + b"\1" * 255
                          for at in range(1500))),
        _hostile((RECORD + b"\xff" + bytes((3, 1, 2)) * 255 + b"\0" + b"\1" * 255) * 2000),
        b"".join(_hostile(RECORD + b"\x01\x03\x01\x02\x00\x64") for _ in range(50_000)),
        _hostile(RECORD + b"\x01\xfd\x04\x86" + b"\x00\x64\x00\x00\x30" * 1000 + b"\x80" * 200_000),
    ],
    ids=["a million empty messages", "alternating layouts", "absurd layouts", "redefined", "many parts", "compressed"],
)  # fmt: skip
def test_a_hostile_file_costs_no_more_than_a_large_one(data: bytes) -> None:
    began = time.process_time()
    tracemalloc.start()
    with suppress(Unreadable):
        parse_fit(data, "id")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert time.process_time() - began < 60
    assert peak < 600 * 2**20


def test_every_prefix_of_a_file_is_read_or_refused(shared: Path) -> None:
    data = read("fit/python-fitparse__Activity.fit")
    for length in range(len(data)):
        with suppress(Unreadable):
            parse_fit(data[:length], "id")
