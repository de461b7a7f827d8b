"""Row rules, and the split of good rows from bad ones.

pandera's own `drop_invalid_rows` drops good rows when the index is not unique and raises on values it cannot coerce, so the
split is made here from its failure cases.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
from pandera.errors import SchemaErrors

from esteira.contract import Dataset
from esteira.contract.columns import POSITION_COLUMN
from esteira.demands import WHOLE_ROW
from esteira.errors import ConfigError, ContractError, DataQualityError
from esteira.quality.decode import Decoded, decode
from esteira.quality.forgiven import forgivable_columns, split, without_bad_values
from esteira.quality.made import Made, frame_of, transformed, unstorable
from esteira.quality.proof import has_dtypes, provable
from esteira.quality.rejection import Placed, Rejection
from esteira.redaction import MASK

if TYPE_CHECKING:
    from pandera.api.pandas.container import DataFrameSchema

_QUARANTINE_SCHEMA = pa.schema(
    [
        (POSITION_COLUMN, pa.int64()),
        ("column", pa.string()),
        ("rule", pa.string()),
        ("value", pa.string()),
        ("record", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class Curated:
    """One part, split.

    Attributes:
        good: The contract's columns and the position.
        bad: One row for each reason: position, column, rule, value, the record as received, and its place where that came from a file.
        bad_rows: How many records are bad (a record may have several reasons).
        reasons: Records by `column: rule`.
        new_columns: Columns that the contract does not know.
        absent: Columns of the contract that none of the records has.
        nulled: Bad values in good rows that were made null, by `column: rule`.
    """

    good: pa.Table
    bad: pa.Table
    bad_rows: int
    reasons: dict[str, int]
    new_columns: tuple[str, ...]
    absent: tuple[str, ...]
    nulled: dict[str, int] = field(default_factory=dict)


def curate_records(records: Sequence[msgspec.Raw], dataset: Dataset, *, first_row: int = 0) -> Curated:
    """Decode, transform, validate and split records of a batch: both halves in one call.

    Args:
        records: JSON objects as received.
        dataset: The contract.
        first_row: Position of the first record in the batch.

    Returns:
        Every record on exactly one side: `good.num_rows + bad_rows == len(records)`.

    Raises:
        ContractError: The source has an unknown column under `new_columns="fail"`.
        DataQualityError: A bad value under `bad_values="fail"`.
        ConfigError: The transform breaks its promise.
    """
    return curate_decoded(decode(records, dataset), records, dataset, first_row=first_row)


def curate_decoded(
    decoded: Decoded, records: Sequence[msgspec.Raw], dataset: Dataset, *, first_row: int = 0
) -> Curated:
    """Transform, validate and split what `decode` made of the same records.

    Args and raises: as `curate_records`.
    """
    _check_new_columns(decoded, dataset)
    judged = _judged(decoded, dataset)
    rejections = judged.rejections
    bad = np.unique(np.array([rejection.row for rejection in rejections], dtype=np.int64))
    if len(bad) and dataset.bad_values == "fail":
        first = next(each for each in rejections if each.row == bad[0])
        raise DataQualityError(
            f"Row {first_row + first.row}: {_reason(first, dataset)} and bad_values is 'fail'.", dataset=dataset.name
        )
    bad_rows = set(bad.tolist())
    reasons = [*rejections, *(each for each in judged.forgiven if each.row in bad_rows)]
    return Curated(
        good=judged.made.table(bad, first_row),
        bad=_bad_table(reasons, records, first_row),
        bad_rows=len(bad),
        reasons=_count_reasons(reasons),
        new_columns=decoded.new_columns,
        absent=decoded.absent,
        nulled=_count_reasons([each for each in judged.forgiven if each.row not in bad_rows]),
    )


@dataclass(frozen=True, slots=True)
class _Judged:
    """What the transform made, why rows of it are bad, and the bad values that are null in it now."""

    made: Made
    rejections: tuple[Rejection, ...]
    forgiven: tuple[Rejection, ...]


def _judged(decoded: Decoded, dataset: Dataset) -> _Judged:
    """Judge every row; where a bad value was made null, its row is judged again as it is then, and nothing more is forgiven."""
    forgivable = forgivable_columns(dataset)
    stay, unread = split(decoded.rejections, forgivable)
    untouched = decoded.table.select(list(dataset.column_names)) if dataset.transform is None else None
    unproved = _unproved(untouched, dataset)
    if untouched is not None and unproved is None and not stay:
        made = Made.as_decoded(untouched, dataset)
        if next(unstorable(made), None) is None:
            return _Judged(made, (), tuple(unread))
    frame = transformed(frame_of(decoded.table, stay), dataset)
    made = Made(frame, untouched, dataset)
    broken, forgiven = split((*_failures(frame, unproved, dataset), *unstorable(made)), forgivable)
    if forgiven:
        made = Made(without_bad_values(frame, forgiven), None, dataset)
        broken = (*_failures(made.frame, _unproved(None, dataset), dataset), *unstorable(made))
    return _Judged(made, (*stay, *broken), (*unread, *forgiven))


def _unproved(untouched: pa.Table | None, dataset: Dataset) -> DataFrameSchema | None:
    """The rules that pandera must look at: of columns that nothing touched not those that they are shown to keep. None when none are left."""
    model = provable(dataset.schema)
    if untouched is None or not has_dtypes(dataset.schema, untouched.schema):
        return model.schema
    return model.left(untouched)


def _check_new_columns(decoded: Decoded, dataset: Dataset) -> None:
    if decoded.new_columns and dataset.new_columns == "fail":
        raise ContractError(
            f"The portal delivers {', '.join(decoded.new_columns)}, which the contract does not know, and new_columns is 'fail'.",
            dataset=dataset.name,
            hint="Add the column to the schema, or set new_columns='warn'.",
        )


def _failures(frame: pd.DataFrame, schema: DataFrameSchema | None, dataset: Dataset) -> Iterable[Rejection]:
    """One rejection for each failing cell; a cross-column rule blames the row once under the column `*`."""
    if schema is None:
        return
    try:
        schema.validate(frame, lazy=True)
    except SchemaErrors as exc:
        cases = exc.failure_cases.astype({"column": object, "failure_case": object})
    else:
        return
    if cases["index"].isna().any():
        raise _unanswered(cases[cases["index"].isna()].iloc[0], dataset)
    cases.loc[cases["schema_context"] == "DataFrameSchema", ["column", "failure_case"]] = [WHOLE_ROW, ""]
    for case in cases.drop_duplicates(["index", "column", "check"]).itertuples():
        yield Rejection(int(case.index), str(case.column), str(case.check), str(case.failure_case)[:200])


def _unanswered(case: Any, dataset: Dataset) -> ConfigError:
    """Why pandera could name no row. Of what a rule raised only the kind is told: its words may hold a value."""
    if str(case["check"]).startswith(("dtype(", "coerce_dtype(")):
        said = f"Column {case['column']!r} does not have the schema's dtype after the transform: {case['check']} (found {case['failure_case']})."
        return ConfigError(said, dataset=dataset.name)
    return ConfigError(
        f"Rule {case['check']} of {case['column']} answers {str(case['failure_case']).partition('(')[0]}, and not yes or no for each row.",
        dataset=dataset.name,
        hint="A rule takes a column, or the frame, and returns a Series of truth values on its index; `pa.Check(..., element_wise=True)` is asked of each value.",
    )


def _bad_table(rejections: Sequence[Rejection], records: Sequence[msgspec.Raw], first_row: int) -> pa.Table:
    bad = sorted(rejections, key=lambda rejection: rejection.row)
    rows = [
        {POSITION_COLUMN: first_row + each.row, "column": each.column, "rule": each.rule, "value": each.value,
         "record": bytes(records[each.row]).decode()}
        for each in bad
    ]  # fmt: skip
    table = pa.Table.from_pylist(rows, schema=_QUARANTINE_SCHEMA)
    if not isinstance(records, Placed):
        return table
    return table.append_column("place", pa.array([records.place(each.row, each.column) for each in bad], pa.string()))


def _count_reasons(rejections: Sequence[Rejection]) -> dict[str, int]:
    return dict(sorted(Counter(f"{rejection.column}: {rejection.rule}" for rejection in rejections).items()))


def _reason(rejection: Rejection, dataset: Dataset) -> str:
    """For an error, which logs and states repeat: a value stands there only where the contract knows the column and does not call it personal."""
    is_shown = any(column.name == rejection.column and not column.is_pii for column in dataset.columns)
    return (
        f"{rejection.column} = {rejection.value!r} breaks {rejection.rule}"
        if is_shown
        else f"{rejection.column} = {MASK} breaks {rejection.rule}"
    )
