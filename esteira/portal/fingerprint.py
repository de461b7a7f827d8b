"""What tells whether a page's records came before: two checksums, many times as fast as a cryptographic hash, since repeated pages are no attack."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import msgspec
import numpy as np

_WORD_BYTES = 8


def fingerprint(records: Sequence[msgspec.Raw], body: bytes) -> str:
    """16 hexadecimal digits, which differ for pages with other records.

    Args:
        records: Of one page.
        body: The page.
    """
    text = _stretch(records, body)
    return f"{zlib.crc32(text):08x}{_sum(text):08x}"


def _stretch(records: Sequence[msgspec.Raw], body: bytes) -> memoryview:
    """From the first record to the last as they stand in the body, which is no copy; or one behind the other, where they were made from it."""
    if records:
        last = memoryview(records[-1])
        begin, end = _address(records[0]) - _address(body), _address(last) + len(last) - _address(body)
        if 0 <= begin < end <= len(body):
            return memoryview(body)[begin:end]
    return memoryview(b"\n".join(records))


def _address(text: msgspec.Raw | bytes | memoryview) -> int:
    return np.frombuffer(text, np.uint8).ctypes.data


def _sum(text: memoryview) -> int:
    """Of the words in it, folded to 32 bits; what is behind the last word is left to the other checksum."""
    words = np.frombuffer(text, np.uint64, len(text) // _WORD_BYTES)
    total = int(words.sum(dtype=np.uint64))
    return (total ^ total >> 32) & 0xFFFFFFFF
