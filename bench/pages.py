"""A set of records cut into pages that are kept as bytes, and repeated under other ids at the price of a copy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from bench.rows import MAX_REPEATS

_HEAD = b'{"rows": ['
_SEPARATOR = b", "
_REPEAT_DIGITS = len('{"id": 1')
"""Where the two digits of the repetition stand in a record's text."""
Marks = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class PageSet:
    """Pages of one size.

    Attributes:
        rows: Records of one repetition.
        bodies: Each page's JSON up to the end of its records.
        marks: For each page, where the repetition's first digit stands in each record.
    """

    rows: int
    bodies: tuple[bytes, ...]
    marks: tuple[Marks, ...]

    @classmethod
    def of(cls, texts: Iterable[str], size: int) -> PageSet:
        """Cut records into pages of `size`."""
        pages = [_page(group) for group in _groups(texts, size)]
        return cls(sum(len(marks) for _, marks in pages), *zip(*pages, strict=True))

    def count(self, factor: int) -> int:
        """Pages of `factor` repetitions.

        Raises:
            ValueError: There are no digits for so many repetitions.
        """
        if not 1 <= factor <= MAX_REPEATS:
            raise ValueError(f"factor={factor} is not between 1 and {MAX_REPEATS}")
        return len(self.bodies) * factor

    def records(self, number: int) -> bytes | memoryview:
        """The page with this number from 0, up to the end of its records."""
        repeat, index = divmod(number, len(self.bodies))
        if repeat == 0:
            return self.bodies[index]
        body = np.frombuffer(bytearray(self.bodies[index]), np.uint8)
        tens, ones = divmod(repeat, 10)
        body[self.marks[index]] = ord("0") + tens
        body[self.marks[index] + 1] = ord("0") + ones
        return body.data


def _groups(texts: Iterable[str], size: int) -> Iterator[list[bytes]]:
    waiting = iter(texts)
    while group := [text.encode() for text in islice(waiting, size)]:
        yield group


def _page(texts: list[bytes]) -> tuple[bytes, Marks]:
    lengths = np.fromiter((len(text) + len(_SEPARATOR) for text in texts), np.int64, len(texts))
    starts = len(_HEAD) + np.concatenate(([0], np.cumsum(lengths)[:-1]))
    return _HEAD + _SEPARATOR.join(texts) + b"]", starts + _REPEAT_DIGITS
