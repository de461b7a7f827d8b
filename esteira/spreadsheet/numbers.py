"""Numbers as a country prints them, and as a workbook stores them, into Arrow's types: exactly, or not at all."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from esteira.contract.locales import Locale
from esteira.spreadsheet.buffers import cast_each, letters_of, with_letters
from esteira.spreadsheet.grouped import ungrouped

_POINT = np.uint8(ord("."))
_BLANKS = "[\\s\u00a0\u2007\u202f]"
TOLERANCE = 5e-15
"""Office programs show and compare 15 digits of a number: https://learn.microsoft.com/office/troubleshoot/excel/floating-point-arithmetic-inaccurate-result"""
EXACT_BELOW = 2**53
"""From here on a double skips whole numbers."""


def parse_numbers(texts: pa.StringArray, arrow: pa.DataType, locale: Locale) -> pa.Array:
    """Printed numbers; null where there is none.

    Args:
        texts: Without outer blanks, no empty ones.
        arrow: An integer, a float or a decimal.
        locale: How they are printed.
    """
    plain = _plain(texts, locale)
    return _typed(_canonical(texts, locale, arrow) if plain is None else plain, arrow)


def stored_numbers(numbers: pa.DoubleArray, arrow: pa.DataType) -> pa.Array:
    """A workbook's numbers; null where the type cannot hold what an office program shows of it."""
    if pa.types.is_floating(arrow):
        return _finite(numbers.cast(arrow))
    scale = arrow.scale if pa.types.is_decimal(arrow) else 0
    values = numbers.to_numpy(zero_copy_only=False).astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        rounded = np.round(values, scale)
        fits = (np.abs(values - rounded) <= TOLERANCE * np.abs(values)) & (np.abs(values) <= EXACT_BELOW / 10**scale)
    found = pa.array(rounded, pa.float64(), mask=~fits)
    return cast_each(found, arrow)


def _plain(texts: pa.StringArray, locale: Locale) -> pa.StringArray | None:
    """Spelt for Arrow without a look at each text, where there are digits, minuses and the locale's two signs alone."""
    letters, point, group = letters_of(texts), locale.decimal.encode(), locale.thousands.encode()
    if len(point) != 1 or len(group) > 1:
        return None
    digits = np.count_nonzero(letters - np.uint8(ord("0")) <= 9)
    minuses, points, groups = (np.count_nonzero(letters == ord(sign)) if sign else 0 for sign in (b"-", point, group))
    if digits + minuses + points + groups < len(letters):
        return None
    if groups:
        return ungrouped(texts, group, point)
    return texts if point == b"." else with_letters(texts, np.where(letters == ord(point), _POINT, letters))


def _whole(locale: Locale) -> str:
    group = re.escape(" " if locale.thousands.isspace() else locale.thousands)
    return f"(?:[0-9]{{1,3}}(?:{group}[0-9]{{3}})+|[0-9]*)" if locale.thousands else "[0-9]*"


def _pointed(texts: pa.StringArray, locale: Locale) -> pa.StringArray:
    if locale.thousands:
        texts = pc.replace_substring(texts, " " if locale.thousands.isspace() else locale.thousands, "")
    return texts if locale.decimal == "." else pc.replace_substring(texts, locale.decimal, ".")


def _canonical(texts: pa.StringArray, locale: Locale, arrow: pa.DataType) -> pa.StringArray:
    """Signs, currency, brackets and percent taken apart; null where a text is no number."""
    texts = pc.replace_substring_regex(texts, _BLANKS + "+", " ")
    texts = pc.replace_substring_regex(texts, r"^\( ?(.*?) ?\)$", r"-\1")
    if locale.currency:
        signs = "|".join(map(re.escape, sorted(locale.currency, key=len, reverse=True)))
        texts = pc.replace_substring_regex(texts, rf"^([+-]?) ?(?:{signs}) ?", r"\1")
        texts = pc.replace_substring_regex(texts, rf" ?(?:{signs})$", "")
    texts = pc.replace_substring_regex(texts, r"^([+-]) ?", r"\1")
    texts = pc.replace_substring_regex(texts, r" ?%$", "%")
    power = "(?:[eE][+-]?[0-9]{1,3})?" if pa.types.is_floating(arrow) else ""
    pattern = f"^[+-]?{_whole(locale)}(?:{re.escape(locale.decimal)}[0-9]*)?{power}%?$"
    is_good = pc.and_(pc.match_substring_regex(texts, pattern), pc.match_substring_regex(texts, "[0-9]"))
    texts = _pointed(pc.if_else(is_good, texts, pa.scalar(None, pa.string())), locale)
    return pc.replace_substring(texts, "%", "e-2" if locale.percent == "fraction" else "")


def _typed(texts: pa.StringArray, arrow: pa.DataType) -> pa.Array:
    if pa.types.is_floating(arrow):
        return _finite(cast_each(texts, arrow))
    if not pa.types.is_integer(arrow):
        return cast_each(texts, arrow)
    try:
        return texts.cast(arrow)
    except pa.ArrowInvalid:
        whole = pc.replace_substring_regex(pc.replace_substring_regex(texts, r"\.0*$", ""), r"^\+", "")
        return cast_each(whole, arrow)


def _finite(numbers: pa.Array) -> pa.Array:
    is_finite = pc.is_finite(numbers)
    if pc.all(is_finite).as_py() is not False:
        return numbers
    return pc.if_else(is_finite, numbers, pa.scalar(None, numbers.type))
