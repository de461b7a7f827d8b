"""Values as the texts that a profile has of them."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

TEXT_CHARACTERS = 200
"""What is kept of a text: enough to tell what it is, and little enough for a report."""
_MICROSECONDS = 1_000_000
Values = TypeVar("Values", pa.Array, pa.ChunkedArray)


def shown(value: pa.Scalar) -> str:
    """A value: numbers in their shortest exact form and one zero, days and moments in ISO form, a moment with a zone as `…Z`. No database takes a NUL in a text."""
    kind = value.type
    if pa.types.is_timestamp(kind):
        unit = "us" if value.value % _MICROSECONDS else "s"
        return f"{np.datetime64(value.value, 'us').astype(f'datetime64[{unit}]')}{'Z' if kind.tz else ''}"
    if pa.types.is_date32(kind):
        return str(np.datetime64(value.value, "D"))
    said = value.as_py()
    if pa.types.is_decimal(kind):
        return f"{said:f}"
    if pa.types.is_boolean(kind):
        return str(said).lower()
    if pa.types.is_floating(kind):
        return str((np.float32 if pa.types.is_float32(kind) else float)(said + 0.0))
    return str(said)[:TEXT_CHARACTERS].replace("\0", "\ufffd")


def cut(values: Values) -> Values:
    """What is kept of values until they are shown: texts may have 64 KB each."""
    if not pa.types.is_string(values.type) or longest_bytes(values) <= TEXT_CHARACTERS:
        return values
    return pc.utf8_slice_codeunits(values, 0, TEXT_CHARACTERS)


def longest_bytes(texts: Values) -> int:
    """The length of the longest, in bytes: no text has more characters than bytes."""
    return pc.max(pc.binary_length(texts)).as_py() or 0
