"""Schemas that differ in one thing each, and what the tests of tables do with them."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any

import pandas as pd
import pandera.pandas as pa
from pyarrow import decimal128, timestamp

from esteira.contract import Date, Timestamp
from esteira.warehouse import ddl

MOMENT = datetime(2014, 1, 6, 12, 30, 0, 123456, tzinfo=UTC)


class Every(pa.DataFrameModel):
    """One column of each type, 100% of them."""

    id: pd.Int64Dtype = pa.Field(description="It's a \\ key, 50% of it")
    small: pd.Int16Dtype = pa.Field(nullable=True, description="Small", metadata={"unit": "cm", "encode": "mostly8"})
    whole: pd.Int32Dtype = pa.Field(nullable=True, description="Whole")
    single: pd.Float32Dtype = pa.Field(nullable=True, description="Single")
    double: pd.Float64Dtype = pa.Field(nullable=True, description="Double", metadata={"encode": "zstd"})
    exact: Annotated[pd.ArrowDtype, decimal128(38, 10)] = pa.Field(nullable=True, description="Exact")
    is_so: pd.BooleanDtype = pa.Field(nullable=True, description="Flag")
    day: Date = pa.Field(nullable=True, description="Day")
    at: Timestamp = pa.Field(nullable=True, description="Moment")
    local: Annotated[pd.ArrowDtype, timestamp("us")] = pa.Field(nullable=True, description="Local moment")
    label: pd.StringDtype = pa.Field(nullable=True, description="Label")
    code: pd.StringDtype = pa.Field(nullable=True, description="Code", metadata={"encode": "bytedict", "max_bytes": 12})
    doc: pd.StringDtype = pa.Field(nullable=True, description="As received", metadata={"type": "super"})


class Pair(pa.DataFrameModel):
    """Pairs."""

    id: pd.Int64Dtype = pa.Field(description="Number")
    label: pd.StringDtype = pa.Field(nullable=True, description="Label")


class Doc(pa.DataFrameModel):
    """Documents."""

    id: pd.Int64Dtype = pa.Field(description="Number")
    doc: pd.StringDtype = pa.Field(nullable=True, description="As received", metadata={"type": "super"})


class Described(pa.DataFrameModel):
    """Pairs, described better."""

    id: pd.Int64Dtype = pa.Field(description="Number", metadata={"unit": "piece"})
    label: pd.StringDtype = pa.Field(nullable=True)


class Named(pa.DataFrameModel):
    """Keys that are text."""

    id: pd.StringDtype = pa.Field(description="Key")
    label: pd.StringDtype = pa.Field(nullable=True, description="Label")


class Coded(pa.DataFrameModel):
    """Codes."""

    id: pd.Int64Dtype = pa.Field(description="Number")
    label: pd.StringDtype = pa.Field(
        nullable=True, description="Code", metadata={"encode": "bytedict", "max_bytes": 20}
    )


class Numbered(pa.DataFrameModel):
    """Labels that are numbers."""

    id: pd.Int64Dtype = pa.Field(description="Number")
    label: pd.Int64Dtype = pa.Field(nullable=True, description="Label")


class Alone(pa.DataFrameModel):
    """Numbers without labels."""

    id: pd.Int64Dtype = pa.Field(description="Number")


class Full(pa.DataFrameModel):
    """Labels without nulls."""

    id: pd.Int64Dtype = pa.Field(description="Number")
    label: pd.StringDtype = pa.Field(description="Label")


def every(number: int) -> dict[str, Any]:
    return {
        "id": number, "small": 1, "whole": 2, "single": 0.5, "double": 0.1, "exact": Decimal("1234567890123456789.0123456789"), "is_so": True,
        "day": date(2012, 2, 29), "at": MOMENT, "local": MOMENT.replace(tzinfo=None), "label": "é", "code": "c", "doc": b'{"a":[1,2.50]}',
    }  # fmt: skip


def again(bench: Any, old: Any, new: Any, rows: list[dict[str, Any]], **more: Any) -> Any:
    """Load under another contract of the same table."""
    return bench.load(replace(new, name=old.name), rows, day=2, **more)


def changes(bench: Any, dataset: Any) -> list[Any]:
    return ddl.compare(bench.warehouse, dataset)


def obey(bench: Any, dataset: Any) -> None:
    """Do what `--diff` asks a person to do."""
    asked = dict.fromkeys(
        each for change in changes(bench, dataset) if not change.is_ours for each in change.statements
    )
    with bench.warehouse.session() as session:
        for statement in asked:
            session.run(statement)


class Recorded:
    """A session that remembers what it ran."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self.ran: list[str] = []

    def run(self, statement: str, parameters: Any = ()) -> int:
        self.ran.append(statement)
        return int(self._session.run(statement, parameters))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)
