"""Batches that are files: the id from the bytes, the window from when the file came into being. Reads no clock and does no I/O."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from esteira.batch import Batch, Window
from esteira.contract import Dataset, SpreadsheetSource
from esteira.errors import SpreadsheetError
from esteira.lake import SealedFile

PREFIX = "file-"
HASH_DIGITS = 16
"""Of the sha256 in a batch's id. A seal holds all of it, and two files that share these digits are an alarm and no batch."""
_SECOND = timedelta(seconds=1)


def file_batch(dataset: Dataset, file: SealedFile) -> Batch:
    """The batch that a file is: the same bytes are the same batch, whatever they are called and however often they come.

    Raises:
        SpreadsheetError: The file's name does not tell the period that the contract wants of it.
    """
    batch_id = f"{PREFIX}{file.sha256[:HASH_DIGITS]}-{dataset.source.definition_hash}"
    return Batch(dataset.name, batch_id, _window(dataset, file.name, file.moment), is_snapshot=True)


def is_about(dataset: Dataset, name: str, moment: datetime, span: tuple[datetime, datetime] | None) -> bool:
    """Whether a file's window begins in a span; None holds them all. A name that tells no period goes by the file's moment."""
    if span is None:
        return True
    try:
        start = _window(dataset, name, moment).start
    except SpreadsheetError:
        start = moment
    return span[0] <= start < span[1]


def is_file_batch(batch_id: str) -> bool:
    """Whether an id is that of a file."""
    return batch_id.startswith(PREFIX)


def _window(dataset: Dataset, name: str, received: datetime) -> Window:
    """From the period that the name tells, or else from the file's moment; the end orders files of one period by their moments.

    A file about a period that has not begun ends behind the period's start all the same: by as many microseconds as its moment has seconds.
    """
    moment, start = received.astimezone(UTC), _period(dataset, name)
    if start is None:
        return Window(moment, moment + _SECOND)
    return Window(start, moment if moment > start else start + timedelta(microseconds=int(moment.timestamp())))


def _period(dataset: Dataset, name: str) -> datetime | None:
    assert isinstance(dataset.source, SpreadsheetSource)  # noqa: S101 - nobody else has files
    told = dataset.source.period_of(name)
    if not told:
        return None
    try:
        return datetime(told["year"], told.get("month", 1), told.get("day", 1), tzinfo=UTC)
    except ValueError as exc:
        raise SpreadsheetError(
            f"The name {name[:80]!r} tells a period that no calendar has: {exc}.",
            hint="Correct the file's name and drop it again.",
        ) from exc
