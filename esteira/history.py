"""Committed batches as the lake still has them: what the warehouse asks for when a fold must read earlier batches again."""

from __future__ import annotations

import io

import pyarrow.parquet as pq

from esteira.contract import Column
from esteira.errors import SealConflict
from esteira.lake import Lake, Layout, Seal
from esteira.warehouse import LedgerEntry
from esteira.warehouse.history import History, StoredBatch
from esteira.warehouse.staging import stored_columns


def lake_history(lake: Lake) -> History:
    """A function that finds the sealed parts of a ledger entry in this lake; None when seal or parts are gone.

    A lifecycle rule may have removed them; another seal than the committed one is an error.
    """

    def find(dataset: str, entry: LedgerEntry) -> StoredBatch | None:
        seal = lake.find_settled_seal("curated", dataset, entry.batch_id, entry.generation)
        if seal is None or not _has_all_parts(lake, seal):
            return None
        if seal.hash != entry.seal_hash:
            raise SealConflict(
                f"The ledger holds seal {entry.seal_hash} of this batch, and the lake has {seal.hash}.",
                dataset=dataset,
                batch=entry.batch_id,
            )
        return StoredBatch(seal, lake.put_manifest(seal), _columns(lake, seal))

    return find


def _has_all_parts(lake: Lake, seal: Seal) -> bool:
    """Whether every sealed part is there, by one listing of the whole batch: a later generation may name an earlier one's parts."""
    present = lake.sizes(Layout(seal.dataset, seal.batch).prefix("curated"))
    return all(part.key in present for part in seal.parts)


def _columns(lake: Lake, seal: Seal) -> tuple[Column, ...]:
    if not seal.parts:
        return ()
    return stored_columns(pq.read_schema(io.BytesIO(lake.read_part(seal.parts[0]))))
