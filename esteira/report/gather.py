"""Facts from where they stand: the ledger, the seals, the profiles, the quarantine. Reads, and judges nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice

from esteira.contract import Dataset
from esteira.errors import ConfigError, SealConflict
from esteira.lake import Lake, Seal
from esteira.quarantine import Holding, Mask, gather
from esteira.quarantine.read import sealed_tables
from esteira.report.facts import BatchFacts, CatalogueFacts, DatasetFacts, Sample, Stage, children_of
from esteira.report.rules import SAMPLES_OF_A_RULE
from esteira.report.trends import TREND_BATCHES
from esteira.warehouse import LedgerEntry, Warehouse
from esteira.warehouse.reads import batch_profile, histories, history, null_shares, read_status


@dataclass(frozen=True, slots=True)
class Sources:
    """Where facts are asked for.

    Attributes:
        lake: Seals, profiles and refused records.
        warehouse: Ledgers, tables and states.
        catalogue: The contracts by name.
    """

    lake: Lake
    warehouse: Warehouse
    catalogue: Mapping[str, Dataset]


@dataclass(frozen=True, slots=True)
class Ledger:
    """All that a dataset's ledger says, read once for all pages that are made of it."""

    entries: tuple[LedgerEntry, ...]

    @property
    def current(self) -> tuple[LedgerEntry, ...]:
        """The standing entry of each batch, in the order of windows."""
        newest: dict[str, LedgerEntry] = {}
        for entry in sorted(self.entries, key=lambda each: each.generation):
            newest[entry.batch_id] = entry
        return tuple(sorted(newest.values(), key=lambda each: (each.window_end, each.window_start, each.batch_id)))

    def generations(self, batch_id: str) -> tuple[LedgerEntry, ...]:
        """Every generation of a batch, oldest first."""
        return tuple(
            sorted((each for each in self.entries if each.batch_id == batch_id), key=lambda each: each.generation)
        )


def read_ledger(sources: Sources, dataset: str) -> Ledger:
    """The ledger of a dataset."""
    return Ledger(tuple(history(sources.warehouse, dataset)))


def standing(ledger: Ledger, dataset: str, batch_id: str | None = None) -> LedgerEntry:
    """The standing entry of a batch; of the newest one by default.

    Raises:
        ConfigError: The ledger does not hold it.
    """
    found = [entry for entry in ledger.current if batch_id in {None, entry.batch_id}]
    if not found:
        what = f"no batch {batch_id}" if batch_id else "no batch yet"
        raise ConfigError(
            f"The ledger of {dataset} holds {what}.",
            dataset=dataset,
            hint=f"`esteira status {dataset}` lists the last batches.",
        )
    return found[-1]


def batch_facts(sources: Sources, dataset: Dataset, ledger: Ledger, entry: LedgerEntry, stage: Stage) -> BatchFacts:
    """The facts of one generation of a batch."""
    generations = ledger.generations(entry.batch_id)
    later = [each for each in generations if each.generation > entry.generation]
    earlier = [each for each in generations if each.generation < entry.generation]
    raw, curated = _seals(sources.lake, dataset.name, entry)
    before = _until(ledger.current, entry)
    return BatchFacts(
        dataset=dataset,
        entry=entry,
        history=before,
        stage=stage,
        raw=raw,
        curated=curated,
        profiles=batch_profile(sources.warehouse, dataset.name, entry) if entry.curated else (),
        past_nulls=_past_nulls(sources.warehouse, dataset, before[-TREND_BATCHES:]),
        samples=_samples(sources.lake, dataset, raw, curated),
        watermark=ledger.current[-1].window_end,
        replaced_by=later[-1].generation if later else None,
        before=earlier[-1] if earlier else None,
        children=children_of(dataset.name, sources.catalogue),
    )


def catalogue_facts(sources: Sources, stage: Stage) -> CatalogueFacts:
    """The facts of all datasets."""
    datasets = list(sources.catalogue.values())
    ledgers = histories(sources.warehouse, sources.catalogue)
    found = zip(datasets, read_status(sources.warehouse, datasets, batches=1), strict=True)
    return CatalogueFacts(
        tuple(
            DatasetFacts(
                dataset, status.rows, status.watermark, Ledger(tuple(ledgers[dataset.name])).current, status.state,
                children_of(dataset.name, sources.catalogue),
            )
            for dataset, status in found
        ),
        stage,
    )  # fmt: skip


def _until(current: Iterable[LedgerEntry], entry: LedgerEntry) -> tuple[LedgerEntry, ...]:
    """The batches before a batch, and the generation that the page is about in the place of the standing one."""
    before = []
    for each in current:
        if each.batch_id == entry.batch_id:
            break
        before.append(each)
    return (*before, entry)


def _past_nulls(
    warehouse: Warehouse, dataset: Dataset, entries: tuple[LedgerEntry, ...]
) -> dict[str, tuple[float, ...]]:
    """Column to its share of nulls in each of these batches that has a profile, in their order."""
    found = null_shares(warehouse, dataset.name, [entry for entry in entries if entry.state == "committed"])
    known = [found[key] for entry in entries if (key := (entry.batch_id, entry.generation)) in found]
    return {name: tuple(each[name] for each in known if name in each) for name in dataset.column_names}


def _seals(lake: Lake, dataset: str, entry: LedgerEntry) -> tuple[Seal | None, Seal | None]:
    """What the ledger names and the lake still has; another seal than the committed one is as good as none."""
    if not entry.seal_hash:
        return None, None
    curated = lake.find_settled_seal("curated", dataset, entry.batch_id, entry.generation)
    if curated is None or curated.hash != entry.seal_hash:
        return None, None
    return lake.find_settled_seal("raw", dataset, entry.batch_id, curated.raw_generation), curated


def _samples(lake: Lake, dataset: Dataset, raw: Seal | None, curated: Seal | None) -> tuple[Sample, ...]:
    """Refused records, masked, from the first row group of the quarantine: a page shows some, and counts come from the seal."""
    if curated is None or not curated.quarantine:
        return ()
    held = Holding(
        curated.batch,
        curated.generation,
        "loaded",
        curated.extracted,
        raw,
        lambda: islice(sealed_tables(curated, lake), 1),
    )
    try:
        kept = Mask(dataset).kept(gather(dataset, held, lake, samples=SAMPLES_OF_A_RULE))
    except SealConflict:  # its parts are gone: purged, or taken by a lifecycle rule
        return ()
    return tuple(
        Sample(f"{reason.column}: {reason.rule}", row.where, reason.value)
        for row in kept.samples
        for reason in row.reasons
    )
