"""Files that are none: empty, cut short, locked, or not what their name says (fault 30)."""

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from esteira.contract import SpreadsheetSource
from esteira.errors import SpreadsheetError
from esteira.spreadsheet.preview import preview
from tests.spreadsheet.offices import (
    HEADER,
    ROWS,
    TABLE,
    contract,
    gzipped,
    read,
    respun,
    rows_of,
    workbook,
    write_ods,
    write_xls,
    write_xlsx,
    zipped,
)


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
        ("a.xls", b"<html><table><tr><td>1</td></tr></table></html>", "a web page"), ("a.xlsx", b"\1\2\n", "no zip container"),
        ("a.xlsx", b"Codigo;Dia\n1;2\n", "and is delimited text"), ("a.xls", b"Codigo;Dia\n1;2\n", "and is delimited text"),
        ("a.csv", b"\n<!DOCTYPE html><html><p>Entre de novo</p></html>", "a web page"),
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


@pytest.mark.fault(30)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
@pytest.mark.parametrize("end", ["\n", ""])
def test_a_quoted_text_that_never_ends_is_refused_with_its_line(tmp_path: Path, encoding: str, end: str) -> None:
    text = 'Código;Dia;Valor (R$)\n001;19/05/2017;1\n002;20/05/2017;"2\n003;21/05/2017;3' + end
    (tmp_path / "a.csv").write_bytes(text.encode(encoding))
    with pytest.raises(SpreadsheetError, match=r"a\.csv: line 3: a quoted text begins in this row and never ends"):
        read(tmp_path / "a.csv", contract(encoding=encoding))


def test_a_quote_that_is_a_sign_of_its_own_in_a_text_is_no_harm(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('Código;Dia;Valor (R$)\ntubo 3/4";19/05/2017;1\n"002";20/05/2017;2\n')
    assert [row[0] for row in rows_of(read(tmp_path / "a.csv"))] == ['tubo 3/4"', "002"]


def test_a_long_text_in_the_first_rows_is_read(tmp_path: Path) -> None:
    outline = "1 2," * 50_000
    (tmp_path / "a.csv").write_text(f'Código;Dia;Valor (R$)\n"{outline}";19/05/2017;1\n')
    assert [row[0] for row in rows_of(read(tmp_path / "a.csv"))] == [outline]


@pytest.mark.parametrize(
    ("member", "change"),
    [
        ("xl/worksheets/sheet1.xml", lambda sheet: re.sub(rb't="inlineStr"><is>.*?</is>', b't="s"><v>7</v>', sheet, count=1)),
        ("xl/_rels/workbook.xml.rels", lambda relations: relations.replace(b"/xl/worksheets/", b"../xl/worksheets/")),
    ],
)  # fmt: skip
def test_a_workbook_that_cannot_be_read_is_no_crash_of_the_preview(
    tmp_path: Path, member: str, change: Callable[[bytes], bytes]
) -> None:
    path = respun(write_xlsx(tmp_path / "a.xlsx", TABLE), member, change)
    with pytest.raises(SpreadsheetError, match="sheet 'Plan1' cannot be read"):
        preview(path, SpreadsheetSource(match="*"))


def test_a_text_without_end_is_no_crash_of_the_preview(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('a;b\n1;"' + "x;y\n" * 400_000)
    with pytest.raises(SpreadsheetError, match="it cannot be read as delimited text"):
        preview(tmp_path / "a.csv", SpreadsheetSource(match="*"))
