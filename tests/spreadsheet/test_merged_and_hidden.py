"""Merged cells, hidden rows and sheets, doubled columns, rows with too many fields (fault 28)."""

import datetime as dt
from pathlib import Path

import odf.opendocument
import odf.table
import pandas as pd
import pandera.pandas as pa
import pytest
import xlwt

from esteira.contract import Sheets
from esteira.errors import SpreadsheetError
from tests.spreadsheet.offices import (
    GOOD,
    HEADER,
    PRINTED,
    TABLE,
    contract,
    ods_cell,
    read,
    refused,
    respun,
    rows_of,
    workbook,
    write_ods,
    write_xlsx,
)


@pytest.mark.fault(28)
@pytest.mark.parametrize("writer", ["xlsx", "xls", "ods"])
def test_a_merged_cell_is_refused_or_filled_as_the_contract_says(tmp_path: Path, writer: str) -> None:
    path = tmp_path / f"a.{writer}"
    days = ("19/05/2017", None, "20/05/2017")
    rows = [HEADER, *((f"00{number}", day, 1.0) for number, day in enumerate(days, 1))]
    if writer == "xlsx":
        book = workbook(path, rows)
        book.active.merge_cells("B2:B3")
        book.save(path)
    elif writer == "xls":
        old = xlwt.Workbook()
        sheet = old.add_sheet("Plan1")
        for number, row in enumerate(rows):
            for column, value in enumerate(row):
                if value is not None and (number, column) != (1, 1):
                    sheet.write(number, column, value)
        sheet.write_merge(1, 2, 1, 1, days[0])
        old.save(str(path))
    else:
        spanned = b'<table:table-cell table:number-rows-spanned="2" office:string-value="19/05/2017"'
        respun(
            write_ods(path, rows),
            "content.xml",
            lambda content: content.replace(
                b'<table:table-cell office:value-type="string" office:string-value="19/05/2017"',
                spanned + b' office:value-type="string"',
            ),
        )
    pieces = read(path)
    assert refused(pieces) == [("Plan1!B2", "dia", "merged", "19/05/2017"), ("Plan1!B3", "dia", "merged", "19/05/2017")]
    assert len(rows_of(pieces)) == 1
    filled = rows_of(read(path, contract(merged="fill")))
    assert [row[1] for row in filled] == [dt.date(2017, 5, 19), dt.date(2017, 5, 19), dt.date(2017, 5, 20)]


@pytest.mark.fault(28)
def test_a_merged_cell_over_rows_that_are_empty_otherwise_fills_them_too(tmp_path: Path) -> None:
    book = workbook(tmp_path, [("Código",), ("a",), (None,), ("b",)])
    book.active.merge_cells("A2:A3")
    book.active["C9"] = "Nota"
    book.active.merge_cells("C9:C12")
    book.save(tmp_path / "a.xlsx")

    class Code(pa.DataFrameModel):
        """One column."""

        codigo: pd.StringDtype

    options = {"columns": {}, "footer": ("Nota",)}
    assert rows_of(read(tmp_path / "a.xlsx", contract(Code, merged="fill", **options))) == [("a",), ("a",), ("b",)]
    assert [each[0] for each in refused(read(tmp_path / "a.xlsx", contract(Code, **options)))] == [
        "Plan1!A2",
        "Plan1!A3",
    ]


@pytest.mark.fault(28)
def test_two_columns_of_one_name_are_refused_with_their_cells(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", [("x",), (*HEADER, "valor (r$)"), ("001", dt.date(2017, 5, 19), 1, 2)])
    with pytest.raises(SpreadsheetError, match=r"two columns are called 'Valor \(R\$\)': Plan1!C2 and Plan1!D2"):
        read(path)


@pytest.mark.fault(28)
@pytest.mark.parametrize("writer", ["xlsx", "xls", "ods"])
def test_a_hidden_row_is_refused_skipped_or_read_as_the_contract_says(tmp_path: Path, writer: str) -> None:
    path = tmp_path / f"a.{writer}"
    if writer == "xlsx":
        book = workbook(path, TABLE)
        book.active.row_dimensions[3].hidden = True
        book.save(path)
    elif writer == "xls":
        old = xlwt.Workbook()
        sheet = old.add_sheet("Plan1")
        for number, row in enumerate(PRINTED):
            for column, value in enumerate(row):
                sheet.write(number, column, value)
        sheet.row(2).hidden = True
        old.save(str(path))
    else:
        book_ = odf.opendocument.OpenDocumentSpreadsheet()
        table = odf.table.Table(name="Plan1")
        for number, row in enumerate(TABLE):
            line = odf.table.TableRow(**({"visibility": "filter"} if number == 2 else {}))
            for value in row:
                line.addElement(ods_cell(value))
            table.addElement(line)
        book_.spreadsheet.addElement(table)
        book_.save(str(path))
    with pytest.raises(SpreadsheetError, match=r"row Plan1!3 is hidden"):
        read(path)
    assert rows_of(read(path, contract(hidden="skip"))) == GOOD[:1]
    assert rows_of(read(path, contract(hidden="read"))) == GOOD


@pytest.mark.fault(28)
@pytest.mark.parametrize("state", ["hidden", "veryHidden"])
def test_a_hidden_sheet_is_refused_skipped_or_read_as_the_contract_says(tmp_path: Path, state: str) -> None:
    book = workbook(tmp_path, TABLE)
    book.create_sheet("Outra")
    book.active.sheet_state = state
    book.active = 1
    book.save(tmp_path / "a.xlsx")
    with pytest.raises(SpreadsheetError, match="sheet 'Plan1' is hidden"):
        read(tmp_path / "a.xlsx")
    assert read(tmp_path / "a.xlsx", contract(hidden="skip", sheet=Sheets("Plan*"))) == []
    assert rows_of(read(tmp_path / "a.xlsx", contract(hidden="read"))) == GOOD


@pytest.mark.fault(28)
def test_a_row_with_too_many_fields_is_refused_with_its_number_and_the_rest_loads(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        "Código;Dia;Valor (R$)\n001;19/05/2017;1.234,56\nx;y\n\n1;2;3;4\n002;20/05/2017;-8,5\n", encoding="utf-8"
    )
    pieces = read(path)
    assert refused(pieces) == [("3", "*", "fields(3)", "x;y"), ("5", "*", "fields(3)", "1;2;3;4")]
    assert rows_of(pieces) == GOOD
    assert bytes(pieces[0].rows[2]) == b'{"*":"x;y"}'
    assert sum(len(piece.rows) for piece in pieces) == 4
