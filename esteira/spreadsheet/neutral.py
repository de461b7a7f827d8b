"""Texts that a spreadsheet program would run as a formula, made harmless before people get them in CSV or XLSX.

https://owasp.org/www-community/attacks/CSV_Injection
"""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

_BEGINS = "[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"
"""With the full-width signs, which programs of East Asia take for the others."""
_NUMBER = r"[+-][0-9]+(?:[.,][0-9]+)*%?"
"""A number keeps its sign: it has nothing that could run."""
_ANSWERED = re.compile(rf"(?!{_NUMBER}\Z)(?={_BEGINS})")


def neutral(text: str) -> str:
    """A text that is shown as it is and never run: with an apostrophe before it where it needs one.

    >>> neutral("=1+1"), neutral("-1,5")
    ("'=1+1", '-1,5')
    """
    return f"'{text}" if _ANSWERED.match(text) else text


def neutral_table(table: pa.Table) -> pa.Table:
    """The same for every text of a table. Columns of other types hold numbers and days, which cannot run."""
    for place, field in enumerate(table.schema):
        if pa.types.is_string(field.type) or pa.types.is_large_string(field.type):
            table = table.set_column(place, field, _neutral_column(table.column(place)))
    return table


def _neutral_column(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    begins = pc.match_substring_regex(texts, f"^{_BEGINS}")
    if pc.any(begins).as_py() is not True:
        return texts
    runs = pc.and_not(begins, pc.match_substring_regex(texts, rf"^{_NUMBER}\z"))
    return pc.if_else(
        runs, pc.binary_join_element_wise(pa.scalar("'", texts.type), texts, pa.scalar("", texts.type)), texts
    )
