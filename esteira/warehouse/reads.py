"""Questions to the warehouse outside a load: what is loaded, how fresh it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from esteira.contract import Dataset
from esteira.profile import ColumnProfile
from esteira.warehouse import ddl, ledger, ledger_tables, profiles, states
from esteira.warehouse.connection import Warehouse
from esteira.warehouse.ledger import Standing
from esteira.warehouse.ledger_entry import LedgerEntry
from esteira.warehouse.states import DatasetState

_TABLES = "SELECT table_name FROM svv_tables WHERE table_schema = %s"


@dataclass(frozen=True, slots=True)
class DatasetStatus:
    """What stands in the warehouse of one dataset.

    Attributes:
        dataset: Its name.
        rows: Rows in its table, or None when there is no table.
        watermark: End of the last committed window, or None.
        last: The newest ledger rows.
        state: Whether it is paused or retired; None when it simply runs.
        gaps: What up to the watermark is not in the table and will not be loaded by itself, and why; for whoever has the contract's windows.
    """

    dataset: str
    rows: int | None
    watermark: datetime | None
    last: tuple[LedgerEntry, ...]
    state: DatasetState | None = None
    gaps: tuple[str, ...] = ()


def standing(warehouse: Warehouse, dataset: str) -> Standing:
    """Where a dataset stands, for planning."""
    with warehouse.session(f"esteira plan {dataset}") as session:
        return ledger.read_standing(session, dataset)


def settled_batches(warehouse: Warehouse, dataset: str) -> list[LedgerEntry]:
    """The current ledger entry of each batch of a dataset, oldest window first; empty when it was never loaded."""
    with warehouse.session(f"esteira ledger {dataset}") as session:
        return ledger.read_current(session, dataset)


def history(warehouse: Warehouse, dataset: str) -> list[LedgerEntry]:
    """Every ledger entry of a dataset, superseded generations included."""
    with warehouse.session(f"esteira history {dataset}") as session:
        return ledger.read_history(session, dataset)


def newest_entries(warehouse: Warehouse, dataset: str, limit: int) -> list[LedgerEntry]:
    """The entries that were written last, newest first."""
    with warehouse.session(f"esteira newest {dataset}") as session:
        return ledger.read_entries(session, dataset, limit)


def last_change(warehouse: Warehouse, dataset: str) -> LedgerEntry | None:
    """The entry written last that changed the table; None when there is none."""
    with warehouse.session(f"esteira change {dataset}") as session:
        return ledger.read_last_change(session, dataset)


def watermarks(warehouse: Warehouse, datasets: Iterable[str]) -> dict[str, datetime | None]:
    """Up to when each dataset is loaded, over one connection."""
    with warehouse.session("esteira watermarks") as session:
        return {name: ledger.read_standing(session, name).watermark for name in datasets}


def histories(warehouse: Warehouse, datasets: Iterable[str]) -> dict[str, list[LedgerEntry]]:
    """The same of several datasets, over one connection."""
    with warehouse.session("esteira histories") as session:
        return {name: ledger.read_history(session, name) for name in datasets}


def batch_profile(warehouse: Warehouse, dataset: str, entry: LedgerEntry) -> tuple[ColumnProfile, ...]:
    """What the columns of a ledger entry's batch hold; nothing for one that was curated before there were profiles."""
    with warehouse.session(f"esteira profile {dataset}") as session:
        return profiles.read_profile(session, dataset, entry.batch_id, entry.generation)


def null_shares(
    warehouse: Warehouse, dataset: str, entries: Sequence[LedgerEntry]
) -> dict[tuple[str, int], dict[str, float]]:
    """Share of nulls by column, of each batch id and generation among these entries that has a profile."""
    with warehouse.session(f"esteira nulls {dataset}") as session:
        return profiles.read_nulls(session, dataset, [entry.batch_id for entry in entries])


def datasets_of_batch(warehouse: Warehouse, batch_id: str) -> list[str]:
    """The datasets whose ledgers hold a batch of this id."""
    with warehouse.session("esteira find batch") as session:
        return [name for name in ledger_tables.ledgers(session) if ledger.find_current(session, name, batch_id)]


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
        known, decided = set(ledger_tables.ledgers(session)), states.read_states(session)
        tables = {name for (name,) in session.rows(_TABLES, (warehouse.config.schema,))}
        result = []
        for dataset in datasets:
            last = tuple(ledger.read_entries(session, dataset.name, batches)) if dataset.name in known else ()
            table = ddl.table_name(warehouse.config.schema, dataset.name)
            rows = session.count(f"SELECT COUNT(*) FROM {table}") if last and dataset.name in tables else None
            watermark = ledger.read_standing(session, dataset.name).watermark
            result.append(DatasetStatus(dataset.name, rows, watermark, last, decided.get(dataset.name)))
        return result
