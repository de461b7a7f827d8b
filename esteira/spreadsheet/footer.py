"""Where a table ends: the first text of a row that a contract's pattern knows as a footer's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from esteira.spreadsheet.buffers import FIRST_FOREIGN, Places, edges_of


class Footer:
    """A contract's patterns of footers, at least one.

    Args:
        patterns: With `*` and `?`, in any case; `[*]` and `[?]` are the signs themselves.
    """

    def __init__(self, patterns: tuple[str, ...]) -> None:
        self._pattern = "|".join(f"(?:{_like(pattern)})" for pattern in patterns)
        self._compiled = re.compile(self._pattern, re.IGNORECASE | re.DOTALL)
        self._may_begin = _beginnings(patterns)

    def knows(self, text: str) -> bool:
        """Whether a text without outer blanks begins a footer."""
        return self._compiled.fullmatch(text) is not None

    def rows(self, texts: pa.StringArray) -> Places:
        """The rows that it knows, in order. Only texts that begin as a footer may are compared with the patterns."""
        rows = np.flatnonzero(self._may_begin.take(edges_of(texts)[0]))
        if not len(rows):
            return rows
        is_footer = pc.match_substring_regex(texts.take(pa.array(rows)), f"(?is)^(?:{self._pattern})$")
        found: Places = rows[pc.fill_null(is_footer, False).to_numpy(zero_copy_only=False)]
        return found


def footer_of(patterns: tuple[str, ...]) -> Footer | None:
    """What ends the table; None where nothing does."""
    return Footer(patterns) if patterns else None


def _beginnings(patterns: Iterable[str]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Bytes that a footer may begin with: outside ASCII every one, since letters there may be others in another case."""
    letters = {each for pattern in patterns for each in _first_letters(pattern)}
    begins = np.arange(256) >= FIRST_FOREIGN
    begins[[ord(letter) for letter in letters - {""} if letter.isascii()]] = True
    return begins | ("" in letters)


def _first_letters(pattern: str) -> Iterator[str]:
    """The first letter in each case; an empty text where it may be any."""
    first = pattern[:1]
    if first in {"", "*", "?", "["}:
        yield ""
    else:
        yield from (first, *first.lower(), *first.upper(), *first.upper().lower())


def _like(pattern: str) -> str:
    pieces = re.split(r"(\[[*?]\]|[*?])", pattern)
    return "".join(
        {"*": ".*", "?": "."}.get(each) or re.escape(each[1] if each in {"[*]", "[?]"} else each)
        for each in pieces
        if each
    )
