"""What a contract may ask to be exported, and the name of the file that a person asks for."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pandas as pd
import pandera.pandas as pa
import pytest

from cli.export import Request
from datasets.airlines import DATASET
from esteira.contract import Export
from esteira.errors import ConfigError


class Person(pa.DataFrameModel):
    """People."""

    document: pd.StringDtype = pa.Field(description="Document", metadata={"pii": True})
    city: pd.StringDtype = pa.Field(description="City")
    age: pd.Int16Dtype = pa.Field(description="Age")


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: Export("ods"), "Export\\(format\\)='ods'"),  # type: ignore[arg-type]
        (lambda: Export("csv", locale="de-DE"), "Export\\(locale\\)='de-DE'"),
        (lambda: Export("parquet", locale="pt-BR"), "no locale changes"),
        (lambda: Export("csv", partition_by=("city",)), "only Parquet"),
    ],
)
def test_an_export_that_means_nothing_is_refused(make: Any, what: str) -> None:
    with pytest.raises(ConfigError, match=what):
        make()


@pytest.mark.parametrize(
    ("exports", "what"),
    [
        (Export("csv"), "is no tuple"),
        ((Export("csv"), Export("csv")), "twice"),
        ((Export("parquet"), Export("parquet", partition_by=("city",))), "twice"),
        ((Export("parquet", partition_by=("nowhere",)),), "nowhere"),
        ((Export("parquet", partition_by=("document",)),), "calls personal"),
        ((Export("parquet", partition_by=("city", "age")),), "every column"),
    ],
)
def test_a_contract_that_asks_for_what_cannot_be_made_is_refused(exports: Any, what: str) -> None:
    with pytest.raises(ConfigError, match=what):
        dataclasses.replace(
            DATASET, schema=Person, exports=exports, sortkey=(), quality=dataclasses.replace(DATASET.quality, unique=())
        )


def test_the_name_of_the_file_says_the_format_unless_it_contradicts() -> None:
    assert Request("x", Path("a.XLSX"), locale="pt-BR").export == Export("xlsx", "pt-BR")
    assert Request("x", Path("a.parquet"), locale="pt-BR").export == Export("parquet")
    assert Request("x", Path("a.txt"), kind="csv").export == Export("csv")
    for request in (Request("x", Path("a.txt")), Request("x", Path("a.xlsx"), kind="csv")):
        with pytest.raises(ConfigError):
            _ = request.export
