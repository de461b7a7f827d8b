"""A drop that its dataset takes: its bytes into raw, and whether the table shows a newer file above them."""

from __future__ import annotations

import tempfile
from collections.abc import Collection
from pathlib import Path

from esteira.contract import Dataset, SpreadsheetSource
from esteira.extraction.files import keep_file, sealed_file
from esteira.extraction.known import later_than
from esteira.lake import Lake, Provenance, Seal, SealedFile
from esteira.lake.files import file_hash
from esteira.lake.inbox import Drop, DropZone
from esteira.warehouse import LedgerEntry


def keep(dataset: Dataset, drop: Drop, lake: Lake) -> Seal | None:
    """Bring a drop into raw, byte for byte; None when another run took it meanwhile, or its owner took it back.

    Raises:
        SpreadsheetError: Its name does not tell the period that the contract wants of it.
    """
    with tempfile.TemporaryDirectory(prefix="esteira-drop-") as folder:
        path = Path(folder) / "file"
        if not DropZone(lake).fetch(drop, path):
            return None
        file = SealedFile(drop.name, drop.size_bytes, file_hash(path), drop.moment, drop.place)
        return keep_file(dataset, path, Provenance(file=file), lake)


def newer_in_table(dataset: Dataset, drop: Drop, raw: Seal, entries: Collection[LedgerEntry]) -> LedgerEntry | None:
    """The batch that the table shows above a drop whose bytes were committed before; None where the drop may go on.

    It may where the seal names the drop itself: the run that took it died behind its commit, so it only has to leave the inbox.

    Args:
        dataset: The contract.
        drop: What lies in the inbox.
        raw: The seal of its bytes, which names the drop that brought them first.
        entries: The ledger's current entry of each batch.
    """
    assert isinstance(dataset.source, SpreadsheetSource)  # noqa: S101 - nobody else takes drops
    entry = next((each for each in entries if each.batch_id == raw.batch), None)
    if entry is None or entry.state != "committed" or sealed_file(raw).place == drop.place:
        return None
    return later_than(entry, entries, has_period=dataset.source.period is not None)
