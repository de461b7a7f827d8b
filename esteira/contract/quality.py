"""How good a batch must be: thresholds and whole-batch rules. Row rules stand in the pandera schema."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, get_args

from esteira.contract.choices import require_choice
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
        require_choice(f"Reference({self.column!r}, otherwise)", self.otherwise, get_args(Otherwise))

    @property
    def target(self) -> tuple[str, str]:
        """The dataset and the column referred to."""
        dataset, column = self.to.split(".")
        return dataset, column


@dataclass(frozen=True, slots=True)
class Quality:
    """What a batch must satisfy before it is loaded.

    Args:
        max_quarantine_ratio: Quarantined rows over extracted rows, 0 to 1; above it nothing is loaded.
        min_rows: Fewer extracted rows than this stop the batch: the floor against a portal that answers nothing.
        freshness: The greatest age of the newest batch before the dataset counts as stale.
        unique: Columns whose combination may stand once in a batch; checked in SQL on the staging table.
        references: Whole-batch rules against other datasets' tables.
    """

    max_quarantine_ratio: float = 0.0
    min_rows: int = 0
    freshness: timedelta | None = None
    unique: tuple[str, ...] = ()
    references: tuple[Reference, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "references", tuple(self.references))
        if not 0 <= self.max_quarantine_ratio <= 1:
            raise ConfigError(f"max_quarantine_ratio={self.max_quarantine_ratio} is not between 0 and 1.")
        if self.min_rows < 0:
            raise ConfigError(f"min_rows={self.min_rows} is negative.")
