"""A table's rows into S3: UNLOAD, which Redshift's own nodes write in Parquet, so that no row passes through a client.

A cursor would be the other way, and AWS advises against it for many rows: the leader node holds the whole result first.
https://docs.aws.amazon.com/redshift/latest/dg/declare.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from esteira.contract import Column, Dataset
from esteira.errors import AuthError, ConfigError, LoadError
from esteira.warehouse import ledger
from esteira.warehouse.connection import Session, Warehouse
from esteira.warehouse.ledger_entry import LedgerEntry
from esteira.warehouse.live import live_columns
from esteira.warehouse.statements import comparable, literal, names, primary_key, table_columns, table_name

UNLOAD_SECONDS = 3_600
"""Bound of one UNLOAD."""
_ROLE = re.compile(r"assume|not authorized|S3ServiceException|Access ?Denied", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Unloading:
    """A table at one moment: what is read and unloaded here is of one snapshot.

    Attributes:
        dataset: The contract.
        entry: The last change of the table that the snapshot has.
        loaded_up_to: The dataset's watermark.
        columns: Those of the contract that the table has.
    """

    dataset: Dataset
    entry: LedgerEntry
    loaded_up_to: datetime | None
    columns: tuple[Column, ...]
    _session: Session
    _warehouse: Warehouse

    def unload(
        self, columns: Sequence[Column], target: str, *, is_ordered: bool = False, partition_by: Sequence[str] = ()
    ) -> int:
        """Write the rows below an S3 prefix; returns how many.

        Args:
            columns: Which.
            target: A prefix below which nothing lies.
            is_ordered: Whether in the order of the key, else of the sort key, into one file after the other; otherwise as each slice has them.
            partition_by: Columns whose values become folders.

        Raises:
            AuthError: The role may not write there.
            WarehouseBusy, LoadError: As of every statement.
        """
        query = self._query(columns, is_ordered=is_ordered)
        try:
            self._session.run(self._statement(query, target, is_ordered=is_ordered, partition_by=partition_by))
        except LoadError as exc:
            raise self._denied(exc, target) if _ROLE.search(exc.message) else exc from exc
        return self._session.count("SELECT pg_last_unload_count()")

    def _query(self, columns: Sequence[Column], *, is_ordered: bool) -> str:
        listed = ", ".join(_selected(column) for column in columns)
        order = [*primary_key(self.dataset), *self.dataset.sortkey] if is_ordered else []
        rest = f" ORDER BY {names(dict.fromkeys(order))}" if order else ""
        return f"SELECT {listed} FROM {table_name(self._warehouse.config.schema, self.dataset.name)}{rest}"

    def _statement(self, query: str, target: str, *, is_ordered: bool, partition_by: Sequence[str]) -> str:
        """`ENCRYPTED AUTO` takes the bucket's own key; without it UNLOAD asks for SSE-S3, which the lake's policy refuses.

        https://docs.aws.amazon.com/redshift/latest/dg/r_UNLOAD.html
        """
        options = ["FORMAT AS PARQUET", "ENCRYPTED AUTO"]
        options += [f"PARTITION BY ({names(partition_by)})"] if partition_by else []
        options += ["PARALLEL OFF"] if is_ordered else []
        role = self._warehouse.config.copy_role_arn
        return f"UNLOAD ({literal(query)}) TO '{target}' IAM_ROLE '{role}' {' '.join(options)}"

    def _denied(self, error: LoadError, target: str) -> AuthError:
        return AuthError(
            f"The warehouse may not write {target} under {self._warehouse.config.copy_role_arn}: {error.message}",
            dataset=self.dataset.name,
            hint="Grant the COPY role s3:PutObject on export/* of the lake, s3:ListBucket, and kms:GenerateDataKey on its key (infra/access.yaml).",
        )


@contextmanager
def unloading(warehouse: Warehouse, dataset: Dataset) -> Iterator[Unloading]:
    """A transaction whose first read fixes what all statements in it see.

    Raises:
        ConfigError: Nothing was ever loaded.
    """
    with warehouse.patient(UNLOAD_SECONDS).session(f"esteira export {dataset.name}") as session, session.transaction():
        entry = ledger.read_last_change(session, dataset.name)
        live = live_columns(session, warehouse.config.schema, dataset.name)
        if entry is None or not live:
            raise ConfigError(
                "Nothing of it is in the warehouse.",
                dataset=dataset.name,
                hint=f"Load it with `esteira ingest {dataset.name}`; `esteira status {dataset.name}` says what stands.",
            )
        watermark = ledger.read_standing(session, dataset.name).watermark
        columns = tuple(column for column in table_columns(dataset) if column.name in live)
        yield Unloading(dataset, entry, watermark, columns, session, warehouse)


def _selected(column: Column) -> str:
    name = f'"{column.name}"'
    return f"{comparable(column, name)} AS {name}" if column.is_super else name
