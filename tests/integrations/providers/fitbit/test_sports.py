from __future__ import annotations

import json
from pathlib import Path

import pytest

from integrations.providers.fitbit.sports import IDS, TYPES, sport_of
from trainstack import sports


def test_sports_cover_every_documented_type(shared: Path) -> None:
    documented = json.loads((shared / "providers/specs/fitbit/sport-map.json").read_text())

    assert TYPES.keys() == {row["name"] for row in documented["google_health"]}
    assert IDS.keys() == {str(row["activityTypeId"]) for row in documented["fitbit_web_api"]}
    assert {*TYPES.values(), *IDS.values()} <= set(sports.ALL)


@pytest.mark.parametrize(
    ("name", "type_id", "expected"),
    [
        ("Run", 90009, "running"),
        ("Treadmill", 90019, "running+stationary"),
        ("Outdoor Bike", 1071, "cycling"),
        ("Mountain bike", None, "cycling.mountain"),
        ("POOL", 90024, "swimming"),
        ("Swim", 1071, "swimming"),
        ("Quidditch", None, "generic"),
        ("", "52001", "yoga"),
    ],
)
def test_sport_of_believes_a_known_name_before_the_number(name: str, type_id: object, expected: str) -> None:
    assert sport_of(name, type_id) == expected
