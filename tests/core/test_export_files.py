"""Files of a table's rows: whatever values there are, the file holds the same, opens in the locale's program, and runs nothing."""

from __future__ import annotations

import csv
import io
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.csv as pacsv
import pytest
from hypothesis import given
from hypothesis import strategies as st

from esteira.export.conventions import CONVENTIONS
from esteira.export.delimited import write_delimited
from esteira.export.workbook import Workbook, letters

LOCALES = tuple(CONVENTIONS)
TYPES = {
    "whole": pa.int64(), "float": pa.float64(), "price": pa.decimal128(18, 4), "flag": pa.bool_(), "day": pa.date32(),
    "at": pa.timestamp("us", "UTC"), "wall": pa.timestamp("us"), "text": pa.string(),
}  # fmt: skip
MOMENTS = st.datetimes(datetime(1000, 1, 1), datetime(9999, 12, 31))  # noqa: DTZ001 - the zone comes below
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
ROWS = st.lists(
    st.fixed_dictionaries({
        "whole": st.none() | st.integers(-(2**63), 2**63 - 1),
        "float": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "price": st.none() | st.decimals(-(10**13), 10**13, places=4),
        "flag": st.none() | st.booleans(),
        "day": st.none() | st.dates(date(1000, 1, 1)),
        "at": st.none() | MOMENTS.map(lambda moment: moment.replace(tzinfo=UTC)),
        "wall": st.none() | MOMENTS,
        "text": st.none() | TEXTS | st.sampled_from(["=1+1", "+1", "-2", "@x", "\tx", "\rx", "-5", "+cmd", "", '"', "a;b", "a\r\nb", "_x0041_"]),
    }),
    max_size=8,
)  # fmt: skip
DANGEROUS = ("=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "=HYPERLINK(1)", "\uff1d1", "-cmd|' /C calc'!A0")


def table_of(rows: Sequence[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), pa.schema(TYPES))


def delimited(table: pa.Table, locale: str, titles: Sequence[str] | None = None) -> bytes:
    file = io.BytesIO()
    assert write_delimited(file, [table], titles or table.column_names, CONVENTIONS[locale]) == table.num_rows
    return file.getvalue()


def workbook(tables: Sequence[pa.Table], locale: str = "iso", titles: Sequence[str] | None = None, **how: Any) -> bytes:
    file = io.BytesIO()
    book = Workbook(file, CONVENTIONS[locale], "test")
    book.add_rows("Data", titles or tables[0].column_names, tables, **how)
    book.close()
    return file.getvalue()


def cells(content: bytes) -> Iterator[Any]:
    return openpyxl.load_workbook(io.BytesIO(content)).worksheets[0].iter_rows(min_row=2)


def neutral(text: str | None) -> str | None:
    """What a text looks like in a CSV, said once more in plain Python."""
    signs = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
    is_number = text is not None and text[:1] in "+-" and text[1:].rstrip("%").replace(",", "").replace(".", "").isascii() and (
        text[1:].rstrip("%").replace(",", "").replace(".", "").isdigit()
    )  # fmt: skip
    return f"'{text}" if text is not None and text.startswith(signs) and not is_number else text


@pytest.mark.parametrize("locale", LOCALES)
@given(rows=ROWS)
def test_any_rows_are_the_same_after_a_csv(locale: str, rows: list[dict[str, Any]]) -> None:
    found, said = CONVENTIONS[locale], delimited(table_of(rows), locale)
    assert said.startswith(b"\xef\xbb\xbf") is found.mark
    back = pacsv.read_csv(
        io.BytesIO(said),
        pacsv.ReadOptions(use_threads=False, block_size=len(said) + 1),
        pacsv.ParseOptions(delimiter=found.delimiter, newlines_in_values=True),
        pacsv.ConvertOptions(
            column_types=dict.fromkeys(TYPES, pa.string()), strings_can_be_null=True, quoted_strings_can_be_null=False, null_values=[""],
        ),
    ).to_pylist()  # fmt: skip
    for row, line in zip(rows, back, strict=True):
        assert {name: read(TYPES[name], text, locale) for name, text in line.items()} == row | {
            "text": neutral(row["text"]), "price": row["price"],
        }  # fmt: skip


def read(kind: pa.DataType, text: str | None, locale: str) -> Any:
    """A field as a person of the locale reads it."""
    found = CONVENTIONS[locale]
    if text is None or pa.types.is_string(kind):
        return text
    if pa.types.is_boolean(kind):
        return {found.true: True, found.false: False}[text]
    if pa.types.is_date(kind):
        return datetime.strptime(text, found.date).date()  # noqa: DTZ007 - a day has no zone
    if pa.types.is_timestamp(kind):
        whole, _, rest = text.removesuffix(found.utc if kind.tz else "").partition(found.decimal)
        naive = datetime.strptime(whole, found.moment)  # noqa: DTZ007 - the zone comes below
        moment = naive + timedelta(microseconds=int(rest or 0))
        return moment.replace(tzinfo=UTC) if kind.tz else moment
    number = text.replace(found.decimal, ".")
    return int(text) if pa.types.is_integer(kind) else Decimal(number) if pa.types.is_decimal(kind) else float(number)


@given(rows=ROWS)
def test_any_rows_are_the_same_after_a_workbook(rows: list[dict[str, Any]]) -> None:
    sheet = openpyxl.load_workbook(io.BytesIO(workbook([table_of(rows)]))).worksheets[0]
    assert sheet.max_row <= len(rows) + 1
    for number, row in enumerate(rows, 2):
        for at, (name, kind) in enumerate(TYPES.items(), 1):
            assert same(kind, row[name], sheet.cell(number, at).value), (name, row[name])


def same(kind: pa.DataType, value: Any, cell: Any) -> bool:
    """A number of more than 15 digits, and a day before March 1900, stand as text; Excel counts milliseconds."""
    if value is None or value == "":
        return cell in {None, ""}
    if pa.types.is_string(kind):
        return plain(cell) == value
    if pa.types.is_date(kind):
        return (cell if isinstance(cell, str) else cell.date().isoformat()) == value.isoformat()
    if pa.types.is_timestamp(kind):
        moment = datetime.fromisoformat(cell) if isinstance(cell, str) else cell
        return abs(moment.replace(tzinfo=None) - value.replace(tzinfo=None)) <= timedelta(milliseconds=1)
    if pa.types.is_decimal(kind):
        return Decimal(str(cell)) == value
    return (type(value)(cell) if isinstance(cell, str) else cell) == value


def plain(text: str) -> str:
    """Controls as Office writes them, read: openpyxl leaves them."""
    return re.sub(r"_x([0-9A-Fa-f]{4})_", lambda found: chr(int(found[1], 16)), text)


@pytest.mark.fault(67)
@pytest.mark.parametrize("locale", LOCALES)
def test_no_cell_and_no_header_of_a_csv_begins_as_a_formula_does(locale: str) -> None:
    table = pa.table({str(at): [text] for at, text in enumerate(DANGEROUS)})
    said = delimited(table, locale, titles=DANGEROUS).decode("utf-8-sig")
    lines = list(csv.reader(io.StringIO(said, newline=""), delimiter=CONVENTIONS[locale].delimiter))
    assert lines == [[f"'{text}" for text in DANGEROUS]] * 2


@pytest.mark.fault(67)
def test_a_negative_number_stays_a_number() -> None:
    table = pa.table(
        {"n": pa.array([-5], pa.int64()), "d": pa.array([Decimal("-1.5")], pa.decimal128(5, 1)), "t": ["-5,5"]}
    )
    assert delimited(table, "pt-BR").decode("utf-8-sig").splitlines()[1] == '-5;-1,5;"-5,5"'
    assert [cell.data_type for cell in next(iter(cells(workbook([table]))))] == ["n", "n", "s"]


@pytest.mark.fault(67)
def test_a_workbook_holds_no_formula_whatever_its_texts_begin_with() -> None:
    table = pa.table({str(at): [text] for at, text in enumerate(DANGEROUS)})
    content = workbook([table], titles=DANGEROUS)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    assert not [name for name, part in parts.items() if b"<f>" in part or b"<f " in part]
    assert not [
        name for name in parts if "external" in name.lower() or "vba" in name.lower() or "sharedStrings" in name
    ]
    assert {cell.data_type for line in cells(content) for cell in line} == {"s"}
    assert {cell.number_format for line in cells(content) for cell in line} == {"@"}


def test_a_workbook_has_a_frozen_header_a_filter_widths_and_typed_cells_of_the_locale() -> None:
    table = table_of(
        [
            {
                "day": date(2014, 1, 2),
                "at": datetime(2014, 1, 2, 6, tzinfo=UTC),
                "price": Decimal("1.5"),
                "text": "x" * 500,
            }
        ]
    )
    sheet = openpyxl.load_workbook(io.BytesIO(workbook([table], "pt-BR"))).worksheets[0]
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A2", "A1:H2")
    assert (sheet["A1"].font.bold, sheet.column_dimensions["H"].width) == (True, 60)
    formats = {name: sheet.cell(2, at).number_format for at, name in enumerate(TYPES, 1)}
    assert (formats["day"], formats["at"], formats["price"]) == ("dd/mm/yyyy", "dd/mm/yyyy hh:mm:ss", "0.0000")


def test_rows_beyond_a_sheets_end_go_on_on_the_next_one_under_the_same_header() -> None:
    tables = [pa.table({"n": pa.array(range(start, start + 7), pa.int64())}) for start in (0, 7, 14)]
    book = openpyxl.load_workbook(io.BytesIO(workbook(tables, titles=["Number"], most_rows=11)))
    assert book.sheetnames == ["Data", "Data 2", "Data 3"]
    read_ = [[cell.value for cell in sheet["A"]] for sheet in book.worksheets]
    assert read_ == [["Number", *range(10)], ["Number", *range(10, 20)], ["Number", 20]]


def test_a_table_without_rows_is_a_header() -> None:
    empty = table_of([])
    assert delimited(empty, "iso").decode() == ",".join(f'"{name}"' for name in TYPES) + "\r\n"
    assert list(cells(workbook([empty]))) == []


def test_a_text_that_no_cell_takes_is_cut_and_counted() -> None:
    file = io.BytesIO()
    book = Workbook(file, CONVENTIONS["iso"], "test")
    book.add_rows("Data", ["t"], [pa.table({"t": ["a" * 40_000, "b" * 32_767, "\U0001f600" * 20_000]})])
    book.close()
    found = [line[0].value for line in cells(file.getvalue())]
    assert (book.cut_texts, found[0], found[1]) == (2, "a" * 32_766 + "…", "b" * 32_767)
    assert len(found[2].encode("utf-16-le")) // 2 <= 32_767


def test_the_same_rows_make_the_same_bytes() -> None:
    table = table_of([{"text": "x", "whole": 1}])
    assert workbook([table]) == workbook([table])


def test_columns_are_named_as_excel_names_them() -> None:
    assert [letters(number) for number in (1, 26, 27, 702, 703, 16_384)] == ["A", "Z", "AA", "ZZ", "AAA", "XFD"]


@pytest.mark.slow
def test_memory_does_not_grow_with_the_rows() -> None:
    """Five times as many rows, beyond what one sheet holds; a process each, of which the kernel knows the peak."""
    few, many = (
        int(subprocess.run([sys.executable, "-c", PEAK, str(rows)], check=True, capture_output=True, text=True).stdout)
        for rows in (300_000, 1_500_000)
    )
    assert many - few < 40, f"{few} MB, then {many} MB"


PEAK = """
import os, resource, sys
import pyarrow as pa
from esteira.export.conventions import CONVENTIONS
from esteira.export.delimited import write_delimited
from esteira.export.workbook import Workbook
piece = pa.table({"n": pa.array(range(50_000), pa.int64()), "t": ["text " * 4] * 50_000})
tables = lambda: (piece for _ in range(int(sys.argv[1]) // 50_000))
with open(os.devnull, "wb") as file:
    write_delimited(file, tables(), ["n", "t"], CONVENTIONS["pt-BR"])
book = Workbook(open(os.devnull, "wb"), CONVENTIONS["pt-BR"], "t")
book.add_rows("Data", ["n", "t"], tables())
book.close()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(peak // (1024 if sys.platform != "darwin" else 1024 * 1024))
"""
