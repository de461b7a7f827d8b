"""Decoded columns as a pandas frame, what the contract's transform makes of it, and that as Arrow columns again; no judgement but of what Redshift cannot store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from esteira.contract import Column, Dataset
from esteira.contract.columns import POSITION_COLUMN
from esteira.errors import ConfigError
from esteira.quality.nested import is_nested_text
from esteira.quality.rejection import Rejection

_PANDAS_TYPES: dict[pa.DataType, Any] = {
    pa.int16(): pd.Int16Dtype(), pa.int32(): pd.Int32Dtype(), pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype(),
    pa.float32(): pd.Float32Dtype(), pa.float64(): pd.Float64Dtype(), pa.string(): pd.StringDtype(),
}  # fmt: skip


def frame_of(table: pa.Table, rejections: Iterable[Rejection] = ()) -> pd.DataFrame:
    """Arrow columns as nullable pandas columns on a unique index; rows with a rejected cell stay out."""
    frame: pd.DataFrame = table.to_pandas(types_mapper=_pandas_type)
    rejected = {rejection.row for rejection in rejections}
    return frame.drop(index=sorted(rejected)) if rejected else frame


def _pandas_type(arrow: pa.DataType) -> Any:
    if pa.types.is_timestamp(arrow) and arrow.tz is not None:
        return None
    return _PANDAS_TYPES.get(arrow) or pd.ArrowDtype(arrow)


def transformed(frame: pd.DataFrame, dataset: Dataset) -> pd.DataFrame:
    """The contract's columns, by its transform where it has one.

    Raises:
        ConfigError: The transform changes rows or leaves a column out.
    """
    if dataset.transform is None:
        return frame[list(dataset.column_names)]
    made = dataset.transform(frame.copy(deep=False))
    if not made.index.equals(frame.index):
        raise ConfigError(
            "The transform changed the rows; it must be row-wise and keep the index.", dataset=dataset.name
        )
    missing = sorted(set(dataset.column_names) - set(made.columns))
    if missing:
        raise ConfigError(f"The transform does not return column {', '.join(missing)}.", dataset=dataset.name)
    return made[list(dataset.column_names)]


class Made:
    """What the transform made, as Arrow columns. Without a transform these are the decoded ones, and nothing is converted twice.

    Args:
        frame: The contract's columns, rows with a rejected cell left out.
        decoded: All rows before any transform, or None when there is one.
        dataset: The contract.

    Attributes:
        index: Of the frame: which of the records its rows are.
    """

    def __init__(self, frame: pd.DataFrame, decoded: pa.Table | None, dataset: Dataset) -> None:
        self.frame, self.dataset, self.index = frame, dataset, frame.index
        self._decoded = (
            None if decoded is None else decoded.take(pa.array(frame.index)) if len(frame) < len(decoded) else decoded
        )

    @classmethod
    def as_decoded(cls, decoded: pa.Table, dataset: Dataset) -> Made:
        """All rows as they were decoded: the frame of them, which nobody needs to look at, has no columns."""
        return cls(pd.DataFrame(index=pd.RangeIndex(decoded.num_rows)), decoded, dataset)

    def texts(self, column: Column) -> pa.Array | pa.ChunkedArray:
        """A text column, or a nested one as its JSON."""
        if self._decoded is not None:
            return self._decoded.column(column.name)
        return pa.array(self.frame[column.name], pa.string(), from_pandas=True)

    def table(self, bad: np.ndarray[Any, Any], first_row: int) -> pa.Table:
        """The contract's columns of the good rows, and their positions."""
        is_good = ~self.index.isin(bad) if len(bad) else None
        index = self.index if is_good is None else self.index[is_good]
        positions = pa.array(index.to_numpy(dtype=np.int64) + first_row)
        return self._columns(is_good).append_column(POSITION_COLUMN, positions)

    def _columns(self, is_good: np.ndarray[Any, Any] | None) -> pa.Table:
        columns = self.dataset.columns
        if self._decoded is None:
            frame = self.frame if is_good is None else self.frame[is_good]
            return pa.table({column.name: _arrow_column(frame[column.name], column.arrow) for column in columns})
        table = self._decoded if is_good is None else self._decoded.filter(pa.array(is_good))
        return pa.table({column.name: table.column(column.name).cast(column.arrow) for column in columns})


def unstorable(made: Made) -> Iterator[Rejection]:
    """Texts that have the right dtype and that Redshift would refuse, and the whole load with them: too long in bytes, or no JSON."""
    rows = made.index
    for column in made.dataset.columns:
        if column.limit_bytes is None:
            continue
        texts = made.texts(column)
        for row in _longer(texts, column.limit_bytes):
            yield Rejection(int(rows[row]), column.name, f"max_bytes({column.limit_bytes})", texts[row].as_py()[:200])
        if column.is_super and column.name in made.dataset.derived:
            for row, text in enumerate(texts.to_pylist()):
                if text is not None and not is_nested_text(text):
                    yield Rejection(int(rows[row]), column.name, "json", text[:200])


def _longer(texts: pa.Array | pa.ChunkedArray, limit_bytes: int) -> list[int]:
    """Where a text has more UTF-8 bytes than the limit."""
    lengths = pc.binary_length(texts)
    if (pc.max(lengths).as_py() or 0) <= limit_bytes:
        return []
    lengths = pc.fill_null(lengths, 0)
    return [int(row) for row in np.flatnonzero(lengths.to_numpy() > limit_bytes)]


def _arrow_column(series: pd.Series[Any], arrow: pa.DataType) -> pa.Array | pa.ChunkedArray:
    """Pyarrow would read moments through `Series.values`, which pandas 3.1 deprecates for them."""
    if pa.types.is_binary(arrow):
        return pa.array(series, pa.string(), from_pandas=True).cast(arrow)
    is_moment = isinstance(series.dtype, pd.DatetimeTZDtype)
    return pa.array(series.dt.tz_convert(None).to_numpy() if is_moment else series, arrow, from_pandas=True)
