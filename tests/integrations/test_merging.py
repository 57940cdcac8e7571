"""A file and the provider's own row about it become one activity."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activities.domain.parsed import Lap, ParsedActivity, Stream
from integrations.merging import FIGURES, merged

START = datetime(2026, 5, 2, 7, 30, tzinfo=UTC)
HEART = {"heart_rate": Stream(np.array([0.0, 1.0]), np.array([120.0, 121.0]))}
FILE = ParsedActivity(
    "7", "cycling.road", START, name="2026-05-02", provider_type="cycling/road", elapsed_s=60.0, distance_m=300.0,
    device="ELEMNT", device_kind="computer", streams=HEART, laps=(Lap(START, 60.0),),
    extra={"computed": ["distance_m"], "battery": 9},
)  # fmt: skip
ROW = ParsedActivity(
    "7", "cycling", START, name="Before work", provider_type="Ride", elapsed_s=61.0, moving_s=50.0, distance_m=310.0,
    extra={"gear": "Blue", "battery": 1},
)  # fmt: skip


def test_figures_come_from_the_first_that_tells_them_and_words_from_the_last() -> None:
    assert merged([[FILE], [ROW]]) == (
        replace(
            FILE,
            name="Before work",
            provider_type="Ride",
            moving_s=50.0,
            # What the file only computed is told by the row.
            distance_m=310.0,
            extra={"gear": "Blue", "battery": 9},
        ),
    )


def test_what_nobody_told_stays_computed() -> None:
    [one] = merged([[FILE], [replace(ROW, distance_m=None)]])

    assert (one.distance_m, one.extra["computed"]) == (300.0, ["distance_m"])


@pytest.mark.parametrize(
    ("file", "row", "sport"),
    [
        ("cycling.road", "cycling", "cycling.road"),
        ("cycling+stationary", "cycling+stationary+virtual", "cycling+stationary+virtual"),
        ("cycling", "running", "running"),
        ("generic", "yoga", "yoga"),
        ("yoga", "generic", "yoga"),
    ],
)
def test_the_sport_is_the_row_s_unless_the_file_says_the_same_more_closely(file: str, row: str, sport: str) -> None:
    assert merged([[replace(FILE, sport=file)], [replace(ROW, sport=row)]])[0].sport == sport


def test_legs_stay_with_their_parent_and_several_efforts_take_the_name() -> None:
    legs = [replace(FILE, external_id="7"), replace(FILE, external_id="7#1", parent=0, name="")]
    efforts = [replace(FILE, external_id="7#1"), replace(FILE, external_id="7#2")]

    assert [(it.external_id, it.parent, it.name) for it in merged([legs, [ROW]])] == [
        ("7", None, "Before work"),
        ("7#1", 0, ""),
    ]
    assert [(it.external_id, it.parent, it.name) for it in merged([efforts, [ROW]])] == [
        ("7#1", None, "Before work"),
        ("7#2", None, "Before work"),
    ]


def test_a_row_without_a_file_is_an_activity_by_itself() -> None:
    assert merged([[], [ROW]]) == (ROW,)
    assert merged([]) == ()
    assert merged([[FILE], []]) == (FILE,)


figures = st.fixed_dictionaries({name: st.none() | st.integers(0, 5) for name in FIGURES})


@given(figures, figures)
@settings(max_examples=50)
def test_no_figure_is_lost_and_none_is_invented(one: dict[str, int | None], other: dict[str, int | None]) -> None:
    [told] = merged([[replace(ROW, **one)], [replace(ROW, **other)]])  # type: ignore[arg-type]

    assert {name: getattr(told, name) for name in FIGURES} == {
        name: other[name] if one[name] is None else one[name] for name in FIGURES
    }
