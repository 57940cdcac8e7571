"""A FIT file as staff see it."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from io import BytesIO

import pytest

from activities.formats.fit import pretty_fit
from activities.formats.fit.pretty import SHOWN_MESSAGES
from activities.formats.pretty import Pretty, pretty
from tests.factories.fit import FitFile, activity_fit, chained, semicircles

START = datetime(2026, 5, 2, 7, 30, tzinfo=UTC)


def ride() -> FitFile:
    file = FitFile().add("file_id", type=4, manufacturer=32, product=31, time_created=START)
    file.add("developer_data_id", developer_data_index=0)
    file.add(
        "field_description", developer_data_index=0, field_definition_number=1, fit_base_type_id=0x02,
        field_name="Core", units="C",
    )  # fmt: skip
    file.add("record", {(0, 1): 37}, timestamp=START, position_lat=semicircles(48.0), speed=7.25, heart_rate=None)
    # A message and a field that nobody documents.
    file.body += bytes((0x4E, 0, 0, 0xFE, 0xFF, 1, 9, 1, 2)) + b"\x0e\x2a"
    return file


SHOWN = """\
# FIT protocol 2.0, profile 21.32
# 1 file_id, 1 developer_data_id, 1 field_description, 1 record, 1 unknown_65534

file_id 1
  type: activity
  manufacturer: wahoo_fitness
  product: 31
  time_created: 2026-05-02T07:30:00Z

developer_data_id 1
  developer_data_index: 0

field_description 1
  developer_data_index: 0
  field_definition_number: 1
  fit_base_type_id: uint8
  field_name: Core
  units: C

record 1
  position_lat: 48.000000 degrees
  speed: 7.25 m/s
  timestamp: 2026-05-02T07:30:00Z
  enhanced_speed: 7.25 m/s
  Core (app): 37 C

unknown_65534 1
  unknown_9: 42
"""


def test_pretty_fit_names_what_it_knows_and_numbers_the_rest() -> None:
    assert pretty_fit(ride().data()) == SHOWN


def test_pretty_fit_shows_the_first_of_many_and_says_how_many_there_are() -> None:
    shown = pretty_fit(activity_fit(START, points=5000))

    assert shown.count("\nrecord ") == SHOWN_MESSAGES
    assert f"  ... and {5000 - SHOWN_MESSAGES:,} more of record\n" in shown
    assert len(shown) < 10_000


def test_pretty_fit_says_what_is_wrong_and_shows_the_rest() -> None:
    shown = pretty_fit(chained([ride().data(crc=1), ride().data()]) + b"?")

    assert shown.startswith(
        "# The checksum is wrong: the file was changed or damaged after it was written.\n"
        f"# From byte {2 * len(ride().data())} on it is not FIT; what stands before was read.\n"
        "# Part 1 of 2\n"
    )


@pytest.mark.parametrize("data", [b"", b"no", b"\x0e\x20\x54\x08\x00\x00\x00\x00.FIT"], ids=["empty", "text", "header"])
def test_pretty_fit_says_where_nothing_can_be_shown(data: bytes) -> None:
    assert pretty_fit(data).endswith(".\n")


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_payloads_that_are_fit_are_shown_decoded(pack: type[bytes]) -> None:
    assert pretty(BytesIO(pack(ride().data()))) == Pretty("fit", SHOWN, note="FIT, decoded.")
