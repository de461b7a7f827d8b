"""A source that is asked once for each row of another dataset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from esteira.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Parent:
    """One walk for each row of another dataset's sealed batch (dlt: `resolve`; Airbyte: `SubstreamPartitionRouter`).

    The parent's columns stand in the templates of path, parameters and body, as `{parent.id}`. Its batch is that of the same slot, or else the
    newest one that is committed; a batch keeps the one that it began with.

    Args:
        dataset: Name of the parent, which runs first.
        columns: Columns to add to each record: their names, as if the portal had sent them, and the parent's columns.

    Raises:
        ConfigError: A column is named twice.
    """

    dataset: str
    columns: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.dataset:
            raise ConfigError("Parent() names no dataset.", hint="Give the name of the parent's contract.")
        object.__setattr__(self, "columns", dict(self.columns))
