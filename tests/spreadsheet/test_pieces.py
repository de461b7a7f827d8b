"""What the reader hands on is what curation takes: rows, positions, places, and the printed row of what is refused."""

from pathlib import Path

import pytest

from esteira.quality import curate_decoded
from esteira.spreadsheet import text
from tests.spreadsheet.offices import HEADER, ROWS, contract, read, write_csv, write_xlsx


def test_a_refused_row_is_in_quarantine_as_printed_with_its_cell(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", [HEADER, *ROWS, ("003", "20/05/2017", "x")])
    (piece,) = read(path)
    made = curate_decoded(piece.decoded, piece.rows, contract(), first_row=10)
    assert made.good.num_rows == 2
    assert made.bad.to_pylist() == [
        {"_esteira_position": 12, "column": "amount", "rule": "type", "value": "x", "place": "Plan1!C4",
         "record": '{"Código":"003","Dia":"20/05/2017","Valor (R$)":"x"}'}
    ]  # fmt: skip


def test_a_row_rule_of_the_schema_names_the_cell_too(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "Folha 1.xlsx", [HEADER, *ROWS, (None, "20/05/2017", 1)], sheet="Folha 1")
    (piece,) = read(path)
    made = curate_decoded(piece.decoded, piece.rows, contract())
    assert [(row["column"], row["place"]) for row in made.bad.to_pylist()] == [("codigo", "'Folha 1'!A4")]


def test_good_rows_are_never_printed(tmp_path: Path) -> None:
    (piece,) = read(write_xlsx(tmp_path / "a.xlsx", [HEADER, *ROWS]))
    piece.rows._record = None  # type: ignore[assignment] # whoever prints a row fails
    assert curate_decoded(piece.decoded, piece.rows, contract()).bad_rows == 0


def test_a_long_file_comes_in_pieces_and_no_row_is_lost_between_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = [f"{number:07}" for number in range(4_000)]
    path = write_csv(tmp_path / "a.csv", [HEADER, *((code, "19/05/2017", 1) for code in codes)])
    monkeypatch.setattr(text, "BLOCK_BYTES", 16 * 1024)
    pieces = read(path)
    assert len(pieces) > 4
    assert [code for piece in pieces for code in piece.decoded.table["codigo"].to_pylist()] == codes
    assert pieces[-1].rows.place(len(pieces[-1].rows) - 1, "codigo") == "A4001"


def test_unknown_columns_are_told_by_their_printed_names(tmp_path: Path) -> None:
    (piece,) = read(write_xlsx(tmp_path / "a.xlsx", [(*HEADER, "Nota"), *((*row, "x") for row in ROWS)]))
    assert piece.decoded.new_columns == ("Nota",)
