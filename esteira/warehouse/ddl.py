"""Brings a table to its contract before a load: idempotent, in autocommit, outside the load's transaction.

Redshift refuses ALTER COLUMN TYPE inside a transaction, so all of this comes before BEGIN:
https://docs.aws.amazon.com/redshift/latest/dg/r_ALTER_TABLE.html
`statements` writes the SQL, `live` reads the catalogue, `shape` compares, `grants` lets readers in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from esteira.contract import Dataset
from esteira.contract.columns import BATCH_COLUMN, POSITION_COLUMN
from esteira.errors import LoadError
from esteira.warehouse.connection import Session, Warehouse
from esteira.warehouse.grants import ensure_grants, missing_grants
from esteira.warehouse.live import LiveTable, live_columns, read_live
from esteira.warehouse.shape import Change, differences
from esteira.warehouse.statements import (
    LOADED_COLUMN,
    LOCK_SCHEMA,
    column_type,
    comment_statement,
    comments,
    create_statement,
    table_name,
)

__all__ = [
    "BATCH_COLUMN", "LOADED_COLUMN", "LOCK_SCHEMA", "POSITION_COLUMN", "column_type", "compare", "contract_statements", "ensure_table",
    "live_columns", "table_name",
]  # fmt: skip


def ensure_table(
    session: Session,
    dataset: Dataset,
    schema: str,
    text_bytes: Mapping[str, int],
    reader_group: str | None = None,
) -> LiveTable:
    """Make the dataset's table, its lock table, and every column as wide as this batch needs; comments and grants as they should be.

    Returns:
        The table as it stood when it was compared.

    Raises:
        LoadError: The live table differs in a way that a person must decide.
        ConfigError: The reader group does not exist.
    """
    for statement in _first_statements(dataset, schema):
        session.run(statement)
    live = read_live(session, schema, dataset.name)
    if not live.columns:
        session.run(create_statement(dataset, schema, text_bytes))
        live = read_live(session, schema, dataset.name)
    changes = differences(dataset, schema, live, text_bytes)
    _refuse_blocked(dataset, changes)
    for change in changes:
        for statement in change.statements if change.is_ours else ():
            session.run(statement)
    if reader_group:
        ensure_grants(session, schema, dataset.name, reader_group)
    return live


def contract_statements(dataset: Dataset, schema: str, reader_group: str | None = None) -> list[str]:
    """Everything that makes the dataset's table from nothing, for a person to read or to run.

    A text without `max_bytes` stands with its shortest length; each load widens it as its data need.
    """
    table = table_name(schema, dataset.name)
    granted = [f'GRANT USAGE ON SCHEMA "{schema}"', f"GRANT SELECT ON {table}"] if reader_group else []
    return [
        *_first_statements(dataset, schema),
        create_statement(dataset, schema, {}),
        *(comment_statement(dataset, schema, column, text) for column, text in comments(dataset).items() if text),
        *(f'{statement} TO GROUP "{reader_group}"' for statement in granted),
    ]


def compare(warehouse: Warehouse, dataset: Dataset) -> list[Change]:
    """How the live table differs from the contract, physical design and grants included; changes nothing."""
    schema, group = warehouse.config.schema, warehouse.config.reader_group
    with warehouse.session(f"esteira ddl {dataset.name}") as session:
        live = read_live(session, schema, dataset.name, with_design=True)
        if not live.columns:
            made = contract_statements(dataset, schema, group)
            return [Change("There is no table yet.", tuple(made), is_ours=True)]
        grants = missing_grants(session, schema, dataset.name, group) if group else []
        return [
            *differences(dataset, schema, live, {}),
            *(Change(f"Group {group} lacks a grant.", (statement,), is_ours=True) for statement in grants),
        ]


def _first_statements(dataset: Dataset, schema: str) -> list[str]:
    lock = f"CREATE TABLE IF NOT EXISTS {table_name(LOCK_SCHEMA, dataset.name)} (held BOOLEAN)"
    return [*(f'CREATE SCHEMA IF NOT EXISTS "{name}"' for name in (schema, LOCK_SCHEMA)), lock]


def _refuse_blocked(dataset: Dataset, changes: Sequence[Change]) -> None:
    blocked = [change for change in changes if change.is_blocking]
    if blocked:
        statements = dict.fromkeys(statement for change in blocked for statement in change.statements)
        raise LoadError(
            " ".join(change.what for change in blocked),
            dataset=dataset.name,
            hint=f"Change the contract back, or run as the owner of the table: {' '.join(f'{each};' for each in statements)}"
            f" `esteira ddl {dataset.name} --diff` prints them too.",
        )
