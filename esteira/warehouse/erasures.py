"""Erasing a person in the warehouse: the rows in the transaction of the new generations, and the audit of it. The audit names nobody."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from esteira.contract import Dataset, Scd2, Upsert
from esteira.warehouse import profiles
from esteira.warehouse.attempts import Attempt
from esteira.warehouse.bi import snapshots
from esteira.warehouse.connection import Session, Warehouse
from esteira.warehouse.graves import grave_columns, grave_table
from esteira.warehouse.health import CARE_SECONDS
from esteira.warehouse.live import live_columns
from esteira.warehouse.locks import locked_transaction
from esteira.warehouse.own_table import OwnColumn, definition
from esteira.warehouse.rule import Rule
from esteira.warehouse.statements import table_name

AUDIT_SCHEMA, AUDIT_TABLE = "esteira", '"esteira"."erasure"'
SHAPE = {
    "dataset": OwnColumn("VARCHAR(63) NOT NULL", "Its name."),
    "request": OwnColumn("VARCHAR(256) NOT NULL", "Id of the person's request."),
    "step": OwnColumn(
        "VARCHAR(16) NOT NULL", "`rows`: out of the table; `objects`: the old objects of the lake are deleted."
    ),
    "key_columns": OwnColumn("VARCHAR(4096) NOT NULL", "Names of the key's columns."),
    "digest": OwnColumn("VARCHAR(64) NOT NULL", "Hash of the key's values, which stand nowhere."),
    "batches": OwnColumn("BIGINT NOT NULL", "How many held rows of it."),
    "rows_erased": OwnColumn("BIGINT NOT NULL", "How many rows."),
    "objects_deleted": OwnColumn("BIGINT NOT NULL", "How many versions of objects; 0 in the first step."),
    "run": OwnColumn("VARCHAR(256) NOT NULL", "Name of the run."),
    "version": OwnColumn("VARCHAR(64) NOT NULL", "Version of Esteira."),
    "erased_at": OwnColumn("TIMESTAMPTZ NOT NULL", "When, by the warehouse's clock."),
}
"""Who asked for an erasure, and what it took: a row for each of its two steps, and no value of a key."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """One row of the audit, and what it is about.

    Attributes:
        dataset: Its name.
        request: Id of the person's request.
        columns: Names of the key's columns.
        digest: Hash of the key's values.
        step: `rows`, written with the new generations; `objects`, written when their old objects were deleted.
        batches, rows, objects: How many.
        run, version: As in the ledger.
        key: Column to value; in no row, no message and no printed form.
    """

    dataset: str
    request: str
    columns: tuple[str, ...]
    digest: str
    step: str
    batches: int
    rows: int
    objects: int
    run: str
    version: str
    key: Mapping[str, Any] = field(repr=False)


def prepare(session: Session) -> None:
    """Make the audit table; idempotent, outside the transaction."""
    session.run(f'CREATE SCHEMA IF NOT EXISTS "{AUDIT_SCHEMA}"')
    session.run(f"CREATE TABLE IF NOT EXISTS {AUDIT_TABLE} ({definition(SHAPE)})")


def clear(session: Session, dataset: Dataset, schema: str, key: Mapping[str, Any]) -> None:
    """Take the key out of the table and of the deletions beside it, before the fold: rows of batches that the lake lost go too."""
    _delete(session, table_name(schema, dataset.name), key)
    if not isinstance(dataset.write, Upsert | Scd2):
        return
    rule = Rule(dataset, schema)
    if rule.has_graves and key.keys() <= set(grave_columns(rule)):
        _delete(session, grave_table(rule), key)


def clear_copies(warehouse: Warehouse, dataset: str, key: Mapping[str, Any]) -> None:
    """Take the key out of the copies that groups show, each under its group's lock: whoever copies after it copies a table without the key."""
    with warehouse.session(f"esteira erase {dataset}") as session:
        for schema, name in _copies_with(session, dataset, key):
            with session.transaction():
                session.run(f"LOCK {snapshots.lock_table(snapshots.group_of(schema))}")
                _delete(session, table_name(schema, name), key)


def _copies_with(session: Session, dataset: str, key: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Copies that have the key's columns."""
    return [copy for copy in snapshots.copies_of(session, dataset) if key.keys() <= live_columns(session, *copy).keys()]


def write(session: Session, erasure: Erasure) -> None:
    """Add a row to the audit."""
    values = (
        erasure.dataset, erasure.request, erasure.step, ",".join(erasure.columns), erasure.digest, erasure.batches,
        erasure.rows, erasure.objects, erasure.run[:256], erasure.version,
    )  # fmt: skip
    marks = ", ".join(["%s"] * len(values))
    session.run(f"INSERT INTO {AUDIT_TABLE} ({', '.join(SHAPE)}) VALUES ({marks}, GETDATE())", values)


def note(warehouse: Warehouse, erasure: Erasure) -> None:
    """Add a row to the audit, outside a load."""
    with warehouse.session(f"esteira {erasure.run}") as session:
        prepare(session)
        write(session, erasure)


def forget_profiles(warehouse: Warehouse, dataset: str, lost: Collection[str]) -> None:
    """Delete the profiles that do not stand: those of the new generations were made without the key.

    Args:
        warehouse: Where.
        dataset: Its name.
        lost: Committed batches whose parts are gone.
    """
    with warehouse.session(f"esteira erase {dataset}") as session:
        if profiles.has_profiles(session, dataset):
            with locked_transaction(session, Attempt(dataset, "erase"), warehouse.config):
                profiles.forget(session, dataset, lost)


def vacuum(warehouse: Warehouse, dataset: str) -> None:
    """Deleted rows stay on disk until VACUUM, which by itself leaves a table alone of which little was deleted.

    https://docs.aws.amazon.com/redshift/latest/dg/r_VACUUM_command.html
    """
    with warehouse.patient(CARE_SECONDS).session(f"esteira care {dataset}") as session:
        own = [(warehouse.config.schema, dataset)] if live_columns(session, warehouse.config.schema, dataset) else []
        for table in (*own, *snapshots.copies_of(session, dataset)):
            session.run(f"VACUUM DELETE ONLY {table_name(*table)} TO 100 PERCENT")


def rows_with(warehouse: Warehouse, dataset: str, key: Mapping[str, Any]) -> int:
    """Rows of the table, and of its copies, that hold the key."""
    own = (warehouse.config.schema, dataset)
    with warehouse.session(f"esteira count {dataset}") as session:
        tables = [own] if key.keys() <= live_columns(session, *own).keys() else []
        return sum(
            session.count(f"SELECT COUNT(*) FROM {table_name(*table)} WHERE {_equal(key)}", tuple(key.values()))
            for table in (*tables, *_copies_with(session, dataset, key))
        )


def _delete(session: Session, table: str, key: Mapping[str, Any]) -> None:
    session.run(f"DELETE FROM {table} WHERE {_equal(key)}", tuple(key.values()))


def _equal(key: Mapping[str, Any]) -> str:
    return " AND ".join(f'"{name}" = %s' for name in key)
