"""The contracts of the replayed sets, each under a new name, so that no run finds the seals of an earlier one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import pandera.pandas as pa

from bench.rows import LONG_TEXT_BYTES, wide_names
from datasets.flights import DATASET as FLIGHTS
from esteira.contract import Append, Dataset, Quality, Timestamp, Upsert, WriteMode

WRITES: dict[str, WriteMode] = {"append": Append(), "upsert": Upsert(key="id")}
_WIDE_KINDS = (pd.Int32Dtype, pd.Float64Dtype, pd.StringDtype, pd.BooleanDtype)


class Long(pa.DataFrameModel):
    """Texts as long as a column can hold."""

    id: pd.Int64Dtype = pa.Field(description="Row id")
    title: pd.StringDtype = pa.Field(description="Title")
    body: pd.StringDtype = pa.Field(description="The text", metadata={"max_bytes": LONG_TEXT_BYTES})


class Nested(pa.DataFrameModel):
    """Orders with nested values."""

    id: pd.Int64Dtype = pa.Field(description="Row id")
    at: Timestamp = pa.Field(description="Moment of the order")
    customer: pd.StringDtype = pa.Field(description="Customer and address", metadata={"type": "super"})
    tags: pd.StringDtype = pa.Field(description="Tags", metadata={"type": "super"})
    lines: pd.StringDtype = pa.Field(description="Lines of the order", metadata={"type": "super"})


def _wide() -> type[pa.DataFrameModel]:
    kinds: dict[str, Any] = {"id": pd.Int64Dtype}
    kinds |= {name: _WIDE_KINDS[index % len(_WIDE_KINDS)] for index, name in enumerate(wide_names())}
    fields = {name: pa.Field(nullable=name != "id", description=name) for name in kinds}
    return type("Wide", (pa.DataFrameModel,), {"__annotations__": kinds, "__doc__": "500 columns.", **fields})


SCHEMAS: dict[str, Any] = {
    "flights": lambda: FLIGHTS.schema,
    "wide": _wide,
    "long": lambda: Long,
    "nested": lambda: Nested,
}


def contract(rows: str, name: str, *, size: int, factor: int, write: str) -> Dataset:
    """The contract of a set: the flights' own, as one snapshot without references, with the set's schema."""
    params: dict[str, str | int] = {"_size": size, "_shape": "objects", "_factor": factor}
    source = replace(FLIGHTS.source, path=f"/flights/{rows}.json", params=params, incremental=None)
    return replace(
        FLIGHTS, name=name, source=source, schema=SCHEMAS[rows](), write=WRITES[write],
        quality=Quality(max_quarantine_ratio=0.0), sortkey=("id",),
    )  # fmt: skip
