"""How good a batch must be: thresholds and whole-batch rules. Row rules stand in the pandera schema."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import get_args

from esteira.contract.batch_rules import BatchRule, Reference
from esteira.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Quality:
    """What a batch must satisfy before it is loaded.

    Args:
        max_quarantine_ratio: Quarantined rows over extracted rows, 0 to 1; above it nothing is loaded.
        min_rows: Fewer extracted rows than this stop the batch: the floor against a portal that answers nothing.
        freshness: The greatest age of the newest batch before the dataset counts as stale.
        unique: Columns whose combination may stand once in a batch; the same as a `Unique` among the rules that fails.
        references: Whole-batch rules against other datasets' tables.
        rules: Other whole-batch rules: `Volume`, `NullRate`, `Distribution`, `Freshness`, `Unique`.
    """

    max_quarantine_ratio: float = 0.0
    min_rows: int = 0
    freshness: timedelta | None = None
    unique: tuple[str, ...] = ()
    references: tuple[Reference, ...] = ()
    rules: tuple[BatchRule, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "references", tuple(self.references))
        object.__setattr__(self, "rules", tuple(self.rules))
        if not 0 <= self.max_quarantine_ratio <= 1:
            raise ConfigError(f"max_quarantine_ratio={self.max_quarantine_ratio} is not between 0 and 1.")
        if self.min_rows < 0:
            raise ConfigError(f"min_rows={self.min_rows} is negative.")
        for rule in self.rules:
            if not isinstance(rule, get_args(BatchRule)):
                raise ConfigError(
                    f"rules holds {rule!r}, which is no rule of a batch.", hint="References stand in `references`."
                )
