"""Bad values that become null under `bad_values="null"`, so that their rows stay good: which columns that is allowed for, and how it is done."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from esteira.contract import Append, Dataset, Replace
from esteira.contract.combination import named_columns
from esteira.quality.rejection import Rejection

_NEVER = frozenset({"duplicate key"})
"""A column that a record names twice has two values, and nobody knows which of them is bad."""


def forgivable_columns(dataset: Dataset) -> frozenset[str]:
    """The columns whose bad values become null: nullable ones that do not say which row it is, whether it is newer, or gone.

    Args:
        dataset: The contract.
    """
    if dataset.bad_values != "null":
        return frozenset()
    mode = dataset.write
    named = {} if isinstance(mode, Append | Replace) else named_columns(mode)
    telling = {*dataset.quality.unique, *(name for names in named.values() for name in names)}
    return frozenset(column.name for column in dataset.columns if column.is_nullable and column.name not in telling)


def split(
    rejections: Iterable[Rejection], forgivable: frozenset[str]
) -> tuple[tuple[Rejection, ...], tuple[Rejection, ...]]:
    """Rejections that stay, and those that are forgiven."""
    stay, forgiven = list[Rejection](), list[Rejection]()
    for rejection in rejections:
        is_forgiven = rejection.column in forgivable and rejection.rule not in _NEVER
        (forgiven if is_forgiven else stay).append(rejection)
    return tuple(stay), tuple(forgiven)


def without_bad_values(frame: pd.DataFrame, bad: Sequence[Rejection]) -> pd.DataFrame:
    """The frame with null in the place of these values; rows and dtypes stay."""
    rows: dict[str, set[int]] = {}
    for rejection in bad:
        rows.setdefault(rejection.column, set()).add(rejection.row)
    nulled = {name: frame[name].mask(frame.index.isin(sorted(where))) for name, where in rows.items()}
    return frame.assign(**nulled)
