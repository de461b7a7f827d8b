"""The ledgers' tables and the view over them: made, brought up to date, renamed.

A table per dataset keeps loads of different datasets from conflicting; `esteira.batch` is the view over all of them. The tables' own
shape has a version, and an older one is brought up to date before a load.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from esteira.errors import ConfigError
from esteira.warehouse.connection import Session
from esteira.warehouse.ledger_entry import READ
from esteira.warehouse.own_table import OwnColumn, definition

LEDGER_SCHEMA, VIEW_SCHEMA, VERSION_TABLE = "esteira_ledger", "esteira", '"esteira"."ledger_version"'
MIGRATION_LOCK = '"esteira_lock"."_migration"'
"""One migration at a time, so that each view is made over all the ledgers there are; no dataset's name begins with `_`."""
VERSION = 5
"""Shape of the ledger tables that this code writes: 1 had neither generations nor states, 2 no cursor values, 3 no findings, 4 no seconds."""


@dataclass(frozen=True, slots=True)
class LedgerColumn:
    """A ledger column: its type, the version that brought it, and what rows of an older version have there."""

    kind: str
    since: int = 1
    older: str = ""


SHAPE = {
    "batch_id": LedgerColumn("VARCHAR(128) NOT NULL"),
    "window_start": LedgerColumn("TIMESTAMPTZ NOT NULL"),
    "window_end": LedgerColumn("TIMESTAMPTZ NOT NULL"),
    "seal_hash": LedgerColumn("VARCHAR(64) NOT NULL"),
    "attempt": LedgerColumn("VARCHAR(16) NOT NULL"),
    "extracted": LedgerColumn("BIGINT NOT NULL"),
    "curated": LedgerColumn("BIGINT NOT NULL"),
    "quarantined": LedgerColumn("BIGINT NOT NULL"),
    "inserted": LedgerColumn("BIGINT NOT NULL"),
    "updated": LedgerColumn("BIGINT NOT NULL"),
    "unchanged": LedgerColumn("BIGINT NOT NULL"),
    "stale": LedgerColumn("BIGINT NOT NULL"),
    "duplicate": LedgerColumn("BIGINT NOT NULL"),
    "total_reported": LedgerColumn("BIGINT"),
    "warnings": LedgerColumn("VARCHAR(65535) NOT NULL"),
    "run": LedgerColumn("VARCHAR(256) NOT NULL"),
    "version": LedgerColumn("VARCHAR(64) NOT NULL"),
    "committed_at": LedgerColumn("TIMESTAMPTZ NOT NULL"),
    "generation": LedgerColumn("INTEGER NOT NULL", 2, "1"),
    "state": LedgerColumn("VARCHAR(16) NOT NULL", 2, "'committed'"),
    "reason": LedgerColumn("VARCHAR(4096) NOT NULL", 2, "''"),
    "deleted": LedgerColumn("BIGINT NOT NULL", 2, "0"),
    "table_rows": LedgerColumn("BIGINT", 2, "CAST(NULL AS BIGINT)"),
    "sequence": LedgerColumn("BIGINT NOT NULL", 2, "0"),
    "cursor_start": LedgerColumn("VARCHAR(1024)", 3, "CAST(NULL AS VARCHAR(1024))"),
    "cursor_end": LedgerColumn("VARCHAR(1024)", 3, "CAST(NULL AS VARCHAR(1024))"),
    "findings": LedgerColumn("VARCHAR(65535) NOT NULL", 4, "'[]'"),
    "seconds": LedgerColumn("DOUBLE PRECISION", 5, "CAST(NULL AS DOUBLE PRECISION)"),
}
VERSION_SHAPE = {
    "dataset": OwnColumn("VARCHAR(63) NOT NULL", "Its name."),
    "version": OwnColumn("INTEGER NOT NULL", "Shape of its ledger."),
    "migrated_at": OwnColumn("TIMESTAMPTZ NOT NULL", "Since when."),
}
"""The shape that each ledger has; the largest version counts."""


def ledger_table(dataset: str) -> str:
    """Quoted name of a dataset's ledger."""
    return f'"{LEDGER_SCHEMA}"."{dataset}"'


def tables(dataset: str) -> tuple[tuple[str, str], ...]:
    """Schema and name of what `ensure_ledger` may alter or replace."""
    return (LEDGER_SCHEMA, dataset), (VIEW_SCHEMA, "batch"), (VIEW_SCHEMA, "ledger_version")


def ensure_ledger(session: Session, dataset: str, lock_table: str) -> None:
    """Make the dataset's ledger, or bring it up to date, and take it into the view. Idempotent; outside the load's transaction.

    Raises:
        ConfigError: The ledger was written by a newer Esteira.
    """
    known = versions(session)
    if known.get(dataset, 0) > VERSION:
        raise ConfigError(
            f"The ledger of {dataset} has version {known[dataset]} and this Esteira knows {VERSION}.",
            dataset=dataset,
            hint="Deploy the newer Esteira that wrote it; an older one would write rows without its columns.",
        )
    if known.get(dataset) == VERSION:
        return
    _make_schemas(session)
    with session.transaction():
        session.run(f"LOCK {lock_table}")
        session.run(f"LOCK {MIGRATION_LOCK}")
        _migrate(session, dataset)
        _publish_view(session)


def _make_schemas(session: Session) -> None:
    for schema in (LEDGER_SCHEMA, VIEW_SCHEMA):
        session.run(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
    session.run(f"CREATE TABLE IF NOT EXISTS {VERSION_TABLE} ({definition(VERSION_SHAPE)})")
    session.run(f"CREATE TABLE IF NOT EXISTS {MIGRATION_LOCK} (held BOOLEAN)")


def _migrate(session: Session, dataset: str) -> None:
    """Under both locks: what another session did meanwhile is seen here. ADD COLUMN takes one column a statement."""
    version = versions(session).get(dataset, 0)
    if version == VERSION:
        return
    if version == 0:
        columns = ", ".join(f"{name} {column.kind}" for name, column in SHAPE.items())
        session.run(f"CREATE TABLE {ledger_table(dataset)} ({columns}, PRIMARY KEY (batch_id, generation))")
    for name, column in SHAPE.items() if version else ():
        if column.since > version:
            default = "" if column.older.startswith("CAST(NULL") else f" DEFAULT {column.older}"
            session.run(f"ALTER TABLE {ledger_table(dataset)} ADD COLUMN {name} {column.kind}{default}")
    session.run(f"INSERT INTO {VERSION_TABLE} VALUES (%s, %s, GETDATE())", (dataset, VERSION))


def rename(session: Session, old: str, new: str) -> None:
    """Give a ledger another name and its place in the view, inside a transaction that holds the dataset's lock and the migration's."""
    version = versions(session)[old]
    session.run(f'ALTER TABLE {ledger_table(old)} RENAME TO "{new}"')
    session.run(f"INSERT INTO {VERSION_TABLE} VALUES (%s, %s, GETDATE())", (new, version))
    _publish_view(session)


def versions(session: Session) -> dict[str, int]:
    """Each dataset that has a ledger, with its version; a table from before versions were recorded has 1."""
    names = _tables(session, LEDGER_SCHEMA)
    if "ledger_version" not in _tables(session, VIEW_SCHEMA):
        return dict.fromkeys(names, 1)
    query = f"SELECT dataset, MAX(version) FROM {VERSION_TABLE} GROUP BY dataset"
    recorded = {str(name): int(version) for name, version in session.rows(query)}
    return {name: recorded.get(name, 1) for name in names}


def ledgers(session: Session) -> list[str]:
    """The datasets that have a ledger."""
    return _tables(session, LEDGER_SCHEMA)


def _tables(session: Session, schema: str) -> list[str]:
    found = session.rows("SELECT table_name FROM svv_tables WHERE table_schema = %s ORDER BY table_name", (schema,))
    return [str(name) for (name,) in found]


def _publish_view(session: Session) -> None:
    """Make `esteira.batch` anew over all ledgers, in the migration's transaction: no ledger without its place in the view.

    A replaced view must keep its columns, so it is dropped first: https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_VIEW.html
    """
    session.run(f'DROP VIEW IF EXISTS "{VIEW_SCHEMA}"."batch"')
    session.run(_view_statement(versions(session)))


def _view_statement(known: Mapping[str, int]) -> str:
    parts = [
        f"SELECT '{name}' AS dataset, {selected(version)} FROM {ledger_table(name)}" for name, version in known.items()
    ]
    current = "generation = MAX(generation) OVER (PARTITION BY dataset, batch_id) AS is_current"
    return (
        f'CREATE VIEW "{VIEW_SCHEMA}"."batch" AS SELECT dataset, {", ".join(READ)}, {current} FROM ('
        + " UNION ALL ".join(parts)
        + ") AS entries WITH NO SCHEMA BINDING"
    )


def selected(version: int) -> str:
    """The columns of a ledger in today's order; what an older one lacks stands as a literal."""
    return ", ".join(name if SHAPE[name].since <= version else f"{SHAPE[name].older} AS {name}" for name in READ)
