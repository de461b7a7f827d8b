"""Tables into a CSV that the office program of a locale opens right.

RFC 4180 lines; texts are always between quotes, so that an empty text and a missing one differ and no separator ends a field early.
https://www.rfc-editor.org/rfc/rfc4180 and https://owasp.org/www-community/attacks/CSV_Injection
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from esteira.export.conventions import Conventions
from esteira.export.texts import QUOTE, field_texts, quoted, sliced

MARK = b"\xef\xbb\xbf"
LINE_END = "\r\n"


def write_delimited(file: BinaryIO, tables: Iterable[pa.Table], titles: Sequence[str], conventions: Conventions) -> int:
    """Write a header and all rows.

    Args:
        file: Where to.
        tables: Of one schema, in order.
        titles: Of the columns.
        conventions: How the locale writes.

    Returns:
        How many rows.
    """
    if conventions.mark:
        file.write(MARK)
    header = conventions.delimiter.join(quoted(pa.array(titles, pa.string())).to_pylist())
    file.write(f"{header}{LINE_END}".encode())
    rows = 0
    for table in tables:
        for part in sliced(table):
            file.write(bytes_of(_lines(part, conventions)))
            rows += part.num_rows
    return rows


def bytes_of(texts: pa.Array) -> memoryview:
    """All texts of an array one behind the other, as they lie in its own memory."""
    _, offsets, values = texts.buffers()
    if not len(texts) or values is None:
        return memoryview(b"")
    kind = pa.int64() if pa.types.is_large_string(texts.type) else pa.int32()
    places = pa.Array.from_buffers(kind, texts.offset + len(texts) + 1, [None, offsets])
    return memoryview(values)[places[texts.offset].as_py() : places[texts.offset + len(texts)].as_py()]


def _lines(table: pa.Table, conventions: Conventions) -> pa.Array:
    fields = [field_texts(column, conventions) for column in table.columns]
    if len(fields) == 1:  # a line without a character is no row to most readers
        fields = [pc.fill_null(fields[0], QUOTE * 2)]
    line = pc.binary_join_element_wise(*fields, conventions.delimiter, null_handling="replace", null_replacement="")
    return pc.binary_join_element_wise(line, LINE_END, "")
