"""Files as offices make them, written by the writers of other people."""

import csv
import datetime as dt
import gzip
import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import odf.opendocument
import odf.table
import odf.text
import openpyxl
import pandas as pd
import pandera.pandas as pa
import xlwt

from esteira.contract import Append, Dataset, Date, SpreadsheetSource
from esteira.spreadsheet.piece import Piece
from esteira.spreadsheet.reading import read_pieces

Row = Sequence[Any]
HEADER = ("Código", "Dia", "Valor (R$)")
ROWS: list[Row] = [("001", dt.date(2017, 5, 19), 1234.56), ("002", dt.date(2017, 5, 20), -8.5)]
TABLE: list[Row] = [HEADER, *ROWS]
GOOD = [tuple(row) for row in ROWS]
"""What a run makes of them."""
PRINTED: list[Row] = [HEADER, ("001", "19/05/2017", "1.234,56"), ("002", "20/05/2017", "-8,5")]
"""The same as a text."""


class Sale(pa.DataFrameModel):
    """Sales as an office lists them."""

    codigo: pd.StringDtype
    dia: Date
    amount: pd.Float64Dtype = pa.Field(nullable=True)


def contract(schema: type[pa.DataFrameModel] = Sale, **options: Any) -> Dataset:
    options = {"columns": {"Valor (R$)": "amount"}, **options}
    return Dataset(name="sales", source=SpreadsheetSource(**options), schema=schema, write=Append())


def read(path: Path, dataset: Dataset | None = None, name: str | None = None) -> list[Piece]:
    return list(read_pieces(path, name or path.name, dataset or contract()))


def rows_of(pieces: Iterable[Piece]) -> list[tuple[Any, ...]]:
    """The rows that nothing is refused of."""
    found = []
    for piece in pieces:
        bad = {rejection.row for rejection in piece.decoded.rejections}
        rows = piece.decoded.table.to_pylist()
        found += [tuple(row.values()) for number, row in enumerate(rows) if number not in bad]
    return found


def refused(pieces: Iterable[Piece]) -> list[tuple[str, str, str, str]]:
    """Place, column, rule and value of what is refused."""
    return [
        (piece.rows.place(each.row, each.column), each.column, each.rule, each.value)
        for piece in pieces
        for each in piece.decoded.rejections
    ]


def workbook(path: Path, rows: Iterable[Row], sheet: str = "Plan1") -> openpyxl.Workbook:
    """An xlsx with these rows; not saved yet, so that a test can spoil it."""
    book = openpyxl.Workbook()
    book.active.title = sheet
    for row in rows:
        book.active.append(list(row))
    return book


def write_xlsx(path: Path, rows: Iterable[Row], sheet: str = "Plan1") -> Path:
    workbook(path, rows, sheet).save(path)
    return path


def write_xls(path: Path, rows: Iterable[Row], sheet: str = "Plan1") -> Path:
    book = xlwt.Workbook()
    page, day, moment = (
        book.add_sheet(sheet),
        xlwt.easyxf(num_format_str="dd/mm/yyyy"),
        xlwt.easyxf(num_format_str="dd/mm/yyyy hh:mm:ss"),
    )
    for number, row in enumerate(rows):
        for column, value in enumerate(row):
            style = moment if isinstance(value, dt.datetime) else day if isinstance(value, dt.date) else None
            if value is not None:
                page.write(number, column, value, *([style] if style else []))
    book.save(str(path))
    return path


def write_ods(path: Path, rows: Iterable[Row], sheet: str = "Plan1") -> Path:
    book = odf.opendocument.OpenDocumentSpreadsheet()
    table = odf.table.Table(name=sheet)
    for row in rows:
        line = odf.table.TableRow()
        for value in row:
            line.addElement(ods_cell(value))
        table.addElement(line)
    book.spreadsheet.addElement(table)
    book.save(str(path))
    return path


def ods_cell(value: Any) -> Any:
    if value is None or value == "":
        return odf.table.TableCell()
    if isinstance(value, bool):
        return odf.table.TableCell(valuetype="boolean", booleanvalue=str(value).lower())
    if isinstance(value, int | float):
        return odf.table.TableCell(valuetype="float", value=repr(value))
    if isinstance(value, dt.date):
        return odf.table.TableCell(valuetype="date", datevalue=value.isoformat())
    if isinstance(value, dt.time | dt.timedelta):
        return odf.table.TableCell(valuetype="time", timevalue=_length(value))
    cell = odf.table.TableCell(valuetype="string", stringvalue=value)
    cell.addElement(odf.text.P(text=value))
    return cell


def _length(value: dt.time | dt.timedelta) -> str:
    if isinstance(value, dt.time):
        return value.strftime("PT%HH%MM%SS")
    seconds = value // dt.timedelta(seconds=1)
    return f"PT{seconds // 3600:02}H{seconds // 60 % 60:02}M{seconds % 60:02}S"


def write_csv(path: Path, rows: Iterable[Row], encoding: str = "utf-8", delimiter: str = ";") -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows(
            [["" if cell is None else cell for cell in row] for row in rows]
        )
    return path


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def gzipped(path: Path, content: bytes) -> Path:
    path.write_bytes(gzip.compress(content))
    return path


def respun(path: Path, member: str, change: Any) -> Path:
    """The same zip container with one member changed; `change` is a function of its bytes, or its new bytes."""
    with zipfile.ZipFile(path) as archive:
        members = {each: archive.read(each) for each in archive.namelist()}
    members[member] = change(members[member]) if callable(change) else change
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    path.write_bytes(packed.getvalue())
    return path


def with_shared_texts(path: Path) -> Path:
    """An xlsx as Excel writes it: the texts in a part of their own."""
    texts: list[bytes] = []

    def moved(match: re.Match[bytes]) -> bytes:
        texts.append(match[1])
        return b't="s"><v>%d</v>' % (len(texts) - 1)

    def sheet(content: bytes) -> bytes:
        return re.sub(rb't="inlineStr"><is><t[^>]*>([^<]*)</t></is>', moved, content)

    respun(path, "xl/worksheets/sheet1.xml", sheet)
    items = b"".join(b"<si><t>%s</t></si>" % text for text in texts)
    return respun(
        path,
        "xl/sharedStrings.xml",
        b'<?xml version="1.0"?><sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">%s</sst>' % items,
    )
