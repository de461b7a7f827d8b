"""The columns of a contract: one list, derived from the pandera schema, that Arrow, pandas and Redshift types follow from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from esteira.errors import ConfigError

if TYPE_CHECKING:
    import pandera.pandas as pandera

_ARROW_BY_NAME: dict[str, pa.DataType] = {
    "int8": pa.int16(), "int16": pa.int16(), "int32": pa.int32(), "int64": pa.int64(),
    "float32": pa.float32(), "float64": pa.float64(), "boolean": pa.bool_(), "bool": pa.bool_(),
    "string": pa.string(), "str": pa.string(),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a curated table.

    Attributes:
        name: Column name, in the frame and in the table.
        arrow: Its type in Parquet.
        pandas: Its dtype in the frame.
        is_nullable: Whether a null is good.
        description: One sentence for the dictionary.
        unit: Its unit, or None.
        max_bytes: VARCHAR length in UTF-8 bytes that the contract asks for, or None.
    """

    name: str
    arrow: pa.DataType
    pandas: Any
    is_nullable: bool
    description: str
    unit: str | None = None
    max_bytes: int | None = None


def columns_of(schema: type[pandera.DataFrameModel]) -> tuple[Column, ...]:
    """The columns of a schema in their declared order.

    Raises:
        ConfigError: A column's dtype has no exact Redshift type.
    """
    return tuple(_column(name, declared) for name, declared in schema.to_schema().columns.items())


def _column(name: str, declared: Any) -> Column:
    metadata = declared.metadata or {}
    dtype = declared.dtype.type if declared.dtype is not None else None
    return Column(
        name=name,
        arrow=_arrow_type(name, dtype),
        pandas=dtype,
        is_nullable=bool(declared.nullable),
        description=declared.description or "",
        unit=metadata.get("unit"),
        max_bytes=metadata.get("max_bytes"),
    )


def _arrow_type(name: str, dtype: Any) -> pa.DataType:
    if isinstance(dtype, pd.ArrowDtype):
        return _storable(name, dtype.pyarrow_dtype)
    if isinstance(dtype, pd.DatetimeTZDtype):
        return pa.timestamp("us", "UTC")
    if isinstance(dtype, pd.StringDtype):
        return pa.string()
    found = _ARROW_BY_NAME.get(str(dtype).lower())
    if found is None:
        raise ConfigError(f"Column {name!r} has dtype {dtype}, which has no exact Redshift type.", hint=_DTYPE_HINT)
    return found


def _storable(name: str, arrow: pa.DataType) -> pa.DataType:
    if pa.types.is_decimal128(arrow) or pa.types.is_date32(arrow) or arrow in _ARROW_BY_NAME.values():
        return arrow
    if pa.types.is_timestamp(arrow) and arrow.unit == "us":
        return arrow
    raise ConfigError(f"Column {name!r} has Arrow type {arrow}, which has no exact Redshift type.", hint=_DTYPE_HINT)


_DTYPE_HINT = "Use a nullable pandas dtype (Int64, Float64, string, boolean), Timestamp, Date, or ArrowDtype of decimal128 or timestamp('us')."
