"""UNLOAD: a query's rows → Parquet objects in S3, one for each partition, under the assumed role. Memory: one row group and one part of the upload."""

from __future__ import annotations

import functools
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import botocore.exceptions
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from local.redshift.backend import Backend
from local.redshift.errors import GatewayError, Refused
from local.redshift.loader import Loader, service_text
from local.redshift.plans import Unload, quote_name

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PART_BYTES = 8 << 20  # S3 wants at least 5 MiB for each part but the last
GROUP_BYTES = 16 << 20
NOT_EMPTY = (
    "Specified unload destination on S3 is not empty. Consider using a different bucket / prefix, manually removing the target files "
    "in S3, or using the ALLOWOVERWRITE option."
)
ARROW_TYPES = {
    16: pa.bool_(), 21: pa.int16(), 23: pa.int32(), 20: pa.int64(), 700: pa.float32(), 701: pa.float64(), 1082: pa.date32(),
    1114: pa.timestamp("us"), 1184: pa.timestamp("us", "UTC"), 25: pa.string(), 1042: pa.string(), 1043: pa.string(), 3802: pa.string(),
    17: pa.binary(),
}  # fmt: skip
"""By PostgreSQL's type numbers: bool, int2, int4, int8, float4, float8, date, timestamp, timestamptz, text, char, varchar, jsonb, bytea."""
OID_NUMERIC = 1700
WRITTEN_AS = {
    1082: "to_char({0}, 'YYYY-MM-DD')", 1114: "to_char({0}, 'YYYY-MM-DD HH24:MI:SS.US')",
    1184: "to_char({0} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || 'Z'", 17: "encode({0}, 'hex')",
}  # fmt: skip
"""Whatever DateStyle and TimeZone the session has."""


class S3Upload(io.RawIOBase):
    """A writable object in S3 that appears when it is closed, and only then."""

    def __init__(self, s3: S3Client, bucket: str, key: str) -> None:
        super().__init__()
        self._s3, self._bucket, self._key, self._waiting = s3, bucket, key, bytearray()
        self._id = s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
        self._parts: list[Any] = []
        self.size = 0

    def writable(self) -> bool:
        """Say yes."""
        return True

    def write(self, data: Any) -> int:
        """Send a part as soon as one is full."""
        self._waiting += data
        self.size += len(data)
        if len(self._waiting) >= PART_BYTES:
            self._send()
        return len(data)

    def complete(self) -> None:
        """Make the object appear."""
        self._send()
        self._s3.complete_multipart_upload(
            Bucket=self._bucket, Key=self._key, UploadId=self._id, MultipartUpload={"Parts": self._parts}
        )

    def abort(self) -> None:
        """Leave nothing behind."""
        self._s3.abort_multipart_upload(Bucket=self._bucket, Key=self._key, UploadId=self._id)

    def _send(self) -> None:
        number = len(self._parts) + 1
        answer = self._s3.upload_part(
            Bucket=self._bucket, Key=self._key, UploadId=self._id, PartNumber=number, Body=bytes(self._waiting)
        )
        self._parts.append({"PartNumber": number, "ETag": answer["ETag"]})
        self._waiting.clear()


def unload(plan: Unload, backend: Backend, loader: Loader) -> int:
    """Run an UNLOAD in the session's transaction; return the number of rows.

    Raises:
        GatewayError: Worded as Redshift words it; the transaction is aborted.
    """
    columns = backend.describe(plan.query)
    schema = pa.schema([(name, _arrow_type(name, oid, modifier)) for name, oid, modifier in columns])
    s3 = loader.client_for(plan.role, backend)
    bucket, _, prefix = plan.target.removeprefix("s3://").partition("/")
    try:
        if "ALLOWOVERWRITE" not in plan.switches and s3.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1).get(
            "KeyCount"
        ):
            raise GatewayError(NOT_EMPTY)
        name = "000.parquet" if "SERIAL" in plan.switches else "0000_part_00.parquet"
        files = PartitionedFiles(s3, (bucket, prefix, name), schema, plan.partitions)
        rows = _write(files, schema, backend.copy_out(_copy_sql(plan.query, columns)))
        if "MANIFEST" in plan.switches:
            entries = [
                {"url": f"s3://{bucket}/{key}", "meta": {"content_length": size}} for key, size in files.sizes.items()
            ]
            s3.put_object(Bucket=bucket, Key=f"{prefix}manifest", Body=json.dumps({"entries": entries}).encode())
    except botocore.exceptions.ClientError as exc:
        raise GatewayError(service_text("S3ServiceException", exc), detail=plan.target) from exc
    except botocore.exceptions.BotoCoreError as exc:
        raise GatewayError(f"S3 cannot be written: {exc}", detail=plan.target) from exc
    return rows


def _arrow_type(name: str, oid: int, modifier: int) -> pa.DataType:
    if oid == OID_NUMERIC and modifier > 4:
        return pa.decimal128((modifier - 4) >> 16 & 0xFFFF, (modifier - 4) & 0x7FF)
    if oid not in ARROW_TYPES:
        raise Refused(
            f"UNLOAD of column {name}",
            "the local Redshift needs a type it can write; cast it, a DECIMAL with its precision",
        )
    return ARROW_TYPES[oid]


def _copy_sql(query: str, columns: Sequence[tuple[str, int, int]]) -> str:
    names = [f"c{index}" for index in range(len(columns))]
    written = (WRITTEN_AS.get(oid, "{0}").format(name) for name, (_, oid, _) in zip(names, columns, strict=True))
    listed = ", ".join(map(quote_name, names))
    return f"COPY (SELECT {', '.join(written)} FROM (\n{query}\n) AS unloaded ({listed})) TO STDOUT (FORMAT csv)"


class PartitionedFiles:
    """One object for each combination of values of the partition columns, which are then in its key alone; without such columns one object.

    Args:
        s3: Under the assumed role.
        where: Bucket, prefix, and the name of each file.
        schema: Of the rows.
        partitions: Names of the columns.
    """

    def __init__(
        self, s3: S3Client, where: tuple[str, str, str], schema: pa.Schema, partitions: tuple[str, ...]
    ) -> None:
        missing = set(partitions) - set(schema.names)
        if missing:
            raise GatewayError(f"column {min(missing)} of PARTITION BY is not in the query", sqlstate="42703")
        self._s3, self._where, self._partitions = s3, where, partitions
        self._schema = pa.schema([field for field in schema if field.name not in partitions])
        self._open: dict[str, tuple[S3Upload, pq.ParquetWriter]] = {}
        self.sizes: dict[str, int] = {}
        if not partitions:
            self._file("")

    def write(self, table: pa.Table) -> None:
        """Add rows to the files of their values."""
        if not self._partitions:
            self._file("").write_table(table)
            return
        keys = table.select(self._partitions).group_by(list(self._partitions)).aggregate([]).to_pylist()
        for values in keys:
            mask = functools.reduce(pc.and_, (_is(table.column(name), value) for name, value in values.items()))
            folder = "".join(f"{name}={_written(value)}/" for name, value in values.items())
            self._file(folder).write_table(table.filter(mask).select(self._schema.names))

    def complete(self) -> None:
        """Make all objects appear."""
        for key, (upload, writer) in self._open.items():
            writer.close()
            upload.complete()
            self.sizes[key] = upload.size

    def abort(self) -> None:
        """Leave nothing behind."""
        for upload, _ in self._open.values():
            upload.abort()

    def _file(self, folder: str) -> pq.ParquetWriter:
        bucket, prefix, name = self._where
        key = f"{prefix}{folder}{name}"
        if key not in self._open:
            upload = S3Upload(self._s3, bucket, key)
            self._open[key] = upload, pq.ParquetWriter(pa.PythonFile(upload, mode="w"), self._schema)
        return self._open[key][1]


def _is(column: pa.ChunkedArray, value: Any) -> pa.ChunkedArray:
    return pc.is_null(column) if value is None else pc.fill_null(pc.equal(column, value), fill_value=False)


def _written(value: Any) -> str:
    """As Hive writes a value in a key.

    https://docs.aws.amazon.com/athena/latest/ug/partitions.html
    """
    return "__HIVE_DEFAULT_PARTITION__" if value is None else quote(str(value), safe=" :")


def _write(files: PartitionedFiles, schema: pa.Schema, rows: Iterable[bytes]) -> int:
    count = 0
    try:
        for group in _groups(rows):
            table = _read_group(group, schema)
            files.write(table)
            count += table.num_rows
        files.complete()
    except BaseException:
        files.abort()
        raise
    return count


def _groups(rows: Iterable[bytes]) -> Iterator[bytes]:
    waiting = bytearray()
    for row in rows:
        waiting += row
        if len(waiting) >= GROUP_BYTES:
            yield bytes(waiting)
            waiting.clear()
    if waiting:
        yield bytes(waiting)


def _read_group(text: bytes, schema: pa.Schema) -> pa.Table:
    wire = [pa.string() if pa.types.is_binary(field.type) else field.type for field in schema]
    names = [str(index) for index in range(len(schema))]
    table = pacsv.read_csv(
        pa.BufferReader(text),
        pacsv.ReadOptions(column_names=names, use_threads=False, block_size=len(text) + 1),
        pacsv.ParseOptions(newlines_in_values=True),
        pacsv.ConvertOptions(
            column_types=dict(zip(names, wire, strict=True)), null_values=[""], true_values=["t"], false_values=["f"],
            strings_can_be_null=True, quoted_strings_can_be_null=False,
        ),
    )  # fmt: skip
    columns = [
        _from_hex(column) if pa.types.is_binary(field.type) else column
        for column, field in zip(table.columns, schema, strict=True)
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _from_hex(column: Any) -> pa.Array:
    return pa.array([None if value is None else bytes.fromhex(value) for value in column.to_pylist()], pa.binary())
