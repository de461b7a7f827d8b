"""The Glue catalogue: where Athena and Redshift Spectrum look for the Parquet files of the newest version of each export.

A table's place is changed by one call, so a query sees the old version or the new one. Partitions are objects of their own, which Glue changes a
hundred at a time: a query in that second may see both versions of a table that has them.
https://docs.aws.amazon.com/glue/latest/webapi/API_UpdateTable.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
from botocore.exceptions import BotoCoreError, ClientError

from esteira.aws import aws_client, login_error
from esteira.contract import Column, Dataset
from esteira.errors import AuthError, ConfigError, LakeUnavailable
from esteira.lake.bucket import Bucket, code_of
from esteira.lake.exports import ExportVersion

VERSION, SEQUENCE = "esteira_version", "esteira_sequence"
PUT_AT_ONCE = 100
"""https://docs.aws.amazon.com/glue/latest/webapi/API_BatchCreatePartition.html"""
_PARQUET = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
}
_TYPES = {
    pa.int16(): "smallint", pa.int32(): "int", pa.int64(): "bigint", pa.float32(): "float", pa.float64(): "double", pa.bool_(): "boolean",
    pa.date32(): "date", pa.timestamp("us", "UTC"): "timestamp", pa.timestamp("us"): "timestamp", pa.string(): "string", pa.binary(): "string",
}  # fmt: skip
"""https://docs.aws.amazon.com/athena/latest/ug/data-types.html"""
_DENIED = frozenset({"AccessDeniedException", "AccessDenied"})


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The tables of one Glue database.

    Attributes:
        database: Its name.
        lake: Where the files are.
    """

    database: str
    lake: Bucket

    def register(self, dataset: Dataset, version: ExportVersion, partition_by: Sequence[str]) -> bool:
        """Let a dataset's table be a version, unless it is that or a newer one; whether this call changed it.

        Raises:
            AuthError: Glue denies it.
            ConfigError: There is no such database.
            LakeUnavailable: Glue does not answer.
        """
        found = self._find(dataset.name)
        known = found.get("Parameters", {}) if found else {}
        if known.get(VERSION) == version.version or int(known.get(SEQUENCE, 0)) > version.sequence:
            return False
        folder = next(file.key for file in version.files if file.format == "parquet")
        table = self._table(dataset, version, folder, partition_by)
        if partition_by:  # before the table says which version it is, so that a process that dies here is followed by one that does it again
            self._put_table(table | {"Parameters": known | table["Parameters"] | {VERSION: ""}}, is_new=found is None)
            self._put_partitions(table, folder)
        self._put_table(table, is_new=found is None and not partition_by)
        return True

    def _find(self, name: str) -> dict[str, Any] | None:
        try:
            with self._translated("glue:GetTable", name):
                found: dict[str, Any] = _glue().get_table(DatabaseName=self.database, Name=name)["Table"]
        except _Absent:
            return None
        return found

    def _put_table(self, table: dict[str, Any], *, is_new: bool) -> None:
        action = "CreateTable" if is_new else "UpdateTable"
        with self._translated(f"glue:{action}", table["Name"]):
            if is_new:
                _glue().create_table(DatabaseName=self.database, TableInput=table)
            else:
                _glue().update_table(DatabaseName=self.database, TableInput=table, SkipArchive=True)

    def _table(
        self, dataset: Dataset, version: ExportVersion, folder: str, partition_by: Sequence[str]
    ) -> dict[str, Any]:
        columns = {column.name: column for column in dataset.columns if column.name in version.columns}
        rest = [column for name, column in columns.items() if name not in partition_by]
        return {
            "Name": dataset.name,
            "Description": dataset.description[:2048],
            "TableType": "EXTERNAL_TABLE",
            "Parameters": {
                "classification": "parquet", "EXTERNAL": "TRUE", VERSION: version.version, SEQUENCE: str(version.sequence),
                "esteira_batch": version.batch,
            },
            "PartitionKeys": [_column(columns[name]) for name in partition_by],
            "StorageDescriptor": _PARQUET | {"Columns": list(map(_column, rest)), "Location": self.lake.uri(folder)},
        }  # fmt: skip

    def _put_partitions(self, table: dict[str, Any], folder: str) -> None:
        """Those of the new version are made or moved; then those that it does not have go."""
        name, wanted = table["Name"], dict(self._partitions(table, folder))
        known = set(self._known(name))
        place = {"DatabaseName": self.database, "TableName": name}
        with self._translated("glue:BatchCreatePartition", name):
            new = [each for values, each in wanted.items() if values not in known]
            for some in _some(new, PUT_AT_ONCE):
                _require_done(_glue().batch_create_partition(**place, PartitionInputList=some))
            moved = [{"PartitionValueList": list(each), "PartitionInput": wanted[each]} for each in known & set(wanted)]
            for some in _some(moved, PUT_AT_ONCE):
                _require_done(_glue().batch_update_partition(**place, Entries=some))
        for values in sorted(known - set(wanted)):
            self._delete_partition(name, values)

    def _delete_partition(self, name: str, values: tuple[str, ...]) -> None:
        """One at a time: they are few, and one that another process has deleted is gone all the same."""
        with suppress(_Absent), self._translated("glue:DeletePartition", name):
            _glue().delete_partition(DatabaseName=self.database, TableName=name, PartitionValues=list(values))

    def _partitions(self, table: dict[str, Any], folder: str) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
        """Values, and what Glue is told of them, of each folder of values in the lake."""
        folders = {key.rpartition("/")[0] for key in self.lake.sizes(folder)}
        for each in sorted(folders):
            pieces = each.removeprefix(folder).split("/")
            values = tuple(unquote(piece.partition("=")[2]) for piece in pieces)
            place = {"Location": self.lake.uri(f"{each}/")}
            yield values, {"Values": list(values), "StorageDescriptor": table["StorageDescriptor"] | place}

    def _known(self, name: str) -> Iterator[tuple[str, ...]]:
        with self._translated("glue:GetPartitions", name):
            pages = _glue().get_paginator("get_partitions").paginate(DatabaseName=self.database, TableName=name)
            for page in pages:
                yield from (tuple(each["Values"]) for each in page["Partitions"])

    @contextmanager
    def _translated(self, action: str, table: str) -> Iterator[None]:
        try:
            yield
        except ClientError as exc:
            code, place = code_of(exc), f"{self.database}.{table}"
            if code in _DENIED:
                raise AuthError(
                    f"{action} on {place} is denied ({code}).",
                    hint=f"Grant {action} on the catalogue, database {self.database} and its tables to the task role.",
                ) from exc
            if code == "EntityNotFoundException":
                if action in {"glue:GetTable", "glue:DeletePartition"} and "atabase" not in str(exc):
                    raise _Absent from exc
                raise ConfigError(
                    f"{action} on {place}: {exc.response['Error'].get('Message', code)}",
                    hint="Deploy infra/lake.yaml, which makes the database.",
                ) from exc
            raise LakeUnavailable(f"{action} on {place} failed with {code}.") from exc
        except BotoCoreError as exc:
            raise login_error(exc) or LakeUnavailable(f"{action} on {self.database}.{table} failed: {exc}.") from exc


class _Absent(Exception):
    """There is no such table, or no such partition."""


def _glue() -> Any:
    return aws_client("glue")


def _require_done(answer: dict[str, Any]) -> None:
    """Glue tells of single partitions in its answer. One that another process made meanwhile is there."""
    errors = [each.get("ErrorDetail", {}) for each in answer.get("Errors", ())]
    real = [each for each in errors if each.get("ErrorCode") != "AlreadyExistsException"]
    if real:
        raise LakeUnavailable(f"Glue did not take {len(real)} partitions: {real[0].get('ErrorCode')}.")


def _column(column: Column) -> dict[str, str]:
    kind = column.arrow
    name = f"decimal({kind.precision},{kind.scale})" if pa.types.is_decimal(kind) else _TYPES[kind]
    comment = f"{column.description} [{column.unit}]" if column.unit else column.description
    return {"Name": column.name, "Type": name, "Comment": comment[:255]}


def _some(items: Sequence[Any], number: int) -> Iterator[Sequence[Any]]:
    return (items[start : start + number] for start in range(0, len(items), number))
