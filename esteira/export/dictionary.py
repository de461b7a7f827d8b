"""The data dictionary: what the contracts say of each dataset and column, in words. Asks no warehouse and reads no clock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import pyarrow as pa

from esteira.contract import ApiSource, Column, Dataset, Download
from esteira.contract.export import Export
from esteira.contract.write import Replace
from esteira.demands import demand, standard
from esteira.export.conventions import Language, word
from esteira.export.titles import title_of
from esteira.warehouse.statements import table_columns

LANGUAGES: tuple[Language, ...] = ("en", "pt")


@dataclass(frozen=True, slots=True)
class ColumnEntry:
    """A column of a table. Texts in both languages are by language.

    Attributes:
        name, type, unit, description: As in the contract; the type as Redshift has it.
        titles: What people call it.
        is_key, is_nullable, is_personal: Whether it is part of the key, may be empty, holds personal data.
        values: What its values must be.
    """

    name: str
    titles: Mapping[Language, str]
    type: str
    unit: str
    description: str
    is_key: bool
    is_nullable: bool
    is_personal: bool
    values: Mapping[Language, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class DatasetEntry:
    """A dataset.

    Attributes:
        name, description, owner, source, write: As in the contract.
        titles: What people call it.
        cadence: How often it is loaded.
        freshness_hours: The greatest age that it may have; None where nothing is promised.
        rules: Of whole batches.
        exports: Which files are made of it after each load.
        columns: Those of its table.
    """

    name: str
    titles: Mapping[Language, str]
    description: str
    owner: str
    source: str
    write: str
    cadence: str
    freshness_hours: float | None
    rules: tuple[str, ...]
    exports: tuple[str, ...]
    columns: tuple[ColumnEntry, ...]

    def freshness(self, language: Language) -> str:
        """The promise in words."""
        return (
            word("nothing", language)
            if self.freshness_hours is None
            else word("hours", language, n=f"{self.freshness_hours:g}")
        )


def entries_of(datasets: Iterable[Dataset]) -> list[DatasetEntry]:
    """The dictionary, by name."""
    return [entry_of(dataset) for dataset in sorted(datasets, key=lambda each: each.name)]


def entry_of(dataset: Dataset) -> DatasetEntry:
    """What the contract says of one dataset."""
    freshness = dataset.quality.freshness
    return DatasetEntry(
        name=dataset.name,
        titles={language: dataset.titles[language] for language in LANGUAGES},
        description=dataset.description,
        owner=dataset.owner,
        source=_source(dataset),
        write=_write(dataset),
        cadence=dataset.cadence,
        freshness_hours=None if freshness is None else freshness.total_seconds() / 3600,
        rules=tuple(_rules(dataset)),
        exports=tuple(_export(each) for each in dataset.exports),
        columns=tuple(column_entries(dataset, table_columns(dataset))),
    )


def column_entries(dataset: Dataset, columns: Iterable[Column]) -> Iterator[ColumnEntry]:
    """What the contract says of columns."""
    declared = dataset.schema.to_schema().columns
    for column in columns:
        checks = declared[column.name].checks if column.name in declared else ()
        yield ColumnEntry(
            name=column.name,
            titles={language: title_of(column, language) for language in LANGUAGES},
            type=type_of(column),
            unit=column.unit or "",
            description=column.description,
            is_key=column.name in dataset.key,
            is_nullable=column.is_nullable,
            is_personal=column.is_pii,
            values={language: tuple(_demand(check, language) for check in checks) for language in LANGUAGES},
        )


def type_of(column: Column) -> str:
    """Redshift's type."""
    if column.is_text and column.max_bytes:
        return f"VARCHAR({column.max_bytes})"
    if pa.types.is_decimal(column.arrow):
        return f"DECIMAL({column.arrow.precision},{column.arrow.scale})"
    return column.redshift


def _demand(check: Any, language: Language) -> str:
    rule = str(check.error or check.name)
    return standard(rule, language) or demand(rule, language) or rule


def _source(dataset: Dataset) -> str:
    source = dataset.source
    if isinstance(source, ApiSource):
        return f"{source.portal} {source.path}"
    origin = source.origin
    if isinstance(origin, Download):
        return f"{origin.portal} {origin.path}"
    return f"{type(origin).__name__.lower()}: {', '.join((source.match,) if isinstance(source.match, str) else source.match)}"


def _write(dataset: Dataset) -> str:
    mode, key = type(dataset.write).__name__, ", ".join(dataset.key)
    return f"{mode}({key})" if key and not isinstance(dataset.write, Replace) else mode


def _rules(dataset: Dataset) -> Iterator[str]:
    quality = dataset.quality
    yield f"quarantine ≤ {quality.max_quarantine_ratio:.2%}"
    if quality.min_rows:
        yield f"rows ≥ {quality.min_rows}"
    if quality.unique:
        yield f"unique {', '.join(quality.unique)}"
    for each in quality.references:
        yield f"{each.column} → {each.to} ({each.otherwise})"
    yield from map(_called, quality.rules)


def _called(rule: Any) -> str:
    """A rule as the contract writes it, without what was left at its default."""
    given = ((each.name, getattr(rule, each.name), each.default) for each in fields(rule))
    return (
        f"{type(rule).__name__}({', '.join(f'{name}={value!r}' for name, value, default in given if value != default)})"
    )


def _export(export: Export) -> str:
    return (
        export.suffix
        if export.format != "parquet" or not export.partition_by
        else f"parquet by {', '.join(export.partition_by)}"
    )
