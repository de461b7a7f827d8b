"""Statements from a contract: pure text. What Redshift calls a column's type, how it is packed, commented and widened.

PRIMARY KEY is declared only where the write mode itself leaves one row per key: Redshift enforces no key, and its planner takes a declared
one for true, so that a wrong one makes SELECT DISTINCT return duplicates. Foreign keys are never declared: a parent's rows may leave its
table after the child's were checked. https://docs.aws.amazon.com/redshift/latest/dg/t_Defining_constraints.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pyarrow as pa

from esteira.contract import Column, Dataset, Upsert
from esteira.contract.columns import BATCH_COLUMN, MAX_SUPER_BYTES, MAX_VARCHAR_BYTES, POSITION_COLUMN
from esteira.contract.encodings import default_encoding
from esteira.contract.write import IS_CURRENT, VALID_FROM, VALID_TO, VALIDITY_TITLES, Scd2
from esteira.errors import LoadError

LOCK_SCHEMA = "esteira_lock"
MIN_VARCHAR_BYTES = 16
LOADED_COLUMN = "_esteira_loaded_at"
LOAD_COLUMNS = {BATCH_COLUMN: "VARCHAR(128)", LOADED_COLUMN: "TIMESTAMPTZ", POSITION_COLUMN: "BIGINT"}
LOAD_DEFAULTS = {LOADED_COLUMN: "GETDATE()"}
"""What COPY writes where the parts hold nothing: https://docs.aws.amazon.com/redshift/latest/dg/c_loading_default_values.html"""
_LOAD_COMMENTS = {
    BATCH_COLUMN: "Batch that brought the row; esteira.batch says what became of it",
    LOADED_COLUMN: "When the row was loaded [UTC]",
    POSITION_COLUMN: "Row's position in its batch as received",
}
TABLE = ""
"""Key of the table's own comment among those of its columns."""


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
    if column.is_text:
        return f"VARCHAR({varchar_bytes(column, text_bytes)})"
    if pa.types.is_decimal(column.arrow):
        return f"DECIMAL({column.arrow.precision},{column.arrow.scale})"
    return column.redshift


def staged_type(column: Column, text_bytes: int = 0) -> str:
    """Type in the staging table: COPY of Parquet loads no SUPER, so a nested value waits there as the bytes of its JSON text.

    https://docs.aws.amazon.com/redshift/latest/dg/r_VARBYTE_type.html
    """
    return f"VARBYTE({text_bytes or MAX_SUPER_BYTES})" if column.is_super else column_type(column, text_bytes)


def stored_value(column: Column, name: str) -> str:
    """The staged value `name` as the table holds it.

    https://docs.aws.amazon.com/redshift/latest/dg/JSON_PARSE.html
    """
    return f"JSON_PARSE({name})" if column.is_super else name


def comparable(column: Column, name: str) -> str:
    """A stored value in a form that can be compared: nested values as their JSON text.

    https://docs.aws.amazon.com/redshift/latest/dg/JSON_SERIALIZE_TO_VARBYTE.html
    """
    return f"JSON_SERIALIZE_TO_VARBYTE({name})" if column.is_super else name


def varchar_bytes(column: Column, text_bytes: int) -> int:
    """Length of a VARCHAR: what the contract says, else the data's longest with headroom to the next power of two."""
    limit = column.max_bytes or MAX_VARCHAR_BYTES
    if text_bytes > limit:
        raise LoadError(
            f"Column {column.name!r} holds a text of {text_bytes} bytes; its limit is {limit}.",
            hint="Shorten it in the transform, or raise max_bytes in the contract.",
        )
    headroom = 1 << max(text_bytes * 2 - 1, MIN_VARCHAR_BYTES - 1).bit_length()
    return column.max_bytes or min(headroom, MAX_VARCHAR_BYTES)


def table_columns(dataset: Dataset) -> tuple[Column, ...]:
    """The contract's columns, and those that the write mode adds."""
    mode = dataset.write
    if not isinstance(mode, Scd2):
        return dataset.columns
    moment = next((each.arrow for each in dataset.columns if each.name == mode.newest_by), pa.timestamp("us", "UTC"))
    return (
        *dataset.columns,
        _validity(VALID_FROM, moment, "Since when this version of the row holds"),
        _validity(VALID_TO, moment, "Until when it held, exclusive; null while it does"),
        _validity(IS_CURRENT, pa.bool_(), "Whether this version holds"),
    )


def _validity(name: str, kind: pa.DataType, description: str) -> Column:
    return Column(name, kind, None, name == VALID_TO, description, title=VALIDITY_TITLES[name])


def primary_key(dataset: Dataset) -> tuple[str, ...]:
    """The columns that the write mode keeps unique in the table; empty when it does not."""
    return dataset.write.key if isinstance(dataset.write, Upsert) else ()


def encoding(dataset: Dataset, column: Column) -> str:
    """The compression encoding that the column is made with."""
    return column.encode or default_encoding(column.redshift, is_sorted=column.name in dataset.sortkey)


def create_statement(
    dataset: Dataset,
    schema: str,
    text_bytes: Mapping[str, int],
    *,
    name: str | None = None,
    nullable: Iterable[str] = (),
) -> str:
    """CREATE TABLE of a contract: types, encodings, NOT NULL, informational key, distribution and sort order.

    Args:
        dataset: The contract.
        schema: Schema of the table.
        text_bytes: Longest text of each column so far.
        name: Another name than the dataset's.
        nullable: Columns that take nulls whatever the contract says, for rows from before it said so.
    """
    free = set(nullable)
    lines = [
        _definition(dataset, column, text_bytes) + ("" if column.is_nullable or column.name in free else " NOT NULL")
        for column in table_columns(dataset)
    ]
    lines += [_load_definition(each, kind) for each, kind in LOAD_COLUMNS.items()]
    if primary_key(dataset):
        lines.append(f"PRIMARY KEY ({names(primary_key(dataset))})")
    body = ",\n  ".join(lines)
    table = table_name(schema, name or dataset.name)
    return f"CREATE TABLE IF NOT EXISTS {table} (\n  {body}\n) {_distribution(dataset)} {_order(dataset)}"


def add_statement(dataset: Dataset, column: Column, schema: str, text_bytes: Mapping[str, int]) -> str:
    """ADD COLUMN, nullable: rows that are there already have no value for it."""
    return f"ALTER TABLE {table_name(schema, dataset.name)} ADD COLUMN {_definition(dataset, column, text_bytes)}"


def widen_statement(dataset: Dataset, column: Column, schema: str, text_bytes: Mapping[str, int]) -> str:
    """ALTER COLUMN TYPE to the length that this batch needs."""
    kind = column_type(column, text_bytes.get(column.name, 0))
    return f'ALTER TABLE {table_name(schema, dataset.name)} ALTER COLUMN "{column.name}" TYPE {kind}'


def comments(dataset: Dataset) -> dict[str, str]:
    """The dictionary: comment of the table (under `TABLE`) and of each column, units included."""
    described = {
        column.name: f"{column.description} [{column.unit}]" if column.unit else column.description
        for column in table_columns(dataset)
    }
    return {TABLE: dataset.description, **described, **_LOAD_COMMENTS}


def comment_statement(dataset: Dataset, schema: str, column: str, text: str) -> str:
    """COMMENT ON the table or a column; it takes no parameters.

    https://docs.aws.amazon.com/redshift/latest/dg/r_COMMENT.html
    """
    table = table_name(schema, dataset.name)
    target = f'COLUMN {table}."{column}"' if column != TABLE else f"TABLE {table}"
    return f"COMMENT ON {target} IS {literal(text) if text else 'NULL'}"


def names(columns: Iterable[str]) -> str:
    """A quoted list."""
    return ", ".join(f'"{name}"' for name in columns)


def literal(text: str) -> str:
    """A SQL literal. Contracts' texts only, never portal data."""
    return "'" + text.replace("'", "''").replace("\\", "\\\\") + "'"


def _definition(dataset: Dataset, column: Column, text_bytes: Mapping[str, int]) -> str:
    kind = column_type(column, text_bytes.get(column.name, 0))
    return f'"{column.name}" {kind} ENCODE {encoding(dataset, column)}'


def _load_definition(name: str, kind: str) -> str:
    default = f" DEFAULT {LOAD_DEFAULTS[name]}" if name in LOAD_DEFAULTS else ""
    return (
        f'"{name}" {kind}{default} ENCODE {default_encoding(kind.split("(", maxsplit=1)[0], is_sorted=False)} NOT NULL'
    )


def _distribution(dataset: Dataset) -> str:
    if dataset.distribution == "key":
        return f'DISTSTYLE KEY DISTKEY ("{dataset.distkey}")'
    return f"DISTSTYLE {dataset.distribution.upper()}"


def _order(dataset: Dataset) -> str:
    return f"SORTKEY ({names(dataset.sortkey)})" if dataset.sortkey else "SORTKEY AUTO"
