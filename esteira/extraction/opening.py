"""What the first batch of an empty warehouse would ask for: for whoever looks at a source without its ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from esteira.batch import Batch, Known, plan, plan_range
from esteira.contract import Dataset
from esteira.contract.incremental import Value
from esteira.errors import ConfigError
from esteira.portal import Window
from esteira.portal.question import Question


@dataclass(frozen=True, slots=True)
class Opening:
    """The beginning of a dataset.

    Attributes:
        dataset: The contract.
        batch: Its first batch, or the first of a range that was asked for.
        row: A row of its parent, or None.
    """

    dataset: Dataset
    batch: Batch
    row: Mapping[str, Any] | None = None

    @property
    def window(self) -> Window | None:
        """What the portal is asked for; None for a snapshot."""
        return None if self.batch.is_snapshot else self.batch.window

    @property
    def value(self) -> Value | None:
        """Where a cursor that is no time begins."""
        incremental = self.dataset.source.incremental
        if incremental is None or incremental.is_time:
            return None
        assert incremental.initial is None or isinstance(incremental.initial, int | str)  # noqa: S101 - no time, so a number or a text
        return incremental.initial

    @property
    def question(self) -> Question:
        """What the first walk asks for.

        Raises:
            ConfigError: A template asks for what there is not.
        """
        return Question(self.dataset.api, self.window, self.row, self.value)


def opening(
    dataset: Dataset,
    as_of: datetime,
    span: tuple[datetime, datetime] | None = None,
    row: Mapping[str, Any] | None = None,
) -> Opening:
    """The opening of a dataset.

    Args:
        dataset: The contract.
        as_of: Now.
        span: Begin and end of the range to look at, instead of the first window.
        row: A row of its parent.

    Raises:
        ConfigError: There is nothing to ask for yet, the range does not fit the source, or a row of the parent is needed.
    """
    needed = dataset.source.parent_columns
    lacking = [name for name in needed if name not in (row or {})]
    if lacking:
        raise ConfigError(
            f"Each row of {dataset.source.parent.dataset if dataset.source.parent else 'a parent'} is asked for by itself; "
            f"{', '.join(lacking)} of one is needed.",
            dataset=dataset.name,
            hint=f"Name a row: {' '.join(f'--parent {name}=…' for name in lacking)}.",
        )
    batches: Sequence[Batch] = plan_range(dataset, *span, ()) if span else plan(dataset, as_of, Known())
    if not batches:
        raise ConfigError(
            "No window of this source has ended yet, so there is nothing to ask for.",
            dataset=dataset.name,
            hint="Correct initial= of the contract.",
        )
    return Opening(dataset, batches[0], row)
