"""The write modes: `Append` and `Replace` here, those with a key in `keyed`. Each takes staged batches and settles them together.

Nothing here is MERGE: Redshift's inserts a key that is new and twice in the source twice, and takes no conditions.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from esteira.batch import Batch
from esteira.contract import Append, Dataset, Replace
from esteira.contract.columns import BATCH_COLUMN, POSITION_COLUMN
from esteira.lake import Seal
from esteira.warehouse.connection import Session
from esteira.warehouse.counts import Counts, Outcome
from esteira.warehouse.history import Past
from esteira.warehouse.keyed import KeyedWriter
from esteira.warehouse.order import newest, stage_order
from esteira.warehouse.rule import Rule
from esteira.warehouse.staging import STAGING, copy_straight
from esteira.warehouse.statements import LOADED_COLUMN, names, stored_value, table_name


class Writer(Protocol):
    """Writes batches of one dataset in one transaction."""

    def take(self, batch: Batch) -> None:
        """Take the staged rows of a batch."""

    def take_out(self, batch_id: str) -> None:
        """Take a committed batch out again."""

    def settle(self, *, is_rewrite: bool) -> Outcome:
        """Change the table; `is_rewrite` says that something committed is replaced or taken out."""


def writer_for(session: Session, dataset: Dataset, schema: str, past: Past) -> Writer:
    """The writer of the dataset's mode, after the order of its batches was staged."""
    if isinstance(dataset.write, Append):
        return AppendWriter(session, dataset, schema)
    if isinstance(dataset.write, Replace):
        return ReplaceWriter(session, dataset, schema, past)
    return KeyedWriter(session, Rule(dataset, schema), past)


class AppendWriter:
    """Rows of one batch never meet those of another, so a batch leaves as it came."""

    def __init__(self, session: Session, dataset: Dataset, schema: str) -> None:
        self._session, self._dataset = session, dataset
        self._table = table_name(schema, dataset.name)
        self._counts: dict[str, Counts] = {}
        self._deleted = 0

    def take(self, batch: Batch) -> None:
        """Put the batch's rows in the place of those that it has."""
        self.take_out(batch.id)
        self._counts[batch.id] = Counts(inserted=insert_staged(self._session, self._dataset, self._table, batch.id))

    def copy(self, batch: Batch, seal: Seal, manifest: str, role_arn: str) -> None:
        """Put the batch's rows in the place of those that it has, without a staging table between."""
        self.take_out(batch.id)
        inserted = copy_straight(self._session, self._table, self._dataset.columns, seal, manifest, role_arn)
        self._counts[batch.id] = Counts(inserted=inserted)

    def take_out(self, batch_id: str) -> None:
        """Delete the batch's rows."""
        own = f'FROM {self._table} WHERE "{BATCH_COLUMN}" = %s'
        found = self._session.count(f"SELECT COUNT(*) {own}", (batch_id,))
        if found:
            self._session.run(f"DELETE {own}", (batch_id,))
        self._deleted += found

    def settle(self, *, is_rewrite: bool) -> Outcome:
        """The rows were written as they were taken: only the counts are left to tell."""
        return Outcome(self._counts, self._deleted)


class ReplaceWriter:
    """The newest batch is the table; an older one that comes late is stale as a whole."""

    def __init__(self, session: Session, dataset: Dataset, schema: str, past: Past) -> None:
        self._session, self._dataset, self._past = session, dataset, past
        self._table = table_name(schema, dataset.name)
        self._counts: dict[str, Counts] = {}
        self._deleted = 0

    def take(self, batch: Batch) -> None:
        """Make the batch the table, if none is newer."""
        if newest(self._session) == batch.id:
            self._empty()
            inserted = insert_staged(self._session, self._dataset, self._table, batch.id)
            self._counts[batch.id] = Counts(inserted=inserted)
        else:
            self._counts[batch.id] = Counts(stale=self._session.count(f"SELECT COUNT(*) FROM {STAGING}"))

    def take_out(self, batch_id: str) -> None:
        """If the batch is the table, the one before it becomes the table again."""
        stage_order(self._session, self._dataset.name)
        if newest(self._session) != batch_id:
            return
        previous = self._past.stage_newest(self._session, self._dataset.name)
        self._empty()
        if previous:
            insert_staged(self._session, self._dataset, self._table, *previous)

    def settle(self, *, is_rewrite: bool) -> Outcome:
        """The rows were written as they were taken: only the counts are left to tell."""
        return Outcome(self._counts, self._deleted)

    def _empty(self) -> None:
        self._deleted = self._session.count(f"SELECT COUNT(*) FROM {self._table}")
        self._session.run(f"DELETE FROM {self._table}")


def insert_staged(
    session: Session, dataset: Dataset, table: str, batch_id: str, columns: Collection[str] | None = None
) -> int:
    """Insert the staged rows as they are, in the name of a batch; returns how many.

    Args:
        session: In the load's transaction.
        dataset: The contract.
        table: Its table.
        batch_id: The batch.
        columns: The columns that were staged, where they are those of an older contract.
    """
    wanted = [column for column in dataset.columns if columns is None or column.name in columns]
    staged = {column.name: stored_value(column, f'"{column.name}"') for column in wanted}
    staged |= {POSITION_COLUMN: f'"{POSITION_COLUMN}"'}
    session.run(
        f'INSERT INTO {table} ({names(staged)}, "{BATCH_COLUMN}", "{LOADED_COLUMN}") '
        f"SELECT {', '.join(staged.values())}, %s, GETDATE() FROM {STAGING}",
        (batch_id,),
    )
    return session.count(f"SELECT COUNT(*) FROM {STAGING}")
