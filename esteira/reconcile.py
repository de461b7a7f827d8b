"""Whether source, lake, ledger and table tell the same story. Reads seals, listings and counts; never a row of data.

Owns the comparison. The figures come from `Lake` and `warehouse.reads`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from esteira.lake import Lake, Seal
from esteira.warehouse import LedgerEntry


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """One dataset's line.

    Attributes:
        dataset: Its name.
        batches: Committed batches.
        source: Rows that the portal reported, or None when it told no total for some batch.
        raw: Rows sealed in raw.
        curated, quarantined: Rows sealed there.
        ledger: Rows that the ledger says the table has, or None when nothing was loaded.
        table: Rows that the table has.
        differences: One sentence each; empty when everything agrees.
    """

    dataset: str
    batches: int = 0
    source: int | None = None
    raw: int = 0
    curated: int = 0
    quarantined: int = 0
    ledger: int | None = None
    table: int | None = None
    differences: tuple[str, ...] = field(default=())

    @property
    def agrees(self) -> bool:
        """Whether nothing differs."""
        return not self.differences


@dataclass(frozen=True, slots=True)
class _Sealed:
    """A committed batch with its seals; None where there is none."""

    entry: LedgerEntry
    raw: Seal | None
    curated: Seal | None


def reconcile(dataset: str, entries: list[LedgerEntry], counts: Mapping[str, int] | None, lake: Lake) -> Reconciliation:
    """Compare everything that is known of one dataset.

    Args:
        dataset: Its name.
        entries: The current ledger entry of each batch.
        counts: Rows of the live table by the batch that wrote them, or None when there is no table.
        lake: Where its seals and parts are.
    """
    committed = [_sealed(dataset, entry, lake) for entry in entries if entry.state == "committed"]
    sizes: dict[str, int] = {}
    for name in lake.names(dataset):
        for zone in ("raw", "curated", "quarantine"):
            sizes |= lake.sizes(f"{zone}/{name}/")
    raw = [batch.raw for batch in committed if batch.raw]
    totals = [seal.total_reported for seal in raw]
    last = max(entries, key=lambda entry: entry.sequence, default=None)
    differences = [sentence for batch in committed for sentence in _batch_differences(batch, sizes)]
    differences += _table_differences(entries, last, counts)
    return Reconciliation(
        dataset=dataset, batches=len(committed),
        source=sum(total or 0 for total in totals) if totals and None not in totals else None,
        raw=sum(_rows_of(batch) for batch in committed),
        curated=sum(batch.curated.curated for batch in committed if batch.curated),
        quarantined=sum(batch.curated.quarantined for batch in committed if batch.curated),
        ledger=last.table_rows if last else None, table=None if counts is None else sum(counts.values()), differences=tuple(differences),
    )  # fmt: skip


def _rows_of(batch: _Sealed) -> int:
    """Extracted rows. Those of a file are counted when it is read, so its curated seal has them."""
    counted = batch.curated if batch.raw and batch.raw.provenance.file else batch.raw
    return counted.extracted if counted else 0


def _sealed(dataset: str, entry: LedgerEntry, lake: Lake) -> _Sealed:
    curated = lake.find_settled_seal("curated", dataset, entry.batch_id, entry.generation)
    raw = lake.find_settled_seal("raw", dataset, entry.batch_id, curated.raw_generation) if curated else None
    return _Sealed(entry, raw, curated)


def _batch_differences(batch: _Sealed, sizes: Mapping[str, int]) -> Iterator[str]:
    entry, curated, raw = batch.entry, batch.curated, batch.raw
    where = f"{entry.batch_id}, generation {entry.generation}"
    if curated is None or raw is None:
        yield f"{where}: the {'curated' if curated is None else 'raw'} seal is missing from the lake."
        return
    if curated.hash != entry.seal_hash:
        yield f"{where}: the ledger names seal {entry.seal_hash[:16]}…, the lake holds {curated.hash[:16]}…."
    # The rows of a file are counted where it is read.
    counted = ("rows read", curated.extracted) if raw.provenance.file else ("raw rows", raw.extracted)
    figures = (
        (*counted, entry.extracted),
        ("raw parts' rows", sum(part.rows for part in raw.parts), raw.extracted),
        ("curated rows", curated.curated, entry.curated),
        ("curated parts' rows", sum(part.rows for part in curated.parts), curated.curated),
        ("quarantined rows", curated.quarantined, entry.quarantined),
        # one row for each reason, and a record may have several
        ("quarantine parts' rows", sum(part.rows for part in curated.quarantine), sum(curated.reasons.values())),
        ("rows of the source", raw.total_reported, raw.extracted + raw.erased),
    )
    for name, found, expected in figures:
        if found is not None and found != expected:
            yield f"{where}: {name}: {found} against {expected}."
    for part in (*raw.parts, *curated.parts, *curated.quarantine):
        if sizes.get(part.key) != part.size_bytes:
            found_size = "does not exist" if part.key not in sizes else f"has {sizes[part.key]} bytes"
            yield f"{where}: {part.key} is sealed with {part.size_bytes} bytes and {found_size}."


def _table_differences(
    entries: list[LedgerEntry], last: LedgerEntry | None, counts: Mapping[str, int] | None
) -> Iterator[str]:
    if counts is None or last is None:
        if last is not None and last.table_rows:
            yield f"The ledger says {last.table_rows} rows and there is no table."
        return
    rows = sum(counts.values())
    if last.table_rows is not None and last.table_rows != rows:
        yield (
            f"The table has {rows} rows and the ledger says {last.table_rows} since {last.batch_id}: "
            "something other than Esteira changed it."
        )
    known = {entry.batch_id for entry in entries if entry.state == "committed"}
    for batch_id in sorted(counts.keys() - known):
        yield f"{counts[batch_id]} rows of the table name batch {batch_id}, which the ledger does not hold."
