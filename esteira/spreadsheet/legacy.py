"""xls and ods: what their reader does not tell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import xlrd

from esteira.contract import SpreadsheetSource
from esteira.spreadsheet.failure import failed
from esteira.spreadsheet.look import Fault, Look, Range
from esteira.spreadsheet.unpacking import open_zip
from esteira.spreadsheet.xml import local, parse

_MOST_REPEATED = 16_384
"""LibreOffice fills a sheet to its edge with repeated empty cells; a value is repeated as far as somebody filled it."""


def look_at_old(path: Path, name: str) -> dict[str, Look]:
    """The sheets of an xls, by name. A formula there always has a value: its format has no place for none.

    Raises:
        SpreadsheetError: It is damaged or encrypted.
    """
    try:
        book = xlrd.open_workbook(str(path), formatting_info=True, logfile=_Silence())
    except Exception as exc:  # xlrd raises whatever its parser meets in a damaged file
        raise _unreadable(name, exc) from exc
    return {sheet.name: _old_sheet(sheet, is_1904=book.datemode == 1) for sheet in book.sheets()}


def _old_sheet(sheet: Any, *, is_1904: bool) -> Look:
    look = Look(
        hidden={row for row, info in sheet.rowinfo_map.items() if info.hidden},
        merged=[((top, left), (bottom - 1, right - 1)) for top, bottom, left, right in sheet.merged_cells],
        rows=sheet.nrows,
        columns=sheet.ncols,
        is_1904=is_1904,
    )
    for row in range(sheet.nrows):
        for column, kind in enumerate(sheet.row_types(row)):
            if kind == xlrd.XL_CELL_ERROR:
                look.faults[row][column] = Fault(
                    "error", xlrd.error_text_from_code.get(sheet.cell_value(row, column), "#?")
                )
    return look


def _unreadable(name: str, exc: Exception) -> Exception:
    if "encrypted" in str(exc).lower():
        return failed(
            name, "it is protected by a password (encrypted).", "Save it without a password, and deliver it again."
        )
    return failed(
        name, "it is cut off or damaged, or no Excel file.",
        "Copy it again from where it was made, or open it in a spreadsheet program and save it as xlsx.",
    )  # fmt: skip


class _Silence:
    """Where xlrd writes its remarks: what matters is raised."""

    def write(self, text: str) -> int:
        """Forget a remark."""
        return len(text)


def look_at_open_document(path: Path, name: str, source: SpreadsheetSource) -> dict[str, Look]:
    """The sheets of an ods, by name.

    Raises:
        SpreadsheetError: It is damaged or encrypted, has an entity, or takes values from another file.
    """
    with open_zip(path, name, source) as archive:
        members = set(archive.namelist())
        if "content.xml" not in members:
            raise failed(
                name,
                "it is a zip file and no workbook: content.xml is not in it.",
                "Save it as ods, or name it by what it is.",
            )
        if "META-INF/manifest.xml" in members:
            manifest = _Manifest()
            parse(archive, "META-INF/manifest.xml", name, manifest)
            if manifest.is_encrypted:
                raise failed(
                    name,
                    "it is protected by a password (encrypted).",
                    "Save it without a password, and deliver it again.",
                )
        content = _Content(name, source.limits.cells)
        parse(archive, "content.xml", name, content)
    if content.is_linked:
        raise failed(
            name,
            "it takes values from outside: a sheet is linked to another file.",
            "Break the links (Edit, Links to External Files), save it, and deliver it again.",
        )
    if len(content.looks) > source.limits.sheets:
        raise failed(
            name,
            f"{len(content.looks)} sheets are more than the limit of {source.limits.sheets} (sheets).",
            "Split the workbook, or raise Limits(sheets=...).",
        )
    return content.looks


class _Manifest:
    is_encrypted = False

    def attach(self, parser: Any) -> None:
        """Hear a parser's elements."""
        parser.StartElementHandler = self._start

    def _start(self, name: str, _attributes: dict[str, str]) -> None:
        self.is_encrypted = self.is_encrypted or local(name) == "encryption-data"


class _Content:
    """content.xml, element by element: https://docs.oasis-open.org/office/OpenDocument/v1.3/."""

    def __init__(self, name: str, most_cells: int) -> None:
        self._name, self._most_cells = name, most_cells
        self.looks: dict[str, Look] = {}
        self.is_linked = self._is_hidden = self._has_value = False
        self._look: Look | None = None
        self._hidden: set[int] = set()
        self._merged: list[Range] = []
        self._row = self._column = self._rows = 0

    def attach(self, parser: Any) -> None:
        """Hear a parser's elements."""
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        kind, given = local(name), _by_local_name(attributes)
        if kind == "table" and self._look is None:
            self._start_table(given)
        elif self._look is None:
            return
        elif kind == "table-source":
            self.is_linked = True
        elif kind == "table-row":
            self._rows, self._column = int(given.get("number-rows-repeated", 1)), 0
            self._is_hidden = given.get("visibility") in {"collapse", "filter"}
            self._has_value = False
        elif kind in {"table-cell", "covered-table-cell"}:
            self._cell(self._look, given)

    def _end(self, name: str) -> None:
        kind = local(name)
        if kind == "table-row" and self._look is not None:
            if self._has_value:
                self._look.rows = max(self._look.rows, self._row + self._rows)
                if self._is_hidden:
                    self._hidden.update(range(self._row, self._row + min(self._rows, _MOST_REPEATED * 64)))
            self._row += self._rows
        elif kind == "table":
            self._look = None

    def _start_table(self, given: dict[str, str]) -> None:
        self._hidden, self._merged, self._row = set(), [], 0
        self._look = Look(hidden=self._hidden, merged=self._merged, is_dated=True)
        self.looks[given.get("name", "")] = self._look

    def _check_size(self, look: Look) -> None:
        if (self._row + self._rows) * look.columns > self._most_cells:
            raise failed(
                self._name, f"a sheet reaches to row {self._row + self._rows:,} and column {look.columns:,}: more than the limit of {self._most_cells:,} cells.",
                "Delete what stands far from the table (Ctrl+End shows it), or raise Limits(cells=...) in the contract.",
            )  # fmt: skip

    def _cell(self, look: Look, given: dict[str, str]) -> None:
        repeated = int(given.get("number-columns-repeated", 1))
        down, right = int(given.get("number-rows-spanned", 1)), int(given.get("number-columns-spanned", 1))
        if "value-type" in given or "formula" in given:
            self._has_value = True
            look.columns = max(look.columns, self._column + repeated)
            self._check_size(look)
        if down > 1 or right > 1:
            self._merged.append(((self._row, self._column), (self._row + down - 1, self._column + right - 1)))
        fault = _fault(given)
        if fault is not None:
            for row in range(self._row, self._row + self._rows):
                look.faults[row].update(dict.fromkeys(range(self._column, self._column + repeated), fault))
        self._column += repeated


def _by_local_name(attributes: dict[str, str]) -> dict[str, str]:
    """LibreOffice says `error` in a second `value-type`, of its own namespace: it wins."""
    found = {local(key): value for key, value in attributes.items()}
    if any(value == "error" and local(key) == "value-type" for key, value in attributes.items()):
        found["value-type"] = "error"
    return found


def _fault(given: dict[str, str]) -> Fault | None:
    if given.get("value-type") == "error":
        return Fault("error", given.get("string-value", "") or "#?")
    if "formula" in given and "value-type" not in given:
        return Fault("formula", "=" + given["formula"].partition("=")[2])
    return None
