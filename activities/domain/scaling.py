"""Decimal numbers as integers, without loss: what a source tells as `72.35` packs far better as 7235 than as double."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int32] | NDArray[np.int64]

DIGITS_MAX = 9
# Doubles count in ones up to here.
_WHOLE_MAX = 2.0**53
_POWERS = 10.0 ** np.arange(DIGITS_MAX + 1)
# A told decimal times one of these is what a unit's conversion leaves: km, %, mi, kJ, lb, ft, km/h, ...
_FACTORS = (1.0, 1000.0, 100.0, 0.001, 60.0, 1609.344, 1 / 4.184, 0.45359237, 0.3048, 0.0254, 2.54, 1 / 3.6, 0.44704)
# How many values are looked at before all are.
_PROBES = 32


@dataclass(frozen=True)
class Scale:
    """How integers become the numbers that they stand for: divided by 10 ** `digits`, then times `factor`."""

    digits: int = 0
    factor: float = 1.0

    def numbers(self, integers: NDArray[Any]) -> Floats:
        """The doubles, bit for bit those that were scaled."""
        numbers = integers / _POWERS[self.digits] if self.digits else integers.astype(np.float64)
        return numbers if self.factor == 1.0 else numbers * self.factor


def scaled(numbers: Floats) -> tuple[Integers, Scale] | None:
    """Integers and the scale that gives back every one of the numbers exactly, with as few digits as will do.

    None where no scale does: numbers that are no short decimals, or NaN, infinity and -0 among them.
    """
    if not len(numbers):
        return np.empty(0, np.int32), Scale()
    rounded = np.rint(numbers)
    if np.array_equal(rounded, numbers) and _fits(rounded):  # most are: whole seconds, beats, watts
        return _narrowed(rounded), Scale()
    probes = numbers[:: -(-len(numbers) // _PROBES)]
    with np.errstate(over="ignore", invalid="ignore"):
        for factor in _FACTORS:
            rounded = np.rint(np.multiply.outer(_POWERS, probes / factor))
            exact = (rounded / _POWERS[:, None] * factor == probes).all(axis=1)
            for digits in np.flatnonzero(exact).tolist():
                scale = Scale(digits, factor)
                rounded = np.rint(numbers / factor * _POWERS[digits])
                if np.array_equal(scale.numbers(rounded), numbers) and _fits(rounded):
                    return _narrowed(rounded), scale
    return None


def _narrowed(rounded: Floats) -> Integers:
    return rounded.astype(np.int32) if np.abs(rounded).max() < 2**31 else rounded.astype(np.int64)


def _fits(rounded: Floats) -> bool:
    return bool(np.abs(rounded).max() < _WHOLE_MAX) and not np.signbit(rounded[rounded == 0]).any()
