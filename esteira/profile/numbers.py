"""The numbers behind a column's values: numbers themselves, and moments and days as their distance from 1970."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Numbers = np.ndarray[Any, Any]
_MICROSECONDS = 1_000_000
_SECONDS_A_DAY = 86_400


def has_numbers(kind: pa.DataType) -> bool:
    """Whether means and quantiles make sense."""
    return bool(
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_temporal(kind)
    )


def finite(values: pa.Array) -> pa.Array:
    """Without what is infinite or not a number: those are counted, and part of nothing else that is computed."""
    if not pa.types.is_floating(values.type):
        return values
    is_finite = pc.is_finite(values)
    return values if pc.all(is_finite).as_py() is not False else values.filter(is_finite)


def stored(values: pa.Array) -> Numbers:
    """What Arrow has of whole numbers, floats (with one zero), moments and days: `unit` tells what they count."""
    kind = values.type
    if pa.types.is_timestamp(kind):
        values = values.view(pa.int64())
    elif pa.types.is_date32(kind):
        values = values.view(pa.int32())
    numbers: Numbers = values.to_numpy(zero_copy_only=False)
    return numbers + numbers.dtype.type(0) if pa.types.is_floating(kind) else numbers


def as_stored(found: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """The way back from `stored`, and from the values themselves where it has none."""
    if pa.types.is_timestamp(kind):
        return pa.array(found, pa.int64()).view(kind)
    return pa.array(found, pa.int32()).view(kind) if pa.types.is_date32(kind) else pa.array(found, kind)


def of(values: pa.Array) -> Numbers:
    """Floats in the profile's unit, one for each value."""
    if pa.types.is_decimal(values.type):
        return stored(values.cast(pa.float64()))
    factor, scale = unit(values.type)
    return stored(values).astype(np.float64) * factor / scale


def halves(values: pa.Array) -> tuple[Numbers, Numbers]:
    """The low and the high words of decimals, which are whole numbers of 128 bits; the high one has the sign."""
    words = np.frombuffer(values.buffers()[1], dtype="<u8").reshape(-1, 2)
    low, high = words[values.offset : values.offset + len(values)].T
    return low.astype(np.uint64), high.astype(np.uint64)


def unit(kind: pa.DataType) -> tuple[int, int]:
    """What the whole number one counts of the profile's unit, as a fraction: moments are stored as microseconds and days as days, and told in seconds."""
    if pa.types.is_decimal(kind):
        return 1, 10**kind.scale
    if pa.types.is_date32(kind):
        return _SECONDS_A_DAY, 1
    return 1, _MICROSECONDS if pa.types.is_timestamp(kind) else 1
