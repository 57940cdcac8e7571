from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainstack.units import convert, rule

FACTORS = [
    ("km", "m", 1000.0, 0.0),
    ("mi", "m", 1609.344, 0.0),
    ("yd", "m", 0.9144, 0.0),
    ("in", "cm", 2.54, 0.0),
    ("ft", "m", 0.3048, 0.0),
    ("Cal", "kcal", 1.0, 0.0),
    ("cal", "kcal", 0.001, 0.0),
    ("kJ", "kcal", 1 / 4.184, 0.0),
    ("count/s", "bpm", 60.0, 0.0),
    ("count/min", "breaths/min", 1.0, 0.0),
    ("hr", "min", 60.0, 0.0),
    ("ms", "s", 0.001, 0.0),
    ("lb", "kg", 0.45359237, 0.0),
    ("st", "kg", 6.35029318, 0.0),
    ("mcg", "mg", 0.001, 0.0),
    ("degF", "degC", 5 / 9, -160 / 9),
    ("degC", "degF", 1.8, 32.0),
    ("K", "degC", 1.0, -273.15),
    ("km/hr", "m/s", 1 / 3.6, 0.0),
    ("mi/hr", "m/s", 0.44704, 0.0),
    ("mL/min·kg", "mL/kg/min", 1.0, 0.0),
    ("mL/kg⋅min", "mL/kg/min", 1.0, 0.0),
    ("ml/(kg*min)", "mL/kg/min", 1.0, 0.0),
    ("kcal/hr·kg", "MET", 1.0, 0.0),
    ("mmol<180.1558800000541>/L", "mg/dL", 18.01558800000541, 0.0),
    ("kPa", "mmHg", 760 / 101.325, 0.0),
    ("fl_oz_us", "mL", 29.5735295625, 0.0),
    ("L/min", "mL/s", 1000 / 60, 0.0),
    ("dBASPL", "dBASPL", 1.0, 0.0),
    ("a unit of Mars", "a unit of Mars", 1.0, 0.0),
]


@pytest.mark.parametrize(
    ("told", "wanted", "scale", "offset"), FACTORS, ids=[f"{row[0]} to {row[1]}" for row in FACTORS]
)
def test_rule_gives_scale_and_offset(told: str, wanted: str, scale: float, offset: float) -> None:
    assert rule(told, wanted) == pytest.approx((scale, offset), rel=1e-15)


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        ("%", "count"),
        ("km", "kcal"),
        ("", "m"),
        ("count", "bpm"),
        ("a unit of Mars", "m"),
        ("m/Mars", "m/s"),
        ("dBASPL", "dBHL"),
    ],
)
def test_rule_knows_what_cannot_become_what(told: str, wanted: str) -> None:
    assert rule(told, wanted) is None


@pytest.mark.parametrize(
    ("value", "told", "wanted", "expected"),
    [
        (418, "cm", "m", 4.18),
        (5.234, "km", "m", 5234.0),
        (900, "kJ", "kcal", 215.10516252390056),
        (11.52, "km/hr", "m/s", 3.2),
        (98.6, "degF", "degC", 37.0),
        (None, "km", "m", None),
        (1, "km", "s", None),
        (float("nan"), "km", "m", None),
        (1e308, "km", "m", None),
        (1.7e308, "kcal", "kJ", None),
    ],
)
def test_convert_rounds_once(value: float | None, told: str, wanted: str, expected: float | None) -> None:
    assert convert(value, told, wanted) == expected


UNITS = ["km", "mi", "m", "yd", "degC", "degF", "K", "kcal", "kJ", "lb", "g", "mmHg", "kPa", "km/hr", "m/s"]


@given(st.sampled_from(UNITS), st.sampled_from(UNITS), st.floats(-1e6, 1e6))
def test_rule_there_and_back_is_where_it_began(one: str, other: str, value: float) -> None:
    there, back = rule(one, other), rule(other, one)

    assert (there is None) == (back is None)
    if there and back:
        assert (value * there[0] + there[1]) * back[0] + back[1] == pytest.approx(value, rel=1e-9, abs=1e-6)
