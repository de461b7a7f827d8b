"""Arrow columns as the texts of a CSV: a kernel for each column, no loop over rows.

Every kernel keeps nulls as nulls; `delimited` leaves their fields empty.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from esteira.export.conventions import Conventions
from esteira.spreadsheet.neutral import neutral_table

SLICE_BYTES = 8 * 1024 * 1024
"""Of Arrow memory that is turned into text at a time: its text is a few times as large."""
SLICE_ROWS = 16_384
MICROSECONDS = 1_000_000
QUOTE = '"'


def sliced(table: pa.Table, most_rows: int | None = None) -> Iterator[pa.Table]:
    """The rows of a table in slices of bounded memory and length."""
    fits = max(1, table.num_rows * SLICE_BYTES // max(table.nbytes, 1))
    step = min(fits, most_rows or fits, SLICE_ROWS)
    for start in range(0, table.num_rows, step):
        yield table.slice(start, step)


def field_texts(column: pa.ChunkedArray, conventions: Conventions) -> pa.Array:
    """The fields of a CSV: texts quoted and neutralised, everything else as the locale writes it."""
    array = _whole(column)
    kind = array.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return quoted(array)
    if pa.types.is_boolean(kind):
        return pc.if_else(array, conventions.true, conventions.false)
    if pa.types.is_date(kind):
        return pc.strftime(array, format=conventions.date)
    if pa.types.is_timestamp(kind):
        return _moments(array, conventions)
    return _numbers(array, conventions)


def quoted(texts: pa.Array) -> pa.Array:
    """Texts that no program runs, between quotes."""
    harmless = _whole(neutral_table(pa.table({"texts": texts})).column(0))
    doubled = pc.replace_substring(harmless, QUOTE, QUOTE * 2)
    return pc.binary_join_element_wise(QUOTE, doubled, QUOTE, "")


def _numbers(array: pa.Array, conventions: Conventions) -> pa.Array:
    texts = array.cast(pa.string())
    if conventions.decimal == "." or pa.types.is_integer(array.type):
        return texts
    return pc.replace_substring(texts, ".", conventions.decimal)


def _moments(array: pa.Array, conventions: Conventions) -> pa.Array:
    """Whole seconds without a fraction; others with six digits, so that nothing is lost."""
    naive = array.cast(pa.timestamp("us")) if array.type.tz else array
    micros = naive.cast(pa.int64())
    seconds = _floor(micros, MICROSECONDS)
    texts = pc.strftime(seconds.cast(pa.timestamp("s")), format=conventions.moment)
    rest = pc.subtract(micros, pc.multiply(seconds, MICROSECONDS))
    digits = pc.utf8_lpad(rest.cast(pa.string()), 6, padding="0")
    fraction = pc.if_else(pc.equal(rest, 0), "", pc.binary_join_element_wise(conventions.decimal, digits, ""))
    return pc.binary_join_element_wise(texts, fraction, conventions.utc if array.type.tz else "", "")


def _floor(numbers: pa.Array, by: int) -> pa.Array:
    """Whole parts towards minus infinity; Arrow's division goes towards zero."""
    parts = pc.divide(numbers, by)
    return pc.subtract(parts, pc.less(pc.subtract(numbers, pc.multiply(parts, by)), 0).cast(pa.int64()))


def _whole(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
