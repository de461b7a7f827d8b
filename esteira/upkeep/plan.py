"""What may leave the lake: a plan made of the ledger, a listing and the seals, with the reason of each removal.

Pure: reads no clock, no bucket and no warehouse. `esteira.lake.sweep` lists and deletes. The ledger must be read before the lake is
listed: a batch that is settled in it has its seals in any later listing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from esteira.lake.layout import batch_of_page
from esteira.lake.place import Place, place_of
from esteira.lake.sweep import Stored, Survey, Upload
from esteira.upkeep.exports import ExportPolicy, old_exports
from esteira.upkeep.refused import REFUSED_AGE, Stone, old_refused, stones
from esteira.upkeep.removal import Reason, Removal
from esteira.upkeep.sealed import Sealed, Unit
from esteira.warehouse import LedgerEntry

MIN_AGE = timedelta(days=7)
"""A process that was given up for dead may still write; none lives this long (Prefect ends a run after hours, not days)."""
UPLOAD_AGE = timedelta(days=2)
"""As in the bucket's lifecycle rule (infra/lake.yaml), for buckets without one."""
PAGE_AGE = timedelta(days=400)
"""A year to compare with and a month; a page can be made again at any time."""


@dataclass(frozen=True, slots=True)
class SweepPolicy:
    """What counts as old, and whether replaced generations go as well.

    Attributes:
        min_age: Age that the youngest object of a generation must have before anything of the generation goes.
        upload_age: Age of a multipart upload that nobody will complete.
        page_age: Age of a quality page that leaves; the latest pages stay.
        refused_age: Age of what is left of a dropped file that was refused.
        exports: Which exported files are old.
        with_superseded: Whether parts go that only a replaced generation names; `undo` and audits can then not go back to it.
    """

    min_age: timedelta = MIN_AGE
    upload_age: timedelta = UPLOAD_AGE
    page_age: timedelta = PAGE_AGE
    refused_age: timedelta = REFUSED_AGE
    exports: ExportPolicy = field(default_factory=ExportPolicy)
    with_superseded: bool = False


@dataclass(frozen=True, slots=True)
class SweepPlan:
    """What may leave the lake of one dataset.

    Attributes:
        dataset: Its name.
        removals: In the order of deletion.
        stones: Tombstones to put before that.
        warnings: Batches that were left alone because ledger and seals differ.
    """

    dataset: str
    removals: tuple[Removal, ...] = ()
    stones: tuple[Stone, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def size_bytes(self) -> int:
        """Bytes that the removals take."""
        return sum(removal.size_bytes for removal in self.removals)

    @property
    def reasons(self) -> Counter[Reason]:
        """How many go for which reason."""
        return Counter(removal.reason for removal in self.removals)


def plan_sweep(
    dataset: str, entries: Iterable[LedgerEntry], survey: Survey, policy: SweepPolicy, as_of: datetime
) -> SweepPlan:
    """Choose what may go of one dataset.

    Args:
        dataset: Its name.
        entries: Every ledger entry of it, superseded ones included, read before the survey.
        survey: What lies in the lake.
        policy: What counts as old.
        as_of: The run's moment.
    """
    sealed = Sealed(survey.seals)
    batches = _by_batch(entries)
    warnings = {batch: sealed.difference(history) for batch, history in batches.items()}
    settled = {batch: history for batch, history in batches.items() if warnings[batch] is None}
    kept = {
        *sealed.kept_keys(settled, with_superseded=policy.with_superseded),
        *_markers(survey.stored, sealed, settled),
    }
    old = _old_units(survey.stored, as_of - policy.min_age)
    removals = [
        Removal(each.key, each.size_bytes, sealed.reason(each.key, place, settled[place.batch]))
        for each, place in _places(survey.stored)
        if place.batch in settled
        and not place.is_seal
        and each.key not in kept
        and (place.batch, place.generation) in old
    ]
    refused = old_refused(survey, batches, policy.refused_age, as_of)
    removals += [Removal(each.key, each.size_bytes, "refused") for each in refused]
    told = tuple(f"{batch}: {text} Nothing of it is touched." for batch, text in warnings.items() if text)
    return SweepPlan(dataset, tuple(sorted(removals, key=_order)), tuple(stones(survey, refused, as_of)), told)


def stale_uploads(uploads: Iterable[Upload], policy: SweepPolicy, as_of: datetime) -> list[Upload]:
    """The multipart uploads that nobody will complete."""
    return [upload for upload in uploads if upload.begun_at <= as_of - policy.upload_age]


def old_pages(pages: Iterable[Stored], policy: SweepPolicy, as_of: datetime) -> tuple[Removal, ...]:
    """The quality pages of batches that have grown old."""
    limit = as_of - policy.page_age
    old = (each for each in pages if batch_of_page(each.key) is not None and each.modified_at <= limit)
    return tuple(Removal(each.key, each.size_bytes, "page") for each in old)


def exports_to_remove(
    dataset: str, stored: Iterable[Stored], latest: str | None, policy: SweepPolicy, as_of: datetime
) -> tuple[Removal, ...]:
    """The exported files that may go; `latest` is the version that readers are pointed at."""
    old = old_exports(dataset, stored, latest, policy.exports, as_of)
    return tuple(Removal(each.key, each.size_bytes, "export") for each in old)


def _markers(stored: Iterable[Stored], sealed: Sealed, settled: Mapping[str, list[LedgerEntry]]) -> Iterator[str]:
    """The smallest part of each generation that died unsealed and is later than the ledger's: it marks the number as used.

    `Lake.last_generation` finds it there; a sealed generation is marked by its seal.
    """
    candidates: dict[Unit, list[Stored]] = defaultdict(list)
    for each, place in _places(stored):
        unit = (place.batch, place.generation)
        if place.generation > 1 and place.zone != "quarantine" and unit not in sealed.raw | sealed.curated:
            candidates[unit].append(each)
    for (batch, generation), objects in candidates.items():
        if batch in settled and generation > max(entry.generation for entry in settled[batch]):
            yield min(objects, key=lambda each: ("/part-" not in each.key, each.size_bytes, each.key)).key


def _by_batch(entries: Iterable[LedgerEntry]) -> dict[str, list[LedgerEntry]]:
    found: dict[str, list[LedgerEntry]] = defaultdict(list)
    for entry in entries:
        found[entry.batch_id].append(entry)
    return dict(found)


def _old_units(stored: Iterable[Stored], limit: datetime) -> frozenset[Unit]:
    """The generations in which nothing is younger than the limit: a run that still writes protects all that it may build on."""
    youngest: dict[Unit, datetime] = {}
    for each, place in _places(stored):
        unit = (place.batch, place.generation)
        youngest[unit] = max(each.modified_at, youngest.get(unit, each.modified_at))
    return frozenset(unit for unit, moment in youngest.items() if moment <= limit)


def _places(stored: Iterable[Stored]) -> Iterator[tuple[Stored, Place]]:
    """Objects with their places; a key that Esteira did not make has none, and stays."""
    for each in stored:
        place = place_of(each.key)
        if place is not None:
            yield each, place


def _order(removal: Removal) -> tuple[bool, str]:
    """Checkpoints first: one that outlived its parts would let an extraction resume without them."""
    return "/checkpoint-" not in removal.key, removal.key
