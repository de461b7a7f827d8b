"""What a source of files asks of the rest of the contract; refused when the contract is constructed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

import pyarrow as pa

from esteira.contract.columns import Column
from esteira.contract.source import ApiSource
from esteira.contract.spreadsheet import SpreadsheetSource
from esteira.errors import ConfigError


class Filed(Protocol):
    """What is looked at of a contract."""

    @property
    def name(self) -> str:
        """The dataset's name."""

    @property
    def source(self) -> ApiSource | SpreadsheetSource:
        """Where its rows come from."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """Its curated columns."""

    @property
    def derived(self) -> tuple[str, ...]:
        """Columns that the transform makes."""


def check_files(dataset: Filed) -> None:
    """Refuse a source of files that names columns which nobody delivers, or of a type that the option is not for.

    Raises:
        ConfigError: See above.
    """
    source = dataset.source
    if not isinstance(source, SpreadsheetSource):
        return
    types = {column.name: column.arrow for column in dataset.columns if column.name not in dataset.derived}
    delivered = {**types, **dict.fromkeys(source.inputs, pa.string())}
    for argument, names in _named(source):
        missing = sorted(set(names) - set(delivered))
        if missing:
            raise ConfigError(
                f"SpreadsheetSource({argument}) names {', '.join(missing)}, which neither the schema nor inputs have.",
                dataset=dataset.name,
            )
    _check_types(dataset, source, delivered)


def _named(source: SpreadsheetSource) -> Iterator[tuple[str, Iterable[str]]]:
    yield "codes", source.codes
    yield "clocks", source.clocks
    yield "dates", source.dates
    yield "lineage", source.lineage.columns
    if source.melt is not None:
        yield "melt", (source.melt.value, *source.melt.groups)
    if isinstance(source.columns, dict):
        yield "columns", source.columns.values()


def _check_types(dataset: Filed, source: SpreadsheetSource, delivered: dict[str, pa.DataType]) -> None:
    wrong = [name for name in (*source.codes, *source.clocks) if not pa.types.is_string(delivered[name])]
    wrong += [name for name in source.dates if not pa.types.is_temporal(delivered[name])]
    wrong += [
        name for name in (source.lineage.file, source.lineage.sheet) if name and not pa.types.is_string(delivered[name])
    ]
    wrong += [name for name in (source.lineage.row,) if name and not pa.types.is_integer(delivered[name])]
    wrong += [name for name in delivered if pa.types.is_binary(delivered[name])]
    if wrong:
        raise ConfigError(
            f"Column {wrong[0]!r} has type {delivered[wrong[0]]}, which the source's option is not for.",
            dataset=dataset.name,
            hint="codes, clocks, lineage.file and lineage.sheet are texts, lineage.row is a whole number, dates are dates or moments; no cell is nested.",
        )
