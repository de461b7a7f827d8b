"""`esteira ddl`: the statements that it prints, and its exit codes."""

import json
from pathlib import Path
from typing import Any

import pytest

import blocks
import cli.environment
from cli.ddl import PERSON_NEEDED, run_ddl, run_diff
from tests.warehouse.designs import Alone

pytestmark = pytest.mark.usefixtures("isolation")

CONTRACT = '''"""Things."""

import pandas as pd
import pandera.pandas as pa

from esteira.contract import ApiSource, Dataset, Replace


class Thing(pa.DataFrameModel):
    """Things of a folder."""

    id: pd.{dtype} = pa.Field(description="Number")


DATASET = Dataset(name="{name}", source=ApiSource(portal="none", path="/none"), schema=Thing, write=Replace())
'''


@pytest.fixture
def folder(bench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of contracts, and a command line that finds the warehouse without Prefect."""
    monkeypatch.setenv("ESTEIRA_DATASETS", str(tmp_path))
    monkeypatch.setenv("ESTEIRA_WAREHOUSE_SCHEMA", "loads")
    monkeypatch.setattr(blocks, "open_warehouse", lambda: bench.warehouse)
    monkeypatch.setattr(cli.environment, "require_prefect", lambda: None)
    return tmp_path


def write_contract(folder: Path, name: str, dtype: str) -> str:
    (folder / f"{name}.py").write_text(CONTRACT.format(name=name, dtype=dtype), encoding="utf-8")
    return name


def test_the_command_prints_a_contract_s_statements_that_a_person_can_run(bench: Any, folder: Path, capsys: Any):
    name = write_contract(folder, "things_printed", "Int64Dtype")
    assert run_ddl((name,), as_json=False) == 0
    script = capsys.readouterr().out
    for statement in script.split("\n", 1)[1].split(";\n"):
        if statement.strip():
            bench.run(statement)
    assert run_diff((name,), as_json=True) == 0
    assert json.loads(capsys.readouterr().out) == [{"dataset": name, "changes": []}]


def test_the_command_s_exit_code_says_whether_a_person_must_act(
    folder: Path, bench: Any, make_dataset: Any, capsys: Any
):
    name = write_contract(folder, "things_changed", "Int32Dtype")
    assert run_diff((name,), as_json=False) == 0
    assert "There is no table yet." in capsys.readouterr().out
    bench.load(make_dataset(schema=Alone, name=name))
    assert run_diff((name,), as_json=False) == PERSON_NEEDED
    out = capsys.readouterr().out
    assert "Column 'id' of loads.things_changed is BIGINT and the contract says INTEGER." in out
    assert "A person does, and nothing is loaded until then:" in out
    assert 'CAST("id" AS INTEGER)' in out
    assert run_diff((), as_json=True) == PERSON_NEEDED
    (facts,) = json.loads(capsys.readouterr().out)
    assert [change["is_ours"] for change in facts["changes"]] == [False, True]
