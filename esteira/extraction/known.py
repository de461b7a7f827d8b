"""Which files are known already: from the raw seals and the ledger's entries, so that nothing is downloaded twice."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase

from esteira.contract import Dataset, SpreadsheetSource
from esteira.extraction.beginning import Unchanged
from esteira.extraction.files import sealed_file
from esteira.file_batch import is_file_batch
from esteira.lake import Lake, Seal
from esteira.lake.bucket import MAX_CONNECTIONS
from esteira.warehouse import LedgerEntry


def name_fits(dataset: Dataset, name: str) -> bool:
    """Whether a file of this name is the dataset's."""
    source = dataset.source
    patterns = source.patterns if isinstance(source, SpreadsheetSource) else ()
    return any(fnmatchcase(name.casefold(), pattern.casefold()) for pattern in patterns)


def sealed_files(dataset: Dataset, lake: Lake) -> list[Seal]:
    """The raw seals of the present definition's files, oldest first."""
    own = f"-{dataset.source.definition_hash}"
    batches = [each for each in lake.batches(dataset.name) if is_file_batch(each) and each.endswith(own)]
    with ThreadPoolExecutor(MAX_CONNECTIONS) as pool:
        found = pool.map(lambda batch: lake.find_seal("raw", dataset.name, batch), batches)
    return sorted((seal for seal in found if seal), key=lambda seal: (sealed_file(seal).moment, seal.batch))


def open_files(sealed: Iterable[Seal], entries: Collection[LedgerEntry]) -> list[Seal]:
    """Those of the seals whose batches are not settled."""
    settled = {entry.batch_id for entry in entries}
    return [seal for seal in sealed if seal.batch not in settled]


def newest(entries: Iterable[LedgerEntry]) -> LedgerEntry | None:
    """The committed entry that stands last in the order of the table, or None."""
    committed = (entry for entry in entries if entry.state == "committed")
    return max(committed, key=lambda each: (each.window_start, each.window_end, each.batch_id), default=None)


def known_headers(dataset: Dataset, entries: Collection[LedgerEntry], lake: Lake) -> dict[str, str]:
    """The headers of a conditional request: answer only with another file than the newest in the table."""
    last = newest(entries)
    if last is None or not last.batch_id.endswith(f"-{dataset.source.definition_hash}"):
        return {}
    raw = lake.find_settled_seal("raw", dataset.name, last.batch_id)
    return Unchanged(last.batch_id, raw.provenance.etag, raw.provenance.modified).headers if raw else {}


def later_than(entry: LedgerEntry, entries: Iterable[LedgerEntry], *, has_period: bool) -> LedgerEntry | None:
    """The newest committed file that stands above a known one, or None.

    Args:
        entry: Of the known file.
        entries: The current entry of each batch.
        has_period: Whether files tell periods: then only those about the same one stand above it.
    """
    rivals = [each for each in entries if not has_period or each.window_start == entry.window_start]
    last = newest(rivals)
    return last if last is not None and last.batch_id != entry.batch_id else None
