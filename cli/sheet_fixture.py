"""The fixture that `esteira new --file` leaves: a small file of the same kind, without what may be personal."""

from __future__ import annotations

import csv
import gzip
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from esteira.errors import ConfigError
from esteira.recognise.sheet import Table
from esteira.recognise.sheet_fixture import kept_merges, kept_rows
from esteira.spreadsheet.look import Range
from esteira.spreadsheet.opening import DELIMITED
from esteira.spreadsheet.preview import Preview

_WRITTEN = ("xlsx", *DELIMITED)


def write_fixture(folder: Path, ending: str, found: Preview, table: Table) -> Path:
    """Write the head of a file, scrubbed; returns where.

    Args:
        folder: The dataset's fixture folder.
        ending: The file's, which says the format.
        found: The file.
        table: What was recognised in it.

    Raises:
        ConfigError: This installation writes no file of the format.
    """
    inner = ending.removesuffix(".gz")
    if inner == "zip":
        inner = "xlsx" if found.sheet else "csv"
    if inner not in _WRITTEN:
        raise ConfigError(f"No fixture was written: files of the kind .{ending} are read here and not written.")
    rows = kept_rows(found, table)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"sample.{inner}"
    if found.sheet:
        _write_workbook(path, rows, found.sheet, kept_merges(found, table))
    else:
        _write_text(path, rows, found)
    return _packed(path, ending) if inner != ending else path


def _packed(path: Path, ending: str) -> Path:
    """The file in the wrapping of the original."""
    target = path.with_name(f"sample.{ending}")
    if ending == "zip":
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(path, path.name)
    else:
        target.write_bytes(gzip.compress(path.read_bytes(), mtime=0))
    path.unlink()
    return target


def _write_text(path: Path, rows: Sequence[Sequence[Any]], found: Preview) -> None:
    with path.open("w", encoding=found.source.encoding, newline="") as file:
        csv.writer(file, delimiter=found.source.delimiter or ",").writerows(rows)


def _write_workbook(path: Path, rows: Sequence[Sequence[Any]], sheet: str, merges: Sequence[Range]) -> None:
    try:
        import openpyxl
    except ImportError as exc:
        raise ConfigError("No fixture was written: openpyxl, which writes workbooks, is not installed.") from exc
    book = openpyxl.Workbook()
    page: Any = book.active
    page.title = sheet
    for number, row in enumerate(rows, 1):
        for column, value in enumerate(row, 1):
            if value != "":
                cell = page.cell(row=number, column=column, value=value)
                cell.data_type = (
                    "s" if isinstance(value, str) else cell.data_type
                )  # a text that begins with = is a text
    for (top, left), (bottom, right) in merges:
        page.merge_cells(start_row=top + 1, end_row=bottom + 1, start_column=left + 1, end_column=right + 1)
    book.save(path)
