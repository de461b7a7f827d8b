"""What a draft says of a file that reads well in two ways."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from esteira.contract import SpreadsheetSource
from esteira.recognise.doubts import doubts
from esteira.recognise.sheet import recognise
from esteira.spreadsheet.preview import preview
from tests.spreadsheet.offices import workbook, write_xlsx


def doubts_of(folder: Path, text: str | bytes, locale: str = "pt-BR") -> str:
    path = folder / "a.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    found = preview(path, SpreadsheetSource(match="*", locale=locale))
    table = recognise(found)
    assert table is not None
    return " ".join(doubts(found, table))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Code,Value\n1,1.234\n2,2.500\n", "'1.234' of 'Value' would be 1.234, not 1234.0"),
        ("Code,Day\n1,01/02/2024\n2,03/04/2024\n", "'01/02/2024' of 'Day' would be 2024-01-02, not 2024-02-01"),
        ("Code,Value\n1,1234.56\n2,1.234\n", "'Value' would be float"),
        ("Code;Day\n1;01/22/2024\n2;03/14/2024\n", "'Day' would be day"),
    ],
)
def test_what_another_locale_reads_otherwise_is_told(tmp_path: Path, text: str, says: str) -> None:
    told = doubts_of(tmp_path, text)
    assert says in told
    assert "--locale en-US" in told


@pytest.mark.parametrize(
    "text", ["Cidade;Pop\na;12.345\nb;1.234\n", "Item;Valor\na;1,5\nb;2\n", "Item,Flag\na,x\nb,7\n"]
)
def test_what_stands_as_the_locale_prints_it_is_no_doubt(tmp_path: Path, text: str) -> None:
    assert not doubts_of(tmp_path, text)


def test_a_column_of_days_and_serials_is_no_matter_of_the_locale(tmp_path: Path) -> None:
    rows = [("Código", "Dia"), ("a", dt.date(2024, 1, 1)), ("b", "01/02/2024"), ("c", 45_000)]
    found = preview(write_xlsx(tmp_path / "a.xlsx", rows), SpreadsheetSource(match="*"))
    table = recognise(found)
    assert table is not None
    assert not list(doubts(found, table))


def test_a_cover_is_not_taken_for_the_table_and_other_sheets_are_told(tmp_path: Path) -> None:
    book = workbook(tmp_path, [("Ministério",), (), ("Relatório",)], "Capa")
    data = book.create_sheet("Dados")
    for row in (("Código", "Valor"), ("a", 1)):
        data.append(row)
    book.save(tmp_path / "a.xlsx")
    found = preview(tmp_path / "a.xlsx", SpreadsheetSource(match="*"))
    table = recognise(found)
    assert table is not None
    assert found.sheet == "Dados"
    assert "the file also has 'Capa'" in " ".join(doubts(found, table))


@pytest.mark.parametrize(("area", "is_told"), [("A2:A3", True), ("A4:A5", False)])
def test_cells_that_are_merged_over_rows_of_data_are_told(tmp_path: Path, area: str, *, is_told: bool) -> None:
    book = workbook(tmp_path, [("UF", "Valor"), ("AM", 1), (None, 2), ("Total", 3)])
    book.active.merge_cells(area)
    book.save(tmp_path / "a.xlsx")
    found = preview(tmp_path / "a.xlsx", SpreadsheetSource(match="*"))
    table = recognise(found)
    assert table is not None
    assert ("merged='fill'" in " ".join(doubts(found, table))) is is_told


def test_no_personal_value_is_shown(tmp_path: Path) -> None:
    told = doubts_of(tmp_path, "Code,Nascimento\n1,01/02/1984\n2,03/04/1985\n")
    assert "'Nascimento' would hold others" in told
    assert "1984" not in told


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Código;Nome\n1;maçã\n".encode("cp850"), "encoding='cp850'"),
        ("Código;Nome\n1;maçã\n".encode() + "2;pão\n".encode("cp1252"), "'Ã³' looks like a letter of UTF-8"),
    ],
)
def test_an_encoding_that_is_guessed_is_told(tmp_path: Path, text: bytes, says: str) -> None:
    assert says in doubts_of(tmp_path, text)
