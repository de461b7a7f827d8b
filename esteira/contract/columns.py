"""The columns of a contract: one list, derived from the pandera schema, that Arrow, pandas and Redshift types follow from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from esteira.contract.encodings import FIXED_LENGTH, encodings_of
from esteira.contract.row_rules import check_row_rules
from esteira.contract.titles import Titles, check_title, titles_of
from esteira.errors import ConfigError
from esteira.standards import STANDARDS

if TYPE_CHECKING:
    import pandera.pandas as pandera

POSITION_COLUMN = "_esteira_position"
"""Row's position in the batch as received; orders rows of one key and leads back to the page."""
BATCH_COLUMN = "_esteira_batch"
"""The batch that brought the row."""
MAX_VARCHAR_BYTES = 65_535
"""https://docs.aws.amazon.com/redshift/latest/dg/r_Character_types.html"""
MAX_SUPER_BYTES = 4_000_000
"""JSON text of one nested value. COPY takes rows up to 4 MB: https://docs.aws.amazon.com/redshift/latest/dg/r_COPY.html"""
_MAX_SCALE = 37
"""https://docs.aws.amazon.com/redshift/latest/dg/r_Numeric_types201.html"""
_ARROW_BY_NAME: dict[str, pa.DataType] = {
    "int8": pa.int16(), "int16": pa.int16(), "int32": pa.int32(), "int64": pa.int64(),
    "float32": pa.float32(), "float64": pa.float64(), "boolean": pa.bool_(), "bool": pa.bool_(),
    "string": pa.string(), "str": pa.string(),
}  # fmt: skip
_REDSHIFT_TYPES = {
    pa.int16(): "SMALLINT", pa.int32(): "INTEGER", pa.int64(): "BIGINT", pa.float32(): "REAL", pa.float64(): "DOUBLE PRECISION",
    pa.bool_(): "BOOLEAN", pa.date32(): "DATE", pa.timestamp("us", "UTC"): "TIMESTAMPTZ", pa.timestamp("us"): "TIMESTAMP",
    pa.string(): "VARCHAR", pa.binary(): "SUPER",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a curated table.

    Attributes:
        name: Column name, in the frame and in the table.
        arrow: Its type in Parquet; a nested value is JSON text in a binary column there.
        pandas: Its dtype in the frame.
        is_nullable: Whether a null is good.
        description: One sentence for the dictionary.
        unit: Its unit, or None.
        max_bytes: VARCHAR length in UTF-8 bytes that the contract asks for, or None.
        encode: Compression encoding that the contract asks for, or None.
        is_pii: Whether its values are personal; what people are shown of them is masked.
        is_optional: Whether a whole batch may come without it: `pd.StringDtype | None`.
        title: Its business name by language, as far as the contract gives one; `titles` has all of them.
    """

    name: str
    arrow: pa.DataType
    pandas: Any
    is_nullable: bool
    description: str
    unit: str | None = None
    max_bytes: int | None = None
    encode: str | None = None
    is_pii: bool = False
    is_optional: bool = False
    title: Titles = field(default_factory=dict, hash=False)

    @property
    def titles(self) -> dict[str, str]:
        """Its business name in each language."""
        return titles_of(self.name, self.title)

    @property
    def redshift(self) -> str:
        """Redshift's type, without a length or a precision."""
        return "DECIMAL" if pa.types.is_decimal(self.arrow) else _REDSHIFT_TYPES[self.arrow]

    @property
    def stored(self) -> str:
        """Name and type in Parquet, as a seal records them."""
        return f"{self.name} {self.arrow}"

    @property
    def is_text(self) -> bool:
        """Whether it is a VARCHAR."""
        return bool(pa.types.is_string(self.arrow))

    @property
    def is_super(self) -> bool:
        """Whether it holds nested values: objects or arrays of the portal, kept whole."""
        return bool(pa.types.is_binary(self.arrow))

    @property
    def limit_bytes(self) -> int | None:
        """The longest good value in UTF-8 bytes; None where length is no question."""
        if self.is_super:
            return MAX_SUPER_BYTES
        return (self.max_bytes or MAX_VARCHAR_BYTES) if self.is_text else None


def columns_of(schema: type[pandera.DataFrameModel]) -> tuple[Column, ...]:
    """The columns of a schema in their declared order.

    Raises:
        ConfigError: A column's dtype has no exact Redshift type, or its metadata ask for what the type cannot do; or a rule is none of a row.
    """
    check_row_rules(schema)
    return tuple(_column(name, declared) for name, declared in schema.to_schema().columns.items())


def _column(name: str, declared: Any) -> Column:
    metadata = declared.metadata or {}
    dtype = declared.dtype.type if declared.dtype is not None else None
    arrow = _arrow_type(name, dtype)
    column = Column(
        name=name,
        arrow=_nested(name, arrow, metadata["type"]) if "type" in metadata else arrow,
        pandas=dtype,
        is_nullable=bool(declared.nullable),
        description=declared.description or "",
        unit=metadata.get("unit"),
        max_bytes=metadata.get("max_bytes"),
        encode=metadata.get("encode"),
        is_pii=_is_pii(name, metadata.get("pii", False)),
        is_optional=not declared.required,
        title=metadata.get("title", {}),
    )
    check_title(f"Column {name!r}", column.title)
    _check_optional(column)
    _check_length(column)
    _check_encoding(column)
    _check_standards(column, declared.checks)
    return column


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
    if pa.types.is_decimal128(arrow) and 0 <= arrow.scale <= min(arrow.precision, _MAX_SCALE):
        return arrow
    if pa.types.is_date32(arrow) or arrow in _ARROW_BY_NAME.values():
        return arrow
    if pa.types.is_timestamp(arrow) and arrow.unit == "us" and arrow.tz in {None, "UTC"}:
        return arrow
    raise ConfigError(f"Column {name!r} has Arrow type {arrow}, which has no exact Redshift type.", hint=_DTYPE_HINT)


def _nested(name: str, arrow: pa.DataType, kind: Any) -> pa.DataType:
    if kind != "super" or not pa.types.is_string(arrow):
        raise ConfigError(
            f"Column {name!r}: metadata type {kind!r} on Arrow type {arrow} means nothing.",
            hint='A nested value is declared as pd.StringDtype with metadata={"type": "super"}; the frame holds its JSON text.',
        )
    return pa.binary()


def _is_pii(name: str, given: Any) -> bool:
    if not isinstance(given, bool):
        raise ConfigError(f"Column {name!r}: pii={given!r} is neither True nor False.", hint="Write True or False.")
    return given


def _check_optional(column: Column) -> None:
    if column.is_optional and not column.is_nullable:
        raise ConfigError(
            f"Column {column.name!r} may be absent and may not be null.",
            hint="What is absent is loaded as null: add nullable=True, or take `| None` away.",
        )


def _check_length(column: Column) -> None:
    size: Any = column.max_bytes
    if size is None:
        return
    if not column.is_text or not isinstance(size, int) or not 1 <= size <= MAX_VARCHAR_BYTES:
        raise ConfigError(
            f"Column {column.name!r}: max_bytes={size!r} is no length of {column.redshift}.",
            hint=f"max_bytes is a whole number from 1 to {MAX_VARCHAR_BYTES}, on a text column.",
        )


def _check_encoding(column: Column) -> None:
    if column.encode is None:
        return
    allowed = encodings_of(column.redshift)
    if column.encode not in allowed:
        raise ConfigError(
            f"Column {column.name!r}: encode={column.encode!r} is no encoding of {column.redshift}.",
            hint=f"{column.redshift} takes {', '.join(allowed)}; without `encode` a fitting one is chosen.",
        )
    if column.is_text and column.encode in FIXED_LENGTH and column.max_bytes is None:
        raise ConfigError(
            f"Column {column.name!r}: Redshift refuses to widen a text under encode={column.encode!r}.",
            hint="Fix its length with max_bytes, or use zstd or lzo, under which it grows with the data.",
        )


def _check_standards(column: Column, checks: list[Any]) -> None:
    """Refuse a standard of texts on a column of numbers: a CPF there has lost its leading zeros."""
    for standard in (STANDARDS[check.name] for check in checks if check.name in STANDARDS):
        if not (column.is_text or (standard.takes_numbers and pa.types.is_integer(column.arrow))):
            raise ConfigError(
                f"Column {column.name!r}: {standard.name} is no rule for {column.redshift}.",
                hint="Declare the column as pd.StringDtype: a number keeps no leading zeros and no punctuation.",
            )


_DTYPE_HINT = (
    "Use a nullable pandas dtype (Int64, Float64, string, boolean), Timestamp, LocalTimestamp, Date, ArrowDtype of decimal128, "
    'or pd.StringDtype with metadata={"type": "super"} for a nested value.'
)
