from __future__ import annotations

import json
from pathlib import Path

import pytest
from open_sport_taxonomy.platforms import apple_healthkit

from integrations.providers.apple_health.sports import NAME_OF, PREFIX, SPORTS, sport_of
from trainstack import sports

# Where our code differs from the sheet's hint: its snake name is another word for it, or too wide.
OTHER_WORDS = {
    "alpine_skiing": "alpine_skiing",
    "core": "strength.core",
    "crossfit": "hiit.cross_training",  # the type is cross training of any kind, not the brand's
    "cross_country_skiing": "xc_skiing",
    "hiking": "walking.hiking",
    "ice_skating": "skating",  # Apple counts every skating sport, inline too
    "kickboxing": "boxing.kickboxing",
    "other": "generic",
    "tai_chi": "martial_arts.tai_chi",
    "triathlon": "multisport.triathlon",
    "wrestling": "martial_arts.wrestling",
}
# One hint for two types that we tell apart.
TOLD_APART = {
    "FunctionalStrengthTraining": "strength.functional",
    "WheelchairWalkPace": "wheelchair.walk",
    "WheelchairRunPace": "wheelchair.run",
}


def test_sports_cover_every_documented_type(shared: Path) -> None:
    types = json.loads((shared / "providers/specs/apple_health/sport-map.json").read_text())["types"]

    expected = {
        row["name"]: TOLD_APART.get(
            row["name"].removeprefix(PREFIX), OTHER_WORDS.get(row["canonical"], row["canonical"])
        )
        for row in types
    }

    assert expected == SPORTS
    assert {row["raw"]: row["name"] for row in types} == NAME_OF


def test_sports_agree_with_the_taxonomy_where_it_knows_apples_type() -> None:
    of_taxonomy = {name: str(apple_healthkit.decode(raw)) for raw, name in NAME_OF.items()}

    known = {name: code for name, code in of_taxonomy.items() if code != "generic"}
    assert known == {name: SPORTS[name] for name in known}
    assert len(known) == 10


def test_sports_are_codes_with_a_label() -> None:
    assert sorted(set(SPORTS.values()) - set(sports.ALL)) == []


@pytest.mark.parametrize(
    ("activity_type", "facts", "expected"),
    [
        ("Running", {}, "running"),
        ("Running", {"indoor": False}, "running"),
        ("Running", {"indoor": True}, "running+stationary"),
        ("Walking", {"indoor": True}, "walking+stationary"),
        ("Rowing", {"indoor": True}, "rowing+stationary"),
        ("Cycling", {"indoor": True}, "cycling+stationary"),
        ("Cycling", {"source_name": "Zwift"}, "cycling+stationary+virtual"),
        ("Cycling", {"source_name": " ROUVY\xa0App", "indoor": True}, "cycling+stationary+virtual"),
        ("Running", {"source_name": "Zwift"}, "running+stationary+virtual"),
        ("Cycling", {"source_name": "Kinomap", "indoor": False}, "cycling"),
        ("Walking", {"source_name": "Zwift"}, "walking"),
        ("Yoga", {"indoor": True, "source_name": "Zwift"}, "yoga"),
        ("Hiking", {"indoor": True}, "walking.hiking"),
        ("Swimming", {}, "swimming"),
        ("Swimming", {"swimming_location": 0}, "swimming"),
        ("Swimming", {"swimming_location": 1}, "swimming.pool"),
        ("Swimming", {"swimming_location": 2}, "swimming.open_water"),
        ("Quidditch", {"indoor": True}, "generic"),
    ],
)
def test_sport_of_refines_by_what_the_workout_tells(activity_type: str, facts: dict, expected: str) -> None:
    assert sport_of(PREFIX + activity_type, **facts) == expected
