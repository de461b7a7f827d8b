"""A quoted text that never ends: to a reader it holds all that follows, so that the rows below it would be missing and nobody told."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import partial
from pathlib import Path

_SCAN_BYTES = 4 * 1024 * 1024
_END = "\x03"
"""A row of its own behind the last one, unless that is still open."""


def count_quotes(path: Path) -> int:
    """How many bytes of a file are a quote's: of UTF-16 some may be halves of letters, and none is missed."""
    with path.open("rb") as content:
        return sum(chunk.count(b'"') for chunk in iter(partial(content.read, _SCAN_BYTES), b""))


def open_quote(path: Path, encoding: str, delimiter: str, quotes: int) -> int | None:
    """The line in which a row begins whose last text never ends; None where each ends.

    Each quoted text has two quotes, and a quote inside one is doubled, so only a file with an odd number of them is read for it.

    Args:
        path: The file.
        encoding: Its encoding.
        delimiter: What stands between two fields.
        quotes: What `count_quotes` says of it.

    Raises:
        UnicodeError: The file is no text in the encoding.
    """
    if encoding.startswith(("utf-16", "utf-32")) or quotes % 2:
        with path.open(encoding=encoding, newline="") as text:
            return _last_open(_ended(text), delimiter)
    return None


def _ended(text: Iterator[str]) -> Iterator[str]:
    yield from text
    yield _END


def _last_open(lines: Iterator[str], delimiter: str) -> int | None:
    reader, last, first, following = csv.reader(lines, delimiter=delimiter), list[str](), 1, 1
    try:
        for row in reader:
            last, first, following = row, following, reader.line_num + 1
    except csv.Error:  # a text longer than any that is read
        return following
    return None if last == [_END] else first
