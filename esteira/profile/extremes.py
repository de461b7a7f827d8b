"""The smallest and the largest values of columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from esteira.profile import numbers
from esteira.profile.numbers import Numbers
from esteira.profile.shown import TEXT_CHARACTERS

Extremes = tuple[Any, Any]


def extremes(values: pa.Array, starts: Numbers) -> list[Extremes]:
    """Those of several columns that stand one after the other, as `numbers.as_stored` takes them; texts are cut as they are shown.

    Args:
        values: Without nulls, finite ones.
        starts: Where each column begins; none is empty.
    """
    if numbers.has_numbers(values.type) and not pa.types.is_decimal(values.type):
        found = numbers.stored(values)
        ends = (each.reduceat(found, starts).tolist() for each in (np.minimum, np.maximum))
        return list(zip(*ends, strict=True))
    lengths = np.diff(starts, append=len(values))
    each = (pc.min_max(values.slice(*place)) for place in zip(starts.tolist(), lengths.tolist(), strict=True))
    return [(_plain(both["min"]), _plain(both["max"])) for both in each]


def _plain(value: pa.Scalar) -> Any:
    said = value.as_py()
    return said[:TEXT_CHARACTERS] if isinstance(said, str) else said
