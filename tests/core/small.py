"""A contract with one column of each type, and records for it."""

import json
from datetime import date, timedelta
from typing import Annotated, Any

import msgspec
import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa

from esteira.contract import ApiSource, Dataset, Date, Incremental, Offset, Timestamp, Upsert
from esteira.quality import Curated, curate_records


class Row(pandera.DataFrameModel):
    """Rows, one per id."""

    id: pd.Int64Dtype = pandera.Field(description="Key")
    text: pd.StringDtype = pandera.Field(nullable=True, description="Text", metadata={"max_bytes": 40})
    small: pd.Int16Dtype = pandera.Field(
        nullable=True, ge=0, le=100, description="Small number", metadata={"unit": "cm"}
    )
    ratio: pd.Float64Dtype = pandera.Field(nullable=True, description="Ratio")
    amount: Annotated[pd.ArrowDtype, pa.decimal128(18, 2)] = pandera.Field(nullable=True, description="Amount")
    is_ok: pd.BooleanDtype = pandera.Field(nullable=True, description="Flag")
    at: Timestamp = pandera.Field(nullable=True, description="Moment")
    day: Date = pandera.Field(nullable=True, description="Day")


class Key(pandera.DataFrameModel):
    """Keys alone."""

    id: pd.Int64Dtype = pandera.Field(ge=0, description="Key")


CURSOR = Incremental(
    cursor="at", start_param="from", end_param="to", initial=date(2013, 1, 1), chunk=timedelta(days=31)
)


NO_LAKE: Any = None
"""For what asks the lake for nothing."""


def source(**changes: Any) -> ApiSource:
    return ApiSource(**({"portal": "small", "path": "/rows", "records": "rows"} | changes))


def dataset(**changes: Any) -> Dataset:
    return Dataset(**({"name": "rows", "source": source(), "schema": Row, "write": Upsert(key="id")} | changes))


def keys(**changes: Any) -> Dataset:
    """Ids only, read by offset in pages of two, one page a part."""
    paged = {"paginator": Offset(limit=2), "total": "total", "pages_per_part": 1}
    return dataset(**({"schema": Key, "source": source(**paged)} | changes))


def raw(*records: dict[str, Any]) -> list[msgspec.Raw]:
    return [msgspec.Raw(json.dumps(record).encode()) for record in records]


def record(**changes: Any) -> dict[str, Any]:
    """A good record with a value in each column."""
    good = {"id": 1, "text": "a", "small": 1, "ratio": 0.5, "amount": "1.00", "is_ok": True}
    return good | {"at": "2013-01-01T00:00:00Z", "day": "2013-01-01"} | changes


def curated(*records: dict[str, Any], **contract: Any) -> Curated:
    return curate_records(raw(*records), dataset(**contract))
