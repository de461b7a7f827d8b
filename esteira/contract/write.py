"""How a batch's rows change the table: the write modes.

Each mode defines a fold: what the table holds after all committed batches, in window order. "Newer" means `newest_by`, then the batch's
window, then the position in the batch; never the time of loading.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from esteira.errors import ConfigError

DeletedWhen: TypeAlias = str | tuple[str, str | int | bool]
"""Which rows say "deleted at the source": a boolean column's name, or a column and the value that means it."""


@dataclass(frozen=True, slots=True)
class Append:
    """Every row of the batch is a new row (dlt: `append`; awswrangler: `append`)."""


@dataclass(frozen=True, slots=True)
class Replace:
    """The newest batch is the whole table (dlt: `replace`; awswrangler: `overwrite`, but never empty for a reader)."""


@dataclass(frozen=True, slots=True, init=False)
class _Versioned:
    """Rows with a key, of which one may be newer than another."""

    key: tuple[str, ...]
    newest_by: str | None
    deleted_when: tuple[str, str | int | bool] | None

    def __init__(
        self, key: str | tuple[str, ...], newest_by: str | None = None, deleted_when: DeletedWhen | None = None
    ) -> None:
        object.__setattr__(self, "key", _columns(f"{type(self).__name__}(key", key))
        object.__setattr__(self, "newest_by", newest_by)
        object.__setattr__(self, "deleted_when", _deleted_when(deleted_when))


@dataclass(frozen=True, slots=True, init=False)
class Upsert(_Versioned):
    """Rows are matched by key; a matched row is replaced when it differs (dlt: `merge`; awswrangler: `upsert`).

    Args:
        key: The business key: one column or several.
        newest_by: A column that orders versions of a row. The row with the larger value wins, within the batch and against the
            table. Without it a key may occur once a batch, and the batch of the later window wins.
        deleted_when: Rows that say "deleted": a boolean column, or `(column, value)`. They take their key out of the table.
    """


@dataclass(frozen=True, slots=True, init=False)
class DeleteInsert:
    """Groups of rows are replaced as wholes: all rows whose `by` values occur in the batch make way for the batch's rows.

    dlt: `merge` with strategy `delete-insert` and a `merge_key`. An empty batch deletes nothing.

    Args:
        by: The columns whose values make a group.
        deleted_when: Rows that say "deleted": their group is replaced by the batch's other rows of it, if there are any.
    """

    by: tuple[str, ...]
    deleted_when: tuple[str, str | int | bool] | None

    def __init__(self, by: str | tuple[str, ...], deleted_when: DeletedWhen | None = None) -> None:
        object.__setattr__(self, "by", _columns("DeleteInsert(by", by))
        object.__setattr__(self, "deleted_when", _deleted_when(deleted_when))


@dataclass(frozen=True, slots=True, init=False)
class Scd2(_Versioned):
    """Every version of a row is kept, with the time in which it was valid (dlt: `merge` with strategy `scd2`).

    The table gains `valid_from`, `valid_to` (null while the version holds) and `is_current`. Intervals are half-open: `[from, to)`.

    Args:
        key: The business key: one column or several.
        newest_by: The timestamp or date column that says since when a version is valid. Without it, a version is valid since the start
            of its batch's window, and of a source without a cursor a key that is absent from a later snapshot is retired.
        deleted_when: Rows that say "deleted": a boolean column, or `(column, value)`. They close their key's version.
    """


WriteMode: TypeAlias = Append | Replace | Upsert | DeleteInsert | Scd2
VALID_FROM, VALID_TO, IS_CURRENT = "valid_from", "valid_to", "is_current"
VALIDITY = (VALID_FROM, VALID_TO, IS_CURRENT)
"""The columns that `Scd2` adds to the table."""
VALIDITY_TITLES = {
    VALID_FROM: {"en": "valid from", "pt": "válido desde"}, VALID_TO: {"en": "valid to", "pt": "válido até"},
    IS_CURRENT: {"en": "is current", "pt": "é atual"},
}  # fmt: skip


def _columns(argument: str, given: str | tuple[str, ...]) -> tuple[str, ...]:
    names = (given,) if isinstance(given, str) else tuple(given)
    if not names or len(set(names)) != len(names):
        raise ConfigError(
            f"{argument}={given!r}) names no column or names one twice.", hint="Name each of its columns once."
        )
    return names


def _deleted_when(given: DeletedWhen | None) -> tuple[str, str | int | bool] | None:
    if given is None or isinstance(given, str):
        return (given, True) if given else None
    column, value = given
    return column, value
