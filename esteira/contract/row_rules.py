"""What pandera can say and a rule of a row must not: it would let a bad row into the table, or a good one out of it, without a word."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from esteira.errors import ConfigError

if TYPE_CHECKING:
    import pandera.pandas as pandera

_BY_TRANSFORM = "Change values in the contract's transform; what pandera changes is looked at and not kept."
_UNIQUE = "A row is judged by itself, so that a batch may be cut anywhere: write Quality(unique=(...)), or Unique(...) among its rules, which see the whole batch."
_LEFT_OUT = "Leave it out: each row that breaks a rule goes to quarantine, whatever breaks it beside."


def check_row_rules(schema: type[pandera.DataFrameModel]) -> None:
    """Refuse what is no rule of a row by itself.

    Raises:
        ConfigError: The schema, or a rule of it, says something that only a whole frame can obey, or that would hide bad rows.
    """
    made = schema.to_schema()
    for where, what, hint in (*_of_frame(made), *(each for name in made.columns for each in _of_column(made, name))):
        raise ConfigError(f"{where}: {what} is no rule of a row.", hint=hint)


def _of_frame(schema: Any) -> Iterator[tuple[str, str, str]]:
    where = f"Schema {schema.name}"
    if schema.drop_invalid_rows:
        yield where, "drop_invalid_rows", _LEFT_OUT
    if schema.unique:
        yield where, f"unique={schema.unique!r}", _UNIQUE
    if schema.parsers:
        yield where, "a parser", _BY_TRANSFORM
    if schema.add_missing_columns:
        yield where, "add_missing_columns", "A column that a batch may come without is declared as `... | None`."
    yield from _of_checks(where, schema.checks)


def _of_column(schema: Any, name: str) -> Iterator[tuple[str, str, str]]:
    where, column = f"Column {name!r}", schema.columns[name]
    if column.unique:
        yield where, "unique=True", _UNIQUE
    if column.parsers:
        yield where, "a parser", _BY_TRANSFORM
    if column.default is not None:
        yield where, f"default={column.default!r}", _BY_TRANSFORM
    yield from _of_checks(where, column.checks)


def _of_checks(where: str, checks: list[Any]) -> Iterator[tuple[str, str, str]]:
    for check in checks:
        if check.n_failure_cases is not None:
            yield where, f"n_failure_cases={check.n_failure_cases} of {check.name}", _LEFT_OUT
        if check.raise_warning:
            warn = "A row that breaks a rule goes to quarantine; what only warns is a rule about the batch, such as NullRate or Distribution."
            yield where, f"raise_warning of {check.name}", warn
        if check.groupby is not None:
            yield (
                where,
                f"groupby of {check.name}",
                "A row is judged by itself: what depends on other rows is a rule about the batch, in Quality.",
            )
