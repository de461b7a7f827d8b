"""Means that do not depend on the order of addition and do not overflow: the sum is exact, and rounded once when it is divided."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from esteira.profile import numbers
from esteira.profile.numbers import Numbers

_MANTISSA_BITS = 53
_LOW_BITS = 27
_UNIT_BITS = 1126
"""Every double is a multiple of 2^-1126 once its mantissa of 53 bits is a whole number: the smallest exponent is -1073."""
_HALF_WORD = 0xFFFFFFFF


class Mean:
    """A sum and a count.

    Args:
        kind: The column's type.
    """

    def __init__(self, kind: pa.DataType) -> None:
        self._scale = 10**kind.scale if pa.types.is_decimal(kind) else numbers.scale(kind)
        self._whole = self._units = self._count = 0

    def add(self, values: pa.Array) -> None:
        """Take values without nulls, finite ones, fewer than 2^26 at a time."""
        self._count += len(values)
        if pa.types.is_decimal(values.type):
            low, high = numbers.halves(values)
            self._whole += (_whole(high.view(np.int64)) << 64) + _whole(low)
        elif pa.types.is_floating(values.type):
            self._units += _units(numbers.of(values).astype(np.float64))
        else:
            self._whole += _whole(numbers.of(values).astype(np.int64))

    def value(self) -> float | None:
        """The mean; None of nothing."""
        if not self._count:
            return None
        return ((self._whole << _UNIT_BITS) + self._units) / ((self._count * self._scale) << _UNIT_BITS)


def _whole(words: Numbers) -> int:
    """Halves of a word are summed apart: neither sum can leave 64 bits."""
    half = words.dtype.type(32)
    return (int((words >> half).sum()) << 32) + int((words & words.dtype.type(_HALF_WORD)).sum())


def _units(doubles: Numbers) -> int:
    """The sum in units of 2^-1126. By exponent, the high and the low bits of the mantissas are added as doubles, exactly: they stay below 2^53."""
    if not len(doubles):
        return 0
    fractions, exponents = np.frexp(doubles)
    mantissas = np.ldexp(fractions, _MANTISSA_BITS).astype(np.int64)
    lowest = int(exponents.min())
    high = np.bincount(exponents - lowest, mantissas >> _LOW_BITS)
    low = np.bincount(exponents - lowest, mantissas & ((1 << _LOW_BITS) - 1))
    return sum(
        ((int(high[at]) << _LOW_BITS) + int(low[at])) << (int(at) + lowest + _UNIT_BITS - _MANTISSA_BITS)
        for at in np.flatnonzero((high != 0) | (low != 0))
    )
