"""What is left in the lake of a dropped file that was refused: the file in raw, and what an attempt stored of its rows.

The file itself lies in `inbox-rejected/` meanwhile, and what lies here goes when that does. No ledger entry settles such a batch, so the sweep of
`esteira.upkeep.plan` would keep it for ever. Seals stay, each with a tombstone beside it: who drops the same bytes again begins a new generation.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta

from esteira.lake import Layout, Seal, Tombstone
from esteira.lake.inbox import INBOX
from esteira.lake.layout import Zone
from esteira.lake.sweep import Stored, Survey

REFUSED_AGE = timedelta(days=90)
"""As the rule `expire-rejected-files` of the bucket (infra/lake.yaml)."""
REQUEST = "maintenance"
Stone = tuple[Zone, Layout, Tombstone]


def old_refused(survey: Survey, known: Collection[str], age: timedelta, as_of: datetime) -> list[Stored]:
    """The objects that may go: those of batches that are drops, that no ledger entry names, and in which nothing is young.

    A file that waits in the inbox for as long as that is kept again by the run that takes it.

    Args:
        survey: What lies in the lake of a dataset.
        known: The batches that the ledger names.
        age: How old everything of a batch must be.
        as_of: The run's moment.
    """
    young = {batch for batch, each in _batches(survey.stored) if each.modified_at > as_of - age}
    doomed = {seal.batch for seal in survey.seals.values() if _is_drop(seal)} - young - set(known)
    return [
        each for batch, each in _batches(survey.stored) if batch in doomed and each.place and not each.place.is_seal
    ]


def stones(survey: Survey, going: Iterable[Stored], as_of: datetime) -> Iterator[Stone]:
    """A tombstone for each seal whose batch loses its parts; to be put before anything is deleted."""
    counts: dict[str, int] = {}
    for each in going:
        if each.place:
            counts[each.place.batch] = counts.get(each.place.batch, 0) + 1
    last: dict[str, int] = {}
    for seal in survey.seals.values():
        last[seal.batch] = max(seal.generation, last.get(seal.batch, 0))
    for key, seal in survey.seals.items():
        if seal.batch in counts:
            zone: Zone = "raw" if key.startswith("raw/") else "curated"
            layout = Layout(seal.dataset, seal.batch, seal.generation)
            yield zone, layout, Tombstone(as_of, REQUEST, last[seal.batch] + 1, counts[seal.batch])


def _batches(stored: Iterable[Stored]) -> Iterator[tuple[str, Stored]]:
    for each in stored:
        if each.place:
            yield each.place.batch, each


def _is_drop(seal: Seal) -> bool:
    return seal.provenance.file is not None and seal.provenance.file.place.startswith(INBOX)
