"""Means that do not depend on the order of addition and do not overflow: the sum is exact, and rounded once when it is divided."""

from __future__ import annotations

from operator import mul

import numpy as np
import pyarrow as pa

from esteira.profile import numbers
from esteira.profile.numbers import Numbers

_MANTISSA_BITS = 53
_LOW_BITS = 27
_UNIT_BITS = 1126
"""Every double is a whole multiple of 2^-1126: `frexp` tells exponents from -1073."""
_WORD = 2**63
_HALF_WORD = 0xFFFFFFFF


def sums(values: pa.Array, starts: Numbers) -> list[int]:
    """The sums of several columns that stand one after the other, in `mean`'s units.

    Args:
        values: Without nulls, finite ones, fewer than 2^26.
        starts: Where each column begins; none is empty.
    """
    if pa.types.is_floating(values.type):
        return _double_sums(numbers.stored(values).astype(np.float64), starts)
    if pa.types.is_decimal(values.type):
        low, high = numbers.halves(values)
        halves = zip(_whole_sums(high.view(np.int64), starts), _whole_sums(low, starts), strict=True)
        return [(above << 64) + below for above, below in halves]
    return _whole_sums(numbers.stored(values).astype(np.int64), starts)


def counted_sum(values: pa.Array, rows: Numbers) -> int:
    """The sum of values that occur in many rows each, in `mean`'s units.

    Args:
        values: As for `sums`.
        rows: How many have each.
    """
    if pa.types.is_floating(values.type):
        return _counted_doubles(values, rows)
    if pa.types.is_decimal(values.type):
        low, high = numbers.halves(values)
        return (_dot(high.view(np.int64), rows) << 64) + _dot(low, rows)
    return _dot(numbers.stored(values), rows)


def mean(total: int, count: int, kind: pa.DataType) -> float | None:
    """A sum divided, in the profile's unit; None of nothing."""
    if not count:
        return None
    factor, scale = numbers.unit(kind)
    bits = _UNIT_BITS if pa.types.is_floating(kind) else 0
    return total * factor / ((count * scale) << bits)


def _counted_doubles(values: pa.Array, rows: Numbers) -> int:
    """Binary digit by digit of the counts."""
    total = 0
    for bit in range(int(rows.max()).bit_length()):
        has_it = (rows >> bit) & 1 > 0
        if has_it.any():
            total += sums(values.filter(pa.array(has_it)), np.zeros(1, np.int64))[0] << bit
    return total


def _dot(words: Numbers, rows: Numbers) -> int:
    """In Python's whole numbers where the sum might leave 64 bits: the values are few."""
    largest = max(abs(int(words.min())), abs(int(words.max())))
    if largest * int(rows.sum()) < _WORD:
        return int(np.dot(words.astype(np.int64), rows))
    return sum(map(mul, words.tolist(), rows.tolist()))


def _whole_sums(words: Numbers, starts: Numbers) -> list[int]:
    """Halves of a word are summed apart: neither sum can leave 64 bits."""
    high = np.add.reduceat(words >> words.dtype.type(32), starts).tolist()
    low = np.add.reduceat(words & words.dtype.type(_HALF_WORD), starts).tolist()
    return [(above << 32) + below for above, below in zip(high, low, strict=True)]


def _double_sums(doubles: Numbers, starts: Numbers) -> list[int]:
    """Nothing is ever rounded.

    For each column and exponent the high and the low bits of the mantissas are added apart: `bincount` adds doubles, and its sums of 27 bits stay
    below 2^53.
    """
    fractions, exponents = np.frexp(doubles)
    mantissas = np.ldexp(fractions, _MANTISSA_BITS).astype(np.int64)
    lowest = int(exponents.min())
    width, columns = int(exponents.max()) - lowest + 1, np.arange(len(starts))
    places = np.repeat(columns * width - lowest, np.diff(starts, append=len(doubles))) + exponents
    parts = (mantissas >> _LOW_BITS, mantissas & ((1 << _LOW_BITS) - 1))
    high, low = (np.bincount(places, part, len(starts) * width).astype(np.int64) for part in parts)
    totals = [0] * len(starts)
    for at in np.flatnonzero(high | low).tolist():
        totals[at // width] += ((int(high[at]) << _LOW_BITS) + int(low[at])) << (at % width)
    return [total << (lowest - _MANTISSA_BITS + _UNIT_BITS) for total in totals]
