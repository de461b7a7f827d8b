"""Arrow columns as the cells of a worksheet: a kernel for each column, no loop over rows.

A text is always an inline string, never a formula, whatever it begins with. What Excel cannot hold as a number, a day or a moment stands as
text. https://learn.microsoft.com/openspecs/office_standards/ms-oi29500 (ECMA-376 part 1, 18.3.1 and 22.9.2.19)
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from esteira.export.conventions import Conventions
from esteira.export.styles import DATE, MOMENT, TEXT, WHOLE, Styles

MAX_TEXT = 32_767
"""UTF-16 units of one cell: https://support.microsoft.com/office/1672b34d-7043-467e-8e27-269d656771c3"""
MAX_DIGITS = 10**15
"""Excel keeps 15 digits of a number: https://learn.microsoft.com/office/troubleshoot/excel/last-digits-changed-to-zeros"""
FIRST_DAY, LAST_DAY, EPOCH_DAY = 61, 2_958_465, 25_569
"""Excel's numbers of 1 March 1900 (before it its calendar has a day too many), 31 December 9999 and 1 January 1970."""
DAY_MICROSECONDS = 86_400_000_000
_ASTRAL = r"[\x{10000}-\x{10FFFF}]"
_CONTROLS = r"[\x00-\x08\x0b-\x1f\x{FFFE}\x{FFFF}]"
_ESCAPED = r"_(x[0-9A-Fa-f]{4}_)"


@dataclass
class Cut:
    """How many texts were longer than a cell takes."""

    count: int = 0


def cell_texts(column: pa.Array, place: pa.Array, styles: Styles, conventions: Conventions, cut: Cut) -> pa.Array:
    """The `<c>` elements of a column; null where there is no value, since a cell that is not there is empty.

    Args:
        column: Its values.
        place: The references of its cells.
        styles: Numbers of the cell formats.
        conventions: How the locale writes what stands as text.
        cut: Counts what does not fit.
    """
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _strings(column, place, cut)
    if pa.types.is_boolean(kind):
        digit = pc.if_else(column, "1", "0")
        return pc.binary_join_element_wise('<c r="', place, '" t="b"><v>', digit, "</v></c>", "")
    number, fits, style = _number(column, styles)
    cells = pc.binary_join_element_wise('<c r="', place, f'" s="{style}"><v>', number.cast(pa.string()), "</v></c>", "")
    if pc.all(fits).as_py() is not False:
        return cells
    return pc.if_else(fits, cells, _strings(_as_text(column, conventions), place, cut))


def _number(column: pa.Array, styles: Styles) -> tuple[pa.Array, pa.Array, int]:
    """What stands in the cell, whether Excel can hold it, and its format."""
    kind = column.type
    if pa.types.is_date(kind):
        days = pc.add(column.cast(pa.int32()).cast(pa.int64()), EPOCH_DAY)
        return days, pc.and_(pc.greater_equal(days, FIRST_DAY), pc.less_equal(days, LAST_DAY)), DATE
    if pa.types.is_timestamp(kind):
        micros = column.cast(pa.int64())
        days = pc.add(pc.divide(micros.cast(pa.float64(), safe=False), float(DAY_MICROSECONDS)), float(EPOCH_DAY))
        return days, pc.and_(pc.greater_equal(days, FIRST_DAY), pc.less(days, LAST_DAY + 1)), MOMENT
    if pa.types.is_floating(kind):
        return column, pc.is_finite(column), WHOLE
    if pa.types.is_decimal(kind):
        fits = pc.less(pc.abs(column.cast(pa.float64())), float(MAX_DIGITS) / 10.0**kind.scale)
        return column, fits, styles.decimal(kind.scale)
    return column, pc.less(pc.abs(column.cast(pa.int64())), MAX_DIGITS), WHOLE


def _as_text(column: pa.Array, conventions: Conventions) -> pa.Array:
    kind = column.type
    if pa.types.is_date(kind):
        return pc.strftime(column, format=conventions.date)
    if pa.types.is_timestamp(kind):
        naive = column.cast(pa.timestamp("us")) if kind.tz else column
        return pc.strftime(naive, format=conventions.moment)
    return column.cast(pa.string())


def _strings(column: pa.Array, place: pa.Array, cut: Cut) -> pa.Array:
    text = escaped(_fitting(column, cut))
    head, tail = f'" s="{TEXT}" t="inlineStr"><is><t xml:space="preserve">', "</t></is></c>"
    return pc.binary_join_element_wise('<c r="', place, head, text, tail, "")


def _fitting(column: pa.Array, cut: Cut) -> pa.Array:
    """Cut what is too long; a sign beyond the basic plane counts twice."""
    longest = pc.max(pc.utf8_length(column)).as_py() or 0
    if longest <= MAX_TEXT // 2:
        return column
    units = pc.add(pc.utf8_length(column), pc.count_substring_regex(column, _ASTRAL))
    too_long = pc.greater(units, MAX_TEXT)
    cut.count += pc.sum(too_long).as_py() or 0
    plain = pc.equal(units, pc.utf8_length(column))
    most = pc.utf8_slice_codeunits(column, 0, MAX_TEXT - 1)
    half = pc.utf8_slice_codeunits(column, 0, MAX_TEXT // 2 - 1)
    return pc.if_else(too_long, pc.binary_join_element_wise(pc.if_else(plain, most, half), "…", ""), column)


def escaped(texts: pa.Array) -> pa.Array:
    """Texts as XML holds them; controls as `_x0007_`, the way Office writes them."""
    texts = pc.replace_substring_regex(texts, _ESCAPED, r"_x005F_\1") if _any(texts, _ESCAPED) else texts
    for sign, name in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        texts = pc.replace_substring(texts, sign, name)
    if _any(texts, _CONTROLS):
        for code in (*range(9), *range(0x0B, 0x20), 0xFFFE, 0xFFFF):
            texts = pc.replace_substring(texts, chr(code), f"_x{code:04X}_")
    return texts


def _any(texts: pa.Array, pattern: str) -> bool:
    return pc.any(pc.match_substring_regex(texts, pattern)).as_py() is True
