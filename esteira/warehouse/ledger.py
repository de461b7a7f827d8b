"""The ledger: which batches are in the warehouse, taken out, or given up. One table per dataset, written under its lock.

A table per dataset keeps loads of different datasets from conflicting; `esteira.batch` is the view over all of them. Rows are only
ever added: of a batch's rows the one with the highest generation is the current one. The tables' own shape has a version, and an
older one is brought up to date before a load.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Literal

from esteira.errors import ConfigError
from esteira.warehouse.connection import Session

LEDGER_SCHEMA, VIEW_SCHEMA, VERSION_TABLE = "esteira_ledger", "esteira", '"esteira"."ledger_version"'
MIGRATION_LOCK = '"esteira_lock"."_migration"'
"""One migration at a time, so that each view is made over all the ledgers there are; no dataset's name begins with `_`."""
VERSION = 2
"""Shape of the ledger tables that this code writes: 1 had neither generations nor states."""
State = Literal["committed", "undone", "given_up", "skipped"]


@dataclass(frozen=True, slots=True)
class _Column:
    """A ledger column: its type, the version that brought it, and what rows of an older version have there."""

    kind: str
    since: int = 1
    older: str = ""


_SHAPE = {
    "batch_id": _Column("VARCHAR(128) NOT NULL"),
    "window_start": _Column("TIMESTAMPTZ NOT NULL"),
    "window_end": _Column("TIMESTAMPTZ NOT NULL"),
    "seal_hash": _Column("VARCHAR(64) NOT NULL"),
    "attempt": _Column("VARCHAR(16) NOT NULL"),
    "extracted": _Column("BIGINT NOT NULL"),
    "curated": _Column("BIGINT NOT NULL"),
    "quarantined": _Column("BIGINT NOT NULL"),
    "inserted": _Column("BIGINT NOT NULL"),
    "updated": _Column("BIGINT NOT NULL"),
    "unchanged": _Column("BIGINT NOT NULL"),
    "stale": _Column("BIGINT NOT NULL"),
    "duplicate": _Column("BIGINT NOT NULL"),
    "total_reported": _Column("BIGINT"),
    "warnings": _Column("VARCHAR(65535) NOT NULL"),
    "run": _Column("VARCHAR(256) NOT NULL"),
    "version": _Column("VARCHAR(64) NOT NULL"),
    "committed_at": _Column("TIMESTAMPTZ NOT NULL"),
    "generation": _Column("INTEGER NOT NULL", 2, "1"),
    "state": _Column("VARCHAR(16) NOT NULL", 2, "'committed'"),
    "reason": _Column("VARCHAR(4096) NOT NULL", 2, "''"),
    "deleted": _Column("BIGINT NOT NULL", 2, "0"),
    "table_rows": _Column("BIGINT", 2, "CAST(NULL AS BIGINT)"),
    "sequence": _Column("BIGINT NOT NULL", 2, "0"),
}


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """What became of one generation of a batch.

    Counts satisfy `extracted = curated + quarantined` and `curated = inserted + updated + unchanged + stale + duplicate`.

    Attributes:
        batch_id, window_start, window_end: The batch.
        seal_hash: Hash of the curated seal; empty when nothing was loaded.
        attempt: The attempt that sealed it.
        extracted, curated, quarantined: Rows on their way here.
        inserted, updated, unchanged, stale, duplicate: Where the curated rows went.
        total_reported: The portal's own figure, or None.
        warnings: What the contract says to mention and not to stop for.
        run: Name of the run.
        version: Version of Esteira.
        generation: Counts from 1; 0 is a batch that was settled without being loaded.
        state: `committed`, `undone` (taken out again), `given_up` (attempts used up) or `skipped` (by policy).
        reason: Why it is in another state than `committed`.
        deleted: Rows that left the table without a successor.
        table_rows: Rows in the table after this entry, counted in its transaction.
        sequence: Order of the dataset's entries, counting from 1.
        committed_at: The warehouse's clock.
    """

    batch_id: str
    window_start: datetime
    window_end: datetime
    seal_hash: str = ""
    attempt: str = ""
    extracted: int = 0
    curated: int = 0
    quarantined: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    stale: int = 0
    duplicate: int = 0
    total_reported: int | None = None
    warnings: tuple[str, ...] = ()
    run: str = ""
    version: str = ""
    generation: int = 1
    state: State = "committed"
    reason: str = ""
    deleted: int = 0
    table_rows: int | None = None
    sequence: int = field(default=0, compare=False)
    committed_at: datetime | None = field(default=None, compare=False)


_WRITTEN = tuple(each.name for each in fields(LedgerEntry) if each.name != "committed_at")
_READ = ", ".join((*_WRITTEN, "committed_at"))


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a dataset stands, for planning: `settled` batches are not run again unless they are asked for by name."""

    watermark: datetime | None
    settled: frozenset[str]
    loaded: frozenset[str]


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
    session.run(
        f"CREATE TABLE IF NOT EXISTS {VERSION_TABLE} "
        "(dataset VARCHAR(63) NOT NULL, version INTEGER NOT NULL, migrated_at TIMESTAMPTZ NOT NULL)"
    )
    session.run(f"CREATE TABLE IF NOT EXISTS {MIGRATION_LOCK} (held BOOLEAN)")


def _migrate(session: Session, dataset: str) -> None:
    """Under both locks: what another session did meanwhile is seen here. ADD COLUMN takes one column a statement."""
    version = versions(session).get(dataset, 0)
    if version == VERSION:
        return
    if version == 0:
        columns = ", ".join(f"{name} {column.kind}" for name, column in _SHAPE.items())
        session.run(f"CREATE TABLE {ledger_table(dataset)} ({columns}, PRIMARY KEY (batch_id, generation))")
    for name, column in _SHAPE.items() if version else ():
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
        f"SELECT '{name}' AS dataset, {_selected(version)} FROM {ledger_table(name)}" for name, version in known.items()
    ]
    current = "generation = MAX(generation) OVER (PARTITION BY dataset, batch_id) AS is_current"
    return (
        f'CREATE VIEW "{VIEW_SCHEMA}"."batch" AS SELECT dataset, {_READ}, {current} FROM ('
        + " UNION ALL ".join(parts)
        + ") AS entries WITH NO SCHEMA BINDING"
    )


def _selected(version: int) -> str:
    """The columns of a ledger in today's order; what an older one lacks stands as a literal."""
    return ", ".join(
        name if _SHAPE[name].since <= version else f"{_SHAPE[name].older} AS {name}"
        for name in (*_WRITTEN, "committed_at")
    )


def write_entry(session: Session, dataset: str, entry: LedgerEntry) -> None:
    """Write an entry inside a transaction that holds the dataset's lock; the warehouse numbers and stamps it."""
    sequence = session.count(f"SELECT COALESCE(MAX(sequence), 0) + 1 FROM {ledger_table(dataset)}")
    facts = {name: getattr(entry, name) for name in _WRITTEN}
    facts |= {"sequence": sequence, "warnings": json.dumps(entry.warnings)}
    marks = ", ".join(["%s"] * len(facts))
    session.run(
        f"INSERT INTO {ledger_table(dataset)} ({', '.join(facts)}, committed_at) VALUES ({marks}, GETDATE())",
        tuple(facts.values()),
    )


def find_current(session: Session, dataset: str, batch_id: str) -> LedgerEntry | None:
    """The entry of a batch's highest generation, or None when the batch was never settled."""
    query = f"SELECT {_READ} FROM {ledger_table(dataset)} WHERE batch_id = %s ORDER BY generation DESC LIMIT 1"
    found = session.rows(query, (batch_id,))
    return _entry(found[0]) if found else None


def read_current(session: Session, dataset: str) -> list[LedgerEntry]:
    """The current entry of every settled batch, oldest window first; empty when the dataset was never loaded."""
    numbered = f"SELECT {_READ}, ROW_NUMBER() OVER (PARTITION BY batch_id ORDER BY generation DESC) AS age"
    return _read(session, dataset, numbered, "WHERE age = 1 ORDER BY window_end, window_start, batch_id")


def read_history(session: Session, dataset: str) -> list[LedgerEntry]:
    """Every entry in the order of writing, superseded generations included; empty when the dataset was never loaded."""
    return _read(session, dataset, f"SELECT {_READ}", "ORDER BY sequence, window_end")


def read_entries(session: Session, dataset: str, limit: int) -> list[LedgerEntry]:
    """The entries written last, newest first; empty when the dataset was never loaded."""
    return _read(session, dataset, f"SELECT {_READ}", f"ORDER BY sequence DESC, window_end DESC LIMIT {limit:d}")


def _read(session: Session, dataset: str, select: str, rest: str) -> list[LedgerEntry]:
    """Entries in today's shape, also from a ledger that no load has brought up to date yet."""
    version = versions(session).get(dataset)
    if version is None:
        return []
    shaped = f"(SELECT {_selected(version)} FROM {ledger_table(dataset)}) AS shaped"
    rows = session.rows(f"SELECT {_READ} FROM ({select} FROM {shaped}) AS entries {rest}")
    return [_entry(row) for row in rows]


def read_standing(session: Session, dataset: str) -> Standing:
    """What planning needs; an unknown dataset stands at the beginning."""
    version = versions(session).get(dataset)
    if version is None:
        return Standing(None, frozenset(), frozenset())
    state = "state" if version >= _SHAPE["state"].since else "'committed'"
    rows = session.rows(f"SELECT batch_id, window_end, {state} AS state FROM {ledger_table(dataset)}")
    return Standing(
        watermark=max((row[1] for row in rows), default=None),
        settled=frozenset(str(row[0]) for row in rows),
        loaded=frozenset(str(row[0]) for row in rows if row[2] in {"committed", "undone"}),
    )


def _entry(row: Iterable[Any]) -> LedgerEntry:
    values = dict(zip((*_WRITTEN, "committed_at"), row, strict=True))
    values["warnings"] = tuple(json.loads(values["warnings"]))
    return LedgerEntry(**values)
