"""Conversions into canonical units, and nothing else.

A unit is read as a product of the units below over another product (`mL/min·kg`, `ml/(kg*min)` and `mL/kg/min` are the
same), so that spellings and combinations need no row of their own. Upper and lower case differ: `Cal` is 1,000 `cal`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache
from math import isfinite

# Unit -> how much of the dimension's own unit it is. Fractions: two exact numbers give one exact factor.
_DIMENSIONS: Mapping[str, Mapping[str, str]] = {
    "length": {
        "m": "1", "km": "1000", "cm": "1/100", "mm": "1/1000", "mi": "1609.344", "yd": "0.9144", "ft": "0.3048",
        "in": "0.0254",
    },
    "time": {"s": "1", "sec": "1", "ms": "1/1000", "min": "60", "hr": "3600", "h": "3600", "d": "86400"},
    "mass": {
        "g": "1", "kg": "1000", "mg": "1/1000", "mcg": "1/1000000", "µg": "1/1000000", "lb": "453.59237",
        "lbs": "453.59237", "oz": "28.349523125", "st": "6350.29318",
    },
    "energy": {"kcal": "1", "Cal": "1", "cal": "1/1000", "kJ": "1/4.184", "J": "1/4184"},
    "volume": {
        "mL": "1", "ml": "1", "L": "1000", "l": "1000", "dL": "100", "dl": "100", "cL": "10",
        "fl_oz_us": "29.5735295625", "fl_oz_imp": "28.4130625", "cup_us": "236.5882365", "cup_imp": "284.130625",
        "pt_us": "473.176473", "pt_imp": "568.26125",
    },
    "pressure": {
        "mmHg": "1", "cmHg": "10", "inHg": "25.4", "atm": "760", "kPa": "760/101.325", "hPa": "760/1013.25",
        "Pa": "760/101325", "cmAq": "980.665/1333.22387415",
    },
    "count": {"count": "1", "breaths": "1", "beats": "1", "steps": "1"},
    "ratio": {"%": "1"},
    "conductance": {"S": "1", "mS": "1/1000", "mcS": "1/1000000", "µS": "1/1000000"},
    "dose": {"IU": "1"},
    "sound": {"dBASPL": "1"},
    "hearing": {"dBHL": "1"},
    "light": {"lux": "1", "lx": "1"},
    "effort": {"appleEffortScore": "1", "score": "1"},
    "temperature": {"K": "1"},
}  # fmt: skip
# Names for products, in words of the above.
_NAMED = {
    "bpm": "count/min",
    "rpm": "count/min",
    "spm": "count/min",
    "Hz": "count/s",
    "mph": "mi/h",
    "kph": "km/h",
    "W": "J/s",
    "MET": "kcal/kg/h",
}
# Temperatures that do not start at absolute zero: kelvin = told * factor + offset.
_SHIFTED = {"degC": (Fraction(1), Fraction("273.15")), "degF": (Fraction(5, 9), Fraction("459.67") * Fraction(5, 9))}
_SPELLINGS = {"°C": "degC", "°F": "degF", "℃": "degC", "℉": "degF", "μ": "µ"}

_MOLES = re.compile(r"(m?)mol<([0-9.]+)>")
_FACTOR = re.compile(r"[^./()]+")

# The factor, and the power of each dimension.
_Size = tuple[Fraction, tuple[tuple[str, int], ...]]


def rule(from_unit: str, to_unit: str) -> tuple[float, float] | None:
    """(scale, offset) with `told * scale + offset` in `to_unit`; None where the one cannot become the other."""
    exact = _rule(from_unit, to_unit)
    return exact and (float(exact[0]), float(exact[1]))


def convert(value: float | None, from_unit: str, to_unit: str) -> float | None:
    """The value in `to_unit`, rounded once; None where no number was told or the unit cannot become the other."""
    exact = _rule(from_unit, to_unit)
    if value is None or exact is None or not isfinite(value):
        return None
    scale, offset = exact
    # Whole factors and whole divisors round once by themselves; the rest is counted in the decimals that were told.
    if not offset and scale.denominator == 1:
        converted = value * scale.numerator
    elif not offset and scale.numerator == 1:
        converted = value / scale.denominator
    else:
        try:
            converted = float(Fraction(repr(float(value))) * scale + offset)
        except OverflowError:
            return None
    return converted if isfinite(converted) else None


@lru_cache(maxsize=4096)
def _rule(from_unit: str, to_unit: str) -> tuple[Fraction, Fraction] | None:
    told, wanted = _clean(from_unit), _clean(to_unit)
    if told == wanted:
        return Fraction(1), Fraction(0)
    source, target = _shifted(told), _shifted(wanted)
    if source is None or target is None or source[1] != target[1]:
        return None
    (scale, offset), (target_scale, target_offset) = source[0], target[0]
    return scale / target_scale, (offset - target_offset) / target_scale


def _clean(unit: str) -> str:
    for spelling, ours in _SPELLINGS.items():
        unit = unit.replace(spelling, ours)
    return re.sub(r"[·⋅∙•*]", ".", re.sub(r"\s+", "", unit))


def _shifted(unit: str) -> tuple[tuple[Fraction, Fraction], tuple[tuple[str, int], ...]] | None:
    if unit in _SHIFTED:
        return _SHIFTED[unit], (("temperature", 1),)
    size = _size(unit)
    return size and ((size[0], Fraction(0)), size[1])


def _size(unit: str) -> _Size | None:
    """A product of units as one factor and the powers of its dimensions; None where a part is unknown."""
    # A molar mass may hold a decimal point, which elsewhere multiplies.
    masses = {f"mol{index}": moles for index, moles in enumerate(_MOLES.finditer(unit))}
    for name, moles in masses.items():
        unit = unit.replace(moles.group(), name)
    factor, powers = Fraction(1), Counter[str]()
    above, _, below = unit.partition("/")
    for part, sign in ((above, 1), (below, -1)):
        for name in _FACTOR.findall(part):
            if name in masses:
                known: _Size | None = (
                    Fraction(masses[name].group(2)) / (1000 if masses[name].group(1) else 1), (("mass", 1),),
                )  # fmt: skip
            else:
                known = _size(_NAMED[name]) if name in _NAMED else _BASE.get(name)
            if known is None:
                return None
            factor *= known[0] ** sign
            for dimension, power in known[1]:
                powers[dimension] += sign * power
    if not powers:
        return None
    return factor, tuple(sorted((dimension, power) for dimension, power in powers.items() if power))


def _fraction(text: str) -> Fraction:
    above, _, below = text.partition("/")
    return Fraction(above) / Fraction(below or 1)


_BASE: dict[str, _Size] = {
    unit: (_fraction(size), ((dimension, 1),))
    for dimension, units in _DIMENSIONS.items()
    for unit, size in units.items()
}
