"""Batches that are files: what waits in an inbox, or is new at a portal."""

from __future__ import annotations

from esteira.contract import Dataset, Inbox, Listing, SpreadsheetSource
from esteira.errors import ConfigError
from flows.batches import BatchReport
from flows.drops import Rejected, take_waiting
from flows.file_batches import Terms
from flows.portal_files import take_fixed, take_listed


def take_files(dataset: Dataset, terms: Terms) -> list[BatchReport | Rejected]:
    """Whatever waits of a dataset of files, oldest first. A file that is refused does not stop the others.

    Raises:
        ConfigError: A span chooses among files, and the portal has one at a fixed address.
        EsteiraError: The first that is no refusal of a drop, when the other files are through.
    """
    assert isinstance(dataset.source, SpreadsheetSource)  # noqa: S101 - the flow asks for datasets of files only
    if isinstance(dataset.source.origin, Inbox):
        return take_waiting(dataset, terms)
    if isinstance(dataset.source.origin, Listing):
        return list(take_listed(dataset, terms))
    if terms.span is not None:
        raise ConfigError(
            "--start and --end choose files by their dates, and this dataset's file stands at a fixed address.",
            hint=f"Without them the file is taken if it is another. An earlier one: `esteira ingest {dataset.name} --from raw`.",
        )
    return list(take_fixed(dataset, terms))
