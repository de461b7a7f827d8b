"""The contract's file for a table in files: what a person reads, corrects and keeps."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from esteira.recognise.columns import ColumnGuess
from esteira.recognise.python import literal
from esteira.recognise.sheet import Table
from esteira.recognise.text import class_name, field_text, imports_text, type_text
from esteira.spreadsheet.names import plain_name
from esteira.spreadsheet.preview import Preview

_YEAR = re.compile(r"(?<!\d)(19|20)\d\d(?!\d)")
_MANY = 3
"""Columns of years from which on they may be rows."""


def sheet_contract(name: str, path: Path, found: Preview, table: Table, owner: str) -> str:
    """The file's text."""
    title = f"{name[0].upper()}{name[1:]} of files such as {path.name}"
    fields = "\n".join(field_text(column, f"File's {column.source}") for column in table.columns)
    return (
        f'"""{title}: a draft that `esteira new` wrote from one file; read it before it is trusted."""\n\n'
        f"{_imports(table)}\n\n\nclass {class_name(name)}(pa.DataFrameModel):\n"
        f'    """{title}, one row per line of the table."""\n\n{fields}\n\n\n{_dataset(name, path, found, table, owner)}'
    )


def _imports(table: Table) -> str:
    types = [type_text(column) for column in table.columns]
    names = {"Dataset", "Quality", "Replace", "SpreadsheetSource"}
    names |= {"HeaderRows"} if table.header_rows > 1 else set()
    return imports_text(types, names)


def _dataset(name: str, path: Path, found: Preview, table: Table, owner: str) -> str:
    lines = [
        "DATASET = Dataset(",
        f"    name={literal(name)},",
        "    source=SpreadsheetSource(",
        *(f"        {line}," for line in _source(path, found, table)),
        "    ),",
        f"    schema={class_name(name)},",
        "    write=Replace(),",
        "    quality=Quality(min_rows=1),",
        f"    owner={literal(owner or 'unknown')},",
        ")  # fmt: skip",
        "",
    ]
    return "\n".join(lines)


def _source(path: Path, found: Preview, table: Table) -> Iterator[str]:
    ending, source = ending_of(path), found.source
    yield f"match={literal(f'*.{ending}')}"
    if found.sheet:
        yield f"sheet={literal(found.sheet)}"
    if table.header_rows > 1:
        yield f"header=HeaderRows(rows={table.header_rows})"
    renamed = {
        column.source: column.name
        for column in table.columns
        if plain_name(column.source) != column.name or column.source.startswith("[")
    }
    if renamed:
        yield f"columns={literal(renamed)}"
    yield from _cells(table)
    if table.footer:
        yield f"footer={literal((table.footer,))}"
    if table.ends_at_blank:
        yield "ends_at_blank=True"
    yield f"locale={literal(source.locale)}"
    if not found.sheet:
        yield f"encoding={literal(source.encoding)}"
        yield f"delimiter={literal(source.delimiter)}"


def ending_of(path: Path) -> str:
    """What the end of a file's name says of its format: `xlsx`, `zip`, `csv.gz`."""
    name = path.name.lower()
    inner, _, last = name.rpartition(".")
    return f"{inner.rpartition('.')[2]}.gz" if last == "gz" else last


def _cells(table: Table) -> Iterator[str]:
    if table.codes:
        yield f"codes={literal(dict.fromkeys(table.codes, 1))}"
    if table.clocks:
        yield f"clocks={literal(table.clocks)}"


def guesses_of_sheet(found: Preview, table: Table) -> Iterator[str]:
    """What was taken for what, a sentence each."""
    where = (
        f"sheet {found.sheet!r}"
        if found.sheet
        else f"text in {found.source.encoding}, fields between {found.source.delimiter!r}"
    )
    yield f"table: {where}, {found.count:,} rows"
    yield f"banner: {_span(0, table.header)}"
    yield f"header: {_span(table.header, table.header + table.header_rows)}"
    first, end = table.header + table.header_rows, table.end
    yield f"data: {_span(first, end)}"
    below = (
        "an empty row and little else"
        if table.ends_at_blank
        else f"its first text is like {table.footer!r}"
        if table.footer
        else ""
    )
    yield f"footer: {_span(end, found.count)}{f', since {below}' if below else ''}"
    for column in table.columns:
        yield f"column {column.source!r}: {column.name}, {column.kind}{_why(column)}"


def unknowns_of_sheet(table: Table, owner: str) -> Iterator[str]:
    """What a file cannot tell, a sentence each."""
    yield "What the columns mean: write their descriptions; the ones given only repeat the file's names."
    if not owner:
        yield "Who is asked when it fails: write owner=."
    yield "Whether a new file replaces the table (Replace), adds to it (Append) or changes rows (Upsert): the draft replaces."
    yield "What days and numbers are written like in other files: the locale is yours to declare (--locale)."
    if not table.footer and not table.ends_at_blank:
        yield 'How a footer would begin: this file has none. Where another may have one, write footer=("Total*",).'
    if table.sums:
        yield _sums(table.sums)
    periods = _periods(table)
    if len(periods) >= _MANY:
        yield f"""Whether {periods[0]!r} to {periods[-1]!r} are one column's values: then write melt=Melt(r"{_pattern(periods)}", "value")."""
    for name in table.codes:
        yield f"How many digits the codes of {name} have: write codes={{{name!r}: 7}} if 7 is printed as 0000007."
    yield 'Words that mean that there is no value: write nulls=("-",).'


def _sums(rows: Sequence[int]) -> str:
    told = ", ".join(f"{row + 1:,}" for row in rows[:10]) + (", …" if len(rows) > 10 else "")
    return (
        f"Whether what looks like sums of other rows (row {told}) is data: it is read as such, and would count twice. "
        "Take it out of the file, or refuse it by a rule of the schema, such as pa.Field(str_matches=...)."
    )


def _periods(table: Table) -> list[str]:
    """Printed names that say a year: each may be a row's value rather than a column."""
    return [column.source for column in table.columns if _YEAR.search(column.source)]


def _pattern(names: Sequence[str]) -> str:
    """A regular expression that all these names match, with the year as a group."""
    around = {_YEAR.sub("\0", name, count=1) for name in names}
    before, after = (re.escape(each) for each in around.pop().split("\0")) if len(around) == 1 else (".*", ".*")
    return rf"{before}(?P<year>\d{{4}}){after}"


def _why(column: ColumnGuess) -> str:
    said = [each for each in (column.why, f"personal: {column.pii_why}" if column.pii_why else "") if each]
    return f" ({'; '.join(said)})" if said else ""


def _span(first: int, end: int) -> str:
    return "none" if end <= first else f"row {first + 1}" if end == first + 1 else f"rows {first + 1:,} to {end:,}"
