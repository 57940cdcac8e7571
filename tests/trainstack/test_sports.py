from __future__ import annotations

import pytest
from open_sport_taxonomy import Sport

from trainstack import sports


@pytest.mark.parametrize(
    ("code", "family"),
    [
        ("running.trail", "running"),
        ("running+stationary", "running"),
        ("walking.hiking", "walking"),
        ("cycling.mountain+assisted", "cycling"),
        ("strength", "strength"),
        ("generic", "generic"),
    ],
)
def test_family_is_the_code_before_the_first_dot_or_plus(code: str, family: str) -> None:
    assert sports.family(code) == family


@pytest.mark.parametrize(
    ("code", "label"),
    [
        ("running.trail", "Trail running"),
        ("xc_skiing.skate+roller", "Skate roller skiing"),
        ("hiit", "HIIT"),
        ("boxing.kickboxing", "Kickboxing"),
        ("generic", "Other"),
        ("strength+race+group", "Strength (group, race)"),
        ("underwater_chess.blitz", "Underwater chess blitz"),
    ],
)
def test_label_speaks_to_a_person(code: str, label: str) -> None:
    assert sports.label(code) == label


def test_all_holds_the_taxonomy_and_keeps_its_grammar() -> None:
    assert {str(sport) for sport in Sport.all()} < set(sports.ALL)
    assert [code for code in sports.ALL if str(Sport.parse(code)) != code] == []
    assert [code for code in sports.ALL if sports.family(code) not in sports.FAMILIES] == []


def test_all_codes_of_a_kind_have_one_label_each() -> None:
    labels = [sports.label(code) for code in sports.ALL]

    assert len(set(labels)) == len(labels)


def test_is_step_sport_counts_feet() -> None:
    stepped = [code for code in sports.ALL if sports.is_step_sport(code)]

    assert {sports.family(code) for code in stepped} == {"running", "walking", "snowshoeing"}
    assert "walking.hiking" in stepped


def test_icon_is_one_of_those_that_are_drawn() -> None:
    assert {sports.icon(code) for code in sports.ALL} == sports.ICONS
    assert sports.icon("cycling.gravel") == "ride"
    assert sports.icon("underwater_chess") == "other"
