"""Faults 23 to 30 of the catalogue, injected into files."""

import codecs
import datetime as dt
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import odf.opendocument
import odf.table
import openpyxl
import pandas as pd
import pandera.pandas as pa
import pytest
import xlwt

from esteira.contract import Limits, Locale, Sheets, Timestamp
from esteira.errors import ConfigError, SpreadsheetError
from tests.spreadsheet.offices import (
    HEADER,
    ROWS,
    contract,
    gzipped,
    ods_cell,
    read,
    refused,
    respun,
    rows_of,
    with_shared_texts,
    workbook,
    write_csv,
    write_ods,
    write_xls,
    write_xlsx,
    zipped,
)  # fmt: skip

TABLE = [HEADER, *ROWS]
GOOD = [("001", dt.date(2017, 5, 19), 1234.56), ("002", dt.date(2017, 5, 20), -8.5)]
PRINTED = [HEADER, ("001", "19/05/2017", "1.234,56"), ("002", "20/05/2017", "-8,5")]


# 23: encodings


@pytest.mark.fault(23)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "latin-1", "utf-16", "utf-16-le", "utf-16-be"])
def test_text_is_read_in_its_declared_encoding(tmp_path: Path, encoding: str) -> None:
    path = write_csv(tmp_path / "a.csv", PRINTED, encoding)
    declared = "utf-8" if encoding == "utf-8-sig" else encoding
    assert rows_of(read(path, contract(encoding=declared))) == GOOD


@pytest.mark.fault(23)
def test_a_mark_is_passed_over_where_the_encoding_names_its_order(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", PRINTED, "utf-16-le")
    path.write_bytes(codecs.BOM_UTF16_LE + path.read_bytes())
    assert rows_of(read(path, contract(encoding="utf-16-le"))) == GOOD


@pytest.mark.fault(23)
def test_a_byte_that_is_no_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("Código;Dia;Valor (R$)\n".encode() + b"A\xe7o;19/05/2017;1\n")
    with pytest.raises(SpreadsheetError, match=r"a\.csv: byte 24 \(line 2\) is 0xe7"):
        read(path)


# Arrow tells of a row that it cannot even show, before it gives up.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.fault(23)
def test_a_byte_far_behind_the_first_block_is_named(tmp_path: Path) -> None:
    line = b"001;19/05/2017;1\n"
    path = tmp_path / "a.csv"
    head = "Código;Dia;Valor (R$)\n".encode()
    path.write_bytes(head + line * 400_000 + b"\xff\n")
    with pytest.raises(SpreadsheetError, match=f"byte {len(head) + len(line) * 400_000:,}"):
        read(path)


@pytest.mark.fault(23)
def test_a_byte_in_a_column_that_nobody_asked_for_is_named_too(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    head = "Código;Dia;Valor (R$);Nota\n".encode()
    path.write_bytes(head + "001;19/05/2017;1;é\n".encode() + b"002;20/05/2017;2;caf\xe9\n")
    with pytest.raises(SpreadsheetError, match=r"line 3\) is 0xe9"):
        read(path)


@pytest.mark.fault(23)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_mark_that_contradicts_the_declared_encoding_is_refused(tmp_path: Path, encoding: str) -> None:
    path = write_csv(tmp_path / "a.csv", PRINTED, encoding)
    with pytest.raises(SpreadsheetError, match="byte 0: its mark says utf-"):
        read(path, contract(encoding="cp1252"))


@pytest.mark.fault(23)
def test_utf_16_without_a_mark_under_another_encoding_is_refused(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", PRINTED, "utf-16-le")
    with pytest.raises(SpreadsheetError, match="a zero byte"):
        read(path)


# 24 and 25: printed values


@pytest.mark.fault(24)
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.234,56", 1234.56), ("(1.234,56)", -1234.56), ("12,5%", 0.125), ("R$ 1.234,56", 1234.56), ("R$\u00a01.234,56", 1234.56), ("-R$ 7", -7.0),
        (",8", 0.8), ("1234,5", 1234.5), ("12.345.678", 12345678.0), ("-1,5", -1.5), ("+2", 2.0),
    ],
)  # fmt: skip
@pytest.mark.parametrize("write", [write_xlsx, write_csv])
def test_a_printed_number_is_read_by_the_declared_locale(
    tmp_path: Path, write: Callable[..., Path], text: str, value: float
) -> None:
    path = write(tmp_path / f"a.{'xlsx' if write is write_xlsx else 'csv'}", [HEADER, ("1", "19/05/2017", text)])
    assert rows_of(read(path)) == [("1", dt.date(2017, 5, 19), value)]


@pytest.mark.fault(24)
@pytest.mark.parametrize(
    "text",
    ["1,234.56", "1.23,4", "12.34", "1..234", "5-", "(-5)", "--5", "1e5x", "abc", "%", ",", "R$", "NaN", "inf", "٣"],
)
def test_a_text_that_the_locale_does_not_print_is_refused_with_its_cell(tmp_path: Path, text: str) -> None:
    rows = [HEADER, ("1", "19/05/2017", "1.234,56"), ("2", "19/05/2017", text)]
    pieces = read(write_xlsx(tmp_path / "a.xlsx", rows))
    assert refused(pieces) == [("Plan1!C3", "amount", "type", text)]
    assert len(rows_of(pieces)) == 1


@pytest.mark.fault(24)
def test_the_same_text_means_another_number_in_another_locale(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", [HEADER, ("1", dt.date(2017, 5, 19), "1.234")])
    assert rows_of(read(path))[0][2] == 1234.0
    assert rows_of(read(path, contract(locale="en-US")))[0][2] == 1.234


@pytest.mark.fault(24)
@pytest.mark.parametrize(
    ("locale", "text", "value"),
    [
        (Locale(decimal=",", thousands="\u00a0"), "1\u202f234,5", 1234.5), (Locale(decimal=",", thousands=" "), "1 234 567", 1234567.0),
        (Locale(decimal=".", thousands="'", currency=("CHF",)), "CHF 1'234.5", 1234.5), (Locale(decimal=",", percent="number"), "12,5 %", 12.5),
        (Locale(decimal=",", currency=("kr", "kr.")), "5,5 kr.", 5.5),
    ],
)  # fmt: skip
def test_a_locale_of_ones_own_is_read_like_the_others(tmp_path: Path, locale: Locale, text: str, value: float) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", [HEADER, ("1", dt.date(2017, 5, 19), text)])
    assert rows_of(read(path, contract(locale=locale)))[0][2] == value


@pytest.mark.fault(25)
def test_codes_words_and_blanks_are_what_the_contract_says(tmp_path: Path) -> None:
    rows = [
        HEADER,
        ("007", "19/05/2017", "-"),
        ("NA", "19/05/2017", "..."),
        (" a\u00a0", "19/05/2017", "X"),
        ("null", "19/05/2017", None),
    ]
    for path in (write_xlsx(tmp_path / "a.xlsx", rows), write_csv(tmp_path / "a.csv", rows)):
        found = rows_of(read(path, contract(nulls=("-", "...", "X"))))
        assert [(row[0], row[2]) for row in found] == [("007", None), ("NA", None), ("a", None), ("null", None)]
        kept = rows_of(read(path, contract(nulls=("-", "...", "X"), blanks="keep")))
        assert kept[2][0] == " a\u00a0"


@pytest.mark.fault(25)
def test_a_word_that_is_no_declared_null_is_refused_in_a_column_of_numbers(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [HEADER, ("007", "19/05/2017", "NA")])
    assert refused(read(path)) == [("C2", "amount", "type", "NA")]


@pytest.mark.fault(25)
def test_a_number_in_a_column_of_codes_is_refused_unless_the_contract_counts_its_digits(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", [HEADER, (7, dt.date(2017, 5, 19), 1), (7.5, dt.date(2017, 5, 19), 1)])
    assert [each[0] for each in refused(read(path))] == ["Plan1!A2", "Plan1!A3"]
    pieces = read(path, contract(codes={"codigo": 3}))
    assert rows_of(pieces)[0][0] == "007"
    assert refused(pieces) == [("Plan1!A3", "codigo", "type", "7.5")]


@pytest.mark.fault(25)
def test_a_day_in_a_column_of_codes_is_refused(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", [HEADER, (dt.date(2017, 3, 1), dt.date(2017, 5, 19), 1)])
    assert refused(read(path)) == [("Plan1!A2", "codigo", "type", "2017-03-01")]


@pytest.mark.fault(25)
@pytest.mark.parametrize("writer", [write_xlsx, write_ods])
def test_times_and_durations_are_refused_in_a_text_that_does_not_ask_for_them(tmp_path: Path, writer: Any) -> None:
    times = [dt.time(13, 5), dt.timedelta(hours=26, minutes=30, seconds=7), dt.timedelta(0)]
    rows = [HEADER, *((each, dt.date(2017, 5, 19), 1) for each in times), ("13:05", dt.date(2017, 5, 19), 1)]
    path = writer(tmp_path / f"a.{writer.__name__[6:]}", rows)
    assert [each[:3] for each in refused(read(path))] == [(f"Plan1!A{row}", "codigo", "type") for row in (2, 3, 4)]
    assert [row[0] for row in rows_of(read(path, contract(clocks=("codigo",))))] == [
        "13:05:00", "26:30:07", "00:00:00", "13:05",
    ]  # fmt: skip
    with pytest.raises(ConfigError, match="'dia' has type date32"):
        contract(clocks=("dia",))


# 26: bombs


@pytest.mark.fault(26)
@pytest.mark.parametrize("ending", ["xlsx", "ods"])
def test_a_workbook_that_would_inflate_beyond_the_limit_is_refused_before_it_is_parsed(
    tmp_path: Path, ending: str
) -> None:
    path = zipped(tmp_path / f"a.{ending}", {"xl/workbook.xml": b" " * 3_000_000, "content.xml": b""})
    assert path.stat().st_size < 10_000
    with pytest.raises(SpreadsheetError, match="larger than the limit of 1,000,000 bytes"):
        read(path, contract(limits=Limits(inflated_bytes=1_000_000)))


@pytest.mark.fault(26)
@pytest.mark.parametrize("ending", ["csv.gz", "zip"])
def test_an_archive_that_would_inflate_beyond_the_limit_is_refused(tmp_path: Path, ending: str) -> None:
    content, path = b"a;b\n" * 1_000_000, tmp_path / f"a.{ending}"
    packed = gzipped(path, content) if ending == "csv.gz" else zipped(path, {"a.csv": content})
    with pytest.raises(SpreadsheetError, match="larger than the limit"):
        read(packed, contract(limits=Limits(inflated_bytes=1_000_000)))


@pytest.mark.fault(26)
def test_a_directory_that_lies_about_sizes_is_found_out(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.csv": b"a;b\n" * 100_000})
    content = path.read_bytes().replace((400_000).to_bytes(4, "little"), (40).to_bytes(4, "little"))
    path.write_bytes(content)
    with pytest.raises(SpreadsheetError, match="damaged"):
        read(path)


@pytest.mark.fault(26)
@pytest.mark.parametrize("cell", ["XFD2000", "A1048576", "ALL1048576"])
def test_one_cell_far_away_does_not_make_the_reader_reserve_what_is_before_it(tmp_path: Path, cell: str) -> None:
    book = workbook(tmp_path, TABLE)
    book.active[cell] = 1
    book.save(tmp_path / "a.xlsx")
    with pytest.raises(SpreadsheetError, match=r"reaches to .*\d: .* are more than the limit"):
        read(tmp_path / "a.xlsx", contract(limits=Limits(cells=100_000)))


@pytest.mark.fault(26)
def test_cells_without_addresses_are_counted_too(tmp_path: Path) -> None:
    rows = b"<row>" + b"<c><v>1</v></c>" * 300 + b"</row>" + b"<row><c><v>1</v></c></row>" * 400
    path = respun(
        write_xlsx(tmp_path / "a.xlsx", TABLE),
        "xl/worksheets/sheet1.xml",
        lambda content: content.replace(b"</sheetData>", rows + b"</sheetData>"),
    )
    with pytest.raises(SpreadsheetError, match=r"reaches to KN404: 121,200 cells are more than the limit of 100,000"):
        read(path, contract(limits=Limits(cells=100_000)))


@pytest.mark.fault(26)
def test_a_cell_that_is_repeated_without_end_is_refused(tmp_path: Path) -> None:
    book = odf.opendocument.OpenDocumentSpreadsheet()
    table, row = odf.table.Table(name="P"), odf.table.TableRow(numberrowsrepeated="1048576")
    row.addElement(odf.table.TableCell(valuetype="float", value="1", numbercolumnsrepeated="16384"))
    table.addElement(row)
    book.spreadsheet.addElement(table)
    book.save(str(tmp_path / "a.ods"))
    with pytest.raises(SpreadsheetError, match="more than the limit of 20,000,000 cells"):
        read(tmp_path / "a.ods")


@pytest.mark.fault(26)
@pytest.mark.parametrize(
    ("limit", "what"),
    [
        ({"size_bytes": 100}, "size_bytes"),
        ({"rows": 2}, "rows"),
        ({"columns": 2}, "columns"),
        ({"sheets": 1}, "sheets"),
        ({"strings": 2}, "strings"),
    ],
)
def test_every_limit_is_checked(tmp_path: Path, limit: dict[str, int], what: str) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", TABLE)
    book = openpyxl.load_workbook(path)
    book.create_sheet("Notas")
    book.save(path)
    with_shared_texts(path)
    with pytest.raises(SpreadsheetError, match=rf"\({what}\)"):
        read(path, contract(limits=Limits(**limit)))


# 27: entities and links

DOCTYPE = b'<!DOCTYPE x [<!ENTITY e "boom">]>'


def with_doctype(content: bytes) -> bytes:
    head, _, rest = content.partition(b"?>") if content.startswith(b"<?xml") else (b"", b"", content)
    return (head + b"?>" if head else b"") + DOCTYPE + rest


@pytest.mark.fault(27)
@pytest.mark.parametrize(
    "member",
    [
        "xl/worksheets/sheet1.xml",
        "xl/workbook.xml",
        "xl/sharedStrings.xml",
        "xl/styles.xml",
        "xl/_rels/workbook.xml.rels",
        "[Content_Types].xml",
    ],
)
def test_an_entity_in_any_part_of_a_workbook_is_refused(tmp_path: Path, member: str) -> None:
    path = respun(with_shared_texts(write_xlsx(tmp_path / "a.xlsx", TABLE)), member, with_doctype)
    with pytest.raises(SpreadsheetError, match="document type or an entity"):
        read(path)


@pytest.mark.fault(27)
def test_an_entity_is_refused_in_utf_16_too(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", TABLE)
    respun(path, "xl/worksheets/sheet1.xml", lambda content: with_doctype(content).decode().encode("utf-16"))
    with pytest.raises(SpreadsheetError, match="document type or an entity"):
        read(path)


@pytest.mark.fault(27)
def test_an_entity_in_an_open_document_is_refused(tmp_path: Path) -> None:
    path = respun(write_ods(tmp_path / "a.ods", TABLE), "content.xml", with_doctype)
    with pytest.raises(SpreadsheetError, match="document type or an entity"):
        read(path)


@pytest.mark.fault(27)
def test_a_link_to_another_workbook_is_refused(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", TABLE)
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/externalLink"
    relation = f'<Relationship Id="rId99" Type="{kind}" Target="file:///c:/x.xlsx" TargetMode="External"/></Relationships>'.encode()
    respun(path, "xl/_rels/workbook.xml.rels", lambda content: content.replace(b"</Relationships>", relation))
    with pytest.raises(SpreadsheetError, match="takes values from outside"):
        read(path)


@pytest.mark.fault(27)
def test_a_workbook_with_its_texts_in_a_part_of_their_own_is_read(tmp_path: Path) -> None:
    assert rows_of(read(with_shared_texts(write_xlsx(tmp_path / "a.xlsx", TABLE)))) == GOOD


@pytest.mark.fault(27)
def test_an_address_behind_a_text_is_no_link_that_anybody_follows(tmp_path: Path) -> None:
    book = workbook(tmp_path, TABLE)
    book.active["A2"].hyperlink = "https://example.org/"
    book.save(tmp_path / "a.xlsx")
    assert rows_of(read(tmp_path / "a.xlsx")) == GOOD


@pytest.mark.fault(27)
def test_a_linked_sheet_of_an_open_document_is_refused(tmp_path: Path) -> None:
    path = write_ods(tmp_path / "a.ods", TABLE)
    source = (
        b'<table:table-source xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="file:///x.ods"/><table:table-row'
    )
    respun(path, "content.xml", lambda content: content.replace(b"<table:table-row", source, 1))
    with pytest.raises(SpreadsheetError, match="takes values from outside"):
        read(path)


# 28: cells that cannot be trusted


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


# 29: days


class Flight(pa.DataFrameModel):
    """A moment."""

    at: Timestamp = pa.Field(nullable=True)


@pytest.mark.fault(29)
def test_the_epoch_of_1904_moves_no_day(tmp_path: Path) -> None:
    book = workbook(tmp_path, TABLE)
    book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
    book.save(tmp_path / "a.xlsx")
    assert rows_of(read(tmp_path / "a.xlsx")) == GOOD


@pytest.mark.fault(29)
@pytest.mark.parametrize(
    ("serials", "epoch", "day"),
    [("1900", 1900, 19), ("workbook", 1900, 19), ("workbook", 1904, 19), ("1904", 1904, 19)],
)
def test_a_bare_serial_is_read_by_the_declared_epoch(tmp_path: Path, serials: str, epoch: int, day: int) -> None:
    book = workbook(tmp_path, [HEADER, ("1", 42874 if epoch == 1900 else 41412, 1)])
    if epoch == 1904:
        book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
    book.save(tmp_path / "a.xlsx")
    assert rows_of(read(tmp_path / "a.xlsx", contract(serials=serials)))[0][1] == dt.date(2017, 5, day)
    assert refused(read(tmp_path / "a.xlsx"))[0][0] == "Plan1!B2"


@pytest.mark.fault(29)
@pytest.mark.parametrize("serial", [60, 59, 0, -1, 3_000_000])
def test_a_serial_that_is_no_day_is_refused(tmp_path: Path, serial: int) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", [HEADER, ("1", serial, 1)])
    assert refused(read(path, contract(serials="1900"))) == [("Plan1!B2", "dia", "type", str(serial))]


@pytest.mark.fault(29)
@pytest.mark.parametrize("serial", [60, 0.5, 0])
def test_a_day_before_the_epoch_begins_for_good_is_refused(tmp_path: Path, serial: float) -> None:
    book = workbook(tmp_path, [HEADER, ("1", serial, 1)])
    book.active["B2"].number_format = "dd/mm/yyyy"
    book.save(tmp_path / "a.xlsx")
    assert refused(read(tmp_path / "a.xlsx"))[0][:3] == ("Plan1!B2", "dia", "type")


@pytest.mark.fault(29)
@pytest.mark.parametrize(
    ("text", "locale", "day"),
    [
        ("02/03/2017", "pt-BR", dt.date(2017, 3, 2)), ("02/03/2017", "en-US", dt.date(2017, 2, 3)), ("19-mai-17", "pt-BR", dt.date(2017, 5, 19)),
        ("jan/2024", "pt-BR", dt.date(2024, 1, 1)), ("1/2/2017", "pt-BR", dt.date(2017, 2, 1)), ("MARÇO/2020", "pt-BR", dt.date(2020, 3, 1)),
        ("19/05/17", "pt-BR", dt.date(2017, 5, 19)), ("2017-05-19", "pt-BR", dt.date(2017, 5, 19)), ("3 de março de 2020", "pt-BR", dt.date(2020, 3, 3)),
    ],
)  # fmt: skip
def test_a_printed_day_is_read_by_the_declared_locale(tmp_path: Path, text: str, locale: str, day: dt.date) -> None:
    path = write_csv(tmp_path / "a.csv", [HEADER, ("1", text, "1")], delimiter=";")
    assert rows_of(read(path, contract(locale=locale, delimiter=";")))[0][1] == day


@pytest.mark.fault(29)
@pytest.mark.parametrize(
    "text", ["31/02/2017", "05/19/2017", "00/01/2017", "19/05", "24:00", "19.05.2017", "19/05/2017 10:00", "19-may-17"]
)
def test_a_text_that_is_no_day_of_the_locale_is_refused(tmp_path: Path, text: str) -> None:
    path = write_csv(tmp_path / "a.csv", [HEADER, ("1", "19/05/2017", "1"), ("2", text, "1")])
    assert refused(read(path)) == [("B3", "dia", "type", text)]


@pytest.mark.fault(29)
def test_midnight_at_24_is_refused_or_the_next_day_as_the_contract_says(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [("At",), ("31/12/2017 24:00",), ("31/12/2017 24:01",)])
    assert [each[0] for each in refused(read(path, contract(Flight, columns={})))] == ["A2", "A3"]
    pieces = read(path, contract(Flight, columns={}, midnight="next_day"))
    assert rows_of(pieces) == [(pd.Timestamp("2018-01-01", tz="UTC"),)]
    assert [each[0] for each in refused(pieces)] == ["A3"]


@pytest.mark.fault(29)
def test_an_hour_that_the_clock_shows_twice_or_never_is_refused(tmp_path: Path) -> None:
    texts = ["17/02/2018 22:30", "17/02/2018 23:30", "04/11/2018 00:30", "04/11/2018 01:30"]
    path = write_csv(tmp_path / "a.csv", [("At",), *((text,) for text in texts)])
    pieces = read(path, contract(Flight, columns={}, timezone="America/Sao_Paulo"))
    assert [each[3] for each in refused(pieces)] == [texts[1], texts[2]]
    assert rows_of(pieces) == [(pd.Timestamp("2018-02-18T00:30Z"),), (pd.Timestamp("2018-11-04T03:30Z"),)]


# 30: files that are none


@pytest.mark.fault(30)
@pytest.mark.parametrize("name", ["a.xlsx", "a.xls", "a.ods", "a.csv", "a.csv.gz", "a.zip"])
def test_an_empty_file_is_refused_by_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(SpreadsheetError, match=rf"{name}: the file is empty"):
        read(tmp_path / name)


@pytest.mark.fault(30)
@pytest.mark.parametrize("name", ["a.xlsx", "a.ods", "a.zip", "a.csv.gz", "a.xls"])
def test_a_file_that_was_uploaded_by_half_is_refused_by_name(tmp_path: Path, name: str) -> None:
    path, rows = tmp_path / name, [HEADER, *(ROWS * 50)]
    if name == "a.csv.gz":
        gzipped(path, "\n".join(str(number) for number in range(50_000)).encode())
    elif name == "a.zip":
        zipped(path, {"a.csv": b"x" * 10_000})
    else:
        {"a.xlsx": write_xlsx, "a.ods": write_ods, "a.xls": write_xls}[name](path, rows)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(SpreadsheetError, match=rf"{name}: .*cut off or damaged") as caught:
        read(path)
    assert caught.value.hint


@pytest.mark.fault(30)
@pytest.mark.parametrize("name", ["a.xlsx", "a.xls"])
def test_a_workbook_with_a_password_is_refused_by_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 1016 + "EncryptedPackage".encode("utf-16-le") + b"\0" * 512
    )
    with pytest.raises(SpreadsheetError, match=f"{name}: it is protected by a password"):
        read(tmp_path / name)


@pytest.mark.fault(30)
def test_an_open_document_with_a_password_is_refused_by_name(tmp_path: Path) -> None:
    path = write_ods(tmp_path / "a.ods", TABLE)
    respun(
        path,
        "META-INF/manifest.xml",
        b'<m:manifest xmlns:m="m"><m:file-entry><m:encryption-data/></m:file-entry></m:manifest>',
    )
    with pytest.raises(SpreadsheetError, match="protected by a password"):
        read(path)


@pytest.mark.fault(30)
@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("a.xls", b"<html><table><tr><td>1</td></tr></table></html>", "a web page"), ("a.xlsx", b"Codigo;Dia\n1;2\n", "no zip container"),
        ("a.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "an old Excel file"), ("a.csv", b"PK\x03\x04" + b"\0" * 100, "a zip file or a workbook"),
        ("a.csv", b"\x1f\x8b" + b"\0" * 100, "a gzip file"), ("a.csv.gz", b"a;b\n", "no gzip file"), ("a.pdf", b"%PDF", "none of xlsx"), ("a", b"x", "none of xlsx"),
    ],
)  # fmt: skip
def test_a_file_that_is_not_what_its_name_says_is_refused(
    tmp_path: Path, name: str, content: bytes, found: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SpreadsheetError, match=found):
        read(tmp_path / name)


@pytest.mark.fault(30)
def test_a_newer_workbook_under_an_old_name_is_refused(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", TABLE).rename(tmp_path / "a.xls")
    with pytest.raises(SpreadsheetError, match="a newer workbook"):
        read(path)


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
@pytest.mark.fault(30)
def test_a_workbook_that_two_readers_may_read_differently_is_refused(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", TABLE)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"<worksheet/>")
    with pytest.raises(SpreadsheetError, match="two of its members have one name"):
        read(path)


@pytest.mark.fault(30)
def test_a_sheet_that_cannot_be_looked_at_is_not_read(tmp_path: Path) -> None:
    path = respun(
        write_xlsx(tmp_path / "a.xlsx", TABLE),
        "xl/_rels/workbook.xml.rels",
        lambda content: content.replace(b"sheet1.xml", b"sheet9.xml"),
    )
    with pytest.raises(SpreadsheetError, match="sheet 'Plan1' is listed, and no part of the workbook holds it"):
        read(path)


@pytest.mark.fault(30)
def test_a_zip_that_is_no_workbook_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as archive:
        archive.writestr("hello.txt", "x")
    with pytest.raises(SpreadsheetError, match="is not in it"):
        read(tmp_path / "a.xlsx")


def test_what_a_mac_adds_to_a_workbook_and_an_empty_cell_far_away_are_no_fault(tmp_path: Path) -> None:
    book = workbook(tmp_path / "a.xlsx", [HEADER, *ROWS])
    book.active["AMJ1"].font = openpyxl.styles.Font(bold=True)
    book.save(tmp_path / "a.xlsx")
    with zipfile.ZipFile(tmp_path / "a.xlsx", "a") as archive:
        archive.writestr("__MACOSX/_rels/._.rels", b"\x00\x05\x16\x07")
    assert len(rows_of(read(tmp_path / "a.xlsx"))) == 2
