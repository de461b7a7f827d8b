"""Cells whose value cannot be trusted: errors, formulas that nobody calculated, marks of footnotes (fault 28)."""

import datetime as dt
from pathlib import Path

import pytest
import xlwt

from esteira.errors import SpreadsheetError
from tests.spreadsheet.offices import (
    GOOD,
    PRINTED,
    TABLE,
    read,
    refused,
    respun,
    rows_of,
    with_shared_texts,
    workbook,
    write_ods,
    write_xlsx,
)


@pytest.mark.fault(28)
@pytest.mark.parametrize("error", ["#REF!", "#DIV/0!", "#N/A"])
def test_an_error_is_refused_with_its_cell_and_the_rest_loads(tmp_path: Path, error: str) -> None:
    book = workbook(tmp_path, TABLE)
    book.active["C2"].value = error
    book.active["C2"].data_type = "e"
    book.save(tmp_path / "a.xlsx")
    pieces = read(tmp_path / "a.xlsx")
    assert refused(pieces) == [("Plan1!C2", "amount", "error", error)]
    assert rows_of(pieces) == GOOD[1:]
    assert bytes(pieces[0].rows[0]) == f'{{"Código":"001","Dia":"2017-05-19","Valor (R$)":"{error}"}}'.encode()


@pytest.mark.fault(28)
def test_an_error_of_an_old_workbook_is_refused_with_its_cell(tmp_path: Path) -> None:
    book = xlwt.Workbook()
    sheet = book.add_sheet("Plan1")
    for number, row in enumerate(PRINTED):
        for column, value in enumerate(row):
            sheet.write(number, column, value)
    sheet.row(1).set_cell_error(3, "#REF!")
    sheet.row(3).set_cell_error(2, "#DIV/0!")
    sheet.write(3, 0, "003")
    sheet.write(3, 1, "21/05/2017")
    book.save(str(tmp_path / "a.xls"))
    pieces = read(tmp_path / "a.xls")
    assert refused(pieces) == [("Plan1!C4", "amount", "error", "#DIV/0!")]
    assert rows_of(pieces) == GOOD


@pytest.mark.fault(28)
def test_a_formula_that_nobody_calculated_is_refused_with_its_text(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", [*TABLE, ("003", dt.date(2017, 5, 21), "=C2+C3")])
    pieces = read(path)
    assert refused(pieces) == [("Plan1!C4", "amount", "formula", "=C2+C3")]
    assert rows_of(pieces) == GOOD
    assert b'"Valor (R$)":"=C2+C3"' in bytes(pieces[0].rows[2])


@pytest.mark.fault(28)
@pytest.mark.parametrize(
    "empty",
    [
        b"<f>C2</f></c>",
        b"<f>C2</f><v/></c>",
        b"<f>C2</f>\n <v> </v></c>",
        b'<f t="shared" si="0"/></c>',
        b"<x:f>C2</x:f></c>",
    ],
)
def test_every_spelling_of_a_formula_without_a_value_is_seen(tmp_path: Path, empty: bytes) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", [*TABLE, ("003", dt.date(2017, 5, 21), "=C2")])

    def spell(content: bytes) -> bytes:
        content = content.replace(
            b"<worksheet ", b'<worksheet xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
        )
        changed = content.replace(b"<f>C2</f><v></v></c>", empty).replace(b"<f>C2</f><v/></c>", empty)
        assert empty in changed
        return changed

    assert [each[:3] for each in refused(read(respun(path, "xl/worksheets/sheet1.xml", spell)))] == [
        ("Plan1!C4", "amount", "formula")
    ]


@pytest.mark.fault(28)
def test_a_formula_with_a_value_is_a_value_and_an_empty_text_is_one(tmp_path: Path) -> None:
    path = write_xlsx(
        tmp_path / "a.xlsx", [*TABLE, ("003", dt.date(2017, 5, 21), "=C2"), ("004", dt.date(2017, 5, 21), "=D2")]
    )

    def calculated(content: bytes) -> bytes:
        content = content.replace(b"<f>C2</f><v></v>", b"<f>C2</f><v>7</v>").replace(
            b"<f>C2</f><v/>", b"<f>C2</f><v>7</v>"
        )
        return content.replace(b'<c r="C5">', b'<c r="C5" t="str">')

    pieces = read(respun(path, "xl/worksheets/sheet1.xml", calculated))
    assert refused(pieces) == []
    assert [row[2] for row in rows_of(pieces)] == [1234.56, -8.5, 7.0, None]


@pytest.mark.fault(28)
@pytest.mark.parametrize("place", ["shared", "inline"])
def test_the_mark_of_a_footnote_does_not_become_a_digit(tmp_path: Path, place: str) -> None:
    rich = b'<r><t>9</t></r><r><rPr><vertAlign val="superscript"/></rPr><t>1</t></r>'
    path = write_xlsx(tmp_path / "a.xlsx", [*TABLE, ("MARK", dt.date(2017, 5, 21), "MARK")])
    if place == "shared":
        respun(with_shared_texts(path), "xl/sharedStrings.xml", lambda content: content.replace(b"<t>MARK</t>", rich))
    else:
        respun(path, "xl/worksheets/sheet1.xml", lambda content: content.replace(b"<t>MARK</t>", rich))
    pieces = read(path)
    assert [each[:3] for each in refused(pieces)] == [("Plan1!C4", "amount", "raised")]
    assert pieces[0].decoded.table["codigo"].to_pylist()[2] == "91"
    assert rows_of(pieces) == GOOD


@pytest.mark.fault(28)
@pytest.mark.parametrize("number", [b"<v>\n  1.234\n</v>", b"<v> 1.234 </v>", b"<f>A1</f> <v>\t1.234</v>"])
def test_a_stored_number_with_blanks_around_it_is_not_read_as_a_printed_one(tmp_path: Path, number: bytes) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", [*TABLE, ("003", dt.date(2017, 5, 21), 777)])
    respun(path, "xl/worksheets/sheet1.xml", lambda content: content.replace(b"<v>777</v>", number))
    with pytest.raises(SpreadsheetError, match="stores numbers with blanks around them"):
        read(path)


def test_a_text_with_blanks_around_it_and_indents_between_cells_are_no_harm(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", [*TABLE, ("TEXT", dt.date(2017, 5, 21), 777)])
    text = b't="str"><f>B1</f><v> 7 </v></c>'

    def indented(content: bytes) -> bytes:
        content = content.replace(b't="inlineStr"><is><t>TEXT</t></is></c>', text)
        assert text in content
        return content.replace(b"</v></c>", b"</v>\n </c>\n ")

    assert [row[0] for row in rows_of(read(respun(path, "xl/worksheets/sheet1.xml", indented)))] == ["001", "002", "7"]


@pytest.mark.fault(28)
def test_an_open_document_tells_its_errors_and_its_formulas_without_a_value(tmp_path: Path) -> None:
    path = write_ods(tmp_path / "a.ods", [*TABLE, ("003", dt.date(2017, 5, 21), 7), ("004", dt.date(2017, 5, 21), 8)])
    space = b'xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0" '

    def spoil(content: bytes) -> bytes:
        content = content.replace(
            b'<table:table-cell office:value-type="float" office:value="7"',
            b'<table:table-cell table:formula="of:=[.C2]"',
        )
        return content.replace(
            b'office:value-type="float" office:value="8"',
            space + b'office:value-type="string" office:string-value="" calcext:value-type="error"',
        )

    pieces = read(respun(path, "content.xml", spoil))
    assert [each[:3] for each in refused(pieces)] == [
        ("Plan1!C4", "amount", "formula"),
        ("Plan1!C5", "amount", "error"),
    ]
    assert rows_of(pieces) == GOOD
