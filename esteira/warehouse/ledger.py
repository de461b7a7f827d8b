"""The ledger: which batches are in the warehouse. One table per dataset, written in the load's own transaction.

A table per dataset keeps loads of different datasets from conflicting; `esteira.batch` is the view over all of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from esteira.warehouse.connection import Session

LEDGER_SCHEMA, VIEW_SCHEMA = "esteira_ledger", "esteira"
_TYPES = {
    "batch_id": "VARCHAR(128) NOT NULL", "window_start": "TIMESTAMPTZ NOT NULL", "window_end": "TIMESTAMPTZ NOT NULL",
    "seal_hash": "VARCHAR(64) NOT NULL", "attempt": "VARCHAR(16) NOT NULL", "extracted": "BIGINT NOT NULL",
    "curated": "BIGINT NOT NULL", "quarantined": "BIGINT NOT NULL", "inserted": "BIGINT NOT NULL", "updated": "BIGINT NOT NULL",
    "unchanged": "BIGINT NOT NULL", "stale": "BIGINT NOT NULL", "duplicate": "BIGINT NOT NULL", "total_reported": "BIGINT",
    "warnings": "VARCHAR(65535) NOT NULL", "run": "VARCHAR(256) NOT NULL", "version": "VARCHAR(64) NOT NULL",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One committed batch. Counts satisfy `curated = inserted + updated + unchanged + stale + duplicate`."""

    batch_id: str
    window_start: datetime
    window_end: datetime
    seal_hash: str
    attempt: str
    extracted: int
    curated: int
    quarantined: int
    inserted: int
    updated: int
    unchanged: int
    stale: int
    duplicate: int
    total_reported: int | None
    warnings: tuple[str, ...] = ()
    run: str = ""
    version: str = ""
    committed_at: datetime | None = field(default=None, compare=False)


_COLUMNS = tuple(each.name for each in fields(LedgerEntry) if each.name != "committed_at")


def ledger_table(dataset: str) -> str:
    """Quoted name of a dataset's ledger."""
    return f'"{LEDGER_SCHEMA}"."{dataset}"'


def ensure_ledger(session: Session, dataset: str) -> None:
    """Make the dataset's ledger and take it into the view. Idempotent; outside the load's transaction."""
    for schema in (LEDGER_SCHEMA, VIEW_SCHEMA):
        session.run(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
    if dataset in ledgers(session):
        return
    columns = ", ".join(f"{name} {kind}" for name, kind in _TYPES.items())
    session.run(
        f"CREATE TABLE IF NOT EXISTS {ledger_table(dataset)} ({columns}, committed_at TIMESTAMPTZ NOT NULL, PRIMARY KEY (batch_id))"
    )
    session.run(_view_statement(ledgers(session)))


def ledgers(session: Session) -> list[str]:
    """The datasets that have a ledger."""
    found = session.rows(
        "SELECT table_name FROM svv_tables WHERE table_schema = %s ORDER BY table_name", (LEDGER_SCHEMA,)
    )
    return [str(name) for (name,) in found]


def sealed_as(session: Session, dataset: str, batch_id: str) -> str | None:
    """The seal hash under which a batch was committed, or None."""
    found = session.rows(f"SELECT seal_hash FROM {ledger_table(dataset)} WHERE batch_id = %s", (batch_id,))
    return str(found[0][0]) if found else None


def write_entry(session: Session, dataset: str, entry: LedgerEntry) -> None:
    """Write a batch into the ledger, inside the load's transaction; the warehouse's clock stamps it."""
    values = [json.dumps(entry.warnings) if name == "warnings" else getattr(entry, name) for name in _COLUMNS]
    marks = ", ".join(["%s"] * len(_COLUMNS))
    session.run(
        f"INSERT INTO {ledger_table(dataset)} ({', '.join(_COLUMNS)}, committed_at) VALUES ({marks}, GETDATE())", values
    )


def read_entries(session: Session, dataset: str, limit: int = 10_000) -> list[LedgerEntry]:
    """The newest committed batches of a dataset, newest window first; empty when it was never loaded."""
    if dataset not in ledgers(session):
        return []
    query = f"SELECT {', '.join(_COLUMNS)}, committed_at FROM {ledger_table(dataset)} ORDER BY window_end DESC, committed_at DESC LIMIT %s"
    return [_entry(row) for row in session.rows(query, (limit,))]


def read_entry(session: Session, dataset: str, batch_id: str) -> LedgerEntry:
    """One committed batch."""
    query = f"SELECT {', '.join(_COLUMNS)}, committed_at FROM {ledger_table(dataset)} WHERE batch_id = %s"
    return _entry(session.rows(query, (batch_id,))[0])


def _entry(row: Iterable[Any]) -> LedgerEntry:
    values = dict(zip((*_COLUMNS, "committed_at"), row, strict=True))
    values["warnings"] = tuple(json.loads(values["warnings"]))
    return LedgerEntry(**values)


def _view_statement(datasets: Iterable[str]) -> str:
    parts = [
        f"SELECT '{name}' AS dataset, {', '.join(_COLUMNS)}, committed_at FROM {ledger_table(name)}"
        for name in datasets
    ]
    return f'CREATE OR REPLACE VIEW "{VIEW_SCHEMA}"."batch" AS ' + " UNION ALL ".join(parts) + " WITH NO SCHEMA BINDING"
