from __future__ import annotations

import io

from activities.formats.container import open_file
from integrations.providers.peloton.provider import PROVIDER
from integrations.providers.peloton.reader import WorkoutsReader
from tests.integrations.providers.conftest import Sample
from tests.integrations.providers.zips import opened, parsed_of, told_of

READER = WorkoutsReader()
HEADER = "Workout Timestamp,Length (minutes),Fitness Discipline,Title\n"
RIDE = '2026-03-02 12:00 (-05),30,Cycling,"30 min Ride, Easy"\n'


def test_recognises_the_table_by_its_header(sample: Sample) -> None:
    with open_file(io.BytesIO(sample("workout/power_zone_ride_in_miles.csv")), "download (3)") as container:
        assert READER.recognise(container)
    with opened({"kim_workouts.csv": "a,b\n1,2\n"}) as container:
        assert not READER.recognise(container)


def test_each_row_is_a_record_known_by_what_stays() -> None:
    first = told_of(READER, {"a.csv": HEADER + RIDE + RIDE.replace("12:00", "13:00"), "b.txt": "x"})
    later = told_of(READER, {"b.csv": "\ufeff" + HEADER + RIDE})

    assert len(set(first.ids)) == 2
    assert first.kept == ["b.txt"]
    assert first.payloads[0].data == (HEADER + RIDE).encode()
    assert (later.payloads[0].external_id, later.payloads[0].data) == (
        first.payloads[0].external_id,
        first.payloads[0].data,
    )
    [ride] = parsed_of(PROVIDER, first, *first.ids[0]).activities
    assert ride.name == "30 min Ride, Easy"


def test_a_row_that_cannot_be_read_costs_only_itself() -> None:
    told = told_of(READER, {"a.csv": HEADER + "when?,30,Cycling,Ride\n" + RIDE})

    assert len(told.ids) == 2
    assert told.problems == []
