"""The write modes in SQL: from the staging table into the dataset's table, with the counts of the ledger's equation.

Upsert is DELETE of the changed rows and INSERT of the new ones, not MERGE: Redshift's MERGE inserts a key that is new and twice
in the source twice, and takes no conditions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from esteira.contract import Dataset, Replace, Upsert
from esteira.errors import DataQualityError
from esteira.warehouse import ddl
from esteira.warehouse.connection import Session

STAGING, DISTINCT, CHANGE = "esteira_staging", "esteira_distinct", "esteira_change"
"""Temporary tables of one load; they end with the session."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Where the curated rows went, and how many rows of the table left it without a successor (`deleted`)."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    stale: int = 0
    duplicate: int = 0
    deleted: int = 0

    @property
    def total(self) -> int:
        """The right side of `curated = inserted + updated + unchanged + stale + duplicate`."""
        return self.inserted + self.updated + self.unchanged + self.stale + self.duplicate


def staging_statement(dataset: Dataset, text_bytes: Mapping[str, int]) -> str:
    """CREATE of the staging table, in the Parquet parts' column order."""
    columns = [
        f'"{column.name}" {ddl.column_type(column, text_bytes.get(column.name, 0))}' for column in dataset.columns
    ]
    return f'CREATE TEMP TABLE {STAGING} ({", ".join(columns)}, "{ddl.POSITION_COLUMN}" BIGINT)'


def copy_statement(dataset: Dataset, manifest: str, role_arn: str) -> str:
    """COPY under a role; without one the session's keys would stand in the statement's text."""
    columns = _list((*dataset.column_names, ddl.POSITION_COLUMN))
    return f"COPY {STAGING} ({columns}) FROM '{manifest}' IAM_ROLE '{role_arn}' FORMAT AS PARQUET MANIFEST"


def apply(session: Session, dataset: Dataset, schema: str, batch_id: str) -> Counts:
    """Write the staged rows by the dataset's mode; returns where each row went.

    Raises:
        DataQualityError: A key stands twice with different values and no column tells which is newer.
    """
    mode = dataset.write
    if isinstance(mode, Upsert):
        return _upsert(session, dataset, mode, schema, batch_id)
    deleted = 0
    if isinstance(mode, Replace):
        deleted = session.count(f"SELECT COUNT(*) FROM {ddl.table_name(schema, dataset.name)}")
        session.run(f"DELETE FROM {ddl.table_name(schema, dataset.name)}")
    _insert(session, dataset, schema, batch_id, STAGING)
    return Counts(inserted=session.count(f"SELECT COUNT(*) FROM {STAGING}"), deleted=deleted)


def _upsert(session: Session, dataset: Dataset, mode: Upsert, schema: str, batch_id: str) -> Counts:
    if mode.newest_by is None:
        _refuse_ambiguous(session, dataset, mode)
    session.run(_distinct_statement(mode))
    session.run(_change_statement(dataset, mode, schema))
    found = {
        str(action): int(count)
        for action, count in session.rows(f"SELECT action, COUNT(*) FROM {CHANGE} GROUP BY action")
    }
    staged = session.count(f"SELECT COUNT(*) FROM {STAGING}")
    table = ddl.table_name(schema, dataset.name)
    if found.get("updated"):
        session.run(
            f"DELETE FROM {table} USING {CHANGE} WHERE {_match(mode.key, table, CHANGE)} AND {CHANGE}.action = 'updated'"
        )
    if found.get("updated") or found.get("inserted"):
        _insert(session, dataset, schema, batch_id, f"{CHANGE} WHERE action IN ('inserted', 'updated')")
    return Counts(**found, duplicate=staged - sum(found.values()))


def _refuse_ambiguous(session: Session, dataset: Dataset, mode: Upsert) -> None:
    key = _list(mode.key)
    rows = f"(SELECT DISTINCT {_list(dataset.column_names)} FROM {STAGING}) AS every"
    found = session.rows(f"SELECT {key} FROM {rows} GROUP BY {key} HAVING COUNT(*) > 1 ORDER BY {key} LIMIT 5")
    if found:
        shown = ", ".join("/".join(map(str, row)) for row in found)
        raise DataQualityError(
            f"Key {', '.join(mode.key)} stands more than once in the batch with different values: {shown}.",
            hint="Name the column that orders versions in Upsert(newest_by=...), or correct the key.",
        )


def _distinct_statement(mode: Upsert) -> str:
    """One row per key: the newest, and of equals the one that arrived last."""
    order = [f'"{mode.newest_by}" DESC NULLS LAST'] if mode.newest_by else []
    order.append(f'"{ddl.POSITION_COLUMN}" DESC')
    rank = f"ROW_NUMBER() OVER (PARTITION BY {_list(mode.key)} ORDER BY {', '.join(order)}) AS rank_in_key"
    return f"CREATE TEMP TABLE {DISTINCT} AS SELECT * FROM (SELECT s.*, {rank} FROM {STAGING} s) AS ranked WHERE rank_in_key = 1"


def _change_statement(dataset: Dataset, mode: Upsert, schema: str) -> str:
    stale = f'WHEN t."{mode.newest_by}" > d."{mode.newest_by}" THEN \'stale\' ' if mode.newest_by else ""
    action = f"CASE WHEN t.\"{mode.key[0]}\" IS NULL THEN 'inserted' {stale}WHEN {_same(dataset, mode)} THEN 'unchanged' ELSE 'updated' END AS action"
    return (
        f"CREATE TEMP TABLE {CHANGE} AS SELECT d.*, {action} FROM {DISTINCT} d "
        f"LEFT JOIN {ddl.table_name(schema, dataset.name)} t ON {_match(mode.key, 't', 'd')}"
    )


def _same(dataset: Dataset, mode: Upsert) -> str:
    """Null-safe equality of all columns; Redshift has no IS NOT DISTINCT FROM."""
    rest = [name for name in dataset.column_names if name not in mode.key]
    pairs = [f'(t."{name}" = d."{name}" OR (t."{name}" IS NULL AND d."{name}" IS NULL))' for name in rest]
    return " AND ".join(pairs) or "TRUE"


def _insert(session: Session, dataset: Dataset, schema: str, batch_id: str, rows: str) -> None:
    names = _list((*dataset.column_names, ddl.POSITION_COLUMN))
    load = _list((ddl.BATCH_COLUMN, ddl.LOADED_COLUMN))
    table = ddl.table_name(schema, dataset.name)
    session.run(f"INSERT INTO {table} ({names}, {load}) SELECT {names}, %s, GETDATE() FROM {rows}", (batch_id,))


def _match(key: tuple[str, ...], left: str, right: str) -> str:
    return " AND ".join(f'{left}."{name}" = {right}."{name}"' for name in key)


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(f'"{name}"' for name in names)
