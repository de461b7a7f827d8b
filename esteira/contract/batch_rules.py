"""Rules about a batch as a whole. Each passes, warns or fails; what they compare a batch with is its trailing batches."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, TypeAlias, get_args

import pyarrow as pa

from esteira.contract.choices import require_choice
from esteira.contract.columns import Column
from esteira.errors import ConfigError

Otherwise = Literal["warn", "fail"]
_TARGET = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")
"""Both halves become SQL identifiers."""


@dataclass(frozen=True, slots=True)
class Reference:
    """Each non-null value of `column` must stand in another dataset's column.

    Args:
        column: A column of this dataset.
        to: `dataset.column` that it refers to. That dataset runs first.
        otherwise: What an orphan does: `warn` records the count, `fail` stops the load.
    """

    column: str
    to: str
    otherwise: Otherwise = "fail"

    def __post_init__(self) -> None:
        if not _TARGET.fullmatch(self.to):
            raise ConfigError(f"Reference({self.column!r}, to={self.to!r}) is not of the form dataset.column.")
        _check_otherwise(f"Reference({self.column!r}, otherwise)", self.otherwise)

    @property
    def target(self) -> tuple[str, str]:
        """The dataset and the column referred to."""
        dataset, column = self.to.split(".")
        return dataset, column


@dataclass(frozen=True, slots=True)
class Unique:
    """No two rows of a batch may have the same values in all of `columns`.

    Args:
        columns: Columns of this dataset. A null equals a null.
        otherwise: What a repetition does.
    """

    columns: tuple[str, ...]
    otherwise: Otherwise = "fail"

    def __post_init__(self) -> None:
        given: Any = self.columns  # a text would pass as a tuple of letters
        if not isinstance(given, tuple) or not given:
            raise ConfigError(
                f"Unique({self.columns!r}) names no columns.", hint="Write a tuple, such as Unique(('id',))."
            )
        _check_otherwise(f"Unique({self.columns!r}, otherwise)", self.otherwise)


@dataclass(frozen=True, slots=True)
class Volume:
    """A batch has about as many rows as the trailing batches.

    Args:
        change: Relative change that is always usual: 0.3 is from 1/1.3 to 1.3 times as many. More is usual where the trailing batches vary more.
        otherwise: What an unusual number of rows does.
    """

    change: float = 0.3
    otherwise: Otherwise = "warn"

    def __post_init__(self) -> None:
        _check_positive(f"Volume(change={self.change!r})", self.change)
        _check_otherwise("Volume(otherwise)", self.otherwise)


@dataclass(frozen=True, slots=True)
class NullRate:
    """A nullable column is empty about as often as in the trailing batches, and no more often than is said.

    Args:
        column: A nullable column of this dataset.
        change: Change of the share that is always usual: 0.01 is one row of a hundred more or less.
        at_most: The largest share that is ever good, 0 to 1; None where only the trailing batches tell.
        otherwise: What an unusual share does.
    """

    column: str
    change: float = 0.01
    at_most: float | None = None
    otherwise: Otherwise = "warn"

    def __post_init__(self) -> None:
        if self.at_most is not None and not 0 <= self.at_most <= 1:
            raise ConfigError(f"NullRate({self.column!r}, at_most={self.at_most!r}) is not between 0 and 1.")
        _check_positive(f"NullRate({self.column!r}, change={self.change!r})", self.change)
        _check_otherwise(f"NullRate({self.column!r}, otherwise)", self.otherwise)


@dataclass(frozen=True, slots=True)
class Distribution:
    """A column's values are spread about as in the trailing batches, by the population stability index.

    Numbers, moments and days fall into ten groups, cut at the trailing batches' deciles; texts and truth values into one for each frequent value and one
    for the rest. Moments and days are measured from the window's start.

    Args:
        column: A column of this dataset, neither personal nor nested.
        index: An index up to this one is always usual. By custom, below 0.1 nothing has changed and above 0.25 something has.
        otherwise: What an unusual index does.
    """

    column: str
    index: float = 0.2
    otherwise: Otherwise = "warn"

    def __post_init__(self) -> None:
        _check_positive(f"Distribution({self.column!r}, index={self.index!r})", self.index)
        _check_otherwise(f"Distribution({self.column!r}, otherwise)", self.otherwise)


@dataclass(frozen=True, slots=True)
class Freshness:
    """The newest value of a column reaches up to the window's end.

    Args:
        column: A column of moments or days; a day counts until it is over.
        within: How far before the window's end the newest value may lie.
        otherwise: What an older one does.
    """

    column: str
    within: timedelta
    otherwise: Otherwise = "warn"

    def __post_init__(self) -> None:
        _check_positive(f"Freshness({self.column!r}, within={self.within!r})", self.within.total_seconds())
        _check_otherwise(f"Freshness({self.column!r}, otherwise)", self.otherwise)


BatchRule: TypeAlias = Unique | Volume | NullRate | Distribution | Freshness


def columns_of_rule(rule: BatchRule) -> tuple[str, ...]:
    """The columns that a rule looks at."""
    return () if isinstance(rule, Volume) else rule.columns if isinstance(rule, Unique) else (rule.column,)


def check_rule(rule: BatchRule, columns: Mapping[str, Column]) -> None:
    """Refuse a rule that cannot find anything.

    Args:
        rule: Whose columns the dataset has.
        columns: The dataset's, by name.

    Raises:
        ConfigError: The column is of the wrong kind.
    """
    for column in (columns[name] for name in columns_of_rule(rule)):
        if isinstance(rule, NullRate) and not column.is_nullable:
            raise ConfigError(f"NullRate({column.name!r}): the column takes no nulls.", hint="Leave the rule out.")
        if isinstance(rule, Distribution) and column.is_pii:
            raise ConfigError(
                f"Distribution({column.name!r}): the column is personal, so no profile holds its values.",
                hint="NullRate and Unique do without values.",
            )
        if isinstance(rule, Freshness) and not pa.types.is_temporal(column.arrow):
            raise ConfigError(
                f"Freshness({column.name!r}): the column is neither a moment nor a day.", hint="Name one that is."
            )


def _check_otherwise(argument: str, otherwise: str) -> None:
    require_choice(argument, otherwise, get_args(Otherwise))


def _check_positive(said: str, number: float) -> None:
    if not number > 0:
        raise ConfigError(f"{said} must be above 0.")
