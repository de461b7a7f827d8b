"""`esteira preview --file`: what a file holds under its contract, before anybody drops it. No stack is asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.main import esteira

CONTRACT = """
import pandas as pd
import pandera.pandas as pa
from esteira.contract import Dataset, Quality, Replace, SpreadsheetSource


class Sale(pa.DataFrameModel):
    \"\"\"Sales.\"\"\"

    codigo: pd.StringDtype = pa.Field(description="Code")
    valor: pd.Float64Dtype = pa.Field(le=5000, description="Amount")
    vendedor: pd.StringDtype = pa.Field(description="Who", metadata={"pii": True})


DATASET = Dataset(
    name="sales",
    source=SpreadsheetSource(match="vendas*.csv", period=r"(?P<year>\\d{4})-(?P<month>\\d\\d)"),
    schema=Sale, write=Replace(), quality=Quality(min_rows=3, max_quarantine_ratio=0.5), owner="bi",
)
"""
ROWS = "Código;Valor;Vendedor;Extra\n001;1.234,56;Ana Lima;a\n002;muito;Rui Dias;b\n003;9.000,00;Eva Luz;c\n004;1,00;Zoe Paz;d\n"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ESTEIRA_LAKE_BUCKET", "none")  # no stack is asked for its variables
    monkeypatch.setenv("ESTEIRA_DATASETS", "")
    monkeypatch.setenv("COLUMNS", "100")
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "sales.py").write_text(CONTRACT)


def preview(folder: Path, text: str = ROWS, *arguments: str, name: str = "vendas 2024-03.csv") -> Result:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    command = ["preview", "sales", "--file", str(path), *arguments, "--datasets", str(folder / "datasets")]
    return CliRunner().invoke(esteira, command)


def test_rows_batch_and_what_would_be_refused_with_its_cell_are_told(tmp_path: Path) -> None:
    done = preview(tmp_path)
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert lines[0] == f"File: vendas 2024-03.csv, {len(ROWS.encode())} bytes, on this machine"
    assert lines[1].startswith("Batch: file-")
    assert "window 2024-03-01" in lines[1]
    assert lines[2] == "Got: 4 rows"
    assert [line.split() for line in lines[6:8]] == [["001", "1234.56", "***"], ["004", "1.0", "***"]]
    assert "New: Extra is not in the contract (warn)." in lines
    assert "Validation: 2 of 4 rows would be quarantined, within the limit of 50.00%:" in lines
    assert [line.split()[0:4] for line in lines if line.startswith("valor")] == [
        ["valor", "type", "1", "B3"], ["valor", "less_than_or_equal_to(5000)", "1", "B4"],
    ]  # fmt: skip
    assert not [name for name in ("Ana", "Rui", "Eva", "Zoe") if name in done.output]


def test_a_machine_gets_the_same(tmp_path: Path) -> None:
    facts = json.loads(preview(tmp_path, ROWS, "--rows", "1", "--json").output)
    assert (facts["records"], facts["quarantined"], facts["new_columns"]) == (4, 2, ["Extra"])
    assert facts["rows"] == [{"codigo": "001", "valor": 1234.56, "vendedor": "***"}]
    assert [(each["column"], each["where"]) for each in facts["first"]] == [("valor", "B3"), ("valor", "B4")]


def test_a_file_that_a_run_would_not_take_is_shown_and_said_so(tmp_path: Path) -> None:
    named = preview(tmp_path, name="compras 2024-03.csv")
    assert named.exit_code == 0
    assert "Batch: none. " in named.output
    assert "does not match 'vendas*.csv'" in named.output
    assert "Got: 4 rows" in named.output
    assert "tells no period" in preview(tmp_path, name="vendas.csv").output
    few = preview(tmp_path, "Código;Valor;Vendedor\n001;1,00;Ana\n")
    assert "It has fewer rows than Quality(min_rows=3): a run would not take it." in few.output


def test_a_file_that_cannot_be_read_ends_with_65(tmp_path: Path) -> None:
    done = preview(tmp_path, "Outra;Coisa\n1;2\n")
    assert done.exit_code == 65
    assert "'codigo'" in done.output


def test_options_of_a_portal_are_refused_with_what_to_do_instead(tmp_path: Path) -> None:
    for options in (("--start", "2024-01-01", "--end", "2024-02-01"), ("--parent", "id=1")):
        done = preview(tmp_path, ROWS, *options)
        assert done.exit_code == 78
        assert "Name a file: --file." in done.output


def test_a_dataset_of_a_portal_takes_no_file(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(ROWS)
    done = CliRunner().invoke(esteira, ["preview", "airlines", "--file", str(path), "--datasets", "datasets"])
    assert done.exit_code == 78
    assert "Leave --file out." in done.output


def test_a_recorded_file_of_a_declared_format_may_end_as_it_likes(tmp_path: Path) -> None:
    contract = CONTRACT.replace(
        'match="vendas*.csv", period=r"(?P<year>\\d{4})-(?P<month>\\d\\d)"', 'match="*.dat", format="csv"'
    )
    (tmp_path / "datasets" / "sales.py").write_text(contract)
    folder = tmp_path / "tests" / "fixtures" / "sales"
    folder.mkdir(parents=True)
    (folder / "vendas.dat").write_text(ROWS)
    (folder / "README.md").write_text("Where it came from.")
    done = CliRunner().invoke(esteira, ["test", "sales", "--datasets", str(tmp_path / "datasets")])
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[2].split() == ["sales", "1", "4", "2", "2"]
