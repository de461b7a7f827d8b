"""A group's copies: all members anew in one transaction, of one moment, and a row for each that says which batches it shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from esteira.batch import Known, is_snapshot, plan_due
from esteira.contract import Dataset, Group, SpreadsheetSource
from esteira.warehouse import ddl
from esteira.warehouse.bi.definitions import COPY_PREFIX, copy_schema
from esteira.warehouse.bi.freshness import FACTS, SNAPSHOT_TABLE, facts_query
from esteira.warehouse.bi.publication import Standing, read_standing
from esteira.warehouse.config import WarehouseConfig
from esteira.warehouse.connection import Session
from esteira.warehouse.ledger_tables import ledger_table
from esteira.warehouse.statements import LOAD_COLUMNS, LOCK_SCHEMA, names, table_columns, table_name

_Shape = dict[str, tuple[Any, ...]]
"""Column to its length in bytes, its type, and its digits."""


def behind(session: Session, members: Sequence[Dataset], as_of: datetime) -> list[str]:
    """The members of which something is due at the group's moment: the run's, or that of the newest data among them if it is later.

    So a member that ran ahead waits for the others, whichever run asks. Of files nothing is ever due: one loaded batch is enough.
    """
    entries = _entries(session, [each.name for each in members])
    moment = max([as_of, *(newest for each in members if (newest := _newest(each, entries[each.name])))])
    return [each.name for each in members if _is_behind(each, entries[each.name], moment)]


def copy(
    session: Session, group: Group, members: Sequence[Dataset], before: Standing, config: WarehouseConfig, run: str
) -> bool:
    """Replace the copies of the members that changed, if the ledgers still say what they said; returns whether it did.

    Args:
        session: Outside any transaction.
        group: Whose.
        members: Its contracts.
        before: What was read when the group was found fresh.
        config: Where.
        run: Name of the run, for the record.

    Raises:
        LoadError: A copy differs from its contract in a way that a person must decide.
        WarehouseBusy: The lock, or a copy, was held for too long.
    """
    session.limit_statements(min(config.ddl_wait_seconds, config.statement_timeout_seconds))
    new = _shape(session, group, members, config.schema)
    session.run(f"CREATE TABLE IF NOT EXISTS {lock_table(group.name)} (held BOOLEAN)")
    session.limit_statements(config.statement_timeout_seconds)
    with session.transaction():
        session.run(f"LOCK {lock_table(group.name)}")  # before the first read, which fixes what this transaction sees
        now = read_standing(session, group.of)
        if now.numbers != {name: before.numbers[name] for name in group.of} or now.is_shown(group):
            return False
        number = session.count(f"SELECT COALESCE(MAX(snapshot_id), 0) + 1 FROM {SNAPSHOT_TABLE}")
        for each in members:
            if each.name in new or now.shown.get((group.name, each.name)) != now.numbers[each.name]:
                _copy_rows(session, each, config.schema, copy_schema(group.name))
            _record(session, (group.name, number, each.name, now.numbers[each.name]), each, run)
    return True


def lock_table(group: str) -> str:
    """What whoever writes a group's copies holds."""
    return table_name(LOCK_SCHEMA, f"_group_{group}")


def copies_of(session: Session, dataset: str) -> list[tuple[str, str]]:
    """Schema and name of each copy of a dataset, also in groups that no contract names any more."""
    query = (
        "SELECT table_schema FROM svv_tables WHERE table_name = %s AND table_type = 'BASE TABLE' ORDER BY table_schema"
    )
    found = (str(schema) for (schema,) in session.rows(query, (dataset,)))
    return [(schema, dataset) for schema in found if schema.startswith(COPY_PREFIX)]


def group_of(schema: str) -> str:
    """The group whose copies stand in a schema."""
    return schema.removeprefix(COPY_PREFIX)


@dataclass(frozen=True, slots=True)
class _Entry:
    """What planning needs of a batch's current entry."""

    batch_id: str
    window_start: datetime
    window_end: datetime
    state: str


def _entries(session: Session, datasets: Sequence[str]) -> dict[str, list[_Entry]]:
    """The current entries of each dataset, in one query."""
    parts = [
        f"SELECT '{name}' AS dataset, batch_id, window_start, window_end, state, generation FROM {ledger_table(name)}"
        for name in datasets
    ]
    current: dict[str, dict[str, _Entry]] = {name: {} for name in datasets}
    for name, *facts, _ in session.rows(f"{' UNION ALL '.join(parts)} ORDER BY generation"):
        current[str(name)][str(facts[0])] = _Entry(*facts)
    return {name: list(found.values()) for name, found in current.items()}


def _newest(dataset: Dataset, entries: Sequence[_Entry]) -> datetime | None:
    """The moment of its newest data; a slot's is its beginning, since it is loaded before it is over."""
    moments = (
        each.window_start if is_snapshot(dataset) else each.window_end for each in entries if each.state == "committed"
    )
    return None if isinstance(dataset.source, SpreadsheetSource) else max(moments, default=None)


def _is_behind(dataset: Dataset, entries: Sequence[_Entry], moment: datetime) -> bool:
    if not any(each.state == "committed" for each in entries):
        return True
    if isinstance(dataset.source, SpreadsheetSource) or dataset.retired:
        return False
    known = Known(max(each.window_end for each in entries), frozenset(each.batch_id for each in entries))
    return any(not due.is_skipped for due in plan_due(dataset, moment, known))


def _shape(session: Session, group: Group, members: Sequence[Dataset], schema: str) -> set[str]:
    """Bring each copy to its contract, with texts as wide as the table's; returns those that are new, and empty."""
    tables, copies = _shapes(session, schema), _shapes(session, copy_schema(group.name))
    for each in members:
        shape = tables.get(each.name, {})
        if shape != copies.get(each.name):
            ddl.ensure_table(session, each, copy_schema(group.name), _halved(shape, each))
    return {each.name for each in members} - copies.keys()


def _shapes(session: Session, schema: str) -> dict[str, _Shape]:
    """The columns of each table of a schema."""
    query = (
        "SELECT table_name, column_name, character_maximum_length, data_type, numeric_precision, numeric_scale "
        "FROM svv_columns WHERE table_schema = %s"
    )
    found: dict[str, _Shape] = {}
    for table, column, *facts in session.rows(query, (schema,)):
        found.setdefault(str(table), {})[str(column)] = tuple(facts)
    return found


def _halved(shape: _Shape, dataset: Dataset) -> dict[str, int]:
    """Lengths that a text of twice the room is made for: `varchar_bytes` doubles them again. A length that the contract fixes stays."""
    fixed = {column.name for column in dataset.columns if column.max_bytes is not None}
    return {name: (int(size) + 1) // 2 for name, (size, *_) in shape.items() if size and name not in fixed}


def _copy_rows(session: Session, dataset: Dataset, schema: str, copies: str) -> None:
    """DELETE, since TRUNCATE would commit, and readers see the rows until the end."""
    columns = names([*(column.name for column in table_columns(dataset)), *LOAD_COLUMNS])
    copied, source = table_name(copies, dataset.name), table_name(schema, dataset.name)
    session.run(f"DELETE FROM {copied}")
    session.run(f"INSERT INTO {copied} ({columns}) SELECT {columns} FROM {source}")


def _record(session: Session, which: tuple[str, int, str, int], dataset: Dataset, run: str) -> None:
    facts = ", ".join(FACTS)
    session.run(
        f"INSERT INTO {SNAPSHOT_TABLE} (group_name, snapshot_id, dataset, sequence, {facts}, run, published_at) "
        f"SELECT CAST(%s AS VARCHAR(63)), CAST(%s AS BIGINT), CAST(%s AS VARCHAR(63)), CAST(%s AS BIGINT), {facts}, CAST(%s AS VARCHAR(256)), GETDATE() "
        f"FROM ({facts_query(dataset)}) AS facts",
        (*which, run[:250]),
    )
