"""Decimal numbers as integers, without loss: what a source tells as `72.35` packs far better as 7235 than as double."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

DIGITS_MAX = 9
# Doubles count in ones up to here.
_WHOLE_MAX = 2.0**53
_MINUS_ZERO = np.iinfo(np.int64).min
_POWERS = 10.0 ** np.arange(DIGITS_MAX + 1)
# A told decimal times one of these is what a unit's conversion leaves: km, %, mi, kJ, lb, ft, km/h, ...
_FACTORS = np.array(
    [1.0, 1000.0, 100.0, 0.001, 60.0, 1609.344, 1 / 4.184, 0.45359237, 0.3048, 0.0254, 2.54, 1 / 3.6, 0.44704]
)
# How many values are looked at before all are.
_PROBES = 32


@dataclass(frozen=True)
class Scale:
    """How integers become the numbers that they stand for: divided by 10 ** `digits`, then times `factor`."""

    digits: int = 0
    factor: float = 1.0

    def numbers(self, integers: NDArray[Any]) -> Floats:
        """The doubles, bit for bit those that were scaled."""
        numbers = integers / _POWERS[self.digits] if self.digits else integers.astype(np.float64, copy=False)
        return numbers if self.factor == 1.0 else numbers * self.factor


def scaled(numbers: Floats) -> tuple[Integers, Scale] | None:
    """Integers and the scale that gives back every one of the numbers exactly, with as few digits as will do.

    None where no scale does: numbers that are no short decimals, or NaN, infinity and -0 among them.
    """
    if not len(numbers):
        return np.empty(0, np.int64), Scale()
    rounded = np.rint(numbers)
    if (rounded == numbers).all() and _fits(rounded, numbers):  # most are: whole seconds, beats, watts
        return rounded.astype(np.int64), Scale()
    probes = numbers[:: -(-len(numbers) // _PROBES)]
    with np.errstate(over="ignore", invalid="ignore"):
        # Most others are as they were told; conversions are tried last.
        for factors in (_FACTORS[:1], _FACTORS[1:]):
            for scale in _scales_of(probes, factors):
                told = numbers if scale.factor == 1.0 else numbers / scale.factor
                rounded = np.rint(told * _POWERS[scale.digits])
                if (scale.numbers(rounded) == numbers).all() and _fits(rounded, numbers):
                    return rounded.astype(np.int64), scale
    return None


def _scales_of(probes: Floats, factors: Floats) -> Iterator[Scale]:
    """The scales that give back these few numbers."""
    powers = _POWERS[:, None]
    rounded = np.rint(probes / factors[:, None, None] * powers)
    exact = (rounded / powers * factors[:, None, None] == probes).all(axis=2)
    for place in np.flatnonzero(exact).tolist():
        factor, digits = divmod(place, len(_POWERS))
        yield Scale(digits, float(factors[factor]))


def _fits(rounded: Floats, numbers: Floats) -> bool:
    """Whether these are exact as integers; -0 is none."""
    return bool(np.abs(rounded).max() < _WHOLE_MAX) and not (numbers.view(np.int64) == _MINUS_ZERO).any()
