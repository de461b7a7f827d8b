"""Which batches have refused rows, and those rows gathered by rule; bounded by a row group in memory.

A batch with a curated seal has them in its quarantine parts. One that was stopped by its limit has none: its raw parts are validated again here,
under today's contract, and nothing is stored.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from esteira.batch import parse
from esteira.contract import Dataset
from esteira.contract.columns import POSITION_COLUMN
from esteira.errors import SealConflict
from esteira.file_batch import is_file_batch
from esteira.lake import Lake, Layout, Seal
from esteira.quarantine.again import validated
from esteira.quarantine.places import InFile, places
from esteira.quarantine.refused import Holding, Kept, Place, Reason, Refused, RuleCount, is_named
from esteira.quarantine.sentences import sentence
from esteira.warehouse import LedgerEntry


def holdings(
    dataset: Dataset, history: Iterable[LedgerEntry], lake: Lake, batches: Collection[str] = ()
) -> Iterator[Holding]:
    """The batches with refused rows, those in the table first, each group oldest window first.

    Args:
        dataset: The contract.
        history: Every ledger entry of it (`reads.history`).
        lake: Where its seals are.
        batches: Only these; none means all.

    Raises:
        SealConflict: The lake holds another seal than the ledger names.
    """
    entries: dict[str, list[LedgerEntry]] = {}
    for entry in history:
        if not batches or entry.batch_id in batches:
            entries.setdefault(entry.batch_id, []).append(entry)
    current = [max(own, key=lambda each: each.generation) for own in entries.values()]
    for entry in sorted(current, key=lambda each: (each.window_start, each.window_end, each.batch_id)):
        seal = committed_seal(dataset, entry, lake) if entry.state == "committed" else None
        replayed = _replayed(dataset, entries[entry.batch_id], lake) if seal else 0
        if seal and (seal.quarantined or replayed):
            yield _loaded(dataset, seal, lake, replayed)
    settled = {entry.batch_id for entry in current if entry.state != "given_up"}
    for batch in lake.batches(dataset.name):
        if batch not in settled and (not batches or batch in batches) and _is_own(dataset, batch):
            yield from _open(dataset, batch, lake)


def committed_seal(dataset: Dataset, entry: LedgerEntry, lake: Lake) -> Seal | None:
    """The curated seal of a committed entry; None when an erasure took its parts meanwhile, or it is gone.

    Raises:
        SealConflict: The lake holds another one.
    """
    seal = lake.find_settled_seal("curated", dataset.name, entry.batch_id, entry.generation)
    if seal is None or lake.find_tombstone("curated", Layout(seal.dataset, seal.batch, seal.generation)) is not None:
        return None
    if seal.hash != entry.seal_hash:
        raise SealConflict(
            f"The ledger holds seal {entry.seal_hash} of this batch, and the lake has {seal.hash}.",
            dataset=dataset.name,
            batch=entry.batch_id,
        )
    return seal


def gather(dataset: Dataset, holding: Holding, lake: Lake | None, *, rule: str | None = None, samples: int = 1) -> Kept:
    """Count the refused rows of a batch by rule, and take the first few of each.

    Args:
        dataset: The contract.
        holding: The batch.
        lake: Where its parts are; None where nothing of it is stored, so that its rows have no places.
        rule: Only rows that break this one: `column: rule`, a rule's name or a column's.
        samples: Rows to take of each rule, at least one.

    Raises:
        SealConflict: A part is not what was sealed.
        ContractError: The source of a batch that was stopped drifted, so that its rows cannot be told.
    """
    gathered = _Gathered(rule, max(samples, 1))
    for table in holding.tables():
        gathered.add(table)
    at = places(holding.raw, gathered.samples, lake) if lake else {}
    rows = tuple(_refused(dataset, holding, position, at, gathered.samples) for position in sorted(gathered.samples))
    rules = tuple(sorted(gathered.rules.values(), key=lambda each: (-each.rows, each.first, each.name)))
    return Kept(holding, gathered.rows, rules, rows)


def refused_rows(dataset: Dataset, holding: Holding, lake: Lake, *, rule: str | None = None) -> Iterator[Refused]:
    """Every refused row of a batch in order, with all its reasons; bounded by a row group in memory.

    Args:
        dataset: The contract.
        holding: The batch.
        lake: Where its parts are.
        rule: Only rows that break this one, as in `gather`.

    Raises:
        As `gather`.
    """
    for table in holding.tables():
        rows: dict[int, list[dict[str, Any]]] = {}
        for row in table.to_pylist():
            rows.setdefault(row[POSITION_COLUMN], []).append(row)
        named = {at: own for at, own in rows.items() if any(is_named(rule, row["column"], row["rule"]) for row in own)}
        at = places(holding.raw, named, lake)
        yield from (_refused(dataset, holding, position, at, named) for position in sorted(named))


def sealed_tables(seal: Seal, lake: Lake) -> Iterator[pa.Table]:
    """The quarantine of a curated seal, a row group at a time; all reasons of a record are in one of them."""
    for part in seal.quarantine:
        stored = pq.ParquetFile(io.BytesIO(lake.read_part(part)))
        for group in range(stored.num_row_groups):
            yield stored.read_row_group(group)


def _refused_again(dataset: Dataset, raw: Seal, lake: Lake) -> Iterator[pa.Table]:
    return (curated.bad for curated, _ in validated(dataset, raw, lake))


class _Gathered:
    """Counts and samples of tables that come one after the other."""

    def __init__(self, rule: str | None, samples: int) -> None:
        self._rule, self._most = rule, samples
        self._taken: dict[str, int] = {}
        self.rows = 0
        self.rules: dict[str, RuleCount] = {}
        self.samples: dict[int, list[dict[str, Any]]] = {}

    def add(self, table: pa.Table) -> None:
        """Take the refused rows of a chunk."""
        wanted: set[int] = set()
        positions: list[pa.ChunkedArray] = []
        for column, rule in _pairs(table):
            if not is_named(self._rule, column, rule):
                continue
            own = _of(table, column, rule)
            positions.append(own.column(POSITION_COLUMN))
            name = self._count(own, column, rule)
            room = self._most - self._taken.get(name, 0)
            wanted.update(own.column(POSITION_COLUMN).slice(0, max(room, 0)).to_pylist())
            self._taken[name] = self._taken.get(name, 0) + min(max(room, 0), own.num_rows)
        self.rows += len(np.unique(np.concatenate([each.to_numpy() for each in positions]))) if positions else 0
        for row in table.filter(pc.is_in(table.column(POSITION_COLUMN), pa.array(wanted, pa.int64()))).to_pylist():
            self.samples.setdefault(row[POSITION_COLUMN], []).append(row)

    def _count(self, own: pa.Table, column: str, rule: str) -> str:
        found = RuleCount(
            column, rule, own.num_rows, own.column(POSITION_COLUMN)[0].as_py(), own.column("value")[0].as_py() or ""
        )
        known = self.rules.get(found.name)
        self.rules[found.name] = replace(known, rows=known.rows + found.rows) if known else found
        return found.name


def _pairs(table: pa.Table) -> list[tuple[str, str]]:
    pairs = table.select(["column", "rule"]).group_by(["column", "rule"]).aggregate([])
    return [(row["column"], row["rule"]) for row in pairs.to_pylist()]


def _of(table: pa.Table, column: str, rule: str) -> pa.Table:
    return table.filter(pc.and_(pc.equal(table.column("column"), column), pc.equal(table.column("rule"), rule)))


def _refused(
    dataset: Dataset, holding: Holding, position: int, at: Mapping[int, Place], samples: Mapping[int, Sequence[Any]]
) -> Refused:
    rows = samples[position]
    said = [(row["column"], row["rule"], row["value"] or "") for row in rows]
    reasons = tuple(Reason(*each, sentence(dataset, *each)) for each in said)
    cells = {row["column"]: row["place"] for row in rows if row.get("place")}
    place = InFile(cells) if cells else at.get(position)
    return Refused(holding.batch, holding.generation, position, place, reasons, rows[0]["record"])


def _loaded(dataset: Dataset, seal: Seal, lake: Lake, replayed: int) -> Holding:
    raw = lake.find_settled_seal("raw", dataset.name, seal.batch, seal.raw_generation)
    if raw is not None and lake.find_tombstone("raw", Layout(raw.dataset, raw.batch, raw.generation)) is not None:
        raw = None
    tables = partial(sealed_tables, seal, lake)
    return Holding(seal.batch, seal.generation, "loaded", seal.extracted, raw, tables, replayed)


def _replayed(dataset: Dataset, entries: Iterable[LedgerEntry], lake: Lake) -> int:
    """Rows that replays have brought: the seals of the generations that they made say so. The first generation is none."""
    later = [entry for entry in entries if entry.state == "committed" and entry.generation > 1]
    seals = (lake.find_settled_seal("curated", dataset.name, entry.batch_id, entry.generation) for entry in later)
    return sum(seal.replayed.rows for seal in seals if seal and seal.replayed)


def _is_own(dataset: Dataset, batch: str) -> bool:
    """Whether it is a batch of the source as it is defined today, and neither a stranger nor of an older definition."""
    return parse(dataset, batch) is not None or (
        is_file_batch(batch) and batch.endswith(f"-{dataset.source.definition_hash}")
    )


def _open(dataset: Dataset, batch: str, lake: Lake) -> Iterator[Holding]:
    """A batch that is not in the table; nothing while its raw parts are incomplete."""
    generation, raw = lake.find_standing("raw", dataset.name, batch, 1)
    _, curated = lake.find_standing("curated", dataset.name, batch, 1)
    if curated is not None and curated.quarantined:
        yield Holding(
            batch, curated.generation, "waiting", curated.extracted, raw, partial(sealed_tables, curated, lake)
        )
    elif curated is None and raw is not None:
        yield Holding(batch, generation, "stopped", raw.extracted, raw, partial(_refused_again, dataset, raw, lake))
