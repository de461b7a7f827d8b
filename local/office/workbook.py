"""The fleet as an office keeps it: titles, two header rows with merged groups, numbers and days printed as in Brazil, a total, notes, and slips.

Made from the portal's tables `planes` and `airports`: every aircraft in the order of its tail number, based at one airport after the other.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import astuple, dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

SHEET, FILE_NAME = "Frota", "frota 2014-01.xlsx"
AS_LOADED = "SELECT tailnum, manufacturer, year, seats, base, base_name, altitude_m, next_check FROM {schema}.fleet"
"""What the warehouse shows of it."""
TITLES = ("Companhia de Aviação Modelo S.A.", "Frota por aeronave e base", "Posição em 02/01/2014")
GROUPS = (("Aeronave", 4), ("Base", 3), ("Revisão", 1))
HEADERS = ("Matrícula", "Fabricante", "Ano", "Assentos", "Código", "Nome", "Altitude (m)", "Próxima")
NOTES = (
    "Notas",
    "Altitude convertida de pés (1 pé = 0,3048 m).",
    "Ano '-' = não informado pelo fabricante.",
    "Dúvidas: ramal 1234.",
)
FOOT_IN_METRES = Decimal("0.3048")
FIRST_CHECK, CHECK_DAYS = date(2014, 1, 6), 365
FIRST_DATA_ROW = len(TITLES) + 4
"""As a spreadsheet program counts: the titles, an empty row, two rows of headers, and then it begins."""
_BAD = {10: ("Assentos", "muitos"), 200: ("Altitude (m)", "#REF!"), 3000: ("Próxima", "31/02/2015")}
"""Number of the aircraft, from 0: the column and what somebody typed there."""


@dataclass(frozen=True)
class Aircraft:
    """One row, as it is meant."""

    tailnum: str
    manufacturer: str
    year: int | None
    seats: int
    base: str
    base_name: str
    altitude_m: Decimal
    next_check: date


def fleet(database: Path) -> list[Aircraft]:
    """The rows, from the portal's own tables.

    Args:
        database: The portal's SQLite file.
    """
    planes = "SELECT tailnum, manufacturer, year, seats FROM planes ORDER BY tailnum"
    with closing(sqlite3.connect(database)) as connection:
        bases = connection.execute("SELECT faa, name, alt FROM airports ORDER BY faa").fetchall()
        found = enumerate(connection.execute(planes))
        return [_aircraft(number, plane, bases[number % len(bases)]) for number, plane in found]


def slips() -> dict[int, str]:
    """The aircraft whose rows hold a cell that cannot be read, by number from 0, and the cell's address."""
    return {number: f"{SHEET}!{_letter(column)}{FIRST_DATA_ROW + number}" for number, (column, _) in _BAD.items()}


def write_workbook(rows: list[Aircraft], path: Path) -> None:
    """Write them as the office would.

    Args:
        rows: From `fleet`.
        path: The workbook to make.
    """
    import openpyxl

    book = openpyxl.Workbook()
    sheet: Any = book.active
    sheet.title = SHEET
    for title in TITLES:
        sheet.append([title])
    sheet.append([])
    _write_headers(sheet)
    for number, row in enumerate(rows):
        sheet.append(list(_printed(number, row)))
    sheet.append(["Total", None, None, sum(row.seats for row in rows)])
    sheet.append(["Fonte: cadastro de aeronaves"])
    notes = book.create_sheet("Notas")
    for note in NOTES:
        notes.append([note])
    book.save(path)


def _write_headers(sheet: Any) -> None:
    upper, first = len(TITLES) + 2, 1
    sheet.append([])
    for group, width in GROUPS:
        sheet.cell(row=upper, column=first, value=group)
        if width > 1:
            sheet.merge_cells(start_row=upper, end_row=upper, start_column=first, end_column=first + width - 1)
        first += width
    for column, header in enumerate(HEADERS, 1):
        sheet.cell(row=upper + 1, column=column, value=header)


def _printed(number: int, row: Aircraft) -> Iterator[object]:
    """A row's cells: most numbers typed as text, as happens when they are pasted from a mail."""
    bad, slip = _BAD.get(number, ("", ""))
    printed: dict[str, object] = dict(zip(HEADERS, astuple(row), strict=True))
    printed |= {
        "Ano": "-" if row.year is None else row.year,
        "Altitude (m)": in_portuguese(row.altitude_m),
        "Próxima": f"{row.next_check:%d/%m/%Y}",
    }
    for header in HEADERS:
        yield slip if header == bad else printed[header]


def in_portuguese(number: Decimal) -> str:
    """`1234.56` as `1.234,56`."""
    return f"{number:,.2f}".translate(str.maketrans(",.", ".,"))


def _aircraft(number: int, plane: tuple[Any, ...], base: tuple[Any, ...]) -> Aircraft:
    tailnum, manufacturer, year, seats = plane
    code, name, feet = base
    metres = (feet * FOOT_IN_METRES).quantize(Decimal("0.01"), ROUND_HALF_UP)
    return Aircraft(
        tailnum, manufacturer, year, seats, code, name, metres, FIRST_CHECK + timedelta(days=number % CHECK_DAYS)
    )


def _letter(header: str) -> str:
    return "ABCDEFGH"[HEADERS.index(header)]
