"""What the batches before had, by their curated seals: the lake tells it without a warehouse, and also while a batch is still arriving."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from esteira.drift.finding import Finding
from esteira.lake import Lake, Seal

MAX_BATCHES = 50
"""Batches that are looked back at; what is older is told as such."""
_STAMPED = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True, slots=True)
class Since:
    """Between which batches a column changed.

    Attributes:
        before: The last batch in which it was as the contract says, or was not there yet; None where no batch tells.
        first: The batch in which it came, where that is an earlier one.
        held: What the column held in the last batch that had it, of a new column that holds something else now.
    """

    before: str | None = None
    first: str | None = None
    held: str = ""


class Remembered:
    """Seals that are read one by one, each once, however often they are looked through.

    Args:
        seals: Where they come from.
    """

    def __init__(self, seals: Iterator[Seal]) -> None:
        self._read: list[Seal] = []
        self._rest = seals

    def __iter__(self) -> Iterator[Seal]:
        yield from self._read
        for seal in self._rest:
            self._read.append(seal)
            yield seal


def seals_before(lake: Lake, dataset: str, batch: str) -> Iterator[Seal]:
    """The curated seals of the batches before one, newest first. Windows are ordered by their start; what is no window by its name.

    Args:
        lake: Where they are.
        dataset: Name of the dataset; those that it had before are looked up too.
        batch: Id of the batch, itself left out.
    """
    found = {each: name for name in reversed(lake.names(dataset)) for each in lake.folders(f"curated/{name}/")}
    if _STAMPED.match(batch):
        earlier = [each for each in found if _STAMPED.match(each) and place_of(each) < place_of(batch)]
    else:
        earlier = [each for each in found if each != batch]
    for each in islice(sorted(earlier, key=place_of, reverse=True), MAX_BATCHES):
        seal = _last_seal(lake, found[each], each)
        if seal is not None:
            yield seal


def last_seal(lake: Lake, dataset: str) -> Seal | None:
    """The curated seal of the newest batch, or None where none is sealed."""
    found = lake.folders(f"curated/{dataset}/")
    newest = (_last_seal(lake, dataset, each) for each in sorted(found, key=place_of, reverse=True))
    return next((seal for seal in newest if seal is not None), None)


def place_of(batch: str) -> tuple[str, str]:
    """Where a batch stands in the order of its dataset's, by its window's start: a stamp with an hour sorts behind the same day without one."""
    return batch.rpartition("-")[0].split("_")[0], batch


def since(finding: Finding, seals: Iterable[Seal]) -> Since:
    """Between which batches a column changed.

    Args:
        finding: The column.
        seals: Those of the batches before, newest first.
    """
    if finding.change == "new":
        return _came(finding, seals)
    had = (seal.batch for seal in seals if _has(seal, finding.column) and finding.column not in _absent(seal))
    return Since(before=next(had, None))


def _came(finding: Finding, seals: Iterable[Seal]) -> Since:
    first, held = None, ""
    for seal in seals:
        if seal.seen is None:
            break  # from before it was recorded
        kind = seal.seen.new.get(finding.source)
        if kind is None and not _has(seal, finding.column):
            return Since(seal.batch, first, held)
        if first is None and kind not in {None, finding.holds}:
            held = kind or ""
        first = seal.batch
    return Since(None, first, held)


def _has(seal: Seal, column: str) -> bool:
    return any(stored.split(" ")[0] == column for stored in seal.columns)


def _absent(seal: Seal) -> tuple[str, ...]:
    return seal.seen.absent if seal.seen else ()


def _last_seal(lake: Lake, dataset: str, batch: str) -> Seal | None:
    """Of the latest loading; what a replay added to it says nothing about the source."""
    last = lake.last_generation(dataset, batch)
    seal = lake.find_seal("curated", dataset, batch, last) or lake.find_seal("curated", dataset, batch)
    while seal is not None and seal.replayed:
        seal = lake.find_seal("curated", dataset, batch, seal.replayed.generation)
    return seal
