"""A file and the provider's own row about it become one activity."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activities.domain.parsed import Addition, Lap, ParsedActivity, Stream
from integrations.merging import FIGURES, completed, merged

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


def test_of_several_rows_of_the_provider_the_best_has_the_word_and_a_file_has_none() -> None:
    """A detail fetched after an event is fresher than the list of yesterday, which comes after it."""
    fresh = replace(ROW, provider="tempo", name="New title", sport="cycling.gravel")
    stale = replace(ROW, provider="tempo", name="Old title", sport="running", provider_type="Run", elevation_loss_m=7.0)

    assert [
        (it.name, it.sport, it.provider_type, it.elevation_loss_m) for it in merged([[FILE], [fresh], [stale]])
    ] == [("New title", "cycling.gravel", "Ride", 7.0)]
    assert merged([[fresh], [stale]])[0].name == "New title"
    # What the best does not say, the other does.
    wordless = replace(fresh, name="", sport="generic", provider_type="")
    assert [(it.name, it.sport, it.provider_type) for it in merged([[wordless], [stale]])] == [
        ("Old title", "running", "Run")
    ]


def test_an_addition_of_one_foot_is_doubled_where_the_sport_steps() -> None:
    cadence = {"cadence": Stream(np.array([0.0, 1.0]), np.array([80.0, 81.0]))}
    addition = Addition(cadence, (Lap(START, 60.0, avg_cadence_rpm=80.5), Lap(START, 9.0)), {"note": 1}, one_foot=True)
    run, ride = replace(ROW, sport="running"), ROW

    [on_foot] = completed([run], [addition])
    [on_wheels] = completed([ride], [addition])
    [told] = completed([run], [replace(addition, one_foot=False)])

    both = {"cadence": Stream(np.array([0.0, 1.0]), np.array([160.0, 162.0]))}
    assert (on_foot.streams, [lap.avg_cadence_rpm for lap in on_foot.laps]) == (both, [161.0, None])
    assert (on_wheels.streams, on_wheels.laps) == (cadence, addition.laps)
    assert (told.streams, told.laps, told.extra["note"]) == (cadence, addition.laps, 1)


figures = st.fixed_dictionaries({name: st.none() | st.integers(0, 5) for name in FIGURES})


@given(figures, figures)
@settings(max_examples=50)
def test_no_figure_is_lost_and_none_is_invented(one: dict[str, int | None], other: dict[str, int | None]) -> None:
    [told] = merged([[replace(ROW, **one)], [replace(ROW, **other)]])  # type: ignore[arg-type]

    assert {name: getattr(told, name) for name in FIGURES} == {
        name: other[name] if one[name] is None else one[name] for name in FIGURES
    }
