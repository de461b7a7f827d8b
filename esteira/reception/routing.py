"""Whose a dropped file is: by its folder and by its name, before a byte of it is read."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

from esteira.contract import Dataset, Inbox, SpreadsheetSource
from esteira.extraction.known import name_fits
from esteira.lake.inbox import INBOX, Drop
from esteira.reception.letter import Refusal
from esteira.redaction import printable


def route(drop: Drop, catalogue: Mapping[str, Dataset]) -> Dataset | Refusal:
    """The dataset that takes a drop, or why none does.

    Args:
        drop: What lies in the inbox.
        catalogue: The contracts by name.
    """
    dataset = catalogue.get(drop.dataset)
    if dataset is None or not takes_files(dataset):
        return Refusal("unknown", _folder_detail(drop.dataset, catalogue))
    return refusal_by_name(dataset, drop.name, drop.size_bytes) or dataset


def takes_files(dataset: Dataset) -> bool:
    """Whether people may drop files for it."""
    return isinstance(dataset.source, SpreadsheetSource) and isinstance(dataset.source.origin, Inbox)


def refusal_by_name(dataset: Dataset, name: str, size_bytes: int) -> Refusal | None:
    """Why a file of this name and size is none of the dataset's, or None."""
    source = dataset.source
    assert isinstance(source, SpreadsheetSource)  # noqa: S101 - `takes_files` was asked before
    if not name_fits(dataset, name):
        return Refusal(
            "name", f"{printable(name, limit=200)!r} does not match {' or '.join(map(repr, source.patterns))}."
        )
    if size_bytes == 0:
        return Refusal("empty", f"{printable(name, limit=200)!r} has 0 bytes.")
    if size_bytes > source.limits.size_bytes:
        return Refusal("large", f"It has {size_bytes:,} bytes; the limit is {source.limits.size_bytes:,}.")
    return None


def _folder_detail(folder: str, catalogue: Mapping[str, Dataset]) -> str:
    names = [name for name, dataset in catalogue.items() if takes_files(dataset)]
    near = get_close_matches(folder, names, n=1)
    meant = f" Did you mean {INBOX}{near[0]}/?" if near else ""
    return f"The folder is {INBOX}{printable(folder, limit=80)}{'/' if folder else ''}.{meant}"
