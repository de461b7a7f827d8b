"""Where a drafted table ends: a sum or a name among the rows is no footer, and nothing below it is lost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from esteira.contract import SpreadsheetSource
from esteira.recognise.sheet import Table, recognise
from esteira.spreadsheet.preview import MOST_ROWS, preview
from tests.spreadsheet.offices import write_csv, write_xlsx

HEADER = ("UF", "Município", "Valor")
ROWS: list[Sequence[Any]] = [("AM", "Manaus", 1.5), ("AM", "Tefé", 2.5), ("PA", "Belém", 3)]


def table_of(path: Path) -> Table:
    found = recognise(preview(path, SpreadsheetSource(match="*")))
    assert found is not None
    return found


def of_rows(folder: Path, *rows: Sequence[Any]) -> Table:
    return table_of(write_xlsx(folder / "a.xlsx", rows))


def test_sums_of_groups_end_no_table_and_are_told(tmp_path: Path) -> None:
    rows = [HEADER, *ROWS[:2], ("Total AM", None, 4), ROWS[2], ("Total PA", None, 3), ("Total geral", None, 7), ("Fonte: SAP",)]  # fmt: skip
    found = of_rows(tmp_path, *rows)
    assert (found.end, found.footer, found.sums) == (6, "Total geral*", (3, 5))


def test_a_sum_that_is_told_by_nothing_but_its_whole_text_ends_the_table(tmp_path: Path) -> None:
    found = of_rows(tmp_path, HEADER, *ROWS[:2], ("Total AM", None, 4), ROWS[2], ("Total PA", None, 3), ("Total", None, 7))  # fmt: skip
    assert (found.end, found.footer) == (6, "Total")


def test_sums_of_groups_with_empty_rows_between_them_end_no_table(tmp_path: Path) -> None:
    found = of_rows(tmp_path, HEADER, *ROWS[:2], ("Total AM", None, 4), (), ROWS[2], ("Total PA", None, 3))
    assert (found.end, found.sums) == (6, (3,))


def test_a_name_that_begins_like_a_footer_is_data(tmp_path: Path) -> None:
    names = ("Eirunepé", "Fonte Boa", "Guajará", "Humaitá")
    found = of_rows(tmp_path, ("Município", "Código", "População"), *((name, 13, 9) for name in names))
    assert (found.end, found.footer) == (5, None)
    found = of_rows(tmp_path, ("Município", "Código", "População"), *((name, 13, 9) for name in names), ("Fonte: IBGE",))  # fmt: skip
    assert (found.end, found.footer) == (5, "Fonte: IBGE*")


def test_a_list_of_invoices_has_no_footer(tmp_path: Path) -> None:
    rows = [("Recibo 1", "x", 9), ("Nota Fiscal 1", "y", 9), ("Nota Fiscal 2", "z", 9)]
    assert of_rows(tmp_path, ("Documento", "Loja", "Valor"), *rows).end == 4


def test_a_table_of_nothing_but_totals_is_data(tmp_path: Path) -> None:
    found = of_rows(tmp_path, ("Indicador", "Valor"), ("Total de obras", 5), ("Total de escolas", 6))
    assert (found.end, found.sums) == (3, (1, 2))


def test_another_table_below_a_sum_is_no_data_of_the_first(tmp_path: Path) -> None:
    found = of_rows(tmp_path, HEADER, *ROWS, ("Total", None, 7), (), ("Sigla", "Nome", "Ano"), ("AM", "Amazonas", 1850))
    assert (found.end, found.footer) == (4, "Total*")


@pytest.mark.parametrize("rows", [((), ("a", 1), (), (), ("b", 2)), (("a", 1), (), (), ("b", 2), ("c", 3)), (("a", 1), (), ("b", 2), ())])  # fmt: skip
def test_empty_rows_among_data_end_no_table(tmp_path: Path, rows: Sequence[Sequence[Any]]) -> None:
    found = of_rows(tmp_path, ("Item", "Valor"), *rows, ("d", 4))
    assert (found.end, found.ends_at_blank) == (len(rows) + 2, False)


def test_a_note_below_a_later_empty_row_ends_no_table_at_the_first_one(tmp_path: Path) -> None:
    rows = [*ROWS, (), *ROWS, (), ("Valores em reais",)]
    found = of_rows(tmp_path, HEADER, *rows)
    assert (found.end, found.footer, found.ends_at_blank) == (9, "Valores*", False)


def test_many_notes_below_a_wide_table_are_none_of_its_rows(tmp_path: Path) -> None:
    rows = [(f"n{number}", 1, 2, 3, 4) for number in range(3)]
    notes = [(), ("Fußnoten",), (), ("1.", "Bis 1992"), *((f"Wort {number}:",) for number in range(8)), (), ("Ende",)]
    found = of_rows(tmp_path, ("Nome", "a", "b", "c", "d"), *rows, *notes)
    assert (found.end, found.ends_at_blank) == (4, True)


@pytest.mark.parametrize(
    ("note", "footer"),
    [("* Dados preliminares", "[*]*"), ("(1) Inclui obras.", "(1)*"), ("Elaboração: SEPLAN", "Elaboração*"), (f"Valores {'x' * 60}", "Valores*")],
)  # fmt: skip
def test_a_note_right_below_the_data_is_none_of_them(tmp_path: Path, note: str, footer: str) -> None:
    found = of_rows(tmp_path, HEADER, *ROWS, (note,))
    assert (found.end, found.footer) == (4, footer)


def test_a_last_row_that_holds_a_name_alone_is_data(tmp_path: Path) -> None:
    assert of_rows(tmp_path, HEADER, *ROWS, ("RR",)).end == 5


def test_the_footer_of_a_table_that_is_longer_than_what_is_looked_at_is_seen(tmp_path: Path) -> None:
    rows = [("Código", "Valor"), *((str(number), "1,5") for number in range(MOST_ROWS + 200)), ("Total", "9,0")]
    found = table_of(write_csv(tmp_path / "a.csv", rows, "utf-8", ";"))
    assert (found.end, found.footer) == (MOST_ROWS + 201, "Total*")
    assert [column.kind for column in found.columns] == ["integer", "decimal"]
