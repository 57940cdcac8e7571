"""Sports and devices by name."""

from __future__ import annotations

from typing import Any

import pytest
from garmin_fit_sdk.profile import Profile

from activities.formats.fit.devices import device_kind, device_name
from activities.formats.fit.profile import words_of
from activities.formats.fit.sports import _DECIDING, _NARROWING, SPORTS, sport_of, type_of
from trainstack.sports import family


def test_every_sport_of_the_profile_has_a_code() -> None:
    assert set(words_of("sport").values()) == set(SPORTS)
    assert set(Profile["types"]["sport"].values()) <= set(SPORTS)


# What says nothing of the sport: how a session went, or where, or what else ran beside it.
SILENT = {
    "generic", "all", "warm_up", "match", "exercise", "challenge", "resort", "whitewater", "navigate", "track_me",
    "map", "expedition", "trucker_workout", "overland", "trolling_motor", "rally", "fly_canopy", "fly_pressurized",
    "fly_navigate", "fly_timer", "fly_altimeter", "fly_wx", "fly_vfr", "fly_ifr",
}  # fmt: skip


def test_every_sub_sport_of_the_profile_is_decided_upon() -> None:
    known = set(_DECIDING) | {sub_sport for _, sub_sport in _NARROWING} | SILENT

    assert set(words_of("sub_sport").values()) <= known
    assert set(Profile["types"]["sub_sport"].values()) <= known


def test_names_of_the_profile_are_those_of_the_official_sdk() -> None:
    for kind in ("sport", "sub_sport", "manufacturer", "file", "event", "event_type", "swim_stroke", "set_type"):
        theirs = {int(number): word for number, word in Profile["types"][kind].items()}
        ours = {number: word for number, word in words_of(kind).items() if number in theirs}
        assert {number: word.lower() for number, word in ours.items()} == {
            number: word.lower() for number, word in theirs.items() if number in ours
        }
        assert len(ours) >= len(theirs) - 2, kind


@pytest.mark.parametrize(
    ("sport", "sub_sport", "code"),
    [
        ("running", None, "running"),
        ("running", "generic", "running"),
        ("running", "treadmill", "running+stationary"),
        ("running", "virtual_activity", "running+stationary+virtual"),
        ("walking", "treadmill", "walking+stationary"),
        ("cycling", "gravel_cycling", "cycling.gravel"),
        ("cycling", "virtual_activity", "cycling+stationary+virtual"),
        ("fitness_equipment", "indoor_rowing", "rowing+stationary"),
        ("fitness_equipment", "elliptical", "elliptical"),
        ("training", "strength_training", "strength"),
        ("training", "yoga", "yoga"),
        ("swimming", "open_water", "swimming.open_water"),
        ("racket", "padel", "padel"),
        ("hiking", None, "walking.hiking"),
        ("e_biking", "e_bike_mountain", "cycling.mountain+assisted"),
        ("alpine_skiing", "resort", "alpine_skiing"),
        ("multisport", "triathlon", "multisport.triathlon"),
        (200, 201, "generic"),
        (None, None, "generic"),
    ],
)
def test_sport_of_takes_the_sub_sport_into_account(sport: object, sub_sport: object, code: str) -> None:
    assert sport_of(sport, sub_sport) == code


def test_a_sub_sport_that_narrows_stays_in_its_family() -> None:
    moved = {
        ("running", "speed_walking"), ("training", "treadmill"), ("lacrosse", "field"),
    }  # fmt: skip
    for (sport, sub_sport), code in _NARROWING.items():
        if (sport, sub_sport) not in moved:
            assert family(code) == family(SPORTS[sport]), (sport, sub_sport)


def test_type_of_is_what_the_file_tells() -> None:
    assert [type_of("cycling", "road"), type_of("cycling"), type_of(200, 3), type_of(None)] == [
        "cycling/road", "cycling", "200/3", "",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("told", "name", "kind"),
    [
        ({"manufacturer": "garmin", "product": 3121, "garmin_product": "edge_530"}, "Garmin Edge 530", "computer"),
        ({"manufacturer": "garmin", "product": 3992, "garmin_product": "fr255"}, "Garmin Forerunner 255", "watch"),
        ({"manufacturer": "garmin", "product": 3291, "garmin_product": "fenix6x"}, "Garmin Fenix 6X", "watch"),
        (
            {"manufacturer": "garmin", "product": 2337, "garmin_product": "vivo_active_hr"},
            "Garmin vívoactive HR",
            "watch",
        ),
        ({"manufacturer": "garmin", "product": 2927, "garmin_product": "vivo_smart4"}, "Garmin vívosmart 4", "band"),
        (
            {"manufacturer": "garmin", "product": 2429, "garmin_product": "index_smart_scale"},
            "Garmin Index Smart Scale",
            "scale",
        ),
        ({"manufacturer": "garmin", "product": 65000, "garmin_product": 65000}, "Garmin 65000", "unknown"),
        ({"manufacturer": "wahoo_fitness", "product": 31}, "Wahoo ELEMNT BOLT", "computer"),
        ({"manufacturer": "hammerhead", "product": 2, "product_name": "Karoo 2"}, "Hammerhead Karoo 2", "computer"),
        ({"manufacturer": "coros", "product": 802, "product_name": "COROS PACE 2"}, "COROS PACE 2", "watch"),
        ({"manufacturer": "suunto", "product": 34}, "Suunto 9 Baro", "watch"),
        ({"manufacturer": "zwift", "product": 0}, "Zwift", "app"),
        ({"manufacturer": "strava", "product": 1161}, "Strava", "app"),
        ({"manufacturer": "strava", "product_name": "Apple Watch Series 6"}, "Strava Apple Watch Series 6", "watch"),
        ({"manufacturer": "development", "product": 0}, "", "unknown"),
        ({}, "", "unknown"),
    ],
)  # fmt: skip
def test_devices_have_the_names_that_people_know(told: dict[str, Any], name: str, kind: str) -> None:
    assert (device_name(told), device_kind(told)) == (name, kind)


def test_every_garmin_product_has_a_readable_name() -> None:
    for number, word in words_of("garmin_product").items():
        name = device_name({"manufacturer": "garmin", "product": number, "garmin_product": word})
        assert name.startswith("Garmin")
        assert "_" not in name
