"""Which columns keep the rules that pandera's own checks state, shown on Arrow columns: pandera need not look at those any more.

pandera pays some 0.3 ms for each column and check of each chunk, whatever its rows. What is shown here is only that nothing breaks: a column
that may hold one bad value, or a rule that is not one of pandera's own comparisons, goes to pandera, which alone words what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
import pyarrow.compute as pc
from pandera.errors import SchemaErrors

from esteira.quality.made import frame_of
from esteira.quality.unknown import answering

if TYPE_CHECKING:
    from pandera.api.pandas.container import DataFrameSchema

Check = Callable[[pa.ChunkedArray], bool]
FEW_VALUES = 2_000
"""A pattern is tried on a column's distinct values: of this many in any case, and of more where a value comes twice on the average."""


@dataclass(frozen=True, slots=True)
class Provable:
    """A schema, and what can be shown of it without pandera.

    Attributes:
        model: Whose schema.
        schema: The whole schema.
        columns: For each column whose rules are all known here, the checks of its values.
        required: Those of them that take no nulls.
        is_whole: Whether something concerns the frame as a whole, so that pandera sees it in any case.
    """

    model: type[pandera.DataFrameModel]
    schema: DataFrameSchema
    columns: dict[str, tuple[Check, ...]]
    required: frozenset[str]
    is_whole: bool

    def left(self, table: pa.Table) -> DataFrameSchema | None:
        """The schema without the columns that are shown to be good; None when nothing is left to look at.

        Args:
            table: The columns as decoded; of the dtypes that `has_dtypes` has seen. More rows than the frame's do no harm.
        """
        good = tuple(name for name in self.columns if self._is_good(name, table.column(name)))
        if len(good) == len(self.schema.columns) and not self.is_whole:
            return None
        return _without(self.model, good)

    def _is_good(self, name: str, values: pa.ChunkedArray) -> bool:
        if name in self.required and (values.null_count or _has_nan(values)):
            return False
        return all(check(values) for check in self.columns[name])


@lru_cache(maxsize=64)
def provable(model: type[pandera.DataFrameModel]) -> Provable:
    """What can be shown of a schema."""
    schema = model.to_schema()
    is_strict = bool(
        schema.strict or schema.ordered or schema.unique or schema.index or schema.coerce or schema.parsers
        or schema.dtype or schema.unique_column_names or schema.add_missing_columns or schema.drop_invalid_rows
    )  # fmt: skip
    checks = {} if is_strict else {name: _checks(column) for name, column in schema.columns.items()}
    known = {name: found for name, found in checks.items() if found is not None}
    required = frozenset(name for name in known if not schema.columns[name].nullable)
    return Provable(model, answering(schema), known, required, is_whole=bool(schema.checks))


@lru_cache(maxsize=256)
def has_dtypes(model: type[pandera.DataFrameModel], columns: pa.Schema) -> bool:
    """Whether pandera finds the schema's dtypes in the frame that columns of these types become; asked once for all tables of them."""
    try:
        model.to_schema().validate(frame_of(columns.empty_table()), lazy=True)
    except SchemaErrors:
        return False
    return True


@lru_cache(maxsize=256)
def _without(model: type[pandera.DataFrameModel], names: tuple[str, ...]) -> DataFrameSchema:
    return provable(model).schema.remove_columns(list(names))


def _checks(column: Any) -> tuple[Check, ...] | None:
    """The checks of a column's values, or None when one of its rules is not known here."""
    is_plain = not (column.coerce or column.parsers or column.regex or column.unique or column.default is not None)
    if not (is_plain and column.required):
        return None
    found = [_check(each) for each in column.checks]
    return None if None in found else tuple(found)  # type: ignore[arg-type] # mypy does not see that None is out


def _check(check: Any) -> Check | None:
    """Only what equals a check that pandera itself makes: a name alone could be anybody's function."""
    make, facts = _KNOWN.get(check.name), check.statistics or {}
    try:
        is_theirs = make is not None and check == getattr(pandera.Check, check.name)(**facts)
    except (TypeError, ValueError):  # somebody's own, whose facts theirs does not take
        return None
    return make(**facts) if make is not None and is_theirs else None


def _at_least(min_value: Any) -> Check | None:
    return _bounded(lambda low, _: low >= min_value, min_value)


def _above(min_value: Any) -> Check | None:
    return _bounded(lambda low, _: low > min_value, min_value)


def _at_most(max_value: Any) -> Check | None:
    return _bounded(lambda _, high: high <= max_value, max_value)


def _below(max_value: Any) -> Check | None:
    return _bounded(lambda _, high: high < max_value, max_value)


def _between(min_value: Any, max_value: Any, *, include_min: bool = True, include_max: bool = True) -> Check | None:
    least, greatest = (
        (_at_least if include_min else _above)(min_value),
        (_at_most if include_max else _below)(max_value),
    )
    return None if least is None or greatest is None else lambda values: least(values) and greatest(values)


def _bounded(holds: Callable[[Any, Any], bool], bound: Any) -> Check | None:
    """A comparison that holds for all when it holds for the least and the greatest. Not float32, whose bound numpy would round first."""
    if isinstance(bound, bool) or not isinstance(bound, int | float):
        return None

    def is_kept(values: pa.ChunkedArray) -> bool:
        if not (pa.types.is_integer(values.type) or pa.types.is_float64(values.type)) or _has_nan(values):
            return False
        ends = pc.min_max(values).as_py()
        return ends["min"] is None or holds(ends["min"], ends["max"])

    return is_kept


def _has_nan(values: pa.ChunkedArray) -> bool:
    return pa.types.is_floating(values.type) and bool(pc.any(pc.is_nan(values)).as_py())


def _among(allowed_values: Iterable[Any]) -> Check | None:
    allowed = list(allowed_values)
    kinds = {type(each) for each in allowed}
    if kinds not in ({str}, {int}):
        return None

    def is_kept(values: pa.ChunkedArray) -> bool:
        is_kind = pa.types.is_string(values.type) if kinds == {str} else pa.types.is_integer(values.type)
        return is_kind and set(pc.unique(values).to_pylist()) - {None} <= set(allowed)

    return is_kept


def _matching(pattern: Any) -> Check | None:
    def is_kept(values: pa.ChunkedArray) -> bool:
        if not pa.types.is_string(values.type):
            return False
        distinct = pc.unique(values).drop_null()
        if len(distinct) > max(FEW_VALUES, len(values) // 2):
            return False
        texts = pd.Series(distinct.to_pylist(), dtype=pd.StringDtype())
        return bool(texts.str.match(pattern, na=False).all())

    return is_kept


_KNOWN: dict[str | None, Callable[..., Check | None]] = {
    "greater_than_or_equal_to": _at_least, "greater_than": _above, "less_than_or_equal_to": _at_most, "less_than": _below,
    "in_range": _between, "isin": _among, "str_matches": _matching,
}  # fmt: skip
