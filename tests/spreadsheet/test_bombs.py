"""Files that would inflate, repeat or reach beyond what may be read (fault 26)."""

from pathlib import Path

import odf.opendocument
import odf.table
import openpyxl
import pytest

from esteira.contract import Limits
from esteira.errors import SpreadsheetError
from tests.spreadsheet.offices import (
    TABLE,
    contract,
    gzipped,
    read,
    respun,
    with_shared_texts,
    workbook,
    write_xlsx,
    zipped,
)


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
