"""The demo's workbook, read back cell by cell: what the office typed is what was meant, but for the slips."""

from dataclasses import astuple
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from esteira.catalogue import find_dataset
from esteira.spreadsheet.piece import Piece
from esteira.spreadsheet.reading import read_pieces
from local.office.workbook import FIRST_DATA_ROW, Aircraft, fleet, in_portuguese, slips, write_workbook
from local.portal import build_database

CONTRACTS = Path(__file__).parents[2] / "local" / "contracts"
CONTRACT = find_dataset(CONTRACTS, "fleet")


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[Aircraft]:
    database = tmp_path_factory.mktemp("office") / "flights.db"
    build_database(database, 1)
    return fleet(database)


@pytest.fixture(scope="module")
def pieces(rows: list[Aircraft], tmp_path_factory: pytest.TempPathFactory) -> list[Piece]:
    path = tmp_path_factory.mktemp("office") / "frota.xlsx"
    write_workbook(rows, path)
    return list(read_pieces(path, path.name, CONTRACT))


def test_every_cell_but_the_slips_is_what_was_meant(rows: list[Aircraft], pieces: list[Piece]):
    read = [row for piece in pieces for row in piece.decoded.table.to_pylist()]
    assert len(read) == len(rows) == 3322
    for number, (found, meant) in enumerate(zip(read, rows, strict=True)):
        if number not in slips():
            assert tuple(found.values()) == (*plain(meant), FIRST_DATA_ROW + number)


def plain(row: Aircraft) -> tuple[Any, ...]:
    return tuple(float(value) if isinstance(value, Decimal) else value for value in astuple(row))


def test_the_slips_are_refused_at_their_cells(pieces: list[Piece]):
    places = {piece.rows.place(each.row, each.column) for piece in pieces for each in piece.decoded.rejections}
    assert places == set(slips().values())


def test_numbers_are_printed_as_in_brazil():
    assert [in_portuguese(Decimal(text)) for text in ("1234.56", "-1000000", "0.5")] == [
        "1.234,56",
        "-1.000.000,00",
        "0,50",
    ]
