"""What a write mode asks of the rest of the contract; refused when the contract is constructed, not in the night of a load."""

from __future__ import annotations

from typing import Protocol, TypeAlias

import pyarrow as pa

from esteira.contract.columns import Column
from esteira.contract.source import ApiSource
from esteira.contract.spreadsheet import SpreadsheetSource
from esteira.contract.write import VALIDITY, Append, DeleteInsert, Replace, Scd2, Upsert, WriteMode
from esteira.errors import ConfigError

_Keyed: TypeAlias = Upsert | DeleteInsert | Scd2


class Written(Protocol):
    """What is looked at of a contract."""

    @property
    def name(self) -> str:
        """The dataset's name."""

    @property
    def source(self) -> ApiSource | SpreadsheetSource:
        """Where its rows come from."""

    @property
    def write(self) -> WriteMode:
        """Its write mode."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """Its curated columns."""


def check_write(dataset: Written) -> None:
    """Refuse a write mode that this contract cannot hold.

    Raises:
        ConfigError: A column is missing, nullable, of the wrong type or name, or the mode would insert rows twice.
    """
    if isinstance(dataset.write, Append):
        _refuse_lag(dataset)
    if isinstance(dataset.write, Replace):
        _refuse_cursor(dataset)
    if isinstance(dataset.write, Upsert | DeleteInsert | Scd2):
        _check_keyed(dataset, dataset.write)
    if isinstance(dataset.write, Scd2):
        _check_scd2(dataset, dataset.write)


def named_columns(mode: _Keyed) -> dict[str, tuple[str, ...]]:
    """The columns that a mode names, by the argument that names them."""
    key = {"by": mode.by} if isinstance(mode, DeleteInsert) else {"key": mode.key}
    newest_by = None if isinstance(mode, DeleteInsert) else mode.newest_by
    deleted_when = mode.deleted_when[0] if mode.deleted_when else None
    return {
        **key,
        "newest_by": (newest_by,) if newest_by else (),
        "deleted_when": (deleted_when,) if deleted_when else (),
    }


def _refuse_lag(dataset: Written) -> None:
    incremental = dataset.source.incremental
    if incremental is not None and incremental.lag:
        raise ConfigError(
            f"lag={incremental.lag} reads rows again and Append() would insert them again.",
            dataset=dataset.name,
            hint="Use Upsert(key=...), or set lag to zero.",
        )
    if incremental is not None and not incremental.is_time and incremental.reads_start_again:
        raise ConfigError(
            f"bounds={incremental.bounds!r} asks for the rows on the last value again, and Append() would insert them again.",
            dataset=dataset.name,
            hint='Use Upsert(key=...); or bounds="(]", where the portal leaves the value itself out and no two rows ever share one.',
        )


def _refuse_cursor(dataset: Written) -> None:
    if dataset.source.incremental is not None:
        raise ConfigError(
            "Replace() makes the newest batch the whole table, and a batch of a source with a cursor is one window of it: "
            "the rows of every earlier window would go.",
            dataset=dataset.name,
            hint="Write Upsert(key=...), or Append() where rows never change; or leave incremental out, so that each batch is everything.",
        )


def _check_keyed(dataset: Written, mode: _Keyed) -> None:
    columns = {column.name: column for column in dataset.columns}
    for argument, names in named_columns(mode).items():
        missing = sorted(set(names) - set(columns))
        if missing:
            raise ConfigError(
                f"write.{argument} names {', '.join(missing)}, which the schema does not have.", dataset=dataset.name
            )
    key = mode.by if isinstance(mode, DeleteInsert) else mode.key
    _check_key(dataset, [columns[name] for name in key])
    if mode.deleted_when:
        _check_deleted_when(dataset, columns[mode.deleted_when[0]], mode.deleted_when[1], key)


def _check_key(dataset: Written, key: list[Column]) -> None:
    nullable = sorted(column.name for column in key if column.is_nullable)
    if nullable:
        raise ConfigError(
            f"Key column {', '.join(nullable)} is nullable; a null key matches nothing.",
            dataset=dataset.name,
            hint="Declare it without nullable=True, so that rows without it go to quarantine.",
        )
    nested = sorted(column.name for column in key if column.is_super)
    if nested:
        raise ConfigError(
            f"Key column {', '.join(nested)} is nested and cannot be compared.",
            dataset=dataset.name,
            hint="Lift the value that you mean into a column of its own in the transform.",
        )


def _check_deleted_when(dataset: Written, column: Column, value: str | int | bool, key: tuple[str, ...]) -> None:  # noqa: FBT001 - a value of the portal's
    if column.name in key:
        raise ConfigError(
            f"deleted_when names {column.name}, which is part of the key: a deleted row would match no other.",
            dataset=dataset.name,
            hint="Take it out of the key.",
        )
    wanted = "BOOLEAN" if isinstance(value, bool) else "VARCHAR" if isinstance(value, str) else "an integer"
    fits = pa.types.is_integer(column.arrow) if wanted == "an integer" else column.redshift == wanted
    if not fits:
        raise ConfigError(
            f"deleted_when compares {column.name} with {value!r}, and the column is {column.redshift}, not {wanted}.",
            dataset=dataset.name,
            hint='Name a boolean column, or write the value as well: deleted_when=("status", "D").',
        )


def _check_scd2(dataset: Written, mode: Scd2) -> None:
    clash = sorted(set(VALIDITY) & {column.name for column in dataset.columns})
    if clash:
        raise ConfigError(
            f"Scd2 adds the columns {', '.join(VALIDITY)}, and the schema has {', '.join(clash)} itself.",
            dataset=dataset.name,
            hint="Rename the portal's columns with ApiSource(rename=...).",
        )
    for moment in dataset.columns:
        if moment.name == mode.newest_by:
            _check_moment(dataset, mode, moment)


def _check_moment(dataset: Written, mode: Scd2, moment: Column) -> None:
    is_moment = pa.types.is_timestamp(moment.arrow) or pa.types.is_date(moment.arrow)
    if not is_moment or moment.is_nullable or moment.name in mode.key:
        raise ConfigError(
            f"Scd2(newest_by={moment.name!r}) needs a timestamp or date without nulls outside the key; it becomes valid_from.",
            dataset=dataset.name,
            hint="Name such a column, or leave newest_by out: a version is then valid since the start of its batch's window.",
        )
