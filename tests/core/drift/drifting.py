"""A contract whose portal drifts, and what the tests of drift ask of it."""

import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from esteira.batch import Batch, Known, plan
from esteira.contract import Dataset
from esteira.errors import ContractError
from esteira.lake import Seal

HEAD = '''"""Rows."""

import pandas as pd
import pandera.pandas as pa

from esteira.contract import ApiSource, Dataset, Quality, Replace, Timestamp


'''
CONTRACT = (
    HEAD
    + '''class Row(pa.DataFrameModel):
    """Rows, one per id."""

    id: pd.Int64Dtype = pa.Field(description="Key")
    delay: pd.Int16Dtype = pa.Field(nullable=True, ge=-120, description="Delay", metadata={"unit": "minute", "pii": True})
    at: Timestamp = pa.Field(nullable=True, description="Moment")  # kept


DATASET = Dataset(
    name="rows",
    source=ApiSource(
        portal="small", path="/rows", records="rows",
    ),
    schema=Row,
    write=Replace(),
    quality=Quality(max_quarantine_ratio=1, unique=("id",)),
)  # fmt: skip
'''
)
Rows = list[dict[str, Any]]
Loaded = Callable[..., Dataset]
Ran = Callable[..., Seal]


def batch_of(contract: Dataset, day: int) -> Batch:
    return plan(contract, datetime(2013, 1, day, 9, tzinfo=UTC), Known())[0]


def rows(count: int = 12, **values: Any) -> Rows:
    """Good records; `...` takes a column out."""
    made = {"delay": 1, "at": "2013-01-01T00:00:00Z"} | values
    kept = {name: value for name, value in made.items() if value is not ...}
    return [{"id": number, **kept} for number in range(count)]


def applied(patch: str, folder: Path) -> None:
    """By the tool that the message names."""
    for tool in (["git", "apply", "--check"], ["patch", "-p1"]):
        done = subprocess.run(tool, input=patch, cwd=folder, text=True, capture_output=True, check=False)
        assert done.returncode == 0, f"{done.stdout}{done.stderr}\n{patch}"


def refused(run: Ran, contract: Dataset, day: int, records: Rows) -> ContractError:
    with pytest.raises(ContractError) as caught:
        run(contract, day, records)
    assert (caught.value.dataset, caught.value.batch) == ("rows", batch_of(contract, day).id)
    return caught.value
