from __future__ import annotations

import pytest

from activities.formats.apple_health.identity import device_fields, source_key, workout_identity

WORKOUT = {
    "workoutActivityType": "HKWorkoutActivityTypeYoga",
    "startDate": "2026-03-02 17:04:00 +0100",
    "endDate": "2026-03-02 17:47:40 +0100",
    "sourceName": "Ana’s Apple\xa0Watch",
    "creationDate": "2026-03-02 17:48:01 +0100",
}


@pytest.mark.parametrize(
    "change",
    [
        {"startDate": "2026-03-02 11:04:00 -0500"},
        {"sourceName": "Ana’s  Apple Watch "},
        {"sourceName": "Ana’s Apple\u3000Watch"},
        {"creationDate": "2027-01-01 00:00:00 +0000"},
        {"device": "<<HKDevice: 0x1>, name:Apple Watch>"},
        {"duration": "43"},
    ],
    ids=["another offset", "plain spaces", "a wide space", "a restored phone", "a device string", "a duration"],
)
def test_workout_identity_stays(change: dict[str, str]) -> None:
    assert workout_identity(WORKOUT | change) == workout_identity(WORKOUT) == "f4a0c4a96a9f700e1766c60e18c90339"


@pytest.mark.parametrize(
    "change",
    [
        {"workoutActivityType": "HKWorkoutActivityTypePilates"},
        {"startDate": "2026-03-02 17:04:01 +0100"},
        {"endDate": "never"},
        {"sourceName": "Ana’s iPhone"},
    ],
)
def test_workout_identity_tells_apart(change: dict[str, str]) -> None:
    assert workout_identity(WORKOUT | change) != workout_identity(WORKOUT)


def test_source_key_makes_forms_equal() -> None:
    assert source_key("  Ｒobin’s\tApple\xa0Watch ⌚ ") == "Robin’s Apple Watch ⌚"


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (
            "<<HKDevice: 0x301a>, name:Apple Watch, manufacturer:Apple Inc., model:Watch, hardware:Watch6,18, "
            "software:11.3>",
            {
                "name": "Apple Watch",
                "manufacturer": "Apple Inc.",
                "model": "Watch",
                "hardware": "Watch6,18",
                "software": "11.3",
            },
        ),
        ("<<HKDevice: 0xFF>, name:Strap, the blue one, model:H10>", {"name": "Strap, the blue one", "model": "H10"}),
        ("<Watch6,4>", {"name": "Watch6,4"}),
        ("<<HKDevice: 0x301a>>", {}),
        ("", {}),
    ],
)
def test_device_fields_leave_the_address_out(told: str, expected: dict[str, str]) -> None:
    assert device_fields(told) == expected
