"""A batch that is left out, or that brings nothing new: a ledger row of generation 0, which settles it without rows and which any later load supersedes."""

from __future__ import annotations

from esteira.batch import Batch
from esteira.warehouse import ledger, ledger_tables
from esteira.warehouse.connection import Session
from esteira.warehouse.ledger_entry import LedgerEntry
from esteira.warehouse.request import SettleRequest
from esteira.warehouse.statements import LOCK_SCHEMA, table_name

MAX_REASON_BYTES = 4000
"""The ledger's column takes 4096."""


def prepare(session: Session, batch: Batch) -> None:
    """Lock and ledger, and not the dataset's table: a table that cannot be brought to its contract may be the very reason."""
    lock = table_name(LOCK_SCHEMA, batch.dataset)
    session.run(f'CREATE SCHEMA IF NOT EXISTS "{LOCK_SCHEMA}"')
    session.run(f"CREATE TABLE IF NOT EXISTS {lock} (held BOOLEAN)")
    ledger_tables.ensure_ledger(session, batch.dataset, lock)


def settle(session: Session, request: SettleRequest) -> bool:
    """Write the row, under the lock, unless the batch is settled already; returns whether it was written."""
    batch = request.batch
    if ledger.find_current(session, batch.dataset, batch.id) is not None:
        return False
    entry = LedgerEntry(
        batch_id=batch.id, window_start=batch.window.start, window_end=batch.window.end, generation=0, state=request.state,
        reason=request.reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore"), run=request.run, version=request.version,
    )  # fmt: skip
    ledger.write_entry(session, batch.dataset, entry)
    return True
