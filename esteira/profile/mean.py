"""Means that do not depend on the order of addition and do not overflow: the sum is exact, and rounded once when it is divided."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from esteira.profile import numbers
from esteira.profile.numbers import Numbers

_MANTISSA_BITS = 53
_LOW_BITS = 27
_LOWEST_EXPONENT, _EXPONENTS = -1073, 2098
"""Of doubles, as `frexp` tells them: up to 1024."""
_UNIT_BITS = _MANTISSA_BITS - _LOWEST_EXPONENT
"""Every double is a whole multiple of 2^-1126."""
_HALF_WORD = 0xFFFFFFFF


class Mean:
    """A sum and a count.

    Args:
        kind: The column's type.
    """

    def __init__(self, kind: pa.DataType) -> None:
        self._scale = 10**kind.scale if pa.types.is_decimal(kind) else numbers.scale(kind)
        self._whole = self._count = 0
        self._doubles = _Doubles() if pa.types.is_floating(kind) else None

    def add(self, values: pa.Array) -> None:
        """Take values without nulls, finite ones, fewer than 2^26 at a time."""
        self._count += len(values)
        if self._doubles is not None:
            self._doubles.add(numbers.of(values).astype(np.float64))
        elif pa.types.is_decimal(values.type):
            low, high = numbers.halves(values)
            self._whole += (_whole(high.view(np.int64)) << 64) + _whole(low)
        else:
            self._whole += _whole(numbers.of(values).astype(np.int64))

    def value(self) -> float | None:
        """The mean; None of nothing."""
        if not self._count:
            return None
        units = self._doubles.units() if self._doubles else self._whole << _UNIT_BITS
        return units / ((self._count * self._scale) << _UNIT_BITS)


class _Doubles:
    """An exact sum. For each exponent the high and the low bits of the mantissas are added apart, so that nothing is ever rounded."""

    def __init__(self) -> None:
        self._high, self._low = np.zeros(_EXPONENTS, np.int64), np.zeros(_EXPONENTS, np.int64)

    def add(self, doubles: Numbers) -> None:
        """`bincount` adds doubles: its sums of 27 bits stay below 2^53."""
        fractions, exponents = np.frexp(doubles)
        mantissas = np.ldexp(fractions, _MANTISSA_BITS).astype(np.int64)
        exponents -= _LOWEST_EXPONENT
        self._high += np.bincount(exponents, mantissas >> _LOW_BITS, _EXPONENTS).astype(np.int64)
        self._low += np.bincount(exponents, mantissas & ((1 << _LOW_BITS) - 1), _EXPONENTS).astype(np.int64)

    def units(self) -> int:
        """The sum in units of 2^-1126."""
        used = (int(at) for at in np.flatnonzero(self._high | self._low))
        return sum(((int(self._high[at]) << _LOW_BITS) + int(self._low[at])) << at for at in used)


def _whole(words: Numbers) -> int:
    """Halves of a word are summed apart: neither sum can leave 64 bits."""
    half = words.dtype.type(32)
    return (int((words >> half).sum()) << 32) + int((words & words.dtype.type(_HALF_WORD)).sum())
