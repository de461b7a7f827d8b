"""Files that are made of a table after each load, for tools and people that read no warehouse."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal, get_args

from esteira.contract.choices import require_choice
from esteira.contract.locales import LOCALES
from esteira.errors import ConfigError

Format = Literal["parquet", "csv", "xlsx"]


@dataclass(frozen=True, slots=True)
class Export:
    """One file, or for Parquet one folder, of the whole table as it stands after a load.

    Args:
        format: `parquet` for programs (registered in the Glue catalogue), `csv` and `xlsx` for people.
        locale: Whose signs, dates and words a person's file has; Parquet has none.
        partition_by: Columns whose values become the folders of the Parquet files.

    Columns that the contract marks as personal are left out of every one of them.

    Raises:
        ConfigError: A format or locale that nobody knows, or a locale or partitions where they mean nothing.
    """

    format: Format
    locale: str = "iso"
    partition_by: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require_choice("Export(format)", self.format, get_args(Format))
        require_choice("Export(locale)", self.locale, tuple(LOCALES))
        if self.format == "parquet" and self.locale != "iso":
            raise ConfigError(
                f"Export('parquet', locale={self.locale!r}): Parquet holds values, which no locale changes.",
                hint="Leave the locale out.",
            )
        if self.format != "parquet" and self.partition_by:
            raise ConfigError(
                f"Export({self.format!r}, partition_by=...): only Parquet is written into folders.",
                hint="Leave partition_by out.",
            )

    @property
    def suffix(self) -> str:
        """Ends the name of its file."""
        return self.format if self.locale == "iso" else f"{self.locale}.{self.format}"


def check_exports(exports: tuple[Export, ...], dataset: str, columns: Collection[str]) -> None:
    """Refuse exports that a contract cannot have.

    Args:
        exports: The contract's.
        dataset: Its name.
        columns: Those that an export holds.

    Raises:
        ConfigError: No tuple of exports, the same file twice, partitions by a column that no export holds, or by all of them.
    """
    given: Any = exports  # a single one, without its comma, would pass as nothing
    if not isinstance(given, tuple) or not all(isinstance(each, Export) for each in given):
        raise ConfigError(
            f"exports={exports!r} is no tuple of Export(...).", dataset=dataset, hint='Write exports=(Export("xlsx"),).'
        )
    suffixes = [each.suffix for each in exports]
    if len(set(suffixes)) != len(suffixes):
        raise ConfigError(
            f"exports names {', '.join(suffixes)}: one of them twice.", dataset=dataset, hint="Name each file once."
        )
    for each in exports:
        _check_partitions(each, dataset, columns)


def _check_partitions(export: Export, dataset: str, columns: Collection[str]) -> None:
    missing = [name for name in export.partition_by if name not in columns]
    if missing:
        raise ConfigError(
            f"partition_by names {', '.join(missing)}, which the schema does not have or calls personal.",
            dataset=dataset,
            hint="Name columns that may stand in the key of a file.",
        )
    if export.partition_by and set(export.partition_by) >= set(columns):
        raise ConfigError(
            "partition_by names every column, and nothing is left for the files.", dataset=dataset, hint="Name fewer."
        )
