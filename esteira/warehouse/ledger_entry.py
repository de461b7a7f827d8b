"""One row of the ledger."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Literal

from esteira.batch import Batch, Window, is_snapshot
from esteira.contract import Dataset
from esteira.findings import Finding

State = Literal["committed", "undone", "given_up", "skipped", "unchanged"]


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """What became of one generation of a batch.

    Counts satisfy `extracted = curated + quarantined` and `curated = inserted + updated + unchanged + stale + duplicate`.

    Attributes:
        batch_id: The batch.
        window_start: Begin of its window of source time; of a file the moment or period that orders it.
        window_end: End of the window, exclusive. The watermark is that of the last committed batch.
        seal_hash: Hash of the curated seal; empty when nothing was loaded.
        attempt: The attempt that sealed it.
        extracted: Rows that the source delivered.
        curated: Of these the rows that passed every row rule.
        quarantined: Of these the rows that were refused.
        inserted: Curated rows that the table did not have.
        updated: Curated rows that took the place of another version of themselves.
        unchanged: Curated rows that the table had just so.
        stale: Curated rows older than what the table has of their key.
        duplicate: Curated rows whose key a newer row of the same batch has.
        total_reported: The portal's own count of rows, or None where it tells none.
        warnings: What the contract says to mention and not to stop for.
        run: Name of the run.
        version: Version of Esteira.
        generation: Counts from 1; 0 is a batch that was settled without being loaded.
        state: `committed`, `undone` (taken out again), `given_up` (attempts used up), `skipped` (by policy) or `unchanged` (the portal
            says that its snapshot is still that of an earlier batch).
        reason: Why it is in another state than `committed`.
        deleted: Rows that left the table without a successor.
        table_rows: Rows in the table after this entry, counted in its transaction.
        cursor_start: The value that a batch of a cursor that is no time asked with, as text.
        cursor_end: The largest value that it brought: the next batch goes on from the largest committed one.
        seconds: From the begin of its first step to this row, of the run that wrote it; None where no run measured it.
        findings: Of the warnings those that come from rules about the whole batch, with their figures.
        sequence: Order of the dataset's entries, counting from 1.
        committed_at: The warehouse's clock.
    """

    batch_id: str
    window_start: datetime
    window_end: datetime
    seal_hash: str = ""
    attempt: str = ""
    extracted: int = 0
    curated: int = 0
    quarantined: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    stale: int = 0
    duplicate: int = 0
    total_reported: int | None = None
    warnings: tuple[str, ...] = ()
    run: str = ""
    version: str = ""
    generation: int = 1
    state: State = "committed"
    reason: str = ""
    deleted: int = 0
    table_rows: int | None = None
    cursor_start: str | None = None
    cursor_end: str | None = None
    findings: tuple[Finding, ...] = ()
    seconds: float | None = field(default=None, compare=False)
    sequence: int = field(default=0, compare=False)
    committed_at: datetime | None = field(default=None, compare=False)

    def batch(self, dataset: Dataset) -> Batch:
        """Its batch, so that it can be loaded once more.

        Args:
            dataset: The contract; a window is its own length where each batch is a snapshot.
        """
        return Batch(dataset.name, self.batch_id, Window(self.window_start, self.window_end), is_snapshot(dataset))


WRITTEN = tuple(each.name for each in fields(LedgerEntry) if each.name != "committed_at")
READ = (*WRITTEN, "committed_at")
"""The columns of a ledger and of `esteira.batch` in their order; the warehouse itself stamps the last one."""
