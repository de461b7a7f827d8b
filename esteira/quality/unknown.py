"""A rule that can say neither yes nor no of a row, as where it compares with a value that is missing.

pandera takes such an answer for a crash, and only where another row of the frame breaks the rule; so what became of a batch would depend on its
other rows. Here it follows the rule's own `ignore_na`, as in SQL's CHECK: an unknown answer breaks nothing, unless the rule says that it does.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from pandera.api.pandas.container import DataFrameSchema


def answering(schema: DataFrameSchema) -> DataFrameSchema:
    """The same schema, whose rules across columns, and those that ask to see nulls, answer yes or no of each row.

    pandera's own checks of one column never see a null, and stay as they are.
    """
    made = copy.deepcopy(schema)
    made.checks = [_answering(each) for each in made.checks]
    for column in made.columns.values():
        column.checks = [each if each.ignore_na else _answering(each) for each in column.checks]
    return made


def _answering(check: Any) -> Any:
    made, is_good = copy.copy(check), bool(check.ignore_na)
    ask = check._check_fn  # noqa: SLF001 - pandera hands out a rule's function in no other way

    def answer(*given: Any, **facts: Any) -> Any:
        return _known(ask(*given, **facts), is_good=is_good)

    made._check_fn = answer  # noqa: SLF001 - and takes no other one for the same rule
    return made


def _known(answer: Any, *, is_good: bool) -> Any:
    """Truth values for truth values and unknowns; anything else is pandera's to refuse."""
    if isinstance(answer, pd.Series):
        is_unknown = answer.isna()
        return answer.mask(is_unknown, is_good).astype(bool) if is_unknown.any() else answer
    return is_good if answer is None or answer is pd.NA else answer
