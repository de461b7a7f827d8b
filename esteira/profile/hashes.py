"""64-bit hashes of whole Arrow columns, without a Python call for each value. The same in each process, version and machine.

Not for an adversary: whoever may choose the values can make two of them collide, and gains a wrong count of distinct values by it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from esteira.profile.numbers import halves

Words = np.ndarray[Any, np.dtype[np.uint64]]
_WORD_BYTES = 8
_SLICE_WORDS = 32 * 1024
"""Texts are hashed a slice at a time: what a slice takes beside the column stays below 2 MB, and in the cache of a core."""
_STEP = np.uint64(0x9E3779B97F4A7C15)
_KEPT = np.array([(1 << (8 * size)) - 1 for size in range(_WORD_BYTES)] + [2**64 - 1], dtype=np.uint64)
"""By the bytes of a text that are left at a word: which of the word belong to it."""


def mixed(words: Words) -> Words:
    """The finaliser of SplitMix64, a bijection: https://prng.di.unimi.it/splitmix64.c."""
    made = words ^ (words >> np.uint64(30))
    made *= np.uint64(0xBF58476D1CE4E5B9)
    made ^= made >> np.uint64(27)
    made *= np.uint64(0x94D049BB133111EB)
    made ^= made >> np.uint64(31)
    return made


def hashes(values: pa.Array) -> Words:
    """One hash a value; equal values have equal ones, however they are stored.

    Args:
        values: Without nulls, of a type that a contract's flat column may have.
    """
    if pa.types.is_string(values.type):
        return np.concatenate([np.zeros(0, np.uint64), *_text_hashes(values)])
    if pa.types.is_decimal128(values.type):
        low, high = halves(values)
        return mixed(mixed(high + _STEP) + low)
    return mixed(_bits(values) + _STEP)


def _bits(values: pa.Array) -> Words:
    """Whole numbers, moments and days as themselves; both zeros of floating point are one, and so are all that are not a number."""
    if pa.types.is_floating(values.type):
        numbers: np.ndarray[Any, Any] = values.to_numpy(zero_copy_only=False).astype(np.float64) + 0.0
        numbers[np.isnan(numbers)] = np.nan
        return numbers.view(np.uint64)
    if pa.types.is_timestamp(values.type):
        values = values.view(pa.int64())
    elif pa.types.is_date32(values.type):
        values = values.view(pa.int32())
    whole: Words = values.to_numpy(zero_copy_only=False).astype(np.int64).view(np.uint64)
    return whole


def _text_hashes(values: pa.Array) -> Iterator[Words]:
    _, offsets_buffer, data = values.buffers()
    narrow = np.frombuffer(offsets_buffer, dtype=np.int32)[values.offset : values.offset + len(values) + 1]
    offsets = narrow.astype(np.int64)
    used = np.frombuffer(data or b"", dtype=np.uint8)
    # A text has one word more than fit into it, so that the empty one has one too.
    ends = np.cumsum(np.diff(offsets) // _WORD_BYTES + 1)
    start = 0
    while start < len(values):
        before = ends[start - 1] if start else 0
        stop = max(int(np.searchsorted(ends, before + _SLICE_WORDS, side="right")), start + 1)
        yield _slice_hashes(offsets[start : stop + 1], used)
        start = stop


def _slice_hashes(offsets: np.ndarray[Any, np.dtype[np.int64]], used: np.ndarray[Any, np.dtype[np.uint8]]) -> Words:
    """The sum over a text's words of each one mixed with its place."""
    first, lengths = offsets[0], np.diff(offsets)
    padded = np.zeros(offsets[-1] - first + _WORD_BYTES, np.uint8)
    padded[:-_WORD_BYTES] = used[first : offsets[-1]]
    counts = lengths // _WORD_BYTES + 1
    begins = np.cumsum(counts) - counts
    bytes_before = (np.arange(counts.sum()) - np.repeat(begins, counts)) * _WORD_BYTES
    # A word may begin at any byte.
    anywhere: Words = np.ndarray(len(padded) - _WORD_BYTES + 1, "<u8", padded, strides=(1,))
    words = anywhere[np.repeat(offsets[:-1] - first, counts) + bytes_before].astype(np.uint64)
    words &= _KEPT[np.minimum(np.repeat(lengths, counts) - bytes_before, _WORD_BYTES)]
    words += (bytes_before.view(np.uint64) + np.uint64(1)) * _STEP
    return mixed(np.add.reduceat(mixed(words), begins) + lengths.view(np.uint64))
