"""Loading batches again as a new generation: from the portal, from sealed raw, or from sealed curated parts.

Plans which batches and under which generation, and finds the seal that each starts from. The warehouse then commits all of them in
one transaction (`Loader.rebuild`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec

from esteira.batch import Batch
from esteira.contract import Append, Dataset, SpreadsheetSource
from esteira.errors import ConfigError, SealConflict
from esteira.lake import Lake, Layout, Seal
from esteira.lake.layout import Zone
from esteira.lake.taken import taken_by
from esteira.warehouse import LedgerEntry

Origin = Literal["portal", "raw", "curated"]
_ONLY_AT_THE_PORTAL = "Its rows are in no zone that the rebuild may start from: rebuild it --from portal."


@dataclass(frozen=True, slots=True)
class Rebuild:
    """One batch to load again.

    Attributes:
        batch: The batch, as the ledger knows it; its source definition may be an older one.
        generation: The new generation.
        replaced: The generation that stands.
    """

    batch: Batch
    generation: int
    replaced: int


@dataclass(frozen=True, slots=True)
class Selection:
    """Which settled batches: by id, or all that lie within a span; neither means every committed one."""

    batch_ids: tuple[str, ...] = ()
    span: tuple[datetime, datetime] | None = None

    def pick(self, entries: Iterable[LedgerEntry]) -> Iterator[LedgerEntry]:
        """The entries chosen. A batch that was undone comes back only when it is named."""
        for entry in entries:
            if self.batch_ids:
                if entry.batch_id in self.batch_ids:
                    yield entry
            elif entry.state == "committed" and self._holds(entry):
                yield entry

    def _holds(self, entry: LedgerEntry) -> bool:
        return self.span is None or (self.span[0] <= entry.window_start and entry.window_end <= self.span[1])


def plan_rebuild(dataset: Dataset, entries: Collection[LedgerEntry], selection: Selection, lake: Lake) -> list[Rebuild]:
    """What to load again, oldest window first. A generation number is never used twice, not even by a run that died.

    Raises:
        ConfigError: A named batch is not in the ledger, or nothing is chosen.
    """
    unknown = set(selection.batch_ids) - {entry.batch_id for entry in entries}
    if unknown:
        raise ConfigError(
            f"The ledger of {dataset.name} knows no batch {', '.join(sorted(unknown))}.",
            dataset=dataset.name,
            hint=f"`esteira status {dataset.name}` lists the batches.",
        )
    chosen = list(selection.pick(entries))
    if not chosen:
        raise ConfigError(
            "No committed batch lies in this range, so there is nothing to load again.",
            dataset=dataset.name,
            hint="Without --from, `esteira ingest` loads what is due.",
        )
    return [_rebuild(dataset, entry, lake) for entry in chosen]


def require_askable(dataset: Dataset) -> None:
    """Refuse to ask the portal again where its answer would hold what later batches brought, and `Append` would insert it twice.

    Raises:
        ConfigError: It would, or the batch is a file: other bytes would be another batch.
    """
    if isinstance(dataset.source, SpreadsheetSource):
        raise ConfigError(
            "A batch of this dataset is a file, and raw has its bytes: there is nothing to ask for again.",
            dataset=dataset.name,
            hint="Rebuild it --from raw or --from curated.",
        )
    incremental = dataset.source.incremental
    if incremental is not None and not incremental.is_time and isinstance(dataset.write, Append):
        raise ConfigError(
            f"A batch of the cursor {incremental.cursor!r} has a start and no end: asked for again, it would bring later batches' rows too, "
            "and Append() would insert them again.",
            dataset=dataset.name,
            hint="Rebuild it --from raw or --from curated.",
        )


def _rebuild(dataset: Dataset, entry: LedgerEntry, lake: Lake) -> Rebuild:
    batch = entry.batch(dataset)
    return Rebuild(batch, next_generation(dataset.name, entry.batch_id, entry.generation, lake), entry.generation)


def next_generation(dataset: str, batch: str, standing: int, lake: Lake) -> int:
    """A number that nobody has used, not even a run that died: above the ledger's, and above all that lies in the lake."""
    begun = (lake.last_generation(name, batch) for name in lake.names(dataset))
    return max(standing, *begun) + 1


def raw_seal(rebuild: Rebuild, lake: Lake) -> Seal:
    """The newest raw seal of a batch.

    Raises:
        SealConflict: Nothing of the batch is sealed in raw.
    """
    for generation in range(rebuild.generation, 0, -1):
        seal = lake.find_settled_seal("raw", rebuild.batch.dataset, rebuild.batch.id, generation)
        if seal is not None and not _is_purged("raw", seal, lake):
            return seal
    raise SealConflict(
        "The batch has no sealed raw parts any more.",
        dataset=rebuild.batch.dataset,
        batch=rebuild.batch.id,
        hint=_ONLY_AT_THE_PORTAL,
    )


def curated_again(rebuild: Rebuild, lake: Lake) -> Seal:
    """Seal the curated parts that stand as the new generation; the parts themselves stay where they are.

    Raises:
        SealConflict: Nothing of the batch is sealed in curated, or another run has taken the number.
    """
    for generation in range(rebuild.generation - 1, 0, -1):
        seal = lake.find_settled_seal("curated", rebuild.batch.dataset, rebuild.batch.id, generation)
        if seal is not None and not _is_purged("curated", seal, lake):
            again = msgspec.structs.replace(seal, generation=rebuild.generation, replayed=None)
            found = lake.put_seal("curated", again)
            if found != again:
                raise taken_by(found)
            return again
    raise SealConflict(
        "The batch has no sealed curated parts any more.",
        dataset=rebuild.batch.dataset,
        batch=rebuild.batch.id,
        hint=f"Rebuild it --from raw. {_ONLY_AT_THE_PORTAL}",
    )


def _is_purged(zone: Zone, seal: Seal, lake: Lake) -> bool:
    """Whether an erasure took the parts of this seal; what stands in its place is another generation."""
    return lake.find_tombstone(zone, Layout(seal.dataset, seal.batch, seal.generation)) is not None
