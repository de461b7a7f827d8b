"""Questions to the warehouse outside a load: what is loaded, how fresh it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from esteira.contract import Dataset
from esteira.warehouse import ddl, ledger
from esteira.warehouse.connection import Warehouse
from esteira.warehouse.ledger import LedgerEntry, Standing


@dataclass(frozen=True, slots=True)
class DatasetStatus:
    """What stands in the warehouse of one dataset.

    Attributes:
        dataset: Its name.
        rows: Rows in its table, or None when there is no table.
        watermark: End of the last committed window, or None.
        last: The newest ledger rows.
    """

    dataset: str
    rows: int | None
    watermark: datetime | None
    last: tuple[LedgerEntry, ...]


def standing(warehouse: Warehouse, dataset: str) -> Standing:
    """Where a dataset stands, for planning."""
    with warehouse.session(f"esteira plan {dataset}") as session:
        return ledger.read_standing(session, dataset)


def settled_batches(warehouse: Warehouse, dataset: str) -> list[LedgerEntry]:
    """The current ledger entry of each batch of a dataset, oldest window first; empty when it was never loaded."""
    with warehouse.session(f"esteira ledger {dataset}") as session:
        return ledger.read_current(session, dataset)


def table_counts(warehouse: Warehouse, dataset: str) -> dict[str, int] | None:
    """Rows of the live table by the batch that wrote them, or None when there is no table."""
    with warehouse.session(f"esteira reconcile {dataset}") as session:
        if not ddl.live_columns(session, warehouse.config.schema, dataset):
            return None
        table = ddl.table_name(warehouse.config.schema, dataset)
        found = session.rows(f'SELECT "{ddl.BATCH_COLUMN}", COUNT(*) FROM {table} GROUP BY "{ddl.BATCH_COLUMN}"')
        return {str(batch): int(rows) for batch, rows in found}


def read_status(warehouse: Warehouse, datasets: list[Dataset], batches: int = 5) -> list[DatasetStatus]:
    """What is loaded of each dataset."""
    with warehouse.session("esteira status") as session:
        known = set(ledger.ledgers(session))
        result = []
        for dataset in datasets:
            last = tuple(ledger.read_entries(session, dataset.name, batches)) if dataset.name in known else ()
            table = ddl.table_name(warehouse.config.schema, dataset.name)
            rows = session.count(f"SELECT COUNT(*) FROM {table}") if last else None
            result.append(
                DatasetStatus(dataset.name, rows, ledger.read_standing(session, dataset.name).watermark, last)
            )
        return result
