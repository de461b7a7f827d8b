"""The trailing batches of a batch: what the ledger and the profiles say of those that came before it.

Current generations that are committed, of nearly the same length, older than it and loaded in the order of their windows: a backfill, and what was taken
out, given up or superseded, say nothing about what is usual.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from esteira.batch import Batch
from esteira.file_batch import PREFIX, is_file_batch
from esteira.quality.shift import phase
from esteira.warehouse.connection import Session
from esteira.warehouse.ledger_tables import ledger_table
from esteira.warehouse.order import ORDER
from esteira.warehouse.profiles import profile_table

_WEEK = timedelta(days=7)
_TRAIL_WEEKS, _TRAIL_LONG, _TRAIL_MOST = 8, 26, 8 * 7 * 24
"""How many batches are looked at: those of eight weeks, or of windows of a week or longer 26; of windows shorter than an hour not all of them."""
_LENGTHS = 0.12
"""By so much a window may be longer or shorter: months of 28 and 31 days are alike, and days of 23 and 25 hours."""


@dataclass(frozen=True, slots=True)
class Trailing:
    """A batch that came before.

    Attributes:
        batch_id, generation: Its current ledger row.
        start: Of its window.
        phase: Which batches are like it.
        extracted: Rows that the portal delivered.
    """

    batch_id: str
    generation: int
    start: datetime
    phase: Hashable
    extracted: int


@dataclass(frozen=True, slots=True)
class Profiled:
    """A column of a trailing batch.

    Attributes:
        batch: The batch.
        values, nulls: Its rows with a value, and those without.
        quantiles: p0, p10 … p100; empty for texts.
        top_values: Frequent values and their rows.
    """

    batch: Trailing
    values: int
    nulls: int
    quantiles: tuple[float, ...]
    top_values: tuple[tuple[str, int], ...]


def is_newest(session: Session, batch: Batch) -> bool:
    """Whether no window of the dataset begins later, in the table or in this transaction."""
    return not session.count(f"SELECT COUNT(*) FROM {ORDER} WHERE moment > %s", (batch.window.start,))


def trailing(session: Session, batch: Batch) -> list[Trailing]:
    """The batches that it is compared with, newest first: those of eight weeks, or 26 where windows are longer than a week, or files."""
    length = batch.window.end - batch.window.start
    is_long = is_file_batch(batch.id) or length >= _WEEK
    limit = _TRAIL_LONG if is_long else min(_TRAIL_WEEKS * _WEEK // length, _TRAIL_MOST)
    rows = session.rows(
        f"SELECT batch_id, generation, window_start, window_end, extracted FROM ({_placed(batch)}) AS placed "
        "WHERE (latest_before IS NULL OR latest_before <= window_start) AND window_start < %s AND batch_id <> %s "
        f"AND {_alike(batch)} ORDER BY window_start DESC LIMIT {limit}",
        (batch.window.start, batch.id),
    )
    return [
        Trailing(str(name), int(age), start, kind(name, start, end), int(got)) for name, age, start, end, got in rows
    ]


def kind(batch_id: str, start: datetime, end: datetime) -> Hashable:
    """What like batches share. All files are alike: their windows only order them."""
    return None if is_file_batch(batch_id) else phase(start, end)


def _alike(batch: Batch) -> str:
    if is_file_batch(batch.id):
        return f"LEFT(batch_id, {len(PREFIX)}) = '{PREFIX}'"
    seconds = (batch.window.end - batch.window.start).total_seconds()
    shortest, longest = round(seconds * (1 - _LENGTHS)), round(seconds * (1 + _LENGTHS))
    return f"EXTRACT(epoch FROM window_end) - EXTRACT(epoch FROM window_start) BETWEEN {shortest} AND {longest}"


def _placed(batch: Batch) -> str:
    """Committed batches with the latest window that was loaded before each of them. A rebuild does not move a batch: its first generation counts."""
    aged = (
        "SELECT batch_id, generation, window_start, window_end, extracted, state, "
        "ROW_NUMBER() OVER (PARTITION BY batch_id ORDER BY generation DESC) AS age, "
        f"MIN(sequence) OVER (PARTITION BY batch_id) AS first_loaded FROM {ledger_table(batch.dataset)}"
    )
    return (
        "SELECT batch_id, generation, window_start, window_end, extracted, "
        "MAX(window_start) OVER (ORDER BY first_loaded, window_start, batch_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) "
        f"AS latest_before FROM ({aged}) AS aged WHERE age = 1 AND state = 'committed'"
    )


def profiled(session: Session, dataset: str, column: str, batches: Sequence[Trailing]) -> list[Profiled]:
    """What the profiles say of a column, for those batches that have one."""
    if not batches:
        return []
    marks = ", ".join(["%s"] * len(batches))
    found = session.rows(
        f"SELECT batch_id, generation, value_count, null_count, quantiles, top_values FROM {profile_table(dataset)} "
        f"WHERE column_name = %s AND batch_id IN ({marks})",
        (column, *(batch.batch_id for batch in batches)),
    )
    by_batch = {(str(row[0]), int(row[1])): row[2:] for row in found}
    told = ((batch, by_batch.get((batch.batch_id, batch.generation))) for batch in batches)
    return [_profiled(batch, *facts) for batch, facts in told if facts]


def _profiled(batch: Trailing, values: int, nulls: int, quantiles: str | None, top_values: str | None) -> Profiled:
    top = tuple((str(value), int(rows)) for value, rows in json.loads(top_values or "[]"))
    return Profiled(batch, int(values), int(nulls), tuple(json.loads(quantiles or "[]")), top)
