"""Parquet in S3 → PostgreSQL's binary COPY: ranged reads, strict positional types, byte lengths. Memory: one row group."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pgpq import ArrowToPostgresBinaryEncoder

from local.redshift.errors import ScanError

if TYPE_CHECKING:
    from collections.abc import Buffer  # type: ignore[attr-defined,unused-ignore]

    from mypy_boto3_s3 import S3Client

BATCH_ROWS = 32_768
READ_AHEAD_BYTES = 1 << 20
FIRST_DAY, DAY_MICROSECONDS = -2_440_588, 86_400_000_000
"""4713 BC, in days from 1970: https://docs.aws.amazon.com/redshift/latest/dg/r_Datetime_types.html"""
CODE_LENGTH, CODE_TYPE = 15001, 15007
_ARROW_TYPES = {
    "smallint": pa.int16(), "integer": pa.int32(), "bigint": pa.int64(), "real": pa.float32(), "double precision": pa.float64(),
    "boolean": pa.bool_(), "date": pa.date32(), "character varying": pa.string(), "character": pa.string(), "bytea": pa.binary(),
    "timestamp without time zone": pa.timestamp("us"), "timestamp with time zone": pa.timestamp("us"),
}  # fmt: skip
"""What PostgreSQL takes as it stands; a moment is stored as UTC either way."""


@dataclass(frozen=True)
class TargetColumn:
    """A column to load: `type` without its modifier, `modifier` as PostgreSQL stores it (-1: none)."""

    name: str
    type: str
    modifier: int
    is_required: bool

    @property
    def bytes_limit(self) -> int:
        """The byte limit of a text column, 0 for none."""
        return self.modifier - 4 if self.type.startswith("character") and self.modifier > 4 else 0

    @property
    def decimal(self) -> tuple[int, int]:
        """Precision and scale of a numeric column."""
        packed = self.modifier - 4
        return (packed >> 16) & 0xFFFF, packed & 0x7FF

    @property
    def arrow(self) -> pa.DataType:
        """Its type here; a text for what no file's column fits."""
        if self.type == "numeric" and self.modifier > 4:
            return pa.decimal128(*self.decimal)
        return _ARROW_TYPES.get(self.type, pa.string())

    @property
    def facts(self) -> tuple[str, str, str]:
        """Name, type and length for the record of a load error, whose type has ten characters."""
        return self.name, self.type[:10], str(self.bytes_limit or "")

    def describe(self) -> str:
        """The declared type, in Redshift's words."""
        if self.bytes_limit:
            return f"VARCHAR({self.bytes_limit})"
        return f"DECIMAL({self.decimal[0]},{self.decimal[1]})" if self.type == "numeric" else self.type.upper()


class S3File(io.RawIOBase):
    """A seekable object in S3, read by ranges: nothing is stored."""

    def __init__(self, s3: S3Client, bucket: str, key: str, size: int) -> None:
        super().__init__()
        self._s3, self._bucket, self._key, self._size, self._at = s3, bucket, key, size, 0

    def readable(self) -> bool:
        """Say yes."""
        return True

    def seekable(self) -> bool:
        """Say yes."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move without asking S3."""
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        """Return the position."""
        return self._at

    def readinto(self, target: Buffer) -> int:
        """Fill `target` by one ranged GET."""
        view = memoryview(target).cast("B")
        end = min(self._at + len(view), self._size)
        if end <= self._at:
            return 0
        answer = self._s3.get_object(Bucket=self._bucket, Key=self._key, Range=f"bytes={self._at}-{end - 1}")
        data = answer["Body"].read()
        view[: len(data)] = data
        self._at += len(data)
        return len(data)


class Encoder:
    """The rows of one COPY in PostgreSQL's binary format, which it reads in three quarters of the time that text takes.

    What it gives may be rows of an earlier call: it keeps few rows until there are more.

    Args:
        columns: What is loaded.
    """

    def __init__(self, columns: list[TargetColumn]) -> None:
        self.columns = columns
        self._schema = pa.schema([(column.name, column.arrow) for column in columns])
        self._encoder = ArrowToPostgresBinaryEncoder(self._schema)

    def begin(self) -> bytes:
        """What stands before the rows."""
        return self._encoder.write_header()

    def rows(self, batch: pa.RecordBatch, place: str) -> bytes:
        """Rows of the file at `place`, whose schema fits.

        Raises:
            GatewayError: A null in a column that takes none, or a text that is no UTF-8 or too long.
        """
        arrays = [_writable(batch.column(index), column, place) for index, column in enumerate(self.columns)]
        return self._encoder.write_batch(pa.RecordBatch.from_arrays(arrays, schema=self._schema))

    def end(self) -> bytes:
        """The last rows, and what stands behind them."""
        return self._encoder.finish()


def read_rows(s3: S3Client, bucket: str, key: str, size: int, encoder: Encoder) -> Iterator[bytes]:
    """Yield a Parquet object's rows.

    Raises:
        GatewayError: Another number of columns, another type, or a text longer than its column.
    """
    place = f"s3://{bucket}/{key}"
    try:
        raw = io.BufferedReader(S3File(s3, bucket, key, size), READ_AHEAD_BYTES)
        file = pq.ParquetFile(pa.PythonFile(raw, mode="r"), pre_buffer=True)
    except pa.ArrowInvalid as exc:
        raise ScanError(
            CODE_TYPE, f"File '{place}' has an invalid version number or is not Parquet: {exc}", place
        ) from exc
    _check_schema(file, encoder.columns, place)
    for group in range(file.num_row_groups):
        for batch in file.iter_batches(BATCH_ROWS, row_groups=[group]):
            yield encoder.rows(batch, place)


def _check_schema(file: Any, columns: list[TargetColumn], place: str) -> None:
    count = len(file.schema_arrow.names)
    if count != len(columns):
        raise ScanError(
            CODE_TYPE,
            f"Unmatched number of columns between table and file. Table columns: {len(columns)}, Data columns: {count}, "
            f"File name: {place}",
            place,
        )
    if len(file.schema) != count:
        raise ScanError(CODE_TYPE, f"File '{place}' has nested columns, which the local Redshift does not load", place)
    for index, column in enumerate(columns):
        found = file.schema.column(index)
        if (
            column.type in {"timestamp without time zone", "timestamp with time zone"}
            and "nanoseconds" in _logical(found).values()
        ):
            raise ScanError(
                CODE_TYPE,
                f"File '{place}' has nanoseconds in column {place}.{found.name}: Redshift would load them wrong, write microseconds",
                place,
                column.facts,
            )
        if not _accepts(column, found):
            raise ScanError(
                CODE_TYPE,
                f"File '{place}' has an incompatible Parquet schema for column '{place}.{found.name}'. "
                f"Column {column.name} type: {column.describe()}, Parquet schema: optional {_describe(found)} {found.name}",
                place,
                column.facts,
            )


def _logical(found: Any) -> dict[str, Any]:
    return dict(json.loads(found.logical_type.to_json()))


def _describe(found: Any) -> str:
    physical = {"BYTE_ARRAY": "byte_array", "FIXED_LEN_BYTE_ARRAY": "fixed_len_byte_array"}.get(
        found.physical_type, found.physical_type.lower()
    )
    logical = _logical(found)
    return physical if logical["Type"] == "None" else f"{physical} ({found.logical_type})"


def _accepts(column: TargetColumn, found: Any) -> bool:
    logical, physical = _logical(found), str(found.physical_type)
    kind = str(logical["Type"])
    is_signed = kind == "None" or (kind == "Int" and bool(logical["isSigned"]))
    width = int(logical.get("bitWidth", {"INT32": 32, "INT64": 64}.get(physical, 0)))
    rules = {
        "smallint": physical == "INT32" and kind == "Int" and is_signed and width <= 16,
        "integer": physical == "INT32" and is_signed,
        "bigint": physical == "INT64" and is_signed,
        "real": physical == "FLOAT",
        "double precision": physical == "DOUBLE",
        "boolean": physical == "BOOLEAN",
        "date": kind == "Date",
        "timestamp without time zone": kind == "Timestamp"
        and logical.get("timeUnit") in {"microseconds", "milliseconds"},
        "timestamp with time zone": kind == "Timestamp" and logical.get("timeUnit") in {"microseconds", "milliseconds"},
        "numeric": kind == "Decimal" and (logical.get("precision"), logical.get("scale")) == column.decimal,
        # Old writers leave text without its annotation; what is not UTF-8 is found when it is read.
        "character varying": kind == "String" or (physical == "BYTE_ARRAY" and kind == "None"),
        "character": kind == "String" or (physical == "BYTE_ARRAY" and kind == "None"),
        "bytea": physical == "BYTE_ARRAY" and kind == "None",
    }
    return rules.get(column.type, False)


def _writable(array: pa.Array, column: TargetColumn, place: str) -> pa.Array:
    if column.is_required and array.null_count:
        text = f"Cannot insert a NULL value into column {column.name}, File name: {place}"
        raise ScanError(CODE_TYPE, text, place, column.facts)
    if column.type.startswith("character"):
        array = _as_text(array, column, place)
        _check_bytes(array, column, place)
    try:
        array = array.cast(column.arrow)
    except pa.ArrowInvalid as exc:  # milliseconds that microseconds cannot hold
        raise _out_of_range(column, place) from exc
    if pa.types.is_temporal(array.type):
        _check_moments(array, column, place)
    return array


def _check_moments(array: pa.Array, column: TargetColumn, place: str) -> None:
    """What is before the first day would be taken for another moment, or for none."""
    first = pc.min(array).cast(pa.int32() if pa.types.is_date32(array.type) else pa.int64()).as_py()
    lowest = FIRST_DAY if pa.types.is_date32(array.type) else FIRST_DAY * DAY_MICROSECONDS
    if first is not None and first < lowest:
        raise _out_of_range(column, place)


def _out_of_range(column: TargetColumn, place: str) -> ScanError:
    text = f"A value of column {column.name} is out of range for type {column.describe()}, File name: {place}"
    return ScanError(CODE_TYPE, text, place, column.facts)


def _as_text(array: pa.Array, column: TargetColumn, place: str) -> pa.Array:
    try:
        return array.cast(pa.string())
    except pa.ArrowInvalid as exc:
        text = f"String contains invalid or unsupported UTF8 codepoints in column {column.name}, File name: {place}"
        raise ScanError(CODE_TYPE, text, place, column.facts) from exc


def _check_bytes(array: pa.Array, column: TargetColumn, place: str) -> None:
    longest = pc.max(pc.binary_length(array)).as_py()
    if column.bytes_limit and longest is not None and longest > column.bytes_limit:
        raise ScanError(
            CODE_LENGTH,
            f"The length of the data column {column.name} is longer than the length defined in the table. "
            f"Table: {column.bytes_limit}, Data: {longest}, File name: {place}",
            place,
            column.facts,
        )
