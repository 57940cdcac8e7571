from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from activities.models import Activity, SourceActivity
from activities.templatetags.comparing import (
    Figure,
    RouteLine,
    near_figures,
    reason_words,
    route_line,
    side_by_side,
)
from tests.activities.keeping import keep_streams
from tests.factories.activities import SourceActivityFactory

START = datetime(2026, 5, 2, 7, 30, tzinfo=UTC)


def source(**told) -> SourceActivity:
    told = {"provider": "tempo", "external_id": "1", "sport": "running", "start_time": START, "utc_offset_s": 0} | told
    return SourceActivity(**told)


def lines(*sources):
    """Label -> (words, change where it differs) of each source."""
    return {
        line.label: [(str(cell.words), cell.change if cell.differs else None) for cell in line.cells]
        for block in side_by_side(sources, None)
        for line in block.lines
    }


def test_side_by_side_marks_what_differs_from_the_first():
    told = lines(
        source(distance_m=5000.0, elapsed_s=1800.0, avg_heart_rate_bpm=150.0),
        source(distance_m=5100.0, elapsed_s=1790.0, start_time=START + timedelta(seconds=4), sport="running.trail"),
    )

    assert told["Distance"] == [("5.00\u202fkm", None), ("5.10\u202fkm", "+2.0\u202f%")]
    assert told["Start to end"] == [("30:00", None), ("29:50", "−0:10")]
    assert told["Start"] == [("07:30:00", None), ("07:30:04", "+0:04")]
    assert told["Sport"] == [("Running", None), ("Trail running", "")]
    assert told["Average heart rate"] == [("150\u202fbpm", None), ("", None)]


def test_side_by_side_does_not_mark_what_is_each_sources_own():
    told = lines(source(device="A", provider_type="run"), source(device="B", provider_type="RUN", external_id="2"))

    assert [change for label in ("Device", "Its own word for it", "Its own id") for _, change in told[label]] == [
        None
    ] * 6


def test_side_by_side_counts_parts_and_samples():
    lap = {"start_time": START.isoformat(), "elapsed_s": 60.0}
    told = lines(source(streams={"power": 900}, laps=[lap]), source(streams={"power": 1800, "heart_rate": 5}))

    assert told["Laps and segments"] == [("1", None), ("", None)]
    assert told["Power"] == [("900\u202fsamples", None), ("1,800\u202fsamples", "")]
    assert told["Heart rate"] == [("", None), ("5\u202fsamples", None)]


def test_side_by_side_tells_all_else_but_our_own_notes():
    extra = {"metadata": {"Weather": "4 °C"}, "gear": ["a", "b"], "own_streams": ["x"], "computed": [], "empty": None}

    assert lines(source(extra=extra))["metadata Weather"] == [("4 °C", None)]
    assert lines(source(extra=extra))["gear"] == [("a, b", None)]
    assert {"own streams", "computed", "empty"} & lines(source(extra=extra)).keys() == set()


def test_side_by_side_names_what_none_tells():
    (figures,) = [block for block in side_by_side([source(elapsed_s=60.0)], None) if block.title == "Times and figures"]

    assert "Average power" in figures.untold
    assert "Start to end" not in figures.untold


def test_side_by_side_says_what_we_worked_out():
    (line,) = [
        line
        for block in side_by_side([source(avg_power_w=200.0, extra={"computed": ["avg_power_w"]})], None)
        for line in block.lines
        if line.label == "Average power"
    ]

    assert line.cells[0].worked_out


def test_near_figures_say_how_far_the_other_is():
    one = Activity(sport="running", primary=source(distance_m=5000.0, elapsed_s=1800.0))
    other = Activity(sport="running", primary=source(distance_m=4000.0, start_time=START - timedelta(minutes=3)))

    assert near_figures(one, other, None) == [
        Figure("Sport", "Running", False, ""),
        Figure("Start", "07:30:00", True, "+3:00"),
        Figure("Start to end", "30:00", False, ""),
        Figure("Distance", "5.00\u202fkm", True, "+25.0\u202f%"),
    ]


@pytest.mark.parametrize("words", ["clock_shift", "just_outside", "other_family", "inside", "some_new_reason"])
def test_every_reason_has_words(words):
    assert reason_words(words)[0].isupper()


def test_route_line_fits_its_box_with_north_at_the_top(db):
    row = keep_streams(SourceActivityFactory(), latitude=([0, 1, 2], [48, 49, 48]), longitude=([0, 1, 2], [7, 7, 7]))

    assert route_line(row) == RouteLine("M60.0 74.0L60.0 6.0L60.0 74.0", (60.0, 74.0))


@pytest.mark.parametrize(
    "streams",
    [
        {},
        {"heart_rate": ([0], [1])},
        {"latitude": ([0], [48]), "longitude": ([0], [7])},
        {"latitude": ([0, 1], [np.nan, np.nan]), "longitude": ([0, 1], [7, 7])},
    ],
    ids=["none", "no places", "one place", "places unknown"],
)
def test_route_line_of_too_few_places_is_none(db, streams):
    assert route_line(keep_streams(SourceActivityFactory(), **streams)) is None
