"""Account exports of JSON, CSV and SQLite through the whole of an import: streams from samples, nights told twice."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from activities.domain.streams import decode_streams
from activities.models import Activity, SleepSession, SourceActivity
from tests.factories.accounts import UserFactory
from tests.integrations.providers.fitbit.test_reader import EXERCISE, GOOGLE, OLD, SLEEP
from tests.integrations.providers.health_connect.test_reader import SCHEMA, SERIES, SESSIONS, made
from tests.integrations.providers.zips import Members, zipped
from tests.integrations.services.test_imports import bring, report
from trainstack.accounts.models import User
from trainstack.storage import stream_store

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def user() -> User:
    return UserFactory()


def test_health_connect_series_become_streams_of_the_exercise(user: User, tmp_path: Path) -> None:
    of_a_runner = "DELETE FROM cycling_pedaling_cadence_record_table;"
    database = made(tmp_path, "".join((SCHEMA, SESSIONS, SERIES, of_a_runner)))

    import_file = bring(user, zipped({"hc.db": database}), "Health Connect.zip")

    run = SourceActivity.objects.get(user=user, sport="running")
    streams = decode_streams(stream_store().read(run.streams_key))
    assert import_file.state == "finished"
    assert {name: (it.time_s.tolist(), it.values.tolist()) for name, it in streams.items()} == {
        "heart_rate": ([1.0, 2.0], [120.0, 121.0]),
        "speed": ([1.0, 2.0], [2.9, 0.0]),
        "power": ([1.0], [245.0]),
        "cadence": ([1.0], [168.0]),
    }
    assert {(line.label, line.read, line.unreadable) for line in report(import_file).elements} >= {("sample", 13, 0)}


PART_1: Members = {
    f"{OLD}/exercise-0.json": [EXERCISE],
    f"{OLD}/sleep-2026-03-01.json": [SLEEP],
}
PART_2: Members = {
    f"{GOOGLE}/UserExercises_2026-03-01.csv": "exercise_id,exercise_start,exercise_end,utc_offset,activity_name\n"
    "90,2026-03-02T16:04:12Z,2026-03-02T16:34:12Z,+05:30,Run\n",
    f"{GOOGLE}/UserSleeps_2026-03-01.csv": "sleep_id,sleep_start,start_utc_offset,sleep_end,end_utc_offset\n"
    "70,2026-03-01T17:30:00Z,+05:30,2026-03-01T18:30:00Z,+05:30\n",
}


@pytest.mark.parametrize("parts", [(PART_1, PART_2), (PART_2, PART_1), (PART_1 | PART_2,)])
def test_the_parts_of_a_takeout_tell_a_run_and_a_night_once(user: User, parts: tuple[Members, ...]) -> None:
    for number, members in enumerate(parts):
        bring(user, zipped(members), f"takeout-00{number}.zip")

    night = SleepSession.objects.get(user=user)
    assert (night.external_id, night.date, night.asleep_s) == ("2026-03-01T23:00:00", date(2026, 3, 2), 3000.0)
    assert Activity.objects.filter(user=user).count() == 1
