"""`esteira new --file`: a draft that reads its own file, and says what it took for what."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.main import esteira
from esteira.catalogue import load_catalogue
from tests.conventions.sources import ROOT
from tests.spreadsheet.offices import read, rows_of, workbook, write_csv, write_xlsx

ROWS = [
    ("Relatório de vendas",), (), ("Código", "Emitido em", "Valor (R$)", "Qtde", "E-mail", None),
    ("001", dt.date(2017, 5, 19), "1.234,56", 3, "ana@example.org", "x"), ("002", dt.date(2017, 5, 20), "-8,50", 4, "rui@example.org", None),
    ("Total", None, "1.226,06", 7), ("Fonte: SAP",),
]  # fmt: skip


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ESTEIRA_LAKE_BUCKET", "none")  # no stack is asked for its variables
    monkeypatch.setenv("ESTEIRA_DATASETS", "")
    (tmp_path / "datasets").mkdir()


def new(folder: Path, path: Path, *arguments: str, name: str = "sales") -> Result:
    return CliRunner().invoke(
        esteira, ["new", name, "--file", str(path), *arguments, "--datasets", str(folder / "datasets")]
    )


def test_a_draft_reads_its_own_workbook_and_says_what_it_took_for_what(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "vendas.xlsx", ROWS)
    done = new(tmp_path, path, "--owner", "bi-team")
    assert done.exit_code == 0, done.output
    for line in (
        "banner: rows 1 to 2",
        "header: row 3",
        "data: rows 4 to 5",
        "footer: rows 6 to 7",
        "'Valor (R$)': valor_r, decimal",
        "personal",
    ):
        assert line in done.output
    dataset = load_catalogue(tmp_path / "datasets")["sales"]
    assert [row[:4] for row in rows_of(read(path, dataset))] == [
        ("001", dt.date(2017, 5, 19), Decimal("1234.56"), 3), ("002", dt.date(2017, 5, 20), Decimal("-8.50"), 4),
    ]  # fmt: skip
    assert [column.name for column in dataset.columns if column.is_pii] == ["e_mail"]


def test_grouped_header_rows_are_recognised(tmp_path: Path) -> None:
    book = workbook(tmp_path, [("Código", "Vendas", None), (None, "Dia", "Valor"), ("001", dt.date(2017, 5, 19), 1.5)])
    book.active.merge_cells("B1:C1")
    book.active.merge_cells("A1:A2")
    book.save(tmp_path / "a.xlsx")
    done = new(tmp_path, tmp_path / "a.xlsx")
    assert done.exit_code == 0, done.output
    assert "header: rows 1 to 2" in done.output
    dataset = load_catalogue(tmp_path / "datasets")["sales"]
    assert dataset.column_names == ("codigo", "vendas_dia", "vendas_valor")


@pytest.mark.parametrize(("encoding", "delimiter"), [("cp1252", ";"), ("utf-8-sig", ","), ("utf-16", "\t")])
def test_encoding_and_delimiter_of_a_text_are_recognised(tmp_path: Path, encoding: str, delimiter: str) -> None:
    rows = [("Código", "Região", "Valor"), ("001", "São Paulo", "1.234,5"), ("002", "Pará", "7")]
    done = new(tmp_path, write_csv(tmp_path / "a.csv", rows, encoding, delimiter))
    assert done.exit_code == 0, done.output
    dataset = load_catalogue(tmp_path / "datasets")["sales"]
    assert len(rows_of(read(tmp_path / "a.csv", dataset))) == 2


@pytest.mark.slow
def test_a_draft_passes_the_linter_the_formatter_and_the_type_checker(tmp_path: Path) -> None:
    assert new(tmp_path, write_xlsx(tmp_path / "vendas.xlsx", ROWS)).exit_code == 0
    folder = str(tmp_path / "datasets")
    for tool in (
        ("ruff", "check", "--config", str(ROOT / "pyproject.toml"), "--ignore", "INP001", folder),
        ("ruff", "format", "--check", "--config", str(ROOT / "pyproject.toml"), folder),
        ("mypy", "--config-file", str(ROOT / "pyproject.toml"), "--allow-subclassing-any", folder),
    ):
        done = subprocess.run([sys.executable, "-m", *tool], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{tool}: {done.stdout}{done.stderr}"


def test_nothing_is_overwritten_and_a_file_without_a_table_is_told(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "vendas.xlsx", ROWS)
    assert new(tmp_path, path).exit_code == 0
    assert "overwrites nothing" in new(tmp_path, path).output
    nothing = new(tmp_path, write_xlsx(tmp_path / "b.xlsx", [(1, 2), (3, 4)]), name="others")
    assert nothing.exit_code == 65
    assert "no row of the first 50 looks like names" in nothing.output


def test_a_file_and_a_portal_exclude_each_other(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "vendas.xlsx", ROWS)
    assert "Give --file alone" in new(tmp_path, path, "--url", "https://example.org/").output
