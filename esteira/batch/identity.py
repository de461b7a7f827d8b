"""What a batch is, and its id: written from a window, read back from a key of the lake, shortened for people."""

from __future__ import annotations

import re
from dataclasses import dataclass

from esteira.batch.window import STAMP, Window, read_stamp, slot, stamp
from esteira.contract import Dataset, Incremental

_ID = re.compile(rf"(?P<start>{STAMP})(?:_(?P<end>{STAMP}))?-(?P<definition>[0-9a-f]{{8}})")


@dataclass(frozen=True, slots=True)
class Batch:
    """The unit of exactly-once.

    Attributes:
        dataset: Dataset name.
        id: `<window>-<hash8 of the source definition>`; readable and never made from a clock.
        window: The window it covers; for a snapshot, the slot of `as_of`.
        is_snapshot: Whether the window is a slot that is not asked of the portal: the source has no cursor, or one that is no time.
    """

    dataset: str
    id: str
    window: Window
    is_snapshot: bool

    @property
    def name(self) -> str:
        """What a person calls it: dataset and window; of a snapshot the slot's beginning."""
        return f"{self.dataset} {stamp(self.window.start) if self.is_snapshot else self.window.short}"

    @property
    def plain_name(self) -> str:
        """The same where an arrow cannot be drawn: Prefect's picture of a run leaves it out."""
        return plain(self.name)


def is_snapshot(dataset: Dataset) -> bool:
    """Whether its batches are slots of `as_of`, and no windows of a cursor."""
    return time_cursor(dataset) is None


def time_cursor(dataset: Dataset) -> Incremental | None:
    """The cursor by which its source is cut into windows; None where it has no cursor, or one that is no time."""
    incremental = dataset.source.incremental
    return incremental if incremental is not None and incremental.is_time else None


def batch_of(dataset: Dataset, window: Window) -> Batch:
    """The batch of a window."""
    is_slot = is_snapshot(dataset)
    span = stamp(window.start) if is_slot else f"{stamp(window.start)}_{stamp(window.end)}"
    return Batch(dataset.name, f"{span}-{dataset.source.definition_hash}", window, is_slot)


def parse(dataset: Dataset, batch_id: str) -> Batch | None:
    """The batch that an id of this dataset's present source definition names; None for another definition or a stranger."""
    found = _ID.fullmatch(batch_id)
    if found is None or found["definition"] != dataset.source.definition_hash:
        return None
    try:
        start = read_stamp(found["start"])
        window = Window(start, read_stamp(found["end"] or found["start"]))
        batch = batch_of(dataset, slot(start, dataset.cadence) if is_snapshot(dataset) else window)
    except (ValueError, OverflowError):
        return None  # a stray prefix of the lake that only looks like an id
    return batch if batch.id == batch_id and batch.window.start < batch.window.end else None


def plain(name: str) -> str:
    """A name without its arrow."""
    return name.replace("→", " to ")


def short(batch_id: str) -> str:
    """The window that an id tells, as in names; an id that tells none (a file's) as it is."""
    found = _ID.fullmatch(batch_id)
    if found is None:
        return batch_id
    if found["end"] is None:
        return found["start"]
    try:
        return Window(read_stamp(found["start"]), read_stamp(found["end"])).short
    except (KeyError, ValueError):
        return batch_id
