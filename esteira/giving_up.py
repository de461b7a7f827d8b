"""When a batch is given up: the rule, without I/O.

An attempt counts when the batch itself made it fail: an error about what it holds, or the death of the process that worked at it (a part
that does not fit into memory looks like that). What is wrong around the batch, and would be as wrong for the next one, does not count:
a portal or a service that is down, a refused password, a wrong setting. Nor does a run that somebody stopped, nor an alarm about
integrity, which must never be passed by.
"""

from __future__ import annotations

from collections.abc import Sequence

from esteira.batch import Batch
from esteira.errors import (
    ContractError,
    DataQualityError,
    EsteiraError,
    GivenUp,
    LoadError,
    PayloadError,
    SpreadsheetError,
    WorkerLost,
)
from esteira.file_batch import is_file_batch
from esteira.lake import AttemptNote

COUNTED = (PayloadError, SpreadsheetError, ContractError, DataQualityError, LoadError, WorkerLost)
"""Errors about what a batch holds; that a part of it kills whoever works at it is one."""
DIED = "Its process died without a word, as when it is killed for its memory."


def ended(note: str, error: BaseException | None) -> AttemptNote:
    """How an attempt is noted. An exception that is not ours is a defect and counts; a stop from outside is excused."""
    if error is None:
        return AttemptNote(note, "done")
    is_batch = isinstance(error, COUNTED) if isinstance(error, EsteiraError) else isinstance(error, Exception)
    return AttemptNote(note, "failed" if is_batch else "excused", f"{type(error).__name__}: {error}"[:2000])


def counted(notes: Sequence[AttemptNote]) -> list[AttemptNote]:
    """The attempts that count, oldest first; what is open now is taken for dead, since a batch is worked at by one run at a time."""
    return [note for note in notes if note.outcome in {"open", "failed"}]


def reason(notes: Sequence[AttemptNote]) -> str:
    """Why the last attempt that counts failed."""
    return notes[-1].reason or DIED


def _file_given_up(batch: Batch, notes: Sequence[AttemptNote]) -> GivenUp:
    return GivenUp(
        f"The file failed {len(notes)} times and is given up; its rows are not in the table. The last time: {reason(notes)}",
        dataset=batch.dataset,
        batch=batch.id,
        hint=f"Later files are not blocked. Mend the cause, then `esteira ingest {batch.dataset} --from raw --batch {batch.id}` loads it.",
    )


def given_up(batch: Batch, notes: Sequence[AttemptNote]) -> GivenUp:
    """The error of the run that gives a batch up; it names the command that tries again."""
    if is_file_batch(batch.id):
        return _file_given_up(batch, notes)
    start, end = (f"{moment:%Y-%m-%dT%H:%MZ}" for moment in (batch.window.start, batch.window.end))
    again = (
        "the next scheduled run takes the whole source anew"
        if batch.is_snapshot
        else f"`esteira ingest {batch.dataset} --start {start} --end {end}` tries it again"
    )
    return GivenUp(
        f"The batch failed {len(notes)} times and is given up; its window is not in the table. The last time: {reason(notes)}",
        dataset=batch.dataset,
        batch=batch.id,
        hint=f"Later batches are no longer blocked. Mend the cause, then {again}.",
    )
