"""Whether recorded rows fit their contract: the questions that pages and files have in common."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from esteira.contract import Dataset
from esteira.errors import ContractError, DataQualityError
from esteira.quality import Curated


@dataclass(frozen=True, slots=True)
class Fit:
    """A contract that fits its fixture; `pages` counts the recorded pages, or files."""

    dataset: str
    pages: int
    records: int
    curated: int
    quarantined: int
    reasons: dict[str, int]
    new_columns: tuple[str, ...]


def check_fit(made: Curated, dataset: Dataset, count: int) -> None:
    """Whether recorded rows are such that a run would take them.

    Raises:
        ContractError: A column is in none of them.
        DataQualityError: More rows than allowed break their rules, or a key is not unique.
    """
    optional = {column.name for column in dataset.columns if column.is_optional}
    if absent := [name for name in made.absent if name not in optional]:
        raise ContractError(f"Column {', '.join(absent)} is in none of the {count} recorded records.")
    limit = dataset.quality.max_quarantine_ratio
    if made.bad_rows > math.ceil(limit * count):  # of a small sample one row is already a large share
        reasons = ", ".join(f"{reason} ({number})" for reason, number in made.reasons.items())
        raise DataQualityError(
            f"{made.bad_rows} of {count} recorded rows break their rules; the limit is {limit:.2%}: {reasons}.",
            hint="Correct the contract, or record the page again if the portal has changed.",
        )
    unique = dataset.quality.unique or (() if getattr(dataset.write, "newest_by", None) else dataset.key)
    if unique and _distinct(made.good, unique) < made.good.num_rows:
        raise DataQualityError(
            f"{', '.join(unique)} is not unique among the recorded rows.", hint="Choose another key."
        )


def _distinct(rows: pa.Table, columns: Sequence[str]) -> int:
    return int(rows.select(columns).group_by(list(columns)).aggregate([]).num_rows)
