"""Whether a dataset may run: paused, retired, renamed. Rows are only ever added, each with who, when and why; the last one counts.

They stand in the warehouse, so that every runner sees them. A load asks under its dataset's lock: what was retired or renamed since it was
planned is not made anew.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from esteira.contract import Dataset
from esteira.errors import ConfigError, LoadError
from esteira.warehouse import ledger, ledger_tables
from esteira.warehouse.connection import Session, Warehouse
from esteira.warehouse.live import live_columns
from esteira.warehouse.own_table import OwnColumn, definition
from esteira.warehouse.statements import LOCK_SCHEMA

STATE_TABLE = f'"{ledger_tables.VIEW_SCHEMA}"."dataset_state"'
SHAPE = {
    "dataset": OwnColumn("VARCHAR(63) NOT NULL", "Its name."),
    "sequence": OwnColumn("BIGINT NOT NULL", "Order of all rows; a dataset's largest counts."),
    "event": OwnColumn(
        "VARCHAR(16) NOT NULL", "`paused`, `resumed`, `retired` (the table stays), `dropped` or `renamed`."
    ),
    "renamed_to": OwnColumn("VARCHAR(63) NOT NULL", "Its new name; empty unless it was renamed."),
    "reason": OwnColumn("VARCHAR(4096) NOT NULL", "Why, as the person said."),
    "actor": OwnColumn("VARCHAR(256) NOT NULL", "Who."),
    "recorded_at": OwnColumn("TIMESTAMPTZ NOT NULL", "When, by the warehouse's clock."),
}
"""What people decided about datasets. Rows are only ever added."""
_READ = "dataset, event, renamed_to, reason, actor, recorded_at"
Event = Literal["paused", "resumed", "retired", "dropped", "renamed"]
_GONE = frozenset({"retired", "dropped", "renamed"})


@dataclass(frozen=True, slots=True)
class DatasetState:
    """What a person decided about a dataset last.

    Attributes:
        dataset: Its name.
        event: `paused`, `resumed`, `retired` (the table stays), `dropped` (retired without its table) or `renamed`.
        renamed_to: Its new name.
        reason, actor: Why, and who.
        recorded_at: The warehouse's clock.
    """

    dataset: str
    event: Event
    renamed_to: str = ""
    reason: str = ""
    actor: str = ""
    recorded_at: datetime | None = None

    @property
    def is_gone(self) -> bool:
        """Whether nothing may be loaded into it any more, a window that is asked for by name included."""
        return self.event in _GONE

    def __str__(self) -> str:
        """One clause: `paused since 2014-01-02 06:00Z by ana@laptop: the portal moves`."""
        what = f"renamed to {self.renamed_to}" if self.event == "renamed" else self.event
        since = f" since {self.recorded_at:%Y-%m-%d %H:%MZ}" if self.recorded_at else ""
        return f"{what}{since}{f' by {self.actor}' if self.actor else ''}{f': {self.reason}' if self.reason else ''}"


@dataclass(frozen=True, slots=True)
class Act:
    """Who does something to a dataset, and why."""

    actor: str
    reason: str = ""


def ensure_states(session: Session) -> None:
    """Make the table of states and the lock that its writers take; idempotent."""
    for schema in (ledger_tables.VIEW_SCHEMA, LOCK_SCHEMA):
        session.run(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
    session.run(f"CREATE TABLE IF NOT EXISTS {STATE_TABLE} ({definition(SHAPE)})")
    session.run(f"CREATE TABLE IF NOT EXISTS {ledger_tables.MIGRATION_LOCK} (held BOOLEAN)")


def record(session: Session, state: DatasetState) -> None:
    """Add a row inside a transaction that holds the migration's lock; the warehouse numbers and stamps it."""
    sequence = session.count(f"SELECT COALESCE(MAX(sequence), 0) + 1 FROM {STATE_TABLE}")
    values = (state.dataset, sequence, state.event, state.renamed_to, state.reason[:4000], state.actor[:250])
    session.run(f"INSERT INTO {STATE_TABLE} VALUES (%s, %s, %s, %s, %s, %s, GETDATE())", values)


def find_state(session: Session, dataset: str) -> DatasetState | None:
    """What was decided last; None for a dataset that simply runs. The table must exist."""
    query = f"SELECT {_READ} FROM {STATE_TABLE} WHERE dataset = %s ORDER BY sequence DESC LIMIT 1"
    found = session.rows(query, (dataset,))
    return _standing(found[0]) if found else None


def read_states(session: Session) -> dict[str, DatasetState]:
    """Every dataset that does not simply run, with what was decided last; empty in a warehouse where nobody ever did."""
    if not session.count(
        "SELECT COUNT(*) FROM svv_tables WHERE table_schema = %s AND table_name = 'dataset_state'",
        (ledger_tables.VIEW_SCHEMA,),
    ):
        return {}
    last = {str(row[0]): _standing(row) for row in session.rows(f"SELECT {_READ} FROM {STATE_TABLE} ORDER BY sequence")}
    return {name: state for name, state in last.items() if state is not None}


def require_alive(session: Session, dataset: str) -> None:
    """Stop a load of a dataset that was retired or renamed. Outside a transaction it makes the table that the next one reads.

    Raises:
        ConfigError: It was.
    """
    try:
        state = find_state(session, dataset)
    except LoadError:  # the first load of this warehouse: nothing is asked for at every other one
        ensure_states(session)
        return
    if state is not None and state.is_gone:
        raise gone(state)


def gone(state: DatasetState) -> ConfigError:
    """The error of whoever asks for a dataset that is retired or renamed."""
    hint = (
        f"Ask for {state.renamed_to}, and deploy the contracts in which it has this name."
        if state.event == "renamed"
        else f"Remove its contract from what is deployed; or bring it back with `esteira resume {state.dataset}`."
    )
    return ConfigError(f"{state.dataset} is {state}.", dataset=state.dataset, hint=hint)


def read_hold(warehouse: Warehouse, dataset: Dataset) -> DatasetState | None:
    """Why nothing that is due of a dataset may run now; None when it may.

    Raises:
        ConfigError: Its contract has a new name, and the warehouse still knows it by the old one: it would be loaded from the beginning.
    """
    with warehouse.session(f"esteira plan {dataset.name}") as session:
        old = sorted(set(dataset.formerly) & set(ledger_tables.ledgers(session))) if dataset.formerly else []
        if old:
            raise ConfigError(
                f"{dataset.name} was {old[0]} before, and its table and ledger still have that name in this warehouse.",
                dataset=dataset.name,
                hint=f"Run `esteira rename {old[0]} {dataset.name}`, look at what it says, then again with --apply.",
            )
        return read_states(session).get(dataset.name)


def pause(warehouse: Warehouse, dataset: str, act: Act) -> DatasetState:
    """Keep a dataset from running by itself, in every runner.

    Raises:
        ConfigError: It is retired or renamed.
    """
    with warehouse.session(f"esteira pause {dataset}") as session, _deciding(session):
        _refuse(session, dataset, _GONE)
        state = DatasetState(dataset, "paused", reason=act.reason, actor=act.actor)
        record(session, state)
        return state


def resume(warehouse: Warehouse, dataset: str, act: Act) -> DatasetState:
    """Let it run again, also one that was retired. Without its table it is only paused: its batches come back by a rebuild first.

    Raises:
        ConfigError: It was renamed.
    """
    with warehouse.session(f"esteira resume {dataset}") as session:
        is_whole = _has_table(session, warehouse.config.schema, dataset)
        reason = act.reason if is_whole else f"its table was dropped: `esteira ingest {dataset} --from curated` first"
        state = DatasetState(dataset, "resumed" if is_whole else "paused", reason=reason, actor=act.actor)
        with _deciding(session):
            _refuse(session, dataset, {"renamed"})
            record(session, state)
        return state


def _refuse(session: Session, dataset: str, events: Collection[str]) -> None:
    state = find_state(session, dataset)
    if state is not None and state.event in events:
        raise gone(state)


@contextmanager
def _deciding(session: Session) -> Iterator[None]:
    ensure_states(session)
    with session.transaction():
        session.run(f"LOCK {ledger_tables.MIGRATION_LOCK}")
        yield


def _has_table(session: Session, schema: str, dataset: str) -> bool:
    """Whether the table is there, or nothing was ever loaded that it could hold."""
    last = ledger.read_entries(session, dataset, 1)
    return not last or bool(live_columns(session, schema, dataset))


def _standing(row: Any) -> DatasetState | None:
    state = DatasetState(*row)
    return None if state.event == "resumed" else state
