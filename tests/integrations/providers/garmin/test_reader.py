"""The zip that Garmin sends."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from integrations.providers.garmin.reader import ExportReader, Index
from tests.integrations.providers.zips import told_of
from tests.integrations.services.archives import (
    GARMIN,
    START,
    garmin_day,
    garmin_members,
    garmin_night,
    garmin_summary,
    ride,
)

READER = ExportReader()


def test_the_export_hands_on_every_entry_with_its_own_bytes_and_joins_files_by_their_start() -> None:
    first = garmin_summary(9001, 0, "One")
    leg = garmin_summary(9003, 0, "Leg", parentId=9001)
    members = garmin_members(
        summaries=[first, leg, garmin_summary(9002, 4, "Two")],
        files={
            "kim_1.fit": ride(0, manufacturer=GARMIN),
            "kim_2.fit": ride(1, manufacturer=GARMIN),
            "kim_3.txt": b"not a workout",
        },
        nights=[garmin_night(0), {"calendarDate": "2026-05-09", "sleepWindowConfirmationType": "OFF_WRIST"}],
        days=[garmin_day(0)],
        made="2026-05-20",
    )

    told = told_of(READER, members)

    fits = [external_id for kind, external_id in told.ids if kind == "fit"]
    assert [one for one in told.ids if one[0] != "fit"] == [
        ("summary", "9001"),
        ("leg", "9003"),
        ("summary", "9002"),
        ("sleep", "2026-05-02"),
        ("daily", "2026-05-02"),
    ]
    assert (fits[0], len(fits[1])) == ("9001", 32)
    assert json.loads(told.data("summary", "9001")) == first
    assert {payload.stated_at for payload in told.payloads if payload.kind != "fit"} == {
        datetime(2026, 5, 20, tzinfo=UTC)
    }
    assert {payload.provider for payload in told.payloads if payload.kind == "fit"} == {"garmin"}
    assert [path.rsplit("/", 1)[-1] for path in told.kept] == ["kim-social-profile.json", "kim_3.txt"]


@pytest.mark.parametrize(
    ("seconds", "external_id"), [(0, "a"), (5, "a"), (-5, "a"), (6, ""), (58, "b"), (62, "b"), (61, ""), (600, "")]
)
def test_a_file_is_the_activity_s_that_began_nearest_to_it(seconds: int, external_id: str) -> None:
    at = START.timestamp()
    index = Index((at, at + 60, at + 62), ("a", "b", "c"))
    if external_id == "b" and seconds == 62:
        external_id = "c"

    assert index.id_at(START + timedelta(seconds=seconds)) == external_id


def test_a_list_that_breaks_off_keeps_what_stands_before() -> None:
    whole = json.dumps([garmin_day(0), garmin_day(1)]).encode()

    told = told_of(READER, {"DI_CONNECT/DI-Connect-Aggregator/UDSFile_2026-05-01_2026-05-20.json": whole[:-30]})

    assert told.ids == [("daily", "2026-05-02")]
    assert len(told.problems) == 1
