"""Numbers whose digits stand in groups of three, `1.234.567,89`: checked and joined for a whole column at once."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from esteira.spreadsheet.buffers import letters_of, validity_of

_END, _SIGN, _GROUP, _POINT = range(_KINDS := 4)
"""What may stand around digits: an end of the text, a minus, the sign between groups, the decimal sign."""
_MOST_DIGITS = 4
"""As many digits as are told apart: no group has more than three."""


def _allowed() -> np.ndarray[tuple[int, int, int], np.dtype[np.bool_]]:
    """Whether so many digits may stand between two signs."""
    allowed = np.zeros((_KINDS, _MOST_DIGITS + 1, _KINDS), np.bool_)
    for before in (_END, _SIGN):
        allowed[before, :, [_POINT, _END]] = True
        allowed[before, 1:4, _GROUP] = True
    allowed[_END, 0, _SIGN] = True
    allowed[_GROUP, 3, [_GROUP, _POINT, _END]] = True
    allowed[_POINT, :, _END] = True
    return allowed


_ALLOWED = _allowed()


def ungrouped(texts: pa.StringArray, thousands: bytes, decimal: bytes) -> pa.StringArray | None:
    """Numbers without the signs between their groups and with a point; None where one has its signs elsewhere.

    Args:
        texts: Of digits, minuses and the two signs.
        thousands: The sign between groups, one byte.
        decimal: The decimal sign, one byte.
    """
    joined = _joined(texts)
    marks = np.flatnonzero(joined - np.uint8(ord("0")) > 9)
    kinds = _kinds(thousands, decimal).take(joined.take(marks))
    digits = np.minimum(np.diff(marks, prepend=-1) - 1, _MOST_DIGITS).astype(np.uint8)
    before = np.append(np.uint8(_END), kinds[:-1])
    if not _ALLOWED.take((before * np.uint8(_MOST_DIGITS + 1) + digits) * np.uint8(_KINDS) + kinds).all():
        return None
    ends = np.flatnonzero(kinds == _END)
    groups = np.cumsum(kinds == _GROUP, dtype=np.int32)
    lengths = marks.take(ends) - groups.take(ends) - np.arange(len(texts))
    spelt = joined.tobytes().translate(bytes.maketrans(decimal, b"."), thousands + b"\n")
    offsets = np.append(0, lengths).astype(np.int32)
    return pa.StringArray.from_buffers(len(texts), pa.py_buffer(offsets), pa.py_buffer(spelt), validity_of(texts))


def _joined(texts: pa.StringArray) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    """All texts with a line's end behind each; a missing one is empty."""
    given = pc.fill_null(texts, "") if texts.null_count else texts
    lines = pa.ListArray.from_arrays(pa.array([0, len(texts)], pa.int32()), given)
    return np.append(letters_of(pc.binary_join(lines, "\n")), np.uint8(ord("\n")))


def _kinds(thousands: bytes, decimal: bytes) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    kinds = np.zeros(256, np.uint8)
    kinds[[ord("\n"), ord("-"), ord(thousands), ord(decimal)]] = _END, _SIGN, _GROUP, _POINT
    return kinds
