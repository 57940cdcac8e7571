from __future__ import annotations

import gzip
from datetime import UTC, date, datetime

from activities.domain.parsed import DayValue
from integrations.files import content_id
from integrations.providers.trainingpeaks.provider import PROVIDER
from integrations.providers.trainingpeaks.reader import ExportReader
from tests.integrations.providers.zips import opened, parsed_of, told_of

READER = ExportReader()
HEADER = "Title,WorkoutType,WorkoutDay,DistanceInMeters,TimeTotalInHours\n"
PLANNED, RUN = "Plan,Run,2026-03-05,,\n", '"Tempo, hard",Run,2026-03-03,,0.5\n'


def tcx(start: datetime, seconds: int) -> bytes:
    moment = start.strftime("%Y-%m-%dT%H:%M:%SZ")
    return (
        '<TrainingCenterDatabase xmlns="http://www.garmin.com/xmlschemas/TrainingCenterDatabase/v2"><Activities>'
        f'<Activity Sport="Running"><Id>{moment}</Id><Lap StartTime="{moment}"><TotalTimeSeconds>{seconds}'
        "</TotalTimeSeconds><DistanceMeters>0</DistanceMeters><Calories>10</Calories><Intensity>Active</Intensity>"
        f"<TriggerMethod>Manual</TriggerMethod><Track><Trackpoint><Time>{moment}</Time></Trackpoint></Track></Lap>"
        "</Activity></Activities></TrainingCenterDatabase>"
    ).encode()


FILE = tcx(datetime(2026, 3, 3, 17, 0, tzinfo=UTC), 1810)


def test_recognises_the_summary_by_its_header() -> None:
    with opened({"kim/anything.csv": "\ufeff" + HEADER}) as container:
        assert READER.recognise(container)
    with opened({"workouts.csv": "Title,Day\n", "a.tcx": FILE}) as container:
        assert not READER.recognise(container)


def test_gives_a_row_the_id_of_its_file() -> None:
    told = told_of(
        READER,
        {
            "files/kim.2026-03-03.tcx.gz": gzip.compress(FILE),
            "workouts.csv": HEADER + PLANNED + RUN,
            "metrics.csv": "a",
        },
    )

    assert told.ids == [("tcx", content_id(FILE)), ("row", content_id(FILE))]
    assert {payload.provider for payload in told.payloads} == {"trainingpeaks", ""}
    assert told.counts["planned workout"] == 1
    assert told.kept == ["metrics.csv"]
    assert parsed_of(PROVIDER, told, "row", content_id(FILE)).activities[0].name == "Tempo, hard"


def test_a_row_without_a_file_is_known_by_what_stays() -> None:
    first = told_of(READER, {"workouts.csv": HEADER + RUN})
    later = told_of(READER, {"new/workouts.csv": HEADER + PLANNED + RUN})

    assert first.ids == later.ids
    assert [kind for kind, _ in first.ids] == ["row"]


def test_two_rows_and_two_files_of_a_day_find_each_other() -> None:
    other = tcx(datetime(2026, 3, 3, 6, 0, tzinfo=UTC), 1790)
    rows = HEADER + "Long,Run,2026-03-03,,0.5028\n" + "Short,Run,2026-03-03,,0.4972\n"

    told = told_of(READER, {"a.tcx": FILE, "b.tcx": other, "workouts.csv": rows})

    assert told.ids[2:] == [("row", content_id(FILE)), ("row", content_id(other))]


def test_finds_the_summary_behind_thousands_of_files() -> None:
    files = {f"{number:05}.pwx": "" for number in range(6000)}

    told = told_of(READER, files | {"workouts.csv": HEADER + RUN})

    assert [kind for kind, _ in told.ids] == ["row"]


def test_a_damaged_file_costs_only_itself() -> None:
    told = told_of(READER, {"a.fit": b"nothing", "b.tcx": FILE[:300], "workouts.csv": HEADER + RUN})

    assert ("row" in dict(told.ids)) is True
    assert [problem.path for problem in told.problems] == ["anything.zip/a.fit"]


def test_reads_the_metrics_that_say_what_they_are() -> None:
    rows = (
        '"Timestamp","Type","Value"\r\n2026-03-02 06:00:00,Pulse,48\r\n2026-03-02 06:00:00,Weight Kilograms,"70,5"\r\n'
        "2026-03-02 06:00:00,HRV,61\r\n2026-03-03 06:00:00,HRV,62\r\n2026-03-02 06:00:00,Sleep Hours,7.5\r\n"
    )

    told = told_of(READER, {"new/metrics.csv": rows})

    key = content_id(rows.encode())
    assert told.ids == [("metrics", key)]
    assert told.counts == {"metrics": 1, "unread HRV": 2, "unread Sleep Hours": 1}
    assert parsed_of(PROVIDER, told, "metrics", key).days == (
        DayValue("resting_heart_rate", date(2026, 3, 2), 48.0),
        DayValue("weight", date(2026, 3, 2), 70.5),
    )
    with opened({"metrics.csv": rows}) as container:
        assert READER.recognise(container)
    with opened({"metrics.csv": "Timestamp,Value\n"}) as container:
        assert not READER.recognise(container)
