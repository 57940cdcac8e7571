"""Each account export is its own provider's, whatever it is called, and nobody else's."""

from __future__ import annotations

import pytest

from integrations.registry import PROVIDERS, reader_of
from tests.integrations.providers.zips import Members, opened

UUID = "37672a75-5c69-4638-b765-17e954ed785f"
SESSION = {"id": "a-1", "sport_type_id": "1", "start_time": 1535793714000}
EXPORTS: dict[str, Members] = {
    "fitbit": {
        "Takeout/Google Health/Physical Activity_GoogleData/x/steps_2026-03-01.csv": "timestamp,steps,data source\n"
    },
    "polar": {f"training-session-2021-06-12-5001234567-{UUID}.json": {"exportVersion": "1.6"}},
    "samsung_health": {
        "x/com.samsung.health.weight.20260302170000.csv": "com.samsung.health.weight,6,1\nweight\n70,\n"
    },
    "adidas_running": {"Sport-sessions/a.json": SESSION},
    "peloton": {"kim.csv": "Workout Timestamp,Fitness Discipline\n"},
    "trainingpeaks": {"x/workouts.csv": "Title,WorkoutDay,TimeTotalInHours\n"},
}


@pytest.mark.parametrize("slug", EXPORTS)
def test_an_export_is_recognised_by_its_own_reader_only(slug: str) -> None:
    members = {**EXPORTS[slug], "__MACOSX/._x": "clutter", "readme.txt": "hello"}
    with opened(members, "download.zip") as container:
        found = reader_of(container)
        others = [
            provider.slug
            for provider in PROVIDERS.values()
            if provider.slug not in (slug, "file") and any(reader.recognise(container) for reader in provider.readers)
        ]

    assert found is not None
    assert (found[0].slug, others) == (slug, [])


def test_a_table_of_anybody_is_nobodys_export() -> None:
    with opened(
        {"weight.csv": "timestamp,weight\n", "activity-2024-01-01.json": {"a": 1}, "height.csv": "x\n"}
    ) as container:
        assert [slug for slug in EXPORTS if any(it.recognise(container) for it in PROVIDERS[slug].readers)] == []
