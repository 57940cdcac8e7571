from __future__ import annotations

import re

import pytest

from activities.formats import sport_words
from activities.formats.sport_words import sport_of_word
from trainstack import sports


@pytest.mark.parametrize(
    ("word", "sport"),
    [
        ("Running", "running"),
        ("Biking", "cycling"),
        ("Other", "generic"),
        ("", "generic"),
        ("jkljkl", "generic"),
        ("trail_running", "running.trail"),
        ("STREET_RUNNING", "running"),
        ("SNOWBOARDING_WS", "snowboarding"),
        ("KAYAKING_V2", "paddling.kayak"),
        ("SKATE_SKIING_WS", "xc_skiing.skate"),
        ("SWIM_TO_BIKE_TRANSITION_V2", "transition"),
        ("VirtualRide", "cycling+stationary+virtual"),
        ("EMountainBikeRide", "cycling.mountain+assisted"),
        ("E_ENDURO_MTB", "cycling.mountain+assisted"),
        ("ENDURO_MTB", "cycling.mountain"),
        ("mtb_easy", "cycling.gravel"),
        ("racebike", "cycling.road"),
        ("Nordic walking", "walking"),
        ("CROSS-COUNTRY_SKIING", "xc_skiing"),
        ("open_water_swimming", "swimming.open_water"),
        ("Laufen", "running"),
        ("Course à pied", "running"),
        ("Vélo", "cycling"),
        ("Randonnée", "walking.hiking"),
        ("Natación", "swimming"),
        ("Bergsteigen", "walking.hiking"),
        ("9", "generic"),
    ],
)
def test_words(word: str, sport: str) -> None:
    assert sport_of_word(word) == sport


@pytest.mark.parametrize(
    ("number", "sport"), [("1", "cycling"), ("9", "running"), ("10", "walking"), ("99", "generic")]
)
def test_numbers_of_strava(number: str, sport: str) -> None:
    assert sport_of_word(number, "StravaGPX Android") == sport


def test_every_sport_has_a_known_family_and_every_word_one_sport() -> None:
    words = [word for line in sport_words._WORDS.values() for word in line.split()]

    assert {sports.family(code) for code in sport_words._WORDS} <= set(sports.FAMILIES)
    assert sorted(words) == sorted(set(words))
    assert [word for word in words if not re.fullmatch(r"[a-z0-9]+", word)] == []
