"""What the ledger and the lake know for a message: the batches before it, what is sealed so far, why rows were refused."""

from __future__ import annotations

from blocks import open_lake, open_warehouse
from esteira.alerts.trend import TRAILING, Counts, counts_of
from esteira.errors import DataQualityError, EsteiraError
from esteira.warehouse import LedgerEntry
from esteira.warehouse.reads import newest_entries
from tasks.notices import quietly


def other_entries(dataset: str, but: str) -> list[LedgerEntry]:
    """The newest ledger entries of a dataset's other batches; none where the warehouse does not answer."""
    found: list[LedgerEntry] = quietly(lambda: newest_entries(open_warehouse(), dataset, 2 * TRAILING), [])
    return [entry for entry in found if entry.batch_id != but]


def counts_so_far(error: EsteiraError, dataset: str, batch: str) -> Counts:
    """Of a batch that failed: what is sealed of it in raw, or what the error itself counted."""
    seal = open_lake().find_settled_seal("raw", dataset, batch) if batch else None
    counted = error.extracted if isinstance(error, DataQualityError) else 0
    refused = error.quarantined if isinstance(error, DataQualityError) else 0
    return counts_of(
        other_entries(dataset, batch),
        extracted=counted or (seal.extracted if seal else None),
        quarantined=refused or None,
    )


def reasons_of(dataset: str, entry: LedgerEntry) -> dict[str, int]:
    """Refused rows of a loaded batch by rule."""
    seal = open_lake().find_settled_seal("curated", dataset, entry.batch_id, entry.generation)
    return seal.reasons if seal else {}
