"""How a live table differs from its contract: what Esteira changes by itself, and what a person must decide.

Esteira adds columns, widens texts and keeps comments current: each is one statement that loses nothing. Whatever rewrites rows, drops
something or moves data between nodes is printed as the statements to run, and stops the load where loading on would be wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from esteira.contract import Column, Dataset
from esteira.contract.encodings import FIXED_LENGTH
from esteira.warehouse import statements as sql
from esteira.warehouse.live import Design, LiveColumn, LiveTable
from esteira.warehouse.statements import LOAD_COLUMNS, table_name

_SUFFIX = "__rebuild"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between contract and table.

    Attributes:
        what: The difference in one sentence.
        statements: What removes it, in order.
        column: The column concerned, or None for the table.
        is_ours: Esteira runs the statements at the next load; otherwise a person does.
        is_blocking: Nothing is loaded until it is removed.
    """

    what: str
    statements: tuple[str, ...]
    column: str | None = None
    is_ours: bool = False
    is_blocking: bool = False


def differences(dataset: Dataset, schema: str, live: LiveTable, text_bytes: Mapping[str, int]) -> list[Change]:
    """Everything in which the live table differs from the contract and this batch's texts.

    Args:
        dataset: The contract.
        schema: Schema of the table.
        live: The table as it stands.
        text_bytes: Longest text of each column in the batch; empty when no batch is at hand.

    Raises:
        LoadError: A text is longer than the contract or VARCHAR allows.
    """
    return [
        *_column_changes(dataset, schema, live, text_bytes),
        *_surplus_changes(dataset, schema, live),
        *_key_changes(dataset, schema, live),
        *(_design_changes(dataset, schema, live.design) if live.design else ()),
        *_comment_changes(dataset, schema, live),
    ]


def rebuild_statements(dataset: Dataset, schema: str, live: LiveTable) -> tuple[str, ...]:
    """The table made anew beside the old one, filled and renamed, in one transaction that keeps loads out.

    Readers that run meanwhile fail once, and views bound to the table go on reading the old one: that is why a person decides.
    """
    name, both = dataset.name, [column for column in sql.table_columns(dataset) if column.name in live.columns]
    stored = sql.names([*(column.name for column in both), *LOAD_COLUMNS])
    values = ", ".join([*(_converted(column, live.columns[column.name]) for column in both), sql.names(LOAD_COLUMNS)])
    free = [
        each.name
        for each in sql.table_columns(dataset)
        if each.name not in live.columns or live.columns[each.name].is_nullable
    ]
    create = sql.create_statement(dataset, schema, _lengths(dataset, live), name=name + _SUFFIX, nullable=free)
    return (
        "BEGIN",
        f"LOCK {table_name(sql.LOCK_SCHEMA, name)}",
        create,
        f"INSERT INTO {table_name(schema, name + _SUFFIX)} ({stored}) SELECT {values} FROM {table_name(schema, name)}",
        f'ALTER TABLE {table_name(schema, name)} RENAME TO "{name}__before"',
        f'ALTER TABLE {table_name(schema, name + _SUFFIX)} RENAME TO "{name}"',
        "COMMIT",
    )


def _column_changes(dataset: Dataset, schema: str, live: LiveTable, text_bytes: Mapping[str, int]) -> Iterator[Change]:
    for column in sql.table_columns(dataset):
        found = live.columns.get(column.name)
        if found is None:
            statement = sql.add_statement(dataset, column, schema, text_bytes)
            yield Change(f"Column {column.name!r} is new.", (statement,), column.name, is_ours=True)
        elif (reason := _retyped(dataset, schema, column, found)) is not None:
            yield Change(reason, rebuild_statements(dataset, schema, live), column.name, is_blocking=True)
        elif column.is_text and found.size:
            yield from _widening(dataset, schema, column, live, text_bytes.get(column.name, 0))


def _retyped(dataset: Dataset, schema: str, column: Column, found: LiveColumn) -> str | None:
    """Why a column cannot take the contract's values, or None. A live column may be wider in nulls than the contract, not narrower."""
    where, wanted = f"Column {column.name!r} of {schema}.{dataset.name}", sql.column_type(column)
    if found.kind != column.redshift or (not column.is_text and found.type != wanted):
        return f"{where} is {found.type} and the contract says {column.redshift if column.is_text else wanted}."
    if column.is_nullable and not found.is_nullable:
        return f"{where} takes no nulls and the contract allows them."
    return None


def _widening(dataset: Dataset, schema: str, column: Column, live: LiveTable, longest: int) -> Iterator[Change]:
    """To the contract's length, or the batch's. Where Redshift refuses it a person does it, at the latest when a batch needs it."""
    size, needed = live.columns[column.name].size[0], column.max_bytes or longest
    if size >= max(needed, longest):
        return
    what = f"Column {column.name!r} has {size} bytes and needs {needed}"
    widen = sql.widen_statement(dataset, column, schema, {column.name: longest})
    around = _lifted(dataset, schema, column, live)
    if not around:
        yield Change(f"{what}.", (widen,), column.name, is_ours=True)
        return
    before, after, why = around
    what = f"{what}; Redshift widens none {why}."
    yield Change(what, (*before, widen, *after), column.name, is_blocking=longest > size)


def _lifted(
    dataset: Dataset, schema: str, column: Column, live: LiveTable
) -> tuple[tuple[str, ...], tuple[str, ...], str] | None:
    """What must be lifted before ALTER COLUMN TYPE and put back after it; None when nothing stands in its way.

    https://docs.aws.amazon.com/redshift/latest/dg/r_ALTER_TABLE.html
    """
    alter, key = f"ALTER TABLE {table_name(schema, dataset.name)}", sql.primary_key(dataset)
    if column.name in key:
        constraint = live.primary_key.name if live.primary_key else f"{dataset.name}_pkey"
        drop, add = f'{alter} DROP CONSTRAINT "{constraint}"', f"{alter} ADD PRIMARY KEY ({sql.names(key)})"
        return (drop,), (add,), "that is part of the primary key"
    if column.encode in FIXED_LENGTH:
        encode = f'{alter} ALTER COLUMN "{column.name}" ENCODE'
        return (f"{encode} zstd",), (f"{encode} {column.encode}",), f"that is encoded {column.encode}"
    return None


def _surplus_changes(dataset: Dataset, schema: str, live: LiveTable) -> Iterator[Change]:
    """A column that the contract dropped stays and fills with nulls; where it takes none, no row can be inserted any more."""
    for name in sorted(live.columns.keys() - {*sql.comments(dataset), *LOAD_COLUMNS}):
        yield Change(
            f"Column {name!r} is in the table and not in the contract.",
            (f'ALTER TABLE {table_name(schema, dataset.name)} DROP COLUMN "{name}"',),
            name,
            is_blocking=not live.columns[name].is_nullable,
        )


def _key_changes(dataset: Dataset, schema: str, live: LiveTable) -> Iterator[Change]:
    """A key that nothing keeps unique any more makes the planner's answers wrong, not slow: it stops the load.

    One that is missing only costs speed, and only a person knows whether the rows that are there allow it: no difference.
    """
    found, wanted = live.primary_key, frozenset(sql.primary_key(dataset))
    if found and not (wanted and wanted <= found.columns):
        columns, mode = ", ".join(sorted(found.columns)), type(dataset.write).__name__
        yield Change(
            f"The table declares {columns} as its primary key, and the contract's {mode} does not keep that unique.",
            (f'ALTER TABLE {table_name(schema, dataset.name)} DROP CONSTRAINT "{found.name}"',),
            is_blocking=True,
        )


def _design_changes(dataset: Dataset, schema: str, design: Design) -> Iterator[Change]:
    """Only what the contract declares is compared: the rest is Redshift's own to choose and to change."""
    alter = f"ALTER TABLE {table_name(schema, dataset.name)} ALTER"
    for column in dataset.columns:
        found = design.encodings.get(column.name)
        if column.encode and found and found != column.encode:
            what = f"Column {column.name!r} is encoded {found} and the contract says {column.encode}."
            yield Change(what, (f'{alter} COLUMN "{column.name}" ENCODE {column.encode}',), column.name)
    if dataset.distkey and design.distkey != dataset.distkey:
        what = f"The table is distributed by {design.distkey or 'no column'} and the contract says {dataset.distkey}."
        yield Change(what, (f'{alter} DISTSTYLE KEY DISTKEY "{dataset.distkey}"',), dataset.distkey)
    if dataset.diststyle in {"even", "all"} and (found := _distribution(design)) not in {
        None,
        dataset.diststyle.upper(),
    }:
        style = dataset.diststyle.upper()
        yield Change(
            f"The table is distributed {found} and the contract says {style}.", (f"{alter} DISTSTYLE {style}",)
        )
    if dataset.sortkey and design.sortkey != dataset.sortkey:
        what = f"The table is sorted by {', '.join(design.sortkey) or 'no column'} and the contract says {', '.join(dataset.sortkey)}."
        yield Change(what, (f"{alter} SORTKEY ({sql.names(dataset.sortkey)})",))


def _distribution(design: Design) -> str | None:
    return f"by {design.distkey}" if design.distkey else design.diststyle


def _comment_changes(dataset: Dataset, schema: str, live: LiveTable) -> Iterator[Change]:
    """A comment on a column that is still to be added is written in the same pass, after the column."""
    for column, text in sql.comments(dataset).items():
        if live.comments.get(column, "").replace("\\\\", "\\") != text:
            what = f"The comment on {column or 'the table'} is another than the contract's description."
            yield Change(what, (sql.comment_statement(dataset, schema, column, text),), column or None, is_ours=True)


def _lengths(dataset: Dataset, live: LiveTable) -> dict[str, int]:
    """Text lengths that make the new VARCHARs at least as long as the live ones."""
    texts = (column for column in dataset.columns if column.is_text and column.max_bytes is None)
    known = {column.name: live.columns[column.name] for column in texts if column.name in live.columns}
    return {
        name: (found.size[0] + 1) // 2 if found.kind == "VARCHAR" and found.size else 128
        for name, found in known.items()
    }


def _converted(column: Column, found: LiveColumn) -> str:
    """The old value as the new type; a text is never cast to a text, since a cast cuts it silently."""
    name = f'"{column.name}"'
    if found.kind == column.redshift and (column.is_text or found.type == sql.column_type(column)):
        return name
    if column.is_super:
        return f"JSON_PARSE({name})"
    return (
        f"JSON_SERIALIZE({name})"
        if found.kind == "SUPER"
        else f"CAST({name} AS {sql.column_type(column, 0 if column.max_bytes else 128)})"
    )
