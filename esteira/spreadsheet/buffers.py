"""Arrow's texts as bytes: what can be told or changed of a whole column at once, without a look at each text."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Letters: TypeAlias = np.ndarray[tuple[int], np.dtype[np.uint8]]
Places: TypeAlias = np.ndarray[tuple[int], np.dtype[Any]]


FIRST_FOREIGN = 0x80
"""The lowest byte of a letter outside ASCII."""
_BLANK_BEGINS = np.isin(np.arange(256), [*range(0x21), 0xC2, 0xE1, 0xE2, 0xE3])
_BLANK_ENDS = np.isin(np.arange(256), [*range(0x21), *range(0x80, 0x8B), 0x9F, 0xA0, 0xA8, 0xA9, 0xAF])
"""Bytes that a blank of Unicode may begin or end with in UTF-8."""


def letters_of(texts: pa.StringArray) -> Letters:
    """The bytes of an array's texts, one text behind the other; not a copy."""
    offsets, data = offsets_of(texts), texts.buffers()[2]
    return np.frombuffer(b"" if data is None else data, np.uint8)[int(offsets[0]) : int(offsets[-1])]


def edges_of(texts: pa.StringArray) -> tuple[Letters, Letters]:
    """The first and the last byte of each text; of one that is empty or missing, any byte of its neighbours."""
    letters, offsets = letters_of(texts), offsets_of(texts)
    if not len(letters):
        return letters, letters
    ends = offsets - offsets[0]
    return letters.take(ends[:-1], mode="clip"), letters.take(ends[1:] - 1, mode="clip")


def trimmed(texts: pa.StringArray) -> pa.StringArray:
    """The texts without outer blanks; themselves where none has any."""
    letters = letters_of(texts)
    if not len(letters) or (letters.min() > ord(" ") and letters.max() < FIRST_FOREIGN):
        return texts
    first, last = edges_of(texts)
    may_have_blanks = _BLANK_BEGINS.take(first).any() or _BLANK_ENDS.take(last).any()
    return pc.utf8_trim_whitespace(texts) if may_have_blanks else texts


def check_text(texts: pa.StringArray) -> None:
    """Whether texts are UTF-8.

    Raises:
        ArrowInvalid: They are not.
    """
    if letters_of(texts).max(initial=0) >= FIRST_FOREIGN:
        texts.validate(full=True)


def with_letters(texts: pa.StringArray, letters: Letters) -> pa.StringArray:
    """Texts of the same lengths, with other bytes."""
    offsets = offsets_of(texts)
    return pa.StringArray.from_buffers(
        len(texts), pa.py_buffer(offsets - offsets[0]), pa.py_buffer(letters), validity_of(texts)
    )


def as_matrix(texts: pa.StringArray, width: int) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]] | None:
    """The bytes of texts that all have the same width and are all there, a row each; None when they are not so."""
    if texts.null_count or len(texts) == 0 or not (np.diff(offsets_of(texts)) == width).all():
        return None
    return letters_of(texts).reshape(len(texts), width)


def from_matrix(letters: np.ndarray[tuple[int, int], np.dtype[np.uint8]]) -> pa.StringArray:
    """Texts from rows of bytes."""
    count, width = letters.shape
    offsets = np.arange(0, (count + 1) * width, width, dtype=np.int32)
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(letters))


def cast_each(array: pa.Array, arrow: pa.DataType) -> pa.Array:
    """A cast of what can be cast: what cannot is null. Halves are tried until the culprits stand alone."""
    try:
        return array.cast(arrow)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        if len(array) == 1:
            return pa.nulls(1, arrow)
    middle = len(array) // 2
    return pa.concat_arrays([cast_each(array[:middle], arrow), cast_each(array[middle:], arrow)])


def combined(array: pa.Array | pa.ChunkedArray) -> pa.Array:
    """One array: compute functions give chunks where they were given some."""
    return (
        pa.concat_arrays(array.chunks)
        if isinstance(array, pa.ChunkedArray) and array.num_chunks
        else (pa.nulls(0, array.type) if isinstance(array, pa.ChunkedArray) else array)
    )


def offsets_of(texts: pa.StringArray) -> Places:
    """Where each text begins in the array's buffer, and where the last one ends."""
    buffer = texts.buffers()[1]
    if buffer is None:
        return np.zeros(1, np.int32)
    return np.frombuffer(buffer, np.int32)[texts.offset : texts.offset + len(texts) + 1]


def validity_of(texts: pa.StringArray) -> pa.Buffer | None:
    """The bits that tell which texts are there, from the array's own first one on."""
    return pa.array(pc.is_valid(texts).to_numpy(zero_copy_only=False)).buffers()[1] if texts.null_count else None
