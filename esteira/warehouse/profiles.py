"""The profiles' tables and the view over them: made, filled in a load's transaction, and cleared of what no longer stands.

A table per dataset, as for the ledgers, since loads of different datasets may not conflict; `esteira.profile` is the view over all of
them. A batch that was replaced or undone keeps its rows: `esteira.batch` says which generation stands.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import msgspec

from esteira.profile import ColumnProfile
from esteira.warehouse import ledger, ledger_tables
from esteira.warehouse.connection import Session
from esteira.warehouse.statements import table_name

PROFILE_SCHEMA, VIEW = "esteira_profile", "profile"
SHAPE = {
    "batch_id": "VARCHAR(128) NOT NULL",
    "generation": "INTEGER NOT NULL",
    "column_name": "VARCHAR(127) NOT NULL",
    "value_count": "BIGINT NOT NULL",
    "null_count": "BIGINT NOT NULL",
    "distinct_count": "BIGINT",
    "minimum": "VARCHAR(1024)",
    "maximum": "VARCHAR(1024)",
    "mean": "DOUBLE PRECISION",
    "quantiles": "VARCHAR(1024)",
    "top_values": "VARCHAR(65535)",
}
"""`value_count` is COUNT(column): the rows of the batch are `value_count + null_count`. A text has 200 characters at the most, so 800 bytes.
`quantiles` is a JSON array of eleven numbers, `top_values` one of [text, rows]; null where the profile has none."""
_ROWS_A_STATEMENT = 200
"""The protocol counts the parameters of a statement in 16 bits."""


def profile_table(dataset: str) -> str:
    """Quoted name of a dataset's table of profiles."""
    return table_name(PROFILE_SCHEMA, dataset)


def tables(dataset: str) -> tuple[tuple[str, str], ...]:
    """Schema and name of what `ensure_profiles` may make or replace."""
    return (PROFILE_SCHEMA, dataset), (ledger_tables.VIEW_SCHEMA, VIEW)


def has_profiles(session: Session, dataset: str) -> bool:
    """Whether the dataset has a table of profiles."""
    return dataset in _datasets(session)


def ensure_profiles(session: Session, dataset: str) -> None:
    """Make the dataset's table and take it into the view; idempotent, outside the load's transaction. The ledger must be there."""
    if has_profiles(session, dataset):
        return
    session.run(f'CREATE SCHEMA IF NOT EXISTS "{PROFILE_SCHEMA}"')
    with session.transaction():
        session.run(f"LOCK {ledger_tables.MIGRATION_LOCK}")
        if not has_profiles(session, dataset):
            columns = ", ".join(f"{name} {kind}" for name, kind in SHAPE.items())
            session.run(f"CREATE TABLE {profile_table(dataset)} ({columns})")
            publish_view(session)


def publish_view(session: Session, without: str | None = None) -> None:
    """Make `esteira.profile` anew over all the tables but one that is about to go, in a transaction that holds the migration's lock."""
    names = [name for name in _datasets(session) if name != without]
    view, columns = table_name(ledger_tables.VIEW_SCHEMA, VIEW), ", ".join(SHAPE)
    session.run(f"DROP VIEW IF EXISTS {view}")
    parts = [f"SELECT '{name}' AS dataset, {columns} FROM {profile_table(name)}" for name in names]
    if parts:
        session.run(f"CREATE VIEW {view} AS {' UNION ALL '.join(parts)} WITH NO SCHEMA BINDING")


def write_profile(
    session: Session, dataset: str, batch_id: str, generation: int, profile: Sequence[ColumnProfile]
) -> None:
    """Add a batch's columns, in the load's transaction."""
    marks = f"({', '.join(['%s'] * len(SHAPE))})"
    for start in range(0, len(profile), _ROWS_A_STATEMENT):
        rows = [_values(batch_id, generation, each) for each in profile[start : start + _ROWS_A_STATEMENT]]
        session.run(
            f"INSERT INTO {profile_table(dataset)} ({', '.join(SHAPE)}) VALUES {', '.join([marks] * len(rows))}",
            [value for row in rows for value in row],
        )


def read_profile(session: Session, dataset: str, batch_id: str, generation: int) -> tuple[ColumnProfile, ...]:
    """The columns of a batch's generation, in no order; none of one that was loaded before there were profiles."""
    if not has_profiles(session, dataset):
        return ()
    query = f"SELECT {', '.join(SHAPE)} FROM {profile_table(dataset)} WHERE batch_id = %s AND generation = %s"
    return tuple(_profile(*row) for row in session.rows(query, (batch_id, generation)))


def read_nulls(session: Session, dataset: str, batches: Sequence[str]) -> dict[tuple[str, int], dict[str, float]]:
    """Share of nulls by column, of each generation of these batches that has a profile. A batch without rows has none."""
    if not batches or not has_profiles(session, dataset):
        return {}
    marks = ", ".join(["%s"] * len(batches))
    query = (
        "SELECT batch_id, generation, column_name, CAST(null_count AS FLOAT) / (value_count + null_count) "
        f"FROM {profile_table(dataset)} WHERE batch_id IN ({marks}) AND value_count + null_count > 0"
    )
    found: dict[tuple[str, int], dict[str, float]] = {}
    for batch, generation, column, share in session.rows(query, tuple(batches)):
        found.setdefault((str(batch), int(generation)), {})[str(column)] = float(share)
    return found


def forget(session: Session, dataset: str, lost: Collection[str] = ()) -> None:
    """Delete every profile that does not stand, under the dataset's lock: of replaced generations and of batches that are not in the table.

    Args:
        session: In a transaction.
        dataset: Its name.
        lost: Batches whose parts are gone: nobody can tell any more whose values their profiles have.
    """
    if not has_profiles(session, dataset):
        return
    current = ledger.read_current(session, dataset)
    standing = {(e.batch_id, e.generation) for e in current if e.state == "committed" and e.batch_id not in lost}
    kept = session.rows(f"SELECT DISTINCT batch_id, generation FROM {profile_table(dataset)}")
    for batch_id, generation in sorted({(str(batch), int(number)) for batch, number in kept} - standing):
        session.run(
            f"DELETE FROM {profile_table(dataset)} WHERE batch_id = %s AND generation = %s", (batch_id, generation)
        )


def _datasets(session: Session) -> list[str]:
    found = session.rows(
        "SELECT table_name FROM svv_tables WHERE table_schema = %s ORDER BY table_name", (PROFILE_SCHEMA,)
    )
    return [str(name) for (name,) in found]


def _values(batch_id: str, generation: int, profile: ColumnProfile) -> tuple[Any, ...]:
    facts = profile.column, profile.rows - profile.nulls, profile.nulls, profile.distinct
    extremes = profile.minimum, profile.maximum, profile.mean
    return batch_id, generation, *facts, *extremes, _json(profile.quantiles), _json(profile.top_values)


def _profile(_batch: str, _generation: int, column: str, values: int, nulls: int, *rest: Any) -> ColumnProfile:
    distinct, minimum, maximum, mean, quantiles, top = rest
    numbers = msgspec.json.decode(quantiles or "[]", type=tuple[float, ...])
    frequent = msgspec.json.decode(top or "[]", type=tuple[tuple[str, int], ...])
    return ColumnProfile(column, values + nulls, nulls, distinct, minimum, maximum, mean, numbers, frequent)


def _json(values: Sequence[Any]) -> str | None:
    return msgspec.json.encode(values).decode() if values else None
