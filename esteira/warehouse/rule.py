"""A write mode with a key as the SQL sees it: which rows are decided together, which are the same row, which are equal."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from esteira.contract import Dataset, DeleteInsert, Scd2, Upsert
from esteira.contract.columns import BATCH_COLUMN, POSITION_COLUMN
from esteira.contract.write import VALID_FROM, VALIDITY
from esteira.warehouse.statements import comparable, literal, table_name


@dataclass(frozen=True)
class Rule:
    """The columns of one dataset by what they do in its fold.

    Attributes:
        dataset: A contract whose write mode has a key.
        schema: Schema of its table.
    """

    dataset: Dataset
    schema: str

    @cached_property
    def mode(self) -> Upsert | DeleteInsert | Scd2:
        """The write mode."""
        assert isinstance(self.dataset.write, Upsert | DeleteInsert | Scd2)  # noqa: S101 - `write.apply` sends no other here
        return self.dataset.write

    @property
    def table(self) -> str:
        """The dataset's table."""
        return table_name(self.schema, self.dataset.name)

    @property
    def key(self) -> tuple[str, ...]:
        """Rows that are equal in these columns are decided together."""
        return self.mode.by if isinstance(self.mode, DeleteInsert) else self.mode.key

    @property
    def identity(self) -> tuple[str, ...]:
        """Rows that are equal in these columns are one row of the table, before and after; never null."""
        if isinstance(self.mode, DeleteInsert):
            return (BATCH_COLUMN, POSITION_COLUMN)
        return (*self.key, VALID_FROM) if isinstance(self.mode, Scd2) else self.key

    @property
    def newest_by(self) -> str | None:
        """The column that orders versions before the window does."""
        return None if isinstance(self.mode, DeleteInsert) else self.mode.newest_by

    @property
    def validity(self) -> tuple[str, ...]:
        """The columns that the mode adds."""
        return VALIDITY if isinstance(self.mode, Scd2) else ()

    @property
    def is_snapshot_history(self) -> bool:
        """Whether a key's absence from a batch says that it was gone by then."""
        return isinstance(self.mode, Scd2) and self.newest_by is None and self.dataset.source.incremental is None

    @property
    def has_graves(self) -> bool:
        """Whether deletions must be remembered: a row that arrives later may be older by `newest_by` than its deletion."""
        return self.newest_by is not None and self.mode.deleted_when is not None

    @property
    def forgets(self) -> bool:
        """Whether the table hides what decides about an older window: equal versions that were joined, or keys that were deleted."""
        return self.newest_by is None and (isinstance(self.mode, Scd2) or self.mode.deleted_when is not None)

    @property
    def is_won_by_the_last(self) -> bool:
        """Whether, of a key's rows, those of the last window stand whatever is in the table: neither a column nor a version decides."""
        return self.newest_by is None and not self.validity

    @property
    def copied(self) -> tuple[str, ...]:
        """The columns of a row that come from its part, and its batch."""
        return (*self.dataset.column_names, POSITION_COLUMN, BATCH_COLUMN)

    def is_gone(self, alias: str) -> str:
        """Whether a row says "deleted at the source"."""
        if self.mode.deleted_when is None:
            return "FALSE"
        name, value = self.mode.deleted_when
        text = literal(value) if isinstance(value, str) else str(value).upper()
        return f'COALESCE({alias}."{name}" = {text}, FALSE)'

    def same(self, left: str, right: str) -> str:
        """Whether two rows of one key are equal in what the source says: true or false, never null."""
        rest = [column for column in self.dataset.columns if column.name not in self.key]
        sides = [
            (comparable(each, f'{left}."{each.name}"'), comparable(each, f'{right}."{each.name}"')) for each in rest
        ]
        return f"({' AND '.join(null_safe(a, b) for a, b in sides)})" if sides else "TRUE"


def null_safe(left: str, right: str) -> str:
    """Equality that is true or false, and true of two nulls; Redshift has no IS NOT DISTINCT FROM."""
    return f"COALESCE({left} = {right}, {left} IS NULL AND {right} IS NULL)"


def match(columns: tuple[str, ...], left: str, right: str) -> str:
    """Equality of columns that are never null."""
    return " AND ".join(f'{left}."{name}" = {right}."{name}"' for name in columns)


def prefixed(alias: str, columns: tuple[str, ...]) -> str:
    """A quoted list, each name behind an alias."""
    return ", ".join(f'{alias}."{name}"' for name in columns)
