"""The numbers behind a column's values: numbers themselves, and moments and days as their distance from 1970."""

from __future__ import annotations

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


def of(values: pa.Array) -> Numbers:
    """Whole numbers or floats (with one zero), one for each value; divided by `scale` they are in the unit of the profile."""
    kind = values.type
    if pa.types.is_decimal(kind):
        values = values.cast(pa.float64())
    elif pa.types.is_timestamp(kind):
        values = values.view(pa.int64())
    elif pa.types.is_date32(kind):
        values = pc.multiply(values.view(pa.int32()).cast(pa.int64()), _SECONDS_A_DAY)
    numbers: Numbers = values.to_numpy(zero_copy_only=False)
    return numbers + 0.0 if pa.types.is_floating(kind) else numbers


def halves(values: pa.Array) -> tuple[Numbers, Numbers]:
    """The low and the high words of decimals, which are whole numbers of 128 bits; the high one has the sign."""
    words = np.frombuffer(values.buffers()[1], dtype="<u8").reshape(-1, 2)
    low, high = words[values.offset : values.offset + len(values)].T
    return low.astype(np.uint64), high.astype(np.uint64)


def scale(kind: pa.DataType) -> int:
    """How many of `of` make one of the profile's unit: moments are stored as microseconds and told in seconds."""
    return _MICROSECONDS if pa.types.is_timestamp(kind) else 1
