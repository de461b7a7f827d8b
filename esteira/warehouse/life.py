"""The ends of a dataset's life that a person decides: retired, with or without its table, and renamed. Nothing of the load path comes here.

The one place that drops or renames a dataset's tables. Each act is one transaction under the dataset's lock, recorded in it (`states`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from esteira.errors import ConfigError
from esteira.warehouse import ledger, ledger_tables, profiles, states
from esteira.warehouse.attempts import Attempt
from esteira.warehouse.bi import publication, snapshots
from esteira.warehouse.config import WarehouseConfig
from esteira.warehouse.connection import Session, Warehouse
from esteira.warehouse.graves import GRAVE_SCHEMA
from esteira.warehouse.locks import locked_transaction
from esteira.warehouse.profiles import PROFILE_SCHEMA
from esteira.warehouse.statements import LOCK_SCHEMA, table_name
from esteira.warehouse.states import Act, DatasetState


@dataclass(frozen=True, slots=True)
class Remains:
    """What a warehouse holds of one name.

    Attributes:
        dataset: The name.
        tables: Schema and name of each table: its rows, lock, deletions, profiles and ledger, those that exist.
        rows: Rows of its table, or None without one.
        batches: Settled batches.
        watermark: End of the last settled window.
        views: Views whose text names its table, as far as our user sees them; `esteira.batch` and those of `bi` are none of them.
        state: What was decided about it last, or None.
    """

    dataset: str
    tables: tuple[tuple[str, str], ...] = ()
    rows: int | None = None
    batches: int = 0
    watermark: datetime | None = None
    views: tuple[str, ...] = ()
    state: DatasetState | None = None

    @property
    def has_ledger(self) -> bool:
        """Whether anything was ever settled under this name."""
        return (ledger_tables.LEDGER_SCHEMA, self.dataset) in self.tables

    @property
    def droppable(self) -> tuple[tuple[str, str], ...]:
        """What `--drop-table` takes: everything but the ledger, which is history."""
        return tuple(table for table in self.tables if table[0] != ledger_tables.LEDGER_SCHEMA)


def remains(warehouse: Warehouse, dataset: str) -> Remains:
    """Everything of one name."""
    with warehouse.session(f"esteira look at {dataset}") as session:
        return _remains(session, warehouse.config.schema, dataset, states.read_states(session).get(dataset))


def orphans(warehouse: Warehouse, contracts: Collection[str]) -> list[Remains]:
    """What has a ledger, or a lock, and no contract any more, and about which nobody has decided anything final."""
    with warehouse.session("esteira orphans") as session:
        decided = states.read_states(session)
        known = {
            name for _, name in _tables(session, (ledger_tables.LEDGER_SCHEMA, LOCK_SCHEMA)) if not name.startswith("_")
        }
        left = sorted(known - set(contracts) - {name for name, state in decided.items() if state.is_gone})
        return [_remains(session, warehouse.config.schema, name, decided.get(name)) for name in left]


def retire(warehouse: Warehouse, dataset: str, act: Act, *, drops_table: bool) -> DatasetState:
    """Take a dataset out of planning for good; its ledger stays. With `drops_table` its table, deletions, profiles and lock go as well.

    Raises:
        ConfigError: It was renamed.
        LoadError: Something depends on the table, such as a view that is bound to it; nothing was changed.
        WarehouseBusy: Somebody holds the table or its lock; nothing was changed.
    """
    state = DatasetState(dataset, "dropped" if drops_table else "retired", reason=act.reason, actor=act.actor)
    with _deciding(warehouse, dataset, "retire") as session:
        before = states.find_state(session, dataset)
        if before is not None and before.event == "renamed":
            raise states.gone(before)
        found = _remains(session, warehouse.config.schema, dataset, None)
        _leave_bi(session, dataset, warehouse.config)
        if drops_table:
            profiles.publish_view(session, without=dataset)
        for schema, name in found.droppable if drops_table else ():
            session.run(f"DROP TABLE {table_name(schema, name)}")
        states.record(session, state)
    return state


def rename(warehouse: Warehouse, old: str, new: str, act: Act) -> DatasetState:
    """Give a dataset's table, lock, deletions, profiles and ledger their new name: the new one goes on where the old one stood.

    Raises:
        ConfigError: There is nothing of the old name, or already something of the new one; nothing was changed.
        WarehouseBusy: Somebody holds the table or its lock; nothing was changed.
    """
    schema = warehouse.config.schema
    state = DatasetState(old, "renamed", new, act.reason, act.actor)
    with _deciding(warehouse, old, "rename") as session:
        before = states.find_state(session, old)
        found = _remains(session, schema, old, before)
        require_renamable(found, _remains(session, schema, new, None))
        _leave_bi(session, old, warehouse.config)
        for place, name in found.droppable:
            session.run(f'ALTER TABLE {table_name(place, name)} RENAME TO "{new}"')
        ledger_tables.rename(session, old, new)
        profiles.publish_view(session)
        states.record(session, state)
        if before is not None:  # a pause holds whatever the name
            states.record(session, DatasetState(new, before.event, reason=before.reason, actor=before.actor))
    return state


def require_renamable(old: Remains, new: Remains) -> None:
    """Refuse a rename that would lose something.

    Raises:
        ConfigError: There is nothing of the old name, or already something of the new one.
    """
    if old.state is not None and old.state.is_gone:
        raise states.gone(old.state)
    if not old.has_ledger:
        raise ConfigError(
            f"This warehouse has no ledger of {old.dataset}: nothing was ever loaded under this name.",
            hint="Correct the old name; `esteira status` lists what has no contract.",
        )
    if new.tables:
        names = ", ".join(".".join(table) for table in new.tables)
        raise ConfigError(
            f"{new.dataset} has tables of its own already ({names}; {new.rows or 0} rows, {new.batches} batches).",
            hint=f"If a run has made them by mistake, have a person drop them, its ledger included, then rename. If {new.dataset} is another "
            f"dataset, retire {old.dataset} instead.",
        )


@contextmanager
def _deciding(warehouse: Warehouse, dataset: str, verb: str) -> Iterator[Session]:
    """A transaction under the dataset's lock and the migration's: no load is at work, and none can begin."""
    config: WarehouseConfig = warehouse.config
    with warehouse.session(f"esteira {verb} {dataset}") as session:
        states.ensure_states(session)
        _require_lock_table(session, dataset)
        with locked_transaction(session, Attempt(dataset, verb), config):
            session.limit_statements(
                config.ddl_wait_seconds
            )  # a reader's transaction must not hold up everybody behind us
            session.run(f"LOCK {ledger_tables.MIGRATION_LOCK}")
            yield session


def _leave_bi(session: Session, dataset: str, config: WarehouseConfig) -> None:
    """Views under the old name would fail where they are read, and copies would be out of an erasure's sight."""
    publication.take_away(session, dataset, config)
    for schema, name in snapshots.copies_of(session, dataset):
        session.run(f"DROP TABLE {table_name(schema, name)}")


def _require_lock_table(session: Session, dataset: str) -> None:
    """Of a dataset that was dropped before, or half made, the lock is gone; of a stranger's name there is no trace at all."""
    if not _remains(session, "", dataset, None).tables:
        raise ConfigError(
            f"This warehouse holds nothing of {dataset}.",
            hint="Correct the name; `esteira status` lists what it holds.",
        )
    session.run(f"CREATE TABLE IF NOT EXISTS {table_name(LOCK_SCHEMA, dataset)} (held BOOLEAN)")


def _remains(session: Session, schema: str, dataset: str, state: DatasetState | None) -> Remains:
    places = (schema, LOCK_SCHEMA, GRAVE_SCHEMA, PROFILE_SCHEMA, ledger_tables.LEDGER_SCHEMA)
    tables = tuple(table for table in _tables(session, places) if table[1] == dataset)
    has_table = (schema, dataset) in tables
    rows = session.count(f"SELECT COUNT(*) FROM {table_name(schema, dataset)}") if has_table else None
    standing = ledger.read_standing(session, dataset)
    views = _views(session, schema, dataset) if has_table else ()
    return Remains(dataset, tables, rows, len(standing.settled), standing.watermark, views, state)


def _tables(session: Session, schemas: Collection[str]) -> list[tuple[str, str]]:
    marks = ", ".join(["%s"] * len(schemas))
    query = (
        f"SELECT table_schema, table_name FROM svv_tables WHERE table_type = 'BASE TABLE' AND table_schema IN ({marks})"
    )
    return [(str(schema), str(name)) for schema, name in sorted(session.rows(query, tuple(schemas)))]


def _views(session: Session, schema: str, dataset: str) -> tuple[str, ...]:
    """https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_VIEW.html: a bound view follows a renamed table, a late-binding one breaks."""
    query = "SELECT schemaname, viewname, definition FROM pg_views WHERE schemaname <> %s AND definition LIKE %s"
    found, ours = session.rows(query, (ledger_tables.VIEW_SCHEMA, f"%{dataset}%")), publication.views(session)
    named = re.compile(rf'\b{schema}"?\."?{dataset}\b')
    foreign = ((f"{place}.{name}", str(text)) for place, name, text in found)
    return tuple(sorted(name for name, text in foreign if name not in ours and named.search(text)))
