"""Arrow's texts as bytes: what can be told or changed of a whole column at once, without a look at each text."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def texts_bytes(texts: pa.StringArray) -> bytes:
    """The texts of an array, one behind the other."""
    offsets, data = _offsets(texts), texts.buffers()[2]
    return b"" if data is None or not len(offsets) else data[int(offsets[0]) : int(offsets[-1])].to_pybytes()


def has_only(content: bytes, letters: bytes) -> bool:
    """Whether bytes are all among these."""
    return not content.translate(None, letters)


def with_bytes(texts: pa.StringArray, content: bytes) -> pa.StringArray:
    """Texts of the same lengths, with other bytes."""
    offsets = _offsets(texts)
    return pa.StringArray.from_buffers(
        len(texts), pa.py_buffer(offsets - offsets[0]), pa.py_buffer(content), _validity(texts)
    )


def as_matrix(texts: pa.StringArray, width: int) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]] | None:
    """The bytes of texts that all have the same width and are all there, a row each; None when they are not so."""
    offsets = _offsets(texts)
    if texts.null_count or len(texts) == 0 or not (np.diff(offsets) == width).all():
        return None
    return np.frombuffer(texts_bytes(texts), np.uint8).reshape(len(texts), width)


def from_matrix(letters: np.ndarray[tuple[int, int], np.dtype[np.uint8]]) -> pa.StringArray:
    """Texts from rows of bytes."""
    count, width = letters.shape
    offsets = np.arange(0, (count + 1) * width, width, dtype=np.int32)
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(letters.tobytes()))


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


def lost(before: pa.Array, after: pa.Array) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Where a value was and none is any more."""
    return np.asarray(pc.and_(pc.is_valid(before), pc.is_null(after)).to_numpy(zero_copy_only=False))


def _offsets(texts: pa.StringArray) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    buffer = texts.buffers()[1]
    if buffer is None:
        return np.zeros(1, np.int32)
    return np.frombuffer(buffer, np.int32)[texts.offset : texts.offset + len(texts) + 1]


def _validity(texts: pa.StringArray) -> pa.Buffer | None:
    """Its bits from its own first row on."""
    return pa.array(pc.is_valid(texts).to_numpy(zero_copy_only=False)).buffers()[1] if texts.null_count else None
