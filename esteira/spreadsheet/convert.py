"""A column of cells into the contract's type: what its type cannot hold is null and refused, never a guess."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from esteira.contract import SpreadsheetSource
from esteira.contract.locales import Locale
from esteira.spreadsheet.buffers import combined, offsets_of, trimmed
from esteira.spreadsheet.cells import Cells
from esteira.spreadsheet.days import Calendar, as_days, in_utc, parse_moments, serial_moments
from esteira.spreadsheet.numbers import EXACT_BELOW, parse_numbers, stored_numbers

Rows: TypeAlias = np.ndarray[tuple[int], np.dtype[np.bool_]]
_MOST_WORDS = 8
"""Of nulls that are compared one after the other; more are looked up."""
_FIRST_DAY = date(1900, 3, 1)
"""The 1900 epoch counts a 29 February 1900, so readers disagree on what lies before."""


@dataclass(frozen=True, slots=True)
class Converted:
    """A column of the contract.

    Attributes:
        values: Null where there is no value, and where one is refused.
        refused: Rows whose cell its type cannot hold.
    """

    values: pa.Array
    refused: Rows


@dataclass(frozen=True)
class Column:
    """What one column of a source is read as; it is asked for each block, and knows what does not change between them.

    Args:
        name: The contract's name.
        arrow: The contract's type.
        source: How values are printed.
        is_1904: Whether the workbook counts its days from 1904.
        is_dated: Whether its days may lie before the 1900 epoch: its format writes days as days.
        is_input: Whether the transform alone needs it: every cell is taken, as text.
    """

    name: str
    arrow: pa.DataType
    source: SpreadsheetSource
    is_1904: bool = False
    is_dated: bool = True
    is_input: bool = False

    def convert(self, cells: Cells) -> Converted:
        """The cells under the contract's type."""
        texts = self._given(cells.texts)
        values = self._from_texts(texts)
        if not cells.others and values.null_count == texts.null_count:
            return Converted(values, np.zeros(cells.count, np.bool_))
        is_given = pc.is_valid(texts)
        for kind, others in cells.others.items():
            made = self._from_others(kind, others)
            values = pc.coalesce(values, made)
            is_given = pc.or_(is_given, pc.is_valid(others))
        refused = np.array(pc.and_(is_given, pc.is_null(values)).to_numpy(zero_copy_only=False))
        return Converted(values, refused)

    def _given(self, texts: pa.StringArray) -> pa.StringArray:
        """Without outer blanks, and null where the contract says that a text is no value."""
        bare = trimmed(texts)
        kept = texts if self.source.blanks == "keep" and pa.types.is_string(self.arrow) else bare
        is_nothing = self._is_nothing(bare)
        if is_nothing is None or not pc.any(is_nothing).as_py():
            return kept
        return pc.if_else(is_nothing, pa.scalar(None, pa.string()), kept)

    def _is_nothing(self, bare: pa.StringArray) -> pa.BooleanArray | None:
        """Where a text means that there is no value; None where none does."""
        lengths = np.diff(offsets_of(bare))
        if lengths.min(initial=self._longest_null + 1) > self._longest_null:
            return None
        words = [word for word in self.source.nulls if (lengths == len(word.encode())).any()]
        if np.count_nonzero(lengths == 0) > bare.null_count:
            words.append("")
        if not words:
            return None
        if len(words) > _MOST_WORDS:
            return pc.is_in(bare, value_set=pa.array(words))
        return functools.reduce(pc.or_, (pc.equal(bare, word) for word in words))

    def _from_texts(self, texts: pa.StringArray) -> pa.Array:
        if texts.null_count == len(texts):
            return pa.nulls(len(texts), self.arrow)
        if pa.types.is_string(self.arrow):
            digits = self.source.codes.get(self.name)
            return texts if digits is None else _padded(texts, digits)
        if pa.types.is_boolean(self.arrow):
            return self._flags(texts)
        if pa.types.is_temporal(self.arrow):
            return self._moments(parse_moments(texts, self._calendar, is_day=pa.types.is_date32(self.arrow)))
        return combined(parse_numbers(texts, self.arrow, self._locale))

    def _from_others(self, kind: type, others: pa.Array) -> pa.Array:
        if self.is_input:
            return pc.coalesce(_whole(others), others.cast(pa.string())) if kind is float else others.cast(pa.string())
        convert: Callable[[pa.Array], pa.Array] | None = {
            float: self._numbers, bool: self._truths, date: self._days, datetime: self._days, time: self._clocks,
        }.get(kind)  # fmt: skip
        made = None if convert is None else convert(others)
        return pa.nulls(len(others), self.arrow) if made is None else made

    def _numbers(self, numbers: pa.DoubleArray) -> pa.Array | None:
        if pa.types.is_temporal(self.arrow):
            return self._serials(numbers)
        if pa.types.is_boolean(self.arrow):
            return self._flags(_whole(numbers))
        if not pa.types.is_string(self.arrow):
            return stored_numbers(numbers, self.arrow)
        digits = self.source.codes.get(self.name)
        return None if digits is None else _padded(_whole(numbers), digits)

    def _clocks(self, clocks: pa.StringArray) -> pa.Array | None:
        return clocks if self.name in self.source.clocks else None

    def _truths(self, flags: pa.BooleanArray) -> pa.Array | None:
        return flags if pa.types.is_boolean(self.arrow) else None

    def _days(self, days: pa.Array) -> pa.Array | None:
        if not pa.types.is_temporal(self.arrow):
            return None
        moments = days.cast(pa.timestamp("us"))
        if not self.is_dated and not self.is_1904:
            first = pa.scalar(datetime(_FIRST_DAY.year, _FIRST_DAY.month, _FIRST_DAY.day), moments.type)  # noqa: DTZ001 - of the printing clock
            moments = pc.if_else(pc.greater_equal(moments, first), moments, pa.scalar(None, moments.type))
        return self._moments(moments)

    def _serials(self, numbers: pa.DoubleArray) -> pa.Array | None:
        epoch = self.source.serials
        if epoch == "refuse":
            return None
        return self._moments(serial_moments(numbers, is_1904=self.is_1904 if epoch == "workbook" else epoch == "1904"))

    def _moments(self, moments: pa.Array) -> pa.Array:
        if pa.types.is_date(self.arrow):
            return as_days(moments)
        return moments if self.arrow.tz is None else in_utc(moments, self.source.timezone)

    @functools.cached_property
    def _longest_null(self) -> int:
        return max((len(word.encode()) for word in self.source.nulls), default=0)

    @functools.cached_property
    def _locale(self) -> Locale:
        return self.source.prints

    @functools.cached_property
    def _calendar(self) -> Calendar:
        source, locale = self.source, self._locale
        own = source.dates.get(self.name)
        return Calendar((own,) if own else locale.dates, locale.months, source.midnight, source.timezone)

    def _flags(self, texts: pa.StringArray) -> pa.Array:
        locale = self._locale
        words = pc.utf8_lower(texts)
        yes, no = (
            pc.is_in(words, value_set=pa.array([word.lower() for word in group], pa.string()))
            for group in (locale.true, locale.false)
        )
        return pc.if_else(yes, pa.scalar(True), pc.if_else(no, pa.scalar(False), pa.scalar(None, pa.bool_())))


def _whole(numbers: pa.DoubleArray) -> pa.StringArray:
    """Whole numbers as digits; null where a number is none."""
    values = numbers.to_numpy(zero_copy_only=False).astype(np.float64)
    is_good = (values == np.floor(values)) & (np.abs(values) < EXACT_BELOW)
    return pa.array(np.where(is_good, values, 0).astype(np.int64), pa.int64(), mask=~is_good).cast(pa.string())


def _padded(texts: pa.StringArray, digits: int) -> pa.StringArray:
    """Codes of digits with their leading zeros; other texts stay."""
    if (pc.min(pc.binary_length(texts)).as_py() or 0) >= digits:
        return texts
    is_code = pc.match_substring_regex(texts, "^[0-9]+$")
    return pc.if_else(is_code, pc.utf8_lpad(texts, digits, "0"), texts)
