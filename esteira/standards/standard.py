"""What a standard is: its forms, the rule on its characters, and where it is written down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Form: TypeAlias = Literal[True, "bare", "punctuated"]
"""Which way of writing is good: True takes both."""
Characters: TypeAlias = np.ndarray[Any, np.dtype[np.uint8]]
"""One row for each value, one column for each character of its bare form, as ASCII codes."""
Mask: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True)
class Standard:
    """One declared standard.

    Attributes:
        name: What a contract writes, and the rule in a quarantined row's reason.
        words: What a good value is, by language: it follows "is not".
        source: Where the rule is written down, and what of it could not be checked there.
        bare: RE2 pattern of the bare form, all of whose values have `length` characters.
        length: Characters of the bare form.
        holds: Which of the values whose form is good keep the rule.
        punctuated: RE2 pattern of the punctuated form; None where there is none.
        marks: RE2 pattern of one punctuation mark, which is taken out before `holds` looks.
        takes_numbers: Whether a column of whole numbers may have it: no good value begins with a zero.
    """

    name: str
    words: dict[str, str]
    source: str
    bare: str
    length: int
    holds: Callable[[Characters], Mask]
    punctuated: str | None = None
    marks: str = r"[.\-/]"
    takes_numbers: bool = False

    @property
    def forms(self) -> tuple[Form, ...]:
        """What a contract may ask for."""
        return (True,) if self.punctuated is None else (True, "bare", "punctuated")

    def find_good(self, values: pa.Array, form: Form) -> Mask:
        """Which values keep the standard; a null does, since `nullable` decides about it.

        Args:
            values: Texts, or whole numbers where `takes_numbers`.
            form: Which way of writing is good.
        """
        texts = values.cast(pa.large_string())
        has_form = pc.fill_null(pc.match_substring_regex(texts, self._pattern(form)), False)
        good: Mask = texts.is_null().to_numpy(zero_copy_only=False).copy()
        good[has_form.to_numpy(zero_copy_only=False)] = self.holds(self._characters(texts.filter(has_form)))
        return good

    def _pattern(self, form: Form) -> str:
        patterns = {"bare": self.bare, "punctuated": self.punctuated or self.bare}
        chosen = patterns.values() if form is True else [patterns[form]]
        return "^(?:" + "|".join(chosen) + ")$"

    def _characters(self, texts: pa.Array) -> Characters:
        """The bare values as a table of bytes, without a copy: they are of one length and lie behind each other in memory."""
        bare = texts if self.punctuated is None else pc.replace_substring_regex(texts, self.marks, "")
        fixed = bare.cast(pa.binary()).cast(pa.binary(self.length))
        start = fixed.offset * self.length
        count = len(fixed) * self.length
        return np.frombuffer(fixed.buffers()[1], np.uint8, count, start).reshape(-1, self.length)


def weighted_sum(characters: Characters, weights: tuple[int, ...]) -> np.ndarray[Any, np.dtype[np.int32]]:
    """Sum of the leading characters' values, each by its weight; a character's value is its ASCII code less 48."""
    total: np.ndarray[Any, np.dtype[np.int32]] = np.zeros(len(characters), np.int32)
    for position, weight in enumerate(weights):
        total += (characters[:, position].astype(np.int32) - ord("0")) * weight
    return total


def mod_11_digit(characters: Characters, weights: tuple[int, ...]) -> Characters:
    """Check digit of modulo 11 as an ASCII code: 11 less the remainder, and 0 where the remainder is 0 or 1."""
    remainder = weighted_sum(characters, weights) % 11
    return (np.where(remainder < 2, 0, 11 - remainder) + ord("0")).astype(np.uint8)


def are_all_equal(characters: Characters) -> Mask:
    """Which values repeat one character: they pass the sums and are nobody's."""
    found: Mask = (characters == characters[:, :1]).all(axis=1)
    return found
