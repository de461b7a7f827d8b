"""How a batch's rows change the table: the write modes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from esteira.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Append:
    """Every row of the batch is a new row (dlt: `append`; awswrangler: `append`)."""


@dataclass(frozen=True, slots=True)
class Replace:
    """The batch is the whole table (dlt: `replace`; awswrangler: `overwrite`, but never empty for a reader)."""


@dataclass(frozen=True, slots=True, init=False)
class Upsert:
    """Rows are matched by key; a matched row is replaced when it differs (dlt: `merge`; awswrangler: `upsert`).

    Args:
        key: The business key: one column or several.
        newest_by: A column that orders versions of a row. The row with the larger value wins, within the batch and against the
            table. Without it a key may occur once a batch, and the later batch wins.
    """

    key: tuple[str, ...]
    newest_by: str | None

    def __init__(self, key: str | tuple[str, ...], newest_by: str | None = None) -> None:
        names = (key,) if isinstance(key, str) else tuple(key)
        if not names or len(set(names)) != len(names):
            raise ConfigError(
                f"Upsert(key={key!r}) names no column or names one twice.", hint="Name each key column once."
            )
        object.__setattr__(self, "key", names)
        object.__setattr__(self, "newest_by", newest_by)


WriteMode: TypeAlias = Append | Replace | Upsert
