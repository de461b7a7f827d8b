"""XML with entities, and links to other files: neither is followed (fault 27)."""

import zipfile
from pathlib import Path

import pytest

from esteira.errors import SpreadsheetError
from tests.spreadsheet.offices import (
    GOOD,
    TABLE,
    read,
    respun,
    rows_of,
    with_shared_texts,
    workbook,
    write_ods,
    write_xlsx,
)

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


def test_a_picture_that_stands_elsewhere_is_no_value_from_outside(tmp_path: Path) -> None:
    path, kind = (
        write_xlsx(tmp_path / "a.xlsx", TABLE),
        "http://schemas.openxmlformats.org/officeDocument/2006/relationships/image",
    )
    picture = f'<Relationships><Relationship Id="r1" Type="{kind}" Target="https://example.org/a.png" TargetMode="External"/></Relationships>'
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("xl/drawings/_rels/drawing1.xml.rels", picture)
    assert rows_of(read(path)) == GOOD


@pytest.mark.fault(27)
def test_a_linked_sheet_of_an_open_document_is_refused(tmp_path: Path) -> None:
    path = write_ods(tmp_path / "a.ods", TABLE)
    source = (
        b'<table:table-source xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="file:///x.ods"/><table:table-row'
    )
    respun(path, "content.xml", lambda content: content.replace(b"<table:table-row", source, 1))
    with pytest.raises(SpreadsheetError, match="takes values from outside"):
        read(path)
