"""Numbers whose digits stand in groups of three, `1.234.567,89`: checked and joined for a whole column at once."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from esteira.spreadsheet.buffers import Letters, letters_of, offsets_of, validity_of

_Flags: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]
_ROWS = 4096
"""Looked at together: what is noted of them stays in the processor's cache, and below what the C library maps anew for each array."""
_EDGE = 4
"""As far as a sign between groups looks around: three digits, and what stands behind them."""


def ungrouped(texts: pa.StringArray, thousands: bytes, decimal: bytes) -> pa.StringArray | None:
    """Numbers without the signs between their groups and with a point; None where one has such a sign elsewhere.

    Args:
        texts: Of digits, minuses and the two signs.
        thousands: The sign between groups, one byte.
        decimal: The decimal sign, one byte.
    """
    made = list[pa.StringArray]()
    for first in range(0, len(texts), _ROWS):
        joined = _joined(texts[first : first + _ROWS], thousands, decimal)
        if joined is None:
            return None
        made.append(joined)
    return pa.concat_arrays(made)


def _joined(texts: pa.StringArray, thousands: bytes, decimal: bytes) -> pa.StringArray | None:
    letters, offsets = letters_of(texts), offsets_of(texts)
    ends = offsets - offsets[0]
    is_group = letters == ord(thousands)
    if not _Around(letters, ends, is_group).is_good():
        return None
    removed = np.append(np.int32(0), np.cumsum(is_group, dtype=np.int32))
    spelt = letters.tobytes().translate(bytes.maketrans(decimal, b"."), thousands)
    return pa.StringArray.from_buffers(
        len(texts), pa.py_buffer(ends - removed.take(ends)), pa.py_buffer(spelt), validity_of(texts)
    )


class _Around:
    """What stands around each letter, for all letters at once: comparing shifted flags costs less than looking at places.

    Args:
        letters: Of all texts.
        ends: Where each begins among them, and the last one ends.
        is_group: Which of them stand between groups.
    """

    def __init__(self, letters: Letters, ends: np.ndarray[Any, np.dtype[np.int32]], is_group: _Flags) -> None:
        self._count = len(letters)
        self._is_group, self._is_minus = is_group, letters == ord("-")
        begins = self._padded()
        begins[ends + _EDGE] = True
        digits = self._padded(letters - np.uint8(ord("0")) <= 9)
        self._begins = begins
        self._goes_on = digits & ~begins
        """A digit of the same text as the letter before it."""
        self._is_followed = digits.copy()
        self._is_followed[:-1] &= ~begins[1:]
        """A digit of the same text as the letter behind it."""
        self._may_begin = begins.copy()
        self._may_begin[1:] |= self._padded(is_group | self._is_minus)[:-1]
        """Where the digits of a group may begin."""

    def is_good(self) -> bool:
        """Whether each minus begins a text, and each sign between groups has one to three digits before and three behind it."""
        is_lost = self._is_minus & ~self._at(self._begins, 0)
        is_wrong = self._is_group & ~(self._has_group() & self._has_digits(1))
        return not is_lost.any() and not is_wrong.any()

    def _has_group(self) -> _Flags:
        """Three digits behind, and no fourth."""
        one, two, three, four = (self._at(self._goes_on, by) for by in range(1, _EDGE + 1))
        return one & two & three & ~four

    def _has_digits(self, nearest: int) -> _Flags:
        """From the nearest to at most the third digit before, up to where digits may begin."""
        begins = self._at(self._may_begin, -nearest)
        return self._at(self._is_followed, -nearest) & (
            begins if nearest == _EDGE - 1 else begins | self._has_digits(nearest + 1)
        )

    def _at(self, flags: _Flags, by: int) -> _Flags:
        return flags[_EDGE + by : _EDGE + by + self._count]

    def _padded(self, flags: _Flags | None = None) -> _Flags:
        padded = np.zeros(self._count + 2 * _EDGE, np.bool_)
        if flags is not None:
            padded[_EDGE:-_EDGE] = flags
        return padded
