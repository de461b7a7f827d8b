"""`Dataset`: one contract, validated as a whole when it is constructed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from esteira.contract.columns import Column, columns_of
from esteira.contract.quality import Quality
from esteira.contract.source import ApiSource
from esteira.contract.write import Append, Upsert, WriteMode
from esteira.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd
    import pandera.pandas as pandera

Cadence = Literal["hourly", "daily", "weekly", "monthly"]
NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
"""Dataset and column names: they become S3 prefixes and SQL identifiers, so they need no quoting anywhere."""
RESERVED_PREFIX = "_esteira"


@dataclass(frozen=True)
class Dataset:
    """A table's contract.

    Args:
        name: File name = dataset name = S3 prefix = table name = deployment parameter.
        source: Where the rows come from.
        schema: pandera model of the curated rows; its row rules decide between curated and quarantine.
        write: How a batch changes the table.
        transform: Pure, row-wise function from the frame as delivered to the frame of the schema; the index must be kept.
        derived: Columns that the transform makes and the portal does not deliver.
        new_columns: What a column that the contract does not know does.
        bad_values: What a row with a value that breaks its type or rule does.
        quality: Thresholds and whole-batch rules.
        sortkey, distkey: Redshift's physical order and distribution.
        cadence: How often a slot of `as_of` begins.
        owner: Who is asked when it fails.

    Raises:
        ConfigError: A combination that cannot be loaded exactly once, or a name that is no identifier.
    """

    name: str
    source: ApiSource
    schema: type[pandera.DataFrameModel]
    write: WriteMode
    transform: Callable[[pd.DataFrame], pd.DataFrame] | None = None
    derived: tuple[str, ...] = ()
    new_columns: Literal["ignore", "warn", "fail"] = "warn"
    bad_values: Literal["quarantine", "fail"] = "quarantine"
    quality: Quality = field(default_factory=Quality)
    sortkey: tuple[str, ...] = ()
    distkey: str | None = None
    cadence: Cadence = "daily"
    owner: str = ""

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise ConfigError(f"Dataset name {self.name!r} is not of the form {NAME.pattern}.", hint=_NAME_HINT)
        self._check_columns()
        self._check_write()

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """The curated columns in order."""
        return columns_of(self.schema)

    @cached_property
    def column_names(self) -> tuple[str, ...]:
        """The curated columns' names in order."""
        return tuple(column.name for column in self.columns)

    @property
    def parents(self) -> tuple[str, ...]:
        """The datasets that this one refers to, which run first."""
        return tuple(dict.fromkeys(reference.target[0] for reference in self.quality.references))

    @property
    def description(self) -> str:
        """The first line of the schema's docstring."""
        return (self.schema.__doc__ or "").strip().split("\n")[0]

    def _check_columns(self) -> None:
        for name in self.column_names:
            if not NAME.fullmatch(name):
                raise ConfigError(
                    f"Column name {name!r} is not of the form {NAME.pattern}.", dataset=self.name, hint=_NAME_HINT
                )
        self._require("sortkey", self.sortkey)
        self._require("distkey", (self.distkey,) if self.distkey else ())
        self._require("derived", self.derived)
        self._require("quality.unique", self.quality.unique)
        self._require("quality.references", (reference.column for reference in self.quality.references))

    def _check_write(self) -> None:
        if isinstance(self.write, Upsert):
            self._require("write.key", self.write.key)
            self._require("write.newest_by", (self.write.newest_by,) if self.write.newest_by else ())
            self._require_not_null(self.write.key)
        incremental = self.source.incremental
        if isinstance(self.write, Append) and incremental is not None and incremental.lag:
            raise ConfigError(
                f"lag={incremental.lag} reads rows again and Append() would insert them again.",
                dataset=self.name,
                hint="Use Upsert(key=...), or set lag to zero.",
            )

    def _require_not_null(self, key: tuple[str, ...]) -> None:
        nullable = sorted(column.name for column in self.columns if column.name in key and column.is_nullable)
        if nullable:
            raise ConfigError(
                f"Key column {', '.join(nullable)} is nullable; a null key matches nothing.", dataset=self.name
            )

    def _require(self, where: str, names: Iterable[str]) -> None:
        missing = sorted(set(names) - set(self.column_names))
        if missing:
            raise ConfigError(f"{where} names {', '.join(missing)}, which the schema does not have.", dataset=self.name)


_NAME_HINT = "Use lower-case letters, digits and underscores, beginning with a letter; rename portal columns with ApiSource(rename=...)."
