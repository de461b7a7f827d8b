"""Pages into the lake, under the keys of `Layout`. After the commit, as often as somebody asks: the same facts give the same page."""

from __future__ import annotations

from collections.abc import Iterator

from esteira.contract import Dataset
from esteira.lake.layout import CATALOGUE_PAGE, Layout, latest_page
from esteira.observe.standing import put_standing
from esteira.report.facts import Stage
from esteira.report.gather import Ledger, Sources, batch_facts, catalogue_facts, read_ledger, standing
from esteira.report.pages import CONTENT_TYPE, render_batch, render_catalogue
from esteira.warehouse import LedgerEntry


def put_batch_page(sources: Sources, dataset: Dataset, batch_id: str, stage: Stage) -> str:
    """Write the page of a batch's standing generation, and of the one that it replaced, which then says so; returns the first one's key.

    The newest batch's page is also the dataset's latest.

    Raises:
        ConfigError: The ledger does not hold the batch.
        LakeUnavailable, WarehouseBusy: As everywhere.
    """
    ledger = read_ledger(sources, dataset.name)
    entry = standing(ledger, dataset.name, batch_id)
    newest = ledger.current[-1]
    put_standing(
        sources.lake, dataset, newest.window_end, newest.committed_at
    )  # first: how old the data are matters more than a page
    for key, content in _pages(sources, dataset, ledger, entry, stage):
        sources.lake.put(key, content, content_type=CONTENT_TYPE)
    return Layout(dataset.name, entry.batch_id, entry.generation).page


def put_catalogue_page(sources: Sources, stage: Stage) -> str:
    """Write the page over all datasets; returns its key."""
    content = render_catalogue(catalogue_facts(sources, stage))
    sources.lake.put(CATALOGUE_PAGE, content, content_type=CONTENT_TYPE)
    return CATALOGUE_PAGE


def _pages(
    sources: Sources, dataset: Dataset, ledger: Ledger, entry: LedgerEntry, stage: Stage
) -> Iterator[tuple[str, bytes]]:
    facts = batch_facts(sources, dataset, ledger, entry, stage)
    content = render_batch(facts)
    yield Layout(dataset.name, entry.batch_id, entry.generation).page, content
    if entry == ledger.current[-1]:
        yield latest_page(dataset.name), content
    if facts.before is not None:
        replaced = batch_facts(sources, dataset, ledger, facts.before, stage)
        yield Layout(dataset.name, entry.batch_id, facts.before.generation).page, render_batch(replaced)
