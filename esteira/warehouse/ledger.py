"""The ledger: which batches are in the warehouse, taken out, or given up. One table per dataset, written under its lock.

Rows are only ever added: of a batch's rows the one with the highest generation is the current one. `ledger_tables` makes the tables.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from esteira.findings import read, written
from esteira.lake import Seal
from esteira.warehouse.connection import Session
from esteira.warehouse.ledger_entry import READ, WRITTEN, LedgerEntry, State
from esteira.warehouse.ledger_tables import SHAPE, ledger_table, selected, versions

_READ = ", ".join(READ)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a dataset stands, for planning: `settled` batches are not run again unless they are asked for by name."""

    watermark: datetime | None
    settled: frozenset[str]
    loaded: frozenset[str]


def write_entry(session: Session, dataset: str, entry: LedgerEntry) -> None:
    """Write an entry inside a transaction that holds the dataset's lock; the warehouse numbers and stamps it."""
    sequence = session.count(f"SELECT COALESCE(MAX(sequence), 0) + 1 FROM {ledger_table(dataset)}")
    facts = {name: getattr(entry, name) for name in WRITTEN}
    facts |= {"sequence": sequence, "warnings": json.dumps(entry.warnings), "findings": written(entry.findings)}
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


def has_seal(session: Session, dataset: str, seal: Seal) -> bool:
    """Whether a seal was ever committed."""
    found = f"SELECT COUNT(*) FROM {ledger_table(dataset)} WHERE batch_id = %s AND seal_hash = %s"
    return session.count(found, (seal.batch, seal.hash)) > 0


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


def read_last_change(session: Session, dataset: str) -> LedgerEntry | None:
    """The entry written last that changed the table; None when there is none."""
    changed = "WHERE state IN ('committed', 'undone') ORDER BY sequence DESC, window_end DESC LIMIT 1"
    return next(iter(_read(session, dataset, f"SELECT {_READ}", changed)), None)


def read_newest(session: Session, dataset: str, states: Iterable[State], limit: int) -> list[LedgerEntry]:
    """The newest entries that are in one of these states, newest first; empty when the dataset was never loaded."""
    listed = ", ".join(f"'{state}'" for state in sorted(states))
    rest = f"WHERE state IN ({listed}) ORDER BY sequence DESC, window_end DESC LIMIT {limit:d}"
    return _read(session, dataset, f"SELECT {_READ}", rest)


def _read(session: Session, dataset: str, select: str, rest: str) -> list[LedgerEntry]:
    """Entries in today's shape, also from a ledger that no load has brought up to date yet."""
    version = versions(session).get(dataset)
    if version is None:
        return []
    shaped = f"(SELECT {selected(version)} FROM {ledger_table(dataset)}) AS shaped"
    rows = session.rows(f"SELECT {_READ} FROM ({select} FROM {shaped}) AS entries {rest}")
    return [_entry(row) for row in rows]


def read_standing(session: Session, dataset: str) -> Standing:
    """What planning needs; an unknown dataset stands at the beginning."""
    version = versions(session).get(dataset)
    if version is None:
        return Standing(None, frozenset(), frozenset())
    state = "state" if version >= SHAPE["state"].since else "'committed'"
    rows = session.rows(f"SELECT batch_id, window_end, {state} AS state FROM {ledger_table(dataset)}")
    return Standing(
        watermark=max((row[1] for row in rows), default=None),
        settled=frozenset(str(row[0]) for row in rows),
        loaded=frozenset(str(row[0]) for row in rows if row[2] in {"committed", "undone"}),
    )


def _entry(row: Iterable[Any]) -> LedgerEntry:
    values = dict(zip(READ, row, strict=True))
    values |= {"warnings": tuple(json.loads(values["warnings"])), "findings": read(values["findings"])}
    return LedgerEntry(**values)
