"""Each format, plain, zipped and gzipped, holds the same table; and a workbook with macros is read without running them."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from tests.spreadsheet.offices import (
    HEADER,
    ROWS,
    gzipped,
    read,
    respun,
    rows_of,
    write_csv,
    write_ods,
    write_xls,
    write_xlsx,
    zipped,
)

GOOD = [("001", dt.date(2017, 5, 19), 1234.56), ("002", dt.date(2017, 5, 20), -8.5)]
PRINTED = [HEADER, ("001", "19/05/2017", "1.234,56"), ("002", "20/05/2017", "-8,5")]
WITH_MACROS = b"application/vnd.ms-excel.sheet.macroEnabled.main+xml"
WITHOUT = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
A_MACRO = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b'Sub Auto_Open()\r\nKill "*.*"\r\nEnd Sub'
"""What lies where Excel keeps a project of macros: whoever opened it as one would find that it is none."""


def write_xlsm(path: Path, rows: Any) -> Path:
    respun(write_xlsx(path, rows), "[Content_Types].xml", lambda content: content.replace(WITHOUT, WITH_MACROS))
    return respun(path, "xl/vbaProject.bin", A_MACRO)


def write_text(path: Path, rows: Any) -> Path:
    del rows
    return write_csv(path, PRINTED, delimiter="\t" if path.suffix == ".tsv" else ";")


WRITERS = {
    "xlsx": write_xlsx, "xlsm": write_xlsm, "xls": write_xls, "ods": write_ods, "csv": write_text, "tsv": write_text, "txt": write_text,
}  # fmt: skip


@pytest.mark.parametrize("packed", ["plain", "zipped", "gzipped"])
@pytest.mark.parametrize("ending", WRITERS)
def test_each_format_holds_the_same_table_however_it_is_packed(tmp_path: Path, ending: str, packed: str) -> None:
    path = WRITERS[ending](tmp_path / f"vendas.{ending}", [HEADER, *ROWS])
    if packed == "zipped":
        path = zipped(tmp_path / "vendas.zip", {path.name: path.read_bytes()})
    elif packed == "gzipped":
        path = gzipped(tmp_path / f"{path.name}.gz", path.read_bytes())
    assert rows_of(read(path)) == GOOD
