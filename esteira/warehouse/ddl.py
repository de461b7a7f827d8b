"""Tables from contracts: create, add columns, widen text. Idempotent, outside the load's transaction, in autocommit.

Redshift refuses ALTER COLUMN TYPE inside a transaction, so all of this comes before BEGIN:
https://docs.aws.amazon.com/redshift/latest/dg/r_ALTER_TABLE.html
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from esteira.contract import Column, Dataset, Upsert
from esteira.errors import LoadError
from esteira.warehouse.connection import Session

LOCK_SCHEMA = "esteira_lock"
MAX_VARCHAR_BYTES = 65_535
"""https://docs.aws.amazon.com/redshift/latest/dg/r_Character_types.html"""
MIN_VARCHAR_BYTES = 16
BATCH_COLUMN, LOADED_COLUMN, POSITION_COLUMN = "_esteira_batch", "_esteira_loaded_at", "_esteira_position"
_LOAD_COLUMNS = {BATCH_COLUMN: "VARCHAR(128)", LOADED_COLUMN: "TIMESTAMPTZ", POSITION_COLUMN: "BIGINT"}
_FIXED_TYPES = {
    pa.int16(): "SMALLINT", pa.int32(): "INTEGER", pa.int64(): "BIGINT", pa.float32(): "REAL", pa.float64(): "DOUBLE PRECISION",
    pa.bool_(): "BOOLEAN", pa.date32(): "DATE", pa.timestamp("us", "UTC"): "TIMESTAMPTZ", pa.timestamp("us"): "TIMESTAMP",
}  # fmt: skip


def table_name(schema: str, dataset: str) -> str:
    """Quoted, qualified table name; both parts are identifiers by contract."""
    return f'"{schema}"."{dataset}"'


def column_type(column: Column, text_bytes: int = 0) -> str:
    """Redshift's type of a column.

    Args:
        column: Contract column.
        text_bytes: Longest value seen, in UTF-8 bytes.

    Raises:
        LoadError: A text is longer than VARCHAR can hold.
    """
    if pa.types.is_string(column.arrow):
        return f"VARCHAR({varchar_bytes(column, text_bytes)})"
    if pa.types.is_decimal(column.arrow):
        return f"DECIMAL({column.arrow.precision},{column.arrow.scale})"
    return _FIXED_TYPES[column.arrow]


def varchar_bytes(column: Column, text_bytes: int) -> int:
    """Length of a VARCHAR: what the contract says, else the data's longest with headroom to the next power of two."""
    if text_bytes > MAX_VARCHAR_BYTES or (column.max_bytes and text_bytes > column.max_bytes):
        raise LoadError(
            f"Column {column.name!r} holds a text of {text_bytes} bytes; its limit is {column.max_bytes or MAX_VARCHAR_BYTES}.",
            hint="Shorten it in the transform, or raise max_bytes in the contract.",
        )
    headroom = 1 << max(text_bytes * 2 - 1, MIN_VARCHAR_BYTES - 1).bit_length()
    return column.max_bytes or min(headroom, MAX_VARCHAR_BYTES)


def ensure_table(session: Session, dataset: Dataset, schema: str, text_bytes: Mapping[str, int]) -> None:
    """Make the dataset's table, its lock table, and every column as wide as this batch needs.

    Raises:
        LoadError: The live table differs in a way that a person must decide.
    """
    for name in (schema, LOCK_SCHEMA):
        session.run(f'CREATE SCHEMA IF NOT EXISTS "{name}"')
    session.run(f"CREATE TABLE IF NOT EXISTS {table_name(LOCK_SCHEMA, dataset.name)} (held BOOLEAN)")
    live = live_columns(session, schema, dataset.name)
    if not live:
        session.run(create_statement(dataset, schema, text_bytes))
        comment(session, dataset, schema)
        return
    _refuse_retyped(dataset, live, schema)
    for statement in alter_statements(dataset, schema, live, text_bytes):
        session.run(statement)


def create_statement(dataset: Dataset, schema: str, text_bytes: Mapping[str, int]) -> str:
    """CREATE TABLE of a contract: types, NOT NULL, informational key, distribution and sort order."""
    lines = [_definition(column, text_bytes.get(column.name, 0)) for column in dataset.columns]
    lines += [f'"{name}" {kind} NOT NULL' for name, kind in _LOAD_COLUMNS.items()]
    if isinstance(dataset.write, Upsert):
        lines.append(f"PRIMARY KEY ({_names(dataset.write.key)})")
    distribution = f'DISTSTYLE KEY DISTKEY ("{dataset.distkey}")' if dataset.distkey else "DISTSTYLE AUTO"
    order = f"SORTKEY ({_names(dataset.sortkey)})" if dataset.sortkey else "SORTKEY AUTO"
    return (
        f"CREATE TABLE IF NOT EXISTS {table_name(schema, dataset.name)} (\n  "
        + ",\n  ".join(lines)
        + f"\n) {distribution} {order}"
    )


def comment(session: Session, dataset: Dataset, schema: str) -> None:
    """Table and column comments, units included."""
    table = table_name(schema, dataset.name)
    session.run(f"COMMENT ON TABLE {table} IS {_literal(dataset.description)}")
    for column in dataset.columns:
        text = f"{column.description} [{column.unit}]" if column.unit else column.description
        session.run(f'COMMENT ON COLUMN {table}."{column.name}" IS {_literal(text)}')


def live_columns(session: Session, schema: str, table: str) -> dict[str, tuple[str, int | None]]:
    """Column name to (type name, length in bytes for text) of the live table; empty when there is none."""
    found = session.rows(
        "SELECT column_name, data_type, character_maximum_length FROM svv_columns WHERE table_schema = %s AND table_name = %s",
        (schema, table),
    )
    return {str(name): (str(kind), None if length is None else int(length)) for name, kind, length in found}


def alter_statements(
    dataset: Dataset, schema: str, live: Mapping[str, tuple[str, int | None]], text_bytes: Mapping[str, int]
) -> list[str]:
    """What brings the live table up to the contract and this batch's texts."""
    table = table_name(schema, dataset.name)
    statements = []
    for column in dataset.columns:
        if column.name not in live:
            statements.append(
                f'ALTER TABLE {table} ADD COLUMN "{column.name}" {column_type(column, text_bytes.get(column.name, 0))}'
            )
        elif pa.types.is_string(column.arrow) and (live[column.name][1] or 0) < _needed(column, text_bytes):
            statements.append(
                f'ALTER TABLE {table} ALTER COLUMN "{column.name}" TYPE {column_type(column, text_bytes.get(column.name, 0))}'
            )
    return statements


def _needed(column: Column, text_bytes: Mapping[str, int]) -> int:
    return column.max_bytes or text_bytes.get(column.name, 0)


_LIVE_TYPES = {
    "SMALLINT": "smallint", "INTEGER": "integer", "BIGINT": "bigint", "REAL": "real", "DOUBLE PRECISION": "double precision",
    "BOOLEAN": "boolean", "DATE": "date", "TIMESTAMPTZ": "timestamp with time zone", "TIMESTAMP": "timestamp without time zone",
    "VARCHAR": "character varying", "DECIMAL": "numeric",
}  # fmt: skip


def _refuse_retyped(dataset: Dataset, live: Mapping[str, tuple[str, int | None]], schema: str) -> None:
    for column in dataset.columns:
        wanted = _LIVE_TYPES[column_type(column).split("(")[0]]
        if column.name in live and live[column.name][0] != wanted:
            raise LoadError(
                f"Column {column.name!r} of {schema}.{dataset.name} is {live[column.name][0]} and the contract says {wanted}.",
                dataset=dataset.name,
                hint="Esteira does not change a column's type: rename the column in the contract, or rebuild the table.",
            )


def _definition(column: Column, text_bytes: int) -> str:
    null = "" if column.is_nullable else " NOT NULL"
    return f'"{column.name}" {column_type(column, text_bytes)}{null}'


def _names(columns: tuple[str, ...]) -> str:
    return ", ".join(f'"{name}"' for name in columns)


def _literal(text: str) -> str:
    """A SQL literal; COMMENT takes no parameters. Contracts' texts only, never portal data."""
    return "'" + text.replace("'", "''").replace("\\", "\\\\") + "'"
